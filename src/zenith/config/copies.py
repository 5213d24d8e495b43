"""Copies of simulated events, at points in the space of the parameters that shift them."""

from typing import Annotated

from pydantic import Field

from zenith.config.base import Positive, Section


class Copies(Section):
    """Where simulated events are shifted to: points on the axes, and points anywhere between."""

    random: Annotated[
        int, Field(ge=0, description="number of random points, beside four on every axis")
    ] = 24
    reach: Annotated[
        Positive,
        Field(description="largest pull of a point, in standard deviations, within its bounds"),
    ] = 2.0
