"""Exact numbers by equality, floats within k units of 2^-52 of the scale, and never a wider tolerance."""

import math
from fractions import Fraction

import flint
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proofs_checks import AtMost, Sides
from proofs_checks.engine.compare import align, compare
from proofs_checks.engine.evidence import EPS, EvidenceError
from proofs_checks.engine.universal import UNIVERSAL, universal
from tests.strategies import dyadics, rationals

counts = st.integers(0, 2**12)
floats = st.floats(-1e6, 1e6)


def numbers(*routes):
    """The arrays in which routes are compared."""
    return [value.middle for value in align(list(routes))]


# ---- floats: the budget is met or it is not

@given(counts, counts)
@example(0, 0)
@example(8, 8)
@example(9, 8)
def test_two_floats_agree_up_to_the_last_unit_of_the_budget(apart, budget):
    found = compare(Sides(left=1.0, right=1.0 + apart * EPS, scale=1.0), budget * EPS)       # both are floats: 1 + n 2^-52
    assert (found.worst, found.agree, found.kind) == (apart * EPS, apart <= budget, "numeric")


@given(dyadics(), dyadics(), st.sampled_from([0.5, 1.0, 6.0]), st.integers(-40, 40))
def test_a_power_of_two_in_the_routes_and_the_scale_changes_nothing(a, b, scale, power):
    factor = 2.0**power
    here, there = Sides(left=a, right=b, scale=scale), Sides(left=a * factor, right=b * factor, scale=scale * factor)
    assert compare(here, 8 * EPS) == compare(there, 8 * EPS)


@given(floats, floats, st.floats(1.0, 1e6))
def test_the_order_of_two_routes_does_not_matter(a, b, scale):
    assert compare(Sides(left=a, right=b, scale=scale), 8 * EPS) == compare(Sides(left=b, right=a, scale=scale), 8 * EPS)


def test_a_scale_per_entry_scales_its_own_entry():
    right = np.array([1 + 4 * EPS, 1024.0])
    found = compare(Sides(left=np.array([1.0, 1024.0]), right=right, scale=np.array([1.0, 1024.0])), 3 * EPS)
    assert (found.worst, found.agree) == (4 * EPS, False)
    assert compare(Sides(left=np.array([1.0, 1024.0]), right=right, scale=1024.0), 3 * EPS).agree


def test_a_scale_of_0_admits_equality_alone():
    assert compare(Sides(left=[0.0, 1.0], right=[-0.0, 1.0], scale=[0.0, 1.0]), EPS).worst == 0
    assert compare(Sides(left=5e-324, right=0.0, scale=0.0), 1e9).worst == math.inf
    assert not compare(Sides(left=5e-324, right=0.0, scale=0.0), 1e9).agree


def test_the_worst_entry_of_the_worst_route_counts():
    routes = {"a": [1.0, 1.0], "b": [1.0, 1 + 2 * EPS], "c": [1 + 8 * EPS, 1.0]}
    assert compare(Sides(**routes, scale=1.0), 9 * EPS).worst == 8 * EPS
    assert not compare(Sides(**routes, scale=1.0), 7 * EPS).agree


# ---- exact numbers: equality

@given(rationals(), rationals())
@example(Fraction(1, 3), Fraction(1, 3))
def test_exact_routes_agree_where_they_are_equal(a, b):
    found = compare(Sides(left=a, right=b), None)
    assert (found.agree, found.kind, found.worst) == (a == b, "exact", float(abs(a - b)))


def test_a_difference_too_small_for_a_float_is_a_difference():
    found = compare(Sides(left=Fraction(1, 10**400), right=0), None)
    assert (found.agree, found.worst) == (False, 5e-324)
    assert not compare(Sides(left=2**53 + 1, right=2**53), None).agree
    assert not compare(Sides(left=[Fraction(1, 3)], right=[Fraction(1, 3) + Fraction(1, 10**30)]), None).agree


