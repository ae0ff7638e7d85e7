"""Exact risks of a network against a polynomial target, and the pairs of neurons that they are made of.

angles  arc-cosine  bivariate                                       two neurons: their angle, without and with biases
l2-risk  l2-risk-heads  l2-risk-terms  l2-risk-gradient             E (f - f*)^2, of several heads, its terms and their rounding, its gradient
catoni  l1-risk                                                     E |f - y|, and its interval from samples
"""

import itertools
import math
from fractions import Fraction
from functools import cache

import numpy as np
from flint import acb, arb, ctx, fmpq
from scipy.special import ndtr

from proofs_checks import Instead, Sides, ulps
from proofs_checks.engine import oracles
from proofs_checks.instances import directions, family, random_target
from proofs_checks.papers.dls22 import DERIVED, DLS22
from proofs_checks.papers.dls22.routes import he_monomials, target_value
from refimpl.bivariate import (
    Angle,
    angle,
    angles,
    arc_cosine_0,
    arc_cosine_1,
    moments,
    relu_relu,
    step_relu,
    step_step,
)
from refimpl.catoni import catoni_half_width, catoni_mean, catoni_samples
from refimpl.data.targets import Target
from refimpl.network import Network
from refimpl.pairs import relu_gram
from refimpl.risk import l1_risk, l2_risk, l2_risk_gradient, l2_risk_terms, l2_risks

BITS = 240
ALIGNED = Fraction(1, 2**300)                             # stands for an angle 0
UNIT = arb(1, 2.0**-BITS)                                 # added and taken away: what is smaller becomes 0, not a number with an exponent of 10^90
REACH = 20                                                # beyond it N(0, 1) has less than 2^-290 of its mass
WHOLE = 64                                                # and beyond this less than 2^-2900
STEP = Fraction(1, 2**60)
STEEP = list(np.arange(-12.5, 13.0))                      # panels of 1/2 across, where the mass behind a kink changes fast


def _ball(x):
    return arb(fmpq(*Fraction(x).as_integer_ratio()))


def _phi(t):
    return (-t * t / 2).exp() / (2 * acb.pi()).sqrt()


def _Phi(t):
    return (-t / acb(2).sqrt()).erfc() / 2


def _mean(t):
    """E relu(z + t)."""
    return _phi(t) + t * _Phi(t)


# ---- the angle of two rows

CLOSE = {"any": 1.0, "close": 1e-5, "very close": 1e-9, "equal": 0.0}


def _rows(rng, d, kind, sign, size):
    """Two rows of W and two of V, the first pair at an angle of this kind."""
    W = rng.standard_normal((2, d)) * np.array([[1.0], [0.1]])
    V = sign * W + CLOSE[kind] * rng.standard_normal((2, d))
    return {"W": W * size, "V": V[::-1] * 8 / size}


@DLS22.claim(
    "angles",
    where="section 2, the angles of the rows of W",
    printed_from=DERIVED,
    covers=["A.S4"],
    given=family(_rows, kind=list(CLOSE), d=[1, 2, 5], sign=[1, -1], size=[1.0, 2.0**700]),
    tol=ulps(lambda at: 2 * at.d + 8),
)
def angles_entry(at):
    """sin(theta/2) = |w - v| / 2, cos(theta/2) = |w + v| / 2 and cos theta of the unit vectors along rows of any length, to the last bits of 1."""
    theta = angles(at.W, at.V)
    balls = [[_half_angles(w, v) for v in at.V] for w in at.W]
    return Sides(halves=np.stack([theta.rho, theta.sin_half, theta.cos_half], axis=2), balls=balls, scale=1.0)


def _half_angles(w, v):
    """cos theta, sin(theta/2) and cos(theta/2) as balls, from rationals."""
    w, v = ([Fraction(x) for x in row.tolist()] for row in (w, v))
    product, squares = _dot(w, v), _dot(w, w) * _dot(v, v)
    with ctx.workprec(BITS):
        rho = (_ball(product) / _ball(squares).sqrt()) if product**2 != squares else arb(math.copysign(1, product))
        return [rho, ((1 - rho) / 2).sqrt(), ((1 + rho) / 2).sqrt()]


def _dot(w, v):
    return sum(x * y for x, y in zip(w, v, strict=True))


@angles_entry.refutes("the lengths of the rows forgotten")
def _(at):
    rho = np.clip(at.W @ at.V.T, -1, 1)
    return Instead(halves=np.stack(angle(rho), axis=2))


@angles_entry.refutes("sine and cosine of the half angle exchanged")
def _(at):
    theta = angles(at.W, at.V)
    return Instead(halves=np.stack([theta.rho, theta.cos_half, theta.sin_half], axis=2))


@angles_entry.refutes("half of the digits lost: the angle from its cosine alone")
def _(at):
    return Instead(halves=np.stack(angle(angles(at.W, at.V).rho), axis=2))


