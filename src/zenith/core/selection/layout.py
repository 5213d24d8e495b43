"""The events of every process, laid out once so that a step of the climb only multiplies and adds.

Events are sorted by the cell that they fall into, (variation, process, fine bin of the fit
observable), and padded so that a block of a few neighbours lies in one cell: a template is then a
sum over blocks, with no scatter of single events. Where the fit observable is a score that moves,
the bin of an event is no constant, and its cell is without it. Chunks of blocks are the unit of
memory. Cuts that nothing can move are applied here, for good.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from zenith.core.networks.network import Network, require_events_alone
from zenith.core.selection.axis import Axis
from zenith.core.selection.cuts import Cut, hard_mask
from zenith.core.selection.placement import Placement
from zenith.core.selection.regions import Region
from zenith.core.selection.samples import Sample, Source

# Events of a chunk: with its activations it stays in the cache of a CPU, and fills a GPU
CHUNK = {"cpu": 1 << 14, "gpu": 1 << 20}


class Blocks(eqx.Module):
    """Events in chunks of n; padding has weight 0."""

    features: jax.Array  # (chunks, columns, n)
    weights: jax.Array  # (chunks, 1 + weight variations, n)
    cells: jax.Array  # (chunks, blocks in a chunk) int32
    identity: jax.Array  # (chunks, n) uint32


class Group(eqx.Module):
    """Regions that share their axis and their unmovable cuts, and so their events.

    Of each region's cuts those are left that a parameter can move, or whose score it can. With
    `moves` the observable of the axis is such a score.
    """

    nominal: Blocks
    shifted: Blocks | None  # every shape variation, one after the other
    regions: tuple[Region, ...] = eqx.field(static=True)
    columns: tuple[str, ...] = eqx.field(static=True)
    moves: bool = eqx.field(static=True)

    @property
    def axis(self) -> Axis:
        """The axis of all its regions."""
        return self.regions[0].axis

    @property
    def fine_bins(self) -> int:
        """Number of cells of a process: bins that are constant data."""
        return 1 if self.moves else self.axis.fine_bins


class Layout(eqx.Module):
    """All that the objective needs to know of the events; a pytree whose arrays never change."""

    groups: tuple[Group, ...]
    processes: tuple[str, ...] = eqx.field(static=True)
    weight_variations: tuple[str, ...] = eqx.field(static=True)
    shape_variations: tuple[str, ...] = eqx.field(static=True)
    shifts: tuple[tuple[bool, ...], ...] = eqx.field(static=True)  # [shape variation][process]
    sums: jax.Array  # (2, processes) Σw and Σw², before any cut
    share: jax.Array  # of the events of the fit that is quoted


def prepare(
    regions: Sequence[Region],
    networks: Mapping[str, Network],
    samples: Mapping[str, Sequence[Sample]],
    *,
    chunk: int | None = None,
    dtype: Any = np.float32,
    parts: Sequence[Sequence[int]] = ((0,),),
    share: ArrayLike = 1.0,
) -> Layout:
    """Lay out the samples of every process: the first of the layouts of `prepare_each`."""
    of = regions, networks, samples
    return prepare_each(*of, chunk=chunk, dtype=dtype, parts=parts, share=share, number=1)[0]


def prepare_each(
    regions: Sequence[Region],
    networks: Mapping[str, Network],
    samples: Mapping[str, Sequence[Sample]],
    *,
    chunk: int | None = None,
    dtype: Any = np.float32,
    parts: Sequence[Sequence[int]] = ((0,),),
    share: ArrayLike = 1.0,
    number: int | None = None,
) -> list[Layout]:
    """Lay out the samples of every process; of `networks` only names of inputs and outputs count.

    `chunk` is about how many events are in memory with their gradients at a time, `dtype` that of
    columns and weights. There is a layout for each of `parts` of the events, or for a `number` of
    them, the first ones; arrays are as large as those of the others have to be, so that what is
    compiled for one serves all. The events of a part are a `share` of those of the fit that is
    quoted, to which variances are scaled.

    A sample without a variation that another sample of its process has enters it as it is. Raises
    `InputError` that names the process and the column that is missing, of another length, or not
    finite in an event that passes the unmovable cuts; the network that reads objects; and the
    region whose categories are of a network that is not there, or has another number of outputs.
    """
    for name, network in networks.items():
        require_events_alone(name, network)
    if chunk is None:
        chunk = CHUNK.get(jax.default_backend(), CHUNK["gpu"])
    scores = {o for name, network in networks.items() for o in network.observables(name)}
    for region in regions:
        region.require_outputs(networks)
    weights = _names(s.weight_variations for group in samples.values() for s in group)
    shapes = _names(s.shape_variations for group in samples.values() for s in group)
    nominal = [
        Source(process, row, s)
        for row, (process, group) in enumerate(samples.items())
        for s in group
    ]
    shifts = tuple(
        tuple(any(shape in s.shape_variations for s in group) for group in samples.values())
        for shape in shapes
    )
    shifted = [
        Source(
            f"{source.name} ({shape})",
            k * len(samples) + source.row,
            source.sample.shape_variations.get(shape, source.sample),
        )
        for k, shape in enumerate(shapes)
        for source in nominal
        if shifts[k][source.row]
    ]
    regions_of: dict[tuple[Axis, frozenset[Cut]], list[Region]] = {}
    for region in regions:
        unmovable = frozenset(
            c for c in region.cuts if c.is_fixed and c.width is None and c.observable not in scores
        )
        left = tuple(c for c in region.cuts if c not in unmovable)
        regions_of.setdefault((region.axis, unmovable), []).append(replace(region, cuts=left))
    wanted = list(parts)[:number]
    groups: list[list[Group]] = [[] for _ in wanted]
    for (axis, cuts), members in regions_of.items():
        moves = axis.observable in scores
        columns = _columns(members, networks)
        plan = _Plan(axis, moves, tuple(cuts), columns, chunk, dtype, parts, len(wanted))
        of_parts = _blocks(nominal, weights, plan)
        of_shapes = _blocks(shifted, (), plan) if shifted else [None] * len(wanted)
        for found, own, varied in zip(groups, of_parts, of_shapes, strict=True):
            found.append(Group(own, varied, tuple(members), columns, moves))

    def sums(part: Sequence[int]) -> jax.Array:
        weight = [[s.weight[s.inside(part)] for s in of] for of in samples.values()]
        return jnp.asarray(
            [[sum((w**k).sum() for w in of) for of in weight] for k in (1, 2)], float
        )

    return [
        Layout(
            groups=tuple(found),
            processes=tuple(samples),
            weight_variations=weights,
            shape_variations=shapes,
            shifts=shifts,
            sums=sums(part),
            share=jnp.asarray(share, float),
        )
        for found, part in zip(groups, wanted, strict=True)
    ]


def _names(mappings: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for mapping in mappings for name in mapping))


def _columns(regions: Sequence[Region], networks: Mapping[str, Network]) -> tuple[str, ...]:
    # the features of a network come first and in its order, so that they are one slice
    used = {name for region in regions for name in region.observables}
    names: list[str] = []
    for name, network in networks.items():
        if any(region.reads(name, network) for region in regions):
            names.extend(network.features)
            used -= set(network.observables(name))
    return tuple(dict.fromkeys([*names, *sorted(used)]))


class _Plan(NamedTuple):
    axis: Axis
    moves: bool
    cuts: tuple[Cut, ...]
    columns: tuple[str, ...]
    chunk: int
    dtype: Any
    parts: Sequence[Sequence[int]]
    number: int  # of parts that are laid out


def _blocks(sources: Sequence[Source], variations: Sequence[str], plan: _Plan) -> list[Blocks]:
    """Those of each part."""
    chosen: list[list[np.ndarray]] = [[] for _ in plan.parts]
    cells: list[list[np.ndarray]] = [[] for _ in plan.parts]
    for source in sources:
        masked = {c.observable: source.column(c.observable) for c in plan.cuts}
        mask = np.broadcast_to(hard_mask(plan.cuts, masked, {}), len(source.sample.weight))
        passes = np.flatnonzero(mask)
        cell = np.full(len(passes), source.row, np.int32)
        if not plan.moves:
            fine = plan.axis.fine_bin(source.column(plan.axis.observable, passes))
            cell, passes = (cell * plan.axis.fine_bins + fine)[fine >= 0], passes[fine >= 0]
        for part, found, inside in zip(plan.parts, cells, chosen, strict=True):
            here = source.sample.inside(part)[passes]
            found.append(cell[here])
            inside.append(passes[here])
    together = [np.concatenate(of) for of in cells]
    return [
        _placed(
            [*zip(sources, chosen[k], strict=True)],
            variations,
            plan,
            Placement([*together[k:], *together[:k]], plan.chunk),
        )
        for k in range(plan.number)
    ]


def _placed(
    sources: Sequence[tuple[Source, np.ndarray]],
    variations: Sequence[str],
    plan: _Plan,
    layout: Placement,
) -> Blocks:
    """Some events of each source, as a placement has them."""

    def gather(read: str, names: Sequence[Any]) -> jax.Array:
        out = np.zeros((layout.chunks, len(names), layout.chunk), plan.dtype)
        for k, name in enumerate(names):
            parts = [getattr(source, read)(name, events) for source, events in sources]
            out[:, k] = layout.place(np.concatenate(parts).astype(plan.dtype))
        return jnp.asarray(out)

    identity = [source.identity(events) for source, events in sources]
    return Blocks(
        features=gather("column", plan.columns),
        weights=gather("weight", (None, *variations)),
        cells=jnp.asarray(layout.cells),
        identity=jnp.asarray(layout.place(np.concatenate(identity).astype(np.uint32))),
    )
