"""Exact risks against the integral of a piecewise polynomial on a line at 80 digits, and by symmetries where there are more dimensions."""

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from refimpl import risk
from refimpl.activations import TANH
from refimpl.bivariate import angles, relu_relu
from refimpl.data.targets import Target, single_index
from refimpl.errors import DomainError, DtypeError, NonFiniteError, ShapeError
from refimpl.gaussian import Phi, phi
from refimpl.initial import symmetric
from refimpl.losses import SQUARE
from refimpl.network import Network
from refimpl.pairs import _far
from tests.strategies import EPS, SPOILED, convolve, frozen, mp, mpf, normal_moment, seeds, substitute

SIZES = st.sampled_from([1.0, 1e-3, 1e6])


def network(seed, m, d, size=1.0):
    """Any a, W and b, the former of this size; every fourth row is 0, nearly so, or parallel to another."""
    rng = np.random.default_rng(seed)
    W, b = rng.normal(size=(m, d)), rng.normal(size=m)
    W[3::12] = 0
    W[7::12] *= 1e-3
    W[11::12] = -2 * W[0]
    return Network(frozen(size * rng.normal(size=m)), frozen(W), frozen(b))


def target(seed, p, r, d):
    rng = np.random.default_rng(seed)
    g = {alpha: float(rng.normal()) for alpha in np.ndindex(*(p + 1,) * r) if sum(alpha) <= p}
    return Target(g, frozen(np.linalg.qr(rng.normal(size=(d, r)))[0].T))


# ---- on a line, exactly

def tails(K, t):
    """E[z^k 1{z >= t}], k = 0, ..., K."""
    m = [mp.ncdf(-t), mp.npdf(t)]
    for k in range(2, K + 1):
        m.append(t ** (k - 1) * m[1] + (k - 1) * m[k - 2])
    return m


def on_a_line(net, f_star, alpha=0.0, beta=0.0):
    """E (f - f*)^2 at d = 1, the squares of polynomials between kinks."""
    a, w, b = ([Fraction(x) for x in values.ravel().tolist()] for values in (net.a, net.W, net.b))
    g_star = substitute(dict(f_star.g), [[Fraction(f_star.U.item())]])
    kinks = sorted({Fraction(-60), Fraction(60), *(-y / x for x, y in zip(w, b, strict=True) if x and abs(y / x) < 60)})
    total = mp.mpf(0)
    with mp.workdps(80):
        for low, high in pairwise(kinks):
            on = [j for j in range(net.m) if w[j] * (low + high) / 2 + b[j] > 0]
            g = {alpha: -c for alpha, c in g_star.items()}
            g[0,] = g.get((0,), 0) + Fraction(alpha) + sum(a[j] * b[j] for j in on)
            g[1,] = g.get((1,), 0) + Fraction(beta) + sum(a[j] * w[j] for j in on)
            square = convolve(g, g)
            K = max(k for k, in square)
            m = [x - y for x, y in zip(tails(K, mpf(low)), tails(K, mpf(high)), strict=True)]
            total += mp.fsum(mpf(c + Fraction()) * m[k] for (k,), c in square.items())
        return +total


@given(seed=seeds, m=st.integers(1, 16), p=st.integers(0, 5), size=SIZES)
@example(seed=0, m=1, p=0, size=1.0)
@example(seed=1, m=16, p=5, size=1e6)
@example(seed=2, m=12, p=2, size=1e-3)
def test_the_risk_is_within_its_rounding(seed, m, p, size):
    net, f_star = network(seed, m, 1, size), target(seed + 1, p, 1, 1)
    found = risk.l2_risk_terms(net, f_star, alpha=0.5, beta=frozen([-0.25]))
    assert abs(mpf(found.value) - on_a_line(net, f_star, 0.5, -0.25)) <= found.rounding
    assert found.value == math.fsum([found.pairs, found.cross, found.line]) == risk.l2_risk(net, f_star, alpha=0.5, beta=frozen([-0.25]))
    assert found.at_most >= found.value


def test_more_neurons_than_a_block_of_rows():
    net, f_star = network(0, 150, 1), target(1, 3, 1, 1)
    found = risk.l2_risk_terms(net, f_star)
    assert abs(mpf(found.value) - on_a_line(net, f_star)) <= found.rounding <= 1e-9 * found.line + 1e-10


