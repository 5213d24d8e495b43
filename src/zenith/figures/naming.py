"""What an analysis calls things on its figures: the line above the axes, and the axes."""

from collections.abc import Iterator
from typing import Any

from matplotlib.figure import Figure

from zenith.config import Analysis, observables_of
from zenith.figures import style
from zenith.statistics.naming import score_label

Figures = Iterator[tuple[str, Figure]]
"""(name, figure), one at a time, so that only one figure is in memory."""


def banner(analysis: Analysis) -> style.Banner:
    """The line above the axes."""
    plotting = analysis.plotting
    if not analysis.of_samples:
        return style.Banner(plotting.experiment, plotting.status)
    return style.Banner(
        plotting.experiment, plotting.status, analysis.luminosity(), plotting.energy
    )


def _unit(analysis: Analysis, observable: str) -> str:
    defined = observables_of(analysis).get(observable) if analysis.of_samples else None
    return "" if defined is None else defined.unit


def axis_of(analysis: Analysis, observable: str) -> dict[str, Any]:
    """Label, unit and scale of an observable's axis; without a label, what it is called."""
    known = analysis.observables.get(observable)
    score = observable in analysis.scores
    name = score_label(analysis, observable) if score else observable
    return {
        "label": name if known is None else known.label,
        "unit": _unit(analysis, observable),
        "log": known is not None and known.log,
    }
