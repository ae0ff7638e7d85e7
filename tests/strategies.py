"""What the tests share: instances, exact references, and the one way in which a float is compared with them.

Arrays follow from their sizes and one integer: Hypothesis draws what is small and shrinks, NumPy draws the rest.
"""

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import strategies as st
from mpmath import MPContext

from refimpl.errors import DtypeError, NonFiniteError, ShapeError

EPS = 2.0**-52
NORMAL = 2.0**-1022                                    # below, floats lose relative accuracy: eps (terms + NORMAL) is a denormal more

mp = MPContext()                                       # a context of its own: nobody else's precision moves it
mp.dps = 40

# ---- instances

seeds = st.integers(0, 2**32 - 1)


def frozen(values):
    """A float64 array that nobody may write to: a function that works in place fails on it."""
    array = np.array(values, dtype=float)
    array.flags.writeable = False
    return array


def reals(most):
    """Floats of magnitude at most ``most``; those below 2^-100 become 0, so that no product of two underflows."""
    return st.floats(-most, most).map(lambda x: x if abs(x) >= 2.0**-100 else 0.0)


def vectors(numbers, most=5):
    return st.lists(numbers, min_size=1, max_size=most).map(frozen)


def dyadics(most=4, denominator=8):
    """Short dyadic numbers: their sums and products of a few are exact in floating point."""
    return st.integers(-most * denominator, most * denominator).map(lambda i: i / denominator)


def rationals(most=5):
    return st.fractions(-most, most, max_denominator=12)


@st.composite
def polynomials_of(draw, r, most_degree=4, coefficients=None):
    """A mapping from exponents to nonzero coefficients, with at least one term."""
    alphas = [alpha for alpha in product(range(most_degree + 1), repeat=r) if sum(alpha) <= most_degree]
    chosen = draw(st.lists(st.sampled_from(alphas), min_size=1, max_size=5, unique=True))
    numbers = rationals() if coefficients is None else coefficients
    return {alpha: draw(numbers.filter(bool)) for alpha in chosen}


# ---- how a float is compared: in units of eps times the sum of the absolute values of the terms

def ulps(got, expected, terms=None):
    """The largest |got - expected| / (eps terms); |expected| where no terms are given; 0/0 is 0. Shapes must agree."""
    expected = np.asarray(expected, dtype=object)
    terms = np.asarray(np.abs(expected) if terms is None else terms, dtype=object)
    assert np.shape(got) == expected.shape == terms.shape
    return max(map(_ulps, np.asarray(got).flat, expected.flat, terms.flat), default=0.0)


def _ulps(got, expected, terms):
    error = abs(mpf(got) - mpf(expected))
    if not error:
        return 0.0
    return float(error / mpf(terms) / EPS) if terms else math.inf


def mpf(x):
    """x at 40 digits; floats and mpf as they are."""
    if isinstance(x, Fraction):
        return mp.mpf(x.numerator) / x.denominator
    return x if isinstance(x, mp.mpf) else mp.mpf(float(x) if isinstance(x, np.floating) else x)


def exactly(values):
    """An array of floats as an object array of Fractions."""
    return np.vectorize(lambda x: Fraction(float(x)), otypes=[object])(values)


# ---- references in exact arithmetic that share no code with the package

def rodrigues(k):
    """Monomial coefficients of He_k = (-1)^k e^{z^2/2} (d/dz)^k e^{-z^2/2}: each derivative takes P to z P - P'."""
    P = [1]
    for _ in range(k):
        falling = [l * P[l] for l in range(1, len(P))] + [0, 0]
        P = [a - b for a, b in zip([0, *P], falling, strict=True)]
    return P


def He_exact(k, z):
    return sum((coefficient * z**l for l, coefficient in enumerate(rodrigues(k))), start=0 * z)


def He_plus(k, z):
    """The recurrence of He_k with |z| and plus signs: the sum of the absolute values of its terms."""
    return sum((abs(coefficient) * abs(z)**l for l, coefficient in enumerate(rodrigues(k))), start=0 * z)


