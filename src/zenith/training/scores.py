"""The scores of networks as observables: one function for every step that needs them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import Columns
from zenith.config.channels import CATEGORY
from zenith.config.learning import Folds
from zenith.core.networks.given import trunk_of
from zenith.core.networks.network import Network, Objects, require_events_alone
from zenith.core.selection.categories import largest
from zenith.errors import InputError
from zenith.events.folds import folds_of

Values = dict[str, NDArray[np.float32]]
CHUNK = 32_768  # events: few are added to fill the last chunk, and hidden layers stay in caches
PAIRS = 2**20  # of objects: bounds the memory of what is between


def scores(
    name: str, network: Network, values: Mapping[str, NDArray[np.float32]]
) -> dict[str, NDArray[np.float32]]:
    """`name` → score of the last class, (N,) in [0, 1]; of more than two classes, `name:class`.

    Raises `InputError` that names a feature that is missing or not finite, or the collections of a
    network that reads objects.
    """
    found = _outputs(name, network, values)
    return {score: found[score] for score in network.observables(name)}


def _outputs(name: str, network: Network, values: Mapping[str, NDArray[np.float32]]) -> Values:
    """Scores, and `name:category`: the number of the largest output, from 1.

    Of a network with one output, 2 where its score is above 0.5.
    """
    require_events_alone(name, network)
    for feature in network.features:
        if feature not in values:
            raise InputError(f"network {name}: its feature {feature!r} is not among the columns")
        known = values[feature]
        if feature in network.may_lack():
            known = known[~np.isnan(known)]
        if not np.isfinite(known).all():
            raise InputError(f"network {name}: its feature {feature!r} is NaN or infinite")
    x = np.stack([np.asarray(values[feature], np.float32) for feature in network.features])
    names = (*network.observables(name), CATEGORY.format(network=name))
    found = evaluated(_scores_and_category, network, x)
    return dict(zip(names, found.astype(np.float32), strict=True))


def _scores_and_category(network: Network, events: jax.Array) -> jax.Array:
    logits = network.logits(events)
    return jnp.stack([*network.of_logits(logits), 1 + largest(logits)])


def scores_of(
    network: Network, x: NDArray[np.float32], objects: Mapping[str, Objects] = {}
) -> NDArray[np.float32]:
    """The scores (1 or classes, N) of features (features, N) and objects by collection.

    Raises `InputError` for a collection that is missing.
    """
    return evaluated(Network.scores, network, x, _read(network, objects)).astype(np.float32)


def logits_of(
    network: Network, x: NDArray[np.float32], objects: Mapping[str, Objects] = {}
) -> NDArray[np.float32]:
    """The same before the sigmoid or the softmax."""
    logits = type(network).logits
    return evaluated(logits, network, x, _read(network, objects)).astype(np.float32)


def embedding_of(
    network: Network, x: NDArray[np.float32], objects: Mapping[str, Objects]
) -> NDArray[np.float32]:
    """What the head reads, (embedding, N). Raises `InputError` for a network without one."""
    trunk = trunk_of(network)
    return evaluated(type(trunk).embedding, trunk, x, _read(trunk, objects)).astype(np.float32)


def regressions_of(
    network: Network, x: NDArray[np.float32], objects: Mapping[str, Objects] = {}
) -> dict[str, NDArray[np.float32]]:
    """The predictions (1 or 2, N) of each regression, as `scores_of` has the scores."""
    if not network.regressions:
        return {}
    found = evaluated(_predictions, network, x, _read(network, objects)).astype(np.float32)
    rows = np.split(found, np.cumsum([*network.regressions.values()])[:-1])
    return dict(zip(network.regressions, rows, strict=True))


def _predictions(
    network: Network, events: jax.Array, objects: Mapping[str, Objects] = {}
) -> jax.Array:
    return network.outputs(events, objects)[len(network.classes) or 1 :]


def _read(network: Network, objects: Mapping[str, Objects]) -> dict[str, Objects]:
    for name in network.collections:
        if name not in objects:
            raise InputError(f"the network reads objects {name!r}; there is no such collection")
    return {name: objects[name] for name in network.collections}


def evaluated(
    function: Callable[..., jax.Array],
    network: Network,
    x: NDArray[np.float32],
    objects: Mapping[str, Objects] = {},
) -> NDArray[Any]:
    """What a function of a network makes of features (features, N), and of objects, (…, N).

    The function is compiled, as one of the network, so that the networks of all folds share it; it
    sees chunks, of a few sizes only: to compile one takes longer than to evaluate it. Where there
    are objects, pairs of them bound the size.
    """
    pairs = sum(len(valid) for _, valid in objects.values()) ** 2
    most = min(CHUNK, PAIRS >> pairs.bit_length() or 1)
    parts = []
    for start in range(0, max(x.shape[1], 1), most):
        chunk = x[:, start : start + most]
        events = chunk.shape[1]
        size = min(most, 1 << max(events - 1, 1023).bit_length())

        def padded(array: NDArray[Any], start: int = start, size: int = size) -> jax.Array:
            of_chunk = array[..., start : start + most]
            full = np.zeros((*of_chunk.shape[:-1], size), of_chunk.dtype)
            full[..., : of_chunk.shape[-1]] = of_chunk
            return jnp.asarray(full)

        given = {
            name: Objects(padded(np.asarray(values)), padded(np.asarray(valid)))
            for name, (values, valid) in objects.items()
        }
        inputs = (padded(x), given) if given else (padded(x),)
        parts.append(np.asarray(_compiled(function, network, *inputs))[..., :events])
    return np.concatenate(parts, axis=-1)


@eqx.filter_jit
def _compiled(function: Callable[..., jax.Array], network: Network, *inputs: Any) -> jax.Array:
    return function(network, *inputs)


def add_scores(columns: Columns, networks: Mapping[str, Network]) -> Columns:
    """The columns with the scores of all networks, also of all shape variations and copies."""
    return _with(columns, lambda values: _scored(values, networks))


def add_unseen_scores(
    columns: Columns, networks: Sequence[Mapping[str, Network]], folds: Folds
) -> Columns:
    """The same with the networks of each fold, by which the events of that fold are scored."""
    return add_by_fold(columns, [partial(_scored, networks=own) for own in networks], folds)


def add_by_fold(
    columns: Columns, functions: Sequence[Callable[[Values], Values]], folds: Folds
) -> Columns:
    """The columns with those that the function of each fold makes of the events of that fold."""
    of_fold = [np.flatnonzero(folds_of(columns.hash, folds) == f) for f in range(folds.number)]

    def scored(values: Values) -> Values:
        found: Values = {}
        for events, function in zip(of_fold, functions, strict=True):
            here = {name: v[events] for name, v in values.items()}
            for name, part in function(here).items():
                found.setdefault(name, np.empty(len(columns.hash), np.float32))[events] = part
        return found

    return _with(columns, scored)


def _scored(values: Values, networks: Mapping[str, Network]) -> Values:
    found: Values = {}
    for name, network in networks.items():
        found |= _outputs(name, network, values)
    return found


def _with(columns: Columns, scored: Callable[[Values], Values]) -> Columns:
    shapes, copies = (
        {name: values | scored(values) for name, values in varied.items()}
        for varied in (columns.shapes, columns.copies)
    )
    values = columns.values | scored(columns.values)
    return replace(columns, values=values, shapes=shapes, copies=copies)
