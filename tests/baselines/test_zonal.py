"""The risk of kernel regression: against sums over harmonics, samples and exact small cases, and what it does not depend on."""

import math
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl.baselines import zonal
from refimpl.baselines.ntk import ntk_gram
from refimpl.baselines.random_features import rf_gram
from refimpl.baselines.zonal import eigenvalues, kernel_risk
from refimpl.data.targets import Target, single_index
from refimpl.errors import DomainError, DtypeError, NonFiniteError, ShapeError
from tests.strategies import EPS, frozen, mp, seeds

GRAMS = {"ntk": ntk_gram, "rf": rf_gram}
kernels = st.sampled_from(["ntk", "rf"])


def problem(seed, n, d, p=3, k=2):
    """Inputs of all lengths, coefficients, and a target whose direction has no unit length."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * 10.0 ** rng.integers(-2, 2, (n, 1))
    return frozen(X), frozen(rng.normal(size=(n, k))), single_index(rng.normal(size=p + 1), rng.normal(size=d))


def terms(X, alpha, target, kernel):
    """A bound of the sum of absolute terms: E f^2 and E f*^2, twice, for absolute coefficients; kappa_2(1) <= kappa(1)^2."""
    norm = math.sqrt(target.d) * np.abs(alpha.T) @ np.linalg.norm(X, axis=1) * {"ntk": 1, "rf": 0.5}[kernel]
    return (norm + math.sqrt(target.second_moment)) ** 2


# ---- eigenvalues

@given(L=st.integers(0, 60), d=st.integers(2, 300))
def test_eigenvalues_against_gamma_functions(L, d):
    """sigma_l^2 by reflection: Gamma(d/2)^2 Gamma((l - 1)/2)^2 / (16 pi^2 Gamma((l + d + 1)/2)^2) for even l, 40 digits."""
    l = np.arange(0, L + 1, 2)
    square = [(mp.gamma(mp.mpf(d) / 2) * mp.gamma(mp.mpf(int(k) - 1) / 2) / mp.gamma(mp.mpf(int(k) + d + 1) / 2) / (4 * mp.pi)) ** 2 for k in l]
    for kernel, factor in (("ntk", 2 * d + (l - 1) * (l + d - 1)), ("rf", d + 0 * l)):
        got = eigenvalues(L, d, kernel=kernel)
        exact = [float(s * int(f)) for s, f in zip(square, factor, strict=True)]
        assert got.shape == (L + 1,)
        assert np.all(np.abs(got[::2] - exact) <= (2 * l + 12) * EPS * exact)
        assert not got[3::2].any()
        assert L == 0 or got[1] == pytest.approx(1 / (2 * d) if kernel == "ntk" else 1 / (4 * d), rel=4 * EPS)


@pytest.mark.parametrize("d", [2, 3, 10, 1000])
def test_eigenvalues_add_up_to_the_kernel(d):
    """sum_l N_l lam_l P_l(t) = kappa(t) at angles where the series converges fast, and all lam_l are at least 0."""
    t = np.array([-0.7, 0.0, 0.4])
    X = np.column_stack([t, np.sqrt(1 - t * t), np.zeros((3, d - 2))])
    for kernel, gram in GRAMS.items():
        lam = eigenvalues(300, d, kernel=kernel)
        with np.errstate(invalid="ignore", over="ignore"):
            N = np.array([1.0, *(float(Fraction((2 * l + d - 2) * math.comb(l + d - 3, l - 1), l)) if lam[l] else 0 for l in range(1, 301))])
        assert np.all(lam >= 0)
        assert zonal._legendre_sum(N * lam, t, d) == pytest.approx(gram(X, np.eye(1, d))[:, 0], abs=2e-3 if d == 2 else 2e-5)


# ---- the risk

@pytest.mark.parametrize("kernel", ["ntk", "rf"])
@pytest.mark.parametrize("d", [2, 3, 7])
def test_the_risk_against_samples(d, kernel):
    """Within 5 standard errors of 200 000 samples."""
    X, alpha, target = problem(d, 6, d)
    alpha = alpha / (np.linalg.norm(X, axis=1, keepdims=True) * 3)
    Z = np.random.default_rng(1).normal(size=(200_000, d))
    squares = (GRAMS[kernel](Z, X) @ alpha - target.value(Z)[:, None]) ** 2
    error = squares.std(axis=0) / math.sqrt(len(Z))
    assert np.all(np.abs(kernel_risk(X, alpha, target, kernel=kernel) - squares.mean(axis=0)) <= 5 * error)


@given(d=st.integers(2, 40), c=st.floats(-3, 3), kernel=kernels, seed=seeds)
def test_a_pair_of_opposite_inputs_is_linear(d, c, kernel, seed):
    """K(x, z) - K(x, -z) = c x.z with c = 1 for ntk and 1/2 for rf: a linear function, whose risk is exact."""
    rng = np.random.default_rng(seed)
    z, u = rng.normal(size=(2, d))
    slope = (1 if kernel == "ntk" else 0.5) * c * z - u
    X, alpha, target = frozen([z, -z]), frozen([c, -c]), single_index([0.0, 1.0], u)
    assert abs(kernel_risk(X, alpha, target, kernel=kernel) - slope @ slope) <= (514 + 2 * d + 512 * (d == 2)) * EPS * terms(X, alpha, target, kernel)


@pytest.mark.parametrize("d", [2, 3, 5, 10, 200])
@pytest.mark.parametrize("kernel", ["ntk", "rf"])
def test_one_input(d, kernel):
    """E K(x, z)^2 = d |z|^2 E kappa^2, the mean over the angle by Gauss and Legendre; no target."""
    t, weights = np.polynomial.legendre.leggauss(200)
    t, layers = (t + 1) * math.pi / 2, 2 if kernel == "ntk" else 1
    weights = weights * np.sin(t) ** (d - 2)
    kappa = (np.sin(t) + layers * (math.pi - t) * np.cos(t)) / (2 * math.pi)
    z = np.arange(1.0, d + 1)[None, :]
    got = kernel_risk(z, np.ones(1), Target({(0,): 0}, np.eye(1, d)), kernel=kernel)
    assert got == pytest.approx(d * np.sum(z**2) * (weights @ kappa**2) / weights.sum(), rel=(600 + 2 * d + 512 * (d == 2)) * EPS)


@given(n=st.integers(1, 9), d=st.integers(2, 6), k=st.integers(1, 3), kernel=kernels, seed=seeds)
def test_columns_order_and_scale(n, d, k, kernel, seed):
    """k columns are k calls; the order of the inputs, a rotation of the space and (2 x_i, alpha_i / 2) change nothing."""
    X, alpha, target = problem(seed, n, d, k=k)
    rng = np.random.default_rng(seed + 1)
    risk, slack = kernel_risk(X, alpha, target, kernel=kernel), 2 * (512 + n + 6 * d + 16 + 512 * (d == 2)) * EPS * terms(X, alpha, target, kernel)
    assert risk.shape == (k,)
    assert np.all(np.abs(risk - [kernel_risk(X, column, target, kernel=kernel) for column in alpha.T]) <= slack)
    order, Q = rng.permutation(n), np.linalg.qr(rng.normal(size=(d, d)))[0]
    assert np.all(np.abs(risk - kernel_risk(X[order], alpha[order], target, kernel=kernel)) <= slack)
    assert np.all(np.abs(risk - kernel_risk(X @ Q, alpha, Target(target.g, target.U @ Q), kernel=kernel)) <= slack)
    assert np.all(np.abs(risk - kernel_risk(2 * X, alpha / 2, target, kernel=kernel)) <= slack)
    assert np.shape(kernel_risk(X, alpha[:, 0], target, kernel=kernel)) == ()


@pytest.mark.parametrize("block", [1, 7, 100])
def test_the_size_of_a_tile_is_only_rounding(block, monkeypatch):
    X, alpha, target = problem(3, 40, 4)
    whole = kernel_risk(X, alpha, target)
    monkeypatch.setattr(zonal, "BLOCK", block)
    assert np.all(np.abs(kernel_risk(X, alpha, target) - whole) <= 1200 * EPS * terms(X, alpha, target, "ntk"))


def test_no_gram_matrix_is_formed():
    X, alpha, target = problem(4, 1500, 6, k=4)
    kernel_risk(X[:2], alpha[:2], target)
    tracemalloc.start()
    kernel_risk(X, alpha, target)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 16 * zonal.BLOCK**2 * 8 + 10 * X.nbytes


def test_rows_of_zeros_and_tiny_lengths():
    """K(x, 0) = 0; a length of 1e-200 is as good as any."""
    X, alpha, target = problem(5, 3, 3)
    more = np.concatenate([X, np.zeros((1, 3))]), np.concatenate([alpha, np.ones((1, 2))])
    assert kernel_risk(*more, target) == pytest.approx(kernel_risk(X, alpha, target), rel=1e-9)
    power = np.array([[2.0**600], [2.0**-600], [1.0]])
    assert kernel_risk(X / power, alpha * power, target) == pytest.approx(kernel_risk(X, alpha, target), rel=1e-9)


def test_errors_finish_the_sentence():
    X, alpha, target = problem(6, 4, 3)
    with pytest.raises(DtypeError, match="target is of type int; it must be a Target"):
        kernel_risk(X, alpha, 3)
    with pytest.raises(DomainError, match="target has r = 2 directions; the risk of a kernel is in closed form for one"):
        kernel_risk(X, alpha, Target({(1, 1): 1}, np.eye(2, 3)))
    with pytest.raises(DomainError, match="kernel = 'erf'; it must be 'ntk' or 'rf'"):
        kernel_risk(X, alpha, target, kernel="erf")
    with pytest.raises(DomainError, match="d = 1; d must be at least 2"):
        kernel_risk(X[:, :1].copy(), alpha, single_index([0.0, 1.0], np.ones(1)))
    with pytest.raises(ShapeError, match=r"X has shape \(4, 2\) but U has d = 3"):
        kernel_risk(X[:, :2].copy(), alpha, target)
    with pytest.raises(ShapeError, match=r"alpha has shape \(3, 2\) but X has n = 4"):
        kernel_risk(X, alpha[:3], target)
    with pytest.raises(DtypeError, match="alpha has dtype float32"):
        kernel_risk(X, alpha.astype(np.float32), target)
    with pytest.raises(NonFiniteError, match=r"X\[0, 0\] = nan"):
        kernel_risk(np.full((4, 3), np.nan), alpha, target)
    with pytest.raises(NonFiniteError, match=r"the risk\[0\] = "):
        kernel_risk(X, alpha * 1e160, target)
    with pytest.raises(DomainError, match="L = -1; L must be at least 0"):
        eigenvalues(-1, 3)
    with pytest.raises(DomainError, match="d = 1; d must be at least 2"):
        eigenvalues(3, 1)
    with pytest.raises(DomainError, match="kernel = 'x'"):
        eigenvalues(3, 2, kernel="x")
