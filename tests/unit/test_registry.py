"""What is added from outside is found by name, and a mistake is one message."""

import pytest

from zenith.errors import ConfigError
from zenith.registry import Registry

OWN = {"fraction": "fractions:Fraction"}


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """A package beside Zenith that adds a thing of the group, and a broken one."""
    package = tmp_path / "other_package-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: other-package\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(
        "[zenith.tests]\ndecimal = decimal:Decimal\nbroken = decimal:Missing\n"
    )
    monkeypatch.syspath_prepend(tmp_path)


def test_own_and_others_are_found_by_name(outside):
    registry = Registry("zenith.tests", OWN)
    assert registry.names == ("broken", "decimal", "fraction")
    assert registry.load("fraction")(1, 2) == 0.5
    assert registry.load("decimal")("0.5") == 0.5


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("decimel", r"unknown 'decimel' \(known: .*did you mean 'decimal'\?"),
        ("minimum", r"unknown 'minimum' \(known: .*\); if a package adds it, install that"),
        ("broken", r"'broken' \(decimal:Missing, zenith.tests\) cannot be imported"),
    ],
)
def test_a_mistake_is_one_message(outside, name, message):
    with pytest.raises(ConfigError, match=message):
        Registry("zenith.tests", OWN).load(name)


def test_a_name_that_two_packages_give_is_refused(outside):
    with pytest.raises(ConfigError, match=r"'decimal' is defined by .* and by .*: uninstall one"):
        Registry("zenith.tests", {"decimal": "decimal:Decimal"}).load("decimal")
