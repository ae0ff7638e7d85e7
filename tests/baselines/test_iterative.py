"""Richardson's iteration, Lanczos and conjugate gradients, against exact rationals and what theory says of spectra; what all solvers refuse."""

import math
from fractions import Fraction

import flint
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from refimpl.baselines import iterative
from refimpl.baselines.iterative import conjugate_gradients, richardson, spectrum_bounds
from refimpl.baselines.nystrom import nystrom_pcg, nystrom_preconditioner
from refimpl.errors import DomainError, DtypeError, NonFiniteError, NotConvergedError, ShapeError
from tests.baselines.matrices import Tiles, gram, spectral
from tests.strategies import EPS, SPOILED, exactly, frozen, seeds

# ---- exact solutions

def rational(A):
    return flint.fmpq_mat([[flint.fmpq(x.numerator, x.denominator) for x in map(Fraction, row)] for row in np.atleast_2d(A).tolist()])


def floats(A):
    return np.array([[float(Fraction(int(A[i, j].p), int(A[i, j].q))) for j in range(A.ncols())] for i in range(A.nrows())])


def exact_solution(K, y, lam=0.0):
    return floats((rational(K) + rational(lam * np.eye(len(K)))).inv() * rational(y.reshape(len(y), -1)))


# ---- Richardson's iteration

@given(n=st.integers(1, 6), k=st.sampled_from([0, 2]), T=st.integers(0, 8), begin=st.booleans(), seed=seeds)
@example(n=1, k=0, T=0, begin=False, seed=0)
def test_richardson_is_within_its_bound(n, k, T, begin, seed):
    """Each step adds its documented rounding, and carries on what came before by abs(I - eta K)."""
    rng = np.random.default_rng(seed)
    K, y = gram(rng, n, n), frozen(rng.standard_normal((n, k) if k else n))
    start = frozen(rng.standard_normal(y.shape)) if begin else None
    eta = 1 / np.linalg.norm(K)
    got = richardson(K, y, eta=eta, T=T, alpha_0=start)
    exact_K, exact_y, alpha = exactly(K), exactly(y), exactly(start if begin else np.zeros(y.shape))
    bound = np.zeros(y.shape)
    for _ in range(T):
        size = np.abs(alpha).astype(float)
        bound = np.abs(np.eye(n) - eta * K) @ bound + (n + 4) * EPS * (size + eta * (np.abs(K) @ size + np.abs(y)))
        alpha = alpha - Fraction(eta) * (exact_K @ alpha - exact_y)
    assert got.shape == y.shape
    assert np.all(np.abs(exactly(got) - alpha).astype(float) <= bound * (1 + 1e-9))


def test_richardson_arrives_at_the_solution():
    rng = np.random.default_rng(0)
    K, y = spectral(rng, np.linspace(1, 3, 20)), rng.standard_normal((20, 2))
    got = richardson(K, y, eta=0.5, T=200)                             # rate 1/2
    assert np.linalg.norm(K @ got - y) <= 40 * 20 * EPS * np.linalg.norm(K) * np.linalg.norm(got)


def test_a_function_is_the_matrix_to_the_bit():
    rng = np.random.default_rng(1)
    K, y = gram(rng, 10, 10), rng.standard_normal((10, 3))
    eta = 1 / np.linalg.norm(K)
    assert np.array_equal(richardson(lambda V: K @ V, y, eta=eta, T=5), richardson(K, y, eta=eta, T=5))
    assert spectrum_bounds(lambda V: K @ V, n=10) == spectrum_bounds(K) == spectrum_bounds(K, n=10)
    one, other = (conjugate_gradients(A, y, lam=1.0, tol=1e-9, most=30) for A in (K, lambda V: K @ V))
    assert np.array_equal(one.alpha, other.alpha)


