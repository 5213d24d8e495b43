"""What the steps that train a network do once they have its events: train, judge, write."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zenith.cli.progress import progress

if TYPE_CHECKING:
    from zenith.artefacts.metrics import Metrics
    from zenith.config import Analysis
    from zenith.config.learning import Folds
    from zenith.config.networks.settings import Mva
    from zenith.core.networks.network import Network
    from zenith.training.evaluate import Evaluation
    from zenith.training.parts import Parts
    from zenith.training.tracking import Run


def events_by_fold(
    name: str, mva: "Mva", paths: Sequence[str], folds: "Folds"
) -> "tuple[Callable[[int], Parts], dict[str, str]]":
    """What gives the parts `train`, `validate` and `test` for a fold, and units of features.

    The files are columns, or training sets where the network reads objects.
    """
    from zenith.cli.inputs import read_samples
    from zenith.config.inputs import TrainingSetFields
    from zenith.training.examples import examples
    from zenith.training.parts import Parts, parts_of
    from zenith.training.sets import opened

    def of_sets(fold: int) -> Parts:
        with opened(paths, mva, TrainingSetFields()) as sources:
            return parts_of(name, sources, folds, fold)

    if mva.objects:
        with opened(paths[:1], mva, TrainingSetFields()) as (first,):
            return of_sets, first.units
    columns = read_samples(list(paths))

    def of_columns(fold: int) -> Parts:
        parts = {
            "train": folds.learning(fold),
            "validate": [folds.validation(fold)],
            "test": [fold],
        }
        found = {p: examples(name, mva, columns, folds, chosen) for p, chosen in parts.items()}
        return Parts.whole(found, len(mva.classes))

    return of_columns, next(iter(columns.values())).units


def events_of_sets(
    name: str, mva: "Mva", paths: Sequence[str], analysis: "Analysis", fold: int | None
) -> "Parts":
    """The parts of training sets from anywhere, in which the configuration names the fields."""
    from zenith.config.inputs import TrainingSetFields
    from zenith.training.parts import parts_of
    from zenith.training.sets import opened

    with opened(paths, mva, analysis.inputs.training_set or TrainingSetFields()) as sources:
        return parts_of(name, sources, analysis.folds, fold)


def learn(
    name: str,
    mva: "Mva",
    parts: "Parts",
    seed: int,
    folder: str | Path,
    *,
    about: Mapping[str, Any],
    inputs: Sequence[str],
    config: str,
    start: float,
    experiment: str,
    metadata: Mapping[str, Any] | None = None,
) -> "tuple[Network, Evaluation, Metrics]":
    """Train on the part `train`, choose on `validate`, judge on `test`, and write the folder.

    What calibrates the network is the part `calibrate`, or a share of `validate`.

    It has initial.safetensors, network.onnx and metrics.json; while it is trained, a checkpoint,
    from which the step goes on if it is started again. `about` is what both the network and
    the metrics record of the parts, `metadata` what the network records besides; `start` is when
    the step began, as `time.perf_counter` has it; `experiment` is what MLflow calls all of this.
    """
    from zenith.training.export import require_onnx
    from zenith.training.tracking import tracked

    require_onnx(Path(folder) / "network.onnx")
    settings = {"seed": seed, **mva.model_dump(mode="json", exclude={"mlflow"})}
    with tracked(mva.mlflow, experiment, name, settings) as run:
        kept = about, metadata or {}, inputs, config, start
        network, judged, metrics = _learnt(name, mva, parts, seed, Path(folder), run, *kept)
        run.note({f"test_auc_{c}": area for c, area in metrics["auc"].items()})
    return network, judged, metrics


def _learnt(
    name: str,
    mva: "Mva",
    parts: "Parts",
    seed: int,
    folder: Path,
    run: "Run",
    about: Mapping[str, Any],
    metadata: Mapping[str, Any],
    inputs: Sequence[str],
    config: str,
    start: float,
) -> "tuple[Network, Evaluation, Metrics]":
    import numpy as np

    from zenith.artefacts.metrics import METRICS, Metrics
    from zenith.training.evaluate import areas, evaluate
    from zenith.training.export import export_onnx
    from zenith.training.measures import highest_events, measures
    from zenith.training.network_files import save_network
    from zenith.training.regressions import residuals
    from zenith.training.reliability import calibration_errors
    from zenith.training.train import train

    def report(epoch: int, training: float, validation: float) -> None:
        advance(epoch, mva.rounds)
        run.note({"loss_train": training, "loss_validation": validation}, epoch)
        if epoch % 5 == 0 or epoch in (1, mva.rounds):
            logging.info(
                "%s %d/%d: loss %.4f (training), %.4f (validation)",
                mva.round_name,
                epoch,
                mva.rounds,
                training,
                validation,
            )

    def watch(network: "Network") -> dict[str, float]:
        of_class = np.bincount(parts["validate"].label, parts["validate"].weight)
        return areas(network, mva, parts["validate"]) if (of_class > 0.0).all() else {}

    checkpoint = folder / "checkpoint.safetensors"
    taught = parts["train"], parts["validate"]
    with progress(f"training {name}") as advance:
        trained = train(
            name,
            mva,
            *taught,
            seed,
            report,
            parts.get("calibrate"),
            checkpoint,
            parts.stream,
            watch,
        )
    for of_class, by_epoch in trained.noted.items():
        for epoch, area in enumerate(by_epoch, start=1):
            run.note({f"validation_auc_{of_class}": area}, epoch)
    judged = evaluate(trained.network, mva, parts)
    predicted = residuals(trained.network, mva, parts["test"])
    auc = {of_class: curve.auc for of_class, curve in judged.curves.items()}
    seconds = time.perf_counter() - start
    calibration: dict[str, Any] = {}
    if mva.calibration is not None:
        calibration["calibration"] = {
            "type": mva.calibration.type,
            "events": trained.calibrating,
            "before": calibration_errors(mva, parts["test"], judged.uncalibrated),
            "after": calibration_errors(mva, parts["test"], judged.scores["test"]),
        }
    drawn: Any = {
        part: dict(zip(mva.classes, map(int, kept), strict=True))
        for part, kept in parts.drawn.items()
    }
    recorded = {"name": name, "epoch": trained.best_epoch, **about, **metadata}
    save_network(folder / "initial.safetensors", trained.network, mva, recorded)
    export_onnx(folder / "network.onnx", trained.network, {"name": name}, parts["validate"])
    metrics: Metrics = {
        "name": name,
        **about,  # type: ignore[typeddict-item]
        "framework": mva.framework,
        "classes": {c: list(samples) for c, samples in mva.classes.items()},
        "features": list(mva.features),
        "objects": {collection: list(read.fields) for collection, read in mva.objects.items()},
        "events": {
            of_class: {part: int(parts.numbers[part][k]) for part in parts}
            for k, of_class in enumerate(mva.classes)
        },
        **({"drawn": drawn} if drawn else {}),
        "losses": {
            "train": trained.losses["train"],
            "validation": trained.losses["validation"],
        },
        "every": trained.every,
        **({"auc_by_epoch": dict(trained.noted)} if trained.noted else {}),
        "best_epoch": trained.best_epoch,
        "auc": auc,
        "kolmogorov_smirnov": {
            c: {"distance": t.distance, "p_value": t.p_value}
            for c, t in judged.overtraining.items()
        },
        "measures": measures(name, mva, parts["test"], judged.scores["test"], seed),
        "highest": highest_events(mva, parts["test"], judged.scores["test"]),
        **calibration,
        **({"regressions": predicted} if predicted else {}),
        **({"mlflow": run.named} if run.named else {}),
        "seconds": seconds,
        "cpu_seconds": time.process_time(),
    }
    METRICS.write(folder / "metrics.json", metrics, inputs=inputs, config=config)
    checkpoint.unlink(missing_ok=True)
    text = ", ".join(f"{of_class} {value:.4f}" for of_class, value in auc.items())
    where = f"fold {about['fold']}" if "fold" in about else "the part test"
    logging.info(
        "%s: kept %s %d; AUC on %s: %s", name, mva.round_name, trained.best_epoch, where, text
    )
    return trained.network, judged, metrics
