"""Gram matrices of infinitely wide two-layer networks, and of finite ones.

angles                                                      of rows, to their last digits
rf-relu  rf-truncated  rf-erf  rf-mean                      the second layer trained alone
ntk-relu  ntk-diagonal  ntk-bias  ntk-truncated  ntk-erf    both layers trained
ntk-predict                                                 its product with coefficients
ntk-finite-width  ntk-mean                                  a finite sum over neurons, and its mean
ntk-psd                                                     a certificate that a Gram matrix is positive semidefinite

The expectations are integrals of one variable, enclosed by balls: over the wedge of directions in which both neurons are active (ReLU), or
over w.x, given which w.z is normal (truncated ReLU, erf).
"""

import math
from fractions import Fraction
from functools import cache

import numpy as np
from flint import acb, arb, ctx
from mpmath import mp

from proofs_checks import Instead, Sampled, Sides, ulps
from proofs_checks.instances import family
from proofs_checks.papers.kernel_limits import DERIVED, KERNELS
from refimpl.activations import ERF, RELU, TRUNCATED_RELU
from refimpl.baselines.ntk import empirical_ntk_features, empirical_ntk_gram, ntk_gram, ntk_predict, psd_certificate
from refimpl.baselines.random_features import angles, features, rf_gram, sample
from refimpl.network import Network

# ---- rows and their products, exactly

KINDS = ["general", "parallel", "antiparallel", "axes"]


def _rows(rng, d, kind):
    """Four rows V, and X = 2^power V."""
    g, e = rng.standard_normal((4, d)), 10.0 ** -rng.integers(1, 17)
    x, first, last = -np.abs(g[0]), np.eye(d)[0], np.eye(d)[-1]
    V = {"parallel": [x, x + e * g[1], 2 * x, x + 1e-9 * g[2]], "antiparallel": [x, -x / 3, -x + e * g[1], -2 * x],
         "axes": [0 * x, -first, first + e * last, e * g[3] - 3 * last]}.get(kind, g)
    power = np.array([490, -490, 0, -200] if kind == "lengths" else [0, 0, 0, 0])
    return {"V": np.array(V), "power": power, "X": np.ldexp(np.array(V), power[:, None])}


def _planar(s, u, t):
    """Rows of lengths s and u at the angle t."""
    return {"X": np.array([[s, 0.0], [u * math.cos(t), u * math.sin(t)]])}


PLANAR = family(_planar, lambda s, u, t: u == 1 or t in (1.2, 0.0), s=[1.0, 0.05, 20.0], u=[1.0, 300.0], t=[1.2, 2.9, 0.0, 1e-3, 1e-8, 3.1])


BITS = 130             # of the balls


def _each(function, X, bias=0, Z=None):
    """function(|x|^2, |z|^2, x.z) of every pair of rows, in rationals; with a bias 1 more each."""
    rows, others = ([tuple(map(Fraction, row)) for row in V.tolist()] for V in (X, X if Z is None else Z))

    def dot(x, z):
        return sum((a * b for a, b in zip(x, z, strict=True)), start=Fraction(bias))

    squares = [dot(z, z) for z in others]
    with ctx.workprec(BITS):
        return [[function(dot(x, x), square, dot(x, z)) for z, square in zip(others, squares, strict=True)] for x in rows]


def _grams(gram, at, **options):
    """K(X, X) and the same from two equal arrays, for the rows of V: K is homogeneous."""
    return [np.ldexp(K, -at.power[:, None] - at.power) for K in (gram(at.X, **options), gram(at.X, at.X.copy(), **options))]


# ---- angles

def _two_sets(rng, d, kind):
    at = _rows(rng, d, kind)
    return at | {"Z": at["X"][[2, 0, 1]], "Z_power": at["power"][[2, 0, 1]]}


@KERNELS.claim(
    "angles",
    where="lengths, products and angles of rows",
    printed_from=DERIVED,
    given=family(_two_sets, d=(1, 4), kind=[*KINDS, "lengths"]),
    tol=ulps(lambda at: math.ceil((at.d + 5) ** 1.5)),
)
def of_rows(at):
    """|x|, |z|, |x| |z|, x.z, cos t, and sin t to its own last digits, however nearly parallel or antiparallel x and z are."""
    pairs = angles(at.X, at.Z)
    power, square = at.power[:, None] + at.Z_power, np.ones((4, 3))
    return Sides(
        angles=[np.ldexp(square * pairs.x, -at.power[:, None]), np.ldexp(square * pairs.z, -at.Z_power), np.ldexp(pairs.size, -power),
                np.ldexp(pairs.dot, -power), pairs.cos, pairs.sin],
        exact=_exact_angles(at),
        scale=_exact_angles(at, terms=True),
    )


