"""One command: cells, numbers, pictures."""

import json
import os
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from refimpl import experiments
from refimpl.experiments import drawing, reproduce
from refimpl.sweeps import SweepError
from refimpl.sweeps.executors import MissingExtraError
from tests.experiments import toy

ROOT = Path(__file__).parents[2]
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def run(monkeypatch, tmp_path):
    """The toy, reproduced in a folder of its own."""
    monkeypatch.setitem(experiments.NAMES, "toy", "a toy")
    monkeypatch.setattr(reproduce, "load", lambda name: toy)
    given = {"quick": False, "workers": 1, "scheduler": None, "store": None, "out": tmp_path / "figures", "seed": 3}
    return lambda **changed: reproduce.reproduce("toy", **given | changed)


def test_it_writes_numbers_and_pictures(run, tmp_path, capsys):
    assert run() == 0
    out = tmp_path / "figures"
    assert sorted(os.listdir(out)) == ["toy.json", "toy.png", "toy.sqlite", "toy.sqlite-driver", "toy.svg"]
    assert (out / "toy.png").read_bytes().startswith(PNG)
    assert ET.parse(out / "toy.svg").getroot().tag.endswith("svg")
    data = json.loads((out / "toy.json").read_text())
    assert data["run"] | {"store": ""} == {"name": "toy", "what": "a toy", "quick": False, "seed": 3, "cells": 9, "failed": 0, "computed": 9,
                                           "implementation": data["run"]["implementation"], "refimpl": data["run"]["refimpl"], "store": ""}
    assert data["panels"][0]["series"][0]["x"] == [10, 100, 1000]
    assert data["panels"][0]["series"][0]["y"][2] == pytest.approx(0.015, abs=0.005)
    assert data["findings"][0]["holds"] is True
    assert "What was run. 9 of 9 cells, root seed 3" in data["caption"]
    said = capsys.readouterr().out
    assert "yes at n = 1000: 0.01" in said
    assert "toy.svg" in said


def test_what_is_in_the_store_is_not_computed_again_and_the_bytes_are_the_same(run, tmp_path):
    run()
    before = {file.name: file.read_bytes() for file in (tmp_path / "figures").glob("toy.[sp]*g")}
    assert run() == 0
    assert json.loads((tmp_path / "figures" / "toy.json").read_text())["run"]["computed"] == 0
    assert {file.name: file.read_bytes() for file in (tmp_path / "figures").glob("toy.[sp]*g")} == before


def test_quick_is_another_figure_in_the_same_store(run, tmp_path):
    assert run(quick=True, store=tmp_path / "kept") == 0
    assert sorted(os.listdir(tmp_path / "figures")) == ["toy-quick.json", "toy-quick.png", "toy-quick.svg"]
    run(store=tmp_path / "kept")
    data = json.loads((tmp_path / "figures" / "toy.json").read_text())
    assert data["run"]["computed"] == 3                                      # of nine, six came with --quick
    assert "--quick" not in data["caption"]


def test_failed_cells_are_named_and_the_rest_is_drawn(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(toy, "cell", toy.failing)
    assert run() == 1
    data = json.loads((tmp_path / "figures" / "toy.json").read_text())
    assert (data["run"]["cells"], data["run"]["failed"]) == (9, 3)
    assert data["panels"][0]["series"][0]["x"] == [10, 1000]
    said = capsys.readouterr().err
    assert 'failed: {"n": 100, "run": 0}: ValueError: no luck' in said
    assert "3 of 9 cells failed; they are computed again when the command is repeated" in said


def test_infinite_intervals_are_null(run, tmp_path, monkeypatch):
    monkeypatch.setattr(toy, "grid", lambda quick: [{"n": 1000, "run": 0}])
    assert run() == 0
    finding = json.loads((tmp_path / "figures" / "toy.json").read_text())["findings"][0]
    assert (finding["low"], finding["high"]) == (None, None)
    assert finding["holds"] is False


def test_a_missing_extra_is_told_before_anything_is_computed(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"matplotlib cannot be imported \(.*\); `pip install refimpl\[plots\]` brings it"):
        run()
    assert not (tmp_path / "figures").exists()


def test_a_place_that_is_no_folder(run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SweepError, match="cannot be made a folder"):
        run(out=tmp_path / "file" / "below")
    with pytest.raises(SweepError, match="cannot be made a folder"):
        run(out=tmp_path / "file")


def test_pictures_are_looked_at_by_their_sizes(run, tmp_path):
    """Two panels side by side, of 4.6 inches at 160 dots."""
    run()
    assert int.from_bytes((tmp_path / "figures" / "toy.png").read_bytes()[16:20]) == round(2 * drawing.WIDTH * 160)


INTERRUPTED = """
import sys
from refimpl import experiments
from refimpl.experiments import reproduce
from tests.experiments import toy
if __name__ == "__main__":
    experiments.NAMES["toy"] = "a toy"
    reproduce.load = lambda name: toy
    toy.cell = toy.slow
    from refimpl.__main__ import main
    sys.exit(main(["reproduce", "toy", "--workers", "1", "--out", sys.argv[1]]))
"""


def test_ctrl_c_says_how_to_go_on(tmp_path):
    """An interrupt after the first cell is on disk; the second run goes on from there."""
    store = tmp_path / "toy.sqlite"
    command = [sys.executable, "-c", INTERRUPTED, str(tmp_path)]
    driver = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'kernels'}"})
    wait_for_a_cell(store, driver)
    driver.send_signal(signal.SIGINT)
    _, said = driver.communicate(timeout=60)
    assert driver.returncode == 130
    assert f"interrupted; what was computed is kept in {store}, and the same command goes on from there" in said
    again = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'kernels'}"})
    assert again.returncode == 0
    assert 0 < json.loads((tmp_path / "toy.json").read_text())["run"]["computed"] < 9


def wait_for_a_cell(store, driver):
    import sqlite3
    import time

    for _ in range(600):
        assert driver.poll() is None
        if store.exists():
            try:
                with sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True) as db:
                    found = db.execute("SELECT count(*) FROM cells").fetchone()[0]
            except sqlite3.Error:
                found = 0
            finally:
                db.close()
            if found:
                return
        time.sleep(0.05)
    raise AssertionError("no cell was committed within 30 s")


@pytest.mark.parametrize("name", experiments.NAMES)
def test_every_name_is_an_experiment(name):
    experiment = experiments.load(name)
    quick, full = experiment.grid(quick=True), experiment.grid(quick=False)
    assert 0 < len(quick) < len(full)
