"""The compiled sums over pairs of neurons against their definition, pair by pair, and the vector instructions of their loops."""

from __future__ import annotations

import math
import re

import numba
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from refimpl import risk
from refimpl._twins import implementation
from refimpl.bivariate import _polar
from refimpl.data.targets import single_index
from refimpl.network import Network
from refimpl.pairs import FAR_APART, FAR_SUM, MIDDLE, ORDERS, ROOTS, WIDE, _coefficients, _laws, relu_gram
from refimpl_kernels import risk as kernels
from tests.assembly import array, assembly
from tests.strategies import mp, mpf, seeds

COMPARED = {"refimpl.risk._near_sums"}

EPS = np.finfo(float).eps


# ---- the comparison

def budget(W, b):
    """How far two evaluations of E[relu_j relu_k] may be apart, (m, m).

    Mehler: of the same coefficients; the term rho^l x_l y_l meets a product and at most l products and l + 1 sums, of half an eps each, on either
    side: (2 l + 3) eps. About rho = +-1: x^2 = (1 - |rho|) / (1 + |rho|) is within 1.5 eps, which is one of rho less than 1.5 eps, and the derivative
    in rho is Pr <= sqrt(Phi Phi): 4 eps of it on two sides; the closed form meets 6 roundings a side; and the series is run with plus signs, where step l adds l + 8 roundings
    to a_l (the sum alpha + (l + 2) beta, two products, a sum, a quotient) and 4 to M_l, and M_0 = e^{-Q^2/2} (1 - ...) starts with those of the
    exponential, 2 Q^2 + 4, and 12 of what multiplies it.
    """
    rho, laws, c = np.abs(W @ W.T), _laws(b), np.abs(_coefficients(b))
    Phi, low, edge = laws[2], np.minimum.outer(laws[2], laws[2]), np.add.outer(np.abs(b) * laws[1], 0 * b)
    both = np.abs(np.multiply.outer(b, b)) + 1
    total = 4 * np.sqrt(np.multiply.outer(Phi, Phi)) + 12 * (both * low + np.abs(b) * np.minimum.outer(laws[1], laws[1]) + edge + edge.T)
    for l, c_l in enumerate(c):
        total += (2 * l + 3) * np.minimum(rho, MIDDLE) ** l * np.multiply.outer(c_l, c_l)
    for sign in (1, -1):
        p, q = np.add.outer(b, sign * b) / 2, np.subtract.outer(b, sign * b) / 2
        total += np.where(rho > MIDDLE, np.multiply.outer(laws[4], laws[4]) * _plus_signs(p, np.abs(q), rho), 0)
    return EPS * total


def _plus_signs(p, q, rho):
    """The sum of the series about rho = 1 with plus signs, each term times the roundings that it has met on both sides."""
    beta = (1 - np.minimum(rho, 1 - EPS)) / (1 + rho)
    Q = np.minimum(q / np.sqrt(beta), np.sqrt(WIDE))
    alpha, bell = p * p * beta / 2, np.exp(-Q * Q / 2)
    M, a, before, total, count = 2 * bell, np.ones_like(beta), np.zeros_like(beta), np.zeros_like(beta), 2 * Q * Q + 16
    for l in ORDERS:
        M_next = (bell + Q * Q * M) / (2 * l + 3)
        total += count * a * (M + M_next)
        count = count + l + 12
        a, before, M = ((alpha + (l + 2) * beta) * a + alpha * beta * before) / (l + 1), a, M_next
    return beta * np.sqrt(beta) * total


def arguments(a, W, b):
    return a, W, _laws(b), _coefficients(b)


def agrees(candidate, W, b):
    """The comparison that a twin passes and a planted fault does not: the heads e_j + e_k, for which the sum is R_jj + R_kk + 2 R_jk, and those of all."""
    m, rng = len(b), np.random.default_rng(len(b))
    j, k = np.triu_indices(m)
    heads = np.eye(m)[j] + np.eye(m)[k] if m < 20 else np.eye(m)[rng.integers(m, size=(2, 60))].sum(axis=0)
    heads = np.vstack([heads, rng.standard_normal((3, m))])
    got, expected = candidate(*arguments(heads, W, b)), risk._near_sums.reference(*arguments(heads, W, b))
    assert got.shape == expected.shape == (len(heads),)
    R = np.abs(relu_gram(b, b, np.clip(W @ W.T, -1, 1)))
    size = np.abs(heads)
    bound = np.einsum("lj,jk,lk->l", size, budget(W, b) + 2 * np.count_nonzero(heads, axis=1).max() * EPS * R, size)
    return bool((np.abs(got - expected) <= bound).all())


# ---- inputs

BIASES = st.sampled_from([0.0, -0.0, 5e-324, -5e-324, 1.0, -1.0, -5.0, -6.5, -8.0, -7.5, -20.0, 39.9, -39.9]) | st.floats(-3, 3) | st.floats(-39, 39)
KINDS = ["any", "cone", "equal", "opposite", "nearly", "plane"]


