"""`python -m zenith` that notes which keys of the configuration a step reads, for a test.

It takes the place of `zenith/__main__.py` in a copy of the project, and writes to `reads/` the
step, the sample or network that it was for, and every key that was read after the configuration had
been checked. What `derived` methods and `step_config` read is left out: they are what is tested.
"""

import functools
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from zenith.cli import main
from zenith.config import Analysis, dependencies, loading
from zenith.config.base import Section
from zenith.config.marks import derived_marks

found: set[str] = set()
places: dict[int, str] = {}  # of the sections of the configuration, by their identity
kept: list[Section] = []  # so that no other object gets the identity of one of them
silent = 0
plain_get, plain_copy = Section.__getattribute__, Section.model_copy
names: dict[type, dict[str, str]] = {}  # of the fields of a section, as they are written


def inside(value: Any, place: str) -> Iterator[tuple[Section, str]]:
    """The sections in a value, with where they are."""
    if isinstance(value, Section):
        yield value, place
        items = [(alias, plain_get(value, key)) for key, alias in fields(type(value)).items()]
    elif isinstance(value, Mapping):
        items = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, tuple):
        items = [(str(key), item) for key, item in enumerate(value)]
    else:
        items = []
    for key, item in items:
        yield from inside(item, f"{place}.{key}" if place else key)


def fields(model: type[Section]) -> dict[str, str]:
    if model not in names:
        names[model] = {key: info.alias or key for key, info in model.model_fields.items()}
    return names[model]


def get(self: Section, name: str) -> Any:
    value = plain_get(self, name)
    if not silent and name in fields(type(self)) and id(self) in places:
        place = places[id(self)]
        if next(inside(value, ""), None) is None:  # down to where there are no sections
            found.add(f"{place}.{fields(type(self))[name]}".lstrip("."))
    return value


def copied(self: Section, *, update: Any = None, deep: bool = False) -> Section:
    copy = plain_copy(self, update=update, deep=deep)
    if id(self) in places:
        note(copy, places[id(self)])
    return copy


def note(section: Section, place: str) -> None:
    for inner, where in inside(section, place):
        places[id(inner)] = where
        kept.append(inner)


def unnoticed(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def quiet(*arguments: Any, **options: Any) -> Any:
        global silent
        silent += 1
        try:
            result = function(*arguments, **options)
            return iter([*result]) if isinstance(result, Iterator) else result
        finally:
            silent -= 1

    return quiet


def parse(*arguments: Any) -> Analysis:
    analysis = plain_parse(*arguments)
    note(analysis, "")
    return analysis


plain_parse = unnoticed(loading.parse)
loading.parse = parse
dependencies.step_config = unnoticed(dependencies.step_config)
for method in (*derived_marks(Analysis), "is_data", "observables_in_use"):
    setattr(Analysis, method, unnoticed(getattr(Analysis, method)))
Section.__getattribute__ = get
Section.model_copy = copied

status = main()
step, *options = sys.argv[1:]
name = next((options[options.index(o) + 1] for o in ("--sample", "--name") if o in options), "")
Path("reads").mkdir(exist_ok=True)
Path(f"reads/{step}.{name}.{os.getpid()}.json").write_text(
    json.dumps({"step": step, "name": name, "keys": sorted(found)})
)
sys.exit(status)
