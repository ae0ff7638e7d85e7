"""What this installation has and lacks, as plain data and as text; ``python -m refimpl doctor`` prints it.

Nothing here raises, whatever is broken: what cannot be found out is said with its reason, in its own line. Nothing is created either.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module, metadata
from importlib.util import find_spec
from json import dumps
from pathlib import Path
from typing import Any

RUNTIME = ("numpy", "scipy", "numba", "threadpoolctl")
EXTRAS = {
    "audit": ("hypothesis", "python-flint", "mpmath", "jinja2", "rich", "latex2mathml"),
    "plots": ("matplotlib", "rich"),
    "cluster": ("dask", "distributed"),
    "sklearn": ("scikit-learn",),
    "test": ("pytest",),
    "bench": ("torch", "jax"),
    "dev": ("ruff", "mypy", "scipy-stubs", "import-linter", "pre-commit"),
}
VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_CACHE_DIR", "REFIMPL_IMPLEMENTATION")
UNKNOWN = "unknown"     # the key of a reason
OK, BROKEN = 0, 4


def report() -> dict[str, Any]:
    """What can be found out about this process, as plain data.

    Source
    ------
    A convention of this package, not of a paper.

    Returns
    -------
    dict   by name python, runtime, extras, blas, cores, environment, twins, cache, disk, sources; what cannot be found out is
        ``{"unknown": why}``

    Units
    -----
    Sizes in bytes.

    Errors
    ------
    None.
    """
    return {name: _answer(question) for name, question in QUESTIONS.items()}


def lines(report: dict[str, Any]) -> Iterator[str]:
    """A report as text, a fact a line.

    Source
    ------
    A convention of this package, not of a paper.

    Parameters
    ----------
    report : of :func:`report`, or what has become of it as JSON

    Returns
    -------
    iterator of str   lines without their ends

    Units
    -----
    Sizes in megabytes of 10^6 bytes.

    Errors
    ------
    None.
    """
    for name, answer in report.items():
        if _is_unknown(answer):
            yield f"{name:<13}cannot be found out ({answer[UNKNOWN]})"
        else:
            for line in [*TEXTS[name](answer)] or ["none found"]:
                yield f"{name:<13}{line}"
                name = ""


def run(json: bool) -> int:
    """Print the report; the exit code says whether everything that is needed is there.

    Source
    ------
    A convention of this package, not of a paper.

    Parameters
    ----------
    json : one JSON object in place of lines

    Returns
    -------
    int   0, or 4 where a runtime dependency or the twins cannot be imported, or REFIMPL_IMPLEMENTATION is none

    Units
    -----
    None.

    Errors
    ------
    None.
    """
    found = report()
    print(dumps(found, indent=2, sort_keys=True) if json else "\n".join(lines(found)))
    return OK if _whole(found) else BROKEN


def _whole(found: dict[str, Any]) -> bool:
    return (all(package["fails"] is None for package in found["runtime"].values())
            and not _is_unknown(found["twins"]) and found["twins"]["fails"] is None and not _is_unknown(found["twins"]["chosen"]))


# ---- questions

def _answer(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except Exception as error:
        return {UNKNOWN: _said(error)}


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _is_unknown(answer: Any) -> bool:
    return isinstance(answer, dict) and UNKNOWN in answer


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except Exception:       # not installed, or with damaged metadata
        return None


def _failure(module: str) -> str | None:
    try:
        import_module(module)
    except Exception as error:
        return _said(error)
    return None


def _python() -> dict[str, Any]:
    return {"version": sys.version.split()[0], "executable": sys.executable}


def _runtime() -> dict[str, Any]:
    return {name: {"version": _version(name), "fails": _failure(name)} for name in RUNTIME}


def _extras() -> dict[str, Any]:
    return {extra: {name: _version(name) for name in names} for extra, names in EXTRAS.items()}


def _blas() -> list[dict[str, Any]]:
    _failure("numpy.linalg")
    _failure("scipy.linalg")
    libraries = import_module("threadpoolctl").threadpool_info()
    return [{key: library.get(key) for key in ("internal_api", "version", "num_threads", "filepath")} for library in libraries]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _environment() -> dict[str, str | None]:
    return {name: os.environ.get(name) for name in VARIABLES}


def _twins() -> dict[str, Any]:
    """What the choice between the two sides comes to."""
    twins = import_module("refimpl._twins")
    fails = twins._failure()
    return {"fails": fails, "auto": "numpy" if fails else "kernels", "chosen": _answer(twins.current_implementation)}


def _cache() -> dict[str, Any]:
    """The first folder that numba would take: the user's choice, the package's own, the user's cache directory."""
    folders = [folder for folder in _cache_folders() if _writable(folder)]
    folder = folders[0] if folders else next(_cache_folders())
    files = list(folder.rglob("refimpl_kernels.*.nbc"))
    return {"folder": str(folder), "files": len(files), "bytes": sum(file.stat().st_size for file in files), "writable": bool(folders),
            "free": _answer(lambda: shutil.disk_usage(_nearest(folder)).free)}


