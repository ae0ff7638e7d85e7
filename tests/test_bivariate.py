"""Pairs of neurons against certified integrals over z_1, against each other by reflection, and at the corners where they have closed forms."""

import math
import pickle

import numpy as np
import pytest
from flint import acb, arb, ctx
from hypothesis import example, given
from hypothesis import strategies as st

from refimpl import bivariate, gaussian
from refimpl.bivariate import Angle, angle, angles, moments
from refimpl.errors import DomainError, DtypeError, NonFiniteError, ShapeError
from tests.strategies import EPS, NORMAL, SPOILED, frozen, mp, mpf, reals, seeds, ulps

BOUND = 40                                             # eps, as documented
BIASES = st.sampled_from([0.0, -0.0, 0.7, -1.2, 3.0, -5.0, 40.0, -40.0, 1e-300, -1e-17]) | reals(4) | reals(20)
HALVES = st.sampled_from([0.0, 1e-300, 2.0**-60, 2.0**-27, 1e-3, 0.3, math.sqrt(0.5)]) | st.floats(0, 0.7)
SIGNS = st.sampled_from([1, -1])


def close_to(sign, half):
    """The angle with sin(theta/2) = half, or cos(theta/2) = half for the sign -1."""
    other = math.sqrt((1 - half) * (1 + half))
    return Angle(sign * (1 - 2 * half * half), *((half, other) if sign > 0 else (other, half)))


def opposite(theta):
    return Angle(-theta.rho, theta.cos_half, theta.sin_half)


def scales(b, c):
    """The documented scales of the four moments."""
    Phi, phi = gaussian.Phi(frozen([b, c])), gaussian.phi(frozen([b, c]))
    n = np.sqrt((1 + np.square([b, c])) * Phi + np.abs([b, c]) * phi)
    return np.array([math.sqrt(Phi[0] * Phi[1]), math.sqrt(Phi[0]) * n[1], n[0] * n[1], phi[0] * (1 + abs(b) + abs(c))])


# ---- certified integrals

def integrals(b, c, sign, half, bits=240):
    """The four moments, integrated over z_1 in balls; z_2 = rho z_1 + s z, s > 0."""
    before, ctx.prec = ctx.prec, bits
    try:
        h, b, c = acb(half), acb(b), acb(c)
        rho, s = sign * (1 - 2 * h * h), 2 * h * (1 - h * h).sqrt()
        start = max(float((-b).real), -20.0)

        def phi(t):
            return (-t * t / 2).exp() / (2 * acb.pi()).sqrt()

        def Phi(t):
            return (-t / acb(2).sqrt()).erfc() / 2

        def relu(t):                                   # E relu(s z + t)
            return s * phi(t / s) + t * Phi(t / s)

        def over(f):
            return acb.integral(lambda t, _: phi(t) * f(t), start, max(start, 0) + 20, abs_tol=arb(2) ** (-bits)).real

        parts = [over(lambda t: Phi((c + rho * t) / s)), over(lambda t: relu(c + rho * t)), over(lambda t: (t + b) * relu(c + rho * t))]
        return [mp.mpf((1 + x - 1).mid().str(45, radius=False)) for x in (*parts, (phi(b) * relu(c - rho * b)).real)]
    finally:
        ctx.prec = before


@given(b=reals(3), c=reals(3), sign=SIGNS, half=st.floats(0.01, 0.7))
@example(b=0.0, c=0.0, sign=-1, half=0.5)
@example(b=-5.0, c=-4.0, sign=1, half=0.25)            # both in the tail
@example(b=40.0, c=-0.5, sign=1, half=0.25)
@example(b=-1.25, c=1.25, sign=-1, half=2.0**-20)      # on the diagonal, where the angle is seen
@example(b=-1.25, c=-1.25, sign=1, half=2.0**-20)
@example(b=0.884, c=0.884, sign=1, half=2.0**-5)       # R = 1.25: on either side of the pole's neighbourhood
@example(b=0.883, c=0.883, sign=1, half=2.0**-5)
@example(b=1e-9, c=-1e-9, sign=1, half=0.5)
def test_moments_are_certified_integrals(b, c, sign, half):
    assert ulps(moments(b, c, close_to(sign, half)), integrals(b, c, sign, half), scales(b, c)) <= BOUND


