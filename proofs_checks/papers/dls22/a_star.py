"""The second layer a* that the features allow, appendix A.2: Lemmas 23, 25 and 26, Corollary 24, and the chain of Theorem 1.

lemma-23-exact  lemma-23-eta  lemma-23-indicator  lemma-23-outside      the identity, on pools of integer features
lemma-23  lemma-25                                                      refimpl's h_T and a*
lemma-23-second-moment  lemma-23-normal  lemma-23-sup  lemma-23-powers  the size of h_T, constants included
lemma-23-step-size                                                      eta_1
cor-24  cor-24-second-moment  cor-24-powers  cor-24-norms               all degrees together
lemma-25-norm  lemma-25-variance  lemma-25-mirrored                     m neurons for the expectation
lemma-25-fourth-moment  sketch-a-star                                   what is printed of |a*|
lemma-26  lemma-26-cross  thm-1-chain                                   from a* to Theorem 1
"""

import itertools
import math
from collections import defaultdict
from fractions import Fraction

import numpy as np
from flint import arb, fmpq, fmpq_mat

from proofs_checks import AtMost, Instead, Sides, ulps
from proofs_checks.instances import family, rational
from proofs_checks.papers.dls22 import DERIVED, DLS22, INDEXED, RESTATED, SLIDES_BJ
from refimpl import losses as ell
from refimpl import polynomials
from refimpl.approximation.a_star import a_star, h_T
from refimpl.data.targets import Target
from refimpl.head import Moments, decompose
from refimpl.network import Network
from refimpl.training import PRINTED, Trained

HALF, HALF_FMPQ = Fraction(1, 2), fmpq(1, 2)

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
    printed=r"\prod_i \mathbf{1}_{|g_n(w) \cdot x_i| \le 1}",
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
    given=family(_partly_outside, d=(1, 2), k=(1, 4), kind=["one", "several"]),
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


# ---- refimpl's h_T and a*, on orthogonal features, where z_T is known without solving for it

NODES, WEIGHTS = (np.polynomial.legendre.leggauss(16) + np.array([[1], [0]])).reshape(2, 16, 1) / 2                   # of [0, 1]
HADAMARD = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])


def _frame(rng, d, k, eta_1=1.0, size=1.0, **_):
    """Orthogonal g_j of two lengths in dyadic numbers, T = sum_j c_j g_j^k as a polynomial, so that z_T(w_j) = d c_j, and two points.

    The first point is (-size, 0, ...), the second is smaller: |2 eta_1 g_j.x_1| is a power of 2, 1 among them, and so is eta_1 |g_j| for d = 1 and 4.
    """
    G = HADAMARD[:d, :d] * np.where(np.arange(d) % 2, 2, 1)[:, None]
    c = [rational(rng) for _ in range(d)] if k else [rational(rng)] * d                                      # at k = 0 all g_j^k are one tensor
    return {"G": G.astype(float), "c": c, "T": _sum_of_powers(c, G, k), "X": np.array([[-size] + [0.0] * (d - 1), size * rng.integers(1, 8, d) / 64])}


def _sum_of_powers(c, G, k):
    """sum_j c_j (g_j.x)^k, its coefficients."""
    T = {}
    for c_j, g in zip(c, G.tolist(), strict=True):
        power = {(0,) * len(g): c_j}
        for _ in range(k):
            power = polynomials.times(power, {tuple(int(i == j) for j in range(len(g))): Fraction(x) for i, x in enumerate(g)})
        T = polynomials.add(T, power)
    return T


def _inside(at, reach=None, norm=1):
    """Both indicators of each w_j, in exact arithmetic; the second is of ``reach`` |g_j.x_i|."""
    eta_1 = Fraction(at.eta_1)
    reach = 2 * eta_1 if reach is None else reach
    return [norm * eta_1 * eta_1 * _dot(g, g) <= 1 and all(reach * abs(_dot(g, x)) <= 1 for x in _fractions(at.X)) for g in _fractions(at.G)]


def _fractions(A):
    return [[Fraction(x) for x in row] for row in A.tolist()]


