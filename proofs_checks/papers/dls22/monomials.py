"""Monomials as random features, appendix A.2: Lemma 17 and Corollary 18, the weights v_k.

lemma-17  lemma-17-identity  lemma-17-outside  lemma-17-supremum    x^k of features with b uniform on [-1, 1]
cor-18  cor-18-supremum                                             the same with b ~ N(0, 1)
"""

import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, fmpq, fmpq_mat

from proofs_checks import Instead, Proof, Sides, ulps
from proofs_checks.instances import family
from proofs_checks.papers.dls22 import DERIVED, DLS22, RESTATED
from refimpl.approximation.monomials import supremum, v, v_gaussian

# ---- Lemma 17

def _newton_cotes(n):
    """Nodes 0, 1/n, ..., 1 and the weights that integrate polynomials of degree n over [0, 1]."""
    nodes = [Fraction(i, n) for i in range(n + 1)]
    powers = fmpq_mat(n + 1, n + 1, [fmpq(x.numerator, x.denominator) ** l for l in range(n + 1) for x in nodes])
    weights = powers.solve(fmpq_mat(n + 1, 1, [fmpq(1, l + 1) for l in range(n + 1)])).entries()
    return [(x, Fraction(int(w.p), int(w.q))) for x, w in zip(nodes, weights, strict=True)]


RULE = _newton_cotes(14)                                             # exact for k <= 12 and a factor of degree 1 besides


def _to_one(f, low):
    """The integral of f over [low, 1], f a polynomial of degree <= 14."""
    return (1 - low) * sum(w * f(low + (1 - low) * t) for t, w in RULE)


def _feature_mean(weight, x):
    """E[weight(a, b) relu(a x + b)] for |x| <= 1: a = +-1 with probability 1/2 each, density 1/2 of b, and a x + b >= 0 from b = -a x on."""
    return sum(_to_one(lambda b, a=a: weight(a, b) * (a * x + b), -a * x) for a in (1, -1)) / 4


def _inside(k, point):
    return {"x": Fraction(2 * point - 13, 13)}


IN_X: dict[str, Any] = {"parameter": "point", "degree": lambda at: max(at.k, 3)}
BECAUSE = "the integrals run from -a x to 1 and their integrands are polynomials in b and x: of degree k, and 3 for the line -6 (k - 1) b"


@DLS22.claim(
    "lemma-17",
    where="appendix A.2, Lemma 17",
    printed_from=RESTATED,
    covers=["A.L17"],
    needs=["DLS22/lemma-17-identity"],
    given=family(_inside, k=(0, 12), point=(0, 13)),
    proof=Proof(over="every |x| <= 1 and every k <= 12", because=BECAUSE, **IN_X),
)
def lemma_17(at):
    """E[v_k(a, b) relu(a x + b)] = x^k for |x| <= 1, a uniform on {-1, 1}, b uniform on [-1, 1]."""
    return Sides(features=_feature_mean(lambda a, b: v(at.k, a, b), at.x), power=at.x**at.k)


@lemma_17.refutes("sign of the term with v_0: x^k + 2 (k - 1)")
def _(at):
    return Instead(features=_feature_mean(lambda a, b: v(at.k, a, b) + 12 * (at.k - 1) * b, at.x))


@lemma_17.refutes("sign of the term with v_1: x^k - 2 k x")
def _(at):
    return Instead(features=_feature_mean(lambda a, b: v(at.k, a, b) - 4 * at.k * a, at.x))


@lemma_17.refutes("an integral over b for the mean")
def _(at):
    return Instead(features=2 * _feature_mean(lambda a, b: v(at.k, a, b), at.x))


@lemma_17.refutes("relu(x + a b): the sign on the bias")
def _(at):
    return Instead(features=_feature_mean(lambda a, b: v(at.k, 1, a * b), at.x))


@DLS22.claim(
    "lemma-17-identity",
    where="appendix A.2, proof of Lemma 17",
    printed_from=RESTATED,
    covers=["A.L17"],
    given=family(_inside, k=(0, 12), point=(0, 13)),
    proof=Proof(over="every polynomial f of degree at most 12 (both sides are linear in f, so f = x^k is enough) and every |x| <= 1",
                because=BECAUSE, **IN_X),
)
def lemma_17_identity(at):
    """E[2 (1 - a) f''(b) relu(a x + b)] = f(x) + [f'(1) - f(1)] - f'(1) x for |x| <= 1."""
    return Sides(features=_feature_mean(lambda a, b: 2 * (1 - a) * _second(at.k, b), at.x), by_parts=at.x**at.k + (at.k - 1) - at.k * at.x)


def _second(k, b):
    """The second derivative of x^k."""
    return math.perm(k, 2) * b ** max(k - 2, 0)


@lemma_17_identity.refutes("both signs of a: f'' without 1 - a")
def _(at):
    return Instead(features=_feature_mean(lambda a, b: 2 * _second(at.k, b), at.x))


