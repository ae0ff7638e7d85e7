"""Appendix C, Lemma 29: |X|_2 of an (n, d) matrix X of independent standard normals.

singular-value-law                                                  its law, exactly
lemma-29  lemma-29-sampled                                          its tail: certified, and seen in samples that refimpl draws
"""

import itertools
import math
from fractions import Fraction
from functools import cache

import numpy as np
from flint import arb, arb_mat, ctx

from proofs_checks import AtMostOn, Frequency, Instead, Sides, ulps
from proofs_checks.instances import family
from proofs_checks.papers.dls22 import DERIVED, DLS22, RESTATED
from proofs_checks.papers.dls22.concentration import inputs


def _bits(d):
    """1 - Pr is as small as e^-100, and the determinant cancels."""
    return 320 + 80 * d


def _below(n, d, s):
    """Pr[|X|_2^2 <= s], n >= d, as a ball: the Pfaffian of de Bruijn and Chiani over its value at infinity, each the root of a determinant."""
    with ctx.workprec(_bits(d)):
        x, a = arb(s) / 2, arb(n - d - 1) / 2
        gammas = [x.gamma_lower(a + i) for i in range(1, d + 1)]
        here = _skew(a, gammas, lambda j: x ** (a + j) * (-x).exp(), lambda k: (2 * x).gamma_lower(2 * a + k))
        return (here.det() / _whole(n, d)).sqrt()


@cache
def _whole(n, d):
    """The determinant at infinity."""
    with ctx.workprec(_bits(d)):
        a = arb(n - d - 1) / 2
        return _skew(a, [(a + i).gamma() for i in range(1, d + 1)], lambda j: 0, lambda k: (2 * a + k).gamma()).det()


def _skew(a, gammas, edge, gamma):
    """A_ij = int_0^u (G_i G_j' - G_i' G_j), G_i(u) = int_0^u t^(a+i-1) e^-t, by parts from A_ii = 0.

    edge(j) = u^(a+j) e^-u, gamma(k) = 2^(2a+k) int_0^u t^(2a+k-1) e^-2t. Where d is odd, one more row and column holds the G_i.
    """
    d, gamma = len(gammas), cache(gamma)
    rows = [[arb(0)] * (d + d % 2) for _ in range(d + d % 2)]
    for i in range(1, d + 1):
        for j in range(i, d):
            entry = (a + j) * rows[i - 1][j - 1] - gammas[i - 1] * edge(j) + gamma(i + j) / arb(2) ** (2 * a + i + j - 1)
            rows[i - 1][j], rows[j][i - 1] = entry, -entry
    for i in range(d * (d % 2)):
        rows[i][d], rows[d][i] = gammas[i], -gammas[i]
    return arb_mat(rows)


LAWS = {"one column": (1, 1), "a longer column": (5, 1), "two columns": (2, 2), "two long columns": (7, 2), "three columns": (4, 3),
        "three long columns": (8, 3), "four columns": (5, 4)}


def _law(law, s):
    return dict(zip("nd", LAWS[law], strict=True))


@DLS22.claim(
    "singular-value-law",
    where="appendix C, the law behind Lemma 29",
    printed_from=DERIVED,
    covers=["A.L29"],
    needs=["DLS22/chi-square"],
    given=family(_law, law=list(LAWS), s=[4, 9, 1, 20]),
    tol=ulps(lambda at: 4 * at.n + 64),
)
def singular_value_law(at):
    """Pr[|X|_2^2 <= s] is a Pfaffian of incomplete gammas; by hand: chi-square (d = 1), X = QR (d = 2), one eigenvalue after the other."""
    by_hand = {1: _one_column, 2: _two_columns}.get(at.d, _one_by_one)(at.n, at.d, at.s)
    return Sides(pfaffian=_below(at.n, at.d, at.s), by_hand=by_hand, scale=1.0 if at.d == 2 else None)


def _one_column(n, d, s):
    return (arb(s) / 2).gamma_lower(arb(n) / 2, True)


NODES, SHARES = np.polynomial.legendre.leggauss(40)
ANGLES, WEIGHTS = (NODES + 1) * math.pi / 4, SHARES * math.pi / 2           # on [0, pi/2]; twice, for the derivative of cos^2


def _two_columns(n, d, s):
    """X^T X = [[a, b], [b, c + b^2/a]], a of law chi^2(n), c of chi^2(n-1), b / sqrt a normal: below s where b^2/a <= (s - a)(s - c)/s.

    a = s cos^2 and c = s cos^2 of two angles make the integrand smooth.
    """
    here = [WEIGHTS * s * np.cos(ANGLES) * np.sin(ANGLES) * _density(k, s * np.cos(ANGLES) ** 2) for k in (n, n - 1)]
    inside = np.vectorize(math.erf)(math.sqrt(s / 2) * np.outer(np.sin(ANGLES), np.sin(ANGLES)))
    return float(np.sum(np.outer(*here) * inside))


def _density(k, x):
    """Of chi^2(k)."""
    return x ** (k / 2 - 1) * np.exp(-x / 2) / (2 ** (k / 2) * math.gamma(k / 2))


