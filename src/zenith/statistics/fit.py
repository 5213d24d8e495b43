"""The quoted fit: signal strength, nuisances, significance, limit, yields and templates.

The likelihood is pyhf's, on NumPy; the free fit and the predictions are cabinetry's. The many fits
with one parameter held, for significance, ranking, scan and limit, are `Likelihood.minimum`, which
starts from the best fit and leaves out the errors that they do not need.
"""

import logging
import math
from collections.abc import Mapping
from typing import Any

import cabinetry
import numpy as np

from zenith.config import Analysis
from zenith.statistics.likelihood import Likelihood, Minimum, Vector, best_fit, numpy_backend
from zenith.statistics.limit import TestStatistic, upper_limit
from zenith.statistics.ranking import ranking

log = logging.getLogger(__name__)

SCAN_WIDTH = 2.5  # of the likelihood scan, in errors to each side


def fit(analysis: Analysis, spec: Mapping[str, Any], name: str = "workspace") -> dict[str, Any]:
    """The content of fit.json, from a workspace that `workspace.build` made.

    Of a blind analysis the observations are Asimov data, and what would be observed is None. Where
    the workspace holds the signal strength, because there is no signal, nothing is said of it, and
    the expected significance is 0.

    Raises FitError, which names the workspace, where a fit does not converge or there is no signal.
    """
    blind = analysis.statistics.blind
    with numpy_backend():
        likelihood = Likelihood.of(spec, name)
        result = best_fit(likelihood, goodness_of_fit=not blind)
        poi = likelihood.poi
        measured = not likelihood.fixed[poi]
        best = Minimum(np.asarray(result.bestfit), float(result.best_twice_nll))
        prefit = cabinetry.model_utils.prefit_uncertainties(likelihood.model)
        if measured:
            _warn_of_bounds(likelihood, best.x)
        return {
            "mu": float(best.x[poi]) if measured else None,
            "mu_error": float(result.uncertainty[poi]) if measured else None,
            "asimov": blind,
            "twice_nll": best.twice_nll,
            "goodness_of_fit": _number(result.goodness_of_fit) if not blind else None,
            "parameters": _parameters(likelihood, result, prefit),
            "correlation": {
                "names": likelihood.names,
                "matrix": np.nan_to_num(np.asarray(result.corr_mat)).tolist(),
            },
            "significance": {
                "expected": expected_significance(likelihood) if measured else 0.0,
                "observed": _observed_significance(likelihood, best)
                if measured and not blind
                else None,
            },
            "upper_limit": _limit(analysis, likelihood, best, result.uncertainty[poi])
            if measured and analysis.statistics.upper_limit
            else None,
            "ranking": ranking(likelihood, best.x, result.uncertainty, prefit, _ranked(likelihood))
            if measured and analysis.statistics.ranking
            else [],
            "scan": _scan(analysis, likelihood, best, result.uncertainty[poi])
            if measured and analysis.statistics.scan_points
            else None,
            **_predictions(analysis, likelihood, result),
        }


def expected_significance(likelihood: Likelihood) -> float:
    """Z of the Asimov data at signal strength 1 and nominal nuisance parameters.

    The free fit to them is known: it is what made them. arXiv:1007.1727, equation 12.
    """
    truth = likelihood.nominal.copy()
    truth[likelihood.poi] = 1.0
    asimov = likelihood.with_asimov(truth)
    background = asimov.minimum({likelihood.poi: 0.0}, truth)
    return math.sqrt(max(background.twice_nll - asimov.twice_nll(truth), 0.0))


def _observed_significance(likelihood: Likelihood, best: Minimum) -> float:
    if best.x[likelihood.poi] <= 0.0:
        return 0.0
    background = likelihood.minimum({likelihood.poi: 0.0}, best.x)
    return math.sqrt(max(background.twice_nll - best.twice_nll, 0.0))


