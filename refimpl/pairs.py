r"""All pairs of the neurons of two lists: E[relu(z_j + b_j) relu(z_k + c_k)] by series, for two standard normal variables of correlation rho.

Its second derivative in rho is the density phi_2 of the two variables at (b, c), so that it is Mehler's series about rho = 0, and about rho = +-1
a closed form and int (r - rho) phi_2(r) dr. With p = (b + c)/2, q = (b - c)/2 and theta the angle, rho = cos theta,

    phi_2(cos theta) sin theta = e^{-p^2 / 2 cos^2(theta/2) - q^2 / 2 sin^2(theta/2)} / 2 pi.

Neither series takes Phi, an arc or an exponential of a node, as the integrals of :mod:`refimpl.bivariate` do, to which the few pairs that are far in
the tail are left.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from refimpl.bivariate import CHUNK, FAR, Angle, Correlation, angle, relu_relu
from refimpl.errors import Array, Shapes, finite
from refimpl.gaussian import _half_line_mean, _Phi, _phi, half_line_hermite

MIDDLE = 0.6                                          # Mehler's series for |rho| <= 0.6
ROOTS = np.sqrt([[float(math.factorial(k))] for k in range(72)])          # sqrt(l!): 0.6^72 < eps / 2
ORDERS = range(36)                                    # of the series about rho = +-1
FAR_SUM, FAR_APART = -13.0, 81.0                      # b + c below the one, (b - c)^2 below the other: 36 terms would not do
WIDE = 81.0                                           # exp(-81 / 2) < eps / 64


def relu_gram(b: object, c: object, rho: Correlation) -> Array:
    r"""The products of the neurons of two lists, by series: ten times faster than :func:`refimpl.bivariate.relu_relu`, whose values they are.

    .. math:: E[\mathrm{relu}(z_j + b_j)\, \mathrm{relu}(z_k + c_k)] = \sum_{l=0}^{\infty} \rho_{jk}^l\, \frac{c_l(b_j)\, c_l(c_k)}{l!},
              \qquad c_l(b) = E[\mathrm{relu}(z + b) He_l(z)]

    Source
    ------
    Mehler's formula where |rho| <= 0.6, and the like about rho = +-1 beyond it; derived here, audited by ``DLS22/bivariate``.

    Parameters
    ----------
    b, c : (m,), (k,)
    rho : an Angle or an array, (m, k)   a rounding of rho costs no more than itself

    Returns
    -------
    array (m, k)

    Units
    -----
    As :func:`refimpl.bivariate.relu_relu`.

    Errors
    ------
    DomainError   where |rho| > 1.
    ShapeError, DtypeError, NonFiniteError   for arguments of other types and sizes, and where b c overflows.
    Rounding   40 eps of n(b) n(c), as :func:`refimpl.bivariate.moments`: in Mehler's sum by Cauchy and Schwarz, for the sum of its squares is E relu^2.
    """
    sizes = Shapes("DLS22, section 2")
    b, c, theta = sizes("b", b, "m"), sizes("c", c, "k"), angle(rho)
    sizes("rho", theta.rho, "m", "k")
    with np.errstate(over="ignore", invalid="ignore"):
        R = _gram_by_series(_laws(b), _coefficients(b), _laws(c), _coefficients(c), theta.rho)
        return finite("relu_gram", R + _gram_of_far(b, c, theta))


def _far(b: Array, c: Array) -> npt.NDArray[np.bool_]:
    """(m, k): whether two kinks lie so far out, and so close to each other, that the series about rho = 1 would need more terms."""
    return np.logical_and(np.less(np.add.outer(b, c), FAR_SUM), np.less(np.square(np.subtract.outer(b, c)), FAR_APART))


def _gram_of_far(b: Array, c: Array, theta: Angle) -> Array:
    """(m, k), where all but far pairs count as 0."""
    R, far = np.zeros(theta.rho.shape), _far(b, c)
    at, to = np.broadcast_arrays(b[:, None], c)
    R[far] = relu_relu(at[far], to[far], Angle(*(part[far] for part in theta)))
    return R


def _gram_by_series(laws_b: Array, x: Array, laws_c: Array, y: Array, rho: Array) -> Array:
    """(m, k), where far pairs count as 0."""
    far, R = _far(laws_b[0], laws_c[0]), _mehler(x, y, rho)
    R[far] = 0
    beyond = np.flatnonzero(np.greater(np.abs(rho), MIDDLE) & ~far)
    for i, _ in enumerate(beyond[::CHUNK]):
        j, k = np.unravel_index(beyond[i * CHUNK:(i + 1) * CHUNK], R.shape)
        R[j, k] = _about_one(laws_b[:, j], laws_c[:, k], rho[j, k])
    return R


def _mehler(x: Array, y: Array, rho: Array) -> Array:
    """sum_l rho^l x_l y_l (m, k) of coefficients x (72, m) and y (72, k)."""
    total, product = x[-1:].T @ y[-1:], np.empty(rho.shape)
    for x_l, y_l in zip(x[-2::-1], y[-2::-1], strict=True):
        total *= rho
        total += np.multiply.outer(x_l, y_l, out=product)
    return total


def _coefficients(b: Array) -> Array:
    """c_l / sqrt(l!) of relu(z + b)."""
    return np.concatenate([_half_line_mean(b)[None], half_line_hermite(len(ROOTS) - 2, b)]) / ROOTS


def _laws(b: Array) -> Array:
    """b, phi(b), Phi(b), Phi(-b), e^{-b^2/4}."""
    return np.stack([b, _phi(b), _Phi(b), _Phi(-b), np.exp(-b * b / 4)])


def _about_one(laws_b: Array, laws_c: Array, rho: Array) -> Array:
    r"""E[relu relu] at rho = +-1, what is linear from there on, and int (r - rho) phi_2(r) dr from rho to +-1, phi_2 the density at (b, c).

    Where rho < 0, -c stands for c, so that p and q change places, and the angle is pi - theta.
    """
    (b, phi_b, Phi_b, off_b, root_b), (c, phi_c, Phi_c, off_c, root_c) = laws_b, laws_c
    acute, low = ~np.signbit(rho), np.minimum(Phi_b, Phi_c)
    both = np.where(acute, low, np.maximum(low - np.minimum(off_b, off_c), 0))
    edge = np.where(acute, np.where(np.less(b, c), c * phi_b, b * phi_c), np.where(np.signbit(-b - c), c * phi_b + b * phi_c, 0))
    p, q = (b + np.where(acute, c, -c)) / 2, (b - np.where(acute, c, -c)) / 2
    beta = (1 - np.abs(rho)) / (1 + np.abs(rho))
    seen = np.less(q * q, WIDE * beta)
    R = b * (c * both) + rho * both + edge
    R[seen] += (root_b * root_c)[seen] * _sliver(np.clip(p[seen], -FAR, FAR), q[seen], beta[seen])
    return np.asarray(R)


def _sliver(p: Array, q: Array, beta: Array) -> Array:
    r"""(2/pi) int_0^x (x^2 - t^2) / ((1 + x^2) (1 + t^2)^2) e^{-p^2 t^2 / 2 - q^2 / (2 t^2)} dt for x^2 = beta, x = tan(theta/2).

    In t = x y and powers of y^2: the exponential of p and the denominator make sum_l a_l y^{2l}, and the rest moments M_l of e^{-Q^2 / (2 y^2)}.
    """
    from scipy.special import erfcx

    x, alpha = np.sqrt(beta), p * p * beta / 2
    Q = np.abs(q) / x
    square, bell = Q * Q, np.exp(-Q * Q / 2)
    M = bell - bell * Q * math.sqrt(math.pi / 2) * erfcx(Q / math.sqrt(2))
    a, before, slope, mixed = np.ones_like(x), np.zeros_like(x), alpha + 2 * beta, alpha * beta
    total, M_next, product = np.zeros_like(x), np.empty_like(x), np.empty_like(x)
    for l in ORDERS:                                                            # in place, for speed
        np.multiply(square, M, out=M_next)                                      # M_{l+1} = (e^{-Q^2/2} - Q^2 M_l) / (2 l + 3)
        np.subtract(bell, M_next, out=M_next)
        M_next *= 1 / (2 * l + 3)
        M -= M_next
        M *= a
        total += M                                                              # a_l (M_l - M_{l+1})
        before *= mixed                                                         # a_{l+1} = -((alpha + (l + 2) beta) a_l + alpha beta a_{l-1}) / (l + 1)
        np.multiply(slope, a, out=product)
        before += product
        before *= -1 / (l + 1)
        slope += beta
        a, before, M, M_next = before, a, M_next, M
    return np.asarray(2 / math.pi * x * beta / (1 + beta) * total)
