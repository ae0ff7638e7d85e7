"""The page: one file that fetches nothing, in which every statement is found, every text escaped and every formula typeset."""

import copy
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from proofs_checks.engine import html, report
from proofs_checks.engine.run import VERDICTS, audit
from proofs_checks.engine.select import select

VOID = {"meta", "link", "br", "hr", "img", "input", "wbr", "area", "base", "col", "embed", "source", "track"}


class Page(HTMLParser):
    """The elements of a page; an assertion fails where they do not nest."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.ids, self.links, self.words = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        self.links += [value for name, value in attrs if name == "href"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "title"):
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture(scope="module")
def run():
    """A real run of a few statements, as it comes back from its JSON file."""
    claims = select(["DLS22/eq-1", "DLS22/eq-1-coefficients", "DLS22/eq-1-bias", "DLS22/eq-1-exact", "DLS22/eq-1-quadratic", "DLS22/network",
                     "DLS22/network-size", "DLS22/lemma-4", "DLS22/asm-1", "HERMITE/stein"])
    document = report.document([*audit(claims)], seed=0, implementation="numpy", profile="quick", left_out=[])
    return json.loads(json.dumps(document))


@pytest.fixture(scope="module")
def drawn(run):
    """Its pictures."""
    return html.pictures(run)


def planted(run, **changes):
    """The run with one statement's fields replaced."""
    run = copy.deepcopy(run)
    run["claims"][0].update(changes)
    return run


def test_nothing_is_fetched_and_nothing_runs(run, drawn):
    text = html.html(run, drawn)
    page = Page(text)
    assert page.links
    assert all(link.startswith("#") for link in page.links)
    assert {"script", "iframe", "object", "embed", "img", "link", "base"}.isdisjoint(tag for tag, _ in page.tags)
    assert not [name for _, attrs in page.tags for name in attrs if name in ("src", "srcset", "data", "action") or name.startswith("on")]
    assert not re.search(r"@import|@font-face|url\((?!#)|https?:", text)


def test_every_statement_has_an_anchor_and_every_link_an_end(run, drawn):
    page = Page(html.html(run, drawn))
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links} <= set(page.ids)
    for claim in run["claims"]:
        anchor = html.anchor(claim["id"])
        assert anchor in page.ids
        assert page.links.count(f"#{anchor}") >= 2, "the table, and its own heading"


def test_it_shows_what_a_reviewer_asks_for(run):
    text = Page(html.html(run)).text
    claim = next(claim for claim in run["claims"] if claim["id"] == "DLS22/eq-1")
    for shown in (claim["erratum"], claim["witness"], claim["statement"], claim["where"], claim["printed_from"], "A.G2", "half_space_moments",
                  "numeric, ", f"{len(claim['variants'])} of {len(claim['variants'])} told apart", "1 / (k+1)! for 1 / k! in the first sum",
                  "zero, sign, factor 2, shift by one: each route"):
        assert shown in text
    for figure in ("seed, profile, implementation", "numpy 2", f"of a budget of {html.figure(run['false_alarm_budget'])}", "100 %"):
        assert figure in text


# ---- errata

def erratum(text, id):
    """The words of one erratum."""
    return Page(re.search(rf'<article id="{html.erratum_anchor(id)}".*?</article>', text, re.DOTALL)[0]).text


def refuted(run, id):
    """The run with a statement that is false and has no repair."""
    run = copy.deepcopy(run)
    next(claim for claim in run["claims"] if claim["id"] == id).update(verdict="REFUTED", expected="REFUTED", erratum=None, witness="d = 1")
    return run


def test_an_erratum_has_a_place_of_its_own(run):
    page = Page(html.html(run))
    amended = [claim["id"] for claim in run["claims"] if claim["verdict"] == "AMENDED"]
    assert len(amended) >= 3
    assert [id for id in page.ids if id.startswith("erratum-")] == [html.erratum_anchor(id) for id in amended]
    assert "erratum-DLS22-eq-1" in page.ids
    for id in amended:
        assert page.links.count("#" + html.erratum_anchor(id)) >= 4, "the overview, its own title, the row of the table and the entry"
        assert {f"#row-{html.anchor(id)}", f"#{html.anchor(id)}"} <= set(page.links), "and back"
    assert page.links.count("#errata") == 1 + len(amended)


