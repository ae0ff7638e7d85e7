"""Lemma 1 by eye: the main term falls like d^(-1/2), the exact remainder like 1/d, one line a dimension.

    python examples/01_lemma_1_by_eye.py
"""

import numpy as np

from refimpl import initial, population
from refimpl.data.targets import single_index

BAR = 60


def main() -> None:
    """Print both norms, and a bar for the share of the remainder."""
    print(f"{'d':>7}{'main':>10}{'rest':>10}  rest / main")
    for d in (16, 64, 256, 1024, 4096):
        f_star = single_index([0, 0, 1, 0, 24 / 48**0.5], np.eye(d)[0])           # He_2/2 + He_4/sqrt(48)
        net = initial.symmetric(m=256, d=d, rng=0)
        main_term = np.linalg.norm(population.lemma_1_main(f_star, net.a, net.W), axis=1).mean()
        rest = np.linalg.norm(population.lemma_1_remainder(f_star, net.a, net.W), axis=1).mean()
        print(f"{d:>7}{main_term:>10.5f}{rest:>10.5f}  {'#' * round(BAR * rest / main_term)}")


if __name__ == "__main__":
    main()
