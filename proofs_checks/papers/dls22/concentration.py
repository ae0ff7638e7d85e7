"""Appendix A.3: how long a Gaussian vector is, and how much of it lies in S*; certified, and seen in samples that refimpl draws.

chi-square  lemma-27  lemma-27-sampled                              the tails of |x|^2: their law and their bounds
lemma-8  lemma-8-sampled                                            |x|^2 lies in [d/2, 2d]
cor-28-law  cor-28  cor-28-sampled                                  |Pi* w|^2 / |w|^2 is of order r / d
"""

import math
from fractions import Fraction

import numpy as np
from flint import arb

from proofs_checks import AtMostOn, Frequency, Instead, Sides, ulps
from proofs_checks.instances import directions, family
from proofs_checks.papers.dls22 import DERIVED, DLS22, RESTATED
from refimpl.data.targets import Target
from refimpl.gaussian import half_line_moments
from refimpl.hermite import double_factorial
from refimpl.initial import symmetric

# ---- the law of |x|^2

def _above(d, s):
    """Pr[|x|^2 >= s], x ~ N(0, I_d), as a ball."""
    return (arb(s) / 2).gamma_upper(arb(d) / 2, True)


def _below(d, s):
    """Pr[|x|^2 <= s] as a ball."""
    return (arb(s) / 2).gamma_lower(arb(d) / 2, True)


@DLS22.claim(
    "chi-square",
    where="appendix A.3, the law behind Lemmas 8 and 27",
    printed_from=DERIVED,
    covers=["A.L27"],
    needs=["HERMITE/half-line-moments"],
    given=family(d=(1, 12), s=[Fraction(1, 4), Fraction(1), Fraction(9, 4), Fraction(9), Fraction(25)]),          # sqrt s is exact
    tol=ulps(lambda at: 4 * at.d + 24),
)
def chi_square(at):
    """Pr[|x|^2 >= s] = Q(d/2, s/2) = E[z^{d-1} 1{z >= sqrt s}] / E[z^{d-1} 1{z >= 0}] = a finite sum."""
    return Sides(radius=_radius(at.d - 1, at.s), gamma=_above(at.d, _ball(at.s)), by_parts=_by_parts(at.d, _ball(at.s)),
                 scale=float(_above(at.d, _ball(at.s))))


def _ball(s):
    return arb(s.numerator) / s.denominator


def _radius(k, s):
    """E[z^k 1{z >= sqrt s}] / E[z^k 1{z >= 0}], k = d - 1: |x| has the density of z >= 0 times z^k."""
    whole = double_factorial(k - 1) * (1 / math.sqrt(2 * math.pi) if k % 2 else 0.5)
    return half_line_moments(k, -math.sqrt(s))[k] / whole


def _by_parts(d, s):
    """Pr[|x|^2 >= s] at d = 1 or 2, and (s/2)^{k/2} e^{-s/2} / (k/2)! more for each k = d - 2, d - 4, ... >= 1."""
    steps = [(s / 2) ** (arb(k) / 2) * (-s / 2).exp() / (arb(k) / 2 + 1).gamma() for k in range(d - 2, 0, -2)]
    return sum(steps, start=(-s / 2).exp() if d % 2 == 0 else (s / 2).sqrt().erfc())


@chi_square.refutes("d degrees of freedom for d - 1 in the power of the radius")
def _(at):
    return Instead(radius=_radius(at.d, at.s))


@chi_square.refutes("|x| >= s for |x|^2 >= s")
def _(at):
    return Instead(radius=_radius(at.d - 1, at.s**2))


# ---- Lemma 27

def _hull(monotone, ball):
    """A monotone function on a ball: between its values at the two ends."""
    return monotone(ball.lower()).union(monotone(ball.upper()))


def _upper(d, square=2):
    """e^t Pr[|x|^2 >= d + 2 sqrt(dt) + 2t] at t = q^2."""
    return lambda q: (q * q).exp() * _hull(lambda s: _above(d, s), d + 2 * arb(d).sqrt() * q + square * q * q)


def _lower(d, root=2):
    """e^t Pr[|x|^2 <= d - 2 sqrt(dt)] at t = q^2."""
    return lambda q: (q * q).exp() * _hull(lambda s: _below(d, s.max(0)), d - root * arb(d).sqrt() * q)


@DLS22.claim(
    "lemma-27",
    where="appendix A.3, Lemma 27",
    printed_from=RESTATED,
    covers=["A.L27"],
    needs=["DLS22/chi-square"],
    given=family(d=[1, 2, 3, 4, 10, 32, 100], tail=["upper", "lower"]),
)
def lemma_27(at):
    """X ~ chi^2(d): Pr[X >= d + 2 sqrt(dt) + 2t] <= e^-t for every 0 <= t <= 20, and Pr[X <= d - 2 sqrt(dt)] <= e^-t for every t <= d/4."""
    return _over(at, _upper(at.d), _lower(at.d))


