"""The settings of networks on events and objects (`zenith.core.networks.set_network`)."""

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from zenith.config.networks.descent import DescentSettings
from zenith.config.networks.marks import NETWORK
from zenith.config.networks.scaling import Scaled

if TYPE_CHECKING:
    import jax

    from zenith.core.networks.encoders import Encoder
    from zenith.core.networks.set_network import EventEncoder, SetNetwork


class SetSettings(Scaled, DescentSettings):
    """A network on features of events, on collections of objects, or on both.

    A type is a subclass that says how it reads events, or objects, or both.
    """

    reads_objects: ClassVar[bool] = True
    has_head: ClassVar[bool] = True
    neighbourhood: ClassVar[bool] = False  # whether it asks for eta and phi of all objects

    width: Annotated[
        int, Field(ge=1, description="width of the layers, and of each token"), NETWORK
    ] = 32
    layers: Annotated[
        int, Field(ge=1, description="number of layers before objects are pooled"), NETWORK
    ] = 2
    heads: Annotated[
        int, Field(ge=1, description="number of heads of attention, which divides `width`"), NETWORK
    ] = 4
    activation: Annotated[
        Literal["relu", "tanh", "silu"],
        Field(description="activation function of the hidden layers"),
        NETWORK,
    ] = "relu"
    fusion: Annotated[
        Literal["concatenation", "sum", "gate", "attention"],
        Field(
            description="how what is found in the features of an event and in its objects becomes "
            "one; the number of objects and the scalar sum of their pt are always added"
        ),
        NETWORK,
    ] = "concatenation"
    head: Annotated[
        tuple[Annotated[int, Field(ge=1)], ...],
        Field(description="widths of the hidden layers after that"),
        NETWORK,
    ] = (32,)

    @model_validator(mode="after")
    def _check_sets(self) -> Self:
        self.check_scaling(self.features)
        if self.width % self.heads:
            raise ValueError(
                f"heads: {self.heads} heads do not divide the width, {self.width}; choose another "
                "number"
            )
        if self.neighbourhood:
            for name, read in self.objects.items():
                if lacks := [field for field in ("eta", "phi") if field not in read.fields]:
                    raise ValueError(
                        f"objects.{name}.fields: {lacks[0]} is missing; a network of type "
                        f"{self.type} asks how far objects are from each other"
                    )
        return self

    def create(self, key: "jax.Array") -> "SetNetwork":
        """The network before its training."""
        from zenith.core.networks.set_network import Parts, SetNetwork

        parts = Parts(
            events=self.event_encoder,
            objects=self.object_encoder,
            fusion=self.fusion,
            head=self.head,
            width=self.width,
            heads=self.heads,
            activation=self.activation,
        )
        objects = {name: read.scaling(read.fields) for name, read in self.objects.items()}
        features = self.scaling(self.features)
        return SetNetwork.create(key, features, objects, self.softmax_classes, parts)

    def event_encoder(self, key: "jax.Array", inputs: int) -> "EventEncoder":
        """How features of events are read: two dense layers unless a type overrides it."""
        from zenith.core.networks.layers import Layers

        return Layers.create(key, (inputs, self.width, self.width), self.activation)

    @abstractmethod
    def object_encoder(self, key: "jax.Array") -> "Encoder":
        """How objects are read."""
