"""What each command does once its arguments are read."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import refimpl
from proofs_checks.engine import report
from proofs_checks.engine.claims import Claim, RegistryError
from proofs_checks.engine.lint import lint
from proofs_checks.engine.run import Result, audit_one
from proofs_checks.engine.select import SelectionError, all_papers, check_needs, select

OK, FAILED, USAGE, UNDECIDED, BROKEN = 0, 1, 2, 3, 4


def dispatch(args: argparse.Namespace) -> int:
    """Run the command of ``args``."""
    try:
        return {"run": _run, "list": _list, "show": _show, "lint": _lint}[args.command](args)
    except (SelectionError, RegistryError) as error:
        print(f"proofs_checks: {error}", file=sys.stderr)
        return USAGE


def _run(args: argparse.Namespace) -> int:
    claims = select(args.names)
    check_needs(claims, [claim for paper in all_papers(args.names) for claim in paper])
    for path in filter(None, (args.json, args.markdown)):
        if not Path(path).resolve().parent.is_dir():
            print(f"proofs_checks: the folder of {path} does not exist", file=sys.stderr)
            return USAGE
    if args.implementation == "kernels" and (why := _missing_twins()):
        print(f"proofs_checks: --implementation kernels: {why}", file=sys.stderr)
        return BROKEN
    seed = secrets.randbits(32) if args.fresh else args.seed
    if args.fresh:
        print(f"seed {seed}", file=sys.stderr)
    chosen = [claim for claim in claims if args.profile == "full" or claim.profile == "quick"]
    left_out = [claim for claim in claims if claim not in chosen]
    results = _audit(chosen, args, seed, left_out)
    if args.json:
        report.write_json(Path(args.json), report.document(
            results, seed=seed, implementation=args.implementation, profile=args.profile, left_out=left_out))
    if args.markdown:
        Path(args.markdown).write_text(report.markdown(results), encoding="utf-8")
    return exit_code(results)


def _missing_twins() -> str:
    """Why the twins cannot be imported; empty where they can."""
    try:
        with refimpl.implementation("kernels"):
            refimpl.hermite.hermite_sum([1.0], 0.0)
    except (ImportError, ValueError) as error:
        return str(error)
    return ""


def _audit(claims: Sequence[Claim], args: argparse.Namespace, seed: int, left_out: Sequence[Claim]) -> list[Result]:
    begun = time.perf_counter()
    screen = report.Screen(len(claims), out=sys.stdout, err=sys.stderr)
    results = []
    for result in _results(claims, args, seed, screen):
        screen.row(result)
        results.append(result)
    screen.summary(results, left_out, time.perf_counter() - begun)
    return results


def _results(claims: Sequence[Claim], args: argparse.Namespace, seed: int, screen: report.Screen) -> Iterator[Result]:
    """The results in the order of the claims, from this process or from workers."""
    jobs = [(tuple(args.names), claim.id, seed, args.profile, args.implementation) for claim in claims]
    if args.workers == 1:
        for claim, job in zip(claims, jobs, strict=True):
            screen.start(claim)
            yield _with(claim, _job(*job))
        return
    with ProcessPoolExecutor(min(args.workers, max(len(claims), 1)), mp_context=get_context("spawn")) as pool:
        for claim, fields in zip(claims, pool.map(_job, *zip(*jobs, strict=True)), strict=True):
            yield _with(claim, fields)


def _job(names: tuple[str, ...], claim_id: str, seed: int, profile: str, implementation: str) -> dict[str, object]:
    """One claim, found again by its ID in whatever process this is; plain values travel back."""
    claim = next(claim for paper in all_papers(names) for claim in paper if claim.id == claim_id)
    with refimpl.implementation(implementation):
        result = audit_one(claim, seed=seed, profile=profile)
    return {key: value for key, value in vars(result).items() if key != "claim"}


def _with(claim: Claim, fields: dict[str, object]) -> Result:
    return Result(claim, **fields)  # type: ignore[arg-type]


def exit_code(results: Sequence[Result]) -> int:
    """1 where a verdict is not the expected one or a check cannot fail, else 3 where one is INCONCLUSIVE, else 0."""
    if any(not result.as_expected and result.verdict != "INCONCLUSIVE" for result in results):
        return FAILED
    return UNDECIDED if any(result.verdict == "INCONCLUSIVE" for result in results) else OK


def _list(args: argparse.Namespace) -> int:
    for claim in select(args.names):
        print(f"{claim.id:<34}{claim.expected:<14}{' '.join(claim.covers):<24}{claim.statement}")
    return OK


def _show(args: argparse.Namespace) -> int:
    with refimpl.implementation("numpy"):
        results = [audit_one(claim) for claim in select(args.names)]
    print("\n\n".join(report.explain(result) for result in results))
    return exit_code(results)


def _lint(args: argparse.Namespace) -> int:
    findings = lint(all_papers(args.names))
    for finding in findings:
        print(finding)
    print(f"{len(findings)} findings" if findings else "lint: nothing found")
    return FAILED if findings else OK
