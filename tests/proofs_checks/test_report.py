"""What a run leaves: rows, JSON that others script against, and Markdown that is the same bytes whatever the seed and the machine."""

import io
import json
import math
import re
from dataclasses import replace

import pytest

from proofs_checks import Paper, Sides, ulps
from proofs_checks.engine.report import Screen, document, explain, markdown, tally, write_json
from proofs_checks.engine.run import VERDICTS, Result, audit_one
from proofs_checks.papers import papers
from refimpl import implementation
from tests.proofs_checks.planted import off_by_half, off_by_one, planted, same, same_floats

DESIGN_RUN = ["schema", "versions", "seed", "implementation", "profile", "false_alarm_budget", "claims", "left_out", "summary"]
DESIGN_CLAIM = ["id", "covers", "verdict", "expected", "evidence", "routes", "variants", "mutants", "false_alarm", "worst", "instances",
                "seconds", "witness"]
MORE_RUN = {"papers", "interrupted"}
MORE_CLAIM = {"note", "statement", "where", "printed", "printed_from", "erratum", "needs", "aliases", "out_of_reach", "universal", "discrepancy", "proof"}


def false(at):
    """k^2 is k."""
    return Sides(left=at.k**2, right=at.k)


def one_of_each():
    """A result of each verdict that the runner gives today."""
    paper = Paper("PLANTED", title="planted", version="planted text")
    return [audit_one(claim) for claim in (
        planted(same_floats, off_by_half, paper=paper, slug="holds", tol=ulps(4), covers=["L1"], needs=["PLANTED/other"]),
        planted(same, off_by_one, paper=paper, slug="amended", erratum="the repair", printed="k + 1", as_printed=off_by_one, aliases=["too"]),
        planted(false, off_by_one, paper=paper, slug="refuted"),
        planted(lambda at: Sides(left=[1], right=[1, 2]), off_by_one, paper=paper, slug="infinitely-far"),
        planted(same, paper=paper, slug="vacuous"),
        planted(same, off_by_one, paper=paper, slug="beyond", out_of_reach="a limit"),
    )]


def run(results, left_out=()):
    return document(results, seed=7, implementation="numpy", profile="quick", left_out=left_out)


# ---- JSON

def test_a_run_has_the_keys_of_the_contract_in_their_order():
    got = run(one_of_each(), left_out=[planted(same, slug="dear", profile="full")])
    assert [key for key in got if key in DESIGN_RUN] == DESIGN_RUN
    assert set(got) - set(DESIGN_RUN) <= MORE_RUN
    assert (got["schema"], got["seed"], got["implementation"], got["profile"]) == (1, 7, "numpy", "quick")
    assert (got["false_alarm_budget"], got["left_out"]) == (1e-6, ["PLANTED/dear"])
    assert {"python", "numpy", "scipy", "hypothesis", "refimpl"} <= set(got["versions"])


def test_a_claim_has_the_keys_of_the_contract_in_their_order():
    for claim in run(one_of_each())["claims"]:
        assert [key for key in claim if key in DESIGN_CLAIM] == DESIGN_CLAIM
        assert set(claim) - set(DESIGN_CLAIM) <= MORE_CLAIM
        assert list(claim["mutants"]) == ["killed", "total", "raised", "exempt"]
        assert all(list(variant) == ["name", "caught"] for variant in claim["variants"])


def test_a_claim_says_what_was_found():
    holds, amended = run(one_of_each())["claims"][:2]
    assert {key: holds[key] for key in ("id", "covers", "verdict", "expected", "evidence", "routes", "instances", "witness", "false_alarm", "worst")} == {
        "id": "PLANTED/holds", "covers": ["L1"], "verdict": "HOLDS", "expected": "HOLDS", "evidence": "numeric", "routes": ["left", "right"],
        "instances": 5, "witness": "", "false_alarm": 0.0, "worst": 0.0}
    assert holds["variants"][0] == {"name": "slip 1", "caught": True}
    assert (amended["verdict"], amended["expected"], amended["evidence"], amended["witness"]) == ("AMENDED", "AMENDED", "exact", "k = 1")
    assert amended["variants"][0] == {"name": "as printed", "caught": True}


def test_the_summary_names_every_verdict():
    results = one_of_each()
    assert list(run(results)["summary"]) == list(VERDICTS)
    assert run(results)["summary"] == {"HOLDS": 1, "AMENDED": 1, "REFUTED": 2, "CONSISTENT": 0, "INCONCLUSIVE": 0, "VACUOUS": 1, "OUT OF REACH": 1}
    assert sum(tally(results).values()) == len(results)
    assert set(tally([]).values()) == {0}


def test_the_file_is_strict_json_without_nan_or_infinity(tmp_path):
    results = one_of_each()
    assert results[3].worst == math.inf
    write_json(tmp_path / "run.json", run(results))
    text = (tmp_path / "run.json").read_text(encoding="utf-8")
    read = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in the JSON"))
    assert read["claims"][3]["worst"] == 1.7976931348623157e308
    assert read == run(results)
    assert text.endswith("\n")


