"""Pretraining of a network on balanced events, by gradient descent or LightGBM."""

import zlib

import jax
import numpy as np

from zenith.config.networks.descent import DescentSettings
from zenith.config.networks.settings import Mva
from zenith.core.networks.network import Network
from zenith.errors import FitError, InputError
from zenith.training.balance import balanced, without_negative
from zenith.training.descent import train_with_jax
from zenith.training.examples import Examples
from zenith.training.planing import planed
from zenith.training.trained import Progress, Trained


def train(
    name: str,
    mva: Mva,
    training: Examples,
    validation: Examples,
    seed: int,
    progress: Progress = lambda *_: None,
) -> Trained:
    """Train the network `name`; the same arguments give the same numbers.

    The loss is the mean of weight · cross-entropy, with a sigmoid for two classes and a softmax for
    more, over events balanced as configured, or what `loss` makes of it. The weights that are kept
    are those with the smallest loss on `validation`, which is balanced by weights alone.

    Raises `InputError` for a class whose weights add up to nothing, a feature or a field of objects
    that never varies or is not finite, and for objects that are not there; and `FitError` if the
    loss is not finite.
    """
    number = zlib.crc32(name.encode())
    random = np.random.default_rng([seed, number])
    key = jax.random.fold_in(jax.random.key(seed), number)
    network = mva.untrained(key)
    how = train_with_jax
    if mva.framework == "keras":
        from zenith.training.keras import train_with_keras as how
    elif mva.framework == "lightgbm":
        from zenith.training.boosted_trees import train_with_lightgbm as how
    try:
        for events, of in ((training, "training"), (validation, "validation")):
            check_objects(network, events, of)
            _check_observables(mva, events, of)
        training, validation = _balanced(mva, training, validation, random)
        _check_that_features_vary(mva, training)
        of_events = training.x, np.abs(training.weight)
        if network.collections:
            network = network.scaled_to(*of_events, training.objects)
        else:
            network = network.scaled_to(*of_events)
        return how(network, mva, training, validation, random, progress)
    except (InputError, FitError) as error:
        raise type(error)(f"mva.{name}: {error}") from None


def _balanced(
    mva: Mva, training: Examples, validation: Examples, random: np.random.Generator
) -> tuple[Examples, Examples]:
    """Both as the loss has them; the events of the validation are never sampled."""
    classes, rule = tuple(mva.classes), mva.negative_weights
    both = (
        balanced(without_negative(training, rule), classes, mva.balance, random),
        balanced(
            without_negative(validation, rule),
            classes,
            "none" if mva.balance == "none" else "class_weights",
            random,
        ),
    )
    if isinstance(mva, DescentSettings) and mva.loss.planing:
        training, validation = planed(both, mva.loss.planing, len(classes))
        return training, validation
    return both


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
