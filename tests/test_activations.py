"""Coefficients against half-line moments at 80 digits, closed forms and mpmath's quadrature; derivatives piece by piece."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from refimpl.activations import ERF, RELU, TANH, TRUNCATED_RELU, Activation, analytic
from refimpl.errors import DomainError, DtypeError, NonFiniteError
from tests.strategies import EPS, NORMAL, SPOILED, frozen, half_line_moment, mp, reals, relu_terms, rodrigues, ulps, vectors

EXP, SIN = analytic("exp", np.exp, np.exp), analytic("sin", np.sin, np.cos)
ALL = [RELU, TRUNCATED_RELU, TANH, ERF, EXP, SIN]
each = pytest.mark.parametrize("activation", ALL, ids=lambda a: a.name)
biases = st.one_of(st.sampled_from([0.0, 1.0, -1.0, 0.7, -1.2, 5.0, -5.0]), reals(2), reals(12))


# ---- values and derivatives

def clip(z, low, high):
    return min(max(z, low), high)


EXACT = {"relu": lambda z: max(z, 0), "truncated_relu": lambda z: clip(z, 0, 1)}
floats = st.one_of(st.sampled_from([0.0, -0.0, 1.0, 5e-324, -5e-324, np.nextafter(1, 0), np.nextafter(1, 2), 1e300, -1e300]),
                   st.floats(allow_nan=False, allow_infinity=False), reals(2))


@pytest.mark.parametrize("activation", [RELU, TRUNCATED_RELU], ids=lambda a: a.name)
@given(z=floats)
@example(z=0.0)
@example(z=1.0)
def test_pieces_are_exact_and_a_kink_takes_the_derivative_from_the_right(activation, z):
    sigma, h = EXACT[activation.name], Fraction(1, 2**1100)        # h is below the distance of any two floats
    assert activation.value(z) == sigma(Fraction(z))
    assert activation.derivative(z) == (sigma(Fraction(z) + h) - sigma(Fraction(z))) / h


@given(z=vectors(reals(300) | reals(3)))
@example(z=frozen([0.0, 19.1, -19.1, 350.0, 355.6, -372.0, 800.0]))
def test_tanh_and_its_derivative(z):
    """2 ulps of the library's tanh and cosh; the derivative squares 1 / cosh, and far out it fades into denormals."""
    assert ulps(TANH.value(z), [mp.tanh(x) for x in z]) <= 2
    slope = [mp.sech(x)**2 for x in z]
    assert ulps(TANH.derivative(z), slope, [x + NORMAL for x in slope]) <= 6


@given(z=vectors(reals(3) | reals(25)))
@example(z=frozen([0.0, 5.0, -26.0]))
def test_erf_and_its_derivative(z):
    """2 ulps of the library's erf; the derivative is two exps, which split z^2, and four operations on them."""
    assert ulps(ERF.value(z), [mp.erf(x) for x in z]) <= 2
    assert ulps(ERF.derivative(z), [2 / mp.sqrt(mp.pi) * mp.exp(-mp.mpf(x)**2) for x in z]) <= 5


@pytest.mark.parametrize("z", [27.5, 28.0, 1e10 + 0.3, 2.0**512, 2.0**1023, 1.7e308])
def test_far_out_the_derivative_of_erf_is_nothing(z):
    assert ERF.derivative(z) == ERF.derivative(-z) == 0


@given(z=reals(20))
def test_analytic_derivatives_are_complex_steps(z):
    for activation, sigma in ((TANH, np.tanh), (EXP, np.exp), (SIN, np.sin)):
        expected = sigma(complex(z, 1e-200)).imag / 1e-200
        assert abs(activation.derivative(z) - expected) <= 16 * EPS * (abs(expected) + abs(activation.value(z)))


@each
def test_shapes_stay_and_a_number_gives_a_scalar(activation):
    z = frozen(np.linspace(-2, 2, 6).reshape(2, 3))
    for f in (activation.value, activation.derivative):
        assert f(z).shape == z.shape
        assert f(np.empty((0, 2))).shape == (0, 2)
        assert isinstance(f(1), float)
    assert activation.hermite_coefficients(4).shape == (5,)
    assert activation.hermite_coefficients(4, 0.5).shape == (5,)
    assert activation.hermite_coefficients(4, z).shape == (5, 2, 3)
    assert activation.hermite_coefficients(0).shape == (1,)


def test_kinks_are_where_the_derivative_jumps():
    assert RELU.kinks == (0.0,)
    assert TRUNCATED_RELU.kinks == (0.0, 1.0)
    assert TANH.kinks == ERF.kinks == ()
    for activation in (RELU, TRUNCATED_RELU):
        for kink in activation.kinks:
            assert activation.derivative(kink) != activation.derivative(np.nextafter(kink, -np.inf))