def _exact_angles(at, terms=False):
    """Each a rational or the root of one; with ``terms`` what it is measured by."""
    V = np.concatenate([at.V, at.V[[2, 0, 1]]])
    pairs = [row[4:] for row in _each(lambda *q: _angle(*q, terms), V)[:4]]
    return np.moveaxis(np.array(pairs), 2, 0)


def _angle(xx, zz, xz, terms):
    x, z, across = (_root(square) for square in (xx, zz, xx * zz - xz * xz))
    size = _root(xx * zz)
    if not size:
        return x, z, 0.0, 0.0, 0.0, 1.0
    return (x, z, size, size, 1.0, across / size) if terms else (x, z, size, float(xz), float(xz) / size, across / size)


def _root(square):
    """The root of a rational to 60 digits, rounded."""
    with mp.workdps(60):
        return float(mp.sqrt(mp.mpf(square.numerator) / square.denominator))


@of_rows.refutes("the sine from a rounded cosine")
def _(at):
    pairs = angles(at.X, at.Z)
    exact = _exact_angles(at)
    return Instead(angles=[*exact[:5], np.sqrt(np.maximum(1 - pairs.cos**2, 0))])


@of_rows.refutes("the sine from the difference of unit vectors")
def _(at):
    unit, others = (V / (np.linalg.norm(V, axis=1, keepdims=True) + (V == 0).all(axis=1)[:, None]) for V in (at.V, at.V[[2, 0, 1]]))
    half = np.linalg.norm(unit[:, None] - others, axis=2) / 2
    return Instead(angles=[*_exact_angles(at)[:5], 2 * half * np.sqrt(np.maximum(1 - half**2, 0))])


@of_rows.refutes("x.z not divided by the lengths")
def _(at):
    exact = _exact_angles(at)
    return Instead(exact=[*exact[:4], exact[3], exact[5]])


# ---- ReLU: over the wedge of directions, and by Cho and Saul

@cache
def _wedge_neurons(xx, zz, xz):
    """The integral of |x| |z| sin u sin(r - u) / pi over a wedge of angle r = pi - t; 2 is the mean square of a radius."""
    size, r = _size_and_rest(xx, zz, xz)
    return size * _integral(lambda u: u.sin() * (r - u).sin(), arb(0), r) / arb.pi()


def _wedge_steps(xx, zz, xz):
    """The same wedge as a part of all directions."""
    return _size_and_rest(xx, zz, xz)[1] / (2 * arb.pi())


def _size_and_rest(xx, zz, xz):
    """|x| |z| and pi - t."""
    size, across = (_ball(square).sqrt() for square in (xx * zz, xx * zz - xz * xz))
    return size, arb.atan2(across, _ball(-xz))


def _both_layers(neurons, steps):
    """E[sigma sigma] + x.z E[sigma' sigma']."""
    return lambda xx, zz, xz: neurons(xx, zz, xz) + _ball(xz) * steps(xx, zz, xz)


def _first_layer(steps):
    return lambda xx, zz, xz: _ball(xz) * steps(xx, zz, xz)


def _ball(x):
    return arb(x.numerator) / x.denominator


def _integral(f, low, high):
    return acb.integral(lambda u, _: f(u), acb(low), acb(high), abs_tol=arb(2) ** -900, eval_limit=16000).real


def _closed(formula):
    """formula(|x| |z|, x.z, sin t, t, pi - t), at 80 digits."""
    def value(xx, zz, xz):
        with mp.workdps(80):
            size, across, dot = (mp.mpf(q.numerator) / q.denominator for q in (xx * zz, xx * zz - xz * xz, xz))
            size, across = mp.sqrt(size), mp.sqrt(across)
            return float(formula(size, dot, across / size if size else 0, mp.atan2(across, dot), mp.atan2(across, -dot)))

    return value


def _neurons(size, dot, sin, t, r):
    """E[relu(w.x) relu(w.z)]."""
    return (size * sin + dot * r) / (2 * mp.pi)


def _steps(size, dot, sin, t, r):
    """E[1{w.x >= 0} 1{w.z >= 0}]."""
    return r / (2 * mp.pi)


def _tangent(size, dot, sin, t, r):
    return _neurons(size, dot, sin, t, r) + dot * _steps(size, dot, sin, t, r)


def _tangent_terms(size, dot, sin, t, r):
    return _tangent(size, abs(dot), sin, t, r)


def _closed_forms(formula, at):
    return np.array(_twice(_each(_closed(formula), at.V)))


def _twice(K):
    return [K, K]


@KERNELS.claim(
    "rf-relu",
    where="random features, ReLU",
    printed_from=DERIVED,
    given=family(_rows, d=(1, 4), kind=[*KINDS, "lengths"]),
    tol=ulps(lambda at: math.ceil(4 * (at.d + 5) ** 1.5)),
)
def rf_relu(at):
    """E[relu(w.x) relu(w.z)] = |x| |z| (sin t + (pi - t) cos t) / (2 pi), to its own last digits at any angle t."""
    return Sides(
        rf_gram=_grams(rf_gram, at),
        wedge=_twice(_each(_wedge_neurons, at.V)),
        cho_saul=_closed_forms(_neurons, at),
        scale=_closed_forms(_neurons, at),
    )


