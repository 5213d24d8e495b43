"""Categories of several scores in a plane: what there is to paint."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zenith.categorisation.category_files import Found
from zenith.categorisation.scored import Scored

CELLS = 400  # of each side
EVENTS = 25  # in a cell, about, where events say what its category is
SMALLEST = 1e-7  # a score below this counts as this in a ratio
WITHIN = (0.1, 99.99)  # percentiles of the events that ratios are shown between
Array = NDArray[np.float64]


class Plane(NamedTuple):
    """A plane of the scores in cells."""

    x: Array  # edges, (nx + 1,)
    y: Array  # edges, (ny + 1,)
    category: Array  # (ny, nx) from 0; NaN where there is none
    signals: Array  # (signals, ny, nx) expected events


def plane(found: Found, scored: Scored, corners: Array) -> Plane:
    """The categories in the ternary plane of three softmax scores, else of the first two scores.

    `corners` (3, 2) are where the pure classes of three are. With more scores than the plane has
    dimensions, a cell shows the category of most of its events.
    """
    three = is_ternary(found)
    points = scored.scores @ corners if three else scored.scores[:, :2]
    frame = corners if three else points
    exact = three or found.space.scores == 2
    side = CELLS if exact else int(np.clip(np.sqrt(len(points) / EVENTS), 10, CELLS))
    x, y, cell = _cells(points, (frame.min(axis=0), frame.max(axis=0)), side)
    if exact:
        inside = _middles(x, y)
        if three:  # shares from places: the three corners and a sum of 1
            inside = np.column_stack([inside, np.ones(len(inside))]) @ np.linalg.inv(
                np.column_stack([corners, np.ones(3)])
            )
        category = found.at(inside).astype(float)
        if three:
            category[(inside < -1e-9).any(axis=1)] = np.nan
    else:
        counts = np.zeros((found.number, side**2))
        np.add.at(counts, (found.category(scored), cell), 1.0)
        category = np.where(counts.sum(axis=0) > 0, counts.argmax(axis=0), np.nan)
    return Plane(x, y, category.reshape(side, side), _densities(scored, cell, side))


def odds(found: Found, scored: Scored) -> Plane:
    """The categories in the ratios of the first two of three softmax scores to the last.

    In decimal logarithms: there is room where events are pure, in the corners of the ternary plane.
    """
    scores = np.maximum(scored.scores, SMALLEST)
    points = np.log10(scores[:, :2] / scores[:, 2:])
    low, high = np.percentile(points, WITHIN, axis=0)
    x, y, cell = _cells(points, (low, np.maximum(high, low + 0.1)), CELLS)
    ratios = np.column_stack([10.0 ** _middles(x, y), np.ones(CELLS**2)])
    category = found.at(ratios / ratios.sum(axis=1, keepdims=True)).astype(float)
    return Plane(x, y, category.reshape(CELLS, CELLS), _densities(scored, cell, CELLS))


def is_ternary(found: Found) -> bool:
    """Whether categories are regions of three scores of sum 1."""
    return found.space.kind == "simplex" and found.space.scores == 3


def _cells(
    points: Array, frame: tuple[Array, Array], side: int
) -> tuple[Array, Array, NDArray[np.int64]]:
    """Edges of side² cells of a frame, and the cell (N,) of each point (N, 2) or the nearest."""
    x, y = (np.linspace(*ends, side + 1) for ends in zip(*frame, strict=True))
    at = [
        np.clip(np.searchsorted(edges, column, side="right") - 1, 0, side - 1)
        for edges, column in zip((x, y), points.T, strict=True)
    ]
    return x, y, at[1] * side + at[0]


def _middles(x: Array, y: Array) -> Array:
    """The middles (nx ny, 2) of all cells, along x first."""
    middles = np.meshgrid((x[1:] + x[:-1]) / 2, (y[1:] + y[:-1]) / 2)
    return np.stack([m.ravel() for m in middles], axis=1)


def _densities(scored: Scored, cell: NDArray[np.int64], side: int) -> Array:
    """Expected events (signals, side, side) of each signal."""
    signals = [
        np.bincount(cell, np.where(scored.signal == a, scored.weight, 0.0), side**2)
        for a in range(len(scored.signal_labels))
    ]
    return np.stack(signals).astype(np.float64).reshape(-1, side, side)
