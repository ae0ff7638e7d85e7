"""How many samples Algorithm 1 needs: exact L2 risks over ten starts, no test set, the best ridge of a grid.

    python examples/02_sample_complexity.py [m]

He_2/2 + He_4/sqrt(48) is learned from n of order d^2 on, both variants of the algorithm; He_3 or He_4 alone, whose mean Hessian is 0,
are not at n = d^2: the first step sees no direction in them.
"""

import sys

import numpy as np

from refimpl.data.targets import Target, single_index
from refimpl.risk import l2_risk_of_heads
from refimpl.rng import stream
from refimpl.training import AUTHORS, Variant, algorithm_1

d = 10
SEEDS = 10
LAMBDAS = np.geomspace(1e-6, 1e2, 25)
TARGETS = {
    "He_2/2 + He_4/sqrt(48)": [0, 0, 1, 0, 24 / 48**0.5],
    "He_3/sqrt(6)": [0, 0, 0, 6**0.5],
    "He_4/sqrt(24)": [0, 0, 0, 0, 24**0.5],
}
VARIANTS = {"printed": (Variant(head="ridge"), d**0.5), "authors'": (AUTHORS, None)}     # eta_1 = sqrt d


def risk(f_star: Target, variant: Variant, eta_1: float | None, *, n: int, m: int, seed: int) -> float:
    """E (f - f*)^2 for the best lam of the grid, without label noise."""
    X, y = f_star.sample(n, rng=stream(seed, f"samples/{n}"))
    trained = algorithm_1(X, y, m=m, eta_1=eta_1, lam=LAMBDAS[0], variant=variant, rng=stream(seed, "start"))
    heads = trained.head.ridge(LAMBDAS)                                                     # (L, m)
    return float(l2_risk_of_heads(trained.network, heads, f_star, alpha=trained.alpha, beta=trained.beta).min())


def main() -> None:
    """One line a target, variant and n."""
    m = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(f"{'target':<24}{'variant':<10}{'n':>6}{'median':>9}{'lowest':>9}{'highest':>9}   m = {m}, d = {d}, {SEEDS} seeds")
    for name, c in TARGETS.items():
        f_star = single_index(c, np.eye(d)[0])
        for label, (variant, eta_1) in VARIANTS.items():
            for n in (100, 1000, 3162):
                risks = [risk(f_star, variant, eta_1, n=n, m=m, seed=seed) for seed in range(SEEDS)]
                print(f"{name:<24}{label:<10}{n:>6}{np.median(risks):>9.3f}{min(risks):>9.3f}{max(risks):>9.3f}", flush=True)


if __name__ == "__main__":
    main()
