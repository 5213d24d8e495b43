"""The expected significance of every selection, and what it took: of all events, beside another."""

from collections.abc import Mapping, Sequence
from typing import Any

from zenith.artefacts.comparison import Comparison
from zenith.artefacts.fit import Fit
from zenith.artefacts.summary import Gains, Results
from zenith.tables import measured, table

COMPARED = {"optimised": "climb"}  # what a comparison calls a selection


def expected(
    fits: Mapping[str, Fit], quoted: str, comparison: Comparison | None
) -> dict[str, dict[str, float | None]]:
    """Expected significances by selection, `default` among them: the one that is quoted.

    Where there is a fit it has the Z, the one of the workspace.
    """
    found: dict[str, dict[str, float | None]] = {}
    if comparison is not None:
        for name, n in comparison["expected_significance"].items():
            found[name] = {"z": n["z"], "error": n["error"], "learning": n["learning"]}
    for name, fit in fits.items():
        found.setdefault(COMPARED.get(name, name), {})["z"] = fit["significance"]["expected"]
    return {**found, "default": found[COMPARED.get(quoted, quoted)]}


def gains(comparison: Comparison | None) -> Gains:
    """What the optimisation has brought, where one ran."""
    if comparison is None:
        return {}
    found: Gains = {"gain": comparison["gain"]}
    if "gain_of_edges" in comparison:
        found["gain_of_edges"] = comparison["gain_of_edges"]
    return {
        **found,
        "cost": comparison["cost"],
        "soft_hard_gap": comparison["soft_hard_gap"],
        "thresholds": comparison["thresholds"],
        "folds": comparison["folds"],
    }


def section(summary: Results) -> str:
    """A table, once there is more than one number to compare."""
    expected = {n: v for n, v in summary["expected_significance"].items() if n != "default"}
    if len(expected) == 1:
        return ""
    gain, cost = summary.get("gain", {}), summary.get("cost", {})
    learned = any("learning" in values for values in expected.values())
    header = ["cuts", "Z", *["on the folds that were climbed"] * learned]
    header += ["gain"] * bool(gain) + ["evaluations", "CPU time [s]"] * bool(cost)
    rows = []
    for name, values in expected.items():
        z, error, learning = (values.get(key) for key in ("z", "error", "learning"))
        row: list[Any] = [name, "" if z is None else measured(z, error)]
        if learned:
            row.append("" if learning is None else f"{learning:.3f}")
        if gain:
            own = gain.get(name)
            row.append("" if own is None else measured(own["difference"], own["error"]))
        if cost:
            paid = cost.get(name)
            row += ["", ""] if paid is None else [paid["evaluations"], f"{paid['cpu_seconds']:.0f}"]
        rows.append(row)
    lines = ["## Expected significance", "", table(header, rows)]
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
        gained = measured(edges["difference"], edges["error"])
        lines += ["", f"Moved bin edges gain {gained} over fixed ones."]
    if (gap := summary.get("soft_hard_gap")) is not None:
        lines += ["", f"Soft and hard cuts differ by {100.0 * gap:.2g} % where the climbs ended."]
    return "\n".join([*lines, *_thresholds(summary.get("thresholds", {}))])


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
