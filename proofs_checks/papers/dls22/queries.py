"""Correlational statistical queries: Lemma 5 and its game, section 3 and appendix E.

lemma-5-step  lemma-5-signs                                         how many functions one query can reach
lemma-5-game  lemma-5  lemma-5-loss  csq-game                       learners against oracles, exactly
"""

import math
from fractions import Fraction
from functools import partial

from proofs_checks import Instead, Sides
from proofs_checks.instances import family
from proofs_checks.papers.dls22 import DERIVED, DLS22, INDEXED, RESTATED
from refimpl.lower_bounds.queries import (
    adversary,
    ascent,
    by_groups,
    eliminated_at_most,
    gram_class,
    hermite_class,
    honest,
    packing,
    play,
    queries_needed,
)

# ---- Lemma 5: one query

TAUS = [Fraction(1), Fraction(3, 4), Fraction(9, 10), Fraction(1, 2)]


def _attained(group, tau, more, negative=0):
    """N = group + more functions with |E[f g]| = epsilon, of which ``negative`` have their signs changed: the query over the group has correlations tau, above the tolerance ``below``."""
    epsilon = (group * tau**2 - 1) / (group - 1) if group > 1 else Fraction(1, 3)
    signs = [(-1) ** (i < negative) for i in range(group + more)]
    G = [[Fraction(1) if i == j else epsilon * s * t for j, t in enumerate(signs)] for i, s in enumerate(signs)]
    F = gram_class(G)
    return {"F": F, "G": G, "epsilon": epsilon, "below": tau * Fraction(999, 1000), "positive": max(group - negative, 0), "h": F.normalised({i: signs[i] for i in range(group)}), "everybody": dict.fromkeys(F.members, 1)}


def _possible(group, tau, **_):
    """0 <= epsilon < tau^2."""
    return group * tau**2 >= 1 and (tau < 1) == (group > 1)


@DLS22.claim(
    "lemma-5-step",
    where="appendix E, proof of Lemma 5",
    printed_from=INDEXED,
    printed=r"|A_k^+| \leq \frac{1 - \epsilon}{\tau^2 - \epsilon}",
    covers=["A.L5", "ERR-A8"],
    given=family(_attained, _possible, group=(1, 6), tau=TAUS, more=[1, 0, 2]),
    erratum="for queries with E h^2 <= 1, which the lemma does not say",
)
def lemma_5_step(at):
    """At most (1 - epsilon) / (tau^2 - epsilon) functions have E[f h] >= tau where E h^2 <= 1; so many have it for h = sum_A f / |sum_A f|.

    For |A| tau <= E[h sum_A f] <= |sum_A f|, and |sum_A f|^2 <= |A| + |A| (|A| - 1) epsilon.
    """
    F = gram_class(at.G)
    return Sides(asked=sum(F.correlation({s: 1}, at.h) >= at.tau for s in F.members), counted=eliminated_at_most(at.tau, at.epsilon))


def _reached(at, h):
    return sum(at.F.correlation({s: 1}, h) >= at.tau for s in at.F.members)


@lemma_5_step.as_printed
def _(at):
    return Instead(asked=_reached(at, at.everybody))


@lemma_5_step.refutes("(1 - epsilon) / (tau^2 + epsilon)")
def _(at):
    return Instead(counted=(1 - at.epsilon) / (at.tau**2 + at.epsilon))


@lemma_5_step.refutes("1 / tau^2, as for an orthonormal class")
def _(at):
    return Instead(counted=1 / at.tau**2)


@lemma_5_step.refutes("E |h| for the norm of h: a query three times as long")
def _(at):
    return Instead(asked=_reached(at, {s: 3 * c for s, c in at.h.items()}))


@DLS22.claim(
    "lemma-5-signs",
    where="appendix E, proof of Lemma 5",
    printed_from=DERIVED,
    covers=["A.L5"],
    needs=["DLS22/lemma-5-step"],
    given=family(_attained, _possible, group=(1, 6), tau=TAUS, more=[1, 0], negative=[1, 0, 3]),
)
def lemma_5_signs(at):
    """Both signs together: at most (1 - epsilon) / (tau^2 - epsilon) functions have |E[f h]| >= tau, half of what the proof adds up.

    For F may be replaced by the f with E[f h] > 0 and the -f of the others, which keeps E f^2 = 1 and |E[f g]| <= epsilon.
    """
    left, above = at.F.consistent(at.F.members, at.h, 0, at.below), at.F.consistent(at.F.members, at.h, at.tau, 0)
    return Sides(asked=[len(at.F.members) - len(left), len(above)], counted=[eliminated_at_most(at.tau, at.epsilon), at.positive])


@lemma_5_signs.refutes("each sign counted for itself")
def _(at):
    return Instead(counted=[2 * eliminated_at_most(at.tau, at.epsilon), at.positive])