def _cache_folders() -> Iterator[Path]:
    if os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(os.environ["NUMBA_CACHE_DIR"])
    spec = find_spec("refimpl_kernels")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("refimpl_kernels is not found, so there is no machine code to keep")
    yield Path(spec.origin).parent / "__pycache__"
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    yield Path(home) / "numba"


def _nearest(folder: Path) -> Path:
    """The folder, or the first above it that exists."""
    return next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())


def _writable(folder: Path) -> bool:
    return os.access(_nearest(folder), os.W_OK | os.X_OK)


def _disk() -> dict[str, Any]:
    here = Path.cwd()
    return {"folder": str(here), "writable": _writable(here), "free": shutil.disk_usage(here).free}


def _sources() -> dict[str, Any]:
    grid = import_module("refimpl.sweeps.grid")
    return {name: _answer(partial(_hash, grid, name)) for name in ("refimpl", "refimpl_kernels")}


def _hash(grid: Any, package: str) -> str:
    return str(grid.tree_hash(grid._package(package)))


QUESTIONS: dict[str, Callable[[], Any]] = {
    "python": _python, "runtime": _runtime, "extras": _extras, "blas": _blas, "cores": _cores, "environment": _environment,
    "twins": _twins, "cache": _cache, "disk": _disk, "sources": _sources,
}


# ---- answers as text

def _megabytes(size: Any) -> str:
    return f"unknown ({size[UNKNOWN]})" if _is_unknown(size) else f"{size / 1e6:.1f} MB"


def _may(writable: bool) -> str:
    return "writable" if writable else "not writable"


def _twins_text(twins: dict[str, Any]) -> Iterator[str]:
    yield "can be imported" if twins["fails"] is None else f"cannot be imported ({twins['fails']}); `pip install refimpl` brings them and numba"
    yield f"auto is {twins['auto']}; chosen: {twins['chosen'][UNKNOWN] if _is_unknown(twins['chosen']) else twins['chosen']}"


def _cache_text(cache: dict[str, Any]) -> Iterator[str]:
    yield f"{cache['files']} files, {_megabytes(cache['bytes'])}, in {cache['folder']} ({_may(cache['writable'])}, {_megabytes(cache['free'])} free)"
    if not cache["writable"]:
        yield "compiled kernels are not kept, so every process compiles them anew; NUMBA_CACHE_DIR=<a writable directory> keeps them"


TEXTS: dict[str, Callable[[Any], Iterator[str]]] = {
    "python": lambda python: iter([f"{python['version']} ({python['executable']})"]),
    "runtime": lambda runtime: (f"{name} {package['version'] or 'not installed'}" + (f", cannot be imported ({package['fails']})" if package["fails"] else "")
                                for name, package in runtime.items()),
    "extras": lambda extras: (f"{extra}: " + ", ".join(f"{name} {version or 'not installed'}" for name, version in names.items()) for extra, names in extras.items()),
    "blas": lambda libraries: (f"{library['internal_api']} {library['version']}, {library['num_threads']} threads ({library['filepath']})" for library in libraries),
    "cores": lambda cores: iter([f"{cores} for this process"]),
    "environment": lambda variables: (f"{name} {'is not set' if value is None else f'= {value}'}" for name, value in variables.items()),
    "twins": _twins_text,
    "cache": _cache_text,
    "disk": lambda disk: iter([f"{_megabytes(disk['free'])} free in {disk['folder']} ({_may(disk['writable'])}), where results are written"]),
    "sources": lambda sources: (f"{name}: {value[UNKNOWN] if _is_unknown(value) else value}" for name, value in sources.items()),
}