@pytest.mark.parametrize("m", [63, 64, 65, 128, 130])
def test_the_size_of_a_block_changes_nothing_but_the_rounding(m, monkeypatch):
    net, f_star = network(3, m, 2), target(4, 2, 2, 2)
    here, there = risk.l2_risk_terms(net, f_star), risk.l2_risk_gradient(net, f_star)
    monkeypatch.setattr(risk, "ROWS", 7)
    again = risk.l2_risk_gradient(net, f_star)
    assert abs(risk.l2_risk(net, f_star) - here.value) <= 2 * here.rounding
    assert all(np.max(np.abs(x - y)) <= 1e-12 * np.max(np.abs(x)) for x, y in zip(there, again, strict=True))


@pytest.mark.parametrize("m", [1, 63, 64, 65, 130])
def test_several_heads_at_once(m):
    net, f_star, beta = network(5, m, 2), target(6, 3, 2, 2), frozen([1.0, -2.0])
    heads = np.random.default_rng(7).standard_normal((3, m))
    alone = [risk.l2_risk_terms(Network(a, net.W, net.b), f_star, alpha=0.5, beta=beta) for a in heads]
    together = risk.l2_risks(net, f_star, heads, alpha=0.5, beta=beta)
    assert together.shape == (3,)
    assert all(abs(x - y.value) <= 2 * y.rounding for x, y in zip(together, alone, strict=True))
    with pytest.raises(ShapeError, match=rf"heads has shape \(3, {m + 1}\) but W has m = {m}"):
        risk.l2_risks(net, f_star, np.ones((3, m + 1)))


@pytest.mark.parametrize("m", [1, 5, 130])
def test_kinks_far_out(m):
    """Neurons that are all but off, of sizes at which they count: far pairs, near ones and both, beside the integrals."""
    rng = np.random.default_rng(m)
    W, b = rng.normal(size=(m, 3)) + 3 * np.eye(3)[0], -rng.uniform(4.0, 9.0, size=m)
    length = np.linalg.norm(W, axis=1)
    net = Network(frozen(rng.normal(size=m) * np.exp(b * b / 4) / length), frozen(W), frozen(b * length))
    R = relu_relu(b[:, None], b, angles(W, W))
    a = net.a * length
    n = np.sqrt((1 + b * b) * Phi(b) + np.abs(b) * phi(b))
    found = risk.l2_risk_terms(net, target(0, 1, 1, 3))
    assert abs(found.pairs - a @ R @ a) <= (128 + 6 * 3 + 80 + 2 * m) * EPS * (np.abs(a) @ n) ** 2
    assert m < 5 or np.sum(np.abs(a)[:, None] * np.abs(a) * R * _far(b, b)) > 1e-3 * np.sum(np.abs(a)[:, None] * np.abs(a) * R)
    assert m < 5 or 0 < np.count_nonzero(_far(b, b)) < m * m


def cancelling(size, spread=2.0**-10):
    """Four neurons of this size that add up to a bump of width 3 spread and height size spread."""
    return Network(size * frozen([1.0, -3.0, 3.0, -1.0]), frozen(np.ones((4, 1))), frozen([0.0, -spread, -2 * spread, -3 * spread]))


@pytest.mark.parametrize("size", [1.0, 1e3, 1e6])
def test_the_reader_sees_where_the_digits_are_gone(size):
    """Output weights of size 1e6 that cancel to 1e-10 of their squares: the pairs are off by their rounding, which the bound says."""
    net, f_star = cancelling(size), single_index([0.0, 0.0, 1.0], frozen([1.0]))
    found, exact = risk.l2_risk_terms(net, f_star), on_a_line(cancelling(size), f_star)
    assert abs(mpf(found.value) - exact) <= found.rounding
    assert (found.rounding > 1e-4 * exact) == (size == 1e6)


def test_a_network_that_is_its_target():
    """relu(z) - relu(-z) = z, and alpha and beta alone: f = f*, whatever the dimension."""
    u = frozen([0.6, 0.8, 0.0])
    net = Network(frozen([2.0, -2.0]), frozen([u, -u]), frozen([0.0, 0.0]))
    for f_star, alpha, beta in ((single_index([0.0, 2.0], u), 0.0, None), (single_index([1.0, 5.0], u), 1.0, 3 * u)):
        found = risk.l2_risk_terms(net, f_star, alpha=alpha, beta=beta)
        assert abs(found.value) <= found.rounding < 1e-11
        assert found.line > 3
        gradient = risk.l2_risk_gradient(net, f_star, alpha=alpha, beta=beta)
        assert max(np.max(np.abs(part)) for part in gradient) <= 1e-13


