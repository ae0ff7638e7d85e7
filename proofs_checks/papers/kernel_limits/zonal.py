"""The population risk of kernel regression with the kernels of infinitely wide ReLU networks.

zonal-eigenvalues     of the kernels on the sphere, by integrals over the angle
zonal-risk            by polar coordinates about each training input: no series, no eigenvalue
"""

import math
from functools import cache

import numpy as np
from flint import acb, arb, ctx
from scipy.special import eval_gegenbauer

from proofs_checks import Instead, Sides, ulps
from proofs_checks.instances import family, random_target
from proofs_checks.papers.kernel_limits import DERIVED, KERNELS
from refimpl.baselines.zonal import eigenvalues, kernel_risk

# ---- eigenvalues

BITS = 500                         # beyond the 400 that a vanishing eigenvalue is known to


@cache
def _eigenvalue(l, d, kernel, **slips):
    """E[kappa(omega_1) P_l(omega_1)]: the angle of omega has the density sin^{d-2}."""
    with ctx.workprec(BITS):
        total, mass = (_integral(lambda t, f=f: f(t) * t.sin() ** (d - 2)) for f in (lambda t: _kappa(t, kernel, **slips) * _legendre(l, t.cos(), d), lambda t: acb(1)))
        return total / mass


def _kappa(t, kernel, steps=True, swap=False):
    """(sin t + (pi - t) cos t) / (2 pi), and for both layers (pi - t) cos t / (2 pi) more."""
    pi = acb.pi()
    r = t if swap else pi - t
    return (t.sin() + (2 if kernel == "ntk" and steps else 1) * r * t.cos()) / (2 * pi)


def _legendre(l, x, d):
    """P_l as a hypergeometric polynomial."""
    return ((1 - x) / 2).hypgeom_2f1(acb(-l), acb(l + d - 2), acb(d - 1) / 2)


def _integral(f):
    return acb.integral(lambda t, _: f(t), acb(0), acb.pi(), abs_tol=arb(2) ** -450, eval_limit=100000).real


@KERNELS.claim(
    "zonal-eigenvalues",
    where="ReLU kernels on the sphere",
    printed_from=DERIVED,
    needs=["KERNELS/ntk-relu", "KERNELS/rf-relu"],
    given=family(lambda rng, d, L, kernel: {}, d=[2, 3, 4, 9, 40], L=[0, 1, 9], kernel=["ntk", "rf"]),
    tol=ulps(lambda at: 2 * at.L + 12),
)
def zonal_eigenvalues(at):
    """E[kappa(omega_1) P_l(omega_1)] in closed form, l = 0, ..., L: 0 for odd l > 1, and sums of positive terms for all others."""
    return Sides(eigenvalues=eigenvalues(at.L, at.d, kernel=at.kernel), integrals=_eigenvalues(at),
                 scale=np.abs([float(x.mid()) if l < 2 or l % 2 == 0 else 0.0 for l, x in enumerate(_eigenvalues(at))]))


def _eigenvalues(at, d=None, **slips):
    return [_eigenvalue(l, d or at.d, at.kernel, **slips) for l in range(at.L + 1)]


@zonal_eigenvalues.refutes("the second layer alone, for both kernels")
def _(at):
    return Instead(integrals=_eigenvalues(at, steps=False))


@zonal_eigenvalues.refutes("t for pi - t")
def _(at):
    return Instead(integrals=_eigenvalues(at, swap=True))


@zonal_eigenvalues.refutes("the sphere of R^{d+1}")
def _(at):
    return Instead(integrals=_eigenvalues(at, at.d + 1))


@zonal_eigenvalues.refutes("N_l lam_l, the coefficient of P_l")
def _(at):
    return Instead(eigenvalues=eigenvalues(at.L, at.d, kernel=at.kernel) * [_harmonics(l, at.d) for l in range(at.L + 1)])


