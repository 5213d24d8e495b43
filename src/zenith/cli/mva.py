"""Train one network on the columns of the samples of its classes."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zenith.cli import options
from zenith.cli.files import Input

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from zenith.config import Analysis
    from zenith.config.learning import Mva

HELP = "columns to a trained network, its measures and figures"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument("--name", required=True, help="name of the network in the configuration")
    parser.add_argument(
        "--input", type=Input, required=True, nargs="+", metavar="H5", help="columns of the samples"
    )
    parser.add_argument(
        "--output",
        required=True,
        metavar="DIR",
        help="folder of initial.safetensors, network.onnx, metrics.json and figures/",
    )


def run(args: argparse.Namespace) -> None:
    """Read the columns, train, judge on unseen events, write."""
    import logging
    import time

    import numpy as np

    from zenith.artefacts import write_json
    from zenith.cli.inputs import read_samples
    from zenith.config.parts import step_config
    from zenith.learning.dataset import examples
    from zenith.learning.evaluate import evaluate
    from zenith.learning.network_files import save_network
    from zenith.learning.onnx import export_onnx
    from zenith.learning.train import train
    from zenith.plots import style

    start = time.perf_counter()
    analysis = options.analysis_of_files(args)
    mva = _network(analysis, args.name, args.config)
    folder = Path(args.output)
    columns = read_samples(args.input)
    parts = {
        part: examples(args.name, mva, columns, part) for part in ("train", "validate", "test")
    }

    def progress(epoch: int, training: float, validation: float) -> None:
        if epoch % 5 == 0 or epoch in (1, mva.epochs):
            logging.info(
                "epoch %d/%d: cross-entropy %.4f (training), %.4f (validation)",
                epoch,
                mva.epochs,
                training,
                validation,
            )

    fit = train(args.name, mva, parts["train"], parts["validate"], analysis.seed, progress=progress)
    judged = evaluate(fit.network, mva, parts)
    auc = {name: curve.auc for name, curve in judged.curves.items()}
    seconds = time.perf_counter() - start
    units = next(iter(columns.values())).units
    for name, figure in _figures(analysis, mva, args.name, parts, fit, judged, units):
        style.save(figure, folder / "figures" / name, analysis.plotting.formats)
    counts = {part: np.bincount(events.label) for part, events in parts.items()}
    save_network(
        folder / "initial.safetensors", fit.network, {"name": args.name, "epoch": fit.best_epoch}
    )
    export_onnx(folder / "network.onnx", fit.network, {"name": args.name})
    write_json(
        folder / "metrics.json",
        {
            "name": args.name,
            "framework": mva.framework,
            "classes": mva.classes,
            "features": mva.features,
            "events": {
                of_class: {part: counts[part][k] for part in parts}
                for k, of_class in enumerate(mva.classes)
            },
            "losses": fit.losses,
            "best_epoch": fit.best_epoch,
            "auc": auc,
            "kolmogorov_smirnov": {c: t._asdict() for c, t in judged.overtraining.items()},
            "seconds": seconds,
        },
        inputs=args.input,
        config=step_config(analysis, "mva", args.name),
    )
    text = ", ".join(f"{name} {value:.4f}" for name, value in auc.items())
    logging.info("%s: kept epoch %d; AUC on unseen events: %s", args.name, fit.best_epoch, text)


def _network(analysis: "Analysis", name: str, source: str) -> "Mva":
    """The settings of a network, its classes without the samples that are not used."""
    from zenith.errors import ConfigError

    if name not in analysis.mva:
        known = ", ".join(analysis.mva) or "none"
        raise ConfigError(f"{source}: mva: no network {name!r}; there is {known}")
    mva = analysis.mva[name]
    classes = {
        of_class: tuple(sample for sample in samples if sample in analysis.used_samples)
        for of_class, samples in mva.classes.items()
    }
    for of_class, samples in classes.items():
        if not samples:
            raise ConfigError(
                f"{source}: mva.{name}.classes.{of_class}: only_samples leaves none of its samples "
                f"({', '.join(mva.classes[of_class])}); let one through, or set mva.{name}=null"
            )
    return mva.model_copy(update={"classes": classes})


def _figures(
    analysis: "Analysis",
    mva: "Mva",
    name: str,
    parts: Any,
    fit: Any,
    judged: Any,
    units: dict[str, str],
) -> Iterator[tuple[str, "Figure"]]:
    import numpy as np

    from zenith.plots import mva as draw
    from zenith.plots.naming import banner

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

    def events(part: str, of_class: str, values: Any) -> draw.Events:
        chosen = masks[part][of_class]
        return draw.Events(values[chosen], parts[part].weight[chosen])

    yield (
        "losses",
        draw.losses(
            fit.losses["train"], fit.losses["validation"], fit.best_epoch, title=name, banner=line
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
        label = f"Score {name}" if len(classes) == 2 else f"Score {name}: {scored}"
        file = "scores" if len(classes) == 2 else f"scores_{scored}"
        yield file, draw.scores(shown, label=label, banner=line)
    for k, feature in enumerate(mva.features):
        x = parts["train"].x[k]
        axis = analysis.observables.get(feature)
        edges = axis.edges.edges if axis else np.linspace(x.min(), x.max(), 31)
        yield (
            f"feature_{feature}",
            draw.feature(
                [draw.Class(c, colours[c], events("train", c, x)) for c in classes],
                float(fit.network.mean[k]),
                float(fit.network.scale[k]),
                edges,
                label=axis.label if axis else feature,
                unit=units.get(feature, ""),
                log=axis is not None and axis.log,
                banner=line,
            ),
        )