@lemma_17_identity.refutes("the tangent at -1")
def _(at):
    return Instead(by_parts=at.x**at.k - (-1) ** at.k * (1 - at.k * (at.x + 1)))


@lemma_17_identity.refutes("a factor 2 of 2 (1 - a) lost")
def _(at):
    return Instead(features=_feature_mean(lambda a, b: (1 - a) * _second(at.k, b), at.x))


@DLS22.claim(
    "lemma-17-outside",
    where="appendix A.2, Lemma 17, beyond |x| = 1",
    printed_from=DERIVED,
    covers=["A.L17"],
    needs=["DLS22/lemma-17"],
    given=family(lambda side, k, point: {"x": side * (1 + Fraction(point, 2))}, side=[1, -1], k=(0, 12), point=(0, 2)),
    proof=Proof(over="every |x| >= 1 and every k <= 12", parameter="point", degree=lambda at: 1,
                because="on either side one sign of a is active, for all b, and its feature is linear in x"),
)
def lemma_17_outside(at):
    """E[v_k(a, b) relu(a x + b)] = sign(x)^k (1 + k (|x| - 1)) for |x| >= 1, the tangent of x^k: for k = 2 it falls short by (|x| - 1)^2."""
    return Sides(features=_to_one(lambda b: v(at.k, at.side, b) * (abs(at.x) + b), -1) / 4, tangent=at.side**at.k * (1 + at.k * (abs(at.x) - 1)))


@lemma_17_outside.refutes("x^k also outside")
def _(at):
    return Instead(tangent=at.x**at.k)


@lemma_17_outside.refutes("clipped at |x| = 1")
def _(at):
    return Instead(tangent=at.side**at.k)


@DLS22.claim(
    "lemma-17-supremum",
    where="appendix A.2, Lemma 17, the bound of v_k",
    printed_from=DERIVED,
    covers=["A.L17"],
    given=family(k=(0, 12)),
)
def lemma_17_supremum(at):
    """|v_k| at a = +-1 and b = -1, -23/24, ..., 1 is largest at b = -1: |4k^2 - 6| for even and 4k^2 - 8k + 6 for odd k. Between, see supremum.

    The second route has v_k as the paper builds it, 2 (1 - a) f''(b) - [f'(1) - f(1)] v_0 + f'(1) v_1 with f = x^k; the first is cut at the bound.
    """
    sizes = [abs(_built(at.k, a, b)) for a in (1, -1) for b in GRID]
    return Sides(cut=[*(min(abs(v(at.k, a, b)), supremum(at.k)) for a in (1, -1) for b in GRID), supremum(at.k)], built=[*sizes, max(sizes)])


GRID = [Fraction(i, 24) for i in range(-24, 25)]


def _built(k, a, b):
    return 2 * (1 - a) * _second(k, b) - (k - 1) * 6 * b + k * 2 * a


@lemma_17_supremum.refutes("a = 1 alone, 8k - 6")
def _(at):
    bound = abs(8 * at.k - 6)
    return Instead(cut=[*(min(abs(v(at.k, a, b)), bound) for a in (1, -1) for b in GRID), bound])


@lemma_17_supremum.refutes("4k^2 - 6 also for odd k")
def _(at):
    bound = abs(4 * at.k**2 - 6)
    return Instead(cut=[*(min(abs(v(at.k, a, b)), bound) for a in (1, -1) for b in GRID), bound])


@lemma_17_supremum.refutes("largest at b = 1")
def _(at):
    bound = max(abs(v(at.k, a, 1)) for a in (1, -1))
    return Instead(cut=[*(min(abs(v(at.k, a, b)), bound) for a in (1, -1) for b in GRID), bound])


# ---- Corollary 18

NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(16)
BIASES = [Fraction(i, 8) for i in (-24, -9, -8, -5, 0, 3, 8, 9)]


def _panels(x):
    """Gauss-Legendre nodes and weights on [-3, 3], cut at -1, -x, x and 1, where the integrand has its kinks and ends."""
    cuts = sorted({-3.0, -1.0, -x, x, 1.0, 3.0})
    pieces = [(low + (high - low) / 2 * (NODES + 1), (high - low) / 2 * NODE_WEIGHTS) for low, high in itertools.pairwise(cuts)]
    return (np.concatenate(parts) for parts in zip(*pieces, strict=True))


def _gaussian_mean(x, weight):
    """The terms of E[weight(a, b) relu(a x + b)], b ~ N(0, 1) as far as |b| <= 3."""
    b, across = _panels(x)
    density = across * np.exp(-b * b / 2) / math.sqrt(2 * math.pi)
    return np.array([density * weight(np.full(len(b), a), b) * np.maximum(a * x + b, 0) / 2 for a in (1.0, -1.0)])


