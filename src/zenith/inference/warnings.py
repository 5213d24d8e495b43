"""What a reader of intervals is to be warned of, one line each: few events, noise, and bounds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts.interval import ParameterIntervals
from zenith.core.likelihood.workspace import Workspace
from zenith.inference.surface_noise import worst

# (Σw)² / Σw² of simulated events below which a warning is given: of 10 the error is 32 %, and no
# Gaussian
FEWEST = 10.0
# Of its error by which noise of surfaces may move a parameter: 68.3 % would cover in 67 %
FARTHEST = 0.25
LISTED = 3  # processes, and bins, that a line names


def warnings(
    workspace: Workspace,
    found: Sequence[ParameterIntervals],
    noise: NDArray[np.float64] | None = None,
) -> list[str]:
    """Those of a workspace and of the intervals of its parameters; none where all is well.

    `noise` (J, F, S, B) is that of the terms of surfaces, where there are any.
    """
    lines = [_few_in_bins(workspace), _few_of_processes(workspace)]
    if noise is not None:
        lines += [_noisy_surface(workspace, noise, parameter) for parameter in found]
    lines += [_on_bounds(workspace, parameter) for parameter in found]
    return [line for line in lines if line]


def _few_in_bins(workspace: Workspace) -> str:
    """Bins whose prediction rests on few simulated events, all processes together."""
    yields, squares = _simulated(workspace)
    known = squares.sum(axis=0) > 0.0
    number = _effective(yields.sum(axis=0), squares.sum(axis=0))
    few = np.flatnonzero(known & (number < FEWEST))
    if not len(few):
        return ""
    places = [(name, k) for name, size in workspace.structure.channels for k in range(size)]
    worst = few[np.argsort(number[few], kind="stable")][:LISTED]
    named = ", ".join(f"{places[b][0]} bin {places[b][1] + 1} with {number[b]:.1f}" for b in worst)
    return (
        f"few simulated events: {len(few)} of {known.sum()} bins have fewer than {FEWEST:g} "
        f"effective ones, (Σw)² / Σw² ({'the fewest: ' * (len(few) > LISTED)}{named}); simulate "
        "more, or merge bins"
    )


def _few_of_processes(workspace: Workspace) -> str:
    """Processes of which all bins together have few simulated events."""
    yields, squares = (each.sum(axis=1) for each in _simulated(workspace))
    number = _effective(yields, squares)
    few = np.flatnonzero((squares > 0.0) & (number < FEWEST))
    if not len(few):
        return ""
    named = ", ".join(f"{workspace.structure.samples[s]} with {number[s]:.1f}" for s in few)
    return (
        f"few simulated events: fewer than {FEWEST:g} effective ones in all bins together of "
        f"{named}; simulate more"
    )


def _noisy_surface(workspace: Workspace, noise: NDArray[np.float64], of: ParameterIntervals) -> str:
    """Where the noise of surfaces moves best fits of a parameter."""
    structure = workspace.structure
    found = worst(*workspace[:2], noise, structure.parameters.names.index(of["name"]))
    if abs(found.bias) <= FARTHEST:
        return ""
    return (
        f"few shifted events: where {found.name} is {found.value:g}, noise of response surfaces "
        f"moves {of['name']} by {found.bias:+.2f} of its error on average; shift more "
        "(surfaces.events)"
    )


def _on_bounds(workspace: Workspace, of: ParameterIntervals) -> str:
    """Intervals that the range of the parameter ends, and not the data."""
    parameters = workspace.structure.parameters
    index = parameters.names.index(of["name"])
    low, high = float(parameters.lower[index]), float(parameters.upper[index])
    ended = [one for one in of["intervals"] if one["lower_on_bound"] or one["upper_on_bound"]]
    if not ended:
        return ""
    levels = " and ".join(f"{100 * one['level']:.3g} %" for one in ended)
    whole = any(one["lower_on_bound"] and one["upper_on_bound"] for one in ended)
    what = "is its whole range" if whole else "ends at its range"
    return (
        f"interval of {of['name']} at {levels} {what}, {low:g} to {high:g}: the data do not limit "
        "it; widen the range, or take more events"
    )


def _simulated(workspace: Workspace) -> tuple[NDArray[Any], NDArray[Any]]:
    """Yields and sums of squared weights, (S, B), where the workspace says them; else 0."""
    structure, templates = workspace.structure, workspace.templates
    nominal, uncertainty = np.asarray(templates.nominal), np.asarray(templates.uncertainty)
    layer = {key: k for k, keys in enumerate(structure.layers) for key in keys}
    squares = np.zeros_like(nominal)
    for modifier in structure.modifiers:
        if modifier.type == "staterror":
            row = structure.samples.index(modifier.sample)
            bins = structure.slices[modifier.channel]
            squares[row, bins] = uncertainty[layer["staterror", modifier.name], row, bins] ** 2
    return np.where(squares > 0.0, nominal, 0.0), squares


def _effective(yields: NDArray[Any], squares: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(yields**2 / np.where(squares > 0.0, squares, 1.0))
