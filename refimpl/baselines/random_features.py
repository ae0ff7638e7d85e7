r"""Random features: a first layer that is drawn and left alone, at finite width and in the limit.

With w ~ N(0, I_d) every entry of the Gram matrix E[sigma(w.x) sigma(w.z)] depends on |x|, |z| and the angle t between x and z.
Near t = 0 and t = pi no cosine knows that angle, so there sin t is computed from the rows themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeAlias

import numpy as np

from refimpl._twins import twin
from refimpl.activations import ERF, RELU, TRUNCATED_RELU, Activation
from refimpl.bivariate import _polar
from refimpl.errors import Array, DomainError, DtypeError, Shapes, count, finite
from refimpl.gaussian import SQRT_2PI, _Phi, _phi
from refimpl.rng import Seed, generator

SOURCE = "f(x) = sum_j a_j sigma(w_j.x + b_j) / sqrt(m)"


# ---- finite width

def sample(m: int, d: int, *, rng: Seed, bias: bool = False) -> tuple[Array, Array]:
    r"""The first layer of m random neurons.

    .. math:: w_j \sim N(0, I_d), \qquad b_j \sim N(0, 1)

    Source
    ------
    The convention of the limit below; audited by ``KERNELS/rf-mean``.

    Parameters
    ----------
    m, d : int >= 1   width and input dimension
    rng : Generator, SeedSequence or int
    bias : whether b is drawn as well; else b = 0

    Returns
    -------
    W (m, d), b (m,)

    Units
    -----
    E|w_j|^2 = d: no division by d.

    Errors
    ------
    DomainError, DtypeError   for a size below 1 and rng None.
    """
    m, d, rng = count("m", m, least=1), count("d", d, least=1), generator(rng)
    W = rng.standard_normal((m, d))
    return W, rng.standard_normal(m) if _truth("bias", bias) else np.zeros(m)


def features(X: object, W: object, b: object, activation: Activation = RELU) -> Array:
    r"""The features of m neurons.

    .. math:: \sigma(w_j \cdot x_i + b_j) / \sqrt{m}

    Source
    ------
    The random features of DLS22's experiments and of SWL22's; audited by ``KERNELS/rf-mean``.

    Parameters
    ----------
    X : (n, d)
    W, b : (m, d), (m,)
    activation : sigma

    Returns
    -------
    (n, m)

    Units
    -----
    Divided by sqrt(m), so that the Gram matrix of the features has a limit, :func:`rf_gram`.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   for arguments that are not finite float64 arrays of these shapes, and an overflow.
    Rounding   (d + 4) eps of (|x|.|w| + |b| + |sigma|) / sqrt(m), where |sigma'| <= 1.
    """
    sizes = Shapes(SOURCE)
    X, W, b = sizes("X", X, "n", "d"), sizes("W", W, "m", "d"), sizes("b", b, "m")
    sigma = _activation(activation).sigma
    with np.errstate(over="ignore", invalid="ignore"):   # finite() says which entry overflowed
        return finite("the features", np.asarray(sigma(X @ W.T + b)) / math.sqrt(len(W)))


# ---- infinite width

Dual: TypeAlias = "Callable[[Pairs], Array]"


def rf_gram(X: object, Z: object = None, *, bias: bool = False, activation: Activation = RELU) -> Array:
    r"""The Gram matrix of infinitely many random features, the second layer trained alone.

    .. math:: K(x, z) = E_{w \sim N(0, I_d)}\big[\sigma(w \cdot x)\, \sigma(w \cdot z)\big]
              = |x|\, |z|\, \frac{\mathrm{sin}\, t + (\pi - t)\, \mathrm{cos}\, t}{2\pi} \text{ for ReLU, } t \text{ the angle between x and z}

    Source
    ------
    ReLU: Cho and Saul 2009, order 1 (recalled, text not seen); erf: Williams 1997 (recalled); truncated ReLU: derived here.
    Audited by ``KERNELS/rf-relu``, ``KERNELS/rf-truncated``, ``KERNELS/rf-erf`` and ``KERNELS/rf-mean``.

    Parameters
    ----------
    X : (n, d)
    Z : (k, d); X itself where not given
    bias : whether there is a bias b ~ N(0, 1); the same as a further coordinate 1 of every x and z
    activation : RELU, TRUNCATED_RELU or ERF

    Returns
    -------
    (n, k)   exactly symmetric where Z is not given; memory beside the result: 1 byte an entry, and blocks of 32 rows

    Units
    -----
    Of sigma^2. ReLU is homogeneous of degree 1 in x and in z, and K(x, x) = |x|^2 / 2.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   for arrays that are not finite float64 of these shapes, and an overflow.
    DomainError   for another activation.
    Rounding   with D = d, or d + 1 with a bias, for lengths from 1e-150 to 1e150. ReLU: 4 (D + 5)^(3/2) eps of K itself, however
    small, so also of nearly antiparallel rows. erf and truncated ReLU: (4 D + 64) eps of |x| |z|, and of sqrt(|x| |z|) where both
    lengths lie between 1e-3 and 1e3.
    """
    gram = _form(activation, {RELU: _relu_gram, TRUNCATED_RELU: partial(_gram, _truncated), ERF: partial(_gram, _erf)})
    return gram(*_border(X, Z, bias))


def _border(X: object, Z: object, bias: object) -> tuple[Array, Array | None, bool]:
    sizes = Shapes(SOURCE)
    return sizes("X", X, "n", "d"), None if Z is None else sizes("Z", Z, "k", "d"), _truth("bias", bias)


def _work(X: Array, Z: Array | None, *_: object) -> int:
    """The work of a Gram matrix: the definition takes 15 to 30 ns a pair for d from 5 to 100, 100 ns for d = 2."""
    return 60 * (len(X) * (len(X) + 1) // 2 if Z is None else len(X) * len(Z))


@twin(border=lambda X, Z, bias: (X, Z, bias), work=_work, looks=True)
def _relu_gram(X: Array, Z: Array | None, bias: bool) -> Array:
    """Of checked arguments."""
    return _gram(_relu, X, Z, bias)


def _relu(at: Pairs) -> Array:
    """|x| |z| (sin r - r cos r) / (2 pi), r = pi - t: a series of positive leading terms, as the difference would lose small r."""
    r = np.arctan2(at.sin, -at.cos)
    square, total = r * r, np.zeros_like(r)
    for c in SERIES:
        total = total * square + c
    return np.asarray(at.size * r * r * r * total / (2 * np.pi))                                     # from the left: r^3 alone may underflow


SERIES = tuple((-1) ** k * (2 * k + 2) / math.factorial(2 * k + 3) for k in reversed(range(15)))   # of (sin r - r cos r) / r^3; at r = pi to 1e-19


def _erf(at: Pairs) -> Array:
    """(2/pi) arcsin(2 x.z / sqrt((1 + 2|x|^2)(1 + 2|z|^2))), its arcsine as the angle of the two legs."""
    return np.asarray(2 / np.pi * np.arctan2(2 * at.cos, _erf_leg(at)))


def _erf_leg(at: Pairs) -> Array:
    """sqrt((1 + 2|x|^2)(1 + 2|z|^2) - 4 (x.z)^2) / (|x| |z|), as a sum of squares."""
    h, k = 1 / at.x, 1 / at.z
    return np.asarray(np.hypot(np.hypot(2 * at.sin, np.sqrt(2) * h), np.hypot(np.sqrt(2) * k, h * k)))


# ---- truncated ReLU: in units of |x| and |z| its kinks lie on two lines at distances h = 1 / |x| and k = 1 / |z| from the origin

def _truncated(at: Pairs) -> Array:
    return _truncated_two(at)[0]


def _truncated_two(at: Pairs) -> tuple[Array, Array]:
    """E[sigma(w.x) sigma(w.z)] and E[sigma'(w.x) sigma'(w.z)] = Pr[0 <= w.x < 1, 0 <= w.z < 1].

    The lines meet at (h, p) seen from the foot of the first perpendicular and at (k, q) from that of the second.
    """
    h, k = 1 / np.maximum(at.x, TINY), 1 / np.maximum(at.z, TINY)
    sin = np.maximum(at.sin, TINY)
    versine = 2 * np.sin(np.arctan2(at.sin, at.cos) / 2) ** 2                                        # 1 - cos t
    p, q = (k - h + h * versine) / sin, (h - k + k * versine) / sin                                  # (k - h cos t) / sin t
    inside = _triangle(h, h * at.cos / sin) + _triangle(h, p) + _triangle(k, q) + _triangle(k, k * at.cos / sin)
    beyond = _wedge(h, p) + _wedge(k, q)                                                             # Pr[w.x >= 1, w.z >= 1]
    edges = h * (_tail(h / sin) / SQRT_2PI - _phi(k) * _tail(q)) + k * (_tail(k / sin) / SQRT_2PI - _phi(h) * _tail(p))
    corners = np.expm1(-(h * h + p * p) / 2) - np.expm1(-((h / sin) ** 2) / 2) - np.expm1(-((k / sin) ** 2) / 2)
    return np.asarray(beyond + at.size * (at.cos * inside + edges + sin * corners / (2 * np.pi))), inside


def _triangle(p: Array, q: Array) -> Array:
    """Mass of the triangle (0, 0), (p, 0), (p, q) under N(0, I_2), odd in q: an integral over at most 45 degrees, or what it leaves of a rectangle."""
    from scipy.special import erf

    flat = np.less_equal(np.abs(q), p)
    reach = np.where(flat, q / p, p / q)
    square, total = np.maximum(p, np.abs(q)) ** 2, np.zeros_like(reach)
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        secant = 1 + (node * reach) ** 2
        total -= weight * np.expm1(-square * secant / 2) / secant
    part = total * reach / (2 * np.pi)
    return np.asarray(np.where(flat, part, erf(p / np.sqrt(2)) * erf(q / np.sqrt(2)) / 4 - part))


def _wedge(p: Array, q: Array) -> Array:
    """Mass of the wedge u >= p, v >= q u / p under N(0, I_2), through Owen's T at an argument of at most 1 where q > 0."""
    from scipy.special import erf, owens_t

    steep = np.greater(q, p)
    T = owens_t(np.where(steep, q, p), np.where(steep, p / q, q / p))
    return np.asarray(np.where(steep, T - _tail(q) * erf(p / np.sqrt(2)) / 2, _tail(p) / 2 - T))


