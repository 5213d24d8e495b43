"""The observables of the Z′ analysis against closed forms and events with a known answer."""

from typing import Any

import awkward as ak
import numpy as np
import pytest
from numpy.typing import NDArray

from zenith.analyses import zprime
from zenith.config import Analysis, load, observables_of
from zenith.events import kinematics
from zenith.events.columns import evaluate
from zenith.events.formats.views import as_events
from zenith.events.objects import Objects, select

OBJECTS = (
    "objects.muon={collection: Muon, cuts: [], aliases: {}}",
    "objects.jet={collection: Jet, cuts: [], aliases: {btag: btagDeepB}, away_from: {muon: 0.01}}",
    "objects.fatjet={collection: FatJet, cuts: [], aliases: {toptag: tag}}",
    "met=MET",
)
Momenta = list[NDArray[np.float64]]


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return load("config/zprime.yaml", OBJECTS)


def fields(momenta: Momenta) -> dict[str, list[float]]:
    px, py, pz, energy = np.array(momenta).reshape(-1, 4).T
    pt = np.hypot(px, py)
    mass = np.sqrt(np.maximum(energy**2 - pt**2 - pz**2, 0.0))
    eta = np.arcsinh(pz / np.where(pt > 0, pt, 1))
    parts = {"pt": pt, "eta": eta, "phi": np.arctan2(py, px), "mass": mass}
    return {name: values.tolist() for name, values in parts.items()}


def objects_of(
    analysis: Analysis,
    *,
    muons: Momenta,
    jets: Momenta,
    met: tuple[float, float] = (0.0, 0.0),
    fatjets: Momenta = (),  # type: ignore[assignment]
    btag: tuple[float, ...] | None = None,
    toptag: tuple[float, ...] | None = None,
) -> Objects:
    """One event, followed by an empty one."""
    branches: dict[str, Any] = {n: [1, 2] for n in ("run", "luminosityBlock", "event", "PV_npvs")}
    for name, momenta in {"Muon": muons, "Jet": jets, "FatJet": fatjets}.items():
        for field, values in fields(momenta).items():
            branches[f"{name}_{field}"] = ak.values_astype(ak.Array([[*values, 0.0], []]), float)
            branches[f"{name}_{field}"] = branches[f"{name}_{field}"][:, : len(values)]
    scores = {"Jet_btagDeepB": (btag, jets), "FatJet_tag": (toptag, fatjets)}
    for name, (given, momenta) in scores.items():
        values = list(given) if given else [0.5] * len(momenta)
        branches[name] = ak.Array([[*values, 0.0], []])[:, : len(values)]
    branches["MET_pt"] = [float(np.hypot(*met)), 0.0]
    branches["MET_phi"] = [float(np.arctan2(met[1], met[0])), 0.0]
    arrays = {name: ak.Array(values) for name, values in branches.items()}
    return select(as_events(arrays), analysis)


def values(objects: Objects, analysis: Analysis) -> dict[str, float]:
    """All observables of the first event."""
    return {n: v[0] for n, v in evaluate(objects, observables_of(analysis)).items()}


def massless(px: float, py: float, pz: float) -> NDArray[np.float64]:
    return np.array([px, py, pz, np.sqrt(px**2 + py**2 + pz**2)])


def boosted(momentum: NDArray[np.float64], mass: float, by: NDArray[np.float64]) -> Any:
    """A momentum in the rest frame of a particle (px, py, pz) of this mass, seen from outside."""
    energy = np.sqrt(mass**2 + by @ by)
    along = by @ momentum[:3]
    factor = (along / (energy + mass) + momentum[3]) / mass
    return np.array([*(momentum[:3] + factor * by), (energy * momentum[3] + along) / mass])


def decay(mass: float, one: float, other: float, direction: Any, by: Any) -> Momenta:
    """The two daughters of a particle of momentum `by`, back to back along `direction` at rest."""
    p = np.sqrt((mass**2 - (one + other) ** 2) * (mass**2 - (one - other) ** 2)) / (2 * mass)
    direction = np.asarray(direction) / np.linalg.norm(direction)
    rest = [np.array([*(s * p * direction), np.hypot(p, m)]) for s, m in ((1, one), (-1, other))]
    return [boosted(momentum, mass, np.asarray(by)) for momentum in rest]


