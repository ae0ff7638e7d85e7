r"""The term of m in Theorem 1: the exact risk over the width, with few samples, with many, and with infinitely many, d = 10.

    f* = He_2(x_1) / 2 + He_4(x_1) / sqrt(48), labels with noise +-1, x ~ N(0, I_10)

    n finite      Algorithm 1 as printed, ridge heads
    best head     the same W^(1) and b, the head that has the least population risk
    n infinite    the first step and the head in population: what is left is the width alone

Theorem 1 bounds E|f - y| - varsigma by terms of n and Const sqrt(r^p kappa^(2p) / m). With noise +-varsigma, E|f - y| - varsigma
= E(|f - f*| - varsigma)_+, at most E|f - f*| <= sqrt(E(f - f*)^2), and at most E(f - f*)^2 / (4 varsigma). So an L2 risk that falls as 1/m or faster
is enough for every varsigma. At varsigma = 0 the left side is E|f - f*| itself, which is estimated where no head depends on labels.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from refimpl.activations import RELU
from refimpl.bivariate import angles
from refimpl.data.targets import Target
from refimpl.errors import Array
from refimpl.experiments._heads import RIDGE, along_the_first_axis, eta_1, heads, trained_risks
from refimpl.experiments.figures import Figure, Finding, Panel, Rows, Series, law, medians, over, slope, statistics
from refimpl.head import Moments, decompose
from refimpl.initial import symmetric
from refimpl.network import Network
from refimpl.pairs import relu_gram
from refimpl.population import first_gradient
from refimpl.risk import l1_risk, l2_risks
from refimpl.sweeps.grid import grid as product
from refimpl.training import train

d, p = 10, 4
RUNS = 10
SHARES = np.geomspace(1e-14, 1.0, 29)                # of the largest eigenvalue: the weight decays
ETA_1 = eta_1(d)
INPUTS, DELTA = 40_000, 1e-4                         # for each E|f - f*|
ROWS = 64                                            # of a Gram matrix at a time


def f_star() -> Target:
    """He_2 / 2 + He_p / sqrt(2 p!) along the first axis: E f*^2 = 1."""
    return along_the_first_axis([0.0, 0.0, 1.0, *[0.0] * (p - 3), math.sqrt(math.factorial(p) / 2)], d)


# ---- what is swept

def grid(*, quick: bool) -> list[dict[str, Any]]:
    """m = 10, ..., 1000 for n = 10^4 and 10^5, up to 3162 for n infinite, which is None; quarters of a decade, even."""
    runs = range(4 if quick else RUNS)
    infinite = product(n=[None], m=_widths(1, 2.5 if quick else 3.5), run=runs)
    finite = product(n=[10**4] if quick else [10**4, 10**5], m=_widths(1, 2.5 if quick else 3), run=runs)
    return [*infinite[::-1], *finite[::-1]]                                                                  # the long ones first


def _widths(first: float, last: float) -> list[int]:
    return [2 * round(10 ** (first + k / 4) / 2) for k in range(round(4 * (last - first)) + 1)]


# ---- one cell

def cell(parameters: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Risks of a mirrored start and biases that are drawn first, then the samples."""
    start, b = symmetric(parameters["m"], d, rng=rng), rng.standard_normal(parameters["m"])
    return _infinite(start, b, rng) if parameters["n"] is None else _finite(start, b, parameters["n"], rng)


def _infinite(start: Network, b: Array, rng: np.random.Generator) -> dict[str, Any]:
    """The least risk, that of the best head on the features of the population's step, and E|f - f*| there."""
    net = replace(start, W=-ETA_1 * first_gradient(f_star(), start.a, start.W, start.b), b=b)
    risk, a = _best_head(net)
    absolute = l1_risk(replace(net, a=a), f_star(), varsigma=0.0, delta=DELTA, n=INPUTS, rng=rng)
    return {"risk": risk, "absolute": absolute.estimate, "half_width": absolute.half_width}


def _finite(start: Network, b: Array, n: int, rng: np.random.Generator) -> dict[str, Any]:
    """The least risk over lam of heads fitted to the samples, and that of the best head on the same features."""
    X, y = f_star().sample(n, varsigma=1.0, rng=rng)
    trained = train(X, y, start, b, eta_1=ETA_1, lam=1.0, variant=RIDGE, allow_n_below_d=True)
    risks = trained_risks(trained, f_star(), SHARES, minimum_norm=True)[1]
    return {"risk": float(risks.min()), "best_head": _best_head(trained.network)[0]}


def _best_head(net: Network) -> tuple[float, Array]:
    """The least risk on these features and its head, as far as the rounding of the Gram matrix lets it be found: never below the least one."""
    a = heads(decompose(population_moments(net, f_star())), SHARES, minimum_norm=True)[1]                   # (L, m)
    risks = l2_risks(net, f_star(), a)                                                                      # (L,)
    return float(risks.min()), a[np.argmin(risks)]


def population_moments(net: Network, target: Target) -> Moments:
    """E[sigma_j sigma_k], E[sigma_j f*] and E f*^2 for x ~ N(0, I_d): the moments of infinitely many samples, so their n says nothing."""
    length = np.linalg.norm(net.W, axis=1)
    W_unit, b = net.W / length[:, None], net.b / length
    gram = np.zeros((net.m, net.m))                                             # one triangle
    for i in range(0, net.m, ROWS):
        j = slice(i, i + ROWS)
        gram[j, i:] = relu_gram(b[j], b[i:], angles(W_unit[j], W_unit[i:]))
    gram = np.outer(length, length) * (np.triu(gram) + np.triu(gram, 1).T)
    moment = sum(c_k / math.factorial(k) * target.contract(k, W_unit) for k, c_k in enumerate(RELU.hermite_coefficients(target.p, b)))
    return Moments(gram, length * moment, target.second_moment, n=1)


