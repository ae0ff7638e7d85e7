"""A paper that lives outside the package: its tests, its entry point, its examples."""

import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from proofs_checks import as_tests
from proofs_checks.engine import outside
from proofs_checks.engine.claims import RegistryError
from proofs_checks.engine.select import load, select

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "03_my_own_paper.py"

test_of_the_example = as_tests(load(EXAMPLE)[0])


def run(*arguments, **environment):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT, env=os.environ | environment, check=False)


def test_the_bridge_fails_where_a_verdict_is_not_the_expected_one(tmp_path):
    source = EXAMPLE.read_text(encoding="utf-8").replace("expanded=-1 - at.u @ at.w", "expanded=-1 - 2 * at.u @ at.w")
    (tmp_path / "mine.py").write_text(source, encoding="utf-8")
    (tmp_path / "test_mine.py").write_text(
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nfrom mine import ME26\nfrom proofs_checks import as_tests\ntest_me26 = as_tests(ME26)\n")
    ran = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, str(tmp_path / "test_mine.py"))
    assert ran.returncode == 1
    assert "1 failed, 1 passed" in ran.stdout
    assert "REFUTED (its form says HOLDS)" in ran.stdout


def test_the_example_is_audited_from_any_folder(tmp_path):
    ran = subprocess.run([sys.executable, "-m", "proofs_checks", str(EXAMPLE)], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "AMENDED      ME26/lemma-2" in ran.stdout


def test_the_first_example_prints_a_falling_share():
    ran = run("examples/01_lemma_1_by_eye.py")
    assert ran.returncode == 0
    shares = [line.count("#") for line in ran.stdout.splitlines()[1:]]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 8 * shares[-1]


def test_the_second_example_learns_the_mixture_and_neither_part_without_a_hessian():
    ran = run("examples/02_sample_complexity.py", "20")
    assert ran.returncode == 0
    median = {(line[:24].strip(), line[24:34].strip(), int(line[34:40])): float(line[40:49]) for line in ran.stdout.splitlines()[1:]}
    assert len(median) == 18
    for variant in ("printed", "authors'"):
        assert median["He_2/2 + He_4/sqrt(48)", variant, 3162] < 0.6
        assert min(median[alone, variant, 100] for alone in ("He_3/sqrt(6)", "He_4/sqrt(24)")) > 0.9


def declare(monkeypatch, value):
    point = EntryPoint(name="mine", value=value, group=outside.GROUP)
    monkeypatch.setattr(outside, "entry_points", lambda group: [point] if group == outside.GROUP else [])


def test_an_entry_point_brings_its_paper(monkeypatch):
    module = sys.modules[load(EXAMPLE)[0].home]
    monkeypatch.setitem(sys.modules, "somebody", module)
    declare(monkeypatch, "somebody:ME26")
    assert "ME26/lemma-1" in {claim.id for claim in select([])}
    monkeypatch.setenv(outside.OFF, "1")
    assert "ME26/lemma-1" not in {claim.id for claim in select([])}


@pytest.mark.parametrize(("value", "message"), [
    ("no_such_module_anywhere:P", "the entry point mine = no_such_module_anywhere:P raised ModuleNotFoundError"),
    ("math:pi", "the entry point mine = math:pi is of type float; it must name a Paper"),
])
def test_an_entry_point_that_is_broken_is_named(monkeypatch, value, message):
    declare(monkeypatch, value)
    with pytest.raises(RegistryError, match=message):
        select([])
