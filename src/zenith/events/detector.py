"""A parametrised detector: what a batch of simulated events looks like after reconstruction.

Every number is in `zenith.config.DetectorResponse`. In brief:

- muons and electrons: normal pT resolution, an efficiency to be identified as tight, and relative
  isolation from the particles around them plus exponential noise from pileup;
- jets: pT scaled by a normal response of width √(N²/pT² + S²/pT + C²), leptons from W and τ inside
  them excepted; smeared axis; scores drawn by the flavour of the hadrons within the jet's radius;
- fat jets: the same, and a top-tagging score drawn by the quarks of a top decay within it;
- missing momentum: the neutrinos', less what the jets and leptons were smeared by, plus noise.
"""

from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from zenith.config.simulation import DetectorResponse, Score
from zenith.events.clustering import jets
from zenith.events.truth import MUON, Truth

RADIUS, FAT_RADIUS = 0.4, 0.8
GEN_PT, GEN_FAT_PT = 10.0, 150.0  # particle-level jets are kept above these, in GeV
JET_PT, FAT_JET_PT = 15.0, 170.0  # thresholds of NanoAOD
MUON_ETA, ELECTRON_ETA, ELECTRON_PT = 2.4, 2.5, 10.0
MUON_MASS, ELECTRON_MASS = 0.105658, 0.000511
TRIGGER_PT = 50.0
BAD_EVENTS = 0.002  # fraction of events that fail an event-quality flag
FLAGS = ("goodVertices", "HBHENoiseFilter", "HBHENoiseIsoFilter", "eeBadScFilter")
TIGHT_ID, WORST_ID = 4, 1  # Electron_cutBased
DEEP_FLAVOUR = (1.08, -1.385)  # maps the logits of DeepCSV's working points to DeepJet's
JET_ID = 6  # bits: passes the tight and the tight-lepton-veto identification


def reconstruct(truth: Truth, response: DetectorResponse, rng: np.random.Generator) -> dict:
    """The NanoAOD content of a batch: collection (`Muon`) or branch (`MET_pt`) → array.

    Event numbers, which the sample gives, are not included.
    """
    particles = truth.particles
    pileup = _pileup(len(truth.weight), response, rng)
    gen_jets = jets(particles, RADIUS, GEN_PT)
    gen_fat = jets(particles, FAT_RADIUS, GEN_FAT_PT, groomed=True)
    gen_jets = _sorted(_with_flavour(gen_jets, truth, RADIUS))
    gen_fat = _sorted(_with_flavour(gen_fat, truth, FAT_RADIUS))
    muons, muon_shift = _muons(truth, pileup["Pileup_nPU"], response, rng)
    smeared, jet_shift = _smear_jets(gen_jets, truth, RADIUS, response, rng)
    fat_smeared, _ = _smear_jets(gen_fat, truth, FAT_RADIUS, response, rng)
    shift = muon_shift + jet_shift
    return {
        "Muon": muons,
        "Electron": _electrons(truth, pileup["Pileup_nPU"], response, rng),
        "Jet": _jets(smeared, response, rng),
        "FatJet": _fat_jets(fat_smeared, truth, response, rng),
        "GenJet": gen_jets[["pt", "eta", "phi", "mass", "hadronFlavour"]],
        "GenJetAK8": gen_fat[["pt", "eta", "phi", "mass", "hadronFlavour"]],
        **_met(truth, shift, pileup["Pileup_nPU"], response, rng),
        **_triggers(muons, response, rng),
        **_flags(len(truth.weight), rng),
        **pileup,
        "genWeight": truth.weight,
        "Generator_weight": truth.weight,
    }


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


def _flat(jagged: Any) -> NDArray[Any]:
    return ak.to_numpy(ak.flatten(jagged))


def _like(flat: NDArray[Any], jagged: Any) -> Any:
    return ak.unflatten(flat, ak.num(jagged))


def _sorted(collection: Any) -> Any:
    return collection[ak.argsort(collection.pt, ascending=False)]


