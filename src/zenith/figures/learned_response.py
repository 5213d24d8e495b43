"""Responses that networks have learned: at points that taught nothing, and against exact ones."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zenith.core.response.closure import Closure, agreement, quantile_bins
from zenith.figures import style

Array = NDArray[np.float64]
BINS = 12  # of exact responses, with equal events


class Process(NamedTuple):
    """The events of one process, N of them."""

    label: str
    colour: str
    exact: Array
    """(A, N), exact derivatives ∂ ln λ / ∂ν."""
    learned: Array
    """(A, N)"""
    weight: Array
    """(N,)"""


@style.styled
def closure(
    label: str,
    points: Sequence[str],
    found: Closure,
    *,
    banner: style.Banner | None = None,
) -> Figure:
    """Changes of the bins of a score, by shifted events and as learned, in a panel for each point.

    Bins are equal from 0 to 1; `points` are their names, of the T of the closure.
    """
    columns = 2 if len(points) > 1 else 1
    rows = -(-len(points) // columns)
    figure = Figure(figsize=(7.2 * columns, 1.2 + 4.2 * rows))
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    edges = np.linspace(0.0, 1.0, len(found.nominal) + 1)
    middle, nominal = (edges[1:] + edges[:-1]) / 2, np.where(found.filled, found.nominal, np.nan)
    error = np.sqrt(found.variance)
    for k, (name, axes) in enumerate(zip(points, panels.flat, strict=False)):
        shifted, predicted = (
            100 * (row[k] / nominal - 1.0) for row in (found.shifted, found.predicted)
        )
        axes.axhline(0.0, color=style.GREY, lw=1.0)
        axes.stairs(np.nan_to_num(predicted), edges, color=style.BLUE, lw=2.5, label="Learned")
        axes.errorbar(
            middle, shifted, 100 * error[k] / nominal,
            color="black", ls="none", marker="o", ms=4, label="Shifted events",
        )  # fmt: skip
        chi2 = float((found.pulls[k] ** 2).sum()) / max(int(found.filled.sum()), 1)
        axes.set_title(f"{name}:  χ²/n = {chi2:.2f}", fontsize=17, loc="right", pad=4)
        axes.tick_params(labelsize=17)
    for axes in panels.flat[len(points) :]:
        axes.set_visible(False)
    changes = 100 * np.array([*found.shifted, *found.predicted]) / nominal - 100
    low, high = float(np.nanmin(changes, initial=-1.0)), float(np.nanmax(changes, initial=1.0))
    room = 0.15 * (high - low)
    panels[0, 0].set(xlim=(0.0, 1.0), ylim=(low - room, high + 2.5 * room))
    panels[0, 0].set_xticks(np.linspace(0.0, 0.8, 5))
    panels[0, 0].legend(fontsize=15, loc="upper left", ncols=2, borderaxespad=0.2)
    figure.supxlabel(label, fontsize=20)
    figure.supylabel("Change of the expected events [%]", fontsize=20)
    figure.subplots_adjust(0.12, 0.1, 0.98, 0.9, wspace=0.06, hspace=0.16)
    if banner:
        figure.text(0.12, 0.965, f"{banner.experiment} {banner.status}".strip(), fontsize=20)
    return figure


@style.styled
def against_exact(
    parameters: Sequence[str],
    processes: Sequence[Process],
    *,
    banner: style.Banner | None = None,
) -> Figure:
    """Learned against exact derivatives, in a panel for each parameter.

    Points are means, and bars standard deviations, of what was learned in bins of the exact one.
    """
    figure = Figure(figsize=(1.0 + 6.6 * len(parameters), 7.4))
    panels = figure.subplots(1, len(parameters), squeeze=False)[0]
    for a, (name, axes) in enumerate(zip(parameters, panels, strict=True)):
        ends = [0.0]
        for process in processes:
            exact, learned, weight = process.exact[a], process.learned[a], process.weight
            place = np.searchsorted(quantile_bins(exact, weight, BINS), exact, side="right")
            total = np.bincount(place, weight).astype(float)
            used = total > 0.0

            def mean(
                values: Array, place: NDArray[np.intp] = place, weight: Array = weight,
                total: Array = total, used: NDArray[np.bool_] = used,
            ) -> Array:  # fmt: skip
                return np.asarray(np.bincount(place, weight * values)[used] / total[used])

            x, y = mean(exact), mean(learned)
            spread = np.sqrt(np.maximum(mean(learned**2) - y**2, 0.0))
            correlation, _ = agreement(exact, learned, weight)
            axes.errorbar(
                x, y, spread, color=process.colour, ls="none", marker="o", ms=5, lw=1.5,
                label=f"{process.label} ({correlation:.3f})",
            )  # fmt: skip
            ends += [x.min(), x.max(), (y - spread).min(), (y + spread).max()]
        low, high = min(ends), max(ends)
        room = 0.05 * (high - low)
        axes.plot([low, high], [low, high], color=style.GREY, lw=1.5, zorder=0)
        axes.set(xlim=(low - room, high + room), ylim=(low - room, high + 7 * room))
        axes.set_xlabel(f"Exact response to {name}", fontsize=19)
        axes.legend(
            title="Correlation", title_fontsize=15, fontsize=15, loc="upper left", ncols=2,
            borderaxespad=0.3,
        )  # fmt: skip
        axes.tick_params(labelsize=16)
        axes.locator_params(nbins=5)
    panels[0].set_ylabel("Learned response", fontsize=19)
    figure.subplots_adjust(0.07, 0.12, 0.985, 0.92, wspace=0.2)
    if banner:
        figure.text(0.07, 0.95, f"{banner.experiment} {banner.status}".strip(), fontsize=20)
    return figure


def labels(point: Mapping[str, float], names: Mapping[str, str]) -> str:
    """A point in the words of people: `t = 1.00, j = -0.50`."""
    rounded = {names.get(key, key): round(pull, 2) for key, pull in point.items()}
    return ", ".join(f"{name} = {pull:.2f}" for name, pull in rounded.items() if pull)
