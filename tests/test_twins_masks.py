"""The compiled mask product against its definition, its signs against rational numbers, and the vector instructions of its loops."""

from __future__ import annotations

import re
import threading
from fractions import Fraction

import numba
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from refimpl._twins import implementation
from refimpl.errors import NonFiniteError
from refimpl.masks import masked_sums
from refimpl_kernels import masks as kernels
from refimpl_kernels._jit import made_for
from tests.assembly import array, assembly

COMPARED = {"refimpl.masks.masked_sums"}

EPS, DENORMAL = np.finfo(float).eps, 2.0**-1074
WIDE = kernels.MOST + 1                                # the first d of the tables


# ---- the comparison

def budget(X, r, W, b):
    """How far definition and twin may be apart in S (m, d) and in s (m,).

    A term r_i x_ik is rounded once and then meets at most n additions, in whatever order: (n + 1) eps/2 of the sum of absolute terms for either
    side, so (n + 2) eps for both and what is rounded here; a product that underflows costs 2^-1075. A sign is decided by w.x + b, which is d
    products and d additions, so off by at most (d + 1) eps/2 A + (d + 1) 2^-1075, A = |w|.|x| + |b|. The two sides disagree only where the exact
    value is no larger; NumPy's value is then no larger than twice that, (d + 1) eps A + (d + 1) 2^-1074: such a term may be missing on one side.
    Where all of w_k x_k and b are 0 there is nothing to round.
    """
    (n, d), ones = X.shape, np.ones((len(X), 1))
    A = np.abs(X) @ np.abs(W).T + np.abs(b)                                      # (n, m)
    rounds = (X != 0).astype(float) @ (W != 0).T + (b != 0) > 0
    Z = X @ W.T + b
    doubtful = rounds & (np.abs(Z) <= (d + 2) * EPS * A + (d + 1) * DENORMAL)
    on = (Z >= 0) | doubtful
    terms = np.abs(r)[:, None] * np.hstack([np.abs(X), ones])                    # (n, d + 1)
    size = (n + 2) * (EPS * (on.T.astype(float) @ terms) + DENORMAL) + doubtful.T.astype(float) @ terms
    return size[:, :d], size[:, d]


def agrees(candidate, X, r, W, b):
    """The comparison that a twin passes and a planted fault does not: shapes, types and every entry within its budget."""
    got, expected = candidate(X, r, W, b), masked_sums.reference(X, r, W, b)
    assert [(type(part), part.dtype, part.shape) for part in got] == [(type(part), part.dtype, part.shape) for part in expected]
    return all(bool((np.abs(g - e) <= size).all()) for g, e, size in zip(got, expected, budget(X, r, W, b), strict=True))


def draw(n, d, m, seed=0):
    rng = np.random.default_rng([seed, n, d, m])
    return rng.normal(size=(n, d)), rng.normal(size=n), rng.normal(size=(m, d)), rng.normal(size=m)


def draw_dyadic(n, d, m, seed=0):
    """Short dyadic numbers and zeros of both signs: nothing rounds, many w.x + b are 0."""
    rng = np.random.default_rng([seed, n, d, m])
    X, r, W, b = (rng.integers(-2, 3, size) / 4 for size in ((n, d), n, (m, d), m))
    return np.where(rng.random(X.shape) < 0.3, -0.0, X), r, W, np.where(b == 0, -0.0, b)


dimensions = st.one_of(st.integers(1, kernels.MOST), st.integers(WIDE, 70))
counts = st.one_of(st.integers(1, 9), st.integers(10, 70))
seeds = st.integers(0, 2**32 - 1)


# ---- twin and definition

@settings(deadline=None)
@given(n=counts, d=dimensions, m=counts, seed=seeds, size_X=st.sampled_from([0, -1000, -30, 300]), size_W=st.sampled_from([0, -1060, 40, 600]),
       size_b=st.sampled_from([0, -1060, 60, 800]))
@example(n=1, d=1, m=1, seed=0, size_X=0, size_W=0, size_b=0)
@example(n=1, d=WIDE, m=1, seed=0, size_X=0, size_W=0, size_b=0)
def test_the_twin_agrees(n, d, m, seed, size_X, size_W, size_b):
    X, r, W, b = draw(n, d, m, seed)
    assert agrees(kernels.masked_sums, 2.0**size_X * X, r, 2.0**size_W * W, 2.0**size_b * b)


@settings(deadline=None)
@given(n=counts, d=dimensions, m=counts, seed=seeds)
def test_the_twin_agrees_on_numbers_of_all_sizes(n, d, m, seed):
    """Denormals, zeros and large numbers beside each other."""
    rng = np.random.default_rng(seed)
    powers = 2.0**np.array([-1070, -600, -40, -1, 0, 1, 40])
    X, r, W, b = (part * rng.choice(powers, part.shape) * rng.integers(0, 2, part.shape) for part in draw(n, d, m, seed))
    assert agrees(kernels.masked_sums, X, r, W, b)


