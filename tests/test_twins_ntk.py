"""The compiled Gram matrices of ReLU networks against their definitions; their polynomials against a series made anew."""

import math
import re
import threading

import numba
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from refimpl._twins import implementation
from refimpl.baselines import ntk, random_features
from refimpl.baselines.random_features import angles
from refimpl.errors import NonFiniteError
from refimpl_kernels import _angles
from refimpl_kernels import ntk as ntk_kernels
from refimpl_kernels import random_features as kernels
from refimpl_kernels._jit import made_for
from tests.assembly import array, assembly
from tests.baselines import relu_neurons, relu_tangent, row_sets
from tests.baselines.test_random_features import pairwise
from tests.strategies import EPS, NORMAL, frozen, mp, mpf, seeds, ulps

COMPARED = {"refimpl.baselines.ntk._relu_gram", "refimpl.baselines.ntk._relu_predict", "refimpl.baselines.random_features._relu_gram"}

LANES, STRIP = kernels.LANES, kernels.STRIP
SIZES = [1, LANES - 1, LANES, LANES + 1, 2 * LANES + 5, STRIP - 1, STRIP, STRIP + 1, 2 * STRIP + 5]


# ---- the polynomials

def tangent_factor(w):
    """R of kappa = max(u, 0) + w^(1/2) R(w): (sin t + 2 (pi - t) cos t) / 2 pi at cos t = 1 - w, minus 1 - w, over w^(1/2)."""
    return (mp.sqrt(2 - w) - 2 * (1 - w) * arc(w)) / (2 * mp.pi)


def neurons_factor(w):
    """Q of kappa = max(u, 0) / 2 + w^(3/2) Q(w)."""
    return (mp.sqrt(2 - w) - (1 - w) * arc(w)) / (2 * mp.pi * w) if w else mp.sqrt(2) / (3 * mp.pi)


def arc(w):
    """t / w^(1/2)."""
    return 2 * mp.asin(mp.sqrt(w / 2)) / mp.sqrt(w) if w else mp.sqrt(2)


def interpolated(f, degree):
    """The powers' coefficients of the polynomial that equals f at Chebyshev's points of [0, 1]: within 1.3 eps / 2 digits of the best one."""
    with mp.workdps(60):
        half_angles = [mp.pi * (2 * j + 1) / (4 * degree + 4) for j in range(degree + 1)]
        nodes = [mp.cos(t) ** 2 for t in half_angles]
        c, basis = [f(w) for w in nodes], [mp.mpf(1)]
        for k in range(1, degree + 1):                                            # Newton's divided differences
            c[k:] = [(c[i] - c[i - 1]) / (nodes[i] - nodes[i - k]) for i in range(k, degree + 1)]
        powers = [mp.mpf(0)] * (degree + 1)
        for k, difference in enumerate(c):
            powers = [p + difference * (basis[i] if i < len(basis) else 0) for i, p in enumerate(powers)]
            basis = [low - nodes[k] * high for low, high in zip([mp.mpf(0), *basis], [*basis, mp.mpf(0)], strict=True)]
        return tuple(map(float, powers))


def test_the_coefficients_are_those_of_the_interpolating_polynomials():
    assert interpolated(tangent_factor, 18) == ntk_kernels.S
    assert (0.0, *interpolated(neurons_factor, 17)) == kernels.S


@pytest.mark.parametrize(("f", "c", "bound"), [(tangent_factor, ntk_kernels.S, 2.0**-54), (neurons_factor, kernels.S[1:], 2.0**-55)])
def test_the_polynomials_are_off_by_less_than_a_rounding(f, c, bound):
    """At 1000 points: 0.06 eps where the summand is |x| |z| times that; Q is at least 0.15, so its 2^-55 is half a rounding of Q."""
    with mp.workdps(40):
        points = [mp.mpf(j) / 1000 for j in range(1001)]
        assert max(abs(mp.fsum(mpf(c_k) * w**k for k, c_k in enumerate(c)) - f(w)) for w in points) <= bound


# ---- twins and definitions

