"""Section 2: data, target, network, initialisation, losses, the first step of Algorithm 1; and the targets of section 6.

asm-data  asm-noise  asm-1  asm-1-span  asm-2  asm-2-bound          the data and the two assumptions
network  network-size  init-gaussian  eq-init  eq-init-sign         the network and its start
loss-square  loss-l1  losses  iota                                  losses, and what "high probability" adds up to
alg-1-preprocess  alg-1-step  alg-1-scale                           the first step of Algorithm 1
sec-6-target  sec-6-transfer                                        the targets of the experiments
"""

import math
from fractions import Fraction

import numpy as np

from proofs_checks import AtMost, Instead, Sides, ulps
from proofs_checks.engine import oracles
from proofs_checks.instances import directions, family, multi_index, networks, unit
from proofs_checks.papers.dls22 import DERIVED, DLS22, RESTATED, SLIDES_BJ, SLIDES_CS
from refimpl import losses as ell
from refimpl import polynomials
from refimpl.data.targets import Target, single_index
from refimpl.hermite import He
from refimpl.initial import gaussian
from refimpl.network import Network

# ---- the data and the two assumptions

def _quadrature(at, square_of, absolute=False):
    """E square_of(v)^2 over v = Ux by a Gauss-Hermite grid."""
    basis = oracles.orthonormal(at.U)
    return float(oracles.gauss_hermite_mean(lambda x: oracles.monomials(square_of, x @ at.U.T, absolute=absolute) ** 2, basis, 2 * at.p))


@DLS22.claim(
    "asm-data",
    where="section 2, input distribution",
    printed_from=SLIDES_CS,
    printed=r"\mathbb{E}_{x \sim \mathcal{D}}[(f^*(x))^2] = 1",
    covers=["A.S1"],
    given=multi_index(p=(1, 3), r=(1, 3)),
    tol=ulps(lambda at: 64 * (at.p + 1) ** at.r),
)
def asm_data(at):
    """E f*(x)^2 has a closed form, and f* / sqrt(E f*^2) is normalised."""
    f = at.target.normalised()
    return Sides(
        wick=[at.target.second_moment, f.second_moment],
        gauss_hermite=[_quadrature(at, at.target.g), _quadrature(at, f.g)],
        scale=[_quadrature(at, at.target.g, absolute=True), _quadrature(at, f.g, absolute=True)],
    )


@asm_data.refutes("E f* lost: the variance instead of the second moment")
def _(at):
    f = at.target.normalised()
    return Instead(wick=[at.target.second_moment - at.target.mean**2, f.second_moment - f.mean**2])


@asm_data.refutes("u_i taken as orthogonal of twice the length")
def _(at):
    four = tuple(tuple(Fraction(4 * (i == j)) for j in range(at.r)) for i in range(at.r))
    second = [float(polynomials.mean(polynomials.times(dict(g), dict(g)), four)) for g in (at.target.g, at.target.normalised().g)]
    return Instead(wick=second)


@DLS22.claim(
    "asm-noise",
    where="section 2, input distribution",
    printed_from=SLIDES_CS,
    covers=["A.S1"],
    given=multi_index(p=(0, 3), r=(1, 2), varsigma=[0.25, 1.0, 3.0]),
    tol=ulps(8),
)
def asm_noise(at):
    """y_i = f*(x_i) + epsilon_i with epsilon_i = +-varsigma: every squared residual is varsigma^2, not only their mean."""
    X, y = at.target.sample(6, rng=1 + at.seed, varsigma=at.varsigma)
    f = at.target.value(X)
    return Sides(
        squared_residuals=(y - f) ** 2,
        varsigma_squared=np.full(6, at.varsigma**2),
        scale=at.varsigma**2 + 2 * at.varsigma * (np.abs(f) + at.varsigma),
    )


@asm_noise.refutes("Gaussian noise of variance varsigma^2")
def _(at):
    return Instead(squared_residuals=(at.varsigma * np.random.default_rng(at.seed).standard_normal(6)) ** 2)


@asm_noise.refutes("uniform noise on [-varsigma, varsigma]")
def _(at):
    return Instead(squared_residuals=(at.varsigma * np.random.default_rng(at.seed).uniform(-1, 1, 6)) ** 2)


