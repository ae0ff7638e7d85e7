"""Section 2: the hand-derived gradients of the network.

gradient-relu  gradient-masks  gradient-analytic
"""

from fractions import Fraction

import numpy as np

from proofs_checks import Instead, Sides, ulps
from proofs_checks.engine import oracles
from proofs_checks.instances import family
from proofs_checks.papers.dls22 import DERIVED, DLS22
from refimpl import losses
from refimpl.activations import RELU, TANH, TRUNCATED_RELU
from refimpl.masks import masked_sums
from refimpl.network import Network

# ---- the hand-derived gradients

def _dyadic(rng, *shape):
    """Multiples of 1/16 in [-2, 2], exact in every arithmetic, never 0."""
    return (2.0 * rng.integers(0, 2, shape) - 1) * rng.integers(1, 33, shape) / 16


def _dyadic_network(rng, m, d, n, sigma):
    """The first neuron stands on the kink at 0 for the first sample, the last one on the second kink of truncated ReLU."""
    W, X, b = _dyadic(rng, m, d), _dyadic(rng, n, d), _dyadic(rng, m)
    b[-1] = KINKED[sigma].kinks[-1] - W[-1] @ X[0]
    b[0] = -W[0] @ X[0]
    return {"net": Network(_dyadic(rng, m), W, b, KINKED[sigma]), "X": X, "y": _dyadic(rng, n)}


KINKED = {"relu": RELU, "truncated_relu": TRUNCATED_RELU}
PIECES = {                                       # sigma and sigma' on its linear pieces, the kink belonging to the right one
    "relu": lambda z: (z, 1) if z >= 0 else (0, 0),
    "truncated_relu": lambda z: (1, 0) if z >= 1 else (z, 1) if z >= 0 else (0, 0),
}


@DLS22.claim(
    "gradient-relu",
    where="section 2, the network and its square loss",
    printed_from=DERIVED,
    covers=["A.S4"],
    needs=["DLS22/network", "DLS22/loss-square"],
    given=family(_dyadic_network, m=(1, 4), d=(1, 3), n=(1, 4), sigma=["relu", "truncated_relu"]),
    tol=ulps(lambda at: at.n + at.m + at.d + 16),
)
def gradient_relu(at):
    """The gradient in a, W, b of (1/n) sum (f - y)^2 for ReLU and truncated ReLU, exactly, one linear piece at a time; kinks included."""
    return Sides(by_hand=_flat(at.net.gradients(at.X, at.y, losses.SQUARE)), piece_by_piece=_pieces(at, lambda r: 2 * r), scale=_gradient_scale(at))


def _flat(gradients):
    return np.concatenate([part.ravel() for part in gradients])


def _pieces(at, dloss, pieces=PIECES):
    """The same gradient in rational arithmetic."""
    a, W, b = ([Fraction(v) for v in part.ravel().tolist()] for part in (at.net.a, at.net.W, at.net.b))
    da, dW, db = [Fraction()] * at.m, [Fraction()] * (at.m * at.d), [Fraction()] * at.m
    for x, y in zip(at.X.tolist(), at.y.tolist(), strict=True):
        x = [Fraction(v) for v in x]
        z = [sum(W[j * at.d + i] * x[i] for i in range(at.d)) + b[j] for j in range(at.m)]
        s = [pieces[at.sigma](v) for v in z]
        r = dloss(sum(a[j] * s[j][0] for j in range(at.m)) - Fraction(y)) / at.n
        for j in range(at.m):
            da[j] += r * s[j][0]
            db[j] += r * a[j] * s[j][1]
            for i in range(at.d):
                dW[j * at.d + i] += r * a[j] * s[j][1] * x[i]
    return np.array([float(v) for v in (*da, *dW, *db)])


def _gradient_scale(at):
    """The same sums over absolute values, with the output's own absolute terms in the residual."""
    a, W, b = np.abs(at.net.a), np.abs(at.net.W), np.abs(at.net.b)
    Z = np.abs(at.X) @ W.T + b
    r = 2 * (Z @ a + np.abs(at.y)) / at.n
    return np.concatenate([r @ Z, (a[:, None] * (r @ np.abs(at.X))[None, :]).ravel(), a * r.sum()])


