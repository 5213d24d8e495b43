"""Tables that read well both in a terminal and as Markdown."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from unicodedata import combining


def table(header: Sequence[str], rows: Iterable[Sequence[Any]], left: int = 1) -> str:
    """A Markdown table with aligned columns: the first `left` to the left, others to the right."""
    cells = [[text(value) for value in row] for row in rows]
    widths = [
        max(3, _width(name), *(_width(row[i]) for row in cells)) for i, name in enumerate(header)
    ]
    ruler = ["-" * w if i < left else "-" * (w - 1) + ":" for i, w in enumerate(widths)]

    def line(row: Sequence[str]) -> str:
        padded = [
            value + blank if i < left else blank + value
            for i, (value, width) in enumerate(zip(row, widths, strict=True))
            for blank in [" " * (width - _width(value))]
        ]
        return f"| {' | '.join(padded)} |"

    return "\n".join(map(line, [list(header), ruler, *cells]))


def _width(text: str) -> int:
    """Columns of a text: a sign above a letter, as in t̄, takes none."""
    return sum(not combining(character) for character in text)


def text(value: Any) -> str:
    """A value for a cell: four digits of a number, nothing for None; `|` would end the cell."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value).replace("|", "\\|").replace("\n", " ")
    return f"{value:.0f}" if 1e3 <= abs(value) < 1e7 else f"{value:.4g}"


def measured(value: float, error: float | None) -> str:
    """`value ± error`, to the second significant digit of the error."""
    if not error:
        return text(float(value))
    digits = max(0, 1 - int(f"{error:e}".split("e")[1]))
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def pairs(content: Mapping[str, Any]) -> str:
    """A table of keys and values, the first eight of a list."""

    def short(value: Any) -> str:
        if hasattr(value, "tolist"):  # numpy's
            value = value.tolist()
        if isinstance(value, list | tuple):
            inside = ", ".join(short(v) for v in value[:8])
            return f"{inside}, … ({len(value)})" if len(value) > 8 else inside
        return f"{value:.8g}" if isinstance(value, float) else text(value)

    return table(["key", "value"], [[key, short(v)] for key, v in content.items()], left=2)


def flat(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values of nested mappings under dotted keys."""
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
