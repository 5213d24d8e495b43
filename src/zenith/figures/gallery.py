"""Figures of the events of a selection: control plots, variations of templates and cutflows.

Each function yields (name, figure), one at a time, so that only one figure is in memory.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from zenith.artefacts.cutflow import Cutflow, ProcessCutflow
from zenith.config import Analysis
from zenith.config.samples import Process
from zenith.figures import cutflow, stacks, systematics
from zenith.figures.naming import Figures, axis_of, banner
from zenith.statistics.naming import cut_label


class Nuisance(Protocol):
    """What the figures need of `zenith.statistics.nuisances.Nuisance`."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def processes(self) -> Sequence[str]: ...
    @property
    def regions(self) -> Sequence[str]: ...
    @property
    def up(self) -> float: ...
    @property
    def down(self) -> float: ...


def _nested(histograms: Mapping[str, Any], prefix: str) -> dict[str, dict[str, Any]]:
    """Process → variation → histogram, of the names `{prefix}/{process}/{variation}`."""
    nested: dict[str, dict[str, Any]] = {}
    for name, histogram in histograms.items():
        if name.startswith(f"{prefix}/") and name.count("/") == prefix.count("/") + 2:
            process, variation = name.split("/")[-2:]
            nested.setdefault(process, {})[variation] = histogram
    return nested


def of_role(analysis: Analysis, templates: Mapping[str, Any], role: str) -> list[str]:
    """The processes of a role that have templates, in stack order."""
    return [
        p for p, process in analysis.processes.items() if process.role == role and p in templates
    ]


def _rates(
    nuisances: Sequence[Nuisance], region: str, totals: Mapping[str, Any]
) -> Iterator[tuple[Any, Any]]:
    """Changes of a sum of processes by the nuisances that are rates, up and down."""
    for nuisance in nuisances:
        if nuisance.kind == "normalisation" and region in nuisance.regions:
            varied = sum(totals[p] for p in nuisance.processes if p in totals)
            if not isinstance(varied, int):
                yield nuisance.up * varied, nuisance.down * varied


def control_plots(
    analysis: Analysis, nuisances: Sequence[Nuisance], histograms: Mapping[str, Any]
) -> Figures:
    """`{region}_{observable}`: expected backgrounds, signal and data before the fit.

    The band is the statistical uncertainty of the simulation and every constrained nuisance in
    quadrature; free normalisations are at 1 and add nothing.
    """
    line = banner(analysis)
    scale = analysis.plotting.signal_scale
    names = {observable.replace(":", "_"): observable for observable in analysis.observables}
    for prefix in dict.fromkeys(name.rsplit("/", 2)[0] for name in histograms):
        region, _, key = prefix.partition("/")
        observable = names.get(key, key)
        templates = _nested(histograms, prefix)
        backgrounds = of_role(analysis, templates, "background")
        first = next(iter(next(iter(templates.values())).values()))
        totals = {p: templates[p]["nominal"].values() for p in backgrounds}
        changes = list(stacks.shifts(templates, backgrounds).values())
        changes += _rates(nuisances, region, totals)
        variance = sum((templates[p]["nominal"].variances() for p in backgrounds), np.zeros(1))
        axis = axis_of(analysis, observable)
        data = None if analysis.is_blind(region) else of_role(analysis, templates, "data")
        yield (
            f"{region}_{key}",
            stacks.stack(
                first.axes[0].edges,
                [layer(analysis, p, totals[p]) for p in backgrounds],
                stacks.quadrature(np.broadcast_to(variance, first.shape), changes),
                data=sum(templates[p]["nominal"].values() for p in data) if data else None,
                data_label=analysis.processes[data[0]].label if data else "",
                lines=[
                    layer(analysis, p, templates[p]["nominal"].values(), scale)
                    for p in of_role(analysis, templates, "signal")
                ],
                text=[analysis.regions[region].label],
                banner=line,
                **axis,
            ),
        )


def layer(analysis: Analysis, process: str, values: Any, scale: float = 1.0) -> stacks.Layer:
    """A process of a stack, with its label and colour; values (bins,), times a scale."""
    known = analysis.processes[process]
    label = known.label if scale == 1.0 else f"{known.label} × {scale:g}"
    return stacks.Layer(label, known.colour, scale * np.asarray(values, float))


def variations(
    analysis: Analysis, nuisances: Sequence[Nuisance], histograms: Mapping[str, Any]
) -> Figures:
    """`{region}_{nuisance}`: total background and signal, nominal and varied."""
    line = banner(analysis)
    for region, settings in analysis.regions.items():
        templates = _nested(histograms, region)
        axis = axis_of(analysis, settings.fit.observable)
        axis.pop("log")
        groups = {
            "Background": of_role(analysis, templates, "background"),
            **{analysis.processes[p].label: [p] for p in of_role(analysis, templates, "signal")},
        }
        for nuisance in nuisances:
            if nuisance.kind != "templates":
                continue
            varied = [
                _varied(label, templates, processes, nuisance.name)
                for label, processes in groups.items()
                if any(p in nuisance.processes for p in processes)
            ]
            varied = [v for v in varied if v.up is not None or v.down is not None][:2]
            if varied:
                yield (
                    f"{region}_{nuisance.name}",
                    systematics.variation(
                        settings.fit.edges.edges,
                        varied,
                        text=[settings.label, nuisance.label],
                        banner=line,
                        **axis,
                    ),
                )


def _varied(
    label: str, templates: Mapping[str, Mapping[str, Any]], processes: list[str], nuisance: str
) -> systematics.Varied:
    """The sum of processes; one that a nuisance does not touch enters it as it is."""

    def total(side: str) -> Any:
        name = f"{nuisance}_{side}"
        if not any(name in templates[p] for p in processes):
            return None
        return sum(templates[p].get(name, templates[p]["nominal"]).values() for p in processes)

    nominal = [templates[p]["nominal"] for p in processes]
    return systematics.Varied(
        label,
        sum(h.values() for h in nominal),
        sum(h.variances() for h in nominal),
        total("up"),
        total("down"),
    )


def cutflows(analysis: Analysis, nuisances: Sequence[Nuisance], content: Cutflow) -> Figures:
    """`{region}`: expected events of each process, and data, after each cut."""
    line = banner(analysis)
    for region, table in content.items():
        if region not in analysis.regions:
            continue
        flows = [
            _flow(process, numbers)
            for name, process in reversed(analysis.processes.items())
            if (numbers := table["processes"].get(name)) is not None
            and not (process.role == "data" and analysis.is_blind(region))
        ]
        yield (
            region,
            cutflow.cutflow(
                [cut_label(analysis, cut) for cut in table["cuts"]],
                flows,
                text=[analysis.regions[region].label],
                banner=line,
            ),
        )


def _flow(process: Process, numbers: ProcessCutflow) -> cutflow.Flow:
    """A process in a cutflow; data, whose events count as they are, without errors."""
    if process.role == "data":
        return cutflow.Flow(process.label, process.colour, numbers["yield"], points=True)
    errors = numbers.get("error")
    return cutflow.Flow(process.label, process.colour, numbers["yield"], errors=errors)
