"""The run as one HTML file that a reviewer reads: no network, no script, formulas as MathML, the errata first.

It is made from the canonical document alone, so it can be made again from a JSON file; the same document gives the same bytes.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from importlib import resources
from typing import Any
from unicodedata import category
from urllib.parse import quote
from xml.etree import ElementTree

from proofs_checks.engine import graph
from proofs_checks.engine.run import VERDICTS
from proofs_checks.engine.universal import UNIVERSAL


def html(run: dict[str, Any], pictures: dict[str, str] | None = None) -> str:
    """The page; ``pictures`` are inline SVGs by the ID of a statement, None where they could not be drawn."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    environment.filters |= {"figure": figure, "anchor": anchor, "erratum_anchor": erratum_anchor}
    environment.globals["share"] = share
    source = resources.files("proofs_checks.engine").joinpath("report.html.jinja").read_text(encoding="utf-8")
    return environment.from_string(source).render(page(run, pictures))


def page(run: dict[str, Any], pictures: dict[str, str] | None) -> dict[str, Any]:
    """Everything that the template shows."""
    from markupsafe import Markup

    needs = graph.needs_of((claim["id"], claim.get("needs", ()), claim.get("aliases", ())) for claim in run["claims"])
    directly, cycle = graph.users(needs), graph.cycle(needs)
    statements = {claim["id"]: _statement(claim, needs[claim["id"]], directly) for claim in run["claims"]}
    downstream = {id: graph.all_users(directly, id) for id in needs}
    errata = {id: _dependents(id, needs, downstream, statements) for id, s in statements.items() if s["erratum"] or s["verdict"] in ("AMENDED", "REFUTED")}
    return {
        "run": run,
        "statements": statements,
        "papers": _papers(run, statements, errata),
        "counts": {verdict: run["summary"].get(verdict, 0) for verdict in VERDICTS},
        "surprises": [s for s in statements.values() if s["verdict"] != s["expected"]],
        "errata": errata,
        "totals": _totals(statements.values()),
        "drawing": None if cycle else graph.drawing(needs, needs.keys() - statements.keys()),
        "cycle": cycle,
        "pictures": None if pictures is None else {id: Markup(svg) for id, svg in pictures.items()},
    }


def _papers(run: dict[str, Any], statements: Mapping[str, dict[str, Any]], errata: Container[str]) -> list[dict[str, Any]]:
    """The papers in the order of their first statements, with their errata; title and version where the document has them."""
    papers: dict[str, dict[str, Any]] = {}
    for id, statement in statements.items():
        key = id.partition("/")[0]
        papers.setdefault(key, {"title": "", "version": "", **run.get("papers", {}).get(key, {}), "key": key, "statements": []})
        papers[key]["statements"].append(statement)
    return [paper | {"errata": [s for s in paper["statements"] if s["id"] in errata]} for paper in papers.values()]


