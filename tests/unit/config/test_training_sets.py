"""Configurations of training sets, which need no samples."""

from typing import Any

import pytest
from makers.training_sets import CONFIG

from zenith.config import dump, parse
from zenith.config.yaml_text import parse_yaml
from zenith.errors import ConfigError


def test_what_a_configuration_of_training_sets_needs() -> None:
    found = parse({**CONFIG, "title": "Sets", "seed": 3, "folds": {"number": 4}})
    assert not found.of_samples
    assert found.inputs.training_set is not None
    assert found.inputs.training_set.label == "label"
    assert parse(parse_yaml(dump(found), "dump")) == found


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mva": {}}, r"mva: missing: say which networks"),
        ({"samples": {}}, r"samples: is of an analysis of samples; beside inputs\.training_set"),
        ({"inputs": {"training_set": {"labels": "x"}}}, r"training_set\.labels: unknown key"),
        (
            {"inputs": {"training_set": {}, "scored": {"toy": "one_score"}}, "mva": None},
            r"inputs: give one of scored and training_set",
        ),
    ],
)
def test_mistakes(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse({key: value for key, value in {**CONFIG, **changes}.items() if value is not None})
