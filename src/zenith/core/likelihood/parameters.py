"""The parameter vector of a HistFactory model: names, order, start, bounds and constraints.

Order and defaults are pyhf's, so that vectors of parameters can be exchanged with it.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from zenith.core.likelihood.composition import PER_BIN, TYPES, Composition
from zenith.errors import FitError

FREE, GAUSSIAN, POISSON = 0, 1, 2


class Setting(NamedTuple):
    """A measurement's settings of one parameter; `None` keeps the default of the modifier's type.

    `widths` are the sigmas of a Gaussian constraint (lumi, staterror), or 1 / sqrt(factor) of a
    Poisson one (shapesys). `auxdata` is what the auxiliary measurement saw.
    """

    name: str
    inits: tuple[float, ...] | None = None
    bounds: tuple[tuple[float, float], ...] | None = None
    auxdata: tuple[float, ...] | None = None
    widths: tuple[float, ...] | None = None
    fixed: bool | None = None


class Default(NamedTuple):
    """How parameters of one modifier type start, are bounded and constrained."""

    init: float
    bounds: tuple[float, float]
    constraint: int
    auxdata: float
    width: float


# NaN: given by the templates (widths of per-bin parameters), or by the width (Poisson auxdata)
NAN = float("nan")
ALPHA = Default(0.0, (-5.0, 5.0), GAUSSIAN, 0.0, 1.0)
DEFAULTS = {
    "histosys": ALPHA,
    "normsys": ALPHA,
    "surface": ALPHA,
    "lumi": Default(NAN, (NAN, NAN), GAUSSIAN, NAN, NAN),
    "normfactor": Default(1.0, (0.0, 10.0), FREE, NAN, NAN),
    "shapefactor": Default(1.0, (0.0, 10.0), FREE, NAN, NAN),
    "shapesys": Default(1.0, (1e-10, 10.0), POISSON, NAN, NAN),
    "staterror": Default(1.0, (1e-10, 10.0), GAUSSIAN, 1.0, NAN),
}


@dataclass(frozen=True)
class Parameters:
    """Static facts on the n parameters; arrays have shape (n,) unless stated."""

    names: tuple[str, ...]
    """As pyhf's `par_names`: `name`, or `name[i]` for per-bin modifiers."""
    slices: dict[str, slice]
    """Where the parameters of each modifier name are in the vector."""
    poi: int
    init: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    fixed: np.ndarray
    """1 fixed, 0 free, -1 as the templates say (a bin without yield or uncertainty is fixed)."""
    constraint: np.ndarray
    """FREE, GAUSSIAN or POISSON."""
    auxdata: np.ndarray
    width: np.ndarray
    """NaN where it follows from the templates."""
    multiplies: np.ndarray
    """bool: the yield is proportional to the parameter (not so for interpolations)."""
    layer: np.ndarray
    """Parameter of each layer and bin, shape (K, B); n where a layer has none."""
    layer_mask: np.ndarray
    """Samples that it multiplies, bool, shape (K, S, B)."""


def build(composition: Composition, poi: str, overrides: tuple[Setting, ...]) -> Parameters:
    """Lay the parameters of a model out. Raises FitError on contradicting modifiers."""
    settings = {setting.name: setting for setting in overrides}
    if len(settings) < len(overrides):
        raise FitError("measurement: the settings of a parameter are listed twice; keep one")
    columns: list[tuple[Any, ...]] = []
    slices: dict[str, slice] = {}
    names: list[str] = []
    for name, type_ in _ordered(composition).items():
        size = _size(composition, name, type_)
        slices[name] = slice(len(names), len(names) + size)
        names += [name] if type_ not in PER_BIN else [f"{name}[{i}]" for i in range(size)]
        columns += _columns(name, type_, size, settings.get(name, Setting(name)))
    if poi not in slices:
        known = ", ".join(composition.names("normfactor")) or "none"
        raise FitError(
            f"parameter of interest '{poi}' is not in the model (normfactors: {known}); "
            "a signal may have to be patched in"
        )
    if slices[poi].stop - slices[poi].start > 1:
        raise FitError(f"parameter of interest '{poi}' has more than one component")
    init, lower, upper, fixed, constraint, auxdata, width, multiplies = (
        np.array(column) for column in zip(*columns, strict=True)
    )
    layer, layer_mask = _layers(composition, slices, len(names))
    return Parameters(
        names=tuple(names),
        slices=slices,
        poi=slices[poi].start,
        init=init,
        lower=lower,
        upper=upper,
        fixed=fixed,
        constraint=constraint,
        auxdata=auxdata,
        width=width,
        multiplies=multiplies,
        layer=layer,
        layer_mask=layer_mask,
    )


