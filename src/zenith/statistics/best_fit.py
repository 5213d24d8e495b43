"""The free fit: parameters, those on a bound, errors and correlations from the Hessian."""

from typing import NamedTuple

import cabinetry
import numpy as np
import pyhf
from cabinetry.fit.results_containers import FitResults
from numpy.typing import NDArray
from scipy.stats import chi2

from zenith.statistics.kinks import Vector
from zenith.statistics.likelihood import Likelihood
from zenith.statistics.minimiser import SAME, TOLERANCE, descend, near_kink
from zenith.statistics.second_derivatives import curvature

# Only within this share of its range from a bound is it tried whether a parameter is on it
NEAR = 1e-3

# Why there is no Hessian: with a bin on its kink, and without.
NO_CURVATURE = {
    True: "a bin without counts has a rate of zero at the best fit: no second derivative",
    False: "the data do not determine every parameter: no positive second derivatives",
}


class BestFit(NamedTuple):
    """The minimum of -2 log L, and its curvature. Vectors have a number for each parameter."""

    x: Vector
    twice_nll: float
    errors: Vector
    """0 for parameters that the workspace holds; NaN for those without one."""
    correlation: NDArray[np.float64] | None
    """Zero for parameters without an error; None without a Hessian."""
    at_bound: NDArray[np.bool_]
    missing: dict[int, str]
    """Why, for every parameter without an error."""
    reason: str
    """Why there is no Hessian; empty if there is one."""

    def predicted_with(self, likelihood: Likelihood) -> FitResults:
        """As cabinetry takes it, with no error where there is none."""
        n = len(self.x)
        matrix = np.zeros((n, n)) if self.correlation is None else self.correlation
        return FitResults(
            self.x, np.nan_to_num(self.errors), likelihood.names, matrix, self.twice_nll
        )


def best_fit(likelihood: Likelihood, start: Vector | None = None) -> BestFit:
    """The free fit: cabinetry's, checked and carried on. Raises FitError where nothing converges.

    From a `start` that is known to be the minimum, or near it, cabinetry does not fit first.

    A parameter on its bound is put on it and held there for the second derivatives: its own is no
    error, and those of the others are conditional on it.
    """
    begin = _by_cabinetry(likelihood) if start is None else start
    x, smooth = descend(likelihood, start=begin)
    at_bound = np.zeros(len(x), bool)
    missing = dict.fromkeys(likelihood.idle, "the likelihood does not depend on the parameter")
    for i, (low, high) in enumerate(likelihood.bounds):
        if not likelihood.fixed[i]:
            x, at_bound[i] = _on_bound(likelihood, x, i, low, high)
        if at_bound[i]:
            missing[i] = f"the parameter is on its bound, {x[i]:g} of {low:g} to {high:g}"
    held = {i: float(x[i]) for i in missing}
    if smooth and held:
        x, smooth = descend(likelihood, held, x)
    found = curvature(likelihood, x, held) if smooth else None
    reason = "" if found is not None else NO_CURVATURE[near_kink(likelihood, x, {})]
    errors, correlation = (np.zeros(len(x)), None) if found is None else found
    if reason:
        missing = dict.fromkeys(np.flatnonzero(~likelihood.fixed).tolist(), reason) | missing
    errors[list(missing)] = np.nan
    return BestFit(x, likelihood.twice_nll(x), errors, correlation, at_bound, missing, reason)


def _by_cabinetry(likelihood: Likelihood) -> Vector | None:
    """Where cabinetry's fit ends; None where that is no minimum, or Minuit gives no covariance."""
    try:
        result = cabinetry.fit.fit(
            likelihood.model,
            list(likelihood.data),
            init_pars=list(likelihood.nominal),
            fix_pars=list(likelihood.fixed),
            par_bounds=likelihood.bounds,
            strategy=1,
            tolerance=TOLERANCE,
            maxiter=likelihood.calls,
        )
    # pyhf's wrapper of Minuit takes the covariance for granted, and raises AttributeError
    except (pyhf.exceptions.FailedMinimization, AttributeError):
        return None
    return np.asarray(result.bestfit) if np.isfinite(result.bestfit).all() else None


def _on_bound(
    likelihood: Likelihood, x: Vector, index: int, low: float, high: float
) -> tuple[Vector, bool]:
    """x with the parameter on a bound, if it is there, and whether it is.

    It is if -2 log L is the same there: the minimum is then within a thousandth of an error.
    """
    bound = low if x[index] - low < high - x[index] else high
    if abs(x[index] - bound) > NEAR * (high - low):
        return x, False
    moved = x.copy()
    moved[index] = bound
    there = likelihood.twice_nll(moved) <= likelihood.twice_nll(x) + SAME
    return (moved, True) if there else (x, False)


def goodness_of_fit(likelihood: Likelihood, twice_nll: float) -> float | None:
    """p-value of the best -2 log L against the saturated model; None without degrees of freedom.

    The saturated model predicts every count, with constrained parameters at their nominal values.
    """
    model = likelihood.model
    bins = sum(model.config.channel_nbins.values())
    freedom = bins - cabinetry.model_utils.unconstrained_parameter_count(model)
    if freedom <= 0:
        return None
    counts, auxiliary = likelihood.data[:bins], likelihood.data[bins:]
    saturated = -2.0 * float(np.sum(pyhf.tensorlib.poisson_logpdf(counts, counts)))
    if model.config.nauxdata:
        saturated -= 2.0 * float(model.constraint_logpdf(auxiliary, likelihood.nominal))
    return float(chi2.sf(twice_nll - saturated, freedom))
