"""Intervals keep the error rates that they state, and siblings that look alike do not."""

import math
from fractions import Fraction
from itertools import accumulate

import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri

from proofs_checks import Frequency, Sampled
from proofs_checks.engine import instances, statistics
from proofs_checks.engine.statistics import (
    SLACK,
    binomial_at_least,
    binomial_at_most,
    binomial_lower,
    binomial_miss,
    binomial_p_value,
    binomial_samples,
    binomial_upper,
    catoni_half_width,
    catoni_mean,
    catoni_samples,
    log_log_slopes,
    slope_interval,
)
from proofs_checks.papers import papers
from refimpl.rng import stream

RUNS, LEVEL = 2000, 1e-2
ALLOWED = binomial_upper(RUNS, LEVEL, 1e-6)


def he_4(rng, n):
    """He_4(z) / sqrt(24): mean 0, variance 1, and a tail that no Gaussian interval survives."""
    z = rng.standard_normal(n)
    return (z**4 - 6 * z**2 + 3) / math.sqrt(24)


def alarms(interval, n=60, runs=RUNS):
    """How often an interval at level 1e-2 misses the mean 0 of He_4 / sqrt 24."""
    rng = stream(0, "alarms")
    return sum(abs(centre) > radius for centre, radius in (interval(he_4(rng, n)) for _ in range(runs)))


def test_catoni_keeps_its_level_on_hermite_chaos():
    assert alarms(lambda x: (catoni_mean(x, 1.0, LEVEL), catoni_half_width(len(x), 1.0, LEVEL))) <= ALLOWED


def test_a_nominal_normal_interval_does_not():
    """The negative control: mean +- 2.576 s / sqrt n at a nominal 1 %, which fails in nearly 2 % of the runs."""
    runs = 20_000
    found = alarms(lambda x: (x.mean(), 2.576 * x.std(ddof=1) / math.sqrt(len(x))), runs=runs)
    assert found > binomial_upper(runs, LEVEL, 1e-6)


def test_peeking_does_not_keep_a_level():
    """The negative control of sequential use: an interval that is looked at after every ten samples."""
    rng, found = stream(0, "peeking"), 0
    for _ in range(RUNS):
        x = rng.standard_normal(400)
        n = np.arange(10, 401, 10)
        found += bool(np.any(np.abs(np.cumsum(x)[n - 1] / n) > 2.576 / np.sqrt(n)))
    assert found > ALLOWED


def test_a_right_interval_sees_a_wrong_mean():
    """Power: a truth that is off by the discrepancy is rejected in every run."""
    n, rng = catoni_samples(1.0, 0.5, 1e-6), stream(0, "power")
    radius = catoni_half_width(n, 1.0, 1e-6)
    assert all(abs(catoni_mean(he_4(rng, n), 1.0, 1e-6) - 0.5) > radius for _ in range(200))


def test_waiting_for_catoni_to_accept_accepts_what_is_wrong():
    """The negative control of stopping early: a truth off by the discrepancy, and the first interval that contains it ends the run."""
    n, rng = catoni_samples(1.0, 0.5, 1e-6), stream(0, "early")
    looks, runs, accepted = range(40, n + 1, 40), 50, [0, 0]
    for _ in range(runs):
        x = rng.standard_normal(n)
        inside = [abs(catoni_mean(x[:k], 1.0, 1e-6) - 0.5) <= catoni_half_width(k, 1.0, 1e-6) for k in (*looks, n)]
        accepted = [accepted[0] + inside[-1], accepted[1] + any(inside)]
    assert accepted == [0, runs]


# ---- samples beside those of the central limit theorem, at equal error rates

def central_limit(variance, discrepancy, delta, truth_variance=None):
    """Samples of a two-sided normal test with both errors delta."""
    alpha, beta = -ndtri(delta / 2) * math.sqrt(variance), -ndtri(delta) * math.sqrt(variance if truth_variance is None else truth_variance)
    return ((alpha + beta) / discrepancy) ** 2


def evidence_of(kind):
    """The statistical evidence of every entry of this kind at its first instance."""
    claims = [claim for paper in papers() for claim in paper if claim.false_alarm]
    bodies = ((claim.id, claim.body(instances.draw(claim.given, 1, stream(0, claim.id))[0])) for claim in claims)
    return {name: body for name, body in bodies if isinstance(body, kind)}


@pytest.mark.parametrize("discrepancy", [0.2, 0.1, 0.08, 0.01])
def test_catoni_needs_at_most_1_3_times_the_samples_of_the_central_limit_theorem(discrepancy):
    assert 1 < catoni_samples(1.0, discrepancy, 1e-6) / central_limit(1.0, discrepancy, 1e-6) <= 1.3


