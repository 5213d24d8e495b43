"""The trials of a search of settings in an SQLite file, as Optuna has it."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Literal

import optuna
from optuna.trial import FrozenTrial
from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError

from zenith.artefacts.writing import atomic, check_file
from zenith.errors import InputError, OutputError

OF_ZENITH = "zenith"  # the version that began it; what says that a study is Zenith's
REMEDY = "remove it, or name another file (tune.storage)"


class StudyFile:
    """One search in a file: the study that is called as what its trials depend on.

    A file may have several, of other settings, events or seeds. It is made with the first trial.

    Parameters
    ----------
    path
        Of the file.
    search
        What the study is called.
    direction
        `minimize` or `maximize`.
    """

    def __init__(
        self, path: str | Path, search: str, direction: Literal["minimize", "maximize"]
    ) -> None:
        """Raises `InputError` for a file that is none of Zenith's, which is not changed."""
        self._path, self._search, self._direction = Path(path), search, direction
        self._study: optuna.Study | None = None
        check_file(path)
        if self._path.exists() and self.search_is_known():
            self._study = optuna.load_study(study_name=search, storage=self._storage(self._path))

    def search_is_known(self) -> bool:
        """Whether the file has this search already; `InputError` if it is of something else.

        Optuna would make its tables in any database, so that SQLite is asked first. It may write:
        what a process that was killed has left half-written is taken back when the file is read.
        """
        uri = f"{self._path.absolute().as_uri()}?mode=rw"
        try:
            with closing(sqlite3.connect(uri, uri=True)) as file:
                names = [name for (name,) in file.execute("SELECT study_name FROM studies")]
                own = file.execute(
                    "SELECT COUNT(*) FROM study_user_attributes WHERE key = ?", (OF_ZENITH,)
                ).fetchone()[0]
        except sqlite3.OperationalError as error:
            raise InputError(f"{self._path}: no trials of Optuna ({error}); {REMEDY}") from None
        except sqlite3.DatabaseError as error:
            raise InputError(f"{self._path}: not an SQLite file ({error}); {REMEDY}") from None
        if not own:
            raise InputError(f"{self._path}: has no trials of `zenith tune`; {REMEDY}")
        return self._search in names

    @property
    def trials(self) -> list[FrozenTrial]:
        """Those that have ended, in order."""
        return [] if self._study is None else self._study.trials

    def add(self, trial: FrozenTrial) -> None:
        """Write a trial; `OutputError` where that cannot be done."""
        try:
            if self._study is None:
                self._study = self._begun()
            self._study.add_trial(trial)
        except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
            text = " ".join(str(error).split())
            raise OutputError(f"{self._path}: cannot be written ({text})") from None

    def _begun(self) -> optuna.Study:
        """The search without trials; a new file is there whole, or not at all."""
        if self._path.exists():
            return self._created(self._storage(self._path))
        with atomic(self._path) as temporary:
            storage = self._storage(temporary)
            self._created(storage)
            storage.engine.dispose()
        return optuna.load_study(study_name=self._search, storage=self._storage(self._path))

    def _created(self, storage: optuna.storages.RDBStorage) -> optuna.Study:
        from zenith import __version__

        study = optuna.create_study(
            study_name=self._search, storage=storage, direction=self._direction
        )
        study.set_user_attr(OF_ZENITH, __version__)
        return study

    def _storage(self, path: Path) -> optuna.storages.RDBStorage:
        url = URL.create("sqlite", database=str(path.absolute()))
        try:
            return optuna.storages.RDBStorage(url.render_as_string(hide_password=False))
        except RuntimeError as error:  # of another version of Optuna
            text = " ".join(str(error).split())
            raise InputError(f"{self._path}: {text}; {REMEDY}") from None
