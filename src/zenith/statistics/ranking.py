"""The impact of each nuisance parameter on the signal strength."""

from collections.abc import Sequence

import numpy as np

from zenith.artefacts.fit import Impact, Parameter
from zenith.statistics.best_fit import BestFit
from zenith.statistics.kinks import Vector
from zenith.statistics.likelihood import Likelihood
from zenith.statistics.minimiser import minimum
from zenith.statistics.parts import linear_impacts
from zenith.statistics.reasons import Reasons


def ranking(
    likelihood: Likelihood,
    best: BestFit,
    prefit_errors: Vector,
    parameters: Sequence[Parameter],
    reasons: Reasons,
) -> list[Impact]:
    """Impacts, the largest first: how far the signal strength moves where a parameter is held.

    The parameter is held at its best fit plus and minus its error after the fit (`impact_up`,
    `impact_down`) and before it (`prefit_impact_up`, `prefit_impact_down`; None where it has no
    constraint), and the others are fitted again: cabinetry's definition. Those of the number of
    simulated events, and others of one bin each, are many and small, and four fits each would take
    long: theirs are to first order, ρ σ(μ). An impact without an error or whose fit does not
    converge is None, and `reasons` say why. `parameters` are those of fit.json.
    """
    poi = likelihood.poi

    def impact(index: int, key: str, shift: float) -> float | None:
        if shift == 0.0:
            return None
        place = f"ranking.{likelihood.names[index]}.{key}"
        if np.isnan(shift):
            reasons.missing(place, "the parameter has no error after the fit")
            return None
        held = {index: best.x[index] + shift}
        moved = reasons.attempt(place, lambda: minimum(likelihood, held, best.x))
        return None if moved is None else float(moved.x[poi] - best.x[poi])

    def entry(index: int) -> Impact:
        after, before = best.errors[index], prefit_errors[index]
        return {
            "name": likelihood.names[index],
            "impact_up": impact(index, "impact_up", after),
            "impact_down": impact(index, "impact_down", -after),
            "prefit_impact_up": impact(index, "prefit_impact_up", before),
            "prefit_impact_down": impact(index, "prefit_impact_down", -before),
        }

    by_bin = _by_bin(likelihood)
    entries = []
    for index, parameter in enumerate(parameters):
        if likelihood.fixed[index] or index == poi:
            continue
        found = linear_impacts(best, poi, parameter, index) if index in by_bin else entry(index)
        if found is not None:
            entries.append(found)
    return sorted(
        entries, key=lambda e: -max(abs(e["impact_up"] or 0.0), abs(e["impact_down"] or 0.0))
    )


def _by_bin(likelihood: Likelihood) -> set[int]:
    """The parameters of which a modifier has one for each bin."""
    config = likelihood.model.config
    several = [
        name
        for name in config.par_order
        if config.param_set(name).n_parameters > 1 or name.startswith("staterror_")
    ]
    return {i for name in several for i in range(*config.par_slice(name).indices(10**6))}
