"""The wrong variants that every entry must reject: applied to the value of a route, so that they cost nothing and fit every kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np

from proofs_checks.engine.compare import Numbers, Value, align
from proofs_checks.engine.evidence import AtMost, Evidence, Sides

Transform: TypeAlias = Callable[[Numbers], Numbers | None]


def _transpose(value: Numbers) -> Numbers | None:
    return value.T if value.ndim == 2 else None


def _shift(value: Numbers) -> Numbers | None:
    return np.roll(value, 1, axis=-1) if value.ndim else np.asarray(value + 1)


UNIVERSAL: dict[str, Transform] = {
    "zero": lambda value: 0 * value,
    "sign": lambda value: -value,
    "factor 2": lambda value: 2 * value,
    "transpose": _transpose,
    "shift by one": _shift,
}
REARRANGING = ("transpose", "shift by one")

# An inequality loses nothing when its bound grows: what must be told apart is a bound that is too small.
UNIVERSAL_BOUND: dict[str, Transform] = {
    "zero": UNIVERSAL["zero"],
    "sign": UNIVERSAL["sign"],
    "factor 2": lambda value: value / 2,
}


def universal(evidence: Evidence) -> Iterator[tuple[str, Evidence]]:
    """(name, evidence) for each universal variant that changes the value of a route at this instance."""
    names = [name for name, value in evidence.routes.items() if value is not None]
    routes = dict(zip(names, align([evidence.routes[name] for name in names]), strict=True))
    kept = dict(routes) if isinstance(evidence, Sides | AtMost) else {}
    for route in ["bound"] if isinstance(evidence, AtMost) else names:
        value = routes[route].middle
        for name, transform in (UNIVERSAL_BOUND if isinstance(evidence, AtMost) else UNIVERSAL).items():
            wrong = transform(value)
            if wrong is not None and not (name in REARRANGING and _same(value, wrong)):
                yield f"{name}: {route}", evidence.instead({**kept, route: Value(np.asarray(wrong))})


def _same(value: Numbers, wrong: Numbers) -> bool:
    """A symmetric matrix is its own transpose and a constant vector its own shift: no variant, up to the last 12 bits of the largest entry."""
    return wrong.shape == value.shape and bool(np.all(abs(wrong - value) <= 2.0**-40 * np.max(abs(value), initial=0)))