# ---- two neurons: one certified integral each

@cache
def _pair(b, c, h, near):
    """E[1 1], E[1 relu], E[relu relu] and d/db E[1 relu] as balls; h is sin(theta/2) where rho is near 1, cos(theta/2) where near -1.

    For independent normals t and i the neurons are b - near h t + near k i and c + h t + k i, h^2 + k^2 = 1. At a given t an interval of i is
    integrated in closed form; on either side of the turn, where both neurons are 0 at once, the integrand over t is smooth however small h is.
    """
    with ctx.workprec(BITS):
        h, b, c = acb(_ball(h)), acb(_ball(b)), acb(_ball(c))
        k = (1 - h * h).sqrt()
        turn = ((near * b - c) / (h + h)).real.max(arb(-REACH)).min(arb(REACH))

        def both(low):
            return lambda t: _products(low(t), b - near * h * t, near * k, c + h * t, k)

        def first(t):
            return -near * (b - near * h * t) / k                               # i where the first neuron is 0

        def second(t):
            return -(c + h * t) / k

        sides = zip(_integrals(both(second), -near * REACH, turn), _integrals(both(first), turn, REACH), strict=True)
        edge = _phi(b) * 2 * h * k * _mean((c - near * b) / (2 * h * k) + near * h * b / k)         # (c - rho b) / s
        return [part + UNIT - UNIT for part in (*(near * (x + y) for x, y in sides), edge.real)]


def _products(low, b, k_b, c, k_c):
    """E[1 (1, c + k_c i, (b + k_b i)(c + k_c i))] over i >= low."""
    m = _tails(2, low)
    return [m[0], c * m[0] + k_c * m[1], b * c * m[0] + (b * k_c + c * k_b) * m[1] + k_b * k_c * m[2]]


def _integrals(products, low, high):
    return [acb.integral(lambda t, _, n=n: _phi(t) * products(t)[n], low, high).real for n in range(3)]


def _tails(K, t):
    """E[z^k 1{z >= t}], k = 0, ..., K, as balls."""
    T = [_Phi(-t), _phi(t)]
    for k in range(2, K + 1):
        T.append(t ** (k - 1) * T[1] + (k - 1) * T[k - 2])
    return T


RHO = [-1.0, -1 + 2.0**-40, -0.99, -0.5, 0.0, 0.25, 0.875, 1 - 2.0**-30, 1.0]


@DLS22.claim(
    "arc-cosine",
    where="appendix A.1: two ReLU neurons without bias",
    printed_from=DERIVED,
    covers=["A.S4"],
    given=family(lambda rho: {}, rho=RHO),
    tol=ulps(32),
)
def arc_cosine(at):
    """E[1 1] = (pi - theta) / 2 pi and E[relu relu] = (sin theta + (pi - theta) cos theta) / 2 pi without bias, relative also near rho = -1."""
    theta = angle(at.rho)
    kernels = [arc_cosine_0(theta), arc_cosine_1(theta)]
    return Sides(closed_forms=kernels, integrals=_without_bias(at.rho), scale=kernels)


def _without_bias(rho):
    """In polar coordinates, E r^2 = 2: the share of the angles at which both are active, and the mean product of their cosines there."""
    with ctx.workprec(BITS):
        theta = _ball(rho).acos()
        product = acb.integral(lambda t, _: t.cos() * (t - theta).cos(), theta - acb.pi() / 2, acb.pi() / 2).real
        return [(arb.pi() - theta) / (2 * arb.pi()), product / arb.pi()]


@arc_cosine.refutes("theta for pi - theta")
def _(at):
    other = angle(-at.rho)
    return Instead(closed_forms=[arc_cosine_0(other), arc_cosine_1(at.rho)])


@arc_cosine.refutes("1/pi for 1/(2 pi), as for vectors of E|x|^2 = 2")
def _(at):
    return Instead(closed_forms=[arc_cosine_0(at.rho), 2 * arc_cosine_1(at.rho)])


@arc_cosine.refutes("the product of the means: independence assumed")
def _(at):
    return Instead(closed_forms=[0.25, 1 / (2 * math.pi)])


@arc_cosine.refutes("sin theta + (pi - theta) cos theta by subtraction")
def _(at):
    theta = math.acos(at.rho)
    return Instead(closed_forms=[arc_cosine_0(at.rho), (math.sin(theta) + (math.pi - theta) * at.rho) / (2 * math.pi)])


# ---- with biases

HALVES = [0.5, 0.25, 2.0**-7, 2.0**-27, 0.0]
BIASES = {"zero": (0.0, 0.0), "one zero": (0.0, -1.0), "on": (0.75, 1.5), "off": (-1.25, -0.5), "mixed": (1.5, -1.0), "opposite": (-0.75, 0.75),
          "equal": (-2.0, -2.0), "far off": (-5.0, -4.0), "far on": (40.0, -0.5),
          "farther off": (-8.0, -7.5), "any": None}


