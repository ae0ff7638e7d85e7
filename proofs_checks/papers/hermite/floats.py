"""One variable, in floating point: evaluation, unit norm, series, half-lines.

    evaluation           He_k
    unit-norm            he_k = He_k / sqrt(k!)
    series               sum_k c_k He_k(z) / k!
    half-line            phi, Phi, E[He_k(z) 1{z + b >= 0}]
    half-line-moments    E[z^k 1{z + b >= 0}], E[(z + b) 1{z + b >= 0}]

The budgets are those of the functions' docstrings, and 1 for rounding the exact route.
"""

import math
from fractions import Fraction

import numpy as np

from proofs_checks import Instead, Sides, ulps
from proofs_checks.instances import family
from proofs_checks.papers.hermite import DERIVED, HERMITE, RECALLED
from proofs_checks.papers.hermite.routes import (
    NORMAL,
    He_monomials,
    half_line_values,
    mean_above,
    over_root,
    plus_signs,
    tails,
    three_term,
    value,
)
from refimpl import gaussian
from refimpl.hermite import He, He_table, he, hermite_sum


def _anywhere(rng, K):
    return {"z": np.array([math.sqrt(3), *rng.uniform(-6, 6, 2), rng.uniform(-30, 30)])}

def _floats(rng, k):
    return {"z": np.round(rng.uniform(-6, 6, 3) * 2**18) / 2**18}

def _float_series(rng, K):
    size = np.array([math.sqrt(math.factorial(k)) for k in range(K + 1)])
    return {"c": size * rng.standard_normal(K + 1), "z": rng.uniform(-4, 4, 3)}

def _biases(rng, K, b):
    return {"x": np.array([b, b + rng.uniform(-1, 1)])}

BIASES = [0.0, 0.7, -0.7, 5.0, -5.0, 12.0, -12.0, 36.0, -36.0]


@HERMITE.claim("evaluation", where="the three-term recurrence in floating point", printed_from=DERIVED,
               needs=["HERMITE/recurrence", "HERMITE/rodrigues"], given=family(_anywhere, K=[0, 1, 2, 3, 4, 5, 8, 13, 21, 34]), tol=ulps(1))
def evaluation(at):
    """He_0(z), ..., He_K(z) by He_{k+1}(z) = z He_k(z) - k He_{k-1}(z), in floats with all their bits; sqrt(3) is next to a root of He_3."""
    return Sides(
        recurrence=[*He_table(at.K, at.z), He(at.K, at.z)],
        rodrigues=[[value(He_monomials(k), Fraction(z)) for z in at.z] for k in _orders(at)],
        scale=[[(4 * k + 1) * float(plus_signs(k, Fraction(z))) for z in at.z] for k in _orders(at)],
    )


def _orders(at):
    """Those of the table, and of the single polynomial."""
    return [*range(at.K + 1), at.K]


def _by_steps(at, step):
    """The same rows by another step, exactly."""
    table = np.transpose([three_term(at.K, Fraction(z), step) for z in at.z])
    return table[_orders(at)]


@evaluation.refutes("index off by one: z He_k - (k + 1) He_{k-1}")
def _(at):
    return Instead(rodrigues=_by_steps(at, lambda k, z, here, before: z * here - (k + 1) * before))


@evaluation.refutes("the physicists' polynomials: H_{k+1} = 2 z H_k - 2 k H_{k-1}")
def _(at):
    return Instead(rodrigues=_by_steps(at, lambda k, z, here, before: 2 * z * here - 2 * k * before))


@evaluation.refutes("sign lost: z He_k + k He_{k-1}")
def _(at):
    return Instead(rodrigues=_by_steps(at, lambda k, z, here, before: z * here + k * before))


@evaluation.refutes("z in single precision")
def _(at):
    return Instead(recurrence=[*He_table(at.K, at.z.astype(np.float32).astype(float)), He(at.K, at.z)])


@HERMITE.claim("unit-norm", where="the orthonormal polynomials", printed_from=RECALLED, needs=["HERMITE/orthogonality"],
               given=family(_floats, k=[0, 1, 2, 3, 4, 5, 8, 13, 21, 55, 200]), tol=ulps(lambda at: 6 * at.k + 1))
