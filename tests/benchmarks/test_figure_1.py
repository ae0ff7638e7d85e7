"""The other side of the benchmark of Figure 1 is the same experiment: the same draws, grids and risks, up to the noise of its test."""

import math

import numpy as np
import pytest
from mpmath import mp, mpf

from benchmarks import figure_1
from benchmarks.harness import Settings, Table
from refimpl.experiments import sample_complexity
from refimpl.network import Network
from refimpl.risk import l2_risks

MANY = 7.0              # standard errors: beyond it in one of 1e11 normal samples, and the squares have heavier tails than that


@pytest.fixture
def few_points(monkeypatch):
    monkeypatch.setattr(figure_1, "POINTS", (4000, 1000))


def needs_torch(method):
    if method.startswith("algorithm-1"):
        pytest.importorskip("torch")


# ---- the same experiment

@pytest.mark.parametrize(("method", "m", "n"), [
    ("algorithm-1", 20, 300), ("algorithm-1-authors", 20, 300), ("random-features", 20, 1), ("random-features", 20, 700), ("ntk", None, 40), ("ntk", None, 200)])
def test_the_risks_at_one_lam_differ_by_the_noise_of_the_test(method, m, n, few_points):
    needs_torch(method)
    at = {"method": method, "m": m, "n": n, "run": 0}
    mine = figure_1.our_cell(at)
    for risk, error in figure_1.other(method, m, n, lam=mine["lam"])["risks"]:
        assert abs(risk - mine["risk"]) < MANY * error


@pytest.mark.parametrize(("method", "m"), [("algorithm-1", 20), ("algorithm-1-authors", 20), ("random-features", 20), ("ntk", None)])
def test_both_have_the_same_grid_of_lam_which_for_heads_depends_on_every_draw(method, m):
    needs_torch(method)
    mine, rng = figure_1.our_cell({"method": method, "m": m, "n": 700, "run": 0}), np.random.default_rng(figure_1.seed(m, 700))
    fit = figure_1.METHODS[method](*figure_1.draw(700, rng), m, None, rng)
    assert mine["lam"] in [pytest.approx(lam, rel=1e-11, abs=0) for lam in fit.lams]


def test_the_grids_are_those_of_the_experiment():
    assert np.array_equal(figure_1.SHARES, sample_complexity.SHARES)
    assert np.array_equal(figure_1.LAMS, sample_complexity.RIDGES)


def test_the_target_and_the_draws_are_those_of_the_experiment():
    X, y = figure_1.draw(50, np.random.default_rng(3))
    ours = sample_complexity.f_star().sample(50, varsigma=1.0, rng=np.random.default_rng(3))
    assert np.array_equal(X, ours[0])
    assert np.max(np.abs(y - ours[1])) < 1e-13
    assert sample_complexity.d == figure_1.D


# ---- its parts against others

def test_the_gradient_is_that_of_the_formula():
    pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    X, y = figure_1.draw(1100, rng)                                             # three blocks, the last one short
    a, W, b = figure_1.start(6, rng)
    expected = 2 / len(X) * ((figure_1.relu(X, W, b) @ a - y)[:, None, None] * a[:, None] * (X @ W.T + b > 0)[:, :, None] * X[:, None]).sum(axis=0)
    assert np.max(np.abs(figure_1.gradient(X, y, a, W, b) - expected)) < 1e-11


def test_the_heads_solve_the_normal_equations():
    rng = np.random.default_rng(1)
    X, y = figure_1.draw(600, rng)
    _, W, b = figure_1.start(8, rng)
    (a,) = figure_1.heads(X, y, W, b, 0.3).coefficients.T
    Phi = np.maximum(X @ W.T + b, 0)
    assert np.max(np.abs(Phi.T @ (Phi @ a - y) / len(X) + 0.15 * a)) < 1e-12


def test_a_head_is_measured_as_its_exact_risk():
    rng = np.random.default_rng(2)
    X, y = figure_1.draw(600, rng)
    _, W, b = figure_1.start(8, rng)
    fit = figure_1.heads(X, y, W, b, 0.3, alpha=0.2, beta=np.full(figure_1.D, 0.1))
    risk, error = figure_1.chosen(fit, 20_000, rng)
    exact = l2_risks(Network(np.zeros(8), W, b), sample_complexity.f_star(), fit.coefficients.T.copy(), alpha=0.2, beta=np.full(figure_1.D, 0.1))
    assert abs(risk - exact[0]) < MANY * error


def test_the_lam_is_the_best_on_the_hold_out():
    fit = figure_1.Fit(np.ones(3), np.array([[5.0, 0.0, -5.0]]), lambda x, a: np.ones((len(x), 1)) @ a)
    risk, error = figure_1.chosen(fit, 2000, np.random.default_rng(4))
    assert abs(risk - 1) < MANY * error                                         # the predictor 0


