"""Events with the scores of a classifier, and what categories make of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import read_arrays
from zenith.core.counting import SMALLEST, Requirements, combined
from zenith.core.tally import Aim, Tallied, Yields
from zenith.errors import InputError

SUM_OF_SOFTMAX = 1e-3  # by how much a sum of float32 scores may differ from 1


@dataclass(frozen=True)
class Scored:
    """Events (N,) with D scores; what is not labelled as a signal is background.

    Raises `InputError` that names what is missing or wrong: lengths, values that are not finite, a
    signal without events or without a positive yield, no background.
    """

    scores: NDArray[np.float64]  # (N, D)
    weight: NDArray[np.float64]  # (N,) expected events
    label: NDArray[np.int64]  # (N,)
    signal_labels: tuple[int, ...]
    source: str = "events"

    def __post_init__(self) -> None:
        events = len(self.scores)
        for name, values in (("weight", self.weight), ("label", self.label)):
            if values.shape != (events,):
                raise InputError(
                    f"{self.source}: {name} has shape {values.shape} and scores "
                    f"{self.scores.shape}: one {name} is needed for each event"
                )
        for name, values in (("scores", self.scores), ("weight", self.weight)):
            if wrong := int((~np.isfinite(values)).sum()):
                raise InputError(
                    f"{self.source}: {name} has {wrong} values that are NaN or infinite: remove "
                    "these events or mend what made them"
                )
        if not self.signal_labels or len(set(self.signal_labels)) != len(self.signal_labels):
            raise InputError(
                f"{self.source}: signal_labels must name each signal once: {self.signal_labels}"
            )
        for number, label in enumerate(self.signal_labels):
            mine = self.signal == number
            if not self.weight[mine].sum() > 0:
                raise InputError(
                    f"{self.source}: signal {label} has {int(mine.sum())} events with a sum of "
                    f"weights of {self.weight[mine].sum():.4g}: there is nothing to find; check "
                    "label and signal_labels"
                )
        background = self.weight[self.signal < 0].sum()
        if not background > 0:
            raise InputError(
                f"{self.source}: the background has a sum of weights of {background:.4g}, which "
                "must be above 0; check label, weight and signal_labels"
            )

    @property
    def signal(self) -> NDArray[np.int64]:
        """The number of the signal of each event in `signal_labels`; −1 for background."""
        number = np.full(len(self.label), -1)
        for a, label in enumerate(self.signal_labels):
            number[self.label == label] = a
        return number

    def tallied(self, aim: Aim) -> Tallied:
        """What is to be summed over the events."""
        return Tallied.of(self.weight, self.signal)

    def read_as(self, space: "Space") -> NDArray[np.float64]:
        """The scores that categories see, features first. Raises `InputError` if not of `space`."""
        if self.scores.shape[1] != space.scores:
            raise InputError(
                f"{self.source}: there are {self.scores.shape[1]} scores, the categories are of "
                f"{space.scores}"
            )
        return np.ascontiguousarray(self.scores[:, list(space.kept)].T)


@dataclass(frozen=True)
class Space:
    """Which of the scores categories are drawn in: of a softmax all but the last, else all."""

    scores: int
    kind: str  # simplex or box

    @classmethod
    def of(cls, scores: NDArray[np.floating]) -> "Space":
        """Scores (N, D) that are not negative and add up to 1 are a softmax."""
        softmax = (
            scores.shape[1] > 1
            and (scores >= 0).all()
            and (np.abs(scores.sum(axis=1) - 1) < SUM_OF_SOFTMAX).all()
        )
        return cls(scores.shape[1], "simplex" if softmax else "box")

    @property
    def kept(self) -> range:
        """Columns of the scores."""
        return range(self.scores - (self.kind == "simplex"))


def read(path: str | Path) -> Scored:
    """Read HDF5: `scores` (N, D), `weight`, `label` (N,) and the attribute `signal_labels`."""
    arrays, attributes = read_arrays(path)
    for name in ("scores", "weight", "label"):
        if name not in arrays:
            raise InputError(
                f"{path}: there is no dataset {name!r}, only {', '.join(arrays) or 'none'}; the "
                "file must hold scores (N, D), weight (N,) and label (N,)"
            )
    if "signal_labels" not in attributes:
        raise InputError(
            f"{path}: the file has no attribute signal_labels: give it the list of the labels "
            "that are signal"
        )
    scores = np.asarray(arrays["scores"], np.float64)
    if scores.ndim == 1:
        scores = scores[:, None]
    if scores.ndim != 2 or not scores.size:
        raise InputError(f"{path}: scores must have shape (N, D), they have {scores.shape}")
    return Scored(
        scores,
        np.asarray(arrays["weight"], np.float64),
        np.asarray(arrays["label"]).astype(np.int64),
        tuple(int(a) for a in np.atleast_1d(attributes["signal_labels"])),
        str(path),
    )


def yields_of(category: NDArray[np.integer], categories: int, scored: Scored, aim: Aim) -> Yields:
    """Yields of all categories (N,) → [0, K)."""
    events = scored.tallied(aim)
    return jax.tree.map(np.asarray, events.tally.read(events.sums(category, categories)))


def report(
    category: NDArray[np.integer],
    categories: int,
    scored: Scored,
    aim: Aim,
    requirements: Requirements,
) -> dict[str, Any]:
    """The hard significance, and yields and uncertainties of all categories (N,) → [0, K).

    Uncertainties are those of the background, from the number of simulated events: √Σ w². A
    category without background on these events adds nothing: no significance can be stated over it.
    """
    yields = yields_of(category, categories, scored, aim)
    background = yields.background
    known = background > SMALLEST
    q0 = np.asarray(aim.counting.discovery(yields.signals, background)) * known
    z = np.asarray(combined(q0))
    labels = [str(label) for label in scored.signal_labels]
    errors = np.sqrt(np.maximum(yields.variance, 0.0))
    return {
        "z": float(aim.counting.combine(z)),
        "z_of_signal": dict(zip(labels, z.tolist(), strict=True)),
        "yields": {"background": background, **dict(zip(labels, yields.signals, strict=True))},
        "uncertainties": errors,
        "relative_uncertainties": [
            e / b if b > 0 else None for e, b in zip(errors, background, strict=True)
        ],
        "events": np.bincount(category, minlength=categories),
        "z_of_category": dict(zip(labels, np.sqrt(q0), strict=True)),
        "meets_requirements": requirements.met(background, yields.variance),
    }
