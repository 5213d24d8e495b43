"""A map from columns of any names to the objects, fields, weight and identity of an event."""

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, Field, model_validator

from zenith.config.base import Name, known
from zenith.config.formats import MASKED, READ
from zenith.config.selection import PhysicsObject
from zenith.events.formats.protocol import IDENTITY, WEIGHT, Format

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


class Product(NamedTuple):
    """Columns that are multiplied, and a factor: `lep_pt * 0.001`; without columns a constant.

    `weights[0]` is one entry of a column of lists.
    """

    names: tuple[str, ...]
    factor: float | None = None

    @classmethod
    def of(cls, text: str) -> "Product":
        """Raises ValueError for a text that is no product."""
        names, factor = [], None
        for part in map(str.strip, text.split("*")):
            if _NUMBER.fullmatch(part):
                factor = float(part) * (1.0 if factor is None else factor)
            elif part:
                names.append(part)
            else:
                raise ValueError(f"{text!r} is not a column, or a product like 'lep_pt * 0.001'")
        return cls(tuple(names), factor)


def _checked(text: str) -> str:
    Product.of(text)
    return text


Column = Annotated[str, AfterValidator(_checked)]


class Map(Format):
    """Where objects, fields, weight and identity of an event are, in columns of other names.

    A column is a branch of a tree or a column of a table. It may be multiplied by numbers and by
    other columns, `lep_pt * 0.001`; `weights[0]` is one entry of a list, and a number alone is a
    constant.
    """

    objects: Annotated[
        dict[Name, dict[Name, Column | Annotated[tuple[Column, ...], Field(min_length=1)]]],
        Field(
            description="columns of objects in GeV: collection → field → column; lists make a "
            "collection, numbers an object that every event has once, several columns [lep1_pt, "
            "lep2_pt] a collection of at most so many; `energy` may stand for `mass`, and objects "
            "whose `valid` is false are left out"
        ),
        READ,
    ] = {}
    fields: Annotated[
        dict[Name, Column],
        Field(description="columns of what else an event has (triggers, flags, weights), by name"),
        READ,
    ] = {}
    simulation_fields: Annotated[
        dict[Name, Column],
        Field(description="columns that only simulated events have, by name"),
        READ,
    ] = {}
    run: Annotated[Column, Field(description="column of the run number"), READ] = "1"
    luminosity_block: Annotated[
        Column, Field(description="column of the number of the luminosity section"), READ
    ] = "1"
    event: Annotated[
        Column | None,
        Field(description="column of the event number; none: the place of the event in its file"),
        READ,
    ] = None
    weight: Annotated[
        Column,
        Field(description="column of the generator weight of simulated events, or a product"),
        READ,
    ] = "1"
    missing: Annotated[
        tuple[float, ...],
        Field(
            description="numbers that stand for a missing value; NaN and nulls are missing values "
            "of tables anyway, and of trees for which this key is given"
        ),
        MASKED,
    ] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> "Map":
        taken = {name: "the identity and weight of an event" for name in (*IDENTITY, WEIGHT)}
        for key, names in self._named():
            for name in names:
                if name in taken:
                    raise ValueError(
                        f"{key}: {name!r} is taken by {taken[name]}; name it otherwise"
                    )
                taken[name] = key
        for name, fields in self.objects.items():
            if {"mass", "energy"} <= fields.keys():
                raise ValueError(f"objects.{name}: give mass or energy, not both")
            if "energy" in fields and not {"pt", "eta"} <= fields.keys():
                raise ValueError(f"objects.{name}: energy needs pt and eta to make a mass")
            several = {field: c for field, c in fields.items() if isinstance(c, tuple)}
            columns = {field for field, c in fields.items() if not isinstance(c, tuple)}
            named = [field for field in columns if Product.of(str(fields[field])).names]
            if len({len(c) for c in several.values()}) > 1 or (several and named):
                raise ValueError(
                    f"objects.{name}: its fields have one column each, of numbers or of lists, or "
                    "all have a list of as many columns, one for each object of an event"
                )
        return self

    def _named(self) -> Iterator[tuple[str, list[str]]]:
        for name, fields in self.objects.items():
            yield f"objects.{name}", [f"{name}_{field}" for field in fields]
        yield "fields", list(self.fields)
        yield "simulation_fields", list(self.simulation_fields)

    @property
    def optional(self) -> bool:
        """Whether numbers of events may be missing."""
        return bool(self.missing)

    def agree(self, analysis: Any, sample: str, key: str) -> None:
        objects, era = self.objects, analysis.eras[analysis.samples[sample].era]
        for name, wanted in analysis.objects.items():
            known([wanted.collection], objects, f"objects.{name}.collection, {key}.objects")
            fields = objects[wanted.collection]
            given = [f for f in fields if f not in ("energy", "valid")]
            given += ["mass"] if "energy" in fields else []
            for field, of in _fields(name, wanted):
                known([field], given, f"{of}, {key}.objects.{wanted.collection}")
        if analysis.met is not None:
            known([analysis.met], objects, f"met (null: there is none), {key}.objects")
            known(("pt", "phi"), objects[analysis.met], f"met, {key}.objects.{analysis.met}")
        singles = {*self.fields}
        if not analysis.is_data(sample):
            singles |= self.simulation_fields.keys()
        trigger = analysis.skim.trigger
        asked: dict[str, Iterable[str]] = {
            f"eras.{analysis.samples[sample].era}.event_flags": era.event_flags
        }
        if trigger is not None:
            lenient = trigger.ignore_missing and singles.intersection(trigger.any_of)
            asked["skim.trigger"] = () if lenient else trigger.any_of
        if not (trigger is not None and trigger.ignore_missing):
            asked[f"samples.{sample}.veto"] = analysis.samples[sample].veto
        if (select := analysis.samples[sample].select) is not None:
            asked[f"samples.{sample}.select"] = (select.field,)
        for of, names in asked.items():
            known(names, singles, f"{of}, {key}.fields")
        if analysis.is_data(sample) and era.golden_json is not None:
            for part in ("run", "luminosity_block"):
                if not Product.of(getattr(self, part)).names:
                    raise ValueError(f"{key}.{part}: missing, but golden_json of the era needs it")


def _fields(name: str, wanted: PhysicsObject) -> Iterator[tuple[str, str]]:
    """The fields that a selection takes, and the key that says so."""
    key = f"objects.{name}"
    yield from ((field, f"{key}.collection") for field in ("pt", "eta", "phi", "mass"))
    yield from ((cut.field, f"{key}.cuts") for cut in wanted.cuts)
    yield from ((field, f"{key}.aliases.{alias}") for alias, field in wanted.aliases.items())
