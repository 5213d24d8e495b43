"""Scored events of a toy, a file or an analysis, in two parts.

Categories are found with the first; the other is unseen, and what is quoted comes from it.
"""

import argparse
from typing import TYPE_CHECKING, Any

from zenith.cli import options
from zenith.cli.files import Input, Output, check

if TYPE_CHECKING:
    from zenith.config import Analysis
    from zenith.config.categories import Categorise

HELP = "scored events in two parts: to find categories with, and unseen"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    options.add_inputs(parser, "columns of all samples of an analysis", required=False)
    parser.add_argument("--networks", metavar="DIR", help="folder of its trained networks")
    parser.add_argument(
        "--selection",
        type=Input,
        metavar="JSON",
        help="its thresholds, edges and networks, those that read the last fold",
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
    from zenith.config import source_of

    analysis, asked = options.categorised(args)
    events, source = analysis.inputs.scored, source_of(analysis)
    if source is not None:
        found, attributes = _of_region(args, source, asked)
    else:
        assert events is not None
        if events.file is not None:
            check(args, {"inputs.scored.file": [events.file]})
        arrays, attributes = scored(events, analysis.seed)
        found = parts(arrays, events.split, events.file or str(events.toy))
    for path, part in zip((args.train, args.unseen), found, strict=True):
        write_arrays(path, part, attributes)
        logging.info("%s: %d events", path, len(part["label"]))


def _of_region(
    args: argparse.Namespace, source: "Analysis", asked: "Categorise"
) -> "tuple[Any, dict[str, Any]]":
    """Both parts of the events of a region, and their attributes.

    One network and one selection read them all, those of the last fold, so that this fold alone is
    unseen.
    """
    from zenith.artefacts.selection import SELECTION
    from zenith.categorisation.region_events import region_events
    from zenith.cli.inputs import read_events, read_networks
    from zenith.events.folds import require_unseen
    from zenith.statistics.thresholds import complete_thresholds
    from zenith.training.scores import add_scores

    *others, last = range(source.folds.number)
    networks, _ = read_networks(source, args.networks, last, args.selection)
    read = read_events(source, args.input, args.networks, [last])
    columns = {s: add_scores(own, networks) for s, own in read.items()}
    content = SELECTION.read(args.selection) if args.selection else {}
    if "fold" in content:
        require_unseen(content, source.folds, last, args.selection, "optimise")
    given, where = content.get("thresholds"), args.selection or "thresholds"
    thresholds = complete_thresholds(source, given, where)
    assert asked.region is not None
    found = [
        region_events(source, columns, thresholds, asked.region, asked.scores, folds)
        for folds in (others, [last])
    ]
    return [arrays for arrays, _ in found], found[0][1]
