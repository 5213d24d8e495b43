"""Particles of many events in flat arrays, which are ten times faster than jagged ones."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]

# Stable particles with charge, by the sign of what has a positive code
POSITIVE, NEGATIVE = (211, 321, 2212, 3222), (11, 13, 3112, 3312, 3334)


class Placed(Protocol):
    """What has a direction in each of many events, the events in order."""

    @property
    def event(self) -> Index:
        """Number of the event."""

    @property
    def pt(self) -> Array:
        """Transverse momentum in GeV."""

    @property
    def eta(self) -> Array:
        """Pseudorapidity."""

    @property
    def phi(self) -> Array:
        """Azimuth."""


class Particles(NamedTuple):
    """Particles, (N,) each, the events in order; momenta in GeV."""

    event: Index
    pdg_id: Index
    pt: Array
    eta: Array
    phi: Array
    energy: Array

    @property
    def kind(self) -> Index:
        """The code without its sign."""
        return np.abs(self.pdg_id)

    @property
    def charge(self) -> Index:
        """−1, 0 or 1; of those that are stable."""
        sign = np.isin(self.kind, POSITIVE) * 1 - np.isin(self.kind, NEGATIVE) * 1
        return np.asarray(np.sign(self.pdg_id) * sign)

    def choose(self, chosen: NDArray[np.bool_] | Index) -> "Particles":
        """Those of a mask, or by their places."""
        return Particles._make(values[chosen] for values in self)


NO_PARTICLES = Particles(*np.zeros((2, 0), np.int64), *np.zeros((4, 0)))


def together(*several: Particles) -> Particles:
    """All of them, the events in order."""
    columns = [np.concatenate(parts) for parts in zip(*several, strict=True)]
    return Particles._make(columns).choose(np.argsort(columns[0], kind="stable"))


def renumbered(found: Particles, events: NDArray[np.bool_]) -> Particles:
    """Those of some events, (events,), by the place of their event among these."""
    chosen = found.choose(events[found.event])
    return chosen._replace(event=(np.cumsum(events) - 1)[chosen.event])


def ranges(start: Index, counts: Index) -> tuple[Index, Index]:
    """All places in ranges, by where each starts and how long it is: the range of each, and it."""
    one = np.repeat(np.arange(len(counts)), counts)
    return one, np.arange(len(one)) - np.repeat(np.cumsum(counts) - counts - start, counts)


def pairs_within(a: Placed, b: Placed, radius: float) -> tuple[Index, Index]:
    """Places in `a` and `b` of all pairs of the same event with ΔR below a radius."""
    start, stop = (np.searchsorted(b.event, a.event, side) for side in ("left", "right"))
    one, other = ranges(start, stop - start)
    phi = (a.phi[one] - b.phi[other] + np.pi) % (2 * np.pi) - np.pi
    near = np.hypot(a.eta[one] - b.eta[other], phi) < radius
    return one[near], other[near]


def number_within(a: Placed, b: Placed, radius: float) -> Index:
    """Of each of `a`, (N,), how many of `b` are within a radius."""
    return np.bincount(pairs_within(a, b, radius)[0], minlength=len(a.event))


def pt_within(a: Placed, b: Placed, radius: float) -> Array:
    """Of each of `a`, (N,), the scalar sum of pT of those of `b` within a radius."""
    one, other = pairs_within(a, b, radius)
    return np.bincount(one, b.pt[other], minlength=len(a.event)).astype(float)
