"""What the choice of categories maximises."""

from typing import Protocol

from jax import Array

from zenith.core.categories.counting import Counting
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
