"""Cells for the tests of this folder: workers import them from here, and this module imports nothing slow."""

import os
import signal
import time
from pathlib import Path

from refimpl import current_implementation


def draw(parameters, rng):
    """A number that depends on every parameter and on the stream."""
    return {"draw": float(rng.normal()) + parameters["n"], "n_squared": parameters["n"] ** 2}


def nothing(parameters, rng):
    """The shortest cell there is."""
    return {}


def logged(parameters, rng):
    """Leaves a line in a file at every run."""
    with Path(parameters["log"]).open("a") as file:
        file.write(f"{parameters['n']}\n")
    time.sleep(parameters.get("seconds", 0.01))
    return {"draw": float(rng.normal()), "padding": "x" * parameters.get("padding", 0)}


def mortal(parameters, rng):
    """Says which process it ran in."""
    time.sleep(0.02)
    return {"pid": os.getpid(), "draw": float(rng.normal())}


def poison(parameters, rng):
    """Kills its worker where n is 7 or 8."""
    if parameters["n"] in (7, 8):
        os.kill(os.getpid(), signal.SIGKILL)
    return draw(parameters, rng)


def threads(parameters, rng):
    """The threads of every BLAS in this process, after NumPy and SciPy have been used."""
    import numpy as np
    import scipy.linalg
    from threadpoolctl import threadpool_info

    scipy.linalg.cholesky(np.eye(3))
    return {"threads": max(library["num_threads"] for library in threadpool_info()), "variable": os.environ["OPENBLAS_NUM_THREADS"]}


def products(parameters, rng):
    """Bits that depend on how BLAS sums."""
    A = rng.normal(size=(300, parameters["n"]))
    return {"trace": float((A @ A.T @ A).sum()), "side": current_implementation()}


def quarrelsome(parameters, rng):
    """Each n fails in its own way."""
    import sys

    if parameters["n"] == 0:
        raise ValueError("no roots, \ud800 either")
    if parameters["n"] == 1:
        sys.exit(3)
    if parameters["n"] == 2:
        return {"x": float("nan")}
    if parameters["n"] == 3:
        return [1]
    if parameters["n"] == 4:
        return {"x": object()}
    return {"x": parameters["n"]}


def interrupted(parameters, rng):
    """As if somebody pressed Ctrl-C at n = 5, unless the file says otherwise."""
    if parameters["n"] == 5 and not Path(parameters["go"]).exists():
        raise KeyboardInterrupt
    time.sleep(0.03)
    return {"n": parameters["n"]}


# ---- calls for an executor

def pid():
    return os.getpid()


def now():
    return time.time_ns()


def die(code):
    """End the worker, by a signal or with an exit code."""
    os.kill(os.getpid(), -code) if code < 0 else os._exit(code)


def die_speaking():
    """End the worker in the middle of its answer: a message of 4096 bytes is announced, three come."""
    import gc
    from multiprocessing.connection import Connection

    for pipe in [found for found in gc.get_objects() if type(found) is Connection]:
        os.write(pipe.fileno(), (4096).to_bytes(4, "big") + b"abc")
    die(-signal.SIGKILL)


def close_everything():
    """Close the pipe and live on."""
    os.closerange(3, 256)
    time.sleep(60)


class Stubborn(Exception):
    """Can be sent, and not received."""

    def __init__(self, one, two):
        super().__init__(one)


def raises(error):
    raise Stubborn(1, 2) if error == "Stubborn" else LocalError() if error == "LocalError" else ValueError(error)


def _hidden():
    class LocalError(Exception):
        """Cannot be sent."""

    return LocalError


LocalError = _hidden()
