"""Selections of the folds: the union of all events, and files that do not belong together."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zenith.artefacts import Columns, write_json
from zenith.config import Analysis, parse
from zenith.errors import InputError
from zenith.events.folds import folds_of, taught
from zenith.statistics.cutflow import cutflow
from zenith.statistics.histograms import fill
from zenith.statistics.responses import shifts
from zenith.statistics.selections import Selections, read_selections

CUTS = [0.3, 0.4, 0.5, 0.6, 0.7]


def contents(histograms: dict[str, Any]) -> dict[str, np.ndarray]:
    return {name: np.stack([h.values(), h.variances()]) for name, h in histograms.items()}


def test_one_selection_in_all_folds_is_that_of_all_events(
    toy_analysis: Analysis, toy_columns: dict[str, Columns], tmp_path: Path
) -> None:
    """Whatever the folds: to the last bit, in histograms, cutflow and responses."""
    other = toy_analysis.model_copy(
        update={"folds": toy_analysis.folds.model_copy(update={"number": 7, "salt": 3})}
    )
    plain = contents(fill(toy_analysis, toy_columns))
    for fold in range(7):
        content = {"thresholds": {"btag_1": 0.5}, **taught(other.folds, fold)}
        write_json(tmp_path / f"{fold}.json", content)
    read = read_selections(other, [str(tmp_path / f"{fold}.json") for fold in range(7)])
    found = contents(fill(other, toy_columns, read))
    assert plain.keys() == found.keys()
    for name in plain:
        np.testing.assert_array_equal(found[name], plain[name], err_msg=name)
    assert cutflow(other, toy_columns, read) == cutflow(toy_analysis, toy_columns)
    responses = [
        contents(shifts(a, toy_columns, s)) for a, s in ((toy_analysis, None), (other, read))
    ]
    for name in responses[0]:
        np.testing.assert_array_equal(responses[1][name], responses[0][name], err_msg=name)


def test_every_event_is_read_with_the_selection_of_its_fold(
    toy_analysis: Analysis, toy_columns: dict[str, Columns]
) -> None:
    """Simulated and observed events alike, nominal and varied, none left out or counted twice."""
    found = fill(toy_analysis, toy_columns, Selections.of(toy_analysis, {"btag_1": CUTS}))
    for sample, process, variation in (
        ("ttbar", "ttbar", "nominal"),
        ("ttbar", "ttbar", "jes_down"),
        ("ttbar_alt", "ttbar", "generator_up"),
        ("collisions", "data", "nominal"),
    ):
        own = toy_columns[sample]
        values = own.shapes.get(variation, own.values)
        fold = folds_of(own.hash, toy_analysis.folds)
        passed = np.zeros(len(fold), bool)
        for f, cut in enumerate(CUTS):
            here = fold == f
            passed[here] = (values["met"] > 50)[here] & (values["btag_1"] > np.float32(cut))[here]
        total = found[f"signal/{process}/{variation}"].sum().value
        assert total == pytest.approx(own.weight[passed].sum(), rel=1e-12)
        others = found[f"control/{process}/{variation}"].sum().value
        both = own.weight[values["met"] > 50].sum()
        assert total + others == pytest.approx(both, rel=1e-12)


def test_the_cutflow_says_where_the_thresholds_go(
    toy_analysis: Analysis, toy_columns: dict[str, Columns]
) -> None:
    flow = cutflow(toy_analysis, toy_columns, Selections.of(toy_analysis, {"btag_1": CUTS}))
    assert flow["signal"]["cuts"] == ["all columns", "met > 50", "btag_1 > 0.5 (0.3 to 0.7)"]


@pytest.fixture
def files(toy_analysis: Analysis, tmp_path: Path) -> list[str]:
    paths = []
    for fold, cut in enumerate(CUTS):
        paths.append(str(tmp_path / f"{fold}.json"))
        write_json(paths[-1], {"thresholds": {"btag_1": cut}, **taught(toy_analysis.folds, fold)})
    return paths


def test_files_are_taken_by_the_fold_that_they_name(
    toy_analysis: Analysis, files: list[str]
) -> None:
    assert read_selections(toy_analysis, files[::-1]).thresholds["btag_1"].tolist() == CUTS


def test_one_file_by_hand_is_for_all_folds(toy_analysis: Analysis, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    write_json(path, {"thresholds": {"btag_1": 0.8}})
    found = read_selections(toy_analysis, [str(path)])
    assert found.thresholds["btag_1"].tolist() == [0.8] * 5


@pytest.mark.parametrize(
    ("chosen", "change", "message"),
    [
        ([0, 1, 2, 4], {}, "no selection of fold 3 among them.*give all 5"),
        ([0], {}, "no selection of fold 1, 2, 3, 4 among them"),
        ([0, 1, 2, 2, 4], {}, r"2\.json: is of fold 2, as .*2\.json"),
        ([0, 1, 2, 3, 4], {"taught_by": [0, 1]}, r"0\.json: fold 0 itself taught it"),
        (
            [0, 1, 2, 3, 4],
            {"folds": {"number": 5, "salt": 9}},
            "is of 5 folds with the salt 9, the configuration has 5 folds with the salt 1",
        ),
        ([0, 1, 2, 3, 4], {"fold": 5}, "no selection of fold 0 among them"),
    ],
)
def test_files_that_do_not_belong_together(
    toy_analysis: Analysis, files: list[str], chosen: list[int], change: Any, message: str
) -> None:
    content = {"thresholds": {"btag_1": 0.3}, **taught(toy_analysis.folds, 0), **change}
    write_json(files[0], content)
    with pytest.raises(InputError, match=message):
        read_selections(toy_analysis, [files[k] for k in chosen])


def test_nothing_learned_means_the_configuration_in_every_fold(
    toy_configuration: Callable[..., dict[str, Any]], toy_columns: dict[str, Columns]
) -> None:
    """Data of one fold alone are no mistake then, and other folds change nothing."""
    config = toy_configuration()
    config["regions"]["signal"]["cuts"] = ["met > 50", "btag_1 > 0.5"]
    config["regions"]["control"]["cuts"] = ["met > 50", "btag_1 <= 0.5"]
    first = contents(fill(parse(config), toy_columns))
    second = contents(fill(parse(config | {"folds": {"number": 3, "salt": 8}}), toy_columns))
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])
