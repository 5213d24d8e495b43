"""What categories and their events are called: by the configuration, the analysis or the file."""

import pytest

from zenith.categorisation.naming import Naming
from zenith.config import load, source_of

OTHER = ["inputs.scored={labels: {signal: Z}, luminosity: 3}", "plotting.status=draft"]
OWN = ["categorise={numbers: [2], region: signal, scores: [n_jet, wjets_vs_ttbar]}"]


def naming(path: str, *overrides: str) -> Naming:
    analysis = load(path, overrides)
    return Naming.of(analysis, source_of(analysis))


def test_an_analysis_names_its_events_itself() -> None:
    """Luminosity, energy, axis with unit and legends are those of config/zprime.yaml."""
    found = naming("config/categories-zprime.yaml")
    assert (found.luminosity, found.energy) == (5.0, 13.0)
    assert (found.score(0), found.score(1)) == ("$m(t\\bar{t})$ [GeV]", "Score 2")
    names = {"0": "ttbar_dileptonic", "4": "signal"}
    called = [found.labels.label(number, names) for number in (0, 4, 9)]
    assert called == ["$t\\bar{t}$ (2ℓ)", "$Z'$ (2 TeV)", "Label 9"]


def test_what_is_said_holds_over_the_analysis() -> None:
    found = naming("config/categories-zprime.yaml", *OTHER)
    assert (found.luminosity, found.energy, found.status) == (3.0, 13.0, "draft")
    assert found.labels.label(4, {"4": "signal"}) == "Z"


def test_a_score_of_a_network_is_called_by_its_class() -> None:
    found = naming("config/zprime.yaml", *OWN)
    assert found.score(1) == "Score for $t\\bar{t}$"
    assert "[" not in found.score(0)  # a number has no unit


@pytest.mark.parametrize("path", ["config/categories-1d.yaml", "config/categories-3class.yaml"])
def test_a_toy_has_neither_luminosity_nor_energy(path: str) -> None:
    found = naming(path)
    assert (found.luminosity, found.energy) == (None, None)
    assert found.labels.label(2, {}) == load(path).inputs.scored.labels["2"]