@DLS22.claim(
    "asm-1",
    where="section 2, Assumption 1",
    printed_from=SLIDES_BJ,
    printed=r"f^*(x) = g(\langle x, u_1 \rangle, \dots, \langle x, u_r \rangle)",
    covers=["A.S2"],
    given=multi_index(p=(1, 4)),
    tol=ulps(lambda at: 64 * (at.p + at.d)),
)
def asm_1(at):
    """f*(x) = f*(Pi* x): the target sees x through its projection onto the principal subspace only."""
    projected = at.X @ at.target.Pi_star
    return Sides(
        target=at.target.value(at.X),
        monomials_of_projection=oracles.monomials(at.target.g, projected @ at.U.T),
        scale=_around(at),
    )


def _around(at):
    """The absolute terms of g at |U| |Pi*| |x|; sqrt(2 p) more for the Hermite basis that Target evaluates in (Minkowski: He_k with
    plus signs at v is E(v + z)^k <= (v + sqrt k)^k, and its coefficients are such a mean again)."""
    V = np.abs(at.X) @ np.abs(at.target.Pi_star) @ np.abs(at.U).T
    return oracles.monomials(at.target.g, V + math.sqrt(2 * at.p), absolute=True)


@asm_1.refutes("Pi* = U^T U although the u_i are not orthonormal")
def _(at):
    return Instead(monomials_of_projection=oracles.monomials(at.target.g, at.X @ at.U.T @ at.U @ at.U.T))


@asm_1.refutes("projection onto the complement of S*")
def _(at):
    return Instead(monomials_of_projection=oracles.monomials(at.target.g, at.X @ (np.eye(at.d) - at.target.Pi_star) @ at.U.T))


@DLS22.claim(
    "asm-1-span",
    where="section 2, below Assumption 1",
    printed_from=SLIDES_BJ,
    covers=["A.S2"],
    needs=["DLS22/asm-1"],
    given=multi_index(p=(2, 4)),
    tol=ulps(lambda at: 512 * (at.p + at.d)),
)
def asm_1_span(at):
    """span(H) lies in S*: H = Pi* E[f*(x) (x x^T - I)] Pi*, with both projections."""
    P = np.linalg.pinv(at.U) @ at.U
    basis = oracles.orthonormal(at.U)
    moment = oracles.gauss_hermite_mean(lambda x: _stein_2(at.target.g, x, at.U), basis, at.p + 2)
    return Sides(
        mean_hessian=at.target.mean_hessian,
        projected_second_stein=P @ moment @ P,
        scale=float(np.max(oracles.gauss_hermite_mean(lambda x: _stein_2(at.target.g, x, at.U, absolute=True), basis, at.p + 4))) * _stretch(at.U),
    )


def _stein_2(g, x, U, absolute=False):
    """f*(x) (x x^T - I), shape (nodes, d, d)."""
    f = oracles.monomials(g, x @ U.T, absolute=absolute)
    outer = x[:, :, None] * x[:, None, :]
    return f[:, None, None] * (np.abs(outer) + np.eye(x.shape[1]) if absolute else outer - np.eye(x.shape[1]))


def _stretch(U):
    """The condition number of U: what the projection multiplies a rounding error by."""
    return float(np.linalg.cond(U))


@asm_1_span.refutes("E[f*(x) x x^T] without the identity subtracted")
def _(at):
    P = np.linalg.pinv(at.U) @ at.U
    basis = oracles.orthonormal(at.U)
    return Instead(projected_second_stein=P @ oracles.gauss_hermite_mean(
        lambda x: oracles.monomials(at.target.g, x @ at.U.T)[:, None, None] * x[:, :, None] * x[:, None, :], basis, at.p + 2) @ P)


@asm_1_span.refutes("U^T U in place of Pi*")
def _(at):
    P = at.U.T @ at.U
    return Instead(projected_second_stein=P @ at.target.mean_hessian @ P)


def _with_hessian(rng, r, kind, d):
    """A quadratic target of prescribed eigenvalues, normalised: sum lambda_i He_2(u_i.x) / 2 has E f*^2 = |lambda|^2 / 2."""
    lam = {"equal": np.ones(r), "alternating": (-1.0) ** np.arange(r), "generic": rng.uniform(0.3, 1.5, r) * (-1.0) ** rng.integers(0, 2, r)}[kind]
    lam = lam * math.sqrt(2 / np.sum(lam**2))
    U = directions(rng, r, d, "orthonormal")
    g = {(0,) * r: float(-lam.sum() / 2)} | {tuple(2 * int(i == j) for j in range(r)): float(lam[i] / 2) for i in range(r)}
    return {"target": Target(g, U), "lam": lam}


