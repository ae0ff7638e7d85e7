r"""The mask product: one sum over samples from which every gradient of a ReLU layer follows.

With r_i = d L / d f(x_i) and S, s of these residuals, f_theta(x) = sum_j a_j relu(w_j.x + b_j) has

    dL/dw_j = a_j S_j,   dL/db_j = a_j s_j,   dL/da_j = w_j.S_j + b_j s_j

for any loss and at any step; at the mirrored start of Algorithm 1 half of the rows are enough, and any a and eta_1 share them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from refimpl._mirror import products
from refimpl._twins import twin
from refimpl.errors import Array, Shapes, finite

ENTRIES = 2**17                                        # of w_j.x_i + b_j at a time: 1 MB, so that they stay in a cache


def _arguments(X: object, r: object, W: object, b: object) -> tuple[Array, Array, Array, Array]:
    sizes = Shapes("DLS22, section 2")
    W, b = sizes("W", W, "m", "d"), sizes("b", b, "m")
    return sizes("X", X, "n", "d"), sizes("r", r, "n"), W, b


def _work(n: int, m: int, d: int) -> int:
    """What :func:`masked_sums` costs, for ``refimpl._twins``: + b, finite or not, the sign, times r; two products by BLAS."""
    return n * m * int(4 + d / 5)


@twin(border=_arguments, work=lambda X, r, W, b: _work(len(r), *W.shape))
def masked_sums(X: Array, r: Array, W: Array, b: Array) -> tuple[Array, Array]:
    r"""The samples of each neuron's half-space, weighted and summed.

    .. math:: S_j = \sum_{i=1}^{n} r_i\, x_i\, 1\{w_j \cdot x_i + b_j \ge 0\}, \qquad s_j = \sum_{i=1}^{n} r_i\, 1\{w_j \cdot x_i + b_j \ge 0\}

    Source
    ------
    DLS22, section 5.1: the empirical form of E[f*(x) x 1{w.x + b >= 0}]; audited by ``DLS22/gradient-masks``.

    Parameters
    ----------
    X, r : (n, d), (n,)   inputs in rows, and their weights
    W, b : (m, d), (m,)

    Returns
    -------
    S, s : (m, d), (m,)

    Units
    -----
    A sum, not a mean. A sample on the boundary counts, sigma'(0) = 1; so does z = -0.0. Samples are read in blocks: the n m signs are never in
    memory at once.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   for arrays that are not finite float64 of these shapes, and sums or w_j.x_i + b_j that overflow.
    Rounding   each sum within (n + 2) eps of the sum of its absolute terms, plus n 2^-1074. Whether a sample counts is decided by the computed
    w_j.x_i + b_j, which is off by at most (d + 2) eps (|w_j|.|x_i| + |b_j|) + (d + 1) 2^-1074: only a sample that is closer to the boundary may
    be on the wrong side of it, or on different sides for definition and twin; where nothing rounds, as for short dyadic numbers, none is.
    """
    S, s = np.zeros(W.shape), np.zeros(b.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        for x, r_x in _blocks(X, r, size=ENTRIES // len(b)):
            Z = finite("w.x + b", _affine(x, W, b))    # (block, m)
            D = (Z >= 0) * r_x[:, None]                # r_i 1{w_j.x_i + b_j >= 0}
            S += D.T @ x
            s += D.sum(axis=0)
    return finite("S", S), finite("s", s)


def _affine(X: Array, W: Array, b: Array) -> Array:
    """w_j.x_i + b_j, (n, m)."""
    Z = products(X, W)
    Z += b
    return Z


def _blocks(*arrays: Array, size: int) -> Iterator[tuple[Array, ...]]:
    """``arrays`` side by side, ``size`` rows of each at a time."""
    return zip(*(_cut(rows, size=max(1, size)) for rows in arrays), strict=True)


def _cut(rows: Array, *, size: int) -> Iterator[Array]:
    while len(rows):
        yield rows[:size]
        rows = rows[size:]
