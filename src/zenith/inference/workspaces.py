"""Intervals of the parameters of a workspace."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from zenith.artefacts.interval import Intervals, OneInterval, ParameterIntervals
from zenith.core.likelihood.descents import MOST_STARTS
from zenith.core.likelihood.histfactory import (
    Data,
    Model,
    asimov,
    nominal,
    observed,
    perfect_twice_nll,
    prepare,
)
from zenith.core.likelihood.workspace import Workspace
from zenith.errors import FitError, InputError
from zenith.inference.intervals import ONE_SIGMA, Interval, interval, thresholds
from zenith.inference.minima import scan
from zenith.inference.warnings import warnings

LEVELS = (ONE_SIGMA, 0.95)


def intervals(
    workspace: Workspace,
    names: Sequence[str] = (),
    levels: Sequence[float] = LEVELS,
    *,
    expected: bool = False,
    noise: NDArray[np.float64] | None = None,
) -> Intervals:
    """The intervals of parameters, by default of the parameter of interest, at rising levels.

    Best fits are looked for from far away as well, for any workspace may have several minima.

    `noise` (J, F, S, B) is that of the terms of surfaces, of which there may be warnings.

    Raises InputError for levels that are no probabilities or twice there, FitError for parameters
    that are not in the model or held by it, and fits that do not converge.
    """
    structure, parameters = workspace.structure, workspace.structure.parameters
    levels = sorted(levels)
    if not levels or len(set(levels)) < len(levels):
        raise InputError(f"levels {levels}: give at least one, and each once")
    q = thresholds(levels)
    model = jax.jit(prepare, static_argnums=0)(structure, workspace.templates)
    if expected:
        data = jax.jit(asimov, static_argnums=0)(structure, model, nominal(structure, 1.0))
    else:
        data = observed(structure, model, jnp.asarray(workspace.observed))
    content: list[ParameterIntervals] = []
    value = 0.0
    for name in names or (parameters.names[parameters.poi],):
        index = index_of(workspace, model, name)
        found: Interval = interval(structure, model, data, index, q, MOST_STARTS)
        content.append(_of_parameter(workspace, model, data, index, found, levels, q))
        value = float(found.value)
    constant = float(perfect_twice_nll(structure, model, data))
    kind = "expected" if expected else "observed"
    return {
        "data": kind,
        "twice_nll": 2.0 * value + constant,
        "parameters": content,
        "warnings": warnings(workspace, content, noise),
    }


def index_of(workspace: Workspace, model: Model, name: str) -> int:
    """The place of a parameter; raises FitError for one that is none of the model's free ones."""
    names = workspace.structure.parameters.names
    if name not in names:
        raise FitError(f"parameter '{name}' is not in the model; it has {', '.join(names)}")
    index = names.index(name)
    if not bool(model.free[index]):
        raise FitError(f"parameter '{name}' is held by the workspace: it has no interval")
    return index


def _of_parameter(
    workspace: Workspace,
    model: Model,
    data: Data,
    index: int,
    found: Interval,
    levels: Sequence[float],
    q: np.ndarray,
) -> ParameterIntervals:
    name = workspace.structure.parameters.names[index]
    if not found.converged and not found.deeper:
        raise FitError(
            f"the profile of '{name}' did not converge; look for parameters that the data do not "
            "determine, and fix them"
        )
    apart = scan(workspace.structure, model, data, index, found, q.tolist())
    listed: list[OneInterval] = [
        {
            "level": float(level),
            "lower": float(found.lower[k]),
            "upper": float(found.upper[k]),
            "lower_on_bound": bool(found.lower_on_bound[k]),
            "upper_on_bound": bool(found.upper_on_bound[k]),
            "others": [{"lower": low, "upper": high} for low, high in apart.regions[k]],
        }
        for k, level in enumerate(levels)
    ]
    return {
        "name": name,
        "best": float(found.best),
        "intervals": listed,
        "minima": list(apart.minima),
    }
