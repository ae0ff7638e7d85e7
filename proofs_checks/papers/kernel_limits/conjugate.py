"""Conjugate gradients on a Gram matrix, alone and with a Nystrom preconditioner: when they end, and what they report.

cg-finite  cg-residual  nystrom  nystrom-finite

Instances are whole and dyadic numbers, so that the Gram matrix is exact and the other routes, the descent itself among them, are rational.
"""

import math
from fractions import Fraction
from operator import mul

import numpy as np

from proofs_checks import Instead, Sides, ulps
from proofs_checks.instances import family
from proofs_checks.papers.kernel_limits import DERIVED, KERNELS
from proofs_checks.papers.kernel_limits.routes import columns, exact, inverse, plus, ridged, scaled_identity, spectrum, times
from refimpl.baselines.iterative import conjugate_gradients
from refimpl.baselines.nystrom import nystrom_pcg, nystrom_preconditioner

# ---- conjugate gradients

def _right_hand_sides(rng, n, k, lam, power):
    """A label that is 0, one that is an eigenvector, any others, all of the size 2^power; one eigenvalue without lam is solved without a rounding."""
    fields = spectrum(rng, n, k)
    if k:
        fields["y"][:, :2] = np.column_stack([np.zeros(n), fields["S"][:, 0]])
    fields["y"] *= 2.0**power
    return fields | {"lam": lam, "A": plus(exact(fields["K"]), scaled_identity(n, Fraction(lam))), "most": 2 * n,
                     "within": 0.0 if len(set(fields["l"])) == 1 and not lam else 2.0**-30}


def residuals(A, y, solve=list):
    """|r_t|^2 / |y|^2 after t = 0, 1, ... steps of conjugate gradients on exact numbers, up to the first 0."""
    r, z, found = y, solve(y), []
    p = z
    while any(r):
        assert len(found) <= len(A)
        found.append(dot(r, r) / dot(y, y))
        Ap, before = [dot(row, p) for row in A], dot(r, z)
        step = before / dot(p, Ap)
        r = [x - step * u for x, u in zip(r, Ap, strict=True)]
        z = solve(r)
        p = [x + dot(r, z) / before * u for x, u in zip(z, p, strict=True)]
    return [*found, Fraction()]


def dot(x, y):
    return sum(map(mul, x, y))


def steps(at, square, solve=list):
    """Steps until the squared residual of each label has been small."""
    histories = [residuals(at.A, list(y), solve) for y in zip(*columns(at.y), strict=True)]
    return max(next(t for t, r in enumerate(history) if r <= square) for history in histories)


@KERNELS.claim("cg-finite", where="conjugate gradients", printed_from=DERIVED, given=family(_right_hand_sides, n=[1, 2, 4, 8], k=[0, 3], lam=[0.0, 16.0], power=[0, 600, -600]))
def cg_finite(at):
    """Conjugate gradients end after as many steps as K + lam I has different eigenvalues whose eigenspaces y meets."""
    return Sides(
        refimpl=conjugate_gradients(at.K, at.y, lam=at.lam, tol=at.within, most=at.most).iterations,
        exact_descent=steps(at, 0),
        eigenvalues=max(_seen(at)),
    )


def _seen(at):
    """For each label the number of different eigenvalues with an eigenvector that it is not orthogonal to."""
    return [len({l for l, part in zip(at.l, parts, strict=True) if part}) for parts in zip(*times(exact(at.S), columns(at.y)), strict=True)]


@cg_finite.refutes("n steps")
def _(at):
    return Instead(eigenvalues=at.n)


@cg_finite.refutes("eigenvalues counted with multiplicity")
def _(at):
    return Instead(eigenvalues=max(sum(map(bool, parts)) for parts in zip(*times(exact(at.S), columns(at.y)), strict=True)))


@cg_finite.refutes("the label that takes the fewest")
def _(at):
    return Instead(eigenvalues=min(_seen(at)))


def _stopped(rng, n, k, lam, power, stop):
    fields = _right_hand_sides(rng, n, k, lam, power)
    within = fields["within"] if stop is None else stop
    return fields | {"within": within, "square": Fraction(within) ** 2}


