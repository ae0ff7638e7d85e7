"""The exact algebra against polynomials multiplied out in independent coordinates, where a mean is a product of (k-1)!!."""

import math
from copy import deepcopy
from fractions import Fraction

import flint
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from refimpl import polynomials as P
from refimpl.errors import DomainError, DtypeError, NonFiniteError, ShapeError
from tests.strategies import (
    He_exact,
    along,
    average,
    convolve,
    differentiate,
    dyadics,
    polynomials_of,
    rationals,
    rodrigues,
    seeds,
    substitute,
)


@st.composite
def instances(draw, most_degree=4):
    """A polynomial g of r variables, exact directions A (r, d), dependent ones included, and a point s."""
    r, d = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    g = P.polynomial(draw(polynomials_of(r, most_degree)))
    A = [[Fraction(draw(dyadics(2, 2))) for _ in range(d)] for _ in range(r)]
    return g, A, [draw(rationals()) for _ in range(r)]


def some(g, seed):
    """Another polynomial in the same variables: g with its exponents and coefficients shifted about."""
    rng = np.random.default_rng(seed)
    return {tuple(int(i) for i in rng.permutation(alpha)): x - int(rng.integers(-3, 4)) for alpha, x in g.items()}


CONSTANT = ({(0,): Fraction(2)}, [[Fraction(1)]], [Fraction(3)])        # p = 0
LINEAR = ({(1,): Fraction(2)}, [[Fraction(0)]], [Fraction(0)])          # p = 1, a zero direction at the origin
COLLINEAR = ({(2, 2): Fraction(1), (1, 1): Fraction(-1)}, [[Fraction(1)], [Fraction(-2)]], [Fraction(0), Fraction(1)])


# ---- algebra

@given(at=instances(), seed=seeds)
def test_evaluation_respects_sums_products_and_multiples(at, seed):
    g, _, s = at
    f = some(g, seed)
    value = P.evaluate(g, s), P.evaluate(f, s)
    assert P.evaluate(P.add(g, f), s) == sum(value)
    assert P.evaluate(P.times(g, f), s) == math.prod(value)
    assert P.evaluate(P.scale(g, Fraction(-2, 3)), s) == Fraction(-2, 3) * value[0]


@given(at=instances())
def test_evaluation_is_the_sum_of_monomials(at):
    g, _, s = at
    expected = Fraction()
    for alpha, coefficient in g.items():
        for s_i, k in zip(s, alpha, strict=True):
            for _ in range(k):
                coefficient *= s_i
        expected += coefficient
    assert P.evaluate(g, s) == expected


@given(at=instances(), h=rationals())
def test_partials_are_the_terms_of_taylors_series(at, h):
    g, _, s = at
    for i in range(len(s)):
        moved = [x + h * (i == j) for j, x in enumerate(s)]
        total, term = Fraction(), g
        for k in range(P.degree(g) + 1):
            total += h**k / math.factorial(k) * P.evaluate(term, s)
            term = P.partial(term, i)
        assert total == P.evaluate(g, moved)
        assert not any(term.values())


@given(at=instances())
def test_homogeneous_parts_add_up_and_scale(at):
    g, _, s = at
    parts = [P.homogeneous(g, k) for k in range(P.degree(g) + 1)]
    assert P.add({}, *parts) == g
    for k, part in enumerate(parts):
        assert P.evaluate(part, [3 * x for x in s]) == 3**k * P.evaluate(part, s)


def test_degree_of_what_cancels_is_not_counted():
    assert P.degree({(3, 1): Fraction(0), (1, 1): Fraction(2)}) == 2
    assert P.degree({(5,): Fraction(0)}) == P.degree({}) == 0


@given(r=st.integers(1, 4), k=st.integers(0, 5))
def test_exponents_are_all_of_one_degree_in_order(r, k):
    got = P.exponents(r, k)
    assert all(len(alpha) == r and sum(alpha) == k and min(alpha) >= 0 for alpha in got)
    assert len(got) == math.comb(k + r - 1, k)
    assert got == sorted(set(got), reverse=True)


@given(alpha=st.lists(st.integers(0, 8), min_size=1, max_size=4).map(tuple))
def test_factorial_of_exponents_is_their_derivative(alpha):
    g = {alpha: 1}
    for i, k in enumerate(alpha):
        for _ in range(k):
            g = differentiate(g, i)
    assert g == {(0,) * len(alpha): P.factorial(alpha)}


