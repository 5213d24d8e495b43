"""Transforms of features, beside or in place of their values: what a first layer sees better."""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from zenith.core.networks.network import OnnxGraph

CLIP = 1e-5  # logarithms see nothing smaller
TRANSFORMS = ("raw", "log", "logit")

Inputs = tuple[tuple[str, int], ...]
"""Of each input of a first layer its transform, in the order of `TRANSFORMS`, and its feature."""


def inputs(features: Sequence[str], transforms: Mapping[str, Sequence[str]]) -> Inputs:
    """The inputs of features, of which some have transforms by name; others are `raw`."""
    return tuple(
        (transform, number)
        for transform in TRANSFORMS
        for number, feature in enumerate(features)
        if transform in transforms.get(feature, ("raw",))
    )


def transformed(events: jax.Array, inputs: Inputs) -> jax.Array:
    """(features, …) → (inputs, …): x, ln max(x, 1e-5), ln(x / (1 - x)) of x within 1e-5 of 0, 1."""
    rows = []
    for transform, chosen in _groups(inputs).items():
        x = events if len(chosen) == len(events) else events[np.array(chosen)]
        if transform == "log":
            x = jnp.log(jnp.maximum(x, CLIP))
        elif transform == "logit":
            x = jnp.clip(x, CLIP, 1.0 - CLIP)
            x = jnp.log(x) - jnp.log1p(-x)
        rows.append(x)
    return rows[0] if len(rows) == 1 else jnp.concatenate(rows)


def onnx(graph: OnnxGraph, events: str, features: int, inputs: Inputs) -> str:
    """The nodes of `transformed`: from (…, features) to (…, inputs)."""
    columns = []
    for transform, chosen in _groups(inputs).items():
        x = events
        if len(chosen) < features:
            x = graph.node("Gather", x, graph.node("Constant", value_ints=chosen), axis=-1)
        if transform != "raw":
            x = graph.node("Max", x, graph.constant(CLIP))
        if transform == "logit":
            x = graph.node("Min", x, graph.constant(1.0 - CLIP))
            x = graph.node("Div", x, graph.node("Sub", graph.constant(1.0), x))
        columns.append(x if transform == "raw" else graph.node("Log", x))
    return columns[0] if len(columns) == 1 else graph.node("Concat", *columns, axis=-1)


def _groups(inputs: Inputs) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for transform, number in inputs:
        groups.setdefault(transform, []).append(number)
    return groups
