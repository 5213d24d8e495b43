"""Compare selections on events that no choice was made with: the table that is quoted."""

import argparse
from typing import TYPE_CHECKING

from zenith.cli import options
from zenith.cli.files import Input, Output

if TYPE_CHECKING:
    from zenith.optimisation.selection import Physical

HELP = "selections to their significances on unseen events, with errors"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument(
        "--input", type=Input, required=True, nargs="+", metavar="H5", help="columns of all samples"
    )
    parser.add_argument("--networks", metavar="DIR", help="folder of the trained networks")
    parser.add_argument(
        "--optimised", type=Input, required=True, metavar="JSON", help="what the climb wrote"
    )
    parser.add_argument(
        "--fixed-edges",
        type=Input,
        metavar="JSON",
        help="what a climb that moves no bin edges wrote",
    )
    parser.add_argument(
        "--search", type=Input, required=True, metavar="JSON", help="what the search wrote"
    )
    parser.add_argument(
        "--output", type=Output, required=True, metavar="JSON", help="comparison to write"
    )


def run(args: argparse.Namespace) -> None:
    """Evaluate each selection on each part of the events."""
    import logging

    from zenith.artefacts.comparison import COMPARISON
    from zenith.artefacts.selection import CLIMB, SEARCH, Climb, Cost, Search
    from zenith.cli.inputs import read_networks, read_samples, read_selection
    from zenith.config.dependencies import step_config
    from zenith.optimisation import model
    from zenith.optimisation.compare import compare
    from zenith.optimisation.selection import loosest

    for chatter in ("cabinetry", "pyhf"):
        logging.getLogger(chatter).setLevel(logging.ERROR)
    analysis = options.analysis(args)
    columns = read_samples(args.input)
    paths = {"optimised": args.optimised, "fixed_edges": args.fixed_edges, "search": args.search}
    paths = {name: path for name, path in paths.items() if path is not None}
    climb = CLIMB.read(args.optimised)
    files: dict[str, Climb | Search] = {"optimised": climb}
    if args.fixed_edges is not None:
        files["fixed_edges"] = CLIMB.read(args.fixed_edges)
    files["search"] = SEARCH.read(args.search)

    def selected(path: str | None) -> "Physical":
        return read_selection(analysis, path, read_networks(analysis, args.networks, path))

    selections = {"initial": selected(None)}
    if analysis.tunable_cuts:
        selections["loosest"] = loosest(analysis, selections["initial"]["networks"])
    selections |= {name: selected(path) for name, path in paths.items()}
    result = compare(
        analysis,
        columns,
        model.objective(analysis, quantity="significance"),
        model.events(analysis, columns, selections["initial"]["networks"], "test"),
        selections,
    )
    cost: dict[str, Cost] = {
        name: {"evaluations": file["evaluations"], "seconds": file["seconds"]}
        for name, file in files.items()
    }
    COMPARISON.write(
        args.output,
        {**result, "soft_hard_gap": climb["soft_hard_gap"], "cost": cost},
        inputs=[*paths.values()],
        config=step_config(analysis, "compare"),
    )
    for name, parts in result["expected_significance"].items():
        logging.info(
            "%-11s test %.3f ± %.3f (train %.3f, validate %.3f)",
            name,
            *(parts["test"], parts["test_error"], parts["train"], parts["validate"]),
        )
