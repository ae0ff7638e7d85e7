"""Mutants of a piece of source: each changes one node.

Changed are operators, signs, numbers in arithmetic, limits of sums, indices, the order of products and functions; not messages,
validation, dtypes, seeds, sizes of buffers, slices, annotations, defaults, nor what goes into ``scale=`` and ``tol=``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

SHOWN = 36                 # characters shown on either side of a change
TINY = 1e-9


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
        here = getattr(self.holder, self.field)
        if self.index is None:
            setattr(self.holder, self.field, self.other)
            self.other = here
        else:
            here[self.index], self.other = self.other, here[self.index]

    @property
    def description(self) -> str:
        """``before -> after``, cut to the neighbourhood of the change."""
        before = self._text()
        self.flip()
        after = self._text()
        self.flip()
        return _cut(before, after)

    def _text(self) -> str:
        if not isinstance(self.holder, _COMPOUND) and getattr(self.holder, "arg", "axis") == "axis":     # not here=a + b, but axis=0
            return " ".join(ast.unparse(self.holder).split())
        here = getattr(self.holder, self.field)
        return ast.unparse(here if self.index is None else here[self.index])


_COMPOUND = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.For, ast.While, ast.If, ast.With, ast.Try)


def _cut(before: str, after: str) -> str:
    least = min(len(before), len(after))
    start = next((i for i in range(least) if before[i] != after[i]), least)
    end = next((i for i in range(least - start) if before[-1 - i] != after[-1 - i]), least - start)
    low, high = max(start - SHOWN, 0), max(end - SHOWN, 0)
    return " -> ".join(("..." if low else "") + text[low:len(text) - high] + ("..." if high else "") for text in (before, after))


# ---- which parts of a tree are looked at, and as what

class Part(NamedTuple):
    """A child of a node and what it is: a value, part of a whole number, a limit, an index, the exponent of -1 or an axis."""

    holder: ast.AST
    field: str
    place: int | None
    child: Any
    kind: str = "value"


SKIPPED = frozenset({"scale", "tol", "dtype", "rng", "seed", "least", "why", "keepdims", "strict", "rcond", "shape", "size", "block", "method", "degree"})
SIZES = {"zeros": (0,), "ones": (0,), "empty": (0,), "full": (0,), "eye": (0, 1), "identity": (0,), "reshape": (0, 1, 2, 3),
         "broadcast_to": (1,), "linspace": (2,), "standard_normal": (0,), "integers": (2,), "choice": (1,), "sample": (0,), "isinstance": (0, 1),
         "hermite_coefficients": (0,), "half_line_hermite": (0,), "half_line_moments": (0,), "He_table": (0,),    # how many coefficients
         "gauss_hermite_mean": (2,), "half_space_moment": (5,)}                                                  # how many nodes
LIMITS = frozenset({"range", "arange"})
WHOLE = LIMITS | {"factorial", "comb", "perm", "Fraction", "exponents", "double_factorial", "count", "int", "integers", "round", "He", "he", "He_table",
                  "h", "h_inverse", "homogeneous", "gaussian_moment", "contract", "contract_in_frame", "contract_to_vector"}
_SILENT = (ast.Raise, ast.Assert, ast.JoinedStr, ast.Slice, ast.Import, ast.ImportFrom, ast.expr_context, ast.operator, ast.unaryop,
           ast.boolop, ast.cmpop, ast.arguments, ast.pattern)


def _parts(node: ast.AST) -> Iterator[Part]:
    """The children that may be changed or hold what may."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda() | ast.With():
            yield from _generic(node, "body")
        case ast.If() if validates(node):
            return
        case ast.AnnAssign():
            yield from _generic(node, "value")
        case ast.For() | ast.comprehension():
            yield from _generic(node, "iter", "ifs", "body", "orelse")
        case ast.Subscript():
            yield from _generic(node, "value")
            yield from _indices(node)
        case ast.Call():
            yield from _call(node)
        case ast.BinOp() if _repeated(node):
            yield from _generic(node, "left" if isinstance(node.left, _SEQUENCES) else "right")
        case ast.BinOp(op=ast.FloorDiv() | ast.Mod()):
            yield from (part._replace(kind="whole") for part in _generic(node, "left", "right"))
        case ast.BinOp() if _sign(node):
            yield from _generic(node, "left")
            yield Part(node, "right", None, node.right, "parity")
        case ast.Compare():
            for part in _generic(node, "left", "comparators"):
                yield part._replace(kind="whole" if _whole(part.child) is not None else "value")
        case _:
            yield from _generic(node, *node._fields)


