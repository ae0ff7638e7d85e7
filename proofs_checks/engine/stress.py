"""Does the audit keep the error rates that it states? Its stochastic entries, again and again under fresh seeds.

At the real level no run may raise an alarm. At a level inflated to 1e-2 the alarms must stay within an exact binomial bound, so that a
method which is not calibrated is found instead of hiding behind a tiny level. A scaling law takes a tenth of the runs: it is dear.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from proofs_checks.engine.claims import Claim
from proofs_checks.engine.run import audit_one
from proofs_checks.engine.select import find
from proofs_checks.engine.statistics import binomial_upper

INFLATED = 1e-2
SCALING = 10            # runs of a statistical entry for one of a scaling law
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
    """Every stochastic claim at its own level and at the inflated one; ``runs`` of each, of scaling laws a tenth."""
    first = max(1, runs // SCALING)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for claim in claims:
            for level in (claim.false_alarm, INFLATED) if claim.false_alarm else ():
                found = _found(pool, names, claim, level, range(seed, seed + first), workers)
                if all(evidence != "scaling" for _, evidence in found):
                    found += _found(pool, names, claim, level, range(seed + first, seed + runs), workers)
                verdicts = Counter(verdict for verdict, _ in found)
                real = level == claim.false_alarm
                yield Stressed(claim, level, len(found), alarms=verdicts["REFUTED"], undecided=verdicts["INCONCLUSIVE"] if real else 0,
                               missed=verdicts["VACUOUS"], allowed=0 if real else binomial_upper(len(found), level, CALIBRATION))


def _found(pool: Executor, names: Sequence[str], claim: Claim, level: float, seeds: range, workers: int) -> list[tuple[str, str]]:
    """Verdict and kind of evidence under each seed."""
    jobs = [(tuple(names), claim.id, seed, level) for seed in seeds]
    return list(pool.map(_job, jobs, chunksize=max(1, len(jobs) // (8 * workers))))


def _job(job: tuple[tuple[str, ...], str, int, float]) -> tuple[str, str]:
    from threadpoolctl import threadpool_limits

    import refimpl

    names, claim_id, seed, level = job
    with refimpl.implementation("numpy"), threadpool_limits(1):
        result = audit_one(find(claim_id, names), seed=seed, level=level)
    return result.verdict, result.evidence
