"""Which steps a key of a configuration concerns: marks on the fields of its models.

    label: Annotated[str, Field(description="text on figures"), concerns("figures", "summary")]

A mark holds for all that is below the field, until a field there has marks of its own. A key
without a mark, on it or above, concerns every step: too many, but never too few; a test asks for a
mark on every key. `zenith.config.dependencies` makes of the marks what a job depends on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import isfunction
from typing import Literal, TypeVar

from zenith.config.steps import Step


@dataclass(frozen=True)
class Mark:
    """The steps that a key concerns.

    Attributes
    ----------
    of
        Only their jobs of this kind, see `parts`; empty: all of them.
    order
        The order of the keys of a mapping concerns them as well.
    """

    steps: tuple[Step, ...]
    of: str = ""
    order: bool = False


def concerns(*steps: Step, of: str = "", order: bool = False) -> Mark:
    """A mark for `Annotated`. Without a step, the key changes the content of no file.

    `of` is `data`, `simulation`, `pseudodata` or `toy`; in what a sample is simulated from, `own`
    is the sample itself and `source` one whose process goes into pseudo-data.
    """
    return Mark(steps, of, order)


F = TypeVar("F", bound=Callable[..., object])
_DERIVED = "_concerns"


def derived(*steps: Step, of: Literal["", "sample"] = "") -> Callable[[F], F]:
    """Mark a method of a configuration: its result concerns the steps, not all that it reads.

    So a step that only needs the names of observables runs again for another name, and not for
    another threshold. The method gives what JSON can say. It takes no argument, or with `of` the
    name of the sample that the job is for.
    """

    def mark(method: F) -> F:
        setattr(method, _DERIVED, Mark(steps, of))
        return method

    return mark


def derived_marks(model: type) -> dict[str, Mark]:
    """The methods of a model that `derived` marks, by name."""
    return {
        name: getattr(method, _DERIVED)
        for base in reversed(model.__mro__)
        for name, method in vars(base).items()
        if isfunction(method) and hasattr(method, _DERIVED)
    }
