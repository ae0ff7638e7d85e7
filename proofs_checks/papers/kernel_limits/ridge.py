"""Ridge regression on a Gram matrix: in the features and in samples, leave-one-out residuals, nested samples.

ridge-dual  ridge-loo  ridge-nested

Instances are whole and dyadic numbers, so that the Gram matrix is exact and the other routes are rational.
"""

from fractions import Fraction

import numpy as np

from proofs_checks import Instead, Sides, ulps
from proofs_checks.instances import family
from proofs_checks.papers.kernel_limits import DERIVED, KERNELS
from proofs_checks.papers.kernel_limits.routes import columns, exact, ridged, times
from refimpl.baselines.ridge import leave_one_out, nested, predict, ridge


def _samples(rng, n, m, lams, k):
    """H (n, m), labels (n,) or (n, k), and one lam or several, all short dyadic numbers; K = H H^T is singular where m < n."""
    H, y = rng.integers(-3, 4, (n, m)) / 2, rng.integers(-4, 5, (n, k or 1)) / 1.0
    H[:, 0] += 0.5
    lam = (1 + rng.permutation(lams or 1)) / 4
    return {"H": H, "K": H @ H.T, "y": y if k else y[:, 0], "lam": lam if lams else float(lam[0]), "order": (1 + rng.permutation(n)).tolist()}


samples = family(_samples, n=(1, 5), m=(1, 5), lams=[0, 2, 6], k=[0, 2])


def _each_lam(at, alpha):
    """One entry of a path at a time."""
    return zip(np.ravel(at.lam), np.reshape(alpha, (np.size(at.lam), *at.y.shape)), strict=True)


def _size(at, lam, n):
    """|A^{-1}_i| tr(A) |alpha| for each i and label, A = K_n + lam I: the condition of a solution by a backward stable factor."""
    A = at.K[:n, :n] + lam * np.eye(n)
    alpha = np.linalg.solve(A, at.y[:n])
    return np.multiply.outer(np.linalg.norm(np.linalg.inv(A), axis=1), np.trace(A) * np.linalg.norm(alpha, axis=0))


@KERNELS.claim("ridge-dual", where="ridge regression in the features and in the Gram matrix", printed_from=DERIVED, given=samples,
               tol=ulps(lambda at: 8 * at.n**2 + 8 * at.n + at.m))
def ridge_dual(at):
    """H^T (H H^T + lam I)^{-1} y = (H^T H + lam I)^{-1} H^T y, and it minimises (1/n) sum (f - y)^2 + (lambda/2) |a|^2 for lam = n lambda / 2."""
    return Sides(
        gram=[predict(np.ascontiguousarray(at.H.T), alpha).reshape(at.m, -1) for _, alpha in _each_lam(at, ridge(at.K, at.y, at.lam))],
        features=_by_features(at),
        mean_loss=[_mean_loss(at, 2 * Fraction(lam) / at.n) for lam in np.ravel(at.lam)],
        scale=[np.abs(at.H).T @ _size(at, lam, at.n).reshape(at.n, -1) for lam in np.ravel(at.lam)],
    )


def _by_features(at, factor=Fraction(1)):
    H_T = exact(at.H.T)
    return [times(ridged(times(H_T, exact(at.H)), factor * Fraction(lam)), times(H_T, columns(at.y))) for lam in np.ravel(at.lam)]


def _mean_loss(at, lam):
    """The zero of the gradient (2/n) H^T (H a - y) + lambda a."""
    H_T = [[2 * x / at.n for x in row] for row in exact(at.H.T)]
    return times(ridged(times(H_T, exact(at.H)), lam), times(H_T, columns(at.y)))


@ridge_dual.refutes("lam beside the mean for lam beside the sum")
def _(at):
    return Instead(features=_by_features(at, Fraction(at.n)))


@ridge_dual.refutes("lambda for lambda / 2 in the mean loss, as in the generic formula")
def _(at):
    return Instead(mean_loss=[_mean_loss(at, Fraction(lam) / at.n) for lam in np.ravel(at.lam)])


@ridge_dual.refutes("penalty |alpha|^2 for alpha.K alpha")
def _(at):
    K = exact(at.K)
    return Instead(features=[times(exact(at.H.T), times(ridged(times(K, K), Fraction(lam)), times(K, columns(at.y)))) for lam in np.ravel(at.lam)])