@pytest.mark.parametrize("seed", range(3))
def test_the_neutrino_gives_the_mass_of_the_w_boson(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lepton = rng.normal(0, 60, (2000, 4))
    lepton[:, 3] = np.sqrt((lepton[:, :3] ** 2).sum(axis=1) + 0.1057**2)
    met = rng.normal(0, 50, (2000, 2))
    found = kinematics.neutrinos(lepton, met)
    np.testing.assert_allclose(kinematics.mass(found), 0.0, atol=1e-2)
    np.testing.assert_array_equal(found[:, 0, :2], met)
    mass = kinematics.mass(lepton[:, None] + found)
    assert (np.abs(found[:, 0, 2]) <= np.abs(found[:, 1, 2])).all()
    off_shell = found[:, 0, 2] == found[:, 1, 2]
    assert 0.05 < off_shell.mean() < 0.95
    np.testing.assert_allclose(mass[~off_shell], kinematics.W_MASS, rtol=1e-6)
    assert (mass[off_shell] > kinematics.W_MASS).all()  # no pz gives the mass of the W boson
    for p, nu_t, nu in zip(lepton[:50], met[:50], found[:50], strict=True):
        half = (kinematics.W_MASS**2 - 0.1057**2) / 2 + p[:2] @ nu_t
        a, c = p[3] ** 2 - p[2] ** 2, p[3] ** 2 * (nu_t @ nu_t) - half**2
        roots = np.roots([a, -2 * half * p[2], c])
        np.testing.assert_allclose(sorted(roots.real), sorted(nu[:, 2]), rtol=1e-6, atol=1e-6)


def test_the_true_neutrino_is_one_of_the_two() -> None:
    muon, neutrino = decay(kinematics.W_MASS, 0.1057, 0.0, [1, 2, -1], [200.0, 50.0, 300.0])
    found = kinematics.neutrinos(muon[None], neutrino[None, :2])[0]
    assert np.abs(found - neutrino).max(axis=1).min() < 1e-3


def test_the_shape_of_known_events() -> None:
    axes = np.eye(3)
    events = {
        "one": [massless(3, 4, 5)],
        "back_to_back": [massless(10, 0, 0), massless(-10, 0, 0)],
        "three in a plane": [massless(*(np.cos(a), np.sin(a), 0)) for a in (0, 2.0944, 4.18879)],
        "six along the axes": [massless(*(s * a)) for a in axes for s in (1, -1)],
        "nothing": [],
    }
    expected = {
        "one": (0, 0),
        "back_to_back": (0, 0),
        "three in a plane": (0.75, 0),
        "six along the axes": (1, 0.5),
        "nothing": (0, 0),
    }
    for name, momenta in events.items():
        padded = np.zeros((1, 6, 4))
        padded[0, : len(momenta)] = np.array(momenta).reshape(-1, 4)
        shape = np.ravel(kinematics.event_shape(padded))
        np.testing.assert_allclose(shape, expected[name], atol=1e-5, err_msg=name)


def test_the_shape_agrees_with_lapack_and_is_the_same_after_a_rotation() -> None:
    rng = np.random.default_rng(2)
    momenta = rng.normal(0, [50, 20, 100, 1], (500, 5, 4))
    tensor = np.einsum("nia,nib->nab", momenta[..., :3], momenta[..., :3])
    eigenvalues = np.linalg.eigvalsh(tensor) / np.trace(tensor, axis1=1, axis2=2)[:, None]
    sphericity, aplanarity = kinematics.event_shape(momenta)
    np.testing.assert_allclose(sphericity, 1.5 * eigenvalues[:, :2].sum(axis=1), atol=1e-12)
    np.testing.assert_allclose(aplanarity, 1.5 * eigenvalues[:, 0], atol=1e-12)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    momenta[..., :3] = momenta[..., :3] @ rotation
    np.testing.assert_allclose(kinematics.event_shape(momenta)[0], sphericity, atol=1e-12)


TOP, W = 172.0, kinematics.W_MASS


def top_pair() -> tuple[Momenta, Momenta, float]:
    """(muon, neutrino, b) and (b, q, q̄) of two tops with a mass of 172 GeV, and their mass."""
    one, other = np.array([350.0, -60.0, 400.0]), np.array([-330.0, 90.0, -100.0])
    w_lep, b_lep = decay(TOP, W, 4.8, [0.3, 1, -0.2], one)
    w_had, b_had = decay(TOP, W, 4.8, [1, 0.1, 0.5], other)
    leptonic = [*decay(W, 0.10566, 0.0, [0.1, -1, 0.6], w_lep[:3]), b_lep]
    hadronic = [b_had, *decay(W, 0.0, 0.0, [0.2, 1, 1], w_had[:3])]
    total = sum(leptonic) + sum(hadronic)
    return leptonic, hadronic, float(np.sqrt(total[3] ** 2 - total[:3] @ total[:3]))


def test_a_resolved_top_pair_is_found(analysis: Analysis) -> None:
    (muon, neutrino, b), hadronic, mass = top_pair()
    jets = sorted([b, *hadronic], key=lambda p: -np.hypot(p[0], p[1]))
    objects = objects_of(analysis, muons=[muon], jets=jets, met=(neutrino[0], neutrino[1]))
    found = values(objects, analysis)
    assert found["chi2"] == pytest.approx(0.0, abs=1e-5)
    assert found["mtt"] == pytest.approx(mass, rel=1e-5)
    assert found["m_top_leptonic"] == pytest.approx(TOP, rel=1e-4)
    assert found["m_top_hadronic"] == pytest.approx(TOP, rel=1e-4)


def test_a_merged_top_is_the_fat_jet_of_the_highest_score(analysis: Analysis) -> None:
    (muon, neutrino, b), hadronic, mass = top_pair()
    fat = sum(hadronic)
    inside = massless(*(0.4 * fat[:3]))  # a jet within the fat jet is not the leptonic top's
    soft = massless(30, 30, -200)
    objects = objects_of(
        analysis,
        muons=[muon],
        jets=[inside, b, soft],
        fatjets=[massless(*(2 * b[:3])), fat],
        toptag=(0.1, 0.9),
        met=(neutrino[0], neutrino[1]),
    )
    found = values(objects, analysis)
    assert found["mtt"] == pytest.approx(mass, rel=1e-5)
    assert found["chi2"] == pytest.approx(0.0, abs=1e-5)
    assert found["toptag"] == pytest.approx(0.9)
    alone = objects_of(
        analysis, muons=[muon], jets=[inside], fatjets=[fat], met=(neutrino[0], neutrino[1])
    )
    lost = values(alone, analysis)  # without its b-jet, the leptonic top is the W boson
    assert lost["m_top_leptonic"] == pytest.approx(W, rel=1e-4)
    expected = ((W - TOP) / kinematics.TOP_WIDTH_LEPTONIC) ** 2
    assert lost["chi2"] == pytest.approx(expected, rel=1e-3)


def test_rounding_does_not_choose_the_neutrino() -> None:
    """Without a jet of the leptonic top both neutrinos are as good: χ² differs by rounding only."""
    (muon, neutrino, _), hadronic, _ = top_pair()
    moved = 1.0 + 1e-7 * np.random.default_rng(1).normal(size=(200, 2))
    lepton, fat = (np.tile(p, (200, 1)) for p in (muon, sum(hadronic)))
    nothing = np.zeros((200, 1, 4)), np.zeros((200, 1), bool)
    merged = np.ones(200, bool)
    found = kinematics.top_pair(lepton, neutrino[:2] * moved, *nothing, fat, merged)
    both = kinematics.neutrinos(lepton[:1], neutrino[None, :2])[0] + muon + sum(hadronic)
    small, large = kinematics.mass(both)
    assert abs(large / small - 1.0) > 0.01
    np.testing.assert_allclose(found.mass, small, rtol=1e-5)


def test_simple_observables_of_one_event(analysis: Analysis) -> None:
    muon = massless(60, 80, 30)
    near, far = massless(80, 60, 0), massless(-300, 0, 100)
    objects = objects_of(
        analysis,
        muons=[muon, massless(0, -20, 5)],
        jets=[far, near],
        fatjets=[np.array([-500.0, 0.0, 0.0, 530.0])],
        btag=(0.3, 0.8),
        toptag=(0.7,),
        met=(0.0, -50.0),
    )
    found = values(objects, analysis)
    across = np.linalg.norm(np.cross(muon[:3], near[:3])) / np.linalg.norm(near[:3])
    d_phi = np.arctan2(80, 60) - np.arctan2(60, 80)
    expected = {
        "n_muon": 2,
        "n_jet": 2,
        "n_fatjet": 1,
        "n_vertex": 1,
        "muon_pt": 100,
        "muon_eta": np.arcsinh(0.3),
        "met": 50,
        "lep_ht": 150,
        "jet_1_pt": 300,
        "jet_2_pt": 100,
        "jet_3_pt": 0,
        "btag_1": 0.8,
        "btag_2": 0.3,
        "fatjet_1_pt": 500,
        "fatjet_1_mass": np.sqrt(530**2 - 500**2),
        "toptag": 0.7,
        "st": 300 + 100 + 100 + 20 + 50,
        "dr_muon_jet": np.hypot(np.arcsinh(0.3), d_phi),
        "pt_rel": across,
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-5), name


def test_an_empty_event_has_the_missing_values(analysis: Analysis) -> None:
    objects = objects_of(analysis, muons=[massless(60, 80, 30)], jets=[massless(80, 60, 0)])
    defined = observables_of(analysis)
    empty = {name: array[1] for name, array in evaluate(objects, defined).items()}
    events = {"n_vertex": 2.0, "met": 0.0}
    assert empty == {n: pytest.approx(events.get(n, o.missing)) for n, o in defined.items()}


def test_every_observable_works_on_no_events_and_is_described(analysis: Analysis) -> None:
    objects = objects_of(analysis, muons=[massless(60, 80, 30)], jets=[massless(80, 60, 0)])
    none = select(objects.event[:0], analysis)
    for name, observable in observables_of(analysis).items():
        assert evaluate(none, {name: observable})[name].shape == (0,)
        assert observable.description.endswith("."), name
        assert observable.unit in ("", "GeV")
    assert observables_of(analysis)["mtt"] is zprime.mtt


def test_the_weight_of_top_momenta_is_the_root_of_both_ratios(analysis: Analysis) -> None:
    """Of the last copies alone; nothing else of the hard process counts, and 500 GeV weighs 1."""
    last, first = 1 << 13, 1 << 12
    particles = [
        [(800.0, 6, last), (300.0, -6, last), (999.0, 6, first), (50.0, 24, last)],
        [(500.0, 6, last), (500.0, -6, last)],
        [],
    ]
    fields = {
        name: ak.Array([[particle[n] for particle in event] for event in particles])
        for n, name in enumerate(("pt", "pdgId", "statusFlags"))
    }
    numbers = {name: np.ones(3, np.int64) for name in ("run", "luminosityBlock", "event")}
    event = ak.zip({**numbers, "GenPart": ak.zip(fields)}, depth_limit=1)
    objects = Objects(3, {"event": lambda: event})

    def ratio(pt: float) -> float:  # NNLO QCD + NLO EW over POWHEG + Pythia 8
        return float(0.103 * np.exp(-0.0118 * pt) - 0.000134 * pt + 0.973)

    found = np.asarray(zprime.top_pt(objects, "up"))
    expected = np.sqrt(ratio(800.0) * ratio(300.0)) / ratio(500.0)
    np.testing.assert_allclose(found, [expected, 1.0, 1.0], rtol=1e-12)
    assert np.all(zprime.top_pt(objects, "nominal") == 1.0)
    # A slope: 4 % less for two tops of 800 GeV.
    assert ratio(800.0) / ratio(500.0) == pytest.approx(0.956, abs=1e-3)
