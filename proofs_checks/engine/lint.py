"""What can be said about the claims without running them."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Sequence
from importlib import import_module

from proofs_checks.engine import equation
from proofs_checks.engine.claims import Claim, Paper, RegistryError
from proofs_checks.engine.graph import cycle, needs_of
from proofs_checks.engine.mutate import stale_exemptions
from proofs_checks.engine.select import check_needs
from proofs_checks.papers import papers as own

LEAST_VARIANTS = 2


def lint(papers: Sequence[Paper]) -> list[str]:
    """The findings, one sentence each; none is a clean bill."""
    if missing := [str(error) for paper in papers for error in _iteration(paper)]:
        return missing
    known = [claim for paper in papers for claim in paper]
    return [
        *(finding for paper in papers for finding in _paper(paper)),
        *(finding for claim in known for finding in _claim(claim)),
        *_needs(known),
        *stale_exemptions(),
        *_public(papers),
        *_names(known),
        *filter(None, [cycle(needs_of((claim.id, claim.needs, claim.aliases) for claim in known))]),
    ]


def _iteration(paper: Paper) -> list[RegistryError]:
    """Why a paper cannot be read, if so."""
    try:
        list(paper)
    except RegistryError as error:
        return [error]
    return []


def _paper(paper: Paper) -> Iterator[str]:
    claims = list(paper)
    covered = {label for claim in claims for label in claim.covers}
    for label in paper.labels:
        if label not in covered:
            yield f"{paper.key} declares the label {label}, which no claim covers"
    for label in sorted(covered - set(paper.labels)) if paper.labels else ():
        yield f"{paper.key} has a claim that covers {label}, which is not among its labels"
    for module in _unnamed(paper):
        yield f"{paper.key} does not name the module {module} of its folder, so its claims would go missing in silence"


def _unnamed(paper: Paper) -> list[str]:
    """Modules in the folder of a paper that is a package of its own; the folder of several papers names none."""
    found = []
    for name in {module.rpartition(".")[0] for module in paper.modules} - {""}:
        package = import_module(name)
        if any(value is paper for value in vars(package).values()):
            found += [module.name for module in pkgutil.iter_modules(package.__path__, f"{name}.") if module.name not in paper.modules]
    return sorted(found)


def _claim(claim: Claim) -> Iterator[str]:
    if not claim.statement:
        yield f"{claim.id} has no docstring; its first line is the statement that reports show"
    if not claim.where:
        yield f"{claim.id} does not say where in the paper it stands"
    if len(claim.variants) < LEAST_VARIANTS and not claim.out_of_reach:
        yield f"{claim.id} has {len(claim.variants)} wrong variants; at least {LEAST_VARIANTS} show that it can fail"
    if claim.printed is not None and ("recalled" in claim.printed_from or "derived" in claim.printed_from or "not seen" in claim.printed_from):
        yield f"{claim.id} quotes a formula but says {claim.printed_from!r}; printed= is for a text that was seen"
    if claim.erratum and claim.printed is None:
        yield f"{claim.id} claims an erratum without quoting what is printed"


def _needs(known: Sequence[Claim]) -> Iterator[str]:
    for claim in known:
        try:
            check_needs([claim], known)
        except RegistryError as error:
            yield str(error)


def _public(papers: Sequence[Paper]) -> Iterator[str]:
    """Functions of the package that none of its own entries names, where its own papers are among those that are read."""
    if all(any(paper is other for other in papers) for paper in own()):
        equation.load_all()
        for name in equation.unnamed(claim.body for paper in own() for claim in paper):
            yield f"{name} is public, but no entry names it"


def _names(known: Sequence[Claim]) -> Iterator[str]:
    seen: dict[str, str] = {}
    for claim in known:
        for name in (claim.id, *claim.aliases):
            if name in seen:
                yield f"{name} names both {seen[name]} and {claim.id}"
            seen[name] = claim.id
