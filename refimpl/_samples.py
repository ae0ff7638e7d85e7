"""Samples in blocks: arrays, memory maps, or a function that makes the same blocks again whenever they are needed.

Every pass checks what it is given, so that no pass sees other samples than the one before, and memory is that of one block.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from refimpl.errors import Array, DomainError, DtypeError, ShapeError, finite, float64, number

Source: TypeAlias = Callable[[], Iterable[tuple[Any, Any]]]
Progress: TypeAlias = Callable[[str, int], None]

BLOCK = 2**14                                         # samples at a time
NO_BLOCK = "X() gave no block; it must return an iterator over pairs (X_block, y_block), a new one whenever it is called (DLS22, Algorithm 1)"


@dataclass(frozen=True)
class Samples:
    """Samples first, ..., last - 1 of a source in checked blocks, as often as they are asked for; ``n`` is their number where it is known."""

    source: Source
    d: int
    block: int = BLOCK
    progress: Progress | None = None
    first: int = 0
    last: int = sys.maxsize
    n: int | None = None

    def blocks(self, stage: str) -> Iterator[tuple[Array, Array]]:
        """X (block, d) and y (block,)."""
        at = seen = 0
        for k, pair in enumerate(self.source()):
            X, y = _block(k, pair, self.d)
            for i in range(max(self.first - at, 0), high := min(self.last - at, len(y)), self.block):
                part = slice(i, min(i + self.block, high))
                where = f"[{at + i}:]" if at + i else ""
                yield finite(f"X{where}", X[part]), finite(f"y{where}", y[part])
                seen += part.stop - part.start
                if self.progress:
                    self.progress(stage, seen)
            at += len(y)
            if at >= self.last:
                break
        if self.n is not None and seen != self.n:
            raise DomainError(f"X() gave {self.n} samples at first and {seen} in a later pass; it must return the same blocks whenever it is called")
        if not seen:
            raise ShapeError(NO_BLOCK)

    def parts(self, split: bool | float) -> tuple[Samples, Samples]:
        """The samples of the first step and those of the head: the same ones where there is no split."""
        if split is False:
            return self, self
        n, share = sum(len(y) for _, y in self.blocks("split")), 0.5 if split is True else number("split", split)
        if not 1 <= (first := int(share * n)) < n:
            raise DomainError(f"split = {split} leaves {first} of n = {n} samples to the first step; either part must hold at least one, 0 < split < 1")
        return replace(self, last=first, n=first), replace(self, first=first, n=n - first)


def _block(k: int, pair: tuple[Any, Any], d: int | None = None) -> tuple[Array, Array]:
    """A block as the source gives it: its types and shapes, before it is cut and its entries are looked at."""
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise DtypeError(f"block {k} of X() is of type {type(pair).__name__}; X() must return an iterator over pairs (X_block, y_block)")
    X, y = (np.asarray(float64(name, value)) for name, value in zip("Xy", pair, strict=True))
    if X.ndim != 2 or y.shape != X.shape[:1] or not X.size or X.shape[1] != (d or X.shape[1]):
        raise ShapeError(f"X has shape {X.shape} and y {y.shape}{f' in block {k}' if k else ''}; they must be (n, d) and (n,)"
                         f"{f' with d = {d}' if d else ''}, with at least one entry (DLS22, Algorithm 1)")
    return X, y


def source_of(X: object, y: object) -> Source:
    """Arrays as a source of one block."""
    if callable(X):
        if y is not None:
            raise DtypeError(f"y is of type {type(y).__name__} beside a function X; X() returns an iterator over pairs (X_block, y_block), so leave y out")
        return X
    if isinstance(X, Iterator):
        raise DtypeError("X is an iterator, which can be read once; pass a function that returns a new one whenever it is called")
    return lambda: [(X, y)]


def dimension(source: Source) -> int:
    """d, from the first block."""
    for k, pair in enumerate(source()):
        return int(_block(k, pair)[0].shape[1])
    raise ShapeError(NO_BLOCK)
