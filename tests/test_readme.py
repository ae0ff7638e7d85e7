"""What README and CONTRIBUTING promise is what the project does."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from proofs_checks.papers import papers

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
VERDICTS = (ROOT / "VERDICTS.md").read_text(encoding="utf-8")

known = {name for paper in papers() for claim in paper for name in (claim.id, *claim.aliases)}


def snippets(text):
    return re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)


@pytest.mark.parametrize("code", snippets(README), ids=lambda code: code.split("\n")[0])
def test_a_snippet_of_the_readme_runs(code):
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout


def test_lemma_1_of_the_readme_has_the_rates_it_says():
    code = next(code for code in snippets(README) if "lemma_1_main" in code)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    rows = [[float(x) for x in line.split()] for line in run.stdout.splitlines()]
    assert [row[0] for row in rows] == [100, 1000, 10_000]
    for _, main, rest in rows:
        assert 0.3 < main < 1.2          # 2 E|u.w| / sqrt(2 pi) * sqrt(d) = 0.64, the mean of 50 draws
        assert 0.2 < rest < 3            # neither vanishes nor grows over two decades of d


def test_the_entry_of_contributing_is_audited_as_it_says(tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(next(code for code in snippets(CONTRIBUTING) if "Paper(" in code), encoding="utf-8")
    run = subprocess.run([sys.executable, "-m", "proofs_checks", str(mine)], capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.returncode == 0, run.stderr
    assert "ME26/lemma-3" in run.stdout


def test_each_command_stands_once_on_one_line():
    for command in ("-m proofs_checks", "-m pytest"):
        assert len(re.findall(rf"^python3 -m venv .*{command}$", README, flags=re.MULTILINE)) == 1


def errata():
    """By statement, of VERDICTS.md: the place, the witness and the repair, as a row of README's table has them."""
    found = {}
    for statement, body in re.findall(r"^### AMENDED (\S+)\n(.*?)(?=^##|\Z)", VERDICTS, flags=re.MULTILINE | re.DOTALL):
        erratum, witness = re.search(r"^- erratum: (.*); smallest witness: (.*)$", body, flags=re.MULTILINE).groups()
        place = re.search(r"^- ([^;]*); .*(?:slides|COLT) ", body, flags=re.MULTILINE)[1]
        found[statement] = " | ".join(cell.replace("|", r"\|") for cell in (place, witness, erratum))
    return found


def test_the_errata_are_those_of_the_verdicts():
    """The table has those of the main text, word for word; the sentence above it counts all."""
    table, found = dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", README.split("## Audit\n")[1].split("\n## ")[0], flags=re.MULTILINE)), errata()
    assert len(table) > 10
    assert table.items() <= found.items()
    assert f"{len(found)} formulas that are wrong as printed" in README


def test_every_function_and_entry_of_the_map_exists():
    rows = README.split("## Theorem to function")[1]
    names = re.findall(r"`(refimpl\.[\w.]+)`", rows)
    assert len(names) > 10
    for name in names:
        assert resolve(name) is not None
    assert set(re.findall(r"`((?:DLS22|HERMITE|KERNELS)/[^`]+)`", rows)) <= known


def resolve(name):
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        for attribute in parts[cut:]:
            found = getattr(found, attribute)
        return found
    return None


def test_every_link_leads_to_a_file():
    for text in (README, CONTRIBUTING):
        for link in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (ROOT / link).is_file(), link
