"""What has been computed: one SQLite file, readable by anyone, written by one driver at a time.

    cells      key, parameters (JSON), seed, result (JSON), versions (JSON), implementation, seconds, finished (UTC), checksum
    failures   key, parameters, error, finished: cells that raised or killed their worker, until they succeed
    wanted     cell, parameters, seed, implementation -> key, of the latest sweep that asked for it, checksum

A row of ``cells`` is never changed. A row whose sources have changed since stays, and :func:`export` passes it over, because
``wanted`` points to the new one. Beside the file lies ``<file>-driver``, whose lock the system takes back when a driver dies.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import socket
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from refimpl.errors import DomainError
from refimpl.sweeps.grid import Job, Outcome, SweepError, compact, now, order

SCHEMA = """
CREATE TABLE IF NOT EXISTS cells (
    key TEXT PRIMARY KEY, parameters TEXT NOT NULL, seed INTEGER NOT NULL, result TEXT NOT NULL, versions TEXT NOT NULL,
    implementation TEXT NOT NULL, seconds REAL NOT NULL, finished TEXT NOT NULL, checksum TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS failures (key TEXT PRIMARY KEY, parameters TEXT NOT NULL, error TEXT NOT NULL, finished TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS wanted (
    cell TEXT NOT NULL, parameters TEXT NOT NULL, seed INTEGER NOT NULL, implementation TEXT NOT NULL, key TEXT NOT NULL,
    checksum TEXT NOT NULL, PRIMARY KEY (cell, parameters, seed, implementation)) WITHOUT ROWID;
"""
APPLICATION = 0x73776570    # "swep": tells a store from other people's SQLite files
SHORTEST = 512              # bytes of an SQLite file
KEPT = "what was committed before is kept"
ADVICE = {
    "SQLITE_FULL": f"cannot grow; make room and run again, {KEPT}",
    "SQLITE_IOERR": f"cannot be read or written (a full or failing disk?); put that right and run again, {KEPT}",
    "SQLITE_READONLY": "cannot be written; name a store in a folder that can be",
    "SQLITE_CANTOPEN": "cannot be opened; name a store in a folder that exists and can be written",
    "SQLITE_CORRUPT": "is damaged and was left as it is; move it away, and `sqlite3 FILE .recover` saves what can be read",
    "SQLITE_NOTADB": "is damaged, or no store, and was left as it is; move it away or name another",
    "SQLITE_BUSY": f"is locked by another program; end that and run again, {KEPT}",
}


class Store:
    """The file, or a place in memory, while a driver holds it."""

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self.path = None if path is None else Path(path)

    def __enter__(self) -> Store:
        with told(self.path), ExitStack() as stack:
            if self.path is not None:
                stack.enter_context(held(self.path))
            self._db = sqlite3.connect(self.path or ":memory:", timeout=5, isolation_level=None)
            stack.callback(self._db.close)
            if self.path is not None:
                _examine(self._db, self.path)
            self._db.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA application_id = {APPLICATION}; {SCHEMA}")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with told(self.path), self._stack, suppress(sqlite3.Error):
            self._db.executescript("PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE")   # at rest one file, read without writing

    def want(self, job: Job, texts: Mapping[str, str]) -> None:
        """Note which keys stand for which parameters from now on."""
        rows = [_sealed(job.cell, text, job.seed, job.implementation, key) for key, text in texts.items()]
        with self._writing():
            self._db.executemany("INSERT OR REPLACE INTO wanted VALUES (?, ?, ?, ?, ?, ?)", rows)

    def results(self, keys: Iterable[str]) -> dict[str, str]:
        """The results that are there, as JSON, by key."""
        wanted = set(keys)
        with told(self.path):
            rows = [row for row in self._db.execute("SELECT * FROM cells") if row[0] in wanted]
        return {row[0]: row[3] for row in rows if _intact(self.path, row)}

    def save(self, job: Job, outcomes: Iterable[tuple[str, str, Outcome]]) -> None:
        """Commit the outcomes of (key, parameters), all or none; what is there already stays as it is."""
        outcomes = list(outcomes)
        done = [_sealed(key, text, job.seed, to.result, job.versions, job.implementation, to.seconds, to.finished)
                for key, text, to in outcomes if to.result is not None]
        failed = [(key, text, to.error, to.finished) for key, text, to in outcomes if to.result is None]
        with self._writing():
            self._db.executemany("INSERT INTO cells VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", done)
            self._db.executemany("DELETE FROM failures WHERE key = ?", [row[:1] for row in done])
            self._db.executemany("INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?)", failed)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with told(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise


# ---- one driver at a time

@contextmanager
def held(path: Path) -> Iterator[None]:
    """The lock of the store at ``path``, or an error that says who has it.

    It is a write transaction on a file of its own: the system ends it with the process, and meanwhile others can read who it is.
    """
    file = path.with_name(f"{path.name}-driver")
    with told(file):
        lock = sqlite3.connect(file, timeout=0.5, isolation_level=None)
    with closing(lock):
        with told(file):
            _take(lock, path)
        yield


def _take(lock: sqlite3.Connection, path: Path) -> None:
    me = os.getpid(), socket.gethostname(), now()
    try:
        lock.execute("PRAGMA synchronous = OFF")
        lock.execute("BEGIN IMMEDIATE")
        lock.execute("CREATE TABLE IF NOT EXISTS driver (process INTEGER, host TEXT, since TEXT)")
        while lock.execute(HOLDER).fetchone() != me:      # another may come between COMMIT and BEGIN
            lock.execute("DELETE FROM driver")
            lock.execute("INSERT INTO driver VALUES (?, ?, ?)", me)
            lock.execute("COMMIT")
            lock.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xff != sqlite3.SQLITE_BUSY:
            raise
        process, host, since = lock.execute(HOLDER).fetchone()
        raise SweepError(f"{path} is in use by process {process} on {host} since {since}; wait for it, or name another store") from None


HOLDER = "SELECT process, host, since FROM driver"


# ---- what can go wrong with a file

@contextmanager
def told(path: Path | None) -> Iterator[None]:
    """What SQLite reports, as a SweepError: one sentence that says what to do."""
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:
        name = getattr(error, "sqlite_errorname", "SQLITE_CORRUPT")       # what cannot be decoded has no code
        advice = next((text for prefix, text in ADVICE.items() if name.startswith(prefix)), "fails")
        raise SweepError(f"{path or 'the store in memory'} {advice} ({error})") from error


def _examine(db: sqlite3.Connection, path: Path) -> None:
    """Whether the file is whole, and a store or new."""
    state, = db.execute("PRAGMA quick_check(1)").fetchone()
    if 0 < path.stat().st_size < SHORTEST:        # which SQLite takes for a new one
        state = f"only {path.stat().st_size} bytes"
    if state != "ok":
        raise SweepError(f"{path} {ADVICE['SQLITE_CORRUPT']} ({state})")
    owner, = db.execute("PRAGMA application_id").fetchone()
    if owner != APPLICATION and db.execute("SELECT 1 FROM sqlite_master").fetchone():
        raise SweepError(f"{path} is an SQLite file of another program; name another store")


def _sealed(*values: Any) -> tuple[Any, ...]:
    return *values, hashlib.sha256(ascii(values).encode()).hexdigest()[:16]


def _intact(path: Path | None, row: tuple[Any, ...]) -> bool:
    if _sealed(*row[:-1]) != row:
        raise SweepError(f"{path} is damaged: a row of {row[1]} does not match its checksum; delete that row, and it is computed again")
    return True


# ---- for readers

def export(store: str | os.PathLike[str], format: str = "csv", *, timings: bool = False) -> Iterator[str]:
    """The results of the latest sweeps as lines of text, in the order of the parameters: the same bytes however they were computed.

    CSV has a column for each parameter, for ``sweep.cell``, ``sweep.seed`` and ``sweep.implementation``, and for each value of a
    result, as ``result.<name>`` where a parameter has that name. JSON lines hold these, the versions and the key. With timings, which
    no two runs share, both also say how long a cell took and when it was done, and CSV has a column of the versions.

    Source
    ------
    A convention of this package, not of a paper.

    Parameters
    ----------
    store : the file; a sweep may be writing it meanwhile
    format : "csv" or "jsonl"
    timings : also ``sweep.seconds``, the wall time of the cell, and ``sweep.finished``; and ``sweep.versions``, as JSON, in CSV

    Returns
    -------
    iterator of str   lines without their ends; numbers with all their digits

    Units
    -----
    None.

    Errors
    ------
    DomainError   for another format; SweepError where there is no store, or a damaged one.
    """
    if format not in FORMATS:
        raise DomainError(f"format = {format!r}; it must be {' or '.join(FORMATS)}")
    path = Path(store)
    if not path.is_file():
        raise SweepError(f"there is no store at {path}")
    with told(path), closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as db:
        _examine(db, path)
        wanted = [row for row in db.execute("SELECT * FROM wanted") if _intact(path, row)]
        cells = {row[0]: row for row in db.execute("SELECT * FROM cells")}
    wanted.sort(key=lambda row: (order(row[1]), row))
    return FORMATS[format]([(row, cells[row[4]]) for row in wanted if row[4] in cells and _intact(path, cells[row[4]])], timings)


def _jsonl(rows: list[tuple[Any, Any]], timings: bool) -> Iterator[str]:
    for (cell, parameters, seed, implementation, key, _), (_, _, _, result, versions, _, seconds, finished, _) in rows:
        yield compact({"cell": cell, "parameters": json.loads(parameters), "seed": seed, "implementation": implementation, "key": key,
                       "result": json.loads(result), "versions": json.loads(versions), **({"seconds": seconds, "finished": finished} if timings else {})})


def _csv(rows: list[tuple[Any, Any]], timings: bool) -> Iterator[str]:
    names = [*FIXED, *(TIMED if timings else ())]
    records = [(json.loads(row[1]), [row[0], row[2], row[3], cell[4], cell[6], cell[7]][:len(names)], json.loads(cell[3])) for row, cell in rows]
    parameters = sorted({name for record, _, _ in records for name in record})
    results = sorted({name for _, _, record in records for name in record})
    yield _line([*parameters, *names, *(f"result.{name}" if name in parameters else name for name in results)])
    for record, fixed, result in records:
        yield _line([*map(record.get, parameters), *fixed, *map(result.get, results)])


def _line(values: list[Any]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="").writerow("" if value is None else value if isinstance(value, str) else compact(value) for value in values)
    return file.getvalue()


FIXED = ["sweep.cell", "sweep.seed", "sweep.implementation"]
TIMED = ["sweep.versions", "sweep.seconds", "sweep.finished"]
FORMATS = {"csv": _csv, "jsonl": _jsonl}
