"""From the scan of categories to one page that a person reads."""

from collections.abc import Callable, Mapping

from zenith.artefacts.categories import Reached, ScannedCategories
from zenith.artefacts.summary import CategoryResults, StepTime, Training, timing_table
from zenith.reporting.summary import versions
from zenith.tables import measured, table


def summarise(content: ScannedCategories, times: Mapping[str, StepTime]) -> CategoryResults:
    """The content of summary.json, from what `category_scan` wrote and the times of the steps.

    `chosen` is the number of categories that is quoted, with Z on the events they were found with
    and on unseen ones; `yields`, `relative_uncertainties` and `meets_requirements` are of unseen
    events.
    """
    scan = content["scan"]
    (row,) = (row for row in scan["numbers"] if row["asked"] == scan["knee"]["asked"])
    return {
        "chosen": row,
        "knee": scan["knee"],
        "scan": scan["numbers"],
        "references": scan["references"],
        "signal_labels": content["signal_labels"],
        "requirements": content["requirements"],
        "training": _kept(content),
        **_kept(scan["unseen"]),
        "notes": content["notes"],
        "timing": dict(times),
        "versions": versions(),
    }


def _kept(reached: Reached) -> Training:
    return {
        "yields": reached["yields"],
        "relative_uncertainties": reached["relative_uncertainties"],
        "meets_requirements": reached["meets_requirements"],
    }


def page(summary: CategoryResults, title: str, name: Callable[[int], str]) -> str:
    """The summary as Markdown; `name` says what events of a label are called."""
    parts = [f"# {title}", *sections(summary, name)]
    parts += ["## Time and memory", timing_table(summary["timing"])]
    parts += ["Made with " + ", ".join(f"{k} {v}" for k, v in summary["versions"].items()) + "."]
    return "\n\n".join(parts) + "\n"


def sections(summary: CategoryResults, name: Callable[[int], str]) -> list[str]:
    """What the page says of the categories; `name` as in `page`."""
    parts = [_result(summary, name)]
    parts += ["## Number of categories", _scan(summary)]
    if summary["references"]:
        parts += ["## References", _references(summary)]
    parts += ["## Categories", _categories(summary, name)]
    if summary["notes"]:
        parts += ["## Notes", "\n".join(f"- {note}" for note in summary["notes"])]
    return parts


def _result(summary: CategoryResults, name: Callable[[int], str]) -> str:
    chosen, knee = summary["chosen"], summary["knee"]
    z = measured(chosen["unseen"], chosen["unseen_error"])
    lines = [
        f"**{chosen['categories']} categories: Z = {z} σ** on unseen events, with hard categories; "
        f"{chosen['train']:.4g} σ on those that they were found with.",
        "",
    ]
    labels = summary["signal_labels"]
    if len(labels) > 1:
        each = (f"{name(a)}: {chosen['unseen_of_signal'][str(a)]:.4g} σ" for a in labels)
        lines += [f"Of the signals alone, unseen events: {', '.join(each)}.", ""]
    reason = "none reaches more"
    if knee["asked"] != knee["best"]:
        gap = measured(knee["below_best"], knee["below_best_error"])
        allowed = knee["tolerance"] * (chosen["unseen"] + knee["below_best"])
        within = f"the tolerance of {100 * knee['tolerance']:g} %"
        if knee["below_best"] > allowed:
            within = "the error of this difference"
        reason = f"it is {gap} σ below the best, {knee['best']}, which is within {within}"
    lines += [f"It is the smallest number that is as good as any: {reason}."]
    if len(summary["scan"]) > 1:
        lines += ["The unseen events chose it: for that their Z is slightly too large."]
    return "\n".join(lines)


def _scan(summary: CategoryResults) -> str:
    header = ["asked", "found", "Z, training", "Z, unseen", "below the best"]
    rows = [
        [
            row["asked"],
            row["categories"],
            f"{row['train']:.4f}",
            measured(row["unseen"], row["unseen_error"]),
            measured(row["below_best"], row["below_best_error"]),
        ]
        for row in summary["scan"]
    ]
    about = (
        "In σ. Errors are from a bootstrap of the unseen events, those of the differences from the "
        "same replicas for both numbers."
    )
    return f"{table(header, rows, left=0)}\n\n{about}"


def _references(summary: CategoryResults) -> str:
    header = ["reference", "categories", "Z, training", "Z, unseen", "requirements"]
    rows = [
        [
            name,
            point["categories"],
            f"{point['train']:.4f}",
            f"{point['unseen']:.4f}",
            "met" if point["meets_requirements"] else "**violated**",
        ]
        for name, points in summary["references"].items()
        for point in points
    ]
    return table(header, rows)


def _categories(summary: CategoryResults, name: Callable[[int], str]) -> str:
    labels = [str(a) for a in summary["signal_labels"]]
    header = ["category", *(name(int(a)) for a in labels)]
    header += ["background", "its uncertainty [%]", "background, training"]
    found, seen = summary["yields"], summary["training"]["yields"]["background"]
    rows = [
        [
            k + 1,
            *(float(found[a][k]) for a in labels),
            float(background),
            None if relative is None else 100 * relative,
            float(seen[k]),
        ]
        for k, (background, relative) in enumerate(
            zip(found["background"], summary["relative_uncertainties"], strict=True)
        )
    ]
    need = summary["requirements"]
    asked = [f"a background of {need['background']:g}"]
    if need["uncertainty"] is not None:
        asked.append(f"a relative uncertainty of at most {need['uncertainty']:g}")
    lines = [f"Unseen events. Of every category was required: {', '.join(asked)}."]
    short = [str(k + 1) for k, met in enumerate(summary["meets_requirements"]) if not met]
    if short:
        lines.append(
            f"On unseen events category {', '.join(short)} misses this, as they fluctuate; on the "
            "events that categories were found with all meet it."
        )
    return "\n\n".join([table(header, rows), " ".join(lines)])
