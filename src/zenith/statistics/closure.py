"""Whether a fake factor predicts what is there: in bins for people, as a number for the fit."""

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts.fakes import Compared, Projection
from zenith.errors import InputError
from zenith.statistics.fake_factors import Counted, Vector, bins_of, closure


def projected(
    events: Counted, factors: Vector, edges: Vector, x: NDArray[np.float32]
) -> Projection:
    """Fakes of a region in bins of an observable x, (N,), from the factors (V, N)."""
    found = closure(events, factors, bins_of(x[None], [edges]), len(edges) - 1)
    return {
        "edges": edges.tolist(),
        "loose": found.loose.tolist(),
        "predicted": found.predicted.tolist(),
        "predicted_error": np.sqrt(found.predicted_variance).tolist(),
        "factor_error": np.sqrt(found.factor_variance).tolist(),
        "observed": found.observed.tolist(),
        "observed_error": np.sqrt(found.observed_variance).tolist(),
    }


def closure_uncertainty(found: Compared, where: str) -> float:
    """The relative difference of observed and predicted fakes.

    Raises InputError where it is no uncertainty: nothing is predicted, or the difference is as
    large as that.
    """
    predicted, observed = found["predicted"], found["observed"]
    if not abs(observed - predicted) < predicted:
        raise InputError(
            f"{where}: {predicted:.4g} ± {found['predicted_error']:.2g} fakes are predicted and "
            f"{observed:.4g} ± {found['observed_error']:.2g} observed: a factor that is so wrong "
            "there predicts nothing; let it depend on more (bins, learn.features), check the "
            "prompt simulation, or take a validation region with more events"
        )
    return abs(observed / predicted - 1.0)
