"""What this machine can do, in the run that everything else is measured in: products of matrices, and memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median

import numpy as np

from benchmarks.harness import Settings, Table, interleave, timer

SIZE, NUMBERS = 2048, 2**25                     # rows of a matrix; numbers in an array that no cache holds, 256 MB
BASE = "float64 product"


def tables(settings: Settings) -> Iterator[Table]:
    """Products in GF/s, memory in GB/s."""
    size, numbers = (SIZE // 4, NUMBERS // 8) if settings.quick else (SIZE, NUMBERS)
    A, rounds = np.random.default_rng(0).standard_normal((size, size)), 3 if settings.quick else 9
    B, single = A + 1, A.astype(np.float32)
    x, y, z = (np.full(numbers, value) for value in (0.0, 1.0, 2.0))

    def triad() -> None:
        np.multiply(z, 3.0, out=x)
        np.add(x, y, out=x)

    yield rates(f"products of {size} x {size} matrices", "GF/s", 2 * size**3 / 1e9, rounds,
                {BASE: lambda: A @ B, "float64 product with its transpose": lambda: A @ A.T, "float32 product": lambda: single @ (single + 1)})
    yield rates(f"memory, arrays of {numbers} numbers", "GB/s", 8 * numbers / 1e9, rounds,
                {"write": lambda: x.fill(0.0), "read": y.sum, "read and write": lambda: np.copyto(x, y), "x = y + 3 z in two passes": triad},
                {"read and write": 2, "x = y + 3 z in two passes": 5})


def rates(title: str, unit: str, amount: float, rounds: int, calls: dict[str, Callable[[], object]], times: dict[str, int] | None = None) -> Table:
    """Seconds, and the amount that passes in one of them; ``times`` it for some."""
    spent = interleave([timer(name, call) for name, call in calls.items()], rounds)
    return Table(title, next(iter(calls)), spent, notes={name: f"{amount * (times or {}).get(name, 1) / median(here):.1f} {unit}" for name, here in spent.items()})