hessians = family(_with_hessian, r=(1, 4), kind=["equal", "alternating", "generic"], d=(4, 6))


@DLS22.claim(
    "asm-2",
    where="section 2, Assumption 2 and below",
    printed_from=SLIDES_BJ,
    printed=r"\kappa := \frac{\|H^\dagger\|}{\sqrt{r}}",
    covers=["A.S3"],
    needs=["DLS22/asm-1-span"],
    given=hessians,
    tol=ulps(lambda at: 64 * at.d),
)
def asm_2(at):
    """lambda_min(H)^-2 = r kappa^2 with lambda_min the smallest nonzero |eigenvalue|."""
    size = np.linalg.svd(np.linalg.pinv(at.target.mean_hessian, rcond=1e-10), compute_uv=False)[0]
    return Sides(
        kappa=at.r * at.target.kappa**2,
        pseudo_inverse=size**2,
        prescribed=np.min(np.abs(at.lam)) ** -2.0,
        scale=2 * np.min(np.abs(at.lam)) ** -3.0 * np.max(np.abs(at.lam)),
    )


@asm_2.refutes("kappa without the 1 / sqrt(r)")
def _(at):
    return Instead(kappa=at.r * (at.target.kappa * math.sqrt(at.r)) ** 2)


@asm_2.refutes("lambda_min the smallest eigenvalue, zeros of H included in the trace")
def _(at):
    return Instead(pseudo_inverse=(np.trace(at.target.mean_hessian @ at.target.mean_hessian) / at.d) ** -1.0)


@DLS22.claim(
    "asm-2-bound",
    where="section 2, below Assumption 2",
    printed_from=DERIVED,
    covers=["A.S3"],
    needs=["DLS22/asm-2", "DLS22/lemma-9"],
    given=hessians,
    tol=ulps(64),
)
def asm_2_bound(at):
    """kappa >= 1 / sqrt(2) where E f*^2 = 1, with equality where all r eigenvalues are +-sqrt(2/r)."""
    return AtMost(value=math.sqrt(1 / 2), bound=at.target.kappa)


@asm_2_bound.refutes("kappa >= 1")
def _(at):
    return Instead(value=1.0)


@asm_2_bound.refutes("f* not normalised: E f*^2 = 4")
def _(at):
    return Instead(bound=Target({k: 2 * c for k, c in at.target.g.items()}, at.target.U).kappa)


# ---- the network and its start

@DLS22.claim(
    "network",
    where="section 2, network",
    printed_from=SLIDES_CS,
    printed=r"f_{\theta}(x) = a^T \sigma(Wx + b) = \sum_{j=1}^m a_j (w_j x + b_j)",
    covers=["A.S4", "ERR-S2"],
    given=networks(m=(2, 6)),
    tol=ulps(lambda at: at.d + at.m + 8),
    erratum="sigma is missing under the sum: sum_j a_j sigma(w_j.x + b_j)",
)
def network(at):
    """f_theta(x) = a^T sigma(Wx + b) = sum_j a_j sigma(w_j.x + b_j)."""
    net = _shifted(at)
    return Sides(matrix_form=net.predict(at.X), neuron_by_neuron=_sum(at, net, lambda z: max(z, 0.0)), scale=_absolute(at, net))


def _shifted(at):
    """The mirrored network with its mirror broken, so that its output is not zero."""
    return Network(at.net.a * np.linspace(1, 2, at.net.m), at.net.W, np.linspace(-0.5, 1, at.net.m))


def _sum(at, net, sigma):
    return np.array([sum(a * sigma(w @ x + b) for a, w, b in zip(net.a, net.W, net.b, strict=True)) for x in at.X])


def _absolute(at, net):
    return (np.abs(at.X) @ np.abs(net.W).T + np.abs(net.b)) @ np.abs(net.a)


@network.as_printed
def _(at):
    return Instead(neuron_by_neuron=_sum(at, _shifted(at), lambda z: z))


@network.refutes("|z| for relu(z)")
def _(at):
    return Instead(neuron_by_neuron=_sum(at, _shifted(at), abs))


@network.refutes("bias outside the activation")
def _(at):
    net = _shifted(at)
    return Instead(neuron_by_neuron=_sum(at, Network(net.a, net.W, 0 * net.b), lambda z: max(z, 0.0)) + net.a @ net.b)


