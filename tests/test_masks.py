"""The mask product against rational sums, its ties, its blocks, and the gradients that follow from it."""

import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from refimpl import masks
from refimpl._twins import REPAYS, implementation
from refimpl.errors import NonFiniteError, ShapeError
from refimpl.losses import SQUARE
from refimpl.masks import masked_sums
from refimpl.network import Network
from tests.strategies import EPS, SPOILED, exactly, frozen, seeds

SIDES = pytest.mark.parametrize("side", ["numpy", "kernels"])
sizes = st.tuples(st.integers(1, 6), st.integers(1, 4), st.integers(1, 5))


def draw(n, d, m, seed=0):
    rng = np.random.default_rng(seed)
    return tuple(map(frozen, (rng.normal(size=(n, d)), rng.normal(size=n), rng.normal(size=(m, d)), rng.normal(size=m))))


def draw_dyadic(n, d, m, seed=0):
    """Halves and quarters with many zeros of either sign, so that a third of all w.x + b are 0; no sum of them rounds."""
    rng = np.random.default_rng(seed)
    X, r, W, b = (rng.integers(-2, 3, size) / 2 for size in ((n, d), n, (m, d), m))
    return tuple(map(frozen, (np.where(rng.random(X.shape) < 0.2, -0.0, X), r / 2, W, np.where(b == 0, -0.0, b))))


def exact_sums(X, r, W, b):
    """S, s and the sums over absolute values, in rational numbers."""
    X, r, W, b = map(exactly, (X, r, W, b))
    on = np.vectorize(lambda z: Fraction(int(z >= 0)), otypes=[object])(X @ W.T + b)
    return (on * r[:, None]).T @ X, r @ on, (on * abs(r)[:, None]).T @ abs(X), abs(r) @ on


# ---- values

@SIDES
@given(at=sizes, seed=seeds)
@example(at=(1, 1, 1), seed=0)
def test_where_nothing_rounds_the_sums_are_exact_ties_included(side, at, seed):
    theta = draw_dyadic(*at, seed)
    with implementation(side):
        S, s = masked_sums(*theta)
    expected = exact_sums(*theta)
    assert np.array_equal(S, expected[0].astype(float))
    assert np.array_equal(s, expected[1].astype(float))


@SIDES
@given(at=sizes, seed=seeds, power=st.sampled_from([0, -500, 480]))
def test_the_sums_are_within_their_bound(side, at, seed, power):
    """(n + 2) eps of the sum of absolute terms, as documented, where no sample is closer to the boundary than z is off."""
    n, d, m = at
    X, r, W, b = draw(n, d, m, seed)
    W, b = frozen(2.0**power * W), frozen(2.0**power * b)
    A = np.abs(X) @ np.abs(W).T + np.abs(b)
    assume(np.all(np.abs(X @ W.T + b) > 2 * (d + 2) * EPS * A))
    with implementation(side):
        S, s = masked_sums(X, r, W, b)
    expected_S, expected_s, size_S, size_s = exact_sums(X, r, W, b)
    for got, expected, size in ((S, expected_S, size_S), (s, expected_s, size_s)):
        error = np.abs(exactly(got) - expected)
        assert np.all(error <= (n + 2) * Fraction(EPS) * size)


@SIDES
@pytest.mark.parametrize("x", [0.0, -0.0, 1.0])
def test_a_sample_on_the_boundary_counts(side, x):
    with implementation(side):
        S, s = masked_sums(frozen([[x, 2.0]]), frozen([3.0]), frozen([[x, -x], [0.0, -0.0], [-1.0, 0.0]]), frozen([x, -0.0, x]))
    z = np.array([x * x - 2 * x + x, 0.0, -x + x])
    assert s.tolist() == [3.0, 3.0, 3.0]
    assert np.array_equal(z, np.zeros(3))
    assert S.tolist() == [[3 * x, 6.0]] * 3


@pytest.mark.parametrize("entries", [1, 7, 12, 10**6])
def test_blocks_of_any_size_give_the_same_where_nothing_rounds(monkeypatch, entries):
    theta = draw_dyadic(13, 3, 4)
    expected = masked_sums.reference(*theta)
    monkeypatch.setattr(masks, "ENTRIES", entries)
    assert all(map(np.array_equal, masked_sums.reference(*theta), expected))


def test_the_signs_are_never_in_memory_at_once():
    theta = draw(40_000, 2, 1000)                                                # 320 MB of w.x + b
    tracemalloc.start()
    try:
        masked_sums.reference(*theta)
        assert tracemalloc.get_traced_memory()[1] < 16e6
    finally:
        tracemalloc.stop()


# ---- gradients

