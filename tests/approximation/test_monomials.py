"""v_k against the expectation that it is made for, against exact arithmetic, and its largest value."""

from fractions import Fraction

import flint
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl.approximation.monomials import supremum, v, v_gaussian
from refimpl.errors import DomainError, DtypeError, NonFiniteError, ShapeError
from tests.strategies import SPOILED, frozen, mp, mpf, reals, ulps, vectors

orders, signs = st.integers(0, 9), st.sampled_from([-1, 1])


def terms(k, a, b):
    """The absolute terms of v_k(a, b)."""
    return 2 * (1 - a) * k * (k - 1) * abs(b) ** max(k - 2, 0) + 6 * abs(k - 1) * abs(b) + 2 * k


def feature_mean(k, x):
    """E[v_k(a, b) relu(a x + b)] from the coefficients of v_k in b, found by solving for them, and the antiderivative of each power."""
    total = Fraction()
    for a in (1, -1):
        nodes = [Fraction(i) for i in range(max(k - 1, 2))]                 # v_k has degree max(k - 2, 1) in b
        V = flint.fmpq_mat([[flint.fmpq(int(b)) ** l for l in range(len(nodes))] for b in nodes])
        values = flint.fmpq_mat([[flint.fmpq(v(k, a, b).numerator, v(k, a, b).denominator)] for b in nodes])
        c = [Fraction(int(q.p), int(q.q)) for q in V.solve(values).entries()]
        low = max(-1, min(1, -a * x))
        for l, c_l in enumerate(c):
            for factor, power in ((a * x, l), (1, l + 1)):
                total += c_l * factor * (1 - low ** (power + 1)) / (power + 1) / 4
    return total


@given(k=orders, x=st.fractions(-1, 1, max_denominator=30))
def test_the_features_make_a_monomial(k, x):
    assert feature_mean(k, x) == x**k


@given(k=orders, x=st.fractions(1, 4, max_denominator=30), side=signs)
def test_beyond_one_they_go_on_along_the_tangent(k, x, side):
    assert feature_mean(k, side * x) == side**k * (1 + k * (x - 1))


@pytest.mark.parametrize("k", range(9))
@pytest.mark.parametrize("x", [Fraction(1, 3), Fraction(-5, 7), Fraction(1), Fraction(-1), Fraction(0)])
def test_with_a_gaussian_bias_too(k, x):
    """Gauss-Legendre at 30 nodes on each side of the kink is exact for the polynomial that v_gaussian times its density is, but for rounding."""
    nodes, weights = np.polynomial.legendre.leggauss(30)
    total, size = 0.0, 1.0
    for a in (1, -1):
        low = float(-a * x)
        b = low + (1 - low) / 2 * (nodes + 1)
        density = np.exp(-b * b / 2) / np.sqrt(2 * np.pi)
        parts = (1 - low) / 2 * weights * density * v_gaussian(k, a, b) * (a * float(x) + b) / 2
        total, size = total + parts.sum(), size + np.abs(parts).sum()
    assert abs(total - float(x**k)) <= 2.0**-52 * (4 * k + 64) * size


# ---- floats

@given(k=orders, a=signs, b=vectors(reals(1)))
def test_floats_are_the_exact_values(k, a, b):
    got = v(k, np.full(len(b), float(a)), b)
    exact = [v(k, a, Fraction(x)) for x in b.tolist()]
    assert ulps(got, exact, [terms(k, a, Fraction(x)) for x in b.tolist()]) <= k + 8


@given(k=orders, a=signs, b=vectors(reals(3)))
def test_the_gaussian_weight_is_over_twice_the_density(k, a, b):
    got = v_gaussian(k, np.full(len(b), float(a)), b)
    inside = [abs(x) <= 1 for x in b.tolist()]
    exact = [mpf(v(k, a, Fraction(x))) / (2 * mp.npdf(x)) if kept else mp.mpf(0) for x, kept in zip(b.tolist(), inside, strict=True)]
    size = [mpf(terms(k, a, Fraction(x))) / (2 * mp.npdf(x)) for x in b.tolist()]
    assert ulps(got, exact, size) <= k + 14
    assert not got[~np.array(inside)].any()


@pytest.mark.parametrize("b", [1.0, -1.0])
def test_the_ends_are_inside(b):
    assert v_gaussian(1, 1, b) == pytest.approx(np.sqrt(2 * np.pi * np.e), rel=1e-14)
    assert v_gaussian(1, 1, np.nextafter(b, 2 * b)) == 0


