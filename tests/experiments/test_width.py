"""The term of m: what is swept, the moments of the population and one cell by other routes, and what is found on rows made by hand."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from refimpl.experiments import width
from refimpl.experiments.figures import Rows
from refimpl.initial import symmetric
from refimpl.network import Network
from refimpl.population import first_gradient
from refimpl.risk import l2_risk, l2_risk_gradient


def test_the_grid_has_even_widths_and_the_infinite_n_first():
    full, quick = width.grid(quick=False), width.grid(quick=True)
    assert len(full) == (11 + 2 * 9) * 10
    assert len(quick) == 2 * 7 * 4
    assert full[0] == {"n": None, "m": 3162, "run": 9}
    assert sorted({cell["m"] for cell in full}) == [10, 18, 32, 56, 100, 178, 316, 562, 1000, 1778, 3162]
    assert {cell["n"] for cell in full} == {None, 10**4, 10**5}
    assert all(cell in full for cell in quick)


def test_the_target_is_that_of_figure_1():
    X = np.random.default_rng(0).normal(size=(5, 10))
    x = X[:, 0]
    assert width.f_star().value(X) == pytest.approx((x**2 - 1) / 2 + (x**4 - 6 * x**2 + 3) / math.sqrt(48), rel=1e-13, abs=1e-13)
    assert width.f_star().second_moment == pytest.approx(1, rel=1e-15)


# ---- the population

def network(m, seed):
    rng = np.random.default_rng(seed)
    return Network(rng.standard_normal(m), rng.standard_normal((m, 10)), rng.standard_normal(m))


def test_population_moments_are_those_of_many_samples():
    net, target = network(5, 1), width.f_star()
    moments = width.population_moments(net, target)
    X = np.random.default_rng(2).normal(size=(200_000, 10))
    Phi, f = np.maximum(X @ net.W.T + net.b, 0), target.value(X)
    for j in range(5):
        for k in range(5):
            assert abs(np.mean(Phi[:, j] * Phi[:, k]) - moments.gram[j, k]) < 5 * np.std(Phi[:, j] * Phi[:, k]) / math.sqrt(200_000)
        assert abs(np.mean(Phi[:, j] * f) - moments.moment[j]) < 5 * np.std(Phi[:, j] * f) / math.sqrt(200_000)
    assert moments.square == target.second_moment


def test_population_moments_make_the_gradient_of_the_risk():
    """2 (G a - c), against the gradient that is derived and evaluated elsewhere."""
    net = network(100, 3)
    moments = width.population_moments(net, width.f_star())
    assert 2 * (moments.gram @ net.a - moments.moment) == pytest.approx(l2_risk_gradient(net, width.f_star()).da, rel=1e-10, abs=1e-11)


def test_the_best_head_is_the_best():
    net = network(6, 4)
    risk, a = width._best_head(net)
    assert np.abs(l2_risk_gradient(replace(net, a=a), width.f_star()).da).max() < 1e-7
    rng = np.random.default_rng(5)
    others = [l2_risk(replace(net, a=a + rng.standard_normal(6) / 100), width.f_star()) for _ in range(20)]
    assert risk == l2_risk(replace(net, a=a), width.f_star()) < min(others)


# ---- one cell

def test_a_cell_of_finite_n_by_hand():
    """The step sample by sample, heads by normal equations, risks on 4 10^5 inputs: the least over lam is the one that was returned."""
    result = width.cell({"n": 200, "m": 10, "run": 0}, np.random.default_rng(6))
    rng = np.random.default_rng(6)
    start, b = symmetric(10, 10, rng=rng), rng.standard_normal(10)
    X, y = width.f_star().sample(200, varsigma=1.0, rng=rng)
    alpha, beta = y.mean(), X.T @ y / 200
    residual = y - alpha - X @ beta
    on = (start.W @ X.T >= 0).astype(float)
    W = width.ETA_1 * np.array([2 * a * sum(on[j, i] * residual[i] * X[i] for i in range(200)) / 200 for j, a in enumerate(start.a)])
    Phi = np.maximum(X @ W.T + b, 0)
    gram = Phi.T @ Phi / 200
    heads = [np.linalg.solve(gram + share * np.linalg.norm(gram, 2) / 2 * np.eye(10), Phi.T @ residual / 200) for share in width.SHARES[8:]]
    test = np.random.default_rng(7).normal(size=(400_000, 10))
    there, f = np.maximum(test @ W.T + b, 0), width.f_star().value(test)
    squares = [(alpha + test @ beta + there @ a - f) ** 2 for a in heads]
    least = min(squares, key=np.mean)
    assert abs(least.mean() - result["risk"]) < 5 * least.std() / math.sqrt(400_000)
    best = np.linalg.lstsq(there, f, rcond=None)[0]
    assert abs(np.mean((there @ best - f) ** 2) - result["best_head"]) < 5 * np.std((there @ best - f) ** 2) / math.sqrt(400_000)
    again, other = (width.cell({"n": 200, "m": 10, "run": 0}, np.random.default_rng(seed)) for seed in (6, 8))
    assert result == again != other


def test_a_cell_of_infinite_n_by_hand():
    """The step by the population's gradient; least squares and the mean of |f - f*| on 4 10^5 inputs."""
    result = width.cell({"n": None, "m": 10, "run": 0}, np.random.default_rng(9))
    rng = np.random.default_rng(9)
    start, b = symmetric(10, 10, rng=rng), rng.standard_normal(10)
    W = -width.ETA_1 * first_gradient(width.f_star(), start.a, start.W, np.zeros(10))
    test = np.random.default_rng(10).normal(size=(400_000, 10))
    Phi, f = np.maximum(test @ W.T + b, 0), width.f_star().value(test)
    g = Phi @ np.linalg.lstsq(Phi, f, rcond=None)[0] - f
    assert abs(np.mean(g**2) - result["risk"]) < 5 * np.std(g**2) / math.sqrt(400_000)
    assert abs(np.mean(np.abs(g)) - result["absolute"]) < result["half_width"] + 5 * np.std(g) / math.sqrt(400_000)
    assert result == width.cell({"n": None, "m": 10, "run": 0}, np.random.default_rng(9))


