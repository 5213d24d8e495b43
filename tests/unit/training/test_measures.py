"""Measures of scores against their definitions, event by event, and their errors."""

import jax
import numpy as np
import pytest

from zenith.config.networks.loss import Loss
from zenith.config.networks.perceptron import PerceptronSettings
from zenith.core.networks.perceptron import Perceptron
from zenith.errors import InputError
from zenith.training.dependence import distance_correlation_squared
from zenith.training.evaluate import evaluate
from zenith.training.examples import Examples
from zenith.training.measures import (
    Ranked,
    auc,
    average_precision,
    background_efficiencies,
    confusion,
    dependence,
    highest_events,
    measures,
    probabilities,
)

NAMES = ("a", "b", "c")


def settings(classes: int, balance: str = "none") -> PerceptronSettings:
    names = {name: [name] for name in NAMES[:classes]}
    return PerceptronSettings.model_validate(
        {"classes": names, "features": ["x", "y"], "balance": balance}
    )


def toy(classes: int, events: int = 300, seed: int = 1) -> tuple[Examples, dict[str, np.ndarray]]:
    """Events with weights of either sign, and rounded scores, so that many are equal."""
    random = np.random.default_rng(seed)
    label = random.integers(0, classes, events).astype(np.int32)
    odds = np.eye(classes)[:, label] * 1.3 + random.normal(0.0, 1.0, (classes, events))
    share = (np.exp(odds) / np.exp(odds).sum(axis=0)).round(2).clip(0.01)
    share /= share.sum(axis=0)
    weight = random.normal(1.0, 0.4, events)
    x = random.normal(size=(2, events)).astype(np.float32)
    rows = zip(NAMES, share, strict=False)
    scores = {n: row for n, row in rows if classes > 2 or n == "b"}
    return Examples(x, label, weight), scores


def test_measures_of_several_weights_are_those_of_each() -> None:
    """AUC by counting pairs; average precision by its definition, threshold by threshold."""
    events, scores = toy(2)
    score, own = scores["b"], events.label == 1
    random = np.random.default_rng(2)
    weights = np.stack([events.weight, random.uniform(0.1, 2.0, len(own))])
    ranked = Ranked.of(score)
    areas = auc(ranked, own, weights)
    precisions = average_precision(ranked, own, weights)
    shares = background_efficiencies(ranked, own, weights)
    for k, w in enumerate(weights):
        s, b = score[own][:, None], score[~own][None]
        pairs = w[own][:, None] * w[~own][None]
        assert areas[k] == pytest.approx((pairs * ((s > b) + 0.5 * (s == b))).sum() / pairs.sum())
        total, recall = 0.0, 0.0
        for threshold in np.unique(score)[::-1]:
            above = score >= threshold
            found = w[above & own].sum() / w[own].sum()
            total += (found - recall) * w[above & own].sum() / w[above].sum()
            recall = found
        assert precisions[k] == pytest.approx(total)
    w, thresholds = weights[1], np.unique(score)[::-1]
    passes = [
        [0.0, *(w[(score >= t) & of].sum() / w[of].sum() for t in thresholds)] for of in (own, ~own)
    ]
    np.testing.assert_allclose(shares[1], np.interp([0.3, 0.5, 0.7, 0.9], *passes))


def test_average_precision_of_a_score_that_separates_and_of_one_that_does_not() -> None:
    own, weight = np.arange(10) < 4, np.ones(10)
    assert average_precision(Ranked.of(own.astype(float)), own, weight) == 1.0
    assert average_precision(Ranked.of(np.zeros(10)), own, weight) == pytest.approx(0.4)
    assert auc(Ranked.of(np.zeros(10)), own, weight) == 0.5


@pytest.mark.parametrize("balance", ["none", "class_weights"])
@pytest.mark.parametrize("classes", [2, 3])
def test_numbers_of_the_classes(classes: int, balance: str) -> None:
    events, scores = toy(classes)
    found = measures("net", settings(classes, balance), events, scores, seed=3)
    probability = probabilities(scores, NAMES[:classes])
    np.testing.assert_allclose(probability.sum(axis=0), 1.0)
    label, w = events.label, events.weight.copy()
    if balance != "none":
        w /= np.bincount(label, w)[label]
    highest = probability.argmax(axis=0)
    for k, name in enumerate(NAMES[:classes]):
        own = label == k
        loss = -(w * np.log(probability[k]))[own].sum() / w[own].sum()
        assert found["log_loss"][name]["value"] == pytest.approx(loss)
        right = w[own & (highest == k)].sum() / w[own].sum()
        assert found["accuracy"][name]["value"] == pytest.approx(right)
        assert found["confusion"][name][name] == pytest.approx(right)
        assert sum(found["confusion"][name].values()) == pytest.approx(1.0)
    right = w[highest == label].sum() / w.sum()
    assert found["accuracy"]["all"]["value"] == pytest.approx(right)
    assert found["auc"].keys() == scores.keys()
    others = found["background_efficiency"]["b"]
    assert others.keys() == set(NAMES[:classes]) - {"b"}
    assert list(others["a"]) == ["0.3", "0.5", "0.7", "0.9"]
    again = measures("net", settings(classes, balance), events, scores, seed=3)
    assert again == found
    other = measures("net", settings(classes, balance), events, scores, seed=4)
    assert other["auc"]["b"]["error"] != found["auc"]["b"]["error"]
    assert other["auc"]["b"]["value"] == found["auc"]["b"]["value"]


