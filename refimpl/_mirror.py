"""Rows of which one half is minus the other, as Algorithm 1's first step leaves them: w_{m+1-j} = -w_j."""

from __future__ import annotations

import numpy as np

from refimpl.errors import Array


def products(X: Array, W: Array) -> Array:
    """X W^T, (n, m), from half of the products where the rows of W are mirror images."""
    half = len(W) // 2
    if len(W) % 2 or not np.array_equal(W[0], -W[-1]) or not np.array_equal(W[half:], -W[:half][::-1]):
        return np.asarray(X @ W.T)
    Z = np.empty((len(X), len(W)))
    np.matmul(X, W[:half].T, out=Z[:, :half])
    np.negative(Z[:, :half][:, ::-1], out=Z[:, half:])
    return Z
