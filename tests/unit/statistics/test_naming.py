"""What parameters of a fit are called."""

from zenith.config import load, parse
from zenith.statistics.model import recipe
from zenith.statistics.naming import cut_label, parameter_labels


def test_no_parameter_of_the_default_analysis_is_called_by_its_key() -> None:
    parameters = recipe(load("config/zprime.yaml")).structure.parameters.names
    labels = parameter_labels(load("config/zprime.yaml"), parameters)
    assert list(labels) == list(parameters)
    assert not {name for name, label in labels.items() if "_" in label.split("$")[0]}
    assert not set(labels.values()) & set(parameters)
    assert len(set(labels.values())) == len(labels)
    assert labels["lumi"] == "Luminosity"
    assert labels["ttbar_norm"] == r"$t\bar{t}$ normalisation"
    assert labels["mu"] == "Signal strength"
    assert labels["staterror_wjets_control[0]"] == (
        "Simulated events, $W$ + jets control region, bin 1"
    )


def test_strengths_of_several_signals_are_told_apart(toy_configuration) -> None:
    config = toy_configuration(statistics={"signal_strengths": {"mu": ["signal"]}})
    config["processes"]["heavy"] = {"role": "signal", "label": "$Z'$ (4 TeV)"}
    config["samples"]["heavy"] = config["samples"]["zprime"] | {"process": "heavy"}
    labels = parameter_labels(parse(config), ["mu", "mu_heavy", "unknown"])
    assert labels == {
        "mu": "Signal strength, Z",
        "mu_heavy": "Signal strength, $Z'$ (4 TeV)",
        "unknown": "unknown",
    }


def test_cuts_are_said_in_words() -> None:
    analysis = load("config/zprime.yaml")
    for cut, words in (
        ("all columns", "before any cut"),
        ("met > 52.5", "$p_T^{miss}$ > 52.5 GeV"),
        ("btag_1 <= 0.05", "Highest b-tag score ≤ 0.05"),
        ("n_muon == 1", "Number of muons = 1"),
        ("wjets_vs_ttbar >= 0.2", "$W$ + jets score ≥ 0.2"),
        ("not_labelled != 3", "not labelled ≠ 3"),
    ):
        assert cut_label(analysis, cut) == words
