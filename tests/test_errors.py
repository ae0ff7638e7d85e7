import math
from decimal import Decimal
from fractions import Fraction

import flint
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from refimpl import errors
from refimpl.errors import DomainError, DtypeError, NonFiniteError, ShapeError, Shapes
from tests.strategies import SPOILED, frozen, seeds

sizes = st.integers(1, 4)
finite_floats = st.floats(allow_nan=False, allow_infinity=False)


def test_every_error_is_a_ValueError_or_a_TypeError():
    assert all(issubclass(error, ValueError) for error in (ShapeError, DomainError, NonFiniteError))
    assert issubclass(DtypeError, TypeError)


# ---- Shapes

@given(n=sizes, m=sizes, d=sizes)
def test_sizes_agree_exactly_where_the_shapes_do(n, m, d):
    check = Shapes("DLS22, section 2")
    X, W = frozen(np.ones((n, d))), frozen(np.ones((m, d)))
    assert check("X", X, "n", "d") is X
    assert check("W", W, "m", "d") is W
    with pytest.raises(ShapeError, match=rf"a has shape \({m + 1},\) but W has m = {m}; a must be \(m,\) \(DLS22, section 2\)"):
        check("a", frozen(np.ones(m + 1)), "m")


def test_a_square_letter_is_held_to_itself():
    with pytest.raises(ShapeError, match=r"H has shape \(2, 3\) but H has d = 2; H must be \(d, d\)"):
        Shapes("here")("H", frozen(np.ones((2, 3))), "d", "d")


@pytest.mark.parametrize("shape", [(0, 2), (2, 0), (0,), ()])
def test_an_array_without_entries_or_axes_is_refused(shape):
    with pytest.raises(ShapeError, match=rf"X has shape \({', '.join(map(str, shape))}"):
        Shapes("here")("X", frozen(np.ones(shape)), "n", "d")


def test_one_entry_is_never_stretched_to_many():
    check = Shapes("here")
    check("W", frozen(np.ones((3, 2))), "m", "d")
    with pytest.raises(ShapeError, match="but W has m = 3"):
        check("b", frozen([1.0]), "m")


@pytest.mark.parametrize(("spoil", "error", "pattern"), SPOILED)
def test_shapes_refuses_spoiled_arrays(spoil, error, pattern):
    with pytest.raises(error, match=pattern.format(name="X")):
        Shapes("here")("X", spoil(frozen([[1.0, 2.0]])), "n", "d")


# ---- arrays

@given(seed=seeds, shape=st.lists(st.integers(0, 3), max_size=3).map(tuple))
def test_a_good_array_comes_back_itself(seed, shape):
    x = frozen(np.random.default_rng(seed).normal(size=shape))
    assert errors.float64("x", x) is x
    assert errors.finite("x", x) is x
    assert errors.points("x", x) is x


@given(seed=seeds, bad=st.sampled_from([math.nan, math.inf, -math.inf]))
def test_finite_names_the_first_entry_that_is_not(seed, bad):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(3, 4))
    i, j = rng.integers(3), rng.integers(4)
    x[i, j] = bad
    x[i, j + 1:] = math.nan                            # later ones are not named
    with pytest.raises(NonFiniteError, match=rf"x\[{i}, {j}\] = {bad}; x must be finite"):
        errors.finite("x", frozen(x))


def test_finite_names_a_number_without_brackets():
    with pytest.raises(NonFiniteError, match=r"^x = nan; x must be finite"):
        errors.finite("x", np.asarray(math.nan))


@given(x=finite_floats)
def test_points_takes_a_number_as_an_array_without_axes(x):
    got = errors.points("x", x)
    assert (got.shape, got.dtype, got[()]) == ((), np.float64, x)


# ---- numbers

@given(x=finite_floats | st.integers(-2**53, 2**53) | st.fractions(-9, 9))
def test_number_is_the_float(x):
    got = errors.number("x", x)
    assert type(got) is float
    assert abs(Fraction(got) - Fraction(x)) <= Fraction(2)**-53 * abs(Fraction(x))   # one rounding; none for floats


@pytest.mark.parametrize("x", [np.float64(0.5), np.int64(3), np.float32(0.5)])
def test_number_takes_scalars_of_numpy(x):
    assert errors.number("x", x) == x


@pytest.mark.parametrize("x", [True, np.True_, "1", None, 1j, [1.0], np.ones(()), np.ones(1), Decimal(1)])
def test_number_refuses_what_is_not_a_real_number(x):
    with pytest.raises(DtypeError, match=rf"x = .* is of type {type(x).__name__}; x must be a real number"):
        errors.number("x", x)


@pytest.mark.parametrize("x", [math.nan, math.inf, -math.inf, np.float64("nan"), 10**400, Fraction(-(10**400))],
                         ids=["nan", "inf", "-inf", "numpy nan", "10**400", "Fraction(-10**400)"])
