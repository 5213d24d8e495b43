"""The configuration: what it accepts, what it says when it does not, and its documentation."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from zenith.config import Analysis, dump, load, parse
from zenith.config.dependencies import step_config
from zenith.config.loading import parse_overrides, read_yaml
from zenith.config.merging import merge
from zenith.config.schema import KEYS, SCHEMA, page, schema
from zenith.errors import ConfigError

ZPRIME = "config/zprime.yaml"


@pytest.fixture
def raw() -> dict[str, Any]:
    return read_yaml(ZPRIME)


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return load(ZPRIME)


def changed(raw: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The configuration with one key set; `-` as a part appends to a list."""
    data = copy.deepcopy(raw)
    *folders, last = path.split(".")
    inner: Any = data
    for part in folders:
        inner = inner[int(part) if isinstance(inner, list) else part]
    if last == "-":
        inner.append(value)
    else:
        inner[last] = value
    return data


def test_resolved_configuration_reads_back_the_same(analysis: Analysis) -> None:
    assert parse(yaml.safe_load(dump(analysis))) == analysis


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("samples.wjets.crossection", 1.0, ["samples.wjets.crossection", "'cross_section'"]),
        ("samples.wjets.cross_section", "831 fb", ["samples.wjets.cross_section", "fb", "in pb"]),
        ("samples.wjets.cross_section", None, ["samples.wjets.cross_section", "missing (in pb)"]),
        ("processes.total", {"role": "background", "label": "t"}, ["processes.total", "another"]),
        ("processes.data.role", "background", ["processes.data", "another entry of this name"]),
        ("samples.wjets.process", "w_jets", ["samples.wjets.process", "'w_jets'", "wjets"]),
        ("samples.wjets.files", ["a.root"], ["samples.wjets", "exactly one of", "simulate"]),
        ("samples.pseudodata.cross_section", 1.0, ["samples.pseudodata.cross_section", "remove"]),
        ("eras.2016.luminosity", -1.0, ["eras.2016.luminosity", "greater than 0", "1/fb"]),
        ("systematics.jes.sise", 0.1, ["systematics.jes.sise", "'size'"]),
        ("systematics.jes.type", "shap", ["systematics.jes.type", "'shap'", "mean 'shape'"]),
        ("systematics.jes", {"up": 0.1}, ["systematics.jes: type is missing", "normalisation"]),
        ("systematics.jes", 0.1, ["systematics.jes", "dictionary", "0.1"]),
        ("systematics.xsec_wjets.up", 0.0, ["xsec_wjets", "up: a prior of zero width; leave"]),
        ("systematics.jes.bounds", [1.0, 1.0], ["jes.bounds", "[1.0, 1.0]: a prior of zero width"]),
        ("systematics.jes.bounds", [1.0, 2.0], ["jes.bounds", "[1.0, 2.0] must contain 0"]),
        ("systematics.xsec_wjets.prior", "lognormal", ["xsec_wjets.prior", "'log_normal'"]),
        ("systematics.jes.objects", ["jets"], ["systematics.jes.objects", "'jets'", "fatjet"]),
        ("systematics.pileup.correction", "pile_up", ["systematics.pileup", "'pile_up'"]),
        ("skim.cuts", ["met > 200"], ["regions.signal.cuts", "tune", "looser", "skim.cuts"]),
        ("skim.cuts", ["lepht > 20"], ["skim.cuts", "'lepht'", "did you mean 'lep_ht'", "zprime"]),
        ("regions.signal.fit.observable", "mass", ["regions.signal.fit.observable", "'mass'"]),
        ("regions.signal.cuts.-", "met >> 3", ["regions.signal.cuts", "met > 50"]),
        ("regions.signal.cuts.-", "met <= nothing", ["regions.signal.cuts", "'nothing'"]),
        ("regions.signal.cuts.-", {"cut": "st > 1", "tune": [0, 2]}, ["tune", "width"]),
        (
            "regions.signal.cuts.-",
            {"cut": "st > 5", "tune": [0, 2], "width": 1.0},
            ["threshold 5", "outside"],
        ),
        ("regions.signal.fit.edges", [3, 2, 1], ["regions.signal.fit.edges", "increase"]),
        ("objects.jet.cuts.-", "pt >", ["objects.jet.cuts", "'pt >'"]),
        ("objects.muon.away_from", {"jet": 0.4}, ["objects.muon.away_from", "'jet'"]),
        ("mva.wjets_vs_ttbar.type", "perceptrn", ["mva.wjets_vs_ttbar.type", "'perceptron'"]),
        ("mva.wjets_vs_ttbar.hiden", [4], ["mva.wjets_vs_ttbar.hiden", "did you mean 'hidden'"]),
        ("mva.wjets_vs_ttbar.hidden", [0], ["mva.wjets_vs_ttbar.hidden.0", "greater than"]),
        ("mva.wjets_vs_ttbar.features", None, ["mva.wjets_vs_ttbar.features", "observables"]),
        ("mva.wjets_vs_ttbar", [1], ["mva.wjets_vs_ttbar", "dictionary"]),
        ("folds.number", 2, ["folds.number", "2 is too few", "write 3 or more"]),
        ("folds.salt", -1, ["folds.salt", "greater than or equal to 0"]),
        ("split", {"train": 0.5}, ["split", "folds: {number: 5, salt: 1}"]),
        ("module", "zprimee", ["module", "zenith.analyses.zprimee", "zenith new"]),
        ("statistics.free_normalisations", {"k": ["top"]}, ["free_normalisations.k", "'top'"]),
    ],
)
def test_mistakes_name_the_key_and_the_remedy(
    raw: dict[str, Any], path: str, value: Any, expected: list[str]
) -> None:
    with pytest.raises(ConfigError) as error:
        parse(changed(raw, path, value), ZPRIME)
    message = str(error.value)
    assert message.startswith(ZPRIME)
    for text in expected:
        assert text in message
    assert len(message.splitlines()) == 1


