"""Corrections against direct correctionlib, and each way in which they can be wrong."""

import json
import re
import runpy
from pathlib import Path
from typing import Any

import awkward as ak
import correctionlib
import numpy as np
import pytest
from makers.default import only

from zenith.config import Analysis, load
from zenith.errors import ConfigError, InputError
from zenith.events import corrections
from zenith.events.formats.views import as_events
from zenith.events.objects import Objects, select
from zenith.events.weights import Weights, factors, require_variations, reweightings
from zenith.simulation.detector import pileup_profile

FILE = "config/corrections/simulated.json"
OBJECTS = (
    "objects.muon={collection: Muon, cuts: []}",
    "objects.jet={collection: Jet, cuts: [], aliases: null, away_from: null}",
    "objects.fatjet={collection: Jet, cuts: [], aliases: null, away_from: null}",
    "met=MET",
)
MUON_ID = 'eras."2016".corrections.muon_id'
COUNT = 500
KEPT = only("pileup", "muon_id", "xsec_wjets", corrections=("pileup", "muon_id"))


def changed(*overrides: str, **corrections: Any) -> Analysis:
    era = json.dumps({"2016": {"corrections": corrections}})
    return load("config/zprime.yaml", [*OBJECTS, *KEPT, f"eras={era}", *overrides])


def made() -> dict[str, Any]:
    rng = np.random.default_rng(8)
    branches: dict[str, Any] = {
        "run": np.ones(COUNT, np.uint32),
        "luminosityBlock": np.ones(COUNT, np.uint32),
        "event": np.arange(COUNT, dtype=np.uint64),
        "MET_pt": np.ones(COUNT, np.float32),
        "MET_phi": np.ones(COUNT, np.float32),
        "Pileup_nTrueInt": rng.uniform(0, 120, COUNT).astype(np.float32),
        "LHEWeight": rng.normal(1, 0.1, COUNT).astype(np.float32),
        "PSWeight": ak.unflatten(rng.normal(1, 0.1, 4 * COUNT).astype(np.float32), 4),
    }
    for name in ("Muon", "Jet"):
        counts = rng.integers(0, 4, COUNT)
        fields = {
            "pt": rng.uniform(20, 1500, counts.sum()),
            "eta": rng.uniform(-2.4, 2.4, counts.sum()),
            "phi": rng.uniform(-3, 3, counts.sum()),
            "mass": np.ones(counts.sum()),
        }
        branches |= {
            f"{name}_{f}": ak.unflatten(values.astype(np.float32), counts)
            for f, values in fields.items()
        }
    return branches


@pytest.fixture(scope="module")
def objects() -> Objects:
    return select(as_events(made()), changed())


@pytest.mark.parametrize("side", ["nominal", "up", "down"])
def test_pileup_weights_are_those_of_correctionlib(objects: Objects, side: str) -> None:
    loaded = corrections.load(changed(), "2016")["pileup"]
    pileup = correctionlib.CorrectionSet.from_file(FILE)["pileup"]
    expected = [pileup.evaluate(float(x), side) for x in made()["Pileup_nTrueInt"]]
    np.testing.assert_array_equal(loaded(objects, side), expected)


def test_a_correction_of_objects_is_their_product(objects: Objects) -> None:
    loaded = corrections.load(changed(), "2016")["muon_id"]
    direct = correctionlib.CorrectionSet.from_file(FILE)["muon_id"]
    branches = made()
    for side in ("nominal", "up", "down"):
        expected = [
            np.prod(
                [
                    direct.evaluate(abs(float(eta)), float(np.clip(pt, 50, 1000)), side)
                    for eta, pt in zip(etas, pts, strict=True)
                ]
            )
            for etas, pts in zip(branches["Muon_eta"], branches["Muon_pt"], strict=True)
        ]
        np.testing.assert_allclose(loaded(objects, side), expected, rtol=1e-14)
    none = ak.num(branches["Muon_pt"]).to_numpy() == 0
    assert none.any()
    assert (loaded(objects, "up")[none] == 1.0).all()
    assert (loaded(objects, "up")[~none] > loaded(objects)[~none]).all()