@pytest.mark.parametrize("n", [5, figure_1.FEW, figure_1.FEW + 1, 100])
def test_the_kernel_regression_solves_its_equations(n):
    X, y = figure_1.draw(n, np.random.default_rng(n))
    fit = figure_1.ntk(X, y, None, None, np.random.default_rng(0))
    K = figure_1.tangent_kernel(X, X)
    for lam, alpha in zip(figure_1.LAMS, fit.coefficients.T, strict=True):
        assert np.max(np.abs(K @ alpha + lam * alpha - y)) < 1e-10
    assert np.array_equal(fit.predict(X[:3], fit.coefficients), figure_1.tangent_kernel(X[:3], X) @ fit.coefficients)


def test_the_kernel_is_that_of_the_formula():
    rng = np.random.default_rng(5)
    X, Z = rng.standard_normal((figure_1.ROWS + 3, figure_1.D)), rng.standard_normal((4, figure_1.D))
    K = figure_1.tangent_kernel(X, Z)
    for i in (0, figure_1.ROWS, figure_1.ROWS + 2):
        for j, z in enumerate(Z):
            dot, size = mp.fdot(map(mpf, X[i].tolist()), map(mpf, z.tolist())), mp.sqrt(mp.fsum(mpf(v)**2 for v in X[i]) * mp.fsum(mpf(v)**2 for v in z))
            t = mp.acos(dot / size)
            assert abs(K[i, j] - float(size * (mp.sin(t) + 2 * (mp.pi - t) * mp.cos(t)) / (2 * mp.pi))) < 1e-13 * float(size)


# ---- what is told

def test_a_table_says_how_far_the_risks_are_apart(few_points, monkeypatch):
    monkeypatch.setattr(figure_1, "ROUNDS", 2)
    one = figure_1.table([{"method": "ntk", "m": None, "n": n, "run": 0} for n in (30, 10)], Settings())
    assert [len(one.times[name]) for name in (figure_1.OURS, *figure_1.THEIRS, figure_1.FITS_ALONE)] == [2] * 4
    assert "n = 10, 30" in one.title
    assert all("standard errors of the test" in one.notes[name] for name in figure_1.THEIRS)


def test_the_other_side_is_the_fits_and_one_set_of_points():
    found = figure_1.their_seconds([{"seconds": [1.0, 10.0, 5.0]}, {"seconds": [2.0, 20.0, 6.0]}])
    assert found == {figure_1.THEIRS[0]: 33.0, figure_1.THEIRS[1]: 14.0, figure_1.FITS_ALONE: 3.0}


def test_without_torch_the_rest_is_measured(few_points, monkeypatch):
    def missing(*_):
        raise ImportError("No module named 'torch'")

    monkeypatch.setattr(figure_1, "gradient", missing)
    monkeypatch.setattr(figure_1, "ROUNDS", 1)
    one = figure_1.table([{"method": "algorithm-1", "m": 20, "n": 50, "run": 0}], Settings())
    assert list(one.times) == [figure_1.OURS]
    assert one.notes["torch"] == "not installed (No module named 'torch')"
    other = figure_1.table([{"method": "random-features", "m": 20, "n": 50, "run": 0}], Settings())
    assert figure_1.THEIRS[0] in other.times
    assert list(figure_1.total([one, other], 2).times) == [figure_1.OURS]
    assert figure_1.answer(method="algorithm-1", m=20, n=50) == {"missing": "No module named 'torch'"}


def test_a_peer_stands_in_for_torch(few_points, monkeypatch):
    def missing(*_):
        raise ImportError("No module named 'torch'")

    class Elsewhere:
        def ask(self, module, **question):
            assert (module, question) == ("benchmarks.figure_1", {"method": "algorithm-1", "m": 20, "n": 50, "lam": 0.5})
            return {"seconds": [1.0, 2.0, 3.0], "risks": [[0.5, 0.1], [0.5, 0.2]]}

    monkeypatch.setattr(figure_1, "gradient", missing)
    at = {"method": "algorithm-1", "m": 20, "n": 50, "run": 0}
    assert figure_1.their_cell(at, Settings(peer=Elsewhere()), lam=0.5)["risks"][1] == [0.5, 0.2]


def test_the_sum_is_taken_round_by_round():
    parts = [Table("", figure_1.OURS, {figure_1.OURS: [1.0, 2.0], "other": [4.0, 10.0]}), Table("", figure_1.OURS, {figure_1.OURS: [1.0, 1.0], "other": [6.0, 5.0]})]
    whole = figure_1.total(parts, 2)
    assert whole.times == {figure_1.OURS: [2.0, 3.0], "other": [10.0, 15.0]}
    assert math.isclose(whole.ratio("other"), 5.0)