@KERNELS.claim("cg-residual", where="conjugate gradients", printed_from=DERIVED, needs=["KERNELS/cg-finite"],
               given=family(_stopped, n=[1, 2, 4, 8], k=[0, 3], lam=[0.0, 0.5], power=[0, 600], stop=[None, 0.3, 0.05]), tol=ulps(lambda at: at.n + 6))
def cg_residual(at):
    """Conjugate gradients stop at the first step whose residual |y - (K + lam I) alpha| / |y| is small enough, and report the one of what they return."""
    alpha, iterations, residual = conjugate_gradients(at.K, at.y, lam=at.lam, tol=at.within, most=at.most)
    here = _residuals(at.A, at.y, alpha)
    return Sides(reported=[*np.atleast_1d(residual).tolist(), iterations], recomputed=[*here, steps(at, at.square)],
                 capped=[*(min(x, at.within) for x in here), iterations], scale=_residual_terms(at, alpha))


def _residuals(A, y, alpha):
    r = plus(columns(y), times(A, columns(alpha)), -1)
    return [math.sqrt(dot(x, x) / dot(y, y)) if any(y) else 0.0 for x, y in zip(zip(*r, strict=True), zip(*columns(y), strict=True), strict=True)]


def _residual_terms(at, alpha):
    y, alpha = np.abs(at.y) / 2.0**at.power, np.abs(alpha) / 2.0**at.power
    return np.append(np.linalg.norm(y + (np.abs(at.K) + at.lam * np.eye(at.n)) @ alpha, axis=0) / np.maximum(np.linalg.norm(y, axis=0), 1), 1.0)


@cg_residual.refutes("lam left out")
def _(at):
    alpha, iterations, _ = conjugate_gradients(at.K, at.y, lam=at.lam, tol=at.within, most=at.most)
    return Instead(recomputed=[*_residuals(exact(at.K), at.y, alpha), iterations])


@cg_residual.refutes("the squared residual compared with the tolerance")
def _(at):
    return Instead(recomputed=[*_residuals(at.A, at.y, conjugate_gradients(at.K, at.y, lam=at.lam, tol=at.within, most=at.most).alpha), steps(at, at.within)])


@cg_residual.refutes("absolute: |r| for |r| / |y|")
def _(at):
    _, iterations, residual = conjugate_gradients(at.K, at.y, lam=at.lam, tol=at.within, most=at.most)
    return Instead(reported=[*np.atleast_1d(residual * np.abs(at.y).sum(axis=0)).tolist(), iterations])


# ---- a preconditioner

def _sketched(rng, n, l, k, given, rest):
    """K = H H^T + I or of rank 2 at most, columns S that the seed gives, labels of which the first of several is 0; 18 bits each, so that K is exact."""
    H, y = (np.round(rng.standard_normal(size) * 2**18) / 2**18 for size in ((n, n if rest else 2), (n, k or 1)))
    seed = int(rng.integers(2**32))
    y[:, : k - 1] = 0
    K, draws, lam = H @ H.T + rest * np.eye(n), np.random.default_rng(seed), float(rng.integers(1, 4)) / 2
    S = np.eye(n)[:, draws.choice(n, l, replace=False)] if "columns" in given else draws.standard_normal((n, l))
    A = plus(exact(K), scaled_identity(n, Fraction(lam)))
    P = plus(deflated(exact(K), exact(S.T)), scaled_identity(n, Fraction(lam)))
    return {"K": K, "S": S, "y": y if k else y[:, 0], "lam": lam, "sketch_seed": seed, "A": A, "P": P, "most": 2 * n}


def deflated(K, S):
    """The part of K that the vectors S take away one by one: v v^T / s.v for v = (what is left of K) s."""
    rest = K
    for s in S:
        v = [dot(row, s) for row in rest]
        if size := dot(s, v):
            rest = [[x - a * b / size for x, b in zip(row, v, strict=True)] for row, a in zip(rest, v, strict=True)]
    return plus(K, rest, -1)


def _fits(n, l, **_):
    return l <= n


def _handed_over(at):
    """The matrix or a function, how many samples, and the sketch."""
    return {"columns of a matrix": (at.K, None, "columns"), "columns by a function": (lambda J: at.K[:, J], at.n, "columns"),
            "gaussian, a matrix": (at.K, None, "gaussian"), "gaussian, a function": (at.K.dot, at.n, "gaussian")}[at.given]


