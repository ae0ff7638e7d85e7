"""The first gradient at its own input, against quadrature of the half-space and in closed form."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from refimpl.data.targets import single_index
from refimpl.errors import DomainError, DtypeError, NonFiniteError
from refimpl.input_moment import input_moment
from refimpl.population import half_space_moment
from tests.half_spaces import VARSIGMA, cases, half_space
from tests.strategies import EPS, SPOILED, frozen


@settings(max_examples=40)
@given(case=cases(), n=st.sampled_from([1, 2, 9]))
@example(case=(single_index([2.0], frozen([1.0])), frozen([[1.0], [-2.0]]), frozen([0.0, -30.0])), n=1)
def test_it_is_a_sum_over_pairs_of_samples(case, n):
    """Within 1e-12 of the sum of absolute terms of E[q (1 + |x|^2)^2 1]."""
    target, W, b = case
    got = input_moment(target, W, b, n, varsigma=VARSIGMA)
    assert got.shape == (2,)
    for j in range(2):
        x, weight, f, size = half_space(target, W[j], b[j])
        q, length, g = f**2 + VARSIGMA**2, np.sum(x * x, axis=1), (weight * f) @ x
        bound = 1e-12 * (weight * (size**2 + VARSIGMA**2)) @ (target.d + length) ** 2 + 1e-300
        pairs = (weight * q) @ length**2 + 2 * (n - 1) * g @ ((weight * f * length) @ x) + (n - 1) * (weight * q) @ length + (n - 1) * (n - 2) * g @ g
        assert abs(got[j] - pairs / n**2) <= bound


@pytest.mark.parametrize("d", [2, 50, 3000])
def test_a_quadratic_target_in_closed_form(d):
    """f* = He_2 / sqrt 2: E[q |x|^2 1] = ((1 + varsigma^2) d + 4) / 2, and g.E[f |x|^2 x 1] = (d + 3) |g|^2 + tr H w.Hw / (4 pi)."""
    target = single_index([0.0, 0.0, math.sqrt(2)], frozen(np.eye(1, d)[0]))
    W = frozen([np.eye(1, d)[0] * 0.6 + 0.8 * np.eye(1, d, d - 1)[0]])
    g, wHw = half_space_moment(target, W, np.zeros(1))[0], math.sqrt(2) * 0.36
    second, signal = ((1 + VARSIGMA**2) * d + 4) / 2, g @ g
    fourth = (39 + 2 * (d - 1) * 5 + (d - 1) * (d + 1) + VARSIGMA**2 * d * (d + 2)) / 2     # E f^2 z^4 = 39, E f^2 z^2 = 5
    n = 7
    own = (d + 3) * signal + math.sqrt(2) * wHw / (4 * math.pi)
    expected = (fourth + 2 * (n - 1) * own + (n - 1) * second + (n - 1) * (n - 2) * signal) / n**2
    assert abs(input_moment(target, W, np.zeros(1), n, varsigma=VARSIGMA)[0] - expected) <= 400 * EPS * expected


# ---- bad input

AT, W0, B0 = single_index([1.0, 2.0, 3.0], frozen([0.6, 0.8])), frozen([[1.0, 2.0], [3.0, 4.0]]), frozen([0.5, -0.5])


@pytest.mark.parametrize("name", ["W", "b"])
@pytest.mark.parametrize(("spoil", "error", "pattern"), SPOILED)
def test_spoiled_arguments(name, spoil, error, pattern):
    theta = {"W": W0, "b": B0}
    with pytest.raises(error, match=pattern.format(name=name)):
        input_moment(AT, n=3, **{**theta, name: spoil(theta[name])})


def test_other_bad_arguments():
    with pytest.raises(DomainError, match=r"varsigma = -0.5; the label noise"):
        input_moment(AT, W0, B0, 2, varsigma=-0.5)
    with pytest.raises(DtypeError, match="varsigma = None"):
        input_moment(AT, W0, B0, 2, varsigma=None)
    with pytest.raises(DtypeError, match="target is of type dict"):
        input_moment({(2,): 1.0}, W0, B0, 2)
    with pytest.raises(DomainError, match="n = 0; n must be at least 1"):
        input_moment(AT, W0, B0, 0)
    with pytest.raises(DtypeError, match=r"n = 2.0"):
        input_moment(AT, W0, B0, 2.0)


def test_an_overflow_is_an_error_that_says_where():
    with pytest.raises(NonFiniteError, match="must be finite"):
        input_moment(single_index([0.0, 1e200], frozen([1.0])), frozen([[1.0]]), frozen([0.0]), 1)
