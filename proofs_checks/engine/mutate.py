"""Would an entry notice? Every mutant of its equation is put in place, the entry runs, and its routes are compared.

Mutants run one after the other in a child process under ``numpy``: the code of the definition is exchanged, so that every importer sees
it, and put back. The instances are those of the audit, built once by the code as it is: what a mutant changes is the equation, not its
instances. Values that an instance or a function keeps for later (cached properties, functools.cache) are dropped before each mutant.

A mutant is *killed* where the routes disagree beyond the tolerance, *raised* where the entry raises (or takes the process with it), and
has *survived* otherwise, also where it runs into its time limit. Nodes that no instance reaches and changes of no bytecode make no
mutants. ``equivalent_mutants.txt`` exempts survivors by the text of their line, each with a reason.
"""

from __future__ import annotations

import importlib
import multiprocessing
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from proofs_checks.engine.claims import Claim
from proofs_checks.engine.equation import AUDITED, ROOT, Definition, MutationError, definition, equation, functions_of, plain
from proofs_checks.engine.mutants import Change, changes
from proofs_checks.engine.select import all_papers

QUICK = 10                 # mutants of an entry in the quick profile
START = 600.0              # seconds until a child is ready
PATIENCE = 30.0            # seconds for one mutant, besides those of its passes
EXEMPTIONS = Path(__file__).resolve().parents[1] / "equivalent_mutants.txt"


@dataclass(frozen=True)
class Mutant:
    """A change of one node, by its place and by what a reader sees before and after it."""

    file: str
    line: int
    text: str
    description: str
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function}: {self.description}"


@dataclass(frozen=True)
class Outcome:
    """``total`` is killed and survived; raised and exempt ones are on neither side."""

    killed: int = 0
    total: int = 0
    raised: int = 0
    exempt: int = 0
    survivors: tuple[str, ...] = ()

    @property
    def figures(self) -> dict[str, int]:
        """The counts as a report keeps them."""
        return {"killed": self.killed, "total": self.total, "raised": self.raised, "exempt": self.exempt}


@dataclass(frozen=True)
class SourceReport:
    """What became of a sample of the mutants of all functions, each run against the entries that reach it."""

    outcome: Outcome
    entries: int
    unreached: tuple[str, ...]      # nodes that no entry reaches, in functions that some entry reaches
    untouched: tuple[str, ...]      # functions that no entry reaches


def mutants_of(claim: Claim) -> list[Mutant]:
    """The mutants that the equation of a claim allows, reached or not."""
    found = [definition(function) for function in equation(claim.body).functions]
    return [mutant for each in found if each for mutant, change in named(each, bool(claim.tol)) if each.mutated(change)]


def run_mutants(claim_id: str, names: Sequence[str] = (), *, seed: int = 0, profile: str = "quick", limit: int | None = None) -> Outcome:
    """The outcome for one entry; at most ``limit`` mutants from a stream of their own, 10 in ``quick``, all in ``full``."""
    most = limit if limit is not None else QUICK if profile == "quick" else None
    return _outcome(*_supervised(Job((*names,), claim_id, seed, profile, most))[:2], claim_id)


def mutate_source(count: int, seed: int = 0, names: Sequence[str] = (), *, profile: str = "quick") -> SourceReport:
    """The same for ``count`` mutants of all functions of refimpl, killed where any entry notices."""
    plan, outcomes, rest = _supervised(Job((*names,), None, seed, profile, count))
    return SourceReport(_outcome(plan, outcomes, ""), rest["entries"], rest["unreached"], rest["untouched"])


def named(found: Definition, floats: bool) -> list[tuple[Mutant, Change]]:
    """The changes of a definition with their names; the second of one name on one line is called #2."""
    seen: Counter[tuple[int, str]] = Counter()
    result = []
    for change in changes(found.tree, floats=floats):
        line, description = change.anchor.lineno, change.description
        seen[line, description] += 1
        again = f" #{seen[line, description]}" if seen[line, description] > 1 else ""
        text = found.lines[line - 1].strip()
        result.append((Mutant(found.file, line, text, description + again, found.function.__qualname__), change))
    return result


# ---- what became of them

def _outcome(plan: dict[int, Mutant], outcomes: dict[int, str], entry: str) -> Outcome:
    exempt = {(e.file, e.text, e.description) for e in exemptions() if e.entry in ("", entry)}
    survived = {number: what for number, what in outcomes.items() if what not in ("killed", "raised")}
    excused = [n for n in survived if (plan[n].file, plan[n].text, plan[n].description) in exempt]
    counts = Counter(outcomes.values())
    return Outcome(
        killed=counts["killed"], total=counts["killed"] + len(survived) - len(excused), raised=counts["raised"], exempt=len(excused),
        survivors=tuple(f"{plan[n]} ({survived[n]})" for n in sorted(survived) if n not in excused))


