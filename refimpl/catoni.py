r"""Catoni's mean: an interval for the mean of any law of bounded variance, at every n, from 1.25 times the samples of the central limit theorem.

The sample mean needs light tails before its interval is worth its level. Polynomials of a Gaussian, and networks less polynomials, have
heavy ones, but their variance is often known exactly, and that is all that is asked for here.
"""

from __future__ import annotations

import math

import numpy as np

from refimpl.errors import DomainError, Shapes, count, number, settled

STEPS = range(500)                                     # at most; each takes the error down to about L / 3n of it
TINY = 1e-150                                          # stands for a distance 0, at which the weight is 1, and for a variance 0


def catoni_half_width(n: int, variance: float, delta: float) -> float:
    r"""Radius of Catoni's interval.

    .. math:: \sqrt{\frac{2 v L}{n - 2 L}}, \qquad L = \mathrm{log}\, \tfrac{2}{\delta}, \qquad v = \text{variance}

    Source
    ------
    Catoni (2012), Proposition 2.4, recalled; audited by ``DLS22/catoni``.

    Parameters
    ----------
    n : int >= 1   samples
    variance : float >= 0   of the law, or an upper bound of it
    delta : float in (0, 1)   the probability with which the interval may miss the mean

    Returns
    -------
    float   infinite where n <= 2 L

    Units
    -----
    Those of the samples; homogeneous of degree 1/2 in the variance.

    Errors
    ------
    DomainError, DtypeError, NonFiniteError   for arguments outside these ranges.
    Rounding   8 eps relative, and 2 eps n / (n - 2 L) for the difference.
    """
    n, v, L = count("n", n, least=1), _variance(variance), _log(delta)
    room = n - 2 * L
    return math.sqrt(2 * v * L / room) if np.greater(room, 0) else math.inf


def catoni_mean(x: object, variance: float, delta: float) -> float:
    r"""Catoni's estimate of a mean: within :func:`catoni_half_width` of it with probability at least 1 - delta.

    .. math:: \sum_{i=1}^{n} \mathrm{sign}(y_i)\, \mathrm{log}(1 + |y_i| + y_i^2/2) = 0, \qquad y_i = \alpha (x_i - t), \qquad
              \alpha^2 = \frac{2 L}{n (v + 2 v L / (n - 2 L))}

    Source
    ------
    Catoni (2012), section 2, recalled; audited by ``DLS22/catoni``.

    Parameters
    ----------
    x : (n,)   independent samples, n > 2 L
    variance : float >= 0   of the law, or an upper bound of it
    delta : float in (0, 1)

    Returns
    -------
    float   the root t; equivariant under shifts, and under scaling together with the variance

    Units
    -----
    Those of the samples.

    Errors
    ------
    DomainError   where n <= 2 L: there is no such interval.
    ShapeError, DtypeError, NonFiniteError   as every public function.
    Rounding   t within 1e-14 (|t| + sqrt(v)) of the root, found as a weighted mean whose weights are made from it again and again.
    """
    x, v, L = Shapes("Catoni (2012)")("x", x, "n"), _variance(variance), _log(delta)
    n = len(x)
    if n <= 2 * L:
        raise DomainError(f"n = {n}; Catoni's interval needs n > 2 log(2 / delta) = {2 * L:.4g} samples at delta = {delta:g}")
    width = max(math.sqrt(n * (v + 2 * v * L / (n - 2 * L)) / (2 * L)), TINY)                   # 1 / alpha
    t = float(np.median(x))
    for _ in STEPS:
        y = np.maximum(np.abs(x - t) / width, TINY)
        weight = np.log1p(y + y * y / 2) / y                                    # falls from 1 with the distance from t
        before, t = t, t + float(weight @ (x - t) / np.sum(weight))
        if settled(np.asarray(t), np.asarray(before), tol=np.asarray(1e-15 * (abs(t) + math.sqrt(v)))):
            break
    return number("Catoni's mean", t)


def catoni_samples(variance: float, discrepancy: float, delta: float) -> int:
    r"""How many samples tell a mean from a value so far away, either error having probability at most delta: two radii fit in it.

    .. math:: n \ge 2 L + 8 v L / \text{discrepancy}^2, \qquad L = \mathrm{log}\, \tfrac{2}{\delta}

    Source
    ------
    :func:`catoni_half_width`, solved for n; audited by ``DLS22/catoni``.

    Parameters
    ----------
    variance : float >= 0
    discrepancy : float > 0
    delta : float in (0, 1)

    Returns
    -------
    int

    Units
    -----
    The discrepancy in those of the samples.

    Errors
    ------
    DomainError, DtypeError, NonFiniteError   for arguments outside these ranges.
    """
    v, L, gap = _variance(variance), 2 * _log(delta), number("discrepancy", discrepancy)
    if gap <= 0:
        raise DomainError(f"discrepancy = {gap}; no number of samples tells a mean from itself, so discrepancy must be above 0")
    return math.ceil(L + L * v / (gap / 2) ** 2)


def _variance(variance: object) -> float:
    if (v := number("variance", variance)) < 0:
        raise DomainError(f"variance = {v}; variance must be at least 0")
    return v


def _log(delta: object) -> float:
    """L = log(2 / delta)."""
    if not 0 < (p := number("delta", delta)) < 1:
        raise DomainError(f"delta = {p}; delta is the probability of a miss, so it must lie in (0, 1)")
    return math.log(2 / p)
