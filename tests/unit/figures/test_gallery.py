"""Figures show the numbers they were given."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hist
import numpy as np
import pytest
from hist.intervals import poisson_interval
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch

from zenith.config import Analysis, load
from zenith.figures import (
    cutflow,
    fit,
    fit_gallery,
    gallery,
    stacks,
    style,
    systematics,
    uncertainties,
)
from zenith.figures.naming import axis_of
from zenith.statistics.naming import score_label

EDGES = np.array([0.0, 50.0, 100.0, 200.0])
LOW, HIGH = np.array([10.0, 5.0, 1.0]), np.array([20.0, 4.0, 2.0])
LAYERS = [stacks.Layer("low", "#94a4a2", LOW), stacks.Layer("high", "#3f90da", HIGH)]
DATA = np.array([33.0, 0.0, 6.0])


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return load("config/zprime.yaml")


def steps(axes: Any) -> dict[str, StepPatch]:
    """The labelled histograms: layers and lines."""
    return {p.get_label(): p for p in axes.patches if isinstance(p, StepPatch) and p.get_label()}


def hatched(axes: Any) -> StepPatch:
    """The uncertainty band."""
    (band,) = [p for p in axes.patches if isinstance(p, StepPatch) and p.get_hatch()]
    return band


def points(axes: Any) -> ErrorbarContainer:
    (container,) = [c for c in axes.containers if isinstance(c, ErrorbarContainer)]
    return container


def legend(axes: Any) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]


def make_stack(**options: Any) -> Figure:
    error = options.pop("error", 0.1 * (LOW + HIGH))
    return stacks.stack(EDGES, LAYERS, error, label="$p_T$", unit="GeV", **options)


def test_a_stack_shows_its_layers_and_their_sum() -> None:
    figure = make_stack(data=DATA)
    main = figure.axes[0]
    drawn = steps(main)
    np.testing.assert_allclose(drawn["low"].get_data().values, LOW)
    np.testing.assert_allclose(drawn["high"].get_data().values, LOW + HIGH)
    np.testing.assert_allclose(drawn["high"].get_data().baseline, LOW)
    assert main.get_ylabel() == "Events / bin"  # bins of different widths
    assert figure.axes[1].get_xlabel() == "$p_T$ [GeV]"


def test_the_ratio_is_data_over_prediction_with_poisson_intervals() -> None:
    figure = make_stack(data=DATA, data_label="Data")
    line, _, bars = points(figure.axes[1])
    expected = np.array([33.0 / 30.0, np.nan, 6.0 / 3.0])  # no point where there are no data
    np.testing.assert_allclose(line.get_ydata(), expected)
    low, high = poisson_interval(DATA, DATA) / (LOW + HIGH)
    segments = np.array([s for s in bars[0].get_segments() if len(s) and np.isfinite(s).all()])
    np.testing.assert_allclose(segments[:, :, 1], np.stack([low, high], -1)[[0, 2]])
    np.testing.assert_allclose(points(figure.axes[0])[0].get_ydata(), [33.0, np.nan, 6.0])


def test_the_bands_are_the_given_uncertainty() -> None:
    error = np.array([[3.0, 1.0, 0.5], [4.0, 2.0, 1.0]])
    figure = make_stack(error=error)
    total = LOW + HIGH
    band = hatched(figure.axes[0])
    np.testing.assert_allclose(band.get_data().baseline, total - error[0])
    np.testing.assert_allclose(band.get_data().values, total + error[1])
    band = hatched(figure.axes[1])
    np.testing.assert_allclose(band.get_data().values, 1.0 + error[1] / total)


def test_hidden_data_are_not_drawn() -> None:
    figure = make_stack(data=None, data_label="Data")
    for axes in figure.axes:
        assert not [c for c in axes.containers if isinstance(c, ErrorbarContainer)]
    assert "Data" not in legend(figure.axes[0])


@pytest.mark.parametrize("log", [True, False])
def test_the_legend_is_above_everything(log: bool) -> None:
    figure = make_stack(data=DATA, log=log, text=["Region"])
    main = figure.axes[0]
    with style.context():
        figure.canvas.draw()
    bottom = main.transData.inverted().transform(main.get_legend().get_window_extent().p0)[1]
    assert bottom > np.nanmax(poisson_interval(DATA, DATA))


@pytest.mark.parametrize("log", [True, False])
def test_empty_templates_can_be_drawn(log: bool, tmp_path: Path) -> None:
    zero = np.zeros(3)
    layer = stacks.Layer("nothing", "red", zero)
    empty = stacks.stack(EDGES, [layer], zero, data=zero, lines=[layer], label="x", log=log)
    varied = systematics.Varied("nothing", zero, zero, zero, zero)
    nothing = systematics.variation(EDGES, [varied], label="x")
    flow = cutflow.cutflow(["all"], [cutflow.Flow("nothing", "red", [0.0])])
    for number, figure in enumerate((empty, nothing, flow)):
        style.save(figure, tmp_path / str(number), ["png"])


def weighted(values: Any, variances: Any = None) -> hist.Hist:
    histogram = hist.Hist(hist.axis.Variable(EDGES), storage=hist.storage.Weight())
    values = np.asarray(values, float)
    histogram[...] = np.stack([values, values if variances is None else variances], axis=-1)
    return histogram


def test_shifts_add_processes_and_mirror_one_side() -> None:
    templates = {
        "a": {"nominal": weighted(LOW), "jes_up": weighted(LOW + 1), "jes_down": weighted(LOW - 2)},
        "b": {
            "nominal": weighted(HIGH),
            "jes_up": weighted(HIGH + 3),
            "jer_up": weighted(HIGH - 1),
        },
    }
    found = stacks.shifts(templates, ["a", "b"])
    np.testing.assert_allclose(found["jes"], ([4.0] * 3, [-2.0] * 3))
    np.testing.assert_allclose(found["jer"], ([-1.0] * 3, [1.0] * 3))
    assert set(stacks.shifts(templates, ["a"])) == {"jes"}


def test_uncertainties_add_in_quadrature() -> None:
    one_sided = ([2.0, -2.0], [1.0, -1.0])  # both variations go to the same side
    below, above = stacks.quadrature([9.0, 9.0], [([4.0, 4.0], [-4.0, -4.0]), one_sided])
    np.testing.assert_allclose(above, np.sqrt([9 + 16 + 4, 9 + 16]))
    np.testing.assert_allclose(below, np.sqrt([9 + 16, 9 + 16 + 4]))


def test_a_variation_shows_its_ratio_to_nominal() -> None:
    varied = systematics.Varied("Signal", LOW, LOW, 1.1 * LOW, None)
    figure = systematics.variation(EDGES, [varied], label="x")
    ratio = figure.axes[1]
    heights = [p.get_data().values for p in ratio.patches if isinstance(p, StepPatch)]
    np.testing.assert_allclose(heights[0], 1.0 + 1.0 / np.sqrt(LOW))  # statistics of the nominal
    np.testing.assert_allclose(heights[1], 1.1)
    assert legend(figure.axes[0]) == ["Signal, nominal", "Signal, up"]


def test_pulls_are_drawn_where_they_are() -> None:
    figure = uncertainties.pulls(["a", "b"], [0.5, -1.0], [0.9, 0.4])
    (axes,) = figure.axes
    line, _, (bars,) = points(axes)
    np.testing.assert_allclose(line.get_xdata(), [0.5, -1.0])
    segments = np.array(bars.get_segments())
    np.testing.assert_allclose(segments[:, :, 0], [[-0.4, 1.4], [-1.4, -0.6]])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]


def test_expected_errors_are_a_second_bar_at_zero() -> None:
    figure = uncertainties.pulls(["a", "b"], [0.5, -1.0], [0.9, 0.4], expected=[1.0, np.nan])
    (axes,) = figure.axes
    fitted, expected = axes.containers
    np.testing.assert_allclose(fitted[0].get_xdata(), [0.5, -1.0])
    np.testing.assert_allclose(expected[0].get_xdata(), [0.0, np.nan])
    (bars,) = expected[2]
    np.testing.assert_allclose(bars.get_segments()[0][:, 0], [-1.0, 1.0])
    assert set(legend(axes)) == {"Fitted", "Expected"}


def test_costs_are_bars_of_the_groups() -> None:
    figure = uncertainties.costs(["a", "b"], [0.1, 0.05], [0.3, np.nan], observed=[0.2, 0.0])
    strength, significance = figure.axes
    np.testing.assert_allclose([bar.get_width() for bar in strength.patches], [0.2, 0.0, 0.1, 0.05])
    assert significance.patches[0].get_width() == 0.3
    assert set(legend(strength)) == {"observed", "expected"}
    assert strength.get_xlim()[0] == 0.0
    assert [text.get_text() for text in strength.get_yticklabels()] == ["a", "b"]
    (strength, _) = uncertainties.costs(["a"], [0.1], [0.3]).axes
    assert set(legend(strength)) == {"expected"}


LONG = [r"Simulated events, $t\bar{t}$ control region with a long name, bin 12", "b"]


@pytest.mark.parametrize(
    "figure",
    [
        uncertainties.pulls(LONG, [0.0, 0.0], [1.0, 1.0]),
        uncertainties.ranking(LONG, [0.1, 0.2], [0.1, 0.2], [0.0, 0.0], [1.0, 1.0]),
        uncertainties.costs(LONG, [0.1, 0.2], [0.1, 0.2]),
        fit.correlations(LONG, np.eye(2)),
    ],
    ids=["pulls", "ranking", "costs", "correlations"],
)
def test_long_labels_are_not_cut_off(figure) -> None:
    with style.context():
        figure.draw_without_rendering()
        for label in figure.axes[0].get_yticklabels():
            assert label.get_window_extent().x0 >= 0.0


def test_the_ranking_starts_with_the_largest_impact() -> None:
    figure = uncertainties.ranking(["a", "b"], [0.1, -0.3], [-0.1, 0.2], [0.0, 0.5], [1.0, 0.8])
    pull, impact = figure.axes
    labels = [label.get_text().split()[0] for label in pull.get_yticklabels()]
    assert labels == ["b", "a"]
    np.testing.assert_allclose(
        [bar.get_width() for bar in impact.patches if bar.get_height() == 0.66],
        [-0.3, 0.1, 0.2, -0.1],
    )


def test_only_correlated_parameters_are_kept_when_there_are_many() -> None:
    matrix = np.eye(30)
    matrix[3, 7] = matrix[7, 3] = -0.4
    matrix[5, 6] = matrix[6, 5] = 0.05
    assert fit.correlated(matrix, threshold=0.1, most=25) == [3, 7]
    assert fit.correlated(matrix, most=30) == list(range(30))


def test_the_limit_and_the_scan_show_their_numbers() -> None:
    (axes,) = fit.upper_limit([0.4, 0.6, 0.9, 1.3, 1.8], 1.1).axes
    spans = [(bar.get_x(), bar.get_width()) for bar in axes.patches]
    np.testing.assert_allclose(spans, [(0.4, 1.4), (0.6, 0.7)])
    assert {"Expected 0.9", "Observed 1.1"} <= set(legend(axes))
    (axes,) = fit.likelihood_scan([2.0, 1.0, 0.0], [1.0, 0.0, 1.0], best=1.0, error=1.0).axes
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[0, 1], [1, 0], [2, 1]])
    levels = [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == "--"]
    assert levels == [1.0, 3.84]  # χ² of one parameter


def test_what_the_fit_could_not_have_is_not_drawn() -> None:
    nan = np.nan
    (axes,) = fit.upper_limit([0.4, 0.6, 0.9, 1.3, nan], nan).axes
    spans = [(bar.get_x(), bar.get_width()) for bar in axes.patches]
    np.testing.assert_allclose(spans, [(0.6, 0.7)])
    assert {"Expected 0.9", "Observed not found"} <= set(legend(axes))
    assert "not found: expected limit at +2 σ" in [text.get_text() for text in axes.texts]
    assert axes.get_xlim()[1] == pytest.approx(1.15 * 1.3)
    figure = uncertainties.ranking(["a", "b"], [nan, -0.3], [0.4, 0.2], [0.0, 0.5], [nan, 0.8])
    pull, impact = figure.axes
    assert [text.get_text().split()[0] for text in pull.get_yticklabels()] == ["a", "b"]
    assert impact.get_xlim()[1] == pytest.approx(1.15 * 0.4)
    (axes,) = uncertainties.pulls(["a", "b"], [0.5, 3.0], [0.9, nan]).axes
    assert axes.get_xlim()[1] == pytest.approx(1.1 * 3.0)
    (axes,) = fit.likelihood_scan([0.0, 1.0, 2.0], [8.0, nan, 1.0], best=1.0).axes
    assert np.isfinite(axes.get_ylim()).all()


def test_axes_are_called_by_labels_and_scores_without_one_by_their_processes(analysis) -> None:
    assert axis_of(analysis, "met")["label"] == "$p_T^{miss}$"
    score = analysis.observables["wjets_vs_ttbar"].label
    assert axis_of(analysis, "wjets_vs_ttbar")["label"] == score
    others = {k: v for k, v in analysis.observables.items() if k != "wjets_vs_ttbar"}
    unlabelled = analysis.model_copy(update={"observables": others})
    called = score_label(unlabelled, "wjets_vs_ttbar")
    assert axis_of(unlabelled, "wjets_vs_ttbar")["label"] == called


def test_a_cutflow_shows_its_numbers() -> None:
    flows = [
        cutflow.Flow("a", "red", [1234.4, 12.3456]),
        cutflow.Flow("d", "k", [9.0, 0.0], True),
        cutflow.Flow("b", "blue", [100.0, 10.0], errors=[12.3, 4.0]),
    ]
    (axes,) = cutflow.cutflow(["all", "Highest b-tag score > 0.5"], flows).axes
    np.testing.assert_allclose(steps(axes)["a"].get_data().values, [1234.4, 12.3456])
    cells = {k: c.get_text().get_text() for k, c in axes.tables[0].get_celld().items()}
    assert [cells[0, 1], cells[1, 0], cells[1, 1], cells[2, 1], cells[3, 0]] == [
        "Highest b-tag score\n> 0.5",
        "1234",
        "12.35",
        "0",
        "100 ± 12",
    ]
    (band,) = [patch for patch in axes.patches if patch.get_fill() and patch.get_alpha() == 0.25]
    np.testing.assert_allclose(band.get_data().baseline, [87.7, 6.0])
    np.testing.assert_allclose(band.get_data().values, [112.3, 14.0])


def test_the_same_figure_is_the_same_file(tmp_path: Path) -> None:
    files = [style.save(make_stack(data=DATA), tmp_path / name) for name in ("a", "b")]
    for first, second in zip(*files, strict=True):
        assert first.read_bytes() == second.read_bytes()
    assert {path.suffix for path in files[0]} == {".png", ".pdf"}


def drawn(figures: Iterator[tuple[str, Figure]]) -> dict[str, Figure]:
    return dict(figures)


def test_control_plots_scale_the_signal_and_hold_every_uncertainty(analysis: Analysis) -> None:
    edges = analysis.observables["met"].edges.edges

    def flat(value: float, variance: float = 0.0) -> hist.Hist:
        h = hist.Hist(hist.axis.Variable(edges), storage=hist.storage.Weight())
        h[...] = np.tile([value, variance], (len(edges) - 1, 1))
        return h

    histograms = {
        "signal/met/wjets/nominal": flat(100.0, 25.0),
        "signal/met/wjets/jes_up": flat(110.0),
        "signal/met/wjets/jes_down": flat(95.0),
        "signal/met/signal/nominal": flat(2.0),
        "signal/met/data/nominal": flat(104.0),
    }
    rate = SimpleNamespace(
        name="xsec", kind="normalisation", label="", up=0.2, down=-0.2,
        processes=["wjets"], regions=["signal"],
    )  # fmt: skip
    changes = {"plotting": analysis.plotting.model_copy(update={"signal_scale": 10.0})}
    scaled = analysis.model_copy(update=changes)
    figure = drawn(gallery.control_plots(scaled, [rate], histograms))["signal_met"]
    main = figure.axes[0]
    band = hatched(main)
    np.testing.assert_allclose(band.get_data().values, 100.0 + np.sqrt(25.0 + 10.0**2 + 20.0**2))
    np.testing.assert_allclose(band.get_data().baseline, 100.0 - np.sqrt(25.0 + 5.0**2 + 20.0**2))
    (signal,) = [p for name, p in steps(main).items() if name.startswith("$Z'$")]
    np.testing.assert_allclose(signal.get_data().values, 20.0)
    assert signal.get_label().endswith("× 10")
    assert main.get_ylabel() == "Events / 40 GeV"
    np.testing.assert_allclose(points(figure.axes[1])[0].get_ydata(), 1.04)

    hidden = {"statistics": analysis.statistics.model_copy(update={"blind": True})}
    blind = analysis.model_copy(update=hidden)
    figure = drawn(gallery.control_plots(blind, [rate], histograms))["signal_met"]
    assert not [c for c in figure.axes[0].containers if isinstance(c, ErrorbarContainer)]


def test_fit_figures_come_from_the_fit_results(analysis: Analysis) -> None:
    edges = [400.0, 1000.0, 4000.0]
    model = {"wjets": [5.0, 2.0], "signal": [1.0, 1.0], "error": [0.5, 0.4]}
    results = {
        "mu": 0.9, "mu_error": 0.3, "asimov": False,
        "parameters": [
            {"name": "mu", "kind": "signal_strength", "prefit_value": 1.0,
             "prefit_error": None, "value": 0.9, "error": 0.3},
            {"name": "lumi", "kind": "constrained", "prefit_value": 1.0,
             "prefit_error": 0.012, "value": 1.006, "error": 0.009},
        ],
        "correlation": {"names": ["mu", "lumi"], "matrix": [[1.0, 0.2], [0.2, 1.0]]},
        "ranking": [{"name": "lumi", "impact_up": -0.1, "impact_down": 0.1,
                     "prefit_impact_up": -0.12, "prefit_impact_down": None}],
        "scan": None,
        "upper_limit": None,
        "templates": {"signal": {"edges": edges, "prefit": model, "postfit": model,
                                 "data": [7.0, 3.0]}},
    }  # fmt: skip
    figures = drawn(fit_gallery.fit_results(analysis, [], results))
    assert set(figures) == {"pulls", "correlations", "ranking"}
    names = [text.get_text() for text in figures["correlations"].axes[0].get_xticklabels()]
    assert names == ["Signal strength", "Luminosity"]
    line, _, _ = points(figures["pulls"].axes[0])
    np.testing.assert_allclose(line.get_xdata(), [0.5])  # (1.006 - 1) / 0.012
    regions = drawn(fit_gallery.fit_regions(analysis, [], results))
    assert set(regions) == {"signal_prefit", "signal_postfit"}
    top = max(p.get_data().values[0] for p in steps(regions["signal_prefit"].axes[0]).values())
    assert top == 6.0  # the signal is part of the stack


def test_fit_figures_are_drawn_of_what_there_is(analysis: Analysis) -> None:
    """A fit without a Hessian, and with fits that did not converge."""
    model = {"wjets": [5.0, 2.0], "signal": [1.0, 1.0], "error": [0.5, 0.4]}
    results = {
        "mu": 0.0, "mu_error": None, "asimov": False,
        "parameters": [
            {"name": "mu", "kind": "signal_strength", "prefit_value": 1.0,
             "prefit_error": None, "value": 0.0, "error": None, "at_bound": True},
            {"name": "lumi", "kind": "constrained", "prefit_value": 1.0,
             "prefit_error": 0.012, "value": 1.006, "error": None, "at_bound": False},
        ],
        "correlation": None,
        "ranking": [{"name": "lumi", "impact_up": None, "impact_down": None,
                     "prefit_impact_up": -0.12, "prefit_impact_down": None}],
        "scan": {"mu": [0.0, 1.0, 2.0], "delta_twice_nll": [0.0, None, 4.0]},
        "upper_limit": {"level": 0.95, "observed": None, "expected": [0.5, 0.7, 1.0, None, None]},
        "templates": {"signal": {"edges": [400.0, 1000.0, 4000.0], "prefit": model,
                                 "postfit": model | {"error": None}, "data": [7.0, 3.0]}},
    }  # fmt: skip
    figures = drawn(fit_gallery.fit_results(analysis, [], results))
    assert set(figures) == {"pulls", "ranking", "scan", "upper_limit"}
    assert "Observed not found" in legend(figures["upper_limit"].axes[0])
    regions = drawn(fit_gallery.fit_regions(analysis, [], results))
    notes = [text.get_text() for text in regions["signal_postfit"].axes[0].texts]
    assert "no uncertainty, see fit.json" in notes
    for figure in (*figures.values(), *regions.values()):
        figure.canvas.draw()
