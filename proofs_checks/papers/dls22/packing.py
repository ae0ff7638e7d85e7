"""Lemma 6: exponentially many directions that are nearly orthogonal, appendix E.

lemma-6-tail  lemma-6-signs  lemma-6-union  lemma-6                 tails of v.w, for unit vectors and for signs, and a packing of signs
"""

import math
from fractions import Fraction

import numpy as np
from flint import arb

from proofs_checks import AtMostOn, Instead, Proof, Sides
from proofs_checks.instances import family
from proofs_checks.papers.dls22 import DERIVED, DLS22, RESTATED
from refimpl.lower_bounds.queries import packing

# ---- tails

def _tail(d, epsilon):
    """Pr[|v.w| > epsilon] of a uniform unit vector in R^d, a monotone function on a ball: v.w^2 has the law Beta(1/2, (d - 1)/2)."""
    low, high = ((1 - x * x).beta_lower(arb(d - 1) / 2, arb(1) / 2, True) for x in (epsilon.upper().min(1), epsilon.lower().max(0)))
    return low.union(high)


@DLS22.claim(
    "lemma-6-tail",
    where="appendix E, proof of Lemma 6",
    printed_from=RESTATED,
    covers=["A.L6"],
    needs=["DLS22/cor-28-law"],
    given=family(d=[2, 3, 4, 5, 8, 16, 64, 256]),
)
def lemma_6_tail(at):
    """Pr[|v.w| > epsilon] <= e^{-epsilon^2 d/2} for every 1/32 <= epsilon <= 1, at eight d from 2 to 256: the lemma's 2 e^{-epsilon^2 d/2} holds with room for its 2.

    At every d it follows from E (v.w)^{2k} <= (2k-1)!! / d^k, Lemmas 44 and 45, which makes v.w sub-Gaussian of variance 1/d.
    """
    return _tails(at, lambda epsilon: 1)


def _tails(at, bound, d=0, rate=2):
    """e^{epsilon^2 d / rate} Pr[|v.w| > epsilon] over epsilon."""
    return AtMostOn(box=[(1 / 32, 1)], value=lambda epsilon: (epsilon * epsilon * at.d / rate).exp() * _tail(d or at.d, epsilon), bound=bound)


@lemma_6_tail.refutes("e^{-epsilon^2 d}")
def _(at):
    return _tails(at, lambda epsilon: 1, rate=1)


@lemma_6_tail.refutes("one sign only: half of it")
def _(at):
    return _tails(at, lambda epsilon: 0.5)


@lemma_6_tail.refutes("the law in d - 1 dimensions")
def _(at):
    return _tails(at, lambda epsilon: 1, d=max(at.d - 1, 2))


@DLS22.claim(
    "lemma-6-signs",
    where="appendix E, Lemma 6, for signs",
    printed_from=DERIVED,
    covers=["A.L6"],
    given=family(d=[1, 2, 3, 4, 5, 8, 12, 16, 33, 64]),
)
def lemma_6_signs(at):
    """Signs s, t of R^d obey the lemma's tail, Pr[|s.t| > epsilon d] <= 2 e^{-epsilon^2 d/2} for every 0 <= epsilon <= 1: s / sqrt(d) can be packed in integers.

    Checked at ten d from 1 to 64; at every d it is Hoeffding's inequality.
    """
    return _sign_tails(at)


def _sign_tails(at, most=2, rate=2):
    return AtMostOn(box=[(0, 1)], value=lambda epsilon: (epsilon * epsilon * at.d / rate).exp() * _sign_tail(at.d, epsilon), bound=lambda epsilon: most)


def _sign_tail(d, epsilon):
    """Pr[|s.t| > epsilon d] for every epsilon of a ball: s.t = d - 2 k where k signs differ."""
    sure = sum(math.comb(d, k) for k in range(d + 1) if abs(d - 2 * k) > epsilon * d)
    possible = sum(math.comb(d, k) for k in range(d + 1) if not abs(d - 2 * k) <= epsilon * d)
    return (arb(sure) / 2**d).union(arb(possible) / 2**d)


@lemma_6_signs.refutes("without the 2")
def _(at):
    return _sign_tails(at, most=1)


