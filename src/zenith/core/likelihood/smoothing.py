"""Smoothing of binned ratios by local straight lines: linear in the ratios, so differentiable.

At every bin a straight line is fitted to the ratios r around it, each with the weight that its bin
has in the nominal template times a Gaussian kernel of one bin width (W. Cleveland, J. Am. Stat.
Assoc. 74 (1979) 829; J. Fan and I. Gijbels, "Local polynomial modelling and its applications",
1996). With moments S_k = Σ w (b' - b)^k and T_k = Σ w (b' - b)^k r of the bins b',

    smooth(b) = (S_2 T_0 - S_1 T_1) / (S_0 S_2 - S_1²)

A ratio that is a straight line stays as it is, also at the ends, and a bin of few events weighs
little. Running medians (353QH, CERN 74-23) know no weights, and choose: on bootstraps of one
template the significance that follows from theirs jumps by several times its statistical error.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

BANDWIDTH = 1.0  # of the kernel, in bins
# Variance of bin numbers that is added, in bins²: a line through one filled bin is horizontal
RIDGE = 1e-6


def smoothed_ratio(
    nominal: Array, varied: Array, channels: NDArray[np.integer[Any]] | None = None
) -> Array:
    """The ratio of varied to nominal yields, smooth along the last axis, both (…, B).

    With `channels`, (B,), a line takes the bins of one channel only. Only where the nominal is
    above zero does the result mean something.
    """
    bins = np.arange(nominal.shape[-1])
    distance = (bins[:, None] - bins).astype(float)  # from b, (b', b)
    kernel = np.exp(-0.5 * (distance / BANDWIDTH) ** 2)
    if channels is not None:
        kernel *= channels[:, None] == channels
    s0, s1, s2 = (nominal @ (kernel * distance**k) for k in range(3))
    t0, t1 = (varied @ (kernel * distance**k) for k in range(2))
    s2 += RIDGE * s0
    determinant = s0 * s2 - s1**2
    known = determinant > 0.0
    return jnp.where(known, s2 * t0 - s1 * t1, 1.0) / jnp.where(known, determinant, 1.0)
