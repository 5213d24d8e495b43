"""Draw what the optimisation did: its steps and path, what it changed, and what it gained."""

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zenith.cli import options
from zenith.cli.files import Folder, Input

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from zenith.artefacts import Columns
    from zenith.artefacts.history import ClimbHistory
    from zenith.config import Analysis
    from zenith.core.likelihood.structure import Templates
    from zenith.core.networks.network import Network
    from zenith.core.selection.layout import Layout
    from zenith.core.selection.objective import Objective
    from zenith.figures.naming import Figures
    from zenith.figures.networks import Weighted
    from zenith.optimisation.selection import Physical

HELP = "climbs, searches and comparison to figures"
GRID = 17  # values of each threshold in the scan of the plane


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    options.add_columns(parser)
    options.add_networks(parser)
    for option, kind, about in (
        ("--climb", "JSON", "what the climb of every fold wrote"),
        ("--history", "H5", "every step of the climb of every fold"),
        ("--search", "JSON", "what the search of every fold wrote"),
    ):
        parser.add_argument(option, type=Input, required=True, nargs="+", metavar=kind, help=about)
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
    from zenith.cli.inputs import read_events, read_selected
    from zenith.config.channels import in_channels
    from zenith.core.selection.objective import stacked, union_templates
    from zenith.figures import climb_gallery as gallery
    from zenith.figures.efficient_score_gallery import numbers
    from zenith.optimisation import model
    from zenith.optimisation.landscape import bin_gradient
    from zenith.statistics.selections import on_axes_of

    columns = read_events(analysis, args.input, args.networks)
    histories = [read_climb_history(path) for path in args.history]
    yield from gallery.progress(analysis, histories)
    compared = COMPARISON.read(args.comparison)
    yield from gallery.comparison(analysis, compared)
    yield from numbers(analysis, compared)

    paths: dict[str, list[str]] = {"initial": [], "climb": args.climb}
    selections = {
        name: read_selected(analysis, columns, args.networks, found)
        for name, found in paths.items()
    }
    objective = model.objective(analysis, with_nuisances=analysis.optimise.nuisances)
    yield from _landscape(analysis, args, columns, objective, histories[0], selections["climb"][0])

    moved = on_axes_of(analysis, args.climb)
    networks = selections["climb"][0]["networks"]
    events = model.events_of_each_fold(analysis, columns, networks)
    yield from _scans(analysis, objective, events, selections["climb"])
    filled = {
        name: union_templates(stacked(found), objective, events)
        for name, found in selections.items()
    }
    yield from gallery.templates(
        in_channels(analysis),
        _by_region(objective, filled["initial"]),
        _by_region(objective, filled["climb"]),
        moved,
    )
    gradient = bin_gradient(objective, filled["climb"])
    yield from gallery.gradients(
        moved,
        {
            region: (gradient.signal[bins], gradient.background[bins])
            for region, bins in objective.structure.slices.items()
        },
    )
    for name, mva in analysis.networks_in_use.items():
        if mva.fine_tune:
            before, after = (
                _scores(analysis, columns, name, [s["networks"][name] for s in selections[which]])
                for which in ("initial", "climb")
            )
            for score in before:
                yield from gallery.scores(analysis, score, before[score], after[score])


def _landscape(
    analysis: "Analysis",
    args: argparse.Namespace,
    columns: "Mapping[str, Columns]",
    objective: "Objective",
    history: "ClimbHistory",
    selection: "Physical",
) -> "Figures":
    """The path of the climb of the first fold, in the plane of the thresholds that moved most."""
    from zenith.cli.inputs import read_selected
    from zenith.figures import climb_gallery as gallery
    from zenith.optimisation import model
    from zenith.optimisation.landscape import landscape

    path = gallery.kept(history)
    plane = gallery.most_moved(analysis, path)[:2]
    if len(plane) < 2:
        return
    found = read_selected(analysis, columns, args.networks, args.search)[0]["thresholds"]
    searched = {name: float(t) for name, t in found.items()}
    axes = {
        name: _axis(
            analysis,
            name,
            path.thresholds[name],
            [float(selection["thresholds"][name]), searched[name]],
        )
        for name in plane
    }
    climbed = model.events(analysis, columns, selection["networks"], analysis.folds.learning(0))
    values = landscape(selection, objective, climbed, axes)
    yield from gallery.landscape(analysis, path, axes, values, searched)


def _scans(
    analysis: "Analysis", objective: "Objective", events: "Layout", selections: "list[Physical]"
) -> "Figures":
    """What each threshold on a score is worth, the others as they are kept in each fold."""
    import numpy as np

    from zenith.figures import threshold_gallery as gallery
    from zenith.optimisation.landscape import scan

    if objective.quantity != "significance":
        return
    for name, regions in gallery.on_scores(analysis).items():
        bounds = analysis.tunable_cuts[name].tune
        if bounds is None or not regions:
            continue
        kept = float(np.mean([float(one["thresholds"][name]) for one in selections]))
        thresholds = np.union1d(np.linspace(*bounds, GRID), [kept])
        found = scan(selections, objective, events, name, thresholds, regions)
        yield from gallery.scans(analysis, name, found, kept)


def _axis(
    analysis: "Analysis",
    name: str,
    path: "NDArray[np.float64]",
    included: list[float],
) -> "NDArray[np.float64]":
    """Values of a threshold around its path, within its bounds, with those that are included."""
    import numpy as np

    cut = analysis.tunable_cuts[name]
    low, high = cut.tune or (0.0, 0.0)
    everything = np.concatenate([path, included])
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
    analysis: "Analysis", columns: "Mapping[str, Columns]", name: str, networks: "list[Network]"
) -> "dict[str, dict[str, Weighted]]":
    """Scores of simulated events by the network of their fold: score → process → events."""
    import numpy as np

    from zenith.figures.networks import Weighted
    from zenith.statistics.nuisances import nominal_samples
    from zenith.training.scores import add_unseen_scores

    parts: dict[str, dict[str, list[tuple[Any, Any]]]] = {}
    of_folds = [{name: network} for network in networks]
    for sample in nominal_samples(analysis):
        if analysis.is_data(sample):
            continue
        own = replace(columns[sample], shapes={})
        scored = add_unseen_scores(own, of_folds, analysis.folds)
        process = analysis.samples[sample].process
        for score in networks[0].observables(name):
            entry = (scored.values[score], own.weight)
            parts.setdefault(score, {}).setdefault(process, []).append(entry)
    return {
        score: {
            process: Weighted(*(np.concatenate(arrays) for arrays in zip(*entries, strict=True)))
            for process, entries in of_process.items()
        }
        for score, of_process in parts.items()
    }
