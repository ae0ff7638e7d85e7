"""Appendix A.3: the second moment of one sample's gradient, E[(f*^2 + varsigma^2) x x^T 1{w.x + b >= 0}], block by block.

cor-34-blocks                                                       its blocks, for any f*, w and b, and what they say of the error of g_n
cor-34-proof                                                        the blocks are a theorem: for every f* of degree at most 6 and every unit w
"""

import math
from fractions import Fraction
from functools import cache

import numpy as np

from proofs_checks import Instead, Proof, Sides, ulps
from proofs_checks.engine import oracles
from proofs_checks.instances import family, multi_index
from proofs_checks.papers.dls22 import DERIVED, DLS22
from proofs_checks.papers.dls22.features import SIGMA
from proofs_checks.papers.dls22.routes import he_monomials, target_size, target_value
from refimpl.hermite import double_factorial
from refimpl.population import half_space_moment
from refimpl.sampling_error import half_space_second_moment, sampling_error, sampling_error_along

# ---- the second moment of one sample's gradient

def _matrix(at, **changed):
    """E[q x x^T 1{w.x + b >= 0}] put together from its blocks."""
    A = half_space_second_moment(at.target, at.w[None, :], np.array([at.b]), varsigma=SIGMA)._replace(**changed)
    U, w, cross = at.target.U, A.W_unit[0], A.cross[0] @ at.target.U
    return A.isotropic[0] * np.eye(at.d) + U.T @ A.frame[0] @ U + np.outer(cross, w) + np.outer(w, cross) + A.along_w[0] * np.outer(w, w)


def _rule(at):
    """Nodes and weights of the half-space in all d dimensions, and f* there."""
    x, weight = oracles.half_space_rule(np.eye(at.d), at.w, at.b, degree=2 * at.p + 2)
    return x, weight, target_value(at)(x), target_size(at)(x)


def _second_moment(at):
    """E[q x x^T 1], its trace less |g|^2 and, for two rows v of at.W, E[q (v.x)^2 1] - (v.g)^2: by quadrature."""
    x, weight, f, _ = _rule(at)
    V, q, g = at.W[:2], f**2 + SIGMA**2, (weight * f) @ x
    matrix = (x * (weight * q)[:, None]).T @ x
    return _flat(matrix, (weight * q) @ np.sum(x * x, axis=1) - g @ g, (weight * q) @ (x @ V.T) ** 2 - (V @ g) ** 2)


def _terms(at):
    """The absolute terms of the same."""
    x, weight, _, size = _rule(at)
    terms = (np.abs(x) * (weight * (size**2 + SIGMA**2))[:, None]).T @ np.abs(x)
    return np.sum(terms) * _flat(np.ones((at.d, at.d)), 2.0, 2 * np.sum(at.W[:2] ** 2, axis=1))


def _in_one_number(at):
    """n E|g_n - g|^2, and along two directions."""
    W, b = at.w[None, :], np.array([at.b])
    return _flat(sampling_error(at.target, W, b, varsigma=SIGMA), sampling_error_along(at.target, W, b, at.W[:2], varsigma=SIGMA))


def _flat(*parts):
    return np.concatenate([np.ravel(part) for part in parts])


@DLS22.claim(
    "cor-34-blocks",
    where="appendix A.3, Corollary 34, at one w: the covariance",
    printed_from=DERIVED,
    covers=["A.C34"],
    needs=["DLS22/eq-1-bias"],
    given=multi_index(p=(0, 3), r=(1, 2), d=(1, 3), b=[0.0, 0.5, -0.75]),
    tol=ulps(lambda at: 64 * (at.p + at.d + 8)),
)
def cor_34_blocks(at):
    """E[q x x^T 1{w.x + b >= 0}], q = f*^2 + varsigma^2, is E[q 1] I and a matrix on span(S*, w), which derivatives of q and of the step give."""
    return Sides(blocks=_flat(_matrix(at), _in_one_number(at)), quadrature=_second_moment(at), scale=_terms(at))


@cor_34_blocks.refutes("the noise forgotten")
def _(at):
    A = half_space_second_moment(at.target, at.w[None, :], np.array([at.b]))
    return Instead(blocks=_flat(_matrix(at, isotropic=A.isotropic), _in_one_number(at)))


@cor_34_blocks.refutes("the step not differentiated twice: no term in w w^T")
def _(at):
    return Instead(blocks=_flat(_matrix(at, along_w=np.zeros(1)), _in_one_number(at)))


@cor_34_blocks.refutes("a second moment taken for a covariance: g g^T forgotten")
def _(at):
    g = half_space_moment(at.target, at.w[None, :], np.array([at.b]))[0]
    return Instead(blocks=_flat(_matrix(at), _in_one_number(at)) + _flat(np.zeros((at.d, at.d)), g @ g, (at.W[:2] @ g) ** 2))


