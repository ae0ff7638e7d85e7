r"""The sums over samples that a head on fixed ReLU features depends on: its features with each other, and with the labels."""

from __future__ import annotations

import numpy as np

from refimpl._twins import twin
from refimpl.errors import Array, Shapes, finite
from refimpl.masks import _affine, _blocks

ENTRIES = 2**22                                        # of w_j.x_i + b_j at a time, 32 MB


def _arguments(X: object, y: object, W: object, b: object) -> tuple[Array, Array, Array, Array]:
    sizes = Shapes("DLS22, appendix A.3")
    W, b = sizes("W", W, "m", "d"), sizes("b", b, "m")
    return sizes("X", X, "n", "d"), sizes("y", y, "n"), W, b


def _work(n: int, m: int, d: int) -> int:
    """What :func:`relu_sums` costs, for ``refimpl._twins``: + b, finite or not, relu; two products by BLAS, one of them half."""
    return n * m * int(3 + (2 * d + m) / 20)


@twin(border=_arguments, work=lambda X, y, W, b: _work(len(y), *W.shape))
def relu_sums(X: Array, y: Array, W: Array, b: Array) -> tuple[Array, Array]:
    r"""Phi^T Phi and Phi^T y of the features Phi_ij = relu(w_j.x_i + b_j).

    .. math:: G_{jk} = \sum_{i=1}^{n} \mathrm{relu}(w_j \cdot x_i + b_j)\, \mathrm{relu}(w_k \cdot x_i + b_k), \qquad
              c_j = \sum_{i=1}^{n} y_i\, \mathrm{relu}(w_j \cdot x_i + b_j)

    Source
    ------
    DLS22, appendix A.3: the normal equations of the head; audited by ``DLS22/head-sums``.

    Parameters
    ----------
    X, y : (n, d), (n,)   inputs in rows, and their labels
    W, b : (m, d), (m,)

    Returns
    -------
    G, c : (m, m), (m,)   G is symmetric

    Units
    -----
    Sums, not means. Samples are read in blocks: the n m features are never in memory at once.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   for arrays that are not finite float64 of these shapes, and sums or w_j.x_i + b_j that overflow.
    Rounding   with u_ij = |w_j|.|x_i| + |b_j|, G_jk is within (n + 2 d + 8) eps of sum_i u_ij u_ik, and c_j within that of sum_i |y_i| u_ij; the
    twin, which adds w_j.x_i + b_j and relu of either sign, within 4 times that, with |x_i| + 2 |mu| for |x_i| where inputs lie far from 0, at mu.
    """
    G, c = np.zeros((len(b), len(b))), np.zeros(b.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        for x, y_x in _blocks(X, y, size=ENTRIES // len(b)):
            Phi = np.maximum(finite("w.x + b", _affine(x, W, b)), 0)   # (block, m)
            G += Phi.T @ Phi
            c += Phi.T @ y_x
    return finite("Phi^T Phi", G), finite("Phi^T y", c)
