"""Where events are shifted to, so that responses to nuisance parameters follow from them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def design(
    lower: Sequence[float], upper: Sequence[float], random: int, seed: int = 0, reach: float = 2.0
) -> NDArray[np.float64]:
    """Points to shift to, (K, A): four on every axis, then `random` ones of the priors.

    Nuisance parameters range from `lower` to `upper`, (A,), and points at most from -reach to
    reach, by default the four ±1 and ±2. Random ones are normal between these ends.
    """
    from scipy.special import ndtr, ndtri  # every step reads points, few make them

    low, high = np.maximum(lower, -reach), np.minimum(upper, reach)
    axes = np.linspace(low, high, 5)
    on_axis = [
        value * np.eye(len(low))[a]
        for a in range(len(low))
        for value in axes[:, a]
        if abs(value) > 1e-9 * reach
    ]
    share = np.random.default_rng(seed).random((random, len(low)))
    ends = ndtr(low), ndtr(high)
    anywhere = ndtri(ends[0] + share * (ends[1] - ends[0]))
    return np.concatenate([np.reshape(on_axis, (-1, len(low))), anywhere])