def test_identity_is_the_gram_of_the_axes():
    assert P.identity(3) == P.gram([[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    assert P.identity(1) == ((1,),)


@given(at=instances())
def test_gram_is_the_second_moment_of_Ux(at):
    _, A, _ = at
    G = P.gram(A)
    for i in range(len(A)):
        for j in range(len(A)):
            z_i_z_j = {tuple((k == i) + (k == j) for k in range(len(A))): 1}
            assert G[i][j] == average(substitute(z_i_z_j, A))


# ---- what a Gaussian does

@given(at=instances())
@example(CONSTANT)
@example(LINEAR)
@example(COLLINEAR)
def test_heat_averages_over_a_gaussian_shift(at):
    g, A, s = at
    assert P.evaluate(P.heat(g, P.gram(A)), s) == average(substitute(g, A, shift=s))


@given(at=instances())
@example(CONSTANT)
@example(LINEAR)
@example(COLLINEAR)
def test_mean_is_that_of_the_polynomial_multiplied_out(at):
    g, A, _ = at
    assert P.mean(g, P.gram(A)) == average(substitute(g, A))


@given(at=instances())
def test_heat_undone_is_heat_backwards(at):
    g, A, s = at
    there_and_back = P.heat(P.heat(g, P.gram(A)), P.gram(A), time=-1)
    assert P.evaluate(there_and_back, s) == P.evaluate(g, s)
    assert P.add(there_and_back, P.scale(g, -1)).keys() >= g.keys()
    assert not any(P.add(there_and_back, P.scale(g, -1)).values())


@given(alpha=st.lists(st.integers(0, 4), min_size=1, max_size=3).map(tuple), s=st.lists(rationals(), min_size=3, max_size=3))
def test_heat_backwards_makes_hermite_polynomials(alpha, s):
    got = P.evaluate(P.heat({alpha: Fraction(1)}, P.identity(len(alpha)), time=-1), s[:len(alpha)])
    assert got == math.prod(He_exact(k, x) for k, x in zip(alpha, s, strict=False))


def mean_derivative(g, alpha):
    for i, k in enumerate(alpha):
        for _ in range(k):
            g = differentiate(g, i)
    return average(g)


def mean_product_with_He(g, alpha):
    for i, k in enumerate(alpha):
        line = {tuple(l * (j == i) for j in range(len(alpha))): coefficient for l, coefficient in enumerate(rodrigues(k))}
        g = convolve(g, line)
    return average(g)


@given(at=instances())
@example(CONSTANT)
@example(LINEAR)
def test_hermite_coefficients_are_mean_derivatives_and_inner_products(at):
    g = at[0]
    c, r = P.hermite_coefficients(g), len(next(iter(g)))
    for k in range(P.degree(g) + 2):
        for alpha in P.exponents(r, k):
            assert c.get(alpha, 0) == mean_derivative(g, alpha) == mean_product_with_He(g, alpha)


@given(at=instances())
def test_from_hermite_is_the_sum_of_hermite_polynomials(at):
    c, _, s = at
    expected = sum(
        x / P.factorial(alpha) * math.prod(He_exact(k, z) for k, z in zip(alpha, s, strict=True)) for alpha, x in c.items())
    assert P.evaluate(P.from_hermite(c), s) == expected


@given(at=instances())
def test_arguments_stay_as_they_are(at):
    g, A, s = at
    before = deepcopy((g, A, s))
    G = P.gram(A)
    for result in (P.add(g, g), P.scale(g, 3), P.times(g, g), P.partial(g, 0), P.homogeneous(g, 1), P.heat(g, G), P.hermite_coefficients(g),
                   P.from_hermite(g), P.polynomial(g)):
        assert result is not g
        result.clear()
    P.mean(g, G), P.evaluate(g, s)
    assert before == (g, A, s)


@given(w=st.lists(dyadics(), min_size=2, max_size=2))
def test_the_reference_differentiates_along_a_line(w):
    """The tests' own tool: d/dt f(x + t w) at t = 0 for f = x_1^2 x_2."""
    got = along({(2, 1): 1}, w)
    assert {alpha: x for alpha, x in got.items() if x} == {alpha: x for alpha, x in {(1, 1): 2 * w[0], (2, 0): w[1]}.items() if x}


# ---- bad input

def test_numbers_of_every_kind_are_taken_exactly():
    got = P.polynomial({(0, np.int64(2)): 0.1, (1, 0): flint.fmpq(-2, 7), (0, 0): 3, (2, 2): Fraction(1, 3)})
    assert got == {(0, 2): Fraction(0.1), (1, 0): Fraction(-2, 7), (0, 0): Fraction(3), (2, 2): Fraction(1, 3)}
    assert all(type(x) is Fraction for x in got.values())
    assert all(type(k) is int for alpha in got for k in alpha)
    assert P.gram(np.array([[0.1, 2.0]])) == ((Fraction(0.1)**2 + 4,),)


MAKERS = {"polynomial": P.polynomial, "from_hermite": P.from_hermite}


@pytest.mark.parametrize("f", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize(("g", "error", "message"), [
    ({}, ShapeError, r"g = {}; g must map exponents to coefficients"),
    ([1.0, 2.0], ShapeError, r"g = \[1.0, 2.0\]; g must map exponents"),
    (None, ShapeError, "g = None"),
    ({2: 1.0}, ShapeError, "g has the exponents 2"),
    ({(): 1.0}, ShapeError, r"g has the exponents \(\)"),
    ({"2": 1.0}, ShapeError, "g has the exponents '2'"),
    ({(1,): 1.0, (1, 2): 1.0}, ShapeError, r"g has the exponents \(1, 2\); every key must be a tuple of r = 1"),
    ({(-1,): 1.0}, DomainError, r"an exponent of \(-1,\) = -1"),
    ({(1.0,): 1.0}, DtypeError, r"an exponent of \(1.0,\) = 1.0 is of type float"),
    ({(True,): 1.0}, DtypeError, r"an exponent of \(True,\) = True is of type bool"),
    ({(1,): True}, DtypeError, r"g\[\(1,\)\] = True is of type bool"),
    ({(1,): "2"}, DtypeError, r"g\[\(1,\)\] = '2' is of type str"),
    ({(1,): np.ones(1)}, DtypeError, r"g\[\(1,\)\] = .* is of type ndarray"),
    ({(1,): math.nan}, NonFiniteError, r"g\[\(1,\)\] = nan"),
    ({(1,): -math.inf}, NonFiniteError, r"g\[\(1,\)\] = -inf"),
])
def test_polynomials_refuse(f, g, error, message):
    with pytest.raises(error, match=message):
        f(g)


def test_a_polynomial_has_as_many_variables_as_asked():
    with pytest.raises(ShapeError, match=r"g has the exponents \(1, 2\); every key must be a tuple of r = 3"):
        P.polynomial({(1, 2): 1.0}, 3)


@pytest.mark.parametrize(("U", "error", "message"), [
    ([], ShapeError, r"U has rows of lengths \[\]"),
    ([[]], ShapeError, r"U has rows of lengths \[0\]"),
    ([[1, 2], [3]], ShapeError, r"U has rows of lengths \[2, 1\]"),
    ([[1, True]], DtypeError, r"U\[0\]\[1\] = True is of type bool"),
    ([[1], ["a"]], DtypeError, r"U\[1\]\[0\] = 'a' is of type str"),
    ([[1.0, math.nan]], NonFiniteError, r"U\[0\]\[1\] = nan"),
    ([1, 2], (ShapeError, DtypeError), "U"),
    (5, (ShapeError, DtypeError), "U"),
])
def test_gram_refuses(U, error, message):
    with pytest.raises(error, match=message):
        P.gram(U)


def test_a_factor_is_an_exact_number():
    for factor, error in ((True, DtypeError), ("2", DtypeError), (math.nan, NonFiniteError)):
        with pytest.raises(error, match=f"factor = {factor!r}"):
            P.scale({(1,): Fraction(1)}, factor)


@pytest.mark.parametrize(("r", "k"), [(0, 1), (-1, 1), (2, -1)])
def test_exponents_need_variables_and_a_degree(r, k):
    with pytest.raises(DomainError, match=f"r = {r}|k = {k}"):
        P.exponents(r, k)


@pytest.mark.parametrize(("r", "k"), [(True, 1), (2, 1.0), (1.5, 1), ("2", 1), (2, None)])
def test_exponents_are_counted_in_whole_numbers(r, k):
    with pytest.raises(DtypeError, match=r"(r|k) = .* whole number"):
        P.exponents(r, k)
