"""One figure: its cells computed where they are not in the store, its numbers, its pictures."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from refimpl import __version__
from refimpl._twins import resolve
from refimpl.experiments import NAMES, Experiment, load
from refimpl.experiments.drawing import draw, library
from refimpl.experiments.figures import Figure, Rows
from refimpl.sweeps import SweepError, dask, local, sweep
from refimpl.sweeps.runner import Table

OK, FAILED = 0, 1
NAMED = 5           # failures that are printed one by one


def reproduce(name: str, *, quick: bool, workers: int | None, scheduler: str | None, store: Path | None, out: Path, seed: int) -> int:
    """Compute, write and say what is found; the exit code is 1 where a cell has failed."""
    library()                                                     # a missing extra is told now and not after the sweep
    _folder(out)
    store = out / f"{name}.sqlite" if store is None else store
    experiment = load(name)
    with _resumable(store), _executor(workers, scheduler) as executor:
        table = sweep(experiment.grid(quick=quick), experiment.cell, executor=executor, store=store, rng=seed)
    return _report(name, experiment, table, store=store, out=out, seed=seed, quick=quick)


def _report(name: str, experiment: Experiment, table: Table, *, store: Path, out: Path, seed: int, quick: bool) -> int:
    cells = len(table) + len(table.failures)
    for failure in table.failures[:NAMED]:
        print(f"failed: {json.dumps(failure.parameters)}: {failure.error}", file=sys.stderr)
    if table.failures:
        print(f"{len(table.failures)} of {cells} cells failed; they are computed again when the command is repeated", file=sys.stderr)
    if not len(table):
        return FAILED
    figure = experiment.figure(Rows(table.rows))
    run = {"name": name, "what": NAMES[name], "quick": quick, "seed": seed, "cells": cells, "failed": len(table.failures), "computed": table.computed,
           "implementation": resolve(), "refimpl": __version__, "store": str(store)}
    figure = replace(figure, caption=f"{figure.caption} {len(table)} of {cells} cells, root seed {seed}, {run['implementation']}, refimpl {__version__}"
                                     f"{', --quick: smaller and with fewer runs than the figure itself' if quick else ''}.")
    path = out / (f"{name}-quick" if quick else name)
    files = [_write(figure, run, path.with_name(f"{path.name}.json")), *draw(figure, path)]
    _say(figure, files, store)
    return FAILED if table.failures else OK


def _say(figure: Figure, files: list[Path], store: Path) -> None:
    print(figure.title)
    for finding in figure.findings:
        print(f"  {finding}")
    print(f"{', '.join(map(str, files))}; cells in {store}")


def _write(figure: Figure, run: dict[str, Any], path: Path) -> Path:
    """The plotted numbers and the findings; a number that JSON does not know is null."""
    data = {"schema": 1, "run": run, **_plain(asdict(figure))}
    path.write_text(json.dumps(data, indent=1, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and value - value != 0 else value


def _folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SweepError(f"{out} cannot be made a folder ({error.strerror}); name one that can be written with --out") from error
    if not os.access(out, os.W_OK):
        raise SweepError(f"{out} cannot be written; name another folder with --out")


@contextmanager
def _executor(workers: int | None, scheduler: str | None) -> Iterator[Any]:
    with dask(scheduler) if scheduler is not None else local(workers) as executor:
        yield executor


@contextmanager
def _resumable(store: Path) -> Iterator[None]:
    """Whoever is interrupted reads that nothing is lost."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"\ninterrupted; what was computed is kept in {store}, and the same command goes on from there", file=sys.stderr)
        raise
