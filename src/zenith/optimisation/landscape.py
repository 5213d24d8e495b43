"""What the objective looks like around a selection: over its thresholds, and in every bin."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from zenith.core.likelihood.structure import Templates
from zenith.core.selection.layout import Layout
from zenith.core.selection.objective import (
    Objective,
    hard_value,
    stacked,
    union_templates,
    value_and_bin_gradient,
)
from zenith.optimisation.selection import Physical

Array = NDArray[np.float64]


def landscape(
    selection: Physical, objective: Objective, events: Layout, axes: Mapping[str, Array]
) -> Array:
    """The hard objective over a grid of thresholds, the others as in `selection`.

    `axes` has the values of each threshold; the result has one axis for each, in their order. NaN
    where the fit does not converge.
    """
    values = []
    for point in product(*axes.values()):
        moved = dict(zip(axes, map(jnp.asarray, point), strict=True))
        here = {**selection, "thresholds": {**selection["thresholds"], **moved}}
        values.append(float(hard_value(here, objective, events)))
    return np.array(values).reshape([len(axis) for axis in axes.values()])


class Scan(NamedTuple):
    """What the events above a threshold are worth, (points,) each; NaN where it is not known."""

    thresholds: Array
    profiled: Array  # significance of the fit of all regions, with all nuisance parameters
    counting: Array  # of the events of some regions, known exactly, without their bins


def scan(
    selections: Sequence[Physical],
    objective: Objective,
    events: Layout,
    name: str,
    thresholds: Array,
    regions: Sequence[str],
) -> Scan:
    """The hard significance over one threshold of the selections of all folds, read together.

    The counting significance is √(2 (s + b) ln(1 + s / b) − 2 s), arXiv:1007.1727 eq. 97, of the
    `regions`. `events` are stacked, as those of `union_templates`.
    """
    signal = ~np.isin(objective.structure.samples, objective.background)
    profiled, counting = [], []
    for threshold in thresholds:
        moved = [
            {**one, "thresholds": {**one["thresholds"], name: jnp.asarray(threshold)}}
            for one in selections
        ]
        templates = union_templates(stacked(moved), objective, events)
        profiled.append(float(value_and_bin_gradient(objective, templates)[0]))
        nominal = np.asarray(templates.nominal, float)
        rows = sum(nominal[:, objective.structure.slices[r]].sum(axis=1) for r in regions)
        s, b = np.sum(rows[signal]), np.sum(rows[~signal])
        known = s > 0.0 and b > 0.0
        counting.append(np.sqrt(2.0 * ((s + b) * np.log1p(s / b) - s)) if known else np.nan)
    return Scan(thresholds, np.array(profiled), np.array(counting))


class BinGradient(NamedTuple):
    """Change of the objective per expected event more in a bin, (B,) each; NaN in empty bins."""

    signal: Array
    background: Array


def bin_gradient(objective: Objective, templates: Templates) -> BinGradient:
    """What an event more of all signal, or of all background, is worth in each bin.

    The processes keep their shares, and their variations and statistical uncertainties stay in
    proportion: dZ/dN = (1/N) dZ/d(ln w), where w scales the weights of the events in the bin. The
    rate uncertainties of whole channels stay as they are.
    """
    _, gradient = value_and_bin_gradient(objective, templates)
    pairs = [
        (templates.nominal[None], gradient.nominal[None]),
        (templates.histosys_up, gradient.histosys_up),
        (templates.histosys_down, gradient.histosys_down),
        (templates.uncertainty, gradient.uncertainty),
    ]
    logarithmic = sum(np.sum(np.asarray(t) * np.asarray(g), axis=0) for t, g in pairs)  # (S, B)
    background = np.array([name in objective.background for name in objective.structure.samples])

    def per_event(rows: NDArray[np.bool_]) -> Array:
        change = np.asarray(logarithmic)[rows].sum(axis=0)
        events = np.asarray(templates.nominal)[rows].sum(axis=0)
        ratio = np.full(len(events), np.nan)
        np.divide(change, events, out=ratio, where=events > 0.0)
        return ratio

    return BinGradient(per_event(~background), per_event(background))
