"""Gradients against exact piecewise differentiation in Fractions, and against complex steps up to a width of 1e5."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from refimpl.activations import RELU, TANH, TRUNCATED_RELU, analytic
from refimpl.errors import DomainError, NonFiniteError, ShapeError
from refimpl.losses import ABSOLUTE, HINGE, LOGISTIC, SQUARE
from refimpl.network import Gradients, Network
from tests.strategies import EPS, SPOILED, exactly, frozen, mp, mpf, seeds, ulps

EXP, SIN = analytic("exp", np.exp, np.exp), analytic("sin", np.sin, np.cos)
LOSSES = [SQUARE, ABSOLUTE, HINGE, LOGISTIC]
each_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)


def draw(seed, n, m, d, loss, spread=1.0):
    """X, y, a, W, b of normal entries; labels are signs where the loss wants them."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=n)
    a, W, b = rng.normal(size=m), spread * rng.normal(size=(m, d)), spread * rng.normal(size=m)
    return tuple(map(frozen, (rng.normal(size=(n, d)), np.copysign(1, y) if loss.signs else y, a, W, b)))


# ---- the comparison

def agree(got, expected, scale):
    """Shapes, and every entry within 1e-13 of the sum of the absolute values of its own terms: no 1/m or 1/n hides anything."""
    return all(g.shape == e.shape and bool(np.all(np.abs(g - e) <= 1e-13 * s)) for g, e, s in zip(got, expected, scale, strict=True))


def absolute_terms(X, y, a, W, b, activation, loss):
    """The sums of the gradient over absolute values; what z is off by, at most eps times A, enters through sigma' and sigma''."""
    A = np.abs(X) @ np.abs(W.T) + np.abs(b)                                    # (n, m)
    Z = X @ W.T + b
    bend = np.abs(activation.value(Z)) if activation is EXP else 0.0 if activation.kinks else 1.0      # |sigma''|
    D = np.abs(activation.derivative(Z))
    S = np.abs(activation.value(Z)) + D * A
    f = S @ np.abs(a)                                                          # (n,)
    r = {"square": 2 * (f + np.abs(y)), "logistic": 1 + f / 4}.get(loss.name, np.ones(len(y))) / len(y)
    D = D + bend * A
    return Gradients(r @ S, np.abs(a)[:, None] * (D.T @ (r[:, None] * np.abs(X))), np.abs(a) * (r @ D))


WRONG = {
    "zero": lambda g: 0 * g,
    "sign": lambda g: -g,
    "factor 2": lambda g: 2 * g,
    "half": lambda g: g / 2,
    "a part in 1e9": lambda g: g * (1 + 1e-9),
    "transposed": lambda g: g.T.copy() if g.ndim == 2 else g[::-1],
    "transposed in place": lambda g: g.T.reshape(g.shape) if g.ndim == 2 else g[::-1],
    "shifted by a neuron": lambda g: np.roll(g, 1, axis=0),
    "one axis more": lambda g: g[None],
}


@pytest.mark.parametrize("part", ["da", "dW", "db"])
@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize(("m", "d"), [(2, 2), (3, 3), (100_000, 2)])
def test_the_comparison_rejects_a_wrong_gradient(wrong, part, m, d):
    """At a = 1/m too, where every entry is of size 1/m and a tolerance that is not relative would accept the zero gradient."""
    X, y, a, W, b = draw(1, 3, m, d, SQUARE)
    net = Network(frozen(a / m), W, b, TANH)
    right, scale = net.gradients(X, y, SQUARE), absolute_terms(X, y, net.a, W, b, TANH, SQUARE)
    assert agree(right, right, scale)
    assert not agree(right._replace(**{part: WRONG[wrong](getattr(right, part))}), right, scale)


@pytest.mark.parametrize("wrong", ["zero", "sign", "a part in 1e9"])
def test_the_comparison_rejects_a_wrong_gradient_at_width_10000000(wrong):
    X, y, a, W, b = draw(1, 1, 10_000_000, 1, SQUARE)
    net = Network(frozen(a / len(a)), W, b, RELU)
    right, scale = net.gradients(X, y, SQUARE), absolute_terms(X, y, net.a, W, b, RELU, SQUARE)
    assert agree(right, right, scale)
    assert not any(agree([WRONG[wrong](g)], [g], [s]) for g, s in zip(right, scale, strict=True))


