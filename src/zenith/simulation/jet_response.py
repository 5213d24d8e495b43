"""The response of a parametrised detector to jets, and their tagging scores."""

from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from zenith.config.detector_response import (
    DetectorResponse,
    Score,
    ScoresByFlavour,
    SubstructureResponse,
)
from zenith.simulation.jagged import by_pt, delta_r2, flat, like, momentum_change, pt_within
from zenith.simulation.truth import Truth

JET_PT, FAT_JET_PT = 15.0, 170.0  # thresholds of NanoAOD, in GeV
RADIUS, FAT_RADIUS = 0.4, 0.8
DEEP_FLAVOUR = (1.08, -1.385)  # maps the logits of DeepCSV's working points to DeepJet's
JET_ID = 6  # bits: passes the tight and the tight-lepton-veto identification


def with_flavour(found: Any, truth: Truth, radius: float) -> Any:
    """Add `hadronFlavour`: 5 with a b hadron inside, else 4 with a c hadron, else 0."""
    has_b = ak.any(delta_r2(found, truth.b_hadrons) < radius**2, axis=-1)
    has_c = ak.any(delta_r2(found, truth.c_hadrons) < radius**2, axis=-1)
    return ak.with_field(found, ak.where(has_b, 5, ak.where(has_c, 4, 0)), "hadronFlavour")


def with_parton_flavour(found: Any, truth: Truth, radius: float) -> Any:
    """Add `partonFlavour`: the PDG code of the hardest parton inside after the shower, or 0."""
    distance2 = delta_r2(found, truth.partons)
    pt, kind = (
        ak.broadcast_arrays(truth.partons[name][:, np.newaxis], distance2)[0]
        for name in ("pt", "pdgId")
    )
    inside = distance2 < radius**2
    hardest = ak.argmax(ak.where(inside, pt, 0.0), axis=2, keepdims=True)
    code = ak.fill_none(ak.firsts(kind[hardest], axis=2), 0)
    return ak.with_field(found, ak.where(ak.any(inside, axis=2), code, 0), "partonFlavour")


def smear(
    found: Any, truth: Truth, radius: float, response: DetectorResponse, rng: np.random.Generator
) -> tuple[Any, NDArray[Any]]:
    """Measured jets, and what smearing added to the sum of their momenta, shape (2, events).

    The response is normal with width √(N²/pT² + S²/pT + C²); what prompt leptons contribute to a
    jet is left as it is. `index` and `true_pt` lead back to the true jets.
    """
    true_pt = flat(found.pt)
    resolution = np.sqrt(
        (response.jet_noise / true_pt) ** 2
        + response.jet_stochastic**2 / true_pt
        + response.jet_constant**2
    )
    factor = response.jet_scale * (1.0 + resolution * rng.standard_normal(len(true_pt)))
    leptons = ak.concatenate([truth.muons, truth.electrons], axis=1)
    leptons = leptons[leptons.prompt]
    leptonic = flat(pt_within(delta_r2(found, leptons), leptons, radius)) / true_pt
    factor = 1.0 + (np.clip(factor, 0.1, None) - 1.0) * np.clip(1.0 - leptonic, 0.0, 1.0)
    scale = like(factor, found)
    angle = response.jet_angle * rng.standard_normal((2, len(true_pt)))
    smeared = {name: found[name] for name in ak.fields(found)} | {
        "pt": found.pt * scale,
        "mass": found.mass * scale,
        "eta": found.eta + like(angle[0], found),
        "phi": (found.phi + like(angle[1], found) + np.pi) % (2 * np.pi) - np.pi,
        "index": ak.local_index(found.pt),
        "true_pt": found.pt,
    }
    return by_pt(ak.zip(smeared)), momentum_change(found, found.pt * (scale - 1.0))


def jets(
    smeared: Any,
    response: DetectorResponse,
    rng: np.random.Generator,
    n_pu: NDArray[Any] | None = None,
) -> Any:
    """The collection `Jet` of smeared jets.

    Measured constituents need `n_pu` (events,), the number of pileup interactions. What only some
    samples have is drawn last: the rest is the same without it.
    """
    found = smeared[smeared.pt > JET_PT]
    logit = _b_logit(found, response, rng)
    slope, offset = DEEP_FLAVOUR
    fields = _jet_fields(found, RADIUS) | {
        "btagDeepB": like(_sigmoid(logit), found),
        "btagDeepFlavB": like(_sigmoid(slope * logit + offset), found),
        "genJetIdx": found.index,
    }
    if response.charm_tag is not None:
        fields |= {
            "btagDeepFlavCvL": _score(found, response.charm_tag.against_light, rng),
            "btagDeepFlavCvB": _score(found, response.charm_tag.against_b, rng),
        }
    if response.substructure is not None and n_pu is not None:
        fields |= _substructure(found, n_pu, response.substructure, rng)
        fields["partonFlavour"] = found.partonFlavour
    return ak.zip(fields)


