"""The game of queries against enumeration in floats, the packing in integers, and everything that is refused."""

import itertools
import math
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl.data.targets import single_index
from refimpl.errors import DomainError, DtypeError, NotConvergedError, ShapeError
from refimpl.lower_bounds.queries import (
    FunctionClass,
    adversary,
    ascent,
    by_groups,
    eliminated_at_most,
    gram_class,
    hermite_class,
    honest,
    overlap,
    packing,
    play,
    queries_needed,
    tolerance_bound,
)
from tests.strategies import EPS, mp, seeds

HALF = Fraction(1, 2)


def equicorrelated(N, epsilon):
    return gram_class([[Fraction(1) if i == j else epsilon for j in range(N)] for i in range(N)])


def normalised_signs(seed, d=6, p=2, N=5):
    """A class of Hermite polynomials whose directions differ by more than a sign."""
    rng = np.random.default_rng(seed)
    while True:
        V = 2 * rng.integers(0, 2, (N, d)) - 1
        if np.all(np.abs(V @ V.T)[~np.eye(N, dtype=bool)] < d):
            return hermite_class(V, p), V


# ---- the class

@given(seed=seeds, p=st.integers(1, 4))
def test_inner_products_against_gauss_and_hermite(seed, p):
    """E[f_v f_w] by a rule in the plane of v and w that is exact for polynomials of this degree; targets normalised by sqrt(p!)."""
    F, V = normalised_signs(seed, p=p)
    c = np.zeros(p + 1)
    c[p] = math.sqrt(math.factorial(p))
    t, weight = np.polynomial.hermite_e.hermegauss(p + 2)
    basis = np.linalg.qr(V[:2].T / math.sqrt(6))[0].T                                              # (2, d)
    X = np.array(list(itertools.product(t, repeat=2))) @ basis
    weights = np.array([a * b for a, b in itertools.product(weight, repeat=2)]) / (2 * math.pi)
    values = [single_index(c, V[i] / math.sqrt(6)).value(np.ascontiguousarray(X)) for i in range(2)]
    got = float(F.inner(F.members[0], F.members[1]))
    assert weights @ (values[0] * values[1]) == pytest.approx(got, abs=1e-11 * math.factorial(p) * 4**p)


@given(seed=seeds)
def test_correlations_losses_and_norms_against_the_gram_matrix(seed):
    F, _ = normalised_signs(seed)
    G = np.array([[float(F.inner(s, t)) for t in F.members] for s in F.members])
    c = np.random.default_rng(seed).integers(-3, 4, len(G))
    h = dict(zip(F.members, c.tolist(), strict=True))
    assert float(F.correlation(h, h)) == pytest.approx(c @ G @ c, abs=1e-12)
    assert [float(x) for x in F.losses(h).values()] == pytest.approx(list(c @ G @ c - 2 * G @ c + 1), abs=1e-12)
    assert float(F.epsilon) == pytest.approx(np.max(np.abs(G - np.eye(len(G)))), abs=1e-15)


@given(seed=seeds)
def test_a_normalised_query_is_no_longer_than_1_and_hardly_shorter(seed):
    F, _ = normalised_signs(seed)
    h = F.normalised({s: Fraction(int(x), 7) for s, x in zip(F.members, np.random.default_rng(seed).integers(1, 9, 5), strict=True)})
    assert 1 - Fraction(1, 2**30) <= F.correlation(h, h) <= 1


def test_a_rational_norm_is_divided_by_exactly():
    F = equicorrelated(4, Fraction(0))
    h = F.normalised(dict.fromkeys(range(4), 3))
    assert h == dict.fromkeys(range(4), HALF)
    assert F.correlation(h, h) == 1
    assert equicorrelated(1, HALF).epsilon == 0


# ---- the packing

