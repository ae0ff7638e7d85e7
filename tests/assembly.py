"""The machine code of a kernel, for the tests that look which instructions its loops are made of."""

from __future__ import annotations

import platform

import numba
import pytest

from refimpl_kernels._jit import made_for


def assembly(function, *types):
    """What the compiler makes of a kernel for these types, where that is code for AVX; anew, as numba shows none of cached code."""
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip(f"reads x86-64 assembly, and this is {platform.machine()}")
    if numba.config.DISABLE_JIT or not made_for("avx"):
        pytest.skip("without a compiler or without AVX there is nothing to read")
    loop = numba.jit(**function.targetoptions)(function.py_func)
    loop.compile(types)
    (text,) = loop.inspect_asm().values()
    return text


def array(ndim, *, dtype=numba.float64, readonly=False):
    """The type of an array in C order."""
    return numba.types.Array(dtype, ndim, "C", readonly=readonly)
