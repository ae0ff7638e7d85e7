"""The runner: instances exist, the routes agree, every wrong variant is told apart, and only then a verdict."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from proofs_checks.engine import instances
from proofs_checks.engine.claims import Claim, Variant
from proofs_checks.engine.compare import Comparison, compare, universal
from proofs_checks.engine.evidence import AtMost, Evidence, EvidenceError, Instead, Sides

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


def audit(claims: Iterable[Claim], *, seed: int = 0, profile: str = "quick") -> Iterator[Result]:
    """The results, one claim after the other, each as soon as it is known."""
    for claim in claims:
        yield audit_one(claim, seed=seed, profile=profile)


def audit_one(claim: Claim, *, seed: int = 0, profile: str = "quick") -> Result:
    """The result of one claim; its instances depend on the seed and the claim's ID alone."""
    start = time.perf_counter()
    try:
        return _judge(claim, seed, profile, start)
    except (Vacuous, EvidenceError) as why:
        return Result(claim, "OUT OF REACH" if claim.out_of_reach else "VACUOUS", note=str(why), seconds=time.perf_counter() - start)


def _judge(claim: Claim, seed: int, profile: str, start: float) -> Result:
    from refimpl.rng import stream

    # 1. instances exist
    drawn = instances.draw(claim.given, INSTANCES[profile], stream(seed, claim.id))
    if not drawn:
        raise Vacuous("its strategy yields no instance, so nothing was tested")

    # 2. the routes agree
    found = [(at, _evidence(claim, at)) for at in drawn]
    compared = [compare(evidence, _budget(claim, at)) for at, evidence in found]
    broken = [at for (at, _), comparison in zip(found, compared, strict=True) if not comparison.agree]

    # 3. every wrong variant is told apart, and so are the universal ones
    variants, printed_witness = _variants(claim, found)
    everywhere = _universal(claim, found) if not broken else ()

    # 4. only then a verdict
    verdict, note = _verdict(claim, broken, variants, everywhere)
    witness = _witness(broken) if broken else printed_witness
    exact = all(c.exact for c in compared)
    return Result(
        claim, verdict, evidence="exact" if exact else "numeric", routes=tuple(found[0][1].routes), variants=variants,
        universal=everywhere, worst=_worst(compared, bool(broken)), instances=len(drawn), seconds=time.perf_counter() - start,
        witness=witness, note=note)


def _verdict(claim: Claim, broken: list[Any], variants: tuple[Caught, ...], everywhere: tuple[Caught, ...]) -> tuple[str, str]:
    if claim.out_of_reach:
        if broken:
            return "REFUTED", f"its finite core fails at {_witness(broken)}"
        return "OUT OF REACH", claim.out_of_reach
    if broken:
        return "REFUTED", claim.erratum or "the routes disagree"
    missed = [v.name for v in variants + everywhere if not v.caught]
    if missed:
        return "VACUOUS", f"not told apart: {', '.join(missed)}"
    if not variants:
        return "VACUOUS", "it has no wrong variant, so nothing shows that it can fail"
    if claim.printed_variant:
        return "AMENDED", claim.erratum or ""
    return "HOLDS", ""


def _variants(claim: Claim, found: list[tuple[Any, Evidence]]) -> tuple[tuple[Caught, ...], str]:
    """Which declared variants were told apart, and the smallest witness against the printed form."""
    caught = []
    witness = ""
    for variant in ([claim.printed_variant] if claim.printed_variant else []) + claim.variants:
        apart = [at for at, evidence in found if not _compare_variant(claim, variant, at, evidence).agree] \
            if variant is claim.printed_variant else _first_apart(claim, variant, found)
        caught.append(Caught(variant.name, bool(apart)))
        if variant is claim.printed_variant:
            witness = _witness(apart)
    return tuple(caught), witness


def _first_apart(claim: Claim, variant: Variant, found: list[tuple[Any, Evidence]]) -> list[Any]:
    return next(([at] for at, evidence in found if not _compare_variant(claim, variant, at, evidence).agree), [])


def _compare_variant(claim: Claim, variant: Variant, at: Any, evidence: Evidence) -> Comparison:
    try:
        returned = variant.body(at)
    except Exception as error:
        raise Vacuous(f"the variant {variant.name!r} raised {type(error).__name__} at {at!r}: {error}; a variant returns its wrong value") from error
    wrong = evidence.instead(returned.changed) if isinstance(returned, Instead) else returned
    if not isinstance(wrong, Sides | AtMost):
        raise Vacuous(f"the variant {variant.name!r} returned {type(wrong).__name__}; it must return Instead, Sides or AtMost")
    try:
        return compare(wrong, _budget(claim, at))
    except EvidenceError as error:
        raise Vacuous(f"the variant {variant.name!r} cannot be compared at {at!r}: {error}") from error


def _universal(claim: Claim, found: list[tuple[Any, Evidence]]) -> tuple[Caught, ...]:
    caught: dict[str, bool] = {}
    for at, evidence in found:
        for name, wrong in universal(evidence):
            if not caught.get(name):
                caught[name] = not compare(wrong, _budget(claim, at)).agree
    return tuple(Caught(name, value) for name, value in caught.items())


def _evidence(claim: Claim, at: Any) -> Evidence:
    try:
        evidence = claim.body(at)
    except Exception as error:
        raise Vacuous(f"its body raised {type(error).__name__} at {at!r}: {error}") from error
    if not isinstance(evidence, Sides | AtMost):
        raise Vacuous(f"its body returned {type(evidence).__name__}; it must return Sides or AtMost")
    return evidence


def _budget(claim: Claim, at: Any) -> float | None:
    return claim.tol.at(at) if claim.tol else None


def _witness(at: list[Any]) -> str:
    return repr(min(at, key=instances.size_of)) if at else ""


def _worst(compared: list[Comparison], broken: bool) -> float:
    """The largest relative difference; of the instances that disagree, where some do."""
    return max(c.worst for c in compared if not (broken and c.agree))
