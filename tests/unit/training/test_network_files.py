"""A network comes back from its file as it was, or not at all."""

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from zenith.artefacts.tensors import read_tensors
from zenith.config.networks.deep_sets import DeepSetsSettings
from zenith.config.networks.perceptron import PerceptronSettings
from zenith.core.networks.perceptron import Perceptron
from zenith.errors import InputError
from zenith.training.network_files import load_network, save_network

FEATURES = ("met", "btag_1", "st")


def network(classes: tuple[str, ...] = (), hidden: tuple[int, ...] = (5, 4)) -> Perceptron:
    mean, scale = np.array([50.0, 0.4, 900.0]), np.array([30.0, 0.2, 400.0])
    return Perceptron.create(
        jax.random.key(3), FEATURES, hidden, classes, "tanh", mean=mean, scale=scale
    )


def configured(classes: tuple[str, ...] = ("w", "t"), **changes: Any) -> PerceptronSettings:
    settings = {"classes": {c: (c,) for c in classes}, "features": FEATURES, "activation": "tanh"}
    return PerceptronSettings.model_validate(settings | {"hidden": (5, 4)} | changes)


@pytest.mark.parametrize("classes", [(), ("w", "t", "signal")])
def test_the_same_scores_after_save_and_load(tmp_path: Path, classes: tuple[str, ...]) -> None:
    before = network(classes)
    save_network(
        tmp_path / "n.safetensors", before, configured(classes or ("w", "t")), {"epoch": 7}
    )
    after = load_network(tmp_path / "n.safetensors")
    x = np.random.default_rng(1).normal(100, 50, (3, 50)).astype(np.float32)
    np.testing.assert_array_equal(before.scores(x), after.scores(x))
    assert (after.features, after.classes, after.activation) == (FEATURES, classes, "tanh")
    assert read_tensors(tmp_path / "n.safetensors").header["metadata"] == {"epoch": 7}
    assert [p.name for p in tmp_path.iterdir()] == ["n.safetensors"]


def test_collections_are_read_in_their_order(tmp_path: Path) -> None:
    """That of the configuration, which need not be alphabetical."""
    objects = {"jet": {"fields": ["pt", "eta", "phi"], "leading": 3}}
    objects["electron"] = {"fields": ["pt"], "leading": 2}
    mva = DeepSetsSettings.model_validate(
        {"type": "deep_sets", "classes": {"a": ["a"], "b": ["b"]}, "objects": objects, "width": 4}
    )
    network = mva.create(jax.random.key(1))
    save_network(tmp_path / "net.safetensors", network, mva)
    found = load_network(tmp_path / "net.safetensors", mva)
    assert list(found.collections) == ["jet", "electron"]
    for name, array in found.to_arrays().items():
        np.testing.assert_array_equal(array, network.to_arrays()[name])


def test_equal_networks_are_equal_files(tmp_path: Path) -> None:
    for name in "ab":
        save_network(tmp_path / name, network(), configured(), {"z": 1, "a": [2]})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden": (5, 8)}, "has hidden 5, 4, the configuration asks for 5, 8;"),
        ({"hidden": (5,)}, "has hidden 5, 4, the configuration asks for 5;"),
        ({"activation": "relu"}, "has activation tanh, the configuration asks for relu"),
        ({"features": ("met", "st", "btag_1")}, "features met, btag_1, st.*asks for met, st,"),
        ({"classes": tuple("wts")}, "classes w, t, the configuration asks for w, t, s"),
        ({"classes": tuple("tw")}, "classes w, t, the configuration asks for t, w"),
    ],
)
def test_a_network_of_another_shape(tmp_path: Path, changes: Any, message: str) -> None:
    path = tmp_path / "n.safetensors"
    save_network(path, network(), configured())
    load_network(path, configured())
    with pytest.raises(InputError, match=rf"n\.safetensors: .*{message}"):
        load_network(path, configured(**changes))


def test_a_file_whose_arrays_do_not_fit_its_header(tmp_path: Path) -> None:
    path = tmp_path / "n.safetensors"
    save_network(path, network(), configured())
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    arrays = load_file(path)
    save_file(arrays | {"weights.0": np.zeros((5, 2), np.float32)}, path, metadata)
    with pytest.raises(InputError, match=r"weights\.0 has shape \(5, 2\) in place of \(5, 3\)"):
        load_network(path)
    save_file(arrays | {"mean": np.full(3, np.nan, np.float32)}, path, metadata)
    with pytest.raises(InputError, match="array mean is not finite"):
        load_network(path)


def with_header(path: Path, **changes: Any) -> None:
    """Write the file again with other entries in what its header says of the network."""
    with safe_open(path, framework="numpy") as file:
        header = json.loads(file.metadata()["zenith"])
    header["network"] |= changes
    save_file(load_file(path), path, {"zenith": json.dumps(header)})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"type": "quadratic"}, r"unknown 'quadratic' \(known: .*perceptron.*; if a package adds"),
        ({"type": 3}, "unknown '3' "),
        ({"hidden": [0]}, "not a network of Zenith .*hidden"),
        ({"classes": ["w"]}, "not a network of Zenith .*classes"),
        ({"depth": 3}, "not a network of Zenith .*depth"),
        ({"hidden": [5]}, "array biases.2 belongs to another network"),
    ],
)
def test_a_header_that_says_something_else(tmp_path: Path, changes: Any, message: str) -> None:
    path = tmp_path / "n.safetensors"
    save_network(path, network(), configured())
    with_header(path)
    load_network(path)
    with_header(path, **changes)
    with pytest.raises(InputError, match=rf"n\.safetensors: .*{message}"):
        load_network(path, configured() if "type" in changes else None)


def test_what_is_no_network(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.*cannot be read.*zenith mva"):
        load_network(tmp_path / "none")
    (tmp_path / "text").write_text("not a network, but longer than a header has to be")
    with pytest.raises(InputError, match=r"text: not a network of Zenith"):
        load_network(tmp_path / "text")
    save_file({"a": np.zeros(3)}, tmp_path / "other")
    with pytest.raises(InputError, match=r"other: not a network of Zenith"):
        load_network(tmp_path / "other")
    for header in ("[]", "{}", '{"network": 3}', '{"network": {"type": "perceptron"}}'):
        save_file({"a": np.zeros(3)}, tmp_path / "header", {"zenith": header})
        with pytest.raises(InputError, match=r"header: not a network of Zenith .* `zenith mva`"):
            load_network(tmp_path / "header")
