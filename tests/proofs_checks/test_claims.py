"""How a paper is declared, and what its form says."""

import sys

import pytest

from proofs_checks import Instead, Paper, ulps
from proofs_checks.engine.claims import Claim, RegistryError
from tests.proofs_checks.planted import NUMBERS, off_by_one, planted, same


def paper(**more):
    return Paper("PLANTED", title="planted", version="planted text", **more)


# ---- a claim

def test_a_claim_is_known_by_its_paper_and_its_slug():
    claim = planted(same, slug="eq-1", aliases=["display-1"], covers=["A.G2"], needs=["OTHER/eq-2"], tol=ulps(3), printed="k = k")
    assert isinstance(claim, Claim)
    assert (claim.id, claim.aliases, claim.covers, claim.needs) == ("PLANTED/eq-1", ("PLANTED/display-1",), ("A.G2",), ("OTHER/eq-2",))
    assert (claim.where, claim.printed, claim.profile, claim.statement) == ("here", "k = k", "quick", "k is k.")


def test_the_source_of_a_claim_is_its_paper_unless_it_says_otherwise():
    assert planted(same).printed_from == "planted text"
    assert planted(same, printed_from="derived here").printed_from == "derived here"


def test_a_claim_can_be_called_as_the_function_that_it_is():
    claim = planted(same, off_by_one)
    assert claim(type("At", (), {"k": 3})).routes == {"left": 3, "right": 3}
    assert claim.variants[0].body is off_by_one


def test_a_statement_is_the_first_line_of_the_docstring():
    def body(at):
        """One line.

        And more.
        """

    assert planted(body).statement == "One line."
    assert planted(lambda at: None).statement == ""


@pytest.mark.parametrize(("more", "expected"), [
    ({}, "HOLDS"),
    ({"erratum": "e", "as_printed": off_by_one}, "AMENDED"),
    ({"erratum": "e"}, "REFUTED"),
    ({"out_of_reach": "why"}, "OUT OF REACH"),
    ({"out_of_reach": "why", "erratum": "e"}, "OUT OF REACH"),
])
def test_the_form_of_a_claim_says_which_verdict_is_expected(more, expected):
    assert planted(same, off_by_one, **more).expected == expected


def test_a_variant_stays_the_function_that_was_written():
    claim = planted(same)
    assert claim.refutes("slip")(off_by_one) is off_by_one
    assert [variant.name for variant in claim.variants] == ["slip"]


def test_a_claim_has_one_printed_form():
    claim = planted(same, erratum="e", as_printed=off_by_one)
    with pytest.raises(RegistryError, match="PLANTED/entry"):
        claim.as_printed(lambda at: Instead(left=0))


def test_no_variant_takes_the_name_of_the_printed_form():
    claim = planted(same, erratum="e", as_printed=off_by_one)
    with pytest.raises(RegistryError, match="PLANTED/entry"):
        claim.refutes("as printed")


# ---- a paper

def test_a_paper_yields_its_claims_in_the_order_of_their_declaration_each_time():
    text = paper()
    for slug in ("c", "a", "b"):
        planted(same, slug=slug, paper=text)
    assert [claim.id for claim in text] == [claim.id for claim in text] == ["PLANTED/c", "PLANTED/a", "PLANTED/b"]
    assert repr(text) == "Paper('PLANTED', 'planted', 'planted text')"


def test_two_papers_share_nothing():
    one, other = paper(), paper()
    planted(same, paper=one)
    assert (len(list(one)), len(list(other))) == (1, 0)


MODULE = """
from planted_folder import TEXT
from proofs_checks import Sides


@TEXT.claim("{slug}", where="here", given=None)
def entry(at):
    return Sides(1, 1)
"""


def test_the_modules_of_a_paper_are_loaded_when_it_is_iterated(tmp_path, monkeypatch):
    folder = tmp_path / "planted_folder"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from proofs_checks import Paper\n"
        "TEXT = Paper('TEXT', title='t', version='v', modules=('planted_folder.second', 'planted_folder.first'))\n")
    for slug in ("first", "second"):
        (folder / f"{slug}.py").write_text(MODULE.format(slug=slug))
    monkeypatch.syspath_prepend(tmp_path)
    from planted_folder import TEXT  # type: ignore[import-not-found]

    assert "planted_folder.first" not in sys.modules
    assert [claim.id for claim in TEXT] == ["TEXT/second", "TEXT/first"]
    for name in ("planted_folder", "planted_folder.first", "planted_folder.second"):
        monkeypatch.delitem(sys.modules, name)


def test_a_slug_that_is_refused_leaves_the_first_claim_in_place():
    text = paper()
    first = planted(same, paper=text)
    with pytest.raises(RegistryError):
        text.claim("entry", where="there", given=NUMBERS)
    assert list(text) == [first]
