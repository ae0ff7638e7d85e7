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


def found(tmp_path, runs=60, **given):
    mine = tmp_path / f"mine_{'_'.join(map(str, given.values()))}.py"
    mine.write_text(MINE.format(**given), encoding="utf-8")
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
