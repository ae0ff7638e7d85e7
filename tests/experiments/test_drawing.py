"""What is drawn, as far as numbers say it."""

import pytest

from refimpl.experiments import drawing
from refimpl.experiments.figures import Panel, Series


@pytest.mark.parametrize(("ends", "shown"), [
    ((10, 80), [10, 20, 50]),
    ((10, 40), [10, 15, 20, 30, 40]),
    ((8, 16), [8, 10, 15]),
    ((8, 12), [8, 9, 10, 11, 12]),
    ((1.5, 300), [10, 100]),
])
def test_a_short_logarithmic_axis_has_three_ticks_and_more(ends, shown):
    matplotlib = pytest.importorskip("matplotlib.figure")
    axes = matplotlib.Figure().subplots()
    drawing._lines(axes, Panel(title="", x="", y="", series=[Series("n", list(map(float, ends)), [1.0, 2.0])], log="x"))
    low, high = axes.get_xlim()
    assert [tick for tick in axes.get_xticks() if low <= tick <= high] == pytest.approx(shown)