def test_seconds_are_measured():
    assert all(0 <= claim["seconds"] < 10 for claim in run(one_of_each())["claims"])
    assert json.dumps(run(one_of_each())["claims"][0]["seconds"])


# ---- Markdown

STEADY = ["DLS22/network", "DLS22/network-size", "DLS22/eq-init", "DLS22/sec-6-target", "DLS22/def-37", "DLS22/eq-1", "DLS22/lemma-9-bound", "HERMITE/series"]
claims = {claim.id: claim for paper in papers() for claim in paper}


def page(seed=0, side="numpy"):
    with implementation(side):
        return markdown([audit_one(claims[name], seed=seed) for name in STEADY])


@pytest.fixture(scope="module")
def steady():
    return page()


@pytest.mark.parametrize(("seed", "side"), [(1, "numpy"), (7, "numpy"), (0, "kernels")])
def test_the_page_is_the_same_bytes_for_every_seed_and_implementation(steady, seed, side):
    assert page(seed, side) == steady


def test_the_page_names_every_statement_its_routes_its_variants_and_its_errata(steady):
    for name in STEADY:
        paragraph = paragraph_of(steady, name)
        assert claims[name].statement in paragraph
        assert claims[name].where in paragraph
        assert all(variant.name in paragraph for variant in claims[name].variants)
        assert (claims[name].erratum or "") in paragraph
    assert "- numeric: `half_space_moments` = `hermite_series`" in paragraph_of(steady, "DLS22/eq-1")
    assert "smallest witness: p = 2, r = 1, d = 1, frame = orthonormal" in paragraph_of(steady, "DLS22/eq-1")


def paragraph_of(page, name):
    return re.search(rf"^### [A-Z ]+ {name}\n.*?(?=^##|\Z)", page, flags=re.MULTILINE | re.DOTALL).group()


def test_the_page_holds_no_number_of_the_run(steady):
    for name in STEADY:
        claim, left = claims[name], paragraph_of(steady, name)
        said = [claim.statement, claim.where, claim.printed_from, claim.printed, claim.erratum, claim.id, *claim.covers, *claim.aliases, *claim.needs,
                *(variant.name for variant in claim.variants), *audit_one(claim).routes]
        for text in sorted(filter(None, said), key=len, reverse=True):
            left = left.replace(text, "")
        left = re.sub(r"smallest witness: (\w+ = [\w.+-]+(, )?)+$", "", left, flags=re.MULTILINE)
        assert not re.search(r"\d", left), left


def test_a_page_about_statements_without_a_digit_has_none():
    results = [result for result in one_of_each() if result.verdict in ("HOLDS", "OUT OF REACH")]
    _, _, text = markdown(results).replace("slip 1", "").replace("L1", "").partition("\n## ")
    assert not re.search(r"\d", text)
    assert "### HOLDS PLANTED/holds\n\nk is k in floats.\n\n- here; " in text


def test_a_page_says_what_was_missed():
    missed = audit_one(planted(same, off_by_one, same))
    assert "- told apart: slip 1\n- missed: slip 2\n" in markdown([missed])


def test_papers_stand_apart_in_the_order_of_the_results():
    other = Paper("OTHER", title="another", version="its version")
    text = markdown([audit_one(planted(same, off_by_one, paper=other)), audit_one(planted(same, off_by_one))])
    assert re.findall(r"^## .*$", text, flags=re.MULTILINE) == ["## OTHER: another", "## PLANTED: planted"]


def test_a_page_says_why_a_statement_is_out_of_reach():
    assert "a limit" in markdown([audit_one(planted(same, off_by_one, out_of_reach="a limit"))])


def test_a_page_shows_where_a_statement_fails():
    assert "k = 2" in markdown([audit_one(planted(false, off_by_one))])


def test_a_page_does_not_quote_none():
    assert "None" not in markdown([audit_one(planted(same, off_by_one, erratum="e", as_printed=off_by_one))])


# ---- rows on the screen

class Terminal(io.StringIO):
    def isatty(self):
        return True


def rows(*results, err=None, left_out=()):
    out = io.StringIO()
    screen = Screen(len(results), out=out, err=err or io.StringIO())
    for result in results:
        screen.start(result.claim)
        screen.row(result)
    screen.summary(results, left_out, 1.25)
    return out.getvalue().splitlines()


def test_a_row_shows_verdict_statement_evidence_and_what_was_caught():
    head, row, *_ = rows(audit_one(planted(same_floats, off_by_half, tol=ulps(4))))
    assert head.split() == ["verdict", "statement", "evidence", "caught", "mutants", "worst", "sec", "what", "it", "says"]
    assert re.fullmatch(r"HOLDS +PLANTED/entry +numeric +9/9 +- +0 +0\.\d\d  k is k in floats\.", row)


