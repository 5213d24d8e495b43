"""Folds: a function of the event's identity and the salt alone, and of nothing that taught."""

import numpy as np
import pytest

from zenith.config.learning import Folds
from zenith.errors import InputError
from zenith.events.folds import event_hash, folds_of, require_every_fold, require_unseen, taught

COUNT = 200_000
EVENTS = {
    "run": np.ones(COUNT, np.uint32),
    "luminosityBlock": (np.arange(COUNT) // 1000).astype(np.uint32),
    "event": np.arange(COUNT, dtype=np.uint64),
}


@pytest.fixture(scope="module")
def fold() -> np.ndarray:
    return folds_of(event_hash(EVENTS), Folds())


def test_folds_are_of_equal_size_and_independent_of_neighbours(fold: np.ndarray) -> None:
    error = np.sqrt(0.2 * 0.8 / COUNT)
    for number in range(5):
        assert np.mean(fold == number) == pytest.approx(0.2, abs=4 * error)
    assert np.mean(fold[1:] == fold[:-1]) == pytest.approx(0.2, abs=0.004)


def test_the_fold_follows_from_the_identity_and_the_salt_alone(fold: np.ndarray) -> None:
    order = np.random.default_rng(0).permutation(COUNT)
    shuffled = {name: values[order] for name, values in EVENTS.items()}
    np.testing.assert_array_equal(folds_of(event_hash(shuffled), Folds()), fold[order])
    np.testing.assert_array_equal(folds_of(event_hash(EVENTS)[:9], Folds()), fold[:9])
    # each of the three numbers counts, and the salt: all others are in one of five by chance
    for name in EVENTS:
        other = EVENTS | {name: EVENTS[name] + np.array(1, EVENTS[name].dtype)}
        assert np.mean(folds_of(event_hash(other), Folds()) == fold) == pytest.approx(
            0.2, abs=0.004
        )
    salted = folds_of(event_hash(EVENTS), Folds(salt=2))
    assert np.mean(salted == fold) == pytest.approx(0.2, abs=0.004)


def test_a_fold_is_where_it_was(fold: np.ndarray) -> None:
    """Networks and selections on disk find their own folds: SplitMix64 in whole numbers."""

    def mixed(x: int) -> int:
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB % 2**64
        return x ^ (x >> 31)

    gamma = 0x9E3779B97F4A7C15
    for event, salt, number in ((1, 1, 5), (199_999, 7, 3)):
        state = 0
        for value in (1, event // 1000, event):
            state = mixed((state + gamma + value) % 2**64)
        expected = mixed((mixed((gamma + state) % 2**64) + gamma + salt) % 2**64) % number
        found = folds_of(event_hash(EVENTS)[[event]], Folds(number=number, salt=salt))
        assert found.tolist() == [expected]


@pytest.mark.parametrize("number", [3, 4, 5, 10])
def test_a_fold_is_among_none_of_its_teachers(number: int) -> None:
    folds = Folds(number=number)
    for fold in range(number):
        learning, validation = folds.learning(fold), folds.validation(fold)
        assert sorted([*learning, validation, fold]) == list(range(number))
        assert len(learning) == number - 2
        record = taught(folds, fold)
        assert record["taught_by"] == [f for f in range(number) if f != fold]
        assert require_unseen(record, folds, fold, "n", "mva") == tuple(record["taught_by"])


def test_what_something_started_from_has_taught_it_too() -> None:
    """A network that saw the fold, by mistake, is found in what was climbed from it."""
    record = taught(Folds(), 1, [0, 1, 2])
    assert record["taught_by"] == [0, 1, 2, 3, 4]
    with pytest.raises(InputError, match=r"c\.json: fold 1 itself taught it.*`zenith optimise"):
        require_unseen(record, Folds(), 1, "c.json", "optimise")


@pytest.mark.parametrize(
    ("folds", "fold", "message"),
    [
        (Folds(salt=2), 1, "is of 5 folds with the salt 1, the configuration has 5 .* the salt 2"),
        (Folds(number=4), 1, "is of 5 folds with the salt 1, the configuration has 4 folds"),
        (Folds(), 2, "is of fold 1, not 2"),
    ],
)
def test_other_folds_are_refused(folds: Folds, fold: int, message: str) -> None:
    with pytest.raises(InputError, match=rf"n\.safetensors: {message}.*zenith mva --fold"):
        require_unseen(taught(Folds(), 1), folds, fold, "n.safetensors", "mva")
    with pytest.raises(InputError, match="says nothing of folds"):
        require_unseen({}, folds, fold, "n", "mva")


def test_a_fold_without_data_is_named() -> None:
    require_every_fold(event_hash(EVENTS)[:100], Folds(), "data")
    one = np.full(100, 7, np.uint64)  # all events have the same numbers
    with pytest.raises(InputError, match=r"data \(runs\): folds .* of 5 have none of its"):
        require_every_fold(one, Folds(), "data (runs)")
