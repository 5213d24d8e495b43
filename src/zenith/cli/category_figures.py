"""Draw categories: where they lie, what is in them, how many are enough, how they were found."""

import argparse
from typing import TYPE_CHECKING

from zenith.cli import options
from zenith.cli.files import Folder, Input

if TYPE_CHECKING:
    from zenith.config import Analysis
    from zenith.config.categories import Categorise
    from zenith.figures.naming import Figures

HELP = "categories and their scan to figures"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument(
        "--categories", type=Input, required=True, metavar="JSON", help="what category_scan wrote"
    )
    parser.add_argument(
        "--histories",
        type=Input,
        required=True,
        nargs="+",
        metavar="H5",
        help="of categorise, by number",
    )
    parser.add_argument("--unseen", type=Input, required=True, metavar="H5", help="unseen events")
    parser.add_argument(
        "--output", type=Folder, required=True, metavar="DIR", help="folder of the figures"
    )


def run(args: argparse.Namespace) -> None:
    """Read the files, see where categories lie, and draw."""
    from zenith.artefacts.writing import make_folder
    from zenith.figures import style

    analysis, asked = options.categorised(args)
    folder = make_folder(args.output)
    for name, figure in _figures(analysis, asked, args):
        style.save(figure, folder / name, analysis.plotting.formats)


def _figures(analysis: "Analysis", asked: "Categorise", args: argparse.Namespace) -> "Figures":
    from zenith.artefacts.categories import SCANNED_CATEGORIES
    from zenith.artefacts.history import read_category_history
    from zenith.categorisation.category_files import load
    from zenith.categorisation.naming import Naming
    from zenith.categorisation.plane import is_ternary, odds, plane
    from zenith.categorisation.scored_files import read
    from zenith.config import source_of
    from zenith.events.datasets import at_luminosity_of_files
    from zenith.figures import category_gallery as gallery
    from zenith.figures.categories import CORNERS

    source = source_of(analysis)
    naming = Naming.of(analysis, at_luminosity_of_files(source)[0] if source else None)
    content, found = SCANNED_CATEGORIES.read(args.categories), load(args.categories)
    unseen = read(args.unseen, found.sideband)
    if "edges" in content:
        used = unseen.tallied(found.counting).used
        score = unseen.read_as(found.space)[0][used]
        events = (score, unseen.weight[used], unseen.label[used])
        yield from gallery.scores(naming, content, *events)
    else:
        seen = plane(found, unseen, CORNERS)
        yield from gallery.plane(naming, content, **seen._asdict())
        if is_ternary(found):
            seen = odds(found, unseen)
            yield from gallery.plane(naming, content, **seen._asdict(), odds=True)
    yield from gallery.yields(naming, content)
    yield from gallery.numbers(naming, content)
    chosen = asked.numbers.index(content["scan"]["knee"]["asked"])
    history = read_category_history(args.histories[chosen])
    yield from gallery.climb(naming, content, history)
