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
from zenith.errors import InputError

# Events of a chunk: with its activations it stays in the cache of a CPU, and fills a GPU
CHUNK = {"cpu": 1 << 14, "gpu": 1 << 20}


class Sample(NamedTuple):
    """Events of one sample, as columns of equal length.

    A weight variation is another weight of the same events; a shape variation is another set of
    events, with columns and a weight of its own. `identity` is a number of the physical event, the
    same in every variation, by which a bootstrap draws it; by default the position in the sample.
    `part` is a number of the part of the events that an event is in, by default 0.
    """

    columns: Mapping[str, np.ndarray]  # observable → (N,)
    weight: np.ndarray  # (N,) expected events
    weight_variations: Mapping[str, np.ndarray] = {}  # variation → (N,) expected events
    shape_variations: Mapping[str, "Sample"] = {}
    identity: np.ndarray | None = None  # (N,) integers
    part: np.ndarray | None = None  # (N,) integers

    def inside(self, parts: Sequence[int]) -> np.ndarray:
        """Which of its events are in one of the parts, (N,)."""
        part = np.zeros(len(self.weight), int) if self.part is None else self.part
        return np.isin(part, parts)


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
    """Lay out the samples of every process; of `networks` only names of inputs and outputs count.

    `chunk` is about how many events are in memory with their gradients at a time, `dtype` that of
    columns and weights. Of the events those of the first of `parts` are laid out; arrays are as
    large as those of the others would have to be, so that what is compiled for one serves all. The
    events are a `share` of those of the fit that is quoted, to which variances are scaled.

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
        _Source(process, row, s)
        for row, (process, group) in enumerate(samples.items())
        for s in group
    ]
    shifts = tuple(
        tuple(any(shape in s.shape_variations for s in group) for group in samples.values())
        for shape in shapes
    )
    shifted = [
        _Source(
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
    groups = []
    for (axis, cuts), members in regions_of.items():
        moves = axis.observable in scores
        columns = _columns(members, networks)
        plan = _Plan(axis, moves, tuple(cuts), columns, chunk, dtype, parts)
        groups.append(
            Group(
                nominal=_blocks(nominal, weights, plan),
                shifted=_blocks(shifted, (), plan) if shifted else None,
                regions=tuple(members),
                columns=plan.columns,
                moves=moves,
            )
        )
    weight = [[s.weight[s.inside(parts[0])] for s in of] for of in samples.values()]
    sums = [[sum((w**k).sum() for w in of) for of in weight] for k in (1, 2)]
    return Layout(
        groups=tuple(groups),
        processes=tuple(samples),
        weight_variations=weights,
        shape_variations=shapes,
        shifts=shifts,
        sums=jnp.asarray(sums, float),
        share=jnp.asarray(share, float),
    )


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


class _Source(NamedTuple):
    name: str  # for messages: the process, and the variation
    row: int  # variation and process as one number
    sample: Sample

    def column(self, name: str, events: np.ndarray | slice = slice(None)) -> np.ndarray:
        """A column of some of the events."""
        if name not in self.sample.columns:
            raise InputError(f"{self.name}: there is no column '{name}', which a region uses")
        return self._checked(f"column '{name}'", self.sample.columns[name], events)

    def weight(self, variation: str | None, events: np.ndarray) -> np.ndarray:
        """The weight of some of the events; the nominal one where there is no such variation."""
        if variation is None or variation not in self.sample.weight_variations:
            return self._checked("the weight", self.sample.weight, events)
        values = self.sample.weight_variations[variation]
        return self._checked(f"the weight variation '{variation}'", values, events)

    def identity(self, events: np.ndarray) -> np.ndarray:
        """Numbers by which the bootstrap tells events apart."""
        given = self.sample.identity
        return events if given is None else self._checked("the identity", given, events)

    def _checked(self, what: str, values: np.ndarray, events: np.ndarray | slice) -> np.ndarray:
        if len(values) != len(self.sample.weight):
            size = len(self.sample.weight)
            raise InputError(f"{self.name}: {what} has {len(values)} events, the weight {size}")
        values = np.asarray(values)[events]
        if bad := np.count_nonzero(~np.isfinite(values)):
            raise InputError(
                f"{self.name}: {what} is not finite in {bad} of {len(values)} events; give it a "
                "value where the columns are made, or cut these events away"
            )
        return values


class _Plan(NamedTuple):
    axis: Axis
    moves: bool
    cuts: tuple[Cut, ...]
    columns: tuple[str, ...]
    chunk: int
    dtype: Any
    parts: Sequence[Sequence[int]]


def _blocks(sources: Sequence[_Source], variations: Sequence[str], plan: _Plan) -> Blocks:
    chosen: list[np.ndarray] = []
    cells: list[list[np.ndarray]] = [[] for _ in plan.parts]
    for source in sources:
        masked = {c.observable: source.column(c.observable) for c in plan.cuts}
        mask = np.broadcast_to(hard_mask(plan.cuts, masked, {}), len(source.sample.weight))
        passes = np.flatnonzero(mask)
        cell = np.full(len(passes), source.row, np.int32)
        if not plan.moves:
            fine = plan.axis.fine_bin(source.column(plan.axis.observable, passes))
            cell, passes = (cell * plan.axis.fine_bins + fine)[fine >= 0], passes[fine >= 0]
        inside = [source.sample.inside(of)[passes] for of in plan.parts]
        chosen.append(passes[inside[0]])
        for found, here in zip(cells, inside, strict=True):
            found.append(cell[here])
    layout = Placement([np.concatenate(of) for of in cells], plan.chunk)

    def gather(read: str, names: Sequence[Any]) -> jax.Array:
        out = np.zeros((layout.chunks, len(names), layout.chunk), plan.dtype)
        for k, name in enumerate(names):
            parts = [getattr(s, read)(name, i) for s, i in zip(sources, chosen, strict=True)]
            out[:, k] = layout.place(np.concatenate(parts).astype(plan.dtype))
        return jnp.asarray(out)

    identity = [s.identity(i) for s, i in zip(sources, chosen, strict=True)]
    return Blocks(
        features=gather("column", plan.columns),
        weights=gather("weight", (None, *variations)),
        cells=jnp.asarray(layout.cells),
        identity=jnp.asarray(layout.place(np.concatenate(identity).astype(np.uint32))),
    )