# ---- coefficients of the piecewise linear ones

def relu_reference(k, b):
    """E[relu(z + b) He_k(z)] by half-line moments; relu(t) = t + relu(-t) brings b > 0 to the tail, where nothing cancels."""
    if b > 0:
        return (b if k == 0 else mp.mpf(k == 1)) + (-1)**k * relu_reference(k, -b)
    if b == 0 and k % 2:
        return mp.mpf(k == 1) / 2                      # relu = z/2 + |z|/2
    with mp.workdps(80):
        return sum(c * (half_line_moment(l + 1, b) + b * half_line_moment(l, b)) for l, c in enumerate(rodrigues(k)))


@given(K=st.integers(0, 8), b=st.one_of(biases, reals(36)))
@example(K=0, b=0.0)
@example(K=8, b=0.0)
@example(K=8, b=40.0)
@example(K=8, b=-40.0)
@example(K=5, b=3**0.5)                                # He_3 vanishes
def test_relu_coefficients(K, b):
    """16 + 4 k eps are those of the half-line moments, 4 more the sum in c_0."""
    got, b = RELU.hermite_coefficients(K, b), mp.mpf(b)
    assert got.shape == (K + 1,)
    for k in range(K + 1):
        assert ulps(got[k], relu_reference(k, b), relu_terms(k, b)) <= 20 + 4 * k


def truncated_reference(k, b):
    """E[(z + b) He_k(z) 1{0 <= z + b <= 1}] + E[He_k(z) 1{z + b >= 1}] by moments on an interval and a half-line."""
    with mp.workdps(80):
        def inside(l):
            return half_line_moment(l, b) - half_line_moment(l, b - 1)
        return sum(c * (inside(l + 1) + b * inside(l) + half_line_moment(l, b - 1)) for l, c in enumerate(rodrigues(k)))


@given(K=st.integers(0, 6), b=biases)
@example(K=0, b=0.0)
@example(K=6, b=0.5)
@example(K=6, b=1.0)
def test_truncated_relu_coefficients(K, b):
    """A difference of two ReLUs; b - 1 is rounded once, and c_k takes |b - 1| c_{k+1} of that."""
    got, b = TRUNCATED_RELU.hermite_coefficients(K, b), mp.mpf(b)
    for k in range(K + 1):
        terms = relu_terms(k, b) + relu_terms(k, b - 1) + abs(b - 1) * relu_terms(k + 1, b - 1)
        assert ulps(got[k], truncated_reference(k, b), terms) <= 20 + 4 * k


@pytest.mark.parametrize("b", [40.0, 1e3 + 0.3, 1e10 + 0.3, 2.0**53 + 2, 1e300])
def test_far_from_its_kinks_truncated_relu_is_constant(b):
    """Its values lie in [0, 1], so c_0 needs no more than a few eps of 1."""
    assert ulps(TRUNCATED_RELU.hermite_coefficients(3, b), [1, 0, 0, 0], [1, 1, 1, 1]) <= 20
    assert not TRUNCATED_RELU.hermite_coefficients(3, -b).any()


@pytest.mark.parametrize("b", [40.0, 1e10 + 0.3, 1e300])
def test_far_from_its_kink_relu_is_linear(b):
    assert RELU.hermite_coefficients(3, b).tolist() == [b, 1, 0, 0]
    assert not RELU.hermite_coefficients(3, -b).any()


@pytest.mark.parametrize("activation", [RELU, TRUNCATED_RELU], ids=lambda a: a.name)
@given(b=vectors(reals(6)))
def test_many_biases_are_each_on_its_own(activation, b):
    got = activation.hermite_coefficients(4, b)
    expected = np.stack([activation.hermite_coefficients(4, frozen([x]))[:, 0] for x in b], axis=1)
    assert np.array_equal(got, expected)


# ---- coefficients of the analytic ones

def erf_reference(k, b):
    """(d/db)^k erf(b / sqrt 3)."""
    if k == 0:
        return mp.erf(b / mp.sqrt(3))
    s = mp.sqrt(mp.mpf(2) / 3)
    He = sum(c * (b * s)**l for l, c in enumerate(rodrigues(k - 1)))
    return 2 / mp.sqrt(3 * mp.pi) * mp.exp(-b * b / 3) * (-s)**(k - 1) * He


CLOSED = {
    "erf": (ERF, erf_reference, lambda b: 1),
    "exp": (EXP, lambda k, b: mp.exp(b + mp.mpf(1) / 2), lambda b: mp.exp(b + 1)),
    "sin": (SIN, lambda k, b: mp.exp(-mp.mpf(1) / 2) * mp.sin(b + k * mp.pi / 2), lambda b: 1),
}


