"""How features are scaled before the first layer (`zenith.core.networks.scaling`)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from zenith.config.base import Section, known
from zenith.config.networks.marks import NETWORK

if TYPE_CHECKING:
    from zenith.core.networks.scaling import Scaling

Transform = Literal["raw", "log", "logit"]
Transforms = Annotated[
    dict[str, tuple[Transform, ...]],
    Field(
        description="what is read of a feature, by its name, in place of its value `raw`: one "
        "or more of `raw`, `log` and `logit`, of the feature clipped at 1e-5"
    ),
    NETWORK,
]
Scaler = Literal["standard", "robust", "min_max", "none", "quantile", "piecewise_linear"]


class Scaled(Section):
    """How features of events, or fields of objects, are scaled and encoded."""

    transforms: Transforms = {}
    scalers: Annotated[
        dict[str, Scaler],
        Field(
            description="scaling of a feature, by its name, on the training events and their "
            "absolute weights: `standard`, to mean 0 and deviation 1, where none is named; "
            "`robust`, by median and interquartile range; `min_max`, into [0, 1]; `quantile`, to "
            "a Gaussian distribution; `piecewise_linear`, into a number for each of 16 bins; `none`"
        ),
        NETWORK,
    ] = {}
    categories: Annotated[
        dict[str, Annotated[tuple[float, ...], Field(min_length=1)]],
        Field(
            description="values of features that are categories, by name: each value is a row of 0 "
            "and 1, and all others are one more"
        ),
        NETWORK,
    ] = {}
    missing: Annotated[
        tuple[str, ...],
        Field(
            description="features that some events or objects lack, where they are NaN: what "
            "stands for them is learned; of any other feature a NaN is an error"
        ),
        NETWORK,
    ] = ()

    def check_scaling(self, names: Sequence[str]) -> None:
        """Raises ValueError where features are not among these names, or are scaled twice."""
        check_transforms(self.transforms, names)
        of_key: dict[str, Iterable[str]] = {
            "scalers": self.scalers,
            "categories": self.categories,
            "missing": self.missing,
        }
        for key, features in of_key.items():
            known(features, names, key)
        for feature, values in self.categories.items():
            if feature in self.transforms or feature in self.scalers:
                raise ValueError(
                    f"categories.{feature}: a category has no transform and no scaler; remove it "
                    "from one of the keys"
                )
            if len(set(values)) < len(values):
                raise ValueError(f"categories.{feature}: a value is given twice")
        if len(set(self.missing)) < len(self.missing):
            raise ValueError("missing: a feature is given twice")

    def scaling(self, names: Sequence[str]) -> "Scaling":
        """The scaling of these features, before it knows any event."""
        from zenith.core.networks.scaling import Scaling

        return Scaling.create(names, self.transforms, self.scalers, self.categories, self.missing)


def check_transforms(transforms: Mapping[str, Sequence[str]], names: Sequence[str]) -> None:
    """Raises ValueError for a feature that is not among the names, and no or equal transforms."""
    known(transforms, names, "transforms")
    for feature, chosen in transforms.items():
        if not chosen:
            raise ValueError(f"transforms.{feature}: there is none; remove it from the features")
        if len(set(chosen)) < len(chosen):
            raise ValueError(f"transforms.{feature}: a transform is given twice")