def test_no_network_leaves_the_polynomial():
    """a = 0: (alpha - C_0)^2 + |beta - C_1|^2 + what lies beyond."""
    f_star = single_index([1.0, 2.0, 3.0, 4.0], frozen([0.6, 0.8]))
    net = Network(frozen([0.0]), frozen([[1.0, 2.0]]), frozen([0.5]))
    expected = (0.5 - 1) ** 2 + (1.2 - 1) ** 2 + (1.6 + 1) ** 2 + 9 / 2 + 16 / 6
    assert risk.l2_risk(net, f_star, alpha=0.5, beta=frozen([1.0, -1.0])) == pytest.approx(expected, rel=1e-14)
    assert risk.l2_risk(net, f_star) == pytest.approx(f_star.second_moment, rel=1e-14)


def test_at_the_mirrored_start_the_risk_is_that_of_0():
    f_star = target(0, 3, 2, 4)
    found = risk.l2_risk_terms(symmetric(100, 4, rng=0), f_star)
    assert abs(found.value - f_star.second_moment) <= found.rounding
    assert abs(found.pairs) + abs(found.cross) <= found.rounding


# ---- in more dimensions

def quadrature(f, d, degree=40):
    """E f(x) by Gauss and Hermite's rule: exact for polynomials, good to 2 or 3 digits across a kink."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(degree)
    x = np.stack(np.meshgrid(*[nodes] * d), axis=-1).reshape(-1, d)
    weight = np.prod(np.stack(np.meshgrid(*[weights / math.sqrt(2 * math.pi)] * d), axis=-1).reshape(-1, d), axis=1)
    return weight @ f(x)


@pytest.mark.parametrize("seed", range(4))
def test_the_risk_is_the_mean_square_in_three_dimensions(seed):
    """To the 1 % that the rule is good for."""
    net, f_star, beta = network(seed, 6, 3), target(seed, 2, 2, 3), np.random.default_rng(seed).normal(size=3)
    expected = quadrature(lambda x: (0.3 + x @ beta + net.predict(x) - f_star.value(x)) ** 2, 3)
    assert risk.l2_risk(net, f_star, alpha=0.3, beta=beta) == pytest.approx(expected, rel=1e-2)


@given(seed=seeds, d=st.integers(2, 6), m=st.integers(1, 13))
def test_a_line_in_many_dimensions(seed, d, m):
    """Neurons along one direction, which is the target's: the risk is that of the line, within both roundings."""
    rng = np.random.default_rng(seed)
    line, u = network(seed, m, 1), rng.normal(size=d)
    u /= np.linalg.norm(u)
    f_star = single_index(rng.normal(size=4), u)
    found = risk.l2_risk_terms(Network(line.a, frozen(line.W * u), line.b), f_star, alpha=0.5, beta=frozen(-0.25 * u))
    flat = Target(f_star.g, frozen([[1.0]]))
    assert abs(mpf(found.value) - on_a_line(line, flat, 0.5, -0.25)) <= 2 * found.rounding


@given(seed=seeds, d=st.integers(2, 5), power=st.integers(-30, 30))
def test_relu_is_homogeneous(seed, d, power):
    """(a, W, b) and (a / s, s W, s b) are one network, to the bit for powers of 2."""
    net, f_star, s = network(seed, 8, d), target(seed, 2, 2, d), 2.0**power
    assert risk.l2_risk(Network(net.a / s, s * net.W, s * net.b), f_star) == risk.l2_risk(net, f_star)


def test_weights_near_the_ends_of_the_floats():
    """Neurons of size 1e300 and 1e-300 beside their reciprocals: no square of a weight is formed."""
    net, f_star = network(0, 3, 2), target(0, 2, 1, 2)
    s = np.array([2.0**990, 2.0**-990, 1.0])
    assert risk.l2_risk(Network(net.a / s, s[:, None] * net.W, s * net.b), f_star) == risk.l2_risk(net, f_star)
    tiny = Network(frozen([1.0]), frozen([[5e-324, 0.0]]), frozen([2.0]))
    assert risk.l2_risk(tiny, single_index([2.0], frozen([1.0, 0.0]))) == 0


# ---- the gradient

def gradient_on_a_line(net, f_star, alpha, beta):
    """Central differences of the exact risk with steps of 1e-20: an error of 1e-40."""
    theta = [Fraction(x) for x in (*net.a.tolist(), *net.W.ravel().tolist(), *net.b.tolist(), alpha, beta)]
    h, m = Fraction(1, 10**20), net.m

    def at(shift):
        moved = [x + y for x, y in zip(theta, shift, strict=True)]
        fake = type("Exact", (), {"a": np.array(moved[:m], object), "W": np.array(moved[m:2 * m], object), "b": np.array(moved[2 * m:3 * m], object), "m": m})
        return on_a_line(fake, f_star, *moved[3 * m:])

    with mp.workdps(80):
        return [(at([h * (i == k) for i in range(len(theta))]) - at([-h * (i == k) for i in range(len(theta))])) / (2 * mpf(h)) for k in range(len(theta))]


