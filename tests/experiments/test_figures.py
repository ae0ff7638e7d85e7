"""What is drawn and found, as plain data."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl.experiments.figures import Finding, Rows, crossing, over, slope, statistics


def rows(*cells):
    return Rows(SimpleNamespace(parameters=parameters, result=result) for parameters, result in cells)


def test_rows_are_chosen_by_their_parameters():
    all_of_them = rows(({"n": 10, "m": None}, {"risk": 1.0}), ({"n": 2, "m": 5}, {"risk": 2.0}), ({"n": 10, "m": 5}, {"risk": 3.0}))
    assert all_of_them.where(m=5).values("risk") == [2.0, 3.0]
    assert all_of_them.where(m=None, n=10).values("risk") == [1.0]
    assert all_of_them.distinct("n") == [2, 10]
    assert len(all_of_them.where(n=3)) == 0


def test_the_interval_is_students():
    """Three runs 1, 2, 3: sd 1, and t at 97.5 % with two degrees of freedom is the root of 0.95^2 * 2 / (1 - 0.95^2)."""
    found = statistics([1.0, 2.0, 3.0])
    half = math.sqrt(2 * 0.95**2 / (1 - 0.95**2)) / math.sqrt(3)
    assert found[:3] == (3, 2.0, 1.0)
    assert found.low == pytest.approx(2 - half, rel=1e-12)
    assert found.high == pytest.approx(2 + half, rel=1e-12)
    assert found[5:] == (2.0, 1.0, 3.0)


@pytest.mark.parametrize(("runs", "k"), [(1, 1), (3, 1), (5, 1), (6, 1), (8, 1), (9, 2), (10, 2), (11, 2), (12, 3), (20, 6)])
def test_the_interval_of_the_median_is_of_order_statistics(runs, k):
    """The k of the tables: 2 Pr[Bin(n, 1/2) <= k - 1] <= 5 %, such as 2 * 11 / 1024 for n = 10, k = 2 and 112 / 1024 for k = 3."""
    found = statistics(list(range(1, runs + 1))[::-1])
    assert (found.median, found.below, found.above) == ((runs + 1) / 2, k, runs + 1 - k)


def test_a_single_run_has_no_interval():
    found = statistics([0.5])
    assert (found.low, found.high, found.sd) == (-math.inf, math.inf, math.inf)


def test_a_line_over_a_parameter():
    series = over(rows(({"n": 100}, {"risk": 3.0}), ({"n": 10}, {"risk": 1.0}), ({"n": 10}, {"risk": 2.0})), "n", "risk", label="it", scale=math.log10)
    assert series.x == [1.0, 2.0]
    assert series.y == [1.5, 3.0]
    assert series.low == [1.0, 3.0]
    assert series.high == [2.0, 3.0]


@given(st.floats(-3, 3), st.floats(0.1, 10))
def test_the_slope_of_a_power_is_its_exponent(exponent, factor):
    x = np.array([1.0, 2.0, 5.0, 30.0])
    assert slope(x, factor * x**exponent) == pytest.approx(exponent, abs=1e-12)


def test_a_crossing_is_between_two_points():
    assert crossing([10, 100, 1000], [1.0, 0.6, 0.2], 0.4) == pytest.approx(10**2.5)
    assert crossing([10, 100, 1000], [1.0, 0.4, 0.4], 0.5) == pytest.approx(10 ** (1 + 5 / 6))
    assert crossing([10, 100], [0.1, 0.2], 0.5) == 10
    assert crossing([10, 100], [0.1, 0.7], 0.5) == math.inf
    assert crossing([10, 100, 1000, 10000], [0.9, 0.3, 0.9, 0.3], 0.5) == pytest.approx(10 ** (3 + 2 / 3))      # for good


def test_a_finding_reads_as_a_sentence():
    assert str(Finding("risk", 0.05, 0.04, 0.06, "below 0.1", True)) == "yes risk: 0.05 [0.04, 0.06]; below 0.1"
    assert str(Finding("risk", 0.5, 0.4, 0.6, "below 0.1", False)).startswith("NO  ")
    assert str(Finding("risk", 0.5, 0.4, 0.6, "")) == "-   risk: 0.5 [0.4, 0.6]"
