"""Configurations of scored events as version 0.1 began with: read until version 0.2.

They were known by the keys `events` and `categories`, which are `inputs.scored` and `categorise`.
"""

import logging
from collections.abc import Mapping
from typing import Any

import yaml

OLD = ("events", "categories")
# Of `plotting`, what is said of the events now
_OF_EVENTS = {
    "luminosity": "luminosity",
    "energy": "energy",
    "scores": "score_labels",
    "labels": "labels",
}
log = logging.getLogger(__name__)


def renewed(data: Mapping[str, Any], source: str) -> dict[str, Any]:
    """A configuration in the present form, with a warning that says it where it was not.

    Keys that are wrong stay wrong: they are found where they belong now. An analysis of samples
    never had this form.
    """
    if "samples" in data or not any(isinstance(data.get(key), Mapping) for key in OLD):
        return dict(data)
    new = {key: value for key, value in data.items() if key not in OLD}
    given = {key: data.get(key) for key in (*OLD, "plotting")}
    old = {key: dict(value) if isinstance(value, Mapping) else {} for key, value in given.items()}
    scored, asked = old["events"], old["categories"]
    if isinstance(scored.get("analysis"), Mapping):
        region = dict(scored["analysis"])
        scored["analysis"] = region.pop("configuration", None)
        asked |= region
    if isinstance(new.get("split"), int | float):
        scored["split"] = new.pop("split")
    scored |= {
        name: old["plotting"].pop(key) for key, name in _OF_EVENTS.items() if key in old["plotting"]
    }
    if isinstance(new.get("plotting"), Mapping):
        new["plotting"] = old["plotting"]
    changed = {"inputs": {"scored": scored}, "categorise": asked}
    changed = {key: value for key, value in changed.items() if value not in ({}, {"scored": {}})}
    text = yaml.safe_dump(
        changed, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**9
    )
    log.warning(
        "%s: events, categories, split and names in plotting are the old form, which version 0.2 "
        "will not read: write %s",
        source,
        text.strip().removeprefix("{").removesuffix("}"),
    )
    for key, value in changed.items():
        new[key] = _over(new.get(key), value)
    return new


def _over(base: Any, changes: Any) -> Any:
    """Mappings merged, the rest replaced."""
    if not isinstance(base, Mapping) or not isinstance(changes, Mapping):
        return changes
    return {**base, **{key: _over(base.get(key), value) for key, value in changes.items()}}
