"""Sweeps: a function over a grid of parameters, on any executor, into a store that survives what kills the rest.

``sweep(grid, cell, *, executor=None, store=None, rng=0)`` knows nothing of neural networks. Modules are loaded on use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from refimpl.sweeps.executors import dask, local, serial
    from refimpl.sweeps.grid import SweepError
    from refimpl.sweeps.runner import sweep
    from refimpl.sweeps.store import export

__all__ = ["sweep", "export", "serial", "local", "dask", "SweepError"]

_PLACES = {"sweep": "runner", "export": "store", "serial": "executors", "local": "executors", "dask": "executors", "SweepError": "grid"}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _PLACES:
        return getattr(import_module(f"refimpl.sweeps.{_PLACES[name]}"), name)
    raise AttributeError(f"refimpl.sweeps has no {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return list(__all__)