@DLS22.claim(
    "network-size",
    where="section 2, network",
    printed_from=SLIDES_CS,
    printed=r"a \in \mathbb{R}^m, W \in \mathbb{R}^{m \times d}, b \in \mathbb{R}^d",
    covers=["A.S4", "ERR-S2"],
    given=networks(m=(2, 6)),
    erratum="b has one entry a neuron, b in R^m",
)
def network_size(at):
    """theta = (a, W, b) has m (d + 2) entries: one bias a neuron."""
    gradients = at.net.gradients(at.X, at.y, ell.SQUARE)
    return Sides(counted=sum(part.size for part in gradients), formula=at.net.m * (at.d + 2))


@network_size.as_printed
def _(at):
    return Instead(formula=at.net.m + at.net.m * at.d + at.d)


@network_size.refutes("no biases")
def _(at):
    return Instead(formula=at.net.m * (at.d + 1))


@network_size.refutes("one bias for the whole network")
def _(at):
    return Instead(formula=at.net.m * (at.d + 1) + 1)


@DLS22.claim(
    "init-gaussian",
    where="section 2, remark on small random initialisation",
    printed_from=DERIVED,
    covers=["A.S5"],
    given=networks(m=(2, 4)),
    tol=ulps(lambda at: at.d + at.m + 16),
)
def init_gaussian(at):
    """ReLU is 1-homogeneous: deviations (s sigma_a, t sigma_w, t sigma_b) at the same draw multiply f_theta by s t."""
    small = gaussian(at.m, at.d, rng=at.rng_seed, sigma_a=1.0, sigma_w=1.0, sigma_b=1.0)
    large = gaussian(at.m, at.d, rng=at.rng_seed, sigma_a=3.0, sigma_w=7.0, sigma_b=7.0)
    return Sides(large_deviations=large.predict(at.X), homogeneity=21 * _sum(at, small, lambda z: max(z, 0.0)), scale=_absolute(at, large))


@init_gaussian.refutes("variances for standard deviations")
def _(at):
    root = gaussian(at.m, at.d, rng=at.rng_seed, sigma_a=math.sqrt(3), sigma_w=math.sqrt(7), sigma_b=math.sqrt(7))
    return Instead(large_deviations=root.predict(at.X))


@init_gaussian.refutes("biases not scaled")
def _(at):
    return Instead(large_deviations=gaussian(at.m, at.d, rng=at.rng_seed, sigma_a=3.0, sigma_w=7.0, sigma_b=1.0).predict(at.X))