def test_the_simulated_corrections_are_what_their_script_makes() -> None:
    script = runpy.run_path("config/corrections/make_simulated.py")
    made = json.loads(script["corrections"]().model_dump_json(exclude_unset=True))
    assert made == json.loads(Path(FILE).read_text())


def test_pileup_weights_make_simulation_look_like_data() -> None:
    samples = load("config/zprime.yaml").samples
    simulated, data = (
        samples[name].simulate.detector  # type: ignore[union-attr]
        for name in ("wjets", "pseudodata")
    )
    edges = np.array([*range(61), 100], float)
    centres = 0.5 * (edges[1:] + edges[:-1])
    pileup = correctionlib.CorrectionSet.from_file(FILE)["pileup"]
    profile = pileup_profile(simulated, edges) * pileup.evaluate(centres, "nominal")
    np.testing.assert_allclose(profile, pileup_profile(data, edges), atol=1e-6)
    means = {
        side: float(pileup_profile(simulated, edges) * pileup.evaluate(centres, side) @ centres)
        for side in ("nominal", "up", "down")
    }
    assert means["up"] / means["nominal"] == pytest.approx(1.046, abs=2e-3)
    assert means["down"] / means["nominal"] == pytest.approx(0.954, abs=2e-3)


def weighted(objects: Objects, analysis: Analysis) -> tuple[Any, dict[str, Any]]:
    """The nominal weights of W + jets, and the varied ones by variation."""
    found = Weights(objects, factors(analysis, "2016", "wjets"))
    return found.nominal, {
        f"{name}_{side}": systematic.weighted(found, name, side)
        for name, systematic in reweightings(analysis, "wjets")
        for side in systematic.given
    }


def test_weights_multiply_and_vary_one_at_a_time(objects: Objects) -> None:
    analysis = changed(
        "systematics.shower={type: weight, branches: {up: 'PSWeight[2]', down: LHEWeight}}",
        "systematics.one_sided={type: weight, correction: pileup, sides: up}",
        "systematics.others={type: weight, correction: pileup, processes: [signal]}",
    )
    nominal, varied = weighted(objects, analysis)
    assert list(varied) == [
        *("pileup_up", "pileup_down", "muon_id_up", "muon_id_down"),
        *("shower_up", "shower_down", "one_sided_up"),
    ]
    loaded = corrections.load(analysis, "2016")
    pileup, muon_id = loaded["pileup"], loaded["muon_id"]
    np.testing.assert_allclose(nominal, pileup(objects) * muon_id(objects), rtol=1e-14)
    expected = pileup(objects, "down") * muon_id(objects)
    np.testing.assert_allclose(varied["pileup_down"], expected, rtol=1e-14)
    branches = made()
    expected = nominal * branches["PSWeight"][:, 2].to_numpy().astype(float)
    np.testing.assert_allclose(varied["shower_up"], expected, rtol=1e-14)
    expected = nominal * branches["LHEWeight"].astype(float)
    np.testing.assert_allclose(varied["shower_down"], expected, rtol=1e-14)


def test_constants_are_inputs(objects: Objects) -> None:
    constant = corrections.load(
        changed(muon_id={"inputs": ["=0.5", "=200", "variation"], "clip": None}), "2016"
    )["muon_id"]
    direct = correctionlib.CorrectionSet.from_file(FILE)["muon_id"].evaluate(0.5, 200.0, "up")
    counts = ak.num(made()["Muon_pt"]).to_numpy()
    np.testing.assert_allclose(constant(objects, "up"), direct**counts, rtol=1e-12)


