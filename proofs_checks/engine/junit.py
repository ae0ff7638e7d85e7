"""The run as JUnit XML, the form in which CI services list tests: a suite for each paper, a test for each statement."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")          # characters that XML 1.0 cannot hold


def junit(run: dict[str, Any]) -> str:
    """The document as JUnit XML.

    A verdict that is not the expected one is a failure, INCONCLUSIVE an error, and a statement that the profile leaves out is
    skipped. An interrupted run has one more suite with an error, so that nothing green hides what was not run.
    """
    root = ElementTree.Element("testsuites", name="proofs_checks")
    papers = dict.fromkeys(id.partition("/")[0] for id in [*(claim["id"] for claim in run["claims"]), *run.get("left_out", ())])
    for paper in papers:
        suite = ElementTree.SubElement(root, "testsuite", name=_clean(paper))
        _properties(suite, run)
        for claim in run["claims"]:
            if claim["id"].partition("/")[0] == paper:
                _case(suite, claim)
        for id in run.get("left_out", ()):
            if id.partition("/")[0] == paper:
                ElementTree.SubElement(_test(suite, id, 0.0), "skipped", message="left out of this profile; --profile full runs it")
    if run.get("interrupted"):
        case = _test(ElementTree.SubElement(root, "testsuite", name="run"), "run/interrupted", 0.0)
        _outcome(case, "error", "INTERRUPTED", f"the run was interrupted after {len(run['claims'])} statements; the others have no verdict", "")
    _count(root)
    ElementTree.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _properties(suite: ElementTree.Element, run: dict[str, Any]) -> None:
    known = {name: run[name] for name in ("seed", "implementation", "profile") if name in run} | run.get("versions", {})
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in known.items():
        ElementTree.SubElement(properties, "property", name=_clean(name), value=_clean(value))


def _case(suite: ElementTree.Element, claim: dict[str, Any]) -> None:
    case = _test(suite, claim["id"], claim.get("seconds", 0.0))
    verdict, expected, note = claim["verdict"], claim.get("expected", claim["verdict"]), claim.get("note") or claim.get("erratum") or ""
    if verdict == "INCONCLUSIVE":
        _outcome(case, "error", verdict, note or "the evidence cannot decide at the declared discrepancy", _details(claim))
    elif verdict != expected:
        _outcome(case, "failure", verdict, f"{claim['id']} is {verdict}, its form says {expected}{': ' if note else ''}{note}", _details(claim))
    ElementTree.SubElement(case, "system-out").text = _clean(_details(claim))


def _test(suite: ElementTree.Element, id: str, seconds: float) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", classname=f"proofs_checks.{_clean(id.partition('/')[0])}", name=_clean(id), time=f"{seconds:.4f}")


def _outcome(case: ElementTree.Element, tag: str, kind: str, message: str, details: str) -> None:
    ElementTree.SubElement(case, tag, type=kind, message=_clean(message)).text = _clean(details)


def _details(claim: dict[str, Any]) -> str:
    """What a reader of the failed build wants to see."""
    variants, routes = claim.get("variants", ()), list(claim.get("routes", ()))
    rows = {
        "verdict": claim["verdict"],
        "statement": claim.get("statement"),
        "where": claim.get("where"),
        "routes": (" <= " if routes == ["value", "bound"] else " = ").join(routes),
        "evidence": f"{claim.get('evidence', 'none')}, {claim.get('instances', 0)} instances, worst {claim.get('worst', 0.0):.2g}",
        "told apart": f"{sum(variant['caught'] for variant in variants)} of {len(variants)} wrong variants",
        "missed": "; ".join(variant["name"] for variant in variants if not variant["caught"]),
        "witness": claim.get("witness"),
        "erratum": claim.get("erratum"),
        "note": claim.get("note"),
    }
    return "\n".join(f"{name}: {text}" for name, text in rows.items() if text)


def _count(root: ElementTree.Element) -> None:
    """The counts that readers expect on each suite and on the whole."""
    for element in (*root.iter("testsuite"), root):
        cases = [*element.iter("testcase")]
        element.set("tests", str(len(cases)))
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            element.set(name, str(sum(case.find(tag) is not None for case in cases)))
        element.set("time", f"{sum(float(case.get('time', 0)) for case in cases):.4f}")


def _clean(value: Any) -> str:
    """Text without the control characters that XML cannot hold."""
    return _FORBIDDEN.sub("\ufffd", str(value))
