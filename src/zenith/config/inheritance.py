"""What a configuration may not take from its base without a word: the size of data, and blinding.

The luminosity of an era is that of its data, and whether an analysis may look at them depends on
what they are. A file whose data are recorded, on a base whose data are simulated (or the other way
round), has to state both.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from zenith.errors import ConfigError

RECORDED = ("files", "dataset", "record")


def check_inheritance(
    layers: Sequence[tuple[str, Mapping[str, Any]]], merged: Sequence[Mapping[str, Any]]
) -> None:
    """Raise `ConfigError` for a luminosity or blinding from a base of another kind of data.

    Parameters
    ----------
    layers
        File and its own content, from the last base to the file itself.
    merged
        For each layer, it on top of those before it.
    """
    for number in range(1, len(layers)):
        before, after = (_kinds(merged[number + step]) for step in (-1, 0))
        for era, kind in after.items():
            if before.get(era, kind) == kind:
                continue
            above = [content for _, content in layers[number:]]
            regions = _blinded(merged[number - 1], merged[number])
            for keys in (("eras", era, "luminosity"), ("statistics", "blind"), *regions):
                inherited = _at(merged[number - 1], *keys)
                if all(_at(content, *keys) is None for content in above):
                    file, base = layers[number][0], layers[number - 1][0]
                    raise ConfigError(
                        f"{file}: {'.'.join(keys)}: the data of the era {era} are {kind}, those of "
                        f"its base {base} are {before[era]}: what holds for them "
                        f"({'the default' if inherited is None else inherited}) is not inherited; "
                        "state it in this file"
                    )


def _blinded(base: Mapping[str, Any], merged: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The keys `blind` of regions that the base has and the file keeps."""
    kept = _at(merged, "regions")
    regions = kept if isinstance(kept, Mapping) else {}
    keys = [("regions", str(name), "blind") for name in regions]
    return [key for key in keys if _at(base, *key) is not None]


def _kinds(content: Mapping[str, Any]) -> dict[str, str]:
    """Era → whether its data are recorded (any of them) or simulated; only eras with data."""
    kinds: dict[str, str] = {}
    samples = _at(content, "samples")
    for sample in samples.values() if isinstance(samples, Mapping) else ():
        era = str(_at(sample, "era"))
        if _at(content, "processes", str(_at(sample, "process")), "role") != "data":
            continue
        if any(_at(sample, key) is not None for key in RECORDED):
            kinds[era] = "recorded"
        elif _at(sample, "simulate") is not None:
            kinds.setdefault(era, "simulated")
    return kinds


def _at(content: Any, *keys: str) -> Any:
    """What is at a path of keys, of a configuration that is not checked yet; None if nothing."""
    for key in keys:
        if not isinstance(content, Mapping):
            return None
        content = content.get(key)
    return content
