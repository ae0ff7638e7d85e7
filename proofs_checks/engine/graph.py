"""Which statement needs which: cycles, layers, the text of the command ``graph``, and where a drawing puts things.

What a statement needs stands in an earlier layer than itself; the text is a Graphviz document whose opening comment a person
reads, so ``python -m proofs_checks graph | dot -Tsvg`` and the bare command both work.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import accumulate, pairwise
from statistics import fmean
from typing import TypeAlias

from proofs_checks.engine.claims import Claim, RegistryError

Needs: TypeAlias = Mapping[str, Sequence[str]]          # what each statement stands on, every one of them a key


def needs_of(entries: Iterable[tuple[str, Sequence[str], Sequence[str]]]) -> dict[str, list[str]]:
    """The graph of entries (id, needs, aliases): aliases give way to IDs, and what is needed from elsewhere needs nothing."""
    entries = list(entries)
    ids = {alias: id for id, _, aliases in entries for alias in aliases} | {id: id for id, _, _ in entries}
    graph = {id: list(dict.fromkeys(ids.get(need, need) for need in needs)) for id, needs, _ in entries}
    return graph | {need: [] for needs in graph.values() for need in needs if need not in graph}


def cycle(needs: Needs) -> str:
    """A sentence about a statement that stands on itself; empty where none does."""
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return f"{' needs '.join(reversed(found))}: a statement cannot stand on itself; drop one of these needs"
    return ""


def layers(needs: Needs) -> list[list[str]]:
    """The statements in layers: one that needs nothing is in the first, another right after the last of what it needs."""
    if sentence := cycle(needs):
        raise RegistryError(sentence)
    depth: dict[str, int] = {}
    for id in TopologicalSorter(needs).static_order():
        depth[id] = 1 + max((depth[need] for need in needs[id]), default=-1)
    return [[id for id in needs if depth[id] == layer] for layer in range(1 + max(depth.values(), default=-1))]


def users(needs: Needs) -> dict[str, list[str]]:
    """Who needs each statement directly."""
    found: dict[str, list[str]] = {id: [] for id in needs}
    for user, on in needs.items():
        for need in on:
            found[need].append(user)
    return found


def all_users(directly: Needs, id: str) -> list[str]:
    """Who needs a statement directly or through others, in the order of the graph; ``directly`` is what :func:`users` gives."""
    found, waiting = set[str](), [id]
    while waiting:
        new = set(directly[waiting.pop()]) - found
        found |= new
        waiting += new
    return [user for user in directly if user in found]


# ---- the text

def graph_text(claims: Iterable[Claim]) -> str:
    """What the command ``graph`` prints: Graphviz DOT, after a comment that lists the layers; RegistryError where there is a cycle."""
    claims = list(claims)
    needs = needs_of((claim.id, claim.needs, claim.aliases) for claim in claims)
    edges = sum(len(on) for on in needs.values())
    lines = [f"{len(claims)} statements, {edges} needs; each stands after what it needs."]
    for number, layer in enumerate(layers(needs)):
        lines += ["", f"layer {number}" + (", which needs nothing" if number == 0 else "")]
        lines += [f"  {id}" + (f"  needs {', '.join(needs[id])}" if needs[id] else "") for id in layer]
    return "\n".join(f"// {line}".rstrip() for line in lines) + "\n\n" + dot(needs, [claim.id for claim in claims])


def dot(needs: Needs, known: Iterable[str]) -> str:
    """The graph in Graphviz' language, an arrow from what is needed to what needs it; dashed what is not among ``known``."""
    known = set(known)
    nodes = [f"  {_quoted(id)}{'' if id in known else ' [style=dashed]'};" for id in needs]
    arrows = [f"  {_quoted(need)} -> {_quoted(id)};" for id, on in needs.items() for need in on]
    return "\n".join(["digraph needs {", "  rankdir=LR;", "  node [shape=box, fontname=monospace];", *nodes, *arrows, "}"]) + "\n"


def _quoted(id: str) -> str:
    return json.dumps(id, ensure_ascii=False)


# ---- the drawing: columns of boxes, what is needed to the left of what needs it

BOX, SLOT, GAP = 24.0, 9.0, 30.0            # heights of a box's row and of an edge passing a column, width between two columns
LETTER, MARGIN = 6.35, 26.0                 # width of a letter of the label, and of a box beyond its letters
SWEEPS = 24


@dataclass(frozen=True)
class Box:
    """A statement: its top left corner and its width; the label is its slug, or its ID where two papers have that slug."""

    id: str
    label: str
    x: float
    y: float
    width: float


@dataclass(frozen=True)
class Edge:
    """A need: the statements that it joins, and the path of an SVG."""

    need: str
    user: str
    path: str


