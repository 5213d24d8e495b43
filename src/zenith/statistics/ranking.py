"""The impact of each nuisance parameter on the signal strength."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from zenith.statistics.likelihood import Likelihood, Vector


def ranking(
    likelihood: Likelihood,
    best: Vector,
    errors: Vector,
    prefit_errors: Vector,
    ranked: Sequence[int],
) -> list[dict[str, Any]]:
    """Impacts, the largest first: how far the signal strength moves where a parameter is held.

    The parameter is held at its best fit plus and minus its error after the fit (`impact_up`,
    `impact_down`) and before it (`prefit_impact_up`, `prefit_impact_down`; None where it has no
    constraint), and the others are fitted again: cabinetry's definition. `ranked` are indices of
    parameters: the per-bin ones of the number of simulated events are many, and small, and each
    costs four fits.
    """
    poi = likelihood.poi

    def impact(index: int, shift: float) -> float | None:
        if shift == 0.0:
            return None
        moved = likelihood.minimum({index: best[index] + shift}, best)
        return float(moved.x[poi] - best[poi])

    entries = [
        {
            "name": likelihood.names[index],
            "impact_up": impact(index, errors[index]),
            "impact_down": impact(index, -errors[index]),
            "prefit_impact_up": impact(index, prefit_errors[index]),
            "prefit_impact_down": impact(index, -prefit_errors[index]),
        }
        for index in ranked
        if errors[index] > 0.0
    ]
    return sorted(entries, key=lambda e: -np.abs([e["impact_up"], e["impact_down"]]).max())