LEFT = {                                         # the kink belonging to the left piece
    "relu": lambda z: (z, 1) if z > 0 else (0, 0),
    "truncated_relu": lambda z: (1, 0) if z > 1 else (z, 1) if z > 0 else (0, 0),
}


@gradient_relu.refutes("sigma'(0) = 0: kinks take the derivative from the left")
def _(at):
    return Instead(piece_by_piece=_pieces(at, lambda r: 2 * r, LEFT))


@gradient_relu.refutes("factor 2 lost")
def _(at):
    return Instead(piece_by_piece=_pieces(at, lambda r: r))


@gradient_relu.refutes("y - f for f - y")
def _(at):
    return Instead(piece_by_piece=_pieces(at, lambda r: -2 * r))


@gradient_relu.refutes("sum over samples, not mean")
def _(at):
    return Instead(piece_by_piece=_pieces(at, lambda r: 2 * r * at.n))


@gradient_relu.refutes("output weights left out of the gradient in W and b")
def _(at):
    free = Network(np.where(at.net.a > 0, 1.0, -1.0), at.net.W, at.net.b, at.net.activation)
    residual = at.net.predict(at.X) - at.y
    return Instead(by_hand=_flat(free.gradients(at.X, free.predict(at.X) - residual, losses.SQUARE)))


