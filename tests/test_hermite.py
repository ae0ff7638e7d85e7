"""Float functions against exact Hermite polynomials from Rodrigues' formula; the exact algebra against its definitions."""

import math
from fractions import Fraction

import flint
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from refimpl import hermite
from refimpl.errors import DomainError, DtypeError, NonFiniteError, ShapeError
from tests.strategies import (
    SPOILED,
    He_exact,
    He_plus,
    convolve,
    exactly,
    frozen,
    mp,
    normal_moment,
    rationals,
    reals,
    rodrigues,
    seeds,
    ulps,
    vectors,
)

orders = st.integers(0, 12)
points = vectors(st.one_of(st.sampled_from([0.0, 1.0, -1.0, 3**0.5, -(3**0.5), 40.0, -40.0]), reals(4), reals(64)))
series = st.lists(rationals(), min_size=1, max_size=7)


# ---- values

@given(k=orders, z=points)
@example(k=0, z=frozen([1e300, -5e-324]))
@example(k=1, z=frozen([1.7e308, -5e-324]))
@example(k=40, z=frozen([0.0, 1.0, 12.5, 1e3]))
def test_He_is_within_4k_eps(k, z):
    x = exactly(z)
    assert ulps(hermite.He(k, z), He_exact(k, x), He_plus(k, x)) <= 4 * k


@given(k=orders, z=points)
@example(k=0, z=frozen([1e300, -5e-324]))
@example(k=40, z=frozen([0.0, 1.0, 12.5, 1e3]))
@example(k=170, z=frozen([0.0, 1.0, 12.5, 25.0]))
def test_he_is_within_6k_eps(k, z):
    x = exactly(z)
    norm = mp.sqrt(math.factorial(k))
    expected, terms = [[mp.mpf(v.numerator) / v.denominator / norm for v in f(k, x)] for f in (He_exact, He_plus)]
    assert ulps(hermite.he(k, z), expected, terms) <= 6 * k


def test_he_goes_where_the_factorial_does_not():
    """he_k(0)^2 = 2^-k binom(k, k/2) at k = 1000, where k! has 2568 digits."""
    got = hermite.he(1000, 0.0)
    assert ulps(got, mp.sqrt(mp.mpf(math.comb(1000, 500)) / 2**1000)) <= 6000


@given(K=orders, z=points)
def test_the_table_holds_every_He(K, z):
    table = hermite.He_table(K, z)
    assert table.shape == (K + 1, len(z))
    for k in range(K + 1):
        assert np.array_equal(table[k], hermite.He(k, z))


@given(c=vectors(reals(1e6), 9), z=points)
@example(c=frozen([0.0]), z=frozen([1e300]))                    # K = 0
@example(c=frozen([2.5]), z=frozen([-1e300]))
@example(c=frozen([0.0, 0.0, 1.0]), z=frozen([1.0, -1.0]))      # He_2 vanishes
@example(c=frozen([0.0] * 30 + [1.0]), z=frozen([0.5, 40.0]))
def test_hermite_sum_is_within_8_K_plus_2_eps(c, z):
    x = exactly(z)
    parts = [Fraction(c_k) / math.factorial(k) for k, c_k in enumerate(c.tolist())]
    expected = sum((part * He_exact(k, x) for k, part in enumerate(parts)), start=0 * x)
    terms = sum((abs(part) * He_plus(k, x) for k, part in enumerate(parts)), start=0 * x)
    for f in (hermite.hermite_sum, hermite.hermite_sum.reference):
        assert ulps(f(c, z), expected, terms) <= 8 * (len(c) + 1)


@given(c=vectors(reals(1e3), 5), e=vectors(reals(1e3), 5), z=points)
def test_hermite_sum_takes_lists_and_is_linear(c, e, z):
    assert np.array_equal(hermite.hermite_sum(c.tolist(), z), hermite.hermite_sum(c, z))
    assert np.array_equal(hermite.hermite_sum(-2 * c, z), -2 * hermite.hermite_sum(c, z))     # powers of 2 round nothing
    longer = frozen([*e, 0.0, 0.0])
    assert np.array_equal(hermite.hermite_sum(longer, z), hermite.hermite_sum(e, z))


@given(alpha=st.lists(st.integers(0, 5), min_size=1, max_size=4), seed=seeds)
@example(alpha=[0], seed=0)
@example(alpha=[0, 0, 3], seed=1)
def test_He_multi_is_within_4_alpha_eps(alpha, seed):
    Z = frozen(np.random.default_rng(seed).normal(size=(3, len(alpha))))
    x = exactly(Z)
    expected = math.prod((He_exact(k, x[:, i]) for i, k in enumerate(alpha)), start=0 * x[:, 0] + 1)
    terms = math.prod((He_plus(k, x[:, i]) for i, k in enumerate(alpha)), start=0 * x[:, 0] + 1)
    assert ulps(hermite.He_multi(alpha, Z), expected, terms) <= 4 * sum(alpha)


