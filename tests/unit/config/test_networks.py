"""What the configuration says of networks: a type, and the keys of that type."""

import json
from importlib.metadata import EntryPoint
from typing import Annotated, Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import Field

from zenith.config import dump, load, parse
from zenith.config.marks import concerns
from zenith.config.networks.boosted_trees import BoostedTreesSettings
from zenith.config.networks.descent import DescentSettings
from zenith.config.networks.perceptron import PerceptronSettings
from zenith.config.networks.settings import NETWORKS
from zenith.config.schema import schema
from zenith.config.yaml_text import parse_yaml
from zenith.errors import ConfigError

CLASSES = {"w": ["wjets"], "t": ["ttbar"]}
JETS = {"jet": {"fields": ["pt", "btag"], "leading": 8}}
MTT = {"observable": "mtt", "strength": 1.0}
SETTINGS = {"classes": CLASSES, "features": ["met"]}


class Deep(DescentSettings):
    """A type of another package: a key with a mark for the training, and one without."""

    reads_objects = True
    depth: int = 3
    dropout: Annotated[float, Field(ge=0.0), concerns("mva")] = 0.1

    def create(self, key: Any) -> Any:
        raise AssertionError("nothing here needs the network itself")


@pytest.fixture(autouse=True)
def deep(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry with this type, one that is no network, and one that cannot be imported."""
    places = {"deep": Deep, "number": int, "broken": None}
    found = {name: EntryPoint(name, f"{name}:{name}", NETWORKS.group) for name in places}
    monkeypatch.setattr(NETWORKS, "_found", lambda: NETWORKS._search() | found)

    def place(point: EntryPoint) -> Any:
        if point.name not in places:
            return original(point)
        if places[point.name] is None:
            raise ImportError("no module named 'torch'")
        return places[point.name]

    original = EntryPoint.load
    monkeypatch.setattr(EntryPoint, "load", place)


def analysis(toy_configuration: Any, **settings: Any) -> Any:
    return parse(toy_configuration(mva={"net": SETTINGS | settings}))


def test_the_type_chooses_the_keys(toy_configuration: Any) -> None:
    found = analysis(toy_configuration, type="deep", depth=5)
    net = found.mva["net"]
    assert isinstance(net, Deep)
    assert (net.type, net.depth, net.epochs) == ("deep", 5, 100)
    assert parse(parse_yaml(dump(found), "dump")) == found
    assert isinstance(analysis(toy_configuration).mva["net"], PerceptronSettings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"type": "deep", "hidden": [3]}, r"mva\.net\.hidden: unknown key .*depth, dropout\)"),
        ({"type": "deep", "depth": "x"}, r"mva\.net\.depth: .*integer"),
        ({"type": "deep", "dropout": -1}, r"mva\.net\.dropout: .*greater than or equal to 0"),
        ({"type": "deep", "framework": "keras"}, r"mva\.net: framework: .* trained by jax, not by"),
        ({"framework": "keras", "ensemble": 4}, r"mva\.net: ensemble: .* keras trains one network"),
        ({"transforms": {"mtt": ["log"]}}, r"mva\.net: transforms: 'mtt' is not defined; .* met"),
        ({"transforms": {"met": ["log", "log"]}}, r"transforms\.met: a transform is given twice"),
        (
            {"transforms": {"met": ["sqrt"]}},
            r"mva\.net\.transforms\.met\.0: .*'raw', 'log' or 'log",
        ),
        ({"transforms": {"met": []}}, r"mva\.net: transforms\.met: there is none"),
        ({"features": []}, r"mva\.net: features: missing"),
        ({"type": "deep", "features": []}, r"mva\.net: features or objects: missing"),
        ({"objects": JETS}, r"mva\.net: objects: .* type perceptron reads no objects"),
        (
            {"type": "deep", "objects": {"tau": JETS["jet"]}},
            r"mva\.net\.objects: 'tau' is not defined; there is muon, jet, fatjet",
        ),
        (
            {"type": "deep", "objects": {"jet": {"fields": ["pt", "pt"], "leading": 8}}},
            r"mva\.net\.objects\.jet\.fields: .*'pt' is given twice",
        ),
        (
            {"type": "deep", "objects": {"jet": {"fields": ["pt", "valid"], "leading": 8}}},
            r"mva\.net\.objects\.jet\.fields: .*`valid` says which objects there are",
        ),
        (
            {"type": "deep", "objects": {"jet": {"fields": ["pt"], "leading": 0}}},
            r"mva\.net\.objects\.jet\.leading: .*greater than or equal to 1",
        ),
        ({"warm_up": 100}, r"mva\.net: warm_up: the learning rate would rise in all 100 epochs"),
        ({"type": "residual", "heads": 3}, r"mva\.net: heads: 3 heads do not divide .* 32;"),
        (
            {"type": "residual", "scalers": {"mtt": "robust"}},
            r"mva\.net: scalers: 'mtt' is not defined; there is met",
        ),
        (
            {"type": "residual", "categories": {"met": [1]}, "scalers": {"met": "robust"}},
            r"mva\.net: categories\.met: a category has no transform and no scaler",
        ),
        (
            {"type": "residual", "missing": ["met", "met"]},
            r"mva\.net: missing: a feature is given twice",
        ),
        ({"loss": {"gamma": 1}}, r"mva\.net\.loss: .*gamma: only the focal loss has it"),
        ({"loss": {"planing": {"observable": "pull"}}}, r"mva\.net\.loss: .*'pull'"),
        ({"framework": "keras", "loss": {"type": "focal"}}, r"mva\.net: loss: .* keras has the cr"),
        (
            {"loss": {"distance_correlation": MTT, "adversary": MTT}},
            r"mva\.net\.loss: .*are alternatives: remove one of them",
        ),
        (
            {"loss": {"adversary": {**MTT, "classes": ["z"]}}},
            r"mva\.net: loss\.adversary\.classes: 'z' is not defined; there is w, t",
        ),
        (
            {"regressions": {"m": {"target": "mtt", "classes": ["z"]}}},
            r"mva\.net: regressions\.m\.classes: 'z' is not defined; there is w, t",
        ),
        (
            {"regressions": {"scores": {"target": "mtt"}}},
            r"mva\.net: regressions\.scores: 'scores' is what files have besides",
        ),
        ({"regressions": {"m": {"target": "p"}}}, r"mva\.net\.regressions: .*'p' is not defined"),
        (
            {"type": "boosted_trees", "regressions": {"m": {"target": "mtt"}}},
            r"mva\.net\.regressions: .*trees learn classes alone",
        ),
        (
            {"framework": "keras", "regressions": {"m": {"target": "mtt"}}},
            r"mva\.net: regressions: framework keras learns classes alone",
        ),
        (
            {"framework": "keras", "bootstrap": True},
            r"mva\.net: bootstrap: framework keras has none",
        ),
        ({"ensemble": 0}, r"mva\.net\.ensemble: .*greater than or equal to 1"),
        ({"type": "deap"}, r"mva\.net\.type: unknown 'deap' .* did you mean 'deep'\?"),
        ({"type": "number"}, r"mva\.net\.type: 'number' .* is no Mva"),
        ({"type": "broken"}, r"mva\.net\.type: 'broken' .* cannot be imported: no module named"),
    ],
)
def test_mistakes(toy_configuration: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        analysis(toy_configuration, **settings)
    assert len(str(error.value).splitlines()) == 1


def test_observables_of_losses_are_made(toy_configuration: Any) -> None:
    """They are columns and fields of training sets, and no inputs of the network."""
    plain = analysis(toy_configuration)
    found = analysis(toy_configuration, loss={"adversary": {**MTT, "observable": "sphericity"}})
    target = {"m": {"target": "sphericity", "classes": ["t"]}}
    both = analysis(toy_configuration, loss=found.mva["net"].loss, regressions=target)
    assert both.mva["net"].read_by_loss == {"sphericity": ("w", "t")}
    assert found.mva["net"].features == plain.mva["net"].features
    assert found.mva["net"].read_by_loss == {"sphericity": ("w",)}
    assert {*found.observables_learnt} - {*plain.observables_learnt} == {"sphericity"}
    assert "sphericity" in found.columns_in_use()
    assert found.mva["net"].architecture() == plain.mva["net"].architecture()


def test_networks_that_read_objects(toy_configuration: Any) -> None:
    deep = {**SETTINGS, "type": "deep", "objects": JETS}
    found = parse(toy_configuration(mva={"a": deep, "b": {**deep, "features": []}}))
    assert found.mva["b"].objects["jet"].fields == ("pt", "btag")
    read = [net.architecture()["objects"]["jet"] for net in found.mva.values()]
    assert [(r["fields"], r["leading"]) for r in read] == [(["pt", "btag"], 8)] * 2
    other = {"jet": {"fields": ["pt"], "leading": 9}}
    with pytest.raises(ConfigError, match=r"b\.objects\.jet\.leading: 9, and mva\.a\..*: 8"):
        parse(toy_configuration(mva={"a": deep, "b": {**deep, "objects": other}}))


def test_what_makes_another_network_of_it() -> None:
    """Keys that concern steps which read networks, and those without a mark; not the samples."""
    common = {"classes": ["w", "t"], "features": ["met"], "calibration": None}
    deep = Deep.model_validate(SETTINGS | {"type": "deep", "epochs": 3, "dropout": 0.3})
    assert deep.architecture() == {**common, "type": "deep", "depth": 3, "ensemble": 1}
    perceptron = PerceptronSettings.model_validate(SETTINGS | {"batch": 7, "hidden": [4]})
    own = {"type": "perceptron", "hidden": [4], "activation": "relu", "transforms": {}}
    assert perceptron.architecture() == {**common, **own, "ensemble": 1}


def test_the_schema_knows_zeniths_own_types_and_lets_others_pass() -> None:
    whole = json.loads(schema())
    validator = Draft202012Validator({"$defs": whole["$defs"], **whole["properties"]["mva"]})
    assert validator.is_valid({"net": SETTINGS | {"hidden": [3]}})
    assert validator.is_valid({"net": SETTINGS | {"type": "deep", "depth": 5}})
    for wrong in ({"hiden": [3]}, {"type": "perceptron", "depth": 5}, {"epochs": 0}):
        assert not validator.is_valid({"net": SETTINGS | wrong})


def test_boosted_trees_have_keys_of_their_own(toy_configuration: Any) -> None:
    found = analysis(toy_configuration, type="boosted_trees", trees=7, threads=2)
    net = found.mva["net"]
    assert (net.framework, net.fine_tune, net.rounds, net.round_name) == (
        "lightgbm", False, 7, "tree",
    )  # fmt: skip
    assert parse(parse_yaml(dump(found), "dump")) == found
    common = {"classes": ["w", "t"], "features": ["met"], "type": "boosted_trees"}
    calibration = {"type": "vector", "share": 1.0}
    assert net.architecture() == {**common, "trees": 7, "leaves": 31, "calibration": calibration}
    for wrong, message in (
        ({"fine_tune": True}, r"mva\.net\.fine_tune: .*trees have no gradient .*use false"),
        ({"epochs": 3}, r"mva\.net\.epochs: unknown key"),
        ({"framework": "jax"}, r"mva\.net\.framework: .*lightgbm"),
    ):
        with pytest.raises(ConfigError, match=message):
            analysis(toy_configuration, type="boosted_trees", **wrong)


def test_the_shipped_analyses_have_the_types_they_name() -> None:
    default, opendata = load("config/zprime.yaml").mva, load("config/cms-opendata-2016.yaml").mva
    assert type(default["processes"]) is BoostedTreesSettings
    others = [default["wjets_vs_ttbar"], *opendata.values()]
    assert {type(mva) for mva in others} == {PerceptronSettings}


@pytest.mark.parametrize(
    ("settings", "fields", "message"),
    [
        (
            {"type": "graph_network"},
            ["pt", "eta"],
            r"objects\.jets\.fields: phi is missing; a netw",
        ),
        (
            {"type": "masked_transformer", "pair_bias": True},
            ["eta", "phi"],
            r"objects\.jets\.fields: pt is missing, which pair_bias is made of",
        ),
    ],
)
def test_fields_that_a_type_asks_for(
    settings: dict[str, Any], fields: list[str], message: str
) -> None:
    objects = {"jets": {"leading": 4, "fields": fields}}
    model = NETWORKS.load(settings["type"])
    with pytest.raises(ValueError, match=message):
        model.model_validate(SETTINGS | settings | {"objects": objects})
    whole = {"jets": {"leading": 4, "fields": ["pt", "eta", "phi"]}}
    assert model.model_validate(SETTINGS | settings | {"objects": whole})
