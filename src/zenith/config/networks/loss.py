"""The loss of networks that are trained by gradient descent (`zenith.training.objective`)."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from zenith.config.base import Name, Positive, Section, known


class Planing(Section):
    """Weights that make an observable flat in each class (arXiv:1709.10106)."""

    observable: Annotated[str, Field(description="observable that becomes flat in each class")]
    bins: Annotated[
        int,
        Field(ge=2, description="number of bins, quantiles of the classes at equal weight"),
    ] = 20


class Decorrelation(Section):
    """What keeps the score of the background independent of an observable."""

    observable: Annotated[
        str, Field(description="observable of which the score is to be independent")
    ]
    strength: Annotated[Positive, Field(description="factor beside the loss of the classes")]
    classes: Annotated[
        tuple[Name, ...],
        Field(description="classes in which it is; none are named: all but the last"),
    ] = ()

    def of(self, classes: Sequence[str]) -> tuple[str, ...]:
        """Which of the classes it acts on."""
        return self.classes or tuple(classes)[:-1]


class Adversary(Decorrelation):
    """A small network that learns to predict the bin of the observable from the score."""

    bins: Annotated[int, Field(ge=2, description="number of bins, quantiles of the background")] = (
        10
    )
    hidden: Annotated[
        tuple[Annotated[int, Field(ge=1)], ...],
        Field(description="widths of the adversary's hidden layers"),
    ] = (32,)


class Loss(Section):
    """What the training makes small: a loss of the classes, and what is added to it."""

    type: Annotated[
        Literal["cross_entropy", "focal"],
        Field(
            description="loss of the classes: `cross_entropy`, or `focal`, in which the "
            "cross-entropy of each event is multiplied by (1 - p)^gamma of its probability p"
        ),
    ] = "cross_entropy"
    gamma: Annotated[
        Annotated[float, Field(ge=0.0)] | None,
        Field(description="exponent of the focal loss; none: 2"),
    ] = None
    label_smoothing: Annotated[
        float,
        Field(
            ge=0.0,
            lt=1.0,
            description="share of each label that is given to all classes alike",
        ),
    ] = 0.0
    planing: Annotated[
        Planing | None,
        Field(description="weights that make an observable flat in each class"),
    ] = None
    distance_correlation: Annotated[
        Decorrelation | None,
        Field(
            description="adds `strength` times the squared distance correlation of score and "
            "observable in the background"
        ),
    ] = None
    adversary: Annotated[
        Adversary | None,
        Field(
            description="adds `strength` times what a second network learns of the observable "
            "from the score in the background; the last epoch is kept, for there is no minimum"
        ),
    ] = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.type != "focal" and self.gamma is not None:
            raise ValueError("gamma: only the focal loss has it; write type: focal, or remove it")
        if self.distance_correlation and self.adversary:
            raise ValueError(
                "distance_correlation and adversary are alternatives: remove one of them"
            )
        return self

    @property
    def exponent(self) -> float:
        """Of 1 - p in the loss of an event: 0 is the cross-entropy."""
        if self.type != "focal":
            return 0.0
        return 2.0 if self.gamma is None else self.gamma

    @property
    def decorrelation(self) -> Decorrelation | None:
        """What keeps the score independent of an observable, if anything does."""
        return self.distance_correlation or self.adversary

    def check(self, classes: Sequence[str]) -> None:
        """Raises ValueError for classes that a network does not have."""
        for key in ("distance_correlation", "adversary"):
            if found := getattr(self, key):
                known(found.classes, classes, f"loss.{key}.classes")

    def observables(self, classes: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """The observables that it reads, with the classes of whose events it reads them."""
        found: dict[str, tuple[str, ...]] = {}
        if self.decorrelation:
            found[self.decorrelation.observable] = self.decorrelation.of(classes)
        if self.planing:
            found[self.planing.observable] = tuple(classes)
        return found