ENTRYWISE = {"He": lambda z: hermite.He(3, z), "he": lambda z: hermite.he(3, z), "hermite_sum": lambda z: hermite.hermite_sum([1.0, 2.0, 3.0], z)}


@pytest.mark.parametrize("f", ENTRYWISE.values(), ids=ENTRYWISE)
def test_shapes_stay_and_a_number_gives_a_scalar(f):
    z = frozen(np.linspace(-2, 2, 12).reshape(2, 3, 2))
    assert f(z).shape == z.shape
    assert np.array_equal(f(z[:, ::2, 1]), f(z)[:, ::2, 1])       # strided views
    assert f(np.empty((2, 0))).shape == (2, 0)
    assert isinstance(f(0.5), float)
    assert f(2) == f(2.0) == f(np.float64(2)) == f(Fraction(2))


# ---- exact algebra

@given(k=st.integers(-1, 60))
def test_double_factorial_divides_the_factorial(k):
    assert hermite.double_factorial(-1) == hermite.double_factorial(0) == 1
    assert k < 1 or hermite.double_factorial(k) * hermite.double_factorial(k - 1) == math.factorial(k)


@given(k=orders)
def test_h_are_the_coefficients_of_Rodrigues(k):
    got = [hermite.h(k, l) for l in range(k + 3)]
    assert got == [*rodrigues(k), 0, 0]
    assert all(type(coefficient) is int for coefficient in got)


@given(k=orders, z=rationals())
def test_h_inverse_writes_powers_in_He(k, z):
    assert sum(hermite.h_inverse(k, l) * He_exact(l, z) for l in range(k + 1)) == z**k
    assert all(hermite.h_inverse(k, l) == 0 for l in range(k + 1, k + 3))


def value_of_monomials(a, z):
    return sum(a_l * z**l for l, a_l in enumerate(a))


def value_of_series(c, z):
    return sum(Fraction(c_k) / math.factorial(k) * He_exact(k, z) for k, c_k in enumerate(c))


@given(c=series, z=rationals())
def test_to_monomials_is_the_same_function(c, z):
    got = hermite.to_monomials(c)
    assert len(got) == len(c)
    assert value_of_monomials(got, z) == value_of_series(c, z)


@given(a=series)
def test_from_monomials_are_the_inner_products_with_He(a):
    p = {(l,): a_l for l, a_l in enumerate(a)}
    for k, c_k in enumerate(hermite.from_monomials(a)):
        product = convolve(p, {(l,): coefficient for l, coefficient in enumerate(rodrigues(k))})
        assert c_k == sum(x * normal_moment(alpha) for alpha, x in product.items())


@given(c=series)
def test_to_and_from_monomials_undo_each_other(c):
    assert hermite.from_monomials(hermite.to_monomials(c)) == c == hermite.to_monomials(hermite.from_monomials(c))


@given(c=series, e=series, z=rationals())
@example(c=[Fraction(0)], e=[Fraction(1)], z=Fraction(1))
def test_multiply_is_the_product_of_the_functions(c, e, z):
    got = hermite.multiply(c, e)
    assert len(got) == len(c) + len(e) - 1
    assert value_of_series(got, z) == value_of_series(c, z) * value_of_series(e, z)


@given(c=series)
def test_the_mean_of_a_square_is_parsevals_sum(c):
    assert hermite.multiply(c, c)[0] == sum(x * x / math.factorial(k) for k, x in enumerate(c))


@given(c=series)
def test_derivative_is_that_of_the_monomials(c):
    got, a = hermite.to_monomials(hermite.derivative(c)), hermite.to_monomials(c)
    assert got == ([l * a[l] for l in range(1, len(a))] or [0])


EXACT = {"to_monomials": hermite.to_monomials, "from_monomials": hermite.from_monomials, "derivative": hermite.derivative,
         "multiply": lambda c: hermite.multiply(c, c)}


@pytest.mark.parametrize("f", EXACT.values(), ids=EXACT)
def test_numbers_of_every_kind_are_taken_exactly(f):
    c = [3, Fraction(1, 3), flint.fmpq(-2, 7), 0.1, np.float64(0.3)]
    expected = f([Fraction(3), Fraction(1, 3), Fraction(-2, 7), Fraction(0.1), Fraction(0.3)])
    got = f(c)
    assert got == expected
    assert all(isinstance(x, Fraction) for x in got)
    assert (c[0], len(c)) == (3, 5)


# ---- bad input

BY_ORDER = {"He": lambda k: hermite.He(k, 1.0), "he": lambda k: hermite.he(k, 1.0), "double_factorial": hermite.double_factorial,
            "h": lambda k: hermite.h(k, 0), "h_inverse": lambda k: hermite.h_inverse(k, 0)}


