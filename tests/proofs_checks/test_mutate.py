"""Mutants of planted entries: each kind of change is killed, a hang survives, a crash counts as raised, and the code is put back."""

import builtins

import pytest

import refimpl
from proofs_checks.engine import bench, equation, mutants, mutate
from proofs_checks.engine.select import select

HEAD = '''
import math
import os
import time
from functools import cache

import numpy as np

from proofs_checks import AtMost, Instead, Paper, Sampled, Sides, ulps
from proofs_checks.instances import family, multi_index, random_target
from refimpl import hermite
from refimpl.data.targets import Target
from refimpl.hermite import hermite_sum

MINE = Paper("MINE", title="planted", version="planted text")
'''

ENTRY = '''

def _{slug}_instance(rng, k):
    a, b = rng.uniform(1, 2, 2)
    A, B, v = rng.standard_normal((2, 2)), rng.standard_normal((2, 2)), rng.standard_normal(9)
    return {{"a": a, "b": b, "A": A, "B": B, "v": v, "truth": {expression}}}


@MINE.claim("{slug}", where="here", given=family(_{slug}_instance, k=(1, 5)), tol=ulps(64))
def _(at):
    """The expression is what it is."""
    a, b, k, A, B, v = at.a, at.b, at.k, at.A, at.B, at.v
    return Sides(here={expression}, truth=at.truth, scale=10 * np.max(np.abs(at.truth)))
'''

# an expression, and changes that must be among its mutants; all of its mutants must be killed
KINDS = {
    "sum": ("a + b", ["a + b -> a - b"]),
    "product": ("a * b", ["a * b -> a / b"]),
    "quotient": ("a / b", ["a / b -> a * b"]),
    "power": ("a ** b", ["a ** b -> a * b"]),
    "whole": ("float((k + 2) // 2)", ["(k + 2) // 2 -> (k + 2) * 2"]),
    "remainder": ("float(k % 3)", ["k % 3 -> k // 3", "k % 3 -> k % 4"]),
    "sign": ("-a", ["-a -> a"]),
    "parity": ("a * (-1) ** (k + 2)", ["(k + 2) -> (-1) ** (k + 3)", "(-1) ** (k + 2) -> 1 ** (k + 2)"]),
    "number": ("a * 3", ["a * 3 -> a * 4", "a * 3 -> a * 2", "a * 3 -> a * 6", "a * 3 -> a * 3.000000003"]),
    "float": ("a + 0.5", ["a + 0.5 -> a + 1.5", "a + 0.5 -> a + -0.5", "a + 0.5 -> a + 1.0", "a + 0.5 -> a + 0.5000000005"]),
    "complex": ("(a + 2j).imag + a", ["a + 2j -> a + 4j", "a + 2j -> a + 2.000000002j"]),
    "comparison": ("a if k >= 3 else b", ["k >= 3 -> k > 3", "k >= 3 -> k < 3"]),
    "conjunction": ("a if k > 1 and k < 4 else b", ["k > 1 and k < 4 -> k > 1 or k < 4"]),
    "limit": ("sum(a**i for i in range(k))", ["range(k) -> range(k + 1)", "range(k) -> range(k - 1)"]),
    "index": ("v[k]", ["v[k] -> v[k + 1]"]),
    "indices": ("v[k + 1] + A[0, 1]", ["v[k + 1] -> v[k + 2]", "(0, 1) -> (1, 1)"]),
    "order": ("A @ B", ["A @ B -> B @ A"]),
    "vectors": ("a * (v[:4] @ v[4:8])", ["(v[4:8] @ v[:4])"]),      # allowed, but the product of two vectors has no order
    "transpose": ("A.T", ["A.T"]),
    "axis": ("A.sum(axis=0)", ["axis=0 -> axis=1", "A.sum(axis=0) -> A.mean(axis=0)"]),
    "binomial": ("math.comb(k + 3, 3) * a", ["math.comb(k + 3, 3) * a -> math.perm(k + 3, 3) * a"]),
    "factorial": ("math.factorial(k + 2) * a", ["math.factorial(k + 2) * a -> (k + 2) * a"]),
    "greater": ("max(a, b, 1.5)", ["max(a, b, 1.5) -> min(a, b, 1.5)"]),
    "modulus": ("np.abs(v)", ["np.abs(v)"]),
    "sine": ("math.sin(a)", ["math.sin(a) -> math.cos(a)"]),
    "mean": ("np.mean(v)", ["np.mean(v) -> np.sum(v)"]),
}

