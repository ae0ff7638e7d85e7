r"""How many samples a risk takes over the dimension: Algorithm 1, the features of its first step, and the tangent kernel.

    f* = He_2(x_1) / 2 + He_4(x_1) / sqrt(48), labels with noise +-1, x ~ N(0, I_d)

The best quadratic has the risk 1/2. A risk of 1/4 is half of what it leaves, and whoever gets there sees He_4 along the learned direction.
Of each n of a ladder, on fresh samples and from a fresh start,

    printed     the risk of Algorithm 1 as printed: alpha + beta.x, one step and the head on the same n samples
    features    the risk of a head that N further samples, as many for every n and d, fit to the features W^(1) of these n
    outside     |W^(1) - W^(1) Pi*|^2 / |W^(1)|^2, the share of the first step that lies outside the principal subspace

Theorem 1 asks n >= d^2 of the first step. The head and alpha + beta.x cost a risk of order m / n and d / n beside it: much at d = 10, less and
less of n = d^2 as d grows, so the exponent of the first is below 2 on any range that begins there. The other two are of the first step alone.

The tangent kernel without biases is homogeneous in x, so no n takes its risk to 1/4 at these d. Its part of degree 4 along u is exact as well:
f(x) = |x| sum_l f_l(x / |x|), and f_4 has the coefficient sum_i alpha_i |x_i| N_4 lam_4 P_4(x_i.u / |x_i|) of P_4. What counts is its share of that
of f*.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from refimpl.baselines.ntk import ntk_gram
from refimpl.baselines.ridge import nested
from refimpl.baselines.zonal import eigenvalues
from refimpl.data.targets import Target
from refimpl.errors import Array
from refimpl.experiments._heads import FIGURE_1, along_the_first_axis, printed, trained_risks
from refimpl.experiments.figures import CONFIDENCE, Figure, Finding, Panel, Rows, Series, crossing, law, slope, statistics
from refimpl.sweeps.grid import grid as product
from refimpl.training import Trained, transfer

SIZES = [10, 14, 20, 28, 40, 56, 80]
LADDER = [2 ** (k / 2) for k in range(13)]          # n / d^2; its last three for d <= 20 alone, where alpha + beta.x costs most
LONG = 20
RUNS = {100: 24, 200: 16}                           # of each width
N = 16384                                           # fresh samples of the head
SHARES = np.geomspace(1e-8, 10.0, 28)               # of the largest eigenvalue: the weight decays
LEVEL, LEVELS = 0.25, [0.2, 0.3, 0.4]
MARGIN, CERTAIN = 0.25, 0.999                       # of the exponent 2: 1.5 and 2.5 are twice as far away
KERNEL_SIZES = {8: 2048, 10: 2896, 12: 4096, 14: 4096, 16: 4096}       # the last n of each d
KERNEL_RUNS = 24
TENTH = 0.1                                         # of He_4, where the kernel is read
MEASURES = {"printed": "Algorithm 1 as printed, risk 1/4", "features": "features of n samples, risk 1/4", "outside": "half of the first step in S*"}


def f_star(d: int) -> Target:
    """He_2 / 2 + He_4 / sqrt(48) along the first axis: E f*^2 = 1."""
    return along_the_first_axis(FIGURE_1, d)


# ---- what is swept

def grid(*, quick: bool) -> list[dict[str, Any]]:
    """d from 10 to 80 for Algorithm 1, a cell of which is a whole ladder; from 8 to 16 for the tangent kernel."""
    sizes, kernel_sizes = (SIZES[:5:2], [8, 12]) if quick else (SIZES, list(KERNEL_SIZES))
    runs = {100: 8} if quick else RUNS
    first = [parameters for m, of_m in runs.items() for parameters in product(method=["algorithm-1"], d=sizes, m=[m], run=range(of_m))]
    kernel = product(method=["ntk"], d=kernel_sizes, m=[None], run=range(8 if quick else KERNEL_RUNS))
    return [*sorted(first, key=lambda at: -(at["m"] * at["d"])), *kernel[::-1]]                              # the long ones first


# ---- one cell

def cell(parameters: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Along a ladder of n: what the module says, of fresh samples and a fresh start for every n."""
    return _kernel(parameters["d"], rng) if parameters["method"] == "ntk" else _algorithm_1(parameters["d"], parameters["m"], rng)