@rf_relu.refutes("t for pi - t")
def _(at):
    return Instead(cho_saul=_closed_forms(lambda size, dot, sin, t, r: _neurons(size, dot, sin, r, t), at))


@rf_relu.refutes("cos for sin")
def _(at):
    return Instead(cho_saul=_closed_forms(lambda size, dot, sin, t, r: _neurons(size, dot, mp.cos(t), t, r), at))


@rf_relu.refutes("the steps for the neurons: (pi - t) / (2 pi)")
def _(at):
    return Instead(cho_saul=_closed_forms(_steps, at))


@rf_relu.refutes("sin t + (pi - t) cos t as the difference of floats")
def _(at):
    r = np.array(_each(_closed(lambda size, dot, sin, t, r: r), at.V))
    size = np.array(_each(_closed(lambda size, dot, sin, t, r: size), at.V))
    return Instead(rf_gram=_twice(size * (np.sin(r) - r * np.cos(r)) / (2 * math.pi)))


@KERNELS.claim(
    "ntk-relu",
    where="neural tangent kernel, ReLU",
    printed_from=DERIVED,
    needs=["KERNELS/rf-relu"],
    given=family(_rows, d=(1, 4), kind=[*KINDS, "lengths"]),
    tol=ulps(lambda at: 4 * at.d + 16),
)
def ntk_relu(at):
    """K = |x| |z| (sin t + 2 (pi - t) cos t) / (2 pi): E[sigma sigma] + x.z E[sigma' sigma'] for ReLU, both layers trained."""
    return Sides(
        ntk_gram=_grams(ntk_gram, at),
        wedge=_twice(_each(_both_layers(_wedge_neurons, _wedge_steps), at.V)),
        cho_saul=_closed_forms(_tangent, at),
        scale=_closed_forms(_tangent_terms, at),
    )


@ntk_relu.refutes("t for pi - t")
def _(at):
    return Instead(cho_saul=_closed_forms(lambda size, dot, sin, t, r: _tangent(size, dot, sin, r, t), at))


@ntk_relu.refutes("1 / pi for 1 / (2 pi) in the first layer's half")
def _(at):
    return Instead(cho_saul=_closed_forms(lambda size, dot, sin, t, r: (size * sin + 3 * dot * r) / (2 * mp.pi), at))


@ntk_relu.refutes("the first layer alone")
def _(at):
    return Instead(wedge=_twice(_each(_first_layer(_wedge_steps), at.V)))


@ntk_relu.refutes("the second layer alone")
def _(at):
    return Instead(wedge=_twice(_each(_wedge_neurons, at.V)))


@ntk_relu.refutes("the factor x.z forgotten")
def _(at):
    return Instead(cho_saul=_closed_forms(lambda *q: _neurons(*q) + _steps(*q), at))


@ntk_relu.refutes("the angle from a rounded cosine")
def _(at):
    length = np.linalg.norm(at.X, axis=1)
    cos = np.clip(at.X / length[:, None] @ (at.X / length[:, None]).T, -1, 1) if length.all() else np.eye(4)
    K = np.outer(length, length) * (np.sqrt(1 - cos**2) + 2 * (math.pi - np.arccos(cos)) * cos) / (2 * math.pi)
    return Instead(ntk_gram=[np.ldexp(M, -at.power[:, None] - at.power) for M in _twice(K)])


@KERNELS.claim(
    "ntk-diagonal",
    where="neural tangent kernel, ReLU, x = z",
    printed_from=DERIVED,
    needs=["KERNELS/ntk-relu"],
    given=family(lambda rng, n, d: {"X": rng.integers(-20, 21, (n, d)) / 4}, n=(1, 4), d=(1, 5)),
    tol=ulps(lambda at: 4 * at.d + 16),
)
def ntk_diagonal(at):
    """K(x, x) = |x|^2 exactly, on the diagonal and wherever else rows are equal; |x|^2 / 2 from each layer."""
    closed = _by_diagonal(at, 1)
    return Sides(ntk_gram=[ntk_gram(at.X), ntk_gram(at.X, at.X[::-1])[:, ::-1]], closed_form=[closed, closed],
                 scale=[_each(_closed(_tangent_terms), at.X) * (1 - np.eye(at.n))] * 2)


def _by_diagonal(at, factor):
    """The closed form, its diagonal factor |x|^2."""
    return np.array(_each(_closed(_tangent), at.X)) * (1 - np.eye(at.n)) + np.diag([float(factor * sum(map(Fraction, x**2))) for x in at.X])


