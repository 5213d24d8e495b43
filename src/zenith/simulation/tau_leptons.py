"""Tracks, and the one isolated electron or muon of events with a hadronic τ."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zenith.config.tower_response import TowerResponse
from zenith.simulation.particles import Array, Particles, pt_within
from zenith.simulation.truth import ELECTRON, MUON

LEPTONS = (ELECTRON, MUON)
PHOTON = 22
ETA, BARREL = 2.5, 1.5
ISOLATION_PT, CONE = 0.5, 0.5
NEUTRAL_HADRON = 4.0  # GeV that a neutral hadron needs to be seen


class Lepton(NamedTuple):
    """The lepton of each event, (events,); `there` is whether it has one, and no other.

    `muon_x` and `muon_y` are the momentum of all muons, which towers do not see.
    """

    there: NDArray[np.bool_]
    pt: Array
    eta: Array
    phi: Array
    muon_x: Array
    muon_y: Array


def tracks(particles: Particles, random: np.random.Generator) -> Particles:
    """The charged particles that leave a track, with their true momenta."""
    kind, barrel = particles.kind, np.abs(particles.eta) < BARREL
    efficiency = np.where(barrel, 0.95, np.where(kind == ELECTRON, 0.83, 0.85))
    efficiency = np.where(particles.pt < 1.0, np.where(barrel, 0.70, 0.60), efficiency)
    efficiency = np.where(kind == MUON, np.where(barrel, 0.99, 0.98), efficiency)
    seen = (particles.charge != 0) & (np.abs(particles.eta) < ETA)
    return particles.choose(seen & (random.random(len(kind)) < efficiency))


def lepton(
    particles: Particles,
    tracks: Particles,
    events: int,
    response: TowerResponse,
    random: np.random.Generator,
) -> Lepton:
    """The one that is identified and isolated."""
    found = tracks.choose(np.isin(tracks.kind, LEPTONS) & (tracks.pt > 0.8 * response.veto_pt))
    muon, barrel = found.kind == MUON, np.abs(found.eta) < BARREL
    smeared = found._replace(pt=_smeared(found, random))
    identified = random.random(len(muon)) < np.where(barrel, 0.95, 0.85)
    identified &= smeared.pt > response.veto_pt
    isolation = _isolation(found, particles, tracks) / smeared.pt
    identified &= isolation < np.where(muon, response.muon_isolation, response.electron_isolation)
    smeared, muon = smeared.choose(identified), muon[identified]

    def summed(values: Array) -> Array:
        return np.bincount(smeared.event, values, minlength=events).astype(float)

    pt = summed(smeared.pt)
    there = (np.bincount(smeared.event, minlength=events) == 1) & (pt > response.lepton_pt)
    x, y = (summed(muon * smeared.pt * turn(smeared.phi)) for turn in (np.cos, np.sin))
    return Lepton(there, pt, summed(smeared.eta), summed(smeared.phi), x, y)


def _smeared(found: Particles, random: np.random.Generator) -> Array:
    """Momenta as trackers measure them: σ = √(a² + (b pT)²) in GeV."""
    muon, barrel = found.kind == MUON, np.abs(found.eta) < BARREL
    constant = np.where(muon, 0.015, 0.05) * np.where(barrel, 1.0, 2.0)
    slope = np.where(muon, 1.5e-4, 1.7e-3) * np.where(barrel, 1.0, 2.0)
    sigma = np.hypot(constant, slope * found.pt)
    return np.asarray(np.maximum(found.pt + sigma * random.standard_normal(len(sigma)), 0.1))


def _isolation(found: Particles, particles: Particles, tracks: Particles) -> Array:
    """Scalar sum of pT, in GeV, of tracks, photons and neutral hadrons around each lepton."""
    neutral = (particles.charge == 0) & (particles.pt > ISOLATION_PT)
    neutral &= (particles.kind == PHOTON) | (particles.energy > NEUTRAL_HADRON)
    hadron = ~np.isin(tracks.kind, LEPTONS) & (tracks.pt > ISOLATION_PT)
    around = (tracks.choose(hadron), particles.choose(neutral))
    return np.asarray(sum(pt_within(found, others, CONE) for others in around))
