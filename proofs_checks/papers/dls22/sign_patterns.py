"""Appendix C, Lemma 31: the signs (1{w.x_1 >= 0}, ..., 1{w.x_n >= 0}) for all w at once.

lemma-31-cells  lemma-31-patterns                                   how many there are, in general position and in any
lemma-31-gap  lemma-31-bound                                        the paper's sum of binomials, and its bound
lemma-31-net                                                        a net that keeps them
"""

import itertools
import math
from fractions import Fraction

import numpy as np

from proofs_checks import AtMost, Instead, Sides, ulps
from proofs_checks.instances import family
from proofs_checks.papers.dls22 import DERIVED, DLS22, INDEXED


def _points(rng, n, d, kind="general"):
    """Rows (1, t, t^2) of either sign, d of them independent; "opposite": x, -x, y, -y, ...; "repeated": x, x, y, y, ...; "coplanar": all but one."""
    t = rng.permutation(np.arange(-4, 5))[:n].tolist()
    rows = [[int(s) * t_i**k for k in range(d)] for t_i, s in zip(t, rng.choice([-1, 1], n), strict=True)]
    opposite = [[-(-1) ** (i % 2) * x for x in rows[i // 2]] for i in range(n)]
    coplanar = [[*row[:2], 0][:d] for row in rows[1:]] + [[0, 0, 1][:d]]
    return {"X": {"general": rows, "opposite": opposite, "repeated": [rows[i // 2] for i in range(n)], "coplanar": coplanar}[kind]}


def _spans(n, d, kind):
    """d rows are independent; opposite ones of a plane are enough for equality."""
    return n >= d if kind == "general" else n >= d == 3 if kind == "coplanar" else n >= 2 * d and (kind == "repeated" or d == 2)


def _faces(X, d):
    """The signs (sign w.x_i)_i of all w != 0, for x_i that span R^d: those of the rays where d - 1 of the w.x_i vanish, composed."""
    normals = [_normal([X[i] for i in chosen], d) for chosen in itertools.combinations(range(len(X)), d - 1)]
    rays = {tuple(side * _sign(sum(a * b for a, b in zip(w, x, strict=True))) for x in X) for w in normals if any(w) for side in (1, -1)}
    faces, new = set(rays), set(rays)
    while new:
        new = {tuple(a or b for a, b in zip(face, ray, strict=True)) for face in new for ray in rays} - faces
        faces |= new
    return faces


def _normal(rows, d):
    """The vector of the signed minors: orthogonal to d - 1 rows."""
    return [(-1) ** j * _determinant([[*row[:j], *row[j + 1:]] for row in rows]) for j in range(d)]


def _determinant(rows):
    if not rows:
        return 1
    return sum((-1) ** j * x * _determinant([[*row[:j], *row[j + 1:]] for row in rows[1:]]) for j, x in enumerate(rows[0]))


def _sign(x):
    return (x > 0) - (x < 0)


def _cells(X, d):
    """How many cells the hyperplanes w.x_i = 0 leave."""
    return sum(all(face) for face in _faces(X, d))


def _patterns(X, d):
    """The (1{w.x_i < 0})_i of all w != 0, as many as there are (1{w.x_i >= 0})_i."""
    return {tuple(int(np.signbit(s)) for s in face) for face in _faces(X, d)}


def _choices(n, most):
    """The sum of the binomials (n over i), i <= most."""
    return sum(math.comb(n, i) for i in range(most + 1))


@DLS22.claim(
    "lemma-31-cells",
    where="appendix C, proof of Lemma 31",
    printed_from=DERIVED,
    covers=["A.L31"],
    given=family(_points, lambda n, d: n >= d, n=(1, 6), d=(1, 3)),
)
def lemma_31_cells(at):
    """n hyperplanes through 0 in general position cut R^d into 2 sum_{i<d} (n-1 over i) cells, the sign patterns of n points (Cover)."""
    return Sides(enumerated=_cells(at.X, at.d), deletion=_deleted(at.n, at.d), closed_form=2 * _choices(at.n - 1, at.d - 1))


def _deleted(n, d):
    """The last hyperplane cuts as many cells in two as the others leave within it."""
    return 2 if n == 1 or d == 1 else _deleted(n - 1, d) + _deleted(n - 1, d - 1)


@lemma_31_cells.refutes("sum_{i<=d} (n over i): hyperplanes that do not meet at 0")
def _(at):
    return Instead(closed_form=_choices(at.n, at.d))


@lemma_31_cells.refutes("2^n, true only for n <= d")
def _(at):
    return Instead(closed_form=2**at.n)


@lemma_31_cells.refutes("sum_{i<d} (n-1 over i): w and -w taken as one")
def _(at):
    return Instead(closed_form=_choices(at.n - 1, at.d - 1))


@DLS22.claim(
    "lemma-31-patterns",
    where="appendix C, proof of Lemma 31, for points in any position",
    printed_from=DERIVED,
    covers=["A.L31"],
    needs=["DLS22/lemma-31-cells"],
    given=family(_points, _spans, n=(1, 6), d=(1, 3), kind=["general", "opposite", "repeated", "coplanar"]),
)
def lemma_31_patterns(at):
    """The 1{w.x_i >= 0} of w != 0 take at most 2 sum_{i<d} (n-1 over i) values in any position, with equality also for opposite points of a plane.

    Cells alone are no bound: for x and -x there are 2, and the w orthogonal to x add (1, 1). The pattern of w is that of a cell of the hyperplanes w.x_i = -1
    which is unbounded along w; of such cells general position has the most.
    """
    form = AtMost if at.kind in ("repeated", "coplanar") else Sides             # equality is claimed, so it is checked
    return form(value=len(_patterns(at.X, at.d)), bound=2 * _choices(at.n - 1, at.d - 1))


@lemma_31_patterns.refutes("open cells alone")
def _(at):
    return Instead(value=_cells(at.X, at.d))


@lemma_31_patterns.refutes("n^(d-1)")
def _(at):
    return Instead(bound=at.n ** (at.d - 1))


@DLS22.claim(
    "lemma-31-gap",
    where="appendix C, proof of Lemma 31",
    printed_from=DERIVED,
    covers=["A.L31"],
    needs=["DLS22/lemma-31-cells"],
    given=family(None, n=(1, 30), d=(1, 11)),
)
def lemma_31_gap(at):
    """sum_{i<=d} (n over i) = 2 sum_{i<d} (n-1 over i) + (n-1 over d), so the paper's sum exceeds the number of patterns by (n-1 over d)."""
    return Sides(display=_choices(at.n, at.d), cells=2 * _choices(at.n - 1, at.d - 1) + math.comb(at.n - 1, at.d))


@lemma_31_gap.refutes("no gap: the sum is the number of patterns")
def _(at):
    return Instead(cells=2 * _choices(at.n - 1, at.d - 1))


@lemma_31_gap.refutes("(n over d) for (n-1 over d)")
def _(at):
    return Instead(cells=2 * _choices(at.n - 1, at.d - 1) + math.comb(at.n, at.d))


@DLS22.claim(
    "lemma-31-bound",
    where="appendix C, proof of Lemma 31",
    printed_from=DERIVED,
    covers=["A.L31"],
    needs=["DLS22/lemma-31-gap"],
    given=family(None, n=(1, 30), d=(1, 11)),
)
def lemma_31_bound(at):
    """n^d + 1 - sum_{i<=d} (n over i) = sum_{2<=i<=d} (n^(i-1) (n-1) - (n over i)), all terms >= 0: at most n^d + 1 <= 2 n^d.

    A term counts the words of i among n letters whose first two differ and that do not increase.
    A union bound over the patterns and a half-net of at most 5^d directions has at most (10 n)^d events.
    """
    return Sides(excess=at.n**at.d + 1 - _choices(at.n, at.d), terms=_terms(at.n, at.d))


def _terms(n, d):
    return sum(n ** (i + 1) * (n - 1) - math.comb(n, i + 2) for i in range(d - 1))


@lemma_31_bound.refutes("n^d")
def _(at):
    return Instead(excess=at.n**at.d - _choices(at.n, at.d))


@lemma_31_bound.refutes("as small as n^d / d! + 1, its last term")
def _(at):
    return Instead(excess=Fraction(at.n**at.d, math.factorial(at.d)) + 1 - _choices(at.n, at.d))


# ---- Lemma 31: the net

def _on_circle(rng, n, epsilon):
    """w near an end of an arc on which no sign changes, the middle of its piece of the arc, and that of the piece of x_1, on the other side.

    All pieces of an arc are equal and none is wider than 4 asin(epsilon / 2).
    """
    towards = rng.uniform(0, 2 * math.pi, n)
    ends = np.sort(np.concatenate([towards - math.pi / 2, towards + math.pi / 2]) % (2 * math.pi))
    start = ends[rng.integers(2 * n)]
    piece = _piece(ends, epsilon, start)
    w = start + piece / 64
    towards[0] += math.pi * (math.cos(towards[0] - w) > 0)
    before = np.max(ends - 2 * math.pi * (ends > towards[0] % (2 * math.pi)))  # the end before x_1
    pieces = (towards[0] % (2 * math.pi) - before) // _piece(ends, epsilon, before)
    points = {"w": w, "near": start + piece / 2, "coarse": epsilon * round(w / epsilon), "near_x": before + (pieces + 0.5) * _piece(ends, epsilon, before)}
    return {name: np.array([math.cos(t), math.sin(t)]) for name, t in points.items()} | {
        "X": np.column_stack([np.cos(towards), np.sin(towards)]), "away": piece * 31 / 64}


def _piece(ends, epsilon, start):
    """How long the pieces of the arc are that begins at an end."""
    turns = (ends - start) % (2 * math.pi)
    arc = np.min(turns, where=(turns > 1e-9) & (turns < 2 * math.pi - 1e-9), initial=2 * math.pi)
    return arc / math.ceil(arc / (4 * math.asin(epsilon / 2)))


@DLS22.claim(
    "lemma-31-net",
    where="appendix C, proof of Lemma 31",
    printed_from=INDEXED,
    printed=r"\|w - \pi(x)\|",
    covers=["A.L31", "ERR-A8"],
    needs=["DLS22/lemma-31-bound"],
    given=family(_on_circle, n=(1, 6), epsilon=[1.0, 0.5, 0.125]),
    tol=ulps(24),
    erratum="|w - pi(w)|: the net holds a point near w, not near a sample",
)
def lemma_31_net(at):
    """A net of each cell by itself has a pi(w) with the same 1{w.x_i >= 0} and |w - pi(w)| <= epsilon; here on the circle.

    In R^d a maximal set of points of a cell, at distances above epsilon <= 1, has at most (3 / epsilon)^d members; so |N| <= 2 (3 n / epsilon)^d.
    """
    return Sides(net=_beside(at, at.w, at.near), chord=[min(2 * math.sin(at.away / 2), at.epsilon), *_active(at, at.w)], scale=2.0)


def _active(at, w):
    return np.signbit(at.X @ w).astype(float)                                   # 1 where sigma' is 0


def _beside(at, w, point):
    return [math.dist(w, point), *_active(at, point)]


@lemma_31_net.as_printed
def _(at):
    return Instead(net=_beside(at, at.w, at.near_x))


@lemma_31_net.refutes("a net of the sphere that knows no cells")
def _(at):
    return Instead(net=[math.dist(at.w, at.near), *_active(at, at.coarse)])


@lemma_31_net.refutes("-pi(w)")
def _(at):
    return Instead(net=_beside(at, at.w, -at.near))
