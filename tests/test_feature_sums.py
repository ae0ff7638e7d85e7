"""The sums of ReLU features against rational sums, their blocks, and the head that follows from them."""

import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from refimpl import feature_sums
from refimpl._twins import REPAYS, implementation
from refimpl.activations import RELU
from refimpl.errors import NonFiniteError, ShapeError
from refimpl.feature_sums import relu_sums
from refimpl.head import moments
from tests.strategies import EPS, SPOILED, exactly, frozen, seeds
from tests.test_masks import SIDES, draw, draw_dyadic

sizes = st.tuples(st.integers(1, 6), st.integers(1, 4), st.integers(1, 5))


def exact_sums(X, y, W, b):
    """G and c in rational numbers."""
    X, y, W, b = map(exactly, (X, y, W, b))
    Phi = np.vectorize(lambda z: max(z, Fraction()), otypes=[object])(X @ W.T + b)
    return Phi.T @ Phi, y @ Phi


# ---- values

@SIDES
@given(at=sizes, seed=seeds)
@example(at=(1, 1, 1), seed=0)
def test_where_nothing_rounds_the_sums_are_exact(side, at, seed):
    theta = draw_dyadic(*at, seed)
    with implementation(side):
        got = relu_sums(*theta)
    assert all(np.array_equal(part, expected.astype(float)) for part, expected in zip(got, exact_sums(*theta), strict=True))


@given(at=sizes, seed=seeds, power=st.sampled_from([0, -500, 200]))
def test_the_sums_are_within_their_bound(at, seed, power):
    n, d, m = at
    X, y, W, b = draw(n, d, m, seed)
    W, b = frozen(2.0**power * W), frozen(2.0**power * b)
    u = exactly(np.abs(X)) @ exactly(np.abs(W)).T + exactly(np.abs(b))
    for got, exact, size in zip(relu_sums.reference(X, y, W, b), exact_sums(X, y, W, b), (u.T @ u, exactly(np.abs(y)) @ u), strict=True):
        assert np.all(np.abs(exactly(got) - exact) <= (n + 2 * d + 8) * Fraction(EPS) * size)


@SIDES
def test_mirrored_rows_are_multiplied_once_and_give_the_same(side):
    """w_{m+1-j} = -w_j, as after the first step: exact where nothing rounds."""
    X, y, W, b = draw_dyadic(9, 3, 6)
    W = frozen(np.concatenate([W[:3], -W[:3][::-1]]))
    with implementation(side):
        got = relu_sums(X, y, W, b)
    assert all(np.array_equal(part, expected.astype(float)) for part, expected in zip(got, exact_sums(X, y, W, b), strict=True))


def test_the_gram_matrix_is_symmetric_to_the_bit():
    for side in ("numpy", "kernels"):
        with implementation(side):
            G = relu_sums(*draw(200, 5, 130))[0]
        assert np.array_equal(G, G.T)


def test_they_are_the_sums_behind_the_moments_of_a_head():
    X, y, W, b = draw(50, 4, 7)
    G, c = relu_sums(X, y, W, b)
    there = moments(RELU.sigma(X @ W.T + b), y)
    u, eps = np.abs(X) @ np.abs(W).T + np.abs(b), 2 * (50 + 2 * 4 + 8) * EPS                    # the documented bound, of either side
    assert np.all(np.abs(G / 50 - there.gram) <= eps * (u.T @ u) / 50)
    assert np.all(np.abs(c / 50 - there.moment) <= eps * (np.abs(y) @ u) / 50)


@pytest.mark.parametrize("entries", [1, 7, 12, 10**6])
def test_blocks_of_any_size_give_the_same_where_nothing_rounds(monkeypatch, entries):
    theta = draw_dyadic(13, 3, 4)
    expected = relu_sums.reference(*theta)
    monkeypatch.setattr(feature_sums, "ENTRIES", entries)
    assert all(map(np.array_equal, relu_sums.reference(*theta), expected))


@SIDES
def test_the_features_are_never_in_memory_at_once(side):
    theta = draw(200_000, 2, 400)                                                # 640 MB of features
    with implementation(side):
        relu_sums(*(part[:70] if len(part) == 200_000 else part for part in theta))
        tracemalloc.start()
        try:
            relu_sums(*theta)
            assert tracemalloc.get_traced_memory()[1] < 120e6
        finally:
            tracemalloc.stop()


# ---- borders

@pytest.mark.parametrize("name", ["X", "y", "W", "b"])
@pytest.mark.parametrize(("spoil", "error", "pattern"), SPOILED)
def test_spoiled_arguments(name, spoil, error, pattern):
    theta = dict(zip(("X", "y", "W", "b"), draw(3, 2, 4), strict=True))
    with pytest.raises(error, match=pattern.format(name=name)):
        relu_sums(**{**theta, name: spoil(theta[name])})


@pytest.mark.parametrize(("name", "letter"), [("y", "n"), ("b", "m")])
def test_a_label_a_sample_and_a_bias_a_neuron(name, letter):
    theta = dict(zip(("X", "y", "W", "b"), draw(3, 2, 4), strict=True))
    with pytest.raises(ShapeError, match=rf"{name} has shape \(9,\) but .* has {letter} = "):
        relu_sums(**{**theta, name: frozen(np.ones(9))})


@SIDES
def test_an_overflow_is_an_error_that_says_where(side):
    one = frozen([1.0])
    with implementation(side):
        with pytest.raises(NonFiniteError, match=r"w.x \+ b\[0, 0\] = inf; w.x \+ b must be finite"):
            relu_sums(frozen([[1e200]]), one, frozen([[1e200]]), one)
        with pytest.raises(NonFiniteError, match=r"Phi\^T Phi\[0, 0\] = inf"):
            relu_sums(frozen([[1e200]]), one, frozen([[1.0]]), one)
        with pytest.raises(NonFiniteError, match=r"Phi\^T y\[0\] = inf"):
            relu_sums(frozen([[1e100]]), frozen([1e300]), frozen([[1.0]]), one)
        G, c = relu_sums(frozen([[-1e200, 1.0]]), one, frozen([[1.0, 1e200]]), one)              # nothing overflows: relu(1) = 1
    assert (G.tolist(), c.tolist()) == ([[1.0]], [1.0])


def test_auto_takes_the_twin_for_large_sums_only():
    small, large = draw(10, 10, 10), tuple(np.broadcast_to(part[:1], (size, *part.shape[1:])) for part, size in
                                           zip(draw(1, 10, 1), (200_000, 200_000, 1000, 1000), strict=True))
    assert not relu_sums.repays(*small)
    assert relu_sums.repays(*large)
    assert feature_sums._work(200_000, 1000, 10) == 200_000 * 1000 * 54 >= REPAYS
