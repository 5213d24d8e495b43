"""What the efficient score is made of: what was projected away, and where it puts events."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter

from zenith.figures import style
from zenith.figures.categories import CONTENT, contents
from zenith.figures.uncertainties import in_rows

Array = NDArray[np.float64]


@style.styled
def projection(
    labels: Sequence[str],
    costs: ArrayLike,
    seen: ArrayLike,
    least: float,
    *,
    banner: style.Banner | None = None,
) -> Figure:
    """What the projection onto each nuisance parameter takes away, and how well its score is known.

    Parameters
    ----------
    costs
        Of each fold and parameter, (folds, A), the information on the signal strength that knowing
        the parameter would add, relative to what there is; bars are the mean of the folds.
    seen
        Standard deviations by which a learned response is seen, (folds, A); NaN for a parameter
        that changes rates, whose score is known.
    least
        Those below which a response is noise: the parameter is left out.
    """
    costs, seen = np.asarray(costs, float), np.asarray(seen, float)
    order = np.argsort(-costs.mean(axis=0), kind="stable")
    names, costs, seen = [labels[k] for k in order], 100 * costs[:, order], seen[:, order]
    figure, (left, bottom, width, height) = in_rows([*names, ""], least=5.0)
    cost = figure.add_axes((left, bottom, 0.5 * width, height))
    response = figure.add_axes((left + 0.54 * width, bottom, 0.46 * width, height), sharey=cost)
    places = np.arange(len(names))
    folds = np.broadcast_to(places, costs.shape)
    point: dict[str, Any] = {"color": "black", "ls": "none", "marker": "o", "ms": 4, "alpha": 0.6}
    cost.barh(places, costs.mean(axis=0), height=0.6, color=style.BLUE, label="Mean")
    cost.plot(costs.ravel(), folds.ravel(), **point, label="Each fold")
    cost.legend(ncols=2, loc="upper right", fontsize=15, borderaxespad=0.1)
    cost.set_xlim(0.0, 1.1 * (costs.max(initial=0.0) or 1.0))
    cost.locator_params(axis="x", nbins=5)
    cost.set_xlabel("Information gained if known [%]", fontsize=18)
    response.axvspan(-1e9, least, color=style.GREY, alpha=0.3, lw=0, label="Noise: left out")
    response.plot(seen.ravel(), folds.ravel(), **point)
    response.set_xscale("symlog", linthresh=max(least, 1.0))
    response.xaxis.set_major_formatter("{x:g}")
    known = seen[np.isfinite(seen)]
    low, high = known.min(initial=0.0), known.max(initial=10.0)
    response.set_xlim(min(1.3 * low, -1.0), 2.0 * high)
    for k in np.flatnonzero(np.isnan(seen).all(axis=0)):
        response.annotate(
            "a rate: known", (0.6, k), xycoords=("axes fraction", "data"), va="center", fontsize=14
        )
    response.legend(loc="upper right", fontsize=15, borderaxespad=0.1)
    response.set_xlabel("Response seen at [σ]", fontsize=18)
    response.tick_params(axis="y", labelleft=False)
    cost.set_ylim(len(names) - 0.4, -1.6)  # from the top, under a row for the legend
    cost.set_yticks(places, names, fontsize=17)
    for axes in (cost, response):
        axes.tick_params(axis="y", which="both", length=0)
    if banner:
        style.Banner(banner.experiment, banner.status).draw(cost)
        style.Banner("", "", banner.luminosity, banner.energy).draw(response)
    return figure


@style.styled
def against(
    x: ArrayLike,
    y: ArrayLike,
    background: ArrayLike,
    signal: ArrayLike,
    *,
    labels: tuple[str, str],
    names: tuple[str, str],
    cells: int = 1,
    colour: str = style.RED,
    banner: style.Banner | None = None,
) -> Figure:
    """A score against an observable: the background as colour, the signal as contours.

    Parameters
    ----------
    x, y
        Edges of the cells, (nx + 1,) of the observable and (ny + 1,) of the score.
    background, signal
        Expected events, (nx, ny). The contours hold 50 and 90 % of the signal; the line is the mean
        score of the background.
    labels, names
        Of both axes, and of background and signal.
    cells
        In which the score begins anew: the first ny / cells of its bins are those of the first.
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    events, density = np.asarray(background, float), np.asarray(signal, float)
    width = 11.8
    figure = Figure(figsize=(width, style.SIZE))
    axes = figure.add_axes((1.35 / width, 0.1, 8.3 / width, 0.83))
    side = figure.add_axes((9.85 / width, 0.1, 0.35 / width, 0.83))
    shown = np.ma.masked_less_equal(events, 0.0).T
    highest = shown.max() if shown.count() else 1.0
    mesh = axes.pcolormesh(x, y, shown, cmap="Blues", norm="log", vmin=1e-4 * highest)
    mesh.set_rasterized(True)
    bar = figure.colorbar(mesh, cax=side)
    bar.set_label(f"{names[0]}, expected events")
    middle_x, middle_y = ((edges[1:] + edges[:-1]) / 2 for edges in (x, y))
    handles, entries = [], []
    of_cells = np.maximum(density, 0.0).reshape(len(density), cells, -1)
    smooth = gaussian_filter(of_cells, (0.8, 0.0, 0.8)).reshape(density.shape)
    if smooth.sum() > 0.0:
        levels = contents(smooth)
        widths = (1.8, 4.0)[-len(levels) :]
        ends = [np.r_[e[0], m, e[-1]] for e, m in ((x, middle_x), (y, middle_y))]
        to_the_ends = np.pad(smooth, 1, mode="edge").T
        axes.contour(*ends, to_the_ends, levels, colors=colour, linewidths=widths)
    for share, thick in zip(CONTENT, (4.0, 1.8), strict=True):
        handles.append(Line2D([], [], color=colour, lw=thick))
        entries.append(f"{names[1]}: {100 * share:.0f} %")
    for place in np.split(np.arange(len(middle_y)), cells):
        total = events[:, place].sum(axis=1)
        filled = total > 0.0
        mean = (events[:, place] @ middle_y[place])[filled] / total[filled]
        (line,) = axes.plot(middle_x[filled], mean, color="black", lw=2.5, ls="--")
        axes.axhline(y[place[-1] + 1], color="black", lw=1.0)
    handles.append(line)
    entries.append(f"{names[0]}: mean")
    # two rows of the legend above the axis of the score
    axes.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1] + 0.13 * (y[-1] - y[0])))
    axes.set(xlabel=labels[0], ylabel=labels[1])
    axes.legend(handles, entries, ncols=2, loc="upper left", borderaxespad=0.3)
    if banner:
        banner.draw(axes)
    return figure