def _tail(b: Array) -> Array:
    """Pr[z >= b], of infinite b as well."""
    return _Phi(-np.clip(b, -FAR, FAR))


LEGENDRE = np.polynomial.legendre.leggauss(16)
NODES, WEIGHTS = (LEGENDRE[0] + 1) / 2, LEGENDRE[1] / 2    # on [0, 1]
TINY = 1e-300                                          # stands for the length 0 and the sine 0
FAR = 40.0                                             # Pr[z >= 40] underflows to 0


# ---- a Gram matrix, block by block

def _gram(dual: Dual, X: Array, Z: Array | None, bias: bool) -> Array:
    """dual(x_i, z_j) for all pairs; where Z is not given the lower half, mirrored."""
    x = _Rows.of(X, bias)
    z = x if Z is None else _Rows.of(Z, bias)
    K = np.empty((len(x.points), len(z.points)))
    with np.errstate(all="ignore"):                    # finite() says which entry overflowed
        for i in np.r_[0:len(K):BLOCK]:
            here = slice(i, i + BLOCK)
            upto = slice(None if Z is not None else i + BLOCK)
            K[here, upto] = dual(_angles(x.part(here), z.part(upto)))
            if Z is None:
                lower = np.tril(K[here, here])
                K[here, here] = lower + lower.T - np.diag(np.diag(lower))
                K[:i, here] = K[here, :i].T
    return finite("K", K)


