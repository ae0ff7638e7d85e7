"""What the tests of Gram matrices share: pairs of rows of every kind, and the expectations to many digits from closed forms and integrals."""

from fractions import Fraction
from functools import cache

import numpy as np
from hypothesis import strategies as st

from tests.strategies import frozen, mp, mpf, seeds

DIGITS = 800           # sin r - r cos r at r = 1e-300


@st.composite
def row_sets(draw, most=6):
    """Four rows: anyhow, nearly parallel, nearly antiparallel, equal and opposite, with zeros, or of very different lengths."""
    d, rng = draw(st.integers(1, most)), np.random.default_rng(draw(seeds))
    kind = draw(st.sampled_from(["any", "parallel", "antiparallel", "equal", "zeros", "lengths"]))
    g, x, e = rng.normal(size=(4, d)), rng.normal(size=d), 10.0 ** -draw(st.integers(1, 17))
    return frozen({
        "any": g, "parallel": x + e * g, "antiparallel": np.array([[1.0], [-1.0], [-1 / 3], [3.0]]) * (x + e * g),
        "equal": np.array([[1.0], [-1.0], [1.0], [-2.0]]) * x, "zeros": np.array([[0.0], [1.0], [0.0], [-1.0]]) * np.sign(g).round(),
        "lengths": g * 2.0 ** rng.integers(-490, 490, (4, 1)),
    }[kind])


def products(x, z, bias=0):
    """|x|^2, |z|^2, x.z as rationals; with a bias 1 more each."""
    x, z = (list(map(Fraction, row.tolist())) for row in (x, z))
    return tuple(sum((a * b for a, b in zip(u, v, strict=True)), start=Fraction(bias)) for u, v in ((x, x), (z, z), (x, z)))


def angle(xx, zz, xz):
    """|x|, |z|, cos t, sin t, t, pi - t."""
    with mp.workdps(DIGITS):
        size, across = (mp.sqrt(mpf(square)) for square in (xx * zz, xx * zz - xz * xz))
        cos, sin = (mpf(xz) / size, across / size) if size else (mp.mpf(0), mp.mpf(1))
        return mp.sqrt(mpf(xx)), mp.sqrt(mpf(zz)), cos, sin, mp.atan2(sin, cos), mp.atan2(sin, -cos)


def relu_neurons(xx, zz, xz):
    """E[relu relu]."""
    s, u, cos, sin, _, r = angle(xx, zz, xz)
    with mp.workdps(DIGITS):
        return s * u * (sin + r * cos) / (2 * mp.pi)


def relu_tangent(xx, zz, xz):
    """E[relu relu] + x.z E[1 1], and the same of absolute terms."""
    s, u, cos, sin, _, r = angle(xx, zz, xz)
    with mp.workdps(DIGITS):
        return s * u * (sin + 2 * r * cos) / (2 * mp.pi), s * u * (sin + 2 * r * abs(cos)) / (2 * mp.pi)


def erf_moments(xx, zz, xz):
    """E[erf erf] and x.z E[erf' erf']."""
    with mp.workdps(DIGITS):
        xx, zz, xz = map(mpf, (xx, zz, xz))
        both = (1 + 2 * xx) * (1 + 2 * zz)
        return 2 / mp.pi * mp.asin(2 * xz / mp.sqrt(both)), 4 / mp.pi * xz / mp.sqrt(both - 4 * xz**2)


@cache
def truncated_moments(xx, zz, xz):
    """E[sigma sigma] and x.z E[sigma' sigma'] of min(1, max(0, z)), from t = 0 on by Plackett's derivative: with h = 1/|x|, k = 1/|z| and
    S(t) = 1 - e^{-h^2/2 sin^2 t} - e^{-k^2/2 sin^2 t} + e^{-(h^2 - 2hk cos t + k^2)/2 sin^2 t} that of E[sigma' sigma'] in t is -S / 2 pi,
    and that of E[sigma sigma] in cos t is |x| |z| E[sigma' sigma']."""
    s, u, cos, sin, _, _ = angle(xx, zz, xz)
    with mp.workdps(30):
        h, k = 1 / s, 1 / u
        near, far = min(h, k), max(h, k)
        step = mp.erf(near / mp.sqrt(2)) / 2
        ramp = s * u * (step - near * mp.npdf(near)) + min(s, u) * (mp.npdf(near) - mp.npdf(far)) + mp.erfc(far / mp.sqrt(2)) / 2
        if not sin:
            return ramp, s * u * step

        def S(y):
            """At cot t = sinh y, where d t = -d y / cosh y: smooth on every scale."""
            square = mp.cosh(y)**2 / 2
            return -mp.expm1(-h**2 * square) - mp.expm1(-k**2 * square) + mp.expm1(-(h - k)**2 * square - h * k * mp.exp(-y) * mp.cosh(y))

        start = mp.asinh(cos / sin)
        slope = step - _integral(lambda y: S(y) / mp.cosh(y), start) / (2 * mp.pi)
        weighted = _integral(lambda y: (mp.tanh(y) - cos) * S(y) / mp.cosh(y), start) / (2 * mp.pi)
        return ramp - s * u * ((1 - cos) * step - weighted), s * u * cos * slope


def _integral(f, start):
    """From start to 60, beyond which 1 / cosh y is below 1e-25: 24 nodes of Gauss and Legendre on pieces of length 1."""
    return mp.quad(f, [start + j for j in range(int(60 - start))] + [60], method="gauss-legendre", maxdegree=4)
