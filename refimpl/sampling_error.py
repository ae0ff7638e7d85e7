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
from refimpl.errors import Array, DomainError, DtypeError, ShapeError, Shapes, count, finite, number, points, rounded
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


class Energies(NamedTuple):
    """Squared lengths of g(w_j), and n times the mean ones of g_n(w_j) - g(w_j): their part in S*, and all."""

    signal_inside: Array   # (m,)  |Pi* g|^2
    signal: Array          # (m,)  |g|^2
    error_inside: Array    # (m,)  n E|Pi*(g_n - g)|^2
    error: Array           # (m,)  n E|g_n - g|^2


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

    def laplacian(self, P: Polynomial, DP: Polynomial, l: int = 0) -> Array:
        """E[Delta(P 1^{(l)})] = E[DP 1^{(l)}] + 2 E[(w.grad P) 1^{(l+1)}] + E[P 1^{(l+2)}]."""
        return self.mean(DP, l) + 2 * self.mean(P, l + 1, 1) + self.mean(P, l + 2)

    def bilaplacian(self, P: Polynomial, DP: Polynomial, DDP: Polynomial) -> Array:
        """E[Delta^2(P 1)]: the square of D + 2 (w.grad) + 1'' applied to both factors."""
        pure = self.mean(DDP) + 4 * self.mean(P, 2, 2) + self.mean(P, 4)
        return pure + 4 * self.mean(DP, 1, 1) + 2 * self.mean(DP, 2) + 4 * self.mean(P, 3, 1)


def _iterated(target: Target, times: int) -> list[Polynomial]:
    """P, D P, ..., D^times P for P = the smoothed target and D = sum_ij G_ij d_i d_j."""
    G = polynomials.gram(target.U.tolist())
    found = [dict(target.smoothed)]
    for _ in range(times):
        P = found[-1]
        found.append(polynomials.add({}, *(polynomials.scale(polynomials.partial(polynomials.partial(P, i), j), G[i][j])
                                           for i in range(target.r) for j in range(target.r))))
    return found


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


# ---- how much of the gradient lies in S*

@np.errstate(over="ignore", invalid="ignore")      # finite() says what overflowed
def energies(target: Target, W: object, b: object, *, varsigma: float = 0.0) -> Energies:
    r"""Signal and error of the first gradient, inside S* and in all directions.

    .. math:: |\Pi^\star g|^2, \quad |g|^2, \quad n\, E|\Pi^\star (g_n - g)|^2, \quad n\, E|g_n - g|^2

    Source
    ------
    The consequence n >= d^2 of DLS22, Lemma 13 and Corollary 34; audited by ``DLS22/n-d2-captured``.

    Parameters
    ----------
    target, W, b, varsigma : as in :func:`half_space_second_moment`

    Returns
    -------
    Energies   of four (m,)

    Units
    -----
    The errors are times n.

    Errors
    ------
    As :func:`half_space_second_moment`.
    """
    g, S_star = half_space_moment(target, W, b), target.S_star
    return Energies(
        signal_inside=np.sum((g @ S_star.T) ** 2, axis=1),
        signal=np.sum(g**2, axis=1),
        error_inside=np.sum(sampling_error_along(target, W, b, S_star, varsigma=varsigma), axis=1),
        error=sampling_error(target, W, b, varsigma=varsigma),
    )


@np.errstate(over="ignore", invalid="ignore", divide="ignore")      # finite() says what overflowed
def captured_energy(energies: Energies, n: object) -> Array:
    r"""Share of the first gradient's energy that lies in S*.

    .. math:: \frac{E|\Pi^\star g_n|^2}{E|g_n|^2} = \frac{|\Pi^\star g|^2 + E|\Pi^\star(g_n - g)|^2}{|g|^2 + E|g_n - g|^2}

    Source
    ------
    The consequence n >= d^2 of DLS22, Lemma 13 and Corollary 34; audited by ``DLS22/n-d2-captured``.

    Parameters
    ----------
    energies : of :func:`energies`, of each neuron or averaged over neurons; arrays of one shape, or numbers
    n : numbers of samples, any shape, or a number

    Returns
    -------
    array of the shape of ``n`` and then that of the energies

    Units
    -----
    A share; r / d for a direction that knows nothing of S*.

    Errors
    ------
    DomainError   for n <= 0.
    DtypeError, NonFiniteError   as every public function.
    Rounding   4 eps relative.
    """
    n, e = points("n", n), _energies(energies)
    if np.any(n <= 0):
        raise DomainError(f"n = {n[n <= 0].flat[0]}; the number of samples must be positive")
    n = n.reshape(n.shape + (1,) * e.signal.ndim)
    return finite("the share", np.asarray((n * e.signal_inside + e.error_inside) / (n * e.signal + e.error)))[()]


