"""Categories and fit scores that move: their sums, soft against hard, and their gradient."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from zenith.core.likelihood.composition import Modifier
from zenith.core.likelihood.structure import Structure, Templates
from zenith.core.networks.perceptron import Perceptron
from zenith.core.selection.axis import Axis
from zenith.core.selection.categories import ByEdges, ByNetwork
from zenith.core.selection.cuts import Cut
from zenith.core.selection.histograms import hard_histograms, soft_histograms
from zenith.core.selection.layout import prepare
from zenith.core.selection.memberships import Edges
from zenith.core.selection.objective import (
    Objective,
    Systematic,
    hard_value,
    value_and_gradient,
)
from zenith.core.selection.regions import Region
from zenith.core.selection.samples import Sample
from zenith.errors import InputError

hard_histograms, soft_histograms = jax.jit(hard_histograms), jax.jit(soft_histograms)

CUTS = (Cut("met", ">", "met", 0.3),)
MASS = Axis("mass", (0.0, 0.8, 1.6, 4.0), "include", "include")
CLASSES = ("a", "b", "c", "d")
WHOLE = Region("whole", CUTS, MASS)
BY_SCORE = Region("by_score", CUTS, MASS, ByEdges("mva", 3, 0.2))
BY_NETWORK = Region("by_network", CUTS, MASS, ByNetwork("split", 4))
FITTED = Axis("mva", (0.0, 0.45, 0.6, 1.0), "include", "include", grid=0.05)
IN_SCORE = Region("in_score", CUTS, FITTED, ByNetwork("split", 4))
REGIONS = (WHOLE, BY_SCORE, BY_NETWORK, IN_SCORE)


def network(seed, hidden, classes=(), scale=1.0):
    drawn = Perceptron.create(jax.random.key(seed), ("x", "y"), hidden, classes, "tanh")
    return jax.tree.map(lambda leaf: scale * leaf.astype(jnp.float64), drawn)


PARAMETERS = {
    "thresholds": {"met": jnp.asarray(0.4)},
    "networks": {"mva": network(1, (5,)), "split": network(2, (), CLASSES, 2.0)},
    "edges": {"in_score": Edges.at([0.4, 0.55])},
    "category_edges": {"by_score": Edges.at([0.45, 0.6])},
}


def sample(seed: int, n: int, total: float, shift: float) -> Sample:
    rng = np.random.default_rng(seed)
    columns = {
        "met": rng.exponential(1.0 + shift, n),
        "x": rng.normal(shift, 1, n),
        "y": rng.normal(-shift, 1, n),
        "mass": rng.gamma(2 + 3 * shift, 0.5, n),
    }
    weight = rng.uniform(0.5, 1.5, n) * total / n
    varied = {name: values * (1.1 if name == "mass" else 1.05) for name, values in columns.items()}
    weights = {"tag_up": weight * (1 + 0.1 * columns["x"])}
    return Sample(columns, weight, weights, {"jes_up": Sample(varied, weight)})


SAMPLES = {"top": [sample(1, 6000, 400.0, 0.0)], "zprime": [sample(2, 3000, 20.0, 0.7)]}


@pytest.fixture(scope="module")
def events():
    # in float64, for the finite differences: what float32 does to events is tested elsewhere
    return prepare(REGIONS, PARAMETERS["networks"], SAMPLES, chunk=1024, dtype=np.float64)


def numpy_scores(s: Sample, name: str) -> np.ndarray:
    """(outputs, N)"""
    x = jnp.asarray(np.stack([s.columns["x"], s.columns["y"]]))
    return np.asarray(PARAMETERS["networks"][name].scores(x))


def rows(histograms):
    """Every histogram that there is of a channel, (rows, processes, bins)."""
    varied = [histograms.variations[name] for name in ("jes_up", "tag_up")]
    return np.stack([histograms.nominal, histograms.variance, *varied])


@pytest.mark.parametrize("region", [BY_SCORE, BY_NETWORK], ids=lambda region: region.name)
@pytest.mark.parametrize("temperature", [None, 0.7, 0.01])
def test_categories_add_up_to_the_region(events, region, temperature):
    if temperature is None:
        found = hard_histograms(PARAMETERS, events)
    else:
        found = soft_histograms(PARAMETERS, events, temperature, 0.3)
    assert region.channels == tuple(f"{region.name}_{k + 1}" for k in range(len(region.channels)))
    parts = [rows(found[channel]) for channel in region.channels]
    assert all(part[0].sum() > 0 for part in parts)
    np.testing.assert_allclose(sum(parts), rows(found["whole"]), rtol=1e-12)


def test_hard_categories_are_those_of_numpy(events):
    found = hard_histograms(PARAMETERS, events)
    for row, (s,) in enumerate(SAMPLES.values()):
        passes = s.columns["met"] > 0.4
        mass = np.clip(s.columns["mass"], 0.0, 3.99)
        mva, split = numpy_scores(s, "mva")[0], numpy_scores(s, "split")
        kinds = {"by_score": np.digitize(mva, [0.45, 0.6]), "by_network": split.argmax(axis=0)}
        for name, category in kinds.items():
            for k in range(category.max() + 1):
                chosen = passes & (category == k)
                expected = np.histogram(mass[chosen], MASS.edges, weights=s.weight[chosen])[0]
                yields = found[f"{name}_{k + 1}"].nominal[row]
                np.testing.assert_allclose(yields, expected, rtol=1e-12)
        for k in range(4):
            chosen = passes & (kinds["by_network"] == k)
            edges = [0.0, 0.4, 0.55, 1.0]  # where these moved to
            expected = np.histogram(mva[chosen], edges, weights=s.weight[chosen])[0]
            np.testing.assert_allclose(
                found[f"in_score_{k + 1}"].nominal[row], expected, rtol=1e-12, atol=1e-12
            )


def test_soft_tends_to_hard(events):
    hard = hard_histograms(PARAMETERS, events)
    wide, narrow = (soft_histograms(PARAMETERS, events, t, 0.3 * t) for t in (1.0, 1e-6))
    for channel, expected in hard.items():
        gap = np.abs(rows(wide[channel]) - rows(expected))
        assert gap.sum() > 0.01 * rows(expected).sum()
        np.testing.assert_allclose(rows(narrow[channel]), rows(expected), atol=1e-3 * gap.max())


def statistic(parameters, layout):
    """A number that every bin of every histogram enters in its own way."""
    total, histograms = 0.0, soft_histograms(parameters, layout, 0.5, 0.4)
    for number, name in enumerate(sorted(histograms)):
        found, weights = histograms[name], jnp.cos(1.0 + number + jnp.arange(3.0))
        parts = [found.nominal**2, found.variance, *found.variations.values()]
        total += sum(jnp.sum(weights * part) for part in parts)
    return total


def test_the_gradient_is_the_finite_difference(events):
    flat, unravel = ravel_pytree(PARAMETERS)
    value = jax.jit(lambda x: statistic(unravel(x), events))
    slope = jax.jit(jax.grad(value))(flat)
    step = 1e-5
    for k in np.flatnonzero(slope):
        expected = (value(flat.at[k].add(step)) - value(flat.at[k].add(-step))) / (2 * step)
        assert float(slope[k]) == pytest.approx(float(expected), rel=1e-5, abs=1e-5)
    # all but the frozen scalers of two networks of two features
    assert np.count_nonzero(slope) == len(flat) - 8


def objective() -> Objective:
    """Of the network's categories: a shape and a weight variation and a finite simulation."""
    channels, processes = BY_NETWORK.channels, tuple(SAMPLES)
    modifiers = []
    for channel in channels:
        modifiers += [
            Modifier("normfactor", "mu", channel, "zprime"),
            Modifier("staterror", f"mc_{channel}", channel, "top"),
            *(Modifier("histosys", n, channel, p) for n in ("jes", "tag") for p in processes),
        ]
    structure = Structure(
        tuple((c, MASS.bins) for c in channels), processes, tuple(modifiers), "mu"
    )
    empty = jnp.zeros((2, 12))
    ones = jnp.ones((0, 2, 4))
    constants = Templates(
        empty, jnp.zeros((2, 2, 12)), jnp.zeros((2, 2, 12)), ones, ones, jnp.zeros((4, 2, 12))
    )
    pairs = (Systematic("jes", "jes_up", None), Systematic("tag", "tag_up", None))
    return Objective(structure, constants, ("top",), pairs, 0.01)


