r"""Randomised Nystrom preconditioners of K + lam I, and conjugate gradients with one.

K is an (n, n) matrix, or a function: V -> K V of arrays (n,) and (n, k), or J -> K[:, J] of indices.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from refimpl.baselines._gram import EPS, SOURCE, Function, Product, border, function_of, product_of
from refimpl.baselines.iterative import Solution, conjugate_gradients
from refimpl.errors import Array, DomainError, ShapeError, Shapes, count, finite, float64, number
from refimpl.rng import Seed, generator


def nystrom_preconditioner(K: Any, lam: float, *, rank: int, rng: Seed, n: int | None = None, sketch: str = "columns") -> Product:
    r"""Randomised Nystrom preconditioner of K + lam I.

    .. math:: (\hat K + \lambda I)^{-1}, \qquad \hat K = K S\, (S^T K S)^{-1} S^T K

    K hat is K on the columns of S and at most K elsewhere, so that the eigenvalues of (K hat + lam I)^{-1} (K + lam I) lie in
    [1, 1 + |K - K hat| / lam], and at least ``rank`` of them are 1. Applied as (I - B (lam I + B^T B)^{-1} B^T) / lam for K hat = B B^T.

    Source
    ------
    Frangella, Tropp and Udell (2021), recalled, with K hat + lam I instead of its shifted form; audited by ``KERNELS/nystrom``.

    Parameters
    ----------
    K : (n, n); or, with n, a function: V -> K V for a Gaussian sketch, J -> K[:, J] for columns
    lam : float > 0
    rank : int of 1, ..., n   columns of S
    rng : Generator, SeedSequence or int
    n : int, for a function only
    sketch : "columns" takes S = e_j for j drawn without replacement, and needs those columns of K only; "gaussian" takes orthonormal
        columns that span a Gaussian sample, and needs K times each of them

    Returns
    -------
    function V -> (K hat + lam I)^{-1} V of arrays (n,) and (n, k), for :func:`refimpl.baselines.iterative.conjugate_gradients`

    Units
    -----
    n rank^2 operations to make, 2 n rank a vector.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   as every public function.
    DomainError   for lam <= 0, rank > n, an unknown sketch, and S^T K S not positive semidefinite up to rounding.
    Rounding   (|K| + lam) / lam times |K| / lambda_min(S^T K S) times |V| / lam times a multiple n rank of eps. S^T K S is shifted by
    2 rank eps trace, which a singular one needs.
    """
    lam, rank, rng = number("lam", lam), count("rank", rank, least=1), generator(rng)
    if lam <= 0:
        raise DomainError(f"lam = {lam}; a preconditioner K hat + lam I needs lam > 0")
    if sketch not in ("columns", "gaussian"):
        raise DomainError(f"sketch = {sketch!r}; it must be 'columns' or 'gaussian'")
    KS, core = {"columns": _columns_of, "gaussian": _gaussian}[sketch](K, n, rank, rng)
    return _woodbury(_low_rank(KS, core, tol=2 * rank * EPS * np.trace(core)), lam)


def _columns_of(K: Any, n: int | None, rank: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """K S and S^T K S for unit vectors e_j."""
    columns, n = function_of(K, n, _columns_of_matrix, Shapes(SOURCE))
    J = rng.choice(n, _at_most(rank, n), replace=False)
    KS = finite("K[:, J]", float64("K[:, J]", columns(J)))
    if KS.shape != (n, rank):
        raise ShapeError(f"K(J) has shape {KS.shape}; it must hold the columns K[:, J] of {rank} indices, {(n, rank)}")
    return KS, KS[J]


def _columns_of_matrix(K: Array) -> Function:
    return lambda J: K[J].T                                                       # K is symmetric, and rows are contiguous


def _gaussian(K: Any, n: int | None, rank: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """K S and S^T K S for orthonormal columns that span a Gaussian sample."""
    product, n = product_of(K, n, Shapes(SOURCE))
    S = np.linalg.qr(rng.standard_normal((n, _at_most(rank, n))))[0]
    KS = product(S)
    return KS, S.T @ KS


def _low_rank(KS: Array, core: Array, tol: float) -> Array:
    """B with B B^T = K S (S^T K S + tol I)^{-1} S^T K."""
    from scipy.linalg import LinAlgError, cholesky, solve_triangular

    try:
        L = cholesky(core + tol * np.eye(len(core)), lower=True)
    except LinAlgError as error:
        raise DomainError(f"S^T K S is not positive semidefinite ({error}); K must be a Gram matrix") from error
    return np.ascontiguousarray(solve_triangular(L, KS.T, lower=True).T)


def _woodbury(B: Array, lam: float) -> Product:
    """V -> (B B^T + lam I)^{-1} V."""
    from scipy.linalg import cho_factor, cho_solve

    factor = cho_factor(B.T @ B + lam * np.eye(B.shape[1]), lower=True)
    return lambda V: np.asarray((V - B @ cho_solve(factor, B.T @ V, check_finite=False)) / lam)


def nystrom_pcg(K: object, y: object, *, lam: float, rank: int, rng: Seed, tol: float, most: int, columns: Callable[[Any], Array] | None = None) -> Solution:
    r"""Conjugate gradients with a Nystrom preconditioner.

    .. math:: (K + \lambda I)\, \alpha = y

    With K hat equal to K on ``rank`` columns, at most n - rank + 1 iterations in exact arithmetic.

    Source
    ------
    Frangella, Tropp and Udell (2021), recalled; audited by ``KERNELS/nystrom-finite``.

    Parameters
    ----------
    K : (n, n) symmetric, or a function V -> K V
    y : (n,) or (n, k)
    lam : float > 0
    rank, rng : of the sketch: columns of K where it is a matrix, Gaussian where it is a function
    tol, most : of :func:`refimpl.baselines.iterative.conjugate_gradients`
    columns : a function J -> K[:, J]; with it columns are taken where K is a function, too

    Returns
    -------
    Solution   alpha, iterations, residual

    Units
    -----
    Those of :func:`refimpl.baselines.iterative.conjugate_gradients`.

    Errors
    ------
    As :func:`refimpl.baselines.iterative.conjugate_gradients` and :func:`nystrom_preconditioner`.
    """
    product, y, _ = border(K, y)
    if columns is None and isinstance(K, np.ndarray):
        columns = _columns_of_matrix(K)
    function, sketch = (product, "gaussian") if columns is None else (columns, "columns")
    solve = nystrom_preconditioner(function, lam, rank=rank, rng=rng, n=len(y), sketch=sketch)
    return conjugate_gradients(product, y, lam=lam, tol=tol, most=most, preconditioner=solve)


def _at_most(rank: int, n: int) -> int:
    if rank > n:
        raise DomainError(f"rank = {rank} but there are n = {n} samples; it must be among 1, ..., n")
    return rank