@pytest.mark.slow
def test_moments_are_certified_integrals_everywhere():
    rng = np.random.default_rng(0)
    for _ in range(1500):
        b, c = rng.normal(size=2) * rng.choice([0.01, 1, 3, 6], size=2)
        c, half, sign = rng.choice([b, -b, c]), 10 ** rng.uniform(-4, -0.16), rng.choice([1, -1])
        assert ulps(moments(float(b), float(c), close_to(sign, half)), integrals(float(b), float(c), int(sign), half, bits=600), scales(b, c)) <= BOUND


# ---- corners with closed forms

@given(b=BIASES, c=BIASES)
def test_independent_neurons_multiply(b, c):
    Phi, phi, mean = ([f(mpf(x)) for x in (b, c)] for f in (mp.ncdf, mp.npdf, lambda x: mp.npdf(x) + x * mp.ncdf(x)))
    expected = [Phi[0] * Phi[1], Phi[0] * mean[1], mean[0] * mean[1], phi[0] * mean[1]]
    assert ulps(moments(b, c, 0.0), expected, scales(b, c) + NORMAL) <= BOUND


@given(b=BIASES, c=BIASES)
def test_the_same_neuron_twice(b, c):
    """rho = 1: moments of the half-line z >= -min(b, c), exact at mpmath's 40 digits."""
    low = mpf(min(b, c))
    m = [mp.ncdf(low), mp.npdf(low), mp.ncdf(low) - low * mp.npdf(low)]
    expected = [m[0], c * m[0] + m[1], mpf(b) * c * m[0] + (mpf(b) + c) * m[1] + m[2], mp.npdf(b) * max(mpf(c) - b, 0)]
    for rho in (1.0, Angle(1.0, 0.0, 1.0)):
        assert ulps(moments(b, c, rho), expected, scales(b, c) + NORMAL) <= BOUND


@given(b=BIASES, c=BIASES)
def test_a_neuron_and_its_mirror_image(b, c):
    """rho = -1: moments of the interval -b <= z <= c, if there is one."""
    b, c = mpf(b), mpf(c)
    m = [mp.ncdf(c) - mp.ncdf(-b), mp.npdf(b) - mp.npdf(c), mp.ncdf(c) - mp.ncdf(-b) - b * mp.npdf(b) - c * mp.npdf(c)]
    expected = [m[0], c * m[0] - m[1], b * c * m[0] + (c - b) * m[1] - m[2], mp.npdf(b) * (b + c)] if b + c > 0 else [0] * 4
    assert ulps(moments(float(b), float(c), -1.0), expected, scales(float(b), float(c)) + NORMAL) <= BOUND


@pytest.mark.parametrize("rho", [1.0, -1.0, 0.3, Angle(1.0, 1e-17, 1.0), Angle(-1.0, 1.0, 1e-17)], ids=str)
@pytest.mark.parametrize("b", [1e300, -1e300, 1e5, -1e5, 0.0, -0.0, 5e-324])
@pytest.mark.parametrize("c", [1.0, 1e300, -1e300])
def test_biases_of_any_size(b, c, rho):
    """Beyond 40 a neuron is linear or 0; a product of biases that overflows is an error."""
    if b == c == 1e300:
        with pytest.raises(NonFiniteError, match=r"relu_relu = inf; relu_relu must be finite"):
            moments(b, c, rho)
        return
    near = moments(max(min(b, 60.0), -60.0), max(min(c, 60.0), -60.0), rho)
    assert moments(b, c, rho).step_step == near.step_step
    if b == 1e300 and c == 1.0:                        # E[(z_1 + b) relu(z_2 + c)] is b E relu to all bits
        assert ulps(moments(b, c, rho).relu_relu, b * (mp.npdf(1) + mp.ncdf(1))) <= BOUND
    if min(b, c) == -1e300:
        assert max(map(abs, moments(b, c, rho)[:3])) == 0


