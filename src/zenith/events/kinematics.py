"""Kinematics of tt̄ → muon + jets on plain arrays: the neutrino, the top pair, the event's shape.

A momentum is an array (…, 4) of px, py, pz and E in GeV.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import awkward as ak
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

W_MASS = 80.369  # Review of Particle Physics 2024
# Median and half of the central 68 % of the reconstructed masses in simulated semileptonic tt̄: of
# fat jets with a top-tag score above 0.8 and a mass of 120 to 250 GeV; and of muon, neutrino (the
# solution nearer to the top mass) and nearest jet, b-tagged and within ΔR < 1.5 of the muon.
TOP_MASS_HADRONIC, TOP_WIDTH_HADRONIC = 172.0, 20.0
TOP_MASS_LEPTONIC, TOP_WIDTH_LEPTONIC = 172.0, 22.0
FATJET_RADIUS = 0.8
JETS_OF_TOPS = 5  # how many leading jets the top pair is built from


def momenta(particles: ak.Array) -> tuple[Floats, Bools]:
    """The momenta of a jagged array of `vector`s, and whether each is there.

    Shapes (events, n, 4) and (events, n), where n ≥ 1 is the largest number of particles in an
    event; what is not there has momentum 0.
    """
    counts = ak.num(particles).to_numpy()
    present = np.arange(max(counts.max(initial=0), 1)) < counts[:, None]
    parts = (particles.px, particles.py, particles.pz, particles.E)
    result = np.zeros((*present.shape, 4))
    result[present] = np.stack([ak.flatten(part).to_numpy() for part in parts], axis=-1)
    return result, present


def mass(momentum: Floats) -> Floats:
    """The invariant mass, 0 where rounding makes its square negative."""
    px, py, pz, energy = np.moveaxis(momentum, -1, 0)
    return np.asarray(np.sqrt(np.maximum(energy**2 - px**2 - py**2 - pz**2, 0.0)))


def neutrinos(lepton: Floats, met: Floats) -> Floats:
    """The two massless neutrinos that give, with the lepton, the mass of the W boson.

    `lepton` (events, 4), `met` (events, 2) is the neutrino's px and py; returns (events, 2, 4), the
    one of smaller |pz| first.
    With Λ = (m_W² − m_ℓ²)/2 + pT_ℓ · pT_ν, the condition (p_ℓ + p_ν)² = m_W² is quadratic in pz_ν:

        pz_ν = [Λ pz_ℓ ± E_ℓ √(Λ² − (E_ℓ² − pz_ℓ²) pT_ν²)] / (E_ℓ² − pz_ℓ²).

    Where the root is imaginary (MET is measured too large for a W boson on its mass shell), both
    are the real part, and the mass is larger than that of the W boson.
    """
    px, py, pz, energy = lepton.T
    met_x, met_y = met.T
    transverse = energy**2 - pz**2
    half = (W_MASS**2 - mass(lepton) ** 2) / 2 + px * met_x + py * met_y
    met_squared = met_x**2 + met_y**2
    root = energy * np.sqrt(np.maximum(half**2 - transverse * met_squared, 0.0))
    scale = np.where(transverse > 0.0, transverse, 1.0)  # events without a lepton
    pz_nu = (half * pz + np.where(half * pz > 0.0, -root, root) * [[1.0], [-1.0]]) / scale
    parts = (*np.broadcast_arrays(met_x, met_y, pz_nu), np.sqrt(met_squared + pz_nu**2))
    return np.stack(parts, axis=-1).swapaxes(0, 1)


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

    Without a jet of the leptonic top both neutrinos give it the mass of the W boson: the one of
    smaller |pz| is taken.

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
    for rows, b_jet, hadronic, solutions in _hypotheses(jets, present, fatjet, merged):
        m_had = mass(hadronic)
        for solution in range(solutions):
            leptonic = leptonic_w[rows, solution] + b_jet
            m_lep = mass(leptonic)
            chi2 = ((m_lep - TOP_MASS_LEPTONIC) / TOP_WIDTH_LEPTONIC) ** 2
            chi2 += ((m_had - TOP_MASS_HADRONIC) / TOP_WIDTH_HADRONIC) ** 2
            better = ~(chi2 >= best["chi2"][rows])  # NaN is better: it must be seen
            values = (mass(leptonic + hadronic), chi2, m_lep, m_had)
            for name, value in zip(names, values, strict=True):
                best[name][rows[better]] = value[better]
    found = best["chi2"] != np.inf
    best["chi2"][~found] = 0.0
    return TopPair(found=found, **best)


def _hypotheses(
    jets: Floats, present: Bools, fatjet: Floats, merged: Bools
) -> Iterator[tuple[NDArray[np.intp], Floats, Floats, int]]:
    """The events that allow a hypothesis, their jet of the leptonic top, and their hadronic top;
    and how many of the neutrinos it can tell from one another.

    With a fat jet, that is the hadronic top, and any jet outside it may be the leptonic top's; if
    there is none, that jet was lost. Without, the hadronic top is any three of the jets.
    """
    outside = present & (_delta_r(jets, fatjet[:, None]) > FATJET_RADIUS)
    indices = range(jets.shape[1])
    for j in indices:
        rows = np.flatnonzero(merged & outside[:, j])
        yield rows, jets[rows, j], fatjet[rows], 2
    rows = np.flatnonzero(merged & ~outside.any(axis=1))
    yield rows, np.zeros((len(rows), 4)), fatjet[rows], 1
    for j in indices:
        for three in combinations([i for i in indices if i != j], 3):
            rows = np.flatnonzero(~merged & present[:, j] & present[:, three].all(axis=1))
            yield rows, jets[rows, j], jets[rows][:, three].sum(axis=1), 2


def _delta_r(one: Floats, other: Floats) -> Floats:
    d_eta = _pseudorapidity(one) - _pseudorapidity(other)
    d_phi = np.arctan2(one[..., 1], one[..., 0]) - np.arctan2(other[..., 1], other[..., 0])
    return np.hypot(d_eta, (d_phi + np.pi) % (2 * np.pi) - np.pi)


def _pseudorapidity(momentum: Floats) -> Floats:
    pt = np.hypot(momentum[..., 0], momentum[..., 1])
    return np.arcsinh(momentum[..., 2] / np.where(pt > 0.0, pt, 1.0))


def event_shape(particles: Floats) -> tuple[Floats, Floats]:
    """Sphericity and aplanarity of momenta of shape (events, n, 4).

    With the eigenvalues λ₁ ≥ λ₂ ≥ λ₃ of the tensor Σ pᵃpᵇ over its trace, S = 3/2 (λ₂ + λ₃), from
    0 (back to back) to 1 (isotropic), and A = 3/2 λ₃, from 0 (in a plane) to 1/2
    (Bjorken, Brodsky, Phys. Rev. D 1 (1970) 1416). Both are 0 for an event without momentum.
    """
    momentum = particles[..., :3]
    tensor = momentum.swapaxes(1, 2) @ momentum
    trace = np.trace(tensor, axis1=1, axis2=2)
    tensor /= np.where(trace > 0.0, trace, 1.0)[:, None, None]
    largest, smallest = _extreme_eigenvalues(tensor)
    some = trace > 0.0
    return 1.5 * some * (1.0 - largest), 1.5 * some * smallest


def _extreme_eigenvalues(tensor: Floats) -> tuple[Floats, Floats]:
    """The largest and the smallest eigenvalue of symmetric, non-negative tensors of trace 1.

    The roots of the characteristic polynomial by trigonometry (O. K. Smith, Comm. ACM 4 (1961)
    168): with T = 1/3 + p B, they are 1/3 + 2p cos φ and 1/3 + 2p cos(φ + 2π/3), where
    p² = tr (T − 1/3)²/6 and cos 3φ = det(B)/2. Ten times faster than LAPACK on many 3 × 3.
    """
    xx, yy, zz = (tensor[:, i, i] - 1.0 / 3.0 for i in range(3))
    xy, xz, yz = tensor[:, 0, 1], tensor[:, 0, 2], tensor[:, 1, 2]
    p = np.sqrt((xx**2 + yy**2 + zz**2 + 2.0 * (xy**2 + xz**2 + yz**2)) / 6.0)
    det = xx * (yy * zz - yz**2) - xy * (xy * zz - yz * xz) + xz * (xy * yz - yy * xz)
    cosine = det / np.where(p > 0.0, 2.0 * p**3, 1.0)
    angle = np.arccos(np.clip(cosine, -1.0, 1.0)) / 3.0
    largest = 1.0 / 3.0 + 2.0 * p * np.cos(angle)
    smallest = 1.0 / 3.0 + 2.0 * p * np.cos(angle + 2.0 * np.pi / 3.0)
    return np.minimum(largest, 1.0), np.maximum(smallest, 0.0)
