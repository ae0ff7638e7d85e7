"""An inequality over a whole box, by certified subdivision: every piece is a ball, and a ball decides for all its points."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from proofs_checks.engine.evidence import EvidenceError

Box = tuple[tuple[Any, Any], ...]
PIECES = 20_000         # beyond so many pieces the inequality is too close to an equality to be decided


def holds_on(box: Sequence[tuple[float, float]], value: Callable[..., Any], bound: Callable[..., Any]) -> bool | None:
    """True where value <= bound is certified on all of the box, False where it is refuted on a piece, None where neither is."""
    from flint import arb

    value, bound = _Side(value), _Side(bound)
    pieces: list[Box] = [tuple((arb(low), arb(high)) for low, high in box)]
    for corner in zip(*pieces[0], strict=True):             # so that a number which varies is noticed before it decides anything
        bound(*corner), value(*corner)
    for _ in range(PIECES):
        if not pieces:
            return True
        piece = pieces.pop()
        balls = [low.union(high) for low, high in piece]
        gap = bound(*balls) - value(*balls)
        if gap < 0:
            return False
        if not gap >= 0:
            if _refuted_at_a_point(piece, value, bound):
                return False
            pieces += _halves(piece)
    return None


def _refuted_at_a_point(piece: Box, value: Callable[..., Any], bound: Callable[..., Any]) -> bool:
    middle = [(low + high) / 2 for low, high in piece]
    return bool(bound(*middle) - value(*middle) < 0)


class _Side:
    """One side of the inequality as a ball. A constant may be a plain number; a number that varies has forgotten the width of its ball."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.constant: Any = None

    def __call__(self, *balls: Any) -> Any:
        from flint import arb

        x = self.function(*balls)
        if not isinstance(x, arb):
            self.constant = x if self.constant is None else self.constant
            if x != self.constant or not isinstance(x, int | float):
                raise EvidenceError(f"a side of the inequality returned {x!r} of type {type(x).__name__}; write it with arb, "
                                    f"whose functions keep the enclosure")
        return arb(x)


def _halves(piece: Box) -> list[Box]:
    """The piece cut in the middle of each side."""
    cuts = [((low, (low + high) / 2), ((low + high) / 2, high)) for low, high in piece]
    return [tuple(choice) for choice in itertools.product(*cuts)]
