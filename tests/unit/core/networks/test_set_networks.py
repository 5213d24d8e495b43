"""Networks on objects: order, padding and packing change nothing; gradients; ONNX."""

from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zenith.config.networks.sets import SetSettings
from zenith.config.networks.settings import NETWORKS
from zenith.core.networks.fusion import KINDS
from zenith.core.networks.network import Objects
from zenith.core.networks.set_network import SetNetwork
from zenith.core.networks.tokens import PackedObjects
from zenith.training.examples import Examples
from zenith.training.export import export_onnx

EVENTS, MOST = 7, 4
FIELDS = ("pt", "eta", "phi", "mass")
TYPES = {
    "masked_transformer": {"pair_bias": True, "fusion": "gate"},
    "deep_sets": {"fusion": "sum", "activation": "silu"},
    "set_transformer": {"seeds": 2, "fusion": "attention"},
    "graph_network": {"neighbours": 2},
    "residual": {"blocks": 1, "activation": "tanh"},
    "feature_transformer": {"blocks": 1},
}
NOT_LEARNED = ("scaling", "sums_", "typical", "pairs.mean", "pairs.scale")


def settings(kind: str, **changes: Any) -> SetSettings:
    given = {
        "type": kind,
        "classes": {c: (c,) for c in "abc"},
        "features": ("met", "tag", "flavour"),
        "missing": ("tag",),
        "categories": {"flavour": (0, 5)},
        "objects": {
            "jets": {"fields": FIELDS, "leading": MOST, "transforms": {"pt": ("log", "raw")}},
            "taus": {"fields": ("eta", "pt", "phi"), "leading": 2, "scalers": {"pt": "robust"}},
        },
        "width": 4,
        "layers": 1,
        "heads": 2,
        "head": (3,),
    }
    found = NETWORKS.load(kind).model_validate(given | TYPES.get(kind, {}) | changes)
    assert isinstance(found, SetSettings)
    return found


def examples(events: int = EVENTS, seed: int = 2) -> Examples:
    """Events with 0 to 4 jets and 0 to 2 taus; the first has neither."""
    random = np.random.default_rng(seed)
    objects = {}
    for name, most in (("jets", MOST), ("taus", 2)):
        shape = (most, events)
        valid = np.arange(most)[:, None] < random.integers(0, most + 1, events)
        valid[:, 0], valid[:, 1] = False, True
        fields = {
            "pt": random.gamma(2.0, 20.0, shape),
            "eta": random.normal(0.0, 1.5, shape),
            "phi": random.uniform(-np.pi, np.pi, shape),
            "mass": random.gamma(2.0, 8.0, shape),
        }
        order = FIELDS if name == "jets" else ("eta", "pt", "phi")
        objects[name] = Objects(np.stack([fields[f] for f in order]).astype(np.float32), valid)
    x = [random.gamma(2.0, 50.0, events), random.normal(size=events), np.arange(events) % 3 * 2.5]
    x = np.stack(x)
    x[1, ::3] = np.nan
    label = (np.arange(events) % 3).astype(np.int32)
    return Examples(x.astype(np.float32), label, random.exponential(1.0, events), objects)


def network(mva: SetSettings, events: Examples) -> SetNetwork:
    key = jax.random.key(1)
    drawn = jax.jit(mva.create)(key)
    spread = {  # biases are 0 at the start, where a ReLU has no derivative, and gains 1
        name: a + 0.1 * np.sin(1.0 + np.arange(a.size)).reshape(a.shape)
        for name, a in drawn.to_arrays().items()
    }
    return drawn.with_arrays(spread).scaled_to(events.x, events.weight, events.objects)


def in_double(tree: Any) -> Any:
    return jax.tree.map(lambda a: a.astype(np.float64) if a.dtype == np.float32 else a, tree)


def moved(objects: dict[str, Objects], order: np.ndarray, padding: float) -> dict[str, Objects]:
    """With more padding, of these values, the slots in another order in each event."""
    found = {}
    for name, (values, valid) in objects.items():
        more = MOST + 2 - len(valid)
        valid = np.take_along_axis(np.pad(valid, [(0, more), (0, 0)]), order, axis=0)
        values = np.pad(values, [(0, 0), (0, more), (0, 0)])
        values = np.take_along_axis(values, order[None], axis=1)
        found[name] = Objects(np.where(valid, values, padding), valid)
    return found


@eqx.filter_jit
def logits(net: SetNetwork, x: jax.Array, objects: Any) -> jax.Array:
    return net.logits(x, objects)


@eqx.filter_jit
def value_and_gradient(net: SetNetwork, x: jax.Array, objects: Any) -> Any:
    def total(net: SetNetwork) -> tuple[jax.Array, jax.Array]:
        z = net.logits(x, objects)
        return (z * jnp.arange(1.0, z.size + 1).reshape(z.shape)).sum(), z

    return jax.grad(total, has_aux=True)(net)


