r"""The error of the first gradient on n samples: its exact second moments, at any d, without drawing a sample.

The gradient step sees g_n(w) = (1/n) sum_i y_i x_i 1{w.x_i + b >= 0}, a mean of n independent vectors, with y_i = f*(x_i) + epsilon_i. So

    n E[(g_n - g)(g_n - g)^T] = E[q(x) x x^T 1{w.x + b >= 0}] - g g^T,        q = f*^2 + varsigma^2,   g = E g_n,

and q is a polynomial of Ux as f* is. Stein's identity, twice, makes derivatives of q and of the step out of the two factors x. With s = Uw for a
unit w, q-bar(s) = E q(s + Ux), and d_k the coefficients of the step, E[1^{(l)}(w.x + b) P(Ux)] = sum_k d_{k+l} P-bar_k(s) over the parts of degree k:

    E[q x x^T 1] = E[q 1] I + U^T E[grad^2 q 1] U + U^T E[grad q 1'] w^T + w E[grad q 1']^T U + E[q 1''] w w^T.

Orthogonally to span(S*, w) only the first term is left: there the error is isotropic, and its size does not depend on the direction.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from refimpl import polynomials
from refimpl.data.targets import Target
from refimpl.errors import Array, DomainError, Shapes, finite, number, rounded
from refimpl.gaussian import half_line_hermite
from refimpl.polynomials import Polynomial
from refimpl.population import _checked, _units, half_space_moment


class SecondMoment(NamedTuple):
    """E[q(x) x x^T 1{w_j.x + b_j >= 0}] = isotropic I + U^T frame U + U^T cross w^T + w cross^T U + along_w w w^T, w = w_j / |w_j|."""

    isotropic: Array   # (m,)       E[q 1]
    frame: Array       # (m, r, r)  E[grad^2 q 1]
    cross: Array       # (m, r)     E[grad q 1']
    along_w: Array     # (m,)       E[q 1'']
    W_unit: Array      # (m, d)     zero rows where w_j = 0


# ---- means of a polynomial of Ux times a derivative of the step

class _Step:
    """E[P(Ux) 1^{(l)}(w_j.x + b_j)] for unit rows w_j, P given by its smoothed twin."""

    def __init__(self, target: Target, W: object, b: object, degree: int) -> None:
        self.W_unit, beta = _units(target, W, b)
        self.S = target.frame_coordinates(self.W_unit)                          # (m, r)
        self.d = half_line_hermite(degree, beta)                                # (degree + 1, m)

    def mean(self, P: Polynomial, l: int = 0, along: int = 0) -> Array:
        """The same after ``along`` derivatives along w: sum_alpha P_alpha k! / (k - along)! s^alpha d_{k - along + l}, k = |alpha|."""
        total = np.zeros(len(self.S))
        for alpha, c in P.items():
            if (k := sum(alpha)) >= along:
                powers = math.prod((self.S[:, i] ** e for i, e in enumerate(alpha) if e), start=np.ones(len(self.S)))
                total += rounded("a coefficient of q", c * math.perm(k, along)) * powers * self.d[k - along + l]
        return total

    def gradient(self, P: Polynomial, l: int = 0, along: int = 0) -> Array:
        """The same of the r partial derivatives of P, (m, r)."""
        return np.stack([self.mean(polynomials.partial(P, i), l, along) for i in range(self.S.shape[1])], axis=1)


def _square(target: Target, varsigma: object) -> Target:
    """q = f*^2 + varsigma^2 in the same directions."""
    varsigma = number("varsigma", varsigma)
    if varsigma < 0:
        raise DomainError(f"varsigma = {varsigma}; the label noise is +-varsigma, so varsigma must be at least 0")
    f = dict(_checked(target).g)
    noise = {(0,) * target.r: Fraction(varsigma) ** 2}
    return Target(polynomials.add(polynomials.times(f, f), noise), target.U)


# ---- the error

@np.errstate(over="ignore", invalid="ignore")      # finite() says what overflowed
def half_space_second_moment(target: Target, W: object, b: object, *, varsigma: float = 0.0) -> SecondMoment:
    r"""Second moment of one sample's gradient, in blocks whose size does not depend on d.

    .. math:: E\big[(f^\star(x)^2 + \varsigma^2)\, x x^T\, 1\{w_j \cdot x + b_j \ge 0\}\big]

    Source
    ------
    The proofs of DLS22, Lemma 32 and Corollary 34, bound its size; derived here, audited by ``DLS22/cor-34-blocks`` and ``DLS22/cor-34-proof``.

    Parameters
    ----------
    target : f*; what preprocessing leaves of it is a Target, too, such as ``target.without_linear_part()``
    W : (m, d)   rows of any length
    b : (m,)
    varsigma : the labels are f*(x_i) +- varsigma

    Returns
    -------
    SecondMoment   isotropic (m,), frame (m, r, r), cross (m, r), along_w (m,), W_unit (m, d)

    Units
    -----
    Of one sample: divide by n for a mean of n. Homogeneous of degree 0 in (w, b).

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   for W and b that are not finite float64 arrays of these shapes.
    DomainError   for varsigma < 0.
    Rounding   each entry within (2 d p + 32 p + 40 + N + (b/|w|)^2) eps of its sum of absolute terms, N being the number of monomials of q.
    """
    q = _square(target, varsigma)
    step, smoothed = _Step(q, W, b, degree=2 * target.p + 2), dict(q.smoothed)
    return SecondMoment(
        isotropic=finite("E[q 1]", step.mean(smoothed)),
        frame=finite("E[grad^2 q 1]", np.stack([step.gradient(polynomials.partial(smoothed, i)) for i in range(q.r)], axis=1)),
        cross=finite("E[grad q 1']", step.gradient(smoothed, 1)),
        along_w=finite("E[q 1'']", step.mean(smoothed, 2)),
        W_unit=step.W_unit,
    )


@np.errstate(over="ignore", invalid="ignore")      # finite() says what overflowed
def sampling_error_along(target: Target, W: object, b: object, V: object, *, varsigma: float = 0.0) -> Array:
    r"""Mean squared error of the first gradient on n samples, direction by direction.

    .. math:: n\, E\big[(v_k \cdot (g_n(w_j) - g(w_j)))^2\big]
              = E\big[(f^\star(x)^2 + \varsigma^2) (v_k \cdot x)^2\, 1\{w_j \cdot x + b_j \ge 0\}\big] - (v_k \cdot g(w_j))^2

    Source
    ------
    DLS22, Corollary 34, at one w; derived here, audited by ``DLS22/cor-34-blocks``.

    Parameters
    ----------
    target, W, b, varsigma : as in :func:`half_space_second_moment`
    V : (k, d)   directions of any length

    Returns
    -------
    (m, k)

    Units
    -----
    Times n. Quadratic in v. alpha and beta of line 1 of Algorithm 1 are fixed: they come from other samples, or are not used.

    Errors
    ------
    As :func:`half_space_second_moment`.
    """
    sizes = Shapes("DLS22, Corollary 34")
    sizes("U", _checked(target).U, "r", "d")
    V = sizes("V", V, "k", "d")
    A = half_space_second_moment(target, W, b, varsigma=varsigma)
    UV, wV = V @ target.U.T, A.W_unit @ V.T                                     # (k, r), (m, k)
    second = (
        A.isotropic[:, None] * np.sum(V * V, axis=1)
        + np.einsum("jab,ka,kb->jk", A.frame, UV, UV)
        + 2 * (A.cross @ UV.T) * wV
        + A.along_w[:, None] * wV**2
    )
    return finite("the sampling error", second - (half_space_moment(target, W, b) @ V.T) ** 2)


@np.errstate(over="ignore", invalid="ignore")      # finite() says what overflowed
def sampling_error(target: Target, W: object, b: object, *, varsigma: float = 0.0) -> Array:
    r"""Mean squared error of the first gradient on n samples.

    .. math:: n\, E|g_n(w_j) - g(w_j)|^2 = E\big[(f^\star(x)^2 + \varsigma^2) |x|^2\, 1\{w_j \cdot x + b_j \ge 0\}\big] - |g(w_j)|^2

    Source
    ------
    DLS22, Corollary 34, at one w; derived here, audited by ``DLS22/cor-34``.

    Parameters
    ----------
    target, W, b, varsigma : as in :func:`half_space_second_moment`

    Returns
    -------
    (m,)

    Units
    -----
    Times n: about d (E f*^2 + varsigma^2) / 2. alpha and beta as in :func:`sampling_error_along`.

    Errors
    ------
    As :func:`half_space_second_moment`.
    """
    A = half_space_second_moment(target, W, b, varsigma=varsigma)
    trace = (
        A.isotropic * target.d
        + np.sum(A.frame * (target.U @ target.U.T), axis=(1, 2))
        + 2 * np.sum(A.cross * target.frame_coordinates(A.W_unit), axis=1)
        + A.along_w
    )
    return finite("the sampling error", trace - np.sum(half_space_moment(target, W, b) ** 2, axis=1))
