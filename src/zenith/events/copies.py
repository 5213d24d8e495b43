"""Copies of the simulated events: where they are in the space of the parameters that shift them.

A copy is all events of a sample, in their order, with their weights: shifted to a point by all
parameters at once (`zenith.events.function_shifts`). Columns hold its observables by the name of
the point, so that a file says itself where its copies are.
"""

from collections.abc import Mapping

import numpy as np

from zenith.config import Analysis
from zenith.events.points import design

Point = Mapping[str, float]
"""Pulls in standard deviations, by the systematic uncertainty; those that it lacks are 0."""
DECIMALS = 3  # of a pull, in the name of its point


def shifting(analysis: Analysis, process: str | None = None) -> list[str]:
    """The systematic uncertainties that are parameters of shifts; of one process, or all."""
    return [
        name
        for name, systematic in analysis.systematics.items()
        if systematic.parameter(name) is not None
        if process is None or systematic.varies(analysis, process)
    ]


def points(analysis: Analysis) -> list[Point]:
    """The points of all copies, those on the axes first; none where the configuration has none.

    Of equal configurations they are equal.
    """
    if analysis.copies is None:
        return []
    names = shifting(analysis)
    ranges = [analysis.systematics[name].pulls or (-np.inf, np.inf) for name in names]
    lower, upper = zip(*ranges, strict=True)
    found = design(lower, upper, analysis.copies.random, analysis.seed, analysis.copies.reach)
    return [dict(zip(names, row, strict=True)) for row in found.round(DECIMALS).tolist()]


def of_process(analysis: Analysis, process: str) -> dict[str, Point]:
    """The copies of a process by their names: at the pulls of what shifts it."""
    if not (everywhere := points(analysis)):
        return {}
    shifts_it = shifting(analysis, process)
    found: dict[str, Point] = {}
    for point in everywhere:
        pulls = {name: point[name] for name in shifts_it if point[name] != 0.0}
        if pulls:
            found[name_of(pulls)] = pulls
    return found


def of_any(analysis: Analysis) -> dict[str, Point]:
    """The copies of all processes."""
    return {
        name: point
        for process in analysis.processes
        for name, point in of_process(analysis, process).items()
    }


def name_of(point: Point) -> str:
    """`t=1, j=-0.5`: the name of a copy."""
    return ", ".join(f"{name}={pull:g}" for name, pull in point.items() if pull != 0.0)


def is_one(variation: str) -> bool:
    """Whether a variation is a copy by its name."""
    return "=" in variation


def point_of(name: str) -> Point:
    """The point of a copy from its name."""
    return {key: float(pull) for key, _, pull in (part.partition("=") for part in name.split(", "))}
