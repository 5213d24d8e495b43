"""Losses against a few lines of numpy, and what they make of a training."""

from collections.abc import Callable
from itertools import permutations
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray

from zenith.config.networks.loss import Planing
from zenith.config.networks.perceptron import PerceptronSettings
from zenith.errors import InputError
from zenith.training.dependence import distance_correlation_squared as measured_correlation
from zenith.training.examples import Examples
from zenith.training.losses import (
    distance_correlation_squared,
    focal,
    predicted_bins,
    reversed_gradient,
    targets,
)
from zenith.training.planing import planed
from zenith.training.scores import scores_of
from zenith.training.train import train

Array = NDArray[np.float64]


def numerical(function: Callable[[Array], float], x: Array) -> Array:
    """The gradient by central differences."""
    found = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[at] = 1e-5
        found[at] = (function(x + step) - function(x - step)) / 2e-5
    return found


def focal_in_numpy(z: Array, label: Array, gamma: float, smoothing: float) -> Array:
    z = np.concatenate([np.zeros_like(z), z]) if len(z) == 1 else z
    p = np.exp(z) / np.exp(z).sum(axis=0)
    target = np.eye(len(z))[label].T * (1 - smoothing) + smoothing / len(z)
    return -(target * (1 - p) ** gamma * np.log(p)).sum(axis=0)


@pytest.mark.parametrize(
    ("outputs", "gamma", "smoothing"), [(1, 2.0, 0.0), (1, 0.0, 0.2), (3, 0.5, 0.1)]
)
def test_the_focal_loss_is_one_of_each_event(outputs: int, gamma: float, smoothing: float) -> None:
    """Not a factor of the mean over the batch."""
    random = np.random.default_rng(1)
    classes = max(outputs, 2)
    z, label = random.normal(0, 2, (outputs, 6)), random.integers(0, classes, 6)
    weight = random.exponential(1.0, 6)

    @jax.jit
    def of(logits: jax.Array) -> tuple[jax.Array, jax.Array]:
        each = focal(logits, targets(jnp.asarray(label), classes, smoothing), gamma)
        return (weight * each).sum(), each

    (_, each), gradient = jax.value_and_grad(of, has_aux=True)(jnp.asarray(z))
    np.testing.assert_allclose(each, focal_in_numpy(z, label, gamma, smoothing), rtol=1e-5)
    expected = numerical(lambda x: weight @ focal_in_numpy(x, label, gamma, smoothing), z)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-5)
    # a probability that rounds to 1 has a gradient as well
    _, gradient = jax.value_and_grad(of, has_aux=True)(jnp.asarray(300.0 * z))
    assert np.isfinite(gradient).all()


def correlation_in_numpy(a: Array, b: Array, weight: Array) -> float:
    """Of all pairs, means of the products of centred distances; a and b are (K, N)."""
    share = weight / weight.sum()
    centred = []
    for x in (a, b):
        d = np.linalg.norm(x[:, :, None] - x[:, None, :], axis=0)
        row = d @ share
        centred.append(d - row[:, None] - row[None, :] + share @ d @ share)
    pairs = np.outer(share, share)
    ab, aa, bb = ((pairs * x * y).sum() for x, y in zip([centred[0], centred[0], centred[1]],
                  [centred[1], centred[0], centred[1]], strict=True))  # fmt: skip
    return float(ab / np.sqrt(aa * bb))


correlation = jax.jit(jax.value_and_grad(distance_correlation_squared))


