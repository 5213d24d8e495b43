"""Figures of a fit: templates before and after it, parameters, ranking, scan and limit.

Each function yields (name, figure), one at a time, so that only one figure is in memory.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from zenith.artefacts.fit import Fit, RegionTemplates
from zenith.config import Analysis
from zenith.figures import fit, stacks, style, uncertainties
from zenith.figures.gallery import Nuisance, layer, of_role
from zenith.figures.naming import Figures, axis_of, banner
from zenith.statistics.naming import parameter_groups, parameter_labels

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

    `pulls`, `pulls_mc_statistics`, `correlations`, `ranking`, `costs`, `scan` and `upper_limit`.
    """
    line = banner(analysis)
    names = [p["name"] for p in results["parameters"]]
    labels = parameter_labels(analysis, names)
    yield from _pulls(results, labels, line)
    if correlation := results.get("correlation"):
        matrix = correlation["matrix"]
        rows = [labels[name] for name in correlation["names"]]
        yield "correlations", fit.correlations(rows, matrix, banner=line)
    if ranked := results.get("ranking"):
        pulls = [_pull(results, row["name"]) for row in ranked]
        yield (
            "ranking",
            uncertainties.ranking(
                [labels[row["name"]] for row in ranked],
                [_known(row["impact_up"]) for row in ranked],
                [_known(row["impact_down"]) for row in ranked],
                [value for value, _, _ in pulls],
                [error for _, error, _ in pulls],
                prefit_up=[_known(row["prefit_impact_up"]) for row in ranked],
                prefit_down=[_known(row["prefit_impact_down"]) for row in ranked],
                banner=line,
            ),
        )
    if groups := results.get("groups"):
        of = parameter_groups(analysis, names)
        rows = [of[group["parameters"][0]] for group in groups]
        if together := results.get("all_constrained"):
            groups, rows = [*groups, together], [*rows, "All that have a constraint"]
        observed = [_known(group["impact"]) for group in groups]
        yield (
            "costs",
            uncertainties.costs(
                rows,
                [_known(group["expected_impact"]) for group in groups],
                [_known(group["gain"]) for group in groups],
                observed=None if results["asimov"] else observed,
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


def _pulls(results: Fit, labels: Mapping[str, str], line: style.Banner) -> Figures:
    """Of what has a prior, and of simulated statistics, beside what was expected of data."""
    for kind, name in (("constrained", "pulls"), ("mc_statistics", "pulls_mc_statistics")):
        members = [p["name"] for p in results["parameters"] if p["kind"] == kind]
        pulls = {member: _pull(results, member) for member in members}
        pulls = {member: pull for member, pull in pulls.items() if np.isfinite(pull[0])}
        if not pulls:
            continue
        values, errors, expected = zip(*pulls.values(), strict=True)
        beside = not results["asimov"] and np.isfinite(expected).any()
        rows = [labels[member] for member in pulls]
        shown = expected if beside else None
        yield name, uncertainties.pulls(rows, values, errors, expected=shown, banner=line)


def _pull(results: Fit, name: str) -> tuple[float, float, float]:
    """Shift, error and expected error of a parameter over the width of its prior; NaN without."""
    parameter = next(p for p in results["parameters"] if p["name"] == name)
    prior = parameter["prefit_error"]
    if not prior:
        return np.nan, np.nan, np.nan
    shift = parameter["value"] - parameter["prefit_value"]
    expected = _known(parameter.get("expected_error"))
    return shift / prior, _known(parameter["error"]) / prior, expected / prior


def _known(value: float | None) -> float:
    """What the fit could not have is NaN, which is not drawn."""
    return np.nan if value is None else value
