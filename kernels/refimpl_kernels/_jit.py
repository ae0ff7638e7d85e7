"""How kernels are compiled and where the machine code is kept: flags and cache of every twin are chosen here alone.

Flags: ``contract`` (a multiplication and an addition round once) and ``nsz`` (the sign of a zero is free) change a
result by its last bits; nothing that reorders sums or assumes away NaN is on. Division by zero is NumPy's.

Cache: one file for each function, argument types, CPU, and content of the package and of its compilers. Its place is
numba's choice: NUMBA_CACHE_DIR, else the package's ``__pycache__``, else the user's cache directory. numba's own files
share an index between versions of the sources and between processes; these share nothing, and carry a checksum.
"""

from __future__ import annotations

import functools
import hashlib
import pickle
import sys
import uuid
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba
import numba.core.caching
import numba.extending
import numpy as np
import numpy.typing as npt

P = ParamSpec("P")
R = TypeVar("R")
NUMBA: Any = numba   # some versions of numba carry types, some do not
ir: Any = import_module("llvmlite.ir")


def jit(function: Callable[P, R]) -> Callable[P, R]:
    """``function``, compiled at its first call for the types of that call, or loaded from the cache."""
    return _compiled(function, {"nsz", "contract"})


def jit_as_written(function: Callable[P, R]) -> Callable[P, R]:
    """The same without any flag: each operation rounds on its own, where the bits must be those of other code."""
    return _compiled(function, set())


def _compiled(function: Callable[P, R], flags: set[str]) -> Callable[P, R]:
    compiled = NUMBA.njit(nogil=True, error_model="numpy", fastmath=flags)(function)
    if compiled is not function:   # NUMBA_DISABLE_JIT=1 leaves the function as it is
        try:
            compiled._cache = KernelCache(function)
        except RuntimeError:
            say_uncached("numba finds no directory that it can write")
    return cast(Callable[P, R], compiled)


def intrinsic(function: Callable[..., Any]) -> Any:
    """``function`` of the types of a call, which returns that call's signature and the writer of its LLVM instructions."""
    return NUMBA.extending.intrinsic(function)


@functools.cache
def made_for(feature: str) -> bool:
    """Whether the machine code is for CPUs with this feature, in LLVM's words: those of NUMBA_CPU_FEATURES, or of this one."""
    named = "" if NUMBA.config.CPU_NAME and NUMBA.config.CPU_FEATURES is None else NUMBA.config.CPU_FEATURES
    here = import_module("llvmlite.binding").get_host_cpu_features() if named is None else {name[1:]: name[0] == "+" for name in named.split(",") if name}
    return bool(here.get(feature, False))


def readonly(array: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A read-only view: numba compiles one version for frozen and writable inputs instead of two."""
    view = array.view()
    view.flags.writeable = False
    return view


class KernelCache(NUMBA.core.caching.FunctionCache):  # type: ignore[misc]
    """numba's cache of one function, with files of our own behind it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file = Files(Path(self._cache_path), f"{function.__module__}.{function.__qualname__}")

    def save_overload(self, sig: object, data: object) -> None:
        """Store ``data``; a disk that refuses costs the next process a compilation and this one a sentence."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            say_uncached(error.strerror or str(error))


class Files:
    """Machine code by key: a checksum and a pickle in one file, which is replaced as a whole."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name

    def path(self, key: object) -> Path:
        """The file of ``key`` (types, CPU, bytecode) under the present sources and versions."""
        digest = hashlib.sha256(f"{fingerprint()} {key!r}".encode()).hexdigest()
        return self.folder / f"{self.name}-{digest[:24]}.nbc"

    def load(self, key: object) -> Any:
        """What was stored under ``key``, or None where the file is absent, unreadable or damaged."""
        try:
            content = self.path(key).read_bytes()
        except OSError:
            return None
        checksum, data = content[:32], content[32:]
        return pickle.loads(data) if hashlib.sha256(data).digest() == checksum else None

    def save(self, key: object, value: object) -> None:
        """Store ``value`` under ``key``; a reader sees the old file or the new one, never half of one."""
        data: bytes = NUMBA.core.caching.dumps(value)
        temporary = self.folder / f"{uuid.uuid4().hex}.tmp"
        try:
            temporary.write_bytes(hashlib.sha256(data).digest() + data)
            temporary.replace(self.path(key))
        except OSError:
            temporary.unlink(missing_ok=True)
            raise

    def flush(self) -> None:
        """Forget every version of the function (numba's ``Dispatcher.recompile`` asks for it)."""
        for file in self.folder.glob(f"{self.name}-*.nbc"):
            file.unlink(missing_ok=True)


@functools.cache
def fingerprint() -> str:
    """Hash of all sources of the package and of the versions that turn them into machine code."""
    folder = Path(__file__).parent
    sources = {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.rglob("*.py")}
    versions = (sys.version, np.__version__, NUMBA.__version__, import_module("llvmlite").__version__)
    return hashlib.sha256(repr((sorted(sources.items()), versions)).encode()).hexdigest()


@functools.cache
def say_uncached(why: str) -> None:
    """One sentence for each reason that keeps compiled kernels from the disk."""
    warnings.warn(
        f"compiled kernels are not kept on disk, so every process compiles them anew ({why}); "
        "NUMBA_CACHE_DIR=<a writable directory> keeps them",
        RuntimeWarning,
        stacklevel=3,
    )
