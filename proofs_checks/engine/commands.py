"""What each command does once its arguments are read."""

from __future__ import annotations

import argparse
import io
import os
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

import refimpl
from proofs_checks.engine import report
from proofs_checks.engine.claims import Claim, RegistryError
from proofs_checks.engine.lint import lint
from proofs_checks.engine.run import Result, audit_one
from proofs_checks.engine.select import SelectionError, all_papers, check_needs, find, select

MUTATED = ("proved", "exact", "certified", "numeric")
OK, FAILED, USAGE, UNDECIDED, BROKEN, INTERRUPTED = 0, 1, 2, 3, 4, 130


def dispatch(args: argparse.Namespace) -> int:
    """Run the command of ``args``."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")      # a statement may hold what a terminal cannot show
    if getattr(args, "fresh", False):
        args.seed = secrets.randbits(32)
        print(f"seed {args.seed}", file=sys.stderr)
    try:
        return {"run": _run, "list": _list, "show": _show, "lint": _lint, "stress": _stress, "graph": _graph}[args.command](args)
    except (SelectionError, RegistryError) as error:
        print(f"proofs_checks: {error}", file=sys.stderr)
        return USAGE


# ---- run

def _run(args: argparse.Namespace) -> int:
    claims = select(args.names)
    check_needs(claims, [claim for paper in all_papers(args.names) for claim in paper])
    if problem := _unwritable(args) or _missing_twins(args):
        print(f"proofs_checks: {problem[1]}", file=sys.stderr)
        return problem[0]
    chosen = [claim for claim in claims if args.profile == "full" or claim.profile == "quick"]
    left_out = [claim for claim in claims if claim not in chosen]
    if (spent := sum(claim.false_alarm for claim in chosen)) > report.FALSE_ALARM_BUDGET:
        print(f"proofs_checks: the chosen entries spend a false-alarm probability of {spent:g} together, more than {report.FALSE_ALARM_BUDGET:g}; "
              f"lower false_alarm= of one", file=sys.stderr)
        return FAILED
    results: list[Result] = []
    interrupted = False
    begun = time.perf_counter()
    screen = report.Screen(len(chosen), out=sys.stdout, err=sys.stderr)
    try:
        for result in _results(chosen, args, screen):
            screen.row(result)
            results.append(result)
    except KeyboardInterrupt:
        interrupted = True
    screen.summary(results, left_out, time.perf_counter() - begun, interrupted=interrupted)
    report.write(args, results, left_out, interrupted=interrupted)
    if interrupted:
        print("\ninterrupted", file=sys.stderr)
        return INTERRUPTED
    return exit_code(results)


def _unwritable(args: argparse.Namespace) -> tuple[int, str] | None:
    """Why a report could not be written at the end, asked before the run."""
    for path in filter(None, (args.json, args.html, args.junit, args.markdown)):
        file = Path(path).resolve()
        if not file.parent.is_dir():
            return USAGE, f"the folder of {path} does not exist"
        if file.is_dir() or not os.access(file if file.exists() else file.parent, os.W_OK):
            return USAGE, f"{path} cannot be written; name a file in a folder that you may write to"
    return None


def _missing_twins(args: argparse.Namespace) -> tuple[int, str] | None:
    """Why the twins cannot be imported, where they are asked for."""
    if args.implementation == "kernels":
        try:
            with refimpl.implementation("kernels"):
                refimpl.hermite.hermite_sum([1.0], 0.0)
        except (ImportError, ValueError) as error:
            return BROKEN, f"--implementation kernels: {error}"
    return None


def _results(claims: Sequence[Claim], args: argparse.Namespace, screen: report.Screen) -> Iterator[Result]:
    """The results in the order of the claims, from this process or from workers."""
    jobs = [(tuple(args.names), claim.id, args.seed, args.profile, args.implementation, args.mutants) for claim in claims]
    if args.workers == 1:
        for claim, job in zip(claims, jobs, strict=True):
            screen.start(claim)
            yield _with(claim, _job(*job))
        return
    pool = ProcessPoolExecutor(min(args.workers, max(len(claims), 1)), mp_context=get_context("spawn"))
    try:
        for claim, fields in zip(claims, pool.map(_job, *zip(*jobs, strict=True)), strict=True):
            yield _with(claim, fields)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _job(names: tuple[str, ...], claim_id: str, seed: int, profile: str, implementation: str, mutants: bool) -> dict[str, Any]:
    """One claim, found again by its ID in whatever process this is; plain values travel back."""
    with refimpl.implementation(implementation), threadpool_limits(1):     # one level of parallelism: workers
        result = audit_one(find(claim_id, names), seed=seed, profile=profile)
    if mutants and result.as_expected and result.evidence in MUTATED and (result.evidence != "proved" or result.claim.proof):
        result = with_mutants(result, names, seed, profile)
    return {key: value for key, value in vars(result).items() if key != "claim"}


def with_mutants(result: Result, names: tuple[str, ...], seed: int, profile: str) -> Result:
    """The result with the figures of its automatic mutants, and the survivors in its note."""
    from proofs_checks.engine.mutate import MutationError, run_mutants

    try:
        outcome = run_mutants(result.claim.id, names, seed=seed, profile=profile)
    except MutationError as why:
        return replace(result, note=f"{result.note}; no mutants: {why}".removeprefix("; "))
    survivors = "".join(f"; survived: {survivor}" for survivor in outcome.survivors)
    return replace(result, mutants=outcome.figures, note=(result.note + survivors).removeprefix("; "))


def _with(claim: Claim, fields: dict[str, Any]) -> Result:
    return Result(claim, **fields)


def exit_code(results: Sequence[Result]) -> int:
    """1 where a verdict is not the expected one or a check cannot fail, else 3 where one is INCONCLUSIVE, else 0."""
    if any(not result.as_expected and result.verdict != "INCONCLUSIVE" for result in results):
        return FAILED
    return UNDECIDED if any(result.verdict == "INCONCLUSIVE" for result in results) else OK


# ---- the other commands

def _list(args: argparse.Namespace) -> int:
    for claim in select(args.names):
        print(f"{claim.id:<33} {claim.expected:<13} {' '.join(claim.covers):<23} {claim.statement}")
    return OK


def _show(args: argparse.Namespace) -> int:
    if problem := _missing_twins(args):
        print(f"proofs_checks: {problem[1]}", file=sys.stderr)
        return problem[0]
    results = [_with(claim, _job(tuple(args.names), claim.id, args.seed, "quick", args.implementation, args.mutants)) for claim in select(args.names)]
    print("\n\n".join(report.explain(result) for result in results))
    return exit_code(results)


def _lint(args: argparse.Namespace) -> int:
    for name in args.names:
        if not name.endswith(".py"):
            raise SelectionError(f"{name!r} is no file; lint takes FILE.py, and reads the package's own papers in any case")
    findings = lint(all_papers(args.names))
    for finding in findings:
        print(finding)
    print(f"{len(findings)} findings" if findings else "lint: nothing found")
    return FAILED if findings else OK


def _stress(args: argparse.Namespace) -> int:
    from proofs_checks.engine.stress import stress

    if args.mutate_source:
        return _mutate_source(args)
    claims = [claim for claim in select(args.names) if claim.false_alarm]
    if not claims:
        raise SelectionError("none of the chosen entries draws anything; python -m proofs_checks list shows those that are CONSISTENT")
    kept = True
    print(f"{'statement':<33} {'level':>8} {'runs':>6} {'alarms':>7} {'allowed':>8} {'missed':>7} {'undecided':>10}")
    for found in stress(claims, args.names, runs=args.runs, seed=args.seed, workers=args.workers):
        print(f"{found.claim.id:<33} {found.level:>8g} {found.runs:>6} {found.alarms:>7} {found.allowed:>8} {found.missed:>7} {found.undecided:>10}"
              + ("" if found.kept else "  NOT KEPT"), flush=True)
        kept &= found.kept
    return OK if kept else FAILED


def _mutate_source(args: argparse.Namespace) -> int:
    """Mutants of refimpl's source; 1 where less than 97 % of them are killed."""
    from proofs_checks.engine.mutate import mutate_source

    found = mutate_source(args.mutate_source, args.seed, tuple(args.names))
    outcome = found.outcome
    print(f"{outcome.killed} of {outcome.total} mutants killed by {found.entries} entries; {outcome.raised} raised, {outcome.exempt} exempt")
    for title, lines in (("survived", outcome.survivors), ("not reached", found.unreached), ("function not reached", found.untouched)):
        for line in lines:
            print(f"{title}: {line}")
    return OK if outcome.killed >= 0.97 * outcome.total else FAILED


def _graph(args: argparse.Namespace) -> int:
    from proofs_checks.engine.graph import graph_text

    print(graph_text(select(args.names)))
    return OK
