r"""The population risk of a trained ReLU network against a polynomial target, exactly: no test set, no sampling error.

f(x) = alpha + beta.x + sum_j a_j relu(w_j.x + b_j) and x ~ N(0, I_d). With |w_j| taken into a_j, unit rows and b_j / |w_j| for b_j,

    E (f - f*)^2 = sum_jk a_j a_k E[relu_j relu_k] + 2 sum_j a_j E[(alpha + beta.x - f*) relu_j] + E (alpha + beta.x - f*)^2,

where the pairs are those of :mod:`refimpl.pairs`, the second sum is a Hermite expansion and the last term a Gaussian moment.
A neuron whose kink lies farther than 40 |w_j| from the origin is linear or 0 in every bit of every moment, and counts as such; so do rows w_j = 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.polynomial.hermite_e import herme2poly
from numpy.polynomial.polynomial import polyval

from refimpl._twins import twin
from refimpl.activations import RELU
from refimpl.bivariate import FAR, _angles, _polar, moments
from refimpl.catoni import catoni_half_width, catoni_mean
from refimpl.data.targets import Target
from refimpl.errors import Array, DomainError, DtypeError, Shapes, count, finite, number
from refimpl.gaussian import Phi, half_line_hermite, half_line_mean, phi
from refimpl.network import Network
from refimpl.pairs import FAR_APART, FAR_SUM, _coefficients, _gram_by_series, _gram_of_far, _laws
from refimpl.population import half_space_moment
from refimpl.rng import Seed, generator, standard_normal

ROWS = 64                                              # neurons at a time beside all others
SAMPLES = 4096                                         # inputs at a time
ONE_FAR, BOTH_FAR = FAR_SUM / 2, (FAR_SUM + math.sqrt(FAR_APART)) / 2     # the lesser bias of a far pair lies below the one, both below the other
OPERATIONS = 200                                       # of NumPy, for half of a pair
EPS = 2.0**-52


class Risk(NamedTuple):
    """A risk, the terms that it is the sum of, and a bound of its rounding error: not small beside the value where the terms have cancelled."""

    value: float
    pairs: float       # E f_theta^2
    cross: float       # 2 E[f_theta (alpha + beta.x - f*)]
    line: float        # E (alpha + beta.x - f*)^2
    rounding: float

    @property
    def at_most(self) -> float:
        """An upper bound of the exact risk."""
        return max(self.value, 0.0) + self.rounding


class RiskGradient(NamedTuple):
    """The gradient of a risk in a (m,), W (m, d), b (m,), alpha and beta (d,)."""

    da: Array
    dW: Array
    db: Array
    dalpha: float
    dbeta: Array


class Interval(NamedTuple):
    """An estimate, and how far it may be from the truth."""

    estimate: float
    half_width: float


# ---- E (f - f*)^2

def l2_risk(network: Network, target: Target, *, alpha: float = 0.0, beta: object = None) -> float:
    r"""The excess of the square risk over that of f*.

    .. math:: E_{x \sim N(0, I_d)}\big(\alpha + \beta \cdot x + a^T \sigma(Wx + b) - f^\star(x)\big)^2

    Source
    ------
    DLS22, section 6 (the ordinate of its figures), in closed form derived here; audited by ``DLS22/l2-risk``.

    Parameters
    ----------
    network : (a, W, b) with sigma = ReLU
    target : f* on the same R^d
    alpha, beta : float, (d,)   what the predictor adds to the network; 0 where not given

    Returns
    -------
    float   as it comes out of the sum: where f and f* agree to the rounding, its sign says nothing

    Units
    -----
    Square loss without 1/2; the risk against noisy labels is varsigma^2 more.

    Errors
    ------
    DomainError   for another activation.
    ShapeError, DtypeError, NonFiniteError   for arguments of other types and sizes, and where a term overflows.
    Rounding   that of :func:`l2_risk_terms`. Time O(m^2), memory that of 64 m pairs.
    """
    alpha, beta = _checked(network, target, alpha, beta)
    return math.fsum(_terms(_predictor(network, network.a, alpha, beta), target))


def l2_risks(network: Network, target: Target, heads: object, *, alpha: float = 0.0, beta: object = None) -> Array:
    r"""The risk of several heads on the features of one network, such as a path over lam: their pairs are evaluated once.

    .. math:: E_{x \sim N(0, I_d)}\big(\alpha + \beta \cdot x + a_l^T \sigma(Wx + b) - f^\star(x)\big)^2, \qquad l = 1, \dots, L

    Source
    ------
    As :func:`l2_risk`; audited by ``DLS22/l2-risk-heads``.

    Parameters
    ----------
    network : its W and b; its own a does not count
    target, alpha, beta : as :func:`l2_risk`
    heads : (L, m)

    Returns
    -------
    an array (L,)

    Units
    -----
    Square loss without 1/2.

    Errors
    ------
    As :func:`l2_risk`; ShapeError for heads of another width.
    Rounding   of each as of :func:`l2_risk_terms`. Time that of one risk, and O(L m^2) for the products.
    """
    alpha, beta = _checked(network, target, alpha, beta)
    sizes = Shapes("DLS22, section 2")
    sizes("W", network.W, "m", "d")
    f = _predictor(network, sizes("heads", heads, "L", "m"), alpha, beta)
    return np.array([math.fsum(terms) for terms in zip(*_terms(f, target), strict=True)])


def l2_risk_terms(network: Network, target: Target, *, alpha: float = 0.0, beta: object = None) -> Risk:
    r"""The same with its terms and a bound of its rounding error.

    .. math:: E f_\theta^2 + 2 E\big[f_\theta (\alpha + \beta \cdot x - f^\star)\big] + E(\alpha + \beta \cdot x - f^\star)^2

    Source
    ------
    As :func:`l2_risk`; the terms and the bound audited by ``DLS22/l2-risk-terms``.

    Parameters
    ----------
    network, target, alpha, beta : as :func:`l2_risk`

    Returns
    -------
    Risk   value, pairs, cross, line, rounding; neurons that count as linear stand in the line

    Units
    -----
    As :func:`l2_risk`.

    Errors
    ------
    As :func:`l2_risk`.
    Rounding   (128 + 16 p + 6 d + 2 d p + d p r^2 cond(U)^2 + m) eps of the same sums with plus signs everywhere, for m neurons that count as
    linear. For E[relu_j relu_k] stands n_j n_k there, n_j^2 = (1 + b_j^2) Phi(b_j) + |b_j| phi(b_j).
    """
    alpha, beta = _checked(network, target, alpha, beta)
    f = _predictor(network, network.a, alpha, beta)
    plus = _predictor(Network(network.a, np.abs(network.W), network.b), np.abs(network.a), abs(alpha), np.abs(beta))
    pairs, cross, line = map(float, _terms(f, target))
    return Risk(math.fsum((pairs, cross, line)), pairs, cross, line, _rounding(plus, target, network.m - len(f.b)))


class _Predictor(NamedTuple):
    """alpha + beta.x + sum_j a_j relu(w_j.x + b_j) with unit rows w_j and |b_j| < 40, for one head or for L."""

    a: Array           # (m,) or (L, m)   a_j |w_j|
    W: Array           # (m, d)
    b: Array           # (m,)   b_j / |w_j|
    alpha: Array       # () or (L,)
    beta: Array        # (d,) or (L, d)


def _checked(network: Network, target: Target, alpha: object, beta: object) -> tuple[float, Array]:
    """alpha and beta, 0 where not given."""
    for name, value, kind in (("network", network, Network), ("target", target, Target)):
        if not isinstance(value, kind):
            raise DtypeError(f"{name} is of type {type(value).__name__}; it must be a {kind.__name__}")
    if network.activation != RELU:
        raise DomainError(f"network has the activation {network.activation.name}; the risk has a closed form for relu")
    sizes = Shapes("DLS22, section 2")
    sizes("U", target.U, "r", "d")
    sizes("W", network.W, "m", "d")
    return number("alpha", alpha), np.zeros(target.d) if beta is None else sizes("beta", beta, "d")


def _kinks(network: Network) -> tuple[Array, Array, npt.NDArray[np.bool_], Array]:
    """|w_j|, w_j / |w_j|, whether there is a kink that matters, and for the neurons without one whether they are on."""
    length, W_unit, _ = _polar(network.W)
    with np.errstate(over="ignore"):
        kinked = np.less(np.abs(network.b), FAR * length)
    return length, W_unit, kinked, np.where(kinked, 0.0, RELU.derivative(network.b))


def _predictor(network: Network, a: Array, alpha: float, beta: Array) -> _Predictor:
    length, W_unit, kinked, on = _kinks(network)
    with np.errstate(over="ignore", invalid="ignore"):
        lengthened, linear = a * length, a * on
        return _Predictor(a=finite("a |w|", lengthened)[..., kinked], W=W_unit[kinked], b=network.b[kinked] / length[kinked],
                          alpha=np.asarray(alpha + linear @ network.b), beta=beta + linear @ network.W)


def _terms(f: _Predictor, target: Target) -> tuple[Array, Array, Array]:
    with np.errstate(over="ignore", invalid="ignore"):
        pairs, cross, line = _pairs(f), _cross(f, target), _line(f, target)
    return finite("E f_theta^2", pairs), finite("2 E[f_theta (alpha + beta.x - f*)]", cross), finite("E (alpha + beta.x - f*)^2", line)


def _pairs(f: _Predictor) -> Array:
    heads = np.atleast_2d(f.a)
    total = _near_sums(heads, f.W, _laws(f.b), _coefficients(f.b))
    if np.count_nonzero(np.less(f.b, ONE_FAR)):                                 # there may be far pairs, which have no fast series
        far = np.less(f.b, BOTH_FAR)
        total += _far_sums(heads[:, far], f.W[far], f.b[far])
    return total.reshape(f.a.shape[:-1])


def _as_they_are(a: Array, W: Array, laws: Array, coefficients: Array) -> tuple[Array, Array, Array, Array]:
    return a, W, laws, coefficients


@twin(border=_as_they_are, work=lambda a, W, laws, coefficients: W.shape[0] ** 2 * (OPERATIONS + W.shape[1]))
def _near_sums(a: Array, W: Array, laws: Array, coefficients: Array) -> Array:
    """sum_jk a_j a_k E[relu_j relu_k] (L,) over the pairs that are not far, for heads a (L, m)."""
    def gram(V: Array, laws_b: Array, x: Array, W: Array, laws_c: Array, y: Array) -> Array:
        return _gram_by_series(laws_b, x, laws_c, y, V.T @ W)
    return _sums(gram, a, W.T, laws, coefficients)


def _far_sums(a: Array, W: Array, b: Array) -> Array:
    """The same over those that are."""
    return _sums(lambda V, b, W, c: _gram_of_far(b, c, _angles(V.T, W.T)), a, W.T, b)


def _sums(gram: Callable[..., Array], a: Array, *neurons: Array) -> Array:
    """Of what is known of neurons in the last axis, gram makes R for 64 of them beside these and all further ones."""
    total = np.zeros(len(a))
    while a.size:
        R = gram(*(table[..., :ROWS] for table in neurons), *neurons)           # (64, m), then (64, m - 64), ...
        products = a[:, :ROWS] @ R * a                                          # (L, m)
        total += 2 * products.sum(axis=1) - products[:, :ROWS].sum(axis=1)
        a, neurons = a[:, ROWS:], tuple(table[..., ROWS:] for table in neurons)         # what is left out here came twice with earlier rows
    return total


def _cross(f: _Predictor, target: Target) -> Array:
    if not f.b.size:
        return np.zeros(f.a.shape[:-1])
    return np.asarray(2 * np.sum(f.a * _against(f, target, RELU.hermite_coefficients(max(target.p, 1), f.b)), axis=-1))


def _against(f: _Predictor, target: Target, c: Array) -> Array:
    """E[(alpha + beta.x - f*) sigma(w_j.x + b_j)] = sum_k c_k C_k(w_j^k) / k! for the coefficients c_0, c_1, ... of sigma(z + b_j)."""
    total = f.alpha[..., None] * c[0] + f.beta @ f.W.T * c[1]
    for k, c_k in enumerate(c):
        total -= c_k / math.factorial(k) * target.contract(k, f.W)
    return np.asarray(total)


def _line(f: _Predictor, target: Target) -> Array:
    rest = target.without_linear_part().second_moment
    return np.asarray(rest + (f.alpha - target.mean) ** 2 + np.sum((f.beta - target.mean_gradient) ** 2, axis=-1))


def _rounding(f: _Predictor, target: Target, linear: int) -> float:
    """The bound of :func:`l2_risk_terms`, for f made of |a|, |W|, |alpha| and |beta|."""
    U, p, r, d = np.abs(target.U), target.p, target.r, target.d
    smoothed = {alpha: abs(float(c)) for alpha, c in target.smoothed.items()}
    n = np.sqrt((1 + f.b**2) * Phi(f.b) + np.abs(f.b) * phi(f.b))
    t = _plus(0, f.b) * f.alpha + _plus(1, f.b) * (f.W @ f.beta)
    for alpha, c in smoothed.items():
        t += c * _plus(sum(alpha), f.b) * np.prod((f.W @ U.T) ** alpha, axis=1)
    slope = f.beta + sum((c * U[alpha.index(1)] for alpha, c in smoothed.items() if sum(alpha) == 1), start=np.zeros(d))
    line = target.without_linear_part().second_moment + (f.alpha + abs(target.mean)) ** 2 + slope @ slope
    count = 128 + 16 * p + 6 * d + 2 * d * p + d * p * r**2 * np.linalg.cond(target.U) ** 2 + linear
    return float(count * EPS * ((f.a @ n) ** 2 + 2 * f.a @ t + line))


def _plus(k: int, b: Array) -> Array:
    """c_k of ReLU with plus signs: phi + |b| Phi, Phi, and phi(b) times He_{k-2}(|b|) with the absolute values of its coefficients."""
    if k == 0:
        return phi(b) + np.abs(b) * Phi(b)
    if k == 1:
        return Phi(b)
    return np.asarray(phi(b) * polyval(np.abs(b), np.abs(herme2poly([0] * (k - 2) + [1]))))


# ---- its gradient

def l2_risk_gradient(network: Network, target: Target, *, alpha: float = 0.0, beta: object = None) -> RiskGradient:
    r"""The gradient of :func:`l2_risk`: with g = f - f* and 1_j the indicator of w_j.x + b_j >= 0,

    .. math:: \partial_{a_j} = 2 E[g\, \sigma(w_j \cdot x + b_j)], \qquad \nabla_{w_j} = 2 a_j E[g\, x\, 1_j], \qquad
              \partial_{b_j} = 2 a_j E[g\, 1_j], \qquad \partial_\alpha = 2 E g, \qquad \nabla_\beta = 2 E[g\, x]

    Source
    ------
    Stein's lemma, derived here; audited by ``DLS22/l2-risk-gradient``.

    Parameters
    ----------
    network, target, alpha, beta : as :func:`l2_risk`

    Returns
    -------
    RiskGradient   da (m,), dW (m, d), db (m,), dalpha, dbeta (d,)

    Units
    -----
    Square loss without 1/2. Where w_j = 0 and b_j = 0 the risk has a kink, and 1_j = 1.

    Errors
    ------
    As :func:`l2_risk`.
    Rounding   each entry within (128 + 16 p + 6 d + 2 d p + d p r^2 cond(U)^2 + 2 m) eps of the same sums with plus signs. Time and memory as there.
    """
    alpha, beta = _checked(network, target, alpha, beta)
    f, (length, _, kinked, on) = _predictor(network, network.a, alpha, beta), _kinks(network)
    a, W, b = network.a, network.W, network.b
    with np.errstate(over="ignore", invalid="ignore"):
        mean = f.alpha + f.a @ half_line_mean(f.b) - target.mean                # E g
        slope = f.beta + (f.a * Phi(f.b)) @ f.W - target.mean_gradient          # E[g x]
        g_relu, g_x, g_step = on * (b * mean + W @ slope), np.outer(on, slope), on * mean
        if f.a.size:
            g_relu[kinked], g_x[kinked], g_step[kinked] = _kinked(f, target)
            g_relu[kinked] *= length[kinked]
        da, dW, db = 2 * g_relu, 2 * a[:, None] * g_x, 2 * a * g_step
        return RiskGradient(finite("da", da), finite("dW", dW), finite("db", db), number("dalpha", 2 * mean), finite("dbeta", 2 * slope))


def _kinked(f: _Predictor, target: Target) -> tuple[Array, Array, Array]:
    r"""E[g relu_j], E[g x 1_j] and E[g 1_j] for unit rows.

    By Stein E[relu_k x 1_j] = w_j E[relu_k delta(w_j.x + b_j)] + w_k E[1_k 1_j].
    """
    c, d = RELU.hermite_coefficients(max(target.p, 1), f.b), half_line_hermite(max(target.p, 2), f.b)
    g_relu, g_step = _against(f, target, c), _against(f, target, d)
    g_x = np.outer(d[0], f.beta) + (f.alpha * d[1] + (f.W @ f.beta) * d[2])[:, None] * f.W - half_space_moment(target, f.W, f.b)
    for i, _ in enumerate(f.a[::ROWS]):
        W, b = f.W[i * ROWS:(i + 1) * ROWS], f.b[i * ROWS:(i + 1) * ROWS, None]
        pair = moments(b, f.b, _angles(W, f.W))                                 # (64, m)
        g_relu[i * ROWS:(i + 1) * ROWS] += np.inner(pair.relu_relu, f.a)
        g_step[i * ROWS:(i + 1) * ROWS] += np.inner(pair.step_relu, f.a)
        g_x[i * ROWS:(i + 1) * ROWS] += np.inner(pair.edge_relu, f.a)[:, None] * W + (pair.step_step * f.a) @ f.W
    return g_relu, g_x, g_step


# ---- E |f - y|

def l1_risk(network: Network, target: Target, *, varsigma: float, delta: float, n: int, rng: Seed, alpha: float = 0.0, beta: object = None) -> Interval:
    r"""The absolute risk against noisy labels, which has no closed form, by samples at a stated error rate.

    .. math:: E|f(x) - y|, \qquad y = f^\star(x) + \epsilon, \qquad E_\epsilon |g - \epsilon| = \max(|g|, \varsigma), \quad g = f(x) - f^\star(x)

    Source
    ------
    DLS22, Theorem 1 bounds it; the interval is derived here, audited by ``DLS22/l1-risk``.

    Parameters
    ----------
    network, target, alpha, beta : as :func:`l2_risk`
    varsigma : float >= 0   the label noise epsilon = +-varsigma, averaged over in closed form
    delta : float in (0, 1)   the probability with which the interval may miss the risk
    n : int > 2 log(2 / delta)   inputs, drawn 4096 at a time
    rng : Generator, SeedSequence or int

    Returns
    -------
    Interval   estimate, half_width: Catoni's, for the variance of max(|g|, varsigma), which is at most E g^2, the exact L2 risk

    Units
    -----
    Those of the labels. Without noise a risk 0 is estimated as such, with a half width of the rounding.

    Errors
    ------
    DomainError   for varsigma < 0 and too small an n; and as :func:`l2_risk`.
    Rounding   of each sample as of ``Network.predict`` and ``Target.value``; it is not part of the half width.
    """
    risk = l2_risk_terms(network, target, alpha=alpha, beta=beta)
    alpha, beta = _checked(network, target, alpha, beta)
    rng, n, varsigma = generator(rng), count("n", n, least=1), number("varsigma", varsigma)
    if varsigma < 0:
        raise DomainError(f"varsigma = {varsigma}; the label noise is +-varsigma, so varsigma must be at least 0")
    samples = np.empty(n)
    for i, _ in enumerate(samples[::SAMPLES]):
        part = samples[i * SAMPLES:(i + 1) * SAMPLES]
        X = standard_normal((len(part), network.d), rng=rng)
        part[:] = np.maximum(np.abs(alpha + X @ beta + network.predict(X) - target.value(X)), varsigma)
    return Interval(catoni_mean(samples, risk.at_most, delta), catoni_half_width(n, risk.at_most, delta))
