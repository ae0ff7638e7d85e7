"""Every compiled twin against its definition, and the choice between the two."""

from __future__ import annotations

import ast
import contextvars
import importlib
import inspect
import math
import os
import pickle
import pkgutil
import re
import subprocess
import sys
import threading
import types
from fractions import Fraction
from pathlib import Path

import numba
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import refimpl
from refimpl import _twins
from refimpl._twins import REPAYS, current_implementation, decided, implementation, resolve, twin
from refimpl.errors import DomainError, NonFiniteError
from refimpl.hermite import hermite_sum
from refimpl_kernels import hermite as kernels
from refimpl_kernels._jit import made_for
from tests.assembly import array, assembly

EPS, TINY = np.finfo(float).eps, np.finfo(float).tiny


COMPARED = {"refimpl.hermite.hermite_sum"}   # the twins that a module tests/test_twins*.py compares with their definitions


# ---- twins and definitions

def budget_hermite_sum(c, z):
    """How far two evaluations of Clenshaw's recurrence may differ, entry by entry: 8 (K + 2) eps A.

    A is the recurrence with |c_k|, |z| and plus signs: A_k = |c_k| + |z| A_{k+1} / (k+1) + A_{k+2} / (k+2).
    In one step of the definition a term meets at most 5 roundings: the reciprocal, two products, two sums. So a computed
    b_0 is the exact b_0 of a recurrence whose coefficients are off by (1 + eps/2)^5, and since each path through the
    recurrence has at most K + 1 steps, |error| <= 5 (K+1) eps/2 A (1 + O(K eps)). In the twin's recurrence, for
    B_k = (s^k / k!) b_k, it meets at most 3: a product and two sums; the weight of c_k, k > 0, is rounded twice once for all,
    which makes 2 + 3 (k + 1) <= 5 (k + 1). So the two differ by 5 (K+1) eps A.
    Underflow adds at most 2^-1075 a product, 3 (1 + b_{k+1}) of them a step, and s 2^-1075 to z, s <= K + 1; eps * TINY = 2^-1074,
    so that TINY added to |c_k| and |z| pays for it (s^k >= k!, so it weighs no more in B_k). 8 (K + 2) leaves the rest to the
    rounding of A itself.
    """
    here, before = np.zeros(z.shape), np.zeros(z.shape)
    for k in reversed(range(len(c))):
        here, before = (abs(c[k]) + TINY) + (abs(z) + TINY) * here / (k + 1) + before / (k + 2), here
    return 8 * (len(c) + 1) * EPS * here


def agrees(candidate, c, z):
    """The comparison that a twin passes and a planted fault does not: shape, type and every entry within its budget."""
    got, expected = candidate(c, z), hermite_sum.reference(c, z)
    assert type(got) is type(expected)
    assert got.shape == expected.shape == z.shape
    return bool((abs(got - expected) <= budget_hermite_sum(c, z)).all())


def compared(file):
    """The set COMPARED of a module of tests, read and not run."""
    named = [node.value for node in ast.parse(file.read_text(encoding="utf-8")).body
             if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["COMPARED"]]
    return set().union(*map(ast.literal_eval, named))


def test_each_twinned_function_is_compared_somewhere():
    modules = [importlib.import_module(info.name) for info in pkgutil.walk_packages(refimpl.__path__, "refimpl.") if not info.name.endswith("__main__")]
    found = {f"{f.__module__}.{f.__qualname__}": f for m in modules for f in vars(m).values() if inspect.isfunction(f) and hasattr(f, "reference")}
    assert set(found) == set().union(*map(compared, Path(__file__).parent.glob("test_twins*.py")))
    for definition in found.values():
        place = f"refimpl_kernels.{definition.__module__.rpartition('.')[2]}"
        compiled = getattr(importlib.import_module(place), definition.__name__)
        assert list(inspect.signature(compiled).parameters) == list(inspect.signature(definition).parameters)


numbers = st.floats(-1e3, 1e3)
abscissae = st.floats(-40, 40)


@settings(deadline=None)
@given(c=st.lists(numbers, min_size=1, max_size=41).map(np.array), z=hnp.arrays(float, hnp.array_shapes(min_dims=0, min_side=0, max_side=9), elements=abscissae))
@example(c=np.zeros(3), z=np.zeros(5))
@example(c=np.array([5e-324, -5e-324, 1e-310, 3e-308]), z=np.array([5e-324, -1e-308, 1.0, 40.0, -40.0]))
@example(c=np.array([0.0, 0.0, 1.0]), z=np.array([1.0, -1.0]))   # He_2 vanishes: the whole value is rounding
def test_hermite_sum_agrees(c, z):
    assert agrees(kernels.hermite_sum, c, z)


