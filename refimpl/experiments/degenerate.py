r"""He_3 and He_4 alone, whose mean Hessian is 0, beside the target of Figure 1, whose mean Hessian is u u^T: what Algorithm 1 learns of each.

    He_3(x_1) / sqrt(6),        He_4(x_1) / sqrt(24),        He_2(x_1) / 2 + He_4(x_1) / sqrt(48);        labels with noise +-1, x ~ N(0, I_10)

All have E f*^2 = 1. Where H = 0, Assumption 2 fails and the theorem says nothing. The first step at infinitely many samples is then

    0 for He_3, as c_3 = c_5 = 0        sqrt(24) (c_4 w_1^3 u / 6 + c_6 w_1^4 w / 24) for He_4: of order d^(-3/2), where H w is of d^(-1/2).

What there is beside it is the sampling error, whose covariance is E[y^2 x x^T] / (4 n) to first order: for He_3 a variance 7 + 1 along u and 1 + 1
across. So its features lean towards u, and the more samples there are the smaller they become; at d = 10 that is enough to fit some of He_3, and
the terms of order d^(-3/2) some of He_4. The share of W^(1) in S* shows it; that of the random features is 1 / d.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from refimpl.data.targets import Target
from refimpl.errors import Array
from refimpl.experiments._heads import FIGURE_1, SHARES, along_the_first_axis, feature_risks, printed, trained_risks
from refimpl.experiments.figures import Figure, Finding, Panel, Rows, medians, over, statistics
from refimpl.initial import gaussian
from refimpl.network import Network
from refimpl.sweeps.grid import grid as product

d = 10
RUNS = 10
TARGETS = {                                          # c_k of sum_k c_k He_k / k!
    "He_3": [0.0, 0.0, 0.0, math.sqrt(6)],
    "He_4": [0.0, 0.0, 0.0, 0.0, math.sqrt(24)],
    "He_2 and He_4": FIGURE_1,
}
METHODS = {"algorithm-1": "", "random-features": ", random features"}


def f_star(name: str) -> Target:
    """One of TARGETS along the first axis."""
    return along_the_first_axis(TARGETS[name], d)


# ---- what is swept

def grid(*, quick: bool) -> list[dict[str, Any]]:
    """n = d, d^(3/2), ..., d^4 for m = 100 and m = 1000."""
    n = [round(d ** (k / 2)) for k in range(2, 7 if quick else 9)]
    small = product(method=list(METHODS), target=list(TARGETS), m=[100], n=n, run=range(5 if quick else RUNS))
    large = product(method=list(METHODS), target=list(TARGETS), m=[1000], n=n, run=range(RUNS))
    cells = small if quick else [*large, *small]
    return sorted(cells, key=lambda at: -(at["n"] * at["m"]))                                               # the long ones first


# ---- one cell

def cell(parameters: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """The least exact risk over lam, and |Pi* W|^2 / |W|^2 of the features."""
    target = f_star(parameters["target"])
    X, y = target.sample(parameters["n"], varsigma=1.0, rng=rng)
    net, risks = FEATURES[parameters["method"]](X, y, target, parameters["m"], rng)                          # risks (L,)
    return {"risk": float(risks.min()), "inside": float(np.sum((net.W @ target.S_star.T) ** 2) / np.sum(net.W ** 2))}


def _algorithm_1(X: Array, y: Array, target: Target, m: int, rng: np.random.Generator) -> tuple[Network, Array]:
    trained = printed(X, y, m, rng)
    return trained.network, trained_risks(trained, target, SHARES)[1]


def _random_features(X: Array, y: Array, target: Target, m: int, rng: np.random.Generator) -> tuple[Network, Array]:
    """w_j ~ N(0, I_d / d), b_j ~ N(0, 1)."""
    net = gaussian(m, d, rng=rng, sigma_a=0.0, sigma_w=1 / math.sqrt(d), sigma_b=1.0)
    return net, feature_risks(net, X, y, target, SHARES)[1]


FEATURES = {"algorithm-1": _algorithm_1, "random-features": _random_features}


# ---- what comes out

def figure(rows: Rows) -> Figure:
    """The risks for each m, and how much of the first step lies in S*."""
    widths = rows.distinct("m")
    return Figure(
        title="Degenerate targets: He_3 and He_4 alone have a mean Hessian 0; d = 10, labels with noise +-1",
        caption=f"{CAPTION} {medians(rows)}.",
        panels=[*(_risks(rows, m) for m in widths), _inside(rows, widths[-1])],
        findings=[finding for m in widths for finding in _findings(rows.where(m=m), m)],
    )


CAPTION = (
    f"E (f - f*)^2 by closed forms, no test set, at the best of {len(SHARES)} weight decays; Algorithm 1 as printed (eta_1 = sqrt(d) / 2), "
    "whose alpha + beta.x alone puts its curves above 1 at small n; random features: w ~ N(0, I / d), b ~ N(0, 1). The theorem excludes H = 0. "
    "Of He_3 the first step sees nothing at infinitely many samples: its features are sampling error, of variance 8 along u and 2 across "
    "(dotted: the share 8/26), and shrink as n grows. Of He_4 it sees terms of order d^(-3/2), which at d = 10 and n = d^4 make half of the step. "
    "So at n >= d^3 more is fitted of both than random features fit, by features that lean towards u, which no theorem promises.")
LABELS = {"He_3": r"$He_3$", "He_4": r"$He_4$", "He_2 and He_4": r"$He_2$ and $He_4$"}
NOISE = (7 + 1) / (7 + 1 + (d - 1) * (1 + 1))          # the share along u of E[y^2 x x^T] for He_3


def _log_d(n: float) -> float:
    return math.log(n, d)


def _risks(rows: Rows, m: int) -> Panel:
    series = [over(rows.where(m=m, method=method, target=name), "n", "risk", label=LABELS[name] + suffix, scale=_log_d)
              for method, suffix in METHODS.items() for name in TARGETS]
    return Panel(title=f"m = {m}", x="$\\log_d n$", y="excess $L^2$ risk", series=series, levels={"predictor 0": 1.0}, top=2.0)


def _inside(rows: Rows, m: int) -> Panel:
    series = [over(rows.where(m=m, method="algorithm-1", target=name), "n", "inside", label=label, scale=_log_d) for name, label in LABELS.items()]
    return Panel(title=f"share of the first step in S*, m = {m}", x="$\\log_d n$", y=r"$|W^{(1)} \Pi^\star|^2 / |W^{(1)}|^2$", series=series,
                 levels={"1/d": 1 / d, "8/26": NOISE}, top=1.3)


def _findings(rows: Rows, m: int) -> list[Finding]:
    """What Algorithm 1 learns at n = d^2 and d^3, beside random features, and where its first step points at the last n."""
    last = rows.distinct("n")[-1]
    alone = [_risk(rows, m, name, d**2, "not learned: above 0.9", above=0.9) for name in ("He_3", "He_4")]
    learned = _risk(rows, m, "He_2 and He_4", d**3, "learned: below the best quadratic, 0.5", below=0.5)
    nothing = _risk(rows, m, "He_4", d**3, "above that of the mixture", above=learned.high)
    features = _risk(rows, m, "He_4", d**3, "nothing: above 0.9", above=0.9, method="random-features")
    shares = [_share(rows, m, "He_3", last, f"below 1/2: that of the sampling error, {NOISE:.3f} to first order", most=0.5),
              _share(rows, m, "He_2 and He_4", last, "above 1/2", least=0.5)]
    small_d = [_risk(rows, m, "He_4", last, "nothing claimed: at d = 10 terms of order d^(-3/2) count")] if last > d**3 else []
    return [*alone, learned, nothing, features, *(replace(finding, holds=None) for finding in small_d), *shares]


def _risk(rows: Rows, m: int, name: str, n: int, expected: str, *, above: float = -math.inf, below: float = math.inf,
          method: str = "algorithm-1") -> Finding:
    at = statistics(rows.where(method=method, target=name, n=n).values("risk"))
    what = f"risk at n = d^{round(_log_d(n))}, m = {m}, {name}, {method}"
    return Finding(what, at.mean, at.low, at.high, expected, at.low > above and at.high < below)


def _share(rows: Rows, m: int, name: str, n: int, expected: str, *, least: float = 0.0, most: float = 1.0) -> Finding:
    at = statistics(rows.where(method="algorithm-1", target=name, n=n).values("inside"))
    return Finding(f"share of W^(1) in S* at n = {n}, m = {m}, {name}", at.mean, at.low, at.high, expected, at.low > least and at.high < most)
