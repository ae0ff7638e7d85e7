"""Symmetric tensors as polynomials, against arrays with all r^p entries, sums over signs and closed forms on circle and sphere."""

import itertools
import math
from fractions import Fraction

import flint
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl import polynomials
from refimpl import symmetric_tensors as tensors
from refimpl.errors import DomainError, DtypeError, NonFiniteError, ShapeError
from tests.strategies import rationals, substitute

F = Fraction


@st.composite
def homogeneous(draw, most_order=4, most_directions=3):
    """A tensor T of order p on r directions, at times sparse, and a point w."""
    p, r = draw(st.integers(0, most_order)), draw(st.integers(1, most_directions))
    T = {alpha: draw(rationals()) for alpha in itertools.product(range(p + 1), repeat=r) if sum(alpha) == p and draw(st.integers(0, 3))}
    return T or {(p,) + (0,) * (r - 1): F(0)}, p, r, [draw(rationals()) for _ in range(r)]


def full(T):
    """The array of all entries."""
    p, r = sum(next(iter(T))), len(next(iter(T)))
    array = np.zeros((r,) * p, dtype=object)
    for index in np.ndindex(array.shape):
        alpha = tuple(index.count(i) for i in range(r))
        array[index] = F(T.get(alpha, 0)) * math.prod(map(math.factorial, alpha)) / math.factorial(p)
    return array


def against(array, w, k):
    for _ in range(k):
        array = array @ np.array(w, dtype=object)
    return array


def traced(array, l):
    for _ in range(l):
        array = sum((array[i, i] for i in range(len(array))), start=0 * array[0, 0])
    return array


def same(T, array):
    """A polynomial against an array; an array without axes is a number."""
    return np.array_equal(full(T), np.asarray(array, dtype=object))


# ---- algebra

