"""The settings of every network: its classes, its features, and how it is trained."""

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from zenith.config.base import Name, Positive, Section
from zenith.config.marks import Mark, concerns
from zenith.config.selection import FixedCut
from zenith.config.steps import SELECTION
from zenith.registry import Registry

if TYPE_CHECKING:
    import jax

    from zenith.core.networks.network import Network

# What a network is: of those that read it as well.
NETWORK = concerns("mva", "mva_figures", *SELECTION, "histogram", "scored", order=True)

NETWORKS = Registry(
    "zenith.networks", {"perceptron": "zenith.config.networks.perceptron:PerceptronSettings"}
)
"""Types of networks: for each name a subclass of `Mva`."""


class Mva(Section):
    """One network: a score of events, learnt from simulated samples.

    A type of network is a subclass with keys of its own and `create`.
    """

    frameworks: ClassVar[tuple[str, ...]] = ("jax",)  # those that can train this type

    type: Annotated[
        str,
        Field(description="type of network: `perceptron`, or one that another package adds"),
        NETWORK,
    ] = "perceptron"
    framework: Annotated[
        Literal["jax", "keras"],
        Field(
            description="framework of the training; a network that Keras trained is never "
            "fine-tuned"
        ),
        concerns("mva"),
    ] = "jax"
    classes: Annotated[
        dict[Name, Annotated[tuple[Name, ...], Field(min_length=1)]],
        Field(
            min_length=2,
            description="samples of each class, by its name; of two, the last is scored 1",
        ),
        NETWORK,
    ]
    features: Annotated[
        tuple[str, ...],
        Field(min_length=1, description="observables that the network reads"),
        NETWORK,
    ]
    cuts: Annotated[
        tuple[FixedCut, ...],
        Field(description="cuts on the events that train and test the network"),
        concerns("mva", "mva_figures"),
    ] = ()
    balance: Annotated[
        Literal["none", "undersample", "oversample", "class_weights"],
        Field(
            description="treatment of classes of unequal size: all but none give every class "
            "the same sum of weights, sampling also the same number of events"
        ),
        concerns("mva"),
    ] = "class_weights"
    negative_weights: Annotated[
        Literal["keep", "absolute", "drop"],
        Field(
            description="treatment of events of negative weight in the training; AUC and "
            "figures keep them"
        ),
        concerns("mva"),
    ] = "absolute"
    learning_rate: Annotated[
        Positive, Field(description="Adam's initial learning rate"), concerns("mva")
    ] = 3e-3
    schedule: Annotated[
        Literal["constant", "cosine"],
        Field(description="schedule of the learning rate"),
        concerns("mva"),
    ] = "cosine"
    batch: Annotated[
        int,
        Field(ge=1, description="approximate number of events in a mini-batch"),
        concerns("mva"),
    ] = 256
    epochs: Annotated[
        int,
        Field(ge=1, description="largest number of passes over the training events"),
        concerns("mva"),
    ] = 100
    patience: Annotated[
        int,
        Field(
            ge=1,
            description="number of epochs without a better validation loss before the "
            "training stops",
        ),
        concerns("mva"),
    ] = 10
    fine_tune: Annotated[
        bool,
        Field(
            description="whether the climb of the significance moves the network's weights as well"
        ),
        concerns(*SELECTION),
    ] = True

    @model_validator(mode="before")
    @classmethod
    def _freeze(cls, data: Any) -> Any:
        """A network trained by Keras is frozen, unless the file says otherwise: then an error."""
        if isinstance(data, dict) and data.get("framework") == "keras":
            return {"fine_tune": False} | data
        return data

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.framework not in self.frameworks:
            raise ValueError(
                f"framework: a network of type {self.type} is trained by "
                f"{' or '.join(self.frameworks)}, not by {self.framework}"
            )
        if self.framework == "keras" and self.fine_tune:
            raise ValueError("fine_tune: framework keras only pretrains; use jax, or false")
        samples = [sample for group in self.classes.values() for sample in group]
        for kind, names in (("sample", samples), ("feature", self.features)):
            if twice := sorted({name for name in names if list(names).count(name) > 1}):
                raise ValueError(f"the {kind} {twice[0]!r} is given twice")
        return self

    @abstractmethod
    def create(self, key: "jax.Array") -> "Network":
        """The network before its training, with weights drawn from the key, not yet scaled.

        Its features are `features`, its classes `softmax_classes`.
        """

    @property
    def softmax_classes(self) -> tuple[str, ...]:
        """The classes that have a score each: all of more than two, none of two."""
        return tuple(self.classes) if len(self.classes) > 2 else ()

    def architecture(self) -> dict[str, Any]:
        """What says which arrays there are and what they mean, as JSON has it.

        These are the keys that concern steps which read a network, and those without a mark.
        """
        keys = set()
        for name, info in type(self).model_fields.items():
            marks = [mark for mark in info.metadata if isinstance(mark, Mark)]
            if not marks or any("histogram" in mark.steps for mark in marks):
                keys.add(name)
        return self.model_dump(mode="json", include=keys) | {"classes": list(self.classes)}
