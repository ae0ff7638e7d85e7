"""The head against its own steps at 60 digits, and each shortcut against what it replaces: whole samples for blocks, refits for leaving one out."""

import math
import tracemalloc
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from mpmath import MPContext

from refimpl import head
from refimpl.errors import DomainError, DtypeError, NonFiniteError, ShapeError
from refimpl.head_selection import secular
from tests.strategies import EPS, SPOILED, exactly, frozen, seeds, ulps

P = 10                                                 # LAPACK's backward error in units of eps |G|, as documented

mp = MPContext()
mp.dps = 60


def features(kind, n, m, rng):
    """Features of each kind that a head may meet."""
    Phi = rng.normal(size=(n, m))
    if kind == "ill-conditioned":                      # the Gram matrix has the condition 1e12
        k = min(n, m)
        U, V = (np.linalg.qr(rng.normal(size=(size, k)))[0] for size in (n, m))
        Phi = U * np.geomspace(1, 1e-6, k) @ V.T
    if kind == "duplicated":
        Phi[:, -1] = Phi[:, 0]
    if kind == "relu":
        Phi = np.maximum(Phi, 0)
    if kind == "zero":
        Phi = np.zeros((n, m))
    return frozen(Phi)


KINDS = ["any", "ill-conditioned", "duplicated", "relu", "zero"]
sizes = st.tuples(st.sampled_from(KINDS), st.integers(1, 8), st.integers(1, 5), seeds)


def problem(kind, n, m, seed):
    rng = np.random.default_rng(seed)
    return features(kind, n, m, rng), frozen(rng.normal(size=n)), frozen(rng.normal(size=m))


def length(v):
    return float(np.linalg.norm(v))


# ---- moments

def exact_moments(Phi, y):
    Phi, y, n = exactly(Phi), exactly(y), len(y)
    gram, moment, square = Phi.T @ Phi / n, Phi.T @ y / n, y @ y / n
    return gram, moment, square, abs(Phi).T @ abs(Phi) / n, abs(Phi).T @ abs(y) / n


def check_moments(got, Phi, y):
    gram, moment, square, gram_terms, moment_terms = exact_moments(Phi, y)
    n = len(y)
    assert got.n == n
    assert np.array_equal(got.gram, got.gram.T)
    assert ulps(got.gram, gram, gram_terms) <= n + 1
    assert ulps(got.moment, moment, moment_terms) <= n + 1
    assert ulps(got.square, square) <= n + 1


@given(at=sizes)
def test_moments_are_within_their_bound(at):
    Phi, y, _ = problem(*at)
    check_moments(head.moments(Phi, y), Phi, y)


@given(at=sizes, cuts=st.lists(st.integers(1, 7), max_size=4))
def test_blocks_of_any_sizes_give_the_moments_of_all_samples(at, cuts):
    Phi, y, _ = problem(*at)
    cuts = [0, *sorted({cut for cut in cuts if cut < len(y)}), len(y)]
    check_moments(head.accumulate((Phi[i:j], y[i:j]) for i, j in pairwise(cuts)), Phi, y)


@pytest.mark.parametrize("layout", [np.asfortranarray, lambda Phi: np.repeat(Phi, 2, axis=1)[:, ::2], lambda Phi: Phi[::-1]])
def test_the_gram_matrix_is_symmetric_in_every_bit_whatever_the_layout(layout):
    Phi = layout(np.random.default_rng(0).normal(size=(300, 70)))
    gram = head.moments(Phi, np.ones(300)).gram
    assert np.array_equal(gram, gram.T)


def test_memory_is_that_of_a_block_and_two_gram_matrices():
    def blocks():
        rng = np.random.default_rng(0)
        for _ in range(40):
            yield rng.normal(size=(50, 200)), rng.normal(size=50)

    head.accumulate(blocks())
    tracemalloc.start()
    head.accumulate(blocks())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 8 * (2 * 200**2 + 3 * 50 * 200) + 20_000


# ---- gradient descent

