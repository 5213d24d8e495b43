"""Training sets as networks take them: which events, which numbers, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers.training_sets import CONFIG, LEADING, particles, without, write_particles

from zenith.config import parse
from zenith.config.inputs import TrainingSetFields
from zenith.config.learning import Folds
from zenith.config.networks.settings import Mva
from zenith.errors import InputError
from zenith.events.folds import folds_of, hash_of
from zenith.training.parts import Parts, parts_of
from zenith.training.sets import opened

Arrays = dict[str, np.ndarray]
SETTINGS = CONFIG["mva"]["sets"]


def network(**changes: Any) -> Mva:
    return parse({**CONFIG, "mva": {"sets": SETTINGS | changes}}).mva["sets"]


def read(
    paths: str | list[str],
    mva: Mva | None = None,
    fold: int | None = None,
    folds: Folds | None = None,
    **fields: Any,
) -> Parts:
    listed = [paths] if isinstance(paths, str) else paths
    with opened(listed, mva or network(), TrainingSetFields(**fields)) as sources:
        return parts_of("sets", sources, folds or Folds(), fold)


def test_parts_hold_the_rows_that_the_file_says(tmp_path: Path) -> None:
    arrays = particles()
    found = read(write_particles(tmp_path / "set.h5", arrays))
    for k, part in enumerate(("train", "validate", "test")):
        rows = arrays["events"]["part"] == k
        events, jets = arrays["events"][rows], arrays["jet"][rows]
        np.testing.assert_array_equal(found[part].label, events["label"])
        np.testing.assert_array_equal(found[part].weight, events["weight"])
        np.testing.assert_array_equal(found[part].x, events["st"][None])
        values, valid = found[part].objects["jet"]
        assert values.shape == (4, LEADING, rows.sum())
        np.testing.assert_array_equal(valid, jets["valid"].T)
        for value, name in zip(np.asarray(values), ("pt", "eta", "phi", "mass"), strict=True):
            np.testing.assert_array_equal(value, jets[name].T)
    assert found["train"].x.dtype == np.float32


@pytest.mark.parametrize("parts", ["train,validate,test,calibrate", None])
def test_a_part_of_the_file_calibrates(tmp_path: Path, parts: str | None) -> None:
    arrays = particles()
    arrays["events"]["part"][:80] = 3
    path = write_particles(tmp_path / "set.h5", arrays, parts=parts)
    found = read(path)
    np.testing.assert_array_equal(found["calibrate"].x[0], arrays["events"]["st"][:80])
    assert sum(len(events.label) for events in found.values()) == 600
    assert "calibrate" not in read(path, network(calibration=None))
    arrays["events"]["part"][1:80:2] = 0
    path = write_particles(tmp_path / "one.h5", arrays, parts=parts)
    with pytest.raises(InputError, match=r"class 'signal' .* no event in the part 'calibrate'"):
        read(path)


def test_what_is_in_padding_is_no_matter(tmp_path: Path) -> None:
    arrays = particles()
    right = read(write_particles(tmp_path / "a.h5", arrays))
    padding = ~arrays["jet"]["valid"]
    for name, value in (("pt", np.nan), ("eta", np.inf), ("mass", -999.0)):
        arrays["jet"][name][padding] = value
    other = read(write_particles(tmp_path / "b.h5", arrays))
    for part, events in right.items():
        for one, two in zip(events.objects["jet"], other[part].objects["jet"], strict=True):
            np.testing.assert_array_equal(one, two)


def test_labels_are_the_names_in_the_file(tmp_path: Path) -> None:
    """Of several files, with other numbers; names are merged into classes, or left out."""
    arrays = particles()
    first = write_particles(tmp_path / "a.h5", arrays)
    second = particles(seed=2)
    second["events"]["label"] = np.array([2, 0, 3, 1])[np.arange(600) % 4]
    second["events"]["label"][0] = -1
    names = np.array(["signal", "other", "background", "light"], dtype=object)
    both = [first, write_particles(tmp_path / "b.h5", second, classes=names)]
    found = read(both)["train"].label
    of_second = second["events"]["label"][second["events"]["part"] == 0]
    expected = [{0: 1, 2: 0}[k] for k in of_second.tolist() if k in (0, 2)]
    of_first = arrays["events"]["label"][arrays["events"]["part"] == 0]
    assert found.tolist() == [*of_first.tolist(), *expected]
    merged = network(classes={"b": ["background", "light"], "s": ["signal", "other"]})
    counts = np.bincount(read(both[1], merged)["train"].label)
    assert counts.sum() == (of_second >= 0).sum()
    bare = write_particles(tmp_path / "c.h5", arrays, classes=None)
    np.testing.assert_array_equal(read(bare)["train"].label, of_first)


def test_events_in_folds(tmp_path: Path) -> None:
    arrays = particles()
    folds = Folds(number=3, salt=4)
    events = without(arrays["events"], "part")
    of_event = folds_of(hash_of(events["event"]), folds)
    rows = np.zeros(600, [*events.dtype.descr, ("fold", "<i4")])
    for name in events.dtype.names:
        rows[name] = events[name]
    rows["fold"] = of_event
    made = {"folds_number": 3, "folds_salt": 4}
    path = write_particles(tmp_path / "set.h5", {**arrays, "events": rows}, **made)
    found = read(path, fold=1, folds=folds)
    for part, fold in (("train", 2), ("validate", 0), ("test", 1)):
        np.testing.assert_array_equal(found[part].x[0], rows["st"][of_event == fold])
    with pytest.raises(InputError, match=r"set\.h5: its events are in folds: say with --fold"):
        read(path, folds=folds)
    with pytest.raises(InputError, match=r"set\.h5: is of 3 folds with the salt 4, .* has 5 with"):
        read(path, fold=1)


def test_other_names_and_no_weights(tmp_path: Path) -> None:
    arrays = particles()
    renamed = {"jets": without(arrays["events"], "weight"), "jet": arrays["jet"]}
    path = write_particles(tmp_path / "set.h5", renamed, chunk=None)
    found = read(path, events="jets", weight=None)["test"]
    assert set(found.weight) == {1.0}
    with pytest.raises(InputError, match=r"set\.h5: there is no compound dataset 'events'.*jets"):
        read(path)
    with pytest.raises(
        InputError, match=r"set\.h5: jets has no field 'weight' \(inputs\.training_"
    ):
        read(path, events="jets")


def test_cuts_of_the_network(tmp_path: Path) -> None:
    arrays = particles()
    path = write_particles(tmp_path / "set.h5", arrays)
    passed = arrays["events"]["st"] > 50
    found = read(path, network(cuts=["st > 50"]))
    assert sum(len(events.label) for events in found.values()) == passed.sum()
    with pytest.raises(InputError, match=r"'background' .* has no event in the part 'train'.*1e9"):
        read(path, network(cuts=["st > 1e9"]))


def test_observables_of_the_loss(tmp_path: Path) -> None:
    """Of the classes of which it reads them; of the signal they may be absent."""
    arrays = particles()
    events = arrays["events"]
    signal = events["label"] == 1
    events["weight"][signal & (events["event"] % 3 == 0)] = np.nan
    correlated = {"distance_correlation": {"observable": "weight", "strength": 1.0}}
    path = write_particles(tmp_path / "set.h5", arrays)
    found = read(path, network(loss=correlated), weight=None)["test"]
    there = events[events["part"] == 2]
    expected = np.where(there["label"] == 1, 0.0, there["weight"])
    np.testing.assert_array_equal(found.observables["weight"], expected)
    planed = network(loss={"planing": {"observable": "weight"}})
    with pytest.raises(
        InputError, match=r"set\.h5: weight is NaN or infinite in \d+ of the \d+ ev"
    ):
        read(path, planed, weight=None)
    absent = network(loss={"planing": {"observable": "m_bb"}})
    with pytest.raises(InputError, match=r"set\.h5: events has no field 'm_bb' \(mva loss, reg"):
        read(path, absent, weight=None)


def nan_objects(arrays: Arrays) -> None:
    arrays["jet"]["eta"][np.argmax(arrays["jet"]["valid"][:, 0]), 0] = np.nan


def no_objects(arrays: Arrays) -> None:
    arrays["jet"]["valid"] = False


def one_class(arrays: Arrays) -> None:
    arrays["events"]["label"] = 0


def third_label(arrays: Arrays) -> None:
    arrays["events"]["label"][7] = 2


def broken_label(arrays: Arrays) -> None:
    labels = arrays["events"].astype([*EVENT_AS_FLOATS])
    labels["label"][3] = 0.5
    arrays["events"] = labels


EVENT_AS_FLOATS = [
    (name, "<f4" if name == "label" else kind) for name, kind in particles(2)["events"].dtype.descr
]


def infinite_weight(arrays: Arrays) -> None:
    arrays["events"]["weight"][5] = np.inf


def replaced(name: str, make: Callable[[np.ndarray], np.ndarray]) -> Callable[[Arrays], None]:
    return lambda arrays: arrays.update({name: make(arrays[name])})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            replaced("jet", lambda a: without(a, "mass")),
            r"jet has no field 'mass' \(objects\), only",
        ),
        (replaced("jet", lambda a: without(a, "valid")), r"jet has no field 'valid'"),
        (
            replaced("events", lambda a: without(a, "st")),
            r"events has no field 'st' \(mva features",
        ),
        (replaced("events", lambda a: without(a, "label")), r"events has no field 'label'"),
        (replaced("events", lambda a: without(a, "part")), r"neither 'part' nor `fold`, only st"),
        (
            replaced("jet", lambda a: a[:, :3]),
            r"jet has 3 objects .* network reads 5: .*leading: 3",
        ),
        (replaced("jet", lambda a: a[:, 0]), r"jet has no list of objects in each event"),
        (replaced("jet", lambda a: a[:-1]), r"jet has 599 rows and events 600"),
        (lambda arrays: arrays.pop("jet"), r"there is no collection 'jet', only events"),
        (nan_objects, r"jet\.eta is NaN or infinite in 1 of the \d+ valid objects"),
        (no_objects, r"no event of the part 'train' has any 'jet': valid is false throughout"),
        (one_class, r"class 'signal' \(signal\) has no event in the part 'train'"),
        (third_label, r"label is 2 in 1 events, and there are 2 classes \(0 to 1\)"),
        (broken_label, r"label must be whole numbers .* the first is 0\.5"),
        (infinite_weight, r"weight is NaN or infinite in 1 of the \d+ events"),
    ],
)
def test_one_message_for_each_bad_file(
    tmp_path: Path, change: Callable[[Arrays], None], message: str
) -> None:
    arrays = particles()
    change(arrays)
    path = write_particles(tmp_path / "set.h5", arrays)
    with pytest.raises(InputError, match=message) as error:
        read(path)
    assert str(error.value).startswith(path)
    assert "\n" not in str(error.value)


def test_files_that_are_no_training_sets(tmp_path: Path) -> None:
    text = tmp_path / "text.h5"
    text.write_text("no HDF5")
    with pytest.raises(InputError, match=r"text\.h5: cannot be read as HDF5"):
        read(str(text))
    with pytest.raises(InputError, match=r"absent\.h5: cannot be read as HDF5"):
        read(str(tmp_path / "absent.h5"))
    path = write_particles(tmp_path / "set.h5", particles())
    content = bytearray(Path(path).read_bytes())
    content[len(content) // 2 : len(content) // 2 + 400] = b"\xff" * 400  # in compressed chunks
    Path(path).write_bytes(content)
    with pytest.raises(InputError, match=r"set\.h5"):
        read(path)


def test_names_that_the_file_does_not_have(tmp_path: Path) -> None:
    path = write_particles(tmp_path / "set.h5", particles())
    with pytest.raises(
        InputError, match=r"set\.h5: there is no class 'top'.* is background, signal"
    ):
        read(path, network(classes={"background": ["background"], "top": ["top"]}))


def test_what_a_network_knows_may_be_missing(tmp_path: Path) -> None:
    arrays = particles()
    nan_objects(arrays)
    jets = {"fields": ["pt", "eta", "phi", "mass"], "leading": LEADING, "missing": ["eta"]}
    found = read(write_particles(tmp_path / "set.h5", arrays), network(objects={"jet": jets}))
    lacking = sum(np.isnan(part.objects["jet"].values).sum() for part in found.values())
    assert lacking == 1
