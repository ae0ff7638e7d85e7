"""One node of a function changed: which changes its source allows, and the code that results.

Changed are operators, signs, numbers in arithmetic, limits of sums, indices, the order of products and functions; not messages,
validation, dtypes, seeds, sizes of buffers, slices, annotations, defaults, nor what goes into ``scale=`` and ``tol=``.
"""

from __future__ import annotations

import __future__

import ast
import copy
import linecache
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, TypeAlias

ROOT = Path(__file__).resolve().parents[2]     # files below it are named from here
PROBE = "__reached__"
SHOWN = 36                                     # characters shown on either side of a change
TINY = 1e-9


class MutationError(RuntimeError):
    """Mutants could not be made or run; the message says why."""


@dataclass(eq=False)
class Change:
    """What stands at a place of ``holder``, and what takes turns with it."""

    holder: ast.AST
    field: str
    index: int | None
    other: ast.AST
    anchor: ast.expr           # the change is reached where this is evaluated

    def flip(self) -> None:
        """Make the change, or take it back."""
        values = getattr(self.holder, self.field)
        if self.index is None:
            self.other = values
            setattr(self.holder, self.field, other)
        else:
            values[self.index], self.other = self.other, values[self.index]

    @property
    def description(self) -> str:
        """``before -> after``, cut to the neighbourhood of the change."""
        before = self._text()
        self.flip()
        after = self._text()
        self.flip()
        return _cut(before, after)

    def _text(self) -> str:
        if not isinstance(self.holder, _COMPOUND):
            return ast.unparse(self.holder).strip()
        value = getattr(self.holder, self.field)
        return ast.unparse(value if self.index is None else value[self.index])


_COMPOUND = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.For, ast.While, ast.If, ast.With, ast.Try)


def _cut(before: str, after: str) -> str:
    least = min(len(before), len(after))
    start = next((i for i in range(least) if before[i] != after[i]), least)
    end = next((i for i in range(least - start) if before[-1 - i] != after[-1 - i]), least - start)
    low, high = max(start - SHOWN, 0), max(end - SHOWN, 0)
    texts = (("..." if low else "") + text[low:len(text) - high] + ("..." if high else "") for text in (before, after))
    return " -> ".join(texts)


# ---- which parts of a tree are looked at, and as what

Part: TypeAlias = tuple[str, int | None, ast.AST, str]     # field, index, child; kind: value, whole, limit, index or axis

SKIPPED = frozenset({"scale", "tol", "dtype", "rng", "seed", "least", "why", "keepdims", "strict", "rcond", "shape", "size", "method"})
SIZES = {"zeros": (0,), "ones": (0,), "empty": (0,), "full": (0,), "eye": (0, 1), "identity": (0,), "reshape": (0, 1, 2, 3), "broadcast_to": (1,),
         "standard_normal": (0,), "isinstance": (0, 1)}
LIMITS = frozenset({"range", "arange"})
WHOLE = frozenset({"factorial", "comb", "perm", "Fraction", "exponents", "double_factorial", "count", "int", "round", "He", "he", "He_table", "h",
                   "h_inverse", "homogeneous", "gaussian_moment", "contract", "contract_in_frame", "contract_to_vector", "range", "arange"})
_SILENT = (ast.Raise, ast.Assert, ast.JoinedStr, ast.Slice, ast.Import, ast.ImportFrom, ast.expr_context, ast.operator, ast.cmpop, ast.arguments)


def _parts(node: ast.AST) -> Iterator[Part]:
    """The children that may be changed or hold what may."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda() | ast.With():
            yield from _generic(node, "body")
        case ast.If() if not node.orelse and all(isinstance(step, ast.Raise) for step in node.body):
            return
        case ast.AnnAssign():
            yield from _generic(node, "value")
        case ast.For() | ast.comprehension():
            yield from _generic(node, "iter", "ifs", "body", "orelse")
        case ast.Subscript():
            yield "value", None, node.value, "value"
            yield from _indices(node)
        case ast.Call():
            yield from _call(node)
        case ast.BinOp() if _repeated(node):
            yield from _generic(node, "left" if isinstance(node.left, _SEQUENCES) else "right")
        case _:
            yield from _generic(node, *node._fields)


def _generic(node: ast.AST, *fields: str) -> Iterator[Part]:
    for field in fields:
        value = getattr(node, field, None)
        for index, child in enumerate(value) if isinstance(value, list) else ((None, value),):
            if isinstance(child, ast.AST) and not isinstance(child, _SILENT):
                yield field, index, child, "value"


def _indices(node: ast.Subscript) -> Iterator[Part]:
    holder, field, entries = (node.slice, "elts", node.slice.elts) if isinstance(node.slice, ast.Tuple) else (node, "slice", [node.slice])
    for index, child in enumerate(entries):
        if not isinstance(child, ast.Slice | ast.Starred) and not (isinstance(child, ast.Constant) and type(child.value) is not int):
            yield field, (None if holder is node else index), child, "index"


def _call(node: ast.Call) -> Iterator[Part]:
    name = called(node)
    if isinstance(node.func, ast.Attribute):
        yield "func", None, node.func, "value"
    for index, child in enumerate(node.args):
        if index not in SIZES.get(name, ()):
            limit = name in LIMITS and index < 2 and not isinstance(child, ast.Starred)
            yield "args", index, child, "limit" if limit else "whole" if name in WHOLE else "value"
    for index, keyword in enumerate(node.keywords):
        if keyword.arg not in SKIPPED:
            yield "keywords", index, keyword, "axis" if keyword.arg == "axis" else "whole" if name in WHOLE else "value"


def called(node: ast.Call) -> str:
    """The last part of the name of what is called; empty where it has none."""
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


_SEQUENCES = (ast.List, ast.Tuple, ast.ListComp)


def _repeated(node: ast.BinOp) -> bool:
    """[x] * n, the size of a buffer."""
    return isinstance(node.op, ast.Mult) and isinstance(node.left, _SEQUENCES) != isinstance(node.right, _SEQUENCES)


def _sequence(node: ast.AST) -> bool:
    return isinstance(node, _SEQUENCES) or (isinstance(node, ast.BinOp) and (_repeated(node) or _sequence(node.left) or _sequence(node.right)))


# ---- the changes

def changes(tree: ast.AST, *, floats: bool) -> list[Change]:
    """All changes below ``tree``, in the order of the source; ``floats``: whole numbers of float arithmetic are moved by 1e-9, too."""
    return [change for part in _parts(tree) for change in _below(tree, part, floats)]


def _below(holder: ast.AST, part: Part, floats: bool) -> Iterator[Change]:
    field, index, child, kind = part
    floats = floats and kind == "value"
    if isinstance(child, ast.Tuple) and isinstance(holder, ast.Subscript):
        holder, field = child, "elts"
    if kind in ("limit", "index"):
        yield from _moved(holder, field, index, child)
    elif kind == "axis":
        yield from _axis(child)
    else:
        yield from _here(holder, field, index, child, floats)
        for inner in _parts(child):
            yield from _below(child, inner, floats)