@pytest.mark.parametrize("m", [2, 100_000])
def test_the_comparison_rejects_a_sum_over_samples(m):
    X, y, a, W, b = draw(1, 3, m, 2, SQUARE)
    right = Network(a, W, b, TANH).gradients(X, y, SQUARE)
    assert not agree([3 * g for g in right], right, absolute_terms(X, y, a, W, b, TANH, SQUARE))


# ---- complex steps

COMPLEX_SIGMA = {
    "tanh": np.tanh, "exp": np.exp, "sin": np.sin,
    "relu": lambda z: np.where(z.real >= 0, z, 0),
    "truncated_relu": lambda z: np.where(z.real >= 0, np.where(z.real < 1, z, 1), 0),
}
COMPLEX_ELL = {
    "square": lambda f, y: (f - y)**2, "absolute": lambda f, y: (f - y) * np.sign((f - y).real),
    "hinge": lambda f, y: (1 - y * f) * ((1 - y * f).real > 0), "logistic": lambda f, y: soft(-y * f),
}


def soft(t):
    """log(1 + exp(t)), without overflow for Re t > 0."""
    return np.log1p(np.exp(np.where(t.real > 0, -t, t))) + np.where(t.real > 0, t, 0)


def complex_step(X, y, a, W, b, activation, loss, h=1e-200):
    """The imaginary part of L / h where one parameter moves by ih. f moves through its neuron alone, so all neurons go at once."""
    sigma, ell = COMPLEX_SIGMA[activation.name], COMPLEX_ELL[loss.name]
    Z = X @ W.T + b + 0j                                                       # (n, m)
    f = (sigma(Z) @ a).real

    def slope(moved):
        return ell(f[:, None] + 1j * moved.imag, y[:, None]).imag.mean(axis=0) / h

    dW = [slope(a * sigma(Z + 1j * h * x[:, None])) for x in X.T]
    return Gradients(slope((a + 1j * h) * sigma(Z)), np.stack(dW, axis=1), slope(a * sigma(Z + 1j * h)))


def far_from_kinks(X, a, W, b, activation, y=None, loss=None):
    """Whether rounding, (d + 2) eps A at most, can move no z across a kink, and no f across one of the loss."""
    A, Z = np.abs(X) @ np.abs(W.T) + np.abs(b), X @ W.T + b
    away = all(bool(np.all(np.abs(Z - kink) > (X.shape[1] + 2) * EPS * (A + 1))) for kink in activation.kinks)
    if loss in (ABSOLUTE, HINGE):
        f, size = activation.sigma(Z) @ a, A @ np.abs(a)
        margin = f - y if loss is ABSOLUTE else 1 - y * f
        away &= bool(np.all(np.abs(margin) > (X.shape[1] + len(a) + 6) * EPS * (size + 1)))
    return away


@each_loss
@pytest.mark.parametrize("activation", [TANH, EXP, SIN], ids=lambda a: a.name)
@given(seed=seeds, n=st.integers(1, 5), m=st.integers(1, 6), d=st.integers(1, 4))
def test_gradients_of_analytic_activations_are_complex_steps(activation, loss, seed, n, m, d):
    X, y, a, W, b = theta = draw(seed, n, m, d, loss)
    assume(far_from_kinks(X, a, W, b, activation, y, loss))
    got = Network(a, W, b, activation).gradients(X, y, loss)
    assert agree(got, complex_step(*theta, activation, loss), absolute_terms(*theta, activation, loss))


