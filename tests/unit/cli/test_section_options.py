"""Options of the command line that are made from the configuration."""

import argparse

import pytest

from zenith.cli.section_options import add_settings, settings
from zenith.config.categories import CategorySettings
from zenith.errors import ConfigError

EVERY = (
    "--method gradient --objective histfactory --minimum-background 2 --steps 7 --starts 3 "
    "--maximum-uncertainty 0.3 --background-uncertainty 0.1 --window 1 2 --sideband 0 3.5 "
    "--combination weighted --signal-weights 1 2 3"
)


def parsed(*text: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_settings(parser, CategorySettings)
    return parser.parse_args(text)


def test_every_key_is_an_option_of_its_name() -> None:
    """What is given holds over a configuration, what is not is taken from it, or its default."""
    text = EVERY.split()
    said = {name.removeprefix("--") for name in text if name.startswith("--")}
    assert said == {name.replace("_", "-") for name in CategorySettings.model_fields}
    found = settings(parsed(*text), CategorySettings)
    assert (found.window, found.sideband) == ((1.0, 2.0), (0.0, 3.5))
    assert (found.signal_weights, found.steps) == ((1.0, 2.0, 3.0), 7)
    assert settings(parsed(), CategorySettings) == CategorySettings()
    assert settings(parsed(), CategorySettings, found) == found
    changed = settings(parsed("--steps", "9"), CategorySettings, found)
    assert changed == found.model_copy(update={"steps": 9})


@pytest.mark.parametrize(
    "text", ["--steps 0", "--minimum-background -1", "--maximum-uncertainty 0"]
)
def test_a_value_out_of_range_is_told_by_the_option(text: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{text.split()[0]}: Input should be"):
        settings(parsed(*text.split()), CategorySettings)
