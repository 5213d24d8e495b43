"""Events with the scores of a classifier, and what categories make of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike, NDArray

from zenith.artefacts.categories import CountingBeside, Reached
from zenith.artefacts.numbers import whole_numbers
from zenith.core.categories.counting import SMALLEST, combined
from zenith.core.categories.sideband import Sideband
from zenith.core.categories.task import Aim, Task
from zenith.core.categories.yields import Tallied, Tally, Yields
from zenith.errors import FitError, InputError

SUM_OF_SOFTMAX = 1e-3  # by how much a sum of float32 scores may differ from 1


@dataclass(frozen=True)
class Scored:
    """Events (N,) with D scores; what is not labelled as a signal is background.

    With a sideband, a signal counts in its window alone, and the background beside it alone.
    Raises `InputError` that names what is missing or wrong: lengths, values that are not finite,
    labels that are no whole numbers, a signal without events or without a positive yield, no
    background.
    """

    scores: NDArray[np.float64]  # (N, D)
    weight: NDArray[np.float64]  # (N,) expected events
    label: NDArray[np.int64]  # (N,)
    signal_labels: tuple[int, ...]
    source: str = "events"
    mass: NDArray[np.float64] | None = None  # (N,) GeV
    sideband: Sideband | None = None
    variations: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    """Weights (2, N) under the up and the down variation, by name."""
    label_names: tuple[str, ...] = ()  # the name of label n at place n
    normalisation: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Name of the uncertainty: {name or number of a label: relative uncertainty}."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", whole_numbers(self.label, self.source, "label"))
        events = len(self.scores)
        given = {"weight": self.weight, "label": self.label}
        given |= {} if self.mass is None else {"mass": self.mass}
        for variation, pair in self.variations.items():
            given |= {f"{variation}_up": pair[0], f"{variation}_down": pair[1]}
        for name, values in given.items():
            if values.shape != (events,):
                raise InputError(
                    f"{self.source}: {name} has shape {values.shape} and scores "
                    f"{self.scores.shape}: one {name} is needed for each event"
                )
        for name, values in {"scores": self.scores, **given}.items():
            if wrong := int((~np.isfinite(values)).sum()):
                raise InputError(
                    f"{self.source}: {name} has {wrong} values that are NaN or infinite: remove "
                    "these events or correct what made them"
                )
        if not self.signal_labels or len(set(self.signal_labels)) != len(self.signal_labels):
            raise InputError(
                f"{self.source}: signal_labels must name each signal once: {self.signal_labels}"
            )
        if self.sideband is not None and self.mass is None:
            raise InputError(
                f"{self.source}: there is no dataset 'mass', which a window and a sideband need"
            )
        if self.label_names and not 0 <= self.label.min() <= self.label.max() < len(
            self.label_names
        ):
            raise InputError(
                f"{self.source}: label_names has {len(self.label_names)} names, labels go from "
                f"{self.label.min()} to {self.label.max()}: the name of label n is at place n"
            )
        signal, inside, beside = self.signal, *self._where
        for number, label in enumerate(self.signal_labels):
            mine = (signal == number) & inside
            if not self.weight[mine].sum() > 0:
                raise InputError(
                    f"{self.source}: signal {label} has {int(mine.sum())} events"
                    f"{' in the window' if self.sideband else ''} with a sum of weights of "
                    f"{self.weight[mine].sum():.4g}: there is nothing to find; check label and "
                    "signal_labels"
                )
        background = self.weight[(signal < 0) & beside].sum()
        if not background > 0:
            raise InputError(
                f"{self.source}: the background{' in the sideband' if self.sideband else ''} has a "
                f"sum of weights of {background:.4g}, which must be above 0; check label, weight "
                "and signal_labels"
            )

    @property
    def _where(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Where signals count, and where backgrounds do, (N,) each."""
        if self.sideband is None or self.mass is None:
            return np.ones(len(self.label), bool), np.ones(len(self.label), bool)
        return self.sideband.in_window(self.mass), self.sideband.in_sideband(self.mass)

    @property
    def signal(self) -> NDArray[np.int64]:
        """The number of the signal of each event in `signal_labels`; −1 for background."""
        number = np.full(len(self.label), -1)
        for a, label in enumerate(self.signal_labels):
            number[self.label == label] = a
        return number

    @property
    def backgrounds(self) -> NDArray[np.int64]:
        """The labels that are background, ascending."""
        return np.unique(self.label[self.signal < 0])

    def name(self, label: int) -> str:
        """The name of a label, or else its number."""
        return self.label_names[label] if self.label_names else str(label)

    def tallied(self, aim: Aim) -> Tallied:
        """What is to be summed over the events."""
        signal, weight = self.signal, self.weight
        number, columns = len(self.signal_labels), [weight, weight**2]
        sample = np.where(signal < 0, number, signal)
        if self.sideband is not None and self.mass is not None:
            inside, beside = self._where
            t = self.sideband.position(self.mass)
            columns += [weight * t, weight**2 * t, weight**2 * t**2]
            used = np.where(signal < 0, beside, inside)
            tally = Tally(number, sideband=self.sideband)
            return Tallied(tally, np.stack(columns), np.where(used, sample, -1))
        tally = Tally(number)
        if aim.detailed:
            backgrounds = self.backgrounds
            place = number + np.searchsorted(backgrounds, self.label)
            sample = np.where(signal < 0, place, signal)
            tally = Tally(number, len(backgrounds), len(self.variations))
            columns += [side for pair in self.variations.values() for side in pair]
        return Tallied(tally, np.stack(columns), sample)

    def check_sideband(self, category: NDArray[np.integer], categories: int) -> None:
        """Raises `InputError` for a category (N,) → [0, K) without background in its sideband."""
        _, beside = self._where
        weight = self.weight * (beside & (self.signal < 0))
        empty = np.flatnonzero(np.bincount(category, weight, categories) <= SMALLEST)
        if len(empty):
            raise InputError(
                f"{self.source}: category {empty[0]} has no background events in the sideband to "
                "estimate its background from: take fewer categories or a wider --sideband"
            )

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


