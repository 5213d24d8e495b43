"""Categories of regions: what can be asked for, and the channels that become of them."""

from collections.abc import Callable
from typing import Any

import pytest

from zenith.config import Analysis, parse
from zenith.config.channels import in_channels
from zenith.config.variants import in_climbed_categories
from zenith.errors import ConfigError

Configure = Callable[..., dict[str, Any]]
MVA = {"net": {"classes": {"top": ["ttbar"], "signal": ["zprime"]}, "features": ["met", "mtt"]}}


def with_categories(configure: Configure, categories: dict[str, Any], **sections: Any) -> Analysis:
    config = configure(**sections)
    config["regions"]["signal"]["categories"] = categories
    return parse(config)


def test_categories_by_edges_are_regions_with_cuts(toy_configuration: Configure) -> None:
    systematics = toy_configuration()["systematics"]
    name = next(iter(systematics))
    systematics[name] = {**systematics[name], "regions": ["control", "signal"]}
    analysis = with_categories(
        toy_configuration,
        {"score": "btag_1", "edges": [0.4, 0.8], "tune": [0, 1], "width": 0.1},
        systematics=systematics,
    )
    assert analysis.moving_categories == ["signal"]
    parted = in_channels(analysis)
    own = [cut.cut for cut in analysis.regions["signal"].cuts]
    found = {r: [cut.cut for cut in region.cuts] for r, region in parted.regions.items()}
    assert found.pop("control") == [cut.cut for cut in analysis.regions["control"].cuts]
    assert found == {
        "signal_1": [*own, "btag_1 < signal_edge_1"],
        "signal_2": [*own, "btag_1 >= signal_edge_1", "btag_1 < signal_edge_2"],
        "signal_3": [*own, "btag_1 >= signal_edge_2"],
    }
    labels = [parted.regions[f"signal_{k}"].label for k in (1, 2, 3)]
    assert labels == [f"{analysis.regions['signal'].label}, category {k}" for k in (1, 2, 3)]
    assert all(region.categories is None for region in parted.regions.values())
    acts = ("control", "signal_1", "signal_2", "signal_3")
    assert parted.systematics[name].regions == acts
    # what is tuned is tuned once
    assert list(parted.tunable_cuts) == list(analysis.tunable_cuts)


def test_categories_by_a_network_are_numbers_of_its_largest_output(
    toy_configuration: Configure,
) -> None:
    analysis = with_categories(toy_configuration, {"network": "net", "number": 2}, mva=MVA)
    regions = in_channels(analysis).regions
    for k in (1, 2):
        assert regions[f"signal_{k}"].cuts[-1].cut == f"net:category == {k}"
    assert list(analysis.mva["net"].parting(3).softmax_classes) == [
        f"category_{k}" for k in (1, 2, 3)
    ]


def test_without_categories_nothing_changes(toy_configuration: Configure) -> None:
    analysis = parse(toy_configuration())
    assert in_channels(analysis) == analysis


