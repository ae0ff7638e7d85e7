"""The other routes: coefficient lists a_0, a_1, ... and numbers, without a line of refimpl; and the instances that several modules share.

Points called dyadic are n/8 or coarser, so that floats hold every He_k of them exactly and an equality is an equality.
"""

import itertools
import math
from fractions import Fraction
from functools import cache

import numpy as np
from mpmath import mp

from proofs_checks.instances import family

NORMAL = 2.0**-1022                                    # below, floats lose relative accuracy: the last unit is eps of this


def dyadic(rng, n, parts=8):
    """n dyadic numbers within [-3, 3]."""
    return tuple(Fraction(int(a), parts) for a in rng.integers(-3 * parts, 3 * parts + 1, size=n))


def nonzero(rng, n):
    """n whole numbers of -5, ..., 5 without 0."""
    return tuple(Fraction(int(a)) for a in rng.integers(1, 6, size=n) * rng.choice([-1, 1], size=n))


def orders(K):
    return {"orders": range(K + 1)}


def point_triple(rng, K):
    return {"orders": range(K + 1), "z": dyadic(rng, 3)}


def series_pair(rng, K):
    return {"orders": range(K + 1), "c": nonzero(rng, K + 1), "e": nonzero(rng, K // 2 + 1)}


three_points = family(point_triple, K=(0, 8))


two_series = family(series_pair, K=(0, 6))


def exactly(floats):
    """Floats as the Fractions they are."""
    return [exactly(row) if row.ndim else Fraction(float(row)) for row in np.asarray(floats)]


def diagonal(values):
    return [[x if i == j else 0 for j in range(len(values))] for i, x in enumerate(values)]


def padded(a, n):
    return [*a[:n], *[0] * (n - len(a))]


def value(a, z):
    """sum_l a_l z^l, by Horner's rule."""
    total = 0 * z
    for x in reversed(a):
        total = total * z + x
    return total


def differentiated(a):
    return [l * x for l, x in enumerate(a)][1:]


def multiplied(a, b):
    total = [0] * (len(a) + len(b) - 1)
    for (i, x), (j, y) in itertools.product(enumerate(a), enumerate(b)):
        total[i + j] += x * y
    return total


def lattice(r, K):
    """The whole numbers within [-K, K]^r, with weights that integrate degree 2K in each variable: E of Lagrange's polynomials."""
    axis = range(-K, K + 1)
    weight = {x: mean(lagrange(x, axis)) for x in axis}
    points = list(itertools.product(axis, repeat=r))
    return np.array(points, dtype=float).reshape(-1, r), [math.prod(weight[x] for x in point) for point in points]


def exponential_of(a):
    """The power series exp(a_1 t + a_2 t^2 + ...): n e_n = sum_j j a_j e_{n-j}."""
    e = [Fraction(1)]
    for n in range(1, len(a) + 1):
        e.append(sum(j * a[j - 1] * e[n - j] for j in range(1, n + 1)) / n)
    return e


@cache
def weight_derivative(k, rate=1):
    """The polynomial p with d^k/dz^k e^{-rate z^2/2} = p(z) e^{-rate z^2/2}: p becomes p' - rate z p."""
    if k == 0:
        return [1]
    before = weight_derivative(k - 1, rate)
    return [x - y for x, y in zip(padded(differentiated(before), k + 1), [0, *(rate * x for x in before)], strict=True)]


def He_monomials(k):
    """He_k = (-1)^k e^{z^2/2} (e^{-z^2/2})^(k)."""
    return [(-1) ** k * x for x in weight_derivative(k)]


def three_term(K, z, step=lambda k, z, here, before: z * here - k * before):
    """He_0(z), ..., He_K(z), or what another step makes of them."""
    H, before = [0 * z + 1], 0
    for k in range(K):
        H.append(step(k, z, H[-1], before))
        before = H[-2]
    return H


def plus_signs(k, z):
    """The recurrence with |z| and plus signs: the sum of the absolute terms of He_k(z)."""
    return three_term(k, abs(z), lambda k, z, here, before: z * here + k * before)[-1]


def product_of_He(alpha, z):
    return math.prod(three_term(k, x)[-1] for k, x in zip(alpha, z, strict=True))


def expanded_He(alpha):
    """He_alpha in monomials."""
    factors = [enumerate(He_monomials(k)) for k in alpha]
    return {tuple(l for l, _ in term): math.prod(x for _, x in term) for term in itertools.product(*factors)}


def over_factorials(c):
    return [x / math.factorial(k) for k, x in enumerate(c)]


def combined(weights):
    """sum_k weights_k He_k in powers of z."""
    return [sum(x * y for x, y in zip(weights, column, strict=True))
            for column in zip(*(padded(He_monomials(k), len(weights)) for k in range(len(weights))), strict=True)]


def horner(a):
    """c_0, ..., c_K of sum_l a_l z^l, by Horner's rule in the Hermite basis: z He_k = He_{k+1} + k He_{k-1}."""
    d = [Fraction()] * (len(a) + 1)                        # coefficients of He_k
    for x in reversed(a):
        d = [(d[k - 1] if k else x) + (k + 1) * (d[k + 1] if k + 1 < len(d) else 0) for k in range(len(d))]
    return [math.factorial(k) * x for k, x in enumerate(d[: len(a)])]


def moment(n):
    """E z^n = n! [t^n] e^{t^2/2}."""
    return Fraction(math.factorial(n), 2 ** (n // 2) * math.factorial(n // 2)) if n % 2 == 0 else Fraction()


def mean(a):
    """E sum_l a_l z^l."""
    return sum((x * moment(l) for l, x in enumerate(a)), start=Fraction())


def lagrange(x, axis):
    """The polynomial that is 1 at x and 0 at the other points of the axis."""
    a = [Fraction(1)]
    for y in axis:
        if y != x:
            a = multiplied(a, [Fraction(-y, x - y), Fraction(1, x - y)])
    return a


def dot(u, x):
    return sum(a * b for a, b in zip(u, x, strict=True))


def power(u, alpha):
    return math.prod(x**k for x, k in zip(u, alpha, strict=True))


def over_root(x, square):
    """x / sqrt(square), exact numbers, rounded once."""
    with mp.workdps(40):
        return float(mp.mpf(x.numerator) / x.denominator / mp.sqrt(square))


def tail(k, a):
    """E[z^k 1{z >= a}] at mpmath's working precision: 2^{(k-1)/2} Gamma((k+1)/2, a^2/2) / sqrt(2 pi) for a >= 0."""
    if a < 0:
        return (mp.fac2(k - 1) if k % 2 == 0 else 0) - (-1) ** k * tail(k, -a)
    return mp.mpf(2) ** (mp.mpf(k - 1) / 2) * mp.gammainc(mp.mpf(k + 1) / 2, mp.mpf(a) ** 2 / 2) / mp.sqrt(2 * mp.pi)


def tails(K, a):
    with mp.workdps(40):
        return [float(tail(k, mp.mpf(float(a)))) for k in range(K + 1)]


def mean_above(b):
    """E[(z + b) 1{z + b >= 0}]: the difference of two tails, far to the left."""
    with mp.workdps(40):
        b = mp.mpf(float(b))
        return float(tail(1, -b) + b * tail(0, -b))


def half_line_values(K, b, order=-1, sign=-1):
    """phi(b), Phi(b), d_0, ..., d_K with d_k = phi(b) He_{k + order}(sign b), by mpmath at 40 digits."""
    with mp.workdps(40):
        b = mp.mpf(float(b))
        phi, Phi = mp.exp(-b * b / 2) / mp.sqrt(2 * mp.pi), mp.erfc(-b / mp.sqrt(2)) / 2
        return [float(y) for y in (phi, Phi, Phi, *(phi * value(He_monomials(k + order), sign * b) for k in range(1, K + 1)))]
