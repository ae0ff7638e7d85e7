"""The standard normal law on a half-line: density, distribution function, moments of z^k and He_k(z).

Everything the papers integrate across the kink of ReLU is one of these closed forms, so no quadrature ever is.
"""

from __future__ import annotations

import math

import numpy as np

from refimpl.errors import Array, count, finite, points

SQRT_2PI = math.sqrt(2 * math.pi)
LEADING = -2**27                                      # as a mask: the sign, the exponent and 25 bits, whose square is a float
TAIL = -1.0                                           # left of it Phi is computed as a tail


def phi(b: object) -> Array:
    r"""Density of the standard normal law.

    .. math:: \varphi(b) = e^{-b^2/2} / \sqrt{2\pi}

    Source
    ------
    Notation of DLS22, appendix A.1; audited by ``HERMITE/half-line``.

    Parameters
    ----------
    b : any shape, or a number

    Returns
    -------
    array of the shape of ``b``

    Units
    -----
    A density; even in ``b``.

    Errors
    ------
    DtypeError, NonFiniteError   as every public function.
    Rounding   4 eps relative for |b| <= 37.5: the square is split so that its leading part is exact. Beyond, the value is
    subnormal and within two of its last units; from |b| = 38.6 on it is 0.
    """
    return _phi(points("b", b))[()]


def _phi(b: Array) -> Array:
    return _bell(b, 0.5) / SQRT_2PI


def _bell(z: Array, rate: float) -> Array:
    """e^{-rate z^2} for a rate of 1 or 1/2: z = lead + rest, where lead^2 is exact."""
    lead = (z.view(np.int64) & LEADING).view(np.float64)
    rest = z - lead
    with np.errstate(over="ignore"):                   # where a square overflows e^-inf = 0 is right
        return np.asarray(np.exp(-rate * lead * lead) * np.exp(-rate * (2 * rest * lead + rest * rest)))


def Phi(b: object) -> Array:
    r"""Distribution function of the standard normal law.

    .. math:: \Phi(b) = \Pr[z \le b] = \Pr[z + b \ge 0]

    Source
    ------
    Notation of DLS22, appendix A.1; audited by ``HERMITE/half-line``.

    Parameters
    ----------
    b : any shape, or a number

    Returns
    -------
    array of the shape of ``b``

    Units
    -----
    A probability.

    Errors
    ------
    DtypeError, NonFiniteError   as every public function.
    Rounding   16 eps relative for b >= -37.5: the left tail is phi(b) sqrt(pi/2) erfcx(-b/sqrt 2), never 1 - (1 - tail).
    Below, the value is subnormal and within two of its last units.
    """
    return _Phi(points("b", b))[()]


def _Phi(b: Array) -> Array:
    from scipy.special import erfcx, ndtr

    tail = _phi(b) * math.sqrt(math.pi / 2) * erfcx(np.abs(b) / math.sqrt(2))     # Pr[z <= -|b|]
    return np.asarray(np.where(b < TAIL, tail, ndtr(b)))


def half_line_mean(b: object) -> Array:
    r"""Mean of a standard normal law above a threshold.

    .. math:: E[(z + b) 1\{z + b \ge 0\}] = \varphi(b) + b\, \Phi(b)

    Source
    ------
    Integration by parts; derived here, audited by ``HERMITE/half-line-moments``. It is c_0(b) of ReLU.

    Parameters
    ----------
    b : any shape, or a number

    Returns
    -------
    array of the shape of ``b``

    Units
    -----
    An expectation, not divided by Pr[z + b >= 0].

    Errors
    ------
    DtypeError, NonFiniteError   as every public function.
    Rounding   20 eps times phi(b) + |b| Phi(b).
    """
    return _half_line_mean(points("b", b))[()]


def _half_line_mean(b: Array) -> Array:
    return np.asarray(_phi(b) + b * _Phi(b))


def half_line_moments(K: int, b: object = 0.0) -> Array:
    r"""Moments of a standard normal z on the half-line z + b >= 0.

    .. math:: m_k(b) = E[z^k 1\{z + b \ge 0\}], \qquad m_0 = \Phi(b), \; m_1 = \varphi(b), \;
              m_k = (-b)^{k-1} \varphi(b) + (k - 1)\, m_{k-2}

    Source
    ------
    Integration by parts; derived here, audited by ``HERMITE/half-line-moments``.

    Parameters
    ----------
    K : int >= 0
    b : any shape, or a number

    Returns
    -------
    (K + 1, *b.shape)   m_0, ..., m_K

    Units
    -----
    Expectations, not divided by Pr[z + b >= 0]. 0**0 is 1 where b = 0.

    Errors
    ------
    DomainError, DtypeError, NonFiniteError   for K < 0, and as every public function.
    Rounding   (16 + 4 k) eps times the same recurrence with |b| in place of -b, for b >= -37.5; see :func:`Phi`.
    """
    K = count("K", K, least=0)
    b = points("b", b)
    m = np.empty((K + 1, *b.shape))
    edge = _phi(b)                                     # (-b)^k phi(b)
    m[0] = _Phi(b)
    with np.errstate(over="ignore", invalid="ignore"):   # finite() says which moment overflowed
        for k in range(K):
            m[k + 1] = edge + (k * m[k - 1] if k else 0)
            edge = -b * edge
    return finite("m", m)


def half_line_hermite(K: int, b: object = 0.0) -> Array:
    r"""Hermite moments on the half-line z + b >= 0: the coefficients of the step function 1{z + b >= 0}.

    .. math:: d_0(b) = \Phi(b), \qquad d_k(b) = E[He_k(z) 1\{z + b \ge 0\}] = \varphi(b)\, He_{k-1}(-b) \quad (k \ge 1)

    Source
    ------
    DLS22, appendix A.1 at b = 0; with a bias derived here. Audited by ``HERMITE/half-line``.

    Parameters
    ----------
    K : int >= 0
    b : any shape, or a number

    Returns
    -------
    (K + 1, *b.shape)   d_0, ..., d_K

    Units
    -----
    Coefficients of He_k / k!: 1{z + b >= 0} = sum_k d_k He_k(z) / k!.

    Errors
    ------
    DomainError, DtypeError, NonFiniteError   for K < 0, an overflow, and as every public function.
    Rounding   (16 + 4 k) eps times phi(b) times the Hermite recurrence with plus signs, for |b| <= 37.5; beyond, phi(b) is
    subnormal and its last unit counts instead of eps.
    """
    K = count("K", K, least=0)
    b = points("b", b)
    d = np.empty((K + 1, *b.shape))
    d[0] = _Phi(b)
    here = before = _phi(b)                            # phi(b) He_{k-1}(-b); a vanished phi keeps every product 0
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(1, K + 1):
            d[k] = here
            here, before = -b * here - (k - 1) * before, here
    return finite("d", d)
