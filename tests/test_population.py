"""The first gradient at infinitely many samples, against exact Gaussian algebra along an axis and against quadrature of the half-space.

The quadrature is Gauss and Legendre's on pieces of [-b, ...) along w, which never cross the kink, times Gauss and Hermite's in the
other directions of span(U, w).
"""

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from refimpl import population
from refimpl.data.targets import Target, single_index
from refimpl.errors import NonFiniteError, ShapeError
from tests.strategies import (
    EPS,
    NORMAL,
    SPOILED,
    along,
    average,
    differentiate,
    exactly,
    frozen,
    half_line_He,
    half_line_moment,
    mp,
    mpf,
    normal_moment,
    reals,
    relu_terms,
    seeds,
    substitute,
    ulps,
)

BIASES = [0.0, 0.7, -1.2, 5.0, -5.0, 40.0, -40.0]


@st.composite
def targets(draw, most_degree=6, most_directions=3, most_dimensions=5):
    """g of degree p, p = 0 and 1 included, in orthonormal, other or nearly collinear directions."""
    r = draw(st.integers(1, most_directions))
    d, p = draw(st.integers(r, most_dimensions)), draw(st.integers(0, most_degree))
    rng = np.random.default_rng(draw(seeds))
    alphas = [alpha for alpha in np.ndindex(*(p + 1,) * r) if sum(alpha) <= p]
    chosen = rng.permutation(len(alphas))[:draw(st.integers(1, 6))]
    g = {alphas[i]: float(rng.normal()) for i in chosen} | {tuple(p * (i == 0) for i in range(r)): 1.0}
    U = rng.normal(size=(r, d))
    kind = draw(st.sampled_from(["other", "orthonormal", "nearly collinear"]))
    if kind == "orthonormal":
        U = np.linalg.qr(U.T)[0].T
    elif kind == "nearly collinear":
        U = U[:1] + 1e-3 * U
    return Target(g, frozen(U))


# ---- quadrature

