"""The time of Algorithm 1 against n, d and m, each alone, beside the authors' formulation in NumPy, torch and JAX."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.algorithm_1 import CANDIDATES, OURS, data, table
from benchmarks.harness import Settings, Table

if TYPE_CHECKING:
    from refimpl.experiments.figures import Figure

BASE = {"n": 10_000, "d": 30, "m": 300}
VALUES = {"n": (1000, 3000, 10_000, 30_000, 100_000), "d": (10, 30, 100, 300, 1000), "m": (30, 100, 300, 1000, 3000)}
NAMES = {"n": "samples n", "d": "inputs d", "m": "neurons m"}
SIDES = {name: CANDIDATES[name] for name in (OURS, "NumPy, blocks, eigh", "torch, as its authors", "jax, as its authors")}
POINTS = 1000                                   # of the hold-out and of the test: nearly all of the time is training


def tables(settings: Settings) -> Iterator[Table]:
    """One table for each n, d and m."""
    for letter, values in VALUES.items():
        for value in values[1:4] if settings.quick else values:
            yield table(title(letter, value), data(**(BASE | {letter: value}), points=POINTS), SIDES, 3, {})


def title(letter: str, value: int) -> str:
    """By which the figure finds its points."""
    return f"Algorithm 1 against {letter}, {', '.join(f'{name} = {size}' for name, size in (BASE | {letter: value}).items())}"


def figure(measured: Sequence[Mapping[str, Any]]) -> Figure:
    """Three panels from the tables' JSON: medians, bands from the least to the largest."""
    from refimpl.experiments.figures import Figure, Map, Panel, Series

    times = {one["title"]: one["seconds"] for one in measured}
    panels: list[Panel | Map] = []
    for letter, values in VALUES.items():
        found = [(value, times[title(letter, value)]) for value in values if title(letter, value) in times]
        series = []
        for name in SIDES:
            points = [(value, seconds[name]) for value, seconds in found if name in seconds]
            middle, low, high = ([statistic(spent) for _, spent in points] for statistic in (median, min, max))
            series.append(Series(name, [value for value, _ in points], middle, low, high))
        fixed = ", ".join(f"{name} = {size}" for name, size in BASE.items() if name != letter)
        panels.append(Panel(fixed, NAMES[letter], "seconds", [one for one in series if one.x], log="xy"))
    caption = (f"Algorithm 1 from samples to the head that a hold-out of {POINTS} points chooses from 100 lam, on one core. Lines are medians of three "
               "interleaved rounds, bands reach from the shortest to the longest. The others are the authors' formulation: NumPy in blocks with one "
               "symmetric decomposition; torch and JAX (compiled, warm) with autograd and one singular value decomposition, as their script has it.")
    return Figure("What Algorithm 1 costs", caption, panels, [])
