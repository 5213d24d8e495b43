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
from zenith.core.selection.bootstrap import counts
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
    return _histograms(parameters, events, reading)


def hard_histograms(parameters: Selection, events: Layout) -> dict[str, Histograms]:
    """Histograms by channel: hard cuts, hard categories, hard bins."""
    return _histograms(parameters, events, None)


def replica_histograms(
    parameters: Selection, events: Layout, replicas: jax.Array
) -> dict[str, Histograms]:
    """The same of replicas of the events, R integers: all leaves have a first axis, (R, …).

    What is selected is evaluated once for all of them.
    """
    sums = [
        [_of_replicas(*part, parameters, replicas) for part in _parts(events, group)]
        for group in events.groups
    ]
    return jax.vmap(lambda one: _assembled(parameters, events, None, one))(sums)


def _histograms(
    parameters: Selection, events: Layout, reading: Reading | None
) -> dict[str, Histograms]:
    sums = [
        [_accumulate(chain, parameters, reading, blocks) for chain, blocks in _parts(events, group)]
        for group in events.groups
    ]
    return _assembled(parameters, events, reading, sums)


def _parts(events: Layout, group: Group) -> "list[tuple[_Chain, Blocks]]":
    """The nominal events of a group, and those of shape variations if there are any."""
    cells = len(events.processes) * group.fine_bins
    chain = _Chain(group.regions, group.columns, group.moves, cells)
    parts = [(chain, group.nominal)]
    if group.shifted is not None:
        cells *= len(events.shape_variations)
        parts.append((chain._replace(cells=cells, squares=False), group.shifted))
    return parts


def _assembled(
    parameters: Selection,
    events: Layout,
    reading: Reading | None,
    sums: Sequence[Sequence[jax.Array]],
) -> dict[str, Histograms]:
    """Histograms by channel, from the sums of the parts of each group."""
    processes = len(events.processes)
    shifts = np.array(events.shifts, bool).reshape(-1, processes, 1)
    result: dict[str, Histograms] = {}
    for group, (of_nominal, *of_shifted) in zip(events.groups, sums, strict=True):
        nominal = _binned(group, parameters, reading, of_nominal, (processes,))
        shifted = {}
        for of_shapes in of_shifted:
            shifted = _binned(group, parameters, reading, of_shapes, shifts.shape[:2])
        for region in group.regions:
            for name in region.channels:
                yields, *varied, variance = nominal[name]
                variations = dict(zip(events.weight_variations, varied, strict=True))
                if shifted:
                    moved = jnp.where(shifts, shifted[name][0], yields)
                    variations |= zip(events.shape_variations, moved, strict=True)
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


def _selected_rows(
    chain: _Chain, parameters: Selection, reading: Reading | None, chunk: Blocks
) -> jax.Array:
    """The rows of weights of what each selection takes: (selections, rows, blocks, events)."""
    selected = _selected(chain, parameters, reading, chunk.features)
    rows = _rows_of_weights(chain, chunk)
    return selected.reshape(len(selected), 1, *rows.shape[1:]) * rows


def _of_replicas(
    chain: _Chain, blocks: Blocks, parameters: Selection, replicas: jax.Array
) -> jax.Array:
    """Sums in every cell of the rows of each hard selection, (R, selections, rows, cells)."""

    def sums(chunk: Blocks) -> jax.Array:
        rows = _selected_rows(chain, parameters, None, chunk)
        identity = chunk.identity.reshape(*rows.shape[2:], 1)
        count = counts(identity, replicas).astype(rows.dtype)
        found = jnp.einsum("skbn,bnr->bskr", rows, count, precision="highest")
        return jax.ops.segment_sum(
            found.astype(jnp.float64), chunk.cells, chain.cells, indices_are_sorted=True
        )

    first = jax.tree.map(lambda leaf: leaf[0], blocks)
    zero = jnp.zeros(jax.eval_shape(sums, first).shape)
    total, _ = jax.lax.scan(lambda total, chunk: (total + sums(chunk), None), zero, blocks)
    return jnp.moveaxis(total, (0, -1), (-1, 0))


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _accumulate(
    chain: _Chain, parameters: Selection, reading: Reading | None, blocks: Blocks
) -> jax.Array:
    """Sums in every cell of the selected rows of weights, (selections, rows, cells) float64."""

    def step(_: None, chunk: Blocks) -> tuple[None, jax.Array]:
        rows = _selected_rows(chain, parameters, reading, chunk)
        ones = jnp.ones(rows.shape[-1], rows.dtype)  # a product: XLA's short sums are slow
        return None, jnp.matmul(rows, ones, precision="highest")

    _, sums = jax.lax.scan(step, None, blocks)  # (chunks, selections, rows, blocks)
    sums = jnp.moveaxis(sums, -1, 1).reshape(-1, *sums.shape[1:3]).astype(jnp.float64)
    cells = jax.ops.segment_sum(
        sums, blocks.cells.reshape(-1), chain.cells, indices_are_sorted=True
    )
    return jnp.moveaxis(cells, 0, -1)


def _accumulate_forward(
    chain: _Chain, parameters: Selection, reading: Reading | None, blocks: Blocks
) -> tuple[jax.Array, tuple[Selection, Reading | None, Blocks]]:
    if reading is None:
        raise ValueError("a hard selection has no gradient")
    return _accumulate(chain, parameters, reading, blocks), (parameters, reading, blocks)


def _accumulate_backward(
    chain: _Chain,
    residuals: tuple[Selection, Reading | None, Blocks],
    cotangent: jax.Array,
) -> tuple[Selection, None, None]:
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
    return gradient, None, None


_accumulate.defvjp(_accumulate_forward, _accumulate_backward)
