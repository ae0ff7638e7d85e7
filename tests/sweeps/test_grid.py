"""Parameters in one form, keys that cover whatever a result depends on."""

import functools
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import refimpl
from refimpl.errors import DomainError, DtypeError, NonFiniteError
from refimpl.sweeps import SweepError, grid
from tests import sweeps as cells

values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4)
parameters = st.dictionaries(st.text(min_size=1, max_size=3), values | st.lists(values, max_size=3), max_size=4)


# ---- parameters

def test_the_grid_is_the_product_with_the_last_axis_fastest():
    assert grid.grid(d=[10, 20], n=(64, 128)) == [{"d": 10, "n": 64}, {"d": 10, "n": 128}, {"d": 20, "n": 64}, {"d": 20, "n": 128}]
    assert grid.grid(n=range(3)) == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_numbers_of_numpy_become_plain():
    point, = grid.grid(i=[np.int64(3)], x=np.array([0.1]), b=[np.bool_(True)], f=[np.float32(0.5)], t=[(1, np.float64(2.5))], s=[np.str_("a")])
    assert point == {"i": 3, "x": 0.1, "b": True, "f": 0.5, "t": [1, 2.5], "s": "a"}
    assert [type(point[name]) for name in "ixbft"] == [int, float, bool, float, list]


@pytest.mark.parametrize(("axes", "error", "message"), [
    ({}, DomainError, "the grid has no axis"),
    ({"n": []}, DomainError, "n has no values"),
    ({"n": "abc"}, DtypeError, "n = 'abc' is of type str; an axis is a list"),
    ({"n": 3}, DtypeError, "n = 3 is of type int; an axis is a list"),
    ({"n": [1, math.nan]}, NonFiniteError, r"n\[1\] = nan; n\[1\] must be finite"),
    ({"n": [np.inf]}, NonFiniteError, r"n\[0\] = inf"),
    ({"n": [1j]}, DtypeError, r"n\[0\] is of type complex"),
    ({"n": [[1, {}]]}, DtypeError, r"n\[0\]\[1\] is of type dict"),
    ({"n": np.zeros((2, 2))}, DtypeError, r"n\[0\] is of type ndarray"),
])
def test_axes_of_another_kind(axes, error, message):
    with pytest.raises(error, match=message):
        grid.grid(**axes)


@given(point=parameters, seed=st.randoms())
def test_the_canonical_text_forgets_the_order_and_nothing_else(point, seed):
    names = list(point)
    seed.shuffle(names)
    text = grid.canonical("point", point)
    assert grid.canonical("point", {name: point[name] for name in names}) == text
    assert repr(sorted(json.loads(text).items())) == repr(sorted(point.items()))      # repr: types, and the sign of zero
    assert text.isascii()


@given(first=parameters, second=parameters)
def test_equal_texts_are_equal_values(first, second):
    same = grid.canonical("first", first) == grid.canonical("second", second)
    assert same == (repr(sorted(first.items())) == repr(sorted(second.items())))


@pytest.mark.parametrize(("point", "message"), [([1], "p is of type list; it must be a dict"), ({1: 2}, "p has the name 1; names are non-empty"),
                                                ({"": 2}, "p has the name ''"), ({"x": b""}, r"p\['x'\] is of type bytes")])
def test_no_parameters(point, message):
    with pytest.raises(DtypeError, match=message):
        grid.canonical("p", point)


def test_parameters_are_sorted_as_a_reader_would():
    in_order = [{"n": None}, {"n": False}, {"n": True}, {"n": -1}, {"n": 2}, {"n": 2.5}, {"n": 10}, {"n": "a"}, {"n": [1]}, {"n": [1, "b"]}]
    texts = [grid.canonical("p", point) for point in in_order]
    assert sorted(set(texts), key=grid.order) == texts
    assert sorted(['{"d":2,"n":1}', '{"d":10,"n":0}', '{"d":2}'], key=grid.order) == ['{"d":2}', '{"d":2,"n":1}', '{"d":10,"n":0}']


@given(points=st.lists(parameters, min_size=2, max_size=6))
def test_the_order_is_total(points):
    texts = {grid.canonical("p", point) for point in points}
    assert sorted(texts, key=grid.order) == sorted(sorted(texts), key=grid.order)


# ---- cells

class Holder:
    def method(self, parameters, rng):
        return {}


@pytest.mark.parametrize("cell", [lambda parameters, rng: {}, functools.partial(cells.draw, {}), Holder().method, None, "draw"])
def test_a_cell_is_at_the_top_level_of_a_module(cell):
    with pytest.raises(DomainError, match=r"cell = .*; a cell is a function at the top level of a module"):
        grid.job_of(cell, 0, "numpy")


def test_a_cell_has_a_source():
    with pytest.raises(DomainError, match="cell = len of builtins, which has no file; a cell's source is part of its key"):
        grid.job_of(len, 0, "numpy")


