"""JUnit XML as CI services read it."""

from xml.etree import ElementTree

from proofs_checks.engine.junit import junit


def claim(id, verdict="HOLDS", expected="HOLDS", **more):
    return {"id": id, "verdict": verdict, "expected": expected, "seconds": 0.25, "evidence": "numeric", "routes": ["left", "right"], "worst": 1e-16,
            "instances": 40, "variants": [{"name": "sign lost", "caught": True}, {"name": "factor 2", "caught": verdict != "VACUOUS"}], **more}


RUN = {
    "schema": 1, "seed": 7, "implementation": "numpy", "profile": "quick", "versions": {"numpy": "2.4"},
    "claims": [
        claim("A/one"), claim("A/two", "REFUTED", note='the routes disagree, <x> & "y"', witness="d = 2"), claim("A/three", "INCONCLUSIVE", "CONSISTENT"),
        claim("B/one", "AMENDED", "AMENDED", erratum="the sum runs to p"), claim("B/two", "VACUOUS"), claim("B/three", "OUT OF REACH", "OUT OF REACH"),
    ],
    "left_out": ["B/four", "C/one"],
}


def suites(run):
    return {suite.get("name"): suite for suite in ElementTree.fromstring(junit(run)).iter("testsuite")}


def counts(element):
    return {name: int(element.get(name)) for name in ("tests", "failures", "errors", "skipped")}


def test_the_counts():
    assert {name: counts(suite) for name, suite in suites(RUN).items()} == {
        "A": {"tests": 3, "failures": 1, "errors": 1, "skipped": 0},
        "B": {"tests": 4, "failures": 1, "errors": 0, "skipped": 1},
        "C": {"tests": 1, "failures": 0, "errors": 0, "skipped": 1},
    }
    root = ElementTree.fromstring(junit(RUN))
    assert counts(root) == {"tests": 8, "failures": 2, "errors": 1, "skipped": 2}
    assert float(root.get("time")) == 1.5


def test_every_case_has_a_name_a_class_and_a_time():
    cases = [*ElementTree.fromstring(junit(RUN)).iter("testcase")]
    assert [case.get("name") for case in cases] == ["A/one", "A/two", "A/three", "B/one", "B/two", "B/three", "B/four", "C/one"]
    assert {case.get("classname") for case in cases} == {"proofs_checks.A", "proofs_checks.B", "proofs_checks.C"}
    assert cases[0].get("time") == "0.2500"
    assert "left = right" in cases[0].findtext("system-out")


def test_a_failure_says_what_and_where():
    failure = suites(RUN)["A"].find(".//failure")
    assert failure.get("type") == "REFUTED"
    assert failure.get("message") == 'A/two is REFUTED, its form says HOLDS: the routes disagree, <x> & "y"'
    assert "witness: d = 2" in failure.text
    assert "missed: factor 2" in suites(RUN)["B"].find(".//failure").text


def test_inconclusive_is_an_error():
    assert suites(RUN)["A"].find(".//error").get("type") == "INCONCLUSIVE"


def test_the_run_is_named():
    properties = {entry.get("name"): entry.get("value") for entry in suites(RUN)["A"].iter("property")}
    assert properties == {"seed": "7", "implementation": "numpy", "profile": "quick", "numpy": "2.4"}


def test_an_interrupted_run_is_not_green():
    assert "run" not in suites(RUN)
    root = ElementTree.fromstring(junit({**RUN, "claims": RUN["claims"][:1], "left_out": [], "interrupted": True}))
    assert counts(root) == {"tests": 2, "failures": 0, "errors": 1, "skipped": 0}
    assert "interrupted after 1 statements" in root.find(".//error").get("message")


def test_characters_that_xml_cannot_hold():
    text = junit({**RUN, "claims": [claim("A/one", "REFUTED", note="a\x00b\x1bc\ud800d\ttab")]})
    assert "a\ufffdb\ufffdc\ufffdd\ttab" in ElementTree.fromstring(text).find(".//failure").get("message")


def test_the_same_document_gives_the_same_bytes_and_the_least_one_is_enough():
    assert junit(RUN) == junit(RUN)
    assert junit(RUN).startswith('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites')
    assert counts(ElementTree.fromstring(junit({"claims": [{"id": "A/b", "verdict": "HOLDS"}]})))["tests"] == 1
    assert counts(ElementTree.fromstring(junit({"claims": []})))["tests"] == 0
