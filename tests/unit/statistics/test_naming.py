"""What parameters of a fit are called."""

from zenith.config import load, parse
from zenith.statistics.model import recipe
from zenith.statistics.naming import (
    class_label,
    cut_label,
    network_label,
    parameter_labels,
    score_label,
)


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


def test_networks_and_their_classes_are_called_by_processes(toy_configuration) -> None:
    analysis = load("config/zprime.yaml")
    classes = analysis.mva["wjets_vs_ttbar"].classes
    assert class_label(analysis, classes["ttbar"]) == r"$t\bar{t}$"  # of three: 0ℓ, 1ℓ, 2ℓ
    assert class_label(analysis, classes["wjets"]) == "$W$ + jets"
    assert class_label(analysis, ["ttbar_hadronic"]) == r"$t\bar{t}$ (0ℓ)"
    mixed = class_label(analysis, ["wjets", "ttbar_hadronic", "wjets"])
    assert mixed == r"$W$ + jets + $t\bar{t}$ (0ℓ)"
    assert class_label(analysis, ["zprime_2000", *classes["ttbar"]]) == (
        r"$Z'$ (2 TeV) + $t\bar{t}$"
    )
    assert class_label(analysis, [*classes["wjets"], *classes["ttbar"]]) == "background"
    assert network_label(analysis, "wjets_vs_ttbar") == r"$t\bar{t}$ against $W$ + jets"
    names = {"b": ["wjets"], "t": ["ttbar"], "s": ["zprime"]}
    mva = {"net": {"classes": names, "features": ["met"]}}
    toy = parse(toy_configuration(mva=mva | {"two": {**mva["net"], "classes": {
        "b": ["wjets"], "s": ["zprime"]}}}))  # fmt: skip
    labels = [toy.processes[p].label for p in ("wjets", "ttbar", "signal")]
    assert network_label(toy, "net") == ", ".join(labels)
    assert score_label(toy, "net:t") == f"Score for {labels[1]}"
    assert score_label(toy, "two") == f"Score for {labels[2]}"
    assert cut_label(toy, "two > 0.5") == f"Score for {labels[2]} > 0.5"


def test_cuts_are_said_in_words() -> None:
    analysis = load("config/zprime.yaml")
    for cut, words in (
        ("all columns", "before any cut"),
        ("met > 52.5", "$p_T^{miss}$ > 52.5 GeV"),
        ("btag_1 <= 0.05", "Highest b-tag score ≤ 0.05"),
        ("n_muon == 1", "Number of muons = 1"),
        ("wjets_vs_ttbar >= 0.2", r"Score for $t\bar{t}$ ≥ 0.2"),
        ("not_labelled != 3", "not labelled ≠ 3"),
    ):
        assert cut_label(analysis, cut) == words