def _algorithm_1(d: int, m: int, rng: np.random.Generator) -> dict[str, Any]:
    samples = [round(ratio * d**2) for ratio in (LADDER if d <= LONG else LADDER[:-3])]
    points = [_point(d, m, n, rng) for n in samples]
    return {"n": samples, **{measure: [point[measure] for point in points] for measure in MEASURES}}


def _point(d: int, m: int, n: int, rng: np.random.Generator) -> dict[str, float]:
    X, y = f_star(d).sample(n, varsigma=1.0, rng=rng)
    trained = printed(X, y, m, rng)
    fresh = transfer(trained, *f_star(d).sample(N, varsigma=1.0, rng=rng), lam=1.0)
    inside = np.sum(trained.network.W[:, 0] ** 2) / np.sum(trained.network.W ** 2)
    return {"printed": _least_risk(trained), "features": _least_risk(fresh), "outside": float(1 - inside)}


def _least_risk(trained: Trained) -> float:
    return float(trained_risks(trained, f_star(trained.network.d), SHARES)[1].min())


def _kernel(d: int, rng: np.random.Generator) -> dict[str, Any]:
    samples = [round(128 * 2 ** (k / 2)) for k in range(1 + round(2 * math.log2(KERNEL_SIZES[d] / 128)))]
    X, y = f_star(d).sample(samples[-1], varsigma=1.0, rng=rng)
    coefficients = nested(ntk_gram(X), y, samples, 1.0)
    return {"n": samples, "missing": [1 - learned_share(X[:len(alpha)], alpha) for alpha in coefficients]}


def learned_share(X: Array, alpha: Array) -> float:
    """The coefficient of P_4(x_1 / |x|) in f(x) / |x| for f = sum_i alpha_i K(x, x_i), over the one that has the least risk.

    That one is E[|x| f* P_4] / E[|x|^2 P_4^2], where x_1^4 / sqrt(48) is the only part of f* that counts, and P_4(t) = top t^4 + ...
    """
    d, length = X.shape[1], np.linalg.norm(X, axis=1)
    top = (d + 2) * (d + 4) / (d**2 - 1)
    fifth = 2**2.5 * math.exp(math.lgamma((d + 5) / 2) - math.lgamma(d / 2))                                # E|x|^5
    harmonics = math.comb(d + 3, 4) - math.comb(d + 1, 2)                                                   # N_4
    learned = harmonics * eigenvalues(4, d)[4] * (alpha * length) @ _P_4(X[:, 0] / length, d)
    return float(learned / (fifth / math.sqrt(48) / top / d))


def _P_4(t: Array, d: int) -> Array:
    return np.asarray(((d + 2) * (d + 4) * t**4 - 6 * (d + 2) * t**2 + 3) / (d**2 - 1))


# ---- what comes out

def figure(rows: Rows) -> Figure:
    """The collapse of the risk over n / d^2, the critical n over d, and what is left of it over d^2."""
    runs = ", ".join(f"{len(rows.where(m=m).distinct('run'))} runs at m = {m}" for m in _widths(rows))
    return Figure(
        title="Samples over the dimension: He_2 / 2 + He_4 / sqrt(48), labels with noise +-1",
        caption=f"{CAPTION} {runs}, {len(rows.where(method='ntk').distinct('run'))} of the kernel; means, bands: one standard deviation.",
        panels=[_collapse(rows), _critical(rows), _drift(rows), *_kernel_panel(rows)],
        findings=_findings(rows),
    )


CAPTION = (
    f"E (f - f*)^2 by closed forms at the best of {len(SHARES)} weight decays; fresh samples and a fresh start for every n; the critical n is where the risk "
    "falls below 1/4 for good, by a straight line over log n. "
    f"Features of n samples: the head is fitted to {N} further ones, whatever n and d, and alpha + beta.x is not added. "
    "Algorithm 1 as printed takes its head and alpha + beta.x from the same n, at a cost of the order of m / n and d / n: much at d = 10 and nothing visible "
    "at d = 80, so its exponent over this range is below that of the features, and more so for larger m. Half of the first step in S*: |W Pi*|^2 = |W|^2 / 2. "
    "Tangent kernel without biases, lam = 1: the n at which it has a tenth of the part of f* of degree 4 on the sphere; as it is homogeneous in x, "
    "no n takes its risk to 1/4 at these d. Theory: d^4 as d grows; n below 10^4 does not reach that law.")


