"""Normals with NumPy's bits, and what it costs to sample a population gradient instead of writing it down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.harness import Settings, Table, interleave, timer

Array = npt.NDArray[np.float64]
Call = Callable[[], Any]

SIZES = (100_000, 1_000_000, 10_000_000)
FAMILIES = (np.random.SFC64, np.random.Philox, np.random.MT19937)
ASKED = {"NumPy": ">= 2.9", "torch": ">= 5.4", "jax": ">= 6"}   # at 1e6
SAMPLES, BLOCK, D = 1_000_000, 8192, 10
ASKED_GRADIENT = {"NumPy, a mean over n": ">= 100", "torch, a mean over n": ">= 200"}


def tables(settings: Settings) -> Iterator[Table]:
    """Normals by size, by generator, and the gradient."""
    for N in SIZES[:2] if settings.quick else SIZES:
        yield normals(N, settings)
    yield families(SIZES[0 if settings.quick else 1], settings)
    yield population_gradient(SAMPLES // (10 if settings.quick else 1), settings)


# ---- normals

def normals(N: int, settings: Settings) -> Table:
    """The package's stream under either implementation, and the streams of libraries, whose bits are others."""
    from refimpl.rng import standard_normal

    ours = {"twin": drawn(np.random.PCG64, N, "kernels"), "NumPy": drawn(np.random.PCG64, N, "numpy")}
    notes = {"NumPy": "the same bits" if np.array_equal(*(call() for call in ours.values())) else "OTHER BITS",
             "auto takes": "the twin" if standard_normal.repays(N, rng=0) else "NumPy (the twin would not repay numba's start)"}
    calls = ours | importable("torch", lambda: torch_normals(N), notes) | importable("jax", lambda: jax_normals(N), notes)
    notes |= {name: "other bits" for name in ("torch", "jax") if name in calls}
    return Table(f"standard_normal, N = {N}", "twin", interleaved(calls, settings), notes=notes, asked=ASKED if N == 1_000_000 else {})


def families(N: int, settings: Settings) -> Table:
    """Generators other than PCG64, whose own function makes more of the time."""
    calls = {f"{family.__name__}, {side}": drawn(family, N, side) for family in FAMILIES for side in ("kernels", "numpy")}
    times = interleaved(calls, settings)
    notes = {f"{family.__name__}, numpy": f"{np.median(np.divide(times[f'{family.__name__}, numpy'], times[f'{family.__name__}, kernels'])):.2f} "
             "times its twin" for family in FAMILIES}
    return Table(f"standard_normal of other generators, N = {N}", f"{FAMILIES[0].__name__}, kernels", times, notes=notes)


def drawn(family: Any, N: int, side: str) -> Call:
    """N draws of one generator under one implementation, call after call."""
    from refimpl._twins import implementation
    from refimpl.rng import standard_normal

    rng = np.random.Generator(family(0))

    def call() -> Array:
        with implementation(side):
            return standard_normal(N, rng=rng)
    return call


def torch_normals(N: int) -> Call:
    """torch's own stream, float64."""
    torch = import_module("torch")
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    return lambda: torch.randn(N, dtype=torch.float64, generator=generator)


def jax_normals(N: int) -> Call:
    """JAX's counter stream, float64, compiled; the same key each time, as keys are its business."""
    jax: Any = import_module("jax")
    jax.config.update("jax_enable_x64", True)
    draw, key = jax.jit(lambda key: jax.random.normal(key, (N,), dtype="float64")), jax.random.key(0)
    return lambda: draw(key).block_until_ready()


# ---- E[f*(x) x 1{w.x + b >= 0}]

def population_gradient(n: int, settings: Settings) -> Table:
    """One neuron: in closed form, and as a mean over n samples."""
    from refimpl.data.targets import single_index
    from refimpl.population import half_space_moment

    rng = np.random.default_rng(D)
    u, w = (v / np.linalg.norm(v) for v in rng.standard_normal((2, D)))
    target, W, b = single_index([0.0, 0.5, 1.0, -1.0, 0.5], u), w[None, :], np.array([0.3])
    exact = half_space_moment(target, W, b)[0]
    notes: dict[str, str] = {}
    sampled: dict[str, Call] = {"NumPy, a mean over n": lambda: mean_by_numpy(n, target, w, b[0], rng)}
    sampled |= importable("torch, a mean over n", lambda: mean_by_torch(n, u, w, b[0]), notes)
    for name, call in sampled.items():
        error = np.linalg.norm(np.asarray(call()) - exact) / np.linalg.norm(exact)
        notes[name] = f"off by {error:.0e}"
    calls: dict[str, Call] = {"half_space_moment": lambda: half_space_moment(target, W, b)}
    return Table(f"E[f*(x) x 1{{w.x + b >= 0}}], d = {D}, p = 4, one neuron, n = {n}", "half_space_moment",
                 interleaved(calls | sampled, settings), notes=notes, asked=ASKED_GRADIENT)


def mean_by_numpy(n: int, target: Any, w: Array, b: float, rng: np.random.Generator) -> Array:
    """A block of samples at a time, which stays in the second-level cache."""
    total = np.zeros(D)
    for i in range(0, n, BLOCK):
        X = rng.standard_normal((min(BLOCK, n - i), D))
        total += (target.value(X) * (X @ w + b >= 0)) @ X
    return total / n


def mean_by_torch(n: int, u: Array, w: Array, b: float) -> Call:
    """The same blocks in torch, f* written out: u.x = z, He_k(z) / k! with c = (0, 0.5, 1, -1, 0.5)."""
    torch = import_module("torch")
    torch.set_num_threads(1)
    U, V = torch.from_numpy(u), torch.from_numpy(w)

    def call() -> Any:
        total = torch.zeros(D, dtype=torch.float64)
        for i in range(0, n, BLOCK):
            X = torch.randn((min(BLOCK, n - i), D), dtype=torch.float64)
            z = X @ U
            f = 0.5 * z + (z * z - 1) / 2 - (z ** 3 - 3 * z) / 6 + 0.5 * (z ** 4 - 6 * z * z + 3) / 24
            total += (f * (X @ V + b >= 0)) @ X
        return total / n
    return call


# ---- the rounds

def interleaved(calls: dict[str, Call], settings: Settings) -> dict[str, list[float]]:
    return interleave([timer(name, call) for name, call in calls.items()], 5 if settings.quick else 11)


def importable(name: str, prepare: Callable[[], Call], notes: dict[str, str]) -> dict[str, Call]:
    """The call of a library, or a note that it is not installed."""
    try:
        return {name: prepare()}
    except ImportError as error:
        notes[name] = f"not installed ({error})"
        return {}
