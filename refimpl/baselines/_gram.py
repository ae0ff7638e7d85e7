"""What the solvers on a Gram matrix K share: their checks of K, a matrix or a function, and of labels y."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from refimpl.errors import Array, DomainError, DtypeError, ShapeError, Shapes, count, finite, float64

Function: TypeAlias = Callable[[Any], Array]           # V -> K V, or J -> K[:, J]
Product: TypeAlias = Callable[[Array], Array]

SOURCE = "an iterative solver on a Gram matrix"
EPS = 2.0**-52
BLOCK = 256    # of a matrix that is compared with its transpose


def border(K: object, y: object) -> tuple[Product, Array, Shapes]:
    """K as a function, y, and the sizes that they fix."""
    sizes = Shapes(SOURCE)
    y = columns(sizes, "y", y)
    return product_of(K, len(y), sizes)[0], y, sizes


def product_of(K: Any, n: int | None, sizes: Shapes) -> tuple[Product, int]:
    """V -> K V, and n."""
    function, n = function_of(K, n, lambda K: K.dot, sizes)
    return (checked("K", function) if function is K else function), n


def function_of(K: Any, n: int | None, of_matrix: Callable[[Array], Function], sizes: Shapes) -> tuple[Function, int]:
    """K if it is a function, else what ``of_matrix`` makes of it; and n."""
    if callable(K):
        if n is None:
            raise DtypeError("K is a function, so n= must say for how many samples")
        return K, count("n", n, least=1)
    K = gram(sizes, K)
    if n not in (None, len(K)):
        raise ShapeError(f"n = {n} but K has n = {len(K)}; n is for a function K")
    return of_matrix(K), len(K)


def checked(name: str, function: Any) -> Product:
    """The function, with a look at what it returns."""
    if not callable(function):
        raise DtypeError(f"{name} is of type {type(function).__name__}; it must be a function of an array (n,) or (n, k)")

    def call(V: Array) -> Array:
        got = float64(f"{name}(V)", function(V))
        if got.shape != V.shape:
            raise ShapeError(f"{name}(V) has shape {got.shape} but V has shape {V.shape}; it must return a vector for each")
        return finite(f"{name}(V)", got)

    return call


def gram(sizes: Shapes, K: object) -> Array:
    """A finite matrix that is its own transpose, to the bit."""
    K = sizes("K", K, "n", "n")
    if not all(np.array_equal(K[i:i + BLOCK, :i + BLOCK], K[:i + BLOCK, i:i + BLOCK].T) for i in range(0, len(K), BLOCK)):
        i, j = np.argwhere(K != K.T)[0]
        raise DomainError(f"K[{i}, {j}] = {K[i, j]} but K[{j}, {i}] = {K[j, i]}; a Gram matrix is symmetric to the bit, as (K + K.T) / 2 is ({sizes.source})")
    return K


def columns(sizes: Shapes, name: str, y: object) -> Array:
    """(n,) or (n, k)."""
    return sizes(name, y, *("n", "k")[:max(1, getattr(y, "ndim", 1))])