def _biases(rng, half, near, kind):
    b, c = BIASES[kind] or rng.normal(size=2) * 2
    other = math.sqrt((1 - half) * (1 + half))
    theta = Angle(near * (1 - 2 * half * half), *((half, other) if near > 0 else (other, half)))
    return {"b": float(b), "c": float(c), "theta": theta, "h": max(Fraction(half), ALIGNED)}


@DLS22.claim(
    "bivariate",
    where="section 2: two ReLU neurons with biases",
    printed_from=DERIVED,
    covers=["A.S4"],
    needs=["DLS22/arc-cosine", "HERMITE/half-line"],
    given=family(_biases, kind=list(BIASES), half=HALVES, near=[1, -1]),
    tol=ulps(40),
)
def bivariate(at):
    """E[1 1], E[1 relu], E[relu relu] and d/db E[1 relu] of a pair with biases b, c at any angle, by parts from one distribution function."""
    pair = moments(at.b, at.c, at.theta)
    return Sides(closed_forms=list(pair), one_by_one=_one_by_one(at, pair.edge_relu), series=_by_series(at, *pair),
                 integrals=_pair(at.b, at.c, at.h, at.near), scale=_pair_scale(at))


def _one_by_one(at, edge):
    """The same functions, called in the other order where the pair is symmetric."""
    return [step_step(at.c, at.b, at.theta), step_relu(at.b, at.c, at.theta), relu_relu(at.c, at.b, at.theta), edge]


def _pair_scale(at):
    """sqrt(Phi Phi), sqrt(Phi) n, n n and phi (1 + |b| + |c|), n^2 the terms of E relu^2."""
    Phi, phi = ndtr([at.b, at.c]), np.exp(-np.square([at.b, at.c]) / 2) / math.sqrt(2 * math.pi)
    n = np.sqrt((1 + np.square([at.b, at.c])) * Phi + np.abs([at.b, at.c]) * phi)
    return [math.sqrt(Phi[0] * Phi[1]), math.sqrt(Phi[0]) * n[1], n[0] * n[1], phi[0] * (1 + abs(at.b) + abs(at.c))]


def _by_series(at, both, step, _, edge):
    """The product, twice, among the pairs of two lists."""
    theta = Angle(*(np.full((2, 1), part) for part in at.theta))
    return [both, step, np.mean(relu_gram(np.array([at.b, at.b]), np.array([at.c]), theta)), edge]


@bivariate.refutes("rho of the other sign")
def _(at):
    rho, sin_half, cos_half = at.theta
    return Instead(closed_forms=list(moments(at.b, at.c, Angle(-rho, cos_half, sin_half))))


@bivariate.refutes("the edges' Phi(u) and Phi(v) exchanged: step_relu of the other neuron")
def _(at):
    pair = moments(at.b, at.c, at.theta)
    return Instead(closed_forms=[pair.step_step, step_relu(at.c, at.b, at.theta), pair.relu_relu, pair.edge_relu])


@bivariate.refutes("b c for b c + rho")
def _(at):
    pair = moments(at.b, at.c, at.theta)
    return Instead(closed_forms=[pair.step_step, pair.step_relu, pair.relu_relu - at.theta.rho * pair.step_step, pair.edge_relu])


@bivariate.refutes("independence assumed")
def _(at):
    return Instead(closed_forms=list(moments(at.b, at.c, 0.0)))


# ---- E (f - f*)^2

def _networks(rng, d, p, kind):
    """Five neurons, no kink of them steep; "far": without weights, nearly so, and parallel; "linear": none has a kink within 40 |w|."""
    W, b = rng.standard_normal((5, d)), rng.standard_normal(5) / 2
    W[:, -1] += np.copysign(0.5, W[:, -1])
    if kind == "far":
        W[1:4] *= np.array([[0.0], [0.0], [2.0**-10]])
        W[4], b[1:4] = -2 * W[0], [0.5, -1.0, 0.75]
    elif kind == "linear":
        W, b = W / 2**10, np.copysign(1 + np.abs(b), b)
    U = directions(rng, d, d, "orthonormal")
    return {"net": Network(rng.standard_normal(5), W, b), "target": random_target(rng, p, U), "U": U, "alpha": float(rng.standard_normal()),
            "beta": rng.standard_normal(d)}


networks = family(_networks, d=[1, 2], p=[0, 1, 2, 4], kind=["near", "far", "linear"])


def _budget(at):
    """Of l2_risk: 128 + 16 p + 6 d + 2 d p + d p r^2 + m; of the nodes, the values there and their sum: 64 + 8 (d + m + d p + 4 p)."""
    return 192 + 48 * at.p + 14 * at.d + 14 * at.d * at.p + 48


