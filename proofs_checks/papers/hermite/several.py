"""Several variables.

    heat                       E g(s + v) = e^{D/2} g(s), v ~ N(0, G), D = sum_ij G_ij d_i d_j
    several-euler              sum_i z_i d_i g_k = k g_k, g = sum_k g_k
    several-orthogonality      E He_alpha He_beta = alpha! delta
    several-stein              E[v_i g(v)] = sum_j G_ij E[d_j g(v)]
    several-coefficients       c_alpha = E[d^alpha g] = E[g He_alpha]
    several-power              He_k(u.x) = sum_{|alpha| = k} k!/alpha! u^alpha He_alpha(x), |u| = 1
    several-evaluation         He_alpha(z) = prod_i He_{alpha_i}(z_i)
"""

import itertools
import math
from fractions import Fraction

import numpy as np

from proofs_checks import Instead, Sides, ulps
from proofs_checks.engine import oracles
from proofs_checks.instances import family, rational, rational_unit
from proofs_checks.papers.hermite import DERIVED, HERMITE, RECALLED
from proofs_checks.papers.hermite.routes import (
    dot,
    dyadic,
    exactly,
    expanded_He,
    lattice,
    nonzero,
    plus_signs,
    power,
    product_of_He,
    three_term,
)
from refimpl import polynomials
from refimpl.hermite import He_multi
from refimpl.polynomials import exponents, factorial


def _polynomial(rng, r, p):
    return {alpha: c for k in range(p + 1) for alpha in exponents(r, k) for c in nonzero(rng, 1)}

def _correlated_vector(rng, r, p):
    A = tuple(tuple(rational(rng) for _ in range(2)) for _ in range(r))       # v = Az, so G = A A^T has rank at most 2
    return {"g": _polynomial(rng, r, p), "A": A, "G": polynomials.gram(A), "s": tuple(rational(rng) for _ in range(r)),
            "alpha": tuple(int(a) for a in rng.integers(0, 4, r))}

def _independent(rng, r, p):
    return {"g": _polynomial(rng, r, p), "c": _polynomial(rng, r, p)}

def _direction(rng, r, K):
    return {"u": rational_unit(rng, r), "x": dyadic(rng, r, parts=4)}

def _float_rows(rng, r, most):
    return {"alpha": tuple(int(a) for a in rng.integers(0, most + 1, r)), "Z": rng.uniform(-4, 4, (3, r))}

def _graded(rng, r, p, last):
    # in "cancelled" a coefficient of degree p is 0; "nothing" is the empty sum
    g = {alpha: c * (last == "kept" or sum(alpha) < p) for alpha, c in _polynomial(rng, r, p).items() if last != "nothing"}
    return {"g": g, "terms": [alpha for alpha, c in g.items() if c]}

def _up_to(r, K):
    return {"alphas": [alpha for alpha in itertools.product(range(K + 1), repeat=r) if sum(alpha) <= K]}

correlated = family(_correlated_vector, r=(1, 3), p=(0, 5))


@HERMITE.claim("heat", where="the heat semigroup; Isserlis' theorem", printed_from=DERIVED, given=correlated,
               needs=["HERMITE/gaussian-moments", "HERMITE/recurrence"])
