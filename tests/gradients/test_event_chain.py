"""From events to histograms: against numpy, in any order, in any chunks, and its gradient."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from zenith.core.networks.perceptron import Perceptron
from zenith.core.selection.axis import Axis
from zenith.core.selection.cuts import Cut
from zenith.core.selection.histograms import (
    hard_histograms,
    replica_histograms,
    soft_histograms,
)
from zenith.core.selection.layout import prepare
from zenith.core.selection.memberships import Edges
from zenith.core.selection.regions import Region
from zenith.core.selection.samples import Sample
from zenith.errors import ConfigError, InputError

hard_histograms, soft_histograms = jax.jit(hard_histograms), jax.jit(soft_histograms)

FEATURES = ("met", "lep_ht", "btag")
EDGES = (0.0, 1.0, 2.0, 3.5, 6.0)
REGIONS = (
    Region(
        "signal",
        (
            Cut("n_muon", "==", 1),
            Cut("met", ">", "met", 0.5),
            Cut("btag", ">=", "btag", 0.2),
            Cut("mva", ">", "mva", 0.1),
        ),
        Axis("mass", EDGES, "drop", "include"),
    ),
    Region(
        "low_btag",
        (Cut("n_muon", "==", 1), Cut("met", ">", "met", 0.5), Cut("btag", "<", "btag", 0.2)),
        Axis("mass", EDGES, "drop", "include"),
    ),
    Region(
        "classes",
        (Cut("n_muon", ">", 1), Cut("flavours:b", "<=", 0.5, 0.1), Cut("lep_ht", "<", 2.0)),
        Axis("lep_ht", (0.0, 0.5, 1.0, 2.0), "include", "drop"),
    ),
)
PARAMETERS = {
    "thresholds": {"met": jnp.asarray(0.8), "btag": jnp.asarray(0.4), "mva": jnp.asarray(0.5)},
    "networks": {
        "mva": Perceptron.create(jax.random.key(1), FEATURES, (8,), activation="tanh"),
        "flavours": Perceptron.create(
            jax.random.key(2), ("btag", "met"), (4,), ("b", "light", "c"), activation="silu"
        ),
    },
}
VARIATIONS = ("muon_up", "muon_down", "jes_up", "jes_down")


def sample(seed: int, n: int, varied: bool = True, scale: float = 1.0) -> Sample:
    rng = np.random.default_rng(seed)
    columns = {
        "met": rng.exponential(1, n),
        "lep_ht": rng.exponential(1, n),
        "btag": rng.uniform(0, 1, n),
        "mass": rng.exponential(1.5, n) - 0.2,
        "n_muon": rng.integers(1, 3, n),
    }
    columns = {name: column.astype(np.float32) for name, column in columns.items()}
    weight = scale * rng.normal(1.0, 0.5, n)
    shapes = {}
    for name, shift in (("jes_up", 1.05), ("jes_down", 0.95)):
        moved = {**columns, **{c: columns[c] * np.float32(shift) for c in ("met", "mass")}}
        shapes[name] = Sample(moved, weight)
    weights = {"muon_up": weight * rng.uniform(1, 1.1, n), "muon_down": weight * 0.95}
    return Sample(columns, weight, weights if varied else {}, shapes if varied else {})


def samples() -> dict[str, list[Sample]]:
    return {
        "signal": [sample(1, 300, scale=0.05)],
        "top": [sample(2, 500), sample(3, 200, varied=False)],
        "wjets": [sample(4, 400, varied=False)],
    }


def events(dtype=np.float32, chunk=256, of=None):
    return prepare(REGIONS, PARAMETERS["networks"], of or samples(), chunk=chunk, dtype=dtype)


def numpy_histogram(region: Region, s: Sample, weight: np.ndarray, counts=1.0) -> np.ndarray:
    """The hard histogram of one sample, by another route: boolean masks and np.histogram."""
    columns = dict(s.columns)
    for name, network in PARAMETERS["networks"].items():
        x = jnp.asarray(np.stack([s.columns[f] for f in network.features]))
        columns.update(zip(network.observables(name), np.asarray(network.scores(x)), strict=True))
    mask = np.ones(len(weight), bool)
    for cut in region.cuts:
        t = np.float32(PARAMETERS["thresholds"].get(cut.threshold, cut.threshold))
        x = columns[cut.observable]
        compare = {">": x > t, ">=": x >= t, "<": x < t, "<=": x <= t, "==": x == t}
        mask &= compare[cut.direction]
    x = columns[region.axis.observable].astype(float)
    low, high = region.axis.edges[0], region.axis.edges[-1]
    if region.axis.underflow == "include":
        x = np.where(x < low, low, x)
    x = np.where(x >= high, high - 1e-6 if region.axis.overflow == "include" else np.inf, x)
    return np.histogram(x[mask], region.axis.edges, weights=(weight * counts)[mask])[0]


@pytest.mark.parametrize("region", REGIONS, ids=lambda r: r.name)
def test_hard_histograms_are_those_of_numpy(region):
    found = hard_histograms(PARAMETERS, events())[region.name]
    for row, group in enumerate(samples().values()):

        def expected(read, group=group):
            return sum(numpy_histogram(region, *read(s)) for s in group)

        def compare(array, read):
            np.testing.assert_allclose(array, expected(read), rtol=2e-6, atol=1e-6)

        compare(found.nominal[row], lambda s: (s, s.weight))
        compare(found.variance[row], lambda s: (s, s.weight**2))
        for name in ("muon_up", "muon_down"):
            compare(
                found.variations[name][row],
                lambda s, v=name: (s, s.weight_variations.get(v, s.weight)),
            )
        for name in ("jes_up", "jes_down"):
            compare(
                found.variations[name][row],
                lambda s, v=name: (s.shape_variations.get(v, s), s.weight),
            )


def test_soft_tends_to_hard():
    layout = events()
    hard = hard_histograms(PARAMETERS, layout)
    gaps = []
    for scale in (1.0, 0.3, 0.1, 1e-5):
        soft = soft_histograms(PARAMETERS, layout, scale, 0.3 * scale)
        gap = [np.abs(soft[r.name].nominal - hard[r.name].nominal).sum() for r in REGIONS]
        gaps.append(sum(gap))
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < 1e-3 * gaps[0]
    for name in hard:
        for a, b in zip(jax.tree.leaves(soft[name]), jax.tree.leaves(hard[name]), strict=True):
            np.testing.assert_allclose(a, b, atol=2e-3)


def test_the_order_of_events_changes_nothing():
    def shuffled(s: Sample) -> Sample:
        order = np.random.default_rng(7).permutation(len(s.weight))
        return jax.tree.map(lambda column: column[order], s)

    reordered = {p: [shuffled(s) for s in group] for p, group in samples().items()}
    for a, b in zip(
        jax.tree.leaves(soft_histograms(PARAMETERS, events(np.float64), 0.5, 0.3)),
        jax.tree.leaves(soft_histograms(PARAMETERS, events(np.float64, of=reordered), 0.5, 0.3)),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)


def statistic(parameters, layout):
    """A function of all histograms that is not linear in them."""
    histograms = soft_histograms(parameters, layout, 0.6, 0.4)
    return sum(jnp.sum(jnp.tanh(leaf / 20)) for leaf in jax.tree.leaves(histograms))


@jax.jit
def gradient_of_statistic(parameters, layout):
    return jax.grad(statistic)(parameters, layout)


def in_float64(parameters):
    return jax.tree.map(lambda x: x.astype(jnp.float64), parameters)


def test_chunks_change_nothing():
    parameters = in_float64(PARAMETERS)
    one = gradient_of_statistic(parameters, events(np.float64, chunk=1 << 14))
    many = gradient_of_statistic(parameters, events(np.float64, chunk=64))
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(many), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)


def test_the_gradient_is_the_finite_difference():
    parameters, layout = in_float64(PARAMETERS), events(np.float64)
    value = jax.jit(statistic)
    gradient = gradient_of_statistic(parameters, layout)
    flat, unravel = ravel_pytree(parameters)
    slope, _ = ravel_pytree(gradient)
    frozen, _ = ravel_pytree(
        {
            "thresholds": dict.fromkeys(parameters["thresholds"], 0.0),
            "networks": {
                name: eqx.tree_at(
                    lambda n: (n.mean, n.scale),
                    jax.tree.map(jnp.zeros_like, network),
                    (jnp.ones_like(network.mean), jnp.ones_like(network.scale)),
                )
                for name, network in parameters["networks"].items()
            },
        }
    )
    assert not slope[frozen > 0].any()  # the scaler is never learned
    step = 1e-5
    for k in np.flatnonzero(frozen == 0):
        up, down = (value(unravel(flat.at[k].add(s)), layout) for s in (step, -step))
        assert float(slope[k]) == pytest.approx(float(up - down) / (2 * step), rel=1e-6, abs=1e-8)


def test_float32_events_give_the_gradient_of_float64_ones():
    exact = gradient_of_statistic(in_float64(PARAMETERS), events(np.float64))
    single = gradient_of_statistic(PARAMETERS, events())
    scale = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(exact))
    for a, b in zip(jax.tree.leaves(single), jax.tree.leaves(exact), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * scale)


def test_sums_keep_their_precision():
    # a million events of one weight in one bin: a running float32 sum would be off by 1e-2, sums
    # of blocks in float64 have the rounding of one block
    n = 1_000_000
    columns = {"x": np.ones(n, np.float32), "mass": np.full(n, 0.5, np.float32)}
    region = Region("all", (Cut("x", ">", "t", 0.1),), Axis("mass", (0.0, 1.0)))
    layout = prepare([region], {}, {"top": [Sample(columns, np.full(n, 0.1, np.float32))]})
    found = hard_histograms({"thresholds": {"t": 0.5}, "networks": {}}, layout)["all"]
    assert float(found.nominal[0, 0]) == pytest.approx(n * float(np.float32(0.1)), rel=5e-7)


def test_bootstrap_draws_poisson_numbers_that_go_with_the_event():
    n = 40_000
    columns = {"x": np.linspace(0, 1, n).astype(np.float32), "mass": np.full(n, 0.5, np.float32)}
    regions = [
        Region("low", (Cut("x", "<=", "t", 0.1),), Axis("mass", (0.0, 1.0))),
        Region("high", (Cut("x", ">", "t", 0.1),), Axis("mass", (0.0, 1.0))),
        Region("other", (), Axis("mass", (0.0, 0.6, 1.0))),
    ]
    shifted = Sample({**columns}, np.ones(n))
    layout = prepare(
        regions, {}, {"top": [Sample(columns, np.ones(n), shape_variations={"jes": shifted})]}
    )
    parameters = {"thresholds": {"t": 0.3}, "networks": {}}
    found = jax.jit(replica_histograms)(parameters, layout, np.arange(60))
    low, high, other = (
        np.asarray(found[region].nominal.sum(axis=(1, 2))) for region in ("low", "high", "other")
    )
    np.testing.assert_array_equal(low + high, other)
    np.testing.assert_array_equal(other, found["other"].variations["jes"].sum(axis=(1, 2)))
    np.testing.assert_array_equal(other, found["other"].variance.sum(axis=(1, 2)))
    # Poisson numbers of mean 1: mean and variance are the number of events, uncorrelated
    assert abs(low.mean() / (0.3 * n) - 1) < 4 / np.sqrt(60 * 0.3 * n)
    assert abs(low.var() / (0.3 * n) - 1) < 4 * np.sqrt(2 / 60)
    assert abs(np.corrcoef(low, high)[0, 1]) < 4 / np.sqrt(60)
    assert len(set(low)) > 50


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"met": np.nan}, r"top: column 'met' is not finite in 1 of"),
        ({"mass": np.inf}, r"top: column 'mass' is not finite in 1 of"),
        ({"met": None}, r"top: there is no column 'met'"),
        ({"lep_ht": np.ones(3)}, r"top: column 'lep_ht' has 3 events, the weight 100"),
    ],
)
def test_columns_that_cannot_be_are_named(change, message):
    broken = sample(5, 100, varied=False)
    columns = {name: column.copy() for name, column in broken.columns.items()}
    columns["n_muon"][:] = 1
    for name, value in change.items():
        if value is None:
            del columns[name]
        elif np.ndim(value):
            columns[name] = value
        else:
            columns[name][17] = value
    with pytest.raises(InputError, match=message):
        events(of={"top": [broken._replace(columns=columns)]})


def test_a_class_that_the_network_lacks_is_named():
    region = Region("fit", (Cut("flavours:tau", ">", 0.5, 0.1),), Axis("mass", (0.0, 1.0)))
    with pytest.raises(InputError, match="signal: there is no column 'flavours:tau'"):
        prepare([region], PARAMETERS["networks"], samples())


def test_several_starts_are_one_batch():
    layout = events()
    starts = [jax.tree.map(lambda x, k=k: x * (1 + 0.1 * k), PARAMETERS) for k in range(3)]
    batch = jax.tree.map(lambda *x: jnp.stack(x), *starts)
    together = jax.jit(jax.vmap(jax.grad(statistic), (0, None)))(batch, layout)
    for k, start in enumerate(starts):
        alone = gradient_of_statistic(start, layout)
        scale = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(alone))
        for a, b in zip(jax.tree.leaves(together), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(a[k], b, rtol=1e-4, atol=1e-5 * scale)


def test_what_unmovable_cuts_remove_may_be_anything():
    good = sample(5, 100, varied=False)
    columns = {name: column.copy() for name, column in good.columns.items()}
    columns["n_muon"][17] = 0
    columns["met"][17] = np.nan
    found = hard_histograms(PARAMETERS, events(of={"top": [good._replace(columns=columns)]}))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found))


def test_a_nan_weight_is_named():
    broken = sample(5, 100)
    broken.weight_variations["muon_up"][:] = np.nan
    with pytest.raises(InputError, match="top: the weight variation 'muon_up' is not finite"):
        events(of={"top": [broken]})


def test_a_process_without_events_is_empty():
    empty = jax.tree.map(lambda column: column[:0], sample(5, 100))
    found = hard_histograms(PARAMETERS, events(of={"top": [empty]}))
    contents = {name: region._replace(share=0.0) for name, region in found.items()}
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(contents))
    gradient = gradient_of_statistic(PARAMETERS, events(of={"top": [empty]}))
    assert not any(leaf.any() for leaf in jax.tree.leaves(gradient))


MOVING = Region("moving", REGIONS[0].cuts, Axis("mass", (0.0, 1.0, 2.0, 6.0), grid=0.25))


def moving(inner, dtype=np.float32):
    """Events of one region whose edges move, and its parameters with them at `inner`."""
    networks = {"mva": PARAMETERS["networks"]["mva"]}
    thresholds = PARAMETERS["thresholds"]
    edges = {"moving": Edges.at(np.asarray(inner) / 6.0)}
    layout = prepare([MOVING], networks, samples(), chunk=256, dtype=dtype)
    return {"thresholds": thresholds, "networks": networks, "edges": edges}, layout


@pytest.mark.parametrize("inner", [(0.5, 3.25), (1.0, 2.0), (4.25, 5.75)])
def test_moved_edges_are_those_of_a_hard_histogram(inner):
    parameters, layout = moving(inner)
    found = hard_histograms(parameters, layout)["moving"]
    region = dataclasses.replace(MOVING, axis=Axis("mass", (0.0, *inner, 6.0)))
    for row, group in enumerate(samples().values()):
        expected = sum(numpy_histogram(region, s, s.weight) for s in group)
        np.testing.assert_allclose(found.nominal[row], expected, rtol=2e-6, atol=1e-6)


def test_soft_moved_edges_tend_to_hard_ones_on_the_grid():
    parameters, layout = moving((0.75, 4.5))
    hard = hard_histograms(parameters, layout)["moving"]
    gaps = [
        np.abs(soft_histograms(parameters, layout, s, 0.3 * s)["moving"].nominal - hard.nominal)
        for s in (1.0, 0.1, 1e-5)
    ]
    assert gaps[0].sum() > gaps[1].sum() > gaps[2].sum()
    assert gaps[2].sum() < 1e-3 * gaps[0].sum()


def test_gradient_with_respect_to_edges_is_that_of_finite_differences():
    parameters, layout = moving((0.9, 3.1), dtype=np.float64)
    weights = jnp.array([[1.0, -2.0, 0.5]])

    def value(logits):
        moved = {**parameters, "edges": {"moving": Edges(logits, 0.0, 1.0)}}
        histogram = soft_histograms(moved, layout, 0.5, 0.4)["moving"]
        varied = sum(jnp.sum(weights * v) for v in histogram.variations.values())
        return jnp.sum(weights * histogram.nominal**2) + varied

    logits = parameters["edges"]["moving"].logits
    found = jax.grad(value)(logits)
    step = 1e-5
    expected = [
        (value(logits.at[k].add(step)) - value(logits.at[k].add(-step))) / (2 * step)
        for k in range(3)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_hard_edges_keep_a_step_between_them():
    axis = Axis("mass", (0.0, 1.0, 2.0, 3.0, 6.0), grid=0.5)
    found = axis.on_grid(axis.between([0.001, 0.002, 0.003]))
    np.testing.assert_allclose(found, [0.0, 0.5, 1.0, 1.5, 6.0])
    found = axis.on_grid(axis.between([0.3, 0.998, 0.999]))
    np.testing.assert_allclose(found, [0.0, 2.0, 5.0, 5.5, 6.0])


def test_edges_off_their_grid_are_refused():
    with pytest.raises(ConfigError, match=r"whole steps of 0\.3"):
        Axis("mass", (0.0, 1.0, 2.0), grid=0.3)
