"""The scores of networks as observables: one function for every step that needs them."""

from collections.abc import Mapping
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import Columns
from zenith.core.networks.network import Network, require_events_alone
from zenith.errors import InputError

CHUNK = 262_144  # events: bounds the memory of the hidden layers


def scores(
    name: str, network: Network, values: Mapping[str, NDArray[np.float32]]
) -> dict[str, NDArray[np.float32]]:
    """`name` → score of the last class, (N,) in [0, 1]; of more than two classes, `name:class`.

    Raises `InputError` that names a feature that is missing or not finite, or the collections of a
    network that reads objects.
    """
    require_events_alone(name, network)
    for feature in network.features:
        if feature not in values:
            raise InputError(f"network {name}: its feature {feature!r} is not among the columns")
        if not np.isfinite(values[feature]).all():
            raise InputError(f"network {name}: its feature {feature!r} is NaN or infinite")
    x = np.stack([np.asarray(values[feature], np.float32) for feature in network.features])
    starts = range(0, max(x.shape[1], 1), CHUNK)
    rows = np.concatenate(
        [np.asarray(network.scores(jnp.asarray(x[:, i : i + CHUNK]))) for i in starts], axis=1
    )
    return dict(zip(network.observables(name), rows, strict=True))


def add_scores(columns: Columns, networks: Mapping[str, Network]) -> Columns:
    """The columns with the scores of all networks, also under every shape variation."""

    def scored(values: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        new = dict(values)
        for name, network in networks.items():
            new |= scores(name, network, values)
        return new

    shapes = {variation: scored(values) for variation, values in columns.shapes.items()}
    return replace(columns, values=scored(columns.values), shapes=shapes)
