"""The quoted fit: signal strength, nuisances, significance, limit, yields and templates.

The likelihood is pyhf's, on NumPy; the free fit and the predictions are cabinetry's. The many
fits with one parameter held, for significance, ranking, scan and limit, are `Likelihood.minimum`,
which starts from the best fit and leaves out the errors that they do not need.
"""

import logging
import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import cabinetry
import numpy as np

from zenith.artefacts.fit import FitResult, GroupImpact, Impact, Parameter, Scan, UpperLimit
from zenith.config import Analysis
from zenith.statistics.best_fit import BestFit, best_fit, goodness_of_fit
from zenith.statistics.expected import expected_significance, expected_strength, fit_of_asimov
from zenith.statistics.groups import all_constrained, group_impacts, groups
from zenith.statistics.kinks import Vector
from zenith.statistics.likelihood import Likelihood, numpy_backend
from zenith.statistics.limit import TestStatistic, upper_limit
from zenith.statistics.minimiser import Minimum, minimum
from zenith.statistics.parts import parts
from zenith.statistics.predictions import observations, predictions
from zenith.statistics.ranking import ranking
from zenith.statistics.reasons import Reasons

log = logging.getLogger(__name__)

SCAN_WIDTH = 2.5  # of the likelihood scan, in errors to each side


def fit(analysis: Analysis, spec: Mapping[str, Any], name: str = "workspace") -> FitResult:
    """The content of fit.json, from a workspace that `workspace.build` made.

    What was not asked for is None, as is what is observed while a region is blind: the workspace is
    then fitted to the Asimov data of the nominal model at signal strength 1, in every region. Where
    the workspace holds the signal strength, because there is no signal, nothing is said of it, and
    the expected significance is 0. What cannot be had is None too, and `reasons` say why, by place:
    the error of a parameter on its bound (`at_bound`), or a limit, an impact, a point of the scan
    or a significance that needs a fit which does not converge.

    What is expected of the errors is that of the Asimov data of the nominal model at signal
    strength 1: of a blind analysis, what is fitted.

    Raises FitError, which names the workspace, where the free fit does not converge or there is no
    signal.
    """
    settings, blind = analysis.statistics, analysis.blind
    reasons = Reasons()
    with numpy_backend():
        likelihood = Likelihood.of(spec, name)
        if blind:
            likelihood = likelihood.with_asimov(likelihood.nominal)
        best = best_fit(likelihood)
        poi = likelihood.poi
        measured = not likelihood.fixed[poi]
        note_errors(likelihood, best, reasons)
        prefit = cabinetry.model_utils.prefit_uncertainties(likelihood.model)
        expected: float | None = 0.0
        if measured:
            place = "significance.expected"
            expected = reasons.attempt(place, partial(expected_significance, likelihood))
        observed = limit = scan = None
        impacts: list[Impact] = []
        grouped: list[GroupImpact] = []
        together: list[GroupImpact] = []
        if measured and not blind:
            place = "significance.observed"
            observed = reasons.attempt(place, partial(_observed_significance, likelihood, best))
        # an error to begin with: that of the fit, or that of a Gaussian with this significance
        error = best.errors[poi] if best.errors[poi] > 0.0 else 1.0 / (expected or 1.0)
        if measured and settings.upper_limit:
            compute = partial(_limit, blind, likelihood, best, error, reasons)
            limit = reasons.attempt("upper_limit", compute)
        asimov = None
        if measured:
            asimov = (
                best if blind else reasons.attempt("expected", partial(fit_of_asimov, likelihood))
            )
        listed = parameters(likelihood, best, prefit, asimov)
        if measured and settings.ranking:
            impacts = ranking(likelihood, best, prefit, listed, reasons)
            of_groups = partial(group_impacts, likelihood, best, asimov, expected, reasons)
            grouped = of_groups(groups(analysis, likelihood))
            together = of_groups(all_constrained(listed))
        if measured and settings.scan_points:
            scan = _scan(settings.scan_points, likelihood, best, error, reasons)
        goodness = None if blind else goodness_of_fit(likelihood, best.twice_nll)
        if not blind and goodness is None:
            reasons.missing("goodness_of_fit", "there are no more bins than free parameters")
        return {
            "mu": float(best.x[poi]) if measured else None,
            "mu_error": _number(best.errors[poi]) if measured else None,
            "mu_parts": parts(best, poi, listed) if measured else None,
            "expected": None if asimov is None else expected_strength(asimov, poi, listed),
            "asimov": blind,
            "twice_nll": best.twice_nll,
            "goodness_of_fit": goodness,
            "parameters": listed,
            "correlation": None
            if best.correlation is None
            else {"names": likelihood.names, "matrix": best.correlation.tolist()},
            "significance": {"expected": expected, "observed": observed},
            "upper_limit": limit,
            "ranking": impacts,
            "groups": grouped,
            "all_constrained": next(iter(together), None),
            "scan": scan,
            **predictions(
                analysis,
                likelihood.model,
                best.predicted_with(likelihood),
                {} if blind else observations(likelihood.model, likelihood.data),
                known=best.correlation is not None,
            ),
            "reasons": dict(reasons),
        }


