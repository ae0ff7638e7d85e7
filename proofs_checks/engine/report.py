"""What a run leaves: rows on the screen as they come, JSON (canonical), Markdown for readers and reviewers."""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Any

from proofs_checks.engine.claims import Claim
from proofs_checks.engine.run import VERDICTS, Result

FALSE_ALARM_BUDGET = 1e-6
WIDE = 240          # columns of a file or a pipe; a terminal has its own, and a row that is longer ends in an ellipsis
_STYLE = {"HOLDS": "green", "AMENDED": "yellow", "CONSISTENT": "green", "OUT OF REACH": "dim", "REFUTED": "red", "VACUOUS": "red",
          "INCONCLUSIVE": "magenta"}


class Screen:
    """Rows on stdout as they come; progress on stderr, where that is a terminal."""

    def __init__(self, total: int, *, out: IO[str], err: IO[str]) -> None:
        from rich.console import Console

        self.out = Console(file=out, highlight=False, emoji=False, width=None if out.isatty() else WIDE)
        self.out.on_broken_pipe = _broken_pipe  # type: ignore[method-assign]
        self.err, self.total, self.done = err, total, 0
        self.out.print(f"{'verdict':<13}{'statement':<34}{'evidence':<11}{'caught':>7}{'mutants':>9}{'worst':>9}{'sec':>7}  what it says", style="bold")

    def start(self, claim: Claim) -> None:
        """Say on stderr what runs now."""
        if self.err.isatty():
            self.err.write(f"\r\x1b[K[{self.done + 1}/{self.total}] {claim.id}")
            self.err.flush()

    def row(self, result: Result) -> None:
        """One line a result, and a second one where something is to be said."""
        from rich.markup import escape

        self.done += 1
        if self.err.isatty():
            self.err.write("\r\x1b[K")
            self.err.flush()
        claim, variants = result.claim, result.variants + result.universal
        style = _STYLE[result.verdict] if result.as_expected else "bold red"
        self.out.print(
            f"[{style}]{result.verdict:<13}[/]{escape(claim.id):<33} {result.evidence:<11}"
            f"{f'{result.caught}/{len(variants)}':>7}{_killed(result):>9}{_figure(result.worst):>9}{result.seconds:>7.2f}  {escape(claim.statement)}",
            no_wrap=True, overflow="ellipsis")
        for line in _asides(result):
            self.out.print(f"{'':<13}{escape(line)}", style="dim" if result.as_expected else style)
        self.out.file.flush()

    def summary(self, results: Sequence[Result], left_out: Sequence[Claim], seconds: float, *, interrupted: bool = False) -> None:
        """The count of verdicts, and what was left out."""
        if interrupted:
            self.out.print(f"\ninterrupted after {len(results)} of {self.total} statements", style="bold red")
        counts = ", ".join(f"{count} {verdict}" for verdict, count in tally(results).items() if count)
        variants = sum(len(r.variants) + len(r.universal) for r in results)
        caught = sum(r.caught for r in results)
        killed, total = (sum(r.mutants[key] for r in results) for key in ("killed", "total"))
        mutants = f"; {killed} of {total} mutants killed" if total else ""
        spent = sum(r.false_alarm for r in results)
        alarms = f"; false alarms {spent:.1e} of {FALSE_ALARM_BUDGET:g}" if spent else ""
        self.out.print(f"\n{len(results)} statements: {counts}; {caught} of {variants} wrong variants told apart{mutants}{alarms}; {seconds:.1f} s", style="bold")
        unexpected = [r for r in results if not r.as_expected]
        for result in unexpected:
            self.out.print(f"not as expected: {result.claim.id} is {result.verdict}, its form says {result.claim.expected}", style="bold red")
        for claim in left_out:
            self.out.print(f"left out (needs --profile full): {claim.id}", style="dim")


def _killed(result: Result) -> str:
    killed, total = result.mutants["killed"], result.mutants["total"]
    return f"{killed}/{total}" if total else "-"


def _figure(worst: float) -> str:
    return "0" if worst == 0 else f"{worst:.0e}"


def _broken_pipe() -> None:
    raise BrokenPipeError


def _asides(result: Result) -> list[str]:
    lines = []
    if result.verdict == "AMENDED":
        lines.append(f"as printed it fails at {result.witness}: {result.claim.erratum}")
    elif result.verdict == "REFUTED":
        lines.append(f"fails at {result.witness}" + (f": {result.claim.erratum}" if result.claim.erratum else ""))
    if result.note and result.note != result.claim.erratum:
        lines.append(result.note)
    return lines


def tally(results: Sequence[Result]) -> dict[str, int]:
    """How many results have each verdict, every verdict named."""
    counts = Counter(result.verdict for result in results)
    return {verdict: counts[verdict] for verdict in VERDICTS}


# ---- JSON

def write(args: Any, results: Sequence[Result], left_out: Sequence[Claim], *, interrupted: bool) -> None:
    """The reports that were asked for, of a whole run or of what an interrupted one has."""
    run = document(results, seed=args.seed, implementation=args.implementation, profile=args.profile, left_out=left_out, interrupted=interrupted)
    if args.json:
        write_json(Path(args.json), run)
    if args.markdown:
        Path(args.markdown).write_text(markdown(results), encoding="utf-8")
    if args.junit:
        from proofs_checks.engine.junit import junit

        Path(args.junit).write_text(junit(run), encoding="utf-8")
    if args.html:
        from proofs_checks.engine.html import html, pictures

        Path(args.html).write_text(html(run, pictures(run)), encoding="utf-8")


