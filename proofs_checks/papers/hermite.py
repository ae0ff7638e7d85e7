"""Hermite polynomials of the Gaussian law: the classical ground that the papers stand on, z ~ N(0, 1) throughout.

One variable, exact
    recurrence           He_{k+1} = z He_k - k He_{k-1}
    rodrigues            He_k = (-1)^k e^{z^2/2} (e^{-z^2/2})^(k)
    generating-function  sum_k He_k(z) t^k / k! = exp(z t - t^2/2)
    derivative           He_k' = k He_{k-1}
    monomials            He_k in powers of z, and powers of z in He_l
    gaussian-moments     E z^{2k} = (2k-1)!!
    orthogonality        E He_j He_k = k! delta_jk
    stein                E[z g(z)] = E[g'(z)]
    addition             He_k(alpha s + beta t), alpha^2 + beta^2 = 1
    translation          He_k(s + t)
    product              He_j He_k in He_l
    mehler               sum_k rho^k He_k(x) He_k(y) / k!

One variable, floats
    unit-norm            he_k = He_k / sqrt(k!)
    series               sum_k c_k He_k(z) / k!
    half-line            phi, Phi, E[He_k(z) 1{z + b >= 0}]
    half-line-moments    E[z^k 1{z + b >= 0}]

Several variables
    heat                       E g(s + v) = e^{D/2} g(s), v ~ N(0, G), D = sum_ij G_ij d_i d_j
    several-orthogonality      E He_alpha He_beta = alpha! delta
    several-stein              E[v_i g(v)] = sum_j G_ij E[d_j g(v)]
    several-coefficients       c_alpha = E[d^alpha g] = E[g He_alpha]
    several-power              He_k(u.x) = sum_{|alpha| = k} k!/alpha! u^alpha He_alpha(x), |u| = 1
    several-evaluation         He_alpha(z) = prod_i He_{alpha_i}(z_i)

Activations
    truncated-relu       c_k(b) = E[min(1, max(0, z + b)) He_k(z)]
    analytic             c_k(b) of erf, tanh and sin, and of their derivatives

Points called dyadic are n/8 or coarser, so that floats hold every He_k of them exactly and an equality is an equality.
"""

import itertools
import math
from fractions import Fraction
from functools import cache

import numpy as np
from mpmath import mp

from proofs_checks import Instead, Paper, Sides, ulps
from proofs_checks.engine import oracles
from proofs_checks.instances import family, rational, rational_unit
from refimpl import gaussian, hermite, polynomials
from refimpl.activations import ERF, RELU, TANH, TRUNCATED_RELU
from refimpl.activations import analytic as by_trapezoid
from refimpl.hermite import He, He_multi, He_table, double_factorial, h, he, hermite_sum
from refimpl.polynomials import exponents, factorial

RECALLED = "recalled, text not seen"
DERIVED = "derived here"

HERMITE = Paper(
    "HERMITE",
    title="Hermite polynomials of the Gaussian law",
    version="classical; statements recalled, not quoted",
    modules=("proofs_checks.papers.hermite",),
    symbols={r"He_k": "He(k, z)", r"he_k": "he(k, z)", r"c_k": "c", r"\varphi": "phi", r"\Phi": "Phi", r"\alpha": "alpha"},
)


# ---- instances

def _dyadic(rng, n, parts=8):
    """n dyadic numbers within [-3, 3]."""
    return tuple(Fraction(int(a), parts) for a in rng.integers(-3 * parts, 3 * parts + 1, size=n))


def _nonzero(rng, n):
    """n whole numbers of -5, ..., 5 without 0."""
    return tuple(Fraction(int(a)) for a in rng.integers(1, 6, size=n) * rng.choice([-1, 1], size=n))


def _orders(K):
    return {"orders": range(K + 1)}


def _three_points(rng, K):
    return {"orders": range(K + 1), "z": _dyadic(rng, 3)}


