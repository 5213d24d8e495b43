"""The summary that is fitted in place of cuts: the efficient score (`zenith.core.response`)."""

from typing import Annotated, Literal

from pydantic import Field

from zenith.config.base import Name, Positive, Section
from zenith.config.marks import concerns
from zenith.config.steps import LEARNED, NAMED, SUMMARISED

SCORE = "efficient_score"
"""The score as an observable, and the region that it is fitted in."""


class Responses(Section):
    """Boosted trees that learn how the intensity responds to one nuisance parameter."""

    trees: Annotated[int, Field(ge=1, description="number of trees of each nuisance parameter")] = (
        60
    )
    leaves: Annotated[int, Field(ge=2, description="largest number of leaves of a tree")] = 8
    learning_rate: Annotated[Positive, Field(le=1.0, description="factor of every tree")] = 0.1
    leaf_events: Annotated[int, Field(ge=1, description="smallest number of events in a leaf")] = (
        200
    )
    significance: Annotated[
        float,
        Field(
            ge=0.0,
            description="standard deviations by which a response must be seen on the validation "
            "fold; one that is not is noise, and is left out of the projection",
        ),
        concerns("response", "efficient_score_figures"),
    ] = 2.0


class LearnedResponses(Section):
    """Networks that learn how the density of each process responds to all parameters of shifts.

    They learn from copies of the events (`copies`), and give the scores of these nuisance
    parameters in place of boosted trees.
    """

    hidden: Annotated[
        tuple[Annotated[int, Field(ge=1)], ...],
        Field(min_length=1, description="sizes of the hidden layers of each network"),
    ] = (32, 32)
    steps: Annotated[int, Field(ge=1, description="number of steps of gradient descent")] = 1500
    batch: Annotated[int, Field(ge=1, description="events of each process in a step")] = 256
    points: Annotated[int, Field(ge=1, description="copies of each event in a step")] = 6
    learning_rate: Annotated[
        Positive, Field(description="initial learning rate of Adam; it falls to 0 as a cosine")
    ] = 0.003
    held_out: Annotated[
        int,
        Field(ge=1, description="random points that teach nothing, at which responses are judged"),
    ] = 4


class Tuning(Section):
    """Coefficients of the projection are moved by the gradient of what is quoted of its bins."""

    steps: Annotated[
        int,
        Field(ge=0, description="number of steps; 0 leaves the coefficients as they are projected"),
        concerns("efficient_score"),
    ] = 40
    learning_rate: Annotated[
        Positive,
        Field(description="initial rate, of the root mean square that a score adds to the summary"),
        concerns("efficient_score"),
    ] = 0.02


class Cells(Section):
    """Cells by the score of one nuisance parameter, each with bins of the summary of its own.

    They measure the parameter: each is a region of the fit.
    """

    number: Annotated[int, Field(ge=2, le=20, description="number of cells")] = 4
    nuisance: Annotated[
        Name | None,
        Field(
            description="nuisance parameter whose score divides the events; default: in each fold "
            "the one that costs the most information on the signal strength"
        ),
        concerns("efficient_score"),
    ] = None


class Rival(Section):
    """Categories by the signal's share that the network gives, each in bins of an observable."""

    categories: Annotated[
        int,
        Field(ge=1, le=50, description="number of categories, with the edges that keep the most"),
        concerns("compare"),
    ] = 6
    region: Annotated[
        Name | None,
        Field(
            description="region whose observable and bins each category is fitted in; default: "
            "the first of the fit"
        ),
        concerns("compare", "efficient_score_figures", "optimisation_figures"),
    ] = None


class EfficientScoreSettings(Section):
    """The signal's score with its projection onto those of the nuisance parameters removed."""

    type: Annotated[
        Literal["efficient_score"],
        Field(description="kind of summary"),
        concerns("response", *SUMMARISED),
    ] = "efficient_score"
    network: Annotated[
        Name,
        Field(
            description="network of `mva` whose classes are the signal and groups of backgrounds; "
            "the summary is made for the events that pass its cuts"
        ),
        concerns("response", *SUMMARISED),
    ]
    label: Annotated[
        str,
        Field(description="label of the region on figures"),
        concerns(*NAMED),
    ] = "Efficient score"
    bins: Annotated[
        int,
        Field(ge=2, le=1000, description="number of bins, in each cell if there are any"),
        concerns(*SUMMARISED),
    ] = 25
    cells: Annotated[
        Cells | None,
        Field(description="cells by the score of a nuisance parameter; none: there is one"),
        concerns(*SUMMARISED, "optimisation_figures"),
    ] = None
    effective_events: Annotated[
        float,
        Field(ge=0.0, description="fewest effective background events in a bin, (Σw)² / Σw²"),
        concerns(*SUMMARISED),
    ] = 20.0
    tuning: Annotated[
        Tuning, Field(description="how coefficients follow the gradient of the expected result")
    ] = Tuning()
    rival: Annotated[Rival, Field(description="what users do instead, from the same network")] = (
        Rival()
    )
    responses: Annotated[
        Responses,
        Field(description="boosted trees of the nuisance parameters that vary shapes"),
        concerns("response"),
    ] = Responses()
    learned_responses: Annotated[
        LearnedResponses | None,
        Field(
            description="networks of the responses of each process to parameters of shifts, at any "
            "values of all of them; none: the boosted trees of `responses` learn these as well"
        ),
        concerns(*LEARNED, "efficient_score_figures"),
    ] = None

    @property
    def number_of_cells(self) -> int:
        """1 if there are none."""
        return self.cells.number if self.cells is not None else 1

    @property
    def regions(self) -> list[str]:
        """The names of the regions that its cells are."""
        number = self.number_of_cells
        return [SCORE] if number == 1 else [f"{SCORE}_{k}" for k in range(1, number + 1)]

    @property
    def all_bins(self) -> int:
        """The number of bins in all cells together."""
        return self.bins * self.number_of_cells
