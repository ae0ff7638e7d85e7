"""The random features h_T that make a tensor of the target, appendix A.2: Lemma 23 and Corollary 24 as identities, on pools of integer features.

lemma-23-exact  lemma-23-eta            one degree, inside the region
lemma-23-indicator  lemma-23-outside    and with the indicators of h_T
lemma-23-step-size                      eta_1
cor-24                                  all degrees together
"""

import itertools
import math
from collections import defaultdict
from fractions import Fraction

import numpy as np
from flint import fmpq, fmpq_mat

from proofs_checks import AtMost, Instead, Sides
from proofs_checks.instances import family, rational
from proofs_checks.papers.dls22 import DERIVED, DLS22, INDEXED, RESTATED
from refimpl import polynomials

HALF = Fraction(1, 2)

# ---- a pool of features: w is uniform on it, and all that enters of w is the integer vector g_n(w)

def _pool(rng, d, k, more, share=1, **_):
    """Integer g_j whose k-th powers span Sym^k, T by its distinct entries, two points, and eta_1 for which max |2 eta_1 g_j.x_i| is ``share``."""
    alphas = polynomials.exponents(d, k)
    while True:
        g = rng.integers(-3, 4, (len(alphas) + more, d)).tolist()
        X = [[rational(rng) for _ in range(d)] for _ in range(2)]
        reach = max(abs(_dot(g_j, x)) for g_j in g for x in X)
        if reach and np.linalg.matrix_rank([[_monomial(g_j, alpha) for alpha in alphas] for g_j in g]) == len(alphas):
            return {"g": g, "alphas": alphas, "T": [rational(rng) for _ in alphas], "X": X, "eta_1": share / (2 * reach)}


def _dot(u, v):
    return sum((x * y for x, y in zip(u, v, strict=True)), start=Fraction())


def _mean(values):
    values = list(values)
    return sum(values, start=Fraction()) / len(values)


def _monomial(x, alpha):
    return math.prod(x_i**e for x_i, e in zip(x, alpha, strict=True))


def _moment(at, alphas):
    """M = E_w[g^alpha g^beta], a matrix over the monomials of degree k."""
    entries = [sum(_monomial(g, alpha) * _monomial(g, beta) for g in at.g) for alpha in alphas for beta in alphas]
    return fmpq_mat(len(alphas), len(alphas), entries) / len(at.g)


def _solved(M, T):
    """M^dagger T."""
    column = M.solve(fmpq_mat(len(T), 1, [fmpq(*Fraction(x).as_integer_ratio()) for x in T]))
    return [Fraction(int(x.p), int(x.q)) for x in column.entries()]


def _z(at, alphas, T):
    """z_T(w_j) = <M^dagger T, g_j^k>, one for each feature of the pool."""
    c = _solved(_moment(at, alphas), T)
    return [sum(c_alpha * _monomial(g, alpha) for c_alpha, alpha in zip(c, alphas, strict=True)) for g in at.g]


def _contracted(T, x, k):
    """<T, x^k>, index by index."""
    d = len(x)
    return sum(T[tuple(map(index.count, range(d)))] * math.prod(x[i] for i in index) for index in itertools.product(range(d), repeat=k))


# ---- v_k(a, b) as a polynomial of b, for a = +-1 and b uniform on [-1, 1]

def _v(k, a):
    """v_k = 2 (1 - a) k (k-1) b^(k-2) - 6 (k-1) b + 2 k a: exponents and coefficients."""
    v = defaultdict(int, {0: 2 * k * a, 1: -6 * (k - 1)})
    v[max(k - 2, 0)] += 2 * (1 - a) * k * (k - 1)
    return v


def _polynomial_value(v, b):
    return sum(c * b**e for e, c in v.items())


def _above(k, a, t, kink):
    """The mean over b of v_k(a, b) (a t + b), the b below the kink left out."""
    whole = defaultdict(Fraction)
    for e, c in _v(k, a).items():
        whole[e] += c * a * t
        whole[e + 1] += c
    return sum(c * (1 - kink ** (e + 1)) / (e + 1) for e, c in whole.items()) / 2


