"""Appendices A.3 and D: tails of polynomials of a Gaussian vector, with constants that are derived here.

lemma-43  lemma-43-box  lemma-43-constant                           hypercontractivity, from which all tails follow by Markov's inequality
lemma-30  lemma-30-constant  lemma-30-order                         tails of a polynomial of degree p, its constant, its exponent
"""

import math
from fractions import Fraction

from flint import acb, arb

from proofs_checks import AtMost, AtMostOn, Instead, Sides
from proofs_checks.engine import oracles
from proofs_checks.instances import family, rational
from proofs_checks.papers.dls22 import DERIVED, DLS22, RESTATED
from refimpl import polynomials

# ---- hypercontractivity

def _polynomial(rng, p, r, k, kind):
    """f of degree p: with components of every degree, with one of degree p alone, or close to a constant, where the bound is tight."""
    c = {alpha: rational(rng) for degree in range(p + 1) for alpha in polynomials.exponents(r, degree) if kind != "pure" or degree == p}
    if kind == "near a constant":
        c = {alpha: x / 8 for alpha, x in c.items()} | {(0,) * r: Fraction(1)}
    return {"f": polynomials.from_hermite(c), "parseval": k == 2}


def _mean_power(f, k):
    """E f^k."""
    power = f
    for _ in range(k - 1):
        power = polynomials.times(power, f)
    return sum((x * oracles.gaussian_moment(alpha) for alpha, x in power.items()), start=Fraction())


def _weighted(f, rate):
    """sum_alpha rate^|alpha| c_alpha^2 / alpha!; at rate 1 it is E f^2."""
    c = polynomials.hermite_coefficients(f)
    return sum((rate ** sum(alpha) * c[alpha] ** 2 / polynomials.factorial(alpha) for alpha in c), start=Fraction())


