"""A pyhf model with data: its likelihood, and the minimum with parameters held at values."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import cabinetry
import numpy as np
import pyhf
from numpy.typing import NDArray
from scipy.special import xlogy

from zenith.errors import FitError, InputError
from zenith.statistics.kinks import SMALLEST_RATE, Vector
from zenith.statistics.schema import check
from zenith.statistics.slopes import DIFFERENCE, Together, constraint_slopes, together

CALLS = 100_000

# What the rate of a bin with counts costs below zero, an event, in log L.
BEYOND = 1e3


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
            check(spec)  # once: pyhf would check it twice more, every number of it
            workspace = pyhf.Workspace(spec, validate=False)
            model = workspace.model(validate=False, clip_bin_data=SMALLEST_RATE)
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
        rates, counts = self.rates(x), self.counts
        floored = np.maximum(rates, SMALLEST_RATE)
        beyond = np.where(counts > SMALLEST_RATE, floored - rates, 0.0)
        value = 2.0 * float((floored - xlogy(counts, floored) + BEYOND * beyond).sum())
        if self.model.config.nauxdata:
            auxiliary = self.data[len(counts) :]
            value -= 2.0 * float(self.model.constraint_model.logpdf(auxiliary, x))
        return value

    def gradient(self, x: Vector, moving: NDArray[np.bool_]) -> Vector:
        """That of `objective` at x, shape (P,); 0 for what is not `moving`.

        By the chain rule, from slopes of the rates: where these are close to the counts, as at the
        minimum, what the differences are wrong by hardly counts.
        """
        rates, counts = self.rates(x), self.counts
        above = rates > SMALLEST_RATE
        below = np.where(counts > SMALLEST_RATE, -BEYOND, 0.0)
        slope = 2.0 * np.where(above, 1.0 - counts / np.where(above, rates, 1.0), below)
        gradient = np.zeros(len(x))
        for parameters, bins in self._together:
            if not moving[parameters].any():
                continue
            moved = x.copy()
            moved[parameters] += DIFFERENCE * self.steps[parameters]
            change = (self.rates(moved) - rates)[bins] / (DIFFERENCE * self.steps[parameters])
            np.add.at(gradient, parameters, slope[bins] * change)
        if self.model.config.nauxdata:
            gradient += constraint_slopes(self.model, self.data[len(counts) :], x)
        return np.where(moving, gradient, 0.0)

    @cached_property
    def _together(self) -> list[Together]:
        return together(self.model)

    def with_asimov(self, x: Vector) -> "Likelihood":
        """The same model with the data that it expects at x."""
        return replace(self, data=np.asarray(self.model.expected_data(x), float))

    @cached_property
    def idle(self) -> list[int]:
        """Parameters that change nothing, wherever the others are: they are not fitted."""
        low, high = np.array(self.bounds).T
        anywhere = low + 0.63 * (high - low)
        return self.without_effect(np.where(self._held_by_workspace, self.nominal, anywhere))

    def without_effect(self, x: Vector) -> list[int]:
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

    def moving(self, held: Iterable[int]) -> NDArray[np.bool_]:
        """Which parameters are fitted where some, by index, are held; shape (P,)."""
        return ~self.fixed & ~np.isin(np.arange(len(self.nominal)), list(held))

    def at(self, held: Mapping[int, float]) -> Vector:
        """Nominal parameters, but some at values, by index."""
        x = self.nominal.copy()
        x[list(held)] = list(held.values())
        return x

    def rates(self, x: Vector) -> Vector:
        """Expected counts of the bins, as they are: some may be below zero; shape (B,)."""
        by_sample = self.model.main_model.expected_data(x, return_by_sample=True)
        rates: Vector = np.asarray(by_sample, float).sum(axis=0)
        return rates

    @cached_property
    def counts(self) -> Vector:
        """Of the bins, shape (B,)."""
        return self.data[: sum(self.model.config.channel_nbins.values())]
