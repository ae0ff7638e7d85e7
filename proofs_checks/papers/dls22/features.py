"""Appendix A.2: the features g and g_n against Hw / sqrt(2 pi), in the mean square over w uniform on the sphere, with explicit constants.

lemma-13-square  lemma-13  cor-14  cor-15                           how far g and g_n are from Hw / sqrt(2 pi), and how long g_n is
lemma-16-moment  lemma-16-rate  lemma-16-centred                    g_n at the inputs that it has seen

The paper's statements hold with high probability and for each w; what is decided here is the mean square. The powers of iota are not.
"""

import math
from typing import Any

import numpy as np

from proofs_checks import AtMost, Instead, Scaling, Sides, ulps
from proofs_checks.engine import oracles
from proofs_checks.instances import directions, family, multi_index, random_target, unit
from proofs_checks.papers.dls22 import DERIVED, DLS22, INDEXED, RESTATED
from proofs_checks.papers.dls22.routes import target_size, target_value
from refimpl.data.targets import Target, single_index
from refimpl.hermite import double_factorial
from refimpl.input_moment import input_moment
from refimpl.population import half_space_moment, lemma_1_remainder
from refimpl.sampling_error import sampling_error, sampling_error_along

SIGMA = 0.75                                               # any size of the noise will do

# ---- the mean over the sphere, exactly

def _quadratic(r1, r2, d, ratio=1.0):
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


two_blocks: dict[str, Any] = {"r1": [0, 1, 2], "r2": [1, 2], "d": [10, 40, 160], "ratio": [1.0, -3.0]}


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
    printed_from=DERIVED,
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
    """f of E f^2 = 1 without C_0 and C_1, in r orthonormal directions; "with a quartic": (4 he_2 + he_4) / sqrt 17 of one of them, "quartic": he_4."""
    if kind == "isotropic":
        return {"target": _quadratic(0, r, d)[0]}
    if "quartic" in kind:
        he_2, he_4 = (4 / math.sqrt(17), 1 / math.sqrt(17)) if kind == "with a quartic" else (0.0, 1.0)
        return {"target": single_index([0.0, 0.0, he_2 * math.sqrt(2), 0.0, he_4 * math.sqrt(24)], unit(rng.standard_normal(d)))}
    return {"target": random_target(rng, p, directions(rng, r, d, "orthonormal")).without_linear_part().normalised()}


def _has_degree(kind, p, r, d):
    return {"isotropic": p == 2, "generic": True}.get(kind, (p, r) == (4, 1))


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
    """The sum of the bounds of the terms of Lemma 13's remainder; for he_4, where E (u.w)^8 makes them overlap, what is left of them."""
    terms = _terms_bounded(at)
    return math.sqrt(terms[2] ** 2 - 5 / 3 * terms[1] ** 2) if at.kind == "quartic" else sum(terms)


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
    printed_from=DERIVED,
    covers=["A.L13"],
    needs=["DLS22/lemma-13-square", "DLS22/lemma-13-features"],
    given=family(_preprocessed, _has_degree, kind=["isotropic", "generic", "with a quartic", "quartic"], p=(2, 5), r=[1, 2], d=[4, 10, 40]),
    tol=ulps(lambda at: 256 * at.p + 8 * at.d),
)
def lemma_13(at):
    """For E f^2 = 1 and C_0 = C_1 = 0: sqrt(E_w|g(w) - Hw/sqrt(2 pi)|^2) <= sqrt((r+2) / (4 pi d (d+2))) for p <= 3, and of this order for each p.

    From p = 4 on the terms of C_4, C_6, ... are added with their constants from Lemma 38, the first of them 1 / sqrt(d) smaller; that sum
    is not sharp, but its terms are: for f = he_4(u.x) the mean square is t^2 - 5/3 s^2, s the term in C_4(w^4) w and t that in C_4(w^3).
    """
    form = Sides if at.kind in ("isotropic", "quartic") else AtMost            # equality is claimed there, so it is checked
    return form(value=_root_mean_remainder(at), bound=_remainder_bound(at), scale=4.0)


@lemma_13.refutes("r for r + 2")
def _(at):
    return Instead(bound=_remainder_bound(at) * math.sqrt(at.r / (at.r + 2)))


@lemma_13.refutes("the bound of p <= 3 for every p")
def _(at):
    return Instead(bound=_terms_bounded(at)[0])


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
    printed_from=DERIVED,
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
    printed_from=DERIVED,
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
    printed_from=DERIVED,
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
    return {"target": random_target(rng, p, np.eye(1)), "w": np.ones(1), "d": 1}


@DLS22.claim(
    "lemma-16-centred",
    where="appendix A.2, proof of Lemma 16",
    printed_from=INDEXED,
    printed="-g(w)",
    covers=["ERR-A8"],
    needs=["DLS22/lemma-16-moment"],
    given=family(_on_the_line, p=(1, 3), v=[0.5, -1.5]),
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
    return math.sqrt(weight @ input_moment(_quadratic(0, r, d)[0], W, np.zeros(len(W)), d * d, varsigma=SIGMA))


@DLS22.claim(
    "lemma-16-rate",
    where="appendix A.2, Lemma 16: its rate, in the mean square",
    printed_from=RESTATED,
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
