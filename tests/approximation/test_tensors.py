"""Symmetric tensors against all their entries, and z_T against the pseudo-inverse of the moment written out in R^{d^k}."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from refimpl import polynomials, symmetric_tensors
from refimpl.approximation.tensors import inner_in_frame, leading_second_moment, taylor_tensors, taylor_tensors_from_hermite, z
from refimpl.data.targets import Target, single_index
from refimpl.errors import DomainError, DtypeError, NonFiniteError, ShapeError
from tests.strategies import EPS, SPOILED, along, average, convolve, exactly, frozen, polynomials_of, rationals, seeds, substitute

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


@pytest.mark.parametrize("e", [1e-6, 1e-12, 1e-16, 0.0])
def test_nearly_parallel_features_are_represented_or_refused(e):
    """Nothing is answered that is wrong by more than the condition of K explains."""
    rng = np.random.default_rng(2)
    G, T = frozen([1.0, 2.0] + e * rng.normal(size=(8, 2))), {(2, 0): 1.0, (0, 2): 3.0}
    with pytest.raises(DomainError, match=r"(is missing|hides whether T lies among them)"):
        z(T, G)


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


# ---- the leading term of the features

@given(at=targets(), k=st.integers(0, 2), seed=seeds)
def test_the_leading_second_moment_is_an_average(at, k, seed):
    """<T, (Hw)^k> multiplied out in w, squared, averaged over N(0, I_d)."""
    T = tensor_of(np.random.default_rng(seed), at.r, k)
    f, e = substitute(dict(at.g), exactly(at.U)), np.eye(at.d, dtype=int).tolist()
    H = [[average(along(along(f, e_i), e_j)) for e_j in e] for e_i in e]
    UH = [[sum(Fraction(u_l) * H[l][j] for l, u_l in enumerate(u)) for j in range(at.d)] for u in at.U.tolist()]
    P = substitute(T, UH)
    whole = average(convolve(P, P))
    assert leading_second_moment(T, at, unit=False) == whole
    assert leading_second_moment(T, at) == whole / math.prod(at.d + 2 * i for i in range(k))


def test_the_leading_second_moment_at_degree_one_has_no_hessian():
    assert leading_second_moment({(1,): 1}, single_index([1.0, 2.0], frozen([1.0, 0.0]))) == 0


def test_its_arguments():
    at = single_index([0.0, 0.0, 1.0], frozen([1.0, 0.0]))
    with pytest.raises(DtypeError, match="it must be a Target"):
        leading_second_moment({(1,): 1}, at.U)
    with pytest.raises(ShapeError, match="r = 1"):
        leading_second_moment({(1, 0): 1}, at)
    with pytest.raises(DomainError, match=r"degrees \[0, 1\]"):
        leading_second_moment({(1,): 1, (0,): 1}, at)