@pytest.mark.parametrize("seed", range(6))
def test_the_gradient_is_the_difference_quotient_of_the_exact_risk(seed):
    """Within the documented count of roundings of 2 (|f| + |f*|) times |grad f|, here bounded by |relu| <= |w z| + |b|."""
    net, f_star = network(seed, 12, 1), target(seed, seed % 4, 1, 1)
    g = risk.l2_risk_gradient(net, f_star, alpha=0.5, beta=frozen([-0.25]))
    reach = np.abs(net.W[:, 0]) + np.abs(net.b)
    root = 0.75 + np.abs(net.a) @ reach + sum(abs(float(c)) * math.sqrt(normal_moment((2 * k,))) for (k,), c in f_star.g.items())
    bound = (128 + 16 * f_star.p + 6 + 2 * f_star.p + 2 * net.m) * EPS * 2 * root
    size = np.concatenate([reach, np.abs(net.a), np.abs(net.a), [1, 1]])
    got = np.concatenate([g.da, g.dW[:, 0], g.db, [g.dalpha], g.dbeta])
    exact = gradient_on_a_line(net, f_star, 0.5, -0.25)
    assert all(abs(mpf(x) - y) <= bound * z for x, y, z in zip(got, exact, size, strict=True))


@given(seed=seeds, d=st.integers(1, 5), m=st.integers(1, 20))
def test_euler(seed, d, m):
    """a_j dR/da_j = w_j.dR/dw_j + b_j dR/db_j for each neuron: relu is homogeneous."""
    net, f_star = network(seed, m, d), target(seed, 2, 1, d)
    g = risk.l2_risk_gradient(net, f_star, alpha=-1.0, beta=frozen(np.ones(d)))
    left, right = net.a * g.da, np.sum(net.W * g.dW, axis=1) + net.b * g.db
    root = 1 + d + np.abs(net.a) @ (np.linalg.norm(net.W, axis=1) + np.abs(net.b)) + 10
    assert np.all(np.abs(left - right) <= 1e-13 * root * np.abs(net.a) * (np.linalg.norm(net.W, axis=1) + np.abs(net.b)))


def test_the_gradient_is_the_mean_of_that_of_samples():
    """A sanity check: 4e5 samples are good to 2 %."""
    net, f_star, beta = network(0, 6, 3), target(1, 2, 2, 3), frozen([0.5, -1.0, 0.25])
    X = np.random.default_rng(0).normal(size=(400_000, 3))
    sampled = net.gradients(X, f_star.value(X) - 0.5 - X @ beta, SQUARE)
    exact = risk.l2_risk_gradient(net, f_star, alpha=0.5, beta=beta)
    for got, expected in zip(exact[:3], sampled, strict=True):
        assert np.max(np.abs(got - expected)) <= 0.02 * np.max(np.abs(expected))


def test_a_neuron_without_weights():
    """w = 0: relu(b) times the mean, on where b >= 0."""
    f_star = single_index([1.0, 2.0], frozen([1.0, 0.0]))
    net = Network(frozen([3.0, 5.0, 7.0]), frozen(np.zeros((3, 2))), frozen([2.0, -2.0, 0.0]))
    g = risk.l2_risk_gradient(net, f_star)
    assert (g.dalpha, g.dbeta.tolist()) == (10.0, [-4.0, 0.0])
    assert (g.da.tolist(), g.db.tolist()) == ([20.0, 0.0, 0.0], [30.0, 0.0, 70.0])
    assert g.dW.tolist() == [[-12.0, 0.0], [0.0, 0.0], [-28.0, 0.0]]
    assert risk.l2_risk(net, f_star) == 29.0


def test_descending_the_gradient_lowers_the_risk():
    net, f_star = network(5, 10, 3), target(6, 2, 1, 3)
    g, before = risk.l2_risk_gradient(net, f_star), risk.l2_risk(net, f_star)
    size = sum(np.sum(part**2) for part in g[:3])
    after = risk.l2_risk(Network(net.a - 1e-5 * g.da, net.W - 1e-5 * g.dW, net.b - 1e-5 * g.db), f_star)
    assert after - before == pytest.approx(-1e-5 * size, rel=0.1)


# ---- the absolute risk

