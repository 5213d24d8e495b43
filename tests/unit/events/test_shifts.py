"""Shifts of events by a kind that is not Zenith's."""

import numpy as np
import pytest

from zenith.config import load
from zenith.errors import ConfigError
from zenith.events.formats.arrays import Events, Table
from zenith.events.shifts import Shift, find, shifted, variations


class Scaled(Shift):
    """MET times a number; those above a hundred are lost where the test asks for it."""

    cut: bool = False

    def collections(self, analysis):
        return set()

    def shifted(self, events, analysis, name, side):
        met = events.numbers["MET_pt"] * {"up": 1.1, "down": 0.9}[side]
        found = events.replace(Table.of({"MET_pt": met}), {})
        return found.choose(met < 100.0) if self.cut else found


@pytest.fixture
def events():
    return Events(3, Table.of({"MET_pt": np.array([10.0, 50.0, 200.0])}), {})


def analysis(**more):
    shipped = load("config/zprime.yaml", ["met=MET"])
    met = Scaled.model_validate({"type": "scaled", **more})
    return shipped.model_copy(update={"systematics": {"met": met, **shipped.systematics}})


def test_each_side_of_each_shift_is_a_variation(events):
    found = analysis(sides="down", processes=["wjets"])
    assert variations(found) == [
        "met_down",
        "jes_up",
        "jes_down",
        "jes_pt_up",
        "jes_pt_down",
        "jer_up",
    ]
    assert "met_down" not in variations(found, "signal")
    assert find(found, "met_down")[1:] == (found.systematics["met"], "down")
    moved = shifted(events, found, "met_down")
    np.testing.assert_allclose(moved.numbers["MET_pt"], [9.0, 45.0, 180.0])
    with pytest.raises(ConfigError, match="no shape variation 'met_up'; there is met_down, jes_up"):
        shifted(events, found, "met_up")


def test_a_shift_keeps_every_event(events):
    message = r"systematics\.met: Scaled\.shifted gives 2 events for 3: it must keep all"
    with pytest.raises(ConfigError, match=message):
        shifted(events, analysis(cut=True), "met_up")
