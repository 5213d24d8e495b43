"""The simulated events of a region of an analysis as scored events, for categories.

What a score file cannot hold is left out: variations that move the scores themselves (shapes,
other samples), free normalisations and the strengths of signals that are not of interest, which are
background here. Rates and event weights vary as in the fit.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import Columns
from zenith.config import Analysis
from zenith.core.selection.cuts import hard_mask
from zenith.errors import InputError
from zenith.events.folds import folds_of
from zenith.statistics.nuisances import nominal_samples, nuisances, simulated_processes
from zenith.statistics.thresholds import region_cuts
from zenith.statistics.varied_events import events_of

log = logging.getLogger(__name__)


def region_events(
    analysis: Analysis,
    columns: Mapping[str, Columns],
    thresholds: Mapping[str, float],
    region: str,
    scores: Sequence[str],
    folds: Sequence[int],
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Events of some folds that pass the cuts of a region, weighted to stand for all folds.

    Parameters
    ----------
    columns
        By sample, with the scores of networks.
    thresholds
        Of the tunable cuts.
    scores
        Observables or scores of networks, one for each dimension of the categories.
    folds
        Which, from 0.

    Returns
    -------
    arrays
        `scores` (N, D), `weight` (N,), `label` (N,), the number of the process from 0, and
        `weight_variations/{nuisance}_{up or down}` (N,).
    attributes
        `signal_labels`, `label_names`, and `normalisation_uncertainties` as JSON text.

    Raises
    ------
    InputError
        There is no such region, a score is not among the columns or not finite, or no event
        passes.
    """
    if region not in analysis.regions:
        raise InputError(f"no region {region!r}; there is {', '.join(analysis.regions)}")
    processes = simulated_processes(analysis)
    here = [n for n in nuisances(analysis) if region in n.regions]
    weights = [n for n in here if n.kind == "templates" and n.source in ("weight", "rate")]
    rates = [n for n in here if n.kind == "normalisation"]
    if left_out := [n.name for n in here if n not in weights and n not in rates]:
        log.info("left out, as scores cannot follow them: %s", ", ".join(left_out))
    fraction = len(folds) / analysis.folds.number
    cuts = region_cuts(analysis, region)
    found: dict[str, list[NDArray[Any]]] = {}
    for sample in nominal_samples(analysis):
        if analysis.is_data(sample):
            continue
        own = events_of(analysis, columns, sample)
        for name in scores:
            if name not in own.values:
                raise InputError(
                    f"columns of {sample}: there is no score {name!r}; there is "
                    f"{', '.join(own.values)}"
                )
        inside = np.isin(folds_of(own.hash, analysis.folds), folds)
        chosen = np.flatnonzero(inside & hard_mask(cuts, own.values, thresholds))
        rows = {
            "scores": np.stack([own.values[name][chosen] for name in scores], axis=1),
            "weight": own.weight[chosen] / fraction,
            "label": np.full(len(chosen), processes.index(analysis.samples[sample].process)),
        }
        for nuisance in weights:
            varied = {
                side: events_of(analysis, columns, sample, nuisance, side).weight[chosen] / fraction
                for side in nuisance.sides
            }
            for side in ("up", "down"):
                mirrored = 2.0 * rows["weight"] - next(iter(varied.values()))
                rows[f"weight_variations/{nuisance.name}_{side}"] = varied.get(side, mirrored)
        for name, values in rows.items():
            found.setdefault(name, []).append(values)
    arrays = {name: np.concatenate(values) for name, values in found.items()}
    if not len(arrays["label"]):
        raise InputError(f"region {region}: no simulated event passes its cuts")
    if not np.isfinite(arrays["scores"]).all():
        raise InputError(f"region {region}: a score of {', '.join(scores)} is not finite")
    signals = [p for p in analysis.signals_of_interest if p in processes]
    sizes = {n.name: {p: n.up for p in processes if p in n.processes} for n in rates}
    return arrays, {
        "signal_labels": [processes.index(p) for p in signals],
        "label_names": processes,
        "normalisation_uncertainties": json.dumps(sizes),
    }
