r"""What the first gradient sees at infinitely many samples: E[f*(x) x 1{w.x + b >= 0}] and its expansion.

For f* = g(Ux), a unit vector w and a bias b (of ReLU's argument),

    E[f*(x) x 1{w.x + b >= 0}] = sum_{k=0}^{p-1} c_{k+1}(b) C_{k+1}(w^{otimes k}) / k!
                               + w sum_{k=0}^{p} c_{k+2}(b) C_k(w^{otimes k}) / k!,        c_k(b) = E[relu(z + b) He_k(z)],

which is display (1) of DLS22 with its second sum run to p and its coefficients those of sigma at the bias.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from refimpl.activations import RELU
from refimpl.data.targets import Target
from refimpl.errors import Array, DtypeError, Shapes, finite
from refimpl.gaussian import SQRT_2PI


class Expansion(NamedTuple):
    """The terms of the two sums, k first; row j of the whole is (first.sum(0) @ U + along_w.sum(0)[:, None] * W_unit)[j]."""

    first: Array       # (p, m, r)   c_{k+1} C_{k+1}(w^k) / k!, in the directions u_i
    along_w: Array     # (p + 1, m)  c_{k+2} C_k(w^k) / k!, to be multiplied by w / |w|
    W_unit: Array      # (m, d)      w_j / |w_j|; zero rows where w_j = 0


def expansion(target: Target, W: object, b: object) -> Expansion:
    r"""The expansion of E[f*(x) x 1{w_j.x + b_j >= 0}], term by term.

    .. math:: \frac{c_{k+1}(\beta)}{k!}\, C_{k+1}(\hat w^{\otimes k}), \qquad \hat w\, \frac{c_{k+2}(\beta)}{k!}\, C_k(\hat w^{\otimes k}), \qquad \hat w = w/|w|, \; \beta = b/|w|

    Source
    ------
    DLS22, display (1) and the proof of Lemma 13, with a bias derived here; audited by ``DLS22/eq-1-bias``.

    Parameters
    ----------
    target : f* of degree p in r directions of R^d
    W : (m, d)   rows of any length; the indicator knows w / |w| and b / |w| only
    b : (m,)

    Returns
    -------
    Expansion   first (p, m, r), along_w (p + 1, m), W_unit (m, d)

    Units
    -----
    Linear in f*; homogeneous of degree 0 in (w, b). A row w = 0 has the one term C_1 1{b >= 0}.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   for W and b that are not finite float64 arrays of these shapes.
    Rounding   each term within (d + 8 p + 24 + (b/|w|)^2) eps of its sum of absolute values.
    """
    W_unit, beta = _units(_checked(target), W, b)
    c = RELU.hermite_coefficients(target.p + 2, beta)                           # (p + 3, m)
    first = np.empty((target.p, len(beta), target.r))
    along_w = np.empty((target.p + 1, len(beta)))
    for k in range(target.p):
        first[k] = (c[k + 1] / math.factorial(k))[:, None] * target.contract_in_frame(k + 1, W_unit)
    for k in range(target.p + 1):
        along_w[k] = c[k + 2] / math.factorial(k) * target.contract(k, W_unit)
    return Expansion(finite("first", first), finite("along_w", along_w), W_unit)


LARGEST = float(np.finfo(float).max)                                            # as beta it makes c_1 = 1 and c_2 = c_3 = ... = 0


def _units(target: Target, W: object, b: object) -> tuple[Array, Array]:
    """w / |w| and b / |w|; a zero row stays zero, and its b / 0 is the largest float of the sign of b, so that 1{b >= 0} comes out."""
    sizes = Shapes("DLS22, section 5.1")
    sizes("U", target.U, "r", "d")
    W, b = sizes("W", W, "m", "d"), sizes("b", b, "m")
    power = np.frexp(np.linalg.norm(W, np.inf, axis=1))[1]                      # (w, b) 2^-power, so that no square over- or underflows
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        scaled = np.ldexp(W, -power[:, None])
        length = np.linalg.norm(scaled, axis=1)
        return np.nan_to_num(scaled / length[:, None]), np.nan_to_num(np.ldexp(b, -power) / length, nan=LARGEST)


def half_space_moment(target: Target, W: object, b: object) -> Array:
    r"""The population moment that the first gradient step is made of.

    .. math:: E_{x \sim N(0, I_d)}\big[f^\star(x)\, x\, 1\{w_j \cdot x + b_j \ge 0\}\big]

    Source
    ------
    DLS22, display (1), repaired; audited by ``DLS22/eq-1``, ``DLS22/eq-1-bias`` and ``DLS22/eq-1-zero``.

    Parameters
    ----------
    target : f*
    W : (m, d)   rows of any length
    b : (m,)

    Returns
    -------
    (m, d)   row j is the moment of neuron j

    Units
    -----
    Linear in f*; homogeneous of degree 0 in (w, b).

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   for W and b that are not finite float64 arrays of these shapes.
    Rounding   within (d + 8 p + 24 + (b/|w|)^2) eps of the sum of absolute terms of :func:`expansion`.
    """
    first, along_w, W_unit = expansion(target, W, b)
    with np.errstate(over="ignore", invalid="ignore"):
        return finite("the half-space moment", first.sum(axis=0) @ target.U + along_w.sum(axis=0)[:, None] * W_unit)


def first_gradient(target: Target, a: object, W: object, b: object) -> Array:
    r"""Population gradient in W of the square loss where f_theta = 0, as at the mirrored initialisation.

    .. math:: \nabla_{w_j} L_D(\theta) = -2 a_j\, E\big[f^\star(x)\, x\, 1\{w_j \cdot x + b_j \ge 0\}\big]

    Source
    ------
    DLS22, section 5.1; audited by ``DLS22/eq-population-gradient``.

    Parameters
    ----------
    target : f*
    a, W, b : (m,), (m, d), (m,)   of a ReLU network with f_theta = 0

    Returns
    -------
    (m, d)

    Units
    -----
    Square loss without 1/2. Linear in a and in f*.

    Errors
    ------
    As :func:`half_space_moment`.
    """
    return _weighted("the first gradient", _output_weights(a, W), half_space_moment(target, W, b))


def lemma_1_main(target: Target, a: object, W: object) -> Array:
    r"""Main term of Lemma 1.

    .. math:: -2 a_j \frac{H w_j}{\sqrt{2\pi}}

    Source
    ------
    DLS22, Lemma 1 of arXiv (Lemma 4 of COLT); audited by ``DLS22/lemma-4``.

    Parameters
    ----------
    target : f*
    a, W : (m,), (m, d)   w_j as it is, not normalised, as printed

    Returns
    -------
    (m, d)

    Units
    -----
    Linear in a, w and f*.

    Errors
    ------
    As :func:`half_space_moment`.
    """
    return _weighted("Lemma 1's main term", _output_weights(a, W), _checked(target).contract_to_vector(2, W) / SQRT_2PI)


def lemma_1_remainder(target: Target, a: object, W: object) -> Array:
    r"""Remainder of Lemma 1, exactly: every other term of the expansion at b = 0, and H(w/|w| - w).

    .. math:: \nabla_{w_j} L_D(\theta) + 2 a_j \frac{H w_j}{\sqrt{2\pi}}
              = -2 a_j \Big[ \sum_{k \ne 1} \frac{c_{k+1}}{k!} C_{k+1}(\hat w^{\otimes k}) + \hat w \sum_k \frac{c_{k+2}}{k!} C_k(\hat w^{\otimes k})
              + \frac{H(\hat w - w)}{\sqrt{2\pi}} \Big]

    Source
    ------
    DLS22, Lemma 1 of arXiv (Lemma 4 of COLT) and the proof of Lemma 13; audited by ``DLS22/lemma-4``.

    Parameters
    ----------
    target : f*; the lemma's rate assumes C_0 = C_1 = 0, see ``Target.without_linear_part``
    a, W : (m,), (m, d)

    Returns
    -------
    (m, d)   computed as a sum, not as a difference: no cancellation against the main term

    Units
    -----
    Linear in a and in f*.

    Errors
    ------
    As :func:`half_space_moment`.
    """
    a = _output_weights(a, W)
    first, along_w, W_unit = expansion(target, W, np.zeros(len(a)))
    rest = first.sum(axis=0)
    if target.p >= 2:
        rest = rest - first[1] + target.contract_in_frame(2, W_unit - np.asarray(W)) / SQRT_2PI
    return _weighted("Lemma 1's remainder", a, rest @ target.U + along_w.sum(axis=0)[:, None] * W_unit)


def _weighted(name: str, a: Array, moments: Array) -> Array:
    """-2 a_j times row j."""
    with np.errstate(over="ignore"):
        return finite(name, -2 * a[:, None] * moments)


def _checked(target: object) -> Target:
    if not isinstance(target, Target):
        raise DtypeError(f"target is of type {type(target).__name__}; it must be a Target, see refimpl.data.targets")
    return target


def _output_weights(a: object, W: object) -> Array:
    sizes = Shapes("DLS22, section 2")
    sizes("W", W, "m", "d")
    return sizes("a", a, "m")
