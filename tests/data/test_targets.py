"""Everything about a target against f*(x) = g(Ux) multiplied out in the d coordinates, exactly, where a mean is a product of (k-1)!!."""

import contextlib
import math
import pickle
from fractions import Fraction

import flint
import numpy as np
import pytest
from hypothesis import assume, example, find, given
from hypothesis import strategies as st

from refimpl.data.targets import Target, single_index
from refimpl.errors import DomainError, DtypeError, NonFiniteError, ShapeError
from refimpl.polynomials import evaluate
from tests.strategies import (
    EPS,
    SPOILED,
    He_exact,
    He_plus,
    along,
    average,
    convolve,
    differentiate,
    dyadics,
    exactly,
    frozen,
    mp,
    mpf,
    polynomials_of,
    rationals,
    reals,
    seeds,
    substitute,
    ulps,
)

KINDS = ["normal", "orthonormal", "dyadic", "nearly collinear"]


def directions(seed, r, d, kind):
    rng = np.random.default_rng(seed)
    U = rng.normal(size=(r, d))
    if kind == "orthonormal":
        return frozen(np.linalg.qr(U.T)[0].T)
    if kind == "dyadic":
        U = rng.integers(-4, 5, (r, d)) / 4 + 4 * np.eye(r, d)             # diagonally dominant, so independent
    if kind == "nearly collinear" and r > 1:
        U = U[:1] + 1e-7 * U
    return frozen(U)


@st.composite
def targets(draw, most_degree=4, kinds=KINDS):
    r = draw(st.integers(1, 3))
    d = draw(st.integers(r, 3))
    g = draw(polynomials_of(r, most_degree, coefficients=reals(9)))
    return Target(g, directions(draw(seeds), r, d, draw(st.sampled_from(kinds))))


CONSTANT = Target({(0, 0): 2.5}, frozen([[1.0, 2.0], [0.0, 1.0]]))             # p = 0
ONE = Target({(0,): 1.0}, frozen([[3.0]]))                                      # p = 0, d = 1
LINEAR = Target({(1, 0): 2.0, (0, 1): -1.0}, frozen([[1.0, 2.0, 0.0], [0.0, 1.0, 0.5]]))    # p = 1
ZERO = Target({(2,): 0.0}, frozen([[0.6, 0.8]]))


def multiplied_out(at, absolute=False):
    """f* as a polynomial of d coordinates, or with |g| and |U|: the sum of the absolute values of its terms."""
    g, U = dict(at.g), exactly(at.U)
    return substitute({alpha: abs(x) for alpha, x in g.items()}, abs(U)) if absolute else substitute(g, U)


def rows(at, seed, m=2):
    W = np.random.default_rng(seed).normal(size=(m, at.d))
    W[-1] *= seed % 2                                  # half of the time a zero row
    return frozen(W)


# ---- the instances themselves

@pytest.mark.parametrize("wanted", [
    lambda t: t.d == 1, lambda t: t.r == t.d == 3, lambda t: t.r < t.d, lambda t: t.p == 0, lambda t: t.p == 1, lambda t: t.p == 4, lambda t: len(t.g) > 1,
    lambda t: t.r == 2 and np.linalg.cond(t.U) > 1e6,
], ids=["d = 1", "r = d = 3", "r < d", "p = 0", "p = 1", "p = 4", "several terms", "nearly collinear"])
def test_the_strategy_reaches_its_corners(wanted):
    assert wanted(find(targets(), wanted))


# ---- the function

