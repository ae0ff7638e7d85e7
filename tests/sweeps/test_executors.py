"""Engines: the same bits from every one, and workers that may die in any way."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

import pytest

from refimpl import implementation
from refimpl.errors import DomainError, DtypeError
from refimpl.sweeps import SweepError, dask, executors, local, serial, sweep, workers
from refimpl.sweeps.grid import grid
from tests import sweeps as cells

ROOT = Path(__file__).parent.parent.parent
ENVIRONMENT = {**os.environ, "REFIMPL_IMPLEMENTATION": "numpy"}


@pytest.fixture(autouse=True)
def _numpy():
    with implementation("numpy"):
        yield


@pytest.fixture(scope="module")
def two():
    with local(2) as pool:
        yield pool


def alive(pid):
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z" if Path("/proc/self/stat").exists() else True
    return False


def within(seconds, condition):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


# ---- the same bits

POINTS = grid(n=range(1, 40))


@pytest.fixture(scope="module")
def expected():
    with implementation("numpy"):
        return sweep(POINTS, cells.products, executor=serial(), rng=3).rows


def test_every_engine_gives_the_same_bits(expected, two):
    """S7: serial, two processes, threads, the standard library's pool; forwards and backwards."""
    assert {row.result["side"] for row in expected} == {"numpy"}
    with ThreadPoolExecutor(3) as threads, ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for executor in (serial(), two, threads, pool):
            assert sweep(POINTS[::-1], cells.products, executor=executor, rng=3).rows == expected[::-1]


def test_dask_gives_the_same_bits(expected):
    """S7: by its own executor, and by the address of a scheduler."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        for executor in (distributed.Client(cluster).get_executor(), dask(cluster.scheduler_address)):
            with executor._client, executor:
                assert sweep(POINTS, cells.products, executor=executor, rng=3).rows == expected


def test_the_implementation_is_entered_in_every_cell(two):
    pytest.importorskip("refimpl_kernels")
    with implementation("kernels"), ThreadPoolExecutor(2) as threads:
        for executor in (serial(), two, threads):
            assert set(sweep(grid(n=[1, 2]), cells.products, executor=executor, rng=3).column("side")) == {"kernels"}
    with implementation("auto"):
        assert set(sweep(grid(n=[1, 2]), cells.products, executor=two, rng=3).column("side")) == {"kernels"}


@pytest.mark.parametrize("engine", [serial, lambda: local(1), lambda: ProcessPoolExecutor(1, mp_context=get_context("spawn"))])
def test_one_thread_each(engine, monkeypatch):
    """The libraries that are there and those that the cell loads; afterwards everything is as it was."""
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_info, threadpool_limits

    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with threadpool_limits(2), engine() as executor:
        row, = sweep(grid(n=[1]), cells.threads, executor=executor, rng=0)
        assert row.result == {"threads": 1, "variable": "1"}
        assert all(library["num_threads"] == 2 for library in threadpool_info() if library["user_api"] == "blas")
    assert os.environ["OPENBLAS_NUM_THREADS"] == "2"
    assert "OMP_NUM_THREADS" not in os.environ


# ---- executors

def test_they_are_executors():
    assert isinstance(serial(), Executor)
    with local() as pool:
        assert isinstance(pool, Executor)
        assert len(pool._workers) == executors.cores() >= 1
    for wrong, error in ((0, DomainError), (1.5, DtypeError)):
        with pytest.raises(error, match=rf"workers = {wrong}"):
            local(wrong)


@pytest.mark.parametrize("engine", ["serial", "two"])
def test_calls_return_and_raise(engine, two):
    executor = serial() if engine == "serial" else two
    assert executor.submit(divmod, 17, 5).result() == (3, 2)
    assert executor.submit(int, "11", base=2).result() == 3
    assert list(executor.map(abs, [-1, -2])) == [1, 2]
    with pytest.raises(ValueError, match="no"):
        executor.submit(cells.raises, "no").result()


def test_what_cannot_travel_is_an_error_and_the_worker_lives(two):
    before = {two.submit(cells.pid).result() for _ in range(20)}
    with pytest.raises(RuntimeError, match="LocalError"):
        two.submit(cells.raises, "LocalError").result()
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        two.submit(cells.raises, "Stubborn").result()
    with pytest.raises((AttributeError, TypeError), match=r"pickle|local object"):
        two.submit(lambda: 1).result()
    with pytest.raises(TypeError, match="pickle"):
        two.submit(open, os.devnull).result()
    with pytest.raises(SystemExit):
        two.submit(sys.exit, 3).result()
    assert {two.submit(cells.pid).result() for _ in range(20)} <= before | {two.submit(cells.pid).result()}


@pytest.mark.parametrize(("call", "said"), [
    ((cells.die, -signal.SIGKILL), "the worker was killed by SIGKILL"), ((cells.die, -signal.SIGSEGV), "the worker was killed by SIGSEGV"),
    ((cells.die, 7), "the worker ended with exit code 7"), ((cells.die_speaking,), "the worker was killed by SIGKILL"),
    ((cells.close_everything,), "the worker was killed by SIGKILL"),
])
def test_a_dead_worker_fails_its_own_call_and_no_other(two, call, said):
    """Also in the middle of a message, on which the standard library's pool waits for ever."""
    slow = two.submit(time.sleep, 0.3)
    death = two.submit(*call)
    others = [two.submit(abs, -n) for n in range(10)]
    with pytest.raises(BrokenProcessPool, match=said):
        death.result(timeout=10)
    assert [other.result(timeout=10) for other in others] == list(range(10))
    assert slow.result() is None