@ntk_diagonal.refutes("2 |x|^2, of the kernel that is twice this one")
def _(at):
    return Instead(closed_form=[_by_diagonal(at, 2)] * 2)


@ntk_diagonal.refutes("|x|^2 / 2, of one layer")
def _(at):
    return Instead(closed_form=[_by_diagonal(at, Fraction(1, 2))] * 2)


@ntk_diagonal.refutes("the diagonal through the root of a sum of squares")
def _(at):
    return Instead(ntk_gram=[ntk_gram(at.X) * (1 - np.eye(at.n)) + np.diag(np.linalg.norm(at.X / 3, axis=1) ** 2 * 9)] * 2)


@KERNELS.claim(
    "ntk-bias",
    where="neural tangent kernel with biases, ReLU",
    printed_from=DERIVED,
    needs=["KERNELS/ntk-relu"],
    given=family(_rows, d=(1, 4), kind=KINDS),
    tol=ulps(lambda at: math.ceil(4 * (at.d + 6) ** 1.5)),
)
def ntk_bias(at):
    """A bias b ~ N(0, 1), trained, is a further coordinate 1 of x and z: E[sigma sigma] + (x.z + 1) E[sigma' sigma']."""
    return Sides(
        gram=[ntk_gram(at.X, bias=True), rf_gram(at.X, bias=True)],
        wedge=_with_bias(at, _both_layers(_wedge_neurons, _wedge_steps), _wedge_neurons),
        scale=np.array([_each(_closed(formula), at.X, 1) for formula in (_tangent_terms, _neurons)]),
    )


def _with_bias(at, *functions):
    return [_each(function, at.X, 1) for function in functions]


@ntk_bias.refutes("the bias drawn and not trained: x.z for x.z + 1")
def _(at):
    return Instead(wedge=_with_bias(at, lambda xx, zz, xz: _wedge_neurons(xx, zz, xz) + _ball(xz - 1) * _wedge_steps(xx, zz, xz), _wedge_neurons))


@ntk_bias.refutes("no bias")
def _(at):
    return Instead(gram=[ntk_gram(at.X), rf_gram(at.X)])


@ntk_bias.refutes("a bias of variance 2")
def _(at):
    functions = _both_layers(_wedge_neurons, _wedge_steps), _wedge_neurons
    return Instead(wedge=_with_bias(at, *(lambda *q, f=f: f(*(product + 1 for product in q)) for f in functions)))


def _predictions(rng, n, d, r, bias):
    """Points of which some are parallel or opposite to samples, or 0."""
    Z = rng.standard_normal((3, d))
    X = np.concatenate([rng.standard_normal((n - 3, d)), -3 * Z[:1], Z[1:2] * (1 + 1e-9 * rng.standard_normal(d)), 0 * Z[:1]])
    return {"X": X, "Z": Z, "alpha": rng.standard_normal((3, r) if r else 3)}


@KERNELS.claim(
    "ntk-predict",
    where="kernel regression at new points",
    printed_from=DERIVED,
    needs=["KERNELS/ntk-relu"],
    given=family(_predictions, n=[3, 40], d=(1, 3), r=[0, 2], bias=[False, True]),
    tol=ulps(lambda at: 4 * (at.d + at.bias) + 16 + 2 * 3 + 2),
)
def of_regression(at):
    """f(x) = sum_j K(x, z_j) alpha_j, K the neural tangent kernel for ReLU, of one vector alpha or of several."""
    return Sides(
        ntk_predict=ntk_predict(at.X, at.Z, at.alpha, bias=at.bias),
        closed_form=_combined(at, _tangent, at.alpha),
        scale=_combined(at, _tangent_terms, np.abs(at.alpha)),
    )


def _combined(at, formula, alpha, **options):
    return np.array(_each(_closed(formula), **{"X": at.X, "bias": int(at.bias), "Z": at.Z} | options)) @ alpha


@of_regression.refutes("the second layer alone")
def _(at):
    return Instead(closed_form=_combined(at, _neurons, at.alpha))


@of_regression.refutes("the coefficients in another order")
def _(at):
    return Instead(ntk_predict=ntk_predict(at.X, at.Z, at.alpha[::-1], bias=at.bias))


@of_regression.refutes("the bias forgotten, or one too many")
def _(at):
    return Instead(closed_form=_combined(at, _tangent, at.alpha, bias=int(not at.bias)))


@of_regression.refutes("the points reflected")
def _(at):
    return Instead(ntk_predict=ntk_predict(-at.X, at.Z, at.alpha, bias=at.bias))


# ---- given w.x = s v, w.z is normal of mean s' v cos t and deviation s' sin t

def _given_one(xx, zz, xz):
    """s, mean and deviation: w.z is normal of mean v times mean given w.x = s v."""
    return _ball(xx).sqrt(), _ball(xz) / _ball(xx).sqrt(), _ball(zz - xz * xz / xx).sqrt()


