"""What a model predicts in every region, before and after a fit, with its uncertainty."""

from collections.abc import Mapping
from typing import Any

import cabinetry
import numpy as np
from cabinetry.fit.results_containers import FitResults
from numpy.typing import NDArray

from zenith.artefacts.fit import Predictions
from zenith.config import Analysis


def observations(model: Any, data: NDArray[np.float64]) -> dict[str, list[float]]:
    """The counts of every channel of a pyhf model."""
    return {name: data[bins].tolist() for name, bins in model.config.channel_slices.items()}


def predictions(
    analysis: Analysis,
    model: Any,
    results: FitResults,
    data: Mapping[str, list[float]],
    *,
    known: bool = True,
) -> Predictions:
    """Yields by region and process, and templates by bin, before and after a fit.

    The uncertainties are cabinetry's, from the errors and correlations of `results`; those after
    the fit are None unless they are `known`. A parameter on its bound adds nothing to them. Regions
    that are not among the `data` have None.
    """
    stages = {
        "prefit": cabinetry.model_utils.prediction(model),
        "postfit": cabinetry.model_utils.prediction(model, fit_results=results),
    }
    has_error = {"prefit": True, "postfit": known}
    processes = [*model.config.samples]
    yields: dict[str, Any] = {}
    templates: dict[str, Any] = {}
    for i, region in enumerate(model.config.channels):
        counts = data.get(region)
        settings = analysis.regions[region].fit
        in_region = [p for p in processes if _in_channel(model, region, p)]
        yields[region] = {process: {} for process in [*in_region, "total"]}
        templates[region] = {"edges": list(settings.edges.edges), "observable": settings.observable}
        for stage, prediction in stages.items():
            bins = np.asarray(prediction.model_yields[i])
            errors = prediction.total_stdev_model_channels[i]
            for row, process in enumerate([*processes, "total"]):
                if process in yields[region]:
                    values = bins[row] if process != "total" else bins
                    yields[region][process][stage] = float(values.sum())
                    error = float(errors[row]) if has_error[stage] else None
                    yields[region][process][f"{stage}_error"] = error
            band = list(prediction.total_stdev_model_bins[i][-1])
            templates[region][stage] = {
                **{p: bins[processes.index(p)].tolist() for p in in_region},
                "error": band if has_error[stage] else None,
            }
        yields[region]["data"] = None if counts is None else float(sum(counts))
        templates[region]["data"] = counts
    return {"yields": yields, "templates": templates}


def _in_channel(model: Any, region: str, process: str) -> bool:
    channels = {channel["name"]: channel for channel in model.spec["channels"]}
    return any(sample["name"] == process for sample in channels[region]["samples"])
