r"""Correlational statistical queries: a learner asks for E[f* h], an oracle answers within a tolerance tau, and Theorem 2 counts.

All that a query h tells about a class F of functions of norm 1 are its correlations E[f h], those of its part in the span of the functions
that it is a combination of. So a game is exact arithmetic on inner products. A function is known by a name: by its place in a Gram matrix, or

    by w  for  <(w / |v|)^{otimes p}, He_p(x)> / sqrt(p!),  which is f_v(x) = He_p(v.x / |v|) / sqrt(p!) where w = v is a member of F_p.

A learner is a generator: it yields queries {name: coefficient}, receives answers, and returns its hypothesis in the same form.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from fractions import Fraction
from itertools import combinations, repeat
from numbers import Integral
from operator import mul
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from refimpl.errors import DomainError, DtypeError, NotConvergedError, ShapeError, count, exact, number
from refimpl.rng import Seed, generator

Name: TypeAlias = Any                                                           # hashable
Combination: TypeAlias = Mapping[Name, Any]
Moves: TypeAlias = Generator[Combination, Any, Combination]                     # queries, their answers, the hypothesis
Learner: TypeAlias = Callable[["FunctionClass", Fraction], Moves]
Oracle: TypeAlias = Callable[["FunctionClass", Sequence[Name], Combination, Fraction], Any]

DRAWS = 1024                                                                    # of packing, for each vector that is wanted

# ---- the class


class FunctionClass:
    r"""A class F of functions with E f^2 = 1, known by the inner products of whatever may be asked.

    .. math:: E[f h], \qquad h = \sum_s c_s f_s, \qquad E h^2 \le 1

    Source
    ------
    DLS22, section 3 and Lemma 5; audited by ``DLS22/lemma-5-step`` and ``DLS22/thm-2-class``.

    Parameters
    ----------
    members : the names s of the functions f_s of F
    inner : (s, t) -> E[f_s f_t]   exact, also for names that are no members

    Units
    -----
    Second moments, no roots: E h^2, and the loss E (g - f)^2 without 1/2.

    Errors
    ------
    ShapeError, DomainError   for no members, the same twice, or E f^2 other than 1.
    Rounding   none: all inner products are rationals.
    """

    def __init__(self, members: Sequence[Name], inner: Callable[[Name, Name], Fraction]) -> None:
        self.members, self.inner = tuple(members), inner
        if not self.members:
            raise ShapeError("members is empty; a class must hold at least one function (DLS22, Lemma 5)")
        if len(set(self.members)) < len(self.members):
            raise DomainError("members holds a function twice; those of a class are told apart by their names (DLS22, Lemma 5)")
        for s in self.members:
            if inner(s, s) != 1:
                raise DomainError(f"E f^2 = {inner(s, s)} for the member {s}; the functions of a class must have E f^2 = 1 (DLS22, Lemma 5)")

    def correlation(self, g: Combination, h: Combination) -> Fraction:
        """E[g h]."""
        return sum((a * b * self.inner(s, t) for s, a in g.items() for t, b in h.items()), start=Fraction())

    def losses(self, g: Combination) -> dict[Name, Fraction]:
        """E (g - f)^2 = E g^2 - 2 E[f g] + 1 for every f of the class."""
        size = self.correlation(g, g)
        return {s: size - 2 * self.correlation({s: 1}, g) + 1 for s in self.members}

    def consistent(self, left: Sequence[Name], h: Combination, answer: Any, tau: Any) -> tuple[Name, ...]:
        """Those of ``left`` whose E[f h] lies within tau of the answer, tau itself included."""
        return tuple(s for s in left if abs(self.correlation({s: 1}, h) - answer) <= tau)

    def normalised(self, h: Combination) -> dict[Name, Fraction]:
        """h over its norm, or over the next larger multiple of 2^-32 / (denominator of E h^2) where the norm is not rational."""
        square = self.correlation(h, h)
        if not square:
            raise DomainError("E h^2 = 0; a query that is normalised must have a norm above 0")
        root = math.isqrt(4**32 * square.numerator * square.denominator - 1) + 1
        return {s: Fraction(c) * 2**32 * square.denominator / root for s, c in h.items()}

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
    G : (N, N)   symmetric, ones on the diagonal, positive semidefinite (not checked); int, float, Fraction or fmpq

    Units
    -----
    Inner products.

    Errors
    ------
    ShapeError, DomainError, DtypeError   for a G that is not square, not symmetric, or holds no number.
    """
    rows = [[exact(f"G[{i}][{j}]", x) for j, x in enumerate(row)] for i, row in enumerate(G)]
    if any(len(row) != len(rows) for row in rows):
        raise ShapeError(f"G has {len(rows)} rows of lengths {[len(row) for row in rows]}; G must be (N, N) (DLS22, Lemma 5)")
    if any(rows[i][j] != rows[j][i] for i, j in combinations(range(len(rows)), 2)):
        raise DomainError("G is not symmetric; G[i][j] = E[f_i f_j] (DLS22, Lemma 5)")
    return FunctionClass(range(len(rows)), lambda i, j: rows[i][j])


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
    ShapeError, DomainError, DtypeError   for rows of different lengths |v|, of different d, or equal ones.
    """
    p = count("p", p, least=1, why="F_0 holds one function")
    rows = [tuple(_whole(f"V[{i}][{j}]", x) for j, x in enumerate(row)) for i, row in enumerate(V)]
    if not rows or len({len(row) for row in rows}) != 1 or not rows[0]:
        raise ShapeError(f"V has rows of lengths {[len(row) for row in rows]}; V must be (N, d) (DLS22, Theorem 2)")
    square = _dot(rows[0], rows[0])
    for i, row in enumerate(rows):
        if _dot(row, row) != square or not square:
            raise DomainError(f"V[{i}] has |v|^2 = {_dot(row, row)} but V[0] has {square}; the rows must be unit vectors times one length (DLS22, Theorem 2)")
    return FunctionClass(rows, lambda v, w: (_dot(v, w) / Fraction(square)) ** p)


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
    DomainError, DtypeError   for a d below 1, an epsilon outside [0, 1).
    NotConvergedError   after 1024 N draws, which for the lemma's own size has a probability below 2^-1000.
    """
    d, epsilon, rng = count("d", d, least=1), exact("epsilon", epsilon), generator(rng)
    if not 0 <= epsilon < 1:
        raise DomainError(f"epsilon = {epsilon}; two unit vectors are kept apart by 0 <= epsilon < 1 (DLS22, Lemma 6)")
    size = math.ceil(math.exp(epsilon**2 * d / 4) / 2) if size is None else count("size", size, least=1)
    kept = np.empty((0, d), dtype=np.int64)
    for _ in repeat(None, DRAWS * size):
        s = 2 * rng.integers(0, 2, (1, d)) - 1
        if np.all(np.abs(kept @ s[0]) <= math.floor(epsilon * d)):
            kept = np.concatenate([kept, s])
        if len(kept) == size:
            return kept
    raise NotConvergedError(f"size = {size}: {len(kept)} signs with |v.w| <= {epsilon} were found in {DRAWS * size} draws; fewer exist, or are rare")


