"""A paper holds claims; a claim is a function of one frozen instance, with the wrong variants that it must reject."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from proofs_checks.engine.evidence import Proof, Ulps

Body = Callable[[Any], Any]
PRINTED = "as printed"


class RegistryError(ValueError):
    """A paper or a claim is declared in a way that cannot be audited; the message says what to write."""


@dataclass(frozen=True)
class Variant:
    """A wrong version of a claim, by the slip it makes."""

    name: str
    body: Body


@dataclass(eq=False)
class Claim:
    """One statement: its best known form is the body, and the form says which verdict is expected.

    Alone: HOLDS (CONSISTENT where ``false_alarm`` says that its evidence is drawn). With ``erratum`` and ``as_printed``: AMENDED. With ``erratum`` alone the body is the printed formula: REFUTED.
    With ``out_of_reach``: OUT OF REACH, and the body, if it returns anything, is the finite core.
    """

    id: str
    paper: Paper
    body: Body
    where: str
    printed_from: str
    given: Any
    tol: Ulps | None = None
    printed: str | None = None
    covers: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    erratum: str | None = None
    out_of_reach: str | None = None
    profile: str = "quick"
    proof: Proof | None = None
    false_alarm: float = 0.0
    variants: list[Variant] = field(default_factory=list)
    printed_variant: Variant | None = None

    @property
    def statement(self) -> str:
        """The first line of the body's docstring."""
        return (inspect.getdoc(self.body) or "").split("\n")[0]

    @property
    def expected(self) -> str:
        """The verdict that the form of this claim announces."""
        if self.out_of_reach:
            return "OUT OF REACH"
        if not self.erratum:
            return "CONSISTENT" if self.false_alarm else "HOLDS"
        return "AMENDED" if self.printed_variant else "REFUTED"

    def __call__(self, at: Any) -> Any:
        return self.body(at)

    def refutes(self, name: str) -> Callable[[Body], Body]:
        """Declare a wrong variant; ``name`` is the slip it makes."""
        if name == PRINTED:
            raise RegistryError(f"{self.id}: a variant is named by its slip; {PRINTED!r} is what @entry.as_printed declares")
        if name in (variant.name for variant in self.variants):
            raise RegistryError(f"{self.id} has two variants named {name!r}; a variant is known by the slip it makes")

        def declare(body: Body) -> Body:
            self.variants.append(Variant(name, body))
            return body

        return declare

    def as_printed(self, body: Body) -> Body:
        """Declare the formula as the paper prints it; it must be refuted here."""
        if not self.erratum:
            raise RegistryError(f"{self.id} has a printed form beside its body but no erratum; claim(..., erratum='what is wrong as printed')")
        if self.printed_variant:
            raise RegistryError(f"{self.id} has two printed forms; one erratum an entry")
        self.printed_variant = Variant(PRINTED, body)
        return body


class Paper:
    """A paper and its claims.

    ``modules`` are the modules that declare claims of this paper; they are imported when the paper is iterated, and ``lint``
    fails on a module in the same folder that is not named. ``labels`` are the labels that the claims must cover.
    """

    def __init__(self, key: str, *, title: str, version: str, modules: Sequence[str] = (), labels: Sequence[str] = (),
                 symbols: dict[str, str] | None = None) -> None:
        self.key, self.title, self.version = key, title, version
        self.home: str = sys._getframe(1).f_globals.get("__name__", "")       # the module that declares it
        self.modules, self.labels, self.symbols = tuple(modules), tuple(labels), dict(symbols or {})
        self._claims: dict[str, Claim] = {}

    def claim(self, slug: str, *, where: str, given: Any, printed_from: str | None = None, tol: Ulps | None = None,
              printed: str | None = None, covers: Sequence[str] = (), needs: Sequence[str] = (), aliases: Sequence[str] = (),
              erratum: str | None = None, out_of_reach: str | None = None, profile: str = "quick", proof: Proof | None = None,
              false_alarm: float = 0.0) -> Callable[[Body], Claim]:
        """Declare the function below as the claim ``KEY/slug``.

        ``printed`` quotes the formula, only where its text was seen; ``printed_from`` says in which text (by default this
        paper's version), or "derived here", or "recalled, text not seen". ``proof`` says why agreement on the instances is a theorem;
        ``false_alarm`` is the probability that the entry, right as it is, fails by chance: 0 where nothing is drawn.
        """
        if slug in self._claims:
            raise RegistryError(f"{self.key}/{slug} is declared twice; a slug is the statement's own number")
        if tol is not None and not isinstance(tol, Ulps):
            raise RegistryError(f"{self.key}/{slug} has tol={tol!r}; a tolerance is counted in roundings, tol=ulps(k)")
        if not 0 <= false_alarm < 1:
            raise RegistryError(f"{self.key}/{slug} has false_alarm={false_alarm!r}; it is a probability, such as 1e-8")
        if profile not in ("quick", "full"):
            raise RegistryError(f"{self.key}/{slug} has profile={profile!r}; it must be 'quick' or 'full'")

        def declare(body: Body) -> Claim:
            claim = Claim(
                id=f"{self.key}/{slug}", paper=self, body=body, where=where, given=given, tol=tol, printed=printed,
                printed_from=printed_from or self.version, covers=tuple(covers), needs=tuple(needs),
                aliases=tuple(f"{self.key}/{alias}" for alias in aliases), erratum=erratum, out_of_reach=out_of_reach,
                profile=profile, proof=proof, false_alarm=false_alarm)
            self._claims[slug] = claim
            return claim

        return declare

    def __iter__(self) -> Iterator[Claim]:
        for module in self.modules:
            try:
                import_module(module)
            except ModuleNotFoundError as error:
                if error.name != module:
                    raise
                raise RegistryError(f"{self.key} names the module {module}, which does not exist") from error
        return iter(self._claims.values())

    def __repr__(self) -> str:
        return f"Paper({self.key!r}, {self.title!r}, {self.version!r})"
