"""Gaussian and spherical moments of tensors, against heat, quadrature, steps on the circle and closed forms."""

import itertools
import math
from fractions import Fraction

import flint
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl import polynomials, tensor_moments
from refimpl.errors import DomainError, DtypeError, ShapeError
from refimpl.symmetric_tensors import identity_power, inner
from tests.strategies import substitute
from tests.test_symmetric_tensors import against, full, homogeneous

F = Fraction

# ---- powers

@pytest.mark.parametrize(("k", "d", "value"), [(0, 7, 1), (1, 7, 7), (2, 1, 3), (3, 1, 15), (2, 2, 8), (3, 2, 48), (2, 3, 15), (4, 3, 945)])
def test_moments_of_a_length(k, d, value):
    """(2k-1)!! in one dimension, 2^k k! in two, (2k+1)!! in three."""
    assert tensor_moments.chi_moment(k, d) == value


@given(k=st.integers(0, 6), d=st.integers(1, 40))
def test_moments_of_a_length_are_a_ratio_of_gammas(k, d):
    with flint.ctx.workprec(120):
        ratio = 2**k * (flint.arb(d) / 2 + k).gamma() / (flint.arb(d) / 2).gamma()
        assert ratio.contains(tensor_moments.chi_moment(k, d))


@pytest.mark.parametrize("k", range(4))
@pytest.mark.parametrize("r", [1, 2, 3])
def test_the_mean_of_a_power_by_heat(k, r):
    """<E w^{2k}, z^{2k}> = E (w.z)^{2k}: at points, as a polynomial of w."""
    for z in itertools.product([F(1), F(-2), F(1, 3)], repeat=r):
        power = {(0,) * r: F(1)}
        for _ in range(2 * k):
            power = polynomials.times(power, {tuple(int(i == j) for j in range(r)): z[i] for i in range(r)})
        assert polynomials.evaluate(tensor_moments.power_moment(k, r), z) == polynomials.mean(power, polynomials.identity(r))


@pytest.mark.parametrize("k", range(5))
def test_powers_on_the_circle_and_on_the_sphere_of_r_3(k):
    """E w_1^{2k} is binom(2k, k) / 4^k on the circle, 1/(2k+1) on the sphere of R^3, 1 on {-1, 1}."""
    for d, value in ((1, F(1)), (2, F(math.comb(2 * k, k), 4**k)), (3, F(1, 2 * k + 1))):
        assert tensor_moments.sphere_power_moment(k, 1, d) == {(2 * k,): value}
        assert tensor_moments.sphere_power_moment(k, d, d)[(2 * k,) + (0,) * (d - 1)] == value


# ---- contractions

@given(at=homogeneous(most_order=3), seed=st.integers(0, 5))
def test_norms_traces_and_means_do_not_see_a_rotation(at, seed):
    T, p, r, _ = at
    c, s = [(F(3, 5), F(4, 5)), (F(5, 13), F(-12, 13)), (F(0), F(1)), (F(-1), F(0)), (F(8, 17), F(15, 17)), (F(20, 29), F(21, 29))][seed]
    Q = [[F(int(i == j)) for j in range(r)] for i in range(r)]
    if r > 1:
        Q[0][0], Q[0][1], Q[1][0], Q[1][1] = c, -s, s, c
    rotated = {alpha: x for alpha, x in substitute(T, Q).items() if sum(alpha) == p} or {(p,) + (0,) * (r - 1): F(0)}
    assert inner(rotated, rotated) == inner(T, T)
    for k in range(p + 1):
        assert tensor_moments.contraction_mean(rotated, k) == tensor_moments.contraction_mean(T, k)


@given(at=homogeneous(most_order=3))
def test_a_point_of_the_circle_by_equal_steps(at):
    """E over the circle of a polynomial of degree 2k < 8 is its mean over a regular octagon; at r = 1 over two signs."""
    T, p, r, _ = at
    if r == 3:
        return
    with flint.ctx.workprec(200):
        root = flint.arb(2).sqrt() / 2
        octagon = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1) if (x, y) != (0, 0)]
        points = [(x, y) if x * y == 0 else (x * root, y * root) for x, y in octagon] if r == 2 else [(-1,), (1,)]
        for k in range(p + 1):
            mean = sum((ball(np.sum(against(array_of_balls(T), w, k) ** 2)) for w in points), start=flint.arb(0)) / len(points)
            exact = tensor_moments.sphere_contraction_mean(T, k, r)
            assert (mean * exact.denominator).contains(exact.numerator)


def array_of_balls(T):
    array = full(T)
    for index in np.ndindex(array.shape):
        array[index] = flint.arb(array[index].numerator) / array[index].denominator
    return array


def ball(x):
    return x if isinstance(x, flint.arb) else flint.arb(x)


@pytest.mark.parametrize("d", [2, 3, 10])
def test_the_length_of_a_contraction_of_the_identity(d):
    """|I w|^2 = |w|^2 and <I, w^2> = |w|^2, so 1 and 1 on the sphere; of a share r of d coordinates r/d and r (r+2) / (d (d+2))."""
    whole = identity_power(1, d)
    assert [tensor_moments.sphere_contraction_mean(whole, k, d) for k in range(3)] == [d, 1, 1]
    share = identity_power(1, 2)
    assert [tensor_moments.sphere_contraction_mean(share, k, d) for k in range(3)] == [2, F(2, d), F(8, d * (d + 2))]


def test_a_mean_by_quadrature():
    """E |T(w^2)|^2 for T = z_1^2 z_2 - 3 z_2^3 by Gauss and Hermite's rule, in floats."""
    T = {(2, 1): 1, (0, 3): -3}
    nodes, weights = np.polynomial.hermite_e.hermegauss(6)
    weights = weights / weights.sum()
    array = full(T).astype(float)
    total = sum(a * b * np.sum((array @ np.array([x, y]) @ np.array([x, y])) ** 2)
                for (x, a), (y, b) in itertools.product(list(zip(nodes, weights, strict=True)), repeat=2))
    assert abs(total - float(tensor_moments.contraction_mean(T, 2))) <= 1e-12 * total


def test_a_sparse_tensor_of_many_directions_is_cheap():
    """10^12 entries, two of them kept."""
    T = {tuple(4 * int(i == j) for i in range(1000)): 1 for j in (0, 999)}
    assert tensor_moments.contraction_mean(T, 4) == 2 * 105 + 2 * 9


# ---- what goes in

@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda: tensor_moments.power_moment(-1, 2), DomainError, "k = -1"),
    (lambda: tensor_moments.chi_moment(-1, 2), DomainError, "k = -1"),
    (lambda: tensor_moments.chi_moment(1, 0), DomainError, "d = 0"),
    (lambda: tensor_moments.chi_moment(1, 2.0), DtypeError, "d = 2.0"),
    (lambda: tensor_moments.sphere_power_moment(1, 3, 2), DomainError, "d = 2; d must be at least 3"),
    (lambda: tensor_moments.contraction_mean({(2,): 1}, 3), DomainError, "k = 3 would fill 3 slots"),
    (lambda: tensor_moments.contraction_mean({(2,): 1, (1,): 1}, 1), ShapeError, "T has terms of the degrees 1, 2"),
    (lambda: tensor_moments.sphere_contraction_mean({(1, 1): 1}, 1, 1), DomainError, "d = 1; d must be at least 2"),
])
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_arguments_are_left_alone():
    T = {(1, 1): 2}
    tensor_moments.contraction_mean(T, 2)
    assert T == {(1, 1): 2}
