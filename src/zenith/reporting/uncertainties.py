"""What uncertainties cost, and every nuisance parameter, as tables."""

from collections.abc import Iterator, Sequence

from zenith.artefacts.fit import Fit, GroupImpact
from zenith.artefacts.summary import NuisanceSummary, Results
from zenith.tables import measured, table


def nuisances(fit: Fit) -> list[NuisanceSummary]:
    """Every parameter but that of interest and those that are fixed, by the largest impact."""
    impacts = {row["name"]: row for row in fit["ranking"]}
    rows = list[NuisanceSummary]()
    for parameter in fit["parameters"]:
        if parameter["kind"] in ("signal_strength", "fixed"):
            continue
        prior, error = parameter["prefit_error"], parameter["error"]
        expected, impact = parameter.get("expected_error"), impacts.get(parameter["name"])
        rows.append(
            {
                "name": parameter["name"],
                "kind": parameter["kind"],
                "value": parameter["value"],
                "error": error,
                "pull": (parameter["value"] - parameter["prefit_value"]) / prior if prior else None,
                "constraint": error / prior if prior and error is not None else None,
                "expected_constraint": expected / prior if prior and expected is not None else None,
                "impact_up": impact["impact_up"] if impact else None,
                "impact_down": impact["impact_down"] if impact else None,
            }
        )
    return sorted(rows, key=lambda r: -max(abs(r["impact_up"] or 0), abs(r["impact_down"] or 0)))


def costs(summary: Results) -> Iterator[str]:
    """A table of groups of parameters: impact on the strength, and Z if they were known exactly."""
    groups, labels = summary.get("groups", []), summary["labels"]["groups"]
    if not groups:
        return
    together = summary.get("all_constrained")
    blind = summary["fit"].get("asimov")
    header = ["group", *([] if blind else ["on μ"]), "on μ, expected"]
    header += ["expected Z if known", "costs [σ]"]

    def row(name: str, group: GroupImpact) -> list[str]:
        observed = [] if blind else [_size(group["impact"])]
        z, gain = group["significance"], group["gain"]
        significances = ["" if x is None else f"{x:.2f}" for x in (z, gain)]
        return [name, *observed, _size(group["expected_impact"]), *significances]

    rows = [row(_name(group["parameters"], labels), group) for group in groups]
    if together and len(groups) > 1:
        rows.append(row("all that have a constraint", together))
    yield "## What uncertainties cost"
    yield table(header, rows)
    yield (
        "The part of the error of μ that each group is responsible for, in quadrature, and the "
        "expected significance if its parameters were known exactly. Groups are correlated: what "
        "they cost does not add up."
    )


def _name(parameters: Sequence[str], labels: dict[str, str]) -> str:
    return labels.get(parameters[0], parameters[0])


def _size(impact: float | None) -> str:
    return "" if impact is None else f"{impact:.3f}"


def nuisance_parameters(summary: Results) -> Iterator[str]:
    """A table of every parameter that is not of interest, by its impact."""
    rows = summary.get("nuisances", [])
    if not rows:
        return
    labels, blind = summary["labels"]["parameters"], summary["fit"].get("asimov")
    header = ["nuisance parameter", "after the fit", "expected error", "on μ, +1 σ", "on μ, −1 σ"]
    yield "## Nuisance parameters"
    yield table(
        header,
        [
            [
                labels.get(row["name"], row["name"]),
                _after(row),
                "" if row["expected_constraint"] is None else f"± {row['expected_constraint']:.2f}",
                _signed(row["impact_up"]),
                _signed(row["impact_down"]),
            ]
            for row in rows
        ],
    )
    yield (
        f"By impact. {'Expected' if blind else 'Fitted'} values and errors are in standard "
        "deviations of the prior, without which a parameter has none; free ones are factors. On μ: "
        "the change of the signal strength where the parameter is held one of its errors up or "
        "down."
    )


def _after(row: NuisanceSummary) -> str:
    if row["pull"] is None:
        return f"{measured(row['value'], row['error'])} (free)"
    if row["constraint"] is None:
        return _signed(row["pull"], 2)
    return f"{_signed(row['pull'], 2)} ± {row['constraint']:.2f}"


def _signed(value: float | None, digits: int = 3) -> str:
    """With its sign; zero has none below."""
    if value is None:
        return ""
    return f"{round(value, digits) + 0.0:+.{digits}f}".replace("-", "−")
