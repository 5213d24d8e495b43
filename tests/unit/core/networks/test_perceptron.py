"""Networks: against numpy, frozen scaler, named arrays there and back, shapes checked."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zenith.core.networks.perceptron import Perceptron
from zenith.errors import ConfigError, InputError

FEATURES = ("met", "lep_ht", "mass")
MEAN, SCALE = np.array([60.0, 200.0, 90.0]), np.array([30.0, 80.0, 10.0])
ACTIVATIONS = {
    "relu": lambda h: np.maximum(h, 0),
    "tanh": np.tanh,
    "silu": lambda h: h / (1 + np.exp(-h)),
}


def network(classes=(), activation="relu", seed=0):
    key = jax.random.key(seed)
    return Perceptron.create(key, FEATURES, (8, 4), classes, activation, MEAN, SCALE)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("classes", [(), ("signal", "top", "wjets")])
def test_scores_are_those_of_numpy(classes, activation):
    net = network(classes, activation)
    x = np.random.default_rng(0).normal(MEAN, SCALE, (50, 3))
    h = (x - MEAN) / SCALE
    arrays = net.to_arrays()
    for k in range(3):
        h = h @ arrays[f"weights.{k}"].T + arrays[f"biases.{k}"]
        if k < 2:
            h = ACTIVATIONS[activation](h)
    expected = np.exp(h) / np.exp(h).sum(1, keepdims=True) if classes else 1 / (1 + np.exp(-h))
    np.testing.assert_allclose(net.scores(jnp.asarray(x.T)), expected.T, rtol=1e-6)
    in_float32 = net.scores(jnp.asarray(x.T, jnp.float32))
    assert in_float32.dtype == jnp.float32
    np.testing.assert_allclose(in_float32, expected.T, rtol=1e-4, atol=1e-6)


def test_no_gradient_reaches_the_scaler():
    net = network()
    x = jnp.asarray(np.random.default_rng(1).normal(MEAN, SCALE, (20, 3)).T, jnp.float32)
    gradient = jax.grad(lambda n: n.scores(x).sum())(net)
    assert not gradient.mean.any()
    assert not gradient.scale.any()
    assert all(w.any() for w in gradient.weights)


def test_the_same_key_gives_the_same_network():
    assert eqx.tree_equal(network(seed=3), network(seed=3))
    assert not eqx.tree_equal(network(seed=3), network(seed=4))
    wide = Perceptron.create(jax.random.key(0), [str(k) for k in range(400)], (400,))
    np.testing.assert_allclose(np.std(wide.weights[0]), np.sqrt(2 / 400), rtol=0.01)


def test_arrays_there_and_back():
    net = network(("a", "b"))
    other = network(("a", "b"), seed=9).with_arrays(net.to_arrays())
    assert eqx.tree_equal(net, other)


def test_what_cuts_call_the_scores():
    assert network().observables("mva") == ("mva",)
    assert network(("s", "b")).observables("mva") == ("mva:s", "mva:b")


def test_arrays_of_another_network_are_refused():
    net = network()
    arrays = net.to_arrays()
    deeper = Perceptron.create(jax.random.key(0), FEATURES, (8, 4, 4)).to_arrays()
    with pytest.raises(InputError, match=r"biases\.3 belongs to another network"):
        net.with_arrays(deeper)
    with pytest.raises(InputError, match="mean is missing"):
        net.with_arrays({k: v for k, v in arrays.items() if k != "mean"})
    wider = Perceptron.create(jax.random.key(0), (*FEATURES, "st"), (8, 4)).to_arrays()
    with pytest.raises(InputError, match=r"weights\.0 has shape \(8, 4\) in place of \(8, 3\)"):
        net.with_arrays(wider)
    with pytest.raises(InputError, match="scale is not finite"):
        net.with_arrays({**arrays, "scale": np.array([1.0, np.nan, 1.0], np.float32)})


def test_networks_that_cannot_be_are_refused():
    key = jax.random.key(0)
    with pytest.raises(ConfigError, match="one class, signal, separates nothing"):
        Perceptron.create(key, FEATURES, (4,), ("signal",))
    with pytest.raises(ConfigError, match="activation must be one of relu, tanh, silu: selu"):
        Perceptron.create(key, FEATURES, (4,), activation="selu")
    with pytest.raises(ConfigError, match="feature lep_ht: the scale must be above 0, it is 0"):
        Perceptron.create(key, FEATURES, (4,), mean=MEAN, scale=np.array([1.0, 0.0, 1.0]))
