"""What an optimisation has gained: every selection with all events, and with errors.

A selection is one for each fold, learned from the others; the templates are the union of the folds,
each read with its own, so that all events are used and none is judged by what it taught. The
significance is pyhf's, from the workspace of these templates. Its error is that of a bootstrap of
all simulated events with the selections as they are, by the differentiable core, which agrees with
pyhf and takes milliseconds. All selections see the same replicas, so that the errors of their
differences are paired.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import Columns
from zenith.artefacts.comparison import Compared, Expected, Gain
from zenith.config import Analysis
from zenith.config.variants import blinded
from zenith.core.selection.layout import Layout
from zenith.core.selection.objective import (
    Objective,
    hard_value,
    stacked,
    union_templates,
    value_and_bin_gradient,
)
from zenith.optimisation import model
from zenith.optimisation.selection import Physical, all_thresholds, hard_edges, physical
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
    blind = blinded(analysis)
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
    thresholds = [all_thresholds(analysis, selection) for selection in selections]
    return Selections.of(
        analysis,
        {name: [of_fold[name] for of_fold in thresholds] for name in thresholds[0]},
        {name: [of_fold[name] for of_fold in edges] for name in edges[0]},
    )


class Row(NamedTuple):
    """What is compared: an analysis, and what the events of each fold are read with."""

    analysis: Analysis
    columns: Mapping[str, Columns]  # with all that its regions read but the scores of networks
    selections: Sequence[Physical]  # one for each fold

    @classmethod
    def fixed(cls, analysis: Analysis, columns: Mapping[str, Columns]) -> "Row":
        """An analysis in which nothing moves: what differs between folds is in the columns."""
        return cls(analysis, columns, [physical(analysis, {}, {})] * analysis.folds.number)


def compare(rows: Mapping[str, Row], rival: str = "") -> Compared:
    """Significances of all rows, their errors, and those of their differences.

    Differences are to the first row, and to the `rival` if there is one. Returns what `Compared`
    says.
    """
    significance: dict[str, Expected] = {}
    replicas: dict[str, NDArray[np.float64]] = {}
    thresholds: dict[str, dict[str, list[float]]] = {}
    layouts: dict[int, tuple[Layout, Objective]] = {}  # by the analysis
    for name, (analysis, columns, chosen) in rows.items():
        if id(analysis) not in layouts:
            networks = chosen[0]["networks"]
            of_folds = [
                model.events(analysis, columns, networks, [fold], as_whole=False)
                for fold in range(analysis.folds.number)
            ]
            objective = model.objective(analysis, quantity="significance")
            layouts[id(analysis)] = stacked(of_folds), objective
        events, objective = layouts[id(analysis)]
        scored = {
            sample: add_unseen_scores(own, [s["networks"] for s in chosen], analysis.folds)
            for sample, own in columns.items()
        }
        hard = selections_of(analysis, events, chosen)
        replicas[name] = bootstrap(objective, events, chosen, analysis.statistics.bootstrap)
        significance[name] = {
            "z": quoted_significance(analysis, scored, hard),
            "error": spread(replicas[name]),
        }
        if hard.thresholds or hard.edges:
            learned = _on_what_taught_it(analysis, columns, objective, chosen)
            significance[name]["learning"] = learned
            thresholds[name] = {key: values.tolist() for key, values in hard.thresholds.items()}

    def gain(name: str, over: str) -> Gain:
        difference = significance[name]["z"] - significance[over]["z"]
        return {"difference": difference, "error": spread(replicas[name] - replicas[over])}

    first, *others = rows
    result: Compared = {
        "expected_significance": significance,
        "gain": {name: gain(name, first) for name in others},
        "thresholds": thresholds,
    }
    if rival:
        result["difference_to_rival"] = {name: gain(name, rival) for name in rows}
    if "fixed_edges" in others:
        result["gain_of_edges"] = gain("climb", "fixed_edges")
    return result


def _on_what_taught_it(
    analysis: Analysis,
    columns: Mapping[str, Columns],
    objective: Objective,
    selections: Sequence[Physical],
) -> float:
    """The mean over folds of Z on the folds that the selection was climbed on."""
    found = []
    for fold, chosen in enumerate(selections):
        taught = model.events(analysis, columns, chosen["networks"], analysis.folds.learning(fold))
        found.append(float(hard_value(chosen, objective, taught)))
    return float(np.mean(found))
