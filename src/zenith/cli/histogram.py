"""Fill the histograms of the fit, the control plots and the cutflow from flat columns."""

import argparse
from typing import TYPE_CHECKING

from zenith.cli import options
from zenith.cli.files import Output

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zenith.artefacts import Columns
    from zenith.config import Analysis

HELP = "columns to histograms of regions, processes and variations"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    options.add_columns(parser)
    options.add_selections(parser, "thresholds, edges and networks [those at the start]")
    options.add_networks(parser)
    options.add_summary_scores(parser)
    parser.add_argument(
        "--output",
        type=Output,
        required=True,
        metavar="ROOT",
        help="histograms of the fit to write",
    )
    parser.add_argument(
        "--plots", type=Output, required=True, metavar="ROOT", help="control plots to write"
    )
    parser.add_argument(
        "--cutflow", type=Output, required=True, metavar="JSON", help="cutflow to write"
    )


def run(args: argparse.Namespace) -> None:
    """Read the columns; write histograms, control plots and cutflow."""
    import logging

    from zenith import artefacts
    from zenith.artefacts.cutflow import CUTFLOW, region_table
    from zenith.cli.efficient_scores import summary_scores
    from zenith.cli.inputs import read_events, read_hard
    from zenith.config.dependencies import step_config
    from zenith.statistics import histograms
    from zenith.statistics.cutflow import cutflow
    from zenith.statistics.responses import shifts

    analysis = options.analysis(args)
    columns = read_events(analysis, args.input, args.networks)
    selections, networks = read_hard(analysis, columns, args.networks, args.selection)
    if analysis.networks_in_use or len(args.selection) > 1:
        _require_data(analysis, columns)
    if analysis.networks_in_use:
        from zenith.training.scores import add_unseen_scores

        columns = {
            s: add_unseen_scores(own, networks, analysis.folds) for s, own in columns.items()
        }
    if args.summarised:
        from zenith.training.scores import add_unseen_scores

        _require_data(analysis, columns)
        of_folds = summary_scores(options.configuration(args), args.summarised)
        columns = {
            s: add_unseen_scores(own, of_folds, analysis.folds) for s, own in columns.items()
        }
    targets = histograms.fit_targets(analysis, selections)
    prefixes = {histograms.SUMS, *(target.prefix for target in targets)}
    targets += histograms.plot_targets(selections.on_axes(analysis))
    filled = histograms.fill(analysis, columns, selections, targets)
    flow = cutflow(analysis, columns, selections)
    for region, entry in flow.items():
        logging.info("%s\n%s\n", region, region_table(entry))
    of_fit = {name: h for name, h in filled.items() if name.rsplit("/", 2)[0] in prefixes}
    of_fit |= shifts(analysis, columns, selections)
    artefacts.write_histograms(args.output, of_fit)
    artefacts.write_histograms(
        args.plots, {name: h for name, h in filled.items() if name not in of_fit}
    )
    CUTFLOW.write(
        args.cutflow,
        flow,
        inputs=args.input,
        config=step_config(analysis, "histogram"),
    )


def _require_data(analysis: "Analysis", columns: "Mapping[str, Columns]") -> None:
    """Raises InputError where a fold, which has a selection of its own, has no data."""
    import numpy as np

    from zenith.events.folds import require_every_fold
    from zenith.statistics.nuisances import filled_samples

    observed = [s for s in filled_samples(analysis) if analysis.is_data(s) and s in columns]
    if observed:
        hashes = np.concatenate([columns[sample].hash for sample in observed])
        require_every_fold(hashes, analysis.folds, f"data ({', '.join(observed)})")
