"""What is expected: of the Asimov data at signal strength 1 and nominal nuisance parameters."""

import math
from collections.abc import Iterable, Sequence

from zenith.artefacts.fit import ExpectedStrength, Parameter
from zenith.statistics.best_fit import BestFit, best_fit
from zenith.statistics.kinks import Vector
from zenith.statistics.likelihood import Likelihood
from zenith.statistics.minimiser import minimum
from zenith.statistics.parts import parts


def _with_signal(likelihood: Likelihood) -> tuple[Vector, Likelihood]:
    """The parameters, and the likelihood of what is expected there."""
    truth = likelihood.nominal.copy()
    truth[likelihood.poi] = 1.0
    return truth, likelihood.with_asimov(truth)


def expected_significance(likelihood: Likelihood, known: Iterable[int] = ()) -> float:
    """Z of the Asimov data with the signal, where some parameters, by index, are known exactly.

    The free fit to them is known: it is what made them. arXiv:1007.1727, equation 12.
    """
    truth, asimov = _with_signal(likelihood)
    held = {**{index: float(truth[index]) for index in known}, likelihood.poi: 0.0}
    background = minimum(asimov, held, truth)
    return math.sqrt(max(background.twice_nll - asimov.twice_nll(truth), 0.0))


def fit_of_asimov(likelihood: Likelihood) -> BestFit:
    """The free fit to the Asimov data with the signal, for its errors."""
    truth, asimov = _with_signal(likelihood)
    return best_fit(asimov, truth)


def expected_strength(best: BestFit, poi: int, parameters: Sequence[Parameter]) -> ExpectedStrength:
    """The error of the signal strength in this fit, and its parts."""
    error = float(best.errors[poi])
    return {
        "mu_error": error if math.isfinite(error) else None,
        "mu_parts": parts(best, poi, parameters),
    }
