"""Simulated events: the physics of the processes, the files, and that a seed fixes them."""

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot
from pydantic import TypeAdapter, ValidationError

from zenith.cli import main
from zenith.config.detector_response import DetectorResponse
from zenith.config.simulation import SimulationCard
from zenith.errors import InputError, ZenithError

pytest.importorskip("pythia8mc", reason="Pythia 8 is the optional extra `simulate`")

from zenith.simulation import simulate as module
from zenith.simulation.generator import Generator, cross_section, settings, unbiased
from zenith.simulation.simulate import Source, certified_share, events_of_part, simulate_pseudodata

REAL = Path("../shared/data/nanoaod/nanoAOD_2015_CMS_Open_Data_ttbar.root")
# What that file, of 2015, lacks: CMS added the trigger in 2016; its makers left the mass out; the
# number of quarks is ours alone.
NEWER = {"HLT_TkMu50", "FatJet_msoftdrop", "FatJet_nTopQuarks"}
BACKGROUNDS = {"wjets": 2.0, "ttbar_semileptonic": 1.5}  # pb
LUMINOSITY = 0.1  # 1/fb
GOLDEN = "config/golden-simulated.json"  # certifies 95 of the 100 sections of each run


def card(process: str, **keys: Any) -> Any:
    return TypeAdapter(SimulationCard).validate_python({"process": process, "events": 300, **keys})


def read(path: Path, tree: str = "Events") -> Any:
    with uproot.open(path) as file:
        return file[tree].arrays()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One small file of each kind."""
    folder = tmp_path_factory.mktemp("simulated")
    cards = {
        "zprime": card("zprime"),
        "ttbar_semileptonic": card("ttbar_semileptonic"),
        "wjets": card("wjets"),
    }
    made = {name: folder / f"{name}.root" for name in (*cards, "pseudodata")}
    for name, process in cards.items():
        module.simulate(process, events=300, seed=3, part=1, output=made[name], sample=name)
    pseudodata(made["pseudodata"], signal=1.0)
    return made


def pseudodata(output: Path, *, signal: float = 0.0, seed: int = 3) -> None:
    sources = [Source(name, card(name), sigma) for name, sigma in BACKGROUNDS.items()]
    simulate_pseudodata(
        [*sources, Source("zprime", card("zprime"), signal)],
        luminosity=LUMINOSITY,
        certified=certified_share(GOLDEN),
        detector=DetectorResponse(),
        seed=seed,
        part=0,
        parts=1,
        output=output,
        sample="data",
    )


def pair_mass(particles: Any) -> Any:
    """Invariant mass of all the particles of each event."""
    px, py = particles.pt * np.cos(particles.phi), particles.pt * np.sin(particles.phi)
    pz = particles.pt * np.sinh(particles.eta)
    energy = np.sqrt(px**2 + py**2 + pz**2 + particles.mass**2)
    total = [ak.sum(axis, axis=1) for axis in (energy, px, py, pz)]
    return ak.to_numpy(np.sqrt(total[0] ** 2 - total[1] ** 2 - total[2] ** 2 - total[3] ** 2))


def hard_process(path: Path) -> Any:
    events = read(path)
    fields = ("pt", "eta", "phi", "mass", "pdgId", "status", "statusFlags", "genPartIdxMother")
    return ak.zip({name: events[f"GenPart_{name}"] for name in fields})


def copies(particles: Any, kind: int, flag: int) -> Any:
    """The particles of a kind, in either charge, with a bit of NanoAOD's statusFlags."""
    return particles[(abs(particles.pdgId) == kind) & (particles.statusFlags >> flag & 1 == 1)]


FIRST_COPY, LAST_COPY = 12, 13


