"""The fit of the control regions alone, and what it predicts where the data stay closed."""

import logging
from collections.abc import Container, Mapping
from typing import Any

import cabinetry

from zenith.artefacts.fit import ControlFit, total
from zenith.config import Analysis
from zenith.statistics.best_fit import best_fit, goodness_of_fit
from zenith.statistics.fit import note_errors, parameters
from zenith.statistics.likelihood import Likelihood, numpy_backend
from zenith.statistics.predictions import observations, predictions
from zenith.statistics.reasons import Reasons

log = logging.getLogger(__name__)


def control_fit(
    analysis: Analysis, spec: Mapping[str, Any], name: str = "workspace"
) -> ControlFit | None:
    """The background, fitted to the data of the regions that are open, in every region.

    Without signal in any of them. A nuisance parameter that acts in no open region keeps its prior,
    uncorrelated with the others; so does the simulated statistics of a blind region. The total of a
    blind region after this fit, with its error, is the prediction that its data are to be compared
    with. None unless some regions of the fit are blind and some are open.

    Raises FitError, which names the workspace, where the fit does not converge.
    """
    fitted = [channel["name"] for channel in spec["channels"]]
    open_ = [region for region in fitted if not analysis.is_blind(region)]
    if not open_ or len(open_) == len(fitted):
        return None
    reasons = Reasons()
    with numpy_backend():
        everywhere = Likelihood.of(_background(analysis, spec, fitted), name, signal=False)
        what = f"{name}, control regions {', '.join(open_)}"
        control = Likelihood.of(_background(analysis, spec, open_), what, signal=False)
        best = best_fit(control)
        note_errors(control, best, reasons)
        goodness = goodness_of_fit(control, best.twice_nll)
        if goodness is None:
            reasons.missing("goodness_of_fit", "there are no more bins than free parameters")
        _note_factors(everywhere, control, reasons)
        predicted = cabinetry.model_utils.match_fit_results(
            everywhere.model, best.predicted_with(control)
        )
        prefit = cabinetry.model_utils.prefit_uncertainties(control.model)
        found = predictions(
            analysis,
            everywhere.model,
            predicted,
            observations(control.model, control.data),
            known=best.correlation is not None,
        )
        for region in fitted:
            if region not in open_:
                predicted_yield = total(found["yields"][region])["postfit"]
                log.info(
                    "%s: %.1f events of background, predicted from %s",
                    *(region, predicted_yield, ", ".join(open_)),
                )
        return {
            "regions": open_,
            "twice_nll": best.twice_nll,
            "goodness_of_fit": goodness,
            "parameters": parameters(control, best, prefit),
            **found,
            "reasons": dict(reasons),
        }


def _background(
    analysis: Analysis, spec: Mapping[str, Any], regions: Container[str]
) -> dict[str, Any]:
    """The workspace with some of its channels and without signal."""
    channels = [
        {
            **channel,
            "samples": [s for s in channel["samples"] if s["name"] not in analysis.signals],
        }
        for channel in spec["channels"]
        if channel["name"] in regions
    ]
    measurement = spec["measurements"][0]
    settings = [
        setting
        for setting in measurement["config"]["parameters"]
        if setting["name"] not in analysis.signal_strengths
    ]
    return {
        **spec,
        "channels": channels,
        "observations": [o for o in spec["observations"] if o["name"] in regions],
        "measurements": [{**measurement, "config": {"poi": "", "parameters": settings}}],
    }


def _note_factors(everywhere: Likelihood, control: Likelihood, reasons: Reasons) -> None:
    """Factors without a prior that no control region knows."""
    for name in everywhere.model.config.par_order:
        known = everywhere.model.config.param_set(name).constrained
        if not known and name not in control.model.config.par_order:
            why = "it acts in no control region, and is taken as 1 without an uncertainty"
            reasons.missing(f"parameters.{name}", why)
