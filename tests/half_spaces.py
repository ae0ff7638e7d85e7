"""Targets, neurons and an integral over their half-space in all d dimensions, for the tests of what the first gradient sees.

The quadrature is Gauss and Legendre's on pieces of [-b, ...) along w, times Gauss and Hermite's in the other directions.
"""

import math
from itertools import product

import numpy as np
from hypothesis import strategies as st

from refimpl import polynomials
from refimpl.data.targets import Target
from tests.strategies import frozen, reals, seeds

VARSIGMA = 0.75


def target_of(rng, p, r, d):
    """Degree p in r oblique directions of R^d, coefficients of size 1."""
    g = {alpha: float(rng.normal()) for k in range(p + 1) for alpha in polynomials.exponents(r, k)} | {tuple(p * (i == 0) for i in range(r)): 1.0}
    return Target(g, frozen(rng.normal(size=(r, d))))


@st.composite
def cases(draw):
    """A target of r <= d <= 3, two rows of W of any length, the first in span(S*) where r = 1, and their biases."""
    d = draw(st.integers(1, 3))
    r, p, rng = draw(st.integers(1, min(d, 2))), draw(st.integers(0, 3)), np.random.default_rng(draw(seeds))
    target, length = target_of(rng, p, r, d), draw(st.sampled_from([1.0, 7.3, 1e-3]))
    return target, frozen(length * np.stack([target.U[0], rng.normal(size=d)])), frozen(length * np.array([draw(reals(3)), draw(reals(3))]))


def half_space(target, w, b):
    """Nodes x, weights, f* and the sum of the absolute terms of f* there."""
    e = w / np.linalg.norm(w)
    beta = b / np.linalg.norm(w)
    Q = np.linalg.qr(np.column_stack([e, np.eye(target.d)]))[0]
    lower = max(-beta, -14.0)
    edges = np.linspace(lower, max(14.0, lower + 3), 57)
    nodes, gauss = np.polynomial.legendre.leggauss(16)
    half = np.diff(edges) / 2
    z = (edges[:-1, None] + half[:, None] * (nodes + 1)).ravel()
    along = np.outer(half, gauss).ravel() * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    nodes, gauss = np.polynomial.hermite_e.hermegauss(target.p + 4)
    rows = len(nodes) ** (target.d - 1)
    others, mass = (np.array(list(product(v, repeat=target.d - 1))).reshape(rows, target.d - 1) for v in (nodes, gauss / gauss.sum()))
    x = (z[:, None, None] * e + others @ Q[:, 1:].T).reshape(-1, target.d)
    terms = np.array([float(c) * math.prod(v**k for v, k in zip((x @ target.U.T).T, alpha, strict=True)) for alpha, c in target.g.items()])
    return x, np.multiply.outer(along, mass.prod(axis=1)).ravel(), terms.sum(axis=0), np.abs(terms).sum(axis=0)