@pytest.mark.parametrize("K", [0, 1, 2, 3, 4, 40, kernels.MOST])
@pytest.mark.parametrize("N", [0, 1, 7, 8, 9, kernels.TILE - 1, kernels.TILE, kernels.TILE + 1, 2 * kernels.TILE + 5])
def test_hermite_sum_agrees_around_the_size_of_a_block(K, N):
    rng = np.random.default_rng([K, N])
    assert agrees(kernels.hermite_sum, rng.normal(size=K + 1), 3 * rng.normal(size=N))


@pytest.mark.parametrize("view", [lambda Z: Z.T, lambda Z: Z[::-2, 1::3], lambda Z: Z[0, 0], lambda Z: Z[:0], lambda Z: np.broadcast_to(Z[0], (3, 40))])
def test_hermite_sum_agrees_on_views(view):
    rng = np.random.default_rng(3)
    z = np.asarray(view(rng.normal(size=(30, 40))))
    assert agrees(kernels.hermite_sum, rng.normal(size=18)[::2], z)


def test_the_place_in_a_block_moves_no_bit():
    rng = np.random.default_rng(4)
    c, z = rng.normal(size=21), rng.normal(size=kernels.TILE + 11)
    whole = kernels.hermite_sum(c, z)
    assert all(value == kernels.hermite_sum(c, z[i]) for i, value in enumerate(whole))
    assert all(np.array_equal(whole[i:], kernels.hermite_sum(c, z[i:])) for i in range(z.size))


def sign_lost(c, z):
    """b_{k+2} added instead of subtracted."""
    b1, b2 = np.zeros(z.shape), np.zeros(z.shape)
    for k in reversed(range(len(c))):
        b1, b2 = c[k] + z * b1 / (k + 1) + b2 / (k + 2), b1
    return b1


def remainder_lost(c, z):
    """The entries behind the last full block keep their b_1 instead of b_0."""
    out = kernels.hermite_sum(c, z)
    full = z.size // kernels.TILE * kernels.TILE
    out[full:] = kernels.hermite_sum(np.append(0.0, c[1:]), z)[full:]
    return out


def single_precision(c, z):
    """The reciprocals 1 / k in float32: right to seven digits."""
    b1, b2 = np.zeros(z.shape), np.zeros(z.shape)
    for k in reversed(range(len(c))):
        b1, b2 = c[k] + z * b1 * float(np.float32(1 / (k + 1))) - b2 * float(np.float32(1 / (k + 2))), b1
    return b1


@pytest.mark.parametrize("wrong", [sign_lost, remainder_lost, single_precision])
def test_a_wrong_twin_is_rejected(wrong):
    rng = np.random.default_rng(5)
    c, z = rng.normal(size=8), rng.normal(size=kernels.TILE + 3)
    assert agrees(kernels.hermite_sum, c, z)
    assert not agrees(wrong, c, z)


@pytest.mark.parametrize("side", ["numpy", "kernels"])
@pytest.mark.parametrize("N", [2, kernels.TILE, 3 * kernels.TILE + 1])
def test_what_is_not_finite_is_the_definitions_error_on_both_sides(side, N):
    z = np.zeros(N)
    for place in range(N):
        z[place] = 1e200
        with implementation(side), pytest.raises(NonFiniteError, match=rf"hermite_sum\[{place}\] = .*; hermite_sum must be finite"):
            hermite_sum([0.0, 0.0, 0.0, 1.0], z)
        for bad, c in ((np.nan, [3.0]), (np.inf, [0.0]), (-np.inf, [1.0, 0.0]), (np.nan, [0.0, 0.0, 1.0]), (np.inf, [1.0, -2.0, 3.0, 4.0, 5.0])):
            z[place] = bad
            with implementation(side), pytest.raises(NonFiniteError, match=rf"z\[{place}\] = {bad}; z must be finite"):
                hermite_sum(c, z)
        z[place] = 0.0


