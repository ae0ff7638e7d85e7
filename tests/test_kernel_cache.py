"""The machine code of kernels on disk: found again, never stale, never trusted when damaged."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from refimpl_kernels import _jit

PACKAGE = Path(_jit.__file__).parent

ONE_CALL = """
import json
import numba
import numpy as np
from refimpl_kernels import hermite
value = hermite.hermite_sum(np.array([1.0, 2.0, 4.0]), np.array([3.0]))
stats = hermite.clenshaw.stats
print(json.dumps({"value": value[0], "hits": sum(stats.cache_hits.values()), "misses": sum(stats.cache_misses.values())}))
"""
HIT = {"value": 23.0, "hits": 1, "misses": 0}    # 1 + 2 * 3 + 4 (3^2 - 1) / 2!
MISS = {"value": 23.0, "hits": 0, "misses": 1}

pytestmark = pytest.mark.skipif(bool(_jit.NUMBA.config.DISABLE_JIT), reason="NUMBA_DISABLE_JIT: nothing is compiled")


def start(root, **variables):
    """A process that imports the copy of the kernels in ``root`` and calls one."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_CACHE")}
    environment |= {"PYTHONPATH": str(root), **variables}
    return subprocess.Popen([sys.executable, "-c", ONE_CALL], cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def outcome(process):
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return json.loads(out), err


def run(root, **variables):
    """What the call gave and whether it compiled; not a word on stderr."""
    said, err = outcome(start(root, **variables))
    assert err == ""
    return said


def copy(into):
    shutil.copytree(PACKAGE, into / "refimpl_kernels", ignore=shutil.ignore_patterns("__pycache__"))
    return into


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """A copy of the kernels, called once by two processes that started together."""
    root = copy(tmp_path_factory.mktemp("compiled"))
    first, second = start(root), start(root)
    for said, err in (outcome(first), outcome(second)):
        assert (said["value"], err) == (23.0, "")
    return root


@pytest.fixture
def warm(compiled, tmp_path):
    return shutil.copytree(compiled, tmp_path / "warm")


def stored(root):
    return sorted(root.rglob("*.nbc"))


def test_the_second_process_compiles_nothing(compiled):
    assert run(compiled) == HIT
    assert not list(compiled.rglob("*.tmp"))   # nor did the two that started together leave half a file


def test_any_source_of_the_package_counts(warm):
    with (warm / "refimpl_kernels" / "__init__.py").open("a") as file:
        file.write("# a change outside the file of the kernel\n")
    assert run(warm) == MISS


def test_a_truncated_file_is_a_miss_and_is_replaced(warm):
    for file in stored(warm):
        os.truncate(file, file.stat().st_size // 2)
    assert run(warm) == MISS
    assert run(warm) == HIT


def test_numbas_variable_is_the_users(warm, tmp_path):
    before = stored(warm)
    assert run(warm, NUMBA_CACHE_DIR=str(tmp_path / "mine")) == MISS
    assert stored(tmp_path / "mine")
    assert stored(warm) == before


def test_a_tree_that_cannot_be_written(tmp_path):
    """And no user's cache directory either: every process compiles, and says so in one sentence."""
    root = copy(tmp_path / "tree")
    (root / "refimpl_kernels" / "__pycache__").write_text("a file where a directory should be: refuses root, too")
    nowhere = str(root / "refimpl_kernels" / "__pycache__" / "home")
    said, err = outcome(start(root, HOME=nowhere, XDG_CACHE_HOME=nowhere, LOCALAPPDATA=nowhere))
    assert said == MISS
    assert err.count("RuntimeWarning: compiled kernels are not kept on disk") == 1
    assert "NUMBA_CACHE_DIR" in err


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="XDG_CACHE_HOME is Linux's")
def test_the_users_cache_directory_serves_a_tree_that_cannot_be_written(tmp_path):
    root = copy(tmp_path / "tree")
    (root / "refimpl_kernels" / "__pycache__").write_text("a file where a directory should be: refuses root, too")
    assert run(root, XDG_CACHE_HOME=str(tmp_path / "cache")) == MISS
    assert run(root, XDG_CACHE_HOME=str(tmp_path / "cache")) == HIT


def test_a_flipped_bit_is_a_miss(tmp_path):
    files = _jit.Files(tmp_path, "f")
    assert files.load("key") is None
    files.save("key", [1, 2, 3])
    files.save("other key", [4])
    assert (files.load("key"), files.load("other key")) == ([1, 2, 3], [4])
    content = bytearray(files.path("key").read_bytes())
    content[-1] ^= 1
    for damaged in (bytes(content), content[:10], b""):
        files.path("key").write_bytes(damaged)
        assert files.load("key") is None
    files.flush()
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_no_half_file(tmp_path, monkeypatch):
    def refuse(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="No space left"):
        _jit.Files(tmp_path, "f").save("key", [1])
    assert not list(tmp_path.iterdir())


def test_a_disk_that_refuses_is_said_once(monkeypatch):
    def refuse(self, sig, data):
        raise OSError(28, "No space left on device", "/tmp/a name that differs from file to file")

    monkeypatch.setattr(_jit.NUMBA.core.caching.FunctionCache, "save_overload", refuse)
    _jit.say_uncached.cache_clear()
    cache = _jit.KernelCache.__new__(_jit.KernelCache)
    with pytest.warns(RuntimeWarning, match=r"\(No space left on device\); NUMBA_CACHE_DIR="):
        cache.save_overload(None, None)
    cache.save_overload(None, None)   # in silence: pytest makes a second warning an error
    _jit.say_uncached.cache_clear()


def test_flags():
    """Contraction and signed zeros, and nothing that reorders sums or forgets NaN."""
    from refimpl_kernels import hermite

    for kernel in (hermite.clenshaw, hermite.recurrence):
        options = kernel.targetoptions
        assert options["fastmath"] == {"nsz", "contract"}
        assert (options["error_model"], options["nogil"]) == ("numpy", True)
        assert not options.get("parallel")
        assert isinstance(kernel._cache, _jit.KernelCache)
