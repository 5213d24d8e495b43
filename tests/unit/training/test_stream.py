"""Training sets that do not fit into memory: samples of their parts, and events that are read."""

import tracemalloc
from pathlib import Path
from typing import Any

import equinox as eqx
import numpy as np
import pytest
from makers.training_sets import CONFIG, particles, write_particles

from zenith.config import parse
from zenith.config.inputs import TrainingSetFields
from zenith.config.learning import Folds
from zenith.config.networks.descent import DescentSettings
from zenith.config.networks.perceptron import PerceptronSettings
from zenith.config.networks.settings import Mva
from zenith.errors import ConfigError
from zenith.training import checkpoints
from zenith.training.balance import balanced, without_negative
from zenith.training.drawn import Drawn
from zenith.training.evaluate import roc
from zenith.training.examples import Examples
from zenith.training.parts import Parts, parts_of
from zenith.training.planing import planed
from zenith.training.scores import scores_of
from zenith.training.sets import opened
from zenith.training.train import _planing, _weighted, train

SMALL = 0.01  # MiB, of about 100 events
CLASSES = ("background", "signal")


def network(**changes: Any) -> DescentSettings:
    given = {"memory": SMALL, "width": 4, "layers": 1, "head": [4], "calibration": None}
    sets = CONFIG["mva"]["sets"] | given | {"batch": 40, "epochs": 3, **changes}
    found = parse({**CONFIG, "mva": {"sets": sets}}).mva["sets"]
    assert isinstance(found, DescentSettings)
    return found


def perceptron(**changes: Any) -> PerceptronSettings:
    given = {"classes": {c: [c] for c in CLASSES}, "features": ["st"], "hidden": [4]}
    given |= {"batch": 20, "epochs": 3, "learning_rate": 0.03}
    return PerceptronSettings.model_validate(given | changes)


