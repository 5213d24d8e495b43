"""The settings of networks that are trained by gradient descent."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from zenith.config.base import Positive, known
from zenith.config.marks import concerns
from zenith.config.networks.loss import Loss
from zenith.config.networks.marks import NETWORK
from zenith.config.networks.regression import RESERVED
from zenith.config.networks.settings import Mva

if TYPE_CHECKING:
    import jax

    from zenith.core.networks.network import Network


class DescentSettings(Mva):
    """A network trained by Adam on mini-batches, which the climb can move as well."""

    frameworks: ClassVar[tuple[str, ...]] = ("jax",)  # those that can train this type

    framework: Annotated[
        Literal["jax", "keras"],
        Field(
            description="framework of the training; a network that Keras trained is never "
            "fine-tuned"
        ),
        concerns("mva"),
    ] = "jax"
    ensemble: Annotated[
        int,
        Field(
            ge=1,
            description="number of networks, of different weights at the start; the score is that "
            "of the mean of their logits",
        ),
        NETWORK,
    ] = 1
    loss: Annotated[
        Loss,
        Field(description="what the training makes small: by default the cross-entropy"),
        concerns("mva", "mva_figures"),
    ] = Loss()
    learning_rate: Annotated[
        Positive, Field(description="Adam's initial learning rate"), concerns("mva")
    ] = 3e-3
    schedule: Annotated[
        Literal["constant", "cosine"],
        Field(description="schedule of the learning rate"),
        concerns("mva"),
    ] = "cosine"
    warm_up: Annotated[
        float,
        Field(
            ge=0.0,
            description="number of epochs in which the learning rate rises from 0 at the start; "
            "then its schedule begins",
        ),
        concerns("mva"),
    ] = 0.0
    clip: Annotated[
        Positive | None,
        Field(description="largest norm of the gradient of a step; none: as it is"),
        concerns("mva"),
    ] = None
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
    memory: Annotated[
        Positive,
        Field(
            description="MiB of the events of a part of training sets that are kept in memory; of "
            "a larger part a random sample of each class is, and the training reads its events "
            "from the files in every epoch"
        ),
        concerns("mva", "mva_figures"),
    ] = 512.0
    bootstrap: Annotated[
        bool,
        Field(
            description="whether each training event counts as often as a Poisson number of mean 1 "
            "says, another one in each network of an ensemble"
        ),
        concerns("mva"),
    ] = False
    precision: Annotated[
        Literal["float32", "bfloat16"],
        Field(
            description="precision of the products of matrices in the training; bfloat16 needs a "
            "GPU"
        ),
        concerns("mva"),
    ] = "float32"
    patience: Annotated[
        int,
        Field(
            ge=1,
            description="number of epochs without a better validation loss before the "
            "training stops",
        ),
        concerns("mva"),
    ] = 10

    @model_validator(mode="before")
    @classmethod
    def _freeze(cls, data: Any) -> Any:
        """A network trained by Keras is frozen, unless the file says otherwise: then an error."""
        if isinstance(data, dict) and data.get("framework") == "keras":
            return {"fine_tune": False} | data
        return data

    @model_validator(mode="after")
    def _check_framework(self) -> Self:
        if self.framework not in self.frameworks:
            raise ValueError(
                f"framework: a network of type {self.type} is trained by "
                f"{' or '.join(self.frameworks)}, not by {self.framework}"
            )
        if self.warm_up >= self.epochs:
            raise ValueError(
                f"warm_up: the learning rate would rise in all {self.epochs} epochs; use less"
            )
        if self.framework == "keras" and self.fine_tune:
            raise ValueError("fine_tune: framework keras only pretrains; use jax, or false")
        if self.framework == "keras" and self.ensemble > 1:
            raise ValueError("ensemble: framework keras trains one network; use jax, or 1")
        if self.framework == "keras" and self.loss != Loss():
            raise ValueError("loss: framework keras has the cross-entropy alone; use jax")
        if self.framework == "keras" and (self.bootstrap or self.precision != "float32"):
            key = "bootstrap" if self.bootstrap else "precision"
            raise ValueError(f"{key}: framework keras has none; use jax, or remove it")
        if self.framework == "keras" and self.regressions:
            raise ValueError("regressions: framework keras learns classes alone; use jax")
        self.loss.check(tuple(self.classes))
        taken = [*RESERVED, *self.objects, *(f"{name}_valid" for name in self.objects)]
        for name, regression in self.regressions.items():
            known(regression.classes, self.classes, f"regressions.{name}.classes")
            if name in taken:
                raise ValueError(
                    f"regressions.{name}: {name!r} is what files have besides; choose another name"
                )
        return self

    def untrained(self, key: "jax.Array") -> "Network":
        """One network, or the ensemble; with the outputs of its regressions."""
        create = self._with_regressions if self.regressions else self.create
        if self.ensemble == 1:
            return create(key)
        from zenith.core.networks.ensemble import Ensemble

        return Ensemble.create(key, self.ensemble, create)

    def _with_regressions(self, key: "jax.Array") -> "Network":
        """A network of this type that has a class for every output."""
        from zenith.core.networks.multi_task import MultiTask

        heads = [(name, regression.outputs) for name, regression in self.regressions.items()]
        outputs = [*self.classes, *(f"{name}/{k}" for name, n in heads for k in range(n))]
        changes = {"classes": {name: (name,) for name in outputs}, "regressions": {}}
        network = self.model_copy(update=changes).create(key)
        return MultiTask.create(network, self.softmax_classes, heads)

    @property
    def read_by_loss(self) -> dict[str, tuple[str, ...]]:
        """The observables of the loss, and the targets of regressions."""
        found = self.loss.observables(tuple(self.classes))
        for regression in self.regressions.values():
            where = {*found.get(regression.target, ()), *(regression.classes or self.classes)}
            found[regression.target] = tuple(name for name in self.classes if name in where)
        return found

    @property
    def moves_head(self) -> bool:
        """Unless it has several."""
        return super().moves_head and self.ensemble == 1

    @property
    def decorrelated(self) -> tuple[str, ...]:
        """Those of the loss, else all but the last."""
        settings = self.loss.decorrelation
        return settings.of(tuple(self.classes)) if settings else super().decorrelated

    @property
    def rounds(self) -> int:
        """The largest number of epochs."""
        return self.epochs