def test_the_tolerance_of_a_claim_has_no_hold_on_exact_routes():
    assert not compare(Sides(left=1, right=Fraction(10**9 + 1, 10**9)), 1.0).agree


@pytest.mark.parametrize("third", [
    Fraction(1, 3), flint.fmpq(1, 3), [Fraction(1, 3)], np.array([Fraction(1, 3)], dtype=object), (flint.fmpq(1, 3),), {"key": Fraction(1, 3)},
])
def test_a_third_is_a_third_in_every_exact_type(third):
    (array,) = numbers(third)
    assert array.dtype == object
    assert array.ravel().tolist() == [Fraction(1, 3)]


@pytest.mark.parametrize("two", [2, flint.fmpz(2), np.int64(2), np.uint8(2), np.array([2]), Fraction(2)])
def test_whole_numbers_are_exact_in_every_type(two):
    (array,) = numbers(two)
    assert array.ravel().tolist() == [Fraction(2)]
    assert isinstance(array.ravel()[0], Fraction)


@pytest.mark.parametrize("half", [0.5, np.float64(0.5), np.float32(0.5), [0.5], np.array([0.5], dtype=object), np.array([0.5], dtype=np.float32)])
def test_floats_are_floats_in_every_type(half):
    (array,) = numbers(half)
    assert array.dtype == np.float64
    assert array.ravel().tolist() == [0.5]


def test_one_float_among_exact_numbers_makes_all_of_them_floats():
    left, right = numbers([1, Fraction(1, 4)], [1.0, 0.25])
    assert left.dtype == right.dtype == np.float64
    assert compare(Sides(left=[1, Fraction(1, 4)], right=[1.0, 0.25], scale=1), 0.0).kind == "numeric"


# ---- shapes and mappings

def test_a_missing_key_is_a_0():
    left, right = numbers({(1, 0): 2, (0, 1): 0}, {(1, 0): 2})
    assert left.tolist() == right.tolist() == [0, 2]
    assert compare(Sides(left={(1, 0): 2, (0, 1): 0}, right={(1, 0): 2}), None).agree
    assert not compare(Sides(left={(1, 0): 2, (0, 1): 3}, right={(1, 0): 2}), None).agree


@pytest.mark.parametrize(("left", "right"), [([1, 2], [1, 2, 3]), ([1], 1), ([[1, 2]], [1, 2]), (np.ones((2, 3)), np.ones((3, 2)))])
def test_routes_of_different_shapes_do_not_agree(left, right):
    scale = 1.0 if isinstance(left, np.ndarray) else None
    found = compare(Sides(left=left, right=right, scale=scale), None if scale is None else 1.0)
    assert (found.agree, found.worst) == (False, math.inf)


# ---- inequalities

@given(counts, counts)
@example(8, 8)
@example(9, 8)
def test_a_value_may_exceed_its_bound_by_the_budget_alone(above, budget):
    found = compare(AtMost(value=1.0 + above * EPS, bound=1.0, scale=1.0), budget * EPS)
    assert (found.worst, found.agree) == (above * EPS, above <= budget)


@given(rationals(), rationals())
@example(Fraction(1), Fraction(1))
def test_an_exact_inequality_holds_or_does_not(value, bound):
    found = compare(AtMost(value=value, bound=bound), None)
    assert (found.agree, found.worst) == (value <= bound, float(max(value - bound, 0)))


def test_without_a_scale_an_inequality_is_scaled_by_both_its_sides():
    assert compare(AtMost(value=1.0 + 4 * EPS, bound=1.0), 2 * EPS).agree                     # 4 eps / (2 + 4 eps) < 2 eps
    assert not compare(AtMost(value=1.0 + 5 * EPS, bound=1.0), 2 * EPS).agree


def test_every_entry_of_a_value_is_held_to_its_own_bound():
    assert compare(AtMost(value=[1, 5], bound=[1, 5]), None).agree
    assert compare(AtMost(value=[2, 5], bound=[1, 9]), None).worst == 1


# ---- what cannot be compared

