"""Numbers that a network predicts beside its classes: losses, training, and what is exported."""

from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zenith.config.networks.perceptron import PerceptronSettings
from zenith.core.networks.multi_task import scaled_to_targets
from zenith.core.networks.network import Network
from zenith.errors import InputError
from zenith.training.evaluate import roc
from zenith.training.examples import Examples
from zenith.training.export import export_onnx
from zenith.training.losses import regression
from zenith.training.network_files import load_network, save_network
from zenith.training.regressions import residuals
from zenith.training.scores import regressions_of, scores_of
from zenith.training.train import train

HEADS = {
    "width": {"target": "m", "loss": "gaussian", "classes": ["s"]},
    "median": {"target": "m", "loss": "l1", "weight": 0.5, "classes": ["s"]},
}


def settings(**changes: Any) -> PerceptronSettings:
    given = {"classes": {"b": ["b"], "s": ["s"]}, "features": ["x", "y"], "regressions": HEADS}
    training = {"hidden": [16], "epochs": 15, "batch": 100, "learning_rate": 0.02}
    return PerceptronSettings.model_validate({**given, **training, **changes})


def events(seed: int, number: int = 2000) -> Examples:
    """Of the signal m is 500 + 40 x, smeared by 10; of the background there is none."""
    random = np.random.default_rng(seed)
    label = np.tile([0, 1], number // 2).astype(np.int32)
    x, y = random.normal(size=number), random.normal(label, 1.0)
    mass = np.where(label == 1, 500 + 40 * x + random.normal(0, 10, number), np.nan)
    features = np.stack([x, y]).astype(np.float32)
    return Examples(features, label, np.ones(number), {}, {"m": mass.astype(np.float32)})


@pytest.mark.parametrize("kind", ["l1", "l2", "gaussian"])
def test_losses_of_regressions(kind: str) -> None:
    """In units of the deviation: those of numpy, whose minima are median, mean and Gaussian."""
    random = np.random.default_rng(1)
    predicted, target = random.normal(5, 2, (2, 7)), random.normal(5, 2, 7)
    d = (target - predicted[0]) / 3.0
    v = np.exp(predicted[1]) / 9.0
    expected = {"l1": np.abs(d), "l2": d**2, "gaussian": (d**2 / v + np.log(v)) / 2}[kind]
    slopes = {"l1": -np.sign(d) / 3, "l2": -2 * d / 3, "gaussian": -d / v / 3}[kind]

    @jax.jit
    @jax.value_and_grad
    def both(p: jax.Array) -> jax.Array:
        return regression(p, jnp.asarray(target), kind, 3.0).sum()

    value, gradient = both(jnp.asarray(predicted))
    assert float(value) == pytest.approx(expected.sum(), rel=1e-5)
    np.testing.assert_allclose(gradient[0], slopes, rtol=1e-4)
    of_second = (1 - d**2 / v) / 2 if kind == "gaussian" else 0.0 * d
    np.testing.assert_allclose(gradient[1], of_second, rtol=1e-3, atol=1e-6)


@pytest.fixture(scope="module")
def trained() -> Network:
    return train("n", settings(), events(1), events(2), seed=1).network


def test_a_class_and_a_mass_are_learnt_at_once(trained: Network) -> None:
    test = events(3)
    found = regressions_of(trained, test.x)
    signal = test.label == 1
    mean, log_variance = found["width"][:, signal]
    truth = 500 + 40 * test.x[0, signal]
    assert np.sqrt(np.mean((mean - truth) ** 2)) < 4
    assert np.sqrt(np.mean((found["median"][0, signal] - truth) ** 2)) < 5
    assert np.exp(log_variance / 2).mean() == pytest.approx(10, rel=0.15)
    score = scores_of(trained, test.x)[0]
    best = roc(test.x[1], signal, test.weight).auc
    assert roc(score, signal, test.weight).auc == pytest.approx(best, abs=0.01)
    difference = mean - test.observables["m"][signal]
    judged = residuals(trained, settings(), test)["width"]
    assert judged == {
        "mean": pytest.approx(difference.mean(), rel=1e-4),
        "deviation": pytest.approx(difference.std(), rel=1e-4),
    }


def test_files_hold_regressions(trained: Network, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    path = tmp_path / "n.safetensors"
    save_network(path, trained, settings())
    backwards = settings(regressions=dict(reversed(HEADS.items())))
    for read in (load_network(path), load_network(path, backwards)):
        assert eqx.tree_equal(read, trained)
    test = events(4, 60)
    export_onnx(tmp_path / "n.onnx", trained, examples=test)
    session = onnxruntime.InferenceSession(tmp_path / "n.onnx")
    assert {output.name: output.shape[1] for output in session.get_outputs()} == {
        "scores": 1,
        "median": 1,
        "width": 2,
    }
    for name, expected in regressions_of(trained, test.x).items():
        (found,) = session.run([name], {"events": test.x.T})
        np.testing.assert_allclose(found, expected.T, rtol=1e-5)
        (none,) = session.run([name], {"events": test.x.T[:0]})
        assert none.shape == (0, len(expected))


def test_an_ensemble_is_the_mean_of_its_members(tmp_path: Path) -> None:
    classes = {name: [name] for name in "abc"}
    mva = settings(ensemble=2, hidden=[3], classes=classes, regressions={"z": {"target": "m"}})
    network = scaled_to_targets(mva.untrained(jax.random.key(1)), np.array([50.0]), np.array([7.0]))
    x = events(5, 40).x
    members = [regressions_of(member, x)["z"] for member in network.each()]  # type: ignore[attr-defined]
    np.testing.assert_allclose(regressions_of(network, x)["z"], np.mean(members, axis=0), rtol=1e-5)
    assert 1 < np.std(members[0]) < 50
    export_onnx(tmp_path / "n.onnx", network, examples=events(5, 40))  # compares the outputs


def test_other_classes_leave_the_regressions(trained: Network) -> None:
    x = jnp.asarray(events(6, 20).x)
    matrix, offsets = np.array([[1.0], [-2.0], [0.5]]), np.array([0.1, 0.2, -0.3])
    combined = trained.combined(matrix, offsets, ("p", "q", "r"))
    logits = matrix @ np.asarray(trained.logits(x)) + offsets[:, None]
    np.testing.assert_allclose(combined.logits(x), logits, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(combined.outputs(x)[3:], trained.outputs(x)[1:], rtol=1e-6)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (91.0, r"regressions\.width: the target 'm' is 91 in all training events"),
        (np.nan, r"'m', which the loss reads, is NaN or infinite in 1000 of 1000 training .* of s"),
    ],
)
def test_targets_that_say_nothing(value: float, message: str) -> None:
    given = events(1)
    given.observables["m"][given.label == 1] = value
    with pytest.raises(InputError, match=r"^mva\.n: " + message) as error:
        train("n", settings(), given, events(2), 1)
    assert len(str(error.value).splitlines()) == 1
