"""What a run of the workflow has left, in a notebook: columns, templates, the model."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import EllipsisType

from zenith import artefacts
from zenith.api.workspace import Measurement, load_workspace
from zenith.artefacts import Columns
from zenith.config import Analysis
from zenith.config import load as load_config
from zenith.errors import InputError
from zenith.statistics.repair import sanitise
from zenith.statistics.selections import on_axes_of
from zenith.statistics.templates import RegionTemplates, collect

Selection = str | EllipsisType
"""`initial`, `optimised`, or `...`: the one that the run ends with."""


@dataclass(frozen=True)
class Run:
    """An analysis and the folder of its results, made by `zenith.load`."""

    config: Analysis
    """The configuration, with every default."""
    folder: Path
    """Where its results are."""

    def columns(self, sample: str) -> Columns:
        """The flat events of a sample: `values` by observable (N,) in their `units`, `weight` (N,).

        Weights are in expected events at the luminosity of the era. Raises InputError for another
        sample, and where the step `columns` has not run.
        """
        if sample not in self.config.used_samples:
            known = ", ".join(self.config.used_samples)
            raise InputError(
                f"{self.config.name}: no sample {sample!r} is in use; there is {known}"
            )
        return artefacts.read_columns(self._artefact(f"columns/{sample}.h5"))

    def templates(self, selection: Selection = ...) -> dict[str, RegionTemplates]:
        """The templates of the fit by region: yields, variances and variations, in events.

        They are those of the workspace before smoothing and pruning: bins that a fit cannot digest
        are repaired. Raises InputError where the step `histogram` has not run for the selection, or
        ran with another configuration.
        """
        name = self._selection(selection)
        folds = range(self.config.folds.number) if name == "optimised" else ()
        paths = [str(self._artefact(f"climb/fold_{fold}/selection.json")) for fold in folds]
        analysis = on_axes_of(self.config, paths)
        path = self._artefact(f"{name}/histograms.root")
        found = collect(analysis, artefacts.read_histograms(path), str(path))
        minimum = analysis.statistics.minimum_yield
        return {region.region: sanitise(region, minimum)[0] for region in found}

    def model(self, selection: Selection = ...) -> Measurement:
        """The statistical model of the fit, as `zenith.load_workspace` has it.

        Raises InputError where the step `fit` has not run for the selection.
        """
        return load_workspace(self._artefact(f"{self._selection(selection)}/workspace.json"))

    def _selection(self, selection: Selection) -> str:
        known = ["initial", "optimised"] if self.config.is_tunable else ["initial"]
        if isinstance(selection, EllipsisType):
            return known[-1]
        if selection not in known:
            raise InputError(f"no selection {selection!r}; there is {', '.join(known)}")
        return selection

    def _artefact(self, name: str) -> Path:
        path = self.folder / name
        if not path.exists():
            raise InputError(f"{path}: no such file; run the workflow, or name its results")
        return path


def load(config: str | Path, overrides: Iterable[str] = (), results: str | Path = "results") -> Run:
    """The analysis of a configuration file (YAML), and what a run left in `{results}/{name}/`.

    `overrides` are texts like `"max_files=1"`. Raises ConfigError, with every key that is wrong.
    Paths in the configuration, and the default of `results`, are from the working directory.

    >>> analysis = zenith.load("config/zprime.yaml")
    >>> columns = analysis.columns("wjets")
    >>> len(columns.weight) == len(columns.values["mtt"])
    True
    >>> region = analysis.templates()["signal"]
    >>> region.nominal.shape == (len(region.processes), len(region.edges) - 1)
    True
    >>> "mu" in analysis.model().parameters
    True
    """
    analysis = load_config(config, overrides)
    return Run(analysis, Path(results) / analysis.name)