SINGLE = '''

def _hang(n, k):
    while n < k:
        n += 1
    return n


@MINE.claim("hang", where="here", given=family(k=(1, 5)))
def _(at):
    """Counts up to k."""
    return Sides(counted=_hang(0, at.k), k=at.k)


@MINE.claim("asleep", where="here", given=family(k=[1]))
def _(at):
    """Sleeps for no time."""
    time.sleep(at.k - 1)
    return Sides(twice=2 * at.k, sum=at.k + at.k)


@MINE.claim("crash", where="here", given=family(k=(1, 5)))
def _(at):
    """Kills itself beyond k = 9."""
    if at.k > 9:
        os.kill(os.getpid(), 9)
    return Sides(twice=2 * at.k, sum=at.k + at.k)


@MINE.claim("rest", where="here", given=family(k=(1, 5)), tol=ulps(4))
def _(at):
    """Has a branch that no instance takes, a size, a message, and a number too large to move by one."""
    buffer = np.zeros(7)
    if at.k == 100:
        return Sides(left=at.k * 7, right=at.k)
    if at.k < 0:
        raise ValueError(f"k = {at.k + 77}")
    return Sides(left=at.k + 1e200 + buffer[:1], right=at.k + 1e200 + buffer[:1], scale=1e200 * 3)


@cache
def _cached(k):
    return 2 * k


@MINE.claim("kept", where="here", given=multi_index(p=(2, 3), r=(1, 2), d=(4, 5)), tol=ulps(512))
def _(at):
    """The target keeps its Hessian, and a helper its values; a mutant must not meet what was kept before."""
    oracle = at.U.T @ _frame(at) @ at.U
    return Sides(kept=[*at.target.mean_hessian.ravel(), _cached(at.p)], oracle=[*oracle.ravel(), at.p + at.p], scale=100)


def _frame(at):
    total = np.zeros((at.r, at.r))
    for alpha, c in at.target.g.items():
        for i in range(at.r):
            for j in range(at.r):
                total[i, j] += float(c) * _mean_of_second_derivative(alpha, i, j)
    return total


def _mean_of_second_derivative(alpha, i, j):
    alpha = list(alpha)
    factor = alpha[i]
    alpha[i] -= 1
    factor *= alpha[j]
    alpha[j] -= 1
    if factor == 0:
        return 0.0
    left = [v for v, k in enumerate(alpha) for _ in range(k)]
    return factor * {0: 1.0, 1: 0.0}.get(len(left), 0.0)


@MINE.claim("twin", where="here", given=family(lambda rng, K: {"c": rng.standard_normal(K + 1), "z": rng.standard_normal(2)}, K=(2, 4)), tol=ulps(64))
def _(at):
    """The series of a twinned function."""
    H = [np.ones(2), at.z]
    for k in range(1, at.K):
        H.append(at.z * H[-1] - k * H[-2])
    return Sides(twin=hermite_sum(at.c, at.z), sum=sum(c * h / math.factorial(k) for k, (c, h) in enumerate(zip(at.c, H))), scale=10.0)


def _only_for_the_scale(at):
    return at.k * 11


@MINE.claim("scale", where="here", given=family(k=(1, 5)), tol=ulps(8))
def _(at):
    """What only the scale names is no part of the equation."""
    return Sides(left=float(at.k), right=float(at.k), scale=_only_for_the_scale(at) + 13)


class _Box:
    def __init__(self, value):
        self.value = value


@MINE.claim("guess", where="here", given=multi_index(p=(2, 3), r=(1, 2), d=(4, 5), sigma=[0.5]), tol=ulps(64))
def _(at):
    """Target.value runs inside Target.sample; what the entry calls value is another thing."""
    X, y = at.target.sample(4, rng=1, varsigma=at.sigma)
    return Sides(twice=_Box(y * 2).value, sum=y + y, scale=100)


@MINE.claim("both", where="here", given=family(k=(1, 5)))
def _(at):
    """A number that both routes share: nothing can tell."""
    shared = at.k + 5
    return Sides(left=shared, right=shared)


@MINE.claim("broken", where="here", given=family(k=(1, 5)))
def _(at):
    """Does not hold."""
    return Sides(left=at.k * 2, right=at.k * 3)


@MINE.claim("sampled", where="here", given=family(k=[1]), false_alarm=1e-9)
def _(at):
    """Is drawn."""
    return Sampled(draw=lambda rng, n: rng.standard_normal(n), truth=0.0 * at.k, variance=1.0, discrepancy=0.5)


@MINE.claim("limited", where="here", given=family(k=(0, 3)))
def _(at):
    """An equivalent mutant: the sum may run one further, where the term is 0."""
    return Sides(summed=sum(at.k - i for i in range(at.k)), closed=at.k * (at.k + 1) // 2)
'''


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    path = tmp_path_factory.mktemp("planted") / "mine.py"
    path.write_text(HEAD + "".join(ENTRY.format(slug=slug, expression=e) for slug, (e, _) in KINDS.items()) + SINGLE, encoding="utf-8")
    return str(path)


