"""Twin of refimpl.baselines.random_features: kernels |x| |z| kappa(cos t) of ReLU networks, tile by tile.

With u = cos t and w = 1 - |u| both kernels of ReLU, this one and that of refimpl.baselines.ntk, are

    kappa = share max(u, 0) + w^{1/2} S(w),        S analytic for |w| < 2,

so that one root and one polynomial make an entry, and no arccosine. Where w is small, u does not know it to enough digits: there, behind two
constants, it comes from the sine of the angle, which exact products of the entries of x and z give.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from refimpl_kernels._jit import jit, jit_as_written, readonly

Array = npt.NDArray[np.float64]
Marks = npt.NDArray[np.int64]

LANES = 128            # columns of a tile
ROWS = 128             # rows of a tile, which is 136 kB and stays in the second-level cache until it is mirrored
STRIDE = LANES + 8     # from a row of a tile to the next: a power of 2 would put a column into one set of the cache
FOUR = 4               # rows, and steps of a product, at a time

PARALLEL = 255 / 256   # a cosine beyond which 1 - u is not taken from u; u is off by (d + 2) eps at most, so that both kernels keep the
OPPOSITE = -7 / 8      # bounds of their definitions: the tangent kernel's slope is at most 2.8 up to here, and there 12 times the other one

SHARE = 0.5
S = (
    0.0, 0.15005271935951767, 0.007502635967976299, 0.0012057807805230488,
    0.00027911592331436304, 7.770836789347576e-05, 2.420972674455432e-05, 8.131903169631328e-06,
    2.92035423814894e-06, 9.28944215694682e-07, 8.699071889311084e-07, -9.728919836881589e-07,
    2.1540879697132993e-06, -2.8566585841695665e-06, 2.947414079010598e-06, -2.1451095854048355e-06,
    1.0766916498465905e-06, -3.3047172476929277e-07, 4.879529297153584e-08,
)


class Rows(NamedTuple):
    """Points in rows: as they are, divided by a power of 2 near their largest entry, their lengths, and in fours what is left of length 1 or 0."""

    points: Array      # (n, D)
    scaled: Array      # (n, D)
    length: Array      # (n',)   n' a multiple of LANES, 0 behind n
    packed: Array      # (n' / 4, D' / 4, 16)


def _relu_gram(X: Array, Z: Array | None, bias: bool) -> Array | None:
    """Twin of refimpl.baselines.random_features._relu_gram."""
    return gram(np.array(S), SHARE, X, Z, bias)


def gram(c: Array, share: float, X: Array, Z: Array | None, bias: bool) -> Array | None:
    """The kernel of c and share for all pairs of rows; None where one of them might overflow."""
    x = rows_of(X, bias)
    z = x if Z is None else rows_of(Z, bias)
    K = np.empty((len(X), len(X if Z is None else Z)))
    if not finite(x, z):
        return None
    tiles(readonly(c), share, x, z, Z is None, K)
    return K


def predict(c: Array, share: float, X: Array, Z: Array, alpha: Array, bias: bool) -> Array | None:
    """That matrix times alpha: the points of X in the lanes, the sum over Z in its order."""
    x, z, r = rows_of(X, bias), rows_of(Z, bias), alpha.size // len(Z)
    if not finite(x, z):
        return None
    weights, f = np.zeros((-(-r // FOUR) * FOUR, -(-len(Z) // FOUR) * FOUR)), np.empty((r, len(X)))
    weights[:r, :len(Z)] = alpha.reshape(len(Z), r).T
    sums(readonly(c), share, z, x, readonly(packed(weights)), f)
    return np.ascontiguousarray(f.T).reshape(len(X), *alpha.shape[1:]) if np.isfinite(f).all() else None


def finite(x: Rows, z: Rows) -> bool:
    """Whether |x| |z|, which no entry and no sum on the way to it exceeds by more than roundings, is below the largest float for all pairs."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(x.length.max() * z.length.max() < LARGE)


