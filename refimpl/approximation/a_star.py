r"""The second layer a* that the features of the first step allow: random features h_T / m that express f*.

A neuron is (a, w, b), its feature w^(1) = 2 eta_1 a g_n(w). With z_T of :mod:`refimpl.approximation.tensors` and v_k of
:mod:`refimpl.approximation.monomials` the mean over (a, b) makes a power of sigma(2 eta_1 a g_n(w).x + b), and that over w a tensor of the powers:

    E_{a,b}[v_k(a, b) sigma(2 eta_1 a g_n(w).x + b)] / (2 eta_1)^k = (g_n(w).x)^k   where |2 eta_1 g_n(w).x| <= 1,
    E_w[z_T(w) (g_n(w).x)^k] = <T, x^{otimes k}>.

At the mirrored start neurons j and m + 1 - j share w and have opposite a. So E_w is the mean over the m/2 rows that were drawn, each pair holds
both values of a, and over the new biases alone f_theta* has the mean f_h exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from refimpl import polynomials
from refimpl._samples import BLOCK
from refimpl.approximation.monomials import v_gaussian
from refimpl.approximation.tensors import taylor_tensors, z
from refimpl.data.targets import Target
from refimpl.errors import Array, DomainError, DtypeError, ShapeError, Shapes, finite, number
from refimpl.network import Network
from refimpl.polynomials import Exponents, Polynomial
from refimpl.training import Trained

PAPER = "DLS22, Lemma 23"
NORM = 1.0       # the largest eta_1 |g_n(w)|
REACH = 1.0      # the largest |2 eta_1 g_n(w).x_i|: beyond, v_k makes a tangent of the power


def h_T(T: Mapping[Exponents, Any], G: object, a: object, b: object, X: object, *, eta_1: object, U: object = None) -> Array:
    r"""The weight of a neuron that makes <T, x^k> of the features 2 eta_1 a g_n(w).

    .. math:: h_T(a, w, b) = \frac{v_k(a, b)\, z_T(w)}{(2 \eta_1)^k}\, 1\{\eta_1 |g_n(w)| \le 1\} \prod_i 1\{|2 \eta_1 g_n(w) \cdot x_i| \le 1\}

    with the v_k of b ~ N(0, 1), and w uniform on the pool.

    Source
    ------
    DLS22, Lemma 23, with 2 eta_1 in its indicators; audited by ``DLS22/lemma-23`` and ``DLS22/lemma-23-indicator``.

    Parameters
    ----------
    T : homogeneous polynomial of degree k   in the d coordinates of x, or with ``U`` in the r coordinates of s = Ux
    G : (N, d)   the pool: g_n(w_j) in rows
    a, b : (q, N)   q neurons for each w_j; every a is -1 or 1
    X : (n, d)   the points x_i of the indicators
    eta_1 : float > 0   the first step size
    U : (r, d)   directions

    Returns
    -------
    (q, N)   h_T(a_j, w_j, b_j); 0 for every neuron of a w_j outside

    Units
    -----
    Linear in T, and the same for (G, eta_1) as for (c G, eta_1 / c). The expectation is a mean over a, w and b.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   for arrays that are not float64 of these shapes.
    DomainError   for eta_1 <= 0, an a that is not +-1, a T of several degrees or not in the span of the powers of the pool.
    Rounding   within (2 k + 4) eps of itself, besides the errors of z_T and v_k; a w_j whose g_n(w_j).x_i is within its rounding of an indicator's
    bound may fall on either side.
    """
    sizes = Shapes(PAPER)
    G, X = sizes("G", G, "N", "d"), sizes("X", X, "n", "d")
    a, b = sizes("a", a, "q", "N"), sizes("b", b, "q", "N")
    eta_1 = number("eta_1", eta_1)
    if eta_1 <= 0:
        raise DomainError(f"eta_1 = {eta_1}; a step size must be above 0 ({PAPER})")
    k = polynomials.degree(polynomials.polynomial(T))
    with np.errstate(over="ignore", invalid="ignore"):
        return finite("h_T", np.asarray(_unscaled(T, G, a, b, k, U) / (2 * eta_1) ** k * _inside(G, X, eta_1)))


def _unscaled(T: Mapping[Exponents, Any], G: Array, a: Array, b: Array, k: int, U: object) -> Array:
    """v_k z_T: h_T at a step size of 1/2, without its indicators, (q, N)."""
    return np.asarray(v_gaussian(k, a, b) * z(T, G, U=U).z)


@dataclass(frozen=True, eq=False)
class AStar:
    r"""The network with the second layer a*, beside what Algorithm 1 removed from the labels.

    .. math:: x \to \alpha + \beta \cdot x + f_{\theta^\star}(x), \qquad \theta^\star = (a^\star, W^{(1)}, b)

    Source
    ------
    DLS22, Lemma 25; audited by ``DLS22/lemma-25``.

    Parameters
    ----------
    network : (a*, W^(1), b)
    alpha, beta : float, (d,)   as in ``Trained``
    inside : (m,) bool   the neurons whose indicators hold; the others have a*_j = 0

    Returns
    -------
    an object with ``predict``, ``norm`` and ``share``

    Units
    -----
    Those of the labels; the factor 1/m stands in a*.

    Errors
    ------
    As :func:`a_star`.
    """

    network: Network
    alpha: float
    beta: Array
    inside: npt.NDArray[np.bool_]

    @property
    def norm(self) -> float:
        """|a*|, of the size r^(p/2) kappa^p / sqrt(m) by Lemma 25."""
        return float(np.linalg.norm(self.network.a))

    @property
    def share(self) -> float:
        """The share of the neurons whose indicators hold."""
        return float(np.mean(self.inside))

    def predict(self, X: object) -> Array:
        """alpha + beta.x_i + f_theta*(x_i), shape (n,), for X of shape (n, d): near f*(x_i), to order 1 / sqrt(m)."""
        f = self.network.predict(X)
        return finite("the prediction", np.asarray(self.alpha + np.asarray(X) @ self.beta + f))


def a_star(trained: Trained, target: Target, X: object) -> AStar:
    r"""The second layer a* that makes f* of a trained first layer.

    .. math:: a^\star_j = \frac{1}{m} \sum_{k \le p} h_{T_k}(a_j, w_j, b_j), \qquad
              f^\star(x) - \alpha - \beta \cdot x = \sum_{k \le p} \langle T_k, x^{\otimes k} \rangle

    Source
    ------
    DLS22, Corollary 24 and Lemma 25; audited by ``DLS22/lemma-25``.

    Parameters
    ----------
    trained : what :func:`refimpl.training.algorithm_1` returns. Its head is not used: a_j is that of the start, w_j^(1) = 2 eta_1 a_j g_n(w_j)
    target : f*
    X : (n, d)   the points x_i of the indicators: the training inputs

    Returns
    -------
    AStar   where all indicators hold, the mean over b of its prediction at x_i is f*(x_i) exactly

    Units
    -----
    eta_1 does not enter: h_T takes 2 eta_1 g_n(w_j) = a_j w_j^(1) with a step size of 1/2. Where too few w_j are inside, train with a smaller eta_1:
    W^(1) is linear in it, and max_ij |w_j^(1).x_i| = 1 is enough.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   for another d, and arguments that are not of these types.
    DomainError   where the first layer is not mirrored, a^(0) not +-1, or its biases were kept; where T_k is not in the span of the k-th powers of
    the m/2 features: there must be C(d + k - 1, k) of them.
    Rounding   as :func:`h_T`.
    """
    W, b, signs = _first_layer(trained)
    if not isinstance(target, Target):
        raise DtypeError(f"target is of type {type(target).__name__}; it must be a Target, see refimpl.data.targets")
    if target.d != W.shape[1]:
        raise ShapeError(f"target has d = {target.d} but the first layer has d = {W.shape[1]}; they must agree (DLS22, Lemma 25)")
    half = len(W) // 2
    G, pairs = signs[:half, None] * W[:half], (_paired(signs), _paired(b))      # (m/2, d), twice (2, m/2)
    sizes = Shapes(PAPER)
    G, X = sizes("the first layer", G, "m/2", "d"), sizes("X", X, "n", "d")
    inside, h = _inside(G, X, 0.5), np.zeros((2, half))
    for T, U in _less_linear_part(target, trained.alpha, trained.beta):
        h += _unscaled(T, G, *pairs, polynomials.degree(T), U)
    return AStar(Network(_unpaired(h * inside) / len(W), W, b), trained.alpha, trained.beta, np.concatenate([inside, inside[::-1]]))


def _less_linear_part(target: Target, alpha: float, beta: Array) -> Iterator[tuple[Polynomial, Array | None]]:
    """The T_k of f* - alpha - beta.x that are not 0, in s = Ux; T_1 in x itself, for beta need not lie in S*."""
    T = taylor_tensors(target) + [{}] * (1 - target.p)
    in_frame = [T[1].get(e, 0) for e in _units(target.r)]                       # T_1 = U^T in_frame
    slope = [sum(Fraction(u) * t for u, t in zip(column, in_frame, strict=True)) for column in target.U.T.tolist()]
    T[0] = polynomials.add(T[0], {(0,) * target.r: -Fraction(alpha)})
    T[1] = {e: x - Fraction(y) for e, x, y in zip(_units(target.d), slope, beta.tolist(), strict=True)}
    for k, T_k in enumerate(T):
        if any(T_k.values()):
            yield T_k, None if k == 1 else target.U


def _units(r: int) -> list[Exponents]:
    return [tuple(int(i == j) for j in range(r)) for i in range(r)]


@np.errstate(over="ignore", invalid="ignore")
def _inside(G: Array, X: Array, eta_1: float) -> npt.NDArray[np.bool_]:
    """1{eta_1 |g_j| <= 1} prod_i 1{|2 eta_1 g_j.x_i| <= 1}, (N,)."""
    inside = eta_1 * np.linalg.norm(G, axis=1) <= NORM                          # (N,)
    for block in np.array_split(X, math.ceil(len(X) / BLOCK)):
        inside &= np.max(np.abs(2 * eta_1 * (G @ block.T)), axis=1) <= REACH
    return np.asarray(inside)


def _paired(x: Array) -> Array:
    """Neurons j and m + 1 - j in one column, (2, m/2)."""
    return np.stack([x[:len(x) // 2], x[::-1][:len(x) // 2]])


def _unpaired(h: Array) -> Array:
    """The m numbers of (2, m/2) in the order of the neurons."""
    return np.concatenate([h[0], h[1][::-1]])


def _first_layer(trained: object) -> tuple[Array, Array, Array]:
    """W^(1), b and a^(0), if they are what the first step makes of a mirrored start, followed by new biases."""
    if not isinstance(trained, Trained):
        raise DtypeError(f"trained is of type {type(trained).__name__}; it must be what refimpl.training.algorithm_1 returns")
    if trained.variant.biases != "redrawn":
        raise DomainError("the biases were kept; a* needs b ~ N(0, 1) drawn after the first step (variant=Variant(biases='redrawn'), DLS22, Lemma 23)")
    W, a = trained.network.W, trained.a_0
    if not (np.all(np.abs(a) == 1) and np.array_equal(a, -a[::-1]) and np.array_equal(W, -W[::-1])):
        raise DomainError("the first layer is not 2 eta_1 a_j g_n(w_j) of a mirrored start; neurons j and m + 1 - j must have opposite a^(0) = +-1 and "
                          "opposite W^(1) (no part of W^(0) kept, DLS22, section 2)")
    return W, trained.network.b, a
