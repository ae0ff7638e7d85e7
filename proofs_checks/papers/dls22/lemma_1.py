"""Section 5.1 and appendix A.2: Lemma 1, its exact remainder and its constant.

lemma-4  lemma-4-constant  lemma-20
"""

import math

import numpy as np

from proofs_checks import Instead, Sides, ulps
from proofs_checks.engine import oracles
from proofs_checks.instances import directions, family, multi_index, unit
from proofs_checks.papers.dls22 import DERIVED, DLS22, SLIDES_BJ
from proofs_checks.papers.dls22.routes import half_space_moment_of
from refimpl.data.targets import Target
from refimpl.population import expansion, first_gradient, half_space_moment, lemma_1_main, lemma_1_remainder

SQRT_2PI = math.sqrt(2 * math.pi)


# ---- Lemma 1

@DLS22.claim(
    "lemma-4",
    aliases=["lemma-1"],
    where="section 5.1, Lemma 4 (Lemma 1 of arXiv): its exact remainder",
    printed_from=SLIDES_BJ,
    printed=r"\nabla_{w_j} \mathcal{L}_{\mathcal{D}}(\theta) = -2a_j \frac{Hw_j}{\sqrt{2\pi}} + \tilde{O}\left(\frac{\sqrt{r}}{d}\right)",
    covers=["A.L4"],
    needs=["DLS22/eq-1", "DLS22/eq-population-gradient"],
    given=multi_index(p=(0, 5)),
    tol=ulps(lambda at: 64 * (at.p + at.d + 8)),
)
def lemma_4(at):
    """grad_{w_j} L_D = -2 a_j H w_j / sqrt(2 pi) + a remainder known in closed form: the other terms of display (1) and H(w/|w| - w)."""
    a, truth = OUTPUT, [half_space_moment_of(at, w) for w in at.W]
    main = -2 * a[:, None] * (at.W @ at.target.mean_hessian) / SQRT_2PI
    return Sides(
        quadrature_minus_main=-2 * a[:, None] * np.array([t.value for t in truth]) - main,
        remainder=lemma_1_remainder(at.target, a, at.W),
        main_from_difference=first_gradient(at.target, a, at.W, np.zeros(3)) - lemma_1_main(at.target, a, at.W),
        scale=2 * np.abs(a)[:, None] * np.array([t.scale for t in truth]) + np.abs(at.W) @ np.abs(at.target.mean_hessian) * 4,
    )


OUTPUT = np.array([1.0, -1.0, 2.0])                  # any three output weights will do


@lemma_4.refutes("w_j normalised in the main term only")
def _(at):
    a = np.array([1.0, -1.0, 2.0])
    unit_W = at.W / np.linalg.norm(at.W, axis=1, keepdims=True)
    return Instead(remainder=lemma_1_remainder(at.target, a, at.W) + 2 * a[:, None] * ((unit_W - at.W) @ at.target.mean_hessian) / SQRT_2PI)


@lemma_4.refutes("the terms along w left out")
def _(at):
    a = np.array([1.0, -1.0, 2.0])
    _, along_w, W_unit = expansion(at.target, at.W, np.zeros(3))
    return Instead(remainder=lemma_1_remainder(at.target, a, at.W) + 2 * a[:, None] * along_w.sum(axis=0)[:, None] * W_unit)


@lemma_4.refutes("C_0 and C_1 taken as 0 without preprocessing")
def _(at):
    return Instead(remainder=lemma_1_remainder(at.target.without_linear_part(), np.array([1.0, -1.0, 2.0]), at.W))


def _isotropic(rng, r, d):
    """f*(x) = (|Ux|^2 - r) / sqrt(2 r): H = sqrt(2/r) Pi*, kappa = 1/sqrt(2)."""
    U = directions(rng, r, d, "orthonormal")
    g = {(0,) * r: -r / math.sqrt(2 * r)} | {tuple(2 * int(i == j) for j in range(r)): 1 / math.sqrt(2 * r) for i in range(r)}
    rest = oracles.orthonormal(np.vstack([U, rng.standard_normal((1, d))]))[-1]
    return {"target": Target(g, U), "inside": unit(rng.standard_normal(r)) @ U, "outside": rest}


