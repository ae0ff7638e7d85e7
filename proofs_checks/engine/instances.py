"""Instances of a claim: a Hypothesis strategy draws what is small, arrays follow from the sizes and one integer.

A family is written as a function of a generator and its sizes::

    def _unit_vectors(rng, d):
        return {"u": unit(rng.standard_normal(d)), "w": unit(rng.standard_normal(d))}

    given = family(_unit_vectors, d=(1, 6))

An axis is a range (lowest, highest), both included, or a list of choices, simplest first. Corners come first: the whole grid of sizes where
it is small, else its vertices and the edges at the smallest sizes, so that a smallest witness does not depend on the seed. A family whose function takes no generator is a finite domain and is used up.
"""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings, strategies
from hypothesis.errors import Unsatisfiable
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, PrimitiveProvider

from proofs_checks.engine.evidence import EvidenceError

Axis = tuple[int, int] | list[Any]
SMALL_GRID = 64        # a grid of at most so many sizes is walked through as corners
FINITE = 4096          # a finite domain of at most so many instances is used up
ROUNDS = 12            # a small domain repeats itself; after so many rounds it counts as used up
RESERVED = ("sizes", "rank", "seed")


class Instance:
    """One frozen instance: its sizes and what was built from them, as attributes; arrays are read-only."""

    def __init__(self, sizes: Mapping[str, Any], fields: Mapping[str, Any], rank: tuple[int, ...], seed: int | None) -> None:
        for value in fields.values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
        self.__dict__.update(sizes, **fields, sizes=dict(sizes), rank=rank, seed=seed)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"an instance is frozen; {name} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"an instance is frozen; {name} cannot be deleted")

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the instance has no {name!r}; it has {', '.join(k for k in self.__dict__ if k not in ('sizes', 'rank', 'seed'))}")

    def __repr__(self) -> str:
        return ", ".join(f"{name} = {value}" for name, value in self.sizes.items())


def _choices(name: str, axis: Axis) -> list[Any]:
    """The places along an axis, simplest first."""
    if name in RESERVED:
        raise ValueError(f"an axis is named {name}, which every instance has already; call it otherwise")
    if isinstance(axis, tuple) and len(axis) != 2:
        raise ValueError(f"{name} = {axis}; an axis is a range (lowest, highest) or a list of choices [...]")
    return list(range(axis[0], axis[1] + 1)) if isinstance(axis, tuple) else list(axis)


class Family:
    """The sizes of a family, and the function that builds an instance at given sizes."""

    def __init__(self, build: Callable[..., Mapping[str, Any]] | None, axes: dict[str, Axis], where: Callable[..., bool] | None) -> None:
        self.build, self.where = build, where
        self.axes = {name: _choices(name, axis) for name, axis in axes.items()}
        self.random = build is not None and "rng" in inspect.signature(build).parameters

    def sizes(self, rank: tuple[int, ...]) -> dict[str, Any]:
        """The sizes at these places along the axes."""
        return {name: choices[i] for (name, choices), i in zip(self.axes.items(), rank, strict=True)}

    def allowed(self, rank: tuple[int, ...]) -> bool:
        """Whether the sizes go together."""
        return self.where is None or bool(self.where(**self.sizes(rank)))

    def make(self, rank: tuple[int, ...], seed: int) -> Instance:
        """The instance at these places along the axes."""
        sizes = self.sizes(rank)
        if self.build is None:
            return Instance(sizes, {}, rank, None)
        extra = {"rng": np.random.default_rng(seed)} if self.random else {}
        try:
            fields = self.build(**extra, **sizes)
        except Exception as error:
            at = ", ".join(f"{name} = {size}" for name, size in sizes.items())
            raise EvidenceError(f"its family raised {type(error).__name__} at {at}: {error}") from error
        return Instance(sizes, fields, rank, seed if self.random else None)

    @property
    def grid(self) -> int:
        """How many sizes there are."""
        return math.prod(len(choices) for choices in self.axes.values())

    @property
    def finite(self) -> bool:
        """Whether the whole domain is small enough to be used up."""
        return not self.random and self.grid <= FINITE

    def corners(self) -> list[tuple[int, ...]]:
        """Places along the axes, smallest first: the whole grid where it is small, else its vertices and the edges at the smallest sizes."""
        lengths = [len(choices) for choices in self.axes.values()]
        if self.finite or self.grid <= SMALL_GRID:
            found = set(itertools.product(*map(range, lengths)))
        else:
            vertices = itertools.product(*({0, length - 1} for length in lengths))
            edges = (tuple(k * (i == axis) for i in range(len(lengths))) for axis, length in enumerate(lengths) for k in range(length))
            found = {*vertices, *edges}
        return sorted(filter(self.allowed, found), key=lambda rank: (sum(rank), rank))


