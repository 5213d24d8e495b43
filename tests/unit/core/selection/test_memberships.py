"""Categories: soft tends to hard, shares add up to 1, parameters mean what they say."""

import jax
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from zenith.core.categories.cells import Cells, halve
from zenith.core.categories.exact import Spectrum
from zenith.core.categories.yields import Tallied
from zenith.core.selection.memberships import Edges, Mixture, product
from zenith.errors import InputError

WEIGHTS = np.array([0.5, 0.2, 0.3])
MEANS = np.array([[0.2, 0.2], [0.7, 0.2], [0.3, 0.6]])
COVARIANCES = np.array(
    [[[0.02, 0.01], [0.01, 0.03]], [[0.05, -0.02], [-0.02, 0.02]], [[0.01, 0.0], [0.0, 0.04]]]
)


def scores(n: int = 500, dimensions: int = 2) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 1, (dimensions, n))


def test_edges_are_what_was_asked_for_and_stay_ordered():
    edges = Edges.at([-1.0, 0.5, 2.5], -2.0, 3.0)
    np.testing.assert_allclose(edges.edges, [-1.0, 0.5, 2.5])
    wild = Edges(np.random.default_rng(1).normal(0, 5, 8), -2.0, 3.0)
    found = np.asarray(wild.edges)
    assert (np.diff(found) >= 0).all()
    assert found[0] >= -2
    assert found[-1] <= 3


@pytest.mark.parametrize("wrong", [[0.5, 0.4], [0.0, 0.5], [0.5, 1.0], [0.5, np.nan]])
def test_edges_must_increase_inside(wrong):
    with pytest.raises(InputError, match="increase"):
        Edges.at(wrong)


@pytest.mark.parametrize(
    "categories", [Edges.at([0.2, 0.7]), Mixture.of(WEIGHTS, MEANS, COVARIANCES)]
)
def test_soft_tends_to_hard(categories):
    # many events, or chance says how many are near a border at the lowest temperature
    x = scores(20_000, 1 if isinstance(categories, Edges) else 2)
    shares = np.asarray(categories.soft(x, 0.1))
    np.testing.assert_allclose(shares.sum(axis=0), 1.0, atol=1e-12)
    assert (shares >= 0).all()
    hard = np.arange(3)[:, None] == np.asarray(categories.hard(x))
    distances = [np.abs(categories.soft(x, t) - hard).mean() for t in (0.1, 0.01, 0.001)]
    assert distances[0] > 5 * distances[1] > 25 * distances[2]
    np.testing.assert_allclose(categories.soft(x, 1e-9), hard, atol=1e-6)


def test_an_edge_belongs_to_the_bin_above():
    edges = Edges(np.zeros(4), 0.0, 1.0)  # edges at 0.25, 0.5, 0.75, exactly
    assert edges.hard(np.array([[0.2, 0.25, 0.5, 0.6, 1.0]])).tolist() == [0, 1, 2, 2, 3]


def test_mixture_against_scipy():
    mixture, x = Mixture.of(WEIGHTS, MEANS, COVARIANCES), scores()
    np.testing.assert_allclose(mixture.weights, WEIGHTS)
    np.testing.assert_allclose(mixture.covariances, COVARIANCES, rtol=1e-10)
    expected = np.stack(
        [
            np.log(w) + multivariate_normal(m, c).logpdf(x.T)
            for w, m, c in zip(WEIGHTS, MEANS, COVARIANCES, strict=True)
        ]
    )
    np.testing.assert_array_equal(mixture.hard(x), expected.argmax(axis=0))
    found = np.asarray(mixture.log_densities(x))
    np.testing.assert_allclose(found - found[0], expected - expected[0], atol=1e-9)
    heated = np.exp(expected / 0.7) / np.exp(expected / 0.7).sum(axis=0)
    np.testing.assert_allclose(mixture.soft(x, 0.7), heated, atol=1e-10)