@each_loss
@pytest.mark.parametrize("activation", [TANH, RELU, TRUNCATED_RELU], ids=lambda a: a.name)
def test_gradients_at_width_100000(activation, loss):
    """a = 1/m: the entries of dW and db are of size 1e-5."""
    m = 100_000
    X, y, a, W, b = draw(7, 3, m, 2, loss)
    theta = X, y, frozen(a / m), W, b
    assert far_from_kinks(X, theta[2], W, b, activation, y, loss)
    got, scale = Network(*theta[2:], activation).gradients(X, y, loss), absolute_terms(*theta, activation, loss)
    expected = complex_step(*theta, activation, loss)
    assert agree(got, expected, scale)
    assert not any(agree([0 * g], [e], [s]) for g, e, s in zip(got, expected, scale, strict=True))


# ---- exact piecewise differentiation

CLIP = {"relu": lambda z: max(z, 0), "truncated_relu": lambda z: min(max(z, 0), 1)}
ELL = {"square": lambda f, y: (f - y)**2, "absolute": lambda f, y: abs(f - y), "hinge": lambda f, y: max(1 - y * f, 0),
       "logistic": lambda f, y: mp.log1p(mp.exp(-mpf(y * f)))}
STEP, RIGHT = Fraction(1, 2**1100), Fraction(1, 2**1000)      # both below any distance of sums of products of these floats


def exact_predictions(X, a, W, b, activation):
    Z = exactly(X) @ W.T + b                                                   # (n, m) of Fractions
    return np.vectorize(CLIP[activation.name], otypes=[object])(Z) @ a


def exact_gradients(X, y, a, W, b, activation, loss):
    """Central differences of the exact loss. In one parameter it is piecewise linear or quadratic, and they are its derivative.

    Every bias stands RIGHT above its value, so that a kink takes the derivative from the right. For the logistic loss the
    predictions are differentiated so, and the loss of the straight line through them by mpmath.
    """
    theta = [exactly(a), exactly(W), exactly(b) + RIGHT]
    y = [Fraction(y_i) for y_i in y.tolist()]
    ell, n = ELL[loss.name], len(y)

    def slope(part, index):
        moved = []
        for sign in (1, -1):
            there = [p.copy() for p in theta]
            there[part][index] += sign * STEP
            moved.append(exact_predictions(X, *there, activation))
        if loss is LOGISTIC:
            line = [((up + down) / 2, (up - down) / (2 * STEP)) for up, down in zip(*moved, strict=True)]
            return mp.diff(lambda t: sum(ell_line(f, df, y_i, t) for (f, df), y_i in zip(line, y, strict=True)), 0) / n
        return sum(ell(up, y_i) - ell(down, y_i) for up, down, y_i in zip(*moved, y, strict=True)) / (2 * STEP * n)

    def ell_line(f, df, y_i, t):
        return mp.log1p(mp.exp(-mpf(y_i) * (mpf(f) + mpf(df) * t)))

    return [np.array([slope(part, i) for i in np.ndindex(p.shape)], dtype=object).reshape(p.shape) for part, p in enumerate(theta)]


@each_loss
@pytest.mark.parametrize("activation", [RELU, TRUNCATED_RELU], ids=lambda a: a.name)
@given(seed=seeds, n=st.integers(1, 3), m=st.integers(1, 3), d=st.integers(1, 3))
@example(seed=0, n=1, m=2, d=1)
def test_gradients_of_piecewise_linear_activations_are_exact_differences(activation, loss, seed, n, m, d):
    theta = X, y, a, W, b = draw(seed, n, m, d, loss)
    assume(far_from_kinks(X, a, W, b, activation, y, loss))
    got = Network(a, W, b, activation).gradients(X, y, loss)
    da, dW, db = exact_gradients(*theta, activation, loss)
    for g, e, s in zip(got, (da, dW, db), absolute_terms(*theta, activation, loss), strict=True):
        assert ulps(g, e, s) <= 1e-13 / EPS


