"""Statements of section 5.1 and appendix A.1 that are proved over a range, or certified to more than 100 bits.

eq-1-proof                                                          display (1) and its erratum, for every degree up to 12
lemma-9-proof                                                       Parseval, for every polynomial of degree up to 8
csq-proof                                                           the correlations of Theorem 2's class, for every pair of unit vectors
relu-mean                                                           c_0(b), an inequality over a whole interval of biases
constants                                                           the numbers that the paper's displays are made of
"""

import math
from fractions import Fraction

import flint
import numpy as np
from mpmath import mp
from mpmath.libmp import to_rational

from proofs_checks import AtMostOn, Instead, Proof, Sides, ulps
from proofs_checks.instances import family
from proofs_checks.papers.dls22 import DERIVED, DLS22, RESTATED, SLIDES_BJ
from proofs_checks.papers.dls22.gradient import DISPLAY_1
from refimpl import hermite
from refimpl.activations import RELU

# ---- Q + Q / sqrt(2 pi): a number is its two parts


def _add(*numbers):
    return [sum(parts, start=Fraction()) for parts in zip(*numbers, strict=True)]


def _times(factor, number):
    return [factor * part for part in number]


def _c(k):
    """c_k = E[relu(z) He_k(z)]: 1/2 at k = 1, (-1)^(k/2-1) (k-3)!! / sqrt(2 pi) at even k."""
    if k % 2:
        return [Fraction(int(k == 1), 2), Fraction()]
    return [Fraction(), Fraction((-1) ** (k // 2 - 1) * (-1 if k == 0 else _double_factorial(k - 3)))]


def _double_factorial(k):
    return math.prod(range(k, 1, -2))


def _half_line(k):
    """E[z^k 1{z >= 0}]: (k-1)!! / 2 for even k, (k-1)!! / sqrt(2 pi) for odd k."""
    return [Fraction(), Fraction(_double_factorial(k - 1))] if k % 2 else [Fraction(_double_factorial(k - 1), 2), Fraction()]


def _rho(point):
    """Fourteen correlations u.w in (-1, 1), none of them 0."""
    return {"rho": Fraction(2 * point - 13, 15)}


# ---- display (1)

def _moments(at):
    """E[He_k(u.x) (w.x) 1] and E[He_k(u.x) (u.x) 1], 1 the indicator of w.x >= 0, by u.x = rho z + sqrt(1 - rho^2) y with z = w.x."""
    along_w, along_u = [Fraction()] * 2, [Fraction()] * 2
    for l, h in enumerate(_He(at.k)):
        for i in range(0, l + 2, 2):                      # y^i, only even powers have a mean: (i-1)!!, and (1 - rho^2)^(i/2)
            mean = h * (1 - at.rho**2) ** (i // 2) * _double_factorial(i - 1)
            if i <= l:
                along_w = _add(along_w, _times(mean * math.comb(l, i) * at.rho ** (l - i), _half_line(l - i + 1)))
            along_u = _add(along_u, _times(mean * math.comb(l + 1, i) * at.rho ** (l + 1 - i), _half_line(l + 1 - i)))
    return [along_w, along_u]


def _He(k):
    """He_k in monomials."""
    return hermite.to_monomials([*[0] * k, math.factorial(k)])


def _display_1(at, second=True):
    """Inner products with w and u of k c_k rho^(k-1) u + w c_{k+2} rho^k, the only terms of He_k(u.x); the latter where the second sum has it."""
    u = _times(at.k and at.k * at.rho ** (at.k - 1), _c(at.k))
    w = _times(at.rho**at.k, _c(at.k + 2)) if second else [Fraction()] * 2
    return [_add(_times(at.rho, u), w), _add(u, _times(at.rho, w))]


@DLS22.claim(
    "eq-1-proof",
    where="section 5.1, display (1)",
    printed_from=SLIDES_BJ,
    printed=DISPLAY_1,
    covers=["A.G2", "ERR-A1"],
    needs=["DLS22/def-37", "DLS22/relu-coefficients"],
    given=family(lambda p, k, point: _rho(point), lambda p, k, point: k <= p, p=(1, 12), k=(0, 12), point=(0, 13)),
    proof=Proof(
        over="every polynomial f* of degree p <= 12 in any dimension, every unit w, no bias",
        parameter="point", degree=lambda at: at.k + 1,
        because="the He_k(u.x), |u| = 1, span the polynomials (polarisation); both sides lie in span(u, w); their inner products with u "
                "and w are polynomials in u.w of degree at most k + 1, since odd powers of y have mean 0",
    ),
    erratum="the second sum must run to k = p; as printed it fails for every even p",
)
def eq_1_proof(at):
    """Display (1) with its second sum to k = p is a theorem for every p up to 12."""
    return Sides(conditioning=_moments(at), display_1=_display_1(at))


@eq_1_proof.as_printed
def _(at):
    return Instead(display_1=_display_1(at, second=at.k <= at.p - 1))


@eq_1_proof.refutes("the second sum to p - 2")
def _(at):
    return Instead(display_1=_display_1(at, second=at.k <= at.p - 2))


@eq_1_proof.refutes("w and u exchanged")
def _(at):
    return Instead(display_1=_display_1(at)[::-1])


# ---- Parseval

@DLS22.claim(
    "lemma-9-proof",
    where="appendix A.1, Lemma 9",
    printed_from=RESTATED,
    covers=["A.L9"],
    needs=["DLS22/lemma-9", "HERMITE/gaussian-moments"],
    given=family(lambda p, row: {}, lambda p, row: row <= p, p=(0, 8), row=(0, 8)),
    proof=Proof(
        over="every polynomial f* of degree p <= 8 in any dimension", parameter="row", degree=lambda at: at.p,
        because="both sides are quadratic forms in the coefficients, which pairs of monomials decide; |C_k|_F^2 / k! is the sum over |gamma| = k of "
                "(E d^gamma f)^2 / gamma!, so that on a pair both sides are products over the coordinates: of pairs z^a, z^b, one row for each a",
    ),
)
def lemma_9_proof(at):
    """E f*^2 = sum_k |C_k|_F^2 / k!: E z^a z^b = sum_k E[d^k z^a] E[d^k z^b] / k!."""
    return Sides(moments=[_moment(at.row + b) for b in range(at.p + 1)], tensors=_by_derivatives(at, math.factorial))


def _by_derivatives(at, divisor, mean=None):
    rows = [[Fraction(_derivative(at.row, k, mean or _moment) * _derivative(b, k, mean or _moment), divisor(k)) for k in range(min(at.row, b) + 1)]
            for b in range(at.p + 1)]
    return [sum(row) for row in rows]


def _derivative(a, k, mean):
    """E d^k z^a."""
    return math.factorial(a) // math.factorial(a - k) * mean(a - k)


@lemma_9_proof.refutes("without 1/k!")
def _(at):
    return Instead(tensors=_by_derivatives(at, lambda k: 1))


@lemma_9_proof.refutes("1/(k!)^2, as if C_k were the coefficient of He_k / k! twice")
def _(at):
    return Instead(tensors=_by_derivatives(at, lambda k: math.factorial(k) ** 2))


@lemma_9_proof.refutes("derivatives at 0 for their means")
def _(at):
    return Instead(tensors=_by_derivatives(at, math.factorial, mean=lambda k: int(k == 0)))


# ---- the correlations of the class of Theorem 2

@DLS22.claim(
    "csq-proof",
    where="section 3, proof of Theorem 2",
    printed_from=RESTATED,
    covers=["A.CSQ1"],
    needs=["DLS22/csq-correlation"],
    given=family(lambda j, k, point: _rho(point), j=(0, 8), k=(0, 8), point=(0, 13)),
    proof=Proof(over="every pair of unit vectors u, v and every j, k <= 8", parameter="point", degree=lambda at: at.j,
                because="E[He_j(rho z + s y) He_k(z)] with s^2 = 1 - rho^2 is a polynomial in rho of degree at most j"),
)
def csq_proof(at):
    """E[He_j(u.x) He_k(v.x)] = k! (u.v)^k for j = k and 0 otherwise, stated with the norm E He_k^2 = k! beside it."""
    return Sides(conditioning=[_correlation(at), math.factorial(at.k)], power=[_power(at), _norm(at.k)])


def _correlation(at):
    total, He_j, He_k = Fraction(), _He(at.j), _He(at.k)
    for l, h in enumerate(He_j):
        for i in range(0, l + 1, 2):
            mean = math.comb(l, i) * at.rho ** (l - i) * (1 - at.rho**2) ** (i // 2) * _double_factorial(i - 1)
            total += h * mean * sum(x * _moment(n + l - i) for n, x in enumerate(He_k))
    return total


def _moment(n):
    return 0 if n % 2 else _double_factorial(n - 1)


def _norm(k):
    He_k = list(enumerate(_He(k)))
    return sum(x * y * _moment(l + n) for l, x in He_k for n, y in He_k)


def _power(at):
    return math.factorial(at.k) * at.rho**at.k if at.j == at.k else Fraction()


@csq_proof.refutes("k! lost")
def _(at):
    return Instead(power=[at.rho**at.k if at.j == at.k else 0, 1])


@csq_proof.refutes("not orthogonal: (u.v)^j k! also for j < k")
def _(at):
    return Instead(power=[math.factorial(at.k) * at.rho**at.j, _norm(at.k)])


# ---- an inequality over an interval

def _relu_mean(b):
    """c_0(b) = phi(b) + b Phi(b) as a ball."""
    return (-b * b / 2).exp() / (2 * flint.arb.pi()).sqrt() + b * (-b / flint.arb(2).sqrt()).erfc() / 2


@DLS22.claim(
    "relu-mean",
    where="appendix A.1, with a bias",
    printed_from=DERIVED,
    covers=["A.H4"],
    needs=["DLS22/relu-bias"],
    given=family(side=["left", "right"]),
)
def relu_mean(at):
    """c_0(b) = E relu(z + b) exceeds relu(b) by at most 1/sqrt(2 pi) < 0.4, its value at b = 0, for every |b| <= 8."""
    box = (-8, 0) if at.side == "left" else (0, 8)
    return AtMostOn(box=[box], value=_relu_mean, bound=lambda b: (b if at.side == "right" else 0) + flint.arb("0.4"))


@relu_mean.refutes("0.39 for 0.4")
def _(at):
    return Instead(bound=lambda b: (b if at.side == "right" else 0) + flint.arb("0.39"))


@relu_mean.refutes("relu(-b) for relu(b)")
def _(at):
    return Instead(bound=lambda b: (-b if at.side == "left" else 0) + flint.arb("0.4"))


# ---- constants

@DLS22.claim(
    "constants",
    where="section 5.1 and appendix A.1, the numbers of the displays",
    printed_from=DERIVED,
    covers=["A.H2", "A.L4"],
    needs=["DLS22/relu-coefficients", "DLS22/lemma-4-constant"],
    given=family(K=(2, 12)),
    tol=ulps(lambda at: 8 * at.K + 24),
)
def constants(at):
    """1/sqrt(2 pi), the c_{2k} of ReLU to c_{2K}, and Lemma 1's constant c_2/sqrt(2!) = 1/(2 sqrt pi), in balls of more than 100 bits."""
    ball = [_ball(k) for k in range(at.K + 1)] + [1 / (2 * flint.arb.pi().sqrt())]
    with mp.workdps(45):
        second = [_fraction((-1) ** (k - 1) * mp.fac2(2 * k - 3) / mp.sqrt(2 * mp.pi)) for k in range(at.K + 1)] + [_fraction(1 / (2 * mp.sqrt(mp.pi)))]
    c = RELU.hermite_coefficients(2 * at.K)
    return Sides(refimpl=[*c[::2], c[2] / math.sqrt(2)], arb=ball, mpmath=second, scale=np.abs([float(x) for x in second]))


def _ball(k):
    """c_{2k} = c_0 prod_{j < k} (1 - 2j), since c_{2j+2} = (1 - 2j) c_{2j}, and c_0 = 1 / sqrt(2 pi)."""
    return flint.arb(math.prod(1 - 2 * j for j in range(k))) / (2 * flint.arb.pi()).sqrt()


def _fraction(x):
    """An mpmath number as the dyadic fraction it is."""
    return Fraction(*map(int, to_rational(x._mpf_)))


@constants.refutes("1/sqrt(pi) for 1/sqrt(2 pi)")
def _(at):
    return Instead(arb=[_ball(k) * flint.arb(2).sqrt() for k in range(at.K + 1)] + [1 / (2 * flint.arb.pi().sqrt())])


@constants.refutes("the constant of the gradient, twice that of g")
def _(at):
    return Instead(arb=[_ball(k) for k in range(at.K + 1)] + [1 / flint.arb.pi().sqrt()])
