"""What a nuisance parameter does to each bin, and how well the simulation knows it.

The shift of a bin is the change of its yield by one standard deviation, half of up less down.
Events that both readings put into the same bin with the same weight add nothing to its variance,
however many they are; those that move in or out of the bin, or change their weight, do.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import Columns
from zenith.config import Analysis
from zenith.statistics.histograms import (
    SHIFT,
    Histogram,
    Target,
    filled_bins,
    fit_targets,
    weighted,
)
from zenith.statistics.model import template_nuisances
from zenith.statistics.nuisances import Nuisance, nominal_samples
from zenith.statistics.selections import Selections
from zenith.statistics.thresholds import region_cuts
from zenith.statistics.varied_events import SampleEvents, events_of

# Events, their coefficient in the shift, and whose they are
Reading = tuple[SampleEvents, float, str]


def shifts(
    analysis: Analysis,
    columns: Mapping[str, Columns],
    selections: Selections | None = None,
) -> dict[str, Histogram]:
    """`{region}/{process}/{nuisance}_shift` of every pair of templates: shift and variance.

    Parameters and errors as of `histograms.fill`.
    """
    selections = selections or Selections.of(analysis)
    analysis = selections.on_axes(analysis)
    cuts = {name: region_cuts(analysis, name) for name in analysis.regions}
    sums: dict[str, NDArray[np.float64]] = {}
    axes: dict[str, Target] = {}
    for sample in nominal_samples(analysis):
        for target in fit_targets(analysis, selections):
            for nuisance in template_nuisances(analysis):
                if target.region not in nuisance.regions or not nuisance.varies(analysis, sample):
                    continue
                first, second = (
                    _placed(events, coefficient, target, cuts, selections, origin)
                    for events, coefficient, origin in _readings(
                        analysis, columns, sample, nuisance
                    )
                )
                process = analysis.samples[sample].process
                name = f"{target.region}/{process}/{nuisance.name}_{SHIFT}"
                axes[name] = target
                total = sums.setdefault(name, np.zeros((len(target.edges) - 1, 2)))
                total += _shift(first, second, len(total))
    return {name: weighted(axes[name], total) for name, total in sums.items()}


def _readings(
    analysis: Analysis,
    columns: Mapping[str, Columns],
    sample: str,
    nuisance: Nuisance,
) -> tuple[Reading, Reading]:
    """The two sets of events whose weighted sum is the shift; one side is mirrored."""

    def side(name: Any, coefficient: float) -> Reading:
        events = events_of(analysis, columns, sample, nuisance, name)
        return events, coefficient, nuisance.replacements.get(name, {}).get(sample, sample)

    if nuisance.sides == ("up", "down"):
        return side("up", 0.5), side("down", -0.5)
    nominal = events_of(analysis, columns, sample)
    if nuisance.sides == ("up",):
        return side("up", 1.0), (nominal, -1.0, sample)
    return side("down", -1.0), (nominal, 1.0, sample)


def _placed(
    events: SampleEvents,
    coefficient: float,
    target: Target,
    cuts: Mapping[str, Any],
    selections: Selections,
    origin: str,
) -> tuple[NDArray[np.intp], NDArray[np.float64], str]:
    """The bin of every event, -1 if it is in none, and its weight in the shift."""
    chosen, index = filled_bins(events, [target], cuts, selections)[target]
    place = np.full(len(events.weight), -1)
    place[chosen] = index
    return place, coefficient * events.weight, origin


def _shift(first: Any, second: Any, bins: int) -> NDArray[np.float64]:
    """Sums of the weights and of the squares of what each event adds to a bin, (bins, 2)."""
    (here, plus, origin), (there, minus, other) = first, second
    total = np.zeros((bins, 2))
    if origin == other:  # the same events: those that stay count with the change of their weight
        stays = (here == there) & (here >= 0)
        _add(total, here[stays], (plus + minus)[stays])
        here, there = (np.where(stays, -1, place) for place in (here, there))
    _add(total, here[here >= 0], plus[here >= 0])
    _add(total, there[there >= 0], minus[there >= 0])
    return total


def _add(total: NDArray[np.float64], place: NDArray[np.intp], weight: NDArray[np.float64]) -> None:
    total[:, 0] += np.bincount(place, weight, minlength=len(total))
    total[:, 1] += np.bincount(place, weight**2, minlength=len(total))
