"""Boosted trees: as arrays they are LightGBM's own, in ONNX too; calibrated on unseen events."""

import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import lightgbm
import numpy as np
import pytest
from scipy.stats import chi2

from zenith.config.networks.boosted_trees import BoostedTreesSettings
from zenith.core.networks.boosted_trees import BoostedTrees
from zenith.errors import ConfigError, FitError, InputError
from zenith.training.boosted_trees import taken_over
from zenith.training.evaluate import roc
from zenith.training.examples import Examples
from zenith.training.export import export_onnx
from zenith.training.network_files import load_network, save_network
from zenith.training.train import train
from zenith.training.trained import Trained

CENTRES = np.array([[0.0, 0.0], [1.0, 0.5], [-0.5, 1.5]])
FEATURES = ("x", "y")


def trees(classes: int = 2, **changes: Any) -> BoostedTreesSettings:
    names = {name: (name,) for name in "abc"[:classes]}
    settings = {"type": "boosted_trees", "classes": names, "features": FEATURES, "leaves": 12}
    return BoostedTreesSettings.model_validate(settings | {"trees": 120} | changes)


def gaussians(seed: int, classes: int = 2, events: int = 5000) -> Examples:
    """Unit Gaussians about `CENTRES`, with weights."""
    random = np.random.default_rng(seed)
    label = random.integers(0, classes, events).astype(np.int32)
    x = (random.normal(size=(events, 2)) + CENTRES[label]).T
    return Examples(x.astype(np.float32), label, random.exponential(1.0, events))


def logits(network: Any, x: np.ndarray) -> np.ndarray:
    return np.asarray(network.logits(jnp.asarray(x)), float)


def log_ratio(x: np.ndarray) -> np.ndarray:
    """ln p₁(x) / p₀(x) of the first two classes."""
    return (CENTRES[1] @ x) - 0.5 * (CENTRES[1] ** 2).sum()


def distance(trained: Trained, events: Examples) -> float:
    """Root mean square of logit - log ratio, where there are many events."""
    difference = logits(trained.network, events.x)[0] - log_ratio(events.x)
    return float(np.sqrt(np.mean(difference[np.abs(log_ratio(events.x)) < 1.5] ** 2)))


@pytest.mark.parametrize("classes", [2, 3])
def test_arrays_predict_what_lightgbm_does(classes: int, tmp_path: Path) -> None:
    """Also on thresholds themselves, on zeros, infinities and NaN, and from the file."""
    events = gaussians(1, classes, 3000)
    events.x[0] = np.round(events.x[0], 1)  # thresholds half-way between values in float32
    objective: dict[str, Any] = {"objective": "binary"}
    if classes > 2:
        objective = {"objective": "multiclass", "num_class": classes}
    options = {"num_leaves": 12, "verbose": -1, "use_missing": False, "num_threads": 1}
    data = lightgbm.Dataset(events.x.T, events.label, weight=events.weight)
    booster = lightgbm.train(objective | options, data, 30)
    mva = trees(classes, calibration=None)
    dump = booster.dump_model()["tree_info"]
    network = taken_over(mva.create(jax.random.key(0)), [tree["tree_structure"] for tree in dump])

    def cuts(node: dict[str, Any]) -> list[float]:
        if "threshold" not in node:
            return []
        found = [node["threshold"]] if node["split_feature"] == 0 else []
        return found + cuts(node["left_child"]) + cuts(node["right_child"])

    near = np.unique([t for tree in dump for t in cuts(tree["tree_structure"])]).astype(np.float32)
    at = np.concatenate([np.nextafter(near, np.float32(side)) for side in (-9, 9)] + [near])
    special = np.float32([0.0, -0.0, 1e-40, np.inf, -np.inf, np.nan])
    first = np.concatenate([events.x[0], at, np.repeat(special, 6)])
    second = np.concatenate([events.x[1], np.resize(events.x[1], len(at)), np.tile(special, 6)])
    x = np.stack([first, second])
    expected = booster.predict(x.T.astype(float), raw_score=True).reshape(x.shape[1], -1).T
    assert np.unique(expected).size > 100
    np.testing.assert_allclose(logits(network, x), expected, rtol=0, atol=1e-6)
    probability = booster.predict(x.T).reshape(x.shape[1], -1).T
    np.testing.assert_allclose(network.scores(jnp.asarray(x)), probability, rtol=0, atol=1e-6)
    save_network(tmp_path / "trees.safetensors", network, mva)
    again = load_network(tmp_path / "trees.safetensors", mva)
    np.testing.assert_array_equal(logits(again, x), logits(network, x))
    with pytest.raises(InputError, match=r"trees\.safetensors: the network has features x, y"):
        load_network(tmp_path / "trees.safetensors", trees(classes, features=("x", "z")))

    onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    export_onnx(tmp_path / "trees.onnx", network)
    session = onnxruntime.InferenceSession(tmp_path / "trees.onnx")
    (found,) = session.run(["scores"], {"events": x.T})
    np.testing.assert_allclose(found.T, network.scores(jnp.asarray(x)), rtol=0, atol=1e-5)
    (none,) = session.run(["scores"], {"events": x.T[:0]})
    assert none.shape == (0, found.shape[1])


