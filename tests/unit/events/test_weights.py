"""Weights of events: functions of the module, and several variations of one correction."""

import json
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
from makers.default import only

from zenith.config import Analysis, load
from zenith.errors import ConfigError, InputError, ZenithError
from zenith.events.formats.views import as_events
from zenith.events.objects import Objects, select
from zenith.events.weights import Weights, factors, require_variations, reweightings

COUNT = 400
MODULE = '''
import awkward as ak
import numpy as np
from zenith.analyses.zprime import *
from zenith.observable import weight

@weight(variations=("up", "down", "tilted"))
def recoil(objects, variation):
    """Falls with the missing momentum."""
    slope = {"nominal": 1.0, "up": 2.0, "down": 0.0, "tilted": 3.0}[variation]
    return np.exp(-slope * objects.met.pt / 500.0)

@weight()
def leading(objects):
    """Of the leading jet; 1 without a jet."""
    return 0.5 + ak.firsts(objects.jet).pt / 100.0

@weight()
def wrong(objects):
    """What the test says."""
    return {WRONG}
'''
BTAG = {"up_hf": "x+0.1", "down_hf": "x-0.1", "up_lf": "x*x", "down_lf": "1.0"}


def formula(text: str) -> dict[str, Any]:
    parser = {"nodetype": "formula", "parser": "TFormula", "variables": ["score"]}
    return {**parser, "expression": text}


@pytest.fixture(scope="module")
def branches() -> dict[str, Any]:
    rng = np.random.default_rng(4)
    counts = rng.integers(0, 5, COUNT)
    jets = {
        "pt": rng.uniform(31, 300, counts.sum()),
        "eta": rng.uniform(-2, 2, counts.sum()),
        "phi": rng.uniform(-3, 3, counts.sum()),
        "mass": np.ones(counts.sum()),
        "score": rng.uniform(0.5, 1.5, counts.sum()),
        "hadronFlavour": rng.choice([0, 4, 5], counts.sum()),
    }
    return {
        "run": np.ones(COUNT, np.uint32),
        "luminosityBlock": np.ones(COUNT, np.uint32),
        "event": np.arange(COUNT, dtype=np.uint64),
        "MET_pt": rng.exponential(60, COUNT),
        "MET_phi": rng.uniform(-3, 3, COUNT),
        **{f"Jet_{name}": ak.unflatten(values, counts) for name, values in jets.items()},
    }


@pytest.fixture
def configured(tmp_path: Path) -> Any:
    """The default analysis with the module above and a file of b-tag scale factors."""
    formulas = {"central": "x", **BTAG}
    only_4 = [{"key": 4, "value": formula("2*x")}]
    charm = {"nodetype": "category", "input": "flavour", "content": only_4}
    btag = {
        "name": "btag",
        "version": 1,
        "inputs": [
            {"name": "systematic", "type": "string"},
            {"name": "flavour", "type": "int"},
            {"name": "score", "type": "real"},
        ],
        "output": {"name": "sf", "type": "real"},
        "data": {
            "nodetype": "category",
            "input": "systematic",
            "content": [
                *({"key": key, "value": formula(text)} for key, text in formulas.items()),
                {"key": "up_c", "value": charm},  # of no other jets
            ],
        },
    }
    file = tmp_path / "btag.json"
    file.write_text(json.dumps({"schema_version": 2, "corrections": [btag]}))
    correction = {
        "file": str(file),
        "correction": "btag",
        "object": "jet",
        "inputs": ["variation", "hadronFlavour", "score"],
        "variations": {"nominal": "central"},
    }

    def make(*overrides: str, wrong: str = "1.0", **changes: Any) -> Analysis:
        (tmp_path / "mine.py").write_text(MODULE.replace("{WRONG}", wrong))
        era = {"corrections": {"btag": {**correction, **changes}}}
        plain = [
            f"module={tmp_path}/mine.py",
            *only("xsec_wjets"),
            f"eras={json.dumps({'2016': era})}",
            "met=MET",
            "objects.jet={collection: Jet, cuts: [], aliases: null, away_from: null}",
        ]
        return load("config/zprime.yaml", [*plain, *overrides])

    return make


def found(branches: dict[str, Any], analysis: Analysis, process: str = "wjets") -> Any:
    """The weights of a process, and the varied ones by variation."""
    weights = Weights(objects(branches, analysis), factors(analysis, "2016", process))
    return weights.nominal, {
        f"{name}_{side}": systematic.weighted(weights, name, side)
        for name, systematic in reweightings(analysis, process)
        for side in systematic.given
    }


def objects(branches: dict[str, Any], analysis: Analysis) -> Objects:
    only_jets = {"objects": {"jet": analysis.objects["jet"]}}
    return select(as_events(branches), analysis.model_copy(update=only_jets))


