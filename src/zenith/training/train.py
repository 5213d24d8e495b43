"""Pretraining of a network on balanced events, by gradient descent or LightGBM."""

import zlib
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from zenith.config.networks.descent import DescentSettings
from zenith.config.networks.settings import Mva
from zenith.core.networks.multi_task import scaled_to_targets
from zenith.core.networks.network import Network
from zenith.errors import ConfigError, FitError, InputError
from zenith.training.balance import Balance, balanced, without_negative
from zenith.training.calibrate import calibrated, set_aside
from zenith.training.checkpoints import Checkpoint, identity
from zenith.training.descent import train_with_jax
from zenith.training.examples import Examples
from zenith.training.planing import Plane, planed
from zenith.training.regressions import target_scales
from zenith.training.stream import Stream, Weigh
from zenith.training.trained import Progress, Trained, Watch


def train(
    name: str,
    mva: Mva,
    training: Examples,
    validation: Examples,
    seed: int,
    progress: Progress = lambda *_: None,
    calibrating: Examples | None = None,
    checkpoint: str | Path | None = None,
    stream: Stream | None = None,
    watch: Watch = lambda _: {},
) -> Trained:
    """Train the network `name`; the same arguments give the same numbers.

    The loss is the mean of weight · cross-entropy, with a sigmoid for two classes and a softmax for
    more, over events balanced as configured, or what `loss` makes of it. The weights that are kept
    are those with the smallest loss on `validation`, which is balanced by weights alone. Where the
    network is to be calibrated, the events `calibrating` do it, balanced in the same way; without
    any, a share of `validation` of its own.

    Where the training events do not fit into memory, `stream` reads them, and `training` is the
    sample of them that scales the network and has its loss told.

    A training by gradient descent writes the file `checkpoint` between epochs, and one that is
    started again goes on from there, with the same numbers. It stays, to be removed. What `watch`
    says of the network after each epoch is noted.

    Raises `InputError` for a class whose weights add up to nothing, a feature or a field of objects
    that never varies or is not finite, and for objects that are not there; `FitError` if the loss
    is not finite, and `ConfigError` for what cannot be had where it is trained, or of a stream.
    """
    number = zlib.crc32(name.encode())
    random = np.random.default_rng([seed, number])
    key = jax.random.fold_in(jax.random.key(seed), number)
    network = mva.untrained(key)
    how: Any = train_with_jax
    if mva.framework == "keras":
        from zenith.training.keras import train_with_keras as how
    elif mva.framework == "lightgbm":
        from zenith.training.boosted_trees import train_with_lightgbm as how
    try:
        if mva.calibration is not None and calibrating is None:
            aside = np.random.default_rng([seed, zlib.crc32(f"calibration of {name}".encode())])
            share, classes = mva.calibration.share, tuple(mva.classes)
            validation, calibrating = set_aside(validation, classes, share, aside)
        for events, of in ((training, "training"), (validation, "validation")):
            check_objects(network, events, of)
            _check_observables(mva, events, of)
        if calibrating is not None:
            check_objects(network, calibrating, "calibrating")
        if stream is None:
            both = _balanced(mva, training, random), _weighted(mva, validation)
        else:
            both = _weighted(mva, training), _weighted(mva, validation)
            epochs = stream.weighed(int(random.integers(2**31)), _planing(mva, both[0]))
            how = partial(how, epochs=epochs)
        training, validation = _planed(mva, *both)
        _check_that_features_vary(mva, training)
        of_events = training.x, np.abs(training.weight)
        if network.collections:
            network = network.scaled_to(*of_events, training.objects)
        else:
            network = network.scaled_to(*of_events)
        if mva.regressions:
            network = scaled_to_targets(network, *target_scales(mva, training))
        if mva.framework == "jax":
            how = partial(how, watch=watch)
        if mva.framework == "jax" and checkpoint is not None:
            read = "" if stream is None else stream.digest
            which = identity(name, mva, seed, training, validation, read=read)
            how = partial(how, checkpoint=Checkpoint(checkpoint, which))
        trained: Trained = how(network, mva, training, validation, random, progress)
        if mva.calibration is None or calibrating is None:
            return trained
        found = calibrated(trained.network, mva.calibration.type, _weighted(mva, calibrating))
        return trained._replace(network=found, calibrating=len(calibrating.label))
    except (InputError, FitError, ConfigError) as error:
        raise type(error)(f"mva.{name}: {error}") from None


