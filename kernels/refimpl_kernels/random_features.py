"""Twin of refimpl.baselines.random_features: kernels |x| |z| kappa(cos t) of ReLU networks, tile by tile.

With u = cos t and w = 1 - |u| both kernels of ReLU, this one and that of refimpl.baselines.ntk, are

    kappa = share max(u, 0) + w^{1/2} S(w),        S analytic for |w| < 2,

so that one root and one polynomial make an entry, and no arccosine. Eight rows of eight entries stay in registers from their cosines to their mirror
image. Where w is small, u does not know it to enough digits: there, behind two constants, it comes from the sine of the angle.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refimpl_kernels._angles import Array, Places, Rows, rows_of, versines
from refimpl_kernels._jit import NUMBA, intrinsic, ir, jit, jit_as_written, made_for, readonly
from refimpl_kernels._vectors import INDEX, LANES, VECTOR, call, load, spread, spread_from, store, stream, transposed

ROWS = 8 if made_for("avx512f") else 4   # of a tile, whose sums of products are in registers at a time: 8 long ones, or 8 of 16 shorter ones
STRIP = 16 * LANES       # columns of K at a time in predictions: eight rows of them are 8 kB and stay in the first-level cache
PAIRS = 128              # at a time, of those whose angles come from their sines
CACHED = 2**22           # entries of a K that a cache may still hold when it is read, 32 MB; a larger one is written past it

PARALLEL = 255 / 256   # a cosine beyond which 1 - u is not taken from u; u is off by (d + 2) eps at most, so that both kernels keep the
OPPOSITE = -7 / 8      # bounds of their definitions: the tangent kernel's slope is at most 2.8 up to here, and there 12 times the other one

SHARE, DEGREE = 0.5, 18
S = (
    0.0, 0.15005271935951767, 0.007502635967976299, 0.0012057807805230488,
    0.00027911592331436304, 7.770836789347576e-05, 2.420972674455432e-05, 8.131903169631328e-06,
    2.92035423814894e-06, 9.28944215694682e-07, 8.699071889311084e-07, -9.728919836881589e-07,
    2.1540879697132993e-06, -2.8566585841695665e-06, 2.947414079010598e-06, -2.1451095854048355e-06,
    1.0766916498465905e-06, -3.3047172476929277e-07, 4.879529297153584e-08,
)


def _relu_gram(X: Array, Z: Array | None, bias: bool) -> Array | None:
    """Twin of refimpl.baselines.random_features._relu_gram."""
    return gram(np.array(S), SHARE, X, Z, bias)


def gram(c: Array, share: float, X: Array, Z: Array | None, bias: bool) -> Array | None:
    """The kernel of c and share for all pairs of rows; None where one of them might overflow."""
    x = rows_of(X, bias)
    z = x if Z is None else rows_of(Z, bias)
    if not finite(x, z):
        return None
    K = aligned(len(X), len(X if Z is None else Z))
    tiles(readonly(c), share, x, z, Z is None, K)
    return K


def predict(c: Array, share: float, X: Array, Z: Array, alpha: Array, bias: bool) -> Array | None:
    """That matrix times alpha: the points of X in the lanes, the sum over Z in its order."""
    x, z, r = rows_of(X, bias), rows_of(Z, bias), alpha.size // len(Z)
    if not finite(x, z):
        return None
    weights, f = np.zeros((r, len(z.packed) * LANES)), np.empty((r, len(X)))
    weights[:, :len(Z)] = alpha.reshape(len(Z), r).T
    sums(readonly(c), share, z, x, readonly(weights), f)
    return np.ascontiguousarray(f.T).reshape(len(X), *alpha.shape[1:]) if np.isfinite(f).all() else None


def finite(x: Rows, z: Rows) -> bool:
    """Whether |x| |z|, which no entry and no sum on the way to it exceeds by more than roundings, is below the largest float for all pairs."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(x.length.max() * z.length.max() < LARGE)


LARGE = 2.0**1023


