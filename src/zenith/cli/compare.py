"""Compare selections, every fold read with what the others taught: the table that is quoted."""

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from zenith.cli import options
from zenith.cli.files import Input, Output

if TYPE_CHECKING:
    from zenith.artefacts import Columns
    from zenith.core.response.efficient_score import EfficientScore

HELP = "selections of all folds to their significances with all events, with errors"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    options.add_columns(parser)
    options.add_networks(parser)
    for option, about in {
        "--climb": "what the climb of every fold wrote",
        "--fixed-edges": "what climbs that move no bin edges wrote",
        "--search": "what the searches of every fold wrote",
    }.items():
        parser.add_argument(
            option,
            type=Input,
            nargs="+",
            default=[],
            metavar="JSON",
            help=about,
            required=option != "--fixed-edges",
        )
    parser.add_argument(
        "--categories",
        type=Input,
        nargs="+",
        default=[],
        metavar="JSON",
        help="what climbs of climbed_categories wrote, if the configuration has it",
    )
    parser.add_argument(
        "--scores",
        type=Input,
        nargs="+",
        default=[],
        metavar="FILE",
        help="efficient scores of all folds, if the configuration has a summary",
    )
    parser.add_argument(
        "--output", type=Output, required=True, metavar="JSON", help="comparison to write"
    )


def run(args: argparse.Namespace) -> None:
    """Evaluate each selection on all events, each event with what its fold is read with."""
    import logging

    from zenith.artefacts.comparison import COMPARISON, Comparison
    from zenith.artefacts.selection import CLIMB, SEARCH, Climb, Cost, Search
    from zenith.cli.costs import cpu_seconds
    from zenith.cli.efficient_scores import read_climbed_scores, read_scores
    from zenith.cli.inputs import (
        read_events,
        read_selected,
        with_logits,
    )
    from zenith.config.dependencies import step_config
    from zenith.config.efficient_score import SCORE
    from zenith.config.variants import in_climbed_categories, summarised
    from zenith.errors import InputError
    from zenith.optimisation.compare import Row, compare
    from zenith.optimisation.fineness import against_numbers
    from zenith.optimisation.rivals import asked_of_rival, in_categories
    from zenith.optimisation.score_categories import Asked, in_bins
    from zenith.optimisation.selection import loosest
    from zenith.training.scores import add_unseen_scores

    for chatter in ("cabinetry", "pyhf"):
        logging.getLogger(chatter).setLevel(logging.ERROR)
    analysis = options.analysis(args)
    columns = read_events(analysis, args.input, args.networks)
    climbs = [CLIMB.read(path) for path in args.climb]
    files: dict[str, list[Climb] | list[Search]] = {"climb": climbs}
    paths = {"climb": args.climb}
    if args.fixed_edges:
        files["fixed_edges"] = [CLIMB.read(path) for path in args.fixed_edges]
        paths["fixed_edges"] = args.fixed_edges
    searched: dict[str, list[tuple[str, Search]]] = {}
    for path in args.search:
        one = SEARCH.read(path)
        searched.setdefault(one["method"], []).append((path, one))
    for method in sorted(searched):
        files[method] = [content for _, content in searched[method]]
        paths[method] = [path for path, _ in searched[method]]
    selections = {"initial": read_selected(analysis, columns, args.networks)}
    if analysis.tunable_cuts:
        selections["loosest"] = [loosest(analysis, start) for start in selections["initial"]]
    selections |= {
        name: read_selected(analysis, columns, args.networks, found)
        for name, found in paths.items()
    }
    rows = {name: Row(analysis, columns, chosen) for name, chosen in selections.items()}

    def scored_by(
        scores: "Sequence[EfficientScore]", columns: "Mapping[str, Columns]" = columns
    ) -> "dict[str, Columns]":
        of_folds = [{SCORE: score} for score in scores]
        return {s: add_unseen_scores(own, of_folds, analysis.folds) for s, own in columns.items()}

    if args.scores:
        scores = read_scores(analysis, args.scores)
        parted, shared = in_categories(analysis, columns, scores)
        rows["trees"] = Row.fixed(parted, shared)
        scored = scored_by(scores, shared)
        rows["efficient_score"] = Row.fixed(summarised(analysis), scored)
    if args.categories:
        options.climbed_categories(args, analysis)
        variant = in_climbed_categories(analysis)
        files["categories"] = [CLIMB.read(path) for path in args.categories]
        paths["categories"] = args.categories
        if variant.parts_by_score:
            if not args.scores:
                raise InputError("the climbed categories are of efficient scores: name --scores")
            asked = Asked.of(variant)
            rows["categories_start"] = (
                rows["trees"]
                if asked.same_as(asked_of_rival(analysis))
                else Row.fixed(*in_categories(analysis, columns, scores, asked))
            )
            moved = read_climbed_scores(analysis, args.categories, asked.number)
            rows["categories"] = Row.fixed(in_bins(variant), scored_by(moved))
        else:
            shared = with_logits(variant, columns, args.networks)
            for name, written in {"categories_start": [], "categories": args.categories}.items():
                chosen = read_selected(variant, shared, args.networks, written)
                rows[name] = Row(variant, shared, chosen)
    result = compare(rows, rival="trees" if args.scores else "")
    cost: dict[str, Cost] = {
        name: {
            "evaluations": sum(file["evaluations"] for file in found),
            "seconds": sum(file["seconds"] for file in found),
            "cpu_seconds": sum(file["cpu_seconds"] for file in found),
        }
        for name, found in files.items()
    }
    read = {name: list(row.analysis.networks_in_use) for name, row in rows.items()}
    of_scores = {"efficient_score"}
    if analysis.summary is not None:
        rivals = {"trees"}
        if args.categories and in_climbed_categories(analysis).parts_by_score:
            rivals.add("categories_start")
            of_scores.add("categories")
        read |= {name: [analysis.summary.network] for name in rivals | of_scores}
    content: Comparison = {
        **result,
        "folds": {"number": analysis.folds.number, "salt": analysis.folds.salt},
        "soft_hard_gap": max(climb["soft_hard_gap"] for climb in climbs),
        "cost": cost,
        "cpu_seconds": cpu_seconds(
            {name: read[name] for name in rows},
            args.networks,
            range(analysis.folds.number),
            args.scores,
            cost,
            of_scores,
        ),
    }
    if args.categories:
        ends = [CLIMB.read(path)["soft_hard_gap"] for path in args.categories]
        content["soft_hard_gap_of_categories"] = max(ends)
    if args.scores:
        content["by_number"] = against_numbers(analysis, scored, scores)
    COMPARISON.write(
        args.output,
        content,
        inputs=[path for found in paths.values() for path in found],
        config=step_config(analysis, "compare"),
    )
    for name, found in result["expected_significance"].items():
        logging.info(
            "%-16s Z %.3f ± %.3f",
            *(name, found["z"], found["error"]),
        )