@lemma_6_signs.refutes("e^{-epsilon^2 d}")
def _(at):
    return _sign_tails(at, rate=1)


@DLS22.claim(
    "lemma-6-union",
    where="appendix E, proof of Lemma 6",
    printed_from=RESTATED,
    covers=["A.L6"],
    needs=["DLS22/lemma-6-tail"],
    given=family(e_x=[Fraction(1), Fraction(2), Fraction(3), Fraction(7, 2)]),
    proof=Proof(over="every x = epsilon^2 d / 4 >= 0", parameter="e_x", degree=lambda at: 2,
                because="over e^{-x} both sides are polynomials of degree at most 2"),
)
def lemma_6_union(at):
    """With c = 1/4 a union bound packs N = ceil(e^{c epsilon^2 d} / 2): pairs times tail is 1/4 + e^{-x} / 2 <= 3/4 < 1 at k = e^x / 2 + 1 >= N, x = c epsilon^2 d.

    That is (k (k - 1) / 2) 2 e^{-epsilon^2 d/2}, and e^{-epsilon^2 d/2} = e^{-2x}.
    """
    return Sides(pairs_times_tail=_pairs_times_tail(at.e_x, 1), sum=Fraction(1, 4) + 1 / (2 * at.e_x))


def _pairs_times_tail(e_x, factor):
    k = factor * e_x / 2 + 1
    return k * (k - 1) / 2 * 2 / e_x**2


@lemma_6_union.refutes("e^x functions for e^x / 2, which the bound does not give")
def _(at):
    return Instead(pairs_times_tail=_pairs_times_tail(at.e_x, 2))


@lemma_6_union.refutes("k = e^x / 2, not rounded up")
def _(at):
    return Instead(sum=Fraction(1, 4) - 1 / (2 * at.e_x))


# ---- the packing

EXTREME = {(4, Fraction(0)): 4, (9, Fraction(1, 2)): 4, (25, Fraction(1, 3)): 8}         # an orthogonal basis; d epsilon is between two values of s.t


def _packed(d, epsilon, size):
    return {"x": epsilon**2 * d / 4, "N": size}


@DLS22.claim(
    "lemma-6",
    where="appendix E, Lemma 6",
    printed_from=RESTATED,
    covers=["A.L6"],
    needs=["DLS22/lemma-6-signs", "DLS22/lemma-6-union"],
    given=family(_packed, lambda d, epsilon, size: EXTREME.get((d, epsilon)) == size or (size is None and epsilon > 0),
                 d=[4, 9, 25, 48, 64], epsilon=[Fraction(1, 2), Fraction(1, 3), Fraction(5, 8), Fraction(0)], size=[None, 4, 8]),
)
def lemma_6(at):
    """N = ceil(e^{epsilon^2 d/4} / 2) unit vectors with |v.w| <= epsilon, found and compared in integers; more of them where asked for."""
    return Sides(packed=_far(at, packing(at.d, at.epsilon, rng=at.d, size=at.size)), lemma=_lemma_6(at, at.N or _least_size(at.x)))


def _far(at, V):
    """How many vectors, how many ordered pairs of them and their opposites with v.w <= epsilon, and the sum of all |s_i|."""
    both = np.concatenate([V, -V])
    return [len(V), int(np.sum(both @ both.T * at.epsilon.denominator <= at.epsilon.numerator * at.d)), int(np.abs(V).sum())]


def _lemma_6(at, N):
    return [N, 2 * N * (2 * N - 1), N * at.d]


def _least_size(x):
    """ceil(e^x / 2) from a ball."""
    return int(((arb(x.numerator) / x.denominator).exp() / 2).ceil().unique_fmpz())


@lemma_6.refutes("one vector more")
def _(at):
    return Instead(lemma=_lemma_6(at, (at.N or _least_size(at.x)) + 1))


@lemma_6.refutes("c = 1/2")
def _(at):
    return Instead(lemma=_lemma_6(at, at.N or _least_size(2 * at.x)))


@lemma_6.refutes("random signs as they come")
def _(at):
    return Instead(packed=_far(at, 2 * np.random.default_rng(0).integers(0, 2, (at.N or _least_size(at.x), at.d)) - 1))
