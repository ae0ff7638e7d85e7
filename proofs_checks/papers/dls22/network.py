"""Section 2: the network, its start and its losses.

network  network-size                                               the network
init-gaussian  init-law  init-gaussian-law  eq-init  eq-init-sign   its start
loss-square  loss-l1  losses                            the losses
"""

import math
from fractions import Fraction

import numpy as np
from mpmath import mp

from proofs_checks import Instead, Sampled, Sides, ulps
from proofs_checks.instances import family, mirrored_networks, multi_index, networks
from proofs_checks.papers.dls22 import DERIVED, DLS22, RESTATED, SLIDES_BJ, SLIDES_CS
from proofs_checks.papers.dls22.routes import largest_term, target_value
from refimpl import losses as ell
from refimpl.initial import gaussian, symmetric
from refimpl.network import Network

# ---- the network and its start

def _free_network(rng, m, d, n):
    """The first neuron is off at the first sample, so that the smallest instance tells relu(z) from z."""
    a, W, b, X = rng.standard_normal(m), rng.standard_normal((m, d)), rng.standard_normal(m), rng.standard_normal((n, d))
    b[0] = -1 - W[0] @ X[0]
    return {"net": Network(a, W, b), "X": X}


free_networks = family(_free_network, m=(1, 6), d=(1, 5), n=(1, 6))


@DLS22.claim(
    "network",
    where="section 2, network",
    printed_from=SLIDES_CS,
    printed=r"f_{\theta}(x) = a^T \sigma(Wx + b) = \sum_{j=1}^m a_j (w_j x + b_j)",
    covers=["A.S4", "ERR-S2"],
    given=free_networks,
    tol=ulps(lambda at: at.d + at.m + 8),
    erratum="sigma is missing under the sum: sum_j a_j sigma(w_j.x + b_j)",
)
def network(at):
    """f_theta(x) = a^T sigma(Wx + b) = sum_j a_j sigma(w_j.x + b_j)."""
    return Sides(matrix_form=at.net.predict(at.X), neuron_by_neuron=_sum(at, at.net, lambda z: max(z, 0.0)), scale=_absolute(at, at.net))


def _sum(at, net, sigma):
    return np.array([sum(a * sigma(w @ x + b) for a, w, b in zip(net.a, net.W, net.b, strict=True)) for x in at.X])


def _absolute(at, net):
    return (np.abs(at.X) @ np.abs(net.W).T + np.abs(net.b)) @ np.abs(net.a)


@network.as_printed
def _(at):
    return Instead(neuron_by_neuron=_sum(at, at.net, lambda z: z))


@network.refutes("|z| for relu(z)")
def _(at):
    return Instead(neuron_by_neuron=_sum(at, at.net, abs))


@network.refutes("bias outside the activation")
def _(at):
    net = at.net
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
    return Sides(counted=sum(part.size for part in (at.net.a, at.net.W, at.net.b)), formula=at.net.m * (at.d + 2))


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
    large = gaussian(at.m, at.d, rng=at.rng_seed, sigma_a=3.0, sigma_w=7.0, sigma_b=7.0)
    return Sides(large_deviations=large.predict(at.X), homogeneity=21 * _sum(at, _drawn(at), lambda z: max(z, 0.0)), scale=_absolute(at, large))


def _drawn(at):
    """The standard normal draws themselves, in the order a, W, b."""
    rng = np.random.default_rng(at.rng_seed)
    return Network(rng.standard_normal(at.m), rng.standard_normal((at.m, at.d)), rng.standard_normal(at.m))


@init_gaussian.refutes("variances for standard deviations")
def _(at):
    root = gaussian(at.m, at.d, rng=at.rng_seed, sigma_a=math.sqrt(3), sigma_w=math.sqrt(7), sigma_b=math.sqrt(7))
    return Instead(large_deviations=root.predict(at.X))


