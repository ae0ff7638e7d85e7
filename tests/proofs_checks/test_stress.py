"""``stress`` finds a method whose error rate is not what it says."""

import pytest

from proofs_checks.__main__ import main
from proofs_checks.engine.select import select
from proofs_checks.engine.stress import INFLATED, stress

MINE = '''
import numpy as np
from proofs_checks import Instead, Paper, Sampled
from proofs_checks.instances import family

MINE = Paper("MINE", title="t", version="v")


@MINE.claim("mean", where="here", given=family(k=(1, 1)), false_alarm=1e-8)
def mean(at):
    """E z = {truth}, its variance taken as {variance}."""
    return Sampled(draw=lambda rng, n: rng.standard_normal(n), truth={truth}, variance={variance}, discrepancy=0.5)


@mean.refutes("mean 1")
def _(at):
    return Instead(truth=1.0)


@mean.refutes("mean -1")
def _(at):
    return Instead(truth=-1.0)
'''


EVENT = '''
from proofs_checks import Frequency, Instead, Paper
from proofs_checks.instances import family

MINE = Paper("MINE", title="t", version="v")


@MINE.claim("event", where="here", given=family(k=(1, 1)), false_alarm=1e-8)
def event(at):
    """An event of probability {probability}, in runs of {run} equal outcomes."""
    return Frequency(happens=lambda rng, n: (rng.random(n // {run} + 1) < 0.3).repeat({run})[:n], probability={probability}, discrepancy=0.1)


@event.refutes("1/2")
def _(at):
    return Instead(probability=0.5)


@event.refutes("the contrary")
def _(at):
    return Instead(probability=0.7)
'''

LAW = '''
from proofs_checks import Instead, Paper, Scaling
from proofs_checks.instances import family

MINE = Paper("MINE", title="t", version="v")


@MINE.claim("law", where="here", given=family(k=(1, 1)), false_alarm=1e-7)
def law(at):
    """1 / size, give or take {noise}."""
    return Scaling(sizes=(64, 128, 256), measure=lambda rng, size: (1 + {noise} * rng.random()) / size, exponent=-1.0)


@law.refutes("square root")
def _(at):
    return Instead(exponent=-0.5)


@law.refutes("square")
def _(at):
    return Instead(exponent=-2.0)
'''


def found(tmp_path, runs=60, text=MINE, **given):
    mine = tmp_path / f"mine_{'_'.join(map(str, given.values()))}.py"
    mine.write_text(text.format(**given), encoding="utf-8")
    return list(stress(select([str(mine)]), [str(mine)], runs=runs, seed=0, workers=1))


def test_a_calibrated_entry_keeps_its_rates(tmp_path):
    real, inflated = found(tmp_path, truth=0.3, variance=1.0)
    assert (real.level, inflated.level) == (1e-8, INFLATED)
    assert real.runs == inflated.runs == 60


def test_a_variance_that_is_too_small_is_found(tmp_path):
    """An interval ten times too short raises alarms in most runs, at either level."""
    for stressed in found(tmp_path, truth=0.0, variance=0.01):
        assert stressed.alarms > stressed.allowed
        assert not stressed.kept


def test_a_wrong_truth_is_found(tmp_path):
    for stressed in found(tmp_path, truth=0.6, variance=1.0):
        assert stressed.alarms == stressed.runs


def test_a_frequency_keeps_its_rates(tmp_path):
    for stressed in found(tmp_path, text=EVENT, probability=0.3, run=1):
        assert stressed.kept
        assert stressed.runs == 60


@pytest.mark.parametrize(("probability", "run"), [(0.42, 1), (0.3, 16)])
def test_a_frequency_that_is_wrong_or_whose_samples_hang_together_is_found(tmp_path, probability, run):
    """The inflated level sees it: samples in runs of 16 equal ones are not independent, so the binomial law is not theirs."""
    _, inflated = found(tmp_path, text=EVENT, probability=probability, run=run)
    assert inflated.alarms > inflated.allowed
    assert not inflated.kept


def test_a_scaling_law_takes_a_tenth_of_the_runs(tmp_path):
    assert [stressed.runs for stressed in found(tmp_path, text=LAW, runs=40, noise=0.01)] == [4, 4]
    assert [stressed.runs for stressed in found(tmp_path, text=LAW, runs=3, noise=0.02)] == [1, 1]


def test_the_command_prints_a_row_a_level(capsys):
    assert main(["stress", "DLS22/eq-1-sampled", "--runs", "3"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].split() == ["statement", "level", "runs", "alarms", "allowed", "missed", "undecided"]
    assert [row.split()[:4] for row in rows[1:]] == [["DLS22/eq-1-sampled", "1e-08", "3", "0"], ["DLS22/eq-1-sampled", "0.01", "3", "0"]]


def test_what_draws_nothing_cannot_be_stressed(capsys):
    assert main(["stress", "DLS22/eq-1"]) == 2
    assert "none of the chosen entries draws anything" in capsys.readouterr().err


@pytest.mark.slow
def test_the_audit_keeps_its_rates_over_many_runs(capsys):
    assert main(["stress", "--runs", "100", "--workers", "2"]) == 0
    assert "NOT KEPT" not in capsys.readouterr().out
