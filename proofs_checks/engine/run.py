"""The runner: instances exist, the routes agree, every wrong variant is told apart, and only then a verdict."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from proofs_checks.engine import instances
from proofs_checks.engine.boxes import holds_on
from proofs_checks.engine.claims import Claim, Variant
from proofs_checks.engine.compare import Comparison, compare
from proofs_checks.engine.evidence import (
    AtMost,
    AtMostOn,
    Evidence,
    EvidenceError,
    Frequency,
    Instead,
    Proof,
    Sampled,
    Scaling,
    Sides,
)
from proofs_checks.engine.stochastic import Compare, stochastic
from proofs_checks.engine.universal import universal

VERDICTS = ("HOLDS", "AMENDED", "REFUTED", "CONSISTENT", "INCONCLUSIVE", "VACUOUS", "OUT OF REACH")
INSTANCES = {"quick": 40, "full": 200}


@dataclass(frozen=True)
class Caught:
    """A wrong variant, and whether it was told apart on some instance."""

    name: str
    caught: bool


@dataclass(frozen=True)
class Result:
    """What one run found about one claim; ``mutants`` and ``false_alarm`` belong to the automatic mutants and statistical evidence."""

    claim: Claim
    verdict: str
    evidence: str = "none"
    routes: tuple[str, ...] = ()
    variants: tuple[Caught, ...] = ()
    universal: tuple[Caught, ...] = ()
    worst: float = 0.0
    instances: int = 0
    seconds: float = 0.0
    witness: str = ""
    note: str = ""
    false_alarm: float = 0.0
    discrepancy: float = 0.0
    mutants: dict[str, int] = field(default_factory=lambda: {"killed": 0, "total": 0, "raised": 0, "exempt": 0})

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the one that the form of the claim announces."""
        return self.verdict == self.claim.expected

    @property
    def caught(self) -> int:
        """How many wrong variants were told apart."""
        return sum(v.caught for v in self.variants + self.universal)


class Vacuous(Exception):
    """Nothing was tested, or a variant could not be run; the message is the note of the verdict."""


class Tried(NamedTuple):
    """An instance, what the claim's body returned there, and how a variant of it compares."""

    at: Any
    evidence: Evidence
    against: Compare


def audit(claims: Iterable[Claim], *, seed: int = 0, profile: str = "quick") -> Iterator[Result]:
    """The results, one claim after the other, each as soon as it is known."""
    for claim in claims:
        yield audit_one(claim, seed=seed, profile=profile)


def audit_one(claim: Claim, *, seed: int = 0, profile: str = "quick", level: float | None = None) -> Result:
    """The result of one claim; its instances and samples depend on the seed and the claim's ID alone.

    ``level`` replaces the false-alarm probability that the claim declares: ``stress`` inflates it to see whether it is kept.
    """
    start = time.perf_counter()
    try:
        with precision():
            return _judge(claim, seed, profile, claim.false_alarm if level is None else level, start)
    except (Vacuous, EvidenceError) as why:
        note = str(why)
    except Exception as error:                         # a strategy, a tolerance or a box of somebody's own file may raise anything
        note = f"it raised {type(error).__name__}: {error}"
    return Result(claim, "VACUOUS", note=note, seconds=time.perf_counter() - start)


PRECISION = 160         # bits of a ball while an entry runs


@contextmanager
def precision() -> Iterator[None]:
    """flint's working precision is global, so the runner sets and restores it."""
    import flint

    before = flint.ctx.prec
    flint.ctx.prec = PRECISION
    try:
        yield
    finally:
        flint.ctx.prec = before


