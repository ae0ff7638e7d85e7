"""Where cells run: in this process, in worker processes that may die, on a cluster, or on any ``concurrent.futures.Executor``.

:func:`local` is the default. Each of its workers has a pipe and a thread of its own, so one that dies takes nothing else with
it: its call fails with ``BrokenProcessPool``, a new worker takes its place, the others notice nothing. (The standard library's
pool ends every worker with the first; and its workers share a pipe, on which half a result keeps it waiting for ever.)
"""

from __future__ import annotations

import functools
import importlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future, InvalidStateError
from concurrent.futures import wait as finished
from contextlib import suppress
from queue import SimpleQueue
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from refimpl.errors import count
from refimpl.sweeps.grid import SweepError
from refimpl.sweeps.workers import Call, Worker

P = ParamSpec("P")
T = TypeVar("T")


class MissingExtraError(ImportError):
    """A part of the package was asked for whose optional dependencies are not installed."""


def serial() -> Executor:
    """One cell after another in this process: for debugging, and where a cell is too short to travel.

    Source
    ------
    A convention of this package, not of a paper.

    Returns
    -------
    Executor   ``submit`` returns when the call has

    Units
    -----
    None.

    Errors
    ------
    None; a cell that kills its process kills this one.
    """
    return Serial()


def local(workers: int | None = None) -> Executor:
    """Worker processes on this machine, one BLAS thread each; one that dies is replaced and costs the others nothing.

    Source
    ------
    A convention of this package, not of a paper.

    Parameters
    ----------
    workers : how many; by default one for each core that this process may use

    Returns
    -------
    Executor   a context manager that ends its workers; a script that uses it needs ``if __name__ == "__main__":``

    Units
    -----
    None.

    Errors
    ------
    DtypeError, DomainError   for workers that are not a whole number >= 1.
    BrokenProcessPool         from the future of a call whose worker died; SweepError where workers do not even start.
    """
    return Local(cores() if workers is None else count("workers", workers, least=1))


def dask(address: str | None = None) -> Executor:
    """The workers of a dask cluster, by the address of its scheduler; the connection is closed with the executor.

    A sweep also takes ``client.get_executor()`` of a client of your own, which stays open. A worker that dies costs the cluster what it
    was computing, which dask repeats elsewhere: as often as its ``distributed.scheduler.allowed-failures`` says, then the sweep does.

    Source
    ------
    A convention of this package, not of a paper.

    Parameters
    ----------
    address : of the scheduler, such as "tcp://10.0.0.1:8786"; None starts a cluster on this machine

    Returns
    -------
    Executor   a context manager; the workers must import the same sources under the same versions, and a sweep stops where they do not

    Units
    -----
    None.

    Errors
    ------
    MissingExtraError   where distributed is not installed; SweepError where no scheduler answers.
    """
    try:
        distributed = importlib.import_module("distributed")
    except ImportError as error:
        raise MissingExtraError(f"dask.distributed cannot be imported ({error}); `pip install refimpl[cluster]` brings it") from error
    try:
        return Dask(distributed.Client(address))
    except (OSError, ValueError) as error:
        raise SweepError(f"no dask scheduler answers at {address!r} ({error})") from error


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# ---- in this process

class Serial(Executor):
    """See :func:`serial`."""

    window = 1      # calls that a sweep has under way

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The call, already made; a KeyboardInterrupt comes out here."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


# ---- in worker processes

class Local(Executor):
    """See :func:`local`."""

    def __init__(self, workers: int) -> None:
        self.window = 2 * workers                                    # so that no worker waits for the next call
        self._calls: SimpleQueue[tuple[Future[Any], Call] | None] = SimpleQueue()
        self._open: set[Future[Any]] = set()
        self._closed = False
        self._lock = threading.Lock()                                # no call may come after the farewells of shutdown
        self._workers = [Worker() for _ in range(workers)]
        self._threads = [threading.Thread(target=self._serve, args=(worker,), daemon=True) for worker in self._workers]
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The future of the call, made by whichever worker is free first."""
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("this executor has been shut down")
            self._open.add(future)
            self._calls.put((future, functools.partial(fn, *args, **kwargs)))
        future.add_done_callback(self._open.discard)
        return future

    def _serve(self, worker: Worker) -> None:
        """One call after another, in the thread of this worker."""
        while (item := self._calls.get()) is not None:
            future, call = item
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(worker.run(call))
                except BaseException as error:
                    future.set_exception(error)
        worker.end()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """No further calls; those under way are finished, and so are those that wait unless they are cancelled."""
        if cancel_futures:
            for future in list(self._open):
                future.cancel()
        with self._lock:
            for _ in self._threads if not self._closed else ():
                self._calls.put(None)
            self._closed = True
        for thread in self._threads:
            thread.join(None if wait else 0)

    def kill(self) -> None:
        """End the workers at once, whatever they are doing."""
        self.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.kill()
        self.shutdown()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.shutdown() if kind is None else self.kill()


# ---- on a cluster

class Dask(Executor):
    """See :func:`dask`. The executor of its own client answers a repeated call from memory, and never where a connection breaks."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._open: set[Future[Any]] = set()
        self._closed = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The future of the call; cancelling it takes the call back."""
        if self._closed:
            raise RuntimeError("this executor has been shut down")
        theirs = self._client.submit(functools.partial(fn, *args, **kwargs), pure=False)
        ours: Future[T] = Future()
        self._open.add(ours)
        ours.add_done_callback(functools.partial(self._let_go, theirs))
        self._client.loop.add_callback(self._relay, theirs, ours)
        return ours

    async def _relay(self, theirs: Any, ours: Future[Any]) -> None:
        """What has come of the call, in the thread of the client."""
        with suppress(InvalidStateError):        # cancelled meanwhile
            try:
                ours.set_result(await self._client.gather(theirs, asynchronous=True))
            except CancelledError:
                ours.cancel()
            except Exception as error:
                ours.set_exception(error)

    def _let_go(self, theirs: Any, ours: Future[Any]) -> None:
        self._open.discard(ours)
        if ours.cancelled() and not theirs.done() and self._client.status == "running":
            theirs.cancel()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Close the connection, after the calls under way unless they are cancelled or not waited for; the cluster then forgets them."""
        self._closed = True
        if wait and not cancel_futures:
            finished(list(self._open))
        for future in list(self._open):
            future.cancel()
        self._client.close()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.shutdown(wait=kind is None)
