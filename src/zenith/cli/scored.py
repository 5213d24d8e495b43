"""Part scored events, of a toy or a file: those that categories are found with, and the unseen."""

import argparse

from zenith.cli import options

HELP = "scored events in two parts: to find categories with, and unseen"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument("--train", required=True, metavar="H5", help="to find categories with")
    parser.add_argument("--unseen", required=True, metavar="H5", help="all other events")


def run(args: argparse.Namespace) -> None:
    """Make or read the events, part them, and write both parts."""
    import logging

    from zenith.artefacts import write_arrays
    from zenith.events.scored import parts, scored

    categorisation = options.categorisation(args)
    arrays, attributes = scored(categorisation.events, categorisation.seed)
    source = categorisation.events.file or str(categorisation.events.toy)
    found = parts(arrays, categorisation.split, source)
    for path, part in zip((args.train, args.unseen), found, strict=True):
        write_arrays(path, part, attributes)
        logging.info("%s: %d events", path, len(part["label"]))
