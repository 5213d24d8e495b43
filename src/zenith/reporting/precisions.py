"""The expected error of the signal strength by selection, where precision is the objective."""

from zenith.artefacts.comparison import Gain
from zenith.artefacts.summary import Results
from zenith.reporting.significances import COMPARED, ROWS
from zenith.tables import measured, table


def section(summary: Results) -> str:
    """A table and who wins; empty where the significance is the objective."""
    found = dict(summary.get("expected_mu_error", {}))
    quoted = COMPARED.get(summary["quoted"], summary["quoted"])
    if quoted != "default":  # then it is a row of the table, under its own name
        found.pop("default", None)
    if not found:
        return ""
    beside = any("difference_to_rival" in row for row in found.values())
    header = ["selection", "error of μ", *["to boosted trees"] * beside, "to the starting cuts"]
    rows = []
    for name, row in found.items():
        cells = [ROWS.get(name, name), measured(row["mu_error"], row["error"])]
        if beside:
            cells.append("" if name == "trees" else _difference(row.get("difference_to_rival")))
        rows.append([*cells, _difference(row.get("gain"))])
    lines = ["## Expected error of the signal strength", "", table(header, rows), ""]
    lines += ["At μ = 1, with all events, each read with what other folds have taught."]
    to_trees = found["default"].get("difference_to_rival") if "default" in found else None
    if to_trees is not None and to_trees["error"] > 0.0:
        size = to_trees["difference"]
        verb = "is more precise than" if size < 0.0 else "is less precise than"
        lines[-1] += (
            f" What is quoted {verb} boosted trees in categories by {abs(size):.3f}, "
            f"{abs(size) / to_trees['error']:.1f} times the error of the difference."
        )
    return "\n".join(lines)


def _difference(gain: Gain | None) -> str:
    return "" if gain is None else measured(gain["difference"], gain["error"])
