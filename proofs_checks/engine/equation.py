"""The equation of an entry: its own function, the helpers of its module that it names, and the functions of refimpl that these name.

One level: for what those call is the equation of its own entry. A private function has no entry of its own, so it belongs to its public
namesake (``_phi`` to ``phi``) or else to the public ones that name it; so do the functions that an object holds in a field which a method of its class names (``self.dell`` of a Loss).
A name is resolved where it stands; what hangs on a local variable, such as ``at.target.contract``, stands for every public method
or property of that name that the entry calls. What only ``scale=`` or ``tol=`` names does not count.
"""

from __future__ import annotations
import __future__

import ast
import copy
import importlib
import inspect
import linecache
import pkgutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from proofs_checks.engine.mutants import Change, validates

ROOT = Path(__file__).resolve().parents[2]     # files below it are named from here
PROBE = "__reached__"
AUDITED = "refimpl"
APART = ("refimpl.errors", "refimpl._twins", "refimpl.rng", "refimpl.sweeps", "refimpl.experiments", "refimpl.doctor", "refimpl.__main__")
"""Validation, dispatch, streams of random numbers, sweeps and what is drawn: no equation."""
UNCOUNTED = ("scale", "tol")


class MutationError(RuntimeError):
    """Mutants could not be made or run; the message says why."""


@dataclass(eq=False)
class Definition:
    """A function whose ``__code__`` is exchanged, and the tree that its mutants are compiled from."""

    function: FunctionType
    tree: ast.FunctionDef | ast.AsyncFunctionDef
    lines: list[str]
    imports: list[ast.stmt]    # the compiler calls methods of imported names otherwise

    @property
    def file(self) -> str:
        """Its file, below the root of the packages or by its name alone."""
        path = Path(self.function.__code__.co_filename)
        return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name

    @cached_property
    def original(self) -> CodeType:
        """The code that stands there when no mutant does."""
        return self.function.__code__

    def compiled(self, tree: ast.stmt | None = None) -> CodeType:
        """The code of the tree as it is now."""
        tree, code = tree or self.tree, self.original
        if code.co_freevars:
            outer = ast.parse(f"def outer({', '.join(code.co_freevars)}): pass").body[0]
            outer.body = [tree]  # type: ignore[attr-defined]
            tree = outer
        module = ast.fix_missing_locations(ast.Module([*self.imports, tree], []))
        whole = compile(module, code.co_filename, "exec", flags=code.co_flags & _FUTURE, dont_inherit=True)
        return next(found for found in codes_of(whole) if found.co_name == code.co_name)

    def mutated(self, change: Change) -> CodeType | None:
        """The code after the change; None where the bytecode is the same."""
        change.flip()
        try:
            code = self.compiled()
        finally:
            change.flip()
        return None if same(code, self.original) else code

    def probed(self, anchors: dict[ast.expr, int], call: int) -> CodeType:
        """The original that calls PROBE(number, value) wherever an anchor is evaluated, and PROBE(call, None) where it is called."""
        memo: dict[int, Any] = {}
        tree = copy.deepcopy(self.tree, memo)
        _Probed({id(memo[id(anchor)]): number for anchor, number in anchors.items()}).visit(tree)
        tree.body.insert(0, ast.copy_location(ast.Expr(_probe(call, ast.Constant(None))), tree.body[0]))
        return self.compiled(tree)


class _Probed(ast.NodeTransformer):
    def __init__(self, numbers: dict[int, int]) -> None:
        self.numbers = numbers

    def visit(self, node: ast.AST) -> ast.AST:
        visited: ast.AST = self.generic_visit(node)
        if id(node) not in self.numbers or not isinstance(visited, ast.expr):
            return visited
        return ast.copy_location(_probe(self.numbers[id(node)], visited), visited)


def _probe(number: int, value: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(PROBE, ast.Load()), [ast.Constant(number), value], [])


_FUTURE = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)


