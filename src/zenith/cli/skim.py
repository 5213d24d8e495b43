"""Skim one file of a sample: keep the events and branches that the analysis can need."""

import argparse

from zenith.cli import options
from zenith.cli.files import Input, Output, check

HELP = "one file of a sample to the events that can pass"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument("--sample", required=True, help="name of the sample in the configuration")
    parser.add_argument(
        "--input",
        type=Input,
        required=True,
        metavar="FILE",
        help="file of the sample: a path, http(s):// or root://",
    )
    parser.add_argument(
        "--output", type=Output, required=True, metavar="ROOT", help="skim to write"
    )
    parser.add_argument(
        "--cutflow", type=Output, required=True, metavar="JSON", help="cutflow to write"
    )
    parser.add_argument(
        "--events", type=int, metavar="N", help="stop if the file has another number of events"
    )


def run(args: argparse.Namespace) -> None:
    """Skim the file; write the skim and its cutflow."""

    from zenith.artefacts.cutflow import SKIM_CUTFLOW
    from zenith.cli.progress import progress
    from zenith.config.dependencies import step_config
    from zenith.events.datasets import replicas
    from zenith.events.skim import skim
    from zenith.events.source import from_first

    analysis = options.analysis(args)
    sample = options.sample(args, analysis)
    era = analysis.eras[analysis.samples[sample].era]
    golden = [era.golden_json] if analysis.is_data(sample) and era.golden_json else []
    others = replicas(analysis, sample, args.input)
    check(args, {"golden_json": golden, f"samples.{sample}.files": others})
    with progress(f"skim {sample}") as advance:
        cutflow = from_first(
            [args.input, *others],
            lambda place, patient: skim(
                place,
                args.output,
                analysis,
                sample,
                expected=args.events,
                patient=patient,
                progress=advance,
            ),
        )
    part = step_config(analysis, "skim", sample)
    SKIM_CUTFLOW.write(args.cutflow, cutflow, inputs=golden, config=part)
