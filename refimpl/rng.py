"""Random numbers: one generator per name, so that adding a draw somewhere moves no draw elsewhere.

``stream(seed, "DLS22/thm-1")`` depends on the seed and the name alone. There is no global state, and no function
of the package draws without being handed ``rng=``.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from refimpl._twins import twin
from refimpl.errors import Array, DomainError, DtypeError, count

Seed: TypeAlias = int | np.random.SeedSequence | np.random.Generator


def generator(rng: Seed) -> np.random.Generator:
    """The generator of ``rng``: a Generator is used (and advanced), a SeedSequence or an int >= 0 starts a new one.

    Source
    ------
    A convention of this package, not of a paper; audited by ``DLS22/eq-init``, whose draws come through it.

    Units
    -----
    None; the bits are PCG64's, the default of NumPy.

    Errors
    ------
    DtypeError, DomainError   for None (there is no global state), a truth value, a float, a negative int.
    """
    if isinstance(rng, np.random.Generator | np.random.SeedSequence):
        return np.random.default_rng(rng)
    if rng is None:
        raise DtypeError("rng is None; pass rng=0 (an int), a SeedSequence or a Generator, so that the draw can be repeated")
    return np.random.default_rng(count("rng", rng, least=0))


def stream(seed: int | np.random.SeedSequence, name: str) -> np.random.Generator:
    """The generator of the stream ``name`` under ``seed``: the same bits whatever other streams exist.

    The spawn key is the SHA-256 of the name, appended to the seed's own key.

    Source
    ------
    A convention of this package; audited by ``DLS22/asm-data``, whose samples come through it.

    Units
    -----
    None.

    Errors
    ------
    DtypeError, DomainError   for a seed that is neither a SeedSequence nor an int >= 0, and an empty name.
    """
    if not isinstance(name, str) or not name:
        raise DomainError(f"name = {name!r}; a stream is named by a non-empty string such as 'DLS22/thm-1'")
    root = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(count("seed", seed, least=0))
    words = np.frombuffer(hashlib.sha256(name.encode()).digest(), dtype="<u4")
    key = (*root.spawn_key, *(int(word) for word in words))
    return np.random.default_rng(np.random.SeedSequence(root.entropy, spawn_key=key, pool_size=root.pool_size))


def _normal_border(shape: int | Sequence[int], *, rng: Seed) -> tuple[tuple[int, ...], np.random.Generator]:
    sizes = shape if isinstance(shape, Sequence) else (shape,)
    return tuple(count("a size in shape", size, least=0) for size in sizes), generator(rng)


@twin(border=_normal_border, work=lambda shape, rng: 30 * math.prod(shape), looks=True)   # NumPy draws 1e8 a second
def standard_normal(shape: tuple[int, ...], *, rng: np.random.Generator) -> Array:
    """Independent draws from N(0, 1): the bits of ``rng.standard_normal(shape)``, whichever implementation is chosen.

    Source
    ------
    NumPy's ziggurat; audited by ``DLS22/asm-data``, whose samples come through it.

    Parameters
    ----------
    shape : int or tuple of ints >= 0
    rng : Generator, SeedSequence or int   a Generator is advanced, and equally far under either implementation

    Returns
    -------
    array of that shape, in C order

    Units
    -----
    Mean 0, variance 1.

    Errors
    ------
    DtypeError, DomainError   for a shape that is no size or tuple of sizes, and as :func:`generator`.
    """
    return rng.standard_normal(shape)
