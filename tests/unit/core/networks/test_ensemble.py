"""The logit of an ensemble is the mean of those of its members, wherever it is evaluated."""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zenith.config.networks.perceptron import PerceptronSettings
from zenith.core.networks.ensemble import Ensemble
from zenith.training.export import export_onnx
from zenith.training.network_files import load_network, save_network

X = np.random.default_rng(1).normal(50.0, 20.0, (3, 40)).astype(np.float32)


def settings(classes: str) -> PerceptronSettings:
    names = {name: (name,) for name in classes}
    given = {"classes": names, "features": ("a", "b", "c"), "hidden": (6,), "ensemble": 3}
    return PerceptronSettings.model_validate(given | {"transforms": {"a": ["raw", "log"]}})


def ensemble(classes: str) -> Ensemble:
    found = settings(classes).untrained(jax.random.key(2)).scaled_to(X, np.ones(40))
    assert isinstance(found, Ensemble)
    return found


@pytest.mark.parametrize("classes", ["sb", "swt"])
def test_the_mean_of_the_logits(classes: str, tmp_path: Path) -> None:
    net = ensemble(classes)
    each = [np.asarray(member.logits(jnp.asarray(X))) for member in net.each()]
    assert np.std(each, axis=0).min() > 1e-3  # no two members are alike
    odds = np.exp(np.mean(each, axis=0, dtype=np.float64))
    mean = odds / odds.sum(axis=0) if len(odds) > 1 else odds / (1 + odds)
    np.testing.assert_allclose(net.scores(jnp.asarray(X)), mean, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(net.scaled(X), net.each()[1].scaled(X))
    assert net.inputs == (("a", "raw"), ("b", "raw"), ("c", "raw"), ("a", "log"))
    save_network(tmp_path / "n.safetensors", net, settings(classes))
    again = load_network(tmp_path / "n.safetensors", settings(classes))
    assert eqx.tree_equal(again, net)
    onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    export_onnx(tmp_path / "n.onnx", net)
    session = onnxruntime.InferenceSession(tmp_path / "n.onnx")
    found, none = (session.run(["scores"], {"events": rows})[0] for rows in (X.T, X.T[:0]))
    assert none.shape == (0, found.shape[1])
    np.testing.assert_allclose(found.T, mean, atol=1e-5)


def test_outputs_that_are_linear_in_the_logit() -> None:
    net = ensemble("sb")
    slopes, offsets = np.array([[-1.0], [0.5], [2.0]]), np.array([0.3, 0.0, -0.7])
    found = net.combined(slopes, offsets, ("x", "y", "z")).logits(jnp.asarray(X))
    expected = slopes * np.asarray(net.logits(jnp.asarray(X)), np.float64) + offsets[:, None]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_logits_that_are_sure_stay_finite() -> None:
    net = ensemble("sb")
    arrays = {name: array * 1e3 for name, array in net.to_arrays().items()}
    far = net.with_arrays(net.to_arrays() | {"members.weights.1": arrays["members.weights.1"]})
    logits = far.logits(jnp.asarray(X))
    assert np.abs(logits).max() > 100.0
    assert np.isfinite(logits).all()
    gradient = jax.grad(lambda network: network.logits(jnp.asarray(X)).sum())(far)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
