"""The sampling error of the first gradient, against quadrature of the half-space in all d dimensions and against exact algebra."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from refimpl import polynomials
from refimpl.data.targets import Target, single_index
from refimpl.errors import DomainError, DtypeError, NonFiniteError, ShapeError
from refimpl.population import half_space_moment
from refimpl.sampling_error import half_space_second_moment, sampling_error, sampling_error_along
from tests.half_spaces import VARSIGMA, cases, half_space, target_of
from tests.strategies import (
    EPS,
    NORMAL,
    SPOILED,
    along,
    average,
    convolve,
    differentiate,
    frozen,
    half_line_He,
    mp,
    mpf,
    reals,
    relu_terms,
    seeds,
    ulps,
)


def matrix(moment, target, j):
    """The blocks put together."""
    w, cross = moment.W_unit[j], moment.cross[j] @ target.U
    return (moment.isotropic[j] * np.eye(target.d) + target.U.T @ moment.frame[j] @ target.U
            + np.outer(cross, w) + np.outer(w, cross) + moment.along_w[j] * np.outer(w, w))


# ---- quadrature

@settings(max_examples=40)
@given(case=cases())
@example(case=(single_index([2.0], frozen([1.0])), frozen([[1.0], [-2.0]]), frozen([0.0, -30.0])))
def test_everything_is_the_quadrature(case):
    """Within 1e-12 of the sum of absolute terms of E[q (1 + |x|^2)^2 1]."""
    target, W, b = case
    V = frozen(np.vstack([np.eye(target.d), np.arange(1.0, target.d + 1)]))
    second = half_space_second_moment(target, W, b, varsigma=VARSIGMA)
    along, total = sampling_error_along(target, W, b, V, varsigma=VARSIGMA), sampling_error(target, W, b, varsigma=VARSIGMA)
    assert (along.shape, total.shape, second.frame.shape) == ((2, target.d + 1), (2,), (2, target.r, target.r))
    for j in range(2):
        x, weight, f, size = half_space(target, W[j], b[j])
        q, length, g = f**2 + VARSIGMA**2, np.sum(x * x, axis=1), (weight * f) @ x
        M = (x * (weight * q)[:, None]).T @ x
        bound = 1e-12 * (weight * (size**2 + VARSIGMA**2)) @ (target.d + length) ** 2 + 1e-300
        assert np.max(np.abs(matrix(second, target, j) - M)) <= bound
        assert np.max(np.abs(along[j] - (np.sum(V @ M * V, axis=1) - (V @ g) ** 2))) <= bound * np.max(np.sum(V * V, axis=1))
        assert abs(total[j] - (np.trace(M) - g @ g)) <= bound


# ---- exact along an axis

def exact_blocks(f, e, beta):
    """The four blocks for U = I, w = e and their terms: sum_k d_{k+l}(beta) / k! E[(w.grad)^k ...], l = 0, 0, 1, 2, where d_k = c_{k+1}."""
    q = convolve(f, f)
    q[(0,) * len(e)] = q.get((0,) * len(e), 0) + Fraction(VARSIGMA) ** 2
    blocks = []
    for d_k in (lambda k: half_line_He(k, beta), lambda k: relu_terms(k + 1, beta)):
        here, sums, k = q, [0] * (2 + len(e) + len(e) ** 2), 0
        while here:
            first = [differentiate(here, i) for i in range(len(e))]
            parts = [(here, 0), *((differentiate(part, j), 0) for part in first for j in range(len(e))), *((part, 1) for part in first), (here, 2)]
            sums = [total + d_k(k + l) * mpf(Fraction(average(part))) / math.factorial(k) for total, (part, l) in zip(sums, parts, strict=True)]
            here, k = along(here, e), k + 1
        blocks.append(sums)
    return blocks


@settings(max_examples=60)
@given(seed=seeds, p=st.integers(0, 3), r=st.integers(1, 2), sign=st.sampled_from([1, -1]), power=st.integers(-40, 40),
       beta=st.sampled_from([0.0, 0.7, -1.2, 5.0, -5.0]) | reals(6))
@example(seed=0, p=0, r=1, sign=-1, power=0, beta=0.0)
def test_the_blocks_are_within_their_bound(seed, p, r, sign, power, beta):
    """(2 d p + 32 p + 40 + N) eps of the sum of absolute terms, as documented, where w/|w| and b/|w| are exact."""
    target = Target(target_of(np.random.default_rng(seed), p, r, r).g, frozen(np.eye(r)))
    e, beta = [sign] + [0] * (r - 1), float(np.float32(beta))
    A = half_space_second_moment(target, frozen([[2.0**power * x for x in e]]), frozen([2.0**power * beta]), varsigma=VARSIGMA)
    got = np.concatenate([A.isotropic, A.frame[0].ravel(), A.cross[0], A.along_w])
    expected, _ = exact_blocks(dict(target.g), e, mp.mpf(beta))
    _, terms = exact_blocks({alpha: abs(c) for alpha, c in target.g.items()}, [abs(x) for x in e], mp.mpf(beta))
    assert ulps(got, expected, [t + NORMAL for t in terms]) <= 2 * r * p + 32 * p + 40 + math.comb(2 * p + r, r)


# ---- algebra

@given(seed=seeds, p=st.integers(0, 3), r=st.integers(1, 3))
def test_two_half_spaces_make_the_whole(seed, p, r):
    """E[q x x^T], by Wick's recursion, at b = 0."""
    rng = np.random.default_rng(seed)
    target, W = target_of(rng, p, r, 3), frozen(rng.normal(size=(1, 3)))
    got = sum(matrix(half_space_second_moment(target, sign * W, np.zeros(1), varsigma=VARSIGMA), target, 0) for sign in (1.0, -1.0))
    S = np.linalg.qr(np.vstack([target.U, rng.normal(size=(3 - r, 3))]).T)[0].T if r < 3 else np.eye(3)
    directions = np.vstack([target.U, S])
    G = polynomials.gram(directions.tolist())
    f = {(*alpha, 0, 0, 0): c for alpha, c in target.g.items()}
    q = polynomials.add(polynomials.times(f, f), {(0,) * (r + 3): Fraction(VARSIGMA) ** 2})
    plus = polynomials.scale(polynomials.times({a: abs(c) for a, c in f.items()}, {a: abs(c) for a, c in f.items()}), 1)
    size = float(polynomials.mean(plus, tuple(tuple(abs(x) for x in row) for row in G))) + 1
    for i in range(3):
        for j in range(3):
            x_i_x_j = {tuple(int(l == r + i) + int(l == r + j) for l in range(r + 3)): Fraction(1)}
            assert abs(S[i] @ got @ S[j] - float(polynomials.mean(polynomials.times(q, x_i_x_j), G))) <= 1e-12 * size * (2 * p + 2) ** 2


