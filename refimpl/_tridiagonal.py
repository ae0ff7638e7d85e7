r"""A symmetric matrix as Q T Q^T with T tridiagonal: half of the way to its eigenvalues, and all of it that ridge needs.

    (G + t I)^{-1} c = Q (T + t I)^{-1} Q^T c

so that each t costs a tridiagonal solution, and all of them together one product with Q.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import lapack

from refimpl.errors import Array


class Tridiagonal(NamedTuple):
    """T by its diagonal and the entries beside it; Q by the reflectors that LAPACK keeps in its place."""

    diagonal: Array                # (m,)
    beside: Array                  # (m - 1,)
    reflectors: Array              # (m - 1, m - 1)
    scales: Array                  # (m - 1,)

    @property
    def size(self) -> float:
        """The largest sum of absolute values in a row: no eigenvalue is larger."""
        around = np.abs(np.concatenate([[0.0], self.beside, [0.0]]))
        return float(np.max(np.abs(self.diagonal) + around[:-1] + around[1:]))

    def exceeds(self, least: float) -> bool:
        """Whether all eigenvalues of T are above this, by the signs of an LDL^T."""
        return bool(lapack.dpttrf(self.diagonal - least, self.beside)[-1] == 0)

    def solve(self, t: Array, c: Array) -> Array | None:
        """(G + t I)^{-1} c for each t, (L, m); None where T + t I is not positive definite."""
        rotated, x = self._rotated(c[:, None], "T"), np.empty((len(c), len(t)), order="F")
        for k, shift in enumerate(t):
            *_, solution, failed = lapack.dptsv(self.diagonal + shift, self.beside, rotated)
            if failed:
                return None
            x[:, k] = solution[:, 0]
        return self._rotated(x, "N").T

    def _rotated(self, B: Array, transposed: str) -> Array:
        """Q B, or Q^T B; the first coordinate stays."""
        room = 64 * B.shape[1]                             # LAPACK works on blocks of up to 64 columns
        return np.vstack([B[:1], lapack.dormqr("L", transposed, self.reflectors, self.scales, B[1:], room)[0]])


def tridiagonal(G: Array) -> Tridiagonal:
    """Of a symmetric matrix (m, m), m >= 2."""
    m = len(G)
    room = int(lapack.dsytrd_lwork(m, lower=1)[0])
    A, diagonal, beside, scales, _ = lapack.dsytrd(G, lower=1, lwork=room)
    return Tridiagonal(diagonal, beside, np.asfortranarray(A[1:, :-1]), scales)
