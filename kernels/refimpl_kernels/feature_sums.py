"""Twin of refimpl.feature_sums: the Gram matrix of ReLU features from those samples alone that a neuron sees.

relu(z) = z + relu(-z), so each neuron takes the side of its kink on which fewer samples lie: phi = A (x, 1) + r with A_j = (w_j, b_j) or 0, and r is 0
for half of the samples or more. Then

    sum phi phi^T = R^T R + A C + (A C)^T,   C = (X, 1)^T R + (X, 1)^T (X, 1) A^T / 2

and a row of R^T (R, X, 1, y) is a sum over the samples on that neuron's side, with its sums in registers: at a share s of samples s times the
operations of a product that knows G to be symmetric, and nothing else of size n m^2. Where inputs lie far from 0, x is their distance from mu and
b_j is b_j + w_j.mu, so that the terms of A (x, 1) are no larger than the features.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from refimpl_kernels._jit import NUMBA, intrinsic, jit
from refimpl_kernels._vectors import INDEX, LANES, call, load, spread, store
from refimpl_kernels.masks import largest

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

ROWS = 64                # samples in a block: a panel of them is 32 kB and stays in the first-level cache
VECTORS = 8              # vectors in a row of a panel, and sums in registers
WIDTH = LANES * VECTORS


@np.errstate(over="ignore", invalid="ignore")
def relu_sums(X: Array, y: Array, W: Array, b: Array) -> tuple[Array, Array] | None:
    """Twin of refimpl.feature_sums.relu_sums: rounds as a sum of z and relu(-z) does where a neuron sees more than half of the first samples."""
    m, d = W.shape
    if 2 * d > m:                                                          # R^T X then costs what R^T R saves
        return None
    if not d * largest(W) * largest(X) + largest(b) < np.inf:              # some w.x + b may overflow: the definition says which
        return None
    return by_sides(X, y, W, b)


def by_sides(X: Array, y: Array, W: Array, b: Array) -> tuple[Array, Array]:
    """G and c, for any d and m."""
    (n, d), m = X.shape, len(b)
    mirrored = m % 2 == 0 and np.array_equal(W[m // 2:], -W[:m // 2][::-1])   # as after a first step: one w.x for two neurons
    rows, sign, at = (W[:m // 2], *pairs(m)) if mirrored else (W, np.ones(m), np.arange(m))
    mu, z = centre(X[:ROWS]), rows @ X[:ROWS].T
    other = 2 * np.count_nonzero(sign[:, None] * z[at] + b[:, None] > 0, axis=1) > z.shape[1]   # fewer samples lie where z < 0
    turn = np.where(other, -1.0, 1.0)
    A = np.where(other[:, None], np.column_stack([W, b + W @ mu]), 0.0)    # (m, d + 1)
    further = np.column_stack([X - mu, np.ones(n), y])                     # (n, d + 2)
    columns = -(-(m + d + 2) // WIDTH)
    panels, sums, z = aligned(columns, ROWS, WIDTH), aligned(columns, m, WIDTH), np.empty((len(rows), ROWS))
    places, values, counts = np.empty((m, ROWS + 1), np.int64), np.empty((m, ROWS + 1)), np.empty(m, np.int64)
    for i in range(0, n, ROWS):
        x = X[i:i + ROWS]
        keep_those_on(np.matmul(rows, x.T, out=z[:, :len(x)]), at, turn * sign, turn * b, panels, places, values, counts)
        beside(panels, m, further[i:i + ROWS])
        products(panels, places, values, counts, sums, (0,) * VECTORS)
    R = last_columns(sums, m, d + 2)                                       # R^T (X, 1, y)
    S = further.T @ further
    return symmetric(sums, A @ (R[:, :-1] + A @ S[:-1, :-1] / 2).T), R[:, -1] + A @ S[:-1, -1]


def centre(X: Array) -> Array:
    """mu: 0 where the coordinate spreads as far as its mean, else that mean to 8 bits, so that nothing rounds that would not without it."""
    mean = X.mean(axis=0)
    fraction, power = np.frexp(mean)
    return np.where(np.abs(mean) > X.std(axis=0), np.ldexp(np.rint(np.ldexp(fraction, 8)), power - 8), 0.0)


def aligned(*shape: int) -> Array:
    """Zeros whose vectors begin where a line of the cache does: one that lies across two is read twice."""
    room = np.zeros(math.prod(shape) + LANES)
    return room[-(room.ctypes.data // 8) % LANES:][:math.prod(shape)].reshape(shape)


def pairs(m: int) -> tuple[Array, Places]:
    """Sign and row of neurons 1, ..., m/2 and of their mirror images."""
    half = np.arange(m // 2)
    return np.repeat([1.0, -1.0], m // 2), np.concatenate([half, half[::-1]])


@jit
def keep_those_on(Z: Array, at: Places, sign: Array, b: Array, panels: Array, places: Places, values: Array, counts: Places) -> None:
    """relu(+-z - b) in panels, and for each neuron where it is not 0."""
    n, m = Z.shape[1], b.size
    block = np.empty((WIDTH, ROWS))
    for p in range(len(panels)):
        size = min(WIDTH, m - p * WIDTH)
        for c in range(size):
            j = p * WIDTH + c
            half_line(Z[at[j]], sign[j], b[j], block[c])
            counts[j] = on(block[c, :n], places[j], values[j])
        if size > 0:
            transpose(block[:size], panels[p, :n])


@jit
def half_line(z: Array, sign: float, b: float, r: Array) -> None:
    for i in range(z.size):
        r[i] = max(sign * z[i] + b, 0.0)


@jit
def on(r: Array, places: Places, values: Array) -> int:
    """Without a branch: what is 0 is written over."""
    count = 0
    for i in range(r.size):
        places[count] = i
        values[count] = r[i]
        count += 1 if r[i] > 0 else 0
    return count


@jit
def transpose(block: Array, panel: Array) -> None:
    for i in range(panel.shape[0]):
        for c in range(block.shape[0]):
            panel[i, c] = block[c, i]


@jit
def beside(panels: Array, m: int, further: Array) -> None:
    """(x, 1, y) in the columns behind the neurons'."""
    for i in range(further.shape[0]):
        for k in range(further.shape[1]):
            panels[(m + k) // WIDTH, i, (m + k) % WIDTH] = further[i, k]


@jit
def products(panels: Array, places: Places, values: Array, counts: Places, sums: Array, vectors: tuple[int, ...]) -> None:
    """Panel by panel: of those of the neurons the columns from the diagonal on."""
    m = counts.size
    for p in range(len(panels)):
        for j in range(min(m, (p + 1) * WIDTH)):
            add_rows(panels[p], places[j], values[j], sums[p, j], counts[j], vectors)


@intrinsic
def add_rows(_: Any, panel: Any, places: Any, values: Any, total: Any, count: Any, vectors: Any) -> Any:
    """``total`` += values[t] panel[places[t]] for t < count, in registers."""
    length = vectors.count

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        panel, places, values, total = [context.make_array(kind)(context, builder, value)
                                        for kind, value in list(zip(signature.args, arguments, strict=True))[:4]]
        S = [NUMBA.core.cgutils.alloca_once_value(builder, load(builder, total.data, INDEX(LANES * k))) for k in range(length)]
        with NUMBA.core.cgutils.for_range(builder, arguments[4]) as loop:
            value = spread(builder, builder.load(builder.gep(values.data, [loop.index])))
            row = builder.gep(panel.data, [builder.mul(builder.load(builder.gep(places.data, [loop.index])), INDEX(LANES * length))])
            for k in range(length):
                builder.store(call(builder, "fmuladd", value, load(builder, row, INDEX(LANES * k)), builder.load(S[k])), S[k])
        for k in range(length):
            store(builder, builder.load(S[k]), total.data, INDEX(LANES * k))
        return context.get_dummy_value()

    return NUMBA.types.void(panel, places, values, total, count, vectors), generate


def last_columns(sums: Array, first: int, size: int) -> Array:
    """Columns ``first``, ..., of the panels side by side, (m, size)."""
    return np.stack([sums[k // WIDTH, :, k % WIDTH] for k in range(first, first + size)], axis=1)


@jit
def symmetric(sums: Array, cross: Array) -> Array:
    """R^T R + cross + cross^T, the first known from the diagonal on; in tiles that stay in the cache."""
    m = cross.shape[0]
    G = np.empty((m, m))
    for p in range(0, m, WIDTH):
        for q in range(p, m, WIDTH):
            for j in range(p, min(p + WIDTH, m)):
                for k in range(max(q, j), min(q + WIDTH, m)):
                    G[j, k] = sums[q // WIDTH, j, k - q] + (cross[j, k] + cross[k, j])
                    G[k, j] = G[j, k]
    return G
