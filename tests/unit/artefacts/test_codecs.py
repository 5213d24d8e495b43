"""Every kind of artefact is known by its content, typed, and says what a damaged file lacks."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from typing_extensions import is_typeddict

from zenith.artefacts import Columns, write_arrays, write_columns
from zenith.artefacts.history import (
    CLIMB_QUANTITIES,
    ClimbHistory,
    read_category_history,
    read_climb_history,
    write_category_history,
    write_climb_history,
)
from zenith.artefacts.json_codec import JsonCodec
from zenith.artefacts.selection import SELECTION
from zenith.artefacts.tensors import TENSORS, write_tensors
from zenith.cli import main
from zenith.config.steps import COMMANDS
from zenith.errors import InputError
from zenith.reporting.codecs import CODECS, OTHER_JSON, codecs_of
from zenith.reporting.inspection import describe

TYPED = [c for c in CODECS if isinstance(c, JsonCodec) and c is not OTHER_JSON]
NAMES = [codec.name for codec in TYPED]


def example(kind: Any, *, everything: bool = True) -> Any:
    """The smallest content of a type: one entry of every list and mapping; with optional keys."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Annotated, NotRequired):
        return example(arguments[0], everything=everything)
    if origin is Literal:
        return arguments[0]
    if origin in (Union, UnionType):
        known = [a for a in arguments if a is not NoneType]
        return example(known[0], everything=everything) if everything else None
    if is_typeddict(kind):
        hints = get_type_hints(kind, include_extras=True)
        keys = [key for key in hints if everything or key in kind.__required_keys__]
        return {key: example(hints[key], everything=everything) for key in keys}
    if origin is list:
        return [example(arguments[0], everything=everything)]
    if origin is dict:
        return {"background": example(arguments[1], everything=everything)}
    return {str: "text", bool: True, int: 1, float: 0.5}[kind]