def test_an_erratum_says_what_is_printed_where_it_fails_and_what_holds(run):
    claim = next(claim for claim in run["claims"] if claim["id"] == "DLS22/eq-1")
    text = erratum(html.html(run), "DLS22/eq-1")
    for part in (claim["where"], f"as printed: {claim['printed_from']}", f"the printed form fails at {claim['witness']}", f"repair {claim['erratum']}",
                 claim["statement"], "A.G2", "ERR-A1", f"numeric, on {claim['instances']} instances"):
        assert part in text


def test_what_was_not_quoted_is_said(run):
    text = erratum(html.html(planted(run, printed=None, erratum="a", verdict="AMENDED", expected="AMENDED", printed_from="an index")), run["claims"][0]["id"])
    assert "the text is not quoted: an index" in text
    assert "as printed" not in text


def test_an_erratum_names_what_depends_on_it(run):
    text = erratum(html.html(run), "DLS22/eq-1")
    needs = {claim["id"]: claim["needs"] for claim in run["claims"]}
    users = [id for id in needs if "DLS22/eq-1" in needs[id]]
    assert users
    assert "stand on its repaired form" in text
    for id in users:
        assert re.search(rf"{id} \w+ , directly", text)
    assert "DLS22/eq-1-quadratic" not in users
    assert re.search(r"DLS22/eq-1-quadratic HOLDS , by way of [\w-]+", text)


def test_dependents_are_all_that_stand_on_it():
    claims = [{"id": f"A/{id}", "verdict": verdict, "needs": [f"A/{need}" for need in needs]} for id, verdict, needs in (
        ("a", "AMENDED", ""), ("b", "VACUOUS", "a"), ("c", "HOLDS", "b"), ("d", "CONSISTENT", "ac"), ("e", "HOLDS", ""), ("f", "HOLDS", "e"))]
    rows = html.page({"claims": claims, "summary": {}}, None)["errata"]
    assert list(rows) == ["A/a"]
    assert [(row["id"], row["directly"], row["by"], row["shaky"]) for row in rows["A/a"]] == [
        ("A/b", True, [], []), ("A/d", True, ["A/c"], ["A/b"]), ("A/c", False, ["A/b"], ["A/b"])]
    text = erratum(html.html({"claims": claims, "summary": {}}), "A/a")
    assert "3 statements, which stand on its repaired form" in text
    assert "A/c HOLDS , by way of b over A/b, which is not confirmed here" in text


def test_a_refuted_statement_is_an_erratum_without_repair(run):
    text = html.html(refuted(run, "HERMITE/stein"))
    assert "fails at d = 1" in erratum(text, "HERMITE/stein")
    assert "which stand on a statement that is false" in erratum(text, "HERMITE/stein")
    assert "no repair is known" in Page(text).text


def test_errata_are_shown_paper_by_paper(run):
    assert 'type="radio"' not in html.html(run), "of one paper there is nothing to choose"
    text = html.html(refuted(run, "HERMITE/stein"))
    radios = [attrs for tag, attrs in Page(text).tags if tag == "input"]
    assert [attrs["id"] for attrs in radios] == ["errata-of-all", "errata-of-1", "errata-of-2"]
    assert len({attrs["name"] for attrs in radios}) == 1
    assert [attrs["id"] for attrs in radios if "checked" in attrs] == ["errata-of-all"]
    papers = {html.erratum_anchor(claim["id"]): claim["id"].partition("/")[0] for claim in run["claims"]}
    of = {(papers[attrs["id"]], attrs["data-of"]) for tag, attrs in Page(text).tags if tag == "article" and "data-of" in attrs}
    assert len(of) == 2
    for _, number in of:
        assert f'.errata:has(#errata-of-{number}:checked) [data-of]:not([data-of="{number}"], :target)' in text