@given(at=sizes, seed=seeds)
def test_the_gradient_of_a_network_is_the_mask_product(at, seed):
    """dW = a S, db = a s, and by homogeneity da = w.S + b s, up to rounding."""
    n, d, m = at
    X, y, W, b = draw(n, d, m, seed)
    net = Network(frozen(np.random.default_rng(seed).normal(size=m)), W, b)
    r = frozen(SQUARE.derivative(net.predict(X), y) / n)
    S, s = masked_sums(X, r, W, b)
    da, dW, db = net.gradients(X, y, SQUARE)
    size = np.abs(r) @ (np.abs(X) @ np.abs(W).T + np.abs(b))
    f = (np.abs(X) @ np.abs(W).T + np.abs(b)) @ np.abs(net.a) + np.abs(y)         # what r is off by, in eps
    off = (2 * f / n) @ (np.abs(X) @ np.abs(W).T + np.abs(b))
    bound = 2 * (n + d + m + 8) * EPS
    assert np.all(np.abs(da - (np.sum(W * S, axis=1) + b * s)) <= bound * (size + off))
    assert np.all(np.abs(dW - net.a[:, None] * S) <= bound * np.abs(net.a)[:, None] * (2 * f / n + np.abs(r)) .dot(np.abs(X)))
    assert np.all(np.abs(db - net.a * s) <= bound * np.abs(net.a) * (2 * f / n + np.abs(r)).sum())


def test_a_derivative_in_a_by_homogeneity_would_lose_digits():
    """Inputs far from 0, biases that bring w.x + b back to size 1: w.S and b s cancel, relu(w.x + b) does not; so the gradient keeps the latter."""
    rng = np.random.default_rng(1)
    X, W = rng.normal(size=(400, 5)) + 1000, rng.normal(size=(8, 5))
    net = Network(rng.normal(size=8), W, rng.normal(size=8) - 1000 * W.sum(axis=1))
    y = rng.normal(size=400)
    r = SQUARE.derivative(net.predict(X), y) / 400
    Z = exactly(X) @ exactly(W).T + exactly(net.b)
    H = np.vectorize(lambda z: max(z, Fraction()), otypes=[object])(Z)
    S, s = masked_sums.reference(X, r, W, net.b)
    exact = (exactly(r) @ H).astype(float)
    homogeneous, kept = np.sum(W * S, axis=1) + net.b * s, net.gradients(X, y, SQUARE).da
    assert np.max(np.abs(homogeneous - exact)) > 5 * np.max(np.abs(kept - exact))


def test_the_gradient_of_a_network_takes_blocks(monkeypatch):
    X, y, W, b = draw(50, 3, 4)
    net = Network(frozen([1.0, -2.0, 0.5, 3.0]), W, b)
    whole = net.gradients(X, y, SQUARE)
    monkeypatch.setattr(masks, "ENTRIES", 12)
    monkeypatch.setattr("refimpl.network.ENTRIES", 12)
    for part, expected in zip(net.gradients(X, y, SQUARE), whole, strict=True):
        assert np.allclose(part, expected, rtol=1e-13, atol=1e-13)


# ---- borders

@pytest.mark.parametrize("name", ["X", "r", "W", "b"])
@pytest.mark.parametrize(("spoil", "error", "pattern"), SPOILED)
def test_spoiled_arguments(name, spoil, error, pattern):
    theta = dict(zip(("X", "r", "W", "b"), draw(3, 2, 4), strict=True))
    with pytest.raises(error, match=pattern.format(name=name)):
        masked_sums(**{**theta, name: spoil(theta[name])})


@pytest.mark.parametrize(("name", "letter"), [("r", "n"), ("b", "m")])
def test_a_weight_a_sample_and_a_bias_a_neuron(name, letter):
    theta = dict(zip(("X", "r", "W", "b"), draw(3, 2, 4), strict=True))
    with pytest.raises(ShapeError, match=rf"{name} has shape \(9,\) but .* has {letter} = "):
        masked_sums(**{**theta, name: frozen(np.ones(9))})


@SIDES
def test_an_overflow_is_an_error_that_says_where(side):
    one = frozen([1.0])
    with implementation(side):
        with pytest.raises(NonFiniteError, match=r"w.x \+ b\[0, 0\] = inf; w.x \+ b must be finite"):
            masked_sums(frozen([[1e200]]), one, frozen([[1e200]]), one)
        with pytest.raises(NonFiniteError, match=r"S\[0, 0\] = inf"):
            masked_sums(frozen([[1e200]]), frozen([1e200]), frozen([[1.0]]), one)
        with pytest.raises(NonFiniteError, match=r"s\[0\] = inf"):
            masked_sums(frozen([[0.0], [0.0]]), frozen([1e308, 1e308]), frozen([[1.0]]), one)
        S, s = masked_sums(frozen([[1e200, 1.0]]), one, frozen([[1e100, 1e200]]), one)          # nothing overflows
    assert (S.tolist(), s.tolist()) == ([[1e200, 1.0]], [1.0])


def test_auto_takes_the_twin_for_large_products_only():
    small, large = draw(10, 10, 10), tuple(np.broadcast_to(part[:1], (size, *part.shape[1:])) for part, size in
                                           zip(draw(1, 10, 1), (200_000, 200_000, 2000, 2000), strict=True))
    assert not masked_sums.repays(*small)
    assert masked_sums.repays(*large)
    assert masks._work(200_000, 2000, 10) == 200_000 * 2000 * 6 >= REPAYS