@init_gaussian.refutes("biases not scaled")
def _(at):
    return Instead(large_deviations=gaussian(at.m, at.d, rng=at.rng_seed, sigma_a=3.0, sigma_w=7.0, sigma_b=1.0).predict(at.X))


N_COMPONENTS = 3                                          # dimension in which the laws of the start are sampled


def _moments(a, W, b):
    """One row a neuron: a, a^2, a^4; the products w_i w_j, i <= j; b and b^2."""
    pairs = [W[:, i] * W[:, j] for i in range(N_COMPONENTS) for j in range(i, N_COMPONENTS)]
    return np.column_stack([a, a**2, a**4, W, *pairs, b, b**2])


def _of_pairs(diagonal, off):
    return [diagonal if i == j else off for i in range(N_COMPONENTS) for j in range(i, N_COMPONENTS)]


@DLS22.claim(
    "init-law",
    where="section 2, initialisation",
    printed_from=SLIDES_BJ,
    printed=r"a_j \sim \{-1, 1\}, \quad w_j \sim N\left(0, \frac{1}{d} I_d\right) \quad \text{and} \quad b_j = 0",
    covers=["A.S5"],
    given=family(d=[N_COMPONENTS]),
    false_alarm=1e-8,
)
def init_law(at):
    """|a_j| = 1 with mean 0, E w_j = 0, E w_j w_j^T = I_d / d, b_j = 0: sqrt(d) w_j has unit covariance."""
    return Sampled(draw=lambda rng, n: _first_half(symmetric(2 * n, at.d, rng=rng)), discrepancy=0.1,
                   truth=[0, 1, 1, 0, 0, 0, *_of_pairs(1, 0), 0, 0], variance=[1, 0, 0, 1, 1, 1, *_of_pairs(2, 1), 0, 0])


def _first_half(net):
    n = net.m // 2
    return _moments(net.a[:n], math.sqrt(net.d) * net.W[:n], net.b[:n])


@init_law.refutes("w_j ~ N(0, I_d)")
def _(at):
    return Instead(truth=[0, 1, 1, 0, 0, 0, *_of_pairs(at.d, 0), 0, 0])


@init_law.refutes("a_j ~ N(0, 1)")
def _(at):
    return Instead(truth=[0, 1, 3, 0, 0, 0, *_of_pairs(1, 0), 0, 0])


@init_law.refutes("b_j ~ N(0, 1) before the first step")
def _(at):
    return Instead(truth=[0, 1, 1, 0, 0, 0, *_of_pairs(1, 0), 0, 1])


@DLS22.claim(
    "init-gaussian-law",
    where="section 2, remark on small random initialisation",
    printed_from=DERIVED,
    covers=["A.S5"],
    needs=["DLS22/init-gaussian"],
    given=family(d=[N_COMPONENTS]),
    false_alarm=1e-8,
)
def init_gaussian_law(at):
    """a_j / sigma_a, w_j / sigma_w and b_j / sigma_b are standard normal: second moments 1, E a^4 = 3, no correlation."""
    def draw(rng, n):
        net = gaussian(n, at.d, rng=rng, sigma_a=2.0, sigma_w=0.5, sigma_b=3.0)
        return _moments(net.a / 2, net.W / 0.5, net.b / 3)

    return Sampled(draw=draw, discrepancy=0.2, truth=[0, 1, 3, 0, 0, 0, *_of_pairs(1, 0), 0, 1],
                   variance=[1, 2, 96, 1, 1, 1, *_of_pairs(2, 1), 1, 2])


@init_gaussian_law.refutes("variances for standard deviations")
def _(at):
    return Instead(truth=[0, 0.5, 0.75, 0, 0, 0, *_of_pairs(2, 0), 0, 1 / 3])


@init_gaussian_law.refutes("weights divided by sqrt(d)")
def _(at):
    return Instead(truth=[0, 1, 3, 0, 0, 0, *_of_pairs(1 / at.d, 0), 0, 1])