def test_one_correction_has_several_nuisance_parameters_and_one_nominal_value(
    branches: dict[str, Any], configured: Any
) -> None:
    """b-tag scale factors: each uncertainty varies the jets' product, from one nominal value."""
    analysis = configured(
        "systematics.hf={type: weight, correction: btag, variations: {up: up_hf, down: down_hf}}",
        "systematics.lf={type: weight, correction: btag, variations: {up: up_lf, down: down_lf}}",
    )
    nominal, varied = found(branches, analysis)
    scores = branches["Jet_score"].to_list()

    def product(factor: Any) -> list[float]:
        return [float(np.prod([factor(score) for score in jets])) for jets in scores]

    np.testing.assert_allclose(nominal, product(lambda x: x), rtol=1e-12)
    assert list(varied) == ["hf_up", "hf_down", "lf_up", "lf_down"]
    np.testing.assert_allclose(varied["hf_up"], product(lambda x: x + 0.1), rtol=1e-12)
    np.testing.assert_allclose(varied["hf_down"], product(lambda x: x - 0.1), rtol=1e-12)
    np.testing.assert_allclose(varied["lf_up"], product(lambda x: x * x), rtol=1e-12)
    np.testing.assert_allclose(varied["lf_down"], 1.0)


def test_a_variation_of_some_objects_leaves_the_others_nominal(
    branches: dict[str, Any], configured: Any
) -> None:
    entry = "systematics.c={type: weight, correction: btag, variations: {up: up_c}, sides: up"
    _, varied = found(branches, configured(f"{entry}, where: [hadronFlavour == 4]}}"))
    charm = branches["Jet_hadronFlavour"] == 4
    factors = branches["Jet_score"] * ak.where(charm, 2.0, 1.0)
    assert 0 < ak.sum(charm) < len(ak.flatten(charm))
    np.testing.assert_allclose(varied["c_up"], ak.prod(factors, axis=1), rtol=1e-12)
    message = r"btag cannot be evaluated under 'up_c' .* the objects that it is for with where"
    with pytest.raises(InputError, match=message):
        found(branches, configured(f"{entry}}}"))
    with pytest.raises(InputError, match=r"corrections\.btag, .* `where` .*jet\.flavour"):
        found(branches, configured(f"{entry}, where: [flavour == 4]}}"))
    none = found(branches, configured(f"{entry}, where: [hadronFlavour > 5]}}"))
    np.testing.assert_allclose(none[1]["c_up"], none[0])


def test_a_correction_is_evaluated_once_for_its_nominal_value(
    branches: dict[str, Any], configured: Any
) -> None:
    analysis = configured(
        "systematics.hf={type: weight, correction: btag, variations: {up: up_hf, down: down_hf}}",
        "systematics.lf={type: weight, correction: btag, variations: {up: up_lf}, sides: up}",
    )
    calls: list[str | None] = []
    made = factors(analysis, "2016", "wjets")
    original = made["corrections.btag"]

    class Counted:
        key, names = original.key, original.names
        require = original.require

        def __call__(self, objects: Objects, variation: str | None = None) -> Any:
            calls.append(variation)
            return original(objects, variation)

    weights = Weights(objects(branches, analysis), {**made, "corrections.btag": Counted()})
    assert weights.nominal.shape == (COUNT,)
    for name, systematic in reweightings(analysis, "wjets"):
        for side in systematic.given:
            systematic.weighted(weights, name, side)
    assert calls == [None, "up_hf", "down_hf", "up_lf"]


def test_functions_of_the_module_multiply_the_weights_of_their_processes(
    branches: dict[str, Any], configured: Any
) -> None:
    analysis = configured(
        "weights={recoil: {processes: [wjets, signal]}, leading: {}}",
        "systematics.recoil={type: weight, weight: recoil}",
        "systematics.tilt={type: weight, weight: recoil, variations: {up: tilted}, sides: up}",
    )
    met = branches["MET_pt"]
    jets = branches["Jet_pt"].to_list()
    leading = np.array([0.5 + max(pts) / 100.0 if pts else 1.0 for pts in jets])
    leading *= [np.prod(scores) for scores in branches["Jet_score"].to_list()]
    nominal, varied = found(branches, analysis)
    np.testing.assert_allclose(nominal, leading * np.exp(-met / 500.0), rtol=1e-12)
    np.testing.assert_allclose(varied["recoil_up"], leading * np.exp(-met / 250.0), rtol=1e-12)
    np.testing.assert_allclose(varied["recoil_down"], leading, rtol=1e-12)
    np.testing.assert_allclose(varied["tilt_up"], leading * np.exp(-3 * met / 500.0), rtol=1e-12)
    assert list(varied) == ["recoil_up", "recoil_down", "tilt_up"]
    nominal, varied = found(branches, analysis, "ttbar_hadronic")
    np.testing.assert_allclose(nominal, leading, rtol=1e-12)
    assert varied == {}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("1.0", r"weight wrong: gives an array of shape \(1,\) for 400 events; return one"),
        ("objects.jet.pt", "weight wrong: gives no numbers; return one number for each event"),
        ("np.ones(3)", r"weight wrong: gives an array of shape \(3,\) for 400 events"),
        ("np.full(400, 'x')", "weight wrong: gives no numbers"),
        ("None", "weight wrong: gives no numbers"),
        ("np.full(400, np.inf)", "weight wrong is inf in 400 of 400 events"),
        ("np.where(objects.met.pt > 50, np.nan, 1)", r"weight wrong is nan in \d+ of 400 events"),
        ("objects.jet.scoer", "weight wrong: .*scoer.*is the branch kept"),
        ("objects.jat.pt", "objects: 'jat' is not defined"),
        ("[1] + objects.met.pt[:2] + np.ones(7)", r"weight wrong: ValueError: .*mine\.py, line 21"),
        ("1 / 0", r"weight wrong: ZeroDivisionError: division by zero \(.*mine\.py, line 21\)"),
    ],
)
def test_what_is_not_one_finite_number_for_each_event_is_one_message(
    branches: dict[str, Any], configured: Any, wrong: str, message: str
) -> None:
    analysis = configured("weights={wrong: {}}", wrong=wrong)
    with pytest.raises(ZenithError, match=message):
        found(branches, analysis)