def _ordered(composition: Composition) -> dict[str, str]:
    """Parameter names in pyhf's order, with a type: by type, then by first appearance."""
    appearance: dict[tuple[str, str], None] = {}
    channel = {name: i for i, (name, _) in enumerate(composition.channels)}
    sample = {name: i for i, name in enumerate(composition.samples)}
    for m in sorted(
        composition.modifiers, key=lambda m: (channel[m.channel], sample[m.sample], m.name, m.type)
    ):
        appearance.setdefault((m.type, m.name))
    ordered: dict[str, str] = {}
    for type_ in TYPES:
        of_type = [name for t, name in appearance if t == type_]
        for name in sorted(of_type) if type_ == "staterror" else of_type:
            other = ordered.setdefault(name, type_)
            if DEFAULTS[other] is not DEFAULTS[type_]:
                raise FitError(
                    f"modifier name '{name}' is used for types {other} and {type_}: rename one"
                )
    return ordered


def _size(composition: Composition, name: str, type_: str) -> int:
    if type_ not in PER_BIN:
        return 1
    used = _channels(composition, name)
    bins = [bins for channel, bins in composition.channels if channel in used]
    if type_ != "shapefactor":
        return sum(bins)
    if max(bins) > bins[0]:
        raise FitError(f"shapefactor '{name}': its channels have different numbers of bins")
    return bins[0]


def _channels(composition: Composition, name: str) -> set[str]:
    return {m.channel for m in composition.modifiers if m.name == name}


def _columns(name: str, type_: str, size: int, setting: Setting) -> list[tuple[Any, ...]]:
    """One row a parameter: init, lower, upper, fixed, constraint, auxdata, width, multiplies."""
    default = DEFAULTS[type_]
    if setting.auxdata and default.constraint == FREE:
        raise FitError(f"parameter '{name}' ({type_}) is not constrained: remove its auxdata")
    if setting.widths and (default.constraint == FREE or not np.isnan(default.width)):
        raise FitError(f"parameter '{name}' ({type_}) has no width to set: remove it")
    init = _values(name, "inits", setting.inits, default.init, size)
    auxdata = _values(name, "auxdata", setting.auxdata, default.auxdata, size)
    widths = _values(name, "sigmas", setting.widths, default.width, size)
    bounds = setting.bounds or (default.bounds,) * size
    if len(bounds) != size:
        raise FitError(f"parameter '{name}': bounds has {len(bounds)} entries, expected {size}")
    lower, upper = zip(*bounds, strict=True)
    if type_ == "lumi" and np.isnan([*init, *auxdata, *widths, *lower, *upper]).any():
        raise FitError(
            f"parameter '{name}' (lumi): the measurement must give inits, bounds, auxdata, sigmas"
        )
    if not all(low <= x <= high for x, low, high in zip(init, lower, upper, strict=True)):
        raise FitError(f"parameter '{name}': inits {init} outside of bounds {bounds}")
    from_templates = type_ in ("staterror", "shapesys")
    fixed = (-1 if from_templates else 0) if setting.fixed is None else int(setting.fixed)
    multiplies = DEFAULTS[type_] is not ALPHA
    return [
        (*row, fixed, default.constraint, aux, width, multiplies)
        for *row, aux, width in zip(init, lower, upper, auxdata, widths, strict=True)
    ]


def _values(
    name: str, key: str, values: tuple[float, ...] | None, default: float, size: int
) -> tuple[float, ...]:
    if not values:
        return (default,) * size
    if len(values) != size:
        raise FitError(f"parameter '{name}': {key} has {len(values)} entries, expected {size}")
    return values


def _layers(
    composition: Composition, slices: dict[str, slice], n: int
) -> tuple[np.ndarray, np.ndarray]:
    """Parameter index (K, B) and sample mask (K, S, B) of the per-bin modifiers."""
    layers = composition.layers
    index = np.full((len(layers), composition.bins), n)
    mask = np.zeros((len(layers), len(composition.samples), composition.bins), bool)
    for k, layer in enumerate(layers):
        for type_, name in layer:
            where = composition.where(type_, [name])[0]
            channels = where.any(0)
            if type_ == "staterror" and not (where == channels)[where.any(1)].all():
                raise FitError(
                    f"staterror '{name}': its samples carry it in different channels; give each "
                    "channel its own name"
                )
            if type_ == "shapesys" and where.sum() > 1:
                raise FitError(
                    f"shapesys '{name}' is on more than one sample or channel: give each its name"
                )
            bins = channels[composition.channel_of_bin]
            local = [
                np.arange(b)
                for (_, b), used in zip(composition.channels, channels, strict=True)
                if used
            ]
            position = np.concatenate(local) if type_ == "shapefactor" else np.arange(bins.sum())
            index[k, bins] = slices[name].start + position
            mask[k] |= where[:, composition.channel_of_bin]
    return index, mask
