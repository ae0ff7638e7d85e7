"""The compiled stream of normals: NumPy's bits, and the generator left where NumPy leaves it."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl._twins import implementation
from refimpl.data.targets import single_index
from refimpl.initial import gaussian, symmetric
from refimpl.rng import standard_normal
from refimpl_kernels import rng as kernels
from tests.strategies import seeds

COMPARED = {"refimpl.rng.standard_normal"}

FAMILIES = [np.random.PCG64, np.random.PCG64DXSM, np.random.SFC64, np.random.Philox, np.random.MT19937]


def pair(family, seed):
    return [np.random.Generator(family(seed)) for _ in range(2)]


def state(rng):
    """Everything that decides what comes next."""
    return repr(rng.bit_generator.state)


def same_stream(candidate, shapes, family, seed):
    """Whether ``candidate`` draws the bits of the definition, call by call, and leaves the same state behind each."""
    mine, numpys = pair(family, seed)
    for shape in shapes:
        got, expected = candidate(shape, rng=mine), standard_normal.reference(shape, rng=numpys)
        assert type(got) is type(expected) is np.ndarray
        assert (got.shape, got.dtype, got.flags.c_contiguous) == (shape, expected.dtype, True)
        if got.tobytes() != expected.tobytes() or state(mine) != state(numpys):
            return False
    return True


shapes = st.lists(st.lists(st.integers(0, 7), max_size=3).map(tuple), max_size=5)


@settings(deadline=None)
@given(shapes=shapes, seed=seeds, family=st.sampled_from(FAMILIES))
def test_the_bits_and_the_state_are_NumPys(shapes, seed, family):
    assert same_stream(kernels.standard_normal, shapes, family, seed)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_bits_are_NumPys_in_the_tail_and_on_the_edges(family):
    """Of 2e6 draws about 500 come from the tail beyond 3.654 and 3e4 from the edges of the layers, by a logarithm and an exponential."""
    assert same_stream(kernels.standard_normal, [(999_999,), (1,), (1000, 1001)], family, 3)


@pytest.mark.parametrize("family", FAMILIES)
def test_other_draws_in_between_are_not_moved(family):
    """Half a word of 64 bits may be left over from an integer or a float32."""
    mine, numpys = pair(family, 4)
    for _ in range(3):
        for draw in (lambda rng: rng.integers(0, 2, 3, dtype=np.uint32), lambda rng: rng.random(1, dtype=np.float32), lambda rng: rng.choice([-1.0, 1.0], 5)):
            assert draw(mine).tolist() == draw(numpys).tolist()
            assert kernels.standard_normal((5,), rng=mine).tolist() == numpys.standard_normal(5).tolist()


def wrong(change):
    def candidate(shape, *, rng):
        return change(kernels.standard_normal(shape, rng=rng), rng)
    return candidate


@pytest.mark.parametrize("change", [
    lambda x, rng: -x,
    lambda x, rng: np.nextafter(x, 9.0),
    lambda x, rng: x + 0 * rng.random(),                        # one word too many
    lambda x, rng: np.sort(x.reshape(-1)).reshape(x.shape),
])
def test_a_wrong_stream_is_rejected(change):
    assert same_stream(kernels.standard_normal, [(9,), (0,), (3, 2)], np.random.PCG64, 5)
    assert not same_stream(wrong(change), [(9,), (0,), (3, 2)], np.random.PCG64, 5)


def test_every_operation_is_rounded():
    """A fused one would move the last bit of the draws from the tail, nor + xx."""
    assert not kernels.fill.targetoptions["fastmath"]


class Shifted(np.random.Generator):
    """A generator with normals of its own."""

    def standard_normal(self, *args, **kwargs):
        return super().standard_normal(*args, **kwargs) + 1


def test_a_derived_generator_is_asked_itself():
    mine, numpys = Shifted(np.random.PCG64(6)), np.random.default_rng(6)
    with implementation("kernels"):
        assert standard_normal(4, rng=mine).tolist() == (numpys.standard_normal(4) + 1).tolist()
    assert state(mine) == state(numpys)


def test_threads_take_turns():
    """Eight threads that share a generator draw disjoint stretches of one stream, each in one piece."""
    rng, size = np.random.default_rng(7), 50_000
    drawn = []
    threads = [threading.Thread(target=lambda: drawn.append(kernels.standard_normal((size,), rng=rng))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = np.random.default_rng(7).standard_normal((8, size))
    assert sorted(map(bytes, drawn)) == sorted(map(bytes, expected))


@pytest.mark.parametrize("draw", [
    lambda rng: single_index([0.0, 1.0, 2.0], np.ones(3)).sample(50, rng=rng, varsigma=0.5)[0],
    lambda rng: symmetric(8, 3, rng=rng).W,
    lambda rng: np.column_stack([(net := gaussian(5, 3, rng=rng, sigma_a=1.0, sigma_w=2.0, sigma_b=3.0)).a, net.W, net.b]),
], ids=["samples", "mirrored", "gaussian"])
def test_what_is_drawn_does_not_depend_on_the_implementation(draw):
    drawn = []
    for side in ("numpy", "kernels"):
        rng = np.random.default_rng(8)
        with implementation(side):
            drawn.append((draw(rng).tobytes(), state(rng)))
    assert drawn[0] == drawn[1]


def test_auto_takes_the_twin_where_numba_is_repaid():
    assert not standard_normal.repays(10**7, rng=0)
    assert standard_normal.repays((10**5, 1000), rng=0)
