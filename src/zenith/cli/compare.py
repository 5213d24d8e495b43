"""Compare selections on events that no choice was made with: the table that is quoted."""

import argparse

from zenith.cli import options

HELP = "selections to their significances on unseen events, with errors"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument(
        "--input", required=True, nargs="+", metavar="H5", help="columns of all samples"
    )
    parser.add_argument("--networks", metavar="DIR", help="folder of the networks")
    parser.add_argument("--optimised", required=True, metavar="JSON", help="what the climb wrote")
    parser.add_argument("--search", required=True, metavar="JSON", help="what the search wrote")
    parser.add_argument("--output", required=True, metavar="JSON", help="comparison to write")


def run(args: argparse.Namespace) -> None:
    """Evaluate each selection on each part of the events."""
    import logging

    from zenith import artefacts
    from zenith.cli.inputs import read_networks, read_samples
    from zenith.config.parts import step_config
    from zenith.learning import problem
    from zenith.learning.comparison import compare
    from zenith.statistics.selection import complete_thresholds, initial_thresholds

    for chatter in ("cabinetry", "pyhf"):
        logging.getLogger(chatter).setLevel(logging.ERROR)
    analysis = options.analysis(args)
    columns = read_samples(args.input)
    pretrained = read_networks(analysis, args.networks, "initial")
    tuned = read_networks(analysis, args.networks, "optimised")
    files = {name: artefacts.read_json(getattr(args, name)) for name in ("optimised", "search")}
    chosen = {
        name: complete_thresholds(analysis, file.get("thresholds"), getattr(args, name))
        for name, file in files.items()
    }
    result = compare(
        analysis,
        columns,
        problem.objective(analysis, quantity="significance"),
        problem.events(analysis, columns, pretrained, "test"),
        {
            "initial": {"thresholds": initial_thresholds(analysis), "networks": pretrained},
            "optimised": {"thresholds": chosen["optimised"], "networks": tuned},
            "search": {"thresholds": chosen["search"], "networks": pretrained},
        },
    )
    cost = {name: {k: file[k] for k in ("evaluations", "seconds")} for name, file in files.items()}
    artefacts.write_json(
        args.output,
        {**result, "soft_hard_gap": files["optimised"]["soft_hard_gap"], "cost": cost},
        inputs=[args.optimised, args.search],
        config=step_config(analysis, "optimise"),
    )
    for name, parts in result["expected_significance"].items():
        logging.info(
            "%-10s test %.3f ± %.3f (train %.3f, validate %.3f)",
            name,
            *(parts[key] for key in ("test", "test_error", "train", "validate")),
        )