def _over(at, upper, lower):
    """One tail times e^t, over sqrt t; beyond t = d/4 the lower one is empty."""
    return AtMostOn(box=[(0, 4.5 if at.tail == "upper" else math.sqrt(at.d))], value=upper if at.tail == "upper" else lower, bound=lambda q: 1)


@lemma_27.refutes("2t dropped from the upper tail")
def _(at):
    return _over(at, _upper(at.d, square=0), _lower(at.d))


@lemma_27.refutes("t for 2t in the upper tail")
def _(at):
    return _over(at, _upper(at.d, square=1), _lower(at.d))


@lemma_27.refutes("sqrt(dt) for 2 sqrt(dt) in the lower tail")
def _(at):
    return _over(at, _upper(at.d), _lower(at.d, root=1))


TAILS = {"near the mean": (1, 0.01, 0.02), "far above": (1, 5.0, 0.005), "far below": (16, 4.0, 0.01)}


def _tail(case):
    return dict(zip(("d", "t", "discrepancy"), TAILS[case], strict=True))


def inputs(d, rng, n):
    """The inputs of n samples that refimpl draws."""
    return Target({(1,): 1.0}, np.eye(1, d)).sample(n, rng=rng)[0]                    # (n, d)


def _seen(at, square=2, root=2):
    """How often either tail of Lemma 27 is met, under its bound."""
    spread = root * math.sqrt(at.d * at.t)

    def tails(rng, n):
        x = np.sum(inputs(at.d, rng, n) ** 2, axis=1)
        return np.column_stack([x >= at.d + spread + square * at.t, x <= at.d - spread])

    return Frequency(happens=tails, bound=[math.exp(-at.t)] * 2, discrepancy=at.discrepancy)


@DLS22.claim(
    "lemma-27-sampled",
    where="appendix A.3, Lemma 27",
    printed_from=RESTATED,
    covers=["A.L27"],
    needs=["DLS22/lemma-27", "DLS22/asm-law"],
    given=family(_tail, case=list(TAILS)),
    false_alarm=1e-8,
)
def lemma_27_sampled(at):
    """Neither tail of |x|^2 is met more often than e^-t says."""
    return _seen(at)


@lemma_27_sampled.refutes("2t dropped from the upper tail")
def _(at):
    return _seen(at, square=0)


@lemma_27_sampled.refutes("sqrt(dt) for 2 sqrt(dt)")
def _(at):
    return _seen(at, root=1)


# ---- Lemma 8

@DLS22.claim(
    "lemma-8",
    where="appendix A.1, Lemma 8",
    printed_from=RESTATED,
    covers=["A.L8"],
    needs=["DLS22/chi-square", "DLS22/lemma-27"],
    given=family(d=[1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 128, 256]),
)
def lemma_8(at):
    """|x|^2 lies in [d/2, 2d] but for probability 2 e^-t, for every t <= d/16: "with high probability" at c = 1/16."""
    return _all_but(at, at.d / 2, 2 * at.d)


def _all_but(at, low, high, c=1 / 16):
    """t <= log 2 - log Pr[|x|^2 outside [low, high]] for t in [0, cd]."""
    return AtMostOn(box=[(0, c * at.d)], value=lambda t: t, bound=lambda t: arb(2).log() - (_below(at.d, low) + _above(at.d, high)).log())


@lemma_8.refutes("c = 1/8")
def _(at):
    return _all_but(at, at.d / 2, 2 * at.d, c=1 / 8)


@lemma_8.refutes("[d/2, 3d/2]")
def _(at):
    return _all_but(at, at.d / 2, 1.5 * at.d)


@lemma_8.refutes("|x| in [d/2, 2d]")
def _(at):
    return _all_but(at, at.d**2 / 4, 4 * at.d**2)


@DLS22.claim(
    "lemma-8-sampled",
    where="appendix A.1, Lemma 8",
    printed_from=RESTATED,
    covers=["A.L8"],
    needs=["DLS22/lemma-8", "DLS22/asm-law"],
    given=family(d=[2, 4]),
    false_alarm=1e-8,
)
def lemma_8_sampled(at):
    """|x|^2 < d/2 and |x|^2 > 2d are met as often as chi^2(d) says."""
    def leaves(rng, n):
        x = np.sum(inputs(at.d, rng, n) ** 2, axis=1)
        return np.column_stack([x < at.d / 2, x > 2 * at.d])

    return Frequency(happens=leaves, probability=_outside(at.d, at.d), discrepancy=0.02)


def _outside(k, d):
    """Pr[X < d/2] and Pr[X > 2d] of X ~ chi^2(k)."""
    return [float(_below(k, d / 2)), float(_above(k, 2 * d))]


@lemma_8_sampled.refutes("d - 1 degrees of freedom, as if the mean were removed")
def _(at):
    return Instead(probability=_outside(at.d - 1, at.d))


@lemma_8_sampled.refutes("the two tails exchanged")
def _(at):
    return Instead(probability=_outside(at.d, at.d)[::-1])


# ---- Corollary 28

