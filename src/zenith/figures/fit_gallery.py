"""Figures of a fit: templates before and after it, parameters, ranking, scan and limit.

Each function yields (name, figure), one at a time, so that only one figure is in memory.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from zenith.artefacts.fit import Fit, RegionTemplates
from zenith.config import Analysis
from zenith.figures import fit, stacks
from zenith.figures.gallery import Nuisance, layer, of_role
from zenith.figures.naming import Figures, axis_of, banner
from zenith.statistics.naming import parameter_labels

Stages = Sequence[tuple[Literal["prefit", "postfit"], str]]
"""Before or after the fit, with a title."""


def fit_regions(analysis: Analysis, nuisances: Sequence[Nuisance], results: Fit) -> Figures:
    """`{region}_prefit` and `{region}_postfit`: the fitted model, signal included, and the data.

    And `{region}_control_fit`, where blind regions are predicted from others: the background alone.
    """
    both: Stages = (("prefit", "Before the fit, μ = 1"), ("postfit", "After the fit"))
    yield from _fitted(analysis, results["templates"], both)
    if control := results.get("control_fit"):
        after: Stages = (("postfit", "Background fitted in control regions"),)
        for name, figure in _fitted(analysis, control["templates"], after):
            yield f"{name.removesuffix('_postfit')}_control_fit", figure


def _fitted(analysis: Analysis, regions: Mapping[str, RegionTemplates], stages: Stages) -> Figures:
    line = banner(analysis)
    for region, templates in regions.items():
        settings = analysis.regions[region]
        axis = axis_of(analysis, settings.fit.observable) | {"log": True}
        observed = of_role(analysis, analysis.processes, "data")
        for stage, title in stages:
            model, edges = templates[stage], templates["edges"]
            text, error = [settings.label, title], model["error"]
            if error is None:
                text, error = [*text, "no uncertainty, see fit.json"], [0.0] * len(edges[1:])
            yield (
                f"{region}_{stage}",
                stacks.stack(
                    edges,
                    [layer(analysis, p, model[p]) for p in analysis.processes if p in model],
                    error,
                    data=templates["data"],
                    data_label=analysis.processes[observed[0]].label if observed else "Data",
                    text=text,
                    banner=line,
                    **axis,
                ),
            )


def fit_results(analysis: Analysis, nuisances: Sequence[Nuisance], results: Fit) -> Figures:
    """What the fit was asked for, by the name of its figure.

    `pulls`, `pulls_mc_statistics`, `correlations`, `ranking`, `scan` and `upper_limit`.
    """
    line = banner(analysis)
    names = [p["name"] for p in results["parameters"]]
    labels = parameter_labels(analysis, names)
    pulled = {
        p["name"]: (
            (p["value"] - p["prefit_value"]) / p["prefit_error"],
            _known(p["error"]) / p["prefit_error"],
        )
        for p in results["parameters"]
        if p["prefit_error"] and p["kind"] in ("constrained", "mc_statistics")
    }
    for kind, name in (("constrained", "pulls"), ("mc_statistics", "pulls_mc_statistics")):
        members = [p["name"] for p in results["parameters"] if p["kind"] == kind]
        members = [member for member in members if member in pulled]
        if members:
            values, errors = zip(*(pulled[member] for member in members), strict=True)
            yield (
                name,
                fit.pulls([labels[member] for member in members], values, errors, banner=line),
            )
    if correlation := results.get("correlation"):
        names = [labels[name] for name in correlation["names"]]
        yield "correlations", fit.correlations(names, correlation["matrix"], banner=line)
    if ranked := results.get("ranking"):
        pulls = [pulled.get(row["name"], (np.nan, np.nan)) for row in ranked]
        impacts = {
            key: [_known(row[key]) for row in ranked]
            for key in ("impact_up", "impact_down", "prefit_impact_up", "prefit_impact_down")
        }
        yield (
            "ranking",
            fit.ranking(
                [labels[row["name"]] for row in ranked],
                impacts["impact_up"],
                impacts["impact_down"],
                [value for value, _ in pulls],
                [error for _, error in pulls],
                prefit_up=impacts["prefit_impact_up"],
                prefit_down=impacts["prefit_impact_down"],
                banner=line,
            ),
        )
    if points := results.get("scan"):
        yield (
            "scan",
            fit.likelihood_scan(
                points["mu"],
                [_known(delta) for delta in points["delta_twice_nll"]],
                best=results["mu"],
                error=results["mu_error"],
                asimov=results["asimov"],
                banner=line,
            ),
        )
    if limit := results.get("upper_limit"):
        signal = " + ".join(analysis.processes[p].label for p in analysis.signals_of_interest)
        yield (
            "upper_limit",
            fit.upper_limit(
                [_known(value) for value in limit["expected"]],
                None if results["asimov"] else _known(limit["observed"]),
                label=signal,
                banner=line,
            ),
        )


def _known(value: float | None) -> float:
    """What the fit could not have is NaN, which is not drawn."""
    return np.nan if value is None else value