def _size(at, a=None):
    """The root of E of the square of all absolute terms, bounded by |relu| <= |w.x| + |b|."""
    f_star = oracles.gauss_hermite_mean(lambda x: oracles.monomials(at.target.g, x @ at.U.T, absolute=True) ** 2, np.eye(at.d), 2 * at.p)
    return abs(at.alpha) + np.linalg.norm(at.beta) + math.sqrt(f_star) + np.abs(at.net.a if a is None else a) @ _reach(at)


def _reach(at):
    return np.linalg.norm(at.net.W, axis=1) + np.abs(at.net.b)


@DLS22.claim(
    "l2-risk",
    where="section 6, the ordinate of the figures",
    printed_from=DERIVED,
    covers=["A.S6"],
    needs=["DLS22/bivariate", "DLS22/angles", "DLS22/relu-bias", "DLS22/tensor-expansion"],
    given=networks,
    tol=ulps(_budget),
)
def l2_risk_entry(at):
    """E (alpha + beta.x + a^T relu(Wx + b) - f*)^2 as pairs, Hermite sums and a Gaussian moment is the integral of a polynomial piece by piece."""
    return Sides(closed_form=l2_risk(at.net, at.target, alpha=at.alpha, beta=at.beta), pieces=_by_pieces(at), scale=_size(at) ** 2)


def _by_pieces(at, a=None):
    """On a line exactly, on a plane by Gauss rules on panels that no kink crosses; under the head of the network where none is given."""
    if at.d == 1:
        return _on_line(_f_star(at), _parameters(at, a), len(at.net.a))
    x, weight = _plane(at)
    return float(weight @ _residual(at, x, a) ** 2)


def _parameters(at, a=None):
    """a, w, b, alpha and beta in a row, exactly."""
    return [Fraction(x) for x in np.concatenate([at.net.a if a is None else a, at.net.W.ravel(), at.net.b, [at.alpha], at.beta]).tolist()]


def _f_star(at):
    """f* on the line, in powers of x."""
    c, u = [Fraction()] * (at.p + 1), Fraction(at.U.item())
    for (k,), c_k in at.target.g.items():
        c[k] = c_k * u**k
    return c


def _on_line(f_star, parameters, m):
    """E (f - f*)^2 on the line as a ball: the square of a polynomial between any two kinks."""
    a, w, b, (alpha, beta) = parameters[:m], parameters[m:2 * m], parameters[2 * m:3 * m], parameters[3 * m:]
    kinks = [-y / x for x, y in zip(w, b, strict=True) if x]
    edges = sorted({Fraction(-WHOLE), *(t for t in kinks if abs(t) < WHOLE), Fraction(WHOLE)})
    with ctx.workprec(BITS):
        total = arb(0)
        for low, high in itertools.pairwise(edges):
            active = [j for j in range(m) if w[j] * (low + high) / 2 + b[j] > 0]
            g = [-c for c in f_star] + [Fraction()] * 2
            g[0] += alpha + sum(a[j] * b[j] for j in active)
            g[1] += beta + sum(a[j] * w[j] for j in active)
            total += _square_between(g, _ball(low), _ball(high))
        return total


def _square_between(g, low, high):
    """E[g(z)^2 1{low <= z < high}]."""
    m = [x - y for x, y in zip(_tails(2 * len(g), acb(low)), _tails(2 * len(g), acb(high)), strict=True)]
    return sum((_ball(x * y) * m[i + j].real for i, x in enumerate(g) for j, y in enumerate(g)), start=arb(0))


@cache
def _plane(at):
    """Nodes (N, 2) and weights of N(0, I_2): panels in x_1 end where two kinks cross, panels in x_2 at the kinks."""
    lines = [(w, b) for w, b in zip(at.net.W.tolist(), at.net.b.tolist(), strict=True) if abs(b) < WHOLE * math.hypot(*w)]
    crossings = [_crossing(*one, *other) for one, other in itertools.combinations(lines, 2)]
    x, weight_x = _panels(np.array([crossings + STEEP]))                        # (1, n)
    y, weight_y = _panels(np.array([-(b + w[0] * x[0]) / w[1] for w, b in lines]).reshape(len(lines), x.size).T)
    return np.stack([np.repeat(x[0], y.shape[1]), y.ravel()], axis=1), (weight_x[0][:, None] * weight_y).ravel()


def _crossing(w, b, v, c):
    """x_1 where w.x + b = v.x + c = 0; nowhere for parallel lines."""
    area = w[0] * v[1] - w[1] * v[0]
    return (w[1] * c - v[1] * b) / area if area else math.inf


