"""Claims of a draft of my own; this file lives beside my LaTeX, not in the package.

    python -m proofs_checks examples/03_my_own_paper.py                the verdicts
    python -m proofs_checks show examples/03_my_own_paper.py:lemma-2   one statement in full

and in my tests, one line: ``test_me26 = as_tests(ME26)``, with ``from proofs_checks import as_tests``.
"""

import math

import numpy as np

from proofs_checks import Instead, Paper, Sides, ulps
from proofs_checks.instances import single_index
from refimpl.population import half_space_moment

ME26 = Paper("ME26", title="What the first gradient sees, a draft", version="draft of 2026-03-01", symbols={"w": "w", "u": "u"})


@ME26.claim(
    "lemma-1",
    where="p. 4",
    printed=r"\langle u + w, u - 2w \rangle = -1 - \langle u, w \rangle",
    given=single_index(p=(1, 3), d=(2, 4)),
    tol=ulps(lambda at: 2 * at.d + 4),
)
def lemma_1(at):
    """(u + w).(u - 2w) = -1 - u.w for unit vectors."""
    return Sides(product=(at.u + at.w) @ (at.u - 2 * at.w), expanded=-1 - at.u @ at.w, scale=6.0)


@lemma_1.refutes("sign of the cross term")
def _(at):
    return Instead(expanded=-1 + at.u @ at.w)


@lemma_1.refutes("u - w for u - 2w")
def _(at):
    return Instead(product=(at.u + at.w) @ (at.u - at.w))


@ME26.claim(
    "lemma-2",
    where="p. 7, what the proof of my theorem uses",
    printed=r"\langle w, E[f^\star x 1_{w \cdot x \ge 0}] \rangle = \tfrac12 \langle w, C_1 \rangle + \tfrac{1}{\sqrt{2\pi}} w^T H w",
    needs=["DLS22/eq-1"],
    given=single_index(p=(2, 2), d=(1, 4)),
    tol=ulps(lambda at: 32 * (at.d + 8)),
    erratum="C_0 / sqrt(2 pi) is missing, and half of w^T H w is lost to the term along w",
)
def lemma_2(at):
    """<w, E[f* x 1{w.x >= 0}]> = w.C_1 / 2 + (C_0 + w^T H w / 2) / sqrt(2 pi) for quadratic f*; stands on display (1) of DLS22."""
    C_0, C_1, wHw = at.target.mean, at.w @ at.target.mean_gradient, at.w @ at.target.mean_hessian @ at.w
    return Sides(
        library=at.w @ half_space_moment(at.target, at.w[None, :], np.zeros(1))[0],
        by_hand=C_1 / 2 + (C_0 + wHw / 2) / math.sqrt(2 * math.pi),
        scale=sum(abs(float(c)) for c in at.target.g.values()) * (4 + at.d),
    )


@lemma_2.as_printed
def _(at):
    return Instead(by_hand=at.w @ at.target.mean_gradient / 2 + at.w @ at.target.mean_hessian @ at.w / math.sqrt(2 * math.pi))


@lemma_2.refutes("C_1 not halved")
def _(at):
    C_0, C_1, wHw = at.target.mean, at.w @ at.target.mean_gradient, at.w @ at.target.mean_hessian @ at.w
    return Instead(by_hand=C_1 + (C_0 + wHw / 2) / math.sqrt(2 * math.pi))


@lemma_2.refutes("u for w in the quadratic form")
def _(at):
    C_0, C_1, uHu = at.target.mean, at.w @ at.target.mean_gradient, at.u @ at.target.mean_hessian @ at.u
    return Instead(by_hand=C_1 / 2 + (C_0 + uHu / 2) / math.sqrt(2 * math.pi))
