"""Hermite coefficients of activations other than ReLU.

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
from proofs_checks.papers.hermite.routes import He_monomials, half_line_values, plus_signs, tail, value, weight_derivative
from refimpl.activations import ERF, RELU, TANH, TRUNCATED_RELU
from refimpl.activations import analytic as by_trapezoid


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
    """(20 + 4 k) roundings, in fours: 16 + 4 (k - 1) of the step function's, the sum, the difference, and the other route; b - 1 is exact."""
    return [1.0, 1.0, *((5 + k) * (_relu_terms(k, b) + _relu_terms(k, b - 1)) for k in range(K + 1))]


def _relu_terms(k, b):
    """phi + |b| Phi, Phi, phi He_{k-2}(|b|) with plus signs."""
    phi, Phi = half_line_values(0, b)[:2]
    return phi + abs(b) * Phi if k == 0 else Phi if k == 1 else phi * float(plus_signs(k - 2, Fraction(b)))


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