@pytest.mark.parametrize("outputs", [1, 3])
def test_distance_correlation_and_its_gradient(outputs: int) -> None:
    random = np.random.default_rng(2)
    a, weight = random.normal(size=(outputs, 12)), random.integers(1, 4, 12).astype(float)
    b = a[:1] ** 2 + random.normal(0, 0.3, (1, 12))
    found, gradient = correlation(a, b, weight)
    assert found == pytest.approx(correlation_in_numpy(a, b, weight), rel=1e-4)
    expected = numerical(lambda x: correlation_in_numpy(x, b, weight), a)
    np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-5)
    # the order of events is no matter; a weight is a number of equal events; its unit is no matter
    order = random.permutation(12)
    permuted, _ = correlation(a[:, order], b[:, order], weight[order])
    assert permuted == pytest.approx(float(found), rel=1e-5)
    repeated = [np.repeat(x, weight.astype(int), axis=1) for x in (a, 1e3 * b)]
    ones = np.ones(repeated[0].shape[1])
    assert float(found) == pytest.approx(correlation_in_numpy(*repeated, ones), rel=1e-4)
    without, _ = correlation(a, b, weight * (np.arange(12) < 7))
    expected_of_some = correlation_in_numpy(a[:, :7], b[:, :7], weight[:7])
    assert float(without) == pytest.approx(expected_of_some, rel=1e-4)


@pytest.mark.parametrize("outputs", [1, 3])
def test_distance_correlation_of_unseen_events(outputs: int) -> None:
    """That of the loss, for several weights; chance is its mean over all permutations."""
    random = np.random.default_rng(3)
    a, b = random.normal(size=(outputs, 6)), random.exponential(size=6)
    weight = np.stack([np.ones(6), random.integers(0, 4, 6).astype(float)])
    found, chance = measured_correlation(a, b, weight)
    for value, w in zip(found, weight, strict=True):
        assert value == pytest.approx(correlation_in_numpy(a, b[None], w), rel=1e-9)
    orders = np.array(list(permutations(range(6))))
    mean = np.mean([correlation_in_numpy(a, b[None, order], weight[0]) for order in orders])
    assert chance[0] == pytest.approx(mean, rel=1e-9)
    # events of unequal weights count as (Σw)² / Σw² equal ones
    some, equal = random.uniform(size=(2, 400)), np.ones((1, 400))
    uneven = random.choice([0.1, 1.0], 400)[None]
    _, (by_chance,) = measured_correlation(*some, uneven)
    _, (as_many,) = measured_correlation(*some, equal)
    effective = uneven.sum() ** 2 / (uneven**2).sum()
    assert by_chance * (effective - 1) == pytest.approx(as_many * 399, rel=0.1)
    constant = measured_correlation(np.ones(6), b, weight)
    np.testing.assert_array_equal(constant, np.zeros((2, 2)))


def test_distance_correlation_at_its_ends() -> None:
    """A grid with weights that factorise is independent exactly; a line is fully dependent."""
    x, y = (grid.ravel()[None] for grid in np.meshgrid([0.0, 1.0, 5.0, 6.0], [2.0, 3.0, 9.0]))
    weight = np.outer([0.2, 1.0, 3.0], [1.0, 2.0, 0.5, 0.1]).ravel()
    assert correlation(x, y, weight)[0] == pytest.approx(0.0, abs=1e-6)
    assert correlation(x, 3.0 - 2.0 * x, weight)[0] == pytest.approx(1.0, rel=1e-5)
    for found in (correlation(np.ones_like(x), y, weight), correlation(x, y, 0.0 * weight)):
        assert found[0] == 0.0
        np.testing.assert_array_equal(found[1], 0.0)


def test_an_adversary_predicts_bins_and_its_gradient_is_reversed() -> None:
    random = np.random.default_rng(3)
    z, bins, weight = random.normal(size=(4, 9)), random.integers(0, 4, 9), random.normal(size=9)
    p = np.exp(z) / np.exp(z).sum(axis=0)
    expected = np.average(-np.log(p[bins, np.arange(9)]), weights=np.abs(weight))
    found = predicted_bins(jnp.asarray(z), jnp.asarray(bins), jnp.asarray(weight))
    assert float(found) == pytest.approx(expected, rel=1e-5)
    value, gradient = jax.value_and_grad(lambda x: reversed_gradient(x, 0.5) ** 2)(3.0)
    assert (float(value), float(gradient)) == (9.0, -3.0)


