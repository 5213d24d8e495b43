"""Labels of scored events are whole numbers: nothing else becomes one without a word."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from makers.scored import write_scored

from zenith.artefacts.numbers import numbers, whole_numbers
from zenith.categorisation.scored import Scored
from zenith.categorisation.scored_files import read
from zenith.categorisation.scored_inputs import parts
from zenith.cli import main
from zenith.errors import InputError

EVENTS = 40
RNG = np.random.default_rng(1)
SCORES, WEIGHT = RNG.random(EVENTS), np.ones(EVENTS)
LABEL = np.arange(EVENTS) % 3


def scored(folder: Path, label: Any = LABEL, signal_labels: Any = (1, 2), **more: Any) -> Path:
    arrays = {"scores": SCORES, "weight": WEIGHT, "label": label, **more}
    return Path(write_scored(folder / "events.h5", arrays, signal_labels=signal_labels))


@pytest.mark.parametrize(
    "kind", ["int8", "uint8", "int16", "int32", "uint32", "int64", "uint64", "f2", "f4", "f8"]
)
def test_whole_numbers_of_any_type_are_labels(kind: str, tmp_path: Path) -> None:
    found = read(scored(tmp_path, LABEL.astype(kind), np.array([1, 2], kind)))
    assert found.label.tolist() == LABEL.tolist()
    assert found.signal_labels == (1, 2)


def test_one_signal_may_be_a_number_or_true(tmp_path: Path) -> None:
    found = read(scored(tmp_path, LABEL == 1, 1))
    assert found.signal.tolist() == np.where(LABEL == 1, 0, -1).tolist()


def changed(value: float, kind: str = "f8") -> np.ndarray:
    label = LABEL.astype(kind)
    label[:3] = value
    return label


@pytest.mark.parametrize(
    ("label", "says"),
    [
        (changed(np.nan), "3 of 40 are not, the first is nan"),
        (changed(np.inf, "f4"), "3 of 40 are not, the first is inf"),
        (changed(-np.inf), "3 of 40 are not, the first is -inf"),
        (changed(0.5), "3 of 40 are not, the first is 0.5"),
        (changed(1e300), "3 of 40 are not"),
        (changed(2.0**63), "3 of 40 are not"),
        (np.full(EVENTS, 2**63, np.uint64), "40 of 40 are not"),
        (LABEL.astype("S1"), "it holds text"),
        (LABEL.astype(str).astype(object), "it holds text"),
        (LABEL + 0j, "it holds values of type complex128"),
        (np.zeros(EVENTS, [("a", "i4")]), "it holds values of type"),
    ],
)
def test_other_labels_are_refused(
    label: Any, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, output = scored(tmp_path, label), tmp_path / "c.json"
    assert main(["categorise", str(path), "--categories", "3", "--output", str(output)]) == 1
    message = capsys.readouterr().err
    assert message.startswith(f"zenith categorise: error: {path}: label must be whole numbers")
    assert says in message
    assert message.count("\n") == 1
    assert not output.exists()
    arrays = {"label": np.asarray(label), "weight": WEIGHT}
    with pytest.raises(InputError, match=r"events\.h5: label must be whole numbers"):
        parts(arrays, 0.5, "events.h5")


@pytest.mark.parametrize(
    ("signal_labels", "says"),
    [
        ([1, np.nan], "whole numbers"),
        ([1.5], "whole numbers"),
        (np.inf, "whole numbers"),
        ("1", "it holds text"),
        (np.array([b"1"]), "it holds text"),
        ([True, False], "not true or false"),
        ([[1, 2]], "must be one list"),
        (h5py.Empty("f8"), "it holds values of type object"),
        ([], "must name each signal once"),
        ([1, 1], "must name each signal once"),
        ([7], "signal 7 has 0 events"),
    ],
)
def test_signal_labels_that_are_none(signal_labels: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"events\.h5: ") as raised:
        read(scored(tmp_path, signal_labels=signal_labels))
    assert says in str(raised.value)


@pytest.mark.parametrize("name", ["scores", "weight", "weight_variations/rate_up"])
def test_numbers_that_are_text(name: str, tmp_path: Path) -> None:
    text = {name: np.full(EVENTS, b"0.5")}
    with pytest.raises(InputError, match=rf"events\.h5: {name} must be numbers, it holds text"):
        read(scored(tmp_path, **text))


def test_parts_of_events_of_different_lengths() -> None:
    arrays = {"label": LABEL, "weight": WEIGHT[1:]}
    with pytest.raises(InputError, match=r"e\.h5: weight has shape \(39,\) and label \(40,\)"):
        parts(arrays, 0.5, "e.h5")


def test_labels_of_arrays_are_checked_too() -> None:
    assert Scored(SCORES[:, None], WEIGHT, LABEL.astype("f4"), (1,)).label.dtype == np.int64
    with pytest.raises(InputError, match="label must be whole numbers"):
        Scored(SCORES[:, None], WEIGHT, changed(0.5), (1,))


def test_what_is_exact_stays_exact() -> None:
    assert whole_numbers(-(2.0**63), "f", "n").tolist() == -(2**63)
    assert whole_numbers(2**62 + 1, "f", "n").tolist() == 2**62 + 1
    assert whole_numbers(np.array([]), "f", "n").size == 0
    assert numbers([True, False], "f", "n").tolist() == [1.0, 0.0]