@pytest.mark.parametrize(("d", "epsilon"), [(1, 0.5), (7, 0.3), (40, 0.5), (100, 0.4), (64, Fraction(5, 8))])
def test_a_packing_is_as_large_as_the_lemma_says_and_as_far_apart(d, epsilon):
    V = packing(d, epsilon, rng=3)
    assert len(V) == math.ceil(mp.exp(mp.mpf(float(epsilon)) ** 2 * d / 4) / 2)
    assert set(V.ravel().tolist()) <= {-1, 1}
    assert all(abs(Fraction(int(v @ w), d)) <= Fraction(epsilon) for v, w in itertools.combinations(V, 2))
    assert np.array_equal(V, packing(d, epsilon, rng=3))


def test_a_packing_of_a_size_that_is_asked_for():
    V = packing(4, 0, rng=0, size=4)
    assert np.array_equal(V @ V.T, 4 * np.eye(4))
    with pytest.raises(NotConvergedError, match=r"size = 4: 1 signs with \|v.w\| <= 0 were found in 4096 draws"):
        packing(3, 0, rng=0, size=4)


# ---- the game

@given(seed=seeds, group=st.integers(1, 3), tau=st.fractions(0, 1, max_denominator=9))
def test_the_adversary_keeps_a_candidate_and_the_transcript_adds_up(seed, group, tau):
    F, _ = normalised_signs(seed)
    game = play(partial(by_groups, group=group), F, adversary, tau)
    assert sum(game.eliminated) + len(game.losses) == 5
    assert game.losses
    assert set(game.output) <= set(F.members)
    assert game.losses[next(iter(game.output))] == 0                # it returns somebody who is left
    if tau**2 > F.epsilon:
        assert max(game.eliminated) <= eliminated_at_most(tau, F.epsilon)


@given(seed=seeds, place=st.integers(0, 4))
def test_an_honest_oracle_is_found_by_one_query_each(seed, place):
    F, _ = normalised_signs(seed, d=10, p=5)
    f = F.members[place]
    if F.epsilon < Fraction(1, 4):
        game = play(by_groups, F, honest(f, Fraction(-1, 8)), Fraction(1, 4))
        assert f in game.losses
        assert game.losses[next(iter(game.output))] <= 2


@given(seed=seeds, p=st.sampled_from([1, 3]))
def test_ascent_finds_the_signs(seed, p):
    F, _ = normalised_signs(seed, p=p)
    for f in F.members:
        assert play(ascent, F, honest(f), Fraction(1, 100)).output == {f: 1}


def test_what_the_rules_of_the_game_forbid():
    def too_long(F, tau):
        yield {0: 2}
        return {0: 1}

    F = equicorrelated(3, HALF)
    with pytest.raises(DomainError, match=r"E h\^2 = 4; a query must have norm at most 1"):
        play(too_long, F, adversary, HALF)
    with pytest.raises(DomainError, match="the answer 5 lies within tau = 1/2 of no function that is left"):
        play(by_groups, F, lambda F, left, h, tau: 5, HALF)
    with pytest.raises(DomainError, match="group = 0"):
        play(partial(by_groups, group=0), F, adversary, HALF)


def test_a_learner_may_ask_nothing():
    def silent(F, tau):
        return {}
        yield

    assert play(silent, equicorrelated(3, HALF), adversary, 0.5) == ((), {}, dict.fromkeys(range(3), 1))


# ---- the counts

@given(N=st.integers(2, 6), epsilon=st.fractions(0, 1, max_denominator=7), seed=seeds)
def test_no_query_reaches_more_functions_than_counted(N, epsilon, seed):
    """Random queries of norm 1, at the tolerance that their own correlations reach."""
    if epsilon == 1:
        return
    F, rng = equicorrelated(N, epsilon), np.random.default_rng(seed)
    h = F.normalised({i: int(c) for i, c in enumerate(rng.integers(1, 5, N))})
    reached = sorted((abs(F.correlation({i: 1}, h)) for i in range(N)), reverse=True)
    for many, tau in enumerate(reached, start=1):
        if epsilon < tau**2:
            assert many <= eliminated_at_most(tau, epsilon)


def test_counts_by_hand():
    assert eliminated_at_most(HALF, 0) == 4
    assert eliminated_at_most(Fraction(3, 4), Fraction(1, 8)) == 2
    assert queries_needed(8, HALF, 0) == 1
    assert queries_needed(10, 1, HALF) == Fraction(5, 2)


