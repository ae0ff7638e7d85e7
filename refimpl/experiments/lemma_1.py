r"""Lemma 1 over the dimension: the main term of the first gradient, and the exact remainder, per |2 a_j|.

    grad_{w_j} L_D / (-2 a_j) = H w_j / sqrt(2 pi) + r(w_j),        C_0 = C_1 = 0

    He_2         (x_1^2 - 1) / sqrt(2), w uniform on the sphere: E|r| = 1 / (2 sqrt(pi) d) for every d
    Figure 1     He_2(x_1) / 2 + He_4(x_1) / sqrt(48), w ~ N(0, I_d / d) as the algorithm draws it

Both terms are closed forms, so that w is all that is drawn.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refimpl.data.targets import Target
from refimpl.errors import Array
from refimpl.experiments._heads import FIGURE_1, along_the_first_axis
from refimpl.experiments.figures import Figure, Finding, Panel, Rows, Series, law, medians, over, slope, statistics
from refimpl.population import lemma_1_main, lemma_1_remainder
from refimpl.sweeps.grid import grid as product

NEURONS = 1024
RUNS = 20
TARGETS = {"He_2": [0.0, 0.0, math.sqrt(2)], "Figure 1": FIGURE_1}     # c_k of sum_k c_k He_k / k!
CONSTANT = 1 / (2 * math.sqrt(math.pi))                # of d E|r|, He_2 on the sphere
TERMS = {"main": (r"$H w / \sqrt{2 \pi}$", -0.5), "rest": ("remainder", -1.0), "projected": (r"$\Pi^\star$ remainder", -1.5)}
MARGIN = 0.1                                           # of an exponent: competitors are 1/2 away


# ---- what is swept

def grid(*, quick: bool) -> list[dict[str, Any]]:
    """d = 16, 32, ..., 4096, or 16, 64, 256, 1024."""
    sizes = [4**k for k in range(2, 6)] if quick else [2**k for k in range(4, 13)]
    return product(target=list(TARGETS), d=sizes, run=range(6 if quick else RUNS))[::-1]


# ---- one cell

def cell(parameters: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """The means over w of the norms of H w / sqrt(2 pi), of the remainder, and of its projection onto S*."""
    name, d = parameters["target"], parameters["d"]
    target = f_star(name, d)
    W, a = _rows(name, d, rng), np.ones(NEURONS)
    rest = lemma_1_remainder(target, a, W) / -2
    norms = {"main": lemma_1_main(target, a, W) / -2, "rest": rest, "projected": rest @ target.S_star.T}
    return {term: float(np.mean(np.linalg.norm(rows, axis=1))) for term, rows in norms.items()}


def f_star(name: str, d: int) -> Target:
    """One of TARGETS along the first axis."""
    return along_the_first_axis(TARGETS[name], d)


def _rows(name: str, d: int, rng: np.random.Generator) -> Array:
    W = rng.standard_normal((NEURONS, d)) / math.sqrt(d)
    return np.asarray(W / np.linalg.norm(W, axis=1, keepdims=True)) if name == "He_2" else W


# ---- what comes out

def figure(rows: Rows) -> Figure:
    """The norms over d for both targets, and d times that of the remainder."""
    names = rows.distinct("target")[::-1]                                        # He_2 first
    return Figure(
        title="Lemma 1: the first gradient is its main term, up to a remainder of order 1 / d",
        caption=f"{CAPTION} {medians(rows)}; exponents by least squares of logarithms, one a run.",
        panels=[*(_norms(rows, name) for name in names), _constant(rows)],
        findings=[*(finding for name in names for finding in _exponents(rows.where(target=name), name)), _finding_constant(rows)],
    )


CAPTION = (
    f"Mean norms over {NEURONS} neurons of the terms of grad L_D / (-2 a), exact closed forms at infinitely many samples. Left: f* = He_2 / sqrt(2), "
    "w on the unit sphere. Middle: the target of Figure 1, w ~ N(0, I / d), so that the remainder also holds H (w / |w| - w) / sqrt(2 pi), which is of the "
    "same order (it lies in S*, so the projection falls as 1/d there too). Dashed: what a remainder of order d^(-1/2) or d^(-3/2) would be; "
    "dotted: 1 / (2 sqrt(pi)). Printed: O~(sqrt(r) / d), r = 1.")


def _norms(rows: Rows, name: str) -> Panel:
    of = rows.where(target=name)
    series = [over(of, "d", term, label=label) for term, (label, _) in TERMS.items()]
    laws = [law(series[1], -0.5, "$d^{-1/2}$ and $d^{-3/2}$"), law(series[1], -1.5, "_")]                   # a label "_" stays out of the legend
    return Panel(title=TITLES[name], x="$d$", y="mean norm", series=[*series, *laws], log="xy")


TITLES = {"He_2": r"$He_2 / \sqrt{2}$, unit $w$", "Figure 1": r"$He_2 / 2 + He_4 / \sqrt{48}$, $w \sim N(0, I_d / d)$"}


def _constant(rows: Rows) -> Panel:
    """d E|r|."""
    series = []
    for name in rows.distinct("target")[::-1]:
        line = over(rows.where(target=name), "d", "rest", label=TITLES[name])
        y, low, high = ([y * d for d, y in zip(line.x, part or [], strict=True)] for part in (line.y, line.low, line.high))
        series.append(Series(line.label, line.x, y, low, high))
    return Panel(title=f"$d$ times the remainder; dotted: {CONSTANT:.4f}", x="$d$", y=r"$d \cdot$ mean norm", series=series, log="x",
                 levels={"": CONSTANT}, top=0.5)


def _exponents(rows: Rows, name: str) -> list[Finding]:
    """Of each term, one slope a run; what a term of another order would give is half a power away."""
    found = []
    for term, (_, power) in TERMS.items():
        expected = -1.0 if (term, name) == ("projected", "Figure 1") else power
        runs = [rows.where(run=run) for run in rows.distinct("run")]
        at = statistics([slope(mine.distinct("d"), [mine.where(d=d).values(term)[0] for d in mine.distinct("d")]) for mine in runs])
        found.append(Finding(f"exponent of the {NOUNS[term]}, {name}", at.mean, at.low, at.high,
                             f"{expected:g} within {MARGIN:g}, so neither {expected + 0.5:g} nor {expected - 0.5:g}",
                             expected - MARGIN < at.low and at.high < expected + MARGIN))
    return found


NOUNS = {"main": "main term", "rest": "remainder", "projected": "projected remainder"}


def _finding_constant(rows: Rows) -> Finding:
    """d E|r| on the sphere, all d together: its mean does not depend on d."""
    of = rows.where(target="He_2")
    at = statistics([float(np.mean([cell.parameters["d"] * cell.result["rest"] for cell in of.where(run=run).cells])) for run in of.distinct("run")])
    return Finding("d times the mean remainder, He_2", at.mean, at.low, at.high, f"1 / (2 sqrt(pi)) = {CONSTANT:.4f} within 5 %",
                   abs(at.low / CONSTANT - 1) < 0.05 and abs(at.high / CONSTANT - 1) < 0.05)
