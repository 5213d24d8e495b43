"""The expected error of the signal strength by selection, where precision is the objective."""

from collections.abc import Mapping

from zenith.artefacts.comparison import Gain
from zenith.artefacts.fit import Fit
from zenith.artefacts.summary import Results
from zenith.reporting.significances import COMPARED, ROWS
from zenith.tables import measured, table

WIDTHS = {"initial": "classifier"}  # names of selections in `width_ratio`


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


def width_ratios(fits: Mapping[str, Fit], least: float) -> dict[str, float]:
    """Expected errors of the signal strength over the least one there can be, by selection.

    That which is quoted, the last one, is `default`. A selection without an error is left out; of
    one with response surfaces it is that of the fit with them.
    """
    errors = {WIDTHS.get(name, name): _expected_error(fit) for name, fit in fits.items()}
    ratios = {name: error / least for name, error in errors.items() if error is not None}
    last = list(fits)[-1]
    quoted = WIDTHS.get(last, last)
    return {**ratios, "default": ratios[quoted]} if quoted in ratios else ratios


def _expected_error(fit: Fit) -> float | None:
    if (of_surface := fit.get("surface")) is not None:
        return of_surface["mu_error"]
    expected = fit.get("expected")
    return None if expected is None else expected["mu_error"]


def widths(summary: Results) -> str:
    """How far from the least error selections are; empty where that is not known."""
    rows = [[name, f"{ratio:.3f}"] for name, ratio in summary.get("width_ratio", {}).items()]
    if not rows:
        return ""
    header = ["summary", "over the least that there can be"]
    return "\n".join(["## Width of the measurement", "", table(header, rows)])


def _difference(gain: Gain | None) -> str:
    return "" if gain is None else measured(gain["difference"], gain["error"])
