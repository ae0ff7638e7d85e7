"""Random features at finite width, and their limit against closed forms and integrals to many digits."""

import math
import tracemalloc
from itertools import product

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from refimpl.activations import ERF, RELU, TANH, TRUNCATED_RELU
from refimpl.baselines import random_features as rf
from refimpl.errors import DomainError, DtypeError, NonFiniteError, ShapeError
from tests.baselines import angle, erf_moments, products, relu_neurons, row_sets, truncated_moments
from tests.strategies import EPS, NORMAL, SPOILED, frozen, mp, reals, seeds, ulps

LENGTHS = [1e-3, 0.1, 1.0, 7.0, 1e3]
ANGLES = [0.0, 1e-12, 1e-8, 1e-5, 1e-3, 0.03, 0.3, 1.0, math.pi / 2, 2.0, 2.8, 3.1, math.pi - 1e-5]
QUICK = [(1.0, 1.0, 1.0, 0), (7.0, 0.1, 2.8, 0), (1e3, 1e3, 1e-8, 1e-9), (1e3, 1e-3, 3.1, 0), (1.0, 1e3, 0.03, 0), (0.1, 0.1, 0.0, -1e-4),
         (1e3, 1e3, 1e-3, 0), (1e3, 1e3, math.pi / 2, 0)]
EVERY = [(s, u, t, e) for s, u, t in product(LENGTHS, LENGTHS, ANGLES) for e in ((0, 1e-9, -1e-4) if s == u else (0,)) if s <= u]


def pair(s, u, t, e):
    """Two rows of lengths s and u (1 + e) at the angle t; near pi the small sine is exact."""
    return frozen([[s, 0.0], [u * (1 + e) * math.cos(t), u * (1 + e) * math.sin(t)]])


def resized(X):
    """The rows with their lengths brought to between 1e-3 and 1e3, zeros kept."""
    X = X / (np.abs(X).max(axis=1, keepdims=True) + (X == 0).all(axis=1)[:, None])
    return frozen(X * np.array([[1e-3], [1.0], [30.0], [1e3 / math.sqrt(X.shape[1])]]))


def pairwise(function, X, Z, bias=0):
    """function(|x|^2, |z|^2, x.z) of all pairs."""
    table = np.empty((len(X), len(Z)), dtype=object)
    for i, x in enumerate(X):
        for j, z in enumerate(Z):
            table[i, j] = function(*products(x, z, bias))
    return table


# ---- angles

@given(X=row_sets())
def test_angles_are_within_their_bounds(X):
    """(d + 5)^(3/2) eps of the sine itself, (d + 8) eps of the rest, as documented; a row of zeros is orthogonal to all."""
    d = X.shape[1]
    got, exact = rf.angles(X, X[::-1]), pairwise(angle, X, X[::-1])
    s, u, cos, sin = (np.vectorize(lambda entry, k=k: entry[k], otypes=[object])(exact) for k in range(4))
    assert ulps(got.sin, sin) <= (d + 5) ** 1.5
    assert ulps(got.cos, cos, np.ones(cos.shape)) <= d + 8
    assert ulps(got.size, s * u) <= d + 8
    assert ulps(got.dot, s * u * cos, s * u) <= d + 8
    assert ulps(got.x, s[:, :1]) <= d + 8
    assert ulps(got.z, u[:1]) <= d + 8


@given(X=row_sets(), powers=st.tuples(st.integers(-400, 400), st.integers(-400, 400)))
def test_angles_do_not_know_the_units(X, powers):
    X = frozen(X / np.maximum(np.abs(X).max(axis=1, keepdims=True), 1e-300))
    scaled, one = rf.angles(X * 2.0 ** powers[0], X * 2.0 ** powers[1]), rf.angles(X, X.copy())
    assert np.array_equal(scaled.cos, one.cos)
    assert np.array_equal(scaled.sin, one.sin)


