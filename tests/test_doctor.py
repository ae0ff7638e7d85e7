"""The report on an installation: true where it can be checked, and never a traceback where something is broken."""

import configparser
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from refimpl import doctor
from refimpl.sweeps import grid

ROOT = Path(__file__).parent.parent
ALL = ["python", "runtime", "extras", "blas", "cores", "environment", "twins", "cache", "disk", "sources"]
RUN = "from refimpl import doctor; raise SystemExit(doctor.run(json={json}))"


def consult(before="", *, json=True, cwd=ROOT, prefix=(), **variables):
    """The exit code and what is said, in a process of its own with these variables; nothing on stderr."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "kernels")]), **variables}
    environment = {name: value for name, value in environment.items() if value is not None}
    run = subprocess.run([*prefix, sys.executable, "-B", "-c", before + RUN.format(json=json)], cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert run.stderr == ""
    return run.returncode, run.stdout


def test_it_reports_what_is_so():
    found = doctor.report()
    assert list(found) == ALL
    assert found["runtime"]["numpy"] == {"version": np.__version__, "fails": None}
    assert sys.version.startswith(found["python"]["version"])
    assert found["cores"] >= 1
    assert found["disk"]["folder"] == os.getcwd()
    assert found["sources"]["refimpl"] == grid.tree_hash(Path(doctor.__file__).parent)
    assert all(library["num_threads"] >= 1 for library in found["blas"])
    assert found == json.loads(json.dumps(found))


def test_the_extras_are_those_of_the_configuration():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    listed = {extra: {re.split(r"[>=\[]", line)[0] for line in lines.split()} - {"refimpl"} for extra, lines in config["options.extras_require"].items()}
    named = {extra: set(names) - {"distributed"} for extra, names in doctor.EXTRAS.items()}      # dask's own extra
    assert named == listed
    assert list(doctor.RUNTIME) == [line.split(">")[0] for line in config["options"]["install_requires"].split()]


def test_a_whole_installation_is_whole(tmp_path):
    pytest.importorskip("refimpl_kernels._jit")
    code, said = consult(cwd=tmp_path, NUMBA_CACHE_DIR=str(tmp_path / "none"), REFIMPL_IMPLEMENTATION=None)
    found = json.loads(said)
    assert code == 0
    assert found["twins"] == {"fails": None, "auto": "kernels", "chosen": "auto"}
    assert (found["cache"]["folder"], found["cache"]["files"], found["cache"]["writable"]) == (str(tmp_path / "none"), 0, True)
    assert list(tmp_path.iterdir()) == []                       # looking creates nothing


def test_the_files_of_the_cache_are_counted(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "refimpl_kernels.hermite.clenshaw-0123.nbc").write_bytes(b"x" * 1000)
    (tmp_path / "sub" / "other.nbc").write_bytes(b"x")
    cache = doctor.report()["cache"]
    assert (cache["files"], cache["bytes"]) == (1, 1000)


def test_a_broken_numba_is_told_and_is_an_exit_code(tmp_path):
    code, said = consult("import sys; sys.modules['numba'] = None; ", cwd=tmp_path)
    found = json.loads(said)
    assert code == 4
    assert "numba" in found["runtime"]["numba"]["fails"]
    assert found["twins"]["auto"] == "numpy"
    assert "numba" in found["twins"]["fails"]
    code, said = consult("import sys; sys.modules['numba'] = None; ", json=False, cwd=tmp_path)
    assert code == 4
    assert re.search(r"^twins +cannot be imported \(\w+: .*\); `pip install refimpl` brings them and numba$", said, re.MULTILINE)


@pytest.mark.parametrize("module", ["numpy", "scipy", "threadpoolctl", "refimpl_kernels"])
def test_whatever_is_broken_every_line_is_there(module, tmp_path):
    code, said = consult(f"import sys; sys.modules[{module!r}] = None; ", json=False, cwd=tmp_path)
    assert code == 4
    assert [line.split()[0] for line in said.splitlines() if not line.startswith(" ")] == ALL


def test_a_variable_with_another_value_is_told(tmp_path):
    code, said = consult(json=False, cwd=tmp_path, REFIMPL_IMPLEMENTATION="fast")
    assert code == 4
    assert "chosen: DomainError: REFIMPL_IMPLEMENTATION = 'fast'; it must be numpy, kernels or auto" in said


def test_without_a_home_in_a_folder_that_is_gone(tmp_path):
    (tmp_path / "gone").mkdir()
    _, said = consult("import os; os.rmdir(os.getcwd()); ", json=False, cwd=tmp_path / "gone", HOME=None, XDG_CACHE_HOME=None, NUMBA_CACHE_DIR=None)
    assert re.search(r"^disk +cannot be found out \(FileNotFoundError: ", said, re.MULTILINE)


def test_on_a_read_only_folder(tmp_path, monkeypatch):
    """Whoever may not write is told; root may, so the answer of the system is replaced."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    monkeypatch.chdir(tmp_path)
    said = "\n".join(doctor.lines(doctor.report()))
    assert f"free in {tmp_path} (not writable), where results are written" in said
    assert "compiled kernels are not kept, so every process compiles them anew" in said


def test_a_question_that_fails_is_a_line_of_its_own(monkeypatch):
    def fail():
        raise OSError("no")

    monkeypatch.setitem(doctor.QUESTIONS, "cores", fail)
    assert "cores        cannot be found out (OSError: no)" in list(doctor.lines(doctor.report()))


def test_an_import_loads_nothing_heavy():
    code = "import sys; sys.modules['numpy'] = None; import refimpl.doctor; print(*{'numba', 'scipy', 'threadpoolctl'} & {*sys.modules})"
    run = subprocess.run([sys.executable, "-B", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("\n", "")