def _halves(net, X):
    """The output of neurons 1..m/2, and minus that of the others."""
    S = net.a * np.maximum(X @ net.W.T + net.b, 0)
    return S[:, : net.m // 2].sum(axis=1), -S[:, net.m // 2:].sum(axis=1)


def _literal(at, sign):
    """The printed pairing j <-> m - j for j = 1..m/2, on independent draws: j = m/2 meets itself and j = m is left alone."""
    rng, m = np.random.default_rng(at.rng_seed), at.net.m
    a, W = 2.0 * rng.integers(0, 2, m) - 1, rng.standard_normal((m, at.d))
    for j in range(1, m // 2 + 1):
        if m - j != j:
            a[j - 1], W[j - 1] = sign * a[m - j - 1], W[m - j - 1]
    return Network(a, W, np.zeros(m))


@DLS22.claim(
    "eq-init",
    where="section 2, initialisation",
    printed_from=SLIDES_BJ,
    printed=r"a_j = -a_{m-j}, \quad w_j = w_{m-j} \quad \text{and} \quad b_j = b_{m-j} \quad \forall j \in [m/2]",
    covers=["A.S5", "ERR-A3"],
    given=networks(),
    tol=ulps(lambda at: at.d + at.m + 8),
    erratum="the mirror of j is m + 1 - j; with m - j neuron m/2 is its own partner and neuron m has none",
)
def eq_init(at):
    """a_j = -a_{m+1-j}, w_j = w_{m+1-j}, b_j = b_{m+1-j} gives f_theta = 0: the first half of the sum is minus the second."""
    first, second = _halves(at.net, at.X)
    return Sides(first_half=first, minus_second_half=second, with_network=first - at.net.predict(at.X), scale=_absolute(at, at.net))


@eq_init.as_printed
def _(at):
    net = _literal(at, -1)
    first, second = _halves(net, at.X)
    return Sides(first_half=first, minus_second_half=second, scale=_absolute(at, net))


@eq_init.refutes("signs of a drawn independently")
def _(at):
    net = Network(np.abs(at.net.a), at.net.W, at.net.b)
    return Instead(minus_second_half=_halves(net, at.X)[1], with_network=_halves(net, at.X)[1])


@eq_init.refutes("weights mirrored by sign, w_j = -w_{m+1-j}")
def _(at):
    half = at.net.m // 2
    net = Network(at.net.a, np.concatenate([at.net.W[:half], -at.net.W[half:]]), at.net.b)
    return Instead(minus_second_half=_halves(net, at.X)[1])


@DLS22.claim(
    "eq-init-sign",
    where="section 2, initialisation",
    printed_from=SLIDES_CS,
    printed=r"a_j = a_{m-j}, w_j = w_{m-j} \text{ and } b_j = b_{m-j} \forall j \in [m/2]",
    covers=["A.S5", "ERR-S1"],
    needs=["DLS22/eq-init"],
    given=networks(),
    tol=ulps(lambda at: at.d + at.m + 8),
    erratum="the minus of a_j = -a_{m+1-j} is lost (and the index is that of eq-init): the halves double instead of cancelling",
)
def eq_init_sign(at):
    """The output weights of a pair are opposite: sum_j a_j sigma(w_j.x) of the first half is minus that of the second."""
    first, second = _halves(at.net, at.X)
    return Sides(first_half=first, minus_second_half=second, scale=_absolute(at, at.net))


@eq_init_sign.as_printed
def _(at):
    net = _literal(at, 1)
    first, second = _halves(net, at.X)
    return Sides(first_half=first, minus_second_half=second, scale=_absolute(at, net))


@eq_init_sign.refutes("the index repaired, the minus still lost")
def _(at):
    half = at.net.m // 2
    net = Network(np.concatenate([at.net.a[:half], -at.net.a[half:]]), at.net.W, at.net.b)
    return Instead(minus_second_half=_halves(net, at.X)[1])


@eq_init_sign.refutes("a_j of modulus 1/2 in the second half")
def _(at):
    return Instead(minus_second_half=_halves(at.net, at.X)[1] / 2)


# ---- losses, and what "high probability" adds up to

@DLS22.claim(
    "loss-square",
    where="section 2, losses",
    printed_from=RESTATED,
    covers=["A.S6"],
    given=networks(),
    tol=ulps(lambda at: at.n + 8),
)
def loss_square(at):
    """L = (1/n) sum_i (f_i - y_i)^2: a mean, without 1/2."""
    f = at.X[:, 0].copy()
    exact = [(Fraction(p) - Fraction(q)) ** 2 for p, q in zip(f.tolist(), at.y.tolist(), strict=True)]
    return Sides(loss=ell.SQUARE.value(f, at.y), rational_mean=float(sum(exact) / at.n), scale=np.mean((np.abs(f) + np.abs(at.y)) ** 2))


@loss_square.refutes("the 1/2 of another convention")
def _(at):
    return Instead(loss=np.mean((at.X[:, 0] - at.y) ** 2) / 2)


@loss_square.refutes("a sum, not a mean")
def _(at):
    return Instead(loss=np.sum((at.X[:, 0] - at.y) ** 2))


@DLS22.claim(
    "loss-l1",
    where="section 3, Theorem 1 (excess loss)",
    printed_from=SLIDES_BJ,
    covers=["A.S6"],
    needs=["DLS22/asm-noise"],
    given=multi_index(p=(0, 3), r=(1, 2), varsigma=[0.25, 2.0]),
    tol=ulps(16),
)
def loss_l1(at):
    """E|f*(x) - y| = varsigma: the excess loss of f* itself is zero, on every sample."""
    X, y = at.target.sample(5, rng=at.seed, varsigma=at.varsigma)
    f = at.target.value(X)
    return Sides(absolute_loss=ell.ABSOLUTE.value(f, y), varsigma=at.varsigma, scale=at.varsigma + float(np.mean(np.abs(f) + np.abs(y))))


@loss_l1.refutes("varsigma^2, the square loss of f*, for an L1 loss")
def _(at):
    return Instead(varsigma=at.varsigma**2)


@loss_l1.refutes("the root of the sum instead of the mean")
def _(at):
    X, y = at.target.sample(5, rng=at.seed, varsigma=at.varsigma)
    return Instead(absolute_loss=math.sqrt(5) * ell.ABSOLUTE.value(at.target.value(X), y))


def _predictions(rng, loss):
    """Predictions away from the kinks, and labels: signs where the loss wants them; dyadic, so that a small step is exact."""
    y = (2.0 * rng.integers(0, 2, 6) - 1) if loss.signs else rng.integers(-64, 64, 6) / 32
    return {"f": y + rng.integers(5, 64, 6) / 32 * (-1.0) ** rng.integers(0, 2, 6), "y": y}


def _analytic(loss):
    """Each loss away from its kinks, for complex f."""
    return {
        "square": lambda f, y: (f - y) ** 2,
        "absolute": lambda f, y: (f - y) * (1 if f.real > y else -1),
        "hinge": lambda f, y: (1 - y * f) * (1 if y * f.real < 1 else 0),
        "logistic": lambda f, y: np.log(1 + np.exp(-y * f)),
    }[loss.name]


class _Named:
    """A loss that prints as its name, so that a witness reads well."""

    def __init__(self, loss):
        self.loss = loss

    def __repr__(self):
        return self.loss.name


LOSSES = [_Named(loss) for loss in (ell.SQUARE, ell.ABSOLUTE, ell.HINGE, ell.LOGISTIC)]


@DLS22.claim(
    "losses",
    where="section 2, losses (square, absolute); the hinge and logistic losses of the companion papers",
    printed_from=DERIVED,
    covers=["A.S6"],
    given=family(lambda rng, which: _predictions(rng, which.loss), which=LOSSES),
    tol=ulps(32),
)
def losses(at):
    """d ell / d f of the square, absolute, hinge and logistic losses is the complex-step derivative, away from kinks."""
    loss = _analytic(at.which.loss)
    return Sides(
        derivative=at.which.loss.derivative(at.f, at.y),
        complex_step=np.array([(loss(f + 1e-200j, y)).imag * 1e200 for f, y in zip(at.f, at.y, strict=True)]),
        scale=1 + 2 * (np.abs(at.f) + np.abs(at.y)),
    )


@losses.refutes("the square loss with 1/2")
def _(at):
    return Instead(derivative=at.which.loss.derivative(at.f, at.y) * (0.5 if at.which.loss is ell.SQUARE else 1))


@losses.refutes("the label's sign lost in the hinge and logistic losses")
def _(at):
    return Instead(derivative=at.which.loss.derivative(at.f, at.y) * (at.y if at.which.loss.signs else 1))


@losses.refutes("divided by n")
def _(at):
    return Instead(derivative=at.which.loss.derivative(at.f, at.y) / len(at.f))


@DLS22.claim(
    "iota",
    where="section 2, notation of high probability",
    printed_from=RESTATED,
    covers=["A.S7"],
    given=family(n=[2, 10, 1000], m=[2, 8, 100], d=[1, 3, 50], C=[1, 2, 3]),
    tol=ulps(lambda at: 16),
)
def iota(at):
    """With iota = C log(nmd), nmd events of probability e^-iota each fail together with probability at most (nmd)^(1-C)."""
    N = at.n * at.m * at.d
    return Sides(
        union_bound=N * math.exp(-at.C * math.log(N)),
        power=Fraction(1, N ** (at.C - 1)),
        scale=float(N) ** (1 - at.C) * (1 + at.C * math.log(N)),
    )


@iota.refutes("iota = C log(nd), without the width")
def _(at):
    return Instead(union_bound=at.n * at.m * at.d * math.exp(-at.C * math.log(at.n * at.d)))


@iota.refutes("each event fails with probability e^(-iota/2)")
def _(at):
    N = at.n * at.m * at.d
    return Instead(union_bound=N * math.exp(-at.C * math.log(N) / 2))


# ---- the first step of Algorithm 1

@DLS22.claim(
    "alg-1-preprocess",
    where="section 3, Algorithm 1, line 1",
    printed_from=SLIDES_BJ,
    printed=r"\alpha \leftarrow \frac{1}{n} \sum_{i=1}^n y_i, \beta \leftarrow \frac{1}{n} \sum_{i=1}^n y_i x_i; \quad y_i \leftarrow y_i - \alpha - \beta \cdot x_i",
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
        scale=_quadrature(at, at.target.g, absolute=True),
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
    """W - eta_1 (grad_W L + lambda_1 W)."""
    return net.W - ETA * (net.gradients(X, y, ell.SQUARE).dW + lam * net.W)


def _g_n(at, w):
    """(1/n) sum_i y_i x_i 1{w.x_i >= 0}, one sample at a time."""
    total = np.zeros(at.d)
    for x, y in zip(at.X, at.y, strict=True):
        if w @ x >= 0:
            total += y * x
    return total / at.n


def _step_scale(at, W):
    """The absolute terms: labels and outputs through the gradient, and W that is added and removed."""
    residual = np.abs(at.y) + (np.abs(at.X) @ np.abs(W).T).sum(axis=1)
    return 2 * ETA * np.broadcast_to(residual @ np.abs(at.X) / at.n, W.shape) + 2 * np.abs(W)


@DLS22.claim(
    "alg-1-step",
    where="section 3, Algorithm 1, line 2",
    printed_from=SLIDES_BJ,
    printed=r"W^{(1)} \leftarrow W^{(0)} - \eta_1 [\nabla_W \mathcal{L}(\theta) + \lambda_1 W]",
    covers=["A.Alg1.a"],
    needs=["DLS22/eq-init", "DLS22/loss-square"],
    given=networks(),
    tol=ulps(lambda at: at.n + at.m + at.d + 16),
)
def alg_1_step(at):
    """With lambda_1 = 1/eta_1 the first step forgets W: w_j^(1) = 2 eta_1 a_j g_n(w_j), g_n(w) = (1/n) sum_i y_i x_i sigma'(w.x_i)."""
    return Sides(
        algorithm=_step(at.net, at.X, at.y, 1 / ETA),
        features=np.array([2 * ETA * a * _g_n(at, w) for a, w in zip(at.net.a, at.net.W, strict=True)]),
        scale=_step_scale(at, at.net.W),
    )


@alg_1_step.refutes("factor 2 lost, as for a loss with 1/2")
def _(at):
    return Instead(features=np.array([ETA * a * _g_n(at, w) for a, w in zip(at.net.a, at.net.W, strict=True)]))


@alg_1_step.refutes("sign lost: w = -2 eta a g_n")
def _(at):
    return Instead(features=np.array([-2 * ETA * a * _g_n(at, w) for a, w in zip(at.net.a, at.net.W, strict=True)]))


@alg_1_step.refutes("sigma(z) for sigma'(z)")
def _(at):
    S = np.maximum(at.X @ at.net.W.T, 0)
    return Instead(features=2 * ETA * at.net.a[:, None] * ((S * at.y[:, None]).T @ at.X) / at.n)


@DLS22.claim(
    "alg-1-scale",
    where="section 3, below Algorithm 1",
    printed_from=RESTATED,
    covers=["A.Alg1.b"],
    needs=["DLS22/alg-1-step"],
    given=networks(factor=[10.0, 0.125, 1e3]),
    tol=ulps(lambda at: at.n + at.m + at.d + 16),
)
def alg_1_scale(at):
    """sigma' is 0-homogeneous: W^(1) does not change when a pair of mirrored rows is stretched."""
    return Sides(
        stretched=_step(_stretched(at, both=True), at.X, at.y, 1 / ETA),
        features=np.array([2 * ETA * a * _g_n(at, w) for a, w in zip(at.net.a, at.net.W, strict=True)]),
        scale=_step_scale(at, (1 + at.factor) * at.net.W),
    )


def _stretched(at, both):
    W = at.net.W.copy()
    W[0] *= at.factor
    if both:
        W[-1] *= at.factor
    return Network(at.net.a, W, at.net.b)


@alg_1_scale.refutes("no forgetting: lambda_1 = 0")
def _(at):
    return Instead(stretched=_step(_stretched(at, both=True), at.X, at.y, 0.0))


@alg_1_scale.refutes("one row stretched without its mirror image, so that f_theta is not zero")
def _(at):
    return Instead(stretched=_step(_stretched(at, both=False), at.X, at.y, 1 / ETA))


# ---- the targets of section 6

def _g_squared_mean(g, p):
    """E g(z)^2 for a polynomial g of degree p in one variable, by Gauss-Hermite."""
    return float(oracles.gauss_hermite_mean(lambda x: g(x[:, 0]) ** 2, np.eye(1), 2 * p))


directions_1 = {"p": (3, 8), "d": (1, 4)}


def _direction(rng, p, d):
    return {"u": unit(rng.standard_normal(d))}


@DLS22.claim(
    "sec-6-target",
    where="section 6, sample complexity",
    printed_from=SLIDES_CS,
    printed=r"g(x) = \frac{H_{e_2}(x)}{2} + \frac{H_{e_p}(x)}{\sqrt{2p!}}",
    covers=["ERR-S5"],
    needs=["DLS22/lemma-9"],
    given=family(_direction, **directions_1),
    tol=ulps(lambda at: 64 * at.p),
    erratum="the root is of 2 times p!, not of (2p)!: He_2 / 2 + He_p / sqrt(2 p!) has E f*^2 = 1",
)
def sec_6_target(at):
    """f*(x) = He_2(u.x) / 2 + He_p(u.x) / sqrt(2 p!) has E f*^2 = 1 for p >= 3."""
    c = [0.0, 0.0, 1.0, *[0.0] * (at.p - 3), math.factorial(at.p) / math.sqrt(2 * math.factorial(at.p))]
    return Sides(target=single_index(c, at.u).second_moment, gauss_hermite=_g_squared_mean(_g(at.p, 2 * math.factorial(at.p)), at.p),
                 claimed=1.0, scale=_hermite_size(at.p))


def _g(p, under_the_root):
    return lambda z: He(2, z) / 2 + He(p, z) / math.sqrt(under_the_root)


def _hermite_size(p):
    """E of the squared absolute terms of He_p / sqrt(p!): what a monomial form loses to cancellation."""
    terms = [math.comb(p, l) * math.prod(range(p - l - 1, 1, -2)) for l in range(p % 2, p + 1, 2)]
    return sum(s * t * math.prod(range(l + k - 1, 1, -2)) for l, s in zip(range(p % 2, p + 1, 2), terms, strict=True)
               for k, t in zip(range(p % 2, p + 1, 2), terms, strict=True)) / math.factorial(p) + 4.0


@sec_6_target.as_printed
def _(at):
    c = [0.0, 0.0, 1.0, *[0.0] * (at.p - 3), math.factorial(at.p) / math.sqrt(math.factorial(2 * at.p))]
    return Instead(target=single_index(c, at.u).second_moment, gauss_hermite=_g_squared_mean(_g(at.p, math.factorial(2 * at.p)), at.p))


@sec_6_target.refutes("He_2 / sqrt(2): the whole weight on the quadratic part")
def _(at):
    return Instead(gauss_hermite=_g_squared_mean(lambda z: He(2, z) / math.sqrt(2) + He(at.p, z) / math.sqrt(2 * math.factorial(at.p)), at.p))


@sec_6_target.refutes("sqrt(p!) for sqrt(2 p!)")
def _(at):
    return Instead(gauss_hermite=_g_squared_mean(_g(at.p, math.factorial(at.p)), at.p))


@DLS22.claim(
    "sec-6-transfer",
    where="section 6, transfer learning",
    printed_from=SLIDES_CS,
    printed=r"g_{target} = \frac{H_p(x)}{\sqrt{p!}}",
    covers=["ERR-S6"],
    given=family(_direction, **directions_1),
    tol=ulps(lambda at: 64 * at.p),
    erratum="H_p must be the probabilists' He_p; the physicists' H_3 / sqrt(6) has E = 88",
)
def sec_6_transfer(at):
    """He_p(u.x) / sqrt(p!) has E = 1 with the probabilists' He_p."""
    c = [0.0] * at.p + [math.sqrt(math.factorial(at.p))]
    return Sides(target=single_index(c, at.u).second_moment,
                 gauss_hermite=_g_squared_mean(lambda z: He(at.p, z) / math.sqrt(math.factorial(at.p)), at.p),
                 claimed=1.0, scale=_hermite_size(at.p))


def _physicists(p, z):
    """H_{k+1} = 2 z H_k - 2 k H_{k-1}."""
    here, before = np.ones_like(z), np.zeros_like(z)
    for k in range(p):
        here, before = 2 * z * here - 2 * k * before, here
    return here


@sec_6_transfer.as_printed
def _(at):
    return Instead(gauss_hermite=_g_squared_mean(lambda z: _physicists(at.p, z) / math.sqrt(math.factorial(at.p)), at.p))


@sec_6_transfer.refutes("physicists' polynomials of unit leading coefficient")
def _(at):
    return Instead(gauss_hermite=_g_squared_mean(lambda z: _physicists(at.p, z) / 2**at.p / math.sqrt(math.factorial(at.p)), at.p))


@sec_6_transfer.refutes("divided by p! instead of its root")
def _(at):
    return Instead(gauss_hermite=_g_squared_mean(lambda z: He(at.p, z) / math.factorial(at.p), at.p))
