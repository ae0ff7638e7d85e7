"""Algorithm 1 from samples to predictions, beside the authors' formulation of it (github.com/adamian98/COLT2022) in torch and in JAX.

All sides get the same samples and the same mirrored network; the clock runs over alpha and beta, the first step, the features' moments, the heads of
100 lam, their mean squares on the hold-out, and the chosen one's predictions at the test points. The authors take one singular value decomposition
for all lam; beside it stand one of a symmetric matrix, which is what theirs is, and a solution for each lam.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.harness import Settings, Table, Timer, clock, interleave

Array = npt.NDArray[np.float64]

SIZES = {"small": (1000, 10, 100), "middle": (10_000, 100, 1000), "large": (100_000, 100, 1000)}   # n, d, m
POINTS = 10_000                                 # of the hold-out, and of the test
WEIGHT_DECAYS = np.geomspace(1e-6, 1e6, 100)    # the authors' lam, half of Algorithm 1's
OURS, BLOCK = "this package", 1024
ASKED = {"torch, as its authors": ">= 4", "jax, as its authors": ">= 3"}   # of the middle size


class Data(NamedTuple):
    """Samples, hold-out, test points, and the mirrored start with its biases."""

    X: Array
    y: Array
    X_holdout: Array
    y_holdout: Array
    X_test: Array
    W: Array
    a: Array
    b: Array


Outcome = tuple[Array, Array]                   # mean squares on the hold-out (100,), predictions at the test points
Candidate = Callable[[Data], Callable[[], Any]]


def tables(settings: Settings) -> Iterator[Table]:
    """One table a size."""
    for name, (n, d, m) in SIZES.items():
        if not settings.quick or name == "small":
            title = f"Algorithm 1, {name}: n = {n}, d = {d}, m = {m}, {len(WEIGHT_DECAYS)} lam, 2 x {POINTS} further points"
            yield table(title, data(n, d, m, POINTS), CANDIDATES, 3 if settings.quick else 5, ASKED if name == "middle" else {})


def table(title: str, given: Data, candidates: Mapping[str, Candidate], rounds: int, asked: Mapping[str, str]) -> Table:
    """Each candidate's time, and how far its results are from this package's."""
    expected, timers, notes = this_package(given), list[Timer](), dict[str, str]()
    for name, prepare in candidates.items():
        try:
            call = prepare(given)
        except ImportError as error:
            notes[name] = f"not installed ({error})"
            continue
        if name != OURS:
            notes[name] = differences(call(), expected)
        timers.append(once(name, call))
    return Table(title, OURS, interleave(timers, rounds), notes=notes, asked=asked)


def once(name: str, call: Callable[[], object]) -> Timer:
    """One call a round."""
    return lambda: {name: clock(call, 1)}


def differences(got: Outcome, expected: Outcome) -> str:
    """Of the mean squares, relative, and of the predictions, over the largest."""
    squares, f = (np.asarray(part) for part in got)
    return (f"differs by {np.max(np.abs(squares / expected[0] - 1)):.0e} in the mean squares, "
            f"by {np.max(np.abs(f - expected[1])) / np.max(np.abs(expected[1])):.0e} in f")


def data(n: int, d: int, m: int, points: int) -> Data:
    """He_2 along the first axis over its norm, noise N(0, 1): the authors' example."""
    rng = np.random.default_rng([n, d, m])
    X, X_holdout, X_test = (rng.standard_normal((rows, d)) for rows in (n, points, points))
    y, y_holdout = ((x[:, 0]**2 - 1) / math.sqrt(2) + rng.standard_normal(len(x)) for x in (X, X_holdout))
    W, b = rng.standard_normal((m // 2, d)) / math.sqrt(d), rng.standard_normal(m // 2)
    a = 2.0 * rng.integers(0, 2, m // 2) - 1
    return Data(X, y, X_holdout, y_holdout, X_test, np.concatenate([W, W[::-1]]), np.concatenate([a, -a[::-1]]), np.concatenate([b, b[::-1]]))


# ---- this package

def this_package(at: Data) -> Outcome:
    """The mean squares of all heads are not among its results, and not in the clock."""
    from refimpl.head import ridge

    trained, f = train_and_predict(at)
    squares, _ = trained.mean_squares(ridge(trained.decomposition, 2 * WEIGHT_DECAYS), at.X_holdout, at.y_holdout)
    return squares, f


def train_and_predict(at: Data) -> tuple[Any, Array]:
    """On the side of the twins."""
    from refimpl import implementation
    from refimpl.network import Network
    from refimpl.training import AUTHORS, train

    with implementation("kernels"):
        trained = train(at.X, at.y, Network(at.a, at.W, at.b), at.b, lam=2 * WEIGHT_DECAYS, holdout=(at.X_holdout, at.y_holdout), variant=AUTHORS)
        return trained, trained.predict(at.X_test)


# ---- the authors' formulation

def by_numpy(at: Data) -> Outcome:
    """In blocks, the gradient by two products, one decomposition."""
    n, half = len(at.y), len(at.b) // 2
    alpha, beta = at.y.mean(), at.y @ at.X / n
    r = at.y - alpha - at.X @ beta
    S, G, c = np.zeros((half, at.X.shape[1])), np.zeros((2 * half, 2 * half)), np.zeros(2 * half)
    for x, r_x in blocks(at.X, r):
        S += ((x @ at.W[:half].T + at.b[:half] >= 0) * r_x[:, None]).T @ x
    S *= at.a[:half, None]
    W = np.concatenate([S, -S[::-1]]) / math.sqrt((S**2).sum(axis=1).mean())
    for x, r_x in blocks(at.X, r):
        H = np.maximum(x @ W.T + at.b, 0)
        G += H.T @ H
        c += H.T @ r_x
    s, V = np.linalg.eigh(G / n)
    heads = V @ ((V.T @ c / n)[:, None] / (s[:, None] + WEIGHT_DECAYS))
    squares = np.zeros(len(WEIGHT_DECAYS))
    for x, r_x in blocks(at.X_holdout, at.y_holdout - alpha - at.X_holdout @ beta):
        squares += ((np.maximum(x @ W.T + at.b, 0) @ heads - r_x[:, None])**2).sum(axis=0)
    a = heads[:, squares.argmin()]
    f = np.concatenate([np.maximum(x @ W.T + at.b, 0) @ a for x, _ in blocks(at.X_test, at.X_test[:, 0])])
    return squares / len(at.y_holdout), alpha + at.X_test @ beta + f


def blocks(X: Array, y: Array) -> Iterator[tuple[Array, Array]]:
    """A few samples at a time."""
    for i in range(0, len(y), BLOCK):
        yield X[i:i + BLOCK], y[i:i + BLOCK]


def by_torch(solve: str) -> Candidate:
    """The loss of the whole network and its gradient by autograd."""
    def prepare(at: Data) -> Callable[[], Outcome]:
        torch = import_module("torch")
        torch.set_num_threads(1)
        X, y, X_holdout, y_holdout, X_test, W, a, b = map(torch.from_numpy, at)
        decays = torch.from_numpy(WEIGHT_DECAYS)

        def heads(G: Any, c: Any) -> Any:
            if solve == "each":
                return torch.stack([torch.linalg.solve(G + decay * torch.eye(len(c), dtype=c.dtype), c) for decay in decays], 1)
            U, s, Vt = torch.linalg.svd(G) if solve == "svd" else spectrum(torch.linalg.eigh(G))
            return Vt.T @ ((U.T @ c)[:, None] / (s[:, None] + decays))

        def call() -> Outcome:
            C_0, C_1 = y.mean(), y @ X / len(y)
            r, w = y - C_0 - X @ C_1, W.clone().requires_grad_()
            ((torch.relu(X @ w.T + b) @ a - r)**2).mean().backward()
            w = -w.grad / torch.sqrt((w.grad**2).sum(1).mean())
            H = torch.relu(X @ w.T + b)
            A = heads(H.T @ H / len(y), H.T @ r / len(y))
            squares = ((torch.relu(X_holdout @ w.T + b) @ A - (y_holdout - C_0 - X_holdout @ C_1)[:, None])**2).mean(0)
            f = C_0 + X_test @ C_1 + torch.relu(X_test @ w.T + b) @ A[:, squares.argmin()]
            return squares.numpy(), f.numpy()
        return call
    return prepare


def by_jax(solve: str) -> Candidate:
    """The same, compiled as a whole."""
    def prepare(at: Data) -> Callable[[], Outcome]:
        jax: Any = import_module("jax")
        jnp, relu = import_module("jax.numpy"), jax.nn.relu
        jax.config.update("jax_enable_x64", True)

        def whole(X: Any, y: Any, X_holdout: Any, y_holdout: Any, X_test: Any, W: Any, a: Any, b: Any) -> Any:
            C_0, C_1 = y.mean(), y @ X / len(y)
            r = y - C_0 - X @ C_1
            dW = jax.grad(lambda w: jnp.mean((relu(X @ w.T + b) @ a - r)**2))(W)
            w = -dW / jnp.sqrt((dW**2).sum(1).mean())
            H = relu(X @ w.T + b)
            G, c = H.T @ H / len(y), H.T @ r / len(y)
            U, s, Vt = jnp.linalg.svd(G) if solve == "svd" else spectrum(jnp.linalg.eigh(G))
            A = Vt.T @ ((U.T @ c)[:, None] / (s[:, None] + jnp.asarray(WEIGHT_DECAYS)))
            squares = ((relu(X_holdout @ w.T + b) @ A - (y_holdout - C_0 - X_holdout @ C_1)[:, None])**2).mean(0)
            return squares, C_0 + X_test @ C_1 + relu(X_test @ w.T + b) @ A[:, squares.argmin()]

        compiled, there = jax.jit(whole), [jax.device_put(part) for part in at]
        jax.block_until_ready(compiled(*there))
        return lambda: jax.block_until_ready(compiled(*there))
    return prepare


def spectrum(pair: Any) -> tuple[Any, Any, Any]:
    """U, s and V^T of a symmetric matrix."""
    s, V = pair
    return V, s, V.T


CANDIDATES: dict[str, Candidate] = {
    OURS: lambda at: lambda: train_and_predict(at),
    "NumPy, blocks, eigh": lambda at: lambda: by_numpy(at),
    "torch, as its authors": by_torch("svd"),
    "torch, eigh": by_torch("eigh"),
    "torch, a solution for each lam": by_torch("each"),
    "jax, as its authors": by_jax("svd"),
    "jax, eigh": by_jax("eigh"),
}
