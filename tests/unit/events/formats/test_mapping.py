"""Maps of columns: products, missing values, identity, and what is said of mistakes."""

import json
import re
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import yaml
from jsonschema import Draft202012Validator

from zenith.config import parse
from zenith.config.merging import merge
from zenith.config.schema import schema
from zenith.errors import ConfigError, InputError
from zenith.events.formats.mapped import Mapped
from zenith.events.formats.mapping import Product
from zenith.events.formats.protocol import InMemory
from zenith.events.formats.table import TableFormat
from zenith.events.formats.tree import TreeFormat
from zenith.events.objects import select

NAN = float("nan")


def mapped(arrays: dict[str, Any], *, simulation: bool = True, **keys: Any) -> Mapped:
    """What a map makes of arrays, as those of a tree, or of a table if values may be missing."""
    kind = TableFormat if keys.pop("optional", False) else TreeFormat
    settings = {"type": "tree", "tree": "t"} if kind is TreeFormat else {"type": "table"}
    return Mapped(
        InMemory("f", arrays), kind.model_validate(settings | keys), simulation=simulation
    )


def read(tree: Mapped, *names: str) -> list[Any]:
    return [array.to_list() for array in tree.read(names).values()]


@pytest.mark.parametrize(
    ("text", "names", "factor"),
    [
        ("pt", ("pt",), None),
        (" lep.pt*0.001 ", ("lep.pt",), 0.001),
        ("1e-3 * a * b * -2", ("a", "b"), -0.002),
        ("0.106", (), 0.106),
        ("2nd", ("2nd",), None),
        ("a/b", ("a/b",), None),
    ],
)
def test_a_product(text: str, names: tuple[str, ...], factor: float | None) -> None:
    assert Product.of(text) == (names, pytest.approx(factor) if factor else factor)


def test_numbers_lists_and_products_of_both() -> None:
    tree = mapped(
        {
            "x": np.array([1, 2, 3], np.int32),
            "scale": np.array([2.0, 3.0, 4.0], np.float32),
            "pt": ak.values_astype(ak.Array([[1.0, 2.0], [], [5.0]]), "float32"),
            "id": ak.values_astype(ak.Array([[1, 2], [], [3]]), "int16"),
            "fired": np.array([True, False, True]),
        },
        objects={"L": {"pt": "pt * 0.5 * scale", "mass": 0.1, "id": "id"}, "M": {"pt": "scale"}},
        fields={"n": "x", "twice": "2 * x", "HLT": "fired", "weights": "id"},
        weight="scale * x",
    )
    assert read(tree, "L_pt", "L_mass", "L_id") == [
        [[1.0, 2.0], [], [10.0]],
        [[0.1, 0.1], [], [0.1]],
        [[1, 2], [], [3]],
    ]
    assert read(tree, "M_pt", "n", "twice", "genWeight") == [
        [2.0, 3.0, 4.0],
        [1, 2, 3],
        [2.0, 4.0, 6.0],
        [2.0, 6.0, 12.0],
    ]
    assert read(tree, "run", "luminosityBlock", "event") == [[1, 1, 1], [1, 1, 1], [0, 1, 2]]
    kinds = {name: (b.numbers, b.collection, b.field) for name, b in tree.branches.items()}
    assert kinds["L_pt"] == (np.dtype("float32"), "L", "pt")
    assert kinds["L_id"] == (np.dtype("int16"), "L", "id")
    assert kinds["weights"] == (np.dtype("int16"), "weights", "")
    assert kinds["n"] == (np.dtype("int32"), None, "")
    assert kinds["HLT"][0] == np.dtype(bool)
    assert kinds["event"][0] == np.dtype("int64")
    for name, array in tree.read(tree.branches).items():  # as it is announced, from any entry on
        assert ak.to_numpy(ak.flatten(array, axis=None)).dtype == kinds[name][0]
        assert tree.read([name], 1, 3)[name].to_list() == array[1:].to_list()


def test_data_have_neither_weight_nor_simulated_fields() -> None:
    settings = {"simulation_fields": {"truth": "mu"}, "weight": "w", "fields": {"x": "x"}}
    tree = mapped({"x": np.ones(2)}, simulation=False, **settings)
    assert list(tree.branches) == ["run", "luminosityBlock", "event", "x"]
    with pytest.raises(InputError, match=r"f: there is no column w, which format\.weight names"):
        mapped({"x": np.ones(2)}, simulation=True, **settings)