def plain_steps(moments, eta, lam, T, a_0):
    """The iterate by repeated squaring of the affine map of one step, and the longest of the iterates at powers of 2: at 60 digits."""
    m = len(moments.moment)
    step = mp.eye(m + 1)
    for i in range(m):
        for j in range(m):
            step[i, j] -= mp.mpf(eta) * (2 * mp.mpf(moments.gram[i, j]) + (i == j) * mp.mpf(lam))
        step[i, m] = 2 * mp.mpf(eta) * mp.mpf(moments.moment[i])
    start = mp.matrix([*map(mp.mpf, a_0.tolist()), 1])
    a = [(step**t * start)[:m] for t in {0, 1, *(2**k for k in range(T.bit_length() - 1)), T}]
    return (step**T * start)[:m], max(mp.norm(mp.matrix(list(v))) for v in a)


def distance(got, expected):
    return mp.norm(mp.matrix([mp.mpf(float(x)) - y for x, y in zip(got, expected, strict=True)]))


shares = st.sampled_from([0.25, 1.0, 1.5, 2.0])
decays = st.sampled_from([0.0, 1e-9, 0.125, 3.0])


@given(at=sizes, share=shares, lam=decays, T=st.sampled_from([0, 1, 2, 17, 1000, 10_000, 10**9]), from_zero=st.booleans())
@example(at=("ill-conditioned", 5, 5, 0), share=2.0, lam=0.0, T=9999, from_zero=False)
@example(at=("zero", 3, 2, 0), share=1.0, lam=0.0, T=10**9, from_zero=False)
def test_the_path_is_that_of_plain_steps(at, share, lam, T, from_zero):
    """Within (2 p + m) eps min(T, 1 / (1 - rho)) max_t |a_t|, as documented; both routes start from the same moments."""
    Phi, y, a_0 = problem(*at)
    moments = head.moments(Phi, y)
    s = np.linalg.eigvalsh(moments.gram)
    limit = lam + 2 * s[-1]
    eta = share / limit if limit > 0 else share
    a_0 = np.zeros(len(a_0)) if from_zero else a_0
    expected, longest = plain_steps(moments, eta, lam, T, a_0)
    rho = np.max(np.abs(1 - eta * (lam + 2 * s)))
    reach = max(1, min(T, 1 / (1 - rho) if rho < 1 else math.inf))
    for got in (head.gradient_descent_path(moments, eta=eta, lam=lam, T=T, a_0=None if from_zero else a_0),
                head.krylov_path(moments.gram, moments.moment, eta=eta, lam=lam, T=T, a_0=None if from_zero else a_0)):
        assert distance(got, expected) <= (2 * P + len(a_0)) * EPS * reach * (longest or 1)


@pytest.mark.parametrize("kind", KINDS[:4])
@pytest.mark.parametrize(("n", "m"), [(3, 3), (9, 4), (2, 5)])
@pytest.mark.parametrize("lam", [0.0, 1e-6, 0.1])
def test_eleven_digits_after_ten_thousand_steps(kind, n, m, lam):
    """Against plain steps from exact moments of the features: the rounding of the moments counts too."""
    Phi, y, a_0 = problem(kind, n, m, seed=5)
    moments = head.moments(Phi, y)
    gram, moment, *_ = exact_moments(Phi, y)
    exact = head.Moments(np.vectorize(lambda x: mp.mpf(x.numerator) / x.denominator, otypes=[object])(gram),
                         np.vectorize(lambda x: mp.mpf(x.numerator) / x.denominator, otypes=[object])(moment), 0.0, n)
    for T in (1, 10, 100, 1000, 10_000):
        for share in (0.5, 1.0):
            eta = share / (lam + 2 * float(np.linalg.eigvalsh(moments.gram)[-1]))
            for start in (np.zeros(m), a_0):
                expected, _ = plain_steps(exact, eta, lam, T, start)
                got = head.gradient_descent_path(moments, eta=eta, lam=lam, T=T, a_0=start)
                assert distance(got, expected) <= 1e-11 * mp.norm(mp.matrix(list(expected)))