def _panels(kinks):
    """For each row of kinks (n, k): Gauss-Legendre nodes and weights of N(0, 1) between -13, -12, ..., 13 and the kinks."""
    grid = np.tile(np.arange(-13.0, 14.0), (len(kinks), 1))
    edges = np.sort(np.concatenate([grid, np.clip(kinks, -13, 13)], axis=1), axis=1)
    t, v = np.polynomial.legendre.leggauss(16)
    half = np.diff(edges)[:, :, None] / 2
    x = (edges[:, :-1, None] + half * (t + 1)).reshape(len(kinks), -1)
    return x, (half * v).reshape(len(kinks), -1) * np.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _residual(at, x, a=None):
    """f - f* at points x (N, d)."""
    return at.alpha + x @ at.beta + np.maximum(x @ at.net.W.T + at.net.b, 0) @ (at.net.a if a is None else a) - target_value(at)(x)


@l2_risk_entry.refutes("the cross term counted once")
def _(at):
    risk = l2_risk_terms(at.net, at.target, alpha=at.alpha, beta=at.beta)
    return Instead(closed_form=risk.value - risk.cross / 2)


@l2_risk_entry.refutes("the biases of the other sign")
def _(at):
    return Instead(closed_form=l2_risk(Network(at.net.a, at.net.W, -at.net.b), at.target, alpha=at.alpha, beta=at.beta))


@l2_risk_entry.refutes("alpha and beta forgotten")
def _(at):
    return Instead(closed_form=l2_risk(at.net, at.target))


@l2_risk_entry.refutes("rows taken as unit vectors")
def _(at):
    length = np.linalg.norm(at.net.W, axis=1, keepdims=True)
    W = np.divide(at.net.W, length, out=np.zeros_like(at.net.W), where=length > 0)
    return Instead(closed_form=l2_risk(Network(at.net.a, W, at.net.b), at.target, alpha=at.alpha, beta=at.beta))


def _heads(d, p, kind):
    """Some of these networks, each with two more heads."""
    rng = np.random.default_rng([d, p])
    at = _networks(rng, d, p, kind)
    return {**at, "heads": np.vstack([at["net"].a, rng.standard_normal((2, 5))])}


@DLS22.claim(
    "l2-risk-heads",
    where="section 6, the best weight decay of a grid",
    printed_from=DERIVED,
    needs=["DLS22/l2-risk"],
    given=family(_heads, d=[2, 1], p=[0, 3], kind=["near", "far", "linear"]),
    tol=ulps(_budget),
)
def l2_risks_entry(at):
    """The risks of several heads on the same features, whose pairs are evaluated once, are those of each head alone."""
    return Sides(one_pass=l2_risks(at.net, at.target, at.heads, alpha=at.alpha, beta=at.beta),
                 pieces=[_by_pieces(at, a) for a in at.heads], scale=[_size(at, a) ** 2 for a in at.heads])


@l2_risks_entry.refutes("the head of the network for all")
def _(at):
    return Instead(one_pass=l2_risks(at.net, at.target, np.tile(at.net.a, (3, 1)), alpha=at.alpha, beta=at.beta))


@l2_risks_entry.refutes("E f_theta^2 of the first head for all")
def _(at):
    risks = [l2_risk_terms(Network(a, at.net.W, at.net.b), at.target, alpha=at.alpha, beta=at.beta) for a in at.heads]
    return Instead(one_pass=[risk.value - risk.pairs + risks[0].pairs if at.kind != "linear" else risk.value - risk.line + risks[0].line for risk in risks])


@l2_risks_entry.refutes("alpha and beta forgotten")
def _(at):
    return Instead(one_pass=l2_risks(at.net, at.target, at.heads))


# ---- its terms, and the bound of their rounding

SIGNED = -0.25, 0.25


def _oblique(rng, d, p, kind):
    """The same networks, and a target of d directions that are not orthonormal."""
    at = _networks(rng, d, p, kind)
    U = directions(rng, d, d, "oblique") * 1.5
    return {**at, "target": random_target(rng, p, U), "U": U}


def _oblique_budget(at):
    return _budget(at) + math.ceil(at.p * at.d**3 * np.linalg.cond(at.U) ** 2)


@DLS22.claim(
    "l2-risk-terms",
    where="section 6, the ordinate of the figures",
    printed_from=DERIVED,
    covers=["A.S6"],
    needs=["DLS22/l2-risk"],
    given=family(_oblique, d=[1, 2], p=[0, 1, 2, 4], kind=["near", "far", "linear"]),
    tol=ulps(lambda at: 4 * _oblique_budget(at)),
)
def l2_risk_terms_entry(at):
    """Pairs of neurons, their products with alpha + beta.x - f*, its square; the bound of the rounding is a count times the sums with plus signs."""
    risk = l2_risk_terms(at.net, at.target, alpha=at.alpha, beta=at.beta)
    terms, rounding = _terms(at), _count(at) * 2.0**-52 * _plus_signs(at)
    upper = [risk._replace(value=x, rounding=0.5).at_most for x in SIGNED]
    return Sides(refimpl=[*risk, *upper], by_hand=[sum(terms), *terms, rounding, 0.5, 0.75],
                 scale=[*[_size(at) ** 2] * 4, risk.rounding, 1.0, 1.0])


