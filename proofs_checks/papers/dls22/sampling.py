"""Statements that are also seen in samples: a Monte-Carlo witness of the population gradient, and the rates of Lemmas 4 and 20.

eq-1-sampled                                                        three population gradients, at stated error rates
lemma-4-rate  lemma-20-rate                                         the remainder over d, competitors excluded
"""

import math
from functools import cache

import numpy as np

from proofs_checks import Instead, Sampled, Scaling
from proofs_checks.engine import oracles
from proofs_checks.instances import directions, family, random_target, unit
from proofs_checks.papers.dls22 import DLS22, RESTATED, SLIDES_BJ
from refimpl.data.targets import Target
from refimpl.population import half_space_moment, lemma_1_remainder

# ---- a Monte-Carlo witness

CASES = {"one direction": (2, 1, 0.0), "two directions": (3, 2, 0.0), "with a bias": (2, 1, 0.7)}


def _case(case):
    """A fixed target of three dimensions: what is sampled is x, nothing else."""
    p, r, b = CASES[case]
    rng = np.random.default_rng(len(case))
    target = random_target(rng, p, directions(rng, r, 3, "oblique")).normalised()
    return {"target": target, "w": unit(rng.standard_normal(3)), "b": b, "p": p}


@DLS22.claim(
    "eq-1-sampled",
    where="section 5.1, display (1)",
    printed_from=SLIDES_BJ,
    covers=["A.G2"],
    needs=["DLS22/eq-1", "DLS22/eq-1-bias"],
    given=family(_case, case=list(CASES)),
    false_alarm=1e-8,
)
def eq_1_sampled(at):
    """E[f* x 1{w.x + b >= 0}] in closed form is the mean over Gaussian samples, for three targets with E f*^2 = 1."""
    truth = _closed_form(at, at.b)
    variance = oracles.half_space_square(lambda x: oracles.monomials(at.target.g, x @ at.target.U.T), at.w, at.b, at.p + 1) - truth**2
    return Sampled(draw=lambda rng, n: _samples(at, rng, n), truth=truth, variance=variance, discrepancy=0.08)


def _closed_form(at, b):
    return half_space_moment(at.target, at.w[None, :], np.array([b]))[0]


def _samples(at, rng, n):
    x = rng.standard_normal((n, 3))
    return (at.target.value(x) * (x @ at.w + at.b >= 0))[:, None] * x


@eq_1_sampled.refutes("the bias with the other sign")
def _(at):
    return Instead(truth=_closed_form(at, -at.b))


@eq_1_sampled.refutes("the whole space for the half-space, C_1 for the moment")
def _(at):
    return Instead(truth=at.target.mean_gradient)


# ---- rates

R = 32                                                     # many directions, so that |Pi* w|^2 varies little and few seeds suffice
SIZES = (128, 256, 512, 1024)


@cache
def _isotropic(d):
    """f*(x) = (|x_1..r|^2 - r) / sqrt(2 r): H = sqrt(2/r) Pi*."""
    g = {(0,) * R: -R / math.sqrt(2 * R)} | {tuple(2 * int(i == j) for j in range(R)): 1 / math.sqrt(2 * R) for i in range(R)}
    return Target(g, np.eye(R, d))


def _mean_remainder(rng, d, projected):
    """The mean of |g(w) - H w / sqrt(2 pi)|, or of its projection, over 192 rows w ~ N(0, I_d / d), as at the initialisation."""
    target, W = _isotropic(d), rng.standard_normal((192, d)) / math.sqrt(d)
    if projected:
        W /= np.linalg.norm(W, axis=1, keepdims=True)
    rest = lemma_1_remainder(target, np.ones(192), W) / -2
    return float(np.mean(np.linalg.norm(rest[:, :R] if projected else rest, axis=1)))


@DLS22.claim(
    "lemma-4-rate",
    where="section 5.1, Lemma 4 (Lemma 1 of arXiv): its rate",
    printed_from=SLIDES_BJ,
    covers=["A.L4"],
    needs=["DLS22/lemma-4", "DLS22/lemma-4-constant"],
    given=family(r=[R]),
    false_alarm=1e-7,
)
def lemma_4_rate(at):
    """The remainder of Lemma 1 at w ~ N(0, I_d / d) is of order d^-1."""
    return Scaling(sizes=SIZES, measure=lambda rng, d: _mean_remainder(rng, d, projected=False), exponent=-1.0, seeds=64)


@lemma_4_rate.refutes("d^(-3/2)")
def _(at):
    return Instead(exponent=-1.5)


@lemma_4_rate.refutes("d^(-1/2), the order of the main term")
def _(at):
    return Instead(exponent=-0.5)


@lemma_4_rate.refutes("d^-2")
def _(at):
    return Instead(exponent=-2.0)


@DLS22.claim(
    "lemma-20-rate",
    where="appendix A.2, Lemma 20: its rate at infinitely many samples",
    printed_from=RESTATED,
    covers=["A.L20"],
    needs=["DLS22/lemma-20"],
    given=family(r=[R]),
    false_alarm=1e-7,
)
def lemma_20_rate(at):
    """The remainder projected onto S*, at unit w, is of order d^(-3/2)."""
    return Scaling(sizes=SIZES, measure=lambda rng, d: _mean_remainder(rng, d, projected=True), exponent=-1.5, seeds=96)


@lemma_20_rate.refutes("d^-1: the projection dropped")
def _(at):
    return Instead(exponent=-1.0)


@lemma_20_rate.refutes("d^-2")
def _(at):
    return Instead(exponent=-2.0)
