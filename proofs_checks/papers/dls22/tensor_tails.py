"""Appendix D: tails of |T(w^k)| for a symmetric tensor T, on Gaussian vectors and on the sphere, with constants that are derived here.

cor-40-moments  cor-40  cor-40-order                                tails of |T(w^k)|, and that no smaller order will do
cor-46-law  cor-46  cor-46-order                                    the same on the sphere
"""

import math
from fractions import Fraction

from flint import arb

from proofs_checks import AtMost, AtMostOn, Instead, Sides
from proofs_checks.instances import family, rational
from proofs_checks.papers.dls22 import DERIVED, DLS22, RESTATED
from proofs_checks.papers.dls22.moments import _odd
from proofs_checks.papers.dls22.tails import _hull, _length_above, _mean_power, _square_above
from refimpl import polynomials
from refimpl.tensor_moments import chi_moment, contraction_mean

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
