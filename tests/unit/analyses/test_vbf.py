"""The observables and weights of the search for Higgs bosons from vector boson fusion."""

from typing import Any

import awkward as ak
import numpy as np
import pytest

from zenith.analyses import vbf
from zenith.comparison import parse
from zenith.config import Analysis, load, observables_of
from zenith.config.simulation import HardCard
from zenith.events.columns import evaluate
from zenith.events.formats.views import as_events
from zenith.events.objects import Objects, select

# Five jets of one event by rising b-tagging score, and another event without any:
# pT, η, φ, score, constituents, width, parton
JETS = (
    (60.0, 2.5, 1.0, 0.02, 20, 0.10, 21),
    (90.0, -2.0, -2.0, 0.03, 12, 0.06, 1),
    (35.0, 0.1, 0.2, 0.04, 15, 0.09, 21),
    (80.0, 0.5, 3.0, 0.60, 14, 0.09, 5),
    (70.0, -0.3, 0.5, 0.90, 14, 0.09, -5),
)
NAMES = ("pt", "eta", "phi", "btagDeepFlavB", "nConstituents", "width", "partonFlavour")


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return load("config/vbf.yaml")


@pytest.fixture(scope="module")
def objects(analysis: Analysis) -> Objects:
    jets = sorted(JETS, key=lambda jet: -jet[0])
    columns: dict[str, Any] = dict(zip(NAMES, zip(*jets, strict=True), strict=True))
    columns |= {"mass": [0.0] * 5, "jetId": [6] * 5, "hadronFlavour": [0] * 5}
    columns |= {"btagDeepFlavCvB": [0.25] * 5, "btagDeepFlavCvL": [0.5] * 5}
    branches: dict[str, Any] = {
        f"Jet_{name}": ak.Array([list(values), []]) for name, values in columns.items()
    }
    branches |= {name: ak.Array([1, 2]) for name in ("run", "luminosityBlock", "event")}
    return select(as_events(branches), analysis)


def momentum(jet: tuple[float, ...]) -> Any:
    pt, eta, phi = jet[:3]
    return pt * np.array([np.cosh(eta), np.cos(phi), np.sin(phi), np.sinh(eta)])


def mass(*jets: tuple[float, ...]) -> float:
    energy, *p = np.sum([momentum(jet) for jet in jets], axis=0)
    return float(np.sqrt(energy**2 - np.dot(p, p)))


def test_observables(objects: Objects, analysis: Analysis) -> None:
    found = evaluate(objects, observables_of(analysis))
    forward, backward, third, second, first = JETS
    pair = np.sum([momentum(first), momentum(second)], axis=0)
    everything = np.sum([momentum(jet) for jet in JETS if jet is not third], axis=0)
    eta = np.arcsinh(pair[3] / np.hypot(*pair[1:3]))
    expected = {
        "m_bb": mass(first, second),
        "pt_bb": np.hypot(*pair[1:3]),
        "delta_phi_bb": 2.5,
        "delta_eta_bb": 0.8,
        "btag_1": 0.9,
        "btag_2": 0.6,
        "charm_1": 0.25,
        "charm_2": 0.25,
        "m_jj": mass(forward, backward),
        "delta_eta_jj": 4.5,
        "delta_phi_jj": 3.0,
        "tag_pt": 60.0,
        "tag_constituents": 32.0,
        "tag_width": 0.08,
        "n_jet": 5.0,
        "ht": 335.0,
        "ht_rest": 35.0,
        "pt_balance": np.hypot(*everything[1:3]),
        "centrality": np.exp(-4 * ((eta - 0.25) / 4.5) ** 2),
    }
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name][0] == pytest.approx(value, rel=1e-5), name
    nowhere = {"delta_phi_bb", "delta_eta_bb", "delta_eta_jj", "delta_phi_jj", "centrality"}
    for name, values in found.items():
        assert values[1] == (-1.0 if name in nowhere else 0.0), name


def test_weights(objects: Objects) -> None:
    distance = (mass(JETS[3], JETS[4]) - 125.0) / 50.0
    up = [list(f(objects, "up")) for f in (vbf.m_bb_slope, vbf.m_bb_curvature, vbf.constituents)]
    assert up[0] == pytest.approx([1 + 0.1 * distance, 1.0])
    assert up[1] == pytest.approx([1 + 0.1 * distance**2, 1.0])
    # A gluon jet of 60 GeV has 15 constituents in the mean, a quark jet of 90 GeV 12.7.
    gluon, quark = (20 - 15.0), 12 - (10.8 + 4.7 * np.log(1.5))
    expected = (1 + 0.05 * gluon / 1.64) * (1 + 0.05 * quark / 1.64)
    assert up[2] == pytest.approx([expected, 1.0])
    for weight in (vbf.m_bb_slope, vbf.m_bb_curvature, vbf.constituents):
        assert list(weight(objects, "nominal")) == [1.0, 1.0]


def test_filters_of_the_simulation_are_looser_than_the_cuts(analysis: Analysis) -> None:
    """What was not generated would be missing above the cuts."""
    asked = [parse(text) for text in analysis.skim.cuts]
    cuts = {cut.observable: float(cut.threshold) for cut in asked if cut.direction == ">"}
    central = {c.field: c.value for c in analysis.objects["central"].cuts}
    for sample in analysis.samples.values():
        card: Any = sample.simulate
        assert card.tag_jets.pt < cuts["tag_pt"]
        assert card.tag_jets.mass < cuts["m_jj"]
        assert card.tag_jets.delta_eta < cuts["delta_eta_jj"]
        if isinstance(card, HardCard):
            assert card.quark_pt_min < central["pt"]  # type: ignore[attr-defined]
