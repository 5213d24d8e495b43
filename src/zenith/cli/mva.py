"""Train one network for one fold, on the columns of the samples of its classes."""

import argparse
from pathlib import Path

from zenith.cli import options
from zenith.cli.files import Folder, Input

HELP = "columns to a trained network and its measures"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument("--name", required=True, help="name of the network in the configuration")
    options.add_fold(parser)
    parser.add_argument(
        "--input", type=Input, required=True, nargs="+", metavar="H5", help="columns of the samples"
    )
    parser.add_argument(
        "--output",
        type=Folder,
        required=True,
        metavar="DIR",
        help="folder of initial.safetensors, network.onnx and metrics.json",
    )


def run(args: argparse.Namespace) -> None:
    """Read the columns, train on the other folds, judge on this one, write."""
    import logging
    import time

    import numpy as np

    from zenith.artefacts.metrics import METRICS
    from zenith.cli.inputs import read_samples, settings_of_network
    from zenith.config.dependencies import step_config
    from zenith.events.folds import taught
    from zenith.training.evaluate import evaluate
    from zenith.training.examples import examples
    from zenith.training.export import export_onnx
    from zenith.training.network_files import save_network
    from zenith.training.train import train

    start = time.perf_counter()
    analysis = options.analysis_of_files(args)
    mva = settings_of_network(analysis, args.name, args.config)
    folder = Path(args.output)
    columns = read_samples(args.input)
    folds, fold = analysis.folds, options.fold(args, analysis)
    parts = {
        part: examples(args.name, mva, columns, folds, chosen)
        for part, chosen in {
            "train": folds.learning(fold),
            "validate": [folds.validation(fold)],
            "test": [fold],
        }.items()
    }

    def progress(epoch: int, training: float, validation: float) -> None:
        if epoch % 5 == 0 or epoch in (1, mva.rounds):
            logging.info(
                "%s %d/%d: cross-entropy %.4f (training), %.4f (validation)",
                mva.round_name,
                epoch,
                mva.rounds,
                training,
                validation,
            )

    trained = train(args.name, mva, parts["train"], parts["validate"], analysis.seed, progress)
    judged = evaluate(trained.network, mva, parts)
    auc = {name: curve.auc for name, curve in judged.curves.items()}
    seconds = time.perf_counter() - start
    counts = {part: np.bincount(events.label) for part, events in parts.items()}
    of_fold = taught(folds, fold)
    metadata = {"name": args.name, "epoch": trained.best_epoch, **of_fold}
    save_network(folder / "initial.safetensors", trained.network, mva, metadata)
    about = {"name": args.name}
    export_onnx(folder / "network.onnx", trained.network, about, parts["validate"])
    METRICS.write(
        folder / "metrics.json",
        {
            "name": args.name,
            **of_fold,
            "framework": mva.framework,
            "classes": {c: list(samples) for c, samples in mva.classes.items()},
            "features": list(mva.features),
            "events": {
                of_class: {part: counts[part][k] for part in parts}
                for k, of_class in enumerate(mva.classes)
            },
            "losses": {
                "train": trained.losses["train"],
                "validation": trained.losses["validation"],
            },
            "best_epoch": trained.best_epoch,
            "auc": auc,
            "kolmogorov_smirnov": {
                c: {"distance": t.distance, "p_value": t.p_value}
                for c, t in judged.overtraining.items()
            },
            "seconds": seconds,
        },
        inputs=args.input,
        config=step_config(analysis, "mva", args.name),
    )
    text = ", ".join(f"{name} {value:.4f}" for name, value in auc.items())
    logging.info(
        "%s: kept %s %d; AUC on fold %d: %s",
        *(args.name, mva.round_name, trained.best_epoch, fold, text),
    )