def _feature_mean(k, t):
    """E_{a,b}[v_k(a, b) sigma(a t + b)] for |t| <= 1, where the kink lies at b = -a t."""
    return (_above(k, 1, t, -t) + _above(k, -1, t, t)) / 2


def _f_h(at, x, scale=None, mean=_feature_mean):
    """E_{w,a,b}[h_T sigma(2 eta_1 a g_n(w).x + b)] with h_T = v_k(a, b) z_T(w) / (2 eta_1)^k."""
    scale = 2 * at.eta_1 if scale is None else scale
    return sum(z / scale**at.k * mean(at.k, 2 * at.eta_1 * _dot(g, x)) for g, z in zip(at.g, _z(at, at.alphas, at.T), strict=True)) / len(at.g)


def _tensor(at):
    return dict(zip(at.alphas, at.T, strict=True))


@DLS22.claim(
    "lemma-23-exact",
    where="appendix A.2, Lemma 23, inside the region",
    printed_from=RESTATED,
    covers=["A.L23"],
    needs=["DLS22/lemma-17"],
    given=family(_pool, d=(1, 2), k=(0, 4), more=(0, 2), share=[1, HALF]),
)
def lemma_23_exact(at):
    """f_h(x_i) = E_{a,w,b}[h_T sigma(w^(1).x_i + b)] = <T, x_i^k> exactly, where |2 eta_1 g_n(w).x_i| <= 1 for every w: no 1/n is lost there.

    w is uniform on a finite pool whose powers g_n(w)^k span Sym^k, a on {-1, 1}, and b on [-1, 1], to which b ~ N(0, 1) is weighted. The 1/n of the
    lemma pays for the w outside.
    """
    return Sides(integrated=[_f_h(at, x) for x in at.X], tensor=[_contracted(_tensor(at), x, at.k) for x in at.X])


@lemma_23_exact.refutes("eta_1^k for (2 eta_1)^k")
def _(at):
    return Instead(integrated=[_f_h(at, x, scale=at.eta_1) for x in at.X])


@lemma_23_exact.refutes("E over the pool forgotten: the sum")
def _(at):
    return Instead(integrated=[_f_h(at, x) * len(at.g) for x in at.X])


@lemma_23_exact.refutes("a = +1 alone")
def _(at):
    return Instead(integrated=[_f_h(at, x, mean=lambda k, t: _above(k, 1, t, -t)) for x in at.X])


@lemma_23_exact.refutes("<T, x^(k+1)>: another exponent than that of z_T")
def _(at):
    return Instead(tensor=[_contracted(_tensor(at), x, at.k) * sum(x) for x in at.X])


@DLS22.claim(
    "lemma-23-eta",
    where="appendix A.2, Lemma 23, the definition of h_T",
    printed=r"(2\eta)^k",
    printed_from=INDEXED,
    covers=["A.L23", "ERR-A11"],
    needs=["DLS22/lemma-23-exact"],
    given=family(_pool, d=[1], k=(0, 4), more=(0, 1), share=[1], ratio=[HALF, 1, 3]),
    erratum="(2 eta_1)^k: the step size is that of the first step, which W^(1) was made with; eta is the head's",
)
def lemma_23_eta(at):
    """h_T is divided by (2 eta_1)^k, the scale of w^(1) = 2 eta_1 a g_n(w), whatever multiple the head's eta is of eta_1."""
    return Sides(integrated=[_f_h(at, x) for x in at.X], tensor=[_contracted(_tensor(at), x, at.k) for x in at.X])


@lemma_23_eta.as_printed
def _(at):
    return Instead(integrated=[_f_h(at, x, scale=2 * at.ratio * at.eta_1) for x in at.X])


@lemma_23_eta.refutes("eta_1^k: the 2 of the square loss lost")
def _(at):
    return Instead(integrated=[_f_h(at, x, scale=at.eta_1) for x in at.X])


@lemma_23_eta.refutes("2 eta_1^k, the 2 outside the power")
def _(at):
    return Instead(integrated=[_f_h(at, x, scale=at.eta_1) / 2 for x in at.X])


