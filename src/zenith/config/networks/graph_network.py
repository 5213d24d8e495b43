"""The settings of a graph network (`zenith.core.networks.edge_convolution`)."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from zenith.config.networks.marks import NETWORK
from zenith.config.networks.sets import SetSettings

if TYPE_CHECKING:
    import jax

    from zenith.core.networks.encoders import Encoder


class GraphNetworkSettings(SetSettings):
    """Objects that hear their nearest neighbours in eta and phi; their sum and mean."""

    neighbourhood: ClassVar[bool] = True

    type: Annotated[Literal["graph_network"], Field(description="type of network"), NETWORK]
    neighbours: Annotated[
        int, Field(ge=1, description="number of nearest neighbours of each object"), NETWORK
    ] = 8

    def object_encoder(self, key: "jax.Array") -> "Encoder":
        """Of `layers` edge convolutions."""
        from zenith.core.networks.edge_convolution import GraphNetwork

        return GraphNetwork.create(key, self.width, self.layers, self.neighbours, self.activation)
