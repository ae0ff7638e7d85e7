"""h_T and a*, against dense tensors with a pseudo-inverse, and against f* itself by quadrature over the new biases."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from refimpl.approximation.a_star import AStar, a_star, h_T
from refimpl.data.targets import Target, single_index
from refimpl.errors import DomainError, DtypeError, NonFiniteError, ShapeError
from refimpl.training import AUTHORS, algorithm_1

EPS = np.finfo(float).eps
NODES, WEIGHTS = np.polynomial.legendre.leggauss(4)
BOWL = {(2, 0): 1.0, (1, 1): -0.5, (0, 2): 2.0}                    # homogeneous of degree 2
FAR_INSIDE = np.full((1, 2), 1e-3)


def dense(T, d, k):
    """The entries of the symmetric tensor with <T, x^k> = T(x)."""
    tensor = np.zeros((d,) * k)
    for index in np.ndindex(*tensor.shape):
        alpha = tuple(index.count(i) for i in range(d))
        tensor[index] = T.get(alpha, 0.0) * math.prod(map(math.factorial, alpha)) / math.factorial(k)
    return tensor.ravel()


def by_pseudo_inverse(T, G, k):
    """Vec(T)^T M^+ Vec(g_j^k) with M = E Vec(g^k) Vec(g^k)^T, and the condition of M on its range."""
    powers = np.array([np.prod([g[np.array(index)] for index in [tuple(i) for i in np.ndindex(*(len(g),) * k)]], axis=1) for g in G])
    M = powers.T @ powers / len(G)
    s = np.linalg.svd(M, compute_uv=False)
    kept = s[s > s[0] * 1e-10]
    return powers @ np.linalg.pinv(M, rcond=1e-10) @ dense(T, G.shape[1], k), kept[0] / kept[-1]


def pool(N=5, d=2, seed=0):
    return np.random.default_rng(seed).standard_normal((N, d))


def neurons(q, N, seed=1):
    rng = np.random.default_rng(seed)
    return rng.choice([-1.0, 1.0], (q, N)), rng.uniform(-1.2, 1.2, (q, N))


def v_2(a, b):
    """Over the density of N(0, 1), on [-1, 1] alone."""
    return np.where(np.abs(b) <= 1, (4 * (1 - a) - 6 * b + 4 * a) * math.sqrt(2 * math.pi) * np.exp(b**2 / 2) / 2, 0.0)


@pytest.mark.parametrize("N", [3, 5, 12])
def test_h_is_v_times_z_over_the_power_of_the_step_size(N):
    G, (a, b) = pool(N), neurons(4, N)
    z, condition = by_pseudo_inverse(BOWL, G, 2)
    expected = v_2(a, b) * z / 0.4**2
    assert np.max(np.abs(h_T(BOWL, G, a, b, FAR_INSIDE, eta_1=0.2) - expected)) <= 64 * N * condition * EPS * np.max(np.abs(expected))


def test_the_same_features_at_another_step_size_have_the_same_weights():
    G, (a, b) = pool(), neurons(2, 5)
    one, other = h_T(BOWL, G, a, b, FAR_INSIDE, eta_1=0.25), h_T(BOWL, G / 8, a, b, FAR_INSIDE, eta_1=2.0)
    assert np.array_equal(one, other)                              # powers of two


def test_a_tensor_in_the_coordinates_of_its_directions():
    G, (a, b), U = pool(), neurons(2, 5), np.array([[1.0, 2.0]])
    in_x = {(2, 0): 3.0, (1, 1): 12.0, (0, 2): 12.0}               # 3 (x_1 + 2 x_2)^2
    condition = by_pseudo_inverse(in_x, G, 2)[1]
    one, other = h_T({(2,): 3.0}, G, a, b, FAR_INSIDE, eta_1=0.2, U=U), h_T(in_x, G, a, b, FAR_INSIDE, eta_1=0.2)
    assert np.max(np.abs(one - other)) <= 320 * condition * EPS * np.max(np.abs(one))


def test_one_point_outside_in_any_block_silences_a_feature():
    G, a, b = np.eye(2), np.ones((1, 2)), np.full((1, 2), -0.5)
    T = {(1, 0): 1.0, (0, 1): 1.0}
    for place in (0, 5000, 8999):
        X = np.full((9000, 2), 0.25)
        assert np.all(h_T(T, G, a, b, X, eta_1=0.5) != 0)
        X[place] = [-1.0, 1.5]                                     # on the first feature's edge, beyond the second's
        assert np.array_equal(h_T(T, G, a, b, X, eta_1=0.5) != 0, [[True, False]])


def test_a_feature_that_is_too_long_is_silenced():
    G, a, b = np.diag([2.0, 2.5]), np.ones((1, 2)), np.full((1, 2), -0.5)
    assert np.array_equal(h_T({(1, 0): 1.0, (0, 1): 1.0}, G, a, b, FAR_INSIDE, eta_1=0.5) != 0, [[True, False]])


# ---- a*

def quadratic(d=2):
    return Target({(0,): -0.3, (1,): 0.7, (2,): 1.0}, np.array([[1.0, 0.5, -0.25][:d]]))


def cubic():
    return single_index([0.0, 0.2, 1.0, 0.5], np.array([0.6, 0.8]))


def train(target, m, n=60, reach=0.999, seed=3, **more):
    """The first layer on samples with noise, its step size such that max |w_j.x_i| is ``reach``."""
    X, y = target.sample(n, rng=seed, varsigma=0.5)
    settings = {"m": m, "lam": 1.0, "eta": 1e-9, "T": 1, "rng": seed + 1} | more
    if more.get("variant") is AUTHORS:
        del settings["eta"], settings["T"]
        return algorithm_1(X, y, **settings), X
    first = algorithm_1(X, y, eta_1=1.0, **settings)
    return algorithm_1(X, y, eta_1=reach / np.max(np.abs(X @ first.network.W.T)), **settings), X


def mean_over_biases(trained, target, X, x):
    """E_b of the prediction at x, all m biases moved together: between kinks it is a polynomial in b, for a* has the density below."""
    kinks = np.clip(trained.network.W @ x, -1, 1)
    edges = np.unique(np.concatenate([[-1.0, 1.0], -kinks]))
    total, size = 0.0, 0.0
    for low, high in itertools.pairwise(edges):
        for node, weight in zip(NODES, WEIGHTS, strict=True):
            b = (low + high) / 2 + (high - low) / 2 * node
            found = a_star(with_biases(trained, np.full(trained.network.m, b)), target, X)
            law = weight * (high - low) / 2 * math.exp(-b * b / 2) / math.sqrt(2 * math.pi)
            line = found.alpha + found.beta @ x
            total += law * (found.predict(x[None, :])[0] - line)
            size += law * 2 * np.sum(np.abs(found.network.a))
    return total + trained.alpha + trained.beta @ x, size


def with_biases(trained, b):
    return replace(trained, network=replace(trained.network, b=b))


@pytest.mark.parametrize(("target", "m"), [(quadratic(), 6), (quadratic(), 10), (quadratic(3), 12), (cubic(), 8)])
def test_in_the_mean_over_the_new_biases_the_prediction_is_the_target_at_the_samples(target, m):
    trained, X = train(target, m)
    G = trained.network.W[: m // 2]
    for x in X[:3]:
        mean, size = mean_over_biases(trained, target, X, x)
        condition = max(by_pseudo_inverse({}, G, k)[1] for k in range(1, target.p + 1))
        assert abs(mean - target.value(x[None, :])[0]) <= 64 * m * condition * EPS * size


def test_beyond_the_samples_the_mean_is_another():
    trained, X = train(quadratic(), 6)
    x = 30 * X[0]
    mean, size = mean_over_biases(trained, quadratic(), X, x)
    assert abs(mean - quadratic().value(x[None, :])[0]) > 1e-3 * size


def test_the_head_is_that_of_the_weights_h_neuron_by_neuron():
    trained, X = train(cubic(), 12)
    found, half = a_star(trained, cubic(), X), 6
    assert isinstance(found, AStar)
    G = trained.a_0[:, None] * trained.network.W                   # mirrored neurons share it
    line = {(1, 0): -trained.beta[0], (0, 1): -trained.beta[1]}
    T = [{(0,) * 2: float(cubic().g[(0,)]) - trained.alpha}, line]
    f = cubic()
    for k in (1, 2, 3):
        part = {(i, k - i): float(f.g[(k,)]) * math.comb(k, i) * f.U[0, 0] ** i * f.U[0, 1] ** (k - i) for i in range(k + 1)}
        T.append(part)
    for j in range(12):
        expected, size = 0.0, 0.0
        for T_k in T:
            k = sum(next(iter(T_k)))
            z, condition = by_pseudo_inverse(T_k, G[:half], k) if k else (np.full(half, T_k[0, 0]), 1.0)
            a, b = trained.a_0[j], trained.network.b[j]
            v = 2 * (1 - a) * k * (k - 1) * b ** max(k - 2, 0) - 6 * (k - 1) * b + 2 * k * a
            v *= math.sqrt(math.pi / 2) * math.exp(b * b / 2) * (abs(b) <= 1)
            expected += v * z[min(j, 11 - j)] / 12
            size += abs(v) * np.max(np.abs(z)) * condition / 12
        assert abs(found.network.a[j] - expected) <= 1024 * EPS * size
    assert found.share == 1
    assert found.norm == pytest.approx(math.sqrt(sum(x * x for x in found.network.a)), rel=8 * EPS)


def test_the_second_layer_stands_on_the_first_one_that_was_trained():
    trained, X = train(quadratic(), 10)
    found = a_star(trained, quadratic(), X)
    assert found.network.W is not None
    assert np.array_equal(found.network.W, trained.network.W)
    assert np.array_equal(found.network.b, trained.network.b)
    assert (found.alpha, found.beta.tolist()) == (trained.alpha, trained.beta.tolist())
    plain = found.alpha + X @ found.beta + np.maximum(X @ trained.network.W.T + trained.network.b, 0) @ found.network.a
    assert np.max(np.abs(found.predict(X) - plain)) <= 64 * EPS * (1 + 3 * np.sum(np.abs(found.network.a)))


def test_the_head_of_the_training_does_not_matter():
    trained, X = train(quadratic(), 10)
    other = trained.with_head(trained.network.a + 1)
    assert np.array_equal(a_star(trained, quadratic(), X).network.a, a_star(other, quadratic(), X).network.a)


def test_too_long_a_step_leaves_nothing_but_the_line():
    trained, X = train(quadratic(), 10, reach=1e3)
    found = a_star(trained, quadratic(), X)
    assert (found.share, found.norm) == (0.0, 0.0)
    assert not found.inside.any()
    assert np.array_equal(found.predict(X), found.alpha + X @ found.beta)


def test_some_neurons_inside_and_their_partners_with_them():
    trained, X = train(quadratic(), 40, reach=2.0)
    found = a_star(trained, quadratic(), X)
    reach = np.max(np.abs(X @ trained.network.W.T), axis=0)
    expected = (reach <= 1) & (np.linalg.norm(trained.network.W, axis=1) <= 2)
    assert 0 < expected.sum() < 40
    assert np.array_equal(found.inside, expected)
    assert np.all(found.network.a[~expected] == 0)
    assert found.share == expected.mean()


@pytest.mark.parametrize("p", [0, 1])
def test_a_target_that_the_line_fits_already_needs_no_second_layer(p):
    target = Target({(0,): 0.5, (1,): 2.0 * p}, np.array([[1.0, -1.0]]))
    trained, X = train(quadratic(), 6)
    exact = replace(trained, alpha=0.5, beta=2.0 * p * target.U[0])
    assert a_star(exact, target, X).norm == 0


def test_the_prediction_is_nearer_the_target_where_the_network_is_wider():
    """The mean square error is Var / m; 1 : 8 in m, with room for a factor of 3 either way."""
    errors = []
    for m in (64, 512):
        trained, X = train(quadratic(), m)
        runs = [a_star(with_biases(trained, np.random.default_rng(seed).standard_normal(m)), quadratic(), X).predict(X) for seed in range(12)]
        errors.append(np.mean((np.array(runs) - quadratic().value(X)) ** 2))
    assert 8 / 3 <= errors[0] / errors[1] <= 24


# ---- arguments

A, B = np.ones((1, 5)), np.zeros((1, 5))


@pytest.mark.parametrize(("arguments", "error", "said"), [
    ((BOWL, pool(), A, B, np.ones((3, 3))), ShapeError, "d"),
    ((BOWL, pool(), np.ones((1, 4)), B, FAR_INSIDE), ShapeError, "N"),
    ((BOWL, pool(), np.ones((2, 5)), B, FAR_INSIDE), ShapeError, "q"),
    ((BOWL, pool(), np.ones(5), np.zeros(5), FAR_INSIDE), ShapeError, "must be"),
    ((BOWL, pool(), 2 * A, B, FAR_INSIDE), DomainError, "-1 or 1"),
    ((BOWL, pool(), A, np.full((1, 5), np.nan), FAR_INSIDE), NonFiniteError, "nan"),
    ((BOWL, pool().tolist(), A, B, FAR_INSIDE), DtypeError, "G"),
    (({(2, 0): 1.0, (1, 0): 1.0}, pool(), A, B, FAR_INSIDE), DomainError, "degree"),
    ((BOWL, pool(2), np.ones((1, 2)), np.zeros((1, 2)), FAR_INSIDE), DomainError, "span"),
])
def test_what_h_refuses(arguments, error, said):
    with pytest.raises(error, match=said):
        h_T(*arguments, eta_1=0.2)


@pytest.mark.parametrize(("eta_1", "error"), [(0.0, DomainError), (-1.0, DomainError), (math.nan, NonFiniteError), ("1", DtypeError)])
def test_a_step_size_that_is_none(eta_1, error):
    with pytest.raises(error, match="eta_1"):
        h_T(BOWL, pool(), A, B, FAR_INSIDE, eta_1=eta_1)


def test_what_a_star_refuses():
    trained, X = train(quadratic(), 6)
    with pytest.raises(DtypeError, match="algorithm_1"):
        a_star(trained.network, quadratic(), X)
    with pytest.raises(DtypeError, match="Target"):
        a_star(trained, lambda x: x, X)
    with pytest.raises(ShapeError, match="d = 3"):
        a_star(trained, quadratic(3), X)
    with pytest.raises(ShapeError, match="X"):
        a_star(trained, quadratic(), X[:, :1])
    with pytest.raises(DomainError, match="opposite"):
        a_star(replace(trained, a_0=np.abs(trained.a_0)), quadratic(), X)
    with pytest.raises(DomainError, match="opposite"):
        a_star(replace(trained, a_0=2 * trained.a_0), quadratic(), X)
    with pytest.raises(DomainError, match="opposite"):
        a_star(replace(trained, network=replace(trained.network, W=np.abs(trained.network.W))), quadratic(), X)
    with pytest.raises(DomainError, match="span"):
        a_star(train(cubic(), 6)[0], cubic(), X)


def test_kept_biases_are_no_new_biases():
    trained, X = train(quadratic(), 6, variant=AUTHORS)
    with pytest.raises(DomainError, match="kept"):
        a_star(trained, quadratic(), X)