def _widths(rows: Rows) -> list[int]:
    return rows.where(method="algorithm-1").distinct("m")


def _of(rows: Rows, m: int) -> Rows:
    return rows.where(method="algorithm-1", m=m)


def _collapse(rows: Rows) -> Panel:
    of, series = _of(rows, _widths(rows)[0]), []
    for d in of.distinct("d"):
        risks = np.mean(of.where(d=d).values("features"), axis=0)
        series.append(Series(f"d = {d}", [n / d**2 for n in of.where(d=d).values("n")[0]], risks.tolist()))
    return Panel(title=f"features of n samples, m = {_widths(rows)[0]}", x="$n / d^2$", y="excess $L^2$ risk", series=series, log="x",
                 levels={"best quadratic": 0.5, "1/4": LEVEL}, top=1.0)


def _critical(rows: Rows) -> Panel:
    of = _of(rows, _widths(rows)[0])
    lines = [_line(of, measure, label) for measure, label in MEASURES.items()]
    laws = [_law(lines[1], 1.5, "$d^{1.5}$ and $d^{2.5}$"), _law(lines[1], 2.5, "_")]                        # a label "_" stays out of the legend
    return Panel(title=f"critical n, m = {_widths(rows)[0]}", x="$d$", y="$n$", series=[*lines, *laws], log="xy")


def _kernel_panel(rows: Rows) -> list[Panel]:
    kernel = rows.where(method="ntk")
    if not len(kernel):
        return []
    line = _line(kernel, "missing", "a tenth of $He_4$")
    laws = [_law(line, 2.0, "$d^2$ and $d^4$"), _law(line, 4.0, "_")]
    return [Panel(title="critical n, tangent kernel", x="$d$", y="$n$", series=[line, *laws], log="xy")]


def _drift(rows: Rows) -> Panel:
    """n / d^2, which a law d^2 leaves constant."""
    lines = [_line(_of(rows, m), measure, f"{SHORT[measure]}, m = {m}", over=2) for m in _widths(rows) for measure in ("printed", "features")]
    lines.append(_line(_of(rows, _widths(rows)[0]), "outside", SHORT["outside"], over=2))
    laws = [_law(lines[1], -0.5, "$n = d^{1.5}$ and $d^{2.5}$"), _law(lines[1], 0.5, "_")]
    return Panel(title="critical $n / d^2$", x="$d$", y="$n / d^2$", series=[*lines, *laws], log="x", top=30.0)


SHORT = {"printed": "as printed", "features": "features", "outside": "half in S*"}
HEIGHTS = {"printed": LEVEL, "features": LEVEL, "outside": 0.5, "missing": 1 - TENTH}


def _line(rows: Rows, measure: str, label: str, *, over: int = 0) -> Series:
    """The critical n over d, divided by d^over."""
    at = {d: statistics([n / d**over for n in critical(rows.where(d=d), measure).values()]) for d in rows.distinct("d")}
    spread = [found.sd if found.runs > 1 else 0.0 for found in at.values()]
    means = [found.mean for found in at.values()]
    low, high = ([y + sign * s for y, s in zip(means, spread, strict=True)] for sign in (-1, 1))
    return Series(label, list(map(float, at)), means, low, high)


