"""The cuts of the regions and the edges of their fits, as a selection sets them."""

import difflib
from collections.abc import Mapping, Sequence

from zenith.config import Analysis
from zenith.config.base import known
from zenith.config.channels import edge_names
from zenith.config.selection import Axis, RegionCut
from zenith.core.selection.cuts import Cut
from zenith.errors import InputError


def region_cuts(analysis: Analysis, region: str) -> tuple[Cut, ...]:
    """The cuts of a region in their order; one that shares a threshold also has its width."""
    return tuple(_cut(analysis, cut) for cut in analysis.regions[region].cuts)


def _cut(analysis: Analysis, cut: RegionCut) -> Cut:
    said = cut.comparison
    if cut.parameter is None:
        return Cut(said.observable, said.direction, said.threshold)
    tuned = analysis.tunable_cuts.get(cut.parameter)  # none where it is the edge of a category
    return Cut(said.observable, said.direction, cut.parameter, tuned.width if tuned else None)


def initial_thresholds(analysis: Analysis) -> dict[str, float]:
    """The tunable thresholds and the edges of categories, as far as the configuration says them."""
    edges = {
        edge: value
        for name, categories in analysis.parted.items()
        if categories.edges is not None
        for edge, value in zip(edge_names(name, categories), categories.edges, strict=True)
    }
    return {name: cut.threshold for name, cut in analysis.tunable_cuts.items()} | edges


def category_edges(analysis: Analysis) -> list[str]:
    """The names of the edges of all categories, by which they are thresholds."""
    return [e for name, categories in analysis.parted.items() for e in edge_names(name, categories)]


def complete_thresholds(
    analysis: Analysis, given: Mapping[str, float] | None, source: str = "thresholds"
) -> dict[str, float]:
    """Every tunable threshold, and edges of categories: as given, else the initial value.

    Raises InputError, which names `source`, for a threshold that the configuration does not tune.
    """
    thresholds = initial_thresholds(analysis)
    known = dict.fromkeys([*thresholds, *category_edges(analysis)])
    for name, value in (given or {}).items():
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise InputError(
                f"{source}: {name!r} is not a tunable threshold of this configuration{hint} "
                f"(it has {', '.join(known) or 'none'})"
            )
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"{source}: {name}: {value!r} is not a number")
        thresholds[name] = float(value)
    return thresholds


def with_edges(analysis: Analysis, edges: Mapping[str, Sequence[float]]) -> Analysis:
    """The configuration with other edges of the fits of some regions.

    Raises ValueError for a region whose edges do not move, and edges that are not as many
    between the same ends.
    """
    regions = dict(analysis.regions)
    for name, moved in edges.items():
        known([name], analysis.moving_edges, "edges, region with fit.tune_edges")
        fit = regions[name].fit
        old = fit.edges.edges
        if len(moved) != len(old) or (moved[0], moved[-1]) != (old[0], old[-1]):
            raise ValueError(
                f"edges.{name}: {len(moved)} edges from {moved[0]:g} to {moved[-1]:g}, the "
                f"configuration has {len(old)} from {old[0]:g} to {old[-1]:g}"
            )
        fit = fit.model_copy(update={"edges": Axis(edges=tuple(moved))})
        regions[name] = regions[name].model_copy(update={"fit": fit})
    return analysis.model_copy(update={"regions": regions})
