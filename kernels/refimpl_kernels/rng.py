"""Twin of refimpl.rng."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from refimpl_kernels._jit import jit_as_written

Array = npt.NDArray[np.float64]


def standard_normal(shape: tuple[int, ...], *, rng: np.random.Generator) -> Array | None:
    """Twin of refimpl.rng.standard_normal: the same bits, and the generator is left in the same state.

    None for a class derived from Generator, whose normals may be its own; nothing has been drawn then.
    """
    if type(rng) is not np.random.Generator:
        return None
    out = np.empty(shape)
    with rng.bit_generator.lock:   # as NumPy: threads that share a generator draw one after the other
        fill(rng, out.reshape(-1))
    return out


@jit_as_written
def fill(rng: np.random.Generator, out: Array) -> None:
    """NumPy's ziggurat as numba compiles it, inlined; only the next 64 bits are a call, to the generator's own function."""
    for i in range(out.size):
        out[i] = rng.standard_normal()