@given(at=targets(most_degree=6), seed=seeds)
@example(at=CONSTANT, seed=0)
@example(at=ONE, seed=0)
@example(at=LINEAR, seed=0)
@example(at=ZERO, seed=0)
def test_value_is_within_its_bound(at, seed):
    """(d + 4 p + r) eps of sum_alpha |c_alpha| prod_i He_{alpha_i}^+ / alpha!, as documented."""
    X = rows(at, seed, 3)
    V, V_plus = exactly(X) @ exactly(at.U).T, exactly(np.abs(X)) @ exactly(np.abs(at.U)).T
    expected = [sum(x * math.prod(v**k for v, k in zip(row, alpha, strict=True)) for alpha, x in at.g.items()) for row in V]
    terms = [0 for _ in V]
    for alpha in np.ndindex(*(at.p + 1,) * at.r):
        c = mean_derivative(dict(at.g), alpha) / math.prod(map(math.factorial, alpha))
        terms = [t + abs(c) * math.prod(He_plus(k, v) for v, k in zip(row, alpha, strict=True)) for t, row in zip(terms, V_plus, strict=True)]
    assert ulps(at.value(X), expected, terms) <= at.d + 4 * at.p + at.r


def mean_derivative(g, alpha):
    for i, k in enumerate(alpha):
        for _ in range(k):
            g = differentiate(g, i)
    return average(g)


@given(c=st.lists(rationals(), min_size=1, max_size=6), seed=seeds)
@example(c=[Fraction(0)], seed=0)
@example(c=[Fraction(3)], seed=0)
def test_single_index_is_a_hermite_series(c, seed):
    rng = np.random.default_rng(seed)
    u, X = frozen(rng.normal(size=3)), frozen(rng.normal(size=(2, 3)))
    c = [float(x) for x in c]
    got, p = single_index(c, u).value(X), len(c) - 1
    z, z_plus = exactly(X) @ exactly(u), exactly(np.abs(X)) @ exactly(np.abs(u))
    expected = [sum(Fraction(x) / math.factorial(k) * He_exact(k, v) for k, x in enumerate(c)) for v in z]
    terms = [sum(abs(Fraction(x)) / math.factorial(k) * He_plus(k, v) for k, x in enumerate(c)) for v in z_plus]
    assert ulps(got, expected, terms) <= 3 + 4 * p + 1
    assert np.array_equal(got, single_index(frozen(c), u).value(X))


UNIT = frozen([0.5, -0.5, 0.5, 0.5])                   # |u| = 1 and u u^T exact


@given(c=st.lists(dyadics(), min_size=1, max_size=6), w=st.lists(dyadics(2, 4), min_size=4, max_size=4))
@example(c=[1.0], w=[0.0] * 4)
@example(c=[0.0, 1.0], w=[0.0] * 4)
def test_single_index_of_a_unit_vector_has_rank_one_tensors(c, w):
    """C_k = c_k u^k and E f*^2 = sum_k c_k^2 / k!."""
    at = single_index(c, UNIT)
    for k in range(len(c) + 2):
        expected = Fraction(c[k] if k < len(c) else 0) * Fraction(UNIT @ w)**k
        assert ulps(at.contract(k, frozen([w])), [expected]) <= 4 + 2 * k      # one term: the documented count
    assert ulps(at.second_moment, sum(Fraction(x)**2 / math.factorial(k) for k, x in enumerate(c))) <= 1
    assert np.array_equal(at.mean_hessian, (c[2] if len(c) > 2 else 0.0) * np.outer(UNIT, UNIT))


# ---- its derivative tensors

@given(at=targets(), seed=seeds)
@example(at=CONSTANT, seed=1)
@example(at=ONE, seed=1)
@example(at=LINEAR, seed=1)
@example(at=ZERO, seed=1)
def test_contractions_are_mean_derivatives_along_w(at, seed):
    """C_k(w^k) = E (w.grad)^k f*, within (d + 2 k) eps of the same with |g|, |U|, |w|; C_k(w^(k-1)) one product of length r more."""
    W = rows(at, seed)
    for j, w in enumerate(exactly(W)):
        f, f_plus = multiplied_out(at), multiplied_out(at, absolute=True)
        for k in range(at.p + 2):
            assert ulps(at.contract(k, W)[j], average(f), average(f_plus)) <= at.d + 2 * k
            got = at.contract_to_vector(k + 1, W)[j]
            expected, terms = ([average(differentiate(h, i)) for i in range(at.d)] for h in (f, f_plus))
            assert ulps(got, expected, terms) <= at.d + 2 * (k + 1) + at.r
            f, f_plus = along(f, w), along(f_plus, abs(w))


