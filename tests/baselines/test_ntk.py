"""The neural tangent kernel against closed forms and integrals to many digits, its finite width against exact differences."""

import math
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from refimpl._twins import implementation
from refimpl.activations import ERF, RELU, TANH, TRUNCATED_RELU
from refimpl.baselines import ntk
from refimpl.baselines.random_features import AT_ONCE, BLOCK, rf_gram, sample
from refimpl.baselines.ridge import ridge
from refimpl.errors import DomainError, DtypeError, NonFiniteError, ShapeError
from refimpl.network import Network
from tests.baselines import erf_moments, relu_tangent, row_sets, truncated_moments
from tests.baselines.test_random_features import EVERY, QUICK, pair, pairwise, resized
from tests.strategies import EPS, NORMAL, SPOILED, frozen, mp, mpf, seeds, ulps

ACTIVATIONS = [RELU, TRUNCATED_RELU, ERF]


# ---- infinite width

@given(X=row_sets(), bias=st.booleans())
@example(X=frozen([[1.0, 0.0], [-1.0, 1e-9], [-1.0, 0.0], [-1 / 3, 1e-17]]), bias=False)
@example(X=frozen([[1e150, 0.0], [-1e-150, 1e-160], [1e-150, 0.0], [-1e150, 1e140]]), bias=False)
def test_relu_is_within_its_bound(X, bias):
    """(4 D + 16) eps of the sum of absolute terms: 3 (pi - t) |x| |z| / 2 pi between nearly antiparallel rows."""
    exact = pairwise(relu_tangent, X, X[::-1], int(bias))
    expected, terms = (np.vectorize(lambda entry, k=k: entry[k], otypes=[object])(exact) for k in range(2))
    assert ulps(ntk.ntk_gram(X, X[::-1], bias=bias), expected, terms + NORMAL) <= 4 * (X.shape[1] + bias) + 16


def test_the_kernel_changes_sign_where_its_docstring_says():
    """sin t = 2 (pi - t) |cos t| at tan r = 2 r, r = pi - t = 1.1655..., so t = 1.976."""
    t = math.pi - float(mp.findroot(lambda r: mp.tan(r) - 2 * r, 1.17))
    assert round(t, 3) == 1.976
    K = ntk.ntk_gram(frozen([[1.0, 0.0]]), frozen([[math.cos(s), math.sin(s)] for s in (t - 1e-9, t, t + 1e-9)]))[0]
    assert K[0] > 0 > K[2]
    assert abs(K[1]) <= 24 * EPS


@given(seed=seeds, n=st.integers(1, 6), d=st.integers(1, 6))
def test_equal_rows_have_the_square_of_their_length(seed, n, d):
    """Exactly where the squares add up exactly; else the one sum of squares, wherever the rows stand."""
    rng = np.random.default_rng(seed)
    X = frozen(rng.integers(-50, 51, (n, d)) / 8)
    squares = [float(sum(Fraction(x) ** 2 for x in row.tolist())) for row in X]
    assert np.diag(ntk.ntk_gram(X)).tolist() == squares
    assert np.diag(ntk.ntk_gram(X, X[::-1])[:, ::-1]).tolist() == squares
    assert np.diag(ntk.ntk_gram(X, bias=True)).tolist() == [square + 1 for square in squares]
    X = frozen(rng.normal(size=(n, d)))
    diagonal = np.diag(ntk.ntk_gram(X))
    assert np.array_equal(diagonal, np.diag(ntk.ntk_gram(np.repeat(X, 2, axis=0)[::-1], X[::-1])[::2])[::-1])
    assert ulps(diagonal, [sum(mpf(x) ** 2 for x in row.tolist()) for row in X]) <= d


