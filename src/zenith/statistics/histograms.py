"""Histograms of every region, process and variation, after hard cuts."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import hist
import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import Columns
from zenith.config import Analysis
from zenith.config.systematics import Side
from zenith.core.selection.cuts import Cut, hard_mask
from zenith.errors import InputError
from zenith.events.folds import folds_of
from zenith.statistics.nuisances import Nuisance, filled_samples, nuisances
from zenith.statistics.selections import Selections
from zenith.statistics.thresholds import region_cuts
from zenith.statistics.undefined import undefined
from zenith.statistics.varied_events import SampleEvents, events_of

log = logging.getLogger(__name__)
SUMS = "sum_of_weights"
SHIFT = "shift"
Histogram = hist.Hist[hist.storage.Weight]


@dataclass(frozen=True)
class Target:
    """What is histogrammed in a region: the prefix of the names, an observable and its bins."""

    region: str
    prefix: str
    observable: str
    edges: tuple[float, ...]
    overflow: bool
    """Whether events outside the axis go into its first and last bin; if not, they are left out."""
    by_fold: tuple[tuple[float, ...], ...] = ()
    """The edges that the events of each fold are binned with, where they moved."""
    undefined: float | None = None
    """The value of events that lack the observable, and are left out."""

    def bin_of(self, x: NDArray[Any], fold: NDArray[np.intp]) -> NDArray[np.intp]:
        """Index of the bin of each event, (N,); -1 and the number of bins are outside."""
        index = np.searchsorted(np.asarray(self.edges), x, side="right") - 1
        for k, edges in enumerate(self.by_fold):
            here = fold == k
            index[here] = np.searchsorted(np.asarray(edges), x[here], side="right") - 1
        index = np.clip(index, 0, len(self.edges) - 2) if self.overflow else index
        if self.undefined is None:
            return index
        return np.where(x == np.float32(self.undefined), -1, index)


def fit_targets(analysis: Analysis, selections: Selections | None = None) -> list[Target]:
    """The fit observable of each region, `{region}/{process}/{variation}`.

    Where the selections moved edges, the axis has the mean of the folds.
    """
    selections = selections or Selections.of(analysis)
    moved, regions = selections.edges, selections.on_axes(analysis).regions
    return [
        Target(
            name,
            name,
            region.fit.observable,
            region.fit.edges.edges,
            region.fit.overflow == "include",
            tuple(tuple(edges) for edges in moved.get(name, ())),
        )
        for name, region in regions.items()
    ]


def plot_targets(analysis: Analysis) -> list[Target]:
    """The control plots, `{region}/{observable}/{process}/{variation}`.

    The overflow is drawn, but no event that lacks the observable.
    """
    targets = []
    for name, region in analysis.regions.items():
        drawn = analysis.plotting.observables if region.plots is None else region.plots
        for observable in drawn:
            if observable not in analysis.observables:
                raise InputError(
                    f"regions.{name}: {observable!r} is to be drawn but has no axis: add "
                    f"observables.{observable} with label and edges"
                )
            edges = analysis.observables[observable].edges.edges
            prefix = f"{name}/{observable.replace(':', '_')}"
            lacks = undefined(analysis, observable)
            targets.append(Target(name, prefix, observable, edges, True, undefined=lacks))
    return targets


def fill(
    analysis: Analysis,
    columns: Mapping[str, Columns],
    selections: Selections | None = None,
    targets: list[Target] | None = None,
) -> dict[str, Histogram]:
    """Histograms with variances, by name; those of the fit unless other targets are given.

    They are of all events: the union of the folds, each read with its own selection.

    Parameters
    ----------
    columns
        By sample, alternative samples included, with the scores of networks. Data are left out of
        blind regions.
    selections
        What each fold is read with; default: what the configuration says, in all.

    Returns
    -------
    dict
        `{prefix}/{process}/{variation}` → histogram (Weight storage). The variation is `nominal`,
        `{nuisance}_up` or `{nuisance}_down`; one that varies an era alone has the other eras at
        nominal, and a lacking side of a nuisance is not there. `sum_of_weights/{process}` has one
        bin for all simulated events, before any cut.

    Raises InputError for a missing sample, observable or variation, and for values that are NaN or
    weights that are not finite.
    """
    selections = selections or Selections.of(analysis)
    targets = fit_targets(analysis, selections) if targets is None else targets
    analysis = selections.on_axes(analysis)
    cuts = {name: region_cuts(analysis, name) for name in {t.region for t in targets}}
    sums: dict[str, NDArray[np.float64]] = {}
    axes: dict[str, Target] = {}
    for sample in filled_samples(analysis):
        process = analysis.samples[sample].process
        seen: dict[int, dict[Target, tuple[Any, Any]]] = {}  # by the identity of the values
        for variation, nuisance, side in _variations(analysis, sample):
            events = events_of(analysis, columns, sample, nuisance, side)
            key = id(events.values)
            if key not in seen:
                _check_values(events, targets, cuts, sample)
                seen[key] = filled_bins(events, targets, cuts, selections)
            for target, (chosen, index) in seen[key].items():
                if not _is_filled(analysis, sample, nuisance, target.region):
                    continue
                name = f"{target.prefix}/{process}/{variation}"
                axes[name] = target
                bins = len(target.edges) - 1
                weight = events.weight[chosen]
                total = sums.setdefault(name, np.zeros((bins, 2)))
                total[:, 0] += np.bincount(index, weight, minlength=bins)
                total[:, 1] += np.bincount(index, weight**2, minlength=bins)
    histograms = {name: weighted(axes[name], total) for name, total in sums.items()}
    histograms |= _sums(analysis, columns)
    _warn_of_empty_regions(analysis, histograms, targets)
    return histograms


def _is_filled(analysis: Analysis, sample: str, nuisance: Nuisance | None, region: str) -> bool:
    """Whether a variation of a sample is histogrammed in a region: not the data of a blind one."""
    if analysis.is_data(sample):
        return not analysis.is_blind(region)
    return nuisance is None or region in nuisance.regions


def _sums(analysis: Analysis, columns: Mapping[str, Columns]) -> dict[str, Histogram]:
    """What one simulated event of each process stands for is the ratio of variance to value."""
    one_bin = Target("", SUMS, "events", (0.0, 1.0), overflow=True)
    totals: dict[str, NDArray[np.float64]] = {}
    for sample in filled_samples(analysis):
        if not analysis.is_data(sample):
            weight = events_of(analysis, columns, sample).weight
            name = f"{SUMS}/{analysis.samples[sample].process}"
            totals.setdefault(name, np.zeros((1, 2)))[0] += weight.sum(), (weight**2).sum()
    return {name: weighted(one_bin, total) for name, total in totals.items()}


def _variations(analysis: Analysis, sample: str) -> Iterator[tuple[str, Nuisance | None, Side]]:
    """Every variation of the process of a sample: its name, nuisance and side."""
    yield "nominal", None, "up"
    if analysis.is_data(sample):
        return
    for nuisance in nuisances(analysis):
        if nuisance.kind == "templates" and analysis.samples[sample].process in nuisance.processes:
            for side in nuisance.sides:
                yield f"{nuisance.name}_{side}", nuisance, side


def filled_bins(
    events: SampleEvents,
    targets: list[Target],
    cuts: Mapping[str, tuple[Cut, ...]],
    selections: Selections,
) -> dict[Target, tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """For each target, which events are filled and into which bins."""
    fold = folds_of(events.hash, selections.folds)
    thresholds = selections.thresholds_in(fold)
    selected = {
        region: np.flatnonzero(
            np.broadcast_to(hard_mask(cuts[region], events.values, thresholds), fold.shape)
        )
        for region in {target.region for target in targets}
    }
    found = {}
    for target in targets:
        chosen = selected[target.region]
        index = target.bin_of(events.values[target.observable][chosen], fold[chosen])
        inside = (index >= 0) & (index < len(target.edges) - 1)
        found[target] = (chosen[inside], index[inside])
    return found


def _check_values(
    events: SampleEvents, targets: list[Target], cuts: Mapping[str, tuple[Cut, ...]], sample: str
) -> None:
    needed = {t.observable for t in targets} | {c.observable for cut in cuts.values() for c in cut}
    for name in sorted(needed):
        if name not in events.values:
            raise InputError(
                f"the columns of sample {sample!r} have no {name!r}: make them again with this "
                "configuration"
            )
        if np.isnan(events.values[name]).any():
            raise InputError(f"the columns of sample {sample!r} hold NaN in {name!r}")


def weighted(target: Target, total: NDArray[np.float64]) -> Histogram:
    axis = hist.axis.Variable(target.edges, name=target.observable)
    histogram = hist.Hist(axis, storage=hist.storage.Weight())
    histogram[...] = total
    return histogram


def _warn_of_empty_regions(
    analysis: Analysis, histograms: Mapping[str, Histogram], targets: list[Target]
) -> None:
    for region in dict.fromkeys(t.region for t in targets):
        filled = (h for name, h in histograms.items() if name.startswith(f"{region}/"))
        if not any(np.any(h.variances()) for h in filled):
            cuts = ", ".join(cut.cut for cut in analysis.regions[region].cuts)
            log.warning("region %s keeps no event of any process (cuts: %s)", region, cuts)
