"""The HistFactory workspace: cabinetry builds it from the templates of the regions.

What enters, by kind of nuisance parameter: a normalisation is a normsys; a pair of templates is a
normsys with the ratio of the yields and a histosys with the shape at the nominal yield, under one
name, so that at ±1 standard deviation the prediction is the varied template; a free normalisation,
as the signal strength, is a normfactor; the number of simulated events is a staterror, one
parameter for each bin of a channel (Barlow-Beeston light).
"""

import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import boost_histogram
import cabinetry
import numpy as np

from zenith.config import Analysis
from zenith.errors import FitError
from zenith.statistics.nuisances import Nuisance, nuisances
from zenith.statistics.templates import Matrix, Templates

log = logging.getLogger(__name__)

FREE_BOUNDS = (0.0, 10.0)  # of free normalisations, in units of the expected yield
DATA = "observed-data"  # no process can have a hyphen in its name


def build(
    analysis: Analysis, regions: Sequence[Templates]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The workspace (pyhf's JSON) of sanitised templates, and the list of what was pruned.

    With `statistics.blind` the observations are the Asimov data of the nominal model at signal
    strength 1. A process without any yield in a region is left out of it, with its variations.
    Where no signal is left at all, the signal strength is held at 1.

    Pruning: a variation whose relative effect on a process is at most `statistics.prune` in every
    bin of a region is left out there; a normalisation likewise. Smoothing comes first.

    Raises FitError where there are no data and the analysis is not blind.
    """
    regions = [_smoothed(templates, nuisances(analysis)) for templates in regions]
    present = _present(analysis, regions)
    systematics, pruned = _systematics(analysis, regions, present)
    with tempfile.TemporaryDirectory() as folder:
        config = {
            "General": {
                "Measurement": analysis.name,
                "POI": analysis.statistics.signal_strength,
                "InputPath": "",
                "HistogramFolder": folder,
                **_fixed(analysis, regions),
            },
            "Regions": [{"Name": templates.region} for templates in regions],
            "Samples": [
                *(
                    {
                        "Name": process,
                        "Regions": where,
                        "DisableStaterror": not analysis.statistics.mc_statistics,
                    }
                    for process, where in present.items()
                ),
                {"Name": DATA, "Data": True},
            ],
            "NormFactors": _factors(analysis, present),
            "Systematics": systematics,
        }
        cabinetry.configuration.validate(config)
        cabinetry.templates.build(config, router=_router(analysis, regions))
        return cabinetry.workspace.build(config), pruned


def _present(analysis: Analysis, regions: Sequence[Templates]) -> dict[str, list[str]]:
    """The regions in which a process has a yield; where no signal has one, the first keeps it."""
    present: dict[str, list[str]] = {}
    for templates in regions:
        for process, row in zip(templates.processes, templates.nominal, strict=True):
            if row.any():
                present.setdefault(process, []).append(templates.region)
            else:
                log.warning("channel %s: sample %s is empty, left out", templates.region, process)
    if _has_no_signal(regions):
        signal = next((p for p in analysis.signals if p in regions[0].processes), None)
        if signal is None:
            raise FitError(
                "no sample of a signal process is in use, so there is nothing to measure: add one, "
                "or let it through only_samples"
            )
        name = analysis.statistics.signal_strength
        log.warning("no fitted region has any signal: %s is held at 1 and not measured", name)
        present[signal] = [regions[0].region]
    return present


def _has_no_signal(regions: Sequence[Templates]) -> bool:
    return not any(t.nominal[~np.asarray(t.background)].any() for t in regions)


def _fixed(analysis: Analysis, regions: Sequence[Templates]) -> dict[str, Any]:
    if not _has_no_signal(regions):
        return {}
    return {"Fixed": [{"Name": analysis.statistics.signal_strength, "Value": 1.0}]}


def _factors(analysis: Analysis, present: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    statistics = analysis.statistics
    factors = [
        (statistics.signal_strength, analysis.signals, statistics.signal_bounds),
        *((name, names, FREE_BOUNDS) for name, names in statistics.free_normalisations.items()),
    ]
    return [
        {
            "Name": name,
            "Samples": [p for p in present if p in processes],
            "Nominal": 1.0,
            "Bounds": list(bounds),
        }
        for name, processes, bounds in factors
        if any(p in present for p in processes)
    ]


def _systematics(
    analysis: Analysis, regions: Sequence[Templates], present: Mapping[str, Sequence[str]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    entries, pruned = [], []
    for nuisance in nuisances(analysis):
        if nuisance.kind == "free":
            continue
        for templates in (t for t in regions if t.region in nuisance.regions):
            kept = []
            for process in nuisance.processes:
                if templates.region not in present.get(process, ()):
                    continue
                effect = _effect(templates, nuisance, process)
                if effect > analysis.statistics.prune:
                    kept.append(process)
                    continue
                pruned.append(
                    {
                        "name": nuisance.name,
                        "channel": templates.region,
                        "sample": process,
                        "effect": effect,
                    }
                )
            if kept:
                entries.append(_entry(nuisance, templates.region, kept))
    if pruned:
        log.info("pruned: %s", ", ".join(f"{p['name']} ({p['channel']})" for p in pruned))
    return entries, pruned


def _effect(templates: Templates, nuisance: Nuisance, process: str) -> float:
    """The largest relative change of a process in a bin of a region."""
    if nuisance.kind == "normalisation":
        return max(abs(nuisance.up), abs(nuisance.down))
    row = templates.processes.index(process)
    nominal = templates.nominal[row]
    filled = nominal > 0.0
    if not filled.any():
        return 0.0
    return max(
        float(np.abs(varied[row, filled] / nominal[filled] - 1.0).max())
        for varied in templates.variations[nuisance.name]
    )


def _entry(nuisance: Nuisance, region: str, processes: list[str]) -> dict[str, Any]:
    # Entries of one nuisance, which differ in their processes, share its name as ModifierName.
    entry = {
        "Name": f"{nuisance.name}-{region}",
        "ModifierName": nuisance.name,
        "Regions": [region],
        "Samples": processes,
    }
    if nuisance.kind == "normalisation":
        up, down = {"Normalization": nuisance.up}, {"Normalization": nuisance.down}
        return {**entry, "Type": "Normalization", "Up": up, "Down": down}
    return {**entry, "Type": "NormPlusShape", "Up": {}, "Down": {}}


def _smoothed(templates: Templates, listed: Sequence[Nuisance]) -> Templates:
    """Smooth the ratio to the nominal (353QH, twice) where asked for; yields are kept."""
    wanted = {n.name for n in listed if n.smooth}
    variations = dict(templates.variations)
    for name in wanted & set(variations):
        up, down = variations[name]
        variations[name] = (_smooth(up, templates.nominal), _smooth(down, templates.nominal))
    return replace(templates, variations=variations)


def _smooth(varied: Matrix, nominal: Matrix) -> Matrix:
    ratio = np.divide(varied, nominal, out=np.ones_like(varied), where=nominal > 0.0)
    smooth = nominal * np.array([cabinetry.smooth.smooth_353qh_twice(row) for row in ratio])
    total = smooth.sum(axis=1, keepdims=True)
    scale = np.divide(
        varied.sum(axis=1, keepdims=True), total, out=np.ones_like(total), where=total > 0.0
    )
    return smooth * scale


def _router(analysis: Analysis, regions: Sequence[Templates]) -> cabinetry.route.Router:
    """Hands the templates to cabinetry, which asks for each by region, sample and variation."""
    by_region = {templates.region: templates for templates in regions}
    router = cabinetry.route.Router()

    @router.register_template_builder()
    def _template(
        region: Mapping[str, Any],
        sample: Mapping[str, Any],
        systematic: Mapping[str, Any],
        side: str | None,
    ) -> boost_histogram.Histogram:
        templates = by_region[region["Name"]]
        variance = np.zeros(len(templates.edges) - 1)
        if sample["Name"] == DATA:
            values = _observations(analysis, templates)
        else:
            row = templates.processes.index(sample["Name"])
            values, variance = templates.nominal[row], templates.variance[row]
            if side is not None:
                pair = templates.variations[systematic["ModifierName"]]
                values = pair[0 if side == "Up" else 1][row]
        axis = boost_histogram.axis.Variable(templates.edges)
        histogram = boost_histogram.Histogram(axis, storage=boost_histogram.storage.Weight())
        histogram[...] = np.stack([values, variance], axis=-1)
        return histogram

    return router


def _observations(analysis: Analysis, templates: Templates) -> Matrix:
    if analysis.statistics.blind:
        return templates.nominal.sum(axis=0)
    if templates.data is None:
        raise FitError(
            "no sample of a data process is in use, so there is nothing to fit: add one, or set "
            "statistics.blind: true for expected results"
        )
    return templates.data
