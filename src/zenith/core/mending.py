"""The rules by which templates that a fit cannot digest are mended.

Empty, negative and signal-only bins, and variations that change a bin beyond reason, end in opaque
failures of a minimiser. Three rules prevent them. They use nothing but the arithmetic of arrays, so
that the differentiable objective and the quoted fit obey the same ones: their arguments are arrays
of NumPy or of JAX.

1. A negative bin of a process becomes 0; its variance is kept.
2. Where the backgrounds add up to less than `minimum` events, the process with the most events
   among them gets what is lacking, with an uncertainty of 100 % on it.
3. A variation keeps its ratio to the nominal, limited to `RATIOS`; where the nominal is empty or
   negative nothing is known of the ratio, and it is 1.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = Any  # of NumPy or of JAX

# Beyond a factor of ten in one bin, a variation is the fluctuation of a few events; and its
# extrapolation to some standard deviations is negative.
RATIOS = (0.1, 10.0)
# Events. No histogram has so few, but the far tail of a kernel does, and the derivatives of ratios
# and roots of such numbers are beyond the range of floating point.
EMPTY = 1e-12


def floored(
    nominal: Array, variance: Array, background: Sequence[bool], minimum: float
) -> tuple[Array, Array]:
    """Rules 1 and 2: the yields and variances of one region, both (P, B), mended.

    `background`, (P,), says which processes are background; one is, at least.
    """
    is_background = np.asarray(background, float)[:, None]
    clipped = nominal.clip(0.0)
    lacking = (minimum - (clipped * is_background).sum(axis=0)).clip(0.0)
    most = (clipped * is_background - (1.0 - is_background)).sum(axis=1).argmax()
    filled = (np.arange(len(background)) == most)[:, None] * lacking
    return clipped + filled, variance + filled**2


def consistent(varied: Array, before: Array, after: Array) -> Array:
    """Rule 3: a variation, (P, B), to go with the nominal yields `after`, not `before` any more."""
    known = before > EMPTY
    ratio = varied / (before * known + ~known)
    return after * (ratio * known + ~known).clip(*RATIOS)
