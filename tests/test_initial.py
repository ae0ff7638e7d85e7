import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from refimpl import initial
from refimpl.activations import RELU, TANH, TRUNCATED_RELU
from refimpl.errors import DomainError, DtypeError, NonFiniteError
from refimpl.network import Network
from tests.strategies import EPS, frozen, seeds

halves, dimensions = st.integers(1, 5), st.integers(1, 4)


def same(net, other):
    return all(np.array_equal(x, y) for x, y in ((net.a, other.a), (net.W, other.W), (net.b, other.b)))


# ---- mirrored

@given(half=halves, d=dimensions, seed=seeds)
@example(half=1, d=1, seed=0)                          # m = 2, d = 1
def test_neurons_j_and_m_plus_1_minus_j_are_mirrored(half, d, seed):
    m = 2 * half
    net = initial.symmetric(m, d, rng=seed)
    assert (net.m, net.d, net.activation) == (m, d, RELU)
    assert np.array_equal(np.abs(net.a), np.ones(m))
    assert not net.b.any()
    for j in range(1, m + 1):
        assert net.a[j - 1] == -net.a[m + 1 - j - 1]
        assert np.array_equal(net.W[j - 1], net.W[m + 1 - j - 1])


@given(half=halves, d=dimensions, seed=seeds, activation=st.sampled_from([RELU, TRUNCATED_RELU, TANH]))
def test_the_mirrored_network_starts_at_zero(half, d, seed, activation):
    """Up to the order of summation: m eps of sum_j |sigma(z_j)|."""
    m = 2 * half
    net = initial.symmetric(m, d, rng=seed, activation=activation)
    X = frozen(np.random.default_rng(seed).normal(size=(3, d)))
    size = np.abs(activation.value(X @ net.W.T)).sum(axis=1)
    assert np.all(np.abs(net.predict(X)) <= (m + 2 * (d + 1)) * EPS * (size + (np.abs(X) @ np.abs(net.W.T)).sum(axis=1)))


