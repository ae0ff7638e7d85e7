"""A real cluster on the loopback, a scheduler and two workers in processes of their own, which die in the middle of a sweep."""

import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import CancelledError
from contextlib import contextmanager
from pathlib import Path

import pytest

from refimpl import implementation
from refimpl.sweeps import SweepError, dask, export, serial, sweep
from refimpl.sweeps.grid import grid
from refimpl.sweeps.runner import Run
from refimpl.sweeps.store import Store
from tests import sweeps as cells

distributed = pytest.importorskip("distributed")
if not hasattr(signal, "SIGKILL"):
    pytest.skip("processes are killed as POSIX does it", allow_module_level=True)

ROOT = Path(__file__).parent.parent.parent
ENVIRONMENT = {**os.environ, "REFIMPL_IMPLEMENTATION": "numpy", "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
LOOPBACK = ["--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
POINTS = grid(n=range(1, 100))


@pytest.fixture(autouse=True)
def _numpy():
    """And whatever a test leaves open is an error of that test."""
    with implementation("numpy"):
        yield
    gc.collect()


def until(condition, seconds=30):
    """Waits for what comes soon, and fails where it does not come at all."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return value


class Cluster:
    """A scheduler and two workers of one thread each; whoever has died is replaced by :meth:`up`."""

    def __init__(self, folder):
        self.folder, self.processes, self.workers, self.scheduler = folder, [], [], None

    def start(self, what, *arguments):
        with (self.folder / f"{len(self.processes)}.log").open("wb") as log:
            self.processes.append(subprocess.Popen([sys.executable, "-B", "-m", f"distributed.cli.dask_{what}", *arguments, *LOOPBACK], cwd=ROOT, env=ENVIRONMENT,
                                                   stdout=log, stderr=subprocess.STDOUT))
        return self.processes[-1]

    def up(self):
        if self.scheduler is None or self.scheduler.poll() is not None:
            file = self.folder / f"scheduler-{len(self.processes)}.json"
            self.scheduler = self.start("scheduler", "--port", "0", "--idle-timeout", "100s", "--scheduler-file", str(file))
            self.address = until(lambda: written(file))["address"]
            self.stop(self.workers)
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        while len(self.workers) < 2:
            self.workers.append(self.start("worker", self.address, "--nthreads", "1", "--no-nanny", "--memory-limit", "0", "--name", str(len(self.processes)),
                                           "--local-directory", str(self.folder), "--death-timeout", "30"))

    @contextmanager
    def ask(self, **settings):
        """A question to the scheduler, asked as often as you like."""
        with distributed.Client(self.address, set_as_default=False) as client:
            yield lambda question: client.run_on_scheduler(question, **settings)

    def ready(self, allowed_failures):
        """Two workers that live, and a scheduler that repeats the calls of a dead one so many times."""
        self.up()
        with self.ask() as ask:
            names = {str(self.processes.index(worker)) for worker in self.workers}
            until(lambda: set(ask(lambda dask_scheduler: [str(worker.name) for worker in dask_scheduler.workers.values()])) == names)
        with self.ask(allowed=allowed_failures) as ask:
            ask(lambda dask_scheduler, allowed: setattr(dask_scheduler, "allowed_failures", allowed))
        return self.address

    def stop(self, processes):
        for process in processes:
            process.kill()
            process.wait()


def written(file):
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError):
        return None


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    mine = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        yield mine
    finally:
        mine.stop(mine.processes)


@pytest.fixture(scope="module")
def expected():
    with implementation("numpy"):
        return sweep(POINTS, cells.products, executor=serial(), rng=3).rows


@pytest.fixture
def saved(monkeypatch):
    """The keys of every commit, in order; ``saved.then`` is called once, after a commit, when there are 20."""
    class Saved(list):
        then = None

    keys, save = Saved(), Store.save

    def saving(self, job, outcomes):
        save(self, job, outcomes)
        keys.extend(key for key, _, _ in outcomes)
        if len(keys) >= 20 and keys.then:
            then, keys.then = keys.then, None
            then()

    monkeypatch.setattr(Store, "save", saving)
    return keys


@pytest.fixture
def mourned(monkeypatch):
    """The batches whose worker has died, as far as the sweep is told."""
    batches, mourn = [], Run.mourn

    def mourning(self, keys, error):
        batches.append(keys)
        mourn(self, keys, error)

    monkeypatch.setattr(Run, "mourn", mourning)
    return batches


# ---- workers that die

@contextmanager
def borrowed(address):
    """The executor of a client that stays the caller's."""
    with distributed.Client(address, set_as_default=False) as client, client.get_executor() as executor:
        yield executor


@pytest.mark.parametrize(("engine", "allowed_failures"), [(dask, 3), (dask, 0), (borrowed, 0)])
def test_no_cell_is_lost_with_a_worker_and_none_is_committed_twice(cluster, expected, saved, mourned, tmp_path, engine, allowed_failures):
    """S1, S7: SIGKILL of one of two workers; dask repeats its calls or leaves that to the sweep. The same bits as without a cluster."""
    address = cluster.ready(allowed_failures)
    saved.then = cluster.workers[0].kill
    with engine(address) as executor:
        table = sweep(POINTS, cells.products, executor=executor, store=tmp_path / "db", rng=3)
    assert cluster.workers[0].wait() == -signal.SIGKILL
    assert table.rows == expected
    assert (table.computed, table.failures) == (len(POINTS), [])
    assert len(saved) == len(set(saved)) == len(POINTS)
    assert len(list(export(tmp_path / "db", "jsonl"))) == len(POINTS)
    assert bool(mourned) == (allowed_failures == 0)


def test_poison_is_named_and_no_innocent_cell_is_lost(cluster, tmp_path):
    """S2: a worker takes the calls that wait for it with it; they are not given up for their neighbour."""
    address, over = cluster.ready(allowed_failures=0), threading.Event()

    def replace():
        while not over.wait(0.01):
            cluster.up()

    nurse = threading.Thread(target=replace)
    nurse.start()
    try:
        with dask(address) as executor:
            table = sweep(grid(n=[*range(8), *range(9, 40)]), cells.poison, executor=executor, store=tmp_path / "db", rng=0)
    finally:
        over.set()
        nurse.join()
    assert [failure.parameters for failure in table.failures] == [{"n": 7}]
    assert table.failures[0].error.startswith("given up: 3 workers died of it (Attempted to run task ")
    assert table.rows == sweep(grid(n=[*range(7), *range(9, 40)]), cells.poison, executor=serial(), rng=0).rows


# ---- drivers that stop

def resumed(store, kept, expected):
    table = sweep(POINTS, cells.products, executor=serial(), store=store, rng=3)
    return table.rows == expected and table.computed == len(POINTS) - kept


def test_an_interrupt_commits_what_is_done_and_takes_the_rest_back(cluster, expected, saved, tmp_path):
    """Ctrl-C: the store goes on elsewhere, the cluster has forgotten this driver."""
    address = cluster.ready(allowed_failures=3)
    saved.then = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT)).start
    with pytest.raises(KeyboardInterrupt), dask(address) as executor:
        sweep(POINTS, cells.products, executor=executor, store=tmp_path / "db", rng=3)
    assert executor._client.status == "closed"
    kept = len(list(export(tmp_path / "db", "jsonl")))
    assert 20 <= kept == len(set(saved)) < len(POINTS)
    with cluster.ask() as ask:
        until(lambda: ask(lambda dask_scheduler: (len(dask_scheduler.tasks), [*dask_scheduler.clients]))[0] == 0)
    assert resumed(tmp_path / "db", kept, expected)


