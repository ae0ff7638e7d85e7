"""Classes known by inner products, against Gram matrices in floats, and everything that is refused."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given

from refimpl.errors import DomainError, DtypeError, NonFiniteError, ShapeError
from refimpl.lower_bounds.function_class import FunctionClass, gram_class
from refimpl.lower_bounds.hermite_class import hermite_class
from tests.strategies import seeds

HALF = Fraction(1, 2)


def equicorrelated(N, epsilon):
    return gram_class([[Fraction(1) if i == j else epsilon for j in range(N)] for i in range(N)])


def normalised_signs(seed, d=6, p=2, N=5):
    """A class of Hermite polynomials whose directions differ by more than a sign."""
    rng = np.random.default_rng(seed)
    while True:
        V = 2 * rng.integers(0, 2, (N, d)) - 1
        if np.all(np.abs(V @ V.T)[~np.eye(N, dtype=bool)] < d):
            return hermite_class(V, p), V


@given(seed=seeds)
def test_correlations_losses_and_norms_against_the_gram_matrix(seed):
    F, _ = normalised_signs(seed)
    G = np.array([[float(F.inner(s, t)) for t in F.members] for s in F.members])
    c = np.random.default_rng(seed).integers(-3, 4, len(G))
    h = dict(zip(F.members, c.tolist(), strict=True))
    assert float(F.correlation(h, h)) == pytest.approx(c @ G @ c, abs=1e-12)
    assert [float(x) for x in F.losses(h).values()] == pytest.approx(list(c @ G @ c - 2 * G @ c + 1), abs=1e-12)
    assert float(F.epsilon) == pytest.approx(np.max(np.abs(G - np.eye(len(G)))), abs=1e-15)


@given(seed=seeds)
def test_a_normalised_query_is_no_longer_than_1_and_hardly_shorter(seed):
    F, _ = normalised_signs(seed)
    h = F.normalised({s: Fraction(int(x), 7) for s, x in zip(F.members, np.random.default_rng(seed).integers(1, 9, 5), strict=True)})
    assert 1 - Fraction(1, 2**30) <= F.correlation(h, h) <= 1


def test_a_rational_norm_is_divided_by_exactly():
    F = equicorrelated(4, Fraction(0))
    h = F.normalised(dict.fromkeys(range(4), 3))
    assert h == dict.fromkeys(range(4), HALF)
    assert F.correlation(h, h) == 1
    assert equicorrelated(1, HALF).epsilon == 0


def test_floats_are_the_fractions_they_are():
    F = gram_class([[1, 0.1], [0.1, 1.0]])
    assert F.correlation({0: 0.1}, {1: 0.3}) == Fraction(0.1) * Fraction(0.3) * Fraction(0.1)
    assert F.consistent(F.members, {0: 1}, 0.7, Fraction(31, 100)) == (0,)
    assert F.consistent(F.members, {0: 1}, 0.7, 0.3) == ()                                          # 1 less the float 0.7 is above 3/10


def test_a_class_is_not_changed_afterwards():
    members = [0, 1]
    F = FunctionClass(members, lambda s, t: Fraction(s == t))
    members.append(2)
    assert F.members == (0, 1)
    for name in ("members", "inner"):
        with pytest.raises(AttributeError):
            setattr(F, name, None)


# ---- bad input

@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda: FunctionClass([], min), ShapeError, "members is empty"),
    (lambda: FunctionClass([1, 1], lambda s, t: Fraction(1)), DomainError, "members holds a function twice"),
    (lambda: FunctionClass([1], lambda s, t: HALF), DomainError, r"E f\^2 = 1/2 for the member 1"),
    (lambda: gram_class([[1, 0]]), ShapeError, r"G has 1 rows of lengths \[2\]"),
    (lambda: gram_class([[1, 0], [HALF, 1]]), DomainError, "G is not symmetric"),
    (lambda: gram_class([["1"]]), DtypeError, r"G\[0\]\[0\] = '1' is of type str"),
    (lambda: equicorrelated(2, HALF).normalised({}), DomainError, r"E h\^2 = 0"),
    (lambda: equicorrelated(2, 2).normalised({0: 1, 1: -1}), DomainError, r"E h\^2 = -2; a query that is normalised must have a norm above 0"),
    (lambda: equicorrelated(2, HALF).normalised([0]), DtypeError, "h is of type list; h must be a combination"),
    (lambda: equicorrelated(2, HALF).correlation({0: "1"}, {0: 1}), DtypeError, r"g\[0\] = '1' is of type str"),
    (lambda: equicorrelated(2, HALF).correlation({0: 1}, {1: float("nan")}), NonFiniteError, r"h\[1\] = nan; h\[1\] must be finite"),
    (lambda: equicorrelated(2, HALF).losses({0: float("inf")}), NonFiniteError, r"g\[0\] = inf"),
    (lambda: equicorrelated(2, HALF).consistent([0], {0: 1}, float("nan"), 1), NonFiniteError, "answer = nan"),
    (lambda: equicorrelated(2, HALF).correlation({-1: 1}, {0: 1}), DomainError, "-1 names no function of this class; its names are those of the rows of G, 0 to 1"),
    (lambda: equicorrelated(2, HALF).correlation({2: 1}, {0: 1}), DomainError, "2 names no function"),
    (lambda: equicorrelated(2, HALF).correlation({True: 1}, {0: 1}), DomainError, "True names no function"),
    (lambda: equicorrelated(2, HALF).correlation({0.0: 1}, {0: 1}), DomainError, "0.0 names no function"),
    (lambda: FunctionClass([1], lambda s, t: 1 if s == t else float("nan")).correlation({1: 1}, {2: 1}), NonFiniteError, r"E\[g h\] = nan"),
])
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