def _judge(claim: Claim, seed: int, profile: str, level: float, start: float) -> Result:
    from refimpl.rng import stream

    # 1. instances exist
    drawn = _instances(claim, INSTANCES[profile], stream(seed, claim.id))
    if claim.out_of_reach and claim.body(drawn[0]) is None:
        return Result(claim, "OUT OF REACH", note=claim.out_of_reach, seconds=time.perf_counter() - start)

    # 2. the routes agree
    rng = stream(seed, f"{claim.id}/samples")
    tried, compared = zip(*(_try(claim, at, level / len(drawn), rng) for at in drawn), strict=True)
    broken = [case.at for case, comparison in zip(tried, compared, strict=True) if comparison.agree is False]

    # 3. every wrong variant is told apart, and so are the universal ones
    variants, printed_witness = _variants(claim, tried) if not broken else ((), "")
    everywhere = _universal(tried) if not broken else ()

    # 4. only then a verdict
    verdict, note = _verdict(claim, compared, broken, variants, everywhere)
    kind = _kind(claim, compared, drawn) if not broken else _weakest(compared)
    spends = kind in ("statistical", "scaling")
    return Result(
        claim, verdict, evidence=kind, routes=tuple(tried[0].evidence.routes), variants=variants,
        universal=everywhere, worst=_worst(compared, bool(broken)), instances=len(drawn), seconds=time.perf_counter() - start,
        witness=_witness(broken) if broken else printed_witness, note=note,
        false_alarm=level if spends else 0.0, discrepancy=max(c.discrepancy for c in compared))


def _instances(claim: Claim, count: int, rng: np.random.Generator) -> list[Any]:
    try:
        drawn = instances.draw(claim.given, count, rng)
    except EvidenceError:
        raise
    except Exception as error:
        raise Vacuous(f"its strategy raised {type(error).__name__}: {error}") from error
    if not drawn:
        raise Vacuous("its strategy yields no instance, so nothing was tested")
    return drawn


def _try(claim: Claim, at: Any, level: float, rng: np.random.Generator) -> tuple[Tried, Comparison]:
    """The entry at one instance, and how its own routes compare there."""
    evidence = _evidence(claim, at)
    try:
        against = _against(claim, at, evidence, level, rng)
        return Tried(at, evidence, against), against(evidence)
    except EvidenceError:
        raise
    except Exception as error:
        raise Vacuous(f"its evidence raised {type(error).__name__} at {at!r}: {error}") from error


def _against(claim: Claim, at: Any, evidence: Evidence, level: float, rng: np.random.Generator) -> Compare:
    """How this evidence, or a variant of it, compares; what is sampled is sampled once."""
    if isinstance(evidence, Sampled | Frequency | Scaling):
        if level <= 0:
            raise EvidenceError("its evidence is drawn, so the claim must say what it spends: claim(..., false_alarm=1e-8)")
        return stochastic(evidence, level, rng)
    budget = claim.tol.at(at) if claim.tol else None

    def against(other: Evidence) -> Comparison:
        if isinstance(other, AtMostOn):
            agree = holds_on(other.box, other.routes["value"], other.routes["bound"])
            return Comparison(agree, 0.0, "proved", note="" if agree is not None else "the two sides come too close for balls to decide")
        if not isinstance(other, Sides | AtMost):
            raise EvidenceError(f"it returned {type(other).__name__} where the entry has Sides or AtMost")
        return compare(other, budget)

    return against


def _kind(claim: Claim, compared: Sequence[Comparison], drawn: Sequence[Any]) -> str:
    """The weakest of the kinds; exact agreement on enough points of a polynomial identity is a proof."""
    kind = _weakest(compared)
    if claim.proof is None:
        return kind
    if kind != "exact":
        raise Vacuous(f"its proof wants exact routes, and they are {kind}")
    _enough_points(claim.proof, drawn)
    return "proved"


def _enough_points(proof: Proof, drawn: Sequence[Any]) -> None:
    """Within each group of the other sizes, more distinct values of the parameter than the degree."""
    if proof.parameter not in drawn[0].sizes:
        raise Vacuous(f"its proof varies {proof.parameter!r}, which is no axis of its instances; they have {', '.join(drawn[0].sizes)}")
    groups: dict[tuple[Any, ...], set[Any]] = {}
    for at in drawn:
        groups.setdefault(_others(proof, at), set()).add(at.sizes[proof.parameter])
    for at in drawn:
        if (points := len(groups[_others(proof, at)])) <= proof.degree(at):
            raise Vacuous(f"its proof needs {proof.degree(at) + 1} values of {proof.parameter} at {at!r}, and has {points}")


