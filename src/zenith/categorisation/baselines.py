"""Categories that nobody learned, to compare learned ones with.

One score: bins of equal width, bins of equal signal, and the exact optimum. A softmax: the class of
the largest score, and each class parted by that score, in equal steps or equal signal.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zenith.categorisation.scored import Scored, Space
from zenith.core.categories.exact import Spectrum, best
from zenith.core.categories.task import Task

Edges = NDArray[np.float64]


@dataclass(frozen=True)
class Reference:
    """Bins of one score; or the class of the largest of several and bins of that score in it."""

    name: str
    edges: tuple[Edges, ...]  # inner ones, of each class

    @property
    def number(self) -> int:
        """K."""
        return sum(len(edges) + 1 for edges in self.edges)

    def category(self, scored: Scored) -> NDArray[np.int64]:
        """The category (N,) of each event; an edge belongs to the category above it."""
        if len(self.edges) == 1:
            return np.searchsorted(self.edges[0], scored.scores[:, 0], side="right")
        chosen, largest = scored.scores.argmax(axis=1), scored.scores.max(axis=1)
        category: NDArray[np.int64] = np.zeros_like(chosen)
        first = 0
        for number, edges in enumerate(self.edges):
            mine = chosen == number
            category[mine] = first + np.searchsorted(edges, largest[mine], side="right")
            first += len(edges) + 1
        return category


def references(scored: Scored, numbers: list[int], task: Task, exact: bool) -> Iterator[Reference]:
    """Every reference that applies, of so many categories; `exact` if that is wanted.

    They are made of these events, those that the learned categories were found with. All but the
    exact one know nothing of requirements.
    """
    space = Space.of(scored.scores)
    if len(space.kept) == 1:
        yield from _of_one_score(scored, numbers, task, exact)
    elif space.kind == "simplex":
        yield from _of_softmax(scored, numbers)


def _of_one_score(
    scored: Scored, numbers: list[int], task: Task, exact: bool
) -> Iterator[Reference]:
    score = scored.scores[:, 0]
    everything = np.ones(len(score), bool)
    for number in numbers:
        for name, edges in _edges(scored, score, everything, number).items():
            yield Reference(name, (edges,))
    if exact and len(scored.signal_labels) == 1:
        spectrum = Spectrum.of(score, scored.tallied(task.counting))
        for number in numbers:
            cuts = best(spectrum, number, task)
            yield Reference("exact", (spectrum.edges(cuts),))


def _of_softmax(scored: Scored, numbers: list[int]) -> Iterator[Reference]:
    classes = scored.scores.shape[1]
    chosen, largest = scored.scores.argmax(axis=1), scored.scores.max(axis=1)
    yield Reference("argmax", (np.array([]),) * classes)
    for each in sorted({number // classes for number in numbers} - {0, 1}):
        parted = [_edges(scored, largest, chosen == c, each) for c in range(classes)]
        for name in parted[0]:
            yield Reference(f"argmax, {name}", tuple(edges[name] for edges in parted))


def _edges(
    scored: Scored, score: NDArray[np.float64], mine: NDArray[np.bool_], number: int
) -> dict[str, Edges]:
    """Inner edges (number − 1,) between some events: of equal width, and of equal signal."""
    inside = score[mine]
    if not len(inside):
        return dict.fromkeys(("equidistant", "equal signal"), np.array([]))
    width = np.linspace(inside.min(), inside.max(), number + 1)[1:-1]
    signal = mine & (scored.signal >= 0)
    order = np.argsort(score[signal], kind="stable")
    rising = np.maximum.accumulate(np.cumsum(scored.weight[signal][order]))
    if not len(rising) or not rising[-1] > 0:
        return {"equidistant": width, "equal signal": width}
    at = np.searchsorted(rising, np.arange(1, number) / number * rising[-1])
    return {"equidistant": width, "equal signal": score[signal][order][at]}