def rows(rng, m, d, kind):
    """Unit rows (m, d): of any direction, in a cone, equal, of two signs, equal to 1e-9, or with right angles."""
    W = rng.standard_normal((m, d))
    if kind in ("cone", "nearly"):
        W = np.eye(d)[0] * rng.choice([1, -1], size=(m, 1)) + {"cone": 0.3, "nearly": 1e-9}[kind] * W
    elif kind == "equal":
        W = np.tile(W[0], (m, 1))
    elif kind == "opposite":
        W = W[0] * rng.choice([1, -1], size=(m, 1))
    elif kind == "plane":
        W = np.eye(d)[rng.integers(d, size=m)]
    return _polar(W)[1]


@settings(deadline=None)
@given(seed=seeds, b=st.lists(BIASES, min_size=1, max_size=9).map(np.array), d=st.sampled_from([1, 2, 5, 17]), kind=st.sampled_from(KINDS))
@example(seed=0, b=np.array([-6.4, -6.6, -8.0, -15.0, -2.1]), d=2, kind="cone")      # on either side of what is far
@example(seed=1, b=np.array([-1.0, -1.0, 1.0, 1.0]), d=1, kind="opposite")
def test_the_sums_agree(seed, b, d, kind):
    assert agrees(kernels._near_sums, rows(np.random.default_rng(seed), len(b), d, kind), b)


@pytest.mark.parametrize("m", [1, 63, 64, 65, 127, 128, 129, 200])
@pytest.mark.parametrize("kind", ["any", "cone"])
def test_the_sums_agree_around_the_sizes_of_blocks(m, kind):
    rng = np.random.default_rng(m)
    assert agrees(kernels._near_sums, rows(rng, m, 10, kind), 3 * rng.standard_normal(m))


def test_views():
    rng = np.random.default_rng(0)
    W, b = rows(rng, 140, 6, "any")[::2, ::-1], rng.standard_normal(140)[::2]
    a = rng.standard_normal((70, 4))[:, ::2].T
    got, expected = kernels._near_sums(*arguments(a, W, b)), risk._near_sums.reference(*arguments(a, W, b))
    assert got.shape == expected.shape == (2,)
    assert np.all(np.abs(got - expected) <= np.sum(np.abs(a) @ (budget(W, b) + 140 * EPS) * np.abs(a), axis=1))
    assert kernels._near_sums(*arguments(np.ones((4, 0)), W[:0], b[:0])).tolist() == [0.0] * 4


def test_the_constants_are_the_definitions():
    assert (kernels.MIDDLE, kernels.WIDE, kernels.FAR_SUM, kernels.FAR_APART) == (MIDDLE, WIDE, FAR_SUM, FAR_APART)
    assert (kernels.TERMS, kernels.ROWS, len(ROOTS) % kernels.STRIDE) == (len(ORDERS), risk.ROWS, 0)


def test_the_risk_is_the_same_on_both_sides():
    rng = np.random.default_rng(1)
    net = Network(rng.standard_normal(150), np.eye(4)[0] + rng.standard_normal((150, 4)), 4 * rng.standard_normal(150))
    f_star = single_index([0.0, 1.0, 1.0], np.eye(4)[0])
    with implementation("kernels"):
        here = risk.l2_risk_terms(net, f_star)
    with implementation("numpy"):
        assert abs(here.value - risk.l2_risk(net, f_star)) <= here.rounding
    assert here.rounding < 1e-9 * here.value


# ---- the pieces

HALF_LOG_2 = mp.log(2) / 2


def mills_rest(Q):
    """1 - Q Phi(-Q) / phi(Q)."""
    return 1 - Q * mp.ncdf(-Q) / mp.npdf(Q)


def horner(c, x):
    """A polynomial, and how far from it Horner's rule may come out in floats: half a unit in the last place of every product and every sum."""
    total, off = mpf(c[-1]), mp.mpf(0)
    for c_k in c[-2::-1]:
        product, total = total * x, total * x + c_k
        off = abs(x) * off + (math.ulp(product) + math.ulp(total)) / 2
    return total, off


@pytest.mark.parametrize(("f", "c", "x", "low", "high", "bound"), [
    (mp.exp, kernels.EXP, lambda r: r, -HALF_LOG_2, HALF_LOG_2, 1.2e-17), (mills_rest, kernels.REST, lambda Q: (Q - 4) / (Q + 4), mp.mpf(0), mp.mpf(9), 4.5e-17)],
    ids=["exp", "rest"])
def test_the_polynomials_are_as_close_as_is_said(f, c, x, low, high, bound):
    """At 2001 points, about a hundred between two extrema; so they have not been changed for worse ones, either."""
    points = [low + (high - low) * j / 2000 for j in range(2001)]
    assert 0.9 * bound < max(abs(horner(c, x(point))[0] - f(point)) for point in points) <= bound


