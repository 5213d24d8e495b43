"""gato-hep on the events of a benchmark: a Gaussian mixture on the softmax of three classes.

Settings are those of its own example of three classes: RMSprop from 0.1 to 0.001 and a temperature
from 1 to 0.05, both along a cosine, 250 epochs on all events, and no penalty.
"""

import math
import time

import numpy as np
import tensorflow as tf
from gatohep.models import gato_gmm_model

from zenith.learning.scored import Scored

EPOCHS = 250


def _cosine(first: float, last: float, epoch: int) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * epoch / (EPOCHS - 1))) / 2


def _tensors(events: Scored) -> dict[str, dict[str, tf.Tensor]]:
    return {
        f"process{label}": {
            "NN_output": tf.constant(events.scores[events.label == label, :2], tf.float32),
            "weight": tf.constant(events.weight[events.label == label], tf.float32),
        }
        for label in np.unique(events.label)
    }


def categories(train: Scored, test: Scored, number: int, seed: int) -> tuple[np.ndarray, float]:
    """The category of each event of `test`, and the CPU seconds of an epoch."""
    tf.random.set_seed(seed)
    model = gato_gmm_model(n_cats=number, dim=2, mean_norm="softmax")
    # a variable, or the compiled step would keep the first value
    model.temperature = tf.Variable(1.0, trainable=False)
    optimizer = tf.keras.optimizers.RMSprop(0.1)
    signals = [f"process{label}" for label in train.signal_labels]
    data = _tensors(train)

    @tf.function
    def step() -> None:
        with tf.GradientTape() as tape:
            z = model.get_differentiable_significance(data, signal_labels=signals)
            loss = -tf.sqrt(z[signals[0]] * z[signals[1]])
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    step()
    began = time.process_time()
    for epoch in range(EPOCHS):
        optimizer.learning_rate = _cosine(0.1, 0.001, epoch)
        model.temperature.assign(_cosine(1.0, 0.05, epoch))
        step()
    seconds = (time.process_time() - began) / EPOCHS
    x = tf.constant(test.scores[:, :2], tf.float32)
    return np.asarray(model.get_bin_indices(x)), seconds
