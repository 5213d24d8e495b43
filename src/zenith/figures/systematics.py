"""What a systematic uncertainty does to the templates of a region."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from zenith.figures import style
from zenith.figures.stacks import divide

_WHITE = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 2.0}


@dataclass(frozen=True)
class Varied:
    """A template and its variations, expected events by bin; shape (bins,) each.

    `up` or `down` is None where the systematic has one side; `variance` is of `nominal`.
    """

    label: str
    nominal: ArrayLike
    variance: ArrayLike
    up: ArrayLike | None
    down: ArrayLike | None


@style.styled
def variation(
    edges: ArrayLike,
    templates: Sequence[Varied],
    *,
    label: str,
    unit: str = "",
    text: Sequence[str] = (),
    banner: style.Banner | None = None,
) -> Figure:
    """Nominal, up and down of one or two templates, and the ratio to nominal of each.

    The grey band is the statistical uncertainty of the nominal template.
    """
    edges = np.asarray(edges, float)
    figure, axes = style.panels(len(templates))
    main = axes[0]
    entries = {}
    positive, highest = [np.inf], 0.0
    for template, ratio, dash in zip(templates, axes[1:], ("-", (0, (4, 1.5))), strict=False):
        nominal = np.asarray(template.nominal, float)
        spread = divide(np.sqrt(np.asarray(template.variance, float)), nominal)
        spread = np.nan_to_num(spread)
        ratio.stairs(
            1.0 + spread, edges, baseline=1.0 - spread, fill=True, color="#c9ccd1", zorder=0
        )
        main.stairs(nominal, edges, color="black", lw=2, ls=dash)
        entries[f"{template.label}, nominal"] = Line2D([], [], color="black", lw=2, ls=dash)
        largest = 0.0
        for side, colour, values in (
            ("up", style.RED, template.up),
            ("down", style.BLUE, template.down),
        ):
            if values is None:
                continue
            values = np.asarray(values, float)
            main.stairs(values, edges, color=colour, lw=2, ls=dash)
            change = divide(values, nominal)
            ratio.stairs(np.nan_to_num(change, nan=1.0), edges, baseline=None, color=colour, lw=2)
            # Bins with hardly any events do not set the scale.
            weighty = np.isfinite(change) & (nominal > 1e-3 * nominal.max(initial=0.0))
            largest = max(largest, np.abs(change[weighty] - 1.0).max(initial=0.0))
            entries[f"{template.label}, {side}"] = Line2D([], [], color=colour, lw=2, ls=dash)
            highest = max(highest, values.max(initial=0.0))
        ratio.axhline(1.0, color="black", lw=1.0, ls="--", zorder=1)
        half = min(max(1.25 * largest, 0.01), 1.5)
        ratio.set(ylim=(1.0 - half, 1.0 + half), ylabel="Ratio")
        ratio.annotate(
            template.label,
            (0.0, 1.0),
            xytext=(10, -8),
            xycoords="axes fraction",
            textcoords="offset points",
            va="top",
            fontsize=18,
            bbox=_WHITE,
        )
        highest = max(highest, nominal.max(initial=0.0))
        positive.extend(nominal[nominal > 0.0])
    # Columns fill from the top: one template to a column.
    rows = max(1, -(-len(entries) // len(templates))) + len(text)
    style.make_room(main, highest, min(positive), rows, log=True)
    style.add_text(main, text)
    style.add_legend(main, entries, len(templates), len(text))
    main.set(xlim=(edges[0], edges[-1]), ylabel=style.event_label(edges, unit))
    axes[-1].set_xlabel(style.x_label(label, unit))
    if banner:
        banner.draw(main)
    return figure
