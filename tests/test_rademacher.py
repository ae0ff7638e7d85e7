"""Rademacher complexities against other enumerations, grids, samples, and their bounds."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl.errors import DomainError, DtypeError, NonFiniteError
from refimpl.rademacher import head_bound, head_complexity, line_complexity, network_bound
from tests.strategies import EPS, SPOILED, frozen, seeds

PHI, W, B, X = frozen([[1.0, 2.0], [3.0, 4.0]]), frozen([[1.0, 2.0], [3.0, 4.0]]), frozen([0.5, -0.5]), frozen([1.0, -2.0])


@given(seed=seeds, n=st.integers(1, 7), m=st.integers(1, 4))
def test_the_head_by_a_loop_over_all_signs(seed, n, m):
    Phi = frozen(np.random.default_rng(seed).normal(size=(n, m)))
    norms = [math.hypot(*(sum(s * x for s, x in zip(sigma, column, strict=True)) for column in Phi.T)) for sigma in itertools.product([1, -1], repeat=n)]
    size = 0.7 * math.sqrt(np.max(np.sum(np.abs(Phi), axis=0)) ** 2 * m) / n
    assert abs(head_complexity(Phi, B_a=0.7) - 0.7 * math.fsum(norms) / 2**n / n) <= (n + m + 32) * EPS * size


@given(seed=seeds, n=st.integers(1, 8))
def test_the_head_is_below_jensens_bound_and_that_is_reached_at_one_input(seed, n):
    Phi = frozen(np.random.default_rng(seed).normal(size=(n, 3)))
    bound = 2.0 * np.linalg.norm(Phi) / n
    assert head_complexity(Phi, B_a=2.0) <= bound * (1 + 64 * EPS)
    assert n > 1 or head_complexity(Phi, B_a=2.0) == pytest.approx(bound, rel=64 * EPS)


def test_lemma_48_in_samples():
    """A mean over 300 draws of n = 6 inputs is below the bound; with biases that switch no neuron off it comes near it."""
    rng = np.random.default_rng(0)
    W, b = frozen(rng.normal(size=(4, 3)) / 4), frozen([2.0, 3.0, 2.5, 2.0])
    drawn = [head_complexity(np.maximum(rng.normal(size=(6, 3)) @ W.T + b, 0), B_a=1.0) for _ in range(300)]
    assert np.mean(drawn) + 5 * np.std(drawn) / math.sqrt(300) < head_bound(W, b, 6, B_a=1.0) < 1.4 * np.mean(drawn)


@given(seed=seeds, n=st.integers(1, 6), m=st.integers(1, 3), B_w=st.sampled_from([0.0, 0.5, 2.0]))
def test_the_line_is_the_limit_of_grids(seed, n, m, B_w):
    """No w of a fine grid does better than the kinks and ends, and the grid comes as near as its width allows."""
    rng = np.random.default_rng(seed)
    x, b = frozen(rng.normal(size=n)), frozen(rng.normal(size=m))
    w = np.linspace(-B_w, B_w, 401)
    signs = np.array(list(itertools.product([1.0, -1.0], repeat=n)))
    values = np.abs(np.einsum("sn,njw->sjw", signs, np.maximum(x[:, None, None] * w + b[:, None], 0)))     # (2^n, m, 401)
    on_grid = 1.5 * np.mean(np.linalg.norm(values.max(axis=2), axis=1)) / n
    step = 1.5 * math.sqrt(m) * np.sum(np.abs(x)) / n * 2 * B_w / 400
    got = line_complexity(x, b, B_a=1.5, B_w=B_w)
    assert on_grid - 1e-13 <= got <= on_grid + step + 1e-13


@given(seed=seeds, n=st.integers(1, 6), m=st.integers(1, 3))
def test_the_line_is_below_the_repaired_bound_where_the_inputs_are_no_longer_than_on_average(seed, n, m):
    rng = np.random.default_rng(seed)
    x, b = rng.normal(size=n), frozen(rng.uniform(-2, 2, m))
    x *= math.sqrt(n) / np.linalg.norm(x)
    bound = network_bound(n, m, 1, B_a=1.0, B_w=0.8, B_b=float(np.max(np.abs(b))))
    assert line_complexity(frozen(x), b, B_a=1.0, B_w=0.8) <= bound


def test_without_weights_the_biases_remain():
    """B_w = 0: B_a |b| E|sum_i sigma_i| / n for b >= 0, where the printed bound is 0; E|sum of 4 signs| = 3/2."""
    got = line_complexity(frozen(np.ones(4)), frozen([0.6, 0.8]), B_a=2.0, B_w=0.0)
    assert got == pytest.approx(2 * 1.5 / 4, rel=16 * EPS)
    assert network_bound(4, 2, 1, B_a=2.0, B_w=0.0, B_b=0.0) == 0


@pytest.mark.parametrize(("n", "m", "d", "expected"), [(1, 1, 1, 2 * 3.0 * (5 + 7)), (4, 9, 16, 2 * 3.0 * 3 * (5 * 4 + 7) / 2)])
def test_the_bound_by_hand(n, m, d, expected):
    assert network_bound(n, m, d, B_a=3.0, B_w=5.0, B_b=7.0) == expected


def test_inputs_at_the_origin_and_kinks_beyond_any_float():
    assert line_complexity(frozen([0.0]), frozen([1.0]), B_a=1.0, B_w=3.0) == 1
    assert line_complexity(frozen([1e-300]), frozen([1e100]), B_a=1.0, B_w=1.0) == 1e100


# ---- bad input

CALLS = {"Phi": lambda Phi: head_complexity(Phi, B_a=1.0), "W": lambda W: head_bound(W, B, 3, B_a=1.0), "b": lambda b: head_bound(W, b, 3, B_a=1.0)}
VALUES = {"Phi": PHI, "W": W, "b": B}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(("spoil", "error", "pattern"), SPOILED)
def test_spoiled_arguments(name, spoil, error, pattern):
    with pytest.raises(error, match=pattern.format(name=name)):
        CALLS[name](spoil(VALUES[name]))


@pytest.mark.parametrize("name", ["x", "b"])
@pytest.mark.parametrize(("spoil", "error", "pattern"), SPOILED)
def test_spoiled_arguments_of_the_line(name, spoil, error, pattern):
    arrays = {"x": X, "b": B}
    with pytest.raises(error, match=pattern.format(name=name)):
        line_complexity(**{**arrays, name: spoil(arrays[name])}, B_a=1.0, B_w=1.0)


@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda: head_complexity(frozen(np.ones((19, 1))), B_a=1.0), DomainError, "n = 19; all signs are enumerated for at most n = 18 inputs"),
    (lambda: line_complexity(frozen(np.ones(19)), B, B_a=1.0, B_w=1.0), DomainError, "n = 19"),
    (lambda: head_complexity(PHI, B_a=-1.0), DomainError, "B_a = -1"),
    (lambda: head_bound(W, B, 0, B_a=1.0), DomainError, "n = 0"),
    (lambda: line_complexity(X, B, B_a=1.0, B_w=-1.0), DomainError, "B_w = -1"),
    (lambda: line_complexity(frozen([1e300]), B, B_a=1.0, B_w=1e300), NonFiniteError, "w x"),
    (lambda: line_complexity(X, frozen([1e300]), B_a=1.0, B_w=1.0), NonFiniteError, "the complexity = inf"),
    (lambda: head_complexity(frozen([[1e300]]), B_a=1.0), NonFiniteError, "the complexity = inf"),
    (lambda: network_bound(1, 1, 0, B_a=1.0, B_w=1.0, B_b=1.0), DomainError, "d = 0"),
    (lambda: network_bound(1, 1, 1, B_a=1.0, B_w=1.0, B_b=-1.0), DomainError, "B_b = -1"),
    (lambda: network_bound(1, 1, 1, B_a="1", B_w=1.0, B_b=1.0), DtypeError, "B_a = '1'"),
])
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
