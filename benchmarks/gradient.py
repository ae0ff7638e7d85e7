"""The first gradient of Algorithm 1 in W, at the mirrored start: the mask product of half of the neurons, and what else computes it.

Rates count two matrix products, 4 n (m/2) d operations, whatever a candidate really does: w.x for n samples and m/2 neurons, and the product of the
masks with the samples. So a rate above that of a plain matrix product, measured in the same rounds, is one that no way through two such products reaches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.harness import Settings, Table, Timer, clock, interleave, timer

Array = npt.NDArray[np.float64]
Call = Callable[[], Any]

SIZES = ((1000, 10, 100), (10_000, 10, 1000), (100_000, 10, 1000), (10_000, 32, 1000), (10_000, 100, 1000), (10_000, 1000, 2000))   # (n, d, m)
BLOCKS = (128, 256, 512, 1024, 4096)                       # samples at a time: the quickest for each size
ROUND = 0.1                                                # seconds
GEMM = 1024                                                # rows and columns of the plain product
AUTOGRAD, RATE = "torch, autograd of the whole network", f"NumPy, one product of {GEMM} x {GEMM}"
FEW = {"one-shot": 10, "blocks": 3.5, AUTOGRAD: 80, "torch": 25, "jax": 9}                # targets, d <= 12 and n >= 1e4
MANY = {100: {"blocks": 1.6, AUTOGRAD: 12, "jax": 2.2}, 1000: {"blocks": 1.6, AUTOGRAD: 4.5, "jax": 2.2}}


def tables(settings: Settings) -> Iterator[Table]:
    """One table for each (n, d, m)."""
    for n, d, m in SIZES:
        yield table(n // (10 if settings.quick and n > 1000 else 1), d, m, settings)


def table(n: int, d: int, m: int, settings: Settings) -> Table:
    """Each candidate's time, its rate, and how far it is from the definition."""
    theta = numbers(n, d, m)
    calls, notes = candidates(*theta), dict[str, str]()
    expected = calls["definition"]()
    for name, prepare in LIBRARIES.items():
        try:
            calls[name] = prepare(*theta)
        except ImportError as error:
            notes[name] = f"not installed ({error})"
    apart = {name: np.max(np.abs(np.asarray(call()) - expected)) / np.max(np.abs(expected)) for name, call in calls.items()}
    A = np.random.default_rng(0).standard_normal((GEMM, GEMM))
    B = A + 1                                              # not A itself, whose product with its transpose NumPy halves
    rounds = 3 if settings.quick else 7 if n * d * m < 1e9 else 5
    times = interleave([steady(name, call) for name, call in {**calls, RATE: lambda: A @ B}.items()], rounds)
    rate = {name: (2.0 * GEMM**3 if name == RATE else 2.0 * n * m * d) / 1e9 / median(spent) for name, spent in times.items()}
    targets = MANY.get(d, FEW if d <= 12 and n >= 10_000 else {})
    for name in times:
        notes[name] = f"{rate[name]:.1f} GF/s" + (f", differs by {apart[name]:.0e}" if name in apart else "")
    notes["twin"] += f", {np.median(np.divide(times[RATE], times['twin'])) * n * m * d / GEMM**3:.2f} times the product's"
    asked = {name: f">= {ratio}" for word, ratio in targets.items() for name in times if name == word or word in name.split()}
    return Table(f"first gradient, n = {n}, d = {d}, m = {m}", "twin", times, notes=notes, asked=asked)


def steady(name: str, call: Call) -> Timer:
    """Rounds of at least ROUND seconds, so that all candidates have their share of a busy machine's interruptions."""
    repeat = max(1, round(ROUND / timer("", call)()[""]))
    return lambda: {name: clock(call, repeat)}


def numbers(n: int, d: int, m: int) -> tuple[Array, Array, Array]:
    """Samples, labels, and the first half of the neurons; the biases are 0."""
    rng = np.random.default_rng([n, d, m])
    return rng.standard_normal((n, d)), rng.standard_normal(n), rng.standard_normal((m // 2, d)) / np.sqrt(d)


# ---- the candidates: sum_i y_i x_i 1{w_j.x_i >= 0}, (m/2, d)

def candidates(X: Array, y: Array, W: Array) -> dict[str, Call]:
    """This package's, and NumPy's, of which the quickest block is kept."""
    from refimpl._twins import implementation
    from refimpl.masks import masked_sums

    b = np.zeros(len(W))

    def twin() -> Array:
        with implementation("kernels"):
            return masked_sums(X, y, W, b)[0]

    seconds = {block: min(timer("", partial(by_numpy, X, y, W, block))()[""] for _ in range(2)) for block in BLOCKS}
    block = min(seconds, key=lambda size: seconds[size])
    return {"twin": twin, "definition": lambda: masked_sums.reference(X, y, W, b)[0],
            "NumPy, one-shot": partial(by_numpy, X, y, W, len(X)), f"NumPy, blocks of {block}": partial(by_numpy, X, y, W, block)}


def by_numpy(X: Array, y: Array, W: Array, block: int) -> Array:
    """Two products for each block of samples."""
    S = np.zeros(W.shape)
    for i in range(0, len(X), block):
        x = X[i:i + block]
        S += ((x @ W.T >= 0) * y[i:i + block, None]).T @ x
    return S


def by_torch(X: Array, y: Array, W: Array) -> Call:
    """The same two products in torch."""
    torch = one_thread()
    x, r, w = map(torch.from_numpy, (X, y, W))
    return lambda: ((x @ w.T >= 0) * r[:, None]).T @ x


def by_autograd(X: Array, y: Array, W: Array) -> Call:
    """The square loss of the whole mirrored network, backward; brought to the units of the others."""
    torch = one_thread()
    x, labels, w = map(torch.from_numpy, (X, y, np.concatenate([W, W[::-1]])))
    a = torch.ones(len(w), dtype=torch.float64)
    a[len(W):] = -1
    w.requires_grad_()

    def call() -> Any:
        w.grad = None
        ((torch.relu(x @ w.T) @ a - labels) ** 2).mean().backward()
        return w.grad[:len(W)] * (-len(X) / 2)
    return call


def one_thread() -> Any:
    """torch, on one thread."""
    torch = import_module("torch")
    torch.set_num_threads(1)
    return torch


def by_jax(X: Array, y: Array, W: Array) -> Call:
    """The same two products in JAX, compiled."""
    jax: Any = import_module("jax")
    jax.config.update("jax_enable_x64", True)
    compiled = jax.jit(lambda x, r, w: ((x @ w.T >= 0) * r[:, None]).T @ x)
    there = [jax.device_put(part) for part in (X, y, W)]
    return lambda: compiled(*there).block_until_ready()


LIBRARIES: dict[str, Callable[[Array, Array, Array], Call]] = {"torch": by_torch, AUTOGRAD: by_autograd, "jax": by_jax}