@dataclass(frozen=True)
class Drawing:
    """Boxes and edges in a frame; ``alone`` are the statements that need nothing and that nothing needs."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]
    alone: tuple[str, ...]


Point: TypeAlias = tuple[int, str, str]     # (column, statement, "") or, where an edge passes a column, (column, need, user)


def drawing(needs: Needs, strangers: Container[str] = ()) -> Drawing:
    """The places: a column for each layer, its order and heights by the means of the neighbours; ``strangers`` are labelled by their IDs."""
    directly = users(needs)
    alone = tuple(id for id in needs if not needs[id] and not directly[id])
    column = _columns({id: on for id, on in needs.items() if id not in alone}, directly)
    chains = [_chain(need, user, column) for user in column for need in needs[user]]
    rows = _rows(column, chains)
    y = _heights(rows, chains)
    label = _labels(needs) | {id: id for id in needs if id in strangers}
    widest = [max(len(label[id]) for _, id, user in row if not user) * LETTER + MARGIN for row in rows]
    x = [sum(widest[:number]) + GAP * number for number in range(len(rows))]
    boxes = tuple(Box(id, label[id], round(x[c], 1), round(y[c, id, ""], 1), round(len(label[id]) * LETTER + MARGIN, 1)) for id, c in column.items())
    ends = {box.id: box.x + box.width for box in boxes}
    edges = tuple(Edge(chain[0][1], chain[-1][1], _path(chain, x, widest, ends, y)) for chain in chains)
    return Drawing(round(sum(widest) + GAP * max(len(rows) - 1, 0), 1), round(max(y.values(), default=-BOX) + BOX, 1), boxes, edges, alone)


def _labels(needs: Needs) -> dict[str, str]:
    slugs = Counter(id.rpartition("/")[2] for id in needs)
    return {id: id.rpartition("/")[2] if slugs[id.rpartition("/")[2]] == 1 else id for id in needs}


def _columns(needs: Needs, directly: Needs) -> dict[str, int]:
    """The layer of each statement; one that needs nothing moves right, up to what needs it first."""
    column = {id: number for number, layer in enumerate(layers(needs)) for id in layer}
    return {id: column[id] if on else min(column[user] for user in directly[id]) - 1 for id, on in needs.items()}


def _chain(need: str, user: str, column: Mapping[str, int]) -> list[Point]:
    """The points of an edge, one a column."""
    passed = [(c, need, user) for c in range(column[need] + 1, column[user])]
    return [(column[need], need, ""), *passed, (column[user], user, "")]


def _rows(column: Mapping[str, int], chains: Sequence[list[Point]]) -> list[list[Point]]:
    """The points of each column."""
    points = [(c, id, "") for id, c in column.items()] + [point for chain in chains for point in chain[1:-1]]
    return [[point for point in points if point[0] == c] for c in range(1 + max(column.values(), default=-1))]


def _heights(rows: list[list[Point]], chains: Sequence[list[Point]]) -> dict[Point, float]:
    """The heights of the points; ``rows`` are put in order in passing."""
    joined: dict[Point, list[Point]] = {point: [] for row in rows for point in row}
    for left, right in (pair for chain in chains for pair in pairwise(chain)):
        joined[left].append(right)
        joined[right].append(left)
    y = {point: BOX * place for row in rows for place, point in enumerate(row)}
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 else reversed(rows):
            wish = {point: fmean(y[other] for other in joined[point]) for point in row}
            if sweep < SWEEPS // 2:
                row.sort(key=wish.__getitem__)
            y |= zip(row, _apart(row, wish), strict=True)
    top = min(y.values(), default=0.0)
    return {point: height - top for point, height in y.items()}


def _apart(row: Sequence[Point], wish: Mapping[Point, float]) -> list[float]:
    """The heights nearest to the wishes, in least squares, that keep the order and the distances: pool adjacent violators."""
    room = [BOX if not user else SLOT for _, _, user in row]
    offset = [0.0, *accumulate((a + b) / 2 for a, b in pairwise(room))]
    pools: list[tuple[float, int]] = []                                     # (mean, how many)
    for point, off in zip(row, offset, strict=True):
        mean, many = wish[point] - off, 1
        while pools and pools[-1][0] > mean:
            before, count = pools.pop()
            mean, many = (before * count + mean * many) / (count + many), count + many
        pools.append((mean, many))
    level = [mean for mean, many in pools for _ in range(many)]
    return [a + b for a, b in zip(level, offset, strict=True)]


def _path(chain: Sequence[Point], x: Sequence[float], widest: Sequence[float], ends: Mapping[str, float], y: Mapping[Point, float]) -> str:
    """From the right of the first box to the left of the last: straight through a column, curved between two."""
    middle = [y[point] + BOX / 2 for point in chain]
    path = [f"M{ends[chain[0][1]]:.1f} {middle[0]:.1f}"]
    for (c, _, user), height, before in zip(chain[1:], middle[1:], middle, strict=False):
        bend = x[c] - GAP / 2
        path.append(f"H{x[c] - GAP:.1f}C{bend:.1f} {before:.1f} {bend:.1f} {height:.1f} {x[c]:.1f} {height:.1f}")
        path.append(f"H{x[c] + widest[c]:.1f}" if user else "")
    return "".join(path)