@DLS22.claim(
    "lemma-23",
    where="appendix A.2, Lemma 23",
    printed_from=RESTATED,
    covers=["A.L23"],
    needs=["DLS22/lemma-23-exact", "DLS22/lemma-23-indicator", "DLS22/cor-18"],
    given=family(_frame, lambda d, k, **_: d < 4 or k <= 2, d=[1, 2, 4], k=(0, 4), eta_1=[1.0, 0.5, 2.0, 0.25], size=[0.5, 1.0, 0.25]),
    tol=ulps(lambda at: 64 * (at.k + 2) + 8 * at.d),
)
def lemma_23(at):
    """E_{a,w,b}[h_T sigma(2 eta_1 a g_n(w).x_i + b)], b ~ N(0, 1), is the part of <T, x_i^k> that the w within both indicators carry.

    The features are orthogonal, so T = sum_j c_j g_j^k has z_T(w_j) = d c_j, and the part of w_j is c_j (g_j.x)^k.
    """
    return Sides(refimpl=[_over_biases_of(at, x) for x in at.X], exact=_carried(at, _inside(at)), scale=_condition(at))


def _carried(at, inside):
    """sum_j c_j (g_j.x_i)^k over the w_j inside."""
    kept = [(c, g) for c, g, here in zip(at.c, _fractions(at.G), inside, strict=True) if here]
    return [sum((c * _dot(g, x) ** at.k for c, g in kept), start=Fraction()) for x in _fractions(at.X)]


def _over_biases_of(at, x, half=0.5):
    """The mean over the pool, a = +-1 and b of h_T sigma(2 eta_1 a g_j.x + b), by Gauss and Legendre's rule from each kink to 1."""
    t, total = 2 * at.eta_1 * at.G @ x, 0.0
    for a in (1.0, -1.0):
        b, law = _biases(-a * t)                                                                             # (nodes, d)
        total += half * np.sum(law * h_T(at.T, at.G, np.full_like(b, a), b, at.X, eta_1=at.eta_1) * (a * t + b)) / at.d
    return total


def _biases(start):
    """Nodes b from each start to 1, and their weights under N(0, 1)."""
    b = start + NODES * (1 - start)
    return b, WEIGHTS * (1 - start) * np.exp(-b * b / 2) / math.sqrt(2 * math.pi)


def _condition(at):
    """The absolute terms, max |v_k| |z_T| |t| / (2 eta_1)^k, and the condition of the pool: the squares of the lengths are 1 : 4."""
    return float(sum(map(abs, at.c))) * (4 * at.k**2 + 8) * min(4, at.d**2) ** at.k * (1 + 1 / (2 * at.eta_1) ** at.k)


@lemma_23.refutes("|g_n(w).x_i| <= 1, as printed")
def _(at):
    return Instead(exact=_carried(at, _inside(at, reach=1)))


@lemma_23.refutes("the indicator of the norm lost")
def _(at):
    return Instead(exact=_carried(at, _inside(at, norm=0)))


@lemma_23.refutes("the indicator of x_2 alone, none of x_1")
def _(at):
    return Instead(exact=_carried(at, [_dot(g, g) * Fraction(at.eta_1) ** 2 <= 1 and abs(2 * at.eta_1 * _dot(g, x)) <= 1
                                       for g, x in zip(_fractions(at.G), [_fractions(at.X)[1]] * at.d, strict=True)]))


@lemma_23.refutes("a sum over a for the mean")
def _(at):
    return Instead(refimpl=[_over_biases_of(at, x, half=1.0) for x in at.X])


def _first_layer(rng, d, p, r, size, scale):
    """A mirrored first layer on orthogonal features, biases of which some are beyond +-1, and f* such that each T_k is a sum of powers of the g_j.

    f* has the coordinates of x as its directions, or g_1 alone; alpha and beta are those of a Trained.
    """
    G = HADAMARD[:d, :d] * np.where(np.arange(d) % 2, 2, 1)[:, None]
    signs = rng.choice([-1.0, 1.0], d)
    W = np.concatenate([signs[:, None] * G, (-signs[:, None] * G)[::-1]]) * scale                       # 2 eta_1 a_j g_j
    b = rng.integers(-5, 6, 2 * d) / 4
    c = [[rational(rng) if r == "all" or j == 0 else Fraction() for j in range(d)] for _ in range(p + 1)]
    alpha, beta = int(rng.integers(1, 5)) / 4, rng.integers(1, 5, d) / 4
    U = np.eye(d) if r == "all" else G[:1].astype(float)
    g = polynomials.add({}, *(_sum_of_powers(c_k, G, k) if r == "all" else {(k,): c_k[0]} for k, c_k in enumerate(c)))
    head = decompose(Moments(np.eye(2 * d), np.ones(2 * d), 1.0, 7))
    trained = Trained(Network(np.zeros(2 * d), W, b), alpha, beta, head, np.concatenate([signs, -signs[::-1]]), 1, PRINTED, None, 7)
    X = np.concatenate([-size * np.eye(d)[:1], np.ones((1, d)) / 16])
    return {"trained": trained, "target": Target(g, U), "c": c, "G": G, "X": X, "points": np.ones((1, d)) / 8}