# ---- what comes out

def figure(rows: Rows) -> Figure:
    """The L2 risk, which is exact, and the absolute risk of the theorem."""
    return Figure(
        title="Width: He_2 / 2 + He_4 / sqrt(48), d = 10, labels with noise +-1, Algorithm 1 as printed",
        caption=f"{CAPTION} {medians(rows)}.",
        panels=[_squares(rows), _absolutes(rows.where(n=None))],
        findings=_findings(rows),
    )


CAPTION = (
    f"Left: E (f - f*)^2 by closed forms, no test set, at the best of {len(SHARES)} weight decays; n infinite is the first step and the head in "
    "population. Best head: the features of n samples under the head of least population risk, as far as double precision finds it, from "
    "above. The line of the same n lies above it by the head's sampling error, that of n infinite below it by the first step's. "
    f"Right: n infinite; E|f - f*| from {INPUTS} inputs a run, and the bound E (f - f*)^2 / 4 of E|f - y| - 1. Theorem 1 bounds "
    "E|f - y| - varsigma = E(|f - f*| - varsigma)_+ with a term sqrt(r^p kappa^(2p) / m), up to logarithms; the dashed powers have its exponent "
    "(left: of its square), not its constant. It is an upper bound, from a head that averages independent neurons: the best head falls faster, which "
    "does not contradict it.")


def _squares(rows: Rows) -> Panel:
    series = [_series(rows, n, "risk", r"$n = \infty$" if n is None else f"$n = {_power(n)}$") for n in _samples(rows)]
    if sampled := [n for n in _samples(rows) if n is not None]:
        series.append(_series(rows, sampled[-1], "best_head", f"$n = {_power(sampled[-1])}$, best head"))
    return Panel(title="square risk", x="$m$", y="excess $L^2$ risk", series=[*series, law(series[0], -1.0, "$1/m$")], log="xy")


def _absolutes(rows: Rows) -> Panel:
    """E|f - f*|, and a quarter of E(f - f*)^2; empty where nothing is known of n infinite."""
    series = []
    if len(rows):
        absolute, square = (_series(rows, None, value, r"$\varsigma = 0$") for value in ("absolute", "risk"))
        y, low, high = ([risk / 4 for risk in part or []] for part in (square.y, square.low, square.high))
        series = [absolute, Series(r"at most, $\varsigma = 1$", square.x, y, low, high), law(absolute, -0.5, r"$1/\sqrt{m}$")]
    return Panel(title=r"absolute risk, $n = \infty$", x="$m$", y=r"$E|f - y| - \varsigma$", series=series, log="xy")


def _samples(rows: Rows) -> list[int | None]:
    """The n in order, the infinite one last."""
    return sorted({cell.parameters["n"] for cell in rows.cells}, key=lambda n: math.inf if n is None else n)


def _power(n: int | None) -> str:
    return "infinity" if n is None else f"10^{round(math.log10(n))}"


def _series(rows: Rows, n: int | None, value: str, label: str) -> Series:
    return over(rows.where(n=n), "m", value, label=label)


def _findings(rows: Rows) -> list[Finding]:
    """Exponents of risks as powers of m, one a run; those of fitted heads have terms of n beside that of m, and nothing is claimed of them."""
    found = []
    for n in _samples(rows):
        of_n = rows.where(n=n)
        first, last = of_n.distinct("m")[0], of_n.distinct("m")[-1]
        if n is None:
            found += [*_slope(of_n, "risk", first, last, -1.0), *_slope(of_n, "risk", last // 10, last, -1.0),
                      *_slope(of_n, "absolute", first, last, -0.5)]
        else:
            found += [*_slope(of_n, "best_head", first, last, -1.0), *_slope(of_n, "risk", first, 100, None), *_slope(of_n, "risk", 100, last, None),
                      _ratio(of_n.where(m=last))]
    return found


RISKS = {"risk": "L2 risk", "best_head": "L2 risk, best head", "absolute": "E|f - f*|"}


def _slope(rows: Rows, value: str, first: float, last: float, bound: float | None) -> list[Finding]:
    """The slopes of the runs over these widths, and whether the interval of their mean stays at or below the bound; nothing of one width."""
    rows = Rows(cell for cell in rows.cells if first <= cell.parameters["m"] <= last)
    slopes = [slope(mine.distinct("m"), [mine.where(m=m).values(value)[0] for m in mine.distinct("m")])
              for mine in (rows.where(run=run) for run in rows.distinct("run")) if len(mine) > 1]
    if not slopes:
        return []
    at, widths = statistics(slopes), rows.distinct("m")
    what = f"slope of {RISKS[value]}, n = {_power(rows.cells[0].parameters['n'])}, m = {widths[0]} .. {widths[-1]}"
    expected = "nothing claimed: terms of n" if bound is None else f"at or below {bound}: falls as the term of m in Theorem 1 or faster"
    return [Finding(what, at.mean, at.low, at.high, expected, None if bound is None else at.high <= bound)]


def _ratio(rows: Rows) -> Finding:
    """What the sampling error of the head costs."""
    at = statistics([risk / best for risk, best in zip(rows.values("risk"), rows.values("best_head"), strict=True)])
    n, m = (rows.cells[0].parameters[name] for name in "nm")
    return Finding(f"risk over that of the best head on the same features, n = {_power(n)}, m = {m}", at.mean, at.low, at.high, "above 1", at.low > 1)
