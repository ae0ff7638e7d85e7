"""The largest eigenvalue of a Gram matrix, between bounds from Lanczos.

lanczos  lanczos-bound

Gram matrices are whole numbers times a power of two; the other route is Lanczos' recurrence at 60 digits.
"""

import math

import numpy as np
from mpmath import mp

from proofs_checks import Instead, Sides, ulps
from proofs_checks.instances import family
from proofs_checks.papers.kernel_limits import DERIVED, KERNELS
from refimpl.baselines.iterative import spectrum_bounds

EPS = 2.0**-52


def largest_ritz_value(apply, v, steps):
    """theta_k and k for Lanczos' three-term recurrence from v at mpmath's precision; k is infinite where the Krylov space is exhausted."""
    a, b, before, beta, size = [], [], [0] * len(v), 0, mp.sqrt(sum(x * x for x in v))
    for _ in range(steps):
        v = [x / size for x in v]
        w = [x - beta * y for x, y in zip(apply(v), before, strict=True)]
        a.append(sum(x * y for x, y in zip(v, w, strict=True)))
        before, v = v, [x - a[-1] * y for x, y in zip(w, v, strict=True)]
        size = beta = mp.sqrt(sum(x * x for x in v))
        if size < mp.mpf(10) ** (-mp.dps // 2):
            return largest_root(a, b), mp.inf
        b.append(beta)
    return largest_root(a, b[:-1]), steps


def largest_root(a, b):
    """The largest eigenvalue of the tridiagonal matrix with diagonal a and off-diagonal b: bisection on the number of positive pivots of A - x I."""
    bound = sum(map(abs, a)) + 2 * sum(b)
    return bisected(lambda x: sum(pivot > 0 for pivot in pivots(a, b, x)) == 0, -bound, bound)


def pivots(a, b, x):
    pivot = mp.inf
    for here, off in zip(a, [0, *b], strict=True):
        pivot = here - x - off * off / pivot
        yield pivot


def bisected(beyond, low, high):
    """The place between low and high from which ``beyond`` holds."""
    for _ in range(4 * mp.dps):
        low, high = (low, (low + high) / 2) if beyond((low + high) / 2) else ((low + high) / 2, high)
    return high


def sinh_multiple(m, t):
    """sinh(m arsinh t) for odd m, a polynomial of t: S_{m+2} = 2 (1 + 2 t^2) S_m - S_{m-2}, S_1 = -S_{-1} = t."""
    here, before = t, -t
    for _ in range(m // 2):
        here, before = 2 * (1 + 2 * t * t) * here - before, here
    return here


def slack(k, tangent, degree=lambda k: 2 * k - 1):
    """1 + t^2 for sinh((2k - 1) arsinh t) = tangent."""
    if k == mp.inf:
        return mp.mpf(1)
    return 1 + bisected(lambda t: sinh_multiple(degree(k), t) > tangent, mp.mpf(0), tangent) ** 2


def _krylov(rng, n, values, power):
    """2^power times a whole K, positive semidefinite, with so many eigenvalues other than 0 (0: n, -1: none); what Lanczos finds from the seed's start."""
    H = rng.integers(-3, 4, (n, abs(values) or n)) * float(values >= 0)
    K, seed = H @ H.T, int(rng.integers(2**32))
    with mp.workdps(60):
        start = [mp.mpf(x) for x in np.random.default_rng(seed).standard_normal(n)]
        rows = [[(j, mp.mpf(float(x))) for j, x in enumerate(row) if x] for row in K]
        theta, k = largest_ritz_value(lambda v: [sum((x * v[j] for j, x in row), start=mp.mpf(0)) for row in rows], start, min(n, 32))
    return {"K": 2.0**power * K, "start_seed": seed, "theta": mp.ldexp(theta, power), "k": k, "outwards": 2 * n * math.sqrt(32 * n) * EPS}


def _few(n, values, power):
    return values < n and (not power or n < 36)


@KERNELS.claim("lanczos", where="the step size of Richardson's iteration", printed_from=DERIVED, needs=["KERNELS/lanczos-bound"],
               given=family(_krylov, _few, n=[1, 2, 5, 12, 36], values=[0, 1, 3, -1], power=[0, 600, -600]), tol=ulps(lambda at: at.n * math.isqrt(32 * at.n) + 4))
def lanczos(at):
    """theta_k <= lambda_max(K) <= theta_k cosh^2(arsinh(sqrt(2n/pi) / delta) / (2k - 1)) with probability 1 - delta, delta = 1e-9.

    Both are moved outwards by twice the budget, which is twice what rounding in n-term products may do to theta_k."""
    return Sides(refimpl=list(spectrum_bounds(at.K, rng=at.start_seed)), recurrence=_bounds(at, mp.mpf("1e-9")), scale=np.array(_bounds(at, mp.mpf("1e-9"))))


def _bounds(at, delta, degree=lambda k: 2 * k - 1):
    with mp.workdps(40):
        high = at.theta * slack(at.k, mp.sqrt(2 * at.n / mp.pi) / delta, degree)
        return [float(at.theta * (1 - at.outwards)), float(high * (1 + at.outwards))]


@lanczos.refutes("delta = 1e-8")
def _(at):
    return Instead(recurrence=_bounds(at, mp.mpf("1e-8")))


@lanczos.refutes("degree 2 k + 1")
def _(at):
    return Instead(recurrence=_bounds(at, mp.mpf("1e-9"), lambda k: 2 * k + 1))


@lanczos.refutes("sqrt(n) for sqrt(2n/pi)")
def _(at):
    return Instead(recurrence=_bounds(at, mp.mpf("1e-9") * mp.sqrt(2 / mp.pi)))


def _extremal(rng, k):
    """Eigenvalues l and a start v: 3 (1 - s_j^2) at the extrema s_j of Chebyshev's polynomial of degree 2k - 1, 3 (1 + t^2) above them, and the
    weights that make all polynomials of degree k - 1 orthogonal to the optimal one."""
    with mp.workdps(60):
        t = mp.mpf(int(rng.integers(1, 9))) / 4
        s = [mp.cos(mp.pi * j / (2 * k - 1)) for j in range(k)]
        l = [3 * (1 + t * t), *(3 * (1 - x * x) for x in s)]
        optimal = [t * sinh_multiple(2 * k - 1, t), *s]
        v = [mp.sqrt(1 / (x * math.prod(abs(a - b) for b in l if b != a))) for a, x in zip(l, optimal, strict=True)]
        return {"l": l, "v": v, "theta": largest_ritz_value(lambda u: [x * y for x, y in zip(l, u, strict=True)], v, k)[0]}


@KERNELS.claim("lanczos-bound", where="the step size of Richardson's iteration", printed_from=DERIVED, given=family(_extremal, k=(1, 6)), tol=ulps(16))
def lanczos_bound(at):
    """lambda_max <= theta_k cosh^2(arsinh(tan phi) / (2k - 1)), phi the angle between the start and the top eigenvector, is attained for every k."""
    return Sides(worst=float(max(at.l) / at.theta), bound=_bound(at, _tangent(at)), scale=float(max(at.l) / at.theta))


def _tangent(at):
    first, *rest = at.v
    return math.sqrt(sum(x * x for x in rest)) / first


def _bound(at, tangent, degree=1, power=2):
    return math.cosh(math.asinh(tangent) / (2 * at.k - degree)) ** power


@lanczos_bound.refutes("2k for 2k - 1")
def _(at):
    return Instead(bound=_bound(at, _tangent(at), degree=0))


@lanczos_bound.refutes("sin phi for tan phi")
def _(at):
    return Instead(bound=_bound(at, math.sin(math.atan(_tangent(at)))))


@lanczos_bound.refutes("cosh for cosh^2")
def _(at):
    return Instead(bound=_bound(at, _tangent(at), power=1))
