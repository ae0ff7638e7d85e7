"""The wrong variants that every entry must reject: applied to the value of a route, so that they cost nothing and fit every kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np

from proofs_checks.engine.compare import Numbers, Value, align
from proofs_checks.engine.evidence import AtMost, AtMostOn, Evidence, Frequency, Sides

Transform: TypeAlias = Callable[[Numbers], Numbers | None]


def _transpose(value: Numbers) -> Numbers | None:
    return value.T if value.ndim == 2 else None


def _shift(value: Numbers) -> Numbers | None:
    return np.roll(value, 1, axis=-1) if value.ndim else np.asarray(value + 1)


UNIVERSAL: dict[str, Transform] = {
    "zero": lambda value: 0 * value,
    "sign": lambda value: -value,
    "factor 2": lambda value: 2 * value,
    "transpose": _transpose,
    "shift by one": _shift,
}
REARRANGING = ("transpose", "shift by one")

# An inequality loses nothing when its bound grows: what must be told apart is a bound that is too small.
UNIVERSAL_BOUND: dict[str, Transform] = {
    "zero": UNIVERSAL["zero"],
    "sign": UNIVERSAL["sign"],
    "factor 2": lambda value: value - abs(value) / 2,
}


def universal(evidence: Evidence) -> Iterator[tuple[str, Evidence]]:
    """(name, evidence) for each universal variant that changes the value of a route at this instance."""
    if isinstance(evidence, AtMostOn):
        yield from _universal_on(evidence)
        return
    names = [name for name, value in evidence.routes.items() if value is not None]
    routes = dict(zip(names, align([evidence.routes[name] for name in names]), strict=True))
    kept = dict(routes) if isinstance(evidence, Sides | AtMost) else {}
    bounded = isinstance(evidence, AtMost) or (isinstance(evidence, Frequency) and evidence.claimed == "bound")
    for route in ["bound"] if bounded else names:
        value = routes[route].middle
        for name, transform in (UNIVERSAL_BOUND if bounded else UNIVERSAL).items():
            wrong = transform(value)
            if wrong is not None and not _equivalent(name, value, wrong, bounded):
                yield f"{name}: {route}", evidence.instead({**kept, route: Value(np.asarray(wrong))})


def _universal_on(evidence: AtMostOn) -> Iterator[tuple[str, Evidence]]:
    bound = evidence.routes["bound"]
    yield "zero: bound", evidence.instead({"bound": lambda *x: 0})
    yield "sign: bound", evidence.instead({"bound": lambda *x: -bound(*x)})
    yield "factor 2: bound", evidence.instead({"bound": lambda *x: bound(*x) - abs(bound(*x)) / 2})


def _equivalent(name: str, value: Numbers, wrong: Numbers, bounded: bool) -> bool:
    """A symmetric matrix is its own transpose and a constant vector its own shift, up to the last 12 bits of the largest entry; a bound
    that did not fall anywhere is no wrong bound."""
    if bounded:
        return not np.any(wrong < value)
    if name not in REARRANGING or wrong.shape != value.shape:
        return False
    return bool(np.all(abs(wrong - value) * 2**40 <= np.max(abs(value), initial=0)))
