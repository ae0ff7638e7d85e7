"""The file: what is in it, who may write it, and what happens when it is damaged, full or read-only."""

import csv
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from refimpl import implementation
from refimpl.errors import DomainError
from refimpl.sweeps import SweepError, export, serial, sweep
from refimpl.sweeps.grid import Outcome, grid, job_of
from refimpl.sweeps.grid import key as key_of
from refimpl.sweeps.store import ADVICE, Store
from refimpl.sweeps.workers import run_batch
from tests import sweeps as cells

ROOT = Path(__file__).parent.parent.parent
N = 30


@pytest.fixture(autouse=True)
def _numpy():
    with implementation("numpy"):
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A store of N cells."""
    path = tmp_path_factory.mktemp("finished") / "sweep.db"
    with implementation("numpy"):
        sweep(grid(n=range(N)), cells.draw, executor=serial(), store=path, rng=0)
    return path


@pytest.fixture
def mine(finished, tmp_path):
    return Path(shutil.copy(finished, tmp_path / "sweep.db"))


def again(path, **options):
    return sweep(grid(n=range(N)), cells.draw, **{"executor": serial(), "store": path, "rng": 0, **options})


# ---- what is in it

def test_anyone_can_read_the_cells(finished):
    with sqlite3.connect(finished) as db:
        rows = db.execute("SELECT key, parameters, seed, result, versions, implementation, seconds, finished FROM cells").fetchall()
    db.close()
    assert len(rows) == N
    for key, parameters, seed, result, versions, side, seconds, at in rows:
        assert re.fullmatch("[0-9a-f]{64}", key)
        assert json.loads(result)["n_squared"] == json.loads(parameters)["n"] ** 2
        assert sorted(json.loads(versions)) == ["numba", "numpy", "python", "scipy", "sources"]
        assert (seed, side) == (0, "numpy")
        assert 0 < seconds < 10
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", at)


def test_at_rest_it_is_one_file(finished):
    assert sorted(file.name for file in finished.parent.iterdir()) == ["sweep.db", "sweep.db-driver"]


def test_what_is_there_is_not_computed_again(mine):
    table = again(mine)
    assert (table.computed, len(table)) == (0, N)
    assert table.rows == again(None).rows
    assert again(mine, rng=1).computed == N
    assert sweep(grid(n=range(N + 5)), cells.draw, executor=serial(), store=mine, rng=0).computed == 5
    with implementation("kernels"):
        pytest.importorskip("refimpl_kernels")
        assert again(mine).computed == N


def test_another_cell_of_the_same_parameters_is_another(mine):
    assert sweep(grid(n=range(N)), cells.nothing, executor=serial(), store=mine, rng=0).computed == N


# ---- for readers

def test_csv_has_a_column_for_each_parameter_and_result(finished):
    first, *rows = csv.reader(export(finished))
    assert first == ["n", "sweep.cell", "sweep.seed", "sweep.implementation", "draw", "n_squared"]
    assert [row[0] for row in rows] == [str(n) for n in range(N)]                      # by size: 2 before 10
    assert [float(row[4]) for row in rows] == again(None).column("draw")
    assert {tuple(row[1:4]) for row in rows} == {("tests.sweeps:draw", "0", "numpy")}


def test_json_lines_hold_the_versions_and_the_key(finished):
    rows = [json.loads(line) for line in export(finished, "jsonl")]
    assert [row["parameters"] for row in rows] == grid(n=range(N))
    assert [row["result"] for row in rows] == [row.result for row in again(None)]
    assert sorted(rows[0]) == ["cell", "implementation", "key", "parameters", "result", "seed", "versions"]


def test_timings_add_what_else_is_known_of_a_row(finished):
    """And change nothing else, neither in a row nor in an export without them."""
    first, *rows = csv.reader(export(finished, timings=True))
    added = ["sweep.versions", "sweep.seconds", "sweep.finished"]
    assert first == ["n", "sweep.cell", "sweep.seed", "sweep.implementation", *added, "draw", "n_squared"]
    assert [row[:4] + row[7:] for row in (first, *rows)] == list(csv.reader(export(finished)))
    plain, timed = ([json.loads(line) for line in export(finished, "jsonl", timings=timings)] for timings in (False, True))
    assert [{**row, "seconds": timed[i]["seconds"], "finished": timed[i]["finished"]} for i, row in enumerate(plain)] == timed
    assert [[json.loads(row[4]), float(row[5]), row[6]] for row in rows] == [[row["versions"], row["seconds"], row["finished"]] for row in timed]
    assert all(0 < row["seconds"] < 10 and re.fullmatch(r"[\dT:.-]+\+00:00", row["finished"]) for row in timed)
    assert set(plain[0]) & {"seconds", "finished"} == set()


def save(path, outcomes, cell=cells.draw):
    """Outcomes of parameters, without computing them."""
    job = job_of(cell, 0, "numpy")
    with Store(path) as store:
        store.want(job, {text: text for text in outcomes})
        store.save(job, [(text, text, Outcome(result, None, 0.0, "now")) for text, result in outcomes.items()])


def test_columns_of_several_sweeps_and_names_that_meet(tmp_path):
    save(tmp_path / "a", {'{"n":1}': '{"n":"a,\\"b\\"","x":null}', '{"m":true}': '{"x":[1.5,"c"]}'})
    lines = list(csv.reader(export(tmp_path / "a")))
    assert lines == [["m", "n", "sweep.cell", "sweep.seed", "sweep.implementation", "result.n", "x"],
                     ["true", "", "tests.sweeps:draw", "0", "numpy", "", '[1.5,"c"]'],
                     ["", "1", "tests.sweeps:draw", "0", "numpy", 'a,"b"', ""]]


def test_a_store_without_results_has_a_head_or_nothing(tmp_path):
    save(tmp_path / "a", {})
    assert list(export(tmp_path / "a")) == ["sweep.cell,sweep.seed,sweep.implementation"]
    assert list(export(tmp_path / "a", "jsonl")) == []


def test_the_latest_sources_are_exported_and_the_older_rows_stay(tmp_path, monkeypatch):
    path = tmp_path / "a"
    job = job_of(cells.draw, 0, "numpy")
    for key, result in (("old", '{"x":1}'), ("new", '{"x":2}'), ("old", None)):
        with Store(path) as store:
            store.want(job, {key: '{"n":1}'})
            if result:
                store.save(job, [(key, '{"n":1}', Outcome(result, None, 0.0, "now"))])
        assert [json.loads(line)["key"] for line in export(path, "jsonl")] == [key]
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM cells").fetchone() == (2,)
    db.close()


def test_a_row_is_never_changed_and_a_failure_ends_with_success(tmp_path):
    job = job_of(cells.draw, 0, "numpy")
    with Store(tmp_path / "a") as store:
        for outcome in (Outcome(None, "no", 0.0, "then"), Outcome('{"x":1}', None, 0.0, "now"), Outcome('{"x":2}', None, 0.0, "later")):
            store.save(job, [("k", "{}", outcome)])
            failures = store._db.execute("SELECT error FROM failures").fetchall()
            assert failures == ([("no",)] if outcome.error else [])
        assert store.results(["k"]) == {"k": '{"x":1}'}


def test_export_says_what_is_not_there(finished, tmp_path):
    with pytest.raises(SweepError, match=r"there is no store at .*nowhere"):
        export(tmp_path / "nowhere")
    with pytest.raises(DomainError, match="format = 'xml'; it must be csv or jsonl"):
        export(finished, "xml")


def test_a_sweep_under_way_can_be_exported(mine):
    with Store(mine) as store:
        store.save(job_of(cells.draw, 1, "numpy"), [("k", "{}", Outcome("{}", None, 0.0, "now"))])
        assert len(list(export(mine))) == N + 1


# ---- one driver at a time

def python(code, **options):
    return subprocess.Popen([sys.executable, "-B", "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


HOLD = "import sys, time; from refimpl.sweeps.store import Store; from pathlib import Path\nwith Store({path!r}):\n print('held', flush=True)\n time.sleep(60)"


def test_a_second_driver_is_told_who_holds_the_store(mine):
    """S5; a driver that is killed holds nothing."""
    first = python(HOLD.format(path=str(mine)))
    assert first.stdout.readline() == "held\n"
    with pytest.raises(SweepError, match=rf"sweep.db is in use by process {first.pid} on \S+ since \d{{4}}-.*; wait for it, or name another store"):
        again(mine)
    assert len(list(export(mine))) == N + 1
    first.kill()
    first.communicate()
    assert again(mine).computed == 0


def test_a_second_sweep_in_the_same_process_is_told_too(mine):
    with Store(mine), pytest.raises(SweepError, match=f"in use by process {os.getpid()} "):
        again(mine)


def test_two_drivers_at_once_run_no_cell_twice(tmp_path):
    """S5: started together; one computes, the other says so, and started again finds everything."""
    code = f"""