def _totals(statements: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """What the summary adds up."""
    rows = list(statements)
    mutants = {name: sum(row["mutants"].get(name, 0) for row in rows) for name in ("killed", "total", "raised", "exempt")}
    return {"caught": sum(row["caught"] for row in rows), "variants": sum(row["total"] for row in rows), "mutants": mutants,
            "false_alarm": math.fsum(row["false_alarm"] for row in rows), "spenders": [row for row in rows if row["false_alarm"]],
            "seconds": math.fsum(row["seconds"] for row in rows)}


# ---- one statement

_DEFAULTS: dict[str, Any] = {
    "covers": (), "aliases": (), "expected": None, "evidence": "none", "routes": (), "variants": (), "mutants": {}, "false_alarm": 0.0,
    "discrepancy": None, "proof": None, "worst": 0.0, "instances": 0, "seconds": 0.0, "witness": "", "note": "", "statement": "", "where": "",
    "printed": None, "printed_from": "", "erratum": None,
}


def _statement(claim: dict[str, Any], needs: Sequence[str], directly: graph.Needs) -> dict[str, Any]:
    """A claim of the document with what the page derives from it."""
    claim = _DEFAULTS | {"expected": claim["verdict"]} | claim
    universal = {f"{kind}: {route}" for kind in UNIVERSAL for route in claim["routes"]}
    caught = [variant["name"] for variant in claim["variants"] if variant["caught"]]
    return claim | {
        "needs": needs,
        "users": directly[claim["id"]],
        "math": typeset(claim["printed"]) if claim["printed"] else None,
        "named": [name for name in caught if name not in universal],
        "everywhere": _condensed(caught, claim["routes"]),
        "missed": [variant["name"] for variant in claim["variants"] if not variant["caught"]],
        "caught": len(caught),
        "total": len(claim["variants"]),
        "note": claim["note"] if claim["note"] != claim["erratum"] else "",
    }


def _condensed(names: Container[str], routes: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Universal variants by the routes that they were applied to: [("zero, sign", ("left", "right"))]."""
    on = {kind: tuple(route for route in routes if f"{kind}: {route}" in names) for kind in UNIVERSAL}
    return [(", ".join(kind for kind in on if on[kind] == where), where) for where in dict.fromkeys(on.values()) if where]


# ---- what depends on an erratum

FIRM = ("HOLDS", "AMENDED", "CONSISTENT")


def _dependents(id: str, needs: graph.Needs, downstream: graph.Needs, statements: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Every statement that stands on this one, first those that need it directly: ``by`` is what leads there, ``shaky`` what on the way is not firm."""
    users = [user for user in downstream[id] if user != id]
    rows = [{"id": user, "directly": id in needs[user], "by": [need for need in needs[user] if need in users],
             "shaky": [x for x in users if x != user and user in downstream[x] and statements[x]["verdict"] not in FIRM]} for user in users]
    return sorted(rows, key=lambda row: not row["directly"])


# ---- how things are written

def anchor(id: str) -> str:
    """The fragment of a statement: its ID, with nothing in it that an address would have to escape."""
    return quote(id, safe="/").replace("%", ".")


def erratum_anchor(id: str) -> str:
    """The fragment of its erratum, in words that survive in a letter: erratum-DLS22-eq-1."""
    return "erratum-" + anchor(id).replace("/", "-")


def figure(value: Any) -> str:
    """A number as the report writes it: 0, 5.6e-17, 1e-06; text as it is."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return str(value)
    return f"{value:.2g}"


def share(part: int, whole: int) -> str:
    """A percentage that is never rounded up, so that 100 % means all."""
    return f"{math.floor(10_000 * part / whole) / 100:g} %" if whole else "none"


# ---- formulas

_TAGS = re.compile("math|none|m(row|i|o|n|text|space|frac|sqrt|root|sub|sup|subsup|under|over|underover|table|tr|td|style|padded|phantom|enclose"
                   "|multiscripts|prescripts)")
_ATTRIBUTES = re.compile("display|displaystyle|scriptlevel|mathvariant|stretchy|fence|form|separator|accent|accentunder|movablelimits|largeop|symmetric"
                         "|(min|max|math)size|[lr]space|width|height|depth|linethickness|(row|column)(spacing|align|lines)|mathcolor|notation")


def typeset(latex: str) -> str | None:
    """A formula as MathML; None where it cannot be converted, or where the conversion holds anything but mathematics."""
    from latex2mathml.converter import convert
    from markupsafe import Markup

    try:
        root = ElementTree.fromstring(convert(latex, display="block"))
    except Exception:                # the converter raises whatever its parser stumbles on; the source is shown instead
        return None
    for element in root.iter():
        element.tag = str(element.tag).rpartition("}")[2]
        if not _TAGS.fullmatch(element.tag) or not all(map(_ATTRIBUTES.fullmatch, element.attrib)) or "\\" in (element.text or ""):
            return None
    for element in root.iter():
        _tidy(element)
    root.set("alttext", latex)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _tidy(parent: ElementTree.Element) -> None:
    """What the converter leaves: relations taken for letters, a sign after an operator, bold as an attribute that browsers have dropped."""
    before = ElementTree.Element("mrow")
    for element in list(parent):
        text = element.text or ""
        if element.tag == "mi" and text in _RELATIONS:
            element.tag, element.text = "mo", _RELATIONS[text]
        if element.tag in ("mi", "mn") and element.attrib.pop("mathvariant", "") == "bold":
            element.text = "".join(chr(ord(c) + _BOLD[kind]) if c.isascii() and (kind := category(c)) in _BOLD else c for c in text)
        if element.tag == before.tag == "mo" and (before.text, text) == (":", "="):
            before.text = ":="
            parent.remove(element)
        elif element.tag == before.tag == "mo" and text in ("\u2212", "+") and before.text not in (")", "]", "!"):
            element.set("form", "prefix")
        before = element


_RELATIONS = {"~": "\u223c", ";": ";", ":": ":", "\u2032": "\u2032"}
_BOLD = {"Nd": 0x1D7CE - ord("0"), "Lu": 0x1D400 - ord("A"), "Ll": 0x1D41A - ord("a")}


# ---- pictures

def pictures(run: dict[str, Any]) -> dict[str, str] | None:
    """The pictures of the statements of this run that have one; None without matplotlib."""
    try:
        return {claim["id"]: PICTURES[claim["id"]]() for claim in run["claims"] if claim["id"] in PICTURES}
    except ImportError:
        return None


def lemma_1_picture() -> str:
    """Lemma 1 for H = sqrt(2/r) Pi*, exactly: its remainder times d / sqrt(r), and its main term times sqrt(d), over d."""
    import matplotlib
    from matplotlib.figure import Figure

    drawn = io.StringIO()
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **_LOOK}):
        sheet = Figure(figsize=(7.4, 3.1), layout="constrained")
        axes = sheet.subplots(1, 2)
        for number, r in enumerate((1, 4, 16)):
            _lemma_1_curves(axes, r, number)
        _lemma_1_axes(axes)
        sheet.savefig(drawn, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return _inline(drawn.getvalue(), "Two panels over the dimension d from 8 to 4096. Left: the remainder of Lemma 1 times d over the root of r "
                   "stays at 0.2821 for r = 1, 4 and 16. Right: the main term times the root of d stays at 0.5642.")


def _lemma_1_curves(axes: Any, r: int, number: int) -> None:
    """Points: w with |Pi* w|^2 = r / d, its mean over the sphere. Bars: from the first to the last decile of 1000 w uniform on it."""
    import numpy as np

    from refimpl.data.targets import Target
    from refimpl.population import lemma_1_main, lemma_1_remainder
    from refimpl.rng import stream

    g = {(0,) * r: -math.sqrt(r / 2)} | {tuple(2 * int(i == j) for j in range(r)): 1 / math.sqrt(2 * r) for i in range(r)}
    for d in (2**k for k in range(3, 13) if 2**k >= r):
        W = np.vstack([np.ones(d), stream(0, f"picture of DLS22/lemma-4, {r}, {d}").standard_normal((1000, d))])
        W /= np.linalg.norm(W, axis=1, keepdims=True)
        half, target, x = np.full(len(W), -0.5), Target(g, np.eye(r, d)), d * 1.13 ** (number - 1)
        for panel, moment, scale in ((0, lemma_1_remainder, d / math.sqrt(r)), (1, lemma_1_main, math.sqrt(d))):
            size = scale * np.linalg.norm(moment(target, half, W), axis=1)
            axes[panel].plot([x, x], np.quantile(size[1:], [0.1, 0.9]), color=_SERIES[number], linewidth=2.4, alpha=0.3, solid_capstyle="butt")
            axes[panel].plot(x, size[0], "osD"[number], linestyle="", color=_SERIES[number], markersize=3.6, label=f"$r = {r}$" if (d, panel) == (4096, 0) else None)


def _lemma_1_axes(axes: Any) -> None:
    titles = (r"remainder  $\Vert g(w) - Hw/\sqrt{2\pi}\,\Vert \cdot d\,/\sqrt{r}$", r"main term  $\Vert Hw/\sqrt{2\pi}\,\Vert \cdot \sqrt{d}$")
    constants = ((r"$1/(2\sqrt{\pi})$", 1 / (2 * math.sqrt(math.pi))), (r"$1/\sqrt{\pi}$", 1 / math.sqrt(math.pi)))
    for panel, title, (name, value) in zip(axes, titles, constants, strict=True):
        panel.axhline(value, color=_INK, linewidth=0.7, dashes=(5, 3), zorder=0, label=f"{name} = {value:.4f}")
        panel.set_title(title, loc="left", fontsize=10)
        panel.set(xscale="log", xlabel="$d$", ylim=(0, 1.1), xlim=(6, 5600))
        panel.set_xticks([8, 64, 512, 4096], ["8", "64", "512", "4096"])
        panel.minorticks_off()
        panel.legend(frameon=False, ncols=4, loc="upper left", handletextpad=0.2, columnspacing=0.9, borderaxespad=0.1, handlelength=1.6)


def _inline(svg: str, description: str) -> str:
    """The drawing as part of a page: no prolog, no rule for other drawings, the page's own colours."""
    svg = re.sub(r"\s*<metadata>.*?</metadata>|\s*<defs>\s*<style.*?</style>\s*</defs>", "", svg[svg.index("<svg"):], flags=re.DOTALL)
    svg = re.sub(r' width="[^"]*pt" height="[^"]*pt"| xmlns(:xlink)?="[^"]*"| version="[^"]*"', "", svg).replace("xlink:href", "href")
    for number, colour in enumerate((_INK, *_SERIES)):
        svg = svg.replace(colour, f"var(--picture-{number})")
    return svg.replace("<svg", f'<svg role="img" aria-label="{description}" stroke-linejoin="round"', 1)


_INK, _SERIES = "#010203", ("#010204", "#010205", "#010206")          # places for the page's colours, light and dark
_LOOK: dict[Any, Any] = {"svg.hashsalt": "refimpl", "svg.fonttype": "path", "font.family": "STIXGeneral", "mathtext.fontset": "stix", "font.size": 9,
         "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.6, "xtick.major.width": 0.6, "ytick.major.width": 0.6,
         **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), _INK)}
PICTURES = {"DLS22/lemma-4": lemma_1_picture}
