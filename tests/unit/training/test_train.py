"""Training reaches known optima, uses weights, repeats itself; its measures are the right ones."""

import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import ks_2samp, kstwo, multivariate_normal, norm

from zenith.artefacts import Columns
from zenith.config.networks.perceptron import PerceptronSettings
from zenith.errors import ConfigError, FitError, InputError
from zenith.training.batches import Batch
from zenith.training.evaluate import evaluate, kolmogorov_smirnov, roc
from zenith.training.examples import Examples
from zenith.training.objective import Learner, Objective
from zenith.training.scores import add_scores, scores
from zenith.training.train import train
from zenith.training.trained import Trained

CENTRES = np.array([[0.0, 0.0], [1.0, 0.5], [-0.5, 1.5]])


def network(classes: int = 2, **changes: Any) -> PerceptronSettings:
    names = {name: (name,) for name in "abc"[:classes]}
    settings = {"classes": names, "features": ("x", "y"), "hidden": (16,), "epochs": 15}
    return PerceptronSettings.model_validate(settings | changes)


def gaussians(seed: int, classes: int = 2, events: int = 6000) -> Examples:
    """Unit Gaussians about `CENTRES`, in units that a network would not like."""
    random = np.random.default_rng(seed)
    label = random.integers(0, classes, events).astype(np.int32)
    x = random.normal(size=(events, 2)) + CENTRES[label]
    x = x * [300.0, 0.02] + [1000.0, 5.0]
    return Examples(x.T.astype(np.float32), label, random.exponential(1.0, events))


def score(trained: Trained, events: Examples) -> np.ndarray:
    return np.asarray(trained.network.scores(jnp.asarray(events.x)))


def posterior(events: Examples, classes: int) -> np.ndarray:
    """What the scores of a perfect network are, (1 or classes, N)."""
    x = (events.x.T.astype(float) - [1000.0, 5.0]) / [300.0, 0.02]
    density = np.array([multivariate_normal(c).pdf(x) for c in CENTRES[:classes]])
    shares = density / density.sum(axis=0)
    return shares if classes > 2 else shares[1:]


def test_auc_is_the_share_of_pairs_in_order() -> None:
    random = np.random.default_rng(3)
    values, label = random.integers(0, 12, 300) / 4, random.random(300) < 0.3  # many ties
    weight = random.normal(1.0, 0.7, 300)  # also of negative weight
    s, b = values[label][:, None], values[~label][None]
    pairs = weight[label][:, None] * weight[~label][None]
    expected = (pairs * ((s > b) + 0.5 * (s == b))).sum() / pairs.sum()
    assert roc(values, label, weight).auc == pytest.approx(expected, rel=1e-12)


def test_kolmogorov_smirnov_is_that_of_scipy() -> None:
    random = np.random.default_rng(4)
    a, b = random.normal(0, 1, 500), random.normal(0.08, 1, 800)
    expected = ks_2samp(a, b, method="asymp")
    found = kolmogorov_smirnov(a, np.full(500, 0.3), b, np.full(800, 7.0))
    assert found.distance == pytest.approx(expected.statistic, rel=1e-12)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-12)


def test_kolmogorov_smirnov_of_weighted_events_is_a_probability() -> None:
    """Over many pairs of samples of one distribution, p-values are uniform."""
    random = np.random.default_rng(5)
    p = [
        kolmogorov_smirnov(
            random.normal(size=300), random.exponential(1, 300),
            random.normal(size=400), random.exponential(1, 400),
        ).p_value
        for _ in range(400)
    ]  # fmt: skip
    distance = np.abs(np.sort(p) - np.linspace(0, 1, 400)).max()
    assert kstwo.sf(distance, 400) > 0.01


def test_training_reaches_the_best_possible_auc() -> None:
    """For two Gaussians of unit width at a distance d no score beats Φ(d / √2)."""
    trained = train("n", network(), gaussians(1), gaussians(2), seed=1)
    test = gaussians(3, events=40_000)
    best = norm.cdf(np.hypot(*(CENTRES[1] - CENTRES[0])) / np.sqrt(2))
    auc = roc(score(trained, test)[0], test.label == 1, test.weight).auc
    assert auc == pytest.approx(best, abs=0.006)
    assert len(trained.losses["train"]) == len(trained.losses["validation"]) >= trained.best_epoch
    assert min(trained.losses["validation"]) == trained.losses["validation"][trained.best_epoch - 1]


def test_softmax_scores_approach_the_posterior() -> None:
    trained = train(
        "n", network(3, balance="none"), gaussians(1, 3, 12_000), gaussians(2, 3), seed=1
    )
    test = gaussians(3, 3)
    assert np.abs(score(trained, test) - posterior(test, 3)).mean() < 0.03