import tests.sweeps as cells
from refimpl.sweeps import SweepError, serial, sweep
from refimpl.sweeps.grid import grid
try:
    print(sweep(grid(n=range(10), log=[{str(tmp_path / 'log')!r}], seconds=[0.1]), cells.logged, executor=serial(), store={str(tmp_path / 'db')!r}, rng=0).computed)
except SweepError as error:
    print(error)
"""
    drivers = [python(code, env={**os.environ, "REFIMPL_IMPLEMENTATION": "numpy"}) for _ in range(2)]
    said = sorted(driver.communicate(timeout=60)[0] for driver in drivers)
    assert said[0] == "10\n" or said[1] == "10\n"
    assert sum("is in use by process" in line for line in said) == 1
    assert sorted((tmp_path / "log").read_text().split(), key=int) == [str(n) for n in range(10)]


# ---- damage

def outcome(path):
    """The table and the exported lines, or the one sentence that says why not."""
    try:
        return again(path).rows, list(export(path))
    except SweepError as error:
        return str(error)


@pytest.mark.parametrize("flips", [25, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_flipped_byte_is_an_error_or_makes_no_difference(mine, flips):
    """S8: never a wrong number, never an exception of another kind."""
    whole, expected, draw, errors = mine.read_bytes(), outcome(mine), random.Random(0), 0
    for _ in range(flips):
        damaged = bytearray(whole)
        damaged[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
        mine.write_bytes(damaged)
        got = outcome(mine)
        errors += isinstance(got, str)
        assert got == expected or str(mine) in got
    assert errors > flips // 10


@pytest.mark.parametrize("keep", [1, 99, 100, 4095, 4096, 8192, 12000])
def test_a_truncated_file_is_left_as_it_is(mine, keep):
    os.truncate(mine, keep)
    before = mine.read_bytes()
    for use in (again, export):
        with pytest.raises(SweepError, match=r"sweep.db is damaged(, or no store,)? and was left as it is"):
            use(mine)
    assert mine.read_bytes() == before


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("flip", [False, True])
def test_a_damaged_journal_costs_time_only(tmp_path, keep, flip):
    """What a killed driver leaves, truncated or with a flipped byte: cells that are lost are computed again."""
    with Store(tmp_path / "db") as store:
        job = job_of(cells.draw, 0, "numpy")
        texts = {key_of(job, text): text for text in (f'{{"n":{n}}}' for n in range(N))}
        store.want(job, texts)
        for key, text in texts.items():
            store.save(job, [(key, text, Outcome(run_batch(job, [text])[0].result, None, 0.0, "now"))])
        for suffix in ("", "-wal"):
            shutil.copy(tmp_path / f"db{suffix}", tmp_path / f"copy{suffix}")
    journal = bytearray((tmp_path / "copy-wal").read_bytes())
    at = int(keep * (len(journal) - 1))
    if flip:
        journal[at] ^= 1
    else:
        del journal[at:]
    (tmp_path / "copy-wal").write_bytes(journal)
    table = again(tmp_path / "copy")
    assert table.rows == again(None).rows
    assert table.computed < N or keep < 1


def test_files_of_other_programs_are_left_alone(tmp_path):
    (tmp_path / "text").write_text("not a store " * 100)
    with pytest.raises(SweepError, match="text is damaged, or no store, and was left as it is"):
        again(tmp_path / "text")
    with sqlite3.connect(tmp_path / "theirs") as db:
        db.execute("CREATE TABLE cells (x)")
    db.close()
    for use in (again, export):
        with pytest.raises(SweepError, match="theirs is an SQLite file of another program; name another store"):
            use(tmp_path / "theirs")


def test_a_damaged_row_is_named(mine):
    with sqlite3.connect(mine) as db:
        db.execute("UPDATE cells SET result = replace(result, '\"n_squared\":49', '\"n_squared\":48')")
    db.close()
    for use in (again, export):
        with pytest.raises(SweepError, match=r'a row of \{"n":7\} does not match its checksum; delete that row, and it is computed again'):
            use(mine)
    with sqlite3.connect(mine) as db:
        db.execute("DELETE FROM cells WHERE parameters = '{\"n\":7}'")
    db.close()
    assert again(mine).computed == 1


def test_a_damaged_lock_is_named(mine):
    mine.with_name("sweep.db-driver").write_text("not a lock " * 100)
    with pytest.raises(SweepError, match=r"sweep.db-driver is damaged, or no store"):
        again(mine)


# ---- full and read-only

def test_every_advice_is_about_an_error_of_sqlite():
    assert all(getattr(sqlite3, name, None) for name in ADVICE)


@pytest.mark.parametrize("place", ["missing/sweep.db", "a_file/sweep.db", "a_folder"])
def test_a_place_that_is_none(tmp_path, place):
    (tmp_path / "a_file").write_text("")
    (tmp_path / "a_folder").mkdir()
    with pytest.raises(SweepError, match="cannot be opened; name a store in a folder that exists and can be written"):
        again(tmp_path / place)


def test_a_full_store_keeps_what_was_committed(tmp_path, monkeypatch):
    """SQLite's own limit stands for the disk's: the commit fails in the middle of a sweep."""
    limit = "PRAGMA max_page_count = 60"
    entered = Store.__enter__

    def enter(self):
        store = entered(self)
        store._db.execute(limit)
        return store

    monkeypatch.setattr(Store, "__enter__", enter)
    points = grid(n=range(200), log=[str(tmp_path / "log")], seconds=[0.0], padding=[1000])
    with pytest.raises(SweepError, match=r"db cannot grow; make room and run again, what was committed before is kept \(database or disk is full\)"):
        sweep(points, cells.logged, executor=serial(), store=tmp_path / "db", rng=0)
    monkeypatch.undo()
    kept = len(list(export(tmp_path / "db", "jsonl")))
    assert kept > 0
    ran = (tmp_path / "log").read_text().split()
    table = sweep(points, cells.logged, executor=serial(), store=tmp_path / "db", rng=0)
    assert (len(table), table.computed) == (200, 200 - kept)
    assert len(ran) + table.computed >= 200


SMALL = """
import sys, json
import tests.sweeps as cells
from refimpl.sweeps import SweepError, serial, sweep
from refimpl.sweeps.grid import grid
try:
    table = sweep(grid(n=range(400), log=[sys.argv[2]], seconds=[0.0], padding=[1000]), cells.logged, executor=serial(), store=sys.argv[1], rng=0)
    print(table.computed)
