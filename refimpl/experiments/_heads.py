"""What the experiments share: targets along the first axis, Algorithm 1 as printed, random features, and heads over a grid of lam."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TypeAlias

import numpy as np

from refimpl import polynomials
from refimpl._samples import Samples, source_of
from refimpl.data.targets import Target, single_index
from refimpl.errors import Array
from refimpl.head import Decomposition, decompose, ridge
from refimpl.network import Network
from refimpl.risk import l2_risks
from refimpl.training import PRINTED, Trained, _moments, algorithm_1

FIGURE_1 = [0.0, 0.0, 1.0, 0.0, 24 / math.sqrt(48)]    # c_k of sum_k c_k He_k / k!: He_2 / 2 + He_4 / sqrt(48), E f*^2 = 1
SHARES = np.geomspace(1e-10, 10.0, 34)                 # of the largest eigenvalue: the weight decays
RIDGE = replace(PRINTED, head="ridge")                 # as printed, the head at the end of its descent
OverLam: TypeAlias = tuple[Array, Array]               # weight decays (L,), and the risks (L,) or heads (L, m) at these


# ---- targets

def along_the_first_axis(c: Sequence[float], d: int) -> Target:
    """sum_k c_k He_k(x_1) / k! on R^d."""
    return single_index(c, np.eye(1, d)[0])


def linear_noise(f_star: Target, *, varsigma: int) -> float:
    """n times what the sampling error of alpha + beta.x costs, for one unit direction and C_0 = C_1 = 0: E[y^2 (1 + |x|^2)], y = f*(x) +- varsigma."""
    y_squared = polynomials.add(polynomials.times(dict(f_star.g), dict(f_star.g)), {(0,): Fraction(varsigma**2)})
    return float(polynomials.mean(polynomials.times(y_squared, {(2,): Fraction(1), (0,): Fraction(f_star.d)}), polynomials.identity(1)))


# ---- features

def eta_1(d: int) -> float:
    """The first step as the experiments take it."""
    return math.sqrt(d) / 2


def printed(X: Array, y: Array, m: int, rng: np.random.Generator) -> Trained:
    """Algorithm 1 as printed."""
    return algorithm_1(X, y, m=m, eta_1=eta_1(X.shape[1]), lam=1.0, variant=RIDGE, allow_n_below_d=True, rng=rng)


def fitted(net: Network, X: Array, y: Array) -> Decomposition:
    """What a head sees of the features of neurons that stay as they are."""
    return decompose(_moments(Samples(source_of(X, y), net.d, n=len(y)), net, 0.0, np.zeros(net.d)))


# ---- heads

def heads(head: Decomposition, shares: Array, *, minimum_norm: bool = False) -> OverLam:
    """The ridge heads at shares of the largest eigenvalue; with minimum_norm, directions of eigenvalues that are rounding have none."""
    lams = shares * head.s[-1]
    return lams, ridge(head, lams, minimum_norm=minimum_norm)


def trained_risks(trained: Trained, target: Target, shares: Array, *, minimum_norm: bool = False) -> OverLam:
    """The exact risks of alpha + beta.x and these heads on the features that were learned."""
    lams, a = heads(trained.decomposition, shares, minimum_norm=minimum_norm)
    return lams, l2_risks(trained.network, target, a, alpha=trained.alpha, beta=trained.beta)


def feature_risks(net: Network, X: Array, y: Array, target: Target, shares: Array) -> OverLam:
    """The exact risks of these heads on the features of neurons that stay as they are."""
    lams, a = heads(fitted(net, X, y), shares)
    return lams, l2_risks(net, target, a)