def _generic(node: ast.AST, *fields: str) -> Iterator[Part]:
    for field in fields:
        value = getattr(node, field, None)
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.AST) and not isinstance(child, _SILENT):
                yield Part(node, field, index, child)


def _indices(node: ast.Subscript) -> Iterator[Part]:
    if isinstance(node.slice, ast.Tuple):
        parts = [Part(node.slice, "elts", i, child, "index") for i, child in enumerate(node.slice.elts)]
    else:
        parts = [Part(node, "slice", None, node.slice, "index")]
    for part in parts:
        if not isinstance(part.child, ast.Slice | ast.Starred) and not (isinstance(part.child, ast.Constant) and type(part.child.value) is not int):
            yield part


def _call(node: ast.Call) -> Iterator[Part]:
    name = called(node)
    kind = "whole" if name in WHOLE else "value"
    if isinstance(node.func, ast.Attribute):
        yield Part(node.func, "value", None, node.func.value)
    elif not isinstance(node.func, ast.Name):
        yield Part(node, "func", None, node.func)
    for index, child in enumerate(node.args):
        if index not in SIZES.get(name, ()):
            yield Part(node, "args", index, child, "limit" if name in LIMITS and index < 2 and not isinstance(child, ast.Starred) else kind)
    for keyword in node.keywords:
        if keyword.arg not in SKIPPED:
            yield Part(keyword, "value", None, keyword.value, "axis" if keyword.arg == "axis" else kind)


def validates(node: ast.AST) -> bool:
    """Whether this only refuses: if ...: (prepare a message) raise ..."""
    return isinstance(node, ast.Raise) or (isinstance(node, ast.If) and not node.orelse and isinstance(node.body[-1], ast.Raise))


def called(node: ast.Call) -> str:
    """The last part of the name of what is called; empty where it has none."""
    return str(getattr(node.func, "attr", getattr(node.func, "id", "")))


_SEQUENCES = (ast.List, ast.Tuple, ast.ListComp)


def _repeated(node: ast.BinOp) -> bool:
    """[x] * n: the size of a buffer."""
    return isinstance(node.op, ast.Mult) and isinstance(node.left, _SEQUENCES) != isinstance(node.right, _SEQUENCES)


def _sign(node: ast.AST) -> bool:
    """(-1)^k, its own reciprocal."""
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and _whole(node.left) == -1


def _sequence(node: ast.AST) -> bool:
    return isinstance(node, _SEQUENCES) or (isinstance(node, ast.BinOp) and (_repeated(node) or _sequence(node.left) or _sequence(node.right)))


# ---- the changes

def changes(tree: ast.AST, *, floats: bool) -> list[Change]:
    """All changes below ``tree``, in the order of the source; ``floats``: whole numbers of float arithmetic are moved by 1e-9, too."""
    return [change for part in _parts(tree) for change in _of(part, floats)]


def _of(part: Part, floats: bool) -> Iterator[Change]:
    if part.kind == "axis":
        yield from _axis(part)
    elif part.kind in ("limit", "index", "parity"):
        yield from _moved(part)
    else:
        floats = floats and part.kind == "value"
        yield from _node(part, floats)
        for inner in _parts(part.child):
            yield from _of(inner, floats)


def _node(part: Part, floats: bool) -> Iterator[Change]:
    """The changes of one node itself."""
    node = part.child
    match node:
        case ast.BinOp(op=ast.MatMult()):
            yield _instead(part, ast.BinOp(node.right, node.op, node.left))
        case ast.BinOp() if not _sequence(node) and not (isinstance(node.op, ast.Mult | ast.Div) and _sign(node.right)):
            yield from (Change(node, "op", None, new(), node) for new in OPERATORS.get(type(node.op), ()))
        case ast.AugAssign():
            yield from (Change(node, "op", None, new(), node.value) for new in OPERATORS.get(type(node.op), ()))
        case ast.UnaryOp(op=ast.USub() | ast.Not() | ast.Invert()):
            yield _instead(part, node.operand)
        case ast.BoolOp():
            yield Change(node, "op", None, ast.Or() if isinstance(node.op, ast.And) else ast.And(), node)
        case ast.Compare():
            yield from (Change(node, "ops", i, new(), node) for i, op in enumerate(node.ops) for new in COMPARISONS.get(type(op), ()))
        case ast.Attribute(attr="T"):
            yield _instead(part, node.value)
        case ast.Call():
            yield from (_instead(part, new) for new in _neighbours(node))
        case ast.Constant():
            yield from (_instead(part, ast.Constant(value)) for value in _numbers(node.value, floats))


