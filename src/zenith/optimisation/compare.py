"""What an optimisation has gained: every selection with all events, and with errors.

A selection is one for each fold, learned from the others; the templates are the union of the folds,
each read with its own, so that all events are used and none is judged by what it taught. The
significance is pyhf's, from the workspace of these templates. Its error is that of a bootstrap of
all simulated events with the selections as they are, by the differentiable core, which agrees with
pyhf and takes milliseconds. All selections see the same replicas, so that the errors of their
differences are paired.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import Columns
from zenith.artefacts.comparison import Compared, Expected, Gain
from zenith.config import Analysis
from zenith.core.selection.layout import Layout
from zenith.core.selection.objective import (
    Objective,
    hard_value,
    stacked,
    union_templates,
    value_and_bin_gradient,
)
from zenith.optimisation import model
from zenith.optimisation.selection import Physical, hard_edges
from zenith.statistics import workspace
from zenith.statistics.bootstrap import spread
from zenith.statistics.expected import expected_significance
from zenith.statistics.histograms import fill
from zenith.statistics.likelihood import Likelihood, numpy_backend
from zenith.statistics.repair import sanitise
from zenith.statistics.selections import Selections
from zenith.statistics.templates import collect
from zenith.training.scores import add_unseen_scores


def quoted_significance(
    analysis: Analysis, columns: Mapping[str, Columns], selections: Selections | None = None
) -> float:
    """pyhf's expected significance of hard selections, one for each fold, with all events.

    `columns` hold the scores of the networks. The expected significance needs no data, so that the
    workspace is built blind.
    """
    blind = analysis.blinded()
    selections = selections or Selections.of(blind)
    histograms = fill(blind, columns, selections)
    on_axes = selections.on_axes(blind)
    regions = [
        sanitise(templates, analysis.statistics.minimum_yield)[0]
        for templates in collect(on_axes, histograms, "histograms of all folds")
    ]
    spec, _ = workspace.build(on_axes, regions)
    with numpy_backend():
        likelihood = Likelihood.of(spec, "workspace of all folds")
        return 0.0 if likelihood.fixed[likelihood.poi] else expected_significance(likelihood)


def bootstrap(
    objective: Objective, events: Layout, selections: Sequence[Physical], replicas: int
) -> NDArray[np.float64]:
    """The objective of hard selections on bootstraps of all events, (replicas,).

    `events` are the layouts of single folds, stacked. Replica k draws the same events for every
    selection.
    """
    together = stacked(selections)
    found = []
    for k in range(replicas):
        templates = union_templates(together, objective, events, np.uint32(k))
        found.append(float(value_and_bin_gradient(objective, templates)[0]))
    return np.array(found)


def selections_of(analysis: Analysis, events: Layout, selections: Sequence[Physical]) -> Selections:
    """What the climb moves, fold by fold, as histograms are filled with it."""
    edges = [hard_edges(events, selection) for selection in selections]
    return Selections.of(
        analysis,
        {n: [float(s["thresholds"][n]) for s in selections] for n in selections[0]["thresholds"]},
        {name: [of_fold[name] for of_fold in edges] for name in edges[0]},
    )


def compare(
    analysis: Analysis,
    columns: Mapping[str, Columns],
    objective: Objective,
    selections: Mapping[str, Sequence[Physical]],
) -> Compared:
    """Significances by selection, their errors, and those of the gains over the first.

    Each selection is one for each fold. Returns what `Compared` says.
    """
    folds = range(analysis.folds.number)
    first, *others = selections
    networks = selections[first][0]["networks"]
    of_folds = [model.events(analysis, columns, networks, [f], as_whole=False) for f in folds]
    events = stacked(of_folds)
    significance: dict[str, Expected] = {}
    replicas: dict[str, NDArray[np.float64]] = {}
    thresholds: dict[str, dict[str, list[float]]] = {}
    learned = _on_what_taught_them(analysis, columns, objective, selections)
    for name, chosen in selections.items():
        scored = {
            sample: add_unseen_scores(own, [s["networks"] for s in chosen], analysis.folds)
            for sample, own in columns.items()
        }
        hard = selections_of(analysis, of_folds[0], chosen)
        replicas[name] = bootstrap(objective, events, chosen, analysis.statistics.bootstrap)
        significance[name] = {
            "z": quoted_significance(analysis, scored, hard),
            "error": spread(replicas[name]),
            "learning": learned[name],
        }
        thresholds[name] = {key: values.tolist() for key, values in hard.thresholds.items()}

    def gain(name: str, over: str) -> Gain:
        difference = significance[name]["z"] - significance[over]["z"]
        return {"difference": difference, "error": spread(replicas[name] - replicas[over])}

    result: Compared = {
        "expected_significance": significance,
        "gain": {name: gain(name, first) for name in others},
        "thresholds": thresholds,
    }
    if "fixed_edges" in others:
        result["gain_of_edges"] = gain("climb", "fixed_edges")
    return result


def _on_what_taught_them(
    analysis: Analysis,
    columns: Mapping[str, Columns],
    objective: Objective,
    selections: Mapping[str, Sequence[Physical]],
) -> dict[str, float]:
    """By selection, the mean over folds of Z on the folds that the selection was climbed on."""
    found: dict[str, list[float]] = {name: [] for name in selections}
    for fold in range(analysis.folds.number):
        networks = next(iter(selections.values()))[fold]["networks"]
        events = model.events(analysis, columns, networks, analysis.folds.learning(fold))
        for name, chosen in selections.items():
            found[name].append(float(hard_value(chosen[fold], objective, events)))
    return {name: float(np.mean(values)) for name, values in found.items()}
