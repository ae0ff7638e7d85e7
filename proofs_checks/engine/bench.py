"""What happens in the child process of :mod:`mutate`: entries ready to run, what each node is reached by, and one mutant after the other."""

from __future__ import annotations

import ast
import builtins
import contextlib
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import CodeType, FrameType, FunctionType
from typing import Any

import numpy as np

import refimpl
from proofs_checks.engine import equation as eq
from proofs_checks.engine import instances
from proofs_checks.engine.claims import Claim
from proofs_checks.engine.compare import align, compare
from proofs_checks.engine.equation import PROBE, Definition, Equation, MutationError, audited, definition
from proofs_checks.engine.evidence import AtMost, Sides
from proofs_checks.engine.mutants import Change
from proofs_checks.engine.mutate import Job, Mutant, named
from proofs_checks.engine.run import INSTANCES, precision
from proofs_checks.engine.select import all_papers, select
from refimpl.rng import stream

POINTS, TRIALS = 64, 16    # of the many points of a proof and of the instances of any other claim, as many in quick; all for what survives these
GOLDEN = (5**0.5 - 1) / 2
MEMORY = 2 * 2**30         # bytes that a mutant may take beyond what the child has


def _some(n: int, most: int) -> list[int]:
    """As many of 0, ..., n - 1 as that, by multiples of the golden ratio: no axis of a grid is passed over."""
    return sorted(range(n), key=lambda i: i * GOLDEN % 1)[:most]


class Hung(BaseException):
    """The time limit of one run of a body; nothing that a body catches."""


