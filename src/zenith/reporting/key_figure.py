"""The one figure beside the result: which it is, and what it shows."""

import math
from pathlib import Path
from typing import NamedTuple

from zenith.artefacts.fit import RegionYields, total
from zenith.artefacts.summary import Results


class KeyFigure(NamedTuple):
    """A figure that was drawn, with its caption."""

    png: bytes
    caption: str


def of_analysis(results: Path, summary: Results) -> KeyFigure | None:
    """The region with the most signal over the root of all events, after the fit of what is quoted.

    `results` is the folder of results. None where there is no such figure as PNG.
    """
    yields = summary["yields"]
    region = max(yields, key=lambda name: _strength(yields[name]))
    label = summary["labels"]["regions"].get(region, region)
    after = "expected" if summary["fit"].get("asimov") else "after the fit"
    path = results / summary["quoted"] / "figures" / "fit_regions" / f"{region}_postfit.png"
    return _read(path, f"{label}, {after}.")


def of_categories(results: Path) -> KeyFigure | None:
    """The plane of the scores with the categories, or the edges of one score."""
    captions = {"edges": "Categories of the score.", "plane": "Categories in the plane of scores."}
    found = (_read(results / "figures" / f"{k}.png", text) for k, text in captions.items())
    return next((figure for figure in found if figure is not None), None)


def _read(path: Path, caption: str) -> KeyFigure | None:
    return KeyFigure(path.read_bytes(), caption) if path.exists() else None


def _strength(yields: RegionYields) -> float:
    all_ = total(yields)["prefit"]
    background = yields.get("total_background")
    others = background["prefit"] if isinstance(background, dict) else all_
    return (all_ - others) / math.sqrt(all_) if all_ > 0.0 else 0.0
