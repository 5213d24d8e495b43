"""What several steps do: shift the simulated events of a selection to points."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from zenith.cli import options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zenith.artefacts import Columns
    from zenith.config import Analysis
    from zenith.config.inference import Surfaces
    from zenith.observable import ExactRatio
    from zenith.statistics.shifted_events import Array, Counts, Shifting, Yields


def add_events(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add what events are, and what they are selected and scored with."""
    options.add_columns(parser, required=required)
    parser.add_argument(
        "--skims",
        required=required,
        metavar="DIR",
        help="folder of the skims that the columns are of, SAMPLE.PART.root",
    )
    options.add_selections(parser, "thresholds, edges and networks [those at the start]")
    options.add_networks(parser)
    options.add_summary_scores(parser)


def _part(path: Path) -> int:
    number = path.suffixes[-2][1:]
    return int(number) if number.isdigit() else 0


def shifted_yields(args: argparse.Namespace, analysis: "Analysis", points: "Array") -> "Yields":
    """Yields of all simulated samples at points. Raises InputError for skims that are missing."""
    from zenith.cli.inputs import read_samples
    from zenith.errors import InputError

    columns = read_samples(args.input)
    skims = {}
    for sample in columns:
        parts = sorted(Path(args.skims or ".").glob(f"{sample}.*.root"), key=_part)
        if not parts and not analysis.is_data(sample):
            where = args.skims or "--skims"
            raise InputError(f"{where}: no skim of sample {sample!r}; run `zenith skim`")
        skims[sample] = [str(path) for path in parts]
    return shifting(args, analysis, columns).yields(columns, skims, points)


def weighted_counts(
    args: argparse.Namespace, analysis: "Analysis", points: "Array", exact: "ExactRatio"
) -> "Counts":
    """Counts at points by the exact ratio of intensities, which need no skims."""
    from zenith.cli.inputs import read_samples
    from zenith.statistics.weighted_events import weighted

    columns = read_samples(args.input)
    return weighted(shifting(args, analysis, columns), columns, points, exact)


def surfaces(args: argparse.Namespace, analysis: "Analysis") -> "Surfaces":
    """The surfaces that the configuration asks for. Raises ConfigError without them."""
    return options.section(args, "surfaces", analysis.surfaces)


def shifting(
    args: argparse.Namespace, analysis: "Analysis", columns: "Mapping[str, Columns]"
) -> "Shifting":
    """What moves, selects and scores the events of a selection.

    Raises InputError for networks that read objects.
    """
    from zenith.cli.efficient_scores import summary_scores
    from zenith.cli.inputs import read_hard
    from zenith.config import observables_of
    from zenith.errors import InputError
    from zenith.statistics.shifted_events import Shifting, observables_read
    from zenith.training.scores import add_unseen_scores

    settings = surfaces(args, analysis)
    readers = [name for name, mva in analysis.networks_in_use.items() if mva.objects]
    if readers:
        raise InputError(
            f"surfaces: the network {readers[0]!r} reads objects, which are not shifted to points: "
            "let it read observables, or leave surfaces out"
        )
    selections, networks = read_hard(analysis, columns, args.networks, args.selection)
    if args.summarised:
        networks = summary_scores(options.configuration(args), args.summarised)
    read = {
        name for of_fold in networks for network in of_fold.values() for name in network.features
    }
    names = observables_read(selections.on_axes(analysis)) | read
    defined = observables_of(analysis)
    return Shifting(
        analysis,
        selections,
        {name: defined[name] for name in sorted(names) if name in defined},
        lambda own: add_unseen_scores(own, networks, analysis.folds),
        settings,
    )