# ---- what comes out

def rows(*powers, runs=3):
    """Risks m^power over 10, 100, 1000 for n = 10^5, its best head, and n infinite; a run later in order has a tenth more."""
    fitted, best, infinite = powers
    made = []
    for run in range(runs):
        for m in (10, 100, 1000):
            share = 1 + run / 10
            made.append(SimpleNamespace(parameters={"n": 10**5, "m": m, "run": run},
                                        result={"risk": share * m**fitted, "best_head": share * m**best}))
            made.append(SimpleNamespace(parameters={"n": None, "m": m, "run": run},
                                        result={"risk": share * m**infinite, "absolute": math.sqrt(share * m**infinite), "half_width": 0.0}))
    return Rows(made)


def test_findings_are_the_exponents():
    findings = width.figure(rows(-0.25, -1.25, -1.5)).findings
    assert [finding.value for finding in findings] == pytest.approx([-1.25, -0.25, -0.25, 1000.0, -1.5, -1.5, -0.75])
    assert [finding.holds for finding in findings] == [True, None, None, True, True, True, True]
    assert [finding.what for finding in findings[3:]] == [
        "risk over that of the best head on the same features, n = 10^5, m = 1000", "slope of L2 risk, n = infinity, m = 10 .. 1000",
        "slope of L2 risk, n = infinity, m = 100 .. 1000", "slope of E|f - f*|, n = infinity, m = 10 .. 1000"]


def test_findings_of_a_slower_fall_do_not_hold():
    assert [finding.holds for finding in width.figure(rows(-0.75, -0.75, -0.75)).findings] == [False, None, None, False, False, False, False]


def test_the_interval_counts_not_the_mean():
    """Two runs with the slopes -1.1 and -1.3, whose mean alone is below -1."""
    made = [SimpleNamespace(parameters={"n": None, "m": m, "run": run}, result={"risk": m**-power, "absolute": m**-power})
            for run, power in enumerate((1.1, 1.3)) for m in (10, 100)]
    first = width.figure(Rows(made)).findings[0]
    assert first.value == pytest.approx(-1.2)
    assert first.high == pytest.approx(-1.2 + 12.706204736432095 * 0.1)
    assert first.holds is False


def test_the_lines_are_the_medians_and_the_laws_start_with_them():
    left, right = width.figure(rows(-0.25, -1.25, -1.5)).panels
    assert [series.y[1] for series in left.series] == pytest.approx([1.1 * 10**-0.5, 1.1 * 10**-3.0, 1.1 * 10**-2.5, 1.1 * 10**-1.25])
    assert [series.dashed for series in left.series] == [False, False, False, True]
    assert left.series[0].x == [10.0, 100.0, 1000.0]
    assert [series.y[1] for series in right.series] == pytest.approx([math.sqrt(1.1) * 10**-1.5, 1.1 * 10**-3.0 / 4, math.sqrt(1.1) * 10**-1.25])


def test_without_the_infinite_n_the_right_panel_is_empty():
    figure = width.figure(rows(-1.0, -1.0, -1.0).where(n=10**5))
    assert [len(panel.series) for panel in figure.panels] == [3, 0]
    assert len(figure.findings) == 4


def test_cells_that_failed_leave_the_others():
    """One width of one run, then all but one cell."""
    made = rows(-0.25, -1.25, -1.5)
    without = Rows(cell for cell in made.cells if cell.parameters != {"n": None, "m": 100, "run": 1})
    assert [finding.value for finding in width.figure(without).findings] == pytest.approx([-1.25, -0.25, -0.25, 1000.0, -1.5, -1.5, -0.75])
    assert not width.figure(Rows(made.where(n=None).cells[:1])).findings
