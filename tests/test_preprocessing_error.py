"""The second moments of alpha - C_0 and beta - C_1 against sums over Gauss and Hermite's nodes, and against every sample of a small law."""

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from refimpl.data.targets import Target
from refimpl.errors import DomainError, DtypeError, NonFiniteError
from refimpl.preprocessing_error import second_moments

EPS = 2.0**-52


def by_quadrature(target, n, varsigma):
    """Var(y) / n and (E[y^2 |x|^2] - |E y x|^2) / n over a grid in all d dimensions, and the roundings of the sums over it."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(target.p + 3)
    x = np.array(list(product(nodes, repeat=target.d)))
    weight = np.array([math.prod(w) for w in product(weights / math.sqrt(2 * math.pi), repeat=target.d)])
    f, lengths = target.value(x), np.sum(x * x, axis=1)
    C_0, C_1 = weight @ f, (weight * f) @ x
    terms = sum(abs(float(c)) * np.prod((np.abs(x) @ np.abs(target.U).T + math.sqrt(2 * target.p)) ** alpha, axis=1) for alpha, c in target.g.items())
    size = 2 * weight @ ((terms**2 + varsigma**2) * (1 + lengths)) / n
    return ((weight @ f**2 + varsigma**2 - C_0**2) / n, (weight @ (f**2 * lengths) + target.d * varsigma**2 - C_1 @ C_1) / n), (len(x) + 64 * (target.p + 1)) * EPS * size


@pytest.mark.parametrize("target", [
    Target({(0,): 2.0}, np.array([[1.0]])),
    Target({(1,): -1.5}, np.array([[0.6, -0.8]])),
    Target({(2,): 0.5, (1,): 1.0, (0,): -3.0}, np.array([[1.0, 2.0, -0.5]])),
    Target({(2, 1): 0.5, (1, 0): 1.0, (0, 3): -0.25}, np.array([[1.0, 0.5], [0.0, 1.0]])),
])
@pytest.mark.parametrize("n", [1, 7])
@pytest.mark.parametrize("varsigma", [0.0, 0.5])
def test_moments_are_those_of_a_quadrature(target, n, varsigma):
    there, budget = by_quadrature(target, n, varsigma)
    assert np.max(np.abs(np.subtract(second_moments(target, n=n, varsigma=varsigma), there))) <= budget


def test_the_noise_of_alpha_and_beta_in_figure_1_is_31_46_over_n():
    """He_2 / 2 + He_4 / sqrt 48 and noise +-1."""
    target = Target({(4,): 1 / math.sqrt(48), (2,): 0.5 - 6 / math.sqrt(48), (0,): -0.5 + 3 / math.sqrt(48)}, np.eye(1, 10))
    moments = second_moments(target, n=1, varsigma=1.0)
    assert abs(sum(moments) - (28 + 2 * math.sqrt(3))) <= 64 * EPS * 32


def test_a_linear_target_has_the_moments_that_one_knows():
    """y = u.x, |u| = 1: Var(y) = 1, E[y^2 |x|^2] - 1 = d + 1."""
    assert second_moments(Target({(1,): 1.0}, np.eye(1, 4)), n=2) == (0.5, 2.5)


def test_moments_are_rounded_once():
    target = Target({(3,): Fraction(1, 3), (0,): 1.0}, np.array([[0.1, 0.7]]))
    u = Fraction(0.1) ** 2 + Fraction(0.7) ** 2
    alpha = 15 * u**3 / 9
    beta = (2 * 15 * u**3 + 6 * 15 * u**3) / 9 + 2 - u * u * u
    assert second_moments(target, n=1) == (float(alpha), float(beta))


def test_what_is_no_target_no_number_of_samples_or_no_noise_is_refused():
    target = Target({(1,): 1.0}, np.eye(1, 2))
    with pytest.raises(DtypeError, match="must be a Target"):
        second_moments("f", n=1)
    with pytest.raises(DomainError, match="n = 0"):
        second_moments(target, n=0)
    with pytest.raises(DtypeError, match=r"n = 1\.0"):
        second_moments(target, n=1.0)
    with pytest.raises(DomainError, match="varsigma = -1"):
        second_moments(target, n=1, varsigma=-1)
    with pytest.raises(NonFiniteError, match="varsigma"):
        second_moments(target, n=1, varsigma=math.nan)
    with pytest.raises(NonFiniteError, match="alpha"):
        second_moments(target, n=1, varsigma=1e200)
