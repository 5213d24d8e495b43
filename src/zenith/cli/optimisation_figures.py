"""Draw what the optimisation did: its steps and path, what it changed, and what it gained."""

import argparse
from typing import TYPE_CHECKING, Any

from zenith.cli import options
from zenith.cli.files import Folder, Input

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from zenith.artefacts import Columns
    from zenith.config import Analysis
    from zenith.core.likelihood.structure import Templates
    from zenith.core.networks.network import Network
    from zenith.core.selection.objective import Objective
    from zenith.figures.naming import Figures
    from zenith.figures.networks import Weighted

HELP = "climb, search and comparison to figures"
GRID = 25  # values of each threshold in the scan of the plane


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
        "--history", type=Input, required=True, metavar="H5", help="every step of the climb"
    )
    parser.add_argument(
        "--search", type=Input, required=True, metavar="JSON", help="what the search wrote"
    )
    parser.add_argument(
        "--comparison", type=Input, required=True, metavar="JSON", help="what compare wrote"
    )
    parser.add_argument(
        "--output", type=Folder, required=True, metavar="DIR", help="folder of the figures"
    )


def run(args: argparse.Namespace) -> None:
    """Read the files, evaluate what the figures need beyond them, and draw."""
    from zenith.artefacts.writing import make_folder
    from zenith.figures import style

    analysis = options.analysis_of_files(args)
    folder = make_folder(args.output)
    for name, figure in _figures(analysis, args):
        style.save(figure, folder / name, analysis.plotting.formats)


def _figures(analysis: "Analysis", args: argparse.Namespace) -> "Figures":
    from zenith.artefacts.comparison import COMPARISON
    from zenith.artefacts.history import read_climb_history
    from zenith.cli.inputs import read_networks, read_samples, read_selection
    from zenith.core.selection.objective import hard_templates
    from zenith.figures import climb_gallery as gallery
    from zenith.optimisation import model
    from zenith.optimisation.landscape import bin_gradient, landscape
    from zenith.statistics.thresholds import with_selection

    columns = read_samples(args.input)
    history, start, step = read_climb_history(args.history)
    yield from gallery.progress(analysis, history, start, step)
    yield from gallery.comparison(analysis, COMPARISON.read(args.comparison))

    paths = {"initial": None, "optimised": args.optimised}
    networks = {s: read_networks(analysis, args.networks, path) for s, path in paths.items()}
    moved = with_selection(analysis, args.optimised)
    selections = {s: read_selection(analysis, paths[s], networks[s]) for s in networks}
    objective = model.objective(analysis, with_nuisances=analysis.optimise.nuisances)
    kept = gallery.climbs(history)[start]
    plane = gallery.most_moved(analysis, kept)[:2]
    if len(plane) == 2:
        searched = read_selection(analysis, args.search, networks["initial"])["thresholds"]
        searched = {name: float(t) for name, t in searched.items()}
        axes = {
            name: _axis(
                analysis,
                name,
                [climb.thresholds[name] for climb in gallery.climbs(history)],
                [float(selections["optimised"]["thresholds"][name]), searched[name]],
            )
            for name in plane
        }
        climbed = model.events(analysis, columns, networks["optimised"], "optimise")
        values = landscape(selections["optimised"], objective, climbed, axes)
        yield from gallery.landscape(analysis, history, start, step, axes, values, searched)
        del climbed

    unseen = model.events(analysis, columns, networks["optimised"], "test")
    filled = {name: hard_templates(s, objective, unseen) for name, s in selections.items()}
    yield from gallery.templates(
        analysis,
        _by_region(objective, filled["initial"]),
        _by_region(objective, filled["optimised"]),
        moved,
    )
    gradient = bin_gradient(objective, filled["optimised"])
    yield from gallery.gradients(
        moved,
        {
            region: (gradient.signal[bins], gradient.background[bins])
            for region, bins in objective.structure.slices.items()
        },
    )
    for name, mva in analysis.mva.items():
        if mva.fine_tune:
            before = _scores(analysis, columns, name, networks["initial"][name])
            after = _scores(analysis, columns, name, networks["optimised"][name])
            for score in before:
                yield from gallery.scores(analysis, score, before[score], after[score])


def _axis(
    analysis: "Analysis",
    name: str,
    paths: "list[NDArray[np.float64]]",
    included: list[float],
) -> "NDArray[np.float64]":
    """Values of a threshold around all `paths`, within its bounds, with those that are included."""
    import numpy as np

    cut = analysis.tunable_cuts[name]
    low, high = cut.tune or (0.0, 0.0)
    everything = np.concatenate([*paths, included])
    margin = 0.15 * np.ptp(everything) + (cut.width or 0.0)
    ends = max(low, everything.min() - margin), min(high, everything.max() + margin)
    return np.union1d(np.linspace(*ends, GRID), included[:1])


def _by_region(
    objective: "Objective", templates: "Templates"
) -> "dict[str, dict[str, NDArray[np.float64]]]":
    """The sums of signal and of background in the bins of every region."""
    import numpy as np

    nominal = np.asarray(templates.nominal)
    is_background = np.isin(objective.structure.samples, objective.background)
    return {
        region: {
            "signal": nominal[~is_background, bins].sum(axis=0),
            "background": nominal[is_background, bins].sum(axis=0),
        }
        for region, bins in objective.structure.slices.items()
    }


def _scores(
    analysis: "Analysis", columns: "Mapping[str, Columns]", name: str, network: "Network"
) -> "dict[str, dict[str, Weighted]]":
    """The scores of a network on unseen simulated events: score → process → events."""
    import numpy as np

    from zenith.artefacts import PARTS
    from zenith.figures.networks import Weighted
    from zenith.statistics.nuisances import nominal_samples
    from zenith.training.scores import scores

    parts: dict[str, dict[str, list[tuple[Any, Any]]]] = {}
    for sample in nominal_samples(analysis):
        if analysis.is_data(sample):
            continue
        unseen = columns[sample].split == PARTS.index("test")
        features = {
            feature: columns[sample].values[feature][unseen] for feature in network.features
        }
        process = analysis.samples[sample].process
        for score, values in scores(name, network, features).items():
            entry = (values, columns[sample].weight[unseen])
            parts.setdefault(score, {}).setdefault(process, []).append(entry)
    return {
        score: {
            process: Weighted(*(np.concatenate(arrays) for arrays in zip(*entries, strict=True)))
            for process, entries in of_process.items()
        }
        for score, of_process in parts.items()
    }
