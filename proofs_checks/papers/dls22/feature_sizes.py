"""The size of the random features h_T, appendix A.2: the bounds of Lemma 23 and Corollary 24, with their constants.

lemma-23-second-moment  lemma-23-sup  lemma-23-powers       one degree
cor-24-second-moment  cor-24-powers  cor-24-norms           all degrees together
"""

import math
from fractions import Fraction

from proofs_checks import AtMost, Instead, Sides
from proofs_checks.instances import family
from proofs_checks.papers.dls22 import DLS22, RESTATED
from proofs_checks.papers.dls22.random_features import (
    HALF,
    _dot,
    _moment,
    _monomial,
    _polynomial,
    _polynomial_value,
    _pool,
    _scaled_z,
    _solved,
    _v,
    _z,
)
from refimpl import polynomials

# ---- one degree

def _mean_square(k, l=None):
    """E_{a,b}[v_k v_l], of v_k^2 where no l is given."""
    l = k if l is None else l
    return sum(c * e * Fraction(1 - (-1) ** (i + j + 1), i + j + 1) for a in (1, -1) for i, c in _v(k, a).items() for j, e in _v(l, a).items()) / 4


def _closed_mean_square(k):
    """12 (k-1)^2 + 4 k^2 + 8 k^2 (k-1)^2 / (2k-3), less 8 k^2 for even and 24 (k-1)^2 for odd k >= 2; 12 and 4 for k = 0, 1."""
    if k < 2:
        return 12 - 8 * k
    return 12 * (k - 1) ** 2 + 4 * k**2 + Fraction(8 * k**2 * (k - 1) ** 2, 2 * k - 3) - (24 * (k - 1) ** 2 if k % 2 else 8 * k**2)


@DLS22.claim(
    "lemma-23-second-moment",
    where="appendix A.2, Lemma 23, E h^2",
    printed_from=RESTATED,
    covers=["A.L23"],
    needs=["DLS22/lemma-23-exact"],
    given=family(_pool, d=(1, 2), k=(0, 6), more=(0, 2)),
)
def lemma_23_second_moment(at):
    """E h_T^2 = E[v_k^2] <T, M^dagger T> / (2 eta_1)^(2k) inside the region, so at most E[v_k^2] |M^dagger| |T|_F^2 / (2 eta_1)^(2k); E[v_2^2] = 28.

    M is the moment E_w[g_n(w)^2k]. For b ~ N(0, 1) the weight 1 / (2 mu(b)) adds a factor of at most sqrt(2 pi e) / 2.
    """
    z = _z(at, at.alphas, at.T)
    return Sides(over_the_pool=_mean_square(at.k) * sum(x * x for x in z) / len(z) / (2 * at.eta_1) ** (2 * at.k), closed_form=_quadratic_form(at))


def _quadratic_form(at, square=_closed_mean_square, power=2):
    return square(at.k) * _dot(at.T, _solved(_moment(at, at.alphas), at.T)) / (2 * at.eta_1) ** (power * at.k)


@lemma_23_second_moment.refutes("(2 eta_1)^k, not squared")
def _(at):
    return Instead(closed_form=_quadratic_form(at, power=1))


@lemma_23_second_moment.refutes("sup v_k^2 for its mean")
def _(at):
    return Instead(closed_form=_quadratic_form(at, square=lambda k: _at_minus_one(k, -1) ** 2))


@lemma_23_second_moment.refutes("the two parities of k exchanged")
def _(at):
    return Instead(closed_form=_quadratic_form(at, square=lambda k: _closed_mean_square(k) + (-1) ** k * (8 * k**2 - 24 * (k - 1) ** 2)))


def _at_minus_one(k, a):
    """v_k(a, -1)."""
    return _polynomial_value(_v(k, a), -1)


def _with_power(rng, d, k, more, kind):
    """T generic, or the k-th power of the first feature."""
    fields = _pool(rng, d, k, more)
    return fields | ({} if kind == "generic" else {"T": [_monomial(fields["g"][0], alpha) for alpha in fields["alphas"]]})


@DLS22.claim(
    "lemma-23-sup",
    where="appendix A.2, Lemma 23, sup |h|",
    printed_from=RESTATED,
    covers=["A.L23"],
    needs=["DLS22/lemma-23-second-moment", "DLS22/lemma-17-supremum"],
    given=family(_with_power, lambda d, k, kind, **_: kind == "generic" or k > 0, d=(1, 2), k=(0, 6), more=(0, 1), kind=["power", "generic"]),
)
def lemma_23_sup(at):
    """h_T(a, w, -1)^2 <= v_k(a, -1)^2 <T, M^dagger T> <g_n(w)^k, M^dagger g_n(w)^k> / (2 eta_1)^(2k) for a = 1 and -1, an equality where T = g_n(w)^k.

    At b = -1 and a = -1 |v_k| is largest: 4 k^2 - 6 for even k, 4 k^2 - 8 k + 6 for odd k. Hence, as in the lemma,
    |h_T| <= sup |v_k| |M^dagger| |T|_F |g_n(w)|^k / (2 eta_1)^k.
    """
    form = Sides if at.kind == "power" else AtMost                              # equality is claimed, so it is checked
    z = _z(at, at.alphas, at.T)[0]
    return form(value=[(v * z / (2 * at.eta_1) ** at.k) ** 2 for v in (_at_minus_one(at.k, 1), _at_minus_one(at.k, -1))], bound=_cauchy(at))


