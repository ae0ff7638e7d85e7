"""Phi^T Phi and Phi^T y of ReLU features: the twin, which reads only the samples that a neuron sees, and what multiplies all of them.

Rates count n m^2 operations, what a product that knows G to be symmetric takes, whatever a candidate really does: so one above that of NumPy's product
of a matrix with its transpose, measured in the same rounds, is out of reach for any way through such a product.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.gradient import one_thread, steady
from benchmarks.harness import Settings, Table, interleave, timer

Array = npt.NDArray[np.float64]
Call = Callable[[], Any]

SIZES = ((10_000, 10, 100, 1.0), (10_000, 10, 1000, 1.0), (10_000, 100, 1000, 1.0), (10_000, 100, 1000, 0.25), (10_000, 100, 3000, 1.0))   # n, d, m, |w|
BLOCKS = (256, 1024, 4096)                                 # samples at a time: the quickest for each size
SYRK, ROWS = "NumPy, a product with its transpose", 1024


def tables(settings: Settings) -> Iterator[Table]:
    """One table for each (n, d, m) and length of the weights, beside biases N(0, 1): the shorter, the fewer samples on the rarer side of a kink."""
    for n, d, m, size in SIZES:
        yield table(n // (10 if settings.quick else 1), d, m, size, settings)


def table(n: int, d: int, m: int, size: float, settings: Settings) -> Table:
    """Each candidate's time, its rate, and how far it is from the definition."""
    theta = numbers(n, d, m, size)
    calls, notes = candidates(*theta), dict[str, str]()
    expected = calls["definition"]()
    for name, prepare in LIBRARIES.items():
        try:
            calls[name] = prepare(*theta)
        except ImportError as error:
            notes[name] = f"not installed ({error})"
    apart = {name: max(np.max(np.abs(np.asarray(part) - whole)) / np.max(np.abs(whole)) for part, whole in zip(call(), expected, strict=True))
             for name, call in calls.items()}
    A = np.random.default_rng(0).standard_normal((ROWS, ROWS))
    times = interleave([steady(name, call) for name, call in {**calls, SYRK: lambda: A.T @ A}.items()], 3 if settings.quick else 7)
    for name, spent in times.items():
        rate = (1.0 * ROWS**3 if name == SYRK else 1.0 * n * m**2) / 1e9 / median(spent)
        notes[name] = f"{rate:.1f} GF/s" + (f", differs by {apart[name]:.0e}" if name in apart else "")
    notes["twin"] += f", {np.median(np.divide(times[SYRK], times['twin'])) * n * m**2 / ROWS**3:.2f} times the product's"
    return Table(f"relu_sums, n = {n}, d = {d}, m = {m}, |w| = {size}", "twin", times, notes=notes)


def numbers(n: int, d: int, m: int, size: float) -> tuple[Array, Array, Array, Array]:
    """Samples and labels, and neurons as a first step leaves them: in pairs w, -w, with biases N(0, 1)."""
    rng = np.random.default_rng([n, d, m])
    W = size * rng.standard_normal((m // 2, d)) / math.sqrt(d)
    return rng.standard_normal((n, d)), rng.standard_normal(n), np.concatenate([W, -W[::-1]]), rng.standard_normal(m)


# ---- the candidates

def candidates(X: Array, y: Array, W: Array, b: Array) -> dict[str, Call]:
    """This package's, and NumPy's, of which the quickest block is kept."""
    from refimpl._twins import implementation
    from refimpl.feature_sums import relu_sums

    def twin() -> tuple[Array, Array]:
        with implementation("kernels"):
            return relu_sums(X, y, W, b)

    seconds = {block: min(timer("", partial(by_numpy, X, y, W, b, block))()[""] for _ in range(2)) for block in BLOCKS}
    block = min(seconds, key=lambda size: seconds[size])
    return {"twin": twin, "definition": lambda: relu_sums.reference(X, y, W, b), f"NumPy, blocks of {block}": partial(by_numpy, X, y, W, b, block)}


def by_numpy(X: Array, y: Array, W: Array, b: Array, block: int) -> tuple[Array, Array]:
    """In place; NumPy sees that the product is symmetric."""
    G, c = np.zeros((len(b), len(b))), np.zeros(len(b))
    for i in range(0, len(y), block):
        Phi = X[i:i + block] @ W.T
        Phi += b
        np.maximum(Phi, 0, out=Phi)
        G += Phi.T @ Phi
        c += Phi.T @ y[i:i + block]
    return G, c


def by_torch(X: Array, y: Array, W: Array, b: Array) -> Call:
    """At once."""
    torch = one_thread()
    x, labels, w, biases = map(torch.from_numpy, (X, y, W, b))

    def call() -> Any:
        Phi = torch.relu(x @ w.T + biases)
        return Phi.T @ Phi, Phi.T @ labels
    return call


def by_jax(X: Array, y: Array, W: Array, b: Array) -> Call:
    """At once, compiled."""
    jax: Any = import_module("jax")
    jax.config.update("jax_enable_x64", True)

    def sums(x: Any, labels: Any, w: Any, biases: Any) -> Any:
        Phi = jax.nn.relu(x @ w.T + biases)
        return Phi.T @ Phi, Phi.T @ labels

    compiled, there = jax.jit(sums), [jax.device_put(part) for part in (X, y, W, b)]
    return lambda: jax.block_until_ready(compiled(*there))


LIBRARIES: dict[str, Callable[[Array, Array, Array, Array], Call]] = {"torch": by_torch, "jax": by_jax}