# ---- oracles

def honest(f: Name, error: Any = 0) -> Oracle:
    """Answers E[f h] + error, |error| <= tau. Source: DLS22, section 3; audited by ``DLS22/csq-game``. Units: none. Errors: none of its own."""
    return lambda F, left, h, tau: F.correlation({f: 1}, h) + error


def adversary(F: FunctionClass, left: Sequence[Name], h: Combination, tau: Fraction) -> Fraction:
    """Answers 0 as long as that leaves a candidate, then E[f h] of the first: it decides as late as it can which f it had in mind.

    Source: DLS22, proof of Lemma 5; audited by ``DLS22/lemma-5-game``. Units: none. Errors: none of its own.
    """
    return Fraction() if F.consistent(left, h, 0, tau) else F.correlation({left[0]: 1}, h)


# ---- learners

def by_groups(F: FunctionClass, tau: Fraction, *, group: int = 1) -> Moves:
    """Asks about the members, or the sums of so many at a time, in one pass; returns the first that is consistent with all answers.

    Source: the extremal query of DLS22, Lemma 5; audited by ``DLS22/lemma-5-game``. Units: queries of norm 1. Errors: DomainError for group < 1.
    """
    group, left, unasked = count("group", group, least=1), F.members, F.members
    while len(left) > 1 and unasked:
        h, unasked = F.normalised(Counter(unasked[:group])), unasked[group:]
        left = F.consistent(left, h, (yield h), tau)
    return {left[0]: 1}


def ascent(F: FunctionClass, tau: Fraction) -> Moves:
    """Coordinate by coordinate flips the sign of w_k where E[f* He_p(w.x)] grows, as gradient ascent would; returns the member next to w.

    Source: a stand-in for gradient descent, for :func:`hermite_class`; audited by ``DLS22/csq-game``. Units: queries of norm 1. Errors: none of its own.
    """
    w, *_ = F.members
    here = yield {w: 1}
    for k in range(len(w)):
        flipped = (*w[:k], -w[k], *w[k + 1:])
        there = yield {flipped: 1}
        if there > here:
            w, here = flipped, there
    return {max(F.members, key=lambda s: F.inner(s, w)): 1}


# ---- the game