@settings(deadline=None)
@given(n=counts, d=dimensions, m=counts, seed=seeds, power=st.sampled_from([0, -300, 200]))
def test_ties_are_decided_as_by_the_definition(n, d, m, seed, power):
    """Where nothing rounds there is one value, to the bit."""
    X, r, W, b = draw_dyadic(n, d, m, seed)
    W, b = 2.0**power * W, 2.0**power * b
    assert all(map(np.array_equal, kernels.masked_sums(X, r, W, b), masked_sums.reference(X, r, W, b)))


@pytest.mark.parametrize("d", [1, 2, 7, kernels.MOST, WIDE, 31, 32, 47])
@pytest.mark.parametrize(("n", "m"), [
    (1, 1), (kernels.ROWS - 1, 7), (kernels.ROWS, 8), (kernels.ROWS + 1, 9), (2 * kernels.ROWS + 3, 17),
    (31, 2), (32, 3), (33, 4), (kernels.BLOCK - 1, 5), (kernels.BLOCK, 8), (kernels.BLOCK + 1, 9), (2 * kernels.BLOCK + 33, 2),
    (3, kernels.NEURONS - 1), (35, kernels.NEURONS), (4, kernels.NEURONS + 1), (40, 2 * kernels.NEURONS + 3)])
def test_the_twin_agrees_around_the_sizes_of_its_blocks(n, d, m):
    assert agrees(kernels.masked_sums, *draw(n, d, m))
    theta = draw_dyadic(n, d, m)
    assert all(map(np.array_equal, kernels.masked_sums(*theta), masked_sums.reference(*theta)))


@pytest.mark.parametrize("d", [3, 40])
def test_the_twin_agrees_on_views(d):
    X, r, W, b = draw(60, 2 * d, 70)
    views = X[::-2, 1::2], r[::2], np.asfortranarray(W)[5:, ::2], b[:4:-1]
    assert agrees(kernels.masked_sums, *views)
    whole = kernels.masked_sums(*map(np.ascontiguousarray, views))
    assert all(map(np.array_equal, kernels.masked_sums(*views), whole))
    assert agrees(kernels.masked_sums, np.broadcast_to(X[0], X.shape), r, np.broadcast_to(W[:1], W.shape), np.broadcast_to(b[:1], b.shape))


@pytest.mark.parametrize("d", [WIDE, 100, 900])
def test_a_sign_that_float32_leaves_open_is_that_of_the_exact_number(d):
    """w.x + b = +-2^-q beside terms of size 1: z in float32 is 0, or has any sign. Beyond q = 20 nothing rounds in float64, either."""
    rng = np.random.default_rng(d)
    X, W = rng.integers(-3, 4, (64, d)) / 4.0, rng.integers(-3, 4, (40, d)) / 4.0
    b = -(W @ X[0])                                                              # the first sample stands on all boundaries
    q = rng.integers(10, 40, 40)
    b += rng.choice([-1.0, 0.0, 1.0], 40) * 2.0**-q
    r = 2.0**rng.integers(-3, 4, 64)
    assert all(map(np.array_equal, kernels.masked_sums(X, r, W, b), masked_sums.reference(X, r, W, b)))
    exact = [W_j @ X[0] + b_j >= 0 for W_j, b_j in zip(exactly(W), exactly(b), strict=True)]
    only_first = kernels.masked_sums(X[:1], np.ones(1), W, b)[1]
    assert only_first.tolist() == [float(on) for on in exact]
    z_32 = X[:1].astype(np.float32) @ W.T.astype(np.float32) + b.astype(np.float32)
    assert ((z_32[0] >= 0) != exact).any()


def exactly(values):
    return np.vectorize(lambda v: Fraction(float(v)), otypes=[object])(values)


def test_an_open_sign_is_not_taken_for_certain():
    """The bound on float32's error holds with room for what was measured, and is not so wide that float64 decides everything."""
    X, _, W, b = draw(200, 300, 100)
    z, exact = X.astype(np.float32) @ W.T.astype(np.float32) + b.astype(np.float32), X @ W.T + b
    size = np.sqrt((X**2).sum(axis=1) + 1)[:, None] * np.sqrt((W**2).sum(axis=1) + b**2)
    g = 303 * 2.0**-24 / (1 - 303 * 2.0**-24)
    assert np.max(np.abs(z - exact) / size) < g
    assert np.mean(np.abs(z) <= g * (1 + g) * size) < 0.001


# ---- the same bits

@pytest.mark.parametrize("d", [5, 50])
def test_no_block_moves_a_bit(monkeypatch, d):
    theta = draw(700, d, 100)
    whole = kernels.masked_sums(*theta)
    monkeypatch.setattr(kernels, "BLOCK", 64)
    monkeypatch.setattr(kernels, "NEURONS", 24)
    assert all(map(np.array_equal, kernels.masked_sums(*theta), whole))
    X, r, W, b = theta
    assert all(np.array_equal(part[::-1], kernels.masked_sums(X, r, W[::-1], b[::-1])[k]) for k, part in enumerate(whole))
    assert all(np.array_equal(part[[77]], kernels.masked_sums(X, r, W[[77]], b[[77]])[k]) for k, part in enumerate(whole))