@pytest.mark.parametrize(("d", "k"), [(24, 7), (64, 5), (512, 5)])
def test_a_sum_that_always_rounds_one_way_costs_d_in_every_factor(d, k):
    """u.w of d terms is off by up to d/2 eps, and a power k of it by k times that: d p + 2 k and d p + 4 p + r at the worst."""
    W = np.full((2, d), 2.0**-53 * (1 + 2.0**-20))
    W[:, :2] = 1.0
    z, c = sum(map(Fraction, W[0].tolist())), [0.0] * k + [1.0]
    assert ulps(single_index(c, frozen(np.ones(d))).contract(k, frozen(W)), [z**k] * 2) <= d * k + 2 * k
    expected, terms = (f(k, 64 * z) / math.factorial(k) for f in (He_exact, He_plus))
    assert ulps(single_index(c, frozen(np.full(d, 64.0))).value(frozen(W)), [expected] * 2, [terms] * 2) <= d * k + 4 * k + 1


@given(at=targets(), seed=seeds)
def test_contractions_in_the_frame_are_those_vectors(at, seed):
    W = rows(at, seed)
    for k in range(1, at.p + 2):
        frame = at.contract_in_frame(k, W)
        assert frame.shape == (2, at.r)
        assert np.array_equal(frame @ at.U, at.contract_to_vector(k, W))
    V, V_plus = exactly(W) @ exactly(at.U).T, exactly(np.abs(W)) @ exactly(np.abs(at.U)).T
    assert ulps(at.frame_coordinates(W), V, V_plus) <= at.d


@given(at=targets(), seed=seeds, power=st.integers(-20, 20))
def test_contractions_are_homogeneous_to_the_bit(at, seed, power):
    W, s = rows(at, seed), 2.0**power
    for k in range(at.p + 2):
        assert np.array_equal(at.contract(k, frozen(s * W)), s**k * at.contract(k, W))


@given(at=targets())
@example(at=CONSTANT)
@example(at=ONE)
@example(at=LINEAR)
def test_mean_gradient_and_hessian_are_mean_derivatives(at):
    """Each of at most p/2 factors of the Gram matrix costs d, and the products with U 2 r: less than d (p + 2)."""
    f, f_plus, k = multiplied_out(at), multiplied_out(at, absolute=True), at.d * (at.p + 2)
    axes = range(at.d)
    assert ulps(at.mean, average(f), average(f_plus)) <= k
    assert ulps(at.mean_gradient, *([average(differentiate(h, i)) for i in axes] for h in (f, f_plus))) <= k
    H, H_plus = ([[average(differentiate(differentiate(h, i), j)) for j in axes] for i in axes] for h in (f, f_plus))
    assert ulps(at.mean_hessian, H, H_plus) <= k


@given(at=targets(kinds=["dyadic"]), s=st.lists(rationals(), min_size=3, max_size=3))
def test_smoothed_is_the_mean_over_a_shift(at, s):
    """Exactly, where U U^T is exact."""
    s = s[:at.r]
    assert evaluate(at.smoothed, s) == average(substitute(dict(at.g), exactly(at.U), shift=s))


def test_many_dimensions_need_no_tensor():
    """d = 20 000 and k = 6: C_6(w^6) = 720 w_1^6 for f* = He_6(x_1)."""
    d = 20_000
    u, W = np.zeros(d), np.random.default_rng(0).normal(size=(2, d))
    u[0] = 1
    at = single_index([0.0] * 6 + [720.0], frozen(u))
    expected = [720 * Fraction(w)**6 for w in W[:, 0]]
    assert ulps(at.contract(6, frozen(W)), expected) <= 4 + 12                  # zeros of u cost nothing
    assert at.contract_to_vector(6, frozen(W)).shape == (2, d)


# ---- the principal subspace

