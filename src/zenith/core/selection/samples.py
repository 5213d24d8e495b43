"""The events of a sample as they are laid out: columns, weights and their variations, checked."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from zenith.errors import InputError


class Sample(NamedTuple):
    """Events of one sample, as columns of equal length.

    A weight variation is another weight of the same events; a shape variation is another set of
    events, with columns and a weight of its own. `identity` is a number of the physical event, the
    same in every variation, by which a bootstrap draws it; by default the position in the sample.
    `part` is a number of the part of the events that an event is in, by default 0.
    """

    columns: Mapping[str, np.ndarray]  # observable → (N,)
    weight: np.ndarray  # (N,) expected events
    weight_variations: Mapping[str, np.ndarray] = {}  # variation → (N,) expected events
    shape_variations: Mapping[str, "Sample"] = {}
    identity: np.ndarray | None = None  # (N,) integers
    part: np.ndarray | None = None  # (N,) integers

    def inside(self, parts: Sequence[int]) -> np.ndarray:
        """Which of its events are in one of the parts, (N,)."""
        part = np.zeros(len(self.weight), int) if self.part is None else self.part
        return np.isin(part, parts)


class Source(NamedTuple):
    """A sample, or a variation of it, as one of the histograms that are filled."""

    name: str  # for messages: the process, and the variation
    row: int  # variation and process as one number
    sample: Sample

    def column(self, name: str, events: np.ndarray | slice = slice(None)) -> np.ndarray:
        """A column of some of the events."""
        if name not in self.sample.columns:
            raise InputError(f"{self.name}: there is no column '{name}', which a region uses")
        return self._checked(f"column '{name}'", self.sample.columns[name], events)

    def weight(self, variation: str | None, events: np.ndarray) -> np.ndarray:
        """The weight of some of the events; the nominal one where there is no such variation."""
        if variation is None or variation not in self.sample.weight_variations:
            return self._checked("the weight", self.sample.weight, events)
        values = self.sample.weight_variations[variation]
        return self._checked(f"the weight variation '{variation}'", values, events)

    def identity(self, events: np.ndarray) -> np.ndarray:
        """Numbers by which the bootstrap tells events apart."""
        given = self.sample.identity
        return events if given is None else self._checked("the identity", given, events)

    def _checked(self, what: str, values: np.ndarray, events: np.ndarray | slice) -> np.ndarray:
        if len(values) != len(self.sample.weight):
            size = len(self.sample.weight)
            raise InputError(f"{self.name}: {what} has {len(values)} events, the weight {size}")
        values = np.asarray(values)[events]
        if bad := np.count_nonzero(~np.isfinite(values)):
            raise InputError(
                f"{self.name}: {what} is not finite in {bad} of {len(values)} events; give it a "
                "value where the columns are made, or cut these events away"
            )
        return values