@lemma_5_signs.refutes("only one sign is reached")
def _(at):
    return Instead(asked=[_reached(at, at.h), at.positive])


# ---- Lemma 5: the game

def _rounds(group, tau, more):
    """Twice the group and one more function, so that two queries leave one."""
    return _attained(group, tau, group + 1)


@DLS22.claim(
    "lemma-5-game",
    where="appendix E, proof of Lemma 5",
    printed_from=RESTATED,
    covers=["A.L5", "A.T2"],
    needs=["DLS22/lemma-5-signs"],
    given=family(_rounds, _possible, group=(1, 6), tau=TAUS, more=[1]),
)
def lemma_5_game(at):
    """Against the oracle that answers 0 a query eliminates at most (1 - epsilon) / (tau^2 - epsilon) candidates, and the extremal queries do so each time."""
    return Sides(game=_summary(at, partial(by_groups, group=at.group), adversary), counted=_counted(math.floor(eliminated_at_most(at.below, at.epsilon))))


def _summary(at, learner, oracle):
    """How many the queries eliminate, their number, the first function that is left and its loss."""
    game = play(learner, at.F, oracle, at.below)
    return [sum(game.eliminated), len(game.eliminated), *next(iter(game.losses.items()))]


def _counted(most):
    """Two queries, and then the last function is left, whose name is the number of the others."""
    return [2 * most, 2, 2 * most, 0]


@lemma_5_game.refutes("an oracle that answers E[f h] for an f fixed beforehand")
def _(at):
    return Instead(game=_summary(at, partial(by_groups, group=at.group), honest(0)))


@lemma_5_game.refutes("queries about one function at a time are as good")
def _(at):
    return Instead(game=_summary(at, by_groups, adversary))


@lemma_5_game.refutes("one function less")
def _(at):
    return Instead(counted=_counted(math.floor(eliminated_at_most(at.below, at.epsilon)) - 1))


@DLS22.claim(
    "lemma-5",
    where="appendix E, Lemma 5",
    printed_from=RESTATED,
    covers=["A.L5"],
    needs=["DLS22/lemma-5-game"],
    given=family(_rounds, _possible, group=(1, 6), tau=TAUS, more=[1]),
)
def lemma_5(at):
    """An output in F of loss below 2 - 2 epsilon takes (N - 1) (tau^2 - epsilon) / (1 - epsilon) queries or more, N >= 2 functions, so N (tau^2 - epsilon) / 2.

    As long as two candidates are left, one of them is not the output, and E (f - g)^2 = 2 - 2 E[f g] >= 2 - 2 epsilon. Extremal queries need no more than
    the former count, rounded up. With N = 1 no query is needed, and 0, which is not in F, has loss 1 without any. The former count is what both signs together give, and exceeds the latter by (tau^2 - epsilon) (N - 2 + N epsilon) / (2 (1 - epsilon)).
    """
    N, needed = len(at.F.members), (len(at.F.members) - 1) / eliminated_at_most(at.below, at.epsilon)
    return Sides(counted=[needed - queries_needed(N, at.below, at.epsilon), math.ceil(needed), N - 1, 0],
                 closed_form_and_game=[_difference(at, N), *_made(at, partial(by_groups, group=at.group), adversary)])


def _difference(at, N):
    """Between the two counts, not below 0."""
    return (at.below**2 - at.epsilon) * (N - 2 + N * at.epsilon) / (2 * (1 - at.epsilon))


def _made(at, learner, oracle):
    """How many queries are made, how many functions they eliminate, and the largest loss."""
    game = play(learner, at.F, oracle, at.below)
    return [len(game.eliminated), sum(game.eliminated), *sorted(game.losses.values())[-1:]]


@lemma_5.refutes("N (tau^2 - epsilon), without 1/2")
def _(at):
    N = len(at.F.members)
    needed = (N - 1) / eliminated_at_most(at.below, at.epsilon)
    return Instead(counted=[needed - 2 * queries_needed(N, at.below, at.epsilon), math.ceil(needed), N - 1, 0])


@lemma_5.refutes("an oracle that answers E[f h] for an f fixed beforehand")
def _(at):
    return Instead(closed_form_and_game=[_difference(at, len(at.F.members)), *_made(at, by_groups, honest(0))])


@lemma_5.refutes("N for N - 1: nobody is left")
def _(at):
    N = len(at.F.members)
    needed = N / eliminated_at_most(at.below, at.epsilon)
    return Instead(counted=[needed - queries_needed(N, at.below, at.epsilon), math.ceil(needed), N, 0])