def run(paper, slug, **options):
    return mutate.run_mutants(f"MINE/{slug}", [paper], **options)


def claim(paper, slug):
    return next(c for c in select([paper]) if c.id == f"MINE/{slug}")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_change_is_made_and_killed(paper, kind):
    made = [mutant.description for mutant in mutate.mutants_of(claim(paper, kind))]
    for wanted in KINDS[kind][1]:
        assert any(wanted in description for description in made), made
    outcome = run(paper, kind)
    assert outcome.survivors == ()
    assert outcome.killed == outcome.total > 0


def test_a_hang_is_a_survivor_and_the_others_go_on(paper):
    outcome = run(paper, "hang")
    assert any("n += 1 -> n -= 1 (timed out)" in survivor for survivor in outcome.survivors)
    assert outcome.killed >= 2
    assert outcome.total == outcome.killed + len(outcome.survivors)


def test_a_hang_that_uses_no_time_is_ended_from_outside(paper, monkeypatch):
    monkeypatch.setattr(mutate, "PATIENCE", 0.5)
    outcome = run(paper, "asleep")
    assert [s for s in outcome.survivors if "timed out" in s] == [s for s in outcome.survivors if "at.k - 1 -> at.k" in s] != []
    assert outcome.killed >= 4


def test_a_crash_counts_as_raised_and_the_others_go_on(paper):
    outcome = run(paper, "crash")
    assert outcome.raised == 2                                  # at.k > 9 -> at.k <= 9, at.k > 0
    assert outcome.killed >= 4


def test_no_mutants_where_nothing_is_reached_or_changed(paper):
    made = {mutant.description for mutant in mutate.mutants_of(claim(paper, "rest"))}
    assert any("at.k * 7" in description for description in made)                     # allowed, but not reached
    assert not any("np.zeros(8)" in d for d in made)                                  # the size of a buffer
    assert not any("77" in d for d in made)                                     # a message
    assert not any(d.partition(" -> ")[0] == d.partition(" -> ")[2] for d in made)    # the same bytecode
    assert not any("at.k * 7" in survivor for survivor in run(paper, "rest").survivors)


def test_what_was_kept_before_is_dropped(paper):
    outcome = run(paper, "kept", profile="full")
    assert not [s for s in outcome.survivors if "Target.mean_hessian" in s or "_cached" in s]


def test_the_definition_of_a_twin_is_reached(paper):
    descriptions = [m.description for m in mutate.mutants_of(claim(paper, "twin")) if m.function == "hermite_sum"]
    assert len(descriptions) > 10
    assert not [s for s in run(paper, "twin", profile="full").survivors if "hermite_sum" in s]


def test_a_method_that_the_entry_does_not_call_itself_is_no_part_of_the_equation(paper):
    job = mutate.Job((paper,), "MINE/guess", 0, "quick", None)
    with refimpl.implementation("numpy"):
        here = bench.Bench.of(job)
        functions = {here.mutants[number][0].function for number in here.plan(job)}
    assert "Target.sample" in functions
    assert "Target.value" not in functions
    assert "Target.value" in {mutant.function for mutant in mutate.mutants_of(claim(paper, "guess"))}


def test_the_scale_is_no_part_of_the_equation(paper):
    assert mutate.mutants_of(claim(paper, "scale")) == []
    assert run(paper, "scale") == mutate.Outcome()


def test_a_mutant_that_moves_both_routes_survives(paper):
    outcome = run(paper, "both")
    assert outcome.killed == 0
    assert outcome.total == len(outcome.survivors) == 4
    assert all(survivor.endswith("(moved)") for survivor in outcome.survivors)


@pytest.mark.parametrize("slug", ["broken", "sampled"])
def test_what_does_not_hold_or_is_drawn_has_no_mutants_and_says_so(paper, slug):
    with pytest.raises(mutate.MutationError, match=f"MINE/{slug}: its routes disagree in the process of the mutants, or it raised there"):
        run(paper, slug)


def test_an_unknown_claim_is_an_error(paper):
    with pytest.raises(mutate.MutationError, match="MINE/nothing"):
        run(paper, "nothing")