def test_weights_decide_what_is_learnt() -> None:
    """Classes that differ in their weights alone: the score is w₁(x) / (w₀(x) + w₁(x))."""
    random = np.random.default_rng(6)

    def toy(events: int) -> Examples:
        x = random.uniform(-1, 1, (1, events)).astype(np.float32)
        label = random.integers(0, 2, events).astype(np.int32)
        return Examples(x, label, np.where(label == 1, 1.0 + 0.8 * x[0], 1.0 - 0.8 * x[0]))

    mva = network(features=("x",), epochs=30)
    trained = train("n", mva, toy(12_000), toy(4000), seed=1)
    x = np.linspace(-0.95, 0.95, 50, dtype=np.float32)[None]
    found = np.asarray(trained.network.scores(jnp.asarray(x)))[0]
    assert np.abs(found - (1 + 0.8 * x[0]) / 2).max() < 0.06


def test_class_weights_make_a_rare_class_as_heavy_as_the_other() -> None:
    """With balance the posterior of identical classes is ½, without it the share of the class."""
    random = np.random.default_rng(7)
    label = (random.random(8000) < 0.1).astype(np.int32)
    events = Examples(random.normal(size=(2, 8000)).astype(np.float32), label, np.ones(8000))
    for balance, expected in (("class_weights", 0.5), ("oversample", 0.5), ("none", 0.1)):
        trained = train("n", network(balance=balance), events, events, seed=1)
        assert score(trained, events).mean() == pytest.approx(expected, abs=0.02)


def test_features_are_standardised_over_the_weights() -> None:
    events = gaussians(1)
    trained = train("n", network(epochs=1, balance="none"), events, gaussians(2), seed=1)
    mean = np.average(events.x, axis=1, weights=events.weight)
    np.testing.assert_allclose(trained.network.mean, mean, rtol=1e-5)
    spread = np.sqrt(np.cov(events.x.astype(float), aweights=events.weight, ddof=0).diagonal())
    np.testing.assert_allclose(trained.network.scale, spread, rtol=1e-5)


def test_the_same_seed_and_name_give_the_same_numbers() -> None:
    events = gaussians(1, events=600), gaussians(2, events=300)
    mva = network(epochs=3, balance="undersample")
    first, again = (train("n", mva, *events, seed=1) for _ in range(2))
    assert first.losses == again.losses
    for name, array in first.network.to_arrays().items():
        np.testing.assert_array_equal(array, again.network.to_arrays()[name])
    assert train("n", mva, *events, seed=2).losses != first.losses
    assert train("m", mva, *events, seed=1).losses != first.losses


def test_an_ensemble_is_better_than_its_members() -> None:
    """Each member is trained as if it were alone: the mean of few events' networks is calmer."""
    events = gaussians(1, events=400), gaussians(2, events=2000)
    settings = {"hidden": (16, 16), "epochs": 40, "batch": 100, "learning_rate": 0.01}
    mva = network(ensemble=4, **settings)
    trained = train("n", mva, *events, seed=1)
    members = trained.network.each()
    test = gaussians(3, events=20_000)

    def auc(of: Any) -> float:
        return roc(of.scores(jnp.asarray(test.x))[0], test.label == 1, test.weight).auc

    assert auc(trained.network) > np.mean([auc(member) for member in members])
    assert trained.losses["validation"][trained.best_epoch - 1] == min(trained.losses["validation"])


def test_members_of_an_ensemble_do_not_feel_each_other() -> None:
    mva = network(ensemble=3)
    key, events = jax.random.key(5), gaussians(1, events=500)
    one = mva.untrained(key).scaled_to(events.x, events.weight)
    batch = Batch.of(events)
    objective = Objective.of(mva)
    together = jax.grad(objective.of_each)(Learner(one), batch)
    for member, gradient in zip(one.each(), together.network.each(), strict=True):
        by_itself = jax.grad(objective)(Learner(member), batch)
        for alone, found in zip(jax.tree.leaves(by_itself), jax.tree.leaves(gradient), strict=True):
            np.testing.assert_allclose(found, alone, rtol=1e-4, atol=1e-6)


def test_a_transform_that_never_varies_names_the_network() -> None:
    with pytest.raises(InputError, match=r"mva\.n: the logit of the feature 'x' is 11\.5"):
        train("n", network(transforms={"x": ["raw", "logit"]}), gaussians(1), gaussians(2), seed=1)


def test_training_stops_when_validation_no_longer_improves() -> None:
    """Labels that say nothing can only be learnt by heart."""
    random = np.random.default_rng(8)

    def noise() -> Examples:
        x = random.normal(size=(2, 200)).astype(np.float32)
        return Examples(x, random.integers(0, 2, 200).astype(np.int32), np.ones(200))

    mva = network(epochs=200, patience=7, hidden=(64,), batch=32)
    validation, seen = noise(), []
    trained = train("n", mva, noise(), validation, 1, lambda epoch, *_: seen.append(epoch))
    assert len(seen) == trained.best_epoch + 7 < 200
    kept = np.clip(score(trained, validation)[0].astype(float), 1e-7, 1 - 1e-7)
    right = np.where(validation.label == 1, kept, 1 - kept)
    share = np.bincount(validation.label)[validation.label]
    loss = np.average(-np.log(right), weights=1 / share)
    assert loss == pytest.approx(min(trained.losses["validation"]), rel=1e-4)