@pytest.mark.parametrize("n", [1, 2, 5, 30, 200])
@pytest.mark.parametrize("above", [1e-6, 1e-3, 1.0])
def test_a_step_beyond_the_threshold_is_refused(n, above):
    """From n = 33 on lambda_max is a Ritz value, below it by less than 1 in 1000 here."""
    rng = np.random.default_rng(n)
    K = spectral(rng, np.linspace(0.1, 1, n)**2 * 7)
    y, threshold = rng.standard_normal(n), 2 / np.linalg.eigvalsh(K)[-1]
    richardson(K, y, eta=threshold * (1 - 1e-6), T=3)
    richardson(K, y, eta=threshold, T=3)                                # within rounding of the threshold nothing is certain
    if n <= 30 or above > 1e-3:
        with pytest.raises(DomainError, match=r"eta = .*; Richardson's iteration converges from every start only for 0 < eta < 2 / lambda_max\(K\), which is at most"):
            richardson(K, y, eta=threshold * (1 + above), T=0)


def test_the_threshold_is_named():
    with pytest.raises(DomainError, match=r"eta = 0\.51; .* which is at most 0\.5$"):
        richardson(np.diag([1.0, 4.0]), np.ones(2), eta=0.51, T=1)
    for eta in (0.0, -0.1):
        with pytest.raises(DomainError, match=r"only for 0 < eta < 2 / lambda_max\(K\)$"):
            richardson(np.diag([1.0, 4.0]), np.ones(2), eta=eta, T=1)


def test_a_refused_step_would_diverge_and_an_accepted_one_does_not():
    rng = np.random.default_rng(2)
    for _ in range(20):
        K, y = gram(rng, 6, 12), rng.standard_normal(6)
        for eta in 2 / np.linalg.eigvalsh(K)[-1] * np.array([0.01, 0.9, 0.999, 1.001, 1.1, 3]):
            factor = np.max(np.abs(1 - eta * np.linalg.eigvalsh(K)))
            try:
                richardson(K, y, eta=float(eta), T=1)
            except DomainError:
                assert factor > 1
            else:
                assert factor < 1


def test_a_matrix_with_a_negative_eigenvalue_has_no_step():
    with pytest.raises(DomainError, match="K has an eigenvalue of at most -1"):
        richardson(np.diag([4.0, -1.0]), np.ones(2), eta=0.1, T=1)


def test_an_overflow_is_an_error_that_says_where():
    """y in the null space of a singular K adds up."""
    with pytest.raises(NonFiniteError, match=r"alpha\[.*\] = (inf|nan); alpha must be finite"):
        richardson(np.diag([1.0, 0.0]), np.array([1.0, 1e308]), eta=1.5, T=3)


# ---- the largest eigenvalue

@given(n=st.integers(1, 80), m=st.integers(1, 80), seed=seeds)
@example(n=32, m=40, seed=0)
@example(n=33, m=40, seed=0)
@example(n=80, m=1, seed=0)
def test_bounds_enclose_the_largest_eigenvalue(n, m, seed):
    K = gram(np.random.default_rng(seed), n, m)
    low, high = spectrum_bounds(K, rng=seed)
    largest = np.linalg.eigvalsh(K)[-1]
    assert low <= largest * (1 + n * EPS)
    assert largest <= high * (1 + n * EPS)
    if min(n, m) < 32:                                                   # the Krylov space is all that there is
        assert high - low <= 5 * n * math.sqrt(32 * n) * EPS * largest
    assert high <= 1.4 * low