@given(q=st.integers(1, 10**9), d=st.integers(400, 10**9), p=st.integers(1, 6), c=st.sampled_from([0.25, 0.1]))
def test_the_tolerance_at_40_digits(q, d, p, c):
    """Where the theorem applies; the chain 4 q e^{-c epsilon^2 d} + epsilon^p at its own epsilon."""
    cd = mp.mpf(c) * d
    epsilon = mp.sqrt(mp.log(4 * q * cd ** (mp.mpf(p) / 2)) / cd)
    if epsilon**p > 0.499:
        return
    assert abs(mp.mpf(overlap(q, d, p, c=c)) / epsilon - 1) <= 6 * EPS
    tau = mp.sqrt(4 * q * mp.exp(-cd * epsilon**2) + epsilon**p)
    assert abs(mp.mpf(tolerance_bound(q, d, p, c=c)) / tau - 1) <= (4 * p + 4) * EPS


# ---- bad input

@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda: FunctionClass([], min), ShapeError, "members is empty"),
    (lambda: FunctionClass([1, 1], lambda s, t: Fraction(1)), DomainError, "members holds a function twice"),
    (lambda: FunctionClass([1], lambda s, t: HALF), DomainError, r"E f\^2 = 1/2 for the member 1"),
    (lambda: gram_class([[1, 0]]), ShapeError, r"G has 1 rows of lengths \[2\]"),
    (lambda: gram_class([[1, 0], [HALF, 1]]), DomainError, "G is not symmetric"),
    (lambda: gram_class([["1"]]), DtypeError, r"G\[0\]\[0\] = '1' is of type str"),
    (lambda: hermite_class([[1, 0], [1, 1]], 2), DomainError, r"V\[1\] has \|v\|\^2 = 2 but V\[0\] has 1"),
    (lambda: hermite_class([[0, 0]], 2), DomainError, r"V\[0\] has \|v\|\^2 = 0"),
    (lambda: hermite_class([[1, 0], [1]], 2), ShapeError, r"V has rows of lengths \[2, 1\]"),
    (lambda: hermite_class([], 2), ShapeError, r"V has rows of lengths \[\]"),
    (lambda: hermite_class([[]], 2), ShapeError, r"V has rows of lengths \[0\]"),
    (lambda: hermite_class([[0.5]], 2), DtypeError, r"V\[0\]\[0\] = 0.5 is of type float"),
    (lambda: hermite_class([[True]], 2), DtypeError, "is of type bool"),
    (lambda: hermite_class([[1]], 0), DomainError, "p = 0"),
    (lambda: equicorrelated(2, HALF).normalised({}), DomainError, r"E h\^2 = 0"),
    (lambda: packing(0, HALF, rng=0), DomainError, "d = 0"),
    (lambda: packing(4, 1, rng=0), DomainError, "epsilon = 1"),
    (lambda: packing(4, -HALF, rng=0), DomainError, "epsilon = -1/2"),
    (lambda: packing(4, HALF, rng=0, size=0), DomainError, "size = 0"),
    (lambda: packing(4, HALF, rng=None), DtypeError, "rng is None"),
    (lambda: eliminated_at_most(HALF, Fraction(1, 4)), DomainError, "tau = 1/2 and epsilon = 1/4"),
    (lambda: eliminated_at_most(-1, 0), DomainError, "tau = -1"),
    (lambda: eliminated_at_most(2, 0), DomainError, "tau = 2"),
    (lambda: eliminated_at_most(1, -HALF), DomainError, "epsilon = -1/2"),
    (lambda: queries_needed(1, HALF, 0), DomainError, "size = 1"),
    (lambda: overlap(1, 3, 2), DomainError, "c = 0.25 and d = 3; Theorem 2 needs c d >= 1"),
    (lambda: tolerance_bound(10**6, 50, 4), DomainError, r"epsilon\^p = .* for q = 1000000, d = 50, p = 4, c = 0.25"),
    (lambda: tolerance_bound(0, 50, 4), DomainError, "q = 0"),
    (lambda: overlap(1, 100, 2, c="1"), DtypeError, "c = '1'"),
])
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
