"""Mini-batches: every event once an epoch, in another order, of blocks that are read together."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers.training_sets import CONFIG, particles, write_particles

from zenith.config import parse
from zenith.config.inputs import TrainingSetFields
from zenith.training.loader import Loader
from zenith.training.sets import opened

MVA = parse(CONFIG).mva["sets"]
KINDS: dict[str, dict[str, int]] = {
    "one pool": {},
    "by blocks": {"pool": 20_000},  # two or three blocks in a pool
    "one block": {"pool": 1},
}


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    """Two files, whose momenta tell which event is which."""
    return [
        write_particles(tmp_path / f"{seed}.h5", particles(events, seed))
        for events, seed in ((600, 1), (150, 2))
    ]


@contextmanager
def loader(paths: list[str], batch: int = 50, seed: int = 3, **options: Any) -> Iterator[Loader]:
    with opened(paths, MVA, TrainingSetFields()) as sources:
        yield Loader(sources, batch, seed, **options)


def st(loader: Loader, epoch: int = 0) -> list[np.ndarray]:
    return [events.x[0] for events in loader.epoch(epoch)]


@pytest.mark.parametrize("kind", KINDS)
def test_each_event_once(paths: list[str], kind: str) -> None:
    arrays = [particles(600, 1), particles(150, 2)]
    known = np.sort(np.concatenate([a["events"]["st"] for a in arrays]))
    with loader(paths, **KINDS[kind]) as found:
        batches = list(found.epoch(0))
        assert [len(events.label) for events in batches] == [50] * 15
        np.testing.assert_array_equal(np.sort(np.concatenate([b.x[0] for b in batches])), known)
        for events in batches:  # what belongs together stays together
            values, valid = events.objects["jet"]
            np.testing.assert_allclose(np.sum(values[0], axis=0), events.x[0], rtol=1e-5)
            assert not np.asarray(values)[:, ~np.asarray(valid)].any()
        assert len(list(Loader(found._sources, 40, 1, **KINDS[kind]).epoch(0))) == 750 // 40


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_is_the_order(paths: list[str], kind: str) -> None:
    with loader(paths, **KINDS[kind]) as one, loader(paths, **KINDS[kind]) as same:
        for epoch in (0, 1, 0):
            np.testing.assert_array_equal(st(one, epoch), st(same, epoch))
        assert not np.array_equal(st(one, 0), st(one, 1))
        with loader(paths, seed=4, **KINDS[kind]) as other:
            assert not np.array_equal(st(one, 0), st(other, 0))


def test_events_are_mixed(paths: list[str]) -> None:
    """The files are spread over the epoch, and neighbours in a file are not neighbours any more."""
    with loader(paths, batch=30, pool=20_000) as found:
        batches = [set(batch.tolist()) for batch in st(found)]
    second = set(particles(150, 2)["events"]["st"].tolist()) - {0.0}
    assert [len(batch & second) > 0 for batch in batches].count(True) > 20  # of 25
    first = [value for value in particles(600, 1)["events"]["st"].tolist() if value]
    together = [any({a, b} <= batch for batch in batches) for a, b in pairwise(first)]
    assert np.mean(together) < 0.35  # 30 of about 190 in a pool


def test_only_what_is_chosen(paths: list[str]) -> None:
    arrays = particles(600, 1)
    train = arrays["events"]["st"][arrays["events"]["part"] == 0]
    for options in KINDS.values():
        with loader(
            paths[:1], batch=10, chosen=lambda _, events: events["part"] == 0, **options
        ) as found:
            np.testing.assert_array_equal(np.sort(np.concatenate(st(found))), np.sort(train))
