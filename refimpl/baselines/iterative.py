r"""Solvers that need nothing of a Gram matrix K but products: Richardson's iteration and conjugate gradients; and bounds on its largest eigenvalue.

K is an (n, n) matrix, or a function V -> K V of arrays (n,) and (n, k), which may compute it tile by tile and keep none.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np

from refimpl.baselines._gram import EPS, SOURCE, Product, border, checked, product_of
from refimpl.errors import Array, DomainError, NotConvergedError, Shapes, count, finite, number
from refimpl.rng import Seed, generator

STEPS = 32                     # of Lanczos
UNLUCKY = 1e-9                 # the probability that its upper bound fails


# ---- Richardson's iteration

def richardson(K: object, y: object, *, eta: float, T: int, alpha_0: object = None) -> Array:
    r"""T steps of Richardson's iteration: gradient descent on alpha.K alpha / 2 - y.alpha.

    .. math:: \alpha^{(t)} = \alpha^{(t-1)} - \eta\, (K \alpha^{(t-1)} - y)

    Source
    ------
    Slides on the limits of kernels (Richardson, Landweber, gradient descent); audited by ``KERNELS/richardson``, ``KERNELS/richardson-interval``
    and ``KERNELS/richardson-rate``: it converges to K^{-1} y from every start if and only if 0 < eta < 2 / lambda_max(K), K positive
    definite, and its error shrinks by max |1 - eta lambda_i| a step.

    Parameters
    ----------
    K : (n, n) symmetric, or a function V -> K V
    y : (n,) or (n, k)
    eta : float   step size
    T : int >= 0   number of steps
    alpha_0 : of the shape of y, 0 if None

    Returns
    -------
    alpha^(T), (n,) or (n, k)

    Units
    -----
    For ridge regression pass K + lam I. n^2 multiplications a step and right-hand side, besides up to 32 products that look for lambda_max.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   for arrays that are not finite float64 of these shapes, and where alpha overflows.
    DomainError   for eta <= 0 and where eta >= 2 / lambda_max(K) is certain; within rounding of that threshold the iteration runs.
    Rounding   a step adds (n + 4) eps (|alpha| + eta (abs(K) @ abs(alpha) + |y|)), entry by entry.
    """
    product, y, sizes = border(K, y)
    T, eta = count("T", T, least=0), number("eta", eta)
    alpha = np.zeros_like(y) if alpha_0 is None else sizes("alpha_0", alpha_0, *"nk"[:y.ndim])
    _check_step(product, len(y), eta)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(T):
            alpha = alpha - eta * (product(alpha) - y)
    return finite("alpha", alpha)


def _check_step(product: Product, n: int, eta: float) -> None:
    """DomainError where the iteration cannot converge from every start."""
    if eta <= 0 or eta * (at_least := spectrum_bounds(product, n=n).at_least) >= 2:
        threshold = "2 / lambda_max(K)" if eta <= 0 else f"2 / lambda_max(K), which is at most {2 / at_least:.6g}"
        raise DomainError(f"eta = {eta}; Richardson's iteration converges from every start only for 0 < eta < {threshold}")


# ---- the largest eigenvalue

class Bounds(NamedTuple):
    """at_least <= lambda_max(K) <= at_most, see :func:`spectrum_bounds`."""

    at_least: float
    at_most: float


def spectrum_bounds(K: object, *, n: int | None = None, rng: Seed = 0) -> Bounds:
    r"""Bounds on the largest eigenvalue of a positive semidefinite K from k = min(n, 32) steps of Lanczos.

    .. math:: \theta_k \le \lambda_{\max}(K) \le \theta_k\, \mathrm{cosh}^2 \frac{\mathrm{arsinh}(\sqrt{2n/\pi} / \delta)}{2k - 1}, \qquad \delta = 10^{-9}

    theta_k is the largest Ritz value from a random start. The upper bound fails with probability delta at most; where the Krylov space is
    all that K can reach from the start it is theta_k itself.

    Source
    ------
    Derived here, by Chebyshev's polynomial of degree 2 k - 1; audited by ``KERNELS/lanczos`` and ``KERNELS/lanczos-bound``.

    Parameters
    ----------
    K : (n, n) symmetric, or a function V -> K V, with n
    n : int, for a function only
    rng : Generator, SeedSequence or int   of the start; the lower bound is certain for any

    Returns
    -------
    Bounds   at_least, at_most

    Units
    -----
    Homogeneous of degree 1 in K.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   as every public function.
    DomainError   where K has a negative Ritz value beyond rounding, so that it is not positive semidefinite.
    Rounding   both bounds are moved outwards by 2 n sqrt(32 n) eps relative, which covers that of the products.
    """
    product, n = product_of(K, n, Shapes(SOURCE))
    with np.errstate(over="ignore", invalid="ignore"):
        theta, k = _ritz_values(product, generator(rng).standard_normal(n))
    if theta[0] < -2 * n * math.sqrt(STEPS * n) * EPS * abs(theta[-1]):
        raise DomainError(f"K has an eigenvalue of at most {theta[0]:.6g}; a Gram matrix is positive semidefinite")
    slack = math.cosh(math.asinh(math.sqrt(2 * n / math.pi) / UNLUCKY) / (2 * k - 1)) ** 2
    return _outwards(theta[-1], theta[-1] * slack, tol=2 * n * math.sqrt(STEPS * n) * EPS)


def _ritz_values(product: Product, v: Array) -> tuple[Array, float]:
    """Eigenvalues of K on its Krylov space from v, in rising order, and the dimension k; infinity where K leaves the space invariant."""
    V, KV, k = np.empty((0, len(v))), np.empty((0, len(v))), math.inf
    while len(V) < min(STEPS, len(v)):
        V = np.vstack([V, _unit(v)])
        KV = np.vstack([KV, product(V[-1])])
        v = finite("K v", _orthogonal(_orthogonal(KV[-1], V), V))                 # twice is enough
        if _vanishes(v, KV, tol=len(v) * EPS):
            break
    else:
        k = len(V)
    return np.asarray(np.linalg.eigvalsh(V @ KV.T)), k


def _unit(v: Array) -> Array:
    """v / |v|, whose squares neither over- nor underflow."""
    v = v / np.linalg.norm(v, np.inf)
    return np.asarray(v / np.linalg.norm(v))


def _orthogonal(v: Array, V: Array) -> Array:
    return v - V.T @ (V @ v)


def _vanishes(v: Array, KV: Array, tol: float) -> bool:
    """Whether v is what rounding leaves of vectors of the size of the rows of KV."""
    return bool(np.linalg.norm(v, np.inf) <= tol * np.linalg.norm(KV.ravel(), np.inf))


def _outwards(low: float, high: float, tol: float) -> Bounds:
    return Bounds(float(low * (1 - tol)), float(high * (1 + tol)))


# ---- conjugate gradients

class Solution(NamedTuple):
    """What :func:`conjugate_gradients` reached."""

    alpha: Array               # (n,) or (n, k)
    iterations: int            # of the right-hand side that took the most
    residual: Array            # () or (k,), |y - (K + lam I) alpha| / |y| computed from alpha, 0 for y = 0


def conjugate_gradients(K: object, y: object, *, lam: float = 0.0, tol: float, most: int, preconditioner: Product | None = None) -> Solution:
    r"""Conjugate gradients for ridge regression, all right-hand sides in one product an iteration.

    .. math:: (K + \lambda I)\, \alpha = y

    Iteration t minimises the error in the norm of K + lam I over the first t powers of it times y, so t is at most the number of its distinct
    eigenvalues.

    Source
    ------
    Hestenes and Stiefel (1952), recalled; audited by ``KERNELS/cg-finite`` and ``KERNELS/cg-residual``.

    Parameters
    ----------
    K : (n, n) symmetric, or a function V -> K V
    y : (n,) or (n, k)
    lam : float >= 0
    tol : float >= 0   largest |y - (K + lam I) alpha| / |y|
    most : int >= 0   most iterations
    preconditioner : a function V -> P^{-1} V, P symmetric positive definite, such as :func:`refimpl.baselines.nystrom.nystrom_preconditioner`

    Returns
    -------
    Solution   alpha, iterations, residual

    Units
    -----
    lam stands beside the sum of squares, as in ``refimpl.baselines.ridge``. n^2 multiplications an iteration and right-hand side.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   as every public function.
    DomainError   for lam < 0, and where a direction p has p.(K + lam I) p <= 0 up to rounding.
    NotConvergedError   where ``most`` iterations leave a larger residual; it says which.
    Rounding   alpha is within |(K + lam I)^{-1}|_2 |y| residual of the exact one.
    """
    product, y, _ = border(K, y)
    lam, tol, most = _at_least_0("lam", lam), _at_least_0("tol", tol), count("most", most, least=0)
    solve = checked("preconditioner", preconditioner) if preconditioner is not None else np.asarray
    _, e = np.frexp(np.linalg.norm(y, np.inf, axis=0))                            # labels of any size are solved as labels of size 1
    with np.errstate(over="ignore", invalid="ignore"):
        alpha, iterations, residual = _restarted(lambda V: product(V) + lam * V, solve, np.ldexp(y, -e), tol, most)
        return Solution(finite("alpha", np.ldexp(alpha, e)), iterations, residual)


def _restarted(A: Product, solve: Product, y: Array, within: float, most: int) -> Solution:
    """Descents until the residual, computed anew, is small: rounding may hide a part of it from the running one."""
    alpha, r, iterations = np.zeros_like(y), y, 0
    while (_relative(r, y) > within).any():
        alpha, iterations = _descent(A, solve, alpha, r, within * np.linalg.norm(y, axis=0), iterations, most)
        r = finite("the residual", y - A(alpha))
    return Solution(alpha, iterations, _relative(r, y))


def _descent(A: Product, solve: Product, alpha: Array, r: Array, enough: Array, spent: int, most: int) -> tuple[Array, int]:
    """Conjugate gradients from alpha with the residual r; alpha and the count of all iterations."""
    p = z = solve(r)
    rho = (r * z).sum(axis=0)
    for iterations in itertools.count(spent + 1):
        if iterations > most:
            raise NotConvergedError(f"most = {most} iterations leave |y - (K + lam I) alpha| = {np.linalg.norm(r):.3g}, which should be "
                                    f"{np.linalg.norm(enough):.3g}; allow more, take lam larger, or precondition")
        Ap = finite("(K + lam I) p", A(p))
        curvature = (p * Ap).sum(axis=0)
        if (p.any(axis=0) & (curvature <= len(p) * EPS * np.abs(p).max(axis=0) * np.abs(Ap).max(axis=0))).any():
            raise DomainError(f"p.(K + lam I) p = {curvature.min():.3g} in iteration {iterations}, not positive beyond rounding; take lam larger, "
                              "and where that does not help, K is not positive semidefinite")
        step = _ratio(rho, curvature)
        alpha, r = alpha + step * p, finite("the residual", r - step * Ap)
        done = np.linalg.norm(r, axis=0) <= enough
        if done.all():
            return alpha, iterations
        r = np.where(done, 0.0, r)                                                # such a label waits for the others
        z, before = solve(r), rho
        rho = (r * z).sum(axis=0)
        p = z + _ratio(rho, before) * p
    raise AssertionError("a count has no end")


def _relative(r: Array, y: Array) -> Array:
    """|r| / |y|, column by column."""
    return _ratio(np.linalg.norm(r, axis=0), np.linalg.norm(y, axis=0))


def _ratio(over: Array, under: Array) -> Array:
    """over / under, 0 where under is 0."""
    return np.divide(over, under, out=np.zeros_like(under), where=under != 0)


def _at_least_0(name: str, value: object) -> float:
    value = number(name, value)
    if value < 0:
        raise DomainError(f"{name} = {value}; it must be at least 0")
    return value