def heat_operator(at):
    """E g(s + v) = e^{D/2} g(s), v ~ N(0, G), D = sum_ij G_ij d_i d_j; E g(v) = e^{D/2} g(0); He_alpha = e^{-D/2} z^alpha where G = I."""
    averaged = polynomials.heat(at.g, at.G)
    He_alpha = polynomials.heat({at.alpha: Fraction(1)}, polynomials.identity(at.r), time=-1)
    return Sides(
        heat=[polynomials.evaluate(averaged, at.s), averaged[(0,) * at.r], polynomials.evaluate(He_alpha, at.s)],
        moments=[_average(at.g, at.s, at.A), polynomials.mean(at.g, at.G), product_of_He(at.alpha, at.s)],
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


@HERMITE.claim("several-euler", where="Euler's theorem on homogeneous polynomials", printed_from=RECALLED,
               given=family(_graded, r=(1, 3), p=(0, 4), last=["kept", "cancelled", "nothing"]))
def several_euler(at):
    """d_i z^alpha = alpha_i z^(alpha - e_i), so sum_i z_i d_i g_k = k g_k where g = g_0 + ... + g_p, g_k of degree k; the polynomial 0 has p = 0."""
    parts = [polynomials.homogeneous(at.g, k) for k in range(polynomials.degree(at.g) + 1)]
    radial = polynomials.add({}, *(polynomials.scale(g_k, k) for k, g_k in enumerate(parts)))
    return Sides(
        parts=_labelled(how_many={(): len(parts)}, slopes=_slopes(at), radial=radial),
        terms=_labelled(how_many={(): 1 + _degree(at.terms)}, slopes=_power_rule(at), radial=_radial(at)),
    )


def _degree(terms, of=sum):
    return max(map(of, terms), default=0)


def _slopes(at):
    """d_i g for every i."""
    return {(i, *alpha): c for i in range(at.r) for alpha, c in polynomials.partial(at.g, i).items()}


def _power_rule(at, factor=lambda alpha, i: alpha[i]):
    """The same, term by term: d_i lowers alpha_i by one, and factor(alpha, i) comes down."""
    return {(i, *(a - (i == j) for j, a in enumerate(alpha))): factor(alpha, i) * at.g[alpha] for i in range(at.r) for alpha in at.terms}


def _radial(at, order=sum):
    """Each term as often as its degree."""
    return {alpha: order(alpha) * at.g[alpha] for alpha in at.terms}


@several_euler.refutes("the degree in each variable for the total degree")
def _(at):
    return Instead(terms=_labelled(how_many={(): 1 + _degree(at.terms, max)}, slopes=_power_rule(at), radial=_radial(at, max)))


@several_euler.refutes("a coefficient 0 counts in the degree")
def _(at):
    return Instead(terms=_labelled(how_many={(): 1 + _degree(at.g)}, slopes=_power_rule(at), radial=_radial(at)))


@several_euler.refutes("the power rule without its factor")
def _(at):
    slopes = _power_rule(at, lambda alpha, i: min(alpha[i], 1))
    return Instead(terms=_labelled(how_many={(): 1 + _degree(at.terms)}, slopes=slopes, radial=_radial(at)))


@HERMITE.claim("several-orthogonality", where="orthogonality in several variables", printed_from=RECALLED, given=family(_up_to, r=(1, 3), K=(0, 2)),
               needs=["HERMITE/orthogonality"])
def several_orthogonality(at):
    """E He_alpha(z) He_beta(z) = alpha! delta, z ~ N(0, I_r), |alpha|, |beta| <= K."""
    nodes, weights = lattice(at.r, at.K)                   # whole numbers, so He_alpha of them is exact
    values = {alpha: exactly(He_multi(alpha, nodes)) for alpha in at.alphas}
    return Sides(
        interpolated={(*alpha, *beta): sum(w * x * y for w, x, y in zip(weights, X, Y, strict=True)) for alpha, X in values.items() for beta, Y in values.items()},
        factorials={(*alpha, *alpha): factorial(alpha) for k in range(at.K + 1) for alpha in exponents(at.r, k)},
    )


@several_orthogonality.refutes("|alpha|! for alpha!")
def _(at):
    return Instead(factorials={(*alpha, *alpha): math.factorial(sum(alpha)) for alpha in at.alphas})


@several_orthogonality.refutes("unit norm: E He_alpha^2 = 1")
def _(at):
    return Instead(factorials={(*alpha, *alpha): 1 for alpha in at.alphas})


@several_orthogonality.refutes("the physicists' norm 2^|alpha| alpha!")
def _(at):
    return Instead(factorials={(*alpha, *alpha): 2 ** sum(alpha) * factorial(alpha) for alpha in at.alphas})


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
                       for beta, c in g.items() for gamma, y in expanded_He(alpha).items()) for alpha in g}


def _expansion(c, divisor=factorial):
    """sum_alpha c_alpha He_alpha / divisor(alpha), in monomials."""
    total = {}
    for alpha, c_alpha in c.items():
        for gamma, y in expanded_He(alpha).items():
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
        along_u=three_term(at.K, dot(at.u, at.x)),
        multinomial=[
            sum(Fraction(math.factorial(k), factorial(alpha)) * power(at.u, alpha) * Fraction(He_multi(alpha, x).item())
                for alpha in exponents(at.r, k))
            for k in range(at.K + 1)
        ],
    )


def _multinomial(at, u, weight):
    """sum_{|alpha| = k} weight(alpha) u^alpha He_alpha(x) for k = 0, ..., K."""
    return [sum(weight(alpha) * power(u, alpha) * product_of_He(alpha, at.x) for alpha in exponents(at.r, k)) for k in range(at.K + 1)]


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
        along_u=three_term(at.K, dot(u, at.x)),
        multinomial=_multinomial(at, u, lambda alpha: Fraction(math.factorial(sum(alpha)), factorial(alpha))),
    )


@HERMITE.claim("several-evaluation", where="Hermite polynomials of several variables, in floats", printed_from=RECALLED,
               needs=["HERMITE/recurrence"], given=family(_float_rows, r=(1, 4), most=[2, 8, 20]), tol=ulps(lambda at: 4 * sum(at.alpha) + 1))
def several_evaluation(at):
    """He_alpha(z) = prod_i He_{alpha_i}(z_i)."""
    return Sides(
        floats=He_multi(at.alpha, at.Z),
        rationals=[product_of_He(at.alpha, map(Fraction, z)) for z in at.Z],
        scale=[math.prod(float(plus_signs(k, Fraction(z))) for k, z in zip(at.alpha, row, strict=True)) for row in at.Z],
    )


@several_evaluation.refutes("the physicists' polynomials")
def _(at):
    return Instead(rationals=[math.prod(three_term(k, Fraction(z), lambda k, z, here, before: 2 * z * here - 2 * k * before)[-1]
                                        for k, z in zip(at.alpha, row, strict=True)) for row in at.Z])


@several_evaluation.refutes("the variables in reverse")
def _(at):
    return Instead(rationals=[product_of_He(at.alpha[::-1], map(Fraction, z)) for z in at.Z])


@several_evaluation.refutes("unit norm")
def _(at):
    return Instead(floats=He_multi(at.alpha, at.Z) / math.sqrt(factorial(at.alpha)))