def test_papers_without_errata_have_no_section_of_them(run):
    clean = run | {"claims": [claim for claim in run["claims"] if not claim["erratum"]]}
    page = Page(html.html(clean))
    assert "errata" not in page.ids
    assert "#errata" not in page.links
    assert "Errata" not in page.text
    assert {link[1:] for link in page.links} <= set(page.ids)


def test_the_same_document_gives_the_same_bytes(run, drawn):
    assert html.html(run, drawn) == html.html(copy.deepcopy(run), html.pictures(run))


# ---- texts of papers are text

NASTY = '<script>alert(1)</script> & "quoted" <b>'


@pytest.mark.parametrize("field", ["erratum", "statement", "where", "printed_from", "witness", "note", "printed", "evidence"])
def test_texts_are_escaped(run, field):
    text = html.html(planted(run, **{field: NASTY}))
    assert "script" not in {tag for tag, _ in Page(text).tags}
    assert "<script" not in text
    assert "alert(1)" in Page(text).text


def test_names_are_escaped(run):
    wrong = planted(run, routes=[NASTY], variants=[{"name": NASTY, "caught": False}], covers=[NASTY], needs=[NASTY], aliases=[NASTY], id=f"X/{NASTY}")
    text = html.html(wrong | {"left_out": [NASTY], "seed": NASTY, "versions": {NASTY: NASTY}, "papers": {"X": {"title": NASTY}}})
    assert "<script" not in text
    assert html.anchor(f"X/{NASTY}") in Page(text).ids


# ---- formulas

def test_every_printed_formula_is_typeset(run):
    text = html.html(run)
    formulas = re.findall(r"<math.*?</math>", text, re.DOTALL)
    assert len(formulas) == sum(1 + bool(claim["erratum"]) for claim in run["claims"] if claim["printed"])
    for formula in formulas:
        assert ElementTree.fromstring(formula).get("display") == "block"


@pytest.mark.parametrize("latex", [r"\frac{1}{", r"\left( x", r"\nosuchcommand{x}", "x^", "a & b", r"\href{javascript:alert(1)}{x}",
                                   r"\style{background:url(//elsewhere)}{x}"])
def test_what_cannot_be_typeset_is_shown_as_source(run, latex):
    assert html.typeset(latex) is None
    text = html.html(planted(run, printed=latex))
    assert latex in Page(text).text
    assert "as LaTeX source" in text
    assert not re.search(r"<[^>]*javascript|style=\"background", text)


@pytest.mark.parametrize(("latex", "holds"), [
    (r"\mathbf{1}_{x}", "\N{MATHEMATICAL BOLD DIGIT ONE}"), (r"x \sim y", "<mo>\u223c</mo>"), ("H := x", "<mo>:=</mo>"),
    ("a = -b", '<mo form="prefix">\u2212</mo>'), ("a - b", "<mo>\u2212</mo>"), ("f(x) - b", "<mo>\u2212</mo>"), ("x < y", "<mo>&lt;</mo>"),
    ('"', 'alttext="&quot;"'),
])
def test_what_the_converter_leaves_is_put_right(latex, holds):
    assert holds in html.typeset(latex)


# ---- runs that are not the usual one

def test_an_interrupted_run_says_so(run):
    assert "interrupted" not in Page(html.html(run)).text
    text = Page(html.html(run | {"interrupted": True})).text
    assert "This run was interrupted" in text
    assert text.index("interrupted") < text.index("Errata")


def test_an_unexpected_verdict_comes_first(run):
    text = Page(html.html(planted(run, verdict="VACUOUS", expected="HOLDS", note="not told apart: sign lost"))).text
    assert "1 not as expected" in text
    assert text.index("not told apart: sign lost") < text.index("What is printed, where it fails first")


def test_every_verdict_has_a_shape_a_word_and_a_meaning(run):
    for verdict in VERDICTS:
        page = Page(html.html(planted(run, verdict=verdict, expected=verdict)))
        assert f"mark-{verdict.lower().replace(' ', '-')}" in page.ids
        assert page.text.count(verdict) >= 2


