"""Ridge regression on a Gram matrix against the same linear systems in exact rationals, within the documented bounds."""

from fractions import Fraction

import flint
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from refimpl.baselines.ridge import leave_one_out, nested, predict, ridge
from refimpl.errors import DomainError, DtypeError, NonFiniteError, ShapeError
from tests.strategies import EPS, SPOILED, frozen, seeds

# ---- exact solutions, and what rounding may do

def rational(A):
    return flint.fmpq_mat([[flint.fmpq(x.numerator, x.denominator) for x in map(Fraction, row)] for row in np.atleast_2d(A).tolist()])


def floats(A):
    return np.array([[float(Fraction(int(A[i, j].p), int(A[i, j].q))) for j in range(A.ncols())] for i in range(A.nrows())])


def shifted(K, lam):
    return rational(K) + rational(np.eye(len(K))) * flint.fmpq(Fraction(lam).numerator, Fraction(lam).denominator)


def exact_ridge(K, y, lam):
    """(n, k): every float rounded once from the exact solution."""
    return floats(shifted(K, lam).inv() * rational(y.reshape(len(y), -1)))


def cholesky_bound(K, y, lam):
    """abs(A^{-1}) @ D times D.abs(alpha), A = K + lam I, D = sqrt(diag A); the factor (3 n + 4) eps / 2, and one rounding of the reference."""
    inverse, D = floats(shifted(K, lam).inv()), np.sqrt(np.diag(K) + lam)
    alpha = exact_ridge(K, y, lam)
    return (1.5 * len(K) + 3) * EPS * np.outer(np.abs(inverse) @ D, D @ np.abs(alpha))


def normwise_bound(K, y, lam):
    """8 n^2 eps |A^{-1}_i| tr(A) |alpha|."""
    inverse, alpha = floats(shifted(K, lam).inv()), exact_ridge(K, y, lam)
    return 8 * len(K)**2 * EPS * np.outer(np.linalg.norm(inverse, axis=1), (np.trace(K) + len(K) * lam) * np.linalg.norm(alpha, axis=0))


def hilbert(n):
    """1 / (i + j + 1) in floats: condition 1.5e7 at n = 6, 1.5e10 at n = 8."""
    return frozen([[1 / (i + j + 1) for j in range(n)] for i in range(n)])


def gram(rng, n, m):
    """H H^T, symmetric to the bit."""
    H = rng.standard_normal((n, m))
    K = H @ H.T
    return frozen((K + K.T) / 2)


@given(n=st.integers(1, 7), k=st.sampled_from([0, 1, 3]), lam=st.sampled_from([1e-3, 0.5, 30.0, 1]), seed=seeds)
def test_one_lam_is_within_its_bound(n, k, lam, seed):
    rng = np.random.default_rng(seed)
    K, y = gram(rng, n, n), frozen(rng.standard_normal((n, k) if k else n))
    got = ridge(K, y, lam)
    assert got.shape == y.shape
    assert np.all(np.abs(got.reshape(n, -1) - exact_ridge(K, y, lam)) <= cholesky_bound(K, y, lam))


@pytest.mark.parametrize("n", [2, 4, 6, 8])
@pytest.mark.parametrize("lam", [0.0, 1e-9, 1e-4])
def test_an_ill_conditioned_matrix_costs_its_condition_and_no_more(n, lam):
    K, y = hilbert(n), frozen(np.random.default_rng(n).standard_normal((n, 2)))
    assert np.all(np.abs(ridge(K, y, lam) - exact_ridge(K, y, lam)) <= cholesky_bound(K, y, lam))
    path = ridge(K, y, np.full(7, lam))
    assert np.all(np.abs(path - exact_ridge(K, y, lam)) <= normwise_bound(K, y, lam))


@given(n=st.integers(1, 6), shape=st.sampled_from([(1,), (3,), (5,), (6,), (2, 4), (12,)]), k=st.sampled_from([0, 2]), seed=seeds)
@example(n=1, shape=(6,), k=2, seed=0)
@example(n=2, shape=(6,), k=0, seed=0)
def test_a_path_is_its_lams_one_by_one(n, shape, k, seed):
    """By Cholesky factors up to five, by one tridiagonal form beyond."""
    rng = np.random.default_rng(seed)
    K, y, lam = gram(rng, n, max(n - 1, 1)), frozen(rng.standard_normal((n, k) if k else n)), frozen(rng.uniform(0.1, 3, shape))
    got = ridge(K, y, lam)
    assert got.shape == (*shape, *y.shape)
    for alpha, one in zip(got.reshape(-1, *y.shape), lam.ravel(), strict=True):
        assert np.all(np.abs(alpha.reshape(n, -1) - exact_ridge(K, y, one)) <= normwise_bound(K, y, one))


