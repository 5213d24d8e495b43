"""What a reader of the results is to be careful with, as Markdown."""

from collections.abc import Iterable

from zenith.artefacts.fit import Constraint, TemplateRepair
from zenith.artefacts.summary import Results, SummaryFit


def cautions(summary: Results) -> list[str]:
    """On templates that were repaired, constraints, and what the fit could not have."""
    return [
        _repaired(summary["sanitised"]),
        _constrained(summary["constraints"]),
        _missing(summary["fit"]),
    ]


def _repaired(sanitised: Iterable[TemplateRepair]) -> str:
    """Bins of nominal templates one by one; those of variations by channel."""
    lines = []
    varied: dict[str, list[str]] = {}
    for change in sanitised:
        if change["variation"] != "nominal":
            varied.setdefault(change["channel"], []).append(change["variation"])
            continue
        lines.append(
            f"- channel {change['channel']}, sample {change['sample']}, bin {change['bin']}: "
            f"{change['reason']}, {change['before']:.4g} became {change['after']:.4g}"
        )
    for channel, names in varied.items():
        which = ", ".join(dict.fromkeys(names))
        lines.append(f"- channel {channel}: {len(names)} bins of variations limited ({which})")
    if not lines:
        return "None: no template had to be repaired."
    return "\n".join(["Templates that were repaired before the fit:", "", *lines])


def _constrained(constraints: Iterable[Constraint]) -> str:
    """Nuisance parameters that end well below their priors."""
    lines = [f"- {entry['message']}" for entry in constraints]
    if not lines:
        return ""
    return "\n".join(["Nuisance parameters that the data constrain:", "", *lines])


def _missing(fit: SummaryFit) -> str:
    """What the fit could not have, by reason."""
    places: dict[str, list[str]] = {}
    for place, reason in fit.get("reasons", {}).items():
        places.setdefault(reason, []).append(place)
    if not places:
        return ""
    lines = [f"- {', '.join(names)}: {reason}" for reason, names in places.items()]
    return "\n".join(["What the fit could not have:", "", *lines])
