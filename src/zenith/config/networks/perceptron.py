"""The settings of a perceptron (`zenith.core.networks.perceptron`)."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from zenith.config.networks.descent import DescentSettings
from zenith.config.networks.marks import NETWORK
from zenith.config.networks.scaling import Transforms, check_transforms

if TYPE_CHECKING:
    import jax

    from zenith.core.networks.perceptron import Perceptron


class PerceptronSettings(DescentSettings):
    """A multi-layer perceptron on standardised features, the type of network by default."""

    type: Annotated[Literal["perceptron"], Field(description="type of network"), NETWORK] = (
        "perceptron"
    )
    hidden: Annotated[
        tuple[Annotated[int, Field(ge=1)], ...],
        Field(description="widths of the hidden layers"),
        NETWORK,
    ] = (16, 16)
    activation: Annotated[
        Literal["relu", "tanh", "silu"],
        Field(description="activation function of the hidden layers"),
        NETWORK,
    ] = "relu"

    transforms: Transforms = {}

    frameworks: ClassVar[tuple[str, ...]] = ("jax", "keras")

    def create(self, key: "jax.Array") -> "Perceptron":
        """A perceptron with the layers configured."""
        from zenith.core.networks.perceptron import Perceptron

        return Perceptron.create(
            key,
            self.features,
            self.hidden,
            self.softmax_classes,
            self.activation,
            transform=self.transforms,
        )

    @model_validator(mode="after")
    def _check_transforms(self) -> Self:
        check_transforms(self.transforms, self.features)
        return self
