"""Categories as `zenith categorise` writes them, read back to be applied to any events."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts.categories import CATEGORIES, Counted, Reached
from zenith.categorisation.categorise import assign
from zenith.categorisation.model import aim, nuisances
from zenith.categorisation.scored import Scored, Space, report
from zenith.core.categories.counting import Counting, Requirements
from zenith.core.categories.sideband import Sideband
from zenith.core.categories.task import Task
from zenith.core.selection.memberships import Mixture
from zenith.errors import InputError


class Found(NamedTuple):
    """Hard categories, and what they were made for."""

    categories: NDArray[np.float64] | Mixture  # inner edges (K − 1,), or a mixture
    space: Space
    counting: Counting
    requirements: Requirements
    objective: str = "counting"
    sideband: Sideband | None = None
    nuisances: tuple[str, ...] = ()

    @property
    def number(self) -> int:
        """K."""
        found = self.categories
        return found.categories if isinstance(found, Mixture) else len(found) + 1

    def category(self, scored: Scored) -> NDArray[np.int64]:
        """The hard category (N,) of each event."""
        return assign(self.categories, scored, self.space)

    def at(self, scores: NDArray[np.float64]) -> NDArray[np.int64]:
        """The hard category (N,) of points (N, D) among the scores."""
        x = scores[:, list(self.space.kept)].T
        if isinstance(self.categories, Mixture):
            return np.asarray(self.categories.hard(x))
        return np.asarray(np.searchsorted(self.categories, x[0], side="right"))

    def task(self, scored: Scored) -> Task:
        """What was asked, for these events. Raises `InputError` for other nuisance parameters."""
        found = aim(self.objective, scored, self.counting)
        if nuisances(found) != self.nuisances:
            raise InputError(
                f"{scored.source}: its nuisance parameters are {nuisances(found) or 'none'}, the "
                f"categories were made with {self.nuisances or 'none'}"
            )
        return Task(found, self.requirements)

    def report(self, scored: Scored) -> Reached:
        """What the categories are worth on events."""
        category, number = self.category(scored), self.number
        if self.sideband is not None:
            scored.check_sideband(category, number)
        return report(category, number, scored, self.task(scored))


def load(path: str | Path) -> Found:
    """Read categories; `InputError` if the file is not what `zenith categorise` writes."""
    file = CATEGORIES.read(path)
    try:
        categories: Any = (
            _edges(file["edges"])
            if "edges" in file
            else Mixture.of(*(_finite(file[key]) for key in ("weights", "means", "covariances")))
        )
        limit = file["requirements"]["uncertainty"]
        return Found(
            categories,
            Space(int(file["scores"]), str(file["space"])),
            _counting(file["counting"]),
            Requirements(file["requirements"]["background"], np.inf if limit is None else limit),
            str(file["objective"]),
            _sideband(file["window"], file["sideband"]),
            tuple(file["nuisance_parameters"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: not what `zenith categorise` writes ({error!r}); run it again"
        ) from None


def _counting(content: Counted) -> Counting:
    weights = tuple(content["weights"])
    return Counting(content["uncertainty"], content["combination"], weights)


def _sideband(window: list[float] | None, sideband: list[float] | None) -> Sideband | None:
    if window is None or sideband is None:
        return None
    (low, high), (lowest, highest) = window, sideband
    return Sideband((low, high), (lowest, highest))


def _finite(values: Any) -> NDArray[np.float64]:
    array = np.asarray(values, float)
    if not np.isfinite(array).all():
        raise ValueError("a number is NaN or infinite")
    return array


def _edges(values: Any) -> NDArray[np.float64]:
    edges = _finite(values)
    if edges.ndim != 1 or (np.diff(edges) < 0).any():
        raise ValueError("edges must be numbers in ascending order")
    return edges
