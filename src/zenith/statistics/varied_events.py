"""The events of a sample, nominal or as one side of a nuisance parameter takes them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import Columns
from zenith.comparison import Comparison
from zenith.config import Analysis
from zenith.config.systematics import Side, Varied
from zenith.core.selection.cuts import hard_mask
from zenith.errors import InputError
from zenith.events.copies import Point, name_of, shifting
from zenith.events.shifts import NOMINAL
from zenith.statistics.nuisances import SIDES, Nuisance


class SampleEvents(NamedTuple):
    """Events of one sample as one variation sees them."""

    values: Mapping[str, NDArray[Any]]
    """Observable → (N,)."""
    weight: NDArray[np.float64]
    """Expected number of events each stands for, (N,)."""
    hash: NDArray[np.uint64]
    """Of the identity of each, (N,): its fold follows from it."""


def events_of(
    analysis: Analysis,
    columns: Mapping[str, Columns],
    sample: str,
    nuisance: Nuisance | None = None,
    side: Side = "up",
) -> SampleEvents:
    """The events of a nominal sample, nominal or as one side of a nuisance takes them.

    `columns` are all samples by name. A nuisance that leaves the sample alone gives the nominal.
    Raises InputError where the sample, or a variation that is asked for, is missing, or a weight is
    not finite.
    """
    events = _events_of(analysis, columns, sample, nuisance, side)
    if not np.isfinite(events.weight).all():
        raise InputError(f"the columns of sample {sample!r} hold weights that are not finite")
    return events


def weight_slopes(own: Columns, systematic: Varied, name: str) -> NDArray[np.float64]:
    """Coefficients of ν and ν² in the logarithm of what an uncertainty multiplies weights by.

    A parabola through both sides at ν = ±1, (2, N); one that lacks is the inverse of the other.

    Raises InputError for weights that are missing, and for those that a side takes the sign of.
    """
    logs = []
    for side in systematic.given:
        if (weight := own.weights.get(f"{name}_{side}")) is None:
            raise InputError(
                f"the columns of sample {own.attributes.get('sample')!r} lack the variation "
                f"'{name}_{side}': make them again with this configuration"
            )
        usable = own.weight != 0.0
        ratio = np.divide(weight, own.weight, out=np.ones_like(own.weight), where=usable)
        if not (ratio > 0.0).all():
            raise InputError(
                f"surfaces.systematics: {name}_{side} gives {int((ratio <= 0.0).sum())} events of "
                f"sample {own.attributes.get('sample')!r} no weight, or one of the other sign, so "
                "that it has no logarithm: leave the uncertainty out"
            )
        logs.append(np.log(ratio))
    if len(logs) == 1:
        return np.stack([logs[0] if "up" in systematic.given else -logs[0], 0.0 * logs[0]])
    up, down = logs
    return np.stack([up - down, up + down]) / 2.0


def events_at(
    analysis: Analysis, columns: Mapping[str, Columns], sample: str, point: Point
) -> SampleEvents:
    """The events of a nominal sample in the copy at a point, or nominal where nothing shifts them.

    `columns` are read with their copies. Raises InputError where the copy is missing, and as
    `events_of` does.
    """
    nominal = events_of(analysis, columns, sample)
    shifts_it = shifting(analysis, analysis.samples[sample].process)
    name = name_of({key: pull for key, pull in point.items() if key in shifts_it})
    if not name:
        return nominal
    try:
        return nominal._replace(values=columns[sample].copies[name])
    except KeyError:
        raise InputError(
            f"the columns of sample {sample!r} lack the copy at {name}: make them again with this "
            "configuration"
        ) from None


def _events_of(
    analysis: Analysis,
    columns: Mapping[str, Columns],
    sample: str,
    nuisance: Nuisance | None,
    side: Side,
) -> SampleEvents:
    if nuisance is not None and not nuisance.varies(analysis, sample):
        nuisance = None
    if nuisance is not None and nuisance.source == "sample":
        sample = nuisance.replacements[side].get(sample, sample)
    try:
        own = columns[sample]
    except KeyError:
        raise InputError(
            f"no columns of sample {sample!r} are given: add its file (`zenith columns --sample "
            f"{sample}`), or leave the sample out with only_samples"
        ) from None
    nominal = SampleEvents(own.shapes.get(NOMINAL, own.values), own.weight, own.hash)
    if nuisance is None or nuisance.source == "sample":
        return nominal
    if nuisance.source == "rate":
        rate = nuisance.rates[analysis.samples[sample].era][SIDES.index(side)]
        return nominal._replace(weight=own.weight * (1.0 + rate))
    key = f"{nuisance.variation}_{side}"
    try:
        if nuisance.source == "weight":
            return nominal._replace(weight=own.weights[key])
        return nominal._replace(values=own.shapes[key])
    except KeyError:
        raise InputError(
            f"the columns of sample {sample!r} lack the variation {key!r} of the nuisance "
            f"parameter {nuisance.name!r}: make them again with this configuration"
        ) from None


def features_and_weights(
    own: SampleEvents, features: Sequence[str], cuts: Sequence[Comparison], where: str
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Features (features, N) of events, and their weights, (N,), 0 where the cuts are not passed.

    Raises InputError, which says `where`, for a column that is missing or not finite.
    """
    for name in (*features, *(cut.observable for cut in cuts)):
        if name not in own.values:
            raise InputError(f"{where} have no {name!r}: make them again with this configuration")
        if not np.isfinite(own.values[name]).all():
            raise InputError(f"{where} hold NaN or inf in {name!r}")
    passed = np.broadcast_to(hard_mask(cuts, own.values, {}), len(own.weight))
    x = np.stack([np.asarray(own.values[name], np.float32) for name in features])
    return x, own.weight * passed