@np.errstate(over="ignore", invalid="ignore")      # finite() says what overflowed
def samples_to_capture(energies: Energies, share: float = 0.5) -> Array:
    r"""The number of samples at which a given share of the energy lies in S*: a real number, not rounded up.

    .. math:: \frac{E|\Pi^\star g_n|^2}{E|g_n|^2} = \text{share} \quad \text{at} \quad
              n = \frac{\text{share}\; n E|g_n - g|^2 - n E|\Pi^\star (g_n - g)|^2}{|\Pi^\star g|^2 - \text{share}\; |g|^2}

    Source
    ------
    Solved for n from :func:`captured_energy`; audited by ``DLS22/n-d2-captured``.

    Parameters
    ----------
    energies : as in :func:`captured_energy`
    share : between 0 and 1

    Returns
    -------
    array of the shape of the energies

    Units
    -----
    Samples. Not positive where the error alone has the share: r / d of it or more.

    Errors
    ------
    DomainError   where the share is that of g itself or more, or there is no signal: no number of samples reaches it.
    DtypeError, NonFiniteError   as every public function.
    Rounding   8 eps of the absolute terms of numerator and denominator.
    """
    share, e = number("share", share), _energies(energies)
    signal, error = e.signal_inside - share * e.signal, share * e.error - e.error_inside
    if np.any(signal <= 0):
        raise DomainError(f"share = {share}; it must lie below |Pi* g|^2 / |g|^2, the share at infinitely many samples")
    return finite("n", np.asarray(error / signal))[()]


def _energies(energies: object) -> Energies:
    """Four arrays of one shape, or four numbers."""
    if not isinstance(energies, Energies):
        raise DtypeError(f"energies is of type {type(energies).__name__}; it must be of type Energies, see refimpl.sampling_error.energies")
    e = Energies(*(points(name, value) for name, value in zip(Energies._fields, energies, strict=True)))
    for name, value in zip(Energies._fields, e, strict=True):
        if value.shape != e.signal.shape:
            raise ShapeError(f"{name} has shape {value.shape} but signal has shape {e.signal.shape}; the four energies must have one shape")
    return e


# ---- the gradient against its own inputs

@np.errstate(over="ignore", invalid="ignore")      # finite() says what overflowed
def input_moment(target: Target, W: object, b: object, n: int, *, varsigma: float = 0.0) -> Array:
    r"""Second moment of the new pre-activation at a sample that the gradient has seen.

    .. math:: n^2 E(g_n(w_j) \cdot x_1)^2 = E[q |x|^4 1] + 2 (n - 1)\, g \cdot E[f^\star |x|^2 x 1] + (n - 1)\, E[q |x|^2 1] + (n - 1)(n - 2) |g|^2

    with q = f*^2 + varsigma^2 and 1 the indicator of w_j.x + b_j >= 0. The first term is that of the sample itself.

    Source
    ------
    DLS22, Lemma 16, in the mean square; derived here, audited by ``DLS22/lemma-16-moment``.

    Parameters
    ----------
    target, W, b, varsigma : as in :func:`half_space_second_moment`
    n : int >= 1

    Returns
    -------
    (m,)   E(g_n(w_j).x_1)^2, x_1 being one of the n samples

    Units
    -----
    About ((1 + varsigma^2)/2 + |H|_F^2 / (2 pi)) / d at n = d^2 and E f*^2 = 1. alpha and beta as in :func:`sampling_error_along`.

    Errors
    ------
    As :func:`half_space_second_moment`; DomainError, DtypeError for n.
    """
    n, d = count("n", n, least=1), _checked(target).d
    q, step = _square(target, varsigma), _Step(target, W, b, degree=2 * target.p + 4)
    P, DP, DDP = _iterated(q, 2)
    once = step.laplacian(P, DP)                                                # E[Delta(q 1)]
    second = d * step.mean(P) + once                                            # E[q |x|^2 1]
    fourth = d * (d + 2) * step.mean(P) + (2 * d + 4) * once + step.bilaplacian(P, DP, DDP)
    g = half_space_moment(target, W, b)
    signal = np.sum(g**2, axis=1)
    own = (d + 2) * signal + np.sum(g * _bent(target, step), axis=1)            # g.E[f |x|^2 x 1]
    return finite("E(g_n.x_1)^2", (fourth + 2 * (n - 1) * own + (n - 1) * second + (n - 1) * (n - 2) * signal) / n**2)


def _bent(target: Target, step: _Step) -> Array:
    """E[Delta grad(f* 1)], (m, d)."""
    f, Df = _iterated(target, 1)
    in_frame = step.gradient(Df) + 2 * step.gradient(f, 1, 1) + step.gradient(f, 2)
    return in_frame @ target.U + step.laplacian(f, Df, 1)[:, None] * step.W_unit