def required(kind: Any, content: Any) -> Iterator[tuple[list[Any], str]]:
    """Every key that may not be missing: the way to its object, and its name."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Annotated, NotRequired):
        yield from required(arguments[0], content)
    elif origin in (list, dict):
        key = 0 if origin is list else "background"
        yield from (([key, *way], name) for way, name in required(arguments[-1], content[key]))
    elif is_typeddict(kind):
        for name, inner in get_type_hints(kind, include_extras=True).items():
            if name in kind.__required_keys__:
                yield [], name
            yield from (([name, *way], last) for way, last in required(inner, content[name]))


@pytest.mark.parametrize("everything", [True, False])
@pytest.mark.parametrize("codec", TYPED, ids=NAMES)
def test_what_is_written_is_read_known_and_shown(
    codec: JsonCodec[Any], everything: bool, tmp_path: Path
) -> None:
    content, path = example(codec.type, everything=everything), tmp_path / "a.json"
    codec.write(path, content, config={"a": 1})
    assert codec.read(path) == content
    assert json.loads(path.read_text())["provenance"].keys() == {"zenith", "inputs", "config"}
    assert codecs_of(path) == (path, [codec if content else OTHER_JSON])
    text = describe(path)
    assert "made with config" in text
    assert codec.step in COMMANDS


@pytest.mark.parametrize("codec", TYPED, ids=NAMES)
def test_a_key_that_is_missing_is_named_with_the_file_and_the_step(
    codec: JsonCodec[Any], tmp_path: Path
) -> None:
    whole, path = example(codec.type), tmp_path / "damaged.json"
    keys = list(required(codec.type, whole))
    assert len(keys) > 3 or codec is SELECTION
    for way, name in keys:
        content = here = copy.deepcopy(whole)
        for key in way:
            here = here[key]
        del here[name]
        with pytest.raises(InputError) as error:
            codec.checked(path, content)
        message = str(error.value)
        place = "".join(f"[{k}]" if isinstance(k, int) else f".{k}" for k in [*way, name])[1:]
        step = f"`zenith {codec.step}`"
        assert message == f"{path}: not what {step} writes ({place} is missing); run {step} again"


@pytest.mark.parametrize("codec", TYPED, ids=NAMES)
def test_a_number_is_no_text(codec: JsonCodec[Any], tmp_path: Path) -> None:
    content = example(codec.type)
    for key, value in content.items():
        with pytest.raises(InputError, match=rf"a\.json: .*\({key}[^ ]* is not "):
            codec.checked(
                tmp_path / "a.json", content | {key: 1 if isinstance(value, str) else "x"}
            )


def test_a_step_that_reads_a_damaged_file_says_what_to_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit, output = tmp_path / "initial/fit.json", tmp_path / "summary.json"
    fit.parent.mkdir()
    fit.write_text(json.dumps({"mu": 1.0, "parameters": []}))
    assert main(["summary", "--results", str(tmp_path), "--output", str(output)]) == 1
    printed = capsys.readouterr().err
    assert f"{fit}: " in printed
    assert "is missing" in printed
    assert "run `zenith fit` again" in printed
    assert "Traceback" not in printed
    assert not output.exists()
    assert main(["inspect", str(fit)]) == 1
    assert "run `zenith fit` again" in capsys.readouterr().err


def test_arrays_are_shown_by_name_and_columns_as_columns(tmp_path: Path) -> None:
    history, columns = tmp_path / "a.h5", tmp_path / "c.h5"
    write_arrays(history, {"start_0/value": np.array([1.0, np.nan, 3.0])}, {"kept_start": 2})
    identity = np.arange(2, dtype=np.uint64)
    write_columns(columns, Columns({"met": np.ones(2, np.float32)}, np.ones(2), identity))
    cells = [[cell.strip() for cell in line.split("|")] for line in describe(history).split("\n")]
    assert ["", "start_0/value", "3", "float64", "1", "3", ""] in cells
    assert ["", "kept_start", "2", ""] in cells
    assert [codec.name for codec in codecs_of(columns)[1]] == ["columns"]
    assert "observable" in describe(columns)


def test_histories_come_back_or_say_what_is_missing(tmp_path: Path) -> None:
    climb, categories = tmp_path / "climb.h5", tmp_path / "categories.h5"
    steps = {f"start_1/{name}": np.arange(3.0) for name in CLIMB_QUANTITIES}
    write_climb_history(climb, ClimbHistory(steps, 1, 2))
    found = read_climb_history(climb)
    assert (found.kept_start, found.kept_step) == (1, 2)
    np.testing.assert_array_equal(found.steps["start_1/value"], [0.0, 1.0, 2.0])
    assert "kept: step 2 of start 1" in describe(climb)
    write_climb_history(climb, ClimbHistory(steps, 0, 2))
    with pytest.raises(
        InputError, match=r"start_0/value is missing\); run `zenith optimise` again"
    ):
        read_climb_history(climb)
    write_category_history(categories, {}, [1])
    assert read_category_history(categories) == {}
    write_category_history(categories, {"soft": np.zeros(2)}, [1])
    with pytest.raises(
        InputError, match=r"categories\.h5: .*`zenith categorise`.*\(hard is missing"
    ):
        read_category_history(categories)
    with pytest.raises(InputError, match=r"climb\.h5: .*\(signal_labels is missing"):
        read_category_history(climb)
    with pytest.raises(InputError, match=r"categories\.h5: .*\(kept_start is missing"):
        read_climb_history(categories)


def test_tensors_are_shown_with_their_header_and_have_equal_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    header, arrays = {"network": {"type": "perceptron"}}, {"w": np.array([[3.0, 4.0]])}
    write_tensors(first, header, arrays)
    write_tensors(second, header, arrays)
    assert first.read_bytes() == second.read_bytes()
    found = TENSORS.read(first)
    assert found.header == header
    np.testing.assert_array_equal(found.arrays["w"], arrays["w"])
    cells = [[cell.strip() for cell in line.split("|")] for line in describe(first).split("\n")]
    assert ["", "network.type", "perceptron", ""] in cells
    assert ["", "w", "1 × 2", "3.536", ""] in cells  # √(25 / 2)