def test_masses_of_the_hard_process(files: dict[str, Path]) -> None:
    signal = hard_process(files["zprime"])
    tops = copies(signal, 6, FIRST_COPY)
    assert ak.all(ak.num(tops) == 2)
    # 1 % wide: the median is within a few times Γ/√N of the pole.
    assert np.median(pair_mass(tops)) == pytest.approx(2000.0, abs=8.0)
    assert np.median(ak.flatten(tops.mass)) == pytest.approx(172.5, abs=1.5)
    assert ak.all(signal[tops.genPartIdxMother].pdgId == 32)
    w = signal[abs(signal.pdgId) == 24]
    assert np.median(ak.flatten(w.mass)) == pytest.approx(80.4, abs=0.7)
    decayed = copies(signal, 6, LAST_COPY)
    assert ak.all(ak.num(decayed) == 2)
    assert ak.all(abs(signal[w.genPartIdxMother].pdgId) == 6)
    # W and b are made of the last copy of their top, after it radiated: they have its mass.
    last = ak.local_index(signal.pt)[
        (abs(signal.pdgId) == 6) & (signal.statusFlags >> LAST_COPY & 1 == 1)
    ]
    for n in (0, 1):
        products = signal[signal.genPartIdxMother == last[:, n]]
        assert ak.all(ak.num(products) == 2)
        np.testing.assert_allclose(pair_mass(products), decayed.mass[:, n], rtol=2e-3)
    # The decay products of each W have its mass.
    first = w[:, :1]
    index = ak.local_index(signal.pt)[abs(signal.pdgId) == 24][:, 0]
    products = signal[signal.genPartIdxMother == index]
    np.testing.assert_allclose(pair_mass(products), ak.flatten(first.mass), rtol=2e-3)
    top_pairs = hard_process(files["ttbar_semileptonic"])
    tops = copies(top_pairs, 6, FIRST_COPY)
    assert np.all(pair_mass(tops) > 2 * np.hypot(400.0, 150.0))  # p̂T > 400 GeV


def test_lone_taus_are_as_frequent_as_their_muons(files: dict[str, Path]) -> None:
    events = hard_process(files["ttbar_semileptonic"])
    leptons = events[
        (abs(events.pdgId) >= 11) & (abs(events.pdgId) <= 15) & (events.pdgId % 2 == 1)
    ]
    assert ak.all(ak.num(leptons) == 1)
    # The filter comes before the shower, whose recoil moves some leptons a little.
    assert ak.mean((leptons.pt > 35.0) & (abs(leptons.eta) < 2.6)) > 0.93
    assert ak.all((leptons.pt > 20.0) & (abs(leptons.eta) < 3.2))
    share = np.mean(abs(ak.flatten(leptons.pdgId)) == 15)
    expected = 0.1739 / 1.1739  # B(τ → μνν) against 1, universality of W → ℓν
    assert share == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 300))
    muons = read(files["ttbar_semileptonic"])["Muon_pt"]
    assert np.mean(ak.num(muons) > 0) > 0.85  # the τ became a muon too, if a soft one


def test_branching_fractions_of_top_pairs() -> None:
    kinds = ("hadronic", "semileptonic", "dileptonic")
    cards = [card(f"ttbar_{kind}", muon_pt_min=None) for kind in kinds]
    hadronic, semileptonic, dileptonic = (cross_section(c, events=3000, seed=2) for c in cards)
    total = hadronic[0] + semileptonic[0] + dileptonic[0]
    # Review of Particle Physics: B(W → hadrons) = 67.41 %; Pythia's table has 67.6 %.
    fractions = (0.676**2, 2 * 0.676 * 0.324, 0.324**2)
    for (sigma, error), expected in zip(
        (hadronic, semileptonic, dileptonic), fractions, strict=True
    ):
        assert abs(sigma - expected * total) < 4 * np.hypot(error, expected * 0.015 * total)
        assert error < 0.05 * sigma


def test_a_biased_phase_space_has_the_same_cross_section() -> None:
    """σ(p̂T > 700 GeV) from weighted events, from unweighted ones, and generated as a slice."""
    biased = card("wjets", muon_pt_min=None, pt_hat_bias=4.0)
    results = []
    for generated in (biased, unbiased(biased)):
        generator = Generator(generated, 11, hard_process_only=True)
        info = generator.batch(6000).info
        weight = ak.to_numpy(info.weights[:, 0])
        above = ak.to_numpy(info.pT2Hat) > 700.0**2
        sigma, error = generator.cross_section()
        share = weight[above].sum() / weight.sum()
        spread = np.sqrt(np.sum(weight[above] ** 2)) / weight[above].sum()
        results.append((sigma * share, sigma * share * np.hypot(spread, error / sigma)))
    results.append(cross_section(card("wjets", muon_pt_min=None, pt_hat_min=700.0), events=6000))
    assert results[0][1] < 0.6 * results[1][1], "the bias should populate the tail"
    for sigma, error in results[1:]:
        assert abs(sigma - results[0][0]) < 4 * np.hypot(error, results[0][1])


def test_the_filter_in_a_biased_phase_space_counts_weights() -> None:
    """Muons are harder at high p̂T: the fraction of events that pass is not that of weights."""
    biased = card("wjets", muon_pt_min=150.0, pt_hat_bias=6.0)
    generator = Generator(biased, 4, hard_process_only=True)
    generator.batch(8000)
    sigma, error = generator.cross_section()
    reference, reference_error = cross_section(biased, events=8000, seed=5)
    assert abs(sigma - reference) < 4 * np.hypot(error, reference_error)
    assert error < 0.04 * sigma


