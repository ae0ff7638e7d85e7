"""Symmetric tensors against all their entries, and z_T against the pseudo-inverse of the moment written out in R^{d^k}."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from refimpl import polynomials, symmetric_tensors
from refimpl.approximation.tensors import inner_in_frame, taylor_tensors, taylor_tensors_from_hermite, z
from refimpl.data.targets import Target, single_index
from refimpl.errors import DomainError, DtypeError, NonFiniteError, ShapeError
from tests.strategies import EPS, SPOILED, exactly, frozen, polynomials_of, rationals, seeds, substitute

# ---- references with all d^k entries


def entries(T, k):
    """The symmetric tensor with <T, x^k> = T(x): the coefficient of x^alpha spread over the k!/alpha! entries of that type."""
    d = len(next(iter(T)))
    full = np.zeros((d,) * k, dtype=object)
    for index in itertools.product(range(d), repeat=k):
        alpha = tuple(index.count(i) for i in range(d))
        full[index] = Fraction(T.get(alpha, 0)) * math.prod(map(math.factorial, alpha)) / math.factorial(k)
    return full


def power(g, k):
    """Vec(g^k)."""
    full = np.ones(1)
    for _ in range(k):
        full = np.kron(full, g)
    return full


def tensor_of(rng, d, k):
    return {alpha: Fraction(int(rng.integers(1, 9)) * (-1) ** int(rng.integers(2)), 4) for alpha in polynomials.exponents(d, k)}


def at_point(T, x):
    return sum(float(c) * math.prod(float(x_i) ** i for x_i, i in zip(x, alpha, strict=True)) for alpha, c in T.items())


def frame(seed, r, d):
    rng = np.random.default_rng(seed)
    return frozen(rng.integers(-3, 4, (r, d)) / 4 + 2 * np.eye(r, d))


def nonzero(T):
    return {alpha: x for alpha, x in T.items() if x}


# ---- Taylor tensors

@st.composite
def targets(draw):
    r = draw(st.integers(1, 3))
    return Target(draw(polynomials_of(r, 5, coefficients=rationals())), frame(draw(seeds), r, draw(st.integers(r, 3))))


@given(at=targets())
def test_taylor_tensors_add_up_to_the_target(at):
    T = taylor_tensors(at)
    assert len(T) == at.p + 1
    assert all(sum(alpha) == k for k, part in enumerate(T) for alpha in part)
    assert nonzero(polynomials.add({}, *T)) == nonzero(dict(at.g))


def test_a_part_that_is_missing_is_a_tensor_that_is_zero():
    T = taylor_tensors(Target({(0, 0): 1.0, (1, 2): 2.0}, frozen(np.eye(2))))
    assert T[1:3] == [{(1, 0): 0}, {(2, 0): 0}]
    assert not z(T[2], frozen(np.random.default_rng(0).normal(size=(5, 2)))).z.any()


@given(at=targets())
def test_from_hermite_they_are_the_same(at):
    assert list(map(nonzero, taylor_tensors_from_hermite(at))) == list(map(nonzero, taylor_tensors(at)))


def test_directions_of_any_float():
    at = Target({(3, 1): 2.0, (1, 1): 0.3, (0, 0): 1.0}, frozen(np.random.default_rng(0).normal(size=(2, 5))))
    assert list(map(nonzero, taylor_tensors_from_hermite(at))) == list(map(nonzero, taylor_tensors(at)))


def test_He_2_by_hand():
    """He_2(z) = z^2 - 1: T_0 = C_0 - C_2(I) / 2 = 0 - 1, T_2 = C_2 / 2 = 1."""
    T = taylor_tensors_from_hermite(single_index([0.0, 0.0, 2.0], frozen([0.0, 1.0])))
    assert list(map(nonzero, T)) == [{(0,): -1}, {}, {(2,): 1}]


@pytest.mark.parametrize("function", [taylor_tensors, taylor_tensors_from_hermite])
def test_a_target_is_needed(function):
    with pytest.raises(DtypeError, match="target is of type dict; it must be a Target"):
        function({(1,): 1.0})


# ---- the inner product

@given(k=st.integers(0, 4), r=st.integers(1, 3), seed=seeds)
def test_with_the_identity_it_is_the_sum_over_all_entries(k, r, seed):
    rng, I = np.random.default_rng(seed), polynomials.identity(r)
    S, T = tensor_of(rng, r, k), tensor_of(rng, r, k)
    assert inner_in_frame(S, T, I) == np.sum(entries(S, k) * entries(T, k)) == symmetric_tensors.inner(S, T)
    assert inner_in_frame(T, T, I) > 0


@given(k=st.integers(0, 3), r=st.integers(1, 2), more=st.integers(0, 2), seed=seeds)
def test_inner_product_in_a_frame_is_that_in_x(k, r, more, seed):
    rng, U = np.random.default_rng(seed), frame(seed, r, r + more)
    S, T, G = tensor_of(rng, r, k), tensor_of(rng, r, k), polynomials.gram(U.tolist())
    in_x = [substitute(P, exactly(U)) for P in (S, T)]
    assert inner_in_frame(S, T, G) == inner_in_frame(T, S, G) == np.sum(entries(in_x[0], k) * entries(in_x[1], k))


def test_two_tensors_of_one_order_and_size():
    I = polynomials.identity(1)
    with pytest.raises(DomainError, match="S is of order 1 but T of order 2"):
        inner_in_frame({(1,): 1}, {(2,): 1}, I)
    with pytest.raises(DomainError, match=r"S has terms of the degrees \[0, 1\]"):
        inner_in_frame({(1,): 1, (0,): 1}, {(1,): 1}, I)
    with pytest.raises(ShapeError, match="r = 1"):
        inner_in_frame({(1,): 1}, {(1, 0): 1}, I)
    with pytest.raises(ShapeError, match="r = 2"):
        inner_in_frame({(1,): 1}, {(1,): 1}, polynomials.identity(2))
    assert inner_in_frame({(2, 0): 0}, {(1, 1): 1}, polynomials.identity(2)) == 0


# ---- z_T

def explicit(T, G, k):
    """z_T at the rows of G, by the singular value decomposition of the rows Vec(g^k), and the rank."""
    A = np.array([power(g, k) for g in G])                                                           # (N, d^k)
    z_T = len(G) * np.linalg.pinv(A, rcond=1e-10).T @ entries(T, k).astype(float).ravel()
    return z_T, np.linalg.matrix_rank(A)


@given(k=st.integers(0, 3), d=st.integers(1, 3), N=st.integers(1, 40), seed=seeds)
def test_z_is_the_pseudo_inverse_of_the_moment(k, d, N, seed):
    rng = np.random.default_rng(seed)
    D = math.comb(d + k - 1, k)
    assume(N >= 2 * D)
    G, T = frozen(rng.normal(size=(N, d))), tensor_of(rng, d, k)
    got, (expected, rank) = z(T, G), explicit(T, G, k)
    lam = np.linalg.eigvalsh((G @ G.T) ** k)
    budget = 8 * EPS * (k * (d + 1) + N) * N * lam[-1] / lam[-D] * np.linalg.norm(expected)
    assert np.max(np.abs(got.z - expected)) <= budget
    assert got.rank == rank == D
    assert abs(got.second_moment - np.mean(expected**2)) <= 2 * budget * np.linalg.norm(expected) / N
    for x in rng.normal(size=(3, d)):
        assert abs(np.mean(got.z * (G @ x) ** k) - at_point(T, x)) <= budget * np.linalg.norm(x) ** k * np.max(np.linalg.norm(G, axis=1)) ** k


@given(k=st.integers(0, 3), seed=seeds)
def test_a_frame_changes_nothing(k, seed):
    rng, U = np.random.default_rng(seed), frame(seed, 2, 3)
    G, T = frozen(rng.normal(size=(30, 3))), tensor_of(rng, 2, k)
    in_frame, in_x = z(T, G, U=U), z(nonzero(substitute(T, exactly(U))), G)
    assert np.max(np.abs(in_frame.z - in_x.z)) <= 1e-9 * np.max(np.abs(in_x.z))
    assert in_frame.rank == in_x.rank


@given(seed=seeds, e=st.integers(-60, 60))
def test_lengths_of_any_size(seed, e):
    """z_T is homogeneous of degree -k in the features, and linear in T: powers of 2 move no digit."""
    rng = np.random.default_rng(seed)
    G, T = frozen(rng.normal(size=(12, 2))), tensor_of(rng, 2, 3)
    assert np.allclose(z(T, frozen(G * 2.0**e)).z * 2.0 ** (3 * e), z(T, G).z, rtol=1e-9, atol=0)
    assert np.allclose(z(polynomials.scale(T, -4), G).z, -4 * z(T, G).z, rtol=1e-9, atol=0)


def test_a_pool_smaller_than_the_space_may_still_hold_T():
    """T = (g_1.x)^3 lies in the span of one power."""
    G = frozen([[1.0, 2.0, -1.0], [0.5, 0.0, 1.0]])
    got = z(nonzero(substitute({(3,): Fraction(1)}, exactly(G[:1]))), G)
    assert np.allclose(got.z, [2.0, 0.0], atol=1e-13)
    assert got.rank == 2


@pytest.mark.parametrize(("k", "d", "N"), [(1, 2, 1), (2, 2, 2), (3, 3, 9), (2, 4, 9)])
def test_a_T_outside_the_span_is_refused(k, d, N):
    rng = np.random.default_rng(N)
    D = math.comb(d + k - 1, k)
    with pytest.raises(DomainError, match=rf"T lies outside what the pool expresses: .*N = {N} features span {N} of the {D} dimensions .* is missing"):
        z(tensor_of(rng, d, k), frozen(rng.normal(size=(N, d))))


def test_a_T_off_the_features_subspace_is_refused():
    G = np.random.default_rng(1).normal(size=(50, 3))
    G[:, 2] = 0
    assert z({(2, 0, 0): 1}, frozen(G)).rank == 3
    with pytest.raises(DomainError, match="span 3 of the 6 dimensions"):
        z({(2, 0, 0): 1, (1, 0, 1): 1}, frozen(G))


def nearly_parallel(e):
    return frozen([1.0, 2.0] + e * np.random.default_rng(2).normal(size=(8, 2)))


@pytest.mark.parametrize("e", [1e-7, 1e-8, 1e-12, 1e-16, 0.0])
def test_features_too_near_to_parallel_are_refused(e):
    with pytest.raises(DomainError, match=r"(is missing|hides whether T lies among them)"):
        z({(2, 0): 1.0, (0, 2): 3.0}, nearly_parallel(e))


@pytest.mark.parametrize("e", [1e-6, 1e-4, 1e-2])
def test_nearly_parallel_features_represent_T_as_far_as_rounding_lets_them(e):
    """sum_j z_j g_j^2 / N = T, the left side in exact arithmetic: 2 (2k + 3 + N D) eps |A| |c|, c = z / N, is what rounding moves."""
    G, T = nearly_parallel(e), {(2, 0): 1, (1, 1): 0, (0, 2): 3}
    got, rows = z(T, G), exactly(G)
    represented = [sum(Fraction(x) * g[0] ** i * g[1] ** j for x, g in zip(got.z.tolist(), rows, strict=True)) / 8 * math.comb(2, i) for i, j in T]
    missing = math.hypot(*(float(x - y) / math.sqrt(math.comb(2, i)) for (i, _), x, y in zip(T, represented, T.values(), strict=True)))
    assert got.rank == 3
    assert missing <= 2 * (2 * 2 + 3 + 8 * 3) * EPS * np.linalg.norm(np.sum(G**2, axis=1)) * np.linalg.norm(got.z) / 8
    assert missing <= 0.05


def test_a_small_pool_in_a_large_space_is_refused_before_it_is_written_out():
    G = frozen(np.random.default_rng(0).normal(size=(200, 80)))
    with pytest.raises(DomainError, match=r"N = 200 features span at most 200 of the 88560 dimensions .* take N >= D"):
        z({(3, *[0] * 79): 1}, G)


def test_directions_in_a_large_space():
    """d = 10 and k = 4, where the features stay near a plane as those of Lemma 21 do: D = 715 dimensions of very different sizes."""
    rng = np.random.default_rng(0)
    G, U = rng.normal(size=(900, 10)) * [1, 1, *[0.05] * 8], np.eye(2, 10)
    got = z({(4, 0): 1, (2, 2): -2}, frozen(G), U=frozen(U))
    assert got.rank == 715
    moved = 2 * (2 * 4 + 3 + 900 * 715) * EPS * np.linalg.norm(np.sum(G**2, axis=1) ** 2) * np.linalg.norm(got.z) / 900     # of the tensor, and of its mean
    for x in rng.normal(size=(3, 10)):
        assert abs(np.mean(got.z * (G @ x) ** 4) - (x[0] ** 4 - 2 * x[0] ** 2 * x[1] ** 2)) <= moved * np.linalg.norm(x) ** 4 <= 1e-3


def test_T_of_several_degrees_is_no_tensor():
    with pytest.raises(DomainError, match=r"T has terms of the degrees \[1, 2\]; .* of one degree k"):
        z({(2,): 1, (1,): 1}, frozen([[1.0]]))


def test_T_has_the_variables_of_its_frame():
    G = frozen([[1.0, 0.0], [0.0, 1.0]])
    with pytest.raises(ShapeError, match="r = 2"):
        z({(1,): 1}, G)
    with pytest.raises(ShapeError, match="r = 1"):
        z({(1, 0): 1}, G, U=frozen([[1.0, 0.0]]))
    with pytest.raises(ShapeError, match="U has shape"):
        z({(1,): 1}, G, U=frozen([[1.0, 0.0, 0.0]]))
    with pytest.raises(ShapeError, match="g must map exponents"):
        z({}, G)


@pytest.mark.parametrize("name", ["G", "U"])
@pytest.mark.parametrize(("spoil", "error", "pattern"), SPOILED)
def test_spoiled_arrays(name, spoil, error, pattern):
    arguments = {"G": frozen([[1.0, 0.0], [0.0, 1.0]]), "U": frozen([[1.0, 2.0], [0.0, 1.0]])}
    with pytest.raises(error, match=pattern.format(name=name)):
        z({(1, 0): 1}, **{**arguments, name: spoil(arguments[name])})


def test_an_overflow_is_an_error():
    with pytest.raises(NonFiniteError, match=r"must be finite"):
        z({(3,): 1}, frozen([[1e60], [1e-3]]))
    with pytest.raises(NonFiniteError, match=r"must be finite"):
        z({(3,): 1}, frozen([[1e200]]))
