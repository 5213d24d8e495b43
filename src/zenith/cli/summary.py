"""Summarise all results: one JSON file, and one page that a person reads."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from zenith.cli import options
from zenith.cli.files import Output, check

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from zenith.artefacts.summary import Categorised, CategoryResults, StepTime
    from zenith.config import Analysis

HELP = "results of all steps to one page"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument(
        "--results",
        metavar="DIR",
        help="folder with {selection}/fit.json and cutflow.json, comparison.json, "
        "efficient_score/, categories.json, benchmarks/ [results/{name}]",
    )
    parser.add_argument("--output", type=Output, required=True, metavar="JSON", help="the numbers")
    parser.add_argument("--page", type=Output, metavar="MD", help="the same for people, Markdown")
    parser.add_argument(
        "--web-page", type=Output, metavar="HTML", help="the page with a figure, as one HTML file"
    )


def run(args: argparse.Namespace) -> None:
    """Read what there is, of every selection and of categories, and write the summary."""
    from zenith.artefacts import write_text
    from zenith.artefacts.comparison import COMPARISON
    from zenith.artefacts.coverage import COVERAGE
    from zenith.artefacts.cutflow import CUTFLOW
    from zenith.artefacts.fit import FIT
    from zenith.artefacts.interval import INTERVAL
    from zenith.artefacts.summary import CATEGORY_SUMMARY, SUMMARY
    from zenith.config.channels import in_channels
    from zenith.config.steps import STEPS
    from zenith.errors import InputError
    from zenith.reporting import category_summary, inferred, key_figure, precisions, summary
    from zenith.reporting.key_figure import KeyFigure
    from zenith.reporting.measurement import measurement
    from zenith.reporting.web_page import web_page

    analysis = options.configuration(args)
    results = Path(args.results or f"results/{analysis.name}")
    of_samples = analysis.inputs.scored is None
    found = [results / s / "fit.json" for s in summary.SELECTIONS]
    fits = {path.parent.name: path for path in found if of_samples and path.exists()}
    if of_samples and not fits:
        raise InputError(f"{results}: no selection has a fit.json; run `zenith fit` first")
    cutflows = {s: results / s / "cutflow.json" for s in fits}
    cutflows = {s: path for s, path in cutflows.items() if path.exists()}
    comparison = [p for p in [results / "comparison.json"] if of_samples and p.exists()]
    categories = [p for p in [results / "categories.json"] if analysis.categorise and p.exists()]
    if not of_samples and not categories:
        raise InputError(f"{results}: no categories.json; run `zenith category_scan` first")
    scores = sorted((results / "efficient_score").glob("fold_*/score.json"))
    if analysis.summary is None or not of_samples:
        scores = []
    asked = {"interval": analysis.interval, "coverage": analysis.coverage}
    inferences = {
        name: path
        for name, settings in asked.items()
        if of_samples and settings and (path := results / f"{name}.json").exists()
    }
    inputs = [*fits.values(), *cutflows.values(), *comparison, *categories, *scores]
    inputs += inferences.values()
    check(args, {"--results": map(str, inputs)})
    steps = sorted(path.name for path in (results / "benchmarks").glob("*"))
    steps.sort(key=lambda step: (*STEPS, step).index(step))
    times = summary.timing({s: sorted((results / "benchmarks" / s).rglob("*.tsv")) for s in steps})
    title, more = f"Categories of {analysis.name}", list[str]()
    figure: KeyFigure | None = None
    if categories:
        chosen, name = _categories(analysis, categories[0], times)
        more = [f"# {title}", *category_summary.sections(chosen, name)]
    if not of_samples:
        text = category_summary.page(chosen, title, name)
        figure = key_figure.of_categories(results)
        CATEGORY_SUMMARY.write(
            args.output, {"categorisation": analysis.name, **chosen}, inputs=inputs
        )
    else:
        found_fits = {s: FIT.read(path) for s, path in fits.items()}
        flows = {s: CUTFLOW.read(path) for s, path in cutflows.items()}
        own = summary.summarise(
            found_fits,
            flows,
            times,
            COMPARISON.read(comparison[0]) if comparison else None,
            measurement(
                in_channels(options.analysis_of_files(args)), found_fits.values(), flows.values()
            ),
            _left_out(scores) if scores else None,
        )
        if (least := analysis.statistics.least_error) is not None:
            own["width_ratio"] = precisions.width_ratios(found_fits, least)
        of_fit = inferred.inferred(
            found_fits,
            INTERVAL.read(inferences["interval"]) if "interval" in inferences else None,
            COVERAGE.read(inferences["coverage"]) if "coverage" in inferences else None,
        )
        title = f"Results of {analysis.name}"
        said = [*inferred.sections(of_fit, own["labels"]["parameters"])]
        text = summary.page(own, title, more, said)
        figure = key_figure.of_analysis(results, own)
        beside: Categorised = {"categories": chosen} if categories else {}
        SUMMARY.write(
            args.output, {"analysis": analysis.name, **own, **of_fit, **beside}, inputs=inputs
        )
    if args.page:
        write_text(args.page, text)
    if args.web_page:
        write_text(args.web_page, web_page(text, title, figure))


def _left_out(scores: "Sequence[Path]") -> "dict[str, list[int]]":
    """Nuisance parameters that efficient scores leave out, and in which folds."""
    from zenith.artefacts.efficient_score import EFFICIENT_SCORE

    found: dict[str, list[int]] = {}
    for path in scores:
        about = EFFICIENT_SCORE.read(path)
        for name in about["left_out"]:
            found.setdefault(name, []).append(about["fold"])
    return found


def _categories(
    analysis: "Analysis", path: Path, times: "Mapping[str, StepTime]"
) -> "tuple[CategoryResults, Callable[[int], str]]":
    """The summary of categories, and what events of a label are called."""
    from zenith.artefacts.categories import SCANNED_CATEGORIES
    from zenith.categorisation.naming import EventLabels
    from zenith.config import source_of
    from zenith.reporting import category_summary

    content = SCANNED_CATEGORIES.read(path)
    labels = EventLabels.of(analysis, source_of(analysis))
    names = content.get("label_names", {})
    return category_summary.summarise(content, times), lambda label: labels.label(label, names)