def _one_by_one(n, d, s):
    """The integral of prod_{i<j} (u_j - u_i) prod_i u_i^a e^-u_i over u_1 < ... < u_d < s/2, a = (n - d - 1)/2, over that with s infinite."""
    parts = []
    for order in itertools.permutations(range(d)):
        inner = {(0, 0): Fraction(_parity(order))}                              # {(m, k): c} is the sum of c u^m e^-ku
        for power in order:
            inner = _integral({(m + (n - d) // 2 + power, k + 1): c for (m, k), c in inner.items()})
        parts.append(inner)
    total = {key: sum(part.get(key, 0) for part in parts) for key in set().union(*parts)}
    with ctx.workprec(_bits(d)):
        return sum(_ball(c / total[0, 0]) * (arb(s) / 2) ** m * (-k * arb(s) / 2).exp() for (m, k), c in total.items())


def _parity(order):
    return math.prod(1 if i < j else -1 for i, j in itertools.combinations(order, 2))


def _integral(terms):
    """From 0 to u, where every k is positive."""
    total = {(0, 0): Fraction()}
    for (m, k), c in terms.items():
        for j in range(m + 1):
            total[j, k] = total.get((j, k), 0) - c * Fraction(math.factorial(m), math.factorial(j) * k ** (m + 1 - j))
        total[0, 0] += c * Fraction(math.factorial(m), k ** (m + 1))
    return total


def _ball(x):
    return arb(x.numerator) / x.denominator


@singular_value_law.refutes("n columns of length d - 1: one row lost")
def _(at):
    return Instead(pfaffian=_below(at.n + 1, at.d, at.s))


@singular_value_law.refutes("|X|_F^2, of law chi^2(nd)")
def _(at):
    return Instead(pfaffian=_one_column(at.n * at.d, 1, at.s))


@singular_value_law.refutes("|X|_2 for |X|_2^2")
def _(at):
    return Instead(pfaffian=_below(at.n, at.d, at.s**2))


def _exceeds(at, start, width):
    """iota <= log 2 - log Pr[|X|_2 >= start + width q], iota = q^2."""
    def bound(q):
        s = (start + width * q) ** 2
        ends = [arb(2).log() - (1 - _below(at.n, at.d, end)).log() for end in (s.lower(), s.upper())]
        return ends[0].union(ends[1])

    return AtMostOn(box=[(0, 7) if at.d <= 3 else (63 / 64, 1)], value=lambda q: q * q, bound=bound)


@DLS22.claim(
    "lemma-29",
    where="appendix C, Lemma 29",
    printed_from=RESTATED,
    covers=["A.L29"],
    needs=["DLS22/singular-value-law"],
    given=family(lambda shape: dict(zip("nd", shape, strict=True)), shape=[(1, 1), (2, 1), (9, 1), (2, 2), (9, 2), (3, 3), (18, 18)]),
)
def lemma_29(at):
    """|X|_2 <= sqrt n + sqrt d + sqrt(2 iota) but for probability 2 e^-iota, iota <= 49 at d <= 3, iota near 1 at n = d = 18."""
    return _exceeds(at, _roots(at), arb(2).sqrt())


def _roots(at):
    return arb(at.n).sqrt() + arb(at.d).sqrt()


@lemma_29.refutes("sqrt(iota) for sqrt(2 iota)")
def _(at):
    return _exceeds(at, _roots(at), 1)


@lemma_29.refutes("sqrt n alone")
def _(at):
    return _exceeds(at, arb(at.n).sqrt(), arb(2).sqrt())


@lemma_29.refutes("sqrt(n + d), as of a vector")
def _(at):
    return _exceeds(at, arb(at.n + at.d).sqrt(), arb(2).sqrt())


@lemma_29.refutes("sqrt(2 iota) dropped")
def _(at):
    return _exceeds(at, _roots(at), 0)


@DLS22.claim(
    "lemma-29-sampled",
    where="appendix C, Lemma 29",
    printed_from=RESTATED,
    covers=["A.L29"],
    needs=["DLS22/singular-value-law", "DLS22/asm-law"],
    given=family(n=[12], d=[4]),
    false_alarm=1e-8,
)
def lemma_29_sampled(at):
    """|X|_2 of inputs exceeds sqrt n + sqrt d + sqrt(2 iota) as often as its law says, at iota = 0 and 1/32."""
    edges = [math.sqrt(at.n) + math.sqrt(at.d) + quarter / 4 for quarter in (0, 1)]

    def happens(rng, samples):
        X = inputs(at.d, rng, samples * at.n).reshape(samples, at.n, at.d)
        return np.linalg.eigvalsh(X.transpose(0, 2, 1) @ X)[:, -1:] >= np.square(edges)

    return Frequency(happens=happens, probability=_how_often(at, at.n), discrepancy=0.015)


def _how_often(at, n):
    edges = [math.sqrt(at.n) + math.sqrt(at.d) + quarter / 4 for quarter in (0, 1)]
    return [float(1 - _below(n, at.d, edge**2)) for edge in edges]


@lemma_29_sampled.refutes("one row more")
def _(at):
    return Instead(probability=_how_often(at, at.n + 1))


@lemma_29_sampled.refutes("sqrt n + sqrt d as the median")
def _(at):
    return Instead(probability=[0.5, 0.5])
