r"""Rademacher complexities of the two classes of networks that Theorem 1 needs: free heads on fixed features, and free weights, too.

    R_n(F) = E_{x, sigma} sup_{f in F} (1/n) sum_i sigma_i f(x_i),        sigma_i independent signs.

At given inputs both are finite sums: over the signs, and for one input dimension over the kinks of a piecewise linear function of w.
"""

from __future__ import annotations

import math
from itertools import product

import numpy as np

from refimpl.errors import Array, DomainError, Shapes, count, finite, number

MOST = 18                                                                       # inputs: 2^17 signs


def head_complexity(Phi: object, *, B_a: float) -> float:
    r"""Free heads on fixed features, exactly.

    .. math:: E_\sigma \max_{|a| \le B_a} \frac{1}{n} \sum_i \sigma_i\, a \cdot \Phi_i = \frac{B_a}{n} E_\sigma |\Phi^T \sigma|

    Source
    ------
    DLS22, Lemma 48; audited by ``DLS22/lemma-48-empirical``.

    Parameters
    ----------
    Phi : (n, m)   features sigma(W x_i + b) of at most 18 inputs
    B_a : bound of |a|

    Units
    -----
    A mean over the n inputs.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError, DomainError   for a Phi that is not such an array, n > 18, B_a < 0.
    Rounding   within (n + m + 32) eps.
    """
    Phi, B_a = Shapes("DLS22, Lemma 48")("Phi", Phi, "n", "m"), _bound("B_a", B_a)
    return _mean_length(B_a, _signs(len(Phi)) @ Phi) / len(Phi)


def head_bound(W: object, b: object, n: int, *, B_a: float) -> float:
    r"""Lemma 48, for inputs x ~ N(0, I).

    .. math:: R_n \le \sqrt{\frac{B_a^2 (|W|_F^2 + |b|^2)}{n}}

    Source
    ------
    DLS22, Lemma 48; audited by ``DLS22/lemma-48-empirical``, and why it is a bound by ``DLS22/lemma-48`` and ``DLS22/lemma-48-moment``.

    Parameters
    ----------
    W, b : (m, d), (m,)   fixed
    n : inputs
    B_a : bound of |a|

    Units
    -----
    A mean over the n inputs.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError, DomainError   for W and b that are not such arrays, n < 1, B_a < 0.
    Rounding   within (m d + 8) eps.
    """
    sizes = Shapes("DLS22, Lemma 48")
    W, b, n = sizes("W", W, "m", "d"), sizes("b", b, "m"), count("n", n, least=1)
    return _bound("B_a", B_a) * math.hypot(np.linalg.norm(W), np.linalg.norm(b)) / math.sqrt(n)


def line_complexity(x: object, b: object, *, B_a: float, B_w: float) -> float:
    r"""Free weights and heads for inputs in R, exactly.

    .. math:: E_\sigma \max_{|a| \le B_a,\, |w_j| \le B_w} \frac{1}{n} \sum_{i,j} \sigma_i a_j \max(w_j x_i + b_j, 0)
              = \frac{B_a}{n} E_\sigma \Big( \sum_j \max_{|w| \le B_w} \Big|\sum_i \sigma_i \max(w x_i + b_j, 0)\Big|^2 \Big)^{1/2}

    The sum is piecewise linear in w, so its largest and smallest values are at the kinks w = -b_j / x_i or at the ends.

    Source
    ------
    DLS22, Lemma 49; audited by ``DLS22/lemma-49-empirical``.

    Parameters
    ----------
    x : (n,)   at most 18 inputs of one dimension
    b : (m,)   fixed
    B_a, B_w : bounds of |a| and of every |w_j|

    Units
    -----
    A mean over the n inputs.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError, DomainError   for x and b that are not such arrays, n > 18, a negative bound.
    Rounding   within (4 n + m + 32) eps of B_a sqrt(m) max_i (B_w |x_i| + max_j |b_j|).
    """
    sizes = Shapes("DLS22, Lemma 49")
    x, b, B_a, B_w = sizes("x", x, "n"), sizes("b", b, "m"), _bound("B_a", B_a), _bound("B_w", B_w)
    signs = _signs(len(x))                                                      # (2^(n-1), n)
    reached = np.stack([_largest(signs, x, b_j, B_w) for b_j in b.tolist()], axis=1)    # (2^(n-1), m)
    return _mean_length(B_a, reached) / len(x)


def _largest(signs: Array, x: Array, b: float, B_w: float) -> Array:
    """max_{|w| <= B_w} |sum_i sigma_i relu(w x_i + b)| for every row of signs."""
    with np.errstate(over="ignore"):
        w = np.concatenate([np.clip(-b / x[x != 0], -B_w, B_w), [-B_w, B_w]])   # (n + 2,)
        values = finite("w x + b", np.maximum(np.multiply.outer(x, w) + b, 0))      # (n, n + 2)
    largest: Array = np.max(np.abs(signs @ values), axis=1)
    return largest


def network_bound(n: int, m: int, d: int, *, B_a: float, B_w: float, B_b: float) -> float:
    r"""Lemma 49 with the biases that it leaves out, for inputs x ~ N(0, I) or any with E|x|^2 <= d.

    .. math:: R_n \le \frac{2 B_a \sqrt{m} (B_w \sqrt{d} + B_b)}{\sqrt{n}}

    Source
    ------
    DLS22, Lemma 49, repaired; audited by ``DLS22/lemma-49-empirical``, and why it is a bound by ``DLS22/lemma-49`` and ``DLS22/lemma-49-contraction``.

    Parameters
    ----------
    n, m, d : inputs, width, dimension
    B_a, B_w, B_b : bounds of |a|, of every |w_j| and of every |b_j|, which may be fixed or free

    Units
    -----
    A mean over the n inputs.

    Errors
    ------
    DtypeError, DomainError   for sizes below 1 and negative bounds.
    Rounding   within 8 eps.
    """
    n, m, d = (count(name, size, least=1) for name, size in (("n", n), ("m", m), ("d", d)))
    return 2 * _bound("B_a", B_a) * math.sqrt(m) * (_bound("B_w", B_w) * math.sqrt(d) + _bound("B_b", B_b)) / math.sqrt(n)


def _mean_length(B_a: float, sums: Array) -> float:
    """B_a E|s| over the rows s."""
    with np.errstate(over="ignore"):
        return float(finite("the complexity", np.asarray(B_a * np.mean(np.linalg.norm(sums, axis=1)))))


def _signs(n: int) -> Array:
    """All signs up to a common one, in rows."""
    if n > MOST:
        raise DomainError(f"n = {n}; all signs are enumerated for at most n = {MOST} inputs")
    return np.array([(1.0, *rest) for rest in product([1.0, -1.0], repeat=n - 1)])


def _bound(name: str, value: float) -> float:
    result = number(name, value)
    if result < 0:
        raise DomainError(f"{name} = {result}; it bounds a norm, so it must be at least 0 (DLS22, Lemmas 48 and 49)")
    return result
