"""What the events of each fold are read with: thresholds and bin edges that other folds taught."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zenith.artefacts.selection import SELECTION, Selection
from zenith.config import Analysis
from zenith.config.channels import channels_of, in_channels
from zenith.config.learning import Folds
from zenith.errors import InputError
from zenith.events.folds import require_unseen
from zenith.statistics.thresholds import complete_thresholds, initial_thresholds, with_edges

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Selections:
    """The thresholds and bin edges of K folds; an event is read with those of its own.

    Attributes
    ----------
    folds
        How events fall into folds.
    thresholds
        Of the tunable cuts, by name, (K,) in the unit of their observable.
    edges
        Of the fit, (K, B + 1), by channel, where they moved.
    """

    folds: Folds
    thresholds: Mapping[str, Array]
    edges: Mapping[str, Array]

    @classmethod
    def of(
        cls,
        analysis: Analysis,
        thresholds: Mapping[str, ArrayLike] | None = None,
        edges: Mapping[str, ArrayLike] | None = None,
    ) -> "Selections":
        """The selections of an analysis: what is given, for all folds or for each; else its own.

        Edges are given by region. Raises ValueError for edges that do not fit the configuration.
        """
        folds, parted = analysis.folds, in_channels(analysis)
        given = {**initial_thresholds(analysis), **(thresholds or {})}
        moved = {
            channel: np.atleast_2d(np.asarray(e, float))
            for name, e in (edges or {}).items()
            for channel in channels_of(analysis.regions, name)
        }
        for name, of_folds in moved.items():
            for each in of_folds:
                with_edges(parted, {name: each.tolist()})
        return cls(
            folds,
            {n: np.broadcast_to(np.asarray(t, float), folds.number) for n, t in given.items()},
            {n: np.broadcast_to(e, (folds.number, e.shape[1])) for n, e in moved.items()},
        )

    def thresholds_in(self, fold: NDArray[np.intp]) -> dict[str, Array]:
        """The thresholds that each event is read with, (N,) by name, from the folds of the events.

        A number where it is the same in all folds.
        """
        return {
            name: values[fold] if np.ptp(values) > 0.0 else values[0]
            for name, values in self.thresholds.items()
        }

    def on_axes(self, analysis: Analysis) -> Analysis:
        """The configuration in channels, with the axes of the union: the mean edges of the folds.

        It is what histograms are of: categories of regions are channels from here on.
        """
        return _with_mean(analysis, self.edges)


def selection_of_each_fold(
    analysis: Analysis, paths: Sequence[str]
) -> list[tuple[str | None, Selection]]:
    """The file of each fold and what it holds; no file, and nothing, without paths.

    One file that names no fold, as a person writes it, is for all of them. Raises InputError for
    files of other folds, one that its own fold taught, and a fold that has none or two.
    """
    folds = analysis.folds
    if not paths:
        return [(None, {})] * folds.number
    found = [(path, SELECTION.read(path)) for path in paths]
    if len(found) == 1 and "fold" not in found[0][1]:
        return [*found] * folds.number
    of_fold: dict[int, tuple[str | None, Selection]] = {}
    for path, content in found:
        fold = content.get("fold", 0)
        require_unseen(content, folds, fold, path, "search" if "trials" in content else "optimise")
        if fold in of_fold:
            raise InputError(
                f"{path}: is of fold {fold}, as {of_fold[fold][0]} is: give one of each"
            )
        of_fold[fold] = path, content
    if missing := [str(fold) for fold in range(folds.number) if fold not in of_fold]:
        raise InputError(
            f"{', '.join(paths)}: no selection of fold {', '.join(missing)} among them: events of "
            f"each fold are read with their own, give all {folds.number}"
        )
    return [of_fold[fold] for fold in range(folds.number)]


def read_selections(analysis: Analysis, paths: Sequence[str]) -> Selections:
    """The selections of files (JSON) that a climb, a search or a person wrote, one of each fold.

    Raises InputError as of `selection_of_each_fold`, and for what does not fit the configuration.
    """
    thresholds, found = [], selection_of_each_fold(analysis, paths)
    for path, content in found:
        if path is not None and "thresholds" not in content:
            raise InputError(
                f"{path}: no `thresholds`: {{name: value}} of the tunable cuts is missing"
            )
        source = path or "thresholds"
        thresholds.append(complete_thresholds(analysis, content.get("thresholds"), source))
    by_name = {name: [t[name] for t in thresholds] for name in thresholds[0]}
    return Selections.of(analysis, by_name, _edges(analysis, found))


def on_axes_of(analysis: Analysis, paths: Sequence[str]) -> Analysis:
    """The configuration in channels, with the axes of the histograms of such selections.

    Raises InputError as of `selection_of_each_fold`, and for edges that do not fit.
    """
    return _with_mean(analysis, _edges(analysis, selection_of_each_fold(analysis, paths)))


def _edges(analysis: Analysis, found: Sequence[tuple[str | None, Selection]]) -> dict[str, Array]:
    """The edges of each fold, (K, B + 1), of the regions whose edges moved in any of them."""
    names = {name for _, content in found for name in content.get("edges", {})}
    for path, content in found:
        try:
            with_edges(analysis, content.get("edges", {}))
        except ValueError as error:
            raise InputError(f"{path}: {error}; run `zenith optimise` again") from None
    own = {name: list(analysis.regions[name].fit.edges.edges) for name in names}
    return {
        name: np.array([content.get("edges", {}).get(name, own[name]) for _, content in found])
        for name in names
    }


def _with_mean(analysis: Analysis, edges: Mapping[str, Array]) -> Analysis:
    mean = {
        channel: of_folds.mean(axis=0).tolist()
        for name, of_folds in edges.items()
        for channel in channels_of(analysis.regions, name)
    }
    return with_edges(in_channels(analysis), mean)
