"""Gram matrices for the tests of solvers: random ones, some with a spectrum, and one that is a function."""

import numpy as np

from tests.strategies import frozen


def gram(rng, n, m):
    """H H^T, symmetric to the bit."""
    H = rng.standard_normal((n, m))
    K = H @ H.T
    return frozen((K + K.T) / 2)


def spectral(rng, eigenvalues):
    """A symmetric matrix with (nearly) these eigenvalues in random directions."""
    Q = np.linalg.qr(rng.standard_normal((len(eigenvalues), len(eigenvalues))))[0]
    K = Q * eigenvalues @ Q.T
    return frozen((K + K.T) / 2)


def decaying(rng, n):
    """A Gram matrix of points on a line: eigenvalues fall fast."""
    x = rng.uniform(-2, 2, (n, 1))
    K = np.exp(-(x - x.T)**2)
    return frozen((K + K.T) / 2)


class Tiles:
    """K as a function that makes three rows at a time and remembers how often it was asked, and for what."""

    def __init__(self, K):
        self.K, self.shapes = K, []

    def __call__(self, V):
        self.shapes.append(V.shape)
        return np.concatenate([self.K[i:i + 3] @ V for i in range(0, len(self.K), 3)])
