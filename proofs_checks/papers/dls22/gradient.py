"""Section 5.1: the gradient of the network, the population gradient at the start, display (1) and Lemma 1.

gradient-relu  gradient-analytic                                    the hand-derived gradients
eq-population-gradient                                              E over data at the mirrored start
eq-1  eq-1-coefficients  eq-1-bias  eq-1-exact  eq-1-quadratic      display (1), its errata and its smallest case
lemma-13-features                                                   the features after preprocessing
lemma-4  lemma-4-constant  lemma-20                                 Lemma 1, its constant, its projected remainder
"""

import math
from fractions import Fraction

import numpy as np

from proofs_checks import Instead, Sides, ulps
from proofs_checks.engine import oracles
from proofs_checks.instances import directions, family, multi_index, rational, rational_target, rational_unit, single_index, unit
from proofs_checks.papers.dls22 import DERIVED, DLS22, RESTATED, SLIDES_BJ
from refimpl import losses, polynomials
from refimpl.activations import RELU, TANH, TRUNCATED_RELU
from refimpl.data.targets import Target
from refimpl.gaussian import half_line_hermite
from refimpl.network import Network
from refimpl.population import expansion, first_gradient, half_space_moment, lemma_1_main, lemma_1_remainder

SQRT_2PI = math.sqrt(2 * math.pi)


# ---- the hand-derived gradients

def _dyadic(rng, *shape):
    """Multiples of 1/16 in [-2, 2], exact in every arithmetic, never 0."""
    return (2.0 * rng.integers(0, 2, shape) - 1) * rng.integers(1, 33, shape) / 16


def _dyadic_network(rng, m, d, n, sigma):
    return {"net": Network(_dyadic(rng, m), _dyadic(rng, m, d), _dyadic(rng, m), KINKED[sigma]), "X": _dyadic(rng, n, d), "y": _dyadic(rng, n)}


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


def _pieces(at, dloss):
    """The same gradient in rational arithmetic."""
    a, W, b = ([Fraction(v) for v in part.ravel().tolist()] for part in (at.net.a, at.net.W, at.net.b))
    da, dW, db = [Fraction()] * at.m, [Fraction()] * (at.m * at.d), [Fraction()] * at.m
    for x, y in zip(at.X.tolist(), at.y.tolist(), strict=True):
        x = [Fraction(v) for v in x]
        z = [sum(W[j * at.d + i] * x[i] for i in range(at.d)) + b[j] for j in range(at.m)]
        s = [PIECES[at.sigma](v) for v in z]
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


# ---- E over data at the mirrored start

def _f(at):
    return lambda x: oracles.monomials(at.target.g, x @ at.target.U.T)


def _size(at):
    return lambda x: oracles.monomials(at.target.g, x @ at.target.U.T, absolute=True)


def _moment(at, w, b=0.0):
    return oracles.half_space_moment(_f(at), _size(at), at.target.U, w, b, at.p + 1)


@DLS22.claim(
    "eq-population-gradient",
    where="section 5.1, above display (1)",
    printed_from=SLIDES_BJ,
    printed=r"\nabla_{w_j} \mathcal{L}_{\mathcal{D}}(\theta) = -2a_j \mathbb{E}_x [f^\star(x) x \mathbf{1}_{w_j \cdot x \geq 0}]",
    covers=["A.G1"],
    needs=["DLS22/eq-init", "DLS22/eq-1"],
    given=single_index(p=(0, 4), d=(1, 4)),
    tol=ulps(lambda at: 64 * (at.p + at.d + 4)),
)
def eq_population_gradient(at):
    """At the mirrored start grad_{w_j} L_D = E[2 (f_theta - f*) a_j x 1{w_j.x >= 0}] is -2 a_j E[f* x 1{w_j.x >= 0}]."""
    pair = Network(np.array([3.0, -3.0]), np.array([at.w, at.w]), np.zeros(2))
    return Sides(expansion=first_gradient(at.target, pair.a, pair.W, pair.b), chain_rule=_chain_rule(at, pair),
                 scale=6 * np.array([_moment(at, at.w).scale] * 2))