@given(at=homogeneous())
def test_contractions_and_norms_are_those_of_the_whole_array(at):
    T, p, _, w = at
    assert tensors.inner(T, T) == np.sum(full(T) ** 2)
    for k in range(p + 1):
        assert same(tensors.contract(T, w, k), against(full(T), w, k))
    for l in range(p // 2 + 1):
        assert same(tensors.trace(T, l), traced(full(T), l))


@given(at=homogeneous())
def test_all_slots_filled_is_the_value_of_the_polynomial(at):
    T, p, r, w = at
    assert tensors.contract(T, w, p)[(0,) * r] == polynomials.evaluate(T, w)


@given(at=homogeneous(most_order=3), seed=st.integers(0, 5))
def test_norms_traces_and_means_do_not_see_a_rotation(at, seed):
    T, p, r, _ = at
    c, s = [(F(3, 5), F(4, 5)), (F(5, 13), F(-12, 13)), (F(0), F(1)), (F(-1), F(0)), (F(8, 17), F(15, 17)), (F(20, 29), F(21, 29))][seed]
    Q = [[F(int(i == j)) for j in range(r)] for i in range(r)]
    if r > 1:
        Q[0][0], Q[0][1], Q[1][0], Q[1][1] = c, -s, s, c
    rotated = {alpha: x for alpha, x in substitute(T, Q).items() if sum(alpha) == p} or {(p,) + (0,) * (r - 1): F(0)}
    assert tensors.inner(rotated, rotated) == tensors.inner(T, T)
    for k in range(p + 1):
        assert tensors.contraction_mean(rotated, k) == tensors.contraction_mean(T, k)


def test_the_zero_tensor_keeps_its_order():
    zero = tensors.trace({(1, 1, 0): 1}, 1)
    assert zero == {(0, 0, 0): 0}
    assert tensors.trace({(2, 0): 1, (0, 2): -1}, 1) == {(0, 0): 0}
    assert tensors.contract({(2, 0, 1): 0}, [1, 2, 3], 1).keys() == {(1, 0, 1), (2, 0, 0)}
    assert tensors.inner(zero, {(0, 0, 0): 5}) == 0


def test_a_sparse_tensor_of_many_directions_is_cheap():
    """10^12 entries, two of them kept."""
    T = {tuple(4 * int(i == j) for i in range(1000)): 1 for j in (0, 999)}
    assert tensors.contraction_mean(T, 4) == 2 * 105 + 2 * 9
    assert tensors.inner(T, T) == 2


@pytest.mark.parametrize("l", range(4))
@pytest.mark.parametrize("r", [1, 2, 3])
def test_the_power_of_the_identity_is_a_power_of_the_square(l, r):
    product = {(0,) * r: F(1)}
    for _ in range(l):
        product = polynomials.times(product, {tuple(2 * int(i == j) for j in range(r)): F(1) for i in range(r)})
    assert tensors.identity_power(l, r) == product


# ---- moments

@pytest.mark.parametrize(("k", "d", "value"), [(0, 7, 1), (1, 7, 7), (2, 1, 3), (3, 1, 15), (2, 2, 8), (3, 2, 48), (2, 3, 15), (4, 3, 945)])
def test_moments_of_a_length(k, d, value):
    """(2k-1)!! in one dimension, 2^k k! in two, (2k+1)!! in three."""
    assert tensors.chi_moment(k, d) == value


@given(k=st.integers(0, 6), d=st.integers(1, 40))
def test_moments_of_a_length_are_a_ratio_of_gammas(k, d):
    with flint.ctx.workprec(120):
        ratio = 2**k * (flint.arb(d) / 2 + k).gamma() / (flint.arb(d) / 2).gamma()
        assert ratio.contains(tensors.chi_moment(k, d))


@pytest.mark.parametrize("k", range(4))
@pytest.mark.parametrize("r", [1, 2, 3])
def test_the_mean_of_a_power_by_heat(k, r):
    """<E w^{2k}, z^{2k}> = E (w.z)^{2k}: at points, as a polynomial of w."""
    for z in itertools.product([F(1), F(-2), F(1, 3)], repeat=r):
        power = {(0,) * r: F(1)}
        for _ in range(2 * k):
            power = polynomials.times(power, {tuple(int(i == j) for j in range(r)): z[i] for i in range(r)})
        assert polynomials.evaluate(tensors.power_moment(k, r), z) == polynomials.mean(power, polynomials.identity(r))


@pytest.mark.parametrize("k", range(5))
def test_powers_on_the_circle_and_on_the_sphere_of_r_3(k):
    """E w_1^{2k} is binom(2k, k) / 4^k on the circle, 1/(2k+1) on the sphere of R^3, 1 on {-1, 1}."""
    for d, value in ((1, F(1)), (2, F(math.comb(2 * k, k), 4**k)), (3, F(1, 2 * k + 1))):
        assert tensors.sphere_power_moment(k, 1, d) == {(2 * k,): value}
        assert tensors.sphere_power_moment(k, d, d)[(2 * k,) + (0,) * (d - 1)] == value


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
            exact = tensors.sphere_contraction_mean(T, k, r)
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
    whole = tensors.identity_power(1, d)
    assert [tensors.sphere_contraction_mean(whole, k, d) for k in range(3)] == [d, 1, 1]
    share = tensors.identity_power(1, 2)
    assert [tensors.sphere_contraction_mean(share, k, d) for k in range(3)] == [2, F(2, d), F(8, d * (d + 2))]


def test_a_mean_by_quadrature():
    """E |T(w^2)|^2 for T = z_1^2 z_2 - 3 z_2^3 by Gauss and Hermite's rule, in floats."""
    T = {(2, 1): 1, (0, 3): -3}
    nodes, weights = np.polynomial.hermite_e.hermegauss(6)
    weights = weights / weights.sum()
    array = full(T).astype(float)
    total = sum(a * b * np.sum((array @ np.array([x, y]) @ np.array([x, y])) ** 2)
                for (x, a), (y, b) in itertools.product(list(zip(nodes, weights, strict=True)), repeat=2))
    assert abs(total - float(tensors.contraction_mean(T, 2))) <= 1e-12 * total


# ---- what goes in

def test_numbers_of_every_exact_kind_and_floats_as_they_are():
    assert tensors.inner({(2,): 0.5}, {(2,): flint.fmpq(1, 3)}) == F(1, 6)
    assert tensors.contract({(2,): 1}, [0.1], 1) == {(1,): F(0.1)}
    assert tensors.contract({(1, 0): 2}, (3, flint.fmpq(1, 2)), 1) == {(0, 0): 6}


@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda: tensors.inner({(1,): 1, (2,): 1}, {(1,): 1}), ShapeError, "S has terms of the degrees 1, 2"),
    (lambda: tensors.inner({(1,): 1}, {(0,): 1, (2,): 1}), ShapeError, "T has terms of the degrees 0, 2"),
    (lambda: tensors.inner({(1,): 1}, {(2,): 1}), ShapeError, "order p = 1 in r = 1 variables but T has order 2 in 1"),
    (lambda: tensors.inner({(1, 0): 1}, {(1,): 1}), ShapeError, "order p = 1 in r = 2 variables but T has order 1 in 1"),
    (lambda: tensors.inner({}, {(1,): 1}), ShapeError, "hold at least one"),
    (lambda: tensors.inner({(1,): "1"}, {(1,): 1}), DtypeError, "is of type str"),
    (lambda: tensors.inner({(1,): math.nan}, {(1,): 1}), NonFiniteError, "nan"),
    (lambda: tensors.contract({(2, 0): 1}, [1], 1), ShapeError, r"w has 1 entries but T has r = 2 variables"),
    (lambda: tensors.contract({(2,): 1}, [True], 1), DtypeError, r"w\[0\] = True"),
    (lambda: tensors.contract({(2,): 1}, [math.inf], 1), NonFiniteError, r"w\[0\] = inf"),
    (lambda: tensors.contract({(2,): 1}, [1], 3), DomainError, "k = 3 would fill 3 slots; T has p = 2"),
    (lambda: tensors.contract({(2,): 1}, [1], -1), DomainError, "k = -1"),
    (lambda: tensors.contract({(2,): 1}, [1], 1.0), DtypeError, "k = 1.0"),
    (lambda: tensors.trace({(3,): 1}, 2), DomainError, "l = 2 would fill 4 slots; T has p = 3"),
    (lambda: tensors.trace({(3,): 1}, True), DtypeError, "l = True"),
    (lambda: tensors.identity_power(-1, 2), DomainError, "l = -1"),
    (lambda: tensors.power_moment(-1, 2), DomainError, "k = -1"),
    (lambda: tensors.identity_power(1, 0), DomainError, "r = 0"),
    (lambda: tensors.chi_moment(-1, 2), DomainError, "k = -1"),
    (lambda: tensors.chi_moment(1, 0), DomainError, "d = 0"),
    (lambda: tensors.chi_moment(1, 2.0), DtypeError, "d = 2.0"),
    (lambda: tensors.sphere_power_moment(1, 3, 2), DomainError, "d = 2; d must be at least 3"),
    (lambda: tensors.contraction_mean({(2,): 1}, 3), DomainError, "k = 3 would fill 3 slots"),
    (lambda: tensors.contraction_mean({(2,): 1, (1,): 1}, 1), ShapeError, "T has terms of the degrees 1, 2"),
    (lambda: tensors.sphere_contraction_mean({(1, 1): 1}, 1, 1), DomainError, "d = 1; d must be at least 2"),
])
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_arguments_are_left_alone():
    T, w = {(1, 1): 2}, [1, 2]
    tensors.contract(T, w, 1)
    tensors.trace(T, 1)
    tensors.contraction_mean(T, 2)
    assert (T, w) == ({(1, 1): 2}, [1, 2])
