"""Appendix A.3 and its consequence n >= d^2: the error of the first gradient on n samples, in the mean square and exactly.

cor-34-blocks  cor-34-proof                                         the second moment of one sample's gradient
cor-34  cor-34-n  cor-34-sampled  cor-34-size  cor-34-rate-d        the error at one w: its size and its rates in n and d
lemma-13-square  lemma-13  cor-14  cor-15                           the features g and g_n, with explicit constants
lemma-16-moment  lemma-16-rate  lemma-16-centred                    the features at their own inputs
n-d2-captured  n-d2-collapse  n-d2-rate  n-d2-weakest               where the signal overtakes the error

The paper's statements hold with high probability and uniformly over w; what is decided here is the mean square at one w, or in the mean over
w uniform on the sphere. The supremum over w and the powers of iota are not.
"""

import itertools
import math
from fractions import Fraction
from functools import cache

import numpy as np
from flint import arb

from proofs_checks import AtMost, Instead, Proof, Sampled, Scaling, Sides, ulps
from proofs_checks.engine import oracles
from proofs_checks.instances import directions, family, multi_index, random_target, rational, rational_unit, unit
from proofs_checks.papers.dls22 import DERIVED, DLS22, INDEXED
from proofs_checks.papers.dls22.routes import he_monomials, target_size, target_value, written_out
from refimpl import polynomials
from refimpl.data.targets import Target, single_index
from refimpl.hermite import double_factorial
from refimpl.losses import SQUARE
from refimpl.network import Network
from refimpl.population import half_space_moment, lemma_1_remainder
from refimpl.sampling_error import (
    Energies,
    captured_energy,
    energies,
    half_space_second_moment,
    input_moment,
    samples_to_capture,
    sampling_error,
    sampling_error_along,
)

SIGMA = 0.75                                               # any size of the noise will do


# ---- the second moment of one sample's gradient

def _matrix(at, **changed):
    """E[q x x^T 1{w.x + b >= 0}] put together from its blocks."""
    A = half_space_second_moment(at.target, at.w[None, :], np.array([at.b]), varsigma=SIGMA)._replace(**changed)
    U, w, cross = at.target.U, A.W_unit[0], A.cross[0] @ at.target.U
    return A.isotropic[0] * np.eye(at.d) + U.T @ A.frame[0] @ U + np.outer(cross, w) + np.outer(w, cross) + A.along_w[0] * np.outer(w, w)


def _rule(at):
    """Nodes and weights of the half-space in all d dimensions, and f* there."""
    x, weight = oracles.half_space_rule(np.eye(at.d), at.w, at.b, degree=2 * at.p + 2)
    return x, weight, target_value(at)(x), target_size(at)(x)


def _second_moment(at):
    """E[q x x^T 1], its trace less |g|^2 and, for two rows v of at.W, E[q (v.x)^2 1] - (v.g)^2: by quadrature."""
    x, weight, f, _ = _rule(at)
    V, q, g = at.W[:2], f**2 + SIGMA**2, (weight * f) @ x
    matrix = (x * (weight * q)[:, None]).T @ x
    return _flat(matrix, (weight * q) @ np.sum(x * x, axis=1) - g @ g, (weight * q) @ (x @ V.T) ** 2 - (V @ g) ** 2)


def _terms(at):
    """The absolute terms of the same."""
    x, weight, _, size = _rule(at)
    terms = (np.abs(x) * (weight * (size**2 + SIGMA**2))[:, None]).T @ np.abs(x)
    return np.sum(terms) * _flat(np.ones((at.d, at.d)), 2.0, 2 * np.sum(at.W[:2] ** 2, axis=1))


def _in_one_number(at):
    """n E|g_n - g|^2, and along two directions."""
    W, b = at.w[None, :], np.array([at.b])
    return _flat(sampling_error(at.target, W, b, varsigma=SIGMA), sampling_error_along(at.target, W, b, at.W[:2], varsigma=SIGMA))


def _flat(*parts):
    return np.concatenate([np.ravel(part) for part in parts])


@DLS22.claim(
    "cor-34-blocks",
    where="appendix A.3, Corollary 34, at one w: the covariance",
    printed_from=DERIVED,
    covers=["A.C34"],
    needs=["DLS22/eq-1-bias"],
    given=multi_index(p=(0, 3), r=(1, 2), d=(1, 3), b=[0.0, 0.5, -0.75]),
    tol=ulps(lambda at: 64 * (at.p + at.d + 8)),
)
def cor_34_blocks(at):
    """E[q x x^T 1{w.x + b >= 0}], q = f*^2 + varsigma^2, is E[q 1] I and a matrix on span(S*, w), which derivatives of q and of the step give."""
    return Sides(blocks=_flat(_matrix(at), _in_one_number(at)), quadrature=_second_moment(at), scale=_terms(at))


@cor_34_blocks.refutes("the noise forgotten")
def _(at):
    A = half_space_second_moment(at.target, at.w[None, :], np.array([at.b]))
    return Instead(blocks=_flat(_matrix(at, isotropic=A.isotropic), _in_one_number(at)))


@cor_34_blocks.refutes("the step not differentiated twice: no term in w w^T")
def _(at):
    return Instead(blocks=_flat(_matrix(at, along_w=np.zeros(1)), _in_one_number(at)))


@cor_34_blocks.refutes("a second moment taken for a covariance: g g^T forgotten")
def _(at):
    g = half_space_moment(at.target, at.w[None, :], np.array([at.b]))[0]
    return Instead(blocks=_flat(_matrix(at), _in_one_number(at)) + _flat(np.zeros((at.d, at.d)), g @ g, (at.W[:2] @ g) ** 2))


@cor_34_blocks.refutes("nothing but the isotropic part")
def _(at):
    zeros = {"frame": np.zeros((1, at.r, at.r)), "cross": np.zeros((1, at.r)), "along_w": np.zeros(1)}
    return Instead(blocks=_flat(_matrix(at, **zeros), _in_one_number(at)))


# ---- the same for every unit u, w: numbers rational + root / sqrt(2 pi) are their two parts

def _add(*numbers):
    return [sum(parts, start=Fraction()) for parts in zip(*numbers, strict=True)]


def _times(factor, number):
    return [factor * part for part in number]


def _half_line(k):
    """E[z^k 1{z >= 0}]: (k-1)!! / 2 for even k, (k-1)!! / sqrt(2 pi) for odd k."""
    return [Fraction(), Fraction(double_factorial(k - 1))] if k % 2 else [Fraction(double_factorial(k - 1), 2), Fraction()]