def aligned(n: int, k: int) -> Array:
    """Room for a matrix that begins where a line of the cache does."""
    room = np.empty(n * k + LANES)
    return room[-(room.ctypes.data // 8) % LANES:][:n * k].reshape(n, k)


# ---- tiles

@jit
def tiles(c: Array, share: float, x: Rows, z: Rows, symmetric: bool, K: Array) -> None:
    """All tiles of K, or those of the lower half, and their mirror images."""
    (n, k), edge, (marked, entries) = K.shape, np.empty((LANES, LANES)), room(K.shape[1])
    past = K.size > CACHED and k % LANES == 0 and K.ctypes.data % (8 * LANES) == 0
    for i in range(0, n, LANES):
        count = 0
        for j in range(0, min(k, i + LANES) if symmetric else k, LANES):
            if i + LANES <= n and j + LANES <= k and not (symmetric and i == j):
                bits = tile(c, share / 2, x.packed, i, z.packed, j, K, i, j, symmetric, past)
            else:
                bits = tile(c, share / 2, x.packed, i, z.packed, j, edge, 0, 0, False, False)
                copy(edge, K, i, j, symmetric)
            if bits:
                count = mark(bits, i, j, marked, count)
        if count:
            refine(c, share, x, z, marked, entries[:count])
            for m in range(count):
                put(K, marked[0, m], marked[1, m], symmetric, entries[m])


@jit
def room(columns: int) -> tuple[Places, Array]:
    """For the marked pairs of eight rows and so many columns, and for their entries; one place is for what is not marked."""
    most = LANES * (columns + LANES)
    return np.empty((2, most), np.int64), np.empty(most)


@jit
def copy(edge: Array, K: Array, i: int, j: int, symmetric: bool) -> None:
    """What of a tile is in K, or in its lower half."""
    for row in range(i, min(i + LANES, K.shape[0])):
        for column in range(j, min(j + LANES, K.shape[1], row + 1 if symmetric else K.shape[1])):
            put(K, row, column, symmetric, edge[row - i, column - j])


@jit
def put(K: Array, row: int, column: int, symmetric: bool, entry: float) -> None:
    """It, and its mirror image."""
    K[row, column] = entry
    if symmetric:
        K[column, row] = entry


@jit
def sums(c: Array, share: float, z: Rows, x: Rows, weights: Array, f: Array) -> None:
    """f(x) = sum_j alpha_j K(z_j, x), eight z_j at a time: nothing of K is kept."""
    (r, n), (marked, entries) = f.shape, room(STRIP)
    strip, total = np.empty((LANES, STRIP)), np.empty((r, STRIP))
    for i in range(0, n, STRIP):
        size = min(STRIP, n - i)
        total[:] = 0
        for j in range(0, weights.shape[1], LANES):
            count = 0
            for s in range(0, size, LANES):
                bits = tile(c, share / 2, z.packed, j, x.packed, i + s, strip, 0, s, False, False)
                if bits:
                    count = mark(bits, j, i + s, marked, count)
            if count:
                refine(c, share, z, x, marked, entries[:count])
                for m in range(count):
                    strip[marked[0, m] - j, marked[1, m] - i] = entries[m]
            for q in range(r):
                add_rows(weights[q, j:j + LANES], strip, total[q])
        for q in range(r):
            for s in range(size):
                f[q, i + s] = total[q, s]


@jit
def add_rows(a: Array, rows: Array, total: Array) -> None:
    """``total`` += a_0 rows[0] + ... + a_7 rows[7], one by one."""
    for s in range(STRIP):
        total[s] = (total[s] + a[0] * rows[0, s] + a[1] * rows[1, s] + a[2] * rows[2, s] + a[3] * rows[3, s]
                    + a[4] * rows[4, s] + a[5] * rows[5, s] + a[6] * rows[6, s] + a[7] * rows[7, s])


@intrinsic
def tile(_: Any, c: Any, half: Any, x: Any, i: Any, z: Any, j: Any, out: Any, row: Any, column: Any, mirrored: Any, past: Any) -> Any:
    """K of points i, ..., i + 7 and j, ..., j + 7 of packed ones, to ``out`` from (row, column) on, and its mirror image from (column, row) on.

    Returns a bit for each cosine that says too little about its angle. A tile without one goes ``past`` the caches if it should.
    """
    types = NUMBA.types

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        c, x, z, out = (context.make_array(signature.args[k])(context, builder, arguments[k]) for k in (0, 2, 4, 6))
        _, half, _, i, _, j, _, row, column, mirrored, past = arguments
        size, stride = builder.extract_value(x.shape, 1), builder.extract_value(out.shape, 1)
        x, z = (builder.gep(points.data, [builder.mul(first, size)]) for points, first in ((x, i), (z, j)))
        D = builder.sub(size, INDEX(1))
        lengths = builder.mul(D, INDEX(LANES))                             # are behind the coordinates
        u = cosines(builder, x, z, D)
        bits = marks(builder, u)
        past = builder.and_(past, builder.icmp_signed("==", bits, INDEX(0)))
        K = kappa(builder, c.data, spread(builder, half), u, builder.gep(x, [lengths]), load(builder, z, lengths))
        write(builder, K, out.data, builder.add(builder.mul(row, stride), column), stride, past)
        with builder.if_then(mirrored):
            write(builder, transposed(builder, K), out.data, builder.add(builder.mul(column, stride), row), stride, past)
        return bits

    return types.int64(c, types.float64, x, types.int64, z, types.int64, out, types.int64, types.int64, types.boolean, types.boolean), generate


def cosines(builder: Any, x: Any, z: Any, D: Any) -> list[Any]:
    """x.z, a vector for each x; the products of an entry are added one by one, in their order."""
    u = [NUMBA.core.cgutils.alloca_once_value(builder, VECTOR([0.0] * LANES)) for _ in range(LANES)]
    for first in range(0, LANES, ROWS):
        with NUMBA.core.cgutils.for_range(builder, D) as loop:
            place = builder.mul(loop.index, INDEX(LANES))
            x_k, z_k = builder.gep(x, [place]), load(builder, z, place)
            for r in range(first, first + ROWS):
                builder.store(call(builder, "fmuladd", spread_from(builder, x_k, r), z_k, builder.load(u[r])), u[r])
    return [builder.load(place) for place in u]


def kappa(builder: Any, c: Any, half: Any, u: list[Any], length: Any, lengths: Any) -> list[Any]:
    """|x| |z| (half (u + |u|) + w^{1/2} (c_0 + ... + c_18 w^18)), w = 1 - |u|: a step of all eight vectors, then the next."""
    v = [call(builder, "fabs", u_r) for u_r in u]
    w = [builder.fsub(VECTOR([1.0] * LANES), v_r) for v_r in v]
    root = [call(builder, "sqrt", w_r) for w_r in w]
    S = [spread_from(builder, c, DEGREE)] * LANES
    for k in range(DEGREE - 1, -1, -1):
        c_k = spread_from(builder, c, k)
        S = [call(builder, "fmuladd", S_r, w_r, c_k) for S_r, w_r in zip(S, w, strict=True)]
    size = [builder.fmul(spread_from(builder, length, r), lengths) for r in range(LANES)]
    share = [builder.fmul(half, builder.fadd(u_r, v_r)) for u_r, v_r in zip(u, v, strict=True)]
    return [builder.fmul(size[r], call(builder, "fmuladd", root[r], S[r], share[r])) for r in range(LANES)]


def marks(builder: Any, u: list[Any]) -> Any:
    """Bit 8 r + s for entry s of u[r] beyond one of the two constants."""
    bits = INDEX(0)
    for r in range(LANES):
        parallel, opposite = (builder.fcmp_ordered(than, u[r], VECTOR([limit] * LANES)) for than, limit in ((">", PARALLEL), ("<", OPPOSITE)))
        here = builder.zext(builder.bitcast(builder.or_(parallel, opposite), ir.IntType(LANES)), INDEX)
        bits = builder.or_(bits, builder.shl(here, INDEX(LANES * r)))
    return bits


def write(builder: Any, rows: list[Any], start: Any, place: Any, stride: Any, past: Any) -> None:
    """Eight vectors, each ``stride`` numbers behind the last; past the caches or not."""
    with builder.if_else(past) as (then, otherwise):
        for branch, to in ((then, stream), (otherwise, store)):
            with branch:
                for r in range(LANES):
                    to(builder, rows[r], start, builder.add(place, builder.mul(stride, INDEX(r))))


# ---- nearly parallel or opposite rows

@jit
def mark(bits: int, i: int, j: int, marked: Places, count: int) -> int:
    """The pairs that the bits name, behind ``count`` earlier ones, and how many there are then; without a branch, the others are written over."""
    for bit in range(LANES**2):
        marked[0, count] = i + bit // LANES
        marked[1, count] = j + bit % LANES
        count += bits >> bit & 1
    return count


@jit_as_written
def refine(c: Array, share: float, x: Rows, z: Rows, marked: Places, entries: Array) -> None:
    """share x.z + |x| |z| w^{1/2} S(w) for marked parallel rows, and the same without share x.z for opposite ones; for equal rows w = 0."""
    across = np.empty((x.scaled.shape[1], PAIRS))
    along, dots, versed, totals = np.empty(PAIRS), np.empty(PAIRS), np.empty(PAIRS), np.empty(PAIRS)
    for first in range(0, entries.size, PAIRS):
        last = min(first + PAIRS, entries.size)
        rows, columns, w, S = marked[0, first:last], marked[1, first:last], versed[:last - first], totals[:last - first]
        versines(x, rows, z, columns, across, along, dots, w)
        S[:] = 0
        for k in range(DEGREE, -1, -1):
            for m in range(S.size):
                S[m] = c[k] + w[m] * S[m]
        for m in range(S.size):
            i, j = rows[m], columns[m]
            entry = share * max(dots[m], 0.0) + x.root[i] * z.root[j] * math.sqrt(w[m]) * S[m]
            entries[first + m] = entry * (x.scale[i] * z.scale[j])