@pytest.mark.parametrize("loss", [SQUARE, ABSOLUTE, HINGE], ids=lambda loss: loss.name)
@given(seed=seeds, n=st.integers(1, 4), m=st.integers(1, 4), d=st.integers(1, 3), spread=st.sampled_from([1.0, 2.0**-20, 2.0**20]))
def test_relu_gradients_are_within_their_bound(loss, seed, n, m, d, spread):
    """(d + m + n + 8) eps of the same sums over absolute values, as documented."""
    theta = X, y, a, W, b = draw(seed, n, m, d, loss, spread)
    assume(far_from_kinks(X, a, W, b, RELU, y, loss))
    A, D = np.abs(X) @ np.abs(W.T) + np.abs(b), RELU.derivative(X @ W.T + b)
    r = (2 * (A @ np.abs(a) + np.abs(y)) if loss is SQUARE else np.ones(n)) / n
    scale = r @ A, np.abs(a)[:, None] * (D.T @ (r[:, None] * np.abs(X))), np.abs(a) * (r @ D)
    for g, e, s in zip(Network(a, W, b).gradients(X, y, loss), exact_gradients(*theta, RELU, loss), scale, strict=True):
        assert ulps(g, e, s) <= d + m + n + 8


KINKS = {
    "relu at z = 0": (RELU, [[2.0, -1.0]], 0.0),
    "relu, bias against weight": (RELU, [[1.0, 1.0]], -3.0),
    "relu, zero weight and bias": (RELU, [[0.0, 0.0]], 0.0),
    "truncated relu at z = 0": (TRUNCATED_RELU, [[2.0, -1.0]], 0.0),
    "truncated relu at z = 1": (TRUNCATED_RELU, [[2.0, -1.0]], 1.0),
    "truncated relu, zero weight, bias 1": (TRUNCATED_RELU, [[0.0, 0.0]], 1.0),
}


@pytest.mark.parametrize(("activation", "w", "bias"), KINKS.values(), ids=KINKS)
@each_loss
def test_at_a_kink_the_derivative_is_the_one_from_the_right(activation, w, bias, loss):
    """x = (1, 2): w.x + b stands on the kink exactly; a second neuron does not."""
    X, y = frozen([[1.0, 2.0]]), frozen([-1.0])
    a, W, b = frozen([0.5, 0.25]), frozen([*w, [0.25, 0.125]]), frozen([bias, 0.0])
    assert (W @ X[0] + b)[0] in activation.kinks
    got = Network(a, W, b, activation).gradients(X, y, loss)
    expected = exact_gradients(X, y, a, W, b, activation, loss)
    for g, e in zip(got, expected, strict=True):                               # dyadic, one sample: rounding in the loss alone,
        assert ulps(g, e, np.abs(e) + Fraction(1, 2**900)) <= 8                # and RIGHT moves e by less than 2^-900


def test_at_a_kink_of_the_loss():
    """f = 1 = y: hinge counts as active (as for f < 1), absolute gives 0 (between f < 1 and f > 1)."""
    X, y, W, b = frozen([[1.0]]), frozen([1.0]), frozen([[1.0]]), frozen([0.0])
    below, at, above = (Network(frozen([a]), W, b) for a in (0.5, 1.0, 1.5))
    assert at.predict(X) == 1
    assert at.gradients(X, y, HINGE).da == below.gradients(X, y, HINGE).da == -1
    assert above.gradients(X, y, HINGE).da == 0
    assert at.gradients(X, y, ABSOLUTE).da == 0
    assert below.gradients(X, y, ABSOLUTE).da == -above.gradients(X, y, ABSOLUTE).da == -1
    assert at.gradients(X, y, SQUARE).da == 0


# ---- predictions

@given(seed=seeds, n=st.integers(1, 3), m=st.integers(1, 6), d=st.integers(1, 5), spread=st.sampled_from([1.0, 1e-30, 1e30]))
@example(seed=0, n=1, m=2, d=1, spread=1.0)
def test_relu_predictions_are_within_their_bound(seed, n, m, d, spread):
    """(d + m + 4) eps of sum_j |a_j| sigma(|w_j|.|x_i| + |b_j|), as documented."""
    X, _, a, W, b = draw(seed, n, m, d, SQUARE, spread)
    got = Network(a, W, b).predict(X)
    terms = exact_predictions(np.abs(X), exactly(np.abs(a)), exactly(np.abs(W)), exactly(np.abs(b)), RELU)
    assert ulps(got, exact_predictions(X, exactly(a), exactly(W), exactly(b), RELU), terms) <= d + m + 4