# ---- reflections: z_2 -> -z_2 takes rho to -rho and relu(x) to relu(-x) = relu(x) - x

@given(b=BIASES, c=BIASES, sign=SIGNS, half=HALVES)
@example(b=40.0, c=-0.0, sign=1, half=0.0)
def test_reflections(b, c, sign, half):
    theta = close_to(sign, half)
    here, there = moments(b, c, theta), moments(b, -c, opposite(theta))
    Phi, phi, rho = mp.ncdf(b), mp.npdf(b), sign * (1 - 2 * mpf(half) ** 2)
    sums = [here.step_step + mpf(there.step_step), here.step_relu - mpf(there.step_relu), here.relu_relu - mpf(there.relu_relu)]
    whole = [Phi, c * Phi + rho * phi, c * (phi + b * Phi) + rho * Phi]
    size = scales(b, c)[:3] + scales(b, -c)[:3]
    assert max(abs(x - y) / z for x, y, z in zip(sums, whole, map(mpf, size + NORMAL), strict=True)) <= BOUND * EPS


@given(b=BIASES, c=BIASES, sign=SIGNS, half=HALVES)
def test_the_two_neurons_can_be_exchanged(b, c, sign, half):
    theta = close_to(sign, half)
    here, there = moments(b, c, theta), moments(c, b, theta)
    assert abs(here.step_step - there.step_step) <= 2 * BOUND * EPS * scales(b, c)[0]
    assert abs(here.relu_relu - there.relu_relu) <= 2 * BOUND * EPS * scales(b, c)[2]


@given(b=reals(4), c=reals(4), sign=SIGNS, half=HALVES)
def test_bounds_of_frechet(b, c, sign, half):
    """Phi(b) + Phi(c) - 1 <= Pr <= min(Phi(b), Phi(c)), up to the rounding."""
    here, Phi = moments(b, c, close_to(sign, half)).step_step, [float(gaussian.Phi(x)) for x in (b, c)]
    slack = BOUND * EPS * scales(b, c)[0]
    assert max(sum(Phi) - 1, 0) - slack - EPS <= here <= min(Phi) + slack


@given(b=reals(3), c=reals(3), sign=SIGNS, half=st.floats(0.05, 0.7))
def test_one_is_the_derivative_of_the_other(b, c, sign, half):
    """d/db E[relu relu] = E[1 relu], d/db E[1 relu] = edge_relu; a central difference at h = 1e-4 is good to 1e-7."""
    theta, h = close_to(sign, half), 1e-4
    up, here, down = (moments(b + k * h, c, theta) for k in (1, 0, -1))
    assert abs((up.relu_relu - down.relu_relu) / (2 * h) - here.step_relu) <= 1e-6
    assert abs((up.step_relu - down.step_relu) / (2 * h) - here.edge_relu) <= 1e-6


def test_the_functions_are_the_moments():
    pair = moments(0.3, -0.2, 0.4)
    assert [bivariate.step_step(0.3, -0.2, 0.4), bivariate.step_relu(0.3, -0.2, 0.4), bivariate.relu_relu(0.3, -0.2, 0.4)] == list(pair[:3])


# ---- arrays

def test_arguments_are_broadcast():
    b, c, rho = frozen([[0.3], [-1.0]]), frozen([0.0, 1.0, -2.0]), frozen([[0.5], [-0.25]])
    together = moments(b, c, rho)
    for j in range(2):
        for k in range(3):
            alone = moments(float(b[j, 0]), float(c[k]), float(rho[j, 0]))
            for part, one in zip(together, alone, strict=True):
                assert part.shape == (2, 3)
                assert abs(part[j, k] - one) <= 4 * EPS * max(abs(one), 1)
    assert isinstance(alone.step_step, float)
    assert moments(frozen(np.empty((0, 1))), c, 0.5).relu_relu.shape == (0, 3)


