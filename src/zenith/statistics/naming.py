"""What the parameters of a fit are called on figures and pages."""

from collections.abc import Iterable

from zenith.config import Analysis
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
    return {name: known.get(name) or _of_statistics(analysis, name) for name in names}


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
        return SIMULATED if _of_statistics(analysis, name) != name else name

    return {name: group(name) for name in names}


def cut_label(analysis: Analysis, text: str) -> str:
    """A cut of a cutflow in words: its observable by its label, `met > 50` as $p_T^{miss}$ > 50.

    An observable without a label is called by its name, without underscores.
    """
    if text == EVERYTHING:
        return "before any cut"
    observable, direction, threshold = text.split(" ", 2)
    known = analysis.observables.get(observable)
    label = observable.replace("_", " ") if known is None else known.label
    return f"{label} {SIGNS.get(direction, direction)} {threshold}"


def _of_statistics(analysis: Analysis, name: str) -> str:
    channel, _, index = name.removeprefix("staterror_").removesuffix("]").partition("[")
    region = analysis.regions.get(channel)
    if region is None or not name.startswith("staterror_"):
        return name
    return f"{SIMULATED}, {region.label}, bin {int(index or 0) + 1}"