def _delta_r2(a: Any, b: Any) -> Any:
    """(Δη)² + (Δφ)² of all pairs, as [event, a, b]."""
    eta_a, eta_b = ak.unzip(ak.cartesian([a.eta, b.eta], nested=True))
    phi_a, phi_b = ak.unzip(ak.cartesian([a.phi, b.phi], nested=True))
    phi = (phi_a - phi_b + np.pi) % (2 * np.pi) - np.pi
    return (eta_a - eta_b) ** 2 + phi**2


def _pt_around(objects: Any, particles: Any, radius: Any) -> Any:
    """Scalar sum of the pT of the particles around each object."""
    near = _delta_r2(objects, particles) < radius**2
    pt = ak.broadcast_arrays(particles.pt[:, np.newaxis], near)[0]
    return ak.sum(ak.where(near, pt, 0.0), axis=-1)


def _with_flavour(found: Any, truth: Truth, radius: float) -> Any:
    """Add `hadronFlavour`: 5 with a b hadron inside, else 4 with a c hadron, else 0."""
    has_b = ak.any(_delta_r2(found, truth.b_hadrons) < radius**2, axis=-1)
    has_c = ak.any(_delta_r2(found, truth.c_hadrons) < radius**2, axis=-1)
    return ak.with_field(found, ak.where(has_b, 5, ak.where(has_c, 4, 0)), "hadronFlavour")


def _draw(score: Score, shift: Any, size: int, rng: np.random.Generator) -> NDArray[Any]:
    """Logits of a score."""
    return score.mean + shift + score.spread * rng.standard_normal(size)


def _sigmoid(logit: NDArray[Any]) -> NDArray[Any]:
    return 1.0 / (1.0 + np.exp(-logit))


def _isolation(
    leptons: Any, particles: Any, radius: Any, n_pu: Any, noise: float, rng: np.random.Generator
) -> Any:
    """Relative isolation in a cone; pileup's share grows with its area."""
    counts = ak.num(leptons)
    mean = noise * _flat(ak.broadcast_arrays(n_pu, leptons.pt)[0])
    random = ak.unflatten(rng.exponential(1.0, len(mean)) * mean, counts)
    around = _pt_around(leptons, particles, radius) + random * (radius / 0.4) ** 2
    return around / leptons.pt


def _muons(
    truth: Truth, n_pu: NDArray[Any], response: DetectorResponse, rng: np.random.Generator
) -> tuple[Any, NDArray[Any]]:
    """The muons, and what smearing added to the sum of their momenta, shape (2, events)."""
    found = truth.muons[abs(truth.muons.eta) < MUON_ETA]
    true_pt, size = _flat(found.pt), ak.sum(ak.num(found))
    relative = np.hypot(response.muon_resolution, response.muon_resolution_slope * true_pt)
    # The curvature 1/pT is what a tracker measures with a normal error.
    pt = true_pt / np.clip(1.0 + relative * rng.standard_normal(size), 0.2, None)
    shift = _shift(found, _like(pt - true_pt, found))
    tight = rng.random(size) < response.muon_efficiency
    prompt = _flat(found.prompt)
    others = truth.particles[(abs(truth.particles.pdgId) != MUON)]
    # Long-lived b and c hadrons decay a fraction of a millimetre from the vertex (cm here).
    dxy = rng.normal(0.0, np.where(prompt, 0.002, 0.02))
    muons = ak.with_field(found, _like(pt, found), "pt")
    noise = response.isolation_noise
    mini = np.minimum(np.maximum(10.0 / muons.pt, 0.05), 0.2)  # arXiv:1007.2221
    fields = {
        "pt": muons.pt,
        "eta": muons.eta,
        "phi": muons.phi,
        "mass": _like(np.full(size, MUON_MASS), found),
        "charge": ak.where(found.pdgId > 0, -1, 1),
        "pdgId": found.pdgId,
        "dxy": _like(dxy, found),
        "dz": _like(rng.normal(0.0, np.where(prompt, 0.004, 0.03)), found),
        "pfRelIso03_all": _isolation(muons, others, 0.3, n_pu, noise, rng),
        "pfRelIso04_all": _isolation(muons, others, 0.4, n_pu, noise, rng),
        "miniPFRelIso_all": _isolation(muons, others, mini, n_pu, noise, rng),
        "looseId": _like(np.full(size, True), found),
        "mediumId": _like(tight | (rng.random(size) < 0.5), found),
        "tightId": _like(tight, found),
        "highPtId": _like(np.where(tight, 2, 0), found),
    }
    return _sorted(ak.zip(fields)), shift


