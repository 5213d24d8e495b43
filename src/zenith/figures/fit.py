"""What the fit says: pulls, correlations, ranking, likelihood scan, upper limit."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import ArrayLike

from zenith.figures import style

Place = tuple[float, float, float, float]
_GREEN, _YELLOW = "#85d1a0", "#ffdf7f"  # 68 % and 95 %
_BANDS = ("−2 σ", "−1 σ", "the median", "+1 σ", "+2 σ")


def _rows(number: int, least: float = 5.0, left: float = 4.2) -> tuple[Figure, Place]:
    """A figure with room for rows of 0.42 inches, and the place of its axes."""
    width, height = 12.0, max(least, 2.2 + 0.42 * number)
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
    banner: style.Banner | None = None,
) -> Figure:
    """Fitted nuisance parameters in units of their constraint: (θ̂ − θ₀) / Δθ, one row each.

    An error bar shorter than 1 says that the data constrain the parameter; one whose error is NaN
    has none.
    """
    values, errors = np.asarray(values, float), np.asarray(errors, float)
    figure, place = _rows(len(labels))
    axes = figure.add_axes(place)
    rows = np.arange(len(labels))
    axes.axvspan(-2, 2, color=_YELLOW, zorder=0)
    axes.axvspan(-1, 1, color=_GREEN, zorder=0)
    axes.axvline(0, color="black", lw=1, ls="--", zorder=1)
    axes.errorbar(values, rows, xerr=errors, fmt="o", color="black", ms=7, elinewidth=2, zorder=3)
    reach = max(2.5, 1.1 * (np.abs(values) + np.nan_to_num(errors)).max(initial=0.0))
    axes.set(
        xlim=(-reach, reach),
        ylim=(len(labels) - 0.4, -0.6),
        xlabel=r"$(\hat{\theta} - \theta_0)\,/\,\Delta\theta$",
    )
    axes.set_yticks(rows, labels, fontsize=17)
    axes.tick_params(axis="y", which="both", length=0)
    if banner:
        banner.draw(axes)
    return figure


def correlated(matrix: ArrayLike, threshold: float = 0.1, most: int = 25) -> list[int]:
    """Indices of the parameters that are worth a row of the correlation matrix, in its order.

    With at most `most` parameters all are; else those with an off-diagonal |ρ| above `threshold`,
    and of these the `most` with the largest.
    """
    size = np.abs(np.asarray(matrix, float))
    if len(size) <= most:
        return list(range(len(size)))
    largest = (size * (1.0 - np.eye(len(size)))).max(axis=1)
    kept = np.argsort(-largest, kind="stable")[:most]
    return sorted(int(i) for i in kept if largest[i] > threshold)


@style.styled
def correlations(
    labels: Sequence[str],
    matrix: ArrayLike,
    *,
    threshold: float = 0.1,
    banner: style.Banner | None = None,
) -> Figure:
    """The correlation matrix of the fitted parameters in percent (see `correlated`)."""
    kept = correlated(matrix, threshold)
    matrix = np.asarray(matrix, float).reshape(len(labels), len(labels))[np.ix_(kept, kept)]
    labels = [labels[i] for i in kept]
    side = max(10.0, 4.6 + 0.5 * len(labels))
    figure = Figure(figsize=(side, side))
    axes = figure.add_axes((3.6 / side, 3.6 / side, 1 - 4.4 / side, 1 - 4.4 / side))
    axes.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
    cell = (side - 4.4) * 72 / max(len(labels), 1)
    for i, row in enumerate(matrix):
        for j, value in enumerate(row):
            if abs(value) >= 0.005:
                axes.text(
                    j,
                    i,
                    f"{100 * value:.0f}",
                    ha="center",
                    va="center",
                    fontsize=min(17, 0.42 * cell),
                    color="white" if abs(value) > 0.6 else "black",
                )
    ticks = range(len(labels))
    axes.set_xticks(ticks, labels, rotation=45, ha="right", rotation_mode="anchor", fontsize=15)
    axes.set_yticks(ticks, labels, fontsize=15)
    axes.tick_params(which="both", length=0)
    axes.annotate(
        "Correlation in %",
        (1, 1),
        xytext=(0, 6),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="right",
        fontsize=20,
    )
    if banner:
        style.Banner(banner.experiment, banner.status).draw(axes)
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
        Their pulls, as for `pulls`; NaN where there is no constraint.
    prefit_up, prefit_down
        The same as `up` and `down` with the pre-fit standard deviation, drawn as outlines.
    """
    up, down = np.asarray(up, float), np.asarray(down, float)
    size = np.maximum(np.nan_to_num(np.abs(up)), np.nan_to_num(np.abs(down)))
    order = np.argsort(-size, kind="stable")[:most]
    up, down = up[order], down[order]
    values, errors = np.asarray(values, float)[order], np.asarray(errors, float)[order]
    figure, (left, bottom, width, height) = _rows(len(order), least=6.0)
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
    names = ["+1 σ", "−1 σ"]
    if prefit_up is not None:
        handles.append(Patch(facecolor="none", edgecolor="black", lw=1.5))
        names.append("pre-fit")
    reach = reach or 1.0
    impact.axvline(0, color="black", lw=1)
    impact.set(xlim=(-1.15 * reach, 1.15 * reach), xlabel=f"Δ{poi}")
    impact.locator_params(axis="x", nbins=5)
    impact.tick_params(axis="y", labelleft=False)
    pull.axvspan(-1, 1, color=_GREEN, zorder=0)
    pull.axvline(0, color="black", lw=1, ls="--", zorder=1)
    pull.errorbar(values, rows, xerr=errors, fmt="o", color="black", ms=7, elinewidth=2, zorder=3)
    limit = max(1.5, 1.1 * np.nan_to_num(np.abs(values) + errors).max(initial=0.0))
    pull.set(
        xlim=(-limit, limit),
        ylim=(len(order) - 0.4, -1.9),  # two rows for the legend
        xlabel=r"$(\hat{\theta} - \theta_0)\,/\,\Delta\theta$",
    )
    pull.set_yticks(rows, [f"{labels[n]}  {i + 1}" for i, n in enumerate(order)], fontsize=17)
    for axes in (pull, impact):
        axes.tick_params(axis="y", which="both", length=0)
    impact.legend(handles, names, ncols=3, loc="upper center", fontsize=15, borderaxespad=0.1)
    if banner:
        style.Banner(banner.experiment, banner.status).draw(pull)
        style.Banner("", "", banner.luminosity, banner.energy).draw(impact)
    return figure


