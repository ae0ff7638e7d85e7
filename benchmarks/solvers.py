"""(K + lam I) alpha = y for a two-layer NTK's Gram matrix: Cholesky, conjugate gradients with and without Nystrom; and whole paths of lam."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.harness import Settings, Table, interleave, timer

Array = npt.NDArray[np.float64]

D, LAM, TOL, RANK = 10, 1.0, 1e-9, 200
PATH, PARTS = 24, 8                            # lams of a path; nested samples n / 8, 2 n / 8, ..., n


def tables(settings: Settings) -> Iterator[Table]:
    """One lam, a path of lams, nested samples."""
    rounds = 3 if settings.quick else 7
    yield one_lam(2000 if settings.quick else 4000, rounds)
    yield path(1000 if settings.quick else 2000, rounds)
    yield prefixes(1000 if settings.quick else 2000, rounds)


def one_lam(n: int, rounds: int) -> Table:
    """All to the same relative residual or better."""
    from scipy.linalg import cho_factor, cho_solve

    from refimpl.baselines.iterative import conjugate_gradients
    from refimpl.baselines.nystrom import nystrom_pcg
    from refimpl.baselines.ridge import ridge

    K, y = gram(n)
    calls: dict[str, Callable[[], Any]] = {
        "ridge (Cholesky)": lambda: ridge(K, y, LAM),
        "scipy cho_solve": lambda: cho_solve(cho_factor(K + LAM * np.eye(n), lower=True, overwrite_a=True), y),
        "numpy solve": lambda: np.linalg.solve(K + LAM * np.eye(n), y),
        "conjugate gradients": lambda: conjugate_gradients(K, y, lam=LAM, tol=TOL, most=n),
        f"Nystrom-PCG, {RANK} columns": lambda: nystrom_pcg(K, y, lam=LAM, rank=RANK, rng=0, tol=TOL, most=n),
        f"Nystrom-PCG, Gaussian {RANK}": lambda: nystrom_pcg(K.dot, y, lam=LAM, rank=RANK, rng=0, tol=TOL, most=n),
    }
    times = interleave([timer(name, call) for name, call in calls.items()], rounds)
    return Table(f"(K + {LAM:g} I) alpha = y, n = {n}, d = {D}", "ridge (Cholesky)", times, notes={name: reached(K, y, call()) for name, call in calls.items()})


def path(n: int, rounds: int) -> Table:
    """A path from one tridiagonal form, from one eigendecomposition, and lam by lam."""
    from refimpl.baselines.ridge import leave_one_out, ridge

    K, y = gram(n)
    lams = np.geomspace(1e-2, 1e2, PATH)

    def by_eigh() -> Array:
        s, U = np.linalg.eigh(K)
        return np.asarray(((U.T @ y) / (s + lams[:, None])) @ U.T)

    times = interleave([timer("ridge (the whole path)", lambda: ridge(K, y, lams)),
                        timer("one eigendecomposition", by_eigh),
                        timer("one Cholesky a lam", lambda: [ridge(K, y, float(lam)) for lam in lams]),
                        timer("leave_one_out (the whole path)", lambda: leave_one_out(K, y, lams))], rounds)
    apart = np.linalg.norm(ridge(K, y, lams) - by_eigh()) / np.linalg.norm(by_eigh())
    return Table(f"a path of {PATH} lams, n = {n}", "ridge (the whole path)", times, notes={"one eigendecomposition": f"differs by {apart:.0e}"})


def prefixes(n: int, rounds: int) -> Table:
    """Several sample sizes from one factor, and one by one."""
    from refimpl.baselines.ridge import nested, ridge

    K, y = gram(n)
    sizes = [n * part // PARTS for part in range(1, PARTS + 1)]
    times = interleave([timer("nested", lambda: nested(K, y, sizes, LAM)),
                        timer("each size alone", lambda: [ridge(np.ascontiguousarray(K[:m, :m]), y[:m], LAM) for m in sizes])], rounds)
    return Table(f"nested samples {sizes}", "nested", times)


def gram(n: int) -> tuple[Array, Array]:
    """K_ij = |x_i| |x_j| (2 u (pi - arccos u) + sqrt(1 - u^2)) / (2 pi) of n points, and labels."""
    rng = np.random.default_rng(n)
    X, y = rng.standard_normal((n, D)), rng.standard_normal(n)
    size = np.linalg.norm(X, axis=1)
    u = np.clip((X @ X.T) / np.outer(size, size), -1, 1)
    np.fill_diagonal(u, 1)
    K = np.outer(size, size) * (2 * u * (math.pi - np.arccos(u)) + np.sqrt(1 - u * u)) / (2 * math.pi)
    return (K + K.T) / 2, y


def reached(K: Array, y: Array, found: Any) -> str:
    """Iterations, where there are any, and the relative residual."""
    alpha = getattr(found, "alpha", found)
    residual = np.linalg.norm(y - K @ alpha - LAM * alpha) / np.linalg.norm(y)
    return f"residual {residual:.0e}" + (f" after {found.iterations} iterations" if hasattr(found, "iterations") else "")
