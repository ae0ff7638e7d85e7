"""The page of a run: what was asked and reached, and the picture of cost."""

import pytest

from benchmarks import cost, results
from benchmarks.__main__ import main
from benchmarks.harness import Table


def a_table(**changed):
    return Table(**{"title": "a | b", "base": "twin", "times": {"twin": [1.0, 2.0, 4.0], "torch": [4.0, 8.0, 12.0]}, **changed})


def document(*tables, **benchmarks):
    named = {name: [table.as_json() for table in several] for name, several in benchmarks.items()}
    return {"versions": {"python": "3.13.0", "torch": None}, "quick": False, "load": 0.5, "benchmarks": {"gram": [table.as_json() for table in tables], **named}}


@pytest.mark.parametrize(("wanted", "said"), [(">= 4", "reached"), (">= 4.1", "MISSED"), ("<= 4", "reached"), ("<= 3.9", "MISSED")])
def test_a_ratio_is_the_median_over_rounds_and_may_be_asked_for(wanted, said):
    table = a_table(asked={"torch": wanted})
    assert table.ratio("torch") == 4.0
    assert table.verdicts() == {"torch": f"asked {wanted}: {said}"}
    assert f"torch; asked {wanted}: {said}" in str(table)


def test_what_was_not_measured_is_not_reached():
    table = a_table(asked={"jax": ">= 3"}, notes={"jax": "not installed (no jax)"})
    assert table.verdicts() == {"jax": "asked >= 3: not measured"}
    assert "jax: not installed (no jax); asked >= 3: not measured" in str(table)


def test_the_page_begins_with_what_was_asked():
    page = "\n".join(results.page(document(a_table(asked={"torch": ">= 5"}, targets={"twin": 3.0, "jax": 1.0}, notes={"torch": "off by 1"})), []))
    asked, tables = page.split("## gram")
    assert "| gram | a \\| b | torch | ratio >= 5 | 4 | MISSED |" in asked
    assert "| gram | a \\| b | twin | <= 3 s | 2 s | reached |" in asked
    assert "| gram | a \\| b | jax | <= 1 s | - | not measured |" in asked
    assert "| torch | 4 | 8 s | 4 s | 12 s | off by 1 |" in tables
    assert "python 3.13.0" in page
    assert "torch None" not in page


def cost_tables(letters="ndm"):
    return [a_table(title=cost.title(letter, value), base="this package", times={"this package": [1.0, 3.0, 2.0], "torch, as its authors": [5.0, 9.0, 7.0]})
            for letter in letters for value in cost.VALUES[letter][:3]]


def test_the_figure_of_cost_has_a_panel_for_each_letter():
    figure = cost.figure([table.as_json() for table in cost_tables()])
    assert [panel.x for panel in figure.panels] == ["samples n", "inputs d", "neurons m"]
    ours, torch = figure.panels[0].series
    assert (ours.label, ours.x, ours.y, ours.low, ours.high) == ("this package", [1000, 3000, 10_000], [2.0] * 3, [1.0] * 3, [3.0] * 3)
    assert torch.y == [7.0] * 3


def test_the_picture_stands_beside_the_page(tmp_path):
    pytest.importorskip("matplotlib")
    results.write(document(cost=cost_tables("m")), tmp_path / "RESULTS.md")
    assert "![cost](cost.svg)" in (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert (tmp_path / "cost.svg").stat().st_size > 1000


@pytest.mark.parametrize(("arguments", "message"), [
    (["nothing"], "no benchmark is called nothing; there are limits, "),
    (["limits", "--markdown", "nowhere/R.md"], "nowhere/R.md cannot be written: the folder nowhere does not exist"),
    (["limits", "--json", "nowhere/R.json"], "nowhere/R.json cannot be written: the folder nowhere does not exist"),
])
def test_what_cannot_be_used_is_said_before_anything_is_measured(arguments, message, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["benchmarks", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
