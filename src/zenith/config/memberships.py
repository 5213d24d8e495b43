"""Categories of a region: its events parted among channels, by a score or by a network."""

from itertools import pairwise
from typing import Annotated

from pydantic import Field, model_validator

from zenith.config.base import Name, Positive, Section
from zenith.config.learning import Ascent
from zenith.config.marks import concerns
from zenith.config.steps import REGIONS, SELECTION


class Categories(Section):
    """Channels of a region: each has the events of one category, on the region's axis.

    By `score` they lie between edges: `e_k <= score < e_(k+1)`. By `network` they are those where
    one of its outputs is the largest; the outputs begin as the best categories of the score that
    the network was trained for, and its weights move in the climb.
    """

    score: Annotated[
        str | None,
        Field(description="observable or score of a network whose edges part the events"),
        concerns(*REGIONS),
    ] = None
    network: Annotated[
        Name | None,
        Field(description="network of two classes whose outputs part the events, one a category"),
        concerns(*REGIONS),
    ] = None
    number: Annotated[
        int | None,
        Field(ge=2, description="number of categories; default: that of the edges"),
        concerns(*REGIONS),
    ] = None
    edges: Annotated[
        tuple[float, ...] | None,
        Field(
            description="inner edges in the unit of the score; default: the best ones of the "
            "events from which the selection is learned"
        ),
        concerns(*REGIONS),
    ] = None
    tune: Annotated[
        tuple[float, float] | None,
        Field(description="bounds of the edges, which the climb moves; default: it does not"),
        concerns(*SELECTION),
    ] = None
    width: Annotated[
        Positive | None,
        Field(
            description="width of the soft edges, in the unit of the score or of the network's "
            "logit (there 1 by default); without one, edges of a score are hard in the climb"
        ),
        concerns(*SELECTION),
    ] = None
    minimum_events: Annotated[
        float,
        Field(
            ge=0.0,
            description="effective background events, (Σw)² / Σw², that every category of the "
            "best edges has",
        ),
        concerns(*REGIONS),
    ] = 10.0
    background_uncertainty: Annotated[
        float,
        Field(ge=0.0, description="relative uncertainty of the background that edges are best for"),
        concerns(*REGIONS),
    ] = 0.0

    @model_validator(mode="after")
    def _check(self) -> "Categories":
        if (self.score is None) == (self.network is None):
            raise ValueError("give either score, whose edges part the events, or network")
        if self.network is not None:
            for key in ("edges", "tune"):
                if getattr(self, key) is not None:
                    raise ValueError(
                        f"{key}: edges are those of a score; the outputs of a network begin as the "
                        "best categories and move with its weights (mva fine_tune)"
                    )
        if self.edges is None and self.number is None:
            raise ValueError("number: missing: say how many categories there are")
        if self.tune is not None and self.width is None:
            raise ValueError("width: missing: edges that move (tune) have a softness")
        self._check_edges()
        return self

    def _check_edges(self) -> None:
        low, high = self.tune or (float("-inf"), float("inf"))
        if not low < high:
            raise ValueError(f"tune is [low, high] with low < high, not {[low, high]}")
        if self.edges is None:
            return
        if self.number not in (None, len(self.edges) + 1):
            raise ValueError(
                f"number: {len(self.edges)} inner edges make {len(self.edges) + 1} categories, not "
                f"{self.number}"
            )
        if not self.edges:
            raise ValueError("edges: at least one is needed, which makes two categories")
        if any(a >= b for a, b in pairwise((low, *self.edges, high))):
            between = "" if self.tune is None else f" between the bounds {[low, high]} of tune"
            raise ValueError(f"edges must increase{between}, not {list(self.edges)}")

    @property
    def count(self) -> int:
        """K."""
        return len(self.edges) + 1 if self.edges is not None else self.number or 0

    @property
    def source(self) -> str:
        """The score that the best edges are of."""
        return self.score or self.network or ""


class ClimbedCategories(Categories):
    """Categories of all events that a network is for, climbed and compared beside the regions.

    Every category is fitted in the bins of a region's observable. They begin as the best ones of
    the score as it was trained; from there the gradient moves edges and weights together. With
    `score: efficient_score` they are of the summary's score, from 0 to 1 with equal categories at
    the start, and its coefficients are the weights.
    """

    region: Annotated[
        Name | None,
        Field(
            description="region whose observable and bins each category is fitted in; default: "
            "the first of the fit"
        ),
    ] = None
    optimise: Annotated[
        Ascent, Field(description="settings of the gradient ascent of the categories")
    ] = Ascent()

    @property
    def parts(self) -> Categories:
        """The categories alone, as those of a region."""
        return Categories(**{name: getattr(self, name) for name in Categories.model_fields})
