"""The class of Theorem 2 against quadrature, its packing in integers, its tolerance at 40 digits, and everything that is refused."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl.data.targets import single_index
from refimpl.errors import DomainError, DtypeError, NonFiniteError, NotConvergedError, ShapeError
from refimpl.lower_bounds.hermite_class import hermite_class, overlap, packing, tolerance_bound
from tests.lower_bounds.test_function_class import HALF, normalised_signs
from tests.strategies import EPS, mp, seeds

# ---- the class

@given(seed=seeds, p=st.integers(1, 4))
def test_inner_products_against_gauss_and_hermite(seed, p):
    """E[f_v f_w] by a rule in the plane of v and w that is exact for polynomials of this degree; targets normalised by sqrt(p!)."""
    F, V = normalised_signs(seed, p=p)
    c = np.zeros(p + 1)
    c[p] = math.sqrt(math.factorial(p))
    t, weight = np.polynomial.hermite_e.hermegauss(p + 2)
    basis = np.linalg.qr(V[:2].T / math.sqrt(6))[0].T                                              # (2, d)
    X = np.array(list(itertools.product(t, repeat=2))) @ basis
    weights = np.array([a * b for a, b in itertools.product(weight, repeat=2)]) / (2 * math.pi)
    values = [single_index(c, V[i] / math.sqrt(6)).value(np.ascontiguousarray(X)) for i in range(2)]
    got = float(F.inner(F.members[0], F.members[1]))
    assert weights @ (values[0] * values[1]) == pytest.approx(got, abs=1e-11 * math.factorial(p) * 4**p)


def test_a_name_is_a_direction_of_any_length():
    """(v.w)^2 / |v|^4 for w of whole numbers and fractions; |v|^2 = 5."""
    F = hermite_class([(1, 2), (2, 1)], 2)
    assert F.inner((1, 2), (Fraction(1, 2), Fraction(1, 4))) == Fraction(1, 25)
    assert F.inner((10, 20), (1, 2)) == 100


# ---- the packing

@pytest.mark.parametrize(("d", "epsilon"), [(1, 0.5), (7, 0.3), (40, 0.5), (100, 0.4), (64, Fraction(5, 8))])
def test_a_packing_is_as_large_as_the_lemma_says_and_as_far_apart(d, epsilon):
    V = packing(d, epsilon, rng=3)
    assert len(V) == math.ceil(mp.exp(mp.mpf(float(epsilon)) ** 2 * d / 4) / 2)
    assert set(V.ravel().tolist()) <= {-1, 1}
    assert all(abs(Fraction(int(v @ w), d)) <= Fraction(epsilon) for v, w in itertools.combinations(V, 2))
    assert np.array_equal(V, packing(d, epsilon, rng=3))


def test_a_packing_of_a_size_that_is_asked_for():
    V = packing(4, 0, rng=0, size=4)
    assert np.array_equal(V @ V.T, 4 * np.eye(4))
    with pytest.raises(NotConvergedError, match=r"size = 4: 1 signs with \|v.w\| <= 0 were found in 4096 draws"):
        packing(3, 0, rng=0, size=4)


# ---- the tolerance

@given(q=st.integers(1, 10**9), d=st.integers(400, 10**9), p=st.integers(1, 6), c=st.sampled_from([0.25, 0.1]))
def test_the_tolerance_at_40_digits(q, d, p, c):
    """Where the theorem applies; the chain 4 q e^{-c epsilon^2 d} + epsilon^p at its own epsilon."""
    cd = mp.mpf(c) * d
    epsilon = mp.sqrt(mp.log(4 * q * cd ** (mp.mpf(p) / 2)) / cd)
    if epsilon**p > 0.499:
        return
    assert abs(mp.mpf(overlap(q, d, p, c=c)) / epsilon - 1) <= 6 * EPS
    tau = mp.sqrt(4 * q * mp.exp(-cd * epsilon**2) + epsilon**p)
    assert abs(mp.mpf(tolerance_bound(q, d, p, c=c)) / tau - 1) <= (4 * p + 4) * EPS


# ---- bad input

@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda: hermite_class([[1, 0], [1, 1]], 2), DomainError, r"V\[1\] has \|v\|\^2 = 2 but V\[0\] has 1"),
    (lambda: hermite_class([[0, 0]], 2), DomainError, r"V\[0\] has \|v\|\^2 = 0"),
    (lambda: hermite_class([[1, 0], [1]], 2), ShapeError, r"V has rows of lengths \[2, 1\]"),
    (lambda: hermite_class([], 2), ShapeError, r"V has rows of lengths \[\]"),
    (lambda: hermite_class([[]], 2), ShapeError, r"V has rows of lengths \[0\]"),
    (lambda: hermite_class([[0.5]], 2), DtypeError, r"V\[0\]\[0\] = 0.5 is of type float"),
    (lambda: hermite_class([[True]], 2), DtypeError, "is of type bool"),
    (lambda: hermite_class([[1]], 0), DomainError, "p = 0"),
    (lambda: packing(0, HALF, rng=0), DomainError, "d = 0"),
    (lambda: packing(4, 1, rng=0), DomainError, "epsilon = 1"),
    (lambda: packing(4, -HALF, rng=0), DomainError, "epsilon = -1/2"),
    (lambda: packing(4, HALF, rng=0, size=0), DomainError, "size = 0"),
    (lambda: packing(4, HALF, rng=None), DtypeError, "rng is None"),
    (lambda: overlap(1, 3, 2), DomainError, "c = 0.25 and d = 3; Theorem 2 needs c d >= 1"),
    (lambda: tolerance_bound(10**6, 50, 4), DomainError, r"epsilon\^p = .* for q = 1000000, d = 50, p = 4, c = 0.25"),
    (lambda: tolerance_bound(0, 50, 4), DomainError, "q = 0"),
    (lambda: overlap(1, 100, 2, c="1"), DtypeError, "c = '1'"),
    (lambda: overlap(1, 10**6, 2, c=0.5), DomainError, "c = 0.5; the constant of Lemma 6 must be at most 1/4"),
    (lambda: overlap(1, 10**6, 2, c=-0.1), DomainError, "c = -0.1 and d = 1000000; Theorem 2 needs c d >= 1"),
    (lambda: overlap(1, 10**6, 2, c=math.nan), NonFiniteError, "c = nan"),
    (lambda: packing(10**6, HALF, rng=0), DomainError, r"Lemma 6 has e\^6.25e\+04 / 2 directions, too many to list; give a size"),
    (lambda: hermite_class([[1, 1]], 2).inner((1, 1, 0), (1, 1)), ShapeError, r"\(1, 1, 0\) names no function of x in R\^d, d = 2"),
    (lambda: hermite_class([[1, 1]], 2).inner((1, 1), "11"), ShapeError, "'11' names no function"),
    (lambda: hermite_class([[1, 1]], 2).inner((1, 1), (1, math.nan)), DtypeError, r"w\[1\] = nan is of type float; a direction must hold int or Fraction"),
    (lambda: hermite_class([[1, 1]], 2).inner((1, 1), (True, 1)), DtypeError, r"w\[0\] = True is of type bool"),
    (lambda: hermite_class([[1, 1]], 2).inner((1, 1), (1, 1j)), DtypeError, r"w\[1\] = 1j"),
])
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
