"""Symmetric tensors as polynomials, against arrays with all r^p entries."""

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
from tests.strategies import rationals

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


def test_the_zero_tensor_keeps_its_order():
    zero = tensors.trace({(1, 1, 0): 1}, 1)
    assert zero == {(0, 0, 0): 0}
    assert tensors.trace({(2, 0): 1, (0, 2): -1}, 1) == {(0, 0): 0}
    assert tensors.contract({(2, 0, 1): 0}, [1, 2, 3], 1).keys() == {(1, 0, 1), (2, 0, 0)}
    assert tensors.inner(zero, {(0, 0, 0): 5}) == 0


def test_a_sparse_tensor_of_many_directions_is_cheap():
    """10^12 entries, two of them kept."""
    T = {tuple(4 * int(i == j) for i in range(1000)): 1 for j in (0, 999)}
    assert tensors.inner(T, T) == 2
    assert tensors.trace(T, 2) == {(0,) * 1000: 2}


@pytest.mark.parametrize("l", range(4))
@pytest.mark.parametrize("r", [1, 2, 3])
def test_the_power_of_the_identity_is_a_power_of_the_square(l, r):
    product = {(0,) * r: F(1)}
    for _ in range(l):
        product = polynomials.times(product, {tuple(2 * int(i == j) for j in range(r)): F(1) for i in range(r)})
    assert tensors.identity_power(l, r) == product


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
    (lambda: tensors.identity_power(1, 0), DomainError, "r = 0"),
])
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_arguments_are_left_alone():
    T, w = {(1, 1): 2}, [1, 2]
    tensors.contract(T, w, 1)
    tensors.trace(T, 1)
    assert (T, w) == ({(1, 1): 2}, [1, 2])