@DLS22.claim(
    "lemma-25",
    where="appendix A.2, Lemma 25",
    printed_from=RESTATED,
    covers=["A.L25", "A.C24"],
    needs=["DLS22/lemma-23", "DLS22/cor-24", "DLS22/lemma-25-mirrored"],
    given=family(_first_layer, d=[1, 2, 4], p=(0, 3), r=["all", "one"], size=[1.0, 2.0, 4.0, 0.5], scale=[0.25, 1.0, 0.53125]),
    tol=ulps(lambda at: 64 * (at.p + 2) + 8 * at.d),
)
def lemma_25(at):
    """a*_j = h(a_j, w_j, b_j) / m, h the sum of the h_{T_k} of f* - alpha - beta.x, each neuron with the a_j and w_j of the first step and its new b_j.

    The features are orthogonal, so z_{T_k}(w_j) = (m/2) c_kj, and 1 / (2 mu(b)) = sqrt(2 pi) e^(b^2 / 2) / 2 is a ball.
    """
    found = a_star(at.trained, at.target, at.X)
    return Sides(refimpl=[*found.network.a, found.norm**2, found.share, found.predict(at.points)[0]], written_out=_written_out(at), scale=_sizes_of_a(at))


def _written_out(at, **slip):
    """a*, its square, the share of the neurons inside, and the prediction at the one further point."""
    a, inside = _neurons(at, **slip)
    return [*a, sum(x * x for x in a), _mean(map(int, inside)), _predicted(at, a)]


def _neurons(at, m=None, biases=None, signs=None):
    """a*_j as balls, and the indicators."""
    m, signs = 2 * at.d if m is None else m, at.trained.a_0 if signs is None else signs
    a_star_j, kept = [], []
    for j, (a, b) in enumerate(zip(signs.tolist(), (at.trained.network.b if biases is None else biases).tolist(), strict=True)):
        w = min(j, 2 * at.d - 1 - j)                                                                         # neurons j and m + 1 - j share it
        V = [int(x) * Fraction(at.scale) for x in at.G[w]]
        kept.append(_dot(V, V) <= 4 and all(abs(_dot(V, x)) <= 1 for x in _fractions(at.X)))
        h = sum(_polynomial_value(_v(k, int(a)), Fraction(b)) / Fraction(at.scale) ** k * at.d * x for k, x in enumerate(_coefficients(at, w)))
        weight = (2 * arb.pi()).sqrt() * (arb(b) ** 2 / 2).exp() / 2
        a_star_j.append(weight * fmpq(*h.as_integer_ratio()) / m if kept[-1] and abs(b) <= 1 else arb(0))
    return a_star_j, kept


def _polynomial_value(v, b):
    return sum(c * b**e for e, c in v.items())


def _coefficients(at, w):
    """c_kj of f* - alpha - beta.x at the feature g_w: alpha and beta in the frame of the g_j."""
    c = [at.c[k][w] for k in range(at.p + 1)] + [Fraction()] * (1 - at.p)
    G = [[Fraction(int(x)) for x in row] for row in at.G]
    c[0] = (sum(at.c[0]) - Fraction(at.trained.alpha)) / at.d
    c[1] -= _dot(G[w], map(Fraction, at.trained.beta.tolist())) / _dot(G[w], G[w])
    return c


def _predicted(at, a):
    """alpha + beta.x + sum_j a*_j sigma(w_j.x + b_j) at the one further point."""
    x, net = _fractions(at.points)[0], at.trained.network
    z = [_dot(w, x) + Fraction(b) for w, b in zip(_fractions(net.W), net.b.tolist(), strict=True)]
    line = Fraction(at.trained.alpha) + _dot(map(Fraction, at.trained.beta.tolist()), x)
    return arb(fmpq(*line.as_integer_ratio())) + sum(a_j * fmpq(*max(z_j, 0).as_integer_ratio()) for a_j, z_j in zip(a, z, strict=True))


