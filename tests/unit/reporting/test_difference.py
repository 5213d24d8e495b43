"""`zenith diff` finds what differs, and its exit status says whether anything does."""

import copy
from pathlib import Path
from typing import Any

import hist
import numpy as np
import pytest

from zenith.artefacts import write_histograms, write_json
from zenith.cli import main
from zenith.errors import InputError
from zenith.reporting.difference import compare, read, report


def histogram(values: Any) -> hist.Hist:
    result = hist.Hist(hist.axis.Regular(3, 0.0, 3.0), storage=hist.storage.Weight())
    result[...] = np.stack([values, np.ones(3)], axis=-1)
    return result


WORKSPACE = {
    "channels": [
        {
            "name": "SR",
            "samples": [
                {
                    "name": "wjets",
                    "data": [5.0, 6.0],
                    "modifiers": [
                        {"name": "lumi", "type": "normsys", "data": {"hi": 1.01, "lo": 0.99}}
                    ],
                }
            ],
        }
    ],
    "observations": [{"name": "SR", "data": [5, 7]}],
    "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    "version": "1.0.0",
}


def test_the_bin_that_changed_is_found(tmp_path: Path) -> None:
    before, after = tmp_path / "a.root", tmp_path / "b.root"
    write_histograms(
        before, {"SR/a/nominal": histogram([1, 2, 4]), "SR/b/nominal": histogram([3] * 3)}
    )
    write_histograms(
        after, {"SR/a/nominal": histogram([1, 2, 5]), "SR/b/nominal": histogram([3] * 3)}
    )
    found = compare(read(before), read(after))
    assert (found.added, found.removed, found.reshaped) == ([], [], [])
    (change,) = found.changed
    assert (change.name, change.index) == ("SR/a/nominal yields", 2)
    assert (change.before, change.after, change.relative) == (4.0, 5.0, 0.2)
    assert not compare(read(before), read(after), tolerance=0.2)
    assert not compare(read(before), read(before))


def test_the_largest_difference_comes_first() -> None:
    before = {"small": np.array([100.0]), "large": np.array([1.0, 0.0]), "gone": np.zeros(1)}
    after = {"small": np.array([101.0]), "large": np.array([1.0, -3.0]), "new": np.zeros(1)}
    found = compare(before, after)
    assert [change.name for change in found.changed] == ["large", "small"]
    assert (found.changed[0].index, found.changed[0].relative) == (1, 1.0)
    assert (found.removed, found.added) == (["gone"], ["new"])
    text = report(found)
    assert text.index("large") < text.index("small")


def test_numbers_of_bins_and_nan_are_differences() -> None:
    found = compare({"a": np.zeros(2)}, {"a": np.zeros(3)})
    assert found.reshaped == ["a"]
    assert compare({"a": np.array([np.nan])}, {"a": np.array([1.0])})
    assert not compare({"a": np.array([np.nan])}, {"a": np.array([np.nan])})


def test_workspaces_differ_by_their_modifiers(tmp_path: Path) -> None:
    changed = copy.deepcopy(WORKSPACE)
    modifiers: Any = changed["channels"][0]["samples"][0]["modifiers"]  # type: ignore[index]
    modifiers[0]["data"]["hi"] = 1.05
    modifiers.append({"name": "mu", "type": "normfactor", "data": None})
    for name, content in (("a.json", WORKSPACE), ("b.json", changed)):
        write_json(tmp_path / name, content)
    found = compare(read(tmp_path / "a.json"), read(tmp_path / "b.json"))
    assert found.added == ["SR/wjets/mu (normfactor)"]
    (change,) = found.changed
    assert (change.name, change.before, change.after) == ("SR/wjets/lumi (normsys)", 1.01, 1.05)


def test_malformed_workspaces_are_one_message(tmp_path: Path) -> None:
    path = tmp_path / "w.json"
    text, twice = copy.deepcopy(WORKSPACE), copy.deepcopy(WORKSPACE)
    text["channels"][0]["samples"][0]["data"] = ["5", "x"]  # type: ignore[index]
    twice["channels"][0]["samples"] *= 2  # type: ignore[index]
    write_json(path, text)
    with pytest.raises(InputError, match=r"w\.json: channels\[0\]\.samples\[0\]\.data\[0\]"):
        read(path)
    write_json(path, twice)
    with pytest.raises(InputError, match=r"w\.json: 'SR/wjets yields' is there twice"):
        read(path)


def test_the_exit_status_is_that_of_diff(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = str(tmp_path / "a.root"), str(tmp_path / "b.root")
    write_histograms(a, {"SR/a/nominal": histogram([1, 2, 4])})
    write_histograms(b, {"SR/a/nominal": histogram([1, 2, 5])})
    assert main(["diff", a, a]) == 0
    assert capsys.readouterr().out == "no difference\n"
    with pytest.raises(SystemExit) as status:
        main(["diff", a, b])
    assert status.value.code == 1
    assert "SR/a/nominal yields" in capsys.readouterr().out
    with pytest.raises(SystemExit) as status:
        main(["diff", a, str(tmp_path / "none.root")])
    assert status.value.code == 2
    assert "none.root: cannot be read" in capsys.readouterr().err
