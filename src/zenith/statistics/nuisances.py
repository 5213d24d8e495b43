"""The nuisance parameters of an analysis: one list, for the workspace and for the objective.

A nuisance is a rate (`normalisation`), a pair of templates (`templates`), or a factor without a
constraint (`free`). What a configuration calls uncorrelated becomes one parameter for each era,
`jes_2016`, that varies only the samples of its era; since a template is the sum over the eras, an
uncorrelated rate of an analysis with several eras is a pair of templates too.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from zenith.config import Analysis
from zenith.config.systematics import Rate, Replacement, Side, Systematic, Varied
from zenith.errors import ConfigError

SIDES: tuple[Side, Side] = ("up", "down")
LUMINOSITY, FREE = "Luminosity", "Free normalisations"  # what is quoted together


@dataclass(frozen=True)
class Nuisance:
    """One nuisance parameter: what it acts on, and by how much at ±1 standard deviation.

    Attributes
    ----------
    name
        Of the parameter; its templates are `{name}_up` and `{name}_down`.
    kind
        `normalisation` (relative changes `up` and `down`), `templates` or `free`.
    label
        Its name for people.
    processes, regions
        On which it acts.
    group
        The name, for people, of the nuisance parameters that it is quoted together with.
    source
        Of `templates`: another `weight`, a `shape` (other values of the observables), another
        `sample`, or a `rate` that differs between eras.
    bounds
        Its range in standard deviations, where its prior is clipped.
    sides
        Of `templates`: the variations that exist. The lacking one is the mirror image of the other
        about the nominal, 2·nominal - varied in every bin.
    modifiers
        Of `templates`: which of HistFactory's modifiers take the variation.
    variation
        Key of the systematic: a columns file holds `{variation}_{side}`.
    eras
        Whose samples vary.
    rates
        Source `rate`: era to the relative changes (up, down).
    replacements
        Source `sample`: side to {nominal sample: the sample in its place}.
    """

    name: str
    kind: Literal["normalisation", "templates", "free"]
    label: str
    processes: tuple[str, ...]
    regions: tuple[str, ...]
    group: str
    up: float = 0.0
    down: float = 0.0
    source: Literal["weight", "shape", "sample", "rate"] | None = None
    sides: tuple[Side, ...] = ()
    modifiers: tuple[str, ...] = ("normsys", "histosys")
    smooth: bool = False
    variation: str = ""
    eras: tuple[str, ...] = ()
    rates: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    replacements: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    bounds: tuple[float, float] | None = None

    def varies(self, analysis: Analysis, sample: str) -> bool:
        """Whether the templates of this nuisance take other events or weights of a sample."""
        entry = analysis.samples[sample]
        if entry.process not in self.processes or entry.era not in self.eras:
            return False
        if self.source == "sample":
            return any(sample in pairs for pairs in self.replacements.values())
        return self.kind == "templates"


def nuisances(analysis: Analysis) -> list[Nuisance]:
    """The nuisance parameters: luminosity, systematics, fakes, free normalisations.

    Raises ConfigError where two would have the same name.
    """
    found = [*_luminosity(analysis)]
    for name, systematic in analysis.systematics.items():
        found += _of_systematic(analysis, name, systematic)
    for sample in analysis.from_data:
        found += _of_fakes(analysis, sample)
    simulated = simulated_processes(analysis)
    for name, free in analysis.statistics.free_normalisations.items():
        acts_on = tuple(p for p in simulated if p in free.processes)
        if acts_on:
            which = " + ".join(analysis.processes[p].label for p in acts_on)
            label = free.label or f"Normalisation of {which}"
            regions = tuple(analysis.regions)
            found.append(Nuisance(name, "free", label, acts_on, regions, FREE))
    names = [*analysis.signal_strengths, *(nuisance.name for nuisance in found)]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(
                f"two parameters of the fit are called {name!r}: give the systematics, luminosity "
                "uncertainties, free normalisations and signal strengths different names"
            )
    return found


def nominal_samples(analysis: Analysis) -> list[str]:
    """The samples that make the nominal templates and the data, in the order of the file."""
    return [s for s in analysis.used_samples if not analysis.samples[s].alternative]


def filled_samples(analysis: Analysis) -> list[str]:
    """The samples that are histogrammed: the nominal ones, without the data if all is blind."""
    blind = all(analysis.is_blind(region) for region in analysis.regions)
    return [s for s in nominal_samples(analysis) if not (blind and analysis.is_data(s))]


def simulated_processes(analysis: Analysis) -> list[str]:
    """The processes that are no data themselves and have a sample; in stack order."""
    present = {analysis.samples[s].process for s in nominal_samples(analysis)}
    return [
        name
        for name, process in analysis.processes.items()
        if process.role != "data" and name in present
    ]


def _in_era(name: str, era: str) -> str:
    return name + "_" + re.sub(r"\W", "_", era)


def _eras(analysis: Analysis) -> list[str]:
    """The eras with simulation."""
    simulated = [s for s in nominal_samples(analysis) if not analysis.is_data(s)]
    present = {analysis.samples[s].era for s in simulated}
    return [era for era in analysis.eras if era in present]


def _luminosity(analysis: Analysis) -> Iterator[Nuisance]:
    sizes: dict[str, dict[str, float]] = {}
    labels: dict[str, str | None] = {}
    for era in _eras(analysis):
        for name, uncertainty in analysis.eras[era].luminosity_uncertainties.items():
            key = name if uncertainty.correlated else _in_era(name, era)
            sizes.setdefault(key, {})[era] = uncertainty.size
            text = uncertainty.label
            if text is not None and not uncertainty.correlated:
                text = f"{text} ({era})"
            labels[key] = labels.get(key) or text
    for name, by_era in sizes.items():
        rates = {era: (size, -size) for era, size in by_era.items()}
        label = labels[name] or (LUMINOSITY if len(sizes) == 1 else f"{LUMINOSITY}, {name}")
        processes = tuple(
            p for p in simulated_processes(analysis) if not analysis.comes_from_data(p)
        )
        yield _rate(analysis, name, label, processes, tuple(analysis.regions), LUMINOSITY, rates)


def _rate(
    analysis: Analysis,
    name: str,
    label: str,
    processes: tuple[str, ...],
    regions: tuple[str, ...],
    group: str,
    rates: Mapping[str, tuple[float, float]],
) -> Nuisance:
    """A rate: a factor if every era has the same, and templates if not."""
    if set(rates) == set(_eras(analysis)) and len(set(rates.values())) == 1:
        up, down = next(iter(rates.values()))
        return Nuisance(name, "normalisation", label, processes, regions, group, up=up, down=down)
    return Nuisance(
        name,
        "templates",
        label,
        processes,
        regions,
        group,
        source="rate",
        sides=SIDES,
        eras=tuple(rates),
        rates=dict(rates),
    )


def _of_systematic(analysis: Analysis, name: str, systematic: Systematic) -> Iterator[Nuisance]:
    processes = tuple(p for p in simulated_processes(analysis) if systematic.varies(analysis, p))
    if not processes:
        return
    regions = tuple(r for r in analysis.regions if r in (systematic.regions or analysis.regions))
    eras = _eras(analysis)
    label = systematic.label or name
    group = systematic.group or label
    parameters = {name: (label, eras)}
    if not systematic.correlated:
        parameters = {_in_era(name, era): (f"{label} ({era})", [era]) for era in eras}
    for key, (text, members) in parameters.items():
        if isinstance(systematic, Rate):
            rates = dict.fromkeys(members, systematic.change)
            rate = _rate(analysis, key, text, processes, regions, group, rates)
            yield replace(rate, bounds=systematic.pulls)
            continue
        assert isinstance(systematic, Varied)
        replaced = systematic.replaced if isinstance(systematic, Replacement) else None
        yield Nuisance(
            key,
            "templates",
            text,
            processes,
            regions,
            group,
            source=systematic.source,
            modifiers=systematic.modifiers,
            sides=systematic.given,
            smooth=systematic.smooth,
            variation=name,
            eras=tuple(members),
            replacements={side: replaced(side) for side in SIDES} if replaced else {},
            bounds=systematic.pulls,
        )


def _of_fakes(analysis: Analysis, sample: str) -> Iterator[Nuisance]:
    """Of a sample that comes from data: its events have weights by the names of these."""
    entry = analysis.samples[sample]
    assert entry.from_data is not None
    label = analysis.processes[entry.process].label
    for source, text in entry.from_data.uncertainties.items():
        yield Nuisance(
            f"{sample}_{source}",
            "templates",
            f"{label}, {text}",
            (entry.process,),
            tuple(analysis.regions),
            f"{label} from data",
            source="weight",
            sides=SIDES,
            variation=f"{sample}_{source}",
            eras=(entry.era,),
        )
