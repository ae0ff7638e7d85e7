"""Intervals keep the error rates that they state, and siblings that look alike do not."""

import math

import numpy as np
import pytest

from proofs_checks.engine import statistics
from proofs_checks.engine.statistics import (
    binomial_upper,
    catoni_half_width,
    catoni_mean,
    catoni_samples,
    log_log_slopes,
    slope_interval,
)
from refimpl.rng import stream

RUNS, LEVEL = 2000, 1e-2
ALLOWED = binomial_upper(RUNS, LEVEL, 1e-6)


def he_4(rng, n):
    """He_4(z) / sqrt(24): mean 0, variance 1, and a tail that no Gaussian interval survives."""
    z = rng.standard_normal(n)
    return (z**4 - 6 * z**2 + 3) / math.sqrt(24)


def alarms(interval, n=60, runs=RUNS):
    """How often an interval at level 1e-2 misses the mean 0 of He_4 / sqrt 24."""
    rng = stream(0, "alarms")
    return sum(abs(centre) > radius for centre, radius in (interval(he_4(rng, n)) for _ in range(runs)))


def test_catoni_keeps_its_level_on_hermite_chaos():
    assert alarms(lambda x: (catoni_mean(x, 1.0, LEVEL), catoni_half_width(len(x), 1.0, LEVEL))) <= ALLOWED


def test_a_nominal_normal_interval_does_not():
    """The negative control: mean +- 2.576 s / sqrt n at a nominal 1 %, which fails in nearly 2 % of the runs."""
    runs = 20_000
    found = alarms(lambda x: (x.mean(), 2.576 * x.std(ddof=1) / math.sqrt(len(x))), runs=runs)
    assert found > binomial_upper(runs, LEVEL, 1e-6)


def test_peeking_does_not_keep_a_level():
    """The negative control of sequential use: an interval that is looked at after every ten samples."""
    rng, found = stream(0, "peeking"), 0
    for _ in range(RUNS):
        x = rng.standard_normal(400)
        n = np.arange(10, 401, 10)
        found += bool(np.any(np.abs(np.cumsum(x)[n - 1] / n) > 2.576 / np.sqrt(n)))
    assert found > ALLOWED


def test_a_right_interval_sees_a_wrong_mean():
    """Power: a truth that is off by the discrepancy is rejected in every run."""
    n, rng = catoni_samples(1.0, 0.5, 1e-6), stream(0, "power")
    radius = catoni_half_width(n, 1.0, 1e-6)
    assert all(abs(catoni_mean(he_4(rng, n), 1.0, 1e-6) - 0.5) > radius for _ in range(200))


def test_catoni_needs_at_most_1_3_times_the_samples_of_the_central_limit_theorem():
    z_alpha, z_beta = 4.8916, 4.7534                       # two-sided and one-sided normal quantiles at 1e-6
    for discrepancy in (0.1, 0.01):
        assert catoni_samples(1.0, discrepancy, 1e-6) <= 1.3 * ((z_alpha + z_beta) / discrepancy) ** 2


def test_two_radii_fit_into_the_discrepancy():
    for variance, discrepancy, delta in ((1.0, 0.1, 1e-6), (3.7, 0.02, 1e-9), (1e-3, 1.0, 1e-2)):
        n = catoni_samples(variance, discrepancy, delta)
        assert 2 * catoni_half_width(n, variance, delta) <= discrepancy
        assert n < 3 or 2 * catoni_half_width(n - 2, variance, delta) > discrepancy or n <= 2 * math.log(2 / delta) + 3


def test_catoni_solves_its_equation():
    x, delta = he_4(stream(0, "root"), 500), 1e-6
    L, n = math.log(2 / delta), 500
    alpha = math.sqrt(2 * L / (n * (1 + 2 * L / (n - 2 * L))))
    y = alpha * (x - catoni_mean(x, 1.0, delta))
    assert abs(np.sum(np.sign(y) * np.log1p(np.abs(y) + y * y / 2))) <= 1e-9 * np.sum(np.log1p(np.abs(y)))


def test_too_few_samples_say_nothing():
    assert catoni_half_width(29, 1.0, 1e-6) == math.inf


def test_no_variance_is_the_value_itself():
    assert catoni_mean(np.full(40, 2.5), 0.0, 1e-6) == 2.5


@pytest.mark.parametrize(("n", "p", "delta"), [(1000, 1e-2, 1e-6), (100, 1e-2, 1e-3), (50, 0.3, 1e-2), (10, 0.5, 0.9)])
def test_the_binomial_bound_is_the_smallest(n, p, delta):
    tail = [sum(math.comb(n, j) * p**j * (1 - p) ** (n - j) for j in range(k + 1, n + 1)) for k in range(n + 1)]
    assert binomial_upper(n, p, delta) == next(k for k in range(n + 1) if tail[k] <= delta)


def test_slopes_of_power_laws_are_their_exponents():
    sizes = [64, 128, 1024]
    got = log_log_slopes(sizes, np.array([[s**-1.0 for s in sizes], [3 * s**-1.5 for s in sizes]]))
    assert np.max(np.abs(got - [-1.0, -1.5])) <= 16 * np.finfo(float).eps


def test_the_root_law_of_the_trap_has_the_slope_it_is_said_to_have():
    """sqrt(log n / n) over 2^6..2^13 has effective slope -0.421, so a margin of 0.03 tells it from -1/2."""
    sizes = [2**k for k in range(6, 14)]
    slope = log_log_slopes(sizes, np.array([[math.sqrt(math.log(n) / n) for n in sizes]]))[0]
    assert abs(slope + 0.421) < 5e-4
    assert abs(slope + 0.5) > 0.03


def test_students_interval_of_slopes_keeps_its_level():
    rng = stream(0, "slopes")
    found = [slope_interval(rng.normal(-1, 0.02, 24), LEVEL) for _ in range(RUNS)]
    assert sum(abs(slope.mean + 1) > slope.half_width for slope in found) <= ALLOWED


def test_every_interval_of_the_module_is_tested_here():
    public = {name for name, value in vars(statistics).items() if callable(value) and getattr(value, "__module__", "") == statistics.__name__}
    assert public == {"binomial_upper", "catoni_half_width", "catoni_mean", "catoni_samples", "log_log_slopes", "slope_interval", "Slope"}
