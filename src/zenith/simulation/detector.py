"""A parametrised detector: what a batch of simulated events looks like after reconstruction.

Every number is in `zenith.config.detector_response`. In brief:

- muons and electrons: normal pT resolution, an efficiency to be identified as tight, and relative
  isolation from the particles around them plus exponential noise from pileup;
- jets: pT scaled by a normal response of width √(N²/pT² + S²/pT + C²), leptons from W and τ inside
  them excepted; smeared axis; scores drawn by the flavour of the hadrons within the jet's radius;
  if asked for, scores of charm tagging, and constituents as they are found;
- fat jets: the same, and a top-tagging score drawn by the quarks of a top decay within it;
- missing momentum: the neutrinos', less what the jets and leptons were smeared by, plus noise.
"""

from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from zenith.config.detector_response import DetectorResponse
from zenith.simulation import jet_response, lepton_response
from zenith.simulation.clustering import cluster
from zenith.simulation.jagged import by_pt, like
from zenith.simulation.jet_response import FAT_RADIUS, RADIUS
from zenith.simulation.truth import Truth

GEN_PT, GEN_FAT_PT = 10.0, 150.0  # particle-level jets are kept above these, in GeV
TRIGGER_PT = 50.0
BAD_EVENTS = 0.002  # fraction of events that fail an event-quality flag
FLAGS = ("goodVertices", "HBHENoiseFilter", "HBHENoiseIsoFilter", "eeBadScFilter")
GEN_JET = ["pt", "eta", "phi", "mass", "hadronFlavour"]


def reconstruct(
    truth: Truth, response: DetectorResponse, rng: np.random.Generator
) -> dict[str, Any]:
    """The NanoAOD content of a batch: collection (`Muon`) or branch (`MET_pt`) → array.

    The numbers of run, luminosity section and event are not included.
    """
    pileup = _pileup(len(truth.weight), response, rng)
    n_pu = pileup["Pileup_nPU"]
    gen_jets = _gen_jets(truth, RADIUS, GEN_PT, width=response.substructure is not None)
    gen_fat_jets = _gen_jets(truth, FAT_RADIUS, GEN_FAT_PT, groomed=True)
    muons, muon_change = lepton_response.muons(truth, n_pu, response, rng)
    jets, jet_change = jet_response.smear(gen_jets, truth, RADIUS, response, rng)
    fat_jets, _ = jet_response.smear(gen_fat_jets, truth, FAT_RADIUS, response, rng)
    return {
        "Muon": muons,
        "Electron": lepton_response.electrons(truth, response, rng),
        "Jet": jet_response.jets(jets, response, rng, n_pu),
        "FatJet": jet_response.fat_jets(fat_jets, truth, response, rng),
        **_met(truth, muon_change + jet_change, n_pu, response, rng),
        **_triggers(muons, response, rng),
        **_flags(len(truth.weight), rng),
        **pileup,
        "genWeight": truth.weight,
        "PSWeight": truth.shower_weights,
        "GenPart": truth.hard_process,
        "GenJet": gen_jets[GEN_JET],
        "GenJetAK8": gen_fat_jets[GEN_JET],
    }


def _gen_jets(
    truth: Truth, radius: float, pt_min: float, *, groomed: bool = False, width: bool = False
) -> Any:
    found = cluster(truth.particles, radius, pt_min, groomed=groomed, width=width)
    found = jet_response.with_flavour(found, truth, radius)
    if width:
        found = jet_response.with_parton_flavour(found, truth, radius)
    return by_pt(found)


def pileup_profile(response: DetectorResponse, edges: NDArray[Any]) -> NDArray[Any]:
    """Probability of `Pileup_nTrueInt` in bins: the gamma distribution that is drawn from."""
    from scipy.stats import gamma

    shape, scale = _gamma_parameters(response)
    return np.diff(gamma.cdf(edges, shape, scale=scale))


def _gamma_parameters(response: DetectorResponse) -> tuple[float, float]:
    variance = response.pileup_spread**2
    return response.pileup_mean**2 / variance, variance / response.pileup_mean


def _pileup(events: int, response: DetectorResponse, rng: np.random.Generator) -> dict[str, Any]:
    true = rng.gamma(*_gamma_parameters(response), size=events)
    interactions = rng.poisson(true)
    vertices = 1 + rng.binomial(interactions, 0.7)
    return {
        "Pileup_nTrueInt": true,
        "Pileup_nPU": interactions,
        "PV_npvs": vertices,
        "PV_npvsGood": 1 + rng.binomial(vertices - 1, 0.9),
        "fixedGridRhoFastjetAll": 0.6 * interactions + np.abs(rng.normal(1.5, 0.5, events)),
    }


def _met(
    truth: Truth,
    change: NDArray[Any],
    n_pu: NDArray[Any],
    response: DetectorResponse,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Missing momentum: as the neutrinos', less what smearing added to the rest, plus noise."""
    true = np.stack([truth.met_x, truth.met_y])
    visible = ak.to_numpy(ak.sum(truth.particles.pt, axis=1))

    def noise(pileup: float) -> NDArray[Any]:
        width = np.sqrt(response.met_noise**2 + n_pu * pileup**2)
        return width * rng.standard_normal(true.shape)

    branches: dict[str, Any] = {}
    for name, (x, y) in {
        "MET": true - change + noise(response.met_pileup),
        "PuppiMET": true - change + noise(response.met_pileup * response.puppi_suppression),
        "GenMET": true,
    }.items():
        branches |= {f"{name}_pt": np.hypot(x, y), f"{name}_phi": np.arctan2(y, x)}
    return branches | {"MET_sumEt": visible, "PuppiMET_sumEt": visible}


def _triggers(muons: Any, response: DetectorResponse, rng: np.random.Generator) -> dict[str, Any]:
    """Each muon above the threshold fires each path with its own efficiency."""
    fires = {}
    for path, efficiency in {
        "HLT_Mu50": response.trigger_efficiency,
        "HLT_TkMu50": response.trigger_recovery,
    }.items():
        lucky = like(rng.random(ak.sum(ak.num(muons))) < efficiency, muons)
        fires[path] = ak.to_numpy(ak.any((muons.pt > TRIGGER_PT) & lucky, axis=1))
    return fires


def _flags(events: int, rng: np.random.Generator) -> dict[str, Any]:
    """One flag fails in a small fraction of the events; METFilters is the AND of all."""
    failing = np.where(rng.random(events) < BAD_EVENTS, rng.integers(len(FLAGS), size=events), -1)
    flags = {f"Flag_{name}": failing != i for i, name in enumerate(FLAGS)}
    return flags | {"Flag_METFilters": failing == -1}
