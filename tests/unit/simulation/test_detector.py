"""The parametrised detector does what its numbers say."""

import awkward as ak
import numpy as np
import pytest
from scipy.stats import norm

from zenith.config.detector_response import DetectorResponse, Score
from zenith.simulation import jet_response
from zenith.simulation.detector import pileup_profile, reconstruct
from zenith.simulation.jagged import delta_r2, flat, pt_within
from zenith.simulation.truth import Truth, truth

SIZE = 20_000
RESPONSE = DetectorResponse()


def nothing() -> ak.Array:
    """A collection without objects, for each of SIZE events."""
    fields = dict.fromkeys(("pt", "eta", "phi"), np.zeros(0))
    empty = ak.zip(fields | {"prompt": np.zeros(0, bool), "pdgId": np.zeros(0, int)})
    return ak.unflatten(empty, np.zeros(SIZE, int))


def empty_truth(**given: object) -> Truth:
    names = ("particles", "muons", "electrons", "b_hadrons", "c_hadrons", "partons", "hard_process")
    fields = {name: nothing() for name in names} | {"tops": (nothing(), nothing())}
    zero = np.zeros(SIZE)
    weights = {"shower_weights": np.zeros((SIZE, 0))}
    return Truth(
        **(fields | {"met_x": zero, "met_y": zero, "weight": zero + 1.0} | weights | given)
    )


def one_each(**values: float | int | bool) -> ak.Array:
    """One and the same object in each event."""
    return ak.unflatten(
        ak.zip({k: np.full(SIZE, v) for k, v in values.items()}), np.ones(SIZE, int)
    )


def one_jet_each(pt: float, flavour: int = 0) -> ak.Array:
    direction, masses = {"eta": 0.5, "phi": 3.1}, {"mass": 10.0, "groomed_mass": 80.0}
    rest = {"constituents": 300, "hadronFlavour": flavour, "index": 0}
    return one_each(pt=pt, true_pt=pt, **direction, **masses, **rest)


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def binomial_error(probability: float) -> float:
    return float(np.sqrt(probability * (1 - probability) / SIZE))


# DeepCSV's efficiencies (b, c, light) at its working points, arXiv:1712.07158
WORKING_POINTS = {
    0.2217: (0.84, 0.41, 0.11),
    0.6321: (0.68, 0.12, 0.011),
    0.8953: (0.50, 0.024, 0.001),
}


@pytest.mark.parametrize("threshold", WORKING_POINTS)
@pytest.mark.parametrize("flavour", [5, 4, 0])
def test_b_tag_efficiency(threshold: float, flavour: int) -> None:
    jets = jet_response.jets(one_jet_each(100.0, flavour), RESPONSE, rng())
    efficiency = np.mean(flat(jets.btagDeepB) > threshold)
    score = {5: RESPONSE.btag.b, 4: RESPONSE.btag.c, 0: RESPONSE.btag.light}[flavour]
    logit = np.log(threshold / (1 - threshold))
    expected = norm.cdf((score.mean - logit) / score.spread)
    assert abs(efficiency - expected) < 4 * binomial_error(expected)
    measured = WORKING_POINTS[threshold][[5, 4, 0].index(flavour)]
    assert expected == pytest.approx(measured, rel=0.12, abs=0.0005)


def test_b_tag_efficiency_falls_with_momentum() -> None:
    soft, hard = (
        np.mean(flat(jet_response.jets(one_jet_each(pt, 5), RESPONSE, rng()).btagDeepB) > 0.6321)
        for pt in (150.0, 800.0)
    )
    shift = RESPONSE.btag.slope * 600.0 / RESPONSE.btag.b.spread
    assert norm.ppf(soft) - norm.ppf(hard) == pytest.approx(shift, abs=0.03)


@pytest.mark.parametrize("inside", [3, 2, 1, 0])
def test_top_tag_depends_on_the_quarks_inside(inside: int) -> None:
    phi = np.where(np.arange(3) < inside, 3.1, 0.0)  # next to the jet, or opposite to it
    three = ak.zip({"eta": np.full(3 * SIZE, 0.5), "phi": np.tile(phi, SIZE)})
    quarks = ak.unflatten(three, np.full(SIZE, 3))
    event = empty_truth(tops=(nothing(), quarks))
    fat_jets = jet_response.fat_jets(one_jet_each(500.0), event, RESPONSE, rng())
    tag = RESPONSE.top_tag
    score: Score = {3: tag.merged, 2: tag.partial}.get(inside, tag.other)
    expected = norm.cdf(score.mean / score.spread)
    efficiency = np.mean(flat(fat_jets.particleNet_TvsQCD) > 0.5)
    assert abs(efficiency - expected) < 4 * binomial_error(expected)
    assert np.std(flat(fat_jets.msoftdrop)) == pytest.approx(80 * 0.08, rel=0.03)
    assert np.all(flat(fat_jets.nTopQuarks) == inside)
    assert flat(fat_jets.nConstituents)[0] == 255  # what a uint8 can hold


@pytest.mark.parametrize("pt", [40.0, 200.0, 1000.0])
def test_jet_resolution(pt: float) -> None:
    response = DetectorResponse(jet_scale=0.98)
    jets, change = jet_response.smear(one_jet_each(pt), empty_truth(), 0.4, response, rng())
    ratio = flat(jets.pt) / pt
    expected = np.sqrt((4.0 / pt) ** 2 + 0.9**2 / pt + 0.045**2)
    assert np.mean(ratio) == pytest.approx(0.98, abs=5 * expected / np.sqrt(SIZE))
    assert np.std(ratio) == pytest.approx(0.98 * expected, rel=0.03)
    np.testing.assert_allclose(np.hypot(*change), abs(ratio - 1) * pt, atol=1e-9)


