"""Nystrom preconditioners: the spectrum that they leave, what they ask for, and the iterations that they save."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl.baselines.iterative import conjugate_gradients
from refimpl.baselines.nystrom import nystrom_pcg, nystrom_preconditioner
from refimpl.errors import DtypeError
from tests.baselines.matrices import Tiles, decaying
from tests.strategies import seeds


def matrix_of(solve, n):
    return solve(np.eye(n))


@given(n=st.integers(2, 12), rank=st.integers(1, 12), sketch=st.sampled_from(["columns", "gaussian"]), lam=st.sampled_from([0.01, 1.0]), seed=seeds)
def test_the_preconditioned_spectrum(n, rank, sketch, lam, seed):
    """Within [1, 1 + |K - K hat| / lam], and 1 at least rank times; a vector alone is a column."""
    rank = min(rank, n)
    K = decaying(np.random.default_rng(seed), n)
    solve = nystrom_preconditioner(K, lam, rank=rank, rng=seed, sketch=sketch)
    inverse = matrix_of(solve, n)
    A, P = K + lam * np.eye(n), np.linalg.inv((inverse + inverse.T) / 2)
    rest = np.linalg.norm(A - P, 2)
    L = np.linalg.cholesky(P)
    s = np.linalg.eigvalsh(np.linalg.solve(L, np.linalg.solve(L, A).T))
    slack = 1e-12 * n**3 / lam
    assert np.allclose(inverse, inverse.T, rtol=0, atol=slack / lam)
    assert s[0] >= 1 - slack
    assert s[-1] <= 1 + rest / lam + slack
    assert np.sum(np.abs(s - 1) <= slack) >= rank
    V = np.random.default_rng(0).standard_normal((n, 2))
    assert np.allclose(solve(V[:, 0]), solve(V)[:, 0], rtol=0, atol=slack / lam)


@pytest.mark.parametrize("sketch", ["columns", "gaussian"])
def test_equal_points_and_full_rank_are_no_trouble(sketch):
    """S^T K S is singular; K hat is K."""
    rng = np.random.default_rng(10)
    H = np.repeat(rng.standard_normal((4, 3)), 3, axis=0)
    K = H @ H.T
    K = (K + K.T) / 2
    solve = nystrom_preconditioner(K, 0.5, rank=12, rng=0, sketch=sketch)
    assert np.allclose(matrix_of(solve, 12), np.linalg.inv(K + 0.5 * np.eye(12)), rtol=0, atol=1e-10)
    assert nystrom_pcg(K, np.ones(12), lam=0.5, rank=12, rng=0, tol=1e-9, most=2).iterations <= 2


def test_the_sketch_depends_on_rng_alone():
    K, v = decaying(np.random.default_rng(11), 30), np.ones(30)
    for sketch in ("columns", "gaussian"):
        one, same, other = (nystrom_preconditioner(K, 0.1, rank=4, rng=rng, sketch=sketch)(v) for rng in (3, np.random.default_rng(3), 4))
        assert np.array_equal(one, same)
        assert not np.array_equal(one, other)
    with pytest.raises(DtypeError, match="rng is None"):
        nystrom_preconditioner(K, 0.1, rank=4, rng=None)


def test_columns_are_asked_for_once_and_no_others():
    K, asked = decaying(np.random.default_rng(12), 30), []

    def columns(J):
        asked.append(J)
        return K[:, J]

    solve = nystrom_preconditioner(columns, 0.1, rank=5, rng=0, n=30)
    assert [len(set(J.tolist())) for J in asked] == [5]
    assert np.array_equal(solve(np.ones(30)), nystrom_preconditioner(K, 0.1, rank=5, rng=0)(np.ones(30)))


def test_a_good_sketch_saves_iterations_and_tiles_are_enough():
    rng = np.random.default_rng(13)
    K, y = decaying(rng, 150), rng.standard_normal((150, 2))
    plain = conjugate_gradients(K, y, lam=1e-3, tol=1e-10, most=500)
    tiles = Tiles(K)
    found = [nystrom_pcg(K, y, lam=1e-3, rank=25, rng=0, tol=1e-10, most=500),
             nystrom_pcg(tiles, y, lam=1e-3, rank=25, rng=0, tol=1e-10, most=500),
             nystrom_pcg(tiles, y, lam=1e-3, rank=25, rng=0, tol=1e-10, most=500, columns=lambda J: K[:, J])]
    assert set(tiles.shapes) == {(150, 25), (150, 2)}
    for solution in found:
        assert solution.iterations < plain.iterations / 3
        assert np.linalg.norm(solution.alpha - plain.alpha) <= 2e-10 / 1e-3 * np.linalg.norm(y)
