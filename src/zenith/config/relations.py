"""What follows from several sections of an analysis together."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, Literal

from zenith.comparison import parse
from zenith.config.efficient_score import SCORE
from zenith.config.formats import FORMATS, FileFormat
from zenith.config.from_data import FromData
from zenith.config.learning import Method
from zenith.config.marks import derived
from zenith.config.memberships import Categories
from zenith.config.networks.objects import ObjectsRead
from zenith.config.networks.settings import Mva
from zenith.config.sections import Sections
from zenith.config.selection import RegionCut
from zenith.config.simulation import LeptonTauCard
from zenith.config.steps import DRAWN
from zenith.config.systematics import WeightBranch


class Related(Sections):
    """The sections of one analysis, and what they say together; they may not agree yet."""

    @property
    def of_samples(self) -> bool:
        """Whether it is of samples, and not of scored events or of training sets."""
        return self.inputs.scored is None and self.inputs.training_set is None

    @property
    def signals(self) -> list[str]:
        """Names of the processes that are signal."""
        return [name for name, process in self.processes.items() if process.role == "signal"]

    @property
    def used_signals(self) -> list[str]:
        """Signal processes with a nominal sample in use."""
        used = {
            self.samples[s].process for s in self.used_samples if not self.samples[s].alternative
        }
        return [name for name in self.signals if name in used]

    @property
    def signal_strengths(self) -> dict[str, tuple[str, ...]]:
        """Every signal strength with the processes that it multiplies, that of interest first."""
        interest, given = self.statistics.signal_strength, self.statistics.signal_strengths
        if not given:
            return {interest: tuple(self.used_signals or self.signals)}
        listed = {process for processes in given.values() for process in processes}
        own = {f"{interest}_{p}": (p,) for p in self.signals if p not in listed}
        return {interest: given[interest], **given, **own}

    @property
    def signals_of_interest(self) -> tuple[str, ...]:
        """The signal processes whose strength is the parameter of interest."""
        return self.signal_strengths[self.statistics.signal_strength]

    def is_data(self, sample: str) -> bool:
        """Whether a sample is data: no generator weight, no cross-section, no systematics."""
        return self.processes[self.samples[sample].process].role == "data"

    @property
    def from_data(self) -> dict[str, FromData]:
        """The samples in use whose events come from data, with what makes them, by name."""
        return {s: f for s in self.used_samples if (f := self.samples[s].from_data) is not None}

    def comes_from_data(self, process: str) -> bool:
        """Whether the events of a process come from data: no luminosity, no corrections."""
        return any(s.from_data is not None and s.process == process for s in self.samples.values())

    def data_of(self, era: str) -> list[str]:
        """The samples in use that are data of an era."""
        return [s for s in self.used_samples if self.is_data(s) and self.samples[s].era == era]

    def sources_of(self, sample: str) -> list[str]:
        """The samples that one which comes from data is made of, those of data first."""
        return [*self.data_of(self.samples[sample].era), *self.from_data[sample].prompt]

    def format_of(self, sample: str) -> FileFormat:
        """What the files of a sample hold; simulated ones are NanoAOD, or the challenge's table."""
        given = self.samples[sample]
        nanoaod = given.simulate is not None and not isinstance(given.simulate, LeptonTauCard)
        settings = None if nanoaod else given.format or self.format
        found: FileFormat = settings or FORMATS.load("nanoaod")()
        return found

    def is_blind(self, region: str) -> bool:
        """Whether the data of a region stay closed."""
        own = self.regions[region].blind
        return self.statistics.blind if own is None else own

    @property
    def blind(self) -> bool:
        """Whether a region of the fit is blind, so that the fit's results are expected ones."""
        return any(self.is_blind(name) for name, region in self.regions.items() if region.in_fit)

    @property
    def used_samples(self) -> list[str]:
        """The samples that `only_samples` lets through, in the order of the file."""
        globs = self.only_samples or ("*",)
        return [s for s in self.samples if any(fnmatchcase(s, glob) for glob in globs)]

    @property
    def scores(self) -> dict[str, str]:
        """Observables that networks give: `name` (two classes) or `name:class`, to the network."""
        return {
            score: name
            for name, mva in self.mva.items()
            for score in ([name] if len(mva.classes) == 2 else [f"{name}:{c}" for c in mva.classes])
        }

    @property
    def networks_in_use(self) -> dict[str, Mva]:
        """The networks whose scores are cut on, fitted, drawn or categorised, by name.

        And those whose outputs are the categories of a region.
        """
        used = {name for _, name in self.observables_in_use()}
        names: set[str | None] = {
            network for score, network in self.scores.items() if score in used
        }
        names |= {categories.network for categories in self.parted.values()}
        return {name: mva for name, mva in self.mva.items() if name in names}

    @property
    def network_modules(self) -> list[str]:
        """The modules that say what the configured types of networks are: which no import shows."""
        return sorted({type(mva).__module__ for mva in self.mva.values()})

    @property
    def tunable_cuts(self) -> dict[str, RegionCut]:
        """The cuts with a tunable threshold, by the name of the threshold."""
        return {
            cut.parameter: cut
            for region in self.regions.values()
            for cut in region.cuts
            if cut.tune is not None and cut.parameter is not None
        }

    @property
    def searches(self) -> tuple[Method, ...]:
        """The methods of search that as many tunable cuts allow, `tpe` if no other one is."""
        enough = len(self.tunable_cuts) > 1
        return tuple(m for m in self.search.methods if enough or m != "cma_es") or ("tpe",)

    @property
    def moving_edges(self) -> list[str]:
        """The regions in the fit whose bin edges move."""
        return [n for n, r in self.regions.items() if r.in_fit and r.fit.tune_edges is not None]

    @property
    def parted(self) -> dict[str, Categories]:
        """The categories of the regions that have some."""
        return {n: r.categories for n, r in self.regions.items() if r.categories is not None}

    def climbed(self, name: str) -> Mva:
        """The settings of a network as a climb has it: it may have an output for each category."""
        numbers = [c.count for c in self.parted.values() if c.network == name]
        return self.mva[name].parting(numbers[0]) if numbers else self.mva[name]

    @property
    def network_of_categories(self) -> str | None:
        """The network whose categories are climbed beside the regions, if there is one.

        Of the efficient score it is that of the class ratios.
        """
        categories = self.climbed_categories
        if categories is None:
            return None
        if categories.score == SCORE and self.summary is not None:
            return self.summary.network
        return categories.network or self.scores[categories.score or ""]

    @property
    def parts_by_score(self) -> bool:
        """Whether the categories of its region are of the efficient score, which then moves."""
        return any(categories.score == SCORE for categories in self.parted.values())

    @property
    def moving_categories(self) -> list[str]:
        """The regions in the fit whose categories have edges that move."""
        return [n for n, c in self.parted.items() if c.tune and self.regions[n].in_fit]

    @property
    def is_tunable(self) -> bool:
        """Whether there is anything that the gradient can move."""
        networks = any(network.fine_tune for network in self.networks_in_use.values())
        return bool(self.tunable_cuts or self.moving_edges or self.moving_categories) or networks

    @property
    def categorised_selection(self) -> Literal["initial", "optimised"]:
        """The selection of the region whose events are categorised, where nothing else is said."""
        return "optimised" if self.is_tunable else "initial"

    def normalised_weights(self, sample: str) -> dict[str, WeightBranch]:
        """The weights of a sample that are divided by their mean, by variation (`scale_up`)."""
        process = self.samples[sample].process
        return {
            f"{name}_{side}": branch
            for name, systematic in self.systematics.items()
            if not self.is_data(sample)
            for side, branch in systematic.normalised.items()
            if systematic.varies(self, process)
        }

    @derived("skim", of="sample")
    def averaged_branches(self, sample: str) -> list[str]:
        """The branches of weights whose means over all events of a sample are needed."""
        return sorted({branch.name for branch in self.normalised_weights(sample).values()})

    @derived(*DRAWN, "summary")
    def luminosity(self) -> float:
        """Of the eras whose samples are used, together, in 1/fb."""
        used = {self.samples[sample].era for sample in self.used_samples}
        return sum(era.luminosity for name, era in self.eras.items() if name in used)

    @property
    def observables_learnt(self) -> list[str]:
        """The observables that networks read, or cut on, and those that losses and figures read."""
        cuts = (parse(text).observable for mva in self.mva.values() for text in mva.cuts)
        features = (feature for mva in self.mva.values() for feature in mva.features)
        beside = (name for mva in self.mva.values() for name in mva.read_beside)
        return list(dict.fromkeys([*features, *cuts, *beside]))

    @property
    def objects_learnt(self) -> dict[str, ObjectsRead]:
        """The objects that networks read, with all fields that one of them reads or may lack."""
        found: dict[str, ObjectsRead] = {}
        for mva in self.mva.values():
            for name, read in mva.objects.items():
                both = [found[name], read] if name in found else [read]
                found[name] = ObjectsRead(
                    fields=tuple(dict.fromkeys(f for one in both for f in one.fields)),
                    leading=read.leading,
                    missing=tuple(dict.fromkeys(f for one in both for f in one.missing)),
                )
        return found

    @property
    def labelled(self) -> list[str]:
        """What the labels of training sets stand for: the simulated samples in use, by number."""
        used = (s for s in self.used_samples if self.samples[s].from_data is None)
        return [sample for sample in used if not self.is_data(sample)]

    @derived("training_set")
    def learnt(self) -> dict[str, Any]:
        """What training sets hold: observables, objects, and the samples that labels stand for."""
        return {
            "observables": self.observables_learnt,
            "objects": {
                name: read.model_dump(include={"fields", "leading", "missing"})
                for name, read in self.objects_learnt.items()
            },
            "classes": self.labelled,
        }

    @derived("columns")
    def columns_in_use(self) -> list[str]:
        """The observables that are columns: those in use, without the scores of networks."""
        return sorted({name for _, name in self.observables_in_use()} - set(self.scores))

    def observables_in_use(self) -> Iterator[tuple[str, str]]:
        """Every observable that the configuration names, after the key that names it."""
        for name in self.observables:
            yield f"observables.{name}", name
        for sample, entry in self.samples.items():
            for name in entry.from_data.observables if entry.from_data is not None else ():
                yield f"samples.{sample}.from_data", name
        for text in self.skim.cuts:
            yield "skim.cuts", parse(text).observable
        for region_name, region in self.regions.items():
            for cut in region.cuts:
                yield f"regions.{region_name}.cuts", cut.observable
            yield f"regions.{region_name}.fit.observable", region.fit.observable
            for name in region.plots or ():
                yield f"regions.{region_name}.plots", name
        for region_name, categories in self.parted.items():
            if categories.score is not None:
                yield f"regions.{region_name}.categories.score", categories.score
        for name, mva in self.mva.items():
            for feature in mva.features:
                yield f"mva.{name}.features", feature
            targets = {regression.target for regression in mva.regressions.values()}
            for observable in mva.read_beside:
                key = "regressions" if observable in targets else "loss"
                key = key if observable in mva.read_by_loss else "sliced"
                yield f"mva.{name}.{key}", observable
            for requirement in mva.cuts:
                yield f"mva.{name}.cuts", parse(requirement).observable
        for name in self.plotting.observables:
            yield "plotting.observables", name
        if self.categorise is not None and self.inputs.scored is None:
            for name in self.categorise.scores:
                yield "categorise.scores", name
