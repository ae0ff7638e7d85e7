"""The commands of ``python -m refimpl``: what they print, what they refuse, how they exit."""

import csv
import io
import json
import sys

import pytest

from refimpl import __main__ as commands
from refimpl import experiments
from refimpl.experiments import reproduce
from tests.experiments import toy


@pytest.fixture
def figures(monkeypatch, tmp_path):
    """The toy among the names, in a folder of its own."""
    monkeypatch.setitem(experiments.NAMES, "toy", "a toy")
    monkeypatch.setattr(reproduce, "load", lambda name: toy)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "figures"


def test_list_names_every_figure(capsys):
    assert commands.main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["sample-complexity", "transfer", "exponents", "width", "degenerate", "lemma-1"]
    assert all(len(line.split()) > 4 for line in lines)


def test_a_figure_and_its_cells(figures, capsys):
    assert commands.main(["reproduce", "toy", "--workers", "1", "--seed", "5", "--implementation", "numpy"]) == 0
    capsys.readouterr()
    assert commands.main(["export", str(figures / "toy.sqlite")]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 9
    assert {row["sweep.seed"] for row in rows} == {"5"}
    assert {row["sweep.implementation"] for row in rows} == {"numpy"}
    assert all(float(row["sweep.seconds"]) >= 0 for row in rows)
    assert commands.main(["export", str(figures / "toy.sqlite"), "--format", "jsonl"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["parameters"]["n"] for line in lines} == {10, 100, 1000}
    assert all({"result", "seed", "versions", "implementation", "seconds"} <= {*line} for line in lines)


def test_a_failed_cell_is_exit_code_1(figures, monkeypatch, capsys):
    monkeypatch.setattr(toy, "cell", toy.failing)
    assert commands.main(["reproduce", "toy", "--workers", "1"]) == 1
    assert "3 of 9 cells failed" in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "said"), [
    ([], "the following arguments are required: COMMAND"),
    (["draw"], "invalid choice: 'draw'"),
    (["reproduce"], "the following arguments are required: NAME"),
    (["reproduce", "figure-1"], "invalid choice: 'figure-1' (choose from"),
    (["reproduce", "toy", "--workers", "0"], "0 is below 1, the least that makes sense"),
    (["reproduce", "toy", "--workers", "two"], "'two' is not a whole number"),
    (["reproduce", "toy", "--seed", "-1"], "-1 is below 0, the least that makes sense"),
    (["reproduce", "toy", "--workers", "1", "--scheduler", "tcp://127.0.0.1:1"], "not allowed with argument"),
    (["export"], "the following arguments are required: STORE"),
    (["export", "x", "--format", "xml"], "invalid choice: 'xml'"),
])
def test_usage_is_exit_code_2(figures, arguments, said, capsys):
    with pytest.raises(SystemExit) as stop:
        commands.main(arguments)
    assert stop.value.code == 2
    assert said in capsys.readouterr().err


def test_what_cannot_be_used_is_exit_code_1_and_a_sentence(figures, capsys, tmp_path):
    (tmp_path / "text").write_text("no store, " * 100)
    for arguments, said in ((["export", "nothing"], "refimpl: there is no store at nothing"),
                            (["export", str(tmp_path / "text")], "is damaged, or no store, and was left as it is"),
                            (["reproduce", "toy", "--out", str(tmp_path / "text")], "cannot be made a folder"),
                            (["reproduce", "toy", "--store", str(tmp_path / "text")], "is damaged, or no store"),
                            (["reproduce", "toy", "--seed", str(2**63)], "a sweep's root seed must be below 2^63")):
        assert commands.main(arguments) == 1
        error = capsys.readouterr().err
        assert said in error
        assert len(error.splitlines()) == 1


def test_missing_extras_are_exit_code_4(figures, monkeypatch, capsys):
    with monkeypatch.context() as here:
        here.setitem(sys.modules, "matplotlib", None)
        assert commands.main(["reproduce", "toy"]) == 4
        assert "`pip install refimpl[plots]` brings it" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert commands.main(["reproduce", "toy", "--scheduler", "tcp://127.0.0.1:1"]) == 4
    assert "`pip install refimpl[cluster]` brings it" in capsys.readouterr().err


def test_an_interrupt_is_exit_code_130(figures, monkeypatch, capsys):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(reproduce, "sweep", interrupted)
    assert commands.main(["reproduce", "toy"]) == 130
    assert "interrupted; what was computed is kept in figures/toy.sqlite" in capsys.readouterr().err


def test_a_mistake_of_ours_is_not_hidden(figures, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("a bug")

    monkeypatch.setattr(reproduce, "sweep", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        commands.main(["reproduce", "toy"])