def test_a_constant_feature_is_named() -> None:
    events = gaussians(1)
    events.x[1] = 4.0
    with pytest.raises(InputError, match=r"mva\.n: the feature 'y' is 4 in all training events"):
        train("n", network(), events, events, seed=1)


def test_divergence_is_loud() -> None:
    mva = network(learning_rate=1e30, schedule="constant", epochs=5)
    with pytest.raises(FitError, match=r"diverged in epoch \d+.*learning_rate"):
        train("n", mva, gaussians(1), gaussians(2), seed=1)


@pytest.mark.parametrize(("classes", "names"), [(2, ["n"]), (3, ["n:a", "n:b", "n:c"])])
def test_scores_are_named_and_shifted_with_the_features(
    classes: int, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zenith.training.scores.CHUNK", 1000)
    trained = train(
        "n", network(classes, epochs=1), gaussians(1, classes), gaussians(2, classes), 1
    )
    test = gaussians(3, classes, events=2005)  # in three chunks
    values = dict(zip("xy", test.x, strict=True))
    columns = Columns(
        values, test.weight, np.zeros(len(test.weight), np.uint8), shapes={"jes_up": values}
    )
    columns.shapes["jes_up"] = {"x": test.x[0] * np.float32(1.1), "y": test.x[1]}
    result = add_scores(columns, {"n": trained.network})
    assert [name for name in result.values if name not in "xy"] == [*names, "n:category"]
    found = np.stack([result.values[name] for name in names])
    category = 1 + (found.argmax(axis=0) if len(names) > 1 else found[0] > 0.5)
    np.testing.assert_array_equal(result.values["n:category"], category)
    np.testing.assert_allclose(
        [result.values[name] for name in names], score(trained, test), rtol=1e-5, atol=1e-7
    )
    shifted = scores("n", trained.network, columns.shapes["jes_up"])
    np.testing.assert_array_equal(result.shapes["jes_up"][names[0]], shifted[names[0]])
    assert np.abs(shifted[names[0]] - result.values[names[0]]).max() > 1e-3
    assert list(columns.values) == ["x", "y"]  # the columns that were given are as they were


def test_scores_of_a_feature_that_is_nan_or_missing() -> None:
    trained = train("n", network(epochs=1), gaussians(1), gaussians(2), 1)
    with pytest.raises(InputError, match="network n: its feature 'y' is not among"):
        scores("n", trained.network, {"x": np.zeros(3, np.float32)})
    with pytest.raises(InputError, match="network n: its feature 'x' is NaN"):
        scores("n", trained.network, {"x": np.full(3, np.nan), "y": np.zeros(3)})


@pytest.mark.parametrize("classes", [2, 3])
def test_evaluation_is_on_unseen_events(classes: int) -> None:
    mva = network(classes, epochs=2)
    parts = {part: gaussians(seed, classes) for seed, part in enumerate(("train", "test"))}
    trained = train("n", mva, parts["train"], gaussians(9, classes), 1)
    result = evaluate(trained.network, mva, parts)
    test = parts["test"]
    expected = score(trained, test)
    scored = ["b"] if classes == 2 else ["a", "b", "c"]
    assert list(result.curves) == scored
    for row, name in zip(expected, scored, strict=True):
        curve = roc(row, test.label == "abc".index(name), test.weight)
        assert result.curves[name].auc == pytest.approx(curve.auc, abs=1e-6)
    assert list(result.overtraining) == list("abc"[:classes])
    chosen = [events.label == 0 for events in parts.values()]
    own = [
        score(trained, events)[0][mask] for events, mask in zip(parts.values(), chosen, strict=True)
    ]
    weights = [events.weight[mask] for events, mask in zip(parts.values(), chosen, strict=True)]
    distance = kolmogorov_smirnov(own[0], weights[0], own[1], weights[1]).distance
    assert result.overtraining["a"].distance == pytest.approx(distance, abs=2e-3)


@pytest.mark.parametrize("classes", [2, 3])
def test_keras_trains_a_network_of_ours(classes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    pytest.importorskip("keras", reason="the extra keras is not installed")
    mva = network(classes, framework="keras", balance="none")
    events = gaussians(1, classes, 12_000), gaussians(2, classes)
    first, again = (train("n", mva, *events, seed=1) for _ in range(2))
    assert first.losses == again.losses
    assert first.losses["validation"][first.best_epoch - 1] == min(first.losses["validation"])
    test = gaussians(3, classes)
    assert np.abs(score(first, test) - posterior(test, classes)).mean() < 0.03


def test_keras_is_never_fine_tuned() -> None:
    assert not network(framework="keras").fine_tune
    with pytest.raises(ValueError, match="framework keras only pretrains"):
        network(framework="keras", fine_tune=True)


def test_keras_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)
    events = gaussians(1, events=200)
    with pytest.raises(ConfigError, match=r"keras is not installed.*zenith-hep\[keras\]"):
        train("n", network(framework="keras"), events, events, seed=1)