class Transcript(NamedTuple):
    """What happened: how many candidates each query eliminated, the learner's output, and its loss against each function that is left."""

    eliminated: tuple[int, ...]
    output: dict[Name, Any]
    losses: dict[Name, Fraction]


def play(learner: Learner, F: FunctionClass, oracle: Oracle, tau: Any) -> Transcript:
    r"""A learner against an oracle of tolerance tau, exactly.

    .. math:: E(g - f)^2, \qquad f \text{ with all answers within } \tau \text{ of } E[f h]

    The oracle may have meant any function f that is left; a learner of loss at most x has all of these at most x.

    Source
    ------
    DLS22, section 3, and the proof of Lemma 5; audited by ``DLS22/lemma-5-game``, ``DLS22/lemma-5`` and ``DLS22/csq-game``.

    Parameters
    ----------
    learner : (F, tau) -> generator of queries, such as by_groups, ascent
    F : the class, known to both
    oracle : (F, left, h, tau) -> answer, such as honest(f), adversary
    tau : tolerance, exact

    Returns
    -------
    Transcript   losses {name: E (g - f)^2} of the output g against whoever is left

    Units
    -----
    The loss is E (g - f)^2, without 1/2.

    Errors
    ------
    DomainError   for a query with E h^2 > 1, and for answers that no function of the class allows.
    """
    tau, left, eliminated = exact("tau", tau), F.members, []
    moves = learner(F, tau)
    try:
        h = next(moves)
        while True:
            if (square := F.correlation(h, h)) > 1:
                raise DomainError(f"E h^2 = {square}; a query must have norm at most 1 (DLS22, Lemma 5, where it is not said)")
            answer = oracle(F, left, h, tau)
            before, left = left, F.consistent(left, h, answer, tau)
            if not left:
                raise DomainError(f"the answer {answer} lies within tau = {tau} of no function that is left; the oracle must have one in mind")
            eliminated.append(len(before) - len(left))
            h = moves.send(answer)
    except StopIteration as end:
        losses = F.losses(end.value)
        return Transcript(tuple(eliminated), dict(end.value), {s: losses[s] for s in left})


# ---- counting

def eliminated_at_most(tau: Any, epsilon: Any) -> Fraction:
    r"""How many functions can have |E[f h]| >= tau with one query.

    .. math:: \frac{1 - \epsilon}{\tau^2 - \epsilon}, \qquad E h^2 \le 1, \quad |E f g| \le \epsilon, \quad E f^2 = 1

    Those with E[f h] >= tau and those with E[f h] <= -tau, together: -f is as good as f.

    Source
    ------
    DLS22, proof of Lemma 5, for each sign; audited by ``DLS22/lemma-5-step`` and ``DLS22/lemma-5-signs``.

    Parameters
    ----------
    tau, epsilon : 0 <= epsilon < tau^2 <= 1, exact

    Units
    -----
    A number of functions, not rounded down.

    Errors
    ------
    DomainError, DtypeError   outside 0 <= epsilon < tau^2 <= 1.
    """
    square, most = _tolerance(tau, epsilon)
    return (1 - most) / (square - most)


def queries_needed(size: int, tau: Any, epsilon: Any) -> Fraction:
    r"""How many queries of tolerance tau it takes, at least, to output some f of the class with loss below 2 - 2 epsilon.

    .. math:: \frac{N (\tau^2 - \epsilon)}{2}, \qquad N \ge 2

    Source
    ------
    DLS22, Lemma 5; audited by ``DLS22/lemma-5``. With one function no query is needed, so N >= 2.

    Parameters
    ----------
    size : N, the functions of the class, at least 2
    tau, epsilon : 0 <= epsilon < tau^2 <= 1, exact

    Units
    -----
    A number of queries, not rounded up.

    Errors
    ------
    DomainError, DtypeError   for a class of fewer than two functions, and outside 0 <= epsilon < tau^2 <= 1.
    """
    size = count("size", size, least=2, why="a class of one function is known without a query")
    square, most = _tolerance(tau, epsilon)
    return size * (square - most) / 2


def _tolerance(tau: Any, epsilon: Any) -> tuple[Fraction, Fraction]:
    """tau^2 and epsilon."""
    tau, epsilon = exact("tau", tau), exact("epsilon", epsilon)
    square = tau * tau
    if not 0 <= epsilon < square <= 1 or tau < 0:
        raise DomainError(f"tau = {tau} and epsilon = {epsilon}; Lemma 5 is stated for 0 <= epsilon < tau^2 <= 1 (DLS22)")
    return square, epsilon


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
    DomainError   for cd < 1, where the class would have fewer than two functions, and for epsilon^p >= 1/2, where a wrong f may have loss 1.
    Rounding   within 6 eps.
    """
    q, d, p, c = count("q", q, least=1), count("d", d, least=1), count("p", p, least=1), number("c", c)
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