@DLS22.claim(
    "lemma-43",
    where="appendix D, Lemma 43",
    printed_from=RESTATED,
    covers=["A.L43"],
    needs=["HERMITE/several-coefficients"],
    given=family(_polynomial, p=(1, 3), r=(1, 2), k=[2, 4, 6], kind=["near a constant", "pure", "every degree"]),
)
def lemma_43(at):
    """E f^k <= (sum_alpha (k-1)^|alpha| c_alpha^2 / alpha!)^{k/2} for even k, f = sum_alpha c_alpha He_alpha / alpha!; equality at k = 2.

    Nelson's form. With |alpha| <= p it gives the lemma, E f^k <= (k-1)^{pk/2} (E f^2)^{k/2}. Checked are polynomials of small degree, not all.
    """
    form = Sides if at.parseval else AtMost                                 # at k = 2 equality is claimed, so it is checked
    return form(value=_mean_power(at.f, at.k), bound=_weighted(at.f, at.k - 1) ** (at.k // 2))


@lemma_43.refutes("constant 1")
def _(at):
    return Instead(bound=_weighted(at.f, 1) ** (at.k // 2))


@lemma_43.refutes("rate k/2 for k - 1")
def _(at):
    return Instead(bound=_weighted(at.f, Fraction(at.k, 2)) ** (at.k // 2))


@lemma_43.refutes("rate k - 2")
def _(at):
    return Instead(bound=_weighted(at.f, at.k - 2) ** (at.k // 2))


@DLS22.claim(
    "lemma-43-box",
    where="appendix D, Lemma 43, at p = 2 and k = 4",
    printed_from=RESTATED,
    covers=["A.L43"],
    needs=["DLS22/lemma-43"],
    given=family(second=["He_2(z_1)", "z_1 z_2", "z_2"]),
)
def lemma_43_box(at):
    """E f^4 <= (sum_alpha 3^|alpha| c_alpha^2 / alpha!)^2 for every f = 1 + b z_1 + c h, 1/2 <= b <= 2, |c| <= 1, h one of three polynomials."""
    return AtMostOn(box=[(0.5, 2), (-1, 1)], value=_fourth_moment(at), bound=lambda b, c: _nelson(at, b, c, 3))


SECOND = {"He_2(z_1)": {(2, 0): 1, (0, 0): -1}, "z_1 z_2": {(1, 1): 1}, "z_2": {(0, 1): 1}}


def _fourth_moment(at):
    """E (1 + b z_1 + c h)^4 as a polynomial in b and c."""
    f = polynomials.polynomial({(0, 0, 0, 0): 1, (1, 0, 1, 0): 1} | {(*alpha, 0, 1): x for alpha, x in SECOND[at.second].items() if sum(alpha)})
    f = polynomials.add(f, polynomials.polynomial({(0, 0, 0, 1): SECOND[at.second].get((0, 0), 0)}))
    square = polynomials.times(f, f)
    terms = {}
    for (*alpha, i, j), x in polynomials.times(square, square).items():
        terms[i, j] = terms.get((i, j), 0) + x * oracles.gaussian_moment(alpha)
    return lambda b, c: sum((arb(int(x)) * b**i * c**j for (i, j), x in terms.items() if x), start=arb(0))


def _nelson(at, b, c, rate):
    """The coefficients of He_2 and of z_1 z_2 have |alpha| = 2, and alpha! c_h^2 is E h^2."""
    size, degree = {"He_2(z_1)": (2, 2), "z_1 z_2": (1, 2), "z_2": (1, 1)}[at.second]
    return (1 + rate * b * b + rate**degree * size * c * c) ** 2


@lemma_43_box.refutes("rate 2 for 3")
def _(at):
    return Instead(bound=lambda b, c: _nelson(at, b, c, 2))


@lemma_43_box.refutes("constant 1")
def _(at):
    return Instead(bound=lambda b, c: _nelson(at, b, c, 1))


@DLS22.claim(
    "lemma-43-constant",
    where="appendix D, Lemma 43: its constant O_{k,p}(1)",
    printed_from=DERIVED,
    covers=["A.L43"],
    needs=["DLS22/lemma-43"],
    given=family(_polynomial, p=(0, 3), r=(1, 2), k=[2, 4, 6], kind=["pure", "every degree"]),
)
def lemma_43_constant(at):
    """(sum_alpha (k-1)^|alpha| c_alpha^2 / alpha!)^{k/2} <= (k-1)^{pk/2} (E f^2)^{k/2}, with equality where f has the degree p alone."""
    form = Sides if at.kind == "pure" else AtMost
    return form(value=_weighted(at.f, at.k - 1) ** (at.k // 2), bound=(at.k - 1) ** (at.p * at.k // 2) * _mean_power(at.f, 2) ** (at.k // 2))


@lemma_43_constant.refutes("(k-1)^{p/2} for (k-1)^{pk/2}")
def _(at):
    return Instead(bound=(at.k - 1) ** (at.p // 2) * _mean_power(at.f, 2) ** (at.k // 2))


@lemma_43_constant.refutes("(k-1)^{k/2}, as for p = 1")
def _(at):
    return Instead(bound=(at.k - 1) ** (at.k // 2) * _mean_power(at.f, 2) ** (at.k // 2))


# ---- known laws, as balls

def _square_above(s):
    """Pr[z^2 >= s]."""
    return (arb(s).max(0) / 2).sqrt().erfc()


def _length_above(r, s):
    """Pr[|w|^2 >= s], w ~ N(0, I_r)."""
    return (arb(s).max(0) / 2).gamma_upper(arb(r) / 2, True)


def _length_below(r, s):
    return (arb(s).max(0) / 2).gamma_lower(arb(r) / 2, True)


def _product_above(t):
    """Pr[|z_1 z_2| >= t] = (2/pi) int_0^inf e^{-t cosh u} / cosh u du, whose part beyond 6 is at most 2 e^{-6 - t cosh 6}."""
    near = acb.integral(lambda u, _: (-acb(t) * u.cosh()).exp() / u.cosh(), 0, 6, rel_tol=arb(2) ** -40).real
    return (near + arb(0).union(2 * (-6 - t * arb(6).cosh()).exp())) * 2 / arb.pi()


def _hull(monotone, ball):
    """A monotone function on a ball: between its values at the two ends."""
    return monotone(ball.lower()).union(monotone(ball.upper()))


# ---- Lemma 30

def _he_3(t):
    """Pr[|z^3 - 3z| >= t] for t > 2: one root on each side."""
    return _square_above((2 * ((t / 2).acosh() / 3).cosh()) ** 2)


def _he_4(t):
    """Pr[|z^4 - 6 z^2 + 3| >= t]: z^2 beyond the outer roots, or between the two of the minimum -6."""
    inner = (6 - t).max(0).sqrt()
    return _square_above(3 + (6 + t).sqrt()) + _square_above(3 - inner) - _square_above(3 + inner)


def _two_radii(t):
    """Pr[||v|^2 |w|^2 - 4| >= t], v and w in the plane, t >= 4: Pr[|v||w| >= q] = q K_1(q) = q int_0^inf e^{-q cosh u} cosh u du.

    Of the integral the part beyond 6 is at most 2 e^{-q cosh 6} / q, for cosh u <= 2 sinh u there.
    """
    q = (4 + t).sqrt()
    near = acb.integral(lambda u, _: (acb(q) * (1 - u.cosh())).exp() * u.cosh(), 0, 6, rel_tol=arb(2) ** -40).real
    return (-q).exp() * (q * near + arb(0).union(2 * (q * (1 - arb(6).cosh())).exp()))


LAWS = {                                                   # degree, variance, Pr[|f| >= t]
    "z": (1, 1, lambda t: _square_above(t * t)),
    "He_2(z)": (2, 2, lambda t: _square_above(1 + t) + 1 - _square_above(1 - t)),
    "z_1 z_2": (2, 1, _product_above),
    "z_1 z_2 + z_3 z_4": (2, 2, lambda t: (-t).exp()),
    "|w|^2 - 8": (2, 16, lambda t: _length_above(8, 8 + t) + _length_below(8, 8 - t)),
    "He_3(z)": (3, 6, _he_3),
    "He_4(z)": (4, 24, _he_4),
    "|v|^2 |w|^2 - 4": (4, 48, _two_radii),
}


def _law(law):
    return {"p": LAWS[law][0]}


def _constant(p):
    """C_p = min(p / 2e, 2/3)."""
    return (arb(p) / (2 * arb(1).exp())).min(arb(2) / 3)


def _less_log_tail(law, x):
    """log 2 - log Pr[|f| >= x^{p/2} sqrt(Var f)]."""
    p, variance, above = LAWS[law]
    return _hull(lambda x: (2 / above(x ** (arb(p) / 2) * arb(variance).sqrt())).log(), x)


@DLS22.claim(
    "lemma-30",
    where="appendix A.3, Lemma 30",
    printed_from=RESTATED,
    covers=["A.L30"],
    needs=["DLS22/lemma-30-constant"],
    given=family(_law, law=list(LAWS)),
)
def lemma_30(at):
    """Pr[|g - Eg| >= delta sqrt(Var g)] <= 2 exp(-C_p min(delta^2, delta^{2/p})), C_p = min(p/2e, 2/3): for eight known laws.

    Here x = delta^{2/p} in [1, 48]; for delta < 1 the bound exceeds 1. With sqrt(E g^2) for sqrt(Var g), as in the paper, the event is smaller. For every g
    it follows by Markov's inequality from Nelson's, at real exponents q, which is not checked for every g.
    """
    return AtMostOn(box=[(1, 48)], value=lambda x: _constant(at.p) * x, bound=lambda x: _less_log_tail(at.law, x))


@lemma_30.refutes("delta^{2/(p-1)} for delta^{2/p}")
def _(at):
    return Instead(value=lambda x: _constant(at.p) * x ** (arb(at.p) / max(at.p - 1, 1)))


@lemma_30.refutes("delta^2, as for a linear g")
def _(at):
    return Instead(value=lambda x: _constant(at.p) * x**at.p)


@lemma_30.refutes("C_p twice as large")
def _(at):
    return Instead(value=lambda x: 2 * _constant(at.p) * x)


@DLS22.claim(
    "lemma-30-order",
    where="appendix A.3, Lemma 30: its exponent 2/p",
    printed_from=DERIVED,
    covers=["A.L30"],
    needs=["DLS22/lemma-30"],
    given=family(p=(1, 4)),
)
def lemma_30_order(at):
    """Pr[|He_p(z)| >= delta sqrt(p!)] >= exp(-(p!)^{1/p} x/2 - p - 2) for every x = delta^{2/p} in [1, 48], so no larger power of delta will do."""
    return _at_least(at, arb(math.factorial(at.p)), lambda x: x)


def _at_least(at, factorial, power):
    return AtMostOn(box=[(1, 48)], value=lambda x: _less_log_tail(HERMITE[at.p], x) - arb(2).log(),
                    bound=lambda x: factorial ** (arb(1) / at.p) * power(x) / 2 + at.p + 2)


HERMITE = {1: "z", 2: "He_2(z)", 3: "He_3(z)", 4: "He_4(z)"}


@lemma_30_order.refutes("delta^{2/(p+1)}")
def _(at):
    return _at_least(at, arb(math.factorial(at.p)), lambda x: x ** (arb(at.p) / (at.p + 1)))


@lemma_30_order.refutes("sqrt(p!) for p! under the root")
def _(at):
    return _at_least(at, arb(math.factorial(at.p)).sqrt(), lambda x: x)


@DLS22.claim(
    "lemma-30-constant",
    where="appendix A.3, Lemma 30: its constant C_p",
    printed_from=DERIVED,
    covers=["A.L30"],
    needs=["DLS22/lemma-43", "DLS22/lemma-43-constant"],
    given=family(p=(1, 10)),
)
def lemma_30_constant(at):
    """Moments (q-1)^{pq/2}, q >= 2, give the tail 2 exp(-C_p x) with C_p = min(p/2e, 2/3), for every x = delta^{2/p} in [1, 48].

    Markov's inequality at q = 2 gives x^{-p}, at q = 1 + x/e, where x >= e, exp(-(p/2)(1 + x/e)). The moments are those of Lemma 43 at every real q, which Nelson's theorem gives and Lemma 43 checks at even q.
    """
    return _by_markov(at, _constant(at.p))


def _by_markov(at, C, first=True):
    return AtMostOn(box=[(1, 48)], value=lambda x: C * x, bound=lambda x: arb(2).log() + _exponent(at.p, x, first))


def _exponent(p, x, first):
    """-log of the better bound; on a ball that is not yet beyond e the first."""
    at_two = p * x.log() if first else arb(0)
    return at_two.max(arb(p) / 2 * (1 + x / arb(1).exp())) if x > arb(1).exp() else at_two


@lemma_30_constant.refutes("p/2e for every p")
def _(at):
    return _by_markov(at, arb(at.p) / (2 * arb(1).exp()))


@lemma_30_constant.refutes("2/3 for every p")
def _(at):
    return _by_markov(at, arb(2) / 3)


@lemma_30_constant.refutes("without Chebyshev's inequality between delta = 1 and e^{p/2}")
def _(at):
    return _by_markov(at, _constant(at.p), first=False)
