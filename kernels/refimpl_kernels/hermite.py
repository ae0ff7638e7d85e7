"""Twin of refimpl.hermite."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from refimpl_kernels._jit import jit, readonly

Array = npt.NDArray[np.float64]

STEPS = 4      # steps of the recurrence in one pass over a block: b_{k+1} and b_{k+2} are read and written once for all four
LANES = 1024   # entries of z in a block: z, b_{k+1} and b_{k+2} of a block are 24 kB and stay in the first-level cache


def hermite_sum(c: Array, z: Array) -> Array:
    """Twin of refimpl.hermite.hermite_sum: reciprocals 1 / k are multiplied, so each b_k rounds a few ulp differently."""
    out = np.zeros(z.size)
    clenshaw(readonly(np.ascontiguousarray(c)), readonly(np.ascontiguousarray(z).reshape(-1)), out)
    return out.reshape(z.shape)[()]


@jit
def clenshaw(c: Array, z: Array, out: Array) -> None:
    """b_k = c_k + z b_{k+1} / (k+1) - b_{k+2} / (k+2) down to ``out`` = b_0, a block of z at a time; ``out`` enters as 0."""
    rows = np.zeros((c.size + STEPS - 1) // STEPS * STEPS)   # c_0, ..., c_K, 0, ...: b_k = 0 where c_k, c_{k+1}, ... are
    rows[:c.size] = c
    inverse = 1 / np.maximum(1.0, np.arange(rows.size + 2))
    rest = np.empty(LANES)
    for start in range(0, z.size, LANES):
        x, b1 = z[start:start + LANES], out[start:start + LANES]
        b2 = rest[:x.size]
        b2[:] = 0
        for k in range(rows.size - STEPS, -1, -STEPS):
            four_steps(rows, inverse, k, x, b1, b2)


@jit
def four_steps(c: Array, inverse: Array, k: int, z: Array, b1: Array, b2: Array) -> None:
    """(b1, b2) = (b_{k+4}, b_{k+5}) becomes (b_k, b_{k+1}); what does not depend on z leaves the loop, which vectorises."""
    c0, c1, c2, c3 = c[k], c[k + 1], c[k + 2], c[k + 3]
    i1, i2, i3, i4, i5 = inverse[k + 1], inverse[k + 2], inverse[k + 3], inverse[k + 4], inverse[k + 5]
    for i in range(z.size):
        b_3 = c3 + z[i] * i4 * b1[i] - i5 * b2[i]     # b_{k+3}
        b_2 = c2 + z[i] * i3 * b_3 - i4 * b1[i]       # b_{k+2}
        b2[i] = c1 + z[i] * i2 * b_2 - i3 * b_3       # b_{k+1}
        b1[i] = c0 + z[i] * i1 * b2[i] - i2 * b_2     # b_k
