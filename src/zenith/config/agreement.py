"""The rules that hold between the sections of a configuration."""

from zenith.comparison import parse
from zenith.config.base import known
from zenith.config.categories import Categorise
from zenith.config.data_driven import data_driven_fits, data_may_teach
from zenith.config.efficient_score import SCORE, LearnedResponses
from zenith.config.regions_agree import channels_agree, climbed_categories_agree, cuts_agree
from zenith.config.relations import Related
from zenith.config.samples import simulated_suffix
from zenith.config.simulation import PseudodataCard
from zenith.config.tuning import space_fits


def agree(analysis: Related) -> None:
    """Raises ValueError, naming the key, where two sections contradict each other."""
    _categories_fit(analysis)
    if analysis.inputs.training_set is not None and not analysis.mva:
        raise ValueError("mva: missing: say which networks learn from the training set")
    if analysis.tune is not None:
        space_fits(analysis.tune, analysis.mva)
    if not analysis.of_samples:
        return
    _samples_fit(analysis)
    data_driven_fits(analysis)
    _formats_fit(analysis)
    _strengths_fit(analysis)
    _systematics_fit(analysis)
    _networks_fit(analysis)
    _summary_fits(analysis)
    _surfaces_fit(analysis)
    climbed_categories_agree(analysis)
    cuts_agree(analysis)
    channels_agree(analysis)
    data_may_teach(analysis)
    _objects_fit(analysis)


def _categories_fit(analysis: Related) -> None:
    asked, scored = analysis.categorise, analysis.inputs.scored
    if asked is None:
        if scored is not None:
            raise ValueError("categorise: missing: say what is asked, {numbers: [2, 5]}")
        return
    if scored is not None and scored.analysis is None:
        for key in ("region", "scores", "selection"):
            if getattr(asked, key):
                raise ValueError(
                    f"categorise.{key}: is of an analysis; the scored events are those of a "
                    f"{'toy' if scored.toy else 'file'}"
                )
        return
    for key in ("region", "scores"):
        if not getattr(asked, key):
            about = Categorise.model_fields[key].description
            raise ValueError(f"categorise.{key}: missing ({about})")
    if scored is None:
        region_fits(asked, analysis)


def region_fits(asked: Categorise, analysis: Related) -> None:
    """Raises ValueError where an analysis has not the region whose events are categorised."""
    assert asked.region is not None
    known([asked.region], analysis.regions, "categorise.region")
    if analysis.regions[asked.region].categories is not None:
        raise ValueError(
            f"categorise.region: {asked.region!r} has categories of its own; take another region, "
            "or remove its categories"
        )
    used = {name for _, name in analysis.observables_in_use()}
    known(asked.scores, sorted({*used, *analysis.scores}), "categorise.scores")
    if asked.selection == "optimised" and not analysis.is_tunable:
        raise ValueError(
            "categorise.selection: there is no climb, for nothing in the analysis moves: write "
            "initial"
        )


def _samples_fit(analysis: Related) -> None:
    for key in ("eras", "processes", "samples", "observables", "regions"):
        if not getattr(analysis, key):
            raise ValueError(f"{key}: is empty; give at least one")
    for name, process in analysis.processes.items():
        if name in ("total", "total_background") or (name == "data" and process.role != "data"):
            raise ValueError(
                f"processes.{name}: yields have another entry of this name; choose another"
            )
    for name, sample in analysis.samples.items():
        where = f"samples.{name}"
        known([sample.era], analysis.eras, f"{where}.era")
        known([sample.process], analysis.processes, f"{where}.process")
        is_data = analysis.processes[sample.process].role == "data"
        measured = is_data or sample.from_data is not None
        if measured and sample.cross_section is not None:
            raise ValueError(f"{where}.cross_section: data has none; remove it")
        if not measured and sample.cross_section is None:
            raise ValueError(f"{where}.cross_section: missing (in pb)")
        if isinstance(sample.simulate, PseudodataCard):
            simulated = [s for s in analysis.samples if analysis.samples[s].simulate and s != name]
            known(sample.simulate.backgrounds, simulated, f"{where}.simulate.backgrounds")
            known(sample.simulate.truth, simulated, f"{where}.simulate.truth")
            if sample.simulate.signal is not None:
                known([sample.simulate.signal], simulated, f"{where}.simulate.signal")
    if not analysis.signals:
        raise ValueError("processes: none has role: signal")
    for name in analysis.objects:
        earlier = list(analysis.objects)[: list(analysis.objects).index(name)]
        known(analysis.objects[name].away_from, earlier, f"objects.{name}.away_from")


def _formats_fit(analysis: Related) -> None:
    simulated_suffix(analysis.samples)  # there is one
    for name in analysis.used_samples:
        if analysis.samples[name].from_data is not None:
            continue
        key = "format" if analysis.samples[name].format is None else f"samples.{name}.format"
        format_ = analysis.format_of(name)
        format_.agree(analysis, name, key)
        if (select := analysis.samples[name].select) is not None:
            format_.numbered(select, f"samples.{name}.select")


def _strengths_fit(analysis: Related) -> None:
    given, interest = analysis.statistics.signal_strengths, analysis.statistics.signal_strength
    where = "statistics.signal_strengths"
    owner: dict[str, str] = {}
    for name, processes in given.items():
        known(processes, analysis.signals, f"{where}.{name}, process with role: signal")
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
    used = analysis.used_signals
    if not given and len(used) > 1:
        first, *others = used
        raise ValueError(
            f"{where}: the processes {', '.join(used)} are signals; say which the strength of "
            f"interest multiplies: {{{interest}: [{first}]}} leaves {', '.join(others)} to "
            f"strengths of their own, {{{interest}: [{', '.join(used)}]}} shares it"
        )