def _sizes_of_a(at):
    """The absolute terms, max v_k over 2 phi(1) for |v_k|, times the condition of the pool at degree k; those of |a*|^2 and of the prediction follow."""
    size = 2.1 * sum((4 * k**2 + 8) * float(sum(map(abs, c)) + 4) * (min(4, at.d**2) / at.scale) ** k for k, c in enumerate(at.c))
    return np.array([*[size] * (2 * at.d), 2 * size * float(sum(map(abs, _neurons(at)[0]))), 1.0, 2.25 * 2 * at.d * size + 8])


@lemma_25.refutes("h / sqrt(m)")
def _(at):
    return Instead(written_out=_written_out(at, m=arb(2 * at.d).sqrt()))


@lemma_25.refutes("m / 2 for m")
def _(at):
    return Instead(written_out=_written_out(at, m=at.d))


@lemma_25.refutes("the pairs' biases taken as mirrored")
def _(at):
    half = at.trained.network.b[:at.d]
    return Instead(written_out=_written_out(at, biases=np.concatenate([half, half[::-1]])))


@lemma_25.refutes("a_j the same in both neurons of a pair")
def _(at):
    return Instead(written_out=_written_out(at, signs=np.abs(at.trained.a_0)))


# ---- the size of h_T

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
    "lemma-23-normal",
    where="appendix A.2, Lemma 23, E h^2 for b ~ N(0, 1)",
    printed_from=DERIVED,
    covers=["A.L23", "A.L25"],
    needs=["DLS22/lemma-23", "DLS22/lemma-23-second-moment"],
    given=family(_frame, lambda d, k, **_: d < 4 or k <= 2, d=[1, 2, 4], k=(0, 4), eta_1=[1.0, 0.5, 2.0, 0.25], size=[0.5, 1.0, 0.25]),
    tol=ulps(lambda at: 64 * (at.k + 2) + 8 * at.d),
)
def lemma_23_normal(at):
    """For b ~ N(0, 1) E h_T^2 = (sqrt(2 pi) / 4) E_a[int v_k^2 e^(b^2/2) db] E z_T^2 / (2 eta_1)^(2k), the integral over [-1, 1], 0 for a w outside.

    That is m E|a*|^2 for one degree. I_j = int b^j e^(b^2/2) db has I_0 = sqrt(2 pi) erfi(1/sqrt 2) and I_j = 2 sqrt e - (j-1) I_{j-2} for even j, and
    is 0 for odd j.
    """
    return Sides(refimpl=_squared_over_biases(at), closed_form=_normal_second_moment(at), scale=_condition(at) ** 2)


def _squared_over_biases(at):
    b, law = _biases(np.full(at.d, -1.0))
    return sum(np.sum(law * h_T(at.T, at.G, np.full_like(b, a), b, at.X, eta_1=at.eta_1) ** 2) for a in (1.0, -1.0)) / (2 * at.d)


def _exponential_moment(j):
    """I_j."""
    if j % 2:
        return arb(0)
    return 2 * arb(HALF_FMPQ).exp() - (j - 1) * _exponential_moment(j - 2) if j else (2 * arb.pi()).sqrt() * arb(HALF_FMPQ).sqrt().erfi()


def _normal_second_moment(at, weight=_exponential_moment):
    square = sum((c * e * weight(i + j) for a in (1, -1) for i, c in _v(at.k, a).items() for j, e in _v(at.k, a).items()), start=arb(0))
    z = _mean((at.d * c / (2 * Fraction(at.eta_1)) ** at.k) ** 2 if kept else 0 for c, kept in zip(at.c, _inside(at), strict=True))
    return (2 * arb.pi()).sqrt() / 4 * (square / 2) * fmpq(*z.as_integer_ratio())


@lemma_23_normal.refutes("b uniform: E v_k^2 as in the second moment of Lemma 23")
def _(at):
    return Instead(closed_form=_normal_second_moment(at, lambda j: arb(fmpq(2 * (1 - j % 2), j + 1)) / (2 * arb.pi()).sqrt() * 2))


@lemma_23_normal.refutes("e^(-b^2/2): the density for its inverse")
def _(at):
    return Instead(closed_form=_normal_second_moment(at, _gaussian_moment))


def _gaussian_moment(j):
    """int b^j e^(-b^2/2) db over [-1, 1]."""
    if j % 2:
        return arb(0)
    return (j - 1) * _gaussian_moment(j - 2) - 2 * arb(-HALF_FMPQ).exp() if j else (2 * arb.pi()).sqrt() * arb(HALF_FMPQ).sqrt().erf()


