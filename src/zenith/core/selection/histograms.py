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
from zenith.core.selection.categories import shares
from zenith.core.selection.cuts import hard_mask, soft_weight
from zenith.core.selection.layout import Blocks, Group, Layout
from zenith.core.selection.regions import Region

Selection = Mapping[str, Any]
"""{"thresholds": {name: scalar}, "networks": {name: Network}, "edges": {region: Edges},
"category_edges": {region: Edges, or FixedEdges}}

`edges` may lack: those of a region move in units of its axis, 0 to 1, if its axis has a grid.
`category_edges` are of the regions that have categories by edges, in the unit of the score.
"""


class Reading(NamedTuple):
    """How soft a selection is read: the temperature of cuts and categories, and the bandwidth of
    histograms in bin widths."""

    temperature: jax.Array
    bandwidth: jax.Array


def soft_histograms(
    parameters: Selection, events: Layout, temperature: ArrayLike, bandwidth: ArrayLike
) -> dict[str, Histograms]:
    """Histograms by channel: soft cuts and categories, kernels of `bandwidth` bin widths.

    Differentiable in the parameters.
    """
    reading = Reading(jnp.asarray(temperature), jnp.asarray(bandwidth))
    return _histograms(parameters, events, reading, None)


def hard_histograms(
    parameters: Selection, events: Layout, replica: ArrayLike | None = None
) -> dict[str, Histograms]:
    """Histograms by channel: hard cuts, hard categories, hard bins.

    With a `replica`, an integer, every event counts as often as a Poisson number of mean 1 says,
    which follows from the replica and the event's identity alone: it is the same in all regions and
    variations and for all thresholds, so that the difference of two selections has a paired error.
    """
    return _histograms(parameters, events, None, replica)


def _histograms(
    parameters: Selection, events: Layout, reading: Reading | None, replica: ArrayLike | None
) -> dict[str, Histograms]:
    processes = len(events.processes)
    shifts = np.array(events.shifts, bool).reshape(-1, processes, 1)
    result: dict[str, Histograms] = {}
    for group in events.groups:
        chain = _Chain(group.regions, group.columns, group.moves, processes * group.fine_bins)
        sums = _accumulate(chain, parameters, reading, group.nominal, replica)
        nominal = _binned(group, parameters, reading, sums, (processes,))
        shifted = {}
        if group.shifted is not None:
            chain = chain._replace(cells=chain.cells * len(shifts), squares=False)
            sums = _accumulate(chain, parameters, reading, group.shifted, replica)
            shifted = _binned(group, parameters, reading, sums, shifts.shape[:2])
        for region in group.regions:
            for name in region.channels:
                yields, *varied, variance = nominal[name]
                variations = dict(zip(events.weight_variations, varied, strict=True))
                for v, variation in enumerate(events.shape_variations):
                    variations[variation] = jnp.where(shifts[v], shifted[name][0, v], yields)
                result[name] = Histograms(yields, variance, variations, events.sums, events.share)
    return result


def _binned(
    group: Group,
    parameters: Selection,
    reading: Reading | None,
    sums: jax.Array,
    samples: tuple[int, ...],
) -> dict[str, jax.Array]:
    """By channel, from sums (selections, rows, cells) to (rows, *samples, bins)."""
    result: dict[str, jax.Array] = {}
    first = 0
    for region in group.regions:
        channels = region.channels
        number = len(channels) * (group.axis.bins if group.moves else 1)
        own = sums[first : first + number]
        first += number
        own = own.reshape(len(channels), -1, sums.shape[1], *samples, group.fine_bins)
        if group.moves:
            own = jnp.moveaxis(own[..., 0], 1, -1)
        else:
            edges = _edges(region, parameters, hard=reading is None)
            own = own[:, 0] @ group.axis.smoothing(reading.bandwidth if reading else 0.0, edges)
        result.update(zip(channels, own, strict=True))
    return result


def _edges(region: Region, parameters: Selection, *, hard: bool) -> jax.Array | None:
    """Where the edges of a region have moved to; None if they are those of its axis."""
    moved = parameters.get("edges", {}).get(region.name)
    if moved is None:
        return None
    edges = region.axis.between(moved.edges)
    return region.axis.on_grid(edges) if hard else edges


class _Chain(NamedTuple):
    regions: tuple[Region, ...]
    columns: tuple[str, ...]
    moves: bool
    cells: int
    squares: bool = True  # whether squares of weights are summed


