"""The cutflow of each region: events and expected yields of every process, cut by cut."""

from collections.abc import Mapping

import numpy as np

from zenith.artefacts import Columns
from zenith.artefacts.cutflow import Cutflow
from zenith.config import Analysis
from zenith.core.selection.cuts import Cut
from zenith.events.folds import folds_of
from zenith.statistics.nuisances import filled_samples
from zenith.statistics.selections import Selections
from zenith.statistics.thresholds import region_cuts
from zenith.statistics.varied_events import events_of

EVERYTHING = "all columns"


def cutflow(
    analysis: Analysis,
    columns: Mapping[str, Columns],
    selections: Selections | None = None,
) -> Cutflow:
    """Events after each cut, cuts applied in order; parameters as in `histograms.fill`.

    Returns {region: {"cuts": [text, …], "processes": {process: {"events", "yield", "error"}}}} with
    one number for each cut, the first before any. Events are counted without weights; the error is
    the root of the sum of squared weights. Each event is read with the thresholds of its fold.
    """
    selections = selections or Selections.of(analysis)
    analysis = selections.on_axes(analysis)
    result: Cutflow = {}
    for region in analysis.regions:
        cuts = region_cuts(analysis, region)
        texts = [_text(cut, selections) for cut in cuts]
        sums: dict[str, np.ndarray] = {}
        for sample in filled_samples(analysis):
            if analysis.is_data(sample) and analysis.is_blind(region):
                continue
            events = events_of(analysis, columns, sample)
            thresholds = selections.thresholds_in(folds_of(events.hash, selections.folds))
            total = sums.setdefault(analysis.samples[sample].process, np.zeros((len(cuts) + 1, 3)))
            passed = np.ones(len(events.weight), bool)
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


def _text(cut: Cut, selections: Selections) -> str:
    """A cut with its threshold: the mean of the folds, and from where to where they go."""
    values = np.atleast_1d(cut.value(selections.thresholds))
    text = f"{cut.observable} {cut.direction} {values.mean():.4g}"
    if np.ptp(values) > 0.0:
        text += f" ({values.min():.4g} to {values.max():.4g})"
    return text
