"""The figures of a network: from its evaluation to named figures, in the words of the analysis.

As `gallery`: each function yields (name, figure), one at a time.
"""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts.metrics import Metrics
from zenith.config import Analysis
from zenith.config.networks.descent import DescentSettings
from zenith.config.networks.scaling import Scaled
from zenith.config.networks.settings import Mva
from zenith.core.networks.network import Network
from zenith.figures import networks as draw
from zenith.figures import style
from zenith.figures.naming import Figures, axis_of, banner
from zenith.figures.reliability import Scored, reliability
from zenith.statistics.naming import class_label, network_label, score_label
from zenith.statistics.undefined import undefined
from zenith.training.evaluate import Evaluation
from zenith.training.examples import Examples
from zenith.training.reliability import expected_calibration_error, learnt_weight
from zenith.training.reliability import reliability as measured


class Classes:
    """The classes of a network as they are drawn: labels and colours, by name, and the signals.

    Of training sets, which do not say it, the last class is the signal.
    """

    def __init__(self, analysis: Analysis, mva: Mva, parts: Mapping[str, Examples]):
        self.names = list(mva.classes)
        self.label = {c: class_label(analysis, mva.classes[c]) for c in self.names}
        if analysis.of_samples:
            process = {
                c: analysis.samples[samples[-1]].process for c, samples in mva.classes.items()
            }
            self.colour = {c: analysis.processes[process[c]].colour for c in self.names}
            self.signals = [c for c in self.names if process[c] in analysis.signals]
        else:
            others = cycle((style.BLUE, style.ORANGE, style.GREY, *style.MORE))
            self.signals = self.names[-1:]
            self.colour = {c: style.RED if c in self.signals else next(others) for c in self.names}
        self._parts = parts

    def events(self, part: str, of_class: str, values: Any) -> draw.Weighted:
        """Values (N,) of a part, of the events of a class alone."""
        events = self._parts[part]
        chosen = events.label == self.names.index(of_class)
        return draw.Weighted(values[chosen], events.weight[chosen])

    def distributions(self, values: Any) -> list[draw.Class]:
        """The distribution of values (N,) of the training events in each class."""
        return [
            draw.Class(self.label[c], self.colour[c], self.events("train", c, values))
            for c in self.names
        ]


