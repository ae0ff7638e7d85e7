"""Appendix A.3 and section 6: the sums over samples that the head depends on, and those that choose it.

head-sums  head-holdout
"""

from fractions import Fraction

import numpy as np

from proofs_checks import Instead, Sides, ulps
from proofs_checks.instances import family
from proofs_checks.papers.dls22 import DERIVED, DLS22
from proofs_checks.papers.dls22.backward import _dyadic, _half_spaces, _rational
from proofs_checks.papers.dls22.training import _trained_once
from refimpl.feature_sums import relu_sums


def _labelled(rng, **sizes):
    """The instances of the mask product, their weights as labels."""
    at = _half_spaces(rng, **sizes)
    return {"X": at["X"], "y": at["r"], "W": at["W"], "b": at["b"]}


@DLS22.claim(
    "head-sums",
    where="appendix A.3, the normal equations of the head",
    printed_from=DERIVED,
    covers=["A.Alg1"],
    needs=["DLS22/network"],
    given=family(_labelled, m=(1, 4), d=(1, 3), n=(1, 5), kind=["drawn", "mirrored"]),
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


def _with_heads(rng, **sizes):
    """Trained; 3 heads that it does not have, and further samples."""
    at = _trained_once(rng, "holdout", **sizes)
    return at | {"heads": _dyadic(rng, 3, at["m"])}


@DLS22.claim(
    "head-holdout",
    where="section 6, lambda chosen on further samples",
    printed_from=DERIVED,
    covers=["A.Alg1"],
    needs=["DLS22/alg-1", "DLS22/loss-square"],
    given=family(_with_heads, d=(1, 2), n=(6, 8), m=[2, 4]),
    tol=ulps(lambda at: 4 * at.d + 2 * at.m + 20),
)
def head_holdout(at):
    """(1/N) sum_i (y_i - alpha - beta.x_i - a.phi_i)^2 of several heads a, on N further samples."""
    squares, N = at.trained.mean_squares(at.heads, *at.holdout)
    return Sides(mean_squares=[*squares, N], in_rationals=_mean_squares(at), scale=[*_sizes(at), 1])


def _mean_squares(at, linear=1, heads=None):
    """Of the floats that Algorithm 1 left, without rounding."""
    net, (X, y) = at.trained.network, map(_rational, at.holdout)
    Phi = np.vectorize(lambda z: max(z, 0), otypes=[object])(X @ _rational(net.W).T + _rational(net.b))
    r = y - linear * (Fraction(at.trained.alpha) + X @ _rational(at.trained.beta))
    errors = Phi @ _rational(at.heads if heads is None else heads).T - r[:, None]
    return [*((errors**2).sum(axis=0) / len(y)).astype(float), len(y)]


def _sizes(at):
    """The mean squares of sums of absolute terms."""
    net, (X, y) = at.trained.network, map(np.abs, at.holdout)
    size = (X @ np.abs(net.W).T + np.abs(net.b)) @ np.abs(at.heads).T + (y + abs(at.trained.alpha) + X @ np.abs(at.trained.beta))[:, None]
    return (size**2).mean(axis=0)


@head_holdout.refutes("alpha + beta.x forgotten")
def _(at):
    return Instead(in_rationals=_mean_squares(at, linear=0))


@head_holdout.refutes("the half of a square loss")
def _(at):
    squares = _mean_squares(at)
    return Instead(in_rationals=[*(np.array(squares[:-1]) / 2), squares[-1]])


@head_holdout.refutes("the network's own head for each")
def _(at):
    return Instead(in_rationals=_mean_squares(at, heads=np.stack([at.trained.network.a] * 3)))


@head_holdout.refutes("the samples that the head has seen")
def _(at):
    squares, N = at.trained.mean_squares(at.heads, at.X, at.y)
    return Instead(mean_squares=[*squares, N])