def unit_norm(at):
    """he_k = He_k / sqrt(k!), also where k! is no float."""
    return Sides(
        own_recurrence=he(at.k, at.z),
        rounded_once=[over_root(three_term(at.k, Fraction(z))[-1], math.factorial(at.k)) for z in at.z],
        scale=[over_root(plus_signs(at.k, Fraction(z)), math.factorial(at.k)) for z in at.z],
    )


@unit_norm.refutes("k! for its root")
def _(at):
    return Instead(rounded_once=[over_root(three_term(at.k, Fraction(z))[-1], math.factorial(at.k) ** 2) for z in at.z])


@unit_norm.refutes("the physicists' norm sqrt(2^k k!)")
def _(at):
    return Instead(rounded_once=[over_root(three_term(at.k, Fraction(z))[-1], 2**at.k * math.factorial(at.k)) for z in at.z])


@unit_norm.refutes("index off by one: sqrt((k + 1)!)")
def _(at):
    return Instead(rounded_once=[over_root(three_term(at.k, Fraction(z))[-1], math.factorial(at.k + 1)) for z in at.z])


@HERMITE.claim("series", where="Clenshaw's recurrence for a Hermite series", printed_from=DERIVED, needs=["HERMITE/recurrence"],
               given=family(_float_series, K=(0, 20)), tol=ulps(lambda at: 8 * (at.K + 2) + 1))
def series(at):
    """sum_k c_k He_k(z) / k! = b_0, b_k = c_k + z b_{k+1} / (k + 1) - b_{k+2} / (k + 2)."""
    return Sides(
        clenshaw=hermite_sum(at.c, at.z),
        term_by_term=_term_by_term(at, math.factorial),
        scale=[_clenshaw(np.abs(at.c), abs(z), 1) for z in at.z],
    )


def _term_by_term(at, divisor):
    """sum_k c_k He_k(z) / divisor(k), in Fractions."""
    c = [Fraction(a) for a in at.c]
    return [sum(a * y / divisor(k) for k, (a, y) in enumerate(zip(c, three_term(at.K, Fraction(z)), strict=True))) for z in at.z]


def _clenshaw(c, z, sign):
    b1 = b2 = 0.0
    for k in reversed(range(len(c))):
        b1, b2 = c[k] + z * b1 / (k + 1) + sign * b2 / (k + 2), b1
    return float(b1)


@series.refutes("c_k taken as the coefficient of He_k")
def _(at):
    return Instead(term_by_term=_term_by_term(at, lambda k: 1))


@series.refutes("c_k taken as the coefficient of he_k = He_k / sqrt(k!)")
def _(at):
    return Instead(term_by_term=_term_by_term(at, lambda k: Fraction(math.sqrt(math.factorial(k)))))


@series.refutes("sign of b_{k+2}")
def _(at):
    return Instead(clenshaw=np.array([_clenshaw(at.c, z, 1) for z in at.z]))


@series.refutes("the last coefficient left out")
def _(at):
    return Instead(clenshaw=hermite_sum(np.append(at.c[:-1], 0.0), at.z))


@HERMITE.claim("half-line", where="Hermite moments of a half-line, by parts", printed_from=DERIVED, needs=["HERMITE/rodrigues"],
               given=family(_biases, K=[0, 1, 2, 3, 6], b=[*BIASES, 38.0, -38.0]), tol=ulps(4))
def half_line(at):
    """phi(b) = e^{-b^2/2} / sqrt(2 pi), E[1{z + b >= 0}] = Phi(b), E[He_k(z) 1{z + b >= 0}] = phi(b) He_{k-1}(-b) for k >= 1."""
    return Sides(
        refimpl=[gaussian.phi(at.x), gaussian.Phi(at.x), *gaussian.half_line_hermite(at.K, at.x)],
        mpmath=np.transpose([half_line_values(at.K, b) for b in at.x]),
        scale=np.transpose([_half_line_budget(at.K, b) for b in at.x]),
    )