@pytest.mark.parametrize(
    ("categories", "message"),
    [
        ({"number": 3}, r"regions\.signal\.categories.*either score.*or network"),
        ({"score": "met", "network": "net", "number": 3}, "either score.*or network"),
        ({"score": "met"}, "number: missing: say how many"),
        ({"score": "met", "number": 1}, r"categories\.number.*greater than or equal to 2"),
        ({"score": "met", "edges": []}, "edges: at least one is needed"),
        ({"score": "met", "edges": [2, 1]}, r"edges must increase, not \[2\.0, 1\.0\]"),
        ({"score": "met", "number": 3, "edges": [2]}, "number: 1 inner edges make 2 categories"),
        ({"score": "met", "number": 3, "tune": [0, 9]}, "width: missing: edges that move"),
        (
            {"score": "met", "edges": [10], "tune": [0, 9], "width": 1},
            r"edges must increase between the bounds \[0\.0, 9\.0\] of tune, not \[10\.0\]",
        ),
        ({"score": "met", "number": 2, "tune": [9, 0], "width": 1}, "tune is .low, high. with low"),
        ({"network": "net", "edges": [0.5]}, "edges: edges are those of a score"),
        ({"network": "net", "number": 2, "tune": [0, 1], "width": 1}, "tune: edges are those of"),
        ({"network": "other", "number": 3}, r"categories\.network: 'other' is not defined; there"),
        ({"score": "met", "number": 3, "colour": "red"}, "colour"),
        ({"score": "met", "number": 3, "width": 0}, r"categories\.width.*greater than 0"),
    ],
)
def test_what_cannot_be_is_refused(
    toy_configuration: Configure, categories: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        with_categories(toy_configuration, categories, mva=MVA)


def test_a_score_that_became_categories_is_no_observable(toy_configuration: Configure) -> None:
    config = toy_configuration(mva=MVA)
    config["regions"]["signal"]["categories"] = {"network": "net", "number": 4}
    config["regions"]["control"]["cuts"].append("net < 0.5")
    with pytest.raises(ConfigError, match=r"regions\.control\.cuts: 'net' has no score any more"):
        parse(config)


def test_a_network_of_many_classes_parts_by_its_score(toy_configuration: Configure) -> None:
    three = {"top": ["ttbar"], "w": ["wjets"], "signal": ["zprime"]}
    mva = {"net": {**MVA["net"], "classes": three}}
    with pytest.raises(ConfigError, match=r"'net' has 3 classes; .* or part the events by a score"):
        with_categories(toy_configuration, {"network": "net", "number": 4}, mva=mva)
    by_score = {"score": "net:signal", "number": 4, "tune": [0, 1], "width": 0.05}
    assert with_categories(toy_configuration, by_score, mva=mva).moving_categories == ["signal"]


def test_names_are_not_used_twice(toy_configuration: Configure) -> None:
    config = toy_configuration()
    config["regions"]["signal_2"] = config["regions"]["control"]
    config["regions"]["signal"]["categories"] = {"score": "met", "number": 2}
    with pytest.raises(ConfigError, match=r"its channel 'signal_2' is called as that of regions"):
        parse(config)
    config = toy_configuration(mva=MVA)
    for region in ("signal", "control"):
        config["regions"][region]["categories"] = {"network": "net", "number": 2}
    with pytest.raises(ConfigError, match="'net' parts the events of regions"):
        parse(config)


def test_categories_beside_the_regions(toy_configuration: Configure) -> None:
    """Those of all events that the network is for, in the bins of a region."""
    mva = {"net": {**MVA["net"], "cuts": ["met > 40"]}}
    settings = {"network": "net", "number": 4, "region": "control", "optimise": {"steps": 7}}
    given = {"objective": "precision"}
    analysis = parse(toy_configuration(mva=mva, climbed_categories=settings, optimise=given))
    variant = in_climbed_categories(analysis)
    ((name, region),) = variant.regions.items()
    assert [cut.cut for cut in region.cuts] == ["met > 40"]
    assert region.fit == analysis.regions["control"].fit
    assert variant.optimise.steps == 7 != analysis.optimise.steps
    assert variant.optimise.objective == "precision"
    assert variant.is_tunable
    assert list(variant.networks_in_use) == ["net"]
    assert list(in_channels(variant).regions) == [f"{name}_{k}" for k in (1, 2, 3, 4)]
    assert all(systematic.regions is None for systematic in variant.systematics.values())
    by_score = {"score": "net", "number": 3, "tune": [0, 1], "width": 0.1}
    again = in_climbed_categories(parse(toy_configuration(mva=mva, climbed_categories=by_score)))
    assert again.moving_categories == [name]
    assert again.regions[name].fit.observable == analysis.regions["signal"].fit.observable


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"network": "other", "number": 3}, r"climbed_categories\.network: 'other' is not defined"),
        (
            {"score": "met", "number": 3},
            r"climbed_categories\.score, score of a network: 'met' is not",
        ),
        ({"network": "net", "number": 3, "region": "none"}, r"categories\.region: 'none' is not"),
        ({"network": "net"}, "number: missing: say how many"),
        ({"network": "net", "number": 3, "steps": 3}, r"categories\.steps"),
        (
            {"network": "net", "number": 3, "optimise": {"objective": "precision"}},
            r"categories\.optimise\.objective",
        ),
    ],
)
def test_what_cannot_be_beside_the_regions_is_refused(
    toy_configuration: Configure, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(toy_configuration(mva=MVA, climbed_categories=settings))


def test_categories_that_nothing_moves_are_refused(toy_configuration: Configure) -> None:
    frozen = {"net": {**MVA["net"], "fine_tune": False}}
    settings = {"score": "net", "number": 3}
    with pytest.raises(ConfigError, match="climbed_categories: nothing moves in their climb"):
        parse(toy_configuration(mva=frozen, climbed_categories=settings))
