"""Configurations with categories: of scored events, of another analysis, of a region of its own."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from zenith.config import dump, load, parse, source_of
from zenith.config.analysis import OF_SAMPLES
from zenith.config.dependencies import step_config
from zenith.config.yaml_text import read_yaml
from zenith.errors import ConfigError

ONE, THREE, ZPRIME = (f"config/categories-{name}.yaml" for name in ("1d", "3class", "zprime"))
REGION = ("categorise.numbers=[2]", "categorise.region=signal", "categorise.scores=[mtt]")


@pytest.fixture
def raw() -> dict[str, Any]:
    return read_yaml(ONE)


@pytest.mark.parametrize("path", [ONE, THREE, ZPRIME])
def test_resolved_configuration_reads_back_the_same(path: str) -> None:
    found = load(path)
    text = dump(found)
    assert parse(yaml.safe_load(text)) == found
    assert "samples" not in yaml.safe_load(text)


def test_whose_events_are_categorised() -> None:
    assert source_of(load(ONE)) is None
    assert source_of(load(ZPRIME)) == load("config/zprime.yaml")
    own = load("config/zprime.yaml", REGION)
    assert source_of(own) is own
    # what is categorised becomes a column
    scores = load("config/zprime.yaml", [*REGION[:2], "categorise.scores=[jet_3_pt]"])
    assert {"jet_3_pt"} == {*scores.columns_in_use()} - {*own.columns_in_use()}


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("seeed", 1, ["seeed: unknown key", "did you mean 'seed'"]),
        ("categorise.number", [2], ["categorise.number: unknown key", "'numbers'"]),
        ("inputs.scored.split", 1.0, ["split", "less than 1", "fraction of the events"]),
        ("inputs.scored.split", 0.0, ["split", "greater than 0"]),
        ("inputs.scored", {"file": "no/such.h5"}, ["inputs.scored.file", "no file 'no/such.h5'"]),
        ("inputs.scored", {"analysis": "no.yaml"}, ["inputs.scored.analysis", "no file 'no.yaml'"]),
        ("inputs.scored", {}, ["inputs.scored", "exactly one of toy, file and analysis"]),
        ("inputs.scored", {"toy": "one_score", "file": ONE}, ["inputs.scored", "exactly one of"]),
        ("inputs.scored", {"file": ONE, "fraction": 0.5}, ["fraction", "belongs to a toy"]),
        ("inputs.scored.toy", "two_scores", ["inputs.scored.toy", "'one_score'", "'two_scores'"]),
        ("inputs.scored.fraction", 0.0, ["inputs.scored.fraction", "greater than 0"]),
        ("categorise", None, ["categorise: missing", "numbers"]),
        ("categorise.numbers", [], ["categorise.numbers", "at least 1"]),
        ("categorise.numbers", [3, 2], ["categorise.numbers", "must increase", "[3, 2]"]),
        ("categorise.numbers", [0, 2], ["categorise.numbers", "greater than or equal to 1"]),
        ("categorise.signal_weights", [1.0], ["signal_weights", "combination: weighted"]),
        ("categorise.window", [120.0, 130.0], ["categorise", "window and sideband", "together"]),
        ("categorise.method", "grid", ["categorise.method", "'exact'", "'grid'"]),
        ("categorise.region", "signal", ["categorise.region", "of an analysis", "of a toy"]),
        ("samples", {}, ["samples", "of an analysis of samples", "inputs.scored"]),
        ("statistics", {"prune": 0.1}, ["statistics", "of an analysis of samples"]),
    ],
)
def test_mistakes_name_the_key_and_the_remedy(
    raw: dict[str, Any], path: str, value: Any, expected: list[str]
) -> None:
    data = copy.deepcopy(raw)
    *folders, last = path.split(".")
    inner: Any = data
    for folder in folders:
        inner = inner[folder]
    inner[last] = value
    with pytest.raises(ConfigError) as error:
        parse(data, ONE)
    message = str(error.value)
    assert message.startswith(f"{ONE}: ")
    for text in expected:
        assert text in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize(
    ("path", "overrides", "expected"),
    [
        (ZPRIME, ["categorise.region=other"], ["categorise.region: 'other'", "wjets_control"]),
        (ZPRIME, ["categorise.scores=[mt]"], ["categorise.scores: 'mt'", "mtt", "zprime.yaml"]),
        (ZPRIME, ["categorise.scores=[]"], ["categorise.scores: missing", "one a dimension"]),
        (
            ZPRIME,
            [f"inputs.scored.analysis={ONE}"],
            ["inputs.scored.analysis", "no samples itself"],
        ),
        ("config/zprime.yaml", [*REGION[:1]], ["categorise.region: missing"]),
        ("config/zprime.yaml", [*REGION, "categorise.region=other"], ["region", "'other'"]),
        ("config/zprime.yaml", [*REGION, "categorise.scores=[mt]"], ["did you mean 'mtt'"]),
    ],
)
def test_mistakes_about_a_region(path: str, overrides: list[str], expected: list[str]) -> None:
    with pytest.raises(ConfigError) as error:
        load(path, overrides)
    for text in (path, *expected):
        assert text in str(error.value)


def test_without_samples_and_scored_events_all_sections_are_missing() -> None:
    with pytest.raises(ConfigError) as error:
        parse({"name": "mine", "inputs": {"scored": None}}, "mine.yaml")
    lines = str(error.value).splitlines()
    assert "mine.yaml: samples: missing (sets of events, by name)" in lines
    assert len(lines) == len(OF_SAMPLES)


OLD_PLOTTING = {
    "plotting": {"scores": ["s"], "labels": {1: "S"}, "luminosity": 5, "energy": 8, "status": "x"}
}
NEW_NAMES = {"score_labels": ["s"], "labels": {"1": "S"}, "luminosity": 5, "energy": 8}


@pytest.mark.parametrize(
    ("old", "scored", "categorise"),
    [
        (
            {"events": {"toy": "one_score", "fraction": 0.5}},
            {"toy": "one_score", "fraction": 0.5},
            {},
        ),
        ({"events": {"file": ONE}, "split": 0.3}, {"file": ONE, "split": 0.3}, {}),
        (
            {
                "events": {
                    "analysis": {
                        "configuration": "config/zprime.yaml",
                        "region": "signal",
                        "scores": ["mtt"],
                        "selection": "initial",
                    }
                }
            },
            {"analysis": "config/zprime.yaml"},
            {"region": "signal", "scores": ["mtt"], "selection": "initial"},
        ),
        ({"events": {"file": ONE}} | OLD_PLOTTING, {"file": ONE} | NEW_NAMES, {}),
    ],
)
def test_the_old_form_is_read_with_a_line_that_says_the_new_one(
    caplog: pytest.LogCaptureFixture, old: dict, scored: dict, categorise: dict
) -> None:
    asked = {"numbers": [2, 4], "minimum_background": 3}
    new = {"name": "mine", "inputs": {"scored": scored}, "categorise": asked | categorise}
    if "plotting" in old:
        new["plotting"] = {"status": "x"}
    assert parse(new) == parse({"name": "mine", "categories": asked, **old}, "mine.yaml")
    (line,) = caplog.messages
    assert line.startswith("mine.yaml: events, categories")
    # what it says to write is what is meant
    said = yaml.safe_load("{" + line.partition("write ")[2] + "}")
    assert parse({**new, **said}) == parse(new)


def test_an_analysis_of_samples_never_had_the_old_form(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConfigError, match=r"categories: unknown key; did you mean 'categorise'"):
        load("config/zprime.yaml", ["categories.numbers=[2]"])
    with pytest.raises(ConfigError, match=r"plotting: .*not \['x'\]"):
        parse({"name": "mine", "events": {"toy": "one_score"}, "plotting": ["x"]})
    assert len(caplog.messages) == 1


def test_old_keys_change_a_base_of_the_new_form(caplog: pytest.LogCaptureFixture) -> None:
    old = {"base": ONE, "events": {"fraction": 0.5}, "categories": {"numbers": [7]}, "split": 0.2}
    found = parse(old, "mine.yaml")
    new = load(ONE, ["inputs.scored.fraction=0.5", "inputs.scored.split=0.2"])
    assert found == new.model_copy(update={"categorise": found.categorise})
    assert found.categorise == new.categorise.model_copy(update={"numbers": (7,)})
    assert "categorise: {numbers: [7]}" in caplog.text


@pytest.mark.parametrize(
    ("override", "steps"),
    [
        ("inputs.scored.fraction=0.5", {"scored"}),
        ("inputs.scored.split=0.4", {"scored"}),
        ("categorise.steps=20", {"categorise"}),
        ("categorise.tolerance=0.1", {"category_scan"}),
        ("categorise.numbers=[2]", {"category_scan", "category_figures"}),
        ("plotting.status=draft", {"category_figures"}),
        ("inputs.scored.labels.1=Mine", {"category_figures", "summary"}),
    ],
)
def test_a_change_concerns_only_the_steps_that_depend_on_it(override: str, steps: set) -> None:
    one, other = load(ONE), load(ONE, [override])
    every = ("scored", "categorise", "category_scan", "category_figures", "summary")
    concerned = {s for s in every if step_config(one, s) != step_config(other, s)}
    assert concerned == steps


def test_a_change_of_the_analysis_concerns_what_is_made_of_it(tmp_path: Path) -> None:
    """Events depend on the cuts of its regions, names on its labels; no category on either."""
    every = ("scored", "categorise", "category_scan", "category_figures", "summary")
    path = tmp_path / "mine.yaml"
    chosen = [f"inputs.scored.analysis={path}"]

    def parts(change: str) -> dict[str, str]:
        path.write_text(f"base: config/zprime.yaml\n{change}\n")
        found = load(ZPRIME, chosen)
        return {step: step_config(found, step) for step in every}

    before = parts("")
    for change, steps in (
        ("folds: {salt: 2}", {"scored"}),
        ("processes: {signal: {label: S}}", {"category_figures", "summary"}),
        ("observables: {mtt: {label: m}}", {"category_figures", "summary"}),
        ("search: {trials: 9}", set()),
    ):
        after = parts(change)
        assert {step for step in every if after[step] != before[step]} == steps