def _kinked(at):
    return np.abs(at.net.b) < 40 * np.linalg.norm(at.net.W, axis=1)


@cache
def _terms(at):
    """E f_theta^2, 2 E[f_theta g] and E g^2 for the neurons with a kink and all the rest, on nodes between the kinks."""
    x, weight = _plane(at) if at.d == 2 else _line(at)
    kinked = np.maximum(x @ at.net.W.T + at.net.b, 0) @ np.where(_kinked(at), at.net.a, 0)
    g = _residual(at, x) - kinked
    return [float(weight @ kinked**2), float(2 * weight @ (kinked * g)), float(weight @ g**2)]


def _line(at):
    w, b = at.net.W[:, 0], at.net.b
    x, weight = _panels(np.array([[-b[j] / w[j] for j in np.flatnonzero(w)]]))
    return x.T, weight[0]


def _count(at):
    """Roundings of the pairs, of the Hermite sums and of U U^T, and one a neuron that is added to alpha."""
    return 128 + 16 * at.p + 6 * at.d + 2 * at.d * at.p + at.p * at.d**3 * np.linalg.cond(at.U) ** 2 + np.sum(~_kinked(at))


@cache
def _plus_signs(at):
    """(sum_j |a_j| n_j)^2 + 2 sum_j |a_j| t_j + l, in weights that were not normalised."""
    a, W, b, on = np.abs(at.net.a), np.abs(at.net.W), at.net.b, ~_kinked(at) & ~np.signbit(at.net.b)
    alpha, beta = abs(at.alpha) + (a * on) @ b, np.abs(at.beta) + (a * on) @ W
    C, rows = _derivatives(at), [(a_j * math.hypot(*w), w / math.hypot(*w), b_j / math.hypot(*w)) for a_j, w, b_j in
                                 zip(a[_kinked(at)], W[_kinked(at)], b[_kinked(at)], strict=True)]
    pairs = sum(size * math.sqrt((1 + x * x) * ndtr(x) + abs(x) * _normal(x)) for size, _, x in rows)
    terms = sum(size * (_plus(0, x) * alpha + _plus(1, x) * (beta @ w)
                        + sum(abs(c) * _plus(sum(k), x) * math.prod((np.abs(at.U) @ w) ** k) for k, c in C.items())) for size, w, x in rows)
    slope = beta + sum(abs(c) * np.abs(at.U[k.index(1)]) for k, c in C.items() if sum(k) == 1)
    square = oracles.gauss_hermite_mean(lambda x: _curved(at, x) ** 2, np.eye(at.d), 2 * at.p)
    return pairs**2 + 2 * terms + square + (alpha + abs(C[(0,) * at.d])) ** 2 + slope @ slope


def _normal(x):
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _plus(k, b):
    """c_k of ReLU with plus signs."""
    first = [_normal(b) + abs(b) * ndtr(b), ndtr(b)]
    return first[k] if k in (0, 1) else _normal(b) * sum(abs(h) * abs(b) ** l for l, h in enumerate(he_monomials(k - 2)))


def _derivatives(at):
    """E[d^alpha g(Ux)] / alpha! for each exponent of g, by quadrature."""
    found = {}
    for alpha in at.target.g:
        part = {tuple(k - i for k, i in zip(beta, alpha, strict=True)): c * math.prod(map(math.comb, beta, alpha))
                for beta, c in at.target.g.items() if all(k >= i for k, i in zip(beta, alpha, strict=True))}
        found[alpha] = float(oracles.gauss_hermite_mean(lambda x, part=part: oracles.monomials(part, x @ at.U.T), np.eye(at.d), at.p))
    return found


def _curved(at, x):
    """f* less C_0 and C_1.x."""
    C = _derivatives(at)
    slope = sum((C_k * at.U[k.index(1)] for k, C_k in C.items() if sum(k) == 1), start=np.zeros(at.d))
    return target_value(at)(x) - C[(0,) * at.d] - x @ slope


@l2_risk_terms_entry.refutes("the cross term once")
def _(at):
    risk = l2_risk_terms(at.net, at.target, alpha=at.alpha, beta=at.beta)
    return Instead(refimpl=[*risk._replace(cross=risk.cross / 2), 0.5, 0.75])


@l2_risk_terms_entry.refutes("neurons without a kink among the pairs")
def _(at):
    risk = l2_risk_terms(at.net, at.target)
    x, weight = _plane(at) if at.d == 2 else _line(at)
    return Instead(refimpl=[*risk._replace(pairs=weight @ at.net.predict(x) ** 2), 0.5, 0.75])