@pytest.mark.parametrize(("s", "u", "t", "e"), QUICK + [pytest.param(*at, marks=pytest.mark.slow) for at in EVERY])
def test_truncated_relu_is_within_its_bound(s, u, t, e):
    """(8 d + 128) eps of (K(x, x) K(z, z))^{1/2} for lengths from 1e-3 to 1e3, and of |x| |z|."""
    X = pair(s, u, t, e)
    got, expected = ntk.ntk_gram(X, activation=TRUNCATED_RELU), pairwise(lambda *q: sum(truncated_moments(*q)), X, X)
    diagonal = np.sqrt(np.diag(expected).astype(float))
    assert ulps(got, expected, np.minimum(np.outer(diagonal, diagonal), np.outer(*2 * [np.linalg.norm(X, axis=1)]))) <= 144


@given(s=st.floats(1e-3, 1e3))
def test_truncated_relu_on_the_diagonal(s):
    """K(x, x) = |x|^2 (2 (Phi(h) - 1/2) - h phi(h)) + 1 - Phi(h), h = 1 / |x|."""
    with mp.workdps(30):
        h = 1 / mp.mpf(s)
        expected = (2 * (mp.ncdf(h) - mp.mpf(0.5)) - h * mp.npdf(h)) / h**2 + mp.ncdf(-h)
    assert ulps(ntk.ntk_gram(frozen([[s]]), activation=TRUNCATED_RELU)[0, 0], expected) <= 136


@given(X=row_sets())
@example(X=frozen([[1.0, 0.0], [1.0, 1e-6], [-1.0, 1e-9], [1.0, 1.0]]))
def test_erf_is_within_its_bound(X):
    X = resized(X)
    got, expected = ntk.ntk_gram(X, activation=ERF), pairwise(lambda *q: sum(erf_moments(*q)), X, X)
    diagonal = np.sqrt(np.diag(expected).astype(float))
    assert ulps(got, expected, np.outer(diagonal, diagonal)) <= 8 * X.shape[1] + 128


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("n", [1, 32, 70])
def test_the_gram_matrix_is_symmetric_to_the_bit(activation, n):
    X = np.random.default_rng(n).normal(size=(n, 3))
    X[: n // 2] = X[n - n // 2:] * (1 + 1e-9 * np.random.default_rng(1).normal(size=(n // 2, 3)))
    K = ntk.ntk_gram(frozen(X), activation=activation)
    assert np.array_equal(K, K.T)


@given(X=row_sets(), powers=st.tuples(st.integers(-20, 20), st.integers(-20, 20)))
def test_relu_is_homogeneous_to_the_bit(X, powers):
    X = frozen(X / np.maximum(np.abs(X).max(), 1e-300))
    scaled = ntk.ntk_gram(X * 2.0 ** powers[0], X * 2.0 ** powers[1])
    assert np.array_equal(scaled, ntk.ntk_gram(X, X.copy()) * 2.0 ** sum(powers))


@given(X=row_sets(), activation=st.sampled_from(ACTIVATIONS))
def test_a_trained_bias_is_a_further_coordinate_1(X, activation):
    assert np.array_equal(ntk.ntk_gram(X, bias=True, activation=activation), ntk.ntk_gram(np.hstack([X, np.ones((len(X), 1))]), activation=activation))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_both_layers_are_more_than_one(activation):
    """K - E[sigma sigma] is again positive semidefinite: x.z E[sigma' sigma']."""
    X = np.random.default_rng(0).normal(size=(20, 3))
    ntk_K, rf_K = ntk.ntk_gram(frozen(X), activation=activation), rf_gram(frozen(X), activation=activation)
    first = ntk_K - rf_K
    assert np.all(np.diag(first) > 0)
    assert ntk.psd_certificate(first) >= -400 * EPS * np.trace(ntk_K)


# ---- predictions

@given(X=row_sets(), seed=seeds, n=st.sampled_from([1, 31, 33, 70]), bias=st.booleans(), activation=st.sampled_from(ACTIVATIONS))
def test_predictions_are_the_gram_matrix_times_alpha(X, seed, n, bias, activation):
    """The same entries in another order of summation: 4 eps of the absolute terms each."""
    Z, rng = resized(X), np.random.default_rng(seed)
    X = frozen(rng.normal(size=(n, Z.shape[1])))
    for alpha in (rng.normal(size=4), rng.normal(size=(4, 3))):
        with implementation("numpy"):
            K = ntk.ntk_gram(X, Z, bias=bias, activation=activation)
            got = ntk.ntk_predict(X, Z, frozen(alpha), bias=bias, activation=activation)
        assert got.shape == (n, *alpha.shape[1:])
        assert np.all(np.abs(got - K @ alpha) <= 2 * 4 * EPS * (np.abs(K) @ np.abs(alpha)))


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda a: a.name)
def test_predictions_do_not_form_the_gram_matrix(activation):
    """80 arrays of a block, and of the points."""
    rng = np.random.default_rng(0)
    X, Z, alpha = rng.normal(size=(3000, 2)), rng.normal(size=(500, 2)), rng.normal(size=500)
    tracemalloc.start()
    ntk.ntk_predict(X, Z, alpha, activation=activation)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 80 * 8 * (BLOCK * len(Z) + AT_ONCE * 2) + 20 * X.nbytes
    assert peak < 8 * len(X) * len(Z)


