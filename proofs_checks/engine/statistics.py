"""Intervals whose error probability is proved, not hoped for: Catoni's mean, exact binomial bounds, slopes over seeds.

Two error rates are stated before anything is drawn. A false alarm rejects a right formula; a miss accepts one that is wrong by
the declared discrepancy. The quantities of the theory are unbounded polynomials of a Gaussian whose variance is known exactly, which is
all that Catoni's estimator asks for: it needs 1.25 times the samples of the central limit theorem, and holds at every n.
"""

from __future__ import annotations

import math
from bisect import bisect_left
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


# ---- exact binomial tails

SLACK = 2.0**-33        # relative error of a tail that is allowed for: betainc's is below 2e-12 for n <= 2e6


def binomial_at_least(k: int, n: int, p: float) -> float:
    """Pr[Binomial(n, p) >= k] = I_p(k, n - k + 1), never below its true value."""
    from scipy.special import betainc

    return 1.0 if k <= 0 else 0.0 if k > n else min(1.0, (1 + SLACK) * float(betainc(k, n - k + 1, p)))


def binomial_at_most(k: int, n: int, p: float) -> float:
    """Pr[Binomial(n, p) <= k] = 1 - I_p(k + 1, n - k), never below its true value."""
    from scipy.special import betaincc

    return 1.0 if k >= n else 0.0 if k < 0 else min(1.0, (1 + SLACK) * float(betaincc(k + 1, n - k, p)))


def binomial_upper(n: int, p: float, delta: float) -> int:
    """The smallest k with Pr[Binomial(n, p) > k] <= delta."""
    return bisect_left(range(n), True, key=lambda k: binomial_at_least(k + 1, n, p) <= delta)


def binomial_lower(n: int, p: float, delta: float) -> int:
    """The largest k with Pr[Binomial(n, p) < k] <= delta."""
    return bisect_left(range(1, n + 1), True, key=lambda k: binomial_at_most(k - 1, n, p) > delta)


def binomial_p_value(k: int, n: int, p: float, *, two_sided: bool) -> float:
    """How probable so extreme a count is: of the nearer tail twice (Clopper and Pearson), or of counts >= k where p is an upper bound.

    The test rejects where it is at most its level. What is no probability is rejected by any count, except a bound above 1.
    """
    if not two_sided:
        return binomial_at_least(k, n, min(p, 1.0)) if p >= 0 else 0.0
    return min(1.0, 2 * min(binomial_at_least(k, n, p), binomial_at_most(k, n, p))) if 0 <= p <= 1 else 0.0


def binomial_miss(n: int, claimed: float, true: float, level: float, *, two_sided: bool) -> float:
    """Pr[the test of this level accepts ``claimed``] under the true probability: its error on the side that is in doubt."""
    tail = level / 2 if two_sided else level
    return (binomial_at_most(binomial_upper(n, claimed, tail), n, true) if true > claimed
            else binomial_at_least(binomial_lower(n, claimed, tail), n, true))


def binomial_samples(p: float, discrepancy: float, delta: float, *, two_sided: bool) -> int:
    """How many samples tell p from a probability ``discrepancy`` away, whichever of the two is claimed, each error with probability at most delta.

    2 log(2 / delta) / discrepancy^2 is always enough (Hoeffding); bisection below it, by the exact law. 0 where no probability is so far away.
    """
    away = [q for q in (p - discrepancy, p + discrepancy) if 0 <= q <= 1]
    pairs = [pair for q in away for pair in ((p, q), (q, p)) if two_sided or pair[0] < pair[1]]
    return bisect_left(range(math.ceil(2 * math.log(2 / delta) / discrepancy**2)), True,
                       key=lambda n: all(binomial_miss(n, claimed, true, delta, two_sided=two_sided) <= delta for claimed, true in pairs))


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