def test_shapes_broadcast_to_a_grid():
    Phi, y, a_0 = problem("any", 6, 3, 0)
    at = head.decompose(head.moments(Phi, y))
    eta, lam, T = np.array([0.01, 0.02])[:, None, None], np.array([0.0, 0.1, 0.2])[:, None], np.array([0, 1, 5, 1000])
    whole = at.path(eta, lam, T, a_0)
    krylov = head.krylov_path(at.moments.gram, at.moments.moment, eta=eta, lam=lam, T=T, a_0=a_0)
    assert whole.shape == krylov.shape == (2, 3, 4, 3)
    for i, j, k in np.ndindex(2, 3, 4):
        one = head.gradient_descent_path(at, eta=float(eta[i, 0, 0]), lam=float(lam[j, 0]), T=int(T[k]), a_0=a_0)
        assert one.shape == (3,)
        np.testing.assert_allclose(whole[i, j, k], one, rtol=0, atol=16 * EPS * length(one))
    assert at.path(0.01, 0.0, np.array([], dtype=int)).shape == (0, 3)
    assert at.path(0.01, 0.0, np.array(3, dtype=np.uint8)).shape == (3,)


def test_a_step_that_ends_at_once():
    """Phi^T Phi / n = I and eta = 1 / (lam + 2): every factor is 0, so that one step arrives; at T = 0 nothing moves."""
    at = head.decompose(head.moments(math.sqrt(2) * np.eye(2), frozen([1.0, -2.0])))
    a_0 = frozen([3.0, 4.0])
    assert np.array_equal(at.path(0.25, 2.0, 0, a_0), a_0)
    for T in (1, 2, 2**53):
        np.testing.assert_allclose(at.path(0.25, 2.0, T, a_0), at.ridge(2.0), rtol=8 * EPS)


def test_at_the_largest_step_size_the_iterates_alternate():
    at = head.decompose(head.Moments(np.eye(1), np.zeros(1), 1.0, 1))
    np.testing.assert_array_equal(at.path(1.0, 0.0, np.array([0, 1, 2, 2**53 - 1, 2**53]), np.ones(1))[:, 0], [1, -1, 1, -1, 1])


def test_it_tends_to_ridge_and_stays_there():
    Phi, y, a_0 = problem("any", 6, 4, 1)
    at, lam = head.decompose(head.moments(Phi, y)), np.array([0.1, 1.0])
    eta = 1 / (lam + 2 * at.s[-1])
    ridge = at.ridge(lam)
    np.testing.assert_allclose(at.path(eta, lam, 10**7, a_0), ridge, rtol=1e-12)
    np.testing.assert_allclose(at.path(float(eta[0]), 0.1, 12, ridge[0]), ridge[0], rtol=1e-12)


@pytest.mark.parametrize("call", [head.gradient_descent_path, lambda M, **grid: head.krylov_path(M.gram, M.moment, **grid)])
def test_a_step_size_that_diverges_is_refused(call):
    moments = head.Moments(np.diag([0.5, 2.0]), np.ones(2), 1.0, 2)
    with pytest.raises(DomainError, match=r"eta = 0\.45, but gradient descent on the head diverges from eta = 2/\(lam \+ 2 s_max\) = 0\.4\d* on, at lam = 1\.0"):
        call(moments, eta=np.array([0.1, 0.45]), lam=1.0, T=3)
    call(moments, eta=2 / 5, lam=1.0, T=3)
    call(moments, eta=0.45, lam=0.0, T=3)


# ---- ridge

@given(at=sizes, lam=st.sampled_from([1e-3, 0.5, 100.0]))
def test_ridge_solves_the_normal_equations(at, lam):
    """(p + 4) eps |G| / (s_1 + lam/2) of |a|, as documented, against 60 digits."""
    Phi, y, _ = problem(*at)
    moments = head.moments(Phi, y)
    s = np.maximum(np.linalg.eigvalsh(moments.gram), 0)
    expected = mp.lu_solve(mp.matrix(moments.gram.tolist()) + mp.mpf(lam) / 2 * mp.eye(len(s)), mp.matrix(moments.moment.tolist()))
    got = head.ridge(moments, np.array([[lam]]))
    assert got.shape == (1, 1, len(s))
    assert distance(got[0, 0], expected) <= (P + 4) * EPS * (s[-1] + lam / 2) / (s[0] + lam / 2) * mp.norm(expected)