@pytest.mark.parametrize(("activation", "reference", "size"), CLOSED.values(), ids=CLOSED)
@given(K=st.integers(0, 8), b=biases)
@example(K=0, b=0.0)
@example(K=30, b=0.7)
def test_analytic_coefficients_have_closed_forms(activation, reference, size, K, b):
    """The rule stops at 64 (K + 1) eps of E|sigma He_k|, which is at most sqrt(E sigma^2 k!)."""
    got, b = activation.hermite_coefficients(K, b), mp.mpf(b)
    for k in range(K + 1):
        assert ulps(got[k], reference(k, b), size(b) * mp.sqrt(math.factorial(k))) <= 64 * (K + 1)


@pytest.mark.parametrize("b", [0.0, 0.7, -1.2, 5.0, -40.0])
def test_tanh_coefficients_are_mpmaths_integrals(b):
    got = TANH.hermite_coefficients(4, b)
    with mp.workdps(20):
        for k in range(5):
            expected = mp.quad(lambda z, k=k: mp.npdf(z) * mp.tanh(z + b) * sum(c * z**l for l, c in enumerate(rodrigues(k))),
                               [-12, -6, -3, 0, 3, 6, 12])
            assert ulps(got[k], expected, mp.sqrt(math.factorial(k))) <= 64 * 5


@given(b=reals(5))
@example(b=0.0)
def test_coefficients_of_the_derivative_are_shifted(b):
    """c_k of sigma' is c_{k+1} of sigma, across two calls of the rule."""
    cosine = analytic("cos", np.cos, lambda z: -np.sin(z))
    got, expected = cosine.hermite_coefficients(4, b), SIN.hermite_coefficients(5, b)[1:]
    assert ulps(got, expected, [math.sqrt(math.factorial(k + 1)) for k in range(5)]) <= 64 * 5 + 64 * 6


KINKED = {
    "relu": lambda z: np.maximum(z, 0), "abs": lambda z: np.abs(z - 0.3), "step": lambda z: (z >= 0.1).astype(float),
    "clip": lambda z: np.clip(z, 0, 1), "root": lambda z: np.sqrt(np.abs(z)), "spike": lambda z: 1 / (1 + 1e6 * z * z),
}


@pytest.mark.parametrize("name", KINKED)
@pytest.mark.parametrize("b", [0.0, 0.7])
def test_the_rule_refuses_a_kink(name, b):
    with pytest.raises(DomainError, match=f"{name} does not settle"):
        analytic(name, KINKED[name], np.sign).hermite_coefficients(3, b)


# ---- bad input

@each
@pytest.mark.parametrize("z", [None, "1", True, [0.5]])
def test_points_are_a_number_or_an_array(activation, z):
    for f, name in ((activation.value, "z"), (activation.derivative, "z"), (lambda b: activation.hermite_coefficients(2, b), "b")):
        with pytest.raises(DtypeError, match=rf"{name} = .* is of type {type(z).__name__}"):
            f(z)


@each
@pytest.mark.parametrize(("spoil", "error", "pattern"), [s for s in SPOILED if s.id in ("int", "float32", "complex", "bool", "nan", "inf")])
def test_spoiled_points(activation, spoil, error, pattern):
    z = spoil(frozen([0.5, 1.5]))
    for f, name in ((activation.value, "z"), (activation.derivative, "z"), (lambda b: activation.hermite_coefficients(2, b), "b")):
        with pytest.raises(error, match=pattern.format(name=name)):
            f(z)


@each
def test_the_number_of_coefficients(activation):
    with pytest.raises(DomainError, match="K = -1; K must be at least 0"):
        activation.hermite_coefficients(-1)
    for K in (True, 1.0, None):
        with pytest.raises(DtypeError, match=f"K = {K!r} is of type {type(K).__name__}"):
            activation.hermite_coefficients(K)


def test_a_result_that_is_not_finite_is_named():
    inverse = analytic("inverse", lambda z: 1 / z, lambda z: -1 / z**2)
    with np.errstate(divide="ignore"):
        with pytest.raises(NonFiniteError, match=r"inverse\(z\)\[1\] = inf"):
            inverse.value(frozen([1.0, 0.0]))
        with pytest.raises(NonFiniteError, match=r"inverse'\(z\)\[1\] = -inf"):
            inverse.derivative(frozen([1.0, 0.0]))
        broken = Activation("broken", np.abs, np.sign, lambda K, b: np.full((K + 1, *b.shape), np.nan))
        with pytest.raises(NonFiniteError, match=r"c\[0\] = nan"):
            broken.hermite_coefficients(2)


@each
def test_an_activation_is_frozen(activation):
    with pytest.raises(AttributeError):
        activation.name = "other"
