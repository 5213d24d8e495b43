"""gato-hep on a benchmark's events: sigmoids in one score, a Gaussian mixture in three classes.

Settings are those of its own examples: 250 epochs on all events, RMSprop from 0.1 to 0.001 along a
cosine, steepness from 50 to 10,000 or temperature from 1 to 0.05 likewise, and no penalty.
"""

import math
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from gatohep.models import gato_gmm_model, gato_sigmoid_model

from zenith.categorisation.scored import Scored

EPOCHS = 250


def _cosine(first: float, last: float, epoch: int) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * epoch / (EPOCHS - 1))) / 2


def _climb(
    model: tf.Module,
    events: Scored,
    inputs: Callable[[np.ndarray], np.ndarray],
    anneal: Callable[[int], None],
) -> float:
    """Train a model; the CPU seconds of an epoch. `inputs` are what it takes of the scores."""
    data = {
        f"process{label}": {
            "NN_output": tf.constant(inputs(events.scores[events.label == label]), tf.float32),
            "weight": tf.constant(events.weight[events.label == label], tf.float32),
        }
        for label in np.unique(events.label)
    }
    signals = [f"process{label}" for label in events.signal_labels]
    optimizer = tf.keras.optimizers.RMSprop(0.1)

    @tf.function
    def step() -> None:
        with tf.GradientTape() as tape:
            z = model.get_differentiable_significance(data, signal_labels=signals)
            loss = -tf.exp(sum(tf.math.log(z[name]) for name in signals) / len(signals))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    step()
    began = time.process_time()
    for epoch in range(EPOCHS):
        optimizer.learning_rate = _cosine(0.1, 0.001, epoch)
        anneal(epoch)
        step()
    return (time.process_time() - began) / EPOCHS


def edges(train: Scored, number: int, seed: int) -> tuple[np.ndarray, float]:
    """The inner edges of one score in [0, 1], and the CPU seconds of an epoch."""
    tf.random.set_seed(seed)
    model = gato_sigmoid_model([{"bins": number, "range": (0.0, 1.0)}], global_steepness=50.0)
    # else it would be trained, and not annealed
    steepness = model.var_cfg[0]["k"] = tf.Variable(50.0, trainable=False)
    seconds = _climb(
        model,
        train,
        lambda scores: scores[:, 0],
        lambda epoch: steepness.assign(_cosine(50.0, 10_000.0, epoch)),
    )
    return np.asarray(model.calculate_boundaries(), float), seconds


def categories(train: Scored, test: Scored, number: int, seed: int) -> tuple[np.ndarray, float]:
    """The category of each event of `test`, and the CPU seconds of an epoch."""
    tf.random.set_seed(seed)
    model = gato_gmm_model(n_cats=number, dim=2, mean_norm="softmax")
    # a variable, or the compiled step would keep the first value
    model.temperature = tf.Variable(1.0, trainable=False)
    seconds = _climb(
        model,
        train,
        lambda scores: scores[:, :2],
        lambda epoch: model.temperature.assign(_cosine(1.0, 0.05, epoch)),
    )
    x = tf.constant(test.scores[:, :2], tf.float32)
    return np.asarray(model.get_bin_indices(x)), seconds