def test_energy_is_made_a_mass() -> None:
    pt, eta, mass = np.array([30.0, 40.0, 50.0]), np.array([0.3, -1.8, 2.2]), [0.1, 5.0, 0.0]
    energy = np.sqrt((pt * np.cosh(eta)) ** 2 + np.square(mass))
    parts = {"p": pt, "e": eta, "E": energy, "f": np.zeros(3)}
    lists = {name: ak.unflatten(values, [1, 0, 2]) for name, values in parts.items()}
    objects = {"J": {"pt": "p", "eta": "e", "phi": "f", "energy": "E"}}
    tree = mapped(lists, objects=objects)
    assert [name for name in tree.branches if name.startswith("J")] == [
        "J_pt",
        "J_eta",
        "J_phi",
        "J_mass",
    ]
    (found,) = tree.read(["J_mass"]).values()
    np.testing.assert_allclose(ak.flatten(found), mass, atol=1e-6)
    lists["E"] = lists["E"] * 0.5  # smaller than the momentum
    (found,) = mapped(lists, objects=objects).read(["J_mass"]).values()
    assert ak.flatten(found).to_list() == [0.0, 0.0, 0.0]


def test_objects_without_pt_are_left_out_where_values_may_be_missing() -> None:
    padded = np.array([[30.0, -999.9], [-999.9, -999.9], [20.0, 10.0]], np.float32)
    objects = {"L": {"eta": "eta", "pt": "pt", "mass": 0.1}}
    lists = {"pt": ak.from_regular(ak.Array(padded)), "eta": ak.from_regular(ak.Array(padded / 10))}
    tree = mapped(lists, objects=objects, missing=[-999.9])
    assert [len(pt) for pt in read(tree, "L_pt")[0]] == [1, 0, 2]
    assert ak.flatten(tree.read(["L_eta"])["L_eta"]).to_list() == [3.0, 2.0, 1.0]
    assert ak.num(tree.read(["L_mass"])["L_mass"]).to_list() == [1, 0, 2]
    columns = {"pt0": padded[:, 0], "pt1": padded[:, 1], "e0": padded[:, 0], "e1": padded[:, 1]}
    slots = {"L": {"pt": ["pt0", "pt1"], "eta": ["e0", "2 * e1"], "mass": [0.1, 0.2]}}
    tree = mapped(columns, objects=slots, missing=[-999.9])
    assert read(tree, "L_eta", "L_mass") == [[[30.0], [], [20.0, 20.0]], [[0.1], [], [0.1, 0.2]]]
    # nothing is missing unless the configuration says so
    assert ak.num(mapped(columns, objects=slots).read(["L_pt"])["L_pt"]).to_list() == [2, 2, 2]
    columns["pt0"] = np.array([30.0, NAN, 20.0])
    tree = mapped(columns, objects=slots, optional=True)  # a table
    assert ak.num(tree.read(["L_pt"])["L_pt"]).to_list() == [2, 1, 2]


def test_objects_that_are_not_valid_are_left_out() -> None:
    valid = np.array([[True, False], [False, False], [True, True]])
    lists = {
        "pt": ak.from_regular(ak.Array(np.arange(6.0).reshape(3, 2))),
        "valid": ak.from_regular(ak.Array(valid)),
    }
    tree = mapped(lists, objects={"L": {"mass": 0.1, "pt": "2 * pt", "valid": "valid"}})
    assert [name for name in tree.branches if name.startswith("L")] == ["L_mass", "L_pt"]
    assert read(tree, "L_pt", "L_mass") == [[[0.0], [], [8.0, 10.0]], [[0.1], [], [0.1, 0.1]]]


def test_numbers_that_are_missing_are_none_for_observables() -> None:
    columns = {"m": np.array([91, -999, 80]), "flag": np.array([True, False, True])}
    tree = mapped(columns, fields={"m": "m", "HLT": "flag"}, missing=[-999])
    assert tree.branches["m"].numbers == np.dtype("float64")
    assert tree.branches["HLT"].numbers == np.dtype(bool)
    events = tree.events(tree.read(tree.branches))
    analysis = parse(CONFIG | {"objects": {}, "met": None, "skim": {"cuts": []}})
    for chosen, expected in (
        (events, [91.0, None, 80.0]),
        (events.choose(np.array([False, True, True])), [None, 80.0]),
    ):
        event = select(chosen, analysis).event
        assert event.m.to_list() == expected
        assert select(event, analysis).event.m.to_list() == expected  # there and back