def _electrons(
    truth: Truth, n_pu: NDArray[Any], response: DetectorResponse, rng: np.random.Generator
) -> Any:
    inside = (abs(truth.electrons.eta) < ELECTRON_ETA) & (truth.electrons.pt > ELECTRON_PT)
    found = truth.electrons[inside]
    size = ak.sum(ak.num(found))
    factor = np.clip(rng.normal(1.0, response.electron_resolution, size), 0.5, None)
    electrons = ak.with_field(found, found.pt * _like(factor, found), "pt")
    tight = rng.random(size) < response.electron_efficiency
    # An electron is itself among the particles: taken out of its own cone.
    cone = _pt_around(found, truth.particles, 0.3) - found.pt
    isolation = np.maximum(cone, 0.0) / electrons.pt
    fields = {
        "pt": electrons.pt,
        "eta": found.eta,
        "phi": found.phi,
        "mass": _like(np.full(size, ELECTRON_MASS), found),
        "charge": ak.where(found.pdgId > 0, -1, 1),
        "pdgId": found.pdgId,
        "pfRelIso03_all": isolation,
        "cutBased": _like(np.where(tight, TIGHT_ID, WORST_ID), found),
    }
    return _sorted(ak.zip(fields))


def _shift(objects: Any, change: Any) -> NDArray[Any]:
    """Sum over the objects of each event of a change of their pT, shape (2, events)."""
    x = ak.sum(change * np.cos(objects.phi), axis=1)
    y = ak.sum(change * np.sin(objects.phi), axis=1)
    return np.stack([ak.to_numpy(x), ak.to_numpy(y)])


def _smear_jets(
    found: Any, truth: Truth, radius: float, response: DetectorResponse, rng: np.random.Generator
) -> tuple[Any, NDArray[Any]]:
    """Jets with a measured pT (`index` points to the true ones), and what that added to the sum."""
    true_pt = _flat(found.pt)
    resolution = np.sqrt(
        (response.jet_noise / true_pt) ** 2
        + response.jet_stochastic**2 / true_pt
        + response.jet_constant**2
    )
    factor = response.jet_scale * (1.0 + resolution * rng.standard_normal(len(true_pt)))
    leptons = ak.concatenate([truth.muons, truth.electrons], axis=1)
    leptonic = _flat(_pt_around(found, leptons[leptons.prompt], radius)) / true_pt
    factor = 1.0 + (np.clip(factor, 0.1, None) - 1.0) * np.clip(1.0 - leptonic, 0.0, 1.0)
    scale = _like(factor, found)
    angle = response.jet_angle * rng.standard_normal((2, len(true_pt)))
    smeared = {name: found[name] for name in ak.fields(found)} | {
        "pt": found.pt * scale,
        "mass": found.mass * scale,
        "eta": found.eta + _like(angle[0], found),
        "phi": (found.phi + _like(angle[1], found) + np.pi) % (2 * np.pi) - np.pi,
        "index": ak.local_index(found.pt),
        "true_pt": found.pt,
    }
    return _sorted(ak.zip(smeared)), _shift(found, found.pt * (scale - 1.0))


