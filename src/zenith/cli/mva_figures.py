"""Draw what a network has learnt: losses, ROC curves, scores and features."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zenith.cli import options
from zenith.cli.files import Folder, Input

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from zenith.artefacts.metrics import Metrics
    from zenith.config import Analysis
    from zenith.config.networks.settings import Mva
    from zenith.core.networks.network import Network
    from zenith.training.evaluate import Evaluation
    from zenith.training.examples import Examples

HELP = "the trained networks of all folds to their figures"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument("--name", required=True, help="name of the network in the configuration")
    parser.add_argument(
        "--input", type=Input, required=True, nargs="+", metavar="H5", help="columns of the samples"
    )
    parser.add_argument(
        "--network",
        type=Input,
        required=True,
        nargs="+",
        metavar="FILE",
        help="initial.safetensors of every fold",
    )
    parser.add_argument(
        "--metrics",
        type=Input,
        required=True,
        nargs="+",
        metavar="JSON",
        help="metrics.json of every fold",
    )
    parser.add_argument(
        "--output", type=Folder, required=True, metavar="DIR", help="folder of the figures"
    )


def run(args: argparse.Namespace) -> None:
    """Read the networks of all folds and their events, and draw."""
    from zenith.artefacts.metrics import METRICS
    from zenith.cli.inputs import read_samples, settings_of_network
    from zenith.errors import InputError
    from zenith.events.folds import require_unseen
    from zenith.figures import style
    from zenith.training.evaluate import evaluate, together
    from zenith.training.examples import examples
    from zenith.training.network_files import load_network

    analysis = options.analysis_of_files(args)
    mva = settings_of_network(analysis, args.name, args.config)
    folds = analysis.folds
    for option in ("network", "metrics"):
        if (given := len(getattr(args, option))) != folds.number:
            raise InputError(
                f"--{option}: {given} files for {folds.number} folds: give one of each, in order"
            )
    metrics = [METRICS.read(path) for path in args.metrics]
    columns = read_samples(args.input)
    judged, parts = [], []
    for fold, path in enumerate(args.network):
        require_unseen(metrics[fold], folds, fold, args.metrics[fold], f"mva --name {args.name}")
        chosen = {"train": folds.learning(fold), "test": (fold,)}
        parts.append(
            {p: examples(args.name, mva, columns, folds, which) for p, which in chosen.items()}
        )
        network = load_network(path, mva)
        judged.append(evaluate(network, mva, parts[-1]))
    units = next(iter(columns.values())).units
    union, events = together(judged, mva, parts)
    for name, figure in _figures(analysis, mva, args.name, events, union, network, metrics, units):
        style.save(figure, Path(args.output) / name, analysis.plotting.formats)


def _figures(
    analysis: "Analysis",
    mva: "Mva",
    name: str,
    parts: "Mapping[str, Examples]",
    judged: "Evaluation",
    network: "Network",
    metrics: "Sequence[Metrics]",
    units: dict[str, str],
) -> Iterator[tuple[str, "Figure"]]:
    import numpy as np

    from zenith.figures import networks as draw
    from zenith.figures.naming import axis_of, banner
    from zenith.statistics.naming import network_label

    line = banner(analysis)
    classes = list(mva.classes)
    colours = {
        c: analysis.processes[analysis.samples[samples[-1]].process].colour
        for c, samples in mva.classes.items()
    }
    masks = {
        part: {c: parts[part].label == k for k, c in enumerate(classes)}
        for part in ("train", "test")
    }

    def events(part: str, of_class: str, values: Any) -> draw.Weighted:
        chosen = masks[part][of_class]
        return draw.Weighted(values[chosen], parts[part].weight[chosen])

    def distributions(values: Any) -> list[draw.Class]:
        return [draw.Class(c, colours[c], events("train", c, values)) for c in classes]

    yield (
        "losses",
        draw.losses(
            [of_fold["losses"]["train"] for of_fold in metrics],
            [of_fold["losses"]["validation"] for of_fold in metrics],
            [of_fold["best_epoch"] for of_fold in metrics],
            each=mva.round_name,
            title=network_label(analysis, name),
            banner=line,
        ),
    )
    curves = [
        draw.Curve(c, colours[c], curve.other, curve.efficiency, curve.auc)
        for c, curve in judged.curves.items()
    ]
    others = classes[0] if len(classes) == 2 else "other classes"
    yield "roc", draw.roc(curves, title=name, other=others, banner=line)
    for scored in judged.curves:
        train, test = (judged.scores[part][scored] for part in ("train", "test"))
        shown = [
            draw.Class(
                c,
                colours[c],
                events("train", c, train),
                events("test", c, test),
                judged.overtraining[c].p_value if c == scored or len(classes) == 2 else None,
            )
            for c in classes
        ]
        score = name if len(classes) == 2 else f"{name}:{scored}"
        label = axis_of(analysis, score)["label"]
        file = "scores" if len(classes) == 2 else f"scores_{scored}"
        yield file, draw.scores(shown, label=label, banner=line)
    scaled = network.scaled(parts["train"].x.astype(float))  # all folds scale much alike
    for k, feature in enumerate(mva.features):
        x = parts["train"].x[k]
        axis = analysis.observables.get(feature)
        edges = axis.edges.edges if axis else np.linspace(x.min(), x.max(), 31)
        yield (
            f"feature_{feature}",
            draw.feature(
                distributions(x),
                distributions(scaled[[f for f, _ in network.inputs].index(feature)]),
                edges,
                label=axis.label if axis else feature,
                unit=units.get(feature, ""),
                log=axis is not None and axis.log,
                banner=line,
            ),
        )
