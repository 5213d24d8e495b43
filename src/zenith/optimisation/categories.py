"""Where categories begin: at the best edges of their score, on the events that teach a fold."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import Columns
from zenith.artefacts.selection import Selection
from zenith.config import Analysis
from zenith.config.channels import edge_names
from zenith.config.memberships import Categories
from zenith.config.systematics import Side
from zenith.core.categories.binned import Scored, Shift, best_edges
from zenith.core.networks.network import Network
from zenith.core.selection.categories import ByNetwork
from zenith.core.selection.cuts import hard_mask
from zenith.errors import InputError
from zenith.events.folds import folds_of
from zenith.optimisation.selection import Physical, physical
from zenith.statistics.nuisances import Nuisance, nominal_samples, nuisances
from zenith.statistics.thresholds import initial_thresholds, region_cuts
from zenith.statistics.varied_events import events_of
from zenith.training.scores import scores

LOGIT = 1.0  # width of the soft edges of a network, in its logit, where none is given


def begun(
    analysis: Analysis,
    columns: Mapping[str, Columns],
    networks: Mapping[str, Network],
    fold: int,
    selection: Selection | None = None,
) -> Physical:
    """What a fold is read with: what a selection file says, and else what is there before a climb.

    `networks` are those of the fold, as they were trained or as the selection has them. Edges of
    categories that neither it nor the configuration says are the best ones on the learning folds,
    at the initial thresholds; a network that parts events begins with outputs that are the same
    categories. Raises InputError that names the region, where its events do not carry so many.
    """
    given: Selection = selection or {}
    thresholds = initial_thresholds(analysis) | given.get("thresholds", {})
    moving = dict(networks)
    for region, categories in analysis.parted.items():
        names = edge_names(region, categories)
        known = thresholds.keys() >= set(names) if names else None
        if known or categories.network in given.get("networks", {}):
            continue
        reader = _Reader(analysis, columns, networks, region, fold)
        shifts = [*reader.shifts()] if analysis.optimise.nuisances else []
        edges = _best(analysis, reader.nominal(), shifts, region)
        thresholds |= zip(names, edges.tolist(), strict=False)
        if categories.network is not None:
            trained = networks[categories.network]
            moving[categories.network] = _parting(trained, edges, categories, region)
    return physical(analysis, thresholds, moving, given.get("edges"))


def _best(
    analysis: Analysis, events: Scored, shifts: Sequence[Shift], region: str
) -> NDArray[np.float64]:
    categories = analysis.parted[region]
    where = f"regions.{region}.categories"
    try:
        edges = best_edges(
            events,
            categories.count,
            shifts,
            uncertainty=categories.background_uncertainty,
            effective=categories.minimum_events,
            bounds=categories.tune,
        )
    except InputError as error:
        raise InputError(f"{where}: {error}: lower minimum_events, or simulate more") from None
    if len(edges) + 1 < categories.count:
        raise InputError(
            f"{where}.number: {categories.count} categories are asked for, the events of the "
            f"learning folds carry {len(edges) + 1}, each with the background precision of "
            f"{categories.minimum_events:g} events: write number: {len(edges) + 1}, or lower "
            "minimum_events"
        )
    return edges


def _parting(
    trained: Network, edges: NDArray[np.float64], categories: Categories, region: str
) -> Network:
    """The network with outputs that part events as the edges (K − 1,) of its score do."""
    number = categories.count
    logits = np.log(edges) - np.log1p(-edges)
    slopes, offsets = ByNetwork.lines(logits, categories.width or LOGIT)
    classes = tuple(f"category_{k}" for k in range(1, number + 1)) if number > 2 else ()
    try:
        return trained.combined(slopes[:, None], offsets, classes)
    except InputError as error:
        raise InputError(f"regions.{region}.categories.network: {error}") from None


class _Reader(NamedTuple):
    """Reads simulated events of a region in the learning folds of a fold, at initial thresholds."""

    analysis: Analysis
    columns: Mapping[str, Columns]
    networks: Mapping[str, Network]
    region: str
    fold: int

    @property
    def samples(self) -> list[str]:
        """The simulated samples, without signals that are not of interest."""
        signals = set(self.analysis.signals) - set(self.analysis.signals_of_interest)
        return [
            sample
            for sample in nominal_samples(self.analysis)
            if not self.analysis.is_data(sample)
            and self.analysis.samples[sample].process not in signals
        ]

    def events(
        self, sample: str, nuisance: Nuisance | None = None, side: Side = "up"
    ) -> tuple[NDArray[Any], NDArray[np.intp], NDArray[np.float64]]:
        """Scores, bins of the fit and weights of a sample, (N,) each."""
        analysis, region = self.analysis, self.region
        fit, score = analysis.regions[region].fit, analysis.parted[region].source
        cuts, thresholds = region_cuts(analysis, region), initial_thresholds(analysis)
        needed = {fit.observable, score, *(cut.observable for cut in cuts)}
        events = events_of(analysis, self.columns, sample, nuisance, side)
        here = np.isin(folds_of(events.hash, analysis.folds), analysis.folds.learning(self.fold))
        values = {name: array[here] for name, array in events.values.items()}
        for name, network in self.networks.items():
            if needed & set(network.observables(name)):
                values |= scores(name, network, values)
        if missing := sorted(needed - values.keys()):
            raise InputError(
                f"the columns of sample {sample!r} have no {missing[0]!r}: make them again with "
                "this configuration"
            )
        passes = np.broadcast_to(hard_mask(cuts, values, thresholds), int(here.sum()))
        index = np.searchsorted(np.asarray(fit.edges.edges), values[fit.observable], "right") - 1
        last = len(fit.edges.edges) - 2
        if fit.overflow == "include":
            index = np.clip(index, 0, last)
        inside = passes & (index >= 0) & (index <= last)
        return values[score][inside], index[inside], events.weight[here][inside]

    def nominal(self) -> Scored:
        """All events."""
        signals = self.analysis.signals_of_interest
        found = []
        for sample in self.samples:
            score, index, weight = self.events(sample)
            is_signal = self.analysis.samples[sample].process in signals
            found.append((score, index, weight, np.full(len(weight), is_signal)))
        return Scored(*(np.concatenate(arrays) for arrays in zip(*found, strict=True)))

    def shifts(self) -> Iterator[Shift]:
        """What every nuisance parameter that acts in the region does."""
        for nuisance in nuisances(self.analysis):
            entries = [e for sample in self.samples for e in self._entries(nuisance, sample)]
            if self.region in nuisance.regions and entries:
                score, index, weight = map(np.concatenate, zip(*entries, strict=True))
                yield Shift(score, index, weight, nuisance.kind != "free")

    def _entries(
        self, nuisance: Nuisance, sample: str
    ) -> Iterator[tuple[NDArray[Any], NDArray[np.intp], NDArray[np.float64]]]:
        if self.analysis.samples[sample].process not in nuisance.processes:
            return
        if nuisance.kind != "templates":
            size = 1.0 if nuisance.kind == "free" else (nuisance.up - nuisance.down) / 2
            score, index, weight = self.events(sample)
            yield score, index, weight * size
        elif nuisance.varies(self.analysis, sample):
            sides: dict[str, tuple[float, Side]] = {"up": (0.5, "up"), "down": (-0.5, "down")}
            for side in nuisance.sides:
                factor = sides[side][0] * (3 - len(nuisance.sides))  # of one side the whole
                score, index, weight = self.events(sample, nuisance, side)
                yield score, index, weight * factor
            if len(nuisance.sides) == 1:
                score, index, weight = self.events(sample)
                yield score, index, -weight * factor
