"""Whether cuts leave two regions an event in common.

A cut that moves counts as its loosest. Two regions are disjoint if on one observable they ask for
ranges that are; what follows from several observables together is not seen.
"""

from collections.abc import Iterable
from math import inf

from zenith.comparison import Comparison
from zenith.config.relations import Related
from zenith.config.selection import RegionCut

Bound = tuple[float, bool]  # and whether the value itself is left out
Range = tuple[Bound, Bound]


def loosest(analysis: Related, cut: RegionCut) -> Comparison | None:
    """The cut at a number, that of its loosest threshold; None of an edge that is not known."""
    said = cut.comparison
    if cut.parameter is None:
        return said
    tuned = analysis.tunable_cuts.get(cut.parameter)
    if tuned is None or tuned.tune is None:
        return None
    return Comparison(said.observable, said.direction, tuned.tune[said.keeps == "below"])


def _ranges(cuts: Iterable[Comparison]) -> dict[str, Range]:
    found: dict[str, Range] = {}
    for cut in cuts:
        low, high = found.get(cut.observable, ((-inf, False), (inf, False)))
        threshold = float(cut.threshold)
        if cut.direction in (">", ">=", "=="):
            low = max(low, (threshold, cut.direction == ">"))
        if cut.direction in ("<", "<=", "=="):
            high = min(high, (threshold, cut.direction == "<"), key=lambda b: (b[0], not b[1]))
        found[cut.observable] = low, high
    return found


def disjoint(first: Iterable[Comparison], second: Iterable[Comparison]) -> bool:
    """Whether no event passes both sets of cuts at numbers, as far as single observables say."""
    for (low, without_low), (high, without_high) in _ranges([*first, *second]).values():
        if low > high or (low == high and (without_low or without_high)):
            return True
    return False