def significance(parameters, events, temperature):
    z, gradient = value_and_gradient(
        parameters, objective(), events, np.float64(temperature), np.float64(temperature)
    )
    return float(z), gradient


def test_permuted_categories_have_the_same_significance(events):
    order = np.array([2, 0, 3, 1])
    split = PARAMETERS["networks"]["split"]
    permuted = dataclasses.replace(
        split,
        weights=(split.weights[0][order],),
        biases=(split.biases[0][order],),
    )
    other = {**PARAMETERS, "networks": {**PARAMETERS["networks"], "split": permuted}}
    (z, gradient), (same, changed) = (significance(p, events, 0.5) for p in (PARAMETERS, other))
    assert same == pytest.approx(z, rel=1e-10)
    found = changed["networks"]["split"].weights[0]
    np.testing.assert_allclose(
        found, gradient["networks"]["split"].weights[0][order], rtol=1e-6, atol=1e-9
    )
    hard = [float(hard_value(p, objective(), events)) for p in (PARAMETERS, other)]
    assert hard[1] == pytest.approx(hard[0], rel=1e-10)


def test_an_empty_category_changes_nothing(events):
    """The output that is never the largest: its events are those of the next one."""
    split = PARAMETERS["networks"]["split"]
    lowest = dataclasses.replace(split, biases=(split.biases[0].at[3].set(-1e3),))
    gone = {**PARAMETERS, "networks": {**PARAMETERS["networks"], "split": lowest}}
    histograms = hard_histograms(gone, events)
    np.testing.assert_array_equal(rows(histograms["by_network_4"]), 0.0)
    kept = split.logits(jnp.asarray([SAMPLES["zprime"][0].columns[n] for n in "xy"]))[:3]
    counts = np.bincount(
        np.asarray(kept.argmax(axis=0)),
        SAMPLES["zprime"][0].weight * (SAMPLES["zprime"][0].columns["met"] > 0.4),
    )
    found = [histograms[f"by_network_{k}"].nominal[1].sum() for k in (1, 2, 3)]
    np.testing.assert_allclose(found, counts, rtol=1e-9)
    z = float(hard_value(gone, objective(), events))
    soft = significance(gone, events, 0.01)[0]
    assert 0.0 < z == pytest.approx(soft, rel=0.01)


