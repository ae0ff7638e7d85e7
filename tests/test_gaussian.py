"""Against mpmath at 40 digits: density, tail by erfc, half-line moments by the incomplete gamma function.

Below 2^-1022 floats lose relative accuracy; "eps times the terms" is read as eps (terms + 2^-1022), a denormal or so.
"""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from refimpl import gaussian
from refimpl.errors import DomainError, DtypeError, NonFiniteError
from tests.strategies import (
    NORMAL,
    SPOILED,
    He_exact,
    He_plus,
    frozen,
    half_line_He,
    half_line_moment,
    mp,
    reals,
    rodrigues,
    ulps,
    vectors,
)

biases = vectors(st.one_of(st.sampled_from([0.0, 1.0, -1.0, 5.0, -5.0, 36.0, -36.0]), reals(4), reals(36)))
anywhere = vectors(st.floats(allow_nan=False, allow_infinity=False))


# ---- phi and Phi

@given(b=biases)
@example(b=frozen([2.0**-100, 1 + 2.0**-52, 1.1, 30.3, 37.5]))
def test_phi_is_within_4_eps(b):
    assert ulps(gaussian.phi(b), [mp.npdf(x) for x in b]) <= 4


@given(b=biases)
@example(b=frozen([-1.0, 1.0, np.nextafter(-1, -2), np.nextafter(1, 2), -37.5, -36.8, -1e-300]))
def test_Phi_is_within_16_eps_in_both_tails(b):
    assert ulps(gaussian.Phi(b), [mp.ncdf(x) for x in b]) <= 16


@given(b=vectors(st.floats(37, 41) | st.floats(-41, -37)))
@example(b=frozen([38.5, -38.5, 38.56, -38.56, 40, -40]))
def test_phi_and_Phi_fade_into_denormals(b):
    assert ulps(gaussian.phi(b), [mp.npdf(x) for x in b], [mp.npdf(x) + NORMAL for x in b]) <= 4
    assert ulps(gaussian.Phi(b), [mp.ncdf(x) for x in b], [mp.ncdf(x) + NORMAL for x in b]) <= 16


@pytest.mark.parametrize("b", [38.6, 40.0, 1e10, 2.0**512, 1e300, 2.0**1023, 1.7e308])
def test_far_out_nothing_is_left(b):
    assert gaussian.phi(b) == gaussian.phi(-b) == gaussian.Phi(-b) == 0
    assert gaussian.Phi(b) == 1


@given(b=anywhere)
def test_phi_is_even_and_Phi_reflects(b):
    assert np.array_equal(gaussian.phi(-b), gaussian.phi(b))
    total = gaussian.Phi(b) + gaussian.Phi(-b)
    assert ulps(total, np.ones(len(b), int)) <= 33     # 16 eps each, and the sum


@pytest.mark.parametrize("f", [gaussian.phi, gaussian.Phi])
def test_shapes_stay_and_a_number_gives_a_scalar(f):
    b = frozen(np.linspace(-2, 2, 6).reshape(2, 3))
    assert f(b).shape == (2, 3)
    assert f(np.empty((2, 0))).shape == (2, 0)
    assert isinstance(f(0.5), float)
    assert f(1) == f(1.0)


# ---- moments on the half-line

def recurrence(K, b, phi, Phi):
    """m_0, ..., m_K of the docstring's recurrence with |b| in place of -b, from any start: linear in (phi, Phi)."""
    m = [Phi]
    for k in range(1, K + 1):
        m.append(abs(b)**(k - 1) * phi + ((k - 1) * m[k - 2] if k >= 2 else 0))
    return m


@given(K=st.integers(0, 9), b=biases)
@example(K=0, b=frozen([0.0]))
@example(K=12, b=frozen([0.0, 38.3, -38.3, 40.0, -40.0]))
def test_half_line_moments_are_within_their_bound(K, b):
    got = gaussian.half_line_moments(K, b)
    assert got.shape == (K + 1, len(b))
    for j, x in enumerate(map(mp.mpf, b)):
        terms = recurrence(K, x, mp.npdf(x) + NORMAL, mp.ncdf(x) + NORMAL)
        for k in range(K + 1):
            assert ulps(got[k, j], half_line_moment(k, x), terms[k]) <= 16 + 4 * k


@given(K=st.integers(0, 9), b=biases)
@example(K=0, b=frozen([0.0]))
@example(K=4, b=frozen([3**0.5, -(3**0.5), 1.0, -1.0]))         # He_3 and He_2 vanish: the whole value is rounding
@example(K=12, b=frozen([0.0, 38.3, -38.3, 40.0, -40.0]))
def test_half_line_hermite_is_within_its_bound(K, b):
    got = gaussian.half_line_hermite(K, b)
    assert got.shape == (K + 1, len(b))
    for j, x in enumerate(map(mp.mpf, b)):
        assert ulps(got[0, j], half_line_He(0, x), mp.ncdf(x) + NORMAL) <= 16
        for k in range(1, K + 1):
            terms = (mp.npdf(x) + NORMAL) * He_plus(k - 1, x)
            assert ulps(got[k, j], half_line_He(k, x), terms) <= 16 + 4 * k


