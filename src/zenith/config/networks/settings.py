"""The settings of every network: its classes, its features, and how it is trained."""

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from zenith.config.base import Name, Section
from zenith.config.marks import Mark, concerns
from zenith.config.networks.calibration import CalibrationSettings
from zenith.config.networks.marks import NETWORK
from zenith.config.networks.objects import ObjectsRead
from zenith.config.networks.regression import Regression
from zenith.config.selection import FixedCut
from zenith.config.steps import SELECTION, SUMMARISED
from zenith.registry import Registry

if TYPE_CHECKING:
    import jax

    from zenith.core.networks.network import Network

NETWORKS = Registry(
    "zenith.networks",
    {
        "perceptron": "zenith.config.networks.perceptron:PerceptronSettings",
        "boosted_trees": "zenith.config.networks.boosted_trees:BoostedTreesSettings",
        "residual": "zenith.config.networks.residual:ResidualSettings",
        "feature_transformer": "zenith.config.networks.feature_transformer:"
        "FeatureTransformerSettings",
        "deep_sets": "zenith.config.networks.deep_sets:DeepSetsSettings",
        "set_transformer": "zenith.config.networks.set_transformer:SetTransformerSettings",
        "masked_transformer": "zenith.config.networks.masked_transformer:MaskedTransformerSettings",
        "graph_network": "zenith.config.networks.graph_network:GraphNetworkSettings",
    },
)
"""Types of networks: for each name a subclass of `Mva`."""


