"""Activations and their derivatives in floating point, and the Hermite coefficients of those other than ReLU.

    activation-values    sigma and sigma' of relu, truncated relu, tanh and erf
    truncated-relu       c_k(b) = E[min(1, max(0, z + b)) He_k(z)]
    analytic             c_k(b) of erf, tanh and sin, and of their derivatives
"""

import math
from fractions import Fraction
from functools import cache

import numpy as np
from mpmath import mp

from proofs_checks import Instead, Sides, ulps
from proofs_checks.instances import family
from proofs_checks.papers.hermite import DERIVED, HERMITE
from proofs_checks.papers.hermite.routes import NORMAL, He_monomials, half_line_values, plus_signs, tail, value, weight_derivative
from refimpl.activations import ERF, RELU, TANH, TRUNCATED_RELU
from refimpl.activations import analytic as by_trapezoid

ACTIVATIONS = {sigma.name: sigma for sigma in (RELU, TRUNCATED_RELU, TANH, ERF)}
SIZES = [1.0, 0.0, 0.1, 4.0, 20.0, 26.8, 360.0, 1e-9, 5e-324, 1e-300, 1e280]       # erf' is subnormal at 26.8, tanh' at 360

COUNTED = {                                            # eps of value and derivative: those of the docstring, and 1 for rounding mpmath's number
    "relu": (0, 0),
    "truncated_relu": (0, 0),
    "tanh": (2 + 1, 6 + 1),                            # (1 / cosh)^2: twice 2 + 1/2, and 1/2
    "erf": (2 + 1, 5 + 1),                             # two exps of 1; two products, a quotient and a root of 1/2; pi
}


def _around(rng, name, size):
    """The size and a number near it, with both signs, and the float next to the size on the side of 0."""
    z = size * np.array([1.0, rng.uniform(0.5, 1.5)])
    return {"z": np.array([*z, *-z, np.nextafter(size, 0)])}


@HERMITE.claim("activation-values", where="relu, truncated relu, tanh and erf, and their derivatives", printed_from=DERIVED,
               given=family(_around, name=list(ACTIVATIONS), size=SIZES), tol=ulps(1))
def activation_values(at):
    """sigma(z) and sigma'(z), a kink taking the derivative from the right, with exp within 1 ulp and tanh, cosh, erf within 2 by assumption."""
    sigma, expected = ACTIVATIONS[at.name], _at_40_digits(at)
    return Sides(
        library=[sigma.value(at.z), sigma.derivative(at.z)],
        mpmath=expected,
        scale=[k * (np.abs(x) + NORMAL) for k, x in zip(COUNTED[at.name], expected, strict=True)],
    )


def _at_40_digits(at, **wrong):
    sigma = {
        "relu": lambda z: (max(z, 0), z >= 0),
        "truncated_relu": lambda z: (min(max(z, 0), 1), 0 <= z < 1),
        "tanh": lambda z: (mp.tanh(z), mp.sech(z) ** 2),
        "erf": lambda z: (mp.erf(z), 2 / mp.sqrt(mp.pi) * mp.exp(-z * z)),
    } | wrong
    with mp.workdps(40):
        return np.transpose([[float(x) for x in sigma[at.name](mp.mpf(float(z)))] for z in at.z])


@activation_values.refutes("relu'(0) = 0, the derivative from the left")
def _(at):
    return Instead(mpmath=_at_40_digits(at, relu=lambda z: (max(z, 0), z > 0)))


@activation_values.refutes("truncated relu: slope 1 at its second kink")
def _(at):
    return Instead(mpmath=_at_40_digits(at, truncated_relu=lambda z: (min(max(z, 0), 1), 0 <= z <= 1)))


@activation_values.refutes("erf' without its factor 2")
def _(at):
    return Instead(mpmath=_at_40_digits(at, erf=lambda z: (mp.erf(z), mp.exp(-z * z) / mp.sqrt(mp.pi))))


@activation_values.refutes("tanh' = 1 - tanh^2 in floating point, which cancels")
def _(at):
    return Instead(library=_in_floats(at, tanh=lambda z: 1 - np.tanh(z) ** 2))


@activation_values.refutes("tanh' = 1 / cosh^2 in floating point, which overflows before it vanishes")
def _(at):
    with np.errstate(over="ignore"):
        return Instead(library=_in_floats(at, tanh=lambda z: 1 / np.cosh(z) ** 2))


@activation_values.refutes("erf' with z^2 rounded before exp")
def _(at):
    with np.errstate(over="ignore"):
        return Instead(library=_in_floats(at, erf=lambda z: 2 / math.sqrt(math.pi) * np.exp(-z * z)))


def _in_floats(at, **slope):
    sigma = ACTIVATIONS[at.name]
    return [sigma.value(at.z), slope.get(at.name, sigma.derivative)(at.z)]


def _dyadic_biases(rng, K, b):
    return {"x": np.array([b, b + float(rng.integers(-64, 65)) / 64])}


@HERMITE.claim("truncated-relu", where="Hermite coefficients of min(1, max(0, z))", printed_from=DERIVED, needs=["HERMITE/half-line"],
               given=family(_dyadic_biases, K=(0, 6), b=[0.0, 1.0, 0.5, -0.5, 2.0, -2.0, 11.0, -11.0]), tol=ulps(4))
def truncated_relu(at):
    """sigma(z) = min(1, max(0, z)), sigma'(z) = 1{0 <= z < 1}: c_k(b) = E[sigma(z + b) He_k(z)] is that of relu at b minus that at b - 1."""
    return Sides(
        two_relus=[TRUNCATED_RELU.value(at.x), TRUNCATED_RELU.derivative(at.x), *TRUNCATED_RELU.hermite_coefficients(at.K, at.x)],
        incomplete_gamma=np.transpose([_truncated(at.K, b) for b in at.x]),
        scale=np.transpose([_truncated_budget(at.K, b) for b in at.x]),
    )