def test_shutdown():
    pool = local(1)
    calls = [pool.submit(time.sleep, 0.1) for _ in range(4)]
    pool.submit(cells.pid).cancel()
    pool.shutdown(wait=False)
    with pytest.raises(RuntimeError, match="this executor has been shut down"):
        pool.submit(abs, 1)
    pool.shutdown()
    assert all(call.done() and not call.cancelled() for call in calls)
    pool = local(1)
    calls = [pool.submit(time.sleep, 0.2) for _ in range(4)]
    assert within(5, calls[0].running)
    pool.shutdown(cancel_futures=True)
    assert [call.cancelled() for call in calls] == [False, True, True, True]


def test_an_error_inside_the_block_ends_the_workers_at_once():
    start = time.monotonic()
    with pytest.raises(KeyError), local(2) as pool:     # noqa: PT012
        first = pool.submit(cells.pid).result()
        calls = [pool.submit(time.sleep, 60) for _ in range(3)]
        assert within(5, calls[1].running)
        raise KeyError
    assert time.monotonic() - start < 10
    assert not alive(first)
    assert calls[2].cancelled()
    with pytest.raises(BrokenProcessPool):
        calls[0].result()


def test_workers_end_with_their_driver():
    """Also one in the middle of a long cell: nobody would commit it."""
    code = ("import time, tests.sweeps as cells; from refimpl.sweeps import local; pool = local(2)\n"
            "if __name__ == '__main__':\n"
            "    pids = {pool.submit(cells.pid).result() for _ in range(50)}; print(*pids, flush=True)\n"
            "    [pool.submit(time.sleep, 60) for _ in range(2)]; time.sleep(60)")
    driver = subprocess.Popen([sys.executable, "-B", "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    pids = [int(pid) for pid in driver.stdout.readline().split()]
    time.sleep(0.1)
    driver.kill()
    driver.communicate()
    assert pids
    assert within(5, lambda: not any(map(alive, pids)))


@pytest.mark.parametrize("guarded", [True, False])
def test_a_script_without_the_guard_is_told(tmp_path, guarded):
    script = tmp_path / "script.py"
    body = ["from refimpl.sweeps import local, sweep", "def cell(parameters, rng):", "    return {'x': parameters['n']}",
            "if __name__ == '__main__':" if guarded else "if True:",
            "    with local(1) as pool:", "        print(sweep([{'n': 1}], cell, executor=pool, rng=0).rows)"]
    script.write_text("\n".join(body))
    run = subprocess.run([sys.executable, "-B", str(script)], env={**ENVIRONMENT, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False, timeout=60)
    if guarded:
        assert run.stdout == "[Row(parameters={'n': 1}, result={'x': 1})]\n", run.stderr
    else:
        assert "SweepError: a worker ended with exit code 1 before its first call; a script that starts a sweep does so below" in run.stderr


def test_a_worker_that_cannot_be_started_is_told(monkeypatch):
    def refuse():
        raise OSError("no more processes")

    monkeypatch.setattr(workers, "_process", refuse)
    with local(1) as pool, pytest.raises(SweepError, match=r"a worker cannot be started \(OSError: no more processes\) before its first call"):
        pool.submit(abs, 1).result()


def test_dask_says_which_extra_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"dask.distributed cannot be imported \(.*\); `pip install refimpl\[cluster\]` brings it"):
        dask("tcp://127.0.0.1:1")


def test_dask_says_that_nobody_answers():
    distributed = pytest.importorskip("distributed")
    import dask as configured

    with configured.config.set({"distributed.comm.timeouts.connect": "0.2s"}), pytest.raises(SweepError, match=r"no dask scheduler answers at 'tcp://127.0.0.1:1'"):
        dask("tcp://127.0.0.1:1")
    assert distributed