@pytest.mark.parametrize("kind", TYPES)
def test_order_padding_and_layout_change_nothing(kind: str, tmp_path: Path) -> None:
    events = examples()
    net = network(settings(kind), events)
    double, x = in_double(net), jnp.asarray(events.x, float)
    objects = in_double(dict(events.objects))
    random = np.random.default_rng(3)
    as_it_is = np.tile(np.arange(MOST + 2)[:, None], EVENTS)
    shuffled = random.permuted(as_it_is, axis=0)
    found = np.asarray(logits(double, x, moved(objects, as_it_is, 0.0)))
    assert np.isfinite(found).all()
    assert found.std(axis=1).min() > 1e-3
    for order, padding in ((as_it_is, np.nan), (shuffled, np.inf)):
        other = logits(double, x, moved(objects, order, padding))
        np.testing.assert_allclose(other, found, rtol=1e-9, atol=1e-9)
    # packed, with places left over, and NaN where nothing is valid
    packed = {
        name: PackedObjects.of(
            Objects(jnp.where(valid, values, np.nan), jnp.asarray(valid)), int(valid.sum()) + 3
        )
        for name, (values, valid) in objects.items()
    }
    gradient, of_packed = value_and_gradient(double, x, packed)
    np.testing.assert_allclose(of_packed, found, rtol=1e-9, atol=1e-9)
    # its gradient is the difference of padded logits
    arrays = gradient.to_arrays()
    step = {}
    for name, g in arrays.items():
        assert np.isfinite(g).all(), name
        fixed = any(part in name for part in NOT_LEARNED)
        assert g.any() != fixed, name
        step[name] = np.zeros(g.shape) if fixed else random.normal(size=g.shape)

    def along(size: float) -> float:
        leaves = [a + size * d for a, d in zip(jax.tree.leaves(double), step.values(), strict=True)]
        there = jax.tree.unflatten(jax.tree.structure(double), leaves)
        z = np.asarray(logits(there, x, moved(objects, as_it_is, 0.0)))
        return float((z * np.arange(1.0, z.size + 1).reshape(z.shape)).sum())

    difference = (along(1e-6) - along(-1e-6)) / 2e-6
    slope = sum((arrays[name] * step[name]).sum() for name in arrays)
    assert difference == pytest.approx(slope, rel=2e-5, abs=1e-4)
    # ONNX in float32, of all events, of the first by itself, which has no objects, and of none
    onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    export_onnx(tmp_path / "network.onnx", net)
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx")
    expected = np.exp(found) / np.exp(found).sum(axis=0)
    for some in (EVENTS, 1, 0):
        fed: dict[str, Any] = {"events": events.x.T[:some]}
        for name, (values, valid) in events.objects.items():
            values = np.where(valid, values, np.nan).T[:some]
            fed |= {name: values, f"{name}_valid": np.asarray(valid).T[:some]}
        (scores,) = session.run(["scores"], fed)
        assert scores.shape == (some, 3)
        np.testing.assert_allclose(scores, expected.T[:some], atol=1e-5)
    none = []  # places for objects, and objects in them, are the same
    for places in (0, 2):
        fed = {"events": events.x.T}
        for name, (values, valid) in events.objects.items():
            fed |= {name: np.zeros_like(values.T[:, :places])}
            fed |= {f"{name}_valid": np.zeros_like(np.asarray(valid).T[:, :places])}
        none.append(session.run(["scores"], fed)[0])
    np.testing.assert_allclose(none[0], none[1], atol=1e-6)


@pytest.mark.parametrize("fusion", KINDS)
def test_the_number_and_the_sum_reach_the_head(fusion: Any) -> None:
    """Whatever the fusion, and the pooling: by attention alone nothing can be counted."""
    events = examples()
    net = network(settings("set_transformer", fusion=fusion), events)
    embedding = np.asarray(net.embedding(jnp.asarray(events.x), events.objects))
    rows = []
    for name, k in (("jets", 0), ("taus", 1)):
        values, valid = events.objects[name]
        rows += [valid.sum(axis=0), (values[k] * valid).sum(axis=0)]
    of_all = np.array(rows, float)
    mean = np.average(of_all, axis=1, weights=events.weight)[:, None]
    deviation = np.sqrt(np.average((of_all - mean) ** 2, axis=1, weights=events.weight))[:, None]
    np.testing.assert_allclose(embedding[-4:], (of_all - mean) / deviation, rtol=1e-4, atol=1e-5)


def test_other_outputs_are_of_the_last_layer() -> None:
    events = examples()
    net = network(settings("deep_sets"), events)
    matrix, offsets = np.random.default_rng(5).normal(size=(2, 3)), np.array([1.0, -2.0])
    inputs = jnp.asarray(events.x), events.objects
    expected = matrix @ np.asarray(net.logits(*inputs)) + offsets[:, None]
    other = net.combined(matrix, offsets, ("x", "y"))
    np.testing.assert_allclose(other.logits(*inputs), expected, rtol=1e-4, atol=1e-4)


def test_an_input_that_is_not_read_is_absent(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
    events = examples()
    alone = settings("deep_sets", features=(), missing=(), categories={})
    for mva, expected in (
        (alone, {"jets", "jets_valid", "taus", "taus_valid"}),
        (settings("residual", objects={}), {"events"}),
    ):
        x = events.x if mva.features else events.x[:0]
        net = network(mva, events._replace(x=x))
        export_onnx(tmp_path / "n.onnx", net, {"name": "n"}, events._replace(x=x))
        model = onnx.load(tmp_path / "n.onnx")
        assert {given.name for given in model.graph.input} == expected
        assert [domain.version for domain in model.opset_import] == [17, 3]
