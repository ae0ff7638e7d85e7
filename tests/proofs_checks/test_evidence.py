"""What an entry returns, and the rounding budget."""

import flint
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs_checks import AtMost, Frequency, Instead, Sides, ulps
from proofs_checks.engine import instances
from proofs_checks.engine.evidence import EPS, EvidenceError
from proofs_checks.engine.run import PRECISION
from proofs_checks.papers.dls22 import certainty

whole = st.integers(-9, 9)


def frequency(discrepancy=0.1, **claimed):
    return Frequency(happens=lambda rng, n: rng.random(n) < 0.5, discrepancy=discrepancy, **claimed)


def test_routes_are_named_by_keyword_and_positional_ones_are_left_and_right():
    assert Sides(1, 2).routes == {"left": 1, "right": 2}
    assert Sides(stein=1, series=2, table=3).routes == {"stein": 1, "series": 2, "table": 3}
    assert list(Sides(1, series=2).routes) == ["left", "series"]
    assert AtMost(value=1, bound=2).routes == {"value": 1, "bound": 2}


@pytest.mark.parametrize(("make", "message"), [
    (Sides, "Sides got 0 route; a check compares two that share no code"),
    (lambda: Sides(1), "Sides got 1 route; a check compares two that share no code"),
    (lambda: Sides(stein=1, scale=1), "Sides got 1 route; a check compares two that share no code"),
    (lambda: Sides(1, 2, 3), "Sides got 3 routes without a name; name them: Sides(stein=..., series=...)"),
    (Instead, "Instead got no route; name the one that is wrong: Instead(series=...)"),
    (lambda: Sides(1, 2).instead({"series": 3}), "Instead names the route 'series'; this entry has left, right"),
    (lambda: AtMost(value=1, bound=2).instead({"left": 3}), "Instead names the route 'left'; this entry has value, bound"),
    (frequency, "Frequency takes either probability=, what it is known to be, or bound=, what it is at most"),
    (lambda: frequency(probability=0.5, bound=0.5), "Frequency takes either probability=, what it is known to be, or bound=, what it is at most"),
    (lambda: frequency(bound=0.5, discrepancy=0), "Frequency got discrepancy=0; it is a difference of probabilities, such as 0.01"),
    (lambda: frequency(bound=0.5, discrepancy=1.5), "Frequency got discrepancy=1.5; it is a difference of probabilities, such as 0.01"),
    (lambda: frequency(bound=0.5).instead({"probability": 3}), "Instead names the route 'probability'; this entry has bound, frequency_in_samples"),
])
def test_a_mistake_says_what_to_write(make, message):
    with pytest.raises(EvidenceError) as error:
        make()
    assert str(error.value) == message


def test_a_route_that_is_given_twice_is_refused():
    try:
        sides = Sides(1, left=2, right=3)
    except (EvidenceError, TypeError):
        return
    assert list(sides.routes.values()) == [1, 2, 3]


@given(whole, whole, whole)
def test_instead_replaces_one_route_and_leaves_the_entry_as_it_was(a, b, c):
    sides, at_most = Sides(left=a, right=b, scale=7), AtMost(value=a, bound=b, scale=7)
    assert (sides.instead({"right": c}).routes, sides.instead({"right": c}).scale) == ({"left": a, "right": c}, 7)
    assert (at_most.instead({"value": c}).routes, at_most.instead({"value": c}).scale) == ({"value": c, "bound": b}, 7)
    assert isinstance(at_most.instead({"bound": c}), AtMost)
    assert sides.routes == {"left": a, "right": b}
    assert at_most.routes == {"value": a, "bound": b}


@given(st.integers(0, 2**20))
def test_a_budget_counts_units_in_the_last_place_of_1(count):
    assert np.spacing(1.0) == EPS == 2.0**-52
    assert ulps(count).at(None) == count * 2.0**-52
    assert ulps(lambda at: at + 1).at(count) == (count + 1) * 2.0**-52


@given(whole, whole)
def test_instead_replaces_a_probability_and_keeps_the_event(a, b):
    for claimed in ("probability", "bound"):
        evidence = frequency(**{claimed: a})
        other = evidence.instead({claimed: b})
        assert (other.routes, other.claimed) == ({claimed: b, "frequency_in_samples": None}, claimed)
        assert (other.happens, other.discrepancy, other.at_most) == (evidence.happens, 0.1, 2_000_000)
        assert evidence.routes == {claimed: a, "frequency_in_samples": None}


def test_closed_form_constants_are_enclosed_to_100_bits(monkeypatch):
    """At the runner's precision every ball of the constants is narrower than 2^-100 of its middle."""
    monkeypatch.setattr(flint.ctx, "prec", PRECISION)
    drawn = instances.draw(certainty.constants.given, 40, np.random.default_rng(0))
    balls = [ball for at in drawn for ball in certainty.constants.body(at).routes["arb"]]
    assert len(balls) > 50
    assert min(ball.rel_accuracy_bits() for ball in balls) >= 100
