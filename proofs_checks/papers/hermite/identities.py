"""One variable: integrals and products.

    orthogonality        E He_j He_k = k! delta_jk
    stein                E[z g(z)] = E[g'(z)]
    addition             He_k(alpha s + beta t), alpha^2 + beta^2 = 1
    translation          He_k(s + t)
    product              He_j He_k in He_l
    mehler               sum_k rho^k He_k(x) He_k(y) / k!
"""

import itertools
import math
from fractions import Fraction

from proofs_checks import Instead, Sides
from proofs_checks.instances import family, rational_unit
from proofs_checks.papers.hermite import HERMITE, RECALLED
from proofs_checks.papers.hermite.routes import (
    He_monomials,
    combined,
    diagonal,
    differentiated,
    dyadic,
    exactly,
    exponential_of,
    mean,
    multiplied,
    orders,
    over_factorials,
    padded,
    series_pair,
    three_points,
    three_term,
    two_series,
    value,
)
from refimpl import hermite, polynomials
from refimpl.hermite import He_table, h


def _point_pair(rng, K):
    alpha, beta = rational_unit(rng, 2)                    # a rational Pythagorean pair
    s, t = dyadic(rng, 2)
    return {"orders": range(K + 1), "alpha": alpha, "beta": beta, "s": s, "t": t}

two_points = family(_point_pair, K=(0, 6))


@HERMITE.claim("orthogonality", where="orthogonality in the Gaussian law", printed_from=RECALLED, given=family(orders, K=(0, 7)),
               needs=["HERMITE/rodrigues", "HERMITE/gaussian-moments"])
def orthogonality(at):
    """E He_j(z) He_k(z) = k! delta_jk."""
    He_ = [{(l,): h(k, l) for l in at.orders} for k in at.orders]
    again = [{(l,): Fraction(x) for l, x in enumerate(He_monomials(k))} for k in at.orders]          # He_k(-z) for He_k would not show in pairs
    return Sides(
        wick=[[polynomials.mean(polynomials.times(He_j, He_k), polynomials.identity(1)) for He_k in again] for He_j in He_],
        factorials=diagonal([math.factorial(k) for k in at.orders]),
    )


@orthogonality.refutes("unit norm: E He_k^2 = 1")
def _(at):
    return Instead(factorials=diagonal([1] * (at.K + 1)))


@orthogonality.refutes("the physicists' norm 2^k k!")
def _(at):
    return Instead(factorials=diagonal([2**k * math.factorial(k) for k in at.orders]))


@orthogonality.refutes("index off by one: (k + 1)!")
def _(at):
    return Instead(factorials=diagonal([math.factorial(k + 1) for k in at.orders]))


@HERMITE.claim("stein", where="Stein's lemma, integration by parts", printed_from=RECALLED, given=family(series_pair, K=(1, 9)),
               needs=["HERMITE/gaussian-moments"])
def stein(at):
    """E[z g(z)] = E[g'(z)]."""
    g = {(n,): a for n, a in enumerate(at.c)}
    return Sides(
        with_z=polynomials.mean(polynomials.times({(1,): Fraction(1)}, g), polynomials.identity(1)),
        with_derivative=mean(differentiated(at.c)),
    )


@stein.refutes("sign lost: E[z g] = -E[g']")
def _(at):
    return Instead(with_derivative=-mean(differentiated(at.c)))


@stein.refutes("the power rule without its factor")
def _(at):
    return Instead(with_derivative=mean(at.c[1:]))


@stein.refutes("E[z g] = E[g]")
def _(at):
    return Instead(with_derivative=mean(at.c))


@HERMITE.claim("addition", where="the addition theorem", printed_from=RECALLED, given=two_points, needs=["HERMITE/rodrigues"])
def addition(at):
    """He_k(alpha s + beta t) = sum_j C(k, j) alpha^j beta^{k-j} He_j(s) He_{k-j}(t) where alpha^2 + beta^2 = 1."""
    x = at.alpha * at.s + at.beta * at.t
    return Sides(
        of_the_sum=[value([h(k, l) for l in at.orders], x) for k in at.orders],
        binomial=_binomial(at, at.alpha, at.beta, math.comb),
    )


def _binomial(at, alpha, beta, comb):
    """sum_j C(k, j) alpha^j He_j(s) beta^{k-j} He_{k-j}(t) for k = 0, ..., K."""
    first = [alpha**j * y for j, y in enumerate(three_term(at.K, at.s))]
    second = [beta**j * y for j, y in enumerate(three_term(at.K, at.t))]
    return [sum(comb(k, j) * first[j] * second[k - j] for j in range(k + 1)) for k in at.orders]


@addition.refutes("C(k, j) forgotten")
def _(at):
    return Instead(binomial=_binomial(at, at.alpha, at.beta, lambda k, j: 1))


@addition.refutes("alpha and beta exchanged")
def _(at):
    return Instead(binomial=_binomial(at, at.beta, at.alpha, math.comb))


