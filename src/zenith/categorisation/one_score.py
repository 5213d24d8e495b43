"""Bins of one score by gradient, settled on hard yields."""

import numpy as np
from numpy.typing import NDArray

from zenith.categorisation.ascent import MARGIN, History, Settings, climb, history, pick, stack
from zenith.categorisation.scored import value_of
from zenith.categorisation.starts import edges_starts
from zenith.core.categories.cells import Cells
from zenith.core.categories.exact import Cuts, Spectrum, best
from zenith.core.categories.refine import settle
from zenith.core.categories.task import Task
from zenith.core.selection.memberships import Edges

JOINTLY = 2  # climbs that are settled where bins do not add up


def bins(
    spectrum: Spectrum,
    categories: int,
    task: Task,
    settings: Settings,
) -> tuple[Cuts, list[str], History | None]:
    """Cuts by gradient, settled on hard yields; their mergers; the history of the climb."""
    categories = min(categories, len(spectrum.scores))
    if categories == 1:
        return np.array([], np.int64), [], None
    place = position(spectrum)
    cells = Cells.along(spectrum, place, settings.cells)
    starts = edges_starts(spectrum, place, categories, settings.starts, settings.seed)
    climbed = climb(
        stack([Edges.at(edges) for edges in starts]),
        cells,
        task.tightened(MARGIN),
        settings,
        settings.edges_temperature,
    )
    proposals = [
        (np.searchsorted(place, np.asarray(pick(climbed.categories, number).edges)), number)
        for number in range(len(starts))
    ]
    if not task.aim.additive:  # a place costs a fit of all bins: the best alone are settled
        ranked = np.argsort(-np.asarray(climbed.merit), kind="stable")
        proposals = [proposals[number] for number in ranked[:JOINTLY]]
        first, number = proposals[0]
        proposals.append((_counted(spectrum, first, task), number))
    settled = []
    for proposal, number in proposals:
        cuts, notes = settle(spectrum, proposal, task)
        settled.append((value_of(task.aim, spectrum.yields(cuts)), cuts, notes, number))
    _, cuts, notes, number = max(settled, key=lambda each: each[0])
    return cuts, notes, history(climbed, number, cells, settings.edges_temperature)


def _counted(spectrum: Spectrum, cuts: Cuts, task: Task) -> Cuts:
    """The cuts that are best for a counting experiment; for several signals those near `cuts`."""
    counted = spectrum.counted()
    if spectrum.tally.signals == 1:
        return best(counted, len(cuts) + 1, task)
    return settle(counted, cuts, task.counted())[0]


def position(spectrum: Spectrum) -> NDArray[np.float64]:
    """Where each distinct score stands in [0, 1]: shares of signal, background and ranks below it.

    A classifier crowds its signal into a sliver of its range; here all bins have room, and a
    monotone transform of the score changes nothing.
    """
    n = len(spectrum.scores)
    place = 0.1 * np.arange(n + 1) / n
    for total in (spectrum.signals.sum(axis=0), spectrum.background):
        rising = np.maximum.accumulate(total)
        place += 0.45 * rising / rising[-1]
    return (place[:-1] + place[1:]) / 2
