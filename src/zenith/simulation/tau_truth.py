"""Of Pythia's event record, what is seen of events with τ leptons."""

from typing import Any, NamedTuple

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from zenith.config.simulation import HardRadiation, LeptonTauCard
from zenith.simulation.filters import radiation_weight
from zenith.simulation.particles import Particles, ranges, renumbered, together
from zenith.simulation.tau_decays import Leptons, TauDecays
from zenith.simulation.truth import ELECTRON, MUON, NEUTRINOS, OUTGOING, RADIATED, TAU, Record

LEAST_PT, ETA_MAX = 0.3, 4.9  # of particles that a detector could see, in GeV
FROM_HADRONS = 91  # codes of what decays of hadrons give (Pythia manual, "Particle Properties")


class TauTruth(NamedTuple):
    """A batch of events: their visible particles, and the τ that decay to hadrons.

    `weight`, (events,), is how many events each stands for, `factor` how many times as likely a jet
    of it has to be mistaken for a τ.
    """

    particles: Particles
    hadronic: Particles
    factor: NDArray[np.float64]
    weight: NDArray[np.float64]

    @property
    def events(self) -> int:
        """Number of events."""
        return len(self.weight)

    def choose(self, events: NDArray[np.bool_]) -> "TauTruth":
        """Some of the events, (events,)."""
        particles, hadronic = (renumbered(p, events) for p in (self.particles, self.hadronic))
        return TauTruth(particles, hadronic, self.factor[events], self.weight[events])


def tau_truth(batch: Any, card: LeptonTauCard, decays: TauDecays) -> TauTruth:
    """Read a batch that the `Generator` of this card made, its τ decayed as it chose them to."""
    record = Record(batch.prt)
    kind = np.abs(record.pdg_id)
    lepton = np.isin(kind, (ELECTRON, MUON, TAU))
    hard = lepton & (record.code == OUTGOING)
    paired = (record.count(hard) > 1) & (record.count(hard & (kind == TAU)) > 0)
    final = record.status > 0
    prompt = record.code < FROM_HADRONS
    found = _leptons(record, lepton & final & prompt)
    choice = decays.choose(found, paired, card)
    tau = final & (kind == TAU)
    taus = _leptons(record, tau)
    decay = decays.drawn(taus, 1)[:, 0]
    decay[prompt[tau]] = choice.decay[found.tau]
    products = decays.products(taus, decay)
    reach = (products.pt > LEAST_PT) & (np.abs(products.eta) < ETA_MAX)
    return TauTruth(
        together(_particles(record, visible(record)), products.choose(reach)),
        _particles(record, tau).choose(decay >= decays.leptonic),
        choice.factor,
        choice.weight * _weight(batch, card.hard_radiation),
    )


def _leptons(record: Record, mask: NDArray[np.bool_]) -> Leptons:
    columns = (record.event, record.pdg_id, record.px, record.py, record.pz, record.energy)
    return Leptons._make(column[mask] for column in columns)


def _weight(batch: Any, radiation: HardRadiation | None) -> NDArray[np.float64]:
    """Of the filter that has kept the events: what is radiated has the scale of its emission."""
    if radiation is None:
        return np.ones(len(batch))
    scales = batch.prt.scale[abs(batch.prt.status) == RADIATED]
    return radiation_weight(radiation, ak.to_numpy(ak.max(scales, axis=1, initial=0.0)))


def visible(record: Record) -> NDArray[np.bool_]:
    """Which particles of a record a detector could see; τ are not, but what they decay to."""
    found = (record.status > 0) & ~np.isin(np.abs(record.pdg_id), (*NEUTRINOS, TAU))
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
    event, place = ranges(start, stop - start)
    turn = 2 * np.pi * random.random(truth.events)
    side = random.choice([-1.0, 1.0], truth.events)
    found = pool.choose(place)
    found = found._replace(event=event, eta=found.eta * side[event], phi=found.phi + turn[event])
    return truth._replace(particles=together(truth.particles, found))