def test_signs_are_fair_and_weights_have_mean_square_norm_1():
    """d sum_j |w_j|^2 is chi-squared with N = 50 000 degrees: off by 2 sqrt(N t) + 2 t with probability 2 e^-t (Laurent and Massart)."""
    m, d, t = 2000, 50, 30
    net = initial.symmetric(m, d, rng=1)
    N = m // 2 * d
    assert abs(d * np.sum(net.W[:m // 2]**2) - N) <= 2 * math.sqrt(N * t) + 2 * t
    assert abs(net.a[:m // 2].sum()) <= math.sqrt(2 * m // 2 * t)               # Hoeffding, the same probability


@given(half=halves, d=dimensions, seed=seeds)
def test_mirrored_draws_repeat(half, d, seed):
    draws = [initial.symmetric(2 * half, d, rng=rng) for rng in (seed, np.random.SeedSequence(seed), np.random.default_rng(seed))]
    assert same(draws[0], draws[1])
    assert same(draws[0], draws[2])
    rng = np.random.default_rng(seed)
    assert not np.array_equal(initial.symmetric(2 * half, d, rng=rng).W, initial.symmetric(2 * half, d, rng=rng).W)


# ---- Gaussian

@given(m=st.integers(1, 5), d=dimensions, seed=seeds, powers=st.tuples(*[st.integers(-3, 3)] * 3))
def test_deviations_scale_the_standard_draw(m, d, seed, powers):
    """Powers of 2 round nothing; the three draws do not depend on the deviations."""
    sigma_a, sigma_w, sigma_b = (2.0**k for k in powers)
    net = initial.gaussian(m, d, rng=seed, sigma_a=sigma_a, sigma_w=sigma_w, sigma_b=sigma_b, activation=TANH)
    one = initial.gaussian(m, d, rng=seed, sigma_a=1, sigma_w=1, sigma_b=1)
    assert same(net, Network(sigma_a * one.a, sigma_w * one.W, sigma_b * one.b))
    assert (net.m, net.d, net.activation) == (m, d, TANH)


def test_a_deviation_of_zero_gives_zeros():
    net = initial.gaussian(3, 2, rng=0, sigma_a=1.0, sigma_w=0.0, sigma_b=0)
    assert net.a.all()
    assert not net.W.any()
    assert not net.b.any()


def test_the_three_draws_are_standard_and_distinct():
    """As for the mirrored weights: chi-squared with N degrees, off by more with probability 2e-13."""
    m, d, t = 2000, 20, 30
    net = initial.gaussian(m, d, rng=1, sigma_a=1.0, sigma_w=1.0, sigma_b=1.0)
    for x in (net.a, net.W, net.b):
        assert abs(np.sum(x**2) - x.size) <= 2 * math.sqrt(x.size * t) + 2 * t
        assert abs(x.sum()) <= math.sqrt(2 * x.size * t)
    assert not set(net.a) & set(net.b)


@given(seed=seeds)
def test_gaussian_draws_repeat(seed):
    draws = [initial.gaussian(2, 3, rng=rng, sigma_a=1.0, sigma_w=2.0, sigma_b=0.5) for rng in (seed, np.random.default_rng(seed))]
    assert same(*draws)


@pytest.mark.parametrize("half", [Fraction(1, 2), np.float64(0.5), np.float32(0.5)])
def test_a_deviation_is_any_real_number(half):
    net = initial.gaussian(2, 1, rng=0, sigma_a=half, sigma_w=half, sigma_b=half)
    assert same(net, initial.gaussian(2, 1, rng=0, sigma_a=0.5, sigma_w=0.5, sigma_b=0.5))


# ---- bad input

def gaussian(m=2, d=1, rng=0, **deviations):
    return initial.gaussian(m, d, rng=rng, **{"sigma_a": 1.0, "sigma_w": 1.0, "sigma_b": 1.0, **deviations})


@pytest.mark.parametrize("m", [1, 3, 7])
def test_an_odd_width_cannot_be_mirrored(m):
    with pytest.raises(DomainError, match=f"m = {m}.*m must be" if m < 2 else f"m = {m} is odd; the symmetric initialisation pairs neurons"):
        initial.symmetric(m, 2, rng=0)


@pytest.mark.parametrize("make", [initial.symmetric, gaussian])
@pytest.mark.parametrize(("m", "d", "message"), [(0, 1, "m = 0; m must be at least"), (-2, 1, "m = -2"), (2, 0, "d = 0; d must be at least 1"), (2, -1, "d = -1")])
def test_sizes_are_positive(make, m, d, message):
    with pytest.raises(DomainError, match=message):
        make(m, d, rng=0)


@pytest.mark.parametrize("make", [initial.symmetric, gaussian])
@pytest.mark.parametrize("bad", [True, 2.0, "2", None])
def test_sizes_are_whole_numbers(make, bad):
    with pytest.raises(DtypeError, match=f"m = {bad!r} is of type {type(bad).__name__}"):
        make(bad, 1, rng=0)
    with pytest.raises(DtypeError, match=f"d = {bad!r} is of type {type(bad).__name__}"):
        make(2, bad, rng=0)


@pytest.mark.parametrize("make", [initial.symmetric, gaussian])
def test_a_generator_is_handed_over(make):
    with pytest.raises(DtypeError, match="rng is None; pass rng=0"):
        make(2, 1, rng=None)
    with pytest.raises(DtypeError, match=r"rng = 1\.5 is of type float"):
        make(2, 1, rng=1.5)
    with pytest.raises(DomainError, match="rng = -1"):
        make(2, 1, rng=-1)


@pytest.mark.parametrize("name", ["sigma_a", "sigma_w", "sigma_b"])
def test_deviations_are_numbers_from_zero(name):
    with pytest.raises(DomainError, match=f"{name} = -0.5; a standard deviation must be at least 0"):
        gaussian(**{name: -0.5})
    for bad in (math.nan, math.inf):
        with pytest.raises(NonFiniteError, match=f"{name} = {bad}"):
            gaussian(**{name: bad})
    for bad in (True, None, "1", np.ones(1)):
        with pytest.raises(DtypeError, match=f"{name} = .* is of type {type(bad).__name__}"):
            gaussian(**{name: bad})


def test_an_overflow_is_an_error_that_says_where():
    with pytest.raises(NonFiniteError, match=r"W\[.*\] = -?inf"):
        gaussian(m=50, sigma_w=1.7e308)
