"""The events of one sample, from its skims: chunk by chunk, with what each event weighs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from zenith.config import Analysis
from zenith.errors import ConfigError, InputError
from zenith.events.evaluation import require_finite
from zenith.events.formats import fields
from zenith.events.formats.nanoaod import NanoAODFormat
from zenith.events.formats.views import nested
from zenith.events.weights import Factor, factors

PB_TO_INVERSE_FB = 1000.0  # σ in pb times L in 1/fb, as a number of events


@dataclass(frozen=True)
class SampleEvents:
    """The events of one sample, its skims one after the other.

    An event of simulation weighs

        genWeight · σ · k · L · luminosity_fraction / Σ genWeight · factors

    with the sum over all events of the *unskimmed* sample, from the `Runs` trees or
    `samples.NAME.sum_of_weights`; one of data weighs 1.

    Attributes
    ----------
    analysis, sample, process, is_data
        What they are of.
    skims
        Their files.
    sum_weights
        Σ genWeight of each file before its skim.
    normalisation
        What turns genWeight into a weight; 1 for data.
    factors
        What else multiplies the weight, by name; none for data.
    attributes
        What describes the whole sample.
    """

    analysis: Analysis
    sample: str
    process: str
    is_data: bool
    skims: tuple[str, ...]
    sum_weights: tuple[float, ...]
    normalisation: float
    factors: Mapping[str, Factor]
    attributes: dict[str, Any]

    @classmethod
    def of(
        cls,
        skims: Sequence[str | Path],
        analysis: Analysis,
        name: str,
        luminosity_fraction: float = 1.0,
    ) -> "SampleEvents":
        """Open the skims of a sample.

        Raises `ConfigError` if the sample is not defined or a correction does not fit its file, and
        `InputError` for a skim that cannot be read and generator weights that add up to 0.
        """
        if name not in analysis.samples:
            raise ConfigError(
                f"samples: there is no sample {name!r}; there is {', '.join(analysis.samples)}"
            )
        sample, is_data = analysis.samples[name], analysis.is_data(name)
        if sample.from_data is not None:
            raise ConfigError(f"samples.{name}: comes from data, not files: run `zenith fakes`")
        sums = [read_sums(path, is_data=is_data) for path in skims]
        sum_weights = sample.sum_of_weights or float(sum(weight for _, weight in sums))
        luminosity = analysis.eras[sample.era].luminosity * luminosity_fraction
        found = cls(
            analysis=analysis,
            sample=name,
            process=sample.process,
            is_data=is_data,
            skims=tuple(map(str, skims)),
            sum_weights=tuple(weight for _, weight in sums),
            normalisation=1.0,
            factors={},
            attributes={
                "sample": name,
                "process": sample.process,
                "era": sample.era,
                "is_data": is_data,
                "luminosity": luminosity,
                "events_generated": int(sum(count for count, _ in sums)),
                "sum_weights": sum_weights,
            },
        )
        if is_data:
            return found
        if not np.isfinite(sum_weights) or sum_weights == 0.0:
            raise InputError(
                f"samples.{name}: Σ genWeight of its files is {sum_weights:g}: the sample cannot "
                "be normalised; check the Runs trees of its files"
            )
        assert sample.cross_section is not None
        expected = sample.cross_section * sample.k_factor * luminosity * PB_TO_INVERSE_FB
        more = {"cross_section": sample.cross_section, "k_factor": sample.k_factor}
        return replace(
            found,
            normalisation=expected / sum_weights,
            factors=factors(analysis, sample.era, sample.process),
            attributes=found.attributes | more,
        )

    def chunks(self) -> Iterator[tuple[str, ak.Array]]:
        """At most `analysis.skim.chunk` events at a time, with the skim that they are of."""
        optional = self.analysis.format_of(self.sample).optional
        for path in self.skims:
            for events in read_skim(path, self.analysis.skim.chunk, optional=optional):
                yield path, events

    def weight(
        self, events: ak.Array, factor: NDArray[np.float64], what: str = "the event weight"
    ) -> NDArray[np.float64]:
        """The weight of simulated events, (N,), of which the factors are `factor`.

        Raises `InputError` where one is NaN or infinite.
        """
        generated = ak.to_numpy(fields.lookup(events, "genWeight", "the event weight"))
        weight: NDArray[np.float64] = generated.astype(np.float64) * self.normalisation * factor
        require_finite(weight, what)
        return weight


@contextmanager
def named(where: str) -> Iterator[None]:
    """Put the file and the sample before the message of an error about events."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


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
