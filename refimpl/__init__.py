"""How two-layer networks learn features by gradient descent: the mathematics in NumPy, letter for letter beside the papers.

Modules are loaded on first use, so that ``import refimpl`` costs nothing and never loads numba.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from refimpl import (
        activations,
        baselines,
        bivariate,
        catoni,
        data,
        errors,
        gaussian,
        head,
        hermite,
        initial,
        losses,
        masks,
        network,
        pairs,
        polynomials,
        population,
        risk,
        rng,
        sweeps,
        training,
    )
    from refimpl._twins import current_implementation, implementation

__all__ = ["activations", "baselines", "bivariate", "catoni", "data", "errors", "gaussian", "head", "hermite", "initial", "losses", "masks", "network",
           "pairs", "polynomials", "population", "risk", "rng", "sweeps", "training", "implementation", "current_implementation"]

__version__ = "0.1.0"

_FROM_TWINS = ("implementation", "current_implementation")


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _FROM_TWINS:
        return getattr(import_module("refimpl._twins"), name)
    if name in __all__:
        return import_module(f"refimpl.{name}")
    raise AttributeError(f"refimpl has no {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
