"""The protocol of networks: on events and objects, with arrays by name, into ONNX."""

from collections.abc import Mapping
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zenith.core.networks.network import Network, Objects, mean_and_deviation
from zenith.core.selection.layout import prepare
from zenith.core.selection.samples import Sample
from zenith.errors import InputError
from zenith.training.export import export_onnx
from zenith.training.scores import scores


class Sums(Network):
    """Logits linear in the features and in the sums over the jets that are valid."""

    features: tuple[str, ...] = eqx.field(static=True)
    classes: tuple[str, ...] = eqx.field(static=True)
    of_events: jax.Array  # (outputs, features)
    of_jets: jax.Array  # (outputs, fields)

    @property
    def collections(self):
        return {"jets": ("pt", "eta")}

    def logits(self, events: jax.Array, objects: Mapping[str, Objects] = {}) -> jax.Array:
        jets = objects["jets"]
        sums = jnp.where(jets.valid, jets.values, 0.0).sum(axis=1)
        return self.of_events @ events + self.of_jets @ sums

    def onnx(self, graph, events, objects):
        values, valid = objects["jets"]
        axis = graph.node("Constant", value_ints=[2])
        valid = graph.node("Unsqueeze", valid, axis)
        values = graph.node("Where", valid, values, graph.constant(0.0))
        sums = graph.node("ReduceSum", values, graph.node("Constant", value_ints=[1]), keepdims=0)
        of_jets = graph.node("MatMul", sums, graph.constant(np.asarray(self.of_jets).T))
        of_events = graph.node("MatMul", events, graph.constant(np.asarray(self.of_events).T))
        return graph.node("Add", of_events, of_jets)


def network(classes: tuple[str, ...] = ()) -> Sums:
    random = np.random.default_rng(1)
    shape = (len(classes) or 1, 2)
    arrays = [jnp.asarray(random.normal(size=shape), jnp.float32) for _ in range(2)]
    return Sums(("met", "st"), classes, *arrays)


def inputs(events: int = 7, most: int = 4) -> tuple[np.ndarray, Mapping[str, Objects]]:
    """Events with 0 to `most` jets each; the padding is NaN."""
    random = np.random.default_rng(2)
    valid = np.arange(most)[:, None] < random.integers(0, most + 1, events)
    valid[:, 0] = False
    jets = np.where(valid, random.normal(size=(2, most, events)), np.nan).astype(np.float32)
    return random.normal(size=(2, events)).astype(np.float32), {"jets": Objects(jets, valid)}


@pytest.mark.parametrize("classes", [(), ("signal", "top", "wjets")])
def test_scores_of_events_and_objects(classes: tuple[str, ...]) -> None:
    net, (x, objects) = network(classes), inputs()
    sums = np.nansum(objects["jets"].values, axis=1)
    logits = np.asarray(net.of_events) @ x + np.asarray(net.of_jets) @ sums
    expected = np.exp(logits) / np.exp(logits).sum(axis=0) if classes else 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(net.scores(x, objects), expected, rtol=1e-5)
    names = tuple(f"net:{c}" for c in classes) or ("net",)
    assert net.observables("net") == names


@pytest.mark.parametrize("classes", [(), ("signal", "top", "wjets")])
def test_collections_are_inputs_of_the_onnx_file(classes: tuple[str, ...], tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    net = network(classes)
    export_onnx(tmp_path / "network.onnx", net)
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx")
    assert session.get_modelmeta().custom_metadata_map["jets"] == "pt,eta"
    for events, most in ((7, 4), (1, 1)):  # the second has no jet at all
        x, objects = inputs(events, most)
        values, valid = (np.moveaxis(array, -1, 0) for array in objects["jets"])
        fed = {"events": x.T, "jets": np.moveaxis(values, 1, 2), "jets_valid": valid}
        (found,) = session.run(["scores"], fed)
        np.testing.assert_allclose(found, np.asarray(net.scores(x, objects)).T, rtol=1e-5)


def test_arrays_are_named_by_their_place() -> None:
    net = network()
    arrays = net.to_arrays()
    assert list(arrays) == ["of_events", "of_jets"]
    zero = net.with_arrays({name: np.zeros_like(array) for name, array in arrays.items()})
    assert eqx.tree_equal(zero, jax.tree.map(jnp.zeros_like, net))
    with pytest.raises(InputError, match="array of_jets is missing"):
        net.with_arrays({"of_events": arrays["of_events"]})


def test_what_is_no_network_cannot_be_made() -> None:
    class Half(Network):
        features: tuple[str, ...] = eqx.field(static=True)
        classes: tuple[str, ...] = eqx.field(static=True)

    with pytest.raises(TypeError, match="logits"):
        Half(("x",), ())


def test_columns_have_no_objects() -> None:
    message = r"network net: it reads objects \(jets\), of which columns have none"
    with pytest.raises(InputError, match=message):
        scores("net", network(), {"met": np.zeros(3, np.float32), "st": np.zeros(3, np.float32)})
    with pytest.raises(InputError, match=message):
        prepare([], {"net": network()}, {"top": [Sample({}, np.ones(3))]})


def test_mean_and_deviation_are_those_of_the_weighted_events() -> None:
    random = np.random.default_rng(3)
    x, weight = random.normal([[5.0], [1e4]], [[2.0], [1e-1]], (2, 400)), random.exponential(1, 400)
    mean, deviation = mean_and_deviation(x.astype(np.float32), weight)
    covariance = np.cov(x.astype(np.float32).astype(float), aweights=weight, ddof=0)
    np.testing.assert_allclose(mean, np.average(x, axis=1, weights=weight), rtol=1e-6)
    np.testing.assert_allclose(deviation, np.sqrt(covariance.diagonal()), rtol=1e-9)
