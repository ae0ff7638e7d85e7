"""How much of a tensor the leading term of the features sees, against the polynomial in w multiplied out."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl.approximation.feature_moments import leading_second_moment
from refimpl.data.targets import single_index
from refimpl.errors import DomainError, DtypeError, ShapeError
from tests.approximation.test_tensors import targets, tensor_of
from tests.strategies import along, average, convolve, exactly, frozen, seeds, substitute


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
