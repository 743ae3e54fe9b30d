"""A dataset's YAML template, read and checked; an error names the line."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import date, datetime
from importlib import resources
from string import Formatter
from typing import Any, TypeVar

import yaml

from .errors import TemplateError, one_line
from .unit import Unit

TYPES = ("text", "integer", "decimal", "date", "boolean")
PERIODS = ("day", "month", "year", "snapshot")
REQUESTS = ("get", "post", "token", "base64")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Field:
    """One column: our name, B3's name, type, and where each format has it.

    `at` maps a format to a place in its files: `[from, width]` or `[from, width, sign]` (where the sign stands in a
    column of its own), a path of tags or a header, or several of these where one file has this and another that. A
    field without a place is derived by the dataset's class.
    """

    name: str
    b3: str
    type: str
    description: str
    at: Mapping[str, Any]
    decimals: int = 0
    nullable: bool = True
    blank: str | None = None

    def sql_type(self) -> str:
        """The PostgreSQL type: text, bigint, numeric(38,decimals), date or boolean."""
        return {"integer": "bigint", "decimal": f"numeric(38,{self.decimals})"}.get(self.type, self.type)


@dataclass(frozen=True, slots=True)
class Format:
    """How one kind of file is read: the reader's name and its options."""

    name: str
    reader: str
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """Where B3 publishes one kind of file, how to ask for it, and how to know it.

    `period` is what one file covers; `serves` names the units it can answer for (by default its own period: a
    year's file can serve one of its days). `url`, `file` and `payload` are patterns over `date` (the period's
    first day) and, where `each` is set, `item`. `request` is how B3 wants to be asked: `get`, `post` (JSON),
    `token` (a token first) or `base64` (JSON in the path). `signature` is a regular expression that the first
    4 KiB of the unpacked file match; one that matches `absent` says that B3 has no file, or no final one, yet.
    A source reaches back `keeps` days, and is asked for one of its days only when the unit is `min_age` days old,
    for any unit only when that is `delay` days old, so that the sources before it have had their time; 0 is no limit.

    A `snapshot` shows the last session alone: what was fetched on its day serves that day for ever. `dated`, a
    pattern over `date`, is what an answer of that date holds; another is refused and not kept. A source that comes
    `after` another is asked only for the items that one had. `sample` is an item that it has always had, to see by
    whether it still answers.
    """

    name: str
    period: str
    format: str
    url: str
    file: str
    signature: str = ""
    absent: str = ""
    request: str = "get"
    container: str = "zip"
    payload: Mapping[str, Any] | None = None
    each: str = ""
    sample: str = ""
    after: str = ""
    dated: str = ""
    serves: tuple[str, ...] = ()
    keeps: int = 0
    min_age: int = 0
    delay: int = 0
    valid_from: date | None = None
    valid_to: date | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of units it can answer for."""
        return self.serves or (self.period,)

    def can_serve(self, unit: Unit, today: date) -> bool:
        """Whether this source has, or had, units of that kind and time."""
        age: int = (today - unit.last).days
        return (
            unit.kind in self.kinds
            and (self.valid_from is None or unit.last >= self.valid_from)
            and (self.valid_to is None or unit.date <= self.valid_to)
            and (not self.keeps or age <= self.keeps)
            and (self.period == unit.kind or age >= self.min_age)
            and (not self.delay or age >= self.delay)
        )

    def covering(self, unit: Unit) -> date:
        """The first day of this source's period that holds the unit."""
        match self.period:
            case "month":
                return unit.date.replace(day=1)
            case "year":
                return unit.date.replace(month=1, day=1)
            case _:
                return unit.date

    def named(self, filename: str) -> tuple[str, date | None]:
        """The item and date in a file's name, where this source's files are named so; else "" and None."""
        pattern, written = "", ""
        for literal, name, spec, _ in Formatter().parse(self.file):
            pattern += re.escape(literal)
            if name == "item":
                pattern += r"(?P<item>[^\W_]+)"
            elif name == "date":
                written = spec or ""
                digits = re.sub("%[dmy]", "[0-9]{2}", re.escape(written).replace("%Y", "[0-9]{4}"))
                pattern += f"(?P<date>{digits})"
        found = re.fullmatch(pattern, filename)
        if found is None:
            return "", None
        parts = found.groupdict()
        try:
            return parts.get("item", ""), datetime.strptime(parts["date"], written).date() if written else None
        except (ValueError, re.error):  # eight digits that are no date, or a pattern that names the day twice
            return "", None


