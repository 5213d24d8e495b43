"""From events to histograms of every process and variation, chunk by chunk, with their gradient.

A histogram is a sum over events, so its gradient takes two passes over the chunks: one for the
histograms, on which the objective and its derivative with respect to every bin are evaluated, and
one that pulls this derivative back to the parameters. Each keeps one chunk in memory.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from zenith.core.likelihood.recipe import Histograms
from zenith.core.selection.cuts import hard_mask, soft_weight
from zenith.core.selection.layout import Blocks, Channel, Layout

Selection = Mapping[str, Any]
"""{"thresholds": {name: scalar}, "networks": {name: Network}, "edges": {region: Edges}}

`edges` may lack: those of a region move in units of its axis, 0 to 1, if its axis has a grid.
"""


def soft_histograms(
    parameters: Selection, events: Layout, temperature: ArrayLike, bandwidth: ArrayLike
) -> dict[str, Histograms]:
    """Histograms by region: soft cuts, and kernels of `bandwidth` bin widths; differentiable."""
    return _histograms(parameters, events, jnp.asarray(temperature), bandwidth, None)


def hard_histograms(
    parameters: Selection, events: Layout, replica: ArrayLike | None = None
) -> dict[str, Histograms]:
    """Histograms by region: hard cuts, hard bins.

    With a `replica`, an integer, every event counts as often as a Poisson number of mean 1 says,
    which follows from the replica and the event's identity alone: it is the same in all regions and
    variations and for all thresholds, so that the difference of two selections has a paired error.
    """
    return _histograms(parameters, events, None, 0.0, replica)


def _histograms(
    parameters: Selection,
    events: Layout,
    temperature: jax.Array | None,
    bandwidth: ArrayLike,
    replica: ArrayLike | None,
) -> dict[str, Histograms]:
    processes = len(events.processes)
    shifts = np.array(events.shifts, bool).reshape(-1, processes, 1)
    result = {}
    for group in events.groups:
        smoothings = [
            region.axis.smoothing(bandwidth, _edges(region, parameters, hard=temperature is None))
            for region in group.regions
        ]
        chain = _Chain(group.regions, group.columns, processes * group.axis.fine_bins)
        fine = _accumulate(chain, parameters, temperature, group.nominal, replica)
        nominal = fine.reshape(*fine.shape[:2], processes, -1)
        if group.shifted is not None:
            chain = chain._replace(cells=chain.cells * len(shifts))
            fine = _accumulate(chain, parameters, temperature, group.shifted, replica)
            shifted = fine[:, 0].reshape(len(group.regions), *shifts.shape[:2], -1)
        for k, (region, smoothing) in enumerate(zip(group.regions, smoothings, strict=True)):
            yields, *varied, variance = nominal[k] @ smoothing
            variations = dict(zip(events.weight_variations, varied, strict=True))
            for v, name in enumerate(events.shape_variations):
                variations[name] = jnp.where(shifts[v], shifted[k, v] @ smoothing, yields)
            result[region.name] = Histograms(
                yields, variance, variations, events.sums, events.shares.get(region.name)
            )
    return result


def _edges(region: Channel, parameters: Selection, *, hard: bool) -> jax.Array | None:
    """Where the edges of a region have moved to; None if they are those of its axis."""
    moved = parameters.get("edges", {}).get(region.name)
    if moved is None:
        return None
    edges = region.axis.between(moved.edges)
    return region.axis.on_grid(edges) if hard else edges


class _Chain(NamedTuple):
    regions: tuple[Channel, ...]
    columns: tuple[str, ...]
    cells: int


def _weights(
    chain: _Chain, parameters: Selection, temperature: jax.Array | None, features: jax.Array
) -> jax.Array:
    """Weight of every event in each region, (regions, n); hard without temperature."""
    columns = dict(zip(chain.columns, features, strict=True))
    wanted = {c.observable for region in chain.regions for c in region.cuts} - columns.keys()
    for name, network in parameters["networks"].items():
        if wanted & set(network.observables(name)):
            scores = network.scores(_rows(features, chain.columns, network.features))
            columns.update(zip(network.observables(name), scores, strict=True))
    shape, thresholds = features.shape[1:], parameters["thresholds"]
    return jnp.stack(
        [
            jnp.broadcast_to(
                hard_mask(region.cuts, columns, thresholds)
                if temperature is None
                else soft_weight(region.cuts, columns, thresholds, temperature),
                shape,
            ).astype(features.dtype)
            for region in chain.regions
        ]
    )


def _rows(features: jax.Array, columns: Sequence[str], names: Sequence[str]) -> jax.Array:
    start = columns.index(names[0])
    if columns[start : start + len(names)] == tuple(names):  # a slice costs no copy
        return features[start : start + len(names)]
    return features[np.array([columns.index(name) for name in names])]


def _rows_of_weights(weights: jax.Array, blocks: int) -> jax.Array:
    """Nominal, variations, and the nominal one squared: (…, n) → (rows, blocks, events)."""
    rows = jnp.concatenate([weights, weights[:1] ** 2])
    return rows.reshape(len(rows), blocks, -1)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _accumulate(
    chain: _Chain,
    parameters: Selection,
    temperature: jax.Array | None,
    blocks: Blocks,
    replica: ArrayLike | None,
) -> jax.Array:
    """Sums in every cell of the soft-selected rows of weights, (regions, rows, cells) float64."""

    def step(_: None, chunk: Blocks) -> tuple[None, jax.Array]:
        selected = _weights(chain, parameters, temperature, chunk.features)
        if replica is not None:
            selected *= _poisson(chunk.identity, replica).astype(selected.dtype)
        rows = _rows_of_weights(chunk.weights, len(chunk.cells))
        selected = selected.reshape(len(selected), 1, *rows.shape[1:])
        ones = jnp.ones(rows.shape[-1], rows.dtype)  # a product: XLA's short sums are slow
        return None, jnp.matmul(selected * rows, ones, precision="highest")

    _, sums = jax.lax.scan(step, None, blocks)  # (chunks, regions, rows, blocks)
    sums = jnp.moveaxis(sums, -1, 1).reshape(-1, *sums.shape[1:3]).astype(jnp.float64)
    cells = jax.ops.segment_sum(
        sums, blocks.cells.reshape(-1), chain.cells, indices_are_sorted=True
    )
    return jnp.moveaxis(cells, 0, -1)


def _accumulate_forward(
    chain: _Chain,
    parameters: Selection,
    temperature: jax.Array | None,
    blocks: Blocks,
    replica: ArrayLike | None,
) -> tuple[jax.Array, tuple[Selection, jax.Array | None, Blocks]]:
    if temperature is None or replica is not None:
        raise ValueError("a hard selection has no gradient")
    return _accumulate(chain, parameters, temperature, blocks, replica), (
        parameters,
        temperature,
        blocks,
    )


def _accumulate_backward(
    chain: _Chain,
    residuals: tuple[Selection, jax.Array | None, Blocks],
    cotangent: jax.Array,
) -> tuple[Selection, None, None, None]:
    parameters, temperature, blocks = residuals
    by_cell = jnp.moveaxis(cotangent, -1, 0).astype(blocks.weights.dtype)

    def step(total: Selection, chunk: Blocks) -> tuple[Selection, None]:
        # the sums are linear in the selection: one number per event and region is all they need
        rows = _rows_of_weights(chunk.weights, len(chunk.cells))
        pull = jnp.moveaxis(by_cell[chunk.cells], 0, -1)[..., None]  # (regions, rows, blocks, 1)
        # unrolled: XLA does not vectorise a sum over a few rows
        pull = sum(pull[:, k] * row for k, row in enumerate(rows)).reshape(len(pull), -1)

        def pulled(parameters: Selection) -> jax.Array:
            return jnp.sum(_weights(chain, parameters, temperature, chunk.features) * pull)

        return jax.tree.map(jnp.add, total, jax.grad(pulled)(parameters)), None

    zero = jax.tree.map(lambda x: jnp.zeros(jnp.shape(x), jnp.float64), parameters)
    total, _ = jax.lax.scan(step, zero, blocks)
    gradient = jax.tree.map(lambda g, x: g.astype(x.dtype), total, parameters)
    return gradient, None, None, None


_accumulate.defvjp(_accumulate_forward, _accumulate_backward)


def _mix(x: jax.Array) -> jax.Array:
    # the finaliser of MurmurHash3 (A. Appleby, public domain): each bit depends on every bit
    x = (x ^ (x >> 16)) * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> 13)) * np.uint32(0xC2B2AE35)
    return x ^ (x >> 16)


# P(n ≤ k) of a Poisson number of mean 1, in units of 2⁻³²; beyond k = 11 below the resolution
_POISSON = np.exp(-1) * np.cumsum(1 / np.cumprod(np.maximum(np.arange(12), 1)))


def _poisson(identity: jax.Array, replica: ArrayLike) -> jax.Array:
    """A Poisson number of mean 1 for every event, by inverting its distribution at a hash."""
    seed = _mix(jnp.asarray(replica, jnp.uint32) + np.uint32(0x9E3779B9))
    uniform = _mix(identity ^ seed)
    steps = np.array(_POISSON * 2.0**32, np.uint32)
    return (uniform > steps.reshape(-1, *[1] * uniform.ndim)).sum(axis=0)
