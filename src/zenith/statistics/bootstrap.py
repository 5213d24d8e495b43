"""The error of a number, from its replicas."""

import numpy as np
from numpy.typing import NDArray


def spread(values: NDArray[np.float64]) -> float:
    """Half the central 68 % interval of the replicas whose fit converged; 0 with fewer than two.

    Not the standard deviation: a replica that empties a bin of its background has a significance
    far out in the tail, and a few of them would be all that it measures.
    """
    finite = values[np.isfinite(values)]
    if len(finite) < 2:
        return 0.0
    low, high = np.quantile(finite, [0.15865, 0.84135])
    return float(high - low) / 2
