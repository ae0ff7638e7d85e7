"""Statements that are also seen in samples that refimpl draws: means, probabilities and rates, at stated error rates.

eq-1-sampled                                                        three population gradients
relu-pair  relu-pair-sampled                                        how often two ReLUs are active together
lemma-4-rate  lemma-20-rate                                         the remainder over d, competitors excluded
"""

import math
from fractions import Fraction
from functools import cache

import numpy as np
from flint import arb

from proofs_checks import Frequency, Instead, Sampled, Scaling, Sides, ulps
from proofs_checks.engine import oracles
from proofs_checks.instances import directions, family, random_target, unit
from proofs_checks.papers.dls22 import DERIVED, DLS22, RESTATED, SLIDES_BJ
from proofs_checks.papers.dls22.concentration import inputs
from refimpl.activations import RELU
from refimpl.data.targets import Target
from refimpl.gaussian import half_line_hermite
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


# ---- two ReLUs active together

LAST = 64                                                  # for |w.v| <= 0.6 what follows is below 2^-54 of the sum


@DLS22.claim(
    "relu-pair",
    where="appendix A.1, the coefficients of sigma'",
    printed_from=DERIVED,
    covers=["A.H3"],
    needs=["DLS22/relu-derivative", "DLS22/csq-correlation"],
    given=family(rho=[Fraction(k, 10) for k in (0, 3, -3, 5, -5, 6, -6)], b=[0.5, -0.5]),
    tol=ulps(8 * LAST + 40),                               # each c_{k+1} within (16 + 4k) eps
)
def relu_pair(at):
    """Pr[w.x + b >= 0, v.x - b >= 0] = sum_k c_{k+1}(b) c_{k+1}(-b) (w.v)^k / k! for unit w, v; it is (pi - angle) / (2 pi) at b = 0."""
    return Sides(hermite_series=_series(at), conditioning=_conditioned(at),
                 scale=[math.fsum(map(abs, _terms(_plus_signs(b), _plus_signs(-b), at.rho))) for b in (at.b, 0.0)])


def _series(at, first=1, sign=-1):
    """The series at the bias and at 0."""
    return [math.fsum(_terms(_shifted(first, b), _shifted(first, sign * b), at.rho)) for b in (at.b, 0.0)]


def _shifted(first, b):
    """c_{k+first}(b) of ReLU, k = 0, ..., LAST."""
    return [RELU.hermite_coefficients(k + first, b)[k + first] for k in range(LAST + 1)]


def _terms(d, e, rho):
    """d_k e_k rho^k / k!."""
    return [x * y * float(rho) ** k / math.factorial(k) for k, (x, y) in enumerate(zip(d, e, strict=True))]


def _plus_signs(b):
    """d_0, phi, and the recurrence of d_k(b) with plus signs."""
    d = [*half_line_hermite(1, b)]
    for k in range(1, LAST):
        d.append(abs(b) * d[-1] + (k - 1) * d[-2])
    return d


def _conditioned(at):
    """E[1{z + b >= 0} Phi((rho z - b) / sqrt(1 - rho^2))], z = w.x; at b = 0 a ball of the closed form."""
    t, weight = oracles.half_line_rule(-at.b)
    across = math.sqrt(2 * (1 - at.rho**2))
    return [math.fsum(weight * [math.erfc((at.b - at.rho * z) / across) / 2 for z in t]), _together(at.rho)]


def _together(rho):
    """(pi - angle) / (2 pi) as a ball."""
    return (arb.pi() - (arb(rho.numerator) / rho.denominator).acos()) / (2 * arb.pi())


@relu_pair.refutes("c_k for c_{k+1}: the coefficients of sigma")
def _(at):
    return Instead(hermite_series=_series(at, first=0))


@relu_pair.refutes("angle for pi - angle")
def _(at):
    return Instead(conditioning=[*_conditioned(at)[:1], _together(-at.rho)])


@relu_pair.refutes("the same bias twice")
def _(at):
    return Instead(hermite_series=_series(at, sign=1))


@DLS22.claim(
    "relu-pair-sampled",
    where="appendix A.1, the coefficients of sigma'",
    printed_from=DERIVED,
    covers=["A.H3"],
    needs=["DLS22/relu-pair", "DLS22/asm-law"],
    given=family(lambda rho: {"W": np.array([[2, 0, 0], [3 * rho, 3 * math.sqrt(1 - rho * rho), 0]])}, rho=[0.0, 0.6, -0.8]),
    false_alarm=1e-8,
)
def relu_pair_sampled(at):
    """Two ReLUs, whatever their lengths, are active together as often as (pi - angle) / (2 pi) says."""
    return Frequency(happens=lambda rng, n: np.all(inputs(3, rng, n) @ at.W.T >= 0, axis=1), probability=_active(at), discrepancy=0.02)


def _active(at):
    """(pi - angle) / (2 pi) of the rows of W."""
    w, v = at.W
    return (math.pi - math.acos(w @ v / math.sqrt(w @ w * (v @ v)))) / (2 * math.pi)


@relu_pair_sampled.refutes("angle / (2 pi)")
def _(at):
    return Instead(probability=0.5 - _active(at))


@relu_pair_sampled.refutes("given that the first is active: (pi - angle) / pi")
def _(at):
    return Instead(probability=2 * _active(at))


@relu_pair_sampled.refutes("the cosine for its angle: (1 + w.v) / 4")
def _(at):
    return Instead(probability=(1 + at.rho) / 4)


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
