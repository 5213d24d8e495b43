"""What a HistFactory model is made of: a static structure, and the templates that it acts on.

The structure (which sample of which channel carries which modifier) is hashable and never changes
while an analysis is tuned; the templates are arrays, and every result is differentiable with
respect to them. HistFactory is CERN-OPEN-2012-016; names, parameter order and defaults are those
of pyhf (doi:10.21105/joss.02823).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jax import Array

from zenith.core.parameters import PER_BIN, TYPES, Parameters, Setting, build
from zenith.errors import FitError


class Modifier(NamedTuple):
    """One modifier of one sample in one channel; equal names share their parameter."""

    type: str
    name: str
    channel: str
    sample: str


class Templates(NamedTuple):
    """The numbers of a model; S samples, B bins (all channels, concatenated), C channels.

    Entries at (sample, channel) pairs that do not carry the modifier are ignored, and have zero
    gradient: fill them with anything finite (the nominal template, 1, 0).
    """

    nominal: Array
    """Expected yield, shape (S, B)."""
    histosys_up: Array
    """Yield at +1 standard deviation, shape (H, S, B), H in the order of `Structure.histosys`."""
    histosys_down: Array
    """Yield at -1 standard deviation, shape (H, S, B)."""
    normsys_up: Array
    """Factor at +1 standard deviation, positive, shape (N, S, C), in the order of
    `Structure.normsys`."""
    normsys_down: Array
    """Factor at -1 standard deviation, positive, shape (N, S, C)."""
    uncertainty: Array
    """Absolute uncertainty (staterror: root of the sum of squared weights; shapesys), shape
    (K, S, B), K = `len(Structure.layers)`. One staterror per channel means K = 1."""


@dataclass(frozen=True)
class Structure:
    """The static part of a model. Hashable: an argument to mark static under `jax.jit`.

    `channels` are (name, number of bins) in the order of the templates' bins, `samples` name the
    rows. Sorted names give the parameter order of pyhf. `poi` names the parameter of interest,
    `settings` override the defaults of parameters. Raises FitError where they contradict.
    """

    channels: tuple[tuple[str, int], ...]
    samples: tuple[str, ...]
    modifiers: tuple[Modifier, ...]
    poi: str
    settings: tuple[Setting, ...] = ()

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
        _ = self.parameters  # contradictions between modifiers are found where it is built

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.channels, self.samples, self.modifiers, self.poi, self.settings))

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

    @cached_property
    def parameters(self) -> Parameters:
        """The parameter vector, named and ordered as in pyhf."""
        return build(self)

    def fixing(self, names: Iterable[str]) -> "Structure":
        """The same model with these parameters fixed at their initial values."""
        settings = {setting.name: setting for setting in self.settings}
        for name in names:
            settings[name] = settings.get(name, Setting(name))._replace(fixed=True)
        return replace(self, settings=tuple(settings.values()))

    def without_nuisances(self) -> "Structure":
        """The same model with every constrained parameter fixed: statistics of the data alone."""
        constrained = [
            m.name for m in self.modifiers if m.type not in ("normfactor", "shapefactor")
        ]
        return self.fixing(dict.fromkeys(constrained))