def test_number_refuses_what_no_float_holds(x):
    with pytest.raises(NonFiniteError, match=r"^x = .*; x must be finite"):
        errors.number("x", x)


@given(x=st.fractions() | st.integers() | finite_floats)
def test_rounded_is_the_nearest_float(x):
    got = errors.rounded("x", x)
    assert abs(Fraction(got) - Fraction(x)) <= Fraction(math.ulp(got)) / 2


@pytest.mark.parametrize("x", [10**400, Fraction(-(10**400), 3), math.nan, -math.inf], ids=["10**400", "-10**400/3", "nan", "-inf"])
def test_rounded_refuses_what_no_float_holds_in_a_short_message(x):
    with pytest.raises(NonFiniteError, match=r"^x = .*; x must be finite") as caught:
        errors.rounded("x", x)
    assert len(str(caught.value)) < 100


@given(k=st.integers(-3, 10**30), least=st.integers(-3, 5))
def test_count_is_the_whole_number(k, least):
    if k >= least:
        assert errors.count("k", k, least=least) == k
    else:
        with pytest.raises(DomainError, match=rf"k = {k}; k must be at least {least} \(why not\)"):
            errors.count("k", k, least=least, why="why not")


def test_count_makes_an_int_of_an_integer_of_numpy():
    assert type(errors.count("k", np.int32(3), least=0)) is int


@pytest.mark.parametrize("k", [True, np.True_, 2.0, np.float64(2), Fraction(2), "2", None, np.array(2)])
def test_count_refuses_what_is_not_a_whole_number(k):
    with pytest.raises(DtypeError, match=rf"k = .* is of type {type(k).__name__}; k must be a whole number"):
        errors.count("k", k, least=0)


# ---- coefficients

@given(c=st.lists(finite_floats | st.integers(-9, 9), min_size=1, max_size=4))
def test_coefficients_take_lists_tuples_generators_and_vectors(c):
    for given_as in (c, tuple(c), (x for x in c), np.array(c, dtype=float)):
        got = errors.coefficients("c", given_as)
        assert got.dtype == np.float64
        assert got.tolist() == c


@pytest.mark.parametrize(("c", "error", "message"), [
    ([], ShapeError, r"c has shape \(0,\)"),
    (np.ones((2, 2)), ShapeError, r"c has shape \(2, 2\)"),
    (np.ones(()), ShapeError, r"c has shape \(\)"),
    (np.ones(2, int), DtypeError, "c has dtype int64"),
    (np.ones(2, np.float32), DtypeError, "c has dtype float32"),
    ([1.0, math.nan], NonFiniteError, r"c\[1\] = nan"),
    (np.array([1.0, math.inf]), NonFiniteError, r"c\[1\] = inf"),
    ([1.0, True], DtypeError, r"c\[1\] = True is of type bool"),
    ([[1.0], [2.0]], DtypeError, r"c\[0\] = \[1.0\] is of type list"),
    ("12", DtypeError, "c is of type str"),
    ({0: 1.0}, DtypeError, "c is of type dict"),
    (3.0, DtypeError, "c is of type float"),
    (None, DtypeError, "c is of type NoneType"),
])
def test_coefficients_refuse(c, error, message):
    with pytest.raises(error, match=message):
        errors.coefficients("c", c)


# ---- exact numbers

@given(x=finite_floats | st.integers() | st.fractions())
@example(x=0.1)
@example(x=5e-324)
@example(x=10**400)
def test_exact_loses_nothing(x):
    got = errors.exact("x", x)
    assert type(got) is Fraction
    assert got == x


@given(x=st.fractions())
def test_exact_takes_numbers_of_flint(x):
    assert errors.exact("x", flint.fmpq(x.numerator, x.denominator)) == x
    assert errors.exact("x", flint.fmpz(x.numerator)) == x.numerator


@pytest.mark.parametrize("x", [np.float64(0.1), np.int64(-3), np.float32(0.1)])
def test_exact_takes_scalars_of_numpy(x):
    assert errors.exact("x", x) == Fraction(x.item())


@pytest.mark.parametrize("x", [True, np.True_, "1", None, 1j, [1], np.ones(()), np.ones(2), Decimal(1)])
def test_exact_refuses_what_is_not_a_number(x):
    with pytest.raises(DtypeError, match=rf"x = .* is of type {type(x).__name__}; x must be an int, float, Fraction or fmpq"):
        errors.exact("x", x)


@pytest.mark.parametrize("x", [math.nan, math.inf])
def test_exact_refuses_what_is_not_finite(x):
    with pytest.raises(NonFiniteError, match=f"x = {x}"):
        errors.exact("x", x)
