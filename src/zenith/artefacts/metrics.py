"""What a network is worth: metrics.json."""

from typing import Annotated, NotRequired

from typing_extensions import TypedDict

from zenith.artefacts.codec import Lines
from zenith.artefacts.json_codec import JsonCodec
from zenith.artefacts.taught import Division
from zenith.tables import pairs, table


class Losses(TypedDict):
    """The loss after each epoch, or each tree: cross-entropy unless another is configured."""

    train: Annotated[list[float], "of the events that it was trained with"]
    validation: Annotated[list[float], "of those that the best one was chosen with"]


class Overtraining(TypedDict):
    """Kolmogorov-Smirnov test of the score, training against unseen events."""

    distance: Annotated[float, "largest distance of the two cumulative distributions"]
    p_value: Annotated[float, "how probable one as large is"]


class CalibrationErrors(TypedDict):
    """How far scores of unseen events are from probabilities."""

    type: Annotated[str, "of the calibration"]
    events: Annotated[int, "number of events that calibrated the network"]
    before: Annotated[dict[str, float], "expected calibration error of the score of each class"]
    after: Annotated[dict[str, float], "the same of calibrated scores"]


class Metrics(TypedDict):
    """All of metrics.json."""

    fold: NotRequired[Annotated[int, "that it reads, from 0, where events are in folds"]]
    folds: NotRequired[Annotated[Division, "how events fall into folds"]]
    taught_by: NotRequired[Annotated[list[int], "folds whose events taught it"]]
    name: Annotated[str, "of the network"]
    framework: Annotated[str, "that trained it"]
    classes: Annotated[dict[str, list[str]], "their samples"]
    features: Annotated[list[str], "observables that it reads"]
    objects: NotRequired[Annotated[dict[str, list[str]], "fields of objects that it reads"]]
    events: Annotated[
        dict[str, dict[str, int]], "simulated events, by class and by what they serve"
    ]
    losses: Annotated[Losses, "after each epoch"]
    best_epoch: Annotated[int, "the epoch that is kept, or the number of trees"]
    auc: Annotated[dict[str, float], "area under the ROC curve on unseen events, by class"]
    kolmogorov_smirnov: Annotated[dict[str, Overtraining], "by class"]
    calibration: NotRequired[Annotated[CalibrationErrors, "what it did, where there is one"]]
    seconds: Annotated[float, "wall time"]
    cpu_seconds: NotRequired[Annotated[float, "CPU time of the step"]]


def _describe(content: Metrics) -> Lines:
    yield pairs(
        {
            **{
                key: content[key]
                for key in ("name", "fold", "framework", "features")
                if key in content
            },
            **{f"AUC, {name}": auc for name, auc in content["auc"].items()},
            "kept": f"{content['best_epoch']} of {len(content['losses']['train'])}",
            "seconds": content["seconds"],
        }
    )
    tests = content["kolmogorov_smirnov"]
    rows = [
        [
            *(name, ", ".join(samples), *content["events"][name].values()),
            tests[name]["p_value"] if name in tests else None,
        ]
        for name, samples in content["classes"].items()
    ]
    parts = list(next(iter(content["events"].values()), {}))
    yield table(["class", "samples", *parts, "p, train against test"], rows, left=2)


METRICS = JsonCodec[Metrics](
    "evaluation of a network",
    Metrics,
    "mva",
    lambda top: {"classes", "losses", "best_epoch"} <= top.keys(),
    _describe,
)