def codes_of(code: CodeType) -> Iterator[CodeType]:
    """The codes inside a code."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from codes_of(constant)


def same(one: CodeType, other: CodeType) -> bool:
    """Whether two codes do the same: everything but places in the source."""
    return bool(_essence(one) == _essence(other))


def _essence(code: CodeType) -> Any:
    constants = tuple(_essence(c) if isinstance(c, CodeType) else (type(c), c if isinstance(c, frozenset) else repr(c)) for c in code.co_consts)
    return code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, constants


@cache
def definition(function: FunctionType) -> Definition | None:
    """The definition of a function; None where it has no source."""
    code = function.__code__
    lines = linecache.getlines(code.co_filename, function.__globals__)
    functions, imports = _parsed("".join(lines))
    tree = functions.get((code.co_firstlineno, code.co_name))
    if tree is None:
        return None
    tree.decorator_list = []
    found = Definition(function, tree, lines, imports)
    if not same(found.compiled(), found.original):
        raise MutationError(f"{found.file} is no longer the source of {function.__qualname__}; start again")
    return found


@cache
def _parsed(source: str) -> tuple[dict[tuple[int, str], Any], list[ast.stmt]]:
    """The functions of a file by their first line (that of a decorator where there is one) and name; its imports."""
    tree = ast.parse(source)
    functions = {(min([node.lineno, *(d.lineno for d in node.decorator_list)]), node.name): node
                 for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    imports: list[ast.stmt] = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom) and getattr(node, "module", "") != "__future__"]
    return functions, imports


def plain(value: Any) -> FunctionType | None:
    """The Python function inside a property, a partial, a method or a decorator; None where there is none."""
    for wrapper, inner in ((property, "fget"), (cached_property, "func"), (partial, "func"), (staticmethod, "__func__"), (classmethod, "__func__")):
        if isinstance(value, wrapper):
            value = getattr(value, inner)
    value = inspect.unwrap(value) if callable(value) else value
    return value if isinstance(value, FunctionType) else None


# ---- what is named

@dataclass(frozen=True)
class Equation:
    """The functions that an equation is made of.

    ``own``: the body and its helpers. ``named``: functions of refimpl that these name, each with the private ones that belong to it.
    ``guessed``: the same for methods of which only the name is known; those that the entry calls itself are part of the equation.
    """

    own: list[FunctionType]
    named: dict[FunctionType, list[FunctionType]]
    guessed: dict[FunctionType, list[FunctionType]]

    @property
    def functions(self) -> list[FunctionType]:
        """All of them, each once."""
        parts = [self.own, *self.named.values(), *self.guessed.values()]
        return list(dict.fromkeys(function for part in parts for function in part if definition(function)))


def equation(body: Callable[..., Any]) -> Equation:
    """The equation of the entry with this body."""
    if (first := plain(body)) is None:
        return Equation([], {}, {})
    own = list(dict.fromkeys([first, *(f for f in _named(first)[0] if f.__module__ == first.__module__)]))
    sure, guessed = (list(dict.fromkeys(f for function in own for f in _named(function)[i] if _audited(f))) for i in (0, 1))
    return Equation(own, {f: _with_private(f) for f in sure}, {f: _with_private(f) for f in guessed if f not in sure})


def audited() -> dict[str, FunctionType]:
    """Every function and method of the loaded modules of refimpl by its full name, those of APART left out."""
    found = {f"{f.__module__}.{f.__qualname__}": f for module in _modules() for f in functions_of(module)}
    return dict(sorted(found.items()))


def functions_of(module: ModuleType) -> list[FunctionType]:
    """The functions and methods that a module defines."""
    own = [value for value in vars(module).values() if not isinstance(value, type)]
    classes = [value for value in vars(module).values() if isinstance(value, type) and value.__module__ == module.__name__]
    found = map(plain, [*own, *(member for each in classes for member in vars(each).values())])
    return [f for f in found if f and f.__module__ == module.__name__ and f.__name__ != "_work" and definition(f)]      # the rule of sizes of a twin


def load_all() -> None:
    """Import every module of refimpl that can be imported here."""
    package = importlib.import_module(AUDITED)
    for module in pkgutil.walk_packages(package.__path__, f"{AUDITED}."):
        try:
            importlib.import_module(module.name)
        except ImportError:                            # an optional extra is not installed
            continue


def cached_names(owner: type) -> tuple[str, ...]:
    """The cached properties of a class."""
    return tuple(sorted({name for base in owner.__mro__ for name, member in vars(base).items() if isinstance(member, cached_property)}))


def unnamed(bodies: Iterable[Callable[..., Any]]) -> list[str]:
    """The public functions, methods and properties of refimpl that are in the equation of no entry."""
    named = {function for body in bodies for function in equation(body).functions}
    return [name for name, function in audited().items() if function not in named and not any(p.startswith("_") for p in name.split("."))]


def _audited(function: FunctionType) -> bool:
    return _audits(function.__module__)


def _audits(module: str) -> bool:
    return module.partition(".")[0] == AUDITED and not any(module == apart or module.startswith(f"{apart}.") for apart in APART)


def _modules() -> list[ModuleType]:
    return [module for name, module in sorted(sys.modules.items()) if _audits(name)]


def _named(function: FunctionType) -> tuple[list[FunctionType], list[FunctionType]]:
    """The functions that the source of this one names, and the methods that it may mean; the same until another module is loaded."""
    return _named_among(function, len(sys.modules))


@cache
def _named_among(function: FunctionType, loaded: int) -> tuple[list[FunctionType], list[FunctionType]]:
    found, scope = definition(function), function.__globals__
    nodes = list(_names(found.tree)) if found else []
    known = [_resolved(node, scope) for node in nodes]
    guesses = [member for node, value in zip(nodes, known, strict=True) if value is None and isinstance(node, ast.Attribute)
               for member in _members(loaded).get(node.attr, [])]
    sure, unsure = ([f for f in map(plain, values) if f and f is not function] for values in (known, guesses))
    return sure, unsure


def _names(node: ast.AST) -> Iterator[ast.expr]:
    """Names and attributes that are read, outside scale= and tol= and validation."""
    for child in ast.iter_child_nodes(node):
        if not validates(child) and not (isinstance(child, ast.keyword) and child.arg in UNCOUNTED):
            if isinstance(child, ast.Name | ast.Attribute) and isinstance(child.ctx, ast.Load):
                yield child
            yield from _names(child)


def _resolved(node: ast.expr, scope: dict[str, Any]) -> Any:
    """The object of a name, or of an attribute of a module, a class or an object of refimpl; None where that is not known."""
    if isinstance(node, ast.Name):
        return scope.get(node.id)
    if not isinstance(node, ast.Attribute) or (owner := _resolved(node.value, scope)) is None:
        return None
    if isinstance(owner, ModuleType):
        return getattr(owner, node.attr, None)
    return inspect.getattr_static(owner, node.attr, None)


@cache
def _members(loaded: int) -> dict[str, list[Any]]:
    """The public methods and properties of the public classes of refimpl, by name, when this many modules are loaded."""
    found: dict[str, list[Any]] = {}
    for module in _modules():
        for value in vars(module).values():
            if isinstance(value, type) and value.__module__ == module.__name__ and not value.__name__.startswith("_"):
                for name, member in vars(value).items():
                    if not name.startswith("_") and plain(member):
                        found.setdefault(name, []).append(member)
    return found


def _with_private(function: FunctionType) -> list[FunctionType]:
    """The function and the private ones of its module that it names, they name, and so on."""
    found = [function]
    for here in found:
        found += [f for f in _private(here) if f not in found]
    return found


def _private(function: FunctionType) -> list[FunctionType]:
    known, scope = definition(function), function.__globals__
    owner = scope.get(function.__qualname__.partition(".")[0])
    members = vars(owner) if isinstance(owner, type) else {}
    values: list[Any] = []
    for node in _names(known.tree) if known else ():
        if isinstance(node, ast.Name) and node.id.startswith("_") and node.id[1:] not in (scope.keys() - {function.__name__}):
            values.append(scope.get(node.id))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
            values += [members[node.attr]] if node.attr.startswith("_") and node.attr in members else []
            values += [inspect.getattr_static(held, node.attr, None) for held in scope.values() if isinstance(owner, type) and type(held) is owner]
    return [f for f in map(plain, values) if f and f.__module__ == function.__module__]


# ---- values that functions keep

def caches(bodies: Iterable[Callable[..., Any]]) -> list[tuple[Any, set[str]]]:
    """Functions with a functools.cache, each with the names of all functions that it may run."""
    names = {body.__module__ for body in bodies}
    modules = [module for name, module in sorted(sys.modules.items())
               if name != "refimpl._twins" and (name in names or name.startswith(("refimpl.", "proofs_checks.papers.")))]
    wrappers = {id(value): value for module in modules for value in vars(module).values()
                if hasattr(value, "cache_clear") and hasattr(value, "__wrapped__")}
    return [(wrapper, _mentioned(wrapper.__wrapped__)) for wrapper in wrappers.values()]


def _mentioned(function: FunctionType) -> set[str]:
    """The names in a function, in the functions of these names, and so on."""
    by_name: dict[str, list[FunctionType]] = {}
    for other in audited().values():
        by_name.setdefault(other.__name__, []).append(other)
    names, functions = {function.__name__}, [function]
    for here in functions:
        for name in (name for code in (here.__code__, *codes_of(here.__code__)) for name in code.co_names if name not in names):
            names.add(name)
            functions += [f for f in (plain(here.__globals__.get(name)), *by_name.get(name, [])) if f and f not in functions]
    return names
