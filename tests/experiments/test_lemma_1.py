"""Lemma 1 over d: what is swept, one cell by quadrature-free formulas written out, and what is found on rows made by hand."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from refimpl.experiments import lemma_1
from refimpl.experiments.figures import Rows


def test_the_grid_doubles_d_and_begins_with_the_largest():
    full, quick = lemma_1.grid(quick=False), lemma_1.grid(quick=True)
    assert len(full) == 2 * 9 * 20
    assert sorted({at["d"] for at in full}) == [16, 32, 64, 128, 256, 512, 1024, 2048, 4096]
    assert all(at in full for at in quick)
    assert len(quick) == 2 * 4 * 6


@pytest.mark.parametrize("name", lemma_1.TARGETS)
def test_the_targets_have_length_1(name):
    assert lemma_1.f_star(name, 5).second_moment == pytest.approx(1, rel=1e-14)
    assert (lemma_1.f_star(name, 5).mean, abs(lemma_1.f_star(name, 5).mean_gradient).max()) == (0, 0)


def test_a_cell_on_the_sphere_is_the_quadratic_form():
    """f* = x^T A x - tr A: g(w) = H w / sqrt(2 pi) - w (w.H w) / (2 sqrt(2 pi)) for |w| = 1."""
    at = {"target": "He_2", "d": 16, "run": 0}
    got = lemma_1.cell(at, np.random.default_rng(3))
    w = np.random.default_rng(3).standard_normal((lemma_1.NEURONS, 16))
    w_1 = w[:, 0] / np.sqrt(np.sum(w**2, axis=1))
    assert got["main"] == pytest.approx(np.mean(np.abs(w_1)) / math.sqrt(math.pi), rel=1e-12)
    assert got["rest"] == pytest.approx(np.mean(w_1**2) / (2 * math.sqrt(math.pi)), rel=1e-12)
    assert got["projected"] == pytest.approx(np.mean(np.abs(w_1) ** 3) / (2 * math.sqrt(math.pi)), rel=1e-12)
    assert got == lemma_1.cell(at, np.random.default_rng(3))


def test_a_cell_of_figure_1_has_the_length_of_w_and_the_fourth_order():
    """With s = w.u / |w|: along u, c_4 C_4 s^3 / 6 + (s - w_1) / sqrt(2 pi); along w, c_4 s^2 / 2 + c_6 C_4 s^4 / 24."""
    got = lemma_1.cell({"target": "Figure 1", "d": 32, "run": 0}, np.random.default_rng(4))
    w = np.random.default_rng(4).standard_normal((lemma_1.NEURONS, 32)) / math.sqrt(32)
    s, C_4, c_4, c_6 = w[:, 0] / np.linalg.norm(w, axis=1), 24 / math.sqrt(48), -1 / math.sqrt(2 * math.pi), 3 / math.sqrt(2 * math.pi)
    along_u = c_4 * C_4 * s**3 / 6 + (s - w[:, 0]) / math.sqrt(2 * math.pi)
    along_w = c_4 * s**2 / 2 + c_6 * C_4 * s**4 / 24
    assert got["rest"] == pytest.approx(np.mean(np.sqrt(along_u**2 + 2 * along_u * along_w * s + along_w**2)), rel=1e-11)
    assert got["projected"] == pytest.approx(np.mean(np.abs(along_u + along_w * s)), rel=1e-11)


# ---- what comes out

def rows(**powers):
    """Pure powers of d with the constant of He_2, which vary a little from run to run."""
    powers = {"main": -0.5, "rest": -1.0, "projected": -1.5} | powers
    made = []
    for name in lemma_1.TARGETS:
        for d in (16, 64, 256):
            for run in (0, 1, 2):
                of = powers | ({"projected": -1.0} if name == "Figure 1" else {})
                made.append(SimpleNamespace(parameters={"target": name, "d": d, "run": run},
                                            result={term: lemma_1.CONSTANT * (1 + run / 100 - 0.01) * d**power for term, power in of.items()}))
    return Rows(made)


def test_the_exponents_and_the_constant_are_found():
    figure = lemma_1.figure(rows())
    assert [finding.value for finding in figure.findings] == pytest.approx([-0.5, -1, -1.5, -0.5, -1, -1, lemma_1.CONSTANT])
    assert all(finding.holds for finding in figure.findings)
    assert len(figure.panels) == 3
    assert figure.panels[2].series[0].y == pytest.approx([lemma_1.CONSTANT] * 3)
    assert figure.panels[2].series[0].low == pytest.approx([0.99 * lemma_1.CONSTANT] * 3)


@pytest.mark.parametrize("power", [-0.5, -1.5, -0.85])
def test_another_exponent_of_the_remainder_is_told(power):
    found = lemma_1.figure(rows(rest=power)).findings
    assert [finding.holds for finding in found] == [True, False, True, True, False, True, False]
