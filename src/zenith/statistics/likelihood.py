"""A pyhf model with data, and its minimisation: free, or with parameters held at values."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

import cabinetry
import iminuit
import numpy as np
import pyhf
from numpy.typing import NDArray

from zenith.errors import FitError

log = logging.getLogger(__name__)

Vector = NDArray[np.float64]

# Estimated distance to the minimum below 2e-7 (iminuit: 0.002 · tolerance), in units of -2 log L:
# it moves a parameter by less than a thousandth of its error.
TOLERANCE = 1e-4
CALLS = 100_000

# A step of the minimiser may ask for a negative rate, where there is no likelihood; a tiny one in
# its place keeps it finite. No minimum lies there.
SMALLEST_RATE = 1e-9


class Attempt(NamedTuple):
    """One rung of the ladder that every fit climbs until it converges."""

    strategy: Literal[1, 2]
    """Of Minuit: 2 computes second derivatives more carefully."""
    scipy: bool
    """Whether a sequential quadratic programme of SciPy finds the start values."""


LADDER = (Attempt(1, False), Attempt(2, False), Attempt(2, True))


class Minimum(NamedTuple):
    """Where -2 log L is least."""

    x: Vector
    twice_nll: float


@contextmanager
def numpy_backend() -> Iterator[None]:
    """pyhf on NumPy with Minuit; on leaving, pyhf's global settings are as they were."""
    before = pyhf.get_backend()
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer())
    try:
        yield
    finally:
        pyhf.set_backend(*before)


