"""Nuisance parameters: pulls, what moves the signal strength, and what groups of them cost."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import ArrayLike

from zenith.figures import style

Place = tuple[float, float, float, float]
_FONT = 17.0  # of the labels


def in_rows(labels: Sequence[str], least: float = 5.0) -> tuple[Figure, Place]:
    """A figure with room for labels, and a row of 0.42 inches for each; the place of its axes."""
    left = style.widest(labels, _FONT) + 0.35
    width, height = left + 8.2, max(least, 2.2 + 0.42 * len(labels))
    return Figure(figsize=(width, height)), (
        left / width,
        1.1 / height,
        1 - (left + 0.4) / width,
        1 - 1.8 / height,
    )


@style.styled
def pulls(
    labels: Sequence[str],
    values: ArrayLike,
    errors: ArrayLike,
    *,
    expected: ArrayLike | None = None,
    banner: style.Banner | None = None,
) -> Figure:
    """Fitted nuisance parameters in units of their constraint: (θ̂ − θ₀) / Δθ, one row each.

    An error bar shorter than 1 says that the data constrain the parameter; one whose error is NaN
    has none. `expected` are the errors of a fit to Asimov data, whose pulls are zero: a second bar
    in each row.
    """
    values, errors = np.asarray(values, float), np.asarray(errors, float)
    figure, place = in_rows([*labels, ""] if expected is not None else labels)
    axes = figure.add_axes(place)
    rows = np.arange(len(labels))
    axes.axvspan(-2, 2, color=style.YELLOW, zorder=0)
    axes.axvspan(-1, 1, color=style.GREEN, zorder=0)
    axes.axvline(0, color="black", lw=1, ls="--", zorder=1)
    shift = 0.0 if expected is None else 0.16
    axes.errorbar(
        values, rows - shift, xerr=errors, label="Fitted",
        fmt="o", color="black", ms=7, elinewidth=2, zorder=3,
    )  # fmt: skip
    reach = np.abs(values) + np.nan_to_num(errors)
    top = -0.6
    if expected is not None:
        expected = np.asarray(expected, float)
        axes.errorbar(
            np.where(np.isfinite(expected), 0.0, np.nan), rows + shift, xerr=expected,
            label="Expected", fmt="o", color=style.RED, mfc="white", ms=6, elinewidth=2, zorder=3,
        )  # fmt: skip
        reach, top = np.maximum(reach, np.nan_to_num(expected)), -1.6  # a row for the legend
        axes.legend(ncols=2, loc="upper right", fontsize=15, borderaxespad=0.1)
    limit = max(2.5, 1.1 * reach.max(initial=0.0))
    axes.set(
        xlim=(-limit, limit),
        ylim=(len(labels) - 0.4, top),
        xlabel=r"$(\hat{\theta} - \theta_0)\,/\,\Delta\theta$",
    )
    axes.set_yticks(rows, labels, fontsize=_FONT)
    axes.tick_params(axis="y", which="both", length=0)
    if banner:
        banner.draw(axes)
    return figure


@style.styled
def ranking(
    labels: Sequence[str],
    up: ArrayLike,
    down: ArrayLike,
    values: ArrayLike,
    errors: ArrayLike,
    *,
    prefit_up: ArrayLike | None = None,
    prefit_down: ArrayLike | None = None,
    poi: str = "μ",
    most: int = 20,
    banner: style.Banner | None = None,
) -> Figure:
    """The nuisance parameters that move the signal strength most, with their pulls.

    Parameters
    ----------
    up, down
        Change of the fitted strength when a parameter is fixed one post-fit standard deviation
        above and below its fitted value; NaN where it is not known.
    values, errors
        Their pulls, as for `pulls`; NaN where there is no constraint, which is said to be free.
    prefit_up, prefit_down
        The same as `up` and `down` with the pre-fit standard deviation, drawn as outlines.
    """
    up, down = np.asarray(up, float), np.asarray(down, float)
    size = np.maximum(np.nan_to_num(np.abs(up)), np.nan_to_num(np.abs(down)))
    order = np.argsort(-size, kind="stable")[:most]
    names = [f"{labels[n]}  {i + 1}" for i, n in enumerate(order)]
    up, down = up[order], down[order]
    values, errors = np.asarray(values, float)[order], np.asarray(errors, float)[order]
    figure, (left, bottom, width, height) = in_rows(names, least=6.0)
    pull = figure.add_axes((left, bottom, 0.42 * width, height))
    impact = figure.add_axes((left + 0.45 * width, bottom, 0.55 * width, height), sharey=pull)
    rows = np.arange(len(order))
    impact.barh(rows, up, height=0.66, color=style.RED)
    impact.barh(rows, down, height=0.66, color=style.BLUE)
    reach = size.max(initial=0.0)
    for changes, colour in ((prefit_up, style.RED), (prefit_down, style.BLUE)):
        if changes is not None:
            outline = np.asarray(changes, float)[order]
            reach = max(reach, np.nan_to_num(np.abs(outline)).max(initial=0.0))
            impact.barh(rows, outline, height=0.66, facecolor="none", edgecolor=colour, lw=1.5)
    handles = [Patch(color=style.RED), Patch(color=style.BLUE)]
    entries = ["+1 σ", "−1 σ"]
    if prefit_up is not None:
        handles.append(Patch(facecolor="none", edgecolor="black", lw=1.5))
        entries.append("pre-fit")
    reach = reach or 1.0
    impact.plot([0, 0], [-0.6, len(order) - 0.4], color="black", lw=1)  # not through the legend
    impact.set(xlim=(-1.15 * reach, 1.15 * reach), xlabel=f"Δ{poi}")
    impact.locator_params(axis="x", nbins=5)
    impact.tick_params(axis="y", labelleft=False)
    pull.axvspan(-1, 1, color=style.GREEN, zorder=0)
    pull.axvline(0, color="black", lw=1, ls="--", zorder=1)
    pull.errorbar(values, rows, xerr=errors, fmt="o", color="black", ms=7, elinewidth=2, zorder=3)
    for row in np.flatnonzero(np.isnan(values)):
        box = {"facecolor": style.GREEN, "edgecolor": "none", "pad": 1.0}
        pull.annotate("free", (0, row), ha="center", va="center", fontsize=15, bbox=box)
    limit = max(1.5, 1.1 * np.nan_to_num(np.abs(values) + errors).max(initial=0.0))
    pull.set(
        xlim=(-limit, limit),
        ylim=(len(order) - 0.4, -1.9),  # two rows for the legend
        xlabel=r"$(\hat{\theta} - \theta_0)\,/\,\Delta\theta$",
    )
    pull.set_yticks(rows, names, fontsize=_FONT)
    for axes in (pull, impact):
        axes.tick_params(axis="y", which="both", length=0)
    impact.legend(handles, entries, ncols=3, loc="upper center", fontsize=15, borderaxespad=0.1)
    if banner:
        style.Banner(banner.experiment, banner.status).draw(pull)
        style.Banner("", "", banner.luminosity, banner.energy).draw(impact)
    return figure


@style.styled
def costs(
    labels: Sequence[str],
    impacts: ArrayLike,
    gains: ArrayLike,
    *,
    observed: ArrayLike | None = None,
    poi: str = "μ",
    banner: style.Banner | None = None,
) -> Figure:
    """What groups of nuisance parameters cost: two bars in each row.

    Parameters
    ----------
    impacts, observed
        The part of the error of the signal strength that each is responsible for, of Asimov data
        and of the data.
    gains
        Expected significance if the group were known exactly, less the expected one.
    """
    figure, (left, bottom, width, height) = in_rows([*labels, ""], least=4.5)
    strength = figure.add_axes((left, bottom, 0.47 * width, height))
    significance = figure.add_axes((left + 0.53 * width, bottom, 0.47 * width, height))
    rows, expected = np.arange(len(labels)), np.asarray(impacts, float)
    if observed is None:
        strength.barh(rows, expected, height=0.6, color=style.GREY, label="expected")
    else:
        both = ((-0.17, observed, "black", "observed"), (0.17, expected, style.GREY, "expected"))
        for shift, sizes, colour, name in both:
            bars = np.asarray(sizes, float)
            strength.barh(rows + shift, bars, height=0.34, color=colour, label=name)
    strength.legend(ncols=2, loc="upper right", fontsize=15, borderaxespad=0.1)
    significance.barh(rows, np.asarray(gains, float), height=0.6, color=style.RED)
    strength.set_xlabel(f"Part of the error of {poi}", fontsize=19)
    significance.set_xlabel("Expected Z if known, gain [σ]", fontsize=19)
    _finish(strength, labels)
    _finish(significance, [""] * len(labels))
    if banner:
        style.Banner(banner.experiment, banner.status).draw(strength)
        style.Banner("", "", banner.luminosity, banner.energy).draw(significance)
    return figure


def _finish(axes: Axes, labels: Sequence[str]) -> None:
    """Rows from the top, under one for the legend; bars from zero."""
    high = axes.dataLim.x1
    axes.set(
        xlim=(0.0, 1.1 * high if np.isfinite(high) and high > 0.0 else 1.0),
        ylim=(len(labels) - 0.4, -1.6),
    )
    axes.set_yticks(range(len(labels)), labels, fontsize=_FONT)
    axes.tick_params(axis="y", which="both", length=0)
    axes.locator_params(axis="x", nbins=4)
