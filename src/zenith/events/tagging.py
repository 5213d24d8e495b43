"""Weights of jets for other efficiencies of a tagger than simulation has, by working points."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def weights_between(efficiency: ArrayLike, scale_factor: ArrayLike) -> NDArray[np.float64]:
    """The weight of a jet by the working points that its score lies between.

    Simulated jets pass working point k with the efficiency ε_k, those of data with SF_k ε_k. A jet
    that passes k and not the next tighter one k + 1 weighs

        w_k = (SF_k ε_k - SF_{k+1} ε_{k+1}) / (ε_k - ε_{k+1}),

    where all pass the loosest, ε_0 = SF_0 = 1, and none what is tighter than the last, ε_{n+1} = 0.
    For one working point this is SF for a jet that passes and (1 - SF ε) / (1 - ε) for one that
    fails (method 1a of the CMS b-tagging group). An event weighs the product over its jets.

    It is a weight of the event and not of a cut: Σ_k w_k (ε_k - ε_{k+1}) = 1, so that the yield
    before any cut on the score stays, and above each working point the efficiency is SF_k ε_k.
    Above a threshold between two of them it is in between, so any threshold may be used and moved.

    Parameters
    ----------
    efficiency, scale_factor
        ε_k and SF_k of working points, from loose to tight along the last axis, (…, n).

    Returns
    -------
    weights
        w_0, …, w_n, shape (…, n + 1).

    Raises ValueError where efficiencies do not fall between 1 and 0, or where scale factors leave
    less than nothing between two working points.
    """
    simulated = _bounded(efficiency)
    data = _bounded(np.asarray(efficiency) * np.asarray(scale_factor))
    if np.any((share := -np.diff(simulated)) <= 0.0):
        raise ValueError("efficiencies must fall from one working point to the next, from 1 to 0")
    if np.any((wanted := -np.diff(data)) < 0.0):
        raise ValueError("scale factors leave less than nothing between two working points")
    return np.asarray(wanted / share)


def _bounded(efficiency: ArrayLike) -> NDArray[np.float64]:
    """With that of no requirement before, and that of an impossible one after."""
    inner = np.asarray(efficiency, np.float64)
    ends = np.ones((*inner.shape[:-1], 1))
    return np.concatenate([ends, inner, 0.0 * ends], axis=-1)
