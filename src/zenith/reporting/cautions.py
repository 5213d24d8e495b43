"""What a reader of the results is to be careful with, as Markdown."""

from collections.abc import Iterable

from zenith.artefacts.fit import Constraint, TemplateRepair
from zenith.artefacts.summary import Labels, Results, SummaryFit


def cautions(summary: Results) -> list[str]:
    """On templates that were repaired, constraints, and what the fit could not have."""
    return [
        _repaired(summary["sanitised"], summary["labels"]),
        _constrained(summary["constraints"], summary["labels"]),
        _left_out(summary),
        _missing(summary["fit"], summary["labels"]),
    ]


def _repaired(sanitised: Iterable[TemplateRepair], labels: Labels) -> str:
    """Bins of nominal templates one by one; those of variations by region."""
    regions, processes = labels["regions"], labels["processes"]
    lines = []
    varied: dict[str, list[str]] = {}
    for change in sanitised:
        if change["variation"] != "nominal":
            varied.setdefault(change["channel"], []).append(change["variation"])
            continue
        lines.append(
            f"- {regions.get(change['channel'], change['channel'])}, "
            f"{processes.get(change['sample'], change['sample'])}, bin {change['bin'] + 1}: "
            f"{change['reason']}, {change['before']:.4g} became {change['after']:.4g}"
        )
    for channel, names in varied.items():
        which = ", ".join(dict.fromkeys(_variation(name, labels) for name in names))
        where = regions.get(channel, channel)
        bins = "1 bin" if len(names) == 1 else f"{len(names)} bins"
        lines.append(f"- {where}: {bins} of variations limited ({which})")
    if not lines:
        return "None: no template had to be repaired."
    return "\n".join(["Templates that were repaired before the fit:", "", *lines])


def _variation(name: str, labels: Labels) -> str:
    """`jes_up` in words."""
    parameter, _, side = name.rpartition("_")
    label = labels["parameters"].get(parameter)
    return name if label is None else f"{label} {side}"


def _constrained(constraints: Iterable[Constraint], labels: Labels) -> str:
    """Nuisance parameters that end well below their priors."""
    lines = []
    for entry in constraints:
        name = entry["name"]
        label = labels["parameters"].get(name, name)
        lines.append(f"- {label}{entry['message'].removeprefix(name)}")
    if not lines:
        return ""
    return "\n".join(["Nuisance parameters that the data constrain:", "", *lines])


def _left_out(summary: Results) -> str:
    """Nuisance parameters that the efficient score does not know."""
    labels, folds = summary["labels"]["parameters"], summary.get("folds")
    of = f" of {folds['number']}" if folds else ""
    lines = [
        f"- {labels.get(name, name)}, in {len(where)}{of} folds"
        for name, where in summary.get("left_out", {}).items()
    ]
    if not lines:
        return ""
    about = "Left out of the projection of the efficient score, as no response is seen:"
    return "\n".join([about, "", *lines])


def _missing(fit: SummaryFit, labels: Labels) -> str:
    """What the fit could not have, by reason."""

    def words(place: str) -> str:
        known = labels["parameters"]
        return ", ".join(known.get(part, part.replace("_", " ")) for part in place.split("."))

    places: dict[str, list[str]] = {}
    for place, reason in fit.get("reasons", {}).items():
        places.setdefault(reason, []).append(words(place))
    if not places:
        return ""
    lines = [f"- {'; '.join(names)}: {reason}" for reason, names in places.items()]
    return "\n".join(["What the fit could not have:", "", *lines])
