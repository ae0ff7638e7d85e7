"""Every finding of lint, each produced by a paper that deserves it and no other; the papers of the package deserve none."""

import sys

import pytest

from proofs_checks import Paper, Sides
from proofs_checks.engine.lint import lint
from proofs_checks.papers import papers
from refimpl import gaussian
from tests.proofs_checks.planted import off_by_half, off_by_one, planted, same


def paper(**more):
    return Paper("PLANTED", title="planted", version="planted text", **more)


def of(*slips, body=same, **more):
    """The findings about a paper of this one claim."""
    text = paper()
    planted(body, *slips, paper=text, **more)
    return lint([text])


def nameless(at):
    return same(at)


def test_the_papers_of_the_package_have_no_findings():
    assert lint(papers()) == []


def test_a_healthy_claim_has_no_findings():
    assert of(off_by_one, off_by_half) == []


@pytest.mark.parametrize(("findings", "message"), [
    (lambda: of(off_by_one, off_by_half, body=nameless), "PLANTED/entry has no docstring; its first line is the statement that reports show"),
    (lambda: of(off_by_one), "PLANTED/entry has 1 wrong variants; at least 2 show that it can fail"),
    (of, "PLANTED/entry has 0 wrong variants; at least 2 show that it can fail"),
    (lambda: of(off_by_one, off_by_half, printed="k = k", printed_from="derived here"),
     "PLANTED/entry quotes a formula but says 'derived here'; printed= is for a text that was seen"),
    (lambda: of(off_by_one, off_by_half, printed="k = k", printed_from="recalled, text not seen"),
     "PLANTED/entry quotes a formula but says 'recalled, text not seen'; printed= is for a text that was seen"),
    (lambda: of(off_by_one, off_by_half, erratum="e", as_printed=off_by_one), "PLANTED/entry claims an erratum without quoting what is printed"),
    (lambda: of(off_by_one, off_by_half, needs=["PLANTED/entri"]), "PLANTED/entry needs PLANTED/entri, which no entry declares; did you mean PLANTED/entry?"),
    (lambda: of(off_by_one, off_by_half, aliases=["entry"]), "PLANTED/entry names both PLANTED/entry and PLANTED/entry"),
])
def test_a_finding_is_one_sentence_that_says_what_to_write(findings, message):
    assert findings() == [message]


def test_a_claim_without_a_place_is_found():
    text = paper()
    claim = text.claim("entry", where="", given=None)(same)
    claim.refutes("one")(off_by_one)
    claim.refutes("two")(off_by_half)
    assert lint([text]) == ["PLANTED/entry does not say where in the paper it stands"]


def test_what_is_out_of_reach_needs_no_variant():
    assert of(out_of_reach="a limit") == []


def test_an_erratum_that_quotes_its_text_is_fine():
    assert of(off_by_one, off_by_half, erratum="e", printed="k + 1", as_printed=off_by_one) == []


# ---- functions of refimpl that no entry names

def forgotten(b):
    return -b


@pytest.fixture
def unnamed(monkeypatch):
    """A public function that stands in refimpl.gaussian, and what lint says about it."""
    monkeypatch.setattr(forgotten, "__module__", "refimpl.gaussian")
    monkeypatch.setattr(gaussian, "forgotten", forgotten, raising=False)
    return "refimpl.gaussian.forgotten is public, but no entry names it"


def test_a_public_function_that_no_entry_names_is_found(unnamed):
    assert unnamed in lint(papers())


def test_a_file_of_somebody_else_neither_answers_for_the_package_nor_hides_a_finding(unnamed):
    text = paper()
    planted(lambda at: Sides(left=gaussian.forgotten(at.k), right=-at.k), off_by_one, off_by_half, paper=text)
    assert unnamed not in lint([text])
    assert unnamed in lint([*papers(), text])


def test_a_private_function_and_a_stream_of_random_numbers_need_no_entry(unnamed, monkeypatch):
    monkeypatch.setattr(forgotten, "__qualname__", "_forgotten")
    assert not [finding for finding in lint(papers()) if "forgotten" in finding or "refimpl.rng" in finding]


# ---- labels and names

def labelled(*covers, labels):
    text = paper(labels=labels)
    planted(same, off_by_one, off_by_half, paper=text, covers=covers)
    return lint([text])


def test_a_label_that_no_claim_covers_is_found():
    assert labelled("L1", labels=["L1", "L2"]) == ["PLANTED declares the label L2, which no claim covers"]


def test_a_claim_that_covers_a_label_of_nobody_is_found():
    assert labelled("L1", "L9", labels=["L1"]) == ["PLANTED has a claim that covers L9, which is not among its labels"]


def test_a_paper_without_labels_may_cover_what_it_likes():
    assert labelled("L1", labels=[]) == []


def test_an_alias_that_is_another_claim_is_found():
    text = paper()
    for slug, aliases in (("a", []), ("b", ["a"])):
        planted(same, off_by_one, off_by_half, paper=text, slug=slug, aliases=aliases)
    assert lint([text]) == ["PLANTED/a names both PLANTED/a and PLANTED/b"]


def test_a_need_is_looked_up_in_all_papers():
    one, other = paper(), Paper("OTHER", title="t", version="v")
    planted(same, off_by_one, off_by_half, paper=one, needs=["OTHER/entry"])
    planted(same, off_by_one, off_by_half, paper=other)
    assert lint([one, other]) == []
    assert lint([one]) == ["PLANTED/entry needs OTHER/entry, which no entry declares; did you mean PLANTED/entry?"]


# ---- the folder of a paper

@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The package planted_text with a paper that names its module ``named``; what is loaded of it is forgotten afterwards."""
    package = tmp_path / "planted_text"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from proofs_checks import Paper\nTEXT = Paper('TEXT', title='t', version='v', modules=['planted_text.named'])\n")
    (package / "named.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    yield package
    for name in [name for name in sys.modules if name.startswith("planted_text")]:
        del sys.modules[name]


def text():
    import planted_text  # type: ignore[import-not-found]

    return planted_text.TEXT


def test_a_folder_whose_modules_are_all_named_is_fine(folder):
    assert lint([text()]) == []


@pytest.mark.usefixtures("folder")
def test_a_module_that_is_not_named_is_found(folder):
    (folder / "forgotten.py").write_text("")
    assert lint([text()]) == ["TEXT does not name the module planted_text.forgotten of its folder, so its claims would go missing in silence"]


def test_a_folder_within_the_folder_is_found_too(folder):
    (folder / "deeper").mkdir()
    (folder / "deeper" / "__init__.py").write_text("")
    assert lint([text()]) == ["TEXT does not name the module planted_text.deeper of its folder, so its claims would go missing in silence"]


def test_a_paper_that_lives_among_others_is_not_asked_about_them(folder):
    (folder / "own.py").write_text("from proofs_checks import Paper\nOWN = Paper('OWN', title='t', version='v', modules=['planted_text.own'])\n")
    from planted_text.own import OWN

    assert lint([OWN]) == []


def test_a_paper_of_one_top_level_module_is_fine(tmp_path, monkeypatch):
    (tmp_path / "planted_module.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    assert lint([paper(modules=["planted_module"])]) == []
    monkeypatch.delitem(sys.modules, "planted_module")


def test_a_module_that_does_not_exist_is_a_finding(tmp_path):
    assert "PLANTED" in lint([paper(modules=["no_such_module_anywhere"])])[0]