@l2_risk_terms_entry.refutes("the bound relative to the value")
def _(at):
    risk = l2_risk_terms(at.net, at.target, alpha=at.alpha, beta=at.beta)
    return Instead(refimpl=[*risk._replace(rounding=_count(at) * 2.0**-52 * risk.value), 0.5, 0.75])


# ---- its gradient

@DLS22.claim(
    "l2-risk-gradient",
    where="section 2, the gradient of L_D at any theta",
    printed_from=DERIVED,
    covers=["A.S6"],
    needs=["DLS22/l2-risk", "DLS22/eq-1-bias", "HERMITE/stein"],
    given=networks,
    tol=ulps(lambda at: 2 * _budget(at)),
)
def l2_risk_gradient_entry(at):
    """The gradient of the exact risk by Stein's lemma is its difference quotient on a line, and the mean of 2 (f - f*) grad f on a plane."""
    g = l2_risk_gradient(at.net, at.target, alpha=at.alpha, beta=at.beta)
    return Sides(stein=_in_a_row(*g), differences=_differences(at) if at.d == 1 else _chain_rule(at), scale=_gradient_scale(at))


def _in_a_row(da, dW, db, dalpha, dbeta):
    return np.concatenate([da, dW.ravel(), db, [dalpha], dbeta])


def _gradient_scale(at):
    a = np.abs(at.net.a)
    return 2 * _size(at) * _in_a_row(_reach(at), np.outer(a, np.ones(at.d)), a, 1.0, np.ones(at.d))


@cache
def _differences(at):
    """(risk(theta + h) - risk(theta - h)) / 2 h in each parameter, h = 2^-60 in 240 bits: within 2^-100."""
    f_star, theta = _f_star(at), _parameters(at)
    ends = [[_on_line(f_star, [x + sign * (i == k) * STEP for i, x in enumerate(theta)], len(at.net.a)) for sign in (1, -1)] for k in range(len(theta))]
    with ctx.workprec(BITS):
        return [float((up - down) / (2 * _ball(STEP))) for up, down in ends]


@cache
def _chain_rule(at):
    """E[2 (f - f*) grad f] by the rule of the plane."""
    x, weight = _plane(at)
    z = x @ at.net.W.T + at.net.b
    r = 2 * weight * _residual(at, x)
    active = np.where(np.signbit(z), 0, at.net.a)                               # (N, m)
    return _in_a_row(r @ np.maximum(z, 0), (active * r[:, None]).T @ x, r @ active, np.sum(r), r @ x)


@l2_risk_gradient_entry.refutes("factor 2 lost")
def _(at):
    return Instead(stein=_in_a_row(*l2_risk_gradient(at.net, at.target, alpha=at.alpha, beta=at.beta)) / 2)


@l2_risk_gradient_entry.refutes("a_j forgotten in the gradients of w_j and b_j")
def _(at):
    da, dW, db, dalpha, dbeta = l2_risk_gradient(at.net, at.target, alpha=at.alpha, beta=at.beta)
    return Instead(stein=_in_a_row(da, dW / at.net.a[:, None], db / at.net.a, dalpha, dbeta))


@l2_risk_gradient_entry.refutes("alpha and beta treated as part of f*")
def _(at):
    return Instead(stein=_in_a_row(*l2_risk_gradient(at.net, at.target, alpha=-at.alpha, beta=-at.beta)))


# ---- E |f - y|

def _noisy(rng, p, varsigma, size):
    """Three neurons on a line, times a size."""
    U, target = np.ones((1, 1)), random_target(rng, p, np.ones((1, 1)))
    net = Network(size * rng.standard_normal(3), rng.standard_normal((3, 1)), rng.standard_normal(3) / 2)
    target = Target({alpha: c * Fraction(size) for alpha, c in target.g.items()}, U)
    return {"net": net, "target": target, "U": U, "d": 1, "alpha": size / 2, "beta": np.array([-size])}


N, FEW, DELTA = 60, 7, 0.05                                # FEW samples are too few: 2 L = 7.4
HALVINGS = range(80)
LEAST = 2.0**-40                                          # for a variance 0
MANY = 2.0**40                                            # times a variance, so that the least n has digits


def _law(rng, n, law):
    """n samples and their variance."""
    x = {"normal": rng.standard_normal(n), "heavy": 1 / rng.uniform(0.02, 1, n), "constant": np.full(n, 0.75)}[law]
    return {"x": x, "v": 0.0 if law == "constant" else float(np.var(x))}