@KERNELS.claim("ridge-loo", where="leave-one-out residuals of ridge regression", printed_from=DERIVED, needs=["KERNELS/ridge-dual"], given=samples,
               tol=ulps(lambda at: 8 * at.n**2 + 8 * at.n))
def ridge_loo(at):
    """y_i - f_{-i}(x_i) = alpha_i / ((K + lam I)^{-1})_ii, without a second fit."""
    return Sides(
        shortcut=[r.reshape(at.n, -1) for _, r in _each_lam(at, leave_one_out(at.K, at.y, at.lam))],
        refitted=[_refitted(at, Fraction(lam)) for lam in np.ravel(at.lam)],
        scale=[_loo_size(at, lam) for lam in np.ravel(at.lam)],
    )


def _refitted(at, lam):
    """n fits to n - 1 samples each."""
    K, y = exact(at.K), columns(at.y)
    return [_residual(K, y, i, [j for j in range(at.n) if j != i], lam) for i in range(at.n)]


def _residual(K, y, i, others, lam):
    """y_i minus the prediction at x_i of a fit to the others."""
    alpha = times(ridged([[K[j][l] for l in others] for j in others], lam), [y[j] for j in others])
    return [label - sum(K[i][j] * row[column] for j, row in zip(others, alpha, strict=True)) for column, label in enumerate(y[i])]


def _loo_size(at, lam):
    """To first order in an error of size tr(A) of A = K + lam I."""
    A = at.K + lam * np.eye(at.n)
    inv, alpha = np.linalg.inv(A), np.abs(np.linalg.solve(A, at.y.reshape(at.n, -1)))
    row, diagonal = np.linalg.norm(inv, axis=1)[:, None], np.diag(inv)[:, None]
    return np.trace(A) * row / diagonal * (np.linalg.norm(alpha, axis=0) + alpha * row / diagonal)


@ridge_loo.refutes("the residual of the whole fit, lam alpha_i")
def _(at):
    return Instead(shortcut=[lam * alpha.reshape(at.n, -1) for lam, alpha in _each_lam(at, ridge(at.K, at.y, at.lam))])


@ridge_loo.refutes("sign: f - y")
def _(at):
    return Instead(refitted=-np.array([_refitted(at, Fraction(lam)) for lam in np.ravel(at.lam)]))


@ridge_loo.refutes("lam rescaled with n in the refits")
def _(at):
    return Instead(refitted=[_refitted(at, Fraction(lam) * (at.n - 1) / at.n) for lam in np.ravel(at.lam)])


@KERNELS.claim("ridge-nested", where="the Cholesky factor of a leading block", printed_from=DERIVED, needs=["KERNELS/ridge-dual"], given=samples,
               tol=ulps(lambda at: 2 * at.n + 4))
def ridge_nested(at):
    """One factor at the largest n serves every smaller one: alpha^(n) = (K_n + lam I)^{-1} y_n."""
    lam = float(np.ravel(at.lam)[0])
    return Sides(
        one_factor=_ragged(nested(at.K, at.y, at.order, lam)),
        each_alone=_ragged(_leading(at, n, Fraction(lam)) for n in at.order),
        scale=_ragged(_size(at, lam, n) for n in at.order),
    )


def _leading(at, n, lam):
    """Ridge regression on the first n samples."""
    return times(ridged([row[:n] for row in exact(at.K)[:n]], lam), columns(at.y)[:n])


def _ragged(blocks):
    """(n,) or (n, k) for several n, one after the other."""
    return [x for block in blocks for x in np.ravel(np.array(block, dtype=object))]


@ridge_nested.refutes("the first coefficients of the largest fit")
def _(at):
    whole = _leading(at, at.n, Fraction(np.ravel(at.lam)[0]))
    return Instead(each_alone=_ragged(whole[:n] for n in at.order))


@ridge_nested.refutes("the leading block of the inverse for the inverse of the leading block")
def _(at):
    whole = ridged(exact(at.K), Fraction(np.ravel(at.lam)[0]))
    return Instead(each_alone=_ragged(times([row[:n] for row in whole[:n]], columns(at.y)[:n]) for n in at.order))


@ridge_nested.refutes("lam of a mean: n lam at every n")
def _(at):
    return Instead(each_alone=_ragged(_leading(at, n, n * Fraction(np.ravel(at.lam)[0])) for n in at.order))