def masses(seed: int, events: int = 1500) -> Examples:
    """Of the background x knows the mass m; y separates as well, and knows nothing of it."""
    random = np.random.default_rng(seed)
    label = np.tile([0, 1], events // 2).astype(np.int32)
    mass = np.where(label == 1, random.normal(120, 10, events), random.exponential(60, events) + 40)
    x = np.where(label == 1, 1.0, 0.0) - (mass - 100) / 50 + random.normal(0, 0.7, events)
    y = label + random.normal(size=events)
    features = np.stack([x, y]).astype(np.float32)
    weight = random.exponential(1.0, events)
    return Examples(features, label, weight, {}, {"m": mass.astype(np.float32)})


def settings(**loss: Any) -> PerceptronSettings:
    given = {"classes": {"b": ["b"], "s": ["s"]}, "features": ["x", "y"], "hidden": [8]}
    training = {"epochs": 12, "batch": 250, "learning_rate": 0.02}
    return PerceptronSettings.model_validate({**given, **training, "loss": loss})


def dependence(mva: PerceptronSettings) -> float:
    """R² of score and mass in unseen background."""
    test = masses(3, 800)
    score = scores_of(train("n", mva, masses(1), masses(2), 1).network, test.x).astype(float)
    there = test.label == 0
    mass = test.observables["m"].astype(float)
    return correlation_in_numpy(score[:, there], mass[None, there], test.weight[there])


def test_scores_become_independent_of_an_observable() -> None:
    usual = dependence(settings())
    assert usual > 0.1
    on_mass = {"observable": "m", "strength": 10.0}
    assert dependence(settings(distance_correlation=on_mass)) < usual / 5
    against = settings(adversary={**on_mass, "strength": 3.0, "bins": 5})
    assert dependence(against.model_copy(update={"batch": 100})) < usual / 3


def test_planing_makes_an_observable_flat_in_each_class() -> None:
    parts = planed((masses(1), masses(2)), Planing(observable="m", bins=6), 2)
    edges = np.sort([])
    for part, before in zip(parts, (masses(1), masses(2)), strict=True):
        mass = part.observables["m"]
        if not len(edges):  # quantiles of both classes at equal weight
            shares = before.weight / np.bincount(before.label, before.weight)[before.label]
            order = np.argsort(mass)
            cumulative = np.cumsum(shares[order]) / 2
            edges = mass[order][np.searchsorted(cumulative, np.arange(1, 6) / 6)]
        for k in (0, 1):
            own = part.label == k
            sums = np.bincount(np.searchsorted(edges, mass[own]), part.weight[own], 6)
            total = before.weight[own].sum()
            filled = sums > 0
            np.testing.assert_allclose(sums[filled], total / filled.sum(), rtol=1e-6)
    few = masses(1)
    few.observables["m"][:] = few.observables["m"] > 100
    with pytest.raises(InputError, match=r"loss: 'm' has too few values for 9 bins of equal"):
        planed((few,), Planing(observable="m", bins=9), 2)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"m": 91.0}, r"loss: 'm' is 91 in all training events of the background"),
        (
            {"m": np.nan},
            r"'m', which the loss reads, is NaN or infinite in 750 of 750 training .* b",
        ),
        ({"other": 1.0}, r"the training events have no observable 'm', .* reads; there is other"),
    ],
)
def test_observables_that_say_nothing(values: dict[str, float], message: str) -> None:
    """Of the background: of the signal a value may be absent."""
    events = masses(1)
    signal = events.label == 1
    observables = {
        name: np.where(signal, np.nan if name == "m" else 1.0, value).astype(np.float32)
        for name, value in values.items()
    }
    mva = settings(distance_correlation={"observable": "m", "strength": 1.0})
    with pytest.raises(InputError, match=r"^mva\.n: " + message) as error:
        train("n", mva, events._replace(observables=observables), masses(2), 1)
    assert len(str(error.value).splitlines()) == 1
