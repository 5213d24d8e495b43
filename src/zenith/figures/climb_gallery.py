"""The figures of the optimisation: from the history of the climb and its results to named figures.

As `gallery`: each function yields (name, figure), one at a time.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts.comparison import Comparison
from zenith.config import Analysis
from zenith.figures import climb, gain, style
from zenith.figures.naming import Figures, axis_of, banner

Array = NDArray[np.float64]
_LABELS = {
    "significance": ("Expected significance [σ]", "Z"),
    "precision": ("Expected error on μ", r"\sigma_{\mu}"),
}
SELECTIONS = {
    "initial": "Initial",
    "loosest": "Loosest cuts",
    "optimised": "Optimised",
    "fixed_edges": "Fixed edges",
    "search": "TPE search",
}
_COLOURS = {
    "initial": style.GREY,
    "loosest": "black",
    "optimised": style.BLUE,
    "fixed_edges": style.RED,
    "search": style.ORANGE,
}


def climbs(history: Mapping[str, Array]) -> list[climb.Course]:
    """The climbs of a history file, whose arrays are called `start_{number}/{quantity}`."""
    numbers = sorted({int(name.partition("/")[0].removeprefix("start_")) for name in history})
    found = []
    for number in numbers:
        prefix = f"start_{number}/threshold/"
        found.append(
            climb.Course(
                history[f"start_{number}/value"],
                history[f"start_{number}/validation"],
                history[f"start_{number}/rejected"],
                {k.removeprefix(prefix): v for k, v in history.items() if k.startswith(prefix)},
            )
        )
    return found


def _edges(analysis: Analysis, history: Mapping[str, Array], start: str) -> dict[str, Array]:
    """The inner edges (steps, bins - 1) of every region that moves them, as one climb had them."""
    found = {}
    for region in analysis.moving_edges:
        inner = range(1, len(analysis.regions[region].fit.edges.edges) - 1)
        columns = [f"{start}/edge/{region}/{k}" for k in inner]
        if columns and columns[0] in history:
            found[region] = np.stack([history[name] for name in columns], axis=1)
    return found


def most_moved(analysis: Analysis, path: climb.Course) -> list[str]:
    """The thresholds by the length that a climb covers in units of their widths, largest first."""
    cuts = analysis.tunable_cuts
    reach = {
        name: np.ptp(values) / (cuts[name].width or 1.0) for name, values in path.thresholds.items()
    }
    return sorted(reach, key=lambda name: -float(reach[name]))


def _threshold(analysis: Analysis, name: str) -> climb.Threshold:
    cut = analysis.tunable_cuts[name]
    axis = axis_of(analysis, cut.observable)
    assert cut.tune is not None
    return climb.Threshold(name, f"{axis['label']} cut", axis["unit"], cut.tune)


def progress(
    analysis: Analysis, history: Mapping[str, Array], kept: int, kept_step: int
) -> Figures:
    """`objective`, `thresholds` and `edges_{region}` against step, as far as there are any."""
    line, found = banner(analysis), climbs(history)
    label, _ = _LABELS[analysis.optimise.objective]
    yield "objective", climb.objective(found, kept, kept_step, label=label, banner=line)
    shown = [_threshold(analysis, name) for name in analysis.tunable_cuts]
    if shown:
        yield (
            "thresholds",
            climb.thresholds(found, kept, kept_step, shown, banner=line),
        )
    for region, edges in _edges(analysis, history, f"start_{kept}").items():
        fit = analysis.regions[region].fit
        axis = axis_of(analysis, fit.observable)
        axis.pop("log")
        ends = fit.edges.edges[0], fit.edges.edges[-1]
        text = [analysis.regions[region].label]
        yield (
            f"edges_{region}",
            climb.edges(edges, ends, kept_step, text=text, banner=line, **axis),
        )


def landscape(
    analysis: Analysis,
    history: Mapping[str, Array],
    kept: int,
    kept_step: int,
    axes: Mapping[str, Array],
    values: Array,
    searched: Mapping[str, float] | None = None,
) -> Figures:
    """`path`: the climbs over `values`, (first axis, second axis), in the plane of two `axes`."""
    (first, x), (second, y) = axes.items()
    names = [_threshold(analysis, name) for name in axes]
    yield (
        "path",
        climb.landscape(
            x,
            y,
            values.T,
            [(c.thresholds[first], c.thresholds[second]) for c in climbs(history)],
            kept,
            kept_step,
            search=(searched[first], searched[second]) if searched else None,
            labels=(
                style.x_label(names[0].label, names[0].unit),
                style.x_label(names[1].label, names[1].unit),
            ),
            label=f"{_LABELS[analysis.optimise.objective][0]}, hard cuts",
            banner=banner(analysis),
        ),
    )


def templates(
    analysis: Analysis,
    initial: Mapping[str, Mapping[str, Array]],
    optimised: Mapping[str, Mapping[str, Array]],
    moved: Analysis,
) -> Figures:
    """`templates_{region}`: `signal` and `background` of every region, before and after.

    `moved` is the analysis with the edges of the optimised selection.
    """
    line = banner(analysis)
    groups = {"background": ("Background", style.BLUE), "signal": _signal(analysis)}
    moves = analysis.moving_edges
    for region, before in initial.items():
        settings = analysis.regions[region]
        axis = axis_of(analysis, settings.fit.observable)
        axis.pop("log")
        yield (
            f"templates_{region}",
            gain.templates(
                settings.fit.edges.edges,
                [
                    gain.Change(label, colour, before[key], optimised[region][key])
                    for key, (label, colour) in groups.items()
                ],
                moved=moved.regions[region].fit.edges.edges if region in moves else None,
                text=[settings.label],
                banner=line,
                **axis,
            ),
        )


def _signal(analysis: Analysis) -> tuple[str, str]:
    """Label and colour of all signal."""
    label = " + ".join(analysis.processes[p].label for p in analysis.signals)
    return label, analysis.processes[analysis.signals[0]].colour


def scores(
    analysis: Analysis, score: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Figures:
    """`score_{score}`: by process, the `Events` of the score before and after fine-tuning.

    A process without unseen events is left out.
    """
    known = analysis.processes
    shown = [
        gain.Tuned(known[p].label, known[p].colour, before[p], after[p])
        for p in reversed(known)
        if p in before and np.sum(before[p].weight) > 0.0
    ]
    yield (
        f"score_{score.replace(':', '_')}",
        gain.scores(shown, label=axis_of(analysis, score)["label"], banner=banner(analysis)),
    )


def gradients(analysis: Analysis, content: Mapping[str, tuple[Array, Array]]) -> Figures:
    """`gradient_{region}`: change of the objective per event of signal and of background."""
    line = banner(analysis)
    _, symbol = _LABELS[analysis.optimise.objective]
    for region, (signal, background) in content.items():
        settings = analysis.regions[region]
        axis = axis_of(analysis, settings.fit.observable)
        axis.pop("log")
        yield (
            f"gradient_{region}",
            gain.bin_gradient(
                settings.fit.edges.edges,
                signal,
                background,
                symbol=symbol,
                colours=(_signal(analysis)[1], style.BLUE),
                text=[settings.label],
                banner=line,
                **axis,
            ),
        )


def comparison(analysis: Analysis, content: Comparison) -> Figures:
    """`comparison`: every selection on unseen events, and what it cost."""
    rows = []
    for name, found in content["expected_significance"].items():
        gained, cost = content["gain"].get(name), content["cost"].get(name)
        rows.append(
            gain.Row(
                SELECTIONS.get(name, name),
                _COLOURS.get(name, "black"),
                found["train"],
                found["validate"],
                found["test"],
                found["test_error"],
                [
                    _measured(found["test"], found["test_error"]),
                    "–"
                    if gained is None
                    else _measured(gained["difference"], gained["error"], "+"),
                    "–" if cost is None else f"{cost['evaluations']}",
                    "–" if cost is None else f"{cost['seconds']:.0f} s",
                ],
            )
        )
    headings: Sequence[str] = ("Z on test", "Gain", "Evaluations", "Wall time")
    yield "comparison", gain.comparison(rows, headings, banner=banner(analysis))


def _measured(value: float, error: float, sign: str = "") -> str:
    return f"{value:{sign}.3f} ± {error:.3f}"
