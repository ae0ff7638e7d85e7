"""Errors that finish the reader's sentence, and the checks at the public border.

Every public function validates its arguments once, here; inner code assumes. A message says what is wrong,
the name and the value, and what the paper wants::

    ShapeError: W has shape (5, 3) but X has d = 4 columns; W must be (m, d) (DLS22, section 2)

Nothing is cast and nothing is broadcast: an integer or float32 array is an error, a Python number is fine.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from numbers import Integral, Rational, Real
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]


class ShapeError(ValueError):
    """Two arrays disagree in a size, or an array has the wrong number of axes, or none of the entries it needs."""


class DomainError(ValueError):
    """A value lies outside the set over which the formula is stated."""


class NonFiniteError(ValueError):
    """A NaN or an infinity, in an input or in a result, with the place where it was seen."""


class NotConvergedError(ValueError):
    """The iterations that were allowed did not reach the residual that was asked for."""


class DtypeError(TypeError):
    """An argument of another type than the one the function is stated for."""


class Shapes:
    """The sizes n, d, m, ... of one call: the first array that carries a letter fixes it, later ones must agree.

    ``sizes = Shapes("DLS22, section 2"); X = sizes("X", X, "n", "d"); W = sizes("W", W, "m", "d")``
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self._fixed: dict[str, tuple[int, str]] = {}

    def __call__(self, name: str, value: object, *letters: str) -> Array:
        """``value`` as a finite float64 array of shape ``letters``, or the error that says why not."""
        array = float64(name, value)
        wanted = f"({', '.join(letters)}{',' if len(letters) == 1 else ''})"
        if array.ndim != len(letters):
            raise ShapeError(f"{name} has shape {array.shape}; {name} must be {wanted} ({self.source})")
        for axis, letter in enumerate(letters):
            self._agree(name, array.shape, axis, letter, wanted)
        return finite(name, array)

    def _agree(self, name: str, shape: tuple[int, ...], axis: int, letter: str, wanted: str) -> None:
        size = shape[axis]
        if size == 0:
            raise ShapeError(f"{name} has shape {shape}, so {letter} = 0; {name} must be {wanted} with at least one entry ({self.source})")
        fixed, by = self._fixed.setdefault(letter, (size, name))
        if fixed != size:
            raise ShapeError(f"{name} has shape {shape} but {by} has {letter} = {fixed}; {name} must be {wanted} ({self.source})")


def float64(name: str, value: object) -> Array:
    """``value`` if it is a float64 array; never a cast."""
    if not isinstance(value, np.ndarray):
        raise DtypeError(f"{name} is of type {type(value).__name__}; {name} must be a float64 array (numpy.asarray(..., dtype=float) makes one)")
    if value.dtype != np.float64:
        raise DtypeError(f"{name} has dtype {value.dtype}; {name} must be float64, and nothing is cast silently ({name}.astype(float) does it aloud)")
    return value


def finite(name: str, array: Array) -> Array:
    """``array`` if all its entries are finite, else where the first is that is not."""
    if not np.isfinite(array).all():
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        place = f"{name}[{', '.join(map(str, at))}]" if at else name
        raise NonFiniteError(f"{place} = {array[at]}; {name} must be finite")
    return array


def points(name: str, value: object) -> Array:
    """A finite float64 array of any shape, or a Python number as a 0-d array: where a function acts entry by entry."""
    if isinstance(value, np.ndarray):
        return finite(name, float64(name, value))
    return np.asarray(number(name, value))


def number(name: str, value: Any) -> float:
    """A finite real number as a float."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise DtypeError(f"{name} = {value!r} is of type {type(value).__name__}; {name} must be a real number")
    result = rounded(name, value)
    if result != value and "float" in type(value).__name__:          # a long double; a Fraction has no other float
        raise DtypeError(f"{name} = {value!r} is of type {type(value).__name__} and no float64; nothing is cast silently (float({name}) rounds it aloud)")
    return result


def rounded(name: str, value: Any) -> float:
    """An exact number as the nearest float, or the error that says it has none."""
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        said = str(value)
        raise NonFiniteError(f"{name} = {said if len(said) < 40 else said[:20] + '...'}; {name} must be finite, as a float")
    return result


def count(name: str, value: object, *, least: int, why: str = "") -> int:
    """A whole number of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise DtypeError(f"{name} = {value!r} is of type {type(value).__name__}; {name} must be a whole number")
    if value < least:
        raise DomainError(f"{name} = {value}; {name} must be at least {least}{f' ({why})' if why else ''}")
    return int(value)


def settled(now: Array, before: Array, *, tol: Array) -> bool:
    """Whether a refinement has moved every entry by at most ``tol``."""
    return bool(np.all(np.abs(now - before) <= tol))


def coefficients(name: str, value: object) -> Array:
    """A finite, non-empty float64 vector c_0, ..., c_K; a list or tuple of Python numbers is fine."""
    if isinstance(value, np.ndarray):
        array = float64(name, value)
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes | dict):
        array = np.array([number(f"{name}[{k}]", entry) for k, entry in enumerate(value)], dtype=float)
    else:
        raise DtypeError(f"{name} is of type {type(value).__name__}; {name} must be a float64 vector or a list of numbers")
    if array.ndim != 1 or array.size == 0:
        raise ShapeError(f"{name} has shape {array.shape}; {name} must hold c_0, ..., c_K, so at least one entry")
    return finite(name, array)


def exact(name: str, value: Any) -> Fraction:
    """``value`` as a Fraction: int, Fraction and fmpq exactly as they come, a float as the dyadic fraction it is."""
    if isinstance(value, Real) and not isinstance(value, Rational | bool):
        return Fraction(number(name, value))
    numerator, denominator = getattr(value, "numerator", None), getattr(value, "denominator", None)
    if isinstance(value, bool | np.ndarray) or numerator is None or denominator is None:
        raise DtypeError(f"{name} = {value!r} is of type {type(value).__name__}; {name} must be an int, float, Fraction or fmpq")
    return Fraction(int(numerator), int(denominator))