@lemma_23_normal.refutes("z_T for z_T^2: (2 eta_1)^k")
def _(at):
    return Instead(closed_form=_normal_second_moment(at) * fmpq(*((2 * Fraction(at.eta_1)) ** at.k).as_integer_ratio()))


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
    """With |T_k|^2 = r^((p-k)/2), sum_k r^k kappa^2k |T_k|^2 <= r^p kappa^2p sum_{j <= p} (2 / sqrt(r))^j < 2^(p+1) r^p kappa^2p for kappa^2 >= 1/2.

    Equality at kappa^2 = 1/2, the least there is, where kappa^2k <= kappa^2p fails. sqrt(r) is an integer here.
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


# ---- m neurons for the expectation

def _law(rng, N, m, kind="generic"):
    """(a, w, b) takes N values alike; h there, and sigma(w^(1).x + b) at one x."""
    h = [rational(rng) for _ in range(N)]
    return {"h": [h[0] * i for i in range(N)] if kind == "0 or c" else h, "s": [abs(rational(rng)) for _ in range(N)]}


def _variance(values):
    return _mean(x * x for x in values) - _mean(values) ** 2


def _draws(at):
    """All draws of m independent neurons, by their numbers."""
    return list(itertools.product(range(at.N), repeat=at.m))


@DLS22.claim(
    "lemma-25-norm",
    where="appendix A.2, Lemma 25, |a*|",
    printed_from=RESTATED,
    covers=["A.L25"],
    needs=["DLS22/cor-24"],
    given=family(_law, N=(1, 4), m=(1, 4)),
)
def lemma_25_norm(at):
    """a*_j = h(a_j, w_j, b_j) / m at m independent neurons: E|a*|^2 = E[h^2] / m and Var |a*|^2 = Var(h^2) / m^3, exactly.

    So |a*|^2 halves where m doubles, and strays from its mean by sqrt(Var(h^2) / m) / m: with Corollary 24, |a*|^2 <~ r^p kappa^2p iota^6p / m.
    """
    norms = [_dot(a, a) for a in _heads(at, at.m)]
    return Sides(all_draws=[_mean(norms), _variance(norms)], closed_form=_norms(at, at.m, at.m**3))


def _heads(at, scale):
    return [[at.h[i] / scale for i in draw] for draw in _draws(at)]


def _norms(at, first, second):
    squares = [h * h for h in at.h]
    return [_mean(squares) / first, _variance(squares) / second]


@lemma_25_norm.refutes("|a*|, not squared, of the size 1 / m")
def _(at):
    return Instead(closed_form=_norms(at, at.m**2, at.m**4))


@lemma_25_norm.refutes("the variance of one term for that of their sum, m^-4")
def _(at):
    return Instead(closed_form=_norms(at, at.m, at.m**4))


@lemma_25_norm.refutes("the mean of h, squared, for the mean of h^2")
def _(at):
    return Instead(closed_form=[_mean(at.h) ** 2 / at.m, _norms(at, at.m, at.m**3)[1]])


@DLS22.claim(
    "lemma-25-variance",
    where="appendix A.2, Lemma 25, f_theta*",
    printed_from=RESTATED,
    covers=["A.L25"],
    needs=["DLS22/cor-24"],
    given=family(_law, N=(1, 4), m=(1, 4)),
)
def lemma_25_variance(at):
    """E f_theta*(x) = f_h(x), and E(f_theta*(x) - f_h(x))^2 = Var(h sigma) / m exactly: the power of the width is -1, and -1/2 without the square."""
    return Sides(all_draws=_outputs(at, at.m), closed_form=_error(at, _variance, at.m))


def _outputs(at, scale):
    f = [_dot([at.h[i] / scale for i in draw], [at.s[i] for i in draw]) for draw in _draws(at)]
    f_h = _dot(at.h, at.s) / at.N
    return [_mean(f), _mean((value - f_h) ** 2 for value in f)]


def _error(at, square, width):
    products = [h * s for h, s in zip(at.h, at.s, strict=True)]
    return [_mean(products), square(products) / width]


@lemma_25_variance.refutes("a*_j = h / sqrt(m), here at m = 4, where sqrt(m) = 2")
def _(at):
    return Instead(all_draws=_outputs(at, 2 if at.m == 4 else at.m))


@lemma_25_variance.refutes("E (h sigma)^2 for its variance")
def _(at):
    return Instead(closed_form=_error(at, lambda products: _mean(x * x for x in products), at.m))


@lemma_25_variance.refutes("1 / m^2")
def _(at):
    return Instead(closed_form=_error(at, _variance, at.m**2))


def _pairs(rng, half, N):
    """h and sigma for a = +-1, each of half w's and N values of b."""
    table = [[[(rational(rng), abs(rational(rng))) for _ in range(N)] for _ in range(half)] for _ in range(2)]
    return {"table": table, "m": 2 * half}