def _two_series(rng, K):
    return {"orders": range(K + 1), "c": _nonzero(rng, K + 1), "e": _nonzero(rng, K // 2 + 1)}


def _two_points(rng, K):
    alpha, beta = rational_unit(rng, 2)                    # a rational Pythagorean pair
    s, t = _dyadic(rng, 2)
    return {"orders": range(K + 1), "alpha": alpha, "beta": beta, "s": s, "t": t}


def _floats(rng, k):
    return {"z": np.round(rng.uniform(-6, 6, 3) * 2**18) / 2**18}


def _float_series(rng, K):
    size = np.array([math.sqrt(math.factorial(k)) for k in range(K + 1)])
    return {"c": size * rng.standard_normal(K + 1), "z": rng.uniform(-4, 4, 3)}


def _biases(rng, K, b):
    return {"x": np.array([b, b + rng.uniform(-1, 1)])}


def _dyadic_biases(rng, K, b):
    return {"x": np.array([b, b + float(rng.integers(-64, 65)) / 64])}


def _polynomial(rng, r, p):
    return {alpha: c for k in range(p + 1) for alpha in exponents(r, k) for c in _nonzero(rng, 1)}


def _correlated(rng, r, p):
    A = tuple(tuple(rational(rng) for _ in range(2)) for _ in range(r))       # v = Az, so G = A A^T has rank at most 2
    return {"g": _polynomial(rng, r, p), "A": A, "G": polynomials.gram(A), "s": tuple(rational(rng) for _ in range(r)),
            "alpha": tuple(int(a) for a in rng.integers(0, 4, r))}


def _independent(rng, r, p):
    return {"g": _polynomial(rng, r, p), "c": _polynomial(rng, r, p)}


def _direction(rng, r, K):
    return {"u": rational_unit(rng, r), "x": _dyadic(rng, r, parts=4)}


def _float_rows(rng, r, most):
    return {"alpha": tuple(int(a) for a in rng.integers(0, most + 1, r)), "Z": rng.uniform(-4, 4, (3, r))}


three_points = family(_three_points, K=(0, 8))
two_series = family(_two_series, K=(0, 6))
two_points = family(_two_points, K=(0, 6))
correlated = family(_correlated, r=(1, 3), p=(0, 4))
BIASES = [0.0, 0.7, -0.7, 5.0, -5.0, 12.0, -12.0, 36.0, -36.0]


# ---- one variable, exact

@HERMITE.claim("recurrence", where="the three-term recurrence", printed_from=RECALLED, given=three_points)
def recurrence(at):
    """He_0 = 1, He_1 = z, He_{k+1}(z) = z He_k(z) - k He_{k-1}(z)."""
    z = np.array(at.z, dtype=float)
    return Sides(
        recurrence=[_exactly(He(k, z)) for k in at.orders],
        rodrigues=[[_value(_rodrigues(k), x) for x in at.z] for k in at.orders],
    )


def _by_steps(at, step):
    return np.transpose([_three_term(at.K, x, step) for x in at.z])


@recurrence.refutes("the physicists' polynomials: H_{k+1} = 2 z H_k - 2 k H_{k-1}")
def _(at):
    return Instead(recurrence=_by_steps(at, lambda k, z, here, before: 2 * z * here - 2 * k * before))


@recurrence.refutes("index off by one: z He_k - (k + 1) He_{k-1}")
def _(at):
    return Instead(recurrence=_by_steps(at, lambda k, z, here, before: z * here - (k + 1) * before))


@recurrence.refutes("sign lost: z He_k + k He_{k-1}")
def _(at):
    return Instead(recurrence=_by_steps(at, lambda k, z, here, before: z * here + k * before))


@HERMITE.claim("rodrigues", where="Rodrigues' formula", printed_from=RECALLED, given=family(_orders, K=(0, 10)))
def rodrigues(at):
    """He_k(z) = (-1)^k e^{z^2/2} d^k/dz^k e^{-z^2/2} = sum_l h_kl z^l, h_kl = (-1)^{(k-l)/2} (k-l-1)!! C(k, l)."""
    return Sides(
        explicit=[[h(k, l) for l in at.orders] for k in at.orders],
        derivatives=[_padded(_rodrigues(k), at.K + 1) for k in at.orders],
    )


@rodrigues.refutes("(-1)^k forgotten")
def _(at):
    return Instead(derivatives=[_padded(_weight_derivative(k), at.K + 1) for k in at.orders])


@rodrigues.refutes("the physicists' weight e^{-z^2}")
def _(at):
    return Instead(derivatives=[_padded([(-1) ** k * a for a in _weight_derivative(k, rate=2)], at.K + 1) for k in at.orders])


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
        series=[[y / math.factorial(k) for y in row] for k, row in enumerate(_exactly(He_table(at.K, z)))],
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
    return Instead(series=_exactly(He_table(at.K, np.array(at.z, dtype=float))))


@HERMITE.claim("derivative", where="the derivative rule (an Appell sequence)", printed_from=RECALLED, given=two_series,
               needs=["HERMITE/monomials"])
def derivative_rule(at):
    """He_k' = k He_{k-1}: where sigma = sum_k c_k He_k / k!, the coefficients of sigma' are c_{k+1}."""
    return Sides(
        shifted=hermite.to_monomials(hermite.derivative(at.c)),
        power_rule=_differentiated(_combined(_over_factorials(at.c))) or [0],
    )


@derivative_rule.refutes("factor k lost: He_k' = He_{k-1}")
def _(at):
    return Instead(shifted=_combined(_over_factorials(at.c)[1:] or [0]))


@derivative_rule.refutes("index off by one: He_k' = (k + 1) He_{k-1}")
def _(at):
    return Instead(shifted=_combined([(k + 1) * a for k, a in enumerate(_over_factorials(at.c))][1:] or [0]))


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
        recurrence=[_combined(_over_factorials(at.c)), _horner(at.c), at.c],
    )


@monomials.refutes("k! forgotten: the coefficients of He_k, not of He_k / k!")
def _(at):
    return Instead(recurrence=[_combined(at.c), [a / math.factorial(l) for l, a in enumerate(_horner(at.c))], at.c])


@monomials.refutes("signs kept in the inverse: h for h^{-1}")
def _(at):
    wrong = [math.factorial(l) * sum(a * h(k, l) for k, a in enumerate(at.c) if k >= l) for l in at.orders]
    return Instead(explicit=[hermite.to_monomials(at.c), wrong, at.c])


@monomials.refutes("the inverse transposed: C(l, k) for C(k, l)")
def _(at):
    wrong = [math.factorial(l) * sum(a * hermite.h_inverse(l, k) for k, a in enumerate(at.c)) for l in at.orders]
    return Instead(explicit=[hermite.to_monomials(at.c), wrong, at.c])


@HERMITE.claim("gaussian-moments", where="the moments of the standard normal law", printed_from=RECALLED, given=family(_orders, K=(0, 16)))
def gaussian_moments(at):
    """E z^{2k} = (2k-1)!! and E z^{2k+1} = 0; without the sign, int_0^inf z^{2k+1} e^{-z^2/2} dz = (2k)!!."""
    return Sides(
        recursions=[
            [polynomials.mean({(n,): Fraction(1)}, polynomials.identity(1)) for n in at.orders],
            [double_factorial(n - 1) for n in at.orders],
        ],
        gamma_function=_two_rows(at, variance=1),
    )


def _two_rows(at, variance):
    """0 or (2k)! / (2^k k!) for n = 2k; and without the sign, 2^k Gamma(k + 1) for n = 2k + 1."""
    signed = [variance ** (n // 2) * _moment(n) for n in at.orders]
    return [signed, [(2 * variance) ** (n // 2) * math.factorial(n // 2) if n % 2 else signed[n] for n in at.orders]]


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
    return Instead(gamma_function=_two_rows(at, variance=Fraction(1, 2)))


@HERMITE.claim("orthogonality", where="orthogonality in the Gaussian law", printed_from=RECALLED, given=family(_orders, K=(0, 7)),
               needs=["HERMITE/rodrigues", "HERMITE/gaussian-moments"])
def orthogonality(at):
    """E He_j(z) He_k(z) = k! delta_jk."""
    He_ = [{(l,): h(k, l) for l in at.orders} for k in at.orders]
    return Sides(
        wick=[[polynomials.mean(polynomials.times(He_j, He_k), polynomials.identity(1)) for He_k in He_] for He_j in He_],
        factorials=_diagonal([math.factorial(k) for k in at.orders]),
    )


@orthogonality.refutes("unit norm: E He_k^2 = 1")
def _(at):
    return Instead(factorials=_diagonal([1] * (at.K + 1)))


@orthogonality.refutes("the physicists' norm 2^k k!")
def _(at):
    return Instead(factorials=_diagonal([2**k * math.factorial(k) for k in at.orders]))


@orthogonality.refutes("index off by one: (k + 1)!")
def _(at):
    return Instead(factorials=_diagonal([math.factorial(k + 1) for k in at.orders]))


@HERMITE.claim("stein", where="Stein's lemma, integration by parts", printed_from=RECALLED, given=family(_two_series, K=(1, 9)),
               needs=["HERMITE/gaussian-moments"])
def stein(at):
    """E[z g(z)] = E[g'(z)]."""
    g = {(n,): a for n, a in enumerate(at.c)}
    return Sides(
        with_z=polynomials.mean(polynomials.times({(1,): Fraction(1)}, g), polynomials.identity(1)),
        with_derivative=_mean(_differentiated(at.c)),
    )


@stein.refutes("sign lost: E[z g] = -E[g']")
def _(at):
    return Instead(with_derivative=-_mean(_differentiated(at.c)))


@stein.refutes("the power rule without its factor")
def _(at):
    return Instead(with_derivative=_mean(at.c[1:]))


@stein.refutes("E[z g] = E[g]")
def _(at):
    return Instead(with_derivative=_mean(at.c))


@HERMITE.claim("addition", where="the addition theorem", printed_from=RECALLED, given=two_points, needs=["HERMITE/rodrigues"])
def addition(at):
    """He_k(alpha s + beta t) = sum_j C(k, j) alpha^j beta^{k-j} He_j(s) He_{k-j}(t) where alpha^2 + beta^2 = 1."""
    x = at.alpha * at.s + at.beta * at.t
    return Sides(
        of_the_sum=[polynomials.evaluate({(l,): h(k, l) for l in at.orders}, (x,)) for k in at.orders],
        binomial=_binomial(at, at.alpha, at.beta, math.comb),
    )


def _binomial(at, alpha, beta, comb):
    """sum_j C(k, j) alpha^j He_j(s) beta^{k-j} He_{k-j}(t) for k = 0, ..., K."""
    first = [alpha**j * y for j, y in enumerate(_three_term(at.K, at.s))]
    second = [beta**j * y for j, y in enumerate(_three_term(at.K, at.t))]
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
    return Instead(of_the_sum=_three_term(at.K, x), binomial=_binomial(at, at.alpha, 1 - at.alpha, math.comb))


@HERMITE.claim("translation", where="the translation formula (Taylor's, for an Appell sequence)", printed_from=RECALLED, given=two_points,
               needs=["HERMITE/derivative"])
def translation(at):
    """He_k(s + t) = sum_j C(k, j) He_j(s) t^{k-j}."""
    return Sides(
        translated=_exactly(He_table(at.K, float(at.s + at.t))),
        taylor=_taylor(at, math.comb),
    )


def _taylor(at, comb):
    H = _three_term(at.K, at.s)
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
        multiplied=_multiplied(_combined(_over_factorials(at.c)), _combined(_over_factorials(at.e))),
    )


def _feldheim(at, weight, most=min):
    """sum_jk c_j e_k / (j! k!) sum_l weight(j, k, l) He_{j+k-2l}, l = 0, ..., most(j, k), in powers of z."""
    total = [Fraction()] * (len(at.c) + len(at.e) - 1)
    for (j, c), (k, e) in itertools.product(enumerate(_over_factorials(at.c)), enumerate(_over_factorials(at.e))):
        for l in range(most(j, k) + 1):
            total[j + k - 2 * l] += c * e * weight(j, k, l)
    return _combined(total)


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
    X, Y = _exactly(He_table(at.K, float(at.z[0]))), _exactly(He_table(at.K, float(at.z[1])))
    return Sides(
        series=[x * y / math.factorial(k) for k, (x, y) in enumerate(zip(X, Y, strict=True))],
        kernel=_kernel(at, 1, Fraction(1, 2)),
    )


def _kernel(at, cross, square, root=True):
    """The powers of rho in exp(cross x y rho / (1 - rho^2) - square (x^2 + y^2) rho^2 / (1 - rho^2)), over sqrt(1 - rho^2)."""
    x, y, _ = at.z
    exponent = [0, *(cross * x * y if n % 2 else -square * (x * x + y * y) for n in range(1, at.K + 1))]
    factor = [Fraction(math.comb(n, n // 2), 2**n) if n % 2 == 0 else 0 for n in at.orders] if root else [1]
    return _padded(_multiplied(factor, _exponential_of(exponent)), at.K + 1)


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
    return Instead(series=[x * y for x, y in zip(*(_three_term(at.K, z) for z in at.z[:2]), strict=True)])


# ---- one variable, floats: the budgets are those of the functions' docstrings, and 1 for rounding the exact route

@HERMITE.claim("unit-norm", where="the orthonormal polynomials", printed_from=RECALLED, needs=["HERMITE/orthogonality"],
               given=family(_floats, k=[0, 1, 2, 3, 4, 5, 8, 13, 21, 55, 200]), tol=ulps(lambda at: 6 * at.k + 1))
def unit_norm(at):
    """he_k = He_k / sqrt(k!), also where k! is no float."""
    return Sides(
        own_recurrence=he(at.k, at.z),
        rounded_once=[_over_root(_three_term(at.k, Fraction(z))[-1], math.factorial(at.k)) for z in at.z],
        scale=[_over_root(_plus_signs(at.k, Fraction(z)), math.factorial(at.k)) for z in at.z],
    )


@unit_norm.refutes("k! for its root")
def _(at):
    return Instead(rounded_once=[_over_root(_three_term(at.k, Fraction(z))[-1], math.factorial(at.k) ** 2) for z in at.z])


@unit_norm.refutes("the physicists' norm sqrt(2^k k!)")
def _(at):
    return Instead(rounded_once=[_over_root(_three_term(at.k, Fraction(z))[-1], 2**at.k * math.factorial(at.k)) for z in at.z])


@unit_norm.refutes("index off by one: sqrt((k + 1)!)")
def _(at):
    return Instead(rounded_once=[_over_root(_three_term(at.k, Fraction(z))[-1], math.factorial(at.k + 1)) for z in at.z])


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
    return [sum(a * y / divisor(k) for k, (a, y) in enumerate(zip(c, _three_term(at.K, Fraction(z)), strict=True))) for z in at.z]


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
               given=family(_biases, K=(0, 6), b=BIASES), tol=ulps(4))
def half_line(at):
    """phi(b) = e^{-b^2/2} / sqrt(2 pi), E[1{z + b >= 0}] = Phi(b), E[He_k(z) 1{z + b >= 0}] = phi(b) He_{k-1}(-b) for k >= 1."""
    return Sides(
        refimpl=[gaussian.phi(at.x), gaussian.Phi(at.x), *gaussian.half_line_hermite(at.K, at.x)],
        mpmath=np.transpose([_half_line(at.K, b) for b in at.x]),
        scale=np.transpose([_half_line_budget(at.K, b) for b in at.x]),
    )


def _half_line(K, b, order=-1, sign=-1):
    """phi(b), Phi(b), d_0, ..., d_K with d_k = phi(b) He_{k + order}(sign b), by mpmath at 40 digits."""
    with mp.workdps(40):
        b = mp.mpf(float(b))
        phi, Phi = mp.exp(-b * b / 2) / mp.sqrt(2 * mp.pi), mp.erfc(-b / mp.sqrt(2)) / 2
        return [float(y) for y in (phi, Phi, Phi, *(phi * _value(_rodrigues(k + order), sign * b) for k in range(1, K + 1)))]


def _half_line_budget(K, b):
    """Roundings times absolute terms, in fours: phi 4, Phi 16, d_k 16 + 4 k times the recurrence with plus signs; and 1 for the other route."""
    phi, Phi = _half_line(0, b)[:2]
    d = [phi * float(_plus_signs(k - 1, Fraction(b))) for k in range(1, K + 1)]
    return [(1 + 1 / 4) * phi, (4 + 1 / 4) * Phi, (4 + 1 / 4) * Phi, *((4 + k + 1 / 4) * term for k, term in enumerate(d, start=1))]


@half_line.refutes("sign of the bias: He_{k-1}(b)")
def _(at):
    return Instead(mpmath=np.transpose([_half_line(at.K, b, sign=1) for b in at.x]))


@half_line.refutes("index off by one: He_k(-b)")
def _(at):
    return Instead(mpmath=np.transpose([_half_line(at.K, b, order=0) for b in at.x]))


@half_line.refutes("the other half-line, z + b <= 0")
def _(at):
    return Instead(mpmath=np.transpose([_half_line(at.K, -b) for b in at.x]))


@half_line.refutes("the left tail as 1 - (1 - tail)")
def _(at):
    return Instead(refimpl=[gaussian.phi(at.x), 1 - gaussian.Phi(-at.x), *gaussian.half_line_hermite(at.K, at.x)])


@HERMITE.claim("half-line-moments", where="moments of a half-line, by parts", printed_from=DERIVED, needs=["HERMITE/gaussian-moments"],
               given=family(_biases, K=(0, 8), b=BIASES), tol=ulps(4))
def half_line_moments(at):
    """m_k = E[z^k 1{z + b >= 0}]: m_0 = Phi(b), m_1 = phi(b), m_k = (-b)^{k-1} phi(b) + (k-1) m_{k-2}."""
    return Sides(
        recursion=gaussian.half_line_moments(at.K, at.x),
        incomplete_gamma=np.transpose([_tails(at.K, -b) for b in at.x]),
        scale=np.transpose([_moment_budget(at.K, b) for b in at.x]),
    )


def _moment_budget(K, b):
    """(16 + 4 k) roundings, in fours, times the recursion with |b| for -b; and 1 for the other route."""
    return [(4 + k + 1 / 4) * m for k, m in enumerate(_by_parts(K, b, abs(b)))]


def _by_parts(K, b, edge):
    """m_0 = Phi(b), m_k = edge^{k-1} phi(b) + (k-1) m_{k-2}."""
    phi, Phi = _half_line(0, b)[:2]
    m = [Phi, phi]
    for k in range(2, K + 1):
        m.append(edge ** (k - 1) * phi + (k - 1) * m[k - 2])
    return m[: K + 1]


@half_line_moments.refutes("sign of the bias: b^{k-1} phi(b)")
def _(at):
    return Instead(recursion=np.transpose([_by_parts(at.K, b, b) for b in at.x]))


@half_line_moments.refutes("the boundary term lost: the moments of the whole line, halved")
def _(at):
    return Instead(recursion=np.transpose([_by_parts(at.K, b, 0.0) for b in at.x]))


@half_line_moments.refutes("divided by the probability of the half-line")
def _(at):
    return Instead(recursion=gaussian.half_line_moments(at.K, at.x) / gaussian.Phi(at.x))


# ---- several variables

@HERMITE.claim("heat", where="the heat semigroup; Isserlis' theorem", printed_from=DERIVED, given=correlated,
               needs=["HERMITE/gaussian-moments", "HERMITE/recurrence"])
def heat_operator(at):
    """E g(s + v) = e^{D/2} g(s), v ~ N(0, G), D = sum_ij G_ij d_i d_j; E g(v) = e^{D/2} g(0); He_alpha = e^{-D/2} z^alpha where G = I."""
    averaged = polynomials.heat(at.g, at.G)
    He_alpha = polynomials.heat({at.alpha: Fraction(1)}, polynomials.identity(at.r), time=-1)
    return Sides(
        heat=[polynomials.evaluate(averaged, at.s), averaged[(0,) * at.r], polynomials.evaluate(He_alpha, at.s)],
        moments=[_average(at.g, at.s, at.A), polynomials.mean(at.g, at.G), _product_of_He(at.alpha, at.s)],
    )


def _average(g, s, A):
    """E g(s + Az), z standard normal: expand g in (1, z), then moments."""
    rows = [(shift, *row) for shift, row in zip(s, A, strict=True)]
    return sum(c * oracles.gaussian_moment(alpha[1:]) for alpha, c in oracles.compose(g, rows).items())


def _heat_with(at, g, G, time, back):
    averaged = polynomials.heat(g, G, time=time)
    He_alpha = polynomials.heat({at.alpha: Fraction(1)}, polynomials.identity(at.r), time=back)
    return [polynomials.evaluate(averaged, at.s), averaged[(0,) * at.r], polynomials.evaluate(He_alpha, at.s)]


@heat_operator.refutes("e^D for e^{D/2}")
def _(at):
    return Instead(heat=_heat_with(at, at.g, at.G, 2, -2))


@heat_operator.refutes("the off-diagonal of G lost")
def _(at):
    diagonal = tuple(tuple(x if i == j else Fraction() for j, x in enumerate(row)) for i, row in enumerate(at.G))
    return Instead(heat=_heat_with(at, at.g, diagonal, 1, -1))


@heat_operator.refutes("sign of the time: He_alpha = e^{D/2} z^alpha")
def _(at):
    return Instead(heat=_heat_with(at, at.g, at.G, 1, 1))


@HERMITE.claim("several-orthogonality", where="orthogonality in several variables", printed_from=RECALLED, given=family(r=(1, 3), K=(0, 2)),
               needs=["HERMITE/orthogonality"])
def several_orthogonality(at):
    """E He_alpha(z) He_beta(z) = alpha! delta, z ~ N(0, I_r), |alpha|, |beta| <= K."""
    nodes, weights = _lattice(at.r, at.K)                   # whole numbers, so He_alpha of them is exact
    values = [_exactly(He_multi(alpha, nodes)) for alpha in _up_to(at)]
    return Sides(
        interpolated=[[sum(w * x * y for w, x, y in zip(weights, X, Y, strict=True)) for Y in values] for X in values],
        factorials=_diagonal([factorial(alpha) for alpha in _up_to(at)]),
    )


def _up_to(at):
    return [alpha for k in range(at.K + 1) for alpha in exponents(at.r, k)]


def _lattice(r, K):
    """The whole numbers within [-K, K]^r, with weights that integrate degree 2K in each variable: E of Lagrange's polynomials."""
    axis = range(-K, K + 1)
    weight = {x: _mean(_lagrange(x, axis)) for x in axis}
    points = list(itertools.product(axis, repeat=r))
    return np.array(points, dtype=float).reshape(-1, r), [math.prod(weight[x] for x in point) for point in points]


@several_orthogonality.refutes("|alpha|! for alpha!")
def _(at):
    return Instead(factorials=_diagonal([math.factorial(sum(alpha)) for alpha in _up_to(at)]))


@several_orthogonality.refutes("unit norm: E He_alpha^2 = 1")
def _(at):
    return Instead(factorials=_diagonal([1] * len(_up_to(at))))


@several_orthogonality.refutes("the physicists' norm 2^|alpha| alpha!")
def _(at):
    return Instead(factorials=_diagonal([2 ** sum(alpha) * factorial(alpha) for alpha in _up_to(at)]))


@HERMITE.claim("several-stein", where="Stein's lemma of a Gaussian vector", printed_from=RECALLED, given=correlated,
               needs=["HERMITE/stein", "HERMITE/heat"])
def several_stein(at):
    """E[v_i g(v)] = sum_j G_ij E[d_j g(v)], v = Ux, x ~ N(0, I_d), G = U U^T."""
    G = polynomials.gram(at.A)
    slopes = [polynomials.mean(polynomials.partial(at.g, j), G) for j in range(at.r)]
    return Sides(
        with_v=[_average(_raised(at.g, i), (0,) * at.r, at.A) for i in range(at.r)],
        with_derivatives=[sum(G[i][j] * slopes[j] for j in range(at.r)) for i in range(at.r)],
    )


def _raised(g, i):
    """v_i g(v)."""
    return {(*alpha[:i], alpha[i] + 1, *alpha[i + 1:]): c for alpha, c in g.items()}


@several_stein.refutes("the directions taken as orthonormal: G = I")
def _(at):
    return Instead(with_derivatives=[polynomials.mean(polynomials.partial(at.g, i), at.G) for i in range(at.r)])


@several_stein.refutes("only the term j = i")
def _(at):
    return Instead(with_derivatives=[at.G[i][i] * polynomials.mean(polynomials.partial(at.g, i), at.G) for i in range(at.r)])


@several_stein.refutes("the derivative in v_i under the sum")
def _(at):
    return Instead(with_derivatives=[sum(at.G[i]) * polynomials.mean(polynomials.partial(at.g, i), at.G) for i in range(at.r)])


@HERMITE.claim("several-coefficients", where="Hermite coefficients in several variables", printed_from=RECALLED,
               given=family(_independent, r=(1, 3), p=(0, 3)), needs=["HERMITE/several-orthogonality", "HERMITE/heat"])
def several_coefficients(at):
    """g = sum_alpha c_alpha He_alpha / alpha! with c_alpha = E[d^alpha g(z)] = E[g(z) He_alpha(z)], and back from c to g."""
    return Sides(
        heat=_labelled(to=polynomials.hermite_coefficients(at.g), back=polynomials.from_hermite(at.c)),
        products=_labelled(to=_projections(at.g), back=_expansion(at.c)),
    )


def _labelled(**parts):
    """One mapping of several, its keys told apart by their names."""
    return {(name, *alpha): c for name, part in parts.items() for alpha, c in part.items()}


def _projections(g):
    """E[g He_alpha] for every alpha of g, by moments."""
    return {alpha: sum(c * y * oracles.gaussian_moment([a + b for a, b in zip(beta, gamma, strict=True)])
                       for beta, c in g.items() for gamma, y in _expanded_He(alpha).items()) for alpha in g}


def _expansion(c, divisor=factorial):
    """sum_alpha c_alpha He_alpha / divisor(alpha), in monomials."""
    total = {}
    for alpha, c_alpha in c.items():
        for gamma, y in _expanded_He(alpha).items():
            total[gamma] = total.get(gamma, 0) + c_alpha * y / divisor(alpha)
    return total


@several_coefficients.refutes("alpha! forgotten: the coefficients of He_alpha")
def _(at):
    to = {alpha: c / factorial(alpha) for alpha, c in _projections(at.g).items()}
    return Instead(products=_labelled(to=to, back=_expansion(at.c, lambda alpha: 1)))


@several_coefficients.refutes("|alpha|! for alpha!")
def _(at):
    return Instead(products=_labelled(to=_projections(at.g), back=_expansion(at.c, lambda alpha: math.factorial(sum(alpha)))))


@several_coefficients.refutes("derivatives at 0 for their mean")
def _(at):
    return Instead(heat=_labelled(to={alpha: factorial(alpha) * c for alpha, c in at.g.items()}, back=polynomials.from_hermite(at.c)))


@HERMITE.claim("several-power", where="He_k along a direction", printed_from=RECALLED, given=family(_direction, r=(1, 4), K=(0, 5)),
               needs=["HERMITE/addition"])
def several_power(at):
    """He_k(u.x) = sum_{|alpha| = k} k!/alpha! u^alpha He_alpha(x) where |u| = 1."""
    x = np.array([at.x], dtype=float)
    return Sides(
        along_u=_three_term(at.K, _dot(at.u, at.x)),
        multinomial=[
            sum(Fraction(math.factorial(k), factorial(alpha)) * _power(at.u, alpha) * Fraction(He_multi(alpha, x).item())
                for alpha in exponents(at.r, k))
            for k in range(at.K + 1)
        ],
    )


def _multinomial(at, u, weight):
    """sum_{|alpha| = k} weight(alpha) u^alpha He_alpha(x) for k = 0, ..., K."""
    return [sum(weight(alpha) * _power(u, alpha) * _product_of_He(alpha, at.x) for alpha in exponents(at.r, k)) for k in range(at.K + 1)]


@several_power.refutes("the multinomial coefficient forgotten")
def _(at):
    return Instead(multinomial=_multinomial(at, at.u, lambda alpha: 1))


@several_power.refutes("1/alpha! for k!/alpha!")
def _(at):
    return Instead(multinomial=_multinomial(at, at.u, lambda alpha: Fraction(1, factorial(alpha))))


@several_power.refutes("|u| = 2 in place of 1")
def _(at):
    u = [2 * x for x in at.u]
    return Instead(
        along_u=_three_term(at.K, _dot(u, at.x)),
        multinomial=_multinomial(at, u, lambda alpha: Fraction(math.factorial(sum(alpha)), factorial(alpha))),
    )


@HERMITE.claim("several-evaluation", where="Hermite polynomials of several variables, in floats", printed_from=RECALLED,
               needs=["HERMITE/recurrence"], given=family(_float_rows, r=(1, 4), most=[2, 8, 20]), tol=ulps(lambda at: 4 * sum(at.alpha) + 1))
def several_evaluation(at):
    """He_alpha(z) = prod_i He_{alpha_i}(z_i)."""
    return Sides(
        floats=He_multi(at.alpha, at.Z),
        rationals=[_product_of_He(at.alpha, map(Fraction, z)) for z in at.Z],
        scale=[math.prod(float(_plus_signs(k, Fraction(z))) for k, z in zip(at.alpha, row, strict=True)) for row in at.Z],
    )


@several_evaluation.refutes("the physicists' polynomials")
def _(at):
    return Instead(rationals=[math.prod(_three_term(k, Fraction(z), lambda k, z, here, before: 2 * z * here - 2 * k * before)[-1]
                                        for k, z in zip(at.alpha, row, strict=True)) for row in at.Z])


@several_evaluation.refutes("the variables in reverse")
def _(at):
    return Instead(rationals=[_product_of_He(at.alpha[::-1], map(Fraction, z)) for z in at.Z])


@several_evaluation.refutes("unit norm")
def _(at):
    return Instead(floats=He_multi(at.alpha, at.Z) / math.sqrt(factorial(at.alpha)))


# ---- activations

@HERMITE.claim("truncated-relu", where="Hermite coefficients of min(1, max(0, z))", printed_from=DERIVED, needs=["HERMITE/half-line"],
               given=family(_dyadic_biases, K=(0, 6), b=[0.0, 1.0, 0.5, -0.5, 2.0, -2.0, 11.0, -11.0]), tol=ulps(4))
def truncated_relu(at):
    """sigma(z) = min(1, max(0, z)), sigma'(z) = 1{0 <= z < 1}: c_k(b) = E[sigma(z + b) He_k(z)] is that of relu at b minus that at b - 1."""
    return Sides(
        two_relus=[TRUNCATED_RELU.value(at.x), TRUNCATED_RELU.derivative(at.x), *TRUNCATED_RELU.hermite_coefficients(at.K, at.x)],
        incomplete_gamma=np.transpose([_truncated(at.K, b) for b in at.x]),
        scale=np.transpose([_truncated_budget(at.K, b) for b in at.x]),
    )


def _truncated(K, b, ramp=1, plateau=1):
    """sigma(b), sigma'(b), and ramp int_{-b}^{1-b} (z + b) He_k phi + plateau int_{1-b}^inf He_k phi by incomplete gamma functions."""
    with mp.workdps(80):
        b = mp.mpf(float(b))
        start, end = ([_tail(l, a) for l in range(K + 2)] for a in (-b, 1 - b))
        term = [ramp * (start[l + 1] - end[l + 1] + b * (start[l] - end[l])) + plateau * end[l] for l in range(K + 1)]
        c = [float(sum(a * term[l] for l, a in enumerate(_rodrigues(k)))) for k in range(K + 1)]
    return [float(b if 0 <= b < 1 else b > 0), float(0 <= b < 1), *c]


def _truncated_budget(K, b):
    """(20 + 4 k) roundings, in fours: 16 + 4 (k - 1) of the step function's, the sum, the difference, and the other route; b - 1 is exact."""
    return [1.0, 1.0, *((5 + k) * (_relu_terms(k, b) + _relu_terms(k, b - 1)) for k in range(K + 1))]


def _relu_terms(k, b):
    """phi + |b| Phi, Phi, phi He_{k-2}(|b|) with plus signs."""
    phi, Phi = _half_line(0, b)[:2]
    return phi + abs(b) * Phi if k == 0 else Phi if k == 1 else phi * float(_plus_signs(k - 2, Fraction(b)))


@truncated_relu.refutes("the second kink forgotten: relu")
def _(at):
    return Instead(two_relus=[RELU.value(at.x), RELU.derivative(at.x), *RELU.hermite_coefficients(at.K, at.x)])


@truncated_relu.refutes("the plateau lost")
def _(at):
    return Instead(incomplete_gamma=np.transpose([_truncated(at.K, b, plateau=0) for b in at.x]))


@truncated_relu.refutes("sign of the bias")
def _(at):
    return Instead(incomplete_gamma=np.transpose([_truncated(at.K, -b) for b in at.x]))


ANALYTIC = {"erf": ERF, "sin": by_trapezoid("sin", np.sin, np.cos), "tanh": TANH}


@HERMITE.claim("analytic", where="Hermite coefficients of an analytic activation", printed_from=DERIVED,
               needs=["HERMITE/rodrigues", "HERMITE/stein"], given=family(name=list(ANALYTIC), b=[0.0, 0.5, -2.0], K=[5]),
               tol=ulps(lambda at: 64 * (at.K + 1)))
def analytic(at):
    """c_k(b) = E[sigma(z + b) He_k(z)] = d^k/db^k c_0(b), and c_{k+1} for sigma'; c_0 = erf(b / sqrt 3) for erf, e^{-1/2} sin b for sin."""
    sigma = ANALYTIC[at.name]
    slope = by_trapezoid("slope", sigma.derivative, sigma.derivative)
    return Sides(
        trapezoid=[sigma.hermite_coefficients(at.K, at.b), slope.hermite_coefficients(at.K, at.b)],
        at_30_digits=_and_shifted(_at_30_digits(at.name, at.b, at.K)),
        scale=np.outer([1, 2 / math.sqrt(math.pi)], [math.sqrt(math.factorial(k)) for k in range(at.K + 1)]),   # max|sigma| (E He_k^2)^{1/2}
    )


def _and_shifted(c):
    """c_0, ..., c_K for sigma over c_1, ..., c_{K+1} for sigma'."""
    return [c[:-1], c[1:]]


@cache
def _at_30_digits(name, b, K):
    """c_0(b), ..., c_{K+1}(b): derivatives in b of a closed c_0, or (tanh) Gauss-Legendre by mpmath."""
    with mp.workdps(30):
        if name == "erf":
            step = 2 / mp.sqrt(3 * mp.pi) * mp.exp(-mp.mpf(b) ** 2 / 3)             # c_1 = c_0', and c_{k+1} = c_1^(k)
            factor = [_value(_weight_derivative(k, rate=Fraction(2, 3)), Fraction(b)) for k in range(K + 1)]
            return [float(mp.erf(b / mp.sqrt(3))), *(float(step * p.numerator / p.denominator) for p in map(Fraction, factor))]
        if name == "sin":
            return [float(mp.exp(-0.5) * mp.sin(b + k * mp.pi / 2)) for k in range(K + 2)]
        weighted = cache(lambda z: mp.tanh(z + b) * mp.exp(-z * z / 2) / mp.sqrt(2 * mp.pi))
        terms = [lambda z, k=k: weighted(z) * _value(_rodrigues(k), z) for k in range(K + 2)]
        return [float(mp.quad(term, range(-16, 17, 4), method="gauss-legendre")) for term in terms]


@analytic.refutes("coefficients of He_k, divided by k!")
def _(at):
    return Instead(at_30_digits=_and_shifted([c / math.factorial(k) for k, c in enumerate(_at_30_digits(at.name, at.b, at.K))]))


@analytic.refutes("sign of the bias")
def _(at):
    return Instead(at_30_digits=_and_shifted(_at_30_digits(at.name, -at.b, at.K)))


@analytic.refutes("the coefficients of sigma' not shifted")
def _(at):
    c = _at_30_digits(at.name, at.b, at.K)[:-1]
    return Instead(at_30_digits=[c, c])


# ---- the other routes: coefficient lists a_0, a_1, ... and numbers, without a line of refimpl

def _exactly(floats):
    """Floats as the Fractions they are."""
    return [_exactly(row) if row.ndim else Fraction(float(row)) for row in np.asarray(floats)]


def _diagonal(values):
    return [[x if i == j else 0 for j in range(len(values))] for i, x in enumerate(values)]


def _padded(a, n):
    return [*a[:n], *[0] * (n - len(a))]


def _value(a, z):
    """sum_l a_l z^l, by Horner's rule."""
    total = 0 * z
    for x in reversed(a):
        total = total * z + x
    return total


def _differentiated(a):
    return [l * x for l, x in enumerate(a)][1:]


def _multiplied(a, b):
    total = [0] * (len(a) + len(b) - 1)
    for (i, x), (j, y) in itertools.product(enumerate(a), enumerate(b)):
        total[i + j] += x * y
    return total


def _exponential_of(a):
    """The power series exp(a_0 + a_1 t + ...), a_0 = 0: n e_n = sum_j j a_j e_{n-j}."""
    e = [Fraction(1)]
    for n in range(1, len(a)):
        e.append(sum(j * a[j] * e[n - j] for j in range(1, n + 1)) / n)
    return e


@cache
def _weight_derivative(k, rate=1):
    """The polynomial p with d^k/dz^k e^{-rate z^2/2} = p(z) e^{-rate z^2/2}: p becomes p' - rate z p."""
    if k == 0:
        return [1]
    before = _weight_derivative(k - 1, rate)
    return [x - y for x, y in zip(_padded(_differentiated(before), k + 1), [0, *(rate * x for x in before)], strict=True)]


def _rodrigues(k):
    """He_k = (-1)^k e^{z^2/2} (e^{-z^2/2})^(k)."""
    return [(-1) ** k * x for x in _weight_derivative(k)]


def _three_term(K, z, step=lambda k, z, here, before: z * here - k * before):
    """He_0(z), ..., He_K(z), or what another step makes of them."""
    H, before = [0 * z + 1], 0
    for k in range(K):
        H.append(step(k, z, H[-1], before))
        before = H[-2]
    return H


def _plus_signs(k, z):
    """The recurrence with |z| and plus signs: the sum of the absolute terms of He_k(z)."""
    return _three_term(k, abs(z), lambda k, z, here, before: z * here + k * before)[-1]


def _product_of_He(alpha, z):
    return math.prod(_three_term(k, x)[-1] for k, x in zip(alpha, z, strict=True))


def _expanded_He(alpha):
    """He_alpha in monomials."""
    factors = [enumerate(_rodrigues(k)) for k in alpha]
    return {tuple(l for l, _ in term): math.prod(x for _, x in term) for term in itertools.product(*factors)}


def _over_factorials(c):
    return [x / math.factorial(k) for k, x in enumerate(c)]


def _combined(weights):
    """sum_k weights_k He_k in powers of z."""
    return [sum(x * y for x, y in zip(weights, column, strict=True))
            for column in zip(*(_padded(_rodrigues(k), len(weights)) for k in range(len(weights))), strict=True)]


def _horner(a):
    """c_0, ..., c_K of sum_l a_l z^l, by Horner's rule in the Hermite basis: z He_k = He_{k+1} + k He_{k-1}."""
    d = [Fraction()] * (len(a) + 1)                        # coefficients of He_k
    for x in reversed(a):
        d = [(d[k - 1] if k else x) + (k + 1) * (d[k + 1] if k + 1 < len(d) else 0) for k in range(len(d))]
    return [math.factorial(k) * x for k, x in enumerate(d[: len(a)])]


def _moment(n):
    """E z^n = n! [t^n] e^{t^2/2}."""
    return Fraction(math.factorial(n), 2 ** (n // 2) * math.factorial(n // 2)) if n % 2 == 0 else Fraction()


def _mean(a):
    """E sum_l a_l z^l."""
    return sum((x * _moment(l) for l, x in enumerate(a)), start=Fraction())


def _lagrange(x, axis):
    """The polynomial that is 1 at x and 0 at the other points of the axis."""
    a = [Fraction(1)]
    for y in axis:
        if y != x:
            a = _multiplied(a, [Fraction(-y, x - y), Fraction(1, x - y)])
    return a


def _dot(u, x):
    return sum(a * b for a, b in zip(u, x, strict=True))


def _power(u, alpha):
    return math.prod(x**k for x, k in zip(u, alpha, strict=True))


def _over_root(x, square):
    """x / sqrt(square), exact numbers, rounded once."""
    with mp.workdps(40):
        return float(mp.mpf(x.numerator) / x.denominator / mp.sqrt(square))


def _tail(k, a):
    """E[z^k 1{z >= a}] at mpmath's working precision: 2^{(k-1)/2} Gamma((k+1)/2, a^2/2) / sqrt(2 pi) for a >= 0."""
    if a < 0:
        return (mp.fac2(k - 1) if k % 2 == 0 else 0) - (-1) ** k * _tail(k, -a)
    return mp.mpf(2) ** (mp.mpf(k - 1) / 2) * mp.gammainc(mp.mpf(k + 1) / 2, mp.mpf(a) ** 2 / 2) / mp.sqrt(2 * mp.pi)


def _tails(K, a):
    with mp.workdps(40):
        return [float(_tail(k, mp.mpf(float(a)))) for k in range(K + 1)]