def _step_coefficient(k):
    """d_k = E[He_k(z) 1{z >= 0}]: 1/2 at k = 0, He_{k-1}(0) / sqrt(2 pi) at odd k."""
    if k % 2 == 0:
        return [Fraction(int(k == 0), 2), Fraction()]
    return [Fraction(), Fraction((-1) ** ((k - 1) // 2) * double_factorial(k - 2))]


def _conditioned(at):
    """E[He_k(u.x) h 1{w.x >= 0}] for h = v_perp^2, (w.x)^2, (w.x)(u.x), (u.x)^2, by u.x = rho z + sqrt(1 - rho^2) y with z = w.x."""
    total = [[Fraction()] * 2 for _ in range(4)]
    for l, h in enumerate(he_monomials(at.k)):
        for row, (more_z, more_u) in enumerate([(0, 0), (2, 0), (1, 1), (0, 2)]):
            total[row] = _add(total[row], _times(h, _pair(l + more_u, more_z, at.rho)))
    return total


@cache
def _pair(a, c, rho):
    """E[(u.x)^a z^c 1{z >= 0}]; only even powers of y have a mean."""
    return _add([Fraction()] * 2, *(
        _times(math.comb(a, i) * rho ** (a - i) * (1 - rho**2) ** (i // 2) * double_factorial(i - 1), _half_line(a - i + c))
        for i in range(0, a + 1, 2)))


def _blocks(at, twice=2):
    """d_k rho^k I + k(k-1) d_{k-2} rho^{k-2} u u^T + k d_k rho^{k-1} (u w^T + w u^T) + d_{k+2} rho^k w w^T in v_perp, w, (w, u) and u."""
    k, rho = at.k, at.rho
    isotropic = _times(rho**k, _step_coefficient(k))
    uu = _times(k * (k - 1) * rho ** (k - 2), _step_coefficient(abs(k - 2)))
    uw = _times(k * rho ** (k - 1), _step_coefficient(k))
    ww = _times(rho**k, _step_coefficient(k + 2))
    return [
        isotropic,
        _add(isotropic, _times(rho**2, uu), _times(twice * rho, uw), ww),
        _add(_times(rho, isotropic), _times(rho, uu), _times((twice - 1) * (1 + rho**2), uw), _times(rho, ww)),
        _add(isotropic, uu, _times(twice * rho, uw), _times(rho**2, ww)),
    ]


@DLS22.claim(
    "cor-34-proof",
    where="appendix A.3, Corollary 34, at one w: the covariance",
    printed_from=DERIVED,
    covers=["A.C34"],
    needs=["DLS22/relu-derivative", "DLS22/eq-1-proof"],
    given=family(lambda k, point: {"rho": Fraction(2 * point - 13, 16)}, k=(0, 12), point=(0, 14)),
    proof=Proof(
        over="every polynomial f* of degree at most 6 in any dimension, every unit w, no bias",
        parameter="point", degree=lambda at: at.k + 2,
        because="q = f*^2 + varsigma^2 is spanned by He_k(u.x), |u| = 1, k <= 12; both sides are a I + a symmetric matrix on span(u, w), which "
                "four forms determine; these are polynomials in u.w of degree at most k + 2",
    ),
)
def cor_34_proof(at):
    """E[He_k(u.x) x x^T 1{w.x >= 0}] in its blocks is a theorem: isotropic beyond span(u, w), with the coefficient d_k (u.w)^k."""
    return Sides(conditioning=_conditioned(at), blocks=_blocks(at))


@cor_34_proof.refutes("u w^T without w u^T")
def _(at):
    return Instead(blocks=_blocks(at, twice=1))


@cor_34_proof.refutes("E[q 1] for all directions")
def _(at):
    return Instead(blocks=[_blocks(at)[0]] * 4)


# ---- the error at one w

NOISE = Fraction(3, 4)


def _parity(rng, parity, p, d, r):
    """A rational target with monomials of the parity of p, or of both, and a unit vector w."""
    g = {alpha: rational(rng) for k in range(p + 1) for alpha in polynomials.exponents(r, k) if parity == "any" or k % 2 == p % 2}
    U = np.triu(rng.integers(-2, 3, (r, d)), 1) + np.eye(r, d, dtype=int)
    return {"U": tuple(tuple(map(Fraction, row)) for row in U.tolist()), "g": g, "w": rational_unit(rng, d), "target": Target(g, U.astype(float))}


def _square(at, noise):
    """f^2 + noise, a polynomial of the coordinates of x."""
    f = written_out(at)
    return polynomials.add(polynomials.times(f, f), {(0,) * at.d: noise})


def _half_of_the_whole(at, noise=NOISE**2, half=Fraction(1, 2)):
    """E[q |x|^2] / 2, in monomials."""
    return half * sum((c * oracles.gaussian_moment([a + 2 * (i == j) for j, a in enumerate(alpha)])
                       for alpha, c in _square(at, noise).items() for i in range(at.d)), start=Fraction())


def _rotated(at, noise, w):
    """E[q |x|^2 1{w.x >= 0}] with w rotated onto an axis, as a ball."""
    total = arb(0)
    for i in range(at.d):
        part = oracles.exact_half_space_moment({(*alpha[:i], alpha[i] + 1, *alpha[i + 1:]): c for alpha, c in _square(at, noise).items()}, w)
        total += _ball(part.rational[i]) + _ball(part.root[i]) / (2 * arb.pi()).sqrt()
    return total


def _signal(at, w):
    """|g(w)|^2 as a ball."""
    g = oracles.exact_half_space_moment(written_out(at), w)
    return sum((((_ball(a) + _ball(c) / (2 * arb.pi()).sqrt()) ** 2) for a, c in zip(g.rational, g.root, strict=True)), start=arb(0))


def _exact_error(at, noise=NOISE**2, half=Fraction(1, 2), minus=1):
    """At w, at -w and in their mean; for f of one parity all three from half of the whole space."""
    whole = _ball(_half_of_the_whole(at, noise, half))
    w = [at.w, [-x for x in at.w]]
    square = [whole, whole] if at.parity == "same" else [_rotated(at, noise, v) for v in w]
    signal = [minus * _signal(at, v) for v in w]
    return [square[0] - signal[0], square[1] - signal[1], whole - (signal[0] + signal[1]) / 2]


def _ball(x):
    return arb(x.numerator) / x.denominator


def _both_signs(at):
    """The error at w and at -w, and their mean."""
    error = sampling_error(at.target, np.array([at.w, [-x for x in at.w]], dtype=float), np.zeros(2), varsigma=float(NOISE))
    return [*error, np.mean(error)]


def _terms_of_error(at):
    """E[(sum of |terms of f|)^2 |x|^2] with |x_i| <= 1 + x_i^2, and that of the noise."""
    plus = oracles.compose({alpha: abs(c) for alpha, c in at.g.items()}, [[abs(x) for x in row] for row in at.U])
    q = polynomials.add(polynomials.times(plus, plus), {(0,) * at.d: NOISE**2})
    return float(sum(c * oracles.gaussian_moment([a + a % 2 for a in alpha]) for alpha, c in q.items())) * (at.d + 2 * at.p)


@DLS22.claim(
    "cor-34",
    where="appendix A.3, Corollary 34, at one w and in the mean square",
    printed_from=INDEXED,
    covers=["A.C34"],
    needs=["DLS22/cor-34-blocks", "DLS22/alg-1-step"],
    given=family(_parity, lambda p, r, d, **_: r <= d and p * d <= 4, parity=["same", "any"], p=(0, 3), d=(1, 3), r=(1, 2)),
    tol=ulps(lambda at: 64 * (at.p + at.d + 8)),
)
def cor_34(at):
    """n E|g_n(w) - g(w)|^2 = E[(f^2 + varsigma^2) |x|^2] / 2 - |g(w)|^2 in the mean over w and -w; for even and for odd f, at each."""
    return Sides(refimpl=_both_signs(at), half_of_the_whole=_exact_error(at), scale=_terms_of_error(at))


@cor_34.refutes("|g|^2 forgotten")
def _(at):
    return Instead(half_of_the_whole=_exact_error(at, minus=0))


@cor_34.refutes("the noise forgotten")
def _(at):
    return Instead(half_of_the_whole=_exact_error(at, noise=0))


@cor_34.refutes("the whole space for the half-space")
def _(at):
    return Instead(half_of_the_whole=_exact_error(at, half=1))


@cor_34.refutes("d^2 for d")
def _(at):
    return Instead(half_of_the_whole=_exact_error(at, half=Fraction(at.d, 2)))


# ---- any number of samples: a law that can be enumerated

def _small_law(rng, n, d):
    """x uniform on {-1, 2}^d, labels whole numbers, so that sums of floats are exact; two mirrored neurons."""
    corners = [tuple(map(float, x)) for x in itertools.product((-1, 2), repeat=d)]
    labels = {x: float(rng.integers(-3, 4)) for x in corners}
    w = rng.integers(1, 4, d) * rng.choice([-1.0, 1.0], d)
    net = Network(np.array([1.0, -1.0]), np.array([w, w]), np.zeros(2))
    return {"cases": [(x, y + e) for x, y in labels.items() for e in (-1.0, 1.0)], "net": net, "w": w}


def _n_times_error(at):
    """n E|g_n - g|^2 over all samples of size n, g_n = -grad_{w_1} L / (2 a_1) and g its mean over them."""
    g_n = [[Fraction(x) for x in _g_n(at.net, sample)] for sample in itertools.product(at.cases, repeat=at.n)]
    g = [sum(column, start=Fraction()) / len(g_n) for column in zip(*g_n, strict=True)]
    return at.n * sum(((x - y) ** 2 for each in g_n for x, y in zip(each, g, strict=True)), start=Fraction()) / len(g_n)


def _g_n(net, sample):
    """-grad_{w_1} L / (2 a_1), exact in floats for n = 1, 2 and 4."""
    return net.gradients(np.array([x for x, _ in sample]), np.array([y for _, y in sample]), SQUARE).dW[0] / (-2 * net.a[0])


def _one_sample(at, minus=1):
    """E[y^2 |x|^2 1] - |E[y x 1]|^2, case by case."""
    active = [(x, y) for x, y in at.cases if np.dot(at.w, x) >= 0]
    cases = len(at.cases)
    square = sum(Fraction(y * z) ** 2 for x, y in active for z in x) / cases
    g = [sum(Fraction(y * x[i]) for x, y in active) / cases for i in range(at.d)]
    return square - minus * sum(x * x for x in g)


@DLS22.claim(
    "cor-34-n",
    where="appendix A.3, Corollary 34, at one w: its rate in n",
    printed_from=DERIVED,
    covers=["A.C34"],
    needs=["DLS22/cor-34", "DLS22/alg-1-step"],
    given=family(_small_law, lambda n, d: n * d <= 4, n=[1, 2, 4], d=[1, 2]),
)
def cor_34_n(at):
    """n E|g_n(w) - g(w)|^2 is the same number for every n: E|y x 1|^2 - |g|^2, whatever the law of (x, y)."""
    return Sides(enumerated=_n_times_error(at), one_sample=_one_sample(at))


@cor_34_n.refutes("n^2 E|g_n - g|^2, a rate 1/n")
def _(at):
    return Instead(enumerated=at.n * _n_times_error(at))


@cor_34_n.refutes("|g|^2 forgotten")
def _(at):
    return Instead(one_sample=_one_sample(at, minus=0))


def _fixed(n):
    """f = He_2(u.x) / sqrt 2 in two dimensions, w oblique to u: what is sampled is x and the noise, nothing else."""
    return {"target": single_index([0.0, 0.0, math.sqrt(2)], np.array([1.0, 0.0])), "w": np.array([0.6, 0.8]), "d": 2, "p": 2}


def _squared_errors(at, rng, samples):
    """|g_n - g|^2 of so many independent data sets of n."""
    X, y = at.target.sample(samples * at.n, rng=rng, varsigma=SIGMA)
    each = (y * (X @ at.w >= 0))[:, None] * X - _g(at, at.w[None, :])
    return np.sum(np.mean(each.reshape(samples, at.n, 2), axis=1) ** 2, axis=1)


def _variance_of_square(at):
    """Var|g_n - g|^2 from the moments of one term c: (n E|c|^4 + n (n-1) ((tr S)^2 + 2 tr S^2)) / n^4 - (tr S)^2 / n^2, S = E c c^T."""
    x, weight = oracles.half_space_rule(np.eye(2), at.w, 0.0, degree=4 * at.p + 4)
    f, g = target_value(at)(x), _g(at, at.w[None, :])[0]
    c = np.concatenate([(f + SIGMA)[:, None] * x - g, (f - SIGMA)[:, None] * x - g, -g[None, :]])
    weight = np.concatenate([weight / 2, weight / 2, [0.5]])
    S = (c * weight[:, None]).T @ c
    fourth = at.n * weight @ np.sum(c * c, axis=1) ** 2 + at.n * (at.n - 1) * (np.trace(S) ** 2 + 2 * np.sum(S * S))
    return fourth / at.n**4 - np.trace(S) ** 2 / at.n**2


def _expected(at, power=1):
    return sampling_error(at.target, at.w[None, :], np.zeros(1), varsigma=SIGMA)[0] / at.n**power


@DLS22.claim(
    "cor-34-sampled",
    where="appendix A.3, Corollary 34, at one w",
    printed_from=DERIVED,
    covers=["A.C34"],
    needs=["DLS22/cor-34", "DLS22/asm-law", "DLS22/asm-noise"],
    given=family(_fixed, n=[2, 5]),
    false_alarm=1e-8,
)
def cor_34_sampled(at):
    """The mean of |g_n(w) - g(w)|^2 over data sets of n samples is the closed form over n."""
    return Sampled(draw=lambda rng, samples: _squared_errors(at, rng, samples), truth=_expected(at), variance=_variance_of_square(at),
                   discrepancy=0.25)


@cor_34_sampled.refutes("1/sqrt(n) for 1/n")
def _(at):
    return Instead(truth=_expected(at, power=0.5))


@cor_34_sampled.refutes("the noise forgotten")
def _(at):
    return Instead(truth=_expected(at) - SIGMA**2 * at.d / 2 / at.n)


# ---- its size

def _components(rng, kind, p, r):
    """f of E f^2 = 1 in r orthonormal directions of R^(r+4): of degree p alone, or of p and p - 2, if need be the largest or smallest |x|^2 f."""
    weight = {"largest": _extremal(p, 1), "smallest": _extremal(p, -1), "pure": (1.0, 0.0), "mixed": (1.0, 1.0)}[kind]
    c = {alpha: a * (1 + rng.random() * (r > 1)) * math.sqrt(polynomials.factorial(alpha))
         for k, a in zip((p, p - 2), weight, strict=True) if a for alpha in polynomials.exponents(r, k)}
    target = Target(polynomials.from_hermite(c), directions(rng, r, r + 4, "orthonormal")).normalised()
    return {"target": target, "signs": np.array(SIGNS[kind]), "d": r + 4, "w": unit(rng.standard_normal(r + 4))}


SIGNS = {"pure": (-1.0, 1.0), "mixed": (-1.0, 1.0), "largest": (1.0,), "smallest": (-1.0,)}


def _extremal(p, sign):
    """An eigenvector of [[p, t], [t, p - 2]] with t^2 = p (p - 1) / 4."""
    t = math.sqrt(p * (p - 1) / 4)
    return (t, sign * math.sqrt(1 + t * t) - 1)


def _mean_error(at):
    """The error at w and -w, |g|^2 added, in the mean."""
    return np.mean(_noisy_squares(at))


def _noisy_squares(at):
    W = np.array([at.w, -at.w])
    return sampling_error(at.target, W, np.zeros(2), varsigma=SIGMA) + np.sum(half_space_moment(at.target, W, np.zeros(2)) ** 2, axis=1)


def _size(at, level=1.0, apart=1.0):
    """(1 + varsigma^2) d/2 + p; where f has degrees two apart, p - 1 - or + sqrt(1 + p (p + r - 2) / 4) for p."""
    middle = (1 + SIGMA**2) * at.d / 2
    if at.kind == "pure":
        return at.signs * (middle + level * at.p)
    return at.signs * (middle + level * (at.p - 1)) + math.sqrt(1 + apart * at.p * (at.p + at.r - 2) / 4)


@DLS22.claim(
    "cor-34-size",
    where="appendix A.3, Corollary 34, at one w: its size",
    printed_from=DERIVED,
    covers=["A.C34"],
    needs=["DLS22/cor-34"],
    given=family(_components, lambda kind, p, r: kind == "pure" or (p >= 2 and (r == 1 or kind == "mixed")),
                 kind=list(SIGNS), p=(1, 4), r=[1, 2, 3]),
    tol=ulps(lambda at: 64 * (at.p + at.d + 8)),
)
def cor_34_size(at):
    """For E f^2 = 1: n E|g_n - g|^2 + |g|^2 = (1 + varsigma^2) d/2 + p for f of degree p alone, in the mean over w and -w.

    For f of degrees p and p - 2 it lies between the same with p - 1 -+ sqrt(1 + p (p+r-2) / 4) for p. In ladder operators |x|^2 f is
    sum_i (a_i + a_i^+)^2 f: 2 k + d from each degree k, |sum_i a_i^2 f_k| <= sqrt(k (k+r-2)) |f_k| between two. As |g(w)|^2 <= E[f^2 1{w.x >= 0}] / 2,
    the mean of |g|^2 is at most 1/4, and the error is (1 + varsigma^2) d/2 up to a constant of p and r.
    """
    form = AtMost if at.kind == "mixed" else Sides                             # equality is claimed elsewhere, so it is checked
    return form(value=at.signs * _mean_error(at), bound=_size(at), scale=_size_terms(at))


def _size_terms(at):
    """The absolute terms of f^2 |x|^2 in monomials, and of the noise."""
    plus = {alpha: abs(c) for alpha, c in at.target.g.items()}
    return float(polynomials.mean(polynomials.times(plus, plus), polynomials.identity(at.r))) * (at.d + 2 * at.p) + SIGMA**2 * at.d


@cor_34_size.refutes("the degree not counted: (1 + varsigma^2) d / 2")
def _(at):
    return Instead(bound=_size(at, level=0.0))


@cor_34_size.refutes("p / 2, half of 2 p once too often")
def _(at):
    return Instead(bound=_size(at, level=0.5))


@cor_34_size.refutes("degrees two apart do not meet")
def _(at):
    return Instead(bound=_size(at, apart=0.0))


def _root_mean_square(r, d, n):
    """The root of E_w E|g_n - g|^2 for H = sqrt(2/r) Pi*."""
    W, weight = _sphere(0, r, d)
    return math.sqrt(weight @ sampling_error(_quadratic(0, r, d, 1.0)[0], W, np.zeros(len(W)), varsigma=SIGMA) / n)


@DLS22.claim(
    "cor-34-rate-d",
    where="appendix A.3, Corollary 34, at one w: its rate in d",
    printed_from=INDEXED,
    covers=["A.C34"],
    needs=["DLS22/cor-34-size", "DLS22/cor-34-n"],
    given=family(r=[1, 2], n=[1000]),
    false_alarm=1e-9,
)
def cor_34_rate(at):
    """sqrt(E|g_n - g|^2) is of order d^(1/2) at fixed n, by its exact values; in n it is n^(-1/2) exactly."""
    return Scaling(sizes=(64, 128, 256, 512), measure=lambda rng, d: _root_mean_square(at.r, d, at.n), exponent=0.5, seeds=2)


@cor_34_rate.refutes("sqrt(d^2 / n)")
def _(at):
    return Instead(exponent=1.0)


@cor_34_rate.refutes("d^(1/4)")
def _(at):
    return Instead(exponent=0.25)


@cor_34_rate.refutes("no dimension: 1 / sqrt(n), as in one direction")
def _(at):
    return Instead(exponent=0.0)


# ---- the mean over the sphere, exactly

def _quadratic(r1, r2, d, ratio):
    """f = sum_i lambda_i (z_i^2 - 1) / 2 with r1 eigenvalues ratio * l and r2 eigenvalues l, E f^2 = sum lambda_i^2 / 2 = 1; and the lambda_i."""
    l = math.sqrt(2 / (r1 * ratio**2 + r2))
    r, lam = r1 + r2, [ratio * l] * r1 + [l] * r2
    g = {(0,) * r: -sum(lam) / 2} | {tuple(2 * int(i == j) for j in range(r)): lam[i] / 2 for i in range(r)}
    return Target(g, np.eye(r, d)), lam


def _sphere(r1, r2, d):
    """Rows w and weights: the mean over the sphere of functions of the w_i^2, of degree 3, that treat the coordinates of a block alike."""
    t, weight = oracles.beta_rule(r1 + r2, d, 3)                                # |Pi* w|^2
    s, split = oracles.beta_rule(r1, r1 + r2, 3)                                # the share of the first block
    W = np.zeros((len(t) * len(s), d))
    W[:, 0] += np.sqrt(np.outer(t, s)).ravel()
    W[:, r1] += np.sqrt(np.outer(t, 1 - s)).ravel()
    W[:, -1] += np.sqrt(1 - np.repeat(t, len(s)))
    return W, np.outer(weight, split).ravel()


def _sphere_mean(at, statistic):
    W, weight = _sphere(at.r1, at.r2, at.d)
    return weight @ statistic(W)


def _size_of_rule(at):
    """Its weights have both signs: the sum of the absolute ones, and that of these times |Pi* w|^2."""
    W, weight = _sphere(at.r1, at.r2, at.d)
    return np.abs(weight).sum(), np.abs(weight) @ np.sum(W[:, :at.r] ** 2, axis=1)


def _terms_of_energy(at, n):
    """The absolute terms of |g|^2 + E|g_n - g|^2, of |r|^2 and of their parts in S*: at most 4 |Pi* w|^2 and 4 d / n."""
    ones, inside = _size_of_rule(at)
    return 4 * (inside + ones * at.d / n)


def _blocks_of_H(r1, r2, d, ratio, **_):
    """The target, its eigenvalues, tr H, and its weakest eigenvalue."""
    target, lam = _quadratic(r1, r2, d, ratio)
    return {"target": target, "lam": lam, "trace": sum(lam), "weakest": min(lam, key=abs), "r": r1 + r2}


two_blocks = {"r1": [0, 1, 2], "r2": [1, 2], "d": [10, 40, 160], "ratio": [1.0, -3.0]}


def _sensible(r1, ratio, **_):
    """One eigenvalue has no ratio."""
    return bool(r1) or ratio == 1.0


def _fourth(at):
    """E (w.Hw)^2 = (2 |H|_F^2 + (tr H)^2) / (d (d + 2)), |H|_F^2 = 2."""
    return (4 + at.trace**2) / (at.d * (at.d + 2))


def _remainder(at, W):
    """g(w) - H w / sqrt(2 pi)."""
    return lemma_1_remainder(at.target, np.full(len(W), -0.5), W)


# ---- the features

@DLS22.claim(
    "lemma-13-square",
    where="appendix A.2, Lemma 13, at infinitely many samples and p = 2",
    printed_from=INDEXED,
    covers=["A.L13"],
    needs=["DLS22/lemma-4", "DLS22/eq-1-quadratic"],
    given=family(_blocks_of_H, _sensible, **two_blocks),
    tol=ulps(lambda at: 64 + 8 * at.d),
)
def lemma_13_square(at):
    """E_w|g(w) - Hw/sqrt(2 pi)|^2 = (2 |H|_F^2 + (tr H)^2) / (8 pi d (d+2)), at most (r + 2) / (4 pi d (d+2)) for E f^2 = 1; all of it along w."""
    return Sides(sphere=_remainder_seen(at), moments=[_fourth(at) / (8 * math.pi)] * 2, scale=_terms_of_energy(at, math.inf))


def _remainder_seen(at):
    """E_w of |r(w)|^2 and of (w.r(w))^2."""
    return [_remainder_square(at), _sphere_mean(at, lambda W: np.sum(_remainder(at, W) * W, axis=1) ** 2)]


def _remainder_square(at):
    return _sphere_mean(at, lambda W: np.sum(_remainder(at, W) ** 2, axis=1))


@lemma_13_square.refutes("independent coordinates: (tr H)^2 / d^2 alone")
def _(at):
    return Instead(moments=[at.trace**2 / at.d**2 / (8 * math.pi)] * 2)


@lemma_13_square.refutes("the rate sqrt(r) / d^(3/2)")
def _(at):
    return Instead(moments=[_fourth(at) / (8 * math.pi * at.d)] * 2)


@lemma_13_square.refutes("Gaussian w: 1 / d^2 for 1 / (d (d + 2))")
def _(at):
    return Instead(moments=[_fourth(at) * (at.d + 2) / at.d / (8 * math.pi)] * 2)


def _preprocessed(rng, kind, p, r, d):
    """f of E f^2 = 1 without C_0 and C_1, in r orthonormal directions."""
    if kind == "isotropic":
        return {"target": _quadratic(0, r, d, 1.0)[0]}
    return {"target": random_target(rng, p, directions(rng, r, d, "orthonormal")).without_linear_part().normalised()}


def _circle(at):
    """Rows w and weights: the mean over the sphere of polynomials of Uw of degree 2 p, for r = 1 or 2 orthonormal directions."""
    t, weight = oracles.beta_rule(at.r, at.d, at.p)
    angle = math.pi * np.arange(2 * at.p + 2) / (at.p + 1) if at.r == 2 else np.array([0.0, math.pi])
    across = np.column_stack([np.cos(angle), np.sin(angle)])[:, :at.r] @ at.target.U
    rest = oracles.orthonormal(np.vstack([at.target.U, np.eye(at.d)]))[-1]
    W = np.sqrt(t)[:, None, None] * across + np.sqrt(1 - t)[:, None, None] * rest
    return W.reshape(-1, at.d), np.repeat(weight / len(angle), len(angle))


def _root_mean_remainder(at):
    W, weight = _circle(at)
    return math.sqrt(weight @ np.sum(_remainder(at, W) ** 2, axis=1))


def _remainder_bound(at):
    """The sum of the bounds of the terms of Lemma 13's remainder."""
    return sum(_terms_bounded(at))


def _terms_bounded(at):
    """|c_{k+2}| / k! sqrt(E C_k(w^k)^2) for even k >= 2, and |c_k| / (k-1)! sqrt(E|C_k(w^{k-1})|^2) for even k >= 4, with |C_k|^2 <= k!."""
    return [_term(k + 2, k, k, at) for k in range(2, at.p + 1, 2)] + [_term(k, k - 1, k, at) for k in range(4, at.p + 1, 2)]


def _term(c, k, tensor, at):
    """|c_c| / k! times the root mean square of a contraction of C_tensor with k factors w, by Lemma 38 on the sphere and |T(I^l)|^2 <= r^l |T|^2."""
    c_k = double_factorial(c - 3) / math.sqrt(2 * math.pi)
    square = sum(math.factorial(k - 2 * l) * (double_factorial(2 * l - 1) * math.comb(k, 2 * l)) ** 2 * at.r**l for l in range(k // 2 + 1))
    return c_k / math.factorial(k) * math.sqrt(math.factorial(tensor) * square / math.prod(at.d + 2 * i for i in range(k)))


@DLS22.claim(
    "lemma-13",
    where="appendix A.2, Lemma 13, at infinitely many samples",
    printed_from=INDEXED,
    covers=["A.L13"],
    needs=["DLS22/lemma-13-square", "DLS22/lemma-13-features"],
    given=family(_preprocessed, lambda kind, p, **_: p == 2 or kind == "generic", kind=["isotropic", "generic"], p=(2, 5), r=[1, 2], d=[4, 10, 40]),
    tol=ulps(lambda at: 256 * at.p + 8 * at.d),
)
def lemma_13(at):
    """For E f^2 = 1 and C_0 = C_1 = 0: sqrt(E_w|g(w) - Hw/sqrt(2 pi)|^2) <= sqrt((r+2) / (4 pi d (d+2))) for p <= 3, and of this order for each p.

    From p = 4 on the terms of C_4, C_6, ... are added with their constants from Lemma 38; the first is 1 / sqrt(d) smaller.
    """
    form = Sides if at.kind == "isotropic" else AtMost                         # equality is claimed there, so it is checked
    return form(value=_root_mean_remainder(at), bound=_remainder_bound(at), scale=4.0)


@lemma_13.refutes("r for r + 2")
def _(at):
    return Instead(bound=_remainder_bound(at) * math.sqrt(at.r / (at.r + 2)))


@lemma_13.refutes("sqrt(r) / d^(3/2), as for the projected remainder")
def _(at):
    return Instead(bound=_remainder_bound(at) / math.sqrt(at.d))


def _signal_mean(at):
    """E_w|g|^2 = (|H|_F^2 / d - 3/4 E (w.Hw)^2) / (2 pi), |H|_F^2 = 2."""
    return (2 / at.d - 0.75 * _fourth(at)) / (2 * math.pi)


def _noisy_square(at):
    """E[q |x|^2 1] = ((1 + varsigma^2) d + 4) / 2 for E f^2 = 1 and f of degree 2 alone."""
    return ((1 + SIGMA**2) * at.d + 4) / 2


def _errors(at, W):
    return sampling_error(at.target, W, np.zeros(len(W)), varsigma=SIGMA)


@DLS22.claim(
    "cor-14",
    where="appendix A.2, Corollary 14, in the mean square and p = 2",
    printed_from=INDEXED,
    covers=["A.C14"],
    needs=["DLS22/lemma-13-square", "DLS22/cor-34"],
    given=family(_blocks_of_H, _sensible, n=[1, 100, 10_000], **two_blocks),
    tol=ulps(lambda at: 64 + 8 * at.d),
)
def cor_14(at):
    """E_w E|g_n(w) - Hw/sqrt(2 pi)|^2 = (4 + (tr H)^2) / (8 pi d(d+2)) + (((1 + varsigma^2) d + 4) / 2 - E_w|g|^2) / n: r/d^2 and d/n."""
    return Sides(sphere=_features_seen(at), moments=_features_square(at), scale=_terms_of_energy(at, at.n))


def _features_seen(at):
    """E_w of |r(w)|^2 + E|g_n - g|^2."""
    return _remainder_square(at) + _sphere_mean(at, lambda W: _errors(at, W)) / at.n


def _features_square(at, remainder=1.0, minus=1.0, error=1.0):
    return remainder * _fourth(at) / (8 * math.pi) + error * (_noisy_square(at) - minus * _signal_mean(at)) / at.n


@cor_14.refutes("the remainder at infinitely many samples left out")
def _(at):
    return Instead(moments=_features_square(at, remainder=0.0))


@cor_14.refutes("sqrt(d^2 / n) for sqrt(d / n)")
def _(at):
    return Instead(moments=_features_square(at, error=at.d))


@cor_14.refutes("a second moment for a variance")
def _(at):
    return Instead(moments=_features_square(at, minus=0.0))


@DLS22.claim(
    "cor-15",
    where="appendix A.2, Corollary 15, in the mean square and p = 2",
    printed_from=INDEXED,
    covers=["A.C15"],
    needs=["DLS22/cor-14"],
    given=family(_blocks_of_H, _sensible, n=[1, 100, 10_000], **two_blocks),
    tol=ulps(lambda at: 64 + 8 * at.d),
)
def cor_15(at):
    """E_w E|g_n(w)|^2 = (1 - 1/n) (1/(pi d) - 3 (4 + (tr H)^2) / (8 pi d(d+2))) + ((1 + varsigma^2) d + 4) / (2n) for E f^2 = 1.

    So it is at most 1/(pi d) + ((1 + varsigma^2) d + 4) / (2n).
    """
    return Sides(sphere=_lengths_seen(at), moments=_length_square(at), scale=_terms_of_energy(at, at.n))


def _lengths_seen(at):
    """E_w of |g|^2 + E|g_n - g|^2."""
    return _sphere_mean(at, lambda W: np.sum(_g(at, W) ** 2, axis=1)) + _sphere_mean(at, lambda W: _errors(at, W)) / at.n


def _g(at, W):
    return half_space_moment(at.target, W, np.zeros(len(W)))


def _length_square(at, twice=1, signal=None):
    return (1 - twice / at.n) * (_signal_mean(at) if signal is None else signal) + _noisy_square(at) / at.n


@cor_15.refutes("|g|^2 counted twice: the covariance taken for the second moment")
def _(at):
    return Instead(moments=_length_square(at, twice=0))


@cor_15.refutes("|Hw|^2 / (2 pi) for |g|^2")
def _(at):
    return Instead(moments=_length_square(at, signal=1 / (math.pi * at.d)))


# ---- the features at their own inputs

@DLS22.claim(
    "lemma-16-moment",
    where="appendix A.2, Lemma 16, in the mean square",
    printed_from=INDEXED,
    covers=["A.L16"],
    needs=["DLS22/cor-34-blocks"],
    given=multi_index(p=(0, 2), r=(1, 2), d=(1, 3), b=[0.0, 0.5, -0.75], n=[1, 2, 7]),
    tol=ulps(lambda at: 64 * (2 * at.p + 2 * at.d + 8)),
)
def lemma_16_moment(at):
    """n^2 E(g_n.x_1)^2 = E[q |x|^4 1] + 2 (n-1) g.E[f |x|^2 x 1] + (n-1) E[q |x|^2 1] + (n-1)(n-2) |g|^2, x_1 being one of the n samples."""
    found = input_moment(at.target, at.w[None, :], np.array([at.b]), at.n, varsigma=SIGMA)[0]
    return Sides(refimpl=found, quadrature=_by_pairs(at), scale=_pair_terms(at))


def _by_pairs(at, own=1, crossed=2, noise=1, fourth=2):
    """(i, k) = (1, 1), (1, k), (i, i) and (i, k) of the double sum of y_i y_k (x_i.x_1) (x_k.x_1), by quadrature."""
    x, weight = oracles.half_space_rule(np.eye(at.d), at.w, at.b, degree=2 * at.p + 4)
    f, length = target_value(at)(x), np.sum(x * x, axis=1)
    q, g = f**2 + noise * SIGMA**2, (weight * f) @ x
    pairs = [own * ((weight * q) @ length**fourth), crossed * (at.n - 1) * (g @ ((weight * f * length) @ x)),
             (at.n - 1) * ((weight * q) @ length), (at.n - 1) * (at.n - 2) * (g @ g)]
    return sum(pairs) / at.n**2


def _pair_terms(at):
    x, weight = oracles.half_space_rule(np.eye(at.d), at.w, at.b, degree=2 * at.p + 4)
    return (weight * (target_size(at)(x) ** 2 + SIGMA**2)) @ (np.sum(x * x, axis=1) + 2 * at.d) ** 2


@lemma_16_moment.refutes("the sample's own term left out")
def _(at):
    return Instead(quadrature=_by_pairs(at, own=0))


@lemma_16_moment.refutes("pairs (1, k) once")
def _(at):
    return Instead(quadrature=_by_pairs(at, crossed=1))


@lemma_16_moment.refutes("the noise omitted")
def _(at):
    return Instead(quadrature=_by_pairs(at, noise=0))


@lemma_16_moment.refutes("|x|^2 for |x|^4")
def _(at):
    return Instead(quadrature=_by_pairs(at, fourth=1))


def _beside(at, noise=1.0, times_x=1.0):
    """What is subtracted from each term, and the mean square of what is left."""
    subtracted = _g(at, at.w[None, :])[0, 0] * (at.v if times_x else 1.0)
    return [subtracted, _mean_square(at, noise) - 2 * subtracted * _mean_term(at) + subtracted**2]


def _mean_term(at):
    """E[f(x) x v 1]."""
    x, weight = oracles.half_space_rule(np.eye(1), at.w, 0.0, degree=2 * at.p + 2)
    return (weight * target_value(at)(x)) @ x[:, 0] * at.v


def _mean_square(at, noise):
    """E[(f(x) + epsilon)^2 (x v)^2 1]."""
    x, weight = oracles.half_space_rule(np.eye(1), at.w, 0.0, degree=2 * at.p + 2)
    return (weight * (target_value(at)(x) ** 2 + noise * SIGMA**2)) @ (x[:, 0] * at.v) ** 2


def _law(at):
    """The mean of a term, and n times the variance of g_n(w).v."""
    return [_mean_term(at), _error_along_v(at)]


def _error_along_v(at):
    return sampling_error_along(at.target, at.w[None, :], np.zeros(1), np.array([[at.v]]), varsigma=SIGMA)[0, 0]


def _on_the_line(rng, p, v):
    """d = 1, the one dimension in which a number less the vector g(w) can be read at all."""
    return {"target": random_target(rng, p, np.eye(1)), "w": np.ones(1), "d": 1, "v": v / 2}


@DLS22.claim(
    "lemma-16-centred",
    where="appendix A.2, proof of Lemma 16",
    printed_from=INDEXED,
    printed=r"\ldots - g(w)",
    covers=["ERR-A8"],
    needs=["DLS22/lemma-16-moment"],
    given=family(_on_the_line, p=(1, 3), v=[1.0, -3.0]),
    tol=ulps(lambda at: 64 * (at.p + 9)),
    erratum="-g(w) must be -g(w).x_j, and f(x_i) + epsilon_i stands for f(x_i)",
)
def lemma_16_centred(at):
    """Given x_j = v, the terms (f(x_i) + epsilon_i) x_i.v 1 have the mean g(w).v, and about it the variance that is n times that of g_n(w).v."""
    return Sides(subtracted=_beside(at), law=_law(at), scale=_pair_terms_on_the_line(at))


def _pair_terms_on_the_line(at):
    x, weight = oracles.half_space_rule(np.eye(1), at.w, 0.0, degree=2 * at.p + 2)
    return 4 * (weight @ ((target_size(at)(x) ** 2 + 1) * (x[:, 0] ** 2 + 1))) * (1 + at.v**2)


@lemma_16_centred.as_printed
def _(at):
    return Instead(subtracted=_beside(at, noise=0.0, times_x=0.0))


@lemma_16_centred.refutes("the noise omitted, the rest repaired")
def _(at):
    return Instead(subtracted=_beside(at, noise=0.0))


@lemma_16_centred.refutes("g(w) for g(w).x_j, the noise kept")
def _(at):
    return Instead(subtracted=_beside(at, times_x=0.0))


def _at_d_squared(r, d):
    """The root of E_w E(g_n(w).x_1)^2 at n = d^2 for H = sqrt(2/r) Pi*."""
    W, weight = _sphere(0, r, d)
    return math.sqrt(weight @ input_moment(_quadratic(0, r, d, 1.0)[0], W, np.zeros(len(W)), d * d, varsigma=SIGMA))


@DLS22.claim(
    "lemma-16-rate",
    where="appendix A.2, Lemma 16: its rate, in the mean square",
    printed_from=INDEXED,
    covers=["A.L16"],
    needs=["DLS22/lemma-16-moment"],
    given=family(r=[1, 2]),
    false_alarm=1e-9,
)
def lemma_16_rate(at):
    """sqrt(E(g_n(w).x_1)^2) at n = d^2 is of order d^(-1/2), by its exact values; the power of iota of the maximum over samples is not decided."""
    return Scaling(sizes=(64, 128, 256, 512), measure=lambda rng, d: _at_d_squared(at.r, d), exponent=-0.5, seeds=2)


@lemma_16_rate.refutes("1/d, the order of the sample's own term")
def _(at):
    return Instead(exponent=-1.0)


@lemma_16_rate.refutes("of order 1: |g_n| |x_1|")
def _(at):
    return Instead(exponent=0.0)


# ---- n >= d^2

def _pooled(at):
    """Signal and error in the mean over w."""
    return Energies(*_sphere_mean(at, lambda W: np.transpose(energies(at.target, W, np.zeros(len(W)), varsigma=SIGMA))))


def _in_closed_form(at, extra=2.0, half=0.5, projected=1.0):
    """The four energies for p = 2, |H|_F^2 = 2: moments of the sphere, and half of the whole space."""
    q2, q3 = _fourth(at), _sixth(at)
    inside = (2 / at.d - projected * (q2 - q3 / 4)) / (2 * math.pi)                  # |Hw|^2 - (w.Hw)^2 + |Pi* w|^2 (w.Hw)^2 / 4
    noisy = (half * (1 + SIGMA**2) * at.d + extra, half * (1 + SIGMA**2) * at.r + extra)
    return Energies(inside, _signal_mean(at), noisy[1] - inside, noisy[0] - _signal_mean(at))


def _sixth(at):
    """E|Pi* w|^2 (w.Hw)^2 = (r + 4) E(z.Hz)^2 / (d (d+2) (d+4)) for z ~ N(0, I_d)."""
    return _fourth(at) * (at.r + 4) / (at.d + 4)


def _shares(at, e):
    """The share in S* at n = d and n = d^2, and the n at which it is 1/4."""
    return [*captured_energy(e, np.array([at.d, at.d**2], dtype=float)), samples_to_capture(e, 0.25)]


@DLS22.claim(
    "n-d2-captured",
    where="appendix A.3, the consequence n >= d^2",
    printed_from=DERIVED,
    covers=["A.n>=d^2"],
    needs=["DLS22/cor-34", "DLS22/lemma-13-square"],
    given=family(_blocks_of_H, _sensible, **two_blocks),
    tol=ulps(lambda at: 64 + 8 * at.d),
)
def n_d2_captured(at):
    """The share of the energy of g_n in S*, in the mean over w, from closed forms of its parts in d, r, tr H and varsigma; and n where it is 1/4."""
    e, closed = _pooled(at), _in_closed_form(at)
    return Sides(sphere=[*e, *_shares(at, e)], moments=[*closed, *_by_hand(at, closed)], scale=_share_terms(at, closed))


def _by_hand(at, e):
    """E|Pi* g_n|^2 / E|g_n|^2 at n = d and d^2; n from n S* + E* = (n S + E) / 4."""
    n = np.array([at.d, at.d**2])
    inside, whole = e.signal_inside + e.error_inside / n, e.signal + e.error / n
    return [*inside / whole, (e.error - 4 * e.error_inside) / (4 * e.signal_inside - e.signal)]


def _share_terms(at, e):
    """Those of the four energies; of a quotient, those of its numerator and, times the quotient, of its denominator, over the latter."""
    signal, error = _terms_of_energy(at, math.inf), _terms_of_energy(at, 1)
    n, rest = (e.error - 4 * e.error_inside) / (4 * e.signal_inside - e.signal), 4 * e.signal_inside - e.signal
    return np.array([signal, signal, error, error, _share_size(at, e, at.d), _share_size(at, e, at.d**2), (5 * error + 5 * abs(n) * signal) / rest])


def _share_size(at, e, n):
    return 2 * _terms_of_energy(at, n) / (e.signal + e.error / n)


@n_d2_captured.refutes("f and |x| taken as independent: no 2 beside d/2")
def _(at):
    e = _in_closed_form(at, extra=0.0)
    return Instead(moments=[*e, *_by_hand(at, e)])


@n_d2_captured.refutes("the half-space forgotten")
def _(at):
    e = _in_closed_form(at, half=1.0)
    return Instead(moments=[*e, *_by_hand(at, e)])


@n_d2_captured.refutes("Hw / sqrt(2 pi) for Pi* g")
def _(at):
    e = _in_closed_form(at, projected=0.0)
    return Instead(moments=[*e, *_by_hand(at, e)])


C_0 = math.pi * (1 + SIGMA**2) / 2


def _limit(at, c_0=C_0):
    """c / (c + c_0)."""
    return at.c / (at.c + c_0)


def _collapsed(at):
    """d times how far the share at n = c d^2 is from its limit."""
    share = captured_energy(_pooled(at), at.c * at.d**2)
    return at.d * (share - _limit(at))


def _first_order(at, c_0=C_0):
    """d (share - c / (c + c_0)) from the closed forms, times pi d in numerator and denominator, without a difference of nearly equal numbers."""
    d, r, q2, q3 = at.d, at.r, at.d * _fourth(at), at.d * _sixth(at)
    above = -(q2 - q3 / 4) * d / 2 + (c_0 * r + 2 * math.pi) / at.c - math.pi * _in_closed_form(at).signal_inside / at.c
    below = -3 * q2 * d / 8 + (2 * math.pi - math.pi * _signal_mean(at)) / at.c
    return (above - _limit(at, c_0) * below) / (1 + c_0 / at.c + below / d)


@DLS22.claim(
    "n-d2-collapse",
    where="appendix A.3, the consequence n >= d^2: the curves of all d are one",
    printed_from=DERIVED,
    covers=["A.n>=d^2"],
    needs=["DLS22/n-d2-captured"],
    given=family(_blocks_of_H, _sensible, c=[1.0, 0.25, 4.0], r1=[0, 1], r2=[1, 2], ratio=[1.0, -3.0], d=[10, 40, 160]),
    tol=ulps(lambda at: 64 + 8 * at.d),
)
def n_d2_collapse(at):
    """At n = c d^2 the share in S* is s + O(1/d), s = c / (c + c_0), c_0 = pi (1 + varsigma^2) / |H|_F^2; d times the difference is known exactly.

    For H = sqrt(2/r) Pi* it tends to s ((c_0 r + 2 pi (1 - s)) / c - (r+2) (1 - 3 s/4)) as d grows.
    """
    return Sides(share=_collapsed(at), first_order=_first_order(at), scale=at.d * _share_size(at, _in_closed_form(at), at.c * at.d**2))


@n_d2_collapse.refutes("c_0 = pi (1 + varsigma^2)")
def _(at):
    return Instead(first_order=_first_order(at, c_0=2 * C_0))


@n_d2_collapse.refutes("the noise of the labels without effect: c_0 = pi / 2")
def _(at):
    return Instead(first_order=_first_order(at, c_0=math.pi / 2))


@n_d2_collapse.refutes("no term in 1/d")
def _(at):
    return Instead(first_order=0.0)


def _half_captured(d):
    """The n at which half of the energy lies in S*, for one direction and H = sqrt 2 u u^T."""
    W, weight = _sphere(0, 1, d)
    e = energies(_quadratic(0, 1, d, 1.0)[0], W, np.zeros(len(W)), varsigma=SIGMA)
    return samples_to_capture(Energies(*(float(weight @ each) for each in e)))


SIZES = {"d = 40 to 640": (40, 80, 160, 320, 640), "d = 160 to 2560": (160, 320, 640, 1280, 2560)}


@DLS22.claim(
    "n-d2-rate",
    where="appendix A.3, the consequence n >= d^2",
    printed_from=DERIVED,
    covers=["A.n>=d^2"],
    needs=["DLS22/n-d2-captured"],
    given=family(over=list(SIZES)),
    false_alarm=1e-9,
)
def n_d2_rate(at):
    """The n at which half of the energy of g_n lies in S* is of order d^2, by exact values; below d = 40 the terms in 1/d of n-d2-collapse show."""
    return Scaling(sizes=SIZES[at.over], measure=lambda rng, d: _half_captured(d), exponent=2.0, seeds=2)


@n_d2_rate.refutes("d^(3/2)")
def _(at):
    return Instead(exponent=1.5)


@n_d2_rate.refutes("d^(5/2)")
def _(at):
    return Instead(exponent=2.5)


@n_d2_rate.refutes("d: parameters counted")
def _(at):
    return Instead(exponent=1.0)


def _weakest(at):
    """The n at which E|g_n - g|^2 = E_w(e.g)^2 for an eigenvector e of the smallest |eigenvalue|, over pi (1 + varsigma^2) d^2 r kappa^2."""
    weak = slice(at.r1, at.r1 + at.r2)                                          # the second block, of which all directions are alike
    signal = _sphere_mean(at, lambda W: np.sum(_g(at, W)[:, weak] ** 2, axis=1)) / at.r2
    return _sphere_mean(at, lambda W: _errors(at, W)) / signal / (math.pi * (1 + SIGMA**2) * at.d**2 * at.r * at.target.kappa**2)


def _corrections(at, cross=2):
    """What the ratio differs from 1 by: the error over (1 + varsigma^2) d/2, and E_w(e.g)^2 over lambda^2 / (2 pi d)."""
    d, q = at.d, at.trace / at.weakest
    error = (_noisy_square(at) - _signal_mean(at)) / ((1 + SIGMA**2) * d / 2)
    signal = 1 - (q + cross) / (d + 2) + (q**2 + 4 / at.weakest**2 + 4 * q + 8) / (4 * (d + 2) * (d + 4))
    return error / signal


@DLS22.claim(
    "n-d2-weakest",
    where="appendix A.3, the consequence n >= d^2 kappa^2 r",
    printed_from=DERIVED,
    covers=["A.n>=d^2"],
    needs=["DLS22/cor-34", "DLS22/asm-2"],
    given=family(_blocks_of_H, _sensible, r1=[0, 1, 2], r2=[1, 2], d=[10, 40, 160], ratio=[1.0, 3.0, -3.0]),
    tol=ulps(lambda at: 64 + 8 * at.d),
)
def n_d2_weakest(at):
    """Along the weakest eigenvector of H the signal is the whole error at n = pi (1 + varsigma^2) d^2 r kappa^2 times a known 1 + O(1/d)."""
    return Sides(sphere=_weakest(at), moments=_corrections(at), scale=_weak_size(at))


def _weak_size(at):
    """The ratio is at most 4; its denominator is about lambda^2 / (2 pi d)."""
    return 4 * (_terms_of_energy(at, 1) / at.d + 2 * math.pi * at.d / at.weakest**2 * _terms_of_energy(at, math.inf))


@n_d2_weakest.refutes("n = d^2 r, without kappa")
def _(at):
    return Instead(moments=_corrections(at) * at.target.kappa**-2)


@n_d2_weakest.refutes("w_i^2 independent of w.Hw")
def _(at):
    return Instead(moments=_corrections(at, cross=0))


@n_d2_weakest.refutes("no correction in 1/d")
def _(at):
    return Instead(moments=1.0)