def _cauchy(at, largest=lambda k: (4 * k**2 - 8 * k + 6 if k % 2 else 4 * k**2 - 6), leverage=True):
    M, power = _moment(at, at.alphas), [_monomial(at.g[0], alpha) for alpha in at.alphas]
    product = _dot(at.T, _solved(M, at.T)) * (_dot(power, _solved(M, power)) if leverage else 1)
    return [product * Fraction(v, (2 * at.eta_1) ** at.k) ** 2 for v in (8 * at.k - 6, largest(at.k))]


@lemma_23_sup.refutes("the second factor of Cauchy and Schwarz lost: E z_T^2 for sup z_T^2")
def _(at):
    return Instead(bound=_cauchy(at, leverage=False))


@lemma_23_sup.refutes("a = -1 as small as a = 1")
def _(at):
    return Instead(bound=_cauchy(at, largest=lambda k: 8 * k - 6))


@DLS22.claim(
    "lemma-23-powers",
    where="appendix A.2, Lemma 23, its bounds at eta_1^2 = d / (C^2 iota^3)",
    printed_from=RESTATED,
    covers=["A.L23"],
    needs=["DLS22/lemma-23-second-moment", "DLS22/lemma-23-sup"],
    given=family(k=[1, 0, 2], d=[4, 9], r=[2, 1], kappa_squared=[3, HALF], iota=[2, 3], C=[2, 1]),
)
def lemma_23_powers(at):
    """With |M^dagger| = (r d kappa^2)^k: |M^dagger| / (2 eta_1)^(2k) = (C^2 iota^3 r kappa^2 / 4)^k, and |M^dagger| / (2 eta_1^2)^k is 2^k of it: no d.

    The first is in E h^2, r^k kappa^2k iota^3k as in the lemma; the second in sup |h|, where |g_n(w)| <= 1 / eta_1: iota^3k suffices for iota^6k.
    """
    return Sides(step_size=_sizes_of_h(at, at.d), printed=_powers(at, at.iota**3))


def _sizes_of_h(at, d):
    eta_1_squared = Fraction(d, at.C**2 * at.iota**3)
    inverse = (at.r * at.d * at.kappa_squared) ** at.k
    return [inverse / (4 * eta_1_squared) ** at.k, inverse / (2 * eta_1_squared) ** at.k]


def _powers(at, iota_cubed):
    first = (Fraction(at.C**2, 4) * iota_cubed * at.r * at.kappa_squared) ** at.k
    return [first, 2**at.k * first]


@lemma_23_powers.refutes("eta_1 of order 1, not sqrt(d)")
def _(at):
    return Instead(step_size=_sizes_of_h(at, 1))


@lemma_23_powers.refutes("iota^6k in the second moment too")
def _(at):
    return Instead(printed=_powers(at, at.iota**6))


@lemma_23_powers.refutes("|M^dagger|^(1/2) in sup |h|")
def _(at):
    return Instead(step_size=[_sizes_of_h(at, at.d)[0]] * 2)


# ---- all degrees together

@DLS22.claim(
    "cor-24-second-moment",
    where="appendix A.2, Corollary 24, E h^2",
    printed_from=RESTATED,
    covers=["A.C24"],
    needs=["DLS22/cor-24", "DLS22/lemma-23-second-moment"],
    given=family(_polynomial, lambda p, kind, **_: p or kind == "one degree", d=(1, 2), p=(0, 4), kind=["one degree", "all degrees"]),
)
def cor_24_second_moment(at):
    """E h^2 = sum_{k,l} E[v_k v_l] E[z_{T_k} z_{T_l}] / (2 eta_1)^(k+l) is at most sum_k E h_{T_k}^2 times the number of degrees k that occur."""
    form = Sides if at.kind == "one degree" else AtMost                         # equality is claimed, so it is checked
    return form(value=_second_moment(at), bound=_degrees(at) * _diagonal(at))


def _degrees(at):
    return sum(any(T_k) for T_k in at.T)


def _second_moment(at):
    rows = list(enumerate(_scaled_z(at)))
    return sum(_mean_square(k, l) * _dot(y, z) for k, y in rows for l, z in rows) / len(at.g)


def _diagonal(at):
    return sum(_mean_square(k) * _dot(z, z) for k, z in enumerate(_scaled_z(at))) / len(at.g)


@cor_24_second_moment.refutes("the degrees from k = 1 counted")
def _(at):
    return Instead(bound=(_degrees(at) - 1) * _diagonal(at))