def test_so_do_the_entries_with_their_variances_and_discrepancies():
    """Their number is that of the largest variance; the figure of a law is sharp where that variance is not tiny beside the discrepancy."""
    found = evidence_of(Sampled)
    assert "DLS22/eq-1-sampled" in found
    for name, evidence in found.items():
        largest = float(np.max(evidence.variance))
        ratio = catoni_samples(largest, evidence.discrepancy, 1e-6) / central_limit(largest, evidence.discrepancy, 1e-6)
        assert ratio <= 1.3, name


def test_the_exact_binomial_test_needs_what_the_central_limit_theorem_says():
    for p, discrepancy in ((0.5, 0.02), (0.35, 0.02), (0.1, 0.01)):
        worst = max(q * (1 - q) for q in (p - discrepancy, p + discrepancy))
        n = binomial_samples(p, discrepancy, 1e-6, two_sided=True)
        assert 0.97 <= n / central_limit(p * (1 - p), discrepancy, 1e-6, worst) <= 1.03


def test_the_frequencies_of_the_entries_need_at_most_what_they_may_draw():
    found = evidence_of(Frequency)
    assert {"DLS22/relu-pair-sampled", "DLS22/lemma-27-sampled"} <= found.keys()
    for evidence in found.values():
        p = np.atleast_1d(np.asarray(evidence.routes[evidence.claimed], dtype=float))
        two_sided = evidence.claimed == "probability"
        assert max(binomial_samples(float(q), evidence.discrepancy, 1e-9, two_sided=two_sided) for q in p) <= evidence.at_most / 4


# ---- Catoni's parts

def test_two_radii_fit_into_the_discrepancy():
    for variance, discrepancy, delta in ((1.0, 0.1, 1e-6), (3.7, 0.02, 1e-9), (1e-3, 1.0, 1e-2)):
        n = catoni_samples(variance, discrepancy, delta)
        assert 2 * catoni_half_width(n, variance, delta) <= discrepancy
        assert n < 3 or 2 * catoni_half_width(n - 2, variance, delta) > discrepancy or n <= 2 * math.log(2 / delta) + 3


def test_catoni_solves_its_equation():
    x, delta = he_4(stream(0, "root"), 500), 1e-6
    L, n = math.log(2 / delta), 500
    alpha = math.sqrt(2 * L / (n * (1 + 2 * L / (n - 2 * L))))
    y = alpha * (x - catoni_mean(x, 1.0, delta))
    assert abs(np.sum(np.sign(y) * np.log1p(np.abs(y) + y * y / 2))) <= 1e-9 * np.sum(np.log1p(np.abs(y)))


def test_too_few_samples_say_nothing():
    assert catoni_half_width(29, 1.0, 1e-6) == math.inf


def test_no_variance_is_the_value_itself():
    assert catoni_mean(np.full(40, 2.5), 0.0, 1e-6) == 2.5


# ---- binomial tails

def masses(n, p):
    """Pr[Binomial(n, p) = k], k = 0, ..., n, exactly for the float p."""
    p = Fraction(p)
    return [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]


@given(n=st.integers(1, 40), p=st.fractions(0, 1, max_denominator=64), data=st.data())
def test_tails_are_never_below_their_values_and_above_by_at_most_the_slack(n, p, data):
    k = data.draw(st.integers(-1, n + 1))
    p = float(p)
    above = sum(masses(n, p)[max(k, 0):], start=Fraction())
    below = sum(masses(n, p)[: k + 1], start=Fraction())
    for found, exact in ((binomial_at_least(k, n, p), above), (binomial_at_most(k, n, p), below)):
        assert exact <= Fraction(found) <= min(Fraction(1), exact * (1 + Fraction(2 * SLACK)))


