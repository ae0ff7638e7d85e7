"""The checker checked: entries that are wrong in every way there is are rejected, and a slip in refimpl turns the audit red."""

import math
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import strategies as st

from proofs_checks import AtMost, AtMostOn, Frequency, Instead, Paper, Proof, Sampled, Scaling, Sides, ulps
from proofs_checks.engine import run
from proofs_checks.engine.claims import RegistryError
from proofs_checks.engine.commands import exit_code
from proofs_checks.engine.compare import align
from proofs_checks.engine.mutate import mutate_source
from proofs_checks.engine.run import audit_one
from proofs_checks.engine.select import check_needs
from proofs_checks.engine.statistics import binomial_samples
from proofs_checks.engine.universal import UNIVERSAL
from proofs_checks.instances import family
from proofs_checks.papers import papers
from refimpl import hermite, initial, polynomials, population
from refimpl.activations import Activation
from refimpl.data.targets import Target
from refimpl.network import Gradients, Network
from tests.proofs_checks.planted import off_by_half, off_by_one, planted, same, same_floats


def squares(at):
    """k^2 = k, which is right at k = 1."""
    return Sides(left=at.k**2, right=at.k)


def raises(at):
    return Sides(left=at.k, right=at.k + 0 // (at.k - 3))



def random(rng, k):
    return {"x": rng.standard_normal(2)}


def broken(rng, k):
    return {"x": 1 // (k - k)}


# ---- entries that are wrong in one way each

def case(name, claim, verdict, note):
    return pytest.param(claim, verdict, note, id=name)


NOT_APART = "not told apart: "
EVERY_UNIVERSAL = ", ".join(f"{name}: {route}" for route in ("left", "right") for name in ("zero", "sign", "factor 2", "shift by one"))
FLOATS = "a route holds floats, so the claim needs tol=ulps(k) with k counted from its operations"
CASES = [
    # the statement is false
    case("a wrong formula", planted(squares, off_by_one), "REFUTED", "the routes disagree"),
    case("a wrong formula with a repair", planted(squares, off_by_one, erratum="k for k^2", as_printed=off_by_one), "REFUTED", "k for k^2"),
    case("wrong at one instance of five", planted(lambda at: Sides(left=at.k, right=at.k + (at.k == 4)), off_by_one), "REFUTED", "the routes disagree"),
    case("off by 1e-9", planted(lambda at: Sides(left=at.k * (1 + 1e-9), right=at.k, scale=at.k), off_by_half, tol=ulps(64)), "REFUTED", "the routes disagree"),
    case("off by 1e-30, exactly", planted(lambda at: Sides(left=at.k + Fraction(1, 10**30), right=at.k), off_by_one), "REFUTED", "the routes disagree"),
    case("one of three routes", planted(lambda at: Sides(left=at.k, right=at.k, third=at.k + 1), off_by_one), "REFUTED", "the routes disagree"),
    case("a missing key that is not 0", planted(lambda at: Sides(left={1: at.k, 2: at.k}, right={1: at.k})), "REFUTED", "the routes disagree"),
    case("an inequality that is violated", planted(lambda at: AtMost(value=at.k, bound=4), lambda at: Instead(value=9)), "REFUTED", "the routes disagree"),
    case("a finite core that is wrong", planted(squares, out_of_reach="a limit"), "REFUTED", "its finite core fails at k = 2"),

    # the check cannot fail
    case("an erratum whose printed form is right", planted(same, off_by_one, erratum="none", as_printed=lambda at: Instead(right=at.k)),
         "VACUOUS", NOT_APART + "as printed"),
    case("a variant that is not told apart", planted(same, off_by_one, lambda at: Instead(left=at.k)), "VACUOUS", NOT_APART + "slip 2"),
    case("two that are not", planted(same, lambda at: Instead(left=at.k), lambda at: Instead(right=at.k)), "VACUOUS", NOT_APART + "slip 1, slip 2"),
    case("a tolerance that lets everything through", planted(same_floats, lambda at: Instead(right=1e9), tol=ulps(2**56)),
         "VACUOUS", NOT_APART + EVERY_UNIVERSAL),
    case("both routes 0", planted(lambda at: Sides(left=0, right=0), off_by_one), "VACUOUS",
         NOT_APART + "zero: left, sign: left, factor 2: left, zero: right, sign: right, factor 2: right"),
    case("routes without an entry", planted(lambda at: Sides(left=[], right=[]), lambda at: Instead(left=[1], right=[2])), "VACUOUS",
         NOT_APART + "zero: left, sign: left, factor 2: left, zero: right, sign: right, factor 2: right"),
    case("a bound never nearly reached", planted(lambda at: AtMost(value=at.k, bound=11), lambda at: Instead(value=12)), "VACUOUS",
         NOT_APART + "factor 2: bound"),
    case("no variants at all", planted(same), "VACUOUS", "it has no wrong variant, so nothing shows that it can fail"),

    # nothing was tested
    case("an empty axis", planted(same, off_by_one, given=family(k=[])), "VACUOUS", "its strategy yields no instance, so nothing was tested"),
    case("an empty axis of a random family", planted(same, off_by_one, given=family(random, k=[])), "VACUOUS",
         "its strategy yields no instance, so nothing was tested"),
    case("a strategy without instances", planted(same, off_by_one, given=st.nothing()), "VACUOUS",
         "its strategy yields no instance, so nothing was tested"),
    case("a filter that nothing passes", planted(same, off_by_one, given=st.integers().filter(lambda k: k != k)), "VACUOUS",
         "its strategy yields no instance, so nothing was tested"),

    # the entry cannot be run
    case("a body that raises", planted(raises, off_by_one), "VACUOUS", "its body raised ZeroDivisionError at k = 3: integer division or modulo by zero"),
    case("a body that returns nothing", planted(lambda at: None, off_by_one), "VACUOUS", "its body returned NoneType; it must return Sides, AtMost, Sampled, Frequency or Scaling"),
    case("a body that returns one route", planted(lambda at: Sides(left=at.k), off_by_one), "VACUOUS",
         "its body raised EvidenceError at k = 1: Sides got 1 route; a check compares two that share no code"),
    case("a variant that raises", planted(same, raises), "VACUOUS",
         "the variant 'slip 1' raised ZeroDivisionError at k = 3: integer division or modulo by zero; a variant returns its wrong value"),
    case("a variant that returns a number", planted(same, lambda at: 3), "VACUOUS",
         "the variant 'slip 1' returned int; it must return Instead, or evidence of the entry's kind"),
    case("Instead of an unknown route", planted(same, lambda at: Instead(rigth=1)), "VACUOUS",
         "Instead names the route 'rigth'; this entry has left, right"),
    case("a variant that returns NaN", planted(same_floats, lambda at: Instead(left=math.nan), tol=ulps(4)), "VACUOUS",
         "the variant 'slip 1' cannot be compared at k = 1: a route holds nan; a NaN or an infinity agrees with nothing"),

    # what it returns cannot be compared
    case("NaN", planted(lambda at: Sides(left=math.nan, right=1.0, scale=1), off_by_half, tol=ulps(4)), "VACUOUS",
         "a route holds nan; a NaN or an infinity agrees with nothing"),
    case("infinity", planted(lambda at: Sides(left=math.inf, right=math.inf, scale=1), off_by_half, tol=ulps(4)), "VACUOUS",
         "a route holds inf; a NaN or an infinity agrees with nothing"),
    case("floats without tol", planted(same_floats, off_by_half), "VACUOUS", FLOATS),
    case("an int against a float", planted(lambda at: Sides(left=at.k, right=float(at.k)), off_by_one), "VACUOUS", FLOATS),
    case("floats without scale", planted(lambda at: Sides(left=float(at.k), right=float(at.k)), off_by_half, tol=ulps(4)), "VACUOUS",
         "a route holds floats, so Sides needs scale=, the sum of the absolute terms"),
    case("exact with scale", planted(lambda at: Sides(left=at.k, right=at.k, scale=1), off_by_one), "VACUOUS",
         "the routes are exact, so a scale has no meaning; leave it out"),
    case("a negative scale", planted(lambda at: Sides(left=1.0, right=1.0, scale=-1.0), off_by_half, tol=ulps(4)), "VACUOUS",
         "scale holds a value that is negative or not finite; it is a sum of absolute terms"),
    case("a scale of another shape", planted(lambda at: Sides(left=[1.0, 2.0], right=[1.0, 2.0], scale=[1, 1, 1]), off_by_half, tol=ulps(4)), "VACUOUS",
         "scale has shape (3,) but the routes have shape (2,); a scale is a number or one an entry"),
    case("a mapping against a list", planted(lambda at: Sides(left={0: 1}, right=[1]), off_by_one), "VACUOUS",
         "one route is a mapping and another is not; give all in one form"),
    case("a word", planted(lambda at: Sides(left="k", right="k"), off_by_one), "VACUOUS",
         "a route holds 'k' of type str; return numbers: int, Fraction, fmpq, arb, float or arrays of them"),
    case("a truth value", planted(lambda at: Sides(left=True, right=True), off_by_one), "VACUOUS",
         "a route holds True of type bool; return numbers: int, Fraction, fmpq, arb, float or arrays of them"),
]


@pytest.mark.parametrize(("claim", "verdict", "note"), CASES)
def test_a_planted_error_is_rejected_and_says_why(claim, verdict, note):
    result = audit_one(claim)
    assert (result.verdict, result.note) == (verdict, note)
    assert exit_code([result]) == 1


def test_the_healthy_entries_that_these_are_made_of_hold():
    exact, numeric = audit_one(planted(same, off_by_one)), audit_one(planted(same_floats, off_by_half, tol=ulps(4)))
    assert (exact.verdict, exact.evidence, numeric.verdict, numeric.evidence) == ("HOLDS", "exact", "HOLDS", "numeric")
    assert exit_code([exact, numeric]) == 0


def test_a_refutation_shows_the_smallest_witness_and_the_largest_gap():
    result = audit_one(planted(squares, off_by_one))
    assert (result.witness, result.worst) == ("k = 2", 5**2 - 5)


def test_a_printed_formula_right_at_all_instances_but_one_is_amended_with_that_one():
    result = audit_one(planted(same, off_by_one, erratum="k", as_printed=lambda at: Instead(right=at.k + (at.k == 4))))
    assert (result.verdict, result.witness) == ("AMENDED", "k = 4")
    assert result.as_expected


def test_an_erratum_without_repair_expects_the_printed_formula_to_fail():
    false, true = audit_one(planted(squares, erratum="no repair")), audit_one(planted(same, off_by_one, erratum="no repair"))
    assert (false.verdict, exit_code([false])) == ("REFUTED", 0)
    assert (true.verdict, exit_code([true])) == ("HOLDS", 1)


def test_one_bad_entry_among_many_fails_the_run():
    good, bad = audit_one(planted(same, off_by_one)), audit_one(planted(same))
    assert exit_code([good] * 9 + [bad]) == 1


# ---- reported, not raised

BUGS = [
    case("routes of different shapes", planted(lambda at: Sides(left=[1, 2], right=[1, 2, 3]), off_by_one), "REFUTED",
         r"left has shape (2,) but right has shape (3,)"),
    case("a variant of another shape", planted(lambda at: Sides(left=[at.k, 1], right=[at.k, 1]), lambda at: Instead(right=at.k)), "VACUOUS",
         "slip 1"),
    case("a whole number beyond the floats", planted(lambda at: Sides(left=10**400 + at.k, right=10**400 + at.k), off_by_one), "HOLDS",
         ""),
    case("a tolerance that raises", planted(same_floats, off_by_half, tol=ulps(lambda at: at.d)), "VACUOUS",
         "the instance has no 'd'"),
    case("a scale that is no number", planted(lambda at: Sides(left=1.0, right=1.0, scale="k"), off_by_half, tol=ulps(4)), "VACUOUS",
         "scale"),
    case("arrays that do not stack", planted(lambda at: Sides(left=[np.ones((2, 2)), np.ones((2, 3))], right=1), off_by_one), "VACUOUS",
         "shape"),
    case("keys of two kinds", planted(lambda at: Sides(left={"a": 1, 2: 1}, right={"a": 1, 2: 1}), lambda at: Instead(right={"a": 1, 2: 2})), "HOLDS",
         ""),
    case("a family that raises", planted(same, off_by_one, given=family(broken, k=(1, 2))), "VACUOUS",
         "ZeroDivisionError at k = 1"),
    case("a family without a call", planted(same, off_by_one, given=family), "VACUOUS",
         "given"),
    case("a list for a strategy", planted(same, off_by_one, given=[1, 2]), "VACUOUS",
         "given"),
    case("a finite core that raises", planted(raises, out_of_reach="a limit"), "VACUOUS",
         "ZeroDivisionError"),
    case("a finite core that cannot fail", planted(same, lambda at: Instead(left=at.k), out_of_reach="a limit"), "VACUOUS",
         NOT_APART + "slip 1"),
    case("no finite core", planted(lambda at: None, out_of_reach="a limit"), "OUT OF REACH", "a limit"),
    case("a negative bound, attained", planted(lambda at: AtMost(value=-at.k, bound=-1), lambda at: Instead(value=0)), "HOLDS", ""),
    case("one bound for several values", planted(lambda at: AtMost(value=[at.k, 1], bound=5), lambda at: Instead(value=[6, 6])), "HOLDS", ""),
]


@pytest.mark.parametrize(("claim", "verdict", "note"), BUGS)
def test_what_an_author_may_write_gets_a_verdict_and_a_sentence(claim, verdict, note):
    result = audit_one(claim)
    assert result.verdict == verdict
    assert note in result.note


# ---- declarations that are refused

def test_a_printed_form_needs_an_erratum():
    message = r"PLANTED/entry has a printed form beside its body but no erratum; claim\(..., erratum='what is wrong as printed'\)"
    with pytest.raises(RegistryError, match=f"^{message}$"):
        planted(same, off_by_one, as_printed=off_by_one)


def test_a_slug_is_declared_once():
    paper = Paper("PLANTED", title="planted", version="planted text")
    planted(same, paper=paper)
    with pytest.raises(RegistryError, match=r"^PLANTED/entry is declared twice; a slug is the statement's own number$"):
        planted(same, paper=paper)


def test_a_variant_is_declared_once():
    claim = planted(same, off_by_one)
    with pytest.raises(RegistryError, match=r"^PLANTED/entry has two variants named 'slip 1'; a variant is known by the slip it makes$"):
        claim.refutes("slip 1")


def test_a_profile_is_quick_or_full():
    with pytest.raises(RegistryError, match=r"^PLANTED/entry has profile='nightly'; it must be 'quick' or 'full'$"):
        planted(same, profile="nightly")


def test_a_need_that_nobody_declares_is_named_with_the_nearest():
    claim = planted(same, off_by_one, needs=["PLANTED/entri"])
    with pytest.raises(RegistryError, match=r"^PLANTED/entry needs PLANTED/entri, which no entry declares; did you mean PLANTED/entry\?$"):
        check_needs([claim], [claim])


# ---- the universal variants

VALUES = {
    "scalar": lambda k: k,
    "vector": lambda k: [k, 2, -k],
    "rectangular matrix": lambda k: [[k, 2, 0], [1, 5, -k]],
    "square matrix": lambda k: [[k, 2], [-7, 4]],
}
TRIED = {
    "scalar": {"zero", "sign", "factor 2", "shift by one"},
    "vector": {"zero", "sign", "factor 2", "shift by one"},
    "rectangular matrix": set(UNIVERSAL),
    "square matrix": set(UNIVERSAL),
}
KINDS = {
    "exact": (lambda value: value, {}, None),
    "float": (lambda value: np.array(value, dtype=float), {"tol": ulps(8)}, 10.0),
}


def wrong(name, value):
    """What a universal variant makes of a value; None where its shape has no such variant."""
    changed = UNIVERSAL[name](align([value])[0].middle)
    return None if changed is None else np.asarray(changed).tolist()


shapes, kinds = pytest.mark.parametrize("shape", VALUES), pytest.mark.parametrize("kind", KINDS)


def of(left, right, kind, **more):
    """An entry whose routes are these functions of k."""
    form, keywords, scale = KINDS[kind]
    return planted(lambda at: Sides(left=form(left(at.k)), right=form(right(at.k)), scale=scale),
                   lambda at: Instead(left=form(np.multiply(5, left(at.k)))), **keywords, **more)


@shapes
@kinds
def test_every_universal_variant_of_every_route_is_tried_and_caught(shape, kind):
    result = audit_one(of(VALUES[shape], VALUES[shape], kind))
    assert result.verdict == "HOLDS"
    assert {v.name for v in result.universal} == {f"{name}: {route}" for name in TRIED[shape] for route in ("left", "right")}
    assert all(v.caught for v in result.universal)


@shapes
@kinds
@pytest.mark.parametrize("name", UNIVERSAL)
def test_a_route_that_makes_a_universal_slip_is_refuted(shape, kind, name):
    if name not in TRIED[shape]:
        assert wrong(name, VALUES[shape](1)) is None
        return
    result = audit_one(of(VALUES[shape], lambda k: wrong(name, VALUES[shape](k)), kind))
    assert result.verdict == "REFUTED"


EQUAL = [
    ("transpose", lambda k: [[1, k, 2], [k, 7, 3], [2, 3, 4]], "a symmetric matrix"),
    ("transpose", lambda k: [[k]], "a matrix of one entry"),
    ("shift by one", lambda k: [k, k, k], "a constant vector"),
    ("shift by one", lambda k: [k], "a vector of one entry"),
    ("shift by one", lambda k: [[k], [2]], "a column"),
    ("shift by one", lambda k: [[k, k], [2, 2]], "a matrix of constant rows"),
]


@kinds
@pytest.mark.parametrize(("name", "value"), [pytest.param(name, value, id=f"{name} of {what}") for name, value, what in EQUAL])
def test_a_rearrangement_that_changes_nothing_is_not_counted(name, value, kind):
    result = audit_one(of(value, value, kind))
    assert result.verdict == "HOLDS"
    assert name not in {v.name.partition(":")[0] for v in result.universal}


def test_a_matrix_that_is_symmetric_up_to_rounding_has_no_transpose():
    result = audit_one(of(lambda k: [[1.0, k], [k, 2.0]], lambda k: [[1.0, k * (1 + 2.0**-52)], [k, 2.0]], "float"))
    assert result.verdict == "HOLDS"
    assert not [v for v in result.universal if v.name.startswith("transpose")]


def test_a_matrix_that_is_symmetric_at_some_instances_has_its_transpose_told_apart_at_the_others():
    skewed = lambda k: [[1, 2], [2 + (k == 5), 3]]  # noqa: E731
    result = audit_one(of(skewed, skewed, "exact"))
    assert [v.caught for v in result.universal if v.name.startswith("transpose")] == [True, True]


def test_of_an_inequality_the_bound_is_made_too_small_and_nothing_else():
    result = audit_one(planted(lambda at: AtMost(value=at.k, bound=5), lambda at: Instead(value=6)))
    assert [(v.name, v.caught) for v in result.universal] == [("zero: bound", True), ("sign: bound", True), ("factor 2: bound", True)]


# ---- the other kinds of evidence: proved, statistical, scaling

def normal(truth, discrepancy=0.5, **more):
    """The mean of N(1, 1) is truth."""
    return Sampled(draw=lambda rng, n: 1 + rng.standard_normal(n), truth=truth, variance=1.0, discrepancy=discrepancy, **more)


def event(discrepancy=0.05, **claimed):
    """An event of probability 0.3."""
    return Frequency(happens=lambda rng, n: rng.random(n) < 0.3, discrepancy=discrepancy, **claimed)


def rare(p, **claimed):
    """An event of probability p."""
    return Frequency(happens=lambda rng, n: rng.random(n) < p, discrepancy=0.05, **claimed)


def law(exponent):
    """1 / size, with two percent of noise."""
    return Scaling(sizes=(64, 128, 256, 512), measure=lambda rng, size: (1 + 0.02 * rng.random()) / size, exponent=exponent)


def under(bound):
    """x^2 is at most bound on [0, 1]."""
    return AtMostOn(box=[(0, 1)], value=lambda x: x * x, bound=lambda x: bound)


def line(at):
    """(x + k)(x - k) = x^2 - k^2, of degree 2 in x."""
    return Sides(product=(at.x + at.k) * (at.x - at.k), difference=at.x**2 - at.k**2)


def through(points, degree, body=line, **more):
    return planted(body, lambda at: Instead(difference=at.x**2 - at.k), given=family(k=(2, 3), x=(0, points - 1)),
                   proof=Proof(over="all x", parameter="x", degree=lambda at: degree, because="squares"), **more)


ONCE = family(k=(1, 1))
OTHER_KINDS = [
    ("a mean", planted(lambda at: normal(1.0), lambda at: Instead(truth=2.0), given=ONCE, false_alarm=1e-8), "CONSISTENT", "statistical", 0),
    ("a wrong mean", planted(lambda at: normal(1.5), lambda at: Instead(truth=3.0), given=ONCE, false_alarm=1e-8), "REFUTED", "statistical", 1),
    ("a mean whose variant is too near", planted(lambda at: normal(1.0), lambda at: Instead(truth=1.001), given=ONCE, false_alarm=1e-8),
     "VACUOUS", "statistical", 1),
    ("a mean that may draw too little", planted(lambda at: normal(1.0, at_most=100), lambda at: Instead(truth=2.0), given=ONCE, false_alarm=1e-8),
     "INCONCLUSIVE", "statistical", 3),
    ("a mean that does not say what it spends", planted(lambda at: normal(1.0), lambda at: Instead(truth=2.0), given=ONCE), "VACUOUS", "none", 1),
    ("a probability", planted(lambda at: event(probability=0.3), lambda at: Instead(probability=0.4), given=ONCE, false_alarm=1e-8),
     "CONSISTENT", "statistical", 0),
    ("a wrong probability", planted(lambda at: event(probability=0.4), lambda at: Instead(probability=0.6), given=ONCE, false_alarm=1e-8),
     "REFUTED", "statistical", 1),
    ("no probability at all", planted(lambda at: event(probability=1.3), lambda at: Instead(probability=0.6), given=ONCE, false_alarm=1e-8),
     "REFUTED", "statistical", 1),
    ("a probability whose variant is too near", planted(lambda at: event(probability=0.3), lambda at: Instead(probability=0.301), given=ONCE,
                                                        false_alarm=1e-8), "VACUOUS", "statistical", 1),
    ("a probability that may draw too little", planted(lambda at: event(probability=0.3, at_most=100), lambda at: Instead(probability=0.4), given=ONCE,
                                                       false_alarm=1e-8), "INCONCLUSIVE", "statistical", 3),
    ("a probability that does not say what it spends", planted(lambda at: event(probability=0.3), lambda at: Instead(probability=0.4), given=ONCE),
     "VACUOUS", "none", 1),
    ("a bound of a probability", planted(lambda at: event(bound=0.35), lambda at: Instead(bound=0.2), given=ONCE, false_alarm=1e-8),
     "CONSISTENT", "statistical", 0),
    ("a bound that is exceeded", planted(lambda at: event(bound=0.2), lambda at: Instead(bound=0.1), given=ONCE, false_alarm=1e-8),
     "REFUTED", "statistical", 1),
    ("a bound of another event", planted(lambda at: event(bound=0.35), lambda at: rare(0.5, bound=0.35), given=ONCE, false_alarm=1e-8),
     "CONSISTENT", "statistical", 0),
    ("a bound far above the probability", planted(lambda at: rare(0.01, bound=0.35), lambda at: Instead(bound=0.001), given=ONCE, false_alarm=1e-8),
     "VACUOUS", "statistical", 1),
    ("a law", planted(lambda at: law(-1.0), lambda at: Instead(exponent=-0.5), given=ONCE, false_alarm=1e-8), "CONSISTENT", "scaling", 0),
    ("a wrong exponent", planted(lambda at: law(-1.1), lambda at: Instead(exponent=-0.5), given=ONCE, false_alarm=1e-8), "REFUTED", "scaling", 1),
    ("a competitor that is not excluded", planted(lambda at: law(-1.0), lambda at: Instead(exponent=-1.01), given=ONCE, false_alarm=1e-8),
     "VACUOUS", "scaling", 1),
    ("a bound on a box", planted(lambda at: under(1.5), lambda at: Instead(bound=lambda x: 0.9), given=ONCE), "HOLDS", "proved", 0),
    ("a bound that fails in a corner of the box", planted(lambda at: under(0.99), lambda at: Instead(bound=lambda x: 0), given=ONCE), "REFUTED", "proved", 1),
    ("a bound far from the values of the box", planted(lambda at: under(2.5), lambda at: Instead(bound=lambda x: 0), given=ONCE), "VACUOUS", "proved", 1),
    ("an identity at enough points", through(3, 2), "HOLDS", "proved", 0),
    ("an identity at a point too few", through(2, 2), "VACUOUS", "none", 1),
    ("an identity of floats", through(3, 2, body=lambda at: Sides(product=1.0 * at.x, difference=1.0 * at.x, scale=1), tol=ulps(4)), "VACUOUS", "none", 1),
]


@pytest.mark.parametrize(("claim", "verdict", "kind", "code"), [pytest.param(*rest, id=name) for name, *rest in OTHER_KINDS])
def test_every_kind_of_evidence_can_fail(claim, verdict, kind, code):
    result = audit_one(claim)
    assert (result.verdict, result.evidence, exit_code([result])) == (verdict, kind, code)


def drawn(draw, **more):
    return planted(lambda at: Sampled(draw=draw, truth=1.0, variance=1.0, discrepancy=0.5, **more), lambda at: Instead(truth=2.0), given=ONCE, false_alarm=1e-8)


def counted(happens, slip=lambda at: Instead(probability=0.8), probability=0.3, discrepancy=0.05):
    return planted(lambda at: Frequency(happens=happens, probability=probability, discrepancy=discrepancy), slip, given=ONCE, false_alarm=1e-8)


FREQUENCIES = [
    case("a probability off by more than the discrepancy", counted(lambda rng, n: rng.random(n) < 0.36), "REFUTED", "the routes disagree"),
    case("a negative probability", counted(lambda rng, n: rng.random(n) < 0.3, probability=-0.3), "REFUTED", "the routes disagree"),
    case("two events, one of them wrong", counted(lambda rng, n: rng.random((n, 2)) < [0.3, 0.4], probability=[0.3, 0.3]), "REFUTED", "the routes disagree"),
    case("an event that never happens", counted(lambda rng, n: np.zeros(n, dtype=bool), probability=0.0), "VACUOUS",
         NOT_APART + "zero: probability, sign: probability, factor 2: probability"),
    case("a variant within the discrepancy", counted(lambda rng, n: rng.random(n) < 0.3, lambda at: Instead(probability=0.301)), "VACUOUS", NOT_APART + "slip 1"),
    case("a bound twice as large as the probability", planted(lambda at: rare(0.1, bound=0.3), lambda at: Instead(bound=0.03), given=ONCE, false_alarm=1e-8),
         "VACUOUS", NOT_APART + "factor 2: bound"),
    case("a discrepancy that no probability has", counted(lambda rng, n: rng.random(n) < 0.5, probability=0.5, discrepancy=0.6), "VACUOUS",
         "discrepancy = 0.6, and no probability is so far away from the one that is claimed; lower it"),
    case("numbers for events", counted(lambda rng, n: rng.random(n)), "VACUOUS", "happens returned float64 entries; it says True or False of each sample"),
    case("events that are too few", counted(lambda rng, n: rng.random(7) < 0.3), "VACUOUS", "happens returned (7,) where {n} samples of 1 components were asked for"),
    case("a probability that is NaN", counted(lambda rng, n: rng.random(n) < 0.3, probability=math.nan), "VACUOUS",
         "a route holds nan; a NaN or an infinity agrees with nothing"),
    case("an event that raises", counted(lambda rng, n: 1 // 0), "VACUOUS",
         "its evidence raised ZeroDivisionError at k = 1: integer division or modulo by zero"),
    case("a variant of another kind", counted(lambda rng, n: rng.random(n) < 0.3, lambda at: normal(1.0)), "VACUOUS",
         "the variant 'slip 1' cannot be compared at k = 1: it returned Sampled where the entry has a Frequency with probability="),
    case("a bound for a probability", counted(lambda rng, n: rng.random(n) < 0.3, lambda at: rare(0.3, bound=0.1)), "VACUOUS",
         "the variant 'slip 1' cannot be compared at k = 1: it returned Frequency where the entry has a Frequency with probability="),
]


@pytest.mark.parametrize(("claim", "verdict", "note"), FREQUENCIES)
def test_a_planted_error_in_a_frequency_is_rejected_and_says_why(claim, verdict, note):
    result = audit_one(claim)
    samples = binomial_samples(0.3, 0.05, 1e-8, two_sided=True)
    assert (result.verdict, result.note) == (verdict, note.replace("{n}", str(samples)))
    assert exit_code([result]) == 1


def test_a_frequency_that_may_draw_too_little_says_how_much_it_needs():
    result = audit_one(planted(lambda at: event(probability=0.3, at_most=100), lambda at: Instead(probability=0.4), given=ONCE, false_alarm=1e-8))
    assert result.note == f"it needs {binomial_samples(0.3, 0.05, 1e-8, two_sided=True)} samples to see 0.05, and may draw 100"


def test_every_universal_variant_of_a_probability_is_tried_and_caught():
    at = {"probability": lambda at: Frequency(happens=lambda rng, n: rng.random((n, 2)) < [0.7, 0.2], probability=[0.7, 0.2], discrepancy=0.05),
          "bound": lambda at: event(bound=0.35)}
    tried = {"probability": ["zero", "sign", "factor 2", "shift by one"], "bound": ["zero", "sign", "factor 2"]}
    for claimed, body in at.items():
        result = audit_one(planted(body, lambda at, claimed=claimed: Instead(**{claimed: [0.1] * (1 + (claimed == "probability"))}), given=ONCE, false_alarm=1e-8))
        assert [(v.name, v.caught) for v in result.universal] == [(f"{name}: {claimed}", True) for name in tried[claimed]]


BUGS_OF_OTHER_KINDS = [
    case("a false inequality of floats", planted(
        lambda at: AtMostOn(box=[(0, 1)], value=lambda x: math.sin(20 * x - 9), bound=lambda x: 0.95), lambda at: Instead(bound=lambda x: 0.5), given=ONCE),
        "VACUOUS", "arb"),
    case("a false identity at a point too few", through(2, 2, body=lambda at: Sides(product=at.x, difference=at.x**2 + 7)), "REFUTED", ""),
    case("a proof in an unknown parameter", planted(line, lambda at: Instead(difference=at.x**2 - at.k), given=family(k=(2, 3), x=(0, 3)),
                                                    proof=Proof(over="all y", parameter="y", degree=lambda at: 2, because="squares")),
         "VACUOUS", "'y'"),
    case("samples that are NaN", drawn(lambda rng, n: np.full(n, math.nan)), "VACUOUS", "nan"),
    case("samples that are too few", drawn(lambda rng, n: rng.standard_normal(n - 1)), "VACUOUS", "samples"),
    case("a draw that raises", drawn(lambda rng, n: 1 // 0), "VACUOUS", "ZeroDivisionError at k = 1"),
]


@pytest.mark.parametrize(("claim", "verdict", "note"), BUGS_OF_OTHER_KINDS)
def test_the_other_kinds_get_a_verdict_and_a_sentence_too(claim, verdict, note):
    result = audit_one(claim)
    assert result.verdict == verdict
    assert note in result.note


# ---- the papers: a slip of 1e-9 in one function of refimpl turns red what is made of it

def nudged(x, by):
    """x times 1 + by; of an array or a tuple the last part, of a network a."""
    if isinstance(x, np.ndarray):
        x = x.copy()
        x[-1] *= 1 + float(by)
        return x
    if isinstance(x, dict):
        return {key: value * (1 + by) for key, value in x.items()}
    if isinstance(x, Gradients):
        return Gradients(*(nudged(part, by) for part in x))
    if isinstance(x, Network):
        return Network(nudged(x.a, by), x.W, x.b, x.activation)
    return x * (1 + (float(by) if isinstance(x, float) else by))


UP, DOWN = Fraction(1, 10**9), Fraction(-1, 10**9)
SLIPS = {                                              # what is wrong: (where it lives, its name, the factor's distance from 1)
    "k!!": (hermite, "double_factorial", UP),
    "c_K of an activation": (Activation, "hermite_coefficients", UP),
    "sum_k c_k He_k / k!": (hermite, "hermite_sum", UP),
    "e^{D/2}": (polynomials, "heat", UP),
    "half_space_moment": (population, "half_space_moment", UP),
    "kappa": (Target, "kappa", DOWN),
    "the gradient": (Network, "gradients", UP),
    "the mirrored start": (initial, "symmetric", UP),
}
claims = {claim.id: claim for paper in papers() for claim in paper}


def slip(monkeypatch, owner, name, by):
    """Put the function with this slip in its place: in its class, or in every module that has imported it."""
    right = vars(owner)[name]
    if isinstance(right, property):
        monkeypatch.setattr(owner, name, property(lambda self: nudged(right.fget(self), by)))
        return

    def wrong(*arguments, **keywords):
        return nudged(right(*arguments, **keywords), by)

    holders = [owner] if isinstance(owner, type) else [m for n, m in list(sys.modules.items()) if n.startswith(("refimpl", "proofs_checks"))]
    for holder in holders:
        for key in [key for key, value in vars(holder).items() if value is right]:
            monkeypatch.setattr(holder, key, wrong)


def verdict_of(name):
    """The verdict on the smallest and the largest instances; a proof needs them all."""
    draw = run.instances.draw

    def ends(*arguments):
        drawn = draw(*arguments)
        return drawn if claims[name].proof or len(drawn) < 12 else drawn[:4] + drawn[-8:]

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(run.instances, "draw", ends)
        return audit_one(claims[name]).verdict


@pytest.mark.parametrize(("what", "names"), [
    ("half_space_moment", ["DLS22/eq-1", "DLS22/eq-1-bias", "DLS22/eq-population-gradient"]),
    ("c_K of an activation", ["DLS22/relu-coefficients", "DLS22/relu-derivative", "DLS22/eq-1-coefficients", "DLS22/lemma-4"]),
    ("kappa", ["DLS22/asm-2", "DLS22/asm-2-bound"]),
    ("e^{D/2}", ["HERMITE/heat", "DLS22/tensor-expansion", "DLS22/mean-hessian", "DLS22/eq-1-exact"]),
    ("k!!", ["DLS22/def-37", "HERMITE/rodrigues"]),
    ("the gradient", ["DLS22/gradient-relu", "DLS22/gradient-analytic", "DLS22/alg-1-step"]),
    ("the mirrored start", ["DLS22/eq-init", "DLS22/eq-init-sign"]),
    ("sum_k c_k He_k / k!", ["HERMITE/series"]),
])
def test_a_slip_of_1e_9_refutes_the_statements_about_it(what, names):
    for by, refuted in ((0, False), (SLIPS[what][2], True)):          # put in place without a slip it refutes nothing
        with pytest.MonkeyPatch.context() as monkeypatch:
            slip(monkeypatch, *SLIPS[what][:2], by)
            assert {name: verdict_of(name) == "REFUTED" for name in names} == dict.fromkeys(names, refuted)


@pytest.mark.parametrize("names", [
    pytest.param(["HERMITE/*"], id="in the algebra of Hermite polynomials"),
    pytest.param([], id="anywhere in refimpl", marks=pytest.mark.slow),          # minutes: all entries are asked which nodes they reach
])
def test_one_node_changes_turn_the_audit_red(names):
    found = mutate_source(20, seed=3, names=names)
    assert found.outcome.total >= 10                                  # the others raised
    assert found.outcome.killed == found.outcome.total, found.outcome.survivors


@pytest.mark.parametrize("tol", [1e-9, 64, True])
def test_a_tolerance_is_counted_in_roundings(tol):
    with pytest.raises(RegistryError, match=r"PLANTED/entry has tol=.*; a tolerance is counted in roundings, tol=ulps\(k\)"):
        planted(same_floats, off_by_half, tol=tol)


@pytest.mark.parametrize("false_alarm", [2, -1e-9, 1.0])
def test_a_false_alarm_is_a_probability(false_alarm):
    with pytest.raises(RegistryError, match=r"PLANTED/entry has false_alarm=.*; it is a probability"):
        planted(same_floats, off_by_half, false_alarm=false_alarm)