SKETCHES = ["columns of a matrix", "columns by a function", "gaussian, a matrix", "gaussian, a function"]


@KERNELS.claim("nystrom", where="randomised Nystrom preconditioning", printed_from=DERIVED,
               given=family(_sketched, _fits, n=(1, 4), l=(1, 4), k=[0, 2], given=SKETCHES, rest=[1, 0]), tol=ulps(lambda at: 8 * at.n**2 + 8 * at.n))
def nystrom(at):
    """The preconditioner is (K_hat + lam I)^{-1} with K_hat = K S (S^T K S)^{-1} S^T K, what the columns of S take away from K one by one."""
    K, n, sketch = _handed_over(at)
    solve = nystrom_preconditioner(K, at.lam, rank=at.l, rng=at.sketch_seed, n=n, sketch=sketch)
    return Sides(
        woodbury=solve(at.y).reshape(at.n, -1),
        deflated=times(inverse(at.P), columns(at.y)),
        scale=_condition(at) * np.linalg.norm(at.y.reshape(at.n, -1), axis=0) + np.zeros((at.n, 1)),
    )


def _condition(at):
    """(|K| + lam) / lam, |K| / lambda_min(Q^T K Q) with Q orthonormal and 0 not counted, and 1 / lam."""
    Q = np.linalg.qr(at.S)[0]
    seen, high = np.linalg.eigvalsh(Q.T @ at.K @ Q), np.linalg.eigvalsh(at.K)[-1]
    return (high + at.lam) / at.lam * high / min(x for x in seen if x > 1e-9 * high) / at.lam


@nystrom.refutes("the shifted form, 1 on the complement of the range")
def _(at):
    KS = exact(at.K @ at.S)
    T = [list(row) for row in zip(*KS, strict=True)]
    outside = plus(scaled_identity(at.n), times(KS, times(ridged(times(T, KS), Fraction(1, 10**9)), T)), -1)
    return Instead(deflated=times(plus(inverse(at.P), outside, 1 - 1 / Fraction(at.lam)), columns(at.y)))


@nystrom.refutes("columns of K without S^T K S: K_hat = K S S^T K")
def _(at):
    KS = exact(at.K @ at.S)
    return Instead(deflated=times(ridged(times(KS, [list(row) for row in zip(*KS, strict=True)]), Fraction(at.lam)), columns(at.y)))


@nystrom.refutes("K itself")
def _(at):
    return Instead(deflated=times(inverse(at.A), columns(at.y)))


PCG = {"columns of a matrix": 0, "columns by a function": 1, "gaussian, a function": 2}


@KERNELS.claim("nystrom-finite", where="randomised Nystrom preconditioning", printed_from=DERIVED, needs=["KERNELS/nystrom", "KERNELS/cg-finite"],
               given=family(_sketched, _fits, n=(1, 4), l=(1, 4), k=[0, 2], given=list(PCG), rest=[1]))
def nystrom_finite(at):
    """With K_hat of rank l conjugate gradients end after n - l + 1 steps: all but n - l eigenvalues of P^{-1} (K + lam I) are 1."""
    K, columns_of = [(at.K, None), (at.K.dot, lambda J: at.K[:, J]), (at.K.dot, None)][PCG[at.given]]
    inverse_of_P = inverse(at.P)
    return Sides(
        refimpl=nystrom_pcg(K, at.y, lam=at.lam, rank=at.l, rng=at.sketch_seed, tol=2.0**-30, most=at.most, columns=columns_of).iterations,
        exact_descent=steps(at, 0, lambda r: [dot(row, r) for row in inverse_of_P]),
        eigenvalues=at.n - at.l + 1,
    )


@nystrom_finite.refutes("without a preconditioner: n")
def _(at):
    return Instead(eigenvalues=at.n)


@nystrom_finite.refutes("n - l: the eigenvalue 1 not counted")
def _(at):
    return Instead(eigenvalues=at.n - at.l)


@nystrom_finite.refutes("l + 1: a matrix of rank l plus a multiple of the identity")
def _(at):
    return Instead(eigenvalues=at.l + 1)
