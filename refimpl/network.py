r"""The two-layer network f_theta(x) = a^T sigma(Wx + b), forward and backward.

The gradients are derived by hand, for any activation and any loss:

    Z = X W^T + b,  f = sigma(Z) a,  L = (1/n) sum_i ell(f_i, y_i),  r = ell'(f, y) / n
    dL/da_j = sum_i r_i sigma(Z_ij)
    dL/db_j = a_j sum_i r_i sigma'(Z_ij)
    dL/dw_j = a_j sum_i r_i sigma'(Z_ij) x_i
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from refimpl.activations import RELU, Activation
from refimpl.errors import Array, DtypeError, Shapes, finite
from refimpl.losses import Loss
from refimpl.masks import ENTRIES, _affine, _blocks, masked_sums

AT_ONCE = 2**18                                        # of w_j.x_i + b_j in a prediction: 2 MB


class Gradients(NamedTuple):
    """The gradient of a loss in a (m,), in W (m, d) and in b (m,)."""

    da: Array
    dW: Array
    db: Array


@dataclass(frozen=True, eq=False)
class Network:
    r"""A two-layer network.

    .. math:: f_\theta(x) = a^T \sigma(Wx + b) = \sum_{j=1}^{m} a_j\, \sigma(w_j \cdot x + b_j)

    Source
    ------
    DLS22, section 2; audited by ``DLS22/network``, ``DLS22/gradient-relu`` and ``DLS22/gradient-analytic``.

    Parameters
    ----------
    a, W, b : (m,), (m, d), (m,)   held as they are, not copied, and read-only through the network
    activation : sigma; ReLU where not given

    Returns
    -------
    an object with ``predict`` and ``gradients``

    Units
    -----
    No factor 1/m and no 1/sqrt(m): whatever scale there is stands in a.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   for parameters that are not finite float64 arrays of these shapes.
    """

    a: Array
    W: Array
    b: Array
    activation: Activation = field(default=RELU)

    def __post_init__(self) -> None:
        if not isinstance(self.activation, Activation):
            raise DtypeError(f"activation = {self.activation!r}; it must be an Activation such as refimpl.activations.RELU")
        sizes = Shapes("DLS22, section 2")
        for name, value, letters in (("W", self.W, "md"), ("a", self.a, "m"), ("b", self.b, "m")):
            view = sizes(name, value, *letters).view()
            view.flags.writeable = False               # nobody writes through the network
            object.__setattr__(self, name, view)

    @property
    def m(self) -> int:
        """The width."""
        return len(self.a)

    @property
    def d(self) -> int:
        """The input dimension."""
        return int(self.W.shape[1])

    def predict(self, X: object) -> Array:
        r"""f_theta(x_i), shape (n,), for X of shape (n, d).

        Within (d + m + 4) eps of sum_j |a_j| (|sigma(z_j)| + |w_j|.|x_i| + |b_j|), where |sigma'| <= 1.
        """
        return _predict(self._inputs(X), self.a, self.W, self.b, self.activation)

    def gradients(self, X: object, y: object, loss: Loss) -> Gradients:
        r"""The gradient of (1/n) sum_i ell(f_theta(x_i), y_i) in a, W and b.

        Parameters: X (n, d), y (n,), loss. Returns (da, dW, db) of shapes (m,), (m, d), (m,). Mean over samples; the
        square loss keeps its factor 2. At a kink sigma' is the derivative from the right. Away from kinks, by more than the
        rounding of z, each entry is within (d + m + n + 8) eps of the same sums over absolute values, those of f among them
        (for the logistic loss a residual counts as 1 + |f|); sizes in memory are those of Z, (n, m),
        or for ReLU of a block of its rows.
        """
        X = self._inputs(X)
        if not isinstance(loss, Loss):
            raise DtypeError(f"loss = {loss!r}; it must be a Loss such as refimpl.losses.SQUARE")
        sizes = Shapes("DLS22, section 2")
        sizes("X", X, "n", "d")
        y = sizes("y", y, "n")
        loss.check_labels(y)
        return _gradients(X, y, self.a, self.W, self.b, self.activation, loss)

    def _inputs(self, X: object) -> Array:
        sizes = Shapes("DLS22, section 2")
        sizes("W", self.W, "m", "d")
        return sizes("X", X, "n", "d")


def _predict(X: Array, a: Array, W: Array, b: Array, sigma: Activation) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):   # finite() says which entry overflowed
        return finite("f_theta", np.concatenate([sigma.sigma(_affine(x, W, b)) @ a for (x,) in _blocks(X, size=AT_ONCE // len(a))]))


def _gradients(X: Array, y: Array, a: Array, W: Array, b: Array, sigma: Activation, loss: Loss) -> Gradients:
    return _BACKWARD.get(sigma, _any_backward)(X, y, a, W, b, sigma, loss)


@np.errstate(over="ignore", invalid="ignore")
def _any_backward(X: Array, y: Array, a: Array, W: Array, b: Array, sigma: Activation, loss: Loss) -> Gradients:
    Z = X @ W.T + b                                    # (n, m)
    S = sigma.sigma(Z)                                 # (n, m)
    r = loss.dell(S @ a, y) / len(y)                   # (n,)   d L / d f_i
    da = r @ S                                         # (m,)
    D = sigma.dsigma(Z)                                # (n, m)
    D *= r[:, None]
    db = a * D.sum(axis=0)                             # (m,)
    dW = a[:, None] * (D.T @ X)                        # (m, d)
    return Gradients(finite("da", da), finite("dW", dW), finite("db", db))


@np.errstate(over="ignore", invalid="ignore")
def _relu_backward(X: Array, y: Array, a: Array, W: Array, b: Array, sigma: Activation, loss: Loss) -> Gradients:
    """The same in blocks of samples, dW and db from the mask product.

    da is not taken from it, although da_j = w_j.S_j + b_j s_j: that loses the digits in which w_j.x_i and b_j cancel, and f wants sigma(Z) anyway.
    """
    r, da = np.empty(len(y)), np.zeros(len(a))
    for x, y_x, r_x in _blocks(X, y, r, size=ENTRIES // len(a)):
        H = sigma.sigma(_affine(x, W, b))              # (block, m)
        r_x[:] = loss.dell(H @ a, y_x) / len(y)        # d L / d f_i
        np.add(da, r_x @ H, out=da)
    finite("da", da)                                   # so is r, then
    S, s = masked_sums(X, r, W, b)                     # (m, d), (m,)
    return Gradients(da, finite("dW", a[:, None] * S), finite("db", a * s))


_BACKWARD = {RELU: _relu_backward}
