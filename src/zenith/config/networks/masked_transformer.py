"""The settings of a masked transformer (`zenith.core.networks.transformer`)."""

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from zenith.config.networks.marks import NETWORK
from zenith.config.networks.sets import SetSettings

if TYPE_CHECKING:
    import jax

    from zenith.core.networks.encoders import Encoder


class MaskedTransformerSettings(SetSettings):
    """Objects that attend to each other, with masks in place of padding; their sum and mean."""

    type: Annotated[Literal["masked_transformer"], Field(description="type of network"), NETWORK]
    pair_bias: Annotated[
        bool,
        Field(
            description="whether attention knows of each pair of objects ln ΔR, ln kT, ln z and "
            "ln m², of their fields pt, eta, phi and, where there is one, mass"
        ),
        NETWORK,
    ] = False

    @model_validator(mode="after")
    def _check_pairs(self) -> Self:
        for name, read in self.objects.items() if self.pair_bias else ():
            if lacks := [field for field in ("pt", "eta", "phi") if field not in read.fields]:
                raise ValueError(
                    f"objects.{name}.fields: {lacks[0]} is missing, which pair_bias is made of"
                )
        return self

    def object_encoder(self, key: "jax.Array") -> "Encoder":
        """Of `layers` transformer layers."""
        from zenith.core.networks.transformer import Transformer

        return Transformer.create(
            key, self.width, self.layers, self.heads, self.activation, pair_bias=self.pair_bias
        )