def test_identity_is_of_whole_numbers() -> None:
    numbers = {"run": np.array([1.0, 2.0]), "event": np.array([7, 2**60 + 1], np.uint64)}
    tree = mapped(numbers, run="run", event="event", missing=[7])
    assert read(tree, "run", "event") == [[1, 2], [7, 2**60 + 1]]
    for wrong in (1.5, NAN):
        tree = mapped({"run": np.array([1.0, wrong])}, run="run", event="run")
        with pytest.raises(InputError, match=r"f: format\.run: run is .* in entry 1, not a whole"):
            tree.read(["run"])


LISTS = {"a": ak.Array([[1.0], []]), "b": ak.Array([[1.0], [2.0]]), "x": np.ones(2)}


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        (
            {"pt": "c"},
            r"f: there is no column c, which format\.objects\.L\.pt names \(there is a, b, x",
        ),
        ({"pt": "a", "eta": "x"}, r"objects\.L\.eta: x has other lists in its events than a of L"),
        ({"pt": "x", "eta": "a"}, r"objects\.L\.eta: a has other lists in its events than x of L"),
        ({"pt": ["a", "x"]}, r"column a, which format\.objects\.L\.pt names, holds lists"),
        ({"pt": "word"}, r"column word, which format\.objects\.L\.pt names, is string"),
    ],
)
def test_a_column_that_does_not_fit(objects: dict[str, Any], message: str) -> None:
    arrays = LISTS | {"word": ak.Array(["a", "b"])}
    with pytest.raises(InputError, match=message):
        mapped(arrays, objects={"L": objects}).branches  # noqa: B018


def test_one_entry_of_a_list() -> None:
    lists = {
        "w": ak.Array([[2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0]]),
        "k": ak.Array([[1], [2, 9], [3]]),
        "x": np.array([1.0, 10.0, 100.0]),
        "x[0]": np.array([5.0, 6.0, 7.0]),  # a name that only looks like an entry
    }
    objects = {"L": {"pt": ["w[0]", "w[1]"]}}
    tree = mapped(lists, weight="w[1] * x", run="k[0]", fields={"y": "x[0]"}, objects=objects)
    assert read(tree, "genWeight", "run", "y") == [[3.0, 50.0, 800.0], [1, 2, 3], [5.0, 6.0, 7.0]]
    assert read(tree, "L_pt") == [[[2.0, 3.0], [4.0, 5.0], [7.0, 8.0]]]
    assert tree.read(["genWeight"], 1, 2)["genWeight"].to_list() == [50.0]
    with pytest.raises(InputError, match=r"f: format\.weight: w\[2\]: only 2 entries in an event"):
        mapped(lists, weight="w[2]").read(["genWeight"])
    for weight, message in (
        ("w", r"column w, which format\.weight names, holds lists, .*name one entry, w\[0\]"),
        ("x[1]", r"column x, of which format\.weight names an entry, holds one number"),
        ("v[0]", r"there is no column v, which format\.weight names"),
    ):
        with pytest.raises(InputError, match=message):
            mapped(lists, weight=weight)


def test_lists_of_other_lengths() -> None:
    tree = mapped(LISTS, objects={"L": {"pt": "a", "eta": "b"}})
    with pytest.raises(InputError, match=r"f: format\.objects\.L\.eta: b has other lists"):
        tree.read(["L_eta"])
    tree = mapped(LISTS, objects={"L": {"pt": "a * b"}})
    with pytest.raises(InputError, match=r"f: format\.objects\.L\.pt: a \* b: lists of different"):
        tree.read(["L_pt"])


