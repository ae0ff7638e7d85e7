"""C_p(w_j, ..., w_j) for a thousand w_j in ten thousand dimensions: seconds, and megabytes beside W."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.harness import Settings, Table, interleave, timer

R, P, M = 4, 6, 1000
TARGET_SECONDS, TARGET_BYTES = 1.0, 200e6


def tables(settings: Settings) -> Iterator[Table]:
    """A fresh target each time, so that its smoothed polynomial is computed within the clock."""
    from refimpl.data.targets import Target

    d = 1000 if settings.quick else 10_000
    g, U, W = numbers(d)
    target = Target(g, U)
    target.contract(P, W)
    times = interleave([timer("a fresh Target and contract", lambda: Target(g, U).contract(P, W)),
                        timer("contract again", lambda: target.contract(P, W))], 3 if settings.quick else 7)
    peak = peak_bytes(lambda: Target(g, U).contract(P, W))
    yield Table(f"Target.contract({P}, W), d = {d}, r = {R}, m = {M}", "contract again", times,
                targets={"a fresh Target and contract": TARGET_SECONDS},
                notes={"memory beside W": f"{peak / 1e6:.0f} MB at its peak, target {TARGET_BYTES / 1e6:.0f} MB (W itself: {W.nbytes / 1e6:.0f} MB)"})


def numbers(d: int) -> tuple[dict[tuple[int, ...], float], Any, Any]:
    """All monomials of degree <= P in R variables, unit directions, unit neurons."""
    rng = np.random.default_rng(6)
    exponents = [alpha for alpha in itertools.product(range(P + 1), repeat=R) if sum(alpha) <= P]
    g = dict(zip(exponents, rng.standard_normal(len(exponents)).tolist(), strict=True))
    U, W = rng.standard_normal((R, d)), rng.standard_normal((M, d))
    return g, U / np.linalg.norm(U, axis=1, keepdims=True), W / np.linalg.norm(W, axis=1, keepdims=True)


def peak_bytes(call: Any) -> int:
    """The most that was allocated at once during ``call``, by NumPy and Python; what existed before does not count."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
