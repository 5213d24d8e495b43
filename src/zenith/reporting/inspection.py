"""What is in an artefact, as text: tables that a person reads."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from zenith import artefacts
from zenith.artefacts.identity import without_tree
from zenith.errors import InputError
from zenith.tables import measured, table, text

Lines = Iterator[str]
KINDS = "a ROOT file, a columns file (.h5), a histogram file, or JSON that a step wrote"


def describe(path: str | Path) -> str:
    """The content of any artefact as tables; `InputError` if the file is of no known kind."""
    path = Path(without_tree(str(path)))
    readers: dict[str, Callable[[Path], Lines]] = {".root": _root, ".h5": _columns, ".json": _json}
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if path.suffix not in readers:
        raise InputError(f"{path}: not a kind of file that can be inspected; give {KINDS}")
    return "\n\n".join(readers[path.suffix](path))


def _root(path: Path) -> Lines:
    import uproot

    try:
        with uproot.open(path) as file:
            classes = file.classnames(cycle=False)
            if any(name.startswith("TH1") for name in classes.values()):
                yield from _histograms(path)
            for name in (n for n, kind in classes.items() if kind in ("TTree", "ROOT::RNTuple")):
                yield from _tree(name, file[name])
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: cannot be read as a ROOT file ({error})") from None
    if not classes:
        yield f"{path}: an empty ROOT file"


def _tree(name: str, tree: Any) -> Lines:
    yield f"tree {name}: {tree.num_entries} entries"
    branches = list(tree.typenames().items())
    if name == "Runs":  # a row for each run, of sums over all its events
        lists = {key for key, kind in branches if "[]" in kind or "vector" in kind}
        numbers = [key for key, _ in branches if key not in lists and key[1:] not in lists]
        arrays = tree.arrays(numbers, library="np")
        sums = {k: arrays[k].sum() for k in numbers if k != "run" and arrays[k].dtype.kind != "O"}
        yield table(["sum over runs", "value"], [(k, f"{value:.10g}") for k, value in sums.items()])
    else:
        yield table(["branch", "type"], branches, left=2)


def _histograms(path: Path) -> Lines:
    """Yields of fit histograms, by region; of control histograms, by region and observable."""
    groups: dict[str, list[list[str]]] = {}
    bins: dict[str, int] = {}
    for name, histogram in artefacts.read_histograms(path).items():
        group, process, variation = name.rsplit("/", 2) if name.count("/") > 1 else ("", name, "")
        variances = histogram.variances()
        error = 0.0 if variances is None else float(np.sqrt(variances.sum()))
        total = measured(float(histogram.values().sum()), error)
        groups.setdefault(group, []).append([process, variation, total])
        bins[group] = histogram.axes[0].size
    for group, rows in groups.items():
        heading = f"{group or 'histograms'}: {bins[group]} bins"
        yield f"{heading}\n\n{table(['process', 'variation', 'yield'], rows, left=2)}"


def _columns(path: Path) -> Lines:
    columns = artefacts.read_columns(path)
    yield _pairs(columns.attributes | {"events": len(columns.weight)})
    rows = []
    for name, values in columns.values.items():
        finite = values[np.isfinite(values)].astype(float)
        numbers: list[Any] = [None] * 3
        if len(finite):
            numbers = [float(finite.min()), float(finite.mean()), float(finite.max())]
        rows.append([name, columns.units[name], columns.descriptions[name], *numbers])
    yield table(["observable", "unit", "description", "min", "mean", "max"], rows, left=3)
    weights = {"weight": columns.weight, **columns.weights}
    yield table(
        ["weight", "sum", "min", "max"],
        [
            [name, float(w.sum()), *([float(w.min()), float(w.max())] if len(w) else [None, None])]
            for name, w in weights.items()
        ],
    )
    parts = []
    for index, part in enumerate(artefacts.PARTS):
        inside = columns.split == index
        parts.append([part, int(inside.sum()), float(columns.weight[inside].sum())])
    yield table(["split", "events", "sum of weights"], parts)
    if columns.shapes:
        yield "shape variations: " + ", ".join(columns.shapes)


def _json(path: Path) -> Lines:
    content = artefacts.read_json(path)
    provenance = content.pop("provenance", None)
    if "channels" in content and "measurements" in content:
        try:
            yield from list(_workspace(content))
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            from zenith.statistics.schema import unreadable

            raise unreadable(path, content, error) from None
    elif "mu" in content and "parameters" in content:
        yield from _fit(content)
    elif "steps" in content and "sample" in content:
        yield _pairs({key: value for key, value in content.items() if key != "steps"})
        rows = [
            [step["cut"], step["events"], f"{step['sum_weights']:.10g}"]
            for step in content["steps"]
        ]
        yield table(["cut", "events", "sum of weights"], rows)
    elif content and all(isinstance(v, Mapping) and "cuts" in v for v in content.values()):
        yield from _cutflow(content)
    else:
        yield from _generic(content)
    if provenance:
        yield _pairs({f"made with {k}": v for k, v in _flat(provenance)})


def _workspace(content: Mapping[str, Any]) -> Lines:
    observed = {o["name"]: sum(o["data"]) for o in content.get("observations", [])}
    for channel in content["channels"]:
        name = channel["name"]
        rows = []
        for sample in channel["samples"]:
            kinds: dict[str, list[str]] = {}
            for modifier in sample["modifiers"]:
                kinds.setdefault(modifier["type"], []).append(modifier["name"])
            modifiers = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds.items())
            rows.append([sample["name"], float(sum(sample["data"])), modifiers])
        bins = len(channel["samples"][0]["data"])
        data = f", {observed[name]:.10g} observed" if name in observed else ""
        heading = f"channel {name}: {bins} bins{data}"
        yield f"{heading}\n\n{table(['sample', 'yield', 'modifiers'], rows)}"
    for measurement in content["measurements"]:
        yield f"measurement {measurement['name']}: interest in {measurement['config']['poi']}"


def _fit(content: Mapping[str, Any]) -> Lines:
    significance = content.get("significance") or {}
    limit = content.get("upper_limit") or {}
    yield _pairs(
        {
            "μ": "none" if content["mu"] is None else measured(content["mu"], content["mu_error"]),
            **{f"significance, {k}": v for k, v in significance.items() if v is not None},
            **{f"upper limit, {k}": v for k, v in limit.items() if v is not None},
            **{k: content[k] for k in ("goodness_of_fit", "twice_nll", "asimov") if k in content},
        }
    )
    rows = [[p["name"], p["value"], p["error"]] for p in content["parameters"]]
    yield table(["parameter", "value", "error"], rows)
    if content.get("ranking"):
        ranked = [[r["name"], r["impact_up"], r["impact_down"]] for r in content["ranking"]]
        yield table(["impact on μ", "+1 σ", "−1 σ"], ranked)
    if content.get("reasons"):
        yield table(["not available", "why"], content["reasons"].items(), left=2)
    for region, entries in content.get("yields", {}).items():
        yields = [
            [
                name,
                measured(entry["prefit"], entry.get("prefit_error")),
                measured(entry["postfit"], entry.get("postfit_error")),
            ]
            for name, entry in entries.items()
            if isinstance(entry, Mapping)
        ]
        yield f"{region}\n\n{table(['process', 'before the fit', 'after the fit'], yields)}"


def _cutflow(content: Mapping[str, Any]) -> Lines:
    for region, flow in content.items():
        processes = flow["processes"]
        rows = [
            [cut, *(f"{p['yield'][i]:.5g} ({p['events'][i]})" for p in processes.values())]
            for i, cut in enumerate(flow["cuts"])
        ]
        yield f"{region}\n\n{table(['cut', *processes], rows)}"


def _generic(content: Mapping[str, Any]) -> Lines:
    yield _pairs(dict(_flat(content)))


def _flat(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values of nested mappings under dotted keys."""
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _pairs(content: Mapping[str, Any]) -> str:
    def short(value: Any) -> str:
        if isinstance(value, list | tuple | np.ndarray):
            inside = ", ".join(short(v) for v in list(value)[:8])
            return f"{inside}, … ({len(value)})" if len(value) > 8 else inside
        return f"{value:.8g}" if isinstance(value, float | np.floating) else text(value)

    return table(["key", "value"], [[key, short(v)] for key, v in content.items()], left=2)
