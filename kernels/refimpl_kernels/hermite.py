"""Twins of refimpl.hermite."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from refimpl_kernels._jit import NUMBA, intrinsic, ir, jit, readonly
from refimpl_kernels._vectors import INDEX, LANES, VECTOR, call, load, spread, store

Array = npt.NDArray[np.float64]

VECTORS = 6            # vectors at a time: their z, B_{k+1} and B_{k+2} stay in 18 registers, and no step waits for the one before
TILE = LANES * VECTORS
MOST = 512             # K up to which s^k / k! stays below 1e110


# ---- the series

def hermite_sum(c: Array, z: Array) -> Array | None:
    r"""Twin of refimpl.hermite.hermite_sum: two fused operations a step, for B_k = (s^k / k!) b_k.

    .. math:: B_k = \frac{s^k}{k!} c_k + \frac zs B_{k+1} - \frac{k+1}{s^2} B_{k+2}, \qquad b_0 = B_0

    s is a power of two, so that z / s and (k + 1) / s^2 are exact, and s^k >= k!, so that nothing underflows which did not in b_k.
    A z that is not finite makes B_0 so, as each of its steps multiplies by z; K = 0 takes two with c_1 = c_2 = 0.
    """
    K = len(c) - 1
    if K > MOST:
        return None
    s, weights, minus = scaling(K)
    steps = np.zeros((max(K + 1 + K % 2, 3), 2))               # the start, then an even number
    with np.errstate(over="ignore"):                           # not finite, then, and the definition runs
        steps[-K - 1:, 0], steps[-K - 1:, 1] = weights * c[::-1], minus
    entries, rest = split(z)
    out = np.empty(z.size)
    finite = clenshaw(steps, 1 / s, entries, out)
    if rest.size:
        last = np.empty(TILE)
        finite &= clenshaw(steps, 1 / s, rest, last)
        out[z.size // TILE * TILE:] = last[:z.size % TILE]
    return out.reshape(z.shape)[()] if finite else None


def split(z: Array) -> tuple[Array, Array]:
    """The entries of z, in a row, and those behind the last full tile, if any, filled up with zeros to one."""
    entries = np.ascontiguousarray(z).reshape(-1)
    behind = entries[z.size // TILE * TILE:]
    rest = np.zeros(TILE if behind.size else 0)
    rest[:behind.size] = behind
    return readonly(entries), readonly(rest)


@functools.cache
def scaling(K: int) -> tuple[float, Array, Array]:
    """s, and for k = K, ..., 0 the weights s^k / k!, rounded once, and -(k + 1) / s^2."""
    s = next(2**e for e in range(K + 1) if 2**(e * K) >= math.factorial(K))
    degrees = range(K, -1, -1)
    return float(s), np.array([s**k / math.factorial(k) for k in degrees]), np.array([-(k + 1) / s**2 for k in degrees])


@jit
def clenshaw(steps: Array, scale: float, z: Array, out: Array) -> bool:
    """``out`` = B_0, in the full tiles of z; whether every entry there is finite."""
    return tiles(steps, scale, z, out)  # type: ignore[no-any-return]


@intrinsic
def tiles(_: Any, steps: Any, scale: Any, z: Any, out: Any) -> Any:
    """All steps of one tile of z after another, in registers; 0 B_0 is summed beside them, which is NaN where one B_0 is not finite."""
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows, z, out = (context.make_array(signature.args[i])(context, builder, arguments[i]) for i in (0, 2, 3))
        zero, scales = VECTOR([0.0] * LANES), spread(builder, arguments[1])
        looked = NUMBA.core.cgutils.alloca_once_value(builder, zero)
        B = [[NUMBA.core.cgutils.alloca_once(builder, VECTOR) for _ in range(VECTORS)] for _ in range(2)]
        first = spread(builder, builder.load(rows.data))
        pairs = builder.sdiv(builder.extract_value(rows.shape, 0), INDEX(2))
        with NUMBA.core.cgutils.for_range(builder, builder.sdiv(builder.extract_value(z.shape, 0), INDEX(TILE))) as tile:
            places = [builder.add(builder.mul(tile.index, INDEX(TILE)), INDEX(v * LANES)) for v in range(VECTORS)]
            x = [builder.fmul(scales, load(builder, z.data, place)) for place in places]
            for v in range(VECTORS):
                builder.store(first, B[0][v])
                builder.store(zero, B[1][v])
            with NUMBA.core.cgutils.for_range(builder, pairs) as pair:
                for one, (here, before) in enumerate((B, B[::-1])):                 # B_k takes the place of B_{k+2}
                    row = builder.add(builder.mul(pair.index, INDEX(4)), INDEX(2 * one + 2))
                    c, minus = (spread(builder, builder.load(builder.gep(rows.data, [builder.add(row, INDEX(i))]))) for i in range(2))
                    for v in range(VECTORS):
                        rest = call(builder, "fmuladd", minus, builder.load(before[v]), c)
                        builder.store(call(builder, "fmuladd", x[v], builder.load(here[v]), rest), before[v])
            for v in range(VECTORS):
                result = builder.load(B[0][v])
                store(builder, result, out.data, places[v])
                builder.store(call(builder, "fmuladd", result, zero, builder.load(looked)), looked)
        bad = builder.bitcast(builder.fcmp_unordered("uno", builder.load(looked), zero), ir.IntType(LANES))
        return builder.icmp_unsigned("==", bad, ir.IntType(LANES)(0))

    return NUMBA.types.boolean(steps, scale, z, out), generate


# ---- the table

def He_table(K: int, z: Array) -> Array | None:
    """Twin of refimpl.hermite.He_table; None where it is not finite, which He_K shows, and for K = 0, which shows nothing of z."""
    if K == 0:
        return None
    entries, rest = split(z)
    H = np.empty((K + 1, *z.shape))
    table = H.reshape(K + 1, z.size)
    recurrence(entries, table)
    if rest.size:
        last = np.empty((K + 1, TILE))
        recurrence(rest, last)
        table[:, z.size // TILE * TILE:] = last[:, :z.size % TILE]
    return H if np.isfinite(H[K]).all() else None


@jit
def recurrence(z: Array, H: Array) -> None:
    """He_0, ..., He_K, in the full tiles of z.

    What is not finite stays so from degree to degree: where z = 0, an infinity becomes NaN.
    """
    columns(z, H)


@intrinsic
def columns(_: Any, z: Any, H: Any) -> Any:
    """The first columns of ``H``, one for each entry of z: He_k and He_{k-1} of a tile stay in registers and each entry is stored once."""
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        z, H = (context.make_array(kind)(context, builder, value) for kind, value in zip(signature.args, arguments, strict=True))
        rows, N = (builder.extract_value(H.shape, i) for i in (0, 1))
        here, before = ([NUMBA.core.cgutils.alloca_once(builder, VECTOR) for _ in range(VECTORS)] for _ in range(2))
        with NUMBA.core.cgutils.for_range(builder, builder.sdiv(builder.extract_value(z.shape, 0), INDEX(TILE))) as tile:
            places = [builder.add(builder.mul(tile.index, INDEX(TILE)), INDEX(v * LANES)) for v in range(VECTORS)]
            x = [load(builder, z.data, place) for place in places]
            for v in range(VECTORS):
                builder.store(VECTOR([1.0] * LANES), here[v])
                builder.store(VECTOR([0.0] * LANES), before[v])
            with NUMBA.core.cgutils.for_range(builder, rows) as degree:
                minus_k = spread(builder, builder.fneg(builder.sitofp(degree.index, ir.DoubleType())))
                for v in range(VECTORS):
                    H_k = builder.load(here[v])
                    store(builder, H_k, H.data, builder.add(builder.mul(degree.index, N), places[v]))
                    builder.store(call(builder, "fmuladd", x[v], H_k, builder.fmul(minus_k, builder.load(before[v]))), here[v])
                    builder.store(H_k, before[v])
        return context.get_dummy_value()

    return NUMBA.types.void(z, H), generate
