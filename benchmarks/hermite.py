"""hermite_sum: the twin, its definition, numpy.polynomial, torch and JAX on the same numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.harness import Settings, Table, Timer, interleave, timer

Array = npt.NDArray[np.float64]
Call = Callable[[], Array]

SIZES = ((4, 1_000_000), (20, 1_000_000), (20, 1_000))   # (K, N)
SAMPLE = 1000                                             # entries that a peer sends back for comparison


def tables(settings: Settings) -> Iterator[Table]:
    """One table for each (K, N)."""
    for K, N in SIZES:
        yield table(K, N // (10 if settings.quick and N > SAMPLE else 1), settings)


def table(K: int, N: int, settings: Settings) -> Table:
    """All candidates that exist here or at the peer, and how far each is from the definition."""
    from refimpl.hermite import hermite_sum

    c, z = numbers(K, N)
    expected = hermite_sum.reference(c, z)
    timers: list[Timer] = []
    notes = {"auto takes": "the twin" if hermite_sum.repays(c, z) else "the definition (the twin would not repay numba's start)"}
    for name, prepare in {**OURS, **LIBRARIES}.items():
        try:
            call = prepare(c, z)
        except ImportError as error:
            remote = ask_peer(name, K, N, settings) if name in LIBRARIES else {}
            if "seconds" in remote:
                notes[name] = f"{difference(np.array(remote['sample']), expected)}, {name} {remote['version']} at the peer"
                timers.append(peer_timer(name, K, N, settings))
            else:
                notes[name] = f"not installed ({remote.get('missing', error)})"
            continue
        notes[name] = difference(call()[:SAMPLE], expected)
        timers.append(timer(name, call))
    times = interleave(timers, 5 if settings.quick else 21)
    return Table(f"hermite_sum, K = {K}, N = {N}", "twin", times, notes=notes)


def numbers(K: int, N: int) -> tuple[Array, Array]:
    """c and z, the same here and at the peer."""
    rng = np.random.default_rng([K, N])
    return rng.standard_normal(K + 1), rng.standard_normal(N)


def difference(got: Array, expected: Array) -> str:
    """The largest deviation, beside the largest value."""
    return f"differs by {np.max(np.abs(got - expected[:len(got)])) / np.max(np.abs(expected)):.0e}"


# ---- the candidates

def twin(c: Array, z: Array) -> Call:
    """The public function, kernels chosen: checks of c, z and the result included."""
    from refimpl._twins import implementation
    from refimpl.hermite import hermite_sum

    def call() -> Array:
        with implementation("kernels"):
            return hermite_sum(c, z)
    return call


def bare_twin(c: Array, z: Array) -> Call:
    """The compiled function alone."""
    from refimpl_kernels.hermite import hermite_sum

    return lambda: hermite_sum(c, z)


def definition(c: Array, z: Array) -> Call:
    """The public function, numpy chosen."""
    from refimpl.hermite import hermite_sum

    return lambda: hermite_sum.reference(c, z)


def hermeval(c: Array, z: Array) -> Call:
    """numpy.polynomial's Clenshaw, with c_k / k!."""
    from numpy.polynomial import hermite_e

    over_factorial = c / [float(math.factorial(k)) for k in range(len(c))]
    return lambda: np.asarray(hermite_e.hermeval(z, over_factorial), dtype=float)


def torch(c: Array, z: Array) -> Call:
    """The same recurrence in torch, eagerly."""
    torch = import_module("torch")
    torch.set_num_threads(1)
    there = torch.from_numpy(z)

    def call() -> Array:
        b1, b2 = torch.zeros_like(there), torch.zeros_like(there)
        for k in reversed(range(len(c))):
            b1, b2 = float(c[k]) + there * b1 / (k + 1) - b2 / (k + 2), b1
        return np.asarray(b1)
    return call


def jax(c: Array, z: Array) -> Call:
    """The same recurrence in JAX, unrolled and compiled."""
    jax = import_module("jax")
    jax.config.update("jax_enable_x64", True)

    def series(c: Any, z: Any) -> Any:
        b1, b2 = 0 * z, 0 * z
        for k in reversed(range(len(c))):
            b1, b2 = c[k] + z * b1 / (k + 1) - b2 / (k + 2), b1
        return b1

    compiled, c_there, z_there = jax.jit(series), jax.device_put(c), jax.device_put(z)
    return lambda: np.asarray(compiled(c_there, z_there).block_until_ready())


OURS = {"twin": twin, "twin without checks": bare_twin, "definition": definition, "numpy.polynomial hermeval": hermeval}
LIBRARIES: dict[str, Callable[[Array, Array], Call]] = {"torch": torch, "jax": jax}


# ---- the libraries of another environment

@cache
def prepared(name: str, K: int, N: int) -> tuple[Call, Timer]:
    """A library's call, and its timer."""
    call = LIBRARIES[name](*numbers(K, N))
    return call, timer(name, call)


def answer(name: str, K: int, N: int) -> dict[str, Any]:
    """What a peer says: one round of ``name`` and the first entries, or what it misses."""
    try:
        call, clock = prepared(name, K, N)
    except ImportError as error:
        return {"missing": str(error)}
    return {"seconds": clock()[name], "sample": call()[:SAMPLE].tolist(), "version": version(name)}


def ask_peer(name: str, K: int, N: int, settings: Settings) -> dict[str, Any]:
    """The peer's answer; nothing where there is no peer."""
    return settings.peer.ask("benchmarks.hermite", name=name, K=K, N=N) if settings.peer else {}


def peer_timer(name: str, K: int, N: int, settings: Settings) -> Timer:
    """One round of ``name`` at the peer."""
    return lambda: {name: ask_peer(name, K, N, settings)["seconds"]}