def test_a_prompt_lepton_in_a_jet_is_not_smeared_with_it() -> None:
    muon = one_each(pt=60.0, eta=0.5, phi=3.1, prompt=True, pdgId=13)
    jets, _ = jet_response.smear(one_jet_each(80.0), empty_truth(muons=muon), 0.4, RESPONSE, rng())
    expected = np.sqrt((4.0 / 80.0) ** 2 + 0.9**2 / 80.0 + 0.045**2)
    assert np.std(flat(jets.pt)) / 80.0 == pytest.approx(expected * 20.0 / 80.0, rel=0.03)


def test_pileup_follows_its_profile() -> None:
    event = reconstruct(empty_truth_with_jets(), RESPONSE, rng())
    edges = np.arange(0.0, 60.0, 5.0)
    counts, _ = np.histogram(event["Pileup_nTrueInt"], edges)
    expected = SIZE * pileup_profile(RESPONSE, edges)
    assert np.all(abs(counts - expected) < 4.5 * np.sqrt(expected))
    assert np.mean(event["Pileup_nTrueInt"]) == pytest.approx(RESPONSE.pileup_mean, rel=0.01)
    # Missing momentum is noise alone here: its two components have the stated width.
    width = np.sqrt(RESPONSE.met_noise**2 + event["Pileup_nPU"] * RESPONSE.met_pileup**2)
    pull = event["MET_pt"] * np.cos(event["MET_phi"]) / width
    assert np.std(pull) == pytest.approx(1.0, abs=0.02)
    assert np.mean(event["PuppiMET_pt"]) < np.mean(event["MET_pt"])


def empty_truth_with_jets() -> Truth:
    """Events with one soft particle each, below every jet threshold: clustering needs one."""
    momentum = {"px": 1.0, "py": 0.0, "pz": 0.0, "E": 1.0}
    return empty_truth(particles=one_each(pt=1.0, eta=0.0, phi=0.0, pdgId=22, **momentum))


def test_the_azimuth_wraps() -> None:
    a = ak.Array([[{"eta": 0.0, "phi": 3.1}], []])
    b = ak.Array([[{"eta": 0.1, "phi": -3.1, "pt": 4.0}, {"eta": 0.0, "phi": 0.0, "pt": 5.0}], []])
    distance2 = delta_r2(a, b)
    np.testing.assert_allclose(distance2[0, 0], [0.01 + (2 * np.pi - 6.2) ** 2, 3.1**2])
    assert pt_within(distance2, b, 0.4).to_list() == [[4.0], []]


@pytest.fixture(scope="module")
def batch() -> Truth:
    pytest.importorskip("pythia8mc", reason="Pythia 8 is the optional extra `simulate`")
    from zenith.config.simulation import TopPairCard
    from zenith.simulation.generator import Generator

    return truth(Generator(TopPairCard(process="ttbar_semileptonic", events=1), 5).batch(600))


def test_muons_of_top_decays(batch: Truth) -> None:
    event = reconstruct(batch, RESPONSE, rng())
    muons = event["Muon"]
    hard = muons[muons.pt > 55]
    tight = np.mean(flat(hard.tightId))
    assert tight == pytest.approx(
        RESPONSE.muon_efficiency, abs=4 * np.sqrt(0.04 / len(flat(hard.pt)))
    )
    # Those of W bosons are isolated, those of b hadrons are not.
    prompt = batch.muons[abs(batch.muons.eta) < 2.4].prompt
    ordered = prompt[ak.argsort(batch.muons[abs(batch.muons.eta) < 2.4].pt, ascending=False)]
    isolated = muons.miniPFRelIso_all < 0.1
    by_origin = {
        p: np.mean(flat(isolated[(ordered == p) & (muons.pt > 15)])) for p in (True, False)
    }
    assert by_origin[True] > 0.85
    assert by_origin[False] < 0.15
    # The OR of the two triggers, for events with one muon above their threshold.
    one = ak.to_numpy((ak.num(hard) == 1) & (ak.num(muons[muons.pt > 50]) == 1))
    fired = (event["HLT_Mu50"] | event["HLT_TkMu50"])[one]
    assert np.mean(fired) == pytest.approx(1 - 0.1 * 0.4, abs=0.04)
    assert np.mean(event["HLT_Mu50"][one]) == pytest.approx(0.9, abs=0.06)


def test_jets_of_top_decays(batch: Truth) -> None:
    event = reconstruct(batch, RESPONSE, rng())
    leading = ak.firsts(event["Jet"][abs(event["Jet"].eta) < 2.4])
    assert ak.mean(leading.pt) > 200
    assert ak.all(event["Jet"].pt[:, 1:] <= event["Jet"].pt[:, :-1])
    # Index to the true jet: on average, the measured pT is the true one.
    jets = event["Jet"][event["Jet"].pt > 100]
    ratio = flat(jets.pt / event["GenJet"].pt[jets.genJetIdx])
    assert np.mean(ratio) == pytest.approx(1.0, abs=0.02)
    # A hadronically decaying top in one fat jet has the mass of a top.
    fat = event["FatJet"]
    tagged = flat(fat.msoftdrop[(fat.pt > 450) & (fat.particleNet_TvsQCD > 0.9)])
    peak = tagged[(tagged > 130) & (tagged < 210)]
    assert len(peak) > 0.6 * len(tagged)
    # Neutrinos of b hadrons are lost: 165.5 ± 0.4 in 16,000 events, with an error of 3 here.
    assert np.median(peak) == pytest.approx(165.5, abs=8.0)
    assert np.mean(flat(fat.hadronFlavour) == 5) > 0.5
    b_jets = ak.sum(event["Jet"].hadronFlavour == 5, axis=1)
    assert ak.mean(b_jets) == pytest.approx(2.0, abs=0.3)
