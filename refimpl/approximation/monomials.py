r"""Monomials as random features: the weights v_k with E[v_k(a, b) relu(a x + b)] = x^k for |x| <= 1.

One formula serves every k, since k (k - 1) vanishes where b^{k-2} is no polynomial:

    v_k(a, b) = 2 (1 - a) k (k - 1) b^{k-2} - 6 (k - 1) b + 2 k a,        a = +-1, b uniform on [-1, 1].

Its first term alone gives f(x) + [f'(1) - f(1)] - f'(1) x for f = x^k, by parts; v_0 = 6b and v_1 = 2a take the line away. Beyond
|x| = 1 the features go on along the tangent of x^k, sign(x)^k (1 + k (|x| - 1)).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.errors import Array, DomainError, ShapeError, count, exact, finite, points
from refimpl.gaussian import phi


def v(k: int, a: object, b: object) -> Any:
    r"""The weight that makes x^k of random ReLU features, b uniform on [-1, 1].

    .. math:: v_k(a, b) = 2 (1 - a)\, k (k - 1)\, b^{k-2} - 6 (k - 1)\, b + 2 k a, \qquad E[v_k(a, b)\, \sigma(a x + b)] = x^k \quad (|x| \le 1)

    with a uniform on {-1, 1}, b uniform on [-1, 1] and sigma = relu; the first term is 0 for k < 2.

    Source
    ------
    DLS22, Lemma 17; audited by ``DLS22/lemma-17``, ``DLS22/lemma-17-identity`` and ``DLS22/lemma-17-outside``.

    Parameters
    ----------
    k : int >= 0
    a : any shape, or a number   every entry -1 or 1
    b : shape of ``a``, or a number   the law lives on [-1, 1]; beyond, this is the same polynomial

    Returns
    -------
    array of their common shape; a Fraction where ``a`` and ``b`` are exact numbers (int, Fraction, fmpq)

    Units
    -----
    Both expectations are means: over b it is 1/2 times the integral. |v_k| is at most :func:`supremum` for |b| <= 1.

    Errors
    ------
    DomainError, ShapeError, DtypeError, NonFiniteError   for k < 0, an a that is not +-1, arrays of two shapes, and as every public function.
    Rounding   exact at exact numbers; else within (k + 8) eps of the sum of absolute terms.
    """
    k = count("k", k, least=0)
    signs, biases = _pair(a, b)
    with np.errstate(over="ignore", invalid="ignore"):                          # 2 k a = 2 k - 2 (1 - a) k
        value = 2 * (1 - signs) * (k * (k - 1) * biases ** max(k - 2, 0) - k) - 6 * (k - 1) * biases + 2 * k
    return finite("v_k", np.asarray(value))[()] if isinstance(biases, np.ndarray) else value


def v_gaussian(k: int, a: object, b: object) -> Array:
    r"""The weight that makes x^k of random ReLU features, b standard normal.

    .. math:: \frac{1\{|b| \le 1\}}{2 \varphi(b)}\, v_k(a, b), \qquad E\Big[\frac{1\{|b| \le 1\}}{2 \varphi(b)}\, v_k(a, b)\, \sigma(a x + b)\Big] = x^k \quad (|x| \le 1)

    with a uniform on {-1, 1}, b ~ N(0, 1), sigma = relu and phi the density of N(0, 1).

    Source
    ------
    DLS22, Corollary 18, its density written out; audited by ``DLS22/cor-18`` and ``DLS22/cor-18-supremum``.

    Parameters
    ----------
    k, a, b : as :func:`v`; b anywhere on the line

    Returns
    -------
    float64 array of the common shape of ``a`` and ``b``

    Units
    -----
    As :func:`v`; at most sqrt(2 pi e) / 2 times :func:`supremum`, attained at a = b = -1.

    Errors
    ------
    As :func:`v`.
    Rounding   within (k + 14) eps of the sum of absolute terms of v_k over 2 phi(b).
    """
    k = count("k", k, least=0)
    a, b = np.broadcast_arrays(*_pair(_inexact("a", a), _inexact("b", b)))
    inside = np.abs(b) <= 1
    value = np.zeros(b.shape)
    value[inside] = v(k, a[inside], b[inside]) / (2 * phi(b[inside]))
    return value[()]


def supremum(k: int) -> int:
    r"""The largest value of |v_k| over a = +-1 and |b| <= 1.

    .. math:: \max_{a, b} |v_k(a, b)| = |v_k(-1, -1)| = |4k^2 - 6| \text{ for even } k, \quad 4k^2 - 8k + 6 \text{ for odd } k

    For a = 1 and k >= 1, v_k = 2k - 6 (k - 1) b is at most 8k - 6, at b = -1. For a = -1, v_k = 4k (k - 1) b^{k-2} - 6 (k - 1) b - 2k:

    * even k >= 2: every term is largest at b = -1, with the sum 4k^2 - 6, and the last two alone are at least -(8k - 6);
    * odd k >= 3: concave for b <= 0, so least at 0 or -1, where it is -2k and -(4k^2 - 8k + 6), and at most 4k - 6; convex for b >= 0, so largest
      at 0 or 1, where it is -2k and 4k^2 - 12k + 6, and at least -(8k - 6). As (k - 1)(k - 3) >= 0, 8k - 6 is at most 4k^2 - 8k + 6.

    Source
    ------
    Derived here, for DLS22, Lemma 17; audited by ``DLS22/lemma-17-supremum``.

    Parameters
    ----------
    k : int >= 0

    Returns
    -------
    int   6, 2, 10, 18, 58, 66, 138 for k = 0, ..., 6

    Units
    -----
    Of :func:`v`; times sqrt(2 pi e) / 2 for :func:`v_gaussian`.

    Errors
    ------
    DomainError, DtypeError   for a k that is no whole number >= 0. Exact.
    """
    k = count("k", k, least=0)
    return 4 * k * k - 8 * k + 6 if k % 2 else abs(4 * k * k - 6)


def _pair(a: object, b: object) -> tuple[Any, Any]:
    """a and b as two Fractions, or as two float64 arrays of one shape; a is +-1."""
    if any(isinstance(x, np.ndarray | float) for x in (a, b)):
        a, b = points("a", _inexact("a", a)), points("b", _inexact("b", b))
        signs = a
        if a.ndim and b.ndim and a.shape != b.shape:
            raise ShapeError(f"a has shape {a.shape} but b has shape {b.shape}; a and b must be of one shape (DLS22, Lemma 17)")
    else:
        a, b = exact("a", a), exact("b", b)
        signs = np.array(float(a))
    if np.any(np.abs(signs) != 1):
        raise DomainError(f"a = {signs[np.abs(signs) != 1].flat[0]}; every a must be -1 or 1 (DLS22, Lemma 17)")
    return a, b


def _inexact(name: str, x: object) -> object:
    """An exact number as a float; arrays as they are."""
    return x if isinstance(x, np.ndarray) else float(exact(name, x))
