"""How many samples Algorithm 1 needs: exact L2 risks of ten seeds, for the ridge of a grid that is best on 10 000 further samples.

    python examples/02_sample_complexity.py [m]

d = 10 and no label noise. He_2/2 + He_4/sqrt(48) falls below 0.1. He_4 alone, whose mean Hessian is 0, stays at the risk of the predictor 0, which
is 1, at n = d^2; He_3 alone, whose mean Hessian is 0 too, stays near it in a small network, and comes down to about 0.8 at m = 1000.
"""

import sys

import numpy as np

from refimpl.data.targets import Target, single_index
from refimpl.risk import l2_risk
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
VARIANTS = {"printed": (Variant(head="ridge"), d**0.5 / 2), "authors'": (AUTHORS, None)}     # eta_1 = sqrt(d) / 2


def risk(f_star: Target, variant: Variant, eta_1: float | None, *, n: int, m: int, seed: int) -> float:
    """E (f - f*)^2, exactly."""
    X, y = f_star.sample(n, rng=stream(seed, f"samples/{n}"))
    further = f_star.sample(10_000, rng=stream(seed, "hold-out"))
    trained = algorithm_1(X, y, m=m, eta_1=eta_1, lam=LAMBDAS, holdout=further, variant=variant, rng=stream(seed, "start"))
    return l2_risk(trained.network, f_star, alpha=trained.alpha, beta=trained.beta)


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
