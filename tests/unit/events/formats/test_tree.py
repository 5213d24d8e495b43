"""Any ROOT tree: its folder, its counters, and the sum of weights of all generated events."""

from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from zenith.errors import InputError
from zenith.events.formats.tree import TreeFormat


@pytest.fixture(scope="module")
def ntuple(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tree") / "n.root"
    with uproot.recreate(path) as file:
        tree = file.mktree("in/mini", {"njet": "int32", "w": "float64", "jet_pt": "var * float32"})
        tree.extend(
            {"njet": np.array([2, 0]), "w": np.ones(2), "jet_pt": ak.Array([[1.0, 2.0], []])}
        )
        sums = file.mktree("sums", {"total": "float64", "k": "int32", "l": "var * float32"})
        sums.extend(
            {"total": np.array([2.0, 3.0]), "k": np.array([1, 10]), "l": ak.Array([[], []])}
        )
        file["h"] = (np.array([10.0, 20.0, 30.0]), np.array([0.0, 1.0, 2.0, 3.0]))
        file["h2"] = np.histogram2d([0.5], [0.5], bins=2)
    return str(path)


def opened(path: str, **keys: Any) -> Any:
    settings = {"type": "tree", "tree": "in/mini", "fields": {"n": "njet"}, **keys}
    return TreeFormat.model_validate(settings).open(path, simulation=True)


def test_a_tree_in_a_folder_with_a_number_that_looks_like_a_counter(ntuple: str) -> None:
    with opened(ntuple, objects={"Jet": {"pt": "jet_pt"}}) as file:
        assert file.events.read(["n", "Jet_pt"])["n"].to_list() == [2, 0]
        assert file.runs() is None


@pytest.mark.parametrize(
    ("where", "total"),
    [
        ({"histogram": "h"}, 10.0),
        ({"histogram": "h", "bin": 3}, 30.0),
        ({"histogram": "h", "bin": 0}, 0.0),
        ({"tree": "sums", "branch": "total"}, 5.0),
        ({"tree": "sums", "branch": "total * k * 0.5"}, 16.0),
    ],
)
def test_the_sum_of_weights(ntuple: str, where: dict[str, Any], total: float) -> None:
    with opened(ntuple, sum_of_weights=where) as file:
        runs = file.runs().numbers(["run", "genEventSumw", "genEventCount"])
    assert runs["genEventSumw"].tolist() == [total]
    assert np.isnan(runs["genEventCount"]).all()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"tree": "mini"}, r"no tree mini, which format\.tree names \(there is in, in/mini, sums"),
        ({"tree": "h"}, r"h is a .*, neither a TTree nor an RNTuple"),
        ({"fields": {"x": "jet_p"}}, r"there is no column jet_p, .* \(there is jet_pt"),
        ({"sum_of_weights": {"histogram": "g"}}, r"no histogram g, which format\.sum_of_weights"),
        ({"sum_of_weights": {"histogram": "sums"}}, r"sums, which format.* names, is no histogram"),
        (
            {"sum_of_weights": {"histogram": "h", "bin": 9}},
            r"histogram h, of shape \(5,\) .*has no bin 9",
        ),
        ({"sum_of_weights": {"histogram": "h2"}}, r"histogram h2, of shape \(4, 4\)"),
        ({"sum_of_weights": {"tree": "s", "branch": "x"}}, r"no tree s, which format\.sum_of_we"),
        (
            {"sum_of_weights": {"tree": "sums", "branch": "x"}},
            r"sums has no branch x of one number",
        ),
        (
            {"sum_of_weights": {"tree": "sums", "branch": "l"}},
            r"sums has no branch l of one number",
        ),
    ],
)
def test_what_the_file_lacks(ntuple: str, keys: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=rf"n\.root: {message}"), opened(ntuple, **keys) as file:
        file.runs()
