"""From skims to flat columns: observables, weights and hashes of all events of one sample."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import Columns
from zenith.config import Analysis, observables_of
from zenith.errors import ConfigError, InputError
from zenith.events import folds, shifts, theory
from zenith.events.evaluation import per_event, require_finite
from zenith.events.formats import fields
from zenith.events.formats.nanoaod import NanoAODFormat
from zenith.events.formats.views import nested
from zenith.events.objects import Objects, select
from zenith.events.weights import Factor, Weights, factors, reweightings
from zenith.observable import Observable

PB_TO_INVERSE_FB = 1000.0  # σ in pb times L in 1/fb, as a number of events


def make_columns(
    skims: Sequence[str | Path], analysis: Analysis, sample: str, luminosity_fraction: float = 1.0
) -> Columns:
    """The flat columns of one sample, its skims one after the other.

    An event of simulation weighs

        genWeight · σ · k · L · luminosity_fraction / Σ genWeight · corrections

    with the sum over all events of the *unskimmed* sample, from the `Runs` trees or
    `samples.NAME.sum_of_weights`; one of data
    weighs 1. `weights` holds the whole weight under each weight systematic, `shapes` all
    observables under each shape systematic, of the same events in the same order. Files are read
    in chunks of `analysis.skim.chunk` events.

    Raises
    ------
    InputError
        A skim cannot be read or lacks a branch; the generator weights add up to 0; an observable
        or a weight is NaN or infinite; a correction cannot be evaluated.
    ConfigError
        The sample is not defined, or a correction does not fit its file.
    """
    if sample not in analysis.samples:
        raise ConfigError(
            f"samples: there is no sample {sample!r}; there is {', '.join(analysis.samples)}"
        )
    observables = observables_in_use(analysis)
    sums = [read_sums(path, is_data=analysis.is_data(sample)) for path in skims]
    events = int(sum(count for count, _ in sums))
    of_files = float(sum(weight for _, weight in sums))
    sum_weights = analysis.samples[sample].sum_of_weights or of_files
    recipe = _Recipe.of(analysis, sample, sum_weights, luminosity_fraction)
    wanted = analysis.normalised_weights(sample)
    with _named(f"sample {sample}"):
        weights = [weight for _, weight in sums]
        means = theory.factors([str(path) for path in skims], weights, wanted, analysis.skim.chunk)
    recipe = replace(recipe, means=means)
    chunks = []
    optional = analysis.format_of(sample).optional
    for path in skims:
        for chunk in read_skim(path, analysis.skim.chunk, optional=optional):
            with _named(f"{path}: sample {sample}"):
                chunks.append(recipe.columns(chunk, observables))
    columns = _join(chunks, observables)
    columns.attributes = recipe.attributes | {
        "events_generated": events,
        "sum_weights": sum_weights,
    }
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


@contextmanager
def _named(where: str) -> Iterator[None]:
    """Put the file and the sample before the message of an error about events."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


