"""The expected significance of every selection, and what it took: of all events, beside another."""

from collections.abc import Mapping, Sequence
from typing import Any

from zenith.artefacts.comparison import Comparison, spent
from zenith.artefacts.fit import Fit
from zenith.artefacts.summary import Gains, Results
from zenith.tables import measured, table

ROWS = {  # of the table, for people
    "initial": "starting cuts",
    "loosest": "loosest cuts",
    "climb": "cuts, gradient ascent",
    "fixed_edges": "cuts, gradient ascent, fixed bin edges",
    "tpe": "cuts, search (TPE)",
    "cma_es": "cuts, search (CMA-ES)",
    "trees": "boosted trees in categories",
    "categories_start": "categories, as trained",
    "categories": "categories, gradient ascent",
    "default": "efficient score",
}
COMPARED = {"optimised": "climb", "efficient_score": "default"}  # of selections, in the table


def expected(
    fits: Mapping[str, Fit],
    quoted: str,
    comparison: Comparison | None,
) -> dict[str, dict[str, float | None]]:
    """Expected significances by row, `default` among them: the one that is quoted.

    Where there is a fit it has the Z, the one of the workspace.
    """
    found: dict[str, dict[str, float | None]] = {}
    for name, n in (comparison["expected_significance"] if comparison else {}).items():
        assert comparison is not None
        row: dict[str, float | None] = {"z": n["z"], "error": n["error"]}
        if "learning" in n:
            row["learning"] = n["learning"]
        if to_rival := comparison.get("difference_to_rival", {}).get(name):
            row["difference_to_trees"] = to_rival["difference"]
            row["difference_error"] = to_rival["error"]
        cost = comparison["cost"].get(name)
        row["evaluations"] = cost["evaluations"] if cost else 0
        row["cpu_seconds"] = spent(comparison, name)
        found[COMPARED.get(name, name)] = row
    for name, fit in fits.items():
        found.setdefault(COMPARED.get(name, name), {})["z"] = fit["significance"]["expected"]
    return {**found, "default": found[COMPARED.get(quoted, quoted)]}


def gains(comparison: Comparison | None, quoted: str) -> Gains:
    """What the optimisation has brought, where one ran; `quoted` is the selection that is."""
    if comparison is None:
        return {}
    found: Gains = {"gain": comparison["gain"]}
    if "gain_of_edges" in comparison:
        found["gain_of_edges"] = comparison["gain_of_edges"]
    if "expected_mu_error" in comparison:
        rows = {COMPARED.get(n, n): row for n, row in comparison["expected_mu_error"].items()}
        found["expected_mu_error"] = {**rows, "default": rows[COMPARED.get(quoted, quoted)]}
    if "gain_of_categories" in comparison:
        found["gain_of_categories"] = comparison["gain_of_categories"]
    if "soft_hard_gap_of_categories" in comparison:
        found["soft_hard_gap_of_categories"] = comparison["soft_hard_gap_of_categories"]
    return {
        **found,
        "cost": comparison["cost"],
        "soft_hard_gap": comparison["soft_hard_gap"],
        "thresholds": comparison["thresholds"],
        "folds": comparison["folds"],
    }


def section(summary: Results) -> str:
    """A table, once there is more than one number to compare."""
    expected = summary["expected_significance"]
    quoted = COMPARED.get(summary["quoted"], summary["quoted"])
    if quoted != "default":  # then it is a row of the table, under its own name
        expected = {name: row for name, row in expected.items() if name != "default"}
    if len(expected) == 1:
        return ""
    gain = summary.get("gain", {})
    gain = {COMPARED.get(name, name): own for name, own in gain.items()}
    keys = {key for row in expected.values() for key in row}
    header = ["selection", "Z"]
    header += ["to boosted trees"] * ("difference_to_trees" in keys)
    header += ["to the starting cuts"] * bool(gain)
    header += ["on the folds that were climbed"] * ("learning" in keys)
    header += ["evaluations", "CPU time [s]"] * ("evaluations" in keys)
    rows = []
    for name, values in expected.items():
        row: list[Any] = [ROWS.get(name, name), _measured(values.get("z"), values.get("error"))]
        if "difference_to_trees" in keys:
            to_trees = values.get("difference_to_trees"), values.get("difference_error")
            row.append("" if name == "trees" else _measured(*to_trees))
        if gain:
            own = gain.get(name)
            row.append("" if own is None else measured(own["difference"], own["error"]))
        if "learning" in keys:
            learning = values.get("learning")
            row.append("" if learning is None else f"{learning:.3f}")
        if "evaluations" in keys:
            seconds = values.get("cpu_seconds")
            row += [values.get("evaluations") or "", "" if seconds is None else f"{seconds:.0f}"]
        rows.append(row)
    lines = ["## Expected significance", "", table(header, rows)]
    lines += _verdict(expected)
    if folds := summary.get("folds"):
        lines += [
            "",
            f"In σ, with all events. They are in {folds['number']} folds (salt {folds['salt']}); "
            "each fold is read with what the others have taught, so that no event is judged by "
            "what it taught. Errors are from a bootstrap of the simulated events, that of the gain "
            "over the initial cuts is paired. What is read on the folds that were climbed is too "
            "good, and shows by how much.",
        ]
    if edges := summary.get("gain_of_edges"):
        moved = measured(edges["difference"], edges["error"])
        lines += ["", f"Moved bin edges gain {moved} over fixed ones."]
    if (gap := summary.get("soft_hard_gap")) is not None:
        lines += ["", f"Soft and hard cuts differ by {100.0 * gap:.2g} % where the climbs ended."]
    if gained := summary.get("gain_of_categories"):
        gap = 100.0 * summary.get("soft_hard_gap_of_categories", float("nan"))
        lines += [
            "",
            "Categories whose edges and weights were climbed together are "
            f"{measured(gained['difference'], gained['error'])} σ above the best edges of the "
            f"score as it was trained; soft and hard ones differ by {gap:.2g} % where they ended.",
        ]
    return "\n".join([*lines, *_thresholds(summary.get("thresholds", {}))])


def _measured(value: float | None, error: float | None) -> str:
    return "" if value is None else measured(value, error)


def _verdict(expected: Mapping[str, Mapping[str, float | None]]) -> list[str]:
    """Who wins, where boosted trees are beside what is quoted."""
    found = expected.get("default", {})
    difference, error = found.get("difference_to_trees"), found.get("difference_error")
    if difference is None or not error:
        return []
    verb = "is above" if difference > 0.0 else "is below"
    return [
        "",
        f"What is quoted {verb} boosted trees in categories by {abs(difference):.2f} σ, "
        f"{abs(difference / error):.1f} times the error of the difference.",
    ]


def _thresholds(thresholds: Mapping[str, Mapping[str, Sequence[float]]]) -> list[str]:
    """Thresholds by selection: the mean of the folds, and from where to where they go."""
    names = list(dict.fromkeys(name for found in thresholds.values() for name in found))
    if not names:
        return []
    rows = [
        [name, *(_range(found[name]) if name in found else "" for found in thresholds.values())]
        for name in names
    ]
    text = "Thresholds, the mean of the folds and their range:"
    return ["", text, "", table(["cut", *thresholds], rows)]


def _range(values: Sequence[float]) -> str:
    mean, low, high = sum(values) / len(values), min(values), max(values)
    return f"{mean:.3g}" if low == high else f"{mean:.3g} ({low:.3g} to {high:.3g})"
