"""The other routes: exact matrices, lists of rows of Fractions, without a line of refimpl; and the instances that several modules share."""

import itertools
from fractions import Fraction

import numpy as np


def exact(A):
    return [[Fraction(x) for x in row] for row in np.asarray(A).tolist()]


def times(A, B):
    return [[sum(x * y for x, y in zip(row, column, strict=True)) for column in zip(*B, strict=True)] for row in A]


def plus(A, B, factor=1):
    return [[x + factor * y for x, y in zip(*rows, strict=True)] for rows in zip(A, B, strict=True)]


def scaled_identity(n, x=Fraction(1)):
    return [[x if i == j else 0 * x for j in range(n)] for i in range(n)]


def inverse(A):
    """Gauss-Jordan in place, without pivoting: the matrices here are positive definite."""
    A = [list(row) for row in A]
    for k, i in itertools.product(range(len(A)), range(-1, len(A))):
        if i == -1:
            pivot = 1 / A[k][k]
            A[k] = [pivot if j == k else x * pivot for j, x in enumerate(A[k])]
        elif i != k:
            here = A[i][k]
            A[i] = [-here * pivot if j == k else x - here * y for j, (x, y) in enumerate(zip(A[i], A[k], strict=True))]
    return A


def ridged(A, lam):
    """(A + lam I)^{-1}."""
    return inverse(plus(A, scaled_identity(len(A), lam)))


def columns(y):
    """y as a matrix of Fractions."""
    return exact(np.reshape(y, (len(y), -1)))


def spectrum(rng, n, k):
    """K = Q diag(l) Q^T with eigenvalues l among 1, 2, 4, 8 and Q = S / sqrt(n) for a Hadamard matrix S: K and its inverse are dyadic."""
    S = np.ones((1, 1))
    while len(S) < n:
        S = np.block([[S, S], [S, -S]])
    l = 2.0 ** rng.integers(0, 4, n)
    y, start = rng.integers(-4, 5, (2, n, k or 1)) / 1.0
    return {"S": S, "l": l, "K": S * l @ S / n, "solution": S / l @ (S @ y) / n, **{name: x if k else x[:, 0] for name, x in (("y", y), ("start", start))}}
