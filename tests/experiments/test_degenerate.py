"""He_3 and He_4 alone: what is swept, the targets, one cell against a test set, and what is found on rows made by hand."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from refimpl.experiments import degenerate
from refimpl.experiments.figures import Rows
from refimpl.population import half_space_moment
from refimpl.training import Variant, algorithm_1


def test_the_grid_begins_with_the_long_ones():
    full, quick = degenerate.grid(quick=False), degenerate.grid(quick=True)
    assert len(full) == 2 * 3 * 2 * 7 * 10
    assert sorted({at["n"] for at in full}) == [10, 32, 100, 316, 1000, 3162, 10000]
    assert (full[0]["n"], full[0]["m"]) == (10000, 1000)
    assert {(at["m"], at["n"]) for at in quick} == {(100, n) for n in (10, 32, 100, 316, 1000)}
    assert all(at in full for at in quick)


def test_the_targets_are_the_normalised_polynomials():
    X = np.random.default_rng(0).normal(size=(6, 10))
    x = X[:, 0]
    expected = {"He_3": (x**3 - 3 * x) / math.sqrt(6), "He_4": (x**4 - 6 * x**2 + 3) / math.sqrt(24),
                "He_2 and He_4": (x**2 - 1) / 2 + (x**4 - 6 * x**2 + 3) / math.sqrt(48)}
    for name, value in expected.items():
        assert degenerate.f_star(name).value(X) == pytest.approx(value, rel=1e-12, abs=1e-12)
        assert degenerate.f_star(name).second_moment == pytest.approx(1, rel=1e-14)
    hessians = [float(abs(degenerate.f_star(name).mean_hessian).max()) for name in degenerate.TARGETS]
    assert hessians == pytest.approx([0, 0, 1], abs=1e-14)


def test_the_first_step_at_infinitely_many_samples_is_what_the_module_says():
    """0 for He_3; sqrt(24) (c_4 w_1^3 u / 6 + c_6 w_1^4 w / 24) for He_4 and a unit w."""
    w = np.random.default_rng(1).normal(size=(4, 10))
    w /= np.linalg.norm(w, axis=1, keepdims=True)
    assert np.abs(half_space_moment(degenerate.f_star("He_3"), w, np.zeros(4))).max() < 1e-15
    c_4, c_6, t = -1 / math.sqrt(2 * math.pi), 3 / math.sqrt(2 * math.pi), w[:, :1]
    expected = math.sqrt(24) * (c_4 * t**3 / 6 * np.eye(10)[0] + c_6 * t**4 / 24 * w)
    assert half_space_moment(degenerate.f_star("He_4"), w, np.zeros(4)) == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_the_noise_of_He_3_leans_towards_u():
    """8 : 2 from the moments of He_3: E He_3^2 x^2 / 6 + 1 = (105 - 6 * 15 + 9 * 3) / 6 + 1."""
    along, across = (105 - 90 + 27) / 6 + 1, 1 + 1
    assert along / (along + 9 * across) == pytest.approx(degenerate.NOISE, rel=1e-15)


# ---- one cell

@pytest.mark.parametrize("method", degenerate.METHODS)
def test_a_cell_is_the_same_again_and_no_better_than_it_may_be(method):
    at = {"method": method, "target": "He_2 and He_4", "m": 20, "n": 300, "run": 0}
    first, again = (degenerate.cell(at, np.random.default_rng(7)) for _ in range(2))
    assert first == again
    assert 0 < first["risk"] < 1.3
    assert 0 < first["inside"] < 1


def test_a_cell_is_the_least_risk_on_a_test_set():
    at = {"method": "algorithm-1", "target": "He_3", "m": 10, "n": 200, "run": 0}
    got, rng = degenerate.cell(at, np.random.default_rng(8)), np.random.default_rng(8)
    target = degenerate.f_star("He_3")
    X, y = target.sample(200, varsigma=1.0, rng=rng)
    trained = algorithm_1(X, y, m=10, eta_1=math.sqrt(10) / 2, lam=1.0, variant=Variant(head="ridge"), rng=rng)
    Z = np.random.default_rng(9).normal(size=(200_000, 10))
    losses = [(trained.refit(lam=lam).predict(Z) - target.value(Z)) ** 2 for lam in degenerate.SHARES[::2] * trained.decomposition.s[-1]]
    least = min(losses, key=np.mean)
    assert got["risk"] == pytest.approx(np.mean(least), abs=0.01 + 5 * np.std(least) / math.sqrt(200_000))
    W = trained.network.W
    assert got["inside"] == pytest.approx(np.sum(W[:, 0] ** 2) / np.sum(W**2), rel=1e-13)


def test_random_features_are_spread_evenly():
    at = {"method": "random-features", "target": "He_4", "m": 200, "n": 50, "run": 0}
    assert degenerate.cell(at, np.random.default_rng(1))["inside"] == pytest.approx(0.1, abs=0.05)


# ---- what comes out

def rows(alone, mixture, lean=0.3):
    made = []
    for method in degenerate.METHODS:
        for name in degenerate.TARGETS:
            for n in (100, 1000, 10000):
                for run in (0, 1, 2):
                    risk = mixture if name == "He_2 and He_4" else alone if method == "algorithm-1" else 1.0
                    inside = 0.9 if name == "He_2 and He_4" else lean
                    made.append(SimpleNamespace(parameters={"method": method, "target": name, "m": 100, "n": n, "run": run},
                                                result={"risk": risk + run / 1000, "inside": inside + run / 1000}))
    return Rows(made)


def test_what_is_found():
    figure = degenerate.figure(rows(alone=0.98, mixture=0.1))
    assert [panel.title for panel in figure.panels] == ["m = 100", "share of the first step in S*, m = 100"]
    assert [finding.value for finding in figure.findings] == pytest.approx([0.981, 0.981, 0.101, 0.981, 1.001, 0.981, 0.301, 0.901])
    assert [finding.holds for finding in figure.findings] == [True] * 5 + [None] + [True] * 2
    assert figure.panels[0].series[0].x == pytest.approx([2, 3, 4])


def test_what_is_not_found_is_told():
    found = degenerate.figure(rows(alone=0.5, mixture=0.6, lean=0.6)).findings
    assert [finding.holds for finding in found] == [False, False, False, False, True, None, False, True]
