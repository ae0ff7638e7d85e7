"""The game of queries, the counts of Lemma 5 against random queries, and everything that is refused: a learner cannot cheat."""

from collections.abc import Mapping
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl.errors import DomainError, DtypeError, NonFiniteError
from refimpl.lower_bounds import queries
from refimpl.lower_bounds.queries import (
    adversary,
    ascent,
    by_groups,
    eliminated_at_most,
    gram_class,
    honest,
    play,
    queries_needed,
)
from tests.lower_bounds.test_function_class import HALF, equicorrelated, normalised_signs
from tests.strategies import seeds

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
    with pytest.raises(DomainError, match=r"E h\^2 = 4; a query must have 0 <= E h\^2 <= 1"):
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


# ---- learners that cheat, or err

def asks(*combinations, then=None):
    """A learner of these queries and this output."""
    def learner(F, tau):
        for h in combinations:
            _ = yield h
        return {0: 1} if then is None else then

    return learner


class Shrinking(Mapping):
    """A query that is short when its norm is taken and long afterwards."""

    def __init__(self):
        self.read = 0

    def __getitem__(self, name):
        self.read += 1
        return 1 if self.read == 1 else 1000

    def __iter__(self):
        return iter([0])

    def __len__(self):
        return 1


def test_a_query_that_changes_while_it_is_read_is_read_once():
    h = Shrinking()
    assert play(asks(h), equicorrelated(3, Fraction(0)), honest(0), HALF).eliminated == (2,)
    assert h.read == 1


def test_a_query_that_is_changed_after_the_answer_and_asked_again():
    """It is looked at anew each time."""
    def learner(F, tau):
        h = {0: 1}
        yield h
        h[0] = 2
        yield h
        return h

    with pytest.raises(DomainError, match=r"E h\^2 = 4"):
        play(learner, equicorrelated(3, HALF), adversary, HALF)


@given(seed=seeds)
def test_a_query_that_is_repeated_tells_nothing_new(seed):
    F, _ = normalised_signs(seed)
    h = F.normalised(dict.fromkeys(F.members, 1))
    once, twice = (play(asks(*[h] * many, then={}), F, adversary, Fraction(1, 9)) for many in (1, 2))
    assert twice.losses == once.losses
    assert twice.eliminated == (*once.eliminated, 0)


def test_a_learner_cannot_change_the_class():
    def learner(F, tau):
        F.inner = lambda s, t: Fraction(1)
        yield {0: 1}
        return {0: 1}

    with pytest.raises(AttributeError, match="inner"):
        play(learner, equicorrelated(3, HALF), adversary, HALF)


def test_an_oracle_that_stops_is_not_a_learner_that_has_finished():
    with pytest.raises(StopIteration):
        play(by_groups, equicorrelated(3, HALF), lambda F, left, h, tau: next(iter(())), HALF)


def test_answers_in_floats_are_the_fractions_they_are():
    """1/3 + 1/10 as a float is not within 1/10 of 1/3."""
    F = gram_class([[1, Fraction(1, 3)], [Fraction(1, 3), 1]])
    assert Fraction(1 / 3 + 0.1) - Fraction(1, 3) > Fraction(1, 10)
    with pytest.raises(DomainError, match="lies within tau = 1/10 of no function"):
        play(asks({0: 1}), F, lambda F, left, h, tau: 1 / 3 + 0.1, Fraction(1, 10))


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(("learner", "error", "message"), [
    (asks({0: NAN}), NonFiniteError, r"the query\[0\] = nan; the query\[0\] must be finite"),
    (asks({0: -INF}), NonFiniteError, r"the query\[0\] = -inf"),
    (asks({0: "1"}), DtypeError, r"the query\[0\] = '1' is of type str"),
    (asks({0: True}), DtypeError, r"the query\[0\] = True is of type bool"),
    (asks({0: 1j}), DtypeError, r"the query\[0\] = 1j is of type complex"),
    (asks([0]), DtypeError, "the query is of type list; the query must be a combination"),
    (asks(None), DtypeError, "the query is of type NoneType"),
    (asks({-1: 1}), DomainError, "-1 names no function of this class"),
    (asks({0: 1 + 1e-15}), DomainError, r"E h\^2 = .*; a query must have 0 <= E h\^2 <= 1"),
    (asks(then=7), DtypeError, "the output is of type int; the output must be a combination"),
    (asks(then={0: NAN}), NonFiniteError, r"the output\[0\] = nan"),
    (asks(then={3: 1}), DomainError, "3 names no function of this class"),
    (lambda F, tau: {0: 1}, DtypeError, "the learner returned a dict; it must be a generator"),
    (lambda F, tau: None, DtypeError, "the learner returned a NoneType"),
    (ascent, DtypeError, "0 is the first name of the class; ascent flips the signs of a direction"),
])
def test_what_a_learner_may_not_do(learner, error, message):
    with pytest.raises(error, match=message):
        play(learner, equicorrelated(3, HALF), adversary, HALF)


def test_a_gram_matrix_that_is_none_is_found_by_a_query_with_a_negative_square():
    """E f_0^2 + 2 E[f_0 f_1] + E f_1^2 = 1 - 4 + 1, at which any correlation could be asked for."""
    with pytest.raises(DomainError, match=r"E h\^2 = -2; a query must have 0 <= E h\^2 <= 1"):
        play(asks({0: 1, 1: 1}), gram_class([[1, -2], [-2, 1]]), adversary, HALF)


@pytest.mark.parametrize(("answer", "error", "message"), [(NAN, NonFiniteError, "the answer = nan"), (None, DtypeError, "the answer = None is of type NoneType")])
def test_what_an_oracle_may_not_say(answer, error, message):
    with pytest.raises(error, match=message):
        play(by_groups, equicorrelated(3, HALF), lambda F, left, h, tau: answer, HALF)


@pytest.mark.parametrize(("tau", "error", "message"), [(-HALF, DomainError, "tau = -1/2; a tolerance must be at least 0"), (NAN, NonFiniteError, "tau = nan")])
def test_a_tolerance_is_at_least_0(tau, error, message):
    with pytest.raises(error, match=message):
        play(by_groups, equicorrelated(3, HALF), adversary, tau)


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


def test_all_names_can_be_imported_from_the_module_of_queries():
    assert {name for name in queries.__all__ if not hasattr(queries, name)} == set()


# ---- bad input

@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda: eliminated_at_most(HALF, Fraction(1, 4)), DomainError, "tau = 1/2 and epsilon = 1/4"),
    (lambda: eliminated_at_most(-1, 0), DomainError, "tau = -1"),
    (lambda: eliminated_at_most(2, 0), DomainError, "tau = 2"),
    (lambda: eliminated_at_most(1, -HALF), DomainError, "epsilon = -1/2"),
    (lambda: queries_needed(1, HALF, 0), DomainError, "size = 1"),
])
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