@pytest.mark.parametrize(("kind", "n", "m", "rank"), [("any", 2, 5, 2), ("duplicated", 9, 3, 2), ("zero", 4, 3, 0), ("duplicated", 2000, 4, 3)])
@pytest.mark.parametrize("size", [1.0, 2.0**40, 2.0**-40])
def test_without_decay_a_singular_gram_matrix_names_its_rank(kind, n, m, rank, size):
    Phi, y, _ = problem(kind, n, m, 3)
    Phi = size * Phi
    moments = head.moments(Phi, y)
    with pytest.raises(DomainError, match=rf"lam = 0\.0, but the Gram matrix has {m} rows and rank {rank} within rounding; .*minimum_norm=True"):
        head.ridge(moments, np.array([1.0, 0.0]) * size**2)
    got = head.ridge(moments, 0.0, minimum_norm=True)
    expected = np.linalg.lstsq(Phi, y, rcond=1e-12)[0]
    assert length(got - expected) <= 1e-9 * length(expected)
    if rank == m:
        np.testing.assert_array_equal(head.ridge(moments, 0.0), got)


def test_ridge_is_a_path_over_one_decomposition():
    Phi, y, _ = problem("relu", 8, 4, 2)
    at, lams = head.decompose(head.moments(Phi, y)), np.geomspace(1e-3, 1e3, 6).reshape(2, 3)
    path = head.ridge(at, lams)
    assert path.shape == (2, 3, 4)
    assert head.decompose(at) is at
    for place in np.ndindex(2, 3):
        one = head.ridge(at, float(lams[place]))
        assert length(path[place] - one) <= 8 * EPS * length(one)


# ---- Lanczos

def large(rng, n, m, decay):
    return frozen(np.maximum(rng.normal(size=(n, 5)) @ rng.normal(size=(5, m)) + rng.normal(size=m), 0) * np.geomspace(1, decay, m)), frozen(rng.normal(size=n))


@pytest.mark.parametrize("decay", [1.0, 1e-2, 1e-5])
@pytest.mark.parametrize(("n", "m"), [(600, 150), (60, 150)])
def test_lanczos_reaches_the_same_iterates(n, m, decay):
    rng = np.random.default_rng(0)
    Phi, y = large(rng, n, m, decay)
    at = head.decompose(head.moments(Phi, y))
    lam = np.array([0.0, 1e-6, 1e-3])[:, None, None] * at.s[-1]
    eta = np.array([0.1, 1.0, 1.9])[:, None] / (lam + 2 * at.s[-1])
    T = np.array([0, 1, 30, 1000, 10_000])
    for a_0 in (None, rng.normal(size=m)):
        expected, got = at.path(eta, lam, T, a_0), head.krylov_path(at.moments.gram, at.moments.moment, eta=eta, lam=lam, T=T, a_0=a_0)
        terms = np.linalg.norm(expected, axis=-1) + (0 if a_0 is None else length(a_0))
        assert np.all(np.linalg.norm(got - expected, axis=-1) <= 1e-9 * terms)


def test_lanczos_asks_for_few_products_and_takes_a_function():
    rng = np.random.default_rng(1)
    Phi, y = large(rng, 900, 300, 1.0)
    moments, products = head.moments(Phi, y), []

    def matvec(v):
        products.append(v)
        return Phi.T @ (Phi @ v) / len(y)

    s_max = np.linalg.norm(moments.gram, 2)
    got = head.krylov_path(matvec, moments.moment, eta=0.5 / s_max, lam=1e-3 * s_max, T=2000)
    expected = head.gradient_descent_path(moments, eta=0.5 / s_max, lam=1e-3 * s_max, T=2000)
    assert length(got - expected) <= 1e-9 * length(expected)
    assert len(products) <= 80
    with pytest.raises(DomainError, match=r"steps = 5, after which .* allow more steps \(at most m = 300 are taken\)"):
        head.krylov_path(matvec, moments.moment, eta=0.5 / s_max, lam=1e-3 * s_max, T=2000, steps=5)


