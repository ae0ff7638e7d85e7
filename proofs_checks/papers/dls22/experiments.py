"""Section 6: the targets of the experiments, and one that no first gradient step finds.

sec-6-target  sec-6-transfer                                        of unit second moment
asm-2-degenerate                                                    what is not learned where H = 0
"""

import math
from fractions import Fraction

import numpy as np

from proofs_checks import Instead, Sides, ulps
from proofs_checks.engine import oracles
from proofs_checks.instances import family, unit
from proofs_checks.papers.dls22 import DERIVED, DLS22, SLIDES_CS
from refimpl import polynomials
from refimpl.data.targets import single_index
from refimpl.hermite import He
from refimpl.population import half_space_moment

# ---- the targets of section 6

def _g_squared_mean(g, p):
    """E g(z)^2 for a polynomial g of degree p in one variable, by Gauss-Hermite."""
    return float(oracles.gauss_hermite_mean(lambda x: g(x[:, 0]) ** 2, np.eye(1), 2 * p))


directions_1 = {"p": (3, 8), "d": (1, 4)}


def _direction(rng, p, d):
    return {"u": unit(rng.standard_normal(d))}


@DLS22.claim(
    "sec-6-target",
    where="section 6, sample complexity",
    printed_from=SLIDES_CS,
    printed=r"g(x) = \frac{H_{e_2}(x)}{2} + \frac{H_{e_p}(x)}{\sqrt{2p!}}",
    covers=["ERR-S5"],
    needs=["DLS22/lemma-9"],
    given=family(_direction, **directions_1),
    tol=ulps(lambda at: 64 * at.p),
    erratum="ambiguous: the root is of 2 times p!, He_2 / 2 + He_p / sqrt(2 p!); read as the root of (2p)! it fails",
)
def sec_6_target(at):
    """f*(x) = He_2(u.x) / 2 + He_p(u.x) / sqrt(2 p!) has E f*^2 = 1 for p >= 3."""
    c = [0.0, 0.0, 1.0, *[0.0] * (at.p - 3), math.factorial(at.p) / math.sqrt(2 * math.factorial(at.p))]
    return Sides(target=single_index(c, at.u).second_moment, gauss_hermite=_g_squared_mean(_g(at.p, 2 * math.factorial(at.p)), at.p),
                 claimed=1.0, scale=_hermite_size(at.p))


def _g(p, under_the_root):
    return lambda z: sum((He(2, z) / 2, He(p, z) / math.sqrt(under_the_root)))          # orthogonal terms: no sign would show


def _hermite_size(p):
    """E of the squared absolute terms of He_p / sqrt(p!): what a monomial form loses to cancellation."""
    terms = [math.comb(p, l) * math.prod(range(p - l - 1, 1, -2)) for l in range(p % 2, p + 1, 2)]
    return sum(s * t * math.prod(range(l + k - 1, 1, -2)) for l, s in zip(range(p % 2, p + 1, 2), terms, strict=True)
               for k, t in zip(range(p % 2, p + 1, 2), terms, strict=True)) / math.factorial(p) + 4.0


@sec_6_target.as_printed
def _(at):
    c = [0.0, 0.0, 1.0, *[0.0] * (at.p - 3), math.factorial(at.p) / math.sqrt(math.factorial(2 * at.p))]
    return Instead(target=single_index(c, at.u).second_moment, gauss_hermite=_g_squared_mean(_g(at.p, math.factorial(2 * at.p)), at.p))


@sec_6_target.refutes("He_2 / sqrt(2): the whole weight on the quadratic part")
def _(at):
    return Instead(gauss_hermite=_g_squared_mean(lambda z: He(2, z) / math.sqrt(2) + He(at.p, z) / math.sqrt(2 * math.factorial(at.p)), at.p))


@sec_6_target.refutes("sqrt(p!) for sqrt(2 p!)")
def _(at):
    return Instead(gauss_hermite=_g_squared_mean(_g(at.p, math.factorial(at.p)), at.p))


@DLS22.claim(
    "sec-6-transfer",
    where="section 6, transfer learning",
    printed_from=SLIDES_CS,
    printed=r"g_{target} = \frac{H_p(x)}{\sqrt{p!}}",
    covers=["ERR-S6"],
    given=family(_direction, **directions_1),
    tol=ulps(lambda at: 64 * at.p),
    erratum="H_p must be the probabilists' He_p; the physicists' H_3 / sqrt(6) has E = 88",
)
def sec_6_transfer(at):
    """He_p(u.x) / sqrt(p!) has E = 1 with the probabilists' He_p."""
    c = [0.0] * at.p + [math.sqrt(math.factorial(at.p))]
    return Sides(target=single_index(c, at.u).second_moment,
                 gauss_hermite=_g_squared_mean(lambda z: He(at.p, z) / math.sqrt(math.factorial(at.p)), at.p),
                 claimed=1.0, scale=_hermite_size(at.p))


