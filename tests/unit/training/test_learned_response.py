"""Learned responses of the toy whose densities are known, and what cannot be learned."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zenith.config.efficient_score import LearnedResponses
from zenith.core.likelihood.quadratics import names
from zenith.core.response.learned import LearnedResponse
from zenith.errors import FitError, InputError
from zenith.events.points import design
from zenith.simulation import summary_toy as toy
from zenith.training.copied_events import Copied
from zenith.training.learned_response import learn

FEATURES = ("mass", "jet", "pt_h", "met")
SETTINGS = LearnedResponses(hidden=(16, 16), steps=400, batch=128, learning_rate=0.005)
POINTS = design([-1.0] * 3, [1.0] * 3, 6, seed=1)


def copies(process: str, events: int, seed: int, points: np.ndarray = POINTS) -> Copied:
    """Events of the toy, accepted as its yields follow the point."""
    number = list(toy.PROCESSES).index(process)
    threshold = 1.25 * np.random.default_rng([seed, 7]).random(events)
    x, weight = [], []
    for point in [np.zeros(3), *points]:
        nuisances = np.r_[point, np.zeros(3)]
        x.append(toy.sample(process, events, nuisances, seed).T)
        ratio = np.exp(np.asarray(toy.log_yields(nuisances))[number]) / toy.EXPECTED[number]
        weight.append(threshold < ratio)
    fold = np.zeros(events, int)
    return Copied(points, np.array(x, np.float32), np.array(weight, float), fold)


@pytest.fixture(scope="module")
def events() -> tuple[dict[str, Copied], dict[str, Copied]]:
    learning = {"h": copies("h", 6000, 1), "tt": copies("tt", 12_000, 2)}
    return learning, {name: copies(name, 3000, 3) for name in learning}


@pytest.fixture(scope="module")
def learned(events: tuple[dict[str, Copied], dict[str, Copied]]) -> LearnedResponse:
    return learn(FEATURES, toy.SHAPES, *events, SETTINGS, seed=1).response


def test_they_are_those_of_the_known_densities(learned: LearnedResponse) -> None:
    """Correlation with the exact derivatives, and the slope of these on what was learned."""
    for k, process in enumerate(learned.processes):
        x = toy.sample(process, 4000, np.zeros(6), seed=9)
        number = list(toy.PROCESSES).index(process)

        def exact(at: jax.Array, x: np.ndarray = x, number: int = number) -> jax.Array:
            return toy.log_densities(x, jnp.concatenate([at, jnp.zeros(3)]))[number]

        true = np.asarray(jax.jacfwd(exact)(jnp.zeros(3))).T
        found = np.asarray(learned.terms(jnp.asarray(x.T, jnp.float32)))[k]
        density = found[:3] - np.asarray(learned.rates)[k, :3, None]
        for a, least in enumerate((0.95, 0.95, 0.95)):
            assert np.corrcoef(true[a], density[a])[0, 1] > least
            # s enters as exp(1.2 s): a polynomial of second order is steeper within ±1
            slope = true[a] @ density[a] / (density[a] @ density[a])
            assert slope == pytest.approx(0.95 if a == 2 else 1.0, abs=0.15)
        # ln yield = a·ν + b·ν², by so many events that are accepted
        linear = toy.PROCESSES[process].linear
        assert np.asarray(learned.rates)[k, :3] == pytest.approx(linear, abs=0.004)


def test_its_derivatives_are_those_of_the_ratio(learned: LearnedResponse) -> None:
    x = jnp.asarray(toy.sample("tt", 50, np.zeros(6), seed=10).T, jnp.float32)
    found = np.asarray(learned.derivatives(x))
    assert not np.asarray(learned.log_ratio(x, np.zeros(3))).any()
    for a in range(3):
        h = 0.05 * np.eye(3)[a]
        difference = learned.log_ratio(x, h) - learned.log_ratio(x, -h)  # second orders cancel
        np.testing.assert_allclose(found[:, a], np.asarray(difference) / 0.1, rtol=1e-3, atol=1e-5)


def test_a_process_learns_the_same_by_itself_and_again(
    events: tuple[dict[str, Copied], dict[str, Copied]], learned: LearnedResponse
) -> None:
    again = learn(FEATURES, toy.SHAPES, *events, SETTINGS, seed=1).response
    for name, array in learned.to_arrays().items():
        np.testing.assert_array_equal(again.to_arrays()[name], array)
    alone = learn(
        FEATURES, toy.SHAPES, *({"tt": part["tt"]} for part in events), SETTINGS, seed=1
    ).response
    x = jnp.asarray(toy.sample("tt", 500, np.zeros(6), seed=11).T, jnp.float32)
    both = np.asarray(learned.terms(x))[1]
    np.testing.assert_allclose(np.asarray(alone.terms(x))[0], both, atol=0.02 * both.std())


def test_what_does_not_respond_has_no_response() -> None:
    """Copies that are the nominal events leave every Δ at 0, and a parameter that moves nothing."""
    points = np.array([[1.0, 0.0], [-1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, -1.0], [1.0, 1.0]])
    nominal = copies("tt", 600, 1, np.zeros((1, 3)))
    same = Copied(points, nominal.x[[0] * 7], nominal.weight[[0] * 7], nominal.fold)
    few = LearnedResponses(hidden=(4,), steps=20, batch=32)
    found = learn(FEATURES, ("a", "b"), {"tt": same}, {"tt": same}, few, seed=1)
    assert not np.asarray(found.response.logits(jnp.asarray(nominal.x[0]))).any()
    assert not np.asarray(found.response.rates).any()
    one = points[:3]
    moved = Copied(
        one, nominal.x[[0] * 4] + np.array([0, 0.1, -0.1, 0.2], np.float32)[:, None, None],
        nominal.weight[[0] * 4], nominal.fold,
    )  # fmt: skip
    response = learn(FEATURES, ("a", "b"), {"tt": moved}, {"tt": moved}, few, seed=1).response
    found_terms = np.asarray(response.terms(jnp.asarray(nominal.x[0])))[0]
    of_b = ["b" in term for term in names(("a", "b"))]
    assert found_terms[np.logical_not(of_b)].all(axis=1).all()
    assert not found_terms[of_b].any()


def without(events: Copied, which: str) -> Copied:
    weight, x = events.weight.copy(), events.x.copy()
    if which == "events":
        return Copied(events.points, x[..., :0], weight[:, :0], events.fold[:0])
    if which == "shifted":
        weight[4] = 0.0
    if which == "feature":
        x[:, 1] = -25.0
    if which == "points":
        return events.at([0, 1, 2])
    return Copied(events.points, x, weight, events.fold)


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ("events", "process 'VV' has no learning events that pass the cuts of the network"),
        ("shifted", "process 'VV': the weights of its learning events add up to 0 at t = 1:"),
        ("feature", "the feature 'jet' is -25 in all training events"),
        ("points", "points do not determine the 2 terms: t, t²; shift these"),
    ],
)
def test_what_cannot_be_learned_is_said(which: str, message: str) -> None:
    axis = np.eye(3)[0] * np.array([[-1.0], [-0.5], [0.5], [1.0]])
    made = copies("VV", 400, 1, axis)
    few = LearnedResponses(hidden=(4,), steps=1, batch=32)
    broken = without(made, which)
    if which == "points":
        broken = without(Copied(np.abs(axis[[3, 3, 3]]), *made.at([3, 3, 3])[1:]), "")
    with pytest.raises(InputError, match=message):
        learn(FEATURES, toy.SHAPES, {"VV": broken}, {"VV": made}, few, seed=1)


def test_a_training_that_diverges_is_an_error() -> None:
    made = copies("VV", 200, 1)
    wild = LearnedResponses(hidden=(4,), steps=30, batch=32, learning_rate=1e38)
    with pytest.raises(FitError, match="training diverged: the loss is not finite"):
        learn(FEATURES, toy.SHAPES, {"VV": made}, {"VV": made}, wild, seed=1)