@pytest.mark.parametrize("f", BY_ORDER.values(), ids=BY_ORDER)
def test_an_order_is_a_whole_number_from_zero(f):
    with pytest.raises(DomainError, match="k = -2; k must be at least"):
        f(-2)
    for k in (True, 1.0, None, "2"):
        with pytest.raises(DtypeError, match=f"k = {k!r} is of type {type(k).__name__}; k must be a whole number"):
            f(k)


@pytest.mark.parametrize("f", [hermite.h, hermite.h_inverse])
@pytest.mark.parametrize("l", [True, 1.0, None, "2"])
def test_the_second_index_is_a_whole_number_too(f, l):
    with pytest.raises(DtypeError, match=f"l = {l!r} is of type {type(l).__name__}; l must be a whole number"):
        f(2, l)


def test_a_table_needs_a_size():
    with pytest.raises(DomainError, match="K = -1; K must be at least 0"):
        hermite.He_table(-1, 0.0)


@pytest.mark.parametrize("f", ENTRYWISE.values(), ids=ENTRYWISE)
@pytest.mark.parametrize(("spoil", "error", "pattern"), [s for s in SPOILED if s.id not in ("list", "empty", "an axis less", "an axis more")])
def test_spoiled_points(f, spoil, error, pattern):
    with pytest.raises(error, match=pattern.format(name="z")):
        f(spoil(frozen([0.5, 1.5])))


@pytest.mark.parametrize("f", ENTRYWISE.values(), ids=ENTRYWISE)
@pytest.mark.parametrize("z", [None, "1", True, [0.5]])
def test_points_are_a_number_or_an_array(f, z):
    with pytest.raises(DtypeError, match=rf"z = .* is of type {type(z).__name__}; z must be a real number"):
        f(z)


@pytest.mark.parametrize(("spoil", "error", "pattern"), [s for s in SPOILED if s.id != "list"])
def test_hermite_sum_refuses_spoiled_coefficients(spoil, error, pattern):
    with pytest.raises(error, match=pattern.format(name="c")):
        hermite.hermite_sum(spoil(frozen([0.5, 1.5])), 1.0)


@pytest.mark.parametrize("f", EXACT.values(), ids=EXACT)
@pytest.mark.parametrize(("c", "error", "message"), [
    ([], ShapeError, "is empty"),
    ([1, math.nan], NonFiniteError, r"\[1\] = nan"),
    ([1, True], DtypeError, r"\[1\] = True is of type bool"),
    ([1, None], DtypeError, r"\[1\] = None is of type NoneType"),
    ([1, [2]], DtypeError, r"\[1\] = \[2\] is of type list"),
    ("12", DtypeError, r"'1' is of type str|is of type str"),
    (3, (DtypeError, ShapeError), "is of type int"),
    ({0: 1, 2: 5}, (DtypeError, ShapeError), "is of type dict"),
], ids=["empty", "nan", "bool", "None", "nested", "str", "number", "dict"])
def test_exact_series_refuse(f, c, error, message):
    with pytest.raises(error, match=message):
        f(c)


@pytest.mark.parametrize(("alpha", "error", "message"), [
    ((1, 2, 3), ShapeError, r"alpha = \(1, 2, 3\) has 3 entries but Z has r = 2 columns"),
    ((1,), ShapeError, r"alpha = \(1,\) has 1 entries but Z has r = 2 columns"),
    ((1, -1), DomainError, r"alpha\[1\] = -1"),
    ((1.0, 1), DtypeError, r"alpha\[0\] = 1.0 is of type float"),
    ((True, 1), DtypeError, r"alpha\[0\] = True is of type bool"),
    (3, (DtypeError, ShapeError), "alpha"),
])
def test_He_multi_refuses_indices(alpha, error, message):
    with pytest.raises(error, match=message):
        hermite.He_multi(alpha, frozen([[0.5, 1.5]]))


@pytest.mark.parametrize(("spoil", "error", "pattern"), SPOILED)
def test_He_multi_refuses_spoiled_points(spoil, error, pattern):
    with pytest.raises(error, match=pattern.format(name="Z")):
        hermite.He_multi((1, 2), spoil(frozen([[0.5, 1.5]])))


@pytest.mark.parametrize(("call", "message"), [
    (lambda: hermite.He(2, frozen([0.0, 1e300])), r"He\[2, 1\] = inf"),
    (lambda: hermite.He(400, 3.0), r"He\[\d+\] = -?inf"),
    (lambda: hermite.he(3, frozen([0.0, 1e300])), r"he\[1\] = (inf|nan)"),
    (lambda: hermite.hermite_sum([1e300, 1e300], frozen([0.0, 1e300])), r"hermite_sum\[1\] = inf"),
    (lambda: hermite.He_multi((2, 2), frozen([[1e100, 1e100]])), r"He_alpha\[0\] = inf"),
], ids=["He", "He of high order", "he", "hermite_sum", "He_multi"])
def test_an_overflow_is_an_error_that_says_where(call, message):
    with pytest.raises(NonFiniteError, match=message):
        call()