def test_in_registers_a_sum_goes_over_the_samples_in_their_order():
    X, r, W, b = draw(2 * kernels.ROWS + 5, 4, 3)
    S, s = kernels.masked_sums(X, r, W, b)
    for j in range(3):
        S_j, s_j = np.zeros(4), 0.0
        for x, r_x in zip(X, r, strict=True):
            if W[j] @ x + b[j] >= 0:
                S_j, s_j = S_j + r_x * x, s_j + r_x
        assert np.array_equal(S[j], S_j)
        assert s[j] == s_j


@pytest.mark.parametrize("d", [10, 64])
def test_two_threads_at_once_find_the_same_bits(d):
    theta = draw(2000, d, 300)
    alone, found = kernels.masked_sums(*theta), []
    threads = [threading.Thread(target=lambda: found.append(kernels.masked_sums(*theta))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(part, expected) for parts in found for part, expected in zip(parts, alone, strict=True))
    assert len(found) == 2


# ---- planted faults

def of_masks(on, X, r):
    D = on * r[:, None]
    return D.T @ X, D.sum(axis=0)


WRONG = {
    "strict inequality": lambda X, r, W, b: of_masks(X @ W.T + b > 0, X, r),
    "the other half-space": lambda X, r, W, b: of_masks(X @ W.T + b <= 0, X, r),
    "b forgotten": lambda X, r, W, b: of_masks(X @ W.T >= 0, X, r),
    "r forgotten": lambda X, r, W, b: of_masks(X @ W.T + b >= 0, X, np.ones(len(X))),
    "the last sample forgotten": lambda X, r, W, b: of_masks((X @ W.T + b >= 0)[:-1], X[:-1], r[:-1]),
    "the last neuron forgotten": lambda X, r, W, b: [part * (np.arange(len(b)) < len(b) - 1).reshape(-1, *[1] * (part.ndim - 1))
                                                     for part in kernels.masked_sums(X, r, W, b)],
    "s in float32": lambda X, r, W, b: (kernels.masked_sums(X, r, W, b)[0], kernels.masked_sums(X, r, W, b)[1].astype(np.float32).astype(float)),
    "a part in 1e12": lambda X, r, W, b: [part * (1 + 1e-12) for part in kernels.masked_sums(X, r, W, b)],
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("d", [3, 40])
def test_a_wrong_twin_is_rejected(wrong, d):
    X, r, W, b = draw(201, d, 33)
    X[7], b[3], X[200, 0], W[3, 1:] = 0, 0, 0.5, 0                                # w_3.x_7 + b_3 = 0, and r_7 counts
    assert agrees(kernels.masked_sums, X, r, W, b)
    assert not agrees(WRONG[wrong], X, r, W, b)


def test_signs_of_float32_alone_are_rejected():
    def float32(X, r, W, b):
        return of_masks(X.astype(np.float32) @ W.T.astype(np.float32) + b.astype(np.float32) >= 0, X, r)

    X, r, W, b = draw(50, 300, 40)
    b = 1e-9 * b - W @ X[0]                                                      # sample 0 is as close to all boundaries as float64 can tell
    assert agrees(kernels.masked_sums, X, r, W, b)
    assert not agrees(float32, X, r, W, b)


@pytest.mark.parametrize("d", [2, 40])
def test_an_overflow_is_the_definitions_error_on_both_sides(d):
    X, r, W, b = draw(3, d, 4)
    for side in ("numpy", "kernels"):
        with implementation(side):
            with pytest.raises(NonFiniteError, match=r"w.x \+ b\[.*\] = -?(inf|nan)"):
                masked_sums(1e200 * X, r, 1e200 * W, b)
            with pytest.raises(NonFiniteError, match=r"S\[.*\] = -?inf"):
                masked_sums(1e200 * X, 1e200 * r, W, b)


# ---- instructions

def test_the_sums_in_registers_are_vectors():
    found = assembly(kernels.stream, array(2, readonly=True), array(1, readonly=True), array(3), array(3), numba.types.UniTuple(numba.int64, 10))
    assert len(re.findall(r"\bvaddpd\b.*%[yz]mm", found)) >= 11
    if made_for("fma"):
        assert len(re.findall(r"\bvfmadd\d+pd\b.*%[yz]mm", found)) >= 10
    if made_for("avx512f"):
        assert len(re.findall(r"\bvaddpd\b.*%zmm\d+ \{%k\d\}", found)) >= 11      # the mask costs no instruction


def test_the_signs_in_float32_are_vectors():
    f32, u32 = numba.float32, numba.uint32
    found = assembly(kernels.row_of_signs, array(1, dtype=f32), u32, f32, array(1, dtype=f32), array(1, dtype=u32))
    assert re.search(r"\bvcmp\w*ps\b.*%[yz]mm", found)


def test_the_rows_of_the_tables_are_vectors():
    found = assembly(kernels.look_up, array(2, dtype=numba.uint32), array(3), array(3), numba.int64, array(3),
                     numba.types.UniTuple(numba.int64, kernels.PANEL))
    assert len(re.findall(r"\bvaddpd\b.*%[yz]mm", found)) >= kernels.NIBBLES * kernels.PANEL
