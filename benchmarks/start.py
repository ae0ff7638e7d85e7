"""What a fresh process costs: imports, --help, the first verdict, the whole audit; on one core, with one BLAS thread."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping

from benchmarks.harness import ONE_THREAD, ROOT, Settings, Table, Timer, interleave, one_core

BASE = "bare python"
VALUE = "from refimpl.hermite import hermite_sum; hermite_sum([1.0, 2.0], 0.5)"
COMMANDS = {
    BASE: ["-c", "pass"],
    "import numpy": ["-c", "import numpy"],
    "import refimpl": ["-c", "import refimpl"],
    "first value, numpy": ["-c", VALUE],
    "first value, kernels": ["-c", f"import refimpl\nwith refimpl.implementation('kernels'):\n  {VALUE}"],
    "audit --help": ["-m", "proofs_checks", "--help"],
}
AUDIT = ["-m", "proofs_checks"]
TARGETS = {"import refimpl": 0.12, "audit --help": 0.06, "first verdict": 3.0}
AN_ENTRY = 0.4                                  # seconds of the whole audit, mutants included

VERDICT = re.compile(rb"\b(HOLDS|AMENDED|REFUTED|CONSISTENT|INCONCLUSIVE|VACUOUS|OUT OF REACH)\b")
WATCHED = ("numba", "matplotlib", "scipy", "numpy")
LOADED = f"import sys; print(', '.join(m for m in {WATCHED} if m in sys.modules) or 'none', 'of {', '.join(WATCHED)}')"


def tables(settings: Settings) -> Iterator[Table]:
    """Start-up in rounds, then the audit with its mutants."""
    notes = {"import refimpl": f"loads {output(['-c', f'import refimpl; {LOADED}'])}", "first value, kernels": "compiled code from the cache"}
    notes["where"] = f"{one_core()}, OPENBLAS_NUM_THREADS=1"
    for arguments in COMMANDS.values():
        subprocess.run([sys.executable, *arguments], env=environment(), cwd=ROOT, capture_output=True, check=False)
    timers: list[Timer] = [process(name, arguments, notes) for name, arguments in COMMANDS.items()]
    times = interleave(timers, 7)
    times.update(interleave([lambda: audit(notes)], 1 if settings.quick else 3))       # a minute and a half each
    entries = len(output([*AUDIT, "list"]).splitlines())
    notes["whole audit"] = "; ".join(filter(None, [notes.get("whole audit"), f"{entries} statements"]))
    yield Table("start", BASE, times, targets=TARGETS | {"whole audit": AN_ENTRY * entries}, notes=notes)


def process(name: str, arguments: list[str], notes: dict[str, str]) -> Timer:
    """Seconds from start to end of a Python process; a failure is a note and no time."""
    def one_round() -> Mapping[str, float]:
        start = time.perf_counter()
        done = subprocess.run([sys.executable, *arguments], env=environment(), cwd=ROOT, capture_output=True, check=False)
        spent = time.perf_counter() - start
        if done.returncode == 0:
            return {name: spent}
        notes[name] = failure(done.returncode, done.stderr)
        return {}
    return one_round


def audit(notes: dict[str, str]) -> Mapping[str, float]:
    """Seconds from the start of the process to the first verdict that leaves its stdout, and to its end."""
    times: dict[str, float] = {}
    with tempfile.TemporaryFile() as stderr:
        start = time.perf_counter()
        with subprocess.Popen([sys.executable, *AUDIT], env=environment(), cwd=ROOT, stdout=subprocess.PIPE, stderr=stderr) as running:
            assert running.stdout is not None
            for line in running.stdout:
                if not times and VERDICT.search(line):
                    times["first verdict"] = time.perf_counter() - start
        spent = time.perf_counter() - start
        stderr.seek(0)
        last_words = stderr.read()
    if running.returncode in (0, 1, 3) and times:   # a verdict that is not the expected one is still a verdict
        times["whole audit"] = spent
        notes["whole audit"] = f"exit code {running.returncode}"
    else:
        notes["whole audit"] = failure(running.returncode, last_words)
    return times


def failure(code: int, stderr: bytes) -> str:
    """The exit code and the last words."""
    words = stderr.decode(errors="replace").strip().splitlines()
    return f"failed with exit code {code}" + (f" ({words[-1]})" if words else "")


def output(arguments: list[str]) -> str:
    """What a Python process prints."""
    return subprocess.run([sys.executable, *arguments], env=environment(), cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def environment() -> dict[str, str]:
    """This environment with the packages of this checkout, one thread, and the default implementation."""
    paths = [str(ROOT), str(ROOT / "kernels"), *filter(None, [os.environ.get("PYTHONPATH")])]
    inherited = {name: value for name, value in os.environ.items() if name != "REFIMPL_IMPLEMENTATION"}
    return inherited | ONE_THREAD | {"PYTHONPATH": os.pathsep.join(paths)}

