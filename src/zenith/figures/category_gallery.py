"""The figures of a categorisation: from what its steps wrote to named figures.

As `gallery`: each function yields (name, figure), one at a time.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts.categories import ScannedCategories
from zenith.categorisation.naming import Naming
from zenith.figures import categories, category_scan, style
from zenith.figures.naming import Figures
from zenith.figures.stacks import Layer

Array = NDArray[np.float64]
BINS = 60
_SIGNALS = (style.RED, "#832db6", "#e76300", "black")
_BACKGROUNDS = (style.BLUE, style.ORANGE, "#94a4a2", "#a96b59", "#92dadd", "#b9ac70", style.GREY)


def banner(naming: Naming) -> style.Banner:
    """The line above the axes."""
    return style.Banner(naming.experiment, naming.status, naming.luminosity, naming.energy)


def named(naming: Naming, content: ScannedCategories, label: int) -> str:
    """What events of a label are called."""
    return naming.labels.label(label, content["label_names"])


def _coloured(signal_labels: Sequence[int]) -> dict[int, str]:
    return {a: _SIGNALS[k % len(_SIGNALS)] for k, a in enumerate(signal_labels)}


def _order(content: ScannedCategories) -> str:
    return "by rising score" if "edges" in content else "by rising purity"


def scores(
    naming: Naming,
    content: ScannedCategories,
    score: Array,
    weight: Array,
    label: NDArray[np.int64],
) -> Figures:
    """`edges`: unseen events in the one score, by label, with the learned edges."""
    probability = bool(score.min() >= 0 and score.max() <= 1)
    bins = _bins(score, probability)
    index = np.clip(np.searchsorted(bins, score, side="right") - 1, 0, BINS - 1)
    signals = _coloured(content["signal_labels"])

    def layer(value: int, colour: str) -> Layer:
        filled = np.bincount(index, np.where(label == value, weight, 0.0), BINS)
        return Layer(named(naming, content, value), colour, filled)

    backgrounds = [int(value) for value in np.unique(label) if int(value) not in signals]
    layers = [
        layer(value, _BACKGROUNDS[k % len(_BACKGROUNDS)]) for k, value in enumerate(backgrounds)
    ]
    layers.sort(key=lambda each: float(np.sum(each.values)))
    yield (
        "edges",
        categories.edges(
            bins,
            layers,
            [layer(value, colour) for value, colour in signals.items()],
            content["edges"],
            label=naming.score(0),
            logit=probability,
            text=[
                _number_of(content),
                "Unseen events; background in the sideband"
                if content["window"]
                else "Unseen events",
            ],
            banner=banner(naming),
        ),
    )


def _bins(score: Array, probability: bool) -> Array:
    """Bins of equal width; of a probability in log(p / (1 − p)), since classifiers crowd at 1."""
    if not probability:
        return np.linspace(score.min(), score.max(), BINS + 1)
    inside = score[(score > 0) & (score < 1)]
    low, high = np.quantile(inside, [1e-3, 1.0]) if len(inside) else (0.01, 0.99)
    low, high = (np.log(p / (1 - p)) for p in (max(low, 1e-4), min(high, 1 - 1e-6)))
    return 1 / (1 + np.exp(-np.linspace(low, high, BINS + 1)))


def _number_of(content: ScannedCategories) -> str:
    count = len(content["events"])
    return f"{count} categories" if count > 1 else "1 category"


def plane(
    naming: Naming,
    content: ScannedCategories,
    x: Array,
    y: Array,
    category: Array,
    signals: Array,
    *,
    odds: bool = False,
) -> Figures:
    """`plane`: categories in the ternary plot of three scores, else in the first two scores.

    `odds`: in the logarithms of the first two of three scores over the last.
    """
    ternary = content["space"] == "simplex" and content["scores"] == 3
    first, second, last = (naming.score(k) for k in range(3))
    labels = (first, second)
    if odds:
        labels = (f"$\\log_{{10}}$ ({first} / {last})", f"$\\log_{{10}}$ ({second} / {last})")
    coloured = _coloured(content["signal_labels"])
    yield (
        "odds" if odds else "plane",
        categories.painted(
            x,
            y,
            category,
            len(content["events"]),
            {
                named(naming, content, value): (colour, density)
                for (value, colour), density in zip(coloured.items(), signals, strict=True)
            },
            order=_order(content),
            corners=(first, second, last) if ternary and not odds else (),
            labels=labels,
            text=[_number_of(content)],
            banner=banner(naming),
        ),
    )


def yields(naming: Naming, content: ScannedCategories) -> Figures:
    """`yields`: background, signals and the background's uncertainty in every category."""
    unseen = content["scan"]["unseen"]
    signals = _coloured(content["signal_labels"])
    limit = content["requirements"]["uncertainty"]
    yield (
        "yields",
        categories.yields(
            unseen["yields"]["background"],
            unseen["uncertainties"],
            [
                Layer(named(naming, content, value), colour, unseen["yields"][str(value)])
                for value, colour in signals.items()
            ],
            content["yields"]["background"],
            content["uncertainties"],
            floor=content["requirements"]["background"],
            limit=limit,
            order=_order(content),
            banner=banner(naming),
        ),
    )


def numbers(naming: Naming, content: ScannedCategories) -> Figures:
    """`numbers`: Z against the number of categories, with references and the chosen number."""
    found = content["scan"]
    rows = found["numbers"]
    asked = [row["asked"] for row in rows]
    columns = {
        key: [row[key] for row in rows] for key in ("categories", "train", "unseen", "unseen_error")
    }
    yield (
        "numbers",
        category_scan.numbers(
            columns["categories"],
            columns["train"],
            columns["unseen"],
            columns["unseen_error"],
            {
                name: [(p["categories"], p["unseen"], p["meets_requirements"]) for p in points]
                for name, points in found["references"].items()
            },
            asked.index(found["knee"]["asked"]),
            label=_objective(content),
            banner=banner(naming),
        ),
    )


def _objective(content: ScannedCategories) -> str:
    if len(content["signal_labels"]) == 1:
        return "Expected significance [σ]"
    return f"{content['counting']['combination'].capitalize()} mean significance [σ]"


def climb(naming: Naming, content: ScannedCategories, history: Mapping[str, Array]) -> Figures:
    """`bias` and `convergence` of the climb that found the categories; none if nothing climbed."""
    if not history:
        return
    signals = _coloured(content["signal_labels"])
    names = [*(named(naming, content, value) for value in signals), "Background"]
    soft, hard = history["soft_yields"], history["hard_yields"]
    climbed = f"{soft.shape[1]} categories"
    if soft.shape[1] != len(content["events"]):
        climbed += f", {len(content['events'])} after mergers"
    if "edges" not in content:
        order = np.argsort(hard[:-1].sum(axis=0) / np.maximum(hard[-1], 1e-9), kind="stable")
        soft, hard = soft[:, order], hard[:, order]
    yield (
        "bias",
        category_scan.bias(
            soft,
            hard,
            names,
            [*signals.values(), style.BLUE],
            float(history["temperature"][-1]),
            order=_order(content),
            text=[climbed],
            banner=banner(naming),
        ),
    )
    yield (
        "convergence",
        category_scan.convergence(
            history["soft"],
            history["hard"],
            history["met"],
            history["temperature"],
            label=_objective(content),
            text=[climbed],
            banner=banner(naming),
        ),
    )
