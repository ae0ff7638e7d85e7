"""Products with rows that are mirror images of each other."""

import numpy as np
import pytest

from refimpl import _mirror
from tests.strategies import EPS


@pytest.mark.parametrize("m", [1, 2, 3, 8])
@pytest.mark.parametrize("kind", ["drawn", "mirrored", "nearly"])
def test_the_products_are_those_of_all_rows(m, kind):
    rng = np.random.default_rng(m)
    X, W = rng.integers(-8, 9, (5, 3)) / 4.0, rng.integers(1, 9, (m, 3)) / 4.0
    if kind != "drawn":
        W[m - m // 2:] = -W[:m // 2][::-1]
    if kind == "nearly":
        W[m // 2] += 1
    assert np.array_equal(_mirror.products(X, W), X @ W.T)


def test_mirror_images_are_negatives_to_the_bit():
    rng = np.random.default_rng(0)
    X, W = rng.standard_normal((40, 7)), rng.standard_normal((10, 7))
    Z = _mirror.products(X, np.concatenate([W, -W[::-1]]))
    assert np.array_equal(Z[:, 10:], -Z[:, :10][:, ::-1])
    assert np.all(np.abs(Z[:, :10] - X @ W.T) <= 2 * 7 * EPS * (np.abs(X) @ np.abs(W).T))       # either is a sum of 7 products
