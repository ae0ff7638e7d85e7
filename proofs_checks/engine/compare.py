"""Do the routes agree? Exact numbers by equality, balls by overlap, floats within the budget."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from proofs_checks.engine.evidence import AtMost, EvidenceError, Sides

Numbers: TypeAlias = npt.NDArray[Any]         # float64, or Fractions in an object array
BALL_BITS = 100                               # a ball that is wider, relative to its middle, certifies nothing


class Value(NamedTuple):
    """The value of a route: its numbers, and for balls the largest radius among them (None where there is no ball)."""

    middle: Numbers
    radius: Fraction | None = None


@dataclass(frozen=True)
class Comparison:
    """How far apart the routes are: ``worst`` relative to the scale (absolute where exact); ``agree`` is None where nothing is decided."""

    agree: bool | None
    worst: float
    kind: str                                 # exact, certified, numeric, statistical, scaling
    discrepancy: float = 0.0                  # what would have been noticed
    note: str = ""


def compare(evidence: Sides | AtMost, budget: float | None) -> Comparison:
    """The comparison on one instance; ``budget`` is the relative tolerance of the claim, None where it has none."""
    values = list(align(list(evidence.routes.values())))
    exact = all(value.middle.dtype == object for value in values)
    kind = "certified" if any(value.radius is not None for value in values) else "exact" if exact else "numeric"
    if exact and evidence.scale is not None:
        raise EvidenceError("the routes are exact, so a scale has no meaning; leave it out")
    if not exact and budget is None:
        raise EvidenceError("a route holds floats, so the claim needs tol=ulps(k) with k counted from its operations")
    if not exact and isinstance(evidence, Sides) and evidence.scale is None:
        raise EvidenceError("a route holds floats, so Sides needs scale=, the sum of the absolute terms")
    (name, *names), (first, *others) = evidence.routes, values
    for other_name, other in zip(names, others, strict=True):
        if first.middle.shape != other.middle.shape and not (isinstance(evidence, AtMost) and other.middle.ndim == 0):
            return Comparison(False, float("inf"), kind, note=f"{name} has shape {first.middle.shape} but {other_name} has shape {other.middle.shape}")
    worst = max(_gap(first, other, evidence, exact) for other in others)
    return Comparison(worst <= (0.0 if exact or budget is None else budget), worst, kind)


def _gap(first: Value, other: Value, evidence: Sides | AtMost, exact: bool) -> float:
    other = Value(np.broadcast_to(other.middle, first.middle.shape), other.radius)          # one bound for every entry
    slack = (first.radius or Fraction()) + (other.radius or Fraction())
    if exact:
        return _exact_gap(first.middle, other.middle, slack, isinstance(evidence, AtMost))
    return _relative_gap(first.middle, other.middle, float(slack), evidence)


def _exact_gap(first: Numbers, other: Numbers, slack: Fraction, at_most: bool) -> float:
    """0 exactly where equal (or in order, or overlapping); a nonzero difference never rounds to 0."""
    gaps = [(a - b if at_most else abs(a - b)) - slack for a, b in zip(first.flat, other.flat, strict=True)]
    worst = max(gaps, default=Fraction())
    return 0.0 if worst <= 0 else max(_float(worst), 5e-324)


def _relative_gap(first: Numbers, other: Numbers, slack: float, evidence: Sides | AtMost) -> float:
    a, b = _floats(first), _floats(other)
    gap = np.maximum((a - b if isinstance(evidence, AtMost) else np.abs(a - b)) - slack, 0)
    scale = np.abs(a) + np.abs(b) if evidence.scale is None else _scale(evidence.scale)
    if scale.shape not in ((), gap.shape):
        raise EvidenceError(f"scale has shape {scale.shape} but the routes have shape {gap.shape}; a scale is a number or one an entry")
    if not np.all(np.isfinite(scale)) or np.any(scale < 0):
        raise EvidenceError("scale holds a value that is negative or not finite; it is a sum of absolute terms")
    scale = np.broadcast_to(scale, gap.shape)
    with np.errstate(over="ignore"):                   # a gap over a tiny scale: infinitely many roundings apart is right
        relative = np.divide(gap, scale, out=np.where(gap > 0, np.inf, 0.0), where=scale > 0)
    return float(relative.max(initial=0.0))


def _scale(scale: Any) -> npt.NDArray[np.float64]:
    try:
        return np.asarray(scale, dtype=float)
    except (TypeError, ValueError) as error:
        raise EvidenceError(f"scale = {scale!r} is no number and no array of numbers; it is the sum of the absolute terms") from error


# ---- the form in which values are compared: arrays of floats, or of Fractions

def align(routes: list[Any]) -> list[Value]:
    """The routes as arrays; mappings become vectors over the union of their keys, so that a missing key is a zero."""
    if any(isinstance(route, dict) for route in routes):
        if not all(isinstance(route, dict) for route in routes):
            raise EvidenceError("one route is a mapping and another is not; give all in one form")
        keys = sorted({key for route in routes for key in route}, key=repr)
        routes = [[route.get(key, 0) for key in keys] for route in routes]
    values = [_value(route) for route in routes]
    if all(value.middle.dtype == object for value in values):
        return values
    return [Value(_checked(value.middle), value.radius) for value in values]


def _value(route: Any) -> Value:
    if isinstance(route, Value):
        return route
    if isinstance(route, np.ndarray) and route.dtype == np.float64:
        return Value(route)
    leaves = np.asarray(route, dtype=object)
    radii = [_radius(leaf) for leaf in leaves.flat if _is_ball(leaf)]
    middles = [_middle(leaf) for leaf in leaves.flat]
    if any(isinstance(leaf, float) for leaf in middles):
        return Value(np.array([_float(leaf) for leaf in middles]).reshape(leaves.shape), max(radii, default=None))
    result = np.empty(len(middles), dtype=object)
    result[:] = middles
    return Value(result.reshape(leaves.shape), max(radii, default=None))


def _is_ball(leaf: Any) -> bool:
    return type(leaf).__name__ == "arb" and hasattr(leaf, "man_exp")


def _radius(ball: Any) -> Fraction:
    """The radius, where it is small enough to certify anything."""
    if not ball.is_finite():
        raise EvidenceError(f"the ball {ball} is not finite; raise the precision or state a finite enclosure")
    radius, middle = _dyadic(ball.rad()), abs(_dyadic(ball.mid()))
    if radius * 2**BALL_BITS > max(middle, Fraction(1, 2**BALL_BITS)):
        raise EvidenceError(f"the ball {ball} is wider than 2^-{BALL_BITS} of its middle; raise the working precision")
    return radius


def _dyadic(midpoint: Any) -> Fraction:
    mantissa, exponent = midpoint.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def _middle(leaf: Any) -> Fraction | float:
    if isinstance(leaf, float | np.floating):
        return float(leaf)
    if isinstance(leaf, np.ndarray) and leaf.shape == ():
        return _middle(leaf[()])
    if _is_ball(leaf):
        return _dyadic(leaf.mid())
    numerator, denominator = getattr(leaf, "numerator", None), getattr(leaf, "denominator", None)
    if isinstance(leaf, bool | np.bool_) or numerator is None or denominator is None:
        raise EvidenceError(f"a route holds {leaf!r} of type {type(leaf).__name__}; return numbers: int, Fraction, fmpq, arb, float or arrays of them")
    return Fraction(int(numerator), int(denominator))


def _float(x: Fraction | float) -> float:
    try:
        return float(x)
    except OverflowError:
        return float("inf") if x > 0 else float("-inf")


def _floats(values: Numbers) -> npt.NDArray[np.float64]:
    return values.astype(float)


def _checked(array: Numbers) -> Numbers:
    floats = np.array([_float(x) for x in array.flat]).reshape(array.shape) if array.dtype == object else array
    if not np.all(np.isfinite(floats)):
        raise EvidenceError(f"a route holds {floats[~np.isfinite(floats)][0]}; a NaN or an infinity agrees with nothing")
    return floats
