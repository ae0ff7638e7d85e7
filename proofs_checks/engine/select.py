"""Which claims a command is about: an ID, a pattern of IDs, or a file that holds a paper of its own."""

from __future__ import annotations

import difflib
import fnmatch
import hashlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from proofs_checks.engine.claims import Claim, Paper, RegistryError


class SelectionError(ValueError):
    """A name on the command line means no claim; the message says which ones are close."""


def all_papers(names: Sequence[str] = ()) -> list[Paper]:
    """The package's own papers and those of the files among ``names``."""
    from proofs_checks.papers import papers

    own = [*papers()]
    for name in names:
        file = name.partition(":")[0]
        if file.endswith(".py"):
            own += load(Path(file))
    return own


def load(path: Path) -> list[Paper]:
    """The papers that a file declares."""
    if not path.is_file():
        raise SelectionError(f"{path} is not a file; name an existing .py file that declares a Paper")
    name = "proofs_checks_file_" + hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    papers = [value for value in vars(sys.modules[name]).values() if isinstance(value, Paper)]
    if not papers:
        raise SelectionError(f"{path} declares no Paper; write MINE = Paper('MINE', title=..., version=...) and its claims")
    return papers


def select(names: Sequence[str]) -> list[Claim]:
    """The claims that ``names`` mean, each once, in the order of the papers; all of the package's own where there are none."""
    papers = all_papers(names)
    if not names:
        return [claim for paper in papers for claim in paper]
    wanted: dict[str, Claim] = {}
    for name in names:
        for claim in _meant(name, papers):
            wanted.setdefault(claim.id, claim)
    order = [claim.id for paper in papers for claim in paper]
    return sorted(wanted.values(), key=lambda claim: order.index(claim.id))


def _meant(name: str, papers: Sequence[Paper]) -> list[Claim]:
    file, _, pattern = name.partition(":")
    if file.endswith(".py"):
        claims = [claim for paper in load(Path(file)) for claim in paper]
        names = {claim.id.partition("/")[2]: claim for claim in claims} | {claim.id: claim for claim in claims}
        return claims if not pattern else _matching(pattern, names, name)
    claims = [claim for paper in papers for claim in paper]
    names = {alias: claim for claim in claims for alias in (claim.id, *claim.aliases)}
    labels = {label: claim for claim in claims for label in claim.covers}
    return _matching(name, labels | names, name)


def _matching(pattern: str, names: dict[str, Claim], said: str) -> list[Claim]:
    found = [claim for name, claim in names.items() if fnmatch.fnmatchcase(name, pattern)]
    if not found:
        close = difflib.get_close_matches(pattern, names, n=3, cutoff=0.4)
        raise SelectionError(f"{said!r} is no claim and matches none{f'; did you mean {close[0]}?' if close else ''} (python -m proofs_checks list shows all)")
    return found


def check_needs(claims: Sequence[Claim], known: Sequence[Claim]) -> None:
    """RegistryError where a claim stands on one that nobody declares."""
    names = {name for claim in known for name in (claim.id, *claim.aliases)}
    for claim in claims:
        for need in claim.needs:
            if need not in names:
                close = difflib.get_close_matches(need, names, n=1, cutoff=0.4)
                raise RegistryError(f"{claim.id} needs {need}, which no entry declares{f'; did you mean {close[0]}?' if close else ''}")