def test_muon_spectrum(files: dict[str, Path]) -> None:
    events = read(files["wjets"])
    leading = ak.to_numpy(ak.fill_none(ak.firsts(events["Muon_pt"]), 0.0))
    assert 0.85 < np.mean(leading > 35) <= 1.0  # lost: |η| between 2.4 and 2.6
    assert 80 < np.median(leading) < 350
    charge = ak.to_numpy(ak.flatten(events["Muon_charge"][:, :1]))
    assert 0.5 < np.mean(charge > 0) < 0.75  # more u than d quarks in a proton
    assert ak.all(events["Muon_charge"] * events["Muon_pdgId"] == -13)
    # The W recoils against a parton above 400 GeV.
    assert np.mean(ak.any(events["FatJet_pt"] > 300, axis=1)) > 0.9


@pytest.mark.parametrize("name", ["zprime", "ttbar_semileptonic", "wjets", "pseudodata"])
def test_branches_have_the_types_of_nanoaod(files: dict[str, Path], name: str) -> None:
    if not REAL.exists():
        pytest.skip(f"{REAL} is absent")
    with uproot.open(REAL) as real, uproot.open(files[name]) as file:
        known = {branch.name: branch.typename for branch in real["Events"].branches}
        ours = {branch.name: branch.typename for branch in file["Events"].branches}
    for branch, kind in ours.items():
        if branch.startswith("n"):  # uproot writes its counters signed
            assert (known[branch], kind) == ("uint32_t", "int32_t")
        elif branch not in NEWER:
            assert known[branch] == kind, branch
    generator = {b for b in ours if b.startswith(("gen", "Gen", "nGen", "Pileup", "LHE"))}
    matched = ("Flavour", "genJetIdx", "genJetAK8Idx", "nTopQuarks")
    generator |= {b for b in ours if b.endswith(matched)}
    assert (not generator) == (name == "pseudodata")


def test_nanoevents_opens_the_files(files: dict[str, Path]) -> None:
    nanoevents = pytest.importorskip("coffea.nanoevents")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the cross-references to collections that we leave out
        events = nanoevents.NanoEventsFactory.from_root(
            {files["zprime"]: "Events"}, schemaclass=nanoevents.NanoAODSchema, mode="eager"
        ).events()
        data = nanoevents.NanoEventsFactory.from_root(
            {files["pseudodata"]: "Events"}, schemaclass=nanoevents.NanoAODSchema, mode="eager"
        ).events()
    plain = read(files["zprime"])
    assert ak.all(events.Muon.pt == plain["Muon_pt"])
    assert ak.all(ak.num(events.Jet) == plain["nJet"])
    near = events.FatJet.delta_r(events.FatJet.matched_gen)
    assert ak.all(near < 0.1)
    assert ak.all(events.HLT.Mu50 == plain["HLT_Mu50"])
    assert "GenPart" not in data.fields


def test_the_sums_of_the_runs_are_those_of_the_events(files: dict[str, Path]) -> None:
    for name in ("zprime", "ttbar_semileptonic", "wjets"):
        weight = ak.to_numpy(read(files[name])["genWeight"]).astype(np.float64)
        runs = read(files[name], "Runs")
        assert runs["genEventCount"].to_list() == [len(weight)] == [300]
        assert runs["genEventSumw"][0] == pytest.approx(weight.sum(), rel=1e-14)
        assert runs["genEventSumw2"][0] == pytest.approx((weight**2).sum(), rel=1e-14)
    assert np.all(weight <= 1.0)
    assert np.ptp(weight) > 0.5


