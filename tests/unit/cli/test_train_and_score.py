"""`zenith train` and `zenith score` on a file from elsewhere, and what `categorise` reads of it."""

import json
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml
from makers.training_sets import CONFIG, LEADING, particles, without, write_particles

from zenith.categorisation.scored_files import read
from zenith.cli import main
from zenith.core.networks.network import Objects
from zenith.training.evaluate import roc
from zenith.training.network_files import load_network


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A configuration, a set, a network that was trained on it, and the scored set."""
    folder = tmp_path_factory.mktemp("particles")
    config = folder / "particles.yaml"
    regressions = {"sum": {"target": "st"}}
    sets = {**CONFIG["mva"]["sets"], "regressions": regressions}
    config.write_text(yaml.safe_dump({**CONFIG, "mva": {"sets": sets}}))
    found = {"config": str(config), "network": str(folder / "net"), "scored": str(folder / "s.h5")}
    found["set"] = write_particles(folder / "set.h5", particles())
    command = ["train", "--config", found["config"], "--input", found["set"]]
    assert main([*command, "--output", found["network"]]) == 0
    scored = ["--network", found["network"], "--input", found["set"], "--output", found["scored"]]
    assert main(["score", *scored]) == 0
    return found


def test_the_parts_of_the_file_are_what_is_trained_and_judged(trained: dict[str, str]) -> None:
    folder = Path(trained["network"])
    assert {path.name for path in folder.iterdir()} == {
        "initial.safetensors",
        "network.onnx",
        "metrics.json",
        "figures",
    }
    figures = {"losses", "roc", "calibration", "scores", "confusion", "rejection", "significance"}
    figures |= {"auc", "importance", "slices_st", "feature_st"}
    figures |= {f"object_jet_{field}" for field in ("pt", "eta", "phi", "mass")}
    assert {path.name for path in (folder / "figures").iterdir()} == {f"{f}.png" for f in figures}
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["events"]["signal"] == {"train": 100, "validate": 100, "test": 100}
    assert metrics["objects"] == {"jet": ["pt", "eta", "phi", "mass"]}
    assert "fold" not in metrics
    by_epoch = metrics["auc_by_epoch"]["signal"]
    assert len(by_epoch) == len(metrics["losses"]["train"]) == 2
    calibration = metrics["calibration"]
    assert (calibration["type"], calibration["events"]) == ("temperature", 100)
    assert calibration["before"].keys() == calibration["after"].keys() == {"signal"}
    with h5py.File(trained["scored"]) as file:
        scores, events = file["scores"][:, 0], file["events"][:]
    chosen = events["part"] == 1  # the calibration changes no order
    auc = roc(scores[chosen], events["label"][chosen] == 1, events["weight"][chosen]).auc
    assert by_epoch[metrics["best_epoch"] - 1] == pytest.approx(auc, abs=1e-6)
    test = events["part"] == 2
    auc = roc(scores[test], events["label"][test] == 1, events["weight"][test]).auc
    assert metrics["auc"]["signal"] == pytest.approx(auc, abs=1e-6)
    assert metrics["measures"]["auc"]["signal"]["value"] == metrics["auc"]["signal"]
    assert 0.005 < metrics["measures"]["auc"]["signal"]["error"] < 0.1
    highest = metrics["highest"]["signal"]
    assert [event["score"] for event in highest] == pytest.approx(np.sort(scores[test])[:-11:-1])
    assert highest[0]["objects"]["jet"].keys() == {"pt", "eta", "phi", "mass"}
    with h5py.File(trained["scored"]) as file:
        assert list(file["sum"].attrs["names"]) == ["value"]
        difference = file["sum"][:, 0] - events["st"]
    judged = np.average(difference[test], weights=events["weight"][test])
    assert metrics["regressions"]["sum"]["mean"] == pytest.approx(judged, rel=1e-4)
    assert main(["inspect", str(folder / "metrics.json")]) == 0


def test_the_copy_has_the_same_rows_and_their_scores(trained: dict[str, str]) -> None:
    arrays = particles()
    with h5py.File(trained["scored"]) as file:
        for name, array in arrays.items():
            np.testing.assert_array_equal(file[name][:], array)
        assert file["scores"].shape == (600, 1)
        assert list(file["scores"].attrs["names"]) == ["signal"]
        assert file.attrs["classes"] == "background,signal"
        scores = file["scores"][:, 0]
    network = load_network(Path(trained["network"]) / "initial.safetensors")
    some = arrays["jet"][:20]
    values = np.stack([some[name].T for name in ("pt", "eta", "phi", "mass")])
    x = arrays["events"]["st"][None, :20]
    expected = network.scores(x, {"jet": Objects(values, some["valid"].T)})  # type: ignore[arg-type]
    np.testing.assert_allclose(scores[:20], np.asarray(expected)[0], atol=1e-6)


def test_figures_of_objects_have_them_as_tokens_do(trained: dict[str, str]) -> None:
    """With mean 0 and deviation 1 over the objects of training events, of equal class weights."""
    network = load_network(Path(trained["network"]) / "initial.safetensors")
    arrays = particles()
    chosen = arrays["events"]["part"] == 0
    events, jets = arrays["events"][chosen], arrays["jet"][chosen]
    sums = np.bincount(events["label"], events["weight"])
    weight = events["weight"] / sums[events["label"]]
    of_objects = np.broadcast_to(weight[:, None], jets.shape)[jets["valid"]]
    values = np.stack([jets[name][jets["valid"]] for name in ("pt", "eta", "phi", "mass")])
    rows, scaled = network.scaled_objects("jet", values)
    assert rows == (("pt", "raw"), ("eta", "raw"), ("phi", "raw"), ("mass", "raw"))
    mean = np.average(scaled, axis=1, weights=of_objects)
    np.testing.assert_allclose(mean, 0.0, atol=1e-5)
    spread = np.average((scaled - mean[:, None]) ** 2, axis=1, weights=of_objects)
    np.testing.assert_allclose(spread, 1.0, atol=1e-4)


def test_onnxruntime_gives_the_same_scores(trained: dict[str, str]) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    session = onnxruntime.InferenceSession(Path(trained["network"]) / "network.onnx")
    arrays = particles()
    jets = arrays["jet"]
    values = np.stack([jets[name] for name in ("pt", "eta", "phi", "mass")], axis=-1)
    fed = {"events": arrays["events"]["st"][:, None], "jet": values, "jet_valid": jets["valid"]}
    with h5py.File(trained["scored"]) as file:
        scores, predicted = session.run(["scores", "sum"], fed)
        np.testing.assert_allclose(scores, file["scores"][:], atol=1e-5)
        np.testing.assert_allclose(predicted, file["sum"][:], rtol=1e-4)


def test_categorise_reads_what_was_scored(trained: dict[str, str], tmp_path: Path) -> None:
    found = read(trained["scored"])
    events = particles()["events"]
    np.testing.assert_array_equal(found.label, events["label"])
    np.testing.assert_allclose(found.weight, events["weight"])
    assert (found.signal_labels, found.label_names) == ((1,), ("background", "signal"))
    output = str(tmp_path / "c.json")
    assert main(["categorise", trained["scored"], "--categories", "2", "--output", output]) == 0
    other = str(tmp_path / "other.h5")
    files = ["--network", trained["network"], "--input", trained["set"], "--output", other]
    assert main(["score", *files, "--signal", "background"]) == 0
    assert read(other).signal_labels == (0,)


def test_events_without_labels_are_scored(trained: dict[str, str], tmp_path: Path) -> None:
    """Shape variations as well, of which one has no features of its own."""
    arrays = particles(70, seed=3)
    bare = {"events": without(without(arrays["events"], "label"), "weight"), "jet": arrays["jet"]}
    path, output = write_particles(tmp_path / "bare.h5", bare), str(tmp_path / "scored.h5")
    varied = arrays["jet"].copy()
    varied["pt"] *= 1.5
    with h5py.File(path, "a") as file:
        file["shapes/jes_up/jet"] = varied
        file["shapes/same/jet"], file["shapes/same/events"] = bare["jet"], bare["events"]
    assert main(["score", *_score(trained, path, output)]) == 0
    with h5py.File(output) as file:
        assert "label" not in file
        nominal = file["scores"][:]
        np.testing.assert_array_equal(file["shapes/same/scores"][:], nominal)
        assert (file["shapes/jes_up/scores"][:] != nominal).mean() > 0.5


def _score(trained: dict[str, str], path: str, output: str) -> list[str]:
    return ["--network", trained["network"], "--input", path, "--output", output]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"jet": particles(9)["jet"][:, :2]}, "jet has 2 objects in each event, the network reads"),
        ({"jet": without(particles(9)["jet"], "phi")}, "jet has no field 'phi'"),
    ],
)
def test_a_set_of_another_kind(
    trained: dict[str, str], tmp_path: Path, capsys: Any, arrays: Any, message: str
) -> None:
    path, output = write_particles(tmp_path / "a.h5", particles(9) | arrays), tmp_path / "s.h5"
    assert main(["score", *_score(trained, path, str(output))]) == 1
    printed = capsys.readouterr().err
    assert f"zenith score: error: {path}: {message}" in printed
    assert len(printed.splitlines()) == 1
    assert not output.exists()


def test_mistakes(trained: dict[str, str], tmp_path: Path, capsys: Any) -> None:
    """One message each, and nothing is written."""
    network, output = Path(trained["network"]), str(tmp_path / "out.h5")
    damaged = tmp_path / "net"
    damaged.mkdir()
    content = (network / "initial.safetensors").read_bytes()
    (damaged / "initial.safetensors").write_bytes(content[: len(content) // 2])
    two = tmp_path / "two.yaml"
    sets = CONFIG["mva"]["sets"]
    two.write_text(yaml.safe_dump({**CONFIG, "mva": {"a": sets, "b": sets}}))
    other = {"jet": {"fields": ["pt"], "leading": LEADING + 1}}
    longer = ["--set", f"mva.sets.objects={json.dumps(other)}"]
    folder = str(tmp_path / "trained")
    train = ["--input", trained["set"], "--output", folder]
    for command, message in (
        (["score", *_score(trained, trained["set"], trained["set"])], "is an input of this step"),
        (
            ["score", "--network", str(damaged), *_score(trained, trained["set"], output)[2:]],
            "initial.safetensors: not a network of Zenith",
        ),
        (
            ["score", "--network", str(tmp_path), *_score(trained, trained["set"], output)[2:]],
            "initial.safetensors: cannot be read",
        ),
        (
            ["score", *_score(trained, trained["set"], output), "--signal", "top"],
            "--signal top: the network has no such class; it has background, signal",
        ),
        (["train", "--config", str(two), *train], "mva: say which network with --name; there is"),
        (["train", "--config", str(two), "--name", "c", *train], "mva: no network 'c'; there is"),
        (["train", "--config", trained["config"], *longer, *train], "leading: 5, or make the file"),
        (["columns", "--config", trained["config"], "--sample", "a", "--input", "b",
          "--output", output], "samples: missing: the inputs are training sets"),
    ):  # fmt: skip
        assert main(command) == 1, command
        printed = capsys.readouterr().err
        assert message in printed
        assert len(printed.splitlines()) == 1
    assert not Path(output).exists()
    assert not Path(folder).exists()


def test_nothing_is_trained_that_cannot_be_written(
    trained: dict[str, str], tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    folder = tmp_path / "net"
    train = ["train", "--config", trained["config"], "--input", trained["set"]]
    assert main([*train, "--output", str(folder)]) == 1
    message = "network.onnx: writing it needs onnx: pip install 'zenith-hep[onnx]'"
    assert capsys.readouterr().err == f"zenith train: error: {folder}/{message}\n"
    assert not folder.exists()


def test_another_seed_is_another_network_and_the_same_is_the_same(
    trained: dict[str, str], tmp_path: Path
) -> None:
    weights = {}
    for name, seed in (("one", 1), ("again", 1), ("two", 2)):
        command = ["train", "--config", trained["config"], "--input", trained["set"]]
        output = str(tmp_path / name)
        command += ["--set", f"seed={seed}", "--no-figures"]
        assert main([*command, "--output", output]) == 0
        assert not (tmp_path / name / "figures").exists()
        weights[name] = (tmp_path / name / "initial.safetensors").read_bytes()
    assert weights["one"] == weights["again"] != weights["two"]
