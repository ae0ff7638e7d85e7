"""Figure 1, one run of every cell: by this package, and by the same sweep written with torch's autograd and plain NumPy.

The other side is the authors' script (github.com/adamian98/COLT2022), made quick by hand: blocks that stay in the cache, one eigendecomposition for
all lam or a Cholesky factor for each, whichever is less work. Both sides draw the same samples and networks and have the same grids of lam. The other
one chooses lam on 10^5 further noisy labels and reads the risk off 10^5 more inputs, as the caption of Figure 1 says, so that it carries the noise of
a test. This package has no test: its risks are exact, for the tangent kernel those of coefficients that solve K alpha + lam alpha = y to 1e-4 of |y|.
Variant: 10^4 of each, as in the script.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from importlib import import_module
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.harness import Settings, Table, Timer, clock, interleave

Array = npt.NDArray[np.float64]
Cell = dict[str, Any]                           # method, m, n, run

D = 10
SHARES = np.geomspace(1e-10, 10.0, 34)          # lam of a head, over the largest eigenvalue
LAMS = np.geomspace(0.1, 1e4, 11)               # lam of the tangent kernel
POINTS = (100_000, 10_000)                      # labels of the hold-out, and inputs of the test
BLOCK = 512                                     # samples at a time, the quickest of 256, 512, 1024, 4096, all
ROWS = 64                                       # of the kernel at a time, the quickest of 32, 64, ..., 512
FEW = 50                                        # samples up to which an eigendecomposition of K takes less than a factor for each lam
ROUNDS = 3
OURS, FITS_ALONE = "this package", "of it without hold-out and test"
THEIRS = tuple(f"torch and NumPy, 2 x {N} points" for N in POINTS)
ASKED = {THEIRS[0]: ">= 5"}


def tables(settings: Settings) -> Iterator[Table]:
    """One table a method and width, then their sum."""
    from refimpl.experiments.sample_complexity import grid

    cells = [at for at in grid(quick=settings.quick) if at["run"] == 0]
    parts = []
    for method, m in dict.fromkeys((at["method"], at["m"]) for at in cells):
        parts.append(table([at for at in cells if (at["method"], at["m"]) == (method, m)], settings))
        yield parts[-1]
    yield total(parts, len(cells))


def table(cells: list[Cell], settings: Settings) -> Table:
    """Both sides in turns, each a whole curve."""
    method, m = cells[0]["method"], cells[0]["m"]
    title = f"Figure 1, {method}{f', m = {m}' if m else ''}, one run of n = {', '.join(str(at['n']) for at in cells[::-1])}"
    timers: list[Timer] = [lambda: {OURS: clock(lambda: [our_cell(at) for at in cells], 1)}]
    notes: dict[str, str] = {}
    try:
        notes |= agreement(cells, settings)
        timers.append(lambda: their_seconds([their_cell(at, settings) for at in cells]))
    except ImportError as error:
        notes["torch"] = f"not installed ({error})"
    return Table(title, OURS, interleave(timers, ROUNDS), notes=notes, asked=ASKED)


def total(parts: list[Table], cells: int) -> Table:
    """The sums over all methods, round by round."""
    names = [name for name in parts[0].times if all(name in part.times for part in parts)]
    times = {name: [sum(spent) for spent in zip(*(part.times[name] for part in parts), strict=True)] for name in names}
    return Table(f"Figure 1, one run of all {cells} cells", OURS, times,
                 notes={} if len(names) > 1 else {"torch": "not installed, so that there is no other sum"}, asked=ASKED)


def agreement(cells: list[Cell], settings: Settings) -> dict[str, str]:
    """The risks of both at the lam that this package takes, out of the clock: what is left between them is the noise of the test."""
    pairs = []
    for at in cells:
        mine = our_cell(at)
        pairs.append((mine["risk"], their_cell(at, settings, lam=mine["lam"])["risks"]))
    notes = {}
    for k, name in enumerate(THEIRS):
        errors = [risks[k][1] for _, risks in pairs]
        worst = max(abs(risks[k][0] - risk) / risks[k][1] for risk, risks in pairs)
        notes[name] = f"at the same lam within {worst:.1f} standard errors of the test, of {min(errors):.1g} to {max(errors):.1g}"
    return notes


# ---- this package

def our_cell(at: Cell) -> dict[str, float]:
    """The experiment's cell, on the side of the twins that a sweep takes."""
    from refimpl import implementation
    from refimpl._twins import resolve
    from refimpl.experiments.sample_complexity import cell

    with implementation(resolve()):
        return cell(at, np.random.default_rng(seed(at["m"], at["n"])))