@pytest.mark.parametrize("K", [np.eye(50), np.zeros((3, 3)), np.ones((60, 60)), np.diag(np.r_[1.0, np.zeros(99)]), np.diag(1 + np.arange(100) // 50 * 1.0)],
                         ids=["identity", "zero", "ones", "one direction", "two eigenvalues"])
def test_few_eigenvalues_are_found_exactly(K):
    low, high = spectrum_bounds(K)
    assert low <= np.linalg.eigvalsh(K)[-1] <= high <= low + 5 * len(K) * math.sqrt(32 * len(K)) * EPS * high


def test_the_bounds_depend_on_rng_alone():
    K = gram(np.random.default_rng(3), 60, 80)
    assert spectrum_bounds(K, rng=5) == spectrum_bounds(K, rng=np.random.default_rng(5)) != spectrum_bounds(K, rng=6)


@given(k=st.integers(1, 8), n=st.integers(2, 40), seed=seeds)
def test_chebyshev_bounds_the_largest_ritz_value_from_any_start(k, n, seed):
    """lambda_max <= theta_k cosh^2(arsinh(tan phi) / (2k - 1)), phi the angle between the start and the top eigenvector."""
    rng = np.random.default_rng(seed)
    l, v = rng.uniform(0, 1, n)**rng.integers(1, 9), rng.standard_normal(n)
    l[0] = 1.0
    V = [v / np.linalg.norm(v)]
    while len(V) < min(k, n):
        V = np.linalg.qr(np.column_stack([*V, l * V[-1]]))[0].T
    theta = np.linalg.eigvalsh(np.array(V) * l @ np.array(V).T)[-1]
    assert theta * math.cosh(math.asinh(np.linalg.norm(v[1:]) / abs(v[0])) / (2 * k - 1))**2 * (1 + 1e-9) >= 1


def test_lanczos_takes_no_more_products_than_it_says():
    for n, products in ((5, 5), (32, 32), (90, 32)):
        K = Tiles(gram(np.random.default_rng(n), n, n))
        spectrum_bounds(K, n=n)
        assert K.shapes == [(n,)] * products


# ---- conjugate gradients

@given(n=st.integers(1, 7), k=st.sampled_from([0, 1, 3]), lam=st.sampled_from([0.1, 1.0, 1]), tol=st.sampled_from([1e-2, 1e-8, 1e-13]), seed=seeds)
def test_conjugate_gradients_are_as_near_as_they_say(n, k, lam, tol, seed):
    rng = np.random.default_rng(seed)
    K, y = gram(rng, n, n), frozen(rng.standard_normal((n, k) if k else n))
    alpha, iterations, residual = conjugate_gradients(K, y, lam=lam, tol=tol, most=50)
    assert alpha.shape == y.shape
    assert residual.shape == y.shape[1:]
    assert np.all(residual <= tol)
    error = np.linalg.norm(alpha.reshape(n, -1) - exact_solution(K, y, lam), axis=0)
    rounding = (n + 4) * EPS * (np.linalg.norm(K) + lam) * np.linalg.norm(alpha.reshape(n, -1), axis=0) + EPS * np.linalg.norm(y, axis=0)
    smallest = lam + max(np.linalg.eigvalsh(K)[0], 0) * (1 - 1e-6)
    assert np.all(error <= (np.atleast_1d(residual) * np.linalg.norm(y, axis=0) + rounding) / smallest * (1 + 1e-6))
    assert iterations <= 3 * n + 3


def test_a_label_of_zeros_costs_nothing():
    K = gram(np.random.default_rng(4), 5, 5)
    alone = conjugate_gradients(K, np.zeros(5), tol=0.0, most=0)
    assert (alone.iterations, float(alone.residual), alone.alpha.any()) == (0, 0.0, False)
    y = np.column_stack([np.zeros(5), np.ones(5)])
    both = conjugate_gradients(K, y, lam=1.0, tol=1e-12, most=9)
    assert not both.alpha[:, 0].any()
    assert np.linalg.norm(both.alpha[:, 1] - conjugate_gradients(K, y[:, 1], lam=1.0, tol=1e-12, most=9).alpha) <= 2e-12 * np.linalg.norm(y)


def test_a_label_waits_for_the_others():
    """An eigenvector takes one step beside a label that takes many; its solution is that of one step, and nothing underflows while it waits."""
    K = np.diag(np.linspace(1, 1e4, 300))
    y = np.column_stack([np.eye(300)[:, 7], np.ones(300)])
    found = conjugate_gradients(K, y, tol=1e-12, most=3000)
    assert found.iterations > 100
    assert np.array_equal(found.alpha[:, 0], np.eye(300)[:, 7] / K[7, 7])


def test_what_the_running_residual_hides_is_descended_again():
    """Condition 1e6: where rounding leaves a larger residual than the running one, another descent takes it away."""
    again = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        K, y = spectral(rng, np.geomspace(1e-12, 1, 40)), rng.standard_normal(40)
        first, spent = iterative._descent(lambda V, K=K: K @ V + 1e-6 * V, np.asarray, np.zeros(40), y, 1e-10 * np.linalg.norm(y), 0, 400)
        found = conjugate_gradients(K, y, lam=1e-6, tol=1e-10, most=400)
        assert found.residual <= 1e-10
        assert np.linalg.norm(y - K @ found.alpha - 1e-6 * found.alpha) <= (1e-10 + 400 * EPS * np.linalg.norm(found.alpha)) * np.linalg.norm(y)
        hidden = np.linalg.norm(y - K @ first - 1e-6 * first) > 1.1e-10 * np.linalg.norm(y)
        assert found.iterations > spent or not hidden
        again += hidden
    assert again


def test_the_iterations_are_counted_and_limited():
    rng = np.random.default_rng(6)
    K, y = Tiles(spectral(rng, np.linspace(1, 50, 30))), rng.standard_normal((30, 2))
    found = conjugate_gradients(K, y, tol=1e-8, most=100)
    assert K.shapes == [(30, 2)] * (found.iterations + 1)                # and one for the residual
    assert np.array_equal(conjugate_gradients(K, y, tol=1e-8, most=found.iterations).alpha, found.alpha)
    with pytest.raises(NotConvergedError, match=rf"most = {found.iterations - 1} iterations leave \|y - \(K \+ lam I\) alpha\| = .*e-0.*, which should be .*e-0"):
        conjugate_gradients(K, y, tol=1e-8, most=found.iterations - 1)
    with pytest.raises(NotConvergedError, match="most = 0 iterations leave"):
        conjugate_gradients(K, y, tol=0.5, most=0)
    assert issubclass(NotConvergedError, ValueError)


def test_a_system_without_a_solution_does_not_converge():
    for K in (np.diag([1.0, 2.0, 0.0]), np.zeros((3, 3)), np.ones((3, 3))):
        with pytest.raises(DomainError, match=r"p\.\(K \+ lam I\) p = .* in iteration .*, not positive beyond rounding; take lam larger"):
            conjugate_gradients(K, np.array([1.0, -2.0, 3.0]), tol=1e-6, most=50)
    assert conjugate_gradients(np.ones((3, 3)), np.full(3, 3.0), tol=1e-12, most=1).alpha.tolist() == [1, 1, 1]      # y in the range is no trouble


def test_an_indefinite_matrix_is_found():
    with pytest.raises(DomainError, match=r"p\.\(K \+ lam I\) p = -.* in iteration 1, .* K is not positive semidefinite"):
        conjugate_gradients(np.diag([1.0, -3.0]), np.ones(2), tol=1e-6, most=5)


def test_the_inverse_is_the_best_preconditioner():
    rng = np.random.default_rng(7)
    K, y = gram(rng, 12, 20), rng.standard_normal((12, 3))
    inverse = np.linalg.inv(K + 0.5 * np.eye(12))
    found = conjugate_gradients(K, y, lam=0.5, tol=1e-10, most=5, preconditioner=lambda V: inverse @ V)
    assert found.iterations == 1
    assert np.linalg.norm(found.alpha - np.linalg.solve(K + 0.5 * np.eye(12), y)) <= 1e-9 * np.linalg.norm(found.alpha)


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1e160, 1e300])
def test_matrices_of_any_size_are_solved(size):
    K, y = gram(np.random.default_rng(8), 6, 12) * size, np.random.default_rng(9).standard_normal(6)
    found = conjugate_gradients(K, y, tol=1e-10, most=20)
    assert np.linalg.norm(K @ found.alpha - y) <= 1.1e-10 * np.linalg.norm(y)
    low, high = spectrum_bounds(K)
    assert abs(high - low) <= 1e-12 * high
    assert abs(low - np.linalg.eigvalsh(K / size)[-1] * size) <= 1e-12 * high