def test_a_seed_of_a_column():
    assert grid.job_of(cells.draw, 2**63 - 1, "numpy").seed == 2**63 - 1
    with pytest.raises(DomainError, match="below 2\\^63"):
        grid.job_of(cells.draw, 2**63, "numpy")
    with pytest.raises(DtypeError, match=r"rng = 0\.5"):
        grid.job_of(cells.draw, 0.5, "numpy")
    with pytest.raises(DomainError, match="rng = -1"):
        grid.job_of(cells.draw, -1, "numpy")


# ---- keys

def test_the_key_covers_all_that_a_result_depends_on():
    job = grid.job_of(cells.draw, 0, "numpy")
    others = [job._replace(cell="a:b"), job._replace(seed=1), job._replace(implementation="kernels"), job._replace(versions="{}")]
    keys = [grid.key(job, '{"n":1}'), grid.key(job, '{"n":2}'), *(grid.key(other, '{"n":1}') for other in others)]
    assert len(set(keys)) == 6
    assert grid.key(job._replace(driver="elsewhere:1"), '{"n":1}') == keys[0]


def test_versions_name_python_and_the_libraries():
    versions = json.loads(grid.job_of(cells.draw, 0, "numpy").versions)
    assert sorted(versions) == ["numba", "numpy", "python", "scipy", "sources"]
    assert versions["numpy"] == np.__version__
    assert sys.version.startswith(versions["python"])


def test_the_kernels_count_where_they_are_used():
    pytest.importorskip("refimpl_kernels")
    assert json.loads(grid.versions(cells.__name__, "numpy"))["sources"] != json.loads(grid.versions(cells.__name__, "kernels"))["sources"]


@pytest.fixture
def copies(tmp_path, monkeypatch):
    """The packages and the cells, copied to where they can be edited."""
    packages = {"refimpl": Path(refimpl.__file__).parent}
    packages["refimpl_kernels"] = packages["refimpl"].parent / "kernels" / "refimpl_kernels"
    for name, folder in packages.items():
        shutil.copytree(folder, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(cells.__file__, tmp_path / "cells.py")
    monkeypatch.setattr(grid, "_package", tmp_path.joinpath)
    monkeypatch.setattr(grid, "_file", lambda module: tmp_path / "cells.py")
    grid._first_hash.cache_clear()
    yield tmp_path
    grid._first_hash.cache_clear()


def test_every_source_file_counts(copies):
    """S6: one after another, each edited by a comment; also a new file, a renamed one, one that goes."""
    def sources():
        grid._first_hash.cache_clear()
        return json.loads(grid.versions("cells", "kernels"))["sources"]

    seen = [sources()]
    files = sorted(copies.rglob("*.py"))
    assert len(files) > 20
    for file in files:
        with file.open("a") as text:
            text.write("# a comment\n")
        seen.append(sources())
    (copies / "refimpl" / "new.py").write_text("")
    seen.append(sources())
    (copies / "refimpl" / "new.py").rename(copies / "refimpl" / "newer.py")
    seen.append(sources())
    assert len(set(seen)) == len(files) + 3
    (copies / "refimpl" / "newer.py").unlink()
    assert sources() == seen[-3]


def test_a_source_that_has_changed_under_a_running_process(copies):
    grid.versions("cells", "numpy")
    (copies / "refimpl" / "rng.py").write_text("changed")
    with pytest.raises(SweepError, match="refimpl has changed since this process read it; start a new process"):
        grid.versions("cells", "numpy")


DRIVER = """
import sys
from refimpl.sweeps import serial, sweep
from refimpl.sweeps.grid import grid
import cells
table = sweep(grid(n=[1, 2, 3]), cells.draw, executor=serial(), store="store.db", rng=5)
print(table.computed, *table.column("draw"), *table.column("n_squared"))
"""


def drive(folder):
    return subprocess.run([sys.executable, "-B", "-c", DRIVER], cwd=folder, env={"PYTHONPATH": "", "REFIMPL_IMPLEMENTATION": "numpy"},
                          capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("every", [pytest.param(False, id="some"), pytest.param(True, id="every", marks=pytest.mark.slow)])
def test_no_stale_result_is_served(copies, every):
    """S6, in fresh processes: a comment computes again and moves no draw; a formula changes the result; undone, the old one is found."""
    first = drive(copies)
    assert first[0] == "3"
    assert drive(copies) == ["0", *first[1:]]
    refimpl_files = sorted((copies / "refimpl").rglob("*.py"))
    for file in refimpl_files if every else refimpl_files[-3:-1]:
        with file.open("a") as text:
            text.write("# a comment\n")
        assert drive(copies) == first
    before = (copies / "cells.py").read_text()
    (copies / "cells.py").write_text(before.replace('parameters["n"] ** 2', 'parameters["n"] ** 3'))
    assert drive(copies) == [*first[:4], "1", "8", "27"]
    (copies / "cells.py").write_text(before)
    assert drive(copies) == ["0", *first[1:]]