def test_all_mistakes_are_told_at_once(raw: dict[str, Any]) -> None:
    data = changed(changed(raw, "seeed", 1), "samples.wjets.k_facto", 1.0)
    with pytest.raises(ConfigError, match=r"seeed(.|\n)*k_facto|k_facto(.|\n)*seeed"):
        parse(data)


def test_a_key_given_twice_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "twice.yaml"
    file.write_text("name: a\nname: b\n")
    with pytest.raises(ConfigError, match=r"twice\.yaml(.|\n)*'name' is given twice"):
        read_yaml(file)


@pytest.mark.parametrize(
    ("text", "says"), [("a: [1", "not valid YAML"), ("- 1", "keys and values")]
)
def test_files_that_are_no_configuration(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=says):
        read_yaml(file)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ConfigError, match=r"config/nothing\.yaml: cannot be read"):
        load("config/nothing.yaml")


def test_overrides_reach_nested_keys_and_keep_the_rest() -> None:
    overrides = parse_overrides(["samples.wjets.k_factor=1.5", "max_files=2"])
    analysis = load(ZPRIME, ["samples.wjets.k_factor=1.5", "max_files=2"])
    assert overrides == {"samples": {"wjets": {"k_factor": 1.5}}, "max_files": 2}
    assert analysis.samples["wjets"].k_factor == 1.5
    assert analysis.max_files == 2
    assert analysis.samples["wjets"].cross_section == load(ZPRIME).samples["wjets"].cross_section


def test_a_base_is_merged_and_null_takes_away(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"base: {ZPRIME}\nname: mine\nsystematics: {{pileup: null}}\n")
    mine = load(file)
    assert mine.name == "mine"
    assert "pileup" not in mine.systematics
    assert "jes" in mine.systematics


def test_one_key_says_where_the_files_of_all_samples_are() -> None:
    found = load("config/higgsml.yaml", ["files=[mine.csv]", "samples.ttbar.simulate={process: x}"])
    assert {s.files for s in found.samples.values()} == {("mine.csv",)}
    assert found.samples["ttbar"].simulate is None
    with pytest.raises(ConfigError, match="files: no sample has a `select`"):
        load(ZPRIME, ["files=[mine.csv]"])


def test_an_override_takes_away_what_a_base_has_too(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"base: {ZPRIME}\nsystematics: {{pileup: {{label: mine}}}}\n")
    assert load(file).systematics["pileup"].label == "mine"
    assert "pileup" not in load(file, ["systematics.pileup=null"]).systematics


LUMINOSITY_AND_BLINDING = 'eras: {"2016": {luminosity: 3.0}}\nstatistics: {blind: true}'
RECORDED = """
base: {base}
samples:
  pseudodata: null
  collisions: {{process: data, era: "2016", files: ["root://host//x.root"]}}
"""


@pytest.mark.parametrize(
    ("states", "overrides", "lacking"),
    [
        ("", [], "eras.2016.luminosity"),
        ('eras: {"2016": {luminosity: 3.0}}', [], "statistics.blind"),
        ("statistics: {blind: true}", [], "eras.2016.luminosity"),
        ('eras: {"2016": {luminosity: 3.0}}\nstatistics: {blind: false}', [], None),
        ("", ["eras.2016.luminosity=3", "statistics.blind=true"], None),
    ],
)
def test_recorded_data_inherit_nothing_from_simulated_ones(
    states: str, overrides: list[str], lacking: str | None, tmp_path: Path
) -> None:
    middle, file = tmp_path / "middle.yaml", tmp_path / "mine.yaml"
    middle.write_text(f"base: {ZPRIME}\nseed: 7\n")
    file.write_text(RECORDED.format(base=middle) + states)
    if lacking is None:
        assert load(file, overrides).eras["2016"].luminosity == 3.0
        # what is based on it has data of the same kind
        file.with_name("more.yaml").write_text(f"base: {file}\nname: more\n")
        if not overrides:
            assert load(file.with_name("more.yaml")).eras["2016"].luminosity == 3.0
        return
    with pytest.raises(ConfigError) as error:
        load(file, overrides)
    message = str(error.value)
    assert message.startswith(f"{file}: {lacking}: the data of the era 2016 are recorded")
    assert f"its base {middle} are simulated" in message


