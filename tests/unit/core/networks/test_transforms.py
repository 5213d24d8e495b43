"""Transforms of features are their formulas, differentiable, and the same in ONNX."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zenith.core.networks.perceptron import Perceptron
from zenith.core.networks.transforms import inputs, transformed
from zenith.errors import InputError
from zenith.training.export import export_onnx

FEATURES = ("mtt", "btag", "eta")
TRANSFORMS = {"btag": ("logit", "raw"), "mtt": ("log",)}
NAMES = (("btag", "raw"), ("eta", "raw"), ("mtt", "log"), ("btag", "logit"))


def events() -> np.ndarray:
    random = np.random.default_rng(1)
    mtt, tag = random.uniform(400.0, 3000.0, 200), random.uniform(0.0, 1.0, 200)
    tag[:6], mtt[:3] = [0.0, 1.0, 1e-7, 1e-5, 0.99999, 1.0], [-1.0, 0.0, 1e-6]
    return np.stack([mtt, tag, random.normal(size=200)]).astype(np.float32)


def expected(x: np.ndarray) -> np.ndarray:
    mtt, tag, eta = x.astype(float)
    clipped = np.clip(tag, 1e-5, 1.0 - 1e-5)
    return np.stack([tag, eta, np.log(np.maximum(mtt, 1e-5)), np.log(clipped / (1.0 - clipped))])


def network() -> Perceptron:
    net = Perceptron.create(jax.random.key(0), FEATURES, (5,), transform=TRANSFORMS)
    return net.scaled_to(events(), np.ones(200))


def test_formulas_and_their_scaling() -> None:
    x = events()
    chosen = inputs(FEATURES, TRANSFORMS)
    # 1 - 1e-5 has an error of 3e-8 in float32, which is 3e-3 of the distance to 1
    np.testing.assert_allclose(transformed(jnp.asarray(x), chosen), expected(x), atol=4e-3)
    net = network()
    assert net.inputs == NAMES
    z = (expected(x) - expected(x).mean(axis=1)[:, None]) / expected(x).std(axis=1)[:, None]
    np.testing.assert_allclose(net.scaled(x), z, atol=2e-3)
    arrays = net.to_arrays()
    h = np.maximum(arrays["weights.0"] @ z + arrays["biases.0"][:, None], 0.0)
    logits = arrays["weights.1"] @ h + arrays["biases.1"][:, None]
    np.testing.assert_allclose(net.logits(jnp.asarray(x)), logits, atol=5e-3)


def test_without_transforms_features_are_read_as_they_are() -> None:
    x = jnp.asarray(events())
    assert transformed(x, inputs(FEATURES, {})) is x


def test_gradients_are_differences() -> None:
    net = network()
    x = jnp.asarray(events()[:, 20:30], jnp.float64)
    found = jax.grad(lambda x: net.logits(x).sum())(x)
    for row, step in enumerate((1e-3, 1e-6, 1e-5)):
        above, below = (net.logits(x.at[row].add(side * step))[0] for side in (1, -1))
        np.testing.assert_allclose(found[row], (above - below) / (2 * step), rtol=1e-5, atol=1e-9)


def test_onnx_has_them(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    export_onnx(tmp_path / "network.onnx", network())
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx")
    x = events()
    found, none = (session.run(["scores"], {"events": rows})[0] for rows in (x.T, x.T[:0]))
    assert none.shape == (0, 1)
    np.testing.assert_allclose(found.T, network().scores(jnp.asarray(x)), atol=1e-5)


def test_a_transform_that_never_varies_is_named() -> None:
    """A mass in GeV is always above the clip of a logit."""
    net = Perceptron.create(jax.random.key(0), FEATURES, (5,), transform={"mtt": ("raw", "logit")})
    message = r"the logit of the feature 'mtt' is 11\.5\d* in all training .* transforms\.mtt"
    with pytest.raises(InputError, match=message):
        net.scaled_to(np.abs(events()[:, 6:]), np.ones(194))
