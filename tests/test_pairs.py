"""All pairs of two lists of neurons by series, against the integrals pair by pair."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from refimpl import pairs
from refimpl.bivariate import relu_relu
from refimpl.errors import DomainError, NonFiniteError, ShapeError
from refimpl.pairs import relu_gram
from tests.strategies import EPS, NORMAL, frozen
from tests.test_bivariate import BIASES, BOUND, scales


@given(b=BIASES, c=BIASES, rho=st.sampled_from([0.0, 1.0, -1.0, 0.6, -0.6, 0.9, 1 - EPS, -1 + EPS]) | st.floats(-1, 1))
@example(b=-6.5, c=-6.4, rho=0.600000001)              # as near the origin as kinks that need all terms can be
@example(b=-6.5, c=-6.6, rho=0.600000001)              # far, so by integrals
@example(b=-2.5, c=-11.0, rho=0.600000001)
@example(b=12.3, c=-12.3, rho=-0.600000001)
def test_series_and_integrals_agree(b, c, rho):
    """Two derivations, each within its bound; the same for a wrong sign of rho."""
    found = relu_gram(frozen([b, c]), frozen([c]), frozen([[rho], [rho]]))
    assert found.shape == (2, 1)
    for got, one in zip(found[:, 0], (b, c), strict=True):
        assert abs(got - relu_relu(one, c, rho)) <= 2 * BOUND * EPS * (scales(one, c)[2] + NORMAL)


def test_series_of_many_pairs():
    """More of them about rho = +-1 than a chunk holds; every entry in its place."""
    rng = np.random.default_rng(1)
    b, c, rho = 3 * rng.normal(size=130), 3 * rng.normal(size=90), np.tanh(2 * rng.normal(size=(130, 90)))
    found, expected = relu_gram(b, c, rho), relu_relu(b[:, None], c, rho)
    n = np.sqrt([scales(x, x)[2] for x in b])[:, None] * np.sqrt([scales(x, x)[2] for x in c])
    assert np.count_nonzero(np.abs(rho) > pairs.MIDDLE) > pairs.CHUNK
    assert np.count_nonzero(pairs._far(b, c)) > 10
    assert np.all(np.abs(found - expected) <= 2 * BOUND * EPS * n)


def test_series_of_other_sizes():
    one = frozen([0.5])
    with pytest.raises(ShapeError, match=r"rho has shape \(1, 2\) but c has k = 1"):
        relu_gram(one, one, frozen([[0.5, 0.5]]))
    with pytest.raises(DomainError, match=r"rho = 2\.0"):
        relu_gram(one, one, frozen([[2.0]]))
    with pytest.raises(NonFiniteError, match="relu_gram"):
        relu_gram(1e300 * one, 1e300 * one, frozen([[0.5]]))
    assert relu_gram(1e300 * one, -1e300 * one, frozen([[0.9]])) == 0
