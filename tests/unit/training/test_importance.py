"""Permutation importance: what an input is worth, where it is known."""

import numpy as np
import pytest

from zenith.config.networks.deep_sets import DeepSetsSettings
from zenith.config.networks.perceptron import PerceptronSettings
from zenith.core.networks.network import Objects
from zenith.core.networks.perceptron import Perceptron
from zenith.training.evaluate import roc
from zenith.training.examples import Examples
from zenith.training.importance import _shuffled, importances
from zenith.training.measures import counting_significance

CLASSES = {"a": ["a"], "b": ["b"]}


def test_an_input_that_decides_alone() -> None:
    """Without it the score is random, and the area 1/2; what has no weight loses nothing."""
    import jax

    random = np.random.default_rng(1)
    label = random.integers(0, 2, 4000).astype(np.int32)
    x = np.stack([label + random.normal(0.0, 1.0, 4000), random.normal(size=4000)])
    net = Perceptron.create(jax.random.key(0), ("x", "y"), ())
    net = net.with_arrays(net.to_arrays() | {"weights.0": np.array([[1.0, 0.0]])})
    mva = PerceptronSettings.model_validate({"classes": CLASSES, "features": ["x", "y"]})
    events = Examples(x.astype(np.float32), label, random.uniform(0.5, 1.5, 4000))
    found = importances("net", net, mva, events, seed=2)
    assert found["y"] == {"value": 0.0, "error": 0.0}
    area = roc(x[0], label == 1, events.weight).auc
    assert found["x"]["value"] == pytest.approx(area - 0.5, abs=0.02)
    assert 0.0 < found["x"]["error"] < 0.02
    assert importances("net", net, mva, events, seed=2) == found


def test_fields_are_shuffled_among_the_objects_that_there_are() -> None:
    random = np.random.default_rng(3)
    valid = random.random((5, 40)) < 0.5
    values = np.where(valid, random.normal(size=(2, 5, 40)), -99.0).astype(np.float32)
    events = Examples(
        np.zeros((0, 40), np.float32), np.zeros(40, np.int32), np.ones(40),
        {"jet": Objects(values, valid)},  # type: ignore[arg-type]
    )  # fmt: skip
    mva = DeepSetsSettings.model_validate(
        {
            "type": "deep_sets",
            "classes": CLASSES,
            "objects": {"jet": {"fields": ["pt", "eta"], "leading": 5}},
        }
    )
    moved = dict(_shuffled(mva, events, random))
    assert list(moved) == ["jet.pt", "jet.eta"]
    found = np.asarray(next(moved["jet.eta"]).objects["jet"].values)
    np.testing.assert_array_equal(found[0], values[0])
    assert (found[1][~valid] == -99.0).all()
    assert (found[1] != values[1]).any()
    np.testing.assert_array_equal(np.sort(found[1][valid]), np.sort(values[1][valid]))


def test_significance_is_that_of_the_events_above() -> None:
    random = np.random.default_rng(4)
    score, is_signal = random.random(3000), np.arange(3000) < 900
    score[is_signal] **= 0.5
    weight = np.where(is_signal, 0.1, random.uniform(0.5, 1.5, 3000))
    threshold, z = counting_significance(score, is_signal, weight, bins=20)
    for t, found in zip(threshold, z, strict=True):
        above = score >= t
        s, b = weight[above & is_signal].sum(), weight[above & ~is_signal].sum()
        assert found == pytest.approx(np.sqrt(2 * ((s + b) * np.log(1 + s / b) - s)), rel=1e-6)
    assert threshold[0] == 0.0
    few, _ = counting_significance(score, is_signal | (np.arange(3000) > 930), weight)
    assert few[-1] < 0.9  # ten effective events of background are asked for
