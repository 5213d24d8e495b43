"""Skim one file: keep the events and branches that the analysis can need, count the rest.

The file is read in chunks, so that memory depends on the chunk and not on the file. Of every event
only what the cheap requirements need is read (certified luminosity section, trigger, event-quality
flags); the rest is read where any event of a chunk passes them.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import golden
from zenith.artefacts.cutflow import SkimCutflow, SkimStep
from zenith.artefacts.writing import atomic
from zenith.config import Analysis
from zenith.errors import InputError
from zenith.events import branches, theory
from zenith.events.formats.protocol import WEIGHT, Tree, format_of
from zenith.events.formats.writer import Writer
from zenith.events.objects import passes
from zenith.events.preselection import Preselection
from zenith.events.runs import RunSums

log = logging.getLogger(__name__)
CERTIFIED = "certified"
Flat = Mapping[str, NDArray[Any]]


class Cutflow:
    """Events and sums of weights that are left after each cut and those before it."""

    def __init__(self, cuts: Iterable[str]) -> None:
        self.events = dict.fromkeys(cuts, 0)
        self.sum_weights = dict.fromkeys(self.events, 0.0)

    def count(self, cut: str, weights: NDArray[np.float64]) -> None:
        """Add the events of a chunk that pass a cut, by their weights."""
        self.events[cut] += len(weights)
        self.sum_weights[cut] += float(weights.sum())

    def steps(self) -> list[SkimStep]:
        """One entry for each cut, in order."""
        return [
            {"cut": cut, "events": events, "sum_weights": self.sum_weights[cut]}
            for cut, events in self.events.items()
        ]


@dataclass(frozen=True)
class Requirement:
    """A requirement on flat branches: a mask of the events of a chunk, shape (events,)."""

    name: str
    branches: tuple[str, ...]
    passes: Callable[[Flat], NDArray[np.bool_]]


def skim(
    path: str,
    output: str | Path,
    analysis: Analysis,
    sample: str,
    *,
    expected: int | None = None,
    patient: bool = True,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> SkimCutflow:
    """Skim a file and return its cutflow.

    The output has the trees `Events` (NanoAOD-like) and `Runs` (sums over all events of the
    input, whether they are kept or not).

    Parameters
    ----------
    path
        A file of the sample's format: a local path, or an http(s):// or root:// address.
    output
        The ROOT file to write; it appears when it is complete.
    expected
        The number of events that the file must hold, where that is known.
    patient
        Whether a server that fails for a while is waited for when the file is opened.
    progress
        Called after each chunk with the events done and the events in the file.

    Returns
    -------
    sample, file, uuid (of the input), events and sum_weights before any cut, and `steps`: cut,
    events and sum_weights after it. The weight is genWeight; 1 for data.

    Raises
    ------
    ReadError
        The file cannot be read.
    InputError
        The file lacks a branch, has another number of events than expected or
        unusable weights; or the golden JSON is none, or certifies no event of it.
    """
    data = analysis.is_data(sample)
    with format_of(analysis, sample).open(path, simulation=not data, patient=patient) as file:
        tree = file.events
        _check_count(tree.entries, path, analysis, sample, expected)
        kept = branches.kept(tree, analysis, sample, path)
        available = set(tree.branches)
        requirements = list(_requirements(available, path, analysis, sample))
        own = _own(tree, path, analysis, sample)
        cheap = {"run", *own.branches, *(name for r in requirements for name in r.branches)}
        if not data:
            cheap.update(_present((WEIGHT,), available, path, "every simulated sample"))

        nothing = branches.empty(tree, kept)
        preselection = Preselection(analysis, nothing, data=data)
        sums = RunSums(path, data=data, weight=tree.described(WEIGHT))
        wanted = analysis.normalised_weights(sample)
        theory.require(wanted, available, path)
        means = theory.WeightMeans(path, file, wanted)
        cutflow = Cutflow([*(r.name for r in requirements), *analysis.skim.cuts])
        read = 0
        with (
            atomic(output) as temporary,
            Writer(temporary, nothing, compression=analysis.skim.compression) as out,
        ):
            # The arrays of a chunk go one by one, as those of the next take their names: memory
            # that is free all at once is given back, and mapped again page by page.
            for start, stop in _chunks(tree, cheap.union(kept), analysis.skim.chunk):
                flat = tree.read(cheap, start, stop)
                numbers = {name: array.to_numpy() for name, array in flat.items()}
                passed = own.passes(numbers)
                weights = sums.add(numbers["run"], numbers.get(WEIGHT), passed)
                read += stop - start
                if means.summed:
                    means.add(weights, tree.read(means.summed, start, stop))
                for requirement in requirements:
                    passed &= requirement.passes(numbers)
                    cutflow.count(requirement.name, weights[passed])
                if passed.any():
                    low, high = np.flatnonzero(passed)[[0, -1]] + [0, 1]
                    flat = {name: flat[name][low:high] for name in kept if name in flat}
                    rest = [name for name in kept if name not in flat]
                    flat |= tree.read(rest, start + low, start + high)
                    events = tree.events({name: flat[name] for name in kept})
                    passed, weights = passed[low:high], weights[low:high]
                    cuts_passed = preselection.cuts_passed(events, among=passed)
                    for number, cut in enumerate(analysis.skim.cuts, start=1):
                        passed &= cuts_passed >= number
                        cutflow.count(cut, weights[passed])
                    out.add(events.choose(passed))
                progress(stop, tree.entries)
            if own.branches and read and not sums.events:
                raise InputError(f"{path}: no event meets {own.name}; correct it")
            _check_read(read, tree.entries, cutflow, path, analysis, sample)
            runs = sums.tree(file.runs, by_file=analysis.samples[sample].normalise_by_file)
            out.finish(runs | means.runs(rows=len(runs["run"])))
        uuid = file.uuid
    if not out.events:
        log.warning("%s: no event passes the skim; %s is valid and empty", path, output)
    return {
        "sample": sample,
        "file": path,
        "uuid": uuid,
        "events": sums.events,
        "sum_weights": sums.sum_weights,
        "steps": cutflow.steps(),
    }


def _chunks(tree: Tree, names: set[str], most: int) -> Iterator[tuple[int, int]]:
    """Ranges of at most so many entries; at the ends of blocks, which are then read only once."""
    ends = tree.ends(names)
    start = 0
    while start < tree.entries:
        stop = min(start + most, tree.entries)
        common = int(ends[ends <= stop].max(initial=0))
        yield start, (stop := common if common > start else stop)
        start = stop


def _requirements(
    available: set[str], path: str, analysis: Analysis, sample: str
) -> Iterator[Requirement]:
    """The requirements that need only flat branches: the first ones, made on every event."""
    era = analysis.eras[analysis.samples[sample].era]
    trigger = analysis.skim.trigger
    lenient = trigger is not None and trigger.ignore_missing
    if analysis.is_data(sample) and era.golden_json is not None:
        mask = golden.certified(era.golden_json)
        sections = ("run", "luminosityBlock")
        yield Requirement(CERTIFIED, sections, lambda flat: mask(*(flat[n] for n in sections)))
    if trigger is not None:
        names = _present(trigger.any_of, available, path, "skim.trigger", lenient)
        yield Requirement("trigger", names, lambda flat: np.any([flat[n] for n in names], axis=0))
    if veto := analysis.samples[sample].veto:
        first = _present(veto, available, path, f"samples.{sample}.veto", lenient)
        yield Requirement("veto", first, lambda flat: ~np.any([flat[n] for n in first], axis=0))
    if flags := era.event_flags:
        _present(flags, available, path, f"eras.{analysis.samples[sample].era}.event_flags")
        yield Requirement("event flags", flags, lambda f: np.all([f[n] for n in flags], axis=0))


def _own(tree: Tree, path: str, analysis: Analysis, sample: str) -> Requirement:
    """The requirement that tells the events of a sample from others in the file."""
    select, key = analysis.samples[sample].select, f"samples.{sample}.select"
    if select is None:
        return Requirement(key, (), lambda flat: np.ones(len(flat["run"]), bool))
    (name,) = _present((select.field,), set(tree.branches), path, key)
    if tree.branches[name].collection is not None or tree.branches[name].numbers is None:
        raise InputError(f"{path}: {tree.described(name)} is not one number, which {key} needs")
    cut = format_of(analysis, sample).numbered(select, key)
    return Requirement(key, (name,), lambda flat: passes(flat[name], cut))


def _present(
    names: tuple[str, ...], available: set[str], path: str, key: str, lenient: bool = False
) -> tuple[str, ...]:
    """Those of the branches that the file has; an error if one is missing (lenient: if all are)."""
    present = tuple(name for name in names if name in available)
    if present == names or (lenient and present):
        return present
    absent = next(name for name in names if name not in available)
    raise branches.missing(path, absent, key, sorted(available))


def _check_count(
    events: int, path: str, analysis: Analysis, sample: str, expected: int | None
) -> None:
    if expected not in (None, events) and analysis.samples[sample].check_event_count:
        raise InputError(
            f"{path}: {events} events, but {expected} are expected: the file is incomplete or "
            f"another one; correct the catalogue, or set samples.{sample}.check_event_count: false"
        )
    if not events and not analysis.is_data(sample):
        raise InputError(
            f"{path}: there are no events in it; simulation needs events: leave it out"
        )


def _check_read(
    read: int, entries: int, cutflow: Cutflow, path: str, analysis: Analysis, sample: str
) -> None:
    if read != entries:
        raise InputError(f"{path}: {read} events read of {entries}; copy the file again")
    if entries and cutflow.events.get(CERTIFIED) == 0:
        golden_json = analysis.eras[analysis.samples[sample].era].golden_json
        raise InputError(
            f"{golden_json}: certifies no event of {path}; is it of the same year? "
            f"(samples.{sample}.era, eras.{analysis.samples[sample].era}.golden_json)"
        )