def _jet_fields(found: Any, radius: float) -> dict[str, Any]:
    fields = {name: found[name] for name in ("pt", "eta", "phi", "mass", "hadronFlavour")}
    size = ak.sum(ak.num(found))
    return fields | {
        "area": _like(np.full(size, np.pi * radius**2), found),
        "rawFactor": _like(np.zeros(size), found),
        "jetId": _like(np.full(size, JET_ID), found),
        "nConstituents": ak.where(found.constituents < 255, found.constituents, 255),
    }


def _b_logit(found: Any, response: DetectorResponse, rng: np.random.Generator) -> NDArray[Any]:
    flavour, pt, size = _flat(found.hadronFlavour), _flat(found.pt), ak.sum(ak.num(found))
    tag = response.btag
    loss = -tag.slope * np.clip(pt - 200.0, 0.0, 1000.0)
    b, c, light = (_draw(s, d, size, rng) for s, d in ((tag.b, loss), (tag.c, 0), (tag.light, 0)))
    return np.select([flavour == 5, flavour == 4], [b, c], light)


def _jets(smeared: Any, response: DetectorResponse, rng: np.random.Generator) -> Any:
    found = smeared[smeared.pt > JET_PT]
    logit = _b_logit(found, response, rng)
    slope, offset = DEEP_FLAVOUR
    return ak.zip(
        _jet_fields(found, RADIUS)
        | {
            "btagDeepB": _like(_sigmoid(logit), found),
            "btagDeepFlavB": _like(_sigmoid(slope * logit + offset), found),
            "genJetIdx": found.index,
        }
    )


def _fat_jets(
    smeared: Any, truth: Truth, response: DetectorResponse, rng: np.random.Generator
) -> Any:
    found = smeared[smeared.pt > FAT_JET_PT]
    size = ak.sum(ak.num(found))
    inside = [
        _flat(ak.sum(_delta_r2(found, quarks) < FAT_RADIUS**2, axis=-1)) for quarks in truth.tops
    ]
    quarks = np.maximum(*inside)
    tag = response.top_tag
    merged, partial, other = (_draw(s, 0, size, rng) for s in (tag.merged, tag.partial, tag.other))
    top = np.select([quarks == 3, quarks == 2], [merged, partial], other)
    resolution = np.clip(rng.normal(1.0, response.soft_drop_resolution, size), 0.1, None)
    groomed = found.groomed_mass * found.pt / found.true_pt * _like(resolution, found)
    return ak.zip(
        _jet_fields(found, FAT_RADIUS)
        | {
            "msoftdrop": groomed,
            "btagDeepB": _like(_sigmoid(_b_logit(found, response, rng)), found),
            "particleNet_TvsQCD": _like(_sigmoid(top), found),
            "genJetAK8Idx": found.index,
        }
    )


def _met(
    truth: Truth,
    shift: NDArray[Any],
    n_pu: NDArray[Any],
    response: DetectorResponse,
    rng: np.random.Generator,
) -> dict[str, Any]:
    true = np.stack([truth.met_x, truth.met_y])
    visible = ak.to_numpy(ak.sum(truth.particles.pt, axis=1))

    def noise(pileup: float) -> NDArray[Any]:
        width = np.sqrt(response.met_noise**2 + n_pu * pileup**2)
        return width * rng.standard_normal(true.shape)

    branches = {}
    for name, (x, y) in {
        "MET": true - shift + noise(response.met_pileup),
        "PuppiMET": true - shift + noise(response.met_pileup * response.puppi_suppression),
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
        lucky = _like(rng.random(ak.sum(ak.num(muons))) < efficiency, muons)
        fires[path] = ak.to_numpy(ak.any((muons.pt > TRIGGER_PT) & lucky, axis=1))
    return fires


def _flags(events: int, rng: np.random.Generator) -> dict[str, Any]:
    """One flag fails in a small fraction of the events; METFilters is the AND of all."""
    failing = np.where(rng.random(events) < BAD_EVENTS, rng.integers(len(FLAGS), size=events), -1)
    flags = {f"Flag_{name}": failing != i for i, name in enumerate(FLAGS)}
    return flags | {"Flag_METFilters": failing == -1}
