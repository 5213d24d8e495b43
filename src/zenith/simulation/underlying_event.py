"""The underlying event on its own: multiparton interactions are nine tenths of an event's time."""

from typing import Any

from zenith.errors import ZenithError
from zenith.simulation.particles import Particles
from zenith.simulation.pythia import common, configured
from zenith.simulation.tau_truth import visible_particles

EVENTS = 1000
# What any hard process has around it: of Z → νν, all but the radiation of the initial state
PROCESS = (
    "WeakSingleBoson:ffbar2gmZ = on",
    "WeakZ0:gmZmode = 2",
    "23:onMode = off",
    "23:onIfAny = 12 14 16",
    "PartonLevel:ISR = off",
)


def underlying_events(seed: int) -> Particles:
    """The visible particles of `EVENTS` of them, to be laid over events that are generated without.

    Raises ZenithError if Pythia is not installed.
    """
    pythia: Any
    _, pythia = configured([*common(seed), *PROCESS])
    if not pythia.init():
        raise ZenithError("Pythia could not start with the card of the underlying event")
    return visible_particles(pythia.nextBatch(EVENTS))
