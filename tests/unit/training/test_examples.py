"""From columns to labelled events, and what balance and negative weights make of them."""

from typing import Any

import numpy as np
import pytest

from zenith.artefacts import Columns
from zenith.config.learning import Folds
from zenith.config.networks.perceptron import PerceptronSettings
from zenith.errors import InputError
from zenith.events.folds import folds_of, hash_of
from zenith.training.balance import balanced, without_negative
from zenith.training.examples import Examples, examples

FOLDS = Folds()
LEARNING = FOLDS.learning(0)


def columns(seed: int, events: int = 400) -> Columns:
    random = np.random.default_rng(seed)
    return Columns(
        values={name: random.normal(seed, 1, events).astype(np.float32) for name in ("a", "b")},
        weight=random.exponential(1.0, events),
        hash=hash_of(seed, np.arange(events)),
    )


def network(**changes: Any) -> PerceptronSettings:
    classes = {"w": ("wjets",), "t": ("one", "two")}
    return PerceptronSettings.model_validate({"classes": classes, "features": ("b", "a")} | changes)


@pytest.fixture
def samples() -> dict[str, Columns]:
    return {"wjets": columns(1), "one": columns(2), "two": columns(3)}


def test_classes_merge_samples_of_some_folds(samples: dict[str, Columns]) -> None:
    mva = network(cuts=("a > 1.5", "b <= 3"))
    events = examples("net", mva, samples, FOLDS, [2, 4])
    for label, names in enumerate(mva.classes.values()):
        chosen = events.take(events.label == label)
        x, weight = [], []
        for name in names:
            c = samples[name]
            keep = (
                np.isin(folds_of(c.hash, FOLDS), [2, 4])
                & (c.values["a"] > 1.5)
                & (c.values["b"] <= 3)
            )
            x.append([c.values["b"][keep], c.values["a"][keep]])
            weight.append(c.weight[keep])
        np.testing.assert_array_equal(chosen.x, np.concatenate(x, axis=1))
        np.testing.assert_array_equal(chosen.weight, np.concatenate(weight))
    assert len(events.label) == events.x.shape[1] > 0


def test_a_class_without_events_names_class_samples_and_cuts(samples: dict[str, Columns]) -> None:
    with pytest.raises(InputError, match=r"mva\.net: class 't' \(samples one, two\).*a > 99") as e:
        examples("net", network(cuts=("a > 99",), classes={"t": ("one", "two"), "w": ("wjets",)}),
                 samples, FOLDS, LEARNING)  # fmt: skip
    assert "in folds 1, 2, 3 of 5" in str(e.value)
    assert "mva.net.cuts" in str(e.value)


def test_an_absent_sample_is_named(samples: dict[str, Columns]) -> None:
    del samples["two"]
    with pytest.raises(InputError, match=r"class 't' needs the columns of sample 'two'"):
        examples("net", network(), samples, FOLDS, LEARNING)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("cuts", [(), ("b > 0",)])
def test_a_feature_that_is_not_finite_names_column_and_sample(
    samples: dict[str, Columns], bad: float, cuts: tuple[str, ...]
) -> None:
    position = int(np.flatnonzero(folds_of(samples["one"].hash, FOLDS) == 1)[0])
    samples["one"].values["b"][position] = bad
    with pytest.raises(InputError, match=r"column 'b' of sample 'one' is NaN or infinite in 1 of"):
        examples("net", network(cuts=cuts), samples, FOLDS, LEARNING)
    examples("net", network(cuts=cuts), samples, FOLDS, [0])  # another fold does not see it


