"""From thresholds and network weights to the expected significance, and back by its gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from zenith.core.likelihood.composition import Modifier
from zenith.core.likelihood.significance import expected_significance
from zenith.core.likelihood.structure import Structure, Templates
from zenith.core.likelihood.workspace import from_workspace
from zenith.core.networks.perceptron import Perceptron
from zenith.core.selection.axis import Axis
from zenith.core.selection.cuts import Cut
from zenith.core.selection.histograms import hard_histograms
from zenith.core.selection.layout import Layout, prepare
from zenith.core.selection.objective import (
    Objective,
    Systematic,
    hard_templates,
    hard_value,
    replica_templates,
    soft_templates,
    stacked,
    unstacked,
    value_and_bin_gradient,
    value_and_gradient,
)
from zenith.core.selection.regions import Region
from zenith.core.selection.samples import Sample
from zenith.errors import FitError

REGIONS = (
    Region(
        "signal",
        (Cut("met", ">", "met", 0.5), Cut("mva", ">", 0.5, 0.2)),
        Axis("mass", (0.0, 0.6, 1.2, 2.0, 3.0), "include", "include"),
    ),
    Region("control", (Cut("met", "<=", "met", 0.5),), Axis("mass", (0.0, 1.0, 3.0))),
)
NETWORK = Perceptron.create(jax.random.key(1), ("x", "y"), (4,), activation="tanh")
PARAMETERS = {
    "thresholds": {"met": jnp.asarray(0.7)},
    "networks": {"mva": jax.tree.map(lambda x: x.astype(jnp.float64), NETWORK)},
}
SYSTEMATICS = (
    Systematic("jes", "jes_up", "jes_down"),
    Systematic("muon", "muon_up", None),
    Systematic("scale", None, "scale_down"),
)
FACTORS = {"xsec": (1.2, 0.85)}


def sample(seed: int, n: int, total: float, shift: float) -> Sample:
    rng = np.random.default_rng(seed)
    weight = rng.uniform(0.5, 1.5, n) * total / n
    columns = {
        "met": rng.exponential(1.0 + shift, n),
        "x": rng.normal(shift, 1, n),
        "y": rng.normal(0, 1, n),
        "mass": rng.gamma(2 + 4 * shift, 0.5, n),
    }
    shapes = {}
    for name, factor in (("jes_up", 1.06), ("jes_down", 0.95)):
        shapes[name] = Sample(
            {**columns, "met": columns["met"] * factor, "mass": columns["mass"] * factor}, weight
        )
    variations = {"muon_up": weight * (1 + 0.1 * columns["x"]), "scale_down": weight * 0.9}
    return Sample(columns, weight, variations, shapes)


SAMPLES = {"top": [sample(1, 900, 400.0, 0.0)], "zprime": [sample(2, 500, 12.0, 0.6)]}


def modifiers() -> list[Modifier]:
    found = []
    for channel in ("signal", "control"):
        found.append(Modifier("normfactor", "mu", channel, "zprime"))
        found.append(Modifier("normsys", "xsec", channel, "top"))
        found.append(Modifier("normsys", "muon", channel, "top"))
        for process in ("top", "zprime"):
            found.append(Modifier("staterror", f"mc_{channel}", channel, process))
            found += [Modifier("histosys", s.name, channel, process) for s in SYSTEMATICS]
    return found


CHANNELS = (("control", 2), ("signal", 4))


def objective(modifiers_=None, quantity="significance", minimum=1e-3, systematics=SYSTEMATICS):
    chosen = modifiers() if modifiers_ is None else modifiers_
    structure = Structure(CHANNELS, ("top", "zprime"), tuple(chosen), "mu")
    shape = (len(structure.normsys), 2, 2)
    up, down = np.ones(shape), np.ones(shape)
    for k, name in enumerate(structure.normsys):
        up[k], down[k] = FACTORS.get(name, (1.0, 1.0))
    nothing = jnp.zeros((2, 6))
    constants = Templates(
        nothing,
        jnp.zeros((len(structure.histosys), 2, 6)),
        jnp.zeros((len(structure.histosys), 2, 6)),
        jnp.asarray(up),
        jnp.asarray(down),
        jnp.zeros((len(structure.layers), 2, 6)),
    )
    return Objective(structure, constants, ("top",), systematics, minimum, quantity)


def statistics_only(**keywords):
    return objective([m for m in modifiers() if m.type == "normfactor"], systematics=(), **keywords)


def events(samples=SAMPLES) -> Layout:
    # in float64, for the finite differences: the events in float32 have their tests elsewhere
    return prepare(REGIONS, PARAMETERS["networks"], samples, chunk=512, dtype=np.float64)


def scaled(samples, factor):
    def times(s: Sample) -> Sample:
        return s._replace(
            weight=s.weight * factor,
            weight_variations={k: v * factor for k, v in s.weight_variations.items()},
            shape_variations={k: times(v) for k, v in s.shape_variations.items()},
        )

    return {process: [times(s) for s in group] for process, group in samples.items()}


def workspace(histograms) -> dict:
    """A workspace from hard histograms, written by hand as cabinetry writes one."""
    channels = []
    for channel, _ in CHANNELS:
        region = histograms[channel]
        samples = []
        for row, process in enumerate(("top", "zprime")):
            nominal = np.asarray(region.nominal[row])
            varied = {name: np.asarray(v[row]) for name, v in region.variations.items()}
            pairs = {
                "jes": (varied["jes_up"], varied["jes_down"]),
                "muon": (varied["muon_up"], 2 * nominal - varied["muon_up"]),
                "scale": (2 * nominal - varied["scale_down"], varied["scale_down"]),
            }
            entries = []
            for name, (up, down) in pairs.items():
                if name == "muon" and process == "top":
                    high, low = up.sum() / nominal.sum(), down.sum() / nominal.sum()
                    up, down = up / high, down / low
                    factors = {"hi": float(high), "lo": float(low)}
                    entries.append({"name": name, "type": "normsys", "data": factors})
                shapes = {"hi_data": up.tolist(), "lo_data": down.tolist()}
                entries.append({"name": name, "type": "histosys", "data": shapes})
            if process == "top":
                high, low = FACTORS["xsec"]
                data = {"hi": high, "lo": low}
                entries.append({"name": "xsec", "type": "normsys", "data": data})
            else:
                entries.append({"name": "mu", "type": "normfactor", "data": None})
            errors = np.sqrt(region.variance[row]).tolist()
            entries.append({"name": f"mc_{channel}", "type": "staterror", "data": errors})
            samples.append({"name": process, "data": nominal.tolist(), "modifiers": entries})
        channels.append({"name": channel, "samples": samples})
    return {
        "channels": channels,
        "observations": [{"name": name, "data": [0.0] * bins} for name, bins in CHANNELS],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }


def test_the_hard_objective_is_that_of_the_workspace():
    layout, goal = events(), objective()
    read = from_workspace(workspace(jax.jit(hard_histograms)(PARAMETERS, layout)))
    found = hard_templates(PARAMETERS, goal, layout)
    assert read.structure.parameters.names == goal.structure.parameters.names
    for name, a, b in zip(Templates._fields, found, read.templates, strict=True):
        carries = np.ones(a.shape, bool)
        if name.startswith("normsys"):  # entries without the modifier say nothing
            carries = goal.structure.where("normsys", goal.structure.normsys)
        np.testing.assert_allclose(np.asarray(a)[carries], b[carries], rtol=1e-12, err_msg=name)
    expected = expected_significance(read.structure, read.templates)
    assert float(hard_value(PARAMETERS, goal, layout)) == pytest.approx(float(expected), rel=1e-10)


@pytest.mark.parametrize("quantity", ["significance", "precision"])
def test_the_gradient_is_the_finite_difference(quantity):
    layout, goal = events(), objective(quantity=quantity)
    value, gradient = value_and_gradient(PARAMETERS, goal, layout, 0.5, 0.3)
    assert float(value) > 0
    flat, unravel = ravel_pytree(PARAMETERS)
    slope, _ = ravel_pytree(gradient)
    step = 1e-4
    for k in np.flatnonzero(slope):
        up, down = (
            float(value_and_gradient(unravel(flat.at[k].add(s)), goal, layout, 0.5, 0.3)[0])
            for s in (step, -step)
        )
        assert float(slope[k]) == pytest.approx((up - down) / (2 * step), rel=1e-5, abs=1e-8)
    assert np.count_nonzero(slope) == len(flat) - 4  # all but the frozen scaler of two features


def counts(templates: Templates):
    background, signal = np.asarray(templates.nominal)
    return signal, background


def test_without_nuisances_the_significance_is_the_closed_form():
    layout, goal = events(), statistics_only()
    s, b = counts(hard_templates(PARAMETERS, goal, layout))
    z = np.sqrt(2 * np.sum((s + b) * np.log1p(s / b) - s))  # arXiv:1007.1727, equation 97
    assert float(hard_value(PARAMETERS, goal, layout)) == pytest.approx(z)


def test_without_nuisances_the_precision_is_the_closed_form():
    layout, goal = events(), statistics_only(quantity="precision")
    s, b = counts(hard_templates(PARAMETERS, goal, layout))
    error = 1 / np.sqrt(np.sum(s**2 / (s + b)))
    assert float(hard_value(PARAMETERS, goal, layout)) == pytest.approx(error)


def test_significance_scales_with_the_root_of_the_weights():
    goal = statistics_only(minimum=1e-9)
    base = float(hard_value(PARAMETERS, goal, events()))
    four = float(hard_value(PARAMETERS, goal, events(scaled(SAMPLES, 4.0))))
    assert four == pytest.approx(2 * base, rel=1e-6)
    # uncertainties of relative size do not shrink with the weights: they hold the gain back
    full = objective(minimum=1e-9)
    base = float(hard_value(PARAMETERS, full, events()))
    four = float(hard_value(PARAMETERS, full, events(scaled(SAMPLES, 4.0))))
    assert base < four < 1.98 * base


def test_nuisances_and_staterror_lower_the_significance():
    layout = events()
    with_stat = [m for m in modifiers() if m.type in ("normfactor", "staterror")]
    bare, stat, full = (
        float(hard_value(PARAMETERS, goal, layout))
        for goal in (statistics_only(), objective(with_stat, systematics=()), objective())
    )
    assert bare > 1.01 * stat
    assert stat > 1.01 * full


def test_soft_tends_to_hard():
    layout, goal = events(), objective()
    hard = float(hard_value(PARAMETERS, goal, layout))
    gaps = [
        abs(float(value_and_gradient(PARAMETERS, goal, layout, t, t)[0]) - hard)
        for t in (0.5, 0.02, 1e-5)
    ]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < 1e-3 * hard
    soft = soft_templates(PARAMETERS, goal, layout, 1e-5, 1e-5)
    expected = hard_templates(PARAMETERS, goal, layout)
    np.testing.assert_allclose(soft.nominal, expected.nominal, rtol=1e-3)
    np.testing.assert_allclose(soft.uncertainty, expected.uncertainty, rtol=1e-3)


@pytest.fixture
def compilations():
    """The names of what JAX compiles."""
    names = []

    def listen(event, duration, **about):
        if event == "/jax/core/compile/backend_compile_duration":
            names.append(about["fun_name"])

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield names
    jax.monitoring.unregister_event_duration_listener(listen)


def test_nothing_is_compiled_again(compilations):
    layout, goal = events(), objective()
    value_and_gradient(PARAMETERS, goal, layout, 0.5, 0.3)
    moved = jax.tree.map(lambda x: x * 1.1, PARAMETERS)
    compilations.clear()
    values = [float(value_and_gradient(moved, goal, layout, t, t)[0]) for t in (0.4, 0.3, 0.2)]
    assert compilations == []
    assert len(set(values)) == 3


def test_a_fit_is_compiled_once_for_soft_and_hard_templates_of_all_events(compilations):
    goal = objective(minimum=1e-4)
    value_and_gradient(PARAMETERS, goal, events(), 0.5, 0.3)
    hard_value(PARAMETERS, goal, events({process: [*s, *s] for process, s in SAMPLES.items()}))
    assert compilations.count("jit(value_and_bin_gradient)") == 1


def test_a_replica_is_another_experiment_and_the_same_one_twice():
    together, layout = stacked([PARAMETERS]), stacked([events()])
    templates = replica_templates(together, objective(), layout, np.array([0, 1, 2, 0]))
    first, second, third, again = unstacked(templates)
    assert jax.tree.all(jax.tree.map(np.array_equal, first, again))
    yields = [float(one.nominal.sum()) for one in (first, second, third)]
    assert len(set(yields)) == 3
    assert all(np.isfinite(yields))


def test_without_signal_the_significance_is_zero_and_its_gradient_finite():
    layout = events({**SAMPLES, **scaled({"zprime": SAMPLES["zprime"]}, 0.0)})
    value, gradient = value_and_gradient(PARAMETERS, objective(), layout, 0.5, 0.3)
    assert float(value) == 0.0
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
    assert float(hard_value(PARAMETERS, objective(), layout)) == 0.0


def test_the_gradient_where_fewer_than_one_event_is_simulated():
    """0.4 simulated events of background are in the signal region, and filled up to one a bin."""
    layout, goal = events(), statistics_only(minimum=None)

    def at(threshold):
        return {**PARAMETERS, "thresholds": {"met": jnp.asarray(threshold)}}

    filled = soft_templates(at(7.7), goal, layout, 0.1, 0.3).nominal[0, 2:]
    assert ((filled > 0.3) & (filled < 0.7)).all()  # the events weigh 400 / 900, give or take half
    _, gradient = value_and_gradient(at(7.7), goal, layout, 0.1, 0.3)
    up, down = (
        float(value_and_gradient(at(7.7 + s), goal, layout, 0.1, 0.3)[0]) for s in (1e-5, -1e-5)
    )
    assert float(gradient["thresholds"]["met"]) == pytest.approx((up - down) / 2e-5, rel=1e-4)


def test_smoothing_and_pruning_have_their_gradient():
    """What is left out stays so over a small step; the rest is smoothed, and moves."""
    smooth = tuple(systematic._replace(smooth=True) for systematic in SYSTEMATICS)
    rough = objective()
    goal = Objective(rough.structure, rough.constants, rough.background, smooth, prune=0.25)
    rng = np.random.default_rng(3)
    nominal = jnp.asarray(rng.uniform(5.0, 20.0, (2, 6)))
    varied = nominal * rng.normal(1.0, 0.15, (3, 2, 2, 6))
    move = jnp.asarray(rng.normal(0.0, 1.0, nominal.shape))

    def at(step):
        return goal.assembled(nominal + step * move, nominal + step**2, varied)

    slopes = jax.jvp(at, (0.3,), (1.0,))[1]
    for slope, up, down in zip(slopes, at(0.3 + 1e-6), at(0.3 - 1e-6), strict=True):
        np.testing.assert_allclose(slope, (up - down) / 2e-6, atol=1e-7)
    # a systematic that does not act leaves the nominal template, and its gradient
    pruned = (at(0.3).histosys_up == at(0.3).nominal).all(axis=-1)
    assert pruned.any()
    assert not pruned.all()
    kept = np.broadcast_to(slopes.nominal, slopes.histosys_up.shape)
    np.testing.assert_allclose(slopes.histosys_up[pruned], kept[pruned], rtol=1e-12)


@pytest.mark.parametrize(("threshold", "minimum"), [(1e4, 1e-3), (1e4, None), (-1e4, 1e-3)])
def test_cuts_that_remove_a_region_leave_a_number(threshold, minimum):
    parameters = {**PARAMETERS, "thresholds": {"met": jnp.asarray(threshold)}}
    layout, goal = events(), objective(minimum=minimum)
    value, gradient = value_and_gradient(parameters, goal, layout, 0.05, 0.05)
    assert np.isfinite(value)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
    assert np.isfinite(hard_value(parameters, goal, layout))


def test_the_gradient_per_bin_is_the_finite_difference():
    goal = objective()
    templates = hard_templates(PARAMETERS, goal, events())
    value, gradient = value_and_bin_gradient(goal, templates)
    step = 1e-4
    for row in (0, 1):
        up, down = (
            value_and_bin_gradient(
                goal, templates._replace(nominal=templates.nominal.at[row, 3].add(s))
            )[0]
            for s in (step, -step)
        )
        assert float(gradient.nominal[row, 3]) == pytest.approx(
            float(up - down) / (2 * step), rel=1e-6
        )
    assert float(value) > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channels": (("elsewhere", 4),)}, "channel 'elsewhere' is not what the events give"),
        ({"samples": ("higgs", "zprime")}, "sample 'higgs' is not what the events give: top"),
    ],
)
def test_a_model_of_other_events_is_refused(change, message):
    goal = statistics_only()
    fields = {"channels": CHANNELS, "samples": ("top", "zprime"), **change}
    channel = fields["channels"][0][0]
    structure = Structure(
        fields["channels"],
        fields["samples"],
        (Modifier("normfactor", "mu", channel, "zprime"),),
        "mu",
    )
    other = Objective(structure, goal.constants, ("top",))
    with pytest.raises(FitError, match=message):
        hard_templates(PARAMETERS, other, events())


def test_a_variation_that_no_event_has_is_refused():
    goal = objective(systematics=(*SYSTEMATICS[:2], Systematic("scale", "up", "scale_down")))
    with pytest.raises(FitError, match="variation 'up' is not what the events give: muon_up"):
        hard_templates(PARAMETERS, goal, events())


def test_the_far_tail_of_a_kernel_leaves_the_gradient_finite():
    rng = np.random.default_rng(7)
    columns = {
        **{name: rng.exponential(1.0, 40) for name in ("met", "x", "y")},
        "mass": rng.uniform(2.9, 3.0, 40),
    }
    weight = np.full(40, 0.2)
    shapes = {name: Sample(columns, weight) for name in ("jes_up", "jes_down")}
    peak = Sample(columns, weight, {"muon_up": weight, "scale_down": weight}, shapes)
    samples = {**SAMPLES, "zprime": [peak]}
    layout = prepare(REGIONS, PARAMETERS["networks"], samples, chunk=512)
    # at 0.06 bin widths the share of the peak in the first bins is about 1e-240
    _, gradient = value_and_gradient(PARAMETERS, objective(), layout, 0.5, 0.06)
    for leaf in jax.tree.leaves(gradient):
        assert np.isfinite(leaf).all()
    assert float(gradient["thresholds"]["met"]) != 0.0