def _both(at, weight):
    """The mean of the features at x, and the weight at some biases, for both signs."""
    b = np.array(BIASES, dtype=float)
    return [math.fsum(_gaussian_mean(float(at.x), weight).flat), *weight(np.full(len(b), 1.0), b), *weight(np.full(len(b), -1.0), b)]


def _weight(at):
    return lambda a, b: v_gaussian(at.k, a, b)


def _size(at):
    """The absolute terms of v_k(a, b) over 2 phi(b), and of the same at b = 0, where |b| <= 1."""
    def terms(a, b):
        B = np.where(np.abs(b) <= 1, np.abs(b), 0.0)
        return (4 * at.k * (at.k - 1) * B ** max(at.k - 2, 0) + 6 * abs(at.k - 1) * (B + 1) + 2 * at.k) * np.exp(B * B / 2) * math.sqrt(2 * math.pi) / 2

    return _both(at, terms)


@DLS22.claim(
    "cor-18",
    where="appendix A.2, Corollary 18",
    printed_from=RESTATED,
    covers=["A.C18"],
    needs=["DLS22/lemma-17"],
    given=family(k=(0, 8), x=[Fraction(i, 8) for i in (3, -3, 7, -5, 8, -8)]),
    tol=ulps(lambda at: 3 * at.k + 48),                              # v_k and phi (k + 14), nodes and their weights (2 k + 14), density 8, relu 4, sums 8
)
def cor_18(at):
    """E[1{|b| <= 1} v_k(a, b) / (2 phi(b)) relu(a x + b)] = x^k for |x| <= 1, b ~ N(0, 1) of density phi; and this weight itself at b in [-3, 2]."""
    return Sides(features=_both(at, _weight(at)), balls=[_ball(at.x) ** at.k, *_over_phi(at, lambda b: abs(b) <= 1)], scale=_size(at))


def _ball(x):
    return arb(x.numerator) / x.denominator


def _over_phi(at, inside):
    """v_k / (2 phi) at BIASES where b is inside, else 0."""
    return [_ball(_built(at.k, a, b)) * (2 * arb.pi()).sqrt() * (_ball(b) ** 2 / 2).exp() / 2 if inside(b) else arb(0) for a in (1, -1) for b in BIASES]


@cor_18.refutes("e^{-b^2/2} for the density of N(0, 1)")
def _(at):
    return Instead(features=_both(at, lambda a, b: v_gaussian(at.k, a, b) / math.sqrt(2 * math.pi)))


@cor_18.refutes("the density 1/2 of b on [-1, 1] forgotten")
def _(at):
    return Instead(features=_both(at, lambda a, b: 2 * v_gaussian(at.k, a, b)))


@cor_18.refutes("v_k itself, as if b were uniform")
def _(at):
    return Instead(features=_both(at, lambda a, b: np.where(np.abs(b) <= 1, v(at.k, a, b), 0)))


@cor_18.refutes("|b| < 1")
def _(at):
    return Instead(balls=[_ball(at.x) ** at.k, *_over_phi(at, lambda b: abs(b) < 1)])


@cor_18.refutes("the indicator of b <= 1")
def _(at):
    return Instead(balls=[_ball(at.x) ** at.k, *_over_phi(at, lambda b: b <= 1)])


GRID_FLOATS, BEYOND = np.arange(-24, 25) / 24, np.array([-1.5, -1 - 2.0**-52, 1 + 2.0**-52, 40])


@DLS22.claim(
    "cor-18-supremum",
    where="appendix A.2, Corollary 18, the bound of v_k",
    printed_from=DERIVED,
    covers=["A.C18"],
    needs=["DLS22/lemma-17-supremum", "DLS22/cor-18"],
    given=family(k=(0, 8)),
    tol=ulps(lambda at: at.k + 14),
)
def cor_18_supremum(at):
    """The Gaussian bias makes the largest weight sqrt(2 pi e) / 2 = 2.066 times as large: |v_k| and 1 / phi are largest at b = -1. It is 0 beyond."""
    largest = np.max(np.abs([v_gaussian(at.k, np.full(49, a), GRID_FLOATS) for a in (1.0, -1.0)]))
    return Sides(on_a_grid=[largest, *v_gaussian(at.k, np.ones(4), BEYOND)],
                 closed_form=[supremum(at.k) * (2 * arb.pi() * arb(1).exp()).sqrt() / 2, *[arb(0)] * 4], scale=2.1 * supremum(at.k))


@cor_18_supremum.refutes("sqrt(2 pi) / 2: the density at 0")
def _(at):
    return Instead(closed_form=[supremum(at.k) * (2 * arb.pi()).sqrt() / 2, *[arb(0)] * 4])


@cor_18_supremum.refutes("sqrt(e / (2 pi)) / 2")
def _(at):
    return Instead(closed_form=[supremum(at.k) * (arb(1).exp() / (2 * arb.pi())).sqrt() / 2, *[arb(0)] * 4])