def test_statistical_evidence_shows_both_error_rates(run):
    text = Page(html.html(planted(run, evidence="statistical", worst=0.3, false_alarm=2.5e-8, discrepancy=0.05))).text
    assert "false alarm 2.5e-08" in text
    assert "a discrepancy of 0.05" in text
    assert "2.5e-08 of a budget of 1e-06" in text
    assert "of the interval's half-width" in text
    assert "overspent" in Page(html.html(planted(run, false_alarm=2e-6))).text


def test_an_inequality_is_written_as_one(run):
    assert "routes value ≤ bound" in Page(html.html(planted(run, routes=["value", "bound"]))).text
    assert "routes a = bound" in Page(html.html(planted(run, routes=["a", "bound"]))).text


def test_a_proof_says_for_which_range_and_why(run):
    text = Page(html.html(planted(run, evidence="proved", proof={"over": "every unit u, w", "because": "both sides are polynomials in u.w"}))).text
    assert "proved for every unit u, w: both sides are polynomials in u.w" in text


def test_mutants_are_shown(run):
    text = Page(html.html(planted(run, mutants={"killed": 41, "total": 42, "raised": 9, "exempt": 1}))).text
    assert "41 of 42 killed, 9 raised, 1 exempt" in text
    assert "41 of 42 (97.61 %); 9 raised, 1 exempt" in text


def test_a_cycle_leaves_the_page_and_is_reported(run):
    first, second = (claim["id"] for claim in run["claims"][:2])
    wrong = planted(run, needs=[second])
    wrong["claims"][1]["needs"] = [first]
    wrong["claims"][0].update(erratum="a", verdict="AMENDED", expected="AMENDED")
    text = html.html(wrong)
    assert "a statement cannot stand on itself" in Page(text).text
    assert f"{second} " in erratum(text, first)


def test_an_alias_is_followed_and_a_stranger_is_named(run):
    wrong = planted(run, needs=["DLS22/lemma-1", "ELSEWHERE/thm-1"])
    next(claim for claim in wrong["claims"] if claim["id"] == "DLS22/lemma-4").update(aliases=["DLS22/lemma-1"], needs=[])
    text = Page(html.html(wrong)).text
    assert "needs DLS22/lemma-4 ELSEWHERE/thm-1 (not in this run)" in text


def test_a_run_of_nothing_and_the_least_document(run):
    nothing = {"schema": 1, "claims": [], "summary": {}}
    assert "Audit of 0 statements" in Page(html.html(nothing)).text
    least = nothing | {"claims": [{"id": "A/b", "verdict": "HOLDS"}], "left_out": ["A/c"]}
    assert "A/c" in Page(html.html(least)).text


# ---- pictures

def test_the_picture_of_lemma_1(run, drawn):
    picture = drawn["DLS22/lemma-4"]
    assert ElementTree.fromstring(picture).get("role") == "img"
    assert not re.search("http|<style|#0102|date", picture)
    text = html.html(run, drawn)
    assert picture in text
    assert "first to the last decile" in text
    assert "refimpl[plots]" not in text


def test_without_matplotlib_the_extra_is_named(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert html.pictures(run) is None
    assert "pip install 'refimpl[plots]'" in Page(html.html(run, html.pictures(run))).text


def test_a_run_without_that_statement_has_no_picture(run):
    assert html.pictures(run | {"claims": []}) == {}


@pytest.mark.parametrize(("value", "written"), [(0, "0"), (0.0, "0"), (5.6e-17, "5.6e-17"), (1e-6, "1e-06"), (0.05, "0.05"), (3, "3"), ("some", "some")])
def test_figures(value, written):
    assert html.figure(value) == written


def test_a_share_is_never_rounded_up():
    assert html.share(99_999, 100_000) == "99.99 %"
    assert html.share(0, 0) == "none"


def test_the_extras_are_imported_on_use():
    code = ("import sys, proofs_checks.engine.html, proofs_checks.engine.junit, proofs_checks.engine.graph; "
            "print(*{'jinja2', 'markupsafe', 'latex2mathml', 'matplotlib', 'rich'} & sys.modules.keys())")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"
