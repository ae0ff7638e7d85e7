"""Samples over d: what is swept, one point of a ladder by its own parts, the kernel's share by projection, and what is found on rows made by hand."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from refimpl.baselines.ntk import ntk_gram
from refimpl.baselines.ridge import ridge
from refimpl.experiments import exponents
from refimpl.experiments.figures import Rows
from refimpl.training import Variant, algorithm_1, transfer


def test_the_grid_has_one_cell_a_ladder():
    full, quick = exponents.grid(quick=False), exponents.grid(quick=True)
    assert {at["d"] for at in full if at["method"] == "algorithm-1"} == {10, 14, 20, 28, 40, 56, 80}
    assert len(full) == 7 * sum(exponents.RUNS.values()) + len(exponents.KERNEL_SIZES) * exponents.KERNEL_RUNS
    assert all(at in full for at in quick)
    assert {at["d"] for at in quick if at["method"] == "algorithm-1"} == {10, 20, 40}


def test_the_target_is_that_of_figure_1():
    X = np.random.default_rng(0).normal(size=(5, 7))
    x = X[:, 0]
    assert exponents.f_star(7).value(X) == pytest.approx((x**2 - 1) / 2 + (x**4 - 6 * x**2 + 3) / math.sqrt(48), rel=1e-13, abs=1e-13)


# ---- one cell

def test_a_point_is_three_numbers_of_one_first_step(monkeypatch):
    """The least risks on a test set, and the share of W^(1) outside the first axis."""
    monkeypatch.setattr(exponents, "N", 600)
    d, m, n = 6, 10, 400
    got, rng = exponents._point(d, m, n, np.random.default_rng(5)), np.random.default_rng(5)
    target = exponents.f_star(d)
    X, y = target.sample(n, varsigma=1.0, rng=rng)
    trained = algorithm_1(X, y, m=m, eta_1=math.sqrt(d) / 2, lam=1.0, variant=Variant(head="ridge"), rng=rng)
    fresh = transfer(trained, *target.sample(600, varsigma=1.0, rng=rng), lam=1.0)
    Z = np.random.default_rng(6).normal(size=(200_000, d))
    for measure, network in (("printed", trained), ("features", fresh)):
        losses = [(network.refit(lam=lam).predict(Z) - target.value(Z)) ** 2 for lam in exponents.SHARES[::2] * network.decomposition.s[-1]]
        least = min(losses, key=np.mean)
        assert got[measure] == pytest.approx(np.mean(least), abs=0.01 + 5 * np.std(least) / math.sqrt(200_000))
    W = trained.network.W
    assert got["outside"] == pytest.approx(np.sum(W[:, 1:] ** 2) / np.sum(W**2), rel=1e-12)


def test_a_cell_is_a_ladder_and_the_same_again(monkeypatch):
    monkeypatch.setattr(exponents, "LADDER", [1.0, 4.0])
    monkeypatch.setattr(exponents, "N", 200)
    at = {"method": "algorithm-1", "d": 8, "m": 10, "run": 0}
    first, again = (exponents.cell(at, np.random.default_rng(2)) for _ in range(2))
    assert first == again
    assert first["n"] == [64, 256]
    assert {len(first[measure]) for measure in exponents.MEASURES} == {2}


@pytest.mark.parametrize("d", [3, 8])
def test_P_4_is_the_harmonic(d):
    """1 at 1, and orthogonal to 1 and t^2 on the sphere; (1 - t^2)^((d-3)/2) against powers of t by beta functions."""
    moment = [math.prod(range(1, 2 * k, 2)) / math.prod(range(d, d + 2 * k, 2)) for k in range(4)]           # E t^(2k)
    top, middle, last = ((d + 2) * (d + 4) / (d**2 - 1), -6 * (d + 2) / (d**2 - 1), 3 / (d**2 - 1))
    t = np.array([1.0, 0.3])
    assert exponents._P_4(t, d) == pytest.approx(top * t**4 + middle * t**2 + last, rel=1e-14)
    assert exponents._P_4(t[:1], d)[0] == pytest.approx(1, rel=1e-14)
    for k in (0, 1):
        assert top * moment[2 + k] + middle * moment[1 + k] + last * moment[k] == pytest.approx(0, abs=1e-15)


def test_the_share_is_the_projection_of_the_predictor():
    """E[f(x) P_4(x_1 / |x|) / |x|] over E[|x| f* P_4] / (d E P_4^2) E P_4^2, both by samples."""
    d, rng = 3, np.random.default_rng(4)
    X, y = exponents.f_star(d).sample(150, rng=rng)
    alpha = ridge(ntk_gram(X), y, 0.1)
    Z = rng.normal(size=(100_000, d))
    length = np.linalg.norm(Z, axis=1)
    P = exponents._P_4(Z[:, 0] / length, d)
    learned = np.concatenate([ntk_gram(part, X) @ alpha for part in np.array_split(Z, 10)]) / length * P
    best = length * exponents.f_star(d).value(Z) * P / d
    error = 5 * (np.std(learned) / abs(np.mean(best)) + abs(np.mean(learned)) * np.std(best) / np.mean(best) ** 2) / math.sqrt(len(Z))
    got = exponents.learned_share(X, alpha)
    assert error < 0.2 < abs(got)
    assert abs(got - np.mean(learned) / np.mean(best)) < error


def test_the_kernel_learns_more_of_it_from_more(monkeypatch):
    monkeypatch.setattr(exponents, "KERNEL_SIZES", {5: 724})
    got = exponents.cell({"method": "ntk", "d": 5, "m": None, "run": 0}, np.random.default_rng(1))
    assert got["n"] == [128, 181, 256, 362, 512, 724]
    assert 1 > got["missing"][0] > got["missing"][-1] > 0


# ---- what comes out

def rows(power=2.0, kernel=3.5, spread=0.02, widths=(100, 200), cost=3):
    """Risks that fall as 1/n and reach the level at 4 d^power, that of the printed algorithm later by a share cost / d."""
    made = []
    for run in range(6):
        shift = 1 + spread * (run - 2.5)
        for m in widths:
            for d in (10, 20, 40):
                n = [d**2 * 2.0**k for k in range(-6, 12)]
                at = 4 * shift ** math.log(d) * d**power
                costs = {"printed": 1 + cost / d, "features": 1, "outside": 1}
                result = {measure: [min(1.0, exponents.HEIGHTS[measure] * at * costs[measure] / x) for x in n] for measure in exponents.MEASURES}
                made.append(SimpleNamespace(parameters={"method": "algorithm-1", "d": d, "m": m, "run": run}, result={"n": n, **result}))
        for d in (8, 16):
            n = [2.0**k for k in range(2, 24)]
            made.append(SimpleNamespace(parameters={"method": "ntk", "d": d, "m": None, "run": run},
                                        result={"n": n, "missing": [max(0.0, 1 - 0.1 * x / d**kernel) for x in n]}))
    return Rows(made)


def test_the_critical_n_is_read_between_the_samples():
    made = Rows([SimpleNamespace(parameters={"method": "algorithm-1", "d": 10, "m": 100, "run": 3}, result={"n": [100, 200, 400], "features": [0.5, 0.3, 0.2]})])
    assert exponents.critical(made, "features") == pytest.approx({3: 200 * math.sqrt(2)})
    assert exponents.critical(made, "features", 0.4) == pytest.approx({3: 100 * math.sqrt(2)})


def test_the_exponents_are_found():
    figure = exponents.figure(rows())
    assert len(figure.findings) == 15
    assert [finding.value for finding in figure.findings[:10]] == pytest.approx([2.0] * 10, abs=0.05)
    assert [finding.value for finding in figure.findings[10:14]] == pytest.approx([2 - math.log(1.3 / 1.075) / math.log(4)] * 2 + [1.3, 1.075], abs=0.05)
    assert [finding.holds for finding in figure.findings] == [True] * 11 + [None] + [True] * 3
    assert figure.findings[11].expected.endswith("do not decide it")
    assert figure.findings[-1].value == pytest.approx(3.5, abs=0.1)
    assert "99.9%" in figure.findings[0].expected


@pytest.mark.parametrize("power", [1.45, 2.55])
def test_a_competitor_is_told(power):
    found = exponents.figure(rows(power=power, cost=0)).findings
    assert [finding.holds for finding in found[:11]] == [False] * 11


def test_a_wild_run_decides_nothing_and_a_slow_kernel_is_told():
    assert exponents.figure(rows(spread=0.15)).findings[0].holds is None
    assert exponents.figure(rows(kernel=1.8)).findings[-1].holds is False
    assert exponents.figure(rows(kernel=2.0)).findings[-1].holds is None


def test_what_the_head_costs_is_told():
    assert [finding.holds for finding in exponents.figure(rows(cost=0)).findings[12:14]] == [None, None]
    assert [finding.holds for finding in exponents.figure(rows(cost=-3)).findings[12:14]] == [False, False]


def test_a_level_that_is_not_reached_is_no_exponent():
    made = rows()
    made.cells[0].result["features"] = [1.0] * 18
    assert exponents.figure(made).findings[0].holds is None
