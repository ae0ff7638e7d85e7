r"""A class F of functions of norm 1, known by their inner products, as a learner of correlational statistical queries meets it.

All that a query h tells about F are its correlations E[f h], those of its part in the span of the functions that it is a combination of. So a
game is exact arithmetic on inner products. A function is known by a name, such as its place in a Gram matrix.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from numbers import Integral
from typing import Any, TypeAlias

from refimpl.errors import DomainError, DtypeError, ShapeError, exact

Name: TypeAlias = Any                                                           # hashable
Combination: TypeAlias = Mapping[Name, Any]


@dataclass(frozen=True, eq=False)
class FunctionClass:
    r"""A class F of functions with E f^2 = 1, known by the inner products of whatever may be asked.

    .. math:: E[f h], \qquad h = \sum_s c_s f_s, \qquad E h^2 \le 1

    Source
    ------
    DLS22, section 3 and Lemma 5; audited by ``DLS22/lemma-5-step`` and ``DLS22/thm-2-class``.

    Parameters
    ----------
    members : the names s of the functions f_s of F
    inner : (s, t) -> E[f_s f_t]   exact, also for names that are no members; it says which names there are

    Units
    -----
    Second moments, no roots: E h^2, and the loss E (g - f)^2 without 1/2.

    Errors
    ------
    ShapeError, DomainError   for no members, the same twice, or E f^2 other than 1.
    DtypeError, NonFiniteError   for a g or h that is no combination of finite numbers, and where an inner product is none.
    Rounding   none: all inner products are rationals.
    """

    members: Sequence[Name]
    inner: Callable[[Name, Name], Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "members", tuple(self.members))
        if not self.members:
            raise ShapeError("members is empty; a class must hold at least one function (DLS22, Lemma 5)")
        if len(set(self.members)) < len(self.members):
            raise DomainError("members holds a function twice; those of a class are told apart by their names (DLS22, Lemma 5)")
        for s in self.members:
            if (square := self.inner(s, s)) != 1:
                raise DomainError(f"E f^2 = {square} for the member {s}; the functions of a class must have E f^2 = 1 (DLS22, Lemma 5)")

    def correlation(self, g: Combination, h: Combination) -> Fraction:
        """E[g h]."""
        g, h = _combination("g", g), _combination("h", h)
        return exact("E[g h]", sum((a * b * self.inner(s, t) for s, a in g.items() for t, b in h.items()), start=Fraction()))

    def losses(self, g: Combination) -> dict[Name, Fraction]:
        """E (g - f)^2 = E g^2 - 2 E[f g] + 1 for every f of the class."""
        size = self.correlation(g, g)
        return {s: size - 2 * self.correlation({s: 1}, g) + 1 for s in self.members}

    def consistent(self, left: Sequence[Name], h: Combination, answer: Any, tau: Any) -> tuple[Name, ...]:
        """Those of ``left`` whose E[f h] lies within tau of the answer, tau itself included."""
        answer, tau = exact("answer", answer), exact("tau", tau)
        return tuple(s for s in left if abs(self.correlation({s: 1}, h) - answer) <= tau)

    def normalised(self, h: Combination) -> dict[Name, Fraction]:
        """h over its norm, or over the next larger multiple of 2^-32 / (denominator of E h^2) where the norm is not rational."""
        h = _combination("h", h)
        square = self.correlation(h, h)
        if square <= 0:
            raise DomainError(f"E h^2 = {square}; a query that is normalised must have a norm above 0")
        whole = 4**32 * square.numerator * square.denominator
        root = math.isqrt(whole)
        root += root**2 < whole
        return {s: c * 2**32 * square.denominator / root for s, c in h.items()}

    @property
    def epsilon(self) -> Fraction:
        """The largest |E[f g]| of two functions of the class; 0 where there is only one."""
        return max((abs(self.inner(s, t)) for s, t in combinations(self.members, 2)), default=Fraction())


def gram_class(G: Sequence[Sequence[Any]]) -> FunctionClass:
    r"""Functions with a given Gram matrix, named 0, 1, 2, ...

    .. math:: G_{ij} = E[f_i f_j]

    Source
    ------
    DLS22, Lemma 5; audited by ``DLS22/lemma-5-step``.

    Parameters
    ----------
    G : (N, N)   symmetric, ones on the diagonal, positive semidefinite (not checked here, see play); int, float, Fraction or fmpq

    Units
    -----
    Inner products.

    Errors
    ------
    ShapeError, DomainError, DtypeError   for a G that is not square, not symmetric, or holds no number; later for a name that is no row of G.
    """
    rows = [[exact(f"G[{i}][{j}]", x) for j, x in enumerate(row)] for i, row in enumerate(G)]
    if any(len(row) != len(rows) for row in rows):
        raise ShapeError(f"G has {len(rows)} rows of lengths {[len(row) for row in rows]}; G must be (N, N) (DLS22, Lemma 5)")
    if any(rows[i][j] != rows[j][i] for i, j in combinations(range(len(rows)), 2)):
        raise DomainError("G is not symmetric; G[i][j] = E[f_i f_j] (DLS22, Lemma 5)")
    return FunctionClass(range(len(rows)), lambda i, j: rows[_row(i, len(rows))][_row(j, len(rows))])


def _row(name: Any, N: int) -> int:
    if isinstance(name, bool) or not isinstance(name, Integral) or not 0 <= int(name) < N:
        raise DomainError(f"{name!r} names no function of this class; its names are those of the rows of G, 0 to {N - 1} (DLS22, Lemma 5)")
    return int(name)


def _combination(name: str, h: Any) -> dict[Name, Fraction]:
    """A copy with exact coefficients."""
    if not isinstance(h, Mapping):
        raise DtypeError(f"{name} is of type {type(h).__name__}; {name} must be a combination, {{name of a function: coefficient}} (DLS22, section 3)")
    return {s: exact(f"{name}[{s!r}]", c) for s, c in h.items()}