# ---- equivalent ones

@dataclass(frozen=True)
class Exemption:
    """A mutant that changes no value, in one entry or (where none is named) in all, and why."""

    entry: str
    file: str
    text: str
    description: str
    reason: str


@cache
def exemptions() -> tuple[Exemption, ...]:
    """The lines of equivalent_mutants.txt: ``file :: text of the line :: before -> after :: reason``, or ``PAPER/entry in file :: ...``."""
    if not EXEMPTIONS.is_file():
        return ()
    lines = [line.strip() for line in EXEMPTIONS.read_text(encoding="utf-8").splitlines()]
    parts = [[part.strip() for part in line.split(" :: ")] for line in lines if line and not line.startswith("#")]
    for part in parts:
        if len(part) != 4 or not all(part):
            raise MutationError(f"{EXEMPTIONS.name} has the line {' :: '.join(part)!r}; write file :: text of the line :: before -> after :: reason")
    return tuple(Exemption(place.rpartition(" in ")[0], place.rpartition(" in ")[2], *rest) for place, *rest in parts)


def stale_exemptions() -> list[str]:
    """What is wrong with the exemptions: the line is gone, no mutant of it is called so, or there is no such entry."""
    entries = {claim.id for paper in all_papers() for claim in paper} if any(exemption.entry for exemption in exemptions()) else set()
    unknown = [f"{EXEMPTIONS.name} exempts a mutant in {e.entry}, which is no entry" for e in exemptions() if e.entry and e.entry not in entries]
    return unknown + [finding for exemption in exemptions() if (finding := _stale(exemption))]


def _stale(exemption: Exemption) -> str:
    path = ROOT / exemption.file
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    where = f"{EXEMPTIONS.name} exempts {exemption.description!r} in {exemption.file}"
    if exemption.text not in map(str.strip, lines):
        return f"{where}, but the line {exemption.text!r} is gone"
    module = importlib.import_module(exemption.file.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    bodies = [body for value in vars(module).values() if isinstance(value, Claim) and (body := plain(value.body))]
    known = {(m.text, m.description) for f in (*functions_of(module), *bodies) if (found := definition(f)) for m, _ in named(found, True)}
    return "" if (exemption.text, exemption.description) in known else f"{where}, but no mutant of its line is called so"


# ---- the child and who waits for it

@dataclass(frozen=True)
class Job:
    """What a child is told: one claim, or the source of refimpl where there is none; at most so many mutants."""

    names: tuple[str, ...]
    claim: str | None
    seed: int
    profile: str
    most: int | None


def _supervised(job: Job) -> tuple[dict[int, Mutant], dict[int, str], dict[str, Any]]:
    """The mutants that ran, what became of each, and the rest of the plan; a child that is lost costs the mutant it was at."""
    outcomes: dict[int, str] = {}
    while True:
        plan, rest, lost = _one_child(job, outcomes)
        if lost is None:
            return plan, outcomes, rest
        outcomes.update(lost)


def _one_child(job: Job, outcomes: dict[int, str]) -> tuple[dict[int, Mutant], dict[str, Any], dict[int, str] | None]:
    """One child until it is done, or until it is lost: then with the mutant that it was at."""
    context = _context()
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(theirs, job, frozenset(outcomes)), daemon=True)
    process.start()
    theirs.close()
    plan: dict[int, Mutant] = {}
    rest: dict[str, Any] = {}
    current = None
    try:
        while ours.poll(PATIENCE + 10 * rest["seconds"] if rest else START):
            message, *content = ours.recv()
            if message == "done":
                return plan, rest, None
            if message == "failed":
                raise MutationError(content[0])
            if message == "plan":
                plan, rest = content
            elif message == "start":
                current = content[0]
            else:
                outcomes[content[0]], current = content[1], None
        why = "timed out"
    except (EOFError, ConnectionError):
        why = "raised"
    finally:
        process.kill()
        process.join()
        process.close()
        ours.close()
    if current is None:
        raise MutationError(f"the process for the mutants of {job.claim or AUDITED} was lost between mutants ({why})")
    return plan, rest, {current: why}


@cache
def _context() -> Any:
    """Children are forked from a server that has loaded the papers and started no thread; where there is no such server, spawned."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    from proofs_checks.papers import papers

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["proofs_checks.engine.bench", *(module for paper in papers() for module in paper.modules), "proofs_checks.engine.warm"])
    return context


def _work(pipe: Any, job: Job, done: Iterable[int]) -> None:
    from proofs_checks.engine import bench

    bench.work(pipe, job, frozenset(done))


__all__ = ["Exemption", "Job", "Mutant", "MutationError", "Outcome", "SourceReport", "exemptions", "mutants_of", "mutate_source",
           "named", "run_mutants", "stale_exemptions"]