def test_a_row_shows_the_mutants_and_the_summary_their_sum_and_the_false_alarms():
    result = replace(audit_one(planted(same_floats, off_by_half, tol=ulps(4))), mutants={"killed": 41, "total": 42, "raised": 9, "exempt": 1}, false_alarm=1e-8)
    _, row, *_, summary = rows(result, result)
    assert row.split()[4] == "41/42"
    assert summary == "2 statements: 2 HOLDS; 18 of 18 wrong variants told apart; 82 of 84 mutants killed; false alarms 2.0e-08 of 1e-06; 1.2 s"
    assert "  mutants   41 killed, 42 total, 9 raised, 1 exempt" in explain(result).splitlines()


def test_an_amended_row_shows_witness_and_repair():
    lines = rows(audit_one(planted(same, off_by_one, erratum="write k", as_printed=off_by_one)))
    assert lines[2] == f"{'':<13}as printed it fails at k = 1: write k"


def test_a_refuted_row_shows_where_and_the_summary_that_it_was_not_expected():
    lines = rows(audit_one(planted(false, off_by_one)))
    assert [line.strip() for line in lines[2:4]] == ["fails at k = 2", "the routes disagree"]
    assert lines[-1] == "not as expected: PLANTED/entry is REFUTED, its form says HOLDS"


def test_the_summary_counts_verdicts_and_variants_and_names_what_was_left_out():
    good, bad = audit_one(planted(same, off_by_one)), audit_one(planted(same))
    lines = rows(good, good, bad, left_out=[planted(same, slug="dear")])
    assert "3 statements: 2 HOLDS, 1 VACUOUS; 26 of 26 wrong variants told apart; 1.2 s" in lines
    assert lines[-1] == "left out (needs --profile full): PLANTED/dear"


@pytest.mark.parametrize("statement", ["f: [0, 1] -> [bold]R[/bold]", "a [/] b", r"\[x\]", r"ends in \\"])
def test_brackets_and_backslashes_of_a_statement_are_shown_as_they_are(statement):
    def body(at):
        return same(at)

    body.__doc__ = statement
    assert rows(audit_one(planted(body, off_by_one)))[1].endswith(f"  {statement}")


def test_colons_of_a_statement_are_shown_as_they_are():
    def body(at):
        """The ratio u:v:w is x."""
        return same(at)

    assert rows(audit_one(planted(body, off_by_one)))[1].endswith("  The ratio u:v:w is x.")


def test_columns_stay_apart_after_a_long_id():
    row = rows(audit_one(planted(same, off_by_one, slug="a-slug-that-is-longer-than-its-column")))[1]
    assert row.split()[:3] == ["HOLDS", "PLANTED/a-slug-that-is-longer-than-its-column", "exact"]


@pytest.mark.parametrize("more", [{}, {"as_printed": same}], ids=["no repair known", "the printed form is right"])
def test_a_row_does_not_say_that_a_right_formula_fails(more):
    lines = rows(audit_one(planted(same, off_by_one, erratum="write k", **more)))
    assert not any("it fails at :" in line for line in lines)


def test_a_row_about_a_wrong_repair_does_not_blame_the_printed_form():
    lines = rows(audit_one(planted(false, off_by_one, erratum="write k", as_printed=off_by_one)))
    assert not any("as printed it fails at k = 2" in line for line in lines)


def test_progress_goes_to_stderr_and_only_where_that_is_a_terminal():
    result, terminal, pipe = audit_one(planted(same, off_by_one)), Terminal(), io.StringIO()
    rows(result, err=terminal)
    rows(result, err=pipe)
    assert "[1/1] PLANTED/entry" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")
    assert pipe.getvalue() == ""


def test_no_colour_goes_into_a_pipe():
    assert not any("\x1b" in line for line in rows(*one_of_each()))


# ---- one statement in full

def test_an_explanation_shows_everything_that_is_known():
    text = explain(audit_one(planted(same, off_by_one, same, covers=["L1"], aliases=["too"], printed="k = k")))
    assert text.splitlines()[:7] == [
        "PLANTED/entry", "  statement k is k.", "  where     here", "  source    planted text", "  printed   k = k", "  labels    L1", "  also      PLANTED/too"]
    assert "  verdict   VACUOUS (its form says HOLDS)" in text
    assert "  routes    left = right" in text
    assert "  note      not told apart: slip 2" in text
    assert "  caught    slip 1" in text
    assert "  MISSED    slip 2" in text


def test_an_explanation_leaves_out_what_is_empty():
    text = explain(audit_one(planted(same, off_by_one)))
    assert not re.search(r"^  (erratum|witness|note|labels|printed|needs)\b", text, flags=re.MULTILINE)
    assert all(re.match(r"  \w+ +\S", line) for line in text.splitlines()[1:])


def test_a_result_knows_whether_it_is_as_expected():
    claim = planted(same, off_by_one)
    assert {verdict: Result(claim, verdict).as_expected for verdict in VERDICTS} == {verdict: verdict == "HOLDS" for verdict in VERDICTS}
