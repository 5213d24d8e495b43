"""What the fit says: correlations, likelihood scan, upper limit."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from zenith.figures import style

_BANDS = ("−2 σ", "−1 σ", "the median", "+1 σ", "+2 σ")


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
    margin = max(2.0, style.widest(labels, 15) + 0.3)  # of the labels, at both axes
    side = max(10.0, 1.0 + margin + 0.5 * len(labels))
    inside = side - margin - 0.8
    figure = Figure(figsize=(side, side))
    axes = figure.add_axes((margin / side, margin / side, inside / side, inside / side))
    axes.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
    cell = inside * 72 / max(len(labels), 1)
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
    for share, low, high, colour in (
        (95, low2, high2, style.YELLOW),
        (68, low1, high1, style.GREEN),
    ):
        if np.isfinite([low, high]).all():
            text = f"{share} %: {low:.3g} to {high:.3g}"
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
    axes.legend(
        ncols=2, loc="upper left", fontsize=18, frameon=True, framealpha=1.0, edgecolor="none"
    )
    if banner:
        banner.draw(axes)
    return figure
