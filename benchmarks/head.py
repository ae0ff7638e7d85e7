"""The head for 64 triples (eta, lam, T), T up to 10 000: one decomposition, Lanczos' method, and the steps themselves.

The steps take minutes, so that a round takes a few of them and counts on; what it counts on from stands beside the figure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.harness import Settings, Table, Timer, clock, interleave, timer

T = np.array([10, 100, 1000, 10_000])
FEW = 40                                       # steps that are timed


def tables(settings: Settings) -> Iterator[Table]:
    """Random ReLU features of Gaussian inputs, n = 4 m."""
    m = 200 if settings.quick else 1000
    yield table(m, 4 * m, settings)


def table(m: int, n: int, settings: Settings) -> Table:
    """All routes from the moments to the 64 heads, in turns."""
    from refimpl.head import decompose, gradient_descent_path, krylov_path, moments

    Phi, y = numbers(m, n)
    M = moments(Phi, y)
    at = decompose(M)
    lam = np.array([1e-6, 1e-4, 1e-2, 1.0])[:, None, None] * at.s[-1]
    eta = np.array([0.1, 0.4, 0.7, 1.0])[:, None] / (lam + 2 * at.s[-1])
    grid = {"eta": eta, "lam": lam, "T": T}
    expected, plain = at.path(eta, lam, T), steps_at_once(M.gram, M.moment, eta, lam, 1000)
    krylov = krylov_path(M.gram, M.moment, **grid)
    base, heads = "decompose, then all 64", eta.size
    times = interleave([
        timer(base, lambda: gradient_descent_path(M, **grid)),
        timer("all 64 from a decomposition", lambda: at.path(eta, lam, T)),
        timer("krylov_path", lambda: krylov_path(M.gram, M.moment, **grid)),
        extrapolated("steps with Gram, 16 at once", lambda: steps_at_once(M.gram, M.moment, eta, lam, FEW), T[-1] / FEW),
        extrapolated("steps with Gram", lambda: steps(M.gram.dot, M.moment, eta.flat[0], lam.flat[0], FEW), heads * T.sum() / FEW),
        extrapolated("steps with Phi", lambda: steps(lambda a: Phi.T @ (Phi @ a) / n, M.moment, eta.flat[0], lam.flat[0], FEW), heads * T.sum() / FEW),
    ], 3 if settings.quick else 9)
    return Table(f"the head, m = {m}, n = {n}, 4 eta x 4 lam x T = {', '.join(map(str, T))}", base, times, notes={
        base: f"differs by {difference(expected[..., 2, :], plain):.0e} from 1000 steps",
        "krylov_path": f"differs by {difference(krylov, expected):.0e}",
        "steps with Gram, 16 at once": f"counted on from {FEW} of {T[-1]} steps of 16 heads",
        "steps with Gram": f"counted on from {FEW} of {heads * T.sum()} steps",
        "steps with Phi": f"counted on from {FEW} of {heads * T.sum()} steps"}, asked={"steps with Gram": ">= 100", "krylov_path": "<= 0.1"})


def numbers(m: int, n: int) -> tuple[Any, Any]:
    """relu(w_j.x_i + b_j) at d = 10, and labels of degree 2 with noise."""
    rng = np.random.default_rng(m)
    X, W, b = rng.standard_normal((n, 10)), rng.standard_normal((m, 10)), rng.standard_normal(m)
    W /= np.linalg.norm(W, axis=1, keepdims=True)
    return np.maximum(X @ W.T + b, 0), X[:, 0] ** 2 - 1 + X[:, 0] * X[:, 1] + 0.3 * rng.choice([-1, 1], n)


def difference(got: Any, expected: Any) -> float:
    """The largest deviation of a head, beside its norm."""
    return float(np.max(np.linalg.norm(got - expected, axis=-1) / np.linalg.norm(expected, axis=-1)))


# ---- the steps

def steps(matvec: Callable[[Any], Any], c: Any, eta: float, lam: float, count: int) -> Any:
    """a <- a - eta (2 (G a - c) + lam a), one head."""
    a = np.zeros(len(c))
    for _ in range(count):
        a -= eta * (2 * (matvec(a) - c) + lam * a)
    return a


def steps_at_once(gram: Any, c: Any, eta: Any, lam: Any, count: int) -> Any:
    """The same for all pairs (eta, lam), as one matrix product a step."""
    a = np.zeros((eta.size, len(c)))
    eta, decay = eta.reshape(-1, 1), np.broadcast_to(lam, eta.shape).reshape(-1, 1)
    for _ in range(count):
        a -= eta * (2 * (a @ gram - c) + decay * a)
    return a.reshape(4, 4, -1)


def extrapolated(name: str, call: Callable[[], object], times: float) -> Timer:
    """Seconds of a call, times this."""
    call()
    return lambda: {name: times * clock(call, 1)}