def test_steps_of_a_mixture_are_in_units_of_its_components():
    mixture, x = Mixture.of(WEIGHTS, MEANS, COVARIANCES), scores()
    still = jax.tree.map(np.zeros_like, mixture)
    np.testing.assert_allclose(mixture.moved(still).log_densities(x), mixture.log_densities(x))
    random = np.random.default_rng(4)
    step = jax.tree.map(lambda leaf: random.normal(0, 0.3, leaf.shape), mixture)
    size = np.array([1e-3, 5.0])
    scaled = Mixture.of(WEIGHTS, MEANS * size, COVARIANCES * np.outer(size, size))
    np.testing.assert_allclose(
        scaled.moved(step).log_densities(x * size[:, None]) + np.log(size).sum(),
        mixture.moved(step).log_densities(x),
        rtol=1e-9,
    )
    # one width along the first axis: L⁻¹ of the covariance is 1 / σ there
    along = jax.tree.map(np.zeros_like, mixture)
    along = Mixture(along.logits, np.array([[1.0, 0.0]] * 3), along.factors)
    moved = mixture.moved(along).means[:, 0] - MEANS[:, 0]
    np.testing.assert_allclose(moved, np.sqrt(COVARIANCES[:, 0, 0]))


def test_a_component_that_is_dropped_leaves_its_events_to_the_next():
    mixture, x = Mixture.of(WEIGHTS, MEANS, COVARIANCES), scores()
    without = mixture.keep([0, 2])
    densities = np.asarray(mixture.log_densities(x))[[0, 2]]
    np.testing.assert_array_equal(without.hard(x), densities.argmax(axis=0))


def test_of_two_equal_components_one_is_empty():
    mixture = Mixture.of(np.ones(3), MEANS[[0, 0, 1]], COVARIANCES[[0, 0, 1]])
    assert np.bincount(mixture.hard(scores()), minlength=3)[1] == 0


@pytest.mark.parametrize(
    ("weights", "covariances", "message"),
    [
        (WEIGHTS, -COVARIANCES, "positive definite"),
        (np.array([0.5, 0.5, 0.0]), COVARIANCES, "above 0"),
        (WEIGHTS, COVARIANCES[:2], "belong together"),
    ],
)
def test_what_is_no_mixture_is_refused(weights, covariances, message):
    with pytest.raises(InputError, match=message):
        Mixture.of(weights, MEANS, covariances)


def test_products_of_variables():
    x = scores()
    first, second = Edges.at([0.3, 0.8]), Edges.at([0.5])
    shares = np.asarray(product([first.soft(x[:1], 1e-9), second.soft(x[1:], 1e-9)]))
    hard = np.ravel_multi_index((first.hard(x[:1]), second.hard(x[1:])), (3, 2))
    np.testing.assert_allclose(shares, np.arange(6)[:, None] == hard, atol=1e-6)


def test_cells_share_the_events_and_lose_nothing():
    x, random = scores(1000), np.random.default_rng(2)
    weight, signal = random.normal(1.0, 0.5, 1000), random.integers(-1, 2, 1000)
    assert np.bincount(halve(x, 6)).tolist().count(0) == 0
    assert np.ptp(np.bincount(halve(x, 6))) <= 1
    cells = Cells.of(x, Tallied.of(weight, signal), 64)
    assert cells.x.shape == (2, 64)
    background = signal < 0
    parts = [signal == 0, signal == 1, background]
    expected = [(weight[part] ** power).sum() for power in (1, 2) for part in parts]
    np.testing.assert_allclose(cells.sums.sum(axis=1), expected, rtol=1e-5)
    # as many cells as events: the yields are those of the events
    mixture = Mixture.of(WEIGHTS, MEANS, COVARIANCES)
    yields = Cells.of(x, Tallied.of(weight, signal), 2000).hard(mixture)
    found = np.asarray(mixture.hard(x))
    np.testing.assert_allclose(
        yields.background, np.bincount(found, weight * background, 3), rtol=1e-4
    )


def test_cells_of_one_score_are_those_of_its_ranks():
    x, random = scores(300, 1), np.random.default_rng(2)
    weight, signal = random.uniform(0.5, 1.5, 300), random.integers(-1, 1, 300)
    spectrum = Spectrum.of(x[0], Tallied.of(weight, signal))
    cells = Cells.along(spectrum, spectrum.scores, 300)
    edges = Edges.at([0.2, 0.7])
    signals, background, variance = spectrum.yields(spectrum.cuts(np.asarray(edges.edges)))[:3]
    yields = jax.jit(Cells.hard)(cells, edges)
    np.testing.assert_allclose(yields.signals, signals, rtol=1e-5)
    np.testing.assert_allclose(yields.background, background, rtol=1e-5)
    np.testing.assert_allclose(yields.variance, variance, rtol=1e-5)
    coarse = Cells.along(spectrum, spectrum.scores, 32)
    np.testing.assert_allclose(coarse.sums.sum(axis=1), cells.sums.sum(axis=1), rtol=1e-5)