def _others(proof: Proof, at: Any) -> tuple[Any, ...]:
    return tuple((name, size) for name, size in at.sizes.items() if name != proof.parameter)


def _weakest(compared: Sequence[Comparison]) -> str:
    kinds = {comparison.kind for comparison in compared}
    return next(kind for kind in ("scaling", "statistical", "numeric", "certified", "exact", "proved") if kind in kinds)


def _verdict(claim: Claim, compared: Sequence[Comparison], broken: list[Any], variants: tuple[Caught, ...],
             everywhere: tuple[Caught, ...]) -> tuple[str, str]:
    if broken:
        core = f"its finite core fails at {_witness(broken)}" if claim.out_of_reach else ""
        said = next((comparison.note for comparison in compared if comparison.agree is False and comparison.note), "")
        return "REFUTED", claim.erratum or core or said or "the routes disagree"
    if undecided := next((comparison for comparison in compared if comparison.agree is None), None):
        return "INCONCLUSIVE", undecided.note
    missed = [v.name for v in variants + everywhere if not v.caught]
    if missed:
        return "VACUOUS", f"not told apart: {', '.join(missed)}"
    if not variants:
        return "VACUOUS", "it has no wrong variant, so nothing shows that it can fail"
    if claim.out_of_reach:
        return "OUT OF REACH", claim.out_of_reach
    if claim.printed_variant:
        return "AMENDED", claim.erratum or ""
    return ("CONSISTENT" if compared[0].kind in ("statistical", "scaling") else "HOLDS"), ""


def _variants(claim: Claim, tried: Sequence[Tried]) -> tuple[tuple[Caught, ...], str]:
    """Which declared variants were told apart, and the smallest witness against the printed form."""
    caught = []
    witness = ""
    if claim.printed_variant:
        apart = [case.at for case in tried if _told_apart(claim.printed_variant, case)]
        caught.append(Caught(claim.printed_variant.name, bool(apart)))
        witness = _witness(apart)
    caught += [Caught(variant.name, any(_told_apart(variant, case) for case in tried)) for variant in claim.variants]
    return tuple(caught), witness


def _told_apart(variant: Variant, case: Tried) -> bool:
    try:
        returned = variant.body(case.at)
    except Exception as error:
        raise Vacuous(f"the variant {variant.name!r} raised {type(error).__name__} at {case.at!r}: {error}; a variant returns its wrong value") from error
    wrong = case.evidence.instead(returned.changed) if isinstance(returned, Instead) else returned
    if not isinstance(wrong, Evidence):
        raise Vacuous(f"the variant {variant.name!r} returned {type(wrong).__name__}; it must return Instead, or evidence of the entry's kind")
    try:
        comparison = case.against(wrong)
        if comparison.agree is False and comparison.note:
            raise EvidenceError(comparison.note)
        return comparison.agree is False
    except EvidenceError as error:
        raise Vacuous(f"the variant {variant.name!r} cannot be compared at {case.at!r}: {error}") from error


def _universal(tried: Sequence[Tried]) -> tuple[Caught, ...]:
    caught: dict[str, bool] = {}
    for case in tried:
        for name, wrong in universal(case.evidence):
            if not caught.get(name):
                caught[name] = case.against(wrong).agree is False
    return tuple(Caught(name, value) for name, value in caught.items())


def _evidence(claim: Claim, at: Any) -> Evidence:
    try:
        evidence = claim.body(at)
    except Exception as error:
        raise Vacuous(f"its body raised {type(error).__name__} at {at!r}: {error}") from error
    if not isinstance(evidence, Evidence):
        raise Vacuous(f"its body returned {type(evidence).__name__}; it must return Sides, AtMost, Sampled, Frequency or Scaling")
    return evidence


def _witness(at: list[Any]) -> str:
    return repr(min(at, key=instances.size_of)) if at else ""


def _worst(compared: Sequence[Comparison], broken: bool) -> float:
    """The largest relative difference; of the instances that disagree, where some do."""
    return max(c.worst for c in compared if not (broken and c.agree is not False))
