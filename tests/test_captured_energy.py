"""The energies of signal and error against quadrature of the half-space, and the share in S* by hand."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from refimpl.captured_energy import Energies, captured_energy, energies, samples_to_capture
from refimpl.data.targets import single_index
from refimpl.errors import DomainError, DtypeError, NonFiniteError, ShapeError
from tests.half_spaces import VARSIGMA, cases, half_space
from tests.strategies import EPS, SPOILED, frozen


@settings(max_examples=40)
@given(case=cases())
@example(case=(single_index([2.0], frozen([1.0])), frozen([[1.0], [-2.0]]), frozen([0.0, -30.0])))
def test_the_energies_are_those_of_the_quadrature(case):
    """Within 1e-12 of the sum of absolute terms of E[q (1 + |x|^2)^2 1]."""
    target, W, b = case
    parts = energies(target, W, b, varsigma=VARSIGMA)
    for j in range(2):
        x, weight, f, size = half_space(target, W[j], b[j])
        q, length, g, P = f**2 + VARSIGMA**2, np.sum(x * x, axis=1), (weight * f) @ x, target.Pi_star
        M = (x * (weight * q)[:, None]).T @ x
        bound = 1e-12 * (weight * (size**2 + VARSIGMA**2)) @ (target.d + length) ** 2 + 1e-300
        assert np.max(np.abs([part[j] for part in parts] - np.array([g @ P @ g, g @ g, np.sum(P * M) - g @ P @ g, np.trace(M) - g @ g]))) <= bound


# ---- by hand

E = Energies(frozen([3.0, 1.0]), frozen([4.0, 1.0]), frozen([2.0, 1.0]), frozen([10.0, 8.0]))


def test_the_share_by_hand():
    assert captured_energy(E, 2).tolist() == [8 / 18, 3 / 10]
    assert captured_energy(E, frozen([[2.0], [6.0]])).tolist() == [[[8 / 18, 3 / 10]], [[20 / 34, 7 / 14]]]
    assert captured_energy(Energies(3.0, 4.0, 2.0, 10.0), 2) == 8 / 18


@given(share=st.floats(0.01, 0.74))
def test_samples_to_capture_inverts_the_share(share):
    n = samples_to_capture(E, share)
    reached = n > 0                                      # 2/10 and 1/8 are there without a sample's signal
    assert np.array_equal(reached, share > np.array([0.2, 0.125]))
    for j in np.flatnonzero(reached):
        alone = Energies(*(float(part[j]) for part in E))
        assert abs(captured_energy(alone, float(n[j])) - share) <= 64 * EPS


@pytest.mark.parametrize("share", [0.75, 0.9, 1.0])
def test_no_number_of_samples_captures_more_than_g_has(share):
    with pytest.raises(DomainError, match=rf"share = {share}; it must lie below"):
        samples_to_capture(E, share)


@pytest.mark.parametrize("n", [0, -1.0, frozen([3.0, 0.0])])
def test_samples_are_positive(n):
    with pytest.raises(DomainError, match=r"n = (0|-1)\.?0?; the number of samples must be positive"):
        captured_energy(E, n)


@pytest.mark.parametrize("function", [lambda e: captured_energy(e, 1), samples_to_capture])
def test_energies_are_four_of_one_shape(function):
    with pytest.raises(DtypeError, match="energies is of type tuple"):
        function(tuple(E))
    with pytest.raises(ShapeError, match=r"error has shape \(3,\) but signal has shape \(2,\)"):
        function(E._replace(error=np.ones(3)))
    with pytest.raises(NonFiniteError, match=r"signal\[1\] = nan"):
        function(E._replace(signal=np.array([1.0, math.nan])))


def test_no_energy_has_no_share():
    with pytest.raises(NonFiniteError, match="the share = nan"):
        captured_energy(Energies(0.0, 0.0, 0.0, 0.0), 1)


# ---- bad input

AT, W0, B0 = single_index([1.0, 2.0, 3.0], frozen([0.6, 0.8])), frozen([[1.0, 2.0], [3.0, 4.0]]), frozen([0.5, -0.5])


@pytest.mark.parametrize("name", ["W", "b"])
@pytest.mark.parametrize(("spoil", "error", "pattern"), SPOILED)
def test_spoiled_arguments(name, spoil, error, pattern):
    theta = {"W": W0, "b": B0}
    with pytest.raises(error, match=pattern.format(name=name)):
        energies(AT, **{**theta, name: spoil(theta[name])})


def test_noise_and_target_are_checked():
    with pytest.raises(DomainError, match=r"varsigma = -0.5; the label noise"):
        energies(AT, W0, B0, varsigma=-0.5)
    with pytest.raises(DtypeError, match="varsigma = None"):
        energies(AT, W0, B0, varsigma=None)
    with pytest.raises(DtypeError, match="target is of type dict"):
        energies({(2,): 1.0}, W0, B0)


def test_an_overflow_is_an_error_that_says_where():
    with pytest.raises(NonFiniteError, match="must be finite"):
        energies(single_index([0.0, 1e200], frozen([1.0])), frozen([[1.0]]), frozen([0.0]))
