"""A histogram that a Gaussian kernel smooths, and that is the hard histogram at bandwidth 0.

The fit observable does not depend on the cuts, so the fine bin of an event is constant data. Events
are accumulated into fine bins, which subdivide the bins of the axis exactly, and a small matrix
takes fine bins to bins: element (f, j) is the share of a Gaussian at the centre of fine bin f that
falls into bin j. At bandwidth 0 it is 0 or 1, and the result is the hard histogram, exactly.
"""

from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from zenith.errors import ConfigError

FLOW = ("include", "drop")


@dataclass(frozen=True)
class Axis:
    """The bins of one observable, [lower, upper) as boost-histogram has them.

    `underflow` and `overflow` say what becomes of mass below and above the axis: "include" folds it
    into the first or last bin, "drop" leaves it out. Both readings obey: with "include" no mass is
    lost, with "drop" the kernel takes mass out of the axis and brings mass in from its neighbours.
    Raises `ConfigError` for edges that do not increase.
    """

    observable: str
    edges: tuple[float, ...]
    underflow: Literal["include", "drop"] = "drop"
    overflow: Literal["include", "drop"] = "drop"
    subdivisions: int = 8

    def __post_init__(self) -> None:
        edges = np.asarray(self.edges, np.float64)
        if len(edges) < 2 or not np.isfinite(edges).all() or not (np.diff(edges) > 0).all():
            raise ConfigError(
                f"axis of {self.observable}: edges must be finite and increase: {self.edges}"
            )
        for side in (self.underflow, self.overflow):
            if side not in FLOW:
                raise ConfigError(
                    f"axis of {self.observable}: overflow must be one of {', '.join(FLOW)}: {side}"
                )

    @property
    def bins(self) -> int:
        """Number of bins of the histogram."""
        return len(self.edges) - 1

    @property
    def fine_bins(self) -> int:
        """Number of fine bins: those of every bin, and one bin's worth beyond either end."""
        return (self.bins + 2) * self.subdivisions

    def _extended(self) -> np.ndarray:
        edges = np.asarray(self.edges, np.float64)
        return np.concatenate([[2 * edges[0] - edges[1]], edges, [2 * edges[-1] - edges[-2]]])

    def fine_bin(self, values: np.ndarray) -> np.ndarray:
        """Fine bin of every value, (N,) int32; −1 where the value is dropped."""
        edges = self._extended()
        values = np.asarray(values, np.float64)
        # `right` puts a value on an edge into the bin above it: searched before any subdivision,
        # so that the bin is the hard histogram's whatever the rounding of the fine edges
        bin_ = np.searchsorted(edges, values, side="right") - 1
        inside = np.clip(bin_, 0, self.bins + 1)
        position = (values - edges[inside]) / np.diff(edges)[inside] * self.subdivisions
        fine = inside * self.subdivisions + np.clip(position, 0, self.subdivisions - 1).astype(int)
        below = (bin_ < 0) & (self.underflow == "drop")
        above = (bin_ > self.bins + 1) & (self.overflow == "drop")
        return np.where(below | above, -1, fine).astype(np.int32)

    def smoothing(self, bandwidth: jax.typing.ArrayLike) -> jax.Array:
        """The matrix (fine bins, bins) of a Gaussian whose width is `bandwidth` bin widths."""
        edges = self._extended()
        width = np.repeat(np.diff(edges), self.subdivisions)
        step = np.tile((np.arange(self.subdivisions) + 0.5) / self.subdivisions, self.bins + 2)
        centre = np.repeat(edges[:-1], self.subdivisions) + step * width
        # no centre lies on an edge, so the floor on the bandwidth only avoids 0 / 0
        sigma = jnp.maximum(jnp.asarray(bandwidth, jnp.float64), 1e-12) * width
        distance = (np.asarray(self.edges, np.float64) - centre[:, None]) / sigma[:, None]
        below = jax.scipy.stats.norm.cdf(distance)  # share of the Gaussian below each edge
        if self.underflow == "include":
            below = below.at[:, 0].set(0.0)
        if self.overflow == "include":
            below = below.at[:, -1].set(1.0)
        return jnp.diff(below, axis=1)
