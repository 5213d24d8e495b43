"""The settings of boosted trees (`zenith.core.networks.boosted_trees`)."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from zenith.config.base import Positive
from zenith.config.marks import concerns
from zenith.config.networks.calibration import CalibrationSettings
from zenith.config.networks.marks import NETWORK
from zenith.config.networks.regression import Regression
from zenith.config.networks.settings import Mva
from zenith.config.steps import SELECTION

if TYPE_CHECKING:
    import jax

    from zenith.core.networks.boosted_trees import BoostedTrees


class BoostedTreesSettings(Mva):
    """Gradient-boosted decision trees, trained by LightGBM.

    Negative weights that are kept count as they are in every sum over the events of a leaf; a leaf
    is made only where its sum is above `leaf_weight`, so that none is ruled by them.
    """

    round_name: ClassVar[str] = "tree"

    type: Annotated[Literal["boosted_trees"], Field(description="type of network"), NETWORK]
    framework: Annotated[
        Literal["lightgbm"], Field(description="framework of the training"), concerns("mva")
    ] = "lightgbm"
    trees: Annotated[
        int,
        Field(ge=1, description="largest number of trees; of more than two classes, for each"),
        NETWORK,
    ] = 500
    leaves: Annotated[
        int, Field(ge=2, description="largest number of leaves of a tree"), NETWORK
    ] = 31
    learning_rate: Annotated[
        Positive, Field(le=1.0, description="factor of every tree"), concerns("mva")
    ] = 0.05
    leaf_events: Annotated[
        int, Field(ge=1, description="smallest number of events in a leaf"), concerns("mva")
    ] = 100
    leaf_weight: Annotated[
        Positive,
        Field(
            description="smallest sum of w p (1 - p) in a leaf, with weights of mean 1 and the "
            "probability p of a class"
        ),
        concerns("mva"),
    ] = 1.0
    feature_share: Annotated[
        Positive,
        Field(
            le=1.0,
            description="share of the features, drawn at random, among which a leaf is divided",
        ),
        concerns("mva"),
    ] = 0.5
    bins: Annotated[
        int, Field(ge=2, description="largest number of bins of a feature"), concerns("mva")
    ] = 255
    patience: Annotated[
        int,
        Field(
            ge=1,
            description="number of trees without a better validation loss before the training "
            "stops",
        ),
        concerns("mva"),
    ] = 20
    calibration: Annotated[
        CalibrationSettings | None,
        Field(
            description="what makes scores probabilities after the training; default: `vector`, "
            "`share: 1`; none: nothing"
        ),
        NETWORK,
    ] = CalibrationSettings(type="vector", share=1.0)
    threads: Annotated[
        int, Field(ge=1, description="number of threads of the training"), concerns()
    ] = 1
    fine_tune: Annotated[
        bool,
        Field(description="false: trees have no gradient that a climb could follow"),
        concerns(*SELECTION),
    ] = False

    @field_validator("fine_tune")
    @classmethod
    def _frozen(cls, value: bool) -> bool:
        if value:
            raise ValueError(
                "trees have no gradient that a climb could follow; use false, or type: perceptron"
            )
        return value

    @field_validator("regressions")
    @classmethod
    def _classes_alone(cls, value: dict[str, Regression]) -> dict[str, Regression]:
        if value:
            raise ValueError("trees learn classes alone; remove it, or choose another type")
        return value

    @property
    def rounds(self) -> int:
        """The largest number of trees."""
        return self.trees

    def create(self, key: "jax.Array") -> "BoostedTrees":
        """Room for as many trees as configured, without any."""
        from zenith.core.networks.boosted_trees import BoostedTrees

        return BoostedTrees.create(self.features, self.softmax_classes, self.trees, self.leaves)
