"""Networks and selections of the folds that steps read, and those that they refuse."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from zenith.artefacts import Columns, write_columns, write_json
from zenith.cli import main
from zenith.cli.inputs import read_networks, read_networks_of_folds, read_selected
from zenith.config import Analysis, parse
from zenith.errors import InputError
from zenith.events.folds import taught
from zenith.training.network_files import save_network

NET = {
    "classes": {"wjets": ["wjets"], "ttbar": ["ttbar"]},
    "features": ["met", "btag_1"],
    "hidden": [2],
}


@pytest.fixture(scope="module")
def analysis(toy_configuration: Callable[..., dict[str, Any]]) -> Analysis:
    drawn = {"observables": ["mtt", "net"]}
    observables = toy_configuration()["observables"] | {"net": {"label": "net", "edges": [0, 1]}}
    return parse(toy_configuration(mva={"net": NET}, observables=observables, plotting=drawn))


@pytest.fixture
def folder(analysis: Analysis, tmp_path: Path) -> Path:
    """Networks of all folds as `zenith mva` leaves them, each with weights of its own."""
    for fold in range(5):
        mva = analysis.mva["net"]
        path = tmp_path / f"mva/net/fold_{fold}/initial.safetensors"
        save_network(path, mva.create(jax.random.key(fold)), mva, taught(analysis.folds, fold))
    return tmp_path / "mva"


def test_every_fold_has_its_own_networks_and_knows_their_teachers(
    analysis: Analysis, folder: Path
) -> None:
    networks, teachers = read_networks(analysis, str(folder), 3)
    assert teachers == {0, 1, 2, 4}
    expected = analysis.mva["net"].create(jax.random.key(3)).to_arrays()
    for name, array in networks["net"].to_arrays().items():
        np.testing.assert_array_equal(array, expected[name])
    weights = [n["net"].to_arrays() for n in read_networks_of_folds(analysis, str(folder))]
    assert len({float(np.abs(next(iter(w.values()))).sum()) for w in weights}) == 5


def test_networks_of_other_folds_are_refused(analysis: Analysis, folder: Path) -> None:
    folds = analysis.folds.model_copy(update={"salt": 2})
    salted = analysis.model_copy(update={"folds": folds})
    message = r"fold_1/initial\.safetensors: is of 5 folds with the salt 1, .* the salt 2: run "
    with pytest.raises(InputError, match=message + "`zenith mva --name net --fold 1`"):
        read_networks(salted, str(folder), 1)


def test_a_network_that_the_fold_taught_is_refused(analysis: Analysis, folder: Path) -> None:
    mva, path = analysis.mva["net"], folder / "net/fold_1/initial.safetensors"
    wrong = taught(analysis.folds, 1, [1])
    save_network(path, mva.create(jax.random.key(1)), mva, wrong)
    with pytest.raises(InputError, match=r"fold_1/.*: fold 1 itself taught it"):
        read_networks(analysis, str(folder), 1)


def test_a_selection_brings_its_networks(analysis: Analysis, folder: Path) -> None:
    """Those that it moved, by their paths from its folder; the thresholds are its own."""
    paths = []
    for fold in range(5):
        record, climb = taught(analysis.folds, fold), folder.parent / f"climb/fold_{fold}"
        mva = analysis.mva["net"]
        moved = mva.create(jax.random.key(10 + fold))
        save_network(climb / "networks/net.safetensors", moved, mva, record)
        files = {"net": "networks/net.safetensors"}
        write_json(
            climb / "selection.json",
            {"thresholds": {"btag_1": 0.3 + 0.1 * fold}, "networks": files, **record},
        )
        paths.append(str(climb / "selection.json"))
    found = read_selected(analysis, {}, str(folder), paths)
    for fold, selection in enumerate(found):
        assert float(selection["thresholds"]["btag_1"]) == pytest.approx(0.3 + 0.1 * fold)
        expected = analysis.mva["net"].create(jax.random.key(10 + fold)).to_arrays()
        for name, array in selection["networks"]["net"].to_arrays().items():
            np.testing.assert_array_equal(array, expected[name])


def test_data_of_one_fold_alone_are_refused_where_folds_differ(
    toy_configuration: Callable[..., dict[str, Any]],
    toy_columns: dict[str, Columns],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import yaml

    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(toy_configuration(systematics={}), sort_keys=False))
    inputs, selections = [], []
    for sample in ("zprime", "ttbar", "wjets", "collisions"):
        own = toy_columns[sample]
        one = own.hash if sample != "collisions" else np.full(len(own.hash), 7, np.uint64)
        inputs.append(str(tmp_path / f"{sample}.h5"))
        content = Columns(own.values, own.weight, one, attributes={"sample": sample})
        write_columns(inputs[-1], content)
    for fold in range(5):
        selections.append(str(tmp_path / f"{fold}.json"))
        record = taught(parse(toy_configuration()).folds, fold)
        write_json(selections[-1], {"thresholds": {"btag_1": 0.4}, **record})
    out = [f"--{name}={tmp_path}/{name}" for name in ("output", "plots", "cutflow")]
    options = ["--config", str(config), "--input", *inputs, *out]
    more = ["--set", "only_samples=[zprime, ttbar, wjets, collisions]", "--selection"]
    assert main(["histogram", *options, *more, *selections]) == 1
    message = capsys.readouterr().err
    assert "data (collisions): folds " in message
    assert "of 5 have none of its 4520 events: check run, luminosityBlock and event" in message
    assert not (tmp_path / "output").exists()
