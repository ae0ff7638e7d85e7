"""Catoni's interval: its equation, its level on heavy tails, its symmetries."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from refimpl.catoni import catoni_half_width, catoni_mean, catoni_samples
from refimpl.errors import DomainError, DtypeError, NonFiniteError
from refimpl.rng import stream
from tests.strategies import SPOILED, frozen, seeds

LAWS = {"normal": lambda rng, n: rng.normal(size=n), "he_4": lambda rng, n: (rng.normal(size=n) ** 2 - 3) ** 2 - 6,
        "pareto": lambda rng, n: rng.pareto(2.1, n), "two points": lambda rng, n: (rng.random(n) < 0.01) * 100.0}


def influence(x, t, v, delta):
    """sum_i psi(alpha (x_i - t))."""
    n, L = len(x), math.log(2 / delta)
    y = math.sqrt(2 * L / (n * (v + 2 * v * L / (n - 2 * L)))) * (x - t)
    return math.fsum(np.sign(y) * np.log1p(np.abs(y) + y * y / 2))


@given(seed=seeds, n=st.integers(8, 200), law=st.sampled_from(list(LAWS)), size=st.sampled_from([1e-3, 1.0, 1e6]))
@example(seed=0, n=8, law="two points", size=1.0)      # n - 2 L = 0.6
def test_it_solves_its_equation(seed, n, law, size):
    """The sum changes its sign within 1e-13 (|t| + sqrt v) of the estimate."""
    x, delta = size * LAWS[law](np.random.default_rng(seed), n), 0.05
    v = float(np.var(x)) or 1.0
    t = catoni_mean(frozen(x), v, delta)
    step = 1e-13 * (abs(t) + math.sqrt(v) + np.mean(np.abs(x)))
    assert influence(x, t - step, v, delta) >= 0 >= influence(x, t + step, v, delta)


def test_an_outlier_moves_it_less_than_the_mean():
    x = np.concatenate([np.linspace(-1, 1, 99), [1e9]])
    assert abs(catoni_mean(x, 1.0, 1e-3)) < 3
    assert catoni_mean(np.concatenate([x, [-1e300]]), 1e300, 1e-3) < 1e9


def test_it_keeps_its_level_where_a_normal_interval_does_not():
    """1 % on the sum of 60 copies of He_4 / sqrt 24: 2000 runs; 47 misses have a probability of 1e-6 under a true 1 %."""
    rng, runs, missed, naive = stream(0, "level"), 2000, 0, 0
    for _ in range(runs):
        z = rng.standard_normal(60)
        x = (z**4 - 6 * z**2 + 3) / math.sqrt(24)
        missed += abs(catoni_mean(x, 1.0, 0.01)) > catoni_half_width(60, 1.0, 0.01)
        naive += abs(x.mean()) > 2.576 * x.std(ddof=1) / math.sqrt(60)
    assert missed <= 46
    assert naive > missed


@given(seed=seeds, shift=st.integers(-8, 8), power=st.integers(-20, 20))
def test_shifts_and_scales(seed, shift, power):
    x, s = np.random.default_rng(seed).normal(size=50), 2.0**power
    t = catoni_mean(x, 1.0, 0.01)
    assert abs(catoni_mean(s * x, s * s, 0.01) - s * t) <= 1e-13 * s
    assert abs(catoni_mean(x + shift, 1.0, 0.01) - (t + shift)) <= 1e-13 * (1 + abs(shift))
    assert catoni_half_width(50, s * s, 0.01) == pytest.approx(s * catoni_half_width(50, 1.0, 0.01), rel=1e-14)


def test_without_variance():
    assert catoni_mean(np.full(40, 2.5), 0.0, 1e-6) == 2.5
    assert catoni_half_width(40, 0.0, 1e-6) == 0


def test_too_few_samples_say_nothing():
    assert catoni_half_width(29, 1.0, 1e-6) == math.inf
    with pytest.raises(DomainError, match=r"n = 29; Catoni's interval needs n > 2 log\(2 / delta\) = 29.02 samples at delta = 1e-06"):
        catoni_mean(np.zeros(29), 1.0, 1e-6)


@given(variance=st.floats(1e-3, 1e3), discrepancy=st.floats(1e-3, 10), delta=st.floats(1e-9, 0.5))
def test_two_radii_fit_in_the_discrepancy(variance, discrepancy, delta):
    n = catoni_samples(variance, discrepancy, delta)
    assert 2 * catoni_half_width(n, variance, delta) <= discrepancy * (1 + 1e-9)
    if n > 2:
        assert 2 * catoni_half_width(n - 2, variance, delta) > discrepancy


# ---- bad input

@pytest.mark.parametrize(("spoil", "error", "pattern"), SPOILED)
def test_spoiled_samples(spoil, error, pattern):
    with pytest.raises(error, match=pattern.format(name="x")):
        catoni_mean(spoil(np.ones(40)), 1.0, 0.1)


@pytest.mark.parametrize("call", [lambda **k: catoni_half_width(40, **k), lambda **k: catoni_mean(np.ones(40), **k),
                                  lambda **k: catoni_samples(discrepancy=1.0, **k)])
def test_spoiled_numbers(call):
    for delta in (0, 1, -0.5, 2):
        with pytest.raises(DomainError, match=r"delta = .*; delta is the probability of a miss, so it must lie in \(0, 1\)"):
            call(variance=1.0, delta=delta)
    with pytest.raises(DomainError, match=r"variance = -1.0; variance must be at least 0"):
        call(variance=-1.0, delta=0.1)
    with pytest.raises(NonFiniteError, match="variance = nan"):
        call(variance=math.nan, delta=0.1)
    with pytest.raises(DtypeError, match="delta = '1' is of type str"):
        call(variance=1.0, delta="1")


def test_other_spoiled_numbers():
    with pytest.raises(DomainError, match=r"discrepancy = 0.0; no number of samples tells a mean from itself"):
        catoni_samples(1.0, 0.0, 0.1)
    with pytest.raises(DomainError, match="n = 0; n must be at least 1"):
        catoni_half_width(0, 1.0, 0.1)
