"""Calibration: scores that are probabilities on events which taught nothing else."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

Array = NDArray[np.float64]


def vector_scaling(logits: ArrayLike, label: ArrayLike, weight: ArrayLike) -> tuple[Array, Array]:
    """Slopes and offsets, (outputs,) each, of logits (outputs, N) with the least cross-entropy.

    Guo et al., arXiv:1706.04599; for one output, whose score is a sigmoid, this is Platt's scaling.
    The weights, (N,), count as their effective number of events, beside a Gaussian of unit width
    for each slope, about 1, and offset, about 0: a few events do not ask for infinite slopes. No
    slope is below 0.
    """
    z = np.asarray(logits, float)
    outputs = len(z)
    weight = np.asarray(weight, float)
    weight = weight * (weight.sum() / (weight**2).sum())
    is_class = np.asarray(label) == np.arange(max(outputs, 2))[:, None]

    def cost(parameters: Array) -> tuple[float, Array]:
        slope, offset = parameters.reshape(2, outputs)
        scaled = slope[:, None] * z + offset[:, None]
        if outputs == 1:
            scaled = np.concatenate([np.zeros_like(scaled), scaled])
        log_p = scaled - logsumexp(scaled, axis=0)
        pull = (weight * (np.exp(log_p) - is_class))[-outputs:]
        prior = np.array([slope - 1.0, offset])
        gradient = np.array([(pull * z).sum(axis=1), pull.sum(axis=1)]) + prior
        entropy = -(weight * log_p)[is_class].sum()
        return entropy + 0.5 * (prior**2).sum(), gradient.ravel()

    bounds = [(0.0, None)] * outputs + [(None, None)] * outputs
    start = np.repeat([1.0, 0.0], outputs)
    found = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds)
    slope, offset = found.x.reshape(2, outputs)
    return slope, offset
