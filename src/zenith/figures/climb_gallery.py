"""The figures of the optimisation: from the history of the climb and its results to named figures.

As `gallery`: each function yields (name, figure), one at a time.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts.comparison import Comparison, spent
from zenith.artefacts.history import ClimbHistory
from zenith.config import Analysis
from zenith.figures import climb, gain, style
from zenith.figures.landscape import landscape as path_over
from zenith.figures.naming import Figures, axis_of, banner

Array = NDArray[np.float64]
_LABELS = {
    "significance": ("Expected significance [σ]", "Z"),
    "precision": ("Expected error on μ", r"\sigma_{\mu}"),
}
SELECTIONS = {
    "initial": "Initial",
    "loosest": "Loosest cuts",
    "climb": "Climb",
    "fixed_edges": "Climb, fixed edges",
    "tpe": "TPE search",
    "cma_es": "CMA-ES search",
    "trees": "Boosted trees\nin categories",
    "categories_start": "Categories,\nas trained",
    "categories": "Categories, climb",
    "efficient_score": "Efficient score",
}
_COLOURS = {
    "initial": style.GREY,
    "loosest": "black",
    "climb": style.BLUE,
    "fixed_edges": style.RED,
    "tpe": style.ORANGE,
    "cma_es": style.ORANGE,
    "trees": style.RED,
    "categories_start": style.GREY,
    "categories": style.BLUE,
    "efficient_score": style.BLUE,
}


def kept(history: ClimbHistory) -> climb.Course:
    """The climb of a history that is kept, of all its starts."""
    steps, start = history.steps, f"start_{history.kept_start}"
    prefix = f"{start}/threshold/"
    return climb.Course(
        steps[f"{start}/value"],
        steps[f"{start}/validation"],
        steps[f"{start}/rejected"],
        {name.removeprefix(prefix): v for name, v in steps.items() if name.startswith(prefix)},
        history.kept_step,
    )


def _edges(analysis: Analysis, history: ClimbHistory) -> dict[str, Array]:
    """The inner edges (steps, bins - 1) of every region that moves them, of the kept climb."""
    found = {}
    for region in analysis.moving_edges:
        inner = range(1, len(analysis.regions[region].fit.edges.edges) - 1)
        columns = [f"start_{history.kept_start}/edge/{region}/{k}" for k in inner]
        if columns and columns[0] in history.steps:
            found[region] = np.stack([history.steps[name] for name in columns], axis=1)
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


def progress(analysis: Analysis, histories: Sequence[ClimbHistory]) -> Figures:
    """`objective`, `soft_and_hard`, `thresholds` and `edges_{region}` against step, as known.

    `histories` are those of all folds.
    """
    line, found = banner(analysis), [kept(history) for history in histories]
    label, _ = _LABELS[analysis.optimise.objective]
    yield "objective", climb.objective(found, label=label, banner=line)
    names = [f"start_{history.kept_start}/hard" for history in histories]
    if all(name in history.steps for name, history in zip(names, histories, strict=True)):
        hard = [history.steps[name] for name, history in zip(names, histories, strict=True)]
        soft = [course.soft for course in found]
        yield "soft_and_hard", climb.soft_and_hard(soft, hard, banner=line)
    shown = [_threshold(analysis, name) for name in analysis.tunable_cuts]
    if shown:
        yield "thresholds", climb.thresholds(found, shown, banner=line)
    moved = [_edges(analysis, history) for history in histories]
    for region in moved[0]:
        paths = [of_fold[region] for of_fold in moved]
        fit = analysis.regions[region].fit
        axis = axis_of(analysis, fit.observable)
        axis.pop("log")
        ends = fit.edges.edges[0], fit.edges.edges[-1]
        text = [analysis.regions[region].label]
        yield (
            f"edges_{region}",
            climb.edges(paths, ends, [c.kept for c in found], text=text, banner=line, **axis),
        )


def landscape(
    analysis: Analysis,
    path: climb.Course,
    axes: Mapping[str, Array],
    values: Array,
    searched: Mapping[str, float] | None = None,
) -> Figures:
    """`path`: a climb over `values`, (first axis, second axis), in the plane of two `axes`."""
    (first, x), (second, y) = axes.items()
    names = [_threshold(analysis, name) for name in axes]
    yield (
        "path",
        path_over(
            x,
            y,
            values.T,
            (path.thresholds[first], path.thresholds[second]),
            path.kept,
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

    A process without events is left out.
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
    """`comparison`: every selection with all events, and what it cost."""
    to_rival = content.get("difference_to_rival")
    gains = {n: g for n, g in (to_rival or content["gain"]).items() if n != "trees"}
    rows = []
    for name, found in content["expected_significance"].items():
        gained, cost = gains.get(name), content["cost"].get(name)
        seconds = spent(content, name)
        rows.append(
            gain.Row(
                SELECTIONS.get(name, name),
                _COLOURS.get(name, "black"),
                found.get("learning"),
                found["z"],
                found["error"],
                [
                    _measured(found["z"], found["error"]),
                    "–"
                    if gained is None
                    else _measured(gained["difference"], gained["error"], "+"),
                    "–" if cost is None else f"{cost['evaluations']}",
                    "–" if seconds is None else f"{seconds:.0f} s",
                ],
            )
        )
    compared = "Gain" if to_rival is None else "To the trees"
    headings: Sequence[str] = ("Z", compared, "Evaluations", "CPU time")
    yield "comparison", gain.comparison(rows, headings, banner=banner(analysis))
    yield from _precisions(analysis, content)


def _precisions(analysis: Analysis, content: Comparison) -> Figures:
    """`comparison_precision`: the same of the error of μ, where that is what was climbed."""
    found = content.get("expected_mu_error", {})
    if not found:
        return
    beside = any("difference_to_rival" in row for row in found.values())
    rows = []
    for name, row in found.items():
        difference = row.get("difference_to_rival") if beside else row.get("gain")
        less = "–"
        if difference is not None and not (beside and name == "trees"):
            less = _measured(difference["difference"], difference["error"], "+")
        cells = [_measured(row["mu_error"], row["error"]), less]
        label, colour = SELECTIONS.get(name, name), _COLOURS.get(name, "black")
        rows.append(gain.Row(label, colour, None, row["mu_error"], row["error"], cells))
    headings = ("Error of μ", "To the trees" if beside else "To the initial")
    figure = gain.comparison(rows, headings, label=_LABELS["precision"][0], banner=banner(analysis))
    yield "comparison_precision", figure


def _measured(value: float, error: float, sign: str = "") -> str:
    return f"{value:{sign}.3f} ± {error:.3f}"
