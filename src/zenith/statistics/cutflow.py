"""The cutflow of each region: events and expected yields of every process, cut by cut."""

from collections.abc import Mapping

import numpy as np

from zenith.artefacts import Columns
from zenith.artefacts.cutflow import Cutflow
from zenith.config import Analysis
from zenith.statistics.histograms import scaled
from zenith.statistics.nuisances import filled_samples
from zenith.statistics.thresholds import complete_thresholds, region_cuts

EVERYTHING = "all columns"


def cutflow(
    analysis: Analysis,
    columns: Mapping[str, Columns],
    thresholds: Mapping[str, float] | None = None,
    part: str = "test",
) -> Cutflow:
    """Events after each cut, cuts applied in order; parameters as in `histograms.fill`.

    Returns {region: {"cuts": [text, …], "processes": {process: {"events", "yield", "error"}}}} with
    one number for each cut, the first before any. Events are counted without weights; the error is
    the root of the sum of squared weights.
    """
    thresholds = complete_thresholds(analysis, thresholds)
    result: Cutflow = {}
    for region in analysis.regions:
        cuts = region_cuts(analysis, region)
        texts = [f"{c.observable} {c.direction} {c.value(thresholds):.4g}" for c in cuts]
        sums: dict[str, np.ndarray] = {}
        for sample in filled_samples(analysis):
            if analysis.is_data(sample) and analysis.is_blind(region):
                continue
            learned = sample in analysis.taught_by(region)
            events = scaled(analysis, columns, sample, part, learned=learned)
            total = sums.setdefault(analysis.samples[sample].process, np.zeros((len(cuts) + 1, 3)))
            passed = events.split == 1
            for row in range(len(cuts) + 1):
                if row:
                    cut = cuts[row - 1]
                    passed = passed & cut.hard(events.values[cut.observable], thresholds)
                weight = events.weight[passed]
                total[row] += len(weight), weight.sum(), (weight**2).sum()
        result[region] = {
            "cuts": [EVERYTHING, *texts],
            "processes": {
                process: {
                    "events": sums[process][:, 0].astype(int).tolist(),
                    "yield": sums[process][:, 1].tolist(),
                    "error": np.sqrt(sums[process][:, 2]).tolist(),
                }
                for process in analysis.processes
                if process in sums
            },
        }
    return result