def note_errors(likelihood: Likelihood, best: BestFit, reasons: Reasons) -> None:
    """Why parameters have no error, and the signal strength in particular."""
    if best.reason:
        reasons.missing("correlation", best.reason)
    for index, reason in best.missing.items():
        place = f"parameters.{likelihood.names[index]}.error"
        reasons[place] = reason
        if best.at_bound[index]:
            log.warning("%s: %s", place, reason)
        if index == likelihood.model.config.poi_index:
            reasons["mu_error"] = reason


def _observed_significance(likelihood: Likelihood, best: BestFit) -> float:
    if best.x[likelihood.poi] <= 0.0:
        return 0.0
    background = minimum(likelihood, {likelihood.poi: 0.0}, best.x)
    return math.sqrt(max(background.twice_nll - best.twice_nll, 0.0))


def _limit(
    blind: bool, likelihood: Likelihood, best: BestFit, error: float, reasons: Reasons
) -> UpperLimit:
    """Asimov data without signal: nuisances as the data have them, or nominal if blind."""
    nothing = likelihood.nominal.copy()
    nothing[likelihood.poi] = 0.0
    if not blind:
        nothing = minimum(likelihood, {likelihood.poi: 0.0}, best.x).x
    asimov = likelihood.with_asimov(nothing)
    expectation = TestStatistic(asimov, Minimum(nothing, asimov.twice_nll(nothing)))
    data = None if blind else TestStatistic(likelihood, Minimum(best.x, best.twice_nll))
    observed, expected = upper_limit(data, expectation, 2.0 * error, 0.95, reasons)
    return {"level": 0.95, "observed": observed, "expected": expected}


def _scan(
    points: int, likelihood: Likelihood, best: BestFit, error: float, reasons: Reasons
) -> Scan:
    centre, (lowest, highest) = best.x[likelihood.poi], likelihood.bounds[likelihood.poi]
    low, high = centre + SCAN_WIDTH * error * np.array([-1.0, 1.0])
    strengths = np.linspace(max(low, lowest), min(high, highest), points).tolist()
    statistic = TestStatistic(likelihood, Minimum(best.x, best.twice_nll))

    def delta(mu: float) -> float:
        return max(statistic.held(mu).twice_nll - best.twice_nll, 0.0)

    deltas = [
        reasons.attempt(f"scan.delta_twice_nll[{i}]", partial(delta, mu))
        for i, mu in enumerate(strengths)
    ]
    return {"mu": strengths, "delta_twice_nll": deltas}


def parameters(
    likelihood: Likelihood, best: BestFit, prefit: Vector, asimov: BestFit | None = None
) -> list[Parameter]:
    """What `parameters` of fit.json says of each, in the order of the model.

    `asimov` is the fit to the Asimov data with the signal, for what is expected of the errors.
    """
    return [
        {
            "name": name,
            "kind": _kind(likelihood, index, name),
            "prefit_value": float(likelihood.nominal[index]),
            "prefit_error": float(prefit[index]) or None,
            "value": float(best.x[index]),
            "error": _number(best.errors[index]),
            "expected_error": None if asimov is None else _number(asimov.errors[index]),
            "at_bound": bool(best.at_bound[index]),
        }
        for index, name in enumerate(likelihood.names)
    ]


def _kind(likelihood: Likelihood, index: int, name: str) -> str:
    if index == likelihood.model.config.poi_index:
        return "signal_strength"
    if likelihood.fixed[index]:
        return "fixed"
    if name.startswith("staterror_"):
        return "mc_statistics"
    return "constrained" if likelihood.model.config.param_set(name).constrained else "free"


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
