"""Networks on disk: safetensors, with what the numbers mean in the header."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from zenith import __version__
from zenith.artefacts.writing import atomic
from zenith.config.learning import Mva
from zenith.core.networks.perceptron import ACTIVATIONS, Network
from zenith.errors import InputError

_KEY = "zenith"  # one key of the header: the order of several would differ from run to run


def save_network(
    path: str | Path, network: Network, metadata: Mapping[str, Any] | None = None
) -> None:
    """Write a network and anything else that JSON can say; equal content gives equal files."""
    header = {
        "version": __version__,
        "features": network.features,
        "hidden": [len(bias) for bias in network.biases[:-1]],
        "classes": network.classes,
        "activation": network.activation,
        "metadata": dict(metadata or {}),
    }
    arrays = {name: np.ascontiguousarray(a) for name, a in network.to_arrays().items()}
    content = save(arrays, {_KEY: json.dumps(header, sort_keys=True)})
    with atomic(path) as temporary:
        temporary.write_bytes(content)


def load_network(path: str | Path, mva: Mva | None = None) -> Network:
    """Read a network; with `mva`, one that has the features, classes and layers configured there.

    Raises `InputError` that names the file, what differs, and the remedy.
    """
    header, arrays = _read(path)
    features, classes = tuple(header["features"]), tuple(header["classes"])
    hidden = tuple(header["hidden"])
    if mva is not None:
        expected = tuple(mva.classes) if len(mva.classes) > 2 else ()
        _same(path, "features", features, mva.features)
        _same(path, "classes", classes, expected)
        hidden = mva.hidden
    try:
        # the shapes alone: to draw weights means to compile the drawing
        network = jax.eval_shape(
            lambda: Network.create(
                jax.random.key(0), features, hidden, classes, header["activation"]
            )
        )
        found: Network = network.with_arrays(arrays)
        return found
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def network_metadata(path: str | Path) -> dict[str, Any]:
    """What `save_network` was given as metadata."""
    return dict(_read(path)[0]["metadata"])


def _read(path: str | Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    try:
        with safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {})[_KEY])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error}); run `zenith mva`") from None
    except (SafetensorError, KeyError, ValueError) as error:
        raise InputError(f"{path}: not a network of Zenith ({error}); run `zenith mva`") from None
    if header["activation"] not in ACTIVATIONS:
        raise InputError(f"{path}: the activation {header['activation']!r} is not known")
    return header, arrays


def _same(path: str | Path, what: str, found: tuple[str, ...], configured: tuple[str, ...]) -> None:
    if found != configured:
        raise InputError(
            f"{path}: the network has the {what} {', '.join(found) or 'of a single score'}, the "
            f"configuration asks for {', '.join(configured) or 'a single score'}; train it again "
            "with `zenith mva`"
        )