@DLS22.claim(
    "lemma-25-mirrored",
    where="appendix A.2, Lemma 25, at the mirrored start",
    printed_from=DERIVED,
    covers=["A.L25"],
    needs=["DLS22/lemma-25-variance", "DLS22/eq-init"],
    given=family(_pairs, half=(1, 2), N=(1, 3)),
)
def lemma_25_mirrored(at):
    """Mirrored pairs share w and hold both a: over the new biases alone E f_theta*(x) = f_h(x), whose E_w is the mean over the m/2 drawn w_j.

    The error is below Var(h sigma) / m: E_b(f_theta*(x) - f_h(x))^2 = [Var(h sigma) - Var(E_b[h sigma])] / m, for what differs between neurons in
    the mean over b costs nothing.
    """
    return Sides(all_biases=_over_biases(at), closed_form=_mirrored_error(at))


def _over_biases(at):
    neurons = [[h * s / at.m for h, s in each] for row in at.table for each in row]                          # (m, N)
    f = [sum(draw) for draw in itertools.product(*neurons)]
    return [_mean(f), _variance(f)]


def _mirrored_error(at, shared=1):
    neurons = [[h * s for h, s in each] for row in at.table for each in row]
    whole, means = [x for each in neurons for x in each], [_mean(each) for each in neurons]
    return [_mean(whole), (_variance(whole) - shared * _variance(means)) / at.m]


@lemma_25_mirrored.refutes("as for independent neurons, Var(h sigma) / m")
def _(at):
    return Instead(closed_form=_mirrored_error(at, shared=0))


@lemma_25_mirrored.refutes("m / 2 neurons, for the pairs share w")
def _(at):
    mean, error = _mirrored_error(at)
    return Instead(closed_form=[mean, 2 * error])


@lemma_25_mirrored.refutes("a = +1 alone")
def _(at):
    mean = _mean(h * s for each in at.table[0] for h, s in each)
    return Instead(closed_form=[mean, _mirrored_error(at)[1]])


@DLS22.claim(
    "lemma-25-fourth-moment",
    where="appendix A.2, proof of Lemma 25, the variance of a*_j^2",
    printed=r"O(m^{-1} \cdots)(m^{-2} \cdots) = O(m^{-3} \cdots)",
    printed_from=INDEXED,
    covers=["A.L25", "ERR-A8"],
    needs=["DLS22/lemma-25-norm"],
    given=family(_law, lambda N, kind, **_: kind == "generic" or N == 2, N=(1, 4), m=(1, 3), kind=["0 or c", "generic"]),
    erratum="m^-2 m^-2 = m^-4: a*_j^2 is at most sup h^2 / m^2, and its mean is E[h^2] / m^2",
)
def lemma_25_fourth_moment(at):
    """E a*_j^4 <= sup a*_j^2 E a*_j^2 = m^-4 sup h^2 E h^2, the variance in Bernstein's inequality; an equality where h is 0 or +-c."""
    form = Sides if at.kind == "0 or c" else AtMost                             # equality is claimed, so it is checked
    return form(value=sum((h / at.m) ** 4 for h in at.h) / at.N, bound=_fourth(at, 2))


def _fourth(at, power):
    squares = [h * h for h in at.h]
    return max(squares) / at.m**power * _mean(squares) / at.m**2


@lemma_25_fourth_moment.as_printed
def _(at):
    return Instead(bound=_fourth(at, 1))


@lemma_25_fourth_moment.refutes("(E h^2)^2 for sup h^2 E h^2")
def _(at):
    return Instead(bound=_mean(h * h for h in at.h) ** 2 / at.m**4)


@lemma_25_fourth_moment.refutes("m^-3 split the other way: h^2 / m^2 times E h^2 / m")
def _(at):
    return Instead(bound=_fourth(at, 2) * at.m)


