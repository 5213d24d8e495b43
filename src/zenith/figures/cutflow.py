"""How many events each cut of a region leaves."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from numpy.typing import ArrayLike

from zenith.figures import style
from zenith.tables import measured

_HEAD, _COLUMN = 12, 1.55  # size of the cuts in points, width of a column in inches


@dataclass(frozen=True)
class Flow:
    """One process: expected events before any cut and after each, shape (cuts + 1,)."""

    label: str
    colour: str
    events: ArrayLike
    points: bool = False
    """Drawn as points, as data are."""
    errors: ArrayLike | None = None
    """Of the expected events, from the number of simulated ones; same shape."""


@style.styled
def cutflow(
    cuts: Sequence[str],
    flows: Sequence[Flow],
    *,
    text: Sequence[str] = (),
    banner: style.Banner | None = None,
) -> Figure:
    """Events of each process after each cut: a diagram, and under it the numbers.

    `cuts` names the columns, the first of which is before any cut. Bands are errors.
    """
    row = 0.45
    heads = [_wrapped(cut) for cut in cuts]
    header = 0.15 + 0.22 * max(head.count("\n") + 1 for head in heads)
    below = header + row * len(flows)
    width = max(10.0, 3.2 + 1.75 * len(cuts))
    height = 7.9 + below
    figure = Figure(figsize=(width, height))
    left, bottom = 2.9 / width, (0.5 + below) / height
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
        errors = np.zeros_like(events) if flow.errors is None else np.asarray(flow.errors, float)
        if errors.any():
            low, high = np.maximum(events - errors, 0.0), events + errors
            axes.stairs(high, edges, baseline=low, fill=True, color=flow.colour, alpha=0.25)
        cells.append([_cell(*pair) for pair in zip(events, errors, strict=True)])
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
    share = below / (height * axes.get_position().height)
    table = axes.table(
        [heads, *cells],
        rowLabels=["", *(flow.label for flow in flows)],
        cellLoc="center",
        bbox=Bbox.from_bounds(0.0, -0.01 - share, 1.0, share),
    )
    table.auto_set_font_size(False)
    table.set_fontsize(15)
    for (i, _), cell in table.get_celld().items():
        cell.set(edgecolor="#c9ccd1", linewidth=0.8, height=header if i == 0 else row)
        if i == 0:
            cell.get_text().set(fontweight="bold", fontsize=_HEAD)
    if banner:
        banner.draw(axes)
    return figure


def _wrapped(cut: str) -> str:
    """The words of a cut over each other, so that a column can be narrow.

    LaTeX stays whole, and the sign beside the threshold.
    """
    words = [part for part in re.split(r"(\$[^$]*\$\S*)|\s+", cut) if part]
    if len(words) > 2:
        words[-2:] = [" ".join(words[-2:])]
    lines = [""]
    for word in words:
        if lines[-1] and style.widest([f"{lines[-1]} {word}"], _HEAD) > _COLUMN:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)


def _cell(value: float, error: float) -> str:
    """With its error to two digits; without, four significant digits, and whole numbers in full."""
    if error > 0.0:
        return measured(value, error)
    return f"{value:.0f}" if value == 0 or abs(value) >= 1e3 else f"{value:.4g}"
