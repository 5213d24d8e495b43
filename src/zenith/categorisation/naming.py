"""What categories and their events are called on figures and pages."""

from collections.abc import Mapping
from dataclasses import dataclass

from zenith.config import Analysis, observables_of


@dataclass(frozen=True)
class EventLabels:
    """What events of a label are called, by the name or number of the label."""

    said: Mapping[str, str]

    @classmethod
    def of(cls, analysis: Analysis, source: Analysis | None) -> "EventLabels":
        """Those of a configuration, whose events are of `source`, or of a toy or file."""
        processes = source.processes if source else {}
        scored = analysis.inputs.scored
        labels = {name: process.label for name, process in processes.items()}
        return cls({**labels, **(scored.labels if scored else {})})

    def label(self, number: int, names: Mapping[str, str]) -> str:
        """What events of a label are called; `names` are those of their file, by number."""
        name = names.get(str(number), f"Label {number}")
        return self.said.get(str(number), self.said.get(name, name))


@dataclass(frozen=True)
class Naming:
    """Names for people; those of an analysis, where events are of one, unless it is said."""

    experiment: str
    status: str
    luminosity: float | None  # 1/fb
    energy: float | None  # TeV
    scores: tuple[str, ...]
    labels: EventLabels

    @classmethod
    def of(cls, analysis: Analysis, source: Analysis | None) -> "Naming":
        """The names of a configuration, whose events are of `source`, or of a toy or file."""
        said = analysis.inputs.scored
        luminosity = said.luminosity if said else None
        energy = said.energy if said else None
        scores = said.score_labels if said else ()
        if source is not None:
            assert analysis.categorise is not None
            luminosity = luminosity or source.luminosity()
            energy = energy or source.plotting.energy
            scores = scores or tuple(_axis(source, name) for name in analysis.categorise.scores)
        plotting = analysis.plotting
        labels = EventLabels.of(analysis, source)
        return cls(plotting.experiment, plotting.status, luminosity, energy, scores, labels)

    def score(self, number: int) -> str:
        """What a score is called."""
        return self.scores[number] if number < len(self.scores) else f"Score {number + 1}"


def _axis(source: Analysis, name: str) -> str:
    """An observable with its unit, or the name of a network's score."""
    known, defined = source.observables.get(name), observables_of(source).get(name)
    label = name if known is None else known.label
    return f"{label} [{defined.unit}]" if defined is not None and defined.unit else label