def _outside(rng, d, k, more, size, eta_1):
    """The points scaled so that max |g_j.x_i| is ``size``."""
    fields = _pool(rng, d, k, more)
    return fields | {"X": [[size * 2 * fields["eta_1"] * x_i for x_i in x] for x in fields["X"]], "eta_1": eta_1}


def _with_indicator(at, x, reach, mean):
    """E_w of z_T(w) / (2 eta_1)^k times the mean over a and b, for the w with ``reach`` |g_n(w).x_i| <= 1 at every x_i."""
    kept = [all(reach * abs(_dot(g, x_i)) <= 1 for x_i in at.X) for g in at.g]
    whole = zip(at.g, _z(at, at.alphas, at.T), kept, strict=True)
    return _mean(z * mean(at.k, 2 * at.eta_1 * _dot(g, x)) / (2 * at.eta_1) ** at.k if inside else 0 for g, z, inside in whole)


def _feature_mean_anywhere(k, t):
    """E_{a,b}[v_k(a, b) sigma(a t + b)] for any t."""
    return (_above(k, 1, t, _clipped(-t)) + _above(k, -1, t, _clipped(t))) / 2


def _clipped(kink):
    return sorted([-1, kink, 1])[1]


@DLS22.claim(
    "lemma-23-indicator",
    where="appendix A.2, Lemma 23, the definition of h_T",
    printed=r"\mathbf{1}_{|g_n \cdot x_i| \le 1}",
    printed_from=INDEXED,
    covers=["A.L23", "ERR-A11"],
    needs=["DLS22/lemma-23-exact"],
    given=family(_outside, d=(1, 2), k=(0, 4), more=(0, 2), size=[1, 2, HALF], eta_1=[1, HALF, Fraction(1, 4)]),
    erratum="1{|2 eta_1 g_n(w).x_i| <= 1}: v_k represents t^k for |t| <= 1 only, and t is w^(1).x_i, not g_n(w).x_i",
)
def lemma_23_indicator(at):
    """Under 1{|2 eta_1 g_n(w).x_i| <= 1 for all i} f_h(x_i) is the mean of z_T(w) (g_n(w).x_i)^k over the w inside: <T, x_i^k> where all are."""
    return Sides(integrated=[_with_indicator(at, x, 2 * at.eta_1, _feature_mean_anywhere) for x in at.X], powers=[_powers_inside(at, x) for x in at.X])


def _powers_inside(at, x):
    """The mean of z_T(w) (g_n(w).x)^k over the w whose weight w^(1) = +-2 eta_1 g_n(w) has |w^(1).x_i| <= 1."""
    first_layer = [[2 * at.eta_1 * g_i for g_i in g] for g in at.g]
    inside = [max(abs(_dot(w, x_i)) for x_i in at.X) <= 1 for w in first_layer]
    return _mean(z * _dot(g, x) ** at.k if kept else 0 for z, g, kept in zip(_z(at, at.alphas, at.T), at.g, inside, strict=True))


def _under(at, reach):
    """Both routes under the indicator of ``reach`` |g_n(w).x_i| <= 1."""
    return Sides(integrated=[_with_indicator(at, x, reach, _feature_mean_anywhere) for x in at.X],
                 powers=[_with_indicator(at, x, reach, lambda k, t: t**k) for x in at.X])


@lemma_23_indicator.as_printed
def _(at):
    return _under(at, 1)


@lemma_23_indicator.refutes("eta_1 |g_n(w).x_i| <= 1, without the 2")
def _(at):
    return _under(at, at.eta_1)


@lemma_23_indicator.refutes("no indicator")
def _(at):
    return _under(at, 0)


def _partly_outside(rng, d, k, kind):
    """eta_1 such that one w is outside, or all but those of the least reach."""
    while True:
        fields = _pool(rng, d, k, 2)
        reaches = sorted({max(abs(_dot(g, x)) for x in fields["X"]) for g in fields["g"]})
        largest = [reaches[-1] == max(abs(_dot(g, x)) for x in fields["X"]) for g in fields["g"]]
        if sum(largest) == 1 and len(reaches) > 1 and reaches[0]:
            return fields | {"eta_1": 1 / (2 * (reaches[-2] if kind == "one" else reaches[0]))}


