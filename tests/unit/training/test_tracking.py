"""Trainings as runs of MLflow: by a stand-in of its client, and by MLflow where it is installed."""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest
import yaml
from makers.training_sets import CONFIG, particles, write_particles

from zenith.cli import main
from zenith.errors import ConfigError
from zenith.training.tracking import Run, tracked


class Client:
    """What is used of `mlflow.MlflowClient`; `calls` are those of all clients."""

    calls: ClassVar[list[tuple[Any, ...]]] = []
    experiments: ClassVar[list[str]] = []

    def __init__(self, tracking_uri: str) -> None:
        self.calls.append(("uri", tracking_uri))

    def get_experiment_by_name(self, name: str) -> Any:
        known = name in self.experiments
        return SimpleNamespace(experiment_id="7") if known else None

    def create_experiment(self, name: str, artifact_location: str) -> str:
        assert artifact_location.startswith("file:///")
        self.experiments.append(name)
        return "7"

    def create_run(self, experiment_id: str, run_name: str) -> Any:
        self.calls.append(("run", experiment_id, run_name))
        return SimpleNamespace(info=SimpleNamespace(run_id="r1"))

    def log_param(self, run_id: str, key: str, value: str) -> None:
        assert len(value) <= 500
        self.calls.append(("param", run_id, key, value))

    def log_metric(self, run_id: str, key: str, value: float, step: int) -> None:
        self.calls.append(("metric", run_id, key, value, step))

    def set_terminated(self, run_id: str, status: str) -> None:
        self.calls.append(("end", run_id, status))


@pytest.fixture
def mlflow(monkeypatch: pytest.MonkeyPatch) -> type[Client]:
    module, errors = ModuleType("mlflow"), ModuleType("mlflow.exceptions")
    module.MlflowClient = Client  # type: ignore[attr-defined]
    errors.MlflowException = RuntimeError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mlflow", module)
    monkeypatch.setitem(sys.modules, "mlflow.exceptions", errors)
    Client.calls.clear()
    Client.experiments.clear()
    return Client


def test_a_training_is_a_run(mlflow: type[Client], tmp_path: Path) -> None:
    perceptron = {"features": ["st"], "epochs": 3, "mlflow": str(tmp_path / "runs")}
    perceptron |= {"classes": CONFIG["mva"]["sets"]["classes"], "hidden": [3]}
    config = tmp_path / "c.yaml"
    config.write_text(yaml.safe_dump({**CONFIG, "mva": {"net": perceptron}}))
    path = write_particles(tmp_path / "set.h5", particles())
    command = ["train", "--config", str(config), "--input", path, "--no-figures"]
    assert main([*command, "--output", str(tmp_path / "net")]) == 0
    metrics = json.loads((tmp_path / "net/metrics.json").read_text())
    folder = str(tmp_path / "runs")
    assert metrics["mlflow"] == {"folder": folder, "experiment": "particles", "run": "r1"}
    first, *calls, last = mlflow.calls
    assert first == ("uri", f"sqlite:///{tmp_path}/runs/mlflow.db")
    assert ("run", "7", "net") in calls
    assert last == ("end", "r1", "FINISHED")
    settings = {call[2]: call[3] for call in calls if call[0] == "param"}
    assert (settings["epochs"], settings["hidden"], settings["seed"]) == ("3", "[3]", "1")
    numbers: dict[str, dict[int, float]] = {}
    for call in calls:
        if call[0] == "metric":
            numbers.setdefault(call[2], {})[call[4]] = call[3]
    for part in ("train", "validation"):
        expected = dict(enumerate(metrics["losses"][part], start=1))
        assert numbers[f"loss_{part}"] == expected
    by_epoch = dict(enumerate(metrics["auc_by_epoch"]["signal"], start=1))
    assert numbers["validation_auc_signal"] == by_epoch
    assert numbers["test_auc_signal"] == {0: metrics["auc"]["signal"]}


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt, "KILLED"), (ValueError, "FAILED")]
)
def test_a_run_ends_as_the_training_does(
    mlflow: type[Client], tmp_path: Path, error: type[BaseException], status: str
) -> None:
    with pytest.raises(error), tracked(str(tmp_path), "e", "net", {}):
        raise error
    assert mlflow.calls[-1] == ("end", "r1", status)


def test_what_cannot_be_tracked(
    monkeypatch: pytest.MonkeyPatch, mlflow: type[Client], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"mva\.net\.mlflow: MLflow cannot write to file \(.*exi"):
        tracked("file", "e", "net", {}).__enter__()
    with tracked(None, "e", "net", {"a": 1}) as run:
        run.note({"loss": 1.0}, 1)
    assert run == Run()
    assert not mlflow.calls

    def refuse(*_: Any) -> None:
        raise OSError("no space left\nand more")

    monkeypatch.setattr(Client, "create_experiment", refuse)
    with pytest.raises(ConfigError, match=r"mva\.net\.mlflow: .* write to runs \(no space left\)"):
        tracked("runs", "e", "net", {}).__enter__()
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ConfigError, match=r"mva\.net\.mlflow: MLflow is not inst.*hep\[mlflow\]"):
        tracked("runs", "e", "net", {}).__enter__()


def test_mlflow_reads_what_it_kept(tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow", reason="the extra mlflow is not installed")
    folder = str(tmp_path / "runs")
    with tracked(folder, "e", "net", {"epochs": 2}) as run:
        run.note({"loss_train": 0.5}, 1)
        run.note({"loss_train": 0.25}, 2)
    assert run.named is not None
    client = mlflow.MlflowClient(f"sqlite:///{folder}/mlflow.db")
    found = client.get_run(run.named["run"])
    assert (found.data.params, found.info.status) == ({"epochs": "2"}, "FINISHED")
    history = client.get_metric_history(run.named["run"], "loss_train")
    assert [(one.step, one.value) for one in history] == [(1, 0.5), (2, 0.25)]
