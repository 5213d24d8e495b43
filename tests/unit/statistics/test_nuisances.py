"""The list of nuisance parameters, and the events that each variation takes."""

import copy

import numpy as np
import pytest

from zenith.config import parse
from zenith.errors import ConfigError, InputError
from zenith.statistics.nuisances import nuisances
from zenith.statistics.varied_events import events_of


@pytest.fixture
def two_eras(toy_configuration):
    """2016 and 2017, each with its own W + jets sample."""
    config = toy_configuration()
    config["eras"]["2017"] = copy.deepcopy(config["eras"]["2016"])
    config["samples"]["wjets_2017"] = {**config["samples"]["wjets"], "era": "2017"}
    return config


def _by_name(config):
    return {nuisance.name: nuisance for nuisance in nuisances(parse(config))}


def test_one_list_of_every_kind(toy_analysis):
    found = {n.name: n for n in nuisances(toy_analysis)}
    assert list(found) == ["lumi", "pileup", "jes", "generator", "xsec_wjets", "ttbar_norm"]
    assert (found["lumi"].kind, found["lumi"].up, found["lumi"].down) == (
        "normalisation",
        0.02,
        -0.02,
    )
    assert found["lumi"].processes == ("wjets", "ttbar", "signal")
    assert (found["jes"].source, found["jes"].sides) == ("shape", ("up", "down"))
    assert (found["generator"].source, found["generator"].sides) == ("sample", ("up",))
    assert found["generator"].processes == ("ttbar",)
    assert (found["xsec_wjets"].up, found["xsec_wjets"].down) == (0.2, -0.2)
    assert (found["ttbar_norm"].kind, found["ttbar_norm"].processes) == ("free", ("ttbar",))


def test_a_luminosity_that_eras_share_is_a_factor(two_eras):
    lumi = _by_name(two_eras)["lumi"]
    assert (lumi.kind, lumi.up) == ("normalisation", 0.02)


def test_a_luminosity_whose_size_differs_between_eras_is_a_pair_of_templates(two_eras):
    two_eras["eras"]["2017"]["luminosity_uncertainties"]["lumi"] = {"size": 0.05}
    lumi = _by_name(two_eras)["lumi"]
    assert lumi.kind == "templates"
    assert lumi.rates == {"2016": (0.02, -0.02), "2017": (0.05, -0.05)}


def test_an_uncorrelated_nuisance_varies_its_own_era_only(two_eras, toy_columns):
    two_eras["eras"]["2016"]["luminosity_uncertainties"]["lumi"]["correlated"] = False
    two_eras["systematics"]["jes"]["correlated"] = False
    analysis = parse(two_eras)
    found = {n.name: n for n in nuisances(analysis)}
    assert {"jes_2016", "jes_2017", "lumi_2016", "lumi"} <= set(found)
    columns = {**toy_columns, "wjets_2017": toy_columns["wjets"]}
    own = toy_columns["wjets"]
    shifted = events_of(analysis, columns, "wjets_2017", found["jes_2017"], "up")
    assert np.array_equal(shifted.values["mtt"], own.shapes["jes_up"]["mtt"])
    other = events_of(analysis, columns, "wjets", found["jes_2017"], "up")
    assert np.array_equal(other.values["mtt"], own.values["mtt"])
    brighter = events_of(analysis, columns, "wjets", found["lumi_2016"], "up")
    assert np.array_equal(brighter.weight, 1.02 * own.weight)
    assert np.array_equal(
        events_of(analysis, columns, "wjets_2017", found["lumi_2016"], "up").weight, own.weight
    )


def test_an_alternative_sample_takes_the_place_of_the_nominal_one(toy_analysis, toy_columns):
    generator = next(n for n in nuisances(toy_analysis) if n.name == "generator")
    taken = events_of(toy_analysis, toy_columns, "ttbar", generator, "up")
    assert taken.values is toy_columns["ttbar_alt"].values


def test_people_read_labels(two_eras, toy_analysis):
    labels = {n.name: n.label for n in nuisances(toy_analysis)}
    assert (labels["lumi"], labels["ttbar_norm"]) == ("Luminosity", "Normalisation of tt")
    of_era = two_eras["eras"]["2017"]["luminosity_uncertainties"]["lumi"]
    of_era |= {"correlated": False, "label": "Beam scan"}
    two_eras["statistics"]["free_normalisations"]["ttbar_norm"] = {
        "processes": ["ttbar"],
        "label": "Top pairs",
    }
    two_eras["systematics"]["jes"] |= {"correlated": False, "label": "Scale"}
    labels = {n.name: n.label for n in nuisances(parse(two_eras))}
    assert labels["lumi_2017"] == "Beam scan (2017)"
    assert labels["lumi"] == "Luminosity, lumi"  # two of them must not read alike
    assert labels["ttbar_norm"] == "Top pairs"
    assert labels["jes_2017"] == "Scale (2017)"


def test_a_group_is_what_is_quoted_together(two_eras):
    two_eras["systematics"]["jes"] |= {"correlated": False, "label": "Scale"}
    two_eras["systematics"]["pileup"]["group"] = "Beam"
    groups = {n.name: n.group for n in nuisances(parse(two_eras))}
    assert groups["jes_2016"] == groups["jes_2017"] == "Scale"
    assert (groups["pileup"], groups["lumi"]) == ("Beam", "Luminosity")
    assert groups["ttbar_norm"] == "Free normalisations"


def test_two_parameters_of_one_name_are_refused(toy_configuration):
    config = toy_configuration()
    config["statistics"]["free_normalisations"]["lumi"] = ["ttbar"]
    with pytest.raises(ConfigError, match="two parameters of the fit are called 'lumi'"):
        nuisances(parse(config))


def test_a_variation_that_is_missing_is_an_error(toy_analysis, toy_columns):
    found = {n.name: n for n in nuisances(toy_analysis)}
    lacking = copy.copy(toy_columns["wjets"])
    lacking.weights, lacking.shapes = {}, {}
    columns = {**toy_columns, "wjets": lacking}
    for name in ("pileup", "jes"):
        with pytest.raises(InputError, match=f"'wjets' lack the variation '{name}_down'"):
            events_of(toy_analysis, columns, "wjets", found[name], "down")
    with pytest.raises(InputError, match="no columns of sample 'zprime'"):
        events_of(toy_analysis, {}, "zprime")
