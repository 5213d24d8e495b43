"""Bins of one score by gradient, settled on hard yields."""

import numpy as np
from numpy.typing import NDArray

from zenith.core.binning import Cuts, Spectrum
from zenith.core.categories import Edges
from zenith.core.cells import Cells
from zenith.core.counting import Requirements
from zenith.core.settling import settle
from zenith.core.tally import Aim
from zenith.learning.climb import History, Settings, climb, history, pick, stack, tightened
from zenith.learning.starts import edges_starts


def bins(
    spectrum: Spectrum,
    categories: int,
    requirements: Requirements,
    aim: Aim,
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
        aim,
        tightened(requirements),
        settings,
        settings.edges_temperature,
    )
    settled = []
    for number in range(len(starts)):
        edges = np.asarray(pick(climbed.categories, number).edges)
        cuts, notes = settle(spectrum, np.searchsorted(place, edges), aim, requirements)
        settled.append((float(aim.value(spectrum.yields(cuts))), cuts, notes, number))
    _, cuts, notes, number = max(settled, key=lambda each: each[0])
    return cuts, notes, history(climbed, number, cells, settings.edges_temperature)


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