@cache
def _truncated_neurons(xx, zz, xz):
    """E[sigma sigma] for min(1, max(0, z)): over v in [0, 1/s], on the ramp, and beyond, on the plateau."""
    if xx * zz == xz * xz:
        return _truncated_in_line(max(xx, zz), min(xx, zz))
    s, mean, deviation = _given_one(xx, zz, xz)

    def of_the_other(v):
        return _above(mean * v, deviation) - _above(mean * v - 1, deviation)

    on_ramp = _integral(lambda v: _bell(v) * s * v * of_the_other(v), arb(0), min(1 / s, FAR))
    return on_ramp + _integral(lambda v: _bell(v) * of_the_other(v), min(1 / s, FAR), FAR)


@cache
def _truncated_steps(xx, zz, xz):
    """Pr[0 <= w.x < 1, 0 <= w.z < 1]."""
    if xx * zz == xz * xz:
        return (1 / (2 * _ball(max(xx, zz))).sqrt()).erf() / 2
    s, mean, deviation = _given_one(xx, zz, xz)
    return _integral(lambda v: _bell(v) * (_tail(-mean * v / deviation) - _tail((1 - mean * v) / deviation)), arb(0), min(1 / s, FAR))


FAR = arb(20)                      # beyond it lies less than 1e-88


def _bell(v):
    return (-v * v / 2).exp() / (2 * arb.pi()).sqrt()


def _tail(v):
    return (v / arb(2).sqrt()).erfc() / 2


def _above(mean, deviation):
    """E relu(z) for z ~ N(mean, deviation^2)."""
    return mean * _tail(-mean / deviation) + deviation * _bell(mean / deviation)


def _truncated_in_line(long, short):
    """x and z in one direction, in phi and Phi: both on the ramp, the longer on the plateau, both on it."""
    s, u = _ball(long).sqrt(), _ball(short).sqrt()
    return s * u * ((1 / s / arb(2).sqrt()).erf() / 2 - _bell(1 / s) / s) + u * (_bell(1 / s) - _bell(1 / u)) + _tail(1 / u)


@cache
def _erf_neurons(xx, zz, xz):
    """E[erf erf]: E[erf(w.z) | v] = erf(v mean / root), root = (1 + 2 deviation^2)^{1/2}."""
    s, mean, deviation = _given_one(xx, zz, xz)
    root = (1 + 2 * deviation**2).sqrt()
    return 2 * _integral(lambda v: _bell(v) * (s * v).erf() * (mean * v / root).erf(), arb(0), FAR)


@cache
def _erf_steps(xx, zz, xz):
    """E[erf' erf']: E[erf'(w.z) | v] = erf'(v mean / root) / root."""
    s, mean, deviation = _given_one(xx, zz, xz)
    root = (1 + 2 * deviation**2).sqrt()
    return 8 / arb.pi() * _integral(lambda v: _bell(v) * (-((s * v) ** 2) - (mean * v / root) ** 2).exp(), arb(0), FAR) / root


def _scale(at):
    size = np.linalg.norm(at.X, axis=1)[:, None] * np.linalg.norm(at.X, axis=1)
    return np.minimum(size, np.sqrt(size))


@KERNELS.claim("rf-truncated", where="random features, truncated ReLU", printed_from=DERIVED, given=PLANAR, tol=ulps(72))
def rf_truncated(at):
    """E[sigma(w.x) sigma(w.z)] for sigma(z) = min(1, max(0, z)): by triangles and wedges between two lines in the plane of x and z."""
    return Sides(rf_gram=rf_gram(at.X, activation=TRUNCATED_RELU), given_one=_each(_truncated_neurons, at.X), scale=_scale(at))


@rf_truncated.refutes("the second kink forgotten: ReLU")
def _(at):
    return Instead(rf_gram=rf_gram(at.X))


@rf_truncated.refutes("the kink of both at the same place, as for rows of one length")
def _(at):
    return Instead(rf_gram=rf_gram(np.linalg.norm(at.X[0]) * at.X / np.linalg.norm(at.X, axis=1, keepdims=True), activation=TRUNCATED_RELU))


@rf_truncated.refutes("the sign of x.z")
def _(at):
    return Instead(rf_gram=rf_gram(at.X, -at.X, activation=TRUNCATED_RELU))


@KERNELS.claim("ntk-truncated", where="neural tangent kernel, truncated ReLU", printed_from=DERIVED, needs=["KERNELS/rf-truncated"], given=PLANAR, tol=ulps(144))
def ntk_truncated(at):
    """E[sigma sigma] + x.z Pr[0 <= w.x < 1, 0 <= w.z < 1] for sigma(z) = min(1, max(0, z)); for x = z in phi and Phi."""
    return Sides(ntk_gram=ntk_gram(at.X, activation=TRUNCATED_RELU), given_one=_each(_both_layers(_truncated_neurons, _truncated_steps), at.X), scale=_scale(at))


