"""The tridiagonal form of a symmetric matrix: what it is, what it solves, and when it declines."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl import head
from refimpl._tridiagonal import tridiagonal
from refimpl.head_spectrum import _ridge_of_moments
from tests.strategies import EPS, seeds


def psd(m, seed, rank=None):
    A = np.random.default_rng([m, seed]).standard_normal((rank or m + 3, m))
    return A.T @ A


@given(m=st.integers(2, 90), seed=seeds, L=st.integers(1, 5))
def test_it_solves_as_the_whole_matrix_does(m, seed, L):
    G, c, t = psd(m, seed), np.random.default_rng(seed).standard_normal(m), 2.0 ** np.arange(L)
    x = tridiagonal(G).solve(t, c)
    size = np.linalg.norm(G, 2)
    for shift, got in zip(t, x, strict=True):
        left = (G + shift * np.eye(m)) @ got - c                                # backward: within 10 eps of (|G| + t) |x|, and its own rounding
        assert np.linalg.norm(left) <= (2 * m + 20) * EPS * ((size + shift) * np.linalg.norm(got) + np.linalg.norm(c))


@given(m=st.integers(2, 40), seed=seeds)
def test_its_rows_bound_the_eigenvalues_and_its_signs_count_them(m, seed):
    G = psd(m, seed)
    T, s = tridiagonal(G), np.linalg.eigvalsh(G)
    assert s[-1] <= T.size * (1 + 1e-12)
    assert T.exceeds(s[0] - 1e-9 * s[-1])
    assert not T.exceeds(s[0] + 1e-9 * s[-1])


def test_a_shift_that_leaves_it_indefinite_is_declined():
    T = tridiagonal(psd(5, 0) - 100 * np.eye(5))
    assert T.solve(np.array([200.0]), np.ones(5)) is not None
    assert T.solve(np.array([200.0, 1.0]), np.ones(5)) is None


@pytest.mark.parametrize("rank", [3, 12])
def test_ridge_of_moments_is_that_of_their_decomposition(rank):
    rng = np.random.default_rng(rank)
    Phi, y = rng.standard_normal((40, rank)) @ rng.standard_normal((rank, 12)), rng.standard_normal(40)
    M, lam = head.moments(Phi, y), np.geomspace(1e-6, 10, 8).reshape(2, 4)
    direct, spectral = head.ridge(M, lam), head.ridge(head.decompose(M), lam)
    assert direct.shape == spectral.shape == (2, 4, 12)
    assert _ridge_of_moments(M, lam) is not None
    bound = 60 * EPS * head.decompose(M).s[-1] / (lam / 2)                      # (p + 4) eps |G| / (s_1 + lam / 2) for either, s_1 >= 0
    assert np.all(np.linalg.norm(direct - spectral, axis=-1) <= bound * np.linalg.norm(spectral, axis=-1))


@pytest.mark.parametrize("lam", [0.0, 1e-18])
def test_what_eigenvalues_must_decide_is_left_to_them(lam):
    rng = np.random.default_rng(1)
    M = head.moments(rng.standard_normal((40, 3)) @ rng.standard_normal((3, 12)), rng.standard_normal(40))
    assert _ridge_of_moments(M, lam) is None
    assert _ridge_of_moments(head.moments(rng.standard_normal((4, 1)), rng.standard_normal(4)), 1.0) is None
