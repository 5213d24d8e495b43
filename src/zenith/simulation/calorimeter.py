"""Calorimeter towers of a batch of events: where particles deposit their energy, and what is seen.

As the ATLAS card of Delphes (arXiv:1307.6346) has it: an electromagnetic calorimeter of fine cells
and a hadronic one of coarse cells, in a field of 2 T that bends charged particles on their way.
Energies are smeared log-normally; a cell that is not two standard deviations above its noise is
empty, which most hadrons below 4 GeV are in the barrel: jets lose a fifth of their momentum at
25 GeV.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from zenith.simulation.particles import Array, Index, Particles

Noise = Callable[[ArrayLike, ArrayLike], Array]

ETA_MAX = 4.9
BENDING = 0.3 * 2.0 * 1.15 / 2  # GeV: half of what 2 T bend within a radius of 1.15 m
SIGNIFICANCE = 2.0
ELECTROMAGNETIC = (11, 22)
SHARED = (310, 3122)  # K0S and Λ decay on their way: 0.3 of their energy is electromagnetic


class Towers(NamedTuple):
    """Cells with energy, (M,) each, the events in order."""

    event: Index
    eta: Array
    phi: Array
    energy: Array

    @property
    def pt(self) -> Array:
        """Transverse momentum of a massless particle."""
        return np.asarray(self.energy / np.cosh(self.eta))


class _Cells(NamedTuple):
    """Sizes of cells within |η| of `border`, and beyond it."""

    border: float
    eta: tuple[float, float]
    phi: tuple[float, float]  # in degrees


FINE = _Cells(3.0, (0.0174, 0.175), (1.0, 10.0))
COARSE = _Cells(2.6, (0.1, 0.2), (10.0, 20.0))


def towers(particles: Particles, random: np.random.Generator) -> Towers:
    """The cells of both calorimeters that are above their thresholds."""
    kind, charge = particles.kind, particles.charge
    seen = (kind != 13) & (np.abs(particles.eta) < ETA_MAX)
    seen &= (charge == 0) | (particles.pt > BENDING)  # others spiral and never arrive
    particles, kind, charge = particles.choose(seen), kind[seen], charge[seen]
    phi = particles.phi - charge * np.arcsin(np.minimum(BENDING / particles.pt, 1.0))
    share = np.where(np.isin(kind, ELECTROMAGNETIC), 1.0, np.where(np.isin(kind, SHARED), 0.3, 0.0))
    found = [
        _measured(_summed(particles, phi, fraction, cells, random), noise, least, random)
        for fraction, cells, noise, least in (
            (share, FINE, electromagnetic_noise, 0.5),
            (1.0 - share, COARSE, hadronic_noise, 1.0),
        )
    ]
    both = [np.concatenate(columns) for columns in zip(*found, strict=True)]
    order = np.argsort(both[0], kind="stable")
    return Towers._make(column[order] for column in both)


def electromagnetic_noise(eta: ArrayLike, energy: ArrayLike) -> Array:
    """Standard deviation in GeV of an energy in the electromagnetic calorimeter."""
    barrel = np.abs(eta) < 3.2
    return _noise(energy, np.where(barrel, 0.0017, 0.035), np.where(barrel, 0.101, 0.285), 0.0)


def hadronic_noise(eta: ArrayLike, energy: ArrayLike) -> Array:
    """Standard deviation in GeV of an energy in the hadronic calorimeter."""
    eta = np.abs(eta)
    regions = [eta < 1.7, eta < 3.2]
    constant = np.select(regions, [0.0302, 0.05], 0.0942)
    stochastic = np.select(regions, [0.5205, 0.706], 1.0)
    return _noise(energy, constant, stochastic, np.where(regions[0], 1.59, 0.0))


def _noise(energy: ArrayLike, constant: Array, stochastic: Array, noise: ArrayLike) -> Array:
    energy = np.asarray(energy, float)
    return np.asarray(np.sqrt((constant * energy) ** 2 + stochastic**2 * energy + np.square(noise)))


def _summed(
    particles: Particles,
    phi: Array,
    fraction: Array,
    cells: _Cells,
    random: np.random.Generator,
) -> Towers:
    """Energy by cell, at a place within it that is drawn, as a shower's is not its centre."""
    there = fraction > 0.0
    event, eta, phi = particles.event[there], particles.eta[there], phi[there]
    inside = np.abs(eta) < cells.border
    size_eta = np.where(inside, *cells.eta)
    size_phi = np.radians(np.where(inside, *cells.phi))
    row = np.floor(eta / size_eta).astype(np.int64)
    column = np.floor((phi % (2 * np.pi)) / size_phi).astype(np.int64)
    key = ((event * 2 + inside) * 1024 + row + 512) * 512 + column
    _, first, index = np.unique(key, return_index=True, return_inverse=True)
    energy = np.bincount(index, (particles.energy * fraction)[there]).astype(float)
    drawn = random.random((2, len(first)))
    return Towers(
        event[first],
        (row[first] + drawn[0]) * size_eta[first],
        (column[first] + drawn[1]) * size_phi[first],
        energy,
    )


def _measured(found: Towers, noise: Noise, least: float, random: np.random.Generator) -> Towers:
    """Energies smeared log-normally, of their mean and standard deviation, above the thresholds."""
    spread = np.sqrt(np.log1p((noise(found.eta, found.energy) / found.energy) ** 2))
    factor = np.exp(spread * random.standard_normal(len(spread)) - spread**2 / 2)
    energy = found.energy * factor
    kept = (energy > least) & (energy > SIGNIFICANCE * noise(found.eta, energy))
    return Towers._make(column[kept] for column in found._replace(energy=energy))