def _share(r, d, s):
    """Pr[|Pi* w|^2 / |w|^2 <= s], w ~ N(0, I_d) and Pi* of rank r: the law Beta(r/2, (d - r)/2), as a ball."""
    return arb(s).beta_lower(arb(r) / 2, arb(d - r) / 2, True)


def _within(r, d, C, centre=None):
    """Pr[centre / C <= |Pi* w|^2 / |w|^2 <= C centre], the centre r/d."""
    centre = arb(r) / d if centre is None else centre
    return _share(r, d, (C * centre).min(1)) - _share(r, d, (centre / C).min(1))


@DLS22.claim(
    "cor-28-law",
    where="appendix A.3, the law behind Corollary 28",
    printed_from=DERIVED,
    covers=["A.C28"],
    given=family(None, lambda r, d, s: r < d, r=(1, 4), d=(2, 9), s=[Fraction(1, 16), Fraction(1, 4), Fraction(9, 16)]),
)
def cor_28_law(at):
    """Pr[|Pi* w|^2 / |w|^2 <= s] = I_s(r/2, (d - r)/2), a finite sum."""
    return Sides(beta=_share(at.r, at.d, _ball(at.s)), by_parts=_steps(at.r, at.d - at.r, _ball(at.s)))


def _steps(r, k, s):
    """I_s(r/2, k/2) from the smallest r and k of their parity, two more at a time: s^a (1-s)^b / (a B(a, b)) less in a, more in b."""
    if r > 2:
        return _steps(r - 2, k, s) - _edge(r - 2, k, s) / (arb(r - 2) / 2)
    if k > 2:
        return _steps(r, k - 2, s) + _edge(r, k - 2, s) / (arb(k - 2) / 2)
    return {(1, 1): 2 * s.sqrt().asin() / arb.pi(), (1, 2): s.sqrt(), (2, 1): 1 - (1 - s).sqrt(), (2, 2): s}[r, k]


def _edge(r, k, s):
    """s^a (1 - s)^b / B(a, b) at a = r/2, b = k/2."""
    a, b = arb(r) / 2, arb(k) / 2
    return s**a * (1 - s) ** b * (a + b).gamma() / (a.gamma() * b.gamma())


@cor_28_law.refutes("Beta(r, d - r)")
def _(at):
    return Instead(beta=_share(2 * at.r, 2 * at.d, _ball(at.s)))


@cor_28_law.refutes("Beta(r/2, d/2)")
def _(at):
    return Instead(beta=_share(at.r, at.d + at.r, _ball(at.s)))


@DLS22.claim(
    "cor-28",
    where="appendix A.3, Corollary 28",
    printed_from=RESTATED,
    covers=["A.C28"],
    needs=["DLS22/cor-28-law"],
    given=family(None, lambda r, d: r < d, r=[1, 2, 3, 5, 8], d=[2, 3, 4, 6, 9, 16, 64, 256]),
)
def cor_28(at):
    """|Pi* w|^2 / |w|^2 lies in [r/(Cd), Cr/d] with probability at least 1/2 for every 4 <= C <= 64, w ~ N(0, I_d), Pi* of rank r < d."""
    return _half(at)


def _half(at, least=4, centre=None):
    """1/2 <= Pr[within C], which grows with C."""
    return AtMostOn(box=[(least, 64)], value=lambda C: 0.5, bound=lambda C: _hull(lambda x: _within(at.r, at.d, x, centre), C))


@cor_28.refutes("C from 2")
def _(at):
    return _half(at, least=2)


@cor_28.refutes("centred at sqrt(r/d)")
def _(at):
    return _half(at, centre=(arb(at.r) / at.d).sqrt())


@DLS22.claim(
    "cor-28-sampled",
    where="appendix A.3, Corollary 28",
    printed_from=RESTATED,
    covers=["A.C28"],
    needs=["DLS22/cor-28", "DLS22/init-gaussian-law"],
    given=family(lambda r, d: {"U": directions(np.random.default_rng(r), r, d, "oblique")}, r=[1, 3], d=[8]),
    false_alarm=1e-8,
)
def cor_28_sampled(at):
    """|Pi* w|^2 / |w|^2 of initial weights lies within [r/(4d), 4r/d] as often as Beta(r/2, (d-r)/2) says, for oblique u_i."""
    target = Target({(1,) * at.r: 1.0}, at.U)

    def happens(rng, n):
        W = symmetric(2 * n, at.d, rng=rng).W[:n]                 # one of each mirrored pair
        share = np.sum((W @ target.Pi_star) ** 2, axis=1) / np.sum(W * W, axis=1)
        return (at.r / (4 * at.d) <= share) & (share <= 4 * at.r / at.d)

    return Frequency(happens=happens, probability=float(_within(at.r, at.d, 4)), discrepancy=0.02)


@cor_28_sampled.refutes("Beta(r, d - r)")
def _(at):
    return Instead(probability=float(_within(2 * at.r, 2 * at.d, 4)))


@cor_28_sampled.refutes("C = 2")
def _(at):
    return Instead(probability=float(_within(at.r, at.d, 2)))