def _sums(dual: Dual, X: Array, Z: Array, alpha: Array, bias: bool) -> Array:
    """sum_j dual(x_i, z_j) alpha_j."""
    x, z, f = _Rows.of(X, bias), _Rows.of(Z, bias), np.empty((len(X), *alpha.shape[1:]))
    with np.errstate(all="ignore"):
        for i in np.r_[0:len(f):BLOCK]:
            here = slice(i, i + BLOCK)
            f[here] = dual(_angles(x.part(here), z)) @ alpha
    return finite("the prediction", f)


BLOCK = 32             # rows of the result at a time


# ---- angles

class _Rows(NamedTuple):
    """Points in rows: as they are, divided by a power of 2 near their largest entry, by their length; and the lengths."""

    points: Array      # (n, d)
    scaled: Array      # (n, d)
    unit: Array        # (n, d)   0 where x = 0
    length: Array      # (n, 1)

    @classmethod
    def of(cls, X: Array, bias: bool) -> _Rows:
        """The rows of X, with a further coordinate 1 for a bias."""
        if bias:
            X = np.concatenate([X, np.ones((len(X), 1))], axis=1)
        length, unit, scaled = _polar(X)
        return cls(X, scaled, unit, length[:, None])

    def part(self, here: slice) -> _Rows:
        """Some of them."""
        return _Rows(*(field[here] for field in self))


class Pairs(NamedTuple):
    """What an entry of a Gram matrix may depend on: lengths, product, cosine and sine of the rows x and z."""

    x: Array           # (n, 1)   |x|
    z: Array           # (1, k)   |z|
    size: Array        # (n, k)   |x| |z|
    dot: Array         # (n, k)   x.z
    cos: Array         # (n, k)
    sin: Array         # (n, k)