isotropic = family(_isotropic, r=[1, 2, 4], d=[5, 8, 16, 64])


def _sphere(at, degree):
    t, weights = oracles.beta_rule(at.r, at.d, degree)
    return np.sqrt(np.column_stack([t, 1 - t])) @ np.array([at.inside, at.outside]), weights


def _absolute_mean(at, degree, statistic):
    W, weights = _sphere(at, degree)
    return float(np.abs(weights) @ np.abs(statistic(at, W)))


def _remainder_of_g(at, W):
    """r(w) = g(w) - H w / sqrt(2 pi)."""
    return half_space_moment(at.target, W, np.zeros(len(W))) - W @ at.target.mean_hessian / SQRT_2PI


@DLS22.claim(
    "lemma-4-constant",
    where="section 5.1, Lemma 4: its rate is attained",
    printed_from=DERIVED,
    covers=["A.L4"],
    needs=["DLS22/lemma-4"],
    given=isotropic,
    tol=ulps(lambda at: 64 + 4 * at.d),
)
def lemma_4_constant(at):
    """For H = sqrt(2/r) Pi* and w uniform on the sphere, (d / sqrt r) E|g(w) - Hw/sqrt(2 pi)| = 1 / (2 sqrt pi) = 0.2821 for every d and r."""
    W, weights = _sphere(at, degree=2)
    r = _remainder_of_g(at, W)
    along = at.d / math.sqrt(at.r) * (weights @ -np.sum(r * W, axis=1))                     # r(w) = -|r(w)| w
    return Sides(sphere_mean=at.d / math.sqrt(at.r) * (weights @ np.linalg.norm(r, axis=1)), along_w=along,
                 constant=1 / (2 * math.sqrt(math.pi)), scale=_constant_scale(at))


def _constant_scale(at):
    """The absolute terms of g and of Hw / sqrt(2 pi), each at most |H| = sqrt(2 / r)."""
    return at.d / math.sqrt(at.r) * 4 * math.sqrt(2 / at.r)


@lemma_4_constant.refutes("the constant of the gradient, twice that of g")
def _(at):
    return Instead(constant=1 / math.sqrt(math.pi))


@lemma_4_constant.refutes("rate sqrt(r) / d^(3/2)")
def _(at):
    return Instead(sphere_mean=math.sqrt(at.d) / (2 * math.sqrt(math.pi)))


@lemma_4_constant.refutes("rate r / d")
def _(at):
    return Instead(sphere_mean=1 / math.sqrt(at.r) / (2 * math.sqrt(math.pi)))


@DLS22.claim(
    "lemma-20",
    where="appendix A.2, Lemma 20: its exact remainder at infinitely many samples",
    printed_from=DERIVED,
    covers=["A.L20"],
    needs=["DLS22/lemma-4-constant"],
    given=isotropic,
    tol=ulps(lambda at: 64 + 4 * at.d),
)
def lemma_20(at):
    """E|Pi* r(w)|^2 = (r+2)(r+4) / (4 pi d(d+2)(d+4)) for H = sqrt(2/r) Pi*: smaller than E|r(w)|^2 by about r/d."""
    W, weights = _sphere(at, degree=3)
    return Sides(sphere_mean=weights @ _projected(at, W), beta_moment=_beta_moment(at), scale=_absolute_mean(at, 3, _projected))


def _projected(at, W):
    """|Pi* r(w)|^2."""
    return np.sum((_remainder_of_g(at, W) @ at.target.Pi_star) ** 2, axis=1)


def _beta_moment(at):
    """(2/r) E t^3 / (8 pi), t ~ Beta(r/2, (d-r)/2)."""
    return (at.r + 2) * (at.r + 4) / (4 * math.pi * at.d * (at.d + 2) * (at.d + 4))


@lemma_20.refutes("Pi* dropped")
def _(at):
    W, weights = _sphere(at, degree=3)
    return Instead(sphere_mean=weights @ np.sum(_remainder_of_g(at, W) ** 2, axis=1))


@lemma_20.refutes("independent coordinates: (E t)^3 for E t^3")
def _(at):
    return Instead(beta_moment=at.r**2 / (4 * math.pi * at.d**3))
