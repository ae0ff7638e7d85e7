"""Appendices A.3 and D: tails of polynomials of a Gaussian vector, with constants that are derived here.

lemma-43  lemma-43-box  lemma-43-constant                           hypercontractivity, from which all tails follow by Markov's inequality
lemma-30  lemma-30-constant  lemma-30-order                         tails of a polynomial of degree p, its constant, its exponent
cor-40-moments  cor-40  cor-40-order                                tails of |T(w^k)|, and that no smaller order will do
cor-46  cor-46-order  cor-46-law                                    the same on the sphere
"""

import math
from fractions import Fraction

from flint import acb, arb

from proofs_checks import AtMost, AtMostOn, Instead, Sides
from proofs_checks.engine import oracles
from proofs_checks.instances import family, rational
from proofs_checks.papers.dls22 import DERIVED, DLS22, RESTATED
from refimpl import polynomials
from refimpl.symmetric_tensors import chi_moment, contraction_mean

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


def _share_above(r, d, s):
    """Pr[|Pi w|^2 >= s |w|^2], w ~ N(0, I_d), Pi of rank r."""
    s = arb(s).min(1)
    return _share_sum(r, d, s) if r % 2 == 0 else _share_beta(r, d, s)


def _share_beta(r, d, s):
    """Beta(r/2, (d-r)/2)."""
    return (1 - s).beta_lower(arb(d - r) / 2, arb(r) / 2, True)


