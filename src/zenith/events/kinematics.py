"""Kinematics of tt̄ → muon + jets on plain arrays: the neutrino, the top pair, the event's shape.

A momentum is an array (…, 4) of px, py, pz and E in GeV.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Any, NamedTuple

import awkward as ak
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

W_MASS = 80.369  # Review of Particle Physics 2024
# Mean and spread of the reconstructed masses of leptonically and hadronically decaying tops.
TOP_MASS_LEPTONIC, TOP_WIDTH_LEPTONIC = 172.5, 30.0
TOP_MASS_HADRONIC, TOP_WIDTH_HADRONIC = 172.5, 25.0
FATJET_RADIUS = 0.8
JETS_OF_TOPS = 5  # how many leading jets the top pair is built from


def momenta(particles: ak.Array, count: int) -> tuple[Floats, Bools]:
    """The momenta of the first `count` particles of each event, and whether each is there.

    Shapes (events, count, 4) and (events, count); what is not there has momentum 0.
    """
    parts = [
        ak.fill_none(ak.pad_none(part, count, clip=True), 0.0).to_numpy()
        for part in (particles.px, particles.py, particles.pz, particles.E)
    ]
    present = np.arange(count) < ak.num(particles).to_numpy()[:, None]
    return np.stack(parts, axis=-1).astype(np.float64), present


def mass(momentum: Floats) -> Floats:
    """The invariant mass, 0 where rounding makes its square negative."""
    squared = momentum[..., 3] ** 2 - (momentum[..., :3] ** 2).sum(axis=-1)
    return np.sqrt(np.maximum(squared, 0.0))


def neutrinos(lepton: Floats, met: Floats) -> Floats:
    """The two massless neutrinos that give, with the lepton, the mass of the W boson.

    `lepton` (events, 4), `met` (events, 2) is the neutrino's px and py; returns (events, 2, 4).
    With Λ = (m_W² − m_ℓ²)/2 + pT_ℓ · pT_ν, the condition (p_ℓ + p_ν)² = m_W² is quadratic in pz_ν:

        pz_ν = [Λ pz_ℓ ± E_ℓ √(Λ² − (E_ℓ² − pz_ℓ²) pT_ν²)] / (E_ℓ² − pz_ℓ²).

    Where the root is imaginary (MET is measured too large for a W boson on its mass shell), both
    are the real part, and the mass is larger than that of the W boson.
    """
    pz, energy = lepton[:, 2], lepton[:, 3]
    transverse = energy**2 - pz**2
    half = (W_MASS**2 - mass(lepton) ** 2) / 2 + (lepton[:, :2] * met).sum(axis=1)
    met_squared = (met**2).sum(axis=1)
    root = energy * np.sqrt(np.maximum(half**2 - transverse * met_squared, 0.0))
    solutions = (half * pz + np.stack([-root, root])) / np.where(transverse > 0.0, transverse, 1.0)
    result = np.empty((len(lepton), 2, 4))
    result[..., :2] = met[:, None]
    result[..., 2] = solutions.T
    result[..., 3] = np.sqrt(met_squared[:, None] + solutions.T**2)
    return result


class TopPair(NamedTuple):
    """The best tt̄ hypothesis of each event, each of shape (events,)."""

    found: Bools  # whether there is any hypothesis; the numbers are 0 where not
    mass: Floats
    chi2: Floats
    leptonic_mass: Floats
    hadronic_mass: Floats


def top_pair(
    lepton: Floats, met: Floats, jets: Floats, present: Bools, fatjet: Floats, merged: Bools
) -> TopPair:
    """Choose the neutrino and the jets of the leptonic and hadronic top by the smallest χ²:

        χ² = ((m_lep − M_lep)/σ_lep)² + ((m_had − M_had)/σ_had)².

    Parameters
    ----------
    lepton, met
        Momentum of the muon (events, 4), and MET (events, 2).
    jets, present
        Leading jets (events, n, 4), and whether each is there (events, n).
    fatjet, merged
        The candidate for all of the hadronic top (events, 4), and whether there is one.
    """
    count = len(lepton)
    names = ("mass", "chi2", "leptonic_mass", "hadronic_mass")
    best = {name: np.zeros(count) for name in names}
    best["chi2"][:] = np.inf
    leptonic_w = lepton[:, None] + neutrinos(lepton, met)
    for b_jet, hadronic, allowed in _hypotheses(jets, present, fatjet, merged):
        rows = np.flatnonzero(allowed)
        for solution in range(2):
            leptonic = leptonic_w[rows, solution] + b_jet[rows]
            m_lep, m_had = mass(leptonic), mass(hadronic[rows])
            chi2 = ((m_lep - TOP_MASS_LEPTONIC) / TOP_WIDTH_LEPTONIC) ** 2
            chi2 += ((m_had - TOP_MASS_HADRONIC) / TOP_WIDTH_HADRONIC) ** 2
            better = ~(chi2 >= best["chi2"][rows])  # NaN is better: it must be seen
            values = (mass(leptonic + hadronic[rows]), chi2, m_lep, m_had)
            for name, value in zip(names, values, strict=True):
                best[name][rows[better]] = value[better]
    found = best["chi2"] != np.inf
    best["chi2"][~found] = 0.0
    return TopPair(found=found, **best)


def _hypotheses(
    jets: Floats, present: Bools, fatjet: Floats, merged: Bools
) -> Iterator[tuple[Floats, Floats, Bools]]:
    """Jet of the leptonic top, hadronic top, and the events that allow the pair.

    With a fat jet, that is the hadronic top, and any jet outside it may be the leptonic top's; if
    there is none, that jet was lost. Without, the hadronic top is any three of the jets.
    """
    outside = present & (_delta_r(jets, fatjet[:, None]) > FATJET_RADIUS)
    indices = range(jets.shape[1])
    for j in indices:
        yield jets[:, j], fatjet, merged & outside[:, j]
    yield np.zeros_like(fatjet), fatjet, merged & ~outside.any(axis=1)
    for j in indices:
        for three in combinations([i for i in indices if i != j], 3):
            allowed = ~merged & present[:, [j, *three]].all(axis=1)
            yield jets[:, j], jets[:, list(three)].sum(axis=1), allowed


def _delta_r(one: Floats, other: Floats) -> Floats:
    d_eta = _pseudorapidity(one) - _pseudorapidity(other)
    d_phi = np.arctan2(one[..., 1], one[..., 0]) - np.arctan2(other[..., 1], other[..., 0])
    return np.hypot(d_eta, (d_phi + np.pi) % (2 * np.pi) - np.pi)


def _pseudorapidity(momentum: Floats) -> Floats:
    pt = np.hypot(momentum[..., 0], momentum[..., 1])
    return np.arcsinh(momentum[..., 2] / np.where(pt > 0.0, pt, 1.0))


def event_shape(tensor: Floats) -> tuple[Floats, Floats]:
    """Sphericity and aplanarity of momentum tensors Σ pᵃpᵇ, shape (events, 3, 3).

    With the eigenvalues λ₁ ≥ λ₂ ≥ λ₃ of the tensor over its trace, S = 3/2 (λ₂ + λ₃), from 0
    (back to back) to 1 (isotropic), and A = 3/2 λ₃, from 0 (in a plane) to 1/2
    (Bjorken, Brodsky, Phys. Rev. D 1 (1970) 1416). Both are 0 for an event without momentum.
    """
    trace = np.trace(tensor, axis1=1, axis2=2)[:, None]
    smallest, middle, _ = np.maximum(
        np.linalg.eigvalsh(tensor) / np.where(trace > 0.0, trace, 1.0), 0.0
    ).T
    return 1.5 * (middle + smallest), 1.5 * smallest


def momentum_tensor(*particles: Any) -> Floats:
    """Σ pᵃpᵇ over all particles of each event; each argument is a jagged array of vectors."""
    tensors = [
        np.array([[ak.sum(a * b, axis=1) for b in p] for a in p], np.float64)
        for p in ((group.px, group.py, group.pz) for group in particles)
    ]
    return np.moveaxis(np.sum(tensors, axis=0), -1, 0)
