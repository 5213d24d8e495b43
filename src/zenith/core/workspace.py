"""pyhf's JSON workspace (schema 1.0.0) as structure, templates and observed counts."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from zenith.core.parameters import Setting
from zenith.core.structure import Modifier, Structure, Templates
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
    Raises FitError, naming channel, sample and modifier, on what is missing or contradicts.
    """
    if not isinstance(spec, Mapping):
        raise FitError("the workspace is not a JSON object; is it pyhf's?")
    for key in ("channels", "observations", "measurements"):
        if not spec.get(key):
            raise FitError(f"the workspace's '{key}' is missing or empty")
    try:
        return _parse(spec, measurement)
    except (KeyError, TypeError) as error:
        raise FitError(f"the workspace is not of pyhf's schema 1.0.0 near {error}") from error


def _parse(spec: Mapping[str, Any], measurement: str | None) -> Workspace:
    config = _measurement(spec["measurements"], measurement)
    channels = {channel["name"]: channel for channel in spec["channels"]}
    bins = {name: len(channel["samples"][0]["data"]) for name, channel in channels.items()}
    structure = Structure(
        channels=tuple(sorted(bins.items())),
        samples=tuple(sorted({s["name"] for c in channels.values() for s in c["samples"]})),
        modifiers=tuple(
            Modifier(modifier["type"], modifier["name"], name, sample["name"])
            for name, channel in channels.items()
            for sample in channel["samples"]
            for modifier in sample["modifiers"]
        ),
        poi=config["poi"],
        settings=tuple(_setting(parameter) for parameter in config["parameters"]),
    )
    observations = {entry["name"]: entry["data"] for entry in spec["observations"]}
    counts = []
    for name, size in structure.channels:
        if name not in observations:
            raise FitError(f"channel '{name}' has no observation")
        counts.append(_numbers(observations[name], size, f"observation of channel '{name}'"))
    if any((count < 0).any() for count in counts):
        raise FitError("an observation is negative; counts must be 0 or more")
    return Workspace(structure, _templates(structure, channels), np.concatenate(counts))


def _measurement(measurements: list[dict[str, Any]], name: str | None) -> dict[str, Any]:
    by_name = {measurement["name"]: measurement["config"] for measurement in measurements}
    if name is None:
        return measurements[0]["config"]
    if name not in by_name:
        raise FitError(f"no measurement '{name}'; it has: {', '.join(by_name)}")
    return by_name[name]


def _setting(parameter: dict[str, Any]) -> Setting:
    def values(key: str) -> tuple[float, ...] | None:
        return tuple(map(float, parameter[key])) if key in parameter else None

    widths = values("sigmas")
    if factors := values("factors"):
        widths = tuple(factor**-0.5 for factor in factors)
    bounds = [(float(low), float(high)) for low, high in parameter.get("bounds", [])]
    return Setting(
        name=parameter["name"],
        inits=values("inits"),
        bounds=tuple(bounds) or None,
        auxdata=values("auxdata"),
        widths=widths,
        fixed=parameter.get("fixed"),
    )


def _templates(structure: Structure, channels: dict[str, dict[str, Any]]) -> Templates:
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
        for sample in channels[channel]["samples"]:
            row = samples[sample["name"]]
            where = f"channel '{channel}', sample '{sample['name']}'"
            nominal[row, bins] = _numbers(sample["data"], size, where)
            for modifier in sample["modifiers"]:
                type_, name, data = modifier["type"], modifier["name"], modifier["data"]
                here = f"{where}, {type_} '{name}'"
                if type_ == "histosys":
                    up = _numbers(data["hi_data"], size, f"{here}, hi_data")
                    down = _numbers(data["lo_data"], size, f"{here}, lo_data")
                    variations.append(((histosys[name], row, bins), up, down))
                elif type_ == "normsys":
                    if not (data["hi"] > 0 and data["lo"] > 0):
                        raise FitError(f"{here}: hi and lo must be positive, are {data}")
                    factor_up[normsys[name], row, c] = data["hi"]
                    factor_down[normsys[name], row, c] = data["lo"]
                elif type_ in ("staterror", "shapesys"):
                    numbers = _numbers(data, size, here)
                    uncertainty[layer[type_, name], row, bins] = numbers
    up_all = np.repeat(nominal[None], len(histosys), 0)
    down_all = up_all.copy()
    for index, up, down in variations:
        up_all[index], down_all[index] = up, down
    arrays = (nominal, up_all, down_all, factor_up, factor_down, uncertainty)
    return Templates(*map(jnp.asarray, arrays))


def _numbers(values: list[float], size: int, where: str) -> np.ndarray:
    numbers = np.asarray(values, float)
    if numbers.shape != (size,):
        raise FitError(f"{where}: {numbers.size} values for {size} bins")
    if not np.isfinite(numbers).all():
        raise FitError(f"{where}: a value is not finite")
    return numbers