def _stopped(F, tau, *, group, most):
    """by_groups, cut off after so many queries: it then returns the first function that is left."""
    moves, left = by_groups(F, tau, group=group), F.members
    h = next(moves)
    for _ in range(most):
        answer = yield h
        left = F.consistent(left, h, answer, tau)
        h = h if len(left) == 1 else moves.send(answer)
    return {left[0]: 1}


def _least(at, reached):
    """How many queries it takes until the loss is as small as ``reached`` says, and how many functions these eliminate."""
    games = (play(partial(_stopped, group=at.group, most=most), at.F, adversary, at.below) for most, _ in enumerate(at.F.members))
    return next([len(game.eliminated), sum(game.eliminated)] for game in games if all(map(reached, game.losses.values())))


@DLS22.claim(
    "lemma-5-loss",
    where="appendix E, Lemma 5",
    printed_from=INDEXED,
    printed=r"\frac{|\mathcal{F}| (\tau^2 - \epsilon)}{2}",
    covers=["A.L5", "ERR-A8"],
    needs=["DLS22/lemma-5"],
    given=family(_rounds, _possible, group=(1, 6), tau=TAUS, more=[1]),
    erratum="for loss below 2 - 2 epsilon: a loss of 2 - 2 epsilon may take no query at all",
)
def lemma_5_loss(at):
    """Where all E[f g] = epsilon, a loss below 2 - 2 epsilon takes (N - 1) / |A| = 2 queries over |A| functions each, and any f has loss 2 - 2 epsilon.

    Recorded of the print are the count and that its condition on the loss must be strict, not how it reads.
    """
    return Sides(played=_least(at, lambda loss: loss < 2 - 2 * at.epsilon),
                 counted=[math.ceil((len(at.F.members) - 1) / eliminated_at_most(at.below, at.epsilon)), len(at.F.members) - 1])


@lemma_5_loss.as_printed
def _(at):
    return Instead(played=_least(at, lambda loss: loss <= 2 - 2 * at.epsilon))


@lemma_5_loss.refutes("loss below 2, that of an orthogonal function")
def _(at):
    return Instead(played=_least(at, lambda loss: loss < 2))


@lemma_5_loss.refutes("one query finds it")
def _(at):
    return Instead(counted=[1, len(at.F.members) - 1])


# ---- learners and an honest oracle

def _honest_game(rng, d, p, size, place, learner):
    """Signs in d dimensions that are not too close for their answers, and an oracle that is off by 1/16."""
    V = packing(d, Fraction(1, 2), rng=rng, size=size)
    return {"tau": Fraction(1, 3), "silence": Fraction(1), "F": hermite_class(V, p), "f": tuple(V[place].tolist()), "error": Fraction(int(rng.integers(-1, 2)), 16 if learner != "ascent" else 16 * d**p)}


def _learner(at):
    return ascent if at.learner == "ascent" else partial(by_groups, group=at.learner)


@DLS22.claim(
    "csq-game",
    where="section 3, correlational statistical queries",
    printed_from=RESTATED,
    covers=["A.T2"],
    needs=["DLS22/thm-2-class"],
    given=family(_honest_game, d=[8, 12], p=[3, 5], size=[4, 7], place=[0, 2, -1], learner=[1, "ascent"]),
)
def csq_game(at):
    """An honest oracle is found out: by asking for the members in turn, and by ascent in d + 1 queries, for p odd. At tau = 1 an oracle need not say anything."""
    queries = at.d + 1 if at.learner == "ascent" else min(at.place % at.size + 1, at.size - 1)
    return Sides(game=_played(at, ascent if at.learner == "ascent" else partial(by_groups, group=at.learner), honest(at.f, at.error)), known=[queries, at.size, 0, 1 + at.error, *_row(at, at.f), *_row(at, at.F.members[0])])


def _played(at, learner, oracle):
    """How many queries, functions that were ever candidates, and what remains of the loss; an answer; the outputs here and where nothing is said."""
    game, silent = play(learner, at.F, oracle, at.tau), play(learner, at.F, lambda F, left, h, tau: Fraction(), at.silence)
    return [len(game.eliminated), sum(game.eliminated) + len(game.losses), *sorted(game.losses.values())[:1], oracle(at.F, at.F.members, {at.f: 1}, at.tau),
            *_products(at, game.output), *_products(at, silent.output)]


def _products(at, g):
    return [at.F.correlation(g, {s: 1}) for s in at.F.members]


def _row(at, f):
    return [at.F.inner(f, s) for s in at.F.members]


@csq_game.refutes("an oracle that answers 0")
def _(at):
    return Instead(game=_played(at, ascent, lambda F, left, h, tau: 0) if at.learner == "ascent" else [0] * (4 + 2 * at.size))


@csq_game.refutes("an oracle with another function in mind")
def _(at):
    return Instead(game=_played(at, _learner(at), honest(at.F.members[1], at.error)))
