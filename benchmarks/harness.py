"""Interleaved rounds, their medians and spreads, tables and JSON; and a peer, a process of another environment.

A ratio is the median over rounds of (time in this round) / (time of the base in this round), so that a slow spell of the
machine, which falls on one round of every candidate, does not count.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

Timer = Callable[[], Mapping[str, float]]   # one round of one candidate: seconds by name, empty where nothing was measured

ROOT = Path(__file__).resolve().parents[1]
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "MKL", "OMP", "NUMBA")} | {
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"}
LEAST_SECONDS = 2e-3   # a shorter call is repeated within its round


@dataclass(frozen=True)
class Settings:
    """What the command line asked for."""

    quick: bool = False
    peer: Peer | None = None


@dataclass(frozen=True)
class Table:
    """The times of one case, seconds by candidate and round, beside the candidate that the ratios refer to."""

    title: str
    base: str
    times: Mapping[str, list[float]]
    targets: Mapping[str, float] = field(default_factory=dict)   # seconds
    notes: Mapping[str, str] = field(default_factory=dict)   # by candidate, or a line below the table
    asked: Mapping[str, str] = field(default_factory=dict)   # of ratios: ">= 7", "<= 0.1"

    def ratio(self, name: str) -> float | None:
        """How many times the base's time ``name`` takes."""
        pairs = list(zip(self.times.get(name, ()), self.times.get(self.base, ()), strict=False))
        return median(here / base for here, base in pairs) if pairs else None

    def verdicts(self) -> dict[str, str]:
        """``asked`` in words, by candidate."""
        said = {}
        for name, wanted in self.asked.items():
            (sign, bound), ratio = wanted.split(), self.ratio(name)
            kept = ratio is not None and (ratio >= float(bound) if sign == ">=" else ratio <= float(bound))
            said[name] = f"asked {wanted}: {'not measured' if ratio is None else 'reached' if kept else 'MISSED'}"
        return said

    def __str__(self) -> str:
        names = list(dict.fromkeys([*self.times, *self.targets, *self.asked]))
        rows = [[f"ratio to {self.base}", "median", "min", "max", "target", ""], *(self._row(name) for name in names)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.rjust(width) if i < 5 else cell for i, (cell, width) in enumerate(zip(row, widths, strict=True))) for row in rows]
        below = [f"  {name}: {note}" for name, note in self.notes.items() if name not in names]
        return "\n".join([self.title, *(line.rstrip() for line in lines), *below, ""])

    def _row(self, name: str) -> list[str]:
        times, ratio, target = self.times.get(name, []), self.ratio(name), self.targets.get(name)
        figures = [seconds(f(times)) for f in (median, min, max)] if times else ["-", "-", "-"]
        note = "; ".join(filter(None, [f"{name}: {self.notes[name]}" if name in self.notes else name, self.verdicts().get(name)]))
        return [f"{ratio:.2f}" if ratio is not None else "-", *figures, seconds(target) if target is not None else "", note]

    def as_json(self) -> dict[str, Any]:
        """Every time, so that a reader may form other statistics."""
        return {"title": self.title, "base": self.base, "seconds": dict(self.times), "targets": dict(self.targets), "notes": dict(self.notes),
                "ratios": {name: self.ratio(name) for name in self.times}, "asked": self.verdicts()}


def seconds(value: float) -> str:
    """1.23 s, 45.6 ms or 7.89 us."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-6:.3g} us"


def timer(name: str, call: Callable[[], object]) -> Timer:
    """Seconds of a call, repeated so often that a round lasts LEAST_SECONDS; the first calls are for warming up."""
    call()
    once = clock(call, 1)
    repeat = max(1, round(LEAST_SECONDS / once))
    return lambda: {name: clock(call, repeat)}


def clock(call: Callable[[], object], repeat: int) -> float:
    """Seconds of one call, over ``repeat`` calls."""
    start = time.perf_counter()
    for _ in range(repeat):
        call()
    return (time.perf_counter() - start) / repeat


def interleave(timers: Iterable[Timer], rounds: int) -> dict[str, list[float]]:
    """Each timer once a round; every other round runs backwards, so that no candidate always follows the same one."""
    timers, times = list(timers), dict[str, list[float]]()
    for i in range(rounds):
        for one in timers if i % 2 == 0 else reversed(timers):
            for name, spent in one().items():
                times.setdefault(name, []).append(spent)
    return times


# ---- a process of another environment

class Peer:
    """Another Python that answers questions about a benchmark: one line of JSON to it, one line back."""

    def __init__(self, python: str) -> None:
        self.python = python
        self._processes: dict[str, subprocess.Popen[str]] = {}

    def ask(self, module: str, **question: Any) -> dict[str, Any]:
        """What ``module.answer(**question)`` says there."""
        process = self._processes.get(module) or self._processes.setdefault(module, self._start(module))
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(question) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.python} ended with exit code {process.wait()} while it ran {module}")
        reply: dict[str, Any] = json.loads(line)
        return reply

    def _start(self, module: str) -> subprocess.Popen[str]:
        return subprocess.Popen([self.python, "-m", "benchmarks.harness", module], cwd=ROOT, env=os.environ | ONE_THREAD,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def close(self) -> None:
        """End the processes that were started."""
        for process in self._processes.values():
            process.communicate()


def serve(module: str) -> None:
    """Answer the questions on stdin until it closes; runs in the peer."""
    answer = import_module(module).answer
    for line in sys.stdin:
        print(json.dumps(answer(**json.loads(line))), flush=True)


# ---- the run

def run(names: list[str], *, quick: bool, json_file: str | None, markdown: str | None, peer: str | None) -> int:
    """Print each table when it is measured; write the files after each benchmark, so that none is lost."""
    os.environ.update({name: value for name, value in ONE_THREAD.items() if name not in os.environ})
    one_core()
    settings = Settings(quick=quick, peer=Peer(peer) if peer else None)
    tables: dict[str, list[dict[str, Any]]] = {}
    document = {"schema": 1, "versions": versions(), "quick": quick, "load": load(), "benchmarks": tables}
    try:
        for name in names:
            for table in measure(name, settings):
                table = replace(table, asked={}) if quick else table      # smaller sizes are not what was asked for
                print(table, flush=True)
                tables.setdefault(name, []).append(table.as_json())
            if json_file:
                Path(json_file).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
            if markdown:
                from benchmarks import results
                results.write(document, Path(markdown))
    finally:
        if settings.peer:
            settings.peer.close()
    return 0


def load() -> float | None:
    """The mean number of processes that wanted a core in the last minute, this one's predecessors among them."""
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None


def one_core() -> str:
    """Keep this process and those it starts on one core, and say which: XLA of today takes as many threads as there are cores, whatever its flags say."""
    if not hasattr(os, "sched_setaffinity"):
        return "on all cores (this system pins no process)"
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return f"on core {core} alone"


def measure(name: str, settings: Settings) -> Iterator[Table]:
    """The tables of benchmarks/<name>.py."""
    yield from import_module(f"benchmarks.{name.replace('-', '_')}").tables(settings)


def versions() -> dict[str, str | None]:
    """What was measured, and on what."""
    def of(distribution: str) -> str | None:
        try:
            return version(distribution)
        except PackageNotFoundError:
            return None

    packages = ("refimpl", "numpy", "scipy", "numba", "llvmlite", "torch", "jax")
    return {"python": platform.python_version(), "machine": platform.machine(), "processor": processor(),
            **{package: of(package) for package in packages}}


def processor() -> str:
    """Its name, where the system tells one."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())


if __name__ == "__main__":
    serve(sys.argv[1])
