"""Hermite polynomials of the standard normal law: monic He_k, unit-norm he_k, their series and their exact algebra.

A series is written with the papers' coefficients, sigma(z) = sum_k c_k He_k(z) / k!, so that c_k = E[sigma(z) He_k(z)].
The rounding bounds hold where nothing underflows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from refimpl._twins import twin
from refimpl.errors import Array, DtypeError, ShapeError, Shapes, coefficients, count, exact, finite, float64, points


def He(k: int, z: object) -> Array:
    r"""Monic (probabilists') Hermite polynomial.

    .. math:: He_0 = 1, \quad He_1 = z, \quad He_{k+1}(z) = z\, He_k(z) - k\, He_{k-1}(z), \qquad E[He_j He_k] = k!\,\delta_{jk}

    Source
    ------
    DLS22, appendix A.1; audited by ``HERMITE/recurrence`` and ``DLS22/def-hermite``.

    Parameters
    ----------
    k : int >= 0
    z : any shape, or a number

    Returns
    -------
    array of the shape of ``z``

    Units
    -----
    Monic: the leading coefficient is 1, E[He_k^2] = k!.

    Errors
    ------
    DomainError, DtypeError, NonFiniteError   for k < 0, an overflow of the value, and as every public function.
    Rounding   4 k eps times the recurrence with |z| and plus signs.
    """
    return np.asarray(He_table(count("k", k, least=0), z)[-1])[()]


def _entries(z: object) -> Array:
    """z as :func:`points`, but not looked at: where an entry is not finite its polynomials are not, and the definition says which."""
    return float64("z", z) if isinstance(z, np.ndarray) else points("z", z)


def _table_border(K: int, z: object) -> tuple[int, Array]:
    return count("K", K, least=0), _entries(z)


@twin(border=_table_border, work=lambda K, z: 8 * K * z.size, looks=True)
def He_table(K: int, z: Array) -> Array:
    """He_0(z), ..., He_K(z): shape (K + 1, *z.shape); formula, source and errors as :func:`He`."""
    z = finite("z", z)
    H = np.empty((K + 1, *z.shape))
    H[0] = 1
    with np.errstate(over="ignore", invalid="ignore"):   # finite() below says which entry overflowed
        for k in range(K):
            H[k + 1] = z * H[k] - (k * H[k - 1] if k else 0)
    return finite("He", H)


def he(k: int, z: object) -> Array:
    r"""Unit-norm Hermite polynomial, by its own recurrence: no factorial, no overflow of k!.

    .. math:: he_k = He_k / \sqrt{k!}, \qquad \sqrt{k+1}\, he_{k+1}(z) = z\, he_k(z) - \sqrt{k}\, he_{k-1}(z), \qquad E[he_j he_k] = \delta_{jk}

    Source
    ------
    DLS22, section 2.2 (the class F_p); audited by ``HERMITE/unit-norm``.

    Parameters
    ----------
    k : int >= 0
    z : any shape, or a number

    Returns
    -------
    array of the shape of ``z``

    Units
    -----
    E[he_k^2] = 1.

    Errors
    ------
    DomainError, DtypeError, NonFiniteError   for k < 0, an overflow of the value, and as every public function.
    Rounding   6 k eps times the recurrence with |z| and plus signs.
    """
    k = count("k", k, least=0)
    z = points("z", z)
    here = before = np.ones(z.shape)                     # he_0; before he_0 comes what is multiplied by 0
    with np.errstate(over="ignore", invalid="ignore"):
        for j in range(k):
            here, before = (z * here - math.sqrt(j) * before) / math.sqrt(j + 1), here
    return finite("he", np.asarray(here))[()]


def _series_border(c: object, z: object) -> tuple[Array, Array]:
    return coefficients("c", c), _entries(z)


@twin(border=_series_border, work=lambda c, z: 5 * len(c) * z.size, looks=True)
def hermite_sum(c: Array, z: Array) -> Array:
    r"""Hermite series, by Clenshaw's recurrence with the factorials folded in.

    .. math:: \sum_{k=0}^{K} \frac{c_k}{k!} He_k(z) = b_0, \qquad b_k = c_k + \frac{z\, b_{k+1}}{k+1} - \frac{b_{k+2}}{k+2}

    Source
    ------
    DLS22, appendix A.1 (the expansion); the recurrence is Clenshaw's for He_k / k!. Audited by ``HERMITE/series``.

    Parameters
    ----------
    c : (K + 1,)   c_0, ..., c_K, so that c_k = E[sigma(z) He_k(z)]; a list of numbers is fine
    z : any shape, or a number

    Returns
    -------
    array of the shape of ``z``

    Units
    -----
    c_k, not c_k / k! and not c_k / sqrt(k!).

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   for an empty c, an overflow of the value, and as every public function.
    Rounding   8 (K + 2) eps times the same recurrence with |c_k|, |z| and plus signs.
    """
    z = finite("z", z)
    b1, b2 = np.zeros(z.shape), np.zeros(z.shape)         # b_{k+1}, b_{k+2}
    with np.errstate(over="ignore", invalid="ignore"):
        for k in reversed(range(len(c))):
            b1, b2 = c[k] + z * b1 / (k + 1) - b2 / (k + 2), b1
    return finite("hermite_sum", np.asarray(b1))[()]


def He_multi(alpha: Sequence[int], Z: object) -> Array:
    r"""Hermite polynomial of r variables.

    .. math:: He_\alpha(z) = \prod_{i=1}^{r} He_{\alpha_i}(z_i), \qquad E[He_\alpha He_\beta] = \alpha!\,\delta_{\alpha\beta}

    Source
    ------
    DLS22, appendix A.1 (Hermite tensors, entry by entry); audited by ``HERMITE/several-orthogonality``.

    Parameters
    ----------
    alpha : r whole numbers >= 0
    Z : (n, r)   points in rows

    Returns
    -------
    (n,)

    Units
    -----
    Monic.

    Errors
    ------
    ShapeError, DomainError, DtypeError, NonFiniteError   for alpha of another length than a row of Z, and as :func:`He`.
    Rounding   4 |alpha| eps times the product of the recurrences with plus signs.
    """
    Z = Shapes("DLS22, appendix A.1")("Z", Z, "n", "r")
    if not isinstance(alpha, Sequence | np.ndarray):
        raise DtypeError(f"alpha = {alpha!r} is of type {type(alpha).__name__}; alpha must be a tuple of whole numbers, one a variable")
    if len(alpha) != Z.shape[1]:
        raise ShapeError(f"alpha = {tuple(alpha)} has {len(alpha)} entries but Z has r = {Z.shape[1]} columns; one index a variable")
    product = np.ones(len(Z))
    with np.errstate(over="ignore", invalid="ignore"):
        for i, k in enumerate(alpha):
            product *= He(count(f"alpha[{i}]", k, least=0), np.ascontiguousarray(Z[:, i]))
    return finite("He_alpha", product)


def double_factorial(k: int) -> int:
    """(k)!! = k (k-2) (k-4) ..., with (-1)!! = 0!! = 1: exact, for k >= -1; the factor of :func:`h_inverse`."""
    return math.prod(range(count("k", k, least=-1), 1, -2))


def h(k: int, l: int) -> int:
    r"""Coefficient of z^l in He_k, exactly.

    .. math:: h_{kl} = (-1)^{(k-l)/2} (k-l-1)!! \binom{k}{l} \quad (k - l \ge 0 \text{ even}), \qquad 0 \text{ otherwise}

    Source
    ------
    DLS22, definition 37; audited by ``DLS22/def-37``.

    Parameters
    ----------
    k, l : int >= 0

    Returns
    -------
    int

    Units
    -----
    Monic: h(k, k) = 1.

    Errors
    ------
    DomainError, DtypeError   for negative or non-whole arguments. Exact: no rounding.
    """
    entry = h_inverse(k, l)
    return -entry if (k - l) // 2 % 2 else entry


def h_inverse(k: int, l: int) -> int:
    r"""Coefficient of He_l in z^k, exactly.

    .. math:: h^{-1}_{kl} = (k-l-1)!! \binom{k}{l} \quad (k - l \ge 0 \text{ even}), \qquad 0 \text{ otherwise}

    Source
    ------
    DLS22, definition 37; audited by ``DLS22/def-37``.

    Parameters
    ----------
    k, l : int >= 0

    Returns
    -------
    int

    Units
    -----
    z^k = sum_l h_inverse(k, l) He_l(z): the coefficient of He_l, not of He_l / l!.

    Errors
    ------
    DomainError, DtypeError   for negative or non-whole arguments. Exact: no rounding.
    """
    k, l = count("k", k, least=0), count("l", l, least=0)
    if l > k or k % 2 != l % 2:
        return 0
    return double_factorial(k - l - 1) * math.comb(k, l)


def to_monomials(c: Sequence[Any]) -> list[Fraction]:
    r"""Monomial coefficients of a Hermite series, in exact arithmetic.

    .. math:: \sum_k \frac{c_k}{k!} He_k(z) = \sum_l \Big( \sum_k \frac{c_k}{k!} h_{kl} \Big) z^l

    Source
    ------
    DLS22, definition 37; audited by ``HERMITE/monomials``.

    Parameters
    ----------
    c : c_0, ..., c_K   int, Fraction, fmpq, or float (taken as the dyadic fraction it is)

    Returns
    -------
    list of K + 1 exact numbers, the coefficient of z^l at place l

    Units
    -----
    As :func:`hermite_sum`.

    Errors
    ------
    DtypeError, NonFiniteError   for entries that are not numbers. Exact: no rounding.
    """
    c = _exact_list("c", c)
    return [sum((c_k / math.factorial(k) * h(k, l) for k, c_k in enumerate(c)), start=Fraction()) for l in range(len(c))]


def from_monomials(a: Sequence[Any]) -> list[Fraction]:
    r"""Hermite coefficients of a polynomial, in exact arithmetic: the inverse of :func:`to_monomials`.

    .. math:: c_l = E\Big[\sum_k a_k z^k He_l(z)\Big] = l! \sum_k a_k\, h^{-1}_{kl}

    Source
    ------
    DLS22, definition 37; audited by ``HERMITE/monomials``.

    Parameters
    ----------
    a : a_0, ..., a_K   int, Fraction, fmpq, or float (taken as the dyadic fraction it is)

    Returns
    -------
    list of K + 1 exact numbers, c_l at place l

    Units
    -----
    As :func:`hermite_sum`.

    Errors
    ------
    DtypeError, NonFiniteError   for entries that are not numbers. Exact: no rounding.
    """
    a = _exact_list("a", a)
    return [math.factorial(l) * sum((a_k * h_inverse(k, l) for k, a_k in enumerate(a)), start=Fraction()) for l in range(len(a))]


def multiply(c: Sequence[Any], e: Sequence[Any]) -> list[Fraction]:
    r"""Hermite coefficients of a product of two series, in exact arithmetic.

    .. math:: He_j\, He_k = \sum_{l=0}^{\min(j,k)} l! \binom{j}{l} \binom{k}{l} He_{j+k-2l}

    Source
    ------
    Feldheim's product formula; recalled, text not seen. Audited by ``HERMITE/product``.

    Parameters
    ----------
    c, e : coefficients of the two series   int, Fraction, fmpq, or float (taken as the dyadic fraction it is)

    Returns
    -------
    list of len(c) + len(e) - 1 exact numbers

    Units
    -----
    As :func:`hermite_sum`.

    Errors
    ------
    DtypeError, NonFiniteError   for entries that are not numbers. Exact: no rounding.
    """
    c, e = _exact_list("c", c), _exact_list("e", e)
    total = [Fraction()] * (len(c) + len(e) - 1)
    for j, c_j in enumerate(c):
        for k, e_k in enumerate(e):
            here = c_j / math.factorial(j) * (e_k / math.factorial(k))
            for l in range(min(j, k) + 1):
                n = j + k - 2 * l
                total[n] += here * (math.factorial(l) * math.comb(j, l) * math.comb(k, l) * math.factorial(n))
    return total


def derivative(c: Sequence[Any]) -> list[Fraction]:
    r"""Hermite coefficients of the derivative: He_k' = k He_{k-1} shifts them by one.

    .. math:: \sigma = \sum_k \frac{c_k}{k!} He_k \;\Rightarrow\; \sigma' = \sum_k \frac{c_{k+1}}{k!} He_k

    Source
    ------
    DLS22, appendix A.1; audited by ``HERMITE/derivative`` and ``DLS22/relu-derivative``.

    Parameters
    ----------
    c : c_0, ..., c_K

    Returns
    -------
    list c_1, ..., c_K (the single entry 0 where K = 0)

    Units
    -----
    As :func:`hermite_sum`.

    Errors
    ------
    DtypeError, NonFiniteError   for entries that are not numbers. Exact: no rounding.
    """
    c = _exact_list("c", c)
    return c[1:] or [Fraction()]


def _exact_list(name: str, values: Sequence[Any]) -> list[Fraction]:
    if not isinstance(values, Sequence | np.ndarray) or isinstance(values, str | bytes):
        raise DtypeError(f"{name} is of type {type(values).__name__}; {name} must be a list of numbers c_0, ..., c_K")
    if len(values) == 0:
        raise ShapeError(f"{name} is empty; {name} must hold c_0, ..., c_K, so at least one entry")
    return [exact(f"{name}[{k}]", value) for k, value in enumerate(values)]
