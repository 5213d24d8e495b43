"""The whole configuration of one analysis, and the rules that hold between its sections."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import Field, model_validator

from zenith.config.base import Name, Section
from zenith.config.learning import Mva, Optimise, Search, Split
from zenith.config.marks import DRAWN, SELECTION, TEMPLATES, concerns, derived
from zenith.config.samples import Era, Process, Sample, Skim
from zenith.config.selection import Axis, Cut, Observable, PhysicsObject, Region
from zenith.config.simulation import PseudodataCard
from zenith.config.statistics import Plotting, Statistics
from zenith.config.systematics import (
    SampleSystematic,
    ShapeSystematic,
    Systematic,
    WeightBranch,
    WeightSystematic,
)


def _known(names: Iterable[str], known: Iterable[str], where: str) -> None:
    known = list(known)
    for name in names:
        if name not in known:
            raise ValueError(f"{where}: {name!r} is not defined; there is {', '.join(known)}")


def _looser(bound: float, operator: str, fixed: Cut) -> bool:
    """Whether a threshold at `bound` would ask for events that the fixed cut has taken away."""
    if fixed.operator in (">", ">=") and operator in (">", ">="):
        return bound < fixed.threshold
    if fixed.operator in ("<", "<=") and operator in ("<", "<="):
        return bound > fixed.threshold
    return False


class Analysis(Section):
    """One analysis, from files to figures."""

    name: Annotated[Name, Field(description="results are written to results/{name}/")]
    module: Annotated[
        str,
        Field(description="module with the observables: a name in zenith.analyses, or dotted"),
        concerns("skim", "columns", *DRAWN),
    ]
    seed: Annotated[
        int,
        Field(ge=0, description="of everything that is random"),
        concerns("simulate", "mva", "optimise", "search"),
        concerns("skim", "columns", of="simulation"),
    ] = 1
    max_files: Annotated[
        int | None,
        Field(ge=1, description="files read of each sample, for a quick run"),
        concerns("columns"),
    ] = None
    only_samples: Annotated[
        tuple[str, ...],
        Field(description="globs of the samples that are used; none: all"),
        concerns(*TEMPLATES),
    ] = ()
    eras: Annotated[
        dict[str, Era], Field(min_length=1, description="periods of data taking, by name")
    ]
    processes: Annotated[
        dict[Name, Process],
        Field(min_length=1, description="in stack order"),
        concerns(*TEMPLATES, *DRAWN),
        concerns("optimisation_figures", "figures", order=True),
    ]
    samples: Annotated[
        dict[Name, Sample], Field(min_length=1, description="sets of events, by name")
    ]
    skim: Annotated[Skim, Field(description="which events and branches are kept"), concerns("skim")]
    objects: Annotated[
        dict[Name, PhysicsObject],
        Field(description="in order of selection"),
        concerns("skim", "columns"),
    ]
    met: Annotated[
        str,
        Field(description="NanoAOD collection of the missing momentum"),
        concerns("skim", "columns"),
    ] = "MET"
    observables: Annotated[
        dict[str, Observable],
        Field(min_length=1, description="those of the module that are used, with their axes"),
    ]
    regions: Annotated[dict[Name, Region], Field(min_length=1, description="channels, by name")]
    systematics: Annotated[
        dict[Name, Systematic], Field(description="by name of the nuisance parameter")
    ] = {}
    split: Annotated[
        Split,
        Field(description="which events are for what"),
        concerns("columns", of="simulation"),
        concerns(*SELECTION, "histogram", "scored"),
    ] = Split()
    mva: Annotated[dict[Name, Mva], Field(description="networks, by name")] = {}
    optimise: Annotated[Optimise, Field(description="the climb")] = Optimise()
    search: Annotated[Search, Field(description="what the climb is compared to")] = Search()
    statistics: Annotated[Statistics, Field(description="the model and the fit")] = Statistics()
    plotting: Annotated[Plotting, Field(description="the figures")] = Plotting()

    @model_validator(mode="after")
    def _samples_fit(self) -> "Analysis":
        for name, sample in self.samples.items():
            where = f"samples.{name}"
            _known([sample.era], self.eras, f"{where}.era")
            _known([sample.process], self.processes, f"{where}.process")
            is_data = self.processes[sample.process].role == "data"
            if is_data and sample.cross_section is not None:
                raise ValueError(f"{where}.cross_section: data has none; remove it")
            if not is_data and sample.cross_section is None:
                raise ValueError(f"{where}.cross_section: missing (in pb)")
            if isinstance(sample.simulate, PseudodataCard):
                simulated = [s for s in self.samples if self.samples[s].simulate and s != name]
                _known(sample.simulate.backgrounds, simulated, f"{where}.simulate.backgrounds")
                _known(sample.simulate.truth, simulated, f"{where}.simulate.truth")
                if sample.simulate.signal is not None:
                    _known([sample.simulate.signal], simulated, f"{where}.simulate.signal")
        if not self.signals:
            raise ValueError("processes: none has role: signal")
        for name in self.objects:
            earlier = list(self.objects)[: list(self.objects).index(name)]
            _known(self.objects[name].away_from, earlier, f"objects.{name}.away_from")
        return self

    @model_validator(mode="after")
    def _strengths_fit(self) -> "Analysis":
        given, interest = self.statistics.signal_strengths, self.statistics.signal_strength
        where = "statistics.signal_strengths"
        owner: dict[str, str] = {}
        for name, processes in given.items():
            _known(processes, self.signals, f"{where}.{name}, process with role: signal")
            for process in processes:
                if process in owner:
                    raise ValueError(
                        f"{where}.{name}: {process!r} is multiplied by {owner[process]!r} already"
                    )
                owner[process] = name
        if given and interest not in given:
            raise ValueError(
                f"statistics.signal_strength: {interest!r} is of interest but not among "
                f"signal_strengths ({', '.join(given)}): name one of them"
            )
        used = self._used_signals
        if not given and len(used) > 1:
            first, *others = used
            raise ValueError(
                f"{where}: the processes {', '.join(used)} are signals; say which the strength of "
                f"interest multiplies: {{{interest}: [{first}]}} leaves {', '.join(others)} to "
                f"strengths of their own, {{{interest}: [{', '.join(used)}]}} shares it"
            )
        return self

    @model_validator(mode="after")
    def _systematics_fit(self) -> "Analysis":
        simulated = [name for name, p in self.processes.items() if p.role != "data"]
        for name, systematic in self.systematics.items():
            where = f"systematics.{name}"
            _known(systematic.processes or (), simulated, f"{where}.processes")
            _known(systematic.regions or (), self.regions, f"{where}.regions")
            if isinstance(systematic, ShapeSystematic):
                _known(systematic.objects, self.objects, f"{where}.objects")
            if isinstance(systematic, WeightSystematic) and systematic.correction is not None:
                for era_name, era in self.eras.items():
                    correction = era.corrections.get(systematic.correction)
                    if correction is None:
                        raise ValueError(
                            f"{where}.correction: eras.{era_name}.corrections has no "
                            f"{systematic.correction!r}"
                        )
                    sides = ("up", "down") if systematic.sides == "two" else (systematic.sides,)
                    if lacking := set(sides) - set(correction.variations):
                        raise ValueError(
                            f"{where}: eras.{era_name}.corrections.{systematic.correction}."
                            f"variations does not name {' and '.join(sorted(lacking))}"
                        )
            if isinstance(systematic, SampleSystematic):
                for side in ("up", "down"):
                    pairs = getattr(systematic, side)
                    _known([*pairs, *pairs.values()], self.samples, f"{where}.{side}")
        for factor, processes in self.statistics.free_normalisations.items():
            _known(processes, simulated, f"statistics.free_normalisations.{factor}")
        return self

    @model_validator(mode="after")
    def _networks_fit(self) -> "Analysis":
        simulated = [name for name in self.samples if not self.is_data(name)]
        for name, mva in self.mva.items():
            for of_class, samples in mva.classes.items():
                _known(samples, simulated, f"mva.{name}.classes.{of_class}, simulated sample")
            for observable in [*mva.features, *(Cut(cut=text).observable for text in mva.cuts)]:
                if observable in self.scores:
                    raise ValueError(
                        f"mva.{name}: {observable!r} is the score of a network; a network is "
                        "trained on observables"
                    )
        return self

    @model_validator(mode="after")
    def _cuts_fit(self) -> "Analysis":
        tuned: dict[str, tuple[str, Cut]] = {}
        skim_cuts = [Cut(cut=cut) for cut in self.skim.cuts]
        for region_name, region in self.regions.items():
            for position, cut in enumerate(region.cuts):
                where = f"regions.{region_name}.cuts[{position}]"
                if cut.tune is None:
                    continue
                assert cut.parameter is not None
                first = tuned.setdefault(cut.parameter, (where, cut))
                if first[1] is not cut:
                    raise ValueError(
                        f"{where}: the threshold {cut.parameter!r} is already tuned at {first[0]}; "
                        f"give this one a name of its own, or write '{cut.observable} "
                        f"{cut.operator} {cut.parameter}' to share it"
                    )
                loosest = cut.tune[0] if cut.operator in (">", ">=") else cut.tune[1]
                earlier = [("skim.cuts", c) for c in skim_cuts]
                earlier += [(f"regions.{region_name}.cuts", c) for c in region.cuts[:position]]
                for origin, fixed in earlier:
                    if (
                        fixed.parameter is None
                        and fixed.observable == cut.observable
                        and _looser(loosest, cut.operator, fixed)
                    ):
                        raise ValueError(
                            f"{where}: tune {list(cut.tune)} is looser than the cut {fixed.cut!r} "
                            f"of {origin}: beyond it there are no events, and the gradient would "
                            "not know; tighten tune or loosen that cut"
                        )
        for region_name, region in self.regions.items():
            shared = [cut.reference for cut in region.cuts if cut.reference is not None]
            _known(shared, tuned, f"regions.{region_name}.cuts, tunable threshold")
        return self

    @property
    def signals(self) -> list[str]:
        """Names of the processes that are signal."""
        return [name for name, process in self.processes.items() if process.role == "signal"]

    @property
    def _used_signals(self) -> list[str]:
        used = {
            self.samples[s].process for s in self.used_samples if not self.samples[s].alternative
        }
        return [name for name in self.signals if name in used]

    @property
    def signal_strengths(self) -> dict[str, tuple[str, ...]]:
        """Every signal strength with the processes that it multiplies, that of interest first."""
        interest, given = self.statistics.signal_strength, self.statistics.signal_strengths
        if not given:
            return {interest: tuple(self._used_signals or self.signals)}
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

    def is_blind(self, region: str) -> bool:
        """Whether the data of a region stay closed."""
        own = self.regions[region].blind
        return self.statistics.blind if own is None else own

    @property
    def blind(self) -> bool:
        """Whether a region of the fit is blind, so that the fit's results are expected ones."""
        return any(self.is_blind(name) for name, region in self.regions.items() if region.in_fit)

    def blinded(self) -> "Analysis":
        """The same with every region blind."""
        regions = {n: r.model_copy(update={"blind": True}) for n, r in self.regions.items()}
        return self.model_copy(update={"regions": regions})

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
    def tunable_cuts(self) -> dict[str, Cut]:
        """The cuts with a tunable threshold, by the name of the threshold."""
        return {
            cut.parameter: cut
            for region in self.regions.values()
            for cut in region.cuts
            if cut.tune is not None and cut.parameter is not None
        }

    @property
    def moving_edges(self) -> list[str]:
        """The regions in the fit whose bin edges move."""
        return [n for n, r in self.regions.items() if r.in_fit and r.fit.tune_edges is not None]

    @property
    def is_tunable(self) -> bool:
        """Whether there is anything that the gradient can move."""
        networks = any(network.fine_tune for network in self.mva.values())
        return bool(self.tunable_cuts or self.moving_edges) or networks

    def taught_by(self, region: str, observable: str = "") -> set[str]:
        """The simulated samples from whose events the region, or a score drawn in it, was learned.

        The climb moves thresholds, edges and networks with the events of every sample; a network
        that it leaves alone was trained on those of its classes.
        """
        cuts, fit = self.regions[region].cuts, self.regions[region].fit
        used = {*(cut.observable for cut in cuts), observable}
        networks = [self.mva[name] for score, name in self.scores.items() if score in used]
        climbed = any(cut.parameter is not None for cut in cuts) or fit.tune_edges is not None
        if climbed or any(network.fine_tune for network in networks):
            return {sample for sample in self.samples if not self.is_data(sample)}
        return {s for network in networks for group in network.classes.values() for s in group}

    @derived(*SELECTION, "histogram")
    def teachers(self) -> dict[str, list[str]]:
        """The samples that taught something, by region, and by region and score."""
        places = [(region, score) for region in self.regions for score in ("", *self.scores)]
        return {f"{r}/{score}": sorted(self.taught_by(r, score)) for r, score in places}

    def with_edges(self, edges: Mapping[str, Sequence[float]]) -> "Analysis":
        """The same with other edges of the fits of some regions.

        Raises ValueError for a region whose edges do not move, and edges that are not as many
        between the same ends.
        """
        regions = dict(self.regions)
        for name, moved in edges.items():
            _known([name], self.moving_edges, "edges, region with fit.tune_edges")
            fit = regions[name].fit
            old = fit.edges.edges
            if len(moved) != len(old) or (moved[0], moved[-1]) != (old[0], old[-1]):
                raise ValueError(
                    f"edges.{name}: {len(moved)} edges from {moved[0]:g} to {moved[-1]:g}, the "
                    f"configuration has {len(old)} from {old[0]:g} to {old[-1]:g}"
                )
            fit = fit.model_copy(update={"edges": Axis(edges=tuple(moved))})
            regions[name] = regions[name].model_copy(update={"fit": fit})
        return self.model_copy(update={"regions": regions})

    @property
    def shapes(self) -> list[str]:
        """The shape variations of objects, `jes_up`, `jes_down` and so on."""
        return [
            f"{name}_{side}"
            for name, systematic in self.systematics.items()
            if isinstance(systematic, ShapeSystematic)
            for side in (("up", "down") if systematic.sides == "two" else (systematic.sides,))
        ]

    def normalised_weights(self, sample: str) -> dict[str, WeightBranch]:
        """The weights of a sample that are divided by their mean, by variation (`scale_up`)."""
        process = self.samples[sample].process
        return {
            f"{name}_{side}": branch
            for name, systematic in self.systematics.items()
            if isinstance(systematic, WeightSystematic) and not self.is_data(sample)
            if systematic.processes is None or process in systematic.processes
            for side, branch in systematic.normalised.items()
        }

    @derived("skim", of="sample")
    def averaged_branches(self, sample: str) -> list[str]:
        """The branches of weights whose means over all events of a sample are needed."""
        return sorted({branch.name for branch in self.normalised_weights(sample).values()})

    @derived(*DRAWN)
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
            yield "skim.cuts", Cut(cut=text).observable
        for region_name, region in self.regions.items():
            for cut in region.cuts:
                yield f"regions.{region_name}.cuts", cut.observable
            yield f"regions.{region_name}.fit.observable", region.fit.observable
            for name in region.plots or ():
                yield f"regions.{region_name}.plots", name
        for name, mva in self.mva.items():
            for feature in mva.features:
                yield f"mva.{name}.features", feature
            for requirement in mva.cuts:
                yield f"mva.{name}.cuts", Cut(cut=requirement).observable
        for name in self.plotting.observables:
            yield "plotting.observables", name
