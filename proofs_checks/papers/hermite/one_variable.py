"""One variable: the polynomials themselves.

    recurrence           He_{k+1} = z He_k - k He_{k-1}
    rodrigues            He_k = (-1)^k e^{z^2/2} (e^{-z^2/2})^(k)
    generating-function  sum_k He_k(z) t^k / k! = exp(z t - t^2/2)
    derivative           He_k' = k He_{k-1}
    monomials            He_k in powers of z, and powers of z in He_l
    gaussian-moments     E z^{2k} = (2k-1)!!
"""

import math
from fractions import Fraction

import numpy as np

from proofs_checks import Instead, Sides
from proofs_checks.instances import family
from proofs_checks.papers.hermite import HERMITE, RECALLED
from proofs_checks.papers.hermite.routes import (
    He_monomials,
    combined,
    differentiated,
    exactly,
    horner,
    moment,
    orders,
    over_factorials,
    padded,
    three_points,
    three_term,
    two_series,
    value,
    weight_derivative,
)
from refimpl import hermite, polynomials
from refimpl.hermite import He, He_table, double_factorial, h


@HERMITE.claim("recurrence", where="the three-term recurrence", printed_from=RECALLED, given=three_points)
def recurrence(at):
    """He_0 = 1, He_1 = z, He_{k+1}(z) = z He_k(z) - k He_{k-1}(z)."""
    z = np.array(at.z, dtype=float)
    return Sides(
        recurrence=[exactly(He(k, z)) for k in at.orders],
        rodrigues=[[value(He_monomials(k), x) for x in at.z] for k in at.orders],
    )


def _by_steps(at, step):
    return np.transpose([three_term(at.K, x, step) for x in at.z])


@recurrence.refutes("the physicists' polynomials: H_{k+1} = 2 z H_k - 2 k H_{k-1}")
def _(at):
    return Instead(recurrence=_by_steps(at, lambda k, z, here, before: 2 * z * here - 2 * k * before))


@recurrence.refutes("index off by one: z He_k - (k + 1) He_{k-1}")
def _(at):
    return Instead(recurrence=_by_steps(at, lambda k, z, here, before: z * here - (k + 1) * before))


@recurrence.refutes("sign lost: z He_k + k He_{k-1}")
def _(at):
    return Instead(recurrence=_by_steps(at, lambda k, z, here, before: z * here + k * before))


@HERMITE.claim("rodrigues", where="Rodrigues' formula", printed_from=RECALLED, given=family(orders, K=(0, 10)))
def rodrigues(at):
    """He_k(z) = (-1)^k e^{z^2/2} d^k/dz^k e^{-z^2/2} = sum_l h_kl z^l, h_kl = (-1)^{(k-l)/2} (k-l-1)!! C(k, l)."""
    return Sides(
        explicit=[[h(k, l) for l in at.orders] for k in at.orders],
        derivatives=[padded(He_monomials(k), at.K + 1) for k in at.orders],
    )


@rodrigues.refutes("(-1)^k forgotten")
def _(at):
    return Instead(derivatives=[padded(weight_derivative(k), at.K + 1) for k in at.orders])


@rodrigues.refutes("the physicists' weight e^{-z^2}")
def _(at):
    return Instead(derivatives=[padded([(-1) ** k * a for a in weight_derivative(k, rate=2)], at.K + 1) for k in at.orders])


@rodrigues.refutes("(k-l+1)!! for (k-l-1)!!")
def _(at):
    return Instead(explicit=[[h(k, l) * (k - l + 1) if l <= k else 0 for l in at.orders] for k in at.orders])


@rodrigues.refutes("signs lost: the coefficients of z^k in He_l")
def _(at):
    return Instead(explicit=[[hermite.h_inverse(k, l) for l in at.orders] for k in at.orders])


@HERMITE.claim("generating-function", where="the exponential generating function", printed_from=RECALLED, given=three_points)
def generating_function(at):
    """sum_k He_k(z) t^k / k! = exp(z t - t^2/2), coefficient by coefficient in t."""
    z = np.array(at.z, dtype=float)
    return Sides(
        series=[[y / math.factorial(k) for y in row] for k, row in enumerate(exactly(He_table(at.K, z)))],
        exponential=_exponential(at, 1, Fraction(-1, 2)),
    )


