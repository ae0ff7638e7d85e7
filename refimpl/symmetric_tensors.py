r"""Symmetric tensors as homogeneous polynomials, in exact arithmetic.

A symmetric p-tensor T on R^r is the polynomial <T, z^p> = sum_alpha t_alpha z^alpha, |alpha| = p: binom(r+p-1, p) numbers for r^p entries, of
which the one at i_1, ..., i_p is t_alpha alpha! / p! with alpha_i the number of indices i. A tensor of R^d that lives on r orthonormal
directions (the rows of U) is its polynomial in z = Ux, whatever d is. With it

    <S, T>  =  sum_alpha (alpha! / p!) s_alpha t_alpha,
    T(w^k)  =  ((p-k)! / p!) (w.grad)^k <T, z^p>,          T(I^l)  =  ((p-2l)! / p!) (sum_i d_i^2)^l <T, z^p>,
    Sym(I^l)  =  |z|^{2l},

where w^k is the k-fold tensor power of w and T(A) leaves p - k slots of T open, those of A being k.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from refimpl import polynomials
from refimpl.errors import DomainError, ShapeError, count, exact
from refimpl.polynomials import Exponents, Polynomial


def inner(S: Mapping[Exponents, Any], T: Mapping[Exponents, Any]) -> Fraction:
    r"""Inner product of two symmetric tensors of the same order; the squared Frobenius norm where S = T.

    .. math:: \langle S, T \rangle = \sum_{i_1, \dots, i_p} S_{i_1 \dots i_p} T_{i_1 \dots i_p} = \sum_\alpha \frac{\alpha!}{p!}\, s_\alpha t_\alpha

    Source
    ------
    Derived here; audited by ``DLS22/tensor-algebra``.

    Parameters
    ----------
    S, T : homogeneous polynomials of degree p in the same r variables

    Returns
    -------
    Fraction

    Units
    -----
    Linear in S and in T; |T|_F^2, not |T|_F.

    Errors
    ------
    ShapeError where S or T is not homogeneous, or where they differ in order or variables; else as :func:`refimpl.polynomials.polynomial`.
    Exact: no rounding.
    """
    S, p, r = _tensor("S", S)
    T, p_T, r_T = _tensor("T", T)
    if (p, r) != (p_T, r_T):
        raise ShapeError(f"S has order p = {p} in r = {r} variables but T has order {p_T} in {r_T}; an inner product wants both alike")
    return sum((polynomials.factorial(alpha) * s * T[alpha] for alpha, s in S.items() if alpha in T), start=Fraction()) / math.factorial(p)


def contract(T: Mapping[Exponents, Any], w: Sequence[Any], k: int) -> Polynomial:
    r"""The tensor with k of its slots filled by a vector.

    .. math:: T(w^{\otimes k}) = \frac{(p - k)!}{p!} \Big(\sum_i w_i \partial_i\Big)^k \langle T, z^{\otimes p} \rangle

    Source
    ------
    DLS22, notation of appendix D; audited by ``DLS22/tensor-algebra``.

    Parameters
    ----------
    T : homogeneous polynomial of degree p in r variables
    w : r exact numbers or floats
    k : int, 0 <= k <= p

    Returns
    -------
    homogeneous polynomial of degree p - k in r variables

    Units
    -----
    Linear in T, homogeneous of degree k in w; no k!.

    Errors
    ------
    As :func:`inner`; ShapeError where w has not r entries, DomainError for k > p. Exact: no rounding.
    """
    T, p, r = _tensor("T", T)
    vector = [exact(f"w[{i}]", x) for i, x in enumerate(w)]
    if len(vector) != r:
        raise ShapeError(f"w has {len(vector)} entries but T has r = {r} variables; w must be (r,)")
    k = _slots("k", k, p, size=1)
    for _ in range(k):
        T = polynomials.add({}, *(polynomials.scale(polynomials.partial(T, i), x) for i, x in enumerate(vector)))
    return polynomials.scale(T, Fraction(1, math.perm(p, k)))


def trace(T: Mapping[Exponents, Any], l: int) -> Polynomial:
    r"""The tensor with l pairs of its slots contracted.

    .. math:: T(I^{\otimes l}) = \frac{(p - 2l)!}{p!} \Big(\sum_i \partial_i^2\Big)^l \langle T, z^{\otimes p} \rangle

    Source
    ------
    DLS22, notation of appendix D; audited by ``DLS22/tensor-algebra``.

    Parameters
    ----------
    T : homogeneous polynomial of degree p in r variables, those of an orthonormal basis
    l : int, 0 <= 2 l <= p

    Returns
    -------
    homogeneous polynomial of degree p - 2l in r variables; the zero tensor keeps one term, so that its order is known

    Units
    -----
    Linear in T.

    Errors
    ------
    As :func:`inner`; DomainError for 2 l > p. Exact: no rounding.
    """
    T, p, r = _tensor("T", T)
    l = _slots("l", l, p, size=2)
    for _ in range(l):
        T = polynomials.add({}, *(polynomials.partial(polynomials.partial(T, i), i) for i in range(r)))
    return polynomials.scale(T, Fraction(1, math.perm(p, 2 * l))) or {(p - 2 * l,) + (0,) * (r - 1): Fraction()}


def identity_power(l: int, r: int) -> Polynomial:
    r"""The symmetric part of l factors I.

    .. math:: \langle Sym(I^{\otimes l}), z^{\otimes 2l} \rangle = |z|^{2l} = \sum_{|\alpha| = l} \frac{l!}{\alpha!}\, z^{2 \alpha}

    Source
    ------
    DLS22, notation of Lemma 36; audited by ``DLS22/tensor-algebra``.

    Parameters
    ----------
    l : int >= 0
    r : int >= 1

    Returns
    -------
    homogeneous polynomial of degree 2l in r variables

    Units
    -----
    None.

    Errors
    ------
    DomainError, DtypeError   for l and r that are no such numbers. Exact: no rounding.
    """
    l = count("l", l, least=0)
    return {
        tuple(2 * a for a in alpha): Fraction(math.factorial(l), polynomials.factorial(alpha))
        for alpha in polynomials.exponents(r, l)
    }


# ---- borders

def _tensor(name: str, T: Mapping[Exponents, Any]) -> tuple[Polynomial, int, int]:
    """T checked and made exact, its order p and its number r of variables."""
    T = polynomials.polynomial(T)
    orders = sorted({sum(alpha) for alpha in T})
    if len(orders) > 1:
        raise ShapeError(f"{name} has terms of the degrees {', '.join(map(str, orders))}; a symmetric tensor is a homogeneous polynomial")
    return T, orders[0], len(next(iter(T)))


def _slots(name: str, k: object, p: int, *, size: int) -> int:
    """How often ``size`` slots are filled, of the p that there are."""
    k = count(name, k, least=0)
    if size * k > p:
        raise DomainError(f"{name} = {k} would fill {size * k} slots; T has p = {p}")
    return k