def _balanced(mva: Mva, events: Examples, random: np.random.Generator) -> Examples:
    """As the loss has them."""
    events = without_negative(events, mva.negative_weights)
    return balanced(events, tuple(mva.classes), mva.balance, random)


def _weighted(mva: Mva, events: Examples) -> Examples:
    """The same without drawing any: those that choose the epoch, and those that calibrate."""
    how: Balance = "none" if mva.balance == "none" else "class_weights"
    events = without_negative(events, mva.negative_weights)
    return balanced(events, tuple(mva.classes), how, np.random.default_rng(0))


def _planed(mva: Mva, training: Examples, validation: Examples) -> tuple[Examples, Examples]:
    if isinstance(mva, DescentSettings) and mva.loss.planing:
        training, validation = planed((training, validation), mva.loss.planing, len(mva.classes))
    return training, validation


def _planing(mva: Mva, training: Examples) -> Weigh:
    """What weights of more training events are to be, of which these are a sample."""
    if not (isinstance(mva, DescentSettings) and mva.loss.planing):
        return lambda events: events
    plane = Plane.of(training, mva.loss.planing, len(mva.classes))
    factors = plane.factors(training)
    return lambda events: plane.weighted(events, factors)


def _check_that_features_vary(mva: Mva, events: Examples) -> None:
    lowest, highest = events.x.min(axis=1), events.x.max(axis=1)
    for feature, low, high in zip(mva.features, lowest, highest, strict=True):
        if low == high:
            raise InputError(
                f"the feature {feature!r} is {low:g} in all training events: nothing can be "
                "learnt from it; remove it from features"
            )


def _check_observables(mva: Mva, events: Examples, of: str) -> None:
    for name, where in mva.read_by_loss.items():
        if name not in events.observables:
            there = ", ".join(events.observables) or "none"
            raise InputError(
                f"the {of} events have no observable {name!r}, which the loss reads; there is "
                f"{there}"
            )
        labels = [tuple(mva.classes).index(of_class) for of_class in where]
        values = events.observables[name][np.isin(events.label, labels)]
        if bad := np.count_nonzero(~np.isfinite(values)):
            raise InputError(
                f"{name!r}, which the loss reads, is NaN or infinite in {bad} of {len(values)} "
                f"{of} events of {', '.join(where)}: give it a value"
            )


def check_objects(network: Network, events: Examples, of: str) -> None:
    """Raises `InputError` for collections that a network cannot read, of the `training` events."""
    for name, fields in network.collections.items():
        if name not in events.objects:
            there = ", ".join(events.objects) or "none"
            raise InputError(f"the {of} events have no objects {name!r}; there is {there}")
        values, valid = events.objects[name]
        if len(values) != len(fields):
            raise InputError(
                f"the {of} objects {name!r} have {len(values)} fields, the network reads "
                f"{len(fields)}: {', '.join(fields)}"
            )
        if not valid.any():
            raise InputError(
                f"none of the {len(events.weight)} {of} events has any object {name!r}; remove it "
                "from objects, or loosen its selection"
            )
        lacking = network.may_lack(name)
        for field, row in zip(fields, values, strict=True):
            wrong = np.isinf(row) if field in lacking else ~np.isfinite(row)
            if bad := np.count_nonzero(wrong & valid):
                raise InputError(
                    f"{field} of the {of} objects {name!r} is NaN or infinite in {bad} of "
                    f"{np.count_nonzero(valid)} that are valid; give it a value, or write NaN and "
                    f"name it in objects.{name}.missing"
                )
