"""One membership, two readings: shares of an event in categories, and in the bins of its score."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zenith.core.networks.boosted_trees import BoostedTrees
from zenith.core.networks.perceptron import Perceptron
from zenith.core.selection.axis import Axis
from zenith.core.selection.categories import ByEdges, ByNetwork, shares
from zenith.core.selection.memberships import Edges
from zenith.errors import ConfigError, InputError

BOUNDS = (0.0, 0.2, 0.5, 0.9, 1.0)
KINDS = ("edges", "network", "bins")
TEMPERATURES = (3.0, 1.0, 0.3, 0.03, 1e-4, 1e-12)
numbers = st.floats(-3, 3, width=32)
events = st.lists(st.tuples(*[numbers] * 4), min_size=8, max_size=8)


def read(kind: str, x: np.ndarray, temperature: float | None) -> np.ndarray:
    """Shares (4, N) of events (4, N); hard without a temperature."""
    at = None if temperature is None else jnp.asarray(temperature)
    if kind == "network":
        return np.asarray(shares(ByNetwork("net", 4), {}, {"net": jnp.asarray(x)}, None, at))
    score = jnp.asarray(x[0])
    if kind == "bins":
        return np.asarray(Axis("s", BOUNDS, "include", "include").shares(score, at))
    edges = Edges.at(BOUNDS[1:-1])
    return np.asarray(shares(ByEdges("s", 4, 0.5), {"s": score}, {}, edges, at))


@settings(deadline=None, max_examples=50)
@given(events=events, kind=st.sampled_from(KINDS))
def test_shares_add_up_to_one_and_tend_to_the_hard_ones(events, kind):
    x = np.array(events, np.float64).T
    hard = read(kind, x, None)
    assert ((hard == 0) | (hard == 1)).all()
    np.testing.assert_array_equal(hard.sum(axis=0), 1)
    missing = []
    for temperature in TEMPERATURES:
        soft = read(kind, x, temperature)
        np.testing.assert_allclose(soft.sum(axis=0), 1.0, rtol=1e-12)
        assert (soft >= 0).all()
        missing.append((soft * (1 - hard)).sum(axis=0))
    # what is not yet where it belongs falls with every temperature, in every event
    assert (np.diff(missing, axis=0) <= 1e-12).all()
    ordered = np.sort(x, axis=0)
    margin = ordered[-1] - ordered[-2] if kind == "network" else distance(x[0])
    np.testing.assert_allclose(missing[-1][margin > 1e-6], 0.0, atol=1e-9)


def distance(score: np.ndarray) -> np.ndarray:
    """From the nearest border between two bins, (N,)."""
    return np.abs(score[:, None] - np.array(BOUNDS[1:-1])).min(axis=1)


def test_a_score_on_an_edge_belongs_above_it():
    score = jnp.asarray([0.1, 0.2, 0.5, 0.7, 0.9])
    expected = [0, 1, 2, 2, 3]
    edges = Edges.at(BOUNDS[1:-1])
    np.testing.assert_array_equal(ByEdges("s", 4).hard(score, edges).argmax(axis=0), expected)
    binned = Axis("s", BOUNDS).shares(score, None)
    np.testing.assert_array_equal(binned.argmax(axis=0), expected)


@pytest.mark.parametrize(("underflow", "overflow"), [("drop", "include"), ("include", "drop")])
def test_scores_beyond_the_axis_are_kept_or_left_out(underflow, overflow):
    score = jnp.asarray([-0.5, 0.1, 1.5])
    found = Axis("s", BOUNDS, underflow, overflow).shares(score, None)
    kept = [underflow == "include", True, overflow == "include"]
    np.testing.assert_array_equal(found.sum(axis=0), kept)
    np.testing.assert_array_equal(found[0], [kept[0], True, False])
    np.testing.assert_array_equal(found[-1], [False, False, kept[2]])


def test_the_kernel_is_as_wide_as_the_bandwidth_says():
    # at the border of two bins half of an event is on either side, a bandwidth beside it 84 %
    axis = Axis("s", BOUNDS, "include", "include")
    score = jnp.asarray([0.5, 0.5 + 0.1 * 0.4, 0.5 - 0.1 * 0.3])  # bins of 0.3 and of 0.4
    below, above = np.asarray(axis.shares(score, 0.1))[[1, 2]]
    np.testing.assert_allclose(above, [0.5, 0.841344746, 0.158655254], atol=1e-8)
    np.testing.assert_allclose(below, [0.5, 0.158655254, 0.841344746], atol=1e-8)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ByEdges("s", 1), "categories of s: at least two are needed, not 1"),
        (lambda: ByEdges("s", 3, 0.0), "categories of s: width must be above 0, it is 0"),
        (lambda: ByNetwork("net", 0), "categories of network net: at least two are needed"),
    ],
)
def test_what_cannot_be_is_said(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


@pytest.mark.parametrize("edges", [[0.3], [0.02, 0.5, 0.9, 0.99]])
def test_a_network_begins_with_the_categories_of_its_score(edges):
    score = Perceptron.create(jax.random.key(3), ("x", "y"), (4,), activation="tanh")
    score = jax.tree.map(lambda leaf: 5.0 * leaf.astype(jnp.float64), score)
    places = np.log(edges) - np.log1p(-np.array(edges))
    slopes, offsets = ByNetwork.lines(places, 0.5)
    classes = tuple("abcdef"[: len(slopes)]) if len(slopes) > 1 else ()
    parting = score.combined(slopes[:, None], offsets, classes)
    x = jnp.asarray(np.random.default_rng(0).normal(0, 1.5, (2, 2000)))
    logits = parting.logits(x)
    expected = np.digitize(np.asarray(score.scores(x))[0], edges)
    np.testing.assert_array_equal(
        ByNetwork("net", len(edges) + 1).hard(logits).argmax(axis=0), expected
    )
    assert len(np.unique(expected)) == len(edges) + 1
    # beside the lowest edge, others far away: a sigmoid of the distance over width · temperature
    at = float(places[0]) + 0.01
    soft = ByNetwork("net", len(edges) + 1).soft(
        jnp.asarray(slopes[:, None] * at + offsets[:, None]), jnp.asarray(0.1)
    )
    assert float(soft[1, 0]) == pytest.approx(1 / (1 + np.exp(-0.01 / 0.05)), rel=1e-3)


def test_a_network_without_a_last_layer_has_no_other_outputs():
    trees = BoostedTrees.create(("x",), (), 2, 3)
    with pytest.raises(
        InputError, match=r"BoostedTrees has no last layer .* use a single perceptron"
    ):
        trees.combined(np.ones((3, 1)), np.zeros(3), ("a", "b", "c"))
