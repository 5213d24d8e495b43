"""The settings of a residual network (`zenith.core.networks.residual`)."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from zenith.config.networks.deep_sets import DeepSetsSettings
from zenith.config.networks.marks import NETWORK

if TYPE_CHECKING:
    import jax

    from zenith.core.networks.set_network import EventEncoder


class ResidualSettings(DeepSetsSettings):
    """Residual layers on the features of events, with normalisation and activation before each.

    Objects, if there are any, are read as deep sets.
    """

    type: Annotated[Literal["residual"], Field(description="type of network"), NETWORK]  # type: ignore[assignment]
    blocks: Annotated[int, Field(ge=1, description="number of blocks of two layers"), NETWORK] = 2

    def event_encoder(self, key: "jax.Array", inputs: int) -> "EventEncoder":
        """Residual blocks."""
        from zenith.core.networks.residual import Residual

        return Residual.create(key, inputs, self.width, self.blocks, self.activation)