def normal_moment(alpha):
    """E[x^alpha] of independent standard normals: (k - 1)!! for every even exponent, 0 for an odd one."""
    if any(k % 2 for k in alpha):
        return 0
    return math.prod(math.factorial(k) // (2**(k // 2) * math.factorial(k // 2)) for k in alpha)


def tail_moment(k, t):
    """E[z^k 1{z >= t}] for t >= 0, from the incomplete gamma function."""
    return mp.mpf(2)**(mp.mpf(k) / 2 - 1) / mp.sqrt(mp.pi) * mp.gammainc(mp.mpf(k + 1) / 2, mpf(t)**2 / 2)


def half_line_moment(k, b):
    """E[z^k 1{z + b >= 0}], through the tail that is not cut by cancellation."""
    if b <= 0:
        return tail_moment(k, -b)
    return normal_moment((k,)) - (-1)**k * tail_moment(k, b)


def half_line_He(k, b):
    """E[He_k(z) 1{z + b >= 0}] from the moments of the tail beyond |b|; E He_k = 0 for k >= 1. 40 more digits to cancel."""
    if b == 0 and k % 2 == 0:
        return mp.mpf(k == 0) / 2                      # an even function: half of the whole line
    with mp.workdps(80):
        tail = sum(coefficient * tail_moment(l, abs(b)) for l, coefficient in enumerate(rodrigues(k)))
    return tail if b <= 0 else (k == 0) - (-1)**k * tail


def relu_terms(k, b):
    """The terms of c_k(b) = E[relu(z + b) He_k(z)]: phi + |b| Phi, then Phi, then phi times the recurrence of He_{k-2}."""
    phi, Phi = mp.npdf(b) + NORMAL, mp.ncdf(b) + NORMAL
    return phi + abs(b) * Phi if k == 0 else Phi if k == 1 else phi * He_plus(k - 2, b)


def convolve(f, g):
    """The product of two polynomials {exponents: coefficient}."""
    total = {}
    for (alpha, x), (beta, y) in product(f.items(), g.items()):
        key = tuple(i + j for i, j in zip(alpha, beta, strict=True))
        total[key] = total.get(key, 0) + x * y
    return total


def substitute(g, U, shift=None):
    """g(shift + Ux) as a polynomial of the d coordinates of x, for exact U: multiplied out, term by term."""
    r, d = np.shape(U)
    total = {}
    for alpha, coefficient in g.items():
        term = {(0,) * d: coefficient}
        for i in range(r):
            line = {tuple(int(j == k) for k in range(d)): U[i][j] for j in range(d)}
            line[(0,) * d] = 0 if shift is None else shift[i]
            for _ in range(alpha[i]):
                term = convolve(term, line)
        for beta, x in term.items():
            total[beta] = total.get(beta, 0) + x
    return total


def differentiate(f, j):
    return {(*a[:j], a[j] - 1, *a[j + 1:]): a[j] * x for a, x in f.items() if a[j]}


def along(f, w):
    """(w . grad) f."""
    total = {}
    for j, w_j in enumerate(w):
        for alpha, x in differentiate(f, j).items():
            total[alpha] = total.get(alpha, 0) + w_j * x
    return total


def average(f):
    """E f(x), x ~ N(0, I_d)."""
    return sum((x * normal_moment(alpha) for alpha, x in f.items()), start=Fraction())


# ---- arrays that every public function refuses

SPOILED = [
    pytest.param(lambda x: x.tolist(), DtypeError, "{name} is of type list", id="list"),
    pytest.param(lambda x: x.astype(int), DtypeError, "{name} has dtype int64", id="int"),
    pytest.param(lambda x: x.astype(np.float32), DtypeError, "{name} has dtype float32", id="float32"),
    pytest.param(lambda x: x.astype(complex), DtypeError, "{name} has dtype complex128", id="complex"),
    pytest.param(lambda x: x > 0, DtypeError, "{name} has dtype bool", id="bool"),
    pytest.param(lambda x: x.astype(">f8"), DtypeError, "{name} has dtype >f8", id="byte order"),
    pytest.param(lambda x: np.where(np.arange(x.size).reshape(x.shape) == x.size - 1, np.nan, x), NonFiniteError, r"{name}\[.*\] = nan", id="nan"),
    pytest.param(lambda x: np.where(np.arange(x.size).reshape(x.shape) == x.size - 1, -np.inf, x), NonFiniteError, r"{name}\[.*\] = -inf", id="inf"),
    pytest.param(lambda x: x[0], (ShapeError, DtypeError), "{name}", id="an axis less"),
    pytest.param(lambda x: x[None], ShapeError, r"{name} has shape", id="an axis more"),
    pytest.param(lambda x: x[:0], ShapeError, r"{name} has shape \(0,", id="empty"),
]