except SweepError as error:
    print(error)
"""


def small(prefix, store, log):
    """The sweep of SMALL below a command, in one line; nothing on stderr."""
    run = subprocess.run([*prefix, sys.executable, "-B", "-c", SMALL, str(store), str(log)], cwd=ROOT, capture_output=True, text=True, check=True,
                         env={**os.environ, "REFIMPL_IMPLEMENTATION": "numpy"})
    assert run.stderr == ""
    return run.stdout.strip()


def test_a_limit_on_the_size_of_files(tmp_path):
    """S8: RLIMIT_FSIZE stands for a full disk; what was committed is found when there is room."""
    said = small(["sh", "-c", 'ulimit -f 600; exec "$@"', "sh"], tmp_path / "db", tmp_path / "log")
    assert re.search(r"db cannot (be read or written|grow)", said)
    assert "what was committed before is kept" in said
    kept = len(list(export(tmp_path / "db", "jsonl")))
    assert kept > 0
    assert small([], tmp_path / "db", tmp_path / "log") == str(400 - kept)
    assert len(list(export(tmp_path / "db", "jsonl"))) == 400


def privately(command):
    """A command in a mount namespace of its own, or a skip where the system has none."""
    prefix = ["unshare", "--mount", "--map-root-user", "sh", "-c", f'{command} && exec "$@"', "sh"]
    if shutil.which("unshare") is None or subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no private mounts here")
    return prefix


def test_a_full_disk(tmp_path):
    """S8: a real one, of 300 kB."""
    (tmp_path / "disk").mkdir()
    prefix = privately(f"mount -t tmpfs -o size=300k tmpfs {tmp_path}/disk")
    keep = ["sh", "-c", f'"$@"; cp {tmp_path}/disk/db* {tmp_path}/', "sh"]
    said = small([*prefix, *keep], tmp_path / "disk" / "db", tmp_path / "log")
    assert re.search(r"db cannot grow; make room and run again, what was committed before is kept \(database or disk is full\)", said)
    with sqlite3.connect(tmp_path / "db") as db:
        kept, = db.execute("SELECT count(*) FROM cells").fetchone()
    db.close()
    assert kept > 0
    assert len((tmp_path / "log").read_text().split()) < 400      # it has stopped


def test_a_read_only_disk(finished, tmp_path):
    """S8: a sweep says so in one sentence; export needs no writing."""
    shutil.copytree(finished.parent, tmp_path / "disk")
    prefix = privately(f"mount --bind {tmp_path}/disk {tmp_path}/disk && mount -o remount,bind,ro {tmp_path}/disk")
    assert re.search(r"sweep.db-driver cannot be (opened|written); name a store in a folder", small(prefix, tmp_path / "disk" / "sweep.db", tmp_path / "log"))
    assert "cannot be opened" in small(prefix, tmp_path / "disk" / "new.db", tmp_path / "log")
    code = f"from refimpl.sweeps import export; print(len(list(export({str(tmp_path / 'disk' / 'sweep.db')!r}))))"
    assert subprocess.run([*prefix, sys.executable, "-B", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout == f"{N + 1}\n"


def test_a_read_only_file(mine):
    """As another user sees it: SQLite opens it for reading only."""
    mine.chmod(0o444)
    if os.access(mine, os.W_OK):
        pytest.skip("root writes everywhere")
    with pytest.raises(SweepError, match=r"sweep.db cannot be written; name a store in a folder that can be"):
        again(mine)
