"""The compiled table of Hermite polynomials against its definition."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from refimpl._twins import implementation
from refimpl.errors import NonFiniteError
from refimpl.hermite import He, He_table
from refimpl_kernels import hermite as kernels
from refimpl_kernels._jit import made_for
from tests.assembly import array, assembly

COMPARED = {"refimpl.hermite.He_table"}

EPS, TINY = np.finfo(float).eps, np.finfo(float).tiny
TILE = kernels.TILE


def budget(K, z):
    """How far two evaluations of the recurrence may differ, row by row: 3 k eps A_k.

    A is the recurrence with |z| and plus signs. In a step a term meets at most two roundings, of a product and of the
    difference (one where they are fused), so |error| <= 2 k eps/2 A_k (1 + O(k eps)) in either code, and two codes differ by
    2 k eps A_k. A product that underflows is off by 2^-1075; TINY added to |z| and to A_k pays for it. The rest is for A itself.
    """
    A = [np.ones(z.shape), abs(z) + TINY]
    for k in range(1, K):
        A.append((abs(z) + TINY) * A[k] + k * A[k - 1] + TINY)
    return np.array([3 * k * EPS * A_k for k, A_k in enumerate(A[:K + 1])])


def agrees(candidate, K, z):
    """The comparison that a twin passes and a planted fault does not: shape, type and every entry within its budget."""
    got, expected = candidate(K, z), He_table.reference(K, z)
    assert type(got) is type(expected) is np.ndarray
    assert got.shape == expected.shape == (K + 1, *z.shape)
    return bool((abs(got - expected) <= budget(K, z)).all())


@settings(deadline=None)
@given(K=st.integers(1, 41), z=hnp.arrays(float, hnp.array_shapes(min_dims=0, min_side=0, max_side=9), elements=st.floats(-40, 40)))
@example(K=5, z=np.array([0.0, -0.0, 5e-324, -1e-308, 1.0, -1.0]))   # He_2(1) = 0
def test_the_table_agrees(K, z):
    assert agrees(kernels.He_table, K, z)


@pytest.mark.parametrize("K", [1, 2, 3, 20])
@pytest.mark.parametrize("N", [0, 1, 7, 8, 9, TILE - 1, TILE, TILE + 1, 2 * TILE + 5])
def test_the_table_agrees_around_the_size_of_a_tile(K, N):
    assert agrees(kernels.He_table, K, 3 * np.random.default_rng([K, N]).normal(size=N))


@pytest.mark.parametrize("view", [lambda Z: Z.T, lambda Z: Z[::-2, 1::3], lambda Z: Z[0, 0], lambda Z: Z[:0], lambda Z: np.broadcast_to(Z[0], (3, 40))])
def test_the_table_agrees_on_views(view):
    assert agrees(kernels.He_table, 7, np.asarray(view(np.random.default_rng(3).normal(size=(30, 40)))))


def test_the_place_in_a_tile_moves_no_bit():
    z = np.random.default_rng(4).normal(size=2 * TILE + 11)
    whole = kernels.He_table(9, z)
    for i in range(z.size):
        assert np.array_equal(whole[:, i], kernels.He_table(9, z[i]))
        assert np.array_equal(whole[:, i:], kernels.He_table(9, z[i:]))
        assert np.array_equal(whole[:8, :i], kernels.He_table(7, z[:i]))


def k_of_the_next(K, z):
    """k + 1 for k."""
    H = [np.ones(z.shape), z]
    for k in range(1, K):
        H.append(z * H[k] - (k + 1) * H[k - 1])
    return np.array(H)


def tail_lost(K, z):
    """The entries behind the last full tile of their left neighbours."""
    H = kernels.He_table(K, z)
    full = z.size // TILE * TILE
    H[:, full:] = H[:, full - 1:-1]
    return H


def last_row_rounded(K, z):
    H = kernels.He_table(K, z)
    H[-1] = H[-1].astype(np.float32)
    return H


@pytest.mark.parametrize("wrong", [k_of_the_next, tail_lost, last_row_rounded])
def test_a_wrong_table_is_rejected(wrong):
    z = np.random.default_rng(5).normal(size=TILE + 3)
    assert agrees(kernels.He_table, 6, z)
    assert not agrees(wrong, 6, z)


@pytest.mark.parametrize("side", ["numpy", "kernels"])
@pytest.mark.parametrize("K", [0, 1, 2, 5])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_the_definitions_error_on_both_sides(side, K, bad):
    for place in range(TILE + 3):
        z = np.zeros(TILE + 3)
        z[place] = bad
        with implementation(side), pytest.raises(NonFiniteError, match=rf"z\[{place}\] = {bad}; z must be finite"):
            He_table(K, z)


@pytest.mark.parametrize("side", ["numpy", "kernels"])
@pytest.mark.parametrize(("K", "z"), [(2, 1e200), (3, 1e200), (9, -1e200), (302, 0.0), (303, 0.0), (310, 0.0), (303, 1.0)])
def test_an_overflow_in_any_row_is_the_definitions_error_on_both_sides(side, K, z):
    """He_302(0) overflows, He_303(0) is 0 times that, which the twin makes NaN."""
    with implementation(side), pytest.raises(NonFiniteError, match=r"He\[\d+, 0\] = "):
        He_table(K, np.array([z]))


def test_one_row_is_the_last_of_the_table_on_both_sides():
    z = np.linspace(-3.0, 3.0, 50)
    for side in ("numpy", "kernels"):
        with implementation(side):
            assert np.array_equal(He(6, z), He_table(6, z)[-1])
            assert He_table(0, z).tolist() == [[1.0] * 50]


def test_the_inner_loop_is_vectorised():
    found = assembly(kernels.recurrence, array(1, readonly=True), array(2))
    assert len(re.findall(r"\bvmulpd\b.*%[yz]mm", found)) >= kernels.VECTORS
    assert not made_for("fma") or len(re.findall(r"\bvfn?m(?:add|sub)\d+pd\b.*%[yz]mm", found)) >= kernels.VECTORS