def _chain_rule(at, net):
    """E[2 (f_theta(x) - f*(x)) a_j x 1{w_j.x >= 0}] by quadrature, with f_theta as it is."""
    return np.array([2 * a * oracles.half_space_moment(lambda x: net.predict(x) - _f(at)(x), _size(at), at.target.U, w, 0.0, at.p + 2).value
                     for a, w in zip(net.a, net.W, strict=True)])


@eq_population_gradient.refutes("the mirror forgotten: both output weights positive")
def _(at):
    net = Network(np.array([3.0, 3.0]), np.array([at.w, at.w]), np.zeros(2))
    return Sides(expansion=first_gradient(at.target, net.a, net.W, net.b), chain_rule=_chain_rule(at, net),
                 scale=6 * np.array([_moment(at, at.w).scale] * 2))


@eq_population_gradient.refutes("factor 2 lost")
def _(at):
    return Instead(expansion=-np.outer([3.0, -3.0], half_space_moment(at.target, at.w[None, :], np.zeros(1))[0]))


@eq_population_gradient.refutes("f* - f_theta for f_theta - f*")
def _(at):
    return Instead(expansion=2 * np.outer([3.0, -3.0], half_space_moment(at.target, at.w[None, :], np.zeros(1))[0]))


# ---- display (1)

DISPLAY_1 = (r"\mathbb{E}_x[f^\star(x)x\mathbf{1}_{w \cdot x + b \geq 0}] = \sum_{k=0}^{p-1} \frac{1}{k!} "
             r"[c_{k+1}C_{k+1}(w^{\otimes k}) + c_{k+2}wC_k(w^{\otimes k})]")


def _series(target, w, c, *, first_to, along_to):
    """The two sums of display (1) with coefficients c, the first up to first_to and the second up to along_to."""
    W = w[None, :]
    total = np.zeros(target.d)
    for k in range(first_to + 1):
        total += c[k + 1] * target.contract_to_vector(k + 1, W)[0] / math.factorial(k)      # first sum
    for k in range(along_to + 1):
        total += c[k + 2] * w * target.contract(k, W)[0] / math.factorial(k)                # second sum
    return total


@DLS22.claim(
    "eq-1",
    where="section 5.1, display (1)",
    printed_from=SLIDES_BJ,
    printed=DISPLAY_1,
    covers=["A.G2", "ERR-A1"],
    needs=["HERMITE/stein", "DLS22/asm-1", "DLS22/relu-coefficients", "DLS22/tensor-expansion"],
    given=multi_index(p=(1, 6)),
    tol=ulps(lambda at: 64 * (at.p + at.d + 4)),
    erratum="the second sum must run to k = p: the printed one loses w c_{p+2} C_p(w^p) / p!",
)
def eq_1(at):
    """E[f* x 1{w.x >= 0}] = sum_{k<=p-1} c_{k+1} C_{k+1}(w^k) / k! + w sum_{k<=p} c_{k+2} C_k(w^k) / k!, |w| = 1."""
    truth = _moment(at, at.w)
    return Sides(half_space_moments=truth.value, hermite_series=half_space_moment(at.target, at.w[None, :], np.zeros(1))[0], scale=truth.scale)


@eq_1.as_printed
def _(at):
    c = RELU.hermite_coefficients(at.p + 2)
    return Instead(hermite_series=_series(at.target, at.w, c, first_to=at.p - 1, along_to=at.p - 1))


@eq_1.refutes("sign of the second sum lost")
def _(at):
    c = RELU.hermite_coefficients(at.p + 2)
    return Instead(hermite_series=_series(at.target, at.w, c, first_to=at.p - 1, along_to=-1)
                   - _series(at.target, at.w, c, first_to=-1, along_to=at.p))


@eq_1.refutes("1 / (k+1)! for 1 / k! in the first sum")
def _(at):
    c = RELU.hermite_coefficients(at.p + 2) / np.maximum(np.arange(at.p + 3), 1)
    whole = RELU.hermite_coefficients(at.p + 2)
    return Instead(hermite_series=_series(at.target, at.w, c, first_to=at.p - 1, along_to=-1)
                   + _series(at.target, at.w, whole, first_to=-1, along_to=at.p))


