"""What an entry returns: two routes to one value, or a value and its bound.

Routes of exact numbers (int, Fraction, fmpq) are compared for equality, routes of floats within a rounding budget: ``ulps(k)``
times the sum of absolute terms that the entry hands over as ``scale``. There is no other tolerance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

EPS = 2.0**-52


class EvidenceError(ValueError):
    """An entry returned something that cannot be compared; the message says what to return instead."""


@dataclass(frozen=True)
class Ulps:
    """A rounding budget: ``count`` units of 2^-52 of the scale; the count may be a function of the instance."""

    count: int | Callable[[Any], int]

    def at(self, instance: Any) -> float:
        """The budget relative to the scale."""
        return EPS * (self.count(instance) if callable(self.count) else self.count)


def ulps(count: int | Callable[[Any], int]) -> Ulps:
    """The budget of a numeric entry: how many roundings, each relative to the scale, separate its routes."""
    return Ulps(count)


class Sides:
    """Two or more routes to one value, named by keyword; positional ones are called left and right.

    ``scale`` is the sum of the absolute terms, a number or an array of the shape of the value; exact routes have none.
    """

    def __init__(self, *routes: Any, scale: Any = None, **named: Any) -> None:
        if len(routes) > 2:
            raise EvidenceError(f"Sides got {len(routes)} routes without a name; name them: Sides(stein=..., series=...)")
        self.routes: dict[str, Any] = dict(zip(("left", "right"), routes, strict=False)) | named
        self.scale = scale
        if len(self.routes) < 2:
            raise EvidenceError(f"Sides got {len(self.routes)} route; a check compares two that share no code")

    def instead(self, changed: dict[str, Any]) -> Sides:
        """These sides with some routes replaced."""
        _known(changed, self.routes)
        return Sides(scale=self.scale, **(self.routes | changed))


class AtMost:
    """An inequality: every entry of ``value`` is at most ``bound``. ``scale`` as for :class:`Sides`; |value| + |bound| by default."""

    def __init__(self, *, value: Any, bound: Any, scale: Any = None) -> None:
        self.routes: dict[str, Any] = {"value": value, "bound": bound}
        self.scale = scale

    def instead(self, changed: dict[str, Any]) -> AtMost:
        """This inequality with its value or its bound replaced."""
        _known(changed, self.routes)
        return AtMost(scale=self.scale, **(self.routes | changed))


class Instead:
    """What a wrong variant returns: the routes of the entry it replaces, by name; the rest stays the entry's own."""

    def __init__(self, **changed: Any) -> None:
        if not changed:
            raise EvidenceError("Instead got no route; name the one that is wrong: Instead(series=...)")
        self.changed = changed


def _known(changed: dict[str, Any], routes: dict[str, Any]) -> None:
    for name in changed:
        if name not in routes:
            raise EvidenceError(f"Instead names the route {name!r}; this entry has {', '.join(routes)}")


Evidence = Sides | AtMost
