"""From skims to flat columns: observables, weights and hashes of all events of one sample."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import Columns
from zenith.config import Analysis, observables_of
from zenith.events import copies, folds, shifts, theory
from zenith.events.evaluation import per_event
from zenith.events.objects import Objects, select
from zenith.events.sample_events import SampleEvents, named
from zenith.events.weights import Reweighting, Weights, require_variations, reweightings
from zenith.observable import Observable


def make_columns(
    skims: Sequence[str | Path], analysis: Analysis, sample: str, luminosity_fraction: float = 1.0
) -> Columns:
    """The flat columns of one sample, its skims one after the other.

    `SampleEvents` says what an event weighs. `weights` holds the whole weight under each weight
    systematic, `shapes` all observables under each shape systematic and `copies` those at points,
    of the same events in the same order. Files are read in chunks of `analysis.skim.chunk` events.

    Raises
    ------
    InputError
        A skim cannot be read or lacks a branch; the generator weights add up to 0; an observable
        or a weight is NaN or infinite; a correction cannot be evaluated.
    ConfigError
        The sample is not defined, or a correction does not fit its file.
    """
    found = SampleEvents.of(skims, analysis, sample, luminosity_fraction)
    observables = observables_in_use(analysis)
    varied = _Variations.of(found)
    chunks = []
    for path, events in found.chunks():
        with named(f"{path}: sample {sample}"):
            chunks.append(_columns(found, events, observables, varied))
    columns = _join(chunks, observables)
    columns.attributes = found.attributes
    return columns


def observables_in_use(analysis: Analysis) -> dict[str, Observable]:
    """The observables that the configuration names, without the scores of networks."""
    defined = observables_of(analysis)
    names = dict.fromkeys(name for _, name in analysis.observables_in_use())
    return {name: defined[name] for name in names if name not in analysis.scores}


def evaluate(
    objects: Objects, observables: Mapping[str, Observable]
) -> dict[str, NDArray[np.float32]]:
    """The observables of a chunk of events, each float32 of shape (events,) and finite.

    Raises `InputError` if one cannot be computed, or is NaN or infinite somewhere.
    """
    return {name: _evaluate(objects, name, function) for name, function in observables.items()}


def _evaluate(objects: Objects, name: str, observable: Observable) -> NDArray[np.float32]:
    values = per_event(
        observable,
        objects,
        events=len(objects),
        what=f"observable {name}",
        missing=observable.missing,
    )
    return np.asarray(values, np.float32)


class _Variations(NamedTuple):
    """What varies the events of a sample."""

    weights: Mapping[str, Reweighting]
    means: Mapping[str, float]  # of normalised weight variations
    shapes: Sequence[str]
    copies: Sequence[str]

    @classmethod
    def of(cls, events: SampleEvents) -> "_Variations":
        if events.is_data:
            return cls({}, {}, [], [])
        analysis = events.analysis
        require_variations(analysis, events.process, events.factors)
        wanted = analysis.normalised_weights(events.sample)
        with named(f"sample {events.sample}"):
            means = theory.factors(events.skims, events.sum_weights, wanted, analysis.skim.chunk)
        weights = dict(reweightings(analysis, events.process))
        of_process = [*copies.of_process(analysis, events.process)]
        return cls(weights, means, shifts.variations(analysis, events.process), of_process)


def _columns(
    sample: SampleEvents,
    events: ak.Array,
    observables: Mapping[str, Observable],
    varied: _Variations,
) -> Columns:
    """The columns of one chunk."""
    objects = select(events, sample.analysis)
    columns = Columns(
        values=evaluate(objects, observables),
        weight=np.ones(len(events)),
        hash=folds.event_hash(events),
    )
    if sample.is_data:
        return columns
    weights = Weights(objects, sample.factors)
    columns.weight = sample.weight(events, weights.nominal)
    for name, systematic in varied.weights.items():
        for side in systematic.given:
            variation = f"{name}_{side}"
            factor = systematic.weighted(weights, name, side) / varied.means.get(variation, 1.0)
            what = f"the event weight under {variation}"
            columns.weights[variation] = sample.weight(events, factor, what)
    for names, found in ((varied.shapes, columns.shapes), (varied.copies, columns.copies)):
        for variation in names:
            with named(variation):
                shifted = select(events, sample.analysis, variation)
                found[variation] = evaluate(shifted, observables)
    return columns


def _join(chunks: Sequence[Columns], observables: Mapping[str, Observable]) -> Columns:
    def arrays(parts: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    return Columns(
        values=arrays([c.values for c in chunks]),
        weight=np.concatenate([c.weight for c in chunks]),
        hash=np.concatenate([c.hash for c in chunks]),
        weights=arrays([c.weights for c in chunks]),
        shapes={v: arrays([c.shapes[v] for c in chunks]) for v in chunks[0].shapes},
        copies={v: arrays([c.copies[v] for c in chunks]) for v in chunks[0].copies},
        units={name: observable.unit for name, observable in observables.items()},
        descriptions={name: observable.description for name, observable in observables.items()},
    )
