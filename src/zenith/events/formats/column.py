"""One column of numbers, or of lists of numbers, and what is made of several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from zenith.events.formats.mapping import Product


@dataclass(frozen=True)
class Column:
    """Numbers of some events: one in each, or as many in each as `counts` says, shape (events,)."""

    values: NDArray[Any]
    counts: NDArray[np.int64] | None = None

    @classmethod
    def of(cls, array: ak.Array) -> "Column":
        """A column as a file holds it."""
        if array.ndim == 1:
            return cls(ak.to_numpy(array))
        layout = ak.to_layout(array)
        layout = (layout.project() if layout.is_indexed else layout).to_ListOffsetArray64(True)
        offsets = np.asarray(layout.offsets.data)
        content = ak.to_numpy(layout.content)[: offsets[-1]]
        return cls(content, np.diff(offsets))

    @classmethod
    def side_by_side(cls, columns: "Sequence[Column]") -> "Column":
        """Columns of one number as lists of as many."""
        values = np.stack([column.values for column in columns], axis=1)
        return cls(values.ravel(), np.full(len(values), len(columns)))

    @classmethod
    def product(cls, product: Product, columns: "Mapping[str, Column]", like: "Column") -> "Column":
        """What a product of columns gives; a constant has one number wherever `like` has.

        Raises ValueError where two columns have lists of different lengths.
        """
        if not product.names:
            return cls(np.full(len(like.values), product.factor), like.counts)
        result = columns[product.names[0]]
        for name in product.names[1:]:
            result = result._times(columns[name])
        if product.factor is None:
            return result
        return cls(result.values * product.factor, result.counts)

    def with_nan(self, missing: Sequence[float]) -> "Column":
        """NaN for the numbers that stand for a missing value; whole numbers become real ones."""
        if not missing or self.values.dtype.kind == "b":
            return self
        kind = self.values.dtype if self.values.dtype.kind == "f" else np.dtype(np.float64)
        values = self.values.astype(kind)
        # In the precision of the file: -999.9 is another number in single precision.
        values[np.isin(values, np.array(missing, kind))] = np.nan
        return Column(values, self.counts)

    def entry(self, number: int) -> "Column":
        """One number of the list of each event. Raises ValueError if a list is too short."""
        counts = np.zeros(len(self.values)) if self.counts is None else self.counts
        if len(counts) and (shortest := int(counts.min())) <= number:
            raise ValueError(f"only {shortest} entries in an event")
        return Column(self.values[np.cumsum(counts) - counts + number])

    def same_shape(self, other: "Column") -> bool:
        """Whether both have as many numbers in each event."""
        if self.counts is None or other.counts is None:
            return self.counts is other.counts
        return np.array_equal(self.counts, other.counts)

    def choose(self, kept: NDArray[np.bool_]) -> "Column":
        """Some of the numbers, by a mask of all of them; of lists."""
        assert self.counts is not None
        event = np.repeat(np.arange(len(self.counts)), self.counts)[kept]
        return Column(self.values[kept], np.bincount(event, minlength=len(self.counts)))

    @property
    def awkward(self) -> ak.Array:
        """The same as an awkward array."""
        if self.counts is None:
            return ak.Array(self.values)
        offsets = ak.index.Index64(np.concatenate([[0], np.cumsum(self.counts)]))
        content = ak.contents.NumpyArray(self.values)
        return ak.Array(ak.contents.ListOffsetArray(offsets, content))

    def _times(self, other: "Column") -> "Column":
        if self.counts is None and other.counts is not None:
            return other._times(self)
        if self.counts is not None and other.counts is None:
            return Column(self.values * np.repeat(other.values, self.counts), self.counts)
        if not self.same_shape(other):
            raise ValueError("lists of different lengths")
        return Column(self.values * other.values, self.counts)


def mass_of(pt: Column, eta: Column, energy: Column) -> Column:
    """The invariant mass, m² = E² − pT² cosh² η; 0 where rounding has made it negative."""
    momentum = pt.values.astype(np.float64) * np.cosh(eta.values.astype(np.float64))
    square = energy.values.astype(np.float64) ** 2 - momentum**2
    return Column(np.sqrt(np.maximum(square, 0.0)).astype(energy.values.dtype), energy.counts)
