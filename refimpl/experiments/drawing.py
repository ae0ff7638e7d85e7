"""A figure as SVG and PNG: the one module that imports matplotlib."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from refimpl.experiments.figures import Figure, Map, Panel
from refimpl.sweeps.executors import MissingExtraError

WIDTH, HEIGHT, LINE = 5.0, 3.9, 0.155           # of a panel, and the height of a line of the caption, in inches
COLUMNS = 84                                    # of the caption, a panel
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"]      # told apart by colour-blind eyes (Okabe and Ito)
MARKERS = "osD^vP*"
STYLE = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "refimpl", "figure.dpi": 100, "svg.fonttype": "path"}


def library() -> Any:
    """matplotlib, or which extra brings it."""
    try:
        import matplotlib
        import matplotlib.figure
    except ImportError as error:
        raise MissingExtraError(f"matplotlib cannot be imported ({error}); `pip install refimpl[plots]` brings it") from error
    return matplotlib


def draw(figure: Figure, path: Path) -> list[Path]:
    """``path``.svg and ``path``.png, the same bytes for the same figure; returns both."""
    matplotlib = library()
    panels = len(figure.panels)
    caption = textwrap.wrap(figure.caption, COLUMNS * panels)
    below = LINE * (len(caption) + 1)
    height = HEIGHT + below
    with matplotlib.rc_context(STYLE):
        sheet = matplotlib.figure.Figure(figsize=(WIDTH * panels, height), layout="constrained")
        sheet.get_layout_engine().set(rect=(0, below / height, 1, HEIGHT / height))
        sheet.suptitle("\n".join(textwrap.wrap(figure.title, 62 * panels)), fontsize=11)
        for axes, panel in zip(sheet.subplots(1, panels, squeeze=False)[0], figure.panels, strict=True):
            _map(axes, panel) if isinstance(panel, Map) else _lines(axes, panel)
        sheet.text(0.06 / panels, (below - LINE / 2) / height, "\n".join(caption), va="top", fontsize=7.5, color="#444444", linespacing=1.3)
        files = [path.with_name(f"{path.name}.{kind}") for kind in ("svg", "png")]
        for file in files:
            sheet.savefig(file, dpi=160, metadata={"Date": None} if file.suffix == ".svg" else {"Software": None})
    return files


def _lines(axes: Any, panel: Panel) -> None:
    colours = iter(zip(COLOURS * 3, MARKERS * 3, strict=False))
    for series in panel.series:
        if series.dashed:
            axes.plot(series.x, series.y, "--", color="#888888", linewidth=1, label=series.label, zorder=1)
            continue
        colour, marker = next(colours)
        axes.plot(series.x, series.y, marker=marker, markersize=3.5, color=colour, linewidth=1.4, label=series.label)
        if series.low is not None:
            axes.fill_between(series.x, series.low, series.high, color=colour, alpha=0.15, linewidth=0)
    for label, height in panel.levels.items():
        axes.axhline(height, color="#888888", linestyle=":", linewidth=1)
        axes.annotate(label, (1, height), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=7, color="#666666")
    axes.set(title=panel.title, xlabel=panel.x, ylabel=panel.y)
    axes.title.set_fontsize(9.5)
    if "x" in panel.log:
        _logarithmic(axes.xaxis, axes.set_xscale)
    if "y" in panel.log:
        _logarithmic(axes.yaxis, axes.set_yscale)
    else:
        axes.set_ylim(0, panel.top)
    if panel.series:
        axes.legend(fontsize=7.5, frameon=False)


def _logarithmic(axis: Any, set_scale: Callable[[str], None]) -> None:
    """A logarithmic axis; below two decades with 10, 20, 50, 100 in place of powers, or with more of them where fewer than three would be seen."""
    from matplotlib.ticker import FormatStrFormatter, LogLocator, MaxNLocator, NullFormatter

    set_scale("log")
    low, high = axis.get_view_interval()
    if low > 0 and high < 100 * low:
        for ticks in (LogLocator(subs=(1.0, 2.0, 5.0)), LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)), MaxNLocator(5, steps=[1, 2, 5, 10])):
            axis.set_major_locator(ticks)
            if sum(low <= tick <= high for tick in axis.get_majorticklocs()) >= 3:
                break
        axis.set_major_formatter(FormatStrFormatter("%g"))
        axis.set_minor_formatter(NullFormatter())


def _map(axes: Any, panel: Map) -> None:
    image = axes.imshow(panel.values, origin="lower", cmap="viridis_r", vmin=0, vmax=panel.top, aspect="auto")
    axes.set(title=panel.title, xlabel=panel.x, ylabel=panel.y)
    axes.set_xticks(range(len(panel.columns)), panel.columns)
    axes.set_yticks(range(len(panel.rows)), panel.rows)
    for i, row in enumerate(panel.values):
        for j, value in enumerate(row):
            axes.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=7.5, color="white" if value > panel.top / 2 else "black")
    axes.figure.colorbar(image, ax=axes, label=panel.unit)
