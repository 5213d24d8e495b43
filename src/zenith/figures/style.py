"""The look of every figure: mplhep's style, the line above the axes, room for the legend.

Figures are made through matplotlib's object interface, so that nothing is kept between them.
"""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar

import matplotlib
import mplhep
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.textpath import TextPath
from numpy.typing import NDArray

from zenith.artefacts.writing import atomic

SIZE = 10.0  # inches: the side of a square figure
LINE = 0.0385  # height of a line of legend or text, of a square figure's height
BLUE, ORANGE, RED, GREY = "#3f90da", "#ffa90e", "#bd1f01", "#717581"
MORE = ("#832db6", "#a96b59", "#e76300", "#b9ac70", "#92dadd")  # arXiv:2107.02270, after those
GREEN, YELLOW = "#85d1a0", "#ffdf7f"  # bands of one and of two standard deviations

_OPTIONS: dict[str, Any] = {
    "font.sans-serif": ["TeX Gyre Heros", "DejaVu Sans"],  # the second has the glyphs Heros lacks
    "font.size": 22,
    "legend.fontsize": 19,
    "legend.handlelength": 1.4,
    "legend.columnspacing": 1.2,
    "legend.labelspacing": 0.35,
    "hatch.linewidth": 0.9,
    "savefig.dpi": 100,
}
# Without dates, the same figure is the same file.
_METADATA: dict[str, dict[str, Any]] = {"png": {"Software": None}, "pdf": {"CreationDate": None}}

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def context() -> Iterator[None]:
    """The style, for as long as the block lasts."""
    options: dict[Any, Any] = {**mplhep.style.CMS, **_OPTIONS}
    with matplotlib.rc_context(options):
        yield


def styled(function: Callable[P, R]) -> Callable[P, R]:
    """Run a figure function in the style."""

    @wraps(function)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        with context():
            return function(*args, **kwargs)

    return inside


@styled
def save(figure: Figure, path: str | Path, formats: Sequence[str] = ("png", "pdf")) -> list[Path]:
    """Write `{path}.{format}` for every format; returns the paths."""
    paths = [Path(f"{path}.{extension}") for extension in formats]
    for target, extension in zip(paths, formats, strict=True):
        content = io.BytesIO()  # an encoder of images does not say what a disk says to it
        figure.savefig(content, format=extension, metadata=_METADATA[extension])
        with atomic(target) as temporary:
            temporary.write_bytes(content.getvalue())
    return paths


@dataclass(frozen=True)
class Banner:
    """The line above the axes: who, what, luminosity in 1/fb and energy in TeV."""

    experiment: str = "Zenith"
    status: str = ""
    luminosity: float | None = None
    energy: float | None = None

    def draw(self, axes: Axes, offset: bool = False) -> None:
        """Write it; `offset` says that the event axis has a power of ten beside its top."""
        mplhep.label.exp_label(
            exp=self.experiment,
            text=self.status,
            data=True,  # or mplhep would write "Simulation" by itself
            lumi=self.luminosity,
            lumi_format="{0:.3g}",
            com=None if self.energy is None else f"{self.energy:g}",
            fontsize=24,
            scilocator_adjust=offset,
            ax=axes,
        )


def single(width: float = SIZE, height: float = SIZE) -> tuple[Figure, Axes]:
    """A figure of one panel; margins do not depend on the content, which makes drawing quick."""
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((1.35 / width, 1.0 / height, 1 - 1.7 / width, 1 - 1.7 / height))
    return figure, axes


def panels(ratios: int = 1) -> tuple[Figure, list[Axes]]:
    """A square figure of one tall panel above `ratios` low ones that share its x axis."""
    figure = Figure(figsize=(SIZE, SIZE))
    low = 0.2 if ratios == 1 else 0.15
    bottoms = [0.1 + (low + 0.02) * i for i in reversed(range(ratios))]
    top = bottoms[0] + low + 0.02
    axes = [figure.add_axes((0.145, top, 0.815, 0.93 - top))]
    axes += [figure.add_axes((0.145, b, 0.815, low), sharex=axes[0]) for b in bottoms]
    for upper in axes[:-1]:
        upper.tick_params(labelbottom=False)
    for lower in axes[1:]:
        lower.yaxis.set_label_coords(-0.105, 0.5)
        lower.yaxis.label.set(ha="center", fontsize=19)
    return figure, axes