@ntk_truncated.refutes("the second layer alone")
def _(at):
    return Instead(given_one=_each(_truncated_neurons, at.X))


@ntk_truncated.refutes("the first layer alone")
def _(at):
    return Instead(given_one=_each(_first_layer(_truncated_steps), at.X))


@ntk_truncated.refutes("sigma' of ReLU: 1{z >= 0}, plateau included")
def _(at):
    return Instead(ntk_gram=rf_gram(at.X, activation=TRUNCATED_RELU) + ntk_gram(at.X) - rf_gram(at.X))


@ntk_truncated.refutes("the factor x.z forgotten")
def _(at):
    return Instead(given_one=_each(lambda *q: _truncated_neurons(*q) + _truncated_steps(*q), at.X))


@KERNELS.claim("rf-erf", where="random features, erf", printed_from=DERIVED, given=PLANAR, tol=ulps(72))
def rf_erf(at):
    """E[erf(w.x) erf(w.z)] = (2 / pi) arcsin(2 x.z / ((1 + 2 |x|^2)(1 + 2 |z|^2))^{1/2})."""
    return Sides(rf_gram=rf_gram(at.X, activation=ERF), given_one=_each(_erf_neurons, at.X), scale=_scale(at))


def _arcsines(at, inner, outer):
    """outer(2 x.z / (inner(|x|^2) inner(|z|^2))^{1/2}) of every pair, in floats."""
    dots = at.X @ at.X.T
    size = inner(np.diag(dots))
    return outer(np.clip(2 * dots / np.sqrt(size[:, None] * size), -1, 1))


@rf_erf.refutes("arccos for arcsin")
def _(at):
    return Instead(rf_gram=2 / math.pi * _arcsines(at, lambda square: 1 + 2 * square, np.arccos))


@rf_erf.refutes("1 + |x|^2: erf(z / sqrt 2) for erf(z)")
def _(at):
    return Instead(rf_gram=2 / math.pi * _arcsines(at, lambda square: 1 + square, lambda x: np.arcsin(x / 2)))


@rf_erf.refutes("the arcsine itself, without 2 / pi")
def _(at):
    return Instead(rf_gram=_arcsines(at, lambda square: 1 + 2 * square, np.arcsin))


@KERNELS.claim("ntk-erf", where="neural tangent kernel, erf", printed_from=DERIVED, needs=["KERNELS/rf-erf"], given=PLANAR, tol=ulps(144))
def ntk_erf(at):
    """E[erf erf] + (4 / pi) x.z / ((1 + 2 |x|^2)(1 + 2 |z|^2) - 4 (x.z)^2)^{1/2}."""
    return Sides(ntk_gram=ntk_gram(at.X, activation=ERF), given_one=_each(_both_layers(_erf_neurons, _erf_steps), at.X), scale=_scale(at))


@ntk_erf.refutes("the second layer alone")
def _(at):
    return Instead(given_one=_each(_erf_neurons, at.X))


@ntk_erf.refutes("the first layer alone")
def _(at):
    return Instead(given_one=_each(_first_layer(_erf_steps), at.X))


@ntk_erf.refutes("erf' without its factor 2 / sqrt(pi), twice")
def _(at):
    return Instead(given_one=_each(_both_layers(_erf_neurons, lambda *q: _erf_steps(*q) * arb.pi() / 4), at.X))


# ---- finite width

def _integer_network(rng, m, d, activation, bias):
    """Small whole numbers, so that neurons stand on their kinks; m is a square and a power of 2, so that every float is exact."""
    a, W, b = rng.choice([-2, -1, 1, 2], m), rng.integers(-2, 3, (m, d)), rng.integers(-1, 2, m)
    return {"net": Network(a.astype(float), W.astype(float), b.astype(float), {"relu": RELU, "truncated": TRUNCATED_RELU}[activation]),
            "X": rng.integers(-2, 3, (3, d)).astype(float), "Z": rng.integers(-2, 3, (2, d)).astype(float)}


@KERNELS.claim(
    "ntk-finite-width",
    where="neural tangent kernel at width m",
    printed_from=DERIVED,
    given=family(_integer_network, m=[1, 4], d=(1, 3), activation=["relu", "truncated"], bias=[False, True]),
)
def ntk_finite_width(at):
    """The Gram matrix of the gradients of f in a, W (and b) is (1/m) sum_j [sigma sigma + a_j^2 x.z sigma' sigma'] (x.z + 1 with b): exactly."""
    return Sides(
        refimpl=_exactly(empirical_ntk_features(at.X, at.net, bias=at.bias), empirical_ntk_gram(at.X, None, at.net, bias=at.bias),
                         empirical_ntk_gram(at.X, at.Z, at.net, bias=at.bias)),
        difference_quotients=_from_gradients(at),
    )