@pytest.mark.parametrize("how", ["kill", "terminate"])
def test_a_scheduler_that_dies_is_an_error_and_what_was_done_is_kept(cluster, expected, saved, caplog, tmp_path, how):
    import dask as configured

    address = cluster.ready(allowed_failures=3)
    saved.then = getattr(cluster.scheduler, how)
    with configured.config.set({"distributed.comm.timeouts.connect": "0.5s"}), pytest.raises(SweepError, match=r"the executor .*; what was committed before is kept$"), \
            dask(address) as executor:
        sweep(POINTS, cells.products, executor=executor, store=tmp_path / "db", rng=3)
    cluster.scheduler.wait(timeout=30)          # terminated, it says goodbye first
    assert not [record for record in caplog.records if record.name == "concurrent.futures"]
    kept = len(list(export(tmp_path / "db", "jsonl")))
    assert 20 <= kept == len(set(saved)) < len(POINTS)
    assert resumed(tmp_path / "db", kept, expected)


# ---- the executor

def test_it_is_an_executor_that_closes_its_connection(cluster):
    with dask(cluster.ready(allowed_failures=0)) as executor:
        assert executor.submit(divmod, 17, 5).result(timeout=30) == (3, 2)
        assert executor.submit(int, "11", base=2).result(timeout=30) == 3
        assert list(executor.map(abs, [-1, -2])) == [1, 2]
        with pytest.raises(ValueError, match="no"):
            executor.submit(cells.raises, "no").result(timeout=30)
        slow = [executor.submit(time.sleep, 0.1) for _ in range(4)]
        assert executor.submit(time.sleep, 0.1).cancel()
    assert all(call.done() and not call.cancelled() for call in slow)
    assert executor._client.status == "closed"
    with pytest.raises(RuntimeError, match="this executor has been shut down"):
        executor.submit(abs, 1)
    executor.shutdown()


def test_an_error_inside_the_block_takes_the_calls_back(cluster):
    start = time.monotonic()
    with pytest.raises(KeyError), dask(cluster.ready(allowed_failures=0)) as executor:     # noqa: PT012
        call = executor.submit(time.sleep, 1)
        raise KeyError
    with pytest.raises(CancelledError):
        call.result(timeout=0)
    assert time.monotonic() - start < 30


def test_a_repeated_call_is_made_again(cluster):
    """An answer from memory would count one death as three."""
    with dask(cluster.ready(allowed_failures=0)) as executor:
        first, second = (executor.submit(cells.now) for _ in range(2))
        assert first.result(timeout=30) != second.result(timeout=30)