def test_simulated_data_inherit_nothing_from_recorded_ones(tmp_path: Path) -> None:
    file, base = tmp_path / "mine.yaml", tmp_path / "base.yaml"
    base.write_text(RECORDED.format(base=ZPRIME) + LUMINOSITY_AND_BLINDING)
    pseudodata = "process: pseudodata, backgrounds: [wjets]"
    samples = f"{{collisions: {{files: null, simulate: {{{pseudodata}}}}}}}"
    file.write_text(f"base: {base}\nsamples: {samples}\n")
    with pytest.raises(
        ConfigError, match=r"eras\.2016\.luminosity.*are simulated.*are recorded.*3"
    ):
        load(file)
    assert (
        load(file, ["eras.2016.luminosity=2", "statistics.blind=false"]).statistics.blind is False
    )


def test_a_file_on_simulated_data_still_inherits(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"base: {ZPRIME}\nsamples: {{pseudodata: null}}\n")
    assert load(file).eras["2016"].luminosity == load(ZPRIME).eras["2016"].luminosity


def test_merge_keeps_null_in_place_of_a_value() -> None:
    assert merge({"a": {"b": 1}, "c": 2}, {"a": None, "c": None, "d": None}) == {
        "c": None,
        "d": None,
    }


def test_a_shared_threshold_is_the_same_parameter(analysis: Analysis) -> None:
    tuned = {cut.parameter for cut in analysis.regions["signal"].cuts if cut.tune}
    shared = {c.parameter for r in analysis.regions.values() for c in r.cuts if c.reference}
    assert shared <= tuned


def test_a_threshold_cannot_be_tuned_twice(raw: dict[str, Any]) -> None:
    again = {"cut": "met < 100", "tune": [60, 250], "width": 25}
    with pytest.raises(ConfigError, match="'met' is already tuned"):
        parse(changed(raw, "regions.signal.cuts.-", again))


def test_sample_globs_choose_samples() -> None:
    chosen = load(ZPRIME, ['only_samples=["ttbar_*"]']).used_samples
    assert chosen == ["ttbar_semileptonic", "ttbar_dileptonic", "ttbar_hadronic"]


@pytest.mark.parametrize(
    ("override", "steps"),
    [
        ("samples.wjets.cross_section=99", {"columns"}),
        ("samples.wjets.simulate.pt_hat_min=450", {"simulate"}),
        ("regions.wjets_control.fit.edges=[400,900]", {"histogram", "fit", "figures"}),
        ("plotting.status=draft", {"figures"}),
        ("statistics.scan_points=3", {"fit"}),
        ("skim.chunk=10", {"skim"}),
    ],
)
def test_a_change_concerns_only_the_steps_that_depend_on_it(
    analysis: Analysis, override: str, steps: set[str]
) -> None:
    other = load(ZPRIME, [override])
    every = {"simulate", "skim", "columns", "histogram", "fit", "figures", "summary"}
    concerned = {
        step
        for step in every
        if step_config(analysis, step, "wjets") != step_config(other, step, "wjets")
    }
    assert concerned == steps


def test_step_config_does_not_depend_on_the_order_of_keys(raw: dict[str, Any]) -> None:
    other = {key: raw[key] for key in reversed(raw)}
    for step in ("skim", "histogram"):
        assert step_config(parse(raw), step, "wjets") == step_config(parse(other), step, "wjets")


def test_schema_and_table_of_keys_are_those_of_the_models() -> None:
    assert SCHEMA.read_text() == schema(), "run `make schema`"
    assert json.loads(schema())["additionalProperties"] is False
    assert KEYS.read_text() == page(KEYS.read_text()), "run `make schema`"


def test_recorded_data_inherit_no_open_region_from_simulated_ones(tmp_path: Path) -> None:
    middle, file = tmp_path / "middle.yaml", tmp_path / "mine.yaml"
    middle.write_text(f"base: {ZPRIME}\nregions: {{ttbar_control: {{blind: false}}}}\n")
    recorded = RECORDED.format(base=middle) + LUMINOSITY_AND_BLINDING
    file.write_text(recorded)
    with pytest.raises(ConfigError, match=r"regions\.ttbar_control\.blind.*\(False\)"):
        load(file)
    file.write_text(f"{recorded}\nregions: {{ttbar_control: {{blind: true}}}}\n")
    assert load(file).is_blind("ttbar_control")
    file.write_text(f"{recorded}\nregions: {{ttbar_control: null}}\n")
    assert "ttbar_control" not in load(file).regions