@DLS22.claim(
    "sketch-a-star",
    where="section 5.1, proof sketch, step 1",
    printed=r"\|a^*\| = \tilde{O}\left(\frac{r^p \kappa^{2p}}{\sqrt{m}}\right)",
    printed_from=SLIDES_BJ,
    covers=["A.L25", "A.T1", "ERR-A4"],
    needs=["DLS22/lemma-25-norm", "DLS22/thm-1-first-term"],
    given=family(p=[2, 4], r=[2, 1, 4], kappa_squared=[1, HALF, 3], m=[2, 9], d=[2, 5], n=[7]),
    erratum="|a*|^2 = O~(r^p kappa^2p / m), as in Lemma 25; the printed norm would make Theorem 1's first term r^p kappa^2p sqrt(d / n)",
)
def sketch_a_star(at):
    """Lemma 49 turns |a*|^2 m d / n into d r^p kappa^2p / n, the square of Theorem 1's first term, where |a*|^2 = r^p kappa^2p / m."""
    return Sides(lemma_49=_first_term(at, _energy(at) / at.m), theorem_1=Fraction(at.d * at.r**at.p, at.n) * at.kappa_squared**at.p)


def _energy(at):
    """r^p kappa^2p, the size of E h^2."""
    return Fraction(at.r * at.kappa_squared) ** at.p


def _first_term(at, norm_squared):
    return norm_squared * at.m * at.d / at.n


@sketch_a_star.as_printed
def _(at):
    return Instead(lemma_49=_first_term(at, _energy(at) ** 2 / at.m))


@sketch_a_star.refutes("|a*| = r^p / sqrt(m), without kappa")
def _(at):
    return Instead(lemma_49=_first_term(at, Fraction(at.r ** (2 * at.p), at.m)))


@sketch_a_star.refutes("|a*| = r^p kappa^2p / m")
def _(at):
    return Instead(lemma_49=_first_term(at, (_energy(at) / at.m) ** 2))


# ---- from a* to Theorem 1

def _noisy(rng, n):
    """Values of f_theta* and f* in eighths, varsigma and signs."""
    f, f_star = rng.integers(-16, 17, n) / 8, rng.integers(-16, 17, n) / 8
    f[0] = f_star[0] + 0.5
    varsigma = int(rng.integers(1, 9)) / 4
    return {"f": f, "f_star": f_star, "varsigma": varsigma, "epsilon": varsigma * rng.choice([-1.0, 1.0], n)}


@DLS22.claim(
    "lemma-26",
    where="appendix A.2, Lemma 26",
    printed_from=RESTATED,
    covers=["A.L26"],
    needs=["DLS22/lemma-25-variance", "DLS22/asm-noise", "DLS22/losses"],
    given=family(_noisy, n=[1, 2, 3, 4, 8]),
    tol=ulps(lambda at: 2 * at.n + 12),
)
def lemma_26(at):
    """L(theta*) - varsigma^2 = (1/n) sum_i (f(x_i) - f*(x_i))^2 - (2/n) sum_i epsilon_i (f(x_i) - f*(x_i)), for |epsilon|^2 / n is varsigma^2 itself.

    No concentration is needed for that last term: the noise is +-varsigma.
    """
    return Sides(losses=_excess(at, at.epsilon), expansion=_expansion(at), scale=_terms(at))


def _excess(at, epsilon):
    """L at the labels f* + epsilon, less varsigma^2."""
    return ell.SQUARE.value(at.f, at.f_star + epsilon) - at.varsigma**2


def _expansion(at, cross=2):
    gap = [Fraction(x) - Fraction(y) for x, y in zip(at.f.tolist(), at.f_star.tolist(), strict=True)]
    return (_dot(gap, gap) - cross * _dot(map(Fraction, at.epsilon.tolist()), gap)) / at.n


def _terms(at):
    return float(np.mean((np.abs(at.f - at.f_star) + at.varsigma) ** 2) + at.varsigma**2)


@lemma_26.refutes("the sign of the mixed term")
def _(at):
    return Instead(expansion=_expansion(at, cross=-2))


@lemma_26.refutes("the mixed term without its 2")
def _(at):
    return Instead(expansion=_expansion(at, cross=1))


@lemma_26.refutes("noise that is not of one size, as a Gaussian: |epsilon|^2 / n is varsigma^2 only in the mean")
def _(at):
    return Instead(losses=_excess(at, at.epsilon * np.where(np.arange(at.n) % 2, 0.5, 1.5)))


