"""The settings of a set transformer (`zenith.core.networks.transformer`)."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from zenith.config.networks.marks import NETWORK
from zenith.config.networks.sets import SetSettings

if TYPE_CHECKING:
    import jax

    from zenith.core.networks.encoders import Encoder


class SetTransformerSettings(SetSettings):
    """Objects that attend to each other, pooled by attention of learnt queries."""

    type: Annotated[Literal["set_transformer"], Field(description="type of network"), NETWORK]
    seeds: Annotated[
        int, Field(ge=1, description="number of learnt queries that pool the objects"), NETWORK
    ] = 2

    def object_encoder(self, key: "jax.Array") -> "Encoder":
        """Of `layers` transformer layers, pooled by attention."""
        from zenith.core.networks.transformer import Transformer

        return Transformer.create(
            key, self.width, self.layers, self.heads, self.activation, seeds=self.seeds
        )