def _truncated(K, b, ramp=1, plateau=1):
    """sigma(b), sigma'(b), and ramp int_{-b}^{1-b} (z + b) He_k phi + plateau int_{1-b}^inf He_k phi by incomplete gamma functions."""
    with mp.workdps(80):
        b = mp.mpf(float(b))

        @cache
        def term(l):
            start, end, start_1, end_1 = tail(l, -b), tail(l, 1 - b), tail(l + 1, -b), tail(l + 1, 1 - b)
            return ramp * (start_1 - end_1 + b * (start - end)) + plateau * end

        c = [float(sum(a * term(l) for l, a in enumerate(He_monomials(k)))) for k in range(K + 1)]
    return [float(min(max(b, 0), 1)), float(0 <= b < 1), *c]


def _truncated_budget(K, b):
    """20 roundings of c_0's terms and 13 + 4 k of the step function's, in fours; and 1 for the other route. b - 1 is exact."""
    (phi, Phi), (phi_1, Phi_1) = half_line_values(0, b)[:2], half_line_values(0, b - 1)[:2]
    c_0 = phi + phi_1 + abs(b) * (Phi + Phi_1) + Phi_1
    return [1.0, 1.0, (20 + 1) / 4 * c_0, *((13 + 4 * k + 1) / 4 * (_step_terms(k - 1, b) + _step_terms(k - 1, b - 1)) for k in range(1, K + 1))]


def _step_terms(k, b):
    """Phi, phi He_{k-1}(|b|) with plus signs."""
    phi, Phi = half_line_values(0, b)[:2]
    return phi * float(plus_signs(k - 1, Fraction(b))) if k else Phi


@truncated_relu.refutes("the second kink forgotten: relu")
def _(at):
    return Instead(two_relus=[RELU.value(at.x), RELU.derivative(at.x), *RELU.hermite_coefficients(at.K, at.x)])


@truncated_relu.refutes("the plateau lost")
def _(at):
    return Instead(incomplete_gamma=np.transpose([_truncated(at.K, b, plateau=0) for b in at.x]))


@truncated_relu.refutes("sign of the bias")
def _(at):
    return Instead(incomplete_gamma=np.transpose([_truncated(at.K, -b) for b in at.x]))


ANALYTIC = {"erf": ERF, "sin": by_trapezoid("sin", np.sin, np.cos), "tanh": TANH}


@HERMITE.claim("analytic", where="Hermite coefficients of an analytic activation", printed_from=DERIVED,
               needs=["HERMITE/rodrigues", "HERMITE/stein"], given=family(name=list(ANALYTIC), b=[0.0, 0.5, -2.0], K=[5]),
               tol=ulps(lambda at: 64 * (at.K + 1)))
def analytic(at):
    """c_k(b) = E[sigma(z + b) He_k(z)] = d^k/db^k c_0(b), and c_{k+1} for sigma'; c_0 = erf(b / sqrt 3) for erf, e^{-1/2} sin b for sin."""
    sigma = ANALYTIC[at.name]
    slope = by_trapezoid("slope", sigma.derivative, sigma.derivative)
    return Sides(
        trapezoid=[sigma.hermite_coefficients(at.K, at.b), slope.hermite_coefficients(at.K, at.b)],
        at_30_digits=_and_shifted(_at_30_digits(at.name, at.b, at.K)),
        scale=np.outer([1, 2 / math.sqrt(math.pi)], [math.sqrt(math.factorial(k)) for k in range(at.K + 1)]),   # max|sigma| (E He_k^2)^{1/2}
    )


def _and_shifted(c):
    """c_0, ..., c_K for sigma over c_1, ..., c_{K+1} for sigma'."""
    return [c[:-1], c[1:]]


@cache
def _at_30_digits(name, b, K):
    """c_0(b), ..., c_{K+1}(b): derivatives in b of a closed c_0, or (tanh) Gauss-Legendre by mpmath."""
    with mp.workdps(30):
        if name == "erf":
            step = 2 / mp.sqrt(3 * mp.pi) * mp.exp(-mp.mpf(b) ** 2 / 3)             # c_1 = c_0', and c_{k+1} = c_1^(k)
            factor = [value(weight_derivative(k, rate=Fraction(2, 3)), Fraction(b)) for k in range(K + 1)]
            return [float(mp.erf(b / mp.sqrt(3))), *(float(step * p.numerator / p.denominator) for p in map(Fraction, factor))]
        if name == "sin":
            return [float(mp.exp(-0.5) * mp.sin(b + k * mp.pi / 2)) for k in range(K + 2)]
        weighted = cache(lambda z: mp.tanh(z + b) * mp.exp(-z * z / 2) / mp.sqrt(2 * mp.pi))
        terms = [lambda z, k=k: weighted(z) * value(He_monomials(k), z) for k in range(K + 2)]
        return [float(mp.quad(term, PANELS, method="gauss-legendre")) for term in terms]


PANELS = range(-16, 17, 4)


@analytic.refutes("coefficients of He_k, divided by k!")
def _(at):
    return Instead(at_30_digits=_and_shifted([c / math.factorial(k) for k, c in enumerate(_at_30_digits(at.name, at.b, at.K))]))


@analytic.refutes("sign of the bias")
def _(at):
    return Instead(at_30_digits=_and_shifted(_at_30_digits(at.name, -at.b, at.K)))


@analytic.refutes("the coefficients of sigma' not shifted")
def _(at):
    c = _at_30_digits(at.name, at.b, at.K)[:-1]
    return Instead(at_30_digits=[c, c])
