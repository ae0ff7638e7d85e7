"""The audit: every equation of the papers as a check that provably can fail.

``python -m proofs_checks`` runs it. A paper of your own is one file: a :class:`Paper`, its claims, and for each claim the
wrong variants that must be told apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from proofs_checks import instances
    from proofs_checks.engine.claims import Paper
    from proofs_checks.engine.evidence import AtMost, AtMostOn, Frequency, Instead, Proof, Sampled, Scaling, Sides, ulps
    from proofs_checks.engine.outside import as_tests

__all__ = ["Paper", "Sides", "AtMost", "AtMostOn", "Sampled", "Frequency", "Scaling", "Instead", "Proof", "ulps", "instances", "as_tests"]

_HOME = {"Paper": "claims", "as_tests": "outside"} | dict.fromkeys(
    ("Sides", "AtMost", "AtMostOn", "Sampled", "Frequency", "Scaling", "Instead", "Proof", "ulps"), "evidence")


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _HOME:
        return getattr(import_module(f"proofs_checks.engine.{_HOME[name]}"), name)
    if name == "instances":
        return import_module("proofs_checks.instances")
    raise AttributeError(f"proofs_checks has no {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return list(__all__)
