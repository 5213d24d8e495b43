"""From the results of all steps to one page that a person reads."""

import csv
import importlib.metadata
import platform
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from zenith import __version__
from zenith.artefacts.comparison import Comparison
from zenith.artefacts.cutflow import Cutflow
from zenith.artefacts.fit import ControlFit, Fit, RegionYields, total, yields_table
from zenith.artefacts.summary import (
    Measurement,
    Results,
    SelectionSummary,
    StepTime,
    SummaryControl,
    SummaryFit,
    Unseen,
    timing_table,
)
from zenith.reporting import precisions, significances
from zenith.reporting.cautions import cautions
from zenith.reporting.headline import headline
from zenith.reporting.measurement import NOTHING_KNOWN, cutflows
from zenith.reporting.uncertainties import costs, nuisance_parameters, nuisances
from zenith.tables import measured, table

SELECTIONS = ("initial", "optimised", "efficient_score")
PACKAGES = ("numpy", "awkward", "uproot", "coffea", "hist", "jax", "pyhf", "cabinetry", "snakemake")


def timing(benchmarks: Mapping[str, Iterable[Path]]) -> dict[str, StepTime]:
    """Per step: jobs, seconds of wall time and of CPU summed over them, largest memory in MB.

    The files are Snakemake's benchmarks (tab-separated; columns s, cpu_time and max_rss). What
    Snakemake could not measure in a short job counts as 0.
    """
    result: dict[str, StepTime] = {}
    for step, files in benchmarks.items():
        rows: list[dict[str, str]] = []
        for path in files:
            with open(path, newline="") as file:
                rows.extend(csv.DictReader(file, delimiter="\t"))
        result[step] = {
            "jobs": len(rows),
            "wall_seconds": sum(_number(row["s"]) for row in rows),
            "cpu_seconds": sum(_number(row["cpu_time"]) for row in rows),
            "max_rss_mb": max((_number(row["max_rss"]) for row in rows), default=0.0),
        }
    return result


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:  # "-" or "NA": the job ended before the first measurement
        return 0.0


def versions() -> dict[str, str]:
    """Of Python, Zenith and the libraries that results depend on, where installed."""
    found = {"python": platform.python_version(), "zenith": __version__}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def summarise(
    fits: Mapping[str, Fit],
    cutflows: Mapping[str, Cutflow],
    times: Mapping[str, StepTime],
    comparison: Comparison | None = None,
    measurement: Measurement | None = None,
    left_out: Mapping[str, list[int]] | None = None,
) -> Results:
    """The content of summary.json.

    Parameters
    ----------
    fits, cutflows
        By selection, see `SELECTIONS`. The last selection is the one that is quoted: the
        keys `fit`, `upper_limit`, `yields` and `cutflow` are its own; `selections` has all.
    times
        See `timing`.
    comparison
        Of the optimisation, where it ran: its `expected_significance`, `gain`, `cost`,
        `thresholds`, `folds` and `soft_hard_gap` are passed on.
    measurement
        What is measured, and what people call things.
    left_out
        Nuisance parameters that the efficient score leaves out, and in which folds; none where
        there is no score.
    """
    selections = {name: _selection(fit, cutflows.get(name, {})) for name, fit in fits.items()}
    quoted = list(selections)[-1]
    unseen: Unseen = {} if left_out is None else {"left_out": dict(left_out)}
    return {
        "quoted": quoted,
        **(measurement or NOTHING_KNOWN),
        "expected_significance": significances.expected(fits, quoted, comparison),
        **selections[quoted],
        **significances.gains(comparison, quoted),
        **unseen,
        "timing": dict(times),
        "selections": selections,
        "versions": versions(),
    }


def _selection(fit: Fit, cutflow: Cutflow) -> SelectionSummary:
    quoted: SummaryFit = {
        "mu": fit["mu"],
        "mu_error": fit["mu_error"],
        "mu_parts": fit.get("mu_parts"),
        "expected": fit.get("expected"),
        "twice_nll": fit["twice_nll"],
        "goodness_of_fit": fit["goodness_of_fit"],
        "asimov": fit["asimov"],
        "reasons": fit.get("reasons", {}),
        "free_normalisations": {
            p["name"]: {"value": p["value"], "error": p["error"]}
            for p in fit["parameters"]
            if p["kind"] == "free"
        },
    }
    return {
        "fit": quoted,
        "significance": fit["significance"],
        "upper_limit": fit["upper_limit"],
        "yields": fit["yields"],
        "control_fit": _control(fit.get("control_fit")),
        "ranking": fit["ranking"][:10],
        "nuisances": nuisances(fit),
        "groups": fit.get("groups", []),
        "all_constrained": fit.get("all_constrained"),
        "sanitised": fit.get("sanitised", []),
        "constraints": fit.get("constraints", []),
        "cutflow": cutflow,
    }


def _control(control: ControlFit | None) -> SummaryControl | None:
    if control is None:
        return None
    return {
        "regions": control["regions"],
        "goodness_of_fit": control["goodness_of_fit"],
        "yields": control["yields"],
        "reasons": control["reasons"],
    }


def page(
    summary: Results, title: str, more: Sequence[str] = (), inferred: Sequence[str] = ()
) -> str:
    """The summary as Markdown, in the words of its labels.

    `more` are parts of other results, which come before warnings and timing; `inferred` those of
    intervals and coverage.
    """
    labels = summary["labels"]
    regions, processes = labels["regions"], labels["processes"]
    parts = [f"# {title}", headline(summary), precisions.section(summary)]
    parts += [precisions.widths(summary)]
    parts += inferred
    parts += [significances.section(summary), *costs(summary)]
    parts += ["## Yields", *_yields(summary["yields"], regions, processes)]
    parts += [_control_fit(summary.get("control_fit"), regions)]
    parts += nuisance_parameters(summary)
    parts += ["## Cutflow", *cutflows(summary["cutflow"], labels)]
    parts += more
    parts += ["## Warnings", *cautions(summary)]
    parts += ["## Time and memory", timing_table(summary["timing"])]
    parts += ["Made with " + ", ".join(f"{k} {v}" for k, v in summary["versions"].items()) + "."]
    return "\n\n".join(part for part in parts if part) + "\n"


def _yields(
    yields: Mapping[str, RegionYields], regions: Mapping[str, str], processes: Mapping[str, str]
) -> Iterable[str]:
    for region, entries in yields.items():
        yield f"### {regions.get(region, region)}\n\n{yields_table(entries, processes)}"


def _control_fit(control: SummaryControl | None, labels: Mapping[str, str]) -> str:
    """What open regions predict for blind ones."""
    if control is None:
        return ""
    rows = []
    for region, entries in control["yields"].items():
        background = total(entries)
        before = measured(background["prefit"], background["prefit_error"])
        after = measured(background["postfit"], background["postfit_error"])
        data = "blind" if entries["data"] is None else f"{entries['data']:.0f}"
        rows.append([labels.get(region, region), before, after, data])
    fitted = ", ".join(labels.get(region, region) for region in control["regions"])
    about = f"Background without signal, fitted to the data of {fitted} alone"
    if (goodness := control.get("goodness_of_fit")) is not None:
        about += f" (goodness of fit p = {goodness:.3g})"
    lines = [f"{about}; its uncertainty is that of the prediction.", ""]
    lines += [table(["region", "before the fit", "after the fit", "data"], rows)]
    lines += [f"\n- {place}: {why}" for place, why in control["reasons"].items()]
    return "\n".join(["## Prediction from the control regions", "", *lines])
