"""Categories of scored events: those of one number, and those that a scan of numbers chose."""

from typing import Annotated, Literal, NotRequired

from typing_extensions import TypedDict

from zenith.artefacts.codec import Lines
from zenith.artefacts.json_codec import JsonCodec
from zenith.tables import measured, pairs, table


class Needs(TypedDict):
    """What is required of every category."""

    background: Annotated[float, "least yield of the background"]
    uncertainty: Annotated[float | None, "largest relative uncertainty of it; null for any"]


class Counted(TypedDict):
    """The counting experiment of every category."""

    uncertainty: Annotated[float, "relative uncertainty of the background"]
    combination: Annotated[Literal["geometric", "weighted"], "mean of several signals"]
    weights: Annotated[list[float], "of the signals in the weighted mean; empty for equal ones"]


class CountingBeside(TypedDict, total=False):
    """What the counting experiment says, where the objective is another."""

    z_counting: Annotated[float, "significance, combined over the signals"]
    z_counting_of_signal: Annotated[dict[str, float], "by the label of the signal"]


class Reached(CountingBeside):
    """What hard categories reach on events."""

    z: Annotated[float, "significance, combined over the signals"]
    z_of_signal: Annotated[dict[str, float], "by the label of the signal"]
    yields: Annotated[dict[str, list[float]], "`background` and signals by label, by category"]
    uncertainties: Annotated[list[float], "of the background: √Σ w²"]
    relative_uncertainties: Annotated[list[float | None], "over the background, where there is any"]
    events: Annotated[list[int], "simulated events"]
    z_of_category: Annotated[dict[str, list[float]], "by the label of the signal"]
    meets_requirements: Annotated[list[bool], "by category"]


class NumberRow(TypedDict):
    """What categories of one number reach."""

    asked: Annotated[int, "the number that was asked for"]
    categories: Annotated[int, "the number that was found"]
    train: Annotated[float, "Z on the events that they were found with"]
    unseen: Annotated[float, "Z on unseen events"]
    unseen_error: Annotated[float, "of this, from a bootstrap"]
    below_best: Annotated[float, "Z of the best number less this Z, on unseen events"]
    below_best_error: Annotated[float, "of this difference, paired"]
    unseen_of_signal: Annotated[dict[str, float], "Z on unseen events by the label of the signal"]


class ReferencePoint(TypedDict):
    """What a rival of one number reaches."""

    categories: Annotated[int, "its number"]
    train: Annotated[float, "Z on the events that it was made of"]
    unseen: Annotated[float, "Z on unseen events"]
    meets_requirements: Annotated[bool, "whether every category does, on the former"]


class ChosenNumber(TypedDict):
    """The smallest number that is as good as the best."""

    asked: Annotated[int, "that number, as it was asked for"]
    best: Annotated[int, "the number of the largest Z"]
    below_best: Annotated[float, "how far the chosen one is below it"]
    below_best_error: Annotated[float, "of this difference, paired"]
    tolerance: Annotated[float, "relative difference that counts as none"]


class CategoryScan(TypedDict):
    """All numbers of categories on unseen events."""

    numbers: Annotated[list[NumberRow], "in ascending order"]
    references: Annotated[dict[str, list[ReferencePoint]], "rivals by name"]
    knee: Annotated[ChosenNumber, "the number that is chosen"]
    unseen: Annotated[Reached, "what its categories reach on unseen events"]


class Shape(TypedDict, total=False):
    """Bins of one score, or regions of several: the largest component of a Gaussian mixture."""

    edges: Annotated[list[float], "inner edges of one score, ascending; else there is a mixture"]
    weights: Annotated[list[float], "of the components of the mixture"]
    means: Annotated[list[list[float]], "of the components"]
    covariances: Annotated[list[list[list[float]]], "of the components"]


class Categories(Shape, Reached):
    """What `zenith categorise` writes: categories, what they were made for and what they reach."""

    scores: Annotated[int, "number of scores of an event"]
    space: Annotated[str, "`simplex` of scores that add up to 1, or `box`"]
    signal_labels: Annotated[list[int], "labels of the signals"]
    notes: Annotated[list[str], "what was met on the way"]
    requirements: Annotated[Needs, "of every category"]
    counting: Annotated[Counted, "the counting experiment"]
    objective: Annotated[str, "`counting` or `histfactory`"]
    nuisance_parameters: Annotated[list[str], "of the model"]
    window: Annotated[list[float] | None, "of the mass, where the signal is; null without one"]
    sideband: Annotated[list[float] | None, "where the background is fitted"]


class ScannedCategories(Categories):
    """What `zenith category_scan` writes: the categories that are chosen, and the scan."""

    label_names: NotRequired[Annotated[dict[str, str], "names of the labels"]]
    scan: Annotated[CategoryScan, "of all numbers"]


def reached_table(content: Reached) -> str:
    """Every category as a row of a Markdown table."""
    yields = content["yields"]
    labels = [label for label in yields if label != "background"]
    header = ["category", *(f"signal {label}" for label in labels), "background", "events"]
    rows = [
        [
            *(k + 1, *(yields[label][k] for label in labels)),
            measured(background, content["uncertainties"][k]),
            content["events"][k],
        ]
        for k, background in enumerate(yields["background"])
    ]
    return table(
        [*header, "as required"], [[*r, m] for r, m in zip(rows, _met(content), strict=True)]
    )


def _met(content: Reached) -> list[str]:
    return ["yes" if met else "no" for met in content["meets_requirements"]]


def _describe(content: Categories) -> Lines:
    keys = ("z", "objective", "space", "scores", "signal_labels", "nuisance_parameters", "window")
    about = {key: value for key, value in content.items() if key in keys}
    about |= {"edges": content["edges"]} if "edges" in content else {}
    about |= {f"required, {key}": value for key, value in content["requirements"].items()}
    yield pairs(about)
    yield reached_table(content)
    yield from content["notes"]


def _describe_scan(content: ScannedCategories) -> Lines:
    yield from _describe(content)
    rows = [
        [
            *(row["asked"], row["categories"], row["train"]),
            measured(row["unseen"], row["unseen_error"]),
            measured(row["below_best"], row["below_best_error"]),
        ]
        for row in content["scan"]["numbers"]
    ]
    yield table(["asked", "found", "Z, training", "Z, unseen", "below the best"], rows)
    yield f"chosen: {content['scan']['knee']['asked']}"


SCANNED_CATEGORIES = JsonCodec[ScannedCategories](
    "scan of categories",
    ScannedCategories,
    "category_scan",
    lambda top: {"signal_labels", "counting", "scan"} <= top.keys(),
    _describe_scan,
)
CATEGORIES = JsonCodec[Categories](
    "file of categories",
    Categories,
    "categorise",
    lambda top: {"signal_labels", "counting"} <= top.keys() and "scan" not in top,
    _describe,
)
