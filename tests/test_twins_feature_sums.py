"""The compiled sums of ReLU features against their definition, the samples that they leave out, and the vector instructions of their loops."""

from __future__ import annotations

import re
import threading

import numba
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from refimpl.feature_sums import relu_sums
from refimpl_kernels import feature_sums as kernels
from refimpl_kernels._jit import made_for
from tests.assembly import array, assembly
from tests.test_twins_masks import draw, draw_dyadic

COMPARED = {"refimpl.feature_sums.relu_sums"}

EPS, DENORMAL = np.finfo(float).eps, 2.0**-1074
ROWS, WIDTH = kernels.ROWS, kernels.WIDTH


# ---- the comparison

def budget(X, y, W, b):
    """How far definition and twin may be apart in G (m, m) and in c (m,).

    v_ij = |w_j|.(|x_i| + 2 |mu|) + |b_j| bounds w.x + b, its mirror image, and w.(x - mu) + (b + w.mu) without their signs; each is off by at most
    (d + 2) eps v. A sum of n products of two of them, or of a matrix product and one more, rounds (n + 2 d + 6) eps/2 times the sum of v v. The
    definition has one such sum, the twin four (r r, A x r twice, A x x A) and their additions: 5 (n + 2 d + 8) eps for both is more than enough.
    What underflows costs 2^-1075 a product; those of X^T R and X^T X are multiplied by A, of row sums |w|_1 + |b|, before they are added.
    """
    (n, d), mu = X.shape, np.abs(kernels.centre(X[:ROWS]))
    v = (np.abs(X) + 2 * mu) @ np.abs(W).T + np.abs(b)                           # (n, m)
    rows = 1 + np.abs(W).sum(axis=1) + np.abs(b) + np.abs(W) @ mu                # (m,)
    tiny = (n + 2 * d + 8) * DENORMAL
    least = tiny * rows * (1 + np.abs(X).max() + mu.max()), tiny * rows.max() * (1 + np.abs(y).max())
    return (5 * (n + 2 * d + 8) * EPS * (v.T @ v) + np.maximum(np.multiply.outer(least[0], rows), tiny),
            5 * (n + 2 * d + 8) * EPS * (np.abs(y) @ v) + least[1])


def agrees(candidate, X, y, W, b):
    """The comparison that a twin passes and a planted fault does not: shapes, types and every entry within its budget."""
    got, expected = candidate(X, y, W, b), relu_sums.reference(X, y, W, b)
    assert [(type(part), part.dtype, part.shape) for part in got] == [(type(part), part.dtype, part.shape) for part in expected]
    return all(bool((np.abs(g - e) <= size).all()) for g, e, size in zip(got, expected, budget(X, y, W, b), strict=True))


def mirrored(W):
    """Rows m + 1 - j are minus rows j."""
    half = len(W) // 2
    return np.concatenate([W[:len(W) - half], -W[:half][::-1]])


dimensions, counts, seeds = st.integers(1, 40), st.one_of(st.integers(1, 9), st.integers(10, 150)), st.integers(0, 2**32 - 1)


# ---- twin and definition

@settings(deadline=None)
@given(n=counts, d=dimensions, m=counts, seed=seeds, pairs=st.booleans(), size_X=st.sampled_from([0, -300, 200]),
       size_W=st.sampled_from([0, -500, -1060, 100]), size_b=st.sampled_from([0, -1060, 60, 300]), far=st.sampled_from([0.0, 1.0, -1000.0]))
@example(n=1, d=1, m=1, seed=0, pairs=False, size_X=0, size_W=0, size_b=0, far=0.0)
def test_the_twin_agrees(n, d, m, seed, pairs, size_X, size_W, size_b, far):
    X, y, W, b = draw(n, d, m, seed)
    assert agrees(kernels.by_sides, 2.0**size_X * (X + far), y, 2.0**size_W * (mirrored(W) if pairs else W), 2.0**size_b * b)


@settings(deadline=None)
@given(n=counts, d=dimensions, m=counts, seed=seeds)
def test_the_twin_agrees_on_numbers_of_all_sizes(n, d, m, seed):
    """Denormals, zeros and large numbers beside each other."""
    rng = np.random.default_rng(seed)
    powers = 2.0**np.array([-1070, -600, -40, -1, 0, 1, 40])
    assert agrees(kernels.by_sides, *(part * rng.choice(powers, part.shape) * rng.integers(0, 2, part.shape) for part in draw(n, d, m, seed)))


@settings(deadline=None)
@given(n=counts, d=dimensions, m=counts, seed=seeds, pairs=st.booleans())
def test_where_nothing_rounds_there_is_one_value(n, d, m, seed, pairs):
    X, y, W, b = draw_dyadic(n, d, m, seed)
    W = mirrored(W) if pairs else W
    assert all(map(np.array_equal, kernels.by_sides(X, y, W, b), relu_sums.reference(X, y, W, b)))