def _half_spaces(rng, m, d, n, kind):
    """Quarters and sixteenths, so that no sum rounds; the first neuron's boundary goes through the first sample, the last neuron is 0.

    Mirrored, as after the first step of Algorithm 1: w_{m+1-j} = -w_j."""
    W, X, b = _dyadic(rng, m, d), _dyadic(rng, n, d), _dyadic(rng, m)
    if kind == "mirrored":
        W[m - m // 2:] = -W[:m // 2][::-1]
    else:
        W[1:][-1:], b[1:][-1:] = 0, -0.0
    b[0] = -W[0] @ X[0]
    return {"X": X, "r": _dyadic(rng, n), "W": W, "b": b}


@DLS22.claim(
    "gradient-masks",
    where="section 5.1, the empirical form of E[f*(x) x 1{w.x + b >= 0}]",
    printed_from=DERIVED,
    covers=["A.S4"],
    needs=["DLS22/gradient-relu"],
    given=family(_half_spaces, m=(1, 4), d=(1, 3), n=(1, 5), kind=["drawn", "mirrored"]),
)
def gradient_masks(at):
    """S_j = sum_i r_i x_i 1{w_j.x_i + b_j >= 0} and s_j, without x_i; by homogeneity w_j.S_j + b_j s_j = sum_i r_i relu(w_j.x_i + b_j)."""
    S, s = masked_sums(at.X, at.r, at.W, at.b)
    return Sides(masked_sums=_with_head(at, _rational(S), _rational(s)), sample_by_sample=_one_by_one(at))


def _rational(array):
    return np.array([Fraction(v) for v in array.ravel().tolist()], dtype=object).reshape(array.shape)


def _with_head(at, S, s):
    """S, s and w_j.S_j + b_j s_j."""
    return [*S.ravel(), *s, *((_rational(at.W) * S).sum(axis=1) + _rational(at.b) * s)]


def _one_by_one(at, counts=lambda z: z >= 0, relu=lambda z: max(z, 0)):
    """S, s and sum_i r_i relu(w_j.x_i + b_j)."""
    X, r, W, b = (_rational(part) for part in (at.X, at.r, at.W, at.b))
    Z = X @ W.T + b
    on = np.vectorize(lambda z: Fraction(int(counts(z))), otypes=[object])(Z)
    return [*((on * r[:, None]).T @ X).ravel(), *(r @ on), *(r @ np.vectorize(relu, otypes=[object])(Z))]


@gradient_masks.refutes("1{w.x + b > 0}: the boundary left out")
def _(at):
    return Instead(sample_by_sample=_one_by_one(at, counts=lambda z: z > 0))


@gradient_masks.refutes("the other half-space")
def _(at):
    return Instead(masked_sums=_with_head(at, *map(_rational, masked_sums(at.X, at.r, -at.W, -at.b))))


@gradient_masks.refutes("r forgotten")
def _(at):
    return Instead(masked_sums=_with_head(at, *map(_rational, masked_sums(at.X, np.ones(at.n), at.W, at.b))))


@gradient_masks.refutes("b forgotten in the indicator")
def _(at):
    return Instead(masked_sums=_with_head(at, *map(_rational, masked_sums(at.X, at.r, at.W, 0 * at.b))))


@gradient_masks.refutes("b_j s_j forgotten in the derivative in a")
def _(at):
    S, s = map(_rational, masked_sums(at.X, at.r, at.W, at.b))
    return Instead(masked_sums=[*S.ravel(), *s, *(_rational(at.W) * S).sum(axis=1)])


@gradient_masks.refutes("the identity for leaky slopes: sigma' = 1/2 on the left")
def _(at):
    return Instead(sample_by_sample=_one_by_one(at, relu=lambda z: max(z, z / 2)))


ANALYTIC = {
    "square": (losses.SQUARE, lambda f, y: (f - y) ** 2),
    "logistic": (losses.LOGISTIC, lambda f, y: np.log(1 + np.exp(-y * f))),
}


def _analytic_network(rng, m, d, n, loss):
    y = 2.0 * rng.integers(0, 2, n) - 1
    return {"net": Network(rng.standard_normal(m), rng.standard_normal((m, d)), rng.standard_normal(m), TANH),
            "X": rng.standard_normal((n, d)), "y": y}


@DLS22.claim(
    "gradient-analytic",
    where="section 2, the network, with an analytic activation",
    printed_from=DERIVED,
    covers=["A.S4"],
    needs=["DLS22/losses"],
    given=family(_analytic_network, m=(1, 4), d=(1, 3), n=(1, 4), loss=list(ANALYTIC)),
    tol=ulps(lambda at: 4 * (at.n + at.m + at.d) + 32),
)
def gradient_analytic(at):
    """The gradient in a, W, b for tanh with the square and the logistic loss is the complex-step derivative."""
    theta = np.concatenate([at.net.a, at.net.W.ravel(), at.net.b])
    return Sides(by_hand=_flat(at.net.gradients(at.X, at.y, ANALYTIC[at.loss][0])),
                 complex_step=oracles.complex_step(lambda t: _complex_loss(at, t, ANALYTIC[at.loss][1]), theta), scale=_gradient_scale(at))


def _complex_loss(at, theta, loss):
    a, W, b = theta[: at.m], theta[at.m: at.m * (at.d + 1)].reshape(at.m, at.d), theta[at.m * (at.d + 1):]
    return np.mean(loss(np.tanh(at.X @ W.T + b) @ a, at.y))


@gradient_analytic.refutes("sigma(z) for sigma'(z)")
def _(at):
    net = Network(at.net.a, at.net.W, at.net.b, TANH)
    r = ANALYTIC[at.loss][0].derivative(net.predict(at.X), at.y) / at.n
    S = np.tanh(at.X @ net.W.T + net.b)
    D = r[:, None] * S * net.a
    return Instead(by_hand=np.concatenate([r @ S, (D.T @ at.X).ravel(), D.sum(axis=0)]))


@gradient_analytic.refutes("1 - sigma for sigma' = 1 - sigma^2")
def _(at):
    r = ANALYTIC[at.loss][0].derivative(at.net.predict(at.X), at.y) / at.n
    S = np.tanh(at.X @ at.net.W.T + at.net.b)
    D = r[:, None] * (1 - S) * at.net.a
    return Instead(by_hand=np.concatenate([r @ S, (D.T @ at.X).ravel(), D.sum(axis=0)]))