def _half_line_budget(K, b):
    """Roundings times absolute terms, in fours: phi 4, Phi 16, d_k 16 + 4 k times the recurrence with plus signs; and 1 for the other route.

    Where they are subnormal, phi and Phi have two of their last units, and d_k takes the last unit of phi for eps.
    """
    phi, Phi = half_line_values(0, b)[:2]
    d = [(phi + NORMAL) * float(plus_signs(k - 1, Fraction(b))) for k in range(1, K + 1)]
    phi, Phi = (1 + 1 / 4) * phi + (2 + 1) / 4 * NORMAL, (4 + 1 / 4) * Phi + (2 + 1) / 4 * NORMAL
    return [phi, Phi, Phi, *((4 + k + 1 / 4) * term for k, term in enumerate(d, start=1))]


@half_line.refutes("sign of the bias: He_{k-1}(b)")
def _(at):
    return Instead(mpmath=np.transpose([half_line_values(at.K, b, sign=1) for b in at.x]))


@half_line.refutes("index off by one: He_k(-b)")
def _(at):
    return Instead(mpmath=np.transpose([half_line_values(at.K, b, order=0) for b in at.x]))


@half_line.refutes("the other half-line, z + b <= 0")
def _(at):
    return Instead(mpmath=np.transpose([half_line_values(at.K, -b) for b in at.x]))


@half_line.refutes("the left tail as 1 - (1 - tail)")
def _(at):
    return Instead(refimpl=[gaussian.phi(at.x), 1 - gaussian.Phi(-at.x), *gaussian.half_line_hermite(at.K, at.x)])


@HERMITE.claim("half-line-moments", where="moments of a half-line, by parts", printed_from=DERIVED, needs=["HERMITE/gaussian-moments"],
               given=family(_biases, K=(0, 8), b=BIASES), tol=ulps(4))
def half_line_moments(at):
    """m_k = E[z^k 1{z + b >= 0}]: m_0 = Phi(b), m_1 = phi(b), m_k = (-b)^{k-1} phi(b) + (k-1) m_{k-2}; E[(z + b) 1{z + b >= 0}] = m_1 + b m_0."""
    return Sides(
        recursion=[gaussian.half_line_mean(at.x), *gaussian.half_line_moments(at.K, at.x)],
        incomplete_gamma=np.transpose([[mean_above(b), *tails(at.K, -b)] for b in at.x]),
        scale=np.transpose([[_mean_budget(b), *_moment_budget(at.K, b)] for b in at.x]),
    )


def _mean_budget(b):
    """20 roundings, in fours, of phi + |b| Phi; and 1 for the other route."""
    phi, Phi = half_line_values(0, b)[:2]
    return (5 + 1 / 4) * (phi + abs(b) * Phi)


def _moment_budget(K, b):
    """(16 + 4 k) roundings, in fours, times the recursion with |b| for -b; and 1 for the other route."""
    return [(4 + k + 1 / 4) * m for k, m in enumerate(_by_parts(K, b, abs(b)))]


def _by_parts(K, b, edge):
    """m_0 = Phi(b), m_k = edge^{k-1} phi(b) + (k-1) m_{k-2}."""
    phi, Phi = half_line_values(0, b)[:2]
    m = [Phi, phi]
    for k in range(2, K + 1):
        m.append(edge ** (k - 1) * phi + (k - 1) * m[k - 2])
    return m[: K + 1]


@half_line_moments.refutes("sign of the bias: b^{k-1} phi(b)")
def _(at):
    return Instead(recursion=[gaussian.half_line_mean(-at.x), *np.transpose([_by_parts(at.K, b, b) for b in at.x])])


@half_line_moments.refutes("the boundary term lost: the moments of the whole line, halved")
def _(at):
    return Instead(recursion=[gaussian.half_line_mean(at.x), *np.transpose([_by_parts(at.K, b, 0.0) for b in at.x])])


@half_line_moments.refutes("divided by the probability of the half-line")
def _(at):
    return Instead(recursion=[gaussian.half_line_mean(at.x), *gaussian.half_line_moments(at.K, at.x)] / gaussian.Phi(at.x))