@given(at=targets())
def test_the_principal_subspace_is_the_span_of_the_directions(at):
    """Householder's QR: S S^T = 1 and U = U Pi up to 16 d eps of the rows; Pi itself moves by the condition of U times that."""
    S, U, k = at.S_star, at.U, 16 * at.d * EPS
    assert S.shape == U.shape
    assert np.all(np.abs(S @ S.T - np.eye(at.r)) <= k)
    assert np.all(np.abs(U @ at.Pi_star - U) <= k * np.linalg.norm(U, axis=1, keepdims=True))
    G = flint.fmpq_mat([[flint.fmpq(x.numerator, x.denominator) for x in row] for row in exactly(U) @ exactly(U).T])
    inverse = [[Fraction(int(x.p), int(x.q)) for x in row] for row in G.inv().tolist()]
    expected = exactly(U).T @ np.array(inverse, dtype=object) @ exactly(U)
    assert ulps(at.Pi_star, expected, np.ones((at.d, at.d))) <= 16 * at.d * np.linalg.cond(U)


def eigenvalues_of(at):
    """The r largest in magnitude of the d eigenvalues of E grad^2 f*, by mpmath, and the size of the terms of H."""
    f, f_plus, axes = multiplied_out(at), multiplied_out(at, absolute=True), range(at.d)
    H, H_plus = ([[mpf(average(differentiate(differentiate(h, i), j)) + Fraction()) for j in axes] for i in axes] for h in (f, f_plus))
    values = sorted(mp.eigsy(mp.matrix(H), eigvals_only=True), key=abs)[at.d - at.r:]
    return sorted(values), mp.mnorm(mp.matrix(H_plus), "f")


@given(at=targets())
@example(at=CONSTANT)
@example(at=LINEAR)
def test_eigenvalues_are_those_of_the_mean_hessian(at):
    """An eigenvalue moves by at most the norm of the error of H, d (p + 2) eps of the terms, and LAPACK's 16 d eps more."""
    values, size = eigenvalues_of(at)
    assert ulps(at.eigenvalues, values, [size] * at.r) <= at.d * (at.p + 2) + 16 * at.d


@given(at=targets(kinds=["normal", "orthonormal", "dyadic"]))
def test_kappa_is_one_over_the_smallest_eigenvalue_times_root_r(at):
    values, size = eigenvalues_of(at)
    smallest = min(map(abs, values))
    assume(smallest > 1e-6 * size)                     # far from deficient: the eigenvalues' bound is then relative,
    assume(smallest > 1e-6 * math.sqrt(at.second_moment))                      # and far above kappa's floor
    assert ulps(at.kappa, 1 / (smallest * mp.sqrt(at.r)), size / smallest**2) <= at.d * (at.p + 2) + 16 * at.d + 2


@given(lam=st.lists(dyadics().filter(bool), min_size=1, max_size=3))
@example(lam=[1.0])
def test_kappa_of_a_sum_of_squares(lam):
    """f* = sum_i lam_i He_2(x_i) / 2 has H = diag(lam)."""
    r = len(lam)
    g = {tuple(2 * (i == j) for j in range(r)): x / 2 for i, x in enumerate(lam)} | {(0,) * r: -sum(lam) / 2}
    at = Target(g, frozen(np.eye(r, r + 1)))
    assert np.array_equal(at.mean_hessian, np.diag([*lam, 0.0]))
    assert ulps(at.kappa, 1 / (min(map(abs, lam)) * mp.sqrt(r))) <= 4


@given(at=targets(most_degree=3, kinds=["orthonormal"]))
@example(at=single_index([0.0, 0.0, 1.0], frozen([1.0])))
def test_kappa_of_a_normalised_target_is_at_least_1_over_root_2(at):
    values, size = eigenvalues_of(at)
    assume(min(map(abs, values)) > 1e-3 * size)
    assume(min(map(abs, values)) > 1e-6 * math.sqrt(at.second_moment))         # far above kappa's floor
    assert at.normalised().kappa >= (1 - 1e-9) / math.sqrt(2)                  # far above the rounding of a kappa below 1e3