CONFIG: dict[str, Any] = {
    "name": "own",
    "module": "zenith.templates.analysis",
    "eras": {"a": {"luminosity": 1.0}},
    "processes": {
        "s": {"role": "signal", "label": "S"},
        "b": {"role": "background", "label": "B"},
        "d": {"role": "data", "label": "D"},
    },
    "samples": {
        "mc": {"process": "s", "era": "a", "cross_section": 1, "files": ["x"]},
        "obs": {"process": "d", "era": "a", "files": ["x"]},
    },
    "format": {
        "type": "tree",
        "tree": "mini",
        "objects": {
            "Lepton": {"pt": "p", "eta": "e", "phi": "f", "energy": "E", "type": "t"},
            "MET": {"pt": "m", "phi": "mf"},
        },
        "fields": {"HLT": "trig"},
        "simulation_fields": {"mu": "mu"},
    },
    "skim": {"trigger": ["HLT"]},
    "objects": {"muon": {"collection": "Lepton", "cuts": ["type == 13"]}},
    "observables": {"met": {"label": "m", "edges": [0, 1]}},
    "regions": {
        "r": {"label": "r", "cuts": ["met > 0"], "fit": {"observable": "met", "edges": [0, 1]}}
    },
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": {"tre": 1}}, r"format\.tre: unknown key; did you mean 'tree'\?"),
        ({"format": {"type": "tee"}}, r"format\.type: unknown 'tee' .*did you mean 'tree'\?"),
        ({"format": {"run": "a * "}}, r"format\.run: 'a \* ' is not a column, or a product"),
        (
            {"format": {"objects": {"MET": {"mass": 1, "energy": 2}}}},
            r"format: .*objects\.MET: give mass or energy",
        ),
        ({"format": {"objects": {"MET": {"energy": 2}}}}, r"objects\.MET: energy needs pt and eta"),
        ({"format": {"objects": {"MET": {"x": ["a", "b"]}}}}, r"objects\.MET: its fields have one"),
        ({"format": {"fields": {"genWeight": "w"}}}, r"fields: 'genWeight' is taken by the ident"),
        ({"format": {"fields": {"MET_pt": "w"}}}, r"fields: 'MET_pt' is taken by objects\.MET"),
        ({"format": {"missing": [True]}}, r"format\.missing\.0: Input should be a valid number"),
        ({"format": {"sum_of_weights": {"tree": "t"}}}, r"sum_of_weights: tree and branch belong"),
        ({"format": {"sum_of_weights": {}}}, r"sum_of_weights: give exactly one of histogram and"),
        ({"format": None}, r"skim\.branches: missing"),
        (
            {"objects": {"muon": {"collection": "Muon"}}},
            r"objects\.muon\.collection, format\.objects: 'Muon' is not defined; there is Lepton",
        ),
        ({"objects": {"muon": {"cuts": ["iso"]}}}, r"objects\.muon\.cuts, .*'iso' is not defined"),
        ({"objects": {"muon": {"aliases": {"x": "y"}}}}, r"muon\.aliases\.x, .*'y' is not defined"),
        ({"met": "PuppiMET"}, r"met \(null: there is none\), format\.objects: 'PuppiMET' is not"),
        ({"skim": {"trigger": ["HLT_e"]}}, r"skim\.trigger, format\.fields: 'HLT_e' is not def"),
        ({"eras": {"a": {"event_flags": ["mu"]}}}, r"event_flags, format\.fields: 'mu' is not"),
        ({"samples": {"obs": {"veto": ["e"]}}}, r"samples\.obs\.veto, format\.fields: 'e' is not"),
        ({"eras": {"a": {"golden_json": "g"}}}, r"format\.run: missing, but golden_json"),
        (
            {"samples": {"obs": {"format": {"type": "table"}}}},
            r"samples\.obs\.format\.objects: 'Lepton' is not defined",
        ),
    ],
)
def test_a_mistake_in_a_map_is_told_at_once(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as told:
        parse(merge(CONFIG, change))
    assert len(str(told.value).splitlines()) == 1


def test_a_map_survives_its_dump(tmp_path: Path) -> None:
    from zenith.config import dump, load

    analysis = parse(CONFIG)
    (tmp_path / "c.yaml").write_text(dump(analysis))
    assert load(tmp_path / "c.yaml") == analysis


def test_the_maps_of_the_documentation_are_valid() -> None:
    page = Path("docs/howto/own-ntuples.md").read_text(encoding="utf-8")
    shown = [
        yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", page, re.M | re.S)
    ]
    assert [block["format"]["type"] for block in shown] == ["tree", "table", "table", "table"]
    base = {key: value for key, value in CONFIG.items() if key not in ("format", "objects", "skim")}
    for block in shown:
        parse(merge(base, block))


def test_the_schema_tells_maps_from_mistakes() -> None:
    whole = json.loads(schema())
    validator = Draft202012Validator({"$defs": whole["$defs"], **whole["properties"]["format"]})
    given = CONFIG["format"]
    for right in (None, {}, given, given | {"sum_of_weights": {"histogram": "h"}}, {"type": "x"}):
        assert validator.is_valid(right), right
    for wrong in ({"missing": ["a"]}, {"type": "table"}, {"type": "nanoaod"}, {"tre": "t"}):
        assert not validator.is_valid(given | wrong), wrong
