"""Fill the histograms of the fit, the control plots and the cutflow from flat columns."""

import argparse

from zenith.cli import options

HELP = "columns to histograms of regions, processes and variations"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument(
        "--input", required=True, nargs="+", metavar="H5", help="columns files of all samples"
    )
    parser.add_argument(
        "--selection",
        metavar="JSON",
        help="file whose `thresholds` are those of the tunable cuts [those of the configuration]",
    )
    parser.add_argument(
        "--part",
        choices=("train", "optimise", "validate", "test"),
        default="test",
        help="part of the simulated events [test]",
    )
    parser.add_argument(
        "--output", required=True, metavar="ROOT", help="histograms of the fit to write"
    )
    parser.add_argument("--plots", required=True, metavar="ROOT", help="control plots to write")
    parser.add_argument("--cutflow", required=True, metavar="JSON", help="cutflow to write")


def run(args: argparse.Namespace) -> None:
    """Read the columns; write histograms, control plots and cutflow."""
    import logging

    from zenith import artefacts
    from zenith.config.parts import step_config
    from zenith.statistics import histograms
    from zenith.statistics.cutflow import cutflow, cutflow_table
    from zenith.statistics.selection import complete_thresholds, read_thresholds

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    analysis = options.analysis(args)
    given = read_thresholds(args.selection) if args.selection else None
    thresholds = complete_thresholds(analysis, given, args.selection or "thresholds")
    columns = _read(args.input)
    targets = [*histograms.fit_targets(analysis), *histograms.plot_targets(analysis)]
    filled = histograms.fill(analysis, columns, thresholds, args.part, targets)
    flow = cutflow(analysis, columns, thresholds, args.part)
    for region, entry in flow.items():
        logging.info("%s\n%s\n", analysis.regions[region].label, cutflow_table(entry))
    prefixes = {target.prefix for target in histograms.fit_targets(analysis)}
    of_fit = {name: h for name, h in filled.items() if name.rsplit("/", 2)[0] in prefixes}
    artefacts.write_histograms(args.output, of_fit)
    artefacts.write_histograms(
        args.plots, {name: h for name, h in filled.items() if name not in of_fit}
    )
    artefacts.write_json(
        args.cutflow,
        flow,
        inputs=args.input,
        config=step_config(analysis, "histogram"),
    )


def _read(paths: list[str]) -> dict:
    from zenith.artefacts import read_columns
    from zenith.errors import InputError

    columns = {}
    for path in paths:
        own = read_columns(path)
        sample = str(own.attributes.get("sample", ""))
        if not sample:
            raise InputError(f"{path}: the file does not name its sample; run `zenith columns`")
        if sample in columns:
            raise InputError(f"{path}: the columns of sample {sample!r} are given twice")
        columns[sample] = own
    return columns