def test_ridge_regression_predicts_its_samples_but_for_the_penalty():
    """f(z_i) = y_i - lam alpha_i; Cholesky leaves (3 n + 4) eps / 2 of |z_i| |z_j| |alpha_j|, K and its product the rest."""
    rng = np.random.default_rng(3)
    Z, y = rng.normal(size=(40, 5)), rng.normal(size=40)
    alpha = ridge(ntk.ntk_gram(Z), y, 1e-3)
    length = np.linalg.norm(Z, axis=1)
    assert np.all(np.abs(ntk.ntk_predict(Z, Z, alpha) - y + 1e-3 * alpha) <= (3 * 20 + 2 + 2 * 36 + 40) * EPS * length * (length @ np.abs(alpha)))


# ---- no eigenvalue is negative beyond the roundings

DEGENERATE = {
    "few distinct rows": lambda rng: np.repeat(rng.normal(size=(5, 4)), 12, axis=0),
    "a line": lambda rng: rng.normal(size=(60, 1)),
    "a line and its noise": lambda rng: rng.normal(size=(60, 1)) * np.ones(3) + 1e-10 * rng.normal(size=(60, 3)),
    "a plane": lambda rng: rng.normal(size=(60, 2)),
    "one point and its noise": lambda rng: 1 + 1e-9 * rng.normal(size=(60, 5)),
    "pairs of opposites": lambda rng: np.concatenate([[1], [-1], [1 / 3]])[:, None, None] * rng.normal(size=(20, 4)),
    "some zeros": lambda rng: rng.normal(size=(60, 3)) * (np.arange(60) % 3 > 0)[:, None],
    "unlike lengths": lambda rng: rng.normal(size=(60, 3)) * 10.0 ** rng.integers(-3, 4, (60, 1)),
    "the circle": lambda rng: np.column_stack([np.cos(np.arange(60) / 60 * 2 * np.pi), np.sin(np.arange(60) / 60 * 2 * np.pi)]),
}


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda a: a.name)
@pytest.mark.parametrize("rows", DEGENERATE)
@pytest.mark.parametrize("bias", [False, True])
def test_gram_matrices_are_positive_semidefinite_up_to_n_eps_trace(activation, rows, bias):
    """The certificate is (n + 16) eps tr K, n = 60."""
    X = DEGENERATE[rows](np.random.default_rng(4)).reshape(60, -1)
    K = ntk.ntk_gram(frozen(X), bias=bias, activation=activation)
    assert ntk.psd_certificate(K) >= -76 * EPS * np.trace(K) * (1 + 1e-9)
    assert np.linalg.eigvalsh(K)[0] >= -60 * EPS * np.trace(K)


# ---- finite width

@st.composite
def networks(draw, activation=None, most=4):
    m, d, rng = draw(st.integers(1, most)), draw(st.integers(1, 3)), np.random.default_rng(draw(seeds))
    activation = activation or draw(st.sampled_from([RELU, TRUNCATED_RELU, TANH, ERF]))
    return Network(rng.normal(size=m), rng.normal(size=(m, d)), rng.normal(size=m), activation), frozen(rng.normal(size=(3, d))), frozen(rng.normal(size=(2, d)))


