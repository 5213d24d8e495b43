"""Which files a sample is made of, and which share of the data they hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zenith.artefacts import read_json
from zenith.artefacts.identity import identity, twice
from zenith.config import Analysis
from zenith.config.samples import Dataset, Sample, simulated_suffix
from zenith.errors import ConfigError, InputError
from zenith.events.file_lists import InputFile, files_of

RECORDS = "config/datasets/records.json"


def resolve(analysis: Analysis, sample: str) -> list[InputFile]:
    """The files of a sample, the first `max_files` of them; simulated ones need not exist yet.

    Raises
    ------
    ConfigError
        There is no such sample, its files are not found, or one of them is listed twice, however
        it is spelled; of data, also in another sample of the era.
    InputError
        A catalogue or a list is missing or not what it should be.
    """
    files = _files(analysis, sample)
    if analysis.is_data(sample):
        era = analysis.samples[sample].era
        for other in analysis.used_samples:
            if other != sample and analysis.is_data(other) and era == analysis.samples[other].era:
                theirs = _files(analysis, other)
                if same := twice(place for file in (*files, *theirs) for place in file.places):
                    raise ConfigError(
                        f"samples.{sample}: {same[0]} is also a file of samples.{other}, as "
                        f"{same[1]}; its events would count twice"
                    )
    used = files[: analysis.max_files]
    if analysis.samples[sample].sum_of_weights is not None and len(used) < len(files):
        raise ConfigError(
            f"samples.{sample}.sum_of_weights: is that of all {len(files)} files, of which "
            f"max_files: {analysis.max_files} leaves {len(used)}; set it to null for this run"
        )
    return used


@dataclass(frozen=True)
class DataShare:
    """What of an era's data its files hold; in files, where their events are not known.

    Attributes
    ----------
    held
        In the files that are used, the first `max_files` of each sample.
    total
        In the whole data set: as its catalogue states (`nevts_total`), else in all files.
    unit
        `events` or `files`.
    """

    held: int
    total: int
    unit: str

    @property
    def fraction(self) -> float:
        """The share that is held; 1 where there are no data."""
        return self.held / self.total if self.total else 1.0


def data_share(analysis: Analysis, era: str) -> DataShare:
    """What of the data of an era the files in use hold.

    Raises ConfigError and InputError as `resolve` does, and InputError for a catalogue whose files
    hold more events than it states for all of them.
    """
    used = [s for s in analysis.used_samples if analysis.is_data(s)]
    data = {s: analysis.samples[s] for s in used if analysis.samples[s].era == era}
    if analysis.max_files is None and not any(sample.dataset for sample in data.values()):
        return DataShare(0, 0, "files")  # all that there is, wherever it is
    files = {name: _files(analysis, name) for name in data}
    held = {name: found[: analysis.max_files] for name, found in files.items()}
    if not all(file.events is not None for found in files.values() for file in found):
        in_use, all_files = (sum(map(len, lists.values())) for lists in (held, files))
        return DataShare(in_use, all_files, "files")
    counts = {name: sum(file.events or 0 for file in found) for name, found in files.items()}
    totals = {name: _stated_total(sample, counts[name]) for name, sample in data.items()}
    for name, total in totals.items():
        if total < counts[name]:
            raise InputError(
                f"samples.{name}.dataset: its catalogue states {total} events in all (nevts_total) "
                f"and {counts[name]} in its files; correct the catalogue"
            )
    events = sum(file.events or 0 for found in held.values() for file in found)
    return DataShare(events, sum(totals.values()), "events")


def luminosity_fraction(analysis: Analysis, era: str) -> float:
    """The fraction of an era's luminosity that the files of its data hold; see `data_share`."""
    return data_share(analysis, era).fraction


def at_luminosity_of_files(analysis: Analysis) -> tuple[Analysis, list[str]]:
    """The analysis at the luminosity of the data in its files, and a line for each era with less.

    Raises as `data_share` does.
    """
    eras, notes = dict(analysis.eras), []
    for name in dict.fromkeys(analysis.samples[s].era for s in analysis.used_samples):
        share, whole = data_share(analysis, name), eras[name].luminosity
        eras[name] = eras[name].model_copy(update={"luminosity": whole * share.fraction})
        if share.fraction != 1.0:
            million = share.unit == "events" and share.total > 1e6
            held, total = (
                f"{number / 1e6:.1f} million" if million else str(number)
                for number in (share.held, share.total)
            )
            notes.append(
                f"eras.{name}.luminosity: the files in use hold {held} of {total} {share.unit} of "
                f"the data, {share.fraction:.1%}: simulation is scaled to "
                f"{eras[name].luminosity:.4g} of {whole:g}/fb"
            )
    return analysis.model_copy(update={"eras": eras}), notes