def test_the_interval_contains_the_absolute_risk():
    """f = 0 and f* = z: E max(|z|, varsigma) = 2 phi(varsigma) + varsigma (2 Phi(varsigma) - 1); 200 intervals at 1e-3, 7 misses have probability 1e-8."""
    net, f_star, varsigma = Network(frozen([0.0]), frozen([[1.0]]), frozen([0.0])), single_index([0.0, 1.0], frozen([1.0])), 0.5
    truth = float(2 * mp.npdf(varsigma) + varsigma * (2 * mp.ncdf(varsigma) - 1))
    found = [risk.l1_risk(net, f_star, varsigma=varsigma, delta=1e-3, n=200, rng=seed) for seed in range(200)]
    assert sum(abs(x.estimate - truth) > x.half_width for x in found) <= 6
    assert max(x.half_width for x in found) < 0.3


def test_samples_come_in_blocks():
    net, f_star = network(0, 3, 2), target(0, 2, 1, 2)
    n = 2 * risk.SAMPLES + 17
    found = risk.l1_risk(net, f_star, varsigma=1.0, delta=1e-6, n=n, rng=3, alpha=0.5, beta=frozen([1.0, 2.0]))
    X = np.random.default_rng(3).normal(size=(n, 2))
    x = np.maximum(np.abs(0.5 + X @ [1.0, 2.0] + net.predict(X) - f_star.value(X)), 1.0)
    assert abs(found.estimate - x.mean()) < found.half_width < 0.3
    assert found == risk.l1_risk(net, f_star, varsigma=1.0, delta=1e-6, n=n, rng=3, alpha=0.5, beta=frozen([1.0, 2.0]))


def test_without_a_residual_the_noise_is_left():
    u = frozen([0.6, 0.8])
    net = Network(frozen([2.0, -2.0]), frozen([u, -u]), frozen([0.0, 0.0]))
    found = risk.l1_risk(net, single_index([0.0, 2.0], u), varsigma=0.75, delta=1e-6, n=100, rng=0)
    assert found.estimate == 0.75
    assert found.half_width < 1e-6


# ---- bad input

NET, F_STAR = network(0, 3, 2), target(0, 2, 1, 2)
CALLS = {"l2_risk": risk.l2_risk, "l2_risks": lambda network, *args, **kwargs: risk.l2_risks(network, *args, getattr(network, "a", np.ones(1))[None], **kwargs),
         "l2_risk_terms": risk.l2_risk_terms, "l2_risk_gradient": risk.l2_risk_gradient,
         "l1_risk": lambda *args, **kwargs: risk.l1_risk(*args, varsigma=1.0, delta=0.1, n=100, rng=0, **kwargs)}
each = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@each
def test_other_types_and_sizes(call):
    with pytest.raises(DtypeError, match="network is of type int; it must be a Network"):
        call(3, F_STAR)
    with pytest.raises(DtypeError, match="target is of type dict; it must be a Target"):
        call(NET, {})
    with pytest.raises(DomainError, match="network has the activation tanh; the risk has a closed form for relu"):
        call(Network(NET.a, NET.W, NET.b, TANH), F_STAR)
    with pytest.raises(ShapeError, match=r"W has shape \(3, 2\) but U has d = 3"):
        call(NET, target(0, 1, 1, 3))
    with pytest.raises(ShapeError, match=r"beta has shape \(3,\) but U has d = 2"):
        call(NET, F_STAR, beta=np.zeros(3))
    with pytest.raises(NonFiniteError, match="alpha = nan"):
        call(NET, F_STAR, alpha=math.nan)


@pytest.mark.parametrize(("spoil", "error", "pattern"), SPOILED)
@each
def test_spoiled_slopes(call, spoil, error, pattern):
    with pytest.raises(error, match=pattern.format(name="beta")):
        call(NET, F_STAR, beta=spoil(frozen([1.0, 2.0])))


@each
def test_an_overflow_is_an_error_that_says_where(call):
    for size, where in ((1e160, "E f_theta"), (1e308, r"a \|w\|")):
        with pytest.raises(NonFiniteError, match=rf"({where}|d[aWb]).*(inf|nan)"):
            call(Network(frozen([size]), frozen([[7.0, 7.0]]), frozen([1.0])), F_STAR)


def test_numbers_of_the_absolute_risk():
    for wrong, message in (({"varsigma": -1.0}, "varsigma = -1.0; the label noise is"), ({"delta": 0.0}, "delta = 0.0"), ({"n": 0}, "n = 0"),
                           ({"n": 5}, "n = 5; Catoni's interval needs n > 2 log")):
        with pytest.raises(DomainError, match=message):
            risk.l1_risk(NET, F_STAR, **{"varsigma": 1.0, "delta": 0.1, "n": 100, "rng": 0, **wrong})
    with pytest.raises(DtypeError, match="rng is None"):
        risk.l1_risk(NET, F_STAR, varsigma=1.0, delta=0.1, n=100, rng=None)