@given(seed=seeds, n=st.integers(1, 3), m=st.integers(1, 6), d=st.integers(1, 5), spread=st.sampled_from([1.0, 1e-30, 1e6]))
def test_truncated_relu_predictions(seed, n, m, d, spread):
    """The kinks cut the value but not the rounding of z: the terms are those of ReLU."""
    X, _, a, W, b = draw(seed, n, m, d, SQUARE, spread)
    got = Network(a, W, b, TRUNCATED_RELU).predict(X)
    terms = exact_predictions(np.abs(X), exactly(np.abs(a)), exactly(np.abs(W)), exactly(np.abs(b)), RELU)
    assert ulps(got, exact_predictions(X, exactly(a), exactly(W), exactly(b), TRUNCATED_RELU), terms) <= d + m + 4


@given(seed=seeds, m=st.integers(1, 5), d=st.integers(1, 4))
def test_tanh_predictions(seed, m, d):
    """(d + m + 4) eps of sum_j |a_j| (|tanh z| + A), since |tanh'| <= 1; 4 ulps more for tanh itself."""
    X, _, a, W, b = draw(seed, 2, m, d, SQUARE)
    Z = exactly(X) @ exactly(W).T + exactly(b)
    S = np.vectorize(lambda z: mp.tanh(mpf(z)), otypes=[object])(Z)
    A = exactly(np.abs(X)) @ exactly(np.abs(W)).T + exactly(np.abs(b))
    to_mpf = np.vectorize(mpf, otypes=[object])
    terms = (np.abs(S) + to_mpf(A)) @ to_mpf(exactly(np.abs(a)))
    assert ulps(Network(a, W, b, TANH).predict(X), S @ to_mpf(exactly(a)), terms) <= d + m + 8


@given(seed=seeds, power=st.integers(-900, 900))
def test_relu_is_homogeneous_to_the_bit(seed, power):
    """Powers of 2 round nothing, down to |w| = 1e-300 and up to 1e300."""
    X, _, a, W, b = draw(seed, 3, 4, 2, SQUARE)
    s = 2.0**power
    got, expected = Network(a, frozen(s * W), frozen(s * b)).predict(X), Network(a, W, b).predict(X)
    assert np.array_equal(got, s * expected)


def test_predictions_at_width_100000_are_exact_where_the_numbers_are():
    rng = np.random.default_rng(3)
    X, W, b, a = (frozen(rng.integers(-8, 9, size) / 8) for size in ((3, 2), (100_000, 2), 100_000, 100_000))
    Z = (64 * X @ W.T + 64 * b).astype(np.int64)
    expected = np.maximum(Z, 0) @ (8 * a).astype(np.int64)
    assert np.array_equal(512 * Network(a, W, b).predict(X), expected)


@pytest.mark.parametrize("bias", [40.0, -40.0])
def test_a_large_bias_makes_a_neuron_linear_or_dead(bias):
    X, y, a, W, _ = draw(5, 4, 2, 3, SQUARE)
    net = Network(a, W, frozen([bias, bias]))
    expected = (X @ W.T + bias) @ a if bias > 0 else np.zeros(4)
    A = (np.abs(X) @ np.abs(W.T) + 40) @ np.abs(a)
    assert np.all(np.abs(net.predict(X) - expected) <= 2 * (3 + 2 + 4) * EPS * A)       # the two sides' own bounds
    assert net.gradients(X, y, SQUARE).dW.any() == (bias > 0)


@given(seed=seeds, n=st.integers(1, 4))
def test_the_mean_over_samples_forgets_repetition(seed, n):
    X, y, a, W, b = draw(seed, n, 3, 2, SQUARE)
    net = Network(a, W, b, TANH)
    twice = net.gradients(frozen(np.tile(X, (2, 1))), frozen(np.tile(y, 2)), SQUARE)
    assert agree(twice, net.gradients(X, y, SQUARE), absolute_terms(X, y, a, W, b, TANH, SQUARE))


