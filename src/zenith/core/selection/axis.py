"""A histogram that a Gaussian kernel smooths, and that is the hard histogram at bandwidth 0.

The fit observable does not depend on the cuts, so the fine bin of an event is constant data. Events
are accumulated into fine bins, which subdivide the bins of the axis exactly, and a small matrix
takes fine bins to bins: element (f, j) is the share of a Gaussian at the centre of fine bin f that
falls into bin j. At bandwidth 0 it is 0 or 1, and the result is the hard histogram, exactly. Edges
that move enter the matrix alone: the events stay where they are.

Where the fit observable moves, as the score of a network does in a climb, no bin is constant: the
share of every event in every bin is taken, of the same kernel.
"""

from dataclasses import dataclass
from itertools import pairwise
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
    With a `grid` the inner edges may move: fine bins have its width, in the observable's unit, and
    hard edges lie on it. Raises `ConfigError` for edges that do not increase, or are off the grid.
    """

    observable: str
    edges: tuple[float, ...]
    underflow: Literal["include", "drop"] = "drop"
    overflow: Literal["include", "drop"] = "drop"
    subdivisions: int = 8
    grid: float | None = None

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
        if self.grid is not None:
            steps = (edges - edges[0]) / self.grid
            if not self.grid > 0 or not np.allclose(steps, np.round(steps), atol=1e-6):
                raise ConfigError(
                    f"axis of {self.observable}: edges must be whole steps of {self.grid:g} apart: "
                    f"{self.edges}"
                )

    @property
    def bins(self) -> int:
        """Number of bins of the histogram."""
        return len(self.edges) - 1

    @property
    def fine_bins(self) -> int:
        """Number of fine bins: those of every bin, and one bin's worth beyond either end."""
        return len(self.fine_edges) - 1

    @property
    def fine_edges(self) -> np.ndarray:
        """Edges of the fine bins, (fine bins + 1,); those of the bins are among them, exactly."""
        edges = np.asarray(self.edges, np.float64)
        parts = [
            np.linspace(low, high, self._within(low, high), endpoint=False)
            for low, high in pairwise(self._extended())
        ]
        if self.grid is None:
            return np.append(np.concatenate(parts), 2 * edges[-1] - edges[-2])
        # equal steps from end to end, so that edges are the same floats wherever they move
        inside = np.linspace(edges[0], edges[-1], self._within(edges[0], edges[-1]) + 1)
        above = edges[-1] + self.grid * np.arange(1, len(parts[-1]) + 1)
        return np.concatenate([parts[0], inside, above])

    def _within(self, low: float, high: float) -> int:
        return self.subdivisions if self.grid is None else round((high - low) / self.grid)

    def _extended(self) -> np.ndarray:
        edges = np.asarray(self.edges, np.float64)
        return np.concatenate([[2 * edges[0] - edges[1]], edges, [2 * edges[-1] - edges[-2]]])

    def fine_bin(self, values: np.ndarray) -> np.ndarray:
        """Fine bin of every value, (N,) int32; −1 where the value is dropped."""
        # `right` puts a value on an edge into the bin above it, as the hard histogram does
        fine = np.searchsorted(self.fine_edges, np.asarray(values, np.float64), side="right") - 1
        last = self.fine_bins - 1
        below = (fine < 0) & (self.underflow == "drop")
        above = (fine > last) & (self.overflow == "drop")
        return np.where(below | above, -1, np.clip(fine, 0, last)).astype(np.int32)

    def smoothing(
        self, bandwidth: jax.typing.ArrayLike, edges: jax.typing.ArrayLike | None = None
    ) -> jax.Array:
        """The matrix (fine bins, bins) of a Gaussian whose width is `bandwidth` bin widths.

        The bins are between `edges` where these are given, (B + 1,); the width of the kernel
        remains that of the axis' own bins. Differentiable in both.
        """
        own, fine = self._extended(), self.fine_edges
        centre = (fine[:-1] + fine[1:]) / 2
        width = np.diff(own)[np.searchsorted(own, centre) - 1]
        # no centre lies on an edge, so the floor on the bandwidth only avoids 0 / 0
        sigma = jnp.maximum(jnp.asarray(bandwidth, jnp.float64), 1e-12) * width
        bounds = jnp.asarray(self.edges if edges is None else edges, jnp.float64)
        distance = (bounds - centre[:, None]) / sigma[:, None]
        below = jax.scipy.stats.norm.cdf(distance)  # share of the Gaussian below each edge
        if self.underflow == "include":
            below = below.at[:, 0].set(0.0)
        if self.overflow == "include":
            below = below.at[:, -1].set(1.0)
        return jnp.diff(below, axis=1)

    def shares(
        self,
        values: jax.Array,
        bandwidth: jax.typing.ArrayLike | None,
        edges: jax.typing.ArrayLike | None = None,
    ) -> jax.Array:
        """Share of each value (N,) that falls into each bin, (B, N), in the dtype of the values.

        Of a Gaussian whose width is `bandwidth` bin widths, in the unit that is linear between any
        two edges and in which all bins are equally wide: so shares of events move continuously from
        bin to bin. Without a bandwidth they are 0 or 1, [lower, upper). Differentiable in all.
        """
        bounds = jnp.asarray(self.edges if edges is None else edges, jnp.float64)
        if bandwidth is None:
            # in the precision of the edges, as the hard histogram compares
            below = values.astype(bounds.dtype) < bounds[:, None]
        else:
            bounds = bounds.astype(values.dtype)
            place = (values - bounds[:-1, None]) / jnp.diff(bounds)[:, None]  # in every bin
            first, last = np.eye(self.bins, dtype=bool)[[0, -1], :, None]
            place = jnp.clip(place, jnp.where(first, -jnp.inf, 0.0), jnp.where(last, jnp.inf, 1.0))
            distance = np.arange(self.bins + 1)[:, None] - place.sum(axis=0)
            below = jax.scipy.stats.norm.cdf(distance / jnp.asarray(bandwidth, values.dtype))
        below = below.astype(values.dtype)
        if self.underflow == "include":
            below = below.at[0].set(0.0)
        if self.overflow == "include":
            below = below.at[-1].set(1.0)
        return jnp.diff(below, axis=0)

    def between(self, inner: jax.typing.ArrayLike) -> jax.Array:
        """All edges (B + 1,) of moved inner ones, in units of the axis: from 0 to 1."""
        low, high = self.edges[0], self.edges[-1]
        inner = low + (high - low) * jnp.asarray(inner, jnp.float64)
        return jnp.concatenate([jnp.array([low]), inner, jnp.array([high])])

    def on_grid(self, edges: jax.typing.ArrayLike) -> jax.Array:
        """Edges (B + 1,) at the nearest steps of the grid, no two at the same."""
        if self.grid is None:
            raise ValueError(f"axis of {self.observable}: without a grid the edges do not move")
        steps = np.linspace(
            self.edges[0], self.edges[-1], self._within(self.edges[0], self.edges[-1]) + 1
        )
        count = np.arange(self.bins + 1)
        near = jnp.round((jnp.asarray(edges) - steps[0]) / self.grid).astype(int)
        # at least one step above the edge below, and as many below the end as edges follow
        rising = jax.lax.cummax(near - count) + count
        return jnp.asarray(steps)[jnp.minimum(rising, len(steps) - 1 - count[::-1])]