def test_shower_weights_are_in_the_order_of_nanoaod(tmp_path: Path) -> None:
    """Up is more radiation: more jets beside tt̄, or more particles in the jets of the tops."""
    process = card("ttbar_semileptonic", pt_hat_bias=0.0, shower_variations=True)
    module.simulate(process, events=600, seed=1, part=0, output=tmp_path / "a.root")
    events, runs = read(tmp_path / "a.root"), read(tmp_path / "a.root", "Runs")
    weights = ak.to_numpy(events["PSWeight"])
    assert weights.shape == (600, 4)
    assert np.all(weights > 0.0)
    # Means, with genWeight, over all events, as NanoAOD has them: 1 within what 600 weights spread.
    means = ak.to_numpy(runs["PSSumw"][0])
    generated = ak.to_numpy(events["genWeight"]).astype(np.float64)
    np.testing.assert_allclose(means, generated @ weights / generated.sum(), rtol=1e-6)
    np.testing.assert_allclose(means, 1.0, atol=4 * weights.std() / np.sqrt(600))
    assert np.all(weights.std(axis=0) < 0.7)
    isr_up, fsr_up, isr_down, fsr_down = np.log(weights.T)
    isr, fsr = isr_up - isr_down, fsr_up - fsr_down
    jets = ak.to_numpy(ak.sum(events["GenJet_pt"] > 10, axis=1))  # most of them initial-state
    particles = ak.to_numpy(ak.fill_none(ak.firsts(events["FatJet_nConstituents"]), 0))

    def correlation(a: Any, b: Any) -> float:
        return float(np.corrcoef(a, b)[0, 1])

    error = 1 / np.sqrt(600)
    assert correlation(isr_up, isr_down) < -0.9
    assert correlation(fsr_up, fsr_down) < -0.9
    assert abs(correlation(isr, fsr)) < 3 * error
    assert correlation(isr, jets) > max(5 * error, 2 * correlation(fsr, jets))
    assert correlation(fsr, particles) > max(4 * error, 2 * correlation(isr, particles))


def test_without_variations_there_are_no_shower_weights(files: dict[str, Path]) -> None:
    assert "PSWeight" not in read(files["ttbar_semileptonic"]).fields
    assert "PSSumw" not in read(files["ttbar_semileptonic"], "Runs").fields


@pytest.mark.parametrize("cutoff", [0.5, 1.0])
def test_radiation_off_the_final_state_ends_at_the_cutoff(cutoff: float) -> None:
    """Emissions are ordered in pT, and those above 5 GeV are the ones that have other weights."""
    varied = card("zprime", shower_variations=True, final_state_cutoff=cutoff)
    lines = dict(line.split(" = ") for line in settings(varied, 1))
    assert float(lines["TimeShower:pTmin"]) == cutoff
    assert cutoff**2 * float(lines["UncertaintyBands:FSRpTmin2Fac"]) == pytest.approx(25.0)
    event = Generator(varied, 7).batch(40)
    gluons = (event.prt.id == 21) & (abs(event.prt.status) == 51)  # of this shower
    emitted = event.prt.scale[gluons]
    assert cutoff <= ak.min(emitted) < 1.1 * cutoff


def test_pseudodata_are_not_slowed_by_variations() -> None:
    varied = card("ttbar_semileptonic", shower_variations=True, pt_hat_bias=4.0)
    assert unbiased(varied) == card("ttbar_semileptonic", pt_hat_bias=0.0)


def test_the_same_seed_gives_the_same_arrays(files: dict[str, Path], tmp_path: Path) -> None:
    def again(name: str, **changed: Any) -> Any:
        keys = {"events": 60, "seed": 3, "part": 1, "sample": "wjets"} | changed
        module.simulate(card("wjets"), output=tmp_path / name, **keys)
        return read(tmp_path / name)

    first, second = again("a.root"), again("b.root")
    assert first.fields == second.fields
    for field in first.fields:
        assert ak.array_equal(first[field], second[field], equal_nan=True), field
    for changed in ({"seed": 4}, {"part": 2}, {"sample": "other"}):
        other = again("c.root", **changed)
        assert not ak.array_equal(first["Jet_pt"], other["Jet_pt"])
        assert not set(first["MET_pt"]) & set(other["MET_pt"])
    other = again("d.root", part=2)
    numbers = [
        set(zip(e["run"], e["luminosityBlock"], e["event"], strict=True)) for e in (first, other)
    ]
    assert len(numbers[0]) == len(numbers[1]) == 60
    assert not numbers[0] & numbers[1]


def test_parts_add_up() -> None:
    process = card("wjets", events=100, parts=7)
    sizes = [events_of_part(process, part) for part in range(7)]
    assert sum(sizes) == 100
    assert max(sizes) - min(sizes) == 1


def test_pseudodata_is_the_luminosity_of_unweighted_events(
    files: dict[str, Path],
) -> None:
    from coffea.lumi_tools import LumiMask

    events = read(files["pseudodata"])
    expected = 1000 * LUMINOSITY * (sum(BACKGROUNDS.values()) + 1.0)
    certified = LumiMask(GOLDEN)(events["run"], events["luminosityBlock"])
    assert abs(np.sum(certified) - expected) < 4 * np.sqrt(expected)
    rejected = expected * 5 / 95
    assert 0 < abs(np.sum(~certified) - rejected) < 4 * np.sqrt(rejected)
    keys = np.stack([ak.to_numpy(events[k]) for k in ("run", "luminosityBlock", "event")], axis=1)
    assert len(np.unique(keys, axis=0)) == len(events)
    runs = read(files["pseudodata"], "Runs")
    assert runs.fields == ["run"]
    assert set(events["run"]) <= set(runs["run"])


