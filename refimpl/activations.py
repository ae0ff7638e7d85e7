"""Activations with their derivative and their Hermite coefficients, with a bias.

ReLU and truncated ReLU have closed forms; quadrature never crosses a kink (at 100 Gauss-Hermite nodes it keeps three
digits). Analytic activations are integrated by the trapezoidal rule, which converges geometrically for them and, by the same
test, refuses a function with a kink.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from refimpl.errors import Array, DomainError, DtypeError, ShapeError, count, finite, points, settled
from refimpl.gaussian import _bell, _half_line_mean, _Phi, _phi, half_line_hermite


@dataclass(frozen=True)
class Activation:
    r"""An activation sigma, its derivative, and c_k(b) = E[sigma(z + b) He_k(z)], z ~ N(0, 1).

    .. math:: \sigma(z + b) = \sum_k \frac{c_k(b)}{k!} He_k(z)

    Source
    ------
    DLS22, section 2 and appendix A.1 (ReLU); SWL22, section 3 (truncated ReLU). Audited by ``DLS22/relu-coefficients``,
    ``DLS22/relu-bias``, ``DLS22/relu-derivative``, ``HERMITE/activation-values``, ``HERMITE/truncated-relu`` and ``HERMITE/analytic``.

    Parameters
    ----------
    name : the name that reports show
    sigma, dsigma : functions of a float64 array, entry by entry
    coefficients : function of K and an array b, returning (K + 1, *b.shape)
    kinks : where sigma is not differentiable; there the derivative is the one from the right

    Returns
    -------
    an object with ``value``, ``derivative`` and ``hermite_coefficients``

    Units
    -----
    Coefficients of He_k / k!.

    Errors
    ------
    DtypeError, NonFiniteError   for points that are not finite float64.
    Rounding   ``value`` and ``derivative`` of relu and truncated_relu are exact. With exp within 1 ulp and tanh, cosh, erf within 2, tanh
    and erf have 2 eps, tanh' 6 eps and erf' 5 eps, relative; a number below 2^-1022 counts as 2^-1022.
    Rounding   ``hermite_coefficients`` of relu: c_0 20 eps of phi(b) + |b| Phi(b), c_k the bound of d_{k-1} in :func:`half_line_hermite`.
    Of truncated_relu: c_0 20 eps of phi(b) + phi(b - 1) + |b| (Phi(b) + Phi(b - 1)) + Phi(b - 1), c_k (13 + 4 k) eps of d_{k-1}'s terms
    at b and at b - 1 together; where b - 1 rounds, eps/2 |b - 1| c_{k+1}(b - 1) of relu more. Of tanh and erf: see :func:`analytic`.
    """

    name: str
    sigma: Callable[[Array], Array]
    dsigma: Callable[[Array], Array]
    coefficients: Callable[[int, Array], Array]
    kinks: tuple[float, ...] = ()

    def value(self, z: object) -> Array:
        """sigma(z), entry by entry."""
        return finite(f"{self.name}(z)", np.asarray(self.sigma(points("z", z))))[()]

    def derivative(self, z: object) -> Array:
        """sigma'(z), entry by entry; at a kink the derivative from the right."""
        return finite(f"{self.name}'(z)", np.asarray(self.dsigma(points("z", z))))[()]

    def hermite_coefficients(self, K: int, b: object = 0.0) -> Array:
        """c_0(b), ..., c_K(b): shape (K + 1, *b.shape)."""
        return finite("c", self.coefficients(count("K", K, least=0), points("b", b)))


def _relu(z: Array) -> Array:
    return np.maximum(z, 0.0)


def _drelu(z: Array) -> Array:
    return (z >= 0).astype(float)                      # sigma'(0) = 1, the paper's 1{w.x >= 0}


def _relu_coefficients(K: int, b: Array) -> Array:
    """c_0 = phi(b) + b Phi(b), c_1 = Phi(b), c_k = phi(b) He_{k-2}(-b): those of the step function, one index on."""
    step = half_line_hermite(max(K - 1, 0), b)         # Stein: c_k of sigma is c_{k-1} of sigma'
    return np.concatenate([_half_line_mean(b)[None], step[:K]])


def _truncated_relu(z: Array) -> Array:
    return np.clip(z, 0.0, 1.0)


def _dtruncated_relu(z: Array) -> Array:
    return ((z >= 0) & (z < 1)).astype(float)          # 1{z >= 0} - 1{z >= 1}


