"""Pretraining with Keras 3 on its JAX backend, an optional extra; the result is our own network.

What Keras trained is then saved, scored and exported like any other network.
"""

import os
from typing import Any

import numpy as np

from zenith.config.networks.perceptron import PerceptronSettings
from zenith.config.networks.settings import Mva
from zenith.core.networks.network import Network
from zenith.errors import ConfigError
from zenith.training.examples import Examples
from zenith.training.trained import Progress, Trained


def _keras() -> Any:
    os.environ.setdefault("KERAS_BACKEND", "jax")  # read once, when Keras is imported
    try:
        import keras
    except ModuleNotFoundError:
        raise ConfigError(
            "framework: keras is not installed: pip install 'zenith-hep[keras]', or framework: jax"
        ) from None
    if keras.backend.backend() != "jax":
        raise ConfigError(
            f"framework: keras runs on {keras.backend.backend()}; set KERAS_BACKEND=jax"
        )
    return keras


def train_with_keras(
    network: Network,
    mva: Mva,
    training: Examples,
    validation: Examples,
    random: np.random.Generator,
    progress: Progress,
) -> Trained:
    """As `zenith.training.descent.train_with_jax`; the training loss is Keras's mean of each epoch.

    Raises `ConfigError` if Keras is not installed or runs on another backend.
    """
    assert isinstance(mva, PerceptronSettings)  # no other type of network allows `keras`
    keras = _keras()
    keras.utils.set_random_seed(int(random.integers(2**31)))
    layers = keras.layers
    dense = [layers.Dense(width, mva.activation, kernel_initializer="he_normal")
             for width in mva.hidden]  # fmt: skip
    head = layers.Dense(len(network.classes) or 1)
    model = keras.Sequential([layers.Input((len(network.inputs),)), *dense, head])
    rate: Any = mva.learning_rate
    if mva.schedule == "cosine" or mva.warm_up:
        steps = -(-len(training.weight) // mva.batch)
        rising = round(mva.warm_up * steps)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0 if rising else mva.learning_rate,
            mva.epochs * steps - rising,
            alpha=0.0 if mva.schedule == "cosine" else 1.0,
            warmup_target=mva.learning_rate if rising else None,
            warmup_steps=rising,
        )
    loss = keras.losses.SparseCategoricalCrossentropy if network.classes else (
        keras.losses.BinaryCrossentropy
    )  # fmt: skip
    model.compile(keras.optimizers.Adam(rate, global_clipnorm=mva.clip), loss(from_logits=True))

    def arrays(events: Examples) -> tuple[Any, Any, Any]:
        label = events.label if network.classes else events.label[:, None]
        return network.scaled(events.x).T, label, events.weight.astype(np.float32)

    def report(epoch: int, logs: dict[str, float]) -> None:
        progress(epoch + 1, logs["loss"], logs["val_loss"])

    x, label, weight = arrays(training)
    history = model.fit(
        x,
        label,
        sample_weight=weight,
        validation_data=arrays(validation),
        batch_size=mva.batch,
        epochs=mva.epochs,
        verbose=0,
        callbacks=[
            keras.callbacks.TerminateOnNaN(raise_error=True),
            keras.callbacks.EarlyStopping(
                "val_loss", patience=mva.patience, restore_best_weights=True
            ),
            keras.callbacks.LambdaCallback(on_epoch_end=report),
        ],
    ).history
    found = network.to_arrays()
    for k, layer in enumerate([*dense, head]):
        found[f"weights.{k}"] = np.asarray(layer.kernel).T
        found[f"biases.{k}"] = np.asarray(layer.bias)
    losses = {"train": history["loss"], "validation": history["val_loss"]}
    return Trained(network.with_arrays(found), losses, int(np.argmin(losses["validation"])) + 1)
