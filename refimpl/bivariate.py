r"""Two standard normal variables of correlation rho, each on a half-line: E of 1 1, 1 relu, relu relu, by closed forms and one integral.

By parts everything follows from Pr[z_1 + b >= 0, z_2 + c >= 0] and from the normal law on the two edges of that wedge. With p = (b + c)/2,
q = (b - c)/2 and theta the angle, rho = cos theta, an edge is cut at

    u = (c - rho b)/sin theta = p tan(theta/2) - q cot(theta/2),        v = (b - rho c)/sin theta = p tan(theta/2) + q cot(theta/2),

which loses no digit at any angle; so angles are handed on as the sine and cosine of their half. For b, c <= 0 a ray from the origin enters
the wedge at most once, so that its probability is a sum of two positive integrals of Owen's kind, one an edge; the other signs follow by reflection.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.polynomial.legendre import leggauss, legvander

from refimpl.errors import Array, DomainError, Shapes, finite, points
from refimpl.gaussian import SQRT_2PI, _Phi, _phi

NODES = leggauss(36)[0]
WEIGHTS = 1 / (legvander(NODES, 35) ** 2 @ np.arange(1.0, 72.0, 2.0))     # Christoffel's form: to the last bits, those of leggauss lose 10 bits
NODES = (NODES + 1) / 2                               # on [0, 1]
REACH = 8.7                                           # exp(-REACH^2 / 2) < eps
NEAR = 1.25                                           # within it the pole of Owen's integrand is taken out, beyond it is far enough
NEARLY = 0.9                                          # rows of a larger |rho| are subtracted, not multiplied
FAR = 40.0                                            # phi(40) underflows to 0
TINY = 1e-150                                         # stands for a bias 0, so that the vertex has a direction
NONE = 1e-300                                         # stands for the sine of the angle 0
CHUNK = 4096                                          # pairs at a time, so that all arrays stay in the cache


class Angle(NamedTuple):
    """Angles theta of any shape: rho = cos theta, and sin and cos of theta/2, each to its own last bits also where it is nearly 0."""

    rho: Array
    sin_half: Array    # |w - v| / 2 for unit vectors
    cos_half: Array    # |w + v| / 2


class Moments(NamedTuple):
    """Expectations over a pair (z_1, z_2), entry by entry; see :func:`moments`."""

    step_step: Array   # E[1{z_1 + b >= 0} 1{z_2 + c >= 0}]
    step_relu: Array   # E[1{z_1 + b >= 0} relu(z_2 + c)]
    relu_relu: Array   # E[relu(z_1 + b) relu(z_2 + c)]
    edge_relu: Array   # the derivative of step_relu in b


Correlation: TypeAlias = object      # an Angle, a float64 array or a number in [-1, 1]


# ---- angles

def angle(rho: Correlation) -> Angle:
    r"""The angle of a correlation.

    .. math:: \mathrm{cos}\, \theta = \rho, \qquad \mathrm{sin}\, \tfrac{\theta}{2} = \sqrt{\tfrac{1 - \rho}{2}}, \qquad
              \mathrm{cos}\, \tfrac{\theta}{2} = \sqrt{\tfrac{1 + \rho}{2}}

    Source
    ------
    Trigonometry; audited by ``DLS22/arc-cosine``.

    Parameters
    ----------
    rho : any shape, or a number; the parts of an Angle are handed back as they are

    Returns
    -------
    Angle   of the shape of ``rho``

    Units
    -----
    None; |rho| <= 1.

    Errors
    ------
    DomainError   where |rho| > 1.
    DtypeError, NonFiniteError   as every public function.
    Rounding   2 eps of each, for rho as it stands. A rho that was rounded itself has lost half of the digits of a small angle: see :func:`angles`.
    """
    if isinstance(rho, Angle):
        return Angle(*(points(name, part) for name, part in zip(Angle._fields, rho, strict=True)))
    rho = points("rho", rho)
    if np.any(np.abs(rho) > 1):
        raise DomainError(f"rho = {rho[np.abs(rho) > 1][0]}; a correlation lies in [-1, 1]")
    return Angle(rho, np.sqrt((1 - rho) / 2), np.sqrt((1 + rho) / 2))


def angles(W: object, V: object) -> Angle:
    r"""The angles between the rows of two matrices.

    .. math:: \mathrm{cos}\, \theta = \hat w_j \cdot \hat v_k, \qquad \mathrm{sin}\, \tfrac{\theta}{2} = |\hat w_j - \hat v_k| / 2, \qquad
              \mathrm{cos}\, \tfrac{\theta}{2} = |\hat w_j + \hat v_k| / 2

    Source
    ------
    Trigonometry; audited by ``DLS22/arc-cosine``.

    Parameters
    ----------
    W, V : (m, d), (k, d)   rows of any length but 0

    Returns
    -------
    Angle   rho, sin_half, cos_half of shape (m, k)

    Units
    -----
    Homogeneous of degree 0 in every row.

    Errors
    ------
    DomainError   for a row 0, which has no direction.
    ShapeError, DtypeError, NonFiniteError   for W and V that are not finite float64 arrays of these shapes.
    Rounding   theta within (2 d + 8) eps. Rows with |rho| > 0.9 are subtracted or added, the others multiplied; no (m, k, d) array.
    """
    sizes = Shapes("DLS22, section 2")
    W, V = sizes("W", W, "m", "d"), sizes("V", V, "k", "d")
    (size_W, W_unit, _), (size_V, V_unit, _) = _polar(W), _polar(V)
    for name, size in (("W", size_W), ("V", size_V)):
        if not size.all():
            raise DomainError(f"{name}[{int(np.argmin(size))}] = 0 has no direction, so no angle with another row")
    return _angles(W_unit, V_unit)


def _angles(W: Array, V: Array) -> Angle:
    """The same for unit rows."""
    rho = W @ V.T                                                               # (m, k)
    with np.errstate(invalid="ignore"):                                         # a rounding beyond +-1, which is replaced
        sin_half, cos_half = np.sqrt((1 - rho) / 2), np.sqrt((1 + rho) / 2)
    for w, rho_j, sin_j, cos_j in zip(W, rho, sin_half, cos_half, strict=True):
        close = np.greater(np.abs(rho_j), NEARLY)
        sin_j[close] = np.linalg.norm(w - V[close], axis=1) / 2
        cos_j[close] = np.linalg.norm(w + V[close], axis=1) / 2
        rho_j[close] = (cos_j[close] - sin_j[close]) * (cos_j[close] + sin_j[close])
    return Angle(rho, sin_half, cos_half)


def _polar(W: Array) -> tuple[Array, Array, Array]:
    """|w| (m,), w / |w| (m, d), where a row 0 stays 0, and w times a power of 2 (m, d), of which no square over- or underflows."""
    power = np.frexp(np.linalg.norm(W, np.inf, axis=1))[1]
    scaled = np.ldexp(W, -power[:, None])
    length = np.linalg.norm(scaled, axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.ldexp(length, power), np.nan_to_num(scaled / length[:, None]), scaled        # 0 / 0 is 0


# ---- no bias

def arc_cosine_0(rho: Correlation) -> Array:
    r"""The probability that two neurons without bias are active together: the arc-cosine kernel of degree 0 over 2.

    .. math:: E[1\{z_1 \ge 0\} 1\{z_2 \ge 0\}] = \frac{\pi - \theta}{2\pi}, \qquad \mathrm{cos}\, \theta = \rho

    Source
    ------
    Cho and Saul (2009), recalled; audited by ``DLS22/arc-cosine``.

    Parameters
    ----------
    rho : an Angle, an array of any shape, or a number in [-1, 1]

    Returns
    -------
    array of the shape of ``rho``

    Units
    -----
    A probability, at most 1/2.

    Errors
    ------
    As :func:`angle`.
    Rounding   4 eps relative, also near -1, for the halves of the angle as they stand.
    """
    _, sin_half, cos_half = angle(rho)
    return np.asarray(np.arctan2(cos_half, sin_half) / math.pi)[()]


def arc_cosine_1(rho: Correlation) -> Array:
    r"""E of the product of two ReLU neurons without bias: the arc-cosine kernel of degree 1 over 2.

    .. math:: E[\mathrm{relu}(z_1)\, \mathrm{relu}(z_2)]
              = \frac{\mathrm{sin}\, \theta + (\pi - \theta)\, \mathrm{cos}\, \theta}{2\pi}, \qquad \mathrm{cos}\, \theta = \rho

    Source
    ------
    Cho and Saul (2009), recalled; audited by ``DLS22/arc-cosine``.

    Parameters
    ----------
    rho : an Angle, an array of any shape, or a number in [-1, 1]

    Returns
    -------
    array of the shape of ``rho``

    Units
    -----
    For vectors of length 1; homogeneous of degree 1 in each. At most 1/2.

    Errors
    ------
    As :func:`angle`.
    Rounding   24 eps relative, also near -1: for t = pi - theta it is (sin t - t cos t) / 2 pi, and sin t - t cos t = t^2 int_0^1 x sin(t x) dx.
    """
    _, sin_half, cos_half = angle(rho)
    t = 2 * np.arctan2(cos_half, sin_half)
    return np.asarray(t * t * sum(weight * x * np.sin(t * x) for x, weight in zip(NODES, WEIGHTS, strict=True)) / (2 * math.pi))[()]


# ---- with biases

def moments(b: object, c: object, rho: Correlation) -> Moments:
    r"""The expectations of a pair of neurons, all at once.

    .. math:: E[1 1] = \Pr[z_1 + b \ge 0, z_2 + c \ge 0], \qquad
              E[1\, \mathrm{relu}] = c\, E[1 1] + \rho\, \varphi(b) \Phi(u) + \varphi(c) \Phi(v),

    .. math:: E[\mathrm{relu}\, \mathrm{relu}] = (b c + \rho) E[1 1] + c\, \varphi(b) \Phi(u) + b\, \varphi(c) \Phi(v) + s\, \varphi(b) \varphi(u),
              \qquad \partial_b E[1\, \mathrm{relu}] = s\, \varphi(b) (\varphi(u) + u\, \Phi(u)),

    .. math:: s u = c - \rho b, \; s v = b - \rho c, \; s^2 = 1 - \rho^2

    Source
    ------
    Integration by parts; derived here, audited by ``DLS22/bivariate``.

    Parameters
    ----------
    b, c : any shapes, or numbers
    rho : an Angle, an array of any shape, or a number in [-1, 1]; the three are broadcast

    Returns
    -------
    Moments   step_step, step_relu, relu_relu, edge_relu, each of the common shape

    Units
    -----
    1 is the indicator of z_1 + b >= 0, resp. z_2 + c >= 0, and z_1, z_2 have variance 1.

    Errors
    ------
    DomainError   where |rho| > 1.
    DtypeError, NonFiniteError   as every public function, and where b c overflows.
    Rounding   40 eps (18 for 36 summands, 16 for Phi, 6 for u and v) of sqrt(Phi(b) Phi(c)) in step_step, which may fall below 0 by it; of
    sqrt(Phi(b)) n(c) in step_relu, n(b) n(c) in relu_relu, phi(b) (1 + |b| + |c|) in edge_relu, where n(b)^2 = (1 + b^2) Phi(b) + |b| phi(b) is
    E[relu(z + b)^2] with plus signs. At every angle alike.
    """
    b, c, theta = points("b", b), points("c", c), angle(rho)
    with np.errstate(over="ignore", invalid="ignore"):
        both, at_b, at_c, corner = _wedge(b, c, theta.sin_half, theta.cos_half)
        step_relu = c * both + theta.rho * at_b + at_c
        relu_relu = b * (c * both) + theta.rho * both + c * at_b + b * at_c + corner
        edge_relu = corner + (c - theta.rho * b) * at_b
    return Moments(both[()], finite("step_relu", step_relu)[()], finite("relu_relu", relu_relu)[()], finite("edge_relu", edge_relu)[()])


def step_step(b: object, c: object, rho: Correlation) -> Array:
    r"""The bivariate normal distribution function; see :func:`moments`.

    .. math:: \Pr[z_1 + b \ge 0, z_2 + c \ge 0] = \Pr[z_1 \le b, z_2 \le c]
    """
    return moments(b, c, rho).step_step


def step_relu(b: object, c: object, rho: Correlation) -> Array:
    r"""One neuron where another is active; see :func:`moments`.

    .. math:: E[1\{z_1 + b \ge 0\}\, \mathrm{relu}(z_2 + c)]
    """
    return moments(b, c, rho).step_relu


def relu_relu(b: object, c: object, rho: Correlation) -> Array:
    r"""The product of two neurons; see :func:`moments`.

    .. math:: E[\mathrm{relu}(z_1 + b)\, \mathrm{relu}(z_2 + c)]
    """
    return moments(b, c, rho).relu_relu


def _wedge(b: Array, c: Array, sin_half: Array, cos_half: Array) -> list[Array]:
    """Pr of the wedge, phi(b) Phi(u), phi(c) Phi(v) and s phi(b) phi(u), each of the common shape, chunk by chunk."""
    parts = [np.empty(np.broadcast_shapes(b.shape, c.shape, sin_half.shape)) for _ in range(4)]
    access: Any = [["readonly"]] * 4 + [["writeonly"]] * 4
    with np.nditer([b, c, sin_half, cos_half, *parts], ["external_loop", "buffered", "zerosize_ok"], access, buffersize=CHUNK) as chunks:
        for b, c, sin_half, cos_half, *out in chunks:
            for part, value in zip(out, _wedge_of(b, c, sin_half, cos_half), strict=True):
                part[...] = value
    return parts


def _wedge_of(b: Array, c: Array, sin_half: Array, cos_half: Array) -> tuple[Array, ...]:
    b, c = _kept_off_zero(b), _kept_off_zero(c)
    p, q = (b + c) / 2, (b - c) / 2
    sin_half, cos_half = np.maximum(sin_half, NONE), np.maximum(cos_half, NONE)
    along, across = p * sin_half, q * cos_half
    u, v = along / cos_half - across / sin_half, along / cos_half + across / sin_half
    tail_b, tail_c = _Phi(-np.abs(b)), _Phi(-np.abs(c))
    left, below = np.signbit(b), np.signbit(c)
    beyond = _beyond(np.abs(b), np.where(below, -u, u), tail_b) + _beyond(np.abs(c), np.where(left, -v, v), tail_c)
    both = np.where(left, np.where(below, beyond, tail_b - beyond), np.where(below, tail_c - beyond, 1 - tail_b - tail_c + beyond))
    phi_b = _phi(b)
    return both, phi_b * _Phi(u), _phi(c) * _Phi(v), 2 * sin_half * cos_half * phi_b * _phi(u)


def _kept_off_zero(b: Array) -> Array:
    return np.asarray(np.copysign(np.clip(np.abs(b), TINY, FAR), b))


def _beyond(h: Array, y: Array, tail: Array) -> Array:
    r"""The mass that is seen from the origin behind the edge {(h, t): t >= y} of a wedge, h > 0.

    (1/2 pi) int_y^oo e^{-(h^2 + t^2)/2} h / (h^2 + t^2) dt; for y < 0 from the whole line, whose integral is ``tail`` = Phi(-h). Where the pole at
    t = +-ih is near, 1 is subtracted from the exponential and the angle, which is the integral of 1, added again.
    """
    start, square, g = np.abs(y), h * h, SQRT_2PI * _phi(h)
    end = np.hypot(start, REACH)
    near = np.less(np.hypot(h, start), NEAR)
    total = np.zeros_like(h)
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        t = start + (end - start) * node
        total += weight * (g * np.exp(-t * t / 2) - near) / (square + t * t)
    mass = (h * (end - start) * total + near * (np.arctan2(end, h) - np.arctan2(start, h))) / (2 * math.pi)
    return np.asarray(np.where(np.signbit(y), tail - mass, mass))
