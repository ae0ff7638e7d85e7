"""Values against exact fractions and mpmath, derivatives by exact differences on each piece and by complex steps."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from refimpl.errors import DomainError, DtypeError, NonFiniteError, ShapeError
from refimpl.losses import ABSOLUTE, HINGE, LOGISTIC, SQUARE
from tests.strategies import EPS, NORMAL, SPOILED, frozen, mp, mpf, reals, seeds, ulps

ALL = [SQUARE, ABSOLUTE, HINGE, LOGISTIC]
each = pytest.mark.parametrize("loss", ALL, ids=lambda loss: loss.name)
EXACT = {"square": lambda f, y: (f - y)**2, "absolute": lambda f, y: abs(f - y), "hinge": lambda f, y: max(1 - y * f, 0),
         "logistic": lambda f, y: mp.log1p(mp.exp(-mpf(y * f)))}


@st.composite
def samples(draw, most=50):
    """Predictions and labels -1 or +1, with kinks and ties."""
    n = draw(st.integers(1, 6))
    corner = st.sampled_from([0.0, 1.0, -1.0, 1 + EPS, 1 - EPS])
    f = draw(st.lists(corner | reals(3) | reals(most), min_size=n, max_size=n))
    y = draw(st.lists(st.sampled_from([1.0, -1.0]), min_size=n, max_size=n))
    return frozen(f), frozen(y)


@each
@given(at=samples())
@example(at=(frozen([1.0, 0.0, -1.0]), frozen([1.0, 1.0, 1.0])))
def test_value_is_the_mean(loss, at):
    """Terms are at least 0; each costs 3 roundings, 6 where exp and log1p are called, and their mean n."""
    f, y = at
    parts = [EXACT[loss.name](Fraction(f_i), Fraction(y_i)) for f_i, y_i in zip(f.tolist(), y.tolist(), strict=True)]
    got = loss.value(f, y)
    assert type(got) is float
    assert ulps(got, sum(map(mpf, parts)) / len(f)) <= len(f) + 6


@pytest.mark.parametrize("loss", [SQUARE, ABSOLUTE], ids=lambda loss: loss.name)
@given(seed=seeds)
def test_labels_of_a_regression_are_any_numbers(loss, seed):
    f, y = (frozen(v) for v in np.random.default_rng(seed).normal(size=(2, 4)))
    parts = [EXACT[loss.name](Fraction(f_i), Fraction(y_i)) for f_i, y_i in zip(f.tolist(), y.tolist(), strict=True)]
    assert ulps(loss.value(f, y), sum(parts) / 4) <= 10


def exact_derivative(loss, f, y, h=Fraction(1, 2**1100)):
    """The central difference on a piece, where ell is linear or quadratic; h is below any distance of two floats."""
    ell, f, y = EXACT[loss.name], Fraction(f), Fraction(y)
    return (ell(f + h, y) - ell(f - h, y)) / (2 * h)


@pytest.mark.parametrize("loss", [SQUARE, ABSOLUTE, HINGE], ids=lambda loss: loss.name)
@given(at=samples(1e6))
def test_derivative_away_from_kinks(loss, at):
    f, y = at
    smooth = (f != y) if loss is ABSOLUTE else (y * f != 1) if loss is HINGE else np.ones(len(f), bool)
    got = loss.derivative(f, y)
    assert got.shape == f.shape
    expected = [exact_derivative(loss, *pair) for pair in zip(f[smooth], y[smooth], strict=True)]
    assert ulps(got[smooth], expected) <= 1            # one subtraction


@given(at=samples(700))
@example(at=(frozen([0.0, 800.0, -800.0, 37.0, 709.9, 740.0]), frozen([1.0, 1.0, 1.0, 1.0, 1.0, 1.0])))
def test_logistic_derivative(at):
    """-y / (1 + exp(y f)): exp and two operations; far out it fades into denormals."""
    f, y = at
    expected = [-mp.mpf(y_i) / (1 + mp.exp(mp.mpf(y_i) * f_i)) for f_i, y_i in zip(f, y, strict=True)]
    assert ulps(LOGISTIC.derivative(f, y), expected, [abs(v) + NORMAL for v in expected]) <= 4


@given(at=samples(30))
def test_logistic_derivative_is_the_complex_step(at):
    f, y = at
    expected = np.log1p(np.exp(-y * (f + 1e-200j))).imag / 1e-200
    assert np.all(np.abs(LOGISTIC.derivative(f, y) - expected) <= 16 * EPS * np.abs(expected))


def test_at_the_kinks():
    one = frozen([1.0])
    assert ABSOLUTE.derivative(one, one) == 0                          # the middle of the subgradient
    assert HINGE.derivative(one, one) == -1                            # y f = 1 counts as active
    assert HINGE.derivative(-one, -one) == 1
    assert HINGE.derivative(one * (1 + EPS), one) == 0
    assert SQUARE.derivative(one, one) == 0


@each
@given(at=samples(), seed=seeds)
def test_the_order_of_samples_does_not_matter_to_the_derivative(loss, at, seed):
    f, y = at
    order = np.random.default_rng(seed).permutation(len(f))
    assert np.array_equal(loss.derivative(f[order], y[order]), loss.derivative(f, y)[order])


def test_the_derivative_is_not_divided_by_n_and_has_no_half():
    f, y = frozen([3.0, 3.0]), frozen([1.0, 1.0])
    assert SQUARE.derivative(f, y).tolist() == [4, 4]
    assert SQUARE.value(f, y) == 4


# ---- bad input

GOOD = frozen([1.0, -1.0])


@each
@pytest.mark.parametrize(("spoil", "error", "pattern"), SPOILED)
def test_spoiled_arguments(loss, spoil, error, pattern):
    for call in (loss.value, loss.derivative):
        with pytest.raises(error, match=pattern.format(name="f")):
            call(spoil(GOOD), GOOD)
        with pytest.raises(error, match=pattern.format(name="y")):
            call(GOOD, spoil(GOOD))


@each
def test_one_label_a_prediction(loss):
    for n in (1, 3):
        with pytest.raises(ShapeError, match=rf"y has shape \({n},\) but f has n = 2"):
            loss.value(GOOD, frozen(np.ones(n)))


@pytest.mark.parametrize("loss", [HINGE, LOGISTIC], ids=lambda loss: loss.name)
@pytest.mark.parametrize("label", [0.0, 0.5, 2.0, 1 + EPS])
def test_labels_of_a_classification_are_signs(loss, label):
    for call in (loss.value, loss.derivative):
        with pytest.raises(DomainError, match=rf"y\[1\] = {label}; the {loss.name} loss takes labels -1 and \+1"):
            call(GOOD, frozen([1.0, label]))


@each
def test_a_number_is_not_a_sample(loss):
    with pytest.raises(DtypeError, match="f is of type float"):
        loss.value(1.0, GOOD)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: SQUARE.value(frozen([1e300]), frozen([0.0])), "the square loss = inf"),
    (lambda: SQUARE.derivative(frozen([1.0, 1.7e308]), frozen([1.0, -1.7e308])), r"the derivative of the square loss\[1\] = inf"),
    (lambda: ABSOLUTE.value(frozen([1.7e308]), frozen([-1.7e308])), "the absolute loss = inf"),
    (lambda: HINGE.value(frozen([1.7e308, 1.7e308]), frozen([-1.0, -1.0])), "the hinge loss = inf"),
], ids=["square", "square derivative", "absolute", "hinge mean"])
def test_an_overflow_is_an_error_that_says_where(call, message):
    with pytest.raises(NonFiniteError, match=message):
        call()


@each
def test_large_margins_overflow_nothing(loss):
    f, y = frozen([1e100, -1e100]), frozen([1.0, 1.0])
    assert np.isfinite(loss.value(f, y))
    assert np.isfinite(loss.derivative(f, y)).all()
