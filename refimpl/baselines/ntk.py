r"""The neural tangent kernel of a two-layer network, both layers trained: the Gram matrix of the gradients of f, and its limit.

For f(x) = sum_j a_j sigma(w_j.x + b_j) / sqrt(m) the gradients are

    in a_j: sigma(w_j.x + b_j) / sqrt(m)        in w_j: a_j sigma'(w_j.x + b_j) x / sqrt(m)        in b_j: a_j sigma'(w_j.x + b_j) / sqrt(m)

and with w ~ N(0, I_d), E a^2 = 1 their products add up to E[sigma(w.x) sigma(w.z)] + x.z E[sigma'(w.x) sigma'(w.z)] as m grows.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from refimpl._twins import twin
from refimpl.activations import ERF, RELU, TRUNCATED_RELU, Activation
from refimpl.baselines.random_features import SOURCE, Pairs, _border, _erf_leg, _form, _gram, _sums, _truncated_two, _truth, _work
from refimpl.errors import Array, DomainError, DtypeError, Shapes, finite
from refimpl.network import Network

# ---- infinite width

def ntk_gram(X: object, Z: object = None, *, bias: bool = False, activation: Activation = RELU) -> Array:
    r"""The Gram matrix of the neural tangent kernel at infinite width.

    .. math:: K(x, z) = E[\sigma(w \cdot x)\, \sigma(w \cdot z)] + x \cdot z\, E[\sigma'(w \cdot x)\, \sigma'(w \cdot z)]
              = |x|\, |z|\, \frac{\mathrm{sin}\, t + 2 (\pi - t)\, \mathrm{cos}\, t}{2\pi} \text{ for ReLU, } t \text{ the angle between x and z}

    Source
    ------
    Jacot, Gabriel and Hongler 2018, with the expectations of Cho and Saul 2009 (recalled, texts not seen); truncated ReLU: derived
    here. Audited by ``KERNELS/ntk-relu``, ``KERNELS/ntk-diagonal``, ``KERNELS/ntk-bias``, ``KERNELS/ntk-truncated``,
    ``KERNELS/ntk-erf`` and ``KERNELS/ntk-mean``.

    Parameters
    ----------
    X : (n, d)
    Z : (k, d); X itself where not given
    bias : whether a bias b ~ N(0, 1) is drawn and trained; the same as a further coordinate 1 of every x and z
    activation : RELU, TRUNCATED_RELU or ERF

    Returns
    -------
    (n, k)   exactly symmetric where Z is not given; memory beside the result: 1 byte an entry, and blocks of 32 rows

    Units
    -----
    w ~ N(0, I_d), E a^2 = 1, divided by m. ReLU is homogeneous of degree 1 in x and in z, and K(x, x) = |x|^2, where the sum of squares
    is the only rounding, for equal rows of X and Z as well.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   for arrays that are not finite float64 of these shapes, and an overflow.
    DomainError   for another activation.
    Rounding   with D = d, or d + 1 with a bias, for lengths from 1e-150 to 1e150. ReLU: (4 D + 16) eps of |x| |z| (sin t + 2 (pi - t) |cos t|) / (2 pi),
    the sum of the absolute terms: of K itself for t <= pi/2 and for nearly antiparallel rows, not where K changes sign at t = 1.976.
    erf and truncated ReLU: (8 D + 128) eps of |x| |z|, and of sqrt(K(x, x) K(z, z)) where both lengths lie between 1e-3 and 1e3.
    """
    gram = _form(activation, {RELU: _relu_gram, TRUNCATED_RELU: partial(_gram, _truncated), ERF: partial(_gram, _erf)})
    return gram(*_border(X, Z, bias))


def ntk_predict(X: object, Z: object, alpha: object, *, bias: bool = False, activation: Activation = RELU) -> Array:
    r"""What kernel regression predicts, without forming the Gram matrix: its product with coefficients.

    .. math:: f(x_i) = \sum_{j=1}^{k} K(x_i, z_j)\, \alpha_j, \qquad K \text{ of } ntk\_gram

    Source
    ------
    As :func:`ntk_gram`; audited by ``KERNELS/ntk-predict``.

    Parameters
    ----------
    X : (n, d)   where to predict
    Z : (k, d)   where the coefficients stand, as the samples of :func:`refimpl.baselines.ridge.ridge`
    alpha : (k,) or (k, r)   r predictions at once
    bias, activation : of :func:`ntk_gram`

    Returns
    -------
    (n,) or (n, r)   memory beside the result: blocks of 32 rows of the Gram matrix

    Units
    -----
    Those of K alpha, as of :func:`refimpl.baselines.ridge.predict`, which takes K.

    Errors
    ------
    As :func:`ntk_gram`; k eps of the sum of the products |K(x, z_j)| |alpha_j| beside the rounding of K.
    """
    predict = _form(activation, {RELU: _relu_predict, TRUNCATED_RELU: partial(_sums, _truncated), ERF: partial(_sums, _erf)})
    sizes = Shapes(SOURCE)
    X, Z = sizes("X", X, "n", "d"), sizes("Z", Z, "k", "d")
    alpha = sizes("alpha", alpha, *("k", "r")[:max(1, getattr(alpha, "ndim", 1))])
    return predict(X, Z, alpha, _truth("bias", bias))


@twin(border=lambda X, Z, bias: (X, Z, bias), work=_work, looks=True)
def _relu_gram(X: Array, Z: Array | None, bias: bool) -> Array:
    """Of checked arguments."""
    return _gram(_relu, X, Z, bias)


@twin(border=lambda X, Z, alpha, bias: (X, Z, alpha, bias), work=_work, looks=True)
def _relu_predict(X: Array, Z: Array, alpha: Array, bias: bool) -> Array:
    """Of checked arguments."""
    return _sums(_relu, X, Z, alpha, bias)


def _relu(at: Pairs) -> Array:
    """|x| |z| sin t / (2 pi) + x.z (pi - t) / pi."""
    r = np.arctan2(at.sin, -at.cos)                    # pi - t
    return np.asarray(at.size * at.sin / (2 * np.pi) + at.dot * (r / np.pi))


def _truncated(at: Pairs) -> Array:
    mean, slope = _truncated_two(at)
    return np.asarray(mean + at.dot * slope)


def _erf(at: Pairs) -> Array:
    """(2/pi) arcsin(2 x.z / sqrt((1 + 2|x|^2)(1 + 2|z|^2))) + (4/pi) x.z / sqrt((1 + 2|x|^2)(1 + 2|z|^2) - 4 (x.z)^2)."""
    leg, other = _erf_leg(at), 2 * at.cos
    return np.asarray(2 / np.pi * (np.arctan2(other, leg) + other / leg))


# ---- finite width

def empirical_ntk_features(X: object, network: Network, *, bias: bool = False) -> Array:
    r"""The gradients of f at the network's parameters, one row a sample.

    .. math:: \big(\sigma(w_j \cdot x_i + b_j),\; a_j\, \sigma'(w_j \cdot x_i + b_j)\, x_i,\; a_j\, \sigma'(w_j \cdot x_i + b_j)\big) / \sqrt{m}

    Source
    ------
    The chain rule; audited by ``KERNELS/ntk-finite-width`` and ``KERNELS/ntk-mean``.

    Parameters
    ----------
    X : (n, d)
    network : a, W, b and sigma
    bias : whether b is trained

    Returns
    -------
    (n, m (d + 1)), or (n, m (d + 2)) with the bias   first the m entries of a, then W row by row, then b

    Units
    -----
    f is the network's output divided by sqrt(m). At a kink sigma' is the derivative from the right.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   for X that is not a finite float64 array of this shape, and an overflow.
    Rounding   away from kinks, (d + 6) eps of each entry's absolute terms, where |sigma'| and |sigma''| are at most 1.
    """
    X = _inputs("X", X, network, "n")
    S, D = _layer(X, network)                          # (n, m), (n, m)
    with np.errstate(over="ignore", invalid="ignore"):   # finite() says which entry overflowed
        in_w = (D[:, :, None] * X[:, None, :]).reshape(len(X), -1)
        parts = [S, in_w, D] if _truth("bias", bias) else [S, in_w]
        return finite("the features", np.concatenate(parts, axis=1) / math.sqrt(network.m))


def empirical_ntk_gram(X: object, Z: object, network: Network, *, bias: bool = False) -> Array:
    r"""The Gram matrix of those gradients, without forming them.

    .. math:: K(x, z) = \frac{1}{m} \sum_j \big[\sigma(w_j \cdot x + b_j)\, \sigma(w_j \cdot z + b_j)
              + a_j^2\, (x \cdot z)\, \sigma'(w_j \cdot x + b_j)\, \sigma'(w_j \cdot z + b_j)\big]

    Source
    ------
    As :func:`empirical_ntk_features`; audited by ``KERNELS/ntk-finite-width``.

    Parameters
    ----------
    X : (n, d)
    Z : (k, d), or None for X itself
    network : a, W, b and sigma
    bias : whether b is trained: x.z + 1 for x.z

    Returns
    -------
    (n, k)   in memory of n m + k m + n k

    Units
    -----
    As :func:`empirical_ntk_features`.

    Errors
    ------
    As :func:`empirical_ntk_features`, for X and Z; (2 d + m + 12) eps of the sum of absolute terms.
    """
    X = _inputs("X", X, network, "n")
    Z = X if Z is None else _inputs("Z", Z, network, "k")
    (S, D), (S_z, D_z) = _layer(X, network), _layer(Z, network)
    with np.errstate(over="ignore", invalid="ignore"):
        return finite("K", (S @ S_z.T + (X @ Z.T + _truth("bias", bias)) * (D @ D_z.T)) / network.m)


def _layer(X: Array, network: Network) -> tuple[Array, Array]:
    """sigma(w_j.x_i + b_j) and a_j sigma'(w_j.x_i + b_j)."""
    with np.errstate(over="ignore", invalid="ignore"):
        pre = X @ network.W.T + network.b              # (n, m)
        return np.asarray(network.activation.sigma(pre)), np.asarray(network.a * network.activation.dsigma(pre))