def test_a_negative_weight_is_a_weight(branches: dict[str, Any], configured: Any) -> None:
    """Reweighting to another coupling makes some events negative; a template may hold them."""
    weighted = found(branches, configured("weights={wrong: {}}", wrong="-2.0 * objects.met.pt"))[0]
    plain = found(branches, configured())[0]
    np.testing.assert_allclose(weighted, -2.0 * branches["MET_pt"] * plain, rtol=1e-12)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["weights={recoyl: {}}"], r"weights\.recoyl: .*mean 'recoil'.*recoil, leading, wrong"),
        (["weights={met: {}}"], r"weights\.met: the weight 'met' is not defined.*@weight"),
        (["weights={recoil: {processes: [w]}}"], r"weights\.recoil\.processes: 'w' is not def"),
        (["weights={recoil: {process: [wjets]}}"], r"weights\.recoil\.process: unknown key"),
        (
            ["weights={leading: {}}", "systematics.x={type: weight, weight: recoil}"],
            r"systematics\.x\.weight: 'recoil' is not defined; there is leading",
        ),
        (
            ["weights={leading: {}}", "systematics.x={type: weight, weight: leading}"],
            r"systematics\.x: the weight 'leading' has no variation 'up' \(it has none\)",
        ),
        (
            [
                "weights={recoil: {}}",
                "systematics.x={type: weight, weight: recoil, variations: {up: titled}, sides: up}",
            ],
            r"systematics\.x: the weight 'recoil' has no variation 'titled'; did you mean 'tilted'",
        ),
        (
            [
                "weights={recoil: {processes: [signal]}}",
                "systematics.x={type: weight, weight: recoil, processes: [wjets]}",
            ],
            r"systematics\.x\.processes, process of weights\.recoil: 'wjets' is not defined",
        ),
        (
            ["systematics.x={type: weight, correction: btag, variations: {up: up_hf}}"],
            r"systematics\.x: variations\.down: missing, but the systematic has this side",
        ),
        (
            ["systematics.x={type: weight, correction: btag}"],
            r"systematics\.x: eras\.2016\.corrections\.btag\.variations does not name down and up",
        ),
        (
            ["systematics.x={type: weight, branches: {up: a, down: b}, where: [pt > 3]}"],
            r"systematics\.x: where is for the objects of a correction",
        ),
        (
            [
                'eras={"2016": {corrections: {n: {file: a, correction: n, inputs: [n]}}}}',
                "systematics.x={type: weight, correction: n, where: [pt > 3]}",
            ],
            r"systematics\.x\.where: eras\.2016\.corrections\.n is of no object",
        ),
        (
            ["systematics.x={type: weight, correction: btag, weight: recoil}"],
            r"systematics\.x: give exactly one of correction, weight and branches",
        ),
        (
            ["systematics.x={type: weight, branches: {up: a, down: b}, variations: {up: a}}"],
            r"systematics\.x: variations are those of a correction or a weight",
        ),
    ],
)
def test_mistakes_are_told_when_the_configuration_is_read(
    configured: Any, overrides: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        configured(*overrides)


def test_a_variation_that_the_file_lacks_is_named_before_events_are_read(configured: Any) -> None:
    analysis = configured(
        "systematics.x={type: weight, correction: btag, variations: {up: hf_up, down: down_hf}}"
    )
    message = r"systematics\.x\.variations\.up: .*btag has no variation 'hf_up'; it offers .*up_hf"
    with pytest.raises(InputError, match=message):
        require_variations(analysis, "wjets", factors(analysis, "2016", "wjets"))


def test_the_same_correction_twice_would_apply_its_nominal_value_twice(configured: Any) -> None:
    again = configured().eras["2016"].corrections["btag"].model_dump(mode="json")
    text = json.dumps({"2016": {"corrections": {"light": again}}})
    with pytest.raises(ConfigError, match=r"eras\.2016: corrections\.light: is btag once more"):
        configured(f"eras={text}")