@DLS22.claim(
    "lemma-26-cross",
    where="appendix A.2, proof of Lemma 26, its last term",
    printed_from=DERIVED,
    covers=["A.L26"],
    needs=["DLS22/lemma-26"],
    given=family(lambda rng, n: {"gap": [rational(rng) for _ in range(n)], "varsigma": abs(rational(rng))}, n=(1, 5)),
)
def lemma_26_cross(at):
    """Over the signs of the noise the mixed term has mean square (4 varsigma^2 / n) (1/n) sum_i (f(x_i) - f*(x_i))^2, small beside iota / n."""
    return Sides(all_signs=_mean(_mixed(at, signs) ** 2 for signs in itertools.product([1, -1], repeat=at.n)),
                 closed_form=_mean_square_of_mixed(at))


def _mixed(at, signs):
    return 2 * at.varsigma * _dot(signs, at.gap) / at.n


def _mean_square_of_mixed(at):
    return 4 * at.varsigma**2 * _dot(at.gap, at.gap) / at.n**2


@lemma_26_cross.refutes("1 / n for 1 / n^2: as if the samples' noise were one sign")
def _(at):
    return Instead(closed_form=_mean_square_of_mixed(at) * at.n)


@lemma_26_cross.refutes("the factor 2 of the mixed term not squared")
def _(at):
    return Instead(closed_form=_mean_square_of_mixed(at) / 2)


def _class(rng, N, n, F, kind):
    """N points alike, the residuals f - y there of F functions, and n of the points as samples."""
    sample = [int(i) for i in rng.integers(0, N, n)]
    residuals, varsigma = [[rational(rng) for _ in range(N)] for _ in range(F)], HALF * int(rng.integers(1, 5))
    if kind == "noise alone":
        residuals = [[varsigma * int(s) for s in rng.choice([-1, 1], N)] for _ in range(F)]
    if kind == "no noise":
        varsigma, residuals = Fraction(), [[residuals[0][0] * (1 if i in sample else 2) * int(rng.choice([-1, 1])) for i in range(N)]]
    return {"sample": sample, "residuals": residuals, "varsigma": varsigma}


@DLS22.claim(
    "thm-1-chain",
    where="appendix A.3, proof of Theorem 1",
    printed_from=RESTATED,
    covers=["A.T1"],
    needs=["DLS22/thm-1-jensen", "DLS22/thm-1-root", "DLS22/lemma-26"],
    given=family(_class, N=(1, 3), n=[1, 2, 4], F=(1, 2), kind=["noise alone", "no noise", "generic"]),
)
def thm_1_chain(at):
    """E|f - y| - varsigma - sup_F |empirical - population L1| <= sqrt(L - varsigma^2), L the square loss on the samples and f any function of F.

    Two steps: the L1 loss on the samples is at most sqrt(L) (Jensen), and sqrt(varsigma^2 + delta) <= varsigma + sqrt(delta). Both sides are squared,
    cut at 0.
    """
    form = AtMost if at.kind == "generic" else Sides                            # equality in the other two, so it is checked
    return form(value=[max(excess, 0) ** 2 for excess in _excesses(at, _uniform_gap(at))],
                bound=[max(_mean(r[i] ** 2 for i in at.sample) - at.varsigma**2, 0) for r in at.residuals])


def _excesses(at, gap):
    """E|f - y| - varsigma - gap, one a function."""
    return [_mean(map(abs, r)) - at.varsigma - gap for r in at.residuals]


def _uniform_gap(at):
    """sup over the class of |empirical - population L1 loss|."""
    return max(abs(_mean(abs(r[i]) for i in at.sample) - _mean(map(abs, r))) for r in at.residuals)


@thm_1_chain.refutes("no uniform gap: the population as good as the samples")
def _(at):
    return Instead(value=[max(excess, 0) ** 2 for excess in _excesses(at, 0)])


@thm_1_chain.refutes("L - varsigma for L - varsigma^2")
def _(at):
    return Instead(bound=[max(_mean(r[i] ** 2 for i in at.sample) - at.varsigma, 0) for r in at.residuals])


@thm_1_chain.refutes("varsigma left out of the excess")
def _(at):
    return Instead(value=[max(excess + at.varsigma, 0) ** 2 for excess in _excesses(at, _uniform_gap(at))])