def _inputs(name: str, X: object, network: object, n: str) -> Array:
    if not isinstance(network, Network):
        raise DtypeError(f"network is of type {type(network).__name__}; it must be a Network, see refimpl.network")
    sizes = Shapes(SOURCE)
    sizes("W", network.W, "m", "d")
    return sizes(name, X, n, "d")


# ---- is it positive semidefinite?

UNIT = 2.0**-53        # of rounding
SPARE = 16             # roundings beside the n of a pivot: of the shift, of the pivot's reciprocal, and all terms of order n^2 UNIT


def psd_certificate(K: object) -> float:
    r"""A rigorous lower bound of the smallest eigenvalue of a symmetric matrix.

    .. math:: r = (n + 16)\, 2^{-53}\, \mathrm{tr}\, K: \qquad \text{Cholesky completes on } K + r I \; \Rightarrow \; K \ge -2 r I

    The factor R that floating point finds satisfies R^T R = K + r I + E with |E| <= r in spectral norm, where E collects all roundings. It is found
    wherever K >= 0. Where it is not found, or is weaker, the bound is Gershgorin's.

    Source
    ------
    Demmel 1989 and Rump 2006 (recalled, texts not seen); audited by ``KERNELS/ntk-psd``.

    Parameters
    ----------
    K : (n, n), exactly symmetric, n <= 100 000

    Returns
    -------
    float   at most the smallest eigenvalue of K as it stands, in exact arithmetic; -(n + 16) eps tr K or more where K >= 0

    Units
    -----
    Those of K. Not the bound of a matrix that K was rounded from.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   for K that is not a finite float64 array of this shape.
    DomainError   for K that is not symmetric, and n > 100 000.
    Rounding   none: every rounding is on the safe side, provided none over- or underflows, as for traces from 1e-280 to 1e280.
    """
    K = Shapes("psd_certificate")("K", K, "n", "n")
    if len(K) > 100_000:
        raise DomainError(f"n = {len(K)}; the bound counts roundings up to n = 100 000")
    if not np.array_equal(K, K.T):
        raise DomainError(f"K[{', '.join(map(str, np.argwhere(K != K.T)[0]))}] differs from its mirror image; K must be symmetric")
    unit = (len(K) + SPARE) * UNIT
    diagonal, row = np.diag(K), np.einsum("ij->i", np.abs(K))
    gershgorin = float(np.min(diagonal - (row - np.abs(diagonal)) - unit * row))
    r = float(unit * np.trace(K))
    return max(gershgorin, -2 * r) if _factors(K + r * np.eye(len(K))) else gershgorin


def _factors(K: Array) -> bool:
    """Whether Cholesky's factor is found."""
    try:
        np.linalg.cholesky(K)
    except np.linalg.LinAlgError:
        return False
    return True
