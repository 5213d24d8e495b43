"""The copies of the simulated events, process by process, as networks learn from them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import Columns
from zenith.comparison import parse
from zenith.config import Analysis
from zenith.config.networks.settings import Mva
from zenith.events.copies import of_process, shifting
from zenith.events.folds import folds_of
from zenith.statistics.nuisances import nominal_samples
from zenith.statistics.varied_events import events_at, features_and_weights

Array = NDArray[np.float64]


class Copied(NamedTuple):
    """The events of one process at the nominal point, the first, and at K others."""

    points: Array
    """(K, A), pulls of all parameters of shifts; 0 of what does not shift the process."""
    x: NDArray[np.float32]
    """(1 + K, features, N)"""
    weight: Array
    """(1 + K, N), expected events; 0 where an event does not pass the cuts there."""
    fold: NDArray[np.intp]
    """(N,)"""

    def of(self, folds: Sequence[int]) -> "Copied":
        """The events of some folds, those that pass the cuts somewhere."""
        chosen = np.isin(self.fold, folds) & (self.weight != 0.0).any(axis=0)
        return Copied(self.points, self.x[:, :, chosen], self.weight[:, chosen], self.fold[chosen])

    def at(self, chosen: Sequence[int]) -> "Copied":
        """With some of the points alone, which are counted from 0, or from the last, -1."""
        points = np.arange(len(self.points))[list(chosen)]
        rows = np.concatenate([[0], 1 + points])
        return Copied(self.points[points], self.x[rows], self.weight[rows], self.fold)


def copied_events(
    analysis: Analysis, columns: Mapping[str, Columns], mva: Mva
) -> dict[str, Copied]:
    """The events of all simulated processes that are shifted, by their features for a network.

    `columns` are read with their copies. Raises InputError, which names the sample, for a copy or a
    column that is missing, and for what is not finite.
    """
    cuts, parameters = [parse(text) for text in mva.cuts], shifting(analysis)
    samples = [s for s in nominal_samples(analysis) if not analysis.is_data(s)]
    found = {}
    for process in dict.fromkeys(analysis.samples[sample].process for sample in samples):
        points = list(of_process(analysis, process).values())
        if not points:
            continue
        x, weight, fold = [], [], []
        for sample in samples:
            if analysis.samples[sample].process != process:
                continue
            copies = [events_at(analysis, columns, sample, point) for point in ({}, *points)]
            where = f"the columns of sample {sample!r}"
            each = [features_and_weights(own, mva.features, cuts, where) for own in copies]
            features, weights = zip(*each, strict=True)
            x.append(np.stack(features))
            weight.append(np.stack(weights))
            fold.append(folds_of(copies[0].hash, analysis.folds))
        pulls = [[point.get(name, 0.0) for name in parameters] for point in points]
        found[process] = Copied(
            np.array(pulls), *(np.concatenate(arrays, axis=-1) for arrays in (x, weight, fold))
        )
    return found