@given(at=networks(TANH), bias=st.booleans())
def test_the_features_are_the_gradient_of_f(at, bias):
    """f / sqrt(m) = sum_j a_j tanh(w_j.x + b_j) / sqrt(m), differentiated by hand at 40 digits, parameter by parameter."""
    net, X, _ = at
    got = ntk.empirical_ntk_features(X, net, bias=bias)
    assert got.shape == (3, net.m * (net.d + 1 + bias))
    for x, row in zip(X.tolist(), got, strict=True):
        a, W, b = (np.vectorize(mp.mpf, otypes=[object])(part) for part in (net.a, net.W, net.b))
        z = [sum(w * mp.mpf(y) for w, y in zip(W[j], x, strict=True)) + b[j] for j in range(net.m)]
        size = [sum(abs(w * y) for w, y in zip(W[j], x, strict=True)) + abs(b[j]) + 1 for j in range(net.m)]
        in_a, in_b = [mp.tanh(v) for v in z], [a[j] / mp.cosh(z[j]) ** 2 for j in range(net.m)]
        in_W = [in_b[j] * mp.mpf(y) for j in range(net.m) for y in x]
        terms = [*size, *(abs(a[j] * y) * size[j] for j in range(net.m) for y in x), *(abs(a[j]) * size[j] for j in range(net.m))]
        expected = [*in_a, *in_W, *in_b]
        assert ulps(row, [v / mp.sqrt(net.m) for v in expected[: row.size]], [v / mp.sqrt(net.m) for v in terms[: row.size]]) <= net.d + 6


@given(at=networks(), bias=st.booleans())
def test_the_gram_matrix_is_that_of_the_features(at, bias):
    """The same numbers in another order: (2 d + m + 12) eps of the absolute terms each."""
    net, X, Z = at
    F, G = (ntk.empirical_ntk_features(rows, net, bias=bias) for rows in (X, Z))
    sizes = np.abs(F) @ np.abs(F).T, np.abs(F) @ np.abs(G).T
    for K, expected, size in zip((ntk.empirical_ntk_gram(X, None, net, bias=bias), ntk.empirical_ntk_gram(X, Z, net, bias=bias)), (F @ F.T, F @ G.T), sizes, strict=True):
        assert K.shape == expected.shape
        assert np.all(np.abs(K - expected) <= 2 * (2 * net.d + net.m + 12) * EPS * size)


def test_a_kink_takes_the_derivative_from_the_right():
    net = Network(frozen([1.0, 1.0, 2.0, 1.0]), frozen([[1.0], [-1.0], [0.0], [1.0]]), frozen([-1.0, 1.0, 0.0, 0.0]), TRUNCATED_RELU)
    F = ntk.empirical_ntk_features(frozen([[1.0]]), net, bias=True) * 2
    assert F.tolist() == [[0, 0, 0, 1, 1, 1, 2, 0, 1, 1, 2, 0]]                   # z = 0, 0, 0, 1
    net = Network(net.a, net.W, net.b, RELU)
    assert (2 * ntk.empirical_ntk_features(frozen([[1.0]]), net)).tolist() == [[0, 0, 0, 1, 1, 1, 2, 1]]


def test_wide_networks_approach_the_limit():
    """m = 20 000 neurons, a = +-1: within 6 standard deviations, each at most E[(sigma sigma + x.z)^2] <= (3 / 2 + 1 + 1 / 2) |x|^2 |z|^2."""
    X = frozen(np.random.default_rng(0).normal(size=(4, 3)))
    W, b = sample(20_000, 3, rng=1, bias=True)
    net = Network(np.random.default_rng(2).choice([-1.0, 1.0], 20_000), W, b)
    size = np.linalg.norm(X, axis=1) ** 2 + 1
    gap = np.abs(ntk.empirical_ntk_gram(X, None, net, bias=True) - ntk.ntk_gram(X, bias=True))
    assert np.all(gap <= 6 * math.sqrt(3 / 20_000) * np.sqrt(np.outer(size, size)))


# ---- the certificate