def test_beyond_span_of_S_star_and_w_the_error_is_isotropic():
    rng = np.random.default_rng(0)
    target, w, b = target_of(rng, 3, 2, 6), rng.normal(size=(1, 6)), np.array([0.3])
    beyond = np.linalg.svd(np.vstack([target.U, w]))[2][3:]                      # (3, 6) orthonormal
    error = sampling_error_along(target, w, b, beyond, varsigma=VARSIGMA)[0]
    isotropic = half_space_second_moment(target, w, b, varsigma=VARSIGMA).isotropic[0]
    assert np.max(np.abs(error - isotropic)) <= 1e-13 * isotropic


@given(case=cases(), power=st.integers(-300, 300))
def test_only_the_half_space_matters(case, power):
    """Homogeneous of degree 0 in (w, b), to the bit for powers of 2."""
    target, W, b = case
    got = sampling_error(target, frozen(2.0**power * W), frozen(2.0**power * b), varsigma=VARSIGMA)
    assert np.array_equal(got, sampling_error(target, W, b, varsigma=VARSIGMA))


def test_a_zero_weight_sees_everything_or_nothing():
    """f* = x_1 at d = 2: E[(x_1^2 + varsigma^2) |x|^2] - 1 = 4 + 2 varsigma^2 - 1 on the kink and above, 0 below."""
    target = single_index([0.0, 1.0], frozen([1.0, 0.0]))
    got = sampling_error(target, frozen(np.zeros((4, 2))), frozen([0.0, -0.0, 1e-300, -1e-300]), varsigma=VARSIGMA)
    assert np.max(np.abs(got[:3] - (3 + 2 * VARSIGMA**2))) <= 64 * EPS
    assert got[3] == 0


