"""The figures of the optimisation: from the history of the climb and its results to named figures.

As `gallery`: each function yields (name, figure), one at a time.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.config import Analysis
from zenith.plots import optimisation, style
from zenith.plots.gallery import Figures, axis_of, banner

Array = NDArray[np.float64]
_LABELS = {
    "significance": ("Expected significance [σ]", "Z"),
    "precision": ("Expected error on μ", r"\sigma_{\mu}"),
}
SELECTIONS = {"initial": "Initial", "optimised": "Optimised", "search": "TPE search"}
_COLOURS = {"initial": style.GREY, "optimised": style.BLUE, "search": style.ORANGE}


def climbs(history: Mapping[str, Array]) -> list[optimisation.Climb]:
    """The climbs of a history file, whose arrays are called `start_{number}/{quantity}`."""
    numbers = sorted({int(name.partition("/")[0].removeprefix("start_")) for name in history})
    found = []
    for number in numbers:
        prefix = f"start_{number}/threshold/"
        found.append(
            optimisation.Climb(
                history[f"start_{number}/value"],
                history[f"start_{number}/validation"],
                history[f"start_{number}/rejected"],
                {k.removeprefix(prefix): v for k, v in history.items() if k.startswith(prefix)},
            )
        )
    return found


def most_moved(analysis: Analysis, climb: optimisation.Climb) -> list[str]:
    """The thresholds by the length that a climb covers in units of their widths, largest first."""
    cuts = analysis.tunable_cuts
    reach = {
        name: np.ptp(path) / (cuts[name].width or 1.0) for name, path in climb.thresholds.items()
    }
    return sorted(reach, key=lambda name: -float(reach[name]))


def _threshold(analysis: Analysis, name: str) -> optimisation.Threshold:
    cut = analysis.tunable_cuts[name]
    axis = axis_of(analysis, cut.observable)
    label = f"Score {cut.observable}" if cut.observable in analysis.scores else axis["label"]
    assert cut.tune is not None
    return optimisation.Threshold(name, f"{label} cut", axis["unit"], cut.tune)


def progress(
    analysis: Analysis, history: Mapping[str, Array], kept: int, kept_step: int
) -> Figures:
    """`objective` and `thresholds` against step; the second if there are any."""
    line, found = banner(analysis), climbs(history)
    label, _ = _LABELS[analysis.optimise.objective]
    yield "objective", optimisation.objective(found, kept, kept_step, label=label, banner=line)
    shown = [_threshold(analysis, name) for name in analysis.tunable_cuts]
    if shown:
        yield (
            "thresholds",
            optimisation.thresholds(found, kept, kept_step, shown, banner=line),
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
        optimisation.landscape(
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
) -> Figures:
    """`templates_{region}`: `signal` and `background` of every region, before and after."""
    line = banner(analysis)
    groups = {"background": ("Background", style.BLUE), "signal": _signal(analysis)}
    for region, before in initial.items():
        settings = analysis.regions[region]
        axis = axis_of(analysis, settings.fit.observable)
        axis.pop("log")
        yield (
            f"templates_{region}",
            optimisation.templates(
                settings.fit.edges.edges,
                [
                    optimisation.Change(label, colour, before[key], optimised[region][key])
                    for key, (label, colour) in groups.items()
                ],
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
        optimisation.Tuned(known[p].label, known[p].colour, before[p], after[p])
        for p in reversed(known)
        if p in before and np.sum(before[p].weight) > 0.0
    ]
    yield (
        f"score_{score.replace(':', '_')}",
        optimisation.scores(shown, label=f"Score {score}", banner=banner(analysis)),
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
            optimisation.bin_gradient(
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


def comparison(analysis: Analysis, content: Mapping[str, Any]) -> Figures:
    """`comparison`: initial, optimised and searched cuts on unseen events, and what they cost."""
    rows = []
    for name, found in content["expected_significance"].items():
        gain, cost = content["gain"].get(name), content["cost"].get(name)
        rows.append(
            optimisation.Row(
                SELECTIONS.get(name, name),
                _COLOURS.get(name, "black"),
                found["train"],
                found["validate"],
                found["test"],
                found["test_error"],
                [
                    _measured(found["test"], found["test_error"]),
                    "–" if gain is None else _measured(gain["difference"], gain["error"], "+"),
                    "–" if cost is None else f"{cost['evaluations']}",
                    "–" if cost is None else f"{cost['seconds']:.0f} s",
                ],
            )
        )
    headings: Sequence[str] = ("Z on test", "Gain", "Evaluations", "Wall time")
    yield "comparison", optimisation.comparison(rows, headings, banner=banner(analysis))


def _measured(value: float, error: float, sign: str = "") -> str:
    return f"{value:{sign}.3f} ± {error:.3f}"
