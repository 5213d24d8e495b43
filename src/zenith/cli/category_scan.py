"""Apply all numbers of categories to unseen events, and choose the smallest that is as good.

The output holds the categories that are chosen, as `categorise` wrote them, and `scan`.
"""

import argparse

from zenith.cli import options
from zenith.cli.files import Input, Output

HELP = "categories of every number to the number that is enough, on unseen events"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    options.add_inputs(parser, "what categorise wrote, by number", metavar="JSON")
    parser.add_argument(
        "--train", type=Input, required=True, metavar="H5", help="events they were found with"
    )
    parser.add_argument(
        "--unseen", type=Input, required=True, metavar="H5", help="all other events"
    )
    parser.add_argument(
        "--output", type=Output, required=True, metavar="JSON", help="the chosen categories"
    )


def run(args: argparse.Namespace) -> None:
    """Evaluate, choose and write."""
    import logging

    from zenith.artefacts.categories import CATEGORIES, SCANNED_CATEGORIES
    from zenith.artefacts.identity import twice
    from zenith.categorisation.baselines import references
    from zenith.categorisation.category_files import load
    from zenith.categorisation.scan import scan
    from zenith.categorisation.scored_files import read
    from zenith.config.dependencies import step_config
    from zenith.errors import InputError

    if twice([args.train, args.unseen]):
        raise InputError(
            f"--train {args.train} --unseen {args.unseen}: are the same events; unseen are those "
            "that no category was found with"
        )
    analysis, asked = options.categorised(args)
    if len(args.input) != len(asked.numbers):
        raise InputError(
            f"--input: {len(args.input)} files for the {len(asked.numbers)} numbers of "
            f"{args.config}: give one for each, in their order"
        )
    files = dict(zip(asked.numbers, args.input, strict=True))
    learned = {number: load(path) for number, path in files.items()}
    first = learned[asked.numbers[0]]
    train, unseen = (read(path, first.sideband) for path in (args.train, args.unseen))
    # what is exact is so for the counting experiment
    exact = asked.method == "gradient" and asked.objective == "counting"
    others = references(train, list(asked.numbers), first.task(train), exact)
    found = scan(
        learned,
        others,
        train,
        unseen,
        tolerance=asked.tolerance,
        replicas=asked.bootstrap,
        seed=analysis.seed,
    )
    number = found["knee"]["asked"]
    chosen = CATEGORIES.read(files[number])
    names = {str(label): name for label, name in enumerate(unseen.label_names)}
    SCANNED_CATEGORIES.write(
        args.output,
        {**chosen, "label_names": names, "scan": found},
        inputs=[*args.input, args.train, args.unseen],
        config=step_config(analysis, "category_scan"),
    )
    logging.info("%d categories: Z = %.4f on unseen events", number, found["unseen"]["z"])