def test_the_error_of_the_exponential_is_the_sum_of_its_roundings():
    """Those of r = t - n log 2, of which the last difference alone rounds, of Horner's rule, and that of the polynomial: 1.1 eps of e^r."""
    assert (kernels.LN2_HIGH * 2**42).is_integer()                              # n LN2_HIGH is a float for n < 2^11
    assert abs(mpf(kernels.LN2_HIGH) + kernels.LN2_LOW - mp.log(2)) <= EPS / 2 * kernels.LN2_LOW
    for r in (HALF_LOG_2 * j / 1000 for j in range(-1000, 1001)):
        assert (horner(kernels.EXP, r)[1] + 1.2e-17) / mp.exp(r) + math.ulp(r) / 2 + 1024 * EPS * kernels.LN2_LOW <= 1.1 * EPS


@given(t=st.floats(-700, 0))
def test_the_exponential(t):
    assert abs(mp.mpf(kernels.exp(t)) / mp.exp(mp.mpf(t)) - 1) <= 2.2 * EPS / 2


@given(s=st.floats(-1, 5 / 13))
@example(s=-1.0)
def test_the_polynomial_of_mills_ratio(s):
    value, off = horner(kernels.REST, mpf(s))
    assert abs(kernels.rest(s) - value) <= off


@given(Q=st.floats(0, 9))
def test_what_is_left_of_mills_ratio(Q):
    """The documented 4.5e-17, 20 steps of Horner's rule of which the last few count, and s = (Q - 4) / (Q + 4), off by 1.5 eps: 3 eps."""
    assert abs(kernels.rest((Q - 4) / (Q + 4)) - mills_rest(mp.mpf(Q))) <= 3 * EPS


# ---- bits

def filled(rho, b, c):
    """R from rho, by the compiled loop alone."""
    R, frozen = rho.copy(), lambda x: kernels.readonly(np.ascontiguousarray(x))
    kernels.fill(R, *map(frozen, (_coefficients(b).T, _coefficients(c), _laws(b), _laws(c))))
    return R


@pytest.mark.parametrize("kind", ["any", "cone"])
def test_the_place_in_a_block_moves_no_bit(kind):
    rng = np.random.default_rng(2)
    b, c = 3 * rng.standard_normal(9), 3 * rng.standard_normal(150)
    rho = np.clip(rows(rng, 9, 5, kind) @ rows(rng, 150, 5, kind).T, -1, 1)
    whole = filled(rho, b, c)
    for left, right in ((0, 1), (0, 64), (63, 150), (17, 19), (5, 140)):
        assert np.array_equal(filled(rho[:, left:right], b, c[left:right]), whole[:, left:right])
    for j in (0, 4, 8):
        assert np.array_equal(filled(rho[j:j + 1], b[j:j + 1], c), whole[j:j + 1])
    some = rng.permutation(150)
    assert np.array_equal(filled(rho[:, some], b, c[some]), whole[:, some])


# ---- planted faults

def far_pairs_too(a, W, laws, coefficients):
    return kernels._near_sums(a, W, laws, coefficients) + risk._far_sums(a, W, laws[0])


def the_last_columns_lost(a, W, laws, coefficients):
    m = laws.shape[1] - 1
    return kernels._near_sums(a[..., :m], W[:m], laws[:, :m], coefficients[:, :m])


def a_term_lost(a, W, laws, coefficients):
    """he_12 without its partner: right to six digits where |rho| <= 0.3."""
    return kernels._near_sums(a, W, laws, np.where(np.arange(len(coefficients))[:, None] == 12, 0, coefficients))


def single_precision(a, W, laws, coefficients):
    return kernels._near_sums(a, W, laws.astype(np.float32).astype(float), coefficients)


@pytest.mark.parametrize(("wrong", "kind"), [(far_pairs_too, "cone"), (the_last_columns_lost, "any"), (a_term_lost, "any"), (single_precision, "nearly")])
def test_a_wrong_twin_is_rejected(wrong, kind):
    rng = np.random.default_rng(3)
    W, b = rows(rng, 12, 3, kind), np.append(rng.standard_normal(10), [-7.0, -7.0])
    assert agrees(kernels._near_sums, W, b)
    assert not agrees(wrong, W, b)


# ---- instructions

LOOPS = {"mehler": (array(1), array(1), array(1), array(1, readonly=True)), "prepare": (array(1),), "four_terms": (array(1), numba.int64), "finish": (array(1),)}


@pytest.mark.parametrize("name", LOOPS)
def test_the_loops_are_vectorised(name):
    assert re.search(r"\bv(mul|div|fmadd\d+|fnmadd\d+)pd\b.*%[yz]mm", assembly(getattr(kernels, name), *LOOPS[name]))