def _harmonics(l, d):
    """Monomials of degree l, less those of degree l - 2."""
    return math.comb(l + d - 1, l) - (math.comb(l + d - 3, l - 2) if l > 1 else 0)


# ---- the risk

S = np.arange(-3.6, 3.6, 0.07)
W = 1 / (1 + np.exp(-math.pi * np.sinh(S)))                                      # double exponential nodes and weights on [0, 1]
WEIGHTS = 0.07 * math.pi * np.cosh(S) * W * (1 - W)


def _rule(*ends):
    """Nodes and weights on each of the intervals between the ends."""
    width = np.diff(ends)[:, None]
    return (np.array(ends[:-1])[:, None] + width * W).ravel(), (width * WEIGHTS).ravel()


def _about(d, kernel, angle, f, size=np.positive):
    """E[kappa(omega.v) f(t)], angle that between v and w, t that between omega and w: polar coordinates with v as their pole.

    f may have a kink at w and at -w, which the angles from v divide at.
    """
    u, u_weights = _rule(0, *sorted((angle, math.pi - angle)), math.pi)
    v, v_weights = _rule(0, math.pi) if d > 2 else (np.array([0.0, math.pi]), np.ones(2))
    u, weights = u[:, None], u_weights[:, None] * v_weights * np.sin(u[:, None]) ** (d - 2) * np.sin(v) ** max(d - 3, 0)
    near = np.sin((u - angle) / 2) ** 2 + np.sin(u) * math.sin(angle) * np.sin(v / 2) ** 2
    far = np.cos((u + angle) / 2) ** 2 + np.sin(u) * math.sin(angle) * np.cos(v / 2) ** 2
    return np.sum(weights * size(_kernel(u, kernel) * f(2 * np.arctan2(np.sqrt(near), np.sqrt(far))))) / np.sum(weights)


def _kernel(t, kernel):
    return (np.sin(t) + (2 if kernel == "ntk" else 1) * (math.pi - t) * np.cos(t)) / (2 * math.pi)


def _angle(x, z):
    x, z = x / np.linalg.norm(x), z / np.linalg.norm(z)
    return 2 * math.atan2(np.linalg.norm(x - z), np.linalg.norm(x + z))


def _mean_power(d, k):
    """E|x|^k."""
    return 2 ** (k / 2) * math.gamma((d + k) / 2) / math.gamma(d / 2)


def _normal_moment(k):
    return 0.0 if k % 2 else _mean_power(1, k)


def _samples(rng, d, kernel, p, copies):
    """Two inputs and one opposite to the first, each several times; u of any length."""
    rows = rng.standard_normal((2, d))
    rows = np.concatenate([rows, -rows[:1] / 3])
    return {"rows": rows, "X": np.tile(rows, (copies, 1)), "alpha": rng.standard_normal((3 * copies, 2)) / copies,
            "target": random_target(rng, p, (0.5 + rng.random()) * _unit(rng, d)[None, :])}


def _unit(rng, d):
    u = rng.standard_normal(d)
    return u / np.linalg.norm(u)


@KERNELS.claim(
    "zonal-risk",
    where="population risk of kernel regression",
    printed_from=DERIVED,
    needs=["KERNELS/zonal-eigenvalues"],
    given=family(_samples, d=[3, 4], kernel=["ntk", "rf"], p=[0, 5], copies=[1, 50]),
    tol=ulps(lambda at: 3 * at.copies + 2 * at.d + 4 * at.p + 512),
)
def zonal_risk(at):
    """E(f - f*)^2 for f = sum_i alpha_i K(x, x_i) and x ~ N(0, I_d), exactly: by the formula of Funk and Hecke, and by integrals over the sphere."""
    one, several = kernel_risk(at.X, at.alpha[:, 0], at.target, kernel=at.kernel), kernel_risk(at.X, at.alpha, at.target, kernel=at.kernel)
    return Sides(kernel_risk=[one, *several], polar=_polar(at), scale=_polar(at, np.abs, cross=2))