@cor_34_blocks.refutes("nothing but the isotropic part")
def _(at):
    zeros = {"frame": np.zeros((1, at.r, at.r)), "cross": np.zeros((1, at.r)), "along_w": np.zeros(1)}
    return Instead(blocks=_flat(_matrix(at, **zeros), _in_one_number(at)))


# ---- the same for every unit u, w: numbers rational + root / sqrt(2 pi) are their two parts

def _add(*numbers):
    return [sum(parts, start=Fraction()) for parts in zip(*numbers, strict=True)]


def _times(factor, number):
    return [factor * part for part in number]


def _half_line(k):
    """E[z^k 1{z >= 0}]: (k-1)!! / 2 for even k, (k-1)!! / sqrt(2 pi) for odd k."""
    return [Fraction(), Fraction(double_factorial(k - 1))] if k % 2 else [Fraction(double_factorial(k - 1), 2), Fraction()]


def _step_coefficient(k):
    """d_k = E[He_k(z) 1{z >= 0}]: 1/2 at k = 0, He_{k-1}(0) / sqrt(2 pi) at odd k."""
    if k % 2 == 0:
        return [Fraction(int(k == 0), 2), Fraction()]
    return [Fraction(), Fraction((-1) ** ((k - 1) // 2) * double_factorial(k - 2))]


def _conditioned(at):
    """E[He_k(u.x) h 1{w.x >= 0}] for h = v_perp^2, (w.x)^2, (w.x)(u.x), (u.x)^2, by u.x = rho z + sqrt(1 - rho^2) y with z = w.x."""
    total = [[Fraction()] * 2 for _ in range(4)]
    for l, h in enumerate(he_monomials(at.k)):
        for row, (more_z, more_u) in enumerate([(0, 0), (2, 0), (1, 1), (0, 2)]):
            total[row] = _add(total[row], _times(h, _pair(l + more_u, more_z, at.rho)))
    return total


@cache
def _pair(a, c, rho):
    """E[(u.x)^a z^c 1{z >= 0}]; only even powers of y have a mean."""
    return _add([Fraction()] * 2, *(
        _times(math.comb(a, i) * rho ** (a - i) * (1 - rho**2) ** (i // 2) * double_factorial(i - 1), _half_line(a - i + c))
        for i in range(0, a + 1, 2)))


def _blocks(at, twice=2):
    """d_k rho^k I + k(k-1) d_{k-2} rho^{k-2} u u^T + k d_k rho^{k-1} (u w^T + w u^T) + d_{k+2} rho^k w w^T in v_perp, w, (w, u) and u."""
    k, rho = at.k, at.rho
    isotropic = _times(rho**k, _step_coefficient(k))
    uu = _times(k * (k - 1) * rho ** (k - 2), _step_coefficient(abs(k - 2)))
    uw = _times(k * rho ** (k - 1), _step_coefficient(k))
    ww = _times(rho**k, _step_coefficient(k + 2))
    return [
        isotropic,
        _add(isotropic, _times(rho**2, uu), _times(twice * rho, uw), ww),
        _add(_times(rho, isotropic), _times(rho, uu), _times((twice - 1) * (1 + rho**2), uw), _times(rho, ww)),
        _add(isotropic, uu, _times(twice * rho, uw), _times(rho**2, ww)),
    ]


@DLS22.claim(
    "cor-34-proof",
    where="appendix A.3, Corollary 34, at one w: the covariance",
    printed_from=DERIVED,
    covers=["A.C34"],
    needs=["DLS22/relu-derivative", "DLS22/eq-1-proof"],
    given=family(lambda k, point: {"rho": Fraction(2 * point - 13, 16)}, k=(0, 12), point=(0, 14)),
    proof=Proof(
        over="every polynomial f* of degree at most 6 in any dimension, every unit w, no bias",
        parameter="point", degree=lambda at: at.k + 2,
        because="q = f*^2 + varsigma^2 is spanned by He_k(u.x), |u| = 1, k <= 12; both sides are a I + a symmetric matrix on span(u, w), which "
                "four forms determine; these are polynomials in u.w of degree at most k + 2",
    ),
)
def cor_34_proof(at):
    """E[He_k(u.x) x x^T 1{w.x >= 0}] in its blocks is a theorem: isotropic beyond span(u, w), with the coefficient d_k (u.w)^k."""
    return Sides(conditioning=_conditioned(at), blocks=_blocks(at))


@cor_34_proof.refutes("u w^T without w u^T")
def _(at):
    return Instead(blocks=_blocks(at, twice=1))


@cor_34_proof.refutes("E[q 1] for all directions")
def _(at):
    return Instead(blocks=[_blocks(at)[0]] * 4)