OPERATORS: dict[type, tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Div,), ast.Div: (ast.Mult,), ast.FloorDiv: (ast.Mult,),
    ast.Mod: (ast.FloorDiv,), ast.Pow: (ast.Mult,), ast.BitAnd: (ast.BitOr,)}
COMPARISONS: dict[type, tuple[type[ast.cmpop], ...]] = {
    ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt), ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,)}


def _instead(part: Part, new: ast.expr) -> Change:
    return Change(part.holder, part.field, part.place, ast.copy_location(new, part.child), part.child)


def _numbers(value: Any, floats: bool) -> list[Any]:
    """Other numbers near this one: plus and minus 1, twice, and a relative 1e-9."""
    if type(value) is complex:
        return [2 * value, value * (1 + TINY)]
    if type(value) is float:
        return [value + 1, value - 1, *([2 * value, value * (1 + TINY)] if value else [])]
    if type(value) is int:
        return [value + 1, value - 1, *([2 * value] if abs(value) > 1 else []), *([value * (1 + TINY)] if value and floats else [])]
    return []


def _moved(part: Part) -> Iterator[Change]:
    """A limit one further and one back, an index or the exponent of -1 one further, and what may change inside it."""
    node = part.child
    yield from (_instead(part, _plus(node, step)) for step in ((1, -1) if part.kind == "limit" else (1,)))
    if _shifted(node):
        yield from _of(Part(node, "left", None, node.left, "whole"), floats=False)
        if part.kind != "parity":
            yield from _node(part, floats=False)
    elif _whole(node) is None:
        yield from _of(part._replace(kind="whole"), floats=False)


def _plus(node: ast.expr, step: int) -> ast.expr:
    """node + step, folded where it ends in a number."""
    if (value := _whole(node)) is not None:
        return ast.Constant(value + step)
    if _shifted(node):
        assert isinstance(node, ast.BinOp)
        sign = 1 if isinstance(node.op, ast.Add) else -1
        return ast.BinOp(node.left, node.op, ast.Constant((_whole(node.right) or 0) + sign * step))
    return ast.BinOp(node, ast.Add() if step > 0 else ast.Sub(), ast.Constant(abs(step)))


def _shifted(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub) and _whole(node.right) is not None


def _whole(node: ast.AST) -> int | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _whole(node.operand)
        return None if value is None else -value
    return node.value if isinstance(node, ast.Constant) and type(node.value) is int else None


def _axis(part: Part) -> Iterator[Change]:
    value = _whole(part.child)
    if value is not None:
        yield _instead(part, ast.Constant(0 if value else 1))


# ---- a function for its neighbour

SWAPS = {"max": "min", "maximum": "minimum", "sin": "cos", "comb": "perm", "ceil": "floor", "zeros": "ones", "zeros_like": "ones_like",
         "erf": "erfc", "all": "any", "argmax": "argmin"}
SWAPS |= {other: name for name, other in SWAPS.items()} | {"exp": "expm1", "log": "log1p", "tanh": "arctan", "logaddexp": "maximum", "prod": "sum"}
METHODS = {"sum": "mean", "mean": "sum", "max": "min", "min": "max", "any": "all", "all": "any"}
DROPPED = frozenset({"abs", "fabs", "sqrt", "sign", "reversed", "sorted", "transpose", "factorial"})
LIBRARIES = frozenset({"np", "numpy", "math", "mp", "mpmath"})


def _neighbours(node: ast.Call) -> Iterator[ast.expr]:
    name, func = called(node), node.func
    library = isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name) and func.value.id in LIBRARIES
    if name in DROPPED and len(node.args) == 1 and not node.keywords and not isinstance(node.args[0], ast.Starred):
        yield node.args[0]
    if isinstance(func, ast.Name) and name in ("max", "min"):
        yield _renamed(node, ast.Name(SWAPS[name], ast.Load()))
    elif isinstance(func, ast.Attribute) and library and (name in SWAPS or name in ("sum", "mean")):
        plain = name == "prod" and isinstance(func.value, ast.Name) and func.value.id == "math"
        yield _renamed(node, ast.Name("sum", ast.Load()) if plain else ast.Attribute(func.value, (METHODS | SWAPS)[name], ast.Load()))
    elif isinstance(func, ast.Attribute) and not library and name in METHODS and not node.args:
        yield _renamed(node, ast.Attribute(func.value, METHODS[name], ast.Load()))


def _renamed(node: ast.Call, func: ast.expr) -> ast.Call:
    return ast.Call(ast.copy_location(func, node.func), node.args, node.keywords)
