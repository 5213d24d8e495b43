"""The figures of the optimisation draw the numbers of the climb, the scan and the comparison."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch

from zenith.artefacts import Columns
from zenith.artefacts.history import ClimbHistory
from zenith.config import Analysis, load, parse
from zenith.core.selection.objective import hard_templates, hard_value, stacked
from zenith.figures import climb, gain, networks, threshold_gallery
from zenith.figures import climb_gallery as gallery
from zenith.optimisation import model
from zenith.optimisation.landscape import Scan, bin_gradient, landscape, scan

STEPS = 12
KEPT_STEPS = (8, 6)


def histories(names: list[str], seed: int = 1) -> list[ClimbHistory]:
    """The climbs of two folds; the second stopped early, and one step of it was rejected."""
    random = np.random.default_rng(seed)
    found = []
    for fold, steps in enumerate((STEPS, STEPS - 3)):
        arrays = {
            "start_0/value": random.uniform(1, 2, steps),
            "start_0/validation": random.uniform(1, 2, steps),
            "start_0/rejected": np.zeros(steps),
            "start_0/hard": np.where(np.arange(steps) % 4 == 0, 1.25, np.nan),
        }
        for k, name in enumerate(names):
            path = 0.1 + 0.02 * np.arange(steps) * (k + 1) + 0.1 * fold
            arrays[f"start_0/threshold/{name}"] = path
        found.append(ClimbHistory(arrays, 0, KEPT_STEPS[fold]))
    found[1].steps["start_0/validation"][1::2] = np.nan
    found[1].steps["start_0/value"][3] = np.nan
    found[1].steps["start_0/rejected"][3] = 1.0
    return found


def lines(figure: Figure, panel: int = 0) -> list[np.ndarray]:
    return [np.asarray(line.get_xydata()) for line in figure.axes[panel].lines]


def drawn(figure: Figure, points: Any, panel: int = 0) -> bool:
    """Whether a line of exactly these points, (n, 2), is in the panel."""
    return any(xy.shape == np.shape(points) and np.allclose(xy, points) for xy in lines(figure))


def stairs(axes: Any) -> list[np.ndarray]:
    patches = [p for p in axes.patches if isinstance(p, StepPatch)]
    return [np.asarray(p.get_data().values) for p in patches]


def texts(figure: Figure) -> list[str]:
    found = [t.get_text() for axes in figure.axes for t in axes.texts]
    legends = [axes.get_legend() for axes in figure.axes if axes.get_legend()]
    return found + [t.get_text() for legend in [*legends, *figure.legends] for t in legend.texts]


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return load("config/zprime.yaml")


def test_steps_are_those_of_the_history(analysis: Analysis) -> None:
    names = list(analysis.tunable_cuts)
    content = histories(names)
    first, second = (of_fold.steps for of_fold in content)
    figures = dict(gallery.progress(analysis, content))
    figure = figures["objective"]
    for steps in (first, second):
        for key in ("value", "validation"):
            values = steps[f"start_0/{key}"]
            (known,) = np.nonzero(np.isfinite(values))
            assert drawn(figure, np.stack([known, values[known]], axis=1))
    # the mean of both, where both are known; the one that stopped stays where it was
    mean = first["start_0/value"].copy()
    known = np.append(second["start_0/value"], [second["start_0/value"][-1]] * 3)
    mean = np.where(np.isfinite(known), (mean + np.nan_to_num(known)) / 2, mean)
    assert drawn(figure, np.stack([np.arange(STEPS), mean], axis=1))
    kept = [s["start_0/validation"][k] for s, k in zip((first, second), KEPT_STEPS, strict=True)]
    assert drawn(figure, np.stack([KEPT_STEPS, kept], axis=1))
    (rejected,) = [xy for xy in lines(figure) if len(xy) == 1 and xy[0, 0] == 3]
    low, high = figure.axes[0].get_ylim()
    assert low < rejected[0, 1] < min(np.nanmin(s["start_0/value"]) for s in (first, second))
    said = {"Kept: steps 6 to 8", "Fit did not converge", "Each of 2 folds"}
    assert said <= set(texts(figure))
    assert figure.axes[0].get_ylabel() == "Expected significance [σ]"

    panels = figures["thresholds"].axes
    assert len(panels) == len(names)
    for axes, name in zip(panels, names, strict=True):
        paths = [np.asarray(line.get_ydata()) for line in axes.lines]
        both = [steps[f"start_0/threshold/{name}"] for steps in (first, second)]
        for path, expected in zip(paths, both, strict=False):
            np.testing.assert_array_equal(path, expected)
        np.testing.assert_allclose(paths[2][:9], (both[0][:9] + both[1]) / 2)
        kept = [path[k] for path, k in zip(both, KEPT_STEPS, strict=True)]
        np.testing.assert_array_equal(paths[3], kept)
        low, high = analysis.tunable_cuts[name].tune or (0.0, 0.0)
        grey = [patch.get_extents().y0 for patch in axes.patches]
        assert len(grey) == 2
        assert axes.get_ylim()[0] < low < high < axes.get_ylim()[1]


def test_soft_values_are_drawn_over_hard_ones_where_these_were_read(analysis: Analysis) -> None:
    content = histories(list(analysis.tunable_cuts))
    figure = dict(gallery.progress(analysis, content))["soft_and_hard"]
    gaps = []
    for of_fold in content:
        soft = of_fold.steps["start_0/value"]
        steps = np.arange(0, len(soft), 4)
        gaps.append(100 * (soft[steps] / 1.25 - 1))
        assert drawn(figure, np.stack([steps, gaps[-1]], axis=1))
    mean = np.mean(gaps, axis=0)
    assert drawn(figure, np.stack([[0, 4, 8], mean], axis=1))
    # histories of before have none
    for of_fold in content:
        del of_fold.steps["start_0/hard"]
    assert "soft_and_hard" not in dict(gallery.progress(analysis, content))


def test_precision_is_called_an_error(analysis: Analysis) -> None:
    settings = analysis.optimise.model_copy(update={"objective": "precision"})
    precise = analysis.model_copy(update={"optimise": settings})
    _, figure = next(gallery.progress(precise, histories(list(analysis.tunable_cuts))))
    assert figure.axes[0].get_ylabel() == "Expected error on μ"
    region = next(iter(analysis.regions))
    bins = len(analysis.regions[region].fit.edges.edges) - 1
    _, figure = next(gallery.gradients(precise, {region: (np.ones(bins), -np.ones(bins))}))
    assert r"\sigma_{\mu}" in figure.axes[0].get_ylabel()


def test_thresholds_are_ranked_in_units_of_their_width(analysis: Analysis) -> None:
    cuts = analysis.tunable_cuts
    paths = {
        name: np.array([0.0, k * (cut.width or 0)]) for k, (name, cut) in enumerate(cuts.items())
    }
    path = climb.Course(np.zeros(2), np.zeros(2), np.zeros(2), paths)
    assert gallery.most_moved(analysis, path) == list(reversed(cuts))


def test_the_path_lies_over_its_scan(analysis: Analysis) -> None:
    first, second = list(analysis.tunable_cuts)[:2]
    path = gallery.kept(histories([first, second])[0])
    axes = {first: np.linspace(0, 1, 5), second: np.linspace(0, 2, 4)}
    values = np.arange(20.0).reshape(5, 4)
    searched = {first: 0.9, second: 1.9}
    ((name, figure),) = gallery.landscape(analysis, path, axes, values, searched)
    assert name == "path"
    mesh = figure.axes[0].collections[0]
    np.testing.assert_array_equal(np.asarray(mesh.get_array()).reshape(4, 5), values.T)
    both = [path.thresholds[name] for name in (first, second)]
    assert drawn(figure, np.stack(both, axis=1))
    assert drawn(figure, [[both[0][0], both[1][0]]])
    assert drawn(figure, [[both[0][8], both[1][8]]])
    assert drawn(figure, [[0.9, 1.9]])
    assert figure.axes[1].get_ylabel() == "Expected significance [σ], hard cuts"


def test_templates_and_their_ratio(analysis: Analysis) -> None:
    edges = np.array([0.0, 1.0, 2.0])
    change = gain.Change("Background", "#3f90da", [10.0, 4.0], [5.0, 1.0])
    figure = gain.templates(edges, [change], label="m", unit="GeV")
    before, after = stairs(figure.axes[0])
    np.testing.assert_array_equal(before, [10.0, 4.0])
    np.testing.assert_array_equal(after, [5.0, 1.0])
    np.testing.assert_array_equal(stairs(figure.axes[1])[0], [0.5, 0.25])
    assert {"Background, initial: 14", "Background, optimised: 6"} <= set(texts(figure))


def test_scores_before_and_after(analysis: Analysis) -> None:
    random = np.random.default_rng(3)
    events = [networks.Weighted(random.uniform(0, 1, 50), np.ones(50)) for _ in range(2)]
    empty = {"ttbar_hadronic": networks.Weighted(np.zeros(0), np.zeros(0))}
    ((name, figure),) = gallery.scores(
        analysis, "net:b", {"wjets": events[0], **empty}, {"wjets": events[1], **empty}
    )
    assert name == "score_net_b"
    edges = np.linspace(0, 1, 26)
    for values, of in zip(stairs(figure.axes[0]), events, strict=True):
        np.testing.assert_allclose(values, of.density(edges)[0])
    legend = figure.axes[0].get_legend()
    assert legend is not None
    expected = [analysis.processes["wjets"].label, "Before", "After fine-tuning"]
    assert [text.get_text() for text in legend.get_texts()] == expected
    figure.draw_without_rendering()
    box = legend.get_window_extent().transformed(figure.axes[0].transData.inverted())
    assert max(values.max() for values in stairs(figure.axes[0])) < box.y0


def test_edges_are_drawn_where_they_are() -> None:
    """Each inner edge of each fold against step, their mean, and the kept ones marked."""
    paths = [np.array([[1.0, 2.0], [1.5, 2.5], [1.0, 3.0]]) + shift for shift in (0.0, 0.2)]
    figure = climb.edges(paths, (0.0, 4.0), (1, 2), label="mass", unit="TeV", text=["Here"])
    for path in (*paths, np.mean(paths, axis=0)):
        for edge in path.T:
            assert drawn(figure, np.stack([np.arange(3), edge], axis=1))
    assert drawn(figure, [[1, 1.5], [1, 2.5]])
    assert drawn(figure, [[2, 1.2], [2, 3.2]])


def test_templates_of_moved_edges_are_drawn_per_mean_width() -> None:
    """Ten events in the wide bin and in the narrow one; the ratio is of events per unit."""
    change = gain.Change("Background", "blue", [10.0, 10.0], [10.0, 10.0])
    figure = gain.templates([0.0, 2.0, 4.0], [change], moved=[0.0, 3.0, 4.0], label="mass")
    initial, optimised = stairs(figure.axes[0])
    np.testing.assert_allclose(initial, [10.0, 10.0])
    np.testing.assert_allclose(optimised, [10.0 * 2 / 3, 10.0 * 2])
    np.testing.assert_allclose(stairs(figure.axes[1])[0], [2 / 3, 2 / 3, 2.0])


def test_the_comparison_shows_its_numbers(analysis: Analysis) -> None:
    content = {
        "expected_significance": {
            "initial": {"z": 2.5, "error": 0.101, "learning": 2.61},
            "climb": {"z": 3.1234, "error": 0.12, "learning": 3.4},
        },
        "gain": {"climb": {"difference": 0.6234, "error": 0.05}},
        "cost": {"climb": {"evaluations": 321, "seconds": 99.0, "cpu_seconds": 61.7}},
        "cpu_seconds": {"initial": 8.3, "climb": 70.0},
    }
    ((_, figure),) = gallery.comparison(analysis, content)
    said = {"2.500 ± 0.101", "3.123 ± 0.120", "+0.623 ± 0.050", "321", "8 s", "70 s"}
    assert said <= set(texts(figure))
    bars = figure.axes[0].containers
    assert [float(bar.lines[0].get_xdata()[0]) for bar in bars] == [2.5, 3.1234]
    segments = [bar.lines[2][0].get_segments()[0][:, 0] for bar in bars]
    np.testing.assert_allclose(segments, [[2.399, 2.601], [3.0034, 3.2434]])
    assert drawn(figure, [[2.61, 0.24]])


def test_errors_of_the_strength_are_compared_where_precision_is_the_objective(
    analysis: Analysis,
) -> None:
    content = {
        "expected_significance": {
            "initial": {"z": 2.5, "error": 0.1},
            "trees": {"z": 3.0, "error": 0.1},
        },
        "gain": {"trees": {"difference": 0.5, "error": 0.05}},
        "cost": {},
        "expected_mu_error": {
            "initial": {
                "mu_error": 0.45,
                "error": 0.02,
                "difference_to_rival": {"difference": 0.05, "error": 0.01},
            },
            "trees": {"mu_error": 0.4, "error": 0.02},
        },
    }
    figures = dict(gallery.comparison(analysis, content))
    assert list(figures) == ["comparison", "comparison_precision"]
    figure = figures["comparison_precision"]
    assert {"0.450 ± 0.020", "+0.050 ± 0.010", "0.400 ± 0.020", "–"} <= set(texts(figure))
    assert figure.axes[0].get_xlabel() == "Expected error on μ"
    assert not figure.legends  # nothing that was climbed is beside it


@pytest.fixture(scope="module")
def toy(toy_configuration: Any, toy_columns: dict[str, Columns]) -> tuple[Any, ...]:
    """A selection of the toy analysis, its objective and its events."""
    config = toy_configuration()
    for name in ("jes", "generator"):
        del config["systematics"][name]
    analysis = parse(config)
    kept = {"thresholds": {"btag_1": jnp.asarray(0.43)}, "networks": {}}
    objective = model.objective(analysis)
    return kept, objective, model.events(analysis, toy_columns, {}, range(5))


def test_a_scan_holds_the_value_of_what_is_kept(toy: tuple[Any, ...]) -> None:
    kept, objective, events = toy
    values = landscape(kept, objective, events, {"btag_1": np.array([0.2, 0.43, 0.7])})
    assert values.shape == (3,)
    assert values[1] == float(hard_value(kept, objective, events))
    assert len(np.unique(values)) == 3


def test_a_scan_of_a_threshold_counts_beside_the_fit(toy: tuple[Any, ...]) -> None:
    kept, objective, events = toy
    thresholds = np.array([0.2, 0.43, 0.7])
    region = next(iter(objective.structure.slices))
    found = scan([kept], objective, stacked([events]), "btag_1", thresholds, [region])
    of_fit = landscape(kept, objective, events, {"btag_1": thresholds})
    np.testing.assert_allclose(found.profiled, of_fit, rtol=1e-10)
    nominal = np.asarray(hard_templates(kept, objective, events).nominal)
    nominal = nominal[:, objective.structure.slices[region]]
    b = sum(nominal[objective.structure.samples.index(name)].sum() for name in objective.background)
    s = nominal.sum() - b
    q0 = 2.0 * ((s + b) * np.log((s + b) / b) - s)
    assert found.counting[1] == pytest.approx(np.sqrt(q0), rel=1e-6)


def test_thresholds_on_scores_are_drawn(analysis: Analysis) -> None:
    ((name, regions),) = threshold_gallery.on_scores(analysis).items()
    assert analysis.tunable_cuts[name].observable in analysis.scores
    assert regions
    found = Scan(np.array([0.1, 0.5, 0.9]), np.array([1.0, 2.0, np.nan]), np.array([2.0, 3.0, 2.5]))
    ((title, figure),) = threshold_gallery.scans(analysis, name, found, 0.5)
    assert title == f"threshold_{name}"
    assert drawn(figure, np.stack([found.thresholds, found.counting], axis=1))
    fit, *_ = figure.axes[0].lines
    np.testing.assert_array_equal(fit.get_ydata(), found.profiled)
    legend = ["Fit, all nuisance parameters", "Counting, none", "Kept: 0.5"]
    assert texts(figure)[-3:] == legend


def test_the_bin_gradient_is_a_finite_difference(toy: tuple[Any, ...], analysis: Analysis) -> None:
    kept, objective, events = toy
    templates = hard_templates(kept, objective, events)
    found = bin_gradient(objective, templates)
    is_background = np.isin(objective.structure.samples, objective.background)
    step = 1e-4
    for rows, values, bin_ in (
        (is_background, found.background, 2),
        (~is_background, found.signal, 5),
    ):
        column = np.zeros(templates.nominal.shape)
        column[rows, bin_] = 1.0

        def value(sign: float, column: np.ndarray = column) -> float:
            factor = 1.0 + sign * step * column
            names = ("nominal", "histosys_up", "histosys_down", "uncertainty")
            changed = {name: getattr(templates, name) * factor for name in names}
            return float(objective.value(templates._replace(**changed)))

        events_more = step * float((np.asarray(templates.nominal) * column).sum())
        expected = (value(1.0) - value(-1.0)) / (2 * events_more)
        assert values[bin_] == pytest.approx(expected, rel=1e-4)
    # background costs significance under the peak at 2 TeV, and measures itself beside it
    assert found.background[:8].argmin() == 5
    assert found.background[0] > 0.0 > found.background[5]
    assert found.signal[5] > 0.0

    region = objective.structure.channels[1][0]
    bins = objective.structure.slices[region]
    figure = gain.bin_gradient(
        np.arange(bins.stop - bins.start + 1.0),
        found.signal[bins],
        found.background[bins],
        symbol="Z",
        label="m",
    )
    np.testing.assert_array_equal(stairs(figure.axes[1])[1], found.background[bins])
