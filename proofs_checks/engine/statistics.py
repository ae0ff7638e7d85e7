"""Intervals whose error probability is proved, not hoped for: Catoni's mean, exact binomial bounds, slopes over seeds.

Two error rates are stated before anything is drawn. A false alarm rejects a right formula; a miss accepts one that is wrong by
the declared discrepancy. The quantities of the theory are unbounded polynomials of a Gaussian whose variance is known exactly, which is
all that Catoni's estimator asks for: it needs 1.25 times the samples of the central limit theorem, and holds at every n.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]


# ---- Catoni's mean

def catoni_half_width(n: int, variance: float, delta: float) -> float:
    r"""Radius of Catoni's interval.

    |estimate - mean| <= sqrt(2 v L / (n - 2 L)) with probability at least 1 - delta, L = log(2 / delta), for any law of variance at
    most v; infinite where n <= 2 L. Catoni (2012), Proposition 2.4, recalled; its calibration is measured by ``stress``.
    """
    L = math.log(2 / delta)
    return math.sqrt(2 * variance * L / (n - 2 * L)) if n > 2 * L else math.inf


def catoni_mean(x: Vector, variance: float, delta: float) -> float:
    """The root t of sum_i psi(alpha (x_i - t)) = 0, psi the widest influence function that the bound admits."""
    n, L = len(x), math.log(2 / delta)
    if variance == 0:
        return float(x.mean())
    alpha = math.sqrt(2 * L / (n * (variance + 2 * variance * L / (n - 2 * L))))
    t = float(x.mean())
    for _ in range(60):                                # Newton; psi' is near 1 wherever most of the samples are
        y = alpha * (x - t)
        size = 1 + np.abs(y) + y * y / 2
        step = float(np.sum(np.sign(y) * np.log(size)) / (alpha * np.sum((1 + np.abs(y)) / size)))
        t += step
        if abs(step) <= 1e-14 * (abs(t) + math.sqrt(variance)):
            break
    return t


def catoni_samples(variance: float, discrepancy: float, delta: float) -> int:
    """How many samples tell the truth from a value ``discrepancy`` away, each error with probability at most delta: two radii fit in it."""
    L = math.log(2 / delta)
    return math.ceil(2 * L + 8 * variance * L / discrepancy**2)


# ---- exact binomial bounds

def binomial_upper(n: int, p: float, delta: float) -> int:
    """The smallest k with Pr[Binomial(n, p) > k] <= delta, summed exactly from the left in logarithms."""
    below = 0.0
    for k in range(n + 1):
        log_term = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(p) + (n - k) * math.log1p(-p)
        below += math.exp(log_term)
        if 1 - below <= delta - n * 2.0**-50:
            return k
    return n


# ---- slopes

class Slope(NamedTuple):
    """The mean of log-log slopes over seeds, and the radius of its interval."""

    mean: float
    half_width: float


def log_log_slopes(sizes: Sequence[int], values: Vector) -> Vector:
    """Least-squares slope of log(value) over log(size), one a seed; values has shape (seeds, sizes)."""
    x = np.log(np.asarray(sizes, dtype=float))
    x = x - x.mean()
    return np.asarray(np.log(values) @ x / (x @ x))


def slope_interval(slopes: Vector, delta: float) -> Slope:
    """Student's interval of the mean slope over independent seeds; each slope is itself a mean over many draws, hence nearly normal."""
    from scipy.special import stdtrit

    k = len(slopes)
    radius = float(stdtrit(k - 1, 1 - delta / 2)) * float(np.std(slopes, ddof=1)) / math.sqrt(k)
    return Slope(float(np.mean(slopes)), radius)