def test_no_gradient_passes() -> None:
    """Neither to the events nor to the trees: cuts on the score may move, the score may not."""
    network = train("n", trees(trees=3), gaussians(1), gaussians(2), 1).network
    x = jnp.asarray(gaussians(3, events=50).x)
    of_trees, of_events = jax.grad(lambda n, x: n.scores(x).sum(), argnums=(0, 1))(network, x)
    assert not any(np.any(leaf) for leaf in jax.tree.leaves((of_trees, of_events)))


def test_training_reaches_the_likelihood_ratio() -> None:
    """No score separates two Gaussians better; calibrated, the logits are its logarithm."""
    trained = train("n", trees(), gaussians(1, events=12_000), gaussians(2), seed=1)
    losses = trained.losses["validation"]
    assert trained.every == 5
    assert trained.lowest == losses[trained.best_epoch // 5 - 1] == min(losses)
    assert 5 * len(losses) == trained.best_epoch + 20 < 120
    test = gaussians(3, events=40_000)
    is_signal, found = test.label == 1, logits(trained.network, test.x)[0]
    best = roc(log_ratio(test.x), is_signal, test.weight).auc
    assert best - 0.006 < roc(found, is_signal, test.weight).auc <= best
    assert distance(trained, test) < 0.3
    again = train("n", trees(), gaussians(1, events=12_000), gaussians(2), seed=1)
    assert again.losses == trained.losses
    np.testing.assert_array_equal(logits(again.network, test.x)[0], found)
    assert train("n", trees(), gaussians(1), gaussians(2), seed=2).losses != trained.losses


def p_value(network: Any, events: Examples) -> float:
    """That in ten bins of each score the share of the class is the mean of the score."""
    squares = 0.0
    scores = np.asarray(network.scores(jnp.asarray(events.x)))
    for k, score in enumerate(scores):
        is_class = events.label == (k if len(scores) > 1 else 1)
        index = np.searchsorted(np.quantile(score, np.linspace(0, 1, 11)[1:-1]), score)
        difference = events.weight * (is_class - score)
        sums, variances = (np.bincount(index, difference**n, minlength=10) for n in (1, 2))
        squares += (sums**2 / variances).sum()
    return float(chi2.sf(squares, 10 * len(scores)))


@pytest.mark.parametrize("classes", [2, 3])
def test_scores_are_calibrated_where_those_of_the_trees_are_not(classes: int) -> None:
    """Few events that weigh much are learnt by heart: raw scores are too high for others."""

    def uneven(seed: int, events: int, spread: float) -> Examples:
        found = gaussians(seed, classes, events)
        size = np.random.default_rng(seed).normal(0.0, spread, events)
        weight = np.where(found.label == 0, np.exp(size), 1.0)
        return found._replace(weight=weight / np.bincount(found.label, weight)[found.label])

    mva = trees(classes, leaf_events=20)
    trained = train("n", mva, uneven(1, 10_000, 2.5), uneven(2, 30_000, 1.0), seed=1)
    calibrated, test = trained.network, uneven(3, 4000, 1.0)
    assert p_value(calibrated.uncalibrated, test) < 1e-4
    assert p_value(calibrated, test) > 0.01


def test_a_class_with_one_event() -> None:
    events = gaussians(1, events=2000)
    label = (np.arange(2000) == 7).astype(np.int32)
    found = train("n", trees(trees=20), events._replace(label=label), gaussians(2), seed=1)
    assert np.isfinite(logits(found.network, events.x)).all()


@pytest.mark.parametrize("rule", ["keep", "drop"])
def test_a_class_of_negative_weights(rule: str) -> None:
    events = gaussians(1)
    negative = events._replace(weight=np.where(events.label == 1, -1.0, 1.0))
    message = (
        r"mva\.n: the weights of class 'b' add up to .*choose another rule for negative_weights"
    )
    with pytest.raises(InputError, match=message):
        train("n", trees(negative_weights=rule), negative, events, seed=1)
    absolute = trees(negative_weights="absolute", trees=5)
    assert train("n", absolute, negative, negative, seed=1).best_epoch > 0


def test_negative_weights_that_are_kept_leave_the_scores_right() -> None:
    """Events of weight +1 and -1 whose sums are those of the classes: the score is their ratio."""
    events = gaussians(1, events=30_000)
    sign = np.where(np.random.default_rng(5).random(30_000) < 0.15, -1.0, 1.0)
    kept = train("n", trees(negative_weights="keep"), events._replace(weight=sign), gaussians(2), 1)
    test = gaussians(3, events=5000)
    assert distance(kept, test) < 0.3


def test_leaves_that_ask_for_more_events_than_there_are() -> None:
    events = gaussians(1, events=150)
    message = r"mva\.n: no tree divides the 150 training events: lower leaf_events \(100\)"
    with pytest.raises(FitError, match=message):
        train("n", trees(), events, events, seed=1)


def test_a_constant_feature() -> None:
    events = gaussians(1)
    events.x[1] = 4.0
    with pytest.raises(InputError, match=r"mva\.n: the feature 'y' is 4 in all training events"):
        train("n", trees(), events, events, seed=1)


def test_lightgbm_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(ConfigError, match="LightGBM, which is not installed: pip install lightgbm"):
        train("n", trees(), gaussians(1), gaussians(2), seed=1)


def test_trees_cannot_be_fine_tuned() -> None:
    assert not trees().fine_tune
    with pytest.raises(ValueError, match="trees have no gradient that a climb could follow"):
        trees(fine_tune=True)


def test_many_leaves_are_no_other_trees() -> None:
    """More splits than are compiled at once."""
    events = gaussians(1, events=4000)
    data = lightgbm.Dataset(events.x.T, events.label)
    options = {"num_leaves": 100, "verbose": -1, "min_data_in_leaf": 5, "objective": "binary"}
    booster = lightgbm.train(options | {"num_threads": 1}, data, 2)
    dump = [tree["tree_structure"] for tree in booster.dump_model()["tree_info"]]
    network = taken_over(BoostedTrees.create(FEATURES, (), 4, 120), dump)
    expected = booster.predict(events.x.T, raw_score=True)
    np.testing.assert_allclose(logits(network, events.x)[0], expected, rtol=0, atol=1e-6)


def test_leaves_of_equal_values_are_not_taken_for_each_other() -> None:
    """x > 0 leads to leaf 1, of the value of leaf 0, and there y > 0 to leaf 2: by hand."""
    empty = BoostedTrees.create(FEATURES, (), 2, 4)
    arrays = {name: np.array(array) for name, array in empty.to_arrays().items()}
    for tree, values in enumerate([(0.5, 0.5, 2.0, 0.0), (0.0, 0.5, 2.0, 0.0)]):
        arrays["leaf"][0, tree] = 0, 1, -1
        arrays["feature"][0, tree] = 0, 1, 0
        arrays["value"][0, tree] = values
    arrays["used"] = np.array(2)
    x, y = gaussians(1).x
    inside = np.where(y > 0.0, 4.0, 1.0)
    expected = np.where(x > 0.0, inside, 0.5)
    found = logits(empty.with_arrays(arrays), np.stack([x, y]))[0]
    np.testing.assert_array_equal(found, expected)
