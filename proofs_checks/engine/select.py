"""Which claims a command is about: an ID, a pattern of IDs, or a file that holds a paper of its own."""

from __future__ import annotations

import difflib
import fnmatch
import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from proofs_checks.engine.claims import Claim, Paper, RegistryError
from proofs_checks.engine.outside import plugins


class SelectionError(ValueError):
    """A name on the command line means no claim; the message says which ones are close."""


def all_papers(names: Sequence[str] = ()) -> list[Paper]:
    """The package's own papers, those of installed plugins and of the files among ``names``; no two declare the same ID."""
    from proofs_checks.papers import papers

    found = [*papers(), *plugins()]
    for name in names:
        file = name.partition(":")[0]
        if file.endswith(".py"):
            found += [paper for paper in load(Path(file)) if all(paper is not other for other in found)]
    owner: dict[str, Paper] = {}
    for paper in found:
        for claim in paper:
            if owner.setdefault(claim.id, paper) is not paper:
                raise SelectionError(f"two papers declare {claim.id}; give one of them another key, Paper('MINE', ...)")
    return found


def find(claim_id: str, names: Sequence[str]) -> Claim:
    """The claim of this ID, among the package's and those of the files in ``names``."""
    return next(claim for paper in all_papers(names) for claim in paper if claim.id == claim_id)


def load(path: Path) -> list[Paper]:
    """The papers that a file declares; what goes wrong in it is said by file and line."""
    if not path.is_file():
        raise SelectionError(f"{path} is not a file; name an existing .py file that declares a Paper")
    name = "proofs_checks_file_" + hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    if name not in sys.modules:
        _execute(path, name)
    papers = [value for value in vars(sys.modules[name]).values() if isinstance(value, Paper) and value.home == name]
    if not papers:
        raise SelectionError(f"{path} declares no Paper; write MINE = Paper('MINE', title=..., version=...) and its claims")
    for paper in papers:
        if not list(paper):
            raise SelectionError(f"{path}: {paper.key} has no claim; decorate a function with @{paper.key}.claim('slug', where=..., given=...)")
    return papers


def _execute(path: Path, name: str) -> None:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        del sys.modules[name]
        raise SelectionError(f"{path}:{error.lineno}: {error.msg}") from error
    except (Exception, SystemExit) as error:                       # whatever her file does wrong, she reads where
        del sys.modules[name]
        raise SelectionError(f"{path}:{_line(error, path)}: {type(error).__name__}: {error}") from error
    except BaseException:
        del sys.modules[name]
        raise


def _line(error: BaseException, path: Path) -> int:
    """The last line of this file in the error's traceback."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).resolve() == path.resolve()]
    return (lines or [1])[-1] or 1


def select(names: Sequence[str]) -> list[Claim]:
    """The claims that ``names`` mean, each once, in the order of the papers; all of the package's own where there are none."""
    claims = [claim for paper in all_papers(names) for claim in paper]
    if not names:
        return claims
    wanted = {claim.id for name in names for claim in _meant(name, claims)}
    return [claim for claim in claims if claim.id in wanted]


def _meant(name: str, claims: Sequence[Claim]) -> list[Claim]:
    file, _, pattern = name.partition(":")
    if file.endswith(".py"):
        own = [claim for paper in load(Path(file)) for claim in paper]
        slugs = [(said, claim) for claim in own for said in (claim.id.partition("/")[2], claim.id)]
        return own if not pattern else _matching(pattern, slugs, f"{file}:")
    return _matching(name, [(said, claim) for claim in claims for said in (claim.id, *claim.aliases, *claim.covers)], "")


def _matching(pattern: str, names: Sequence[tuple[str, Claim]], before: str) -> list[Claim]:
    found = [claim for name, claim in names if fnmatch.fnmatchcase(name, pattern)]
    if not found:
        close = difflib.get_close_matches(pattern, [name for name, _ in names], n=1, cutoff=0.4)
        raise SelectionError(f"{before + pattern!r} is no claim and matches none{f'; did you mean {before}{close[0]}?' if close else ''} "
                             f"(python -m proofs_checks list shows all)")
    return found


def check_needs(claims: Sequence[Claim], known: Sequence[Claim]) -> None:
    """RegistryError where a claim stands on one that nobody declares."""
    names = {name for claim in known for name in (claim.id, *claim.aliases)}
    for claim in claims:
        for need in claim.needs:
            if need not in names:
                close = difflib.get_close_matches(need, names, n=1, cutoff=0.4)
                raise RegistryError(f"{claim.id} needs {need}, which no entry declares{f'; did you mean {close[0]}?' if close else ''}")
