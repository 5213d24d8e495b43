"""What an optimisation has gained: every selection with all events, and with errors.

A selection is one for each fold, learned from the others; the templates are the union of the folds,
each read with its own, so that all events are used and none is judged by what it taught. The
significance is pyhf's, from the workspace of these templates. Its error is that of a bootstrap of
all simulated events with the selections as they are, by the differentiable core, which agrees with
pyhf and takes milliseconds. All selections see the same replicas, so that the errors of their
differences are paired.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple, TypeVar

import equinox as eqx
import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import Columns
from zenith.artefacts.comparison import Compared, Expected, ExpectedError, Gain
from zenith.config import Analysis
from zenith.config.variants import blinded
from zenith.core.networks.network import Network
from zenith.core.selection.layout import Layout
from zenith.core.selection.objective import (
    Objective,
    hard_value,
    replica_templates,
    stacked,
    union_templates,
    unstacked,
    value_and_bin_gradient,
)
from zenith.optimisation import evaluated, model
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

T = TypeVar("T")

BATCH = 25  # replicas whose histograms are filled together


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
    together, found = stacked(selections), list[float]()
    size = min(replicas, BATCH)
    for first in range(0, replicas, size or 1):
        numbers = np.arange(first, first + size, dtype=np.uint32)
        of_batch = unstacked(replica_templates(together, objective, events, numbers))
        for templates in of_batch[: replicas - first]:
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

    Differences are to the first row, and to the `rival` if there is one. Rows of one analysis stand
    together and share its columns; one row under two names is read once. Returns what `Compared`
    says.
    """
    named: dict[int, str] = {}
    read_as = {name: named.setdefault(id(row), name) for name, row in rows.items()}
    own = {name: row for name, row in rows.items() if read_as[name] == name}
    significance: dict[str, Expected] = {}
    replicas: dict[str, NDArray[np.float64]] = {}
    thresholds: dict[str, dict[str, list[float]]] = {}
    mu_errors: dict[str, NDArray[np.float64]] = {}
    for _, same in groupby(own.items(), key=lambda row: id(row[1].analysis)):
        group = dict(same)
        analysis, columns, _ = next(iter(group.values()))
        objective = model.objective(analysis, quantity="significance")
        axes = _events(group, 0, [0])
        hard = {n: selections_of(analysis, axes, row.selections) for n, row in group.items()}
        moved = {n: row for n, row in group.items() if hard[n].thresholds or hard[n].edges}
        learned = _on_what_taught_them(moved, objective)
        start: _Evaluated | None = None
        for name, row in group.items():
            networks = [selection["networks"] for selection in row.selections]
            if start is not None and eqx.tree_equal(networks, start.networks):
                read = start
            else:
                read = _Evaluated.of(analysis, columns, networks)
            start = start or read
            selections = [evaluated.selection(analysis, moved) for moved in row.selections]
            replicas[name] = bootstrap(
                objective, read.events, selections, analysis.statistics.bootstrap
            )
            if analysis.optimise.objective == "precision":
                mu_errors[name] = _mu_errors(analysis, read.events, selections)
            significance[name] = {
                "z": quoted_significance(analysis, read.columns, hard[name]),
                "error": spread(replicas[name]),
            }
        for name in moved:
            significance[name]["learning"] = learned[name]
            thresholds[name] = {key: t.tolist() for key, t in hard[name].thresholds.items()}

    significance, replicas = _under(read_as, significance), _under(read_as, replicas)
    thresholds, mu_errors = _under(read_as, thresholds), _under(read_as, mu_errors)

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
    if mu_errors:
        result["expected_mu_error"] = _precisions(mu_errors, first, rival)
    if "fixed_edges" in others:
        result["gain_of_edges"] = gain("climb", "fixed_edges")
    if "categories_start" in others:
        result["gain_of_categories"] = gain("categories", "categories_start")
    return result


def _under(read_as: Mapping[str, str], found: Mapping[str, T]) -> dict[str, T]:
    """What was found of a row under each of its names."""
    return {name: found[first] for name, first in read_as.items() if first in found}


def _mu_errors(
    analysis: Analysis, events: Layout, selections: Sequence[Physical]
) -> NDArray[np.float64]:
    """The expected error of the signal strength: of all events, and then of each replica."""
    objective = model.objective(analysis, quantity="precision")
    templates = union_templates(stacked(selections), objective, events)
    value = float(value_and_bin_gradient(objective, templates)[0])
    replicas = bootstrap(objective, events, selections, analysis.statistics.bootstrap)
    return np.array([value, *replicas])


def _precisions(
    errors: Mapping[str, NDArray[np.float64]], first: str, rival: str
) -> dict[str, ExpectedError]:
    """By row, from its value and those of its replicas; all rows have the same replicas."""

    def less(name: str, than: str) -> Gain:
        value, *replicas = errors[name] - errors[than]
        return {"difference": float(value), "error": spread(np.array(replicas))}

    found: dict[str, ExpectedError] = {}
    for name, (value, *replicas) in errors.items():
        found[name] = {"mu_error": float(value), "error": spread(np.array(replicas))}
        if name != first:
            found[name]["gain"] = less(name, first)
        if rival:
            found[name]["difference_to_rival"] = less(name, rival)
    return found


class _Evaluated(NamedTuple):
    """What networks of the folds make of all events: columns, and these laid out.

    Selections and replicas differ in cuts and weights alone, so that networks and categories are
    evaluated once for all of them.
    """

    networks: list[dict[str, Network]]
    columns: dict[str, Columns]
    events: Layout

    @classmethod
    def of(
        cls,
        analysis: Analysis,
        columns: Mapping[str, Columns],
        networks: list[dict[str, Network]],
    ) -> "_Evaluated":
        scored = {s: add_unseen_scores(c, networks, analysis.folds) for s, c in columns.items()}
        return cls(networks, scored, evaluated.events_of_each_fold(analysis, scored))


def _events(group: Mapping[str, Row], fold: int, folds: Sequence[int]) -> Layout:
    """The events of some folds, laid out for what rows of one analysis read a fold with."""
    analysis, columns, selections = next(iter(group.values()))
    return model.events(analysis, columns, selections[fold]["networks"], folds)


def _on_what_taught_them(group: Mapping[str, Row], objective: Objective) -> dict[str, float]:
    """By row, the mean over folds of Z on the folds that its selection was climbed on."""
    if not group:
        return {}
    found: dict[str, list[float]] = {name: [] for name in group}
    folds = next(iter(group.values())).analysis.folds
    for fold in range(folds.number):
        taught = _events(group, fold, folds.learning(fold))
        for name, row in group.items():
            found[name].append(float(hard_value(row.selections[fold], objective, taught)))
    return {name: float(np.mean(values)) for name, values in found.items()}
