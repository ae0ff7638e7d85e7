"""Points in rows, and angles between nearly parallel or opposite ones, where their cosines say too little: from exact products of the entries."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from refimpl_kernels._jit import jit_as_written, readonly
from refimpl_kernels._vectors import LANES

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


class Rows(NamedTuple):
    """Points x = scale scaled: a power of 2, and a row whose largest entry is 1 or more, and less than 2, in modulus."""

    scaled: Array      # (n, D)
    scale: Array       # (n,)
    root: Array        # (n,)   |scaled|
    length: Array      # (n,)   |x|
    packed: Array      # (n' / 8, D + 1, 8)   x / |x| or 0, and |x|, by columns; n' a multiple of LANES, 0 behind n
    largest: Places    # (n,)   where in its row the largest entry is


def rows_of(X: Array, bias: bool) -> Rows:
    """The rows of X, with a further coordinate 1 for a bias."""
    X = np.concatenate([X, np.ones((len(X), 1))], axis=1) if bias else X
    (n, D), largest = X.shape, np.argmax(np.abs(X), axis=1)
    power = np.frexp(np.take_along_axis(X, largest[:, None], axis=1))[1] - 1
    scaled, scale = np.ldexp(X, -power), np.ldexp(1.0, power[:, 0])
    root = np.linalg.norm(scaled, axis=1)
    packed = np.zeros((-(-n // LANES) * LANES, D + 1))
    packed[:n, :D] = scaled / np.where(root > 0, root, 1)[:, None]
    with np.errstate(over="ignore"):                   # an infinite length makes a result that is not finite
        packed[:n, D] = root * scale
    length, in_lanes = packed[:n, D].copy(), np.ascontiguousarray(packed.reshape(-1, LANES, D + 1).transpose(0, 2, 1))
    return Rows(readonly(scaled), readonly(scale), readonly(root), readonly(length), readonly(in_lanes), largest)


@jit_as_written
def versines(x: Rows, rows: Places, z: Rows, columns: Places, across: Array, along: Array, dot: Array, w: Array) -> None:
    """x.z, and 1 - |cos t| of angles near 0 or pi, to a few eps of itself, of pairs of scaled rows.

    refimpl.baselines.random_features._sine for many of them at once, so that none waits for its own last result; its vector across x is here x_l
    times that.
    """
    along[:], dot[:], w[:] = 0, 0, 0
    for k in range(len(across)):
        for m in range(rows.size):
            i, j = rows[m], columns[m]
            l, x_k, z_k = x.largest[i], x.scaled[i, k], z.scaled[j, k]
            across[k, m] = determinant(x.scaled[i, l], z_k, z.scaled[j, l], x_k)
            along[m] += across[k, m] * x_k
            dot[m] += x_k * z_k
    for m in range(rows.size):
        along[m] /= x.root[rows[m]] ** 2
    for k in range(len(across)):
        for m in range(rows.size):
            part = across[k, m] - along[m] * x.scaled[rows[m], k]
            w[m] += part * part
    for m in range(rows.size):
        square = w[m] / (x.scaled[rows[m], x.largest[rows[m]]] * z.root[columns[m]]) ** 2    # of the sine
        w[m] = square / (1 + math.sqrt(1 - square))


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