def _polar(at, size=np.positive, *, kernel=None, cross=-2, power=_mean_power, length=np.linalg.norm):
    """E f^2 - 2 E f f* + E f*^2, of the first column and of all."""
    kernel, u, g = kernel or at.kernel, at.target.U[0], {k: size(float(g_k)) for (k,), g_k in at.target.g.items()}
    beta = np.sum(size(at.alpha).reshape(at.copies, 3, 2), axis=0) * [[length(x)] for x in at.rows]
    pairs = [[_about(at.d, kernel, _angle(x, z), lambda t: _kernel(t, kernel), size) for z in at.rows] for x in at.rows]
    against = [sum(g_k * np.linalg.norm(u) ** k * power(at.d, k + 1) * _about(at.d, kernel, _angle(x, u), lambda t, k=k: np.cos(t) ** k, size)
                   for k, g_k in g.items()) for x in at.rows]
    square = sum(g_j * g_k * np.linalg.norm(u) ** (j + k) * _normal_moment(j + k) for j, g_j in g.items() for k, g_k in g.items())
    risk = power(at.d, 2) * np.sum(beta * (pairs @ beta), axis=0) + cross * (against @ beta) + square
    return np.array([risk[0], *risk])


@zonal_risk.refutes("E f f* once")
def _(at):
    return Instead(polar=_polar(at, cross=-1))


@zonal_risk.refutes("E f f* forgotten")
def _(at):
    return Instead(polar=_polar(at, cross=0))


@zonal_risk.refutes("inputs on the sphere of radius sqrt(d)")
def _(at):
    return Instead(polar=_polar(at, power=lambda d, k: d ** (k / 2)))


@zonal_risk.refutes("inputs on the unit sphere: the factor d lost")
def _(at):
    return Instead(polar=_polar(at, power=lambda d, k: 1))


@zonal_risk.refutes("the lengths of the training inputs lost")
def _(at):
    return Instead(polar=_polar(at, length=lambda x: 1))


@zonal_risk.refutes("the other kernel")
def _(at):
    return Instead(polar=_polar(at, kernel="rf" if at.kernel == "ntk" else "ntk"))


@zonal_risk.refutes("kappa_2 without the N_l: sum_l lam_l^2 P_l")
def _(at):
    return Instead(kernel_risk=_by_series(at, lambda l, lam: lam**2))


@zonal_risk.refutes("kappa for kappa_2: sum_l N_l lam_l P_l")
def _(at):
    return Instead(kernel_risk=_by_series(at, lambda l, lam: _harmonics(l, at.d) * lam))


@zonal_risk.refutes("even l alone")
def _(at):
    return Instead(kernel_risk=_by_series(at, lambda l, lam: (1 - l % 2) * _harmonics(l, at.d) * lam**2))


def _by_series(at, coefficient):
    """The risk with 12 other coefficients in E f^2."""
    unit = at.X / np.linalg.norm(at.X, axis=1, keepdims=True)
    beta, lam = at.alpha * np.linalg.norm(at.X, axis=1, keepdims=True), eigenvalues(11, at.d, kernel=at.kernel)
    tables = [_gegenbauer(l, at.d, unit @ unit.T) for l in range(12)]
    moved = sum((coefficient(l, lam_l) - _harmonics(l, at.d) * lam_l**2) * P for l, (lam_l, P) in enumerate(zip(lam, tables, strict=True)))
    risk = kernel_risk(at.X, at.alpha, at.target, kernel=at.kernel) + at.d * np.sum(beta * (moved @ beta), axis=0)
    return np.array([risk[0], *risk])


def _gegenbauer(l, d, x):
    """P_l."""
    return np.cos(l * np.arccos(np.clip(x, -1, 1))) if d == 2 else eval_gegenbauer(l, d / 2 - 1, x) / eval_gegenbauer(l, d / 2 - 1, 1.0)