@dataclass(frozen=True, slots=True)
class Template:
    """The description of a dataset, from source to key.

    `take` says whether a row comes from the `first` source that answers (what that one lacks is NULL), or `every`
    one adds its columns or rows.
    """

    name: str
    description: str
    table: str
    key: tuple[str, ...]
    sources: tuple[Source, ...]
    formats: Mapping[str, Format]
    fields: tuple[Field, ...]
    take: str = "first"

    @classmethod
    def load(cls, package: str, filename: str) -> Template:
        """Read a template from a package's data. Raises TemplateError with file and line."""
        return cls.parse(resources.files(package).joinpath(filename).read_text("utf-8"), filename)

    @classmethod
    def parse(cls, text: str, filename: str = "template") -> Template:
        """Check a template's text. Raises TemplateError with file and line."""
        try:
            node = yaml.compose(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except (yaml.YAMLError, RecursionError) as error:
            raise TemplateError(f"{filename}: {one_line(error)}") from error
        reader = _Reader(filename)
        if not isinstance(node, yaml.MappingNode):
            raise TemplateError(f"{filename}: a template is a mapping")
        reader.check_keys(node)
        return reader.template(node)

    def columns(self, format_name: str) -> dict[str, Any]:
        """Field name to place, for the fields a format holds, in the template's order."""
        return {field.name: field.at[format_name] for field in self.fields if format_name in field.at}

    def names(self, format_name: str) -> dict[str, tuple[str, ...]]:
        """Field name to the paths or headers it may have in a format: one file has this, another that."""
        places = self.columns(format_name).items()
        return {name: (place,) if isinstance(place, str) else tuple(place) for name, place in places}

    def field(self, name: str) -> Field:
        """The field of that name."""
        return next(field for field in self.fields if field.name == name)

    def source(self, name: str) -> Source:
        """The source of that name."""
        return next(source for source in self.sources if source.name == name)

    def sources_for(self, unit: Unit, today: date) -> list[Source]:
        """The sources that serve a unit, in order of preference."""
        return [source for source in self.sources if source.can_serve(unit, today)]


class _Options(dict[str, Any]):
    """A format's options; one that its reader needs and does not find is an error of the template."""

    def __init__(self, options: Any = (), where: str = "the format") -> None:
        super().__init__(options)
        self._where = where

    def __missing__(self, name: str) -> Any:
        raise TemplateError(f"{self._where} lacks {name!r}")


_NAME = re.compile("[a-z][a-z0-9_]*")
_KEYS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge")
# What the safe constructor raises where a text is not what it looks like or its tag says: 2024-02-30, !!int x.
_NO_VALUE = (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)
# What YAML may give for a dataclass's annotation, and how to say so.
_VALUES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "text"),
    "int": ((int,), "a whole number"),
    "bool": ((bool,), "true or false"),
    "str | None": ((str,), "text"),
    "date | None": ((date,), "a date"),
    "Mapping[str, Any] | None": ((dict,), "a mapping"),
}


