"""What a model predicts in every region, before and after a fit, with its uncertainty.

A prediction y(θ) has to first order the variance Σ_ij s_i ρ_ij s_j, where s_i is half the change of
y between θ_i plus and minus its error, and ρ the correlations of the parameters: cabinetry's
formula, here for sums of processes too, of which that of the backgrounds is one.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import cabinetry
import numpy as np
from cabinetry.fit.results_containers import FitResults
from numpy.typing import NDArray

from zenith.artefacts.fit import Predictions
from zenith.config import Analysis

BACKGROUND, TOTAL = "total_background", "total"


class _Stage(NamedTuple):
    """A model at some values of its parameters."""

    yields: NDArray[np.float64]
    """Expected events by process and bin, (S, B)."""
    changes: NDArray[np.float64]
    """Of them with each parameter, by one of its errors, (parameters, S, B)."""
    correlation: NDArray[np.float64]

    def deviation(self, processes: list[int], bins: slice, each: bool = False) -> Any:
        """Standard deviation of a sum of processes and bins, or of each of the bins."""
        change = self.changes[:, processes, bins].sum(axis=1)
        change = change if each else change.sum(axis=1, keepdims=True)
        variance = np.einsum("ib,ij,jb->b", change, self.correlation, change)
        deviation = np.sqrt(np.maximum(variance, 0.0))
        return deviation.tolist() if each else float(deviation[0])


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

    A model with signals has the sum of the backgrounds too. The uncertainties follow from the
    errors and correlations of `results`; those after the fit are None unless they are `known`. A
    parameter on its bound adds nothing to them. Regions that are not among the `data` have None.
    """
    utilities, parameters = cabinetry.model_utils, len(model.config.par_names)
    nominal, prior = utilities.asimov_parameters(model), utilities.prefit_uncertainties(model)
    stages = {
        "prefit": _stage(model, nominal, prior, np.eye(parameters)),
        "postfit": _stage(model, results.bestfit, results.uncertainty, results.corr_mat),
    }
    has_error = {"prefit": True, "postfit": known}
    processes = list(model.config.samples)
    backgrounds = [row for row, name in enumerate(processes) if name not in analysis.signals]
    sums = {} if len(backgrounds) == len(processes) else {BACKGROUND: backgrounds}
    sums[TOTAL] = list(range(len(processes)))
    yields: dict[str, Any] = {}
    templates: dict[str, Any] = {}
    for region in model.config.channels:
        counts, bins = data.get(region), model.config.channel_slices[region]
        settings = analysis.regions[region].fit
        present = {p: [processes.index(p)] for p in processes if _in_channel(model, region, p)}
        yields[region] = {name: {} for name in [*present, *sums]}
        templates[region] = {"edges": list(settings.edges.edges), "observable": settings.observable}
        for stage, predicted in stages.items():
            for name, rows in {**present, **sums}.items():
                error = predicted.deviation(rows, bins) if has_error[stage] else None
                yields[region][name][stage] = float(predicted.yields[rows, bins].sum())
                yields[region][name][f"{stage}_error"] = error
            band = predicted.deviation(sums[TOTAL], bins, each=True)
            templates[region][stage] = {
                **{p: predicted.yields[row, bins].tolist() for p, (row,) in present.items()},
                "error": band if has_error[stage] else None,
            }
        yields[region]["data"] = None if counts is None else float(sum(counts))
        templates[region]["data"] = counts
    return {"yields": yields, "templates": templates}


def _stage(model: Any, x: Any, errors: Any, correlation: Any) -> _Stage:
    """The model at parameters x with these errors; each (parameters,)."""

    def expected(at: Any) -> NDArray[np.float64]:
        return np.asarray(model.main_model.expected_data(at, return_by_sample=True), float)

    x, steps = np.asarray(x, float), np.diag(np.asarray(errors, float))
    changes = [(expected(x + step) - expected(x - step)) / 2.0 for step in steps]
    return _Stage(expected(x), np.stack(changes), np.asarray(correlation, float))


def _in_channel(model: Any, region: str, process: str) -> bool:
    channels = {channel["name"]: channel for channel in model.spec["channels"]}
    return any(sample["name"] == process for sample in channels[region]["samples"])