@given(K=st.integers(0, 9), b=reals(6))
def test_the_closed_form_is_the_moment_of_He(K, b):
    """The two functions against each other, through the exact coefficients of He_k."""
    m, d = gaussian.half_line_moments(K, b), gaussian.half_line_hermite(K, b)
    size = recurrence(K, abs(b), gaussian.phi(b), gaussian.Phi(b))
    for k in range(K + 1):
        terms = sum(abs(c) * size[l] for l, c in enumerate(rodrigues(k)))
        got = sum(c * m[l] for l, c in enumerate(rodrigues(k)))
        assert ulps(got, d[k], terms) <= 2 * (16 + 4 * k) + k      # the two bounds, and the sum


@given(b=anywhere)
def test_no_bias_is_too_far(b):
    assert np.isfinite(gaussian.half_line_moments(5, b)).all()
    assert np.isfinite(gaussian.half_line_hermite(5, b)).all()


def test_the_whole_line_and_the_empty_one():
    assert gaussian.half_line_moments(6, 50.0).tolist() == [1, 0, 1, 0, 3, 0, 15]
    assert not gaussian.half_line_moments(6, -50.0).any()
    assert gaussian.half_line_hermite(3, 50.0).tolist() == [1, 0, 0, 0]


def test_at_zero_bias_the_corner_is_a_power_of_zero():
    assert gaussian.half_line_moments(2, 0.0)[0] == gaussian.half_line_moments(2, -0.0)[0] == 0.5
    root = 1 / mp.sqrt(2 * mp.pi)
    expected = [He_exact(k - 1, 0) * root for k in range(1, 6)]
    assert ulps(gaussian.half_line_hermite(5, 0.0)[1:], expected) <= 8      # one product each: 4 eps of phi, exact integers


# ---- bad input

FUNCTIONS = [gaussian.phi, gaussian.Phi, lambda b: gaussian.half_line_moments(2, b), lambda b: gaussian.half_line_hermite(2, b)]
NAMES = ["phi", "Phi", "half_line_moments", "half_line_hermite"]


@pytest.mark.parametrize("f", FUNCTIONS, ids=NAMES)
@pytest.mark.parametrize("b", [None, "1", True, 1j, [0.5], (0.5,)])
def test_a_bias_is_a_number_or_an_array(f, b):
    with pytest.raises(DtypeError, match=rf"b = .* is of type {type(b).__name__}; b must be a real number"):
        f(b)


@pytest.mark.parametrize("f", FUNCTIONS, ids=NAMES)
@pytest.mark.parametrize(("spoil", "error", "pattern"), [s for s in SPOILED if s.id in ("int", "float32", "complex", "bool", "byte order", "nan", "inf")])
def test_spoiled_biases(f, spoil, error, pattern):
    with pytest.raises(error, match=pattern.format(name="b")):
        f(spoil(frozen([0.5, 1.5])))


@pytest.mark.parametrize("f", [gaussian.half_line_moments, gaussian.half_line_hermite])
def test_the_number_of_moments(f):
    with pytest.raises(DomainError, match="K = -1; K must be at least 0"):
        f(-1, 0.0)
    for K in (True, 1.0, None, "2"):
        with pytest.raises(DtypeError, match=f"K = {K!r} is of type {type(K).__name__}"):
            f(K, 0.0)


@pytest.mark.parametrize(("f", "name"), [(gaussian.half_line_moments, "m"), (gaussian.half_line_hermite, "d")])
def test_an_overflow_is_an_error_that_says_where(f, name):
    with pytest.raises(NonFiniteError, match=rf"{name}\[\d+(, 0)?\] = -?(inf|nan); {name} must be finite"):
        f(400, frozen([3.0]))


@pytest.mark.parametrize("b", [0.0, 0.7, -1.2, 5.0, -5.0, -12.0, -36.0, 40.0, 1e300])
def test_the_mean_above_a_threshold_is_within_its_bound(b):
    """E[(z + b)_+] = phi(b) + b Phi(b) at 400 digits, whose difference cancels for b far to the left."""
    with mp.workdps(400):
        phi, Phi = mp.npdf(b), mp.erfc(-mp.mpf(b) / mp.sqrt(2)) / 2
        wrong, size = abs(mp.mpf(float(gaussian.half_line_mean(b))) - (phi + b * Phi)), phi + abs(b) * Phi
        assert wrong <= 20 * mp.mpf(2) ** -52 * size