DEFICIENT = {
    "constant": ({(0,): 1.0}, 0), "zero": ({(2,): 0.0}, 0), "linear": ({(1,): 1.0}, 0), "odd": ({(3,): 1.0}, 0),
    "He_4": ({(4,): 1.0, (2,): -6.0, (0,): 3.0}, 0), "one of two": ({(2, 0): 1.0, (0, 1): 1.0}, 1), "square of a sum": ({(2, 0): 1.0, (1, 1): 2.0, (0, 2): 1.0}, 1),
    "two of three": ({(2, 0, 0): 1.0, (0, 1, 1): 1.0, (0, 2, 0): 0.5, (0, 0, 2): 0.5}, 2),
}


@pytest.mark.parametrize(("g", "rank"), DEFICIENT.values(), ids=DEFICIENT)
@pytest.mark.parametrize("kind", ["orthonormal", "axes"])
@pytest.mark.parametrize("size", [1.0, 2.0**60, 2.0**-60])
def test_kappa_refuses_a_deficient_hessian(g, rank, kind, size):
    r = len(next(iter(g)))
    for seed in range(5):
        U = frozen(np.eye(r, 4)) if kind == "axes" else directions(seed, r, 4, kind)
        with pytest.raises(DomainError, match=rf"H has rank {rank} but r = {r}; kappa needs H of rank r"):
            Target({alpha: size * x for alpha, x in g.items()}, U).kappa  # noqa: B018


@given(seed=seeds, power=st.integers(-60, 60))
def test_kappa_of_a_multiple_is_divided_by_it(seed, power):
    """To the bit for powers of 2."""
    g, U, s = {(2, 0): 1.0, (1, 1): 0.5, (0, 2): -1.0}, directions(seed, 2, 3, "orthonormal"), 2.0**power
    assert Target({alpha: s * x for alpha, x in g.items()}, U).kappa == Target(g, U).kappa / s


# ---- its size

@given(at=targets(most_degree=3))
@example(at=CONSTANT)
@example(at=ONE)
@example(at=LINEAR)
@example(at=ZERO)
def test_second_moment_is_that_of_the_polynomial_multiplied_out(at):
    """p factors of the Gram matrix at most, d each."""
    f, f_plus = multiplied_out(at), multiplied_out(at, absolute=True)
    assert ulps(at.second_moment, average(convolve(f, f)), average(convolve(f_plus, f_plus))) <= at.d * (at.p + 2)


@given(at=targets(most_degree=3))
@example(at=CONSTANT)
def test_a_normalised_target_has_second_moment_1_and_the_same_directions(at):
    """Coefficients are rounded twice, hence 8, and E f*^2 on both sides."""
    f_plus = multiplied_out(at, absolute=True)
    assume(at.second_moment > 1e-12 * average(convolve(f_plus, f_plus)))
    got = at.normalised()
    terms = average(convolve(f_plus, f_plus)) / Fraction(at.second_moment)
    assert ulps(got.second_moment, 1, terms) <= 2 * at.d * (at.p + 2) + 8
    assert np.array_equal(got.U, at.U)


def test_zero_cannot_be_normalised():
    with pytest.raises(DomainError, match=r"f\* = 0 has E f\*\^2 = 0"):
        ZERO.normalised()


@given(at=targets())
@example(at=CONSTANT)
@example(at=ONE)
@example(at=LINEAR)
def test_without_its_linear_part_nothing_else_moves(at):
    got = at.without_linear_part()
    assert got.mean == 0
    assert not got.mean_gradient.any()
    assert {alpha: x for alpha, x in got.smoothed.items() if sum(alpha) >= 2} == {alpha: x for alpha, x in at.smoothed.items() if sum(alpha) >= 2}
    for alpha in {*got.g, *at.g}:
        assert sum(alpha) <= 1 or got.g.get(alpha) == at.g.get(alpha)


# ---- samples

