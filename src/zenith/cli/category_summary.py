"""Summarise a categorisation: one JSON file, and one page that a person reads."""

import argparse
from pathlib import Path

from zenith.cli import options
from zenith.cli.files import Input, Output

HELP = "categories and their scan to one page"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument(
        "--categories", type=Input, required=True, metavar="JSON", help="what category_scan wrote"
    )
    parser.add_argument("--benchmarks", metavar="DIR", help="folder of Snakemake's benchmarks")
    parser.add_argument("--output", type=Output, required=True, metavar="JSON", help="the numbers")
    parser.add_argument("--page", type=Output, metavar="MD", help="the same for people, Markdown")


def run(args: argparse.Namespace) -> None:
    """Read, and write the summary."""
    from zenith import artefacts
    from zenith.artefacts.categories import SCANNED_CATEGORIES
    from zenith.artefacts.summary import CATEGORY_SUMMARY
    from zenith.config.steps import STEPS
    from zenith.reporting.category_summary import page, summarise
    from zenith.reporting.summary import timing

    categorisation = options.categorisation(args)
    folders = list(Path(args.benchmarks).glob("*")) if args.benchmarks else []
    folders.sort(key=lambda folder: (*STEPS, folder.name).index(folder.name))
    times = timing({folder.name: sorted(folder.rglob("*.tsv")) for folder in folders})
    content = SCANNED_CATEGORIES.read(args.categories)
    summary = summarise(content, times)
    CATEGORY_SUMMARY.write(
        args.output, {"categorisation": categorisation.name, **summary}, inputs=[args.categories]
    )
    if args.page:
        text = page(
            summary,
            f"Categories of {categorisation.name}",
            lambda label: categorisation.plotting.name(label, content["label_names"]),
        )
        artefacts.write_text(args.page, text)
