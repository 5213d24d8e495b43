"""How many categories are enough, and how the gradient found them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator
from numpy.typing import ArrayLike, NDArray

from zenith.figures import style

Array = NDArray[np.float64]
_LOOKS = {  # of references: marker, colour, size
    "exact": ("D", "#832db6", 17),
    "equidistant": ("s", style.ORANGE, 10),
    "equal signal": ("^", "#a96b59", 10),
    "argmax": ("P", "black", 13),
    "argmax, equidistant": ("s", style.ORANGE, 10),
    "argmax, equal signal": ("^", "#a96b59", 10),
}


@style.styled
def numbers(
    categories: ArrayLike,
    train: ArrayLike,
    unseen: ArrayLike,
    error: ArrayLike,
    references: Mapping[str, Sequence[tuple[int, float, bool]]],
    knee: int,
    *,
    label: str = "Expected significance [σ]",
    text: Sequence[str] = (),
    banner: style.Banner | None = None,
) -> Figure:
    """Z of hard categories against their number, (numbers,) each, the one chosen at index `knee`.

    A reference has, for each number of categories, its Z on unseen events and whether it meets
    the requirements on the events it was made of; where it does not, its marker is crossed out.
    """
    categories, train, unseen, error = (
        np.asarray(a, float) for a in (categories, train, unseen, error)
    )
    figure, axes = style.single()
    entries: dict[str, Any] = {}
    (entries["Learned, training"],) = axes.plot(
        categories, train, "--", color=style.BLUE, lw=2.5, zorder=3
    )
    entries["Learned, unseen"] = axes.errorbar(
        categories, unseen, yerr=error, fmt="o-", color=style.BLUE, ms=10, lw=3, capsize=5, zorder=5
    )
    failing = None
    for name, points in references.items():
        marker, colour, size = _LOOKS.get(name, ("v", style.GREY, 10))
        x, y, met = (np.array(values) for values in zip(*points, strict=True))
        (entries[name[0].upper() + name[1:]],) = axes.plot(
            x, y, marker + ":", color=colour, ms=size, mfc="none", mew=2.2, lw=1.8, zorder=4
        )
        if not met.all():
            (failing,) = axes.plot(
                x[~met], y[~met], "x", color=style.RED, ms=15, mew=2.6, ls="none", zorder=6
            )
    if failing is not None:
        entries["Violates the floor"] = failing
    chosen = f"Chosen: {categories[knee]:.0f}, Z = {unseen[knee]:.3g}"
    (entries[chosen],) = axes.plot(
        [categories[knee]], [unseen[knee]], "*", color=style.RED, ms=24, zorder=7, ls="none"
    )
    values = np.concatenate(
        [train, unseen + error, unseen - error, *([p[1] for p in r] for r in references.values())]
    )
    low, high = values.min(), values.max()
    span = (high - low) or 0.02 * abs(high) or 1.0
    rows = -(-len(entries) // 2) + len(text)
    share = (rows + 0.6) * style.LINE * style.SIZE / 8.3
    axes.set_ylim(low - 0.06 * span, low - 0.06 * span + 1.12 * span / (1 - share))
    axes.set(xlabel="Number of categories", ylabel=label)
    axes.set_xscale("log")
    axes.set_xlim(categories.min() / 1.15, categories.max() * 1.15)
    shown = np.unique(categories)
    axes.set_xticks(shown, [f"{number:.0f}" for number in shown])
    axes.xaxis.set_minor_locator(NullLocator())
    style.add_text(axes, text)
    style.add_legend(axes, entries, 2, len(text))
    if banner:
        banner.draw(axes)
    return figure


@style.styled
def bias(
    soft: ArrayLike,
    hard: ArrayLike,
    names: Sequence[str],
    colours: Sequence[str],
    temperature: float,
    *,
    order: str,
    text: Sequence[str] = (),
    banner: style.Banner | None = None,
) -> Figure:
    """How far soft yields are from hard ones in each category, in percent of the hard.

    `soft` and `hard` are (rows, K), one row for each of `names`.
    """
    soft, hard = np.asarray(soft, float), np.asarray(hard, float)
    figure, axes = style.single()
    numbers = np.arange(1, soft.shape[1] + 1)
    percent = 100 * np.divide(soft - hard, hard, out=np.full(soft.shape, np.nan), where=hard > 0)
    axes.axhline(0.0, color="black", lw=1.0, ls="--")
    entries: dict[str, Any] = {}
    shifts = np.linspace(-0.15, 0.15, len(names)) if len(names) > 1 else [0.0]
    for row, name, colour, shift in zip(percent, names, colours, shifts, strict=True):
        (entries[name],) = axes.plot(
            numbers + shift, row, "o", color=colour, ms=11, ls="none", zorder=3
        )
    reach = 1.25 * max(float(np.nanmax(np.abs(percent), initial=0.0)), 0.05)
    share = (len(text) + -(-len(entries) // 2) + 0.6) * style.LINE * style.SIZE / 8.3
    axes.set_ylim(-reach, -reach + 2 * reach / (1 - share))
    axes.set(
        xlim=(0.5, soft.shape[1] + 0.5),
        xlabel=f"Category, {order}",
        ylabel="Soft yield / hard yield − 1 [%]",
    )
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    axes.xaxis.set_minor_locator(NullLocator())
    style.add_text(axes, [*text])
    style.add_legend(axes, entries, 2, len(text))
    axes.annotate(
        f"Soft at temperature {temperature:.3g}, training events",
        (0.98, 0.02),
        xycoords="axes fraction",
        ha="right",
        fontsize=17,
    )
    if banner:
        banner.draw(axes)
    return figure


@style.styled
def convergence(
    soft: ArrayLike,
    hard: ArrayLike,
    met: ArrayLike,
    temperature: ArrayLike,
    *,
    label: str = "Expected significance [σ]",
    text: Sequence[str] = (),
    banner: style.Banner | None = None,
) -> Figure:
    """Objective of soft categories and of hard ones against step, and the temperature, (steps,).

    The soft objective is of the categories before a step, the hard one of those after it; where
    these do not meet (`met`, (steps,)) what is required of them, they are dotted.
    """
    soft, hard, temperature = (np.asarray(a, float) for a in (soft, hard, temperature))
    steps = np.arange(len(soft))
    figure, (main, low) = style.panels()
    entries = {}
    (entries["Soft categories"],) = main.plot(steps, soft, color=style.BLUE, lw=3, zorder=3)
    shown = np.where(met, hard, np.nan)
    (curve,) = main.plot(steps + 1, shown, color=style.RED, lw=2, zorder=2)
    if np.any(met):
        entries["Hard categories"] = curve
    if not np.all(met):
        (entries["Hard, violating the floor"],) = main.plot(
            steps + 1, hard, ":", color=style.RED, lw=1.5, alpha=0.6, zorder=1
        )
    values = np.concatenate([soft, hard])
    values = values[np.isfinite(values)]
    # the first soft steps may be far below: what is to be seen is where it converges
    least = max(values.min(), min(hard.min(), np.quantile(soft, 0.02)))
    span = (values.max() - least) or 0.02 * abs(values.max()) or 1.0
    share = (len(text) + -(-len(entries) // 2) + 0.9) * style.LINE * style.SIZE / 6.1
    main.set_ylim(least - 0.06 * span, least - 0.06 * span + 1.12 * span / (1 - share))
    main.set(ylabel=label, xlim=(0, len(steps)))
    style.add_text(main, text)
    style.add_legend(main, entries, 2, len(text))
    low.plot(steps, temperature, color="black", lw=2.5)
    low.set_yscale("log")
    low.set(xlabel="Step", ylabel="Temperature")
    if banner:
        banner.draw(main)
    return figure