def _stated_total(sample: Sample, counted: int) -> int:
    """The events of a whole data set, as its catalogue states or as they are counted."""
    if sample.dataset is None:
        return counted
    total = _variation(sample.dataset, "dataset").get("nevts_total")
    if total is None:
        return counted
    if not isinstance(total, int | float) or total < 1:
        raise InputError(
            f"{sample.dataset.catalogue}: nevts_total of {sample.dataset.entry} is {total!r}, not "
            "a number of events"
        )
    return int(total)


def _files(analysis: Analysis, name: str) -> list[InputFile]:
    if name not in analysis.samples:
        raise ConfigError(
            f"samples: there is no sample {name!r}; there is {', '.join(analysis.samples)}"
        )
    sample = analysis.samples[name]
    key = f"samples.{name}"
    if sample.from_data is not None:
        raise ConfigError(f"{key}: comes from data, not files: run `zenith fakes`")
    if sample.simulate is not None:
        folder = f"results/{analysis.name}/simulated"
        suffix = simulated_suffix(analysis.samples)
        parts = range(sample.simulate.parts)
        return [InputFile(f"{folder}/{name}.{part}.{suffix}") for part in parts]
    if sample.dataset is not None:
        files = _of_catalogue(sample.dataset, f"{key}.dataset")
    elif sample.record is not None:
        files = _of_record(sample.record, f"{key}.record")
    else:
        files = [file for entry in sample.files or () for file in files_of(entry, f"{key}.files")]
    if not files:
        raise ConfigError(f"{key}: no files; name at least one")
    if same := twice(place for file in files for place in file.places):
        raise ConfigError(f"{key}: {_listed_twice(*same)}; its events would count twice")
    return files


def _listed_twice(first: str, second: str) -> str:
    return f"{first} is listed twice" + (f", the second time as {second}" * (first != second))


def replicas(analysis: Analysis, sample: str, path: str) -> tuple[str, ...]:
    """The other places that the configuration names for a file of the sample, in their order."""
    for entry in analysis.samples[sample].files or ():
        if not isinstance(entry, str) and identity(path) in map(identity, entry):
            return tuple(place for place in entry if identity(place) != identity(path))
    return ()


def _of_catalogue(dataset: Dataset, key: str) -> list[InputFile]:
    return _listed(_variation(dataset, key), dataset.catalogue)


def _variation(dataset: Dataset, key: str) -> Mapping[str, Any]:
    content = read_json(dataset.catalogue)
    entry = _entry(content, dataset.entry, f"{key}.entry", dataset.catalogue)
    return _entry(entry, dataset.variation, f"{key}.variation", dataset.catalogue)


def _of_record(record: int, key: str) -> list[InputFile]:
    remedy = f"run `python -m zenith datasets --output {RECORDS}`, which asks opendata.cern.ch"
    if not Path(RECORDS).exists():
        raise InputError(f"{key}: {RECORDS} does not exist; {remedy}")
    content = read_json(RECORDS)
    if str(record) not in content:
        raise InputError(f"{key}: {RECORDS} lacks the record {record}; {remedy}")
    return _listed(content[str(record)]["nominal"], RECORDS)


def _entry(content: Mapping[str, Any], name: str, key: str, catalogue: str) -> Mapping[str, Any]:
    if not isinstance(content, Mapping) or name not in content:
        raise ConfigError(f"{key}: {catalogue} has no {name!r}; it has {', '.join(content)}")
    entry: Mapping[str, Any] = content[name]
    return entry


def _listed(variation: Mapping[str, Any], catalogue: str) -> list[InputFile]:
    """The files of a variation, without those that it states to hold no event."""
    try:
        listed = [InputFile(str(f["path"]), f.get("nevts")) for f in variation["files"]]
        return [file for file in listed if file.events != 0]
    except (KeyError, TypeError):
        raise InputError(
            f"{catalogue}: not a catalogue of files: sample → variation → "
            '{"files": [{"path": …, "nevts": …}]}'
        ) from None
