"""The result in a few lines: what was measured, the signal strength, significance and limit."""

from zenith.artefacts.fit import Parts, UpperLimit
from zenith.artefacts.summary import Results, SummaryFit
from zenith.tables import measured

PARTS = ("statistical", "systematic", "simulated events")


def headline(summary: Results) -> str:
    """As Markdown: a sentence, and a list of the numbers."""
    fit, significance, labels = summary["fit"], summary["significance"], summary["labels"]
    found = {"observed": significance.get("observed"), "expected": significance["expected"]}
    notes = {"expected": " expected (μ = 1)"}
    words = [f"{z:.2f} σ{notes.get(k, f' {k}')}" for k, z in found.items() if z is not None]
    if found["expected"] is None:
        words.append("expected unknown")
    lines = [_about(summary), "", _strength(fit), *_expected(fit)]
    lines += [f"- Discovery significance: {', '.join(words)}"]
    if limit := summary["upper_limit"]:
        lines += [f"- Upper limit on μ, {100 * limit.get('level', 0.95):g} % CLs: {_limit(limit)}"]
    for name, factor in fit["free_normalisations"].items():
        label = labels["parameters"].get(name, name)
        lines += [f"- {label}: {measured(factor['value'], factor['error'])}"]
    if (goodness := fit.get("goodness_of_fit")) is not None:
        lines += [f"- Goodness of fit: p = {goodness:.3g}"]
    return "\n".join(lines)


def _about(summary: Results) -> str:
    data = summary["labels"]["processes"].get("data", "data")
    sentence = data[1:2].islower()  # and no abbreviation
    fitted = f"fitted to {data[:1].lower() + data[1:] if sentence else data}"
    if summary["fit"].get("asimov"):
        fitted = "fitted to Asimov data: the analysis is blind, and every number is expected"
        if summary.get("control_fit"):
            fitted += ", but for the prediction from the control regions"
    title = summary.get("title")
    what = f"{title}: signal strength μ" if title else "Signal strength μ"
    if "signal" in summary:
        what += f" of **{summary['signal']}**"
    if "luminosity" in summary and "energy" in summary:
        what += f", {summary['luminosity']:.3g} fb⁻¹ at {summary['energy']:g} TeV"
    score = summary["quoted"] == "efficient_score"
    how = "the **efficient score**" if score else f"the **{summary['quoted']}** cuts"
    return f"{what}, with {how}, {fitted}."


def _strength(fit: SummaryFit) -> str:
    if fit["mu"] is None:
        return "- Signal strength: not fitted, there is no signal"
    text = f"- Signal strength: **μ = {measured(fit['mu'], fit['mu_error'])}**"
    if parts := fit.get("mu_parts"):
        text += f" = {fit['mu']:.{_digits(fit['mu_error'])}f} {_of_parts(parts, fit['mu_error'])}"
    if why := fit.get("reasons", {}).get("mu_error"):
        text += f", without an error: {why}"
    return text


def _expected(fit: SummaryFit) -> list[str]:
    """What was expected of the error, unless that is what is quoted."""
    expected = fit.get("expected")
    if not expected or fit.get("asimov") or (error := expected["mu_error"]) is None:
        return []
    text = f"- Expected error of μ: ± {error:.{_digits(error)}f}"
    parts = expected["mu_parts"]
    return [text if parts is None else f"{text} = {_of_parts(parts, error)}"]


def _of_parts(parts: Parts, error: float | None) -> str:
    found = (parts["statistical"], parts["systematic"], parts["simulation"])
    digits = _digits(error)
    return " ".join(
        f"± {part:.{digits}f} ({word})" for part, word in zip(found, PARTS, strict=True)
    )


def _digits(error: float | None) -> int:
    """Decimal places of an error with two significant digits."""
    return max(0, 1 - int(f"{error:e}".split("e")[1])) if error else 2


def _limit(limit: UpperLimit) -> str:
    """Observed, and expected without signal with the bands of one and two standard deviations."""
    lowest, low, median, high, highest = limit["expected"]
    words = [] if limit.get("observed") is None else [f"{limit['observed']:.3g} observed"]
    expected = "expected not found" if median is None else f"{median:.3g} expected without signal"
    bands = [
        f"{share} %: {start:.3g} to {end:.3g}"
        for share, start, end in ((68, low, high), (95, lowest, highest))
        if start is not None and end is not None
    ]
    if bands:
        expected += f" ({', '.join(bands)})"
    return ", ".join([*words, expected])
