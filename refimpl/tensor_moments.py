r"""Means of powers of a Gaussian vector and of a point of the sphere, and of |T(w^k)|^2 for a symmetric tensor T, in exact arithmetic.

    E w^{2k}  =  (2k-1)!! Sym(I^k),        E (w / |w|)^{2k}  =  E w^{2k} / E |w|^{2k},        w ~ N(0, I_d),

where w^k is the k-fold tensor power of w. A tensor is a homogeneous polynomial, see :mod:`refimpl.symmetric_tensors`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from refimpl import polynomials
from refimpl.errors import count
from refimpl.hermite import double_factorial, h_inverse
from refimpl.polynomials import Exponents, Polynomial
from refimpl.symmetric_tensors import _slots, _tensor, identity_power, inner, trace


def chi_moment(k: int, d: int) -> int:
    r"""Moments of the length nu = |w| of a standard Gaussian vector.

    .. math:: E[\nu^{2k}] = d (d + 2) \dots (d + 2k - 2) = \prod_{i=0}^{k-1} (d + 2i), \qquad \nu = |w|, \; w \sim N(0, I_d)

    Source
    ------
    DLS22, Lemma 44; audited by ``DLS22/lemma-44``.

    Parameters
    ----------
    k : int >= 0
    d : int >= 1

    Returns
    -------
    int

    Units
    -----
    The 2k-th moment of nu, the k-th of nu^2.

    Errors
    ------
    DomainError, DtypeError   for k and d that are no such numbers. Exact: no rounding.
    """
    k, d = count("k", k, least=0), count("d", d, least=1)
    return math.prod(d + 2 * i for i in range(k))


def power_moment(k: int, r: int) -> Polynomial:
    r"""The mean of an even tensor power of a Gaussian vector, in r orthonormal directions.

    .. math:: E[w^{\otimes 2k}] = (2k - 1)!!\, Sym(I^{\otimes k}), \qquad w \sim N(0, I)

    Source
    ------
    DLS22, Lemma 36; audited by ``DLS22/lemma-36``.

    Parameters
    ----------
    k : int >= 0
    r : int >= 1

    Returns
    -------
    homogeneous polynomial of degree 2k in r variables

    Units
    -----
    An expectation; unit variance in each direction.

    Errors
    ------
    As :func:`identity_power`. Exact: no rounding.
    """
    k = count("k", k, least=0)
    return polynomials.scale(identity_power(k, r), double_factorial(2 * k - 1))


def sphere_power_moment(k: int, r: int, d: int) -> Polynomial:
    r"""The mean of an even tensor power of a point of the unit sphere of R^d, in r of its d directions.

    .. math:: E\Big[\Big(\frac{w}{|w|}\Big)^{\otimes 2k}\Big] = \frac{E[w^{\otimes 2k}]}{E[\nu^{2k}]}, \qquad \nu = |w|, \; w \sim N(0, I_d)

    Source
    ------
    DLS22, Lemma 45; audited by ``DLS22/lemma-45``.

    Parameters
    ----------
    k : int >= 0
    r : int >= 1
    d : int >= r

    Returns
    -------
    homogeneous polynomial of degree 2k in r variables

    Units
    -----
    An expectation over the unit sphere.

    Errors
    ------
    As :func:`identity_power`; DomainError for d < r. Exact: no rounding.
    """
    return polynomials.scale(power_moment(k, r), Fraction(1, chi_moment(k, _ambient(d, r))))


def contraction_mean(T: Mapping[Exponents, Any], k: int) -> Fraction:
    r"""Mean squared Frobenius norm of a tensor with k slots filled by one Gaussian vector.

    .. math:: E\, |T(w^{\otimes k})|_F^2 = \sum_{2l \le k} (k - 2l)!\, \big((2l - 1)!!\big)^2 \binom{k}{2l}^2\, |T(I^{\otimes l})|_F^2,
              \qquad w \sim N(0, I)

    Source
    ------
    DLS22, Lemma 38; audited by ``DLS22/lemma-38``.

    Parameters
    ----------
    T : homogeneous polynomial of degree p in r variables
    k : int, 0 <= k <= p

    Returns
    -------
    Fraction   E <T, w^p>^2 at k = p, |T|_F^2 at k = 0

    Units
    -----
    Quadratic in T; unit variance in each direction, so divide by d^k for w ~ N(0, I_d / d).

    Errors
    ------
    As :func:`contract`. Exact: no rounding.
    """
    T, p, _ = _tensor("T", T)
    k, total = _slots("k", k, p, size=1), Fraction()
    for l in range(k // 2 + 1):
        traced = trace(T, l)
        total += math.factorial(k - 2 * l) * h_inverse(k, k - 2 * l) ** 2 * inner(traced, traced)           # h^-1 = (2l-1)!! binom(k, 2l)
    return total


def sphere_contraction_mean(T: Mapping[Exponents, Any], k: int, d: int) -> Fraction:
    r"""Mean squared Frobenius norm of a tensor with k slots filled by one point of the unit sphere of R^d.

    .. math:: E\, \Big|T\Big(\Big(\frac{w}{|w|}\Big)^{\otimes k}\Big)\Big|_F^2 = \frac{E\, |T(w^{\otimes k})|_F^2}{E[\nu^{2k}]},
              \qquad \nu = |w|, \; w \sim N(0, I_d)

    Source
    ------
    DLS22, Lemmas 38 and 45; audited by ``DLS22/cor-47``.

    Parameters
    ----------
    T : homogeneous polynomial of degree p in r orthonormal directions of R^d
    k : int, 0 <= k <= p
    d : int >= r

    Returns
    -------
    Fraction

    Units
    -----
    Quadratic in T; of order d^-k.

    Errors
    ------
    As :func:`contract`; DomainError for d < r. Exact: no rounding.
    """
    _, _, r = _tensor("T", T)
    return contraction_mean(T, k) / chi_moment(k, _ambient(d, r))


def _ambient(d: object, r: int) -> int:
    return count("d", d, least=r, why=f"T lives on r = {r} orthonormal directions of R^d")