def test_the_sine_of_the_smallest_angle_there_is():
    """The determinant of these rows is 2^-104, and the sine that over 1 + 2^-51: the difference of the unit vectors is 0."""
    X, Z = frozen([[1 + 2.0**-52, 1.0]]), frozen([[1 + 2.0**-51, 1 + 2.0**-52]])
    assert ulps(rf.angles(X, Z).sin, pairwise(lambda *q: angle(*q)[3], X, Z)) <= 7**1.5
    assert 2.0**-106 < rf.angles(X, Z).sin[0, 0] < 2.0**-104


def test_pairs_that_are_refined_in_several_parts(monkeypatch):
    X = frozen(1 + 1e-3 * np.random.default_rng(0).normal(size=(9, 3)))
    whole = rf.angles(X, X)
    monkeypatch.setattr(rf, "AT_ONCE", 7)
    assert all(np.array_equal(part, same) for part, same in zip(rf.angles(X, X), whole, strict=True))


# ---- infinite width

@given(X=row_sets(), bias=st.booleans())
@example(X=frozen([[1.0, 0.0], [-1.0, 1e-9], [-1.0, 0.0], [-1 / 3, 1e-17]]), bias=False)
def test_relu_keeps_the_digits_of_its_smallest_values(X, bias):
    """4 (D + 5)^(3/2) eps of K itself, which is (pi - t)^3 / 6 pi between nearly antiparallel rows."""
    D, expected = X.shape[1] + bias, pairwise(relu_neurons, X, X[::-1], int(bias))
    assert ulps(rf.rf_gram(X, X[::-1], bias=bias), expected, expected + NORMAL) <= 4 * (D + 5) ** 1.5


@pytest.mark.parametrize(("s", "u", "t", "e"), QUICK + [pytest.param(*at, marks=pytest.mark.slow) for at in EVERY])
def test_truncated_relu_is_within_its_bound(s, u, t, e):
    """(4 d + 64) eps of min(|x| |z|, sqrt(|x| |z|)), for lengths from 1e-3 to 1e3; 1e-12 of it would be 4500 eps."""
    X = pair(s, u, t, e)
    got = rf.rf_gram(X, activation=TRUNCATED_RELU)
    size = np.linalg.norm(X, axis=1)[:, None] * np.linalg.norm(X, axis=1)
    assert ulps(got, pairwise(lambda *q: truncated_moments(*q)[0], X, X), np.minimum(size, np.sqrt(size))) <= 72


@given(X=row_sets())
@example(X=frozen([[1e3, 0.0], [1e3, 1e-6], [-1e-3, 0.0], [1e3, 1.0]]))
def test_erf_is_williams_arcsine(X):
    X = resized(X)
    size = np.linalg.norm(X, axis=1)[:, None] * np.linalg.norm(X, axis=1)
    got = rf.rf_gram(X, activation=ERF)
    expected = pairwise(lambda *q: erf_moments(*q)[0], X, X)
    assert ulps(got, expected, np.minimum(size, np.sqrt(size))) <= 4 * X.shape[1] + 64


@pytest.mark.parametrize("activation", [TRUNCATED_RELU, ERF])
def test_short_rows_see_the_slope_at_the_origin_and_long_ones_a_sign(activation):
    """sigma(z) = relu(z), or 2 z / sqrt(pi), for |x| -> 0; 1{z >= 0}, or the sign, for |x| -> infinity."""
    X = np.random.default_rng(3).normal(size=(5, 3))
    short, long = rf.rf_gram(1e-12 * X, activation=activation), rf.rf_gram(1e6 * X, activation=activation)
    r = np.arctan2(rf.angles(X, X).sin, -rf.angles(X, X).cos)
    linear, signs = (rf.rf_gram(X), r / (2 * math.pi)) if activation is TRUNCATED_RELU else (4 / math.pi * X @ X.T, 2 * r / math.pi - 1)
    size = np.linalg.norm(X, axis=1)[:, None] * np.linalg.norm(X, axis=1)
    assert np.all(np.abs(short * 1e24 - linear) <= 1e-11 * size)                  # the next order is |x|^2
    assert np.all(np.abs(long - signs) <= 2e-6 / np.linalg.norm(X, axis=1).min())           # the next order is 1 / |x|