def test_both_orders_in_memory_are_read():
    rng = np.random.default_rng(0)
    K, y, lam = gram(rng, 40, 40), rng.standard_normal((40, 3)), np.linspace(0.5, 2, 8)
    for one in (1.0, lam):
        assert np.array_equal(ridge(np.asfortranarray(K), np.asfortranarray(y), one), ridge(K, y, one))
    wide = np.zeros((80, 80))
    wide[::2, ::2] = K
    assert np.array_equal(ridge(wide[::2, ::2], y, 1.0), ridge(K, y, 1.0))


def test_a_large_path_solves_its_equations():
    """n = 300: residuals of backward stable solutions."""
    rng = np.random.default_rng(1)
    K, y, lam = gram(rng, 300, 200), rng.standard_normal((300, 2)), np.geomspace(1e-3, 1e3, 9)
    for one, alpha in zip(lam, ridge(K, y, lam), strict=True):
        assert np.linalg.norm(K @ alpha + one * alpha - y) <= 300 * EPS * (np.linalg.norm(K) + one) * np.linalg.norm(alpha)


# ---- predictions

@given(n=st.integers(1, 6), N=st.integers(1, 4), k=st.sampled_from([0, 2]), seed=seeds)
def test_a_prediction_is_a_row_times_alpha(n, N, k, seed):
    rng = np.random.default_rng(seed)
    K_test, alpha = frozen(rng.standard_normal((N, n))), frozen(rng.standard_normal((n, k) if k else n))
    expected = floats(rational(K_test) * rational(alpha.reshape(n, -1)))
    assert np.all(np.abs(predict(K_test, alpha).reshape(N, -1) - expected) <= (n + 1) * EPS * (np.abs(K_test) @ np.abs(alpha.reshape(n, -1))))


def test_a_path_is_predicted_from_its_transpose():
    rng = np.random.default_rng(2)
    K, y, K_test = gram(rng, 5, 5), rng.standard_normal(5), rng.standard_normal((3, 5))
    path = ridge(K, y, np.linspace(1, 2, 7))
    together = predict(K_test, path.T)
    for i in range(7):
        assert np.all(np.abs(together[:, i] - predict(K_test, path[i])) <= 10 * EPS * (np.abs(K_test) @ np.abs(path[i])))
    with pytest.raises(ShapeError, match=r"alpha has shape \(7, 5\) but K_test has n = 5"):
        predict(K_test, path)


def test_ridge_on_features_is_the_head_of_dls22():
    """lam = n lambda / 2 makes the gradient of (1/n) sum (f - y)^2 + (lambda/2) |a|^2 vanish at a = H^T alpha."""
    rng = np.random.default_rng(3)
    H, y, of_head = rng.standard_normal((30, 8)), rng.standard_normal(30), 0.7
    K = H @ H.T
    a = H.T @ ridge((K + K.T) / 2, y, 30 * of_head / 2)
    gradient = 2 / 30 * H.T @ (H @ a - y) + of_head * a
    assert np.linalg.norm(gradient) <= 100 * EPS * np.linalg.norm(H)**2 * np.linalg.norm(y)


# ---- leave one out

@given(n=st.integers(1, 6), shape=st.sampled_from([(), (1,), (2, 2)]), k=st.sampled_from([0, 2]), seed=seeds)
@example(n=1, shape=(), k=0, seed=0)
def test_leave_one_out_is_n_fits(n, shape, k, seed):
    rng = np.random.default_rng(seed)
    K, y, lam = gram(rng, n, n), frozen(rng.standard_normal((n, k) if k else n)), rng.uniform(0.5, 3, shape)
    got = leave_one_out(K, y, float(lam) if shape == () else lam)
    assert got.shape == (*shape, *y.shape)
    for residual, one in zip(got.reshape(-1, n, max(k, 1)), np.ravel(lam), strict=True):
        bound = normwise_bound(K, y, one) / np.diag(floats(shifted(K, one).inv()))[:, None]
        for i in range(n):
            others = [j for j in range(n) if j != i]
            alpha = exact_ridge(K[np.ix_(others, others)], y[others], one) if others else np.zeros((0, max(k, 1)))
            expected = y.reshape(n, -1)[i] - K[i, others] @ alpha
            terms = np.abs(y.reshape(n, -1)[i]) + np.abs(K[i, others]) @ np.abs(alpha)
            inverse = floats(shifted(K, one).inv())
            amplified = 1 + np.linalg.norm(inverse[i]) / inverse[i, i] * np.abs(exact_ridge(K, y, one)[i]) / np.linalg.norm(exact_ridge(K, y, one), axis=0)
            assert np.all(np.abs(residual[i] - expected) <= bound[i] * amplified + (n + 2) * EPS * terms)