def _exactly(*arrays):
    return [Fraction(entry) for array in arrays for entry in np.ravel(array).tolist()]


def _from_gradients(at, keep=lambda kind: True, share=None):
    """The gradients of every row, and their products: share is the factor of both gradients, 1 / sqrt(m)."""
    share = Fraction(1, math.isqrt(at.m)) if share is None else share
    J, J_z = ([[share * g if keep(kind) else Fraction() for kind, g in _gradient(at, x)] for x in rows.tolist()] for rows in (at.X, at.Z))
    return [*(g for x in J for g in x), *(sum((g * h for g, h in zip(x, z, strict=True)), start=Fraction()) for others in (J, J_z) for x in J for z in others)]


def _gradient(at, x):
    """("a", "W" or "b", the derivative of sum_j a_j sigma(w_j.x + b_j)) for every parameter; on a kink that for growing w_j.x + b_j."""
    a, W, b = ([list(map(Fraction, np.ravel(row).tolist())) for row in rows] for rows in (at.net.a, at.net.W, at.net.b))
    x, small = list(map(Fraction, x)), Fraction(1, 1000)

    def neuron(j, step=Fraction()):
        z = sum((w * y for w, y in zip(W[j], x, strict=True)), start=b[j][0]) + step
        return min(max(z, Fraction()), Fraction(1)) if at.activation == "truncated" else max(z, Fraction())

    for j in range(at.m):
        yield "a", neuron(j)
    for j in range(at.m):
        for y in x:
            yield "W", a[j][0] * (neuron(j, abs(y) * small) - neuron(j)) / small * (1 if y >= 0 else -1)
    for j in range(at.m) if at.bias else ():
        yield "b", a[j][0] * (neuron(j, small) - neuron(j)) / small


@ntk_finite_width.refutes("the gradients in a alone")
def _(at):
    return Instead(difference_quotients=_from_gradients(at, lambda kind: kind == "a"))


@ntk_finite_width.refutes("b drawn and not trained")
def _(at):
    return Instead(difference_quotients=_from_gradients(at, lambda kind: kind != "b"))


@ntk_finite_width.refutes("1 / m for 1 / sqrt(m)")
def _(at):
    return Instead(difference_quotients=_from_gradients(at, share=Fraction(1, at.m)))


# ---- means over neurons

def _two_rows(d, t):
    return {"X": 0.8 * np.eye(2, d) if t is None else 0.8 * np.array([[1.0, *[0.0] * (d - 1)], [math.cos(t), math.sin(t), *[0.0] * (d - 2)]])}


ROWS = family(_two_rows, d=[2, 3], t=[0.7, 2.0])


def _arc_cosine(at, order, bias=0):
    """E[relu^k(w.x) relu^k(w.z)] of order k = 0, 1, 2."""
    forms = (lambda size, dot, sin, t, r: r, lambda size, dot, sin, t, r: size * sin + dot * r,
             lambda size, dot, sin, t, r: 3 * size * sin * dot + r * (size**2 + 2 * dot**2))
    return np.array(_each(_closed(lambda *q: forms[order](*q) / (2 * mp.pi)), at.X, bias))[0, 1]


@KERNELS.claim("rf-mean", where="random features, ReLU", printed_from=DERIVED, needs=["KERNELS/rf-relu", "KERNELS/ntk-bias"], given=ROWS, false_alarm=1e-8)
def rf_mean(at):
    """The Gram matrix of m sampled features has the mean K at any width; of one neuron its variance is E[relu^2 relu^2] - K^2."""
    return Sampled(draw=lambda rng, n: np.stack([_of_one_neuron(at, rng, n, bias) for bias in (False, True)], axis=1),
                   truth=_limits(at), discrepancy=0.03,
                   variance=np.array([_arc_cosine(at, 2, bias) - _arc_cosine(at, 1, bias) ** 2 for bias in (0, 1)]))


def _of_one_neuron(at, rng, n, bias):
    S = features(at.X, *sample(n, at.d, rng=rng, bias=bias))
    return n * S[0] * S[1]


def _limits(at, factor=1.0, **options):
    return np.array([rf_gram(factor * at.X, bias=bias, **options)[0, 1] for bias in (False, True)])


@rf_mean.refutes("w ~ N(0, I_d / d)")
def _(at):
    return Instead(truth=_limits(at, 1 / math.sqrt(at.d)))


@rf_mean.refutes("the kernel of both layers")
def _(at):
    return Instead(truth=np.array([ntk_gram(at.X, bias=bias)[0, 1] for bias in (False, True)]))


@rf_mean.refutes("truncated ReLU")
def _(at):
    return Instead(truth=_limits(at, activation=TRUNCATED_RELU))


