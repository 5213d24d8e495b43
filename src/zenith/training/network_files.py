"""Networks on disk: safetensors, with what the numbers mean in the header."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
from pydantic import ValidationError

from zenith import __version__
from zenith.artefacts.tensors import read_tensors, write_tensors
from zenith.config.networks.settings import NETWORKS, Mva
from zenith.core.networks.network import Network
from zenith.errors import ConfigError, InputError


def save_network(
    path: str | Path, network: Network, mva: Mva, metadata: Mapping[str, Any] | None = None
) -> None:
    """Write a network that `mva` has created, and anything else that JSON can say.

    The header has the type of the network and whatever else says what its arrays mean. Equal
    content gives equal files.
    """
    header = {
        "version": __version__,
        "network": mva.architecture(),
        "metadata": dict(metadata or {}),
    }
    write_tensors(path, header, network.to_arrays())


def load_network(path: str | Path, mva: Mva | None = None) -> Network:
    """Read a network; with `mva`, one of the type, features, classes and layers configured there.

    Raises `InputError` that names the file, what differs, and the remedy.
    """
    header, arrays = read_tensors(path)
    settings = settings_of(path, header.get("network"))
    if mva is not None:
        require_architecture(path, settings, mva, "train it again with `zenith mva`")
    try:
        # the shapes alone: to draw weights means to compile the drawing
        network = jax.eval_shape(lambda: settings.shell(jax.random.key(0)))
        found: Network = network.with_arrays(arrays)
        return found
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def settings_of(path: str | Path, architecture: Any) -> Mva:
    """The settings of the network in a file; of its classes the samples are not known.

    Raises `InputError`, which names the file, where they are not those of a network.
    """
    try:
        model = NETWORKS.load(str(architecture["type"]))
        classes = {name: (name,) for name in architecture["classes"]}
        found: Mva = model.model_validate({**architecture, "classes": classes})
    except ConfigError as error:
        raise InputError(
            f"{path}: type of the network: {error}; else train it again with `zenith mva`"
        ) from None
    except (KeyError, TypeError, ValidationError) as error:
        text = " ".join(str(error).split())
        raise InputError(f"{path}: not a network of Zenith ({text}); run `zenith mva`") from None
    return found


def require_architecture(path: str | Path, settings: Mva, mva: Mva, remedy: str) -> None:
    """Raises `InputError`, which names the file, where a network is not what `mva` configures."""
    found, configured = settings.architecture(), mva.architecture()
    for key in dict.fromkeys(["type", *configured, *found]):
        here, wanted = found.get(key), configured.get(key)
        if here != wanted:
            raise InputError(
                f"{path}: the network has {key} {_text(here)}, the configuration asks for "
                f"{_text(wanted)}; {remedy}"
            )


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