def defined(
    analysis: Analysis, observable: str, values: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Values (N,) of an observable with NaN where the event lacks it."""
    missing = undefined(analysis, observable)
    if missing is None:
        return values
    return np.where(values == np.float32(missing), np.float32(np.nan), values)


def edges_of(
    analysis: Analysis, observable: str, values: NDArray[Any], bins: int = 30
) -> NDArray[np.float64]:
    """Bin edges of an observable: the configuration's, or equal ones of nearly all values."""
    if (known := analysis.observables.get(observable)) is not None:
        return np.asarray(known.edges.edges, float)
    finite = values[np.isfinite(values)]
    low, high = np.quantile(finite, [0.005, 0.995]) if len(finite) else (0.0, 1.0)
    return np.linspace(low, high if high > low else low + 1.0, bins + 1)


def separation(
    analysis: Analysis,
    name: str,
    mva: Mva,
    parts: Mapping[str, Examples],
    judged: Evaluation,
) -> Figures:
    """`roc`, `calibration`, and `scores`, of more than two classes `scores_{class}`."""
    line, title = banner(analysis), network_label(analysis, name)
    classes = Classes(analysis, mva, parts)
    two = len(classes.names) == 2
    curves = [
        draw.Curve(classes.label[c], classes.colour[c], curve.other, curve.efficiency, curve.auc)
        for c, curve in judged.curves.items()
    ]
    others = classes.label[classes.names[0]] if two else "other classes"
    yield "roc", draw.roc(curves, title=title, other=others, banner=line)
    test = parts["test"]
    weight = learnt_weight(mva, test)
    shares = []
    for scores, is_calibrated in ((judged.uncalibrated, False), (judged.scores["test"], True)):
        for c, score in scores.items():
            events = score, test.label == classes.names.index(c), weight
            shares.append(
                Scored(
                    classes.label[c],
                    classes.colour[c],
                    *measured(*events),
                    expected_calibration_error(*events),
                    is_calibrated,
                )
            )
    yield "calibration", reliability(shares, title=title, banner=line)
    for scored in judged.curves:
        values = {part: judged.scores[part][scored] for part in ("train", "test")}
        shown = [
            draw.Class(
                classes.label[c],
                classes.colour[c],
                classes.events("train", c, values["train"]),
                classes.events("test", c, values["test"]),
                judged.overtraining[c].p_value if c == scored or two else None,
            )
            for c in classes.names
        ]
        label = score_label(analysis, name if two else f"{name}:{scored}")
        yield "scores" if two else f"scores_{scored}", draw.scores(shown, label=label, banner=line)


def features(
    analysis: Analysis,
    mva: Mva,
    events: Examples,
    network: Network,
    units: Mapping[str, str],
) -> Figures:
    """`feature_{feature}`, and `feature_{feature}_{transform}` where it is read by a transform.

    A network that scales nothing sees a feature as it is. Events that lack a feature are left out,
    except of rows that tell a network which they are.
    """
    if not mva.features:
        return
    line = banner(analysis)
    classes = Classes(analysis, mva, {"train": events})
    categories = mva.categories if isinstance(mva, Scaled) else {}
    rows = network.scaled(events.x.astype(float))
    for (feature, transform), scaled in zip(network.inputs, rows, strict=True):
        read = events.x[mva.features.index(feature)]
        x = defined(analysis, feature, read)
        tells = transform == "missing" or feature in categories
        seen = scaled if tells else np.where(np.isfinite(x), scaled, np.nan)
        axis = axis_of(analysis, feature)
        plain = transform == "raw"
        what = axis["label"] if plain else f"{transform} of {axis['label']}"
        yield (
            f"feature_{feature}" if plain else f"feature_{feature}_{transform}",
            draw.feature(
                classes.distributions(x),
                [] if np.array_equal(scaled, read, equal_nan=True) else classes.distributions(seen),
                edges_of(analysis, feature, x),
                label=axis["label"],
                scaled_label=f"Scaled {what}",
                unit=units.get(feature, ""),
                log=axis["log"],
                banner=line,
            ),
        )


def objects(
    analysis: Analysis,
    mva: Mva,
    events: Examples,
    network: Network,
    units: Mapping[str, str],
) -> Figures:
    """`object_{collection}_{field}`, and with `_{transform}`, of all objects that there are.

    An object has the class and the weight of its event; units are by `collection.field`.
    """
    line = banner(analysis)
    for name, read in mva.objects.items():
        values, valid = (np.asarray(array) for array in events.objects[name])
        x = values[:, valid].astype(np.float32)
        event = np.broadcast_to(np.arange(len(events.label)), valid.shape)[valid]
        of_objects = Examples(x, events.label[event], events.weight[event])
        classes = Classes(analysis, mva, {"train": of_objects})
        for (field, transform), scaled in zip(*network.scaled_objects(name, x), strict=True):
            row = x[read.fields.index(field)]
            plain = transform == "raw"
            label = f"{name.replace('_', ' ')} {field.replace('_', ' ')}"
            yield (
                f"object_{name}_{field}" if plain else f"object_{name}_{field}_{transform}",
                draw.feature(
                    classes.distributions(row),
                    [] if np.array_equal(scaled, row) else classes.distributions(scaled),
                    edges_of(analysis, "", row),
                    label=label,
                    scaled_label=f"Scaled {label}" if plain else f"Scaled {transform} of {label}",
                    unit=units.get(f"{name}.{field}", ""),
                    of="objects",
                    banner=line,
                ),
            )


def losses(analysis: Analysis, name: str, mva: Mva, metrics: Sequence[Metrics]) -> Figures:
    """`losses`, of every fold."""
    yield (
        "losses",
        draw.losses(
            [of_fold["losses"]["train"] for of_fold in metrics],
            [of_fold["losses"]["validation"] for of_fold in metrics],
            [of_fold["best_epoch"] for of_fold in metrics],
            each=mva.round_name,
            every=metrics[0].get("every", 1),
            loss=_loss(analysis, mva),
            title=network_label(analysis, name),
            banner=banner(analysis),
        ),
    )


def areas(analysis: Analysis, name: str, mva: Mva, metrics: Sequence[Metrics]) -> Figures:
    """`auc`, by epoch, of every fold, where it was noted."""
    noted = [of_fold["auc_by_epoch"] for of_fold in metrics if "auc_by_epoch" in of_fold]
    if not noted:
        return
    classes = Classes(analysis, mva, {})
    yield (
        "auc",
        draw.areas(
            [
                draw.ByEpoch(classes.label[c], classes.colour[c], [of_fold[c] for of_fold in noted])
                for c in noted[0]
            ],
            [of_fold["best_epoch"] for of_fold in metrics],
            title=network_label(analysis, name),
            banner=banner(analysis),
        ),
    )


def _loss(analysis: Analysis, mva: Mva) -> str:
    """What the losses are of, on an axis: that of the classes, and what is added to it."""
    if not isinstance(mva, DescentSettings):
        return "Cross-entropy"
    found = "Focal loss" if mva.loss.type == "focal" else "Cross-entropy"
    if mva.loss.label_smoothing:
        found += ", smoothed labels"
    if (settings := mva.loss.decorrelation) is not None:
        what = "$R^2$ with" if mva.loss.distance_correlation else "adversary of"
        label = axis_of(analysis, settings.observable)["label"]
        found += f" + {settings.strength:g} × {what} {label}"
    return found + (" + regression" if mva.regressions else "")