@pytest.mark.parametrize("d", [1, 7, 61, 62, 63, 100])
@pytest.mark.parametrize(("n", "m"), [(1, 1), (ROWS - 1, 2), (ROWS, WIDTH), (ROWS + 1, WIDTH - 1), (2 * ROWS + 3, WIDTH + 1), (40, 2 * WIDTH), (300, 130)])
def test_the_twin_agrees_around_the_sizes_of_its_blocks(n, d, m):
    assert agrees(kernels.by_sides, *draw(n, d, m))
    theta = draw_dyadic(n, d, m)
    assert all(map(np.array_equal, kernels.by_sides(*theta), relu_sums.reference(*theta)))


def test_the_twin_agrees_on_views():
    X, y, W, b = draw(160, 8, 70)
    views = X[::-2, 1::2], y[::2], np.asfortranarray(W)[5:, ::2], b[:4:-1]
    assert agrees(kernels.by_sides, *views)
    assert agrees(kernels.by_sides, np.broadcast_to(X[0], X.shape), y, np.broadcast_to(W[:1], W.shape), np.broadcast_to(b[:1], b.shape))


def test_inputs_far_from_0_cost_no_digits(monkeypatch):
    """Biases bring w.x + b back to size 1 where w.x is 1000: with mu the four sums of the twin are no larger than the one of the definition."""
    X, y, W, b = draw(400, 5, 60)
    exact = kernels.by_sides(X, y, W, b + 1)[0]
    X, b = X + 1000, b + 1 - 1000 * W.sum(axis=1)

    def error(side):
        return np.max(np.abs(side(X, y, W, b)[0] - exact))

    twin, definition = error(kernels.by_sides), error(relu_sums.reference)
    assert twin <= 5 * definition
    monkeypatch.setattr(kernels, "centre", lambda X: np.zeros(X.shape[1]))
    assert error(kernels.by_sides) > 20 * definition


def test_either_side_of_the_kink_may_be_the_one_that_is_kept():
    X, y, W, b = draw(500, 6, 40)
    for shift in (-3.0, 0.0, 3.0):
        assert agrees(kernels.by_sides, X, y, W, b + shift)
    assert agrees(kernels.by_sides, np.sort(X, axis=0), y, W, b)                # the first samples are not like the rest


def test_the_twin_hands_over_where_it_does_not_win():
    """More inputs than half of the neurons; and w.x + b that may overflow, of which the definition knows the place."""
    X, y, W, b = draw(30, 5, 20)
    assert agrees(kernels.relu_sums, X, y, W, b)
    assert kernels.relu_sums(X, y, W[:9], b[:9]) is None
    assert agrees(kernels.relu_sums, X, y, W[:10], b[:10])
    assert kernels.relu_sums(1e200 * X, y, 1e200 * W, b) is None


# ---- order

def test_bits_do_not_depend_on_threads():
    theta = draw(1000, 12, 90)
    expected, found = kernels.by_sides(*theta), []
    threads = [threading.Thread(target=lambda: found.append(kernels.by_sides(*theta))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    assert all(np.array_equal(part, whole) for got in found for part, whole in zip(got, expected, strict=True))


# ---- faults that the comparison must see

FAULTS = {
    "the last sample left out": lambda X, y, W, b: (X[:-1], y[:-1], W, b),
    "relu(-z)": lambda X, y, W, b: (X, y, -W, -b),
    "b forgotten": lambda X, y, W, b: (X, y, W, 0 * b),
    "a bias off by 1e-9": lambda X, y, W, b: (X, y, W, b + 1e-9),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_seen(fault):
    theta = draw(80, 5, 33)
    assert agrees(kernels.by_sides, *theta)
    assert not agrees(lambda *at: kernels.by_sides(*FAULTS[fault](*at)), *theta)


def test_one_half_of_the_cross_terms_is_seen():
    X, y, W, b = draw(80, 5, 33)

    def once(X, y, W, b):
        G, c = kernels.by_sides(X, y, W, b)
        side = np.where((b > 0)[:, None], np.column_stack([W, b]), 0)
        return G - side @ np.column_stack([X, np.ones(len(X))]).T @ np.maximum(X @ W.T + b, 0), c
    assert not agrees(once, X, y, W, b)


# ---- instructions

def test_the_sums_are_vectors_in_registers():
    found = assembly(kernels.products, array(3), array(2, dtype=numba.int64), array(2), array(1, dtype=numba.int64), array(3),
                     numba.types.UniTuple(numba.int64, kernels.VECTORS))
    if made_for("fma"):
        assert len(re.findall(r"\bvfmadd\d+pd\b.*%[yz]mm", found)) >= kernels.VECTORS
    assert len(re.findall(r"\bvmovup[ds]\b.*%[yz]mm", found)) >= kernels.VECTORS


def test_one_side_of_the_kink_is_a_vector():
    found = assembly(kernels.half_line, array(1), numba.float64, numba.float64, array(1))
    assert re.search(r"\bv(max|cmp\w*|mul|add|fmadd\d+)pd\b.*%[yz]mm", found)
