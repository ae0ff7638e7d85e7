"""Figure 2: what is swept, one cell by another route, and what is found on rows made by hand."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from refimpl.experiments import transfer
from refimpl.experiments.figures import Rows
from refimpl.initial import gaussian, symmetric
from refimpl.training import AUTHORS, algorithm_1


def test_the_grid_is_that_of_the_figure():
    full, quick = transfer.grid(quick=False), transfer.grid(quick=True)
    assert len(full) == 3 * 8 * 10
    assert len(quick) == 2 * 7 * 6
    assert {cell["n"] for cell in full} == {0, 1, 10, 100, 1000, 10**4, 10**5, 10**6}
    assert {(cell["method"], cell["m"]) for cell in full} == {("algorithm-1", 100), ("algorithm-1", 1000), ("algorithm-1-authors", 100)}
    assert all(cell in full for cell in quick)
    assert full[0] == {"method": "algorithm-1", "m": 1000, "n": 10**6, "run": 9}


def test_the_targets_are_those_of_the_figure():
    X = np.random.default_rng(0).normal(size=(5, 10))
    x = X[:, 0]
    assert transfer.f_star().value(X) == pytest.approx((x**2 - 1) / 2 + (x**3 - 3 * x) / math.sqrt(12), rel=1e-13, abs=1e-13)
    assert transfer.g_star().value(X) == pytest.approx((x**3 - 3 * x) / math.sqrt(6), rel=1e-13, abs=1e-13)
    assert transfer.f_star().second_moment == pytest.approx(1, rel=1e-15)
    assert transfer.g_star().second_moment == pytest.approx(1, rel=1e-15)


# ---- one cell

CELL = {"method": "algorithm-1", "m": 12, "n": 50, "run": 0}


def test_a_cell_by_hand():
    """The step sample by sample, heads by normal equations at the lam that the cell found, the risk on 10^6 inputs."""
    result = transfer.cell(CELL, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    X, y = (part[:50] for part in transfer.f_star().sample(51, varsigma=1.0, rng=rng))
    start, b = symmetric(12, 10, rng=rng), rng.standard_normal(12)
    residual = y - y.mean() - X @ (X.T @ y / 50)
    on = (start.W @ X.T >= 0).astype(float)
    W = transfer.ETA_1 * np.array([2 * a * sum(on[j, i] * residual[i] * X[i] for i in range(50)) / 50 for j, a in enumerate(start.a)])
    test = np.random.default_rng(4).normal(size=(10**6, 10))
    for N, risk, lam in zip(transfer.NS, result["risks"], result["lams"], strict=True):
        X, y = transfer.g_star().sample(N, varsigma=1.0, rng=rng)
        Phi = np.maximum(X @ W.T + b, 0)
        a = np.linalg.solve(Phi.T @ Phi + N * lam / 2 * np.eye(12), Phi.T @ y)
        squares = (np.maximum(test @ W.T + b, 0) @ a - transfer.g_star().value(test)) ** 2
        assert abs(squares.mean() - risk) < 5 * squares.std() / 1000
    assert result == transfer.cell(CELL, np.random.default_rng(3))
    assert result != transfer.cell(CELL, np.random.default_rng(4))


def test_as_the_authors_ran_it():
    trained = transfer._pretrained("algorithm-1-authors", 50, 12, np.random.default_rng(5))
    rng = np.random.default_rng(5)
    X, y = transfer.f_star().sample(51, varsigma=1.0, rng=rng)
    expected = algorithm_1(X[:50], y[:50], m=12, lam=1.0, variant=AUTHORS, rng=rng)
    np.testing.assert_allclose(trained.network.W, expected.network.W, rtol=1e-12)
    assert np.array_equal(trained.network.b, expected.network.b)


@pytest.mark.parametrize(("n", "rank"), [(0, 10), (1, 1), (3, 3)])
def test_no_pretraining_leaves_all_directions_and_one_sample_only_one(n, rank):
    """W^(1) lies in the span of the samples of the first step, of which the head's one is none."""
    assert np.linalg.matrix_rank(transfer._pretrained("algorithm-1", n, 40, np.random.default_rng(6)).network.W, tol=1e-9) == rank


def test_no_pretraining_is_gaussian():
    rng = np.random.default_rng(7)
    transfer.f_star().sample(2, varsigma=1.0, rng=rng)
    symmetric(12, 10, rng=rng)
    rng.standard_normal(12)
    expected = gaussian(12, 10, sigma_a=1.0, sigma_w=1 / math.sqrt(10), sigma_b=1.0, rng=rng)
    network = transfer._pretrained("algorithm-1", 0, 12, np.random.default_rng(7)).network
    assert np.array_equal(network.W, expected.W)
    assert np.array_equal(network.b, expected.b)


# ---- what comes out

def rows(risk, m=100):
    """Two runs a thousandth apart, of which the risk at n = d^k, N = d^l is risk(k, l)."""
    return Rows(SimpleNamespace(parameters={"method": "algorithm-1", "m": m, "n": 10**k if k >= 0 else 0, "run": run},
                                result={"risks": [risk(k, l) + (run - 0.5) / 1000 for l in range(5)]}) for k in range(-1, 7) for run in range(2))


def falling(k, l):
    """1 up to n = d^2 and N = d, then 0.05."""
    return 0.05 if k >= 3 and l >= 2 else 1.0


def test_the_map_has_a_row_for_each_N_and_a_column_for_each_n():
    panel, = transfer.figure(rows(lambda k, l: k / 10 + l / 100)).panels
    assert panel.columns == ["none", "0", "1", "2", "3", "4", "5", "6"]
    assert panel.rows == ["0", "1", "2", "3", "4"]
    assert panel.values[3][6] == pytest.approx(0.53)
    assert panel.values[4][0] == pytest.approx(-0.06)


def test_findings_of_a_map_that_falls_with_d_3():
    found = {finding.what.split(", Alg")[0]: finding for finding in transfer.figure(rows(falling)).findings}
    assert len(found) == 8
    assert [finding.holds for finding in found.values()] == [True, True, True, True, None, True, True, True]
    corner = found["risk at n = d^3, N = d^3"]
    half = 12.706204736432095 * 0.001 / 2                  # Student's for two runs, and their standard deviation over sqrt 2
    assert (corner.value, corner.low, corner.high) == pytest.approx((0.05, 0.05 - half, 0.05 + half))
    assert found["risk at N = d^0, the least over n"].value == pytest.approx(1.0)


def test_findings_of_another_map_do_not_hold():
    """One that falls with n = d^2 and N = 1, as the text says, and one that does not fall."""
    early, never = (transfer.figure(rows(risk)).findings for risk in (lambda k, l: 0.3 if k >= 2 else 1.0, lambda k, l: 1.0))
    assert [finding.holds for finding in early] == [False, False, False, True, None, True, False, False]
    assert [finding.holds for finding in never] == [True, True, True, False, None, False, False, False]


def test_at_a_larger_width_less_is_claimed():
    findings = transfer.figure(rows(falling, m=1000)).findings
    assert [finding.holds for finding in findings] == [True, None, None, True, None, True, True, True]
    assert "1000" in transfer.figure(rows(falling, m=1000)).caption
    assert "m = 1000" not in transfer.figure(rows(falling)).caption
