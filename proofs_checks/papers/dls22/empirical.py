"""Appendix C, Lemmas 32 and 33: the first gradient on n samples against its mean, for all w at once.

lemma-32-cells  lemma-32-second-moment  lemma-32-truncation  lemma-32-probability   the supremum over w, and three errata
lemma-33  lemma-33-rate  lemma-32-rate                              the noise, and the rates in d and n
cor-34-parts                                                        the parts of g_n - g
"""

import itertools
import math
from fractions import Fraction
from functools import partial

import numpy as np

from proofs_checks import Instead, Scaling, Sides, ulps
from proofs_checks.engine import oracles
from proofs_checks.instances import family, random_target, unit
from proofs_checks.papers.dls22 import DERIVED, DLS22, INDEXED, RESTATED
from proofs_checks.papers.dls22.preprocessing import _gap, _squares
from proofs_checks.papers.dls22.routes import half_space_moment_of
from proofs_checks.papers.dls22.sign_patterns import _patterns, _points
from refimpl import polynomials
from refimpl.data.targets import Target
from refimpl.population import half_space_moment

# ---- Lemma 32: the supremum over w

def _odd(rng, n, p):
    """An odd target of one direction of the plane, and n points of small numbers in general position."""
    u = rng.integers(1, 4, 2) / 2
    target = Target({(k,): float(rng.integers(1, 4)) * (-1.0) ** k for k in range(1, p + 1, 2)}, u[None, :])
    X = _points(rng, n, 2)["X"]
    turns = np.array([np.arctan2(x[1], x[0]) + side * math.pi / 2 for x in X for side in (1, -1)])
    ends = np.sort(turns % (2 * math.pi))
    middles = (ends + np.append(ends[1:], ends[0] + 2 * math.pi)) / 2           # of the arcs on which no sign changes
    return {"target": target, "X": X, "W": np.column_stack([np.cos(middles), np.sin(middles)])}


@DLS22.claim(
    "lemma-32-cells",
    where="appendix C, Lemma 32",
    printed_from=DERIVED,
    covers=["A.L32"],
    needs=["DLS22/lemma-31-cells", "DLS22/eq-1"],
    given=family(_odd, n=(2, 4), p=[1, 5]),
    tol=ulps(lambda at: 8 * at.n + 64 * at.p),
)
def lemma_32_cells(at):
    """For odd f* the supremum of |(1/n) sum_i f*(x_i) x_i 1{w.x_i >= 0} - E| over all w is a largest of finitely many: E = C_1 / 2 whatever w is."""
    return Sides(patterns=_over_patterns(at), directions=_over_directions(at), scale=_largest(at))