def test_leave_one_out_chooses_lam():
    """Where labels are noise around a smooth function, its minimum lies inside the path."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal((60, 1))
    K = np.exp(-(x - x.T)**2)
    errors = np.mean(leave_one_out((K + K.T) / 2, np.sin(2 * x[:, 0]) + 0.3 * rng.standard_normal(60), np.geomspace(1e-6, 1e4, 21))**2, axis=1)
    assert 0 < np.argmin(errors) < 20


# ---- nested samples

@given(sizes=st.lists(st.integers(1, 6), min_size=1, max_size=5), k=st.sampled_from([0, 2]), lam=st.sampled_from([0, 0.25, 4.0]), seed=seeds)
def test_nested_is_each_size_alone(sizes, k, lam, seed):
    rng = np.random.default_rng(seed)
    K, y = gram(rng, 7, 9), frozen(rng.standard_normal((7, k) if k else 7))
    found = nested(K, y, sizes, lam)
    assert [alpha.shape for alpha in found] == [y[:n].shape for n in sizes]
    for n, alpha in zip(sizes, found, strict=True):
        expected, bound = exact_ridge(K[:n, :n], y[:n], lam), cholesky_bound(K[:n, :n], y[:n], lam)
        assert np.all(np.abs(alpha.reshape(n, -1) - expected) <= bound)


def test_nested_needs_no_more_than_the_largest_size():
    """The rest of K may be indefinite."""
    K = np.diag([1.0, 4.0, 16.0, -4.0])
    assert np.array_equal(nested(K, np.ones(4), (3, 1), 0.0)[0], [1, 1 / 4, 1 / 16])
    with pytest.raises(DomainError, match="its pivot 4 of 4 is not positive"):
        nested(K, np.ones(4), [4], 0.0)


def test_sizes_are_checked():
    K, y = np.eye(3), np.ones(3)
    for sizes, error, message in [([], DomainError, "sizes is empty"), ([0], DomainError, r"sizes\[0\] = 0"), ([2, 4], DomainError, r"sizes\[1\] = 4 but K has N = 3"),
                                  ([1.5], DtypeError, r"sizes\[0\] = 1.5"), ([True], DtypeError, r"sizes\[0\] = True")]:
        with pytest.raises(error, match=message):
            nested(K, y, sizes, 1.0)


# ---- bad input

K0, Y0 = frozen([[2.0, 1.0, 0.5], [1.0, 3.0, 0.25], [0.5, 0.25, 4.0]]), frozen([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
SOLVERS = {
    "ridge": ridge, "a path": lambda K, y, lam: ridge(K, y, np.full(7, lam)), "leave_one_out": leave_one_out, "nested": lambda K, y, lam: nested(K, y, [len(K), 1], lam),
}


@pytest.mark.parametrize("name", ["K", "y"])
@pytest.mark.parametrize("solve", SOLVERS.values(), ids=SOLVERS)
@pytest.mark.parametrize(("spoil", "error", "pattern"), SPOILED)
def test_spoiled_arguments(solve, name, spoil, error, pattern):
    given = {"K": K0, "y": Y0}
    with pytest.raises(error, match=pattern.format(name=name)):
        solve(**{**given, name: spoil(given[name])}, lam=1.0)


@pytest.mark.parametrize("name", ["K_test", "alpha"])
@pytest.mark.parametrize(("spoil", "error", "pattern"), SPOILED)
def test_spoiled_predictions(name, spoil, error, pattern):
    given = {"K_test": K0, "alpha": Y0}
    with pytest.raises(error, match=pattern.format(name=name)):
        predict(**{**given, name: spoil(given[name])})


@pytest.mark.parametrize("solve", SOLVERS.values(), ids=SOLVERS)
def test_a_matrix_must_be_square_symmetric_and_as_long_as_y(solve):
    with pytest.raises(ShapeError, match=r"K has shape \(2, 3\) but K has n = 2"):
        solve(frozen(K0[:2]), Y0, 1.0)
    with pytest.raises(ShapeError, match=r"y has shape \(2, 2\) but K has n = 3"):
        solve(K0, frozen(Y0[:2]), 1.0)
    lopsided = K0.copy()
    lopsided[2, 0] += EPS
    with pytest.raises(DomainError, match=r"K\[0, 2\] = 0.5 but K\[2, 0\] = 0.5000000000000002; a Gram matrix is symmetric to the bit"):
        solve(lopsided, Y0, 1.0)


@pytest.mark.parametrize("at", [(0, 599), (599, 0), (255, 256), (256, 255), (300, 299), (598, 599)])
def test_symmetry_is_seen_in_every_block(at):
    K = np.eye(600)
    K[at] = 1e-300
    with pytest.raises(DomainError, match="a Gram matrix is symmetric to the bit"):
        ridge(K, np.ones(600), 1.0)


@pytest.mark.parametrize(("lam", "error", "message"), [
    (-1e-300, DomainError, "lam = -1e-300; a ridge must be at least 0"), (np.nan, NonFiniteError, "lam = nan"), (np.inf, NonFiniteError, "lam = inf"),
    ("1", DtypeError, "lam = '1'"), (True, DtypeError, "lam = True"), (None, DtypeError, "lam = None"),
])
@pytest.mark.parametrize("solve", [ridge, leave_one_out, SOLVERS["nested"]])
def test_lam_is_checked(solve, lam, error, message):
    with pytest.raises(error, match=message):
        solve(K0, Y0, lam)


@pytest.mark.parametrize("solve", [ridge, leave_one_out])
def test_a_path_of_lams_is_checked(solve):
    with pytest.raises(ShapeError, match=r"lam has shape \(0,\); it must hold at least one number"):
        solve(K0, Y0, np.zeros(0))
    with pytest.raises(DomainError, match=r"lam = -2\.0"):
        solve(K0, Y0, np.array([1.0, -2.0]))
    with pytest.raises(DtypeError, match="lam has dtype int64"):
        solve(K0, Y0, np.array([1, 2]))


@pytest.mark.parametrize("solve", SOLVERS.values(), ids=SOLVERS)
@pytest.mark.parametrize("K", [np.ones((4, 4)), np.zeros((2, 2)), np.diag([1.0, -1e-9]), np.diag([1.0, 1e-17]), -np.eye(1), frozen(np.outer([1, 2, 3.3], [1, 2, 3.3]))],
                         ids=["rank 1", "zero", "indefinite", "ill-conditioned", "negative", "rank 1 with rounding"])
def test_a_singular_matrix_asks_for_a_ridge(solve, K):
    y = frozen(np.arange(1.0, 1 + len(K)))
    with pytest.raises(DomainError, match=r"lam = 0.0 leaves K \+ lam I not positive definite in floating point.*\. Take lam beyond rounding, n eps trace K"):
        solve(K, y, 0.0)
    solve(K, y, 1.5)


def test_a_gram_matrix_of_rank_1_is_refused_in_any_size():
    """Rounding makes its small pivots anything; the condition number says so where the pivots happen to be positive."""
    for n in (2, 3, 5, 50):
        for seed in range(40):
            h = np.random.default_rng(seed).standard_normal((n, n - 1))
            K = h @ h.T
            for solve in SOLVERS.values():
                with pytest.raises(DomainError, match="not positive definite in floating point"):
                    solve((K + K.T) / 2, np.ones(n), 0.0)


@pytest.mark.parametrize("call", [
    lambda: ridge(np.array([[1e-300]]), np.array([1e300]), 0.0), lambda: nested(np.array([[1e-300]]), np.array([1e300]), [1], 0),
    lambda: predict(np.array([[1e300]]), np.array([1e300])), lambda: predict(np.full((1, 2), 1e300), np.array([1e300, -1e300])),
])
def test_an_overflow_is_an_error_that_says_where(call):
    with pytest.raises(NonFiniteError, match=r" = -?(inf|nan); .* must be finite"):
        call()