def _selected(
    chain: _Chain, parameters: Selection, reading: Reading | None, features: jax.Array
) -> jax.Array:
    """Share of every event (n) in each region, or category, and bin where it moves: (S, n).

    0 or 1 in the hard reading.
    """
    columns, logits = dict(zip(chain.columns, features, strict=True)), {}
    for name, network in parameters["networks"].items():
        if any(region.reads(name, network) for region in chain.regions):
            logits[name] = network.logits(_rows(features, chain.columns, network.features))
            scores = network.of_logits(logits[name])
            columns.update(zip(network.observables(name), scores, strict=True))
    temperature = None if reading is None else reading.temperature
    thresholds, moved = parameters["thresholds"], parameters.get("category_edges", {})
    found = []
    for region in chain.regions:
        passes = (
            hard_mask(region.cuts, columns, thresholds)
            if temperature is None
            else soft_weight(region.cuts, columns, thresholds, temperature)
        )
        parts = jnp.broadcast_to(passes, (1, *features.shape[1:])).astype(features.dtype)
        if region.categories is not None:
            edges = moved.get(region.name)
            parts *= shares(region.categories, columns, logits, edges, temperature)
        if chain.moves:
            bins = region.axis.shares(
                columns[region.axis.observable],
                None if reading is None else reading.bandwidth,
                _edges(region, parameters, hard=reading is None),
            )
            parts = (parts[:, None] * bins).reshape(-1, *features.shape[1:])
        found.append(parts)
    return jnp.concatenate(found)


def _rows(features: jax.Array, columns: Sequence[str], names: Sequence[str]) -> jax.Array:
    start = columns.index(names[0])
    if columns[start : start + len(names)] == tuple(names):  # a slice costs no copy
        return features[start : start + len(names)]
    return features[np.array([columns.index(name) for name in names])]


def _rows_of_weights(chain: _Chain, chunk: Blocks) -> jax.Array:
    """Nominal, variations, and the nominal one squared: (rows, blocks, events)."""
    rows = chunk.weights
    if chain.squares:
        rows = jnp.concatenate([rows, rows[:1] ** 2])
    return rows.reshape(len(rows), len(chunk.cells), -1)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _accumulate(
    chain: _Chain,
    parameters: Selection,
    reading: Reading | None,
    blocks: Blocks,
    replica: ArrayLike | None,
) -> jax.Array:
    """Sums in every cell of the selected rows of weights, (selections, rows, cells) float64."""

    def step(_: None, chunk: Blocks) -> tuple[None, jax.Array]:
        selected = _selected(chain, parameters, reading, chunk.features)
        if replica is not None:
            selected *= _poisson(chunk.identity, replica).astype(selected.dtype)
        rows = _rows_of_weights(chain, chunk)
        selected = selected.reshape(len(selected), 1, *rows.shape[1:])
        ones = jnp.ones(rows.shape[-1], rows.dtype)  # a product: XLA's short sums are slow
        return None, jnp.matmul(selected * rows, ones, precision="highest")

    _, sums = jax.lax.scan(step, None, blocks)  # (chunks, selections, rows, blocks)
    sums = jnp.moveaxis(sums, -1, 1).reshape(-1, *sums.shape[1:3]).astype(jnp.float64)
    cells = jax.ops.segment_sum(
        sums, blocks.cells.reshape(-1), chain.cells, indices_are_sorted=True
    )
    return jnp.moveaxis(cells, 0, -1)


def _accumulate_forward(
    chain: _Chain,
    parameters: Selection,
    reading: Reading | None,
    blocks: Blocks,
    replica: ArrayLike | None,
) -> tuple[jax.Array, tuple[Selection, Reading | None, Blocks]]:
    if reading is None or replica is not None:
        raise ValueError("a hard selection has no gradient")
    residuals = (parameters, reading, blocks)
    return _accumulate(chain, parameters, reading, blocks, replica), residuals


def _accumulate_backward(
    chain: _Chain,
    residuals: tuple[Selection, Reading | None, Blocks],
    cotangent: jax.Array,
) -> tuple[Selection, None, None, None]:
    parameters, reading, blocks = residuals
    by_cell = jnp.moveaxis(cotangent, -1, 0).astype(blocks.weights.dtype)

    def step(total: Selection, chunk: Blocks) -> tuple[Selection, None]:
        # the sums are linear in the selection: one number per event and selection is all they need
        rows = _rows_of_weights(chain, chunk)
        pull = jnp.moveaxis(by_cell[chunk.cells], 0, -1)[..., None]  # (selections, rows, blocks, 1)
        # unrolled: XLA does not vectorise a sum over a few rows
        pull = sum(pull[:, k] * row for k, row in enumerate(rows)).reshape(len(pull), -1)

        def pulled(parameters: Selection) -> jax.Array:
            return jnp.sum(_selected(chain, parameters, reading, chunk.features) * pull)

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
