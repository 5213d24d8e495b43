"""What a HistFactory model is made of: which sample of which channel carries which modifier.

HistFactory is CERN-OPEN-2012-016; names and order are those of pyhf (doi:10.21105/joss.02823).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from zenith.errors import FitError

# pyhf registers parameters type by type, in this order; it has no surfaces
TYPES = (
    "histosys",
    "lumi",
    "normfactor",
    "normsys",
    "shapefactor",
    "shapesys",
    "staterror",
    "surface",
)
PER_BIN = ("shapefactor", "shapesys", "staterror")


class Modifier(NamedTuple):
    """One modifier of one sample in one channel; equal names share their parameter."""

    type: str
    name: str
    channel: str
    sample: str


@dataclass(frozen=True)
class Composition:
    """Channels, samples and modifiers. Hashable. Raises FitError where they contradict.

    `channels` are (name, number of bins) in the order of the templates' bins, `samples` name the
    rows. Sorted names give the parameter order of pyhf.
    """

    channels: tuple[tuple[str, int], ...]
    samples: tuple[str, ...]
    modifiers: tuple[Modifier, ...]

    def __post_init__(self) -> None:
        names, samples = dict(self.channels), set(self.samples)
        for modifier in self.modifiers:
            where = f"modifier '{modifier.name}' of '{modifier.sample}' in '{modifier.channel}'"
            if modifier.type not in TYPES:
                allowed = ", ".join(TYPES)
                raise FitError(f"{where}: unknown type '{modifier.type}' (known: {allowed})")
            if modifier.channel not in names or modifier.sample not in samples:
                raise FitError(f"{where}: no such channel or sample")
        if len(set(self.modifiers)) < len(self.modifiers):
            twice = next(m for m in self.modifiers if self.modifiers.count(m) > 1)
            raise FitError(
                f"modifier '{twice.name}' ({twice.type}) is listed twice for sample "
                f"'{twice.sample}' in channel '{twice.channel}': remove one"
            )

    @property
    def bins(self) -> int:
        """Number of bins of all channels together, B."""
        return sum(bins for _, bins in self.channels)

    @cached_property
    def slices(self) -> dict[str, slice]:
        """The bins of each channel."""
        stops = np.cumsum([bins for _, bins in self.channels]).tolist()
        return {
            name: slice(stop - bins, stop)
            for (name, bins), stop in zip(self.channels, stops, strict=True)
        }

    def names(self, type_: str) -> tuple[str, ...]:
        """Sorted names of the modifiers of one type."""
        return tuple(sorted({m.name for m in self.modifiers if m.type == type_}))

    @cached_property
    def histosys(self) -> tuple[str, ...]:
        """The shape systematics, first axis of `Templates.histosys_up`: sorted, and those that
        are normalisation systematics as well first."""
        also = self.names("normsys")
        return tuple(sorted(self.names("histosys"), key=lambda name: name not in also))

    @cached_property
    def normsys(self) -> tuple[str, ...]:
        """The normalisation systematics, first axis of `Templates.normsys_up`: sorted, and those
        that are shape systematics as well last."""
        also = self.names("histosys")
        return tuple(sorted(self.names("normsys"), key=lambda name: name in also))

    @cached_property
    def surface(self) -> tuple[str, ...]:
        """The nuisance parameters of response surfaces, in the order of the terms of
        `Templates.surface`: sorted."""
        return self.names("surface")

    @cached_property
    def layers(self) -> tuple[tuple[tuple[str, str], ...], ...]:
        """Per-bin modifiers (type, name), packed so that those of one layer share no bin."""
        layers: list[dict[tuple[str, str], set[str]]] = []
        for key, channels in self._per_bin.items():
            for layer in layers:
                if not any(channels & others for others in layer.values()):
                    layer[key] = channels
                    break
            else:
                layers.append({key: channels})
        return tuple(tuple(layer) for layer in layers)

    @cached_property
    def _per_bin(self) -> dict[tuple[str, str], set[str]]:
        keys = sorted({(m.type, m.name) for m in self.modifiers if m.type in PER_BIN})
        # staterror first: the layer that nearly every model has is then layer 0
        keys.sort(key=lambda key: key[0] != "staterror")
        return {key: self._channels_of(key) for key in keys}

    def _channels_of(self, key: tuple[str, str]) -> set[str]:
        return {m.channel for m in self.modifiers if (m.type, m.name) == key}

    def where(self, type_: str, names: Iterable[str]) -> np.ndarray:
        """Which (sample, channel) carries each of the modifiers: bool, shape (names, S, C)."""
        index = {name: i for i, name in enumerate(names)}
        channel = {name: i for i, (name, _) in enumerate(self.channels)}
        sample = {name: i for i, name in enumerate(self.samples)}
        mask = np.zeros((len(index), len(sample), len(channel)), bool)
        for m in self.modifiers:
            if m.type == type_ and m.name in index:
                mask[index[m.name], sample[m.sample], channel[m.channel]] = True
        return mask

    @cached_property
    def channel_of_bin(self) -> np.ndarray:
        """Index of the channel of each bin, shape (B,)."""
        return np.repeat(np.arange(len(self.channels)), [bins for _, bins in self.channels])
