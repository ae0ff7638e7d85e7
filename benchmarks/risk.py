"""l2_risks of 34 heads: twin, definition, the same pairs by integrals, and a test set; features at the start and after Algorithm 1's first step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from benchmarks.harness import Settings, Table, interleave, timer

if TYPE_CHECKING:
    from refimpl.data.targets import Target
    from refimpl.network import Network

Array = npt.NDArray[np.float64]
Call = Callable[[], Array]

D, HEADS, SAMPLES, TEST, BLOCK = 10, 34, 1000, 100_000, 4000


def tables(settings: Settings) -> Iterator[Table]:
    """One table for each width and kind of features."""
    for m in (100,) if settings.quick else (100, 1000):
        for kind, network in (("b and w at random", at_random(m)), (f"after a step on {SAMPLES} samples", trained(m))):
            yield table(f"l2_risks, {HEADS} heads, m = {m}, d = {D}, {kind}", network, 3 if settings.quick else 9)


def table(title: str, network: Network, rounds: int) -> Table:
    """All candidates, and how far each is from the definition."""
    heads, expected = np.random.default_rng(0).standard_normal((HEADS, network.m)) / network.m, np.empty(HEADS)
    notes, timers = {}, []
    for name, prepare in CANDIDATES.items():
        call = prepare(network, f_star(), heads)
        expected = call() if name == "definition" else expected
        notes[name] = "" if name == "definition" else f"differs by {np.max(np.abs(call() / expected - 1)):.0e}"
        timers.append(timer(name, call))
    return Table(title, "twin", interleave(timers, rounds), notes={name: note for name, note in notes.items() if note})


def f_star() -> Target:
    """He_2 / 2 + He_3 / sqrt(12) along the first axis."""
    from refimpl.data.targets import single_index
    return single_index([0.0, 0.0, 1.0, 6 / 12**0.5], np.eye(D)[0])


def at_random(m: int) -> Network:
    """Gaussian rows, so that a tenth of the angles has |cos| > 1/2."""
    from refimpl.network import Network
    rng = np.random.default_rng([m, 0])
    return Network(np.ones(m), rng.standard_normal((m, D)), rng.standard_normal(m))


def trained(m: int) -> Network:
    """Rows that have turned towards the target, biases of several lengths of them."""
    from refimpl.training import Variant, algorithm_1
    rng = np.random.default_rng([m, 1])
    X, y = f_star().sample(SAMPLES, varsigma=1.0, rng=rng)
    return algorithm_1(X, y, m=m, eta_1=1.0, lam=1.0, variant=Variant(head="ridge"), allow_n_below_d=True, rng=rng).network


# ---- the candidates

def definition(network: Network, target: Target, heads: Array) -> Call:
    """Series in NumPy."""
    return _under("numpy", network, target, heads)


def twin(network: Network, target: Target, heads: Array) -> Call:
    """The same compiled."""
    return _under("kernels", network, target, heads)


def _under(side: str, network: Network, target: Target, heads: Array) -> Call:
    from refimpl._twins import implementation
    from refimpl.risk import l2_risks

    def call() -> Array:
        with implementation(side):
            return l2_risks(network, target, heads)
    return call


def integrals(network: Network, target: Target, heads: Array) -> Call:
    """Every pair by relu_relu, two integrals of 36 nodes each, in place of the series."""
    from unittest.mock import patch

    from refimpl import risk
    from refimpl.bivariate import relu_relu

    def near(a: Array, W: Array, laws: Array, _: Array) -> Array:
        return risk._sums(lambda V, b, W, c: relu_relu(b[:, None], c, np.clip(V.T @ W, -1, 1)), a, W.T, laws[0])

    def call() -> Array:
        with patch.object(risk, "_near_sums", near), patch.object(risk, "_far_sums", lambda a, W, b: 0.0):
            return risk.l2_risks(network, target, heads)
    return call


def samples(network: Network, target: Target, heads: Array) -> Call:
    """A test set, as papers report it."""
    rng = np.random.default_rng(2)
    X = rng.standard_normal((TEST, D))
    y = target.value(X)

    def call() -> Array:
        total = np.zeros(len(heads))
        for i in range(0, TEST, BLOCK):
            features = np.maximum(X[i:i + BLOCK] @ network.W.T + network.b, 0)
            total += np.sum((features @ heads.T - y[i:i + BLOCK, None]) ** 2, axis=0)
        return total / TEST
    return call


CANDIDATES = {"definition": definition, "twin": twin, "integrals": integrals, f"test set of {TEST}": samples}