def test_deterministic_and_sampled(paper):
    whole = run(paper, "limit")
    assert run(paper, "limit") == whole
    few = run(paper, "limit", limit=3)
    assert few == run(paper, "limit", limit=3)
    assert few.total + few.raised == 3


@pytest.fixture
def exempt(tmp_path, monkeypatch):
    def write(*lines):
        path = tmp_path / "equivalent_mutants.txt"
        path.write_text("# file :: line :: change :: reason\n\n" + "\n".join(lines) + "\n", encoding="utf-8")
        monkeypatch.setattr(mutate, "EXEMPTIONS", path)
        mutate.exemptions.cache_clear()

    yield write
    mutate.exemptions.cache_clear()


LINE = "return Sides(summed=sum(at.k - i for i in range(at.k)), closed=at.k * (at.k + 1) // 2)"
ONE_FURTHER = "range(at.k) -> range(at.k + 1)"


def test_an_exemption(paper, exempt):
    exempt()
    before = run(paper, "limited")
    assert [ONE_FURTHER in survivor for survivor in before.survivors] == [True]
    exempt(f"mine.py :: {LINE} :: {ONE_FURTHER} :: the term is 0")
    after = run(paper, "limited")
    assert after.survivors == ()
    assert after.figures == {"killed": before.killed, "total": before.total - 1, "raised": before.raised, "exempt": 1}
    exempt(f"MINE/limited in mine.py :: {LINE} :: {ONE_FURTHER} :: the term is 0")
    assert run(paper, "limited") == after
    exempt(f"DLS22/eq-1 in mine.py :: {LINE} :: {ONE_FURTHER} :: the term is 0, but in another entry")
    assert run(paper, "limited") == before


def test_a_stale_exemption_is_found(exempt):
    source = (mutate.ROOT / "refimpl/gaussian.py").read_text(encoding="utf-8")
    line = next(line.strip() for line in source.splitlines() if "_bell(b" in line and "SQRT_2PI" in line)
    exempt("refimpl/gaussian.py :: no such line :: a -> b :: gone", f"refimpl/gaussian.py :: {line} :: a -> b :: not one of its mutants")
    gone, unknown = mutate.stale_exemptions()
    assert "is gone" in gone
    assert "no mutant of its line" in unknown
    known = next(m for f in equation.audited().values() if f.__qualname__ == "_phi" for m, _ in mutate.named(equation.definition(f), True) if m.text == line)
    exempt(f"{known.file} :: {known.text} :: {known.description} :: an example")
    assert mutate.stale_exemptions() == []
    exempt(f"DLS22/nothing in {known.file} :: {known.text} :: {known.description} :: an example")
    assert ["DLS22/nothing" in finding for finding in mutate.stale_exemptions()] == [True]


def test_a_malformed_exemption_is_an_error(exempt):
    exempt("refimpl/gaussian.py :: no reason :: a -> b")
    with pytest.raises(mutate.MutationError, match="write file"):
        mutate.exemptions()


def test_the_exemptions_of_this_checkout_are_not_stale():
    mutate.exemptions.cache_clear()
    assert mutate.stale_exemptions() == []


def test_the_code_is_put_back(paper):
    job = mutate.Job((paper,), "MINE/twin", 0, "quick", 5)
    with refimpl.implementation("numpy"):
        here = bench.Bench.of(job)
        codes = [found.function.__code__ for found in here.definitions]
        assert codes == [found.original for found in here.definitions]
        assert not hasattr(builtins, equation.PROBE)
        for number in here.plan(job):
            here.outcome(number)
        assert [found.function.__code__ for found in here.definitions] == codes


def test_source_mutation_names_what_no_entry_reaches(paper):
    report = mutate.mutate_source(6, seed=0, names=[f"{paper}:twin"])
    assert report.entries == 1
    assert report.outcome.total + report.outcome.raised == 6
    assert any("initial.py" in name for name in report.untouched)
    assert all(":" in node for node in report.unreached)


def test_unnamed_functions(paper):
    names = equation.unnamed([claim(paper, "twin").body])
    assert "refimpl.hermite.hermite_sum" not in names
    assert "refimpl.hermite.he" in names
    assert not any("._" in name for name in names)


def test_changes_leave_the_tree_as_it_was():
    for function in list(equation.audited().values())[:20]:
        found = equation.definition(function)
        before = mutants.ast.dump(found.tree)
        for change in mutants.changes(found.tree, floats=True):
            assert change.description.count(" -> ") >= 1
        assert mutants.ast.dump(found.tree) == before