def _law(line: Series, power: float, label: str) -> Series:
    """Through the middle point."""
    return law(line, power, label, through=len(line.x) // 2)


def critical(rows: Rows, measure: str, level: float | None = None) -> dict[int, float]:
    """The critical n of each run, at one d; nan where no n of the ladder is enough."""
    level = HEIGHTS[measure] if level is None else level
    found = {cell.parameters["run"]: crossing(cell.result["n"], cell.result[measure], level) for cell in rows.cells}
    return {run: n if n < math.inf else math.nan for run, n in found.items()}


def exponents(rows: Rows, measure: str, level: float | None = None) -> list[float]:
    """One a run: the slope of log n over log d."""
    sizes = rows.distinct("d")
    at = [critical(rows.where(d=d), measure, level) for d in sizes]
    return [slope(sizes, [here[run] for here in at]) for run in rows.distinct("run")]


def _findings(rows: Rows) -> list[Finding]:
    """Exponents, of the features first; the others say how much of them is the level, the width, the head and alpha + beta.x."""
    narrow, *wide = _widths(rows)
    found = [_certain(rows)]
    found += [_exponent(_of(rows, m), "features", level, MARGIN) for m in (narrow, *wide) for level in sorted({LEVEL, *LEVELS})]
    found += [_exponent(_of(rows, narrow), "outside", 0.5, MARGIN), _exponent(_of(rows, narrow), "printed", LEVEL, 0.5)]
    return [*found, *(_wide(_of(rows, m), found[-1]) for m in wide), *_costs(_of(rows, narrow)), *_kernel_finding(rows, found[0])]


def _certain(rows: Rows) -> Finding:
    """Of the runs of all widths together."""
    at = statistics([exponent for m in _widths(rows) for exponent in exponents(_of(rows, m), "features")])
    half = (at.high - at.mean) * _wider(at.runs)
    expected = f"its {CERTAIN:.1%} interval, +-{half:.2f}, lies within 2 +- {MARGIN}"
    return _judged(Finding(_what(rows.where(method="algorithm-1"), "features", LEVEL), at.mean, at.low, at.high, expected),
                   _inside(at.mean - half, at.mean + half, MARGIN))


def _exponent(rows: Rows, measure: str, level: float, margin: float) -> Finding:
    at = statistics(exponents(rows, measure, level))
    return _judged(Finding(_what(rows, measure, level), at.mean, at.low, at.high, f"within 2 +- {margin:g}"), _inside(at.low, at.high, margin))


def _wide(rows: Rows, narrow: Finding) -> Finding:
    """More neurons cost the head more samples, whatever d."""
    at = statistics(exponents(rows, "printed", LEVEL))
    return _judged(Finding(_what(rows, "printed", LEVEL), at.mean, at.low, at.high, "below that of fewer neurons"),
                   _above(narrow.low, narrow.high, at.high, at.low))


def _what(rows: Rows, measure: str, level: float) -> str:
    sizes, widths = rows.distinct("d"), " and ".join(map(str, rows.distinct("m")))
    return f"exponent of n over d = {sizes[0]}..{sizes[-1]}, {SHORT[measure]}, {'' if measure == 'outside' else f'risk {level:g}, '}m = {widths}"


def _inside(low: float, high: float, margin: float) -> bool | None:
    """Whether the interval lies within 2 +- margin: False where it lies outside, None where it does neither."""
    if low > 2 - margin and high < 2 + margin:
        return True
    return False if low > 2 + margin or high < 2 - margin else None


def _above(low: float, high: float, least: float, most: float) -> bool | None:
    """Whether one interval lies above another, which ends at ``least``: False where it lies below its beginning ``most``, None where they overlap."""
    return True if low > least else False if high < most else None


def _judged(finding: Finding, holds: bool | None) -> Finding:
    return replace(finding, holds=holds, expected=finding.expected + ("; these runs do not decide it" if holds is None else ""))


def _costs(rows: Rows) -> list[Finding]:
    """What the head and alpha + beta.x of the same n samples cost at the first d and at the last: the critical n over that of the features."""
    found = []
    for d in (rows.distinct("d")[0], rows.distinct("d")[-1]):
        printed, features = (critical(rows.where(d=d), measure) for measure in ("printed", "features"))
        at = statistics([printed[run] / features[run] for run in printed])
        found.append(Finding(f"critical n as printed over that of the features, d = {d}, m = {rows.distinct('m')[0]}", at.mean, at.low, at.high, ""))
    first, last = found
    return [_judged(replace(first, expected="above 1"), _above(first.low, first.high, 1.0, 1.0)),
            _judged(replace(last, expected="less than that"), _above(first.low, first.high, last.high, last.low))]


def _wider(runs: int) -> float:
    """Student's quantile at CERTAIN over that at the usual confidence."""
    from scipy.special import stdtrit

    return float(stdtrit(runs - 1, (1 + CERTAIN) / 2) / stdtrit(runs - 1, (1 + CONFIDENCE) / 2)) if runs > 1 else 1.0


def _kernel_finding(rows: Rows, features: Finding) -> list[Finding]:
    kernel = rows.where(method="ntk")
    if not len(kernel):
        return []
    sizes, at = kernel.distinct("d"), statistics(exponents(kernel, "missing"))
    return [_judged(Finding(f"exponent of n over d = {sizes[0]}..{sizes[-1]}, tangent kernel, a tenth of He_4", at.mean, at.low, at.high,
                            "above that of the features; theory: 4 as d grows"), _above(at.low, at.high, features.high, features.low))]
