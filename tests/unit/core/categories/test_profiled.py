"""Properties of the objective with nuisance parameters, and its gradient to categories."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zenith.core.categories.cells import Cells
from zenith.core.categories.counting import Counting, Requirements
from zenith.core.categories.profiled import Normalisation, ProfiledLikelihood
from zenith.core.categories.sideband import Sideband
from zenith.core.categories.yields import Tallied, Tally
from zenith.core.selection.memberships import Edges, Mixture
from zenith.errors import ConfigError

BARE = ProfiledLikelihood(2, ("signal", "second", "ttbar", "wjets"))
SHARED = tuple((name, 0.1) for name in BARE.samples[2:])
FULL = ProfiledLikelihood(
    2,
    BARE.samples,
    (Normalisation("background", SHARED), Normalisation("top", (("ttbar", 0.3),))),
    ("tilt",),
)
TALLY = Tally(2, 2, 1)


@partial(jax.jit, static_argnums=0)
def value(aim, sums):
    return aim.value((TALLY if aim is FULL else Tally(2, 2)).read(sums))


def sums(aim) -> np.ndarray:
    """Rows of a tally of three categories."""
    random, rows = np.random.default_rng(2), 4
    weights = np.array([[1.0, 3.0, 5.0], [4.0, 1.0, 0.5], [80.0, 30.0, 9.0], [40.0, 25.0, 11.0]])
    parts = [weights, weights * random.uniform(0.05, 0.2, (rows, 3))]
    if aim is FULL:
        parts += [weights * (1 + k * np.array([-0.1, 0.02, 0.1])) for k in (1, -1)]
    return np.concatenate(parts)


@pytest.mark.parametrize("aim", [BARE, FULL], ids=["bare", "full"])
def test_categories_may_be_split_and_come_in_any_order(aim):
    whole = sums(aim)
    expected = float(value(aim, whole))
    assert expected > 0.2
    # halves of a category know no more than it does
    halves = np.concatenate([whole[:, :2], whole[:, 2:] / 2, whole[:, 2:] / 2], axis=1)
    assert float(value(aim, halves)) == pytest.approx(expected, rel=1e-9)
    assert float(value(aim, whole[:, [2, 0, 1]])) == pytest.approx(expected, rel=1e-9)


def test_of_more_events_the_significance_grows_as_the_root():
    once = sums(BARE)
    assert float(value(BARE, 9 * once)) == pytest.approx(3 * float(value(BARE, once)), rel=1e-9)
    # what all categories share does not shrink with their number
    assert float(value(FULL, 9 * sums(FULL))) < 2.9 * float(value(FULL, sums(FULL)))


def test_what_is_known_exactly_is_a_counting_experiment():
    rows = sums(BARE)
    rows[4:] = 0.0
    expected = Counting()(rows[:2], rows[2:4].sum(axis=0))
    assert float(value(BARE, rows)) == pytest.approx(float(expected), rel=1e-9)
    assert float(value(BARE, sums(BARE))) < float(expected)
    assert float(value(FULL, sums(FULL))) < float(value(BARE, sums(BARE)))


def events(dimensions: int, sideband: Sideband | None):
    """Cells of 400 events in double precision: two signals, two backgrounds, a tilt."""
    random = np.random.default_rng(3)
    sample = random.integers(0, 4, 400)
    x = random.normal(0.35 + 0.15 * (sample < 2), 0.2, (dimensions, 400))
    weight = random.uniform(0.5, 1.5, 400) * np.where(sample < 2, 0.2, 1.0)
    columns = [weight, weight**2]
    if sideband is None:
        tally = TALLY
        columns += [weight * (1 + k * 0.3 * (x[0] - 0.4)) for k in (1, -1)]
    else:
        tally, sample = Tally(2, sideband=sideband), np.minimum(sample, 2)
        t = random.random(400) * random.random(400)
        columns += [weight * t, weight**2 * t, weight**2 * t**2]
    cells = Cells.of(x, Tallied(tally, np.stack(columns), sample), 400)
    return jax.tree.map(lambda part: np.asarray(part, np.float64), cells)


@pytest.mark.parametrize(
    "categories",
    [
        Edges.at([0.3, 0.5, 0.8], -0.5, 1.5),
        Mixture.of(
            [0.5, 0.3, 0.2],
            [[0.2, 0.3], [0.7, 0.6], [0.5, 0.4]],
            np.array([[0.05, 0.02], [0.02, 0.04]]) * np.array([1.0, 2.0, 0.7])[:, None, None],
        ),
    ],
    ids=["edges", "mixture"],
)
@pytest.mark.parametrize(
    ("aim", "sideband"),
    [
        (FULL, None),
        (
            ProfiledLikelihood(2, ("signal", "second", "background")),
            Sideband((120.0, 130.0), (100.0, 180.0)),
        ),
    ],
    ids=["histfactory", "histfactory_and_sideband"],
)
def test_gradient_equals_finite_differences(categories, aim, sideband):
    cells = events(1 if isinstance(categories, Edges) else 2, sideband)
    need = Requirements(30.0, 0.12)
    leaves, tree = jax.tree.flatten(categories)
    sizes = np.cumsum([leaf.size for leaf in leaves])[:-1]

    @jax.jit
    def loss(flat):
        parts = jnp.split(flat, sizes)
        here = jax.tree.unflatten(
            tree, [p.reshape(leaf.shape) for p, leaf in zip(parts, leaves, strict=True)]
        )
        yields = cells.soft(here, 0.2)
        short = need.shortfall(yields.background, yields.variance).sum()
        return short - aim.value(yields)

    flat = np.concatenate([np.ravel(leaf) for leaf in leaves])
    gradient = np.asarray(jax.jit(jax.grad(loss))(flat))
    steps = 1e-5 * np.eye(len(flat))
    expected = [float(loss(flat + step) - loss(flat - step)) / 2e-5 for step in steps]
    assert np.abs(gradient).max() > 1e-3
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"normalisations": (Normalisation("a", (("zz", 0.1),)),)}, "no sample 'zz'"),
        ({"normalisations": (Normalisation("a", (("ttbar", 1.1),)),)}, "between 0 and 1"),
        ({"normalisations": (Normalisation("mu", SHARED),)}, "'mu'"),
        (
            {"normalisations": (Normalisation("tilt", SHARED),), "variations": ("tilt",)},
            "'tilt'",
        ),
        ({"samples": ("signal", "signal", "ttbar")}, "'signal'"),
    ],
)
def test_mistakes_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        ProfiledLikelihood(**{"signals": 2, "samples": BARE.samples, **options})
