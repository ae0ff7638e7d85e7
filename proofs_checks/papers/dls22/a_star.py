"""The second layer a*, appendix A.2: refimpl's h_T of Lemma 23 and a* of Lemma 25, on orthogonal features, where z_T is known without solving for it.

lemma-23                        the indicators, and b ~ N(0, 1)
lemma-23-normal                 E h^2 for b ~ N(0, 1)
lemma-25                        a* itself
"""

import math
from fractions import Fraction

import numpy as np
from flint import arb, fmpq

from proofs_checks import Instead, Sides, ulps
from proofs_checks.instances import family, rational
from proofs_checks.papers.dls22 import DERIVED, DLS22, RESTATED
from proofs_checks.papers.dls22.random_features import _dot, _mean, _polynomial_value, _v
from refimpl import polynomials
from refimpl.approximation.a_star import a_star, h_T
from refimpl.data.targets import Target
from refimpl.head import Moments, decompose
from refimpl.network import Network
from refimpl.training import PRINTED, Trained

HALF = fmpq(1, 2)

NODES, WEIGHTS = (np.polynomial.legendre.leggauss(16) + np.array([[1], [0]])).reshape(2, 16, 1) / 2                   # of [0, 1]
HADAMARD = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])


def _frame(rng, d, k, eta_1=1.0, size=1.0, **_):
    """Orthogonal g_j of two lengths in dyadic numbers, T = sum_j c_j g_j^k as a polynomial, so that z_T(w_j) = d c_j, and two points.

    The first point is (-size, 0, ...), the second is smaller: |2 eta_1 g_j.x_1| is a power of 2, 1 among them, and so is eta_1 |g_j| for d = 1 and 4.
    At d = 2 and eta_1 = 1/4, size = 2 the former is 1 and 2, so on the bound and beyond it; at d = 4 and eta_1 = size = 1/2 the latter is.
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


def _solving(k, d):
    """The roundings of z_T, see tensors.z, at N = d features; each z_T(w_j) has at most those of all."""
    D = math.comb(d + k - 1, k)
    return 2 * (2 * k + 3 + d * D) * math.sqrt(D * d)


@DLS22.claim(
    "lemma-23",
    where="appendix A.2, Lemma 23",
    printed_from=RESTATED,
    covers=["A.L23"],
    needs=["DLS22/lemma-23-exact", "DLS22/lemma-23-indicator", "DLS22/cor-18"],
    given=family(_frame, lambda d, k, **_: d < 4 or k <= 2, d=[2, 1, 4], k=(0, 4), eta_1=[0.25, 1.0, 2.0, 0.5], size=[2.0, 1.0, 0.25, 0.5]),
    tol=ulps(lambda at: 3 * at.k + 48 + _solving(at.k, at.d)),       # features as in cor-18
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
    """The absolute terms, max |v_k| |z_T| / (2 eta_1)^k, and the condition of the pool: the lengths are 1 : 2."""
    return float(sum(map(abs, at.c))) * (4 * at.k**2 + 8) * (min(2, at.d) / (2 * at.eta_1)) ** at.k


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


@DLS22.claim(
    "lemma-23-normal",
    where="appendix A.2, Lemma 23, E h^2 for b ~ N(0, 1)",
    printed_from=DERIVED,
    covers=["A.L23", "A.L25"],
    needs=["DLS22/lemma-23", "DLS22/lemma-23-second-moment"],
    given=family(_frame, lambda d, k, **_: d < 4 or k <= 2, d=[2, 1, 4], k=(0, 4), eta_1=[0.25, 1.0, 2.0, 0.5], size=[2.0, 1.0, 0.25, 0.5]),
    tol=ulps(lambda at: 4 * at.k + 56 + 2 * _solving(at.k, at.d)),   # v_k and phi (k + 14) and z_T, twice; nodes, weights, density, sums as in cor-18
)
def lemma_23_normal(at):
    """For b ~ N(0, 1) E h_T^2 = (sqrt(2 pi) / 4) E_a[int v_k^2 e^(b^2/2) db] E z_T^2 / (2 eta_1)^(2k), the integral over [-1, 1], 0 for a w outside.

    That is m E|a*|^2 for one degree. I_j = int b^j e^(b^2/2) db has I_0 = sqrt(2 pi) erfi(1/sqrt 2) and I_j = 2 sqrt e - (j-1) I_{j-2} for even j, and
    is 0 for odd j.
    """
    return Sides(refimpl=_squared_over_biases(at), closed_form=_normal_second_moment(at), scale=2.1 * at.d * _condition(at) ** 2)


def _squared_over_biases(at):
    b, law = _biases(np.full(at.d, -1.0))
    return sum(np.sum(law * h_T(at.T, at.G, np.full_like(b, a), b, at.X, eta_1=at.eta_1) ** 2) for a in (1.0, -1.0)) / (2 * at.d)


def _exponential_moment(j):
    """I_j."""
    if j % 2:
        return arb(0)
    return 2 * arb(HALF).exp() - (j - 1) * _exponential_moment(j - 2) if j else (2 * arb.pi()).sqrt() * arb(HALF).sqrt().erfi()


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
    return (j - 1) * _gaussian_moment(j - 2) - 2 * arb(-HALF).exp() if j else (2 * arb.pi()).sqrt() * arb(HALF).sqrt().erf()


@lemma_23_normal.refutes("z_T for z_T^2: (2 eta_1)^k")
def _(at):
    return Instead(closed_form=_normal_second_moment(at) * fmpq(*((2 * Fraction(at.eta_1)) ** at.k).as_integer_ratio()))


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
    given=family(_first_layer, d=[2, 1, 4], p=(0, 3), r=["all", "one"], size=[4.0, 1.0, 2.0, 0.5], scale=[0.25, 0.53125, 1.0]),
    tol=ulps(lambda at: at.p + 15 + _solving(max(at.p, 1), at.d) + 2 * (at.p + 2) + 4 * at.d),   # v_k and phi, z_T, sums over k and the neurons
)
def lemma_25(at):
    """a*_j = h(a_j, w_j, b_j) / m, h the sum of the h_{T_k} of f* - alpha - beta.x, each neuron with the a_j and w_j of the first step and its new b_j.

    The features are orthogonal, so z_{T_k}(w_j) = (m/2) c_kj, and 1 / (2 mu(b)) = sqrt(2 pi) e^(b^2 / 2) / 2 is a ball.
    """
    found = a_star(at.trained, at.target, at.X)
    return Sides(refimpl=[*found.network.a, found.norm, found.share, found.predict(at.points)[0]], written_out=_written_out(at), scale=_sizes_of_a(at))


def _written_out(at, **slip):
    """a*, its length, the share of the neurons inside, and the prediction at the one further point."""
    a, inside = _neurons(at, **slip)
    return [*a, sum(x * x for x in a).sqrt(), _mean(map(int, inside)), _predicted(at, a)]


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
    """The absolute terms, max v_k over 2 phi(1) for |v_k|, times the condition of the pool at degree k; those of |a*| and of the prediction follow."""
    c = [float(sum(map(abs, c_k))) + 4 for c_k in [*at.c, *[[]] * (1 - at.p)]]                                # alpha and beta add at most 4
    size = 2.1 * sum((4 * k**2 + 8) * c_k * (min(2, at.d) / at.scale) ** k for k, c_k in enumerate(c))
    return np.array([*[size] * (2 * at.d), size * math.sqrt(2 * at.d), 1.0, 2.25 * 2 * at.d * size + 8])


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