@style.styled
def likelihood_scan(
    strengths: ArrayLike,
    delta_twice_nll: ArrayLike,
    *,
    best: float | None = None,
    error: float | None = None,
    poi: str = "Signal strength μ",
    asimov: bool = False,
    banner: style.Banner | None = None,
) -> Figure:
    """−2 Δ ln L of the profiled likelihood, with the 68 % and 95 % levels of one parameter."""
    x, y = np.asarray(strengths, float), np.asarray(delta_twice_nll, float)
    order = np.argsort(x)
    figure, axes = style.single()
    axes.plot(x[order], y[order], "-o", color=style.BLUE, lw=3, ms=6)
    top = max(1.2 * np.nan_to_num(y).max(initial=0.0), 5.0)
    # χ² quantiles of one degree of freedom.
    for level, text in ((1.0, "68 %"), (3.84, "95 %")):
        axes.axhline(level, color=style.GREY, ls="--", lw=1.5)
        axes.annotate(
            text,
            (0.985, level),
            xycoords=("axes fraction", "data"),
            xytext=(0, 4),
            textcoords="offset points",
            ha="right",
            fontsize=18,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
            color=style.GREY,
        )
    lines = ["Asimov data, expected" if asimov else "Observed"]
    if best is not None:
        axes.axvline(best, ymax=0.8, color=style.RED, lw=1.5)
        digits = 2 if not error else max(0, 1 - int(np.floor(np.log10(error))))
        about = "" if error is None else f" ± {error:.{digits}f}"
        lines.append(f"μ = {best:.{digits}f}{about}")
    if len(x) > 1:
        axes.set_xlim(x.min(), x.max())
    axes.set(ylim=(0.0, 1.25 * top), xlabel=poi, ylabel=r"$-2\,\Delta\,\ln L$")
    style.add_text(axes, lines)
    if banner:
        banner.draw(axes)
    return figure


@style.styled
def upper_limit(
    expected: ArrayLike,
    observed: float | None = None,
    *,
    label: str = "Signal",
    poi: str = "signal strength μ",
    banner: style.Banner | None = None,
) -> Figure:
    """The 95 % CLs upper limit: expected −2 σ, −1 σ, median, +1 σ, +2 σ, and observed.

    One that was not found is NaN, and said to be.
    """
    expected = np.asarray(expected, float)
    low2, low1, median, high1, high2 = expected
    figure = Figure(figsize=(12, 5.2))
    axes = figure.add_axes((0.17, 0.2, 0.79, 0.65))
    bands = (("95 % expected", low2, high2, _YELLOW), ("68 % expected", low1, high1, _GREEN))
    for text, low, high, colour in bands:
        if np.isfinite([low, high]).all():
            axes.barh(0, high - low, left=low, height=0.5, color=colour, label=text)
    for name, value, style_of_line in (("Expected", median, "--"), ("Observed", observed, "-")):
        if value is not None:
            text = f"{name} {value:.3g}" if np.isfinite(value) else f"{name} not found"
            axes.plot([value] * 2, [-0.25, 0.25], style_of_line, color="black", lw=3, label=text)
    absent = [band for band, value in zip(_BANDS, expected, strict=True) if not np.isfinite(value)]
    if absent:
        text = f"not found: expected limit at {', '.join(absent)}"
        axes.annotate(text, (0.015, 0.04), xycoords="axes fraction", fontsize=16)
    axes.axvline(1.0, color=style.RED, lw=1.5, ls=":")
    most = np.nanmax([*expected, np.nan if observed is None else observed, 1.0])
    axes.set(xlim=(0.0, 1.15 * most), ylim=(-0.6, 1.1), xlabel=f"95 % CLs upper limit on the {poi}")
    axes.set_yticks([0], [label])
    axes.tick_params(axis="y", which="both", length=0)
    axes.legend(ncols=2, loc="upper left", fontsize=18)
    if banner:
        banner.draw(axes)
    return figure