LARGE = 2.0**1023


def rows_of(X: Array, bias: bool) -> Rows:
    """The rows of X, with a further coordinate 1 for a bias."""
    X = np.concatenate([X, np.ones((len(X), 1))], axis=1) if bias else X
    n, D = X.shape
    _, power = np.frexp(np.max(np.abs(X), axis=1, keepdims=True))
    scaled = np.ldexp(X, -power)
    root = np.linalg.norm(scaled, axis=1, keepdims=True)
    unit = np.zeros((-(-n // LANES) * LANES, -(-D // FOUR) * FOUR))
    length = np.zeros(len(unit))
    with np.errstate(over="ignore"):                   # an infinite length makes a result that is not finite
        length[:n] = np.ldexp(root, power)[:, 0]
    unit[:n, :D] = scaled / np.where(root > 0, root, 1)
    return Rows(*(readonly(np.ascontiguousarray(part)) for part in (X, scaled, length, packed(unit))))


def packed(A: Array) -> Array:
    """Squares of four rows and four columns, one behind the other: A[4 i + r, 4 k + s] at [i, k, 4 r + s]."""
    n, D = A.shape
    return A.reshape(n // FOUR, FOUR, D // FOUR, FOUR).transpose(0, 2, 1, 3).reshape(n // FOUR, D // FOUR, FOUR * FOUR)


# ---- tiles

@jit
def tiles(c: Array, share: float, x: Rows, z: Rows, symmetric: bool, K: Array) -> None:
    """All tiles of K, or those of the lower half, and their mirror images."""
    n, k = K.shape
    panel, tile = np.empty(FOUR * z.packed.shape[1] * STRIDE), np.empty(ROWS * STRIDE)
    cosines, marks, work = np.empty(FOUR * STRIDE), np.empty(FOUR * LANES, np.int64), np.empty(x.points.shape[1])
    for j in range(0, k, LANES):
        unpack(z.packed[j // FOUR:(j + LANES) // FOUR], panel)
        lengths = z.length[j:j + LANES]
        upto = min(j + LANES, k)
        for i in range(j if symmetric else 0, n, ROWS):
            last = min(i + ROWS, n)
            for row in range(i, last, FOUR):
                four = tile[(row - i) * STRIDE:(row - i + FOUR) * STRIDE]
                marked = strip(c, share, x.packed[row // FOUR], panel, x.length[row:row + FOUR], lengths, cosines, marks, four)
                if marked:
                    refine(c, share, x, row, z, j, marks[:marked], work, four)
                for r in range(row, min(row + FOUR, n)):
                    copy(four[(r - row) * STRIDE:], K[r, j:min(upto, r + 1) if symmetric else upto])
            if symmetric:
                for column in range(j, upto):
                    first = max(column, i)
                    copy_column(tile[(first - i) * STRIDE + column - j:], K[column, first:last])


@jit
def sums(c: Array, share: float, z: Rows, x: Rows, weights: Array, f: Array) -> None:
    """f(x) = sum_j alpha_j K(z_j, x), four z_j at a time: nothing of K is kept."""
    cosines, marks, work = np.empty(FOUR * STRIDE), np.empty(FOUR * LANES, np.int64), np.empty(x.points.shape[1])
    panel, four, total = np.empty(FOUR * x.packed.shape[1] * STRIDE), np.empty(FOUR * STRIDE), np.empty(FOUR * weights.shape[0] * STRIDE)
    for i in range(0, f.shape[1], LANES):
        unpack(x.packed[i // FOUR:(i + LANES) // FOUR], panel)
        total[:] = 0
        for j in range(weights.shape[1]):
            marked = strip(c, share, z.packed[j], panel, z.length[FOUR * j:FOUR * (j + 1)], x.length[i:i + LANES], cosines, marks, four)
            if marked:
                refine(c, share, z, FOUR * j, x, i, marks[:marked], work, four)
            for r in range(weights.shape[0]):
                add_products(weights[r, j:j + 1], four, total[FOUR * r * STRIDE:FOUR * (r + 1) * STRIDE])
        for r in range(f.shape[0]):
            for column in range(i, min(i + LANES, f.shape[1])):
                f[r, column] = total[r * STRIDE + column - i]


@jit
def unpack(packed: Array, panel: Array) -> None:
    """The transpose of LANES packed rows: entry k of row j at k STRIDE + j."""
    for i in range(packed.shape[0]):
        for k in range(packed.shape[1]):
            for r in range(FOUR):
                for s in range(FOUR):
                    panel[(FOUR * k + s) * STRIDE + FOUR * i + r] = packed[i, k, FOUR * r + s]


@jit
def copy(row: Array, out: Array) -> None:
    """``out`` is a part of a row of K."""
    for j in range(out.size):
        out[j] = row[j]


@jit
def copy_column(tile: Array, out: Array) -> None:
    """The same from a column of a tile."""
    for i in range(out.size):
        out[i] = tile[i * STRIDE]


@jit
def strip(c: Array, share: float, a: Array, panel: Array, length: Array, lengths: Array, cosines: Array, marks: Marks, out: Array) -> int:
    """K of four rows, packed in ``a``, and the LANES columns of ``panel``; how many entries are marked, as they are left to :func:`refine`."""
    cosines[:] = 0
    add_products(a, panel, cosines)
    marked = 0
    for r in range(FOUR):
        here = slice(r * STRIDE, r * STRIDE + LANES)
        if kappa(c, share / 2, length[r], lengths, cosines[here], out[here]):
            marked = mark(cosines[here], r * STRIDE, marks, marked)
    return marked


@jit
def add_products(a: Array, b: Array, out: Array) -> None:
    """``out`` += a b of shapes (4, D'), (D', LANES) and (4, LANES); the products of an entry are added one by one, in their order."""
    for k in range(a.shape[0]):
        a00, a01, a02, a03 = a[k, 0], a[k, 1], a[k, 2], a[k, 3]
        a10, a11, a12, a13 = a[k, 4], a[k, 5], a[k, 6], a[k, 7]
        a20, a21, a22, a23 = a[k, 8], a[k, 9], a[k, 10], a[k, 11]
        a30, a31, a32, a33 = a[k, 12], a[k, 13], a[k, 14], a[k, 15]
        rows = b[FOUR * k * STRIDE:FOUR * (k + 1) * STRIDE]
        for j in range(LANES):
            b0, b1, b2, b3 = rows[j], rows[STRIDE + j], rows[2 * STRIDE + j], rows[3 * STRIDE + j]
            out[j] = out[j] + a00 * b0 + a01 * b1 + a02 * b2 + a03 * b3
            out[STRIDE + j] = out[STRIDE + j] + a10 * b0 + a11 * b1 + a12 * b2 + a13 * b3
            out[2 * STRIDE + j] = out[2 * STRIDE + j] + a20 * b0 + a21 * b1 + a22 * b2 + a23 * b3
            out[3 * STRIDE + j] = out[3 * STRIDE + j] + a30 * b0 + a31 * b1 + a32 * b2 + a33 * b3


@jit
def kappa(c: Array, half: float, length: float, lengths: Array, cosine: Array, out: Array) -> int:
    """|x| |z| (half (u + |u|) + w^{1/2} (c_0 + ... + c_18 w^18)), w = 1 - |u|; and how many of the cosines say too little about their angles."""
    c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 = c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9]
    c10, c11, c12, c13, c14, c15, c16, c17, c18 = c[10], c[11], c[12], c[13], c[14], c[15], c[16], c[17], c[18]
    nearly = 0
    for j in range(LANES):
        u = cosine[j]
        v = abs(u)
        w = 1 - v
        high = c10 + w * (c11 + w * (c12 + w * (c13 + w * (c14 + w * (c15 + w * (c16 + w * (c17 + w * c18)))))))
        S = c0 + w * (c1 + w * (c2 + w * (c3 + w * (c4 + w * (c5 + w * (c6 + w * (c7 + w * (c8 + w * (c9 + w * high)))))))))
        out[j] = length * lengths[j] * (half * (u + v) + math.sqrt(w) * S)
        nearly += (u > PARALLEL) | (u < OPPOSITE)
    return nearly


# ---- nearly parallel or opposite rows

@jit
def mark(row: Array, start: int, marks: Marks, count: int) -> int:
    """Where those are, as start + j, and opposite ones as ~(start + j), behind ``count`` earlier ones; and how many there are then."""
    for j in range(LANES):
        if row[j] > PARALLEL or row[j] < OPPOSITE:
            marks[count] = start + j if row[j] > 0 else ~(start + j)
            count += 1
    return count


@jit_as_written
def refine(c: Array, share: float, x: Rows, i: int, z: Rows, j: int, marks: Marks, across: Array, out: Array) -> None:
    """share x.z + |x| |z| w^{1/2} S(w) for marked parallel rows, and the same without share x.z for opposite ones; for equal rows w = 0."""
    for mark in marks:
        there = mark if mark >= 0 else ~mark
        row, column = i + there // STRIDE, j + there % STRIDE
        w, S = versine(x.scaled, row, z.scaled, column, across), 0.0
        for k in range(c.size - 1, -1, -1):
            S = c[k] + w * S
        dot = product_of_rows(x.points, row, z.points, column) if mark >= 0 else 0.0
        out[there] = share * dot + x.length[row] * z.length[column] * math.sqrt(w) * S


@jit_as_written
def product_of_rows(X: Array, i: int, Z: Array, j: int) -> float:
    """x.z, every fourth product by itself."""
    total = 0.0
    for first in range(FOUR):
        part = 0.0
        for k in range(first, X.shape[1], FOUR):
            part += X[i, k] * Z[j, k]
        total += part
    return total


@jit_as_written
def versine(X: Array, i: int, Z: Array, j: int, across: Array) -> float:
    """1 - |cos t| of an angle near 0 or pi, to a few eps of itself: refimpl.baselines.random_features._sine, whose vector across x is here x_l times that."""
    D, l = across.size, 0
    for k in range(D):
        if abs(X[i, k]) > abs(X[i, l]):
            l = k
    x_l, z_l, along, x_x, z_z, square = X[i, l], Z[j, l], 0.0, 0.0, 0.0, 0.0
    for k in range(D):
        x, z = X[i, k], Z[j, k]
        across[k] = determinant(x_l, z, z_l, x)
        along += across[k] * x
        x_x += x * x
        z_z += z * z
    for k in range(D):
        part = across[k] - X[i, k] * (along / x_x)
        square += part * part
    square /= x_l * x_l * z_z                          # of the sine
    return float(square / (1 + math.sqrt(1 - square)))


@jit_as_written
def determinant(a: float, b: float, c: float, d: float) -> float:
    """a b - c d, its products exact."""
    high, low = product(a, b)
    high_c, low_c = product(c, d)
    return (high - high_c) + (low - low_c)


@jit_as_written
def product(a: float, b: float) -> tuple[float, float]:
    """a b as a float and its rounding error, exactly (Dekker 1971)."""
    a_high, b_high = upper(a), upper(b)
    a_low, b_low = a - a_high, b - b_high
    high = a * b
    return high, ((a_high * b_high - high) + a_high * b_low + a_low * b_high) + a_low * b_low


@jit_as_written
def upper(a: float) -> float:
    """The upper 26 bits of a."""
    return SPLIT * a - (SPLIT * a - a)


SPLIT = 2.0**27 + 1