@pytest.mark.parametrize(("evidence", "budget", "message"), [
    (Sides(left=1, right=1, scale=1.0), None, "the routes are exact, so a scale has no meaning; leave it out"),
    (Sides(left=1.0, right=1, scale=1.0), None, "a route holds floats, so the claim needs tol=ulps(k) with k counted from its operations"),
    (AtMost(value=1.0, bound=1), None, "a route holds floats, so the claim needs tol=ulps(k) with k counted from its operations"),
    (Sides(left=1.0, right=1), EPS, "a route holds floats, so Sides needs scale=, the sum of the absolute terms"),
    (Sides(left=math.nan, right=1, scale=1), EPS, "a route holds nan; a NaN or an infinity agrees with nothing"),
    (Sides(left=[1.0, -math.inf], right=[1, 1], scale=1), EPS, "a route holds -inf; a NaN or an infinity agrees with nothing"),
    (Sides(left=1.0, right=1, scale=math.inf), EPS, "scale holds a value that is negative or not finite; it is a sum of absolute terms"),
    (Sides(left=1.0, right=1, scale=[1.0, 1.0]), EPS, "scale has shape (2,) but the routes have shape (); a scale is a number or one an entry"),
    (Sides(left={0: 1}, right=[1]), None, "one route is a mapping and another is not; give all in one form"),
    *((Sides(left=value, right=1), None, f"a route holds {shown} of type {kind}; return numbers: int, Fraction, fmpq, arb, float or arrays of them")
      for value, shown, kind in [(None, None, "NoneType"), ("x", "'x'", "str"), (True, True, "bool"), (np.True_, "np.True_", "bool"),
                                 (1j, 1j, "complex"), ([[1, 2], [3]], [1, 2], "list")]),
])
def test_what_cannot_be_compared_says_what_to_return(evidence, budget, message):
    with pytest.raises(EvidenceError) as error:
        compare(evidence, budget)
    assert str(error.value) == message


# ---- the universal variants, as functions of a value

@given(st.lists(st.integers(-9, 9), min_size=1, max_size=4))
def test_what_each_universal_variant_does_to_a_vector(v):
    (value,) = numbers(v)
    got = {name: transform(value) for name, transform in UNIVERSAL.items()}
    assert got.pop("transpose") is None
    assert {name: wrong.tolist() for name, wrong in got.items()} == {
        "zero": [0] * len(v), "sign": [-x for x in v], "factor 2": [2 * x for x in v], "shift by one": [v[-1], *v[:-1]]}


def test_what_the_rearrangements_do_to_a_matrix_and_a_number():
    (matrix,), (number,) = numbers([[1, 2, 3], [4, 5, 6]]), numbers(7)
    assert UNIVERSAL["transpose"](matrix).tolist() == [[1, 4], [2, 5], [3, 6]]
    assert UNIVERSAL["shift by one"](matrix).tolist() == [[3, 1, 2], [6, 4, 5]]
    assert UNIVERSAL["shift by one"](number).tolist() == 8
    assert UNIVERSAL["transpose"](number) is None


def test_a_universal_variant_changes_one_route_and_keeps_the_others_and_the_scale():
    found = dict(universal(Sides(left=[1.0, 2.0], right=[1.0, 2.0], scale=3.0)))
    assert list(found) == [f"{name}: {route}" for route in ("left", "right") for name in ("zero", "sign", "factor 2", "shift by one")]
    assert found["sign: right"].routes["left"].middle.tolist() == [1.0, 2.0]
    assert found["sign: right"].routes["right"].middle.tolist() == [-1.0, -2.0]
    assert {wrong.scale for wrong in found.values()} == {3.0}


def test_a_universal_variant_of_a_mapping_is_one_of_the_vector_of_its_values():
    found = dict(universal(Sides(left={"a": 1, "b": 2}, right={"b": 2, "a": 1})))
    assert found["shift by one: left"].routes["left"].middle.tolist() == [2, 1]
