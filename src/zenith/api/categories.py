"""Categories of scored events in a notebook."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zenith.api.precision import in_double_precision
from zenith.categorisation import categorise as learning
from zenith.categorisation.categorise import Settings
from zenith.categorisation.scored import Scored
from zenith.core.categories.counting import Counting, Requirements
from zenith.core.categories.task import Task


@dataclass(frozen=True)
class Categories:
    """At most K categories, and what they are worth on the events that they were made with."""

    z: float
    """Expected significance of hard categories; of several signals, combined."""
    edges: NDArray[np.float64] | None
    """Of one score: (K − 1,), an edge belongs to the category above. None of several scores."""
    category: NDArray[np.int64]
    """Of each event, (N,), from 0 to K − 1."""
    report: dict[str, Any]
    """Yields, uncertainties and significances by category, as `zenith categorise` writes them."""
    notes: tuple[str, ...]
    """What to know of them, for example that there are fewer than were asked for."""


@in_double_precision
def categorise(
    scores: ArrayLike,
    weight: ArrayLike,
    label: ArrayLike,
    categories: int = 5,
    minimum_background: float = 1.0,
    *,
    signal_labels: tuple[int, ...] = (1,),
    background_uncertainty: float = 0.0,
    method: Literal["exact", "gradient"] | None = None,
    seed: int = 0,
) -> Categories:
    """The categories of scored events with the largest expected significance of counting.

    `scores` are (N,), or (N, D) of several; `weight` (N,) in expected events; `label` (N,) whole
    numbers, of which `signal_labels` are signals and all others background. Each category keeps at
    least `minimum_background` expected events, whose relative uncertainty is
    `background_uncertainty`. One score of one signal is solved exactly; several, or several
    signals, by a gradient from starts that are drawn from `seed`. The formula is equation 97 of
    arXiv:1007.1727.

    Z is that of the events that the categories were made with: quote it on others.

    Raises InputError for arrays that do not fit together or are not finite, and where all events
    together do not meet the requirements; ConfigError for a setting out of range.

    >>> score, label = np.array([0.1, 0.2, 0.3, 0.7, 0.8, 0.9]), np.array([0, 0, 0, 0, 1, 1])
    >>> found = zenith.categorise(score, np.full(6, 2.0), label, categories=2)
    >>> found.category
    array([0, 0, 0, 1, 1, 1])
    """
    events = np.asarray(scores, np.float64)
    scored = Scored(
        events[:, None] if events.ndim == 1 else events,
        np.asarray(weight, np.float64),
        np.asarray(label),
        tuple(signal_labels),
    )
    result = learning.categorise(
        scored,
        categories,
        Task(Counting(background_uncertainty), Requirements(minimum_background)),
        method,
        Settings(seed=seed),
    )
    return Categories(
        result.report["z"],
        result.edges,
        result.category(scored),
        {**result.report},
        tuple(result.notes),
    )
