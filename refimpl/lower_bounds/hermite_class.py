r"""Theorem 2's class: Hermite polynomials of nearly orthogonal directions, and the tolerance that queries need to tell them apart.

    F_p = {He_p(v.x) / sqrt(p!) : v in S},  |v| = 1,        E[f_v f_w] = (v.w)^p,        |v.w| <= epsilon for v != w.

A function has the name w for <(w / |v|)^{otimes p}, He_p(x)> / sqrt(p!), which is f_v(x) = He_p(v.x / |v|) / sqrt(p!) where w = v is a member.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from itertools import repeat
from numbers import Integral, Rational
from operator import mul
from typing import Any

import numpy as np
import numpy.typing as npt

from refimpl.errors import DomainError, DtypeError, NotConvergedError, ShapeError, count, exact, number
from refimpl.lower_bounds.function_class import FunctionClass
from refimpl.rng import Seed, generator

DRAWS = 1024                                                                    # of packing, for each vector that is wanted


def hermite_class(V: Sequence[Sequence[Any]] | npt.NDArray[np.int64], p: int) -> FunctionClass:
    r"""Theorem 2's class of polynomials of degree p of one direction each.

    .. math:: F_p = \{He_p(v \cdot x)/\sqrt{p!} : v \in S\}, \qquad E[f_v f_w] = (v \cdot w)^p

    Source
    ------
    DLS22, section 3, Theorem 2; audited by ``DLS22/thm-2-class``.

    Parameters
    ----------
    V : (N, d)   the directions times one common length: whole numbers with the same |v|^2, such as signs; named by their rows as tuples
    p : degree, at least 1

    Units
    -----
    E f^2 = 1. Any w may be asked about: <(w/|v|)^{otimes p}, He_p(x)> / sqrt(p!) has the second moment (|w|/|v|)^{2p}.

    Errors
    ------
    ShapeError, DomainError, DtypeError   for rows of different lengths |v|, of different d, or equal ones; later for a w that is no direction of R^d.
    """
    p = count("p", p, least=1, why="F_0 holds one function")
    rows = [tuple(_whole(f"V[{i}][{j}]", x) for j, x in enumerate(row)) for i, row in enumerate(V)]
    if not rows or len({len(row) for row in rows}) != 1 or not rows[0]:
        raise ShapeError(f"V has rows of lengths {[len(row) for row in rows]}; V must be (N, d) (DLS22, Theorem 2)")
    v, *_ = rows
    square, direction = _dot(v, v), partial(_direction, d=len(v))
    for i, row in enumerate(rows):
        if _dot(row, row) != square or not square:
            raise DomainError(f"V[{i}] has |v|^2 = {_dot(row, row)} but V[0] has {square}; the rows must be unit vectors times one length (DLS22, Theorem 2)")
    return FunctionClass(rows, lambda v, w: (_dot(direction(v), direction(w)) / Fraction(square)) ** p)


def _direction(w: Any, *, d: int) -> Sequence[Any]:
    if not isinstance(w, tuple) or len(w) != d:
        raise ShapeError(f"{w!r} names no function of x in R^d, d = {d}; a name must be a tuple of {d} numbers (DLS22, Theorem 2)")
    for i, x in enumerate(w):
        if isinstance(x, bool) or not isinstance(x, Rational):
            raise DtypeError(f"w[{i}] = {x!r} is of type {type(x).__name__}; a direction must hold int or Fraction (DLS22, Theorem 2)")
    return w


def _whole(name: str, x: Any) -> int:
    if isinstance(x, bool) or not isinstance(x, Integral):
        raise DtypeError(f"{name} = {x!r} is of type {type(x).__name__}; V must hold whole numbers, such as the signs of packing (DLS22, Theorem 2)")
    return int(x)


def _dot(v: Sequence[Any], w: Sequence[Any]) -> Any:
    return sum(map(mul, v, w))


def packing(d: int, epsilon: Any, *, rng: Seed, size: int | None = None) -> npt.NDArray[np.int64]:
    r"""Signs with |v.w| <= epsilon for v = s / sqrt(d): Lemma 6 with c = 1/4, by rejection.

    .. math:: |v \cdot w| \le \epsilon, \qquad N - 1 < e^{\epsilon^2 d/4}/2 \le N

    Signs obey the lemma's tail, Pr[|v.w| > epsilon] <= 2 exp(-epsilon^2 d/2), so a draw is refused with probability at most 1/2.

    Source
    ------
    DLS22, Lemma 6; audited by ``DLS22/lemma-6`` and ``DLS22/lemma-6-signs``.

    Parameters
    ----------
    d : dimension
    epsilon : 0 <= epsilon < 1, exact (a float is the dyadic fraction it is)
    size : N   more or fewer than the lemma's, which need not exist

    Returns
    -------
    (N, d)   +1 and -1, int64; every pair compared in integers

    Units
    -----
    The directions are the rows over sqrt(d).

    Errors
    ------
    DomainError, DtypeError   for a d below 1, an epsilon outside [0, 1), a lemma's size above e^40 / 2.
    NotConvergedError   after 1024 N draws, which for the lemma's own size has a probability below 2^-1000.
    """
    d, epsilon, rng = count("d", d, least=1), exact("epsilon", epsilon), generator(rng)
    if not 0 <= epsilon < 1:
        raise DomainError(f"epsilon = {epsilon}; two unit vectors are kept apart by 0 <= epsilon < 1 (DLS22, Lemma 6)")
    if size is None and epsilon**2 * d > 160:
        raise DomainError(f"d = {d} and epsilon = {epsilon}: Lemma 6 has e^{float(epsilon**2 * d / 4):.4g} / 2 directions, too many to list; give a size")
    size = math.ceil(math.exp(epsilon**2 * d / 4) / 2) if size is None else count("size", size, least=1)
    kept = np.empty((0, d), dtype=np.int64)
    for _ in repeat(None, DRAWS * size):
        s = 2 * rng.integers(0, 2, (1, d)) - 1
        if np.all(np.abs(kept @ s[0]) <= math.floor(epsilon * d)):
            kept = np.concatenate([kept, s])
        if len(kept) == size:
            return kept
    raise NotConvergedError(f"size = {size}: {len(kept)} signs with |v.w| <= {epsilon} were found in {DRAWS * size} draws; fewer exist, or are rare")


def overlap(q: int, d: int, p: int, *, c: float = 0.25) -> float:
    r"""The epsilon at which Theorem 2 packs its directions.

    .. math:: \epsilon = \sqrt{\frac{\log(4 q (cd)^{p/2})}{cd}}

    Source
    ------
    DLS22, proof of Theorem 2; audited by ``DLS22/thm-2``.

    Parameters
    ----------
    q, d, p : queries, dimension, degree, each at least 1
    c : the constant of Lemma 6, 1/4 or less

    Units
    -----
    A cosine; the proof says something where epsilon^p < 1/2.

    Errors
    ------
    DomainError   for c > 1/4, for cd < 1, where the class would have fewer than two functions, and for epsilon^p >= 1/2, where a wrong f may have loss 1.
    Rounding   within 6 eps.
    """
    q, d, p, c = count("q", q, least=1), count("d", d, least=1), count("p", p, least=1), number("c", c)
    if not c <= 0.25:
        raise DomainError(f"c = {c}; the constant of Lemma 6 must be at most 1/4 (DLS22)")
    if c * d < 1:
        raise DomainError(f"c = {c} and d = {d}; Theorem 2 needs c d >= 1, or its class has fewer than two functions (DLS22)")
    epsilon = math.sqrt((math.log(4 * q) + p / 2 * math.log(c * d)) / (c * d))
    if epsilon**p >= 0.5:
        raise DomainError(f"epsilon^p = {epsilon**p} for q = {q}, d = {d}, p = {p}, c = {c}; Theorem 2 needs epsilon^p < 1/2, so a larger d (DLS22)")
    return epsilon


def tolerance_bound(q: int, d: int, p: int, *, c: float = 0.25) -> float:
    r"""The tolerance that q queries need, at most, to output a function of Theorem 2's class with loss at most 1.

    .. math:: \tau^2 \le 4 q e^{-c \epsilon^2 d} + \epsilon^p = \frac{1 + \log^{p/2}(4 q (cd)^{p/2})}{(cd)^{p/2}}

    Source
    ------
    DLS22, Theorem 2 and its proof; audited by ``DLS22/thm-2``, which has the constant that the theorem leaves out, and ``DLS22/thm-2-constant``.

    Parameters
    ----------
    q, d, p : queries, dimension, degree, each at least 1
    c : the constant of Lemma 6, 1/4 or less

    Returns
    -------
    tau, the root

    Units
    -----
    Queries of norm 1, the loss E (g - f)^2.

    Errors
    ------
    As :func:`overlap`.
    Rounding   within (4 p + 4) eps.
    """
    epsilon = overlap(q, d, p, c=c)
    return math.sqrt((c * d) ** (-p / 2) + epsilon**p)