def test_errors_are_the_spread_over_samples() -> None:
    """Of AUC, precision, accuracy and log-loss over independent samples of the same events."""
    mva = settings(2)
    samples = [measures("net", mva, *toy(2, 400, seed), seed=1) for seed in range(40)]
    for key, name in (
        ("auc", "b"),
        ("average_precision", "b"),
        ("accuracy", "all"),
        ("log_loss", "a"),
    ):
        numbers = [sample[key][name] for sample in samples]  # type: ignore[literal-required]
        spread = np.std([number["value"] for number in numbers], ddof=1)
        error = np.mean([number["error"] for number in numbers])
        assert error == pytest.approx(spread, rel=0.35), key  # the spread is known to 11 %


def test_many_events_have_fewer_replicas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values stay, and errors within what an error of 20 replicas may differ from one of 100."""
    events, scores = toy(2)
    every = measures("net", settings(2), events, scores, seed=3)["auc"]["b"]
    monkeypatch.setattr("zenith.training.measures.NUMBERS", 20 * len(events.label))
    some = measures("net", settings(2), events, scores, seed=3)["auc"]["b"]
    assert some["value"] == every["value"]
    assert some["error"] != every["error"]
    assert some["error"] == pytest.approx(every["error"], rel=0.5)


@pytest.mark.parametrize("named", [("a",), ()])
def test_dependence_of_scores_on_an_observable(named: tuple[str, ...]) -> None:
    """Of the classes of the loss, else of all but the last; errors as of independent samples."""
    mva = settings(3)
    mva = mva.model_copy(
        update={
            "sliced": ("m",),
            "loss": Loss.model_validate(
                {"distance_correlation": {"observable": "m", "strength": 1, "classes": named}}
                if named
                else {}
            ),
        }
    )

    def of(seed: int) -> tuple[Examples, dict[str, np.ndarray]]:
        events, scores = toy(3, 200, seed)
        noise = np.random.default_rng(seed).normal(0.0, 0.2, 200)
        return events._replace(observables={"m": (scores["a"] + noise).astype(np.float32)}), scores

    events, scores = of(1)
    found = dependence("n", mva, events, scores, 3)["m"]
    there = np.isin(events.label, [0] if named else [0, 1])
    rows = np.array([scores[name][there] for name in NAMES])
    expected, by_chance = distance_correlation_squared(
        rows, events.observables["m"][there], events.weight[there]
    )
    assert found["value"] == pytest.approx(expected[0])
    assert found["by_chance"] == pytest.approx(by_chance[0])
    many = [dependence("n", mva, *of(seed), 3)["m"]["value"] for seed in range(2, 42)]
    assert found["error"] == pytest.approx(np.std(many, ddof=1), rel=0.4)


def test_a_confusion_matrix_by_hand() -> None:
    probability = np.array([[0.9, 0.2, 0.4, 0.1], [0.1, 0.8, 0.6, 0.9]])
    found = confusion(probability, np.array([0, 0, 0, 1]), np.array([1.0, 2.0, 1.0, 5.0]))
    np.testing.assert_allclose(found, [[0.25, 0.75], [0.0, 1.0]])


def test_a_class_without_weight_cannot_be_judged() -> None:
    events, _ = toy(2, 50)
    nothing = events._replace(weight=np.where(events.label == 1, 0.0, 1.0))
    network = Perceptron.create(jax.random.key(0), ("x", "y"), ())
    with pytest.raises(InputError, match="class 'b' add up to 0 in the unseen events"):
        evaluate(network, settings(2), {"train": events, "test": nothing})


def test_events_of_the_highest_scores() -> None:
    events, _ = toy(2, 50)
    events.x[1, 7] = np.nan
    score = np.linspace(0.0, 0.9, 50)
    score[7] = 0.95
    found = highest_events(settings(2), events, {"b": score}, number=2)["b"]
    assert [event["score"] for event in found] == [0.95, 0.9]
    assert found[0]["class"] == NAMES[events.label[7]]
    assert found[0]["features"] == {"x": pytest.approx(events.x[0, 7]), "y": None}
    assert found[1]["weight"] == events.weight[49]
    assert found[1]["objects"] == {}


def test_replicas_that_tell_few_scores_apart_have_the_same_errors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """30 of about 100 scores, in the same replicas; values are of all scores."""
    events, scores = toy(2)
    every = measures("net", settings(2), events, scores, seed=3)
    monkeypatch.setattr("zenith.training.measures.POINTS", 30)
    few = measures("net", settings(2), events, scores, seed=3)
    for key in ("auc", "average_precision"):
        exact, coarse = every[key]["b"], few[key]["b"]  # type: ignore[literal-required]
        assert coarse["value"] == exact["value"]
        assert coarse["error"] != exact["error"]
        assert coarse["error"] == pytest.approx(exact["error"], rel=0.1), key
