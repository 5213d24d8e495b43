"""JSON artefacts whose content has a type, by which it is written, and checked when it is read.

The types are `TypedDict`s: the content is the JSON object itself, so that a key has one name in the
file and in the code, mypy knows every key, and no number changes on the way. What a key means is
said beside its type, `Annotated[float, "…"]`, from where `zenith.reporting.artefact_keys` takes it.
Keys that older versions did not write are `NotRequired`: their files can still be read.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from zenith.artefacts.codec import Lines, Numbers
from zenith.artefacts.json_files import read_json, write_json
from zenith.errors import InputError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

T = TypeVar("T")


@dataclass(frozen=True)
class JsonCodec(Generic[T]):
    """The codec of a kind of JSON artefact; the members are those of `codec.AnyCodec`, and `write`.

    The provenance that `write_json` adds is in the file and not in the content.
    """

    name: str
    type: Any
    """The `TypedDict`, or the mapping, that T is."""
    step: str
    """The step that writes it, and has to be run again where a file is not what it should be."""
    holds: Callable[[Mapping[str, Any]], bool]
    describe: Callable[[T], Lines]
    suffix: str = ".json"

    def write(
        self,
        path: str | Path,
        content: T,
        *,
        inputs: Iterable[str | Path] = (),
        config: Any = None,
    ) -> None:
        """Write the content with its provenance; as `write_json`."""
        write_json(path, cast(Mapping[str, Any], content), inputs=inputs, config=config)

    def read(self, path: str | Path) -> T:
        """The content of a file.

        Raises `InputError` that names the file, the key and the step to run again where a key is
        missing or holds something else.
        """
        content = read_json(path)
        content.pop("provenance", None)
        return self.checked(path, content)

    def checked(self, path: str | Path, content: Mapping[str, Any]) -> T:
        """The same for what was read from the file."""
        from pydantic import TypeAdapter, ValidationError

        try:
            TypeAdapter(self.type).validate_python(content, strict=True)
        except ValidationError as error:
            problem = _problem(error.errors(include_url=False)[0])
            raise InputError(
                f"{path}: not what `zenith {self.step}` writes ({problem}); "
                f"run `zenith {self.step}` again"
            ) from None
        return cast(T, content)

    def numbers(self, content: T) -> Numbers:
        """None: `zenith diff` does not compare these."""
        return {}


def _problem(error: "ErrorDetails") -> str:
    """What is wrong with the first key that is, as `parameters[0].name is missing`."""
    place = "".join(f"[{k}]" if isinstance(k, int) else f".{k}" for k in error["loc"])[1:]
    if error["type"] == "missing":
        return f"{place} is missing"
    message = error["msg"].removeprefix("Input should be ")
    return f"{place or 'the content'} is not {message}"