def test_types():
    assert isinstance(v(3, 1, Fraction(1, 2)), Fraction)
    assert isinstance(v(3, -1, 1), Fraction)
    assert isinstance(v(3, flint.fmpq(-1), flint.fmpq(1, 2)), Fraction)
    assert isinstance(v(3, 1, 0.5), float)
    assert isinstance(v(3, Fraction(1), 0.5), float)
    assert v(3, frozen([1.0, -1.0]), 0.5).shape == (2,)
    assert v(3, 1, frozen([[0.5, 0.25]])).shape == (1, 2)
    assert isinstance(v_gaussian(3, 1, Fraction(1, 2)), float)
    assert v_gaussian(3, frozen([1.0, -1.0]), 0.5).shape == (2,)
    assert v_gaussian(3, 1, frozen([0.5, 2.0])).shape == (2,)


def test_the_first_weights():
    a, b = frozen([1.0, -1.0, 1.0, -1.0]), frozen([0.5, 0.5, -1.0, -1.0])
    assert v(0, a, b).tolist() == (6 * b).tolist()
    assert v(1, a, b).tolist() == (2 * a).tolist()
    assert v(2, a, b).tolist() == (4 * (1 - a) - 6 * b + 4 * a).tolist()
    assert v(3, a, b).tolist() == (12 * (1 - a) * b - 12 * b + 6 * a).tolist()


# ---- the largest value

def test_the_largest_values():
    assert [supremum(k) for k in range(7)] == [6, 2, 10, 18, 58, 66, 138]
    assert all(type(supremum(k)) is int for k in range(7))


@pytest.mark.parametrize("k", [*range(13), 40, 41])
def test_nothing_is_larger(k):
    """At the ends and where the derivative -12 ... vanishes: 4 k (k-1) (k-2) b^{k-3} = 6 (k-1) for a = -1; v_k(1, b) is a line."""
    assert supremum(k) == abs(v(k, -1, -1))
    candidates = [mpf(abs(v(k, a, b))) for a in (1, -1) for b in (1, -1)]
    if k >= 4:
        root = mp.root(mp.mpf(3) / (2 * k * (k - 2)), k - 3)
        candidates += [abs(4 * k * (k - 1) * b ** (k - 2) - 6 * (k - 1) * b - 2 * k) for b in (root, -root)]
    assert max(candidates) == supremum(k)


@given(k=st.integers(0, 30), a=signs, b=st.fractions(-1, 1, max_denominator=99))
def test_it_is_a_bound(k, a, b):
    assert abs(v(k, a, b)) <= supremum(k)


# ---- bad input

@pytest.mark.parametrize("function", [v, v_gaussian])
@pytest.mark.parametrize("a", [0, 2, 0.5, Fraction(1, 2), -1.0000001])
def test_a_is_a_sign(function, a):
    with pytest.raises(DomainError, match=r"a = .*; every a must be -1 or 1 \(DLS22, Lemma 17\)"):
        function(2, a, 0.25)
    with pytest.raises(DomainError, match="every a must be -1 or 1"):
        function(2, frozen([1.0, float(a)]), frozen([0.5, 3.0]))


@pytest.mark.parametrize("function", [v, v_gaussian])
@pytest.mark.parametrize(("k", "error"), [(-1, DomainError), (1.0, DtypeError), ("2", DtypeError), (True, DtypeError)])
def test_k_is_a_whole_number(function, k, error):
    with pytest.raises(error, match=r"^k = "):
        function(k, 1, 0.5)
    with pytest.raises(error, match=r"^k = "):
        supremum(k)


@pytest.mark.parametrize("function", [v, v_gaussian])
def test_two_shapes(function):
    with pytest.raises(ShapeError, match=r"a has shape \(2,\) but b has shape \(3,\)"):
        function(2, frozen([1.0, -1.0]), frozen([0.1, 0.2, 0.3]))
    with pytest.raises(ShapeError, match=r"a has shape \(2,\) but b has shape \(1, 2\)"):
        function(2, frozen([1.0, -1.0]), frozen([[0.1, 0.2]]))


@pytest.mark.parametrize("function", [v, v_gaussian])
@pytest.mark.parametrize("name", ["a", "b"])
@pytest.mark.parametrize(("spoil", "error", "pattern"), SPOILED[1:8])
def test_spoiled_arrays(function, name, spoil, error, pattern):
    arguments = {"a": frozen([1.0, -1.0]), "b": frozen([0.5, 0.25])}
    with pytest.raises(error, match=pattern.format(name=name)):
        function(3, **{**arguments, name: spoil(arguments[name])})


@pytest.mark.parametrize("function", [v, v_gaussian])
def test_a_list_is_no_array(function):
    with pytest.raises(DtypeError, match=r"^b = \[0.5, 0.25\] is of type list"):
        function(3, 1, [0.5, 0.25])


@pytest.mark.parametrize("function", [v, v_gaussian])
@pytest.mark.parametrize("b", [np.nan, np.inf])
def test_numbers_are_finite(function, b):
    with pytest.raises(NonFiniteError, match=r"^b = (nan|inf)"):
        function(2, 1, b)


def test_an_overflow_is_an_error():
    with pytest.raises(NonFiniteError, match="v_k"):
        v(9, frozen([-1.0]), frozen([1e60]))
