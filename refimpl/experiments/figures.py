"""A figure as plain data: what is drawn, what is found, and the statistics of repeated runs.

The JSON beside a picture is this and nothing else, so that whoever doubts a picture draws it anew.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

CONFIDENCE = 0.95


class Cell(Protocol):
    """A cell that has a result, as ``refimpl.sweeps`` returns it."""

    @property
    def parameters(self) -> dict[str, Any]: ...

    @property
    def result(self) -> dict[str, Any]: ...


# ---- what is drawn

@dataclass(frozen=True)
class Series:
    """A line: y over x, with a band from low to high where there is one."""

    label: str
    x: list[float]
    y: list[float]
    low: list[float] | None = None
    high: list[float] | None = None
    dashed: bool = False        # a law for comparison, not a measurement


@dataclass(frozen=True)
class Panel:
    """Lines in one frame."""

    title: str
    x: str                                       # what the axes say
    y: str
    series: list[Series]
    log: str = ""                                # "x", "y", "xy"
    levels: dict[str, float] = field(default_factory=dict)    # horizontal lines, and what they stand for
    top: float | None = None                     # of the y axis, where values above it would hide the rest
    note: str = ""                               # below the frame


@dataclass(frozen=True)
class Map:
    """A matrix as a picture: values[i][j] at (x[j], y[i])."""

    title: str
    x: str
    y: str
    columns: list[str]
    rows: list[str]
    values: list[list[float]]
    unit: str
    top: float = 1.0


@dataclass(frozen=True)
class Finding:
    """A number that the figure shows, with its interval, and what was expected of it."""

    what: str
    value: float
    low: float
    high: float
    expected: str
    holds: bool | None = None      # None where nothing is claimed

    def __str__(self) -> str:
        verdict = {True: "yes", False: "NO", None: "-"}[self.holds]
        return f"{verdict:<4}{self.what}: {self.value:.4g} [{self.low:.4g}, {self.high:.4g}]" + (f"; {self.expected}" if self.expected else "")


@dataclass(frozen=True)
class Figure:
    """Panels side by side, what is found, and the caption."""

    title: str
    caption: str
    panels: list[Panel | Map]
    findings: list[Finding]


# ---- what comes out of cells

class Rows:
    """Cells with results, chosen by their parameters."""

    def __init__(self, cells: Iterable[Cell]) -> None:
        self.cells = list(cells)

    def __len__(self) -> int:
        return len(self.cells)

    def where(self, **parameters: Any) -> Rows:
        """The cells with these parameters."""
        return Rows(cell for cell in self.cells if all(cell.parameters.get(name) == value for name, value in parameters.items()))

    def distinct(self, name: str) -> list[Any]:
        """The values of a parameter, in order."""
        return sorted({cell.parameters[name] for cell in self.cells})

    def values(self, name: str) -> list[Any]:
        """One value of every result."""
        return [cell.result[name] for cell in self.cells]


class Statistics(NamedTuple):
    """Of independent runs: low and high enclose the mean with 95 % for a normal law (Student), below and above the median for any law."""

    runs: int
    mean: float
    sd: float
    low: float
    high: float
    median: float
    below: float
    above: float


def statistics(values: Sequence[float]) -> Statistics:
    """The statistics of independent runs. The interval of the mean of a single one is the whole line; below and above are the k-th lowest and highest
    of the runs, with the largest k for which the median lies between them with 95 %, or the lowest and highest, where five runs or fewer allow no k."""
    from scipy.special import stdtrit

    x = np.sort(np.asarray(values, dtype=float))
    sd = float(x.std(ddof=1)) if len(x) > 1 else math.inf
    half = float(stdtrit(len(x) - 1, (1 + CONFIDENCE) / 2)) * sd / math.sqrt(len(x)) if len(x) > 1 else math.inf
    mean = float(x.mean())
    k = max([k for k in range(1, len(x)) if 2 * _tail(len(x), k) <= 1 - CONFIDENCE], default=1)
    return Statistics(len(x), mean, sd, mean - half, mean + half, float(np.median(x)), float(x[k - 1]), float(x[-k]))


def _tail(n: int, k: int) -> float:
    """That fewer than k of n runs lie below the median."""
    return sum(math.comb(n, i) for i in range(k)) / float(2**n)


def over(rows: Rows, axis: str, value: str, *, label: str, scale: Callable[[float], float] = float) -> Series:
    """A value over one parameter: the medians of the runs, and the intervals of the median."""
    at = rows.distinct(axis)
    found = [statistics(rows.where(**{axis: x}).values(value)) for x in at]
    return Series(label, [scale(x) for x in at], [one.median for one in found], [one.below for one in found], [one.above for one in found])


def medians(rows: Rows) -> str:
    """What the lines of :func:`over` are, for a caption."""
    return f"Medians of {len(rows.distinct('run'))} runs and 95 % intervals of the median (of fewer than 6 runs, all of them)"


def law(series: Series, power: float, label: str, *, through: int = 0) -> Series:
    """A power of x through one point of a series, for comparison."""
    return Series(label, series.x, [series.y[through] * (x / series.x[through]) ** power for x in series.x], dashed=True)


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """The exponent of y as a power of x, by least squares of the logarithms."""
    u, v = np.log(np.asarray(x, dtype=float)), np.log(np.asarray(y, dtype=float))
    u = u - u.mean()
    return float(u @ v / (u @ u))


def crossing(x: Sequence[float], y: Sequence[float], level: float) -> float:
    """Where y over log x falls below the level for good, between two points by a straight line; inf where it does not, x[0] where it is below."""
    below = np.asarray(y, dtype=float) < level
    if not below[-1]:
        return math.inf
    i = len(below) - int(np.argmin(below[::-1])) if not below.all() else 0       # the first index from which all are below
    if i == 0:
        return float(x[0])
    share = (y[i - 1] - level) / (y[i - 1] - y[i])
    return float(x[i - 1] * (x[i] / x[i - 1]) ** share)
