r"""The population risk of kernel regression with a ReLU kernel, exactly: no test set, no sampling error.

The kernels of infinitely wide ReLU networks without bias are |x| |z| kappa(cos t), t the angle between x and z. With the Legendre polynomials P_l of
R^d (Gegenbauer's, P_l(1) = 1), N_l = dim of the harmonics of degree l and omega uniform on the sphere,

    kappa = sum_l N_l lam_l P_l,        E[kappa(omega.v) P_l(omega.w)] = lam_l P_l(v.w)          (Funk and Hecke),

so that for f(x) = sum_i alpha_i K(x, x_i), x ~ N(0, I_d), omega_i = x_i / |x_i| and f*(x) = g(u.x)

    E f^2   = d sum_ij alpha_i alpha_j |x_i| |x_j| kappa_2(omega_i.omega_j),                 kappa_2 = sum_l N_l lam_l^2 P_l,
    E f f*  = sum_i alpha_i |x_i| sum_{l <= p} N_l lam_l E[|x| f*(x) P_l(omega.u / |u|)] P_l(omega_i.u / |u|).

kappa_2 is a multiple of cos t and an even function of the latitude pi/2 - t, analytic but for t = 0 and t = pi. A Chebyshev series in the square of
the latitude has 10 to 50 terms, in any dimension; the one in l has 10 to 100 000.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache
from itertools import combinations_with_replacement

import numpy as np
from numpy.polynomial.chebyshev import chebval

from refimpl.baselines._gram import columns
from refimpl.baselines.random_features import _Rows
from refimpl.data.targets import Target
from refimpl.errors import Array, DomainError, DtypeError, Shapes, count, finite, rounded, settled
from refimpl.gaussian import SQRT_2PI

SOURCE = "kernel regression, f(x) = sum_i alpha_i K(x, x_i)"
LENGTHS = tuple(2**k for k in range(4, 18))            # of the series in l: doubled until kappa_2(1) has settled
NODES = 64                                             # of the Chebyshev series, before what is 0 to the rounding is cut off
HALVES = np.outer(np.arange(NODES), np.arange(1, 2 * NODES, 2)) % (4 * NODES)
CHEBYSHEV = np.cos(np.pi / (2 * NODES) * HALVES)       # (k, j)   T_k at node j; in HALVES, the angle in halves of a step, nothing is rounded
BLOCK = 128                                            # rows and columns of a tile


# ---- Funk and Hecke

def eigenvalues(L: int, d: int, *, kernel: str = "ntk") -> Array:
    r"""Eigenvalues of the ReLU kernels on the unit sphere of R^d.

    .. math:: \lambda_l = E[\kappa(\omega_1)\, P_l(\omega_1)] = \sigma_l^2\, (2 d + (l - 1)(l + d - 1)) \text{ for ntk}, \quad d\, \sigma_l^2 \text{ for rf}, \qquad
              \sigma_0 = \frac{1}{\sqrt{2\pi}\, E|x|}, \; \sigma_1 = \frac{1}{2d}, \; \sigma_{l+2} = -\frac{l - 1}{l + d + 1}\, \sigma_l

    sigma_l = E[relu(omega_1) P_l(omega_1)]; for odd l > 1 it is 0. The step function has (l + d) sigma_{l+1} for odd l, and the factor x.z of the
    first layer's half mixes neighbours.

    Source
    ------
    Bach 2017 and Bietti and Mairal 2019 in other forms (recalled, texts not seen), derived here; audited by ``KERNELS/zonal-eigenvalues``.

    Parameters
    ----------
    L : int >= 0   the largest degree
    d : int >= 2
    kernel : "ntk" or "rf", the kernels of :func:`refimpl.baselines.ntk.ntk_gram` and :func:`refimpl.baselines.random_features.rf_gram`

    Returns
    -------
    (L + 1,)   lam_0, ..., lam_L, each the eigenvalue of N_l harmonics

    Units
    -----
    omega uniform on the sphere, a probability: sum_l N_l lam_l = kappa(1), which is 1 for ntk and 1/2 for rf.

    Errors
    ------
    DomainError, DtypeError   for L < 0, d < 2 and another kernel.
    Rounding   (2 l + 12) eps of each.
    """
    L, d, kernel = count("L", L, least=0), _dimension(d), _known(kernel)
    l = np.arange(L + 1.0)
    square = np.zeros_like(l)                          # sigma_l^2
    square[:1] = 1 / (SQRT_2PI * _mean_length(d)) ** 2
    square[1:2] = 1 / (2 * d) ** 2
    square[2::2] = square[0] * np.cumprod(((l[2::2] - 3) / (l[2::2] + d - 1)) ** 2)
    return np.asarray(square * (2 * d + (l - 1) * (l + d - 1) if kernel == "ntk" else d))


def _mean_length(d: int) -> float:
    """E|x| = sqrt(2) Gamma((d + 1) / 2) / Gamma(d / 2), by the central binomial coefficient."""
    m = d // 2
    central: float = math.comb(2 * m, m) / 4**m
    return SQRT_2PI / math.pi / central if d % 2 else SQRT_2PI * m * central


def _harmonics(L: int, d: int) -> Array:
    """N_0, ..., N_L."""
    return np.array([1.0, *((2 * l + d - 2) * math.comb(l + d - 3, l - 1) // l for l in range(1, L + 1))])


def _legendre_sum(c: Array, t: Array, d: int) -> Array:
    """sum_l c_l P_l(t)."""
    total, here, before = np.full_like(t, c[0]), t, np.ones_like(t)
    for l, c_l in enumerate(c[1:], start=1):
        total = total + c_l * here
        here, before = ((2 * l + d - 2) * t * here - l * before) / (l + d - 2), here
    return np.asarray(total)


# ---- the risk

def kernel_risk(X: object, alpha: object, target: Target, *, kernel: str = "ntk") -> Array:
    r"""The excess of the square risk over that of f*, of one or several vectors of coefficients.

    .. math:: E_{x \sim N(0, I_d)}\Big(\sum_i \alpha_i K(x, x_i) - f^\star(x)\Big)^2

    Source
    ------
    Derived here, by the formula of Funk and Hecke; audited by ``KERNELS/zonal-risk``.

    Parameters
    ----------
    X : (n, d)   the inputs that f is trained on, of any lengths, d >= 2
    alpha : (n,) or (n, k)
    target : f* of one direction on the same R^d, as of :func:`refimpl.data.targets.single_index`; |u| need not be 1
    kernel : "ntk" or "rf", the kernels of :func:`refimpl.baselines.ntk.ntk_gram` and :func:`refimpl.baselines.random_features.rf_gram`

    Returns
    -------
    float, or (k,)   as it comes out of the sum: where f and f* agree to the rounding, its sign says nothing

    Units
    -----
    Square loss without 1/2; the risk against noisy labels is varsigma^2 more.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   for arguments of other types and sizes, and where a term overflows.
    DomainError   for d = 1, another kernel, and a target of several directions.
    Rounding   (n + 2 d + 4 p + 512) eps of the sum of absolute terms, d kappa_2(1) (sum_i |alpha_i| |x_i|)^2 for the first; 1024 for 512 in d = 2.
    Time O(n^2 (d + k)), memory beside the arguments that of n (d + k), and of some tiles of 128 x 128 pairs.
    """
    if not isinstance(target, Target):
        raise DtypeError(f"target is of type {type(target).__name__}; it must be a Target")
    if target.r != 1:
        raise DomainError(f"target has r = {target.r} directions; the risk of a kernel is in closed form for one")
    sizes, kernel = Shapes(SOURCE), _known(kernel)
    sizes("U", target.U, "r", "d")
    rows, alpha = _Rows.of(sizes("X", X, "n", "d"), False), columns(sizes, "alpha", alpha)
    d = _dimension(target.d)
    with np.errstate(over="ignore", invalid="ignore"):
        beta = finite("alpha |x|", alpha.reshape(len(alpha), -1) * rows.length)                    # (n, k)
        risk = d * _quadratic_form(rows.unit, beta, kernel) - 2 * _against(rows.unit, target, kernel) @ beta + target.second_moment
    return finite("the risk", risk.reshape(alpha.shape[1:]))[()]


def _quadratic_form(unit: Array, beta: Array, kernel: str) -> Array:
    """sum_ij beta_i beta_j kappa_2(omega_i.omega_j) of every column of beta, tile by tile, half of them mirrored."""
    n, d = unit.shape
    odd, c = _square(d, kernel)
    total = odd * np.sum((beta.T @ unit) ** 2, axis=1)
    for i, j in combinations_with_replacement(np.r_[:n:BLOCK], 2):
        here, there = slice(i, i + BLOCK), slice(j, j + BLOCK)
        tile = _at_latitude(np.arcsin(np.clip(unit[here] @ unit[there].T, -1, 1)), c)
        total += (1 + (i != j)) * np.sum(beta[here] * (tile @ beta[there]), axis=0)
    return np.asarray(total)


@cache
def _square(d: int, kernel: str) -> tuple[float, Array]:
    """kappa_2 as its multiple of cos t and the Chebyshev coefficients of the rest."""
    c = _series(d, kernel, tol=2.0**-50)
    odd, c[1] = float(c[1]), 0.0
    at_nodes = _legendre_sum(c, np.sin(np.pi / 2 * np.cos(np.pi / (4 * NODES) * HALVES[1])), d)
    return odd, _cut(np.r_[1, np.full(NODES - 1, 2)] / NODES * (CHEBYSHEV @ at_nodes), tol=2.0**-47 * np.sum(c))


def _series(d: int, kernel: str, tol: float) -> Array:
    """N_l lam_l^2 for so many l that the second half of them makes no difference; what is left out is less than a seventh of that half."""
    total = np.array(math.inf)
    for L in LENGTHS:
        c = _harmonics(L, d) * eigenvalues(L, d, kernel=kernel) ** 2
        before, total = total, np.asarray(math.fsum(c))
        if settled(total, before, tol=tol * total):
            break
    return c


def _cut(c: Array, tol: float) -> Array:
    """c without its last entries, as many as add up to less than ``tol``."""
    return c[:len(c) - np.searchsorted(np.cumsum(np.abs(c[::-1])), tol)]


def _at_latitude(phi: Array, c: Array) -> Array:
    """The Chebyshev series in 2 (phi / (pi/2))^2 - 1."""
    return np.asarray(chebval(8 / np.pi**2 * phi**2 - 1, c))


def _against(unit: Array, target: Target, kernel: str) -> Array:
    """E[kappa(omega.omega_i) |x| f*(x)], (n,)."""
    c = _harmonics(target.p, target.d) * eigenvalues(target.p, target.d, kernel=kernel) * _radial(target)
    return _legendre_sum(c, unit @ _Rows.of(target.U, False).unit[0], target.d)


def _radial(target: Target) -> Array:
    r"""E[|x| f*(x) P_l(omega_1)] for l = 0, ..., p and u along the first axis; its rational part is exact.

    Of x_1^k with k = l + 2 i it is E|x|^{k+1} E[omega_1^k P_l], and E[omega_1^k P_l] = k! / (2^i i! d (d + 2) ... (d + 2 (l + i - 1))).
    """
    d, square = target.d, sum((Fraction(x) ** 2 for x in target.U[0].tolist()), start=Fraction())
    total = [Fraction()] * (target.p + 1)
    for (k,), g_k in target.g.items():
        length = _by_twos(d, k // 2 + 1) if k % 2 else _by_twos(d + 1, k // 2)                   # E|x|^{k+1}, over E|x| for even k
        for i in range(k // 2 + 1):
            total[k - 2 * i] += g_k * square ** (k // 2) * length * Fraction(math.factorial(k), 2**i * math.factorial(i) * _by_twos(d, k - i))
    root = [_mean_length(d), math.sqrt(rounded("|u|^2", square))]                               # of even and odd l
    return np.array([rounded("a radial moment", x) * root[l % 2] for l, x in enumerate(total)])


def _by_twos(d: int, k: int) -> int:
    """d (d + 2) ... (d + 2 (k - 1))."""
    return math.prod(d + 2 * i for i in range(k))


# ---- checks

def _known(kernel: str) -> str:
    if kernel not in ("ntk", "rf"):
        raise DomainError(f"kernel = {kernel!r}; it must be 'ntk' or 'rf'")
    return kernel


def _dimension(d: object) -> int:
    return count("d", d, least=2, why="on a line there are no angles")