def test_soft_and_hard_significance_agree_at_the_last_temperature(events):
    hard = float(hard_value(PARAMETERS, objective(), events))
    gaps = [abs(significance(PARAMETERS, events, t)[0] / hard - 1) for t in (1.0, 0.1, 0.01)]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < 0.01


def test_without_a_width_categories_are_hard_and_pass_no_gradient(events):
    fixed = dataclasses.replace(BY_SCORE, categories=ByEdges("mva", 3))
    layout = prepare([fixed], PARAMETERS["networks"], SAMPLES, dtype=np.float64)
    point = {**PARAMETERS, "thresholds": {"met": jnp.asarray(-100.0)}}  # keeps all events
    soft = soft_histograms(point, layout, 0.5, 1e-9)
    for channel, hard in hard_histograms(point, layout).items():
        np.testing.assert_allclose(rows(soft[channel]), rows(hard), rtol=1e-10, atol=1e-10)

    def first(parameters):
        return soft_histograms(parameters, layout, 0.5, 0.3)["by_score_1"].nominal.sum()

    slope = jax.grad(first)(PARAMETERS)
    assert float(slope["thresholds"]["met"]) != 0.0
    assert not slope["category_edges"]["by_score"].logits.any()


def test_a_network_of_one_output_has_two_categories(events):
    region = Region("two", CUTS, MASS, ByNetwork("mva", 2))
    half = {**PARAMETERS, "category_edges": {"by": Edges.at([0.5])}}
    by_edge = Region("by", CUTS, MASS, ByEdges("mva", 2, 1.0))
    layout = prepare([region, by_edge], PARAMETERS["networks"], SAMPLES, dtype=np.float64)
    found = hard_histograms(half, layout)
    for k in (1, 2):
        np.testing.assert_allclose(rows(found[f"two_{k}"]), rows(found[f"by_{k}"]), rtol=1e-12)


@pytest.mark.parametrize(
    ("categories", "message"),
    [
        (ByNetwork("other", 4), "region r: there is no network 'other'.* there is mva, split"),
        (ByNetwork("split", 6), "region r: it has 6 categories, the network 'split' parts 4"),
        (ByNetwork("mva", 3), "region r: it has 3 categories, the network 'mva' parts 2"),
    ],
)
def test_a_network_without_these_categories_is_named(categories, message):
    with pytest.raises(InputError, match=message):
        prepare([Region("r", CUTS, MASS, categories)], PARAMETERS["networks"], SAMPLES)