@eq_1.refutes("w not of unit length in the formula")
def _(at):
    c = RELU.hermite_coefficients(at.p + 2)
    return Instead(hermite_series=_series(at.target, 2 * at.w, c, first_to=at.p - 1, along_to=at.p))


@DLS22.claim(
    "eq-1-coefficients",
    where="section 5.1, the sentence above display (1)",
    printed_from=SLIDES_BJ,
    printed=r"\text{in terms of the Hermite expansions of } f^\star \text{ and } \sigma'",
    covers=["A.G2", "ERR-A2"],
    needs=["DLS22/eq-1", "DLS22/relu-derivative"],
    given=multi_index(p=(1, 6), r=(1, 2), frame=["oblique"]),
    tol=ulps(lambda at: 64 * (at.p + at.d + 4)),
    erratum="the c_k of display (1) are the coefficients of sigma; those of sigma' are one index on",
)
def eq_1_coefficients(at):
    """In display (1) c_k = E[sigma(z) He_k(z)], the Hermite coefficients of sigma itself."""
    truth = _moment(at, at.w)
    c = RELU.hermite_coefficients(at.p + 2)
    return Sides(half_space_moments=truth.value, hermite_series=_series(at.target, at.w, c, first_to=at.p - 1, along_to=at.p), scale=truth.scale)


@eq_1_coefficients.as_printed
def _(at):
    return Instead(hermite_series=_series(at.target, at.w, half_line_hermite(at.p + 2), first_to=at.p - 1, along_to=at.p))


@eq_1_coefficients.refutes("c_k / k! stored for c_k")
def _(at):
    c = [c / math.factorial(k) for k, c in enumerate(RELU.hermite_coefficients(at.p + 2))]
    return Instead(hermite_series=_series(at.target, at.w, c, first_to=at.p - 1, along_to=at.p))


@eq_1_coefficients.refutes("physicists' coefficients, c_k times 2^k")
def _(at):
    c = RELU.hermite_coefficients(at.p + 2) * 2.0 ** np.arange(at.p + 3)
    return Instead(hermite_series=_series(at.target, at.w, c, first_to=at.p - 1, along_to=at.p))


@DLS22.claim(
    "eq-1-bias",
    where="section 5.1, display (1), its indicator",
    printed_from=SLIDES_BJ,
    printed=DISPLAY_1,
    covers=["A.G2", "ERR-A2"],
    needs=["DLS22/eq-1", "DLS22/relu-bias"],
    given=multi_index(p=(1, 5), r=(1, 2), b=[0.7, -1.2, 0.0, 5.0, -5.0, 40.0, -40.0]),
    tol=ulps(lambda at: 64 * (at.p + at.d + 8)),
    erratum="with the bias in the indicator the coefficients are c_k(b) = E[sigma(z + b) He_k(z)], not c_k(0)",
)
def eq_1_bias(at):
    """For any bias and any length of w, E[f* x 1{w.x + b >= 0}] is display (1) with w / |w| and c_k(b / |w|)."""
    W, b = at.W, at.b * np.linalg.norm(at.W, axis=1)
    truth = [_moment(at, w, bias) for w, bias in zip(W, b, strict=True)]
    return Sides(half_space_moments=np.array([t.value for t in truth]), hermite_series=half_space_moment(at.target, W, b),
                 scale=np.array([t.scale for t in truth]))


@eq_1_bias.as_printed
def _(at):
    return Instead(hermite_series=half_space_moment(at.target, at.W, np.zeros(3)))


@eq_1_bias.refutes("sign of the bias, 1{w.x - b >= 0}")
def _(at):
    return Instead(hermite_series=half_space_moment(at.target, at.W, -at.b * np.linalg.norm(at.W, axis=1)))


@eq_1_bias.refutes("b not divided by |w|")
def _(at):
    return Instead(hermite_series=half_space_moment(at.target, at.W, np.full(3, at.b)))


# ---- display (1) in exact arithmetic: x is rotated, so that nothing but double factorials is left

