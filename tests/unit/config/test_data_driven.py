"""What comes from data: which regions may overlap, and what else has to agree."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from makers.fakes_analysis import configured

from zenith.comparison import parse as cut
from zenith.config import parse
from zenith.config.overlap import disjoint
from zenith.errors import ConfigError
from zenith.statistics.nuisances import nuisances


@pytest.mark.parametrize(
    ("first", "second", "apart"),
    [
        ("met < 30", "met > 30", True),
        ("met <= 30", "met > 30", True),
        ("met <= 30", "met >= 30", False),
        ("met < 30", "met >= 30", True),
        ("met < 40", "met > 30", False),
        ("met < 40", "mtt > 30", False),
        ("tight == 1", "tight == 0", True),
        ("tight == 1", "tight >= 1", False),
        ("tight == 1", "tight > 1", True),
        ("tight != 1", "tight == 1", False),  # not seen, and so on the safe side
    ],
)
def test_regions_are_disjoint_where_ranges_of_one_observable_are(
    first: str, second: str, apart: bool
) -> None:
    assert disjoint([cut(first), cut("x > 1")], [cut(second), cut("y > 1")]) == apart
    assert disjoint([cut(second)], [cut(first)]) == apart


@pytest.fixture
def data(tmp_path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(configured(tmp_path).read_text())
    return found


def cuts(region: str, *texts: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda data: data["regions"][region].update(cuts=[*texts])


def settings(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda data: data["samples"]["fakes"]["from_data"].update(changes)


TUNED = {"cut": "met > 60", "tune": [20, 90], "width": 5}
WRONG: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "measurement over signal": (
        cuts("signal", "muon_tight == 1", "met > 20"),
        r"from_data.measurement: regions.measured overlaps with regions.signal, whose data teach "
        r"nothing: give the two cuts on one observable that exclude each other",
    ),
    "what a climb may reach": (
        cuts("signal", "muon_tight == 1", TUNED),
        r"regions.measured overlaps with regions.signal, .* within `tune` as well",
    ),
    "validation over signal": (
        cuts("tried", "muon_tight == 1", "met > 40"),
        r"from_data.validation: regions.tried overlaps with regions.signal",
    ),
    "validation over measurement": (
        cuts("tried", "muon_tight == 1", "met > 20", "met < 60"),
        r"from_data.validation: regions.tried overlaps with regions.measured: give",
    ),
    "tight alone keeps them apart": (
        cuts("signal", "muon_tight == 1", "muon_pt > 30"),
        r"regions.measured overlaps with regions.signal",
    ),
    "loose data in a fit": (
        cuts("signal", "met > 60"),
        r"regions.signal: has loose events of samples.fakes.from_data, so that data would be in it "
        r"twice: add the cut muon_tight == 1",
    ),
    "a fitted region teaches": (
        lambda data: data["regions"]["measured"].update(in_fit=True),
        r"from_data.measurement: regions.measured is fitted, .*: set its in_fit to false",
    ),
    "a blind region teaches": (
        lambda data: data["statistics"].update(blind=True),
        r"the data of regions.measured are blind: set its blind to false",
    ),
    "a region that moves": (
        cuts("measured", "muon_tight == 1", {"cut": "met < 30", "tune": [20, 40], "width": 5}),
        r"regions.measured.cuts: 'met < 30' moves; give it a number",
    ),
    "a region of all": (
        cuts("measured", "met < 30"),
        r"from_data.measurement: regions.measured has no cut muon_tight == 1: add it",
    ),
    "no such region": (settings(measurement="no"), r"measurement: 'no' is not defined; there is"),
    "no such sample": (settings(prompt=["no"]), r"from_data.prompt, .*'no' is not defined"),
    "data as prompt": (settings(prompt=["collisions"]), r"'collisions' is not defined"),
    "not an equality": (
        settings(tight="muon_tight > 0"),
        r"tight: 'muon_tight > 0.0' is no equality; let an observable be 1 for tight events",
    ),
    "one value": (settings(loose="muon_tight == 1"), r"must be two values of one observable"),
    "binned in what tells": (
        settings(bins={"muon_tight": [0, 1, 2]}),
        r"bins: 'muon_tight' tells tight from loose; remove it",
    ),
    "a cross-section": (
        lambda data: data["samples"]["fakes"].update(cross_section=1.0),
        r"samples.fakes.cross_section: data has none; remove it",
    ),
    "a signal": (
        lambda data: data["samples"]["fakes"].update(process="signal"),
        r"'signal' has the role signal; what comes from data is a background",
    ),
    "simulation beside it": (
        lambda data: data["samples"]["prompt"].update(process="fakes"),
        r"samples.prompt.process: 'fakes' comes from data .*: give simulation a process of its own",
    ),
    "files as well": (
        lambda data: data["samples"]["fakes"].update(files=["a.root"]),
        r"give exactly one of simulate, files, dataset, record and from_data",
    ),
    "no data": (
        lambda data: data.update(only_samples=["fakes", "prompt", "signal"]),
        r"samples.fakes.from_data: its data of era run are not in use: add it, or let it through",
    ),
    "no prompt": (
        lambda data: data.update(only_samples=["fakes", "coll*", "signal"]),
        r"samples.fakes.from_data: its sample 'prompt' is not in use",
    ),
    "a weight of data": (
        lambda data: data.update(
            systematics={
                "w": {
                    "type": "shape",
                    "kind": "energy_scale",
                    "objects": ["muon"],
                    "size": 0.1,
                    "processes": ["fakes"],
                }
            }
        ),
        r"systematics.w.processes: 'fakes' comes from data, whose events do not vary",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_agree_is_named(case: str, data: dict[str, Any]) -> None:
    change, message = WRONG[case]
    change(data)
    with pytest.raises(ConfigError, match=message):
        parse(data)


def test_blind_regions_and_a_summary_teach_nothing_either(data: dict[str, Any]) -> None:
    spare = data["regions"]["signal"] | {"cuts": ["muon_tight == 1", "met > 10"], "in_fit": False}
    data["regions"]["spare"] = spare
    parse(data)  # data of a region that is neither fitted nor blind
    spare["blind"] = True
    with pytest.raises(ConfigError, match=r"overlaps with regions.spare, whose data teach nothing"):
        parse(data)
    del data["regions"]["spare"]
    classes = {"prompt": ["prompt"], "signal": ["signal"]}
    network = {"classes": classes, "features": ["met"], "cuts": ["muon_tight == 1"]}
    data |= {"mva": {"net": network}, "summary": {"network": "net"}}
    with pytest.raises(ConfigError, match=r"regions.measured overlaps with mva.net.cuts"):
        parse(data)
    network["cuts"] = ["muon_tight == 1", "met > 60"]
    parse(data)


def test_nuisance_parameters_are_of_the_process_and_luminosity_is_not(
    data: dict[str, Any],
) -> None:
    found = {n.name: n for n in nuisances(parse(data))}
    own = [f"fakes_{source}" for source in ("factor_1", "factor_2", "factor_3", "prompt")]
    assert [*found] == ["lumi", *own, "fakes_closure"]
    assert found["lumi"].processes == ("prompt", "signal")
    assert found["fakes_prompt"].processes == ("fakes",)
    assert found["fakes_prompt"].label == "Fake muons, prompt subtraction"
    settings(validation=None, components=1)(data)
    assert [n.name for n in nuisances(parse(data))] == ["lumi", "fakes_factor_1", "fakes_prompt"]
