"""Statistical and scaling evidence: the number of samples follows from the error rates, and only then something is drawn."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from proofs_checks.engine.compare import Comparison, align
from proofs_checks.engine.evidence import Evidence, EvidenceError, Sampled, Scaling
from proofs_checks.engine.statistics import catoni_half_width, catoni_mean, catoni_samples, log_log_slopes, slope_interval

Compare = Callable[[Evidence], Comparison]
HALF_WIDTH = 0.015      # of an exponent: a wider interval decides nothing


def sampled(evidence: Sampled, level: float, rng: np.random.Generator) -> Compare:
    """How a truth compares with the samples: each component spends its share of ``level``, for a false alarm and for a miss alike."""
    truth = _floats(evidence.routes["truth"])
    variance = np.broadcast_to(np.asarray(evidence.variance, dtype=float), truth.shape)
    if np.any(variance < 0) or not np.all(np.isfinite(variance)):
        raise EvidenceError("variance holds a value that is negative or not finite; it is computed exactly, one a component")
    delta = level / truth.size
    n = max(catoni_samples(float(v), evidence.discrepancy, delta) for v in variance.flat)
    if n > evidence.at_most:
        return lambda other: Comparison(None, 0.0, "statistical", evidence.discrepancy,
                                        f"it needs {n} samples to see {evidence.discrepancy:g}, and may draw {evidence.at_most}")
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