class Mva(Section):
    """One network: a score of events, learnt from simulated samples.

    A type of network is a subclass with keys of its own and `create`; one that is trained by
    gradient descent derives from `zenith.config.networks.descent.DescentSettings`.
    """

    round_name: ClassVar[str] = "epoch"  # what a round of its training is called
    reads_objects: ClassVar[bool] = False  # whether this type reads collections of objects
    has_head: ClassVar[bool] = False  # whether one with objects has a head that can move alone

    type: Annotated[
        str,
        Field(
            description="type of network: `perceptron`, `boosted_trees`, `residual`, "
            "`feature_transformer`, `deep_sets`, `set_transformer`, `masked_transformer`, "
            "`graph_network`, or one that another package adds"
        ),
        NETWORK,
    ] = "perceptron"
    framework: Annotated[str, Field(description="framework of the training"), concerns("mva")] = (
        "jax"
    )
    classes: Annotated[
        dict[Name, Annotated[tuple[Name, ...], Field(min_length=1)]],
        Field(
            min_length=2,
            description="samples of each class, by its name; of two, the last is scored 1",
        ),
        NETWORK,
        concerns("figures", order=True),  # which call a network by its classes
    ]
    features: Annotated[
        tuple[str, ...],
        Field(description="observables that the network reads; none: it reads objects alone"),
        NETWORK,
    ] = ()
    objects: Annotated[
        dict[Name, ObjectsRead],
        Field(
            description="objects that the network reads, by their names under `objects`, or "
            "collections of a training set; types that read none have none"
        ),
        NETWORK,
    ] = {}
    regressions: Annotated[
        dict[Name, Regression],
        Field(
            description="numbers that the network predicts beside its classes, by name; types "
            "that are not trained by gradient descent have none"
        ),
        NETWORK,
    ] = {}
    cuts: Annotated[
        tuple[FixedCut, ...],
        Field(description="cuts on the events that train and test the network"),
        concerns("mva", "mva_figures", "response", *SUMMARISED),
    ] = ()
    sliced: Annotated[
        tuple[str, ...],
        Field(description="observables that a figure shows in slices of the score"),
        concerns("mva", "mva_figures"),
    ] = ()
    balance: Annotated[
        Literal["none", "undersample", "oversample", "class_weights"],
        Field(
            description="treatment of classes of unequal size: all but none give every class "
            "the same sum of weights, sampling also the same number of events"
        ),
        concerns("mva", "mva_figures"),
    ] = "class_weights"
    negative_weights: Annotated[
        Literal["keep", "absolute", "drop"],
        Field(
            description="treatment of events of negative weight in the training; AUC and "
            "figures keep them"
        ),
        concerns("mva"),
    ] = "absolute"
    calibration: Annotated[
        CalibrationSettings | None,
        Field(description="what makes scores probabilities after the training; none: nothing"),
        NETWORK,
    ] = None
    mlflow: Annotated[
        str | None,
        Field(
            description="folder in whose mlflow.db MLflow keeps the settings of the training, its "
            "losses and its measures, as a run that `metrics.json` names; none: it does not"
        ),
        concerns("mva"),
    ] = None
    fine_tune: Annotated[
        bool,
        Field(
            description="whether the climb of the significance moves the network's weights as "
            "well; of a network that reads objects those of its head, on the embedding that the "
            "rest makes of each event (by default false there)"
        ),
        concerns(*SELECTION, "logits"),
    ] = True

    @model_validator(mode="before")
    @classmethod
    def _freeze_readers_of_objects(cls, data: Any) -> Any:
        """They are frozen, unless the file says otherwise."""
        if isinstance(data, dict) and data.get("objects"):
            return {"fine_tune": False} | data
        return data

    @model_validator(mode="after")
    def _check(self) -> Self:
        samples = [sample for group in self.classes.values() for sample in group]
        for kind, names in (("sample", samples), ("feature", self.features)):
            if twice := sorted({name for name in names if list(names).count(name) > 1}):
                raise ValueError(f"the {kind} {twice[0]!r} is given twice")
        if self.objects and not self.reads_objects:
            raise ValueError(
                f"objects: a network of type {self.type} reads no objects; remove them, or choose "
                "another type"
            )
        if self.objects and self.fine_tune and not self.moves_head:
            raise ValueError(
                "fine_tune: of a network that reads objects the climb moves the head alone, which "
                "an ensemble, one with regressions, and some types do not have; write false, or "
                "leave it out"
            )
        if not self.features and not self.objects:
            read = "features or objects" if self.reads_objects else "features"
            raise ValueError(f"{read}: missing: what is the network to read?")
        return self

    @property
    def read_by_loss(self) -> dict[str, tuple[str, ...]]:
        """Observables that the loss reads, each with the classes of whose events it does."""
        return {}

    @property
    def read_beside(self) -> dict[str, tuple[str, ...]]:
        """The same, and those that figures show, of all classes."""
        return self.read_by_loss | dict.fromkeys(self.sliced, tuple(self.classes))

    @property
    def moves_head(self) -> bool:
        """Whether the climb moves its head, on columns of its embedding."""
        return bool(self.objects) and self.fine_tune and self.has_head and not self.regressions

    @property
    def given(self) -> Literal["logits", "embedding"]:
        """What columns have of one that reads objects."""
        return "embedding" if self.moves_head else "logits"

    @property
    def decorrelated(self) -> tuple[str, ...]:
        """The classes in which scores had better be independent of observables beside features."""
        return tuple(self.classes)[:-1]

    @property
    @abstractmethod
    def rounds(self) -> int:
        """The largest number of rounds of the training."""

    @abstractmethod
    def create(self, key: "jax.Array") -> "Network":
        """The network before its training, with weights drawn from the key, not yet scaled.

        Its features are `features`, its classes `softmax_classes`.
        """

    def untrained(self, key: "jax.Array") -> "Network":
        """What is trained, with weights drawn from the key."""
        return self.create(key)

    def shell(self, key: "jax.Array") -> "Network":
        """The same with what calibrates it: what a file has."""
        network = self.untrained(key)
        if self.calibration is None:
            return network
        from zenith.core.networks.calibrated import Calibrated

        return Calibrated.of(network, self.calibration.type)

    @property
    def softmax_classes(self) -> tuple[str, ...]:
        """The classes that have a score each: all of more than two, none of two."""
        return tuple(self.classes) if len(self.classes) > 2 else ()

    def parting(self, categories: int) -> Self:
        """The same with an output for each category of events, in place of its classes.

        What has calibrated it is in its last layer.
        """
        classes = {f"category_{k}": (f"category_{k}",) for k in range(1, categories + 1)}
        return self.model_copy(update={"classes": classes, "calibration": None})

    def architecture(self) -> dict[str, Any]:
        """What says which arrays there are and what they mean, as JSON has it.

        These are the keys that concern steps which read a network, and those without a mark.
        """
        keys = set()
        for name, info in type(self).model_fields.items():
            if name in ("objects", "regressions") and not getattr(self, name):
                continue
            marks = [mark for mark in info.metadata if isinstance(mark, Mark)]
            if not marks or any("scored" in mark.steps for mark in marks):
                keys.add(name)
        return self.model_dump(mode="json", include=keys) | {"classes": list(self.classes)}