def half_space_quadrature(target, w, b):
    """E[f*(x) x 1{w.x + b >= 0}] and the same of the absolute values of its terms, shape (2, d)."""
    size = np.max(np.abs(w))                           # first, so that no square over- or underflows
    length = np.linalg.norm(w / size)
    beta, e = b / size / length, w / size / length
    Q = np.linalg.qr(np.column_stack([e, target.U.T]))[0]
    lower = max(-beta, -14.0)                          # phi(14) z^7 is below eps^2
    upper = max(14.0, lower + 3)
    z, weight = legendre_pieces(lower, upper)
    nodes, gauss = np.polynomial.hermite_e.hermegauss((target.p + 3) // 2 + 1)
    others, mass = (np.array(list(product(v, repeat=Q.shape[1] - 1))) for v in (nodes, gauss / gauss.sum()))
    x = (z[:, None, None] * e + others @ Q[:, 1:].T).reshape(-1, target.d)
    weight = np.multiply.outer(weight * np.exp(-z * z / 2) / math.sqrt(2 * math.pi), mass.prod(axis=1)).ravel()
    terms = np.array([float(c) * math.prod(v**k for v, k in zip((x @ target.U.T).T, alpha, strict=True)) for alpha, c in target.g.items()])
    return np.stack([(weight * terms.sum(axis=0)) @ x, (weight * np.abs(terms).sum(axis=0)) @ np.abs(x)])


def legendre_pieces(lower, upper):
    t, v = np.polynomial.legendre.leggauss(24)
    edges = np.linspace(lower, upper, math.ceil(upper - lower) + 1)
    half = np.diff(edges) / 2
    return (edges[:-1, None] + half[:, None] * (t + 1)).ravel(), (half[:, None] * v).ravel()


def test_the_quadrature_integrates_a_half_line():
    """The tests' own tool: f* = z^2 at d = 1 has the moment m_3(b)."""
    for b in (0.7, -5.0, -30.0):
        got, _ = half_space_quadrature(Target({(2,): 1.0}, frozen([[1.0]])), np.ones(1), b)
        assert abs(got[0] - float(half_line_moment(3, b))) <= 1e-13 * float(half_line_moment(3, b))


@given(at=targets(), seed=seeds, beta=st.sampled_from(BIASES) | reals(6), length=st.sampled_from([1.0, 7.3, 1e-3, 1e-300, 1e300]))
@example(at=single_index([2.0], frozen([1.0])), seed=0, beta=0.0, length=1.0)                  # p = 0, d = 1
@example(at=single_index([0.0, 1.0], frozen([0.6, 0.8])), seed=1, beta=-5.0, length=7.3)       # p = 1
def test_half_space_moment_is_the_quadrature(at, seed, beta, length):
    """Within 1e-12 of the largest sum of absolute terms. Row 0 of W is any direction, row 1 is u_1 and lies in the span."""
    w = np.random.default_rng(seed).normal(size=at.d)
    W = np.stack([length * w / np.linalg.norm(w), length * at.U[0] / np.linalg.norm(at.U[0])])
    b = np.full(2, beta * length)
    got = population.half_space_moment(at, frozen(W), frozen(b))
    assert got.shape == (2, at.d)
    for j in range(2):
        expected, terms = half_space_quadrature(at, W[j], b[j])
        assert np.max(np.abs(got[j] - expected)) <= 1e-12 * np.max(terms)


# ---- exact along an axis

def axis_moment(target, j, sign, beta):
    """E[f*(x) x 1{sign x_j + beta >= 0}] exactly: the other coordinates are integrated first, x_j on a half-line."""
    f, total = substitute(dict(target.g), exactly(target.U)), [mp.mpf(0)] * target.d
    with mp.workdps(80):
        for i in range(target.d):
            for alpha, c in f.items():
                gamma = [k + (l == i) for l, k in enumerate(alpha)]
                along_axis = sign**gamma[j] * half_line_moment(gamma[j], beta)
                total[i] += mpf(c + Fraction()) * normal_moment((*gamma[:j], *gamma[j + 1:])) * along_axis
    return total


def axis_terms(target, j, beta):
    """The sum of the absolute values of the terms of the expansion: sums with |g|, |U| and plus signs in every recurrence."""
    f = substitute({alpha: abs(c) for alpha, c in target.g.items()}, abs(exactly(target.U)))
    e, total = [int(l == j) for l in range(target.d)], [mp.mpf(0)] * target.d
    for k in range(target.p + 1):
        for i in range(target.d):
            total[i] += relu_terms(k + 1, beta) / math.factorial(k) * mpf(average(differentiate(f, i)))
            total[i] += (i == j) * relu_terms(k + 2, beta) / math.factorial(k) * mpf(average(f))
        f = along(f, e)
    return total


@given(at=targets(4, 2, 3), j=st.integers(0, 2), sign=st.sampled_from([1, -1]), power=st.integers(-40, 40), beta=st.sampled_from(BIASES) | reals(12))
@example(at=single_index([2.0], frozen([3.0])), j=0, sign=-1, power=0, beta=0.0)
@example(at=single_index([0.0, 1.0], frozen([3.0])), j=0, sign=1, power=-40, beta=-12.0)
def test_half_space_moment_is_within_its_bound(at, j, sign, power, beta):
    """(d + 8 p + 24) eps of the sum of absolute terms, as documented, where w/|w| and b/|w| are exact."""
    j %= at.d
    w, beta = np.zeros((1, at.d)), float(np.float32(beta))
    w[0, j] = sign * 2.0**power
    got = population.half_space_moment(at, frozen(w), frozen([beta * 2.0**power]))
    assert ulps(got[0], axis_moment(at, j, sign, mp.mpf(beta)), axis_terms(at, j, mp.mpf(beta))) <= at.d + 8 * at.p + 24


@given(beta=st.sampled_from(BIASES) | reals(36), length=st.floats(0.1, 10))
@example(beta=-30.0, length=3.0)
def test_the_rounding_of_b_over_w_costs_its_condition(beta, length):
    """f* = x at d = 1. b/|w| is rounded to eps, and phi(b/|w|) takes (b/|w|)^2 of that beside the documented bound."""
    b = beta * length
    exact = mp.mpf(b) / mp.mpf(length)
    got = population.half_space_moment(single_index([0.0, 1.0], frozen([1.0])), frozen([[length]]), frozen([b]))
    terms = relu_terms(1, exact) + relu_terms(3, exact)
    assert ulps(got[0, 0], half_line_moment(2, exact), terms) <= 1 + 8 + 24 + float(exact)**2


# ---- the expansion

@given(at=targets(4, 2, 3), seed=seeds)
def test_the_expansion_adds_up(at, seed):
    rng = np.random.default_rng(seed)
    W, b = frozen(rng.normal(size=(3, at.d))), frozen(rng.normal(size=3))
    first, along_w, W_unit = population.expansion(at, W, b)
    assert (first.shape, along_w.shape, W_unit.shape) == ((at.p, 3, at.r), (at.p + 1, 3), (3, at.d))
    assert np.all(np.abs(np.linalg.norm(W_unit, axis=1) - 1) <= (at.d + 4) * EPS)
    got = first.sum(axis=0) @ at.U + along_w.sum(axis=0)[:, None] * W_unit
    size = np.abs(first).sum(axis=0) @ np.abs(at.U) + np.abs(along_w).sum(axis=0)[:, None] * np.abs(W_unit)
    assert np.all(np.abs(got - population.half_space_moment(at, W, b)) <= 2 * (at.p + at.r + 2) * EPS * size)      # the same sums in any order


@given(c=st.lists(reals(3), min_size=1, max_size=6), beta=reals(3))
def test_the_terms_of_a_single_index_are_printed_ones(c, beta):
    """For w = u, |u| = 1: c_{k+1}(b) C_{k+1} / k! and c_{k+2}(b) C_k / k!, term by term."""
    at = single_index(c, frozen([0.0, 1.0]))
    p = at.p
    first, along_w, _ = population.expansion(at, frozen([[0.0, 1.0]]), frozen([beta]))
    for k in range(p + 1):
        bound = 2 + 2 * (k + 1) + 24 + 4 * k           # of contract, of half_line_hermite, and the product
        expected = half_line_He(k + 1, mp.mpf(beta)) / math.factorial(k) * c[k]
        assert ulps(along_w[k, 0], expected, relu_terms(k + 2, mp.mpf(beta)) / math.factorial(k) * abs(c[k])) <= bound
        if k < p:
            expected = half_line_He(k, mp.mpf(beta)) / math.factorial(k) * c[k + 1]
            assert ulps(first[k, 0, 0], expected, relu_terms(k + 1, mp.mpf(beta)) / math.factorial(k) * abs(c[k + 1])) <= bound


# ---- algebra

@given(at=targets(4, 2, 3), seed=seeds, power=st.integers(-600, 600))
def test_only_the_half_space_matters(at, seed, power):
    """Homogeneous of degree 0 in (w, b), to the bit for powers of 2."""
    rng, s = np.random.default_rng(seed), 2.0**power
    W, b = rng.normal(size=(3, at.d)), rng.normal(size=3)
    assert np.array_equal(population.half_space_moment(at, frozen(s * W), frozen(s * b)), population.half_space_moment(at, frozen(W), frozen(b)))


@given(at=targets(4, 2, 3), seed=seeds)
def test_two_half_spaces_make_the_whole(at, seed):
    """E[f* x] = C_1; both halves within their bounds, over the terms by quadrature."""
    rng = np.random.default_rng(seed)
    W, b = rng.normal(size=(1, at.d)), rng.normal(size=1)
    total = population.half_space_moment(at, frozen(W), frozen(b)) + population.half_space_moment(at, frozen(-W), frozen(-b))
    terms = half_space_quadrature(at, W[0], b[0])[1] + half_space_quadrature(at, -W[0], -b[0])[1]
    assert np.all(np.abs(total[0] - at.mean_gradient) <= 1e-12 * np.max(terms))


@given(at=targets(4, 2, 3), seed=seeds)
def test_a_zero_weight_sees_everything_or_nothing(at, seed):
    """1{b >= 0}, so C_1 or 0; b = 0 and b = -0 stand on the kink and count. One product of length r on both sides."""
    b = [0.0, -0.0, 1e-300, 40.0, -1e-300, -40.0]
    W = np.zeros((6, at.d))
    got = population.half_space_moment(at, frozen(W), frozen(b))
    assert not got[4:].any()
    size = np.abs([float(at.smoothed.get(tuple(int(i == j) for j in range(at.r)), 0)) for i in range(at.r)]) @ np.abs(at.U)
    assert np.all(np.abs(got[:4] - at.mean_gradient) <= 2 * at.r * EPS * size)


def test_the_expansion_of_a_zero_weight_has_one_term():
    """C_1 1{b >= 0} in the directions u_i, and nothing along a w that is not there."""
    at = single_index([1.0, 2.0, 3.0, 4.0], frozen([0.6, 0.8]))
    first, along_w, W_unit = population.expansion(at, frozen(np.zeros((2, 2))), frozen([0.0, -1.0]))
    assert first[0, :, 0].tolist() == [2.0, 0.0]
    assert not first[1:].any()
    assert not along_w.any()
    assert not W_unit.any()


def test_zero_and_other_rows_do_not_mix():
    at = single_index([1.0, 2.0, 3.0], frozen([0.6, 0.8]))
    W, b = frozen([[0.0, 0.0], [1.0, -2.0], [0.0, 0.0]]), frozen([-1.0, 0.5, 1.0])
    got = population.half_space_moment(at, W, b)
    for j in range(3):
        alone = population.half_space_moment(at, frozen(W[j:j + 1]), frozen(b[j:j + 1]))
        assert np.all(np.abs(got[j] - alone[0]) <= 2 * (2 + 16 + 24) * EPS * np.abs(got[j]).max())      # the two calls' bounds


@pytest.mark.parametrize("w", [1e-300, 1e300, 5e-324, 1.7e308])
@pytest.mark.parametrize("b", [0.0, 1.0, -1.0])
def test_weights_of_any_size(w, b):
    """f* = x^2 at d = 1: the moment m_3(b/|w|), which is m_3(0), or that of the whole line, or of nothing."""
    beta = mp.mpf(b) / mp.mpf(w)
    got = population.half_space_moment(Target({(2,): 1.0}, frozen([[1.0]])), frozen([[w]]), frozen([b]))
    expected = half_line_moment(3, max(min(beta, mp.mpf(60)), mp.mpf(-60)))
    assert ulps(got[0, 0], expected, relu_terms(1, beta if abs(beta) < 60 else 60) * 3) <= 1 + 16 + 24


@pytest.mark.parametrize("w", [[1.7e308, -1.7e308], [5e-324, 5e-324], [-1e200, 1e-200], [0.0, -1e-320]])
def test_a_row_whose_length_or_its_square_is_no_float(w):
    """f* = x_1 x_2 at b = 0: (w_2, w_1) c_2 + w C_2(w, w) c_4 / 2 of the unit row, c_4 = -c_2 = -1 / sqrt(2 pi), C_2(w, w) = 2 w_1 w_2."""
    W = frozen([w])
    length = mp.sqrt(mp.mpf(w[0])**2 + mp.mpf(w[1])**2)
    u, v = (mp.mpf(x) / length for x in w)
    got = population.half_space_moment(Target({(1, 1): 1.0}, frozen(np.eye(2))), W, frozen([0.0]))
    expected = [(y - x * u * v) / mp.sqrt(2 * mp.pi) for x, y in ((u, v), (v, u))]
    terms = [(abs(y) + abs(x * u * v)) / mp.sqrt(2 * mp.pi) + NORMAL for x, y in ((u, v), (v, u))]
    assert ulps(got[0], expected, terms) <= 2 + 16 + 24


# ---- the gradient and Lemma 1

def draw(at, seed, m=2):
    rng = np.random.default_rng(seed)
    return frozen(rng.normal(size=m)), frozen(rng.normal(size=(m, at.d)) / math.sqrt(at.d)), frozen(rng.normal(size=m))


@given(at=targets(4, 2, 3), seed=seeds)
def test_first_gradient_is_the_quadrature(at, seed):
    a, W, b = draw(at, seed)
    got = population.first_gradient(at, a, W, b)
    for j in range(2):
        expected, terms = -2 * a[j] * half_space_quadrature(at, W[j], b[j])
        assert np.max(np.abs(got[j] - expected)) <= 1e-12 * np.max(np.abs(terms))


@given(at=targets(4, 2, 3), seed=seeds)
def test_lemma_1_main_is_the_mean_hessian_times_w(at, seed):
    """-2 a_j H w_j / sqrt(2 pi) with H multiplied out; (d + 2 k) eps at k = 2, r for U, 4 for the factors."""
    a, W, _ = draw(at, seed)
    got = population.lemma_1_main(at, a, W)
    f, f_plus = (substitute(g, U) for g, U in ((dict(at.g), exactly(at.U)), ({x: abs(c) for x, c in at.g.items()}, abs(exactly(at.U)))))
    for j, w in enumerate(exactly(W)):
        factor = -2 * mp.mpf(a[j]) / mp.sqrt(2 * mp.pi)
        expected = [factor * mpf(average(differentiate(along(f, w), i)) + Fraction()) for i in range(at.d)]
        terms = [abs(factor) * mpf(average(differentiate(along(f_plus, abs(w)), i)) + Fraction()) for i in range(at.d)]
        assert ulps(got[j], expected, terms) <= at.d + 4 + at.r + 4


@given(at=targets(4, 2, 3), seed=seeds)
@example(at=single_index([2.0], frozen([1.0])), seed=0)
@example(at=single_index([0.0, 1.0], frozen([1.0])), seed=0)
def test_main_and_remainder_are_the_gradient_at_zero_bias(at, seed):
    a, W, _ = draw(at, seed)
    got = population.lemma_1_main(at, a, W) + population.lemma_1_remainder(at, a, W)
    for j in range(2):
        expected, terms = -2 * a[j] * half_space_quadrature(at, W[j], 0.0)
        largest = np.max(np.abs(terms)) + np.abs(population.lemma_1_main(at, a, W)[j]).max()
        assert np.max(np.abs(got[j] - expected)) <= 1e-12 * largest


def test_the_remainder_is_a_sum_and_not_a_difference():
    """f* = He_2 / 2 and a unit w = (s, sqrt(1 - s^2)): what is left, C_2(w^2) w c_4 / 2 + C_0..., is of size s^2 and keeps its digits."""
    s = 2.0**-20
    w = np.array([s, math.sqrt((1 - s) * (1 + s))])
    at = single_index([0.0, 0.0, 1.0], frozen([1.0, 0.0]))
    got = population.lemma_1_remainder(at, frozen([1.0]), frozen([w]))
    length = mp.sqrt(mp.mpf(w[0])**2 + mp.mpf(w[1])**2)
    unit = [mp.mpf(x) / length for x in w]
    c_4 = -1 / mp.sqrt(2 * mp.pi)
    expected = [-2 * (unit[0]**2 * c_4 / 2 * unit[i] + (i == 0) * (unit[0] - mp.mpf(w[0])) / mp.sqrt(2 * mp.pi)) for i in range(2)]
    terms = [abs(unit[0]**2 * c_4 * unit[i]) + (i == 0) * 2 * abs(unit[0]) / mp.sqrt(2 * mp.pi) for i in range(2)]
    assert ulps(got[0, 1], expected[1], terms[1]) <= 2 + 16 + 24
    assert ulps(got[0], expected, terms) <= 2 + 16 + 24


# ---- bad input

LARGE, ONE, WEIGHT = frozen([1.7e308]), frozen([1.0]), frozen([[1.0]])
OVERFLOWS = {
    "half_space_moment": lambda: population.half_space_moment(Target({(1,): 1.7e308}, frozen([[1.5]])), WEIGHT, frozen([5.0])),
    "first_gradient": lambda: population.first_gradient(single_index([0.0, 1.0], ONE), LARGE, WEIGHT, frozen([5.0])),
    "lemma_1_main": lambda: population.lemma_1_main(single_index([0.0, 0.0, 9.0], ONE), LARGE, WEIGHT),
    "lemma_1_remainder": lambda: population.lemma_1_remainder(single_index([9.0], ONE), LARGE, WEIGHT),
}


@pytest.mark.parametrize("call", OVERFLOWS.values(), ids=OVERFLOWS)
def test_an_overflow_is_an_error_that_says_where(call):
    with pytest.raises(NonFiniteError, match=r" = -?(inf|nan); .* must be finite"):
        call()


AT, A0, W0, B0 = single_index([1.0, 2.0, 3.0], frozen([0.6, 0.8])), frozen([1.0, -1.0]), frozen([[1.0, 2.0], [3.0, 4.0]]), frozen([0.5, -0.5])
CALLS = {
    "expansion": lambda a, W, b: population.expansion(AT, W, b), "half_space_moment": lambda a, W, b: population.half_space_moment(AT, W, b),
    "first_gradient": lambda a, W, b: population.first_gradient(AT, a, W, b), "lemma_1_main": lambda a, W, b: population.lemma_1_main(AT, a, W),
    "lemma_1_remainder": lambda a, W, b: population.lemma_1_remainder(AT, a, W),
}
TAKES = {"expansion": "Wb", "half_space_moment": "Wb", "first_gradient": "aWb", "lemma_1_main": "aW", "lemma_1_remainder": "aW"}


@pytest.mark.parametrize(("call", "name"), [(call, name) for call, names in TAKES.items() for name in names])
@pytest.mark.parametrize(("spoil", "error", "pattern"), SPOILED)
def test_spoiled_arguments(call, name, spoil, error, pattern):
    theta = {"a": A0, "W": W0, "b": B0}
    with pytest.raises(error, match=pattern.format(name=name)):
        CALLS[call](**{**theta, name: spoil(theta[name])})


@pytest.mark.parametrize("call", CALLS)
def test_sizes_agree(call):
    for wrong in (frozen([1.0]), frozen([1.0, 2.0, 3.0])):
        for name in set(TAKES[call]) - {"W"}:
            with pytest.raises(ShapeError, match=rf"{name} has shape \({len(wrong)},\) but W has m = 2"):
                CALLS[call](**{"a": A0, "W": W0, "b": B0, name: wrong})
    for wrong in (frozen(np.ones((2, 1))), frozen(np.ones((2, 3)))):
        with pytest.raises(ShapeError, match=rf"W has shape \(2, {wrong.shape[1]}\) but U has d = 2"):
            CALLS[call](A0, wrong, B0)
