"""What is asked of categories: what they maximise, and what every one of them must have."""

from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from jax import Array

from zenith.core.categories.counting import Counting, Requirements
from zenith.core.categories.yields import Yields


class Aim(Protocol):
    """What is maximised: one number of the yields. Hashable: compiled as a constant."""

    @property
    def detailed(self) -> bool:
        """Whether it wants each background and every variation for itself."""

    @property
    def additive(self) -> bool:
        """Whether squared significances of categories add up."""

    @property
    def counting(self) -> Counting:
        """How signals are combined, and the counting experiment to compare with."""

    def significances(self, yields: Yields) -> Array:
        """Z of every signal, (A,)."""

    def value(self, yields: Yields) -> Array:
        """The objective, a scalar."""


@dataclass(frozen=True)
class Task:
    """What is maximised, and what every category must have. Hashable: compiled as a constant."""

    aim: Aim
    requirements: Requirements = field(default_factory=Requirements)

    @property
    def counting(self) -> Counting:
        """How signals are combined, and the counting experiment to compare with."""
        return self.aim.counting

    def counted(self) -> "Task":
        """The same of a counting experiment."""
        return Task(self.counting, self.requirements)

    def tightened(self, margin: float) -> "Task":
        """The same with more required of each category, by a relative margin."""
        need = self.requirements
        more = replace(
            need,
            background=need.background * (1 + margin),
            uncertainty=need.uncertainty * (1 - margin),
        )
        return Task(self.aim, more)

    def met(self, yields: Yields) -> np.ndarray:
        """Which categories (K,) have what is required."""
        return self.requirements.met(yields.background, yields.variance)

    def shortfall(self, yields: Yields) -> Array:
        """How far each category (K,) is from that: 0 where it has it, growing to 1 and above."""
        return self.requirements.shortfall(yields.background, yields.variance)
