r"""Correlational statistical queries: a learner asks for E[f* h], an oracle answers within a tolerance tau, and Lemma 5 counts.

A learner is a generator: it yields queries {name: coefficient}, receives answers, and returns its hypothesis in the same form. The classes
that it asks about are those of :mod:`refimpl.lower_bounds.function_class` and, for Theorem 2, :mod:`refimpl.lower_bounds.hermite_class`, whose names
can be imported from here, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

from refimpl.errors import DomainError, DtypeError, count, exact
from refimpl.lower_bounds.function_class import Combination, FunctionClass, Name, _combination, gram_class
from refimpl.lower_bounds.hermite_class import hermite_class, overlap, packing, tolerance_bound

__all__ = ["FunctionClass", "gram_class", "hermite_class", "packing", "honest", "adversary", "by_groups", "ascent", "Transcript", "play",
           "eliminated_at_most", "queries_needed", "overlap", "tolerance_bound"]

Moves: TypeAlias = Generator[Combination, Any, Combination]                     # queries, their answers, the hypothesis
Learner: TypeAlias = Callable[[FunctionClass, Fraction], Moves]
Oracle: TypeAlias = Callable[[FunctionClass, Sequence[Name], Combination, Fraction], Any]

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

    Source: a stand-in for gradient descent, for :func:`hermite_class`; audited by ``DLS22/csq-game``. Units: queries of norm 1. Errors: DtypeError for
    a class of anything but directions.
    """
    w, *_ = F.members
    if not isinstance(w, tuple):
        raise DtypeError(f"{w!r} is the first name of the class; ascent flips the signs of a direction, so it wants a hermite_class")
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
    output: dict[Name, Fraction]
    losses: dict[Name, Fraction]


def play(learner: Learner, F: FunctionClass, oracle: Oracle, tau: Any) -> Transcript:
    r"""A learner against an oracle of tolerance tau, exactly.

    .. math:: E(g - f)^2, \qquad f \text{ with all answers within } \tau \text{ of } E[f h]

    The oracle may have meant any function f that is left; a learner of loss at most x has all of these at most x. The learner is handed F, which
    cannot be changed, tau and the answers. Its queries and its output are copied before they are looked at.

    Source
    ------
    DLS22, section 3, and the proof of Lemma 5; audited by ``DLS22/lemma-5-game``, ``DLS22/lemma-5`` and ``DLS22/csq-game``.

    Parameters
    ----------
    learner : (F, tau) -> generator of queries, such as by_groups, ascent
    F : the class, known to both
    oracle : (F, left, h, tau) -> answer, such as honest(f), adversary
    tau : tolerance >= 0, exact

    Returns
    -------
    Transcript   losses {name: E (g - f)^2} of the output g against whoever is left

    Units
    -----
    The loss is E (g - f)^2, without 1/2.

    Errors
    ------
    DtypeError, NonFiniteError   for a learner that is no generator, and for queries, answers and outputs that are not of finite numbers.
    DomainError   for tau < 0, for a query outside 0 <= E h^2 <= 1, and for an answer that no function allows which all earlier answers allow.
    """
    tau, left = exact("tau", tau), tuple(F.members)
    eliminated: list[int] = []
    if tau < 0:
        raise DomainError(f"tau = {tau}; a tolerance must be at least 0 (DLS22, section 3)")
    moves = learner(F, tau)
    if not isinstance(moves, Generator):
        raise DtypeError(f"the learner returned a {type(moves).__name__}; it must be a generator, which yields queries and returns its hypothesis")
    answer = None
    while True:
        try:
            h = _combination("the query", moves.send(answer))
        except StopIteration as end:
            output = _combination("the output", end.value)
            losses = F.losses(output)
            return Transcript(tuple(eliminated), output, {s: losses[s] for s in left})
        if not 0 <= (square := F.correlation(h, h)) <= 1:
            raise DomainError(f"E h^2 = {square}; a query must have 0 <= E h^2 <= 1 (DLS22, Lemma 5, where it is not said)")
        answer = exact("the answer", oracle(F, left, h.copy(), tau))
        before, left = left, F.consistent(left, h, answer, tau)
        if not left:
            raise DomainError(f"the answer {answer} lies within tau = {tau} of no function that is left; the oracle must have one in mind")
        eliminated.append(len(before) - len(left))


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
