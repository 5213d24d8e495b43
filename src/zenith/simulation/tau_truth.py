"""Of Pythia's event record, what is seen of events with τ leptons."""

from typing import Any, NamedTuple

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from zenith.config.simulation import HardRadiation
from zenith.simulation.particles import Particles, renumbered, together
from zenith.simulation.truth import ELECTRON, MUON, NEUTRINOS, OUTGOING, RADIATED, TAU, Record

LEAST_PT, ETA_MAX = 0.3, 4.9  # of particles that a detector could see, in GeV


class TauTruth(NamedTuple):
    """A batch of events: their visible particles, and the τ that decay to hadrons.

    `has_tau`, (events,), is whether the hard process has a τ; `weight`, (events,), how many events
    each stands for.
    """

    particles: Particles
    hadronic: Particles
    has_tau: NDArray[np.bool_]
    weight: NDArray[np.float64]

    @property
    def events(self) -> int:
        """Number of events."""
        return len(self.has_tau)

    def choose(self, events: NDArray[np.bool_]) -> "TauTruth":
        """Some of the events, (events,)."""
        particles, hadronic = (renumbered(p, events) for p in (self.particles, self.hadronic))
        return TauTruth(particles, hadronic, self.has_tau[events], self.weight[events])


def tau_truth(batch: Any, radiation: HardRadiation | None = None) -> TauTruth:
    """Read a batch that `Generator.batch` made with this key of its card."""
    record = Record(batch.prt)
    kind = np.abs(record.pdg_id)
    # A τ whose daughters are no τ has decayed; a charged lepton among them says how.
    daughter = kind[record.mother] == TAU
    mother = record.mother[daughter]
    leptonic, copied = np.zeros((2, len(kind)), bool)
    leptonic[mother[np.isin(kind[daughter], (ELECTRON, MUON))]] = True
    copied[mother[kind[daughter] == TAU]] = True
    tau = kind == TAU
    return TauTruth(
        _particles(record, visible(record)),
        _particles(record, tau & (record.status < 0) & ~leptonic & ~copied),
        record.count(tau & (record.code == OUTGOING)) > 0,
        np.ones(len(record.counts)) if radiation is None else _weight(batch, radiation),
    )


def _weight(batch: Any, radiation: HardRadiation) -> NDArray[np.float64]:
    """Of the filter that has kept the events: what is radiated has the scale of its emission."""
    radiated = (abs(batch.prt.status) == RADIATED) & (batch.prt.scale > radiation.pt)
    return np.where(ak.to_numpy(ak.any(radiated, axis=1)), 1.0, radiation.one_in)


def visible(record: Record) -> NDArray[np.bool_]:
    """Which particles of a record a detector could see."""
    found = (record.status > 0) & ~np.isin(np.abs(record.pdg_id), NEUTRINOS)
    found &= record.pt > LEAST_PT
    return np.asarray(found & (np.abs(record.pz) < np.sinh(ETA_MAX) * record.pt))


def _particles(record: Record, mask: NDArray[np.bool_]) -> Particles:
    pt = record.pt[mask]
    return Particles(
        record.event[mask],
        record.pdg_id[mask],
        pt,
        np.arcsinh(record.pz[mask] / np.maximum(pt, 1e-6)),
        np.arctan2(record.py[mask], record.px[mask]),
        record.energy[mask],
    )


def visible_particles(batch: Any) -> Particles:
    """What is visible of a batch."""
    record = Record(batch.prt)
    return _particles(record, visible(record))


def overlaid(truth: TauTruth, pool: Particles, random: np.random.Generator) -> TauTruth:
    """Events with one of a pool on top of each, drawn, turned, and half of them mirrored.

    The pool is that of the underlying event, `Generator.underlying_events`.
    """
    number = int(pool.event[-1]) + 1 if len(pool.event) else 0
    if not number:
        return truth
    drawn = random.integers(number, size=truth.events)
    start, stop = (np.searchsorted(pool.event, drawn, side) for side in ("left", "right"))
    counts = stop - start
    event = np.repeat(np.arange(truth.events), counts)
    place = np.arange(len(event)) - np.repeat(np.cumsum(counts) - counts - start, counts)
    turn = 2 * np.pi * random.random(truth.events)
    side = random.choice([-1.0, 1.0], truth.events)
    found = pool.choose(place)
    found = found._replace(event=event, eta=found.eta * side[event], phi=found.phi + turn[event])
    return truth._replace(particles=together(truth.particles, found))