def _exponential(at, linear, square):
    """The coefficients of t^k in exp(linear z t) exp(square t^2), a row for each k and a column for each z."""
    def coefficient(k, z):
        return sum((linear * z) ** (k - 2 * m) / math.factorial(k - 2 * m) * (square**m / math.factorial(m)) for m in range(k // 2 + 1))

    return [[coefficient(k, z) for z in at.z] for k in at.orders]


@generating_function.refutes("the physicists' exp(2 z t - t^2)")
def _(at):
    return Instead(exponential=_exponential(at, 2, Fraction(-1)))


@generating_function.refutes("the half of t^2/2 lost")
def _(at):
    return Instead(exponential=_exponential(at, 1, Fraction(-1)))


@generating_function.refutes("k! forgotten")
def _(at):
    return Instead(series=exactly(He_table(at.K, np.array(at.z, dtype=float))))


@HERMITE.claim("derivative", where="the derivative rule (an Appell sequence)", printed_from=RECALLED, given=two_series,
               needs=["HERMITE/monomials"])
def derivative_rule(at):
    """He_k' = k He_{k-1}: where sigma = sum_k c_k He_k / k!, the coefficients of sigma' are c_{k+1}."""
    return Sides(
        shifted=hermite.to_monomials(hermite.derivative(at.c)),
        power_rule=differentiated(combined(over_factorials(at.c))) or [0],
    )


@derivative_rule.refutes("factor k lost: He_k' = He_{k-1}")
def _(at):
    return Instead(shifted=combined(over_factorials(at.c)[1:] or [0]))


@derivative_rule.refutes("index off by one: He_k' = (k + 1) He_{k-1}")
def _(at):
    return Instead(shifted=combined([(k + 1) * a for k, a in enumerate(over_factorials(at.c))][1:] or [0]))


@derivative_rule.refutes("the physicists' rule H_k' = 2 k H_{k-1}")
def _(at):
    return Instead(shifted=[2 * a for a in hermite.to_monomials(hermite.derivative(at.c))])


@HERMITE.claim("monomials", where="explicit coefficients and their inverse", printed_from=RECALLED, given=two_series,
               needs=["HERMITE/recurrence"])
def monomials(at):
    """sum_k c_k He_k / k! = sum_l (sum_k c_k h_kl / k!) z^l; sum_k a_k z^k has c_l = l! sum_k a_k h^{-1}_kl; each undoes the other."""
    return Sides(
        explicit=[
            hermite.to_monomials(at.c),
            hermite.from_monomials(at.c),
            hermite.from_monomials(hermite.to_monomials(at.c)),
        ],
        recurrence=[combined(over_factorials(at.c)), horner(at.c), at.c],
    )


@monomials.refutes("k! forgotten: the coefficients of He_k, not of He_k / k!")
def _(at):
    return Instead(recurrence=[combined(at.c), [a / math.factorial(l) for l, a in enumerate(horner(at.c))], at.c])


@monomials.refutes("signs kept in the inverse: h for h^{-1}")
def _(at):
    wrong = [math.factorial(l) * sum(a * h(k, l) for k, a in enumerate(at.c) if k >= l) for l in at.orders]
    return Instead(explicit=[hermite.to_monomials(at.c), wrong, at.c])


@monomials.refutes("the inverse transposed: C(l, k) for C(k, l)")
def _(at):
    wrong = [math.factorial(l) * sum(a * hermite.h_inverse(l, k) for k, a in enumerate(at.c)) for l in at.orders]
    return Instead(explicit=[hermite.to_monomials(at.c), wrong, at.c])


@HERMITE.claim("gaussian-moments", where="the moments of the standard normal law", printed_from=RECALLED, given=family(orders, K=(0, 16)))
def gaussian_moments(at):
    """E z^{2k} = (2k-1)!! and E z^{2k+1} = 0; without the sign, int_0^inf z^{2k+1} e^{-z^2/2} dz = (2k)!!."""
    return Sides(
        recursions=[
            [polynomials.mean({(n,): Fraction(1)}, polynomials.identity(1)) for n in at.orders],
            [double_factorial(n - 1) for n in at.orders],
        ],
        gamma_function=_two_rows(at),
    )


def _two_rows(at):
    """0 or (2k)! / (2^k k!) for n = 2k; and without the sign, 2^k Gamma(k + 1) for n = 2k + 1."""
    return [[moment(n) for n in at.orders], [2 ** (n // 2) * math.factorial(n // 2) if n % 2 else moment(n) for n in at.orders]]


@gaussian_moments.refutes("(2k+1)!! for (2k-1)!!")
def _(at):
    wrong = [double_factorial(n + 1) for n in at.orders]
    return Instead(recursions=[[0 if n % 2 else x for n, x in enumerate(wrong)], wrong])


@gaussian_moments.refutes("k! for k!!")
def _(at):
    wrong = [math.factorial(max(n - 1, 0)) for n in at.orders]
    return Instead(recursions=[[0 if n % 2 else x for n, x in enumerate(wrong)], wrong])


@gaussian_moments.refutes("the physicists' weight e^{-z^2}, of variance 1/2")
def _(at):
    return Instead(gamma_function=[[Fraction(x) / 2 ** (n // 2) for n, x in enumerate(row)] for row in _two_rows(at)])