def budget(gram, X, Z, bias):
    """How far twin and definition may be apart: twice the bound that both promise, (4 D + 16) eps of terms or 4 (D + 5)^(3/2) eps of K itself.

    The twin keeps it thus. A coordinate of x / |x| is off by (D / 4 + 1) eps, so u by (D + 2) eps. Tangent kernel: its slope in u is at most 2.8 for u
    up to 255/256 and 0.6 times the sum of terms for u from -7/8 to 0, so 2.8 (D + 2) + D / 2 for the lengths + 6 for what is left. Neurons: 1/2 times
    K or less for u > 0, and 12 times K at u = -7/8, so 12 (D + 2) + D / 2 + 6, for D >= 2; at D = 1 all u are 0, 1 and -1. Beyond, 1 - |u| is that of
    the definition's sine, off by 2 (D + 5)^(3/2) eps; w^(1/2) and w^(3/2) make 1 and 3 of it.
    """
    at = angles(with_ones(X, bias), with_ones(Z, bias))
    D, r = X.shape[1] + bias, np.arctan2(at.sin, -at.cos)
    if gram is random_features._relu_gram:
        return 8 * (D + 5) ** 1.5 * EPS * (gram.reference(X, Z, bias) + NORMAL)
    return 2 * (4 * D + 16) * EPS * (at.size * (at.sin + 2 * r * np.abs(at.cos)) / (2 * math.pi) + NORMAL)


def with_ones(X, bias):
    return np.concatenate([X, np.ones((len(X), 1))], axis=1) if bias else X


def agrees(candidate, gram, X, Z, bias):
    """The comparison that a twin passes and a planted fault does not."""
    got, expected = candidate(X, Z, bias), gram.reference(X, Z, bias)
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    if Z is None and not np.array_equal(got, got.T):
        return False
    return bool((np.abs(got - expected) <= budget(gram, X, X if Z is None else Z, bias)).all())


TWINS = [(ntk_kernels._relu_gram, ntk._relu_gram), (kernels._relu_gram, random_features._relu_gram)]
both = pytest.mark.parametrize(("compiled", "gram"), TWINS, ids=["ntk", "rf"])


@both
@settings(deadline=None)
@given(X=row_sets(), bias=st.booleans())
@example(X=frozen([[1.0, 0.0], [0.0, -2.0], [-0.0, 0.0], [-1.0, 0.0]]), bias=False)
@example(X=frozen([[1.0, 0.0], [-1.0, 1e-9], [-1.0, 0.0], [-1 / 3, 1e-17]]), bias=False)
@example(X=frozen([[5e-324], [-5e-324], [1e-310], [0.0]]), bias=False)
@example(X=frozen([[1e150, 0.0], [-1e-150, 1e-160], [1e-150, 0.0], [-1e150, 1e140]]), bias=False)
def test_grams_agree(compiled, gram, X, bias):
    assert agrees(compiled, gram, X, None, bias)
    assert agrees(compiled, gram, X, X[::-1], bias)


@settings(deadline=None, max_examples=60)
@given(X=row_sets(), bias=st.booleans())
def test_the_twins_keep_the_bounds_of_their_definitions(X, bias):
    """Against 800 digits."""
    D = X.shape[1] + bias
    exact = pairwise(relu_tangent, X, X[::-1], int(bias))
    expected, terms = (np.vectorize(lambda entry, k=k: entry[k], otypes=[object])(exact) for k in range(2))
    assert ulps(ntk_kernels._relu_gram(X, X[::-1], bias), expected, terms + NORMAL) <= 4 * D + 16
    expected = pairwise(relu_neurons, X, X[::-1], int(bias))
    assert ulps(kernels._relu_gram(X, X[::-1], bias), expected, expected + NORMAL) <= 4 * (D + 5) ** 1.5


@pytest.mark.parametrize("side", ["parallel", "opposite"])
def test_the_twins_keep_their_bounds_where_the_cosine_is_given_up(side):
    """Angles a little on either side of the two constants, in two dimensions."""
    t = math.acos(kernels.PARALLEL if side == "parallel" else kernels.OPPOSITE) + np.linspace(-1e-3, 1e-3, 21)
    X, Z = frozen([[3.0, 0.0], [0.6, 0.8]]), frozen(np.column_stack([np.cos(t), np.sin(t)]))
    exact = pairwise(relu_tangent, X[:1], Z)
    expected, terms = (np.vectorize(lambda entry, k=k: entry[k], otypes=[object])(exact) for k in range(2))
    assert ulps(ntk_kernels._relu_gram(X[:1], Z, False), expected, terms) <= 24
    assert ulps(kernels._relu_gram(X[:1], Z, False), pairwise(relu_neurons, X[:1], Z)) <= 4 * 7**1.5


