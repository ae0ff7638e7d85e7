"""Doors for a paper that lives outside this package: a one-line pytest bridge, and entry points."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

from proofs_checks.engine.claims import Claim, Paper, RegistryError

GROUP = "proofs_checks.papers"
OFF = "PROOFS_CHECKS_NO_PLUGINS"


def as_tests(paper: Paper, *, seed: int = 0, profile: str = "quick") -> Callable[..., None]:
    """One pytest test a claim of the paper: ``test_me26 = as_tests(ME26)``. A test fails where the verdict is not the expected one."""
    import pytest

    from proofs_checks.engine.report import explain
    from proofs_checks.engine.run import audit_one

    @pytest.mark.parametrize("claim", list(paper), ids=lambda claim: claim.id)
    def test_claim(claim: Claim) -> None:
        result = audit_one(claim, seed=seed, profile=profile)
        assert result.as_expected, explain(result)

    return test_claim


def plugins() -> list[Paper]:
    """The papers that installed packages declare under the entry point group ``proofs_checks.papers``; none where PROOFS_CHECKS_NO_PLUGINS is set."""
    if os.environ.get(OFF):
        return []
    return [_paper(point.name, point.value, point.load) for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)]


def _paper(name: str, value: str, load: Callable[[], Any]) -> Paper:
    try:
        found = load()
    except Exception as error:                         # somebody else's package; the audit says whose, and how to go on without
        raise RegistryError(f"the entry point {name} = {value} raised {type(error).__name__}: {error}; {OFF}=1 goes on without plugins") from error
    if not isinstance(found, Paper):
        raise RegistryError(f"the entry point {name} = {value} is of type {type(found).__name__}; it must name a Paper, or {OFF}=1 goes on without plugins")
    return found