def _over_patterns(at, share=Fraction(1, 2)):
    """The largest square over the signs that occur, in rationals."""
    u = [Fraction(x) for x in at.target.U[0].tolist()]
    f = {k: Fraction(c) for (k,), c in at.target.g.items()}
    products = [sum(a * b for a, b in zip(u, x, strict=True)) for x in at.X]
    values = [sum(c * z**k for k, c in f.items()) for z in products]
    slope = sum(c * oracles.gaussian_moment([k + 1]) * sum(x * x for x in u) ** (k // 2) for k, c in f.items())      # C_1 = slope u
    return max(sum((sum(s * y * x[j] for s, y, x in zip(signs, values, at.X, strict=True)) / at.n - share * slope * u[j]) ** 2 for j in range(2))
               for signs in _patterns(at.X, 2))


def _over_directions(at):
    """The largest square over the arcs, each by its -w, the expectation by quadrature at w: that of f x is the same on both sides."""
    X = np.array(at.X, dtype=float)
    f = oracles.monomials(at.target.g, X @ at.target.U.T)
    gaps = [(f * np.signbit(X @ w)) @ X / at.n - half_space_moment_of(at, w).value for w in at.W]
    return max(gap @ gap for gap in gaps)


def _largest(at):
    X = np.abs(np.array(at.X, dtype=float))
    size = oracles.monomials(at.target.g, X @ np.abs(at.target.U).T, absolute=True) @ X / at.n + half_space_moment_of(at, at.target.U[0]).scale
    return float(size @ size)


@lemma_32_cells.refutes("C_1 for C_1 / 2")
def _(at):
    return Instead(patterns=_over_patterns(at, share=1))


@lemma_32_cells.refutes("without the expectation")
def _(at):
    return Instead(patterns=_over_patterns(at, share=0))


def _pure(rng, p, d):
    """An odd Hermite sum of x_1 without a linear part."""
    c = {(k,): Fraction(int(rng.integers(1, 5)) * (-1) ** int(rng.integers(2))) for k in range(3, p + 1, 2)}
    return {"g": polynomials.from_hermite(c), "U": (tuple(Fraction(int(i == 0)) for i in range(d)),)}


@DLS22.claim(
    "lemma-32-second-moment",
    where="appendix C, Lemma 32",
    printed_from=INDEXED,
    printed=r"\sqrt{\mathbb{E} g^2}",
    covers=["A.L32", "ERR-A8"],
    needs=["DLS22/lemma-10-order", "DLS22/lemma-32-cells"],
    given=family(_pure, p=[3, 5], d=(1, 3)),
    erratum="sqrt(E f^2): the gradient g can vanish for all w where the samples' does not",
)
def lemma_32_second_moment(at):
    """At n = 1, for odd f with C_1 = 0: E sup_w |g_1(w) - g(w)|^2 = E[f^2 |x|^2] is (2d + 4p) E f^2 less a sum of squares; g = 0."""
    return Sides(gap=_gap(at, 2 * at.d + 4 * at.p), squares=_squares(at))


@lemma_32_second_moment.as_printed
def _(at):
    return Instead(gap=_gap(at, (2 * at.d + 4 * at.p) * 0))


@lemma_32_second_moment.refutes("2d E f^2")
def _(at):
    return Instead(gap=_gap(at, 2 * at.d))


@lemma_32_second_moment.refutes("d + 4p for 2d + 4p")
def _(at):
    return Instead(gap=_gap(at, at.d + 4 * at.p))


@DLS22.claim(
    "lemma-32-truncation",
    where="appendix C, proof of Lemma 32",
    printed_from=INDEXED,
    printed=r"\exp(\iota / 2)",
    covers=["A.L32", "ERR-A8"],
    needs=["DLS22/lemma-32-second-moment"],
    given=family(None, n=[1, 2, 10, 10_000], d=[1, 2, 10], p=[0, 1, 3]),
    erratum="exp(-iota / 2): what is cut off must be as small as sqrt(d / n), and is so from iota = log(2n) on",
)
def lemma_32_truncation(at):
    """At e^iota = 2n what is cut off has the square (2d + 4p) 2 e^-iota, below (2 + 4p) d / n by 4p (d-1) / n.

    It is |E[f x 1{w.x >= 0} 1_B]|^2 <= E[f^2 |x|^2] Pr[B], E f^2 = 1, for an event B of probability at most 2 e^-iota
    (Cauchy and Schwarz, lemma-10-order).
    """
    return Sides(left_over=_left_over(at, Fraction(1, 2 * at.n)), slack=Fraction(4 * at.p * (at.d - 1), at.n))


def _left_over(at, tail):
    """(2 + 4p) d / n - (2d + 4p) 2 tail."""
    return Fraction((2 + 4 * at.p) * at.d, at.n) - (2 * at.d + 4 * at.p) * 2 * tail


@lemma_32_truncation.as_printed
def _(at):
    return Instead(left_over=_left_over(at, 2 * at.n))


@lemma_32_truncation.refutes("e^iota = n")
def _(at):
    return Instead(left_over=_left_over(at, Fraction(1, at.n)))


@lemma_32_truncation.refutes("the slack of sqrt(1 / n), without d")
def _(at):
    return Instead(slack=Fraction((2 + 4 * at.p) * (at.d - 1), at.n))


@DLS22.claim(
    "lemma-32-probability",
    where="appendix C, proof of Lemma 32",
    printed_from=INDEXED,
    printed=r"1 - 2e^{\iota}",
    covers=["A.L32", "ERR-A8"],
    given=family(None, n=(1, 8), tail=[Fraction(1, 4), Fraction(1, 10), Fraction(1, 100)]),
    erratum="1 - 2 e^-iota; 1 - 2 e^iota is negative",
)
def lemma_32_probability(at):
    """n independent events of probability 1 - 2t, t = e^-iota: (1 - 2t)^n exceeds 1 - 2nt by sum_{k<n} 2t (1 - (1 - 2t)^k) >= 0."""
    return Sides(excess=_excess(at, 2 * at.n * at.tail), terms=sum(2 * at.tail * (1 - (1 - 2 * at.tail) ** k) for k in range(at.n)))


def _excess(at, failing):
    return (1 - 2 * at.tail) ** at.n - (1 - failing)


@lemma_32_probability.as_printed
def _(at):
    return Instead(excess=_excess(at, 2 * at.n / at.tail))


@lemma_32_probability.refutes("1 - 2 e^-iota for all n together")
def _(at):
    return Instead(excess=_excess(at, 2 * at.tail))


@lemma_32_probability.refutes("1 - n e^-iota")
def _(at):
    return Instead(excess=_excess(at, at.n * at.tail))


# ---- Lemma 33: the noise

def _integers(rng, n, d, varsigma):
    return {"X": [[int(x) for x in row] for row in rng.integers(-3, 4, (n, d))], "w": [int(x) for x in rng.integers(-2, 3, d)]}


@DLS22.claim(
    "lemma-33",
    where="appendix C, Lemma 33: its second moment given the inputs",
    printed_from=DERIVED,
    covers=["A.L33"],
    needs=["DLS22/asm-noise"],
    given=family(_integers, n=(1, 5), d=(1, 3), varsigma=[1, 2, Fraction(1, 2)]),
)
def lemma_33(at):
    """E|(1/n) sum_i epsilon_i x_i 1{w.x_i >= 0}|^2 = (varsigma/n)^2 sum_i |x_i|^2 1{w.x_i >= 0}.

    Over all signs of the noise; the mean over x ~ N(0, I_d) is d varsigma^2 / (2n).
    """
    active = [x for x in at.X if sum(a * b for a, b in zip(at.w, x, strict=True)) >= 0]
    return Sides(all_signs=_over_signs(at), diagonal=(at.varsigma / Fraction(at.n)) ** 2 * sum(x_i * x_i for x in active for x_i in x))


def _over_signs(at):
    slopes = [int(sum(a * b for a, b in zip(at.w, x, strict=True)) >= 0) for x in at.X]
    total = Fraction()
    for signs in itertools.product([at.varsigma, -at.varsigma], repeat=at.n):
        total += sum(sum(s * on * x[j] for s, on, x in zip(signs, slopes, at.X, strict=True)) ** 2 for j in range(at.d))
    return total / (2**at.n * at.n**2)


@lemma_33.refutes("all samples for the active ones")
def _(at):
    return Instead(diagonal=(at.varsigma / Fraction(at.n)) ** 2 * sum(x_i * x_i for x in at.X for x_i in x))


@lemma_33.refutes("varsigma^2 / n for varsigma^2 / n^2")
def _(at):
    return Instead(diagonal=at.varsigma**2 / Fraction(at.n) * sum(x_i * x_i for x in at.X for x_i in x))


@lemma_33.refutes("signs that are all alike")
def _(at):
    active = [x for x in at.X if sum(a * b for a, b in zip(at.w, x, strict=True)) >= 0]
    return Instead(diagonal=(at.varsigma / Fraction(at.n)) ** 2 * sum(sum(x[j] for x in active) ** 2 for j in range(at.d)))


FEW = 8                                                    # samples; all 2^8 signs occur where d is larger
SUBSETS = np.array(list(itertools.product([0.0, 1.0], repeat=FEW)))


def _largest_noise(rng, d):
    """The root of the mean over 16 draws of sup_w |(1/n) sum_i epsilon_i x_i 1{w.x_i >= 0}|^2, n = 8."""
    X = rng.standard_normal((16, FEW, d)) * rng.choice([-1.0, 1.0], (16, FEW, 1))
    squares = np.sum((SUBSETS @ (X @ X.transpose(0, 2, 1))) * SUBSETS, axis=2)
    return math.sqrt(np.mean(np.max(squares, axis=1))) / FEW


@DLS22.claim(
    "lemma-33-rate",
    where="appendix C, Lemma 33: its rate in d",
    printed_from=RESTATED,
    covers=["A.L33"],
    needs=["DLS22/lemma-33", "DLS22/lemma-31-cells"],
    given=family(n=[FEW]),
    false_alarm=1e-8,
)
def lemma_33_rate(at):
    """sup_w |(1/n) sum_i epsilon_i x_i 1{w.x_i >= 0}| grows as d^(1/2) at fixed n; all patterns of n = 8 samples occur.

    For every n and d its mean over the noise is at most (2 varsigma / n) |X|_2 sqrt(2 d log(10 n)): |v| is at most twice the largest u.v over a
    half-net of 5^d directions, and of the (10 n)^d sums of lemma-31-bound each is subgaussian with the variance (varsigma |X|_2 / n)^2. For f*(x_i) in
    the place of the noise max_i |f*(x_i)| takes that of varsigma, and a factor 2 comes from symmetrisation. This is derived, not computed.
    """
    return Scaling(sizes=(256, 1024), measure=_largest_noise, exponent=0.5, seeds=48)


@lemma_33_rate.refutes("no d: varsigma sqrt(iota / n)")
def _(at):
    return Instead(exponent=0.0)


@lemma_33_rate.refutes("d")
def _(at):
    return Instead(exponent=1.0)


TOTAL = 2**17                                              # samples a size; they are cut into TOTAL / n data sets


def _largest_error(rng, n):
    """The mean of max over w = 1, -1 of |(1/n) sum_i y_i x_i 1{w x_i >= 0} - 1/2| at d = 1, for y_i = x_i +- 1."""
    x = rng.standard_normal((TOTAL // n, n))
    seen = (x + rng.choice([-1.0, 1.0], x.shape)) * x
    halves = np.stack([np.mean(np.where(x >= 0, seen, 0), axis=1), np.mean(np.where(x >= 0, 0, seen), axis=1)])
    return float(np.mean(np.max(np.abs(halves - 1 / 2), axis=0)))


@DLS22.claim(
    "lemma-32-rate",
    where="appendix C, Lemmas 32 and 33: their rate in n",
    printed_from=RESTATED,
    covers=["A.L32", "A.L33"],
    needs=["DLS22/lemma-32-cells", "DLS22/lemma-33"],
    given=family(d=[1]),
    false_alarm=1e-8,
)
def lemma_32_rate(at):
    """The supremum over all w of a line is of order n^(-1/2), with noise; in more dimensions only its second moment at each w is decided."""
    return Scaling(sizes=(64, 512), measure=_largest_error, exponent=-0.5, seeds=96)


@lemma_32_rate.refutes("sqrt(log n / n), with the iota of a union bound")
def _(at):
    return Instead(exponent=-0.5 + math.log(math.log(512) / math.log(64)) / math.log(512 / 64) / 2)


@lemma_32_rate.refutes("n^(-1/4)")
def _(at):
    return Instead(exponent=-0.25)


@lemma_32_rate.refutes("n^-1, the rate of its square")
def _(at):
    return Instead(exponent=-1.0)


# ---- Corollary 34: the first gradient itself

def _data_set(rng, p, d, n):
    """A target of all coordinates, n points of small numbers and signs of the noise, alpha and beta of these, w."""
    target = random_target(rng, p, np.eye(d))
    X, epsilon = rng.integers(-3, 4, (n, d)) / 2, rng.choice([-1.0, 1.0], n)
    y = target.value(X) + epsilon
    return {"target": target, "X": X, "y": y, "epsilon": epsilon, "alpha": float(np.mean(y)), "beta": y @ X / n, "w": unit(rng.standard_normal(d))}


@DLS22.claim(
    "cor-34-parts",
    where="appendix C, proof of Corollary 34",
    printed_from=DERIVED,
    covers=["A.C34"],
    needs=["DLS22/lemma-10", "DLS22/lemma-32-cells", "DLS22/lemma-33", "DLS22/eq-1"],
    given=family(_data_set, p=(1, 3), d=(1, 2), n=(1, 4)),
    tol=ulps(lambda at: 64 * (at.p + 1) + 4 * at.n),
)
def cor_34_parts(at):
    """g_n(w) - g(w) = D f* + (1/n) sum_i epsilon_i x_i 1{w.x_i >= 0} - alpha D 1 - D(beta.x).

    D h is the error of the mean of h(x) x 1{w.x >= 0} over n samples. alpha and beta may come from the same samples. By Lemma 10 the last two are
    products of two errors once C_0 and C_1 are taken off f*.
    """
    hat = Target(polynomials.add(dict(at.target.g), _affine(at, -1, at.alpha)), at.target.U)
    seen = (at.y - at.alpha - at.X @ at.beta) * ~np.signbit(at.X @ at.w)
    whole = seen @ at.X / at.n - half_space_moment(hat, at.w[None, :], np.zeros(1))[0]
    return Sides(whole=whole, parts=_parts(at, at.alpha, at.epsilon), scale=_parts_size(at))


def _affine(at, sign, alpha):
    """sign (alpha + beta.x) as a polynomial."""
    slopes = {tuple(int(i == j) for j in range(at.d)): Fraction(sign * at.beta[i]) for i in range(at.d)}
    return {(0,) * at.d: Fraction(sign * alpha)} | slopes


def _parts(at, alpha, epsilon):
    return _error(at, at.target.g) + _error(at, _affine(at, -1, alpha)) + (epsilon * ~np.signbit(at.X @ at.w)) @ at.X / at.n


def _error(at, h):
    """D h."""
    there = _there(at, h)
    return (oracles.monomials(h, at.X) * ~np.signbit(at.X @ at.w)) @ at.X / at.n - there.value


def _there(at, h):
    """E[h(x) x 1{w.x >= 0}] by quadrature, and its scale."""
    size = partial(oracles.monomials, h, absolute=True)
    return oracles.half_space_moment(partial(oracles.monomials, h), size, np.eye(at.d), at.w, 0.0, at.p + 1)


def _parts_size(at):
    x, total = np.abs(at.X), 0.0
    for h in (at.target.g, _affine(at, 1, at.alpha)):
        total += np.sum(_there(at, h).scale) + np.sum(oracles.monomials(h, x + math.sqrt(2 * at.p), absolute=True) @ x) / at.n
    return total + np.sum(x) / at.n


@cor_34_parts.refutes("the noise forgotten")
def _(at):
    return Instead(parts=_parts(at, at.alpha, 0 * at.epsilon))


@cor_34_parts.refutes("alpha D 1 forgotten")
def _(at):
    return Instead(parts=_parts(at, 0.0, at.epsilon))


@cor_34_parts.refutes("alpha D 1 with the other sign")
def _(at):
    return Instead(parts=_parts(at, -at.alpha, at.epsilon))