@pytest.mark.parametrize("gram", [np.diag([0.0, 3.0, 0.0]), np.eye(3), np.zeros((3, 3)), np.ones((3, 3))])
@pytest.mark.parametrize("c", [[0.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
def test_lanczos_stops_where_the_space_is_complete(gram, c):
    moments = head.Moments(gram, np.array(c), 1.0, 5)
    grid = {"eta": 0.1, "lam": np.array([0.0, 0.5]), "T": 50, "a_0": np.array([1.0, 2.0, -1.0])}
    np.testing.assert_allclose(head.krylov_path(gram, moments.moment, **grid, steps=9), head.gradient_descent_path(moments, **grid), rtol=0, atol=1e-13)


def test_a_product_of_another_shape_is_refused():
    with pytest.raises(ShapeError, match=r"matvec\(v\) has shape \(2,\) but moment has m = 3"):
        head.krylov_path(lambda v: v[:2], np.ones(3), eta=0.1, lam=0.1, T=3)
    with pytest.raises(NonFiniteError, match=r"matvec\(v\)\[1\] = nan"):
        head.krylov_path(lambda v: np.array([1.0, np.nan]), np.ones(2), eta=0.1, lam=0.1, T=3)


# ---- the norm

@given(at=sizes.filter(lambda at: at[0] != "zero"), share=st.sampled_from([1e-6, 0.1, 0.5, 0.99, 1 - 1e-6]))
def test_norm_equivalent_reaches_the_norm(at, share):
    Phi, y, _ = problem(*at)
    dec = head.decompose(head.moments(Phi, y))
    longest = length(dec.ridge(0.0, minimum_norm=True))
    assume(longest > 0)
    lam = head.norm_equivalent(dec, share * longest)
    assert lam >= 0
    if lam > 4 * dec._tol:                              # less is nothing within rounding, and ridge says so
        assert abs(length(dec.ridge(lam)) - share * longest) <= (len(dec.s) + 16) * EPS * share * longest


def test_a_longer_head_has_less_decay():
    Phi, y, _ = problem("any", 30, 12, 4)
    dec = head.decompose(head.moments(Phi, y))
    norms = np.linspace(0.01, 0.99, 30) * length(dec.ridge(0.0))
    lams = [head.norm_equivalent(dec, float(norm)) for norm in norms]
    assert np.all(np.diff(lams) < 0)


def test_norms_out_of_reach():
    Phi, y, _ = problem("any", 6, 3, 0)
    moments = head.moments(Phi, y)
    longest = length(head.ridge(moments, 0.0))
    for norm in (longest * 1.01, 0.0, -1.0):
        with pytest.raises(DomainError, match=rf"norm = {norm}, but the shortest least-squares head has the norm .* strictly between 0 and"):
            head.norm_equivalent(moments, norm)
    with pytest.raises(DomainError, match=r"has the norm 0\.0, and weight decay shortens it"):
        head.norm_equivalent(head.moments(Phi, np.zeros(6)), 1.0)
    with pytest.raises(NonFiniteError, match="norm = nan"):
        head.norm_equivalent(moments, math.nan)


def test_secular_says_where_it_has_a_pole():
    with pytest.raises(DomainError, match=r"t = -1\.0, but s has the entry 0\.5; s \+ t must be above 0"):
        secular(np.ones(2), np.array([0.5, 3.0]), -1.0)


# ---- leaving one out

def refits(Phi, y, lam):
    """The mean squared error at the sample left out, at 60 digits: a = Phi^T (Phi Phi^T + n lam/2)^{-1} y over the others."""
    n, total = len(y), mp.mpf(0)
    for i in range(n):
        others = [k for k in range(n) if k != i]
        X = mp.matrix(Phi[others].tolist()) if others else None
        z = mp.lu_solve(X * X.T + n * mp.mpf(lam) / 2 * mp.eye(n - 1), mp.matrix(y[others].tolist())) if others else None
        total += (mp.mpf(y[i]) - ((mp.matrix(Phi[i].tolist()).T * X.T * z)[0] if others else 0)) ** 2
    return total / n


@given(at=sizes, lam=st.sampled_from([0.01, 0.5, 20.0]))
def test_leaving_one_out_is_refitting(at, lam):
    Phi, y, _ = problem(*at)
    moments = head.moments(Phi, y)
    expected = float(refits(Phi, y, lam))
    got = head.leave_one_out(Phi, y, lam)
    blocks = head.leave_one_out_blocks(moments, [(Phi[:1], y[:1]), (Phi[1:], y[1:])] if len(y) > 1 else [(Phi, y)], np.array([[lam, 1.0]]))
    condition = 1 + 2 * np.linalg.norm(moments.gram, 2) / lam
    assert abs(got - expected) <= 16 * (P + len(y)) * EPS * condition * expected * (1 if len(y) <= Phi.shape[1] else condition)
    assert blocks.shape == (1, 2)
    assert abs(blocks[0, 0] - expected) <= 16 * (P + 8) * EPS * condition**2 * max(expected, float(y @ y) / len(y))


@pytest.mark.parametrize("lam", [0.0, 1e-12, 1e-8])
def test_interpolation_keeps_its_digits(lam):
    """n < m and hardly any decay: residuals of size lam, and their quotients by 1 - h_ii, are not differences."""
    Phi, y, _ = problem("any", 6, 9, 7)
    expected = float(refits(Phi, y, lam))
    assert abs(head.leave_one_out(Phi, y, lam) - expected) <= 1e-12 * expected


def test_what_leaving_one_out_cannot_say():
    Phi, y, _ = problem("any", 6, 9, 7)
    moments = head.moments(Phi, y)
    for lam in (0.0, 1e-14):
        with pytest.raises(DomainError, match=f"lam = {lam}, at which 1 - h_ii is 0 within rounding"):
            head.leave_one_out_blocks(moments, [(Phi, y)], np.array([2.0, lam]))
    alone = np.vstack([np.eye(2), [[0.0, 1.0]]])       # the first sample alone has the first feature
    with pytest.raises(DomainError, match="1 - h_ii is 0 within rounding"):
        head.leave_one_out(alone, np.ones(3), 0.0)
    assert head.leave_one_out(alone, np.array([3.0, 2.0, 2.0]), 1e-9) == pytest.approx(3, rel=1e-6)
    twice = frozen(np.vstack([Phi[:5], Phi[:1]]))
    with pytest.raises(DomainError, match="has 6 rows and rank 5"):
        head.leave_one_out(twice, y, 0.0)
    with pytest.raises(ShapeError, match="blocks hold 5 samples but the moments are those of n = 6"):
        head.leave_one_out_blocks(moments, [(Phi[:5], y[:5])], 1.0)
    with pytest.raises(ShapeError, match=r"Phi of block 0 has shape \(6, 8\) but moment has m = 9"):
        head.leave_one_out_blocks(moments, [(Phi[:, :8], y)], 1.0)


# ---- generalised cross-validation

@given(at=sizes, lam=st.sampled_from([0.05, 0.5, 20.0]))
def test_gcv_is_that_of_the_hat_matrix(at, lam):
    Phi, y, _ = problem(*at)
    n, moments = len(y), head.moments(Phi, y)
    h = Phi @ np.linalg.solve(moments.gram + lam / 2 * np.eye(Phi.shape[1]), Phi.T) / n
    r, free = y - h @ y, 1 - np.trace(h) / n
    condition = 1 + 2 * np.linalg.norm(moments.gram, 2) / lam
    got = head.gcv(moments, np.array([lam]))
    assert got.shape == (1,)
    assert abs(got[0] - r @ r / n / free**2) <= 64 * (P + 8) * EPS * condition**2 * (y @ y) / n / free**2


def test_gcv_does_not_see_a_rotation_of_the_samples_and_leaving_one_out_does():
    Phi, y, _ = problem("any", 8, 3, 1)
    Q = np.linalg.qr(np.random.default_rng(0).normal(size=(8, 8)))[0]
    lams = np.array([0.0, 0.1, 1.0])
    one, other = (head.gcv(head.moments(X, z), lams) for X, z in ((Phi, y), (Q @ Phi, Q @ y)))
    np.testing.assert_allclose(one, other, rtol=1e-13)
    assert not np.allclose(head.leave_one_out(Phi, y, lams), head.leave_one_out(Q @ Phi, Q @ y, lams), rtol=1e-3)


def test_gcv_says_where_the_moments_have_lost_the_residual():
    Phi, y, _ = problem("any", 6, 9, 7)
    for lam in (0.0, 1e-9):
        with pytest.raises(DomainError, match=rf"lam = {lam}, at which the residual .* 0 within rounding; .* leave_one_out"):
            head.gcv(head.moments(Phi, y), np.array([1.0, lam]))


# ---- bad input

PHI, Y, A_0 = frozen([[1.0, 2.0], [3.0, 4.0], [0.0, 1.0]]), frozen([1.0, -1.0, 2.0]), frozen([0.5, 0.25])
MOMENTS = head.moments(PHI, Y)
GRID = {"eta": 0.01, "lam": 0.1, "T": 3}
CALLS = {
    "moments": (lambda **v: head.moments(v["Phi"], v["y"]), ("Phi", "y")),
    "leave_one_out": (lambda **v: head.leave_one_out(v["Phi"], v["y"], 1.0), ("Phi", "y")),
    "gradient_descent_path": (lambda **v: head.gradient_descent_path(MOMENTS, **GRID, a_0=v["a_0"]), ("a_0",)),
    "krylov_path": (lambda **v: head.krylov_path(v["gram"], v["moment"], **GRID, a_0=v["a_0"]), ("a_0", "gram", "moment")),
    "decompose": (lambda **v: head.decompose(head.Moments(v["gram"], v["moment"], 2.0, 3)), ("gram", "moment")),
}
GOOD = {"Phi": PHI, "y": Y, "a_0": A_0, "gram": MOMENTS.gram, "moment": MOMENTS.moment}


@pytest.mark.parametrize(("call", "name"), [(call, name) for call, (_, names) in CALLS.items() for name in names])
@pytest.mark.parametrize(("spoil", "error", "pattern"), SPOILED)
def test_spoiled_arguments(call, name, spoil, error, pattern):
    with pytest.raises(error, match=pattern.format(name=name)):
        CALLS[call][0](**{**GOOD, name: spoil(GOOD[name])})


@pytest.mark.parametrize("call", [head.gradient_descent_path, lambda M, **grid: head.krylov_path(M.gram, M.moment, **grid)])
@pytest.mark.parametrize(("spoiled", "error", "pattern"), [
    ({"eta": 0.0}, DomainError, r"eta = 0\.0; a step size must be above 0"),
    ({"eta": np.array([0.1, -0.1])}, DomainError, r"eta = -0\.1; a step size"),
    ({"eta": np.array([1, 2])}, DtypeError, "eta has dtype int64"),
    ({"eta": math.inf}, NonFiniteError, "eta = inf"),
    ({"lam": -1.0}, DomainError, r"lam = -1\.0; weight decay must be at least 0"),
    ({"lam": np.array([np.nan])}, NonFiniteError, r"lam\[0\] = nan"),
    ({"lam": "a"}, DtypeError, "lam = 'a'"),
    ({"T": -1}, DomainError, "T = -1; T must be at least 0"),
    ({"T": np.array([3, -2])}, DomainError, "T = -2; T counts steps"),
    ({"T": 2.0}, DtypeError, r"T = 2\.0 is of type float"),
    ({"T": True}, DtypeError, "T = True is of type bool"),
    ({"T": np.array([2.0])}, DtypeError, "T has dtype float64; T counts steps"),
    ({"T": np.array(2.0)}, DtypeError, "T has dtype float64; T counts steps"),
    ({"T": 2**53 + 1}, DomainError, r"T = 9007199254740993; .* between 0 and 2\^53"),
    ({"T": 10**30}, DomainError, r"T = 10{30}; .* between 0 and 2\^53"),
    ({"T": np.array([2**64 - 1], dtype=np.uint64)}, DomainError, r"T = 18446744073709551615; .* between 0 and 2\^53"),
    ({"T": np.array([1, 2]), "eta": np.array([0.1, 0.1, 0.1])}, ShapeError, r"eta has shape \(3,\), lam \(\) and T \(2,\); they must broadcast"),
])
def test_bad_grids(call, spoiled, error, pattern):
    with pytest.raises(error, match=pattern):
        call(MOMENTS, **{**GRID, **spoiled})


@pytest.mark.parametrize(("moments", "error", "pattern"), [
    ((np.eye(2), np.ones(2), 1.0, 3), DtypeError, "moments is of type tuple; it must be Moments"),
    (head.Moments(np.array([[1.0, 0.5], [0.25, 1.0]]), np.ones(2), 1.0, 3), DomainError, r"gram\[0, 1\] = 0\.5 but gram\[1, 0\] = 0\.25; gram must be symmetric"),
    (head.Moments(np.diag([1.0, -0.25]), np.ones(2), 1.0, 3), DomainError, r"gram has the eigenvalue -0\.25; .* none below 0"),
    (head.Moments(np.eye(2), np.ones(3), 1.0, 3), ShapeError, r"moment has shape \(3,\) but gram has m = 2"),
    (head.Moments(np.eye(2), np.ones(2), -1.0, 3), DomainError, r"square = -1\.0; y\.y / n is at least 0"),
    (head.Moments(np.eye(2), np.ones(2), 1.0, 0), DomainError, "n = 0; n must be at least 1"),
])
def test_bad_moments(moments, error, pattern):
    for call in (head.decompose, lambda M: head.ridge(M, 1.0), lambda M: head.gcv(M, 1.0), lambda M: head.gradient_descent_path(M, **GRID)):
        with pytest.raises(error, match=pattern):
            call(moments)


def test_bad_blocks():
    with pytest.raises(ShapeError, match="blocks has no entry"):
        head.accumulate([])
    with pytest.raises(ShapeError, match=r"Phi of block 1 has shape \(3, 3\) but Phi of block 0 has m = 2"):
        head.accumulate([(PHI, Y), (np.eye(3), Y)])
    with pytest.raises(ShapeError, match=r"y of block 1 has shape \(2,\) but Phi of block 1 has n_1 = 3"):
        head.accumulate([(PHI, Y), (PHI, Y[:2])])
    with pytest.raises(DtypeError, match="block 0 is of type ndarray; a block is a pair"):
        head.accumulate([PHI])
    with pytest.raises(NonFiniteError, match=r"gram\[0, 0\] = inf"):
        head.moments(1e200 * PHI, Y)
    with pytest.raises(NonFiniteError, match="square = inf"):
        head.moments(1e-200 * PHI, 1e200 * Y)


def test_bad_choices():
    for call in (lambda lam: head.ridge(MOMENTS, lam), lambda lam: head.leave_one_out(PHI, Y, lam), lambda lam: head.gcv(MOMENTS, lam),
                 lambda lam: head.leave_one_out_blocks(MOMENTS, [(PHI, Y)], lam)):
        with pytest.raises(DomainError, match=r"lam = -0\.5; weight decay must be at least 0"):
            call(np.array([1.0, -0.5]))
    with pytest.raises(DomainError, match="steps = 0; steps must be at least 1"):
        head.krylov_path(MOMENTS.gram, MOMENTS.moment, **GRID, steps=0)


def test_exact_numbers_are_welcome():
    assert np.array_equal(head.ridge(MOMENTS, Fraction(1, 2)), head.ridge(MOMENTS, 0.5))