@pytest.mark.parametrize("activation", [RELU, TRUNCATED_RELU, ERF])
@pytest.mark.parametrize("n", [1, 31, 32, 33, 70])
def test_blocks_are_mirrored_and_fit_together(activation, n):
    X = np.random.default_rng(n).normal(size=(n, 2))
    X[n // 2] = 0
    K, both = rf.rf_gram(frozen(X), activation=activation), rf.rf_gram(frozen(X), frozen(X), activation=activation)
    assert K.shape == (n, n)
    assert np.array_equal(K, K.T)
    assert not K[n // 2].any()
    assert np.all(np.abs(K - both) <= 2 * 72 * EPS * np.maximum(1, np.sum(X * X)))
    alone = rf.rf_gram(frozen(X[-1:]), frozen(X[:5]), activation=activation)
    assert np.all(np.abs(alone - K[-1:, :5]) <= 2 * 72 * EPS * np.maximum(1, np.sum(X * X)))


@given(X=row_sets(), activation=st.sampled_from([RELU, TRUNCATED_RELU, ERF]))
def test_a_bias_is_a_further_coordinate_1(X, activation):
    ones = np.ones((len(X), 1))
    assert np.array_equal(rf.rf_gram(X, bias=True, activation=activation), rf.rf_gram(np.hstack([X, ones]), activation=activation))


@pytest.mark.parametrize("activation", [RELU, TRUNCATED_RELU, ERF])
@pytest.mark.parametrize("d", [1, 10])
def test_memory_is_the_result_and_a_few_blocks(activation, d):
    """At d = 1 all rows are parallel or antiparallel. 1 byte an entry for the test of finiteness, 80 arrays of a block."""
    X = np.random.default_rng(0).normal(size=(1200, d))
    tracemalloc.start()
    K = rf.rf_gram(X, activation=activation)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= K.nbytes + K.size + 80 * 8 * (rf.BLOCK * len(X) + rf.AT_ONCE * d)


def test_series_of_relu_is_long_enough():
    """Horner's rule at r = pi, in exact arithmetic: what is left out is below 1e-18 of the sum."""
    r = mp.pi
    total = mp.mpf(0)
    for c in rf.SERIES:
        total = total * r**2 + mp.mpf(c)
    assert abs(total * r**3 - mp.pi) <= 4 * EPS * r**3 * sum(abs(c) * math.pi ** (2 * k) for k, c in enumerate(reversed(rf.SERIES)))


# ---- finite width

@given(seed=seeds, n=st.integers(1, 4), m=st.sampled_from([1, 4, 16]), d=st.integers(1, 4))
def test_features_of_whole_numbers_are_exact(seed, n, m, d):
    rng = np.random.default_rng(seed)
    X, W, b = rng.integers(-3, 4, (n, d)), rng.integers(-3, 4, (m, d)), rng.integers(-3, 4, m)
    z = X @ W.T + b
    for activation, expected in ((RELU, np.maximum(z, 0)), (TRUNCATED_RELU, np.clip(z, 0, 1))):
        assert np.array_equal(rf.features(frozen(X), frozen(W), frozen(b), activation) * math.sqrt(m), expected)
    assert np.array_equal(rf.features(frozen(X), frozen(W), frozen(b)), np.maximum(z, 0) / math.sqrt(m))


@given(X=st.lists(reals(3), min_size=2, max_size=2), seed=seeds, m=st.integers(1, 7))
def test_features_are_within_their_bound(X, seed, m):
    rng = np.random.default_rng(seed)
    W, b = rng.normal(size=(m, 2)), rng.normal(size=m)
    got = rf.features(frozen([X]), frozen(W), frozen(b), TANH)[0]
    for j in range(m):
        z = sum(mp.mpf(x) * mp.mpf(w) for x, w in zip(X, W[j].tolist(), strict=True)) + mp.mpf(b[j])
        terms = (abs(X[0] * W[j, 0]) + abs(X[1] * W[j, 1]) + abs(b[j]) + abs(mp.tanh(z))) / mp.sqrt(m)
        assert ulps(got[j], mp.tanh(z) / mp.sqrt(m), terms) <= 2 + 4


def test_a_sample_repeats_and_its_bias_moves_no_weight():
    W, b = rf.sample(5, 3, rng=7)
    V, c = rf.sample(5, 3, rng=np.random.SeedSequence(7), bias=True)
    assert W.shape == (5, 3)
    assert np.array_equal(W, V)
    assert not b.any()
    assert np.array_equal(c, rf.sample(5, 3, rng=np.random.default_rng(7), bias=True)[1])
    assert c.all()


def test_samples_are_standard_normal():
    """N squares of standard normals add up to N within 2 sqrt(N t) + 2 t, with probability 1 - 2 e^-t (Laurent and Massart)."""
    W, b = rf.sample(20_000, 5, rng=1, bias=True)
    t = 30
    for values in (W.ravel(), b):
        assert abs(np.sum(values**2) - values.size) <= 2 * math.sqrt(values.size * t) + 2 * t
        assert abs(values.sum()) <= math.sqrt(2 * values.size * t)


# ---- bad input

X0, W0, B0 = frozen([[1.0, 2.0], [3.0, 4.0]]), frozen([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), frozen([1.0, 2.0, 3.0])
CALLS = {"features": (rf.features, {"X": X0, "W": W0, "b": B0}), "rf_gram": (rf.rf_gram, {"X": X0, "Z": X0}), "angles": (rf.angles, {"X": X0, "Z": X0})}


@pytest.mark.parametrize(("call", "name"), [(call, name) for call, (_, arguments) in CALLS.items() for name in arguments])
@pytest.mark.parametrize(("spoil", "error", "pattern"), SPOILED)
def test_spoiled_arguments(call, name, spoil, error, pattern):
    function, arguments = CALLS[call]
    with pytest.raises(error, match=pattern.format(name=name)):
        function(**arguments | {name: spoil(arguments[name])})


def test_sizes_agree():
    with pytest.raises(ShapeError, match=r"Z has shape \(3, 1\) but X has d = 2; Z must be \(k, d\)"):
        rf.rf_gram(X0, frozen(np.ones((3, 1))))
    with pytest.raises(ShapeError, match=r"b has shape \(2,\) but W has m = 3"):
        rf.features(X0, W0, frozen([1.0, 2.0]))


@pytest.mark.parametrize(("options", "error", "pattern"), [
    ({"activation": TANH}, DomainError, r"activation = tanh; the Gram matrix has a closed form for relu, truncated_relu, erf alone"),
    ({"activation": "relu"}, DtypeError, "activation = 'relu'; it must be an Activation"),
    ({"bias": 1}, DtypeError, "bias = 1 is of type int; bias must be True or False"),
    ({"bias": None}, DtypeError, "bias = None is of type NoneType"),
])
def test_options(options, error, pattern):
    with pytest.raises(error, match=pattern):
        rf.rf_gram(X0, **options)


@pytest.mark.parametrize(("call", "error", "pattern"), [
    (lambda: rf.sample(0, 1, rng=0), DomainError, "m = 0; m must be at least 1"),
    (lambda: rf.sample(1, 0, rng=0), DomainError, "d = 0; d must be at least 1"),
    (lambda: rf.sample(1, 1.5, rng=0), DtypeError, "d = 1.5"),
    (lambda: rf.sample(1, 1, rng=None), DtypeError, "rng is None"),
    (lambda: rf.sample(1, 1, rng=0, bias=0), DtypeError, "bias = 0"),
    (lambda: rf.features(X0, W0, B0, None), DtypeError, "activation = None"),
    (lambda: rf.features(frozen([[1e200, 0.0]]), frozen([[1e200, 0.0]]), frozen([0.0])), NonFiniteError, r"the features\[0, 0\] = inf"),
    (lambda: rf.rf_gram(frozen([[1.0], [1e200]])), NonFiniteError, r"K\[1, 1\] = (inf|nan); K must be finite"),
    (lambda: rf.angles(frozen([[1e200]]), frozen([[1e200]])), NonFiniteError, r"size\[0, 0\] = inf"),
])
def test_errors_say_where(call, error, pattern):
    with pytest.raises(error, match=pattern):
        call()
