"""The sections of an analysis, and what follows from several of them together."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self

from pydantic import Field

from zenith.comparison import parse
from zenith.config.base import Name, Section
from zenith.config.by_type import ByType
from zenith.config.categories import Categorise
from zenith.config.channels import in_channels
from zenith.config.efficient_score import SCORE, EfficientScoreSettings
from zenith.config.formats import FORMATS, FileFormat
from zenith.config.inputs import Inputs
from zenith.config.learning import Folds, Method, Optimise, Search
from zenith.config.marks import concerns, derived
from zenith.config.memberships import Categories
from zenith.config.networks.settings import NETWORKS, Mva
from zenith.config.samples import AppliedWeight, Era, Process, Sample, Skim
from zenith.config.selection import (
    Axis,
    FitObservable,
    Observable,
    PhysicsObject,
    Region,
    RegionCut,
)
from zenith.config.statistics import Plotting, Statistics
from zenith.config.steps import DRAWN, NAMED, SUMMARISED, TEMPLATES
from zenith.config.systematics import AnySystematic, WeightBranch


class Sections(Section):
    """One analysis, from files to figures, whose sections may not agree yet."""

    name: Annotated[
        Name, Field(description="name of the analysis; results are written to results/{name}/")
    ]
    title: Annotated[
        str | None,
        Field(description="what the analysis is, in a line on its page; LaTeX between dollars"),
        concerns("summary"),
    ] = None
    module: Annotated[
        str,
        Field(
            description="module with the observables: the path of a file, relative to this one "
            "(`mine.py`), a dotted name, or a name in zenith.analyses"
        ),
        concerns("skim", "columns", *DRAWN, "summary"),
    ]
    seed: Annotated[
        int,
        Field(ge=0, description="seed of everything that is random"),
        concerns("simulate", "mva", "response", "optimise", "search"),
        concerns("skim", "columns", of="simulation"),
        concerns("scored", of="toy"),
        concerns("categorise", "category_scan"),
    ] = 1
    inputs: Annotated[Inputs, Field(description="inputs in place of samples")] = Inputs()
    max_files: Annotated[
        int | None,
        Field(ge=1, description="number of files to read of each sample, for a quick run"),
        concerns("columns"),
    ] = None
    only_samples: Annotated[
        tuple[str, ...],
        Field(description="globs of the samples to use; none: all"),
        concerns(*TEMPLATES),
    ] = ()
    eras: Annotated[dict[str, Era], Field(description="periods of data taking, by name")]
    processes: Annotated[
        dict[Name, Process],
        Field(description="physics processes by name, in the order of the stack"),
        concerns(*TEMPLATES, *DRAWN),
        concerns("optimisation_figures", "figures", order=True),
    ]
    samples: Annotated[dict[Name, Sample], Field(description="sets of events, by name")]
    format: Annotated[
        Annotated[FileFormat, ByType(FORMATS, default="nanoaod")] | None,
        Field(description="format of the files of samples; default: NanoAOD"),
    ] = None
    skim: Annotated[
        Skim, Field(description="events and branches that the skim keeps"), concerns("skim")
    ] = Skim()
    objects: Annotated[
        dict[Name, PhysicsObject],
        Field(description="physics objects by name, in the order of their selection"),
        concerns("skim", "columns"),
    ]
    met: Annotated[
        str | None,
        Field(description="object with pt and phi of the missing momentum; none: there is none"),
        concerns("skim", "columns"),
    ] = "MET"
    observables: Annotated[
        dict[str, Observable],
        Field(description="observables of the module that are used, with their axes"),
    ]
    weights: Annotated[
        dict[Name, AppliedWeight],
        Field(description="weights of the module that multiply those of simulated events, by name"),
    ] = {}
    regions: Annotated[dict[Name, Region], Field(description="channels of the analysis, by name")]
    systematics: Annotated[
        dict[Name, AnySystematic],
        Field(description="systematic uncertainties, by the name of their nuisance parameter"),
    ] = {}
    folds: Annotated[
        Folds,
        Field(description="folds of the events, each read with what the others have taught"),
        concerns("mva", "mva_figures", *TEMPLATES),
    ] = Folds()
    mva: Annotated[
        dict[Name, Annotated[Mva, ByType(NETWORKS, default="perceptron")]],
        Field(description="neural networks and boosted trees, by name"),
    ] = {}
    summary: Annotated[
        EfficientScoreSettings | None,
        Field(
            description="summary of the events that is fitted and quoted in place of the regions, "
            "which remain its rivals; none: the regions are"
        ),
        concerns("response", *SUMMARISED, *NAMED),
    ] = None
    optimise: Annotated[
        Optimise, Field(description="settings of the gradient ascent (the climb)")
    ] = Optimise()
    search: Annotated[
        Search,
        Field(description="settings of the black-box search that the climb is compared with"),
    ] = Search()
    statistics: Annotated[
        Statistics, Field(description="settings of the statistical model and the fit")
    ] = Statistics()
    categorise: Annotated[
        Categorise | None,
        Field(description="categories of scored events, or of those of a region"),
        concerns("categorise"),
    ] = None
    plotting: Annotated[Plotting, Field(description="settings of the figures")] = Plotting()

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

    def format_of(self, sample: str) -> FileFormat:
        """What the files of a sample hold; simulated ones are NanoAOD."""
        given = self.samples[sample]
        settings = None if given.simulate is not None else given.format or self.format
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

    def blinded(self) -> Self:
        """The same with every region blind."""
        regions = {n: r.model_copy(update={"blind": True}) for n, r in self.regions.items()}
        return self.model_copy(update={"regions": regions})

    def summarised(self) -> Self:
        """The same with its summary in place of its regions: one of them, in bins of the score."""
        assert self.summary is not None
        settings, mva = self.summary, self.mva[self.summary.network]
        axis = Axis.model_validate({"start": 0.0, "stop": 1.0, "bins": settings.bins})
        region = Region(
            label=settings.label,
            cuts=tuple(RegionCut(cut=cut) for cut in mva.cuts or (f"{SCORE} >= 0",)),
            fit=FitObservable(observable=SCORE, edges=axis),
            blind=self.blind,
        )
        drawn = Observable(label=settings.label, edges=axis, log=True)
        observables = {**self.observables, SCORE: drawn}
        return self.with_regions({SCORE: region}).model_copy(update={"observables": observables})

    def with_regions(self, regions: Mapping[str, Region]) -> Self:
        """The same with other regions, in all of which all systematics act, and no networks."""
        everywhere = {
            name: systematic.model_copy(update={"regions": None})
            for name, systematic in self.systematics.items()
        }
        return self.model_copy(
            update={
                "regions": dict(regions),
                "systematics": everywhere,
                "mva": {},
                "categorise": None,
            }
        )

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
        """The methods of search that as many tunable cuts allow."""
        enough = len(self.tunable_cuts) > 1
        return tuple(m for m in self.search.methods if enough or m != "cma_es")

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
    def moving_categories(self) -> list[str]:
        """The regions in the fit whose categories have edges that move."""
        return [n for n, c in self.parted.items() if c.tune and self.regions[n].in_fit]

    @property
    def is_tunable(self) -> bool:
        """Whether there is anything that the gradient can move."""
        networks = any(network.fine_tune for network in self.networks_in_use.values())
        return bool(self.tunable_cuts or self.moving_edges or self.moving_categories) or networks

    def in_channels(self) -> Self:
        """The same where every category of a region is a region, its edges thresholds of cuts."""
        return self.model_copy(update=in_channels(self.regions, self.systematics))

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

    @derived("columns")
    def columns_in_use(self) -> list[str]:
        """The observables that are columns: those in use, without the scores of networks."""
        return sorted({name for _, name in self.observables_in_use()} - set(self.scores))

    def observables_in_use(self) -> Iterator[tuple[str, str]]:
        """Every observable that the configuration names, after the key that names it."""
        for name in self.observables:
            yield f"observables.{name}", name
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
            for requirement in mva.cuts:
                yield f"mva.{name}.cuts", parse(requirement).observable
        for name in self.plotting.observables:
            yield "plotting.observables", name
        if self.categorise is not None and self.inputs.scored is None:
            for name in self.categorise.scores:
                yield "categorise.scores", name
