"""How many events each cut of a region leaves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from numpy.typing import ArrayLike

from zenith.figures import style


@dataclass(frozen=True)
class Flow:
    """One process: expected events before any cut and after each, shape (cuts + 1,)."""

    label: str
    colour: str
    events: ArrayLike
    points: bool = False
    """Drawn as points, as data are."""


@style.styled
def cutflow(
    cuts: Sequence[str],
    flows: Sequence[Flow],
    *,
    text: Sequence[str] = (),
    banner: style.Banner | None = None,
) -> Figure:
    """Events of each process after each cut: a diagram, and under it the numbers.

    `cuts` names the columns, the first of which is before any cut.
    """
    row = 0.45
    width = max(10.0, 3.2 + 1.75 * len(cuts))
    height = 8.4 + row * len(flows)
    figure = Figure(figsize=(width, height))
    left, bottom = 2.9 / width, (0.5 + row * (len(flows) + 1)) / height
    axes = figure.add_axes((left, bottom, 1 - left - 0.3 / width, 1 - bottom - 0.75 / height))
    positions = np.arange(len(cuts))
    edges = np.arange(len(cuts) + 1) - 0.5
    cells = []
    positive, highest = [np.inf], 0.0
    for flow in flows:
        events = np.asarray(flow.events, float)
        if flow.points:
            shown = np.where(events > 0.0, events, np.nan)
            axes.plot(positions, shown, "o", color="black", ms=9, label=flow.label)
        else:
            axes.stairs(events, edges, baseline=None, color=flow.colour, lw=3, label=flow.label)
        cells.append([_number(value) for value in events])
        positive.extend(events[events > 0.0])
        highest = max(highest, events.max(initial=0.0))
    columns = 3 if width > 11 else 2
    rows = -(-len(flows) // columns) + len(text) + 0.3
    style.make_room(axes, highest, min(positive), rows, log=True)
    style.add_text(axes, text)
    handles, labels = axes.get_legend_handles_labels()
    style.add_legend(axes, dict(zip(labels, handles, strict=True)), columns, len(text))
    axes.set(xlim=(edges[0], edges[-1]), ylabel="Events")
    axes.set_xticks([])
    axes.tick_params(axis="x", which="both", length=0)
    rows_below = len(flows) + 1
    high = row / (height * axes.get_position().height)
    table = axes.table(
        [[_two_lines(cut) for cut in cuts], *cells],
        rowLabels=["", *(flow.label for flow in flows)],
        cellLoc="center",
        bbox=Bbox.from_bounds(0.0, -0.01 - high * rows_below, 1.0, high * rows_below),
    )
    table.auto_set_font_size(False)
    table.set_fontsize(15)
    for (i, _), cell in table.get_celld().items():
        cell.set(edgecolor="#c9ccd1", linewidth=0.8)
        if i == 0:
            cell.get_text().set(fontweight="bold", fontsize=12)
    if banner:
        banner.draw(axes)
    return figure


def _two_lines(cut: str) -> str:
    """The observable over the rest of its cut, so that a column can be narrow."""
    return cut.replace(" ", "\n", 1)


def _number(value: float) -> str:
    """Four significant digits, and whole numbers in full."""
    return f"{value:.0f}" if value == 0 or abs(value) >= 1e3 else f"{value:.4g}"
