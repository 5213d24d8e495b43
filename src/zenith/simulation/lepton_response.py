"""The response of a parametrised detector to muons and electrons."""

from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from zenith.config.detector_response import DetectorResponse
from zenith.simulation.jagged import by_pt, delta_r2, flat, like, momentum_change, pt_within
from zenith.simulation.truth import MUON, Truth

MUON_ETA, ELECTRON_ETA, ELECTRON_PT = 2.4, 2.5, 10.0
MUON_MASS, ELECTRON_MASS = 0.105658, 0.000511
TIGHT_ID, VETO_ID = 4, 1  # Electron_cutBased
HIGH_PT_ID = 2  # Muon_highPtId: global high pT


def muons(
    truth: Truth, n_pu: NDArray[Any], response: DetectorResponse, rng: np.random.Generator
) -> tuple[Any, NDArray[Any]]:
    """The collection `Muon`, and what smearing added to the sum of momenta, shape (2, events).

    Its relative isolation is the pT of the other particles in a cone, plus what `n_pu` pileup
    interactions leave there, over the muon's pT. The cone of `miniPFRelIso_all` shrinks as
    10 GeV / pT between R = 0.2 and 0.05 (arXiv:1007.2221).
    """
    true = truth.muons[abs(truth.muons.eta) < MUON_ETA]
    true_pt, prompt = flat(true.pt), flat(true.prompt)
    size = len(true_pt)
    relative = np.hypot(response.muon_resolution, response.muon_resolution_slope * true_pt)
    # The curvature 1/pT is what a tracker measures with a normal error.
    pt = true_pt / np.clip(1.0 + relative * rng.standard_normal(size), 0.2, None)
    tight = rng.random(size) < response.muon_efficiency
    jagged_pt = like(pt, true)

    others = truth.particles[abs(truth.particles.pdgId) != MUON]
    distance2 = delta_r2(true, others)
    noise = response.isolation_noise * np.repeat(n_pu, ak.to_numpy(ak.num(true)))

    def isolation(radius: Any) -> Any:
        pileup = like(rng.exponential(1.0, size) * noise, true) * (radius / 0.4) ** 2
        return (pt_within(distance2, others, radius) + pileup) / jagged_pt

    muons = {
        "pt": jagged_pt,
        "eta": true.eta,
        "phi": true.phi,
        "mass": like(np.full(size, MUON_MASS), true),
        "charge": ak.where(true.pdgId > 0, -1, 1),
        "pdgId": true.pdgId,
        # in cm: heavy hadrons decay a fraction of a millimetre from the vertex
        "dxy": like(rng.normal(0.0, np.where(prompt, 0.002, 0.02)), true),
        "dz": like(rng.normal(0.0, np.where(prompt, 0.004, 0.03)), true),
        "pfRelIso03_all": isolation(0.3),
        "pfRelIso04_all": isolation(0.4),
        "miniPFRelIso_all": isolation(np.minimum(np.maximum(10.0 / jagged_pt, 0.05), 0.2)),
        "looseId": like(np.full(size, True), true),
        "mediumId": like(tight | (rng.random(size) < 0.5), true),
        "tightId": like(tight, true),
        "highPtId": like(np.where(tight, HIGH_PT_ID, 0), true),
    }
    return by_pt(ak.zip(muons)), momentum_change(true, like(pt - true_pt, true))


def electrons(truth: Truth, response: DetectorResponse, rng: np.random.Generator) -> Any:
    """The collection `Electron`."""
    inside = (abs(truth.electrons.eta) < ELECTRON_ETA) & (truth.electrons.pt > ELECTRON_PT)
    true = truth.electrons[inside]
    size = ak.sum(ak.num(true))
    factor = like(np.clip(rng.normal(1.0, response.electron_resolution, size), 0.5, None), true)
    tight = rng.random(size) < response.electron_efficiency
    # An electron is itself among the particles: taken out of its own cone.
    around = pt_within(delta_r2(true, truth.particles), truth.particles, 0.3) - true.pt
    electrons = {
        "pt": true.pt * factor,
        "eta": true.eta,
        "phi": true.phi,
        "mass": like(np.full(size, ELECTRON_MASS), true),
        "charge": ak.where(true.pdgId > 0, -1, 1),
        "pdgId": true.pdgId,
        "pfRelIso03_all": np.maximum(around, 0.0) / (true.pt * factor),
        "cutBased": like(np.where(tight, TIGHT_ID, VETO_ID), true),
    }
    return by_pt(ak.zip(electrons))