@DLS22.claim(
    "lemma-23-outside",
    where="appendix A.2, Lemma 23, its 1/n",
    printed_from=DERIVED,
    covers=["A.L23"],
    needs=["DLS22/lemma-23-indicator"],
    given=family(_partly_outside, d=(1, 2), k=(0, 4), kind=["one", "several"]),
)
def lemma_23_outside(at):
    """(f_h(x_i) - <T, x_i^k>)^2 <= Pr[w outside] E_w[z_T(w)^2 (g_n(w).x_i)^2k 1{w outside}], an equality where one w of the pool is outside.

    The lemma's 1/n is this: w is outside with a probability that is a power of 1 / (nmd), the second factor polynomial in them.
    """
    form = Sides if at.kind == "one" else AtMost                                # equality is claimed, so it is checked
    return form(value=[(_powers_inside(at, x) - _contracted(_tensor(at), x, at.k)) ** 2 for x in at.X],
                bound=[_chance(at) * _rest(at, x) for x in at.X])


def _outside_of(at):
    return [any(abs(2 * at.eta_1 * _dot(g, x)) > 1 for x in at.X) for g in at.g]


def _chance(at):
    return _mean(map(int, _outside_of(at)))


def _rest(at, x):
    return _mean((z * _dot(g, x) ** at.k) ** 2 if gone else 0 for z, g, gone in zip(_z(at, at.alphas, at.T), at.g, _outside_of(at), strict=True))


@lemma_23_outside.refutes("the probability squared, as if z_T were bounded by its mean")
def _(at):
    return Instead(bound=[_chance(at) ** 2 * _rest(at, x) for x in at.X])


@lemma_23_outside.refutes("E z_T^2 |T|^2 without the power of g_n(w).x")
def _(at):
    z = _mean(z * z if gone else 0 for z, gone in zip(_z(at, at.alphas, at.T), _outside_of(at), strict=True))
    return Instead(bound=[_chance(at) * z] * len(at.X))


def _scaled(k, C, d, iota, more):
    """eta_1^2 with a constant of twice C or more, and the square of Lemma 16's bound of |g_n(w).x_i|."""
    return {"eta_1_squared": Fraction(d, (2 * C * more) ** 2 * iota**3), "bound_squared": Fraction(C**2 * iota**3, d)}


@DLS22.claim(
    "lemma-23-step-size",
    where="appendix A.2, Corollary 24 to Lemma 26, their eta_1",
    printed=r"\eta_1 = \sqrt{d / \iota^3}",
    printed_from=INDEXED,
    covers=["A.L23", "A.C24", "A.L25", "A.L26", "ERR-A12"],
    needs=["DLS22/lemma-23-exact", "DLS22/lemma-23-indicator"],
    given=family(_scaled, k=(2, 4), C=[1, HALF * 3], d=[8, 50], iota=[2, 1], more=[1, 2]),
    erratum="eta_1 = sqrt(d / (C^2 iota^3)) as in Lemma 23, its C at least twice the constant of Lemma 16; otherwise the largest |w^(1).x_i| is 2 C > 1",
)
def lemma_23_step_size(at):
    """Where |g_n(w).x_i| is as large as Lemma 16 allows, C sqrt(iota^3 / d), v_k makes a power of it for eta_1 <= sqrt(d / iota^3) / (2 C)."""
    return _at_the_bound(at, at.eta_1_squared)


def _at_the_bound(at, eta_1_squared):
    t_squared = 4 * eta_1_squared * at.bound_squared
    t = Fraction(math.isqrt(t_squared.numerator), math.isqrt(t_squared.denominator))
    return Sides(integrated=[t_squared, _feature_mean_anywhere(at.k, t), _feature_mean_anywhere(at.k, -t)], powers=[t * t, t**at.k, (-t) ** at.k])