def test_columns_that_the_loss_reads(samples: dict[str, Columns]) -> None:
    """Of its classes alone."""
    mva = network(
        features=("a",), loss={"distance_correlation": {"observable": "b", "strength": 1.0}}
    )
    del samples["one"].values["b"], samples["two"].values["b"]
    events = examples("net", mva, samples, FOLDS, LEARNING)
    here = np.isin(folds_of(samples["wjets"].hash, FOLDS), LEARNING)
    expected = samples["wjets"].values["b"][here]
    found = events.observables["b"]
    np.testing.assert_array_equal(found[: len(expected)], expected)
    np.testing.assert_array_equal(found[len(expected) :], 0.0)
    del samples["wjets"].values["b"]
    with pytest.raises(InputError, match="sample 'wjets' have no 'b': make them again"):
        examples("net", mva, samples, FOLDS, LEARNING)


def test_a_missing_column_names_the_remedy(samples: dict[str, Columns]) -> None:
    with pytest.raises(InputError, match="sample 'wjets' have no 'c': make them again"):
        examples("net", network(features=("a", "c")), samples, FOLDS, LEARNING)


def test_weights_that_are_not_finite(samples: dict[str, Columns]) -> None:
    samples["wjets"].weight[:] = np.nan
    with pytest.raises(InputError, match="weights of sample 'wjets'"):
        examples("net", network(), samples, FOLDS, LEARNING)


@pytest.fixture
def uneven() -> Examples:
    random = np.random.default_rng(5)
    label = np.repeat([0, 1, 2], [700, 50, 220]).astype(np.int32)
    x = np.arange(len(label), dtype=np.float32)[None]
    return Examples(x, label, random.exponential(1.0, len(label)) * (1 + 9 * label))


@pytest.mark.parametrize(
    ("how", "counts"),
    [
        ("class_weights", [700, 50, 220]),
        ("undersample", [50, 50, 50]),
        ("oversample", [700, 700, 700]),
    ],
)
def test_balance_gives_every_class_the_same_sum(
    uneven: Examples, how: Any, counts: list[int]
) -> None:
    result = balanced(uneven, "abc", how, np.random.default_rng(1))
    assert np.bincount(result.label).tolist() == counts
    sums = np.bincount(result.label, result.weight)
    np.testing.assert_allclose(sums, sum(counts) / 3, rtol=1e-12)
    # the events of one class keep the ratios of their weights
    original = uneven.weight[result.x[0].astype(int)]
    for k in range(3):
        ratio = result.weight[result.label == k] / original[result.label == k]
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-12)


def test_oversampling_repeats_all_events_equally_often(uneven: Examples) -> None:
    result = balanced(uneven, "abc", "oversample", np.random.default_rng(1))
    times = np.bincount(result.x[0].astype(int))
    assert set(times[uneven.label == 0]) == {1}
    assert set(times[uneven.label == 1]) == {14}
    assert set(times[uneven.label == 2]) == {3, 4}


def test_undersampling_repeats_none(uneven: Examples) -> None:
    result = balanced(uneven, "abc", "undersample", np.random.default_rng(1))
    assert len(np.unique(result.x)) == 150


def test_without_balance_the_classes_keep_their_expected_ratio(uneven: Examples) -> None:
    result = balanced(uneven, "abc", "none", np.random.default_rng(1))
    np.testing.assert_allclose(result.weight, uneven.weight / uneven.weight.mean(), rtol=1e-12)


def test_negative_weights_follow_the_rule() -> None:
    events = Examples(
        np.zeros((1, 4), np.float32), np.zeros(4, np.int32), np.array([1, -2, 0, 3.0])
    )
    assert without_negative(events, "keep").weight.tolist() == [1, -2, 0, 3]
    assert without_negative(events, "absolute").weight.tolist() == [1, 2, 0, 3]
    assert without_negative(events, "drop").weight.tolist() == [1, 0, 3]


def test_a_class_whose_weights_cancel_cannot_be_learnt() -> None:
    events = Examples(
        np.zeros((1, 3), np.float32), np.array([0, 1, 1], np.int32), np.array([1.0, 2.0, -2.0])
    )
    with pytest.raises(InputError, match="class 'b' add up to 0"):
        balanced(events, "ab", "class_weights", np.random.default_rng(1))