@DLS22.claim(
    "init-symmetric",
    where="section 2, initialisation",
    printed_from=RESTATED,
    covers=["A.S5"],
    needs=["DLS22/eq-init"],
    given=networks(),
    tol=ulps(4),
)
def init_symmetric(at):
    """a_j = +-1, w_j = z_j / sqrt(d) with z_j standard normal, b_j = 0: the draws of the first half, and their mirror images."""
    net = symmetric(len(at.net.a), at.d, rng=at.rng_seed)
    signs, z = _half_draws(at)
    drawn = np.concatenate([signs, -signs[::-1], *(z / math.sqrt(at.d)), *(z[::-1] / math.sqrt(at.d)), np.zeros(len(at.net.a))])
    return Sides(network=np.concatenate([net.a, net.W.ravel(), net.b]), draws=drawn, scale=np.abs(drawn) + 1)


def _half_draws(at):
    rng, half = np.random.default_rng(at.rng_seed), len(at.net.a) // 2
    return np.where(rng.integers(0, 2, half) > 0, 1.0, -1.0), rng.standard_normal((half, at.d))


@init_symmetric.refutes("w_j ~ N(0, I), not N(0, I / d)")
def _(at):
    return Instead(network=np.concatenate([at.net.a, math.sqrt(at.d) * at.net.W.ravel(), at.net.b]))


@init_symmetric.refutes("a_j normal, not +-1")
def _(at):
    a = np.random.default_rng(at.rng_seed).standard_normal(len(at.net.a))
    return Instead(network=np.concatenate([a, at.net.W.ravel(), at.net.b]))


def _halves(net, X):
    """The output of neurons 1..m/2 as the network that they are, and minus that of the others, neuron by neuron."""
    half = len(net.a) // 2
    first = Network(net.a[:half], net.W[:half], net.b[:half]).predict(X)
    others = zip(net.a[half:], net.W[half:], net.b[half:], strict=True)
    return first, sum(-a * np.array([max(w @ x + b, 0.0) for x in X]) for a, w, b in others)


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
    given=mirrored_networks(),
    tol=ulps(lambda at: at.d + at.m + 8),
    erratum="the mirror of j is m + 1 - j; with m - j neuron m/2 is its own partner and neuron m has none",
)
def eq_init(at):
    """a_j = -a_{m+1-j}, w_j = w_{m+1-j}, b_j = b_{m+1-j} gives f_theta = 0: the first half of the sum is minus the second."""
    first, second = _halves(at.net, at.X)
    return Sides(first_half=first, minus_second_half=second, with_network=at.net.predict(at.X) + first, scale=_absolute(at, at.net))


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
    given=mirrored_networks(),
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
    given=multi_index(p=(0, 3), r=(1, 2), missing=0.5, varsigma=[0.25, 2.0]),
    tol=ulps(lambda at: 8 * (at.p + at.d) + 8),
)
def loss_l1(at):
    """E|f*(x) - y| = varsigma: the excess loss of f* itself is zero, on every sample."""
    y = np.add(target_value(at)(at.X), np.copysign(at.varsigma, SIGNS))
    return Sides(absolute_loss=ell.ABSOLUTE.value(at.target.value(at.X), y), varsigma=at.varsigma, scale=at.varsigma + largest_term(at, at.X))


SIGNS = np.array([1.0, -1.0, -1.0, 1.0])


@loss_l1.refutes("varsigma^2, the square loss of f*, for an L1 loss")
def _(at):
    return Instead(varsigma=at.varsigma**2)


@loss_l1.refutes("the root of the sum instead of the mean")
def _(at):
    return Instead(absolute_loss=math.sqrt(len(SIGNS)) * at.varsigma)


LOSSES = {loss.name: loss for loss in (ell.SQUARE, ell.ABSOLUTE, ell.HINGE, ell.LOGISTIC)}
COUNTED = {                                        # eps of ell and d ell / d f: those of the docstring, and 1 for rounding mpmath's number
    "square": (2 + 1, 1 + 1),
    "absolute": (1 + 1, 0),
    "hinge": (1 + 1, 0),
    "logistic": (3 + 1, 3 + 1),
}
NORMAL = 2.0**-1022                                # below, floats lose relative accuracy: the last unit is eps of this


