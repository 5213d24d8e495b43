"""Responses and efficient scores on disk: safetensors, with what the numbers mean in the header."""

from collections.abc import Collection, Mapping
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
from zenith.core.response.learned import LearnedResponse
from zenith.core.response.projected import InCells, Projected
from zenith.errors import InputError
from zenith.training.network_files import require_architecture, settings_of
from zenith.training.response import parameters_of_networks, shape_parameters

LEARNED = "learned."  # what the arrays of networks begin with, beside those of trees


class Responses(NamedTuple):
    """The responses of a fold to all nuisance parameters that vary shapes."""

    network: BoostedTrees | None  # a logit for each that trees have learned, in their order
    scales: dict[str, float]  # by nuisance parameter; 0 where the response is noise
    significances: dict[str, float]
    metadata: dict[str, Any]
    learned: LearnedResponse | None = None  # to those that come last


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
    if responses.learned is not None:
        header["learned"] = _described(responses.learned)
        own = responses.learned.to_arrays().items()
        arrays = {**arrays, **{LEARNED + name: array for name, array in own}}
    write_tensors(path, header, arrays)


def load_responses(path: str | Path) -> Responses:
    """Read what `save_responses` wrote; raises InputError, which names the file, for another."""
    header, arrays = read_tensors(path)
    try:
        shell, learned = _shell(header["responses"]), header.get("learned")
        own = {n.removeprefix(LEARNED): a for n, a in arrays.items() if n.startswith(LEARNED)}
        of_trees = {n: a for n, a in arrays.items() if not n.startswith(LEARNED)}
        found = Responses(
            None if shell is None else shell.with_arrays(of_trees),
            dict(zip(header["nuisances"], header["scales"], strict=True)),
            dict(zip(header["nuisances"], header["significances"], strict=True)),
            dict(header["metadata"]),
            None
            if learned is None
            else jax.eval_shape(lambda: _untrained(learned)).with_arrays(own),
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
    names = [nuisance.name for nuisance in shape_parameters(analysis)]
    by_networks = responses.learned.parameters if responses.learned is not None else ()
    checks: list[tuple[str, Collection[str], Collection[str]]] = [
        ("nuisance parameters", responses.scales, names),
        ("networks of the parameters", by_networks, parameters_of_networks(analysis)),
    ]
    for network in (responses.network, responses.learned):
        if network is not None:
            checks.append(("features", network.features, mva.features))
    for what, found, wanted in checks:
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
        **({} if score.learned is None else {"learned": _described(score.learned)}),
        "parameters": {"rates": len(score.rates), **_bins(score.projected)},
        "metadata": dict(metadata),
    }
    write_tensors(path, header, score.to_arrays())


def load_score(
    path: str | Path, mva: Mva, bins: int | None = None, cells: int = 1
) -> tuple[EfficientScore, dict[str, Any]]:
    """Read an efficient score, and the metadata beside it.

    Raises InputError, which names the file and the remedy, where it is something else, of another
    network or, if `bins` are asked for, of another number of bins or cells.
    """
    header, arrays = read_tensors(path)
    again = "run `zenith efficient_score`"
    try:
        settings = settings_of(path, header["network"])
        require_architecture(path, settings, mva, again)
        number, divided = int(header["parameters"]["bins"]), int(header["parameters"]["cells"])
        shell = jax.eval_shape(lambda: _empty(settings, header))
        found: EfficientScore = shell.with_arrays(arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not an efficient score ({error}); {again}") from None
    if bins is not None:
        for key, here, asked in (("bins", number, bins), ("cells", divided, cells)):
            if here != asked:
                raise InputError(
                    f"{path}: the efficient score has {here} {key}, summary.{key} asks for "
                    f"{asked}; {again}"
                )
    return found, dict(header.get("metadata", {}))


def _empty(settings: Mva, header: Mapping[str, Any]) -> EfficientScore:
    ratios: Network = settings.shell(jax.random.key(0))
    shell, parameters = _shell(header["responses"]), header["parameters"]
    learned = _untrained(header["learned"]) if "learned" in header else None
    classes = len(settings.classes)
    outputs = 0 if shell is None else len(shell.value)
    outputs += 0 if learned is None else len(learned.parameters)
    found = EfficientScore.of(
        ratios,
        shell,
        np.ones(classes),
        np.zeros(classes),
        np.zeros((int(parameters["rates"]), classes)),
        np.zeros(outputs),
        int(parameters["bins"]),
        learned,
        None if learned is None else np.zeros((classes, len(learned.processes))),
    )
    if (cells := int(parameters["cells"])) == 1:
        return found
    edges = np.zeros((cells, int(parameters["bins"]) + 1))
    return found.in_cells(int(parameters["divided_by"]), np.zeros(cells - 1), edges)


def _bins(projected: Projected) -> dict[str, int]:
    cells, ends = projected.edges_of_cells.shape
    divided = {"divided_by": projected.parameter} if isinstance(projected, InCells) else {}
    return {"bins": ends - 1, "cells": cells, **divided}


def _described(response: LearnedResponse) -> dict[str, Any]:
    sizes = [array.shape[-1] for array in response.networks.biases]
    return {
        "features": list(response.features),
        "processes": list(response.processes),
        "parameters": list(response.parameters),
        "hidden": sizes[:-1],
    }


def _untrained(described: Mapping[str, Any]) -> LearnedResponse:
    return LearnedResponse.create(
        jax.random.key(0),
        described["features"],
        described["processes"],
        described["parameters"],
        [int(size) for size in described["hidden"]],
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
