"""The settings of deep sets (`zenith.core.networks.deep_sets`)."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from zenith.config.networks.marks import NETWORK
from zenith.config.networks.sets import SetSettings

if TYPE_CHECKING:
    import jax

    from zenith.core.networks.encoders import Encoder


class DeepSetsSettings(SetSettings):
    """Dense layers on each object by itself, and their sum and mean."""

    type: Annotated[Literal["deep_sets"], Field(description="type of network"), NETWORK]

    def object_encoder(self, key: "jax.Array") -> "Encoder":
        """Of `layers` dense layers."""
        from zenith.core.networks.deep_sets import DeepSets

        return DeepSets.create(key, self.width, self.layers, self.activation)
