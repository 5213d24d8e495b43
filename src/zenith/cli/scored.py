"""Scored events of a toy, a file or an analysis, in two parts.

Categories are found with the first; the other is unseen, and what is quoted comes from it.
"""

import argparse
from typing import TYPE_CHECKING, Any

from zenith.cli import options
from zenith.cli.files import Input, Output, check

if TYPE_CHECKING:
    from zenith.config.categorisation import RegionEvents

HELP = "scored events in two parts: to find categories with, and unseen"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument(
        "--input",
        type=Input,
        nargs="+",
        default=[],
        metavar="H5",
        help="columns of all samples of an analysis",
    )
    parser.add_argument("--networks", metavar="DIR", help="folder of its trained networks")
    parser.add_argument(
        "--selection", type=Input, metavar="JSON", help="its thresholds, edges and networks"
    )
    parser.add_argument(
        "--train", type=Output, required=True, metavar="H5", help="to find categories with"
    )
    parser.add_argument(
        "--unseen", type=Output, required=True, metavar="H5", help="all other events"
    )


def run(args: argparse.Namespace) -> None:
    """Make or read the events, part them, and write both parts."""
    import logging

    from zenith.artefacts import write_arrays
    from zenith.categorisation.scored_inputs import parts, scored

    categorisation = options.categorisation(args)
    if categorisation.events.file is not None:
        check(args, {"events.file": [categorisation.events.file]})
    if categorisation.events.analysis is not None:
        found, attributes = _of_region(args, categorisation.events.analysis)
    else:
        arrays, attributes = scored(categorisation.events, categorisation.seed)
        source = categorisation.events.file or str(categorisation.events.toy)
        found = parts(arrays, categorisation.split, source)
    for path, part in zip((args.train, args.unseen), found, strict=True):
        write_arrays(path, part, attributes)
        logging.info("%s: %d events", path, len(part["label"]))


def _of_region(args: argparse.Namespace, wanted: "RegionEvents") -> "tuple[Any, dict[str, Any]]":
    """Both parts of the events of a region, and their attributes."""
    from zenith.categorisation.region_events import region_events
    from zenith.cli.inputs import read_networks, read_samples
    from zenith.config import load
    from zenith.statistics.thresholds import complete_thresholds, read_thresholds
    from zenith.training.scores import add_scores

    analysis = load(wanted.configuration)
    networks = read_networks(analysis, args.networks, args.selection)
    columns = {s: add_scores(own, networks) for s, own in read_samples(args.input).items()}
    given = read_thresholds(args.selection) if args.selection else None
    thresholds = complete_thresholds(analysis, given, args.selection or "thresholds")
    found = [
        region_events(analysis, columns, thresholds, wanted.region, wanted.scores, parts)
        for parts in (("optimise", "validate"), ("test",))
    ]
    return [arrays for arrays, _ in found], found[0][1]
