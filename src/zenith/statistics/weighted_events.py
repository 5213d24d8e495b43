"""Yields at any point where the ratio of intensities is known: events are weighted, not moved.

    Y(ν) = Σ_i w_i λ(x_i | ν) / λ(x_i | 0)

of the events in a bin at the nominal point. No event enters or leaves, so that yields at two points
differ by far less noise than those of shifted events.
"""

from collections.abc import Mapping

import numpy as np

from zenith.artefacts import Columns
from zenith.observable import ExactRatio
from zenith.statistics.histograms import filled_bins
from zenith.statistics.nuisances import simulated_processes
from zenith.statistics.shifted_events import Array, Counts, Shifting, shifting
from zenith.statistics.thresholds import region_cuts
from zenith.statistics.varied_events import SampleEvents


def weighted(
    events: Shifting, columns: Mapping[str, Columns], points: Array, exact: ExactRatio
) -> Counts:
    """Counts at points (K, A) of `shifting(analysis)`, of the events that `Shifting` would move.

    Raises InputError for samples without columns.
    """
    analysis = events.selections.on_axes(events.analysis)
    nominal = np.zeros(len(shifting(analysis)))
    cuts = {target.region: region_cuts(analysis, target.region) for target in events.targets}
    processes = tuple(simulated_processes(analysis))
    channels = tuple((target.region, len(target.edges) - 1) for target in events.targets)
    ends = np.cumsum([0, *(size for _, size in channels)])
    yields = np.zeros((1 + len(points), len(processes), ends[-1]))
    for sample in events.samples:
        process = analysis.samples[sample].process
        share, own = events.share(columns, sample), columns[sample]
        chosen = events.chosen(own.hash, share)
        values = {name: array[chosen] for name, array in own.values.items()}
        scored = events.scored(Columns(values, own.weight[chosen] / share, own.hash[chosen]))
        at = SampleEvents(scored.values, scored.weight, scored.hash)
        found = filled_bins(at, events.targets, cuts, events.selections)
        for c, target in enumerate(events.targets):
            inside, index = found[target]
            here = {name: array[inside] for name, array in values.items()}
            rows = yields[:, processes.index(process), ends[c] : ends[c + 1]]
            for row, point in zip(rows, [nominal, *points], strict=True):
                ratio = np.exp(exact(here, process, events.pulls(sample, point)))
                row += np.bincount(index, at.weight[inside] * ratio, len(row))
    return Counts(yields, channels, processes, np.zeros(yields.shape[1:], bool))