@pytest.mark.parametrize("power", [-1000, -500, 300, 1000])
def test_labels_of_any_size_are_solved(power):
    """Powers of two move no bit."""
    K, y = gram(np.random.default_rng(8), 6, 6), np.random.default_rng(9).standard_normal((6, 2))
    one, other = (conjugate_gradients(K, y * s, lam=1.0, tol=1e-10, most=20) for s in (1.0, np.array([2.0**power, 1.0])))
    assert np.array_equal(other.alpha, one.alpha * np.array([2.0**power, 1.0]))
    assert np.array_equal(other.residual, one.residual)


def test_what_overflows_says_so():
    with pytest.raises(NonFiniteError, match=r"alpha\[0\] = inf; alpha must be finite"):
        conjugate_gradients(np.array([[1e-10]]), np.array([1e300]), tol=1e-3, most=3)
    with pytest.raises(NonFiniteError, match=r"\(K \+ lam I\) p\[0\] = inf"):
        conjugate_gradients(np.full((20, 20), 1.7e308), np.ones(20), tol=1e-3, most=3)
    with pytest.raises(NonFiniteError, match=r"the residual.* must be finite"):
        conjugate_gradients(np.diag([1e-320, 1.0]), np.array([1.0, 0.0]), tol=1e-3, most=3)
    with pytest.raises(NonFiniteError, match=r"K v\[0\] = (-?inf|nan); K v must be finite"):
        spectrum_bounds(np.full((20, 20), 1.7e308))


