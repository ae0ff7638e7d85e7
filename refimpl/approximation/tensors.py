r"""Symmetric k-tensors as polynomials, and the weights z_T that random features g_j give them.

A symmetric tensor T is the homogeneous polynomial <T, x^{otimes k}>, exponents -> coefficient, in x itself or in s = Ux. Nothing here
stores d^k numbers: the coefficients of T times sqrt(alpha!/k!) are its coordinates in an orthonormal basis of the D = C(d + k - 1, k) dimensions,
and those of g^{otimes k} are sqrt(k!/alpha!) g^alpha.

With the law of g uniform on the rows g_j of a pool G (N, d) and A (D, N) the coordinates of their powers, M = E[g^{otimes 2k}] is A A^T / N, and

    z_T = N c,        c = A^T (A A^T)^+ T = A^+ T,        E z_T^2 = N |c|^2:

c is the shortest vector with sum_j c_j g_j^{otimes k} = T, so z_T has the least E z^2 of all z with E[z g^{otimes k}] = T, where there is one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from refimpl import hermite, polynomials
from refimpl.data.targets import Target
from refimpl.errors import Array, DomainError, DtypeError, Shapes, finite, rounded
from refimpl.polynomials import Exponents, Gram, Polynomial

EPS = float(np.finfo(float).eps)
LARGEST = 2**24     # numbers of a pool's powers where they cannot span


class Weights(NamedTuple):
    """z_T on a pool of features, and what is known of the solution."""

    z: Array               # (N,)   z_T(g_j)
    second_moment: float   # E z_T^2 = Vec(T)^T M^+ Vec(T)
    rank: int              # of M: at most C(d + k - 1, k), the dimension of the symmetric k-tensors


# ---- tensors

def taylor_tensors(target: Target) -> list[Polynomial]:
    r"""The Taylor tensors of a target, read off its coefficients.

    .. math:: f^\star(x) = \sum_{k \le p} \langle T_k, x^{\otimes k} \rangle, \qquad T_k = \nabla^k f^\star(0) / k!

    Source
    ------
    DLS22, Lemma 35; audited by ``DLS22/lemma-35``.

    Parameters
    ----------
    target : f*(x) = g(Ux)

    Returns
    -------
    list of p + 1 polynomials of s = Ux, homogeneous of degrees 0, ..., p; a T_k = 0 has one term, with the coefficient 0

    Units
    -----
    T_k, not k! T_k: the derivatives are divided by k!.

    Errors
    ------
    DtypeError   where the target is none. Exact.
    """
    return _by_degree(dict(_checked(target).g), target.r, target.p)


def _by_degree(g: Polynomial, r: int, p: int) -> list[Polynomial]:
    """The parts of the degrees 0, ..., p; a part that is 0 has one term, so that its degree is known."""
    return [polynomials.homogeneous(g, k) or {(k,) + (0,) * (r - 1): Fraction()} for k in range(p + 1)]


def taylor_tensors_from_hermite(target: Target) -> list[Polynomial]:
    r"""The Taylor tensors of a target from its mean derivatives C_k = E[grad^k f*], as the paper has them.

    .. math:: T_k = \sum_{2j \le p-k} \frac{(-1)^j (2j-1)!!}{k!\, (2j)!}\, C_{2j+k}(I^{\otimes j})

    C_m is the polynomial m! times the part of degree m of E f*(x + w), and contracting two slots with I is the Laplacian over m (m - 1).

    Source
    ------
    DLS22, Lemma 35; audited by ``DLS22/lemma-35``.

    Parameters
    ----------
    target : f*(x) = g(Ux)

    Returns
    -------
    list of p + 1 polynomials of s = Ux, as :func:`taylor_tensors`

    Units
    -----
    As :func:`taylor_tensors`.

    Errors
    ------
    As :func:`taylor_tensors`. Exact, U U^T included.
    """
    G = polynomials.gram(_checked(target).U.tolist())
    C = [polynomials.scale(part, math.factorial(k)) for k, part in enumerate(_by_degree(polynomials.heat(dict(target.g), G), target.r, target.p))]
    return [polynomials.add({}, *(polynomials.scale(_closed(C_m, j, G), _share(j, k)) for j, C_m in enumerate(C[k::2]))) for k in range(target.p + 1)]


def _share(j: int, k: int) -> Fraction:
    return Fraction((-1) ** j * hermite.double_factorial(2 * j - 1), math.factorial(k) * math.factorial(2 * j))


def _closed(C: Polynomial, j: int, G: Gram) -> Polynomial:
    """C(I^j) of a tensor of order p: j times sum_il G_il d_i d_l, over p (p - 1) ... (p - 2j + 1). For G = I it is symmetric_tensors.trace."""
    p = _order(C)
    for _ in range(j):
        C = polynomials.add({}, *(_along(polynomials.partial(C, i), row) for i, row in enumerate(G)))
    return polynomials.scale(C, Fraction(1, math.perm(p, 2 * j)))


def inner_in_frame(S: Mapping[Exponents, Any], T: Mapping[Exponents, Any], G: Gram) -> Fraction:
    r"""Inner product of two symmetric tensors of the same order, given in directions that need not be orthonormal.

    .. math:: \langle S, T \rangle_F = \frac{1}{k!}\, S(G \partial)\, T, \qquad |T|_F^2 = \langle T, T \rangle_F

    For G = I it is :func:`refimpl.symmetric_tensors.inner`, sum_alpha S_alpha T_alpha alpha! / k!.

    Source
    ------
    Derived here; audited by ``DLS22/tensor-inner``.

    Parameters
    ----------
    S, T : homogeneous polynomials of degree k of s = Ux
    G : (r, r)   U U^T, exactly; see :func:`refimpl.polynomials.gram`

    Returns
    -------
    Fraction

    Units
    -----
    Sum over all d^k entries of the tensors in x.

    Errors
    ------
    DomainError   for a tensor of several orders, or two tensors of two.
    ShapeError, DtypeError   for polynomials of other variables than G has rows, and as :func:`refimpl.polynomials.polynomial`. Exact.
    """
    S, T = _tensor("S", S, len(G)), _tensor("T", T, len(G))
    if (k := _order(S)) != _order(T):
        raise DomainError(f"S is of order {k} but T of order {_order(T)}; an inner product needs two tensors of one order")
    total = Fraction()
    for alpha, coefficient in S.items():
        derivative = T
        for i, times in enumerate(alpha):
            for _ in range(times):
                derivative = _along(derivative, G[i])
        total += coefficient * sum(derivative.values(), start=Fraction()) / math.factorial(k)
    return total


def _along(T: Polynomial, v: Sequence[Fraction]) -> Polynomial:
    """(v.grad) T."""
    return polynomials.add({}, *(polynomials.scale(polynomials.partial(T, j), x) for j, x in enumerate(v)))


def _tensor(name: str, T: Mapping[Exponents, Any], r: int) -> Polynomial:
    """T as an exact polynomial of one degree."""
    T = polynomials.polynomial(T, r)
    if len(degrees := sorted({sum(alpha) for alpha in T})) > 1:
        raise DomainError(f"{name} has terms of the degrees {degrees}; a symmetric k-tensor is a homogeneous polynomial, so of one degree k")
    return T


def _order(T: Polynomial) -> int:
    """The degree k of a T of one degree, be it 0."""
    return sum(next(iter(T)))


# ---- weights

def z(T: Mapping[Exponents, Any], G: object, *, U: object = None) -> Weights:
    r"""z_T on a pool of features g_1, ..., g_N with equal weights.

    .. math:: z_T(g_j) = \mathrm{Vec}(T) \cdot M^{+}\, \mathrm{Vec}(g_j^{\otimes k}), \qquad M = E[g^{\otimes 2k}], \qquad E[z_T\, (g \cdot x)^k] = \langle T, x^{\otimes k} \rangle

    Source
    ------
    DLS22, Corollary 22; audited by ``DLS22/cor-22-pool``.

    Parameters
    ----------
    T : homogeneous polynomial of degree k   in the d coordinates of x, or with ``U`` in the r coordinates of s = Ux
    G : (N, d)   the features in rows
    U : (r, d)   directions

    Returns
    -------
    Weights   z (N,), second_moment, rank

    Units
    -----
    Linear in T; means over the pool, (1/N) sum_j. Homogeneous of degree -k in G.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   for arrays that are not float64 of these shapes.
    DomainError   for a T of several degrees; where T does not lie in the span of the g_j^{otimes k}, so that no weights represent it (what is
    missing exceeds its rounding), or where rounding leaves that open; for N < D = C(d + k - 1, k) where D N exceeds 2^24 numbers.
    Rounding   a coordinate of a power is wrong by at most (2 k + 3) eps of itself and solving, by reflections, adds N D eps
    of each column, in all at most (2 k + 3 + N D) eps sqrt(D) |A|. Singular values of A below that count as 0; z moves by twice that times |A^+| |z|, and
    E[z g^{otimes k}] by twice that times |z| / N.
    """
    sizes = Shapes("DLS22, Corollary 22")
    G = sizes("G", G, "N", "d")
    N, d = G.shape
    U = None if U is None else sizes("U", U, "r", "d")
    T = _tensor("T", T, d if U is None else len(U))
    k = _order(T)
    if (D := math.comb(d + k - 1, k)) > N and D * N > LARGEST:
        raise DomainError(f"N = {N} features span at most {N} of the {D} dimensions of symmetric {k}-tensors on R^{d}, and D N exceeds {LARGEST}; "
                          "take N >= D of them, or the coordinates of a subspace on which all features lie")
    A, t = _powers(G, k), _coordinates(T if U is None else _in_x(T, U), d, k)
    c, _, rank, _ = np.linalg.lstsq(A, t, rcond=(2 * k + 3 + N * D) * EPS * math.sqrt(D))
    with np.errstate(over="ignore"):
        second_moment = float(finite("E z_T^2", np.asarray(N * (c @ c))))
    _check_span(A, t, c, f"the powers g_j^{k} of the N = {N} features span {rank} of the {D} dimensions of symmetric {k}-tensors on R^{d}", k)
    return Weights(finite("z_T", N * c), second_moment, int(rank))


def _powers(G: Array, k: int) -> Array:
    """sqrt(k!/alpha!) g_j^alpha, (D, N)."""
    with np.errstate(over="ignore", invalid="ignore"):
        A = np.array([root * np.prod(G ** np.array(alpha), axis=1) for alpha, root in _basis(G.shape[1], k)])
        finite("sum_j |g_j|^2k", np.asarray(np.vdot(A, A)))
    return A


def _coordinates(T: Polynomial, d: int, k: int) -> Array:
    """sqrt(alpha!/k!) times the coefficients, (D,)."""
    return np.array([rounded("a coefficient of T", T.get(alpha, Fraction())) / root for alpha, root in _basis(d, k)])


def _basis(d: int, k: int) -> list[tuple[Exponents, float]]:
    """Each alpha with sqrt(k!/alpha!)."""
    return [(alpha, math.sqrt(math.factorial(k) // polynomials.factorial(alpha))) for alpha in polynomials.exponents(d, k)]


def _in_x(T: Polynomial, U: Array) -> Polynomial:
    """T(Ux), exactly."""
    r, d = U.shape
    rows = [{tuple(int(i == j) for j in range(d)): Fraction(x) for i, x in enumerate(row)} for row in U.tolist()]
    total: Polynomial = {}
    for alpha, coefficient in T.items():
        term = {(0,) * d: coefficient}
        for i in range(r):
            for _ in range(alpha[i]):
                term = polynomials.times(term, rows[i])
        total = polynomials.add(total, term)
    return total


def _check_span(A: Array, t: Array, c: npt.NDArray[Any], pool: str, k: int) -> None:
    """|t - A c| is what is missing, and the roundings of A, of c and of the product A c move it."""
    size, missing = float(np.linalg.norm(t)), float(np.linalg.norm(t - A @ c))
    if missing > (moved := 2 * (2 * k + 3 + A.size) * EPS * float(np.linalg.norm(A) * np.linalg.norm(c)) + 4 * EPS * size):
        raise DomainError(f"T lies outside what the pool expresses: {pool}, and |T - E[z g^k]| = {missing:.2g} of |T| = {size:.2g} is missing "
                          "(DLS22, Corollary 22 needs T in their span)")
    if moved > size:
        raise DomainError(f"{pool}, but so close to fewer that rounding hides whether T lies among them")


def _checked(target: object) -> Target:
    if not isinstance(target, Target):
        raise DtypeError(f"target is of type {type(target).__name__}; it must be a Target, see refimpl.data.targets")
    return target
