"""What is measured, and what people call things, as plain text."""

from collections.abc import Iterable, Mapping

from zenith.artefacts.cutflow import Cutflow, ProcessCutflow
from zenith.artefacts.fit import Fit
from zenith.artefacts.summary import Labels, Measurement
from zenith.config import Analysis
from zenith.config.variants import summarised
from zenith.reporting.plain import plain
from zenith.statistics.naming import cut_label, parameter_groups, parameter_labels
from zenith.tables import measured, table

NO_LABELS: Labels = {
    "processes": {}, "regions": {}, "cuts": {}, "parameters": {}, "groups": {}
}  # fmt: skip
NOTHING_KNOWN: Measurement = {"labels": NO_LABELS}


def measurement(
    analysis: Analysis, fits: Iterable[Fit], flows: Iterable[Cutflow] = ()
) -> Measurement:
    """Of an analysis: with the parameters of its fits, and the cuts of its regions."""
    if analysis.summary is not None:  # which has a region of its own
        regions = {**analysis.regions, **summarised(analysis).regions}
        analysis = analysis.model_copy(update={"regions": regions})
    names = list(dict.fromkeys(p["name"] for fit in fits for p in fit["parameters"]))
    signals = [analysis.processes[p].label for p in analysis.signals_of_interest]
    data = [p.label for p in analysis.processes.values() if p.role == "data"]
    processes = {name: process.label for name, process in analysis.processes.items()}
    sums = {"total_background": "total background", "total": "total", "data": "data"}
    cuts = [text for flow in flows for region in flow.values() for text in region["cuts"]]
    return {
        "title": None if analysis.title is None else plain(analysis.title),
        "signal": plain(" + ".join(signals)),
        "luminosity": analysis.luminosity(),
        "energy": analysis.plotting.energy,
        "labels": {
            "processes": _plain({**processes, **sums, **({"data": data[0]} if data else {})}),
            "regions": _plain({name: region.label for name, region in analysis.regions.items()}),
            "cuts": _plain({text: cut_label(analysis, text) for text in cuts}),
            "parameters": _plain(parameter_labels(analysis, names)),
            "groups": _plain(parameter_groups(analysis, names)),
        },
    }


def _plain(labels: Mapping[str, str]) -> dict[str, str]:
    return {name: plain(label) for name, label in labels.items()}


def cutflows(flows: Cutflow, labels: Labels) -> Iterable[str]:
    """A table for each region: expected events with their error, and data, after each cut."""
    for region, flow in flows.items():
        processes = flow["processes"]
        header = ["cut", *(labels["processes"].get(name, name) for name in processes)]
        rows = [
            [labels["cuts"].get(text, text), *(_events(n, i) for n in processes.values())]
            for i, text in enumerate(flow["cuts"])
        ]
        yield f"### {labels['regions'].get(region, region)}\n\n{table(header, rows)}"


def _events(numbers: ProcessCutflow, cut: int) -> str:
    """Expected events ± the root of the sum of squared weights; the number of events of data."""
    events, expected = numbers["events"][cut], numbers["yield"][cut]
    if events == expected:  # of weight 1
        return str(events)
    return measured(expected, numbers["error"][cut] if "error" in numbers else None)