# ---- bad input, for preconditioners too

K0, Y0 = frozen([[2.0, 1.0, 0.5], [1.0, 3.0, 0.25], [0.5, 0.25, 4.0]]), frozen([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
SOLVERS = {
    "richardson": lambda K, y: richardson(K, y, eta=0.1, T=2),
    "conjugate_gradients": lambda K, y: conjugate_gradients(K, y, tol=1e-6, most=9),
    "nystrom_pcg": lambda K, y: nystrom_pcg(K, y, lam=1.0, rank=2, rng=0, tol=1e-6, most=9),
}
TAKE_K = {**{name: lambda K, f=f: f(K, Y0) for name, f in SOLVERS.items()}, "spectrum_bounds": spectrum_bounds,
          **{sketch: lambda K, sketch=sketch: nystrom_preconditioner(K, 1.0, rank=2, rng=0, sketch=sketch) for sketch in ("columns", "gaussian")}}


@pytest.mark.parametrize("call", TAKE_K.values(), ids=TAKE_K)
@pytest.mark.parametrize(("spoil", "error", "pattern"), SPOILED)
def test_spoiled_matrices(call, spoil, error, pattern):
    call(K0)
    with pytest.raises(error, match=pattern.format(name="K")):
        call(spoil(K0))


@pytest.mark.parametrize("solve", SOLVERS.values(), ids=SOLVERS)
@pytest.mark.parametrize(("spoil", "error", "pattern"), SPOILED)
def test_spoiled_labels(solve, spoil, error, pattern):
    with pytest.raises(error, match=pattern.format(name="y")):
        solve(K0, spoil(Y0))


@pytest.mark.parametrize("call", TAKE_K.values(), ids=TAKE_K)
def test_a_matrix_is_square_and_symmetric(call):
    with pytest.raises(DomainError, match=r"K\[0, 1\] = 1\.0 but K\[1, 0\] = 0\.0; a Gram matrix is symmetric to the bit"):
        call(np.triu(K0))
    with pytest.raises(ShapeError, match=r"K has shape \(3, 2\) but \w has n = 3"):
        call(np.ascontiguousarray(K0[:, :2]))


@pytest.mark.parametrize("solve", SOLVERS.values(), ids=SOLVERS)
@pytest.mark.parametrize(("K", "error", "message"), [
    (lambda V: V[:2], ShapeError, r"K\(V\) has shape \(2(, 2)?,?\) but V has shape \(3"), (lambda V: V[:, :1] if V.ndim > 1 else V[:1], ShapeError, r"K\(V\) has shape"),
    (lambda V: V.astype(np.float32), DtypeError, r"K\(V\) has dtype float32"), (lambda V: V.tolist(), DtypeError, r"K\(V\) is of type list"),
    (lambda V: V * np.nan, NonFiniteError, r"K\(V\)\[.*\] = nan"),
])
def test_what_a_function_returns_is_checked(solve, K, error, message):
    with pytest.raises(error, match=message):
        solve(K, Y0)


def test_what_else_is_refused():
    k = {"lam": 1.0, "rank": 2, "rng": 0}
    for call, error, message in [
        (lambda: spectrum_bounds(lambda V: V), DtypeError, "K is a function, so n= must say"),
        (lambda: spectrum_bounds(K0, n=4), ShapeError, "n = 4 but K has n = 3; n is for a function K"),
        (lambda: spectrum_bounds(lambda V: V, n=0), DomainError, "n = 0"),
        (lambda: richardson(K0, Y0, eta=0.1, T=-1), DomainError, "T = -1"),
        (lambda: richardson(K0, Y0, eta=0.1, T=1.0), DtypeError, "T = 1.0"),
        (lambda: richardson(K0, Y0, eta=math.nan, T=1), NonFiniteError, "eta = nan"),
        (lambda: richardson(K0, Y0, eta=0.1, T=1, alpha_0=np.ones(3)), ShapeError, r"alpha_0 has shape \(3,\); alpha_0 must be \(n, k\)"),
        (lambda: richardson(K0, Y0, eta=0.1, T=1, alpha_0=np.ones((3, 3))), ShapeError, r"alpha_0 has shape \(3, 3\) but y has k = 2"),
        (lambda: conjugate_gradients(K0, Y0, tol=-1e-9, most=3), DomainError, "tol = -1e-09; it must be at least 0"),
        (lambda: conjugate_gradients(K0, Y0, lam=-1.0, tol=1.0, most=3), DomainError, r"lam = -1\.0; it must be at least 0"),
        (lambda: conjugate_gradients(K0, Y0, tol=0.1, most=-1), DomainError, "most = -1"),
        (lambda: conjugate_gradients(K0, Y0, tol=0.1, most=3, preconditioner=K0), DtypeError, "preconditioner is of type ndarray; it must be a function"),
        (lambda: conjugate_gradients(K0, Y0, tol=0.1, most=3, preconditioner=lambda V: V[:1]), ShapeError, r"preconditioner\(V\) has shape \(1, 2\) but V"),
        (lambda: nystrom_preconditioner(K0, 0.0, rank=1, rng=0), DomainError, r"lam = 0\.0; .* needs lam > 0"),
        (lambda: nystrom_preconditioner(K0, 1.0, rank=0, rng=0), DomainError, "rank = 0"),
        (lambda: nystrom_preconditioner(K0, 1.0, rank=4, rng=0), DomainError, "rank = 4 but there are n = 3 samples"),
        (lambda: nystrom_preconditioner(K0, 1.0, rank=4, rng=0, sketch="gaussian"), DomainError, "rank = 4 but there are n = 3 samples"),
        (lambda: nystrom_preconditioner(K0, 1.0, rank=1, rng=0, sketch="rows"), DomainError, "sketch = 'rows'; it must be 'columns' or 'gaussian'"),
        (lambda: nystrom_preconditioner(-K0, 1.0, rank=2, rng=0), DomainError, r"S\^T K S is not positive semidefinite"),
        (lambda: nystrom_preconditioner(lambda J: K0[:, :1], 1.0, rank=2, rng=0, n=3), ShapeError, r"K\(J\) has shape \(3, 1\); .* columns K\[:, J\] of 2 indices, \(3, 2\)"),
        (lambda: nystrom_pcg(K0, Y0, tol=0.1, most=3, columns=lambda J: K0[J], **k), ShapeError, r"K\(J\) has shape \(2, 3\)"),
    ]:
        with pytest.raises(error, match=message):
            call()
