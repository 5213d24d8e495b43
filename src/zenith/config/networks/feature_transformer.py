"""The settings of a feature-token transformer (`zenith.core.networks.feature_tokens`)."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from zenith.config.networks.deep_sets import DeepSetsSettings
from zenith.config.networks.marks import NETWORK

if TYPE_CHECKING:
    import jax

    from zenith.core.networks.set_network import EventEncoder


class FeatureTransformerSettings(DeepSetsSettings):
    """Features of events as tokens that attend to each other.

    Objects, if there are any, are read as deep sets.
    """

    type: Annotated[Literal["feature_transformer"], Field(description="type of network"), NETWORK]  # type: ignore[assignment]
    blocks: Annotated[
        int, Field(ge=1, description="number of transformer layers on the features"), NETWORK
    ] = 2

    def event_encoder(self, key: "jax.Array", inputs: int) -> "EventEncoder":
        """Transformer layers on tokens."""
        from zenith.core.networks.feature_tokens import FeatureTokens

        return FeatureTokens.create(
            key, inputs, self.width, self.blocks, self.heads, self.activation
        )
