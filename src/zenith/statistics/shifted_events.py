"""Simulated events at any point in the space of nuisance parameters, and their yields there.

Shifts move the events themselves, all at once: skims have what they are functions of. Columns have
the weights, which change with the other nuisance parameters alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import Columns
from zenith.config import Analysis
from zenith.config.inference import Surfaces
from zenith.core.response.surface import GROUPS, Copies, sums
from zenith.errors import ConfigError, InputError
from zenith.events import copies, shifts
from zenith.events.columns import evaluate
from zenith.events.folds import event_hash, hash_of, uniform
from zenith.events.formats.views import flattened
from zenith.events.objects import select
from zenith.events.sample_events import named, read_skim
from zenith.events.weights import Reweighting
from zenith.observable import Observable
from zenith.statistics.histograms import Target, filled_bins, fit_targets
from zenith.statistics.nuisances import Nuisance, nominal_samples, nuisances, simulated_processes
from zenith.statistics.selections import Selections
from zenith.statistics.thresholds import region_cuts
from zenith.statistics.varied_events import SampleEvents, weight_slopes

Array = NDArray[np.float64]
STREAM = 0x5AF  # of the random numbers that choose events, beside those of folds and shifts


def shifting(analysis: Analysis) -> list[Nuisance]:
    """The nuisance parameters of surfaces: those that are asked for, or all of the type `shift`.

    Raises ConfigError if there is none.
    """
    asked = analysis.surfaces.systematics if analysis.surfaces is not None else None
    names = copies.shifting(analysis) if asked is None else asked
    found = [nuisance for nuisance in nuisances(analysis) if nuisance.variation in names]
    if not found:
        raise ConfigError(
            "surfaces: no systematic uncertainty has `type: shift`, whose events can be anywhere: "
            "add one, name others in surfaces.systematics, or leave surfaces out"
        )
    return found


def observables_read(analysis: Analysis) -> set[str]:
    """What the regions of the fit are cut on and fitted in."""
    found = set()
    for region, settings in analysis.regions.items():
        if settings.in_fit:
            found |= {
                settings.fit.observable,
                *(c.observable for c in region_cuts(analysis, region)),
            }
    return found


class Counts(NamedTuple):
    """Events of S processes in the B bins of all channels, at the nominal point and K others."""

    yields: Array
    """(1 + K, S, B)"""
    channels: tuple[tuple[str, int], ...]
    """Names and numbers of bins, in the order of the bins."""
    processes: tuple[str, ...]
    merged: NDArray[np.bool_]
    """(S, B), where too few events leave the response of the whole channel, or none."""


class Yields(NamedTuple):
    """Counts of shifted events, and how those at different points are correlated."""

    counts: Counts
    copies: Copies
    events: dict[str, int]
    """Of each sample, those that were shifted."""


@dataclass(frozen=True)
class Shifting:
    """What moves, selects and scores events.

    Attributes
    ----------
    selections
        What each fold is read with.
    observables
        Those that are cut on or fitted, and those that `scored` reads.
    scored
        Columns to the same with the scores that are cut on or fitted.
    settings
        How many events of a sample are shifted, chosen by their identity, and how many effective
        ones of a process are in a bin that has a response of its own.
    """

    analysis: Analysis
    selections: Selections
    observables: Mapping[str, Observable]
    scored: Callable[[Columns], Columns]
    settings: Surfaces

    @property
    def samples(self) -> list[str]:
        """The samples whose events are shifted."""
        analysis = self.analysis
        return [
            sample
            for sample in nominal_samples(analysis)
            if not analysis.is_data(sample) and analysis.samples[sample].from_data is None
        ]

    @property
    def targets(self) -> list[Target]:
        """What is fitted."""
        regions = self.selections.on_axes(self.analysis).regions
        found = fit_targets(self.analysis, self.selections)
        return [target for target in found if regions[target.region].in_fit]

    def yields(
        self, columns: Mapping[str, Columns], skims: Mapping[str, Sequence[str]], points: Array
    ) -> Yields:
        """Yields at points (K, A) of `shifting(analysis)`.

        Raises InputError for skims of other events than those of the columns.
        """
        analysis = self.selections.on_axes(self.analysis)
        fitted = self.targets
        processes = tuple(simulated_processes(analysis))
        bins = [len(target.edges) - 1 for target in fitted]
        shape = (1 + len(points), len(processes), sum(bins))
        groups, covariance = np.zeros((GROUPS, *shape)), np.zeros((shape[0], *shape))
        wholes, spread = (
            np.zeros((GROUPS, *shape[:2], len(bins))),
            np.zeros((shape[0], *shape[:2], len(bins))),
        )
        used = {}
        for sample in self.samples:
            row = processes.index(analysis.samples[sample].process)
            share, used[sample] = self.share(columns, sample), 0
            for events in self._events(columns, skims, sample, points, share):
                used[sample] += len(events[0].weight)
                ends = np.cumsum([0, *bins])
                for c, places in enumerate(self._places(analysis, events, fitted)):
                    weight = np.stack([at.weight for at in events]) / share
                    here = slice(ends[c], ends[c + 1])
                    own, own_covariance = sums(places, weight, bins[c])
                    groups[:, :, row, here] += own
                    covariance[:, :, row, here] += own_covariance
                    whole, whole_covariance = sums(np.where(places < 0, -1, 0), weight, 1)
                    wholes[:, :, row, c : c + 1] += whole
                    spread[:, :, row, c : c + 1] += whole_covariance
        channel = np.repeat(np.arange(len(bins)), bins)
        few = _few(groups.sum(0), covariance, self.settings.effective_events)
        groups = np.where(few, wholes[..., channel], groups)
        covariance = np.where(few, spread[..., channel], covariance)
        none = few & _few(wholes.sum(0), spread, self.settings.effective_events)[..., channel]
        groups, covariance = np.where(none, 0.0, groups), np.where(none, 0.0, covariance)
        channels = tuple((target.region, size) for target, size in zip(fitted, bins, strict=True))
        copies = Copies(np.asarray(points, float), groups, covariance)
        return Yields(Counts(copies.yields, channels, processes, few), copies, used)

    def share(self, columns: Mapping[str, Columns], sample: str) -> float:
        """Of the events of a sample, those that are shifted. Raises InputError without columns."""
        if sample not in columns:
            raise InputError(f"no columns of sample {sample!r} are given: add its file")
        most = self.settings.most(sample)
        return 1.0 if most is None else min(1.0, most / max(len(columns[sample].weight), 1))

    def pulls(self, sample: str, point: Array) -> dict[str, float]:
        """What moves a sample at a point (A,), by the names of systematics."""
        return {
            nuisance.variation: float(value)
            for nuisance, value in zip(shifting(self.analysis), point, strict=True)
            if nuisance.varies(self.analysis, sample)
        }

    def chosen(self, hashes: NDArray[np.uint64], share: float) -> NDArray[np.bool_]:
        """Which events are in such a share, by their identity, (N,)."""
        return np.asarray(uniform(hash_of(hashes, self.analysis.seed, STREAM)) < share)

    def _events(
        self,
        columns: Mapping[str, Columns],
        skims: Mapping[str, Sequence[str]],
        sample: str,
        points: Array,
        share: float,
    ) -> Iterator[list[SampleEvents]]:
        """The chosen events of a sample, chunk by chunk, at the nominal point and all others."""
        analysis, own, start = self.analysis, columns[sample], 0
        nominal = np.zeros(len(shifting(analysis)))
        pulls = [self.pulls(sample, point) for point in (nominal, *points)]
        slopes = {
            name: weight_slopes(own, systematic, name)
            for name in pulls[0]
            if isinstance(systematic := analysis.systematics[name], Reweighting)
        }
        moving = [{n: x for n, x in at.items() if n not in slopes} for at in pulls]
        first = [moving.index(at) for at in moving]  # the point that moves events likewise
        optional = analysis.format_of(sample).optional
        again = f"the columns of sample {sample!r} are of other events: run `zenith columns` again"
        for path in skims.get(sample, ()):
            if start == len(own.weight):
                break  # what is left of earlier runs, with more parts
            for events in read_skim(path, analysis.skim.chunk, optional=optional):
                stop = start + len(events)
                hashes, here = own.hash[start:stop], np.arange(start, stop)
                if not np.array_equal(event_hash(events), hashes):
                    raise InputError(f"{path}: {again}")
                start = stop
                chosen = self.chosen(hashes, share)
                if not chosen.any():
                    continue
                flat, here = flattened(events[chosen]), here[chosen]
                found = Columns({}, own.weight[here], hashes[chosen])
                with named(f"{path}: sample {sample}"):
                    for k in dict.fromkeys(first):
                        moved = shifts.at(flat, analysis, moving[k])
                        found.shapes[str(k)] = evaluate(select(moved, analysis), self.observables)
                found = self.scored(replace(found, values=found.shapes["0"]))
                logs = [
                    sum(c[0, here] * at[n] + c[1, here] * at[n] ** 2 for n, c in slopes.items())
                    for at in pulls
                ]
                yield [
                    SampleEvents(found.shapes[str(k)], found.weight * np.exp(log), found.hash)
                    for k, log in zip(first, logs, strict=True)
                ]
        if start != len(own.weight):
            raise InputError(f"the skims of sample {sample!r} have {start} events: {again}")

    def _places(
        self, analysis: Analysis, events: Sequence[SampleEvents], targets: Sequence[Target]
    ) -> list[NDArray[Any]]:
        """Of each target the bin of every event at every point, (1 + K, N), -1 if in none."""
        cuts = {target.region: region_cuts(analysis, target.region) for target in targets}
        places = [np.full((len(events), len(events[0].weight)), -1) for _ in targets]
        for k, at in enumerate(events):
            found = filled_bins(at, list(targets), cuts, self.selections)
            for place, target in zip(places, targets, strict=True):
                chosen, index = found[target]
                place[k, chosen] = index
        return places


def _few(yields: Array, covariance: Array, effective_events: float) -> NDArray[np.bool_]:
    """Where a process has too few effective events at one of the points, (S, B)."""
    squares = np.einsum("kksb->ksb", covariance)
    enough = (yields > 0.0) & (yields**2 >= effective_events * squares)
    return np.asarray(~enough.all(axis=0))