def work(pipe: Any, job: Job, done: frozenset[int]) -> None:
    """Run the mutants of a job that are not done, and say so: plan, start and end of each, done."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)               # whoever waits for this process ends it
    with refimpl.implementation("numpy"), precision(), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for name in ("empty", "empty_like"):                   # what no mutant writes must not be what another one left there
            setattr(np, name, _filled(getattr(np, name)))
        try:
            bench = Bench.of(job)
            plan = bench.plan(job)
        except Exception as error:
            why = str(error) if isinstance(error, MutationError) else f"{type(error).__name__}: {error}"
            pipe.send(("failed", f"{job.claim or 'refimpl'}: {why}"))
            return
        pipe.send(("plan", {n: bench.mutants[n][0] for n in plan}, bench.rest()))
        _limit_memory()
        for number in plan:
            if number not in done:
                pipe.send(("start", number))
                pipe.send(("end", number, bench.outcome(number)))
        pipe.send(("done",))


def _filled(empty: Callable[..., Any]) -> Callable[..., Any]:
    def filled(*args: Any, **kwargs: Any) -> Any:
        array = empty(*args, **kwargs)
        if array.dtype.kind == "f":
            array.fill(np.nan)
        return array

    return filled


def _limit_memory() -> None:
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as statm:
            now = int(statm.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    except (ImportError, OSError, ValueError):                 # no such limit here; the time limit remains
        return


# ---- one entry on one instance

@dataclass(eq=False)
class Trial:
    """A claim at one instance, what it returned unmutated, and how often each node was reached."""

    claim: Claim
    at: Any
    kept: list[tuple[dict[str, Any], tuple[str, ...]]]
    base: Sides | AtMost | None = None
    hits: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def budget(self) -> float | None:
        """The relative tolerance of the claim here."""
        return self.claim.tol.at(self.at) if self.claim.tol else None

    def run(self) -> Sides | AtMost:
        """The evidence of the code as it is now; nothing that the instance kept from before is used."""
        for fields, names in self.kept:
            for name in names:
                fields.pop(name, None)
        evidence = self.claim.body(self.at)
        if not isinstance(evidence, Sides | AtMost):
            raise TypeError(f"the body returned {type(evidence).__name__}, whose mutants are not run")
        return evidence

    def judged(self) -> str:
        """``killed`` where the routes disagree; ``moved`` where they agree on another value than before."""
        evidence = self.run()
        if not compare(evidence, self.budget).agree:
            return "killed"
        return "unmoved" if all(self._stays(name, value) for name, value in evidence.routes.items()) else "moved"

    def _stays(self, route: str, value: Any) -> bool:
        assert self.base is not None
        before, scale = self.base.routes[route], self.base.scale
        if all(number.middle.dtype == object for number in align([before, value])):
            scale = None                                       # exact routes have none
        if isinstance(self.base, AtMost):
            return all(compare(AtMost(value=a, bound=b, scale=scale), self.budget).agree for a, b in ((before, value), (value, before)))
        return bool(compare(Sides(before=before, after=value, scale=scale), self.budget).agree)


def _kept(value: Any, seen: set[int]) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    """The cached properties of the objects that an instance holds."""
    if id(value) in seen or isinstance(value, str | int | float | np.ndarray):
        return
    seen.add(id(value))
    inside = list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, list | tuple) else []
    if hasattr(value, "__dict__") and not isinstance(value, type | FunctionType):
        inside += vars(value).values()
        if names := eq.cached_names(type(value)):
            yield vars(value), names
    for part in inside:
        yield from _kept(part, seen)


# ---- entries and the functions whose mutants they are to notice

class Bench:
    """Claims on their instances, the mutants of some functions, and for each node the trials that reach it, the best first."""

    def __init__(self, claims: Sequence[Claim], equation: Equation, seed: int, profile: str, floats: bool) -> None:
        self.equation = equation
        self.definitions = [found for function in equation.functions if (found := definition(function))]
        self.mutants: list[tuple[Mutant, Definition, Change, int]] = []
        self.anchors: list[tuple[Definition, dict[Any, int]]] = []
        self.products: set[int] = set()
        self.called: set[FunctionType] = set()
        self._number(floats)
        self.caches = eq.caches(claim.body for claim in claims)
        self.seconds = 0.0
        self.left: list[tuple[Claim, list[Any]]] = []          # instances that only a survivor meets
        self.trials = [trial for claim in claims for trial in self._ready(claim, self._first(claim, seed, profile))]
        self.tries = self._tries()

    @classmethod
    def of(cls, job: Job) -> Bench:
        """The bench of a job: one claim and its equation, or all claims and all functions."""
        if job.claim is not None:
            claim = next(claim for paper in all_papers(job.names) for claim in paper if claim.id == job.claim)
            bench = cls([claim], eq.equation(claim.body), job.seed, job.profile, floats=claim.tol is not None)
            if not bench.trials:
                raise MutationError("its routes disagree in the process of the mutants, or it raised there")
            return bench
        eq.load_all()
        return cls(select(job.names), Equation([], {f: [f] for f in audited().values()}, {}), job.seed, job.profile, floats=True)

    def _number(self, floats: bool) -> None:
        count = 0
        for found in self.definitions:
            anchors: dict[Any, int] = {}
            for mutant, change in named(found, floats):
                if change.anchor not in anchors:
                    anchors[change.anchor], count = count, count + 1
                    if isinstance(change.anchor, ast.BinOp) and isinstance(change.anchor.op, ast.MatMult):
                        self.products.add(anchors[change.anchor])
                self.mutants.append((mutant, found, change, anchors[change.anchor]))
            self.anchors.append((found, anchors))

    def _tries(self) -> dict[int, list[Trial]]:
        tries: dict[int, list[Trial]] = {}
        for trial in self._in_order():
            for anchor in trial.hits:
                tries.setdefault(anchor, []).append(trial)
        return tries

    def _first(self, claim: Claim, seed: int, profile: str) -> Sequence[Any]:
        """The instances of a claim, in quick so many that most mutants are noticed; a verdict needs them all."""
        drawn = instances.draw(claim.given, INSTANCES[profile], stream(seed, claim.id))
        if profile != "quick":
            return drawn
        first = {*_some(len(drawn), POINTS if claim.proof else TRIALS)}
        if not claim.proof:
            self.left.append((claim, [at for i, at in enumerate(drawn) if i not in first]))
        return [drawn[i] for i in sorted(first)]

    def _ready(self, claim: Claim, drawn: Sequence[Any]) -> list[Trial]:
        """The trials of a claim; none where it does not hold, for then there is nothing to notice."""
        trials = [Trial(claim, at, list(_kept(at, set()))) for at in drawn]
        module = vars(sys.modules[claim.body.__module__])
        shared = [(vars(value), names) for value in module.values() if hasattr(value, "__dict__") and (names := eq.cached_names(type(value)))]
        with self._probed() as hits:
            for trial in trials:
                trial.kept += shared
                for wrapper, _ in self.caches:
                    wrapper.cache_clear()
                hits.clear()
                started = time.process_time()
                try:
                    trial.base = trial.run()
                    if not compare(trial.base, trial.budget).agree:
                        return []
                except Exception:
                    return []
                trial.hits, trial.seconds = dict(hits), time.process_time() - started
                self.seconds += trial.seconds
        return trials

    @contextlib.contextmanager
    def _probed(self) -> Iterator[Counter[int]]:
        """All functions count which nodes are evaluated."""
        hits: Counter[int] = Counter()

        def reached(number: int, value: Any) -> Any:
            if number < 0:
                self._call(self.definitions[number].function, sys._getframe(2), own)
            elif number not in self.products or np.ndim(value):        # the product of two vectors has no order
                hits[number] += 1
            return value

        setattr(builtins, PROBE, reached)
        try:
            for i, (found, anchors) in enumerate(self.anchors):
                found.function.__code__ = found.probed(anchors, i - len(self.anchors))
            own = {code for function in self.equation.own for code in (function.__code__, *eq.codes_of(function.__code__))}
            yield hits
        finally:
            for found in self.definitions:
                found.function.__code__ = found.original
            delattr(builtins, PROBE)

    def _call(self, function: FunctionType, frame: FrameType | None, own: set[CodeType]) -> None:
        """Note a guessed function that the entry calls itself, not through another function of refimpl."""
        if function not in self.equation.guessed or function in self.called:
            return
        while frame and frame.f_code not in own:
            module = str(frame.f_globals.get("__name__"))
            if module.partition(".")[0] == eq.AUDITED and module not in eq.APART:
                return
            frame = frame.f_back
        if frame:
            self.called.add(function)

    def _in_order(self) -> list[Trial]:
        """Of each claim first what reaches most nodes in fewest steps; of several claims three trials each in turn, the quickest claim first."""
        by_claim: dict[str, list[Trial]] = {}
        for trial in self.trials:
            by_claim.setdefault(trial.claim.id, []).append(trial)
        quickest = sorted(by_claim.values(), key=lambda trials: sum(trial.seconds for trial in trials))
        ranked = [(rank // 3, trial) for trials in quickest
                  for rank, trial in enumerate(sorted(trials, key=lambda trial: (-len(trial.hits), sum(trial.hits.values()))))]
        return [trial for _, trial in sorted(ranked, key=lambda pair: pair[0])]

    def plan(self, job: Job) -> list[int]:
        """The numbers of the mutants that run: reached, of other bytecode, and at most so many."""
        closures = [*self.equation.named.values(), *(self.equation.guessed[f] for f in self.called)]
        meant = {*self.equation.own, *(function for closure in closures for function in closure)}
        numbers = [n for n, (_, found, _, anchor) in enumerate(self.mutants) if anchor in self.tries and found.function in meant]
        if job.most is not None and len(numbers) > job.most:
            numbers = [numbers[i] for i in stream(job.seed, f"{job.claim or 'refimpl'}/mutants").permutation(len(numbers))]
        found: list[int] = []
        for number in numbers:
            if len(found) == job.most:
                break
            _, place, change, _ = self.mutants[number]
            if place.mutated(change):
                found.append(number)
        return sorted(found)

    def rest(self) -> dict[str, Any]:
        """What else the parent is told: seconds of one pass, entries at work, and what no entry reaches."""
        untouched = [found for found, anchors in self.anchors if anchors and not any(n in self.tries for n in anchors.values())]
        missed = [f"{found.file}:{anchor.lineno} in {found.function.__qualname__}: {ast.unparse(anchor)}"
                  for found, anchors in self.anchors if found not in untouched for anchor, n in anchors.items() if n not in self.tries and n not in self.products]
        return {"seconds": self.seconds, "entries": len({trial.claim.id for trial in self.trials}), "unreached": tuple(dict.fromkeys(missed)),
                "untouched": tuple(f"{found.file}: {found.function.__qualname__}" for found in untouched)}

    # ---- one mutant

    def outcome(self, number: int) -> str:
        """``killed``, ``raised``, ``timed out``, ``moved`` (both routes alike) or ``unmoved``."""
        _, place, change, anchor = self.mutants[number]
        code = place.mutated(change)
        assert code is not None
        caches = [wrapper for wrapper, names in self.caches if place.function.__name__ in names]
        try:
            place.function.__code__ = code
            what = self._tried(anchor, caches)
        finally:
            place.function.__code__ = place.original
            for wrapper in caches:
                wrapper.cache_clear()
        if what not in ("moved", "unmoved") or not self.left:
            return what
        self.trials += [trial for claim, drawn in self.left for trial in self._ready(claim, drawn)]
        self.left, self.tries = [], self._tries()
        return self.outcome(number)

    def _tried(self, anchor: int, caches: Sequence[Any]) -> str:
        found: dict[str, str] = {}
        for trial in self.tries[anchor]:
            here = found.get(trial.claim.id, "unmoved")
            if here in ("raised", "timed out"):
                continue
            for wrapper in caches:
                wrapper.cache_clear()
            result = self._once(trial)
            if result == "killed":
                return result
            found[trial.claim.id] = "moved" if (result, here) == ("unmoved", "moved") else result
        return next(what for what in ("raised", "timed out", "moved", "unmoved") if what in found.values())

    def _once(self, trial: Trial) -> str:
        try:
            with _seconds(1 + 20 * trial.seconds):
                return trial.judged()
        except Hung:
            return "timed out"
        except (Exception, SystemExit):
            return "raised"


@contextlib.contextmanager
def _seconds(limit: float) -> Iterator[None]:
    """Hung after so many seconds of this process's own time, whatever else the machine does."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def stop(*_: Any) -> None:
        raise Hung

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, limit, 1.0)          # again, where the first is lost in a callback
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