def _systematics_fit(analysis: Related) -> None:
    simulated = [name for name, p in analysis.processes.items() if p.role != "data"]
    for name, weight in analysis.weights.items():
        known(weight.processes or (), simulated, f"weights.{name}.processes")
    for name, systematic in analysis.systematics.items():
        systematic.agree(analysis, f"systematics.{name}")
    shifting = [n for n, s in analysis.systematics.items() if s.parameter(n) is not None]
    if analysis.copies is not None and not shifting:
        raise ValueError(
            "copies: none of the systematics is a parameter of a shift of events; write one with "
            "type: shift, or leave copies out"
        )
    for factor, free in analysis.statistics.free_normalisations.items():
        known(free.processes, simulated, f"statistics.free_normalisations.{factor}")


def _networks_fit(analysis: Related) -> None:
    simulated = [name for name in analysis.samples if not analysis.is_data(name)]
    leading: dict[str, tuple[str, int]] = {}
    for name, mva in analysis.mva.items():
        known(mva.objects, analysis.objects, f"mva.{name}.objects")
        for collection, read in mva.objects.items():
            where = f"mva.{name}.objects.{collection}.leading"
            other, number = leading.setdefault(collection, (where, read.leading))
            if number != read.leading:
                raise ValueError(
                    f"{where}: {read.leading}, and {other}: {number}; networks share one training "
                    "set: write the same number"
                )
        for of_class, samples in mva.classes.items():
            known(samples, simulated, f"mva.{name}.classes.{of_class}, simulated sample")
        cuts = [parse(text).observable for text in mva.cuts]
        for observable in [*mva.features, *cuts, *mva.read_beside]:
            if observable in analysis.scores:
                raise ValueError(
                    f"mva.{name}: {observable!r} is the score of a network; a network is "
                    "trained on observables"
                )


def _objects_fit(analysis: Related) -> None:
    """All samples that networks of objects learn from, or score, have training sets."""
    for name, mva in analysis.mva.items():
        learnt = {sample for samples in mva.classes.values() for sample in samples}
        scores = name in {*analysis.networks_in_use, analysis.network_of_categories}
        for sample in analysis.from_data if mva.objects else ():
            if scores or sample in learnt:
                raise ValueError(
                    f"mva.{name}.objects: the events of samples.{sample} come from data, and have "
                    "no objects that the network could read; give it features alone"
                )


def _summary_fits(analysis: Related) -> None:
    """The classes of the summary's network are signals or backgrounds, and there are both."""
    if analysis.summary is None:
        return
    name = analysis.summary.network
    known([name], analysis.mva, "summary.network")
    if analysis.mva[name].objects:
        raise ValueError(
            f"summary.network: {name!r} reads objects, which the efficient score does not; name a "
            "network of features alone"
        )
    if analysis.summary.learned_responses is not None:
        _copies_teach(analysis, analysis.summary.learned_responses)
    named = {*analysis.regions, *analysis.observables, *analysis.mva}
    for own in (SCORE, *analysis.summary.regions):
        if own in named:
            raise ValueError(f"summary: a region, observable or network is called {own!r} already")
    if analysis.summary.rival.region is not None:
        known([analysis.summary.rival.region], analysis.regions, "summary.rival.region")
    roles = {
        of_class: {analysis.processes[analysis.samples[s].process].role for s in samples}
        for of_class, samples in analysis.mva[name].classes.items()
    }
    for of_class, found in roles.items():
        if len(found) > 1:
            raise ValueError(
                f"summary.network: the class {of_class!r} of mva.{name} holds signal and "
                "background; the signal needs a class of its own"
            )
    if set().union(*roles.values()) != {"signal", "background"}:
        raise ValueError(
            f"summary.network: the classes of mva.{name} ({', '.join(roles)}) are not a signal and "
            "backgrounds: give it a class of signal samples and one of background samples at least"
        )


def _surfaces_fit(analysis: Related) -> None:
    """Events can be anywhere on the axes of surfaces."""
    asked = analysis.surfaces
    if asked is None:
        return
    if isinstance(asked.events, dict):
        known(asked.events, analysis.samples, "surfaces.events, sample")
    known(asked.systematics or (), analysis.systematics, "surfaces.systematics")
    for name in asked.systematics or ():
        if not analysis.systematics[name].is_continuous:
            raise ValueError(
                f"surfaces.systematics: events have no values of {name!r} but its variations; name "
                "uncertainties of the types shift and weight, and energy scales"
            )


def _copies_teach(analysis: Related, learned: LearnedResponses) -> None:
    """There are copies to learn responses from, and those that are left determine them."""
    where = "summary.learned_responses"
    if analysis.copies is None:
        raise ValueError(
            f"{where}: they learn from copies of the events, and there are none: write copies: "
            "{random: 24}, or leave them out"
        )
    shifting = [n for n, s in analysis.systematics.items() if s.parameter(n) is not None]
    for name in shifting:
        if not analysis.systematics[name].correlated:
            raise ValueError(
                f"{where}: systematics.{name} has a parameter for each era (correlated: false), "
                "and a response is that of all: leave one of them out"
            )
    least = len(shifting) * (len(shifting) - 1) // 2 + learned.held_out
    if analysis.copies.random < least:
        raise ValueError(
            f"copies.random: {analysis.copies.random} points do not determine the response to "
            f"{len(shifting)} parameters, of {learned.held_out} that are held out: write at least "
            f"{least}"
        )
