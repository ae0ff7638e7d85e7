"""Does the audit keep the error rates that it states? Its stochastic entries, again and again under fresh seeds.

At the real level no run may raise an alarm. At a level inflated to 1e-2 the alarms must stay within an exact binomial bound, so that a
method which is not calibrated is found instead of hiding behind a tiny level.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from proofs_checks.engine.claims import Claim
from proofs_checks.engine.run import audit_one
from proofs_checks.engine.select import find
from proofs_checks.engine.statistics import binomial_upper

INFLATED = 1e-2
CALIBRATION = 1e-6      # probability that a calibrated entry exceeds the bound on its alarms


@dataclass(frozen=True)
class Stressed:
    """What the runs of one claim at one level gave."""

    claim: Claim
    level: float
    runs: int
    alarms: int         # right formulas rejected
    undecided: int
    missed: int         # runs in which a wrong variant was not told apart
    allowed: int        # alarms within the binomial bound

    @property
    def kept(self) -> bool:
        """Whether the stated rates were kept."""
        return self.alarms <= self.allowed and self.missed == 0 and self.undecided == 0


def stress(claims: Sequence[Claim], names: Sequence[str], *, runs: int, seed: int, workers: int) -> Iterator[Stressed]:
    """Every stochastic claim at its own level and at the inflated one."""
    chosen = [claim for claim in claims if claim.false_alarm]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for claim in chosen:
            for level in (claim.false_alarm, INFLATED):
                jobs = [(tuple(names), claim.id, seed + i, level) for i in range(runs)]
                verdicts = list(pool.map(_job, *zip(*jobs, strict=True), chunksize=max(1, runs // (8 * workers))))
                alarms, undecided, missed = (sum(kind in found for found in verdicts) for kind in ("REFUTED", "INCONCLUSIVE", "VACUOUS"))
                allowed = 0 if level == claim.false_alarm else binomial_upper(runs, level, CALIBRATION)
                yield Stressed(claim, level, runs, alarms, undecided if level == claim.false_alarm else 0, missed, allowed)


def _job(names: tuple[str, ...], claim_id: str, seed: int, level: float) -> tuple[str, ...]:
    from threadpoolctl import threadpool_limits

    import refimpl

    with refimpl.implementation("numpy"), threadpool_limits(1):
        return (audit_one(find(claim_id, names), seed=seed, level=level).verdict,)
