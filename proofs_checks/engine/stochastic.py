"""Statistical and scaling evidence: the number of samples follows from the error rates, and only then something is drawn."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from proofs_checks.engine.compare import Comparison, align
from proofs_checks.engine.evidence import Evidence, EvidenceError, Frequency, Sampled, Scaling
from proofs_checks.engine.statistics import (
    binomial_p_value,
    binomial_samples,
    catoni_half_width,
    catoni_mean,
    catoni_samples,
    log_log_slopes,
    slope_interval,
)

Compare = Callable[[Evidence], Comparison]
HALF_WIDTH = 0.015      # of an exponent: a wider interval decides nothing


def stochastic(evidence: Sampled | Frequency | Scaling, level: float, rng: np.random.Generator) -> Compare:
    """How evidence that is drawn compares; what is sampled is sampled once."""
    match evidence:
        case Sampled():
            return sampled(evidence, level, rng)
        case Frequency():
            return frequency(evidence, level, rng)
        case Scaling():
            return scaling(evidence, level, rng)


def sampled(evidence: Sampled, level: float, rng: np.random.Generator) -> Compare:
    """How a truth compares with the samples: each component spends its share of ``level``, for a false alarm and for a miss alike."""
    truth = _floats(evidence.routes["truth"])
    variance = np.broadcast_to(np.asarray(evidence.variance, dtype=float), truth.shape)
    if np.any(variance < 0) or not np.all(np.isfinite(variance)):
        raise EvidenceError("variance holds a value that is negative or not finite; it is computed exactly, one a component")
    delta = level / truth.size
    n = max(catoni_samples(float(v), evidence.discrepancy, delta) for v in variance.flat)
    if n > evidence.at_most:
        return _too_many(evidence, n)
    x = np.asarray(evidence.draw(rng, n), dtype=float)
    if x.size != n * truth.size:
        raise EvidenceError(f"draw returned {x.shape} where {n} samples of {truth.size} components were asked for")
    if not np.all(np.isfinite(x)):
        raise EvidenceError(f"draw returned {x[~np.isfinite(x)][0]} among its samples; a nan or an infinity has no mean")
    x = x.reshape(n, truth.size)
    means = np.array([catoni_mean(column, float(v), delta) for column, v in zip(x.T, variance.flat, strict=True)])
    radii = np.array([catoni_half_width(n, float(v), delta) for v in variance.flat])

    def against(other: Evidence) -> Comparison:
        claimed = _floats(other.routes["truth"]).ravel()
        if claimed.shape != means.shape:
            return Comparison(False, math.inf, "statistical", evidence.discrepancy)
        gap = np.abs(claimed - means)
        return Comparison(bool(np.all(gap <= radii)), float(np.max(gap / np.where(radii > 0, radii, 1))), "statistical", evidence.discrepancy)

    return against


def frequency(evidence: Frequency, level: float, rng: np.random.Generator) -> Compare:
    """How a probability or its bound compares with how often the event happens: each component spends its share of ``level``, as above."""
    p, two_sided = np.atleast_1d(_floats(evidence.routes[evidence.claimed])), evidence.claimed == "probability"
    delta = level / p.size
    n = max(binomial_samples(float(q), evidence.discrepancy, delta, two_sided=two_sided) for q in np.clip(p, 0, 1).flat)
    if n == 0:
        raise EvidenceError(f"discrepancy = {evidence.discrepancy:g}, and no probability is so far away from the one that is claimed; lower it")
    if n > evidence.at_most:
        return _too_many(evidence, n)
    counts = _counts(evidence, n, p.size, rng)

    def against(other: Evidence) -> Comparison:
        if not isinstance(other, Frequency) or other.claimed != evidence.claimed:
            raise EvidenceError(f"it returned {type(other).__name__} where the entry has a Frequency with {evidence.claimed}=")
        claimed = _floats(other.routes[other.claimed]).ravel()
        if claimed.size != p.size:
            return Comparison(False, math.inf, "statistical", evidence.discrepancy)
        happened = counts if other.happens is evidence.happens else _counts(other, n, p.size, rng)
        chance = min(binomial_p_value(int(k), n, float(q), two_sided=two_sided) for k, q in zip(happened, claimed, strict=True))
        return Comparison(chance > delta, abs(math.log(chance) / math.log(delta)) if chance else math.inf, "statistical", evidence.discrepancy)

    return against


def _counts(evidence: Frequency, n: int, components: int, rng: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """How often each event happens in n samples."""
    happens = np.asarray(evidence.happens(rng, n))
    if happens.dtype != bool:
        raise EvidenceError(f"happens returned {happens.dtype} entries; it says True or False of each sample")
    if happens.size != n * components:
        raise EvidenceError(f"happens returned {happens.shape} where {n} samples of {components} components were asked for")
    return np.asarray(happens.reshape(n, components).sum(axis=0))


def _too_many(evidence: Sampled | Frequency, n: int) -> Compare:
    """Undecided, whatever is claimed."""
    return lambda other: Comparison(None, 0.0, "statistical", evidence.discrepancy,
                                    f"it needs {n} samples to see {evidence.discrepancy:g}, and may draw {evidence.at_most}")


def _floats(route: object) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(align([route])[0].middle, dtype=float)


def scaling(evidence: Scaling, level: float, rng: np.random.Generator) -> Compare:
    """How an exponent compares with the slopes: inside its margin, disjoint from it, or undecided."""
    if len(set(evidence.sizes)) < 2 or evidence.seeds < 2:
        raise EvidenceError(f"sizes = {evidence.sizes}, seeds = {evidence.seeds}; a slope needs two sizes and its spread two seeds")
    streams = rng.spawn(evidence.seeds)
    values = np.array([[evidence.measure(stream, size) for size in evidence.sizes] for stream in streams])
    if not (np.all(np.isfinite(values)) and np.all(values > 0)):
        raise EvidenceError("a measurement is not a positive number; a power law is fitted to its logarithm")
    slope = slope_interval(log_log_slopes(evidence.sizes, values), level)

    def against(other: Evidence) -> Comparison:
        exponent = float(_floats(other.routes["exponent"]))
        gap = abs(exponent - slope.mean)
        inside, disjoint = gap + slope.half_width <= evidence.margin, gap - slope.half_width > evidence.margin
        agree = False if disjoint else True if inside and slope.half_width <= HALF_WIDTH else None
        note = "" if agree is not None else f"the slope is {slope.mean:.4f} +- {slope.half_width:.4f}; more seeds narrow it"
        return Comparison(agree, gap, "scaling", evidence.margin + slope.half_width, note)

    return against
