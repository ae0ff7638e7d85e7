"""Appendix A.3: the sums over samples that the head depends on.

head-sums
"""

import numpy as np

from proofs_checks import Instead, Sides
from proofs_checks.instances import family
from proofs_checks.papers.dls22 import DERIVED, DLS22
from proofs_checks.papers.dls22.backward import _dyadic, _rational
from refimpl.feature_sums import relu_sums


def _features(rng, m, d, n, kind):
    """Sixteenths, so that no sum rounds; the first neuron's boundary goes through the first sample. Mirrored: w_{m+1-j} = -w_j."""
    W, X, b = _dyadic(rng, m, d), _dyadic(rng, n, d), _dyadic(rng, m)
    if kind == "mirrored":
        W[m - m // 2:] = -W[:m // 2][::-1]
    b[0] = -W[0] @ X[0]
    return {"X": X, "y": _dyadic(rng, n), "W": W, "b": b}


@DLS22.claim(
    "head-sums",
    where="appendix A.3, the normal equations of the head",
    printed_from=DERIVED,
    covers=["A.Alg1"],
    needs=["DLS22/network"],
    given=family(_features, m=(1, 4), d=(1, 3), n=(1, 5), kind=["drawn", "mirrored"]),
)
def head_sums(at):
    """sum_i phi_i phi_i^T and sum_i y_i phi_i with phi_i = relu(W x_i + b), exactly."""
    return Sides(relu_sums=_flat(*relu_sums(at.X, at.y, at.W, at.b)), sample_by_sample=_one_by_one(at))


def _flat(G, c):
    return [*_rational(G).ravel(), *_rational(c)]


def _one_by_one(at, relu=lambda z: max(z, 0), bias=1, labels=None):
    """The same in rational numbers."""
    X, y, W, b = (_rational(part) for part in (at.X, at.y if labels is None else labels, at.W, at.b))
    Phi = np.vectorize(relu, otypes=[object])(X @ W.T + bias * b)
    return [*(Phi.T @ Phi).ravel(), *(y @ Phi)]


@head_sums.refutes("sigma forgotten")
def _(at):
    return Instead(sample_by_sample=_one_by_one(at, relu=lambda z: z))


@head_sums.refutes("the other half-space: relu(-z)")
def _(at):
    return Instead(sample_by_sample=_one_by_one(at, relu=lambda z: max(-z, 0)))


@head_sums.refutes("b forgotten")
def _(at):
    return Instead(sample_by_sample=_one_by_one(at, bias=0))


@head_sums.refutes("y forgotten")
def _(at):
    return Instead(relu_sums=_flat(*relu_sums(at.X, np.ones(at.n), at.W, at.b)))


@head_sums.refutes("means for sums")
def _(at):
    G, c = relu_sums(at.X, at.y, at.W, at.b)
    return Instead(relu_sums=[value / at.n for value in _flat(G, c)])
