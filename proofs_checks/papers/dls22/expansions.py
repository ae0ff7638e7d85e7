"""Appendix A.1: Hermite polynomials, the expansions of ReLU and of its derivative.

def-hermite  def-37  def-37-inverse                                 the convention
relu-coefficients  relu-series  relu-derivative  relu-bias          the activation
"""

import math
from fractions import Fraction

import mpmath
import numpy as np

from proofs_checks import Instead, Sides, ulps
from proofs_checks.engine import oracles
from proofs_checks.instances import family, rational
from proofs_checks.papers.dls22 import DERIVED, DLS22, RESTATED
from proofs_checks.papers.dls22.routes import he_monomials
from refimpl import hermite
from refimpl.activations import RELU
from refimpl.gaussian import half_line_hermite

SQRT_2PI = math.sqrt(2 * math.pi)


def double_factorial(k):
    """k!! with (-1)!! = (-3)!! / (-1) = 1 by continuation: (-1)!! = 1, (-3)!! = -1."""
    return -1 if k == -3 else math.prod(range(k, 1, -2))


# ---- the convention

def _polynomial(rng, K):
    return {"a": [rational(rng) for _ in range(K + 1)]}


@DLS22.claim(
    "def-hermite",
    where="appendix A.1, Hermite expansions",
    printed_from=RESTATED,
    covers=["A.H1"],
    given=family(_polynomial, K=(0, 7)),
)
def def_hermite(at):
    """sigma = sum_k c_k He_k / k! with c_k = E[sigma(z) He_k(z)], for every polynomial sigma."""
    return Sides(coefficients=hermite.from_monomials(at.a), expectations=[_expectation(at.a, he_monomials(k)) for k in range(at.K + 1)])


def _expectation(a, e):
    """E[a(z) e(z)] of two polynomials in one variable."""
    return sum((x * y * oracles.gaussian_moment([k + l]) for k, x in enumerate(a) for l, y in enumerate(e)), start=Fraction())


@def_hermite.refutes("physicists' polynomials")
def _(at):
    return Instead(expectations=[_expectation(at.a, [h * 2**l for l, h in enumerate(he_monomials(k))]) for k in range(at.K + 1)])


@def_hermite.refutes("divided by k!")
def _(at):
    return Instead(expectations=[_expectation(at.a, he_monomials(k)) / math.factorial(k) for k in range(at.K + 1)])


@DLS22.claim(
    "def-37",
    where="appendix, definition 37",
    printed_from=RESTATED,
    covers=["A.D37"],
    given=family(K=(1, 9)),
)
def def_37(at):
    """He_k = sum_l h_kl z^l with h_kl = (-1)^((k-l)/2) (k-l-1)!! C(k, l) for k - l even."""
    return Sides(formula=[[hermite.h(k, l) for l in range(at.K + 1)] for k in range(at.K + 1)],
                 recurrence=[_padded(he_monomials(k), at.K) for k in range(at.K + 1)])


def _padded(row, K):
    return [*row, *[0] * (K + 1 - len(row))]


def _table(at, entry):
    return [[entry(k, l) if k >= l and (k - l) % 2 == 0 else 0 for l in range(at.K + 1)] for k in range(at.K + 1)]


@def_37.refutes("sign lost")
def _(at):
    return Instead(formula=_table(at, lambda k, l: abs(hermite.h(k, l))))