def seed(m: int | None, n: int) -> list[int]:
    """Of the generator that a cell begins with, the same here and at the peer."""
    return [m or 0, n]


# ---- the other side

class Fit(NamedTuple):
    """The grid of lam, its coefficients in columns, and what predicts from them."""

    lams: Array                                                # (L,)
    coefficients: Array                                        # (m, L) or (n, L)
    predict: Callable[[Array, Array], Array]                   # of x (N, d) and coefficients: (N, L)


def other(method: str, m: int | None, n: int, lam: float | None = None) -> dict[str, Any]:
    """One cell: seconds of the fit and of the points after it; risk and standard error for each number of points. ``lam``: that one alone."""
    rng = np.random.default_rng(seed(m, n))
    start = perf_counter()
    X, y = draw(n, rng)
    fit = METHODS[method](X, y, m, lam, rng)
    seconds, risks = [perf_counter() - start], []
    for N in POINTS:
        start = perf_counter()
        risks.append(chosen(fit, N, rng))
        seconds.append(perf_counter() - start)
    return {"seconds": seconds, "risks": risks}


def draw(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """x ~ N(0, I_d) and f*(x) +- 1."""
    X = rng.standard_normal((n, D))
    return X, f_star(X) + rng.choice([-1.0, 1.0], n)


def f_star(X: Array) -> Array:
    """He_2(x_1) / 2 + He_4(x_1) / sqrt(48)."""
    z = X[:, 0] ** 2
    return np.asarray((z - 1) / 2 + (z * z - 6 * z + 3) / math.sqrt(48))


def chosen(fit: Fit, N: int, rng: np.random.Generator) -> tuple[float, float]:
    """The best lam on N noisy labels; its risk on N more inputs, and the standard error of that."""
    X, y = draw(N, rng)
    losses = sum(((fit.predict(x, fit.coefficients) - t[:, None]) ** 2).sum(axis=0) for x, t in blocks(X, y))
    best = int(np.argmin(losses))
    X = rng.standard_normal((N, D))
    coefficients = np.ascontiguousarray(fit.coefficients[:, best:best + 1])
    squares = np.concatenate([(fit.predict(x, coefficients)[:, 0] - t) ** 2 for x, t in blocks(X, f_star(X))])
    return float(squares.mean()), float(squares.std() / math.sqrt(N))


def blocks(X: Array, y: Array) -> Iterator[tuple[Array, Array]]:
    """A few samples at a time."""
    for i in range(0, len(X), BLOCK):
        yield X[i:i + BLOCK], y[i:i + BLOCK]


def printed(X: Array, y: Array, m: int, lam: float | None, rng: np.random.Generator) -> Fit:
    """Algorithm 1: b = 0 in the step, W = -eta_1 grad, new biases."""
    a, W, b = start(m, rng)
    residual, alpha, beta = preprocess(X, y)
    W = -math.sqrt(D) / 2 * gradient(X, residual, a, W, np.zeros(m))
    return heads(X, residual, W, b, lam, alpha, beta)


def authors(X: Array, y: Array, m: int, lam: float | None, rng: np.random.Generator) -> Fit:
    """Their script: the biases are there before the step, whose gradient is normalised."""
    a, W, b = start(m, rng)
    b[m // 2:] = b[:m // 2][::-1]
    residual, alpha, beta = preprocess(X, y)
    dW = gradient(X, residual, a, W, b)
    return heads(X, residual, -dW / np.sqrt((dW**2).sum(axis=1).mean()), b, lam, alpha, beta)


def random_features(X: Array, y: Array, m: int, lam: float | None, rng: np.random.Generator) -> Fit:
    """The half of a mirrored network of 2 m neurons, as drawn."""
    _, W, b = start(2 * m, rng)
    return heads(X, y, W[:m], b[:m], lam)


def ntk(X: Array, y: Array, m: None, lam: float | None, rng: np.random.Generator) -> Fit:
    """Ridge on the Gram matrix."""
    from scipy.linalg import cho_factor, cho_solve

    K = tangent_kernel(X, X)
    lams = LAMS if lam is None else np.array([lam])
    if len(y) <= FEW:
        s, U = np.linalg.eigh(K)
        alphas = U @ ((U.T @ y)[:, None] / (s[:, None] + lams))
    else:
        alphas = np.empty((len(y), len(lams)))
        for k, one in enumerate(lams):
            A = K.copy()
            A[np.diag_indices(len(A))] += one
            alphas[:, k] = cho_solve(cho_factor(A.T, overwrite_a=True, check_finite=False), y, check_finite=False)
    return Fit(lams, alphas, lambda x, alphas: tangent_kernel(x, X) @ alphas)


METHODS: dict[str, Callable[..., Fit]] = {"algorithm-1": printed, "algorithm-1-authors": authors, "random-features": random_features, "ntk": ntk}


def tangent_kernel(X: Array, Z: Array) -> Array:
    """|x| |z| (sin t + 2 (pi - t) cos t) / (2 pi), t the angle between x and z: a few rows at a time, in place."""
    x, z = np.linalg.norm(X, axis=1), np.linalg.norm(Z, axis=1)
    K, unit = np.empty((len(X), len(Z))), (Z / z[:, None]).T
    for here in (slice(i, i + ROWS) for i in range(0, len(X), ROWS)):
        cos = (X[here] / x[here, None]) @ unit
        np.clip(cos, -1, 1, out=cos)
        k = np.arccos(cos, out=K[here])
        np.subtract(math.pi, k, out=k)
        k *= 2 * cos
        cos *= cos
        k += np.sqrt(np.subtract(1, cos, out=cos), out=cos)
        k *= x[here, None] / (2 * math.pi)
        k *= z
    return K


def start(m: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """a = +-1 and w ~ N(0, I_d / d), mirrored, and b ~ N(0, 1)."""
    a = 2.0 * rng.integers(0, 2, m // 2) - 1
    W = rng.standard_normal((m // 2, D)) / math.sqrt(D)
    return np.concatenate([a, -a[::-1]]), np.concatenate([W, W[::-1]]), rng.standard_normal(m)


def preprocess(X: Array, y: Array) -> tuple[Array, float, Array]:
    """y - alpha - beta.x, alpha and beta."""
    alpha, beta = float(y.mean()), y @ X / len(y)
    return y - alpha - X @ beta, alpha, beta


def gradient(X: Array, y: Array, a: Array, W: Array, b: Array) -> Array:
    """The gradient in W of the mean of (f - y)^2, by autograd."""
    torch = import_module("torch")
    torch.set_num_threads(1)
    there = [torch.from_numpy(z) for z in (W, a, b)]
    w = there[0].requires_grad_()
    for x, t in blocks(X, y):
        f = torch.relu(torch.from_numpy(x) @ w.T + there[2]) @ there[1]
        (((f - torch.from_numpy(t)) ** 2).sum() / len(y)).backward()
    return np.asarray(w.grad)


def heads(X: Array, y: Array, W: Array, b: Array, lam: float | None, alpha: float = 0.0, beta: Array | float = 0.0) -> Fit:
    """Ridge for every lam by one eigendecomposition of the features' moments."""
    G, c = np.zeros((len(b), len(b))), np.zeros(len(b))
    for x, t in blocks(X, y):
        Phi = relu(x, W, b)
        G += Phi.T @ Phi
        c += Phi.T @ t
    s, V = np.linalg.eigh(G / len(y))
    lams = SHARES * s[-1] if lam is None else np.array([lam])
    a = V @ ((V.T @ c / len(y))[:, None] / (s[:, None] + lams / 2))                # (m, L)
    line = np.zeros(D) + beta
    return Fit(lams, a, lambda x, a: (alpha + x @ line)[:, None] + relu(x, W, b) @ a)


def relu(X: Array, W: Array, b: Array) -> Array:
    """The features, in the memory of W x."""
    z = X @ W.T
    z += b
    return np.asarray(np.maximum(z, 0, out=z))


# ---- here, or in the peer

def their_cell(at: Cell, settings: Settings, lam: float | None = None) -> dict[str, Any]:
    """``other`` here, or at the peer where torch is missing here."""
    question = {"method": at["method"], "m": at["m"], "n": at["n"], "lam": lam}
    try:
        return other(**question)
    except ImportError as error:
        reply = settings.peer.ask("benchmarks.figure_1", **question) if settings.peer else {"missing": str(error)}
        if "missing" in reply:
            raise ImportError(reply["missing"]) from error
        return reply


def answer(**question: Any) -> dict[str, Any]:
    """What a peer says: the cell, or what it misses."""
    try:
        return other(**question)
    except ImportError as error:
        return {"missing": str(error)}


def their_seconds(replies: list[dict[str, Any]]) -> dict[str, float]:
    """Of a whole curve with either number of points, and without any."""
    fits, *points = np.sum([reply["seconds"] for reply in replies], axis=0)
    return {**{name: float(fits + spent) for name, spent in zip(THEIRS, points, strict=True)}, FITS_ALONE: float(fits)}
