"""Initial parameters: mirrored, so that the network starts at zero, or plainly Gaussian."""

from __future__ import annotations

import math

import numpy as np

from refimpl.activations import RELU, Activation
from refimpl.errors import DomainError, count, number
from refimpl.network import Network
from refimpl.rng import Seed, generator, standard_normal


def symmetric(m: int, d: int, *, rng: Seed, activation: Activation = RELU) -> Network:
    r"""Mirrored initialisation: neurons j and m + 1 - j cancel, so f_theta = 0.

    .. math:: a_j = -a_{m+1-j}, \quad w_j = w_{m+1-j}, \quad b_j = b_{m+1-j} = 0, \qquad a_j \sim \mathrm{Unif}\{-1, 1\}, \; w_j \sim N(0, I_d / d)

    Source
    ------
    DLS22, section 2, whose printed index m - j leaves j = m/2 and j = m unpaired; audited by ``DLS22/eq-init``.

    Parameters
    ----------
    m : even int >= 2   width
    d : int >= 1   input dimension
    rng : Generator, SeedSequence or int
    activation : sigma of the network

    Returns
    -------
    Network

    Units
    -----
    E|w_j|^2 = 1; |a_j| = 1.

    Errors
    ------
    DomainError, DtypeError   for m odd or below 2, d below 1, rng None.
    """
    m, d, rng = count("m", m, least=2), count("d", d, least=1), generator(rng)
    if m % 2:
        raise DomainError(f"m = {m} is odd; the symmetric initialisation pairs neurons, so m must be even (DLS22, section 2)")
    a = 2.0 * rng.integers(0, 2, m // 2) - 1
    W = standard_normal((m // 2, d), rng=rng) / math.sqrt(d)
    return Network(np.concatenate([a, -a[::-1]]), np.concatenate([W, W[::-1]]), np.zeros(m), activation)


def gaussian(m: int, d: int, *, rng: Seed, sigma_a: float, sigma_w: float, sigma_b: float, activation: Activation = RELU) -> Network:
    r"""Independent Gaussian parameters, without mirroring.

    .. math:: a_j \sim N(0, \sigma_a^2), \quad w_j \sim N(0, \sigma_w^2 I_d), \quad b_j \sim N(0, \sigma_b^2)

    Source
    ------
    The law of half the neurons in SWL22, section 3; audited by ``DLS22/init-gaussian``.

    Parameters
    ----------
    m, d : int >= 1   width and input dimension
    rng : Generator, SeedSequence or int
    sigma_a, sigma_w, sigma_b : float >= 0   standard deviations
    activation : sigma of the network

    Returns
    -------
    Network

    Units
    -----
    Standard deviations, not variances.

    Errors
    ------
    DomainError, DtypeError, NonFiniteError   for a size below 1, a negative deviation, rng None.
    """
    m, d, rng = count("m", m, least=1), count("d", d, least=1), generator(rng)
    sigma_a, sigma_w, sigma_b = _deviation("sigma_a", sigma_a), _deviation("sigma_w", sigma_w), _deviation("sigma_b", sigma_b)
    a, W, b = standard_normal(m, rng=rng), standard_normal((m, d), rng=rng), standard_normal(m, rng=rng)
    with np.errstate(over="ignore"):
        return Network(sigma_a * a, sigma_w * W, sigma_b * b, activation)


def _deviation(name: str, value: object) -> float:
    deviation = number(name, value)
    if deviation < 0:
        raise DomainError(f"{name} = {deviation}; a standard deviation must be at least 0")
    return deviation