@both
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("d", [1, 4, 5])
def test_grams_agree_around_the_size_of_a_tile(compiled, gram, n, d):
    rng = np.random.default_rng([n, d])
    X = rng.normal(size=(n, d))
    X[n // 2:n // 2 + 3] *= 0
    assert agrees(compiled, gram, X, None, False)
    for k in (1, LANES, STRIP + 3):
        assert agrees(compiled, gram, X, rng.normal(size=(k, d)), True)


@both
@pytest.mark.parametrize("view", [lambda X: X.T, lambda X: X[::-2, 1::3], lambda X: np.broadcast_to(X[0], (3, 40))])
def test_grams_agree_on_views(compiled, gram, view):
    X = view(np.random.default_rng(3).normal(size=(30, 40)))
    assert agrees(compiled, gram, X, None, False)
    assert agrees(compiled, gram, X, X[::-1], False)


@both
def test_equal_rows_have_one_and_the_same_entry(compiled, gram):
    X = np.random.default_rng(0).normal(size=(150, 7))
    diagonal = np.diag(compiled(X, None, False))
    assert np.array_equal(diagonal, np.diag(compiled(np.repeat(X, 2, axis=0)[::-1], X[::-1], False)[::2])[::-1])
    assert np.array_equal(compiled(X, None, True), compiled(with_ones(X, True), None, False))


# ---- predictions

def predictions_agree(candidate, X, Z, alpha, bias):
    """2 (4 D + 16 + k) eps of the sum of the absolute terms."""
    size = budget(ntk._relu_gram, X, Z, bias)
    got, expected = candidate(X, Z, alpha, bias), ntk._relu_predict.reference(X, Z, alpha, bias)
    assert got.shape == expected.shape == (len(X), *alpha.shape[1:])
    share = 1 + len(Z) / (4 * (X.shape[1] + bias) + 16)
    return bool((np.abs(got - expected) <= share * (size @ np.abs(alpha)) + NORMAL).all())


@settings(deadline=None)
@given(Z=row_sets(), n=st.integers(0, 9), r=st.integers(1, 5), bias=st.booleans(), seed=seeds)
def test_predictions_agree(Z, n, r, bias, seed):
    rng = np.random.default_rng(seed)
    X = np.concatenate([rng.normal(size=(n, Z.shape[1])), Z[:2]]) if np.abs(Z).max() < 1e100 else Z
    assert predictions_agree(ntk_kernels._relu_predict, X, Z, rng.normal(size=(4, r)), bias)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("k", "r"), [(1, 1), (LANES, 4), (LANES + 1, LANES), (STRIP + 3, 5)])
def test_predictions_agree_around_the_size_of_a_tile(n, k, r):
    rng = np.random.default_rng([n, k, r])
    Z = rng.normal(size=(k, 3))
    X = rng.normal(size=(n, 3))
    X[0] = -2 * Z[0]
    assert predictions_agree(ntk_kernels._relu_predict, X, Z, rng.normal(size=(k, r)), False)
    assert predictions_agree(ntk_kernels._relu_predict, X, Z, rng.normal(size=k), False)


# ---- bits

def test_the_place_in_a_tile_moves_no_bit():
    rng = np.random.default_rng(4)
    X, Z, alpha = rng.normal(size=(2 * STRIP + 11, 3)), rng.normal(size=(STRIP + 7, 3)), rng.normal(size=(STRIP + 7, 5))
    for compiled, _ in TWINS:
        whole, half = compiled(X, Z, False), compiled(X, None, False)
        for i, j in ((0, 1), (3, 9), (LANES - 1, LANES + 2), (STRIP, len(X)), (5, STRIP + 60)):
            assert np.array_equal(whole[i:j], compiled(X[i:j], Z, False))
            assert np.array_equal(whole[:, i:j], compiled(X, Z[i:j], False))
            assert np.array_equal(half[i:j, i:j], compiled(X[i:j], None, False))
        assert np.array_equal(np.tril(half), np.tril(compiled(X, X, False)))
    f = ntk_kernels._relu_predict(X, Z, alpha, False)
    for i, j in ((0, 1), (3, 9), (STRIP - 1, STRIP + 2)):
        assert np.array_equal(f[i:j], ntk_kernels._relu_predict(X[i:j], Z, alpha, False))
    assert all(np.array_equal(f[:, [r]], ntk_kernels._relu_predict(X, Z, alpha[:, [r]], False)) for r in range(5))