def test_what_the_twin_cannot_do_is_the_definitions():
    """Weights of more than 1e110, and what overflows with the weights only."""
    for c in (np.ones(kernels.MOST + 2), np.array([0.0, 0.0, 0.0, 1.6e308])):
        z = np.array([0.5, -0.25])
        assert kernels.hermite_sum(c, z) is None
        with implementation("kernels"):
            assert np.array_equal(hermite_sum(c, z), hermite_sum.reference(c, z))


def test_the_weights_are_at_least_one_and_rounded_once():
    for K in (0, 1, 2, 5, 20, 41, 200, kernels.MOST):
        s, weights, minus = kernels.scaling(K)
        exact = [Fraction(int(s))**k / math.factorial(k) for k in range(K, -1, -1)]
        assert all(1 <= float(e) == w <= 1e110 for e, w in zip(exact, weights, strict=True))
        assert math.frexp(s)[0] == 0.5
        assert s <= K + 1
        assert minus.tolist() == [-(k + 1) / s**2 for k in range(K, -1, -1)]


def test_the_inner_loop_is_vectorised():
    found = assembly(kernels.clenshaw, array(2), numba.float64, array(1, readonly=True), array(1))
    assert re.search(r"\bvmulpd\b.*%[yz]mm", found)
    assert not made_for("fma") or len(re.findall(r"\bvfn?m(?:add|sub)\d+pd\b.*%[yz]mm", found)) >= 4 * kernels.VECTORS


# ---- the choice

@pytest.fixture
def planted(monkeypatch):
    """A twinned function of n that says which side ran, its rule at n >= 10, and a list of what was asked."""
    asked = []

    def outer(n):
        return ["definition", *(() if n == 0 else inner(n - 1))]

    def inner(n):
        return ["inner definition"]

    def border(n):
        asked.append("border")
        return (int(n),)

    def work(n):
        asked.append("rule")
        return _twins.REPAYS * n // 10

    compiled = types.SimpleNamespace(outer=lambda n: np.array([7]), inner=lambda n: np.array([8]))
    monkeypatch.setitem(sys.modules, "refimpl_kernels.planted", compiled)
    outer.__module__ = inner.__module__ = "refimpl.planted"
    inner = twin(border=border, work=lambda n: _twins.REPAYS)(inner)
    yield twin(border=border, work=work)(outer), asked
    _twins._load.cache_clear()


def test_each_side_at_every_size(planted):
    function, asked = planted
    with implementation("numpy"):
        assert function(10)[0] == "definition"
    with implementation("kernels"):
        assert list(function(0)) == [7]
    assert asked == ["border", "border", "border"]   # the second is of the call inside; no rule


def test_auto_asks_the_rule_once_at_the_outermost_call(planted):
    function, asked = planted
    with implementation("auto"):
        assert list(function(10)) == [7]
        assert function(9) == ["definition", "inner definition"]   # although the rule of the inner one says kernels
    assert asked == ["border", "rule", "border", "rule", "border"]
    assert function.repays(10)
    assert not function.repays("9")


def test_a_sum_that_comes_in_parts_is_decided_once(planted):
    function, asked = planted
    with implementation("auto"), decided(REPAYS):
        assert list(function(0)) == [7]                                     # however small the part
    with implementation("auto"), decided(REPAYS - 1):
        assert function(10)[0] == "definition"
    with implementation("numpy"), decided(REPAYS):
        assert function(10)[0] == "definition"
    assert "rule" not in asked


def test_the_definition_is_within_reach(planted):
    function, _ = planted
    with implementation("kernels"):
        assert function.reference("1") == ["definition", "inner definition"]   # the call inside is one, too


def test_a_twin_that_is_not_finite_hands_over_to_the_definition(planted):
    function, _ = planted
    sys.modules["refimpl_kernels.planted"].outer = lambda n: (np.ones(2), np.array([np.nan]))
    with implementation("kernels"):
        assert function(0) == ["definition"]


@pytest.mark.parametrize(("looks", "value", "ran"), [(False, None, "definition"), (True, None, "definition"), (False, np.inf, "definition"), (True, 5.0, 5.0)])
def test_a_twin_that_looks_for_itself_says_None(planted, looks, value, ran):
    def inner(n, *, sign):
        return "definition"

    sys.modules["refimpl_kernels.planted"].inner = lambda n, *, sign: value   # keywords of the definition are keywords of the twin
    inner.__module__ = "refimpl.planted"
    function = twin(border=lambda n, *, sign: (n, sign), work=lambda n, sign: n * sign, looks=looks)(inner)
    with implementation("kernels"):
        assert function(3, sign=1) == ran
    assert function.reference(3, sign=1) == "definition"
    assert not function.repays(3, sign=1)


