"""pyhf's JSON workspace (schema 1.0.0) as structure, templates and observed counts."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from zenith.core.likelihood.composition import Modifier
from zenith.core.likelihood.parameters import Setting
from zenith.core.likelihood.structure import Structure, Templates
from zenith.errors import FitError


class Workspace(NamedTuple):
    """One measurement of a workspace."""

    structure: Structure
    templates: Templates
    observed: np.ndarray
    """Counts, shape (B,)."""


def from_workspace(spec: Mapping[str, Any], measurement: str | None = None) -> Workspace:
    """Read a workspace, of which `measurement` defaults to the first.

    Channels and samples are sorted by name, as pyhf does, so that parameters have its order.
    Raises FitError, naming channel, sample and modifier, on what is missing, listed twice, no
    number, or contradicts.
    """
    if not isinstance(spec, Mapping):
        raise FitError("the workspace is not a JSON object; is it pyhf's?")
    for key in ("channels", "observations", "measurements"):
        if not spec.get(key):
            raise FitError(f"the workspace's '{key}' is missing or empty")
    try:
        return _parse(spec, measurement)
    except (AttributeError, KeyError, TypeError) as error:
        raise FitError(f"the workspace is not of pyhf's schema 1.0.0 near {error}") from error


def _parse(spec: Mapping[str, Any], measurement: str | None) -> Workspace:
    config = _measurement(spec["measurements"], measurement)
    channels = {
        name: _by_name(channel["samples"], f"channel '{name}': sample")
        for name, channel in _by_name(spec["channels"], "channel").items()
    }
    bins = {name: _size(name, samples) for name, samples in channels.items()}
    structure = Structure(
        channels=tuple(sorted(bins.items())),
        samples=tuple(sorted({name for samples in channels.values() for name in samples})),
        modifiers=tuple(
            Modifier(modifier["type"], modifier["name"], channel, sample)
            for channel, samples in channels.items()
            for sample, entry in samples.items()
            for modifier in entry["modifiers"]
        ),
        poi=config["poi"],
        settings=config["settings"],
    )
    observations = _by_name(spec["observations"], "the observation of channel")
    counts = []
    for name, size in structure.channels:
        if name not in observations:
            raise FitError(f"channel '{name}' has no observation")
        where = f"channel '{name}', observation"
        counts.append(_per_bin(observations[name]["data"], size, where, least=0.0))
    return Workspace(structure, _templates(structure, channels), np.concatenate(counts))


def _size(channel: str, samples: Mapping[str, Mapping[str, Any]]) -> int:
    """The number of bins, the same for every sample."""
    if not samples:
        raise FitError(f"channel '{channel}' has no samples")
    size = len(next(iter(samples.values()))["data"])
    for name, sample in samples.items():
        _per_bin(sample["data"], size, f"channel '{channel}', sample '{name}', data")
    if not size:
        raise FitError(f"channel '{channel}' has no bins")
    return size


def _by_name(entries: Iterable[Mapping[str, Any]], what: str) -> dict[str, Mapping[str, Any]]:
    """The entries of a list by their names, which must differ."""
    found: dict[str, Mapping[str, Any]] = {}
    for entry in entries:
        if entry["name"] in found:
            raise FitError(f"{what} '{entry['name']}' is there twice: rename or remove one")
        found[entry["name"]] = entry
    return found


def _measurement(measurements: list[dict[str, Any]], name: str | None) -> dict[str, Any]:
    """The name of the parameter of interest, `poi`, and the `settings` of a measurement."""
    by_name = _by_name(measurements, "measurement")
    if name is None:
        name = next(iter(by_name))
    if name not in by_name:
        raise FitError(f"no measurement '{name}'; it has: {', '.join(by_name)}")
    where, config = f"measurement '{name}'", by_name[name]["config"]
    if not config["poi"]:
        raise FitError(f"{where} names no parameter of interest: 'poi' is empty")
    parameters = _by_name(config["parameters"], f"{where}: parameter")
    settings = tuple(
        _setting(entry, f"{where}, parameter '{p}'") for p, entry in parameters.items()
    )
    return {"poi": config["poi"], "settings": settings}


def _setting(parameter: Mapping[str, Any], where: str) -> Setting:
    def values(key: str) -> tuple[float, ...] | None:
        if key not in parameter:
            return None
        numbers = _numbers(parameter[key], f"{where}, {key}")
        if key in ("sigmas", "factors") and not (numbers > 0).all():
            raise FitError(f"{where}, {key}: {parameter[key]} must be positive")
        return tuple(numbers.tolist())

    widths = values("sigmas")
    if factors := values("factors"):
        widths = tuple(factor**-0.5 for factor in factors)
    bounds = []
    for pair in parameter.get("bounds", []):
        ends = _numbers(pair, f"{where}, bounds").tolist()
        if len(ends) != 2 or ends[0] > ends[1]:
            raise FitError(f"{where}, bounds: {pair} is not a pair [low, high]")
        bounds.append((ends[0], ends[1]))
    fixed = parameter.get("fixed")
    if not isinstance(fixed, bool | None):
        raise FitError(f"{where}, fixed: {fixed!r} is neither true nor false")
    return Setting(
        name=parameter["name"],
        inits=values("inits"),
        bounds=tuple(bounds) or None,
        auxdata=values("auxdata"),
        widths=widths,
        fixed=fixed,
    )


def _templates(
    structure: Structure, channels: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> Templates:
    """`channels` are the samples by channel and name."""
    samples = {name: i for i, name in enumerate(structure.samples)}
    shape = (len(samples), structure.bins)
    histosys = {name: i for i, name in enumerate(structure.histosys)}
    normsys = {name: i for i, name in enumerate(structure.normsys)}
    layer = {key: k for k, keys in enumerate(structure.layers) for key in keys}
    nominal = np.zeros(shape)
    variations: list[tuple[tuple[int, int, slice], np.ndarray, np.ndarray]] = []
    factor_up = np.ones((len(normsys), shape[0], len(channels)))
    factor_down = factor_up.copy()
    uncertainty = np.zeros((len(structure.layers), *shape))
    for c, (channel, bins) in enumerate(structure.slices.items()):
        size = bins.stop - bins.start
        for of_sample, sample in channels[channel].items():
            row = samples[of_sample]
            where = f"channel '{channel}', sample '{of_sample}'"
            nominal[row, bins] = sample["data"]
            for modifier in sample["modifiers"]:
                type_, name, data = modifier["type"], modifier["name"], modifier["data"]
                here = f"{where}, {type_} '{name}'"
                if type_ == "histosys":
                    up = _per_bin(data["hi_data"], size, f"{here}, hi_data")
                    down = _per_bin(data["lo_data"], size, f"{here}, lo_data")
                    variations.append(((histosys[name], row, bins), up, down))
                elif type_ == "normsys":
                    factors = _numbers([data["hi"], data["lo"]], f"{here}, hi and lo")
                    if not (factors > 0).all():
                        raise FitError(f"{here}: hi and lo must be positive, are {data}")
                    factor_up[normsys[name], row, c], factor_down[normsys[name], row, c] = factors
                elif type_ in ("staterror", "shapesys"):
                    sizes = _per_bin(data, size, here, least=0.0)
                    uncertainty[layer[type_, name], row, bins] = sizes
    up_all = np.repeat(nominal[None], len(histosys), 0)
    down_all = up_all.copy()
    for index, up, down in variations:
        up_all[index], down_all[index] = up, down
    arrays = (nominal, up_all, down_all, factor_up, factor_down, uncertainty)
    return Templates(*map(jnp.asarray, arrays))


def _per_bin(values: Any, size: int, where: str, least: float = -np.inf) -> np.ndarray:
    """One number for each bin of a channel, shape (size,), none below `least`."""
    numbers = _numbers(values, where)
    if len(numbers) != size:
        raise FitError(f"{where}: {len(numbers)} values for {size} bins")
    if (numbers < least).any():
        raise FitError(f"{where}: {numbers.min():g} is below {least:g}")
    return numbers


def _numbers(values: Any, where: str) -> np.ndarray:
    """A list of finite numbers; neither text nor truth, which numpy would take, is one."""
    listed = values if isinstance(values, list | tuple) else ()
    for i, value in enumerate(listed):
        if isinstance(value, bool | str | list | tuple | dict | None):
            raise FitError(f"{where}[{i}]: {value!r} is not a number")
    try:
        numbers = np.asarray(values, float)
    except (OverflowError, TypeError, ValueError):
        raise FitError(f"{where}: not a list of finite numbers") from None
    if numbers.ndim != 1 or not np.isfinite(numbers).all():
        raise FitError(f"{where}: not a list of finite numbers")
    return numbers
