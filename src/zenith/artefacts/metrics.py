"""What a network is worth: metrics.json."""

from typing import Annotated, NotRequired

from typing_extensions import TypedDict

from zenith.artefacts.codec import Lines
from zenith.artefacts.json_codec import JsonCodec
from zenith.artefacts.taught import Division
from zenith.tables import measured as measured_text
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


class Measured(TypedDict):
    """A number and how well it is known."""

    value: Annotated[float, "the number itself"]
    error: Annotated[float, "standard deviation over Poisson replicas of the events"]


class Dependence(Measured):
    """R², the squared distance correlation of the scores of background and an observable."""

    by_chance: Annotated[float, "mean of R² of as many events that are independent"]


class Measures(TypedDict):
    """What scores are worth on unseen events, by class; `all` is of the events of all classes."""

    auc: Annotated[dict[str, Measured], "area under the ROC curve, against all others"]
    average_precision: Annotated[
        dict[str, Measured], "mean precision over recall, against all others"
    ]
    accuracy: Annotated[dict[str, Measured], "share of events whose class has the highest score"]
    log_loss: Annotated[dict[str, Measured], "mean -ln of the score of the class of an event"]
    background_efficiency: Annotated[
        dict[str, dict[str, dict[str, Measured]]],
        "share that passes, by class, other class and efficiency for the class",
    ]
    confusion: Annotated[
        dict[str, dict[str, float]], "share of each class by the class of the highest score"
    ]
    distance_correlation: NotRequired[
        Annotated[dict[str, Dependence], "squared, of the scores of background, by observable"]
    ]


HighEvent = TypedDict(
    "HighEvent",
    {
        "score": Annotated[float, "of the class"],
        "class": Annotated[str, "that it is of"],
        "weight": Annotated[float, "of the event"],
        "features": Annotated[dict[str, float | None], "none where it is missing"],
        "objects": Annotated[
            dict[str, dict[str, list[float | None]]], "fields, the leading object first"
        ],
    },
)
"""An event among those with the highest scores."""


class Residuals(TypedDict):
    """Prediction minus target of a regression on unseen events, in the unit of the target."""

    mean: Annotated[float, "mean difference"]
    deviation: Annotated[float, "standard deviation about the mean"]


class Tracked(TypedDict):
    """Where MLflow keeps the training."""

    folder: Annotated[str, "of its files"]
    experiment: Annotated[str, "name of the analysis"]
    run: Annotated[str, "its number"]


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
    drawn: NotRequired[
        Annotated[
            dict[str, dict[str, int]],
            "how many of them, where not all fit into memory, have their loss told, choose the "
            "epoch and judge",
        ]
    ]
    losses: Annotated[Losses, "after epochs, or after trees"]
    every: NotRequired[Annotated[int, "epochs, or trees, from one loss to the next, or 1"]]
    auc_by_epoch: NotRequired[
        Annotated[
            dict[str, list[float]],
            "area under the ROC curve after each epoch, on the events that the best one was chosen "
            "with, by class",
        ]
    ]
    best_epoch: Annotated[int, "the epoch that is kept, or the number of trees"]
    auc: Annotated[dict[str, float], "area under the ROC curve on unseen events, by class"]
    kolmogorov_smirnov: Annotated[dict[str, Overtraining], "by class"]
    measures: NotRequired[Annotated[Measures, "of unseen events, with errors"]]
    highest: NotRequired[
        Annotated[dict[str, list[HighEvent]], "unseen events of the highest scores, by class"]
    ]
    calibration: NotRequired[Annotated[CalibrationErrors, "what it did, where there is one"]]
    regressions: NotRequired[Annotated[dict[str, Residuals], "prediction minus target, by name"]]
    mlflow: NotRequired[Annotated[Tracked, "the run of this training, if MLflow is asked for"]]
    seconds: Annotated[float, "wall time"]
    cpu_seconds: NotRequired[Annotated[float, "CPU time of the step"]]


def _text(number: Measured | None) -> str | None:
    return None if number is None else measured_text(number["value"], number["error"])


def _describe(content: Metrics) -> Lines:
    yield pairs(
        {
            **{
                key: content[key]
                for key in ("name", "fold", "framework", "features")
                if key in content
            },
            **{f"AUC, {name}": auc for name, auc in content["auc"].items()},
            "kept": f"{content['best_epoch']} of "
            f"{len(content['losses']['train']) * content.get('every', 1)}",
            "seconds": content["seconds"],
        }
    )
    if (measured := content.get("measures")) is not None:
        kinds = {
            "AUC": measured["auc"],
            "average precision": measured["average_precision"],
            "accuracy": measured["accuracy"],
            "log-loss": measured["log_loss"],
        }
        yield table(
            ["class", *kinds],
            [[c, *(_text(kind.get(c)) for kind in kinds.values())] for c in measured["accuracy"]],
        )
        yield table(
            ["class", "efficiency", "other class", "passes"],
            [
                [name, point, other, _text(number)]
                for name, others in measured["background_efficiency"].items()
                for other, points in others.items()
                for point, number in points.items()
            ],
            left=3,
        )
        yield table(
            ["observable", "R² with the score", "by chance"],
            [
                [name, _text(number), number["by_chance"]]
                for name, number in measured.get("distance_correlation", {}).items()
            ],
        )
    for name, events in content.get("highest", {}).items():
        yield table(
            [f"score for {name}", "class", "weight", *content["features"]],
            [
                [event["score"], event["class"], event["weight"], *event["features"].values()]
                for event in events
            ],
            left=2,
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
