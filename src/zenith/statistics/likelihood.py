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
import scipy.optimize
from numpy.typing import NDArray

from zenith.errors import FitError, InputError
from zenith.statistics.schema import check

log = logging.getLogger(__name__)

Vector = NDArray[np.float64]

# Estimated distance to the minimum below 2e-7 (iminuit: 0.002 · tolerance), in units of -2 log L:
# it moves a parameter by less than a thousandth of its error.
TOLERANCE = 1e-4
CALLS = 100_000

# Rates below zero count as zero, here as in the core; a tiny one in place of zero keeps the
# likelihood of a count finite.
SMALLEST_RATE = 1e-9
# What a rate below zero costs in -2 log L an event: it decides between minima that are the same.
BELOW = 1e-4

# Values of -2 log L that differ by less are the same.
SAME = 1e-6

# The status of SciPy's SLSQP where a step changes the function by less than its last digits.
ROUNDING = 8


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
            check(spec)
            workspace = pyhf.Workspace(spec)
            model = workspace.model(clip_bin_data=SMALLEST_RATE)
            data = np.asarray(workspace.data(model), float)
        except (InputError, pyhf.exceptions.InvalidModel) as error:
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
        """The least -2 log L with some parameters held at values, by index; see `descend`."""
        x, _ = self.descend(held, start)
        return Minimum(x, self.twice_nll(x))

    def descend(
        self, held: Mapping[int, float] | None = None, start: Vector | None = None
    ) -> tuple[Vector, iminuit.Minuit | None]:
        """Where -2 log L is least with some parameters held, and Minuit there.

        The ladder: from `start` (default: nominal), from nominal with Minuit's strategy 2, and that
        again from where SciPy ends; then without parameters that change nothing, and at last a
        search for a minimum on a kink, where Minuit has no derivatives. Raises FitError if none
        converges.
        """
        held = held or {}
        begin = self.nominal if start is None else start
        for attempt in LADDER:
            minuit = self._minuit(self.scipy_start(held) if attempt.scipy else begin, held)
            minuit.strategy = attempt.strategy
            minuit.migrad(ncall=self.calls)
            x = np.array(minuit.values)
            if minuit.valid and np.isfinite(minuit.fval):
                kink = self._on_a_kink(held) if (self.rates(x) < 0.0).any() else None
                if kink is not None and self.twice_nll(kink) <= self.twice_nll(x) + SAME:
                    return kink, None
                return x, minuit
            log.info("%s: %s did not converge, trying the next", self.name, attempt)
            begin = self.nominal
        idle = {int(i): begin[i] for i in np.flatnonzero(self.idle(begin)) if i not in held}
        if idle:
            return self.descend({**held, **idle}, start)
        kink = self._on_a_kink(held)
        if kink is not None:
            return kink, None
        held_names = ", ".join(f"{self.names[i]} = {v:g}" for i, v in held.items())
        raise self.failure(f"a fit with {held_names} held" if held else "the fit", x)

    def idle(self, x: Vector) -> NDArray[np.bool_]:
        """Which free parameters change nothing, from one bound to the other, with the rest at x."""
        value = self.twice_nll(x)

        def on(index: int, bound: float) -> float:
            moved = x.copy()
            moved[index] = bound
            return self.twice_nll(moved)

        return np.array(
            [
                not fixed and all(on(i, bound) == value for bound in self.bounds[i])
                for i, fixed in enumerate(self.fixed)
            ]
        )

    def scipy_start(self, held: Mapping[int, float] | None = None) -> Vector:
        """Where a sequential quadratic programme of SciPy ends, from nominal."""
        minuit = self._minuit(self.nominal, held or {})
        minuit.scipy(method="SLSQP", ncall=self.calls)
        return np.array(minuit.values)

    def rates(self, x: Vector) -> Vector:
        """Expected counts of the bins, without the floor, shape (B,)."""
        by_sample = self.model.main_model.expected_data(x, return_by_sample=True)
        return np.asarray(by_sample, float).sum(axis=0)

    def _on_a_kink(self, held: Mapping[int, float]) -> Vector | None:
        """The minimum where the rates of bins without counts may have reached zero; None if none.

        Such a bin contributes 2 max(rate, 0). A variable t for each, with t ≥ 0 and t ≥ rate,
        takes the place of the maximum: what is minimised is smooth, and its constraints are. Of
        minima that differ in rates below zero, which count for nothing, it is the one with most.
        """
        counts = self.data[: len(self.rates(self.nominal))]
        empty = np.flatnonzero(counts <= SMALLEST_RATE)
        start = self.nominal.copy()
        start[list(held)] = list(held.values())
        moving = np.flatnonzero(~self.fixed & ~np.isin(np.arange(len(start)), list(held)))
        if not len(empty) or not len(moving):
            return None
        size = len(moving)

        def place(z: Vector) -> Vector:
            x = start.copy()
            x[moving] = z[:size]
            return x

        def smooth(z: Vector) -> float:
            rates, t = self.rates(place(z))[empty], z[size:]
            floored = np.maximum(rates, SMALLEST_RATE)
            return self.twice_nll(place(z)) + float(
                (2.0 * (t - floored) + BELOW * (t - rates)).sum()
            )

        begin = np.append(start[moving], np.maximum(self.rates(start)[empty], 0.0))
        result = scipy.optimize.minimize(
            smooth,
            begin,
            method="SLSQP",
            bounds=[self.bounds[i] for i in moving] + [(0.0, None)] * len(empty),
            constraints={"type": "ineq", "fun": lambda z: z[size:] - self.rates(place(z))[empty]},
            options={"ftol": 1e-11, "maxiter": 1000},
        )
        done = result.success or result.status == ROUNDING
        return place(result.x) if done and np.isfinite(result.fun) else None

    def _minuit(self, start: Vector, held: Mapping[int, float]) -> iminuit.Minuit:
        x = np.array(start, float)
        limits = list(self.bounds)
        for index, value in held.items():
            x[index], limits[index] = value, (-np.inf, np.inf)  # it may lie outside of its bounds
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
