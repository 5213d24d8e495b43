"""What the error of the signal strength is made of, from the covariance of the fit.

With a set S of parameters held at their best fit, the minimum of the others stays where it is, and
what is left of the variance of μ is that of the conditional Gaussian:

    σ²(μ | S) = C_μμ - C_μS C_SS⁻¹ C_Sμ.

The last term is the square of the impact of S, here without a difference of two large numbers.
"""

import math
from collections.abc import Sequence

import numpy as np

from zenith.artefacts.fit import Impact, Parameter, Parts
from zenith.statistics.best_fit import BestFit


def impact_of(best: BestFit, poi: int, held: Sequence[int]) -> float | None:
    """The quadratic difference of the error of μ with and without parameters held.

    None where the signal strength has no error. Parameters without one are held already.
    """
    if best.correlation is None or not best.errors[poi] > 0.0:
        return None
    held = [i for i in held if best.errors[i] > 0.0]
    across, among = best.correlation[poi, held], best.correlation[np.ix_(held, held)]
    share = float(across @ np.linalg.solve(among, across)) if held else 0.0
    return float(best.errors[poi]) * math.sqrt(min(max(share, 0.0), 1.0))


def parts(best: BestFit, poi: int, parameters: Sequence[Parameter]) -> Parts | None:
    """The error of μ in statistical, systematic and simulation parts; None where it has none.

    Statistical is what is left with all constrained parameters held, free normalisations fitted.
    Of the rest, the part of the simulation is what holding its parameters alone takes away.
    """
    kinds = [parameter["kind"] for parameter in parameters]
    simulated = [i for i, kind in enumerate(kinds) if kind == "mc_statistics"]
    constrained = [i for i, kind in enumerate(kinds) if kind in ("constrained", "mc_statistics")]
    simulation, all_ = impact_of(best, poi, simulated), impact_of(best, poi, constrained)
    if simulation is None or all_ is None:
        return None
    return {
        "statistical": math.sqrt(max(float(best.errors[poi]) ** 2 - all_**2, 0.0)),
        "systematic": math.sqrt(max(all_**2 - simulation**2, 0.0)),
        "simulation": simulation,
    }


def linear_impacts(best: BestFit, poi: int, parameter: Parameter, index: int) -> Impact | None:
    """How far μ moves with a parameter, to first order: ρ σ(μ) for one of its errors.

    None where one of the two has no error.
    """
    error = float(best.errors[index])
    if best.correlation is None or not (best.errors[poi] > 0.0 and error > 0.0):
        return None
    moved = float(best.correlation[poi, index] * best.errors[poi])
    prior = parameter["prefit_error"]
    prefit = None if prior is None else moved * prior / error
    return {
        "name": parameter["name"],
        "impact_up": moved,
        "impact_down": -moved,
        "prefit_impact_up": prefit,
        "prefit_impact_down": None if prefit is None else -prefit,
    }