def _truncated_relu_coefficients(K: int, b: Array) -> Array:
    """min(1, max(z, 0)) = relu(z) - relu(z - 1); the two means are combined so that large b leave 1, not b - (b - 1)."""
    c = _relu_coefficients(K, b) - _relu_coefficients(K, b - 1)
    c[0] = _phi(b) - _phi(b - 1) + b * (_Phi(b) - _Phi(b - 1)) + _Phi(b - 1)
    return c


def _dtanh(z: Array) -> Array:
    with np.errstate(over="ignore"):                   # sech^2 is 0 where cosh overflows
        return np.asarray((1 / np.cosh(z)) ** 2)       # cosh^2 would overflow before its inverse vanishes


def _erf(z: Array) -> Array:
    from scipy.special import erf

    return np.asarray(erf(z))


def _derf(z: Array) -> Array:
    return np.asarray(2 / math.sqrt(math.pi) * _bell(z, 1.0))


def analytic(name: str, sigma: Callable[[Array], Array], dsigma: Callable[[Array], Array]) -> Activation:
    r"""An activation without kinks, its coefficients by the trapezoidal rule.

    .. math:: c_k(b) = h \sum_{i} \varphi(i h)\, \sigma(i h + b)\, He_k(i h) + O(e^{-2\pi s/h}), \qquad \sigma \text{ analytic in } |\mathrm{Im}\, z| < s

    Source
    ------
    The rule is classical; audited by ``HERMITE/analytic`` against closed forms.

    Parameters
    ----------
    name : the name that reports show
    sigma, dsigma : functions of a float64 array, entry by entry

    Returns
    -------
    Activation

    Units
    -----
    Coefficients of He_k / k!.

    Errors
    ------
    DomainError   from ``hermite_coefficients``, where halving h moves a coefficient by more than 64 (K + 1) eps of
                  E[|sigma(z + b) He_k(z)|]: sigma has a kink, or a singularity close to the real line.
    """
    for part, function in (("sigma", sigma), ("dsigma", dsigma)):
        if not callable(function):
            raise DtypeError(f"{part} = {function!r}; it must be a function of a float64 array, entry by entry")
    return Activation(name, sigma, dsigma, partial(_trapezoid, name, sigma))


REACH = 40.0                                           # phi(40) underflows to 0
NODES = [80 * 2**k + 1 for k in range(2, 9)]           # steps 1/4, ..., 1/256


def _trapezoid(name: str, sigma: Callable[[Array], Array], K: int, b: Array) -> Array:
    if K > 300:
        raise DomainError(f"K = {K}; the coefficients of an analytic activation are found up to K = 300, where sqrt(K!) is still a float")
    before = None
    for nodes in NODES:
        c, size = _trapezoid_once(sigma, K, b, nodes)
        if before is not None and settled(c, before, tol=64 * (K + 1) * np.finfo(float).eps * size):
            return c
        before = c
    raise DomainError(f"{name} does not settle at steps down to 1/256: it has a kink or a singularity near the real line; "
                      f"give its coefficients in closed form, Activation(..., coefficients=...)")


def _trapezoid_once(sigma: Callable[[Array], Array], K: int, b: Array, nodes: int) -> tuple[Array, Array]:
    """(c, E[|sigma He_k|]) with so many nodes."""
    z, h = np.linspace(-REACH, REACH, nodes, retstep=True)
    weights = h * _phi(z)
    points = np.add.outer(z, b)                        # (nodes, *b.shape)
    values = sigma(points)
    if np.shape(values) != points.shape:
        raise ShapeError(f"sigma took an array of shape {points.shape} and returned one of shape {np.shape(values)}; it must act entry by entry")
    c, size = np.empty((K + 1, *b.shape)), np.empty((K + 1, *b.shape))
    here = before = np.ones(z.shape)                   # he_k, unit norm: no overflow before k! itself does
    norm = 1.0                                         # sqrt(k!)
    for k in range(K + 1):
        c[k] = norm * np.tensordot(weights * here, values, axes=1)
        size[k] = norm * np.tensordot(weights * np.abs(here), np.abs(values), axes=1)
        here, before = (z * here - math.sqrt(k) * before) / math.sqrt(k + 1), here
        norm *= math.sqrt(k + 1)
    return c, size


RELU = Activation("relu", _relu, _drelu, _relu_coefficients, kinks=(0.0,))
TRUNCATED_RELU = Activation("truncated_relu", _truncated_relu, _dtruncated_relu, _truncated_relu_coefficients, kinks=(0.0, 1.0))
TANH = analytic("tanh", np.tanh, _dtanh)
ERF = analytic("erf", _erf, _derf)