@given(at=targets(), seed=seeds, varsigma=st.sampled_from([0, 0.0, 0.5, 3]))
def test_samples_repeat_and_carry_noise_of_one_size(at, seed, varsigma):
    X, y = at.sample(5, rng=seed, varsigma=varsigma)
    assert (X.shape, y.shape) == ((5, at.d), (5,))
    again = at.sample(5, rng=np.random.default_rng(seed), varsigma=varsigma)
    assert np.array_equal(X, again[0])
    assert np.array_equal(y, again[1])
    assert np.array_equal(X, at.sample(5, rng=seed)[0])                        # the noise moves no input
    f = at.value(X)
    assert np.all(np.abs(np.abs(y - f) - varsigma) <= 2 * EPS * (np.abs(f) + varsigma))      # two sums
    assert varsigma or np.array_equal(y, f)


def test_inputs_are_standard_and_signs_of_the_noise_fair():
    """Chi-squared of N degrees, and Hoeffding: each off by more with probability 2 e^-30."""
    N, t = 40_000, 30
    X, y = Target({(0, 0): 0.0}, frozen(np.eye(2))).sample(N // 2, rng=1, varsigma=1.0)
    assert abs(np.sum(X**2) - N) <= 2 * math.sqrt(N * t) + 2 * t
    assert abs(y.sum()) <= math.sqrt(2 * len(y) * t)
    assert set(y.tolist()) == {-1.0, 1.0}


# ---- an immutable object

def test_a_target_keeps_copies():
    g, U = {(2,): 1.0}, np.ones((1, 2))
    at = Target(g, U)
    g[2,], U[0, 0] = 5.0, 7.0
    assert (at.g[2,], at.U[0, 0]) == (1, 1)
    with pytest.raises(TypeError):
        at.g[2,] = 5
    with pytest.raises(TypeError):
        at.smoothed[2,] = 5


@pytest.mark.parametrize("name", ["U", "S_star", "Pi_star", "mean_gradient", "mean_hessian", "eigenvalues"])
def test_nobody_writes_into_a_target(name):
    at = Target({(2,): 1.0}, frozen([[0.6, 0.8]]))
    before, array = getattr(at, name).copy(), getattr(at, name)
    with contextlib.suppress(ValueError):              # read-only is as good as a copy
        array += 1
    assert np.array_equal(getattr(at, name), before)


def test_nobody_replaces_what_a_target_is():
    at = Target({(2,): 1.0}, frozen([[0.6, 0.8]]))
    with pytest.raises(AttributeError):
        at.p = 3


def test_a_target_travels_to_another_process():
    at = Target({(2, 1): 1.0, (0, 0): Fraction(1, 3)}, frozen([[0.6, 0.8], [0.0, 1.0]]))
    got = pickle.loads(pickle.dumps(at))
    X = frozen(np.ones((2, 2)))
    assert np.array_equal(got.value(X), at.value(X))


def test_the_name_says_the_sizes():
    assert repr(LINEAR) == "Target(degree p = 1, r = 2 directions, d = 3)"


# ---- bad input

@pytest.mark.parametrize(("U", "rank"), [
    ([[0.0, 0.0]], 0), ([[1.0, 2.0], [1.0, 2.0]], 1), ([[1.0, 2.0], [-2.0, -4.0]], 1), ([[0.1, 0.3], [0.3, 0.9]], 1), ([[1.0, 0.0], [0.0, 0.0]], 1),
    ([[1.0], [2.0]], 1), ([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], 2), ([[1e-300, 2e-300], [2e-300, 4e-300]], 1),
])
def test_dependent_directions_are_refused(U, rank):
    with pytest.raises(DomainError, match=rf"U has {len(U)} rows of rank {rank}; the u_i must be linearly independent \(DLS22, Assumption 1\)"):
        Target({(1,) * len(U): 1.0}, frozen(U))


@pytest.mark.parametrize("U", [[[1.0, 0.0], [1.0, 1e-12]], [[1.0, 0.0], [1.0, 1e-15]], [[1e-300, 0.0], [0.0, 1e-300]]])
def test_nearly_dependent_and_tiny_directions_are_accepted(U):
    assert Target({(1, 1): 1.0}, frozen(U)).r == 2


@pytest.mark.parametrize(("spoil", "error", "pattern"), SPOILED)
def test_spoiled_arrays(spoil, error, pattern):
    with pytest.raises(error, match=pattern.format(name="U")):
        Target({(1,): 1.0}, spoil(frozen([[1.0, 2.0]])))
    with pytest.raises(error, match=pattern.format(name="u")):
        single_index([1.0, 2.0], spoil(frozen([1.0, 2.0])))
    W, at = frozen([[1.0, 2.0]]), Target({(1,): 1.0}, frozen([[1.0, 2.0]]))
    with pytest.raises(error, match=pattern.format(name="X")):
        at.value(spoil(W))
    for call in (lambda W: at.contract(1, W), lambda W: at.contract_in_frame(1, W), lambda W: at.contract_to_vector(1, W), at.frame_coordinates):
        with pytest.raises(error, match=pattern.format(name="W")):
            call(spoil(W))


def test_inputs_and_weights_have_the_dimension_of_the_directions():
    at = Target({(1,): 1.0}, frozen([[1.0, 2.0]]))
    for wrong in (frozen([[1.0]]), frozen([[1.0, 2.0, 3.0]])):
        with pytest.raises(ShapeError, match=rf"X has shape \(1, {wrong.shape[1]}\) but U has d = 2"):
            at.value(wrong)
        with pytest.raises(ShapeError, match=rf"W has shape \(1, {wrong.shape[1]}\) but U has d = 2"):
            at.contract(1, wrong)


@pytest.mark.parametrize(("g", "error", "message"), [
    ({}, ShapeError, "g = {}"),
    (None, ShapeError, "g = None"),
    ([1.0], ShapeError, r"g = \[1.0\]"),
    ({(1, 2): 1.0}, ShapeError, r"g has the exponents \(1, 2\); every key must be a tuple of r = 1"),
    ({2: 1.0}, ShapeError, "g has the exponents 2"),
    ({(-1,): 1.0}, DomainError, r"an exponent of \(-1,\) = -1"),
    ({(1.0,): 1.0}, DtypeError, r"an exponent of \(1.0,\) = 1.0"),
    ({(1,): math.nan}, NonFiniteError, r"g\[\(1,\)\] = nan"),
    ({(1,): True}, DtypeError, r"g\[\(1,\)\] = True"),
    ({(1,): "1"}, DtypeError, r"g\[\(1,\)\] = '1'"),
])
def test_polynomials_refuse(g, error, message):
    with pytest.raises(error, match=message):
        Target(g, frozen([[1.0, 2.0]]))


@pytest.mark.parametrize("call", [LINEAR.contract, LINEAR.contract_in_frame, LINEAR.contract_to_vector], ids=["contract", "in_frame", "to_vector"])
def test_an_order_is_a_whole_number(call):
    W = frozen(np.ones((1, 3)))
    with pytest.raises(DomainError, match="k = -1; k must be at least"):
        call(-1, W)
    for k in (True, 1.0, None):
        with pytest.raises(DtypeError, match=f"k = {k!r} is of type {type(k).__name__}"):
            call(k, W)


def test_a_number_has_no_open_slot():
    with pytest.raises(DomainError, match=r"k = 0; k must be at least 1 \(C_0 is a number"):
        LINEAR.contract_in_frame(0, frozen(np.ones((1, 3))))


@pytest.mark.parametrize(("options", "error", "message"), [
    ({"n": 0}, DomainError, "n = 0; n must be at least 1"), ({"n": -1}, DomainError, "n = -1"), ({"n": 2.0}, DtypeError, "n = 2.0"),
    ({"n": True}, DtypeError, "n = True"), ({"rng": None}, DtypeError, "rng is None"), ({"rng": 0.5}, DtypeError, "rng = 0.5"),
    ({"varsigma": -1}, DomainError, r"varsigma = -1.0; the label noise is \+-varsigma"), ({"varsigma": math.nan}, NonFiniteError, "varsigma = nan"),
    ({"varsigma": True}, DtypeError, "varsigma = True"), ({"varsigma": None}, DtypeError, "varsigma = None"),
])
def test_samples_refuse(options, error, message):
    options = {"n": 2, "rng": 0, **options}
    with pytest.raises(error, match=message):
        LINEAR.sample(options.pop("n"), **options)


@pytest.mark.parametrize(("c", "error", "message"), [
    ([], ShapeError, r"c has shape \(0,\)"), ([1.0, math.nan], NonFiniteError, r"c\[1\] = nan"), ([True], DtypeError, r"c\[0\] = True"),
    (np.ones(2, int), DtypeError, "c has dtype int64"), (1.0, DtypeError, "c is of type float"), (np.ones((2, 2)), ShapeError, r"c has shape \(2, 2\)"),
])
def test_single_index_refuses_coefficients(c, error, message):
    with pytest.raises(error, match=message):
        single_index(c, frozen([1.0]))


def test_single_index_needs_a_direction():
    with pytest.raises(DomainError, match="U has 1 rows of rank 0"):
        single_index([1.0], frozen([0.0, 0.0]))


ONES = frozen([[1.0]])
HUGE, STEEP = Target({(2,): 1.0}, frozen([[1e200]])), Target({(2,): 1e300, (1,): 1e300}, frozen([[1e10]]))
OVERFLOWS = {
    "value": lambda: Target({(2, 2): 1.0}, frozen(np.eye(2))).value(frozen([[1e100, 1e100]])),
    "value, |u| = 1e200": lambda: HUGE.value(ONES),
    "value, g = 10**400": lambda: Target({(2,): 10**400}, ONES).value(ONES),
    "contract, |u| = 1e200": lambda: HUGE.contract(2, ONES),
    "contract, |w| = 1e200": lambda: Target({(2,): 1.0}, ONES).contract(2, frozen([[1e200]])),
    "contract, in the factorial": lambda: Target({(2,): 1.0}, ONES).contract(2, frozen([[1.2e154]])),
    "contract, g = 10**400": lambda: Target({(2,): 10**400}, ONES).contract(2, ONES),
    "contract_in_frame": lambda: Target({(2,): 1.0}, ONES).contract_in_frame(2, frozen([[1.7e308]])),
    "contract_to_vector": lambda: Target({(2,): 1.0}, frozen([[1e150]])).contract_to_vector(2, frozen([[1e10]])),
    "frame_coordinates": lambda: HUGE.frame_coordinates(frozen([[1e200]])),
    "mean, |u| = 1e200": lambda: HUGE.mean,
    "mean": lambda: STEEP.mean,
    "mean_gradient": lambda: STEEP.mean_gradient,
    "mean_hessian": lambda: STEEP.mean_hessian,
    "eigenvalues": lambda: STEEP.eigenvalues,
    "kappa": lambda: STEEP.kappa,
    "second_moment, |u| = 1e200": lambda: HUGE.second_moment,
    "second_moment": lambda: STEEP.second_moment,
    "sample": lambda: STEEP.sample(2, rng=0),
}


@pytest.mark.parametrize("call", OVERFLOWS.values(), ids=OVERFLOWS)
def test_an_overflow_is_an_error_that_says_where(call):
    with pytest.raises(NonFiniteError, match=r" = .*; .* must be finite"):
        call()


def test_beyond_the_degree_there_is_nothing_however_large_k():
    """C_k = 0 for k > p; 171! is no float."""
    assert not LINEAR.contract(171, frozen(np.ones((1, 3)))).any()
    assert not LINEAR.contract_to_vector(172, frozen(np.ones((1, 3)))).any()


@pytest.mark.parametrize("size", [1e-200, 5e-324, 1e200])
def test_a_target_of_any_size_is_normalised(size):
    """E f*^2 = 3 size^2 is no float, yet z^2 / sqrt 3 is."""
    got = Target({(2,): size}, ONES).normalised()
    assert ulps(float(got.g[2,]), 1 / mp.sqrt(3)) <= 2
