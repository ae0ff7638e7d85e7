"""ntk_gram, and predictions from it: the twins, the definitions, NumPy, torch, JAX and neural-tangents on the same points."""

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

SIZES = ((1000, 10), (4000, 10), (4000, 100), (4000, 3))                 # (n, d)
ASKED = {"torch": ">= 40", "jax": ">= 7", "neural-tangents": ">= 18", "NumPy, row blocks in place": ">= 4", "NumPy, plain": ">= 14"}   # n = 4000, d = 10
PREDICTION = (20_000, 4000, 10, 8)                                        # points, samples, d, right-hand sides
BLOCK = 64                                                                # rows of a block
SAMPLE = 40                                                               # rows that are compared with 30 digits, and that a peer sends back


def tables(settings: Settings) -> Iterator[Table]:
    """One table for each (n, d), and one for predictions."""
    for n, d in SIZES:
        yield table(n // (4 if settings.quick else 1), d, settings)
    n, k, d, r = PREDICTION
    yield prediction(n // (10 if settings.quick else 1), k, d, r, 3 if settings.quick else 9)


def table(n: int, d: int, settings: Settings) -> Table:
    """All candidates that exist here or at the peer, and how far each is from the kernel itself."""
    from refimpl.baselines.ntk import _relu_gram

    X = points(n, d)
    exact = to_30_digits(X)
    timers: list[Timer] = []
    notes = {"auto takes": "the twin" if _relu_gram.repays(X, None, False) else "the definition (the twin would not repay numba's start)"}
    for name, prepare in {**OURS, **LIBRARIES}.items():
        try:
            call = prepare(X)
        except ImportError as error:
            remote = ask_peer(name, n, d, settings) if name in LIBRARIES else {}
            if "seconds" in remote:
                notes[name] = f"{off(np.array(remote['sample']), exact)}, {name} {remote['version']} at the peer"
                timers.append(peer_timer(name, n, d, settings))
            else:
                notes[name] = f"not installed ({remote.get('missing', error)})"
            continue
        notes[name] = off(call()[:SAMPLE, :SAMPLE], exact)
        timers.append(timer(name, call))
    times = interleave(timers, 5 if settings.quick else 15)
    return Table(f"ntk_gram, n = {n}, d = {d}", "twin", times, notes=notes, asked=ASKED if (n, d) == (4000, 10) else {})


def prediction(n: int, k: int, d: int, r: int, rounds: int) -> Table:
    """K(X, Z) alpha at n points, for k samples and r right-hand sides."""
    from refimpl.baselines.ntk import ntk_gram, ntk_predict

    X, Z, alpha = points(n, d), points(k, d)[:, ::-1].copy(), np.random.default_rng(r).standard_normal((k, r))
    calls: dict[str, Call] = {
        "twin": with_kernels(lambda: ntk_predict(X, Z, alpha)),
        "definition": with_numpy(lambda: ntk_predict(X, Z, alpha)),
        "NumPy, row blocks in place": lambda: np.concatenate([in_place(X[i:i + BLOCK], Z) @ alpha for i in range(0, n, BLOCK)]),
        "twin of ntk_gram, then a product": with_kernels(lambda: np.asarray(ntk_gram(X, Z) @ alpha)),
    }
    times = interleave([timer(name, call) for name, call in calls.items()], rounds)
    size = np.abs(ntk_gram(X[:SAMPLE], Z)) @ np.abs(alpha)
    expected = ntk_gram(X[:SAMPLE], Z) @ alpha
    notes = {name: f"differs by {np.max(np.abs(call()[:SAMPLE] - expected) / size):.0e}" for name, call in calls.items()}
    return Table(f"ntk_predict, n = {n}, k = {k}, d = {d}, r = {r}", "twin", times, notes=notes)


@cache
def points(n: int, d: int) -> Array:
    """X, the same here and at the peer."""
    return np.random.default_rng([n, d]).standard_normal((n, d))


def to_30_digits(X: Array) -> Any:
    """K / (|x| |z|) of the first rows, in mpmath's numbers."""
    from mpmath import mp

    rows = [[mp.mpf(x) for x in row] for row in X[:SAMPLE].tolist()]
    with mp.workdps(30):
        length = [mp.sqrt(mp.fdot(row, row)) for row in rows]
        cosine = [[mp.fdot(x, z) / (s * u) if x is not z else mp.mpf(1) for z, u in zip(rows, length, strict=True)] for x, s in zip(rows, length, strict=True)]
        return [[(s * u, s * u * (mp.sqrt(1 - c * c) + 2 * (mp.pi - mp.acos(c)) * c) / (2 * mp.pi)) for c, u in zip(row, length, strict=True)]
                for row, s in zip(cosine, length, strict=True)]


def off(got: Array, exact: Any) -> str:
    """The largest deviation, in units of (K_ii K_jj)^{1/2} = |x_i| |x_j|."""
    pairs = [(float(abs(entry - K) / size), i == j) for i, row in enumerate(exact) for j, (size, K) in enumerate(row) for entry in [float(got[i, j])]]
    beside, diagonal = (max(error for error, on in pairs if on == where) for where in (False, True))
    return f"off by {beside:.0e}, on the diagonal by {diagonal:.0e}"


# ---- the candidates

def with_kernels(call: Call) -> Call:
    """The call, kernels chosen."""
    from refimpl._twins import implementation

    def chosen() -> Array:
        with implementation("kernels"):
            return call()
    return chosen


def with_numpy(call: Call) -> Call:
    """The call, definitions chosen."""
    from refimpl._twins import implementation

    def chosen() -> Array:
        with implementation("numpy"):
            return call()
    return chosen


def twin(X: Array) -> Call:
    """The public function, kernels chosen: checks of X included."""
    from refimpl.baselines.ntk import ntk_gram

    return with_kernels(lambda: ntk_gram(X))


def definition(X: Array) -> Call:
    """The public function, numpy chosen."""
    from refimpl.baselines.ntk import ntk_gram

    return with_numpy(lambda: ntk_gram(X))


def plain(X: Array) -> Call:
    """As one writes it in NumPy."""
    def call() -> Array:
        length = np.linalg.norm(X, axis=1)
        size = np.outer(length, length)
        u = np.clip(X @ X.T / size, -1, 1)
        return np.asarray(size * (np.sqrt(1 - u * u) + 2 * (math.pi - np.arccos(u)) * u) / (2 * math.pi))
    return call


def by_blocks(X: Array) -> Call:
    """Blocks of rows, in place: nothing of the size of K beside K."""
    def call() -> Array:
        K = np.empty((len(X), len(X)))
        for i in range(0, len(X), BLOCK):
            in_place(X[i:i + BLOCK], X, K[i:i + BLOCK])
        return K
    return call


def in_place(X: Array, Z: Array, out: Array | None = None) -> Array:
    """K(X, Z) of a few rows X."""
    x, z = np.linalg.norm(X, axis=1), np.linalg.norm(Z, axis=1)
    u: Array = np.matmul(X / x[:, None], (Z / z[:, None]).T, out=out)
    np.clip(u, -1, 1, out=u)
    sine = u * u
    np.subtract(1, sine, out=sine)
    np.sqrt(sine, out=sine)
    angle = np.arccos(u)
    np.subtract(math.pi, angle, out=angle)
    angle *= 2
    u *= angle
    u += sine
    u *= x[:, None] / (2 * math.pi)
    u *= z
    return u


def torch(X: Array) -> Call:
    """The same in torch, eagerly."""
    torch = import_module("torch")
    torch.set_num_threads(1)
    there = torch.from_numpy(X)

    def call() -> Array:
        length = torch.linalg.norm(there, dim=1)
        size = torch.outer(length, length)
        u = torch.clamp(there @ there.T / size, -1, 1)
        return np.asarray(size * (torch.sqrt(1 - u * u) + 2 * (math.pi - torch.arccos(u)) * u) / (2 * math.pi), dtype=float)
    return call


def jax(X: Array) -> Call:
    """The same in JAX, compiled."""
    jax = import_module("jax")
    jax.config.update("jax_enable_x64", True)
    numpy = import_module("jax.numpy")

    def formula(X: Any) -> Any:
        length = numpy.linalg.norm(X, axis=1)
        size = numpy.outer(length, length)
        u = numpy.clip(X @ X.T / size, -1, 1)
        return size * (numpy.sqrt(1 - u * u) + 2 * (math.pi - numpy.arccos(u)) * u) / (2 * math.pi)

    compiled, there = jax.jit(formula), jax.device_put(X)
    return lambda: np.asarray(compiled(there).block_until_ready(), dtype=float)


def neural_tangents(X: Array) -> Call:
    """neural-tangents' kernel of the same network, compiled; it divides by d."""
    stax = import_module("neural_tangents.stax")
    jax = import_module("jax")
    jax.config.update("jax_enable_x64", True)
    _, _, kernel = stax.serial(stax.Dense(1, W_std=1.0), stax.Relu(), stax.Dense(1, W_std=1.0))
    compiled, there = jax.jit(lambda X: kernel(X, None, "ntk") * X.shape[1]), jax.device_put(X)
    return lambda: np.asarray(compiled(there).block_until_ready(), dtype=float)


OURS = {"twin": twin, "definition": definition, "NumPy, plain": plain, "NumPy, row blocks in place": by_blocks}
LIBRARIES: dict[str, Callable[[Array], Call]] = {"torch": torch, "jax": jax, "neural-tangents": neural_tangents}


# ---- the libraries of another environment

@cache
def prepared(name: str, n: int, d: int) -> tuple[Call, Timer]:
    """A library's call, and its timer."""
    call = LIBRARIES[name](points(n, d))
    return call, timer(name, call)


def answer(name: str, n: int, d: int) -> dict[str, Any]:
    """What a peer says: one round of ``name`` and the first entries, or what it misses."""
    try:
        call, clock = prepared(name, n, d)
    except ImportError as error:
        return {"missing": str(error)}
    return {"seconds": clock()[name], "sample": call()[:SAMPLE, :SAMPLE].tolist(), "version": version(name)}


def ask_peer(name: str, n: int, d: int, settings: Settings) -> dict[str, Any]:
    """The peer's answer; nothing where there is no peer."""
    return settings.peer.ask("benchmarks.gram", name=name, n=n, d=d) if settings.peer else {}


def peer_timer(name: str, n: int, d: int, settings: Settings) -> Timer:
    """One round of ``name`` at the peer."""
    return lambda: {name: ask_peer(name, n, d, settings)["seconds"]}
