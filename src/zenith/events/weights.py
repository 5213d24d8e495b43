"""The weights of simulated events: the factors of the nominal one, and their variations."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from zenith.config import Analysis, weights_of
from zenith.config.marks import concerns
from zenith.config.steps import TEMPLATES
from zenith.config.systematics import SIDES, WEIGHTS, Side, Sides, Varied
from zenith.errors import ConfigError
from zenith.events import corrections
from zenith.events.evaluation import per_event
from zenith.events.objects import Objects
from zenith.observable import Weight

Vector = NDArray[np.float64]


class Factor(Protocol):
    """One factor of the weight of events: a correction, or a function of the analysis module."""

    @property
    def key(self) -> str:
        """Where the configuration says it, for messages."""
        ...

    @property
    def names(self) -> Mapping[str, str]:
        """What it calls its variations up and down, where it has them."""
        ...

    def __call__(self, objects: Objects, variation: str | None = None) -> Vector:
        """The factor of each event, nominal or under the variation that it calls so."""
        ...

    def require(self, variation: str, key: str) -> None:
        """Raise an error that names `key` if it has no variation that it calls so."""
        ...


@dataclass(frozen=True)
class Function:
    """A weight of the analysis module as a factor."""

    name: str
    weight: Weight

    @property
    def key(self) -> str:
        """Where the configuration says it, for messages."""
        return f"weights.{self.name}"

    @property
    def names(self) -> Mapping[str, str]:
        """What it calls its variations: as they are called."""
        return {variation: variation for variation in self.weight.variations}

    def __call__(self, objects: Objects, variation: str | None = None) -> Vector:
        """The factor of each event, nominal or under a variation.

        Raises InputError or ConfigError where it is not one finite number for each event.
        """
        variation = variation or "nominal"
        what = f"weight {self.name}" + (f" ({variation})" if self.weight.variations else "")
        found = per_event(
            self.weight, objects, variation, events=len(objects), what=what, missing=1.0
        )
        return np.asarray(found, np.float64)

    def require(self, variation: str, key: str) -> None:
        """Raise ConfigError if there is no variation of this name."""
        if variation not in self.weight.variations:
            has = ", ".join(self.weight.variations) or "none"
            raise ConfigError(f"{key}: the weight {self.name!r} has no {variation!r}; it has {has}")


@dataclass(frozen=True)
class Weights:
    """The weights of a chunk of events of one process, each factor of which is evaluated once."""

    objects: Objects
    factors: Mapping[str, Factor]

    @cached_property
    def values(self) -> dict[str, Vector]:
        """The nominal factors by name, (events,) each."""
        return {name: factor(self.objects) for name, factor in self.factors.items()}

    @cached_property
    def nominal(self) -> Vector:
        """Their product, what multiplies the normalised genWeight of each event."""
        return self._product(self.values)

    def varied(self, name: str, value: Vector) -> Vector:
        """The product with one factor, (events,), in place of its nominal value."""
        return self._product(self.values | {name: value})

    def _product(self, factors: Mapping[str, Vector]) -> Vector:
        return np.asarray(np.prod([np.ones(len(self.objects)), *factors.values()], axis=0))


class Reweighting(Varied):
    """A kind of systematic uncertainty that gives the same events other weights."""

    source = "weight"

    sides: Annotated[Sides, Field(description=SIDES), WEIGHTS, concerns(*TEMPLATES)] = "two"

    def factor(self, objects: Objects, side: Side) -> Any:
        """What multiplies the nominal weight of each event, shape (events,); None is 1."""
        raise NotImplementedError

    def weighted(self, weights: Weights, name: str, side: Side) -> Vector:
        """What is in place of `weights.nominal` under a side of the uncertainty `name`.

        Raises InputError or ConfigError where it is not one finite number for each event.
        """
        factor = per_event(
            self.factor,
            weights.objects,
            side,
            events=len(weights.objects),
            what=f"systematics.{name}",
            missing=1.0,
        )
        return np.asarray(weights.nominal * factor)

    def require(self, factors: Mapping[str, Factor], key: str) -> None:
        """Raise an error, before events are read, if a factor that it varies lacks a variation."""


def reweightings(analysis: Analysis, process: str) -> Iterator[tuple[str, Reweighting]]:
    """The systematic uncertainties that give events of a process other weights, by name."""
    for name, systematic in analysis.systematics.items():
        if isinstance(systematic, Reweighting) and systematic.varies(analysis, process):
            yield name, systematic


def require_variations(analysis: Analysis, process: str, factors: Mapping[str, Factor]) -> None:
    """Raise an error, before events are read, if one lacks what is to vary it."""
    for name, systematic in reweightings(analysis, process):
        systematic.require(factors, f"systematics.{name}")


def factors(analysis: Analysis, era: str, process: str) -> dict[str, Factor]:
    """What the weight of the events of a process is a product of.

    By names: `corrections.pileup`, `weights.top_pt`.

    Raises as `corrections.load` does.
    """
    found: dict[str, Factor] = {
        f"corrections.{name}": evaluator
        for name, evaluator in corrections.load(analysis, era).items()
    }
    defined = weights_of(analysis)
    for name, applied in analysis.weights.items():
        if applied.acts_on(process):
            found[f"weights.{name}"] = Function(name, defined[name])
    return found
