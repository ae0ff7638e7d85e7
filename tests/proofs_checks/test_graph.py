"""Which statement needs which."""

import re
from itertools import combinations

import pytest

from proofs_checks import Paper
from proofs_checks.engine import graph
from proofs_checks.engine.claims import RegistryError
from proofs_checks.engine.select import all_papers

CLAIMS = [claim for paper in all_papers() for claim in paper]
NEEDS = graph.needs_of((claim.id, claim.needs, claim.aliases) for claim in CLAIMS)


def paper(**needs):
    """A paper whose claims need each other as said; ``one`` is also known as ``first``."""
    made = Paper("P", title="a paper", version="none")
    for slug, on in needs.items():
        made.claim(slug, where="here", given=None, needs=on, aliases=["first"] if slug == "one" else [])(lambda at: None)
    return list(made)


def test_every_need_is_an_edge():
    arrows = re.findall(r'^  "(.*)" -> "(.*)";$', graph.graph_text(CLAIMS), re.MULTILINE)
    names = {alias: claim.id for claim in CLAIMS for alias in (claim.id, *claim.aliases)}
    assert set(arrows) == {(names[need], claim.id) for claim in CLAIMS for need in claim.needs}
    assert len(arrows) == len(set(arrows))


def test_the_text_is_a_graphviz_document_that_a_person_can_read():
    text = graph.graph_text(paper(one=[], two=["P/first"], three=["P/one", "P/two", "ELSEWHERE/lemma"]))
    comment, _, rest = text.partition("\n\n")
    assert comment == "\n".join([
        "// 3 statements, 4 needs; each stands after what it needs.", "//",
        "// layer 0, which needs nothing", "//   P/one", "//   ELSEWHERE/lemma", "//",
        "// layer 1", "//   P/two  needs P/one", "//",
        "// layer 2", "//   P/three  needs P/one, P/two, ELSEWHERE/lemma"])
    assert rest.startswith("digraph needs {\n")
    assert rest.endswith("}\n")
    assert '"P/one" -> "P/two";' in rest
    assert '"ELSEWHERE/lemma" [style=dashed];' in rest


def test_names_are_quoted():
    assert r'"P/a \"b\"";' in graph.dot({'P/a "b"': []}, ['P/a "b"'])


@pytest.mark.parametrize(("needs", "said"), [
    ({"one": ["P/two"], "two": ["P/one"]}, r"P/(one needs P/two needs P/one|two needs P/one needs P/two)"),
    ({"one": ["P/first"]}, "P/one needs P/one"),
    ({"zero": [], "one": ["P/zero", "P/three"], "two": ["P/one"], "three": ["P/two"]}, r"P/\w+( needs P/\w+){3}"),
])
def test_a_cycle_is_a_sentence(needs, said):
    with pytest.raises(RegistryError, match=f"^{said}: a statement cannot stand on itself; drop one of these needs$"):
        graph.graph_text(paper(**needs))


def test_the_package_has_no_cycle():
    assert graph.cycle(NEEDS) == ""


def test_layers_come_after_what_they_need():
    layer = {id: number for number, ids in enumerate(graph.layers(NEEDS)) for id in ids}
    assert set(layer) == set(NEEDS)
    assert all(layer[id] == 1 + max((layer[need] for need in on), default=-1) for id, on in NEEDS.items())


def test_users_directly_and_through_others():
    directly = graph.users({"a": [], "b": ["a"], "c": ["b"], "d": ["b", "c"], "e": []})
    assert directly == {"a": ["b"], "b": ["c", "d"], "c": ["d"], "d": [], "e": []}
    assert graph.all_users(directly, "a") == ["b", "c", "d"]
    assert graph.all_users(directly, "e") == []


# ---- the drawing

def test_the_drawing_holds_every_statement_and_every_need():
    drawing = graph.drawing(NEEDS)
    assert {box.id for box in drawing.boxes} | set(drawing.alone) == set(NEEDS)
    assert {(edge.need, edge.user) for edge in drawing.edges} == {(need, id) for id, on in NEEDS.items() for need in on}
    place = {box.id: box for box in drawing.boxes}
    assert all(place[edge.need].x + place[edge.need].width < place[edge.user].x for edge in drawing.edges)
    assert min(min(box.x, box.y) for box in drawing.boxes) >= 0
    assert all(box.x + box.width <= drawing.width + 0.2 and box.y + graph.BOX <= drawing.height + 0.2 for box in drawing.boxes)


def test_no_box_covers_another():
    for a, b in combinations(graph.drawing(NEEDS).boxes, 2):
        assert abs(a.y - b.y) >= graph.BOX - 0.2 or a.x + a.width <= b.x or b.x + b.width <= a.x, (a, b)


def test_an_edge_ends_at_its_statements():
    drawing = graph.drawing(NEEDS)
    place = {box.id: box for box in drawing.boxes}
    for edge in drawing.edges:
        numbers = [float(number) for number in re.findall(r"-?\d+\.\d+", edge.path)]
        need, user = place[edge.need], place[edge.user]
        assert numbers[:2] == pytest.approx([need.x + need.width, need.y + graph.BOX / 2], abs=0.15)
        assert numbers[-2:] == pytest.approx([user.x, user.y + graph.BOX / 2], abs=0.15)


def test_a_label_is_the_slug_where_that_is_enough():
    labels = {box.id: box.label for box in graph.drawing({"A/x": [], "B/x": ["A/x"], "B/y": ["B/x"]}).boxes}
    assert labels == {"A/x": "A/x", "B/x": "B/x", "B/y": "y"}
    assert [box.label for box in graph.drawing({"A/x": [], "B/y": ["A/x"]}, {"A/x"}).boxes] == ["A/x", "y"]


def test_nothing_is_drawn_of_nothing():
    assert graph.drawing({}) == graph.Drawing(0, 0, (), (), ())
    assert graph.drawing({"A/x": []}).alone == ("A/x",)