@pytest.mark.parametrize("n", [2056, 2057])
def test_a_matrix_larger_than_the_caches_has_the_same_bits(n):
    """As written past them, which 2056 columns are, and as written elsewhere."""
    X = np.random.default_rng(n).normal(size=(n, 4))
    half, whole = ntk_kernels._relu_gram(X, None, False), ntk_kernels._relu_gram(X, X, False)
    assert half.size > kernels.CACHED
    assert whole.ctypes.data % 64 == half.ctypes.data % 64 == 0
    assert np.array_equal(half, half.T)
    assert np.array_equal(np.tril(half), np.tril(whole))
    for part in (slice(0, 1000), slice(1000, 2000), slice(2000, n)):
        assert np.array_equal(whole[:, part], ntk_kernels._relu_gram(X, X[part], False))


def test_threads_move_no_bit():
    X, found = np.random.default_rng(5).normal(size=(300, 2)), {}
    threads = [threading.Thread(target=lambda i=i: found.update({i: ntk_kernels._relu_gram(X, None, False)})) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = ntk_kernels._relu_gram(X, None, False)
    assert all(np.array_equal(found[i], expected) for i in range(2))


# ---- planted faults

def by_arccos(X, Z, bias):
    """The angle from the cosine, as everybody writes it."""
    x, z = (with_ones(V, bias) for V in (X, X if Z is None else Z))
    size = np.outer(np.linalg.norm(x, axis=1), np.linalg.norm(z, axis=1))
    u = np.clip(x @ z.T / size, -1, 1)
    K = size * (np.sqrt(1 - u * u) + 2 * (math.pi - np.arccos(u)) * u) / (2 * math.pi)
    return (K + K.T) / 2 if Z is None else K


def in_single_precision(X, Z, bias):
    """The coefficients of the polynomial in float32."""
    return kernels.gram(np.float32(ntk_kernels.S).astype(float), ntk_kernels.SHARE, X, Z, bias)


def half_the_share(X, Z, bias):
    return kernels.gram(np.array(ntk_kernels.S), ntk_kernels.SHARE / 2, X, Z, bias)


def remainder_lost(X, Z, bias):
    """The columns behind the last full tile stay empty."""
    K = ntk_kernels._relu_gram(X, Z, bias)
    K[:, LANES:] = 0
    return K


def upper_half_by_itself(X, Z, bias):
    """Mirrored entries that are computed again: not symmetric to the bit."""
    K = ntk_kernels._relu_gram(X, X if Z is None else Z, bias)
    K[0, -1] = np.nextafter(K[0, -1], 2 * K[0, -1])
    return K


@pytest.mark.parametrize("wrong", [by_arccos, in_single_precision, half_the_share, remainder_lost, upper_half_by_itself])
def test_a_wrong_twin_is_rejected(wrong):
    X = np.random.default_rng(6).normal(size=(LANES + 3, 4))
    X[1] = X[0] + 1e-9
    assert agrees(ntk_kernels._relu_gram, ntk._relu_gram, X, None, False)
    assert not agrees(wrong, ntk._relu_gram, X, None, False)


def test_wrong_predictions_are_rejected():
    rng = np.random.default_rng(7)
    X, Z, alpha = rng.normal(size=(STRIP + 3, 4)), rng.normal(size=(LANES + 1, 4)), rng.normal(size=(LANES + 1, 2))
    right = ntk_kernels._relu_predict
    assert predictions_agree(right, X, Z, alpha, False)
    for wrong in (lambda X, Z, alpha, bias: right(X, Z[:LANES], alpha[:LANES], bias), lambda X, Z, alpha, bias: right(X, Z, alpha[:, ::-1], bias),
                  lambda X, Z, alpha, bias: right(X, Z, alpha, not bias), lambda X, Z, alpha, bias: right(X, Z, alpha * (1 + 1e-13), bias)):
        assert not predictions_agree(wrong, X, Z, alpha, False)


# ---- overflow, and the choice

def test_an_overflow_is_the_definitions_error_on_both_sides():
    X, alpha = frozen([[1.0], [1e200]]), frozen([1e200, 1.0])
    for side in ("numpy", "kernels"):
        with implementation(side):
            for call in (ntk.ntk_gram, random_features.rf_gram):
                with pytest.raises(NonFiniteError, match=r"K\[1, 1\]"):
                    call(X)
            with pytest.raises(NonFiniteError, match=r"the prediction\[1\]"):
                ntk.ntk_predict(X, X, alpha)
            with pytest.raises(NonFiniteError, match=r"the prediction\[0, 0\]"):
                ntk.ntk_predict(frozen([[1e160]]), frozen([[1e100]]), frozen([[1e150]]))


def test_a_product_just_below_the_largest_float_is_no_overflow():
    """The twin leaves it to the definition."""
    X, Z = frozen([[2.0**512]]), frozen([[-(2.0**511)], [2.0**511]])
    assert kernels._relu_gram(X, Z, False) is None
    with implementation("kernels"):
        assert ntk.ntk_gram(X, Z).tolist() == [[0.0, 2.0**1023]]


def test_the_public_functions_take_the_twins():
    X = np.random.default_rng(8).normal(size=(5, 3))
    with implementation("kernels"):
        assert np.array_equal(ntk.ntk_gram(X), ntk_kernels._relu_gram(X, None, False))
        assert np.array_equal(random_features.rf_gram(X, X, bias=True), kernels._relu_gram(X, X, True))
        assert np.array_equal(ntk.ntk_predict(X, X, X[:, 0]), ntk_kernels._relu_predict(X, X, X[:, 0], False))
    assert not ntk._relu_gram.repays(X, None, False)
    assert ntk._relu_gram.repays(np.zeros((6000, 1)), None, False)
    assert ntk._relu_predict.repays(np.zeros((6000, 1)), np.zeros((4000, 1)), np.zeros((4000, 1)), False)


# ---- instructions

def test_tiles_are_made_of_vectors_from_the_cosines_to_their_mirror_image():
    """Two copies of the tile: in K, and at its edge."""
    points = numba.typeof(kernels.rows_of(np.ones((1, 2)), False))
    found = assembly(kernels.tiles, array(1, readonly=True), numba.float64, points, points, numba.boolean, array(2))
    assert len(re.findall(r"\bvsqrtpd\b.*%[yz]mm", found)) >= 2 * LANES
    assert len(re.findall(r"\bvmovntpd\b.*%[yz]mm", found)) >= 2 * LANES
    assert re.search(r"\bv(perm\w*|unpck\w|shuf\w*)pd\b.*%[yz]mm", found)
    if made_for("fma"):
        assert len(re.findall(r"\bvfmadd\d+pd\b.*%[yz]mm", found)) >= 2 * LANES * len(kernels.S)
    if made_for("avx512f"):
        assert len(re.findall(r"\bvcmp\w*pd\b.*%zmm.*%k\d", found)) >= 2 * LANES      # marks are masks, not numbers


def test_predictions_add_rows_as_vectors():
    found = assembly(kernels.add_rows, array(1, readonly=True), array(2), array(1))
    assert re.search(r"\bv(mulpd|fmadd\d+pd)\b.*%[yz]mm", found)
    assert not made_for("fma") or len(re.findall(r"\bvfmadd\d+pd\b.*%[yz]mm", found)) >= LANES


def test_exact_products_are_not_contracted():
    points, places = numba.typeof(kernels.rows_of(np.ones((1, 2)), False)), array(1, dtype=numba.int64)
    found = assembly(_angles.versines, points, places, points, places, array(2), array(1), array(1), array(1))
    assert re.search(r"\bvmul[ps]d\b", found)
    assert not re.search(r"\bvfn?m(add|sub)\d+[ps]d\b", found)