@dataclass(frozen=True)
class _Recipe:
    """How events of one sample become columns."""

    analysis: Analysis
    process: str
    normalisation: float  # what turns genWeight into a weight; 1 for data
    factors: Mapping[str, Factor]
    shapes: list[str]
    attributes: dict[str, Any]
    means: Mapping[str, float] = field(default_factory=dict)  # of normalised weight variations

    @classmethod
    def of(
        cls, analysis: Analysis, name: str, sum_weights: float, luminosity_fraction: float
    ) -> "_Recipe":
        sample = analysis.samples[name]
        is_data = analysis.is_data(name)
        luminosity = analysis.eras[sample.era].luminosity * luminosity_fraction
        attributes = {
            "sample": name,
            "process": sample.process,
            "era": sample.era,
            "is_data": is_data,
            "luminosity": luminosity,
        }
        if is_data:
            return cls(analysis, sample.process, 1.0, {}, [], attributes)
        if not np.isfinite(sum_weights) or sum_weights == 0.0:
            raise InputError(
                f"samples.{name}: Σ genWeight of its files is {sum_weights:g}: the sample cannot "
                "be normalised; check the Runs trees of its files"
            )
        assert sample.cross_section is not None
        expected = sample.cross_section * sample.k_factor * luminosity * PB_TO_INVERSE_FB
        return cls(
            analysis,
            sample.process,
            expected / sum_weights,
            factors(analysis, sample.era, sample.process),
            shifts.variations(analysis, sample.process),
            attributes | {"cross_section": sample.cross_section, "k_factor": sample.k_factor},
        )

    def columns(self, events: ak.Array, observables: Mapping[str, Observable]) -> Columns:
        """The columns of one chunk."""
        objects = select(events, self.analysis)
        columns = Columns(
            values=evaluate(objects, observables),
            weight=np.ones(len(events)),
            hash=folds.event_hash(events),
        )
        if self.attributes["is_data"]:
            return columns
        generated = ak.to_numpy(fields.lookup(events, "genWeight", "the event weight"))
        weights = Weights(objects, self.factors)
        columns.weight = self._weight(generated, weights.nominal, "the event weight")
        for name, systematic in reweightings(self.analysis, self.process):
            for side in systematic.given:
                variation = f"{name}_{side}"
                factor = systematic.weighted(weights, name, side) / self.means.get(variation, 1.0)
                what = f"the event weight under {variation}"
                columns.weights[variation] = self._weight(generated, factor, what)
        for variation in self.shapes:
            with _named(variation):
                shifted = select(events, self.analysis, variation)
                columns.shapes[variation] = evaluate(shifted, observables)
        return columns

    def _weight(
        self, generated: NDArray[Any], factor: NDArray[np.float64], what: str
    ) -> NDArray[np.float64]:
        weight = generated.astype(np.float64) * self.normalisation * factor
        require_finite(weight, what)
        return weight


def _join(chunks: Sequence[Columns], observables: Mapping[str, Observable]) -> Columns:
    def arrays(parts: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    return Columns(
        values=arrays([c.values for c in chunks]),
        weight=np.concatenate([c.weight for c in chunks]),
        hash=np.concatenate([c.hash for c in chunks]),
        weights=arrays([c.weights for c in chunks]),
        shapes={v: arrays([c.shapes[v] for c in chunks]) for v in chunks[0].shapes},
        units={name: observable.unit for name, observable in observables.items()},
        descriptions={name: observable.description for name, observable in observables.items()},
    )


# Reading


def read_skim(path: str | Path, chunk: int, *, optional: bool = False) -> Iterator[ak.Array]:
    """The events of a skim, at most `chunk` at a time; once without any if it has none.

    If `optional`, NaN in a number of an event stands for one that the event lacks, None.
    """
    name = str(path)
    with NanoAODFormat().open(name) as file:
        tree = file.events
        for start in range(0, max(tree.entries, 1), chunk):
            stop = min(start + chunk, tree.entries)
            events = tree.events(tree.read(tree.branches, start, stop))
            yield nested(replace(events, optional=optional))


def read_sums(path: str | Path, *, is_data: bool) -> tuple[float, float]:
    """Number of events before the skim, and the sum of their generator weights (0 for data)."""
    name = str(path)
    wanted = ["genEventCount"] if is_data else ["genEventCount", "genEventSumw"]
    with NanoAODFormat().open(name) as file:
        runs = file.runs()
        if runs is None:
            raise InputError(f"{name}: there is no tree Runs; columns are made from `zenith skim`")
        if lacking := [branch for branch in wanted if branch not in runs.branches]:
            raise InputError(f"{name}: Runs has no branch {lacking[0]}; skim the file again")
        sums = [array.sum() for array in runs.numbers(wanted).values()]
    return float(sums[0]), float(sums[1]) if len(sums) > 1 else 0.0