@pytest.mark.parametrize(
    ("golden_json", "expected"),
    [
        (None, 1.0),
        (GOLDEN, 0.95),
        ({"300001": [[1, 50]], "300004": [[11, 20], [91, 400]], "1": [[1, 100]]}, 0.07),
    ],
)
def test_pseudodata_hold_the_luminosity_in_the_sections_that_are_certified(
    golden_json: Any,
    expected: float,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The command draws σ · L / share events; the generator is left out, so there can be many."""
    if isinstance(golden_json, dict):
        path = tmp_path / "golden.json"
        path.write_text(json.dumps(golden_json))
        golden_json = str(path)
    assert certified_share(golden_json) == pytest.approx(expected, rel=1e-12)
    monkeypatch.setattr(module, "Generator", lambda *_, **__: None)
    monkeypatch.setattr(module, "_batches", lambda *_: [])
    backgrounds = {"ttbar_semileptonic": 0.9781, "ttbar_dileptonic": 0.4565, "wjets": 0.8850}
    command = ["simulate", "--config", "config/zprime.yaml", "--sample", "pseudodata"]
    command += ["--set", f"eras.2016.golden_json={golden_json or 'null'}"]
    with caplog.at_level("INFO"):
        command += ["--set", "eras.2016.luminosity=1e3", "--output", str(tmp_path / "data.root")]
        assert main(command) == 0
    counts = {r.args[3]: r.args[2] for r in caplog.records if "events of" in r.msg}  # type: ignore[index,call-overload,misc]
    for name, sigma in backgrounds.items():
        mean = 1e3 * 1e3 * sigma / 2 / expected  # 1000/fb, and one of two parts
        assert counts[name] == pytest.approx(mean, abs=5 * np.sqrt(mean))


def test_pseudodata_need_sections_that_are_certified(tmp_path: Path) -> None:
    path = tmp_path / "golden.json"
    path.write_text('{"278820": [[1, 100]]}')
    with pytest.raises(InputError, match=r"golden\.json: certifies no section .*golden_json.*null"):
        certified_share(str(path))


def test_pseudodata_without_events_is_still_a_file(tmp_path: Path) -> None:
    simulate_pseudodata(
        [Source("zprime", card("zprime"), 0.0)], luminosity=1.0, detector=DetectorResponse(),
        seed=1, part=0, parts=1, output=tmp_path / "none.root",
    )  # fmt: skip
    assert len(read(tmp_path / "none.root")) == 0


def test_an_interrupted_step_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "reconstruct", interrupt)
    with pytest.raises(KeyboardInterrupt):
        module.simulate(card("wjets"), events=20, seed=1, part=0, output=tmp_path / "x.root")
    assert list(tmp_path.iterdir()) == []


def test_without_pythia_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pythia8mc", None)
    with pytest.raises(ZenithError, match=r"pip install 'zenith-hep\[simulate\]'"):
        Generator(card("wjets"), 1)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"process": "zprime", "events": 0}, "greater than 0"),
        ({"process": "zprime", "events": 9, "pt_hat_min": 300}, "pt_hat_min"),
        ({"process": "zprime", "events": 9, "mass": 20}, "greater than or equal to 500"),
        ({"process": "wjets", "events": 9, "parts": 10}, "cannot exceed events"),
        ({"process": "ttbar_hadronic", "events": 9}, "muon_pt_min: null"),
        ({"process": "zjets", "events": 9}, "wjets"),
        ({"process": "pseudodata", "backgrounds": ["w"], "signal_strength": 1}, "name the sample"),
    ],
)
def test_a_card_out_of_range_is_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(SimulationCard).validate_python(keys)


def test_the_command(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "wjets.root"
    command = ["simulate", "--config", "config/zprime.yaml", "--sample"]
    few = ["--set", "samples.wjets.simulate.events=40", "--set", "samples.wjets.simulate.parts=2"]
    assert main([*command, "wjets", "--part", "1", "--output", str(output), *few]) == 0
    assert len(read(output)) == 20
    assert main([*command, "wjets", "--part", "2", "--output", str(output), *few]) == 1
    assert "samples.wjets.simulate.parts is 2" in capfd.readouterr().err
    assert main([*command, "nonsense", "--output", str(output)]) == 1
    assert "samples.nonsense has no simulate block" in capfd.readouterr().err