def test_chunks_do_not_show():
    """More pairs than a chunk holds, in any memory order, each within two roundings of itself alone: lanes of a vector unit may differ."""
    rng = np.random.default_rng(0)
    b, c, rho = rng.normal(size=(3, 97, 2 * bivariate.CHUNK // 97))
    together = moments(b, np.asfortranarray(c), np.tanh(rho))
    for place in [(0, 0), (42, 21), (96, 80), (50, 3)]:
        alone = moments(float(b[place]), float(c[place]), float(np.tanh(rho)[place]))
        assert all(abs(part[place] - one) <= 16 * EPS for part, one in zip(together, alone, strict=True))


# ---- without bias

@given(sign=SIGNS, half=st.sampled_from([0.0, 1e-18, 1e-9, 2.0**-20]) | st.floats(1e-3, 0.7))
def test_arc_cosine_kernels_keep_their_digits(sign, half):
    """Relative, also where they vanish: theta from the small half, at 60 digits."""
    theta, small = close_to(sign, half), 2 * mp.asin(mpf(half))
    with mp.workdps(60):
        t = mp.pi - small if sign > 0 else small       # pi - theta
        expected = [t / (2 * mp.pi), (mp.sin(t) - t * mp.cos(t)) / (2 * mp.pi)]
    assert ulps(bivariate.arc_cosine_0(theta), expected[0]) <= 4
    assert ulps(bivariate.arc_cosine_1(theta), expected[1]) <= 24


@given(sign=SIGNS, half=HALVES)
def test_without_bias_the_moments_are_arc_cosine_kernels(sign, half):
    theta = close_to(sign, half)
    for zero in (0.0, -0.0):
        pair = moments(zero, zero, theta)
        assert abs(pair.step_step - bivariate.arc_cosine_0(theta)) <= (BOUND + 4) * EPS / 2
        assert abs(pair.relu_relu - bivariate.arc_cosine_1(theta)) <= (BOUND + 24) * EPS / 2


def test_arc_cosine_kernels_of_orthogonal_and_parallel_vectors():
    assert bivariate.arc_cosine_0(0.0) == 0.25
    assert ulps(bivariate.arc_cosine_1(frozen([1.0, 0.0, -1.0])), [mp.mpf(1) / 2, 1 / (2 * mp.pi), 0]) <= 24
    assert bivariate.arc_cosine_0(-1.0) == 0


# ---- angles

@given(seed=seeds, d=st.integers(1, 6), spread=st.sampled_from([1.0, 1e-3, 1e-8, 1e-12, 1e-16, 0.0]), sign=SIGNS)
@example(seed=0, d=3, spread=0.0, sign=-1)
def test_angles_of_any_rows(seed, d, spread, sign):
    """theta within (2 d + 8) eps: both halves against exact rows, at 60 digits."""
    rng = np.random.default_rng(seed)
    W = rng.normal(size=(2, d))
    V = np.concatenate([sign * W * 3 + spread * rng.normal(size=(2, d)), rng.normal(size=(1, d))])
    theta = angles(frozen(W), frozen(V))
    assert theta.rho.shape == (2, 3)
    with mp.workdps(60):
        for j in range(2):
            for k in range(3):
                w, v = ([mpf(x) for x in row] for row in (W[j], V[k]))
                lengths = [mp.sqrt(mp.fsum(x * x for x in row)) for row in (w, v)]
                halves = [mp.sqrt(mp.fsum((x / lengths[0] + sign * y / lengths[1]) ** 2 for x, y in zip(w, v, strict=True))) / 2 for sign in (-1, 1)]
                got = theta.rho[j, k], theta.sin_half[j, k], theta.cos_half[j, k]
                expected = halves[1] ** 2 - halves[0] ** 2, *halves
                assert max(abs(mpf(x) - y) for x, y in zip(got, expected, strict=True)) <= (2 * d + 8) * EPS


def test_equal_rows_have_the_angle_0():
    W = np.random.default_rng(0).normal(size=(50, 7))
    theta = angles(W, -2 * W)
    assert np.all(np.diag(theta.cos_half) == 0)
    assert np.all(np.diag(theta.rho) <= -1 + 4 * EPS)
    assert np.all(np.diag(angles(W, W * 2.0**-600).sin_half) == 0)


def test_no_array_of_all_differences():
    """400 rows in 400 dimensions, all nearly parallel: (m, k, d) would be half a gigabyte."""
    import tracemalloc

    rng = np.random.default_rng(0)
    W = 1 + 1e-3 * rng.normal(size=(400, 400))
    tracemalloc.start()
    angles(W, W)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6


def test_an_angle_is_handed_on_as_it_is():
    theta = angle(frozen([0.5, -1.0]))
    assert all(np.array_equal(x, y) for x, y in zip(angle(theta), theta, strict=True))
    assert isinstance(pickle.loads(pickle.dumps(theta)), Angle)
    assert ulps(theta.sin_half, [mp.mpf(1) / 2, 1]) <= 2


# ---- bad input

def test_a_row_0_has_no_angle():
    W = frozen([[1.0, 2.0], [0.0, 0.0]])
    for call, name in ((lambda: angles(W, W[:1]), "W"), (lambda: angles(W[:1], W), "V")):
        with pytest.raises(DomainError, match=rf"{name}\[1\] = 0 has no direction"):
            call()


@pytest.mark.parametrize("rho", [1 + EPS, -1.5, frozen([0.0, 2.0])])
def test_a_correlation_lies_between_minus_1_and_1(rho):
    for call in (angle, bivariate.arc_cosine_0, bivariate.arc_cosine_1, lambda rho: moments(0.0, 0.0, rho)):
        with pytest.raises(DomainError, match=r"rho = (1.0000000000000002|-1.5|2.0); a correlation lies in \[-1, 1\]"):
            call(rho)


@pytest.mark.parametrize(("spoil", "error", "pattern"), [case for case in SPOILED if case.id not in ("list", "an axis less", "an axis more", "empty")])
@pytest.mark.parametrize("name", ["b", "c", "rho"])
def test_spoiled_arguments(name, spoil, error, pattern):
    good = {"b": frozen([0.5, 0.25]), "c": frozen([-0.5, 0.25]), "rho": frozen([0.5, 0.25])}
    with pytest.raises(error, match=pattern.format(name=name)):
        moments(**{**good, name: spoil(good[name])})


@pytest.mark.parametrize(("spoil", "error", "pattern"), SPOILED)
@pytest.mark.parametrize("name", ["W", "V"])
def test_spoiled_rows(name, spoil, error, pattern):
    good = {"W": frozen([[1.0, 2.0], [3.0, 4.0]]), "V": frozen([[1.0, 2.0], [3.0, 4.0]])}
    with pytest.raises(error, match=pattern.format(name=name)):
        angles(**{**good, name: spoil(good[name])})


def test_rows_of_other_dimensions():
    with pytest.raises(ShapeError, match=r"V has shape \(1, 3\) but W has d = 2"):
        angles(frozen([[1.0, 2.0]]), frozen([[1.0, 2.0, 3.0]]))


def test_parts_of_an_angle_are_looked_at():
    with pytest.raises(NonFiniteError, match="sin_half = nan"):
        moments(0.0, 0.0, Angle(1.0, math.nan, 1.0))
    with pytest.raises(DtypeError, match=r"cos_half = \[1.0\] is of type list"):
        moments(0.0, 0.0, Angle(1.0, 0.0, [1.0]))