@def_37.refutes("(k-l)!! for (k-l-1)!!")
def _(at):
    return Instead(formula=_table(at, lambda k, l: (-1) ** ((k - l) // 2) * double_factorial(k - l) * math.comb(k, l)))


@def_37.refutes("binomial lost")
def _(at):
    return Instead(formula=_table(at, lambda k, l: (-1) ** ((k - l) // 2) * double_factorial(k - l - 1)))


@DLS22.claim(
    "def-37-inverse",
    where="appendix, definition 37",
    printed_from=RESTATED,
    covers=["A.D37"],
    needs=["DLS22/def-37"],
    given=family(K=(1, 9)),
)
def def_37_inverse(at):
    """z^k = sum_l (k-l-1)!! C(k, l) He_l: the entry is E[z^k He_l] / l!."""
    return Sides(formula=[[hermite.h_inverse(k, l) for l in range(at.K + 1)] for k in range(at.K + 1)],
                 expectations=[[_expectation([0] * k + [1], he_monomials(l)) / math.factorial(l) for l in range(at.K + 1)] for k in range(at.K + 1)])


@def_37_inverse.refutes("the signs of h_kl kept")
def _(at):
    return Instead(formula=[[hermite.h(k, l) for l in range(at.K + 1)] for k in range(at.K + 1)])


@def_37_inverse.refutes("the coefficient of He_l / l!")
def _(at):
    return Instead(formula=[[hermite.h_inverse(k, l) * math.factorial(l) for l in range(at.K + 1)] for k in range(at.K + 1)])


# ---- the activation

@DLS22.claim(
    "relu-coefficients",
    where="appendix A.1, expansion of ReLU",
    printed_from=DERIVED,
    covers=["A.H2"],
    needs=["DLS22/def-37"],
    given=family(K=(2, 20)),
    tol=ulps(lambda at: 8 * at.K + 24),
)
def relu_coefficients(at):
    """c_0 = 1/sqrt(2 pi), c_1 = 1/2, c_{2k} = (-1)^(k-1) (2k-3)!! / sqrt(2 pi), the other odd ones 0."""
    half_line = [_half_line(k) for k in range(at.K + 1)]
    closed = [_closed_form(k) for k in range(at.K + 1)]
    return Sides(refimpl=RELU.hermite_coefficients(at.K), half_line_moments=half_line, closed_form=closed, scale=np.abs(closed) + (np.abs(closed) == 0))


def _half_line(k):
    """E[z He_k(z) 1{z >= 0}] as a rational plus a rational over sqrt(2 pi)."""
    whole = root = Fraction()
    for l, h in enumerate(he_monomials(k)):
        if l % 2:
            whole += Fraction(h * double_factorial(l), 2)             # E[z^(l+1) 1{z >= 0}] = l!! / 2
        else:
            root += h * double_factorial(l)                           # = l!! / sqrt(2 pi)
    return float(whole) + float(root) / SQRT_2PI


def _closed_form(k):
    if k % 2:
        return 0.5 if k == 1 else 0.0
    return (1 if k % 4 == 2 else -1) * double_factorial(k - 3) / SQRT_2PI


def _wrong_closed_form(at, even):
    return Instead(closed_form=[even(k // 2) if k % 2 == 0 and k else _closed_form(k) for k in range(at.K + 1)])


@relu_coefficients.refutes("(2k-1)!! for (2k-3)!!")
def _(at):
    return _wrong_closed_form(at, lambda k: (-1) ** (k - 1) * double_factorial(2 * k - 1) / SQRT_2PI)


@relu_coefficients.refutes("sign (-1)^k")
def _(at):
    return _wrong_closed_form(at, lambda k: (-1) ** k * double_factorial(2 * k - 3) / SQRT_2PI)


@relu_coefficients.refutes("normalised coefficients, divided by sqrt(k!)")
def _(at):
    return Instead(closed_form=[_closed_form(k) / math.sqrt(math.factorial(k)) for k in range(at.K + 1)])


@DLS22.claim(
    "relu-series",
    where="appendix A.1, expansion of ReLU",
    printed_from=RESTATED,
    covers=["A.H2"],
    needs=["DLS22/relu-coefficients"],
    given=family(K=(1, 12)),
    tol=ulps(lambda at: 16 * at.K + 24),
)
def relu_series(at):
    """The coefficient of He_{2k} is (-1)^(k-1) / (k! 2^k (2k-1) sqrt(2 pi)), that is c_{2k} / (2k)!."""
    c = RELU.hermite_coefficients(2 * at.K)
    series = [_series(k) for k in range(1, at.K + 1)]
    return Sides(refimpl=[c[2 * k] / math.factorial(2 * k) for k in range(1, at.K + 1)], series=series, scale=np.abs(series))


def _series(k):
    return (-1) ** (k - 1) / (math.factorial(k) * 2**k * (2 * k - 1)) / SQRT_2PI


@relu_series.refutes("2k + 1 for 2k - 1, as in the series of sigma'")
def _(at):
    return Instead(series=[(-1) ** (k - 1) / (math.factorial(k) * 2**k * (2 * k + 1)) / SQRT_2PI for k in range(1, at.K + 1)])


@relu_series.refutes("2^k lost, as for the physicists' polynomials")
def _(at):
    return Instead(series=[(-1) ** (k - 1) / (math.factorial(k) * (2 * k - 1)) / SQRT_2PI for k in range(1, at.K + 1)])


@DLS22.claim(
    "relu-derivative",
    where="appendix A.1, expansion of sigma'",
    printed_from=RESTATED,
    covers=["A.H3"],
    needs=["DLS22/relu-coefficients"],
    given=family(K=(1, 12)),
    tol=ulps(lambda at: 16 * at.K + 24),
)
def relu_derivative(at):
    """sigma' = sum_k c_{k+1} He_k / k!; c_1 = 1/2 and c_{2k+2} / (2k+1)! = (-1)^k / (k! 2^k (2k+1) sqrt(2 pi))."""
    c, d = RELU.hermite_coefficients(2 * at.K), half_line_hermite(2 * at.K - 1)
    series = [0.5, *(_dseries(k) for k in range(at.K))]
    return Sides(
        shifted=[c[1], *(c[2 * k + 2] / math.factorial(2 * k + 1) for k in range(at.K))],
        step_function=[d[0], *(d[2 * k + 1] / math.factorial(2 * k + 1) for k in range(at.K))],
        series=series, scale=np.abs(series))


def _dseries(k):
    return (-1) ** k / (math.factorial(k) * 2**k * (2 * k + 1)) / SQRT_2PI


@relu_derivative.refutes("the coefficients of sigma, index not shifted")
def _(at):
    c = RELU.hermite_coefficients(2 * at.K)
    return Instead(shifted=[c[0], *(c[2 * k + 1] / math.factorial(2 * k + 1) for k in range(at.K))])


@relu_derivative.refutes("2k - 1 for 2k + 1, as in the series of sigma")
def _(at):
    return Instead(series=[0.5, *((-1) ** k / (math.factorial(k) * 2**k * (2 * k - 1)) / SQRT_2PI for k in range(at.K))])


@DLS22.claim(
    "relu-bias",
    where="appendix A.1, with a bias",
    printed_from=DERIVED,
    covers=["A.H4"],
    needs=["DLS22/relu-coefficients"],
    given=family(K=[3, 4, 7, 10], b=[0.0, 0.7, -1.2, 5.0, -5.0, 12.0, -12.0, 36.0, -36.0]),
    tol=ulps(lambda at: 8 * at.K + 64),
)
def relu_bias(at):
    """c_0(b) = phi(b) + b Phi(b), c_1(b) = Phi(b), c_k(b) = phi(b) He_{k-2}(-b) for k >= 2."""
    return Sides(refimpl=RELU.hermite_coefficients(at.K, at.b), incomplete_gamma=[_by_incomplete_gamma(k, at.b) for k in range(at.K + 1)],
                 scale=_bias_scale(at))


def _by_incomplete_gamma(k, b):
    """E[relu(z + b) He_k(z)] at 70 digits: the tail beyond |b| by incomplete gamma functions, and the whole line where b > 0."""
    with mpmath.workdps(70):                     # the tail's Hermite sum cancels by less than 36^11 < 10^18
        side = 1 if b <= 0 else -1
        tail = sum((side * h if l % 2 else h) * (side * _tail(l + 1, mpmath.mpf(b)) + b * _tail(l, mpmath.mpf(b))) for l, h in enumerate(he_monomials(k)))
        return float(tail if b <= 0 else (b, 1, *[0] * k)[k] - tail)      # E[(z + b) He_k] is b at k = 0 and 1 at k = 1


def _tail(k, t):
    """E[z^k 1{z >= |t|}]."""
    return mpmath.power(2, mpmath.mpf(k) / 2 - 1) / mpmath.sqrt(mpmath.pi) * mpmath.gammainc(mpmath.mpf(k + 1) / 2, t * t / 2)


def _bias_scale(at):
    """phi(b) times He_{k-2} with plus signs; phi(b) + |b| Phi(b) and Phi(b) for the first two. 2^-100 is the other route's rounding."""
    phi, Phi, size = math.exp(-at.b * at.b / 2) / SQRT_2PI, 0.5 * math.erfc(-at.b / math.sqrt(2)), abs(at.b) + 2.0**-100
    return np.array([phi + size * Phi, Phi, *(phi * sum(abs(h) * size**l for l, h in enumerate(he_monomials(k))) for k in range(at.K - 1))])


@relu_bias.refutes("He_{k-2}(+b)")
def _(at):
    return Instead(refimpl=RELU.hermite_coefficients(at.K, at.b) * np.array([1, 1, *((-1) ** k for k in range(at.K - 1))]))


@relu_bias.refutes("b Phi(b) forgotten in c_0")
def _(at):
    c = RELU.hermite_coefficients(at.K, at.b)
    return Instead(refimpl=[c[0] - at.b * c[1], *c[1:]])


@relu_bias.refutes("He_{k-1} for He_{k-2}")
def _(at):
    c = RELU.hermite_coefficients(at.K + 1, at.b)
    return Instead(refimpl=[*c[:2], *c[3:]])