def _predictions(rng, name, size):
    """Predictions at this distance from the labels, signs where the loss wants them. The first f = y stands on the kinks."""
    y = 2.0 * rng.integers(0, 2, 6) - 1 if LOSSES[name].signs else rng.uniform(-2, 2, 6)
    return {"f": y + size * rng.uniform(0.2, 2, 6) * (-1.0) ** rng.integers(0, 2, 6) * (np.arange(6) > 0), "y": y}


@DLS22.claim(
    "losses",
    where="section 2, losses (square, absolute); the hinge and logistic losses of the companion papers",
    printed_from=DERIVED,
    covers=["A.S6"],
    given=family(_predictions, name=list(LOSSES), size=[1, 30, 400]),
    tol=ulps(1),
)
def losses(at):
    """Square, absolute, hinge and logistic loss, their mean, and d ell / d f by the complex step away from kinks; exp and log1p within 1 ulp."""
    expected = _at_40_digits(at)
    return Sides(
        library=_with_slope(at, LOSSES[at.name].derivative(at.f, at.y)),
        complex_step=expected,
        scale=_counted(at) * (np.abs(expected) + NORMAL),
    )


def _with_slope(at, slope):
    """The loss of each sample, as a mean of one; the mean of all; d ell / d f."""
    loss, n = LOSSES[at.name], len(at.f)
    return [*(loss.value(f, y) for f, y in zip(np.split(at.f, n), np.split(at.y, n), strict=True)), loss.value(at.f, at.y), *slope]


def _counted(at):
    """Half an eps more for each of the n - 1 sums of the mean, and for its quotient."""
    n, (value, slope) = len(at.f), COUNTED[at.name]
    return np.array([*[value] * n, value + n / 2, *[slope] * n])


def _at_40_digits(at, **wrong):
    """ell of each sample, their mean, d ell / d f; at a kink the branch of the convention: slope 0 of |f - y|, the active branch of the hinge."""
    loss = {
        "square": lambda f, y: (f - y) ** 2,
        "absolute": lambda f, y: (f - y) * mp.sign(f.real - y),
        "hinge": lambda f, y: (1 - y * f) * int(y * f.real <= 1),
        "logistic": lambda f, y: mp.log1p(mp.exp(-y * f)),
    } | wrong
    with mp.workdps(40):
        stepped = [loss[at.name](mp.mpc(f, mp.ldexp(1, -600)), mp.mpf(y)) for f, y in zip(at.f.tolist(), at.y.tolist(), strict=True)]
        value = [z.real for z in stepped]
        return np.array([float(x) for x in (*value, sum(value) / len(value), *(mp.ldexp(z.imag, 600) for z in stepped))])


@losses.refutes("the square loss with 1/2")
def _(at):
    return Instead(complex_step=_at_40_digits(at, square=lambda f, y: (f - y) ** 2 / 2))


@losses.refutes("the label's sign lost in the logistic loss")
def _(at):
    return Instead(complex_step=_at_40_digits(at, logistic=lambda f, y: mp.log1p(mp.exp(-f))))


@losses.refutes("the hinge inactive at its kink")
def _(at):
    return Instead(complex_step=_at_40_digits(at, hinge=lambda f, y: (1 - y * f) * int(y * f.real < 1)))


@losses.refutes("the derivative divided by n")
def _(at):
    return Instead(library=_with_slope(at, LOSSES[at.name].derivative(at.f, at.y) / len(at.f)))


@losses.refutes("the logistic derivative as y (sigmoid(yf) - 1) in floating point, which cancels")
def _(at):
    with np.errstate(over="ignore"):
        slope = at.y * (1 / (1 + np.exp(-at.y * at.f)) - 1)
    return Instead(library=_with_slope(at, slope if at.name == "logistic" else LOSSES[at.name].derivative(at.f, at.y)))