@dataclass(frozen=True)
class Likelihood:
    """-2 log L of a model with data (main and auxiliary). Use it inside of `numpy_backend`.

    `name` is what error messages call the workspace; `steps` are the sizes of a first step, by
    parameter.
    """

    name: str
    model: Any
    data: Vector
    steps: Vector
    calls: int = CALLS

    @classmethod
    def of(
        cls, spec: Mapping[str, Any], name: str = "workspace", calls: int = CALLS
    ) -> "Likelihood":
        """The likelihood of a workspace with its observations.

        Raises FitError where the workspace is not valid, or has no parameter of interest.
        """
        try:
            workspace = pyhf.Workspace(spec)
            model = workspace.model(clip_bin_data=SMALLEST_RATE)
            data = np.asarray(workspace.data(model), float)
        except (pyhf.exceptions.InvalidSpecification, pyhf.exceptions.InvalidModel) as error:
            raise FitError(f"{name}: not a valid workspace: {error}") from None
        if model.config.poi_index is None:
            raise FitError(f"{name}: the workspace has no signal: no signal strength to be fitted")
        prior = cabinetry.model_utils.prefit_uncertainties(model)
        return cls(name, model, data, np.where(prior > 0.0, prior, 0.1), calls)

    @property
    def names(self) -> list[str]:
        """The parameters in pyhf's order."""
        return list(self.model.config.par_names)

    @property
    def poi(self) -> int:
        """Index of the parameter of interest."""
        return int(self.model.config.poi_index)

    @cached_property
    def bounds(self) -> list[tuple[float, float]]:
        """Of every parameter."""
        return [tuple(pair) for pair in self.model.config.suggested_bounds()]

    @cached_property
    def fixed(self) -> NDArray[np.bool_]:
        """Which parameters the workspace holds."""
        return np.asarray(self.model.config.suggested_fixed(), bool)

    @cached_property
    def nominal(self) -> Vector:
        """Parameters before any fit: constrained ones where their constraint is largest."""
        return np.asarray(cabinetry.model_utils.asimov_parameters(self.model), float)

    def twice_nll(self, x: Vector) -> float:
        """-2 log L, constants included."""
        return -2.0 * float(self.model.logpdf(x, self.data)[0])

    def with_asimov(self, x: Vector) -> "Likelihood":
        """The same model with the data that it expects at x."""
        return replace(self, data=np.asarray(self.model.expected_data(x), float))

    def minimum(
        self, held: Mapping[int, float] | None = None, start: Vector | None = None
    ) -> Minimum:
        """The least -2 log L with some parameters held at values, by index.

        The ladder: from `start` (default: nominal), from nominal with Minuit's strategy 2, and that
        again from where SciPy ends. Raises FitError if none converges.
        """
        held = held or {}
        begin = self.nominal if start is None else start
        for attempt in LADDER:
            minuit = self._minuit(self.scipy_start(held) if attempt.scipy else begin, held)
            minuit.strategy = attempt.strategy
            minuit.migrad(ncall=self.calls)
            if minuit.valid and np.isfinite(minuit.fval):
                x = np.array(minuit.values)
                return Minimum(x, self.twice_nll(x))
            log.info("%s: %s did not converge, trying the next", self.name, attempt)
            begin = self.nominal
        held_names = ", ".join(f"{self.names[i]} = {v:g}" for i, v in held.items())
        raise self.failure(f"a fit with {held_names} held" if held else "the fit", minuit.values)

    def scipy_start(self, held: Mapping[int, float] | None = None) -> Vector:
        """Where a sequential quadratic programme of SciPy ends, from nominal."""
        minuit = self._minuit(self.nominal, held or {})
        minuit.scipy(method="SLSQP", ncall=self.calls)
        return np.array(minuit.values)

    def _minuit(self, start: Vector, held: Mapping[int, float]) -> iminuit.Minuit:
        x = np.array(start, float)
        limits: list[tuple[float, float] | None] = list(self.bounds)
        for index, value in held.items():
            x[index], limits[index] = value, None  # what is held may lie outside of its bounds
        offset = self.twice_nll(x)  # differences that matter are not lost beside a large constant
        minuit = iminuit.Minuit(lambda at: self.twice_nll(at) - offset, x)
        minuit.errordef, minuit.tol = 1.0, TOLERANCE
        minuit.limits, minuit.errors = limits, self.steps
        minuit.fixed = [bool(f) or i in held for i, f in enumerate(self.fixed)]
        return minuit

    def failure(self, what: str, x: Any) -> FitError:
        """The error of a fit that did not converge, with the parameters that look suspicious."""
        values = np.asarray(x, float)
        low, high = np.array(self.bounds).T
        edge = 1e-3 * (high - low)
        suspects = [
            f"{name} = {value:.3g} (bounds {lower:g} to {upper:g})"
            for name, value, lower, upper, near, fixed in zip(
                self.names,
                values,
                low,
                high,
                ~((values > low + edge) & (values < high - edge)),
                self.fixed,
                strict=True,
            )
            if near and not fixed
        ]
        hint = f"; at a bound: {', '.join(suspects[:5])}" if suspects else ""
        return FitError(
            f"{self.name}: {what} did not converge after {len(LADDER)} attempts{hint}; look at "
            "what the sanitiser reported, merge bins without background, raise statistics.prune, "
            "or widen statistics.signal_bounds"
        )


def best_fit(likelihood: Likelihood, goodness_of_fit: bool) -> Any:
    """cabinetry's free fit (`FitResults`), by the same ladder; FitError if nothing converges."""
    reached: Any = likelihood.nominal
    for attempt in LADDER:
        start = likelihood.scipy_start() if attempt.scipy else likelihood.nominal
        try:
            result = cabinetry.fit.fit(
                likelihood.model,
                list(likelihood.data),
                goodness_of_fit=goodness_of_fit,
                init_pars=list(start),
                fix_pars=list(likelihood.fixed),
                par_bounds=likelihood.bounds,
                strategy=attempt.strategy,
                tolerance=TOLERANCE,
                maxiter=likelihood.calls,
            )
        except pyhf.exceptions.FailedMinimization as error:
            reached = error.result.x
        else:
            if np.isfinite([*result.bestfit, *result.uncertainty, result.best_twice_nll]).all():
                return result
            reached = result.bestfit
        log.info("%s: %s did not converge, trying the next", likelihood.name, attempt)
    raise likelihood.failure("the fit", reached)
