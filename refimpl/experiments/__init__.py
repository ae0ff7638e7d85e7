"""The figures of the papers: what is swept, one cell, what comes out. ``python -m refimpl reproduce NAME``.

Each module declares ``grid(quick)``, ``cell(parameters, rng)`` and ``figure(rows)``; it is loaded on use.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    import numpy as np

    from refimpl.experiments.figures import Figure, Rows

NAMES = {
    "sample-complexity": "Figure 1 of DLS22: risks over n of Algorithm 1, random features and the tangent kernel",
    "transfer": "Figure 2 of DLS22: the risk on a second target over n and N",
    "exponents": "how many samples a risk takes, over d: Algorithm 1 and the tangent kernel",
    "width": "the term of m in Theorem 1: the risk over the width",
    "degenerate": "He_3 and He_4 alone, whose mean Hessian is 0",
    "lemma-1": "the first gradient, its main term and its remainder over d",
}


class Experiment(Protocol):
    """What a module of this package declares."""

    def grid(self, *, quick: bool) -> list[dict[str, Any]]:
        """The parameters of all cells."""

    def cell(self, parameters: dict[str, Any], rng: np.random.Generator) -> Mapping[str, Any]:
        """The numbers of one cell, a pure function at the top level of the module."""

    def figure(self, rows: Rows) -> Figure:
        """What is drawn and what is found, from the cells that have a result."""


def load(name: str) -> Experiment:
    """The experiment of one of ``NAMES``."""
    from importlib import import_module

    return cast(Experiment, import_module(f"refimpl.experiments.{name.replace('-', '_')}"))