class _Reader:
    """Turns YAML nodes into the dataclasses above, knowing the line of each."""

    def __init__(self, filename: str) -> None:
        self.filename = filename

    def fail(self, node: yaml.Node, message: str) -> TemplateError:
        return TemplateError(f"{self.filename} line {node.start_mark.line + 1}: {message}")

    def value(self, node: yaml.Node) -> Any:
        """The node as plain Python values; an object tag is refused by the safe constructor."""
        try:
            return yaml.constructor.SafeConstructor().construct_document(node)
        except _NO_VALUE as error:
            raise self.fail(node, one_line(error)) from error

    def check_keys(self, root: yaml.Node) -> None:
        """Each is a text, and stands there once: the safe constructor would take the last of them."""
        waiting, seen = [root], {id(root)}
        while waiting:
            node = waiting.pop()
            below = list(node.value) if isinstance(node, yaml.SequenceNode) else []
            if isinstance(node, yaml.MappingNode):
                keys = [key.value for key, _ in node.value]
                for place, (key, value) in enumerate(node.value):
                    if key.tag not in _KEYS:
                        raise self.fail(key, "a key must be a text")
                    if key.value in keys[:place]:
                        raise self.fail(key, f"{key.value!r} is named twice")
                    below.append(value)
            waiting += [child for child in below if id(child) not in seen]  # an alias leads to a node seen before
            seen |= set(map(id, below))

    def texts(self, node: yaml.Node, what: str) -> tuple[str, ...]:
        """A list of texts."""
        found = self.value(node)
        if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
            raise self.fail(node, f"{what} must be a list of texts")
        return tuple(found)

    def mapping(self, node: yaml.Node, what: str) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self.fail(node, f"{what} must be a mapping")
        return {key.value: value for key, value in node.value}

    def items(self, node: yaml.Node, what: str) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode):
            raise self.fail(node, f"{what} must be a list")
        return list(node.value)

    def build(self, cls: type[_T], node: yaml.Node, what: str, **given: Any) -> _T:
        """A dataclass from a mapping: no key unknown, none missing, values of the types that it says."""
        known = {field.name: field for field in fields(cls)}  # type: ignore[arg-type]
        found = self.mapping(node, what)
        for name, value in found.items():
            if name not in known:
                raise self.fail(value, f"{what} has no {name!r}; it has: {', '.join(known)}")
        values = given
        for name in found.keys() - given.keys():
            values[name] = self.value(found[name])
            kinds, said = _VALUES[str(known[name].type)]
            if type(values[name]) not in kinds:
                raise self.fail(found[name], f"{what}: {name} must be {said}")
        for name, field in known.items():
            if name not in values and field.default is MISSING:
                raise self.fail(node, f"{what} lacks {name!r}")
        return cls(**values)

    def template(self, node: yaml.MappingNode) -> Template:
        top = self.mapping(node, "the template")
        for name in ("name", "description", "table", "key", "sources", "formats", "fields"):
            if name not in top:
                raise self.fail(node, f"the template lacks {name!r}")
        formats = {name: self.format(name, value) for name, value in self.mapping(top["formats"], "formats").items()}
        template = self.build(
            Template,
            node,
            "the template",
            key=self.texts(top["key"], "key"),
            formats=formats,
            sources=tuple(self.source(item, formats) for item in self.items(top["sources"], "sources")),
            fields=tuple(self.field(item, formats) for item in self.items(top["fields"], "fields")),
        )
        names = [field.name for field in template.fields]
        for name in (template.name, template.table, *names):
            if not _NAME.fullmatch(name):
                raise self.fail(node, f"{name!r} is no name: small letters, digits and _, a letter first")
        if twice := {name for name in names if names.count(name) > 1}:
            raise self.fail(top["fields"], f"fields named twice: {', '.join(sorted(twice))}")
        if missing := [name for name in template.key if name not in names]:
            raise self.fail(top["key"], f"key columns without a field: {', '.join(missing)}")
        if template.key[:1] != ("refdate",):
            raise self.fail(top["key"], "the key begins with refdate")
        if template.take not in ("first", "every"):
            raise self.fail(top["take"], "take is 'first' or 'every'")
        return template

    def format(self, name: str, node: yaml.Node) -> Format:
        options = self.value(node)
        if not isinstance(options, dict) or not isinstance(options.get("reader"), str):
            raise self.fail(node, f"format {name} names no reader")
        reader = options.pop("reader")
        where = f"{self.filename} line {node.start_mark.line + 1}: format {name}"
        return Format(name, reader, _Options(options, where))

    def source(self, node: yaml.Node, formats: Mapping[str, Format]) -> Source:
        found = self.mapping(node, "a source")
        serves = self.texts(found["serves"], "serves") if "serves" in found else ()
        source = self.build(Source, node, "a source", serves=serves)
        if source.period not in PERIODS:
            raise self.fail(node, f"source {source.name}: period {source.period!r} is none of {', '.join(PERIODS)}")
        if source.request not in REQUESTS:
            raise self.fail(node, f"source {source.name}: request {source.request!r} is none of {', '.join(REQUESTS)}")
        if source.format not in formats:
            raise self.fail(node, f"source {source.name}: there is no format {source.format!r}")
        if unknown := set(serves) - {"day", "month", "year"}:
            raise self.fail(node, f"source {source.name}: serves {', '.join(sorted(unknown))}, which is no unit")
        patterns = {"url": source.url, "file": source.file, "dated": source.dated, **(source.payload or {})}
        for name, pattern in patterns.items():
            try:
                if isinstance(pattern, str):
                    _check_pattern(pattern, once=name == "file")
            except ValueError as error:
                raise self.fail(node, f"source {source.name}: {name}: {error} in {pattern!r}") from error
        for name, pattern in (("signature", source.signature), ("absent", source.absent), ("dated", source.dated)):
            try:
                re.compile(pattern)
            except (re.error, OverflowError, RecursionError) as error:
                raise self.fail(node, f"source {source.name}: {name}: {error}") from error
        return source

    def field(self, node: yaml.Node, formats: Mapping[str, Format]) -> Field:
        found = self.mapping(node, "a field")
        at = self.value(found["at"]) if "at" in found else {}
        if not isinstance(at, dict):  # one place for the one format there is
            at = dict.fromkeys(formats, at)
        for place in at.values():
            if not _is_place(place):
                shown = reprlib.repr(place)  # by aliases, a few lines can hold more than fits anywhere
                raise self.fail(found["at"], f"{shown} is no place: [from, width], a path or header, or several")
        field = self.build(Field, node, "a field", at=at)
        if field.type not in TYPES:
            kinds = ", ".join(TYPES)
            raise self.fail(node, f"field {field.name} has type {field.type!r}; it is one of {kinds}")
        if not 0 <= field.decimals < 38 or (field.decimals and field.type != "decimal"):
            raise self.fail(node, f"field {field.name}: a decimal has from 0 to 37 decimals, another type none")
        if unknown := set(at) - set(formats):
            raise self.fail(node, f"field {field.name}: there is no format {', '.join(sorted(unknown))}")
        return field


def _check_pattern(pattern: str, once: bool) -> None:
    """Raise ValueError where it is none over `date` and `item`, or names one of them twice where it may not."""
    names = []
    for _, name, spec, conversion in Formatter().parse(pattern):
        if name is not None:
            names.append(name)
            if name not in ("date", "item") or conversion or (spec and (name == "item" or "{" in spec)):
                raise ValueError(f"{{{name}}} is neither {{date}}, in a format, nor {{item}}")
    if once and len(set(names)) < len(names):
        raise ValueError("a name stands twice")
    pattern.format(date=date(2024, 1, 15), item="IBOV")


def _is_place(place: Any) -> bool:
    if isinstance(place, str):
        return place != ""
    if not isinstance(place, list) or not place:
        return False
    if all(type(number) is int for number in place):
        return len(place) in (2, 3) and min(place) > 0
    return all(isinstance(name, str) and name for name in place)