def fat_jets(
    smeared: Any, truth: Truth, response: DetectorResponse, rng: np.random.Generator
) -> Any:
    """The collection `FatJet`: tagged by how many quarks of one top decay are inside."""
    found = smeared[smeared.pt > FAT_JET_PT]
    size = ak.sum(ak.num(found))
    top, antitop = (
        flat(ak.sum(delta_r2(found, quarks) < FAT_RADIUS**2, axis=-1)) for quarks in truth.tops
    )
    quarks = np.maximum(top, antitop)
    tag = response.top_tag
    merged, partial, other = (_draw(s, 0, size, rng) for s in (tag.merged, tag.partial, tag.other))
    top_logit = np.select([quarks == 3, quarks == 2], [merged, partial], other)
    resolution = np.clip(rng.normal(1.0, response.soft_drop_resolution, size), 0.1, None)
    groomed = found.groomed_mass * found.pt / found.true_pt * like(resolution, found)
    return ak.zip(
        _jet_fields(found, FAT_RADIUS)
        | {
            "msoftdrop": groomed,
            "btagDeepB": like(_sigmoid(_b_logit(found, response, rng)), found),
            "particleNet_TvsQCD": like(_sigmoid(top_logit), found),
            "genJetAK8Idx": found.index,
            "nTopQuarks": like(quarks, found),
        }
    )


def _jet_fields(found: Any, radius: float) -> dict[str, Any]:
    fields = {name: found[name] for name in ("pt", "eta", "phi", "mass", "hadronFlavour")}
    size = ak.sum(ak.num(found))
    return fields | {
        "area": like(np.full(size, np.pi * radius**2), found),
        "rawFactor": like(np.zeros(size), found),
        "jetId": like(np.full(size, JET_ID), found),
        "nConstituents": ak.where(found.constituents < 255, found.constituents, 255),
    }


def _substructure(
    found: Any, n_pu: NDArray[Any], response: SubstructureResponse, rng: np.random.Generator
) -> dict[str, Any]:
    """`nConstituents` and `width` as they are measured."""
    true, number = flat(found.constituents), ak.to_numpy(ak.num(found))
    pileup = rng.poisson(response.pileup * np.repeat(n_pu, number))
    measured = rng.binomial(true, response.efficiency) + pileup
    scale = np.clip(rng.normal(1.0, response.width_resolution, len(true)), 0.0, None)
    return {
        "nConstituents": like(np.clip(measured, 1, 255), found),
        "width": found.width * like(scale, found),
    }


def _score(found: Any, scores: ScoresByFlavour, rng: np.random.Generator) -> Any:
    """A tagging score in (0, 1) by the flavour of the hadrons in the jet."""
    flavour, size = flat(found.hadronFlavour), ak.sum(ak.num(found))
    b, c, light = (_draw(s, 0, size, rng) for s in (scores.b, scores.c, scores.light))
    return like(_sigmoid(np.select([flavour == 5, flavour == 4], [b, c], light)), found)


def _b_logit(found: Any, response: DetectorResponse, rng: np.random.Generator) -> NDArray[Any]:
    flavour, pt, size = flat(found.hadronFlavour), flat(found.pt), ak.sum(ak.num(found))
    tag = response.btag
    loss = -tag.slope * np.clip(pt - 200.0, 0.0, 1000.0)
    b, c, light = (_draw(s, d, size, rng) for s, d in ((tag.b, loss), (tag.c, 0), (tag.light, 0)))
    return np.select([flavour == 5, flavour == 4], [b, c], light)


def _draw(score: Score, shift: Any, size: int, rng: np.random.Generator) -> NDArray[Any]:
    """Logits of a score."""
    return np.asarray(score.mean + shift + score.spread * rng.standard_normal(size))


def _sigmoid(logit: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(1.0 / (1.0 + np.exp(-logit)))