@given(seed=seeds)
def test_transposed_and_strided_inputs_are_read_as_they_are(seed):
    X, y, a, W, b = draw(seed, 4, 3, 4, SQUARE)
    net = Network(a, W, b)
    other = Network(np.repeat(a, 2)[::2], np.asfortranarray(W), b)
    scale = absolute_terms(X, y, a, W, b, RELU, SQUARE)
    assert agree(other.gradients(np.asfortranarray(X), y, SQUARE), net.gradients(X, y, SQUARE), scale)


def test_sizes_and_the_default_activation():
    _, _, a, W, b = draw(0, 1, 4, 3, SQUARE)
    net = Network(a, W, b)
    assert (net.m, net.d, net.activation) == (4, 3, RELU)
    with pytest.raises(AttributeError):
        net.a = b


# ---- bad input

X0, Y0, A0, W0, B0 = draw(0, 2, 3, 2, SQUARE)


@pytest.mark.parametrize("name", ["a", "W", "b"])
@pytest.mark.parametrize(("spoil", "error", "pattern"), SPOILED)
def test_spoiled_parameters(name, spoil, error, pattern):
    theta = {"a": A0, "W": W0, "b": B0}
    with pytest.raises(error, match=pattern.format(name=name)):
        Network(**{**theta, name: spoil(theta[name])})


@pytest.mark.parametrize("name", ["a", "b"])
@pytest.mark.parametrize("m", [1, 2, 4])
def test_one_output_weight_and_one_bias_a_neuron(name, m):
    with pytest.raises(ShapeError, match=rf"{name} has shape \({m},\) but W has m = 3; {name} must be \(m,\) \(DLS22, section 2\)"):
        Network(**{"a": A0, "W": W0, "b": B0, name: frozen(np.ones(m))})


@pytest.mark.parametrize(("spoil", "error", "pattern"), SPOILED)
def test_spoiled_data(spoil, error, pattern):
    net = Network(A0, W0, B0)
    with pytest.raises(error, match=pattern.format(name="X")):
        net.predict(spoil(X0))
    with pytest.raises(error, match=pattern.format(name="X")):
        net.gradients(spoil(X0), Y0, SQUARE)
    with pytest.raises(error, match=pattern.format(name="y")):
        net.gradients(X0, spoil(Y0), SQUARE)


def test_inputs_have_the_columns_of_the_weights_and_labels_the_rows_of_the_inputs():
    net = Network(A0, W0, B0)
    for X in (frozen(np.ones((2, 1))), frozen(np.ones((2, 3)))):
        with pytest.raises(ShapeError, match=rf"X has shape \(2, {X.shape[1]}\) but W has d = 2; X must be \(n, d\)"):
            net.predict(X)
    for y in (frozen([1.0]), frozen([1.0, 1.0, 1.0])):
        with pytest.raises(ShapeError, match=rf"y has shape \({len(y)},\) but X has n = 2"):
            net.gradients(X0, y, SQUARE)


@pytest.mark.parametrize("loss", [HINGE, LOGISTIC], ids=lambda loss: loss.name)
def test_labels_of_a_classification_are_signs(loss):
    with pytest.raises(DomainError, match=r"y\[1\] = 0.5; .* takes labels -1 and \+1"):
        Network(A0, W0, B0).gradients(X0, frozen([1.0, 0.5]), loss)


@pytest.mark.parametrize(("x", "w", "a"), [(1e200, 1e200, 1.0), (1.0, 1e200, 1e200)], ids=["in z", "in f"])
def test_an_overflow_is_an_error_that_says_where(x, w, a):
    net = Network(frozen([a]), frozen([[w]]), frozen([0.0]))
    with pytest.raises(NonFiniteError, match=r"f_theta\[0\] = inf; f_theta must be finite"):
        net.predict(frozen([[x]]))
    with pytest.raises(NonFiniteError, match=r"(da|dW|db)\[0.*\] = (inf|nan)"):
        net.gradients(frozen([[x]]), frozen([0.0]), SQUARE)
