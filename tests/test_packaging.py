"""The one configuration: packages are listed by hand, so the list is compared with the tree; imports stay light."""

import configparser
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CONFIG = configparser.ConfigParser()
CONFIG.read(ROOT / "setup.cfg", encoding="utf-8")


def test_the_list_of_packages_is_the_tree():
    listed = set(CONFIG["options"]["packages"].split())
    tree = {
        ".".join(init.parent.relative_to(ROOT if top != "refimpl_kernels" else ROOT / "kernels").parts)
        for top, folder in (("refimpl", "refimpl"), ("proofs_checks", "proofs_checks"), ("refimpl_kernels", "kernels/refimpl_kernels"))
        for init in (ROOT / folder).rglob("__init__.py")
    }
    assert listed == tree


def test_the_versions_agree():
    import refimpl

    assert CONFIG["metadata"]["version"] == refimpl.__version__
    assert f"version: {refimpl.__version__}" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"## {refimpl.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_runtime_needs_four_packages():
    assert [line.split(">")[0] for line in CONFIG["options"]["install_requires"].split()] == ["numpy", "scipy", "numba", "threadpoolctl"]


@pytest.mark.parametrize(("statement", "absent"), [
    ("import refimpl", "numpy scipy numba matplotlib hypothesis"),
    ("import refimpl; refimpl.population; refimpl.network; refimpl.initial", "scipy numba matplotlib hypothesis flint mpmath rich"),
    ("import refimpl; refimpl.activations.RELU.hermite_coefficients(3, 0.5)", "scipy.stats numba matplotlib"),
    ("import proofs_checks", "numpy scipy numba hypothesis rich"),
    ("import proofs_checks.__main__ as m; m.parser('run').format_help()", "numpy scipy numba hypothesis rich"),
    ("import refimpl.__main__ as m; m.parser().format_help()", "numpy scipy numba matplotlib rich"),
    ("from proofs_checks.__main__ import main; main(['show', 'DLS22/eq-1'])", "scipy.stats numba matplotlib jinja2"),
])
def test_what_is_imported_on_use_only(statement, absent):
    code = f"import sys; {statement}; print('LOADED', *(name for name in {absent.split()!r} if name in sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip().endswith("LOADED")
