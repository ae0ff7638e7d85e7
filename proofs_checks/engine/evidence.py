"""What an entry returns: two routes to one value, a value and its bound, a truth and its samples, a law and its measurements.

Routes of exact numbers (int, Fraction, fmpq) are compared for equality, balls (arb) by overlap, floats within a rounding budget:
``ulps(k)`` times the sum of absolute terms that the entry hands over as ``scale``. There is no other tolerance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

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


@dataclass(frozen=True)
class Proof:
    """Why agreement on the instances is a theorem: both routes are polynomials in one parameter, of a bounded degree.

    Two polynomials of degree at most D that agree at D + 1 points are equal. ``parameter`` names the axis of the instances on which the
    routes depend polynomially; the runner counts its distinct values within each group of the other sizes. ``over`` is the range of the
    theorem, ``because`` the reason for the degree bound.
    """

    over: str
    parameter: str
    degree: Callable[[Any], int]
    because: str


class Routes:
    """Evidence with named routes, some of which a wrong variant replaces."""

    routes: dict[str, Any]

    def instead(self: R, changed: dict[str, Any]) -> R:
        """The same evidence with some routes replaced."""
        for name in changed:
            if name not in self.routes:
                raise EvidenceError(f"Instead names the route {name!r}; this entry has {', '.join(self.routes)}")
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, routes=self.routes | changed)
        return other


R = TypeVar("R", bound=Routes)


class Sides(Routes):
    """Two or more routes to one value, named by keyword; positional ones are called left and right.

    ``scale`` is the sum of the absolute terms, a number or an array of the shape of the value; exact routes have none.
    """

    def __init__(self, *routes: Any, scale: Any = None, **named: Any) -> None:
        if len(routes) > 2:
            raise EvidenceError(f"Sides got {len(routes)} routes without a name; name them: Sides(stein=..., series=...)")
        positional = dict(zip(("left", "right"), routes, strict=False))
        if twice := positional.keys() & named.keys():
            raise EvidenceError(f"Sides got the route {min(twice)!r} both by place and by name")
        self.routes: dict[str, Any] = positional | named
        self.scale = scale
        if len(self.routes) < 2:
            raise EvidenceError(f"Sides got {len(self.routes)} route; a check compares two that share no code")


class AtMost(Routes):
    """An inequality: every entry of ``value`` is at most ``bound``. ``scale`` as for :class:`Sides`; |value| + |bound| by default."""

    def __init__(self, *, value: Any, bound: Any, scale: Any = None) -> None:
        self.routes: dict[str, Any] = {"value": value, "bound": bound}
        self.scale = scale


class AtMostOn(Routes):
    """An inequality between two functions of arb balls on a whole box, a list of (lowest, highest): proved by certified subdivision."""

    def __init__(self, *, box: Sequence[tuple[float, float]], value: Callable[..., Any], bound: Callable[..., Any]) -> None:
        self.box = list(box)
        self.routes = {"value": value, "bound": bound}


class Sampled(Routes):
    """A mean known in closed form, against samples of it.

    ``draw(rng, n)`` returns n independent samples, (n,) or (n, k); ``truth`` is their mean, ``variance`` their exactly computed
    variance, one a component. ``discrepancy`` is how wrong a truth must be noticed; the runner computes the number of samples from it before
    anything is drawn, and where that exceeds ``at_most`` the verdict is INCONCLUSIVE.
    """

    def __init__(self, *, draw: Callable[[Any, int], Any], truth: Any, variance: Any, discrepancy: float, at_most: int = 2_000_000) -> None:
        self.routes = {"truth": truth, "sample_mean": None}
        self.draw, self.variance, self.discrepancy, self.at_most = draw, variance, discrepancy, at_most


class Frequency(Routes):
    """A probability, or an upper bound of one, against how often the event happens in samples: an exact binomial test.

    ``happens(rng, n)`` says of n independent samples whether the event happens, bool (n,) or (n, k). Either ``probability`` is what it is known to
    be (the test is two-sided) or ``bound`` what it is at most; with probability at least 1 - q means that the contrary has the bound q. ``discrepancy``
    is how wrong a probability must be noticed, and how far a bound must be exceeded. The runner computes the number of samples from
    the binomial law before anything is drawn, so that a false and a missed alarm have at most the probability that the claim spends; where it
    exceeds ``at_most`` the verdict is INCONCLUSIVE. A variant with another event returns a Frequency of its own, for which the same number is drawn.
    """

    def __init__(self, *, happens: Callable[[Any, int], Any], probability: Any = None, bound: Any = None, discrepancy: float,
                 at_most: int = 2_000_000) -> None:
        if (probability is None) == (bound is None):
            raise EvidenceError("Frequency takes either probability=, what it is known to be, or bound=, what it is at most")
        if not 0 < discrepancy < 1:
            raise EvidenceError(f"Frequency got discrepancy={discrepancy!r}; it is a difference of probabilities, such as 0.01")
        self.claimed = "bound" if probability is None else "probability"
        self.routes = {self.claimed: bound if probability is None else probability, "frequency_in_samples": None}
        self.happens, self.discrepancy, self.at_most = happens, discrepancy, at_most


class Scaling(Routes):
    """A power law: ``measure(rng, size)`` behaves as size^exponent.

    A log-log slope is fitted for each of ``seeds`` independent seeds; the law is CONSISTENT where the interval of their mean lies within
    ``margin`` of the exponent. A competitor is a wrong variant, ``Instead(exponent=...)``: its own range must be disjoint from the interval.
    """

    def __init__(self, *, sizes: Sequence[int], measure: Callable[[Any, int], float], exponent: float, margin: float = 0.03, seeds: int = 24) -> None:
        self.routes = {"exponent": exponent, "slope_of_samples": None}
        self.sizes, self.measure, self.margin, self.seeds = tuple(sizes), measure, margin, seeds


class Instead:
    """What a wrong variant returns: the routes of the entry it replaces, by name; the rest stays the entry's own."""

    def __init__(self, **changed: Any) -> None:
        if not changed:
            raise EvidenceError("Instead got no route; name the one that is wrong: Instead(series=...)")
        self.changed = changed


Evidence = Sides | AtMost | AtMostOn | Sampled | Frequency | Scaling