@lemma_23_step_size.as_printed
def _(at):
    return _at_the_bound(at, at.eta_1_squared * (2 * at.C * at.more) ** 2)


@lemma_23_step_size.refutes("the constant of Lemma 16, without the 2 of w^(1)")
def _(at):
    return _at_the_bound(at, at.eta_1_squared * (2 * at.more) ** 2)


@lemma_23_step_size.refutes("eta_1 = C sqrt(d / iota^3)")
def _(at):
    return _at_the_bound(at, at.eta_1_squared * (2 * at.C**2 * at.more) ** 2)


# ---- all degrees together

def _polynomial(rng, d, p, kind="all degrees"):
    """f* by its Hermite coefficients, T_k by the distinct entries of each homogeneous part, and a pool that spans Sym^p, so every Sym^k below."""
    c = {alpha: rational(rng) for k in range(p + 1) for alpha in polynomials.exponents(d, k)}
    parts = [polynomials.homogeneous(polynomials.from_hermite(c), k) for k in range(p + 1)]
    alphas = [polynomials.exponents(d, k) for k in range(p + 1)]
    many = [[math.factorial(k) // polynomials.factorial(alpha) for alpha in each] for k, each in enumerate(alphas)]
    T = [[part.get(alpha, Fraction()) / n for alpha, n in zip(*each, strict=True)] for part, *each in zip(parts, alphas, many, strict=True)]
    if kind == "one degree":
        T[:-1] = [[Fraction()] * len(T_k) for T_k in T[:-1]]
    fields = _pool(rng, d, p, 1)
    return {"c": c, "g": fields["g"], "X": fields["X"], "eta_1": fields["eta_1"], "T": T, "alphas": alphas}


def _scaled_z(at):
    """z_{T_k}(w) / (2 eta_1)^k, k = 0, ..., p."""
    return [[z / (2 * at.eta_1) ** k for z in _z(at, alphas, T)] for k, (alphas, T) in enumerate(zip(at.alphas, at.T, strict=True))]


@DLS22.claim(
    "cor-24",
    where="appendix A.2, Corollary 24, inside the region",
    printed_from=RESTATED,
    covers=["A.C24"],
    needs=["DLS22/lemma-23-exact", "DLS22/lemma-35"],
    given=family(_polynomial, d=(1, 2), p=(0, 4)),
)
def cor_24(at):
    """h = sum_k h_{T_k} gives f* itself, f_h(x_i) = f*(x_i), where T_k = grad^k f*(0) / k! and |2 eta_1 g_n(w).x_i| <= 1."""
    return Sides(integrated=[_all_degrees(at, x) for x in at.X], hermite=[_hermite_value(at, x) for x in at.X])


def _all_degrees(at, x, weight=lambda k: 1):
    t = [2 * at.eta_1 * _dot(g, x) for g in at.g]
    return sum(weight(k) * z * _feature_mean(k, t_j) for k, row in enumerate(_scaled_z(at)) for z, t_j in zip(row, t, strict=True)) / len(t)


def _hermite_value(at, x):
    """sum_alpha c_alpha He_alpha(x) / alpha!."""
    total = Fraction()
    for alpha, c in at.c.items():
        for x_i, e in zip(x, alpha, strict=True):
            c *= _he(e, x_i) / math.factorial(e)
        total += c
    return total


def _he(k, z):
    """He_k(z) by its recurrence."""
    here, before = Fraction(1), Fraction()
    for l in range(k):
        here, before = z * here - l * before, here
    return here


@cor_24.refutes("grad^k f*(0) for T_k, without 1 / k!")
def _(at):
    return Instead(integrated=[_all_degrees(at, x, weight=math.factorial) for x in at.X])


@cor_24.refutes("the sum begins at k = 1")
def _(at):
    return Instead(integrated=[_all_degrees(at, x, weight=bool) for x in at.X])


@cor_24.refutes("monomials for Hermite polynomials")
def _(at):
    return Instead(hermite=[sum(c * _monomial(x, alpha) / polynomials.factorial(alpha) for alpha, c in at.c.items()) for x in at.X])
