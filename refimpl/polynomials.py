"""Polynomials of r variables in exact arithmetic, and what a Gaussian does to them.

A polynomial is a mapping from exponents to coefficients, {(2, 0): 1, (0, 1): -3} for z_1^2 - 3 z_2. One operator
carries the whole theory: the heat operator e^{D/2} with D = sum_ij G_ij d_i d_j, which averages over N(0, G). With it

    E[g(s + v)], v ~ N(0, G)   =  e^{D/2} g (s),
    He_alpha                   =  e^{-D/2} z^alpha   (G = I),
    C_k(w^{otimes k}) / k!     =  the part of degree k of e^{D/2} g at s = Uw   (f*(x) = g(Ux), G = U U^T).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import Any, TypeAlias

import numpy as np

from refimpl.errors import DtypeError, ShapeError, count, exact

Exponents: TypeAlias = tuple[int, ...]
Polynomial: TypeAlias = dict[Exponents, Fraction]
Gram: TypeAlias = tuple[tuple[Fraction, ...], ...]


def polynomial(g: Mapping[Exponents, Any], r: int | None = None) -> Polynomial:
    """``g`` checked and made exact: whole exponents >= 0, r of them each, coefficients int, Fraction, fmpq or float.

    Source: a convention of this package; audited by ``DLS22/asm-1``. Units: coefficients of monomials.
    Errors: ShapeError for an empty g or exponents of different lengths, DomainError and DtypeError for bad entries.
    """
    if not isinstance(g, Mapping) or not g:
        raise ShapeError(f"g = {g!r}; g must map exponents to coefficients and hold at least one, such as {{(2, 0): 1.0}}")
    first = next(iter(g))
    r = (len(first) if isinstance(first, tuple) else 0) if r is None else r
    total: Polynomial = {}
    for alpha, coefficient in g.items():
        if not isinstance(alpha, tuple) or len(alpha) != r or r == 0:
            raise ShapeError(f"g has the exponents {alpha!r}; every key must be a tuple of r = {r or 1} whole numbers, one a variable")
        key = tuple(count(f"an exponent of {alpha}", k, least=0) for k in alpha)
        total[key] = exact(f"g[{alpha}]", coefficient)
    return total


def gram(U: Sequence[Sequence[Any]]) -> Gram:
    """G = U U^T in exact arithmetic, for rows u_i of exact numbers or floats.

    Source: the covariance of Ux, x ~ N(0, I_d); audited by ``HERMITE/several-stein``. Units: none.
    Errors: ShapeError for rows of different lengths, DtypeError for bad entries.
    """
    if not isinstance(U, Sequence | np.ndarray) or not all(isinstance(row, Sequence | np.ndarray) for row in U):
        raise DtypeError(f"U = {U!r} is not a list of rows; U must hold r rows of d numbers")
    rows = [[exact(f"U[{i}][{j}]", entry) for j, entry in enumerate(row)] for i, row in enumerate(U)]
    if not rows or len({len(row) for row in rows}) != 1 or not rows[0]:
        raise ShapeError(f"U has rows of lengths {[len(row) for row in rows]}; U must be (r, d)")
    return tuple(tuple(sum((x * y for x, y in zip(u, v, strict=True)), start=Fraction()) for v in rows) for u in rows)


def identity(r: int) -> Gram:
    """The Gram matrix of r orthonormal directions. Exact; conventions and errors of :func:`polynomial`."""
    return tuple(tuple(map(Fraction, row)) for row in np.eye(r).tolist())


def degree(g: Mapping[Exponents, Any]) -> int:
    """The degree p of g; 0 for the zero polynomial. Audited by ``HERMITE/several-euler``. Exact; conventions and errors of :func:`polynomial`."""
    return max((sum(alpha) for alpha, coefficient in g.items() if coefficient), default=0)


def evaluate(g: Mapping[Exponents, Any], s: Sequence[Any]) -> Any:
    """g(s) at one point, in the arithmetic of ``s``: exact at rationals, truncated nowhere. Exact; conventions and errors of :func:`polynomial`."""
    return sum((coefficient * math.prod(x**k for x, k in zip(s, alpha, strict=True)) for alpha, coefficient in g.items()), start=Fraction())


def add(g: Polynomial, *others: Polynomial) -> Polynomial:
    """The sum of polynomials in the same variables. Exact; conventions and errors of :func:`polynomial`."""
    total = dict(g)
    for other in others:
        for alpha, coefficient in other.items():
            total[alpha] = total.get(alpha, Fraction()) + coefficient
    return total


def scale(g: Polynomial, factor: Any) -> Polynomial:
    """The polynomial factor * g. Audited by ``HERMITE/several-euler``. Exact; conventions and errors of :func:`polynomial`."""
    factor = exact("factor", factor)
    return {alpha: factor * coefficient for alpha, coefficient in g.items()}


def times(g: Polynomial, other: Polynomial) -> Polynomial:
    """The product of two polynomials in the same variables. Exact; conventions and errors of :func:`polynomial`."""
    total: Polynomial = {}
    for alpha, here in g.items():
        for beta, there in other.items():
            key = tuple(a + b for a, b in zip(alpha, beta, strict=True))
            total[key] = total.get(key, Fraction()) + here * there
    return total


def partial(g: Polynomial, i: int) -> Polynomial:
    """The derivative of g in its variable i. Audited by ``HERMITE/several-euler``. Exact; conventions and errors of :func:`polynomial`."""
    return {
        (*alpha[:i], alpha[i] - 1, *alpha[i + 1:]): alpha[i] * coefficient
        for alpha, coefficient in g.items() if alpha[i]
    }


def homogeneous(g: Polynomial, k: int) -> Polynomial:
    """The part of degree k of g. Audited by ``HERMITE/several-euler``. Exact; conventions and errors of :func:`polynomial`."""
    return {alpha: coefficient for alpha, coefficient in g.items() if sum(alpha) == k}


def heat(g: Polynomial, G: Gram, *, time: int = 1) -> Polynomial:
    r"""Average of a polynomial over a Gaussian shift of its argument.

    .. math:: E[g(s + v)]_{v \sim N(0, G)} = e^{D/2} g(s) = \sum_{l \ge 0} \frac{1}{l!\, 2^l} D^l g(s), \qquad D = \sum_{ij} G_{ij} \partial_i \partial_j

    Source
    ------
    Derived here; audited by ``HERMITE/heat`` and, through C_k, by ``DLS22/tensor-expansion``.

    Parameters
    ----------
    g : polynomial of r variables
    G : (r, r)   exact Gram matrix, see :func:`gram` and :func:`identity`
    time : 1 averages, -1 undoes it (so that heat(z^alpha, I, time=-1) = He_alpha)

    Returns
    -------
    polynomial of r variables

    Units
    -----
    Coefficients of monomials in s.

    Errors
    ------
    ShapeError   where G has another size than g has variables. Exact: no rounding.
    """
    _same_variables(g, G)
    total, term, l = dict(g), _laplacian(g, G), 1
    while term:                                          # D lowers the degree by 2, so this ends
        term = scale(term, Fraction(time, 2 * l))
        total, term, l = add(total, term), _laplacian(term, G), l + 1
    return total


def _same_variables(g: Polynomial, G: Gram) -> None:
    """One row and column of G a variable of g."""
    if g and (r := len(next(iter(g)))) != len(G):
        raise ShapeError(f"g has r = {r} variables but G is ({len(G)}, {len(G)}); the Gram matrix must be (r, r)")


def _laplacian(g: Polynomial, G: Gram) -> Polynomial:
    r = len(G)
    first = [partial(g, i) for i in range(r)]
    return add({}, *(scale(partial(first[i], j), G[i][j]) for i in range(r) for j in range(r) if G[i][j]))


def mean(g: Polynomial, G: Gram) -> Fraction:
    r"""Mean of a polynomial of a Gaussian vector, by Wick's recursion on its moments.

    .. math:: E[v_i v^\beta] = \sum_j G_{ij}\, \beta_j\, E[v^{\beta - e_j}], \qquad v \sim N(0, G)

    Source
    ------
    Isserlis' theorem, recalled; audited by ``HERMITE/heat``, whose other route is :func:`heat` at s = 0.

    Parameters
    ----------
    g : polynomial of r variables
    G : (r, r)   exact Gram matrix

    Returns
    -------
    Fraction

    Units
    -----
    An expectation.

    Errors
    ------
    None beyond those of :func:`polynomial`. Exact: no rounding.
    """
    _same_variables(g, G)

    @cache
    def moment(alpha: Exponents) -> Fraction:
        i = next((i for i, k in enumerate(alpha) if k), None)
        if i is None:
            return Fraction(1)
        beta = (*alpha[:i], alpha[i] - 1, *alpha[i + 1:])
        return sum(
            (G[i][j] * beta[j] * moment((*beta[:j], beta[j] - 1, *beta[j + 1:])) for j in range(len(G)) if beta[j]),
            start=Fraction(),
        )

    return sum((coefficient * moment(alpha) for alpha, coefficient in g.items()), start=Fraction())


def hermite_coefficients(g: Polynomial) -> Polynomial:
    r"""Coefficients of g in the Hermite polynomials of its variables.

    .. math:: g(z) = \sum_\alpha \frac{c_\alpha}{\alpha!} He_\alpha(z), \qquad c_\alpha = E[\partial^\alpha g(z)], \; z \sim N(0, I_r)

    Source
    ------
    DLS22, appendix A.1, entry by entry; audited by ``HERMITE/several-coefficients``.

    Parameters
    ----------
    g : polynomial of r variables

    Returns
    -------
    mapping from alpha to c_alpha

    Units
    -----
    c_alpha, not c_alpha / alpha!.

    Errors
    ------
    None beyond those of :func:`polynomial`. Exact: no rounding.
    """
    r = len(next(iter(g), ()))                         # the zero polynomial may have no term left
    return {alpha: factorial(alpha) * coefficient for alpha, coefficient in heat(g, identity(r)).items()}


def from_hermite(c: Mapping[Exponents, Any]) -> Polynomial:
    r"""The polynomial with given coefficients in the Hermite polynomials: the inverse of :func:`hermite_coefficients`.

    .. math:: \sum_\alpha \frac{c_\alpha}{\alpha!} He_\alpha(z) = e^{-D/2} \sum_\alpha \frac{c_\alpha}{\alpha!} z^\alpha, \qquad G = I_r

    Source
    ------
    DLS22, appendix A.1, entry by entry; audited by ``HERMITE/several-coefficients``.

    Parameters
    ----------
    c : mapping from alpha to c_alpha

    Returns
    -------
    polynomial of r variables

    Units
    -----
    As :func:`hermite_coefficients`.

    Errors
    ------
    As :func:`polynomial`. Exact: no rounding.
    """
    g = {alpha: coefficient / factorial(alpha) for alpha, coefficient in polynomial(c).items()}
    return heat(g, identity(len(next(iter(g)))), time=-1)


def factorial(alpha: Exponents) -> int:
    """alpha! = prod_i alpha_i!. Exact; conventions and errors of :func:`polynomial`."""
    return math.prod(math.factorial(k) for k in alpha)


def exponents(r: int, k: int) -> list[Exponents]:
    """All alpha of r entries with |alpha| = k, the first entry largest first. Exact; conventions and errors of :func:`polynomial`."""
    r, k = count("r", r, least=1), count("k", k, least=0)
    if r == 1:
        return [(k,)]
    return [(first, *rest) for first in range(k, -1, -1) for rest in exponents(r - 1, k - first)]