def test_a_variation_that_is_missing_is_named_with_what_there_is() -> None:
    wrong = changed(muon_id={"variations": {"nominal": "nominal", "up": "systup", "down": "down"}})
    with pytest.raises(InputError) as error:
        require_variations(wrong, "wjets", factors(wrong, "2016", "wjets"))
    message = str(error.value)
    assert "eras.2016.corrections.muon_id.variations.up" in message
    assert FILE in message
    assert "muon_id has no variation 'systup'; it offers down, nominal, up" in message


def test_a_correction_that_is_missing_is_named_with_what_there_is() -> None:
    with pytest.raises(InputError, match=r"no correction 'muon'; there is btag, muon_id, pileup"):
        corrections.load(changed(muon_id={"correction": "muon"}), "2016")


def test_the_inputs_must_be_those_of_the_file(objects: Objects) -> None:
    with pytest.raises(ConfigError, match=r"takes 3 inputs, abseta \(real\), pt \(real\), var"):
        corrections.load(changed(muon_id={"inputs": ["pt", "variation"]}), "2016")
    fixed = changed(muon_id={"inputs": ["abs(eta)", "pt", "=nominal"]})
    with pytest.raises(ConfigError, match="a systematic varies it, but none is 'variation'"):
        require_variations(fixed, "wjets", factors(fixed, "2016", "wjets"))
    for inputs, message in (
        (["=x", "pt", "variation"], "'=x' is not a constant of type real"),
        (["eta/2", "pt", "variation"], "'eta/2' is not a branch"),
        (["eta", "pt", "phi"], "'phi' is not =text"),
    ):
        odd = changed("systematics.muon_id=null", muon_id={"inputs": inputs})
        with pytest.raises(ConfigError, match=re.escape(message)):
            corrections.load(odd, "2016")["muon_id"](objects)
    misspelt = changed(muon_id={"inputs": ["abs(etta)", "pt", "variation"]})
    with pytest.raises(
        InputError, match=r"corrections\.muon_id\.inputs: .* muon\.etta .*muon\.eta"
    ):
        corrections.load(misspelt, "2016")["muon_id"](objects)


def test_a_file_must_be_there_and_be_of_correctionlib(tmp_path: Path) -> None:
    for name, content, message in (
        ("absent.json", None, "cannot be read"),
        ("text.json", "not JSON", "not a correctionlib file"),
        ("other.json", "{}", "not a correctionlib file"),
        ("cut.json.gz", "{}", "cannot be read"),
        ("weights.root", "{}", "not a correctionlib file"),
    ):
        path = tmp_path / name
        if content is not None:
            path.write_text(content)
        with pytest.raises(InputError, match=message) as error:
            corrections.load(changed(muon_id={"file": str(path)}), "2016")
        assert f"eras.2016.corrections.muon_id.file: {path}" in str(error.value)


def test_an_input_out_of_range_says_what_to_do(objects: Objects, tmp_path: Path) -> None:
    content = json.loads(Path(FILE).read_text())
    for item in content["corrections"][1]["data"]["content"]:
        item["value"]["flow"] = "error"
    path = tmp_path / "strict.json"
    path.write_text(json.dumps(content))
    strict = changed(muon_id={"file": str(path), "clip": {"pt": [0.0, 1e4]}})
    with pytest.raises(InputError, match=r"muon_id cannot be evaluated .* with clip"):
        corrections.load(strict, "2016")["muon_id"](objects)


@pytest.mark.parametrize(
    ("branch", "message"),
    [
        ("PSWeight[7]", "has only 4 entries"),
        ("PSWeight", "name one entry"),
        ("LHEWeight[0]", "leave out the entry"),
        ("PSWeights[0]", "no branch PSWeights .*there is PSWeight"),
    ],
)
def test_weight_branches_are_checked(objects: Objects, branch: str, message: str) -> None:
    systematic = f"{{type: weight, sides: up, branches: {{up: '{branch}'}}}}"
    analysis = changed(f"systematics.shower={systematic}")
    with pytest.raises((InputError, ConfigError), match=message) as error:
        weighted(objects, analysis)
    assert "systematics.shower.branches.up" in str(error.value)
