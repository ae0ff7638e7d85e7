"""The papers that ``python -m proofs_checks`` audits, in the order in which they build on each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proofs_checks.engine.claims import Paper


def papers() -> tuple[Paper, ...]:
    """The papers of this package."""
    from proofs_checks.papers.dls22 import DLS22
    from proofs_checks.papers.hermite import HERMITE
    from proofs_checks.papers.kernel_limits import KERNELS

    return (HERMITE, DLS22, KERNELS)