def read(path: str, mva: Mva) -> Parts:
    with opened([path], mva, TrainingSetFields()) as sources:
        return parts_of("sets", sources, Folds())


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A thousand events to train with, a third of them of the second class, some negative."""
    arrays = particles(3000)
    events = arrays["events"]
    events["label"][::4] = 1
    events["weight"][::7] *= -0.5
    return write_particles(tmp_path_factory.mktemp("sets") / "set.h5", arrays, chunk=500)


def numbered(events: int, random: np.random.Generator) -> Examples:
    """Events that are told apart by their feature, one of 40 of the second class."""
    label = (np.arange(events) % 40 == 0).astype(np.int32)
    x = np.arange(events, dtype=np.float32)[None]
    return Examples(x, label, random.normal(1.0, 0.2, events))


def test_what_is_drawn_is_random_bounded_and_stands_for_all() -> None:
    random = np.random.default_rng(1)
    events = numbered(20_000, random)
    memory = 16 * 4000  # bytes, of as many events of 16

    def drawn(block: int, memory: float = memory, seed: int = 2) -> Drawn:
        found = Drawn(2, memory, np.random.default_rng(seed))
        for start in range(0, 20_000, block):
            found.add(events.take(np.arange(start, min(start + block, 20_000))))
        return found

    whole = drawn(300, memory=1e9)
    assert whole.whole
    for mine, given in zip(whole.events().arrays(), events.arrays(), strict=True):
        np.testing.assert_array_equal(mine, given)
    sample = drawn(300)
    assert not sample.whole
    found = sample.events()
    assert np.bincount(found.label).tolist() == [1000, 500]  # the second class is whole
    np.testing.assert_array_equal(sample.numbers.sum(axis=0), [19_500, 500])
    np.testing.assert_allclose(
        sample.sums.sum(axis=0), np.bincount(events.label, events.weight), rtol=1e-12
    )
    rare = found.label == 1
    np.testing.assert_array_equal(found.weight[rare], events.weight[events.label == 1])
    # each event of the first class stands for 19.5, and they are spread evenly over the file
    chosen = found.x[0, ~rare].astype(int)
    np.testing.assert_allclose(found.weight[~rare], 19.5 * events.weight[chosen])
    assert (np.diff(chosen) > 0).all()
    counts = np.bincount(chosen // 2000, minlength=10)
    assert ((counts - 100) ** 2 / 100).sum() < 27.9  # χ² of nine degrees of freedom, 1 in 1000
    for other in (drawn(1999).events(), drawn(20_000).events()):  # whatever the blocks
        for mine, given in zip(other.arrays(), found.arrays(), strict=True):
            np.testing.assert_array_equal(mine, given)
    assert drawn(300, seed=3).events().x.tolist() != found.x.tolist()


@pytest.mark.parametrize("rule", ["keep", "absolute", "drop"])
@pytest.mark.parametrize("balance", ["none", "class_weights"])
def test_events_that_are_read_have_the_weights_of_those_in_memory(
    path: str, balance: str, rule: Any
) -> None:
    mva = network(balance=balance, negative_weights=rule)
    stream = read(path, mva).stream
    assert stream is not None
    whole = read(path, network(memory=100.0))
    assert whole.stream is None
    events = without_negative(whole["train"], rule)
    expected = balanced(events, CLASSES, mva.balance, np.random.default_rng(1))
    epochs = stream.weighed(seed=5)
    assert epochs.events == len(expected.weight)
    batches = list(epochs.batches(1, 10, 1000))
    assert len(batches) == len(expected.weight) // 10
    found = Examples.joined(batches)
    known = dict(zip(expected.x[0].tolist(), expected.weight, strict=True))
    values, counts = np.unique(expected.x[0], return_counts=True)
    some = np.isin(found.x[0], values[counts == 1])  # those that can be told from others
    assert some.sum() > 700
    weights = [known[st] for st in found.x[0, some].tolist()]
    np.testing.assert_allclose(found.weight[some], weights, rtol=1e-12)


def test_events_that_are_read_are_planed_as_their_sample(path: str) -> None:
    mva = network(loss={"planing": {"observable": "st", "bins": 4}}, memory=0.05)
    parts = read(path, mva)
    assert parts.stream is not None
    sample = _weighted(mva, parts["train"])
    weigh = _planing(mva, sample)
    assert mva.loss.planing is not None
    (flat,) = planed((sample,), mva.loss.planing, 2)
    np.testing.assert_array_equal(weigh(sample).weight, flat.weight)
    ratio = dict(zip(sample.x[0].tolist(), flat.weight / sample.weight, strict=True))
    plain, events = (
        Examples.joined(list(parts.stream.weighed(1, how).batches(1, 10, 1000)))
        for how in (lambda events: events, weigh)
    )
    there = np.isin(events.x[0], sample.x[0]) & (events.x[0] > 0.0)
    factors = events.weight[there] / plain.weight[there]
    np.testing.assert_allclose(factors, [ratio[st] for st in events.x[0, there].tolist()])


def test_training_on_events_that_are_read(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same numbers after a stop, and what can be learnt is learnt."""
    monkeypatch.setattr(checkpoints, "PAUSE", 0.0)
    mva = perceptron(memory=0.005)
    parts = read(path, mva)
    assert parts.drawn["train"].sum() < 0.2 * parts.numbers["train"].sum()
    test = read(path, perceptron(memory=100.0))["test"]

    def trained(checkpoint: Path | None = None, stop: int = 99) -> Any:
        def report(epoch: int, *_: float) -> None:
            seen.append(epoch)
            if epoch == stop:
                raise KeyboardInterrupt

        taught = parts["train"], parts["validate"]
        return train("n", mva, *taught, 1, report, None, checkpoint, parts.stream)

    seen: list[int] = []
    first = trained()
    assert seen == [1, 2, 3]
    score = scores_of(first.network, test.x)[0]
    area, of_st = (roc(of, test.label == 1, np.abs(test.weight)).auc for of in (score, test.x[0]))
    assert area == pytest.approx(of_st, abs=0.005)  # all that the network reads, and rising
    file = tmp_path / "checkpoint.safetensors"
    seen.clear()
    with pytest.raises(KeyboardInterrupt):
        trained(file, stop=3)
    again = trained(file)
    assert seen == [1, 2, 3, 3]
    assert again.losses == first.losses
    assert eqx.tree_equal(again.network, first.network)


def test_memory_does_not_grow_with_the_number_of_events(tmp_path: Path) -> None:
    mva, peaks, sizes = network(), [], []
    for events in (4000, 20_000):
        path = write_particles(tmp_path / f"{events}.h5", particles(events), chunk=100)
        tracemalloc.start()
        try:
            parts = read(path, mva)
            assert parts.stream is not None
            epochs = parts.stream.weighed(1)
            read_once = sum(len(batch.label) for batch in epochs.batches(1, 40, 10**6))
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        assert read_once > 0.3 * events
        sizes.append(sum(array.nbytes for array in particles(events).values()))
    # some that h5py leaves to be collected, and of which there is no more after more events
    assert peaks[1] - peaks[0] < 0.1 * (sizes[1] - sizes[0])
    assert peaks[1] < 0.2 * sizes[1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"balance": "undersample"}, "balance: undersample .* class_weights.*memory: 0.01 MiB"),
        ({"balance": "oversample"}, "balance: oversample"),
        ({"bootstrap": True}, "bootstrap: true"),
    ],
)
def test_what_needs_all_events_at_once(path: str, changes: Any, message: str) -> None:
    mva = network(**changes)
    parts = read(path, mva)
    with pytest.raises(ConfigError, match=rf"mva\.n: {message}") as error:
        train("n", mva, parts["train"], parts["validate"], 1, stream=parts.stream)
    assert len(str(error.value).splitlines()) == 1