@DLS22.claim(
    "catoni",
    where="Theorem 1: an interval for its L1 risk",
    printed_from=DERIVED,
    covers=["A.S6"],
    given=family(_law, n=[8, N], law=["normal", "heavy", "constant"]),
    tol=ulps(lambda at: 64 + 4 * at.n),
)
def catoni(at):
    """Catoni's mean is the root of its equation, its radius sqrt(2 v L / (n - 2 L)), L = log(2 / delta), oo for n <= 2 L; two fit in a discrepancy."""
    radii = [catoni_half_width(n, at.v, DELTA) for n in (at.n, FEW)]
    root, radius = _interval(at.x, at.v, DELTA)
    return Sides(refimpl=[catoni_mean(at.x, at.v, DELTA), *(math.exp(-r) for r in radii), catoni_samples(MANY * at.v, 0.25, DELTA)],
                 by_hand=[root, math.exp(-radius), 0.0, _fitting(MANY * at.v)], scale=[_spread(at), 1 + radius, 1.0, 1 + _fitting(MANY * at.v)])


def _spread(at):
    """The terms of a weighted mean, and what its iteration stops at."""
    return np.mean(np.abs(at.x)) + math.sqrt(at.v)


def _fitting(v):
    """The least n at which two radii are at most 1/4: 4 * 2 v L <= (n - 2 L) / 16."""
    L = 2 * math.log(2 / DELTA)
    return math.ceil(L + 64 * L * v)


@catoni.refutes("the sample mean")
def _(at):
    radii = [catoni_half_width(n, at.v, DELTA) for n in (at.n, FEW)]
    return Instead(refimpl=[np.mean(at.x), *(math.exp(-r) for r in radii), catoni_samples(MANY * at.v, 0.25, DELTA)])


@catoni.refutes("one-sided: log(1 / delta)")
def _(at):
    root, radius = _interval(at.x, at.v, 2 * DELTA)
    return Instead(by_hand=[root, math.exp(-radius), 0.0, _fitting(MANY * at.v)])


@catoni.refutes("n for n - 2 L, as in the central limit theorem")
def _(at):
    root, _ = _interval(at.x, at.v, DELTA)
    return Instead(by_hand=[root, math.exp(-math.sqrt(2 * at.v * math.log(2 / DELTA) / at.n)), 0.0, _fitting(MANY * at.v)])


@DLS22.claim(
    "l1-risk",
    where="Theorem 1, its L1 risk",
    printed_from=DERIVED,
    covers=["A.S6"],
    needs=["DLS22/l2-risk", "DLS22/catoni"],
    given=family(_noisy, p=(0, 3), varsigma=[0.0, 0.5, 2.0], size=[1.0, 0.0625]),
    tol=ulps(lambda at: 2 * _budget(at)),
)
def l1_risk_entry(at):
    """Catoni's interval for E|f - y| from samples of E[|f(x) - y| | x] = max(|f - f*|, varsigma), whose variance is at most the exact L2 risk."""
    found = l1_risk(at.net, at.target, varsigma=at.varsigma, delta=DELTA, n=N, rng=at.seed, alpha=at.alpha, beta=at.beta)
    return Sides(l1_risk=list(found), by_hand=_interval(_given_x(at), _risk_of(at), DELTA), scale=_interval_scale(at))


def _interval_scale(at):
    """The terms of f - f*, and what the rounding of the risk takes the radius along with."""
    return at.varsigma + _size(at) * (1 + _size(at) / math.sqrt(_risk_of(at)))


def _risk_of(at):
    return float(_on_line(_f_star(at), _parameters(at), len(at.net.a)))


def _given_x(at):
    """The mean over the two labels at each input that the same seed draws."""
    g = _residual(at, np.random.default_rng(at.seed).standard_normal((N, 1)))
    return (np.abs(g + at.varsigma) + np.abs(g - at.varsigma)) / 2


def _interval(x, v, delta):
    """The root of Catoni's equation by bisection between the extremes, and the radius."""
    n, L, low, high = len(x), math.log(2 / delta), x.min(), x.max()
    for _ in HALVINGS:
        middle = (low + high) / 2
        y = math.sqrt(2 * L * (n - 2 * L) / max(v, LEAST)) / n * (x - middle)
        low, high = ((middle, high), (low, middle))[int(np.signbit(math.fsum(np.sign(y) * np.log(1 + np.abs(y) + y**2 / 2))))]
    return [low, math.sqrt(2 * v * L / (n - 2 * L))]


@l1_risk_entry.refutes("|f - f*| + varsigma for max(|f - f*|, varsigma)")
def _(at):
    g = _residual(at, np.random.default_rng(at.seed).standard_normal((N, 1)))
    return Instead(by_hand=_interval(np.abs(g) + at.varsigma, _risk_of(at), DELTA))


@l1_risk_entry.refutes("the variance of |f - y|, L2 risk and noise")
def _(at):
    return Instead(by_hand=_interval(_given_x(at), _risk_of(at) + at.varsigma**2, DELTA))


@l1_risk_entry.refutes("the sample mean for Catoni's")
def _(at):
    return Instead(by_hand=[np.mean(_given_x(at)), catoni_half_width(N, _risk_of(at), DELTA)])