def test_blocks_nest_and_close_after_an_error():
    with implementation("numpy"):
        with implementation("kernels"):
            assert current_implementation() == resolve() == "kernels"
        with pytest.raises(ZeroDivisionError), implementation("kernels"):
            raise ZeroDivisionError
        assert current_implementation() == resolve() == "numpy"
        with implementation("auto"):
            assert (current_implementation(), resolve()) == ("auto", "kernels")


def test_the_environment_sets_the_default(monkeypatch):
    seen = []
    for name in ("numpy", "kernels", "auto", "numb", None):
        monkeypatch.setenv(_twins.VARIABLE, name) if name else monkeypatch.delenv(_twins.VARIABLE, raising=False)
        _twins._from_environment.cache_clear()
        try:
            seen.append(contextvars.Context().run(current_implementation))
        except DomainError as error:
            seen.append(str(error))
    monkeypatch.undo()
    _twins._from_environment.cache_clear()
    assert seen == ["numpy", "kernels", "auto", "REFIMPL_IMPLEMENTATION = 'numb'; it must be numpy, kernels or auto", "auto"]


def test_a_wrong_name_is_an_error():
    with pytest.raises(DomainError, match=r"^implementation = 'gpu'; it must be numpy, kernels or auto$"), implementation("gpu"):
        pass


@pytest.mark.skipif(bool(getattr(sys.flags, "thread_inherit_context", 0)), reason="this Python hands a thread its starter's context")
def test_a_thread_does_not_inherit_the_choice():
    """So a worker enters ``implementation`` itself, as the cells of a sweep do."""
    def report(into):
        into.append(current_implementation())

    fresh, copied = [], []
    default = contextvars.Context().run(current_implementation)
    other = "kernels" if default == "numpy" else "numpy"
    with implementation(other):
        context = contextvars.copy_context()
        for thread in (threading.Thread(target=report, args=(fresh,)), threading.Thread(target=context.run, args=(report, copied))):
            thread.start()
            thread.join()
    assert (fresh, copied) == ([default], [other])


def test_a_twinned_function_is_a_plain_function():
    assert isinstance(hermite_sum, types.FunctionType)
    assert (hermite_sum.__name__, hermite_sum.__module__) == ("hermite_sum", "refimpl.hermite")
    assert list(inspect.signature(hermite_sum).parameters) == ["c", "z"]
    assert hermite_sum.__doc__.startswith("Hermite series")
    assert pickle.loads(pickle.dumps(hermite_sum)) is hermite_sum
    assert pickle.loads(pickle.dumps(hermite_sum.reference)) is hermite_sum.reference
    assert hermite_sum(z=0.5, c=[1, 2]) == hermite_sum.reference(z=0.5, c=[1, 2]) == 2.0


MISSING = """
import sys, warnings
import refimpl._twins as twins
from refimpl.hermite import hermite_sum
assert not {"numba", "refimpl_kernels"} & set(sys.modules)
if sys.argv[1] == "absent":
    sys.modules["refimpl_kernels"] = None
twins.REPAYS = 1
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    assert twins.resolve() == "numpy"
    assert [hermite_sum([1.0, 1.0], 2.0) for _ in range(2)] == [3.0, 3.0]
(one,) = seen
assert one.category is RuntimeWarning and "everything runs on NumPy" in str(one.message)
try:
    with twins.implementation("kernels"):
        hermite_sum([1.0], 2.0)
except ImportError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize(("how", "why"), [("absent", "refimpl_kernels"), ("broken", "SystemError: no numba today")])
def test_without_twins_auto_is_numpy_and_kernels_is_an_error(tmp_path, how, why):
    if how == "broken":
        (tmp_path / "numba.py").write_text("raise SystemError('no numba today')")
    roots = [str(Path(module.__file__).parents[1]) for module in (_twins, kernels)]
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([str(tmp_path), *roots]))
    environment.pop(_twins.VARIABLE, None)
    done = subprocess.run([sys.executable, "-c", MISSING, how], check=False, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("MissingTwinsError the compiled twins cannot be imported (")
    assert why in done.stdout
    assert "pip install refimpl" in done.stdout
