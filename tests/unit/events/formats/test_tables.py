"""Files of tables: nulls, lists, blocks, and files that are not what they should be."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zenith.config.event_cut import EventCut
from zenith.errors import InputError, ReadError
from zenith.events.formats.nanoaod import NanoAODFormat
from zenith.events.formats.protocol import EventFile
from zenith.events.formats.table import TableFormat


def opened(path: Path, *, table: str = "/", **fields: str) -> Any:
    settings = TableFormat(type="table", fields=fields, table=table)
    return settings.open(str(path), simulation=False)


def values(path: Path, name: str, **keys: str) -> list[Any]:
    file: EventFile
    with opened(path, x=name, **keys) as file:
        found: list[Any] = file.events.read(["x"])["x"].to_list()
        kind = file.events.branches["x"].numbers
        assert file.events.numbers(["run"])["run"].dtype == np.int64
        assert str(file.events.read(["x"])["x"].type).endswith(str(kind))
    return found


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    """Three row groups; the first has no null."""
    table = pa.table(
        {
            "count": pa.array([1, 2, 3, 4, None], pa.int32()),
            "whole": pa.array([5, 6, 7, 8, 9], pa.uint8()),
            "real": pa.array([1.5, 2.5, None, float("nan"), 5.5], pa.float32()),
            "flag": pa.array([True, False, True, None, True]),
            "list": pa.array([[1], [], None, [2, 3], [4]], pa.list_(pa.int16())),
            "holes": pa.array([[1], [None], None, [2, 3], [4]], pa.list_(pa.int16())),
            "pair": pa.array([[1.0, 2.0]] * 5, pa.list_(pa.float64(), 2)),
            "word": pa.array(list("abcde")),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=2)
    return tmp_path / "t.parquet"


def test_parquet(parquet: Path) -> None:
    assert values(parquet, "whole") == [5, 6, 7, 8, 9]
    np.testing.assert_array_equal(values(parquet, "count"), [1, 2, 3, 4, np.nan])
    np.testing.assert_array_equal(values(parquet, "real"), [1.5, 2.5, np.nan, np.nan, 5.5])
    assert values(parquet, "list") == [[1], [], [], [2, 3], [4]]
    assert values(parquet, "pair") == [[1.0, 2.0]] * 5
    for column, kind in (("flag", "bool"), ("holes", "list<")):
        with pytest.raises(
            InputError, match=rf"t\.parquet: column {column} has nulls among its {kind}"
        ):
            values(parquet, column)
    with pytest.raises(InputError, match=r"column word, which format\.fields\.x names, is string"):
        values(parquet, "word")
    with pytest.raises(InputError, match=r"t\.parquet: there is no column reel, .*\(there is real"):
        values(parquet, "reel")


def test_parquet_is_read_by_row_groups(parquet: Path) -> None:
    with opened(parquet, x="whole", y="list") as file:
        tree = file.events
        assert tree.ends(["x"]).tolist() == [0, 2, 4, 5]
        for start, stop in ((0, 2), (1, 4), (3, 5), (4, 4), (0, 5)):
            read = tree.read(["x", "y"], start, stop)
            assert read["x"].to_list() == [5, 6, 7, 8, 9][start:stop]
            assert read["y"].to_list() == [[1], [], [], [2, 3], [4]][start:stop]


def test_csv(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a, b ,c,d\n1,2.5,x,\n2,,y,3\n3,nan,z,4\n")
    assert values(tmp_path / "t.csv", "a") == [1, 2, 3]
    np.testing.assert_array_equal(values(tmp_path / "t.csv", "b"), [2.5, np.nan, np.nan])
    np.testing.assert_array_equal(values(tmp_path / "t.csv", "d"), [np.nan, 3, 4])
    with pytest.raises(InputError, match=r"column c, .* is string"):
        values(tmp_path / "t.csv", "c")


def test_hdf5(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["a"] = np.arange(3)
        file["deep/a"] = np.arange(4, dtype=">f4")
        file["deep/l"] = np.arange(8).reshape(4, 2)
        file["deep/short"] = np.arange(3)
        file["rows"] = np.array([(1, (2.0, 3.0))], [("i", "i4"), ("v", "f4", (2,))])
        file["both/rows"] = np.array([(7,), (8,)], [("i", "i4")])
        file["both/objects"] = np.array([[(1,), (2,)], [(3,), (4,)]], [("v", "i2")])
        file["both/plain"] = np.array([5, 6])
    path = tmp_path / "t.h5"
    assert values(path, "a") == [0, 1, 2]
    assert values(path, "a", table="deep") == [0.0, 1.0, 2.0, 3.0]
    assert values(path, "l", table="deep") == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert values(path, "i", table="rows") == [1]
    assert values(path, "v", table="rows") == [[2.0, 3.0]]
    assert values(path, "rows.i", table="both") == [7, 8]
    assert values(path, "objects.v", table="both") == [[1, 2], [3, 4]]
    assert values(path, "plain", table="both") == [5, 6]
    with pytest.raises(InputError, match=r"column short, .* is of 3 rows where others have 4"):
        values(path, "short", table="deep")
    for wrong in ("shallow", "a"):
        with pytest.raises(
            InputError, match=rf"format\.table: {wrong} is neither .*there is a, both"
        ):
            values(path, "a", table=wrong)


def test_files_that_cannot_be_read(tmp_path: Path, parquet: Path) -> None:
    (tmp_path / "cut.parquet").write_bytes(parquet.read_bytes()[:-200])
    (tmp_path / "text.parquet").write_text("a,b\n1,2\n")
    (tmp_path / "ragged.csv").write_text("a,b\n1,2\n3\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "text.h5").write_text("a,b\n1,2\n")
    for name in ("cut.parquet", "text.parquet", "ragged.csv", "empty.csv", "text.h5"):
        with pytest.raises(ReadError, match=rf"{name}: cannot be read; it may be cut short"):
            values(tmp_path / name, "a")
    with pytest.raises(ReadError, match=r"none\.csv: there is no such file; check the path"):
        values(tmp_path / "none.csv", "a")
    with pytest.raises(InputError, match=r"t\.txt: the name of a table ends with \.parquet"):
        values(tmp_path / "t.txt", "a")


LABELLED = pa.table({"n": [1, 2, 3], "origin": ["ztautau", "htautau", "ztautau"]})


def labelled(folder: Path, kind: str) -> Path:
    path = folder / f"t.{kind}"
    if kind == "parquet":
        pq.write_table(LABELLED, path, row_group_size=2, use_dictionary=["origin"])
    elif kind == "csv":
        path.write_text("n,origin\n1,ztautau\n2,htautau\n3,ztautau\n")
    else:
        with h5py.File(path, "w") as file:
            for name in LABELLED.column_names:
                file[name] = LABELLED[name].to_pylist()
    return path


@pytest.mark.parametrize("kind", ["parquet", "csv", "h5"])
def test_labels_become_their_places(tmp_path: Path, kind: str) -> None:
    path = labelled(tmp_path, kind)
    fields = {"x": "origin", "y": "n"}

    def table(*texts: str) -> TableFormat:
        return TableFormat(type="table", fields=fields, labels={"origin": texts})

    with table("htautau", "ztautau").open(str(path), simulation=False) as file:
        for start, stop in ((0, 3), (1, 3), (2, 2)):
            read = file.events.read(["x", "y"], start, stop)
            assert read["x"].to_list() == [1, 0, 1][start:stop]
            assert read["y"].to_list() == [1, 2, 3][start:stop]
    message = (
        r"column origin holds 'htautau' in entry 1, which format\.labels\.origin does not name"
    )
    with (
        table("ztautau").open(str(path), simulation=False) as file,
        pytest.raises(InputError, match=message),
    ):
        file.events.read(["x"])


def test_cuts_on_labels() -> None:
    labels = {"origin": ("htautau", "ztautau")}
    settings = TableFormat(type="table", fields={"x": "origin", "y": "n"}, labels=labels)
    cut = settings.numbered(EventCut.model_validate("x != ztautau"), "samples.z.select")
    assert (cut.field, cut.operator, cut.value) == ("x", "!=", 1.0)
    plain = EventCut.model_validate("y > 2.5")
    assert settings.numbered(plain, "") is plain
    for text, message in (
        ("x == wjets", r"samples\.z\.select: format\.labels has no text 'wjets' of x \(it has h"),
        ("y == wjets", r"no text 'wjets' of y \(it has none\)"),
    ):
        with pytest.raises(ValueError, match=message):
            settings.numbered(EventCut.model_validate(text), "samples.z.select")
    with pytest.raises(ValueError, match="'wjets' is a text, and the format 'nanoaod' has none"):
        NanoAODFormat().numbered(EventCut.model_validate("x == wjets"), "samples.z.select")
    with pytest.raises(ValueError, match="'wjets' is not a number"):
        EventCut.model_validate("x > wjets")