@cor_24_second_moment.refutes("as if the h_{T_k} were orthogonal")
def _(at):
    return Instead(bound=_diagonal(at))


def _sizes(kind, p, root_r, kappa_squared):
    """kappa^2 = 1/2, the least there is, or any."""
    return {"kappa_2": HALF if kind == "least" else kappa_squared}


@DLS22.claim(
    "cor-24-powers",
    where="appendix A.2, Corollary 24, E h^2",
    printed_from=RESTATED,
    covers=["A.C24", "ERR-A17"],
    needs=["DLS22/lemma-23-powers", "DLS22/lemma-35-norm", "DLS22/kappa-bound"],
    given=family(_sizes, kind=["least", "generic"], p=(0, 4), root_r=[1, 2, 3], kappa_squared=[HALF, 1, 3]),
)
def cor_24_powers(at):
    """With |T_k|^2 = r^((p-k)/2), sum_k r^k kappa^2k |T_k|^2 <= r^p kappa^2p sum_{j <= p} (2 / sqrt(r))^j for kappa^2 >= 1/2.

    Equality at kappa^2 = 1/2, the least there is, where kappa^2k <= kappa^2p fails: that step of the proof costs a constant, at most
    1 + 2 + ... + 2^p. sqrt(r) is an integer here.
    """
    form = Sides if at.kind == "least" else AtMost                              # equality is claimed, so it is checked
    return form(value=_sum_over_degrees(at), bound=_last_degree(at) * sum(Fraction(2, at.root_r) ** j for j in range(at.p + 1)))


def _sum_over_degrees(at):
    return sum((at.root_r**2 * at.kappa_2) ** k * Fraction(at.root_r) ** (at.p - k) for k in range(at.p + 1))


def _last_degree(at):
    return (at.root_r**2 * at.kappa_2) ** at.p


@cor_24_powers.refutes("the constant of kappa lost: (1 / sqrt(r))^j, as if kappa >= 1")
def _(at):
    return Instead(bound=_last_degree(at) * sum(Fraction(1, at.root_r) ** j for j in range(at.p + 1)))


@cor_24_powers.refutes("the largest degree alone")
def _(at):
    return Instead(bound=_last_degree(at))


def _radial(r, p):
    """He_p contracted with the symmetric power of I: |x|^2 - r, and |x|^4 - 2 (r+2) |x|^2 + r (r+2), by Hermite coefficients c_alpha."""
    alphas = polynomials.exponents(r, p // 2)
    c = {tuple(2 * e for e in alpha): math.factorial(p // 2) // polynomials.factorial(alpha) * polynomials.factorial(tuple(2 * e for e in alpha))
         for alpha in alphas}
    parts = [polynomials.homogeneous(polynomials.from_hermite(c), k) for k in range(0, p + 1, 2)]
    many = [{alpha: math.factorial(k) // polynomials.factorial(alpha) for alpha in part} for k, part in zip(range(0, p + 1, 2), parts, strict=True)]
    return {"c": list(c.items()), "parts": parts, "many": many}


@DLS22.claim(
    "cor-24-norms",
    where="appendix A.2, proof of Corollary 24",
    printed_from=RESTATED,
    covers=["A.C24"],
    needs=["DLS22/cor-24", "DLS22/lemma-35-norm"],
    given=family(_radial, r=(1, 6), p=[2, 4]),
)
def cor_24_norms(at):
    """|T_k|_F = O(r^((p-k)/4)) is attained: radial f*, E f*^2 = 1, has |T_0|^2 = r/2 at p = 2, |T_0|^2 = r (r+2) / 8 and |T_2|^2 = (r+2) / 2 at p = 4.

    So r^k |T_k|^2 grows as r^((p+k)/2) <= r^p. In sup |h| the proof has r^((p-k)/2) for |T_k|, the square of the true growth: a bound, not attained.
    """
    size = sum(Fraction(c**2, math.prod(map(math.factorial, alpha))) for alpha, c in at.c)
    return Sides(coefficients=[sum(c**2 / many[alpha] for alpha, c in part.items()) / size for part, many in zip(at.parts, at.many, strict=True)],
                 closed_form=_radial_norms(at.r, at.p))


def _radial_norms(r, p):
    return [Fraction(r, 2), HALF] if p == 2 else [Fraction(r * (r + 2), 8), Fraction(r + 2, 2), Fraction(1, 24)]


@cor_24_norms.refutes("r^((p-k)/2) for |T_k|, the power printed in sup |h|")
def _(at):
    return Instead(closed_form=[norm * (at.r ** (at.p // 2 - i)) for i, norm in enumerate(_radial_norms(at.r, at.p))])


@cor_24_norms.refutes("no growth in r")
def _(at):
    return Instead(closed_form=_radial_norms(1, at.p))


@cor_24_norms.refutes("C_k for T_k: k! lost")
def _(at):
    return Instead(closed_form=[norm * math.factorial(2 * i) ** 2 for i, norm in enumerate(_radial_norms(at.r, at.p))])
