"""Summarise all results of an analysis: one JSON file, and one page that a person reads."""

import argparse
from pathlib import Path

from zenith.cli import options
from zenith.cli.files import Output, check

HELP = "results of all steps to one page"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument(
        "--results",
        metavar="DIR",
        help="folder with {selection}/fit.json and cutflow.json, comparison.json, benchmarks/ "
        "[results/{name}]",
    )
    parser.add_argument("--output", type=Output, required=True, metavar="JSON", help="the numbers")
    parser.add_argument("--page", type=Output, metavar="MD", help="the same for people, Markdown")


def run(args: argparse.Namespace) -> None:
    """Read what there is of every selection, and write the summary."""
    from zenith.artefacts import write_text
    from zenith.artefacts.comparison import COMPARISON
    from zenith.artefacts.cutflow import CUTFLOW
    from zenith.artefacts.fit import FIT
    from zenith.artefacts.summary import SUMMARY
    from zenith.config.steps import STEPS
    from zenith.errors import InputError
    from zenith.reporting.summary import SELECTIONS, page, summarise, timing

    analysis = options.analysis(args)
    results = Path(args.results or f"results/{analysis.name}")
    files = {s: results / s / "fit.json" for s in SELECTIONS if (results / s / "fit.json").exists()}
    if not files:
        raise InputError(f"{results}: no selection has a fit.json; run `zenith fit` first")
    cutflows = {s: results / s / "cutflow.json" for s in files}
    cutflows = {s: path for s, path in cutflows.items() if path.exists()}
    comparison = results / "comparison.json"
    compared = [comparison] if comparison.exists() else []
    check(args, {"--results": map(str, (*files.values(), *cutflows.values(), *compared))})
    steps = sorted(path.name for path in (results / "benchmarks").glob("*"))
    steps.sort(key=lambda step: (*STEPS, step).index(step))
    summary = summarise(
        {s: FIT.read(path) for s, path in files.items()},
        {s: CUTFLOW.read(path) for s, path in cutflows.items()},
        timing({s: sorted((results / "benchmarks" / s).rglob("*.tsv")) for s in steps}),
        COMPARISON.read(comparison) if compared else None,
    )
    SUMMARY.write(
        args.output,
        {"analysis": analysis.name, **summary},
        inputs=[*files.values(), *cutflows.values(), *compared],
    )
    if args.page:
        labels = {name: region.label for name, region in analysis.regions.items()}
        write_text(args.page, page(summary, f"Results of {analysis.name}", labels))