def yields_of(category: NDArray[np.integer], categories: int, scored: Scored, aim: Aim) -> Yields:
    """Yields of all categories (N,) → [0, K)."""
    events = scored.tallied(aim)
    sums = events.sums(category, categories)
    found: Yields = jax.tree.map(np.asarray, events.tally.read(sums))
    return found


def report(
    category: NDArray[np.integer],
    categories: int,
    scored: Scored,
    task: Task,
) -> Reached:
    """The hard significance, and yields and uncertainties of all categories (N,) → [0, K).

    Uncertainties are those of the background, from the number of simulated events: √Σ w². A
    category without background on these events adds nothing: no significance can be stated over it.
    """
    aim = task.aim
    yields = yields_of(category, categories, scored, aim)
    background = yields.background
    known = background > SMALLEST
    counting = aim.counting
    q0 = np.asarray(counting.discovery(yields.signals, background)) * known
    z_counting = np.asarray(combined(q0))
    z = z_counting
    if not aim.additive:
        z = np.asarray(_significances(aim, jax.tree.map(lambda part: part * known, yields)))
        if np.isnan(z).any():
            raise FitError(
                f"{scored.source}: the fit of the categories did not converge; fewer categories or "
                "a larger minimum background may help"
            )

    def by_label(values: ArrayLike) -> dict[str, Any]:
        labels = map(str, scored.signal_labels)
        return dict(zip(labels, np.asarray(values).tolist(), strict=True))

    errors = np.sqrt(np.maximum(yields.variance, 0.0))
    compared: CountingBeside = {}
    if not aim.additive:
        compared["z_counting"] = float(counting.combine(z_counting))
        compared["z_counting_of_signal"] = by_label(z_counting)
    return {
        "z": float(counting.combine(z)),
        "z_of_signal": by_label(z),
        **compared,
        "yields": {"background": background.tolist(), **by_label(yields.signals)},
        "uncertainties": errors.tolist(),
        "relative_uncertainties": [
            float(e / b) if b > 0 else None for e, b in zip(errors, background, strict=True)
        ],
        "events": np.bincount(category, minlength=categories).tolist(),
        "z_of_category": by_label(np.sqrt(q0)),
        "meets_requirements": np.asarray(task.met(yields)).tolist(),
    }


@partial(jax.jit, static_argnums=0)
def _significances(aim: Aim, yields: Yields) -> jax.Array:
    return aim.significances(yields)


def value_of(aim: Aim, yields: Yields) -> float:
    """The objective of yields; a fit that did not converge counts as no signal."""
    return float(aim.counting.combine(np.nan_to_num(np.asarray(_significances(aim, yields)))))