def _limit(
    analysis: Analysis, likelihood: Likelihood, best: Minimum, error: float
) -> dict[str, Any] | None:
    """Asimov data without signal: nuisances as the data have them, or nominal if blind."""
    nothing = likelihood.nominal.copy()
    nothing[likelihood.poi] = 0.0
    blind = analysis.statistics.blind
    if not blind:
        nothing = likelihood.minimum({likelihood.poi: 0.0}, best.x).x
    asimov = likelihood.with_asimov(nothing)
    expectation = TestStatistic(asimov, Minimum(nothing, asimov.twice_nll(nothing)))
    observed, expected = upper_limit(
        None if blind else TestStatistic(likelihood, best), expectation, error or 1.0
    )
    if None in expected or (observed is None and not blind):
        return None
    return {"level": 0.95, "observed": observed, "expected": expected}


def _scan(
    analysis: Analysis, likelihood: Likelihood, best: Minimum, error: float
) -> dict[str, Any]:
    centre, (lowest, highest) = best.x[likelihood.poi], likelihood.bounds[likelihood.poi]
    points = np.linspace(
        max(centre - SCAN_WIDTH * error, lowest),
        min(centre + SCAN_WIDTH * error, highest),
        analysis.statistics.scan_points,
    )
    statistic = TestStatistic(likelihood, best)
    deltas = [statistic.held(float(mu)).twice_nll - best.twice_nll for mu in points]
    return {"mu": points.tolist(), "delta_twice_nll": [max(delta, 0.0) for delta in deltas]}


def _ranked(likelihood: Likelihood) -> list[int]:
    model = likelihood.model
    per_bin = [p for p in model.config.par_order if model.config.param_set(p).n_parameters > 1]
    per_bin += [p for p in model.config.par_order if p.startswith("staterror_")]
    left_out = {i for p in per_bin for i in range(*model.config.par_slice(p).indices(10**6))}
    return [i for i in range(len(likelihood.names)) if i not in left_out and i != likelihood.poi]


def _parameters(likelihood: Likelihood, result: Any, prefit: Vector) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "kind": _kind(likelihood, index, name),
            "prefit_value": float(likelihood.nominal[index]),
            "prefit_error": float(prefit[index]) or None,
            "value": float(result.bestfit[index]),
            "error": float(result.uncertainty[index]),
        }
        for index, name in enumerate(likelihood.names)
    ]


def _kind(likelihood: Likelihood, index: int, name: str) -> str:
    if index == likelihood.poi:
        return "signal_strength"
    if likelihood.fixed[index]:
        return "fixed"
    if name.startswith("staterror_"):
        return "mc_statistics"
    return "constrained" if likelihood.model.config.param_set(name).constrained else "free"


def _predictions(analysis: Analysis, likelihood: Likelihood, result: Any) -> dict[str, Any]:
    """Yields by region and process, and templates by bin, before and after the fit."""
    model = likelihood.model
    stages = {
        "prefit": cabinetry.model_utils.prediction(model),
        "postfit": cabinetry.model_utils.prediction(model, fit_results=result),
    }
    processes = [*model.config.samples]
    yields: dict[str, Any] = {}
    templates: dict[str, Any] = {}
    for i, region in enumerate(model.config.channels):
        counts = likelihood.data[model.config.channel_slices[region]]
        data = None if analysis.statistics.blind else counts.tolist()
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
                    yields[region][process][f"{stage}_error"] = float(errors[row])
            templates[region][stage] = {
                **{p: bins[processes.index(p)].tolist() for p in in_region},
                "error": list(prediction.total_stdev_model_bins[i][-1]),
            }
        yields[region]["data"] = None if data is None else float(sum(data))
        templates[region]["data"] = data
    return {"yields": yields, "templates": templates}


def _in_channel(model: Any, region: str, process: str) -> bool:
    channels = {channel["name"]: channel for channel in model.spec["channels"]}
    return any(sample["name"] == process for sample in channels[region]["samples"])


def _warn_of_bounds(likelihood: Likelihood, x: Vector) -> None:
    value, (low, high) = x[likelihood.poi], likelihood.bounds[likelihood.poi]
    if min(value - low, high - value) < 1e-3 * (high - low):
        log.warning(
            "the signal strength %.3g is at a bound of its range, %g to %g: its error is not "
            "reliable; widen statistics.signal_bounds",
            *(value, low, high),
        )


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