def widest(labels: Sequence[str], size: float) -> float:
    """Width in inches of the widest label, of a font of `size` points."""
    paths = [TextPath((0.0, 0.0), label, size=size) for label in labels if label.strip()]
    return max((float(path.get_extents().x1) for path in paths), default=0.0) / 72.0


def x_label(label: str, unit: str) -> str:
    """`label [unit]`, or the label alone."""
    return f"{label} [{unit}]" if unit else label


def event_label(edges: NDArray[Any], unit: str) -> str:
    """`Events / 20 GeV` for bins of one width, else `Events / bin`."""
    widths = np.diff(edges)
    if not np.allclose(widths, widths[0], rtol=1e-3):
        return "Events / bin"
    if not unit and np.isclose(widths[0], 1.0):
        return "Events"
    return f"Events / {widths[0]:.3g} {unit}".rstrip()


def _height(axes: Axes) -> float:
    """Height of the axes in inches."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return axes.get_position().height * figure.get_figheight()


def make_room(axes: Axes, highest: float, lowest: float, lines: float, log: bool) -> None:
    """Limits of the event axis that leave `lines` lines of text free above the highest value.

    `lowest` is the smallest positive value that a logarithmic axis has to show.
    """
    highest = highest if highest > 0.0 and np.isfinite(highest) else 1.0
    free = min(LINE * SIZE * (lines + 0.9) / _height(axes), 0.7)
    if log:
        bottom = np.clip(
            0.5 * lowest if lowest > 0.0 else highest / 1e3, highest / 1e6, highest / 5
        )
        axes.set_ylim(bottom, bottom * (highest / bottom) ** (1.0 / (1.0 - free)))
        axes.set_yscale("log")  # after the limits: a panel without a positive value is fine
    else:
        axes.set_ylim(0.0, 1.03 * highest / (1.0 - free))
        axes.ticklabel_format(axis="y", style="sci", scilimits=(-3, 4), useMathText=True)


def add_text(axes: Axes, lines: Sequence[str]) -> None:
    """Lines of text in the upper left corner."""
    for i, line in enumerate(lines):
        axes.annotate(
            line,
            (0.0, 1.0),
            xytext=(14, -12 - 27 * i),
            xycoords="axes fraction",
            textcoords="offset points",
            va="top",
            fontsize=20,
            fontweight="bold" if i == 0 else "normal",
        )


def add_legend(axes: Axes, entries: Mapping[str, Any], columns: int, below: int) -> None:
    """A legend in the upper part of the axes, under `below` lines of text."""
    if not entries:
        return
    axes.legend(
        list(entries.values()),
        list(entries),
        ncols=columns,
        loc="upper left",
        bbox_to_anchor=(0.0, 1.0 - (6 + 27 * below) / (72 * _height(axes))),
        borderaxespad=0.2,
    )


def number_axis(axes: Axes, numbers: Sequence[int], label: str) -> None:
    """A logarithmic axis of x for small whole numbers, as of bins, with ticks that read as such."""
    axes.set_xscale("log")
    ticks = [1, 2, 3, 5, 10, 20, 30, 50, 100]
    axes.set_xticks(ticks, [f"{tick}" for tick in ticks])
    axes.xaxis.set_minor_formatter("")
    axes.set_xlim(0.85 * min(numbers), 1.2 * max(numbers))
    axes.set_xlabel(label)


def finish(
    axes: Axes,
    place: Literal["lower right", "upper left", "upper right"],
    title: str,
    banner: Banner | None,
) -> None:
    """The legend at a place, with a title, and the banner: what a figure of one panel ends with."""
    axes.legend(
        loc=place,
        title=title or None,
        alignment="left",
        title_fontproperties={"size": 20, "weight": "bold"},
    )
    if banner:
        banner.draw(axes)
