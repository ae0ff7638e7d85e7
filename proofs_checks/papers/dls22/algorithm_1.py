"""Section 3: the first step of Algorithm 1.

alg-1-preprocess  alg-1-step  alg-1-scale
"""

import numpy as np

from proofs_checks import Instead, Sides, ulps
from proofs_checks.engine import oracles
from proofs_checks.instances import mirrored_networks, multi_index
from proofs_checks.papers.dls22 import DLS22, RESTATED, SLIDES_BJ
from proofs_checks.papers.dls22.routes import second_moment
from refimpl import losses as ell
from refimpl.network import Network

# ---- the first step of Algorithm 1

@DLS22.claim(
    "alg-1-preprocess",
    where="section 3, Algorithm 1, line 1",
    printed_from=SLIDES_BJ,
    printed=r"y_i \leftarrow y_i - \alpha - \beta \cdot x_i \text{ for } i = 1, \dots, n",
    covers=["A.Alg1"],
    given=multi_index(p=(1, 4)),
    tol=ulps(lambda at: 64 * (at.p + 1) ** at.r),
)
def alg_1_preprocess(at):
    """At infinitely many samples line 1 removes C_0 and C_1, so E f^2 falls by C_0^2 + |C_1|^2."""
    f = at.target.without_linear_part()
    basis = oracles.orthonormal(at.U)
    C_0 = oracles.gauss_hermite_mean(lambda x: oracles.monomials(at.target.g, x @ at.U.T), basis, at.p)
    C_1 = oracles.gauss_hermite_mean(lambda x: oracles.monomials(at.target.g, x @ at.U.T)[:, None] * x, basis, at.p + 1)
    return Sides(
        removed=at.target.second_moment - f.second_moment,
        alpha_beta=C_0**2 + C_1 @ C_1,
        fields=at.target.mean**2 + at.target.mean_gradient @ at.target.mean_gradient,
        scale=second_moment(at, at.target.g, absolute=True),
    )


@alg_1_preprocess.refutes("beta not subtracted")
def _(at):
    return Instead(alpha_beta=at.target.mean**2)


@alg_1_preprocess.refutes("alpha not subtracted")
def _(at):
    return Instead(alpha_beta=at.target.mean_gradient @ at.target.mean_gradient)


@alg_1_preprocess.refutes("twice the mean, as for an unnormalised He_1")
def _(at):
    return Instead(alpha_beta=at.target.mean**2 + 2 * at.target.mean_gradient @ at.target.mean_gradient)


ETA = 2.0


def _step(net, X, y, lam):
    """W - eta_1 (grad_W L + lambda_1 W), and -eta_1 grad_b L as a last column."""
    gradients = net.gradients(X, y, ell.SQUARE)
    return np.column_stack([net.W - ETA * (gradients.dW + lam * net.W), -ETA * gradients.db])


def _features(at):
    """2 eta_1 a_j (1/n) sum_i y_i (x_i, 1) 1{w_j.x_i + b_j >= 0}, one sample at a time."""
    return np.array([2 * ETA * a * _g_n(at, w, b) for a, w, b in zip(at.net.a, at.net.W, at.net.b, strict=True)])


def _g_n(at, w, b):
    total = np.zeros(at.d + 1)
    for x, y in zip(at.X, at.y, strict=True):
        if w @ x + b >= 0:
            total += y * np.append(x, 1.0)
    return total / at.n


def _step_scale(at, W, b):
    """The absolute terms: labels and outputs through the gradient, and W that is added and removed."""
    residual = np.abs(at.y) + (np.abs(at.X) @ np.abs(W).T + np.abs(b)) @ np.abs(at.net.a)
    x = np.column_stack([np.abs(at.X), np.ones(at.n)])
    return 2 * ETA * np.outer(np.abs(at.net.a), residual @ x / at.n) + 2 * np.abs(np.column_stack([W, np.zeros(len(W))]))


@DLS22.claim(
    "alg-1-step",
    where="section 3, Algorithm 1, line 2",
    printed_from=SLIDES_BJ,
    printed=r"W^{(1)} \leftarrow W^{(0)} - \eta_1 [\nabla_W \mathcal{L}(\theta) + \lambda_1 W]",
    covers=["A.Alg1.a"],
    needs=["DLS22/eq-init", "DLS22/loss-square"],
    given=mirrored_networks(),
    tol=ulps(lambda at: at.n + at.m + at.d + 16),
)
def alg_1_step(at):
    """With lambda_1 = 1/eta_1 the first step forgets W: w_j^(1) = 2 eta_1 a_j g_n(w_j), g_n(w) = (1/n) sum_i y_i x_i sigma'(w.x_i)."""
    return Sides(
        algorithm=_step(at.net, at.X, at.y, 1 / ETA),
        features=_features(at),
        scale=_step_scale(at, at.net.W, at.net.b),
    )


@alg_1_step.refutes("factor 2 lost, as for a loss with 1/2")
def _(at):
    return Instead(features=_features(at) / 2)


@alg_1_step.refutes("sign lost: w = -2 eta a g_n")
def _(at):
    return Instead(features=-_features(at))


@alg_1_step.refutes("sigma(z) for sigma'(z)")
def _(at):
    S = np.maximum(at.X @ at.net.W.T + at.net.b, 0)
    return Instead(features=2 * ETA * at.net.a[:, None] * ((S * at.y[:, None]).T @ np.column_stack([at.X, np.ones(at.n)])) / at.n)


@DLS22.claim(
    "alg-1-scale",
    where="section 3, below Algorithm 1",
    printed_from=RESTATED,
    covers=["A.Alg1.b"],
    needs=["DLS22/alg-1-step"],
    given=mirrored_networks(factor=[8.0, 0.125, 1024.0]),
    tol=ulps(lambda at: at.n + at.m + at.d + 16),
)
def alg_1_scale(at):
    """sigma' is 0-homogeneous: W^(1) does not change when a pair of mirrored rows is stretched."""
    return Sides(
        stretched=_step(_stretched(at, both=True), at.X, at.y, 1 / ETA),
        features=_features(at),
        scale=_step_scale(at, (1 + at.factor) * at.net.W, (1 + at.factor) * at.net.b),
    )


def _stretched(at, both):
    W, b = at.net.W.copy(), at.net.b.copy()
    for j in [0, -1][: 1 + both]:
        W[j] *= at.factor
        b[j] *= at.factor
    return Network(at.net.a, W, b)


@alg_1_scale.refutes("no forgetting: lambda_1 = 0")
def _(at):
    return Instead(stretched=_step(_stretched(at, both=True), at.X, at.y, 0.0))


@alg_1_scale.refutes("one row stretched without its mirror image, so that f_theta is not zero")
def _(at):
    return Instead(stretched=_step(_stretched(at, both=False), at.X, at.y, 1 / ETA))