def document(results: Sequence[Result], *, seed: int, implementation: str, profile: str, left_out: Sequence[Claim],
             interrupted: bool = False) -> dict[str, Any]:
    """The canonical form of a run."""
    papers = {result.claim.paper.key: result.claim.paper for result in results}
    return {
        "schema": 1,
        "versions": versions(),
        "seed": seed,
        "implementation": implementation,
        "profile": profile,
        "false_alarm_budget": FALSE_ALARM_BUDGET,
        "claims": [_entry(result) for result in results],
        "left_out": [claim.id for claim in left_out],
        "summary": tally(results),
        "interrupted": interrupted,
        "papers": {key: {"title": paper.title, "version": paper.version} for key, paper in papers.items()},
    }


def _entry(result: Result) -> dict[str, Any]:
    claim = result.claim
    return {
        "id": claim.id,
        "covers": list(claim.covers),
        "verdict": result.verdict,
        "expected": claim.expected,
        "evidence": result.evidence,
        "routes": list(result.routes),
        "variants": [{"name": v.name, "caught": v.caught} for v in result.variants + result.universal],
        "mutants": result.mutants,
        "false_alarm": result.false_alarm,
        "worst": min(result.worst, 1.7976931348623157e308),
        "instances": result.instances,
        "seconds": round(result.seconds, 4),
        "witness": result.witness,
        "discrepancy": result.discrepancy,
        "note": result.note,
        "statement": claim.statement,
        "where": claim.where,
        "printed": claim.printed,
        "printed_from": claim.printed_from,
        "erratum": claim.erratum,
        "needs": list(claim.needs),
        "aliases": list(claim.aliases),
        "proof": {"over": claim.proof.over, "because": claim.proof.because} if claim.proof else None,
    }


def versions() -> dict[str, str]:
    """Python, and the packages that a number can depend on; a package that is not installed is named as such."""
    found = {"python": platform.python_version()}
    for name in ("refimpl", "numpy", "scipy", "numba", "hypothesis", "python-flint", "mpmath"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def write_json(path: Path, run: dict[str, Any]) -> None:
    """The document as JSON, NaN and infinity excluded."""
    path.write_text(json.dumps(run, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


# ---- Markdown: the same bytes on any machine, Python, seed and implementation

def markdown(results: Sequence[Result]) -> str:
    """VERDICTS.md: per statement what is known of it, without a second, a seed, a version, a count of instances or a float."""
    lines = ["# Verdicts", "",
             "Generated by `python -m proofs_checks --profile full --markdown VERDICTS.md`; a page for readers and a diff for reviewers, never an input.",
             "Every entry also rejects the universal variants of each route: zero, sign, factor 2, transpose and shift by one, where they change its value.",
             ""]
    papers = {result.claim.paper.key: result.claim.paper for result in results}
    for key, paper in papers.items():
        lines += [f"## {key}: {paper.title}", "", paper.version, ""]
        for result in results:
            if result.claim.paper.key == key:
                lines += _paragraph(result)
    return "\n".join(lines).rstrip() + "\n"


def _paragraph(result: Result) -> list[str]:
    claim = result.claim
    facts = [
        f"- {claim.where}" + (f"; {', '.join(claim.covers)}" if claim.covers else "") + f"; {claim.printed_from}",
        f"- {result.evidence}: {' = '.join(f'`{route}`' for route in result.routes)}" if result.evidence != "none" else "- no evidence",
        f"- told apart: {'; '.join(v.name for v in result.variants if v.caught)}",
    ]
    if any(not v.caught for v in result.variants):
        facts.append(f"- missed: {'; '.join(v.name for v in result.variants if not v.caught)}")
    if claim.proof and result.evidence == "proved":
        facts.append(f"- over {claim.proof.over}: {claim.proof.because}")
    if claim.erratum:
        facts += [f"- printed: `{claim.printed}`"] if claim.printed else []
        facts.append(f"- erratum: {claim.erratum}; smallest witness: {result.witness}")
    elif result.witness:
        facts.append(f"- smallest witness: {result.witness}")
    if claim.out_of_reach:
        facts.append(f"- why: {claim.out_of_reach}")
    if claim.aliases:
        facts.append(f"- also known as {', '.join(claim.aliases)}")
    if claim.needs:
        facts.append(f"- stands on {', '.join(claim.needs)}")
    return [f"### {result.verdict} {claim.id}", "", claim.statement, "", *facts, ""]


# ---- one statement in full

def explain(result: Result) -> str:
    """What ``show ID`` prints."""
    claim = result.claim
    rows = [
        ("statement", claim.statement), ("where", claim.where), ("source", claim.printed_from), ("printed", claim.printed or ""),
        ("labels", ", ".join(claim.covers)), ("also", ", ".join(claim.aliases)), ("needs", ", ".join(claim.needs)),
        ("verdict", result.verdict + ("" if result.as_expected else f" (its form says {claim.expected})")), ("erratum", claim.erratum or ""),
        ("evidence", f"{result.evidence}, {result.instances} instances, worst {_figure(result.worst)}, {result.seconds:.2f} s"),
        ("errors", f"false and missed alarms at most {result.false_alarm:g} each; sees a discrepancy of {result.discrepancy:.2g}" if result.false_alarm else ""),
        ("mutants", ", ".join(f"{count} {what}" for what, count in result.mutants.items() if count)),
        ("routes", " = ".join(result.routes)), ("witness", result.witness), ("note", result.note if result.note != claim.erratum else ""),
        *(("caught" if v.caught else "MISSED", v.name) for v in result.variants + result.universal),
    ]
    return "\n".join([claim.id, *(f"  {name:<10}{text}" for name, text in rows if text)])