_FAMILIES: WeakKeyDictionary[Any, Family] = WeakKeyDictionary()


def family(build: Callable[..., Mapping[str, Any]] | None = None, where: Callable[..., bool] | None = None, /,
           **axes: Axis) -> strategies.SearchStrategy[Instance]:
    """The strategy of a family of instances; see the head of this module. ``where`` says which sizes go together."""
    source = Family(build, axes, where)
    places = [strategies.integers(0, len(choices) - 1) if choices else strategies.nothing() for choices in source.axes.values()]
    seeds = strategies.integers(0, 2**32 - 1) if source.random else strategies.just(0)
    ranks = strategies.tuples(*places).filter(source.allowed)
    strategy = strategies.tuples(ranks, seeds).map(lambda drawn: source.make(*drawn))
    _FAMILIES[strategy] = source
    return strategy


# ---- drawing

_STREAM: ContextVar[np.random.Generator] = ContextVar("stream of the entry that is being drawn")


class StreamProvider(PrimitiveProvider):
    """Hypothesis' primitives from the entry's own stream, evenly: its own generator mixes in the literals of the loaded modules."""

    lifetime: ClassVar[Any] = "test_function"

    def draw_boolean(self, p: float = 0.5) -> bool:
        return bool(_STREAM.get().random() < p)

    def draw_integer(self, min_value: int | None = None, max_value: int | None = None, *, weights: dict[int, float] | None = None,
                     shrink_towards: int = 0) -> int:
        low = min_value if min_value is not None else min(shrink_towards, max_value if max_value is not None else 0) - 2**31
        high = max_value if max_value is not None else max(shrink_towards, low) + 2**31
        bits = (high - low + 1).bit_length() + 64
        return low + int.from_bytes(_STREAM.get().bytes(bits // 8 + 1), "little") % (high - low + 1)

    def draw_float(self, *, min_value: float = -math.inf, max_value: float = math.inf, allow_nan: bool = True,
                   smallest_nonzero_magnitude: float) -> float:
        low = min_value if math.isfinite(min_value) else min(-1e9, max_value)
        high = max_value if math.isfinite(max_value) else max(1e9, min_value)
        u = float(_STREAM.get().random())
        drawn = min(max((1 - u) * low + u * high, low), high)
        return drawn if abs(drawn) >= smallest_nonzero_magnitude else min(max(0.0, min_value), max_value)

    def draw_string(self, intervals: Any, *, min_size: int = 0, max_size: int = 10**10) -> str:
        size = self.draw_integer(min_size, min(max_size, min_size + 16))
        return "".join(chr(intervals[self.draw_integer(0, len(intervals) - 1)]) for _ in range(size))

    def draw_bytes(self, min_size: int = 0, max_size: int = 10**10) -> bytes:
        return _STREAM.get().bytes(self.draw_integer(min_size, min(max_size, min_size + 16)))


AVAILABLE_PROVIDERS["proofs_checks"] = f"{__name__}.StreamProvider"


def draw(strategy: Any, count: int, rng: np.random.Generator) -> list[Any]:
    """At least ``count`` distinct instances, corners first; fewer where the domain is used up."""
    if not isinstance(strategy, strategies.SearchStrategy):
        raise TypeError(f"given= is {strategy!r}; it must be a Hypothesis strategy, such as family(...) or single_index()")
    if strategy.is_empty:
        return []
    source = _FAMILIES.get(strategy)
    corners = [source.make(rank, int(rng.integers(2**32))) for rank in source.corners()] if source else []
    if source and (source.finite or source.grid == 0):
        return corners
    found = _distinct(corners)
    for _ in range(ROUNDS):
        if len(found) >= count:
            break
        found = _distinct([*found, *_drawn(strategy, count - len(corners), rng)])[: max(count, len(corners))]
    return found


def _drawn(strategy: Any, count: int, rng: np.random.Generator) -> list[Any]:
    if count == 0:
        return []
    found: list[Any] = []

    @settings(max_examples=count, backend="proofs_checks", database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(instance: Any) -> None:
        found.append(instance)

    token = _STREAM.set(rng)
    try:
        collect()
    except Unsatisfiable:
        return []
    finally:
        _STREAM.reset(token)
    return found


def _distinct(instances: Sequence[Any]) -> list[Any]:
    seen: dict[Any, Any] = {}
    for instance in instances:
        seen.setdefault((instance.rank, instance.seed) if isinstance(instance, Instance) else repr(instance), instance)
    return list(seen.values())


def size_of(instance: Any) -> tuple[Any, ...]:
    """The order in which witnesses are small: by sizes, then by the places along the axes."""
    if isinstance(instance, Instance):
        return (sum(instance.rank), instance.rank)
    return (len(repr(instance)), repr(instance))


def unit(v: Any) -> Any:
    """v / |v|."""
    return v / np.linalg.norm(v)