def _written_out(at):
    return oracles.compose(at.g, at.U)


def _exact_terms(at, f):
    """C_k(w^k) and C_{k+1}(w^k) of a polynomial f of x, exactly."""
    smoothed = polynomials.heat(f, polynomials.identity(at.d))
    parts = [polynomials.homogeneous(smoothed, k) for k in range(at.p + 2)]
    whole = [math.factorial(k) * polynomials.evaluate(part, at.w) for k, part in enumerate(parts)]
    open_slot = [[math.factorial(k) * polynomials.evaluate(polynomials.partial(parts[k + 1], i), at.w) for i in range(at.d)] for k in range(at.p + 1)]
    return whole, open_slot


def _c(k):
    """c_k of ReLU as (rational, over sqrt(2 pi)): 1/2 at k = 1, (-1)^(k/2-1) (k-3)!! / sqrt(2 pi) at even k."""
    if k % 2:
        return (Fraction(int(k == 1), 2), Fraction())
    return (Fraction(), Fraction((-1) ** (k // 2 - 1) * (-1 if k == 0 else math.prod(range(k - 3, 1, -2)))))


def _exact_series(at, f, *, along_to):
    """Display (1): the parts rational and over sqrt(2 pi), each d numbers."""
    whole, open_slot = _exact_terms(at, f)
    total = [[Fraction()] * at.d, [Fraction()] * at.d]
    for part in (0, 1):
        for i in range(at.d):
            total[part][i] += sum((_c(k + 1)[part] * open_slot[k][i] / math.factorial(k) for k in range(at.p)), start=Fraction())
            total[part][i] += at.w[i] * sum((_c(k + 2)[part] * whole[k] / math.factorial(k) for k in range(along_to + 1)), start=Fraction())
    return total


@DLS22.claim(
    "eq-1-exact",
    where="section 5.1, display (1)",
    printed_from=RESTATED,
    covers=["A.G2"],
    needs=["DLS22/eq-1"],
    given=rational_target(p=(1, 4)),
)
def eq_1_exact(at):
    """Display (1), second sum to p, in Q + Q / sqrt(2 pi) at rational targets and unit vectors: no rounding anywhere."""
    f = _written_out(at)
    return Sides(rotation=[*oracles.exact_half_space_moment(f, at.w)], series=_exact_series(at, f, along_to=at.p))


@eq_1_exact.refutes("the second sum stops at p - 1")
def _(at):
    return Instead(series=_exact_series(at, _written_out(at), along_to=at.p - 1))


@eq_1_exact.refutes("the two parts exchanged")
def _(at):
    return Instead(series=_exact_series(at, _written_out(at), along_to=at.p)[::-1])


def _quadratic_form(rng, d):
    A = [[rational(rng) for _ in range(d)] for _ in range(d)]
    return {"A": [[A[i][j] + A[j][i] for j in range(d)] for i in range(d)], "w": rational_unit(rng, d)}


@DLS22.claim(
    "eq-1-quadratic",
    where="section 5.1, display (1) at p = 2",
    printed_from=DERIVED,
    covers=["A.G3"],
    needs=["DLS22/eq-1-exact"],
    given=family(_quadratic_form, d=(1, 4)),
)
def eq_1_quadratic(at):
    """f = x^T A x - tr A, H = 2A: sqrt(2 pi) E[f x 1{w.x >= 0}] = H w - w (w^T H w) / 2."""
    f = {tuple((i == k) + (j == k) for k in range(at.d)): Fraction() for i in range(at.d) for j in range(at.d)} | {(0,) * at.d: Fraction()}
    for i in range(at.d):
        f[(0,) * at.d] -= at.A[i][i]
        for j in range(at.d):
            f[tuple((i == k) + (j == k) for k in range(at.d))] += at.A[i][j]
    return Sides(rotation=oracles.exact_half_space_moment(f, at.w).root, closed_form=_closed(at, Fraction(1, 2)))


def _closed(at, factor):
    Hw = [2 * sum(a * x for a, x in zip(row, at.w, strict=True)) for row in at.A]
    wHw = sum(x * y for x, y in zip(at.w, Hw, strict=True))
    return [y - factor * x * wHw for x, y in zip(at.w, Hw, strict=True)]


@eq_1_quadratic.refutes("second term left out")
def _(at):
    return Instead(closed_form=_closed(at, 0))


@eq_1_quadratic.refutes("sign of c_4")
def _(at):
    return Instead(closed_form=_closed(at, -Fraction(1, 2)))


@eq_1_quadratic.refutes("1/2 of the second term lost")
def _(at):
    return Instead(closed_form=_closed(at, 1))


# ---- the features after preprocessing

@DLS22.claim(
    "lemma-13-features",
    where="appendix A.2, proof of Lemma 13, last line",
    printed_from=RESTATED,
    covers=["A.G4"],
    needs=["DLS22/eq-1-exact"],
    given=rational_target(p=(2, 4)),
)
def lemma_13_features(at):
    """g(w) = (C_1 - beta)/2 + [w (C_0 - alpha) + C_2 w]/sqrt(2 pi) + the even terms: no odd C_k beyond C_1 enters at b = 0."""
    alpha, beta = Fraction(2, 3), [Fraction(i + 1, 4) for i in range(at.d)]
    f = _written_out(at)
    f_hat = polynomials.add(f, {(0,) * at.d: -alpha}, *({tuple(int(i == j) for j in range(at.d)): -x} for i, x in enumerate(beta)))
    return Sides(rotation=[*oracles.exact_half_space_moment(f_hat, at.w)], even_terms=_features(at, f, alpha, beta))


def _features(at, f, alpha, beta, odd=False, shift=0):
    whole, open_slot = _exact_terms(at, f)
    half = [(open_slot[0][i] - beta[i]) / 2 for i in range(at.d)]                                            # (C_1 - beta) / 2
    root = [at.w[i] * (whole[0] - alpha) + open_slot[1][i] for i in range(at.d)]                             # w (C_0 - alpha) + C_2 w
    for i in range(at.d):
        for k in range(4, at.p + 1, 2):
            root[i] += _c(k)[1] * open_slot[k - 1][i] / math.factorial(k - 1)                                # c_2k C_2k(w^{2k-1}) / (2k-1)!
        for k in range(2, at.p + 1, 2):
            root[i] += at.w[i] * _c(k + 2)[1] * whole[k] / math.factorial(k + shift)                         # w c_{2k+2} C_2k(w^{2k}) / (2k)!
        if odd and at.p >= 3:
            root[i] += open_slot[2][i]
    return [half, root]


@lemma_13_features.refutes("no preprocessing: C_1 / 2 + w C_0 / sqrt(2 pi) left over")
def _(at):
    return Instead(even_terms=_features(at, _written_out(at), Fraction(), [Fraction()] * at.d))


@lemma_13_features.refutes("C_3 kept, as in the second line of display (1)")
def _(at):
    return Instead(even_terms=_features(at, _written_out(at), Fraction(2, 3), [Fraction(i + 1, 4) for i in range(at.d)], odd=True))


@lemma_13_features.refutes("1 / (2k+1)! in the terms along w")
def _(at):
    return Instead(even_terms=_features(at, _written_out(at), Fraction(2, 3), [Fraction(i + 1, 4) for i in range(at.d)], shift=1))


# ---- Lemma 1

@DLS22.claim(
    "lemma-4",
    aliases=["lemma-1"],
    where="section 5.1, Lemma 4 (Lemma 1 of arXiv): its exact remainder",
    printed_from=SLIDES_BJ,
    printed=r"\nabla_{w_j} \mathcal{L}_{\mathcal{D}}(\theta) = -2a_j \frac{Hw_j}{\sqrt{2\pi}} + \tilde{O}\left(\frac{\sqrt{r}}{d}\right)",
    covers=["A.L4"],
    needs=["DLS22/eq-1", "DLS22/eq-population-gradient"],
    given=multi_index(p=(1, 5)),
    tol=ulps(lambda at: 64 * (at.p + at.d + 8)),
)
def lemma_4(at):
    """grad_{w_j} L_D = -2 a_j H w_j / sqrt(2 pi) + a remainder known in closed form: the other terms of display (1) and H(w/|w| - w)."""
    a = np.array([1.0, -1.0, 2.0])
    truth = [_moment(at, w) for w in at.W]
    main = -2 * a[:, None] * (at.W @ at.target.mean_hessian) / SQRT_2PI
    return Sides(
        quadrature_minus_main=-2 * a[:, None] * np.array([t.value for t in truth]) - main,
        remainder=lemma_1_remainder(at.target, a, at.W),
        main_from_difference=first_gradient(at.target, a, at.W, np.zeros(3)) - lemma_1_main(at.target, a, at.W),
        scale=2 * np.abs(a)[:, None] * np.array([t.scale for t in truth]) + np.abs(at.W) @ np.abs(at.target.mean_hessian) * 4,
    )


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


def _sphere_mean(at, statistic):
    """The mean over uniform unit w of a statistic that is a cubic in t = |Pi* w|^2, t ~ Beta(r/2, (d-r)/2), and the same with
    absolute values: the cubic through t = 0, 1/3, 2/3, 1, integrated by the moments E t^k = prod_i (r + 2i) / (d + 2i)."""
    moments = [math.prod((Fraction(at.r + 2 * i, at.d + 2 * i) for i in range(k)), start=Fraction(1)) for k in range(4)]
    t = np.arange(4) / 3
    weights = np.array([float(sum(c * m for c, m in zip(_lagrange(i), moments, strict=True))) for i in range(4)])
    values = statistic(np.sqrt(t)[:, None] * at.inside + np.sqrt(1 - t)[:, None] * at.outside)
    return float(weights @ values), float(np.abs(weights) @ np.abs(values))


def _lagrange(i):
    """Coefficients of the cubic that is 1 at i/3 and 0 at the other thirds of [0, 1]."""
    product = [Fraction(1)]
    for j in range(4):
        if j != i:
            up, down = [Fraction(), *product], [*product, Fraction()]
            product = [(3 * u - j * v) / (i - j) for u, v in zip(up, down, strict=True)]
    return product


def _remainder_of_g(at, W):
    """r(w) = g(w) - H w / sqrt(2 pi) = -remainder of the gradient / (2 a)."""
    return lemma_1_remainder(at.target, np.ones(len(W)), W) / -2


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
    mean, size = _sphere_mean(at, lambda W: np.linalg.norm(_remainder_of_g(at, W), axis=1))
    return Sides(sphere_mean=at.d / math.sqrt(at.r) * mean, constant=1 / (2 * math.sqrt(math.pi)), scale=at.d / math.sqrt(at.r) * size)


@lemma_4_constant.refutes("the constant of the gradient, twice that of g")
def _(at):
    return Instead(constant=1 / math.sqrt(math.pi))


@lemma_4_constant.refutes("rate sqrt(r) / d^(3/2)")
def _(at):
    return Instead(sphere_mean=math.sqrt(at.d) / (2 * math.sqrt(math.pi)))


@lemma_4_constant.refutes("rate r / d")
def _(at):
    return Instead(sphere_mean=1 / math.sqrt(at.r) / (2 * math.sqrt(math.pi)) if at.r > 1 else 0.0)


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
    def squared(W):
        return np.sum((_remainder_of_g(at, W) @ at.target.Pi_star) ** 2, axis=1)

    mean, size = _sphere_mean(at, squared)
    return Sides(sphere_mean=mean, beta_moment=_beta_moment(at), scale=size)


def _beta_moment(at):
    """(2/r) E t^3 / (8 pi), t ~ Beta(r/2, (d-r)/2)."""
    return (at.r + 2) * (at.r + 4) / (4 * math.pi * at.d * (at.d + 2) * (at.d + 4))


@lemma_20.refutes("Pi* dropped")
def _(at):
    return Instead(sphere_mean=_sphere_mean(at, lambda W: np.sum(_remainder_of_g(at, W) ** 2, axis=1))[0])


@lemma_20.refutes("independent coordinates: (E t)^3 for E t^3")
def _(at):
    return Instead(beta_moment=at.r**2 / (4 * math.pi * at.d**3))
