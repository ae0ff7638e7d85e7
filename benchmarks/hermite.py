"""hermite_sum and He_table: the twins, their definitions, numpy.polynomial, torch and JAX on the same numbers."""

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
TABLES = ((4, 4096), (20, 100_000), (20, 1_000_000))
SAMPLE = 1000                                             # entries that a peer sends back for comparison
CHAINS, TURNS = 12, 20_000                                # that many vectors of 8, each turned so often, show what the processor can do
CEILING = "as many fused operations"
ASKED = {"numpy.polynomial hermeval": ">= 20", "jax": ">= 1.8", "torch": ">= 100", CEILING: ">= 0.8"}   # for K = 20, N = 1e6


def tables(settings: Settings) -> Iterator[Table]:
    """One table for each (K, N) of the series, then of the table."""
    for K, N in SIZES:
        yield table(K, N // (10 if settings.quick and N > SAMPLE else 1), settings)
    for K, N in TABLES:
        yield rows(K, N // (10 if settings.quick and N > SAMPLE else 1), settings)


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
    timers.append(ceiling(K, N))
    notes[CEILING] = "2 K N fused operations in registers"
    times = interleave(timers, 5 if settings.quick else 21)
    return Table(f"hermite_sum, K = {K}, N = {N}", "twin", times, notes=notes, asked=ASKED if (K, N) == (20, 1_000_000) else {})


def numbers(K: int, N: int) -> tuple[Array, Array]:
    """c and z, the same here and at the peer."""
    rng = np.random.default_rng([K, N])
    return rng.standard_normal(K + 1), rng.standard_normal(N)


def difference(got: Array, expected: Array) -> str:
    """The largest deviation, beside the largest value."""
    return f"differs by {np.max(np.abs(got - expected[:len(got)])) / np.max(np.abs(expected)):.0e}"


def rows(K: int, N: int, settings: Settings) -> Table:
    """He_0, ..., He_K as a table; the memory it takes is asked for anew at each call."""
    from numpy.polynomial import hermite_e

    from refimpl._twins import implementation
    from refimpl.hermite import He_table

    z = numbers(K, N)[1]
    expected = He_table.reference(K, z)

    def compiled() -> Array:
        with implementation("kernels"):
            return He_table(K, z)

    calls: dict[str, Call] = {"twin": compiled, "definition": lambda: He_table.reference(K, z),
                              "numpy.polynomial hermevander": lambda: np.asarray(hermite_e.hermevander(z, K).T, dtype=float)}
    notes = {name: difference(call()[:, :SAMPLE].T, expected[:, :SAMPLE].T) for name, call in calls.items()}
    notes["auto takes"] = "the twin" if He_table.repays(K, z) else "the definition (the twin would not repay numba's start)"
    filled = timer("one number into each entry", lambda: np.full((K + 1, N), 1.0))
    times = interleave([*(timer(name, call) for name, call in calls.items()), filled], 5 if settings.quick else 21)
    return Table(f"He_table, K = {K}, N = {N}", "twin", times, notes=notes)


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

    return lambda: np.asarray(hermite_sum(c, z))


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


def ceiling(K: int, N: int) -> Timer:
    """The time of 2 K N fused multiplications and additions at the rate of independent ones in registers."""
    from refimpl_kernels._jit import NUMBA, intrinsic, ir

    @intrinsic
    def turned(_: Any, turns: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            vector = ir.VectorType(ir.DoubleType(), 8)
            fma = NUMBA.core.cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), "llvm.fmuladd.v8f64")
            kept = [NUMBA.core.cgutils.alloca_once_value(builder, vector([float(i)] * 8)) for i in range(CHAINS)]
            with NUMBA.core.cgutils.for_range(builder, arguments[0]):
                for one in kept:
                    builder.store(builder.call(fma, [builder.load(one), vector([0.5] * 8), vector([1.0] * 8)]), one)
            parts = [builder.extract_element(builder.load(one), ir.IntType(32)(0)) for one in kept]
            total = parts[0]
            for part in parts[1:]:
                total = builder.fadd(total, part)
            return total
        return NUMBA.types.float64(turns), generate

    @NUMBA.njit  # type: ignore[untyped-decorator]
    def run(turns: int) -> float:
        return turned(turns)  # type: ignore[no-any-return]

    one = timer(CEILING, lambda: run(TURNS))
    return lambda: {CEILING: one()[CEILING] * 2 * K * N / (8 * CHAINS * TURNS)}


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
