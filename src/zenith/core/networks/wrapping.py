"""Networks around other networks, which read what these read."""

from abc import abstractmethod
from collections.abc import Mapping

import numpy as np

from zenith.core.networks.network import Network


class Wrapping(Network):
    """A network around another one: what it says of its inputs is what that one says."""

    @property
    @abstractmethod
    def inner(self) -> Network:
        """The network that reads events."""

    @property
    def collections(self) -> Mapping[str, tuple[str, ...]]:
        """Those of the inner network."""
        return self.inner.collections

    @property
    def inputs(self) -> tuple[tuple[str, str], ...]:
        """Those of the inner network."""
        return self.inner.inputs

    @property
    def packs(self) -> bool:
        """As the inner network."""
        return self.inner.packs

    @property
    def regressions(self) -> Mapping[str, int]:
        """Those of the inner network."""
        return self.inner.regressions

    def may_lack(self, collection: str | None = None) -> tuple[str, ...]:
        """What the inner network may lack."""
        return self.inner.may_lack(collection)

    def scaled(self, events: np.ndarray) -> np.ndarray:
        """As the inner network has them."""
        return self.inner.scaled(events)

    def scaled_objects(
        self, collection: str, values: np.ndarray
    ) -> tuple[tuple[tuple[str, str], ...], np.ndarray]:
        """As the inner network has them."""
        return self.inner.scaled_objects(collection, values)
