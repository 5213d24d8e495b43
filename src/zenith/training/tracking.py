"""A training as a run of MLflow, in a local database.

`mlflow ui --backend-store-uri sqlite:///FOLDER/mlflow.db` shows it; plain files MLflow no longer
writes.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from zenith.artefacts.metrics import Tracked
from zenith.errors import ConfigError

DATABASE = "mlflow.db"
LONGEST = 500  # characters of the value of a setting


class Run(NamedTuple):
    """A run that has begun; without a client nothing is kept."""

    client: Any = None
    named: Tracked | None = None

    def note(self, numbers: Mapping[str, float], epoch: int = 0) -> None:
        """Keep numbers by name, those of an epoch, or of the end."""
        if self.named is not None:
            for name, number in numbers.items():
                self.client.log_metric(self.named["run"], name, number, step=epoch)


@contextmanager
def tracked(
    folder: str | None, experiment: str, name: str, settings: Mapping[str, object]
) -> Iterator[Run]:
    """A run in a folder, which ends as the block does: finished, killed or failed.

    Without a folder, one of which nothing is kept. Raises `ConfigError` where MLflow is not
    installed, or cannot use the folder.
    """
    if folder is None:
        yield Run()
        return
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    except ModuleNotFoundError:
        raise ConfigError(
            f"mva.{name}.mlflow: MLflow is not installed: pip install 'zenith-hep[mlflow]', or "
            "remove the key"
        ) from None
    try:
        place = Path(folder).absolute()
        place.mkdir(parents=True, exist_ok=True)
        client = MlflowClient(f"sqlite:///{place / DATABASE}")
        known = client.get_experiment_by_name(experiment)
        if known is None:
            which = client.create_experiment(experiment, (place / experiment).as_uri())
        else:
            which = known.experiment_id
        number = client.create_run(which, run_name=name).info.run_id
        for key, value in settings.items():
            client.log_param(number, key, str(value)[:LONGEST])
    except (MlflowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(
            f"mva.{name}.mlflow: MLflow cannot write to {folder} ({reason}); name another folder"
        ) from None
    status = "FAILED"
    try:
        yield Run(client, {"folder": folder, "experiment": experiment, "run": number})
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        client.set_terminated(number, status)
