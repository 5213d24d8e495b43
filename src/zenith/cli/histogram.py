"""Fill the histograms of the fit, the control plots and the cutflow from flat columns."""

import argparse

from zenith.cli import options
from zenith.cli.files import Input, Output

HELP = "columns to histograms of regions, processes and variations"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument(
        "--input",
        type=Input,
        required=True,
        nargs="+",
        metavar="H5",
        help="columns files of all samples",
    )
    parser.add_argument(
        "--selection",
        type=Input,
        metavar="JSON",
        help="file with thresholds of the tunable cuts, edges and networks [those at the start]",
    )
    parser.add_argument("--networks", metavar="DIR", help="folder of the trained networks")
    parser.add_argument(
        "--part",
        choices=("train", "optimise", "validate", "test"),
        default="test",
        help="part of the simulated events; test is all where nothing was learned from them [test]",
    )
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
    from zenith.cli.inputs import read_networks, read_samples
    from zenith.config.dependencies import step_config
    from zenith.statistics import histograms
    from zenith.statistics.cutflow import cutflow
    from zenith.statistics.responses import shifts
    from zenith.statistics.thresholds import complete_thresholds, read_thresholds, with_selection

    analysis = with_selection(options.analysis(args), args.selection)
    given = read_thresholds(args.selection) if args.selection else None
    thresholds = complete_thresholds(analysis, given, args.selection or "thresholds")
    columns = read_samples(args.input)
    if analysis.mva:
        from zenith.training.scores import add_scores

        networks = read_networks(analysis, args.networks, args.selection)
        columns = {sample: add_scores(own, networks) for sample, own in columns.items()}
    targets = [*histograms.fit_targets(analysis), *histograms.plot_targets(analysis)]
    filled = histograms.fill(analysis, columns, thresholds, args.part, targets)
    flow = cutflow(analysis, columns, thresholds, args.part)
    for region, entry in flow.items():
        logging.info("%s\n%s\n", region, region_table(entry))
    prefixes = {histograms.SUMS, *(t.prefix for t in histograms.fit_targets(analysis))}
    of_fit = {name: h for name, h in filled.items() if name.rsplit("/", 2)[0] in prefixes}
    of_fit |= shifts(analysis, columns, thresholds, args.part)
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
