"""The settings of a perceptron (`zenith.core.networks.perceptron`)."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from zenith.config.networks.descent import DescentSettings
from zenith.config.networks.settings import NETWORK

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

    frameworks: ClassVar[tuple[str, ...]] = ("jax", "keras")

    def create(self, key: "jax.Array") -> "Perceptron":
        """A perceptron with the layers configured."""
        from zenith.core.networks.perceptron import Perceptron

        return Perceptron.create(
            key, self.features, self.hidden, self.softmax_classes, self.activation
        )
