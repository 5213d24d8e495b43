"""Make the columns of a sample that comes from data: loose events, each times a fake factor."""

import argparse

from zenith.cli import options
from zenith.cli.files import Output

HELP = "columns of data and of prompt simulation to those of fakes"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument("--sample", required=True, help="name of the sample, which has `from_data`")
    options.add_inputs(parser, "columns of the data of its era and of its prompt samples")
    parser.add_argument(
        "--output", type=Output, required=True, metavar="H5", help="columns file to write"
    )
    parser.add_argument(
        "--about", type=Output, required=True, metavar="JSON", help="what is predicted, to write"
    )


def run(args: argparse.Namespace) -> None:
    """Measure or learn the factor, try it, and write."""
    import logging

    from zenith import artefacts
    from zenith.artefacts.fakes import FAKES, compared
    from zenith.cli.inputs import read_samples
    from zenith.config.dependencies import step_config
    from zenith.errors import ConfigError
    from zenith.training.fakes import make_fakes

    analysis = options.analysis(args)
    sample = options.sample(args, analysis)
    if sample not in analysis.from_data:
        there = ", ".join(analysis.from_data) or "none"
        raise ConfigError(
            f"{args.config}: samples.{sample}: has no from_data in use; there is {there}"
        )
    columns, about = make_fakes(analysis, sample, read_samples(args.input))
    for region in compared(about):
        logging.info(
            "%s: %.4g ± %.2g fakes predicted, %.4g ± %.2g observed",
            *(region["name"], region["predicted"], region["predicted_error"]),
            *(region["observed"], region["observed_error"]),
        )
    artefacts.write_columns(args.output, columns)
    FAKES.write(args.about, about, inputs=args.input, config=step_config(analysis, "fakes", sample))
