"""The choice between a definition in NumPy and its compiled twin; the only module that knows of refimpl_kernels.

A function decorated with :func:`twin` *is* its definition. ``auto``, the default, takes the twin where a rule on the
sizes says that it repays numba's start; ``numpy`` and ``kernels`` force one side at every size. The environment variable
REFIMPL_IMPLEMENTATION sets the choice for the process, ``with implementation("numpy"):`` for a block.
"""

from __future__ import annotations

import functools
import importlib
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, Protocol, TypeVar, cast

import numpy as np

from refimpl.errors import DomainError

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
R_co = TypeVar("R_co", covariant=True)

VARIABLE = "REFIMPL_IMPLEMENTATION"

REPAYS = 10**9
"""Work from which ``auto`` takes the twin: numba's warm start, 0.3 s, times what NumPy does meanwhile. Elementwise
arithmetic on 1e5 to 4e6 numbers ran at 2e9 to 4e9 operations a second (hermite_sum, one core), so 0.3 s are 1e9."""


class MissingTwinsError(ImportError):
    """The compiled twins were asked for by name and cannot be imported."""


class Twinned(Protocol[P, R_co]):
    """A plain function that runs its definition or its twin, with the definition within reach."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...

    @property
    def reference(self) -> Callable[P, R_co]:
        """The definition, after the same border, whatever is chosen."""

    @property
    def repays(self) -> Callable[P, bool]:
        """Whether ``auto`` takes the twin for arguments of these sizes."""


# ---- the choice

_chosen: ContextVar[str | None] = ContextVar("refimpl implementation", default=None)


@contextmanager
def implementation(name: str) -> Iterator[None]:
    """Within the block, calls take this side: ``numpy``, ``kernels`` or ``auto``.

    A ContextVar: new threads, worker processes and dask do not inherit it, so whoever starts them enters it there.
    """
    token = _chosen.set(_checked("implementation", name))
    try:
        yield
    finally:
        _chosen.reset(token)


@contextmanager
def decided(work: int) -> Iterator[None]:
    """Within the block, ``auto`` takes the side that one call of this much work would: for a sum that comes in parts, so that no size of a part
    moves a bit."""
    side = current_implementation()
    with implementation(_side(work) if side == "auto" else side):
        yield


def current_implementation() -> str:
    """``numpy``, ``kernels`` or ``auto``; inside a twinned function, the side that its outermost call has taken."""
    return _chosen.get() or _from_environment()


def resolve() -> str:
    """The side a whole run takes, to be written into its key: ``auto`` is ``kernels`` where they can be imported."""
    name = current_implementation()
    if name == "auto":
        return "kernels" if _twins_are_there() else "numpy"
    if name == "kernels":
        _twins()
    return name


@functools.cache
def _from_environment() -> str:
    return _checked(VARIABLE, os.environ.get(VARIABLE, "auto"))


def _checked(variable: str, name: str) -> str:
    if name not in ("numpy", "kernels", "auto"):
        raise DomainError(f"{variable} = {name!r}; it must be numpy, kernels or auto")
    return name


# ---- the decorator

def twin(*, border: Callable[P, tuple[Any, ...]], work: Callable[..., int], looks: bool = False) -> Callable[[Callable[..., R]], Twinned[P, R]]:
    """A definition in NumPy whose calls may go to refimpl_kernels.<its module>.<its name>.

    Parameters
    ----------
    border : takes the arguments of the definition; returns them all, checked and normalised, in order
    work : the number of floating-point operations, from the normalised arguments' shapes alone
    looks : True where the twin itself looks whether its result is finite, while it is at hand, and returns None where it is not

    Units
    -----
    ``work`` counts operations of elementwise NumPy; an operation of BLAS is worth about 1/20 of one.

    Errors
    ------
    A twin raises nothing of its own: where its result is None or not finite the definition runs, and its error says why.
    """
    def decorate(definition: Callable[..., R]) -> Twinned[P, R]:
        place = definition.__module__.rpartition(".")[2], definition.__name__
        names = definition.__code__.co_varnames[definition.__code__.co_argcount:][:definition.__code__.co_kwonlyargcount]

        @functools.wraps(definition)
        def chosen(*args: P.args, **kwargs: P.kwargs) -> R:
            arguments = border(*args, **kwargs)
            side = current_implementation()
            if side != "auto":
                return run(side, arguments)
            side = _side(work(*arguments))
            token = _chosen.set(side)   # calls made inside take the same side: the rule is asked at the outermost call
            try:
                return run(side, arguments)
            finally:
                _chosen.reset(token)

        def run(side: str, arguments: tuple[Any, ...]) -> R:
            if side == "numpy":
                return call(definition, arguments)
            result: R | None = call(_load(*place), arguments)
            return result if result is not None and (looks or _finite(result)) else call(definition, arguments)

        def call(function: Callable[..., T], arguments: tuple[Any, ...]) -> T:
            first = len(arguments) - len(names)   # from there on the definition takes keywords alone
            return function(*arguments[:first], **dict(zip(names, arguments[first:], strict=True)))

        @functools.wraps(definition)
        def reference(*args: P.args, **kwargs: P.kwargs) -> R:
            arguments = border(*args, **kwargs)
            with implementation("numpy"):   # calls made inside are definitions, too
                return call(definition, arguments)

        def repays(*args: P.args, **kwargs: P.kwargs) -> bool:
            return work(*border(*args, **kwargs)) >= REPAYS

        reference.__qualname__ += ".reference"   # pickle finds it there
        vars(chosen).update(reference=reference, repays=repays)
        return cast(Twinned[P, R], chosen)

    return decorate


def _side(work: int) -> str:
    return "kernels" if work >= REPAYS and _twins_are_there() else "numpy"


def _finite(result: Any) -> bool:
    parts = result if isinstance(result, tuple) else (result,)
    return all(bool(np.isfinite(part).all()) for part in parts)


# ---- the twins

@functools.cache
def _load(module: str, name: str) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(importlib.import_module(f"{_twins()}.{module}"), name)
    return function


def _twins() -> str:
    """The name of the package of twins, or the error of whoever insists on them."""
    failure = _failure()
    if failure is not None:
        raise MissingTwinsError(
            f"the compiled twins cannot be imported ({failure}); `pip install refimpl` brings them and numba, "
            "and the implementations numpy and auto do without"
        )
    return "refimpl_kernels"


@functools.cache
def _twins_are_there() -> bool:
    """Whether ``auto`` has twins to take; if not, one sentence for the process."""
    failure = _failure()
    if failure is not None:
        warnings.warn(f"the compiled twins cannot be imported ({failure}); everything runs on NumPy", RuntimeWarning, stacklevel=4)
    return failure is None


@functools.cache
def _failure() -> str | None:
    """Why the twins cannot be imported, if so: numba fails in many ways, and each leaves NumPy intact."""
    try:
        import refimpl_kernels
        importlib.import_module(f"{refimpl_kernels.__name__}._jit")
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None