def test_the_noise_alone():
    """f* = 0: varsigma^2 d / 2 at b = 0, and nothing without noise."""
    nothing = Target({(0,): 0.0}, frozen([[1.0, 0.0, 0.0]]))
    W, b = frozen([[1.0, 2.0, 3.0]]), frozen([0.0])
    assert abs(sampling_error(nothing, W, b, varsigma=2.0)[0] - 6.0) <= 16 * EPS
    assert sampling_error(nothing, W, b)[0] == 0.0


@pytest.mark.parametrize("d", [2, 50, 3000])
def test_a_quadratic_target_in_closed_form(d):
    """f* = He_2 / sqrt 2: the error is ((1 + varsigma^2) d + 4) / 2 - |g|^2."""
    target = single_index([0.0, 0.0, math.sqrt(2)], frozen(np.eye(1, d)[0]))
    W = frozen([np.eye(1, d)[0] * 0.6 + 0.8 * np.eye(1, d, d - 1)[0]])
    second, g = ((1 + VARSIGMA**2) * d + 4) / 2, half_space_moment(target, W, np.zeros(1))[0]
    assert abs(sampling_error(target, W, np.zeros(1), varsigma=VARSIGMA)[0] - (second - g @ g)) <= 200 * EPS * second


# ---- bad input

AT, W0, B0, V0 = single_index([1.0, 2.0, 3.0], frozen([0.6, 0.8])), frozen([[1.0, 2.0], [3.0, 4.0]]), frozen([0.5, -0.5]), frozen([[1.0, 0.0], [1.0, 1.0]])
CALLS = {
    "half_space_second_moment": lambda W, b, V, **more: half_space_second_moment(AT, W, b, **more),
    "sampling_error": lambda W, b, V, **more: sampling_error(AT, W, b, **more),
    "sampling_error_along": lambda W, b, V, **more: sampling_error_along(AT, W, b, V, **more),
}


@pytest.mark.parametrize(("call", "name"), [(call, name) for call in CALLS for name in ("WbV" if call == "sampling_error_along" else "Wb")])
@pytest.mark.parametrize(("spoil", "error", "pattern"), SPOILED)
def test_spoiled_arguments(call, name, spoil, error, pattern):
    theta = {"W": W0, "b": B0, "V": V0}
    with pytest.raises(error, match=pattern.format(name=name)):
        CALLS[call](**{**theta, name: spoil(theta[name])})


@pytest.mark.parametrize("call", CALLS)
def test_noise_is_checked(call):
    with pytest.raises(DomainError, match=r"varsigma = -0.5; the label noise"):
        CALLS[call](W0, B0, V0, varsigma=-0.5)
    with pytest.raises(DtypeError, match="varsigma = None"):
        CALLS[call](W0, B0, V0, varsigma=None)


@pytest.mark.parametrize("function", [half_space_second_moment, sampling_error, lambda f, W, b: sampling_error_along(f, W, b, V0)])
def test_a_target_is_a_target(function):
    with pytest.raises(DtypeError, match="target is of type dict"):
        function({(2,): 1.0}, W0, B0)


def test_directions_have_d_columns():
    with pytest.raises(ShapeError, match=r"V has shape \(1, 3\) but U has d = 2"):
        sampling_error_along(AT, W0, B0, np.ones((1, 3)))


@pytest.mark.parametrize("call", [sampling_error, half_space_second_moment])
def test_an_overflow_is_an_error_that_says_where(call):
    with pytest.raises(NonFiniteError, match="must be finite"):
        call(single_index([0.0, 1e200], frozen([1.0])), frozen([[1.0]]), frozen([0.0]))
