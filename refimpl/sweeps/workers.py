"""Worker processes: what they are asked to do, how they live, and how their death is noticed.

A worker computes batches of cells under one BLAS thread, after comparing the sources that it has loaded with those of the key.
Each has a pipe of its own, which ends with it, so that its death is noticed at once, in the middle of a message too.
"""

from __future__ import annotations

import functools
import json
import multiprocessing
import os
import pickle
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import resource_tracker
from typing import Any, TypeAlias, cast

from refimpl._twins import implementation
from refimpl.rng import stream
from refimpl.sweeps.grid import Cell, Job, Outcome, SweepError, canonical, driver, now, versions

BATCH = 0.05    # seconds of cells in a batch
STARTS = 3      # attempts at a process before it counts as impossible
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
PRELOADED = ["numpy", "numpy.random", "numpy.typing", "threadpoolctl",      # what no key covers but by its version
             "concurrent.futures.process", "importlib.metadata", "email.parser", "json", "fractions"]
SIGNALS = {number.value: number.name for number in signal.Signals}


# ---- a batch

def run_batch(job: Job, texts: list[str], call: str = "") -> list[Outcome]:
    """Cells one after another, at least one, as long as a batch may take; ``call`` names the call, and is not read."""
    _prepare(job)
    outcomes, until = [], time.perf_counter() + BATCH
    for text in texts:
        outcomes.append(_outcome(job, text))
        if time.perf_counter() > until:
            break
    return outcomes


def _outcome(job: Job, text: str) -> Outcome:
    result = error = None
    start = time.perf_counter()
    try:
        with implementation(job.implementation):
            result = canonical("the cell's result", _cell(job)(json.loads(text), stream(job.seed, text)))
    except KeyboardInterrupt:
        raise
    except BaseException as failure:       # SystemExit too: the others go on
        error = _sentence(failure)
    return Outcome(result, error, time.perf_counter() - start, now())


def _sentence(failure: BaseException) -> str:
    """The error and the line that raised it."""
    said = "".join(traceback.format_exception_only(failure)).strip()
    where = traceback.extract_tb(failure.__traceback__)[-1]
    return f"{said} ({os.path.basename(where.filename)}, line {where.lineno})".encode(errors="backslashreplace").decode()


@functools.cache
def _prepare(job: Job) -> None:
    """Once in each process: one thread, and the sources and versions that the key speaks of."""
    if driver() != job.driver:
        one_thread_for_good()
    mine = versions(job.module, job.implementation)
    if mine != job.versions:
        raise SweepError(f"worker {driver()} has other sources or versions than the driver, {mine} against {job.versions}; bring them together")


def _cell(job: Job) -> Cell:
    cell: Cell = getattr(import_module(job.module), job.function)
    return cell


# ---- one thread

@contextmanager
def one_thread() -> Iterator[None]:
    """BLAS at one thread, in this process and in those that it starts meanwhile: bits do not depend on cores.

    Afterwards everything is as it was, but for a library that a cell was the first to load here: it keeps its one thread.
    """
    from threadpoolctl import threadpool_limits

    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))       # for libraries that a cell loads
    try:
        with threadpool_limits(1):                       # for those that are there
            yield
    finally:
        for name in THREADS:
            del os.environ[name]
        os.environ.update({name: value for name, value in before.items() if value is not None})


def one_thread_for_good() -> None:
    """BLAS at one thread in this process, a worker's, to its end."""
    from threadpoolctl import threadpool_limits

    os.environ.update(dict.fromkeys(THREADS, "1"))
    threadpool_limits(1)


# ---- a process

Call: TypeAlias = Callable[[], Any]


class Worker:
    """A process that makes calls, replaced when it dies."""

    def __init__(self) -> None:
        self._process: Any = None
        self._pipe: Any = None          # while the process is ready for calls
        self._killed = False

    def run(self, call: Call) -> Any:
        """What ``call`` returns or raises in the process; BrokenProcessPool where the process dies of it."""
        data = pickle.dumps(call)
        if self._pipe is None:
            self._start()
        try:
            self._pipe.send_bytes(data)
            reply = self._pipe.recv_bytes()
        except (EOFError, OSError):
            raise BrokenProcessPool(f"the worker {self._obituary()}") from None
        done, value = pickle.loads(reply)
        if not done:
            raise value
        return value

    def _start(self) -> None:
        failure = ""
        for _ in range(STARTS):
            try:
                self._process, self._pipe = _process()
                if self._killed:
                    self._process.kill()
                return cast(None, self._pipe.recv())        # it is ready
            except (EOFError, OSError) as error:
                failure = self._obituary() if self._pipe else f"cannot be started ({type(error).__name__}: {error})"
            if self._killed:
                raise BrokenProcessPool("the workers were ended")
        raise SweepError(f"a worker {failure} before its first call; a script that starts a sweep does so below "
                         '`if __name__ == "__main__":`, and the errors above may say more')

    def _obituary(self) -> str:
        """How the process ended."""
        self._pipe.close()
        self._pipe = None
        with _CHILDREN:
            self._process.join(1)
            self._process.kill()        # where it has closed the pipe and lives
            self._process.join()
            code = self._process.exitcode
        return f"was killed by {SIGNALS.get(-code, -code)}" if code < 0 else f"ended with exit code {code}"

    def kill(self) -> None:
        """End the process at once, whatever it is doing; there will be no other."""
        self._killed = True
        with _CHILDREN:
            if self._process is not None:
                self._process.kill()

    def end(self) -> None:
        """Let the process go, between two calls; a closed pipe is its farewell."""
        if self._pipe is not None:
            self._obituary()


_CHILDREN = threading.Lock()    # multiprocessing keeps its list of children without one


def _process() -> tuple[Any, Any]:
    """A process at work, and this end of its pipe."""
    ours, theirs = _context().Pipe()
    process = _context().Process(target=_work, args=(theirs,), daemon=True)
    with _CHILDREN, _sheltered():
        process.start()
    theirs.close()
    return process, ours


@contextmanager
def _sheltered() -> Iterator[None]:
    """What is started meanwhile does not hear Ctrl-C, which the terminal sends to all; this thread is not the main one."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()       # it would lift the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@functools.cache
def _context() -> Any:
    """Workers are forked from a server that has loaded NumPy and started no thread; where there is none, spawned."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def _work(pipe: Any) -> None:
    """The life of a worker: Ctrl-C is the driver's affair, and the driver's death the worker's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_driver, daemon=True).start()
    one_thread_for_good()
    pipe.send(None)
    while True:
        try:
            data = pipe.recv_bytes()
        except EOFError:
            return
        try:
            reply = pickle.dumps((True, pickle.loads(data)()))
        except BaseException as error:
            reply = _dumps(error)
        pipe.send_bytes(reply)


def _dumps(error: BaseException) -> bytes:
    """The reply that a call has failed; some errors cannot travel."""
    try:
        return pickle.dumps((False, error))
    except Exception:
        return pickle.dumps((False, RuntimeError("".join(traceback.format_exception_only(error)).strip())))


def _end_with_the_driver() -> None:
    driver = multiprocessing.parent_process()
    if driver is not None:
        driver.join()
        os._exit(1)
