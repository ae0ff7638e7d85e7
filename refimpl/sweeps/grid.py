"""What is computed: cells, their parameters in one canonical form, and the key that says on what a result depends.

A cell is a function of plain parameters and a generator. Its stream comes from the root seed and the parameters alone,
so no order, number of workers or engine moves a draw; its key also covers the cell's name, the sources, the versions and
the implementation, so that an edited comment computes again and nothing stale is ever served.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import os
import socket
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from importlib import import_module, metadata
from importlib.util import find_spec
from numbers import Integral
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from refimpl.errors import DomainError, DtypeError, count, number

Cell: TypeAlias = Callable[[dict[str, Any], np.random.Generator], Mapping[str, Any]]

LARGEST_SEED = 2**63 - 1    # a column of SQLite


class SweepError(ValueError):
    """What keeps a sweep from going on, in one sentence; what was committed before is kept."""


# ---- parameters

def grid(**axes: Iterable[Any]) -> list[dict[str, Any]]:
    """The product of the axes: a list of parameters, the last axis running fastest.

    ``grid(d=[10, 20], n=[64, 128])`` holds d = 10, n = 64 first and d = 10, n = 128 second.

    Source
    ------
    A convention of this package, not of a paper.

    Parameters
    ----------
    axes : the values of each parameter: None, truth values, finite numbers, strings, and lists of these

    Returns
    -------
    list of dict   plain: a number of NumPy has become Python's, a tuple a list

    Units
    -----
    None.

    Errors
    ------
    DomainError   for no axis, or an axis without values; DtypeError, NonFiniteError for an axis or a value of another kind.
    """
    if not axes:
        raise DomainError("the grid has no axis; name one, as in grid(n=[64, 128])")
    values = {name: _axis(name, axis) for name, axis in axes.items()}
    return [dict(zip(values, point, strict=True)) for point in itertools.product(*values.values())]


def _axis(name: str, axis: Any) -> list[Any]:
    if isinstance(axis, str | bytes | Mapping) or not isinstance(axis, Iterable):
        raise DtypeError(f"{name} = {axis!r} is of type {type(axis).__name__}; an axis is a list of values, as in {name}=[64, 128]")
    values = [plain(f"{name}[{i}]", value) for i, value in enumerate(axis)]
    if not values:
        raise DomainError(f"{name} has no values; every axis of a grid needs one")
    return values


def plain(name: str, value: Any) -> Any:
    """``value`` as JSON knows it: None, bool, int, finite float, str or a list of these."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, float | np.floating):
        return number(name, value)
    if isinstance(value, list | tuple):
        return [plain(f"{name}[{i}]", entry) for i, entry in enumerate(value)]
    raise DtypeError(f"{name} is of type {type(value).__name__}; it must be a number, a string, a truth value, None or a list of these")


def canonical(name: str, values: Any) -> str:
    """A dict of plain values as JSON, names sorted, without spaces: equal texts mean equal values."""
    if not isinstance(values, Mapping):
        raise DtypeError(f"{name} is of type {type(values).__name__}; it must be a dict of plain numbers and strings")
    for key in values:
        if not isinstance(key, str) or not key:
            raise DtypeError(f"{name} has the name {key!r}; names are non-empty strings")
    return compact({key: plain(f"{name}[{key!r}]", value) for key, value in values.items()})


def compact(value: Any) -> str:
    """Plain data as the one JSON text that stands for it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def order(text: str) -> tuple[Any, ...]:
    """Sorts canonical parameters as a reader would: name by name, numbers by size."""
    return *((name, *_rank(value)) for name, value in json.loads(text).items()), ("", text)


def _rank(value: Any) -> tuple[Any, ...]:
    if isinstance(value, list):
        return 4, tuple(_rank(entry) for entry in value)
    if isinstance(value, str):
        return 3, value
    return (0, 0) if value is None else (1, value) if isinstance(value, bool) else (2, value)


# ---- the key

class Job(NamedTuple):
    """What the cells of one sweep share; it travels with every batch."""

    module: str           # where a worker finds the cell
    function: str
    cell: str             # its name in the key: "package.module:function"
    seed: int
    implementation: str   # numpy or kernels, never auto
    versions: str         # JSON: python, numpy, scipy, numba, and the hash of all sources
    driver: str           # host and process of whoever asked


def job_of(cell: Cell, seed: Any, implementation: str) -> Job:
    """The job of ``cell``, or why it is no cell."""
    module, function = getattr(cell, "__module__", None), getattr(cell, "__qualname__", "")
    if module is None or getattr(sys.modules.get(module), function, None) is not cell:
        raise DomainError(f"cell = {cell!r}; a cell is a function at the top level of a module, so that its source and its name are its own")
    file = getattr(sys.modules[module], "__file__", None)
    if file is None:
        raise DomainError(f"cell = {function} of {module}, which has no file; a cell's source is part of its key, so write it into a module")
    if count("rng", seed, least=0) > LARGEST_SEED:
        raise DomainError(f"rng = {seed}; a sweep's root seed must be below 2^63")
    name = Path(file).stem if module == "__main__" else module
    return Job(module, function, f"{name}:{function}", int(seed), implementation, versions(module, implementation), driver())


class Outcome(NamedTuple):
    """One cell, computed: its result as JSON, or its error."""

    result: str | None
    error: str | None
    seconds: float
    finished: str    # UTC


def now() -> str:
    """The time in UTC, as ISO 8601 writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def key(job: Job, text: str) -> str:
    """The key of the cell with canonical parameters ``text``."""
    return hashlib.sha256(compact([job.cell, text, job.seed, job.implementation, job.versions]).encode()).hexdigest()


def driver() -> str:
    """This host and process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def versions(module: str, implementation: str) -> str:
    """Versions and the hash of all sources, as JSON; an error where a source has changed since this process first read it."""
    packages = ("refimpl", "refimpl_kernels") if implementation == "kernels" else ("refimpl",)
    hashes = []
    for root in (*(_package(name) for name in packages), _file(module)):
        hashes.append(tree_hash(root))
        if hashes[-1] != _first_hash(root):
            raise SweepError(f"{root} has changed since this process read it; start a new process, so that what runs is what its key says")
    return compact({"python": sys.version.split()[0], "numpy": np.__version__, "scipy": _version("scipy"), "numba": _version("numba"),
                    "sources": hashlib.sha256(compact(hashes).encode()).hexdigest()})


def tree_hash(root: Path) -> str:
    """Hash of one source file, or of every one in a folder with its path."""
    files = sorted(root.rglob("*.py")) if root.is_dir() else [root]
    hashes = {file.relative_to(root).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    return hashlib.sha256(compact(hashes).encode()).hexdigest()


@functools.cache
def _first_hash(root: Path) -> str:
    return tree_hash(root)


@functools.cache
def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise SweepError(f"the sources of {name} are not found, and a cell's key covers them")
    return Path(spec.origin).parent


def _file(module: str) -> Path:
    return Path(str(import_module(module).__file__))
