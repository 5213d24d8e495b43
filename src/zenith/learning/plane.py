"""Categories of several scores in a plane: what there is to paint."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zenith.learning.category_files import Found
from zenith.learning.scored import Scored

CELLS = 400  # of each side
EVENTS = 25  # in a cell, about, where events say what its category is
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
    three = found.space.kind == "simplex" and found.space.scores == 3
    points = scored.scores @ corners if three else scored.scores[:, :2]
    frame = corners if three else points
    low, high = frame.min(axis=0), frame.max(axis=0)
    exact = three or found.space.scores == 2
    side = CELLS if exact else int(np.clip(np.sqrt(len(points) / EVENTS), 10, CELLS))
    x, y = (np.linspace(*ends, side + 1) for ends in zip(low, high, strict=True))
    at = [
        np.clip(np.searchsorted(edges, column, side="right") - 1, 0, side - 1)
        for edges, column in zip((x, y), points.T, strict=True)
    ]
    cell = at[1] * side + at[0]
    signals = [
        np.bincount(cell, np.where(scored.signal == a, scored.weight, 0.0), side**2)
        for a in range(len(scored.signal_labels))
    ]
    if exact:
        middles = np.meshgrid((x[1:] + x[:-1]) / 2, (y[1:] + y[:-1]) / 2)
        inside = np.stack([m.ravel() for m in middles], axis=1)
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
    shape = (side, side)
    density = np.stack(signals).astype(np.float64).reshape(-1, *shape)
    return Plane(x, y, category.reshape(shape), density)
