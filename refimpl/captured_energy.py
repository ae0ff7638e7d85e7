r"""How much of the first gradient's energy lies in S*, the span of the target's directions, and how many samples that takes.

    E|Pi* g_n|^2 / E|g_n|^2 = (n |Pi* g|^2 + n E|Pi* (g_n - g)|^2) / (n |g|^2 + n E|g_n - g|^2),      the two errors n E|.|^2 being the same at every n.

For w uniform on the sphere and large d nearly all of the signal lies in S*, of the error about r / d; the share is a half at n of order d^2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from refimpl.data.targets import Target
from refimpl.errors import Array, DomainError, DtypeError, ShapeError, finite, number, points
from refimpl.population import half_space_moment
from refimpl.sampling_error import sampling_error, sampling_error_along


class Energies(NamedTuple):
    """Squared lengths of g(w_j), and n times the mean ones of g_n(w_j) - g(w_j): their part in S*, and all."""

    signal_inside: Array   # (m,)  |Pi* g|^2
    signal: Array          # (m,)  |g|^2
    error_inside: Array    # (m,)  n E|Pi*(g_n - g)|^2
    error: Array           # (m,)  n E|g_n - g|^2


@np.errstate(over="ignore", invalid="ignore")      # finite() says what overflowed
def energies(target: Target, W: object, b: object, *, varsigma: float = 0.0) -> Energies:
    r"""Signal and error of the first gradient, inside S* and in all directions.

    .. math:: |\Pi^\star g|^2, \quad |g|^2, \quad n\, E|\Pi^\star (g_n - g)|^2, \quad n\, E|g_n - g|^2

    Source
    ------
    The consequence n >= d^2 of DLS22, Lemma 13 and Corollary 34; audited by ``DLS22/n-d2-captured``.

    Parameters
    ----------
    target, W, b, varsigma : as in :func:`refimpl.sampling_error.half_space_second_moment`

    Returns
    -------
    Energies   of four (m,)

    Units
    -----
    The errors are times n.

    Errors
    ------
    As :func:`refimpl.sampling_error.half_space_second_moment`.
    """
    g, S_star = half_space_moment(target, W, b), target.S_star
    return Energies(
        signal_inside=np.sum((g @ S_star.T) ** 2, axis=1),
        signal=np.sum(g**2, axis=1),
        error_inside=np.sum(sampling_error_along(target, W, b, S_star, varsigma=varsigma), axis=1),
        error=sampling_error(target, W, b, varsigma=varsigma),
    )


@np.errstate(over="ignore", invalid="ignore", divide="ignore")      # finite() says what overflowed
def captured_energy(energies: Energies, n: object) -> Array:
    r"""Share of the first gradient's energy that lies in S*.

    .. math:: \frac{E|\Pi^\star g_n|^2}{E|g_n|^2} = \frac{|\Pi^\star g|^2 + E|\Pi^\star(g_n - g)|^2}{|g|^2 + E|g_n - g|^2}

    Source
    ------
    The consequence n >= d^2 of DLS22, Lemma 13 and Corollary 34; audited by ``DLS22/n-d2-captured``.

    Parameters
    ----------
    energies : of :func:`energies`, of each neuron or averaged over neurons; arrays of one shape, or numbers
    n : numbers of samples, any shape, or a number

    Returns
    -------
    array of the shape of ``n`` and then that of the energies

    Units
    -----
    A share; r / d for a direction that knows nothing of S*.

    Errors
    ------
    DomainError   for n <= 0.
    DtypeError, NonFiniteError   as every public function.
    Rounding   4 eps relative.
    """
    n, e = points("n", n), _energies(energies)
    if np.any(n <= 0):
        raise DomainError(f"n = {n[n <= 0].flat[0]}; the number of samples must be positive")
    n = n.reshape(n.shape + (1,) * e.signal.ndim)
    return finite("the share", np.asarray((n * e.signal_inside + e.error_inside) / (n * e.signal + e.error)))[()]


@np.errstate(over="ignore", invalid="ignore")      # finite() says what overflowed
def samples_to_capture(energies: Energies, share: float = 0.5) -> Array:
    r"""The number of samples at which a given share of the energy lies in S*: a real number, not rounded up.

    .. math:: \frac{E|\Pi^\star g_n|^2}{E|g_n|^2} = \text{share} \quad \text{at} \quad
              n = \frac{\text{share}\; n E|g_n - g|^2 - n E|\Pi^\star (g_n - g)|^2}{|\Pi^\star g|^2 - \text{share}\; |g|^2}

    Source
    ------
    Solved for n from :func:`captured_energy`; audited by ``DLS22/n-d2-captured``.

    Parameters
    ----------
    energies : as in :func:`captured_energy`
    share : between 0 and 1

    Returns
    -------
    array of the shape of the energies

    Units
    -----
    Samples. Not positive where the error alone has the share: r / d of it or more.

    Errors
    ------
    DomainError   where the share is that of g itself or more, or there is no signal: no number of samples reaches it.
    DtypeError, NonFiniteError   as every public function.
    Rounding   8 eps of the absolute terms of numerator and denominator.
    """
    share, e = number("share", share), _energies(energies)
    signal, error = e.signal_inside - share * e.signal, share * e.error - e.error_inside
    if np.any(signal <= 0):
        raise DomainError(f"share = {share}; it must lie below |Pi* g|^2 / |g|^2, the share at infinitely many samples")
    return finite("n", np.asarray(error / signal))[()]


def _energies(energies: object) -> Energies:
    """Four arrays of one shape, or four numbers."""
    if not isinstance(energies, Energies):
        raise DtypeError(f"energies is of type {type(energies).__name__}; it must be of type Energies, see refimpl.captured_energy.energies")
    e = Energies(*(points(name, value) for name, value in zip(Energies._fields, energies, strict=True)))
    for name, value in zip(Energies._fields, e, strict=True):
        if value.shape != e.signal.shape:
            raise ShapeError(f"{name} has shape {value.shape} but signal has shape {e.signal.shape}; the four energies must have one shape")
    return e
