"""The rules by which templates that a fit cannot digest are repaired.

Empty, negative and signal-only bins, and variations that change a bin beyond reason, end in opaque
failures of a minimiser. Three rules prevent them. They use nothing but the arithmetic of arrays, so
that the differentiable objective and the quoted fit obey the same ones: their arguments are arrays
of NumPy or of JAX.

1. A negative bin of a process becomes 0; its variance is kept.
2. An empty bin does not say that no background is expected there, only that it is not much more
   than what one simulated event stands for. Where the backgrounds have fewer than one event,
   counted as (Σw)²/Σw², the process with the most events among them gets what is lacking to one,
   with an uncertainty of 100 % on it. One of its events stands for Σw²/Σw: of the region, and of
   all that were simulated where the region has none. With a `minimum` the backgrounds are filled up
   to that instead.
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
    nominal: Array,
    variance: Array,
    background: Sequence[bool],
    minimum: float | None,
    sums: Array | None = None,
    share: Array | float = 1.0,
) -> tuple[Array, Array]:
    """Rules 1 and 2: the yields and variances of one region, both (P, B), repaired.

    `background`, (P,), says which processes are background; one is, at least. `sums`, (2, P), are
    Σw and Σw² of everything simulated; only needed without `minimum`. The variance that is returned
    is that of the fit that is quoted, of whose events these are a `share`.
    """
    is_background = np.asarray(background, float)
    clipped = nominal.clip(0.0)
    total = is_background @ clipped
    of_process = clipped.sum(axis=1)
    if minimum is not None:
        most = (of_process * is_background - (1.0 - is_background)).argmax()
        lacking = (minimum - total).clip(0.0)
    else:
        assert sums is not None
        abundance = of_process + EMPTY * sums[0].clip(0.0)
        most = (abundance * is_background - (1.0 - is_background)).argmax()
        spread = is_background @ variance
        known = spread > EMPTY**2
        events = total**2 / (spread * known + ~known)
        everywhere = _ratio(sums[1], sums[0], 1.0)  # one event where nothing was simulated
        weight = _ratio(variance.sum(axis=1), of_process, everywhere)[most]
        lacking = weight * (1.0 - events).clip(0.0)
    filled = (np.arange(len(background)) == most)[:, None] * lacking
    return clipped + filled, share * variance + filled**2


def _ratio(above: Array, below: Array, otherwise: Array | float) -> Array:
    known = below > EMPTY
    return above / (below * known + ~known) * known + otherwise * ~known


def consistent(varied: Array, before: Array, after: Array) -> Array:
    """Rule 3: variations, (…, P, B), to go with nominal yields `after`, not `before` any more."""
    known = before > EMPTY
    ratio = varied / (before * known + ~known)
    return after * (ratio * known + ~known).clip(*RATIOS)