def eigenvalue(K):
    """The smallest eigenvalue by bisection on the signs of exact pivots; within 2^-60 of the largest row sum, from above."""
    K = [[Fraction(entry) for entry in row] for row in K.tolist()]
    size = max(sum(map(abs, row)) for row in K) + 1
    low, high = -size, size
    while high - low > size / 2**60:
        middle = (low + high) / 2 + size / Fraction(3**40)                        # no pivot vanishes at such a number
        low, high = (middle, high) if all(pivot > 0 for pivot in pivots(K, middle)) else (low, middle)
    return high


def pivots(K, shift):
    A = [[entry - shift * (i == j) for j, entry in enumerate(row)] for i, row in enumerate(K)]
    while A:
        first, A = A[0], A[1:]
        yield first[0]
        if first[0] <= 0:
            return
        A = [[entry - row[0] * head / first[0] for entry, head in zip(row[1:], first[1:], strict=True)] for row in A]


KNOWN = {                                              # a matrix of whole numbers and its smallest eigenvalue
    "one number": (np.array([[7.0]]), 7),
    "nothing": (np.zeros((3, 3)), 0),
    "identity": (np.eye(4), 1),
    "rank 1": (np.ones((5, 5)), 0),
    "rank 2": (np.ones((6, 6)) + np.outer(np.arange(6), np.arange(6)), 0),
    "5 I - J, n = 5": (5 * np.eye(5) - np.ones((5, 5)), 0),
    "path of 12, 2 I - A": (2 * np.eye(12) - np.eye(12, k=1) - np.eye(12, k=-1), 2 - 2 * math.cos(math.pi / 13)),
    "cycle of 6": (2 * np.eye(6) - np.roll(np.eye(6), 1, axis=0) - np.roll(np.eye(6), -1, axis=0), 0),
    "I - J, n = 4": (np.eye(4) - np.ones((4, 4)), -3),
    "adjacency of a path of 7": (np.eye(7, k=1) + np.eye(7, k=-1), -2 * math.cos(math.pi / 8)),
    "negative": (-2 * np.eye(3), -2),
    "a swap": (np.array([[0.0, 1.0], [1.0, 0.0]]), -1),
}


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("scale", [1.0, 2.0**900, 2.0**-900])
def test_known_spectra(name, scale):
    """Never above the eigenvalue; -(n + 16) eps tr K or better where it is not negative; never below Gershgorin's bound."""
    K, smallest = KNOWN[name]
    n = len(K)
    bound = ntk.psd_certificate(frozen(scale * K)) / scale
    assert bound <= smallest + 4 * EPS * abs(smallest) * (smallest != round(smallest))            # the cosines are rounded
    gershgorin = np.min(2 * np.diag(K) * (np.diag(K) > 0) - np.abs(K).sum(axis=1))
    assert bound >= gershgorin - (n + 20) * EPS * np.abs(K).sum(axis=1).max()
    if smallest >= 0:
        assert bound >= -(n + 16) * EPS * np.trace(K)


@given(seed=seeds, n=st.integers(1, 5), rank=st.integers(0, 5), e=st.sampled_from([0.0, 1e-17, 4e-16, 2e-15, 1e-14, 1e-12, 0.1]))
def test_the_certificate_is_rigorous(seed, n, rank, e):
    """Against the smallest eigenvalue of the very floats, in exact arithmetic; negative eigenvalues of every size."""
    rng = np.random.default_rng(seed)
    F = rng.normal(size=(n, rank))
    K = np.tril(F @ F.T - e * np.eye(n) * max(1.0, np.sum(F * F)))
    K = frozen(K + K.T - np.diag(np.diag(K)))
    assert Fraction(ntk.psd_certificate(K)) <= eigenvalue(K)


def test_a_matrix_just_beyond_the_shift_is_not_certified():
    """J with 1 + e off the diagonal has the eigenvalue -e. r = 21 * 5 * 2^-53."""
    r = 21 * 5 * 2.0**-53
    for e, certified in ((0.5 * r, True), (2 * r, False)):
        K = np.ones((5, 5)) + (1 - np.eye(5)) * e
        assert (ntk.psd_certificate(frozen(K)) == -2 * r) == certified
        assert ntk.psd_certificate(frozen(K)) < -e