@KERNELS.claim("ntk-mean", where="neural tangent kernel, ReLU", printed_from=DERIVED, needs=["KERNELS/ntk-relu", "KERNELS/ntk-finite-width"], given=ROWS,
               false_alarm=1e-8)
def ntk_mean(at):
    """At any width the Gram matrix of the gradients has the mean K where E a^2 = 1; its variance is in closed form for a = +-1."""
    dot = at.X[0] @ at.X[1]
    square = _arc_cosine(at, 2) + 2 * dot * _arc_cosine(at, 1) + dot**2 * _arc_cosine(at, 0)
    K = ntk_gram(at.X)[0, 1]
    return Sampled(draw=lambda rng, n: _products_of_gradients(at, rng, n), truth=K, discrepancy=0.03, variance=square - K**2)


def _products_of_gradients(at, rng, n):
    """grad f(x) . grad f(z) at width 1, from the blocks of one network of width n."""
    W, b = sample(n, at.d, rng=rng)
    F = empirical_ntk_features(at.X, Network(rng.choice([-1.0, 1.0], n), W, b))
    in_a, in_W = F[:, :n], F[:, n:].reshape(2, n, at.d)
    return n * (in_a[0] * in_a[1] + np.sum(in_W[0] * in_W[1], axis=1))


@ntk_mean.refutes("the second layer alone")
def _(at):
    return Instead(truth=rf_gram(at.X)[0, 1])


@ntk_mean.refutes("E a^2 = 2")
def _(at):
    return Instead(truth=2 * ntk_gram(at.X)[0, 1] - rf_gram(at.X)[0, 1])


@ntk_mean.refutes("a bias trained as well")
def _(at):
    return Instead(truth=ntk_gram(at.X, bias=True)[0, 1])


# ---- positive semidefinite

def _symmetric(rng, n, kind):
    """A Gram matrix with equal rows; one with eigenvalues far below 0; one with the eigenvalue -r / 2 or -2 r, r the certificate's shift."""
    X = rng.integers(-3, 4, (n, 2)) + 0.5
    X[n // 2:] = X[: n - n // 2]
    K = np.eye(n)
    if kind in ("within", "beyond") and n > 2:
        K = K + (1 - K) * (1 + (n + 16) * n * 2.0**-53 * (0.5 if kind == "within" else 2.0))
    return {"K": {"gram": ntk_gram(X), "negative": np.diag(2.5 - np.arange(n)) - 1}.get(kind, K)}


@KERNELS.claim(
    "ntk-psd",
    where="certificate of positive semidefiniteness, after Demmel and Rump",
    printed_from=DERIVED,
    needs=["KERNELS/ntk-diagonal"],
    given=family(_symmetric, n=(1, 5), kind=["gram", "negative", "within", "beyond"]),
    tol=ulps(4),
)
def ntk_psd(at):
    """The certificate is -2 r, r = (n + 16) 2^-53 tr K, wherever K + r I > 0, as for every Gram matrix, and elsewhere Gershgorin's bound, if better."""
    bound = _theorem(at.K)
    return Sides(certificate=psd_certificate(at.K), eliminated=float(bound), scale=_size(at.K, bound))


def _theorem(K, spare=16, shifts=2):
    """The bound, K + r I > 0 decided by elimination in rationals."""
    K = [list(map(Fraction, row)) for row in K.tolist()]
    unit, rows = (len(K) + spare) * Fraction(1, 2**53), [sum(map(abs, row)) for row in K]
    r = unit * sum(row[i] for i, row in enumerate(K))
    gershgorin = min(row[i] - (rows[i] - abs(row[i])) - unit * rows[i] for i, row in enumerate(K))
    positive = all(max(pivot, 0) for pivot in _pivots([[entry + r * (i == j) for j, entry in enumerate(row)] for i, row in enumerate(K)]))
    return max(gershgorin, -shifts * r) if positive else gershgorin


def _pivots(A):
    while A:
        (pivot, *rest), *below = A
        yield pivot
        A = [[entry - row[0] * head / pivot for entry, head in zip(row[1:], rest, strict=True)] for row in below]


def _size(K, bound):
    """What is rounded: the bound itself where it is made of roundings, else the sum of a row."""
    return float(abs(bound)) if abs(bound) < 1e-9 else float(np.max(np.sum(np.abs(K), axis=1)))


@ntk_psd.refutes("the smallest eigenvalue in floating point")
def _(at):
    return Instead(certificate=float(np.linalg.eigvalsh(at.K)[0]))


@ntk_psd.refutes("the shift alone: K + r I >= 0")
def _(at):
    return Instead(eliminated=float(_theorem(at.K, shifts=1)))


@ntk_psd.refutes("n roundings, none to spare")
def _(at):
    return Instead(eliminated=float(_theorem(at.K, spare=0)))
