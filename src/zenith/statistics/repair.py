"""Repair of templates: the rules of `core.likelihood.template_rules`, reported bin by bin."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

import numpy as np

from zenith.artefacts.fit import TemplateRepair
from zenith.core.likelihood.template_rules import consistent, floored
from zenith.statistics.templates import RegionTemplates

log = logging.getLogger(__name__)

Array = Any  # of NumPy or of JAX


@dataclass(frozen=True)
class Repair:
    """One bin that was changed; bins are counted from 0."""

    channel: str
    sample: str
    variation: str
    bin: int
    before: float
    after: float
    reason: str


def sanitise(
    templates: RegionTemplates, minimum: float | None
) -> tuple[RegionTemplates, list[Repair]]:
    """The templates of one region, repaired, and what was changed; every nominal change is logged.

    `minimum` is `statistics.minimum_yield`.
    """
    nominal, variance = floored(
        templates.nominal, templates.variance, templates.background, minimum, templates.sums
    )
    variations = {
        name: (
            consistent(up, templates.nominal, nominal),
            consistent(down, templates.nominal, nominal),
        )
        for name, (up, down) in templates.variations.items()
    }
    repaired = replace(templates, nominal=nominal, variance=variance, variations=variations)
    too_few = "fewer than one simulated event of background"
    if minimum is not None:
        too_few = "background below statistics.minimum_yield"
    changes = [
        *_nominal_changes(templates, repaired, too_few),
        *_variation_changes(templates, repaired),
    ]
    _report(templates, changes)
    return repaired, changes


def summary(changes: Sequence[Repair]) -> list[TemplateRepair]:
    """The changes as JSON can say them."""
    return [cast(TemplateRepair, asdict(change)) for change in changes]


def _nominal_changes(old: RegionTemplates, new: RegionTemplates, too_few: str) -> Iterator[Repair]:
    is_background = np.asarray(old.background)
    background = old.nominal[is_background].clip(0.0).sum(axis=0)
    signal = old.nominal[~is_background].sum(axis=0)
    for p, b in np.argwhere(~_same(old.nominal, new.nominal)):
        if old.nominal[p, b] < 0.0 and new.nominal[p, b] == 0.0:
            reason = "negative"
        elif background[b] == 0.0:
            reason = "signal-only" if signal[b] > 0.0 else "empty"
        else:
            reason = too_few
        yield _change(old, p, b, "nominal", old.nominal, new.nominal, reason)


def _variation_changes(old: RegionTemplates, new: RegionTemplates) -> Iterator[Repair]:
    for name, pairs in old.variations.items():
        for side, before, after in zip(("up", "down"), pairs, new.variations[name], strict=True):
            # Where the nominal moved, the variation moves along: that is not another change.
            moved = ~_same(before, after) & _same(old.nominal, new.nominal)
            for p, b in np.argwhere(moved):
                if old.processes[p] not in old.acts[name]:
                    continue
                known = old.nominal[p, b] > 0.0
                reason = "beyond a factor of 10" if known else "nominal is empty"
                yield _change(old, p, b, f"{name}_{side}", before, after, reason)


def _same(before: Array, after: Array) -> Array:
    return np.isclose(before, after, rtol=1e-9, atol=0.0)


def _change(
    templates: RegionTemplates,
    p: int,
    b: int,
    variation: str,
    before: Array,
    after: Array,
    reason: str,
) -> Repair:
    return Repair(
        templates.region,
        templates.processes[p],
        variation,
        int(b),
        float(before[p, b]),
        float(after[p, b]),
        reason,
    )


def _report(templates: RegionTemplates, changes: Sequence[Repair]) -> None:
    for c in changes:
        if c.variation == "nominal":
            low, high = templates.edges[c.bin : c.bin + 2]
            log.warning(
                "channel %s, sample %s, bin %d (%s %g to %g): %s, %.4g becomes %.4g",
                *(c.channel, c.sample, c.bin, templates.observable, low, high),
                *(c.reason, c.before, c.after),
            )
    varied = [c for c in changes if c.variation != "nominal"]
    if varied:
        names = ", ".join(sorted({f"{c.sample} {c.variation}" for c in varied}))
        log.warning(
            "channel %s: %d bins of variations are limited (%s)",
            *(templates.region, len(varied), names),
        )