# ---- bad input

X0 = frozen([[1.0, 2.0], [3.0, 4.0]])
NET = Network(frozen([1.0, 2.0]), frozen([[1.0, 2.0], [3.0, 4.0]]), frozen([0.0, 0.0]))
CALLS = {
    "ntk_gram": (ntk.ntk_gram, {"X": X0, "Z": X0}), "ntk_predict": (ntk.ntk_predict, {"X": X0, "Z": X0, "alpha": frozen([1.0, 2.0])}),
    "empirical_ntk_features": (lambda X: ntk.empirical_ntk_features(X, NET), {"X": X0}),
    "empirical_ntk_gram": (lambda X, Z: ntk.empirical_ntk_gram(X, Z, NET), {"X": X0, "Z": X0}), "psd_certificate": (ntk.psd_certificate, {"K": frozen(np.eye(2))}),
}


@pytest.mark.parametrize(("call", "name"), [(call, name) for call, (_, arguments) in CALLS.items() for name in arguments])
@pytest.mark.parametrize(("spoil", "error", "pattern"), SPOILED)
def test_spoiled_arguments(call, name, spoil, error, pattern):
    function, arguments = CALLS[call]
    with pytest.raises(error, match=pattern.format(name=name)):
        function(**arguments | {name: spoil(arguments[name])})


@pytest.mark.parametrize(("call", "error", "pattern"), [
    (lambda: ntk.ntk_gram(X0, activation=TANH), DomainError, "activation = tanh; the Gram matrix has a closed form for relu, truncated_relu, erf alone"),
    (lambda: ntk.ntk_gram(X0, bias=1), DtypeError, "bias = 1 is of type int; bias must be True or False"),
    (lambda: ntk.ntk_gram(X0, frozen([[1.0]])), ShapeError, r"Z has shape \(1, 1\) but X has d = 2"),
    (lambda: ntk.ntk_predict(X0, X0, frozen([1.0])), ShapeError, r"alpha has shape \(1,\) but Z has k = 2"),
    (lambda: ntk.ntk_predict(X0, X0, frozen([1.0, 2.0]), activation=TANH), DomainError, "activation = tanh"),
    (lambda: ntk.ntk_predict(X0, X0, frozen([1.0, 2.0]), bias=0), DtypeError, "bias = 0"),
    (lambda: ntk.ntk_predict(X0, None, frozen([1.0, 2.0])), DtypeError, "Z"),
    (lambda: ntk.ntk_gram(frozen([[1e200]])), NonFiniteError, r"K\[0, 0\] = (inf|nan); K must be finite"),
    (lambda: ntk.empirical_ntk_features(X0, 3), DtypeError, "network is of type int; it must be a Network"),
    (lambda: ntk.empirical_ntk_features(X0, NET, bias=None), DtypeError, "bias = None"),
    (lambda: ntk.empirical_ntk_features(frozen([[1.0]]), NET), ShapeError, r"X has shape \(1, 1\) but W has d = 2"),
    (lambda: ntk.empirical_ntk_gram(X0, frozen([[1.0]]), NET), ShapeError, r"Z has shape \(1, 1\) but W has d = 2"),
    (lambda: ntk.empirical_ntk_gram(1e200 * X0, None, NET), NonFiniteError, r"K\[0, 0\] = inf"),
    (lambda: ntk.empirical_ntk_features(1e307 * X0, NET), NonFiniteError, r"the features\[1, 1\] = inf"),
    (lambda: ntk.psd_certificate(frozen([[1.0, 2.0], [2.5, 1.0]])), DomainError, r"K\[0, 1\] differs from its mirror image; K must be symmetric"),
    (lambda: ntk.psd_certificate(frozen(np.ones((2, 3)))), ShapeError, r"K has shape \(2, 3\) but K has n = 2"),
])
def test_errors_say_where(call, error, pattern):
    with pytest.raises(error, match=pattern):
        call()
