"""The configuration of a categorisation: what it accepts, what it says when it does not."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from zenith.config import dump, is_categorisation, load_categorisation, parse_categorisation
from zenith.config.dependencies import step_config
from zenith.config.loading import read_yaml
from zenith.errors import ConfigError

ONE, THREE = "config/categories-1d.yaml", "config/categories-3class.yaml"


@pytest.fixture
def raw() -> dict[str, Any]:
    return read_yaml(ONE)


def test_the_kind_of_a_configuration_is_known_by_events(tmp_path: Path) -> None:
    based = tmp_path / "based.yaml"
    based.write_text(f"base: {ONE}\nname: mine\n")
    for path in (ONE, THREE, based):
        assert is_categorisation(read_yaml(path), str(path))
    for path in ("config/zprime.yaml", "config/test.yaml"):
        assert not is_categorisation(read_yaml(path), path)
    mine = load_categorisation(based, ["categories.numbers=[2,4]"])
    assert (mine.name, mine.categories.numbers, mine.events.toy) == ("mine", (2, 4), "one_score")


@pytest.mark.parametrize("path", [ONE, THREE])
def test_resolved_configuration_reads_back_the_same(path: str) -> None:
    found = load_categorisation(path)
    assert parse_categorisation(yaml.safe_load(dump(found))) == found


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("seeed", 1, ["seeed: unknown key", "did you mean 'seed'"]),
        ("categories.number", [2], ["categories.number: unknown key", "'numbers'"]),
        ("split", 1.0, ["split", "less than 1", "fraction of the events"]),
        ("split", 0.0, ["split", "greater than 0"]),
        ("events", {"file": "no/such.h5"}, ["events.file", "no file 'no/such.h5'", "relative"]),
        ("events", {}, ["events", "exactly one of toy, file and analysis"]),
        ("events", {"toy": "one_score", "file": ONE}, ["events", "exactly one of toy, file"]),
        ("events", {"file": ONE, "fraction": 0.5}, ["events", "fraction", "belongs to a toy"]),
        ("events.toy", "two_scores", ["events.toy", "'one_score'", "'two_scores'"]),
        ("events.fraction", 0.0, ["events.fraction", "greater than 0"]),
        ("categories.numbers", [], ["categories.numbers", "at least 1"]),
        ("categories.numbers", [3, 2], ["categories.numbers", "must increase", "[3, 2]"]),
        ("categories.numbers", [0, 2], ["categories.numbers", "greater than or equal to 1"]),
        ("categories.signal_weights", [1.0], ["signal_weights", "combination: weighted"]),
        ("categories.window", [120.0, 130.0], ["categories", "window and sideband", "together"]),
        ("categories.method", "grid", ["categories.method", "'exact'", "'grid'"]),
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
        parse_categorisation(data, ONE)
    message = str(error.value)
    assert message.startswith(f"{ONE}: ")
    for text in expected:
        assert text in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize(
    ("override", "steps"),
    [
        ("events.fraction=0.5", {"scored"}),
        ("split=0.4", {"scored"}),
        ("categories.steps=20", {"categorise"}),
        ("categories.tolerance=0.1", {"category_scan"}),
        ("categories.numbers=[2]", {"category_scan", "category_figures"}),
        ("plotting.status=draft", {"category_figures"}),
    ],
)
def test_a_change_concerns_only_the_steps_that_depend_on_it(override: str, steps: set) -> None:
    one, other = load_categorisation(ONE), load_categorisation(ONE, [override])
    every = ("scored", "categorise", "category_scan", "category_figures")
    concerned = {s for s in every if step_config(one, s) != step_config(other, s)}
    assert concerned == steps
