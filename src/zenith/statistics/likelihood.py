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
from scipy.special import xlogy

from zenith.errors import FitError, InputError
from zenith.statistics.kinks import SMALLEST_RATE, Vector, minimum_on_kinks
from zenith.statistics.schema import check

log = logging.getLogger(__name__)

# Estimated distance to the minimum below 2e-7 (iminuit: 0.002 · tolerance), in units of -2 log L:
# it moves a parameter by less than a thousandth of its error.
TOLERANCE = 1e-4
CALLS = 100_000

# Values of -2 log L that differ by less are the same.
SAME = 1e-6

# Rates of empty bins below which kinks are searched, and those that are on one, in events.
NEARLY_ZERO, KINK = 1e-2, 1e-5

# What the rate of a bin with counts costs below zero, an event, in log L.
BEYOND = 1e3


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
        cls,
        spec: Mapping[str, Any],
        name: str = "workspace",
        calls: int = CALLS,
        *,
        signal: bool = True,
    ) -> "Likelihood":
        """The likelihood of a workspace with its observations.

        Raises FitError where the workspace is not valid, or has no parameter of interest: unless it
        has no `signal`.
        """
        try:
            check(spec)
            workspace = pyhf.Workspace(spec)
            model = workspace.model(clip_bin_data=SMALLEST_RATE)
            data = np.asarray(workspace.data(model), float)
        except (InputError, pyhf.exceptions.InvalidModel) as error:
            raise FitError(f"{name}: not a valid workspace: {error}") from None
        if signal and model.config.poi_index is None:
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
        """Which parameters are not fitted: the workspace holds them, or they change nothing."""
        fixed = self._held_by_workspace.copy()
        fixed[self.idle] = True
        return fixed

    @property
    def _held_by_workspace(self) -> NDArray[np.bool_]:
        return np.asarray(self.model.config.suggested_fixed(), bool)

    @cached_property
    def nominal(self) -> Vector:
        """Parameters before any fit: constrained ones where their constraint is largest."""
        return np.asarray(cabinetry.model_utils.asimov_parameters(self.model), float)

    def twice_nll(self, x: Vector) -> float:
        """-2 log L, constants included."""
        return -2.0 * float(self.model.logpdf(x, self.data)[0])

    def objective(self, x: Vector) -> float:
        """What is minimised: -2 log L but for a constant, where no bin with counts lacks a rate.

        Where one does, -2 log L is flat: here it rises, so that a step too far finds its way back.
        """
        rates, counts = self.rates(x), self._counts
        floored = np.maximum(rates, SMALLEST_RATE)
        beyond = np.where(counts > SMALLEST_RATE, floored - rates, 0.0)
        value = 2.0 * float((floored - xlogy(counts, floored) + BEYOND * beyond).sum())
        if self.model.config.nauxdata:
            auxiliary = self.data[len(counts) :]
            value -= 2.0 * float(self.model.constraint_model.logpdf(auxiliary, x))
        return value

    def with_asimov(self, x: Vector) -> "Likelihood":
        """The same model with the data that it expects at x."""
        return replace(self, data=np.asarray(self.model.expected_data(x), float))

    def minimum(
        self, held: Mapping[int, float] | None = None, start: Vector | None = None
    ) -> Minimum:
        """The least -2 log L with some parameters held at values, by index; see `descend`."""
        x, _ = self.descend(held, start)
        return Minimum(x, self.twice_nll(x))

    def descend(
        self, held: Mapping[int, float] | None = None, start: Vector | None = None
    ) -> tuple[Vector, iminuit.Minuit | None]:
        """Where -2 log L is least with some parameters held, and Minuit there.

        The ladder: from `start` (default: nominal), from nominal with Minuit's strategy 2, and that
        again from where SciPy ends; then without parameters that change nothing once the others are
        held, and at last a search on kinks, where there is no Minuit. Raises FitError if none
        converges.
        """
        held = held or {}
        begin = self.nominal if start is None else start
        for attempt in LADDER:
            minuit = self._minuit(self.scipy_start(held) if attempt.scipy else begin, held)
            minuit.strategy = attempt.strategy
            minuit.migrad(ncall=self.calls)
            x = np.array(minuit.values)
            converged = bool(minuit.valid and np.isfinite(minuit.fval))
            kinks = self.near_kink(x) and self._on_kinks(held, minuit if converged else None)
            if kinks or converged:
                return kinks or (x, minuit)
            log.info("%s: %s did not converge, trying the next", self.name, attempt)
            begin = self.nominal
        idle = self._without_effect(self._with(held))
        if any(index not in held for index in idle):
            return self.descend({**{i: self.nominal[i] for i in idle}, **held}, start)
        found = self._on_kinks(held)
        if found is None:
            names = ", ".join(f"{self.names[i]} = {v:g}" for i, v in held.items())
            raise self.failure(f"a fit with {names} held" if held else "the fit", x)
        return found

    def _on_kinks(
        self, held: Mapping[int, float], known: iminuit.Minuit | None = None
    ) -> tuple[Vector, iminuit.Minuit | None] | None:
        """The minimum found on kinks, and Minuit there if it is on none; None if known is deeper.

        A kink that is as deep is better than what Minuit found beside it.
        """
        moving = np.flatnonzero(~self.fixed & ~np.isin(np.arange(len(self.nominal)), list(held)))
        x = minimum_on_kinks(
            self.objective, self.rates, self._counts, self._with(held), moving, self.bounds
        )
        if x is None:
            return None
        kink = self.near_kink(x, KINK)
        if known is not None:
            gain = self.twice_nll(np.array(known.values)) - self.twice_nll(x)
            if gain < (-SAME if kink else SAME):
                return None
        if kink:
            return x, None
        minuit = self._minuit(x, held)
        minuit.migrad(ncall=self.calls)
        return (np.array(minuit.values), minuit) if minuit.valid else (x, None)

    @cached_property
    def idle(self) -> list[int]:
        """Parameters that change nothing, wherever the others are: they are not fitted."""
        low, high = np.array(self.bounds).T
        anywhere = low + 0.63 * (high - low)
        return self._without_effect(np.where(self._held_by_workspace, self.nominal, anywhere))

    def _without_effect(self, x: Vector) -> list[int]:
        """Free parameters that change nothing, from one bound to the other, with the rest at x."""
        value = self.twice_nll(x)

        def on(index: int, bound: float) -> float:
            moved = x.copy()
            moved[index] = bound
            return self.twice_nll(moved)

        return [
            index
            for index in np.flatnonzero(~self._held_by_workspace).tolist()
            if np.isfinite(value) and all(on(index, bound) == value for bound in self.bounds[index])
        ]

    def _with(self, held: Mapping[int, float]) -> Vector:
        x = self.nominal.copy()
        x[list(held)] = list(held.values())
        return x

    def rates(self, x: Vector) -> Vector:
        """Expected counts of the bins, as they are: some may be below zero; shape (B,)."""
        by_sample = self.model.main_model.expected_data(x, return_by_sample=True)
        return np.asarray(by_sample, float).sum(axis=0)

    @cached_property
    def _counts(self) -> Vector:
        return self.data[: sum(self.model.config.channel_nbins.values())]

    def near_kink(self, x: Vector, zero: float = NEARLY_ZERO) -> bool:
        """Whether a bin without counts has no rate, or less than `zero`, and can have one below.

        It can if a first step of a parameter, within its bounds, takes it there.
        """
        empty = self._counts <= SMALLEST_RATE
        rates = self.rates(x)[empty]
        close = rates < zero if zero > KINK else np.abs(rates) < zero
        if not close.any():
            return False
        low, high = np.array(self.bounds).T
        steps = np.where(self.fixed, 0.0, self.steps) * np.eye(len(x))
        moved = np.clip([*(x + steps), *(x - steps)], np.minimum(low, x), np.maximum(high, x))
        return any((self.rates(point)[empty][close] < -KINK).any() for point in moved)

    def scipy_start(self, held: Mapping[int, float] | None = None) -> Vector:
        """Where a sequential quadratic programme of SciPy ends, from nominal."""
        minuit = self._minuit(self.nominal, held or {})
        minuit.scipy(method="SLSQP", ncall=self.calls)
        return np.array(minuit.values)

    def hessian(self, x: Vector, held: Mapping[int, float]) -> iminuit.Minuit:
        """Minuit with second derivatives at a minimum, without bounds.

        Within bounds Minuit turns errors of its own, bounded variables into those of parameters:
        close to a bound they are off by a factor.
        """
        minuit = self._minuit(x, held)
        minuit.limits = [(-np.inf, np.inf)] * len(x)
        if not all(minuit.fixed):
            minuit.hesse()
        return minuit

    def _minuit(self, start: Vector, held: Mapping[int, float]) -> iminuit.Minuit:
        x = np.array(start, float)
        limits = list(self.bounds)
        for index, value in held.items():
            x[index], limits[index] = value, (-np.inf, np.inf)  # it may lie outside of its bounds
        offset = self.objective(x)  # differences that matter are not lost beside a large constant
        minuit = iminuit.Minuit(lambda at: self.objective(at) - offset, x)
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