def _physicists(p, z):
    """H_{k+1} = 2 z H_k - 2 k H_{k-1}."""
    here, before = np.ones_like(z), np.zeros_like(z)
    for k in range(p):
        here, before = 2 * z * here - 2 * k * before, here
    return here


@sec_6_transfer.as_printed
def _(at):
    return Instead(gauss_hermite=_g_squared_mean(lambda z: _physicists(at.p, z) / math.sqrt(math.factorial(at.p)), at.p))


@sec_6_transfer.refutes("physicists' polynomials of unit leading coefficient")
def _(at):
    return Instead(gauss_hermite=_g_squared_mean(lambda z: _physicists(at.p, z) / 2**at.p / math.sqrt(math.factorial(at.p)), at.p))


@sec_6_transfer.refutes("divided by p! instead of its root")
def _(at):
    return Instead(gauss_hermite=_g_squared_mean(lambda z: He(at.p, z) / math.factorial(at.p), at.p))


# ---- what is not learned where H = 0

def _f_star(rng, p, d):
    """he_p(u.x) and a unit weight w with u.w = 1 / sqrt(d), as a random one has on average."""
    Q = np.linalg.qr(rng.standard_normal((d, 2)))[0]
    return {"target": single_index([0.0] * p + [math.sqrt(math.factorial(p))], Q[:, 0]), "u": Q[:, 0], "w": Q @ [1 / math.sqrt(d), math.sqrt(1 - 1 / d)]}


def _square_along_u(p):
    """E (he_p(z) z 1{w.x >= 0})^2 = E he_p^2 z^2 / 2, which is even in x; in rational arithmetic."""
    g = polynomials.from_hermite({(p,): math.factorial(p)})
    return float(polynomials.mean(polynomials.times(polynomials.times(g, g), {(2,): Fraction(1)}), polynomials.identity(1)) / math.factorial(p)) / 2


def _along_u(p, d):
    """u.E[he_p(z) x 1{w.x >= 0}], by z he_p = sqrt(p+1) he_{p+1} + sqrt(p) he_{p-1}: its two terms."""
    return [math.sqrt(k) * _half(q) * d ** (-q / 2) for k, q in ((p + 1, p + 1), (p, p - 1))]


def _half(q):
    """E he_q(z) 1{z >= 0} = He_{q-1}(0) / sqrt(2 pi q!)."""
    return 0.0 if q % 2 == 0 else (-1) ** ((q - 1) // 2) * math.prod(range(q - 2, 0, -2)) / math.sqrt(2 * math.pi * math.factorial(q))


@DLS22.claim(
    "asm-2-degenerate",
    where="section 2, Assumption 2, where it fails",
    printed_from=DERIVED,
    covers=["A.E1"],
    needs=["DLS22/eq-1", "DLS22/lemma-4"],
    given=family(_f_star, p=[2, 3, 4, 5], d=[3, 10, 160]),
    tol=ulps(lambda at: 64 * (at.p + at.d + 4)),
)
def asm_2_degenerate(at):
    """The signal of the first step along u over its sampling error, n (u.E g)^2 / E (u.g)^2 with n = d^2, for he_p alone and u.w = d^{-1/2}.

    It grows as 0.127 d for He_2, where H is not 0; it is 0.024 / d for He_4 and 0 for He_3, where H is 0: at d^2 samples u is not seen.
    """
    signal = at.u @ half_space_moment(at.target, at.w[None, :], np.zeros(1))[0]
    return Sides(half_space_moment=at.d**2 * signal**2 / _square_along_u(at.p), hermite_ladder=_signal_to_noise(at.p, at.d),
                 scale=at.d**2 * sum(map(abs, _along_u(at.p, at.d))) ** 2 + at.d**2 * at.d ** -at.p)


def _signal_to_noise(p, d):
    return d**2 * sum(_along_u(p, d)) ** 2 / (p + 1 / 2)


@asm_2_degenerate.refutes("H taken as that of He_2")
def _(at):
    return Instead(hermite_ladder=_signal_to_noise(2 if at.p > 2 else 4, at.d))


@asm_2_degenerate.refutes("the sampling error of any other direction, E he_p^2 / 2")
def _(at):
    return Instead(hermite_ladder=_signal_to_noise(at.p, at.d) * (2 * at.p + 1))


@asm_2_degenerate.refutes("x he_p taken as he_{p+1} alone")
def _(at):
    return Instead(hermite_ladder=at.d**2 * _along_u(at.p, at.d)[0] ** 2 / (at.p + 1 / 2))
