"""Losses of a prediction f against a label y, with their derivative in f beside them.

The mean over samples has no factor 1/2 anywhere: the papers' square loss is (1/n) sum (f - y)^2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from refimpl.errors import Array, DomainError, Shapes, finite


@dataclass(frozen=True)
class Loss:
    r"""A loss ell(f, y) and d ell / d f.

    .. math:: L = \frac{1}{n} \sum_{i=1}^{n} \ell(f_i, y_i)

    Source
    ------
    DLS22, section 2 (square, absolute); SWL22, section 3 (hinge); SWL23 (logistic, recalled). Audited by ``DLS22/losses``.

    Parameters
    ----------
    name : the name that reports show
    ell, dell : functions of arrays f and y, sample by sample
    signs : whether labels must be -1 or +1

    Returns
    -------
    an object with ``value`` and ``derivative``

    Units
    -----
    ``value`` is the mean over samples, ``derivative`` is per sample and not divided by n. No factor 1/2.

    Errors
    ------
    ShapeError, DtypeError, NonFiniteError   for f and y that are not float64 vectors of one length.
    DomainError   for a label other than -1 and +1 where ``signs``.
    Rounding   with exp and log1p within 1 ulp, relative, a number below 2^-1022 counting as 2^-1022: ell square 2 eps, absolute and hinge
    1 eps, logistic 3 eps, and n/2 eps more for the mean, whose terms are at least 0; ``derivative`` square 1 eps, logistic 3 eps, else exact.
    """

    name: str
    ell: Callable[[Array, Array], Array]
    dell: Callable[[Array, Array], Array]
    signs: bool = False

    def value(self, f: object, y: object) -> float:
        """The mean of ell(f_i, y_i)."""
        with np.errstate(over="ignore"):               # finite() says so
            return float(finite(f"the {self.name} loss", np.asarray(np.mean(self.ell(*self._border(f, y))))))

    def derivative(self, f: object, y: object) -> Array:
        """d ell / d f at each (f_i, y_i), shape (n,)."""
        with np.errstate(over="ignore"):
            return finite(f"the derivative of the {self.name} loss", self.dell(*self._border(f, y)))

    def _border(self, f: object, y: object) -> tuple[Array, Array]:
        sizes = Shapes("a loss takes one prediction a label")
        f, y = sizes("f", f, "n"), sizes("y", y, "n")
        self.check_labels(y)
        return f, y

    def check_labels(self, y: Array) -> None:
        """DomainError where this loss wants signs and y holds another number."""
        if self.signs and (bad := np.flatnonzero(np.abs(y) != 1)).size:
            raise DomainError(f"y[{bad[0]}] = {y[bad[0]]}; the {self.name} loss takes labels -1 and +1")


def _square(f: Array, y: Array) -> Array:
    return (f - y) ** 2


def _dsquare(f: Array, y: Array) -> Array:
    return 2 * (f - y)


def _absolute(f: Array, y: Array) -> Array:
    return np.abs(f - y)


def _dabsolute(f: Array, y: Array) -> Array:
    return np.sign(f - y)                              # 0 at f = y, the middle of the subgradient


def _hinge(f: Array, y: Array) -> Array:
    return np.maximum(1 - y * f, 0.0)


def _dhinge(f: Array, y: Array) -> Array:
    return -y * (y * f <= 1)                           # SWL22's indicator I[y g <= 1]: the kink counts as active


def _logistic(f: Array, y: Array) -> Array:
    return np.logaddexp(0.0, -y * f)


def _dlogistic(f: Array, y: Array) -> Array:
    t = -y * f
    return np.asarray(-y * np.exp(np.minimum(t, 0.0)) / (1 + np.exp(-np.abs(t))))      # e^t / (1 + e^t), without overflow


SQUARE = Loss("square", _square, _dsquare)
ABSOLUTE = Loss("absolute", _absolute, _dabsolute)
HINGE = Loss("hinge", _hinge, _dhinge, signs=True)
LOGISTIC = Loss("logistic", _logistic, _dlogistic, signs=True)
