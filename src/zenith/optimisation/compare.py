"""What an optimisation has gained: every selection on every part of the events, with errors.

The significance of a selection is pyhf's, from the workspace of its hard histograms. Its error is
that of a bootstrap of the simulated test events, by the differentiable core, which agrees with pyhf
and takes milliseconds. All selections see the same replicas, so that the errors of their
differences are paired.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import Columns
from zenith.artefacts.comparison import Compared, Expected, Gain
from zenith.config import Analysis
from zenith.core.selection.layout import Layout
from zenith.core.selection.objective import Objective, hard_value
from zenith.optimisation.selection import Physical, hard_edges
from zenith.statistics import workspace
from zenith.statistics.bootstrap import spread
from zenith.statistics.expected import expected_significance
from zenith.statistics.histograms import fill
from zenith.statistics.likelihood import Likelihood, numpy_backend
from zenith.statistics.model import simulated_shares
from zenith.statistics.repair import sanitise
from zenith.statistics.templates import collect
from zenith.statistics.thresholds import with_edges
from zenith.training.scores import add_scores

# Part of the split by what it was for; `train` is what the climb saw, whatever trained networks.
QUOTED = {"train": "optimise", "validate": "validate", "test": "test"}


def quoted_significance(
    analysis: Analysis,
    columns: Mapping[str, Columns],
    thresholds: Mapping[str, float],
    part: str,
) -> float:
    """pyhf's expected significance of a hard selection on one part of the simulated events.

    With the precision of the simulation that is quoted: a part differs by its events alone.

    `columns` hold the scores of the networks. The expected significance needs no data, so that the
    workspace is built blind.
    """
    blind = analysis.blinded()
    histograms = fill(blind, columns, thresholds, part)
    shares = {} if part == "test" else simulated_shares(analysis, part)
    regions = [
        sanitise(templates, analysis.statistics.minimum_yield, shares.get(templates.region))[0]
        for templates in collect(blind, histograms, f"histograms of {part}")
    ]
    spec, _ = workspace.build(blind, regions)
    with numpy_backend():
        likelihood = Likelihood.of(spec, f"workspace of {part}")
        return 0.0 if likelihood.fixed[likelihood.poi] else expected_significance(likelihood)


def bootstrap(
    objective: Objective, events: Layout, selection: Physical, replicas: int
) -> NDArray[np.float64]:
    """The objective of a hard selection on bootstraps of the events, (replicas,).

    Replica k draws the same events for every selection.
    """
    return np.array(
        [float(hard_value(selection, objective, events, np.uint32(k))) for k in range(replicas)]
    )


def compare(
    analysis: Analysis,
    columns: Mapping[str, Columns],
    objective: Objective,
    test_events: Layout,
    selections: Mapping[str, Physical],
) -> Compared:
    """Significances by selection and part, their errors, and those of the gains over the first.

    Returns
    -------
    expected_significance
        Selection → train, validate, test (pyhf) and test_error (bootstrap).
    gain
        Selection → the difference to the first one on the test events, and its paired error.
    gain_of_edges
        That of `optimised` to `fixed_edges`, if both are there.
    """
    significance: dict[str, Expected] = {}
    replicas: dict[str, NDArray[np.float64]] = {}
    for name, selection in selections.items():
        scored = {s: add_scores(c, selection["networks"]) for s, c in columns.items()}
        binned = with_edges(analysis, hard_edges(test_events, selection))
        thresholds = {key: float(value) for key, value in selection["thresholds"].items()}
        quoted = {
            key: quoted_significance(binned, scored, thresholds, part)
            for key, part in QUOTED.items()
        }
        replicas[name] = bootstrap(objective, test_events, selection, analysis.statistics.bootstrap)
        significance[name] = {
            "train": quoted["train"],
            "validate": quoted["validate"],
            "test": quoted["test"],
            "test_error": spread(replicas[name]),
        }

    def gain(name: str, over: str) -> Gain:
        difference = significance[name]["test"] - significance[over]["test"]
        return {"difference": difference, "error": spread(replicas[name] - replicas[over])}

    first, *others = selections
    result: Compared = {
        "expected_significance": significance,
        "gain": {name: gain(name, first) for name in others},
    }
    if "fixed_edges" in others:
        result["gain_of_edges"] = gain("optimised", "fixed_edges")
    return result
