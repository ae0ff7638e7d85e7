"""Docstrings: every letter of a formula is explained, every cited entry exists, the sections that a reader needs are there."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import refimpl
from proofs_checks.papers import papers

NOTATION = (Path(__file__).parent.parent / "NOTATION.md").read_text(encoding="utf-8")
LATEX = set("""sum prod frac tfrac sqrt binom in sim ge le to infty dots qquad quad cdot langle rangle mathrm text tfrac big Big otimes
O ne Rightarrow left right max min Im dagger partial nabla pi star hat even otherwise Unif smoothed where""".split())  # noqa: SIM905
SECTIONS = ("Source", "Units", "Errors")

modules = [importlib.import_module(found.name) for found in pkgutil.walk_packages(refimpl.__path__, "refimpl.")]
no_mathematics = ("refimpl.errors", "refimpl._", "refimpl.sweeps", "refimpl.experiments", "refimpl.doctor")
mathematics = [module for module in modules if not module.__name__.startswith(no_mathematics) and "._" not in module.__name__]
known = {name for paper in papers() for claim in paper for name in (claim.id, *claim.aliases)}


def public(module):
    for name, value in vars(module).items():
        if not name.startswith("_") and (inspect.isfunction(value) or inspect.isclass(value)) and value.__module__ == module.__name__:
            yield name, value


functions = [pytest.param(value, id=f"{module.__name__}.{name}") for module in mathematics for name, value in public(module)]


@pytest.mark.parametrize("function", functions)
def test_a_docstring_says_source_units_and_errors_or_points_to_one_that_does(function):
    text = inspect.getdoc(function) or ""
    assert text
    if not (":func:" in text or issubclass(function, tuple) if inspect.isclass(function) else ":func:" in text):
        assert [section for section in SECTIONS if section not in text] == []


@pytest.mark.parametrize("function", functions)
def test_every_cited_entry_exists(function):
    text = inspect.getdoc(function) or ""
    assert set(re.findall(r"``((?:DLS22|HERMITE|KERNELS)/[^`]+)``", text)) <= known


@pytest.mark.parametrize("function", functions)
def test_every_letter_of_a_formula_is_an_argument_or_in_the_notation(function):
    letters = {letter for formula in formulas(function) for letter in symbols(formula)}
    assert letters - explained() - arguments(function) == set()


def formulas(function):
    text = inspect.getdoc(function) or ""
    return re.findall(r"\.\. math:: (.*?)(?=\n\n|\Z)", text, flags=re.DOTALL)


def symbols(formula):
    formula = re.sub(r"\\(?:text|mathrm)\{[^}]*\}", " ", formula)
    commands = set(re.findall(r"\\([A-Za-z]+)", formula))
    words = re.findall(r"[A-Za-z]+", re.sub(r"\\[A-Za-z]+", " ", formula))
    letters = {part for word in words for part in ([word] if word in explained() else word)}      # h_{kl} has the indices k and l
    return (commands | letters) - LATEX


def explained():
    first_columns = [row.split("|")[1] for row in NOTATION.splitlines() if row.startswith("| `")]
    return {letter for cell in first_columns for letter in re.findall(r"[A-Za-z]+", cell)}


def arguments(function):
    try:
        return set(inspect.signature(function).parameters)
    except ValueError:
        return set()


def test_the_letters_are_found_in_a_formula():
    assert symbols(r"f^\star(x) = \frac{c_k}{k!} He_k(z)") == {"f", "x", "c", "k", "He", "z"}
    assert symbols(r"\Xi_q + \sum_i \text{even} Q") >= {"Xi", "q", "Q"}


def test_a_letter_that_nobody_explains_is_found():
    assert symbols(r"\Xi + c_k") - explained() == {"Xi"}
