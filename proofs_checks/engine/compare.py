"""Do the routes agree? Exact numbers by equality, floats within the budget; and the variants that every entry must reject."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from proofs_checks.engine.evidence import AtMost, Evidence, EvidenceError, Sides

Values: TypeAlias = npt.NDArray[Any]          # float64, or Fractions in an object array


@dataclass(frozen=True)
class Comparison:
    """How far apart the routes are: ``worst`` relative to the scale (absolute where exact), ``agree`` within the budget."""

    agree: bool
    worst: float
    exact: bool


def compare(evidence: Evidence, budget: float | None) -> Comparison:
    """The verdict on one instance; ``budget`` is the relative tolerance of the claim, None where it has none."""
    values = dict(zip(evidence.routes, align(list(evidence.routes.values())), strict=True))
    exact = all(value.dtype == object for value in values.values())
    if exact and evidence.scale is not None:
        raise EvidenceError("the routes are exact, so a scale has no meaning; leave it out")
    if not exact and budget is None:
        raise EvidenceError("a route holds floats, so the claim needs tol=ulps(k) with k counted from its operations")
    if not exact and isinstance(evidence, Sides) and evidence.scale is None:
        raise EvidenceError("a route holds floats, so Sides needs scale=, the sum of the absolute terms")
    return _compare(values, evidence, exact, 0.0 if exact or budget is None else budget)


def _compare(values: dict[str, Values], evidence: Evidence, exact: bool, budget: float) -> Comparison:
    first, *others = values.values()
    gaps = []
    for other in others:
        if first.shape != other.shape:
            return Comparison(agree=False, worst=float("inf"), exact=exact)
        if exact:
            gaps.append(_exact_gap(first, other, isinstance(evidence, AtMost)))
        else:
            gaps.append(_relative_gap(first, other, evidence))
    worst = max(gaps)
    return Comparison(agree=worst <= budget, worst=worst, exact=exact)


def _exact_gap(first: Values, other: Values, at_most: bool) -> float:
    """0 exactly where equal (or in order); a nonzero difference never rounds to 0."""
    gaps = [(max(a - b, Fraction()) if at_most else abs(a - b)) for a, b in zip(first.flat, other.flat, strict=True)]
    worst = max(gaps, default=Fraction())
    return 0.0 if worst == 0 else max(float(worst), 5e-324)


def _relative_gap(first: Values, other: Values, evidence: Evidence) -> float:
    a, b = _floats(first), _floats(other)
    gap = np.maximum(a - b, 0) if isinstance(evidence, AtMost) else np.abs(a - b)
    scale = np.abs(a) + np.abs(b) if evidence.scale is None else np.asarray(evidence.scale, dtype=float)
    if scale.shape not in ((), gap.shape):
        raise EvidenceError(f"scale has shape {scale.shape} but the routes have shape {gap.shape}; a scale is a number or one an entry")
    if not np.all(np.isfinite(scale)) or np.any(scale < 0):
        raise EvidenceError("scale holds a value that is negative or not finite; it is a sum of absolute terms")
    scale = np.broadcast_to(scale, gap.shape)
    with np.errstate(over="ignore"):                   # a gap over a tiny scale: infinitely many roundings apart is right
        relative = np.divide(gap, scale, out=np.where(gap > 0, np.inf, 0.0), where=scale > 0)
    return float(relative.max(initial=0.0))


def _floats(values: Values) -> npt.NDArray[np.float64]:
    return values.astype(float)


# ---- the form in which values are compared: arrays of floats, or of Fractions

def align(routes: list[Any]) -> list[Values]:
    """The routes as arrays; mappings become vectors over the union of their keys, so that a missing key is a zero."""
    if any(isinstance(route, dict) for route in routes):
        if not all(isinstance(route, dict) for route in routes):
            raise EvidenceError("one route is a mapping and another is not; give all in one form")
        keys = sorted({key for route in routes for key in route})
        routes = [[route.get(key, 0) for key in keys] for route in routes]
    arrays = [_array(route) for route in routes]
    if all(array.dtype == object for array in arrays):
        return arrays
    return [_checked(array) for array in arrays]


def _array(route: Any) -> Values:
    if isinstance(route, np.ndarray) and route.dtype == np.float64:
        return route
    leaves = np.asarray(route, dtype=object)
    flat = [_leaf(leaf) for leaf in leaves.flat]
    if any(isinstance(leaf, float) for leaf in flat):
        return np.array([float(leaf) for leaf in flat]).reshape(leaves.shape)
    result = np.empty(len(flat), dtype=object)
    result[:] = flat
    return result.reshape(leaves.shape)


def _leaf(leaf: Any) -> Fraction | float:
    if isinstance(leaf, float | np.floating):
        return float(leaf)
    numerator, denominator = getattr(leaf, "numerator", None), getattr(leaf, "denominator", None)
    if isinstance(leaf, bool | np.bool_) or numerator is None or denominator is None:
        raise EvidenceError(f"a route holds {leaf!r} of type {type(leaf).__name__}; return numbers: int, Fraction, fmpq, float or arrays of them")
    return Fraction(int(numerator), int(denominator))


def _checked(array: Values) -> Values:
    floats = _floats(array)
    if not np.all(np.isfinite(floats)):
        raise EvidenceError(f"a route holds {floats[~np.isfinite(floats)][0]}; a NaN or an infinity agrees with nothing")
    return floats


# ---- the universal variants: applied to the value of a route, so that they cost nothing and fit every entry

Transform: TypeAlias = Callable[[Values], Values | None]


def _transpose(value: Values) -> Values | None:
    return value.T if value.ndim == 2 else None


def _shift(value: Values) -> Values | None:
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
    routes = dict(zip(evidence.routes, align(list(evidence.routes.values())), strict=True))
    at_most = isinstance(evidence, AtMost)
    for route, value in routes.items():
        if at_most and route != "bound":
            continue
        for name, transform in (UNIVERSAL_BOUND if at_most else UNIVERSAL).items():
            wrong = transform(value)
            if wrong is not None and not (name in REARRANGING and _same(value, wrong)):
                yield f"{name}: {route}", evidence.instead(routes | {route: wrong})


def _same(value: Values, wrong: Values) -> bool:
    """A symmetric matrix is its own transpose and a constant vector its own shift: no variant, up to the last 12 bits of the largest entry."""
    return wrong.shape == value.shape and bool(np.all(abs(wrong - value) <= 2.0**-40 * np.max(abs(value), initial=0)))