def _share_sum(r, d, s):
    """(1-s)^b sum_{i < r/2} b (b+1) ... (b+i-1) s^i / i!, b = (d-r)/2, for even r: no term is negative."""
    b = arb(d - r) / 2
    term = total = arb(1)
    for i in range(1, r // 2):
        term = term * (b + i - 1) * s / i
        total += term
    return (1 - s) ** b * total


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
    """Pr[||v|^2 |w|^2 - 4| >= t], v and w in the plane, t >= 4: Pr[|v||w| >= q] = q K_1(q)."""
    q = (4 + t).sqrt()
    return q * q.bessel_k(1)


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
    it follows from hypercontractivity.
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

    Markov's inequality at q = 2 gives x^{-p}, at q = 1 + x/e, where x >= e, exp(-(p/2)(1 + x/e)). The moments are those of Lemma 43, at every real q.
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


# ---- Corollary 40: moments

def _tensor_of_order(rng, k, more, r, q):
    """T of order p = k + more, its coefficients rational."""
    return {"T": {alpha: rational(rng) for alpha in polynomials.exponents(r, k + more)}, "p": k + more, "equal": q == 1 or k == 0}


def _squared_length(at):
    """|T(w^k)|^2 as a polynomial in w: for each monomial gamma of the open slots the square of its coefficient, gamma! / (p-k)! times."""
    p, k, total = at.p, at.k, {}
    for gamma in polynomials.exponents(at.r, p - k):
        component = {}
        for beta in polynomials.exponents(at.r, k):
            alpha = tuple(a + b for a, b in zip(beta, gamma, strict=True))
            ways = Fraction(polynomials.factorial(alpha), polynomials.factorial(beta) * polynomials.factorial(gamma))
            component[beta] = at.T[alpha] * ways / math.comb(p, k)
        square = polynomials.times(component, component)
        total = polynomials.add(total, polynomials.scale(square, Fraction(polynomials.factorial(gamma), math.factorial(p - k))))
    return total


@DLS22.claim(
    "cor-40-moments",
    where="appendix D, the proof of Corollary 40",
    printed_from=DERIVED,
    covers=["A.C40"],
    needs=["DLS22/lemma-38", "DLS22/lemma-43"],
    given=family(_tensor_of_order, lambda k, more, r, q: k * q < 9, k=(0, 3), more=(0, 1), r=[1, 2], q=[1, 2, 3]),
)
def cor_40_moments(at):
    """E |T(w^k)|^{2q} <= ((2q-1)^k E |T(w^k)|^2)^q, with equality for q = 1 and k = 0: hypercontractivity of a vector, by Minkowski's inequality."""
    form = Sides if at.equal else AtMost
    return form(value=_mean_power(_squared_length(at), at.q), bound=((2 * at.q - 1) ** at.k * contraction_mean(at.T, at.k)) ** at.q)


@cor_40_moments.refutes("constant 1")
def _(at):
    return Instead(bound=contraction_mean(at.T, at.k) ** at.q)


@cor_40_moments.refutes("(2q-1)^k for (2q-1)^{kq}")
def _(at):
    return Instead(bound=(2 * at.q - 1) ** at.k * contraction_mean(at.T, at.k) ** at.q)


@cor_40_moments.refutes("the mean at p for that at k")
def _(at):
    return Instead(bound=((2 * at.q - 1) ** at.k * contraction_mean(at.T, at.p) / math.factorial(at.p)) ** at.q)


# ---- Corollaries 40 and 46: |T(w^k)|^2 is a function of one variable of known law

def _norm(k, r):
    """|Sym(I^m)|^2 = r (r+2) ... (r+2m-2) / (2m-1)!!, m = k/2 rounded up: Lemmas 36 and 44. There |T(w^k)|^2 = |w|^{2k}."""
    m = (k + 1) // 2
    return Fraction(chi_moment(m, r), _odd(m))


def _odd(k):
    """(2k-1)!!"""
    return math.prod(range(1, 2 * k, 2))


def _tensor(T, k, r):
    """|T|^2 and s -> Pr[|T(w^k)|^2 >= s^k], on r directions."""
    return {
        "z_1^k": {"norm": 1, "above": _square_above},
        "|z|^k": {"norm": _norm(k, r), "above": lambda s: _length_above(r, s)},
        "2(z_1^2 + z_2^2) + z_3^2 + z_4^2": {"norm": 10, "above": lambda s: (4 * (-s / 8).exp() - (-s / 2).exp()) / 3},
        "z_1^2 + z_2^2 - z_3^2 - z_4^2": {"norm": 4, "above": lambda s: (-s / 2).exp()},
    }[T]


def _goes(T, k, r):
    """One direction for z_1^k, 100 where it matters; the quadratic forms have four and k = 1 or 2."""
    return {
        "z_1^k": r == 1,
        "|z|^k": r in (2, 4) or (k in (2, 3) and r == 100),
        "2(z_1^2 + z_2^2) + z_3^2 + z_4^2": (k, r) == (1, 4),
        "z_1^2 + z_2^2 - z_3^2 - z_4^2": (k, r) == (2, 4),
    }[T]


TENSORS = ["z_1^k", "|z|^k", "2(z_1^2 + z_2^2) + z_3^2 + z_4^2", "z_1^2 + z_2^2 - z_3^2 - z_4^2"]


def _power(x, k):
    return arb(x) ** (arb(1) / k)


def _size(at, constant=None, exponent=None):
    """((2k-1)!! r^{floor(k/2)} |T|^2)^{1/k}."""
    constant = _odd(at.k) if constant is None else constant
    exponent = at.k // 2 if exponent is None else exponent
    return _power(arb(constant) * arb(at.r) ** exponent * _ball(at.norm), at.k)


def _ball(x):
    return arb(Fraction(x).numerator) / Fraction(x).denominator


def _tail(at, s):
    """iota + k/2 <= -log Pr[|T(w^k)|^2 >= s(iota)^k] from iota = k/2 on."""
    return AtMostOn(box=[(at.k / 2, 40)], value=lambda iota: iota + arb(at.k) / 2, bound=lambda iota: _hull(lambda x: -at.above(s(x)).log(), iota))


def _rate(at, iota):
    """2 e iota / k."""
    return 2 * arb(1).exp() * iota / at.k


@DLS22.claim(
    "cor-40",
    where="appendix D, Corollary 40",
    printed_from=RESTATED,
    covers=["A.C40"],
    needs=["DLS22/cor-39", "DLS22/cor-39-power", "DLS22/cor-40-moments"],
    given=family(_tensor, _goes, T=TENSORS, k=[1, 2, 3, 4, 5], r=[1, 2, 4, 100]),
)
def cor_40(at):
    """Pr[|T(w^k)|^2 >= (2 e iota / k)^k (2k-1)!! r^{floor(k/2)} |T|_F^2] <= e^{-iota - k/2} for k/2 <= iota <= 40: laws that are known.

    E |T(w^k)|^{2q} <= (2q-1)^{kq} (E |T(w^k)|^2)^q for real q >= 1, Corollary 39 and Markov's inequality at 2q - 1 = 2 iota / k give the bound
    for every T and iota >= k/2. Its constant is at most 2^{1/2} 4^k iota^k, and 2 e^{-iota} of the paper more than e^{-iota - k/2}.
    """
    return _tail(at, lambda iota: _rate(at, iota) * _size(at))


@cor_40.refutes("no power of r")
def _(at):
    return _tail(at, lambda iota: _rate(at, iota) * _size(at, exponent=0))


@cor_40.refutes("iota^{k/2} for iota^k")
def _(at):
    return _tail(at, lambda iota: _rate(at, iota).sqrt() * _size(at))


@cor_40.refutes("|T(w^k)| for its square")
def _(at):
    return _tail(at, lambda iota: (_rate(at, iota) * _size(at)).sqrt())


@DLS22.claim(
    "cor-40-order",
    where="appendix D, Corollary 40: its orders",
    printed_from=DERIVED,
    covers=["A.C40"],
    needs=["DLS22/cor-40"],
    given=family(_tensor, _goes, T=TENSORS[:2], k=[1, 2, 3, 4, 5], r=[1, 2, 4, 100]),
)
def cor_40_order(at):
    """|T(w^k)|^2 >= iota^k |T|^2, T = z_1^k, or >= r^{floor(k/2)} |T|^2, T = |z|^k, has more probability than 2 e^{-iota}, 4 <= iota <= 40.

    So neither order can be less. For odd k the second tensor is |z|^{k+1}, one of whose slots stays open.
    """
    return _exceeds(at, _attained(at))


def _attained(at, iota=1, r=None):
    """The threshold's k-th root: iota, or r^{floor(k/2)/k} |T|^{2/k}, to other powers of iota and r."""
    if at.r == 1:
        return lambda x: x**iota
    return lambda x: _size(at, constant=1, exponent=r)


def _exceeds(at, s):
    return AtMostOn(box=[(4, 40)], value=lambda iota: 2, bound=lambda iota: iota.exp() * _hull(lambda x: at.above(s(x)), iota))


@cor_40_order.refutes("r^{floor(k/2) + 1}")
def _(at):
    return _exceeds(at, _attained(at, r=at.k // 2 + 1))


@cor_40_order.refutes("iota^{2k}")
def _(at):
    return _exceeds(at, _attained(at, iota=2))


# ---- Corollary 46

@DLS22.claim(
    "cor-46-law",
    where="appendix D, the law behind Corollary 46",
    printed_from=DERIVED,
    covers=["A.C46"],
    needs=["DLS22/cor-28-law"],
    given=family(r=[2, 4, 6], d=[8, 9, 20], s=[0.0625, 0.25, 0.75]),
)
def cor_46_law(at):
    """Pr[|Pi w|^2 >= s |w|^2] of even rank r is (1-s)^b sum_{i < r/2} b (b+1) ... (b+i-1) s^i / i!, b = (d-r)/2."""
    return Sides(beta=_share_beta(at.r, at.d, arb(at.s)), by_parts=_share_sum(at.r, at.d, arb(at.s)))


@cor_46_law.refutes("b = d/2")
def _(at):
    return Instead(by_parts=_share_sum(at.r, at.d + at.r, arb(at.s)))


@cor_46_law.refutes("r terms for r/2")
def _(at):
    return Instead(by_parts=_share_sum(2 * at.r, at.d + at.r, arb(at.s)))


def _on_sphere(T, k, r, d):
    """|T|^2 and s -> Pr[|T((w/|w|)^k)|^2 >= s^k]."""
    return {"norm": _norm(k, r) if r > 1 else 1, "above": lambda s: _share_above(r, d, s)}


def _sphere_tail(at, s):
    """iota + k/2 <= -log Pr, from iota = k/2 to 40 or to a share of 0.9."""
    last = min(40.0, 0.9 * at.d / float(_rate(at, arb(1)) * _size(at)))
    return AtMostOn(box=[(at.k / 2, last)], value=lambda iota: iota + arb(at.k) / 2, bound=lambda iota: _hull(lambda x: -at.above(s(x)).log(), iota))


def _fits(T, k, r, d):
    """Thresholds below 1, of a sphere that is larger than the r directions."""
    return (T == "z_1^k") == (r == 1) and (8 * k * r < d if r > 1 else d == 64)


@DLS22.claim(
    "cor-46",
    where="appendix D, Corollary 46",
    printed_from=RESTATED,
    covers=["A.C46"],
    needs=["DLS22/cor-40", "DLS22/lemma-45"],
    given=family(_on_sphere, _fits, T=TENSORS[:2], k=[1, 2, 3, 4, 5], r=[1, 2, 100], d=[64, 1024, 16384]),
)
def cor_46(at):
    """Pr[|T((w/|w|)^k)|^2 >= (2 e iota / k)^k (2k-1)!! r^{floor(k/2)} |T|_F^2 / d^k] <= e^{-iota - k/2} for iota >= k/2: laws that are known.

    As Corollary 40, the moments divided by E nu^{2kq} >= d^{kq} (Lemma 45, Jensen). The laws are Beta(r/2, (d-r)/2); iota goes to 40, or to where
    |Pi w|^2 / |w|^2 would have to be 0.9.
    """
    return _sphere_tail(at, lambda iota: _rate(at, iota) * _size(at) / at.d)


@cor_46.refutes("d^{k+1} for d^k")
def _(at):
    return _sphere_tail(at, lambda iota: _rate(at, iota) * _size(at) / arb(at.d) ** (arb(at.k + 1) / at.k))


@cor_46.refutes("no power of r")
def _(at):
    return _sphere_tail(at, lambda iota: _rate(at, iota) * _size(at, exponent=0) / at.d)


@cor_46.refutes("no iota^k")
def _(at):
    return _sphere_tail(at, lambda iota: _size(at) / at.d)


@DLS22.claim(
    "cor-46-order",
    where="appendix D, Corollary 46: its orders",
    printed_from=DERIVED,
    covers=["A.C46"],
    needs=["DLS22/cor-46"],
    given=family(_on_sphere, _fits, T=TENSORS[:2], k=[1, 2, 3, 4, 5], r=[1, 2, 100], d=[64, 1024, 16384]),
)
def cor_46_order(at):
    """On the sphere |T(w^k)|^2 >= iota^k |T|^2 / d^k, T = z_1^k, or >= r^{floor(k/2)} |T|^2 / d^k, T = |z|^k, has more probability than 2 e^{-iota}."""
    return _sphere_exceeds(at, _attained(at), at.d)


def _sphere_exceeds(at, s, d):
    return AtMostOn(box=[(4, 12)], value=lambda iota: 2, bound=lambda iota: iota.exp() * _hull(lambda x: at.above(s(x) / d), iota))


@cor_46_order.refutes("d^{k-1} for d^k")
def _(at):
    return _sphere_exceeds(at, _attained(at), arb(at.d) ** (arb(at.k - 1) / at.k))


@cor_46_order.refutes("iota^{2k}")
def _(at):
    return _sphere_exceeds(at, _attained(at, iota=2), at.d)


@cor_46_order.refutes("r^{floor(k/2) + 1}")
def _(at):
    return _sphere_exceeds(at, _attained(at, r=at.k // 2 + 1), at.d)