NEARLY = 0.8           # a cosine beyond which the sine comes from the rows
AT_ONCE = 4096         # pairs of rows at a time, where it does


def angles(X: object, Z: object) -> Pairs:
    r"""Lengths, products and angles of all pairs of rows, the sine to its own last digits at any angle.

    .. math:: \mathrm{cos}\, t = \frac{x \cdot z}{|x|\, |z|}, \qquad
              \mathrm{sin}\, t = \frac{|(I - x x^T / |x|^2)(x_l z - z_l x)|}{|x_l|\, |z|} \text{ with the largest entry } x_l

    Source
    ------
    The projection is derived here, its exact products are Dekker's of 1971 (recalled); audited by ``KERNELS/angles``.

    Parameters
    ----------
    X, Z : (n, d), (k, d)

    Returns
    -------
    Pairs   x (n, 1), z (1, k), and size, dot, cos, sin (n, k); where a row is 0, cos = 0 and sin = 1

    Units
    -----
    Those of the rows. Equal rows have exactly the sine 0 and one and the same product, the sum of their squares.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   for arrays that are not finite float64 of these shapes, and an overflow.
    Rounding   sin: (d + 5)^(3/2) eps of itself. cos, dot, x and z: (d + 8) eps of 1, |x| |z| and themselves.
    """
    sizes = Shapes(SOURCE)
    x, z = (_Rows.of(sizes(name, rows, n, "d"), False) for name, rows, n in (("X", X, "n"), ("Z", Z, "k")))
    with np.errstate(all="ignore"):                    # finite() says which entry overflowed
        return Pairs(*(finite(name, field) for name, field in _angles(x, z)._asdict().items()))


def _angles(x: _Rows, z: _Rows) -> Pairs:
    size = x.length * z.length.T
    cos = x.unit @ z.unit.T
    sin = np.sqrt((1 - cos) * (1 + cos))
    dot = size * cos
    nearly = np.nonzero(np.greater(np.abs(cos), NEARLY))
    for start in np.r_[0:len(nearly[0]):AT_ONCE]:
        i, j = (index[start:start + AT_ONCE] for index in nearly)
        sin[i, j] = _sine(x.scaled[i], z.scaled[j])
        dot[i, j] = np.einsum("nd,nd->n", x.points[i], z.points[j])
    return Pairs(x.length, z.length.T, size, dot, cos, sin)


def _sine(x: Array, z: Array) -> Array:
    """|sin t| of the rows in pairs, to a few eps of itself: the length of the part of z across x, from exact 2 by 2 determinants."""
    largest = np.argmax(np.abs(x), axis=1)[:, None]
    x_l, z_l = np.take_along_axis(x, largest, axis=1), np.take_along_axis(z, largest, axis=1)
    (high, low), (high_z, low_z) = _product(x_l, z), _product(z_l, x)
    across = ((high - high_z) + (low - low_z)) / x_l                                    # z - (z_l / x_l) x, whose l-th entry is 0
    across = across - x * (np.einsum("nd,nd->n", across, x) / np.einsum("nd,nd->n", x, x))[:, None]
    return np.asarray(np.linalg.norm(across, axis=1) / np.linalg.norm(z, axis=1))


def _product(a: Array, b: Array) -> tuple[Array, Array]:
    """a b as a float and its rounding error, exactly (Dekker 1971)."""
    (a_high, a_low), (b_high, b_low) = _split(a), _split(b)
    high = a * b
    return high, ((a_high * b_high - high) + a_high * b_low + a_low * b_high) + a_low * b_low


def _split(a: Array) -> tuple[Array, Array]:
    """a as a sum of two floats of 26 bits."""
    high = SPLIT * a - (SPLIT * a - a)
    return high, a - high


SPLIT = 2.0**27 + 1


def _activation(activation: object) -> Activation:
    if not isinstance(activation, Activation):
        raise DtypeError(f"activation = {activation!r}; it must be an Activation such as refimpl.activations.RELU")
    return activation


def _form(activation: object, forms: dict[Activation, Callable[..., Array]]) -> Callable[..., Array]:
    sigma = _activation(activation)
    if sigma not in forms:
        raise DomainError(f"activation = {sigma.name}; the Gram matrix has a closed form for {', '.join(known.name for known in forms)} alone")
    return forms[sigma]


def _truth(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise DtypeError(f"{name} = {value!r} is of type {type(value).__name__}; {name} must be True or False")
    return value
