"""Draw what a network has learnt: losses, ROC curves, scores and features."""

import argparse
from collections.abc import Iterator
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

HELP = "a trained network to its figures"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument("--name", required=True, help="name of the network in the configuration")
    parser.add_argument(
        "--input", type=Input, required=True, nargs="+", metavar="H5", help="columns of the samples"
    )
    parser.add_argument(
        "--network", type=Input, required=True, metavar="FILE", help="initial.safetensors"
    )
    parser.add_argument("--metrics", type=Input, required=True, metavar="JSON", help="metrics.json")
    parser.add_argument(
        "--output", type=Folder, required=True, metavar="DIR", help="folder of the figures"
    )


def run(args: argparse.Namespace) -> None:
    """Read the network and its events, and draw."""
    from zenith.artefacts.metrics import METRICS
    from zenith.cli.inputs import read_samples, settings_of_network
    from zenith.figures import style
    from zenith.training.examples import examples
    from zenith.training.network_files import load_network

    analysis = options.analysis_of_files(args)
    mva = settings_of_network(analysis, args.name, args.config)
    network = load_network(args.network, mva)
    columns = read_samples(args.input)
    parts = {part: examples(args.name, mva, columns, part) for part in ("train", "test")}
    units = next(iter(columns.values())).units
    figures = _figures(analysis, mva, args.name, parts, network, METRICS.read(args.metrics), units)
    for name, figure in figures:
        style.save(figure, Path(args.output) / name, analysis.plotting.formats)


def _figures(
    analysis: "Analysis",
    mva: "Mva",
    name: str,
    parts: Any,
    network: "Network",
    metrics: "Metrics",
    units: dict[str, str],
) -> Iterator[tuple[str, "Figure"]]:
    import numpy as np

    from zenith.figures import networks as draw
    from zenith.figures.naming import axis_of, banner
    from zenith.statistics.naming import network_label
    from zenith.training.evaluate import evaluate

    line = banner(analysis)
    judged = evaluate(network, mva, parts)
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
            metrics["losses"]["train"],
            metrics["losses"]["validation"],
            metrics["best_epoch"],
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
    scaled = network.scaled(parts["train"].x.astype(float))
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
