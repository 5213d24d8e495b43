"""Gradient descent on packed objects: the same numbers each time, schedules, and bad objects."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from zenith.config.networks.masked_transformer import MaskedTransformerSettings
from zenith.core.networks.ensemble import Ensemble
from zenith.core.networks.network import Objects
from zenith.errors import InputError
from zenith.training.batches import Batch
from zenith.training.descent import _clip, _optimiser
from zenith.training.evaluate import roc
from zenith.training.examples import Examples
from zenith.training.objective import Learner, Objective
from zenith.training.scores import scores_of
from zenith.training.train import train

MOST = 6


def settings(**changes: Any) -> MaskedTransformerSettings:
    given = {
        "type": "masked_transformer",
        "classes": {"few": ["few"], "many": ["many"]},
        "objects": {"jets": {"fields": ["pt", "eta"], "leading": MOST}},
        **{"width": 4, "layers": 1, "heads": 2, "head": [], "activation": "silu"},
        **{"learning_rate": 0.02, "epochs": 4, "batch": 50, "warm_up": 0.5, "clip": 1.0},
    }
    return MaskedTransformerSettings.model_validate(given | changes)


def events(seed: int, padding: float = 0.0) -> Examples:
    """Classes that differ in the number of their jets alone."""
    random = np.random.default_rng(seed)
    label = np.tile([0, 1], 300).astype(np.int32)
    number = np.minimum(random.poisson(np.where(label == 1, 3.5, 1.5)), MOST)
    valid = np.arange(MOST)[:, None] < number
    values = np.stack([random.gamma(2.0, 30.0, valid.shape), random.normal(size=valid.shape)])
    jets = Objects(np.where(valid, values, padding).astype(np.float32), valid)
    return Examples(np.zeros((0, 600), np.float32), label, np.ones(600), {"jets": jets})


def test_the_same_numbers_again_whatever_the_padding() -> None:
    first = train("n", settings(), events(1), events(2), seed=1)
    again = train("n", settings(), events(1, np.nan), events(2, np.inf), seed=1)
    assert first.losses == again.losses
    assert eqx.tree_equal(first.network, again.network)
    # the losses that are reported, of packed objects, are those of padded ones in numpy
    test = events(2)
    score = scores_of(first.network, test.x, test.objects)[0].astype(float)
    of_class = np.where(test.label == 1, score, 1.0 - score)
    best = first.losses["validation"][first.best_epoch - 1]
    assert best == min(first.losses["validation"]) == pytest.approx(-np.log(of_class).mean())
    # nothing separates them better than the number
    number = np.asarray(test.objects["jets"].valid).sum(axis=0)
    optimum = roc(number, test.label == 1, test.weight).auc
    assert roc(score, test.label == 1, test.weight).auc == pytest.approx(optimum, abs=0.02)


def test_packed_and_padded_batches_have_one_loss_and_gradient() -> None:
    sample = events(3)
    net = settings().untrained(jax.random.key(1))
    net = net.scaled_to(sample.x, sample.weight, sample.objects)
    batch = Batch.of(sample).picked(jnp.arange(40))
    room = int(np.asarray(sample.objects["jets"].valid)[:, :40].sum())
    of = eqx.filter_jit(eqx.filter_value_and_grad(Objective.of(settings())))
    packed, padded = (of(Learner(net), batch, rooms) for rooms in ({"jets": room}, {}))
    np.testing.assert_allclose(packed[0], padded[0], rtol=1e-6)
    for one, other in zip(*(jax.tree.leaves(tree) for _, tree in (packed, padded)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_learning_rates_rise_and_fall() -> None:
    """Of a constant gradient Adam's steps are the learning rate."""
    expected = np.concatenate([
        0.02 * np.arange(1, 6) / 5,
        0.02 * 0.5 * (1 + np.cos(np.pi * np.arange(15) / 15)),
    ])  # fmt: skip
    constant = np.append(expected[:5], np.full(15, 0.02))
    for schedule, rates in (("cosine", expected), ("constant", constant)):
        mva = settings(warm_up=1.0, schedule=schedule, clip=None)
        optimiser = _optimiser(mva.untrained(jax.random.key(1)), mva, steps=5)
        state, steps = optimiser.init(jnp.zeros(())), []
        for _ in range(20):
            updates, state = optimiser.update(jnp.ones(()), state)
            steps.append(-float(updates))
        np.testing.assert_allclose(steps, rates, rtol=1e-4, atol=1e-9)


def test_gradients_are_clipped_for_each_member() -> None:
    mva = settings(ensemble=2)
    networks = mva.untrained(jax.random.key(1))
    assert isinstance(networks, Ensemble)
    sizes = np.array([0.5, 40.0], np.float32)
    gradient = jax.tree.map(
        lambda a: sizes.reshape(-1, *[1] * (a.ndim - 1)) * jnp.ones_like(a), networks
    )
    scale = float(np.sqrt(sum(leaf[0].size for leaf in jax.tree.leaves(networks))))
    clip = _clip(networks, 2.0 * scale)
    found, _ = clip.update(gradient, clip.init(networks))
    norms = [float(optax.global_norm(member)) for member in found.each()]
    np.testing.assert_allclose(norms, [0.5 * scale, 2.0 * scale], rtol=1e-5)


def broken(how: str) -> Examples:
    good = events(1)
    values, valid = (np.array(array) for array in good.objects["jets"])
    if how == "absent":
        return good._replace(objects={"leptons": good.objects["jets"]})
    if how == "empty":
        valid[:] = False
    elif how == "fields":
        values = values[:1]
    elif how == "nan":
        values[1, 0, np.flatnonzero(valid[0])[:3]] = np.nan
    else:
        values[1] = np.where(valid, 2.0, values[1])
    return good._replace(objects={"jets": Objects(values, valid)})


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("absent", r"mva\.n: the training events have no objects 'jets'; there is leptons"),
        ("empty", r"mva\.n: none of the 600 training events has any object 'jets'"),
        ("fields", r"mva\.n: the training objects 'jets' have 1 fields, .* reads 2: pt, eta"),
        ("nan", r"mva\.n: eta of the training objects 'jets' is NaN or infinite in 3 of \d+ that"),
        ("constant", r"mva\.n: the feature 'eta' is 2 in all training objects of 'jets'"),
    ],
)
def test_objects_that_cannot_be_learnt_from(how: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        train("n", settings(), broken(how), events(2), seed=1)
    assert len(str(error.value).splitlines()) == 1
