"""The loop: which cells are missing, where they run, what becomes of those that fail, and when they are committed.

Short cells travel in batches, as many as take 50 ms, and a batch that takes longer hands back what it has not begun. Where a
worker dies, the cells of its batch run again, each in a batch of its own, and one that has seen two deaths once more at the end,
where nothing else runs: on a cluster a worker takes its neighbours' calls with it. The one that kills that worker, too, is given
up and named.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple
from uuid import uuid4

from refimpl._twins import resolve
from refimpl.errors import DomainError, DtypeError
from refimpl.sweeps.executors import Local, cores
from refimpl.sweeps.grid import Cell, Job, Outcome, SweepError, canonical, job_of, key, now
from refimpl.sweeps.store import KEPT, Store
from refimpl.sweeps.workers import BATCH, one_thread, run_batch

LARGEST_BATCH = 256
DEATHS = 3          # of workers, until a cell is given up
PATIENCE = 2.0      # seconds without a word
REFRESH = 0.2
WINDOW = 1024       # batches under way on an executor that does not say how many it wants


class Row(NamedTuple):
    """A cell that has a result."""

    parameters: dict[str, Any]
    result: dict[str, Any]


class Failure(NamedTuple):
    """A cell that raised, or killed its worker."""

    parameters: dict[str, Any]
    error: str


@dataclass(frozen=True)
class Table:
    """What :func:`sweep` returns: the rows in the order of the grid, and the cells that failed."""

    rows: list[Row]
    failures: list[Failure]
    computed: int       # rows that were not in the store

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def column(self, name: str) -> list[Any]:
        """One parameter of every row, or else one value of every result."""
        return [row.parameters[name] if name in row.parameters else row.result[name] for row in self.rows]


def sweep(grid: Iterable[dict[str, Any]], cell: Cell, *, executor: Executor | None = None,
          store: str | os.PathLike[str] | None = None, rng: int) -> Table:
    """``cell(parameters, rng)`` for every set of parameters, each once, whatever dies meanwhile.

    A cell's generator is ``rng.stream(root seed, canonical parameters)``: neither order nor engine nor other cells move a draw.
    ``auto`` is resolved once, to ``kernels`` or ``numpy``, and entered in every cell. What is in the store under the same
    parameters, seed, sources, versions and implementation is not computed again; failed cells are.

    Source
    ------
    A convention of this package, not of a paper.

    Parameters
    ----------
    grid : dicts of plain numbers and strings, see :func:`refimpl.sweeps.grid.grid`; a repeated one is computed once
    cell : a function at the top level of a module, of (parameters, generator), pure; it returns a dict of plain numbers and strings.
        Its key covers the sources of this package and of the cell's own module, and not what else that module imports
    executor : where cells run, any ``concurrent.futures.Executor``; by default :func:`refimpl.sweeps.executors.local`, for the while
    store : a file; None keeps results in memory
    rng : the root seed, an int

    Returns
    -------
    Table   rows in the order of the grid, failures with their messages

    Units
    -----
    None.

    Errors
    ------
    DomainError, DtypeError   for a grid, cell or seed of another kind.
    SweepError                where the store is damaged, full, read-only or in use, the executor is broken, or a source has changed.
    KeyboardInterrupt         after what is done has been committed.
    """
    if executor is not None and not isinstance(executor, Executor):
        raise DtypeError(f"executor is of type {type(executor).__name__}; it must be a concurrent.futures.Executor, as local(2) is")
    task = job_of(cell, rng, resolve())
    texts = {key(task, text): text for text in (canonical(f"grid[{i}]", parameters) for i, parameters in enumerate(grid))}
    if not texts:
        raise DomainError("grid is empty; a sweep needs a cell to compute")
    with Store(store) as kept:
        kept.want(task, texts)
        results = kept.results(texts)
        run = Run(task, {name: text for name, text in texts.items() if name not in results}, kept, Progress(len(texts), len(results)))
        if run.pending:
            with one_thread(), _engine(executor, len(run.pending)) as engine:
                run.all(engine)
    results |= run.results
    return Table([Row(json.loads(text), json.loads(results[name])) for name, text in texts.items() if name in results],
                 [Failure(json.loads(text), run.errors[name]) for name, text in texts.items() if name in run.errors], len(run.results))


@contextmanager
def _engine(executor: Executor | None, cells: int) -> Iterator[Executor]:
    if executor is not None:
        yield executor
    else:
        with Local(min(cores(), cells)) as mine:
            yield mine


# ---- in the driver

class Run:
    """The missing cells of one sweep, and what has become of them."""

    def __init__(self, job: Job, missing: dict[str, str], store: Store, progress: Progress) -> None:
        self.job, self.texts, self.store, self.progress = job, missing, store, progress
        self.pending = deque(missing)                                 # keys
        self.suspects: deque[str] = deque()                           # whose worker has died: each is a batch of its own
        self.last: deque[str] = deque()                               # whose next death is one too many: they run where nothing else does
        self.on_trial: list[str] = []                                 # the latest of these that ran
        self.refused = False                                          # the executor takes nothing any more
        self.deaths = dict.fromkeys(missing, 0)
        self.under_way: dict[Future[list[Outcome]], list[str]] = {}
        self.done: SimpleQueue[Future[list[Outcome]]] = SimpleQueue()
        self.unsaved: list[tuple[str, str, Outcome]] = []
        self.results: dict[str, str] = {}
        self.errors: dict[str, str] = {}
        self.batch = 1

    def all(self, executor: Executor) -> None:
        """Compute until nothing is missing; whatever stops it, what is done is committed first."""
        try:
            while self.pending or self.suspects or self.last or self.under_way:
                self.submit(executor)
                self.collect()
                self.save()
                self.progress.show(len(self.results), len(self.errors))
        except BaseException:
            self.rescue()
            raise
        finally:
            self.progress.end()

    def submit(self, executor: Executor) -> None:
        """As many batches as the executor wants."""
        window = getattr(executor, "window", WINDOW)
        while len(self.under_way) < window and (keys := self.next(window)):
            try:    # uuid4 tells the call from an earlier one, which dask's executor would answer from memory, deaths included
                future = executor.submit(run_batch, self.job, [self.texts[name] for name in keys], uuid4().hex)
            except Exception as error:
                self.refused = True
                advice = ", and local(workers) would have replaced a dead worker" if isinstance(error, BrokenExecutor) else ""
                raise SweepError(f"the executor takes no more cells ({error}); {KEPT}{advice}") from error
            self.under_way[future] = keys
            future.add_done_callback(self.done.put)

    def next(self, window: int) -> list[str]:
        """The cells of the next batch, if there is one to begin now."""
        if self.suspects:
            return [self.suspects.popleft()]
        if self.pending:
            return [self.pending.popleft() for _ in range(min(self.batch, max(1, len(self.pending) // window)))]
        if self.under_way or not self.last:
            return []
        self.on_trial = [self.last.popleft()]
        return self.on_trial

    def collect(self) -> None:
        """Whatever has finished, after waiting a moment for the first."""
        with suppress(Empty):
            self.settle(self.done.get(timeout=0.25))
            while True:
                self.settle(self.done.get_nowait())

    def settle(self, future: Future[list[Outcome]]) -> None:
        """The outcomes of one batch, or the death of whoever computed it."""
        keys = self.under_way.pop(future)
        error = None if future.cancelled() else future.exception()
        if future.cancelled():
            self.pending.extendleft(reversed(keys))
        elif error is None:
            outcomes = future.result()
            self.record(keys, outcomes)
            a_cell = sum(outcome.seconds for outcome in outcomes) / len(outcomes)
            self.batch = max(1, min(LARGEST_BATCH, int(BATCH / (a_cell + 1e-6))))
        elif isinstance(error, BrokenExecutor) or type(error).__name__ == "KilledWorker":      # dask's
            self.mourn(keys, error)
        else:
            raise error if isinstance(error, SweepError) else SweepError(f"the executor fails ({type(error).__name__}: {error}); {KEPT}") from error

    def record(self, keys: list[str], outcomes: list[Outcome]) -> None:
        """Keep the outcomes for the next commit; the cells that the batch has not begun go back."""
        self.pending.extendleft(reversed(keys[len(outcomes):]))
        for name, outcome in zip(keys, outcomes, strict=False):
            self.unsaved.append((name, self.texts[name], outcome))
            if outcome.result is not None:
                self.results[name] = outcome.result
            else:
                self.errors[name] = str(outcome.error)

    def mourn(self, keys: list[str], error: BaseException) -> None:
        """A worker has died of one of these cells, or of something else."""
        for name in keys:
            self.deaths[name] += 1 + getattr(error, "allowed_failures", 0)      # dask has tried again by itself
        if keys == self.on_trial:
            self.record(keys, [Outcome(None, f"given up: {self.deaths[keys[0]]} workers died of it ({error})", 0.0, now())])
        else:
            for name in keys:
                (self.last if self.deaths[name] >= DEATHS - 1 else self.suspects).append(name)

    def save(self) -> None:
        """Commit; a KeyboardInterrupt on the way leaves nothing out, since committing twice is committing once."""
        if self.unsaved:
            self.store.save(self.job, self.unsaved)
            self.unsaved = []

    def rescue(self) -> None:
        """Commit what has been finished before everything stops, and take the rest back."""
        for future, keys in self.under_way.items():
            if future.done() and not future.cancelled() and future.exception() is None:
                self.record(keys, future.result())
        with suppress(SweepError):
            self.save()
        for future in self.under_way if not self.refused else ():
            future.cancel()


class Progress:
    """One line on stderr, from the third second on, and only where somebody sits before it."""

    def __init__(self, cells: int, found: int) -> None:
        self.cells, self.found = cells, found
        self.start = self.next = time.monotonic()
        self.shown = False

    def show(self, done: int, failed: int) -> None:
        """Cells done and failed, how fast, and how long it will take."""
        passed = time.monotonic() - self.start
        if passed < PATIENCE or time.monotonic() < self.next or sys.stderr is None or not sys.stderr.isatty():
            return
        self.shown, self.next = True, time.monotonic() + REFRESH
        rate = (done + failed) / passed
        left = timedelta(seconds=round((self.cells - self.found - done - failed) / rate)) if rate else "an unknown time"
        sys.stderr.write(f"\r{self.found + done}/{self.cells} cells, {failed} failed, {rate:.3g} a second, {left} left\x1b[K")
        sys.stderr.flush()

    def end(self) -> None:
        """Leave the line."""
        if self.shown:
            sys.stderr.write("\n")
