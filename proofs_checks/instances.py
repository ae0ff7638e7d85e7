"""Families of instances that claims about two-layer networks are stated over; ``family`` builds others.

Each is a Hypothesis strategy, so it serves ``@hypothesis.given`` as well. An axis is a range (lowest, highest) or a list of
choices, simplest first. Corners come first, and arrays follow from the sizes and one integer.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis.strategies import SearchStrategy

from proofs_checks.engine.instances import Axis, Instance, family, unit
from refimpl import polynomials
from refimpl.data.targets import Target
from refimpl.initial import symmetric
from refimpl.network import Network

__all__ = ["family", "unit", "Instance", "single_index", "multi_index", "rational_target", "networks", "rational_unit", "rational"]

Rng = np.random.Generator
Vector = npt.NDArray[np.float64]


def single_index(*, p: Axis = (0, 6), d: Axis = (1, 5), **more: Axis) -> SearchStrategy[Instance]:
    """``at.u``, ``at.w`` unit vectors, ``at.target`` of one direction u and degree p, ``at.w`` never orthogonal to u."""

    def build(rng: Rng, p: int, d: int, **_: Any) -> dict[str, Any]:
        u = unit(rng.standard_normal(d))
        return {"u": u, "w": unit(rng.standard_normal(d)), "target": random_target(rng, p, u[None, :])}

    return family(build, p=p, d=d, **more)


def multi_index(*, p: Axis = (0, 4), r: Axis = (1, 3), d: Axis = (1, 5), frame: Axis = ("orthonormal", "oblique"),  # type: ignore[assignment]
                missing: float = 0.0, **more: Axis) -> SearchStrategy[Instance]:
    """``at.target`` of r <= d directions and degree p, ``at.W`` three rows of different lengths, ``at.w`` a unit vector, ``at.X`` points."""

    def build(rng: Rng, p: int, r: int, d: int, frame: str, **_: Any) -> dict[str, Any]:
        U = directions(rng, r, d, frame)
        W = rng.standard_normal((3, d)) * np.array([[1.0], [0.1], [30.0]])
        return {"U": U, "target": random_target(rng, p, U, missing), "W": W, "w": unit(rng.standard_normal(d)), "X": rng.standard_normal((4, d))}

    return family(build, _fits, p=p, r=r, d=d, frame=list(frame), **more)


def rational_target(*, p: Axis = (0, 3), r: Axis = (1, 2), d: Axis = (1, 3), **more: Axis) -> SearchStrategy[Instance]:
    """``at.g`` with small integer coefficients, ``at.U`` integer rows, ``at.w`` and ``at.v`` rational unit vectors: all exact."""

    def build(rng: Rng, p: int, r: int, d: int, **_: Any) -> dict[str, Any]:
        g = {alpha: Fraction(int(rng.integers(1, 5)) * (-1) ** int(rng.integers(2)))
             for k in range(p + 1) for alpha in polynomials.exponents(r, k)}
        U = np.triu(rng.integers(-2, 3, (r, d)), 1) + np.eye(r, d, dtype=int)          # independent, not orthonormal
        return {"g": g, "U": tuple(tuple(map(Fraction, row)) for row in U.tolist()), "w": rational_unit(rng, d), "v": rational_unit(rng, d)}

    return family(build, _fits, p=p, r=r, d=d, **more)


def networks(*, m: Axis = (2, 8), d: Axis = (1, 5), n: Axis = (1, 6), **more: Axis) -> SearchStrategy[Instance]:
    """``at.net`` mirrored ReLU network of even width (odd sizes are rounded up), ``at.X`` points, ``at.y`` labels, ``at.rng_seed``."""

    def build(rng: Rng, m: int, d: int, n: int, **_: Any) -> dict[str, Any]:
        seed = int(rng.integers(2**32))
        return {"net": symmetric(m + m % 2, d, rng=seed), "X": rng.standard_normal((n, d)), "y": rng.standard_normal(n), "rng_seed": seed}

    return family(build, m=m, d=d, n=n, **more)


def mirrored_networks(*, m: Axis = [2, 4, 6, 8], d: Axis = (1, 5), n: Axis = (1, 6), **more: Axis) -> SearchStrategy[Instance]:  # noqa: B006
    """As :func:`networks`, with output weights and mirrored biases of any size; where n > 1 the first point is the origin, a kink of b = 0."""

    def build(rng: Rng, m: int, d: int, n: int, **_: Any) -> dict[str, Any]:
        seed = int(rng.integers(2**32))
        X, y = rng.standard_normal((n, d)), rng.standard_normal(n)
        X[: n - 1][:1] = 0
        start, size, b = symmetric(m, d, rng=seed), rng.uniform(0.5, 2, m // 2), rng.integers(-1, 2, m // 2) / 2
        net = Network(start.a * np.concatenate([size, size[::-1]]), start.W, np.concatenate([b, b[::-1]]))
        return {"net": net, "X": X, "y": y, "rng_seed": seed}

    return family(build, m=m, d=d, n=n, **more)


# ---- parts

def _fits(r: int, d: int, **_: Any) -> bool:
    """r independent directions need d >= r dimensions."""
    return r <= d


def random_target(rng: Rng, p: int, U: Vector, missing: float = 0.0) -> Target:
    """A polynomial of degree p whose Hermite components are of size 1; those of odd degree below p are missing with this probability."""
    r = len(U)
    c = {alpha: (1 + rng.random()) * (-1.0) ** int(rng.integers(2)) * math.sqrt(polynomials.factorial(alpha))
         for k in range(p + 1) for alpha in polynomials.exponents(r, k) if k == p or k % 2 == 0 or not missing or rng.random() >= missing}
    return Target(polynomials.from_hermite(c), U)


def directions(rng: Rng, r: int, d: int, frame: str) -> Vector:
    """r orthonormal rows, or r unit rows that are only linearly independent."""
    rows: Vector = rng.standard_normal((r, d))
    if frame == "orthonormal":
        return np.ascontiguousarray(np.linalg.qr(rows.T)[0].T)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def rational(rng: Rng) -> Fraction:
    """A nonzero rational of size about 1."""
    return Fraction(int(rng.integers(1, 8)) * (-1) ** int(rng.integers(2)), int(rng.integers(1, 5)))


def rational_unit(rng: Rng, d: int) -> tuple[Fraction, ...]:
    """A unit vector with nonzero rational entries: a point of the sphere by stereographic projection."""
    while True:
        t = [rational(rng) for _ in range(d - 1)]
        size = sum((x * x for x in t), start=Fraction())
        w = (*(2 * x / (1 + size) for x in t), (1 - size) / (1 + size))
        if all(w):
            return w
