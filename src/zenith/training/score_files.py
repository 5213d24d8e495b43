"""Responses and efficient scores on disk: safetensors, with what the numbers mean in the header."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from zenith import __version__
from zenith.artefacts.tensors import read_tensors, write_tensors
from zenith.config import Analysis
from zenith.config.networks.settings import Mva
from zenith.core.networks.boosted_trees import BoostedTrees
from zenith.core.networks.network import Network
from zenith.core.response.efficient_score import EfficientScore
from zenith.errors import InputError
from zenith.training.network_files import require_architecture, settings_of
from zenith.training.response import shape_parameters


class Responses(NamedTuple):
    """The responses of a fold to all nuisance parameters that vary shapes."""

    network: BoostedTrees | None  # a logit for each, in their order
    scales: dict[str, float]  # by nuisance parameter; 0 where the response is noise
    significances: dict[str, float]
    metadata: dict[str, Any]


def save_responses(path: str | Path, responses: Responses) -> None:
    """Write responses; equal content gives equal files."""
    header = {
        "version": __version__,
        "responses": _shape(responses.network),
        # lists: what reads a header need not keep the order of its keys, the network has its own
        "nuisances": list(responses.scales),
        "scales": list(responses.scales.values()),
        "significances": [responses.significances[name] for name in responses.scales],
        "metadata": responses.metadata,
    }
    arrays = {} if responses.network is None else responses.network.to_arrays()
    write_tensors(path, header, arrays)


def load_responses(path: str | Path) -> Responses:
    """Read what `save_responses` wrote; raises InputError, which names the file, for another."""
    header, arrays = read_tensors(path)
    try:
        shell = _shell(header["responses"])
        found = Responses(
            None if shell is None else shell.with_arrays(arrays),
            dict(zip(header["nuisances"], header["scales"], strict=True)),
            dict(zip(header["nuisances"], header["significances"], strict=True)),
            dict(header["metadata"]),
        )
    except (InputError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: not the responses of a fold ({error}); run `zenith response`"
        ) from None
    return found


def require_responses(path: str | Path, responses: Responses, analysis: Analysis, mva: Mva) -> None:
    """Raises InputError, which names the file, for those of other nuisance parameters or features.

    The order of both is free: they are found by name.
    """
    network = responses.network
    features = mva.features if network is None else network.features
    names = [nuisance.name for nuisance in shape_parameters(analysis)]
    for what, found, wanted in (
        ("nuisance parameters", responses.scales, names),
        ("features", features, mva.features),
    ):
        here, configured = sorted(found), sorted(wanted)
        if here != configured:
            raise InputError(
                f"{path}: responses with {what} {', '.join(here) or 'none'}, the configuration has "
                f"{', '.join(configured) or 'none'}; run `zenith response`"
            )


def save_score(
    path: str | Path, score: EfficientScore, mva: Mva, metadata: Mapping[str, Any]
) -> None:
    """Write an efficient score whose class ratios `mva` has created."""
    assert score.responses is None or isinstance(score.responses, BoostedTrees)
    header = {
        "version": __version__,
        "network": mva.architecture(),
        "responses": _shape(score.responses),
        "parameters": {"rates": len(score.rates), "bins": len(score.projected.edges) - 1},
        "metadata": dict(metadata),
    }
    write_tensors(path, header, score.to_arrays())


def load_score(
    path: str | Path, mva: Mva, bins: int | None = None
) -> tuple[EfficientScore, dict[str, Any]]:
    """Read an efficient score, and the metadata beside it.

    Raises InputError, which names the file and the remedy, where it is something else, of another
    network or of another number of bins.
    """
    header, arrays = read_tensors(path)
    again = "run `zenith efficient_score`"
    try:
        settings = settings_of(path, header["network"])
        require_architecture(path, settings, mva, again)
        number = int(header["parameters"]["bins"])
        rates = int(header["parameters"]["rates"])
        shell = jax.eval_shape(lambda: _empty(settings, header["responses"], rates, number))
        found: EfficientScore = shell.with_arrays(arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not an efficient score ({error}); {again}") from None
    if bins is not None and number != bins:
        raise InputError(
            f"{path}: the efficient score has {number} bins, summary.bins asks for {bins}; {again}"
        )
    return found, dict(header.get("metadata", {}))


def _empty(settings: Mva, responses: Any, rates: int, bins: int) -> EfficientScore:
    ratios: Network = settings.shell(jax.random.key(0))
    shell = _shell(responses)
    classes = len(settings.classes)
    outputs = 0 if shell is None else len(shell.value)
    return EfficientScore.of(
        ratios,
        shell,
        np.ones(classes),
        np.zeros(classes),
        np.zeros((rates, classes)),
        np.zeros(outputs),
        bins,
    )


def _shape(trees: BoostedTrees | None) -> dict[str, Any] | None:
    if trees is None:
        return None
    _, number, leaves = trees.value.shape
    return {
        "features": list(trees.features),
        "outputs": list(trees.classes),
        "trees": number,
        "leaves": leaves,
    }


def _shell(shape: Any) -> BoostedTrees | None:
    if shape is None:
        return None
    return BoostedTrees.create(
        shape["features"], shape["outputs"], int(shape["trees"]), int(shape["leaves"])
    )
