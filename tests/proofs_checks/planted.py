"""Planted papers: one healthy entry, or one that is wrong in one way, as an object or as a file."""

from pathlib import Path

from proofs_checks import Instead, Paper, Sides
from proofs_checks.instances import family

NUMBERS = family(k=(1, 5))                             # at.k = 1, ..., 5, and no more


def same(at):
    """k is k."""
    return Sides(left=at.k, right=at.k)


def same_floats(at):
    """k is k in floats."""
    return Sides(left=float(at.k), right=float(at.k), scale=at.k)


def off_by_one(at):
    return Instead(right=at.k + 1)


def off_by_half(at):
    return Instead(right=at.k + 0.5)


def planted(body=same, *slips, given=NUMBERS, as_printed=None, slug="entry", paper=None, **more):
    """The claim of a paper of its own; its wrong variants are called slip 1, slip 2, ..."""
    paper = paper or Paper("PLANTED", title="planted", version="planted text")
    claim = paper.claim(slug, where="here", given=given, **more)(body)
    for number, slip in enumerate(slips, 1):
        claim.refutes(f"slip {number}")(slip)
    if as_printed:
        claim.as_printed(as_printed)
    return claim


# ---- a file as somebody writes it

HEAD = """
from proofs_checks import AtMost, Instead, Paper, Sides, ulps
from proofs_checks.instances import family

{key} = Paper("{key}", title="planted", version="planted text")
"""

ENTRY = '''

@{key}.claim("{slug}", where="here", given=family(k=(1, 5)), {keywords})
def entry(at):
    """{statement}"""
    return {returns}


@entry.refutes("slip 1")
def _(at):
    return Instead({slip})


@entry.refutes("slip 2")
def _(at):
    return Instead(left=0)
'''


def entry(slug="entry", returns="Sides(left=at.k, right=at.k)", slip="right=at.k + 1", keywords="", statement="k is k.", key="MINE"):
    return ENTRY.format(slug=slug, returns=returns, slip=slip, keywords=keywords, statement=statement, key=key)


FALSE = "Sides(left=at.k, right=at.k**2)"                # right at k = 1 only


def write(path, *entries, key="MINE"):
    """A file that declares a paper of these entries; its name."""
    Path(path).write_text(HEAD.format(key=key) + "".join(entries), encoding="utf-8")
    return str(path)