@addition.refutes("alpha + beta = 1 for alpha^2 + beta^2 = 1")
def _(at):
    x = at.alpha * at.s + (1 - at.alpha) * at.t
    return Instead(of_the_sum=three_term(at.K, x), binomial=_binomial(at, at.alpha, 1 - at.alpha, math.comb))


@HERMITE.claim("translation", where="the translation formula (Taylor's, for an Appell sequence)", printed_from=RECALLED, given=two_points,
               needs=["HERMITE/derivative"])
def translation(at):
    """He_k(s + t) = sum_j C(k, j) He_j(s) t^{k-j}."""
    return Sides(
        translated=exactly(He_table(at.K, float(at.s + at.t))),
        taylor=_taylor(at, math.comb),
    )


def _taylor(at, comb):
    H = three_term(at.K, at.s)
    return [sum(comb(k, j) * H[j] * at.t ** (k - j) for j in range(k + 1)) for k in at.orders]


@translation.refutes("C(k, j) forgotten")
def _(at):
    return Instead(taylor=_taylor(at, lambda k, j: 1))


@translation.refutes("k!/j! for C(k, j)")
def _(at):
    return Instead(taylor=_taylor(at, lambda k, j: math.perm(k, k - j)))


@translation.refutes("He_{k-j}(t) for t^{k-j}")
def _(at):
    return Instead(taylor=_binomial(at, 1, 1, math.comb))


@HERMITE.claim("product", where="Feldheim's product formula", printed_from=RECALLED, given=two_series, needs=["HERMITE/monomials"])
def product(at):
    """He_j He_k = sum_l l! C(j, l) C(k, l) He_{j+k-2l}, l = 0, ..., min(j, k)."""
    return Sides(
        linearised=hermite.to_monomials(hermite.multiply(at.c, at.e)),
        multiplied=multiplied(combined(over_factorials(at.c)), combined(over_factorials(at.e))),
    )


def _feldheim(at, weight, most=min):
    """sum_jk c_j e_k / (j! k!) sum_l weight(j, k, l) He_{j+k-2l}, l = 0, ..., most(j, k), in powers of z."""
    total = [Fraction()] * (len(at.c) + len(at.e) - 1)
    for (j, c), (k, e) in itertools.product(enumerate(over_factorials(at.c)), enumerate(over_factorials(at.e))):
        for l in range(most(j, k) + 1):
            total[j + k - 2 * l] += c * e * weight(j, k, l)
    return combined(total)


@product.refutes("l! forgotten")
def _(at):
    return Instead(linearised=_feldheim(at, lambda j, k, l: math.comb(j, l) * math.comb(k, l)))


@product.refutes("the last term l = min(j, k) left out")
def _(at):
    return Instead(linearised=_feldheim(at, lambda j, k, l: math.factorial(l) * math.comb(j, l) * math.comb(k, l), lambda j, k: min(j, k) - 1))


@product.refutes("signs (-1)^l, as for z^j He_k")
def _(at):
    return Instead(linearised=_feldheim(at, lambda j, k, l: (-1) ** l * math.factorial(l) * math.comb(j, l) * math.comb(k, l)))


@HERMITE.claim("mehler", where="Mehler's kernel", printed_from=RECALLED, given=three_points, needs=["HERMITE/generating-function"])
def mehler(at):
    """sum_k rho^k He_k(x) He_k(y) / k! = (1 - rho^2)^{-1/2} exp((2 rho x y - rho^2 (x^2 + y^2)) / (2 (1 - rho^2))), for each power of rho."""
    X, Y = exactly(He_table(at.K, float(at.z[0]))), exactly(He_table(at.K, float(at.z[1])))
    return Sides(
        series=[x * y / math.factorial(k) for k, (x, y) in enumerate(zip(X, Y, strict=True))],
        kernel=_kernel(at, 1, Fraction(1, 2)),
    )


def _kernel(at, cross, square, root=True):
    """The powers of rho in exp(cross x y rho / (1 - rho^2) - square (x^2 + y^2) rho^2 / (1 - rho^2)), over sqrt(1 - rho^2)."""
    x, y, _ = at.z
    exponent = [cross * x * y if n % 2 else -square * (x * x + y * y) for n in at.orders[1:]]
    factor = [Fraction(math.comb(n, n // 2), 2**n) if n % 2 == 0 else 0 for n in at.orders] if root else [1]
    return padded(multiplied(factor, exponential_of(exponent)), at.K + 1)


@mehler.refutes("(1 - rho^2)^{-1/2} forgotten")
def _(at):
    return Instead(kernel=_kernel(at, 1, Fraction(1, 2), root=False))


@mehler.refutes("the physicists' kernel: no half in the exponent")
def _(at):
    return Instead(kernel=_kernel(at, 2, Fraction(1)))


@mehler.refutes("sign of the cross term")
def _(at):
    return Instead(kernel=_kernel(at, -1, Fraction(1, 2)))


@mehler.refutes("k! forgotten")
def _(at):
    return Instead(series=[x * y for x, y in zip(*(three_term(at.K, z) for z in at.z[:2]), strict=True)])
