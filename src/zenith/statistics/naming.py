"""What parameters of a fit, cuts and networks are called on figures and pages."""

from collections.abc import Iterable

from zenith.config import Analysis, observables_of
from zenith.statistics.cutflow import EVERYTHING
from zenith.statistics.nuisances import FREE, nuisances

SIMULATED = "Simulated events"
SIGNS = {">=": "≥", "<=": "≤", "==": "=", "!=": "≠"}


def parameter_labels(analysis: Analysis, names: Iterable[str]) -> dict[str, str]:
    """The label of each parameter of a fit, by the name that pyhf has for it.

    Those of nuisance parameters are the configuration's; a parameter of the number of simulated
    events, `staterror_signal[3]`, is one of a bin of a region, counted from 1. What is no
    parameter of the model keeps its name.
    """
    known = {nuisance.name: nuisance.label for nuisance in nuisances(analysis)}
    strengths = analysis.signal_strengths
    for name, signals in strengths.items():
        which = " + ".join(analysis.processes[signal].label for signal in signals)
        known[name] = "Signal strength" if len(strengths) == 1 else f"Signal strength, {which}"

    def label(name: str) -> str:
        of_bin = _bin(analysis, name)
        if name in known or of_bin is None:
            return known.get(name, name)
        region, index = of_bin
        return f"{SIMULATED}, {analysis.regions[region].label}, bin {index + 1}"

    return {name: label(name) for name in names}


def parameter_groups(analysis: Analysis, names: Iterable[str]) -> dict[str, str]:
    """The group, for people, that each parameter of a fit is quoted in, by its name.

    Luminosity, groups of systematic uncertainties, free normalisations (strengths of other signals
    among them), and simulated events. What is no parameter of the model is alone.
    """
    known = {nuisance.name: nuisance.group for nuisance in nuisances(analysis)}
    known |= dict.fromkeys(analysis.signal_strengths, FREE)

    def group(name: str) -> str:
        if name in known:
            return known[name]
        return name if _bin(analysis, name) is None else SIMULATED

    return {name: group(name) for name in names}


def cut_label(analysis: Analysis, text: str) -> str:
    """A cut of a cutflow in words: `met > 50` as $p_T^{miss}$ > 50 GeV.

    An observable without a label is called by its name, without underscores; units are those of the
    analysis module.
    """
    if text == EVERYTHING:
        return "before any cut"
    observable, direction, threshold = text.split(" ", 2)
    known = analysis.observables.get(observable)
    if known is not None:
        label = known.label
    elif observable in analysis.scores:
        label = score_label(analysis, observable)
    else:
        label = observable.replace("_", " ")
    defined = observables_of(analysis).get(observable)
    unit = "" if defined is None else defined.unit
    return f"{label} {SIGNS.get(direction, direction)} {threshold} {unit}".rstrip()


def class_label(analysis: Analysis, samples: Iterable[str]) -> str:
    """What a class of a network is called: its processes, by their labels.

    Those that differ in nothing but what follows in brackets, as `tt (1ℓ)` and `tt (2ℓ)`, are
    called what they have in common; several that are all backgrounds, `background`. Those of
    training sets have the names that the sets give.
    """
    if not analysis.of_samples:
        return ", ".join(name.replace("_", " ") for name in samples)
    processes = dict.fromkeys(analysis.samples[sample].process for sample in samples)
    backgrounds = {name for name, p in analysis.processes.items() if p.role == "background"}
    if len(processes) > 1 and processes.keys() == backgrounds:
        return "background"
    labels = [analysis.processes[process].label for process in processes]
    stems = [label.rpartition(" (")[0] if label.endswith(")") else label for label in labels]
    names = (
        stem if stems.count(stem) > 1 else label for stem, label in zip(stems, labels, strict=True)
    )
    return " + ".join(dict.fromkeys(names))


def network_label(analysis: Analysis, name: str) -> str:
    """What a network is called: of two classes, which it tells from which."""
    labels = [class_label(analysis, samples) for samples in analysis.mva[name].classes.values()]
    return f"{labels[1]} against {labels[0]}" if len(labels) == 2 else ", ".join(labels)


def score_label(analysis: Analysis, score: str) -> str:
    """What a score of a network, `name` or `name:class`, is called; `observables` may say it."""
    known = analysis.observables.get(score)
    if known is not None:
        return known.label
    name, _, of_class = score.partition(":")
    classes = analysis.mva[name].classes
    samples = classes[of_class] if of_class else list(classes.values())[-1]
    return f"Score for {class_label(analysis, samples)}"


def _bin(analysis: Analysis, name: str) -> tuple[str, int] | None:
    """The region and the bin, from 0, of a parameter of simulated events; None of any other."""
    region, _, index = name.removeprefix("staterror_").removesuffix("]").partition("[")
    known = name.startswith("staterror_") and region in analysis.regions
    return (region, int(index or 0)) if known else None
