"""The impact of each nuisance parameter on the signal strength."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from zenith.statistics.best_fit import BestFit
from zenith.statistics.kinks import Vector
from zenith.statistics.likelihood import Likelihood
from zenith.statistics.minimiser import minimum
from zenith.statistics.reasons import Reasons

SIDES = {"up": 1.0, "down": -1.0}


def ranking(
    likelihood: Likelihood,
    best: BestFit,
    prefit_errors: Vector,
    ranked: Sequence[int],
    reasons: Reasons,
) -> list[dict[str, Any]]:
    """Impacts, the largest first: how far the signal strength moves where a parameter is held.

    The parameter is held at its best fit plus and minus its error after the fit (`impact_up`,
    `impact_down`) and before it (`prefit_impact_up`, `prefit_impact_down`; None where it has no
    constraint), and the others are fitted again: cabinetry's definition. `ranked` are indices of
    parameters: the per-bin ones of the number of simulated events are many, and small, and each
    costs four fits. An impact without an error or whose fit does not converge is None, and
    `reasons` say why.
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

    def shifts(index: int) -> dict[str, float]:
        after, before = best.errors[index], prefit_errors[index]
        sizes = {"impact": after, "prefit_impact": before}
        return {f"{k}_{s}": f * size for k, size in sizes.items() for s, f in SIDES.items()}

    entries = [
        {
            "name": likelihood.names[index],
            **{key: impact(index, key, shift) for key, shift in shifts(index).items()},
        }
        for index in ranked
        if not likelihood.fixed[index]
    ]
    return sorted(entries, key=lambda e: -max(abs(e[f"impact_{side}"] or 0.0) for side in SIDES))
