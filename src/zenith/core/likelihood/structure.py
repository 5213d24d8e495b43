"""A HistFactory model: its static structure, and the templates that it acts on.

The structure is hashable and never changes while an analysis is tuned; the templates are arrays,
and every result is differentiable with respect to them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jax import Array

from zenith.core.likelihood.composition import Composition
from zenith.core.likelihood.parameters import Parameters, Setting, build

NO_SURFACE = np.zeros((0, 0, 0))


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
    surface: Array | np.ndarray = NO_SURFACE
    """Terms of ln(yield ratio), shape (F, S, B), where there are surfaces: those of `quadratics`
    of `Structure.surface`. A cross term acts where both parameters do."""


@dataclass(frozen=True)
class Structure(Composition):
    """The static part of a model. Hashable: an argument to mark static under `jax.jit`.

    `poi` names the parameter of interest, `settings` override the defaults of parameters. Raises
    FitError where they contradict the composition.
    """

    poi: str
    settings: tuple[Setting, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.parameters  # contradictions between modifiers are found where it is built

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.channels, self.samples, self.modifiers, self.poi, self.settings))

    @cached_property
    def parameters(self) -> Parameters:
        """The parameter vector, named and ordered as in pyhf."""
        return build(self, self.poi, self.settings)

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