@pytest.mark.parametrize("n", [1000, 60_000, 2_000_000])
@pytest.mark.parametrize("p", [1e-3, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("sigmas", [5.6, 6.8])
def test_tails_of_1e_8_to_1e_12_are_exact_for_millions_of_samples(n, p, sigmas, monkeypatch):
    monkeypatch.setattr(ctx, "prec", 160)
    spread = sigmas * math.sqrt(n * p * (1 - p))
    above, below = min(n, math.ceil(n * p + spread)), max(0, math.floor(n * p - spread))
    for found, exact in ((binomial_at_least(above, n, p), _summed(above, n, arb(p))), (binomial_at_most(below, n, p), _summed(n - below, n, 1 - arb(p)))):
        assert 0 <= found / float(exact) - 1 <= 2 * SLACK


def _summed(k, n, p):
    """Pr[Binomial(n, p) >= k] as a ball, from its largest term until what is left is nothing beside the sum."""
    term = (arb(n + 1).lgamma() - arb(k + 1).lgamma() - arb(n - k + 1).lgamma() + k * p.log() + (n - k) * (1 - p).log()).exp()
    total, odds = arb(0), p / (1 - p)
    for j in range(k, n + 1):
        total += term
        term *= (n - j) * odds / (j + 1)
        if (j - k) % 64 == 63 and term < total * arb(2) ** -80:
            break
    return total


BOUNDS = [(1000, 2.0**-7, 1e-6), (100, 1e-2, 1e-3), (50, 0.3, 1e-2), (10, 0.5, 0.9), (40, 0.97, 1e-3), (7, 0.0, 1e-2), (7, 1.0, 1e-2)]


@pytest.mark.parametrize(("n", "p", "delta"), BOUNDS)
def test_the_binomial_bounds_are_the_narrowest(n, p, delta):
    below = [Fraction(), *accumulate(masses(n, p))]                              # Pr[X < k]
    above = [1 - x for x in below[1:]]                                           # Pr[X > k]
    assert binomial_upper(n, p, delta) == next(k for k in range(n + 1) if above[k] <= delta)
    assert binomial_lower(n, p, delta) == max(k for k in range(n + 1) if below[k] <= delta)


@pytest.mark.parametrize("two_sided", [True, False])
@pytest.mark.parametrize("p", [0.02, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("delta", [1e-2, 1e-6])
def test_the_exact_test_keeps_its_level_exactly(p, delta, two_sided):
    """No simulation: the probability of all counts that it rejects, and every one of them lies outside the bounds."""
    for n in (1, 13, 120, 300):
        mass = masses(n, p)
        rejected = [k for k in range(n + 1) if binomial_p_value(k, n, p, two_sided=two_sided) <= delta]
        share = delta / 2 if two_sided else delta
        assert sum(mass[k] for k in rejected) <= delta
        assert rejected == [k for k in range(n + 1) if k > binomial_upper(n, p, share) or (two_sided and k < binomial_lower(n, p, share))]


@pytest.mark.parametrize(("p", "discrepancy", "delta"), [(0.3, 0.2, 1e-2), (0.05, 0.1, 1e-3), (0.5, 0.3, 1e-6), (0.0, 0.2, 1e-3), (0.9, 0.3, 1e-2)])
@pytest.mark.parametrize("two_sided", [True, False])
def test_samples_suffice_for_both_errors_and_one_less_does_not(p, discrepancy, delta, two_sided):
    n = binomial_samples(p, discrepancy, delta, two_sided=two_sided)
    away = [q for q in (p - discrepancy, p + discrepancy) if 0 <= q <= 1]
    pairs = [(a, b) for q in away for a, b in ((p, q), (q, p)) if two_sided or a < b]

    def missed(n, claimed, true):
        """Pr[the test accepts the claimed probability], under the true one: summed over the counts that it accepts."""
        return sum(mass for k, mass in enumerate(masses(n, true)) if binomial_p_value(k, n, claimed, two_sided=two_sided) > delta)

    assert all(missed(n, *pair) <= binomial_miss(n, *pair, delta, two_sided=two_sided) <= delta for pair in pairs)
    assert any(binomial_miss(n - 1, *pair, delta, two_sided=two_sided) > delta for pair in pairs)
    assert n <= math.ceil(2 * math.log(2 / delta) / discrepancy**2)


def test_what_is_further_away_is_missed_more_rarely():
    n = binomial_samples(0.4, 0.05, 1e-6, two_sided=True)
    misses = [binomial_miss(n, 0.4, q, 1e-6, two_sided=True) for q in (0.45, 0.5, 0.7, 1.0)]
    assert misses == sorted(misses, reverse=True)


@pytest.mark.parametrize(("p", "two_sided", "chance"), [(-0.1, True, 0), (1.1, True, 0), (-0.1, False, 0), (1.1, False, 1), (1.0, True, 0), (0.0, False, 0)])
def test_what_is_no_probability_is_rejected_except_a_bound_above_1(p, two_sided, chance):
    assert binomial_p_value(3, 10, p, two_sided=two_sided) == chance


def test_no_probability_is_so_far_away():
    assert binomial_samples(0.5, 0.6, 1e-6, two_sided=True) == 0
    assert binomial_samples(1.0, 0.6, 1e-6, two_sided=False) > 0


def test_a_nominal_normal_interval_of_a_frequency_does_not_keep_its_level():
    """The negative control: f +- 2.576 sqrt(f (1 - f) / n) at a nominal 1 %, for an event of probability 1/200."""
    n, p = 400, 0.005
    f = stream(0, "Wald").binomial(n, p, RUNS) / n
    assert np.sum(np.abs(f - p) > 2.576 * np.sqrt(f * (1 - f) / n)) > ALLOWED


def test_peeking_at_a_frequency_keeps_no_level():
    """The negative control of the exact test: right at every look, and wrong as the rule that stops when it first rejects."""
    looks, p = np.arange(20, 1001, 20), 0.3
    ends = np.array([(binomial_lower(n, p, LEVEL / 2), binomial_upper(n, p, LEVEL / 2)) for n in looks.tolist()])
    counts = np.cumsum(stream(0, "peeking at a frequency").random((RUNS, looks[-1])) < p, axis=1)[:, looks - 1]
    rejects = (counts < ends[:, 0]) | (counts > ends[:, 1])
    assert np.all(np.sum(rejects, axis=0) <= ALLOWED)
    assert np.sum(np.any(rejects, axis=1)) > 3 * ALLOWED


def test_waiting_for_a_frequency_to_be_accepted_accepts_what_is_wrong():
    """The same rule that stops when it first accepts: a probability off by the discrepancy is then missed in most runs."""
    p, discrepancy, level = 0.3, 0.05, 1e-6
    n = binomial_samples(p, discrepancy, level, two_sided=True)
    looks = np.array([*range(100, n, 100), n])
    ends = np.array([(binomial_lower(k, p + discrepancy, level / 2), binomial_upper(k, p + discrepancy, level / 2)) for k in looks.tolist()])
    counts = np.cumsum(stream(0, "waiting").random((200, n)) < p, axis=1)[:, looks - 1]
    accepts = (ends[:, 0] <= counts) & (counts <= ends[:, 1])
    assert np.sum(accepts[:, -1]) == 0
    assert np.sum(np.any(accepts, axis=1)) > 190


# ---- slopes

def test_slopes_of_power_laws_are_their_exponents():
    sizes = [64, 128, 1024]
    got = log_log_slopes(sizes, np.array([[s**-1.0 for s in sizes], [3 * s**-1.5 for s in sizes]]))
    assert np.max(np.abs(got - [-1.0, -1.5])) <= 16 * np.finfo(float).eps


def test_the_root_law_of_the_trap_has_the_slope_it_is_said_to_have():
    """sqrt(log n / n) over 2^6..2^13 has effective slope -0.421, so a margin of 0.03 tells it from -1/2."""
    sizes = [2**k for k in range(6, 14)]
    slope = log_log_slopes(sizes, np.array([[math.sqrt(math.log(n) / n) for n in sizes]]))[0]
    assert abs(slope + 0.421) < 5e-4
    assert abs(slope + 0.5) > 0.03


def test_students_interval_of_slopes_keeps_its_level():
    rng = stream(0, "slopes")
    found = [slope_interval(rng.normal(-1, 0.02, 24), LEVEL) for _ in range(RUNS)]
    assert sum(abs(slope.mean + 1) > slope.half_width for slope in found) <= ALLOWED


def test_adding_seeds_until_the_interval_excludes_the_exponent_keeps_no_level():
    """The negative control of Student's interval: looked at after every fourth seed."""
    rng, runs = stream(0, "adding seeds"), 1000
    slopes = rng.normal(-1, 0.02, (runs, 64))
    found = [[slope_interval(row[:k], LEVEL) for k in range(4, 65, 4)] for row in slopes]
    excluded = np.array([[abs(slope.mean + 1) > slope.half_width for slope in row] for row in found])
    allowed = binomial_upper(runs, LEVEL, 1e-6)
    assert np.all(np.sum(excluded, axis=0) <= allowed)
    assert np.sum(np.any(excluded, axis=1)) > allowed


def test_every_interval_of_the_module_is_tested_here():
    public = {name for name, value in vars(statistics).items() if callable(value) and getattr(value, "__module__", "") == statistics.__name__}
    assert public == {"binomial_at_least", "binomial_at_most", "binomial_lower", "binomial_miss", "binomial_p_value", "binomial_samples",
                      "binomial_upper", "catoni_half_width", "catoni_mean", "catoni_samples", "log_log_slopes", "slope_interval", "Slope"}
