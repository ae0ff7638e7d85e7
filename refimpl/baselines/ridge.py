r"""Ridge regression on a Gram matrix K: alpha = (K + lam I)^{-1} y, whole paths of lam, leave-one-out residuals, nested samples.

With K_ij = k(x_i, x_j) and f(x) = sum_i alpha_i k(x, x_i) it minimises |y - K alpha|^2 + lam alpha.K alpha. Where K = H H^T for features
H (n, m), f is linear in them with the weights a = H^T alpha, and the penalty is lam |a|^2. A loss with a mean and a 1/2, such as
(1/n) sum (f - y)^2 + (lambda/2) |a|^2 of DLS22's head, is that with lam = n lambda / 2.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from refimpl.baselines._gram import EPS, columns, gram
from refimpl.errors import Array, DomainError, ShapeError, Shapes, count, finite, number, points

SOURCE = "ridge regression on a Gram matrix"
FEW = 5        # a tridiagonalisation takes the time of five Cholesky factors, measured at n = 500, 1000 and 2000


def ridge(K: object, y: object, lam: object) -> Array:
    r"""Coefficients of ridge regression on a Gram matrix, for one lam or for a whole path.

    .. math:: \alpha = (K + \lambda I)^{-1} y

    Source
    ------
    Derived here; audited by ``KERNELS/ridge-dual``.

    Parameters
    ----------
    K : (n, n)   symmetric to the bit, positive semidefinite
    y : (n,) or (n, k)   k right-hand sides
    lam : number >= 0, or an array of them

    Returns
    -------
    (n,) or (n, k); for an array (*lam.shape, n) or (*lam.shape, n, k)

    Units
    -----
    lam stands beside the sum of squares, not beside their mean: (1/n) sum (f - y)^2 + (lambda/2) |a|^2 takes lam = n lambda / 2.
    n^3 / 3 operations a Cholesky factor for up to five lam; beyond, 4 n^3 / 3 for the tridiagonal form of K and 2 n^2 a lam.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   for arrays that are not finite float64 of these shapes.
    DomainError   for lam < 0, K not symmetric, K + lam I not positive definite in floating point (lam and the pivot), and a condition of
    K + lam I beyond 1 / (n eps), where no digit of alpha would be sure.
    Rounding   to first order, for A = K + lam I: by Cholesky (3 n + 4) eps / 2 times abs(A^{-1}) @ D times D.abs(alpha), D = sqrt(diag A);
    by the tridiagonal form 8 n^2 eps |A^{-1}_i| tr(A) |alpha|, of which a few n eps are seen.
    """
    K, y, lam = _border(K, y, lam)
    path = _by_tridiagonal if lam.ravel()[FEW:].size and K[1:].size else _by_cholesky
    return finite("alpha", path(K, y.reshape(len(y), -1), lam.ravel()).reshape(lam.shape + y.shape))


def _by_cholesky(K: Array, y: Array, lam: Array) -> Array:
    """(lams, n, k): one factor a lam."""
    from scipy.linalg.lapack import dpotrs

    return np.array([dpotrs(_factor(K, one), y, lower=True)[0] for one in lam])


def _by_tridiagonal(K: Array, y: Array, lam: Array) -> Array:
    """(lams, n, k): K = Q T Q^T with T tridiagonal, so that alpha = Q (T + lam I)^{-1} Q^T y."""
    from scipy.linalg.lapack import dpttrf, dpttrs, dsytrd, dsytrd_lwork

    reflectors, d, e, tau, _ = dsytrd(K.transpose(), lower=True, lwork=int(dsytrd_lwork(len(K), lower=True)[0]))
    _check_condition(K, _ends(d, e), lam)
    z = _rotated(reflectors, tau, y, "T")                                         # Q^T y
    v = np.empty((*y.shape, lam.size))                                            # (n, k, lams)
    for l, one in enumerate(lam):
        D, L, pivot = dpttrf(d + one, e)                                          # T + lam I = L D L^T
        if pivot:
            raise _indefinite(K, one, f"pivot {pivot} of its tridiagonal form is not positive")
        v[..., l] = dpttrs(D, L, z)[0]
    return _rotated(reflectors, tau, v.reshape(len(K), -1), "N").reshape(v.shape).transpose(2, 0, 1)


def _ends(d: Array, e: Array) -> Array:
    """The smallest and the largest eigenvalue of a tridiagonal matrix."""
    from scipy.linalg import eigvalsh_tridiagonal

    return np.array([eigvalsh_tridiagonal(d, e, select="i", select_range=(i, i))[0] for i in (0, len(d) - 1)])


def _rotated(reflectors: Array, tau: Array, y: Array, transposed: str) -> Array:
    """Q y or Q^T y; Q leaves the first coordinate alone, and its reflectors stand below the diagonal."""
    from scipy.linalg.lapack import dormqr

    rest, _, _ = dormqr("L", transposed, reflectors[1:, :-1], tau, y[1:], y.size)
    return np.concatenate([y[:1], rest])


def _factor(K: Array, lam: float) -> Array:
    """The lower Cholesky factor of K + lam I; what stands above its diagonal is no part of it."""
    from scipy.linalg import norm
    from scipy.linalg.lapack import dpocon, dpotrf

    A = np.array(K.transpose(), order="F")                                        # no change of order: K is symmetric
    A[np.diag_indices(len(A))] += lam
    factor, pivot = dpotrf(A, lower=True, clean=False, overwrite_a=True)
    if pivot:
        raise _indefinite(K, lam, f"its pivot {pivot} of {len(K)} is not positive")
    if (reciprocal := dpocon(factor, norm(K.T, 1, check_finite=False) + lam, uplo="L")[0]) < len(K) * EPS:
        raise _indefinite(K, lam, f"its reciprocal condition number is {reciprocal:.2g}, below n eps")
    return np.asarray(factor)


def _check_condition(K: Array, s: Array, lam: Array) -> None:
    """Whether K + lam I, K of these eigenvalues in rising order, is positive definite beyond rounding at the least lam."""
    if not s[0] + lam.min() > len(K) * EPS * (s[-1] + lam.min()):
        raise _indefinite(K, lam.min(), f"its eigenvalues are {s[0] + lam.min():.2g} to {s[-1] + lam.min():.2g}")


def _indefinite(K: Array, lam: float, reason: str) -> DomainError:
    return DomainError(f"lam = {lam} leaves K + lam I not positive definite in floating point: {reason}. Take lam beyond rounding, "
                       f"n eps trace K = {len(K) * EPS * np.trace(K):.2g}; where that does not help, K is not positive semidefinite")


def predict(K_test: object, alpha: object) -> Array:
    r"""Predictions at N points from their rows of the Gram matrix.

    .. math:: f(x_i) = \sum_{j=1}^{n} K_{ij} \alpha_j, \qquad i = 1, \dots, N

    Source
    ------
    Derived here; audited by ``KERNELS/ridge-dual``.

    Parameters
    ----------
    K_test : (N, n)   k(x_i, x_j) of a test point x_i and a training point x_j
    alpha : (n,) or (n, k)   of a path one at a time, or all of one label at once as alpha.T

    Returns
    -------
    (N,) or (N, k)

    Units
    -----
    Those of y. n multiplications a prediction and label.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   as every public function.
    Rounding   n eps times abs(K_test) @ abs(alpha).
    """
    sizes = Shapes(SOURCE)
    K_test, alpha = sizes("K_test", K_test, "N", "n"), columns(sizes, "alpha", alpha)
    with np.errstate(over="ignore", invalid="ignore"):
        return finite("the prediction", K_test @ alpha)


def leave_one_out(K: object, y: object, lam: object) -> Array:
    r"""Residuals of ridge regression at each sample, fitted to the other n - 1.

    .. math:: y_i - f_{-i}(x_i) = \frac{\alpha_i}{\big((K + \lambda I)^{-1}\big)_{ii}}

    Source
    ------
    Recalled, derived here by the block inverse; audited by ``KERNELS/ridge-loo``.

    Parameters
    ----------
    K : (n, n)   symmetric to the bit, positive semidefinite
    y : (n,) or (n, k)
    lam : number >= 0, or an array of them

    Returns
    -------
    (n,) or (n, k); for an array (*lam.shape, n) or (*lam.shape, n, k)

    Units
    -----
    Residual y - f, in units of y. lam is the same in every fit: it stands beside the sum of squares. One decomposition, 4 n^2 operations a lam.

    Errors
    ------
    As :func:`ridge`.
    Rounding   to first order E |A^{-1}_i| (|alpha| + |alpha_i| |A^{-1}_i| / A^{-1}_ii) / A^{-1}_ii, where A^{-1}_i is a row and E, the error of
    the decomposition, is |A|_F times a modest multiple of n eps.
    """
    K, y, lam = _border(K, y, lam)
    s, U = np.linalg.eigh(K)
    _check_condition(K, s, lam)
    inverse = np.reciprocal(s + lam.reshape(-1, 1))                              # (lams, n), of each eigenvalue
    c = U.T @ y.reshape(len(y), -1)                                               # (n, k)
    alpha = U @ (inverse[:, :, None] * c)                                         # (lams, n, k)
    diagonal = inverse @ (U * U).T                                                # (lams, n)
    return finite("the residuals", (alpha / diagonal[:, :, None]).reshape(lam.shape + y.shape))


def nested(K: object, y: object, sizes: Iterable[int], lam: object) -> list[Array]:
    r"""Ridge regression on the first n samples for each n of ``sizes``, from one factor.

    .. math:: \alpha^{(n)} = (K_n + \lambda I)^{-1} y_n, \qquad K_n = (K_{ij})_{i, j \le n}, \quad y_n = (y_i)_{i \le n}

    The Cholesky factor of a leading block is the leading block of the factor, and forward substitution on it is a prefix.

    Source
    ------
    Derived here; audited by ``KERNELS/ridge-nested``.

    Parameters
    ----------
    K : (N, N)   symmetric to the bit, positive semidefinite, N >= max(sizes)
    y : (N,) or (N, k)
    sizes : whole numbers of 1, ..., N in any order
    lam : number >= 0, the same for every size

    Returns
    -------
    list of (n,) or (n, k), one for each of ``sizes``

    Units
    -----
    lam stands beside the sum of squares; a mean over n would ask for another factor at every n. n^3 / 3 operations at the largest n, n^2 at each.

    Errors
    ------
    As :func:`ridge`; DomainError for a size that is not among 1, ..., N, and where there is none.
    """
    from scipy.linalg.lapack import dtrtrs

    K, y, _ = _border(K, y, number("lam", lam))
    chosen = [_size(i, n, len(K)) for i, n in enumerate(sizes)]
    if not chosen:
        raise DomainError("sizes is empty; name at least one size of 1, ..., N")
    most = max(chosen)
    L = _factor(K[:most, :most], number("lam", lam))
    z = dtrtrs(L, y[:most].reshape(most, -1), lower=True)[0]                         # L^{-1} y, (most, k)
    return [finite("alpha", dtrtrs(L[:n, :n], z[:n], lower=True, trans=True)[0].reshape(y[:n].shape)) for n in chosen]


def _size(i: int, n: object, N: int) -> int:
    n = count(f"sizes[{i}]", n, least=1)
    if n > N:
        raise DomainError(f"sizes[{i}] = {n} but K has N = {N} rows; a size must be among 1, ..., N")
    return n


# ---- the border

def _border(K: object, y: object, lam: object) -> tuple[Array, Array, Array]:
    """K, y and lam, checked."""
    sizes = Shapes(SOURCE)
    K, y, lam = gram(sizes, K), columns(sizes, "y", y), points("lam", lam)
    if lam.size == 0:
        raise ShapeError(f"lam has shape {lam.shape}; it must hold at least one number")
    if (lam < 0).any():
        raise DomainError(f"lam = {lam.min()}; a ridge must be at least 0 ({sizes.source})")
    return K, y, lam
